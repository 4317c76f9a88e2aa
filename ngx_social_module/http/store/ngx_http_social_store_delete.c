
/*
 * The embedded store: DELETE, which is a commit as a PUT is.
 */

#include "ngx_http_social_store.h"


/* the context of the request's thread task */

typedef struct {
    ngx_http_social_task_t            *task;
    ngx_http_social_store_loc_conf_t  *conf;
    ngx_http_social_store_commit_t     commit;
    ngx_uint_t                         queued;
} ngx_http_social_delete_t;


static ngx_http_social_delete_t *ngx_http_social_delete_create(
    ngx_http_request_t *r, ngx_http_social_store_request_t *sr);
static void ngx_http_social_delete_committed(
    ngx_http_social_store_commit_t *commit);
static void ngx_http_social_delete_thread(void *data, ngx_log_t *log);
static void ngx_http_social_delete_done(ngx_http_social_task_t *task);
static ngx_int_t ngx_http_social_delete_answer(ngx_http_request_t *r,
    ngx_http_social_delete_t *del);
static void ngx_http_social_delete_free(ngx_http_social_delete_t *del);


ngx_int_t
ngx_http_social_store_delete(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    ngx_int_t                  rc;
    ngx_http_social_delete_t  *del;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    del = ngx_http_social_delete_create(r, sr);
    if (del == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_social_store_queue_add(del->conf->queue, &del->commit);

    if (rc != NGX_OK) {
        ngx_http_social_delete_free(del);
        return rc == NGX_BUSY
               ? ngx_http_social_store_error(r, SOCIAL_S3_SLOW_DOWN, NULL)
               : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    del->queued = 1;

    r->main->count++;

    return NGX_DONE;
}


static ngx_http_social_delete_t *
ngx_http_social_delete_create(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    u_char                    *path, *key, *etag;
    social_str_t               match;
    social_net_commit_t       *net;
    ngx_http_social_task_t    *task;
    ngx_http_social_delete_t  *del;

    task = ngx_http_social_task_create(sizeof(ngx_http_social_delete_t),
                                       ngx_http_social_delete_thread,
                                       ngx_http_social_delete_done);
    if (task == NULL) {
        return NULL;
    }

    del = task->ctx;
    del->task = task;
    del->conf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);
    del->commit.handler = ngx_http_social_delete_committed;
    del->commit.data = del;

    net = &del->commit.net;

    social_net_commit_init(net,
                        ngx_http_social_store_queue_disk(del->conf->queue));

    net->remove = 1;

    path = ngx_pnalloc(task->pool, sr->path.len + 1);
    key = ngx_pnalloc(task->pool, sr->op.key.len);

    match = sr->op.condition.if_match;
    etag = ngx_pnalloc(task->pool, match.len + 1);

    if (path == NULL || key == NULL || etag == NULL
        || ngx_http_social_store_id(net->meta.id) != NGX_OK
        || ngx_http_social_task_own_request(task, r) != NGX_OK)
    {
        ngx_http_social_delete_free(del);
        return NULL;
    }

    ngx_memcpy(path, sr->path.data, sr->path.len + 1);
    ngx_memcpy(key, sr->op.key.data, sr->op.key.len);

    net->path = (char *) path;
    net->key.data = key;
    net->key.len = sr->op.key.len;

    if (match.len) {
        ngx_memcpy(etag, match.data, match.len);
    }
    net->if_match.data = etag;
    net->if_match.len = match.len;

    return del;
}


static void
ngx_http_social_delete_committed(ngx_http_social_store_commit_t *commit)
{
    ngx_int_t                  rc;
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_social_delete_t  *del;

    del = commit->data;
    r = del->task->owner;

    ngx_http_social_task_disown(del->task);

    if (r != NULL) {

        c = r->connection;
        ngx_http_set_log_request(c->log, r);

        rc = ngx_http_social_delete_answer(r, del);

        ngx_http_finalize_request(r, rc);
        ngx_http_run_posted_requests(c);
    }

    del->queued = 0;

    if (commit->rc != SOCIAL_NET_COMMIT_OK
        || !social_net_commit_unfinished(&commit->net)
        || ngx_http_social_task_post(del->task, del->conf->thread_pool)
           != NGX_OK)
    {
        ngx_http_social_delete_free(del);
    }
}


static void
ngx_http_social_delete_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_delete_t  *del = data;

    social_net_commit_finish(&del->commit.net);
}


/*
 * Also called by the request's cleanup while the commit is queued.
 */

static void
ngx_http_social_delete_done(ngx_http_social_task_t *task)
{
    ngx_http_social_delete_t  *del;

    del = task->ctx;

    if (!del->queued) {
        ngx_http_social_delete_free(del);
    }
}


static ngx_int_t
ngx_http_social_delete_answer(ngx_http_request_t *r,
    ngx_http_social_delete_t *del)
{
    social_s3_error_e  error;

    error = ngx_http_social_store_commit_error(del->commit.rc);

    /* deleting an object that does not exist succeeds, as in S3, also with a
       condition */

    if (error != SOCIAL_S3_OK && del->commit.rc != SOCIAL_NET_COMMIT_ABSENT) {

        if (error == SOCIAL_S3_SERVICE_UNAVAILABLE) {
            ngx_log_error(NGX_LOG_CRIT, r->connection->log,
                          del->commit.net.err,
                          "social: the store could not write below \"%V\"",
                          &del->conf->root);
        }

        return ngx_http_social_store_error(r, error, NULL);
    }

    if (ngx_http_social_store_headers(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->headers_out.content_length_n = -1;
    r->header_only = 1;

    return ngx_http_send_header(r);
}


static void
ngx_http_social_delete_free(ngx_http_social_delete_t *del)
{
    social_net_commit_free(&del->commit.net);
    ngx_http_social_task_free(del->task);
}
