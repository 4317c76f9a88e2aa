
/*
 * CORS: one Vary line.  The caches of an nginx before 1.23 keep only one of
 * several, and "gzip_vary" writes its own: this filter, which runs after those
 * that compress, adds it to the line that is there.
 */

#include "ngx_http_social_cors.h"


static ngx_int_t ngx_http_social_vary_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_vary_join(ngx_http_request_t *r,
    ngx_table_elt_t *first, size_t size, ngx_uint_t gzip);
static ngx_uint_t ngx_http_social_vary_is(ngx_table_elt_t *h);
static ngx_uint_t ngx_http_social_vary_has(ngx_str_t *value,
    social_str_t name);
static ngx_int_t ngx_http_social_vary_init(ngx_conf_t *cf);


static ngx_http_module_t  ngx_http_social_vary_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_social_vary_init,             /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_social_vary_module = {
    NGX_MODULE_V1,
    &ngx_http_social_vary_module_ctx,      /* module context */
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
ngx_http_social_vary_header_filter(ngx_http_request_t *r)
{
    size_t                     size;
    ngx_uint_t                 i, n, gzip;
    ngx_list_part_t           *part;
    ngx_table_elt_t           *h, *first;
    ngx_http_core_loc_conf_t  *clcf;

    if (r != r->main
        || !ngx_http_social_cors_policy(r,
               ngx_http_social_get_ctx(r, &ngx_http_social_cors_module))
            ->enabled)
    {
        return ngx_http_next_header_filter(r);
    }

    n = 0;
    size = 0;
    first = NULL;

    for (part = &r->headers_out.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (ngx_http_social_vary_is(&h[i])) {

                if (first == NULL) {
                    first = &h[i];
                }

                size += h[i].value.len + sizeof(", ") - 1;
                n++;
            }
        }
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    gzip = (r->gzip_vary && clcf->gzip_vary);

    if ((n > 1 || (n == 1 && gzip))
        && ngx_http_social_vary_join(r, first, size, gzip) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_social_vary_join(ngx_http_request_t *r, ngx_table_elt_t *first,
    size_t size, ngx_uint_t gzip)
{
    u_char                    *p;
    ngx_str_t                  value;
    ngx_uint_t                 i;
    ngx_list_part_t           *part;
    ngx_table_elt_t           *h;
    static const social_str_t  encoding = social_string("Accept-Encoding");

    p = ngx_pnalloc(r->pool, size + encoding.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;

    for (part = &r->headers_out.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (!ngx_http_social_vary_is(&h[i])) {
                continue;
            }

            if (p != value.data) {
                p = ngx_cpymem(p, ", ", sizeof(", ") - 1);
            }

            p = ngx_cpymem(p, h[i].value.data, h[i].value.len);

            if (&h[i] != first) {
                h[i].hash = 0;
            }
        }
    }

    value.len = p - value.data;

    if (gzip) {

        r->gzip_vary = 0;

        if (!ngx_http_social_vary_has(&value, encoding)) {
            p = ngx_cpymem(p, ", ", sizeof(", ") - 1);
            p = ngx_cpymem(p, encoding.data, encoding.len);
        }
    }

    first->value.data = value.data;
    first->value.len = p - value.data;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_social_vary_is(ngx_table_elt_t *h)
{
    return h->hash != 0
           && h->value.len != 0
           && h->key.len == sizeof("Vary") - 1
           && ngx_strncasecmp(h->key.data, (u_char *) "Vary",
                              sizeof("Vary") - 1)
              == 0;
}


/*
 * Whether a list has that name, or "*", to which nothing can be added.
 */

static ngx_uint_t
ngx_http_social_vary_has(ngx_str_t *value, social_str_t name)
{
    social_str_t  rest, item;

    rest = ngx_http_social_view(value);

    while (social_str_next(&rest, ", \t", &item)) {
        if (social_str_caseeq(item, name)
            || social_str_eq(item, social_str("*")))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_social_vary_init(ngx_conf_t *cf)
{
    if (!ngx_http_social_cors_used(cf)) {
        return NGX_OK;
    }

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_social_vary_header_filter;

    return NGX_OK;
}
