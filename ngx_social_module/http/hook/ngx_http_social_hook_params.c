
/*
 * The statements of hooks, and what they are sent with.
 */

#include "ngx_http_social_hook_params.h"
#include "social_url.h"


static ngx_int_t ngx_http_social_hook_params_issuer(
    ngx_http_social_hook_params_t *params,
    const social_cognito_event_t *event);
static ngx_int_t ngx_http_social_hook_params_identify(
    ngx_http_social_hook_params_t *params, social_str_t body,
    const ngx_http_social_hook_origin_t *origin);
static void ngx_http_social_hook_param(ngx_http_social_hook_params_t *params,
    social_str_t value);


const ngx_http_social_statement_t  ngx_http_social_hook_user = {
    .sql = "SELECT social_user_sync($1, $2, $3, $4, $5, $6, $7, $8, "
           "to_timestamp($9), $10)",
    .repeat = 1,
    .share = 1,
    .keys = { 2, 1 },
    .batch = "SELECT * FROM social_users_sync($1, $2, $3, $4, $5, $6, $7, $8, "
             "$9, $10)"
};


const ngx_http_social_statement_t  ngx_http_social_hook_token = {
    .sql = "SELECT * FROM social_user_token($1, $2, $3, $4, $5, $6, $7, $8, "
           "to_timestamp($9), $10)",
    .repeat = 1,
    .share = 1,
    .keys = { 2, 1 },
    .batch = "SELECT * FROM social_users_token($1, $2, $3, $4, $5, $6, $7, $8, "
             "$9, $10)"
};


const ngx_http_social_statement_t  ngx_http_social_hook_refusal = {
    .sql = "SELECT social_sign_up_refused($1, $2, $3, $4)",
    .repeat = 1
};


ngx_int_t
ngx_http_social_hook_params_user(ngx_http_social_hook_params_t *params,
    const social_cognito_event_t *event, social_str_t body,
    const ngx_http_social_hook_origin_t *origin)
{
    social_str_t  handle;

    if (ngx_http_social_hook_params_issuer(params, event) != NGX_OK) {
        return NGX_DECLINED;
    }

    /* a handle is public, and what others' users sign in with is not */

    handle = event->handle;

    if (handle.len == 0 && !event->federated) {
        handle = event->username;
    }

    ngx_http_social_hook_param(params, event->sub);
    ngx_http_social_hook_param(params, handle);
    ngx_http_social_hook_param(params, event->email);
    ngx_http_social_hook_param(params, event->name);
    ngx_http_social_hook_param(params, event->email_verified);
    ngx_http_social_hook_param(params, event->phone_number);
    ngx_http_social_hook_param(params, event->phone_number_verified);

    return ngx_http_social_hook_params_identify(params, body, origin);
}


ngx_int_t
ngx_http_social_hook_params_refusal(ngx_http_social_hook_params_t *params,
    const social_cognito_event_t *event)
{
    if (ngx_http_social_hook_params_issuer(params, event) != NGX_OK) {
        return NGX_DECLINED;
    }

    ngx_http_social_hook_param(params, event->username);
    ngx_http_social_hook_param(params, event->email);
    ngx_http_social_hook_param(params, event->phone_number);

    return NGX_OK;
}


/*
 * Begins the parameters.
 */

static ngx_int_t
ngx_http_social_hook_params_issuer(ngx_http_social_hook_params_t *params,
    const social_cognito_event_t *event)
{
    social_str_t  issuer;

    params->n = 0;

    issuer.data = params->issuer;
    issuer.len = social_user_pool_issuer(event->user_pool, false,
                                         params->issuer,
                                         sizeof(params->issuer));

    if (issuer.len == 0 || issuer.len > sizeof(params->issuer)) {
        return NGX_DECLINED;
    }

    ngx_http_social_hook_param(params, issuer);

    return NGX_OK;
}


/*
 * When the event was sent, and its identity.  The digest is in that because
 * senders have one id for several events of a user.
 */

static ngx_int_t
ngx_http_social_hook_params_identify(ngx_http_social_hook_params_t *params,
    social_str_t body, const ngx_http_social_hook_origin_t *origin)
{
    u_char        *p;
    social_str_t   s;
    u_char         sha256[SOCIAL_SHA256_SIZE];

    s.data = params->at;
    s.len = ngx_sprintf(params->at, "%T", origin->at) - params->at;
    ngx_http_social_hook_param(params, s);

    s.data = params->id;
    s.len = 0;

    if (origin->id.len) {

        if (social_sha256(body, sha256) != SOCIAL_OK) {
            return NGX_ERROR;
        }

        p = ngx_cpymem(params->id, origin->id.data, origin->id.len);
        *p++ = '.';
        p += social_base64_encode((social_str_t) { sizeof(sha256), sha256 },
                                  p);
        s.len = p - params->id;
    }

    ngx_http_social_hook_param(params, s);

    return NGX_OK;
}


static void
ngx_http_social_hook_param(ngx_http_social_hook_params_t *params,
    social_str_t value)
{
    social_pq_param_t  *param;

    param = &params->list[params->n++];

    param->value = value;
    param->null = (value.len == 0);
}
