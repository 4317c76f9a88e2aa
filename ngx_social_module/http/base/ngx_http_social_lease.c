
/*
 * One worker for all: a lease in the shared zone.
 *
 * ngx_current_msec is CLOCK_MONOTONIC, one time for all processes.
 */

#include "ngx_http_social_lease.h"


ngx_uint_t
ngx_http_social_lease_held(ngx_http_social_lease_t *lease)
{
    if (lease->owner == 0
        || (ngx_msec_int_t) (lease->expires - ngx_current_msec) <= 0)
    {
        return 0;
    }

    return kill(lease->owner, 0) == 0 || ngx_errno != ESRCH;
}


ngx_uint_t
ngx_http_social_lease_acquire(ngx_http_social_lease_t *lease, ngx_msec_t time)
{
    if (lease->owner != ngx_pid && ngx_http_social_lease_held(lease)) {
        return 0;
    }

    lease->owner = ngx_pid;
    lease->expires = ngx_current_msec + time;

    return 1;
}


void
ngx_http_social_lease_release(ngx_http_social_lease_t *lease)
{
    if (lease->owner == ngx_pid) {
        lease->owner = 0;
    }
}
