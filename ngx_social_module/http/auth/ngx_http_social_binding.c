
/*
 * Whether a client has what its token is bound to.
 */

#include "ngx_http_social_binding.h"


static ngx_int_t ngx_http_social_binding_certificate(ngx_http_request_t *r,
    ngx_http_social_mtls_t *mtls, const social_confirmation_t *confirmation);


void
ngx_http_social_binding_begin(ngx_http_social_auth_ctx_t *ctx)
{
    ctx->dpop = ngx_http_social_dpop(ctx->request);
    ctx->mtls = ngx_http_social_mtls(ctx->request);
    ctx->proof = SOCIAL_DPOP_OK;
    ctx->by_dpop = 0;
}


ngx_uint_t
ngx_http_social_binding_same(ngx_http_social_auth_ctx_t *ctx)
{
    return ctx->dpop == ngx_http_social_dpop(ctx->request)
           && ctx->mtls == ngx_http_social_mtls(ctx->request);
}


ngx_uint_t
ngx_http_social_binding_used(ngx_http_social_auth_ctx_t *ctx)
{
    return ctx->dpop != NULL || ctx->mtls != NULL;
}


/*
 * A bound token that comes without what it is bound to may be a stolen one:
 * it is refused even where others need not be bound (RFC 9449, 7.1 and 11.10).
 */

social_token_status_e
ngx_http_social_binding_check(ngx_http_social_auth_ctx_t *ctx)
{
    ngx_http_social_dpop_t  *dpop;
    ngx_http_social_mtls_t  *mtls;
    social_confirmation_t    confirmation;

    dpop = ctx->dpop;
    mtls = ctx->mtls;

    if (social_confirmation(ctx->jwt.payload, &confirmation) != SOCIAL_OK) {
        return SOCIAL_TOKEN_BINDING;
    }

    if (mtls != NULL) {

        switch (ngx_http_social_binding_certificate(ctx->request, mtls,
                                                    &confirmation))
        {
        case NGX_OK:
            break;

        case NGX_DECLINED:
            return SOCIAL_TOKEN_BINDING;

        default:
            return SOCIAL_TOKEN_FAILED;
        }
    }

    if (dpop == NULL) {
        return SOCIAL_TOKEN_OK;
    }

    if (confirmation.key != ctx->by_dpop) {

        /* a bound one as a bearer's, or one of a bearer by "DPoP" */

        return SOCIAL_TOKEN_BINDING;
    }

    if (confirmation.key) {
        return ngx_http_social_dpop_check(ctx, dpop, confirmation.jkt);
    }

    return dpop->mode == NGX_HTTP_SOCIAL_BINDING_REQUIRED
           ? SOCIAL_TOKEN_BINDING : SOCIAL_TOKEN_OK;
}


static ngx_int_t
ngx_http_social_binding_certificate(ngx_http_request_t *r,
    ngx_http_social_mtls_t *mtls, const social_confirmation_t *confirmation)
{
    u_char     digest[SOCIAL_SHA256_SIZE];
    ngx_int_t  rc;

    if (!confirmation->certificate) {
        return mtls->mode == NGX_HTTP_SOCIAL_BINDING_REQUIRED ? NGX_DECLINED
                                                              : NGX_OK;
    }

    rc = ngx_http_social_mtls_digest(r, mtls, digest);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_memcmp(digest, confirmation->x5t, sizeof(digest)) == 0
           ? NGX_OK : NGX_DECLINED;
}


const char *
ngx_http_social_binding_error(social_token_status_e status)
{
    switch (status) {

    case SOCIAL_TOKEN_PROOF:
        return "invalid_dpop_proof";

    case SOCIAL_TOKEN_NONCE:
        return "use_dpop_nonce";

    default:
        return "invalid_token";
    }
}


social_str_t
ngx_http_social_binding_text(ngx_http_request_t *r,
    social_token_status_e status)
{
    ngx_http_social_auth_ctx_t  *ctx;

    ctx = ngx_http_social_get_ctx(r, &ngx_http_social_auth_module);

    if (ctx != NULL && ctx->status == status && ctx->proof != SOCIAL_DPOP_OK) {
        return social_dpop_status_text(ctx->proof);
    }

    return social_token_status_text(status);
}
