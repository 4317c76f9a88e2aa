
/*
 * "social_hook s3": events of object stores become jobs.
 *
 * An event is answered when what it says is committed; one that is refused
 * leaves nothing.  Senders try again after 5xx, and SNS never after 4xx.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_hook.h"
#include "ngx_http_social_job.h"
#include "ngx_http_social_reply.h"
#include "social_pq_objects.h"


typedef struct {
    ngx_http_request_t               *request;
    ngx_http_social_hook_loc_conf_t  *conf;
    ngx_uint_t                        known;     /* who sent it: by the request
                                                    itself */
    social_s3_event_t                 event;     /* as it was sent */
    social_s3_event_t                 inner;     /* of a message of SNS */
    social_sns_t                      sns;

    /* what is wrong, where it is answered with 422 */
    const char                       *field;
    const char                       *why;
} ngx_http_social_hook_s3_ctx_t;


static void ngx_http_social_hook_s3_body(ngx_http_request_t *r,
    social_str_t body);
static void ngx_http_social_hook_s3_cleanup(void *data);
static ngx_int_t ngx_http_social_hook_s3_sender(
    ngx_http_social_hook_s3_ctx_t *ctx, social_str_t body);
static ngx_uint_t ngx_http_social_hook_s3_has_token(ngx_http_request_t *r,
    const ngx_http_social_secret_t *token);
static ngx_uint_t ngx_http_social_hook_s3_is_token(social_str_t text,
    const ngx_http_social_secret_t *token);
static ngx_int_t ngx_http_social_hook_s3_process(
    ngx_http_social_hook_s3_ctx_t *ctx, social_str_t body);
static ngx_int_t ngx_http_social_hook_s3_parse(
    ngx_http_social_hook_s3_ctx_t *ctx, social_str_t text,
    social_s3_event_t *event);
static ngx_int_t ngx_http_social_hook_s3_unknown(
    ngx_http_social_hook_s3_ctx_t *ctx);
static ngx_int_t ngx_http_social_hook_s3_envelope(
    ngx_http_social_hook_s3_ctx_t *ctx);
static const char *ngx_http_social_hook_s3_distrust(
    ngx_http_social_hook_s3_ctx_t *ctx);
static ngx_int_t ngx_http_social_hook_s3_forbidden(
    ngx_http_social_hook_s3_ctx_t *ctx, const char *why);
static void ngx_http_social_hook_s3_verified(ngx_http_request_t *r,
    ngx_int_t rc, void *data);
static ngx_int_t ngx_http_social_hook_s3_message(
    ngx_http_social_hook_s3_ctx_t *ctx);
static ngx_int_t ngx_http_social_hook_s3_inner(
    ngx_http_social_hook_s3_ctx_t *ctx, social_str_t message);
static void ngx_http_social_hook_s3_confirmed(ngx_http_request_t *r,
    ngx_int_t rc, void *data);
static ngx_int_t ngx_http_social_hook_s3_write(
    ngx_http_social_hook_s3_ctx_t *ctx, const social_s3_event_t *event);
static void ngx_http_social_hook_s3_written(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data);
static ngx_int_t ngx_http_social_hook_s3_refused(
    ngx_http_social_hook_s3_ctx_t *ctx, const char *field, const char *why);
static ngx_int_t ngx_http_social_hook_s3_accepted(ngx_http_request_t *r);
static void ngx_http_social_hook_s3_end(ngx_http_social_hook_s3_ctx_t *ctx,
    ngx_int_t rc);


/*
 * Once more it finds that each key has had its event.
 */

static const ngx_http_social_statement_t  ngx_http_social_hook_objects = {
    .sql = "SELECT social_objects_event($1, $2, $3, $4, $5, $6, $7, $8, $9, "
           "$10)",
    .repeat = 1
};


ngx_int_t
ngx_http_social_hook_s3_handler(ngx_http_request_t *r)
{
    if (ngx_http_social_error_own(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->method != NGX_HTTP_POST) {
        return ngx_http_social_reply_not_allowed(r, "POST");
    }

    return ngx_http_social_read_body(r, SOCIAL_S3_EVENT_MAX_SIZE,
                                     ngx_http_social_hook_s3_body);
}


static void
ngx_http_social_hook_s3_body(ngx_http_request_t *r, social_str_t body)
{
    ngx_int_t                       rc;
    ngx_http_cleanup_t             *cln;
    ngx_http_social_hook_s3_ctx_t  *ctx;

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_social_hook_s3_ctx_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (ctx == NULL || cln == NULL) {
        ngx_http_social_hook_count_error(NGX_HTTP_INTERNAL_SERVER_ERROR);
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    cln->handler = ngx_http_social_hook_s3_cleanup;
    cln->data = ctx;

    ctx->request = r;
    ctx->conf = ngx_http_get_module_loc_conf(r, ngx_http_social_hook_module);

    rc = ngx_http_social_hook_s3_sender(ctx, body);

    if (rc == NGX_OK) {
        rc = ngx_http_social_hook_s3_process(ctx, body);
    }

    ngx_http_social_hook_s3_end(ctx, rc);
}


static void
ngx_http_social_hook_s3_cleanup(void *data)
{
    ngx_http_social_hook_s3_ctx_t *ctx = data;

    social_s3_event_free(&ctx->inner);
    social_s3_event_free(&ctx->event);
}


/*
 * Sets ctx->known.  Otherwise the status to answer with.
 */

static ngx_int_t
ngx_http_social_hook_s3_sender(ngx_http_social_hook_s3_ctx_t *ctx,
    social_str_t body)
{
    ngx_int_t                         rc;
    social_str_t                      signature;
    ngx_http_social_hook_loc_conf_t  *hlcf;
    ngx_http_social_hook_origin_t     origin;

    hlcf = ctx->conf;
    ctx->known = hlcf->insecure;

    if (hlcf->secret != NULL) {

        signature = ngx_http_social_hook_header(ctx->request,
                                                "webhook-signature", NULL);
        if (signature.len) {
            rc = ngx_http_social_hook_verify(ctx->request, body, &origin);

            if (rc != NGX_OK) {
                return rc;
            }

            ctx->known = 1;
        }
    }

    if (hlcf->token != NULL
        && ngx_http_social_hook_s3_has_token(ctx->request, hlcf->token))
    {
        ctx->known = 1;
    }

    return NGX_OK;
}


/*
 * Where MinIO and EventBridge put it: "Authorization: TOKEN", with "Bearer" or
 * not, as a password, or in a header of its own.
 */

static ngx_uint_t
ngx_http_social_hook_s3_has_token(ngx_http_request_t *r,
    const ngx_http_social_secret_t *token)
{
    ngx_uint_t                 more;
    social_str_t               text;
    static const social_str_t  bearer = social_string("Bearer ");

    text = ngx_http_social_hook_header(r, "x-api-key", &more);

    if (text.len && !more && ngx_http_social_hook_s3_is_token(text, token)) {
        return 1;
    }

    if (r->headers_in.authorization == NULL) {
        return 0;
    }

    if (ngx_http_auth_basic_user(r) == NGX_OK) {
        return ngx_http_social_hook_s3_is_token(
                   ngx_http_social_view(&r->headers_in.passwd), token);
    }

    text = ngx_http_social_view(&r->headers_in.authorization->value);

    if (text.len > bearer.len
        && social_str_caseeq((social_str_t) { bearer.len, text.data }, bearer))
    {
        text.data += bearer.len;
        text.len -= bearer.len;
    }

    return ngx_http_social_hook_s3_is_token(text, token);
}


/*
 * A token is what the file of a secret has.
 */

static ngx_uint_t
ngx_http_social_hook_s3_is_token(social_str_t text,
    const ngx_http_social_secret_t *token)
{
    size_t         len;
    ngx_uint_t     i, equal;
    social_str_t   given;
    u_char         secret[SOCIAL_WEBHOOK_MAX_SECRET];

    if (social_webhook_secret(text, secret, &len) != SOCIAL_OK) {
        return 0;
    }

    given.data = secret;
    given.len = len;
    equal = 0;

    for (i = 0; i < 2; i++) {
        equal |= token->values[i].len != 0
                 && social_crypto_equal(given, token->values[i]);
    }

    social_crypto_cleanse(secret, sizeof(secret));

    return equal;
}


/*
 * Senders who are not known learn nothing of what they have sent.
 */

static ngx_int_t
ngx_http_social_hook_s3_process(ngx_http_social_hook_s3_ctx_t *ctx,
    social_str_t body)
{
    ngx_int_t                         rc;
    ngx_http_social_hook_loc_conf_t  *hlcf;

    hlcf = ctx->conf;

    rc = ngx_http_social_hook_s3_parse(ctx, body, &ctx->event);

    if (rc != NGX_OK) {
        return ctx->known || hlcf->topics != NULL
               || rc == NGX_HTTP_INTERNAL_SERVER_ERROR
               ? rc : ngx_http_social_hook_s3_unknown(ctx);
    }

    if (ctx->event.form == SOCIAL_S3_EVENT_SNS) {
        return ngx_http_social_hook_s3_envelope(ctx);
    }

    if (!ctx->known && hlcf->token != NULL && ctx->event.opaque.len) {
        ctx->known = ngx_http_social_hook_s3_is_token(ctx->event.opaque,
                                                      hlcf->token);
    }

    if (!ctx->known) {
        return ngx_http_social_hook_s3_unknown(ctx);
    }

    return ngx_http_social_hook_s3_write(ctx, &ctx->event);
}


/*
 * NGX_OK, or the status to answer with.
 */

static ngx_int_t
ngx_http_social_hook_s3_parse(ngx_http_social_hook_s3_ctx_t *ctx,
    social_str_t text, social_s3_event_t *event)
{
    const char  *why;

    switch (social_s3_event_parse(text, event, &why)) {

    case SOCIAL_OK:
        return NGX_OK;

    case SOCIAL_FAILED:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;

    default:
        return ngx_http_social_hook_s3_refused(ctx, event->field, why);
    }
}


static ngx_int_t
ngx_http_social_hook_s3_unknown(ngx_http_social_hook_s3_ctx_t *ctx)
{
    ngx_log_error(NGX_LOG_INFO, ctx->request->connection->log, 0,
                  "social: hook refused: no valid token or signature");

    return NGX_HTTP_UNAUTHORIZED;
}


/*
 * With topics SNS has to have signed the message, also where its sender is
 * known; without, no subscription is confirmed.
 */

static ngx_int_t
ngx_http_social_hook_s3_envelope(ngx_http_social_hook_s3_ctx_t *ctx)
{
    ngx_int_t      rc;
    const char    *field, *why;
    social_str_t   message;

    if (ctx->conf->topics == NULL) {

        if (!ctx->known) {
            return ngx_http_social_hook_s3_unknown(ctx);
        }

        if (social_sns_read_message(ctx->event.json, &message) != SOCIAL_OK) {
            return ngx_http_social_hook_s3_forbidden(ctx,
                       "no topics are configured, which subscriptions need");
        }

        return ngx_http_social_hook_s3_inner(ctx, message);
    }

    if (social_sns_read(ctx->event.json, &ctx->sns, &field, &why)
        != SOCIAL_OK)
    {
        return ngx_http_social_hook_s3_refused(ctx, field, why);
    }

    why = ngx_http_social_hook_s3_distrust(ctx);

    if (why != NULL) {
        return ngx_http_social_hook_s3_forbidden(ctx, why);
    }

    rc = ngx_http_social_sns_verify(ctx->request, &ctx->conf->sns, &ctx->sns,
                                    ngx_http_social_hook_s3_verified, ctx);

    return rc == NGX_OK ? ngx_http_social_hook_s3_message(ctx) : rc;
}


/*
 * What can be said without its certificate: nothing is fetched for what is
 * refused anyway.
 */

static const char *
ngx_http_social_hook_s3_distrust(ngx_http_social_hook_s3_ctx_t *ctx)
{
    social_str_t         host;
    const social_sns_t  *sns;

    sns = &ctx->sns;
    host = ngx_http_social_view(&ctx->conf->sns.host);

    if (!ngx_http_social_hook_has(ctx->conf->topics, sns->topic)) {
        return "the topic is not among \"topics\"";
    }

    if (!social_sns_is_recent(sns, ngx_time())) {
        return "the message is old, or the clocks differ";
    }

    if (!social_sns_is_cert_url(sns->cert_url, host)) {
        return "the certificate is not on a host of SNS";
    }

    if (sns->type == SOCIAL_SNS_SUBSCRIPTION
        && !social_sns_is_subscribe_url(sns->subscribe_url, host))
    {
        return "the subscription is not confirmed on a host of SNS";
    }

    return NULL;
}


static ngx_int_t
ngx_http_social_hook_s3_forbidden(ngx_http_social_hook_s3_ctx_t *ctx,
    const char *why)
{
    ngx_log_error(NGX_LOG_INFO, ctx->request->connection->log, 0,
                  "social: hook refused: %s", why);

    return NGX_HTTP_FORBIDDEN;
}


static void
ngx_http_social_hook_s3_verified(ngx_http_request_t *r, ngx_int_t rc,
    void *data)
{
    ngx_http_social_hook_s3_ctx_t *ctx = data;

    if (rc == NGX_OK) {
        rc = ngx_http_social_hook_s3_message(ctx);
    }

    ngx_http_social_hook_s3_end(ctx, rc);
}


/*
 * One that SNS has signed.
 */

static ngx_int_t
ngx_http_social_hook_s3_message(ngx_http_social_hook_s3_ctx_t *ctx)
{
    ngx_str_t  topic;

    switch (ctx->sns.type) {

    case SOCIAL_SNS_NOTIFICATION:
        return ngx_http_social_hook_s3_inner(ctx, ctx->sns.message);

    case SOCIAL_SNS_SUBSCRIPTION:
        return ngx_http_social_sns_confirm(ctx->request, &ctx->conf->sns,
                                           &ctx->sns,
                                           ngx_http_social_hook_s3_confirmed,
                                           ctx);

    default:
        ngx_http_social_from_str(&topic, ctx->sns.topic);

        ngx_log_error(NGX_LOG_WARN, ctx->request->connection->log, 0,
                      "social: the subscription to topic \"%V\" has ended",
                      &topic);

        return ngx_http_social_hook_s3_accepted(ctx->request);
    }
}


static ngx_int_t
ngx_http_social_hook_s3_inner(ngx_http_social_hook_s3_ctx_t *ctx,
    social_str_t message)
{
    ngx_int_t  rc;

    rc = ngx_http_social_hook_s3_parse(ctx, message, &ctx->inner);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ctx->inner.form == SOCIAL_S3_EVENT_SNS) {
        return ngx_http_social_hook_s3_refused(ctx, "Message",
                                               "must be an event of S3");
    }

    return ngx_http_social_hook_s3_write(ctx, &ctx->inner);
}


static void
ngx_http_social_hook_s3_confirmed(ngx_http_request_t *r, ngx_int_t rc,
    void *data)
{
    ngx_http_social_hook_s3_ctx_t *ctx = data;

    ngx_str_t  topic;

    if (rc == NGX_OK) {
        ngx_http_social_from_str(&topic, ctx->sns.topic);

        ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0,
                      "social: confirmed the subscription to topic \"%V\"",
                      &topic);

        rc = ngx_http_social_hook_s3_accepted(r);
    }

    ngx_http_social_hook_s3_end(ctx, rc);
}


/*
 * NGX_DONE: it is answered later.
 */

static ngx_int_t
ngx_http_social_hook_s3_write(ngx_http_social_hook_s3_ctx_t *ctx,
    const social_s3_event_t *event)
{
    ngx_int_t                rc;
    ngx_uint_t               n;
    social_pq_objects_t      objects;
    const social_s3_rule_t  *rules;

    if (event->count == 0) {
        return ngx_http_social_hook_s3_accepted(ctx->request);
    }

    rules = ngx_http_social_job_rules(ctx->request, &n);

    if (social_pq_objects_create(event, rules, n, &objects) != SOCIAL_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_social_query_statement(ctx->request,
                                         &ngx_http_social_hook_objects,
                                         objects.params,
                                         SOCIAL_PQ_OBJECTS_PARAMS,
                                         ngx_http_social_hook_s3_written, ctx);

    social_pq_objects_free(&objects);

    return rc == NGX_OK ? NGX_DONE : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static void
ngx_http_social_hook_s3_written(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data)
{
    ngx_http_social_hook_s3_ctx_t *ctx = data;

    ngx_int_t  rc;

    switch (outcome) {

    case NGX_HTTP_SOCIAL_QUERY_OK:
        rc = ngx_http_social_hook_s3_accepted(r);
        break;

    case NGX_HTTP_SOCIAL_QUERY_LOCKED:
    case NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE:
        rc = NGX_HTTP_SERVICE_UNAVAILABLE;
        break;

    default:
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_social_hook_s3_end(ctx, rc);
}


/*
 * The status to answer with.
 */

static ngx_int_t
ngx_http_social_hook_s3_refused(ngx_http_social_hook_s3_ctx_t *ctx,
    const char *field, const char *why)
{
    ngx_log_error(NGX_LOG_INFO, ctx->request->connection->log, 0,
                  "social: hook refused: \"%s\" %s", field, why);

    if (ngx_strcmp(field, "body") == 0) {
        return NGX_HTTP_BAD_REQUEST;
    }

    ctx->field = field;
    ctx->why = why;

    return NGX_HTTP_SOCIAL_UNPROCESSABLE;
}


static ngx_int_t
ngx_http_social_hook_s3_accepted(ngx_http_request_t *r)
{
    ngx_str_t  empty;

    ngx_http_social_count(NGX_HTTP_SOCIAL_COUNT_HOOK_ACCEPTED);

    ngx_str_null(&empty);

    return ngx_http_social_reply_json(r, NGX_HTTP_NO_CONTENT, &empty);
}


/*
 * Ends the request, unless it is to be answered later (NGX_DONE), with what
 * was answered or with an error of that status.
 */

static void
ngx_http_social_hook_s3_end(ngx_http_social_hook_s3_ctx_t *ctx, ngx_int_t rc)
{
    ngx_http_request_t  *r;

    r = ctx->request;

    if (rc == NGX_DONE) {
        return;
    }

    if (rc >= NGX_HTTP_BAD_REQUEST) {
        ngx_http_social_hook_count_error(rc);
    }

    if (rc == NGX_HTTP_SERVICE_UNAVAILABLE) {
        rc = ngx_http_social_reply_unavailable(r);

    } else if (rc == NGX_HTTP_SOCIAL_UNPROCESSABLE) {
        rc = ngx_http_social_reply_field(r, ctx->field, ctx->why);
    }

    ngx_http_finalize_request(r, rc);
}
