
/*
 * Which claims of a verified token the identity is read from, and whether it
 * has those that a location requires.
 */

#include "ngx_http_social_auth.h"
#include "ngx_http_social_reply.h"


static ngx_uint_t ngx_http_social_auth_names(ngx_str_t *text, ngx_str_t *name);


ngx_int_t
ngx_http_social_auth_person(ngx_http_request_t *r,
    ngx_http_social_auth_ctx_t **identity)
{
    ngx_http_social_auth_loc_conf_t  *alcf;

    switch (ngx_http_social_auth_identity(r, identity)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:

        /* as with "satisfy any", where the address was sufficient */

        return ngx_http_social_reply_unauthorized(r);

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_social_auth_module);

    if (alcf->subject && (*identity)->claims.subject.len == 0) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "social: token lacks a subject");
        return NGX_HTTP_FORBIDDEN;
    }

    return NGX_OK;
}


void
ngx_http_social_auth_need_subject(ngx_conf_t *cf)
{
    ngx_http_social_auth_loc_conf_t  *alcf;

    alcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_social_auth_module);

    alcf->subject = 1;
}


ngx_uint_t
ngx_http_social_auth_names_subject(ngx_str_t *text)
{
    ngx_uint_t  i;

    static ngx_str_t  names[] = {
        ngx_string("social_sub"),
        ngx_string("social_user_key")
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (ngx_http_social_auth_names(text, &names[i])) {
            return 1;
        }
    }

    return 0;
}


/*
 * "$social_sub" and "${social_sub}", but not "$social_sub_hash"; nginx knows
 * variables without regard to case.
 */

static ngx_uint_t
ngx_http_social_auth_names(ngx_str_t *text, ngx_str_t *name)
{
    u_char  *p, *last;

    p = text->data;
    last = text->data + text->len;

    for ( ;; ) {

        p = ngx_strlcasestrn(p, last, name->data, name->len - 1);

        if (p == NULL) {
            return 0;
        }

        if (p > text->data && (p[-1] == '$' || p[-1] == '{')) {

            p += name->len;

            if (p == last
                || !((*p >= '0' && *p <= '9') || *p == '_'
                     || ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z')))
            {
                return 1;
            }

        } else {
            p += name->len;
        }
    }
}


/*
 * RFC 8693, 4.2 says "scope"; some issuers say "scp" instead.
 */

const social_claim_path_t *
ngx_http_social_auth_scope_claim(ngx_http_social_auth_ctx_t *ctx)
{
    static const social_claim_path_t  scope = social_claim_path_words("scope");
    static const social_claim_path_t  scp = social_claim_path_words("scp");

    if (ctx->issuer->scope_claim) {
        return ctx->issuer->scope_claim;
    }

    return social_claim_find(ctx->jwt.payload, &scope) ? &scope : &scp;
}


const social_claim_path_t *
ngx_http_social_auth_groups_claim(ngx_http_social_auth_ctx_t *ctx,
    ngx_http_social_auth_loc_conf_t *alcf)
{
    static const social_claim_path_t  groups =
                                          social_claim_path("cognito:groups");

    if (alcf->groups_claim) {
        return alcf->groups_claim;
    }

    return ctx->issuer->groups_claim ? ctx->issuer->groups_claim : &groups;
}


ngx_uint_t
ngx_http_social_auth_has(ngx_http_social_auth_ctx_t *ctx,
    ngx_http_social_auth_list_t *list, const social_claim_path_t *claim)
{
    ngx_uint_t     i, has;
    social_str_t  *values;

    values = list->values->elts;

    for (i = 0; i < list->values->nelts; i++) {

        has = social_claims_match(ctx->jwt.payload, claim, values[i]);

        if (has != list->all) {
            return has;
        }
    }

    return list->all;
}


ngx_uint_t
ngx_http_social_auth_has_claims(ngx_http_social_auth_ctx_t *ctx,
    ngx_array_t *claims)
{
    ngx_uint_t                     i, j;
    social_str_t                  *values;
    ngx_http_social_auth_claim_t  *claim;

    claim = claims->elts;

    for (i = 0; i < claims->nelts; i++) {

        values = claim[i].values->elts;

        for (j = 0; j < claim[i].values->nelts; j++) {
            if (social_claims_holds(ctx->jwt.payload, claim[i].path,
                                    values[j]))
            {
                break;
            }
        }

        if (j == claim[i].values->nelts) {
            return 0;
        }
    }

    return 1;
}
