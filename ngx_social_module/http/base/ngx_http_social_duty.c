
/*
 * A duty: work that one worker process does for all.
 */

#include "ngx_http_social_duty.h"


static void ngx_http_social_duty_timer(ngx_event_t *ev);


void
ngx_http_social_duty_start(ngx_http_social_duty_t *duty, ngx_cycle_t *cycle)
{
    duty->timer.handler = ngx_http_social_duty_timer;
    duty->timer.data = duty;
    duty->timer.log = cycle->log;
    duty->timer.cancelable = 1;

    ngx_add_timer(&duty->timer, duty->interval);
}


void
ngx_http_social_duty_soon(ngx_http_social_duty_t *duty)
{
    if (!ngx_exiting) {
        ngx_add_timer(&duty->timer, 1);
    }
}


static void
ngx_http_social_duty_timer(ngx_event_t *ev)
{
    ngx_uint_t               ours;
    ngx_http_social_duty_t  *duty;

    duty = ev->data;

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
