
/*
 * A request's body as one string, and a response from one.
 */

#include "ngx_http_social_error.h"
#include "ngx_http_social_reply.h"


typedef struct {
    size_t                     max;
    ngx_http_social_body_pt    handler;
} ngx_http_social_body_ctx_t;


static void ngx_http_social_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_body_copy(ngx_http_request_t *r,
    ngx_buf_t *b, u_char *dst);


/*
 * The content handler's module keeps its context elsewhere, so that what
 * waits for the body hangs on a cleanup of the request.
 */

void
ngx_http_social_read_body_location(ngx_conf_t *cf, size_t max)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    clcf->client_body_buffer_size = ngx_max(clcf->client_body_buffer_size,
                                            max);
    clcf->client_body_in_file_only = 0;

    if (clcf->client_max_body_size == 0
        || clcf->client_max_body_size > (off_t) max)
    {
        clcf->client_max_body_size = max;
    }
}


ngx_int_t
ngx_http_social_read_body(ngx_http_request_t *r, size_t max,
    ngx_http_social_body_pt handler)
{
    ngx_int_t                    rc;
    ngx_http_social_body_ctx_t  *ctx;

    /* whatever goes wrong from here on */

    if (ngx_http_social_error_own(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->headers_in.content_length_n > (off_t) max) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    ctx = ngx_palloc(r->pool, sizeof(ngx_http_social_body_ctx_t));
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->max = max;
    ctx->handler = handler;

    ngx_http_set_ctx(r, ctx, ngx_http_social_module);

    /* small ones are not worth a file */

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_social_body_handler);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


static void
ngx_http_social_body_handler(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_str_t                    body;
    ngx_http_social_body_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_module);

    rc = ngx_http_social_body(r, ctx->max, &body);

    if (rc != NGX_OK) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    ctx->handler(r, ngx_http_social_view(&body));
}


/*
 * A body may be in several buffers, and in a file where it is larger than
 * client_body_buffer_size; the file was written a moment ago, and is small.
 */

ngx_int_t
ngx_http_social_body(ngx_http_request_t *r, size_t max, ngx_str_t *body)
{
    off_t         size;
    u_char       *p;
    ngx_chain_t  *cl;

    ngx_str_null(body);

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_OK;
    }

    size = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
    }

    if (size > (off_t) max) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    cl = r->request_body->bufs;

    if (cl->next == NULL && ngx_buf_in_memory(cl->buf)) {
        body->data = cl->buf->pos;
        body->len = size;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, size ? size : 1);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body->data = p;
    body->len = size;

    for ( /* void */ ; cl; cl = cl->next) {

        if (ngx_buf_special(cl->buf) || ngx_buf_size(cl->buf) == 0) {

            /* the end of a chunked body has its own buffer */

            continue;
        }

        if (ngx_http_social_body_copy(r, cl->buf, p) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        p += ngx_buf_size(cl->buf);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_body_copy(ngx_http_request_t *r, ngx_buf_t *b, u_char *dst)
{
    size_t   size;
    ssize_t  n;

    if (ngx_buf_in_memory(b)) {
        ngx_memcpy(dst, b->pos, b->last - b->pos);
        return NGX_OK;
    }

    size = (size_t) (b->file_last - b->file_pos);

    n = ngx_read_file(b->file, dst, size, b->file_pos);

    return n == (ssize_t) size ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_social_reply(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *body)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    r->headers_out.status = status;
    r->headers_out.content_length_n = body->len;
    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = type->len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = body->data;
    b->last = body->data + body->len;
    b->memory = body->len ? 1 : 0;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_http_social_reply_json(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *body)
{
    static ngx_str_t  type = ngx_string("application/json");
    static ngx_str_t  no_store = ngx_string("no-store");

    /* a response for one user must not be cached */

    if (ngx_http_social_header_out_push(r, "Cache-Control", &no_store)
        == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_social_reply(r, status, &type, body);
}


ngx_int_t
ngx_http_social_reply_field(ngx_http_request_t *r, const char *field,
    const char *why)
{
    ngx_str_t  body, id;

    if (ngx_http_social_error_request_id(r, &id) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = ngx_pnalloc(r->pool, sizeof("{\"message\":\"\","
                                            "\"errors\":{\"\":\"\"},"
                                            "\"requestId\":\"\"}")
                                     + 2 * ngx_strlen(field)
                                     + 2 * ngx_strlen(why) + 1 + id.len);
    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.len = ngx_sprintf(body.data, "{\"message\":\"%s %s\",\"errors\":"
                                      "{\"%s\":\"%s\"},\"requestId\":\"%V\"}",
                           field, why, field, why, &id)
               - body.data;

    return ngx_http_social_reply_json(r, 422, &body);
}


ngx_int_t
ngx_http_social_reply_not_allowed(ngx_http_request_t *r, const char *methods)
{
    ngx_str_t  allow;

    allow.len = ngx_strlen(methods);
    allow.data = (u_char *) methods;

    if (ngx_http_social_header_out_push(r, "Allow", &allow) == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_HTTP_NOT_ALLOWED;
}


ngx_int_t
ngx_http_social_reply_unauthorized(ngx_http_request_t *r)
{
    static ngx_str_t  challenge = ngx_string("Bearer realm=\"api\"");

    r->headers_out.www_authenticate =
        ngx_http_social_header_out_push(r, "WWW-Authenticate", &challenge);

    if (r->headers_out.www_authenticate == NULL
        || ngx_http_social_error_own(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_HTTP_UNAUTHORIZED;
}


ngx_int_t
ngx_http_social_reply_unavailable(ngx_http_request_t *r)
{
    if (ngx_http_social_error_own(r) != NGX_OK
        || ngx_http_social_error_retry_after(r, 2) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_HTTP_SERVICE_UNAVAILABLE;
}
