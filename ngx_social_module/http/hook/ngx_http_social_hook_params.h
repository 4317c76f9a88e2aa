
/*
 * The statements of hooks, and what they are sent with.
 */

#ifndef NGX_HTTP_SOCIAL_HOOK_PARAMS_H
#define NGX_HTTP_SOCIAL_HOOK_PARAMS_H


#include "ngx_http_social_query.h"
#include "social_cognito_event.h"
#include "social_crypto.h"
#include "social_encoding.h"
#include "social_webhook.h"


#define NGX_HTTP_SOCIAL_HOOK_ISSUER_SIZE  256
#define NGX_HTTP_SOCIAL_HOOK_PARAMS       10


/*
 * When an event was sent, and its id, which is the same when it is sent again,
 * and may be empty.
 */
typedef struct {
    time_t                at;
    social_str_t          id;
} ngx_http_social_hook_origin_t;


/*
 * The parameters of a statement, and the room for those that are made here.
 */
typedef struct {
    ngx_uint_t            n;
    social_pq_param_t     list[NGX_HTTP_SOCIAL_HOOK_PARAMS];
    u_char                issuer[NGX_HTTP_SOCIAL_HOOK_ISSUER_SIZE];
    u_char                at[NGX_TIME_T_LEN];
    u_char                id[SOCIAL_WEBHOOK_MAX_ID + 1
                             + social_base64_size(SOCIAL_SHA256_SIZE)];
} ngx_http_social_hook_params_t;


/*
 * Once more they find the user: a user has one row, by issuer and sub, and what
 * the event says of them is written, or is there.  They lock the handle and the
 * user.
 */
extern const ngx_http_social_statement_t  ngx_http_social_hook_user;
extern const ngx_http_social_statement_t  ngx_http_social_hook_token;

/*
 * Whether one may sign up.
 */
extern const ngx_http_social_statement_t  ngx_http_social_hook_refusal;


/*
 * The parameters of the first two, of an event and the "body" that it was read
 * from; they are views of both, and of "params".  For threads too.
 * NGX_DECLINED: the pool has no issuer.  NGX_ERROR: OpenSSL.
 */
ngx_int_t ngx_http_social_hook_params_user(
    ngx_http_social_hook_params_t *params, const social_cognito_event_t *event,
    social_str_t body, const ngx_http_social_hook_origin_t *origin);

/*
 * The same of the last one.
 */
ngx_int_t ngx_http_social_hook_params_refusal(
    ngx_http_social_hook_params_t *params,
    const social_cognito_event_t *event);


#endif /* NGX_HTTP_SOCIAL_HOOK_PARAMS_H */
