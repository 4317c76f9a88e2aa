
/*
 * A duty: work that one worker process does for all.
 */

#include "ngx_http_social_duty.h"


static void ngx_http_social_duty_timer(ngx_event_t *ev);
static void ngx_http_social_duty_cleanup(void *data);


void
ngx_http_social_duty_start(ngx_http_social_duty_t *duty, ngx_cycle_t *cycle)
{
    duty->cycle = cycle;

    duty->timer.handler = ngx_http_social_duty_timer;
    duty->timer.data = duty;
    duty->timer.log = cycle->log;
    duty->timer.cancelable = 1;

    /*
     * the timer is part of what goes with the cycle, which a single process
     * outlives; the entry is part of the duty, so that there is no failure
     */

    duty->cleanup.handler = ngx_http_social_duty_cleanup;
    duty->cleanup.data = duty;
    duty->cleanup.next = cycle->pool->cleanup;

    cycle->pool->cleanup = &duty->cleanup;

    ngx_add_timer(&duty->timer, duty->interval);
}


void
ngx_http_social_duty_soon(ngx_http_social_duty_t *duty)
{
    if (ngx_exiting) {
        return;
    }

    /* a timer is left where it is that is to expire within 300 ms of it */

    if (duty->timer.timer_set) {
        ngx_del_timer(&duty->timer);
    }

    ngx_add_timer(&duty->timer, 1);
}


static void
ngx_http_social_duty_timer(ngx_event_t *ev)
{
    ngx_uint_t               ours;
    ngx_http_social_duty_t  *duty;

    duty = ev->data;

    /*
     * a single process has read another configuration: the zone may not be
     * there any more
     */

    if (duty->cycle != ngx_cycle) {
        if (duty->stop) {
            duty->stop(duty);
        }

        return;
    }

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        ngx_shmtx_lock(&duty->shpool->mutex);
        ngx_http_social_lease_release(duty->lease);
        ngx_shmtx_unlock(&duty->shpool->mutex);
        return;
    }

    ngx_add_timer(ev, duty->interval);

    ngx_shmtx_lock(&duty->shpool->mutex);
    ours = ngx_http_social_lease_acquire(duty->lease, 3 * duty->interval);
    ngx_shmtx_unlock(&duty->shpool->mutex);

    if (ours) {
        duty->handler(duty);
    }
}


/*
 * The lease, of which the zone may be gone, expires by itself.
 */

static void
ngx_http_social_duty_cleanup(void *data)
{
    ngx_http_social_duty_t  *duty = data;

    if (duty->timer.timer_set) {
        ngx_del_timer(&duty->timer);
    }
}
