
/*
 * The embedded store: the file of an object, on its way to the socket.
 *
 * Stores have "aio threads", so that sendfile() is called in a thread, since
 * it waits for the disk.  What is in the kernel's memory is sent without one:
 * to change threads takes longer than to send a small object.  This is decided
 * for each piece, before it is sent, since of a slow client's object the rest
 * may be gone from memory when its turn comes.
 */

#include "ngx_http_social_store.h"


/* what is looked for in memory, and so may be sent by one call, at most */

#define NGX_HTTP_SOCIAL_SEND_PIECE  (2 * 1024 * 1024)

/* milliseconds for which that is still so */

#define NGX_HTTP_SOCIAL_SEND_FRESH  20


typedef struct {
    ngx_buf_t       *buf;
    off_t            cached;           /* up to there it was in memory */
    ngx_msec_t       time;             /* at that time */
#if (NGX_THREADS || NGX_COMPAT)
    ngx_int_t      (*thread_handler)(ngx_thread_task_t *task,
                                     ngx_file_t *file);
#endif
} ngx_http_social_send_ctx_t;


static ngx_int_t ngx_http_social_send_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_uint_t ngx_http_social_send_is_cached(ngx_http_request_t *r,
    ngx_http_social_send_ctx_t *ctx);
static ngx_int_t ngx_http_social_send_init(ngx_conf_t *cf);


static ngx_http_module_t  ngx_http_social_store_send_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_social_send_init,             /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_social_store_send_module = {
    NGX_MODULE_V1,
    &ngx_http_social_store_send_module_ctx,  /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_output_body_filter_pt  ngx_http_next_body_filter;


ngx_int_t
ngx_http_social_store_send_file(ngx_http_request_t *r, ngx_buf_t *b)
{
    ngx_http_social_send_ctx_t  *ctx;

    /* what is left of a part of a page is sent by the main request's filters */

    if (r != r->main) {
        return NGX_OK;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_social_send_ctx_t));
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->buf = b;

    ngx_http_set_ctx(r, ctx, ngx_http_social_store_send_module);

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_send_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
#if (NGX_THREADS || NGX_COMPAT)
    ngx_buf_t                   *b;
    ngx_http_social_send_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_store_send_module);

    if (ctx != NULL) {

        b = ctx->buf;

        /* nginx's copy filter has set it, if it is sent by sendfile() */

        if (b->file->thread_handler) {
            ctx->thread_handler = b->file->thread_handler;
        }

        b->file->thread_handler = ngx_http_social_send_is_cached(r, ctx)
                                  ? NULL : ctx->thread_handler;
    }
#endif

    return ngx_http_next_body_filter(r, in);
}


/*
 * HTTP/2 sends later what does not fit, and does not call filters then.  What a
 * thread has sent has to be taken note of first.
 */

static ngx_uint_t
ngx_http_social_send_is_cached(ngx_http_request_t *r,
    ngx_http_social_send_ctx_t *ctx)
{
#if (NGX_THREADS || NGX_COMPAT)
    off_t                      left, max;
    ngx_buf_t                 *b;
    ngx_connection_t          *c;
    ngx_http_core_loc_conf_t  *clcf;

    b = ctx->buf;
    c = r->connection;

    if (!b->in_file || !c->sendfile || r->aio
#if (NGX_HTTP_V2)
        || r->stream
#endif
        || (c->sendfile_task
            && (c->sendfile_task->event.active
                || c->sendfile_task->event.complete)))
    {
        return 0;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    left = b->file_last - b->file_pos;
    max = clcf->sendfile_max_chunk;

    if (max == 0 || max > left) {
        max = left;
    }

    if (max <= 0 || max > NGX_HTTP_SOCIAL_SEND_PIECE) {
        return 0;
    }

    /* for a fast client it would be asked for the same pages again and again */

    if (b->file_pos + max <= ctx->cached
        && ngx_current_msec - ctx->time < NGX_HTTP_SOCIAL_SEND_FRESH)
    {
        return 1;
    }

    if (!social_net_disk_is_cached(b->file->fd, b->file_pos, (size_t) max)) {
        ctx->cached = 0;
        return 0;
    }

    ctx->cached = b->file_pos + max;
    ctx->time = ngx_current_msec;

    return 1;
#else
    return 0;
#endif
}


static ngx_int_t
ngx_http_social_send_init(ngx_conf_t *cf)
{
    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_social_send_body_filter;

    return NGX_OK;
}
