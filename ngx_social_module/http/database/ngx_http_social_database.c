
/*
 * The connections of a worker to PostgreSQL: who gets which, and who waits.
 *
 * DESIGN.  Statements of many requests are under way on one connection, in
 * order.  Each has a timer.  The server's own statement_timeout is shorter:
 * one slow statement ends there, and leaves those behind it the time to be
 * run.  When nothing comes for as long as our timer, it is the server or the
 * network that is gone, and the connection with it.
 */

#include "ngx_http_social_connection.h"
#include "ngx_http_social_database.h"


#define NGX_HTTP_SOCIAL_DATABASE_PIPELINE  64
#define NGX_HTTP_SOCIAL_DATABASE_LOCKED    10     /* seconds */


typedef struct {
    ngx_http_social_connection_t       conn;
    ngx_http_social_database_t        *db;
    ngx_queue_t                        sent;      /* of queries, in order */
} ngx_http_social_pooled_t;


struct ngx_http_social_database_s {
    ngx_http_social_database_conf_t   *conf;
    ngx_http_social_pooled_t          *pool;
    ngx_queue_t                        waiting;   /* of queries */
    ngx_uint_t                         waiters;
    time_t                             locked;    /* last log of a lock */
};


static void ngx_http_social_database_submit(ngx_http_social_database_t *db,
    ngx_http_social_query_t *query);
static ngx_int_t ngx_http_social_database_send(
    ngx_http_social_pooled_t *pooled, ngx_http_social_query_t *query);
static ngx_http_social_pooled_t *ngx_http_social_database_choose(
    ngx_http_social_database_t *db);
static ngx_uint_t ngx_http_social_database_hopeless(
    ngx_http_social_database_t *db);
static void ngx_http_social_database_timeout(ngx_event_t *ev);

static void ngx_http_social_database_connected(
    ngx_http_social_connection_t *conn);
static void ngx_http_social_database_result(ngx_http_social_connection_t *conn,
    const social_pq_result_t *result);
static void ngx_http_social_database_ready(ngx_http_social_connection_t *conn);
static void ngx_http_social_database_closed(ngx_http_social_connection_t *conn,
    const char *why);
static ngx_http_social_query_outcome_e ngx_http_social_database_refused(
    ngx_http_social_database_t *db, const social_pq_result_t *result);
static ngx_uint_t ngx_http_social_database_passes(const char *sqlstate);


static const ngx_http_social_connection_handlers_t
    ngx_http_social_database_handlers =
{
    .connected = ngx_http_social_database_connected,
    .result = ngx_http_social_database_result,
    .ready = ngx_http_social_database_ready,
    .closed = ngx_http_social_database_closed
};


ngx_http_social_database_t *
ngx_http_social_database_create(ngx_conf_t *cf,
    ngx_http_social_database_conf_t *conf, ngx_thread_pool_t *thread_pool)
{
    ngx_uint_t                   i;
    ngx_http_social_pooled_t    *pooled;
    ngx_http_social_database_t  *db;

    db = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_database_t));
    if (db == NULL) {
        return NULL;
    }

    db->pool = ngx_pcalloc(cf->pool, conf->connections
                                     * sizeof(ngx_http_social_pooled_t));
    if (db->pool == NULL) {
        return NULL;
    }

    db->conf = conf;
    ngx_queue_init(&db->waiting);

    for (i = 0; i < conf->connections; i++) {
        pooled = &db->pool[i];

        pooled->db = db;
        ngx_queue_init(&pooled->sent);

        pooled->conn.handlers = &ngx_http_social_database_handlers;
        pooled->conn.data = pooled;
        pooled->conn.thread_pool = thread_pool;

        pooled->conn.options.conninfo = (char *) conf->conninfo.data;
        pooled->conn.options.connect_timeout = (int) (conf->timeout / 1000) + 2;
        pooled->conn.options.statement_timeout =
                   conf->pooled
                   ? 0 : (int) (conf->timeout - conf->timeout / 4);
        pooled->conn.options.application_name = "ngx_social_module";
    }

    return db;
}


void
ngx_http_social_database_start(ngx_http_social_database_t *db,
    ngx_cycle_t *cycle)
{
    ngx_uint_t  i;

    for (i = 0; i < db->conf->connections; i++) {
        ngx_http_social_connection_init(&db->pool[i].conn, cycle);
    }

    /* one to begin with; the others come with the load */

    ngx_http_social_connection_schedule(&db->pool[0].conn, 1);
}


void
ngx_http_social_database_stop(ngx_http_social_database_t *db)
{
    ngx_uint_t  i;

    for (i = 0; i < db->conf->connections; i++) {
        ngx_http_social_connection_close(&db->pool[i].conn);
    }
}


ngx_http_social_database_t *
ngx_http_social_database_of(ngx_http_request_t *r)
{
    ngx_http_social_database_main_conf_t  *dmcf;

    dmcf = ngx_http_get_module_main_conf(r, ngx_http_social_database_module);

    return dmcf->db;
}


ngx_uint_t
ngx_http_social_database_up(ngx_http_request_t *r)
{
    ngx_uint_t                   i;
    ngx_http_social_database_t  *db;

    db = ngx_http_social_database_of(r);

    if (db == NULL) {
        return 0;
    }

    for (i = 0; i < db->conf->connections; i++) {
        if (db->pool[i].conn.state == NGX_HTTP_SOCIAL_CONNECTION_UP) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_social_query(ngx_http_request_t *r, const char *sql,
    const social_pq_param_t *params, ngx_uint_t n,
    ngx_http_social_query_pt handler, void *data)
{
    ngx_http_social_query_t  *query;

    query = ngx_http_social_query_create(r, sql, params, n);
    if (query == NULL) {
        return NGX_ERROR;
    }

    query->handler = handler;
    query->data = data;

    ngx_http_social_database_submit(ngx_http_social_database_of(r), query);

    return NGX_OK;
}


ngx_int_t
ngx_http_social_query_background(const char *sql,
    const social_pq_param_t *params, ngx_uint_t n,
    ngx_http_social_query_background_pt handler, void *data)
{
    ngx_http_social_query_t               *query;
    ngx_http_social_database_main_conf_t  *dmcf;

    dmcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_social_database_module);

    if (dmcf == NULL || dmcf->db == NULL) {
        return NGX_ERROR;
    }

    query = ngx_http_social_query_create(NULL, sql, params, n);
    if (query == NULL) {
        return NGX_ERROR;
    }

    query->background = handler;
    query->data = data;

    ngx_http_social_database_submit(dmcf->db, query);

    return NGX_OK;
}


static void
ngx_http_social_database_submit(ngx_http_social_database_t *db,
    ngx_http_social_query_t *query)
{
    ngx_http_social_pooled_t  *pooled;

    query->db = db;
    query->timer.handler = ngx_http_social_database_timeout;
    query->timer.data = query;
    query->timer.log = ngx_cycle->log;

    pooled = ngx_http_social_database_choose(db);

    if (pooled != NULL) {

        if (ngx_http_social_database_send(pooled, query) == NGX_OK) {
            ngx_add_timer(&query->timer, db->conf->timeout);

            /* a failure shows when the socket is read, or by the timer */

            (void) ngx_http_social_connection_flush(&pooled->conn);

            return;
        }

        ngx_http_social_connection_failed(&pooled->conn, "send failed");
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


static ngx_int_t
ngx_http_social_database_send(ngx_http_social_pooled_t *pooled,
    ngx_http_social_query_t *query)
{
    if (ngx_http_social_connection_send(&pooled->conn, query->sql,
                                        query->params, query->n)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    query->conn = &pooled->conn;
    ngx_queue_insert_tail(&pooled->sent, &query->queue);

    return NGX_OK;
}


/*
 * The connection with the fewest statements under way.  Another one is opened
 * when all that are up have some.
 */

static ngx_http_social_pooled_t *
ngx_http_social_database_choose(ngx_http_social_database_t *db)
{
    size_t                         pending, least;
    ngx_uint_t                     i;
    ngx_http_social_pooled_t      *best;
    ngx_http_social_connection_t  *conn, *down;

    best = NULL;
    down = NULL;
    least = NGX_HTTP_SOCIAL_DATABASE_PIPELINE;

    for (i = 0; i < db->conf->connections; i++) {
        conn = &db->pool[i].conn;

        if (conn->state == NGX_HTTP_SOCIAL_CONNECTION_DOWN
            && !conn->retry.timer_set && down == NULL)
        {
            down = conn;
        }

        if (conn->state != NGX_HTTP_SOCIAL_CONNECTION_UP) {
            continue;
        }

        pending = ngx_http_social_connection_pending(conn);

        if (pending < least) {
            least = pending;
            best = &db->pool[i];
        }
    }

    if (down != NULL && (best == NULL || least > 0)) {
        ngx_http_social_connection_connect(down);
    }

    return best;
}


/*
 * No connection is up, and none is being made: the last attempt failed and
 * the next is not due.  A request is better answered at once.
 */

static ngx_uint_t
ngx_http_social_database_hopeless(ngx_http_social_database_t *db)
{
    ngx_uint_t                     i;
    ngx_http_social_connection_t  *conn;

    for (i = 0; i < db->conf->connections; i++) {
        conn = &db->pool[i].conn;

        if (conn->state == NGX_HTTP_SOCIAL_CONNECTION_UP) {
            return 0;
        }

        if (conn->failures == 0
            && (conn->state == NGX_HTTP_SOCIAL_CONNECTION_CONNECTING
                || conn->retry.timer_set))
        {
            return 0;
        }
    }

    return 1;
}


/*
 * The request does not wait any longer.  The connection is given up only when
 * nothing at all came from it for as long: statements of other requests may
 * be under way on it, and its statement is answered or ended by the server.
 */

static void
ngx_http_social_database_timeout(ngx_event_t *ev)
{
    ngx_msec_t                     silent;
    ngx_http_social_query_t       *query;
    ngx_http_social_database_t    *db;
    ngx_http_social_connection_t  *conn;

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
        ngx_http_social_connection_failed(conn, "timed out");
        return;
    }

    ngx_add_timer(ev, db->conf->timeout - silent);

    ngx_http_social_query_answer(query, NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE,
                                 NULL);
}


static void
ngx_http_social_database_connected(ngx_http_social_connection_t *conn)
{
    if (conn->failures) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "social: database available again");
    }

    conn->failures = 0;
}


static void
ngx_http_social_database_result(ngx_http_social_connection_t *conn,
    const social_pq_result_t *result)
{
    ngx_queue_t               *q;
    ngx_http_social_query_t   *query;
    ngx_http_social_pooled_t  *pooled;

    pooled = conn->data;

    q = ngx_queue_head(&pooled->sent);
    ngx_queue_remove(q);

    query = ngx_queue_data(q, ngx_http_social_query_t, queue);

    switch (social_pq_result_outcome(result)) {

    case SOCIAL_PQ_OK:
        ngx_http_social_query_done(query, NGX_HTTP_SOCIAL_QUERY_OK, result);
        break;

    case SOCIAL_PQ_REFUSED:
        ngx_http_social_query_done(query,
                           ngx_http_social_database_refused(pooled->db, result),
                           NULL);

        if (conn->state == NGX_HTTP_SOCIAL_CONNECTION_UP
            && ngx_strcmp(social_pq_result_sqlstate(result), "25006") == 0)
        {
            /* the next connection may find the new primary */
            ngx_http_social_connection_failed(conn, "server is read-only");
        }

        break;

    default:
        ngx_http_social_query_done(query, NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE,
                                   NULL);
    }
}


/*
 * Sends what waits for a connection, as far as there is room.
 */

static void
ngx_http_social_database_ready(ngx_http_social_connection_t *conn)
{
    ngx_queue_t                 *q;
    ngx_http_social_query_t     *query;
    ngx_http_social_pooled_t    *pooled;
    ngx_http_social_database_t  *db;

    pooled = conn->data;
    db = pooled->db;

    while (!ngx_queue_empty(&db->waiting)) {

        pooled = ngx_http_social_database_choose(db);

        if (pooled == NULL) {
            return;
        }

        q = ngx_queue_head(&db->waiting);
        ngx_queue_remove(q);
        db->waiters--;

        query = ngx_queue_data(q, ngx_http_social_query_t, queue);
        query->waiting = 0;

        if (ngx_http_social_database_send(pooled, query) != NGX_OK) {

            /* not sent: it goes with the next connection */

            ngx_queue_insert_head(&db->waiting, q);
            query->waiting = 1;
            db->waiters++;

            ngx_http_social_connection_failed(&pooled->conn, "send failed");
            return;
        }

        if (ngx_http_social_connection_flush(&pooled->conn) != NGX_OK) {
            ngx_http_social_connection_failed(&pooled->conn, "send failed");
            return;
        }
    }
}


/*
 * Ends what was sent on it: nobody can say whether it was run.  What waits for
 * a connection ends too, unless there may be one soon.
 */

static void
ngx_http_social_database_closed(ngx_http_social_connection_t *conn,
    const char *why)
{
    ngx_uint_t                   level;
    ngx_queue_t                  lost, *q;
    ngx_http_social_query_t     *query;
    ngx_http_social_pooled_t    *pooled;
    ngx_http_social_database_t  *db;

    if (why == NULL) {
        return;
    }

    pooled = conn->data;
    db = pooled->db;

    level = conn->failures > 1 ? NGX_LOG_INFO : NGX_LOG_ERR;

    ngx_log_error(level, ngx_cycle->log, 0,
                  "social: database unavailable: %s", why);

    ngx_queue_init(&lost);

    if (!ngx_queue_empty(&pooled->sent)) {
        ngx_queue_add(&lost, &pooled->sent);
        ngx_queue_init(&pooled->sent);
    }

    if (!ngx_queue_empty(&db->waiting)
        && ngx_http_social_database_hopeless(db))
    {
        ngx_queue_add(&lost, &db->waiting);
        ngx_queue_init(&db->waiting);
        db->waiters = 0;
    }

    while (!ngx_queue_empty(&lost)) {
        q = ngx_queue_head(&lost);
        ngx_queue_remove(q);

        query = ngx_queue_data(q, ngx_http_social_query_t, queue);
        ngx_http_social_query_done(query, NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE,
                                   NULL);
    }
}


/*
 * A lock that is held (lock_not_available) is not an outage: it is logged every
 * ten seconds at most, however many requests need it.
 */

static ngx_http_social_query_outcome_e
ngx_http_social_database_refused(ngx_http_social_database_t *db,
    const social_pq_result_t *result)
{
    ngx_uint_t   level;
    const char  *sqlstate;

    sqlstate = social_pq_result_sqlstate(result);

    if (ngx_strcmp(sqlstate, "55P03") == 0) {

        level = NGX_LOG_INFO;

        if (ngx_time() - db->locked >= NGX_HTTP_SOCIAL_DATABASE_LOCKED) {
            db->locked = ngx_time();
            level = NGX_LOG_WARN;
        }

        ngx_log_error(level, ngx_cycle->log, 0,
                      "social: database lock not available: %s (%s)",
                      social_pq_result_message(result), sqlstate);

        return NGX_HTTP_SOCIAL_QUERY_LOCKED;
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "social: database statement failed: %s (%s)",
                  social_pq_result_message(result), sqlstate);

    return ngx_http_social_database_passes(sqlstate)
           ? NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE
           : NGX_HTTP_SOCIAL_QUERY_REFUSED;
}


/*
 * Whether an error is of the kind that passes (PostgreSQL, Appendix A):
 * 08: of the connection; 40: a conflict with another transaction; 53: no
 * room; 55: another has it; 57: an operator or a time limit intervened; 58:
 * the server's disk; 25006: a standby, as after a failover.
 */

static ngx_uint_t
ngx_http_social_database_passes(const char *sqlstate)
{
    const char         **p;
    static const char   *states[] = {
        "08", "40", "53", "55", "57", "58", "25006", NULL
    };

    for (p = states; *p; p++) {
        if (ngx_strncmp(sqlstate, *p, ngx_strlen(*p)) == 0) {
            return 1;
        }
    }

    return 0;
}
