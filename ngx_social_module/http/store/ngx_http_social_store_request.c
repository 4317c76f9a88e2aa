
/*
 * The embedded store: parsing requests and verifying their signatures.
 *
 * The key is decoded once, from the path as sent, after the location's prefix
 * and the bucket: nginx's own decoding and merging of slashes would make one
 * key of several.
 */

#include "ngx_http_social_store.h"
#include "social_object.h"
#include "social_uri.h"


static social_s3_error_e ngx_http_social_store_key(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);
static social_s3_error_e ngx_http_social_store_decode(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, social_str_t raw);
static social_s3_error_e ngx_http_social_store_query(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_store_policy(ngx_http_request_t *r,
    ngx_http_social_store_loc_conf_t *slcf, social_sigv4_policy_t *policy);
static ngx_uint_t ngx_http_social_store_query_is_known(social_str_t name);
static social_s3_error_e ngx_http_social_store_verify(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, social_str_t *message);
static ngx_uint_t ngx_http_social_store_is_open(
    ngx_http_social_store_loc_conf_t *slcf, social_str_t key);


ngx_int_t
ngx_http_social_store_handler(ngx_http_request_t *r)
{
    ngx_str_t                         text;
    social_str_t                      message;
    social_s3_error_e                 error;
    ngx_http_social_store_request_t  *sr;

    sr = ngx_pcalloc(r->pool, sizeof(ngx_http_social_store_request_t));
    if (sr == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    message = social_str("");

    error = ngx_http_social_store_key(r, sr);

    if (error == SOCIAL_S3_OK) {
        error = ngx_http_social_store_verify(r, sr, &message);
    }

    if (error == SOCIAL_S3_OK) {
        error = ngx_http_social_store_query(r);
    }

    if (error != SOCIAL_S3_OK) {

        if (ngx_http_discard_request_body(r) != NGX_OK) {
            r->keepalive = 0;
        }

        ngx_http_social_from_str(&text, message);

        return ngx_http_social_store_error(r, error, text.len
                                           ? (char *) text.data : NULL);
    }

    switch (r->method) {

    case NGX_HTTP_GET:
    case NGX_HTTP_HEAD:
        return ngx_http_social_store_get(r, sr);

    case NGX_HTTP_PUT:
        return ngx_http_social_store_put(r, sr);

    case NGX_HTTP_DELETE:
        return ngx_http_social_store_delete(r, sr);

    default:
        if (ngx_http_discard_request_body(r) != NGX_OK) {
            r->keepalive = 0;
        }

        return ngx_http_social_store_error(r, SOCIAL_S3_NOT_IMPLEMENTED,
                                           NULL);
    }
}


static social_s3_error_e
ngx_http_social_store_key(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    size_t                             i;
    social_str_t                       raw, query, bucket;
    ngx_http_social_store_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);

    ngx_http_social_store_split(r, &raw, &query);

    if (!social_str_starts(raw, ngx_http_social_view(&slcf->prefix))) {
        return SOCIAL_S3_INVALID_URI;
    }

    raw.data += slcf->prefix.len;
    raw.len -= slcf->prefix.len;

    if (slcf->part.len) {
        return ngx_http_social_store_decode(r, sr, raw);
    }

    for (i = 0; i < raw.len && raw.data[i] != '/'; i++) { /* void */ }

    bucket.data = raw.data;
    bucket.len = i;

    if (!social_str_eq(bucket, ngx_http_social_view(&slcf->bucket->bucket))) {
        return SOCIAL_S3_NO_SUCH_BUCKET;
    }

    if (i + 1 >= raw.len) {
        /* the bucket itself: listing is not supported */
        return SOCIAL_S3_NOT_IMPLEMENTED;
    }

    raw.data += i + 1;
    raw.len -= i + 1;

    return ngx_http_social_store_decode(r, sr, raw);
}


static social_s3_error_e
ngx_http_social_store_decode(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, social_str_t raw)
{
    u_char                            *key, *path;
    social_buf_t                       b;
    ngx_http_social_store_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);

    key = ngx_pnalloc(r->pool, slcf->part.len + raw.len);
    path = ngx_pnalloc(r->pool, SOCIAL_STORE_MAX_PATH);

    if (key == NULL || path == NULL) {
        return SOCIAL_S3_INTERNAL_ERROR;
    }

    social_buf_init(&b, key, slcf->part.len + raw.len);
    social_buf_put(&b, ngx_http_social_view(&slcf->part));
    social_uri_decode(&b, raw, 0);

    if (b.rc != SOCIAL_OK) {
        return SOCIAL_S3_INVALID_URI;
    }

    sr->key = social_buf_since(&b, 0);

    if (sr->key.len > SOCIAL_STORE_MAX_KEY) {
        return SOCIAL_S3_KEY_TOO_LONG;
    }

    sr->path.data = path;

    /* keys are text: the database accepts nothing else */

    if (!social_object_check(sr->key)
        || social_store_path(sr->key, path, &sr->path.len) != SOCIAL_OK) {
        return SOCIAL_S3_INVALID_URI;
    }

    return SOCIAL_S3_OK;
}


/*
 * Unknown parameters are refused, since they may change the operation: "?acl",
 * "?uploads", "?response-content-type=".
 */

static social_s3_error_e
ngx_http_social_store_query(ngx_http_request_t *r)
{
    size_t         i;
    social_str_t   path, query, item, name;

    ngx_http_social_store_split(r, &path, &query);

    while (social_str_next(&query, "&", &item)) {

        for (i = 0; i < item.len && item.data[i] != '='; i++) { /* void */ }

        name.data = item.data;
        name.len = i;

        if (!ngx_http_social_store_query_is_known(name)) {
            return SOCIAL_S3_NOT_IMPLEMENTED;
        }
    }

    if (r->method == NGX_HTTP_PUT) {
        static ngx_str_t  copy = ngx_string("x-amz-copy-source");

        if (ngx_http_social_header_in(r, &copy,
                                      ngx_hash_key(copy.data, copy.len), NULL)
            != NULL)
        {
            return SOCIAL_S3_NOT_IMPLEMENTED;
        }
    }

    return SOCIAL_S3_OK;
}


static ngx_uint_t
ngx_http_social_store_query_is_known(social_str_t name)
{
    static const social_str_t  amz = social_string("X-Amz-");
    ngx_uint_t                 i;

    /* headers of a request that a presigner moved here: see its digests */

    static const social_str_t  known[] = {
        social_string("x-id"),
        social_string("x-amz-checksum-crc32"),
        social_string("x-amz-checksum-sha256"),
        social_string("x-amz-checksum-mode"),
        social_string("x-amz-sdk-checksum-algorithm")
    };

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (social_str_eq(name, known[i])) {
            return 1;
        }
    }

    return social_str_starts(name, amz);
}


/* the credentials of this moment: their file may have been replaced */

static ngx_int_t
ngx_http_social_store_policy(ngx_http_request_t *r,
    ngx_http_social_store_loc_conf_t *slcf, social_sigv4_policy_t *policy)
{
    social_credentials_t   keys;
    social_sigv4_known_t  *known;

    known = ngx_pcalloc(r->pool, sizeof(social_sigv4_known_t));

    if (known == NULL
        || ngx_http_social_bucket_credentials(slcf->bucket, &keys) != NGX_OK)
    {
        return NGX_ERROR;
    }

    known->access_key = keys.access_key;
    known->secrets[0] = keys.secret;
    known->token = keys.token;

    *policy = slcf->policy;
    policy->known = known;

    return NGX_OK;
}


static social_s3_error_e
ngx_http_social_store_verify(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, social_str_t *message)
{
    u_char                            *work;
    ngx_uint_t                         i, n;
    social_buf_t                       b;
    ngx_list_part_t                   *part;
    ngx_table_elt_t                   *h;
    social_sigv4_header_t             *headers;
    social_sigv4_policy_t              policy;
    social_sigv4_status_e              status;
    social_sigv4_request_t             request;
    ngx_http_social_store_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);

    headers = ngx_palloc(r->pool, SOCIAL_SIGV4_MAX_HEADERS
                                  * sizeof(social_sigv4_header_t));
    work = ngx_palloc(r->pool, SOCIAL_SIGV4_WORK_SIZE);

    if (headers == NULL || work == NULL) {
        return SOCIAL_S3_INTERNAL_ERROR;
    }

    n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (n == SOCIAL_SIGV4_MAX_HEADERS) {
                return SOCIAL_S3_INVALID_REQUEST;
            }

            headers[n].name = ngx_http_social_view(&h[i].key);
            headers[n].value = ngx_http_social_view(&h[i].value);
            n++;
        }
    }

    ngx_memzero(&request, sizeof(social_sigv4_request_t));

    request.mode = SOCIAL_SIGV4_S3;
    request.method = ngx_http_social_view(&r->method_name);
    request.headers = headers;
    request.header_count = n;

    ngx_http_social_store_split(r, &request.path, &request.query);

    social_buf_init(&b, work, SOCIAL_SIGV4_WORK_SIZE);

    if (ngx_http_social_store_policy(r, slcf, &policy) != NGX_OK) {
        return SOCIAL_S3_SERVICE_UNAVAILABLE;
    }

    status = social_sigv4_verify(&policy, &request, ngx_time(), &b,
                                 &sr->verified);

    switch (status) {

    case SOCIAL_SIGV4_OK:
        return SOCIAL_S3_OK;

    case SOCIAL_SIGV4_STREAMING:
        return SOCIAL_S3_NOT_IMPLEMENTED;

    case SOCIAL_SIGV4_ANONYMOUS:
        if ((r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))
            && ngx_http_social_store_is_open(slcf, sr->key))
        {
            return SOCIAL_S3_OK;
        }

        break;

    case SOCIAL_SIGV4_FAILED:
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "social: a signature could not be computed");
        break;

    default:
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "social: the store refused a request: reason %ui",
                      (ngx_uint_t) status);
    }

    return social_sigv4_error(status, message);
}


static ngx_uint_t
ngx_http_social_store_is_open(ngx_http_social_store_loc_conf_t *slcf,
    social_str_t key)
{
    ngx_uint_t     i;
    social_str_t  *prefix;

    if (slcf->open == NULL) {
        return 0;
    }

    prefix = slcf->open->elts;

    for (i = 0; i < slcf->open->nelts; i++) {
        if (social_str_starts(key, prefix[i])) {
            return 1;
        }
    }

    return 0;
}
