
/*
 * AWS Signature Version 4: signing.
 */

#include <string.h>

#include "social_sigv4_canonical.h"
#include "social_time.h"


static social_rc_e social_sigv4_start(
    const social_credentials_t *credentials,
    const social_sigv4_scope_t *scope, const social_sigv4_request_t *request,
    social_buf_t *work, social_uri_query_t *query,
    social_sigv4_headers_t *headers, social_sigv4_signed_t *out);
static social_str_t social_sigv4_query_payload(
    const social_sigv4_request_t *request, const social_uri_query_t *query,
    const social_sigv4_headers_t *headers);
static bool social_sigv4_is_skipped(social_str_t name);
static void social_sigv4_add_header(social_sigv4_headers_t *h,
    social_buf_t *b, const char *name, social_str_t value);
static void social_sigv4_add_param(social_uri_query_t *q, social_buf_t *b,
    const char *name, social_str_t value);
static social_str_t social_sigv4_credential(
    const social_credentials_t *credentials,
    const social_sigv4_scope_t *scope, social_str_t time, social_buf_t *b);
static social_rc_e social_sigv4_finish(
    const social_credentials_t *credentials,
    const social_sigv4_scope_t *scope, const social_sigv4_request_t *request,
    social_str_t payload, social_buf_t *work, const social_uri_query_t *query,
    const social_sigv4_headers_t *headers, social_sigv4_signed_t *out);


/*
 * Headers that proxies and clients add and change on the way: the lists of
 * botocore and of aws-c-auth.
 */

static const char *const  social_sigv4_skipped[] = {
    "authorization",
    "connection",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amzn-trace-id",
    NULL
};


static const char *const  social_sigv4_added[] = {
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    NULL
};


social_rc_e
social_sigv4_sign_headers(const social_credentials_t *credentials,
    const social_sigv4_scope_t *scope, const social_sigv4_request_t *request,
    social_buf_t *work, social_sigv4_signed_t *out)
{
    size_t                  i, mark;
    social_rc_e             rc;
    social_str_t            payload, credential;
    social_uri_query_t      query;
    social_sigv4_headers_t  headers;

    rc = social_sigv4_start(credentials, scope, request, work, &query,
                            &headers, out);
    if (rc != SOCIAL_OK) {
        return rc;
    }

    payload = request->payload.len ? request->payload
                                   : social_sigv4_empty_payload;

    for (i = 0; social_sigv4_added[i] != NULL; i++) {
        if (social_sigv4_headers_find(&headers,
                                      social_str(social_sigv4_added[i]))
            != NULL)
        {
            return SOCIAL_MALFORMED;
        }
    }

    social_sigv4_add_header(&headers, work, "x-amz-date", out->date);

    if (request->mode == SOCIAL_SIGV4_S3 || request->payload.len) {
        out->payload = payload;
        social_sigv4_add_header(&headers, work, "x-amz-content-sha256",
                                payload);
    }

    if (credentials->token.len) {
        out->token = credentials->token;
        social_sigv4_add_header(&headers, work, "x-amz-security-token",
                                out->token);
    }

    mark = work->len;
    social_sigv4_headers_names(work, &headers);
    out->signed_headers = social_buf_since(work, mark);

    rc = social_sigv4_finish(credentials, scope, request, payload, work,
                             &query, &headers, out);
    if (rc != SOCIAL_OK) {
        return rc;
    }

    credential = social_sigv4_credential(credentials, scope, out->date, work);

    mark = work->len;
    social_buf_put(work, social_sigv4_algorithm);
    social_buf_text(work, " Credential=");
    social_buf_put(work, credential);
    social_buf_text(work, ", SignedHeaders=");
    social_buf_put(work, out->signed_headers);
    social_buf_text(work, ", Signature=");
    social_buf_put(work, out->signature);
    out->authorization = social_buf_since(work, mark);

    return work->rc;
}


social_rc_e
social_sigv4_sign_query(const social_credentials_t *credentials,
    const social_sigv4_scope_t *scope, const social_sigv4_request_t *request,
    int64_t expires, social_buf_t *work, social_sigv4_signed_t *out)
{
    size_t                  mark;
    social_rc_e             rc;
    social_str_t            payload, seconds, credential;
    social_uri_query_t      query;
    social_sigv4_headers_t  headers;

    if (expires < 1 || expires > SOCIAL_SIGV4_MAX_EXPIRES) {
        return SOCIAL_MALFORMED;
    }

    rc = social_sigv4_start(credentials, scope, request, work, &query,
                            &headers, out);
    if (rc != SOCIAL_OK) {
        return rc;
    }

    mark = work->len;
    social_sigv4_headers_names(work, &headers);
    out->signed_headers = social_buf_since(work, mark);

    mark = work->len;
    social_buf_number(work, (uint64_t) expires);
    seconds = social_buf_since(work, mark);

    credential = social_sigv4_credential(credentials, scope, out->date, work);

    social_sigv4_add_param(&query, work, "X-Amz-Algorithm",
                           social_sigv4_algorithm);
    social_sigv4_add_param(&query, work, "X-Amz-Credential", credential);
    social_sigv4_add_param(&query, work, "X-Amz-Date", out->date);
    social_sigv4_add_param(&query, work, "X-Amz-Expires", seconds);
    social_sigv4_add_param(&query, work, "X-Amz-SignedHeaders",
                           out->signed_headers);

    if (credentials->token.len) {
        social_sigv4_add_param(&query, work, "X-Amz-Security-Token",
                               credentials->token);
    }

    payload = social_sigv4_query_payload(request, &query, &headers);

    rc = social_sigv4_finish(credentials, scope, request, payload, work,
                             &query, &headers, out);
    if (rc != SOCIAL_OK) {
        return rc;
    }

    mark = work->len;
    social_uri_query_write(work, &query, NULL);
    social_buf_text(work, "&X-Amz-Signature=");
    social_buf_put(work, out->signature);
    out->query = social_buf_since(work, mark);

    return work->rc;
}


/*
 * A parameter or a header given may say what the body's digest is; in a query
 * "UNSIGNED-PAYLOAD" has one spelling, encoded or not.
 */

static social_str_t
social_sigv4_query_payload(const social_sigv4_request_t *request,
    const social_uri_query_t *query, const social_sigv4_headers_t *headers)
{
    const social_uri_param_t     *param;
    const social_sigv4_header_t  *header;
    static const social_str_t     name = social_string("X-Amz-Content-Sha256");
    static const social_str_t     lower =
        social_string("x-amz-content-sha256");

    if (request->payload.len) {
        return request->payload;
    }

    param = social_uri_query_find(query, name);
    if (param != NULL && param->value.len) {
        return param->value;
    }

    header = social_sigv4_headers_find(headers, lower);
    if (header != NULL && header->value.len) {
        return social_str_trim(header->value);
    }

    return social_sigv4_unsigned_payload;
}


/*
 * What both have: the checks, the parameters and the headers given, the time.
 */

static social_rc_e
social_sigv4_start(const social_credentials_t *credentials,
    const social_sigv4_scope_t *scope, const social_sigv4_request_t *request,
    social_buf_t *work, social_uri_query_t *query,
    social_sigv4_headers_t *headers, social_sigv4_signed_t *out)
{
    size_t                     i, n, mark;
    social_str_t               time;
    unsigned char              text[SOCIAL_TIME_AMZ_SIZE];
    static const social_str_t  host = social_string("host");
    static const social_str_t  signature = social_string("X-Amz-Signature");

    memset(out, 0, sizeof(social_sigv4_signed_t));
    headers->count = 0;

    if (credentials->access_key.len == 0
        || credentials->access_key.len > SOCIAL_SIGV4_MAX_ACCESS_KEY
        || scope->region.len == 0 || scope->service.len == 0
        || social_sigv4_check(request) != SOCIAL_OK)
    {
        return SOCIAL_MALFORMED;
    }

    if (social_uri_query_parse(query, work, request->query, SOCIAL_URI_PLUS)
        != SOCIAL_OK)
    {
        return work->rc;
    }

    if (social_uri_query_find(query, signature) != NULL) {
        return SOCIAL_MALFORMED;
    }

    for (i = 0; i < request->header_count; i++) {
        if (!social_sigv4_is_skipped(request->headers[i].name)) {
            social_sigv4_headers_add(headers, work, &request->headers[i]);
        }
    }

    n = 0;

    for (i = 0; i < headers->count; i++) {
        n += social_str_eq(headers->items[i].name, host);
    }

    if (n != 1) {
        social_buf_fail(work, SOCIAL_MALFORMED);
    }

    social_time_amz(scope->now, text);
    time.data = text;
    time.len = sizeof(text);

    mark = work->len;
    social_buf_put(work, time);
    out->date = social_buf_since(work, mark);

    return work->rc;
}


static bool
social_sigv4_is_skipped(social_str_t name)
{
    size_t  i;

    for (i = 0; social_sigv4_skipped[i] != NULL; i++) {
        if (social_str_caseeq(name, social_str(social_sigv4_skipped[i]))) {
            return true;
        }
    }

    return false;
}


static void
social_sigv4_add_header(social_sigv4_headers_t *h, social_buf_t *b,
    const char *name, social_str_t value)
{
    social_sigv4_header_t  header;

    header.name = social_str(name);
    header.value = value;

    social_sigv4_headers_add(h, b, &header);
}


static void
social_sigv4_add_param(social_uri_query_t *q, social_buf_t *b,
    const char *name, social_str_t value)
{
    if (social_uri_query_find(q, social_str(name)) != NULL) {
        social_buf_fail(b, SOCIAL_MALFORMED);
        return;
    }

    social_uri_query_add(q, b, social_str(name), value);
}


static social_str_t
social_sigv4_credential(const social_credentials_t *credentials,
    const social_sigv4_scope_t *scope, social_str_t time, social_buf_t *b)
{
    size_t        mark;
    social_str_t  date;

    date = time;
    date.len = 8;

    mark = b->len;
    social_buf_put(b, credentials->access_key);
    social_buf_byte(b, '/');
    social_sigv4_scope(b, date, scope->region, scope->service);

    return social_buf_since(b, mark);
}


/*
 * The canonical request, the string to sign, the key, the signature.
 */

static social_rc_e
social_sigv4_finish(const social_credentials_t *credentials,
    const social_sigv4_scope_t *scope, const social_sigv4_request_t *request,
    social_str_t payload, social_buf_t *work, const social_uri_query_t *query,
    const social_sigv4_headers_t *headers, social_sigv4_signed_t *out)
{
    size_t               mark;
    social_rc_e          rc;
    social_str_t         date, signature;
    unsigned char        text[SOCIAL_SIGV4_SIGNATURE_SIZE];
    social_sigv4_key_t   own, *key;

    mark = work->len;
    social_sigv4_canonical(work, request, query, headers,
                           out->signed_headers, payload);
    out->canonical = social_buf_since(work, mark);

    mark = work->len;
    social_sigv4_string(work, out->date, scope->region, scope->service,
                        out->canonical);
    out->string_to_sign = social_buf_since(work, mark);

    if (work->rc != SOCIAL_OK) {
        return work->rc;
    }

    date = out->date;
    date.len = sizeof(own.date);

    memset(&own, 0, sizeof(own));

    rc = SOCIAL_OK;
    key = scope->key ? scope->key : &own;

    if (memcmp(key->date, date.data, date.len) != 0) {
        rc = social_sigv4_key(credentials->secret, date, scope->region,
                              scope->service, key);
    }

    if (rc == SOCIAL_OK) {
        rc = social_sigv4_signature(key, out->string_to_sign, text);
    }

    social_crypto_cleanse(&own, sizeof(own));

    if (rc != SOCIAL_OK) {
        social_buf_fail(work, rc);
        return rc;
    }

    signature.data = text;
    signature.len = sizeof(text);

    mark = work->len;
    social_buf_put(work, signature);
    out->signature = social_buf_since(work, mark);

    return work->rc;
}
