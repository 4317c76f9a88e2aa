
/*
 * $social_sub and the others: verified on first read, in whichever phase that
 * is, at once and in this process whatever the algorithm, since a read cannot
 * wait.  Before PREACCESS they never wait for a key either: they are empty
 * then, and the request, which may have been processed by that, is answered
 * with 503.
 */

#include "ngx_http_social_auth.h"


typedef enum {
    NGX_HTTP_SOCIAL_VARIABLE_SUB,
    NGX_HTTP_SOCIAL_VARIABLE_USER_KEY,
    NGX_HTTP_SOCIAL_VARIABLE_USERNAME,
    NGX_HTTP_SOCIAL_VARIABLE_GROUPS,
    NGX_HTTP_SOCIAL_VARIABLE_SCOPES,
    NGX_HTTP_SOCIAL_VARIABLE_CLIENT,
    NGX_HTTP_SOCIAL_VARIABLE_ISSUER,
    NGX_HTTP_SOCIAL_VARIABLE_KID,
    NGX_HTTP_SOCIAL_VARIABLE_EXP,
    NGX_HTTP_SOCIAL_VARIABLE_CLAIMS
} ngx_http_social_variable_e;


static ngx_http_social_auth_ctx_t *ngx_http_social_auth_verdict(
    ngx_http_request_t *r);
static void ngx_http_social_auth_read_early(ngx_http_social_auth_ctx_t *ctx);
static ngx_int_t ngx_http_social_auth_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_social_auth_variable_text(
    ngx_http_social_auth_ctx_t *ctx, ngx_uint_t variable, ngx_str_t *text);
static ngx_int_t ngx_http_social_auth_user_key(ngx_http_social_auth_ctx_t *ctx,
    ngx_str_t *text);
static ngx_int_t ngx_http_social_auth_claim_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_social_auth_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_social_auth_json_text(ngx_http_request_t *r,
    const social_json_t *json, u_char separator, ngx_str_t *text);
static void ngx_http_social_auth_set_value(ngx_http_variable_value_t *v,
    ngx_str_t *text);


static ngx_http_variable_t  ngx_http_social_auth_variables[] = {

    { ngx_string("social_sub"), NULL, ngx_http_social_auth_variable,
      NGX_HTTP_SOCIAL_VARIABLE_SUB, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("social_user_key"), NULL, ngx_http_social_auth_variable,
      NGX_HTTP_SOCIAL_VARIABLE_USER_KEY, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("social_username"), NULL, ngx_http_social_auth_variable,
      NGX_HTTP_SOCIAL_VARIABLE_USERNAME, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("social_groups"), NULL, ngx_http_social_auth_variable,
      NGX_HTTP_SOCIAL_VARIABLE_GROUPS, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("social_scopes"), NULL, ngx_http_social_auth_variable,
      NGX_HTTP_SOCIAL_VARIABLE_SCOPES, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("social_client"), NULL, ngx_http_social_auth_variable,
      NGX_HTTP_SOCIAL_VARIABLE_CLIENT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("social_issuer"), NULL, ngx_http_social_auth_variable,
      NGX_HTTP_SOCIAL_VARIABLE_ISSUER, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("social_kid"), NULL, ngx_http_social_auth_variable,
      NGX_HTTP_SOCIAL_VARIABLE_KID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("social_exp"), NULL, ngx_http_social_auth_variable,
      NGX_HTTP_SOCIAL_VARIABLE_EXP, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("social_claims"), NULL, ngx_http_social_auth_variable,
      NGX_HTTP_SOCIAL_VARIABLE_CLAIMS, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("social_auth_status"), NULL,
      ngx_http_social_auth_status_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("social_claim_"), NULL, ngx_http_social_auth_claim_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_PREFIX, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_social_auth_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_social_auth_variables; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


/*
 * The existing verdict, or one by the issuers of the request's location; NULL
 * if there are none.
 */

static ngx_http_social_auth_ctx_t *
ngx_http_social_auth_verdict(ngx_http_request_t *r)
{
    ngx_http_social_auth_ctx_t       *ctx;
    ngx_http_social_auth_loc_conf_t  *alcf, *own;

    own = ngx_http_get_module_loc_conf(r, ngx_http_social_auth_module);

    r = ngx_http_social_auth_request(r);

    ctx = ngx_http_social_get_ctx(r, &ngx_http_social_auth_module);

    if (ctx && ctx->taking) {
        /* evaluated for a variable that is a token source */
        return NULL;
    }

    if (ctx && ctx->overdue && own->late == 0) {
        /* what has expired counts for a logout only */
        return NULL;
    }

    if (ctx == NULL || !ctx->verified) {

        alcf = ngx_http_get_module_loc_conf(r, ngx_http_social_auth_module);

        if (alcf->issuers == NULL) {
            return ctx && ctx->status == SOCIAL_TOKEN_UNVERIFIED ? ctx : NULL;
        }

        ctx = ngx_http_social_auth_verify(r, alcf,
                                          ngx_http_social_auth_read_how(r));

        if (ctx == NULL) {
            return NULL;
        }
    }

    /* PREACCESS has waited, but for another issuer of the name, maybe */

    if (ctx->status == SOCIAL_TOKEN_PENDING
        || (ctx->status > SOCIAL_TOKEN_PENDING && !ctx->settled))
    {
        ngx_http_social_auth_read_early(ctx);
    }

    return ctx;
}


/*
 * The token could not be verified, and the request did not wait for the keys:
 * no answer may be made with the empty value.  An error is the same for all
 * clients, and after its header is sent nothing can go wrong.
 */

static void
ngx_http_social_auth_read_early(ngx_http_social_auth_ctx_t *ctx)
{
    ngx_http_request_t  *r;

    r = ctx->request;

    if (r->header_sent || r->headers_out.status >= NGX_HTTP_BAD_REQUEST) {
        return;
    }

    while (ctx->status == SOCIAL_TOKEN_PENDING
           && !ctx->waiting
           && ngx_http_social_keys_ask(ctx->issuer) != NGX_AGAIN)
    {
        /* requested a moment ago: there is nothing to wait for */

        ngx_http_social_auth_give_up(ctx);
        ngx_http_social_auth_verify_again(ctx, NGX_HTTP_SOCIAL_AUTH_NOW);

        if (ctx->status < SOCIAL_TOKEN_PENDING) {
            return;
        }
    }

    ctx->pending = 1;
}


static ngx_int_t
ngx_http_social_auth_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                    text;
    ngx_http_social_auth_ctx_t  *ctx;

    ctx = ngx_http_social_auth_verdict(r);

    if (ctx == NULL || !ctx->verified || ctx->status != SOCIAL_TOKEN_OK) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (ngx_http_social_auth_load(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_social_auth_variable_text(ctx, data, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_social_auth_set_value(v, &text);

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_auth_variable_text(ngx_http_social_auth_ctx_t *ctx,
    ngx_uint_t variable, ngx_str_t *text)
{
    ngx_http_request_t               *r;
    ngx_http_social_parsed_texts_t   *texts;
    ngx_http_social_auth_loc_conf_t  *alcf;

    r = ctx->request;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_social_auth_module);

    texts = ngx_http_social_auth_texts(ctx,
                               ngx_http_social_auth_groups_claim(ctx, alcf));
    if (texts == NULL) {
        return NGX_ERROR;
    }

    switch (variable) {

    case NGX_HTTP_SOCIAL_VARIABLE_SUB:
        *text = texts->subject;
        return NGX_OK;

    case NGX_HTTP_SOCIAL_VARIABLE_USER_KEY:
        return ngx_http_social_auth_user_key(ctx, text);

    case NGX_HTTP_SOCIAL_VARIABLE_USERNAME:
        *text = texts->username;
        return NGX_OK;

    case NGX_HTTP_SOCIAL_VARIABLE_GROUPS:
        *text = texts->groups;
        return NGX_OK;

    case NGX_HTTP_SOCIAL_VARIABLE_SCOPES:
        *text = texts->scopes;
        return NGX_OK;

    case NGX_HTTP_SOCIAL_VARIABLE_CLIENT:
        *text = texts->client;
        return NGX_OK;

    case NGX_HTTP_SOCIAL_VARIABLE_ISSUER:
        *text = ctx->issuer->identity;
        return NGX_OK;

    case NGX_HTTP_SOCIAL_VARIABLE_KID:
        ngx_http_social_from_str(text, ctx->jwt.kid);
        return NGX_OK;

    case NGX_HTTP_SOCIAL_VARIABLE_EXP:
        text->data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
        if (text->data == NULL) {
            return NGX_ERROR;
        }

        text->len = ngx_sprintf(text->data, "%L", ctx->claims.expires)
                    - text->data;
        return NGX_OK;

    default: /* NGX_HTTP_SOCIAL_VARIABLE_CLAIMS */
        return ngx_http_social_auth_json_text(r, ctx->jwt.payload, ',', text);
    }
}


/*
 * What names issuer and subject, as hexadecimal digits: it has no byte that
 * would have to be escaped anywhere, is of one length, and SQL makes the same
 * by social_subject_id().
 */

static ngx_int_t
ngx_http_social_auth_user_key(ngx_http_social_auth_ctx_t *ctx,
    ngx_str_t *text)
{
    const u_char  *id;

    ngx_str_null(text);

    /* clients without a subject are not one user */

    if (ctx->claims.subject.len == 0) {
        return NGX_OK;
    }

    if (ngx_http_social_auth_subject(ctx, &id) != NGX_OK) {
        return NGX_ERROR;
    }

    text->data = ngx_pnalloc(ctx->request->pool, 2 * SOCIAL_SESSION_ID_SIZE);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    text->len = ngx_hex_dump(text->data, (u_char *) id, SOCIAL_SESSION_ID_SIZE)
                - text->data;

    return NGX_OK;
}


/*
 * The name of the claim is what follows "social_claim_": in its original case,
 * if nginx kept it, else folded, since most of the bytes in "cognito:groups"
 * and the like cannot stand in the name of a variable; nor can what separates
 * the names of a path.
 */

static ngx_int_t
ngx_http_social_auth_claim_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                   *name = (ngx_str_t *) data;
    ngx_str_t                    text;
    social_str_t                 claim;
    const social_json_t         *json;
    ngx_http_social_auth_ctx_t  *ctx;

    ctx = ngx_http_social_auth_verdict(r);

    if (ctx == NULL || !ctx->verified || ctx->status != SOCIAL_TOKEN_OK) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (ngx_http_social_auth_load(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    claim.data = name->data + sizeof("social_claim_") - 1;
    claim.len = name->len - (sizeof("social_claim_") - 1);

    json = social_json_member(ctx->jwt.payload, claim);

    if (json == NULL) {
        json = social_claim_find_folded(ctx->jwt.payload, claim);
    }

    if (json == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (ngx_http_social_auth_json_text(ctx->request, json, ',', &text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_social_auth_set_value(v, &text);

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_auth_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                    text;
    ngx_http_social_auth_ctx_t  *ctx;

    ctx = ngx_http_social_auth_verdict(r);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_social_from_str(&text, social_token_status_name(ctx->status));
    ngx_http_social_auth_set_value(v, &text);

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_auth_json_text(ngx_http_request_t *r,
    const social_json_t *json, u_char separator, ngx_str_t *text)
{
    text->len = social_claims_write(json, separator, NULL, 0);
    text->data = NULL;

    if (text->len == 0) {
        return NGX_OK;
    }

    text->data = ngx_pnalloc(r->pool, text->len);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    (void) social_claims_write(json, separator, text->data, text->len);

    return NGX_OK;
}


static void
ngx_http_social_auth_set_value(ngx_http_variable_value_t *v, ngx_str_t *text)
{
    v->len = text->len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = text->data;
}
