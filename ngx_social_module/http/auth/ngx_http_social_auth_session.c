
/*
 * Whether the sessions of a verified token were ended.
 */

#include "ngx_http_social_auth.h"
#include "ngx_http_social_revocation.h"

_Static_assert(SOCIAL_TOKEN_MARKS == SOCIAL_REVOCATIONS_MARKS,
               "a cached verdict has all marks of a token");


/*
 * The epoch is read before the set is asked: a session that is revoked
 * meanwhile is checked again at the next request.
 */

social_token_status_e
ngx_http_social_auth_session(ngx_http_social_auth_ctx_t *ctx)
{
    social_session_t         session;
    social_revocations_t    *set;
    social_token_verdict_t  *verdict;

    verdict = &ctx->cached.verdict;
    verdict->epoch = 0;
    ngx_memzero(verdict->marks, sizeof(verdict->marks));

    set = ngx_http_social_revocations(ctx->request);

    if (set == NULL) {
        return SOCIAL_TOKEN_OK;
    }

    if (ngx_http_social_auth_sessions(ctx, &session) != NGX_OK) {
        return SOCIAL_TOKEN_FAILED;
    }

    social_session_marks(&session, verdict->marks);

    verdict->epoch = social_revocations_epoch(set);

    if (social_session_revoked(&session, set, ngx_time())) {
        return SOCIAL_TOKEN_REVOKED;
    }

    return ngx_http_social_revocations_missing(ctx->request)
           ? SOCIAL_TOKEN_NO_REVOCATIONS : SOCIAL_TOKEN_OK;
}


/*
 * By all but the time the token is a good one: it is verified for the last
 * second in which it was.  Nothing of it is cached.
 */

social_token_status_e
ngx_http_social_auth_late(ngx_http_social_auth_ctx_t *ctx)
{
    bool                   lasts;
    int64_t                last;
    social_session_t       session;
    social_token_status_e  status;

    last = ctx->claims.expires + ctx->issuer->policy.leeway - 1;

    if (ngx_time() - last > ctx->late) {
        return SOCIAL_TOKEN_EXPIRED;
    }

    status = ngx_http_social_auth_check_claims(ctx, (time_t) last,
                                               &ctx->claims);

    if (status != SOCIAL_TOKEN_OK) {
        return status;
    }

    if (ngx_http_social_auth_sessions(ctx, &session) != NGX_OK) {
        return SOCIAL_TOKEN_FAILED;
    }

    (void) social_session_ends(&session, &lasts);

    if (!lasts) {
        return SOCIAL_TOKEN_EXPIRED;
    }

    ctx->verified_at = (time_t) last;
    ctx->parsed->claims = ctx->claims;
    ctx->overdue = 1;

    return ngx_http_social_auth_session(ctx);
}


ngx_int_t
ngx_http_social_auth_sessions(ngx_http_social_auth_ctx_t *ctx,
    social_session_t *session)
{
    ngx_http_social_parsed_t  *parsed;

    if (social_session_read(ngx_http_social_view(&ctx->issuer->identity),
                            ctx->claims.subject, ctx->jwt.payload, session)
        != SOCIAL_OK)
    {
        return NGX_ERROR;
    }

    parsed = ctx->parsed;

    if (session->has_subject && !parsed->has_subject) {
        ngx_memcpy(parsed->subject, session->subject, sizeof(parsed->subject));
        parsed->has_subject = 1;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_social_auth_subject(ngx_http_social_auth_ctx_t *ctx,
    const u_char **id)
{
    ngx_http_social_parsed_t  *parsed;

    parsed = ctx->parsed;

    if (!parsed->has_subject) {

        if (social_session_subject(ngx_http_social_view(&ctx->issuer->identity),
                                   ctx->claims.subject, parsed->subject)
            != SOCIAL_OK)
        {
            return NGX_ERROR;
        }

        parsed->has_subject = 1;
    }

    *id = parsed->subject;

    return NGX_OK;
}
