
/*
 * The embedded store: requests that change something, each by a commit.
 */

#include "ngx_http_social_reply.h"
#include "ngx_http_social_store_change.h"


/* milliseconds, before a lock is tried again, or the thread pool when it is
   full */
#define NGX_HTTP_SOCIAL_CHANGE_RETRY  2
#define NGX_HTTP_SOCIAL_CHANGE_FULL   50


typedef enum {
    NGX_HTTP_SOCIAL_CHANGE_WORK = 0,
    NGX_HTTP_SOCIAL_CHANGE_PREPARE,
    NGX_HTTP_SOCIAL_CHANGE_FINISH,
    NGX_HTTP_SOCIAL_CHANGE_ABORT
} ngx_http_social_change_step_e;


static ngx_int_t ngx_http_social_change_name(
    ngx_http_social_store_change_t *change,
    ngx_http_social_store_request_t *sr);
static ngx_int_t ngx_http_social_change_post(
    ngx_http_social_store_change_t *change,
    ngx_http_social_change_step_e step);
static void ngx_http_social_change_thread(void *data, ngx_log_t *log);
static void ngx_http_social_change_done(ngx_http_social_task_t *task);
static void ngx_http_social_change_retry(ngx_event_t *ev);
static void ngx_http_social_change_queue(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change);
static void ngx_http_social_change_committed(
    ngx_http_social_store_commit_t *commit);
static void ngx_http_social_change_finish(
    ngx_http_social_store_change_t *change);
static void ngx_http_social_change_announced(
    ngx_http_social_query_outcome_e outcome, void *data);
static void ngx_http_social_change_abort(
    ngx_http_social_store_change_t *change);
static ngx_int_t ngx_http_social_change_refuse(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change);


ngx_http_social_store_change_t *
ngx_http_social_store_change_create(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, size_t size)
{
    ngx_http_social_task_t          *task;
    ngx_http_social_store_change_t  *change;

    task = ngx_http_social_task_create(size, ngx_http_social_change_thread,
                                       ngx_http_social_change_done);
    if (task == NULL) {
        return NULL;
    }

    change = task->ctx;

    change->task = task;
    change->conf = ngx_http_get_module_loc_conf(r,
                                                ngx_http_social_store_module);

    change->retry.handler = ngx_http_social_change_retry;
    change->retry.data = change;
    change->retry.log = ngx_cycle->log;

    change->commit.handler = ngx_http_social_change_committed;
    change->commit.data = change;

    social_net_commit_init(&change->commit.net,
                           ngx_http_social_store_queue_disk(
                               change->conf->queue));

    if (ngx_http_social_change_name(change, sr) != NGX_OK
        || ngx_http_social_task_own_request(task, r) != NGX_OK)
    {
        ngx_http_social_store_change_free(change);
        return NULL;
    }

    return change;
}


/*
 * The path has a zero byte after it.
 */

static ngx_int_t
ngx_http_social_change_name(ngx_http_social_store_change_t *change,
    ngx_http_social_store_request_t *sr)
{
    u_char               *path;
    social_net_commit_t  *net;

    net = &change->commit.net;

    path = ngx_pnalloc(change->task->pool, sr->path.len + 1);

    if (path == NULL
        || ngx_http_social_store_change_copy(change, &net->key, sr->op.key)
           != NGX_OK
        || ngx_http_social_store_change_copy(change, &net->if_match,
                                             sr->op.condition.if_match)
           != NGX_OK
        || ngx_http_social_store_change_copy(change, &net->if_none_match,
                                             sr->op.condition.if_none_match)
           != NGX_OK
        || ngx_http_social_store_id(net->meta.id) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(path, sr->path.data, sr->path.len + 1);

    net->path = (char *) path;

    return NGX_OK;
}


ngx_int_t
ngx_http_social_store_change_copy(ngx_http_social_store_change_t *change,
    social_str_t *to, social_str_t from)
{
    *to = from;

    return ngx_http_social_store_copy_text(change->task->pool, to);
}


ngx_int_t
ngx_http_social_store_change_kept(ngx_http_social_store_change_t *change,
    ngx_http_social_store_request_t *sr, social_str_t *block)
{
    u_char        *p;
    size_t         i, size;
    social_buf_t   b;

    size = 0;

    for (i = 0; i < sr->op.kept_count; i++) {
        size += sr->op.kept[i].name.len + sr->op.kept[i].value.len + 2;
    }

    if (size == 0) {
        block->len = 0;
        return NGX_OK;
    }

    p = ngx_pnalloc(change->task->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    social_buf_init(&b, p, size);

    for (i = 0; i < sr->op.kept_count; i++) {
        social_store_meta_add(&b, sr->op.kept[i].name, sr->op.kept[i].value);
    }

    *block = social_buf_since(&b, 0);

    return b.rc == SOCIAL_OK ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_social_store_change_type(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change, social_str_t *type)
{
    if (r->headers_in.content_type == NULL) {
        type->len = 0;
        return NGX_OK;
    }

    return ngx_http_social_store_change_copy(change, type,
               ngx_http_social_view(&r->headers_in.content_type->value));
}


ngx_int_t
ngx_http_social_store_change_work(ngx_http_social_store_change_t *change)
{
    return ngx_http_social_change_post(change, NGX_HTTP_SOCIAL_CHANGE_WORK);
}


ngx_int_t
ngx_http_social_store_change_commit(ngx_http_social_store_change_t *change)
{
    return ngx_http_social_change_post(change,
                                       NGX_HTTP_SOCIAL_CHANGE_PREPARE);
}


ngx_int_t
ngx_http_social_store_change_start(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change, ngx_uint_t work)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        ngx_http_social_store_change_free(change);
        return rc;
    }

    if ((work ? ngx_http_social_store_change_work(change)
              : ngx_http_social_store_change_commit(change))
        != NGX_OK)
    {
        ngx_http_social_store_change_free(change);
        return ngx_http_social_store_error(r, SOCIAL_S3_SLOW_DOWN, NULL);
    }

    r->main->count++;

    return NGX_DONE;
}


static ngx_int_t
ngx_http_social_change_post(ngx_http_social_store_change_t *change,
    ngx_http_social_change_step_e step)
{
    change->step = step;

    return ngx_http_social_task_post(change->task, change->conf->thread_pool);
}


static void
ngx_http_social_change_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_store_change_t  *change = data;

    switch (change->step) {

    case NGX_HTTP_SOCIAL_CHANGE_FINISH:
        if (change->announced) {
            social_net_commit_announced(&change->commit.net);

        } else {
            social_net_commit_finish(&change->commit.net);
        }

        return;

    case NGX_HTTP_SOCIAL_CHANGE_ABORT:
        social_net_commit_abort(&change->commit.net);
        return;

    default:
        break;
    }

    change->error = SOCIAL_S3_OK;

    if (change->step == NGX_HTTP_SOCIAL_CHANGE_WORK) {
        change->work(change);

    } else {
        change->prepare(change);
    }

    if (change->error != SOCIAL_S3_OK) {

        /* space is freed before the client is informed, and retries */

        social_net_commit_abort(&change->commit.net);
    }
}


void
ngx_http_social_store_change_prepare(ngx_http_social_store_change_t *change)
{
    social_net_commit_rc_e  rc;

    rc = social_net_commit_prepare(&change->commit.net);

    change->busy = (rc == SOCIAL_NET_COMMIT_BUSY);

    if (rc != SOCIAL_NET_COMMIT_OK && rc != SOCIAL_NET_COMMIT_BUSY) {
        ngx_http_social_store_change_failed(change, change->commit.net.err);
    }
}


void
ngx_http_social_store_change_failed(ngx_http_social_store_change_t *change,
    ngx_err_t err)
{
    change->err = err;
    change->error = err == ENOSPC || err == EDQUOT
                    ? SOCIAL_S3_FULL : SOCIAL_S3_SERVICE_UNAVAILABLE;
}


/*
 * Also called by the request's cleanup while no thread uses it.
 */

static void
ngx_http_social_change_done(ngx_http_social_task_t *task)
{
    ngx_int_t                        rc;
    ngx_connection_t                *c;
    ngx_http_request_t              *r;
    ngx_http_social_store_change_t  *change;

    change = task->ctx;
    r = task->owner;

    if (change->queued) {
        return;
    }

    if (change->step == NGX_HTTP_SOCIAL_CHANGE_FINISH
        || change->step == NGX_HTTP_SOCIAL_CHANGE_ABORT)
    {
        ngx_http_social_store_change_free(change);
        return;
    }

    if (r == NULL) {
        ngx_http_social_change_abort(change);
        return;
    }

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    if (change->error != SOCIAL_S3_OK) {
        rc = ngx_http_social_change_refuse(r, change);
        ngx_http_finalize_request(r, rc);

    } else if (change->done) {
        rc = change->answer(r, change);
        ngx_http_finalize_request(r, rc);

    } else if (change->step == NGX_HTTP_SOCIAL_CHANGE_PREPARE) {
        ngx_http_social_change_queue(r, change);

    } else {
        change->worked(r, change);
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_social_change_retry(ngx_event_t *ev)
{
    ngx_http_social_store_change_t  *change = ev->data;

    if (ngx_http_social_store_change_commit(change) != NGX_OK) {
        ngx_add_timer(&change->retry, NGX_HTTP_SOCIAL_CHANGE_FULL);
    }
}


static void
ngx_http_social_change_queue(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change)
{
    ngx_int_t  rc;

    if (change->busy) {
        ngx_add_timer(&change->retry, NGX_HTTP_SOCIAL_CHANGE_RETRY);
        return;
    }

    rc = ngx_http_social_store_queue_add(change->conf->queue, &change->commit);

    if (rc != NGX_OK) {
        rc = rc == NGX_BUSY
             ? ngx_http_social_store_error(r, SOCIAL_S3_SLOW_DOWN, NULL)
             : NGX_HTTP_INTERNAL_SERVER_ERROR;
        ngx_http_finalize_request(r, rc);
        return;
    }

    change->queued = 1;
}


/*
 * The request may be gone; what was changed is, anyway.
 */

static void
ngx_http_social_change_committed(ngx_http_social_store_commit_t *commit)
{
    ngx_int_t                        rc;
    ngx_connection_t                *c;
    ngx_http_request_t              *r;
    ngx_http_social_store_change_t  *change;

    change = commit->data;
    change->queued = 0;

    r = change->task->owner;

    if (commit->rc == SOCIAL_NET_COMMIT_BUSY && r != NULL) {
        ngx_add_timer(&change->retry, NGX_HTTP_SOCIAL_CHANGE_RETRY);
        return;
    }

    ngx_http_social_task_disown(change->task);

    if (r != NULL) {

        c = r->connection;
        ngx_http_set_log_request(c->log, r);

        if (commit->rc == SOCIAL_NET_COMMIT_OK) {
            rc = change->answer(r, change);

        } else {
            change->err = commit->net.err;
            change->error = ngx_http_social_store_commit_error(commit->rc);
            rc = ngx_http_social_change_refuse(r, change);
        }

        ngx_http_finalize_request(r, rc);
        ngx_http_run_posted_requests(c);
    }

    if (commit->rc == SOCIAL_NET_COMMIT_OK) {
        ngx_http_social_change_finish(change);

    } else {
        ngx_http_social_store_change_free(change);
    }
}


/*
 * What cannot be done now is done when the intent is found.
 */

static void
ngx_http_social_change_finish(ngx_http_social_store_change_t *change)
{
    if (change->commit.net.announce) {

        if (ngx_http_social_store_announce(change->conf,
                                           &change->commit.net.meta,
                                           change->commit.net.key,
                                           ngx_http_social_change_announced,
                                           change)
            != NGX_OK)
        {
            ngx_http_social_store_change_free(change);
        }

        return;
    }

    if (!social_net_commit_unfinished(&change->commit.net)
        || ngx_http_social_change_post(change, NGX_HTTP_SOCIAL_CHANGE_FINISH)
           != NGX_OK)
    {
        ngx_http_social_store_change_free(change);
    }
}


static void
ngx_http_social_change_announced(ngx_http_social_query_outcome_e outcome,
    void *data)
{
    ngx_http_social_store_change_t  *change = data;

    change->announced = 1;

    if (outcome != NGX_HTTP_SOCIAL_QUERY_OK
        || ngx_http_social_change_post(change, NGX_HTTP_SOCIAL_CHANGE_FINISH)
           != NGX_OK)
    {
        ngx_http_social_store_change_free(change);
    }
}


/* no thread uses it, and the request is gone */

static void
ngx_http_social_change_abort(ngx_http_social_store_change_t *change)
{
    if (change->retry.timer_set) {
        ngx_del_timer(&change->retry);
    }

    if ((change->commit.net.data.fd == -1 && change->commit.net.file.fd == -1)
        || ngx_http_social_change_post(change, NGX_HTTP_SOCIAL_CHANGE_ABORT)
           != NGX_OK)
    {
        ngx_http_social_store_change_free(change);
    }
}


static ngx_int_t
ngx_http_social_change_refuse(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change)
{
    if (change->error == SOCIAL_S3_SERVICE_UNAVAILABLE
        || change->error == SOCIAL_S3_FULL)
    {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, change->err,
                      "social: the store could not write below \"%V\"",
                      &change->conf->root);
    }

    return ngx_http_social_store_refuse(r, change->error, &change->text);
}


void
ngx_http_social_store_change_free(ngx_http_social_store_change_t *change)
{
    social_net_commit_free(&change->commit.net);

    if (change->free) {
        change->free(change);
    }

    ngx_http_social_task_free(change->task);
}


ngx_int_t
ngx_http_social_store_xml(ngx_http_request_t *r, social_buf_t *b)
{
    ngx_str_t         body;
    static ngx_str_t  type = ngx_string("application/xml");

    if (b->rc != SOCIAL_OK || ngx_http_social_store_headers(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = b->data;
    body.len = b->len;

    return ngx_http_social_reply(r, NGX_HTTP_OK, &type, &body);
}
