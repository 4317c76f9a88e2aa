
/*
 * Requests whose verdict takes time: they wait for keys, or for a thread that
 * checks a signature.
 *
 * DESIGN.  A check of P-384 takes a millisecond, sixty times as long as one of
 * RSA, and as long as fifty requests: so many of these as a client likes to
 * send must not hold the event loop up.  A thread has copies of all that it
 * needs, and its answer counts for the keys that it was made by, so that a set
 * that is replaced meanwhile has the token checked once more.
 *
 * How many wait for threads is limited in each process: what is beyond that is
 * answered with 503, and the threads are still there for keys and files.
 */

#include "ngx_http_social_auth.h"
#include "social_jwk_check.h"


#define NGX_HTTP_SOCIAL_AUTH_MAX_CHECKS  256
#define NGX_HTTP_SOCIAL_AUTH_COMPLAINT   60


/* the ctx of a task; the request is its owner */

typedef struct {
    social_jwk_check_t          *check;      /* owned */
    social_rc_e                  rc;
    ngx_http_social_auth_ctx_t  *auth;       /* while there is an owner */
    ngx_uint_t                   verdict;    /* that it had */
    ngx_uint_t                   issuer;
    uint64_t                     generation; /* of its keys */
} ngx_http_social_auth_task_t;


static ngx_int_t ngx_http_social_auth_wait_keys(
    ngx_http_social_auth_ctx_t *ctx);
static void ngx_http_social_auth_leave(void *data);
static void ngx_http_social_auth_woken(ngx_http_social_waiter_t *waiter);
static ngx_int_t ngx_http_social_auth_wait_check(
    ngx_http_social_auth_ctx_t *ctx);
static ngx_http_social_task_t *ngx_http_social_auth_create_task(
    ngx_http_social_auth_ctx_t *ctx);
static void ngx_http_social_auth_thread(void *data, ngx_log_t *log);
static void ngx_http_social_auth_done(ngx_http_social_task_t *task);
static void ngx_http_social_auth_free_task(ngx_http_social_task_t *task);
static void ngx_http_social_auth_busy(ngx_http_social_auth_ctx_t *ctx);
static ngx_int_t ngx_http_social_auth_suspend(ngx_http_social_auth_ctx_t *ctx);
static void ngx_http_social_auth_resume(ngx_http_social_auth_ctx_t *ctx);


/* state of this process: checks that threads have, or will */

static ngx_uint_t  ngx_http_social_auth_checks;
static time_t      ngx_http_social_auth_complained;


ngx_int_t
ngx_http_social_auth_wait(ngx_http_request_t *r,
    ngx_http_social_auth_loc_conf_t *alcf, ngx_http_social_auth_how_e how,
    ngx_http_social_auth_ctx_t **auth)
{
    ngx_int_t                    rc;
    ngx_http_social_auth_ctx_t  *ctx;

    ctx = ngx_http_social_auth_verify(r, alcf, how);

    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    *auth = ctx;

    if (ctx->waiting) {
        return NGX_AGAIN;
    }

    while (ctx->status == SOCIAL_TOKEN_PENDING) {

        rc = ctx->slow ? ngx_http_social_auth_wait_check(ctx)
                       : ngx_http_social_auth_wait_keys(ctx);

        if (rc != NGX_DECLINED) {
            return rc;
        }

        if (!ctx->verified) {
            ngx_http_social_auth_verify_again(ctx, how);
        }
    }

    return NGX_OK;
}


/*
 * NGX_DECLINED: there is nothing to wait for.
 */

static ngx_int_t
ngx_http_social_auth_wait_keys(ngx_http_social_auth_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(ctx->request->pool, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_social_auth_leave;
    cln->data = ctx;

    ctx->waiter.handler = ngx_http_social_auth_woken;
    ctx->waiter.data = ctx;
    ctx->waiter.kid = ctx->jwt.kid;
    ctx->waiter.algorithm = ctx->jwt.algorithm;

    rc = ngx_http_social_keys_wait(ctx->issuer, &ctx->waiter);

    if (rc == NGX_BUSY) {
        ngx_http_social_auth_busy(ctx);
        return NGX_DECLINED;
    }

    if (rc != NGX_AGAIN) {

        /* requested a moment ago: there is nothing to wait for */

        ngx_http_social_auth_give_up(ctx);

        return NGX_DECLINED;
    }

    ctx->queued = 1;

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "social: request waits for keys");

    return ngx_http_social_auth_suspend(ctx);
}


/*
 * A request that is finalized while it waits must not be woken.
 */

static void
ngx_http_social_auth_leave(void *data)
{
    ngx_http_social_auth_ctx_t  *ctx = data;

    if (ctx->queued) {
        ngx_http_social_keys_forget(&ctx->waiter);
        ctx->queued = 0;
    }
}


static void
ngx_http_social_auth_woken(ngx_http_social_waiter_t *waiter)
{
    ngx_http_social_auth_ctx_t  *ctx;

    ctx = waiter->data;

    ctx->queued = 0;

    /*
     * a fetch whose worker was killed brings nothing: once more, if there is
     * another to wait for, and no further
     */

    if (++ctx->waits == 2) {
        ngx_http_social_auth_give_up(ctx);
    }

    ngx_http_social_auth_resume(ctx);
}


/*
 * Has a thread check the signature.  NGX_DECLINED: none can, the verdict is
 * made.
 */

static ngx_int_t
ngx_http_social_auth_wait_check(ngx_http_social_auth_ctx_t *ctx)
{
    ngx_uint_t               n;
    ngx_http_social_task_t  *task;

    if (ngx_http_social_auth_checks >= NGX_HTTP_SOCIAL_AUTH_MAX_CHECKS) {

        if (ngx_time() - ngx_http_social_auth_complained
            >= NGX_HTTP_SOCIAL_AUTH_COMPLAINT)
        {
            ngx_http_social_auth_complained = ngx_time();

            ngx_log_error(NGX_LOG_WARN, ctx->request->connection->log, 0,
                          "social: %d signatures are being checked in "
                          "threads, further requests get 503",
                          NGX_HTTP_SOCIAL_AUTH_MAX_CHECKS);
        }

        ngx_http_social_auth_busy(ctx);
        return NGX_DECLINED;
    }

    if (ctx->checked == NULL) {

        n = ctx->issuers->list.nelts;

        ctx->checked = ngx_pcalloc(ctx->request->pool,
                                   n * sizeof(ngx_http_social_auth_checked_t));
        if (ctx->checked == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    task = ngx_http_social_auth_create_task(ctx);
    if (task == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_social_task_post(task, ctx->issuer->keys->thread_pool)
        != NGX_OK)
    {
        ngx_http_social_auth_free_task(task);
        ngx_http_social_auth_busy(ctx);
        return NGX_DECLINED;
    }

    ngx_http_social_auth_checks++;
    ngx_http_social_count(NGX_HTTP_SOCIAL_COUNT_SIGNATURES);

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "social: request waits for a signature");

    return ngx_http_social_auth_suspend(ctx);
}


static ngx_http_social_task_t *
ngx_http_social_auth_create_task(ngx_http_social_auth_ctx_t *ctx)
{
    social_jwks_t                *jwks;
    const social_jwk_t           *jwk;
    ngx_http_social_task_t       *task;
    ngx_http_social_auth_task_t  *check;

    /* those that the verdict was pending by, in the same turn of the loop */

    jwks = ngx_http_social_keys_current(ctx->issuer);
    jwk = jwks ? social_jwks_find(jwks, ctx->jwt.kid, ctx->jwt.algorithm)
               : NULL;

    if (jwk == NULL) {
        return NULL;
    }

    task = ngx_http_social_task_create(sizeof(ngx_http_social_auth_task_t),
                                       ngx_http_social_auth_thread,
                                       ngx_http_social_auth_done);
    if (task == NULL) {
        return NULL;
    }

    check = task->ctx;

    check->auth = ctx;
    check->verdict = ctx->verdict;
    check->issuer = ctx->cached.verdict.issuer;
    check->generation = ngx_http_social_keys_generation(ctx->issuer);
    check->check = social_jwk_check_create(jwk, ctx->jwt.algorithm,
                                           ctx->jwt.input, ctx->jwt.signature);

    if (check->check == NULL
        || ngx_http_social_task_own_request(task, ctx->request) != NGX_OK)
    {
        ngx_http_social_auth_free_task(task);
        return NULL;
    }

    return task;
}


static void
ngx_http_social_auth_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_auth_task_t *check = data;

    check->rc = social_jwk_check_run(check->check);
}


static void
ngx_http_social_auth_done(ngx_http_social_task_t *task)
{
    ngx_http_social_auth_ctx_t      *ctx;
    ngx_http_social_auth_task_t     *check;
    ngx_http_social_auth_checked_t  *checked;

    ngx_http_social_auth_checks--;

    check = task->ctx;
    ctx = task->owner ? check->auth : NULL;

    if (ctx != NULL && ctx->verdict == check->verdict && ctx->checked) {

        checked = &ctx->checked[check->issuer];

        checked->generation = check->generation;
        checked->rc = check->rc;
    }

    ngx_http_social_auth_free_task(task);

    if (ctx != NULL) {
        ngx_http_social_auth_resume(ctx);
    }
}


static void
ngx_http_social_auth_free_task(ngx_http_social_task_t *task)
{
    ngx_http_social_auth_task_t  *check;

    check = task->ctx;

    social_jwk_check_free(check->check);
    ngx_http_social_task_free(task);
}


/*
 * A limit of the gateway, not the client's fault.
 */

static void
ngx_http_social_auth_busy(ngx_http_social_auth_ctx_t *ctx)
{
    ctx->status = SOCIAL_TOKEN_NO_KEYS;
    ctx->verified = 1;
}


/*
 * As in limit_req, a delayed request is not counted: only its phases are
 * suspended, and a client that closes the connection is noticed by reading.
 */

static ngx_int_t
ngx_http_social_auth_suspend(ngx_http_social_auth_ctx_t *ctx)
{
    ngx_http_request_t  *r;

    r = ctx->request;

    ctx->waiting = 1;

    r->write_event_handler = ngx_http_request_empty_handler;

    if (r != r->main) {

        /* the connection is for requests that wait for this one */

        return NGX_AGAIN;
    }

    if (r->connection->read->ready) {

        /* the end of the stream may have come with the request */

        ngx_post_event(r->connection->read, &ngx_posted_events);

    } else if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;

    return NGX_AGAIN;
}


/*
 * The phase handler that suspended the request is called again, and goes on
 * with the verdict.
 */

static void
ngx_http_social_auth_resume(ngx_http_social_auth_ctx_t *ctx)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ctx->waiting = 0;

    if (r == r->main) {

        if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
            ngx_http_run_posted_requests(c);
            return;
        }

        r->read_event_handler = ngx_http_block_reading;
    }

    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);

    ngx_http_run_posted_requests(c);
}
