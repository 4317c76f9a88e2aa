
/*
 * Presigned URLs of objects.
 */

#include <string.h>

#include "social_presign.h"


static bool social_presign_is_address(social_str_t host);
static social_str_t social_presign_path(social_buf_t *b,
    const social_presign_bucket_t *bucket, social_str_t key);


int64_t
social_presign_expires(int64_t wanted, int64_t now,
    int64_t credentials_expire, int64_t margin)
{
    if (wanted > SOCIAL_SIGV4_MAX_EXPIRES) {
        wanted = SOCIAL_SIGV4_MAX_EXPIRES;
    }

    if (credentials_expire != 0 && credentials_expire - now - margin < wanted)
    {
        wanted = credentials_expire - now - margin;
    }

    return wanted > 0 ? wanted : 0;
}


bool
social_presign_is_path_style(const social_presign_bucket_t *bucket)
{
    if (bucket->path_style
        || social_presign_is_address(bucket->endpoint.host))
    {
        return true;
    }

    return bucket->endpoint.secure
           && memchr(bucket->bucket.data, '.', bucket->bucket.len) != NULL;
}


static bool
social_presign_is_address(social_str_t host)
{
    size_t  i;

    if (host.len && host.data[0] == '[') {
        return true;
    }

    for (i = 0; i < host.len; i++) {
        if (host.data[i] != '.'
            && (host.data[i] < '0' || host.data[i] > '9'))
        {
            return false;
        }
    }

    return true;
}


void
social_presign_host(social_buf_t *b, const social_presign_bucket_t *bucket)
{
    size_t                    i;
    const social_endpoint_t  *e;

    e = &bucket->endpoint;

    if (!social_presign_is_path_style(bucket)) {
        social_buf_put(b, bucket->bucket);
        social_buf_byte(b, '.');
    }

    /* browsers send it in lower case, and the signature covers it */

    for (i = 0; i < e->host.len; i++) {
        social_buf_byte(b, social_lower(e->host.data[i]));
    }

    if (e->port.len) {
        social_buf_byte(b, ':');
        social_buf_put(b, e->port);
    }
}


static social_str_t
social_presign_path(social_buf_t *b, const social_presign_bucket_t *bucket,
    social_str_t key)
{
    size_t  mark;

    mark = b->len;

    social_buf_put(b, bucket->endpoint.path);

    if (social_presign_is_path_style(bucket)) {
        social_buf_byte(b, '/');
        social_buf_put(b, bucket->bucket);
    }

    if (key.len || b->len == mark || !social_presign_is_path_style(bucket)) {
        social_buf_byte(b, '/');
        social_uri_encode(b, key, SOCIAL_URI_SLASH);
    }

    return social_buf_since(b, mark);
}


social_rc_e
social_presign(const social_presign_bucket_t *bucket,
    const social_sigv4_credentials_t *credentials, const social_presign_t *p,
    int64_t now, social_sigv4_key_t *cache, social_buf_t *work,
    social_str_t *url)
{
    size_t                  i, mark;
    social_rc_e             rc;
    social_str_t            host;
    social_sigv4_scope_t    scope;
    social_sigv4_header_t   headers[SOCIAL_SIGV4_MAX_HEADERS];
    social_sigv4_signed_t   made;
    social_sigv4_request_t  request;

    if (!social_bucket_check(bucket->bucket)
        || (p->key.len && !social_object_check_portable(p->key))
        || p->header_count >= SOCIAL_SIGV4_MAX_HEADERS)
    {
        return SOCIAL_MALFORMED;
    }

    mark = work->len;
    social_presign_host(work, bucket);
    host = social_buf_since(work, mark);

    headers[0].name = social_str("host");
    headers[0].value = host;

    for (i = 0; i < p->header_count; i++) {

        if (social_str_caseeq(p->headers[i].name, headers[0].name)) {
            return SOCIAL_MALFORMED;
        }

        headers[i + 1] = p->headers[i];
    }

    memset(&request, 0, sizeof(request));
    request.mode = SOCIAL_SIGV4_S3;
    request.method = p->method;
    request.path = social_presign_path(work, bucket, p->key);
    request.query = p->query;
    request.headers = headers;
    request.header_count = p->header_count + 1;

    scope.region = bucket->region;
    scope.service = social_str("s3");
    scope.now = now;
    scope.key = cache;

    if (work->rc != SOCIAL_OK) {
        return work->rc;
    }

    rc = social_sigv4_sign_query(credentials, &scope, &request, p->expires,
                                 work, &made);
    if (rc != SOCIAL_OK) {
        return rc;
    }

    mark = work->len;
    social_buf_text(work, bucket->endpoint.secure ? "https://" : "http://");
    social_buf_put(work, host);
    social_buf_put(work, request.path);
    social_buf_byte(work, '?');
    social_buf_put(work, made.query);
    *url = social_buf_since(work, mark);

    return work->rc;
}
