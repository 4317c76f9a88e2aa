
/*
 * The embedded store: memory that small objects are read into and sent from.
 */

#include "ngx_http_social_store_buffer.h"


/* that are kept for other requests: a megabyte of a worker process */

#define NGX_HTTP_SOCIAL_STORE_BUFFERS  16


static void ngx_http_social_store_buffer_cleanup(void *data);
static void ngx_http_social_store_buffer_exit(void *data);


/* of the process; the one that was used last, and is in the processor's cache,
   is used next */

static u_char      *ngx_http_social_store_buffers[
                        NGX_HTTP_SOCIAL_STORE_BUFFERS];
static ngx_uint_t   ngx_http_social_store_buffers_n;
static ngx_uint_t   ngx_http_social_store_buffers_owned;


u_char *
ngx_http_social_store_buffer_take(void)
{
    if (ngx_http_social_store_buffers_n) {
        return ngx_http_social_store_buffers[--ngx_http_social_store_buffers_n];
    }

    return ngx_alloc(NGX_HTTP_SOCIAL_STORE_BUFFER, ngx_cycle->log);
}


void
ngx_http_social_store_buffer_give(u_char *buffer)
{
    ngx_pool_cleanup_t  *cln;

    if (!ngx_http_social_store_buffers_owned) {

        cln = ngx_pool_cleanup_add(ngx_cycle->pool, 0);

        if (cln != NULL) {
            cln->handler = ngx_http_social_store_buffer_exit;
            ngx_http_social_store_buffers_owned = 1;
        }
    }

    if (!ngx_http_social_store_buffers_owned
        || ngx_http_social_store_buffers_n == NGX_HTTP_SOCIAL_STORE_BUFFERS)
    {
        ngx_free(buffer);
        return;
    }

    ngx_http_social_store_buffers[ngx_http_social_store_buffers_n++] = buffer;
}


ngx_int_t
ngx_http_social_store_buffer_keep(ngx_http_request_t *r, u_char *buffer)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_social_store_buffer_cleanup;
    cln->data = buffer;

    return NGX_OK;
}


static void
ngx_http_social_store_buffer_cleanup(void *data)
{
    ngx_http_social_store_buffer_give(data);
}


static void
ngx_http_social_store_buffer_exit(void *data)
{
    while (ngx_http_social_store_buffers_n) {
        ngx_free(ngx_http_social_store_buffers[
                     --ngx_http_social_store_buffers_n]);
    }

    ngx_http_social_store_buffers_owned = 0;
}
