
/*
 * Requests whose verdict takes time: they wait for keys, or for a thread that
 * checks a signature.
 */

#include "ngx_http_social_auth.h"


/* what a thread is asked for */

typedef struct {
    ngx_http_social_auth_ctx_t  *auth;
    ngx_uint_t                   verdict;    /* that it had */
    ngx_uint_t                   issuer;
} ngx_http_social_auth_asked_t;


static ngx_int_t ngx_http_social_auth_wait_keys(
    ngx_http_social_auth_ctx_t *ctx);
static void ngx_http_social_auth_leave(void *data);
static void ngx_http_social_auth_woken(ngx_http_social_waiter_t *waiter);
static ngx_int_t ngx_http_social_auth_wait_check(
    ngx_http_social_auth_ctx_t *ctx);
static void ngx_http_social_auth_checked(void *data,
    const ngx_http_social_verified_t *verified);
static void ngx_http_social_auth_busy(ngx_http_social_auth_ctx_t *ctx);
static ngx_int_t ngx_http_social_auth_suspend(ngx_http_social_auth_ctx_t *ctx);
static void ngx_http_social_auth_resume(ngx_http_social_auth_ctx_t *ctx);


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
 * made; or the keys were replaced, and it is made again.
 */

static ngx_int_t
ngx_http_social_auth_wait_check(ngx_http_social_auth_ctx_t *ctx)
{
    ngx_pool_t                    *pool;
    social_jwks_t                 *jwks;
    const social_jwk_t            *jwk;
    ngx_http_social_auth_asked_t  *asked;

    /* another process may have stored newer keys since the verdict was made */

    jwks = ngx_http_social_keys_current(ctx->issuer);
    jwk = jwks ? social_jwks_find(jwks, ctx->jwt.kid, ctx->jwt.algorithm)
               : NULL;

    if (jwk == NULL) {
        return NGX_DECLINED;
    }

    pool = ctx->request->pool;

    if (ctx->checked == NULL) {
        ctx->checked = ngx_pcalloc(pool, ctx->issuers->list.nelts
                                         * sizeof(ngx_http_social_verified_t));
        if (ctx->checked == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    asked = ngx_palloc(pool, sizeof(ngx_http_social_auth_asked_t));
    if (asked == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    asked->auth = ctx;
    asked->verdict = ctx->verdict;
    asked->issuer = ctx->cached.verdict.issuer;

    switch (ngx_http_social_verify_post(ctx->request, ctx->issuer, jwk,
                                        &ctx->jwt,
                                        ngx_http_social_auth_checked, asked))
    {
    case NGX_OK:
        return ngx_http_social_auth_suspend(ctx);

    case NGX_BUSY:
        ngx_http_social_auth_busy(ctx);
        return NGX_DECLINED;

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


static void
ngx_http_social_auth_checked(void *data,
    const ngx_http_social_verified_t *verified)
{
    ngx_http_social_auth_asked_t *asked = data;

    ngx_http_social_auth_ctx_t  *ctx;

    ctx = asked->auth;

    if (ctx->verdict == asked->verdict && ctx->checked) {
        ctx->checked[asked->issuer] = *verified;
    }

    ngx_http_social_auth_resume(ctx);
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
