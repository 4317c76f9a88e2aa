
/*
 * The embedded store: objects out of forms.
 *
 * The fields are read on the event loop, since all that there may be of them is
 * 20 kB.  When the file begins, the request becomes a PUT, which goes on
 * reading where this one has stopped.
 */

#include "ngx_http_social_store.h"
#include "social_store_path.h"


/* the request's context until the file begins */

typedef struct {
    ngx_http_social_store_form_t       form;
    social_s3_form_t                   decoder;
    social_s3_form_fields_t            fields;
    social_s3_post_t                   post;
    off_t                              left;       /* of the body */
} ngx_http_social_post_t;


static void ngx_http_social_post_body(ngx_http_request_t *r);
static void ngx_http_social_post_read(ngx_http_request_t *r);
static social_s3_error_e ngx_http_social_post_take(
    ngx_http_social_post_t *post, ngx_http_request_body_t *rb);
static void ngx_http_social_post_wait(ngx_http_request_t *r);
static void ngx_http_social_post_stop(ngx_http_request_t *r);
static void ngx_http_social_post_end(ngx_http_request_t *r,
    social_s3_error_e error, social_s3_operation_t *op);
static void ngx_http_social_post_begin(ngx_http_request_t *r,
    ngx_http_social_post_t *post);
static social_s3_error_e ngx_http_social_post_fields(ngx_http_request_t *r,
    ngx_http_social_post_t *post, ngx_http_social_store_request_t *sr);
static social_s3_error_e ngx_http_social_post_size(ngx_http_request_t *r,
    ngx_http_social_post_t *post);


ngx_int_t
ngx_http_social_store_post(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    ngx_int_t                rc;
    social_str_t             type;
    social_s3_error_e        error;
    social_s3_error_body_t   text;
    ngx_http_social_post_t  *post;

    ngx_memzero(&text, sizeof(social_s3_error_body_t));

    type.data = NULL;
    type.len = 0;

    if (r->headers_in.content_type) {
        type = ngx_http_social_view(&r->headers_in.content_type->value);
    }

    if (!social_s3_form_is(type)) {
        text.details[0].name = social_str("Condition");
        text.details[0].value = social_str("Bucket POST must have the "
                                           "enclosure-type "
                                           "multipart/form-data");
        return ngx_http_social_store_refuse(r, SOCIAL_S3_PRECONDITION_FAILED,
                                            &text);
    }

    if (r->headers_in.content_length_n < 0) {
        return ngx_http_social_store_refuse(r,
                                            SOCIAL_S3_MISSING_CONTENT_LENGTH,
                                            &text);
    }

    post = ngx_palloc(r->pool, sizeof(ngx_http_social_post_t));
    if (post == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    error = social_s3_form_init(&post->decoder, &post->fields, type);

    if (error != SOCIAL_S3_OK) {
        return ngx_http_social_store_refuse(r, error, &text);
    }

    post->left = r->headers_in.content_length_n;

    ngx_http_set_ctx(r, post, ngx_http_social_store_module);

    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_social_post_body);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


static void
ngx_http_social_post_body(ngx_http_request_t *r)
{
    ngx_http_social_post_read(r);
}


static void
ngx_http_social_post_read(ngx_http_request_t *r)
{
    ngx_int_t                rc;
    social_s3_error_e        error;
    ngx_http_social_post_t  *post;

    post = ngx_http_get_module_ctx(r, ngx_http_social_store_module);

    for ( ;; ) {

        error = ngx_http_social_post_take(post, r->request_body);

        if (error != SOCIAL_S3_OK) {
            ngx_http_social_post_end(r, error, NULL);
            return;
        }

        if (post->decoder.has_file) {
            ngx_http_social_post_begin(r, post);
            return;
        }

        if (!r->reading_body) {

            /* all of it, and no file */

            error = social_s3_form_end(&post->decoder);

            ngx_http_social_post_end(r, error == SOCIAL_S3_OK
                                        ? SOCIAL_S3_INVALID_ARGUMENT : error,
                                     NULL);
            return;
        }

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            ngx_http_finalize_request(r, rc);
            return;
        }

        if (rc == NGX_AGAIN && r->request_body->bufs == NULL) {
            ngx_http_social_post_wait(r);
            return;
        }
    }
}


static void
ngx_http_social_post_wait(ngx_http_request_t *r)
{
    ngx_connection_t          *c;
    ngx_http_core_loc_conf_t  *clcf;

    c = r->connection;

    if (!c->read->timer_set) {
        clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
        ngx_add_timer(c->read, clcf->client_body_timeout);
    }

    r->read_event_handler = ngx_http_social_post_read;
}


/*
 * What arrives from now on is not for the fields.
 */

static void
ngx_http_social_post_stop(ngx_http_request_t *r)
{
    r->read_event_handler = ngx_http_block_reading;

    if (r->connection->read->timer_set) {
        ngx_del_timer(r->connection->read);
    }
}


/*
 * What comes after the beginning of the file stays in the request's buffers.
 */

static social_s3_error_e
ngx_http_social_post_take(ngx_http_social_post_t *post,
    ngx_http_request_body_t *rb)
{
    ngx_buf_t          *b;
    social_str_t        in, data;
    social_s3_error_e   error;

    for ( /* void */ ; rb->bufs; rb->bufs = rb->bufs->next) {

        b = rb->bufs->buf;

        if (b->in_file) {
            return SOCIAL_S3_INTERNAL_ERROR;
        }

        in.data = b->pos;
        in.len = b->last - b->pos;

        while (in.len) {

            error = social_s3_form_next(&post->decoder, &in, &data);

            post->left -= (b->last - b->pos) - (off_t) in.len;
            b->pos = b->last - in.len;

            if (error != SOCIAL_S3_OK || post->decoder.has_file) {
                return error;
            }
        }
    }

    return SOCIAL_S3_OK;
}


static void
ngx_http_social_post_end(ngx_http_request_t *r, social_s3_error_e error,
    social_s3_operation_t *op)
{
    social_s3_error_body_t  text;

    ngx_http_social_post_stop(r);

    ngx_memzero(&text, sizeof(social_s3_error_body_t));

    if (op != NULL) {
        text.message = op->message;
        text.details[0].name = op->detail_name;
        text.details[0].value = op->detail;

    } else if (error == SOCIAL_S3_INVALID_ARGUMENT) {
        text.message = social_str(NGX_HTTP_SOCIAL_STORE_ONE_FILE);
        text.details[0].name = social_str("ArgumentName");
        text.details[0].value = social_str("file");
    }

    if (error != SOCIAL_S3_INTERNAL_ERROR) {
        ngx_http_social_store_log_refused(r, error, &text);
    }

    ngx_http_finalize_request(r, ngx_http_social_store_error_body(r, error,
                                                                  &text));
}


/*
 * All fields are there: whether it may be done is known before the file is
 * read.
 */

static void
ngx_http_social_post_begin(ngx_http_request_t *r,
    ngx_http_social_post_t *post)
{
    ngx_int_t                         rc;
    social_s3_error_e                 error;
    ngx_http_social_store_request_t  *sr;

    ngx_http_social_post_stop(r);

    sr = ngx_pcalloc(r->pool, sizeof(ngx_http_social_store_request_t));
    if (sr == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    error = ngx_http_social_post_fields(r, post, sr);

    if (error == SOCIAL_S3_OK) {
        error = ngx_http_social_post_size(r, post);
    }

    if (error != SOCIAL_S3_OK) {
        ngx_http_social_post_end(r, error, &post->post.op);
        return;
    }

    post->form.decoder = &post->decoder;
    post->form.post = &post->post;

    sr->op = post->post.op;
    sr->form = &post->form;

    rc = ngx_http_social_store_put(r, sr);

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}


static social_s3_error_e
ngx_http_social_post_fields(ngx_http_request_t *r,
    ngx_http_social_post_t *post, ngx_http_social_store_request_t *sr)
{
    u_char                            *work, *path;
    social_buf_t                       b;
    social_s3_error_e                  error;
    social_sigv4_policy_t              policy;
    ngx_http_social_store_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);

    work = ngx_palloc(r->pool, SOCIAL_S3_POST_SIZE);
    path = ngx_pnalloc(r->pool, SOCIAL_STORE_MAX_PATH);

    if (work == NULL || path == NULL) {
        return SOCIAL_S3_INTERNAL_ERROR;
    }

    if (ngx_http_social_store_policy(r, slcf, &policy) != NGX_OK) {
        return SOCIAL_S3_SERVICE_UNAVAILABLE;
    }

    social_buf_init(&b, work, SOCIAL_S3_POST_SIZE);

    error = social_s3_post_read(&slcf->place, &policy, &post->fields,
                                ngx_time(), &b, &post->post);

    if (error != SOCIAL_S3_OK) {
        return error;
    }

    sr->path.data = path;

    return social_store_path(post->post.op.key, path, &sr->path.len)
           == SOCIAL_OK ? SOCIAL_S3_OK : SOCIAL_S3_INVALID_URI;
}


/*
 * What comes after the file has to be read as well; but nobody sends so much of
 * it that the file could be what the policy allows if the rest of the body is
 * much more.
 */

static social_s3_error_e
ngx_http_social_post_size(ngx_http_request_t *r, ngx_http_social_post_t *post)
{
    off_t                              end;
    ngx_http_social_store_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);

    post->form.min = post->post.min;
    post->form.max = slcf->max_size;

    if (post->post.max >= 0) {
        post->form.max = ngx_min(post->form.max, (off_t) post->post.max);
    }

    /* the last delimiter, and two dashes */

    end = post->decoder.delimiter_len + 2;

    post->form.room = post->left > end ? post->left - end : 0;

    return post->form.room > post->form.max + SOCIAL_S3_FORM_SIZE
           ? SOCIAL_S3_ENTITY_TOO_LARGE : SOCIAL_S3_OK;
}
