
/*
 * The Cognito user sync: what an event says of a user goes into their row, and
 * the event is answered with its own bytes when that is committed.
 *
 * Sign-ins and tokens repeat what was said before, so that they go on without
 * the database: after a second, or when it is unavailable, the event is
 * answered unchanged, unless the hook is strict.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_hook.h"
#include "ngx_http_social_reply.h"


#define NGX_HTTP_SOCIAL_HOOK_WAIT  1000      /* milliseconds */


typedef struct {
    ngx_http_request_t                   *request;
    const ngx_http_social_hook_answer_t  *answer;
    ngx_http_social_hook_origin_t         origin;
    ngx_str_t                             body;
    social_cognito_event_t                event;
    ngx_event_t                           timer;
    ngx_uint_t                            lenient;   /* answered unchanged
                                                        rather than late */
    ngx_uint_t                            answered;
} ngx_http_social_hook_ctx_t;


static void ngx_http_social_hook_cognito_body(ngx_http_request_t *r,
    social_str_t body);
static ngx_int_t ngx_http_social_hook_accepted(ngx_http_request_t *r,
    ngx_str_t *body);
static ngx_int_t ngx_http_social_hook_refused(ngx_http_request_t *r,
    ngx_uint_t status, const char *field, const char *why);
static ngx_int_t ngx_http_social_hook_denied(ngx_http_request_t *r,
    ngx_str_t *text);

static ngx_http_social_hook_ctx_t *ngx_http_social_hook_ctx(
    ngx_http_request_t *r, social_str_t body,
    const ngx_http_social_hook_sent_t *sent);
static void ngx_http_social_hook_cleanup(void *data);
static ngx_int_t ngx_http_social_hook_process(ngx_http_social_hook_ctx_t *ctx);
static ngx_int_t ngx_http_social_hook_sign_up(ngx_http_social_hook_ctx_t *ctx);
static ngx_int_t ngx_http_social_hook_sync(ngx_http_social_hook_ctx_t *ctx);
static ngx_int_t ngx_http_social_hook_no_pool(
    ngx_http_social_hook_ctx_t *ctx);
static ngx_int_t ngx_http_social_hook_query(ngx_http_social_hook_ctx_t *ctx,
    const ngx_http_social_statement_t *statement,
    ngx_http_social_hook_params_t *params, ngx_http_social_query_pt handler);

static void ngx_http_social_hook_late(ngx_event_t *ev);
static void ngx_http_social_hook_synced(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data);
static void ngx_http_social_hook_decided(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data);
static ngx_int_t ngx_http_social_hook_claims(ngx_http_social_hook_ctx_t *ctx,
    const social_pq_result_t *result);
static ngx_int_t ngx_http_social_hook_spool(ngx_http_social_hook_ctx_t *ctx,
    ngx_http_social_query_outcome_e outcome);
static void ngx_http_social_hook_spooled(ngx_http_request_t *r, ngx_int_t rc,
    void *data);
static ngx_int_t ngx_http_social_hook_failed(ngx_http_social_hook_ctx_t *ctx,
    ngx_http_social_query_outcome_e outcome);
static ngx_int_t ngx_http_social_hook_same(ngx_http_social_hook_ctx_t *ctx,
    ngx_http_social_count_e count);
static void ngx_http_social_hook_end(ngx_http_social_hook_ctx_t *ctx,
    ngx_int_t rc);


static const ngx_http_social_hook_answer_t  ngx_http_social_hook_answer = {
    ngx_http_social_hook_accepted,
    ngx_http_social_hook_refused,
    ngx_http_social_hook_denied
};


ngx_int_t
ngx_http_social_hook_cognito_handler(ngx_http_request_t *r)
{
    if (ngx_http_social_error_own(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->method != NGX_HTTP_POST) {
        return ngx_http_social_reply_not_allowed(r, "POST");
    }

    return ngx_http_social_read_body(r, SOCIAL_COGNITO_EVENT_MAX_SIZE,
                                     ngx_http_social_hook_cognito_body);
}


static void
ngx_http_social_hook_cognito_body(ngx_http_request_t *r, social_str_t body)
{
    ngx_int_t                    rc;
    ngx_http_social_hook_sent_t  sent;

    sent.answer = &ngx_http_social_hook_answer;
    sent.origin.at = ngx_time();

    rc = ngx_http_social_hook_verify(r, body, &sent.origin);

    if (rc != NGX_OK) {
        ngx_http_social_hook_count_error(rc);
        ngx_http_finalize_request(r, rc);
        return;
    }

    ngx_http_social_hook_event(r, body, &sent);
}


void
ngx_http_social_hook_count_error(ngx_uint_t status)
{
    ngx_http_social_count(status >= NGX_HTTP_INTERNAL_SERVER_ERROR
                          ? NGX_HTTP_SOCIAL_COUNT_HOOK_FAILED
                          : NGX_HTTP_SOCIAL_COUNT_HOOK_REFUSED);
}


/*
 * Which part of a signature is wrong is only logged: the answer is the same
 * each time.  Without a secret, an id is taken as it is, but no time.
 */

ngx_int_t
ngx_http_social_hook_verify(ngx_http_request_t *r, social_str_t body,
    ngx_http_social_hook_origin_t *origin)
{
    int64_t                           at;
    ngx_uint_t                        i, more[3];
    const char                       *why;
    social_str_t                      id, timestamp, signature;
    ngx_http_social_hook_loc_conf_t  *hlcf;

    hlcf = ngx_http_get_module_loc_conf(r, ngx_http_social_hook_module);

    id = ngx_http_social_hook_header(r, "webhook-id", &more[0]);
    timestamp = ngx_http_social_hook_header(r, "webhook-timestamp", &more[1]);
    signature = ngx_http_social_hook_header(r, "webhook-signature", &more[2]);

    origin->id = id;

    if (hlcf->secret == NULL) {

        if (more[0] || id.len > SOCIAL_WEBHOOK_MAX_ID) {
            origin->id.len = 0;
        }

        return NGX_OK;
    }

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
        (void) social_webhook_time(timestamp, &at);
        origin->at = (time_t) at;
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
    ngx_http_social_hook_count_error(status);

    if (status == NGX_HTTP_SERVICE_UNAVAILABLE) {
        return ngx_http_social_reply_unavailable(r);
    }

    if (status == NGX_HTTP_SOCIAL_UNPROCESSABLE) {
        return ngx_http_social_reply_field(r, field, why);
    }

    return status;
}


static ngx_int_t
ngx_http_social_hook_denied(ngx_http_request_t *r, ngx_str_t *text)
{
    ngx_str_t  body, after, id;

    ngx_http_social_count(NGX_HTTP_SOCIAL_COUNT_HOOK_DENIED);

    if (ngx_http_social_error_request_id(r, &id) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    after.len = sizeof("\",\"requestId\":\"\"}") + id.len;

    after.data = ngx_pnalloc(r->pool, after.len);
    if (after.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    *ngx_sprintf(after.data, "\",\"requestId\":\"%V\"}", &id) = '\0';

    if (ngx_http_social_hook_json(r, "{\"message\":\"", text,
                                  (char *) after.data, &body)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_social_reply_json(r, NGX_HTTP_FORBIDDEN, &body);
}


ngx_int_t
ngx_http_social_hook_json(ngx_http_request_t *r, const char *before,
    ngx_str_t *text, const char *after, ngx_str_t *out)
{
    u_char  *p;

    out->data = ngx_pnalloc(r->pool, ngx_strlen(before) + 6 * text->len
                                     + ngx_strlen(after));
    if (out->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(out->data, before, ngx_strlen(before));
    p = social_json_escape(p, ngx_http_social_view(text));
    p = ngx_cpymem(p, after, ngx_strlen(after));

    out->len = p - out->data;

    return NGX_OK;
}


void
ngx_http_social_hook_event(ngx_http_request_t *r, social_str_t body,
    const ngx_http_social_hook_sent_t *sent)
{
    ngx_int_t                    rc;
    ngx_uint_t                   status;
    const char                  *field, *why;
    social_rc_e                  parsed;
    ngx_http_social_hook_ctx_t  *ctx;

    ctx = ngx_http_social_hook_ctx(r, body, sent);

    if (ctx == NULL) {
        rc = sent->answer->refused(r, NGX_HTTP_INTERNAL_SERVER_ERROR, NULL,
                                   NULL);
        ngx_http_finalize_request(r, rc);
        return;
    }

    parsed = social_cognito_event_parse(body, &ctx->event, &field, &why);

    if (parsed == SOCIAL_OK) {
        rc = ngx_http_social_hook_process(ctx);

    } else {

        if (parsed == SOCIAL_FAILED) {
            status = NGX_HTTP_INTERNAL_SERVER_ERROR;

        } else if (ngx_strcmp(field, "body") == 0) {
            status = NGX_HTTP_BAD_REQUEST;

        } else {
            status = NGX_HTTP_SOCIAL_UNPROCESSABLE;
        }

        rc = sent->answer->refused(r, status, field, why);
    }

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}


static ngx_http_social_hook_ctx_t *
ngx_http_social_hook_ctx(ngx_http_request_t *r, social_str_t body,
    const ngx_http_social_hook_sent_t *sent)
{
    ngx_http_cleanup_t          *cln;
    ngx_http_social_hook_ctx_t  *ctx;

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_social_hook_ctx_t));
    if (ctx == NULL) {
        return NULL;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_social_hook_cleanup;
    cln->data = ctx;

    ctx->request = r;
    ctx->answer = sent->answer;
    ctx->origin = sent->origin;
    ngx_http_social_from_str(&ctx->body, body);

    ctx->timer.handler = ngx_http_social_hook_late;
    ctx->timer.data = ctx;
    ctx->timer.log = r->connection->log;

    return ctx;
}


static void
ngx_http_social_hook_cleanup(void *data)
{
    ngx_http_social_hook_ctx_t *ctx = data;

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    social_cognito_event_free(&ctx->event);
}


/*
 * NGX_DONE: the answer comes later.
 */

static ngx_int_t
ngx_http_social_hook_process(ngx_http_social_hook_ctx_t *ctx)
{
    const char                       *what;
    ngx_http_request_t               *r;
    ngx_http_social_hook_loc_conf_t  *hlcf;

    r = ctx->request;
    hlcf = ngx_http_get_module_loc_conf(r, ngx_http_social_hook_module);

    what = !ngx_http_social_hook_has(hlcf->pools, ctx->event.user_pool)
           ? "userPoolId"
           : !ngx_http_social_hook_has(hlcf->clients, ctx->event.client_id)
           ? "callerContext.clientId" : NULL;

    if (what) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "social: hook refused: %s is not one of those in "
                      "\"social_hook\"", what);

        return ctx->answer->refused(r, NGX_HTTP_FORBIDDEN, what,
                                    "is not accepted here");
    }

    switch (ctx->event.kind) {

    case SOCIAL_COGNITO_OTHER:
        return ngx_http_social_hook_same(ctx,
                                         NGX_HTTP_SOCIAL_COUNT_HOOK_ACCEPTED);

    case SOCIAL_COGNITO_SIGN_UP:
        return ngx_http_social_hook_sign_up(ctx);

    case SOCIAL_COGNITO_SIGNED_IN:
    case SOCIAL_COGNITO_TOKEN:
        ctx->lenient = !hlcf->strict;
        break;

    default:
        break;
    }

    return ngx_http_social_hook_sync(ctx);
}


ngx_uint_t
ngx_http_social_hook_has(ngx_array_t *list, social_str_t item)
{
    ngx_uint_t     i;
    social_str_t  *items;

    if (list == NULL) {
        return 1;
    }

    items = list->elts;

    for (i = 0; i < list->nelts; i++) {
        if (social_str_eq(items[i], item)) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_social_hook_sign_up(ngx_http_social_hook_ctx_t *ctx)
{
    ngx_http_social_hook_params_t  params;

    if (ngx_http_social_hook_params_refusal(&params, &ctx->event) != NGX_OK) {
        return ngx_http_social_hook_no_pool(ctx);
    }

    return ngx_http_social_hook_query(ctx, &ngx_http_social_hook_refusal,
                                      &params, ngx_http_social_hook_decided);
}


static ngx_int_t
ngx_http_social_hook_sync(ngx_http_social_hook_ctx_t *ctx)
{
    ngx_http_social_hook_params_t  params;

    switch (ngx_http_social_hook_params_user(&params, &ctx->event,
                                             ngx_http_social_view(&ctx->body),
                                             &ctx->origin))
    {
    case NGX_OK:
        break;

    case NGX_DECLINED:
        return ngx_http_social_hook_no_pool(ctx);

    default:
        return ngx_http_social_hook_failed(ctx, NGX_HTTP_SOCIAL_QUERY_REFUSED);
    }

    return ngx_http_social_hook_query(ctx,
                                      ctx->event.kind == SOCIAL_COGNITO_TOKEN
                                      ? &ngx_http_social_hook_token
                                      : &ngx_http_social_hook_user,
                                      &params, ngx_http_social_hook_synced);
}


static ngx_int_t
ngx_http_social_hook_no_pool(ngx_http_social_hook_ctx_t *ctx)
{
    return ctx->answer->refused(ctx->request, NGX_HTTP_SOCIAL_UNPROCESSABLE,
                                "userPoolId", "must be the id of a user pool");
}


static ngx_int_t
ngx_http_social_hook_query(ngx_http_social_hook_ctx_t *ctx,
    const ngx_http_social_statement_t *statement,
    ngx_http_social_hook_params_t *params, ngx_http_social_query_pt handler)
{
    if (ngx_http_social_query_statement(ctx->request, statement, params->list,
                                        params->n, handler, ctx)
        != NGX_OK)
    {
        return ngx_http_social_hook_failed(ctx, NGX_HTTP_SOCIAL_QUERY_REFUSED);
    }

    if (ctx->lenient) {
        ngx_add_timer(&ctx->timer, NGX_HTTP_SOCIAL_HOOK_WAIT);
    }

    return NGX_DONE;
}


/*
 * The statement goes on, so that the row is written.
 */

static void
ngx_http_social_hook_late(ngx_event_t *ev)
{
    ngx_connection_t            *c;
    ngx_http_social_hook_ctx_t  *ctx;

    ctx = ev->data;
    c = ctx->request->connection;

    ngx_http_set_log_request(c->log, ctx->request);

    ngx_log_error(NGX_LOG_INFO, c->log, 0,
                  "social: hook answered without the database, which took "
                  "longer than a second");

    ngx_http_social_hook_end(ctx, ngx_http_social_hook_same(ctx,
                                      NGX_HTTP_SOCIAL_COUNT_HOOK_UNCHANGED));

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_social_hook_synced(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data)
{
    ngx_http_social_hook_ctx_t *ctx = data;

    ngx_int_t  rc;

    if (ctx->answered) {

        /* it is still being sent */

        return;
    }

    if (outcome != NGX_HTTP_SOCIAL_QUERY_OK) {

        if (ngx_http_social_hook_spool(ctx, outcome) == NGX_OK) {
            return;
        }

        rc = ngx_http_social_hook_failed(ctx, outcome);

    } else if (ctx->event.kind == SOCIAL_COGNITO_TOKEN) {
        rc = ngx_http_social_hook_claims(ctx, result);

    } else {

        /*
         * NULL is for a user who was deleted: a late or repeated event does
         * not bring them back, and its sender can do nothing about that
         */

        rc = ngx_http_social_hook_same(ctx,
                                       NGX_HTTP_SOCIAL_COUNT_HOOK_ACCEPTED);
    }

    ngx_http_social_hook_end(ctx, rc);
}


/*
 * Whether one may sign up.
 */

static void
ngx_http_social_hook_decided(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data)
{
    ngx_http_social_hook_ctx_t *ctx = data;

    ngx_int_t     rc;
    ngx_str_t     text;
    social_str_t  why;

    if (outcome != NGX_HTTP_SOCIAL_QUERY_OK) {
        rc = ngx_http_social_hook_failed(ctx, outcome);

    } else if (social_pq_result_value(result, 0, 0, &why)) {
        ngx_http_social_from_str(&text, why);
        rc = ctx->answer->denied(r, &text);

    } else {
        rc = ngx_http_social_hook_same(ctx,
                                       NGX_HTTP_SOCIAL_COUNT_HOOK_ACCEPTED);
    }

    ngx_http_social_hook_end(ctx, rc);
}


static ngx_int_t
ngx_http_social_hook_claims(ngx_http_social_hook_ctx_t *ctx,
    const social_pq_result_t *result)
{
    ngx_str_t            body;
    social_str_t         text, id, roles;
    ngx_http_request_t  *r;

    r = ctx->request;

    if (!social_pq_result_value(result, 0, 0, &id)
        || !social_pq_result_value(result, 0, 1, &roles))
    {
        /* one who was deleted has no claims */

        return ngx_http_social_hook_same(ctx,
                                         NGX_HTTP_SOCIAL_COUNT_HOOK_ACCEPTED);
    }

    text = ngx_http_social_view(&ctx->body);

    body.len = social_cognito_event_claims(&ctx->event, text, id, roles, NULL,
                                           0);

    body.data = ngx_pnalloc(r->pool, body.len);
    if (body.data == NULL) {
        return ngx_http_social_hook_failed(ctx, NGX_HTTP_SOCIAL_QUERY_REFUSED);
    }

    (void) social_cognito_event_claims(&ctx->event, text, id, roles, body.data,
                                       body.len);

    ngx_http_social_count(NGX_HTTP_SOCIAL_COUNT_HOOK_ACCEPTED);

    return ctx->answer->accepted(r, &body);
}


/*
 * Where the response does not need the database, and that is unavailable, what
 * is said of a user is durable in the spool.  NGX_OK: the answer comes later.
 */

static ngx_int_t
ngx_http_social_hook_spool(ngx_http_social_hook_ctx_t *ctx,
    ngx_http_social_query_outcome_e outcome)
{
    social_event_file_t               file;
    ngx_http_social_hook_loc_conf_t  *hlcf;

    hlcf = ngx_http_get_module_loc_conf(ctx->request,
                                        ngx_http_social_hook_module);

    if (hlcf->spool == NULL
        || outcome == NGX_HTTP_SOCIAL_QUERY_REFUSED
        || (ctx->event.kind != SOCIAL_COGNITO_CONFIRMED
            && ctx->event.kind != SOCIAL_COGNITO_SIGNED_IN))
    {
        return NGX_DECLINED;
    }

    file.at = (int64_t) ctx->origin.at;
    file.id = ctx->origin.id;
    file.body = ngx_http_social_view(&ctx->body);

    return ngx_http_social_hook_spool_put(ctx->request, hlcf->spool,
                                          ctx->event.user_pool, ctx->event.sub,
                                          &file, ngx_http_social_hook_spooled,
                                          ctx);
}


static void
ngx_http_social_hook_spooled(ngx_http_request_t *r, ngx_int_t rc, void *data)
{
    ngx_http_social_hook_ctx_t *ctx = data;

    if (ctx->answered) {
        return;
    }

    rc = rc == NGX_OK
         ? ngx_http_social_hook_same(ctx, NGX_HTTP_SOCIAL_COUNT_HOOK_SPOOLED)
         : ngx_http_social_hook_failed(ctx, NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE);

    ngx_http_social_hook_end(ctx, rc);
}


static ngx_int_t
ngx_http_social_hook_failed(ngx_http_social_hook_ctx_t *ctx,
    ngx_http_social_query_outcome_e outcome)
{
    ngx_uint_t  status;

    if (ctx->lenient) {
        return ngx_http_social_hook_same(ctx,
                                         NGX_HTTP_SOCIAL_COUNT_HOOK_UNCHANGED);
    }

    switch (outcome) {

    case NGX_HTTP_SOCIAL_QUERY_LOCKED:
    case NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE:
        status = NGX_HTTP_SERVICE_UNAVAILABLE;
        break;

    default:
        status = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ctx->answer->refused(ctx->request, status, NULL, NULL);
}


/*
 * The event is returned as it came.
 */

static ngx_int_t
ngx_http_social_hook_same(ngx_http_social_hook_ctx_t *ctx,
    ngx_http_social_count_e count)
{
    ngx_http_social_count(count);

    return ctx->answer->accepted(ctx->request, &ctx->body);
}


static void
ngx_http_social_hook_end(ngx_http_social_hook_ctx_t *ctx, ngx_int_t rc)
{
    ctx->answered = 1;

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    ngx_http_finalize_request(ctx->request, rc);
}
