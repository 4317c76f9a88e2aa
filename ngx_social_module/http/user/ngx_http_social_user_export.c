
/*
 * An export: pieces of one JSON document, each of them a statement.
 *
 * The next piece is asked for when the client has taken the one before, so that
 * an export of any size takes the memory of one piece.  What goes wrong after
 * the header was sent cannot be said any more: the connection is closed, and
 * the document has no end.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_reply.h"
#include "ngx_http_social_user_content.h"


#define NGX_HTTP_SOCIAL_USER_EXPORT_CURSOR  128


typedef struct {
    social_str_t                    issuer;      /* as long as the request */
    social_str_t                    subject;
    u_char                          cursor[NGX_HTTP_SOCIAL_USER_EXPORT_CURSOR];
    size_t                          cursor_len;
    ngx_buf_t                       buf;         /* the piece, in r->pool */
    unsigned                        sending:1;   /* not: it is asked for */
    unsigned                        last:1;
} ngx_http_social_user_export_ctx_t;


static ngx_int_t ngx_http_social_user_export_ask(ngx_http_request_t *r,
    ngx_http_social_user_export_ctx_t *ctx);
static void ngx_http_social_user_export_piece(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data);
static ngx_int_t ngx_http_social_user_export_failed(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome);
static ngx_int_t ngx_http_social_user_export_take(ngx_http_request_t *r,
    ngx_http_social_user_export_ctx_t *ctx, const social_pq_result_t *result);
static ngx_int_t ngx_http_social_user_export_header(ngx_http_request_t *r);
static void ngx_http_social_user_export_send(ngx_http_request_t *r,
    ngx_http_social_user_export_ctx_t *ctx, ngx_chain_t *out);
static void ngx_http_social_user_export_writer(ngx_http_request_t *r);


static const ngx_http_social_statement_t  ngx_http_social_user_export_sql = {
    .sql = "SELECT piece, next FROM social_user_export($1, $2, $3)",
    .repeat = 1
};


ngx_int_t
ngx_http_social_user_export(ngx_http_request_t *r,
    ngx_http_social_auth_ctx_t *identity)
{
    ngx_http_social_user_export_ctx_t  *ctx;

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_social_user_export_ctx_t));
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->issuer = ngx_http_social_view(&identity->issuer->identity);
    ctx->subject = identity->claims.subject;

    ngx_http_set_ctx(r, ctx, ngx_http_social_user_content_module);

    if (ngx_http_social_user_export_ask(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->main->count++;

    return NGX_DONE;
}


static ngx_int_t
ngx_http_social_user_export_ask(ngx_http_request_t *r,
    ngx_http_social_user_export_ctx_t *ctx)
{
    social_pq_param_t  params[3];

    ngx_memzero(params, sizeof(params));

    params[0].value = ctx->issuer;
    params[1].value = ctx->subject;
    params[2].value.data = ctx->cursor;
    params[2].value.len = ctx->cursor_len;

    ctx->sending = 0;

    return ngx_http_social_query_statement(r,
                                        &ngx_http_social_user_export_sql,
                                        params, 3,
                                        ngx_http_social_user_export_piece, ctx);
}


static void
ngx_http_social_user_export_piece(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data)
{
    ngx_http_social_user_export_ctx_t *ctx = data;

    ngx_int_t    rc;
    ngx_chain_t  out;

    if (outcome != NGX_HTTP_SOCIAL_QUERY_OK) {
        ngx_http_finalize_request(r,
                            ngx_http_social_user_export_failed(r, outcome));
        return;
    }

    rc = ngx_http_social_user_export_take(r, ctx, result);

    if (rc == NGX_OK && !r->header_sent) {
        rc = ngx_http_social_user_export_header(r);

        if (rc == NGX_OK && r->header_only) {
            ngx_http_finalize_request(r, NGX_OK);
            return;
        }
    }

    if (rc != NGX_OK) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    out.buf = &ctx->buf;
    out.next = NULL;

    r->write_event_handler = ngx_http_social_user_export_writer;
    ctx->sending = 1;

    ngx_http_social_user_export_send(r, ctx, &out);
}


static ngx_int_t
ngx_http_social_user_export_failed(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome)
{
    if (r->header_sent) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "social: an export was broken off");
        return NGX_ERROR;
    }

    return outcome == NGX_HTTP_SOCIAL_QUERY_REFUSED
           ? NGX_HTTP_INTERNAL_SERVER_ERROR
           : ngx_http_social_reply_unavailable(r);
}


/*
 * Copies the piece, since the result is freed, and where the next one begins.
 * No row: there is no such user.
 */

static ngx_int_t
ngx_http_social_user_export_take(ngx_http_request_t *r,
    ngx_http_social_user_export_ctx_t *ctx, const social_pq_result_t *result)
{
    ngx_buf_t     *b;
    social_str_t   piece, next;

    if (!social_pq_result_value(result, 0, 0, &piece)) {
        return r->header_sent ? NGX_ERROR : NGX_HTTP_NOT_FOUND;
    }

    ctx->last = !social_pq_result_value(result, 0, 1, &next);

    if (!ctx->last) {

        if (next.len > sizeof(ctx->cursor)) {
            return r->header_sent ? NGX_ERROR : NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_memcpy(ctx->cursor, next.data, next.len);
        ctx->cursor_len = next.len;
    }

    b = &ctx->buf;
    ngx_memzero(b, sizeof(ngx_buf_t));

    if (piece.len) {
        b->start = ngx_palloc(r->pool, piece.len);
        if (b->start == NULL) {
            return r->header_sent ? NGX_ERROR : NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_memcpy(b->start, piece.data, piece.len);
        b->memory = 1;
    }

    b->pos = b->start;
    b->last = b->start + piece.len;
    b->end = b->last;
    b->flush = 1;
    b->last_buf = ctx->last;

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_user_export_header(ngx_http_request_t *r)
{
    ngx_int_t         rc;
    static ngx_str_t  type = ngx_string("application/json");
    static ngx_str_t  no_store = ngx_string("no-store");
    static ngx_str_t  attachment = ngx_string("attachment; "
                                              "filename=\"export.json\"");

    if (ngx_http_social_header_out_push(r, "Cache-Control", &no_store) == NULL
        || ngx_http_social_header_out_push(r, "Content-Disposition",
                                           &attachment)
           == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_type = type;
    r->headers_out.content_type_len = type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    return rc > NGX_OK ? NGX_ERROR : rc;
}


/*
 * Sends, and goes on where everything was taken.  The filters take a buffer by
 * moving its "pos".
 */

static void
ngx_http_social_user_export_send(ngx_http_request_t *r,
    ngx_http_social_user_export_ctx_t *ctx, ngx_chain_t *out)
{
    ngx_int_t                  rc;
    ngx_event_t               *wev;
    ngx_http_core_loc_conf_t  *clcf;

    rc = ngx_http_output_filter(r, out);

    if (rc == NGX_ERROR || (ctx->sending && ctx->last)) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    wev = r->connection->write;

    if (ctx->sending && ngx_buf_size(&ctx->buf) == 0) {

        if (wev->timer_set) {
            ngx_del_timer(wev);
        }

        if (ctx->buf.start) {
            (void) ngx_pfree(r->pool, ctx->buf.start);
            ctx->buf.start = NULL;
        }

        if (ngx_http_social_user_export_ask(r, ctx) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_ERROR);
        }

        return;
    }

    clcf = ngx_http_get_module_loc_conf(r->main, ngx_http_core_module);

    if (ctx->sending && !wev->delayed) {
        ngx_add_timer(wev, clcf->send_timeout);
    }

    if (ngx_handle_write_event(wev, clcf->send_lowat) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_ERROR);
    }
}


static void
ngx_http_social_user_export_writer(ngx_http_request_t *r)
{
    ngx_event_t                        *wev;
    ngx_http_social_user_export_ctx_t  *ctx;

    wev = r->connection->write;

    if (wev->timedout) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, NGX_ETIMEDOUT,
                      "client timed out");
        r->connection->timedout = 1;

        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_user_content_module);

    ngx_http_social_user_export_send(r, ctx, NULL);
}
