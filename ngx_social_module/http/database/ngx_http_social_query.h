
/*
 * One statement, from its parameters to its outcome.
 */

#ifndef NGX_HTTP_SOCIAL_QUERY_H
#define NGX_HTTP_SOCIAL_QUERY_H


#include "ngx_http_social.h"
#include "social_pq_pipeline.h"


typedef enum {
    NGX_HTTP_SOCIAL_QUERY_OK = 0,
    NGX_HTTP_SOCIAL_QUERY_REFUSED,      /* by the server: a mistake of ours */
    NGX_HTTP_SOCIAL_QUERY_LOCKED,       /* another holds what it needs: it was
                                           not run, and may be tried again */
    NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE   /* no connection, or no answer in
                                           time: it may have been run */
} ngx_http_social_query_outcome_e;


/*
 * Called once for every query whose request is still there.  "result" is NULL
 * unless the outcome is OK, and is freed after the call.  The handler ends
 * the request by ngx_http_finalize_request(), or sends another query.
 */
typedef void (*ngx_http_social_query_pt)(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data);

/*
 * The same without a request: called in any case.
 */
typedef void (*ngx_http_social_query_background_pt)(
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data);


typedef struct {
    ngx_pool_t                           *pool;      /* its own */
    const char                           *sql;
    social_pq_param_t                    *params;
    ngx_uint_t                            n;
    ngx_http_request_t                   *request;   /* NULL: it has gone */
    ngx_http_cleanup_t                   *cleanup;
    ngx_http_social_query_pt              handler;
    ngx_http_social_query_background_pt   background;
    void                                 *data;

    /* of the database that it was given to */

    void                                 *db;
    void                                 *conn;      /* that it was sent on */
    ngx_queue_t                           queue;
    ngx_uint_t                            waiting;   /* for a connection */
    ngx_event_t                           timer;
} ngx_http_social_query_t;


/*
 * A query of a request, or of none where "r" is NULL; the caller sets "handler"
 * or "background", and "data".  To be ended by ngx_http_social_query_done().
 * "sql" must outlive it; the parameters are copied.  NULL: out of memory.
 */
ngx_http_social_query_t *ngx_http_social_query_create(ngx_http_request_t *r,
    const char *sql, const social_pq_param_t *params, ngx_uint_t n);

/*
 * Calls a query's handler, unless its request has gone or it was called
 * before.
 */
void ngx_http_social_query_answer(ngx_http_social_query_t *query,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result);

/*
 * Ends a query: does that, and frees it.  "result" stays the caller's.
 */
void ngx_http_social_query_done(ngx_http_social_query_t *query,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result);


#endif /* NGX_HTTP_SOCIAL_QUERY_H */
