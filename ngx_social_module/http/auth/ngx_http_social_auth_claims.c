
/*
 * Which claims of a verified token the identity is read from, and whether it
 * has those that a location requires.
 */

#include "ngx_http_social_auth.h"


ngx_str_t *
ngx_http_social_auth_username_claim(ngx_http_social_auth_ctx_t *ctx)
{
    static ngx_str_t  access = ngx_string("username");
    static ngx_str_t  id = ngx_string("cognito:username");

    return social_json_present(ctx->jwt.payload, ngx_http_social_view(&access))
           ? &access : &id;
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
            if (social_claims_holds(ctx->jwt.payload,
                                    ngx_http_social_view(&claim[i].name),
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
