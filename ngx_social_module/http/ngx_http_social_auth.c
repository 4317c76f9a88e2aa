
/*
 * The verdict on the token that came with a request.
 */

#include "ngx_http_social_auth.h"


static ngx_http_social_auth_ctx_t *ngx_http_social_auth_create_ctx(
    ngx_http_request_t *r);
static void ngx_http_social_auth_cleanup(void *data);
static social_token_status_e ngx_http_social_auth_take(ngx_http_request_t *r,
    social_str_t *token);
static social_token_status_e ngx_http_social_auth_parse(
    ngx_http_social_auth_ctx_t *ctx);
static social_token_status_e ngx_http_social_auth_verify(
    ngx_http_social_auth_ctx_t *ctx);
static void ngx_http_social_auth_log(ngx_http_social_auth_ctx_t *ctx);


ngx_http_social_auth_ctx_t *
ngx_http_social_auth_judge(ngx_http_request_t *r, ngx_array_t *issuers)
{
    ngx_http_social_auth_ctx_t  *ctx;

    ctx = ngx_http_social_get_ctx(r, &ngx_http_social_auth_module);

    if (ctx == NULL) {
        ctx = ngx_http_social_auth_create_ctx(r);
        if (ctx == NULL) {
            return NULL;
        }
    }

    if (ctx->judged && ctx->issuers == issuers) {
        return ctx;
    }

    if (ctx->issuers != issuers) {

        /* the first time, or a location with other issuers */

        social_jwt_free(&ctx->jwt);
        ctx->issuers = issuers;
        ctx->issuer = NULL;
        ctx->waited = 0;
        ctx->waits = 0;
        ctx->status = ngx_http_social_auth_parse(ctx);

    } else {
        ctx->status = SOCIAL_TOKEN_OK;
    }

    ngx_http_social_auth_judge_again(ctx);

    return ctx;
}


void
ngx_http_social_auth_judge_again(ngx_http_social_auth_ctx_t *ctx)
{
    if (ctx->issuer != NULL) {
        ctx->status = ngx_http_social_auth_verify(ctx);
    }

    ctx->judged = (ctx->status != SOCIAL_TOKEN_PENDING);

    if (ctx->judged) {
        ngx_http_social_auth_log(ctx);
    }
}


ngx_http_social_auth_ctx_t *
ngx_http_social_auth_identity(ngx_http_request_t *r)
{
    ngx_http_social_auth_ctx_t  *ctx;

    ctx = ngx_http_social_get_ctx(r->main, &ngx_http_social_auth_module);

    return ctx && ctx->judged && ctx->status == SOCIAL_TOKEN_OK ? ctx : NULL;
}


static ngx_http_social_auth_ctx_t *
ngx_http_social_auth_create_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t          *cln;
    ngx_http_social_auth_ctx_t  *ctx;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_social_auth_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_social_auth_ctx_t));

    ctx->request = r;

    cln->handler = ngx_http_social_auth_cleanup;

    if (ngx_http_social_set_ctx(r, ctx, &ngx_http_social_auth_module)
        != NGX_OK)
    {
        return NULL;
    }

    return ctx;
}


static void
ngx_http_social_auth_cleanup(void *data)
{
    ngx_http_social_auth_ctx_t  *ctx = data;

    if (ctx->waiting) {
        ngx_http_social_keys_forget(&ctx->waiter);
        ctx->waiting = 0;
    }

    social_jwt_free(&ctx->jwt);
}


/*
 * All that can be said without keys: the token's form, and which issuer's it
 * claims to be.
 */

static social_token_status_e
ngx_http_social_auth_parse(ngx_http_social_auth_ctx_t *ctx)
{
    u_char                     *buf;
    ngx_uint_t                  i;
    social_str_t                token;
    social_token_status_e       status;
    ngx_http_social_issuer_t  **issuers;

    status = ngx_http_social_auth_take(ctx->request, &token);
    if (status != SOCIAL_TOKEN_OK) {
        return status;
    }

    buf = ngx_pnalloc(ctx->request->pool, token.len);
    if (buf == NULL) {
        return SOCIAL_TOKEN_FAILED;
    }

    status = social_jwt_parse(token, buf, &ctx->jwt);
    if (status != SOCIAL_TOKEN_OK) {
        return status;
    }

    issuers = ctx->issuers->elts;

    for (i = 0; i < ctx->issuers->nelts; i++) {
        if (social_str_eq(ctx->jwt.issuer,
                          ngx_http_social_view(&issuers[i]->issuer)))
        {
            ctx->issuer = issuers[i];
            return SOCIAL_TOKEN_OK;
        }
    }

    return SOCIAL_TOKEN_ISSUER;
}


static social_token_status_e
ngx_http_social_auth_take(ngx_http_request_t *r, social_str_t *token)
{
    ngx_table_elt_t        *h;
    social_token_status_e   status;

    h = r->headers_in.authorization;

    if (h == NULL) {
        return SOCIAL_TOKEN_NONE;
    }

    status = social_token_from_bearer(ngx_http_social_view(&h->value), token);

    if (status == SOCIAL_TOKEN_OK && social_token_is_placeholder(*token)) {

        /* a script without a token: the same as none */

        return SOCIAL_TOKEN_NONE;
    }

    return status;
}


static social_token_status_e
ngx_http_social_auth_verify(ngx_http_social_auth_ctx_t *ctx)
{
    social_jwks_t        *jwks;
    const social_jwk_t   *jwk;
    social_algorithms_t   algorithm;

    /* what the token says of its algorithm has only to agree */

    algorithm = social_algorithm_bit(ctx->jwt.algorithm);

    if ((ctx->issuer->algorithms & algorithm) == 0) {
        return SOCIAL_TOKEN_ALGORITHM;
    }

    jwks = ngx_http_social_keys_current(ctx->issuer);

    if (jwks == NULL) {
        return ctx->waited ? SOCIAL_TOKEN_NO_KEYS : SOCIAL_TOKEN_PENDING;
    }

    jwk = social_jwks_find(jwks, ctx->jwt.kid);

    if (jwk == NULL) {
        return ctx->waited || ctx->issuer->jwks_file.len
               ? SOCIAL_TOKEN_UNKNOWN_KEY : SOCIAL_TOKEN_PENDING;
    }

    if ((jwk->algorithms & algorithm) == 0) {
        return SOCIAL_TOKEN_ALGORITHM;
    }

    switch (social_jwks_verify(jwks, jwk, ctx->jwt.algorithm, ctx->jwt.input,
                               ctx->jwt.signature))
    {
    case SOCIAL_OK:
        break;

    case SOCIAL_FAILED:
        return SOCIAL_TOKEN_FAILED;

    default:
        return SOCIAL_TOKEN_SIGNATURE;
    }

    return social_claims_check(ctx->jwt.payload, &ctx->issuer->policy,
                               ngx_time(), &ctx->claims);
}


/*
 * Never the token, nor a claim; the kid tells keys apart and is public.
 */

static void
ngx_http_social_auth_log(ngx_http_social_auth_ctx_t *ctx)
{
    u_char        *last;
    u_char         kid[6 * 64];
    ngx_log_t     *log;
    ngx_str_t      name;
    ngx_uint_t     level;
    social_str_t   s;

    log = ctx->request->connection->log;

    if (ctx->status == SOCIAL_TOKEN_OK || ctx->status == SOCIAL_TOKEN_NONE) {
        return;
    }

    ngx_http_social_from_str(&name, social_token_status_name(ctx->status));

    if (ctx->status >= SOCIAL_TOKEN_PENDING) {
        /* an outage of the keys is logged once, where they are fetched */

        level = ctx->status == SOCIAL_TOKEN_FAILED ? NGX_LOG_ERR : NGX_LOG_INFO;

        ngx_log_error(level, log, 0,
                      "social: token could not be judged: %V", &name);
        return;
    }

    s = ctx->jwt.kid;
    s.len = ngx_min(s.len, 64);
    last = social_json_escape(kid, s);

    ngx_log_error(NGX_LOG_INFO, log, 0,
                  "social: token refused: %V, kid: \"%*s\"",
                  &name, (size_t) (last - kid), kid);
}


/*
 * RFC 8693, 4.2 says "scope"; some issuers say "scp" instead.
 */

ngx_str_t *
ngx_http_social_auth_scope_claim(ngx_http_social_auth_ctx_t *ctx)
{
    static ngx_str_t  scope = ngx_string("scope");
    static ngx_str_t  scp = ngx_string("scp");

    return social_json_member(ctx->jwt.payload, ngx_http_social_view(&scope))
           ? &scope : &scp;
}


ngx_uint_t
ngx_http_social_auth_has(ngx_http_social_auth_ctx_t *ctx,
    ngx_http_social_auth_list_t *list, ngx_str_t *claim)
{
    ngx_uint_t     i, has;
    social_str_t  *values;

    values = list->values->elts;

    for (i = 0; i < list->values->nelts; i++) {

        has = social_claims_match(ctx->jwt.payload,
                                  ngx_http_social_view(claim), values[i],
                                  true);

        if (has != list->all) {
            return has;
        }
    }

    return list->all;
}
