
/*
 * The embedded store: DeleteObjects.
 *
 * A thread reads what the body has.  The objects are removed by commits, all at
 * once, so that they share their syncs.
 */

#include "ngx_http_social_reply.h"
#include "ngx_http_social_store_body.h"
#include "social_s3_delete.h"


/* the context of the request's thread task */

typedef struct {
    ngx_http_social_task_t            *task;
    ngx_http_social_store_loc_conf_t  *conf;
    ngx_http_social_store_body_t       body;
    social_s3_error_e                  error;
    ngx_uint_t                         finish;     /* the second step */
    ngx_uint_t                         pending;    /* commits */
    ngx_uint_t                         failed;
    ngx_err_t                          err;
    ngx_http_social_store_commit_t    *commits;    /* one for each item */
    social_s3_delete_t                 items;
} ngx_http_social_delete_t;


static ngx_http_social_delete_t *ngx_http_social_delete_create(
    ngx_http_request_t *r, ngx_http_social_store_request_t *sr);
static void ngx_http_social_delete_read(ngx_http_request_t *r);
static void ngx_http_social_delete_thread(void *data, ngx_log_t *log);
static void ngx_http_social_delete_done(ngx_http_social_task_t *task);
static void ngx_http_social_delete_refuse(ngx_http_request_t *r,
    social_s3_error_e error);
static ngx_int_t ngx_http_social_delete_commits(
    ngx_http_social_delete_t *del);
static social_s3_error_e ngx_http_social_delete_add(
    ngx_http_social_delete_t *del, ngx_uint_t n);
static void ngx_http_social_delete_committed(
    ngx_http_social_store_commit_t *commit);
static void ngx_http_social_delete_complete(ngx_http_social_delete_t *del);
static ngx_int_t ngx_http_social_delete_answer(ngx_http_request_t *r,
    ngx_http_social_delete_t *del);
static void ngx_http_social_delete_free(ngx_http_social_delete_t *del);


ngx_int_t
ngx_http_social_store_delete_objects(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    ngx_int_t                  rc;
    social_s3_error_e          error;
    social_s3_error_body_t     text;
    ngx_http_social_delete_t  *del;

    error = ngx_http_social_store_body_check(r, sr, SOCIAL_S3_DELETE_SIZE);

    if (error != SOCIAL_S3_OK) {
        ngx_memzero(&text, sizeof(social_s3_error_body_t));
        return ngx_http_social_store_refuse(r, error, &text);
    }

    del = ngx_http_social_delete_create(r, sr);
    if (del == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_set_ctx(r, del, ngx_http_social_store_module);

    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_social_delete_read);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


static ngx_http_social_delete_t *
ngx_http_social_delete_create(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
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

    if (ngx_http_social_store_body_init(r, sr, task->pool, &del->body)
        != NGX_OK
        || ngx_http_social_task_own_request(task, r) != NGX_OK)
    {
        ngx_http_social_store_body_free(&del->body);
        ngx_http_social_task_free(task);
        return NULL;
    }

    return del;
}


static void
ngx_http_social_delete_read(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_social_delete_t  *del;

    del = ngx_http_get_module_ctx(r, ngx_http_social_store_module);

    if (ngx_http_social_store_body_read(r, &del->body,
                                        ngx_http_social_delete_read)
        != NGX_OK)
    {
        return;
    }

    if (ngx_http_social_task_post(del->task, del->conf->thread_pool)
        != NGX_OK)
    {
        rc = ngx_http_social_store_error(r, SOCIAL_S3_SLOW_DOWN, NULL);
        ngx_http_finalize_request(r, rc);
    }
}


static void
ngx_http_social_delete_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_delete_t *del = data;

    u_char        *p;
    ngx_uint_t     i;
    social_buf_t   work;
    social_str_t   xml;

    if (del->finish) {

        for (i = 0; i < del->items.count; i++) {
            if (del->commits[i].rc == SOCIAL_NET_COMMIT_OK) {
                social_net_commit_finish(&del->commits[i].net);
            }
        }

        return;
    }

    del->error = ngx_http_social_store_body_decode(&del->body, &xml);

    if (del->error != SOCIAL_S3_OK) {
        return;
    }

    p = ngx_pnalloc(del->task->pool, xml.len + 1);

    if (p == NULL) {
        del->error = SOCIAL_S3_INTERNAL_ERROR;
        return;
    }

    social_buf_init(&work, p, xml.len + 1);

    if (social_s3_delete_read(xml, &work, &del->items) != SOCIAL_OK) {
        del->error = SOCIAL_S3_MALFORMED_XML;
    }
}


/*
 * Also called by the request's cleanup while no thread uses it.
 */

static void
ngx_http_social_delete_done(ngx_http_social_task_t *task)
{
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_social_delete_t  *del;

    del = task->ctx;
    r = task->owner;

    if (del->pending) {
        return;
    }

    if (r == NULL) {
        ngx_http_social_delete_free(del);
        return;
    }

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    if (del->error != SOCIAL_S3_OK) {
        ngx_http_social_delete_refuse(r, del->error);

    } else if (ngx_http_social_delete_commits(del) != NGX_OK) {
        ngx_http_social_delete_refuse(r, SOCIAL_S3_INTERNAL_ERROR);

    } else if (del->pending == 0) {
        ngx_http_social_delete_complete(del);
        return;
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_social_delete_refuse(ngx_http_request_t *r, social_s3_error_e error)
{
    ngx_int_t  rc;

    rc = ngx_http_social_store_error(r, error, NULL);

    ngx_http_finalize_request(r, rc);
}


static ngx_int_t
ngx_http_social_delete_commits(ngx_http_social_delete_t *del)
{
    ngx_uint_t                i;
    social_s3_delete_item_t  *item;

    del->commits = ngx_pcalloc(del->task->pool, del->items.count
                               * sizeof(ngx_http_social_store_commit_t));
    if (del->commits == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < del->items.count; i++) {

        item = &del->items.items[i];

        social_net_commit_init(&del->commits[i].net,
                        ngx_http_social_store_queue_disk(del->conf->queue));

        del->commits[i].rc = SOCIAL_NET_COMMIT_FAILED;

        if (item->error == SOCIAL_S3_OK) {
            item->error = ngx_http_social_delete_add(del, i);
        }
    }

    return NGX_OK;
}


static social_s3_error_e
ngx_http_social_delete_add(ngx_http_social_delete_t *del, ngx_uint_t n)
{
    u_char                          *path;
    size_t                           len;
    ngx_int_t                        rc;
    social_s3_delete_item_t         *item;
    ngx_http_social_store_commit_t  *commit;
    u_char                           buf[SOCIAL_STORE_MAX_PATH];

    item = &del->items.items[n];
    commit = &del->commits[n];

    if (social_store_path(item->key, buf, &len) != SOCIAL_OK) {
        return SOCIAL_S3_INVALID_ARGUMENT;
    }

    path = ngx_pnalloc(del->task->pool, len + 1);

    if (path == NULL
        || ngx_http_social_store_id(commit->net.meta.id) != NGX_OK)
    {
        return SOCIAL_S3_INTERNAL_ERROR;
    }

    ngx_memcpy(path, buf, len + 1);

    commit->handler = ngx_http_social_delete_committed;
    commit->data = del;

    commit->net.remove = 1;
    commit->net.path = (char *) path;
    commit->net.key = item->key;
    commit->net.if_match = item->etag;

    rc = ngx_http_social_store_queue_add(del->conf->queue, commit);

    if (rc != NGX_OK) {
        return rc == NGX_BUSY ? SOCIAL_S3_SLOW_DOWN
                              : SOCIAL_S3_INTERNAL_ERROR;
    }

    del->pending++;

    return SOCIAL_S3_OK;
}


/*
 * The request may be gone; the objects are, anyway.
 */

static void
ngx_http_social_delete_committed(ngx_http_social_store_commit_t *commit)
{
    ngx_uint_t                 n;
    social_s3_error_e          error;
    ngx_http_social_delete_t  *del;

    del = commit->data;
    n = commit - del->commits;

    error = ngx_http_social_store_commit_error(commit->rc);

    if (error == SOCIAL_S3_SERVICE_UNAVAILABLE) {
        del->err = commit->net.err;
        del->failed++;
    }

    /* what does not exist is as good as removed */

    if (commit->rc != SOCIAL_NET_COMMIT_ABSENT) {
        del->items.items[n].error = error;
    }

    if (--del->pending == 0) {
        ngx_http_social_delete_complete(del);
    }
}


static void
ngx_http_social_delete_complete(ngx_http_social_delete_t *del)
{
    ngx_int_t            rc;
    ngx_uint_t           i, unfinished;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = del->task->owner;

    ngx_http_social_task_disown(del->task);

    if (r != NULL) {

        c = r->connection;
        ngx_http_set_log_request(c->log, r);

        if (del->failed) {
            ngx_log_error(NGX_LOG_CRIT, c->log, del->err,
                          "social: the store could not remove %ui objects "
                          "below \"%V\"", del->failed, &del->conf->root);
        }

        rc = ngx_http_social_delete_answer(r, del);

        ngx_http_finalize_request(r, rc);
        ngx_http_run_posted_requests(c);
    }

    unfinished = 0;

    for (i = 0; i < del->items.count; i++) {
        unfinished |= del->commits[i].rc == SOCIAL_NET_COMMIT_OK
                      && social_net_commit_unfinished(&del->commits[i].net);
    }

    del->finish = 1;

    if (!unfinished
        || ngx_http_social_task_post(del->task, del->conf->thread_pool)
           != NGX_OK)
    {
        ngx_http_social_delete_free(del);
    }
}


static ngx_int_t
ngx_http_social_delete_answer(ngx_http_request_t *r,
    ngx_http_social_delete_t *del)
{
    u_char            *p;
    size_t             size;
    ngx_str_t          body;
    ngx_uint_t         i;
    social_buf_t       b;
    static ngx_str_t   type = ngx_string("application/xml");

    size = 256;

    for (i = 0; i < del->items.count; i++) {
        size += 512 + 6 * del->items.items[i].key.len;
    }

    p = ngx_pnalloc(r->pool, size);

    if (p == NULL || ngx_http_social_store_headers(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    social_buf_init(&b, p, size);
    social_s3_delete_write(&b, &del->items);

    if (b.rc != SOCIAL_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = p;
    body.len = b.len;

    return ngx_http_social_reply(r, NGX_HTTP_OK, &type, &body);
}


static void
ngx_http_social_delete_free(ngx_http_social_delete_t *del)
{
    ngx_uint_t  i;

    for (i = 0; del->commits && i < del->items.count; i++) {
        social_net_commit_free(&del->commits[i].net);
    }

    ngx_http_social_store_body_free(&del->body);
    ngx_http_social_task_free(del->task);
}
