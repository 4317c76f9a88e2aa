
/*
 * One connection to PostgreSQL.
 *
 * DESIGN.  DNS, TLS and login run in a thread; then the socket belongs to the
 * event loop, in libpq's pipeline mode.  Events are level-triggered: libpq
 * reads as much as it likes at a time.  The socket stays libpq's, nginx's
 * connection only watches it.
 */

#include "ngx_http_social_connection.h"
#include "ngx_http_social_task.h"


#define NGX_HTTP_SOCIAL_CONNECTION_BACKOFF_MIN  200
#define NGX_HTTP_SOCIAL_CONNECTION_BACKOFF_MAX  5000

/* for how long an attempt goes on in a worker that shuts down */
#define NGX_HTTP_SOCIAL_CONNECTION_EXITING      2000


typedef struct {
    ngx_http_social_connection_t  *conn;
    social_pq_options_t            options;
    social_pq_t                   *pq;
    social_pq_error_t              error;
    social_rc_e                    rc;
    int64_t                        end;      /* of an exiting worker */
} ngx_http_social_connect_t;


static void ngx_http_social_connection_retry_handler(ngx_event_t *ev);
static void ngx_http_social_connect_thread(void *data, ngx_log_t *log);
static bool ngx_http_social_connect_stop(void *data);
static social_rc_e ngx_http_social_connect_password(void *data,
    const char *host, const char *port, const char *user, char *password,
    char *why, size_t size);
static void ngx_http_social_connect_done(ngx_http_social_task_t *task);
static ngx_int_t ngx_http_social_connection_open(
    ngx_http_social_connection_t *conn, social_pq_t *pq);
static void ngx_http_social_connection_forget(ngx_connection_t *c);
static void ngx_http_social_connection_write_handler(ngx_event_t *wev);
static void ngx_http_social_connection_read_handler(ngx_event_t *rev);
static void ngx_http_social_connection_ready(
    ngx_http_social_connection_t *conn, ngx_connection_t *c);


void
ngx_http_social_connection_init(ngx_http_social_connection_t *conn,
    ngx_cycle_t *cycle)
{
    conn->retry.handler = ngx_http_social_connection_retry_handler;
    conn->retry.data = conn;
    conn->retry.log = cycle->log;
    conn->retry.cancelable = 1;
}


void
ngx_http_social_connection_schedule(ngx_http_social_connection_t *conn,
    ngx_msec_t delay)
{
    ngx_add_timer(&conn->retry, delay);
}


static void
ngx_http_social_connection_retry_handler(ngx_event_t *ev)
{
    ngx_http_social_connection_t  *conn = ev->data;

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        return;
    }

    ngx_http_social_connection_connect(conn);
}


void
ngx_http_social_connection_connect(ngx_http_social_connection_t *conn)
{
    ngx_http_social_task_t     *task;
    ngx_http_social_connect_t  *ctx;

    if (conn->state != NGX_HTTP_SOCIAL_CONNECTION_DOWN) {
        return;
    }

    task = ngx_http_social_task_create(sizeof(ngx_http_social_connect_t),
                                       ngx_http_social_connect_thread,
                                       ngx_http_social_connect_done);
    if (task == NULL) {
        return;
    }

    ctx = task->ctx;

    ctx->conn = conn;
    ctx->options = conn->options;
    ctx->options.stop = ngx_http_social_connect_stop;
    ctx->options.data = ctx;

    if (conn->iam != NULL && conn->iam->on) {
        ctx->options.password = ngx_http_social_connect_password;
    }

    if (ngx_http_social_task_post(task, conn->thread_pool) != NGX_OK) {
        ngx_http_social_task_free(task);
        return;
    }

    conn->state = NGX_HTTP_SOCIAL_CONNECTION_CONNECTING;
}


static void
ngx_http_social_connect_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_connect_t *ctx = data;

    ctx->rc = social_pq_connect(&ctx->options, &ctx->pq, &ctx->error);
}


/*
 * Called in the thread.  A worker process that exits waits for its threads, for
 * as long as requests that may still wait for the connection do well with it.
 */

static bool
ngx_http_social_connect_stop(void *data)
{
    ngx_http_social_connect_t *ctx = data;

    if (ngx_terminate) {
        return true;
    }

    if (!ngx_exiting && !ngx_quit) {
        return false;
    }

    if (ctx->end == 0) {
        ctx->end = social_pq_clock() + NGX_HTTP_SOCIAL_CONNECTION_EXITING;
    }

    return social_pq_clock() >= ctx->end;
}


/*
 * Called in the thread, too, where of the connection only "iam" is read, which
 * is configuration.
 */

static social_rc_e
ngx_http_social_connect_password(void *data, const char *host,
    const char *port, const char *user, char *password, char *why, size_t size)
{
    ngx_http_social_connect_t *ctx = data;

    return ngx_http_social_iam_password(ctx->conn->iam, host, port, user,
                                        password, why, size);
}


static void
ngx_http_social_connect_done(ngx_http_social_task_t *task)
{
    u_char                         why[2 * SOCIAL_PQ_ERROR_SIZE];
    const char                    *remedy;
    ngx_connection_t              *c;
    ngx_http_social_connection_t  *conn;
    ngx_http_social_connect_t     *ctx;

    ctx = task->ctx;
    conn = ctx->conn;

    conn->state = NGX_HTTP_SOCIAL_CONNECTION_DOWN;

    if (conn->unwanted) {
        conn->unwanted = 0;
        social_pq_close(ctx->pq);

    } else if (ctx->rc != SOCIAL_OK) {
        remedy = social_pq_remedy(ctx->error.fault);

        (void) ngx_snprintf(why, sizeof(why), "%s%s%s%Z", ctx->error.text,
                            remedy[0] ? "; " : "", remedy);

        ngx_http_social_connection_lost(conn, ctx->error.fault, (char *) why);

    } else if (ngx_http_social_connection_open(conn, ctx->pq) != NGX_OK) {
        social_pq_close(ctx->pq);
        ngx_http_social_connection_failed(conn,
                                          "worker_connections are not enough");

    } else {
        c = conn->connection;

        conn->handlers->connected(conn);

        ngx_http_social_connection_ready(conn, c);
    }

    ngx_http_social_task_free(task);
}


static ngx_int_t
ngx_http_social_connection_open(ngx_http_social_connection_t *conn,
    social_pq_t *pq)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(social_pq_socket(pq), ngx_cycle->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->data = conn;
    c->log = ngx_cycle->log;
    c->read->log = c->log;
    c->write->log = c->log;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    c->idle = 1;

    c->read->handler = ngx_http_social_connection_read_handler;
    c->write->handler = ngx_http_social_connection_write_handler;

    if (ngx_add_event(c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT) != NGX_OK) {
        ngx_free_connection(c);
        c->fd = (ngx_socket_t) -1;
        return NGX_ERROR;
    }

    if (social_pq_is_plain(pq)) {
        /* a pooler, that need not be asked again */
        conn->options.statement_timeout = 0;
    }

    conn->pq = pq;
    conn->connection = c;
    conn->state = NGX_HTTP_SOCIAL_CONNECTION_UP;

    return NGX_OK;
}


ngx_int_t
ngx_http_social_connection_send(ngx_http_social_connection_t *conn,
    const char *sql, const social_pq_param_t *params, ngx_uint_t n)
{
    if (ngx_http_social_connection_add(conn, sql, params, n) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_social_connection_sync(conn);
}


ngx_int_t
ngx_http_social_connection_add(ngx_http_social_connection_t *conn,
    const char *sql, const social_pq_param_t *params, ngx_uint_t n)
{
    ngx_uint_t  first;

    first = social_pq_pending(conn->pq) == 0;

    if (social_pq_add(conn->pq, sql, params, n) != SOCIAL_OK) {
        return NGX_ERROR;
    }

    if (first) {
        conn->heard = ngx_current_msec;
    }

    conn->connection->idle = 0;

    return NGX_OK;
}


ngx_int_t
ngx_http_social_connection_sync(ngx_http_social_connection_t *conn)
{
    return social_pq_sync(conn->pq) == SOCIAL_OK ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_social_connection_flush(ngx_http_social_connection_t *conn)
{
    ngx_event_t  *wev;

    wev = conn->connection->write;

    switch (social_pq_flush(conn->pq)) {

    case SOCIAL_OK:
        if (wev->active) {
            return ngx_del_event(wev, NGX_WRITE_EVENT, 0);
        }

        return NGX_OK;

    case SOCIAL_DECLINED:
        if (!wev->active) {
            return ngx_add_event(wev, NGX_WRITE_EVENT, NGX_LEVEL_EVENT);
        }

        return NGX_OK;

    default:
        return NGX_ERROR;
    }
}


size_t
ngx_http_social_connection_pending(ngx_http_social_connection_t *conn)
{
    return social_pq_pending(conn->pq);
}


void
ngx_http_social_connection_failed(ngx_http_social_connection_t *conn,
    const char *why)
{
    ngx_http_social_connection_lost(conn, SOCIAL_PQ_FAULT_NETWORK, why);
}


void
ngx_http_social_connection_lost(ngx_http_social_connection_t *conn,
    social_pq_fault_e fault, const char *why)
{
    ngx_msec_t  delay;

    ngx_http_social_connection_close(conn);

    conn->failures++;
    conn->fault = fault;

    delay = NGX_HTTP_SOCIAL_CONNECTION_BACKOFF_MAX;

    if (conn->failures < 6) {
        delay = NGX_HTTP_SOCIAL_CONNECTION_BACKOFF_MIN << (conn->failures - 1);
    }

    /* all workers of all gateways lose theirs at the same moment */

    ngx_http_social_connection_schedule(conn,
                                 1 + (ngx_msec_t) ngx_random() % delay);

    conn->handlers->closed(conn, why);
}


void
ngx_http_social_connection_close(ngx_http_social_connection_t *conn)
{
    if (conn->retry.timer_set) {
        ngx_del_timer(&conn->retry);
    }

    if (conn->state == NGX_HTTP_SOCIAL_CONNECTION_CONNECTING) {
        conn->unwanted = 1;
    }

    if (conn->state != NGX_HTTP_SOCIAL_CONNECTION_UP) {
        return;
    }

    ngx_http_social_connection_forget(conn->connection);
    social_pq_close(conn->pq);

    conn->connection = NULL;
    conn->pq = NULL;
    conn->state = NGX_HTTP_SOCIAL_CONNECTION_DOWN;
}


/*
 * The socket is libpq's, which closes it, or has done so when reading failed:
 * the number may be another's by now, of a thread that connects.  nginx has
 * only to forget it, without a call to the kernel.
 */

static void
ngx_http_social_connection_forget(ngx_connection_t *c)
{
    if (ngx_del_conn) {
        ngx_del_conn(c, NGX_CLOSE_EVENT);

    } else {
        if (c->read->active) {
            ngx_del_event(c->read, NGX_READ_EVENT, NGX_CLOSE_EVENT);
        }

        if (c->write->active) {
            ngx_del_event(c->write, NGX_WRITE_EVENT, NGX_CLOSE_EVENT);
        }
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;
}


static void
ngx_http_social_connection_write_handler(ngx_event_t *wev)
{
    ngx_connection_t              *c;
    ngx_http_social_connection_t  *conn;

    c = wev->data;
    conn = c->data;

    if (ngx_http_social_connection_flush(conn) != NGX_OK) {
        ngx_http_social_connection_failed(conn, "send failed");
    }
}


static void
ngx_http_social_connection_read_handler(ngx_event_t *rev)
{
    social_rc_e                    rc;
    ngx_connection_t              *c;
    social_pq_result_t            *result;
    ngx_http_social_connection_t  *conn;

    c = rev->data;
    conn = c->data;

    if (c->close) {
        /* nginx shuts down, and nothing is under way here */
        ngx_http_social_connection_close(conn);
        conn->handlers->closed(conn, NULL);
        return;
    }

    if (social_pq_consume(conn->pq) != SOCIAL_OK
        || ngx_http_social_connection_flush(conn) != NGX_OK)
    {
        ngx_http_social_connection_failed(conn, "server closed the connection");
        return;
    }

    conn->heard = ngx_current_msec;

    for ( ;; ) {

        rc = social_pq_next(conn->pq, &result);

        if (rc == SOCIAL_FAILED) {
            ngx_http_social_connection_failed(conn,
                                              "server closed the connection");
            return;
        }

        if (rc != SOCIAL_OK) {
            break;
        }

        conn->handlers->result(conn, result);

        social_pq_result_free(result);

        if (conn->connection != c) {
            return;
        }
    }

    if (social_pq_is_read_only(conn->pq)) {
        /* after a failover; another host is the primary by now, or soon */
        ngx_http_social_connection_failed(conn, "server is read-only");
        return;
    }

    /* what came behind a result can be read only after it */

    if (conn->handlers->notified && social_pq_notified(conn->pq)) {
        conn->handlers->notified(conn);
    }

    ngx_http_social_connection_ready(conn, c);
}


/*
 * What has nothing under way is closed by nginx when the worker begins to shut
 * down, and here afterwards: it may go on for as long as a download takes.
 */

static void
ngx_http_social_connection_ready(ngx_http_social_connection_t *conn,
    ngx_connection_t *c)
{
    if (conn->connection == c) {
        conn->handlers->ready(conn);
    }

    if (conn->connection != c) {
        return;
    }

    c->idle = social_pq_pending(conn->pq) == 0;

    if (c->idle && ngx_exiting) {
        ngx_http_social_connection_close(conn);
        conn->handlers->closed(conn, NULL);
    }
}
