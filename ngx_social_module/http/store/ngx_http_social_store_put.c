
/*
 * The embedded store: writing an object.
 *
 * The body is read unbuffered, since nginx would write its own temporary file
 * on the event loop: each piece is copied to a buffer of the request's and
 * written in a thread, and the next one is read when that is done.  At the end
 * a thread verifies digests and prepares the commit, which then waits for its
 * syncs with others.  If the client closes the connection before that, nothing
 * is left; after it, the object is stored.
 */

#include "ngx_http_social_reply.h"
#include "ngx_http_social_store.h"


#define NGX_HTTP_SOCIAL_PUT_ROOM   (192 * 1024)

/* the disk begins to write what was written so far */
#define NGX_HTTP_SOCIAL_PUT_FLUSH  (8 * 1024 * 1024)

/* milliseconds, before a key's lock is tried again, or the thread pool when it
   is full */
#define NGX_HTTP_SOCIAL_PUT_RETRY  2
#define NGX_HTTP_SOCIAL_PUT_FULL   50


typedef enum {
    NGX_HTTP_SOCIAL_PUT_WRITE = 0,
    NGX_HTTP_SOCIAL_PUT_PREPARE,
    NGX_HTTP_SOCIAL_PUT_FINISH,
    NGX_HTTP_SOCIAL_PUT_ABORT
} ngx_http_social_put_step_e;


/* the context of the request's thread task, posted for each step */

typedef struct {
    ngx_http_social_task_t            *task;
    ngx_http_social_store_loc_conf_t  *conf;
    ngx_http_social_put_step_e         step;

    ngx_http_social_store_commit_t     commit;
    ngx_event_t                        retry;
    ngx_http_social_store_digest_t     digest;
    u_char                             checksums[SOCIAL_S3_CHECKSUM_TEXT + 32];
    off_t                              received;
    off_t                              flushed;

    /* of a form; the fields are the request's */
    const social_s3_post_t            *post;
    off_t                              min;
    off_t                              max;

    social_s3_error_e                  error;      /* of the last step */
    ngx_err_t                          err;

    size_t                             len;        /* of the current piece */
    size_t                             size;       /* of the room */
    u_char                            *room;
    u_char                            *small;      /* the memory of both */

    unsigned                           is_chunked:1;
    unsigned                           digested:1;
    unsigned                           busy:1;     /* the key's lock is held */
    unsigned                           queued:1;   /* with other commits */
    unsigned                           announced:1;
} ngx_http_social_put_t;


#define ngx_http_social_put_is_large(put)                                     \
    ((put)->commit.net.meta.size > SOCIAL_NET_COMMIT_INLINE)


static ngx_http_social_put_t *ngx_http_social_put_create(
    ngx_http_request_t *r, ngx_http_social_store_request_t *sr, off_t size);
static ngx_int_t ngx_http_social_put_name(ngx_http_social_put_t *put,
    ngx_http_request_t *r, ngx_http_social_store_request_t *sr);
static ngx_int_t ngx_http_social_put_copy(ngx_http_social_put_t *put,
    social_str_t *to, social_str_t from);
static ngx_int_t ngx_http_social_put_kept(ngx_http_social_put_t *put,
    ngx_http_social_store_request_t *sr);
static void ngx_http_social_put_body(ngx_http_request_t *r);
static void ngx_http_social_put_read(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_put_take(ngx_http_social_put_t *put,
    ngx_http_request_body_t *rb);
static void ngx_http_social_put_next(ngx_http_request_t *r,
    ngx_http_social_put_t *put);
static ngx_int_t ngx_http_social_put_post(ngx_http_social_put_t *put,
    ngx_http_social_put_step_e step);
static void ngx_http_social_put_thread(void *data, ngx_log_t *log);
static void ngx_http_social_put_write(ngx_http_social_put_t *put);
static void ngx_http_social_put_data(ngx_http_social_put_t *put,
    social_str_t data);
static void ngx_http_social_put_prepare(ngx_http_social_put_t *put);
static social_s3_error_e ngx_http_social_put_keep_checksum(
    ngx_http_social_put_t *put);
static void ngx_http_social_put_failed(ngx_http_social_put_t *put,
    ngx_err_t err);
static void ngx_http_social_put_done(ngx_http_social_task_t *task);
static void ngx_http_social_put_retry(ngx_event_t *ev);
static void ngx_http_social_put_commit(ngx_http_request_t *r,
    ngx_http_social_put_t *put);
static void ngx_http_social_put_committed(
    ngx_http_social_store_commit_t *commit);
static void ngx_http_social_put_finish(ngx_http_social_put_t *put);
static void ngx_http_social_put_announced(
    ngx_http_social_query_outcome_e outcome, void *data);
static void ngx_http_social_put_abort(ngx_http_social_put_t *put);
static ngx_int_t ngx_http_social_put_refuse(ngx_http_request_t *r,
    ngx_http_social_put_t *put);
static ngx_int_t ngx_http_social_put_answer(ngx_http_request_t *r,
    ngx_http_social_put_t *put);
static ngx_int_t ngx_http_social_put_checksum(ngx_http_request_t *r,
    social_s3_checksum_t *checksum);
static void ngx_http_social_put_free(ngx_http_social_put_t *put);


ngx_int_t
ngx_http_social_store_put(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    off_t                              size;
    ngx_int_t                          rc;
    social_s3_error_e                  error;
    social_s3_error_body_t             text;
    ngx_http_social_put_t             *put;
    ngx_http_social_store_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);

    error = SOCIAL_S3_OK;

    if (sr->form) {
        size = sr->form->room;

    } else {
        size = sr->op.length >= 0 ? sr->op.length
                                  : r->headers_in.content_length_n;
    }

    if (size < 0) {
        error = SOCIAL_S3_MISSING_CONTENT_LENGTH;

    } else if (sr->form == NULL
               && (size > slcf->max_size
                   || (sr->op.max_size >= 0 && size > sr->op.max_size)))
    {
        error = SOCIAL_S3_ENTITY_TOO_LARGE;
    }

    put = NULL;

    if (error == SOCIAL_S3_OK) {

        put = ngx_http_social_put_create(r, sr, size);
        if (put == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        error = ngx_http_social_store_digest_init(put->task->pool, sr,
                                                  &put->digest);
    }

    if (error != SOCIAL_S3_OK) {
        ngx_memzero(&text, sizeof(social_s3_error_body_t));
        return ngx_http_social_store_refuse(r, error, &text);
    }

    ngx_http_set_ctx(r, put, ngx_http_social_store_module);

    if (sr->form) {
        ngx_http_social_put_read(r);
        return NGX_DONE;
    }

    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_social_put_body);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


static ngx_http_social_put_t *
ngx_http_social_put_create(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, off_t size)
{
    size_t                   room;
    ngx_http_social_put_t   *put;
    ngx_http_social_task_t  *task;

    task = ngx_http_social_task_create(sizeof(ngx_http_social_put_t),
                                       ngx_http_social_put_thread,
                                       ngx_http_social_put_done);
    if (task == NULL) {
        return NULL;
    }

    put = task->ctx;

    put->task = task;
    put->conf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);

    put->retry.handler = ngx_http_social_put_retry;
    put->retry.data = put;
    put->retry.log = ngx_cycle->log;

    put->commit.handler = ngx_http_social_put_committed;
    put->commit.data = put;

    social_net_commit_init(&put->commit.net,
                        ngx_http_social_store_queue_disk(put->conf->queue));

    put->commit.net.announce = put->conf->announce;
    put->commit.net.meta.size = size;

    /*
     * A small object is in memory until it is prepared, as it came, or decoded
     * in front of what comes.
     */

    put->is_chunked = (sr->op.chunked != SOCIAL_S3_CHUNKED_NONE
                       || sr->form != NULL);

    if (sr->form) {
        put->post = sr->form->post;
        put->min = sr->form->min;
        put->max = sr->form->max;
    }

    put->size = put->is_chunked ? NGX_HTTP_SOCIAL_PUT_ROOM
                : ngx_min((size_t) size, NGX_HTTP_SOCIAL_PUT_ROOM);

    room = put->is_chunked && !ngx_http_social_put_is_large(put)
           ? (size_t) size : 0;

    put->small = ngx_alloc(room + put->size + 1, ngx_cycle->log);
    put->room = put->small + room;

    if (put->small == NULL
        || ngx_http_social_put_name(put, r, sr) != NGX_OK
        || ngx_http_social_task_own_request(task, r) != NGX_OK)
    {
        ngx_http_social_put_free(put);
        return NULL;
    }

    return put;
}


/*
 * Copies what outlives the request.
 */

static ngx_int_t
ngx_http_social_put_name(ngx_http_social_put_t *put, ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    u_char               *path, *key;
    social_str_t          type;
    social_net_commit_t  *net;

    net = &put->commit.net;

    path = ngx_pnalloc(put->task->pool, sr->path.len + 1);
    key = ngx_pnalloc(put->task->pool, sr->op.key.len);

    if (path == NULL || key == NULL
        || ngx_http_social_put_copy(put, &net->if_match,
                                    sr->op.condition.if_match)
           != NGX_OK
        || ngx_http_social_put_copy(put, &net->if_none_match,
                                    sr->op.condition.if_none_match)
           != NGX_OK
        || ngx_http_social_put_kept(put, sr) != NGX_OK
        || ngx_http_social_store_id(net->meta.id) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(path, sr->path.data, sr->path.len + 1);
    ngx_memcpy(key, sr->op.key.data, sr->op.key.len);

    net->path = (char *) path;
    net->key.data = key;
    net->key.len = sr->op.key.len;

    if (sr->form) {
        type = sr->form->post->type;

    } else if (r->headers_in.content_type) {
        type = ngx_http_social_view(&r->headers_in.content_type->value);

    } else {
        return NGX_OK;
    }

    return ngx_http_social_put_copy(put, &net->meta.type, type);
}


static ngx_int_t
ngx_http_social_put_copy(ngx_http_social_put_t *put, social_str_t *to,
    social_str_t from)
{
    u_char  *p;

    p = ngx_pnalloc(put->task->pool, from.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (from.len) {
        ngx_memcpy(p, from.data, from.len);
    }

    to->data = p;
    to->len = from.len;

    return NGX_OK;
}


/*
 * Headers that are kept with the object.
 */

static ngx_int_t
ngx_http_social_put_kept(ngx_http_social_put_t *put,
    ngx_http_social_store_request_t *sr)
{
    u_char        *p;
    size_t         i, size;
    social_buf_t   b;

    size = 0;

    for (i = 0; i < sr->op.kept_count; i++) {
        size += sr->op.kept[i].name.len + sr->op.kept[i].value.len + 2;
    }

    if (size == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(put->task->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    social_buf_init(&b, p, size);

    for (i = 0; i < sr->op.kept_count; i++) {
        social_store_meta_add(&b, sr->op.kept[i].name, sr->op.kept[i].value);
    }

    put->commit.net.meta.headers = social_buf_since(&b, 0);

    return b.rc == SOCIAL_OK ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_social_put_body(ngx_http_request_t *r)
{
    ngx_http_social_put_read(r);
}


/*
 * Copies what has been read to the buffer and posts it to a thread; if nothing
 * has been read, continues reading.
 */

static void
ngx_http_social_put_read(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_connection_t          *c;
    ngx_http_social_put_t     *put;
    ngx_http_core_loc_conf_t  *clcf;

    put = ngx_http_get_module_ctx(r, ngx_http_social_store_module);

    if (put->task->busy || put->queued || put->retry.timer_set) {
        return;
    }

    c = r->connection;

    for ( ;; ) {

        if (ngx_http_social_put_take(put, r->request_body) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
            return;
        }

        if (!r->reading_body
            || (put->len == put->size
                && (put->is_chunked || ngx_http_social_put_is_large(put))))
        {
            ngx_http_social_put_next(r, put);
            return;
        }

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            ngx_http_finalize_request(r, rc);
            return;
        }

        if (rc == NGX_AGAIN && r->request_body->bufs == NULL) {

            if (put->len && ngx_http_social_put_is_large(put)) {
                /* written while the client sends the next piece */

                ngx_http_social_put_next(r, put);
                return;
            }

            if (!c->read->timer_set) {
                clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
                ngx_add_timer(c->read, clcf->client_body_timeout);
            }

            r->read_event_handler = ngx_http_social_put_read;
            return;
        }
    }
}


/*
 * What does not fit stays in the request's buffers.
 */

static ngx_int_t
ngx_http_social_put_take(ngx_http_social_put_t *put,
    ngx_http_request_body_t *rb)
{
    size_t      n;
    ngx_buf_t  *b;

    for ( /* void */ ; rb->bufs; rb->bufs = rb->bufs->next) {

        b = rb->bufs->buf;

        if (b->in_file) {
            return NGX_ERROR;
        }

        n = ngx_min((size_t) (b->last - b->pos), put->size - put->len);

        if (n) {
            ngx_memcpy(put->room + put->len, b->pos, n);
            put->len += n;
            b->pos += n;
        }

        if (b->pos != b->last) {
            break;
        }
    }

    return NGX_OK;
}


/*
 * The time that a thread takes is not the client's.
 */

static void
ngx_http_social_put_next(ngx_http_request_t *r, ngx_http_social_put_t *put)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = r->connection;

    r->read_event_handler = ngx_http_block_reading;

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (ngx_http_social_put_post(put, r->reading_body
                                      || r->request_body->bufs
                                      ? NGX_HTTP_SOCIAL_PUT_WRITE
                                      : NGX_HTTP_SOCIAL_PUT_PREPARE)
        != NGX_OK)
    {
        rc = ngx_http_social_store_error(r, SOCIAL_S3_SLOW_DOWN, NULL);
        ngx_http_finalize_request(r, rc);
    }
}


static ngx_int_t
ngx_http_social_put_post(ngx_http_social_put_t *put,
    ngx_http_social_put_step_e step)
{
    put->step = step;

    return ngx_http_social_task_post(put->task, put->conf->thread_pool);
}


static void
ngx_http_social_put_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_put_t  *put = data;

    put->error = SOCIAL_S3_OK;

    switch (put->step) {

    case NGX_HTTP_SOCIAL_PUT_WRITE:
        ngx_http_social_put_write(put);
        break;

    case NGX_HTTP_SOCIAL_PUT_PREPARE:
        ngx_http_social_put_prepare(put);
        break;

    case NGX_HTTP_SOCIAL_PUT_FINISH:
        if (put->announced) {
            social_net_commit_announced(&put->commit.net);

        } else {
            social_net_commit_finish(&put->commit.net);
        }

        return;

    case NGX_HTTP_SOCIAL_PUT_ABORT:
        social_net_commit_abort(&put->commit.net);
        return;
    }

    if (put->error != SOCIAL_S3_OK) {

        /* space is freed before the client is informed, and retries */

        social_net_commit_abort(&put->commit.net);
    }
}


static void
ngx_http_social_put_write(ngx_http_social_put_t *put)
{
    social_str_t  piece, data;

    piece.data = put->room;
    piece.len = put->len;

    do {
        put->error = ngx_http_social_store_digest_next(&put->digest, &piece,
                                                       &data);

        if (put->error == SOCIAL_S3_OK && data.len) {
            ngx_http_social_put_data(put, data);
        }

    } while (put->error == SOCIAL_S3_OK && piece.len);
}


/*
 * A piece of the object: of a small one it stays in memory.
 */

static void
ngx_http_social_put_data(ngx_http_social_put_t *put, social_str_t data)
{
    social_net_commit_t  *net;

    net = &put->commit.net;

    /* chunks may be more than they were said to be */

    if ((off_t) data.len > net->meta.size - put->received) {
        put->error = SOCIAL_S3_INCOMPLETE_BODY;
        return;
    }

    if (put->post && (off_t) data.len > put->max - put->received) {
        put->error = SOCIAL_S3_ENTITY_TOO_LARGE;
        return;
    }

    if (ngx_http_social_put_is_large(put)) {

        if (net->data.fd == -1
            && (social_net_disk_room(net->disk, net->meta.size) != SOCIAL_OK
                || social_net_disk_create(net->disk, net->meta.id, 0,
                                          &net->data)
                   != SOCIAL_OK))
        {
            ngx_http_social_put_failed(put, ngx_errno);
            return;
        }

        if (social_net_disk_write(net->data.fd, data) != SOCIAL_OK) {
            ngx_http_social_put_failed(put, ngx_errno);
            return;
        }

    } else if (put->is_chunked) {
        ngx_memcpy(put->small + put->received, data.data, data.len);
    }

    put->received += data.len;

    if (net->data.fd != -1 && net->disk->sync
        && put->received - put->flushed >= NGX_HTTP_SOCIAL_PUT_FLUSH)
    {
        social_net_disk_flush(net->data.fd, put->flushed,
                              put->received - put->flushed);
        put->flushed = put->received;
    }

    put->error = ngx_http_social_store_digest_update(&put->digest, data);
}


static void
ngx_http_social_put_prepare(ngx_http_social_put_t *put)
{
    social_net_commit_t     *net;
    social_net_commit_rc_e   rc;

    net = &put->commit.net;

    if (!put->digested) {

        ngx_http_social_put_write(put);

        if (put->error != SOCIAL_S3_OK) {
            return;
        }

        if (put->post) {

            /* it is known now */

            net->meta.size = put->received;
            put->error = social_s3_form_end(put->digest.form);

            if (put->error == SOCIAL_S3_OK && put->received < put->min) {
                put->error = SOCIAL_S3_ENTITY_TOO_SMALL;
            }

            if (put->error != SOCIAL_S3_OK) {
                return;
            }

        } else if (put->received != net->meta.size) {
            put->error = SOCIAL_S3_INCOMPLETE_BODY;
            return;
        }

        put->error = ngx_http_social_store_digest_final(&put->digest,
                                                        net->meta.etag);
        if (put->error != SOCIAL_S3_OK) {
            return;
        }

        put->error = ngx_http_social_put_keep_checksum(put);

        if (put->error != SOCIAL_S3_OK) {
            return;
        }

        if (net->data.fd == -1) {
            net->bytes.data = put->small;
            net->bytes.len = net->meta.size;
        }

        put->digested = 1;
    }

    rc = social_net_commit_prepare(net);

    put->busy = (rc == SOCIAL_NET_COMMIT_BUSY);

    if (rc != SOCIAL_NET_COMMIT_OK && rc != SOCIAL_NET_COMMIT_BUSY) {
        ngx_http_social_put_failed(put, net->err);
    }
}


/*
 * The checksum that the client gave, which is the object's.
 */

static social_s3_error_e
ngx_http_social_put_keep_checksum(ngx_http_social_put_t *put)
{
    size_t                 len;
    u_char                 text[SOCIAL_S3_CHECKSUM_TEXT + sizeof(" full")];
    social_buf_t           b;
    social_str_t           value;
    social_s3_checksum_t  *checksum;

    checksum = &put->digest.checksum;

    if (checksum->algorithm == SOCIAL_S3_CHECKSUM_NONE) {
        return SOCIAL_S3_OK;
    }

    len = social_s3_checksum_write(checksum->algorithm, checksum->value, text);
    ngx_memcpy(text + len, " full", 5);

    value.data = text;
    value.len = len + 5;

    social_buf_init(&b, put->checksums, sizeof(put->checksums));
    social_store_meta_add(&b, social_s3_checksum_name(checksum->algorithm),
                          value);

    put->commit.net.meta.checksums = social_buf_since(&b, 0);

    return b.rc == SOCIAL_OK ? SOCIAL_S3_OK : SOCIAL_S3_INTERNAL_ERROR;
}


static void
ngx_http_social_put_failed(ngx_http_social_put_t *put, ngx_err_t err)
{
    put->err = err;
    put->error = SOCIAL_S3_SERVICE_UNAVAILABLE;
}


/*
 * Also called by the request's cleanup while no thread uses it.
 */

static void
ngx_http_social_put_done(ngx_http_social_task_t *task)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    ngx_http_social_put_t  *put;

    put = task->ctx;
    r = task->owner;

    if (put->queued) {
        return;
    }

    if (put->step == NGX_HTTP_SOCIAL_PUT_FINISH
        || put->step == NGX_HTTP_SOCIAL_PUT_ABORT)
    {
        ngx_http_social_put_free(put);
        return;
    }

    if (r == NULL) {
        ngx_http_social_put_abort(put);
        return;
    }

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    if (put->error != SOCIAL_S3_OK) {
        rc = ngx_http_social_put_refuse(r, put);
        ngx_http_finalize_request(r, rc);

    } else if (put->step == NGX_HTTP_SOCIAL_PUT_PREPARE) {
        ngx_http_social_put_commit(r, put);

    } else {
        put->len = 0;
        ngx_http_social_put_read(r);
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_social_put_retry(ngx_event_t *ev)
{
    ngx_http_social_put_t  *put = ev->data;

    if (ngx_http_social_put_post(put, NGX_HTTP_SOCIAL_PUT_PREPARE) != NGX_OK) {
        ngx_add_timer(&put->retry, NGX_HTTP_SOCIAL_PUT_FULL);
    }
}


static void
ngx_http_social_put_commit(ngx_http_request_t *r, ngx_http_social_put_t *put)
{
    if (put->busy) {
        ngx_add_timer(&put->retry, NGX_HTTP_SOCIAL_PUT_RETRY);
        return;
    }

    ngx_free(put->small);
    put->small = NULL;

    if (ngx_http_social_store_queue_add(put->conf->queue, &put->commit)
        != NGX_OK)
    {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    put->queued = 1;
}


/*
 * The request may be gone; the object is there anyway.
 */

static void
ngx_http_social_put_committed(ngx_http_social_store_commit_t *commit)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    ngx_http_social_put_t  *put;

    put = commit->data;
    put->queued = 0;

    r = put->task->owner;

    ngx_http_social_task_disown(put->task);

    if (r != NULL) {

        c = r->connection;
        ngx_http_set_log_request(c->log, r);

        if (commit->rc == SOCIAL_NET_COMMIT_OK) {
            rc = ngx_http_social_put_answer(r, put);

        } else {
            put->err = commit->net.err;
            put->error = ngx_http_social_store_commit_error(commit->rc);
            rc = ngx_http_social_put_refuse(r, put);
        }

        ngx_http_finalize_request(r, rc);
        ngx_http_run_posted_requests(c);
    }

    if (commit->rc == SOCIAL_NET_COMMIT_OK) {
        ngx_http_social_put_finish(put);

    } else {
        ngx_http_social_put_free(put);
    }
}


/*
 * What cannot be done now is done when the intent is found.
 */

static void
ngx_http_social_put_finish(ngx_http_social_put_t *put)
{
    if (put->commit.net.announce) {

        if (ngx_http_social_store_announce(put->conf, &put->commit.net.meta,
                                           put->commit.net.key,
                                           ngx_http_social_put_announced, put)
            != NGX_OK)
        {
            ngx_http_social_put_free(put);
        }

        return;
    }

    if (!social_net_commit_unfinished(&put->commit.net)
        || ngx_http_social_put_post(put, NGX_HTTP_SOCIAL_PUT_FINISH) != NGX_OK)
    {
        ngx_http_social_put_free(put);
    }
}


static void
ngx_http_social_put_announced(ngx_http_social_query_outcome_e outcome,
    void *data)
{
    ngx_http_social_put_t  *put = data;

    put->announced = 1;

    if (outcome != NGX_HTTP_SOCIAL_QUERY_OK
        || ngx_http_social_put_post(put, NGX_HTTP_SOCIAL_PUT_FINISH) != NGX_OK)
    {
        ngx_http_social_put_free(put);
    }
}


/* no thread uses it, and the request is gone */

static void
ngx_http_social_put_abort(ngx_http_social_put_t *put)
{
    if (put->retry.timer_set) {
        ngx_del_timer(&put->retry);
    }

    if ((put->commit.net.data.fd == -1 && put->commit.net.file.fd == -1)
        || ngx_http_social_put_post(put, NGX_HTTP_SOCIAL_PUT_ABORT) != NGX_OK)
    {
        ngx_http_social_put_free(put);
    }
}


static ngx_int_t
ngx_http_social_put_refuse(ngx_http_request_t *r, ngx_http_social_put_t *put)
{
    if (put->error == SOCIAL_S3_SERVICE_UNAVAILABLE) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, put->err,
                      "social: the store could not write below \"%V\"",
                      &put->conf->root);
    }

    return ngx_http_social_store_error(r, put->error,
               put->post && put->error == SOCIAL_S3_INVALID_ARGUMENT
               ? NGX_HTTP_SOCIAL_STORE_ONE_FILE : NULL);
}


static ngx_int_t
ngx_http_social_put_answer(ngx_http_request_t *r, ngx_http_social_put_t *put)
{
    ngx_str_t         etag, body;
    static ngx_str_t  none = ngx_null_string;

    etag.data = ngx_pnalloc(r->pool, SOCIAL_STORE_ETAG_SIZE);
    if (etag.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    etag.len = social_store_meta_etag(&put->commit.net.meta, etag.data);

    if (ngx_http_social_header_out_push(r, "ETag", &etag) == NULL
        || ngx_http_social_put_checksum(r, &put->digest.checksum) != NGX_OK
        || ngx_http_social_store_headers(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (put->post) {
        return ngx_http_social_store_post_answer(r, put->post,
                                                 put->commit.net.key,
                                                 ngx_http_social_view(&etag));
    }

    ngx_str_null(&body);

    return ngx_http_social_reply(r, NGX_HTTP_OK, &none, &body);
}


/*
 * The checksum that was verified.
 */

static ngx_int_t
ngx_http_social_put_checksum(ngx_http_request_t *r,
    social_s3_checksum_t *checksum)
{
    ngx_str_t         value;
    social_str_t      name;
    static ngx_str_t  full = ngx_string("FULL_OBJECT");

    if (checksum->algorithm == SOCIAL_S3_CHECKSUM_NONE) {
        return NGX_OK;
    }

    value.data = ngx_pnalloc(r->pool, SOCIAL_S3_CHECKSUM_TEXT);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = social_s3_checksum_write(checksum->algorithm, checksum->value,
                                         value.data);
    name = social_s3_checksum_header(checksum->algorithm);

    if (ngx_http_social_header_out_push(r, (char *) name.data, &value) == NULL
        || ngx_http_social_header_out_push(r, "x-amz-checksum-type", &full)
           == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_social_put_free(ngx_http_social_put_t *put)
{
    social_net_commit_free(&put->commit.net);

    if (put->small != NULL) {
        ngx_free(put->small);
    }

    ngx_http_social_store_digest_free(&put->digest);
    ngx_http_social_task_free(put->task);
}
