
/*
 * The embedded store: lists of uploads in parts, and of their parts, in a
 * thread.
 */

#include "ngx_http_social_store_text.h"
#include "social_net_upload.h"
#include "social_s3_xml_upload.h"


/* the context of the request's thread task */

typedef struct {
    ngx_http_social_task_t            *task;
    ngx_http_social_store_loc_conf_t  *conf;
    social_s3_operation_t              op;
    u_char                            *path;
    social_s3_error_e                  error;
    ngx_err_t                          err;
    unsigned                           last;       /* the number of a part */
    social_net_upload_t                upload;     /* or the last one; its key
                                                      may be a common prefix */
    ngx_http_social_store_text_t       texts[4];   /* what is before, the
                                                      items, common prefixes,
                                                      what is after */
} ngx_http_social_uploads_t;


static void ngx_http_social_uploads_thread(void *data, ngx_log_t *log);
static social_rc_e ngx_http_social_uploads_parts(
    ngx_http_social_uploads_t *list);
static social_rc_e ngx_http_social_uploads_part(void *data, unsigned number,
    const social_store_note_t *note);
static social_rc_e ngx_http_social_uploads_list(
    ngx_http_social_uploads_t *list);
static social_rc_e ngx_http_social_uploads_upload(void *data,
    const social_store_upload_t *upload, social_str_t common);
static void ngx_http_social_uploads_done(ngx_http_social_task_t *task);


ngx_int_t
ngx_http_social_store_upload_list(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    ngx_int_t                   rc;
    ngx_http_social_task_t     *task;
    ngx_http_social_uploads_t  *list;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    task = ngx_http_social_task_create(sizeof(ngx_http_social_uploads_t),
                                       ngx_http_social_uploads_thread,
                                       ngx_http_social_uploads_done);
    if (task == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    list = task->ctx;

    list->task = task;
    list->conf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);
    list->op = sr->op;
    list->path = ngx_pnalloc(task->pool, SOCIAL_STORE_MAX_PATH);

    if (list->path == NULL
        || ngx_http_social_store_copy_text(task->pool, &list->op.key) != NGX_OK
        || ngx_http_social_store_copy_text(task->pool, &list->op.upload)
           != NGX_OK
        || ngx_http_social_store_copy_text(task->pool, &list->op.list.prefix)
           != NGX_OK
        || ngx_http_social_store_copy_text(task->pool, &list->op.list.delimiter)
           != NGX_OK
        || ngx_http_social_store_copy_text(task->pool, &list->op.list.after)
           != NGX_OK
        || ngx_http_social_task_own_request(task, r) != NGX_OK)
    {
        ngx_http_social_task_free(task);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (sr->path.len) {
        ngx_memcpy(list->path, sr->path.data, sr->path.len + 1);
    }

    if (ngx_http_social_task_post(task, list->conf->thread_pool) != NGX_OK) {
        ngx_http_social_task_free(task);
        return ngx_http_social_store_error(r, SOCIAL_S3_SLOW_DOWN, NULL);
    }

    r->main->count++;

    return NGX_DONE;
}


static void
ngx_http_social_uploads_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_uploads_t *list = data;

    social_rc_e  rc;

    rc = list->op.operation == SOCIAL_S3_LIST_PARTS
         ? ngx_http_social_uploads_parts(list)
         : ngx_http_social_uploads_list(list);

    if (rc == SOCIAL_FAILED) {
        list->err = ngx_errno;
        list->error = SOCIAL_S3_INTERNAL_ERROR;

    } else if (rc != SOCIAL_OK) {
        list->error = SOCIAL_S3_NO_SUCH_UPLOAD;
    }
}


static social_rc_e
ngx_http_social_uploads_parts(ngx_http_social_uploads_t *list)
{
    bool                truncated;
    social_rc_e         rc;
    social_buf_t        b;
    social_net_disk_t  *disk;

    disk = ngx_http_social_store_queue_disk(list->conf->queue);

    switch (social_net_upload_read(disk, list->op.upload.data, list->op.key,
                                   (char *) list->path, &list->upload))
    {
    case SOCIAL_NET_COMMIT_OK:
        break;

    case SOCIAL_NET_COMMIT_NO_UPLOAD:
        return SOCIAL_DECLINED;

    default:
        return SOCIAL_FAILED;
    }

    rc = social_net_upload_parts(disk, list->op.upload.data, list->op.part,
                                 list->op.list.max_keys,
                                 ngx_http_social_uploads_part, list,
                                 &truncated);
    if (rc != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    b = ngx_http_social_store_text_room(list->task->pool, &list->texts[0],
            4096 + 6 * (list->op.key.len + list->conf->bucket->bucket.len));

    social_s3_xml_parts(&b, &list->op,
                        ngx_http_social_view(&list->conf->bucket->bucket),
                        &list->upload.upload, truncated, list->last);

    rc = ngx_http_social_store_text_wrote(&list->texts[0], &b);

    if (rc == SOCIAL_OK) {
        b = ngx_http_social_store_text_room(list->task->pool, &list->texts[3],
                                            64);
        social_s3_xml_parts_end(&b);
        rc = ngx_http_social_store_text_wrote(&list->texts[3], &b);
    }

    return rc;
}


static social_rc_e
ngx_http_social_uploads_part(void *data, unsigned number,
    const social_store_note_t *note)
{
    ngx_http_social_uploads_t *list = data;

    social_buf_t  b;

    b = ngx_http_social_store_text_room(list->task->pool, &list->texts[1],
                                        SOCIAL_S3_XML_PART);
    social_s3_xml_part(&b, number, note);

    list->last = number;

    return ngx_http_social_store_text_wrote(&list->texts[1], &b);
}


static social_rc_e
ngx_http_social_uploads_list(ngx_http_social_uploads_t *list)
{
    bool                truncated;
    social_rc_e         rc;
    social_buf_t        b;
    social_net_disk_t  *disk;

    disk = ngx_http_social_store_queue_disk(list->conf->queue);

    rc = social_net_uploads(disk, list->op.list.prefix,
                            list->op.list.delimiter, list->op.list.after,
                            list->op.upload, list->op.list.max_keys,
                            ngx_http_social_uploads_upload, list, &truncated);

    if (rc != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    b = ngx_http_social_store_text_room(list->task->pool, &list->texts[0],
            4096 + 6 * (list->op.list.prefix.len + list->op.list.after.len
                        + list->op.list.delimiter.len + list->op.upload.len
                        + list->conf->bucket->bucket.len
                        + SOCIAL_OBJECT_MAX_KEY));

    social_s3_xml_uploads(&b, &list->op,
                          ngx_http_social_view(&list->conf->bucket->bucket),
                          truncated ? &list->upload.upload : NULL,
                          list->upload.common);

    rc = ngx_http_social_store_text_wrote(&list->texts[0], &b);

    if (rc == SOCIAL_OK) {
        b = ngx_http_social_store_text_room(list->task->pool, &list->texts[3],
                                            64);
        social_s3_xml_uploads_end(&b);
        rc = ngx_http_social_store_text_wrote(&list->texts[3], &b);
    }

    return rc;
}


static social_rc_e
ngx_http_social_uploads_upload(void *data,
    const social_store_upload_t *upload, social_str_t common)
{
    ngx_http_social_uploads_t *list = data;

    social_buf_t                   b;
    ngx_http_social_store_text_t  *text;

    text = common.len ? &list->texts[2] : &list->texts[1];

    b = ngx_http_social_store_text_room(list->task->pool, text,
                                        SOCIAL_S3_XML_UPLOAD);
    if (common.len) {
        social_s3_xml_prefix(&b, &list->op, common);

    } else {
        social_s3_xml_upload(&b, &list->op, upload);
    }

    /* the key and the ID are needed for the next page */

    ngx_memcpy(list->upload.text, upload->key.data, upload->key.len);

    list->upload.upload = *upload;
    list->upload.upload.key.data = list->upload.text;
    list->upload.common.data = list->upload.text;
    list->upload.common.len = common.len;

    return ngx_http_social_store_text_wrote(text, &b);
}


static void
ngx_http_social_uploads_done(ngx_http_social_task_t *task)
{
    ngx_int_t                   rc;
    ngx_connection_t           *c;
    ngx_http_request_t         *r;
    ngx_http_social_uploads_t  *list;

    list = task->ctx;
    r = task->owner;

    if (r == NULL) {
        ngx_http_social_task_free(task);
        return;
    }

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    if (list->error == SOCIAL_S3_OK) {

        /* it is freed with the request */

        rc = ngx_http_social_store_text_send(r, list->texts, 4);

    } else {

        if (list->error == SOCIAL_S3_INTERNAL_ERROR) {
            ngx_log_error(NGX_LOG_CRIT, c->log, list->err,
                          "social: the store could not list \"%V\"",
                          &list->conf->root);
        }

        rc = ngx_http_social_store_error(r, list->error, NULL);
    }

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}
