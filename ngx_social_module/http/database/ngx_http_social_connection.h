
/*
 * One connection to PostgreSQL, made in a thread, then read and written from
 * the event loop; made again, some time later, when it failed.  Who has it
 * sends statements, and gets by handlers what comes of them.
 */

#ifndef NGX_HTTP_SOCIAL_CONNECTION_H
#define NGX_HTTP_SOCIAL_CONNECTION_H


#include "ngx_http_social.h"
#include "ngx_http_social_iam.h"
#include "social_pq_connect.h"


typedef struct ngx_http_social_connection_s  ngx_http_social_connection_t;


/*
 * Each of them may send further statements, and may close the connection.
 */

typedef struct {

    /*
     * The connection is up.  To reset "failures" is the owner's part, when
     * the connection proved to be of use.
     */
    void                           (*connected)(
                                       ngx_http_social_connection_t *conn);

    /*
     * The result of the oldest statement that had none; it is freed after the
     * call.
     */
    void                           (*result)(
                                       ngx_http_social_connection_t *conn,
                                       const social_pq_result_t *result);

    /*
     * A notification came; NULL where the connection does not LISTEN.
     */
    void                           (*notified)(
                                       ngx_http_social_connection_t *conn);

    /*
     * The other handlers were called for everything received so far.
     */
    void                           (*ready)(
                                       ngx_http_social_connection_t *conn);

    /*
     * The connection failed, or could not be made: what was sent has no result
     * and may have been run.  Another attempt is scheduled.  "why" is one line
     * for the log, or NULL: nothing was under way, and nginx is shutting down.
     */
    void                           (*closed)(
                                       ngx_http_social_connection_t *conn,
                                       const char *why);

} ngx_http_social_connection_handlers_t;


typedef enum {
    NGX_HTTP_SOCIAL_CONNECTION_DOWN = 0,
    NGX_HTTP_SOCIAL_CONNECTION_CONNECTING,
    NGX_HTTP_SOCIAL_CONNECTION_UP
} ngx_http_social_connection_state_e;


struct ngx_http_social_connection_s {

    /* set by the owner; what "options" refers to lives as long as the cycle */

    const ngx_http_social_connection_handlers_t  *handlers;
    void                                         *data;
    social_pq_options_t                           options;
    const ngx_http_social_iam_t                  *iam;       /* or NULL */
    ngx_thread_pool_t                            *thread_pool;

    ngx_http_social_connection_state_e            state;
    ngx_uint_t                                    failures;  /* in a row */
    social_pq_fault_e                             fault;     /* the last one */
    ngx_msec_t                                    heard;     /* last alive */
    ngx_event_t                                   retry;

    social_pq_t                                  *pq;
    ngx_connection_t                             *connection;
    unsigned                                      unwanted:1;
};


/*
 * To be called once in a worker, before all others.
 */
void ngx_http_social_connection_init(ngx_http_social_connection_t *conn,
    ngx_cycle_t *cycle);

/*
 * Has a DOWN connection made, in a thread; "connected" or "closed" is called
 * later.  Where there is no memory or no room in the thread pool's queue the
 * connection stays DOWN, with nothing scheduled; already logged.
 */
void ngx_http_social_connection_connect(ngx_http_social_connection_t *conn);

/*
 * The same after "delay" milliseconds.
 */
void ngx_http_social_connection_schedule(ngx_http_social_connection_t *conn,
    ngx_msec_t delay);

/*
 * Queues a statement, a transaction of its own, on a connection that is UP;
 * "sql" and the parameters are copied.  To be followed by a flush.  NGX_ERROR:
 * the connection is of no more use: see ngx_http_social_connection_failed().
 */
ngx_int_t ngx_http_social_connection_send(ngx_http_social_connection_t *conn,
    const char *sql, const social_pq_param_t *params, ngx_uint_t n);

/*
 * The same for several statements that are one transaction: each is added,
 * SOCIAL_PQ_MAX_GROUP at most, and then comes the sync.
 */
ngx_int_t ngx_http_social_connection_add(ngx_http_social_connection_t *conn,
    const char *sql, const social_pq_param_t *params, ngx_uint_t n);
ngx_int_t ngx_http_social_connection_sync(ngx_http_social_connection_t *conn);

/*
 * Sends what is queued, as far as the socket takes it, and the rest as soon as
 * it takes more.  NGX_ERROR: the connection is of no more use.
 */
ngx_int_t ngx_http_social_connection_flush(ngx_http_social_connection_t *conn);

/*
 * The number of statements that have no result yet.
 */
size_t ngx_http_social_connection_pending(ngx_http_social_connection_t *conn);

/*
 * Closes the connection, schedules another attempt (by chance up to 200 ms
 * later after the first failure, twice as much after each further one, and 5 s
 * at most), and calls "closed" with "why".
 */
void ngx_http_social_connection_failed(ngx_http_social_connection_t *conn,
    const char *why);

/*
 * The same for another cause than SOCIAL_PQ_FAULT_NETWORK, in conn->fault when
 * "closed" is called.
 */
void ngx_http_social_connection_lost(ngx_http_social_connection_t *conn,
    social_pq_fault_e fault, const char *why);

/*
 * Closes the connection, or gives up making it, in whatever state it is,
 * without any handler and without another attempt.
 */
void ngx_http_social_connection_close(ngx_http_social_connection_t *conn);


#endif /* NGX_HTTP_SOCIAL_CONNECTION_H */
