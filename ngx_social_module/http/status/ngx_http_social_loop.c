
/*
 * How long the event loop does something else than waiting for events.
 *
 * DESIGN.  nginx looks at the clock as soon as a wait is over, and waits again
 * when all handlers, timers and posted events are through.  So the time of an
 * iteration is known before the next wait at the cost of one look at the clock,
 * and no stall is too short to meet, as it would be with a timer.  A wait that
 * lasts longer than it was to is another thing: the process was stopped, or the
 * machine has no processor for it.
 */

#include <ngx_event.h>

#include "ngx_http_social_loop.h"


typedef ngx_int_t (*ngx_http_social_loop_pt)(ngx_cycle_t *cycle,
    ngx_msec_t timer, ngx_uint_t flags);


static ngx_int_t ngx_http_social_loop_process_events(ngx_cycle_t *cycle,
    ngx_msec_t timer, ngx_uint_t flags);
static ngx_msec_t ngx_http_social_loop_now(void);


/*
 * Of the process, since nginx's table of functions has no room for data.  NULL:
 * the table is nginx's own.
 */

static ngx_http_social_loop_pt  ngx_http_social_loop_next;
static ngx_uint_t               ngx_http_social_loop_timed;


void
ngx_http_social_loop_start(void)
{
    if (ngx_event_actions.process_events
        == ngx_http_social_loop_process_events)
    {
        return;
    }

    ngx_http_social_loop_next = ngx_event_actions.process_events;
    ngx_http_social_loop_timed = 0;

    ngx_event_actions.process_events = ngx_http_social_loop_process_events;
}


static ngx_int_t
ngx_http_social_loop_process_events(ngx_cycle_t *cycle, ngx_msec_t timer,
    ngx_uint_t flags)
{
    ngx_int_t                    rc;
    ngx_msec_t                   now;
    ngx_msec_int_t               took;
    ngx_http_social_counters_t  *counters;

    now = ngx_http_social_loop_now();
    counters = ngx_http_social_counters();

    if (ngx_http_social_loop_timed && counters != NULL) {

        took = (ngx_msec_int_t) (now - ngx_current_msec);

        if (took > NGX_HTTP_SOCIAL_LOOP_STALL) {
            counters->counts[NGX_HTTP_SOCIAL_COUNT_STALLS]++;
            counters->counts[NGX_HTTP_SOCIAL_COUNT_STALLED] += took;

            if ((uint64_t) took
                > counters->peaks[NGX_HTTP_SOCIAL_PEAK_STALL])
            {
                counters->peaks[NGX_HTTP_SOCIAL_PEAK_STALL] = took;
            }
        }
    }

    rc = ngx_http_social_loop_next(cycle, timer, flags);

    ngx_http_social_loop_timed = (flags & NGX_UPDATE_TIME) != 0;

    if (ngx_http_social_loop_timed && timer != NGX_TIMER_INFINITE
        && counters != NULL
        && (ngx_msec_int_t) (ngx_current_msec - now - timer)
           > NGX_HTTP_SOCIAL_LOOP_STALL)
    {
        counters->counts[NGX_HTTP_SOCIAL_COUNT_LATE]++;
    }

    return rc;
}


/*
 * As ngx_current_msec.
 */

static ngx_msec_t
ngx_http_social_loop_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (ngx_msec_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
