
/*
 * CORS: the Vary header.  The response that caches keep depends on Origin
 * wherever origins are distinguished, whether or not the request had one
 * (Fetch, "CORS protocol and HTTP caches").
 */

#include "ngx_http_social_cors.h"


static ngx_table_elt_t *ngx_http_social_cors_vary_scan(ngx_http_request_t *r,
    ngx_uint_t n, ngx_uint_t *seen);
static ngx_uint_t ngx_http_social_cors_vary_names(ngx_str_t *value,
    ngx_uint_t n);


/* Origin for every response, all three for the answer to a preflight */

static social_str_t  ngx_http_social_cors_vary_on[] = {
    social_string("Origin"),
    social_string("Access-Control-Request-Method"),
    social_string("Access-Control-Request-Headers"),
};

#define NGX_HTTP_SOCIAL_CORS_VARY_N    3
#define NGX_HTTP_SOCIAL_CORS_VARY_ALL  (1 << NGX_HTTP_SOCIAL_CORS_VARY_N)


ngx_int_t
ngx_http_social_cors_vary(ngx_http_request_t *r, ngx_uint_t preflight)
{
    u_char           *p;
    size_t            len;
    ngx_str_t         value;
    ngx_uint_t        i, n, seen;
    ngx_table_elt_t  *h;

    n = preflight ? NGX_HTTP_SOCIAL_CORS_VARY_N : 1;

    h = ngx_http_social_cors_vary_scan(r, n, &seen);

    if (seen & NGX_HTTP_SOCIAL_CORS_VARY_ALL) {
        return NGX_OK;
    }

    len = h ? h->value.len : 0;

    for (i = 0; i < n; i++) {
        if (!(seen & (1 << i))) {
            len += sizeof(", ") - 1 + ngx_http_social_cors_vary_on[i].len;
        }
    }

    if (len == (h ? h->value.len : 0)) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;

    if (h) {
        p = ngx_cpymem(p, h->value.data, h->value.len);
    }

    for (i = 0; i < n; i++) {

        if (seen & (1 << i)) {
            continue;
        }

        if (p != value.data) {
            *p++ = ',';
            *p++ = ' ';
        }

        p = ngx_cpymem(p, ngx_http_social_cors_vary_on[i].data,
                       ngx_http_social_cors_vary_on[i].len);
    }

    value.len = p - value.data;

    if (h) {
        h->value = value;
        return NGX_OK;
    }

    h = ngx_http_social_header_out_push(r, "Vary", &value);

    return h ? NGX_OK : NGX_ERROR;
}


/*
 * The first Vary header, or NULL; "seen" gets a bit for each of the "n" names
 * that any of them has.
 */

static ngx_table_elt_t *
ngx_http_social_cors_vary_scan(ngx_http_request_t *r, ngx_uint_t n,
    ngx_uint_t *seen)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *first;

    first = NULL;
    *seen = 0;

    for (part = &r->headers_out.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash == 0
                || h[i].key.len != sizeof("Vary") - 1
                || ngx_strncasecmp(h[i].key.data, (u_char *) "Vary",
                                   sizeof("Vary") - 1)
                   != 0)
            {
                continue;
            }

            if (first == NULL) {
                first = &h[i];
            }

            *seen |= ngx_http_social_cors_vary_names(&h[i].value, n);
        }
    }

    return first;
}


static ngx_uint_t
ngx_http_social_cors_vary_names(ngx_str_t *value, ngx_uint_t n)
{
    ngx_uint_t    i, seen;
    social_str_t  rest, name;

    seen = 0;
    rest = ngx_http_social_view(value);

    while (social_str_next(&rest, ", \t", &name)) {

        if (social_str_eq(name, social_str("*"))) {
            return NGX_HTTP_SOCIAL_CORS_VARY_ALL;
        }

        for (i = 0; i < n; i++) {
            if (social_str_caseeq(name, ngx_http_social_cors_vary_on[i])) {
                seen |= 1 << i;
            }
        }
    }

    return seen;
}
