
/*
 * The connections of a worker to PostgreSQL: who gets which, and who waits.
 *
 * DESIGN.  Statements of many requests are under way on one connection, in
 * order.  Each has a timer.  The server's own statement_timeout is shorter:
 * one slow statement ends there, and leaves those behind it the time to be
 * run.  When no result comes for as long as our timer, it is the server or the
 * network that is gone, and the connection with it.
 *
 * What was sent on a connection that broke may have been run.  Statements for
 * which that makes no difference are sent again, once, on the next connection
 * that there is, while their time lasts; so does what waits.
 */

#include "ngx_http_social_batch.h"
#include "ngx_http_social_dispatch.h"


#define NGX_HTTP_SOCIAL_DATABASE_LOCKED  10     /* seconds */
#define NGX_HTTP_SOCIAL_DATABASE_SINGLY  60     /* seconds */


static ngx_http_social_database_t *ngx_http_social_database_current(void);
static ngx_int_t ngx_http_social_database_query(ngx_http_social_database_t *db,
    ngx_http_request_t *r, const ngx_http_social_statement_t *statement,
    const char *sql, const social_pq_param_t *params, ngx_uint_t n,
    ngx_http_social_query_pt handler,
    ngx_http_social_query_background_pt background, void *data);
static void ngx_http_social_database_timeout(ngx_event_t *ev);

static void ngx_http_social_database_connected(
    ngx_http_social_connection_t *conn);
static void ngx_http_social_database_result(ngx_http_social_connection_t *conn,
    const social_pq_result_t *result);
static void ngx_http_social_database_batch(ngx_http_social_connection_t *conn,
    ngx_queue_t *batch, const social_pq_result_t *result);
static void ngx_http_social_database_member(ngx_http_social_database_t *db,
    ngx_http_social_query_t *query, const social_pq_result_t *result,
    ngx_uint_t i);
static void ngx_http_social_database_ready(ngx_http_social_connection_t *conn);
static void ngx_http_social_database_closed(ngx_http_social_connection_t *conn,
    const char *why);
static void ngx_http_social_database_failed(
    ngx_http_social_connection_t *conn, ngx_http_social_query_t *query,
    const social_pq_result_t *result);
static ngx_int_t ngx_http_social_database_repeat(
    ngx_http_social_database_t *db, ngx_http_social_query_t *query);
static ngx_http_social_query_outcome_e ngx_http_social_database_refused(
    ngx_http_social_database_t *db, ngx_http_social_query_t *query,
    const social_pq_result_t *result);
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

    if (ngx_http_social_held_init(&db->held, cf->pool,
                                  conf->connections
                                  * NGX_HTTP_SOCIAL_DISPATCH_PIPELINE)
        != NGX_OK)
    {
        return NULL;
    }

    db->conf = conf;
    ngx_queue_init(&db->again);
    ngx_queue_init(&db->waiting);
    ngx_queue_init(&db->suspects);

    db->dispatch.handler = ngx_http_social_dispatch_handler;
    db->dispatch.data = db;

    for (i = 0; i < conf->connections; i++) {
        pooled = &db->pool[i];

        pooled->db = db;
        ngx_queue_init(&pooled->sent);

        pooled->conn.handlers = &ngx_http_social_database_handlers;
        pooled->conn.data = pooled;
        pooled->conn.thread_pool = thread_pool;
        pooled->conn.iam = &conf->iam;

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

    db->dispatch.log = cycle->log;

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


const char *
ngx_http_social_database_reason(ngx_http_request_t *r)
{
    const char                  *reason;
    ngx_http_social_database_t  *db;

    db = ngx_http_social_database_of(r);

    reason = ngx_http_social_fault_reason(&db->faults);

    if (reason[0] == '\0' && !ngx_http_social_database_up(r)) {
        reason = social_pq_fault_name(db->faults.last);
    }

    return reason;
}


ngx_uint_t
ngx_http_social_database_misfit(void)
{
    ngx_http_social_database_t  *db;

    db = ngx_http_social_database_current();

    return db != NULL && ngx_http_social_fault_reason(&db->faults)[0] != '\0';
}


ngx_int_t
ngx_http_social_query(ngx_http_request_t *r, const char *sql,
    const social_pq_param_t *params, ngx_uint_t n,
    ngx_http_social_query_pt handler, void *data)
{
    return ngx_http_social_database_query(ngx_http_social_database_of(r), r,
                                          NULL, sql, params, n, handler, NULL,
                                          data);
}


ngx_int_t
ngx_http_social_query_statement(ngx_http_request_t *r,
    const ngx_http_social_statement_t *statement,
    const social_pq_param_t *params, ngx_uint_t n,
    ngx_http_social_query_pt handler, void *data)
{
    return ngx_http_social_database_query(ngx_http_social_database_of(r), r,
                                          statement, NULL, params, n, handler,
                                          NULL, data);
}


ngx_int_t
ngx_http_social_query_background(const char *sql,
    const social_pq_param_t *params, ngx_uint_t n,
    ngx_http_social_query_background_pt handler, void *data)
{
    ngx_http_social_database_t  *db;

    db = ngx_http_social_database_current();

    if (db == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_social_database_query(db, NULL, NULL, sql, params, n, NULL,
                                          handler, data);
}


ngx_int_t
ngx_http_social_query_background_statement(
    const ngx_http_social_statement_t *statement,
    const social_pq_param_t *params, ngx_uint_t n,
    ngx_http_social_query_background_pt handler, void *data)
{
    ngx_http_social_database_t  *db;

    db = ngx_http_social_database_current();

    if (db == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_social_database_query(db, NULL, statement, NULL, params, n,
                                          NULL, handler, data);
}


static ngx_http_social_database_t *
ngx_http_social_database_current(void)
{
    ngx_http_social_database_main_conf_t  *dmcf;

    dmcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_social_database_module);

    return dmcf ? dmcf->db : NULL;
}


/*
 * A query never ends from within the call that its handler's caller is in.
 */

static ngx_int_t
ngx_http_social_database_query(ngx_http_social_database_t *db,
    ngx_http_request_t *r, const ngx_http_social_statement_t *statement,
    const char *sql, const social_pq_param_t *params, ngx_uint_t n,
    ngx_http_social_query_pt handler,
    ngx_http_social_query_background_pt background, void *data)
{
    ngx_http_social_query_t  *query;

    query = ngx_http_social_query_create(r, params, n);
    if (query == NULL) {
        return NGX_ERROR;
    }

    query->single.sql = sql;
    query->statement = statement ? statement : &query->single;
    query->alone = !query->statement->share;

    query->handler = handler;
    query->background = background;
    query->data = data;

    query->db = db;
    query->timer.handler = ngx_http_social_database_timeout;
    query->timer.data = query;
    query->timer.log = ngx_cycle->log;

    if (ngx_http_social_dispatch_full(db)) {
        ngx_add_timer(&query->timer, 0);
        return NGX_OK;
    }

    ngx_add_timer(&query->timer, db->conf->timeout);

    ngx_http_social_dispatch_wait(db, &db->waiting, query);

    /* at the end of this iteration, with what comes till then */

    ngx_post_event(&db->dispatch, &ngx_posted_events);

    return NGX_OK;
}


/*
 * The request does not wait any longer.  The connection is given up only when
 * no result came from it for as long: statements of other requests may be under
 * way on it, and its statement is answered or ended by the server.
 */

static void
ngx_http_social_database_timeout(ngx_event_t *ev)
{
    ngx_msec_t                     silent;
    ngx_http_social_query_t       *query;
    ngx_http_social_pooled_t      *pooled;
    ngx_http_social_database_t    *db;
    ngx_http_social_connection_t  *conn;

    query = ev->data;
    db = query->db;
    conn = query->conn;

    if (conn == NULL) {

        /* one that was refused at once is in no queue */

        if (query->waiting) {
            ngx_http_social_dispatch_leave(db, query);
        }

        ngx_http_social_query_done(query, NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE,
                                   NULL);
        return;
    }

    pooled = conn->data;
    silent = ngx_current_msec - pooled->moved;

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
    ngx_http_social_pooled_t  *pooled = conn->data;

    ngx_http_social_fault_connected(&pooled->db->faults);
    ngx_http_social_count(NGX_HTTP_SOCIAL_COUNT_CONNECTED);

    conn->failures = 0;

    pooled->db->was_up = 1;
    pooled->db->is_down = 0;
}


static void
ngx_http_social_database_result(ngx_http_social_connection_t *conn,
    const social_pq_result_t *result)
{
    ngx_uint_t                 i, n;
    ngx_queue_t               *q, batch;
    ngx_http_social_query_t   *query;
    ngx_http_social_pooled_t  *pooled;

    pooled = conn->data;
    pooled->moved = ngx_current_msec;

    q = ngx_queue_head(&pooled->sent);
    query = ngx_queue_data(q, ngx_http_social_query_t, queue);

    if (query->batch) {
        n = query->batch;

        ngx_queue_init(&batch);

        for (i = 0; i < n; i++) {
            q = ngx_queue_head(&pooled->sent);

            ngx_http_social_dispatch_returned(
                    ngx_queue_data(q, ngx_http_social_query_t, queue));
            ngx_queue_insert_tail(&batch, q);
        }

        ngx_http_social_database_batch(conn, &batch, result);
        return;
    }

    ngx_http_social_dispatch_returned(query);

    switch (social_pq_result_outcome(result)) {

    case SOCIAL_PQ_OK:
        ngx_http_social_fault_worked(&pooled->db->faults,
                                     query->statement->sql);
        ngx_http_social_query_done(query, NGX_HTTP_SOCIAL_QUERY_OK, result);
        break;

    case SOCIAL_PQ_ABORTED:

        /* nothing of it was run */

        ngx_http_social_dispatch_alone(pooled->db, query);
        break;

    case SOCIAL_PQ_REFUSED:
        ngx_http_social_database_failed(conn, query, result);
        break;

    default:
        ngx_http_social_query_done(query, NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE,
                                   NULL);
    }
}


/*
 * Those of a batch, which are in no other queue.  Where the statement failed
 * none of them was run, and it says nothing of any one.
 */

static void
ngx_http_social_database_batch(ngx_http_social_connection_t *conn,
    ngx_queue_t *batch, const social_pq_result_t *result)
{
    ngx_uint_t                   i, refused, read_only;
    ngx_queue_t                 *q;
    const char                  *sqlstate;
    ngx_http_social_query_t     *query;
    ngx_http_social_pooled_t    *pooled;
    ngx_http_social_database_t  *db;

    pooled = conn->data;
    db = pooled->db;

    refused = social_pq_result_outcome(result) == SOCIAL_PQ_REFUSED;
    sqlstate = social_pq_result_sqlstate(result);
    read_only = ngx_strcmp(sqlstate, "25006") == 0;

    if (refused && ngx_strncmp(sqlstate, "42", 2) == 0) {

        /* a function that is not there yet, or not theirs to call */

        ngx_http_social_fault_batch(result, db->singly == 0);
        db->singly = ngx_time() + NGX_HTTP_SOCIAL_DATABASE_SINGLY;
    }

    for (i = 0; !ngx_queue_empty(batch); i++) {
        q = ngx_queue_head(batch);
        ngx_queue_remove(q);

        query = ngx_queue_data(q, ngx_http_social_query_t, queue);

        if (read_only) {
            ngx_http_social_database_failed(conn, query, result);

        } else if (refused) {
            ngx_http_social_dispatch_alone(db, query);

        } else {
            ngx_http_social_database_member(db, query, result, i);
        }
    }
}


/*
 * Number "i" of a batch whose statement was run, or whose connection was lost.
 */

static void
ngx_http_social_database_member(ngx_http_social_database_t *db,
    ngx_http_social_query_t *query, const social_pq_result_t *result,
    ngx_uint_t i)
{
    social_pq_result_t  part;

    if (social_pq_result_outcome(result) != SOCIAL_PQ_OK) {
        ngx_http_social_query_done(query, NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE,
                                   NULL);
        return;
    }

    switch (ngx_http_social_batch_outcome(result, i, &part)) {

    case NGX_HTTP_SOCIAL_BATCH_DONE:
        db->singly = 0;
        ngx_http_social_fault_worked(&db->faults, query->statement->sql);
        ngx_http_social_query_done(query, NGX_HTTP_SOCIAL_QUERY_OK, &part);
        break;

    case NGX_HTTP_SOCIAL_BATCH_LOCKED:
        ngx_http_social_dispatch_suspect(db, query);
        break;

    default:
        ngx_http_social_dispatch_alone(db, query);
    }
}


/*
 * An error of one of several is none of its own yet: it may come of the others.
 */

static void
ngx_http_social_database_failed(ngx_http_social_connection_t *conn,
    ngx_http_social_query_t *query, const social_pq_result_t *result)
{
    ngx_uint_t                       read_only, conflict;
    const char                      *sqlstate;
    ngx_http_social_pooled_t        *pooled;
    ngx_http_social_database_t      *db;
    ngx_http_social_query_outcome_e  outcome;

    pooled = conn->data;
    db = pooled->db;

    sqlstate = social_pq_result_sqlstate(result);

    read_only = ngx_strcmp(sqlstate, "25006") == 0;
    conflict = ngx_strncmp(sqlstate, "40", 2) == 0;

    if (query->shared && !read_only) {

        if (ngx_strcmp(sqlstate, "55P03") == 0
            || ngx_strcmp(sqlstate, "57014") == 0)
        {
            ngx_http_social_dispatch_suspect(db, query);

        } else {
            ngx_http_social_dispatch_alone(db, query);
        }

        query = NULL;

    } else if (read_only || conflict) {

        /* it was not run */

        if (ngx_http_social_database_repeat(db, query) == NGX_OK) {
            query = NULL;
        }
    }

    if (query) {
        outcome = ngx_http_social_database_refused(db, query, result);
        ngx_http_social_query_done(query, outcome, NULL);
    }

    if (read_only && conn->state == NGX_HTTP_SOCIAL_CONNECTION_UP) {

        /* the next connection may find the new primary */

        ngx_http_social_connection_failed(conn, "server is read-only");
    }
}


/*
 * Once, and for somebody who waits for it.
 */

static ngx_int_t
ngx_http_social_database_repeat(ngx_http_social_database_t *db,
    ngx_http_social_query_t *query)
{
    if (!query->statement->repeat || query->repeated || !query->timer.timer_set
        || !ngx_http_social_query_wanted(query))
    {
        return NGX_DECLINED;
    }

    query->repeated = 1;

    ngx_http_social_dispatch_alone(db, query);

    return NGX_OK;
}


static void
ngx_http_social_database_ready(ngx_http_social_connection_t *conn)
{
    ngx_http_social_pooled_t  *pooled = conn->data;

    if (ngx_exiting) {
        /* the connection is closed now where nothing is under way */
        ngx_http_social_dispatch_waiting(pooled->db);
        return;
    }

    if (pooled->db->waiters) {
        ngx_post_event(&pooled->db->dispatch, &ngx_posted_events);
    }
}


/*
 * Nobody can say whether what was sent on it was run.
 */

static void
ngx_http_social_database_closed(ngx_http_social_connection_t *conn,
    const char *why)
{
    ngx_uint_t                   i, level;
    ngx_queue_t                  lost, *q;
    ngx_http_social_query_t     *query;
    ngx_http_social_pooled_t    *pooled;
    ngx_http_social_database_t  *db;

    if (why == NULL) {
        return;
    }

    pooled = conn->data;
    db = pooled->db;

    ngx_http_social_count(NGX_HTTP_SOCIAL_COUNT_CONNECTION_LOST);

    level = ngx_http_social_fault_lost(&db->faults, conn->fault)
            ? NGX_LOG_ERR : NGX_LOG_INFO;

    ngx_log_error(level, ngx_cycle->log, 0,
                  "social: database unavailable: %s", why);

    for (i = 0; i < db->conf->connections; i++) {
        if (db->pool[i].conn.state == NGX_HTTP_SOCIAL_CONNECTION_UP) {
            break;
        }
    }

    if (i == db->conf->connections && !db->is_down) {
        db->is_down = 1;
        db->down = ngx_current_msec;
    }

    ngx_queue_init(&lost);

    ngx_http_social_dispatch_move(&lost, &pooled->sent);

    while (!ngx_queue_empty(&lost)) {
        q = ngx_queue_head(&lost);
        query = ngx_queue_data(q, ngx_http_social_query_t, queue);

        ngx_http_social_dispatch_returned(query);

        if (ngx_http_social_database_repeat(db, query) != NGX_OK) {
            ngx_http_social_query_done(query,
                                       NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE, NULL);
        }
    }

    /* not from within what found it closed */

    ngx_post_event(&db->dispatch, &ngx_posted_events);
}


/*
 * A lock that is held (lock_not_available) is not an outage: it is logged every
 * ten seconds at most, however many requests need it.
 */

static ngx_http_social_query_outcome_e
ngx_http_social_database_refused(ngx_http_social_database_t *db,
    ngx_http_social_query_t *query, const social_pq_result_t *result)
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

    ngx_http_social_fault_refused(&db->faults, query->statement->sql, result);

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
