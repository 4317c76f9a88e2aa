
/*
 * Requests to S3 on behalf of a request.
 *
 * A thread waits for the answer.  Only a few of the pool do so at the same
 * time: the others serve the embedded store, which may be who is asked.
 */

#include "ngx_http_social_reply.h"
#include "ngx_http_social_s3_call.h"
#include "ngx_http_social_task.h"
#include "social_net_request.h"
#include "social_s3_error.h"


#define NGX_HTTP_SOCIAL_S3_RUNNING  4
#define NGX_HTTP_SOCIAL_S3_WAITING  512

/* of an answer: a page of a thousand parts with their checksums has less */
#define NGX_HTTP_SOCIAL_S3_ANSWER   (1024 * 1024)


/* the context of a thread task */

typedef struct {
    ngx_http_social_task_t          *task;
    ngx_http_social_s3_calls_t      *calls;
    ngx_http_social_s3_handler_pt    handler;
    ngx_queue_t                      queue;

    social_net_request_t             request;
    social_net_reply_t               reply;
    const char                      *headers[2];
    char                            *url;
    size_t                           url_len;

    u_char                          *text;
    size_t                           len;
    size_t                           size;

    unsigned                         waits:1;
    unsigned                         runs:1;
} ngx_http_social_s3_call_t;


static ngx_int_t ngx_http_social_s3_copy(ngx_http_social_s3_call_t *call,
    const ngx_http_social_s3_ask_t *ask);
static ngx_int_t ngx_http_social_s3_post(ngx_http_social_s3_call_t *call);
static void ngx_http_social_s3_thread(void *data, ngx_log_t *log);
static bool ngx_http_social_s3_sink(void *data, const unsigned char *p,
    size_t len);
static void ngx_http_social_s3_done(ngx_http_social_task_t *task);
static void ngx_http_social_s3_answered(ngx_http_social_s3_call_t *call);
static void ngx_http_social_s3_next(ngx_http_social_s3_calls_t *calls);
static void ngx_http_social_s3_free(ngx_http_social_s3_call_t *call);


ngx_int_t
ngx_http_social_s3_call(ngx_http_request_t *r,
    ngx_http_social_s3_calls_t *calls, const ngx_http_social_s3_ask_t *ask,
    ngx_http_social_s3_handler_pt handler)
{
    ngx_http_social_task_t     *task;
    ngx_http_social_s3_call_t  *call;

    if (calls->running >= NGX_HTTP_SOCIAL_S3_RUNNING
        && calls->waits >= NGX_HTTP_SOCIAL_S3_WAITING)
    {
        return ngx_http_social_reply_unavailable(r);
    }

    task = ngx_http_social_task_create(sizeof(ngx_http_social_s3_call_t),
                                       ngx_http_social_s3_thread,
                                       ngx_http_social_s3_done);
    if (task == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    call = task->ctx;

    call->task = task;
    call->calls = calls;
    call->handler = handler;

    if (ngx_http_social_s3_copy(call, ask) != NGX_OK
        || ngx_http_social_task_own_request(task, r) != NGX_OK)
    {
        ngx_http_social_s3_free(call);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (calls->running >= NGX_HTTP_SOCIAL_S3_RUNNING) {
        ngx_queue_insert_tail(&calls->waiting, &call->queue);
        calls->waits++;
        call->waits = 1;

    } else if (ngx_http_social_s3_post(call) != NGX_OK) {
        ngx_http_social_s3_free(call);
        return ngx_http_social_reply_unavailable(r);
    }

    if (r == r->main && r->read_event_handler == ngx_http_block_reading) {
        r->read_event_handler = ngx_http_test_reading;
    }

    return NGX_DONE;
}


static ngx_int_t
ngx_http_social_s3_copy(ngx_http_social_s3_call_t *call,
    const ngx_http_social_s3_ask_t *ask)
{
    u_char                *p;
    ngx_pool_t            *pool;
    social_net_request_t  *request;

    pool = call->task->pool;
    request = &call->request;

    p = ngx_pnalloc(pool, ask->url.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, ask->url.data, ask->url.len);
    p[ask->url.len] = '\0';

    call->url = (char *) p;
    call->url_len = ask->url.len;

    if (ask->type.len) {

        p = ngx_pnalloc(pool, sizeof("Content-Type: ") + ask->type.len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        call->headers[0] = (char *) p;
        *ngx_sprintf(p, "Content-Type: %*s", ask->type.len, ask->type.data) =
            '\0';
    }

    if (ask->ca_file.len) {

        p = ngx_pnalloc(pool, ask->ca_file.len + 1);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(p, ask->ca_file.data, ask->ca_file.len);
        p[ask->ca_file.len] = '\0';

        request->ca_file = (char *) p;
    }

    p = ngx_pnalloc(pool, ask->body.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (ask->body.len) {
        ngx_memcpy(p, ask->body.data, ask->body.len);
    }

    request->method = ask->method;
    request->url = call->url;
    request->headers = call->headers;
    request->body = p;
    request->size = ask->body.len;
    request->timeout = ask->timeout;
    request->sink = ngx_http_social_s3_sink;
    request->data = call;

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_s3_post(ngx_http_social_s3_call_t *call)
{
    if (ngx_http_social_task_post(call->task, call->calls->thread_pool)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    call->runs = 1;
    call->calls->running++;

    return NGX_OK;
}


static void
ngx_http_social_s3_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_s3_call_t  *call = data;

    if (social_net_request(&call->request, &call->reply) != SOCIAL_OK) {
        call->reply.status = 0;
    }

    ngx_explicit_memzero(call->url, call->url_len);
}


static bool
ngx_http_social_s3_sink(void *data, const unsigned char *p, size_t len)
{
    ngx_http_social_s3_call_t  *call = data;

    size_t   size;
    u_char  *text;

    if (len > NGX_HTTP_SOCIAL_S3_ANSWER - call->len) {
        return false;
    }

    if (len > call->size - call->len) {

        size = ngx_max(4096, 2 * (call->len + len));
        text = realloc(call->text, size);

        if (text == NULL) {
            return false;
        }

        call->text = text;
        call->size = size;
    }

    ngx_memcpy(call->text + call->len, p, len);
    call->len += len;

    return true;
}


/*
 * Also called by the request's cleanup while it waits.
 */

static void
ngx_http_social_s3_done(ngx_http_social_task_t *task)
{
    ngx_connection_t            *c;
    ngx_http_request_t          *r;
    ngx_http_social_s3_call_t   *call;
    ngx_http_social_s3_calls_t  *calls;

    call = task->ctx;
    calls = call->calls;
    r = task->owner;

    if (call->waits) {
        ngx_queue_remove(&call->queue);
        calls->waits--;
        ngx_http_social_s3_free(call);
        return;
    }

    calls->running--;

    if (r != NULL) {

        c = r->connection;
        ngx_http_set_log_request(c->log, r);

        ngx_http_social_task_disown(task);
        task->owner = r;

        ngx_http_social_s3_answered(call);
        ngx_http_run_posted_requests(c);
    }

    task->owner = NULL;

    ngx_http_social_s3_free(call);
    ngx_http_social_s3_next(calls);
}


static void
ngx_http_social_s3_answered(ngx_http_social_s3_call_t *call)
{
    ngx_int_t                     rc;
    ngx_http_request_t           *r;
    ngx_http_social_s3_answer_t   answer;

    r = call->task->owner;

    ngx_memzero(&answer, sizeof(ngx_http_social_s3_answer_t));

    answer.status = call->reply.status;

    if (answer.status == 0) {
        answer.code = social_str(call->reply.error);

    } else if (answer.status < 200 || answer.status > 299) {
        answer.code = social_s3_error_read(social_str(call->reply.text));

    } else {
        answer.text.data = call->text;
        answer.text.len = call->len;
    }

    rc = call->handler(r, &answer);

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}


/*
 * What cannot be posted now has failed: it is tried no more.
 */

static void
ngx_http_social_s3_next(ngx_http_social_s3_calls_t *calls)
{
    ngx_queue_t                *q;
    ngx_connection_t           *c;
    ngx_http_request_t         *r;
    ngx_http_social_s3_call_t  *call;

    while (calls->running < NGX_HTTP_SOCIAL_S3_RUNNING
           && !ngx_queue_empty(&calls->waiting))
    {
        q = ngx_queue_head(&calls->waiting);
        call = ngx_queue_data(q, ngx_http_social_s3_call_t, queue);

        /* the analyzer takes the next head for this one */

        ngx_queue_remove(q);  /* NOLINT(clang-analyzer-core.NullDereference) */
        calls->waits--;
        call->waits = 0;

        if (ngx_http_social_s3_post(call) == NGX_OK) {
            continue;
        }

        r = call->task->owner;
        c = r->connection;

        ngx_http_social_s3_free(call);

        ngx_http_finalize_request(r, ngx_http_social_reply_unavailable(r));
        ngx_http_run_posted_requests(c);
    }
}


static void
ngx_http_social_s3_free(ngx_http_social_s3_call_t *call)
{
    if (call->url != NULL) {
        ngx_explicit_memzero(call->url, call->url_len);
    }

    free(call->text);

    ngx_http_social_task_free(call->task);
}
