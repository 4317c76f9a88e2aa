
/*
 * The last place where an answer can be stopped that was made with a variable
 * which was empty only because its key was not loaded yet: a "return" answers
 * before PREACCESS, and "add_header" reads when all else is done.
 *
 * Hence a separate module, whose header filter runs after those of all
 * others of ours and after nginx's headers filter (see "config").  It replaces
 * the answer on the spot; ngx_http_filter_finalize_request() would take the
 * connection down with it, and the parent of a subrequest as well.
 */

#include "ngx_http_social_auth.h"
#include "ngx_http_social_error.h"


static ngx_int_t ngx_http_social_pending_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_pending_replace(ngx_http_request_t *r);

static ngx_int_t ngx_http_social_pending_init(ngx_conf_t *cf);


static ngx_http_module_t  ngx_http_social_pending_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_social_pending_init,          /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_social_pending_module = {
    NGX_MODULE_V1,
    &ngx_http_social_pending_module_ctx,   /* module context */
    NULL,                                  /* module directives */
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


static ngx_int_t
ngx_http_social_pending_header_filter(ngx_http_request_t *r)
{
    if (!ngx_http_social_auth_pending(r)) {
        return ngx_http_next_header_filter(r);
    }

    if (r != r->main) {

        if (r->headers_out.status < NGX_HTTP_BAD_REQUEST) {

            /* for "auth_request"; and nothing of it for a page */

            r->headers_out.status = NGX_HTTP_SERVICE_UNAVAILABLE;
            r->header_only = 1;
        }

        return ngx_http_next_header_filter(r);
    }

    if (r->headers_out.status != NGX_HTTP_SERVICE_UNAVAILABLE) {
        return ngx_http_social_pending_replace(r);
    }

    if (ngx_http_social_error_retry_after(r, 2) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/*
 * Through all the filters once more; then "header_only" prevents the body of
 * the original response.
 */

static ngx_int_t
ngx_http_social_pending_replace(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    ngx_http_clean_header(r);

    r->headers_out.content_length_n = 0;
    r->err_status = NGX_HTTP_SERVICE_UNAVAILABLE;

    if (ngx_http_social_error_own(r) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_OK && !r->header_only) {
        rc = ngx_http_send_special(r, NGX_HTTP_LAST);
    }

    r->header_only = 1;

    return rc;
}


static ngx_int_t
ngx_http_social_pending_init(ngx_conf_t *cf)
{
    ngx_http_social_auth_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_auth_module);

    if (!amcf->used) {
        return NGX_OK;
    }

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_social_pending_header_filter;

    return NGX_OK;
}
