
/*
 * The embedded store: GET and HEAD, in a thread.
 */

#include "ngx_http_social_reply.h"
#include "ngx_http_social_store.h"


/* metadata, and all of a small object */

#define NGX_HTTP_SOCIAL_GET_SIZE  (SOCIAL_STORE_META_SIZE + 8192)


typedef struct {
    ngx_http_social_store_loc_conf_t  *conf;
    ngx_str_t                          path;
    ngx_err_t                          err;
    int                                fd;
    int64_t                            offset;
    social_rc_e                        rc;
    social_store_meta_t                meta;
    size_t                             len;
    u_char                             buf[NGX_HTTP_SOCIAL_GET_SIZE];
} ngx_http_social_store_get_t;


static void ngx_http_social_store_thread(void *data, ngx_log_t *log);
static void ngx_http_social_store_done(ngx_http_social_task_t *task);
static ngx_int_t ngx_http_social_store_send(ngx_http_request_t *r,
    ngx_http_social_store_get_t *get);
static ngx_int_t ngx_http_social_store_bytes(ngx_http_request_t *r,
    ngx_http_social_store_get_t *get, ngx_buf_t *b);
static ngx_int_t ngx_http_social_store_headers(ngx_http_request_t *r,
    ngx_http_social_store_get_t *get);
static ngx_int_t ngx_http_social_store_kept(ngx_http_request_t *r,
    social_str_t block);


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

    task = ngx_http_social_task_create(sizeof(ngx_http_social_store_get_t),
                                       ngx_http_social_store_thread,
                                       ngx_http_social_store_done);
    if (task == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    get = task->ctx;

    get->conf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);
    get->fd = -1;
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


static void
ngx_http_social_store_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_store_get_t *get = data;

    get->rc = social_net_disk_open(
                  ngx_http_social_store_queue_disk(get->conf->queue),
                  (char *) get->path.data, get->buf, sizeof(get->buf),
                  &get->len, &get->meta, &get->fd, &get->offset);

    get->err = ngx_errno;
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

        if (get->fd != -1) {
            ngx_close_file(get->fd);
        }

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

    ngx_http_social_task_free(task);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_social_store_send(ngx_http_request_t *r,
    ngx_http_social_store_get_t *get)
{
    ngx_int_t                  rc;
    ngx_buf_t                 *b;
    ngx_chain_t                out;
    ngx_pool_cleanup_t        *cln;
    ngx_pool_cleanup_file_t   *clnf;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_pool_cleanup_file_t));
    if (cln == NULL) {
        ngx_close_file(get->fd);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_pool_cleanup_file;
    clnf = cln->data;
    clnf->fd = get->fd;
    clnf->name = get->conf->root.data;
    clnf->log = r->pool->log;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_social_store_bytes(r, get, b) != NGX_OK
        || ngx_http_social_store_headers(r, get) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_HTTP_RANGE_NOT_SATISFIABLE) {
        return ngx_http_social_store_error(r, SOCIAL_S3_INVALID_RANGE, NULL);
    }

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/*
 * A small object was read with its metadata.
 */

static ngx_int_t
ngx_http_social_store_bytes(ngx_http_request_t *r,
    ngx_http_social_store_get_t *get, ngx_buf_t *b)
{
    size_t  size;

    if (get->meta.size == 0) {
        return NGX_OK;
    }

    if (get->meta.place == SOCIAL_STORE_INLINE
        && get->meta.size <= (off_t) (get->len - get->meta.length))
    {
        size = (size_t) get->meta.size;

        b->pos = ngx_pnalloc(r->pool, size);
        if (b->pos == NULL) {
            return NGX_ERROR;
        }

        b->last = ngx_cpymem(b->pos, get->buf + get->meta.length, size);
        b->start = b->pos;
        b->end = b->last;
        b->memory = 1;

        return NGX_OK;
    }

    b->file = ngx_pcalloc(r->pool, sizeof(ngx_file_t));
    if (b->file == NULL) {
        return NGX_ERROR;
    }

    b->file->fd = get->fd;
    b->file->name = get->conf->root;
    b->file->log = r->connection->log;

    b->file_pos = get->offset;
    b->file_last = get->offset + get->meta.size;
    b->in_file = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_store_headers(ngx_http_request_t *r,
    ngx_http_social_store_get_t *get)
{
    ngx_str_t  etag, type;

    etag.data = ngx_pnalloc(r->pool, SOCIAL_STORE_ETAG_SIZE);
    type.data = ngx_pnalloc(r->pool, get->meta.type.len);

    if (etag.data == NULL || type.data == NULL) {
        return NGX_ERROR;
    }

    etag.len = social_store_meta_etag(&get->meta, etag.data);

    type.len = get->meta.type.len;
    ngx_memcpy(type.data, get->meta.type.data, type.len);

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = get->meta.size;
    r->headers_out.last_modified_time = get->meta.modified;
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

    return ngx_http_social_store_kept(r, get->meta.headers);
}


/*
 * Headers that were stored with the object.
 */

static ngx_int_t
ngx_http_social_store_kept(ngx_http_request_t *r, social_str_t block)
{
    u_char        *p;
    ngx_str_t      copy;
    social_str_t   name, value;

    while (social_store_meta_next(&block, &name, &value)) {

        p = ngx_pnalloc(r->pool, name.len + 1 + value.len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(p, name.data, name.len);
        p[name.len] = '\0';

        copy.data = p + name.len + 1;
        copy.len = value.len;
        ngx_memcpy(copy.data, value.data, value.len);

        if (ngx_http_social_header_out_push(r, (char *) p, &copy) == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
