
/*
 * What is wrong with the database, so that it is logged once and shown by
 * "social_ready".
 */

#ifndef NGX_HTTP_SOCIAL_FAULT_H
#define NGX_HTTP_SOCIAL_FAULT_H


#include "ngx_http_social.h"
#include "social_pq_connect.h"


/* of statements; there are fewer in this module */
#define NGX_HTTP_SOCIAL_FAULT_MAX  32

/* for how many seconds a statement is known to fail: a load balancer that sends
   no requests would never see it work again */
#define NGX_HTTP_SOCIAL_FAULT_AGE  30


/*
 * Of one process, without connections; all zeros is nothing wrong.
 */
typedef struct {
    ngx_uint_t            logged;      /* bits of causes, in this outage */
    social_pq_fault_e     last;        /* cause */

    struct {
        const char       *sql;
        const char       *reason;
        time_t            seen;
    } statements[NGX_HTTP_SOCIAL_FAULT_MAX];

    ngx_uint_t            n;           /* statements that cannot work */
} ngx_http_social_faults_t;


/*
 * A connection was lost, or could not be made: whether it is the first time
 * in this outage that this was the cause.
 */
ngx_uint_t ngx_http_social_fault_lost(ngx_http_social_faults_t *faults,
    social_pq_fault_e cause);

/*
 * A connection was made: logs the end of an outage.
 */
void ngx_http_social_fault_connected(ngx_http_social_faults_t *faults);

/*
 * The server refused a statement: logs it, as an error unless the same
 * statement has failed before and that for a reason that lasts.
 */
void ngx_http_social_fault_refused(ngx_http_social_faults_t *faults,
    const char *sql, const social_pq_result_t *result);

/*
 * The server refused a statement that stands for many, so that each of them is
 * executed: logs it, as a warning if it "is_first".
 */
void ngx_http_social_fault_batch(const social_pq_result_t *result,
    ngx_uint_t is_first);

/*
 * A statement was executed: logs that, if it has failed before.
 */
void ngx_http_social_fault_worked(ngx_http_social_faults_t *faults,
    const char *sql);

/*
 * Why statements have failed in the last NGX_HTTP_SOCIAL_FAULT_AGE seconds
 * ("schema", "rights"), or "".
 */
const char *ngx_http_social_fault_reason(ngx_http_social_faults_t *faults);


#endif /* NGX_HTTP_SOCIAL_FAULT_H */
