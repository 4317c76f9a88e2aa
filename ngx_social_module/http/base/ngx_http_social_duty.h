
/*
 * A duty: work that one worker process does for all, again and again.  The one
 * that has the lease does it; another takes over when that exits or dies.
 */

#ifndef NGX_HTTP_SOCIAL_DUTY_H
#define NGX_HTTP_SOCIAL_DUTY_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "ngx_http_social_lease.h"


typedef struct ngx_http_social_duty_s  ngx_http_social_duty_t;


struct ngx_http_social_duty_s {

    /* set by the owner */

    ngx_msec_t                 interval;
    ngx_http_social_lease_t   *lease;      /* in the zone */
    ngx_slab_pool_t           *shpool;
    void                     (*handler)(ngx_http_social_duty_t *duty);
    void                     (*stop)(ngx_http_social_duty_t *duty);
    void                      *data;

    ngx_event_t                timer;
    ngx_cycle_t               *cycle;
    ngx_pool_cleanup_t         cleanup;
};


/*
 * To be called once in a worker, with a duty that lives as long as the cycle:
 * "handler" is called every "interval" milliseconds while this process has the
 * lease, which lasts for three of them.  It may be called while what it began
 * is still under way.  No process is kept from exiting by it.
 *
 * The cycle's pool has the duty, which ends with it.  Where a single process
 * has another cycle meanwhile, "stop" is called once, if it is not NULL.
 */
void ngx_http_social_duty_start(ngx_http_social_duty_t *duty,
    ngx_cycle_t *cycle);

/*
 * Has the timer expire at once, as when there may be more to do.  Not in a
 * process that exits.
 */
void ngx_http_social_duty_soon(ngx_http_social_duty_t *duty);


#endif /* NGX_HTTP_SOCIAL_DUTY_H */
