
/*
 * Presigned URLs of objects.
 */

#include <string.h>

#include "social_presign.h"


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


social_rc_e
social_presign(const social_bucket_t *bucket,
    const social_credentials_t *credentials, const social_presign_t *p,
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

    if (!social_bucket_check(bucket->name)
        || (p->key.len && !social_object_check_portable(p->key))
        || p->header_count >= SOCIAL_SIGV4_MAX_HEADERS)
    {
        return SOCIAL_MALFORMED;
    }

    mark = work->len;
    social_bucket_host(work, bucket);
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
    request.path = social_bucket_path(work, bucket, p->key);
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
