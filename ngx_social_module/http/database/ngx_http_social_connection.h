
/*
 * One connection to PostgreSQL: made in a thread, then read and written from
 * the event loop.  For the pool, and for who has a connection of its own.
 */

#ifndef NGX_HTTP_SOCIAL_CONNECTION_H
#define NGX_HTTP_SOCIAL_CONNECTION_H


#include "ngx_http_social_database.h"


typedef enum {
    NGX_HTTP_SOCIAL_CONNECTION_DOWN = 0,
    NGX_HTTP_SOCIAL_CONNECTION_CONNECTING,
    NGX_HTTP_SOCIAL_CONNECTION_UP
} ngx_http_social_connection_state_e;


typedef struct {
    ngx_http_social_database_t         *db;
    ngx_http_social_connection_state_e  state;
    social_pq_t                        *pq;
    ngx_connection_t                   *connection;
    ngx_queue_t                         sent;        /* of queries, in order */
    ngx_msec_t                          heard;       /* last alive */
    ngx_event_t                         retry;
    ngx_uint_t                          failures;    /* in a row */
} ngx_http_social_connection_t;


struct ngx_http_social_database_s {
    ngx_http_social_database_conf_t  *conf;
    ngx_thread_pool_t                *thread_pool;
    ngx_queue_t                       waiting;   /* of queries */
    ngx_uint_t                        waiters;
    ngx_uint_t                        stopping;
    time_t                            locked;    /* last said of a lock */
    ngx_http_social_connection_t     *conns;
};


/* ngx_http_social_socket.c */

/*
 * nginx's side of a connection that is libpq's: its two handlers are called
 * with the events, level-triggered, of which the reading one is on.  NULL: no
 * connection is free in nginx.
 */
ngx_connection_t *ngx_http_social_socket_open(social_pq_t *pq, void *data,
    ngx_event_handler_pt read, ngx_event_handler_pt write);

/*
 * Sends what is queued, with the help of the write event.  NGX_ERROR: the
 * connection is of no more use.
 */
ngx_int_t ngx_http_social_socket_flush(ngx_connection_t *c, social_pq_t *pq);

/*
 * Ends nginx's side; the socket stays libpq's, to be closed by it.
 */
void ngx_http_social_socket_forget(ngx_connection_t *c);


/* ngx_http_social_connection.c */

/*
 * Begins to connect, in a thread; ends in the state UP, or by
 * ngx_http_social_connection_failed().
 */
void ngx_http_social_connection_connect(ngx_http_social_connection_t *conn);

/*
 * The handler of its timer: connects, where it is still DOWN.
 */
void ngx_http_social_connection_retry(ngx_event_t *ev);

/*
 * Queues a query on a connection that is UP, and sends what is queued.
 * NGX_ERROR: the connection is of no more use.
 */
ngx_int_t ngx_http_social_connection_send(ngx_http_social_connection_t *conn,
    ngx_http_social_query_t *query);
ngx_int_t ngx_http_social_connection_flush(ngx_http_social_connection_t *conn);

/*
 * Closes the connection, and ends what was sent on it: nobody can say whether
 * it was run.
 */
void ngx_http_social_connection_failed(ngx_http_social_connection_t *conn,
    const char *why);

/*
 * Closes a connection that is UP, with nothing under way.
 */
void ngx_http_social_connection_close(ngx_http_social_connection_t *conn);


/* ngx_http_social_database.c */

/*
 * Sends what waits for a connection, as far as there is room.
 */
void ngx_http_social_database_drain(ngx_http_social_database_t *db);

/*
 * Moves everything that waits to "lost", if no connection is up and none is
 * being made.
 */
void ngx_http_social_database_give_up(ngx_http_social_database_t *db,
    ngx_queue_t *lost);


#endif /* NGX_HTTP_SOCIAL_CONNECTION_H */
