
/*
 * Statements to PostgreSQL from the event loop, through a few connections of
 * each worker.
 */

#ifndef NGX_HTTP_SOCIAL_DATABASE_H
#define NGX_HTTP_SOCIAL_DATABASE_H


#include "ngx_http_social.h"
#include "social_pq_pipeline.h"


typedef struct ngx_http_social_database_s  ngx_http_social_database_t;
typedef struct ngx_http_social_query_s     ngx_http_social_query_t;


typedef enum {
    NGX_HTTP_SOCIAL_QUERY_OK = 0,
    NGX_HTTP_SOCIAL_QUERY_REFUSED,      /* by the server: a mistake of ours */
    NGX_HTTP_SOCIAL_QUERY_LOCKED,       /* somebody holds what it needs: it was
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
 * Runs one statement, a transaction of its own, for a request that somebody
 * holds by its count.  "sql" must outlive it; the parameters are copied.
 * NGX_OK: the handler will be called, later; NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_query(ngx_http_request_t *r, const char *sql,
    const social_pq_param_t *params, ngx_uint_t n,
    ngx_http_social_query_pt handler, void *data);

/*
 * The same for nobody's request: the handler is called in any case, with the
 * result, which is freed after the call.
 */
typedef void (*ngx_http_social_query_background_pt)(
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data);

ngx_int_t ngx_http_social_query_background(const char *sql,
    const social_pq_param_t *params, ngx_uint_t n,
    ngx_http_social_query_background_pt handler, void *data);

/*
 * The database of this configuration, which has to have one.
 */
ngx_http_social_database_t *ngx_http_social_database_of(
    ngx_http_request_t *r);

/*
 * Whether "social_database" was said, and whether a connection is up now.
 */
ngx_uint_t ngx_http_social_database_configured(ngx_conf_t *cf);
ngx_uint_t ngx_http_social_database_up(ngx_http_request_t *r);


/*
 * That of the configuration that this process runs with, or NULL.
 */
ngx_http_social_database_t *ngx_http_social_database_of_cycle(
    ngx_cycle_t *cycle);


/* ngx_http_social_database.c */

typedef struct {
    ngx_str_t                     conninfo;      /* zero-terminated */
    ngx_str_t                     listen;        /* the same, or empty */
    ngx_uint_t                    connections;
    ngx_uint_t                    queue;
    ngx_msec_t                    timeout;
} ngx_http_social_database_conf_t;


/*
 * What "social_database" said; "conninfo" is empty where it did not.
 */
ngx_http_social_database_conf_t *ngx_http_social_database_conf(ngx_conf_t *cf);

/*
 * The state of this process, behind a configuration that is read-only.
 */
ngx_http_social_database_t *ngx_http_social_database_create(ngx_conf_t *cf,
    ngx_http_social_database_conf_t *conf, ngx_thread_pool_t *thread_pool);

void ngx_http_social_database_start(ngx_http_social_database_t *db,
    ngx_cycle_t *cycle);
void ngx_http_social_database_stop(ngx_http_social_database_t *db);


struct ngx_http_social_query_s {
    ngx_queue_t                   queue;
    ngx_pool_t                   *pool;          /* its own */
    ngx_http_social_database_t   *db;
    void                         *conn;          /* that it was sent on */
    ngx_uint_t                    waiting;       /* for one */
    const char                   *sql;
    social_pq_param_t            *params;
    ngx_uint_t                    n;
    ngx_event_t                   timer;
    ngx_http_request_t           *request;       /* NULL: it has gone */
    ngx_http_cleanup_t           *cleanup;
    ngx_http_social_query_pt      handler;
    ngx_http_social_query_background_pt  background;
    void                         *data;
};


/*
 * Takes a query over; it comes back through ngx_http_social_query_done().
 */
void ngx_http_social_database_submit(ngx_http_social_database_t *db,
    ngx_http_social_query_t *query);

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

ngx_uint_t ngx_http_social_database_is_up(ngx_http_social_database_t *db);


#endif /* NGX_HTTP_SOCIAL_DATABASE_H */
