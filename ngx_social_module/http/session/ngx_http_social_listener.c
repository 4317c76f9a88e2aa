
/*
 * One worker of all follows the database.
 *
 * DESIGN.  Every worker looks at the lease in the zone twice a second.  Who
 * holds it has a connection of its own, LISTENs on it, loads what is there,
 * and asks for what is new when it is told to, and at every look besides: so
 * it works through a pooler that keeps no LISTEN, and notices a connection
 * that died without a word.  The lease ends by itself when its holder is
 * killed, and at once where its process is gone.  While nobody follows, the
 * set stays as it is; whoever comes next loads everything again.
 *
 * Two that follow at a time, after one was stopped for a while, do no harm:
 * they add the same to the set.
 */

#include "ngx_http_social_listener.h"
#include "social_crypto.h"


#define NGX_HTTP_SOCIAL_LISTENER_TICK     500
#define NGX_HTTP_SOCIAL_LISTENER_LEASE    2000
#define NGX_HTTP_SOCIAL_LISTENER_SILENCE  10000
#define NGX_HTTP_SOCIAL_LISTENER_BACKOFF  4000

/* ticks in which the whole set is swept: a minute; and the least at a tick */
#define NGX_HTTP_SOCIAL_LISTENER_ROUND    120
#define NGX_HTTP_SOCIAL_LISTENER_SWEEP    1024


typedef struct {
    ngx_http_social_listener_t  *listener;
    ngx_pool_t                  *pool;
    social_pq_options_t          options;
    social_pq_t                 *pq;
    social_rc_e                  rc;
    char                         error[SOCIAL_PQ_ERROR_SIZE];
} ngx_http_social_listener_connect_t;


static void ngx_http_social_listener_tick(ngx_event_t *ev);
static ngx_uint_t ngx_http_social_listener_lease(
    ngx_http_social_listener_t *f);
static void ngx_http_social_listener_release(ngx_http_social_listener_t *f);
static void ngx_http_social_listener_source(ngx_http_social_listener_t *f);
static void ngx_http_social_listener_sweep(ngx_http_social_listener_t *f);
static void ngx_http_social_listener_connect(ngx_http_social_listener_t *f);
static void ngx_http_social_listener_thread(void *data, ngx_log_t *log);
static void ngx_http_social_listener_connected(ngx_event_t *ev);
static void ngx_http_social_listener_close(ngx_http_social_listener_t *f);
static void ngx_http_social_listener_write_handler(ngx_event_t *wev);
static void ngx_http_social_listener_read_handler(ngx_event_t *rev);


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
    f->conninfo = (const char *) conninfo.data;
    f->connect_timeout = (int) (dbcf->timeout / 1000) + 2;
    f->thread_pool = ngx_http_social_need_thread_pool(cf);

    return f->thread_pool ? f : NULL;
}


void
ngx_http_social_listener_start(ngx_http_social_listener_t *f,
    ngx_cycle_t *cycle)
{
    f->tick.handler = ngx_http_social_listener_tick;
    f->tick.data = f;
    f->tick.log = cycle->log;
    f->tick.cancelable = 1;

    f->retry = ngx_current_msec;

    /* not all gateways of a database at the same moment */

    f->expire = ngx_current_msec + (ngx_msec_t) ngx_random() % 600000;

    /* from a timer, when the threads have been started */

    ngx_add_timer(&f->tick, 1);
}


void
ngx_http_social_listener_stop(ngx_http_social_listener_t *f)
{
    f->stopping = 1;

    if (f->state == NGX_HTTP_SOCIAL_CONNECTION_UP) {
        ngx_http_social_listener_close(f);
    }

    ngx_http_social_listener_release(f);
}


static void
ngx_http_social_listener_tick(ngx_event_t *ev)
{
    ngx_http_social_listener_t  *f = ev->data;

    ngx_http_social_revocation_sh_t  *sh;

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        ngx_http_social_listener_stop(f);
        return;
    }

    ngx_add_timer(ev, NGX_HTTP_SOCIAL_LISTENER_TICK);

    if (!ngx_http_social_listener_lease(f)) {

        if (f->state == NGX_HTTP_SOCIAL_CONNECTION_UP) {
            ngx_http_social_listener_close(f);
        }

        return;
    }

    ngx_http_social_listener_sweep(f);

    switch (f->state) {

    case NGX_HTTP_SOCIAL_CONNECTION_DOWN:
        if ((ngx_msec_int_t) (f->retry - ngx_current_msec) <= 0) {
            ngx_http_social_listener_connect(f);
        }

        return;

    case NGX_HTTP_SOCIAL_CONNECTION_CONNECTING:
        return;

    default:
        break;
    }

    sh = f->rmcf->sh;

    if (f->step != NGX_HTTP_SOCIAL_LISTENER_IDLE) {

        if (ngx_current_msec - f->heard > NGX_HTTP_SOCIAL_LISTENER_SILENCE) {
            ngx_http_social_listener_failed(f, "it does not answer");
        }

        return;
    }

    /* one that was full may have room by now */

    if ((social_revocations_state(sh->set) != SOCIAL_REVOCATIONS_ROOM
         && (ngx_msec_int_t) (f->reload - ngx_current_msec) <= 0
         ? ngx_http_social_listener_begin(f)
         : ngx_http_social_listener_poll(f))
        != NGX_OK)
    {
        ngx_http_social_listener_failed(f, "could not send");
    }
}


/*
 * Takes or keeps the lease; whether it is ours.
 */

static ngx_uint_t
ngx_http_social_listener_lease(ngx_http_social_listener_t *f)
{
    ngx_pid_t                         owner;
    ngx_msec_t                        now;
    ngx_uint_t                        ours;
    ngx_http_social_revocation_sh_t  *sh;

    sh = f->rmcf->sh;
    now = ngx_current_msec;

    owner = (ngx_pid_t) sh->owner;

    if (owner != 0 && owner != ngx_pid
        && (ngx_msec_int_t) (sh->lease - now) > 0
        && (kill(owner, 0) == 0 || ngx_errno != ESRCH))
    {
        f->leading = 0;
        return 0;
    }

    ngx_shmtx_lock(&f->rmcf->shpool->mutex);

    ours = ((ngx_pid_t) sh->owner == owner);

    if (ours) {
        sh->owner = (ngx_atomic_uint_t) ngx_pid;
        sh->lease = now + NGX_HTTP_SOCIAL_LISTENER_LEASE;
    }

    ngx_shmtx_unlock(&f->rmcf->shpool->mutex);

    if (ours && !f->leading) {
        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                      "social: this worker follows revocations");

        f->retry = now;
        f->failures = 0;

        ngx_http_social_listener_source(f);
    }

    f->leading = ours;

    return ours;
}


static void
ngx_http_social_listener_release(ngx_http_social_listener_t *f)
{
    ngx_http_social_revocation_sh_t  *sh;

    f->leading = 0;
    sh = f->rmcf->sh;

    if ((ngx_pid_t) sh->owner != ngx_pid) {
        return;
    }

    ngx_shmtx_lock(&f->rmcf->shpool->mutex);

    if ((ngx_pid_t) sh->owner == ngx_pid) {
        sh->owner = 0;
    }

    ngx_shmtx_unlock(&f->rmcf->shpool->mutex);
}


/*
 * What was loaded from another database, before a reload, stays in force, but
 * is not all.
 */

static void
ngx_http_social_listener_source(ngx_http_social_listener_t *f)
{
    ngx_http_social_revocation_sh_t  *sh;

    sh = f->rmcf->sh;

    ngx_shmtx_lock(&f->rmcf->shpool->mutex);

    if (ngx_memcmp(sh->source, f->source, sizeof(f->source)) != 0) {
        ngx_memcpy(sh->source, f->source, sizeof(f->source));
        social_revocations_set_loaded(sh->set, false);
    }

    ngx_shmtx_unlock(&f->rmcf->shpool->mutex);
}


static void
ngx_http_social_listener_sweep(ngx_http_social_listener_t *f)
{
    size_t                 n;
    social_revocations_t  *set;

    set = f->rmcf->sh->set;

    n = social_revocations_capacity(set) / NGX_HTTP_SOCIAL_LISTENER_ROUND
        * 4 / 3;

    ngx_shmtx_lock(&f->rmcf->shpool->mutex);

    social_revocations_sweep(set, ngx_max(n, NGX_HTTP_SOCIAL_LISTENER_SWEEP),
                             ngx_time());

    ngx_shmtx_unlock(&f->rmcf->shpool->mutex);
}


static void
ngx_http_social_listener_connect(ngx_http_social_listener_t *f)
{
    ngx_pool_t                          *pool;
    ngx_thread_task_t                   *task;
    ngx_http_social_listener_connect_t  *ctx;

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return;
    }

    task = ngx_thread_task_alloc(pool,
                                 sizeof(ngx_http_social_listener_connect_t));
    if (task == NULL) {
        ngx_destroy_pool(pool);
        return;
    }

    ctx = task->ctx;

    ctx->listener = f;
    ctx->pool = pool;
    ctx->options.conninfo = f->conninfo;
    ctx->options.connect_timeout = f->connect_timeout;
    ctx->options.statement_timeout = NGX_HTTP_SOCIAL_LISTENER_SILENCE - 1000;
    ctx->options.application_name = "ngx_social_module revocations";

    task->handler = ngx_http_social_listener_thread;
    task->event.handler = ngx_http_social_listener_connected;
    task->event.data = ctx;
    task->event.log = ngx_cycle->log;

    if (ngx_thread_task_post(f->thread_pool, task) != NGX_OK) {
        ngx_destroy_pool(pool);
        return;
    }

    f->state = NGX_HTTP_SOCIAL_CONNECTION_CONNECTING;
}


static void
ngx_http_social_listener_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_listener_connect_t  *ctx = data;

    ctx->rc = social_pq_connect(&ctx->options, &ctx->pq, ctx->error);
}


static void
ngx_http_social_listener_connected(ngx_event_t *ev)
{
    ngx_http_social_listener_t          *f;
    ngx_http_social_listener_connect_t  *ctx;

    ctx = ev->data;
    f = ctx->listener;

    f->state = NGX_HTTP_SOCIAL_CONNECTION_DOWN;

    if (f->stopping || !f->leading) {
        social_pq_close(ctx->pq);
        goto done;
    }

    if (ctx->rc != SOCIAL_OK) {
        ngx_http_social_listener_failed(f, ctx->error);
        goto done;
    }

    f->connection = ngx_http_social_socket_open(ctx->pq, f,
                                       ngx_http_social_listener_read_handler,
                                       ngx_http_social_listener_write_handler);
    if (f->connection == NULL) {
        social_pq_close(ctx->pq);
        ngx_http_social_listener_failed(f, "no connection is free in nginx");
        goto done;
    }

    f->pq = ctx->pq;
    f->state = NGX_HTTP_SOCIAL_CONNECTION_UP;

    if (ngx_http_social_listener_begin(f) != NGX_OK) {
        ngx_http_social_listener_failed(f, "could not send");
    }

done:

    ngx_destroy_pool(ctx->pool);
}


static void
ngx_http_social_listener_close(ngx_http_social_listener_t *f)
{
    ngx_http_social_socket_forget(f->connection);
    social_pq_close(f->pq);

    f->connection = NULL;
    f->pq = NULL;
    f->state = NGX_HTTP_SOCIAL_CONNECTION_DOWN;
    f->retry = ngx_current_msec;

    /* what was seen is of no use to another connection: it loads all */

    ngx_free(f->seen.data);
    ngx_free(f->next.data);
    ngx_str_null(&f->seen);
    ngx_str_null(&f->next);
}


void
ngx_http_social_listener_failed(ngx_http_social_listener_t *f,
    const char *why)
{
    ngx_uint_t  level;
    ngx_msec_t  delay;

    if (f->state == NGX_HTTP_SOCIAL_CONNECTION_UP) {
        ngx_http_social_listener_close(f);
    }

    level = f->failures++ ? NGX_LOG_INFO : NGX_LOG_ERR;

    ngx_log_error(level, ngx_cycle->log, 0,
                  "social: revocations are not followed: %s", why);

    delay = NGX_HTTP_SOCIAL_LISTENER_BACKOFF;

    if (f->failures < 5) {
        delay >>= 5 - f->failures;
    }

    f->retry = ngx_current_msec + delay / 2
               + (ngx_msec_t) ngx_random() % (delay / 2 + 1);
}


static void
ngx_http_social_listener_write_handler(ngx_event_t *wev)
{
    ngx_connection_t            *c;
    ngx_http_social_listener_t  *f;

    c = wev->data;
    f = c->data;

    if (ngx_http_social_socket_flush(c, f->pq) != NGX_OK) {
        ngx_http_social_listener_failed(f, "could not send");
    }
}


/*
 * One statement is under way at a time, and so one page of rows: the other
 * connections of this worker have their turn before the next.
 */

static void
ngx_http_social_listener_read_handler(ngx_event_t *rev)
{
    ngx_int_t                    rc;
    social_rc_e                  next;
    ngx_connection_t            *c;
    social_pq_result_t          *result;
    ngx_http_social_listener_t  *f;

    c = rev->data;
    f = c->data;

    if (c->close) {
        /* nginx shuts down */
        ngx_http_social_listener_stop(f);
        return;
    }

    if (social_pq_consume(f->pq) != SOCIAL_OK
        || ngx_http_social_socket_flush(c, f->pq) != NGX_OK)
    {
        ngx_http_social_listener_failed(f, "it closed the connection");
        return;
    }

    f->heard = ngx_current_msec;

    next = social_pq_next(f->pq, &result);

    /* what came behind a result can be read only after it */

    if (social_pq_notified(f->pq)) {
        f->notified = 1;
    }

    switch (next) {

    case SOCIAL_OK:
        rc = ngx_http_social_listener_take(f, result);
        social_pq_result_free(result);
        break;

    case SOCIAL_DECLINED:
        rc = NGX_OK;
        break;

    default:
        ngx_http_social_listener_failed(f, "it closed the connection");
        return;
    }

    if (rc == NGX_OK && f->connection == c && f->notified
        && f->step == NGX_HTTP_SOCIAL_LISTENER_IDLE)
    {
        rc = ngx_http_social_listener_poll(f);
    }

    if (rc != NGX_OK && f->connection == c) {
        ngx_http_social_listener_failed(f, "could not send");
    }
}
