
/*
 * The embedded store: writing an object, or a part of one.
 *
 * The body is read unbuffered, since nginx would write its own temporary file
 * on the event loop: each piece is copied to a buffer of the request's and
 * written in a thread, and the next one is read when that is done.  At the end
 * a thread verifies digests and prepares the commit, which then waits for its
 * syncs with others.  If the client closes the connection before that, nothing
 * is left; after it, the object is stored.
 */

#include "ngx_http_social_reply.h"
#include "ngx_http_social_store_put.h"


#define NGX_HTTP_SOCIAL_PUT_ROOM   (192 * 1024)

/* the disk begins to write what was written so far */
#define NGX_HTTP_SOCIAL_PUT_FLUSH  (8 * 1024 * 1024)


static ngx_int_t ngx_http_social_put_room(ngx_http_social_put_t *put);
static void ngx_http_social_put_read(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_put_take(ngx_http_social_put_t *put,
    ngx_http_request_body_t *rb);
static void ngx_http_social_put_next(ngx_http_request_t *r,
    ngx_http_social_put_t *put);
static void ngx_http_social_put_write(ngx_http_social_store_change_t *change);
static void ngx_http_social_put_wrote(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change);
static void ngx_http_social_put_explain(ngx_http_social_put_t *put);
static void ngx_http_social_put_prepare(
    ngx_http_social_store_change_t *change);
static social_s3_error_e ngx_http_social_put_digested(
    ngx_http_social_put_t *put);
static social_s3_error_e ngx_http_social_put_keep_checksum(
    ngx_http_social_put_t *put);
static ngx_int_t ngx_http_social_put_checksum(ngx_http_request_t *r,
    ngx_http_social_put_t *put);
static ngx_int_t ngx_http_social_put_answer(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change);
static void ngx_http_social_put_free(ngx_http_social_store_change_t *change);


ngx_int_t
ngx_http_social_store_put(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    off_t                   size;
    ngx_int_t               rc;
    social_s3_error_e       error;
    social_net_commit_t    *net;
    ngx_http_social_put_t  *put;

    error = ngx_http_social_put_size(r, sr, &size);

    if (error != SOCIAL_S3_OK) {
        return ngx_http_social_put_refuse(r, error);
    }

    put = ngx_http_social_put_create(r, sr, size);
    if (put == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    net = &put->change.commit.net;
    net->announce = put->change.conf->announce;

    if (ngx_http_social_store_change_kept(&put->change, sr,
                                          &net->meta.headers)
        != NGX_OK
        || (sr->form
            ? ngx_http_social_store_change_copy(&put->change, &net->meta.type,
                                                sr->form->post->type)
            : ngx_http_social_store_change_type(r, &put->change,
                                                &net->meta.type))
           != NGX_OK)
    {
        ngx_http_social_store_change_free(&put->change);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_social_put_begin(r, put);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


social_s3_error_e
ngx_http_social_put_size(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, off_t *size)
{
    ngx_http_social_store_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);

    /* a form has its own limits, which are for its file */

    if (sr->form) {
        *size = sr->form->room;
        return SOCIAL_S3_OK;
    }

    *size = sr->op.length >= 0 ? sr->op.length
                               : r->headers_in.content_length_n;

    if (*size < 0) {
        return SOCIAL_S3_MISSING_CONTENT_LENGTH;
    }

    return *size > slcf->max_size
           || (sr->op.max_size >= 0 && *size > sr->op.max_size)
           ? SOCIAL_S3_ENTITY_TOO_LARGE : SOCIAL_S3_OK;
}


ngx_http_social_put_t *
ngx_http_social_put_create(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, off_t size)
{
    ngx_http_social_put_t  *put;

    put = (ngx_http_social_put_t *) ngx_http_social_store_change_create(r, sr,
                                              sizeof(ngx_http_social_put_t));
    if (put == NULL) {
        return NULL;
    }

    put->source.fd = -1;
    put->source.dir = -1;

    put->change.prepare = ngx_http_social_put_prepare;
    put->change.answer = ngx_http_social_put_answer;
    put->change.free = ngx_http_social_put_free;
    put->change.commit.net.meta.size = size;

    put->request = sr;
    put->is_chunked = (sr->op.chunked != SOCIAL_S3_CHUNKED_NONE
                       || sr->form != NULL);

    if (sr->form) {
        put->post = sr->form->post;
        put->min = sr->form->min;
        put->max = sr->form->max;
    }

    return put;
}


ngx_int_t
ngx_http_social_put_refuse(ngx_http_request_t *r, social_s3_error_e error)
{
    social_s3_error_body_t  text;

    ngx_memzero(&text, sizeof(social_s3_error_body_t));

    return ngx_http_social_store_refuse(r, error, &text);
}


/*
 * Memory is taken once nothing else speaks against the body.
 */

ngx_int_t
ngx_http_social_put_begin(ngx_http_request_t *r, ngx_http_social_put_t *put)
{
    social_s3_error_e  error;

    error = ngx_http_social_store_digest_init(put->change.task->pool,
                                              put->request, &put->digest);

    if (error != SOCIAL_S3_OK || ngx_http_social_put_room(put) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    put->change.work = ngx_http_social_put_write;
    put->change.worked = ngx_http_social_put_wrote;

    ngx_http_set_ctx(r, put, ngx_http_social_store_module);

    if (put->post) {
        ngx_http_social_put_read(r);
        return NGX_DONE;
    }

    r->request_body_no_buffering = 1;

    return ngx_http_read_client_request_body(r, ngx_http_social_put_read);
}


/*
 * A small object is in memory until it is prepared, as it came, or decoded in
 * front of what comes.
 */

static ngx_int_t
ngx_http_social_put_room(ngx_http_social_put_t *put)
{
    size_t  room, size;

    size = put->change.commit.net.meta.size;

    put->size = put->is_chunked ? NGX_HTTP_SOCIAL_PUT_ROOM
                                : ngx_min(size, NGX_HTTP_SOCIAL_PUT_ROOM);

    room = put->is_chunked && !ngx_http_social_put_is_large(put) ? size : 0;

    put->small = ngx_alloc(room + put->size + 1, ngx_cycle->log);
    put->room = put->small + room;

    return put->small != NULL ? NGX_OK : NGX_ERROR;
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

    if (put->change.task->busy || put->change.queued
        || put->change.retry.timer_set)
    {
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

    if ((r->reading_body || r->request_body->bufs
         ? ngx_http_social_store_change_work(&put->change)
         : ngx_http_social_store_change_commit(&put->change))
        != NGX_OK)
    {
        rc = ngx_http_social_store_error(r, SOCIAL_S3_SLOW_DOWN, NULL);
        ngx_http_finalize_request(r, rc);
    }
}


static void
ngx_http_social_put_write(ngx_http_social_store_change_t *change)
{
    social_str_t            piece, data;
    ngx_http_social_put_t  *put;

    put = (ngx_http_social_put_t *) change;

    piece.data = put->room;
    piece.len = put->len;

    do {
        change->error = ngx_http_social_store_digest_next(&put->digest,
                                                          &piece, &data);

        if (change->error == SOCIAL_S3_OK && data.len) {
            ngx_http_social_put_data(put, data);
        }

    } while (change->error == SOCIAL_S3_OK && piece.len);

    ngx_http_social_put_explain(put);
}


/*
 * A form with two files is not what any other argument is.
 */

static void
ngx_http_social_put_explain(ngx_http_social_put_t *put)
{
    if (put->post && put->change.error == SOCIAL_S3_INVALID_ARGUMENT) {
        put->change.text.message = social_str(NGX_HTTP_SOCIAL_STORE_ONE_FILE);
    }
}


static void
ngx_http_social_put_wrote(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change)
{
    ngx_http_social_put_t  *put;

    put = (ngx_http_social_put_t *) change;

    put->len = 0;
    ngx_http_social_put_read(r);
}


/*
 * A piece of the object: of a small one it stays in memory.
 */

void
ngx_http_social_put_data(ngx_http_social_put_t *put, social_str_t data)
{
    social_net_commit_t  *net;

    net = &put->change.commit.net;

    /* chunks may be more than they were said to be */

    if ((off_t) data.len > net->meta.size - put->received) {
        put->change.error = SOCIAL_S3_INCOMPLETE_BODY;
        return;
    }

    if (put->post && (off_t) data.len > put->max - put->received) {
        put->change.error = SOCIAL_S3_ENTITY_TOO_LARGE;
        return;
    }

    if (ngx_http_social_put_is_large(put)) {

        if (net->data.fd == -1
            && (social_net_disk_room(net->disk, net->meta.size) != SOCIAL_OK
                || social_net_disk_create(net->disk, net->meta.id, 0,
                                          &net->data)
                   != SOCIAL_OK))
        {
            ngx_http_social_store_change_failed(&put->change,
                                                ngx_errno);
            return;
        }

        if (social_net_disk_write(net->data.fd, data) != SOCIAL_OK) {
            ngx_http_social_store_change_failed(&put->change,
                                                ngx_errno);
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

    put->change.error = ngx_http_social_store_digest_update(&put->digest, data);
}


static void
ngx_http_social_put_prepare(ngx_http_social_store_change_t *change)
{
    ngx_http_social_put_t  *put;

    put = (ngx_http_social_put_t *) change;

    if (!put->digested) {

        change->error = ngx_http_social_put_digested(put);
        ngx_http_social_put_explain(put);

        if (change->error == SOCIAL_S3_OK && put->note) {
            put->note(put);
        }

        if (change->error != SOCIAL_S3_OK) {
            return;
        }

        put->digested = 1;
    }

    ngx_http_social_store_change_prepare(change);
}


static social_s3_error_e
ngx_http_social_put_digested(ngx_http_social_put_t *put)
{
    social_s3_error_e     error;
    social_net_commit_t  *net;

    net = &put->change.commit.net;

    if (put->room) {

        ngx_http_social_put_write(&put->change);

        if (put->change.error != SOCIAL_S3_OK) {
            return put->change.error;
        }
    }

    if (put->post) {

        /* it is known now */

        net->meta.size = put->received;
        put->change.error = social_s3_form_end(put->digest.form);

        if (put->change.error != SOCIAL_S3_OK) {
            return put->change.error;
        }

        if (put->received < put->min) {
            return SOCIAL_S3_ENTITY_TOO_SMALL;
        }

    } else if (put->received != net->meta.size) {
        return SOCIAL_S3_INCOMPLETE_BODY;
    }

    error = ngx_http_social_store_digest_final(&put->digest, net->meta.etag);

    if (error == SOCIAL_S3_OK) {
        error = ngx_http_social_put_keep_checksum(put);
    }

    if (net->data.fd == -1) {
        net->bytes.data = put->small;
        net->bytes.len = net->meta.size;
    }

    return error;
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

    put->change.commit.net.meta.checksums = social_buf_since(&b, 0);

    return b.rc == SOCIAL_OK ? SOCIAL_S3_OK : SOCIAL_S3_INTERNAL_ERROR;
}


static ngx_int_t
ngx_http_social_put_answer(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change)
{
    ngx_str_t               etag, body;
    ngx_http_social_put_t  *put;
    static ngx_str_t        none = ngx_null_string;

    put = (ngx_http_social_put_t *) change;

    ngx_free(put->small);
    put->small = NULL;

    etag.data = ngx_pnalloc(r->pool, SOCIAL_STORE_ETAG_SIZE);
    if (etag.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    etag.len = social_store_meta_etag(&change->commit.net.meta, etag.data);

    if (ngx_http_social_header_out_push(r, "ETag", &etag) == NULL
        || ngx_http_social_put_checksum(r, put) != NGX_OK
        || ngx_http_social_store_headers(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (put->post) {
        return ngx_http_social_store_post_answer(r, put->post,
                                                 change->commit.net.key,
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
    ngx_http_social_put_t *put)
{
    ngx_str_t              value;
    social_str_t           name;
    social_s3_checksum_t  *checksum;
    static ngx_str_t       full = ngx_string("FULL_OBJECT");

    checksum = &put->digest.checksum;

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
        || (!put->is_part
            && ngx_http_social_header_out_push(r, "x-amz-checksum-type", &full)
               == NULL))
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_social_put_free(ngx_http_social_store_change_t *change)
{
    ngx_http_social_put_t  *put;

    put = (ngx_http_social_put_t *) change;

    if (put->small != NULL) {
        ngx_free(put->small);
        put->small = NULL;
    }

    social_net_object_close(&put->source);
    ngx_http_social_store_digest_free(&put->digest);
}
