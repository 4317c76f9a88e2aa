
/*
 * The verdict on the token that came with a request.
 */

#include "ngx_http_social_binding.h"
#include "ngx_http_social_revocation.h"


static ngx_http_social_auth_ctx_t *ngx_http_social_auth_create_ctx(
    ngx_http_request_t *r);
static void ngx_http_social_auth_forget(ngx_http_social_auth_ctx_t *ctx);
static social_token_status_e ngx_http_social_auth_begin(
    ngx_http_social_auth_ctx_t *ctx, ngx_http_social_auth_loc_conf_t *alcf);
static social_token_status_e ngx_http_social_auth_parse(
    ngx_http_social_auth_ctx_t *ctx);
static void ngx_http_social_auth_release(void *data);
static social_token_status_e ngx_http_social_auth_find_issuer(
    ngx_http_social_auth_ctx_t *ctx);
static social_token_status_e ngx_http_social_auth_verify_token(
    ngx_http_social_auth_ctx_t *ctx, ngx_http_social_auth_how_e how);
static social_token_status_e ngx_http_social_auth_bound(
    ngx_http_social_auth_ctx_t *ctx, ngx_http_social_auth_how_e how);
static ngx_uint_t ngx_http_social_auth_says_more(social_token_status_e status,
    social_token_status_e than);
static social_token_status_e ngx_http_social_auth_verify_by(
    ngx_http_social_auth_ctx_t *ctx, ngx_http_social_auth_how_e how);
static social_token_status_e ngx_http_social_auth_look(
    ngx_http_social_auth_ctx_t *ctx);
static social_token_status_e ngx_http_social_auth_check(
    ngx_http_social_auth_ctx_t *ctx, social_jwks_t *jwks,
    const social_jwk_t *jwk, ngx_http_social_auth_how_e how);
static void ngx_http_social_auth_store(ngx_http_social_auth_ctx_t *ctx);
static void ngx_http_social_auth_log(ngx_http_social_auth_ctx_t *ctx);


ngx_http_social_auth_ctx_t *
ngx_http_social_auth_verify(ngx_http_request_t *r,
    ngx_http_social_auth_loc_conf_t *alcf, ngx_http_social_auth_how_e how)
{
    ngx_http_social_auth_ctx_t  *ctx;

    ctx = ngx_http_social_get_ctx(r, &ngx_http_social_auth_module);

    if (ctx == NULL) {
        ctx = ngx_http_social_auth_create_ctx(r);
        if (ctx == NULL) {
            return NULL;
        }
    }

    if (ctx->verdict != alcf->verdict
        || ctx->late != alcf->late
        || ctx->rule != ngx_http_social_revocations_rule(r)
        || !ngx_http_social_binding_same(ctx))
    {
        /* the first time, or a location with other rules */

        ngx_http_social_auth_forget(ctx);

        ctx->status = ngx_http_social_auth_begin(ctx, alcf);
    }

    if (!ctx->verified) {
        ngx_http_social_auth_verify_again(ctx, how);
    }

    return ctx;
}


void
ngx_http_social_auth_verify_again(ngx_http_social_auth_ctx_t *ctx,
    ngx_http_social_auth_how_e how)
{
    if (ctx->issuer != NULL) {
        ctx->status = ctx->held ? SOCIAL_TOKEN_OK
                      : ngx_http_social_auth_verify_token(ctx, how);

        if (ctx->status == SOCIAL_TOKEN_OK) {
            ctx->status = ngx_http_social_auth_bound(ctx, how);
        }
    }

    ctx->verified = (ctx->status != SOCIAL_TOKEN_PENDING
                     && ctx->status != SOCIAL_TOKEN_UNVERIFIED);

    if (ctx->verified) {
        ngx_http_social_auth_log(ctx);
    }
}


void
ngx_http_social_auth_give_up(ngx_http_social_auth_ctx_t *ctx)
{
    ctx->waited = ctx->cached.verdict.issuer + 1;
    ctx->waits = 0;
}


/*
 * A clone of its parent, as of the slice module, starts in the same location
 * where its parent stands, with all that was decided there.
 */

ngx_http_request_t *
ngx_http_social_auth_request(ngx_http_request_t *r)
{
    ngx_http_social_auth_loc_conf_t  *alcf;

    for ( /* void */ ; r != r->main; r = r->parent) {

        if (ngx_http_social_get_ctx(r, &ngx_http_social_auth_module)) {
            break;
        }

        alcf = ngx_http_get_module_loc_conf(r, ngx_http_social_auth_module);

        if (alcf->issuers != NULL && r->loc_conf != r->parent->loc_conf) {
            break;
        }
    }

    return r;
}


ngx_uint_t
ngx_http_social_auth_pending(ngx_http_request_t *r)
{
    ngx_http_social_auth_ctx_t  *ctx;

    ctx = ngx_http_social_get_ctx(r, &ngx_http_social_auth_module);

    return ctx != NULL && ctx->pending;
}


ngx_int_t
ngx_http_social_auth_identity(ngx_http_request_t *r,
    ngx_http_social_auth_ctx_t **identity)
{
    ngx_http_social_auth_ctx_t       *ctx;
    ngx_http_social_auth_loc_conf_t  *alcf, *own;

    *identity = NULL;

    own = ngx_http_get_module_loc_conf(r, ngx_http_social_auth_module);

    r = ngx_http_social_auth_request(r);

    ctx = ngx_http_social_get_ctx(r, &ngx_http_social_auth_module);

    if (ctx != NULL && !ctx->verified && !ctx->taking) {

        /*
         * asked by a limit; or, with "satisfy any", after a module that comes
         * before ours has allowed the request
         */

        alcf = ngx_http_get_module_loc_conf(r, ngx_http_social_auth_module);

        if (alcf->issuers != NULL) {
            ctx = ngx_http_social_auth_verify(r, alcf,
                                              ngx_http_social_auth_read_how(r));
            if (ctx == NULL) {
                return NGX_ERROR;
            }
        }
    }

    if (ctx == NULL || !ctx->verified || ctx->status != SOCIAL_TOKEN_OK) {
        return NGX_DECLINED;
    }

    /* where a logout leads to, and its subrequests, have no identity by it */

    if (ctx->overdue && own->late == 0) {
        return NGX_DECLINED;
    }

    if (ngx_http_social_auth_load(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    *identity = ctx;

    return NGX_OK;
}


static ngx_http_social_auth_ctx_t *
ngx_http_social_auth_create_ctx(ngx_http_request_t *r)
{
    ngx_http_social_auth_ctx_t  *ctx;

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_social_auth_ctx_t));
    if (ctx == NULL) {
        return NULL;
    }

    ctx->request = r;

    if (ngx_http_social_set_ctx(r, ctx, &ngx_http_social_auth_module)
        != NGX_OK)
    {
        return NULL;
    }

    return ctx;
}


/*
 * A verdict by other rules is replaced.
 */

static void
ngx_http_social_auth_forget(ngx_http_social_auth_ctx_t *ctx)
{
    ctx->parsed = NULL;

    ngx_memzero(&ctx->jwt, sizeof(social_jwt_t));
    ngx_memzero(&ctx->claims, sizeof(social_claims_t));

    ctx->issuer = NULL;
    ctx->checked = NULL;
    ctx->verified = 0;
    ctx->held = 0;
    ctx->several = 0;
    ctx->slow = 0;
    ctx->waited = 0;
    ctx->waits = 0;
    ctx->settled = 0;
    ctx->known = 0;
    ctx->overdue = 0;
}


/*
 * All that can be verified without keys, and everything about a cached token.
 * SOCIAL_TOKEN_UNVERIFIED: the rest takes keys.
 */

static social_token_status_e
ngx_http_social_auth_begin(ngx_http_social_auth_ctx_t *ctx,
    ngx_http_social_auth_loc_conf_t *alcf)
{
    social_token_status_e       status;
    ngx_http_social_issuer_t  **issuer;
    ngx_http_social_cached_t   *cached;

    ctx->verdict = alcf->verdict;
    ctx->issuers = alcf->issuers;
    ctx->late = alcf->late;
    ctx->rule = ngx_http_social_revocations_rule(ctx->request);

    ngx_http_social_binding_begin(ctx);

    cached = &ctx->cached;
    cached->tokens = alcf->tokens;
    cached->issuers = alcf->issuers;
    cached->digested = 0;

    status = ngx_http_social_auth_extract(ctx->request, alcf, &cached->token);
    if (status != SOCIAL_TOKEN_OK) {
        return status;
    }

    if (cached->tokens
        && !ngx_http_social_revocations_missing(ctx->request)
        && ngx_http_social_tokens_lookup(ctx->request, cached) == NGX_OK)
    {
        issuer = ctx->issuers->list.elts;

        ctx->issuer = issuer[cached->verdict.issuer];
        ctx->verified_at = ngx_time();

        if (ngx_http_social_binding_used(ctx)) {
            ctx->held = 1;
            return SOCIAL_TOKEN_UNVERIFIED;
        }

        ctx->verified = 1;

        return SOCIAL_TOKEN_OK;
    }

    status = ngx_http_social_auth_parse(ctx);
    if (status != SOCIAL_TOKEN_OK) {
        return status;
    }

    return ngx_http_social_auth_find_issuer(ctx);
}


static social_token_status_e
ngx_http_social_auth_parse(ngx_http_social_auth_ctx_t *ctx)
{
    social_str_t           token;
    ngx_pool_cleanup_t    *cln;
    social_token_status_e  status;

    token = ctx->cached.token;

    if (token.len > SOCIAL_TOKEN_MAX_SIZE) {
        return SOCIAL_TOKEN_TOO_LARGE;
    }

    cln = ngx_pool_cleanup_add(ctx->request->pool, 0);
    if (cln == NULL) {
        return SOCIAL_TOKEN_FAILED;
    }

    ctx->parsed = ngx_http_social_parsed_create(token.len,
                                              ctx->request->connection->log);
    if (ctx->parsed == NULL) {
        return SOCIAL_TOKEN_FAILED;
    }

    cln->handler = ngx_http_social_auth_release;
    cln->data = ctx->parsed;

    status = social_jwt_parse(token, ctx->parsed->buf, &ctx->parsed->jwt);

    if (status == SOCIAL_TOKEN_OK) {
        ctx->jwt = ctx->parsed->jwt;
    }

    return status;
}


/*
 * Headers for the backend may be views of a parsed token: it stays as long as
 * the request does, even where another location verifies again.
 */

static void
ngx_http_social_auth_release(void *data)
{
    ngx_http_social_parsed_release(data);
}


static social_token_status_e
ngx_http_social_auth_find_issuer(ngx_http_social_auth_ctx_t *ctx)
{
    ngx_uint_t                  i;
    ngx_array_t                *list;
    ngx_http_social_issuer_t  **issuer;

    list = &ctx->issuers->list;
    issuer = list->elts;

    for (i = 0; i < list->nelts; i++) {

        if (!social_str_eq(ctx->jwt.issuer,
                           ngx_http_social_view(&issuer[i]->issuer)))
        {
            continue;
        }

        if (ctx->issuer != NULL) {
            ctx->several = 1;
            break;
        }

        ctx->issuer = issuer[i];
        ctx->cached.verdict.issuer = i;
    }

    return ctx->issuer ? SOCIAL_TOKEN_UNVERIFIED : SOCIAL_TOKEN_ISSUER;
}


/*
 * Several blocks may have one issuer, for other clients, uses or keys: each is
 * tried, and one that accepts the token is enough.  Where none does, what says
 * most about the token is answered.
 */

static social_token_status_e
ngx_http_social_auth_verify_token(ngx_http_social_auth_ctx_t *ctx,
    ngx_http_social_auth_how_e how)
{
    ngx_uint_t                  i, best;
    ngx_array_t                *list;
    social_token_status_e       status, found;
    ngx_http_social_issuer_t  **issuer;

    list = &ctx->issuers->list;
    issuer = list->elts;

    best = 0;
    status = SOCIAL_TOKEN_NONE;

    ctx->slow = 0;

    for (i = 0; i < list->nelts; i++) {

        if (!social_str_eq(ctx->jwt.issuer,
                           ngx_http_social_view(&issuer[i]->issuer)))
        {
            continue;
        }

        ctx->issuer = issuer[i];
        ctx->cached.verdict.issuer = i;

        found = ngx_http_social_auth_verify_by(ctx, how);

        /* what was ended is so by whichever block its session is known */

        if (found == SOCIAL_TOKEN_OK || found == SOCIAL_TOKEN_REVOKED
            || ctx->slow)
        {
            return found;
        }

        if (found == SOCIAL_TOKEN_UNVERIFIED
            && (!ctx->several
                || ngx_http_social_auth_look(ctx) == SOCIAL_TOKEN_OK))
        {
            /* no other block's keys are needed to go on */

            return found;
        }

        if (status == SOCIAL_TOKEN_NONE
            || ngx_http_social_auth_says_more(found, status))
        {
            status = found;
            best = i;
        }
    }

    ctx->issuer = issuer[best];
    ctx->cached.verdict.issuer = best;

    return status;
}


/*
 * Whether a valid token is in the hands of its own client.  A proof is checked
 * after limits, as the signature of a token is.
 */

static social_token_status_e
ngx_http_social_auth_bound(ngx_http_social_auth_ctx_t *ctx,
    ngx_http_social_auth_how_e how)
{
    if (!ngx_http_social_binding_used(ctx)) {
        return SOCIAL_TOKEN_OK;
    }

    if (how == NGX_HTTP_SOCIAL_AUTH_LOOK) {
        return SOCIAL_TOKEN_UNVERIFIED;
    }

    if (ngx_http_social_auth_load(ctx) != NGX_OK) {
        return SOCIAL_TOKEN_FAILED;
    }

    return ngx_http_social_binding_check(ctx);
}


/*
 * Keys that are still to be fetched may accept the token, and a failure of
 * ours is none of the client's; of refusals the later one says more.
 */

static ngx_uint_t
ngx_http_social_auth_says_more(social_token_status_e status,
    social_token_status_e than)
{
    if (than == SOCIAL_TOKEN_PENDING) {
        return 0;
    }

    return status == SOCIAL_TOKEN_PENDING || status > than;
}


static social_token_status_e
ngx_http_social_auth_verify_by(ngx_http_social_auth_ctx_t *ctx,
    ngx_http_social_auth_how_e how)
{
    ngx_uint_t              waited;
    social_jwks_t          *jwks;
    const social_jwk_t     *jwk;
    social_algorithms_t     algorithm;
    social_token_status_e   status;

    /* the token's "alg" has to match */

    algorithm = social_algorithm_bit(ctx->jwt.algorithm);

    if ((ctx->issuer->algorithms & algorithm) == 0) {
        return SOCIAL_TOKEN_ALGORITHM;
    }

    if (!social_jwt_type_accepted(ctx->jwt.type,
                             ngx_http_social_view(&ctx->issuer->token_type)))
    {
        return SOCIAL_TOKEN_USE;
    }

    waited = (ctx->cached.verdict.issuer < ctx->waited);

    jwks = ngx_http_social_keys_current(ctx->issuer);

    if (jwks == NULL) {
        return waited ? SOCIAL_TOKEN_NO_KEYS : SOCIAL_TOKEN_PENDING;
    }

    jwk = social_jwks_find(jwks, ctx->jwt.kid, ctx->jwt.algorithm);

    if (jwk == NULL) {

        if (!waited
            && !ngx_http_social_keys_unknown(ctx->issuer, ctx->jwt.kid))
        {
            return SOCIAL_TOKEN_PENDING;
        }

        /* a set that could not be had may have the key */

        return ngx_http_social_keys_state(ctx->issuer)
               == NGX_HTTP_SOCIAL_KEYS_LOADED
               ? SOCIAL_TOKEN_UNKNOWN_KEY : SOCIAL_TOKEN_NO_KEYS;
    }

    if ((jwk->algorithms & algorithm) == 0) {
        return SOCIAL_TOKEN_ALGORITHM;
    }

    if (how == NGX_HTTP_SOCIAL_AUTH_LOOK) {
        return SOCIAL_TOKEN_UNVERIFIED;
    }

    status = ngx_http_social_auth_check(ctx, jwks, jwk, how);

    if (status != SOCIAL_TOKEN_OK) {
        return status;
    }

    /* another block may have found another subject */

    ctx->parsed->has_subject = 0;
    ctx->overdue = 0;

    status = ngx_http_social_auth_check_claims(ctx, ngx_time(), &ctx->claims);

    if (status == SOCIAL_TOKEN_EXPIRED && ctx->late) {
        return ngx_http_social_auth_late(ctx);
    }

    if (status == SOCIAL_TOKEN_OK) {
        status = ngx_http_social_auth_session(ctx);
    }

    if (status == SOCIAL_TOKEN_OK) {
        ngx_http_social_auth_store(ctx);
    }

    return status;
}


/*
 * Which of several blocks the token is for, as far as its claims say: whether
 * keys of another one have to be fetched is known before any signature is
 * checked.  Nothing but that may follow from it.
 */

static social_token_status_e
ngx_http_social_auth_look(ngx_http_social_auth_ctx_t *ctx)
{
    social_claims_t        claims;
    social_token_status_e  status;

    status = ngx_http_social_auth_check_claims(ctx, ngx_time(), &claims);

    return status == SOCIAL_TOKEN_EXPIRED && ctx->late ? SOCIAL_TOKEN_OK
                                                       : status;
}


/*
 * Where a thread has checked it by the keys of now, that is the result.  One of
 * another length than the key's is refused without a thread.
 */

static social_token_status_e
ngx_http_social_auth_check(ngx_http_social_auth_ctx_t *ctx,
    social_jwks_t *jwks, const social_jwk_t *jwk,
    ngx_http_social_auth_how_e how)
{
    social_rc_e                      rc;
    ngx_http_social_verified_t  *checked;

    checked = ctx->checked ? &ctx->checked[ctx->cached.verdict.issuer] : NULL;

    if (checked != NULL
        && checked->generation == ngx_http_social_keys_generation(ctx->issuer))
    {
        rc = checked->rc;

    } else if (how == NGX_HTTP_SOCIAL_AUTH_LATER
               && ngx_http_social_verify_is_slow(jwk, &ctx->jwt))
    {
        ctx->slow = 1;
        return SOCIAL_TOKEN_PENDING;

    } else {
        ngx_http_social_count(NGX_HTTP_SOCIAL_COUNT_SIGNATURES);

        rc = social_jwks_verify(jwks, jwk, ctx->jwt.algorithm, ctx->jwt.input,
                                ctx->jwt.signature);
    }

    switch (rc) {

    case SOCIAL_OK:
        return SOCIAL_TOKEN_OK;

    case SOCIAL_FAILED:
        return SOCIAL_TOKEN_FAILED;

    default:
        return SOCIAL_TOKEN_SIGNATURE;
    }
}


static void
ngx_http_social_auth_store(ngx_http_social_auth_ctx_t *ctx)
{
    social_token_verdict_t    *verdict;
    ngx_http_social_cached_t  *cached;

    ctx->verified_at = ngx_time();
    ctx->parsed->claims = ctx->claims;
    ctx->parsed->issuer = ctx->issuer;

    cached = &ctx->cached;

    if (cached->tokens == NULL) {
        return;
    }

    verdict = &cached->verdict;
    verdict->generation = ngx_http_social_keys_generation(ctx->issuer);
    verdict->expires = ctx->claims.expires + ctx->issuer->leeway - 1;

    ngx_http_social_tokens_store(ctx->request, cached);

    if (cached->digested) {
        ngx_http_social_parsed_keep(cached->tokens->parsed, ctx->parsed,
                                   cached->digest);
    }
}


/*
 * The payload is the same as when it was verified, so that it is parsed and
 * its claims are used without checking them again.
 */

ngx_int_t
ngx_http_social_auth_load(ngx_http_social_auth_ctx_t *ctx)
{
    ngx_pool_cleanup_t        *cln;
    ngx_http_social_parsed_t  *parsed;
    ngx_http_social_cached_t  *cached;

    if (ctx->parsed) {
        return NGX_OK;
    }

    cached = &ctx->cached;

    cln = ngx_pool_cleanup_add(ctx->request->pool, 0);
    if (cln == NULL) {
        ctx->status = SOCIAL_TOKEN_FAILED;
        return NGX_ERROR;
    }

    parsed = ngx_http_social_parsed_find(cached->tokens->parsed,
                                       cached->digest);

    if (parsed) {
        cln->handler = ngx_http_social_auth_release;
        cln->data = parsed;
    }

    /* of several blocks with one "iss" another may accept it now */

    if (parsed && parsed->issuer == ctx->issuer) {
        ctx->parsed = parsed;
        ctx->jwt = parsed->jwt;
        ctx->claims = parsed->claims;

        return NGX_OK;
    }

    if (ngx_http_social_auth_parse(ctx) != SOCIAL_TOKEN_OK
        || ngx_http_social_auth_check_claims(ctx, ctx->verified_at,
                                             &ctx->claims)
           != SOCIAL_TOKEN_OK)
    {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "social: could not parse a verified token again");

        ctx->status = SOCIAL_TOKEN_FAILED;

        return NGX_ERROR;
    }

    ctx->parsed->claims = ctx->claims;
    ctx->parsed->issuer = ctx->issuer;

    ngx_http_social_parsed_keep(cached->tokens->parsed, ctx->parsed,
                               cached->digest);

    return NGX_OK;
}


ngx_str_t
ngx_http_social_auth_user(ngx_http_social_auth_ctx_t *ctx)
{
    ngx_str_t  user;

    user.len = ctx->known ? sizeof(ctx->user) : 0;
    user.data = ctx->user;

    return user;
}


/*
 * Never the token, nor a claim; the kid identifies a key and is public.  The
 * issuer is the name of the block whose tokens these would be; empty if that is
 * not known.
 */

static void
ngx_http_social_auth_log(ngx_http_social_auth_ctx_t *ctx)
{
    u_char        *last;
    u_char         kid[4 * 64];
    ngx_log_t     *log;
    ngx_str_t      name, issuer;
    ngx_uint_t     level;
    social_str_t   s;

    log = ctx->request->connection->log;

    if (ctx->status == SOCIAL_TOKEN_OK || ctx->status == SOCIAL_TOKEN_NONE) {
        return;
    }

    ngx_http_social_from_str(&name, social_token_status_name(ctx->status));

    ngx_str_null(&issuer);

    if (ctx->issuer) {
        issuer = ctx->issuer->name;
    }

    if (ctx->status >= SOCIAL_TOKEN_PENDING) {
        /* an outage of the keys is logged once, where they are fetched */

        level = ctx->status == SOCIAL_TOKEN_FAILED ? NGX_LOG_ERR : NGX_LOG_INFO;

        ngx_log_error(level, log, 0,
                      "social: token could not be verified: %V, "
                      "issuer: \"%V\"", &name, &issuer);
        return;
    }

    s = ctx->jwt.kid;
    s.len = ngx_min(s.len, 64);
    last = social_str_printable(kid, s);

    ngx_log_error(NGX_LOG_INFO, log, 0,
                  "social: token refused: %V, kid: \"%*s\", issuer: \"%V\"",
                  &name, (size_t) (last - kid), kid, &issuer);
}
