
/*
 * The embedded store: reading and removing objects, in a thread.
 */

#include "ngx_http_social_reply.h"
#include "ngx_http_social_store.h"


/*
 * The task's memory is its own; "request" is NULL when that has gone.
 */

typedef struct {
    ngx_pool_t                        *pool;
    ngx_http_request_t                *request;
    ngx_http_cleanup_t                *cleanup;
    ngx_http_social_store_loc_conf_t  *conf;
    ngx_str_t                          path;
    ngx_uint_t                         remove;
    ngx_err_t                          err;
    int                                fd;
    social_rc_e                        rc;
    social_store_meta_t                meta;
    u_char                             buf[SOCIAL_STORE_META_SIZE];
} ngx_http_social_store_task_t;


static ngx_int_t ngx_http_social_store_post(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, ngx_uint_t remove);
static void ngx_http_social_store_thread(void *data, ngx_log_t *log);
static void ngx_http_social_store_cleanup(void *data);
static void ngx_http_social_store_done(ngx_event_t *ev);
static ngx_int_t ngx_http_social_store_send(ngx_http_request_t *r,
    ngx_http_social_store_task_t *task);
static ngx_int_t ngx_http_social_store_headers(ngx_http_request_t *r,
    ngx_http_social_store_task_t *task);
static ngx_int_t ngx_http_social_store_removed(ngx_http_request_t *r);


ngx_int_t
ngx_http_social_store_get(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    return ngx_http_social_store_post(r, sr, 0);
}


ngx_int_t
ngx_http_social_store_delete(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    return ngx_http_social_store_post(r, sr, 1);
}


static ngx_int_t
ngx_http_social_store_post(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, ngx_uint_t remove)
{
    ngx_int_t                      rc;
    ngx_pool_t                    *pool;
    ngx_thread_task_t             *task;
    ngx_http_cleanup_t            *cln;
    ngx_http_social_store_task_t  *ctx;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    task = ngx_thread_task_alloc(pool, sizeof(ngx_http_social_store_task_t));
    if (task == NULL) {
        ngx_destroy_pool(pool);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = task->ctx;

    ctx->pool = pool;
    ctx->request = r;
    ctx->cleanup = cln;
    ctx->conf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);
    ctx->remove = remove;
    ctx->fd = -1;

    ctx->path.len = sr->path.len;
    ctx->path.data = ngx_pnalloc(pool, sr->path.len + 1);

    if (ctx->path.data == NULL) {
        ngx_destroy_pool(pool);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(ctx->path.data, sr->path.data, sr->path.len + 1);

    task->handler = ngx_http_social_store_thread;
    task->event.handler = ngx_http_social_store_done;
    task->event.data = ctx;
    task->event.log = ngx_cycle->log;

    if (ngx_http_social_task_post(ctx->conf->thread_pool, task) != NGX_OK) {
        ngx_destroy_pool(pool);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_social_store_cleanup;
    cln->data = ctx;

    r->main->count++;

    return NGX_DONE;
}


static void
ngx_http_social_store_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_store_task_t *ctx = data;

    if (ctx->remove) {
        ctx->rc = social_net_disk_remove((char *) ctx->conf->root.data,
                                         (char *) ctx->path.data,
                                         ctx->conf->sync);

    } else {
        ctx->rc = social_net_disk_open((char *) ctx->conf->root.data,
                                       (char *) ctx->path.data, ctx->buf,
                                       &ctx->meta, &ctx->fd);
    }

    ctx->err = ngx_errno;
}


static void
ngx_http_social_store_cleanup(void *data)
{
    ngx_http_social_store_task_t  *ctx = data;

    ctx->request = NULL;
}


static void
ngx_http_social_store_done(ngx_event_t *ev)
{
    ngx_int_t                      rc;
    ngx_connection_t              *c;
    ngx_http_request_t            *r;
    ngx_http_social_store_task_t  *ctx;

    ctx = ev->data;
    r = ctx->request;

    if (ngx_http_social_task_done(ev, r != NULL) != NGX_OK) {
        return;
    }

    if (r == NULL) {

        if (ctx->fd != -1) {
            ngx_close_file(ctx->fd);
        }

        ngx_destroy_pool(ctx->pool);
        return;
    }

    ctx->cleanup->handler = NULL;

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    switch (ctx->rc) {

    case SOCIAL_OK:
        rc = ctx->remove ? ngx_http_social_store_removed(r)
                         : ngx_http_social_store_send(r, ctx);
        break;

    case SOCIAL_DECLINED:
        /* removing what is not there succeeds, as in S3 */

        rc = ctx->remove ? ngx_http_social_store_removed(r)
             : ngx_http_social_store_error(r, SOCIAL_S3_NO_SUCH_KEY, NULL);
        break;

    case SOCIAL_MALFORMED:
        ngx_log_error(NGX_LOG_ALERT, c->log, 0,
                      "social: the store's metadata of an object is damaged");
        rc = ngx_http_social_store_error(r, SOCIAL_S3_INTERNAL_ERROR, NULL);
        break;

    default:
        ngx_log_error(NGX_LOG_CRIT, c->log, ctx->err,
                      "social: the store could not read \"%V\"",
                      &ctx->conf->root);
        rc = ngx_http_social_store_error(r, SOCIAL_S3_INTERNAL_ERROR, NULL);
    }

    ngx_destroy_pool(ctx->pool);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_social_store_send(ngx_http_request_t *r,
    ngx_http_social_store_task_t *task)
{
    ngx_int_t                  rc;
    ngx_buf_t                 *b;
    ngx_chain_t                out;
    ngx_pool_cleanup_t        *cln;
    ngx_pool_cleanup_file_t   *clnf;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_pool_cleanup_file_t));
    if (cln == NULL) {
        ngx_close_file(task->fd);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_pool_cleanup_file;
    clnf = cln->data;
    clnf->fd = task->fd;
    clnf->name = task->conf->root.data;
    clnf->log = r->pool->log;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->file = ngx_pcalloc(r->pool, sizeof(ngx_file_t));
    if (b->file == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_social_store_headers(r, task) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_HTTP_RANGE_NOT_SATISFIABLE) {
        return ngx_http_social_store_error(r, SOCIAL_S3_INVALID_RANGE, NULL);
    }

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->file_pos = 0;
    b->file_last = task->meta.size;
    b->in_file = task->meta.size ? 1 : 0;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    b->file->fd = task->fd;
    b->file->name = task->conf->root;
    b->file->log = r->connection->log;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_int_t
ngx_http_social_store_headers(ngx_http_request_t *r,
    ngx_http_social_store_task_t *task)
{
    ngx_str_t  etag, type;

    etag.data = ngx_pnalloc(r->pool, 34);
    type.data = ngx_pnalloc(r->pool, task->meta.type.len);

    if (etag.data == NULL || type.data == NULL) {
        return NGX_ERROR;
    }

    etag.len = ngx_sprintf(etag.data, "\"%*s\"", (size_t) 32, task->meta.etag)
               - etag.data;

    type.len = task->meta.type.len;
    ngx_memcpy(type.data, task->meta.type.data, type.len);

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = task->meta.size;
    r->headers_out.last_modified_time = task->meta.modified;
    r->headers_out.content_type = type;
    r->headers_out.content_type_len = type.len;
    r->headers_out.content_type_lowcase = NULL;
    r->allow_ranges = 1;

    r->headers_out.etag = ngx_http_social_header_out_push(r, "ETag", &etag);

    if (r->headers_out.etag == NULL
        || ngx_http_social_store_protect(r) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_store_removed(ngx_http_request_t *r)
{
    if (ngx_http_social_store_protect(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->headers_out.content_length_n = -1;
    r->header_only = 1;

    return ngx_http_send_header(r);
}
