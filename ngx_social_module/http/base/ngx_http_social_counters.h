
/*
 * What is counted for "social_status": each process has a slot in the zone,
 * that no other one writes to.  Where no location has a status, there are no
 * slots, and nothing is counted.
 */

#ifndef NGX_HTTP_SOCIAL_COUNTERS_H
#define NGX_HTTP_SOCIAL_COUNTERS_H


#include "ngx_http_social.h"


/*
 * Counts and sums: what a process has counted stays when it exits.
 */
typedef enum {
    NGX_HTTP_SOCIAL_COUNT_STALLS = 0,
    NGX_HTTP_SOCIAL_COUNT_STALLED,           /* milliseconds */
    NGX_HTTP_SOCIAL_COUNT_LATE,

    NGX_HTTP_SOCIAL_COUNT_STATEMENT_OK,
    NGX_HTTP_SOCIAL_COUNT_STATEMENT_REFUSED,
    NGX_HTTP_SOCIAL_COUNT_STATEMENT_LOCKED,
    NGX_HTTP_SOCIAL_COUNT_STATEMENT_UNAVAILABLE,
    NGX_HTTP_SOCIAL_COUNT_CONNECTED,
    NGX_HTTP_SOCIAL_COUNT_CONNECTION_LOST,

    NGX_HTTP_SOCIAL_COUNT_HOOK_ACCEPTED,
    NGX_HTTP_SOCIAL_COUNT_HOOK_UNCHANGED,
    NGX_HTTP_SOCIAL_COUNT_HOOK_SPOOLED,
    NGX_HTTP_SOCIAL_COUNT_HOOK_DENIED,
    NGX_HTTP_SOCIAL_COUNT_HOOK_REFUSED,
    NGX_HTTP_SOCIAL_COUNT_HOOK_FAILED,

    NGX_HTTP_SOCIAL_COUNT_SPOOL_COMMITTED,
    NGX_HTTP_SOCIAL_COUNT_SPOOL_ASIDE,

    NGX_HTTP_SOCIAL_COUNTS
} ngx_http_social_count_e;


/*
 * What is so now, in this process: it ends with it.
 */
typedef enum {
    NGX_HTTP_SOCIAL_GAUGE_UP = 0,            /* connections to the database */
    NGX_HTTP_SOCIAL_GAUGE_CONNECTING,
    NGX_HTTP_SOCIAL_GAUGE_DOWN,
    NGX_HTTP_SOCIAL_GAUGE_SENT,              /* statements */
    NGX_HTTP_SOCIAL_GAUGE_QUEUED,

    NGX_HTTP_SOCIAL_GAUGES
} ngx_http_social_gauge_e;


/*
 * What was the most since the start.
 */
typedef enum {
    NGX_HTTP_SOCIAL_PEAK_STALL = 0,          /* milliseconds */

    NGX_HTTP_SOCIAL_PEAKS
} ngx_http_social_peak_e;


typedef struct {
    uint64_t  counts[NGX_HTTP_SOCIAL_COUNTS];
    uint64_t  gauges[NGX_HTTP_SOCIAL_GAUGES];
    uint64_t  peaks[NGX_HTTP_SOCIAL_PEAKS];
} ngx_http_social_counters_t;


/*
 * In base's configuration: the state of this process.
 */
typedef struct ngx_http_social_counting_s  ngx_http_social_counting_t;

struct ngx_http_social_counting_s {
    ngx_slab_pool_t             *shpool;
    void                        *sh;
    ngx_http_social_counters_t  *slot;       /* NULL: nothing is counted */
};


/*
 * While the configuration is read: there is to be something to count in.
 * NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_counters_use(ngx_conf_t *cf);

/*
 * After it was read: the part of the zone, where that was called.  NGX_ERROR:
 * already logged.
 */
ngx_int_t ngx_http_social_counters_init(ngx_conf_t *cf);

/*
 * For a process that begins, and one that exits.  Where there is no memory it
 * counts nothing, which is logged.
 */
void ngx_http_social_counters_start(ngx_cycle_t *cycle);
void ngx_http_social_counters_stop(ngx_cycle_t *cycle);

/*
 * The sum of all processes, those that have exited or died included, with
 * gauges of those that live, and how many that are.
 */
void ngx_http_social_counters_sum(ngx_http_request_t *r,
    ngx_http_social_counters_t *sum, ngx_uint_t *processes);

/*
 * The zone that they are in.
 */
ngx_slab_pool_t *ngx_http_social_counters_zone(ngx_http_request_t *r);

/*
 * The slot of this process, or NULL.
 */
ngx_http_social_counters_t *ngx_http_social_counters(void);


/*
 * All in the event loop.
 */

static ngx_inline void
ngx_http_social_count(ngx_http_social_count_e count)
{
    ngx_http_social_counters_t  *slot;

    slot = ngx_http_social_counters();

    if (slot != NULL) {
        slot->counts[count]++;
    }
}


#endif /* NGX_HTTP_SOCIAL_COUNTERS_H */
