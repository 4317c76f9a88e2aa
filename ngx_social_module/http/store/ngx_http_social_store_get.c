
/*
 * The embedded store: GET and HEAD.
 *
 * An object whose metadata is in the kernel's memory is opened at once; all
 * others, in a thread.
 */

#include "ngx_http_social_reply.h"
#include "ngx_http_social_store_buffer.h"
#include "ngx_http_social_store_change.h"
#include "social_net_parts.h"
#include "social_s3_xml.h"


/* what a thread reads: metadata, and all of a small object */

#define NGX_HTTP_SOCIAL_GET_SIZE  (SOCIAL_STORE_META_SIZE + 8192)

/* what is read where no more than metadata may be needed */

#define NGX_HTTP_SOCIAL_GET_PEEK  6144


typedef struct {
    ngx_http_social_store_loc_conf_t  *conf;
    ngx_http_social_store_request_t   *request;    /* of the owner */
    ngx_str_t                          path;
    ngx_err_t                          err;
    unsigned                           part;       /* asked for; 0: none */
    off_t                              first;      /* of it; -1: none is */
    off_t                              end;
    social_net_object_t                object;
    social_rc_e                        rc;
    social_store_meta_t                meta;
    size_t                             len;        /* of what is in "buf" */
    u_char                            *buf;
    u_char                            *buffer;     /* the same, if the request
                                                      may keep it, or NULL */
} ngx_http_social_store_get_t;


static ngx_int_t ngx_http_social_store_get_cached(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);
static ngx_uint_t ngx_http_social_store_get_is_whole(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);
static void ngx_http_social_store_thread(void *data, ngx_log_t *log);
static social_rc_e ngx_http_social_store_find(
    ngx_http_social_store_get_t *get);
static void ngx_http_social_store_done(ngx_http_social_task_t *task);
static ngx_int_t ngx_http_social_store_send(ngx_http_request_t *r,
    ngx_http_social_store_get_t *get);
static ngx_int_t ngx_http_social_store_tagging(ngx_http_request_t *r);


ngx_int_t
ngx_http_social_store_get(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    ngx_int_t                     rc;
    ngx_http_social_task_t       *task;
    ngx_http_social_store_get_t  *get;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_social_store_get_cached(r, sr);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    task = ngx_http_social_task_create(sizeof(ngx_http_social_store_get_t)
                                       + NGX_HTTP_SOCIAL_GET_SIZE,
                                       ngx_http_social_store_thread,
                                       ngx_http_social_store_done);
    if (task == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    get = task->ctx;

    get->conf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);
    get->request = sr;
    get->part = sr->op.part;
    get->buf = (u_char *) (get + 1);
    get->object.fd = -1;
    get->object.dir = -1;
    get->path.data = ngx_pnalloc(task->pool, sr->path.len + 1);

    if (get->path.data == NULL
        || ngx_http_social_task_own_request(task, r) != NGX_OK)
    {
        ngx_http_social_task_free(task);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(get->path.data, sr->path.data, sr->path.len + 1);

    if (ngx_http_social_task_post(task, get->conf->thread_pool) != NGX_OK) {
        ngx_http_social_task_free(task);
        return ngx_http_social_store_error(r, SOCIAL_S3_SLOW_DOWN, NULL);
    }

    r->main->count++;

    return NGX_DONE;
}


/*
 * NGX_DECLINED: nothing was done, since it may have to wait.
 */

static ngx_int_t
ngx_http_social_store_get_cached(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    ngx_int_t                    rc;
    ngx_http_social_store_get_t  get;

    get.buffer = ngx_http_social_store_buffer_take();
    if (get.buffer == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    get.buf = get.buffer;
    get.conf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);
    get.request = sr;
    get.part = sr->op.part;
    get.first = 0;
    get.end = 0;

    get.rc = social_net_disk_peek(
                 ngx_http_social_store_queue_disk(get.conf->queue),
                 (char *) sr->path.data, get.buf,
                 ngx_http_social_store_get_is_whole(r, sr)
                 ? NGX_HTTP_SOCIAL_STORE_BUFFER : NGX_HTTP_SOCIAL_GET_PEEK,
                 &get.len, &get.meta, &get.object);

    switch (get.rc) {

    case SOCIAL_OK:

        if (get.part) {

            /* it is not in parts, so that there is nothing to read */

            (void) ngx_http_social_store_find(&get);
        }

        rc = ngx_http_social_store_send(r, &get);

        social_net_object_close(&get.object);
        break;

    case SOCIAL_DECLINED:
        rc = ngx_http_social_store_error(r, SOCIAL_S3_NO_SUCH_KEY, NULL);
        break;

    default:
        rc = NGX_DECLINED;
    }

    if (get.buffer != NULL) {
        ngx_http_social_store_buffer_give(get.buffer);
    }

    return rc;
}


/*
 * Whether all of an object is sent, if it is there: what is small is read at
 * once then.
 */

static ngx_uint_t
ngx_http_social_store_get_is_whole(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    return r->method == NGX_HTTP_GET
           && sr->op.operation == SOCIAL_S3_GET_OBJECT
           && sr->op.part == 0
           && sr->op.range.len == 0
           && sr->op.condition.if_match.len == 0
           && sr->op.condition.if_none_match.len == 0
           && sr->op.condition.if_modified_since == SOCIAL_S3_NO_TIME
           && sr->op.condition.if_unmodified_since == SOCIAL_S3_NO_TIME;
}


static void
ngx_http_social_store_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_store_get_t *get = data;

    get->rc = social_net_disk_open(
                  ngx_http_social_store_queue_disk(get->conf->queue),
                  (char *) get->path.data, get->buf, NGX_HTTP_SOCIAL_GET_SIZE,
                  &get->len, &get->meta, &get->object);

    if (get->rc == SOCIAL_OK && get->part) {
        get->rc = ngx_http_social_store_find(get);
    }

    get->err = ngx_errno;
}


/*
 * The part that is asked for.
 */

static social_rc_e
ngx_http_social_store_find(ngx_http_social_store_get_t *get)
{
    u_char               buf[SOCIAL_STORE_PART_SIZE];
    social_rc_e          rc;
    social_store_part_t  part;

    get->first = 0;
    get->end = get->meta.size;

    if (get->meta.place != SOCIAL_STORE_PARTS) {

        if (get->part != 1) {
            get->first = -1;
        }

        return SOCIAL_OK;
    }

    if (get->part > get->meta.parts) {
        get->first = -1;
        return SOCIAL_OK;
    }

    rc = social_net_parts_record(&get->object, &get->meta, get->part - 1, buf,
                                 &part);

    if (rc == SOCIAL_OK) {
        get->first = part.offset;
        get->end = part.offset + part.size;
    }

    return rc;
}


static void
ngx_http_social_store_done(ngx_http_social_task_t *task)
{
    ngx_int_t                     rc;
    ngx_connection_t             *c;
    ngx_http_request_t           *r;
    ngx_http_social_store_get_t  *get;

    get = task->ctx;
    r = task->owner;

    if (r == NULL) {
        social_net_object_close(&get->object);
        ngx_http_social_task_free(task);
        return;
    }

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    switch (get->rc) {

    case SOCIAL_OK:
        rc = ngx_http_social_store_send(r, get);
        break;

    case SOCIAL_DECLINED:
        rc = ngx_http_social_store_error(r, SOCIAL_S3_NO_SUCH_KEY, NULL);
        break;

    case SOCIAL_MALFORMED:
        ngx_log_error(NGX_LOG_ALERT, c->log, 0,
                      "social: the store's metadata of an object is damaged");
        rc = ngx_http_social_store_error(r, SOCIAL_S3_INTERNAL_ERROR, NULL);
        break;

    default:
        ngx_log_error(NGX_LOG_CRIT, c->log, get->err,
                      "social: the store could not read \"%V\"",
                      &get->conf->root);
        rc = ngx_http_social_store_error(r, SOCIAL_S3_INTERNAL_ERROR, NULL);
    }

    social_net_object_close(&get->object);
    ngx_http_social_task_free(task);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_social_store_send(ngx_http_request_t *r,
    ngx_http_social_store_get_t *get)
{
    ngx_int_t                       rc;
    ngx_http_social_store_object_t  object;

    if (get->request->op.operation == SOCIAL_S3_GET_OBJECT_TAGGING) {
        return ngx_http_social_store_tagging(r);
    }

    ngx_memzero(&object, sizeof(ngx_http_social_store_object_t));

    object.meta = &get->meta;
    object.name = get->conf->root;
    object.part_first = get->first;
    object.part_end = get->end;

    if (get->meta.place == SOCIAL_STORE_PARTS) {
        object.parts = &get->object;

    } else {

        /* it is closed with the request */

        object.fd = get->object.fd;
        object.offset = get->object.offset;
        get->object.fd = -1;
    }

    /* a small object was read with its metadata */

    if (get->meta.place == SOCIAL_STORE_INLINE
        && get->meta.size <= (off_t) (get->len - get->meta.length))
    {
        object.bytes.data = get->buf + get->meta.length;
        object.bytes.len = get->meta.size;
        object.buffer = get->buffer;
    }

    rc = ngx_http_social_store_answer(r, get->request, &object);

    if (object.bytes.len) {
        get->buffer = object.buffer;
    }

    return rc;
}


/*
 * Of an object that is there: it has none.
 */

static ngx_int_t
ngx_http_social_store_tagging(ngx_http_request_t *r)
{
    u_char        *p;
    social_buf_t   b;

    p = ngx_pnalloc(r->pool, SOCIAL_S3_XML_TAGGING);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    social_buf_init(&b, p, SOCIAL_S3_XML_TAGGING);
    social_s3_xml_tagging(&b);

    return ngx_http_social_store_xml(r, &b);
}
