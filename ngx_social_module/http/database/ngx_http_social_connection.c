
/*
 * One connection to PostgreSQL, from a thread that logs in to the event loop.
 */

#include "ngx_http_social_connection.h"


#define NGX_HTTP_SOCIAL_CONNECTION_BACKOFF_MIN  200
#define NGX_HTTP_SOCIAL_CONNECTION_BACKOFF_MAX  5000
#define NGX_HTTP_SOCIAL_CONNECTION_LOCKED       10     /* seconds */


typedef struct {
    ngx_http_social_connection_t  *conn;
    ngx_pool_t                    *pool;
    social_pq_options_t            options;
    social_pq_t                   *pq;
    social_rc_e                    rc;
    char                           error[SOCIAL_PQ_ERROR_SIZE];
} ngx_http_social_connect_t;


static void ngx_http_social_connect_thread(void *data, ngx_log_t *log);
static void ngx_http_social_connect_done(ngx_event_t *ev);
static ngx_int_t ngx_http_social_connection_open(
    ngx_http_social_connection_t *conn, social_pq_t *pq);
static void ngx_http_social_connection_rest(ngx_http_social_connection_t *conn);
static void ngx_http_social_connection_write_handler(ngx_event_t *wev);
static void ngx_http_social_connection_read_handler(ngx_event_t *rev);
static void ngx_http_social_connection_answer(
    ngx_http_social_connection_t *conn, social_pq_result_t *result);
static ngx_http_social_query_outcome_e ngx_http_social_connection_refused(
    ngx_http_social_connection_t *conn, const social_pq_result_t *result);
static ngx_uint_t ngx_http_social_connection_passes(const char *sqlstate);


void
ngx_http_social_connection_connect(ngx_http_social_connection_t *conn)
{
    ngx_pool_t                 *pool;
    ngx_thread_task_t          *task;
    ngx_http_social_connect_t  *ctx;

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return;
    }

    task = ngx_thread_task_alloc(pool, sizeof(ngx_http_social_connect_t));
    if (task == NULL) {
        ngx_destroy_pool(pool);
        return;
    }

    ctx = task->ctx;

    ctx->conn = conn;
    ctx->pool = pool;
    ctx->options.conninfo = (char *) conn->db->conf->conninfo.data;
    ctx->options.connect_timeout = (int) (conn->db->conf->timeout / 1000) + 2;
    ctx->options.statement_timeout = (int) (conn->db->conf->timeout
                                            - conn->db->conf->timeout / 4);
    ctx->options.application_name = "ngx_social_module";

    task->handler = ngx_http_social_connect_thread;
    task->event.handler = ngx_http_social_connect_done;
    task->event.data = ctx;
    task->event.log = ngx_cycle->log;

    if (ngx_thread_task_post(conn->db->thread_pool, task) != NGX_OK) {
        ngx_destroy_pool(pool);
        return;
    }

    conn->state = NGX_HTTP_SOCIAL_CONNECTION_CONNECTING;
}


static void
ngx_http_social_connect_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_connect_t *ctx = data;

    ctx->rc = social_pq_connect(&ctx->options, &ctx->pq, ctx->error);
}


static void
ngx_http_social_connect_done(ngx_event_t *ev)
{
    ngx_http_social_connection_t  *conn;
    ngx_http_social_connect_t     *ctx;

    ctx = ev->data;
    conn = ctx->conn;

    conn->state = NGX_HTTP_SOCIAL_CONNECTION_DOWN;

    if (conn->db->stopping) {
        social_pq_close(ctx->pq);

    } else if (ctx->rc != SOCIAL_OK) {
        ngx_http_social_connection_failed(conn, ctx->error);

    } else if (ngx_http_social_connection_open(conn, ctx->pq) != NGX_OK) {
        social_pq_close(ctx->pq);
        ngx_http_social_connection_failed(conn,
                                         "no connection is free in nginx");

    } else {
        if (conn->failures) {
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "social: the database is back");
        }

        conn->failures = 0;

        ngx_http_social_database_drain(conn->db);

        if (conn->state == NGX_HTTP_SOCIAL_CONNECTION_UP) {
            ngx_http_social_connection_rest(conn);
        }
    }

    ngx_destroy_pool(ctx->pool);
}


static ngx_int_t
ngx_http_social_connection_open(ngx_http_social_connection_t *conn,
    social_pq_t *pq)
{
    ngx_connection_t  *c;

    c = ngx_http_social_socket_open(pq, conn,
                                    ngx_http_social_connection_read_handler,
                                    ngx_http_social_connection_write_handler);
    if (c == NULL) {
        return NGX_ERROR;
    }

    conn->pq = pq;
    conn->connection = c;
    conn->state = NGX_HTTP_SOCIAL_CONNECTION_UP;

    return NGX_OK;
}


void
ngx_http_social_connection_failed(ngx_http_social_connection_t *conn,
    const char *why)
{
    ngx_msec_t                 delay;
    ngx_queue_t                lost, *q;
    ngx_uint_t                 level;
    ngx_http_social_query_t   *query;

    if (conn->state == NGX_HTTP_SOCIAL_CONNECTION_UP) {
        ngx_http_social_connection_close(conn);
    }

    level = conn->failures++ ? NGX_LOG_INFO : NGX_LOG_ERR;

    ngx_log_error(level, ngx_cycle->log, 0, "social: the database is away: %s",
                  why);

    delay = NGX_HTTP_SOCIAL_CONNECTION_BACKOFF_MAX;

    if (conn->failures < 5) {
        delay = NGX_HTTP_SOCIAL_CONNECTION_BACKOFF_MIN << (conn->failures - 1);
    }

    if (!conn->retry.timer_set && !conn->db->stopping) {
        ngx_add_timer(&conn->retry, delay / 2
                                    + (ngx_msec_t) ngx_random()
                                      % (delay / 2 + 1));
    }

    ngx_queue_init(&lost);

    if (!ngx_queue_empty(&conn->sent)) {
        ngx_queue_add(&lost, &conn->sent);
        ngx_queue_init(&conn->sent);
    }

    ngx_http_social_database_give_up(conn->db, &lost);

    while (!ngx_queue_empty(&lost)) {
        q = ngx_queue_head(&lost);
        ngx_queue_remove(q);

        query = ngx_queue_data(q, ngx_http_social_query_t, queue);
        ngx_http_social_query_done(query, NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE,
                                   NULL);
    }
}


void
ngx_http_social_connection_close(ngx_http_social_connection_t *conn)
{
    ngx_http_social_socket_forget(conn->connection);

    social_pq_close(conn->pq);

    conn->connection = NULL;
    conn->pq = NULL;
    conn->state = NGX_HTTP_SOCIAL_CONNECTION_DOWN;
}


void
ngx_http_social_connection_retry(ngx_event_t *ev)
{
    ngx_http_social_connection_t  *conn = ev->data;

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        return;
    }

    if (conn->state == NGX_HTTP_SOCIAL_CONNECTION_DOWN) {
        ngx_http_social_connection_connect(conn);
    }
}


ngx_int_t
ngx_http_social_connection_send(ngx_http_social_connection_t *conn,
    ngx_http_social_query_t *query)
{
    if (social_pq_send(conn->pq, query->sql, query->params, query->n)
        != SOCIAL_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_queue_empty(&conn->sent)) {
        conn->heard = ngx_current_msec;
    }

    query->conn = conn;
    ngx_queue_insert_tail(&conn->sent, &query->queue);
    conn->connection->idle = 0;

    return NGX_OK;
}


ngx_int_t
ngx_http_social_connection_flush(ngx_http_social_connection_t *conn)
{
    return ngx_http_social_socket_flush(conn->connection, conn->pq);
}


static void
ngx_http_social_connection_write_handler(ngx_event_t *wev)
{
    ngx_connection_t              *c;
    ngx_http_social_connection_t  *conn;

    c = wev->data;
    conn = c->data;

    if (ngx_http_social_connection_flush(conn) != NGX_OK) {
        ngx_http_social_connection_failed(conn, "could not send");
    }
}


static void
ngx_http_social_connection_read_handler(ngx_event_t *rev)
{
    social_rc_e                    rc;
    ngx_connection_t              *c;
    social_pq_result_t            *result;
    ngx_http_social_connection_t  *conn;
    ngx_http_social_database_t    *db;

    c = rev->data;
    conn = c->data;
    db = conn->db;

    if (c->close) {
        /* nginx shuts down, and nothing is under way here */
        ngx_http_social_connection_close(conn);
        return;
    }

    if (social_pq_consume(conn->pq) != SOCIAL_OK
        || ngx_http_social_connection_flush(conn) != NGX_OK)
    {
        ngx_http_social_connection_failed(conn, "it closed the connection");
        return;
    }

    conn->heard = ngx_current_msec;

    /* a handler may send more, and may find the connection broken */

    while (conn->connection == c) {

        rc = social_pq_next(conn->pq, &result);

        if (rc == SOCIAL_FAILED) {
            ngx_http_social_connection_failed(conn, "it closed the connection");
            return;
        }

        if (rc != SOCIAL_OK) {
            break;
        }

        ngx_http_social_connection_answer(conn, result);
    }

    ngx_http_social_database_drain(db);

    if (conn->connection == c) {
        ngx_http_social_connection_rest(conn);
    }
}


/*
 * What has nothing under way is closed by nginx when the worker begins to shut
 * down, and here afterwards: it may go on for as long as a download takes.
 */

static void
ngx_http_social_connection_rest(ngx_http_social_connection_t *conn)
{
    conn->connection->idle = ngx_queue_empty(&conn->sent);

    if (conn->connection->idle && ngx_exiting) {
        ngx_http_social_connection_close(conn);
    }
}


static void
ngx_http_social_connection_answer(ngx_http_social_connection_t *conn,
    social_pq_result_t *result)
{
    ngx_queue_t              *q;
    ngx_http_social_query_t  *query;

    q = ngx_queue_head(&conn->sent);
    ngx_queue_remove(q);

    query = ngx_queue_data(q, ngx_http_social_query_t, queue);

    switch (social_pq_result_outcome(result)) {

    case SOCIAL_PQ_OK:
        ngx_http_social_query_done(query, NGX_HTTP_SOCIAL_QUERY_OK, result);
        break;

    case SOCIAL_PQ_REFUSED:
        ngx_http_social_query_done(query,
                               ngx_http_social_connection_refused(conn, result),
                               NULL);

        if (conn->state == NGX_HTTP_SOCIAL_CONNECTION_UP
            && ngx_strcmp(social_pq_result_sqlstate(result), "25006") == 0)
        {
            /* the next connection may find the new primary */
            ngx_http_social_connection_failed(conn, "it is read-only");
        }

        break;

    default:
        ngx_http_social_query_done(query, NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE,
                                   NULL);
    }

    social_pq_result_free(result);
}


/*
 * A lock that is held (lock_not_available) is no outage: it is said every ten
 * seconds at most, however many requests need it.
 */

static ngx_http_social_query_outcome_e
ngx_http_social_connection_refused(ngx_http_social_connection_t *conn,
    const social_pq_result_t *result)
{
    ngx_uint_t   level;
    const char  *sqlstate;

    sqlstate = social_pq_result_sqlstate(result);

    if (ngx_strcmp(sqlstate, "55P03") == 0) {

        level = NGX_LOG_INFO;

        if (ngx_time() - conn->db->locked
            >= NGX_HTTP_SOCIAL_CONNECTION_LOCKED)
        {
            conn->db->locked = ngx_time();
            level = NGX_LOG_WARN;
        }

        ngx_log_error(level, ngx_cycle->log, 0,
                      "social: database lock not available: %s (%s)",
                      social_pq_result_message(result), sqlstate);

        return NGX_HTTP_SOCIAL_QUERY_LOCKED;
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "social: the database refused a statement: %s (%s)",
                  social_pq_result_message(result), sqlstate);

    return ngx_http_social_connection_passes(sqlstate)
           ? NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE
           : NGX_HTTP_SOCIAL_QUERY_REFUSED;
}


/*
 * Whether an error is of the kind that passes (PostgreSQL, Appendix A):
 * 08: of the connection; 40: a conflict with another transaction; 53: no
 * room; 55: somebody else has it; 57: an operator or a time limit stepped in;
 * 58: the server's disk; 25006: a standby, as after a failover.
 */

static ngx_uint_t
ngx_http_social_connection_passes(const char *sqlstate)
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
