
/*
 * The embedded store: answers whose length is not known before they are
 * written.
 */

#include "ngx_http_social_store_text.h"


#define NGX_HTTP_SOCIAL_TEXT_BLOCK  (64 * 1024)


social_buf_t
ngx_http_social_store_text_room(ngx_pool_t *pool,
    ngx_http_social_store_text_t *text, size_t size)
{
    ngx_buf_t     *buf;
    ngx_chain_t   *cl;
    social_buf_t   b;

    if (text->last == NULL
        || (size_t) (text->last->buf->end - text->last->buf->last) < size)
    {
        cl = ngx_alloc_chain_link(pool);
        buf = cl ? ngx_create_temp_buf(pool,
                                       ngx_max(size,
                                               NGX_HTTP_SOCIAL_TEXT_BLOCK))
                 : NULL;

        if (buf == NULL) {
            social_buf_init(&b, NULL, 0);
            b.rc = SOCIAL_FAILED;
            return b;
        }

        cl->buf = buf;
        cl->next = NULL;

        if (text->last) {
            text->last->next = cl;

        } else {
            text->first = cl;
        }

        text->last = cl;
    }

    social_buf_init(&b, text->last->buf->last,
                    text->last->buf->end - text->last->buf->last);

    return b;
}


social_rc_e
ngx_http_social_store_text_wrote(ngx_http_social_store_text_t *text,
    social_buf_t *b)
{
    if (b->rc != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    text->last->buf->last += b->len;
    text->size += b->len;

    return SOCIAL_OK;
}


ngx_int_t
ngx_http_social_store_text_send(ngx_http_request_t *r,
    ngx_http_social_store_text_t *texts, ngx_uint_t n)
{
    off_t             size;
    ngx_int_t         rc;
    ngx_uint_t        i;
    ngx_chain_t      *last;
    static ngx_str_t  type = ngx_string("application/xml");

    if (ngx_http_social_store_headers(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    size = 0;

    for (i = 0; i < n; i++) {
        size += texts[i].size;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = size;
    r->headers_out.content_type = type;
    r->headers_out.content_type_len = type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    last = texts[0].last;

    for (i = 1; i < n; i++) {
        if (texts[i].first) {
            last->next = texts[i].first;
            last = texts[i].last;
        }
    }

    last->buf->last_buf = (r == r->main) ? 1 : 0;
    last->buf->last_in_chain = 1;

    return ngx_http_output_filter(r, texts[0].first);
}
