
/*
 * Whether a token is for who reads it: the checks of its claims, by the rules
 * of its issuer, or of the resource that the location belongs to.
 */

#include "ngx_http_social_auth.h"
#include "social_resource.h"


/*
 * For a resource it is the audience that counts, in place of those that the
 * issuer's block has for all locations.  A token without any is verified by
 * the block's rules, where such tokens are accepted.
 */

social_token_status_e
ngx_http_social_auth_check_claims(ngx_http_social_auth_ctx_t *ctx, time_t now,
    social_claims_t *claims)
{
    social_rc_e              rc;
    ngx_array_t             *audiences;
    social_claims_policy_t   policy;

    policy = ctx->issuer->policy;
    audiences = ctx->issuers->audiences;

    if (audiences) {

        rc = social_resource_audience(ctx->jwt.payload, audiences->elts,
                                      audiences->nelts);

        if (rc == SOCIAL_OK) {
            policy.audience_count = 0;

        } else if (rc != SOCIAL_DECLINED || !ctx->issuers->unbound) {

            /* which the token does not have either, in its turn */

            policy.audiences = audiences->elts;
            policy.audience_count = audiences->nelts;
        }
    }

    return social_claims_check(ctx->jwt.payload, &policy, now, claims);
}
