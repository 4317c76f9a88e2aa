
/*
 * The connections of a worker, and the queries that wait for one of them.
 */

#ifndef NGX_HTTP_SOCIAL_DISPATCH_H
#define NGX_HTTP_SOCIAL_DISPATCH_H


#include "ngx_http_social_connection.h"
#include "ngx_http_social_database.h"
#include "ngx_http_social_fault.h"
#include "ngx_http_social_held.h"


/* statements on a connection, which are its pipeline */
#define NGX_HTTP_SOCIAL_DISPATCH_PIPELINE  64


typedef struct {
    ngx_http_social_connection_t       conn;
    ngx_http_social_database_t        *db;
    ngx_queue_t                        sent;      /* of queries, in order */
    ngx_msec_t                         moved;     /* a result came, or the first
                                                     statement was sent */
    unsigned                           suspect:1; /* something that may wait
                                                     long is under way */
    unsigned                           locks:1;   /* so is something that waits
                                                     for a lock if it must */
} ngx_http_social_pooled_t;


struct ngx_http_social_database_s {
    ngx_http_social_database_conf_t   *conf;
    ngx_http_social_pooled_t          *pool;
    ngx_http_social_held_t             held;      /* by all that were sent */

    /* queries without a connection; "waiters" is the number of all of them */

    ngx_queue_t                        again;     /* before those that wait */
    ngx_queue_t                        waiting;
    ngx_queue_t                        suspects;
    ngx_uint_t                         waiters;

    ngx_event_t                        dispatch;
    ngx_msec_t                         down;      /* since when */
    time_t                             locked;    /* last log of a lock */
    time_t                             singly;    /* until then there are no
                                                     batches */
    ngx_http_social_faults_t           faults;
    unsigned                           was_up:1;
    unsigned                           is_down:1;
};


/*
 * Whether no more queries may wait.
 */
ngx_uint_t ngx_http_social_dispatch_full(ngx_http_social_database_t *db);

/*
 * Has a query without a connection wait, in one of the three queues, and takes
 * it out of the one that it is in.
 */
void ngx_http_social_dispatch_wait(ngx_http_social_database_t *db,
    ngx_queue_t *queue, ngx_http_social_query_t *query);
void ngx_http_social_dispatch_leave(ngx_http_social_database_t *db,
    ngx_http_social_query_t *query);

/*
 * Takes a query out of those that were sent on a connection: there is a result,
 * or there will be none.
 */
void ngx_http_social_dispatch_returned(ngx_http_social_query_t *query);

/*
 * Has a query that was not run wait for a transaction of its own, before those
 * that wait; and one that failed for a lock, or would have, for a connection
 * that it delays nobody on.
 */
void ngx_http_social_dispatch_alone(ngx_http_social_database_t *db,
    ngx_http_social_query_t *query);
void ngx_http_social_dispatch_suspect(ngx_http_social_database_t *db,
    ngx_http_social_query_t *query);

/*
 * Moves all elements of a queue, which may be none, to the end of another.
 */
void ngx_http_social_dispatch_move(ngx_queue_t *to, ngx_queue_t *from);

/*
 * Sends what waits, as far as there is room.  It may find that a connection is
 * of no more use, and close it.
 */
void ngx_http_social_dispatch_waiting(ngx_http_social_database_t *db);

/*
 * The handler of "dispatch", which is to be posted whenever there may be
 * something to send, or no hope: does the same, and ends what waits for
 * nothing.
 */
void ngx_http_social_dispatch_handler(ngx_event_t *ev);


#endif /* NGX_HTTP_SOCIAL_DISPATCH_H */
