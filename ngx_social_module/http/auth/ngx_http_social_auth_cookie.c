
/*
 * Whether a request's cookie may speak for its user.
 *
 * A browser adds cookies to the requests of any page.  That is harmless where
 * nothing is changed, and where the page may not read the answer; otherwise
 * the page has to be one that the operator trusts, by its Origin.  No page can
 * forge that header (Fetch, "forbidden request-header").
 */

#include "ngx_http_social_auth.h"
#include "ngx_http_social_cors.h"


static ngx_uint_t ngx_http_social_auth_is_safe(ngx_http_request_t *r);
static ngx_uint_t ngx_http_social_auth_is_websocket(ngx_http_request_t *r);
static ngx_uint_t ngx_http_social_auth_own_origin(ngx_http_request_t *r,
    ngx_str_t *origin);
static ngx_uint_t ngx_http_social_auth_cors_origin(ngx_http_request_t *r,
    ngx_str_t *origin);


ngx_uint_t
ngx_http_social_auth_cookie_allowed(ngx_http_request_t *r)
{
    ngx_uint_t        more;
    ngx_table_elt_t  *h;
    static ngx_str_t  name = ngx_string("origin");

    if (ngx_http_social_auth_is_safe(r)
        && !ngx_http_social_auth_is_websocket(r))
    {
        return 1;
    }

    h = ngx_http_social_header_in(r, &name,
                                  ngx_hash_key(name.data, name.len), &more);

    if (h == NULL || more) {
        return 0;
    }

    return ngx_http_social_auth_own_origin(r, &h->value)
           || ngx_http_social_auth_cors_origin(r, &h->value);
}


/*
 * By the method that the client sent: an "error_page" or an X-Accel-Redirect
 * makes a GET of any other.
 */

static ngx_uint_t
ngx_http_social_auth_is_safe(ngx_http_request_t *r)
{
    ngx_str_t  *line;

    line = &r->request_line;

    return (line->len > 4 && ngx_strncmp(line->data, "GET ", 4) == 0)
           || (line->len > 5 && ngx_strncmp(line->data, "HEAD ", 5) == 0);
}


/*
 * A handshake is a GET, but a page may read and write what it opens, and CORS
 * does not apply to it (RFC 6455, 10.2).
 */

static ngx_uint_t
ngx_http_social_auth_is_websocket(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    h = r->headers_in.upgrade;

    return h != NULL
           && ngx_strlcasestrn(h->value.data, h->value.data + h->value.len,
                               (u_char *) "websocket",
                               sizeof("websocket") - 2)
              != NULL;
}


/*
 * scheme://host[:port] as it was asked for, byte by byte: a browser has put
 * both into the same form (RFC 6454, 6.2; Fetch, "Host").
 */

static ngx_uint_t
ngx_http_social_auth_own_origin(ngx_http_request_t *r, ngx_str_t *origin)
{
    ngx_str_t  scheme, *host;

    ngx_str_set(&scheme, "http://");

#if (NGX_HTTP_SSL)
    if (r->connection->ssl) {
        ngx_str_set(&scheme, "https://");
    }
#endif

    /* HTTP/3 has an authority instead */

    host = r->headers_in.host ? &r->headers_in.host->value
                              : &r->headers_in.server;

    return host->len != 0
           && origin->len == scheme.len + host->len
           && ngx_strncmp(origin->data, scheme.data, scheme.len) == 0
           && ngx_strncmp(origin->data + scheme.len, host->data, host->len)
              == 0;
}


/*
 * A request with a cookie is one with credentials, for which no origin is
 * allowed unless credentials are: with them, each must be listed by name.
 */

static ngx_uint_t
ngx_http_social_auth_cors_origin(ngx_http_request_t *r, ngx_str_t *origin)
{
    ngx_http_social_cors_policy_t  *policy;

    policy = ngx_http_social_cors_policy(r,
                 ngx_http_social_get_ctx(r, &ngx_http_social_cors_module));

    return policy != NULL && policy->enabled && policy->credentials
           && social_cors_origin_match(policy->rules.origins,
                                       policy->rules.norigins,
                                       ngx_http_social_view(origin));
}
