
/*
 * One statement, from its parameters to its outcome.
 */

#ifndef NGX_HTTP_SOCIAL_QUERY_H
#define NGX_HTTP_SOCIAL_QUERY_H


#include "ngx_http_social.h"
#include "social_pq_pipeline.h"


#define NGX_HTTP_SOCIAL_STATEMENT_KEYS  2


/*
 * A kind of statement, by its address.
 */
typedef struct {
    const char    *sql;

    /*
     * Run twice, at once or one after the other, it leaves what it leaves when
     * it is run once, and its result says the same: where an answer is lost
     * with its connection, it is sent once more.
     */
    unsigned       repeat:1;

    /*
     * May be in one transaction with others of its kind; to be repeatable,
     * since it is run again, alone, when another of them fails.  "keys" are the
     * parameters that name what it locks: they are sent in this order.
     */
    unsigned       share:1;
    unsigned char  keys[NGX_HTTP_SOCIAL_STATEMENT_KEYS];

    /*
     * Or NULL: one statement for several of its kind, whose parameters are
     * arrays of theirs.  It returns a row for each, in their order: what became
     * of it, 'done', 'alone' or 'locked', and then, of the first, the columns
     * that "sql" returns.  The others were not run, and are to be run alone;
     * for the last another transaction has what they need.
     */
    const char    *batch;
} ngx_http_social_statement_t;


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
    const ngx_http_social_statement_t    *statement;
    social_pq_param_t                    *params;
    ngx_uint_t                            n;
    ngx_http_social_statement_t           single;    /* of "sql" alone */
    ngx_http_request_t                   *request;   /* NULL: it has gone */
    ngx_http_cleanup_t                   *cleanup;
    ngx_http_social_query_pt              handler;
    ngx_http_social_query_background_pt   background;
    void                                 *data;

    /* of the database that it was given to */

    void                                 *db;
    void                                 *conn;      /* that it was sent on */
    ngx_queue_t                           queue;
    ngx_queue_t                           held;      /* of those that were
                                                        sent, by their row */
    ngx_event_t                           timer;
    ngx_uint_t                            batch;     /* of how many, of which
                                                        it is the first, or 0 */
    ngx_msec_t                            since;     /* it is a suspect */
    ngx_msec_t                            created;
    unsigned                              waiting:1; /* for a connection */
    unsigned                              holds:1;   /* it is in "held" */
    unsigned                              repeated:1;
    unsigned                              shared:1;  /* its transaction */
    unsigned                              alone:1;   /* it must not share */
    unsigned                              suspect:1; /* it may wait long */
    unsigned                              counted:1; /* its outcome */
} ngx_http_social_query_t;


/*
 * A query of a request, or of none where "r" is NULL; the caller sets
 * "statement", or "single" and "statement" to it, then "handler" or
 * "background", and "data".  To be ended by ngx_http_social_query_done().
 * The parameters are copied.  NULL: out of memory.
 */
ngx_http_social_query_t *ngx_http_social_query_create(ngx_http_request_t *r,
    const social_pq_param_t *params, ngx_uint_t n);

/*
 * Whether somebody still waits for its outcome.
 */
ngx_uint_t ngx_http_social_query_wanted(const ngx_http_social_query_t *query);

/*
 * For ngx_sort() of pointers to queries of one kind: by the keys of their
 * statement, NULL first.
 */
ngx_int_t ngx_http_social_query_cmp(const void *one, const void *two);

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
