
/*
 * The Cognito user sync: a user who has confirmed becomes a row, and the
 * event is answered with its own bytes when that row is committed.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_hook.h"
#include "ngx_http_social_reply.h"
#include "social_url.h"
#include "social_webhook.h"


#define NGX_HTTP_SOCIAL_HOOK_ISSUER_SIZE  256


typedef struct {
    const ngx_http_social_hook_answer_t  *answer;
    ngx_str_t                             body;
} ngx_http_social_hook_ctx_t;


static void ngx_http_social_hook_cognito_body(ngx_http_request_t *r,
    social_str_t body);
static ngx_int_t ngx_http_social_hook_verify(ngx_http_request_t *r,
    social_str_t body);
static ngx_int_t ngx_http_social_hook_accepted(ngx_http_request_t *r,
    ngx_str_t *body);
static ngx_int_t ngx_http_social_hook_refused(ngx_http_request_t *r,
    ngx_uint_t status, const char *field, const char *why);

static ngx_int_t ngx_http_social_hook_sync(ngx_http_request_t *r,
    social_cognito_event_t *event, ngx_http_social_hook_ctx_t *ctx);
static void ngx_http_social_hook_synced(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data);
static ngx_uint_t ngx_http_social_hook_has_pool(
    const ngx_http_social_hook_loc_conf_t *hlcf, social_str_t pool);


/*
 * Once more it finds the user: a user has one row, by issuer and sub, and what
 * the event says of them is written, or is there.  It locks the handle and the
 * user.
 */

static const ngx_http_social_statement_t  ngx_http_social_hook_statement = {
    .sql = "SELECT social_user_sync($1, $2, $3, $4, $5)",
    .repeat = 1,
    .share = 1,
    .keys = { 2, 1 }
};


static const ngx_http_social_hook_answer_t  ngx_http_social_hook_answer = {
    ngx_http_social_hook_accepted,
    ngx_http_social_hook_refused
};


ngx_int_t
ngx_http_social_hook_cognito_handler(ngx_http_request_t *r)
{
    if (ngx_http_social_error_own(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->method != NGX_HTTP_POST) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    return ngx_http_social_read_body(r, SOCIAL_COGNITO_EVENT_MAX_SIZE,
                                     ngx_http_social_hook_cognito_body);
}


static void
ngx_http_social_hook_cognito_body(ngx_http_request_t *r, social_str_t body)
{
    ngx_int_t  rc;

    rc = ngx_http_social_hook_verify(r, body);

    if (rc != NGX_OK) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    ngx_http_social_hook_event(r, body, &ngx_http_social_hook_answer);
}


/*
 * Which part of a signature is wrong is only logged: the answer is the same
 * each time.
 */

static ngx_int_t
ngx_http_social_hook_verify(ngx_http_request_t *r, social_str_t body)
{
    ngx_uint_t                        i, more[3];
    const char                       *why;
    social_str_t                      id, timestamp, signature;
    ngx_http_social_hook_loc_conf_t  *hlcf;

    hlcf = ngx_http_get_module_loc_conf(r, ngx_http_social_hook_module);

    if (hlcf->secret == NULL) {
        return NGX_OK;
    }

    id = ngx_http_social_hook_header(r, "webhook-id", &more[0]);
    timestamp = ngx_http_social_hook_header(r, "webhook-timestamp", &more[1]);
    signature = ngx_http_social_hook_header(r, "webhook-signature", &more[2]);

    why = "no valid signature, or the clocks differ";

    for (i = 0; i < 3; i++) {
        if (more[i]) {
            why = "duplicate header";
            goto refused;
        }
    }

    switch (social_webhook_verify(id, timestamp, signature, body,
                                  hlcf->secret->values, ngx_time()))
    {
    case SOCIAL_OK:
        return NGX_OK;

    case SOCIAL_FAILED:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;

    case SOCIAL_MALFORMED:
        why = "missing or malformed header";
        break;

    default:
        break;
    }

refused:

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "social: hook refused: %s", why);

    return NGX_HTTP_UNAUTHORIZED;
}


social_str_t
ngx_http_social_hook_header(ngx_http_request_t *r, const char *name,
    ngx_uint_t *more)
{
    ngx_str_t         key;
    ngx_table_elt_t  *h;
    social_str_t      value;

    key.data = (u_char *) name;
    key.len = ngx_strlen(name);

    h = ngx_http_social_header_in(r, &key, ngx_hash_key(key.data, key.len),
                                  more);
    if (h != NULL) {
        return ngx_http_social_view(&h->value);
    }

    value.len = 0;
    value.data = (u_char *) "";

    return value;
}


static ngx_int_t
ngx_http_social_hook_accepted(ngx_http_request_t *r, ngx_str_t *body)
{
    return ngx_http_social_reply_json(r, NGX_HTTP_OK, body);
}


static ngx_int_t
ngx_http_social_hook_refused(ngx_http_request_t *r, ngx_uint_t status,
    const char *field, const char *why)
{
    if (status == NGX_HTTP_SERVICE_UNAVAILABLE) {
        return ngx_http_social_reply_unavailable(r);
    }

    if (status == NGX_HTTP_SOCIAL_UNPROCESSABLE) {
        return ngx_http_social_reply_field(r, field, why);
    }

    return status;
}


void
ngx_http_social_hook_event(ngx_http_request_t *r, social_str_t body,
    const ngx_http_social_hook_answer_t *answer)
{
    ngx_int_t                         rc;
    const char                       *field, *why;
    social_rc_e                       parsed;
    social_cognito_event_t            event;
    ngx_http_social_hook_ctx_t       *ctx;
    ngx_http_social_hook_loc_conf_t  *hlcf;

    hlcf = ngx_http_get_module_loc_conf(r, ngx_http_social_hook_module);

    ctx = ngx_palloc(r->pool, sizeof(ngx_http_social_hook_ctx_t));
    if (ctx == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    ctx->answer = answer;
    ngx_http_social_from_str(&ctx->body, body);

    parsed = social_cognito_event_parse(body, &event, &field, &why);

    if (parsed != SOCIAL_OK) {

        if (parsed == SOCIAL_FAILED) {
            rc = answer->refused(r, NGX_HTTP_INTERNAL_SERVER_ERROR, NULL,
                                 NULL);

        } else {
            rc = answer->refused(r, ngx_strcmp(field, "body") == 0
                                    ? NGX_HTTP_BAD_REQUEST
                                    : NGX_HTTP_SOCIAL_UNPROCESSABLE,
                                 field, why);
        }

        ngx_http_finalize_request(r, rc);
        return;
    }

    if (!ngx_http_social_hook_has_pool(hlcf, event.user_pool)) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "social: hook refused: the user pool is not one of "
                      "those in \"social_hook\"");

        rc = answer->refused(r, NGX_HTTP_FORBIDDEN, "userPoolId",
                             "is not accepted here");

    } else if (event.sign_up) {
        rc = ngx_http_social_hook_sync(r, &event, ctx);

    } else {
        rc = answer->accepted(r, &ctx->body);
    }

    social_cognito_event_free(&event);

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}


static ngx_uint_t
ngx_http_social_hook_has_pool(const ngx_http_social_hook_loc_conf_t *hlcf,
    social_str_t pool)
{
    ngx_uint_t     i;
    social_str_t  *pools;

    if (hlcf->pools == NULL) {
        return 1;
    }

    pools = hlcf->pools->elts;

    for (i = 0; i < hlcf->pools->nelts; i++) {
        if (social_str_eq(pools[i], pool)) {
            return 1;
        }
    }

    return 0;
}


/*
 * NGX_DONE: the answer comes after the commit.
 */

static ngx_int_t
ngx_http_social_hook_sync(ngx_http_request_t *r,
    social_cognito_event_t *event, ngx_http_social_hook_ctx_t *ctx)
{
    size_t             len;
    ngx_uint_t         i;
    social_pq_param_t  params[5];
    u_char             issuer[NGX_HTTP_SOCIAL_HOOK_ISSUER_SIZE];

    len = social_user_pool_issuer(event->user_pool, issuer, sizeof(issuer));

    if (len == 0 || len > sizeof(issuer)) {
        return ctx->answer->refused(r, NGX_HTTP_SOCIAL_UNPROCESSABLE,
                                    "userPoolId",
                                    "must be the id of a user pool");
    }

    ngx_memzero(params, sizeof(params));

    params[0].value.data = issuer;
    params[0].value.len = len;
    params[1].value = event->sub;

    /* a handle is public, and what others' users sign in with is not */

    if (event->handle.len != 0) {
        params[2].value = event->handle;

    } else if (!event->federated) {
        params[2].value = event->username;
    }

    params[3].value = event->email;
    params[4].value = event->name;

    for (i = 0; i < 5; i++) {
        params[i].null = (params[i].value.len == 0);
    }

    if (ngx_http_social_query_statement(r, &ngx_http_social_hook_statement,
                                        params, 5, ngx_http_social_hook_synced,
                                        ctx)
        != NGX_OK)
    {
        return ctx->answer->refused(r, NGX_HTTP_INTERNAL_SERVER_ERROR, NULL,
                                    NULL);
    }

    return NGX_DONE;
}


static void
ngx_http_social_hook_synced(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data)
{
    ngx_http_social_hook_ctx_t *ctx = data;

    ngx_int_t  rc;

    switch (outcome) {

    case NGX_HTTP_SOCIAL_QUERY_OK:

        /*
         * NULL is for a user who was deleted: a late or repeated event does
         * not bring them back, and its sender can do nothing about that
         */

        rc = ctx->answer->accepted(r, &ctx->body);
        break;

    case NGX_HTTP_SOCIAL_QUERY_LOCKED:
    case NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE:
        rc = ctx->answer->refused(r, NGX_HTTP_SERVICE_UNAVAILABLE, NULL, NULL);
        break;

    default:
        rc = ctx->answer->refused(r, NGX_HTTP_INTERNAL_SERVER_ERROR, NULL,
                                  NULL);
    }

    ngx_http_finalize_request(r, rc);
}
