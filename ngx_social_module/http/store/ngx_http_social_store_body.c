
/*
 * The embedded store: bodies of requests that are XML.
 */

#include "ngx_http_social_store_body.h"


static ngx_int_t ngx_http_social_body_take(ngx_http_social_store_body_t *body,
    ngx_http_request_body_t *rb);


social_s3_error_e
ngx_http_social_store_body_check(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, size_t max)
{
    off_t  size;

    size = r->headers_in.content_length_n;

    if (size < 0) {
        return SOCIAL_S3_MISSING_CONTENT_LENGTH;
    }

    /* framing of a body in chunks comes in addition */

    if (size > (off_t) (2 * max) || sr->op.length > (off_t) max) {
        return SOCIAL_S3_ENTITY_TOO_LARGE;
    }

    return SOCIAL_S3_OK;
}


ngx_int_t
ngx_http_social_store_body_init(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, ngx_pool_t *pool,
    ngx_http_social_store_body_t *body)
{
    body->size = r->headers_in.content_length_n;
    body->data = ngx_pnalloc(pool, body->size + 1);

    if (body->data == NULL
        || ngx_http_social_store_digest_init(pool, sr, &body->digest)
           != SOCIAL_S3_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_social_store_body_free(ngx_http_social_store_body_t *body)
{
    ngx_http_social_store_digest_free(&body->digest);
}


ngx_int_t
ngx_http_social_store_body_read(ngx_http_request_t *r,
    ngx_http_social_store_body_t *body, ngx_http_event_handler_pt handler)
{
    ngx_int_t  rc;

    for ( ;; ) {

        if (ngx_http_social_body_take(body, r->request_body) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
            return NGX_DONE;
        }

        if (!r->reading_body) {
            r->read_event_handler = ngx_http_block_reading;
            return NGX_OK;
        }

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            ngx_http_finalize_request(r, rc);
            return NGX_DONE;
        }

        if (rc == NGX_AGAIN && r->request_body->bufs == NULL) {
            r->read_event_handler = handler;
            return NGX_AGAIN;
        }
    }
}


static ngx_int_t
ngx_http_social_body_take(ngx_http_social_store_body_t *body,
    ngx_http_request_body_t *rb)
{
    size_t      n;
    ngx_buf_t  *b;

    for ( /* void */ ; rb->bufs; rb->bufs = rb->bufs->next) {

        b = rb->bufs->buf;
        n = b->last - b->pos;

        if (b->in_file || n > body->size - body->len) {
            return NGX_ERROR;
        }

        ngx_memcpy(body->data + body->len, b->pos, n);
        body->len += n;
        b->pos = b->last;
    }

    return NGX_OK;
}


/*
 * What was in chunks becomes one piece, in its place.
 */

social_s3_error_e
ngx_http_social_store_body_decode(ngx_http_social_store_body_t *body,
    social_str_t *xml)
{
    u_char             etag[32], *last;
    social_str_t       piece, data;
    social_s3_error_e  error;

    piece.data = body->data;
    piece.len = body->len;
    last = body->data;

    while (piece.len) {

        error = ngx_http_social_store_digest_next(&body->digest, &piece, &data);

        if (error == SOCIAL_S3_OK) {
            error = ngx_http_social_store_digest_update(&body->digest, data);
        }

        if (error != SOCIAL_S3_OK) {
            return error;
        }

        ngx_memmove(last, data.data, data.len);
        last += data.len;
    }

    xml->data = body->data;
    xml->len = last - body->data;

    return ngx_http_social_store_digest_final(&body->digest, etag);
}
