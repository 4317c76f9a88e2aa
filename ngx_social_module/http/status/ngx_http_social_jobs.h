
/*
 * What the database knows of jobs and workers, for "social_status".
 */

#ifndef NGX_HTTP_SOCIAL_JOBS_H
#define NGX_HTTP_SOCIAL_JOBS_H


#include "ngx_http_social_counters.h"


#define NGX_HTTP_SOCIAL_JOBS_INTERVAL  10000     /* milliseconds */
#define NGX_HTTP_SOCIAL_JOBS_STALE     60        /* seconds */


/*
 * To be called in a worker that has a database, once counters are there: one
 * process of all asks the database every 10 seconds.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_jobs_start(ngx_cycle_t *cycle);

/*
 * What was answered last.  NGX_DECLINED: nothing within the last minute.
 */
ngx_int_t ngx_http_social_jobs_get(ngx_http_request_t *r,
    uint64_t values[NGX_HTTP_SOCIAL_JOBS_VALUES]);


#endif /* NGX_HTTP_SOCIAL_JOBS_H */
