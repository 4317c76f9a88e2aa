
/*
 * "social_json_errors": a header and body filter pair that writes JSON over
 * the error pages that nginx makes, in the shape of API Gateway's; and where a
 * content handler has bodies of its own for errors, such as the XML of a
 * store, those.
 *
 * Only the body shows for certain which pages those are, so the header is
 * delayed until it comes, which for nginx's own pages is at once.  The
 * upstream's errors and those of an "error_page" are not changed.
 */

#include "ngx_http_social_error.h"
#include "social_json.h"


/*
 * limit_req does not export when the next request would be allowed; a second
 * is right for rates down to one a second.
 */

#define NGX_HTTP_SOCIAL_ERROR_LIMITED  1


typedef struct {
    ngx_flag_t            used;
    ngx_int_t             request_id;    /* the variable's index */
} ngx_http_social_error_main_conf_t;


typedef struct {
    ngx_flag_t                     json;
    ngx_uint_t                     own;       /* not inherited */
    ngx_http_social_error_page_pt  page;      /* as content handlers are */
} ngx_http_social_error_loc_conf_t;


typedef struct {
    unsigned                       own:1;     /* the module's own error */
    unsigned                       held:1;    /* its header waits for its
                                                 body */
    ngx_uint_t                     status;    /* of "page"; 0: none */
    ngx_uint_t                     instead;   /* of 500; 0: it stays */
    ngx_http_social_error_page_t   page;
} ngx_http_social_error_ctx_t;


static ngx_int_t ngx_http_social_error_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_error_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_uint_t ngx_http_social_error_may_be_ours(ngx_http_request_t *r);
static ngx_uint_t ngx_http_social_error_is_page(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_social_error_send(ngx_http_request_t *r);
static ngx_table_elt_t *ngx_http_social_error_find_retry_after(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_social_error_body(ngx_http_request_t *r,
    ngx_str_t *body);
static ngx_int_t ngx_http_social_error_get_page(ngx_http_request_t *r,
    ngx_http_social_error_page_t *page);
static ngx_str_t *ngx_http_social_error_message(ngx_uint_t status);
static ngx_http_social_error_ctx_t *ngx_http_social_error_get_ctx(
    ngx_http_request_t *r);

static void *ngx_http_social_error_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_social_error_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_error_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_social_error_init(ngx_conf_t *cf);


static ngx_command_t  ngx_http_social_error_commands[] = {

    { ngx_string("social_json_errors"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_social_conf_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_social_error_loc_conf_t, json),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_error_module_ctx = {
    NULL,                                    /* preconfiguration */
    ngx_http_social_error_init,              /* postconfiguration */

    ngx_http_social_error_create_main_conf,  /* create main configuration */
    NULL,                                    /* init main configuration */

    NULL,                                    /* create server configuration */
    NULL,                                    /* merge server configuration */

    ngx_http_social_error_create_loc_conf,   /* create location configuration */
    ngx_http_social_error_merge_loc_conf     /* merge location configuration */
};


ngx_module_t  ngx_http_social_error_module = {
    NGX_MODULE_V1,
    &ngx_http_social_error_module_ctx,     /* module context */
    ngx_http_social_error_commands,        /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


typedef struct {
    ngx_uint_t            status;
    ngx_str_t             message;
} ngx_http_social_error_message_t;


static ngx_http_social_error_message_t  ngx_http_social_error_messages[] = {
    { 400, ngx_string("Bad Request") },
    { 401, ngx_string("Unauthorized") },
    { 402, ngx_string("Payment Required") },
    { 403, ngx_string("Forbidden") },
    { 404, ngx_string("Not Found") },
    { 405, ngx_string("Method Not Allowed") },
    { 406, ngx_string("Not Acceptable") },
    { 408, ngx_string("Request Timeout") },
    { 409, ngx_string("Conflict") },
    { 410, ngx_string("Gone") },
    { 411, ngx_string("Length Required") },
    { 412, ngx_string("Precondition Failed") },
    { 413, ngx_string("Request Entity Too Large") },
    { 414, ngx_string("Request-URI Too Long") },
    { 415, ngx_string("Unsupported Media Type") },
    { 416, ngx_string("Range Not Satisfiable") },
    { 421, ngx_string("Misdirected Request") },
    { 422, ngx_string("Unprocessable Entity") },
    { 429, ngx_string("Too Many Requests") },
    { 431, ngx_string("Request Header Fields Too Large") },
    { 500, ngx_string("Internal Server Error") },
    { 501, ngx_string("Not Implemented") },
    { 502, ngx_string("Bad Gateway") },
    { 503, ngx_string("Service Unavailable") },
    { 504, ngx_string("Gateway Timeout") },
    { 505, ngx_string("HTTP Version Not Supported") },
    { 507, ngx_string("Insufficient Storage") },
    { 0, ngx_string("Error") }
};


ngx_int_t
ngx_http_social_error_own(ngx_http_request_t *r)
{
    ngx_http_social_error_ctx_t  *ctx;

    ctx = ngx_http_social_error_get_ctx(r);

    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->own = 1;

    return NGX_OK;
}


void
ngx_http_social_error_instead(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_http_social_error_ctx_t  *ctx;

    ctx = ngx_http_social_error_get_ctx(r);

    if (ctx != NULL) {
        ctx->own = 1;
        ctx->instead = status;
    }
}


ngx_int_t
ngx_http_social_error_set_page(ngx_http_request_t *r, ngx_uint_t status,
    ngx_http_social_error_page_t *page)
{
    ngx_http_social_error_ctx_t  *ctx;

    ctx = ngx_http_social_error_get_ctx(r);

    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->status = status;
    ctx->page = *page;

    return NGX_OK;
}


ngx_int_t
ngx_http_social_error_retry_after(ngx_http_request_t *r, time_t seconds)
{
    ngx_str_t         value;
    ngx_table_elt_t  *h;

    value.data = ngx_pnalloc(r->pool, NGX_TIME_T_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "%T", seconds) - value.data;

    /* an error_page may have led here, with the headers of the error */

    while ((h = ngx_http_social_error_find_retry_after(r)) != NULL) {
        h->hash = 0;
    }

    return ngx_http_social_header_out_push(r, "Retry-After", &value)
           ? NGX_OK : NGX_ERROR;
}


static ngx_table_elt_t *
ngx_http_social_error_find_retry_after(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;
    static ngx_str_t  name = ngx_string("Retry-After");

    for (part = &r->headers_out.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash != 0
                && h[i].key.len == name.len
                && ngx_strncasecmp(h[i].key.data, name.data, name.len) == 0)
            {
                return &h[i];
            }
        }
    }

    return NULL;
}


/*
 * Not one of the contexts that survive an internal redirect: what was our own
 * error before it is the error_page's answer after it.
 */

static ngx_http_social_error_ctx_t *
ngx_http_social_error_get_ctx(ngx_http_request_t *r)
{
    ngx_http_social_error_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_error_module);

    if (ctx == NULL) {
        ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_social_error_ctx_t));
        if (ctx == NULL) {
            return NULL;
        }

        ngx_http_set_ctx(r, ctx, ngx_http_social_error_module);
    }

    return ctx;
}


static ngx_int_t
ngx_http_social_error_header_filter(ngx_http_request_t *r)
{
    ngx_http_social_error_ctx_t       *ctx;
    ngx_http_social_error_loc_conf_t  *elcf;

    if (r->err_status < NGX_HTTP_BAD_REQUEST || r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    elcf = ngx_http_get_module_loc_conf(r, ngx_http_social_error_module);
    ctx = ngx_http_get_module_ctx(r, ngx_http_social_error_module);

    if (!(elcf->json || elcf->own || elcf->page
          || (ctx && (ctx->own || ctx->status)))
        || !ngx_http_social_error_may_be_ours(r))
    {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_social_error_get_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->held = 1;

    return NGX_OK;
}


/*
 * err_status is set for nginx's own pages, and left behind by them for what
 * an "error_page" leads to, which has to be distinguished then: a file has
 * a date, and an upstream's answer is not in nginx's own memory, unless it is
 * empty.
 */

static ngx_uint_t
ngx_http_social_error_may_be_ours(ngx_http_request_t *r)
{
    ngx_http_core_loc_conf_t  *clcf;

    if (r->header_only
        || r->headers_out.last_modified_time != -1
        || r->headers_out.etag != NULL
        || r->headers_out.content_length_n < 0)
    {
        return 0;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (!r->internal || !(r->error_page || clcf->recursive_error_pages)) {
        return 1;
    }

    return r->headers_out.content_length_n > 0
           || r->upstream == NULL
           || r->upstream->headers_in.status_n == 0;
}


static ngx_int_t
ngx_http_social_error_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_int_t                     rc;
    ngx_http_social_error_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_error_module);

    if (ctx == NULL || !ctx->held || in == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    ctx->held = 0;

    if (ngx_http_social_error_is_page(r, in)) {
        return ngx_http_social_error_send(r);
    }

    rc = ngx_http_next_header_filter(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_next_body_filter(r, in);
}


/*
 * The page of an unusual status is empty; the others begin all alike, in
 * memory that is nginx's own.
 */

static ngx_uint_t
ngx_http_social_error_is_page(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t            *b;
    static const u_char   head[] = "<html>" CRLF "<head><title>";

    b = in->buf;

    if (r->headers_out.content_length_n == 0) {
        return ngx_buf_size(b) == 0 && b->last_buf;
    }

    return b->memory
           && (size_t) (b->last - b->pos) > sizeof(head) - 1
           && ngx_memcmp(b->pos, head, sizeof(head) - 1) == 0;
}


static ngx_int_t
ngx_http_social_error_send(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_buf_t                     *b;
    ngx_chain_t                    out;
    ngx_http_social_error_ctx_t   *ctx;
    ngx_http_social_error_page_t   page;

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_error_module);

    if (ctx->instead && r->err_status == NGX_HTTP_INTERNAL_SERVER_ERROR) {
        r->err_status = ctx->instead;
        r->headers_out.status = ctx->instead;
    }

    if (ngx_http_social_error_get_page(r, &page) != NGX_OK) {
        return NGX_ERROR;
    }

    r->headers_out.content_type = page.type;
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    r->headers_out.charset.len = 0;

    ngx_http_clear_content_length(r);
    r->headers_out.content_length_n = page.body.len;

    if (r->err_status == NGX_HTTP_TOO_MANY_REQUESTS
        && ngx_http_social_error_find_retry_after(r) == NULL
        && ngx_http_social_error_retry_after(r, NGX_HTTP_SOCIAL_ERROR_LIMITED)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_next_header_filter(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = page.body.data;
    b->last = page.body.data + page.body.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_next_body_filter(r, &out);
}


static ngx_int_t
ngx_http_social_error_get_page(ngx_http_request_t *r,
    ngx_http_social_error_page_t *page)
{
    ngx_http_social_error_ctx_t       *ctx;
    ngx_http_social_error_loc_conf_t  *elcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_error_module);

    if (ctx && ctx->status && ctx->status == (ngx_uint_t) r->err_status) {
        *page = ctx->page;
        return NGX_OK;
    }

    elcf = ngx_http_get_module_loc_conf(r, ngx_http_social_error_module);

    if (elcf->page) {
        return elcf->page(r, page);
    }

    ngx_str_set(&page->type, "application/json");

    return ngx_http_social_error_body(r, &page->body);
}


static ngx_int_t
ngx_http_social_error_body(ngx_http_request_t *r, ngx_str_t *body)
{
    ngx_str_t  *message, id;

    if (ngx_http_social_error_request_id(r, &id) != NGX_OK) {
        return NGX_ERROR;
    }

    message = ngx_http_social_error_message(r->err_status);

    body->data = ngx_pnalloc(r->pool,
                             sizeof("{\"message\":\"\",\"requestId\":\"\"}")
                             + message->len + id.len);
    if (body->data == NULL) {
        return NGX_ERROR;
    }

    body->len = ngx_sprintf(body->data,
                            "{\"message\":\"%V\",\"requestId\":\"%V\"}",
                            message, &id)
                - body->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_social_error_request_id(ngx_http_request_t *r, ngx_str_t *id)
{
    social_str_t                        text;
    ngx_http_variable_value_t          *v;
    ngx_http_social_error_main_conf_t  *emcf;

    emcf = ngx_http_get_module_main_conf(r, ngx_http_social_error_module);

    ngx_str_null(id);

    v = ngx_http_get_indexed_variable(r, emcf->request_id);

    if (v == NULL || v->not_found) {
        return NGX_OK;
    }

    text.len = v->len;
    text.data = v->data;

    id->data = ngx_pnalloc(r->pool, 6 * text.len);
    if (id->data == NULL) {
        return NGX_ERROR;
    }

    id->len = social_json_escape(id->data, text) - id->data;

    return NGX_OK;
}


static ngx_str_t *
ngx_http_social_error_message(ngx_uint_t status)
{
    ngx_http_social_error_message_t  *m;

    for (m = ngx_http_social_error_messages; m->status; m++) {
        if (m->status == status) {
            break;
        }
    }

    return &m->message;
}


void
ngx_http_social_error_use(ngx_conf_t *cf)
{
    ngx_http_social_error_main_conf_t  *emcf;

    emcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_error_module);
    emcf->used = 1;

    ngx_http_social_use(cf);
}


void
ngx_http_social_error_own_location(ngx_conf_t *cf)
{
    ngx_http_social_error_loc_conf_t  *elcf;

    elcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_social_error_module);
    elcf->own = 1;

    ngx_http_social_error_use(cf);
}


void
ngx_http_social_error_pages(ngx_conf_t *cf,
    ngx_http_social_error_page_pt handler)
{
    ngx_http_social_error_loc_conf_t  *elcf;

    elcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_social_error_module);
    elcf->page = handler;

    ngx_http_social_error_use(cf);
}


void
ngx_http_social_error_server_pages(ngx_conf_t *cf,
    ngx_http_social_error_page_pt handler)
{
    ngx_http_core_srv_conf_t          *cscf;
    ngx_http_social_error_loc_conf_t  *elcf;

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    elcf = cscf->ctx->loc_conf[ngx_http_social_error_module.ctx_index];
    elcf->page = handler;

    ngx_http_social_error_use(cf);
}


static void *
ngx_http_social_error_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_social_error_main_conf_t));
}


static void *
ngx_http_social_error_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_social_error_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_error_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->json = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_social_error_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_social_error_loc_conf_t  *prev = parent;
    ngx_http_social_error_loc_conf_t  *conf = child;

    ngx_conf_merge_value(conf->json, prev->json, 0);

    if (conf->json) {
        ngx_http_social_error_use(cf);
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_social_error_init(ngx_conf_t *cf)
{
    static ngx_str_t                    name = ngx_string("request_id");
    ngx_http_social_error_main_conf_t  *emcf;

    emcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_error_module);

    if (!emcf->used) {
        return NGX_OK;
    }

    emcf->request_id = ngx_http_get_variable_index(cf, &name);
    if (emcf->request_id == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_social_error_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_social_error_body_filter;

    return NGX_OK;
}
