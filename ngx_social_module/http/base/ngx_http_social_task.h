
/*
 * Work for a thread: separate memory, since its owner may be freed first,
 * and a handler in the event loop for its end.
 */

#ifndef NGX_HTTP_SOCIAL_TASK_H
#define NGX_HTTP_SOCIAL_TASK_H


#include "ngx_http_social.h"


typedef struct ngx_http_social_task_s  ngx_http_social_task_t;

typedef void (*ngx_http_social_task_handler_pt)(void *ctx, ngx_log_t *log);
typedef void (*ngx_http_social_task_done_pt)(ngx_http_social_task_t *task);


struct ngx_http_social_task_s {
    ngx_thread_task_t               task;
    ngx_pool_t                     *pool;      /* its own, for the caller too */
    void                           *ctx;       /* the caller's, in "pool" */
    ngx_http_social_task_done_pt    done;

    void                           *owner;     /* NULL: none, or gone */
    ngx_http_social_task_t        **held;      /* the owner's pointer to this */
    ngx_http_cleanup_t             *cleanup;   /* of the owner, a request */

    unsigned                        busy:1;    /* a thread has it, or will */
    unsigned                        awaited:1;
};


/*
 * A task with "size" zeroed bytes as its ctx.  "handler" runs in a thread,
 * with ctx, and touches nothing but that and what never changes; then "done"
 * runs in the event loop, which posts the task again or frees it.  NULL: out
 * of memory, already logged.
 */
ngx_http_social_task_t *ngx_http_social_task_create(size_t size,
    ngx_http_social_task_handler_pt handler,
    ngx_http_social_task_done_pt done);

/*
 * Says whose it is.  "held" becomes the task, and NULL when that is freed; an
 * owner that goes earlier calls ngx_http_social_task_orphan(held).
 */
void ngx_http_social_task_own(ngx_http_social_task_t *task, void *owner,
    ngx_http_social_task_t **held);

/*
 * Likewise of a request, which takes care of itself; such a task is awaited.
 * NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_task_own_request(ngx_http_social_task_t *task,
    ngx_http_request_t *r);

/*
 * The owner goes: from now on task->owner is NULL.  "done" is called at once
 * if no thread has the task, else when its thread is through.  NULL is
 * allowed.
 */
void ngx_http_social_task_orphan(ngx_http_social_task_t *task);

/*
 * The task and its owner, if there is one, go separate ways: it is for the
 * caller to free, and what becomes of the owner does not concern it.
 */
void ngx_http_social_task_disown(ngx_http_social_task_t *task);

/*
 * Has a thread run it.  A worker that shuts down waits for a task that is
 * awaited, for 60 s, and as long as it takes while there is an owner
 * ("worker_shutdown_timeout" ends that).  NGX_BUSY: the thread pool's queue is
 * full, already logged; the task is as it was.
 */
ngx_int_t ngx_http_social_task_post(ngx_http_social_task_t *task,
    ngx_thread_pool_t *thread_pool);

/*
 * Frees a task that no thread has, with its pool.
 */
void ngx_http_social_task_free(ngx_http_social_task_t *task);


#endif /* NGX_HTTP_SOCIAL_TASK_H */
