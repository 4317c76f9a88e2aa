
/*
 * "social_auth": the PREACCESS handler extracts and verifies the token, and
 * delays the request while a key is fetched; the ACCESS handler only decides.
 * Both only return statuses, so that "satisfy", "error_page" and
 * "auth_request" keep working. A subrequest has no ACCESS phase: it is decided
 * in PREACCESS.
 */

#include "ngx_http_social_auth.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_resource.h"


static ngx_uint_t ngx_http_social_auth_is_error_file(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_auth_suspend(ngx_http_social_auth_ctx_t *ctx);
static void ngx_http_social_auth_leave(void *data);
static void ngx_http_social_auth_resume(ngx_http_social_waiter_t *waiter);
static ngx_int_t ngx_http_social_auth_access_decide(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_auth_decide(ngx_http_request_t *r,
    ngx_http_social_auth_loc_conf_t *alcf, ngx_http_social_auth_ctx_t *ctx);
static void ngx_http_social_auth_count(ngx_http_request_t *r,
    ngx_http_social_auth_ctx_t *ctx, ngx_uint_t outcome);
static ngx_int_t ngx_http_social_auth_permits(
    ngx_http_social_auth_loc_conf_t *alcf, ngx_http_social_auth_ctx_t *ctx,
    const char **lack);
static ngx_int_t ngx_http_social_auth_refuse(ngx_http_request_t *r,
    ngx_http_social_auth_loc_conf_t *alcf, const char *error,
    social_token_status_e reason);
static ngx_int_t ngx_http_social_auth_lacks(ngx_http_request_t *r,
    ngx_http_social_auth_loc_conf_t *alcf, const char *what);
static ngx_int_t ngx_http_social_auth_answer(ngx_http_request_t *r,
    ngx_http_social_auth_loc_conf_t *alcf, ngx_int_t status,
    const char *error, ngx_str_t *text);
static ngx_int_t ngx_http_social_auth_challenge(ngx_http_request_t *r,
    ngx_str_t *value);


ngx_int_t
ngx_http_social_auth_preaccess_handler(ngx_http_request_t *r)
{
    ngx_int_t                         rc;
    ngx_http_social_auth_ctx_t       *ctx;
    ngx_http_social_auth_loc_conf_t  *alcf;

    if (ngx_http_social_auth_pending(r)
        && !ngx_http_social_auth_is_error_file(r))
    {
        if (ngx_http_social_error_own(r) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_social_auth_module);

    if (alcf->issuers == NULL) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_social_auth_verify(r, alcf);

    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->waiting) {
        return NGX_AGAIN;
    }

    while (ctx->status == SOCIAL_TOKEN_PENDING) {

        rc = ngx_http_social_auth_suspend(ctx);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    ctx->settled = 1;

    if (r == r->main) {
        return NGX_DECLINED;
    }

    /* nginx leaves the access phase out for subrequests */

    rc = ngx_http_social_auth_decide(r, alcf, ctx);

    return rc == NGX_OK ? NGX_DECLINED : rc;
}


/*
 * An error_page of a 503 may be a static file, which needs no identity, but
 * not a handler that might treat the request as unauthenticated.
 */

static ngx_uint_t
ngx_http_social_auth_is_error_file(ngx_http_request_t *r)
{
    return r->err_status == NGX_HTTP_SERVICE_UNAVAILABLE
           && r->content_handler == NULL;
}


/*
 * As in limit_req, a delayed request is not counted: only its phases are
 * suspended, and a client that closes the connection is noticed by reading.
 */

static ngx_int_t
ngx_http_social_auth_suspend(ngx_http_social_auth_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;
    ngx_pool_cleanup_t  *cln;

    r = ctx->request;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_social_auth_leave;
    cln->data = ctx;

    ctx->waiter.handler = ngx_http_social_auth_resume;
    ctx->waiter.data = ctx;
    ctx->waiter.kid = ctx->jwt.kid;
    ctx->waiter.algorithm = ctx->jwt.algorithm;

    rc = ngx_http_social_keys_wait(ctx->issuer, &ctx->waiter);

    if (rc == NGX_BUSY) {

        /* a limit of the gateway, not the client's fault */

        ctx->status = SOCIAL_TOKEN_NO_KEYS;
        ctx->verified = 1;

        return NGX_DECLINED;
    }

    if (rc != NGX_AGAIN) {

        /* requested a moment ago: there is nothing to wait for */

        ngx_http_social_auth_verify_without(ctx);

        return NGX_DECLINED;
    }

    ctx->waiting = 1;

    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "social: request waits for keys");

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
 * A request that is finalized while it waits must not be woken.
 */

static void
ngx_http_social_auth_leave(void *data)
{
    ngx_http_social_auth_ctx_t  *ctx = data;

    if (ctx->waiting) {
        ngx_http_social_keys_forget(&ctx->waiter);
        ctx->waiting = 0;
    }
}


static void
ngx_http_social_auth_resume(ngx_http_social_waiter_t *waiter)
{
    ngx_connection_t            *c;
    ngx_http_request_t          *r;
    ngx_http_social_auth_ctx_t  *ctx;

    ctx = waiter->data;
    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ctx->waiting = 0;

    /*
     * a fetch whose worker was killed brings nothing: once more, if there is
     * another to wait for, and no further
     */

    if (++ctx->waits == 2) {
        ngx_http_social_auth_verify_without(ctx);

    } else {
        ngx_http_social_auth_verify_again(ctx);
    }

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


/*
 * Runs before all others of its phase.  With "satisfy any" it only allows
 * requests with a sufficient token: the rest is for the handler below.
 */

ngx_int_t
ngx_http_social_auth_access_handler(ngx_http_request_t *r)
{
    ngx_int_t                         rc;
    const char                       *lack;
    ngx_http_core_loc_conf_t         *clcf;
    ngx_http_social_auth_ctx_t       *ctx;
    ngx_http_social_auth_loc_conf_t  *alcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->satisfy != NGX_HTTP_SATISFY_ANY) {
        return ngx_http_social_auth_access_decide(r);
    }

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_social_auth_module);

    if (alcf->issuers == NULL || r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_social_auth_verify(r, alcf);

    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->status != SOCIAL_TOKEN_OK) {
        return NGX_DECLINED;
    }

    rc = ngx_http_social_auth_permits(alcf, ctx, &lack);

    if (rc == NGX_OK) {
        ngx_http_social_auth_count(r, ctx, SOCIAL_TOKEN_OK);
    }

    return rc == NGX_ERROR ? NGX_HTTP_INTERNAL_SERVER_ERROR : rc;
}


/*
 * Runs after all others.  nginx returns a 503 at once, even with "satisfy
 * any", so that it is for those requests only that no other module allowed;
 * and the headers of a 401 are for an answer that is sent.
 */

ngx_int_t
ngx_http_social_auth_access_last_handler(ngx_http_request_t *r)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->satisfy != NGX_HTTP_SATISFY_ANY) {
        return NGX_DECLINED;
    }

    return ngx_http_social_auth_access_decide(r);
}


static ngx_int_t
ngx_http_social_auth_access_decide(ngx_http_request_t *r)
{
    ngx_int_t                         rc;
    ngx_http_social_auth_ctx_t       *ctx;
    ngx_http_social_auth_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_social_auth_module);

    if (alcf->issuers == NULL || r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_social_auth_verify(r, alcf);

    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_social_auth_decide(r, alcf, ctx);

    if (rc != NGX_OK && rc != NGX_DECLINED
        && ngx_http_social_error_own(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return rc;
}


static ngx_int_t
ngx_http_social_auth_decide(ngx_http_request_t *r,
    ngx_http_social_auth_loc_conf_t *alcf, ngx_http_social_auth_ctx_t *ctx)
{
    const char  *lack;

    if (ctx->status != SOCIAL_TOKEN_OK) {
        ngx_http_social_auth_count(r, ctx, ctx->status);
    }

    switch (ctx->status) {

    case SOCIAL_TOKEN_OK:
        break;

    case SOCIAL_TOKEN_NONE:
        if (alcf->mode != NGX_HTTP_SOCIAL_AUTH_REQUIRED) {

            /* not NGX_OK: a missing token does not satisfy "satisfy any" */

            return NGX_DECLINED;
        }

        return ngx_http_social_auth_refuse(r, alcf, NULL, ctx->status);

    case SOCIAL_TOKEN_PENDING:
    case SOCIAL_TOKEN_NO_KEYS:
    case SOCIAL_TOKEN_NO_REVOCATIONS:

        /* our fault: the token could not be verified */

        if (ngx_http_social_error_retry_after(r, 2) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return NGX_HTTP_SERVICE_UNAVAILABLE;

    case SOCIAL_TOKEN_FAILED:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;

    default:
        if (alcf->mode == NGX_HTTP_SOCIAL_AUTH_LENIENT) {
            return NGX_DECLINED;
        }

        return ngx_http_social_auth_refuse(r, alcf, "invalid_token",
                                           ctx->status);
    }

    switch (ngx_http_social_auth_permits(alcf, ctx, &lack)) {

    case NGX_OK:
        ngx_http_social_auth_count(r, ctx, SOCIAL_TOKEN_OK);
        return NGX_OK;

    case NGX_DECLINED:
        ngx_http_social_auth_count(r, ctx, SOCIAL_TOKEN_FAILED + 1);
        return ngx_http_social_auth_lacks(r, alcf, lack);

    default:
        ngx_http_social_auth_count(r, ctx, SOCIAL_TOKEN_FAILED);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


/*
 * A decision is counted for the issuer of the token, where that is known.
 */

static void
ngx_http_social_auth_count(ngx_http_request_t *r,
    ngx_http_social_auth_ctx_t *ctx, ngx_uint_t outcome)
{
    ngx_http_social_issuer_counts_t     *counts;
    ngx_http_social_issuer_main_conf_t  *imcf;

    imcf = ngx_http_get_module_main_conf(r, ngx_http_social_issuer_module);

    counts = (ngx_http_social_issuer_counts_t *)
             ngx_http_social_counters_row_values(ctx->issuer
                                                 ? ctx->issuer->row
                                                 : imcf->row);

    if (counts != NULL) {
        counts->outcomes[outcome]++;
    }
}


/*
 * Whether a valid token has all that the location requires; NGX_DECLINED:
 * "lack" is what is missing.  NGX_ERROR: out of memory.
 */

static ngx_int_t
ngx_http_social_auth_permits(ngx_http_social_auth_loc_conf_t *alcf,
    ngx_http_social_auth_ctx_t *ctx, const char **lack)
{
    if ((alcf->scopes.values || alcf->groups.values || alcf->claims)
        && ngx_http_social_auth_load(ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if ((alcf->scopes.values
         && !ngx_http_social_auth_has(ctx, &alcf->scopes,
                                      ngx_http_social_auth_scope_claim(ctx)))
        || (alcf->groups.values
            && !ngx_http_social_auth_has(ctx, &alcf->groups,
                                         &alcf->groups_claim)))
    {
        *lack = "scope or group";
        return NGX_DECLINED;
    }

    if (alcf->claims && !ngx_http_social_auth_has_claims(ctx, alcf->claims)) {
        *lack = "claim";
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_auth_lacks(ngx_http_request_t *r,
    ngx_http_social_auth_loc_conf_t *alcf, const char *what)
{
    u_char     buf[sizeof("the token lacks a scope or group")];
    ngx_str_t  text;

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "social: token lacks a %s", what);

    text.data = buf;
    text.len = ngx_snprintf(buf, sizeof(buf), "the token lacks a %s", what)
               - buf;

    return ngx_http_social_auth_answer(r, alcf, NGX_HTTP_FORBIDDEN,
                                       "insufficient_scope", &text);
}


static ngx_int_t
ngx_http_social_auth_refuse(ngx_http_request_t *r,
    ngx_http_social_auth_loc_conf_t *alcf, const char *error,
    social_token_status_e reason)
{
    ngx_str_t  text;

    ngx_http_social_from_str(&text, social_token_status_text(reason));

    return ngx_http_social_auth_answer(r, alcf, NGX_HTTP_UNAUTHORIZED, error,
                                       &text);
}


ngx_int_t
ngx_http_social_auth_step_up(ngx_http_request_t *r, ngx_str_t *scopes,
    ngx_uint_t anonymous)
{
    ngx_http_social_auth_loc_conf_t  *alcf, conf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_social_auth_module);

    conf = *alcf;
    conf.scope_header = *scopes;

    if (ngx_http_social_error_own(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return anonymous ? ngx_http_social_auth_refuse(r, &conf, NULL,
                                                   SOCIAL_TOKEN_NONE)
                     : ngx_http_social_auth_lacks(r, &conf, "scope");
}


/*
 * WWW-Authenticate after RFC 6750, 3: no error when there was no token.
 */

static ngx_int_t
ngx_http_social_auth_answer(ngx_http_request_t *r,
    ngx_http_social_auth_loc_conf_t *alcf, ngx_int_t status,
    const char *error, ngx_str_t *text)
{
    size_t                       size;
    u_char                      *p;
    ngx_str_t                    value;
    ngx_http_social_resource_t  *resource;

    resource = ngx_http_social_resource(r);

    size = (resource ? resource->challenge.len : 0)
           + sizeof("Bearer realm=\"api\", error=\"insufficient_scope\", "
                  "error_description=\"\", scope=\"\"")
           + text->len + alcf->scope_header.len;

    value.data = ngx_pnalloc(r->pool, size);
    if (value.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_cpymem(value.data, "Bearer realm=\"api\"",
                   sizeof("Bearer realm=\"api\"") - 1);

    if (error) {
        p = ngx_sprintf(p, ", error=\"%s\"", error);

        if (alcf->error_detail) {
            p = ngx_sprintf(p, ", error_description=\"%V\"", text);
        }
    }

    if (resource) {
        p = ngx_cpymem(p, resource->challenge.data, resource->challenge.len);
    }

    /* a client of a resource asks for what the first answer says */

    if ((status == NGX_HTTP_FORBIDDEN || resource) && alcf->scope_header.len) {
        p = ngx_sprintf(p, ", scope=\"%V\"", &alcf->scope_header);
    }

    value.len = p - value.data;

    if (ngx_http_social_auth_challenge(r, &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return status;
}


/*
 * In nginx's own slot, so that "satisfy any" can remove it.  A challenge
 * of ours that is there already is of a location before an internal redirect;
 * one of another scheme stays beside ours (RFC 9110, 11.6.1).
 */

static ngx_int_t
ngx_http_social_auth_challenge(ngx_http_request_t *r, ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = r->headers_out.www_authenticate;

    if (h != NULL
        && h->value.len >= sizeof("Bearer ") - 1
        && ngx_strncmp(h->value.data, "Bearer ", sizeof("Bearer ") - 1) == 0)
    {
        h->hash = 0;
    }

    h = ngx_http_social_header_out_push(r, "WWW-Authenticate", value);
    if (h == NULL) {
        return NGX_ERROR;
    }

    r->headers_out.www_authenticate = h;

    return NGX_OK;
}
