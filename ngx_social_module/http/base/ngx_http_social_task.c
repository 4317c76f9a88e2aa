
/*
 * Thread tasks that somebody waits for.
 *
 * A worker that shuts down leaves when it has no timer but cancelable ones
 * (ngx_event_no_timers_left()): a task in a thread is nothing that it waits
 * for.  So each of these has its own timer, as the tasks of nginx's own
 * files have ("thread operation took too long").
 */

#include "ngx_http_social.h"


#define NGX_HTTP_SOCIAL_TASK_TIMEOUT  60000


ngx_int_t
ngx_http_social_task_post(ngx_thread_pool_t *thread_pool,
    ngx_thread_task_t *task)
{
    if (ngx_thread_task_post(thread_pool, task) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_add_timer(&task->event, NGX_HTTP_SOCIAL_TASK_TIMEOUT);

    return NGX_OK;
}


ngx_int_t
ngx_http_social_task_done(ngx_event_t *ev, ngx_uint_t wanted)
{
    if (ev->timedout) {

        ev->timedout = 0;

        ngx_log_error(NGX_LOG_ALERT, ev->log, 0,
                      "social: thread operation took too long");

        if (wanted) {
            ngx_add_timer(ev, NGX_HTTP_SOCIAL_TASK_TIMEOUT);
        }

        return NGX_AGAIN;
    }

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    return NGX_OK;
}
