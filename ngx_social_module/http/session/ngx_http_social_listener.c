
/*
 * The revocation listener, in one worker of all.
 *
 * DESIGN.  Every worker tries to acquire the lease in the zone twice a second.
 * The one that has it opens a connection, LISTENs on it, loads all
 * revocations, and selects new ones when it is notified, and at every tick
 * besides: so it works through a pooler, where it does not LISTEN, since
 * another client would have that session next, and notices a connection that
 * failed silently.  While there is no listener the set stays
 * as it is; the next one loads everything again.
 *
 * Two listeners at a time, after one was stopped for a while, do no harm: they
 * add the same to the set.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_listener.h"
#include "social_crypto.h"


#define NGX_HTTP_SOCIAL_LISTENER_TICK     500
#define NGX_HTTP_SOCIAL_LISTENER_LEASE    2000
#define NGX_HTTP_SOCIAL_LISTENER_SILENCE  10000

/* ticks in which the whole set is swept: a minute; and the least at a tick */
#define NGX_HTTP_SOCIAL_LISTENER_ROUND    120
#define NGX_HTTP_SOCIAL_LISTENER_SWEEP    1024


static void ngx_http_social_listener_tick(ngx_event_t *ev);
static ngx_uint_t ngx_http_social_listener_acquire(
    ngx_http_social_listener_t *f);
static void ngx_http_social_listener_close(ngx_http_social_listener_t *f);

static void ngx_http_social_listener_connected(
    ngx_http_social_connection_t *conn);
static void ngx_http_social_listener_result(ngx_http_social_connection_t *conn,
    const social_pq_result_t *result);
static void ngx_http_social_listener_notified(
    ngx_http_social_connection_t *conn);
static void ngx_http_social_listener_ready(ngx_http_social_connection_t *conn);
static void ngx_http_social_listener_closed(ngx_http_social_connection_t *conn,
    const char *why);


static const ngx_http_social_connection_handlers_t
    ngx_http_social_listener_handlers =
{
    .connected = ngx_http_social_listener_connected,
    .result = ngx_http_social_listener_result,
    .notified = ngx_http_social_listener_notified,
    .ready = ngx_http_social_listener_ready,
    .closed = ngx_http_social_listener_closed
};


ngx_http_social_listener_t *
ngx_http_social_listener_create(ngx_conf_t *cf,
    ngx_http_social_revocation_main_conf_t *rmcf)
{
    ngx_str_t                         conninfo;
    ngx_http_social_listener_t       *f;
    ngx_http_social_database_conf_t  *dbcf;

    dbcf = ngx_http_social_database_conf(cf);

    conninfo = dbcf->listen.len ? dbcf->listen : dbcf->conninfo;

    f = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_listener_t));
    if (f == NULL) {
        return NULL;
    }

    if (social_sha256(ngx_http_social_view(&conninfo), f->source)
        != SOCIAL_OK)
    {
        return NULL;
    }

    f->rmcf = rmcf;

    f->conn.handlers = &ngx_http_social_listener_handlers;
    f->conn.data = f;
    f->conn.thread_pool = ngx_http_social_need_thread_pool(cf);
    f->conn.iam = &dbcf->iam;

    f->conn.options.conninfo = (char *) conninfo.data;
    f->conn.options.connect_timeout = (int) (dbcf->timeout / 1000) + 2;
    f->conn.options.statement_timeout =
                 dbcf->poll ? 0 : NGX_HTTP_SOCIAL_LISTENER_SILENCE - 1000;
    f->conn.options.application_name = "ngx_social_module revocations";

    return f->conn.thread_pool ? f : NULL;
}


void
ngx_http_social_listener_start(ngx_http_social_listener_t *f,
    ngx_cycle_t *cycle)
{
    ngx_http_social_connection_init(&f->conn, cycle);

    f->tick.handler = ngx_http_social_listener_tick;
    f->tick.data = f;
    f->tick.log = cycle->log;
    f->tick.cancelable = 1;

    /* not all gateways of a database at the same moment */

    f->expire = ngx_current_msec + (ngx_msec_t) ngx_random() % 600000;

    /* from a timer, when the threads have been started */

    ngx_add_timer(&f->tick, 1);
}


void
ngx_http_social_listener_stop(ngx_http_social_listener_t *f)
{
    ngx_http_social_listener_close(f);

    ngx_shmtx_lock(&f->rmcf->shpool->mutex);
    ngx_http_social_lease_release(&f->rmcf->sh->lease);
    ngx_shmtx_unlock(&f->rmcf->shpool->mutex);
}


static void
ngx_http_social_listener_tick(ngx_event_t *ev)
{
    ngx_http_social_listener_t *f = ev->data;

    size_t                 n;
    social_revocations_t  *set;

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        ngx_http_social_listener_stop(f);
        return;
    }

    ngx_add_timer(ev, NGX_HTTP_SOCIAL_LISTENER_TICK);

    if (!ngx_http_social_listener_acquire(f)) {
        ngx_http_social_listener_close(f);
        return;
    }

    set = f->rmcf->sh->set;

    n = social_revocations_capacity(set) / NGX_HTTP_SOCIAL_LISTENER_ROUND
        * 4 / 3;

    ngx_http_social_revocations_sweep(f->rmcf,
                                  ngx_max(n, NGX_HTTP_SOCIAL_LISTENER_SWEEP));

    switch (f->conn.state) {

    case NGX_HTTP_SOCIAL_CONNECTION_DOWN:
        if (!f->conn.retry.timer_set) {
            ngx_http_social_connection_connect(&f->conn);
        }

        return;

    case NGX_HTTP_SOCIAL_CONNECTION_CONNECTING:
        return;

    default:
        break;
    }

    if (f->step != NGX_HTTP_SOCIAL_LISTENER_IDLE) {

        if (ngx_current_msec - f->conn.heard
            > NGX_HTTP_SOCIAL_LISTENER_SILENCE)
        {
            ngx_http_social_connection_failed(&f->conn, "timed out");
        }

        return;
    }

    /* one that was full may have room by now */

    if ((social_revocations_state(set) != SOCIAL_REVOCATIONS_ROOM
         && (ngx_msec_int_t) (f->reload - ngx_current_msec) <= 0
         ? ngx_http_social_listener_begin(f)
         : ngx_http_social_listener_poll(f))
        != NGX_OK)
    {
        ngx_http_social_connection_failed(&f->conn, "send failed");
    }
}


/*
 * Acquires the lease or renews it; whether it is ours.
 */

static ngx_uint_t
ngx_http_social_listener_acquire(ngx_http_social_listener_t *f)
{
    ngx_uint_t  ours;

    ngx_shmtx_lock(&f->rmcf->shpool->mutex);

    ours = ngx_http_social_lease_acquire(&f->rmcf->sh->lease,
                                         NGX_HTTP_SOCIAL_LISTENER_LEASE);

    ngx_shmtx_unlock(&f->rmcf->shpool->mutex);

    if (ours && !f->leading) {
        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                      "social: revocation listener runs in this worker");

        f->conn.failures = 0;
        ngx_memzero(&f->faults, sizeof(ngx_http_social_faults_t));

        ngx_http_social_revocations_source(f->rmcf, f->source);
    }

    f->leading = ours;

    return ours;
}


static void
ngx_http_social_listener_close(ngx_http_social_listener_t *f)
{
    f->leading = 0;

    ngx_http_social_connection_close(&f->conn);
    ngx_http_social_listener_forget(f);
}


static void
ngx_http_social_listener_connected(ngx_http_social_connection_t *conn)
{
    if (ngx_http_social_listener_begin(conn->data) != NGX_OK) {
        ngx_http_social_connection_failed(conn, "send failed");
    }
}


/*
 * One statement is under way at a time, and so one page of rows: the other
 * connections of this worker have their turn before the next.
 */

static void
ngx_http_social_listener_result(ngx_http_social_connection_t *conn,
    const social_pq_result_t *result)
{
    if (ngx_http_social_listener_take(conn->data, result) != NGX_OK) {
        ngx_http_social_connection_failed(conn, "send failed");
    }
}


static void
ngx_http_social_listener_notified(ngx_http_social_connection_t *conn)
{
    ngx_http_social_listener_t  *f = conn->data;

    f->notified = 1;
}


static void
ngx_http_social_listener_ready(ngx_http_social_connection_t *conn)
{
    ngx_http_social_listener_t  *f = conn->data;

    if (f->notified && f->step == NGX_HTTP_SOCIAL_LISTENER_IDLE
        && ngx_http_social_listener_poll(f) != NGX_OK)
    {
        ngx_http_social_connection_failed(conn, "send failed");
    }
}


static void
ngx_http_social_listener_closed(ngx_http_social_connection_t *conn,
    const char *why)
{
    ngx_http_social_listener_t *f = conn->data;

    ngx_uint_t  level;

    if (why == NULL) {
        ngx_http_social_listener_stop(f);
        return;
    }

    ngx_http_social_listener_forget(f);

    level = ngx_http_social_fault_lost(&f->faults, conn->fault)
            ? NGX_LOG_ERR : NGX_LOG_INFO;

    ngx_log_error(level, ngx_cycle->log, 0,
                  "social: revocation listener failed: %s", why);
}
