
/*
 * The same hook in the shape of Lambda's Invoke, for emulators that call a
 * trigger as AWS does (AWS: Lambda API Reference, Invoke).
 */

#include "ngx_http_social_error.h"
#include "ngx_http_social_hook.h"
#include "ngx_http_social_reply.h"
#include "social_encoding.h"


typedef enum {
    NGX_HTTP_SOCIAL_LAMBDA_RESPONSE = 0,
    NGX_HTTP_SOCIAL_LAMBDA_EVENT,
    NGX_HTTP_SOCIAL_LAMBDA_DRY_RUN,
    NGX_HTTP_SOCIAL_LAMBDA_UNKNOWN
} ngx_http_social_lambda_type_e;


typedef struct {
    ngx_uint_t    status;
    const char   *type;          /* x-amzn-ErrorType */
    const char   *message;
} ngx_http_social_lambda_error_t;


static void ngx_http_social_lambda_body(ngx_http_request_t *r,
    social_str_t body);
static ngx_uint_t ngx_http_social_lambda_is_ours(ngx_http_request_t *r);
static ngx_http_social_lambda_type_e ngx_http_social_lambda_type(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_social_lambda_verify(ngx_http_request_t *r,
    social_str_t body, time_t *at);
static social_sigv4_status_e ngx_http_social_lambda_sigv4(
    ngx_http_request_t *r, social_str_t body, u_char *work, time_t *at);
static ngx_int_t ngx_http_social_lambda_headers(ngx_http_request_t *r,
    social_sigv4_request_t *request);
static ngx_int_t ngx_http_social_lambda_accepted(ngx_http_request_t *r,
    ngx_str_t *body);
static ngx_int_t ngx_http_social_lambda_refused(ngx_http_request_t *r,
    ngx_uint_t status, const char *field, const char *why);
static ngx_int_t ngx_http_social_lambda_denied(ngx_http_request_t *r,
    ngx_str_t *text);
static ngx_int_t ngx_http_social_lambda_error(ngx_http_request_t *r,
    ngx_uint_t status, const char *type, const char *subject,
    const char *message);


static const ngx_http_social_hook_answer_t  ngx_http_social_lambda_answer = {
    ngx_http_social_lambda_accepted,
    ngx_http_social_lambda_refused,
    ngx_http_social_lambda_denied
};


static const ngx_http_social_lambda_error_t  ngx_http_social_lambda_errors[] =
{
    { 400, "InvalidRequestContentException",
      "Could not parse request body into json" },
    { 403, "AccessDeniedException", "Access denied" },
    { 404, "ResourceNotFoundException", "Function not found" },
    { 405, "MethodNotAllowedException", "Method not allowed" },
    { 413, "RequestTooLargeException", "Request too large" },
    { 503, "ServiceUnavailableException", "Service unavailable" },
    { 500, "ServiceException", "Service exception" }
};

#define NGX_HTTP_SOCIAL_LAMBDA_ERRORS                                         \
    (sizeof(ngx_http_social_lambda_errors)                                    \
     / sizeof(ngx_http_social_lambda_errors[0]))


ngx_int_t
ngx_http_social_hook_lambda_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    if (r->method != NGX_HTTP_POST) {
        rc = ngx_http_discard_request_body(r);

        if (rc == NGX_OK
            && ngx_http_social_reply_not_allowed(r, "POST")
               != NGX_HTTP_NOT_ALLOWED)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return rc == NGX_OK
               ? ngx_http_social_lambda_refused(r, NGX_HTTP_NOT_ALLOWED, NULL,
                                                NULL)
               : rc;
    }

    return ngx_http_social_read_body(r, SOCIAL_COGNITO_EVENT_MAX_SIZE,
                                     ngx_http_social_lambda_body);
}


/*
 * The caller is authenticated before the function is looked up: the names of
 * functions are not public.
 */

static void
ngx_http_social_lambda_body(ngx_http_request_t *r, social_str_t body)
{
    ngx_int_t                    rc;
    ngx_http_social_hook_sent_t  sent;

    /* Cognito gives its events no identity: the user's row decides alone */

    sent.answer = &ngx_http_social_lambda_answer;
    sent.origin.at = ngx_time();
    sent.origin.id.len = 0;
    sent.origin.id.data = (u_char *) "";

    rc = ngx_http_social_lambda_verify(r, body, &sent.origin.at);

    if (rc == NGX_DECLINED) {

        if (!ngx_http_social_lambda_is_ours(r)) {
            rc = ngx_http_social_lambda_refused(r, NGX_HTTP_NOT_FOUND, NULL,
                                                NULL);
        } else {

            switch (ngx_http_social_lambda_type(r)) {

            case NGX_HTTP_SOCIAL_LAMBDA_DRY_RUN:
                rc = ngx_http_social_lambda_accepted(r, NULL);
                break;

            case NGX_HTTP_SOCIAL_LAMBDA_UNKNOWN:
                rc = ngx_http_social_lambda_error(r, NGX_HTTP_BAD_REQUEST,
                         "InvalidParameterValueException",
                         "X-Amz-Invocation-Type",
                         "must be RequestResponse, Event or DryRun");
                break;

            default:
                ngx_http_social_hook_event(r, body, &sent);
                return;
            }
        }
    }

    ngx_http_finalize_request(r, rc);
}


/*
 * .../2015-03-31/functions/NAME/invocations, with the name as it is or at the
 * end of an ARN.  The path before that is the location's.
 */

static ngx_uint_t
ngx_http_social_lambda_is_ours(ngx_http_request_t *r)
{
    u_char                           *p, *last, *name;
    ngx_http_social_hook_loc_conf_t  *hlcf;
    static ngx_str_t                  tail = ngx_string("/invocations");
    static ngx_str_t                  head =
                                        ngx_string("/2015-03-31/functions/");
    static ngx_str_t                  arn = ngx_string(":function:");

    hlcf = ngx_http_get_module_loc_conf(r, ngx_http_social_hook_module);

    if (r->uri.len < head.len + hlcf->function.len + tail.len) {
        return 0;
    }

    last = r->uri.data + r->uri.len - tail.len;

    if (ngx_memcmp(last, tail.data, tail.len) != 0) {
        return 0;
    }

    p = last - hlcf->function.len;

    if (ngx_memcmp(p, hlcf->function.data, hlcf->function.len) != 0) {
        return 0;
    }

    /* the segment that the name is in, or is the end of */

    for (name = p; name > r->uri.data && name[-1] != '/'; name--) {
        /* void */
    }

    if ((size_t) (name - r->uri.data) < head.len
        || ngx_memcmp(name - head.len, head.data, head.len) != 0)
    {
        return 0;
    }

    return name == p
           || ((size_t) (p - name) > arn.len + 4
               && ngx_memcmp(name, "arn:", 4) == 0
               && ngx_memcmp(p - arn.len, arn.data, arn.len) == 0);
}


static ngx_http_social_lambda_type_e
ngx_http_social_lambda_type(ngx_http_request_t *r)
{
    social_str_t               type;
    static const social_str_t  response = social_string("RequestResponse");
    static const social_str_t  event = social_string("Event");
    static const social_str_t  dry_run = social_string("DryRun");

    type = ngx_http_social_hook_header(r, "x-amz-invocation-type", NULL);

    if (type.len == 0 || social_str_eq(type, response)) {
        return NGX_HTTP_SOCIAL_LAMBDA_RESPONSE;
    }

    if (social_str_eq(type, event)) {
        return NGX_HTTP_SOCIAL_LAMBDA_EVENT;
    }

    if (social_str_eq(type, dry_run)) {
        return NGX_HTTP_SOCIAL_LAMBDA_DRY_RUN;
    }

    return NGX_HTTP_SOCIAL_LAMBDA_UNKNOWN;
}


/*
 * NGX_DECLINED: it is accepted, and "at" is when it was signed.  Otherwise it
 * was answered, with the value for ngx_http_finalize_request().
 */

static ngx_int_t
ngx_http_social_lambda_verify(ngx_http_request_t *r, social_str_t body,
    time_t *at)
{
    u_char                           *work;
    ngx_str_t                         why;
    social_str_t                      message;
    social_sigv4_status_e             status;
    ngx_http_social_hook_loc_conf_t  *hlcf;

    hlcf = ngx_http_get_module_loc_conf(r, ngx_http_social_hook_module);

    if (hlcf->known.access_key.len == 0) {
        return NGX_DECLINED;
    }

    work = ngx_palloc(r->pool, SOCIAL_SIGV4_WORK_SIZE);

    if (work == NULL) {
        return ngx_http_social_lambda_refused(r,
                                              NGX_HTTP_INTERNAL_SERVER_ERROR,
                                              NULL, NULL);
    }

    status = ngx_http_social_lambda_sigv4(r, body, work, at);

    ngx_pfree(r->pool, work);

    if (status == SOCIAL_SIGV4_OK) {
        return NGX_DECLINED;
    }

    if (status == SOCIAL_SIGV4_FAILED) {
        return ngx_http_social_lambda_refused(r,
                                              NGX_HTTP_INTERNAL_SERVER_ERROR,
                                              NULL, NULL);
    }

    (void) social_sigv4_error(status, &message);
    ngx_http_social_from_str(&why, message);

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "social: hook refused: %V", &why);

    switch (status) {

    case SOCIAL_SIGV4_ANONYMOUS:
        return ngx_http_social_lambda_error(r, NGX_HTTP_FORBIDDEN,
                   "MissingAuthenticationTokenException", "",
                   "Missing Authentication Token");

    case SOCIAL_SIGV4_ACCESS_KEY:
    case SOCIAL_SIGV4_TOKEN:
        return ngx_http_social_lambda_error(r, NGX_HTTP_FORBIDDEN,
                   "UnrecognizedClientException", "",
                   "The security token included in the request is invalid.");

    default:
        return ngx_http_social_lambda_error(r, NGX_HTTP_FORBIDDEN,
                   "InvalidSignatureException", "",
                   "The request's signature is not valid: check the secret "
                   "key, the region, the clock and the way of signing");
    }
}


static social_sigv4_status_e
ngx_http_social_lambda_sigv4(ngx_http_request_t *r, social_str_t body,
    u_char *work, time_t *at)
{
    u_char                           *p;
    social_buf_t                      buf;
    social_str_t                      digest;
    social_sigv4_policy_t             policy;
    social_sigv4_status_e             status;
    social_sigv4_request_t            request;
    social_sigv4_verified_t           verified;
    ngx_http_social_hook_loc_conf_t  *hlcf;
    static const social_str_t         service = social_string("lambda");
    u_char                            sha256[SOCIAL_SHA256_SIZE];
    u_char                            hex[social_hex_size(SOCIAL_SHA256_SIZE)];

    hlcf = ngx_http_get_module_loc_conf(r, ngx_http_social_hook_module);

    if (social_sha256(body, sha256) != SOCIAL_OK) {
        return SOCIAL_SIGV4_FAILED;
    }

    digest.data = sha256;
    digest.len = sizeof(sha256);
    social_hex_encode(digest, hex);

    ngx_memzero(&request, sizeof(social_sigv4_request_t));

    request.mode = SOCIAL_SIGV4_NORMALIZED;
    request.method = ngx_http_social_view(&r->method_name);
    request.path = ngx_http_social_view(&r->unparsed_uri);
    request.query = ngx_http_social_view(&r->args);
    request.payload.data = hex;
    request.payload.len = sizeof(hex);

    p = ngx_strlchr(r->unparsed_uri.data,
                    r->unparsed_uri.data + r->unparsed_uri.len, '?');
    if (p != NULL) {
        request.path.len = p - r->unparsed_uri.data;
    }

    if (ngx_http_social_lambda_headers(r, &request) != NGX_OK) {
        return SOCIAL_SIGV4_FAILED;
    }

    policy.region = ngx_http_social_view(&hlcf->region);
    policy.service = service;
    policy.known = &hlcf->known;
    policy.known_count = 1;

    social_buf_init(&buf, work, SOCIAL_SIGV4_WORK_SIZE);

    status = social_sigv4_verify(&policy, &request, ngx_time(), &buf,
                                 &verified);

    /* S3 has good signatures of requests with any body; Lambda has not */

    if (status == SOCIAL_SIGV4_OK
        && verified.payload != SOCIAL_SIGV4_PAYLOAD_DIGEST)
    {
        return SOCIAL_SIGV4_PAYLOAD;
    }

    if (status == SOCIAL_SIGV4_OK) {
        *at = (time_t) verified.time;
    }

    return status;
}


static ngx_int_t
ngx_http_social_lambda_headers(ngx_http_request_t *r,
    social_sigv4_request_t *request)
{
    ngx_uint_t              i, n;
    ngx_list_part_t        *part;
    ngx_table_elt_t        *h;
    social_sigv4_header_t  *headers;

    n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        n += part->nelts;
    }

    headers = ngx_palloc(r->pool, (n + 1) * sizeof(social_sigv4_header_t));
    if (headers == NULL) {
        return NGX_ERROR;
    }

    n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            headers[n].name = ngx_http_social_view(&h[i].key);
            headers[n].value = ngx_http_social_view(&h[i].value);
            n++;
        }
    }

    request->headers = headers;
    request->header_count = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_lambda_accepted(ngx_http_request_t *r, ngx_str_t *body)
{
    ngx_str_t  value, empty;

    ngx_str_set(&value, "$LATEST");
    ngx_str_null(&empty);

    if (ngx_http_social_header_out_push(r, "X-Amz-Executed-Version", &value)
        == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    switch (ngx_http_social_lambda_type(r)) {

    case NGX_HTTP_SOCIAL_LAMBDA_EVENT:
        return ngx_http_social_reply_json(r, NGX_HTTP_ACCEPTED, &empty);

    case NGX_HTTP_SOCIAL_LAMBDA_DRY_RUN:
        return ngx_http_social_reply_json(r, NGX_HTTP_NO_CONTENT, &empty);

    default:
        return ngx_http_social_reply_json(r, NGX_HTTP_OK, body);
    }
}


static ngx_int_t
ngx_http_social_lambda_refused(ngx_http_request_t *r, ngx_uint_t status,
    const char *field, const char *why)
{
    ngx_uint_t                             i;
    const ngx_http_social_lambda_error_t  *e;

    if (status == NGX_HTTP_SERVICE_UNAVAILABLE
        && ngx_http_social_error_retry_after(r, 2) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (status == NGX_HTTP_SOCIAL_UNPROCESSABLE) {

        /* AWS has no other status for it */

        return ngx_http_social_lambda_error(r, NGX_HTTP_BAD_REQUEST,
                   "InvalidRequestContentException", field, why);
    }

    for (i = 0; i < NGX_HTTP_SOCIAL_LAMBDA_ERRORS - 1; i++) {
        if (ngx_http_social_lambda_errors[i].status == status) {
            break;
        }
    }

    e = &ngx_http_social_lambda_errors[i];

    return ngx_http_social_lambda_error(r, e->status, e->type, "", e->message);
}


/*
 * As a function that throws an error: the call itself was good.  (AWS: Lambda,
 * Node.js function errors; Amazon Cognito shows the text to the user)
 */

static ngx_int_t
ngx_http_social_lambda_denied(ngx_http_request_t *r, ngx_str_t *text)
{
    ngx_str_t  value, body;

    ngx_http_social_count(NGX_HTTP_SOCIAL_COUNT_HOOK_DENIED);

    ngx_str_set(&value, "Unhandled");

    if (ngx_http_social_header_out_push(r, "X-Amz-Function-Error", &value)
        == NULL
        || ngx_http_social_hook_json(r, "{\"errorMessage\":\"", text,
                                     "\",\"errorType\":\"Error\"}", &body)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_social_lambda_accepted(r, &body);
}


/*
 * {"message":"SUBJECT MESSAGE"}: all of it is text of ours.
 */

static ngx_int_t
ngx_http_social_lambda_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, const char *subject, const char *message)
{
    ngx_str_t  value, body;

    ngx_http_social_hook_count_error(status);

    value.data = (u_char *) type;
    value.len = ngx_strlen(type);

    if (ngx_http_social_header_out_push(r, "X-Amzn-ErrorType", &value)
        == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = ngx_pnalloc(r->pool, sizeof("{\"message\":\" \"}")
                                     + ngx_strlen(subject)
                                     + ngx_strlen(message));
    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.len = ngx_sprintf(body.data, "{\"message\":\"%s%s%s\"}", subject,
                           subject[0] ? " " : "", message)
               - body.data;

    return ngx_http_social_reply_json(r, status, &body);
}
