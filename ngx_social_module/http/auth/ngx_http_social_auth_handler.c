
/*
 * "social_auth": the PREACCESS handler looks at the token, and delays the
 * request while a key is fetched; limits are asked then.  The signature is
 * checked when one of them reads a variable, and otherwise in ACCESS, for
 * those requests only that no limit has refused; there it is decided.  Both
 * only return statuses, so that "satisfy", "error_page" and "auth_request" keep
 * working.  A subrequest has no ACCESS phase: all of it is done in PREACCESS.
 */

#include "ngx_http_social_binding.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_resource.h"


_Static_assert(NGX_HTTP_SOCIAL_ISSUER_OUTCOMES == SOCIAL_TOKEN_FAILED + 2,
               "an outcome would be counted past the end");


static ngx_uint_t ngx_http_social_auth_is_error_file(ngx_http_request_t *r);
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
static void ngx_http_social_auth_unchallenge(ngx_http_request_t *r);


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

    rc = ngx_http_social_auth_wait(r, alcf,
                                   r == r->main ? NGX_HTTP_SOCIAL_AUTH_LOOK
                                                : NGX_HTTP_SOCIAL_AUTH_LATER,
                                   &ctx);
    if (rc != NGX_OK) {
        return rc;
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

    rc = ngx_http_social_auth_wait(r, alcf, NGX_HTTP_SOCIAL_AUTH_LATER, &ctx);
    if (rc != NGX_OK) {
        return rc;
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
    ngx_int_t                  rc;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->satisfy != NGX_HTTP_SATISFY_ANY) {
        return NGX_DECLINED;
    }

    rc = ngx_http_social_auth_access_decide(r);

    if (rc >= NGX_HTTP_INTERNAL_SERVER_ERROR) {

        /* the challenges of others are of a 401 that is not sent */

        ngx_http_social_auth_unchallenge(r);
    }

    return rc;
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

    rc = ngx_http_social_auth_wait(r, alcf, NGX_HTTP_SOCIAL_AUTH_LATER, &ctx);
    if (rc != NGX_OK) {
        return rc;
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
    case SOCIAL_TOKEN_UNVERIFIED:
    case SOCIAL_TOKEN_NO_KEYS:
    case SOCIAL_TOKEN_NO_REVOCATIONS:
    case SOCIAL_TOKEN_NO_ROOM:

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

        return ngx_http_social_auth_refuse(r, alcf,
                   ngx_http_social_binding_error(ctx->status), ctx->status);
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
    if ((alcf->scopes.values || alcf->groups.values || alcf->claims
         || alcf->subject)
        && ngx_http_social_auth_load(ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if ((alcf->scopes.values
         && !ngx_http_social_auth_has(ctx, &alcf->scopes,
                                      ngx_http_social_auth_scope_claim(ctx)))
        || (alcf->groups.values
            && !ngx_http_social_auth_has(ctx, &alcf->groups,
                          ngx_http_social_auth_groups_claim(ctx, alcf))))
    {
        *lack = "scope or group";
        return NGX_DECLINED;
    }

    if (alcf->claims && !ngx_http_social_auth_has_claims(ctx, alcf->claims)) {
        *lack = "claim";
        return NGX_DECLINED;
    }

    if (alcf->subject && ctx->claims.subject.len == 0) {
        *lack = "subject";
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

    ngx_http_social_from_str(&text, ngx_http_social_binding_text(r, reason));

    return ngx_http_social_auth_answer(r, alcf, NGX_HTTP_UNAUTHORIZED, error,
                                       &text);
}


ngx_int_t
ngx_http_social_auth_step_up(ngx_http_request_t *r, ngx_str_t *scopes,
    ngx_uint_t anonymous)
{
    ngx_http_social_auth_ctx_t       *ctx;
    ngx_http_social_auth_loc_conf_t  *alcf, conf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_social_auth_module);

    conf = *alcf;
    conf.scope_header = *scopes;

    if (ngx_http_social_error_own(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_http_social_get_ctx(r, &ngx_http_social_auth_module);

    if (anonymous && ctx != NULL && ctx->status >= SOCIAL_TOKEN_PENDING) {

        /*
         * "satisfy any" has let it pass without a verdict: that is missing for
         * a reason of ours
         */

        return ngx_http_social_auth_decide(r, alcf, ctx);
    }

    return anonymous ? ngx_http_social_auth_refuse(r, &conf, NULL,
                                                   SOCIAL_TOKEN_NONE)
                     : ngx_http_social_auth_lacks(r, &conf, "scope");
}


/*
 * WWW-Authenticate after RFC 6750, 3: no error when there was no token; and
 * after RFC 9449, 7.
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
    ngx_http_social_challenge_t  challenge;

    resource = ngx_http_social_resource(r);

    ngx_http_social_dpop_challenge(r, &challenge);

    size = (resource ? resource->challenge.len : 0)
           + sizeof("Bearer realm=\"api\", error=\"insufficient_scope\", "
                  "error_description=\"\", scope=\"\", "
                  "DPoP realm=\"api\", algs=\"\"")
           + text->len + alcf->scope_header.len + challenge.algorithms.len;

    value.data = ngx_pnalloc(r->pool, size);
    if (value.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_sprintf(value.data, "%s realm=\"api\"", challenge.scheme);

    if (challenge.algorithms.len && !challenge.also) {
        p = ngx_sprintf(p, ", algs=\"%V\"", &challenge.algorithms);
    }

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

    if (challenge.also) {
        p = ngx_sprintf(p, ", DPoP realm=\"api\", algs=\"%V\"",
                        &challenge.algorithms);
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
        && ((h->value.len >= sizeof("Bearer ") - 1
             && ngx_strncmp(h->value.data, "Bearer ", sizeof("Bearer ") - 1)
                == 0)
            || (h->value.len >= sizeof("DPoP ") - 1
                && ngx_strncmp(h->value.data, "DPoP ", sizeof("DPoP ") - 1)
                   == 0)))
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


static void
ngx_http_social_auth_unchallenge(ngx_http_request_t *r)
{
    ngx_uint_t         i;
    ngx_list_part_t   *part;
    ngx_table_elt_t   *h;
    static ngx_str_t   name = ngx_string("WWW-Authenticate");

    part = &r->headers_out.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {

            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len == name.len
            && ngx_strncasecmp(h[i].key.data, name.data, name.len) == 0)
        {
            h[i].hash = 0;
        }
    }

    r->headers_out.www_authenticate = NULL;
}
