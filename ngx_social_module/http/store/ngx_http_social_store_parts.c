
/*
 * The embedded store: sending an object that is in several files.
 *
 * A thread opens a few of the files at a time; they are sent by nginx's own
 * file buffers, closed, and the next ones are opened, so that it takes no more
 * memory and descriptors the more parts there are.  The object cannot be
 * removed as long as it is open.
 */

#include "ngx_http_social_store.h"
#include "social_net_parts.h"


#define NGX_HTTP_SOCIAL_PARTS_MAX   16       /* files at a time */

/* milliseconds, before the thread pool is tried again when it is full */
#define NGX_HTTP_SOCIAL_PARTS_FULL  50


/* the context of a thread task of the request */

typedef struct {
    ngx_http_social_task_t            *task;
    ngx_http_social_store_loc_conf_t  *conf;
    ngx_event_t                        retry;
    social_net_object_t                object;
    social_store_meta_t                meta;       /* without views */
    off_t                              at;
    off_t                              end;
    social_rc_e                        rc;
    ngx_err_t                          err;
    unsigned                           n;
    social_net_piece_t                 pieces[NGX_HTTP_SOCIAL_PARTS_MAX];
} ngx_http_social_parts_t;


static void ngx_http_social_parts_post(ngx_http_social_parts_t *parts);
static void ngx_http_social_parts_retry(ngx_event_t *ev);
static void ngx_http_social_parts_thread(void *data, ngx_log_t *log);
static void ngx_http_social_parts_done(ngx_http_social_task_t *task);
static ngx_chain_t *ngx_http_social_parts_chain(ngx_http_request_t *r,
    ngx_http_social_parts_t *parts);
static void ngx_http_social_parts_send(ngx_http_request_t *r,
    ngx_http_social_parts_t *parts, ngx_chain_t *in);
static void ngx_http_social_parts_writer(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_parts_wait(ngx_http_request_t *r);
static void ngx_http_social_parts_close(ngx_http_social_parts_t *parts);


ngx_int_t
ngx_http_social_store_parts(ngx_http_request_t *r,
    ngx_http_social_store_object_t *object)
{
    ngx_http_social_task_t   *task;
    ngx_http_social_parts_t  *parts;

    task = ngx_http_social_task_create(sizeof(ngx_http_social_parts_t),
                                       ngx_http_social_parts_thread,
                                       ngx_http_social_parts_done);
    if (task == NULL) {
        return NGX_ERROR;
    }

    parts = task->ctx;

    parts->task = task;
    parts->conf = ngx_http_get_module_loc_conf(r,
                                               ngx_http_social_store_module);
    parts->object.fd = -1;
    parts->object.dir = -1;
    parts->meta = *object->meta;
    parts->at = object->first;
    parts->end = object->end;

    parts->retry.handler = ngx_http_social_parts_retry;
    parts->retry.data = parts;
    parts->retry.log = ngx_cycle->log;

    if (ngx_http_social_task_own_request(task, r) != NGX_OK) {
        ngx_http_social_task_free(task);
        return NGX_ERROR;
    }

    /* it is closed here from now on */

    parts->object = *object->parts;
    object->parts->fd = -1;
    object->parts->dir = -1;

    ngx_http_set_ctx(r, parts, ngx_http_social_store_module);

    if (!r->discard_body) {
        r->read_event_handler = ngx_http_test_reading;
    }

    r->main->count++;

    ngx_http_social_parts_post(parts);

    return NGX_DONE;
}


static void
ngx_http_social_parts_post(ngx_http_social_parts_t *parts)
{
    if (ngx_http_social_task_post(parts->task, parts->conf->thread_pool)
        != NGX_OK)
    {
        ngx_add_timer(&parts->retry, NGX_HTTP_SOCIAL_PARTS_FULL);
    }
}


static void
ngx_http_social_parts_retry(ngx_event_t *ev)
{
    ngx_http_social_parts_post(ev->data);
}


static void
ngx_http_social_parts_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_parts_t *parts = data;

    parts->rc = social_net_parts_pieces(&parts->object, &parts->meta,
                                        parts->at, parts->end, parts->pieces,
                                        NGX_HTTP_SOCIAL_PARTS_MAX, &parts->n);
    parts->err = ngx_errno;
}


/*
 * Also called by the request's cleanup while no thread uses it.
 */

static void
ngx_http_social_parts_done(ngx_http_social_task_t *task)
{
    ngx_chain_t              *in;
    ngx_connection_t         *c;
    ngx_http_request_t       *r;
    ngx_http_social_parts_t  *parts;

    parts = task->ctx;
    r = task->owner;

    if (r == NULL) {

        if (parts->retry.timer_set) {
            ngx_del_timer(&parts->retry);
        }

        ngx_http_social_parts_close(parts);
        social_net_object_close(&parts->object);
        ngx_http_social_task_free(task);
        return;
    }

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    in = NULL;

    if (parts->rc == SOCIAL_OK) {
        in = ngx_http_social_parts_chain(r, parts);

    } else if (parts->rc == SOCIAL_FAILED) {
        ngx_log_error(NGX_LOG_CRIT, c->log, parts->err,
                      "social: the store could not read \"%V\"",
                      &parts->conf->root);

    } else {
        ngx_log_error(NGX_LOG_ALERT, c->log, 0,
                      "social: a part of an object in the store is damaged");
    }

    if (in == NULL) {

        /* the client sees that it is not whole */

        ngx_http_finalize_request(r, NGX_ERROR);

    } else {
        ngx_http_social_parts_send(r, parts, in);
    }

    ngx_http_run_posted_requests(c);
}


static ngx_chain_t *
ngx_http_social_parts_chain(ngx_http_request_t *r,
    ngx_http_social_parts_t *parts)
{
    unsigned             i;
    ngx_buf_t           *b;
    ngx_file_t          *file;
    ngx_chain_t         *out, **last;
    social_net_piece_t  *piece;

    out = NULL;
    last = &out;
    b = NULL;

    for (i = 0; i < parts->n; i++) {

        piece = &parts->pieces[i];

        b = ngx_calloc_buf(r->pool);
        file = ngx_pcalloc(r->pool, sizeof(ngx_file_t));
        *last = ngx_alloc_chain_link(r->pool);

        if (b == NULL || file == NULL || *last == NULL) {
            return NULL;
        }

        file->fd = piece->fd;
        file->name = parts->conf->root;
        file->log = r->connection->log;

        b->file = file;
        b->file_pos = piece->first;
        b->file_last = piece->end;
        b->in_file = 1;

        parts->at += piece->end - piece->first;

        (*last)->buf = b;
        (*last)->next = NULL;
        last = &(*last)->next;
    }

    if (b == NULL) {
        return NULL;
    }

    if (parts->at == parts->end) {
        b->last_buf = (r == r->main) ? 1 : 0;
        b->last_in_chain = 1;

    } else {
        b->flush = 1;
    }

    return out;
}


static void
ngx_http_social_parts_send(ngx_http_request_t *r,
    ngx_http_social_parts_t *parts, ngx_chain_t *in)
{
    ngx_int_t     rc;
    ngx_event_t  *wev;

    wev = r->connection->write;

    rc = ngx_http_output_filter(r, in);

    if (rc == NGX_ERROR) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    /* what is left of the last files is sent as of any response */

    if (parts->at != parts->end
        && (r->buffered || r->postponed
            || (r == r->main && r->connection->buffered)))
    {
        r->write_event_handler = ngx_http_social_parts_writer;

        if (ngx_http_social_parts_wait(r) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_ERROR);
        }

        return;
    }

    if (parts->at == parts->end) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    if (wev->timer_set && !wev->delayed) {
        ngx_del_timer(wev);
    }

    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_http_social_parts_close(parts);
    ngx_http_social_parts_post(parts);
}


static void
ngx_http_social_parts_writer(ngx_http_request_t *r)
{
    ngx_event_t              *wev;
    ngx_http_social_parts_t  *parts;

    parts = ngx_http_get_module_ctx(r, ngx_http_social_store_module);
    wev = r->connection->write;

    if (wev->timedout) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, NGX_ETIMEDOUT,
                      "client timed out");
        r->connection->timedout = 1;

        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    if (wev->delayed || r->aio) {

        if (ngx_http_social_parts_wait(r) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_ERROR);
        }

        return;
    }

    ngx_http_social_parts_send(r, parts, NULL);
}


static ngx_int_t
ngx_http_social_parts_wait(ngx_http_request_t *r)
{
    ngx_event_t               *wev;
    ngx_http_core_loc_conf_t  *clcf;

    wev = r->connection->write;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (!wev->delayed) {
        ngx_add_timer(wev, clcf->send_timeout);
    }

    return ngx_handle_write_event(wev, clcf->send_lowat);
}


/*
 * The files of the last batch.
 */

static void
ngx_http_social_parts_close(ngx_http_social_parts_t *parts)
{
    while (parts->n) {
        ngx_close_file(parts->pieces[--parts->n].fd);
    }
}
