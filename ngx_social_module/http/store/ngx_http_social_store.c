
/*
 * The embedded store: functions shared by all methods.
 */

#include "ngx_http_social_error.h"
#include "ngx_http_social_reply.h"
#include "ngx_http_social_store.h"

#include <openssl/rand.h>


ngx_int_t
ngx_http_social_store_error(ngx_http_request_t *r, social_s3_error_e error,
    const char *message)
{
    u_char                   *data;
    size_t                    size;
    ngx_str_t                 body, id;
    social_buf_t              b;
    social_str_t              path, query;
    social_s3_error_body_t    text;
    static ngx_str_t          type = ngx_string("application/xml");

    if (ngx_http_social_error_request_id(r, &id) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_social_store_split(r, &path, &query);

    ngx_memzero(&text, sizeof(social_s3_error_body_t));

    if (message) {
        text.message = social_str(message);
    }

    if (ngx_http_social_store_protect(r) != NGX_OK
        || (social_s3_error_status(error) == NGX_HTTP_SERVICE_UNAVAILABLE
            && ngx_http_social_error_retry_after(r, 2) != NGX_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    text.resource = path;
    text.request_id = ngx_http_social_view(&id);

    size = 2048 + 6 * path.len;

    data = ngx_pnalloc(r->pool, size);
    if (data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    social_buf_init(&b, data, size);
    social_s3_error_write(&b, error, &text);

    if (b.rc != SOCIAL_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = data;
    body.len = b.len;

    return ngx_http_social_reply(r, social_s3_error_status(error), &type,
                                 &body);
}


social_s3_error_e
ngx_http_social_store_commit_error(social_net_commit_rc_e rc)
{
    switch (rc) {

    case SOCIAL_NET_COMMIT_OK:
    case SOCIAL_NET_COMMIT_SUPERSEDED:
        return SOCIAL_S3_OK;

    case SOCIAL_NET_COMMIT_ABSENT:
        return SOCIAL_S3_NO_SUCH_KEY;

    case SOCIAL_NET_COMMIT_REFUSED:
        return SOCIAL_S3_PRECONDITION_FAILED;

    case SOCIAL_NET_COMMIT_BUSY:
        return SOCIAL_S3_SLOW_DOWN;

    default:
        return SOCIAL_S3_SERVICE_UNAVAILABLE;
    }
}


ngx_int_t
ngx_http_social_store_protect(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;
    static ngx_str_t  nosniff = ngx_string("nosniff");
    static ngx_str_t  sandbox =
        ngx_string("sandbox; default-src 'none'; frame-ancestors 'none'");

    /* a response may become an error after its headers were added */

    for (part = &r->headers_out.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].value.data == nosniff.data) {
                return NGX_OK;
            }
        }
    }

    if (ngx_http_social_header_out_push(r, "X-Content-Type-Options", &nosniff)
        == NULL
        || ngx_http_social_header_out_push(r, "Content-Security-Policy",
                                           &sandbox)
           == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_social_store_id(u_char *id)
{
    u_char  b[SOCIAL_STORE_ID_SIZE / 2];

    if (RAND_bytes(b, sizeof(b)) != 1) {
        return NGX_ERROR;
    }

    ngx_hex_dump(id, b, sizeof(b));

    return NGX_OK;
}


void
ngx_http_social_store_split(ngx_http_request_t *r, social_str_t *path,
    social_str_t *query)
{
    u_char  *p, *end;

    end = r->unparsed_uri.data + r->unparsed_uri.len;

    p = ngx_strlchr(r->unparsed_uri.data, end, '?');

    path->data = r->unparsed_uri.data;
    path->len = (p ? p : end) - r->unparsed_uri.data;

    query->data = p ? p + 1 : end;
    query->len = end - query->data;
}
