
/*
 * What is decided about a token, step by step, by the functions that decide it
 * for a request.
 */

#include "ngx_http_social_explain.h"
#include "ngx_http_social_conf_note.h"


static ngx_uint_t ngx_http_social_explain_none(
    ngx_http_social_explain_t *explain);
static void ngx_http_social_explain_sources(
    ngx_http_social_auth_loc_conf_t *alcf);
static social_token_status_e ngx_http_social_explain_verify(
    ngx_http_social_explain_t *explain, ngx_http_social_auth_ctx_t *ctx);
static social_token_status_e ngx_http_social_explain_issuer(
    ngx_http_social_explain_t *explain, ngx_http_social_auth_ctx_t *ctx);
static social_token_status_e ngx_http_social_explain_keys(
    ngx_http_social_explain_t *explain, ngx_http_social_issuer_t *issuer,
    social_jwks_t **jwks, ngx_uint_t *owned);
static social_token_status_e ngx_http_social_explain_signature(
    ngx_http_social_auth_ctx_t *ctx, social_jwks_t *jwks);
static void ngx_http_social_explain_claims(ngx_http_social_auth_ctx_t *ctx,
    social_token_status_e status);
static social_token_status_e ngx_http_social_explain_bound(
    ngx_http_social_explain_t *explain, ngx_http_social_auth_ctx_t *ctx);
static ngx_uint_t ngx_http_social_explain_permits(
    ngx_http_social_explain_t *explain, ngx_http_social_auth_ctx_t *ctx);
static ngx_uint_t ngx_http_social_explain_list(const char *name,
    ngx_http_social_auth_ctx_t *ctx, ngx_http_social_auth_list_t *list,
    const social_claim_path_t *claim);
static ngx_uint_t ngx_http_social_explain_answer(
    ngx_http_social_explain_t *explain, social_token_status_e status);


ngx_uint_t
ngx_http_social_explain_token(ngx_http_social_explain_t *explain)
{
    ngx_uint_t                        code;
    ngx_pool_t                       *pool;
    social_str_t                      token;
    social_token_status_e             status;
    ngx_http_social_auth_ctx_t        ctx;
    ngx_http_social_auth_loc_conf_t  *alcf;

    alcf = explain->auth;

    if (alcf->issuers == NULL) {
        ngx_http_social_explain_at("social_auth", NULL, &alcf->position,
                                   "off: no token is looked at");
        ngx_http_social_explain_say("answer", "allowed");
        return NGX_HTTP_SOCIAL_EXPLAIN_ALLOWED;
    }

    ngx_http_social_explain_sources(alcf);

    token.data = explain->token.data;
    token.len = explain->token.len;

    status = social_token_from_value(token, &token);

    if (status == SOCIAL_TOKEN_OK && social_token_is_placeholder(token)) {
        status = SOCIAL_TOKEN_NONE;
    }

    if (status == SOCIAL_TOKEN_NONE) {
        return ngx_http_social_explain_none(explain);
    }

    if (status != SOCIAL_TOKEN_OK) {
        return ngx_http_social_explain_answer(explain, status);
    }

    ngx_memzero(&ctx, sizeof(ngx_http_social_auth_ctx_t));

    pool = explain->cycle->pool;

    ctx.parsed = ngx_http_social_parsed_create(token.len, pool->log);
    if (ctx.parsed == NULL) {
        return ngx_http_social_explain_answer(explain, SOCIAL_TOKEN_FAILED);
    }

    status = social_jwt_parse(token, ctx.parsed->buf, &ctx.parsed->jwt);

    if (status == SOCIAL_TOKEN_OK) {
        ctx.jwt = ctx.parsed->jwt;
        status = ngx_http_social_explain_verify(explain, &ctx);
    }

    if (status == SOCIAL_TOKEN_OK) {
        status = ngx_http_social_explain_bound(explain, &ctx);
    }

    if (status != SOCIAL_TOKEN_OK) {
        code = ngx_http_social_explain_answer(explain, status);

    } else {
        code = ngx_http_social_explain_permits(explain, &ctx);
    }

    ngx_http_social_parsed_release(ctx.parsed);

    return code;
}


static ngx_uint_t
ngx_http_social_explain_none(ngx_http_social_explain_t *explain)
{
    ngx_http_social_explain_say("token", "none");

    if (explain->auth->mode != NGX_HTTP_SOCIAL_AUTH_REQUIRED) {
        ngx_http_social_explain_at("answer", NULL, &explain->auth->position,
                                   "allowed, as anonymous: \"optional\"");
        return NGX_HTTP_SOCIAL_EXPLAIN_ALLOWED;
    }

    ngx_http_social_explain_say("answer", "401, WWW-Authenticate: %s "
                                "realm=\"api\"",
                                explain->dpop && explain->dpop->mode
                                == NGX_HTTP_SOCIAL_BINDING_REQUIRED
                                ? "DPoP" : "Bearer");

    return NGX_HTTP_SOCIAL_EXPLAIN_REFUSED;
}


static void
ngx_http_social_explain_sources(ngx_http_social_auth_loc_conf_t *alcf)
{
    size_t                          len;
    ngx_str_t                       name;
    ngx_uint_t                      i;
    u_char                          line[1024], *p;
    social_str_t                   *names;
    ngx_http_social_auth_source_t  *source;

    p = line;
    names = alcf->names->elts;

    for (i = 0; i < alcf->names->nelts; i++) {
        ngx_http_social_from_str(&name, names[i]);
        p = ngx_slprintf(p, line + sizeof(line), "%s%V", i ? " " : "", &name);
    }

    len = p - line;

    ngx_http_social_explain_at("social_auth", NULL, &alcf->position, "%*s%s",
        len, line, alcf->mode == NGX_HTTP_SOCIAL_AUTH_OPTIONAL ? " optional"
                   : alcf->mode == NGX_HTTP_SOCIAL_AUTH_LENIENT
                     ? " optional=lenient" : "");

    if (alcf->sources == NULL) {
        return;
    }

    p = line;
    source = alcf->sources->elts;

    for (i = 0; i < alcf->sources->nelts; i++) {
        p = ngx_slprintf(p, line + sizeof(line), "%s%s%V", i ? " " : "",
                source[i].kind == NGX_HTTP_SOCIAL_AUTH_NAMED ? "" : "$",
                &source[i].name);
    }

    ngx_http_social_explain_at("social_auth_token", alcf->sources, NULL,
                               "%*s", (size_t) (p - line), line);
}


/*
 * The order of ngx_http_social_auth_verify_token(): each block of the token's
 * issuer is tried, and what says most is answered.
 */

static social_token_status_e
ngx_http_social_explain_verify(ngx_http_social_explain_t *explain,
    ngx_http_social_auth_ctx_t *ctx)
{
    ngx_uint_t                  i;
    ngx_array_t                *list;
    social_token_status_e       status, found;
    ngx_http_social_issuer_t  **issuer, *best;

    ngx_http_social_explain_claim(ctx->jwt.header, "alg");
    ngx_http_social_explain_claim(ctx->jwt.header, "kid");
    ngx_http_social_explain_claim(ctx->jwt.header, "typ");
    ngx_http_social_explain_claim(ctx->jwt.payload, "iss");

    ctx->issuers = explain->auth->issuers;
    list = &ctx->issuers->list;
    issuer = list->elts;

    status = SOCIAL_TOKEN_ISSUER;
    best = NULL;

    for (i = 0; i < list->nelts; i++) {

        if (!social_str_eq(ctx->jwt.issuer,
                           ngx_http_social_view(&issuer[i]->issuer)))
        {
            continue;
        }

        ctx->issuer = issuer[i];

        found = ngx_http_social_explain_issuer(explain, ctx);

        if (found == SOCIAL_TOKEN_OK) {
            return found;
        }

        if (best == NULL || found > status) {
            status = found;
            best = issuer[i];
        }
    }

    if (best == NULL) {

        for (i = 0; i < list->nelts; i++) {
            ngx_http_social_explain_at("social_issuer", NULL,
                                       &issuer[i]->position,
                                       "%V: its tokens have iss \"%V\"",
                                       &issuer[i]->name, &issuer[i]->issuer);
        }
    }

    return status;
}


static social_token_status_e
ngx_http_social_explain_issuer(ngx_http_social_explain_t *explain,
    ngx_http_social_auth_ctx_t *ctx)
{
    ngx_uint_t                 owned;
    social_jwks_t             *jwks;
    social_token_status_e      status;
    ngx_http_social_issuer_t  *issuer, *of;

    issuer = ctx->issuer;
    of = issuer->original ? issuer->original : issuer;

    ngx_http_social_explain_at("social_issuer", NULL, &of->position, "%V",
                               &issuer->name);

    if ((issuer->algorithms & social_algorithm_bit(ctx->jwt.algorithm)) == 0) {
        ngx_http_social_explain_at("algorithms", of, &of->position,
                                   "do not have that of the token");
        return SOCIAL_TOKEN_ALGORITHM;
    }

    if (!social_jwt_type_accepted(ctx->jwt.type,
                                  ngx_http_social_view(&issuer->token_type)))
    {
        ngx_http_social_explain_at("token_type", &of->token_type,
                                   &of->position, "is not that of the token");
        return SOCIAL_TOKEN_USE;
    }

    status = ngx_http_social_explain_keys(explain, issuer, &jwks, &owned);

    if (status != SOCIAL_TOKEN_OK) {
        return status;
    }

    status = ngx_http_social_explain_signature(ctx, jwks);

    if (status == SOCIAL_TOKEN_OK) {
        status = ngx_http_social_auth_check_claims(ctx, ngx_time(),
                                                   &ctx->claims);

        ngx_http_social_explain_claims(ctx, status);
    }

    if (owned) {
        social_jwks_free(jwks);
    }

    return status;
}


/*
 * Keys of a file are those of the configuration; others are fetched now.
 */

static social_token_status_e
ngx_http_social_explain_keys(ngx_http_social_explain_t *explain,
    ngx_http_social_issuer_t *issuer, social_jwks_t **jwks, ngx_uint_t *owned)
{
    ngx_uint_t                    n;
    const char                   *why;
    social_rc_e                   rc;
    social_str_t                  text;
    ngx_http_social_issuer_t     *of;
    ngx_http_social_keys_task_t  *task;

    *owned = 0;
    of = issuer->original ? issuer->original : issuer;

    if (issuer->jwks_file.len) {

        *jwks = ngx_http_social_keys_current(issuer);

        if (*jwks == NULL) {
            return SOCIAL_TOKEN_NO_KEYS;
        }

        n = (*jwks)->count;
        ngx_http_social_explain_at("keys", &of->jwks_file, &of->position,
                                   "%ui in \"%V\"", n, &issuer->jwks_file);

        return SOCIAL_TOKEN_OK;
    }

    task = ngx_pcalloc(explain->cycle->pool,
                       sizeof(ngx_http_social_keys_task_t));

    if (task == NULL
        || ngx_http_social_keys_task_init(task, issuer, explain->cycle->pool)
           != NGX_OK)
    {
        return SOCIAL_TOKEN_FAILED;
    }

    ngx_http_social_keys_task_thread(task, explain->cycle->log);

    if (task->rc != SOCIAL_OK) {
        ngx_http_social_explain_at("keys", &of->jwks_uri, &of->position,
                                   "could not be fetched from %s: %s",
                                   task->fetch.url, task->answer.error);
        free(task->answer.body);
        return SOCIAL_TOKEN_NO_KEYS;
    }

    text.data = task->answer.body;
    text.len = task->answer.len;

    rc = social_jwks_parse(text, issuer->algorithms, issuer->max_keys, jwks,
                           &why);

    free(task->answer.body);

    if (rc != SOCIAL_OK) {
        return SOCIAL_TOKEN_NO_KEYS;
    }

    *owned = 1;

    n = (*jwks)->count;
    ngx_http_social_explain_at("keys", &of->jwks_uri, &of->position,
                               "%ui fetched from %s", n, task->fetch.url);

    return SOCIAL_TOKEN_OK;
}


static social_token_status_e
ngx_http_social_explain_signature(ngx_http_social_auth_ctx_t *ctx,
    social_jwks_t *jwks)
{
    const social_jwk_t  *jwk;

    jwk = social_jwks_find(jwks, ctx->jwt.kid, ctx->jwt.algorithm);

    if (jwk == NULL) {
        ngx_http_social_explain_say("key", "none has that kid%s",
                                    ctx->jwt.kid.len
                                    ? "" : ", or several are for the alg");
        return SOCIAL_TOKEN_UNKNOWN_KEY;
    }

    if ((jwk->algorithms & social_algorithm_bit(ctx->jwt.algorithm)) == 0) {
        ngx_http_social_explain_say("key", "it is for another alg");
        return SOCIAL_TOKEN_ALGORITHM;
    }

    switch (social_jwks_verify(jwks, jwk, ctx->jwt.algorithm, ctx->jwt.input,
                               ctx->jwt.signature))
    {
    case SOCIAL_OK:
        ngx_http_social_explain_say("signature", "good");
        return SOCIAL_TOKEN_OK;

    case SOCIAL_FAILED:
        return SOCIAL_TOKEN_FAILED;

    default:
        ngx_http_social_explain_say("signature", "wrong");
        return SOCIAL_TOKEN_SIGNATURE;
    }
}


/*
 * What was compared, and with which line, where that refuses the token.
 */

static void
ngx_http_social_explain_claims(ngx_http_social_auth_ctx_t *ctx,
    social_token_status_e status)
{
    ngx_http_social_issuer_t  *of;

    of = ctx->issuer->original ? ctx->issuer->original : ctx->issuer;

    ngx_http_social_explain_claim(ctx->jwt.payload, "sub");
    ngx_http_social_explain_time(ctx->jwt.payload, "exp");

    switch (status) {

    case SOCIAL_TOKEN_CLAIMS:
        ngx_http_social_explain_claim(ctx->jwt.payload, "jti");
        ngx_http_social_explain_claim(ctx->jwt.payload, "aud");
        ngx_http_social_explain_say("claims", "one is missing, or of another "
                                    "type than it must be");
        break;

    case SOCIAL_TOKEN_NOT_YET_VALID:
        ngx_http_social_explain_time(ctx->jwt.payload, "nbf");
        ngx_http_social_explain_time(ctx->jwt.payload, "iat");
        /* fall through */

    case SOCIAL_TOKEN_EXPIRED:
        ngx_http_social_explain_at("leeway", &of->leeway, &of->position,
                                   "%T s", ctx->issuer->leeway);
        break;

    case SOCIAL_TOKEN_USE:
        ngx_http_social_explain_claim(ctx->jwt.payload, "token_use");
        ngx_http_social_explain_at("token_use", &of->token_use,
                                   &of->position, "is another one");
        break;

    case SOCIAL_TOKEN_CLIENT:
        if (ctx->issuer->policy.client) {
            ngx_http_social_explain_path(ctx->jwt.payload,
                                         ctx->issuer->policy.client);

        } else {
            ngx_http_social_explain_claim(ctx->jwt.payload, "client_id");
            ngx_http_social_explain_claim(ctx->jwt.payload, "aud");
        }

        ngx_http_social_explain_at("client_ids", &of->client_ids,
                                   &of->position, "do not have it");
        break;

    case SOCIAL_TOKEN_AUDIENCE:
        ngx_http_social_explain_claim(ctx->jwt.payload, "aud");

        if (ctx->issuers->audiences) {
            ngx_http_social_explain_say("social_resource", "is not one of it");
            break;
        }

        ngx_http_social_explain_at("audiences", &of->audiences,
                                   &of->position, "do not have it");
        break;

    default:
        break;
    }
}


/*
 * As ngx_http_social_binding_check(), of a client that has what the token is
 * bound to: whether it has cannot be said here.
 */

static social_token_status_e
ngx_http_social_explain_bound(ngx_http_social_explain_t *explain,
    ngx_http_social_auth_ctx_t *ctx)
{
    social_confirmation_t  confirmation;

    if (explain->dpop == NULL && explain->mtls == NULL) {
        return SOCIAL_TOKEN_OK;
    }

    if (social_confirmation(ctx->jwt.payload, &confirmation) != SOCIAL_OK) {
        ngx_http_social_explain_say("cnf", "malformed");
        return SOCIAL_TOKEN_BINDING;
    }

    if (explain->mtls && confirmation.certificate) {
        ngx_http_social_explain_say("social_auth_mtls", "the token is bound: "
                                    "it needs the client's certificate");

    } else if (explain->mtls && explain->mtls->mode
                                == NGX_HTTP_SOCIAL_BINDING_REQUIRED)
    {
        ngx_http_social_explain_say("social_auth_mtls", "required: the token "
                                    "is not bound to a certificate");
        return SOCIAL_TOKEN_BINDING;
    }

    if (explain->dpop && confirmation.key) {
        ngx_http_social_explain_say("social_auth_dpop", "the token is bound: "
                                    "it needs \"Authorization: DPoP\", and a "
                                    "proof");

    } else if (explain->dpop && explain->dpop->mode
                                == NGX_HTTP_SOCIAL_BINDING_REQUIRED)
    {
        ngx_http_social_explain_say("social_auth_dpop", "required: the token "
                                    "is not bound to a key");
        return SOCIAL_TOKEN_BINDING;
    }

    return SOCIAL_TOKEN_OK;
}


static ngx_uint_t
ngx_http_social_explain_permits(ngx_http_social_explain_t *explain,
    ngx_http_social_auth_ctx_t *ctx)
{
    ngx_str_t                         name;
    ngx_uint_t                        i, lacks;
    ngx_array_t                       one;
    ngx_http_social_auth_claim_t     *claim;
    ngx_http_social_auth_loc_conf_t  *alcf;

    alcf = explain->auth;

    lacks = ngx_http_social_explain_list("social_auth_scopes", ctx,
                &alcf->scopes, ngx_http_social_auth_scope_claim(ctx));

    lacks |= ngx_http_social_explain_list("social_auth_groups", ctx,
                &alcf->groups, ngx_http_social_auth_groups_claim(ctx, alcf));

    if (alcf->claims) {

        claim = alcf->claims->elts;

        for (i = 0; i < alcf->claims->nelts; i++) {

            ngx_memzero(&one, sizeof(ngx_array_t));
            one.elts = &claim[i];
            one.nelts = 1;

            if (!ngx_http_social_auth_has_claims(ctx, &one)) {
                lacks = 1;
                ngx_http_social_explain_path(ctx->jwt.payload, claim[i].path);
                ngx_http_social_from_str(&name, claim[i].path->text);
                ngx_http_social_explain_at("social_auth_claim",
                                           claim[i].values, NULL,
                                           "%V: it is not one of these",
                                           &name);
            }
        }
    }

    if (alcf->subject && ctx->claims.subject.len == 0) {
        lacks = 1;
        ngx_http_social_explain_say("sub", "the location needs a subject");
    }

    if (lacks) {
        ngx_http_social_explain_say("answer", "403, error="
                                    "\"insufficient_scope\"");
        return NGX_HTTP_SOCIAL_EXPLAIN_REFUSED;
    }

    ngx_http_social_explain_say("answer", "allowed, unless its session was "
                                "ended, or other directives refuse it");

    return NGX_HTTP_SOCIAL_EXPLAIN_ALLOWED;
}


static ngx_uint_t
ngx_http_social_explain_list(const char *name,
    ngx_http_social_auth_ctx_t *ctx, ngx_http_social_auth_list_t *list,
    const social_claim_path_t *claim)
{
    if (list->values == NULL || ngx_http_social_auth_has(ctx, list, claim)) {
        return 0;
    }

    ngx_http_social_explain_path(ctx->jwt.payload, claim);
    ngx_http_social_explain_at(name, list->values, NULL,
                               list->all ? "the token does not have all"
                                         : "the token has none");

    return 1;
}


static ngx_uint_t
ngx_http_social_explain_answer(ngx_http_social_explain_t *explain,
    social_token_status_e status)
{
    ngx_str_t  name, text;

    ngx_http_social_from_str(&name, social_token_status_name(status));
    ngx_http_social_from_str(&text, social_token_status_text(status));

    if (status >= SOCIAL_TOKEN_PENDING) {
        ngx_http_social_explain_say("answer", "%s: %V",
                                    status == SOCIAL_TOKEN_FAILED ? "500"
                                                                  : "503",
                                    &name);
        return NGX_HTTP_SOCIAL_EXPLAIN_UNKNOWN;
    }

    if (explain->auth->mode == NGX_HTTP_SOCIAL_AUTH_LENIENT) {
        ngx_http_social_explain_at("answer", NULL, &explain->auth->position,
                                   "allowed, as anonymous: "
                                   "\"optional=lenient\" (%V: %V)",
                                   &name, &text);
        return NGX_HTTP_SOCIAL_EXPLAIN_ALLOWED;
    }

    ngx_http_social_explain_say("answer", "401, %V: %V", &name, &text);

    return NGX_HTTP_SOCIAL_EXPLAIN_REFUSED;
}
