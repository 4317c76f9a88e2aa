
/*
 * Work for a thread.
 *
 * A worker that shuts down leaves when it has no timer but cancelable ones
 * (ngx_event_no_timers_left()): a task in a thread is nothing that it waits
 * for.  So those that a request waits for have a timer, as the tasks of nginx's
 * own files have ("thread operation took too long").
 */

#include "ngx_http_social_task.h"


#define NGX_HTTP_SOCIAL_TASK_TIMEOUT  60000


static void ngx_http_social_task_cleanup(void *data);
static void ngx_http_social_task_event_handler(ngx_event_t *ev);


ngx_http_social_task_t *
ngx_http_social_task_create(size_t size,
    ngx_http_social_task_handler_pt handler,
    ngx_http_social_task_done_pt done)
{
    ngx_pool_t              *pool;
    ngx_http_social_task_t  *task;

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    task = ngx_pcalloc(pool, sizeof(ngx_http_social_task_t));

    if (task != NULL) {
        task->ctx = ngx_pcalloc(pool, size);
    }

    if (task == NULL || task->ctx == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    task->pool = pool;
    task->done = done;

    task->task.ctx = task->ctx;
    task->task.handler = handler;
    task->task.event.handler = ngx_http_social_task_event_handler;
    task->task.event.data = task;
    task->task.event.log = ngx_cycle->log;

    return task;
}


void
ngx_http_social_task_own(ngx_http_social_task_t *task, void *owner,
    ngx_http_social_task_t **held)
{
    task->owner = owner;
    task->held = held;

    *held = task;
}


ngx_int_t
ngx_http_social_task_own_request(ngx_http_social_task_t *task,
    ngx_http_request_t *r)
{
    ngx_http_cleanup_t  *cln;

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_social_task_cleanup;
    cln->data = task;

    task->owner = r;
    task->cleanup = cln;
    task->awaited = 1;

    return NGX_OK;
}


static void
ngx_http_social_task_cleanup(void *data)
{
    ngx_http_social_task_orphan(data);
}


void
ngx_http_social_task_orphan(ngx_http_social_task_t *task)
{
    if (task == NULL) {
        return;
    }

    task->owner = NULL;
    task->held = NULL;
    task->cleanup = NULL;

    if (!task->busy) {
        task->done(task);
    }
}


ngx_int_t
ngx_http_social_task_post(ngx_http_social_task_t *task,
    ngx_thread_pool_t *thread_pool)
{
    if (ngx_thread_task_post(thread_pool, &task->task) != NGX_OK) {
        return NGX_BUSY;
    }

    task->busy = 1;

    if (task->awaited) {
        ngx_add_timer(&task->task.event, NGX_HTTP_SOCIAL_TASK_TIMEOUT);
    }

    return NGX_OK;
}


static void
ngx_http_social_task_event_handler(ngx_event_t *ev)
{
    ngx_http_social_task_t  *task;

    task = ev->data;

    if (ev->timedout) {

        ev->timedout = 0;

        ngx_log_error(NGX_LOG_ALERT, ev->log, 0,
                      "social: thread operation took too long");

        if (task->owner != NULL) {
            ngx_add_timer(ev, NGX_HTTP_SOCIAL_TASK_TIMEOUT);
        }

        return;
    }

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    task->busy = 0;
    task->done(task);
}


void
ngx_http_social_task_disown(ngx_http_social_task_t *task)
{
    if (task->held != NULL) {
        *task->held = NULL;
        task->held = NULL;
    }

    if (task->cleanup != NULL) {
        task->cleanup->handler = NULL;
        task->cleanup = NULL;
    }

    task->owner = NULL;
}


void
ngx_http_social_task_free(ngx_http_social_task_t *task)
{
    ngx_http_social_task_disown(task);

    ngx_destroy_pool(task->pool);
}
