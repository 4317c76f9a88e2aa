
/*
 * "social_ready": whether this gateway can do its work, for load balancers.
 */

#include "ngx_http_social_issuer.h"
#include "ngx_http_social_keys.h"
#include "social_json.h"


static char *ngx_http_social_ready_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_social_ready_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_ready_body(ngx_http_request_t *r,
    ngx_str_t *body, ngx_uint_t *ready);


static ngx_command_t  ngx_http_social_ready_commands[] = {

    { ngx_string("social_ready"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_social_ready_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_ready_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_social_ready_module = {
    NGX_MODULE_V1,
    &ngx_http_social_ready_module_ctx,     /* module context */
    ngx_http_social_ready_commands,        /* module directives */
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


static ngx_int_t
ngx_http_social_ready_handler(ngx_http_request_t *r)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_str_t     body, value;
    ngx_uint_t    ready;
    ngx_chain_t   out;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_social_ready_body(r, &body, &ready) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&value, "no-store");

    if (ngx_http_social_header_out_push(r, "Cache-Control", &value) == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = ready ? NGX_HTTP_OK
                                  : NGX_HTTP_SERVICE_UNAVAILABLE;
    r->headers_out.content_length_n = body.len;
    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = body.data;
    b->last = body.data + body.len;
    b->memory = 1;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/*
 * {"status":"ready","keys":{"NAME":"loaded", ...}}
 */

static ngx_int_t
ngx_http_social_ready_body(ngx_http_request_t *r, ngx_str_t *body,
    ngx_uint_t *ready)
{
    size_t                                size;
    u_char                               *p;
    ngx_uint_t                            i;
    ngx_http_social_issuer_t            **issuer;
    ngx_http_social_issuer_main_conf_t   *imcf;

    imcf = ngx_http_get_module_main_conf(r, ngx_http_social_issuer_module);
    issuer = imcf->issuers.elts;

    *ready = 1;
    size = sizeof("{\"status\":\"waiting\",\"keys\":{}}");

    for (i = 0; i < imcf->issuers.nelts; i++) {
        size += sizeof(",\"\":\"missing\"") + 6 * issuer[i]->name.len;
        *ready &= (ngx_http_social_keys_current(issuer[i]) != NULL);
    }

    body->data = ngx_pnalloc(r->pool, size);
    if (body->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(body->data, "{\"status\":\"%s\",\"keys\":{",
                    *ready ? "ready" : "waiting");

    for (i = 0; i < imcf->issuers.nelts; i++) {

        if (i) {
            *p++ = ',';
        }

        *p++ = '"';
        p = social_json_escape(p, ngx_http_social_view(&issuer[i]->name));
        p = ngx_sprintf(p, "\":\"%s\"",
                        ngx_http_social_keys_current(issuer[i])
                        ? "loaded" : "missing");
    }

    p = ngx_cpymem(p, "}}", 2);

    body->len = p - body->data;

    return NGX_OK;
}


static char *
ngx_http_social_ready_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler == ngx_http_social_ready_handler) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_ready\" is duplicate: say it once");
    }

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "require=keys") != 0)
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid parameter \"%V\" in \"social_ready\": it must be "
                   "\"require=keys\"", &value[1]);
    }

    clcf->handler = ngx_http_social_ready_handler;

    return NGX_CONF_OK;
}
