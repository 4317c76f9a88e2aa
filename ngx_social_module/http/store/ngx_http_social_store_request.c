
/*
 * The embedded store: reading requests and verifying their signatures.
 *
 * The key is decoded once, from the path as sent: nginx's own decoding and
 * merging of slashes would make one key of several.  After an internal
 * redirect, a rewrite, and in a subrequest, what was sent is not what is asked
 * for: then it is the path that nginx has.
 */

#include "ngx_http_social_counters.h"
#include "ngx_http_social_store.h"
#include "social_store_path.h"
#include "social_time.h"


_Static_assert(SOCIAL_S3_LIST_MULTIPART_UPLOADS
               == NGX_HTTP_SOCIAL_STORE_OPERATIONS - 1,
               "counts for each operation");


typedef struct {
    ngx_uint_t               count;
    ngx_uint_t               names;        /* bytes of all names */
    social_sigv4_header_t   *headers;
} ngx_http_social_store_headers_t;


static ngx_int_t ngx_http_social_store_collect(ngx_http_request_t *r,
    ngx_http_social_store_headers_t *headers);
static social_s3_error_e ngx_http_social_store_read(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr,
    ngx_http_social_store_headers_t *headers, ngx_uint_t *internal);
static social_s3_error_e ngx_http_social_store_verify(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr,
    ngx_http_social_store_headers_t *headers, social_s3_error_body_t *text);
static void ngx_http_social_store_refused_text(ngx_http_request_t *r,
    social_sigv4_status_e status, social_sigv4_verified_t *verified,
    social_s3_error_body_t *text);
static ngx_uint_t ngx_http_social_store_is_open(
    ngx_http_social_store_loc_conf_t *slcf,
    ngx_http_social_store_request_t *sr);
static ngx_int_t ngx_http_social_store_call(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);


ngx_int_t
ngx_http_social_store_handler(ngx_http_request_t *r)
{
    ngx_uint_t                         internal;
    social_s3_error_e                  error, refused;
    social_s3_error_body_t             text;
    ngx_http_social_store_headers_t    headers;
    ngx_http_social_store_request_t   *sr;
    ngx_http_social_store_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);

    sr = ngx_pcalloc(r->pool, sizeof(ngx_http_social_store_request_t));

    if (sr == NULL || ngx_http_social_store_collect(r, &headers) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&text, sizeof(social_s3_error_body_t));
    internal = 0;

    error = ngx_http_social_store_read(r, sr, &headers, &internal);

    ngx_http_social_count_answer(r, NGX_HTTP_SOCIAL_COUNT_STORE
                                    + sr->op.operation
                                      * NGX_HTTP_SOCIAL_ANSWERS,
                                 NGX_HTTP_SOCIAL_COUNT_STORE_READ);

    /*
     * What is wrong with a request is said only to those who may make it; but
     * the configuration redirects whom it wants to what is public.
     */

    refused = SOCIAL_S3_OK;

    if (internal && ngx_http_social_store_is_open(slcf, sr)) {
        sr->anonymous = 1;

    } else {
        refused = ngx_http_social_store_verify(r, sr, &headers, &text);
    }

    if (refused != SOCIAL_S3_OK) {
        error = refused;

    } else if (error == SOCIAL_S3_OK && sr->anonymous && sr->op.has_response) {
        error = SOCIAL_S3_INVALID_REQUEST;
        text.message = social_str("Request specific response headers cannot "
                                  "be used for anonymous GET requests");

    } else if (error != SOCIAL_S3_OK) {
        text.message = sr->op.message;
        text.details[0].name = sr->op.detail_name;
        text.details[0].value = sr->op.detail;
    }

    if (error == SOCIAL_S3_OK) {
        return ngx_http_social_store_call(r, sr);
    }

    if (error != SOCIAL_S3_INTERNAL_ERROR) {
        ngx_http_social_store_log_refused(r, error, &text);
    }

    return ngx_http_social_store_refuse(r, error, &text);
}


static ngx_int_t
ngx_http_social_store_call(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    switch (sr->op.operation) {

    case SOCIAL_S3_GET_OBJECT:
    case SOCIAL_S3_HEAD_OBJECT:
    case SOCIAL_S3_GET_OBJECT_TAGGING:
        return ngx_http_social_store_get(r, sr);

    case SOCIAL_S3_PUT_OBJECT:
        return ngx_http_social_store_put(r, sr);

    case SOCIAL_S3_POST_OBJECT:
        return ngx_http_social_store_post(r, sr);

    case SOCIAL_S3_UPLOAD_PART:
    case SOCIAL_S3_UPLOAD_PART_COPY:
        return ngx_http_social_store_upload_part(r, sr);

    case SOCIAL_S3_COPY_OBJECT:
        return ngx_http_social_store_copy(r, sr);

    case SOCIAL_S3_CREATE_MULTIPART_UPLOAD:
        return ngx_http_social_store_upload_create(r, sr);

    case SOCIAL_S3_COMPLETE_MULTIPART_UPLOAD:
        return ngx_http_social_store_upload_complete(r, sr);

    case SOCIAL_S3_ABORT_MULTIPART_UPLOAD:
        return ngx_http_social_store_upload_abort(r, sr);

    case SOCIAL_S3_LIST_PARTS:
    case SOCIAL_S3_LIST_MULTIPART_UPLOADS:
        return ngx_http_social_store_upload_list(r, sr);

    case SOCIAL_S3_DELETE_OBJECT:
        return ngx_http_social_store_delete(r, sr);

    case SOCIAL_S3_LIST_OBJECTS:
    case SOCIAL_S3_LIST_OBJECTS_V2:
        return ngx_http_social_store_list(r, sr);

    case SOCIAL_S3_DELETE_OBJECTS:
        return ngx_http_social_store_delete_objects(r, sr);

    case SOCIAL_S3_HEAD_BUCKET:
    case SOCIAL_S3_CREATE_BUCKET:
    case SOCIAL_S3_GET_BUCKET_LOCATION:
    case SOCIAL_S3_GET_BUCKET_VERSIONING:
    case SOCIAL_S3_LIST_BUCKETS:
        return ngx_http_social_store_bucket(r, sr);

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


static ngx_int_t
ngx_http_social_store_collect(ngx_http_request_t *r,
    ngx_http_social_store_headers_t *headers)
{
    ngx_uint_t              i, n;
    ngx_list_part_t        *part;
    ngx_table_elt_t        *h;
    social_sigv4_header_t  *header;

    n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        n += part->nelts;
    }

    header = ngx_palloc(r->pool, ngx_max(n, 1)
                                 * sizeof(social_sigv4_header_t));
    if (header == NULL) {
        return NGX_ERROR;
    }

    headers->count = n;
    headers->names = 0;
    headers->headers = header;

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            header->name = ngx_http_social_view(&h[i].key);
            header->value = ngx_http_social_view(&h[i].value);
            headers->names += h[i].key.len;
            header++;
        }
    }

    return NGX_OK;
}


static social_s3_error_e
ngx_http_social_store_read(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr,
    ngx_http_social_store_headers_t *headers, ngx_uint_t *internal)
{
    u_char                            *work, *path;
    size_t                             size;
    social_buf_t                       b;
    social_s3_error_e                  error;
    social_s3_request_t                request;
    ngx_http_social_store_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);

    if (headers->count > SOCIAL_SIGV4_MAX_HEADERS) {
        return SOCIAL_S3_INVALID_REQUEST;
    }

    request.method = ngx_http_social_view(&r->method_name);
    request.headers = headers->headers;
    request.header_count = headers->count;

    if (r == r->main && r->valid_unparsed_uri) {
        ngx_http_social_store_split(r, &request.path, &request.query);
        request.decoded = false;

    } else {
        request.path = ngx_http_social_view(&r->uri);
        request.query = ngx_http_social_view(&r->args);
        request.decoded = true;

        *internal = (r != r->main || r->internal);
    }

    /*
     * The query is encoded, then its names in lower case, then its values; and
     * a message about them.
     */

    size = slcf->part.len + request.path.len + 5 * request.query.len
           + headers->names + 192;

    work = ngx_pnalloc(r->pool, size);
    path = ngx_pnalloc(r->pool, SOCIAL_STORE_MAX_PATH);

    if (work == NULL || path == NULL) {
        return SOCIAL_S3_INTERNAL_ERROR;
    }

    social_buf_init(&b, work, size);

    error = social_s3_request_read(&slcf->place, &request, &b, &sr->op);

    if (error != SOCIAL_S3_OK || sr->op.key.len == 0) {
        return error;
    }

    sr->path.data = path;

    if (social_store_path(sr->op.key, path, &sr->path.len) != SOCIAL_OK) {
        return SOCIAL_S3_INVALID_URI;
    }

    return SOCIAL_S3_OK;
}


static social_s3_error_e
ngx_http_social_store_verify(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr,
    ngx_http_social_store_headers_t *headers, social_s3_error_body_t *text)
{
    u_char                            *work;
    social_buf_t                       b;
    social_sigv4_policy_t              policy;
    social_sigv4_status_e              status;
    social_sigv4_request_t             request;
    ngx_http_social_store_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);

    work = ngx_palloc(r->pool, SOCIAL_SIGV4_WORK_SIZE);
    if (work == NULL) {
        return SOCIAL_S3_INTERNAL_ERROR;
    }

    ngx_memzero(&request, sizeof(social_sigv4_request_t));

    request.mode = SOCIAL_SIGV4_S3;
    request.method = ngx_http_social_view(&r->method_name);
    request.headers = headers->headers;
    request.header_count = headers->count;

    ngx_http_social_store_split(r, &request.path, &request.query);

    social_buf_init(&b, work, SOCIAL_SIGV4_WORK_SIZE);

    if (ngx_http_social_store_policy(r, slcf, &policy) != NGX_OK) {
        return SOCIAL_S3_SERVICE_UNAVAILABLE;
    }

    status = social_sigv4_verify(&policy, &request, ngx_time(), &b,
                                 &sr->verified);

    switch (status) {

    case SOCIAL_SIGV4_OK:
        if (sr->op.operation == SOCIAL_S3_POST_OBJECT) {
            text->message = social_str("Only one auth mechanism allowed: that "
                                       "of a form is in its fields");
            return SOCIAL_S3_INVALID_REQUEST;
        }

        return SOCIAL_S3_OK;

    case SOCIAL_SIGV4_STREAMING:
        if (sr->op.chunked != SOCIAL_S3_CHUNKED_NONE) {
            return SOCIAL_S3_OK;
        }

        break;

    case SOCIAL_SIGV4_ANONYMOUS:
        if (sr->op.operation == SOCIAL_S3_POST_OBJECT) {
            return SOCIAL_S3_OK;
        }

        if (ngx_http_social_store_is_open(slcf, sr)) {
            sr->anonymous = 1;
            return SOCIAL_S3_OK;
        }

        break;

    case SOCIAL_SIGV4_FAILED:
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "social: a signature could not be computed");
        break;

    default:
        break;
    }

    ngx_http_social_store_refused_text(r, status, &sr->verified, text);

    return social_sigv4_error(status, &text->message);
}


/*
 * The elements that S3 adds to its errors, and SDKs look for.
 */

static void
ngx_http_social_store_refused_text(ngx_http_request_t *r,
    social_sigv4_status_e status, social_sigv4_verified_t *verified,
    social_s3_error_body_t *text)
{
    u_char                            *p;
    ngx_http_social_store_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);

    switch (status) {

    case SOCIAL_SIGV4_SKEWED:
    case SOCIAL_SIGV4_NOT_YET_VALID:
    case SOCIAL_SIGV4_EXPIRED:
        p = ngx_pnalloc(r->pool, SOCIAL_TIME_ISO_SIZE);

        if (p != NULL) {
            social_time_iso(ngx_time(), p);
            text->details[0].name = social_str("ServerTime");
            text->details[0].value.data = p;
            text->details[0].value.len = SOCIAL_TIME_ISO_SIZE;
        }

        break;

    case SOCIAL_SIGV4_HEADER_REGION:
    case SOCIAL_SIGV4_QUERY_REGION:
        text->details[0].name = social_str("Region");
        text->details[0].value = slcf->policy.region;
        break;

    case SOCIAL_SIGV4_NOT_SIGNED:
        text->details[0].name = social_str("HeadersNotSigned");
        text->details[0].value = verified->detail;
        break;

    case SOCIAL_SIGV4_ACCESS_KEY:
        text->details[0].name = social_str("AWSAccessKeyId");
        text->details[0].value = verified->detail;
        break;

    case SOCIAL_SIGV4_DUPLICATE:
        text->details[0].name = social_str("ArgumentName");
        text->details[0].value = verified->detail;
        break;

    case SOCIAL_SIGV4_SIGNATURE:
        if (verified->string_to_sign.len == 0 || !verified->shown) {
            break;
        }

        text->details[0].name = social_str("AWSAccessKeyId");
        text->details[0].value = verified->access_key;
        text->details[1].name = social_str("StringToSign");
        text->details[1].value = verified->string_to_sign;
        text->details[2].name = social_str("SignatureProvided");
        text->details[2].value = verified->signature;
        break;

    default:
        break;
    }
}


static ngx_uint_t
ngx_http_social_store_is_open(ngx_http_social_store_loc_conf_t *slcf,
    ngx_http_social_store_request_t *sr)
{
    ngx_uint_t     i;
    social_str_t  *prefix;

    if (slcf->open == NULL
        || (sr->op.operation != SOCIAL_S3_GET_OBJECT
            && sr->op.operation != SOCIAL_S3_HEAD_OBJECT))
    {
        return 0;
    }

    prefix = slcf->open->elts;

    for (i = 0; i < slcf->open->nelts; i++) {
        if (social_str_starts(sr->op.key, prefix[i])) {
            return 1;
        }
    }

    return 0;
}
