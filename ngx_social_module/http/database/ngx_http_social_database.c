
/*
 * The connections of a worker to PostgreSQL: who gets which, and who waits.
 *
 * DESIGN.  DNS, TLS and login run in a thread; then the socket belongs to the
 * event loop, in libpq's pipeline mode, so that statements of many requests
 * are under way on one connection, in order.  Each has a timer.  The server's
 * own statement_timeout is shorter: one slow statement ends there, and leaves
 * those behind it the time to be run.  When nothing comes for as long as our
 * timer, it is the server or the network that is gone, and the connection with
 * it.
 *
 * Events are level-triggered: libpq reads as much as it likes at a time.
 */

#include "ngx_http_social_connection.h"


#define NGX_HTTP_SOCIAL_DATABASE_PIPELINE  64


static ngx_http_social_connection_t *ngx_http_social_database_connection(
    ngx_http_social_database_t *db);
static ngx_uint_t ngx_http_social_database_hopeless(
    ngx_http_social_database_t *db);
static void ngx_http_social_query_timeout(ngx_event_t *ev);


ngx_http_social_database_t *
ngx_http_social_database_create(ngx_conf_t *cf,
    ngx_http_social_database_conf_t *conf, ngx_thread_pool_t *thread_pool)
{
    ngx_uint_t                   i;
    ngx_http_social_database_t  *db;

    db = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_database_t));
    if (db == NULL) {
        return NULL;
    }

    db->conns = ngx_pcalloc(cf->pool, conf->connections
                                      * sizeof(ngx_http_social_connection_t));
    if (db->conns == NULL) {
        return NULL;
    }

    db->conf = conf;
    db->thread_pool = thread_pool;
    ngx_queue_init(&db->waiting);

    for (i = 0; i < conf->connections; i++) {
        db->conns[i].db = db;
        ngx_queue_init(&db->conns[i].sent);
    }

    return db;
}


void
ngx_http_social_database_start(ngx_http_social_database_t *db,
    ngx_cycle_t *cycle)
{
    ngx_uint_t                     i;
    ngx_http_social_connection_t  *conn;

    for (i = 0; i < db->conf->connections; i++) {
        conn = &db->conns[i];

        conn->retry.handler = ngx_http_social_connection_retry;
        conn->retry.data = conn;
        conn->retry.log = cycle->log;
        conn->retry.cancelable = 1;
    }

    /* one to begin with; the others come with the load */

    ngx_add_timer(&db->conns[0].retry, 1);
}


void
ngx_http_social_database_stop(ngx_http_social_database_t *db)
{
    ngx_uint_t  i;

    db->stopping = 1;

    for (i = 0; i < db->conf->connections; i++) {
        if (db->conns[i].state == NGX_HTTP_SOCIAL_CONNECTION_UP) {
            ngx_http_social_connection_close(&db->conns[i]);
        }
    }
}


ngx_uint_t
ngx_http_social_database_is_up(ngx_http_social_database_t *db)
{
    ngx_uint_t  i;

    for (i = 0; i < db->conf->connections; i++) {
        if (db->conns[i].state == NGX_HTTP_SOCIAL_CONNECTION_UP) {
            return 1;
        }
    }

    return 0;
}


void
ngx_http_social_database_submit(ngx_http_social_database_t *db,
    ngx_http_social_query_t *query)
{
    ngx_http_social_connection_t  *conn;

    query->db = db;
    query->timer.handler = ngx_http_social_query_timeout;
    query->timer.data = query;
    query->timer.log = ngx_cycle->log;

    conn = ngx_http_social_database_connection(db);

    if (conn != NULL) {

        if (ngx_http_social_connection_send(conn, query) == NGX_OK) {
            ngx_add_timer(&query->timer, db->conf->timeout);

            /* a failure shows when the socket is read, or by the timer */

            (void) ngx_http_social_connection_flush(conn);

            return;
        }

        ngx_http_social_connection_failed(conn, "could not send");
    }

    /*
     * a query that has no chance still ends from the event loop, never from
     * within the call that its handler's caller is in
     */

    if (db->waiters >= db->conf->queue || ngx_http_social_database_hopeless(db))
    {
        ngx_add_timer(&query->timer, 0);
        return;
    }

    ngx_queue_insert_tail(&db->waiting, &query->queue);
    query->waiting = 1;
    db->waiters++;

    ngx_add_timer(&query->timer, db->conf->timeout);
}


/*
 * The connection with the fewest statements under way.  Another one is opened
 * when all that are up have some.
 */

static ngx_http_social_connection_t *
ngx_http_social_database_connection(ngx_http_social_database_t *db)
{
    size_t                         pending, least;
    ngx_uint_t                     i;
    ngx_http_social_connection_t  *conn, *best, *down;

    best = NULL;
    down = NULL;
    least = NGX_HTTP_SOCIAL_DATABASE_PIPELINE;

    for (i = 0; i < db->conf->connections; i++) {
        conn = &db->conns[i];

        if (conn->state == NGX_HTTP_SOCIAL_CONNECTION_DOWN
            && !conn->retry.timer_set && down == NULL)
        {
            down = conn;
        }

        if (conn->state != NGX_HTTP_SOCIAL_CONNECTION_UP) {
            continue;
        }

        pending = social_pq_pending(conn->pq);

        if (pending < least) {
            least = pending;
            best = conn;
        }
    }

    if (down != NULL && (best == NULL || least > 0)) {
        ngx_http_social_connection_connect(down);
    }

    return best;
}


/*
 * No connection is up, and none is being made: the last attempt failed and
 * the next is not due.  A request is better told so at once.
 */

static ngx_uint_t
ngx_http_social_database_hopeless(ngx_http_social_database_t *db)
{
    ngx_uint_t  i;

    for (i = 0; i < db->conf->connections; i++) {

        if (db->conns[i].state == NGX_HTTP_SOCIAL_CONNECTION_UP
            || (db->conns[i].state == NGX_HTTP_SOCIAL_CONNECTION_CONNECTING
                && db->conns[i].failures == 0)
            || (db->conns[i].retry.timer_set && db->conns[i].failures == 0))
        {
            return 0;
        }
    }

    return 1;
}


void
ngx_http_social_database_drain(ngx_http_social_database_t *db)
{
    ngx_queue_t                   *q;
    ngx_http_social_connection_t  *conn;
    ngx_http_social_query_t       *query;

    while (!ngx_queue_empty(&db->waiting)) {

        conn = ngx_http_social_database_connection(db);

        if (conn == NULL) {
            return;
        }

        q = ngx_queue_head(&db->waiting);
        ngx_queue_remove(q);
        db->waiters--;

        query = ngx_queue_data(q, ngx_http_social_query_t, queue);
        query->waiting = 0;

        if (ngx_http_social_connection_send(conn, query) != NGX_OK) {

            /* not sent: it goes with the next connection */

            ngx_queue_insert_head(&db->waiting, q);
            query->waiting = 1;
            db->waiters++;

            ngx_http_social_connection_failed(conn, "could not send");
            return;
        }

        if (ngx_http_social_connection_flush(conn) != NGX_OK) {
            ngx_http_social_connection_failed(conn, "could not send");
            return;
        }
    }
}


void
ngx_http_social_database_give_up(ngx_http_social_database_t *db,
    ngx_queue_t *lost)
{
    if (!ngx_queue_empty(&db->waiting)
        && ngx_http_social_database_hopeless(db))
    {
        ngx_queue_add(lost, &db->waiting);
        ngx_queue_init(&db->waiting);
        db->waiters = 0;
    }
}


/*
 * The request does not wait any longer.  The connection is given up only when
 * nothing at all came from it for as long: statements of other requests may
 * be under way on it, and its statement is answered or ended by the server.
 */

static void
ngx_http_social_query_timeout(ngx_event_t *ev)
{
    ngx_msec_t                     silent;
    ngx_http_social_connection_t  *conn;
    ngx_http_social_query_t       *query;
    ngx_http_social_database_t    *db;

    query = ev->data;
    db = query->db;
    conn = query->conn;

    if (conn == NULL) {

        /* one that was refused at once is in no queue */

        if (query->waiting) {
            ngx_queue_remove(&query->queue);
            db->waiters--;
        }

        ngx_http_social_query_done(query, NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE,
                                   NULL);
        return;
    }

    silent = ngx_current_msec - conn->heard;

    if (silent >= db->conf->timeout) {
        ngx_http_social_connection_failed(conn, "it does not answer");
        return;
    }

    ngx_add_timer(ev, db->conf->timeout - silent);

    ngx_http_social_query_answer(query, NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE,
                                 NULL);
}
