
/*
 * Draining.
 *
 * The file is looked for by each request for the state of this gateway, which a
 * load balancer makes every few seconds; what was found is for all worker
 * processes, which close connections with the next response then.
 */

#include "ngx_http_social_drain.h"
#include "ngx_http_social_zone.h"


typedef struct {
    ngx_http_social_drain_t        *drain;
    ngx_http_social_drain_pt        handler;
    u_char                         *path;
    ngx_uint_t                      found;
    ngx_err_t                       err;
} ngx_http_social_drain_ask_t;


static ngx_int_t ngx_http_social_drain_init_zone(ngx_slab_pool_t *shpool,
    void **part, void *data, ngx_log_t *log);
static void ngx_http_social_drain_thread(void *data, ngx_log_t *log);
static void ngx_http_social_drain_done(ngx_http_social_task_t *task);


ngx_int_t
ngx_http_social_drain_use(ngx_conf_t *cf, ngx_http_social_drain_t *drain,
    ngx_str_t *path)
{
    if (path->len == 0) {
        return NGX_OK;
    }

    if (drain->path.len) {
        return drain->path.len == path->len
               && ngx_memcmp(drain->path.data, path->data, path->len) == 0
               ? NGX_OK : NGX_DECLINED;
    }

    drain->path = *path;
    drain->thread_pool = ngx_http_social_need_thread_pool(cf);

    return drain->thread_pool ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_social_drain_init(ngx_conf_t *cf, ngx_http_social_drain_t *drain)
{
    return ngx_http_social_zone_add_part(cf, NGX_HTTP_SOCIAL_ZONE_DRAIN,
                                         ngx_http_social_drain_init_zone,
                                         drain);
}


static ngx_int_t
ngx_http_social_drain_init_zone(ngx_slab_pool_t *shpool, void **part,
    void *data, ngx_log_t *log)
{
    ngx_http_social_drain_t  *drain = data;

    if (*part == NULL) {
        *part = ngx_slab_calloc(shpool, sizeof(ngx_atomic_t));
    }

    if (*part == NULL) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "social: no room for \"drain\"%s: increase "
                      "\"social_zone\"", shpool->log_ctx);
        return NGX_ERROR;
    }

    drain->draining = *part;

    return NGX_OK;
}


ngx_int_t
ngx_http_social_drain_ask(ngx_http_request_t *r,
    ngx_http_social_drain_t *drain, ngx_http_social_drain_pt handler)
{
    ngx_http_social_task_t       *task;
    ngx_http_social_drain_ask_t  *ask;

    task = ngx_http_social_task_create(sizeof(ngx_http_social_drain_ask_t),
                                       ngx_http_social_drain_thread,
                                       ngx_http_social_drain_done);
    if (task == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ask = task->ctx;

    ask->drain = drain;
    ask->handler = handler;
    ask->path = ngx_pnalloc(task->pool, drain->path.len + 1);

    if (ask->path == NULL
        || ngx_http_social_task_own_request(task, r) != NGX_OK)
    {
        ngx_http_social_task_free(task);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_cpystrn(ask->path, drain->path.data, drain->path.len + 1);

    if (ngx_http_social_task_post(task, drain->thread_pool) != NGX_OK) {
        ngx_http_social_task_free(task);
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    r->main->count++;

    return NGX_DONE;
}


static void
ngx_http_social_drain_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_drain_ask_t *ask = data;

    ngx_file_info_t  fi;

    if (ngx_file_info(ask->path, &fi) != NGX_FILE_ERROR) {
        ask->found = 1;

    } else if (ngx_errno != NGX_ENOENT && ngx_errno != NGX_ENOTDIR) {
        ask->err = ngx_errno;
    }
}


static void
ngx_http_social_drain_done(ngx_http_social_task_t *task)
{
    ngx_uint_t                    found;
    ngx_connection_t             *c;
    ngx_http_request_t           *r;
    ngx_http_social_drain_t      *drain;
    ngx_http_social_drain_pt      handler;
    ngx_http_social_drain_ask_t  *ask;

    r = task->owner;

    if (r == NULL) {
        ngx_http_social_task_free(task);
        return;
    }

    ask = task->ctx;
    drain = ask->drain;
    handler = ask->handler;
    found = ask->found;
    c = r->connection;

    if (ask->err) {
        ngx_log_error(NGX_LOG_ERR, c->log, ask->err,
                      "social: could not look for the file of \"drain\", "
                      "\"%s\"", ask->path);
    }

    ngx_http_social_task_free(task);

    *drain->draining = found;

    handler(r, found);

    ngx_http_run_posted_requests(c);
}
