
/*
 * The embedded store: operations on the bucket, which read nothing or are
 * lists, in a thread.
 *
 * A page of a list is written to the memory of its task, which lives until the
 * request has sent it.
 */

#include "ngx_http_social_reply.h"
#include "ngx_http_social_store_text.h"
#include "social_net_list.h"
#include "social_s3_xml.h"


/* the context of the request's thread task */

typedef struct {
    ngx_http_social_task_t            *task;
    ngx_http_social_store_loc_conf_t  *conf;
    social_s3_operation_t              op;
    social_s3_list_t                   list;
    unsigned                           count;
    unsigned                           damaged;
    bool                               truncated;
    social_rc_e                        rc;
    ngx_err_t                          err;
    ngx_http_social_store_text_t       texts[3];    /* the head, objects, and
                                                       common prefixes, which
                                                       S3 writes after those */
} ngx_http_social_list_t;


static void ngx_http_social_list_thread(void *data, ngx_log_t *log);
static social_rc_e ngx_http_social_list_take(void *data, social_str_t key,
    const social_store_meta_t *meta);
static void ngx_http_social_list_done(ngx_http_social_task_t *task);
static ngx_int_t ngx_http_social_bucket_reply(ngx_http_request_t *r,
    social_buf_t *b);


static ngx_str_t  ngx_http_social_list_type = ngx_string("application/xml");


ngx_int_t
ngx_http_social_store_list(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    ngx_int_t                rc;
    ngx_http_social_task_t  *task;
    ngx_http_social_list_t  *list;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    task = ngx_http_social_task_create(sizeof(ngx_http_social_list_t),
                                       ngx_http_social_list_thread,
                                       ngx_http_social_list_done);
    if (task == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    list = task->ctx;

    list->task = task;
    list->conf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);
    list->op = sr->op;

    if (ngx_http_social_store_copy_text(task->pool, &list->op.list.prefix)
        != NGX_OK
        || ngx_http_social_store_copy_text(task->pool, &list->op.list.delimiter)
           != NGX_OK
        || ngx_http_social_store_copy_text(task->pool, &list->op.list.after)
           != NGX_OK
        || ngx_http_social_store_copy_text(task->pool, &list->op.list.token)
           != NGX_OK
        || ngx_http_social_task_own_request(task, r) != NGX_OK)
    {
        ngx_http_social_task_free(task);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    list->list.prefix = list->op.list.prefix;
    list->list.delimiter = list->op.list.delimiter;
    list->list.max_keys = list->op.list.max_keys;

    if (!list->op.list.has_token) {
        social_s3_list_start(&list->list, list->op.list.after);

    } else if (social_s3_list_resume(&list->list, list->op.list.token)
               != SOCIAL_OK)
    {
        ngx_http_social_task_free(task);
        return ngx_http_social_store_error(r, SOCIAL_S3_INVALID_ARGUMENT,
                   "The continuation token provided is incorrect");
    }

    if (ngx_http_social_task_post(task, list->conf->thread_pool) != NGX_OK) {
        ngx_http_social_task_free(task);
        return ngx_http_social_store_error(r, SOCIAL_S3_SLOW_DOWN, NULL);
    }

    r->main->count++;

    return NGX_DONE;
}


static void
ngx_http_social_list_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_list_t *list = data;

    social_buf_t  b;

    list->rc = social_net_list((char *) list->conf->root.data, &list->list,
                               ngx_http_social_list_take, list,
                               &list->truncated, &list->damaged);
    list->err = ngx_errno;

    if (list->rc != SOCIAL_OK) {
        return;
    }

    b = ngx_http_social_store_text_room(list->task->pool, &list->texts[0],
            4096 + 6 * (list->op.list.prefix.len + list->op.list.delimiter.len
                        + list->op.list.after.len + list->op.list.token.len
                        + SOCIAL_OBJECT_MAX_KEY));

    social_s3_xml_list(&b, &list->op,
                       ngx_http_social_view(&list->conf->bucket->bucket),
                       &list->list, list->count, list->truncated);

    list->rc = ngx_http_social_store_text_wrote(&list->texts[0], &b);

    if (list->rc == SOCIAL_OK) {
        b = ngx_http_social_store_text_room(list->task->pool, &list->texts[2],
                                            64);
        social_s3_xml_list_end(&b);
        list->rc = ngx_http_social_store_text_wrote(&list->texts[2], &b);
    }
}


static social_rc_e
ngx_http_social_list_take(void *data, social_str_t key,
    const social_store_meta_t *meta)
{
    ngx_http_social_list_t *list = data;

    social_buf_t                  b;
    ngx_http_social_store_text_t  *text;

    text = meta ? &list->texts[1] : &list->texts[2];

    b = ngx_http_social_store_text_room(list->task->pool, text,
                                        SOCIAL_S3_XML_ITEM);

    if (meta) {
        social_s3_xml_object(&b, &list->op, key, meta);

    } else {
        social_s3_xml_prefix(&b, &list->op, key);
    }

    list->count++;

    return ngx_http_social_store_text_wrote(text, &b);
}


static void
ngx_http_social_list_done(ngx_http_social_task_t *task)
{
    ngx_int_t                rc;
    ngx_connection_t        *c;
    ngx_http_request_t      *r;
    ngx_http_social_list_t  *list;

    list = task->ctx;
    r = task->owner;

    if (r == NULL) {
        ngx_http_social_task_free(task);
        return;
    }

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    if (list->damaged) {
        ngx_log_error(NGX_LOG_ALERT, c->log, 0,
                      "social: the store's metadata of %ui objects is damaged",
                      (ngx_uint_t) list->damaged);
    }

    if (list->rc == SOCIAL_OK) {

        /* it is freed with the request */

        rc = ngx_http_social_store_text_send(r, list->texts, 3);

    } else {
        ngx_log_error(NGX_LOG_CRIT, c->log, list->err,
                      "social: the store could not list \"%V\"",
                      &list->conf->root);

        rc = ngx_http_social_store_error(r, SOCIAL_S3_INTERNAL_ERROR, NULL);
    }

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


/*
 * Operations that need nothing from the disk.
 */

ngx_int_t
ngx_http_social_store_bucket(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    u_char                            *data;
    size_t                             size;
    ngx_int_t                          rc;
    ngx_str_t                          none;
    social_buf_t                       b;
    ngx_http_social_store_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (sr->op.operation == SOCIAL_S3_CREATE_BUCKET) {
        return ngx_http_social_store_error(r,
                   SOCIAL_S3_BUCKET_ALREADY_OWNED_BY_YOU, NULL);
    }

    if (ngx_http_social_header_out_push(r, "x-amz-bucket-region",
                                        &slcf->bucket->region)
        == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    size = 1024 + 6 * (slcf->bucket->bucket.len + slcf->bucket->region.len);

    data = ngx_pnalloc(r->pool, size);
    if (data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    social_buf_init(&b, data, size);

    switch (sr->op.operation) {

    case SOCIAL_S3_GET_BUCKET_LOCATION:
        social_s3_xml_location(&b,
                               ngx_http_social_view(&slcf->bucket->region));
        break;

    case SOCIAL_S3_GET_BUCKET_VERSIONING:
        social_s3_xml_versioning(&b);
        break;

    case SOCIAL_S3_LIST_BUCKETS:
        social_s3_xml_buckets(&b, ngx_http_social_view(&slcf->bucket->bucket),
                              ngx_http_social_view(&slcf->bucket->region),
                              slcf->created);
        break;

    default:
        if (ngx_http_social_store_headers(r) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_str_null(&none);

        return ngx_http_social_reply(r, NGX_HTTP_OK, &none, &none);
    }

    return ngx_http_social_bucket_reply(r, &b);
}


static ngx_int_t
ngx_http_social_bucket_reply(ngx_http_request_t *r, social_buf_t *b)
{
    ngx_str_t  body;

    if (b->rc != SOCIAL_OK || ngx_http_social_store_headers(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = b->data;
    body.len = b->len;

    return ngx_http_social_reply(r, NGX_HTTP_OK, &ngx_http_social_list_type,
                                 &body);
}
