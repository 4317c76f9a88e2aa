
/*
 * Extracting the token of a request: from one of the sources that
 * "social_auth_token" lists; the others must have none.
 */

#include "ngx_http_social_binding.h"


static social_token_status_e ngx_http_social_auth_extract_header(
    ngx_http_request_t *r, social_str_t *token);
static social_token_status_e ngx_http_social_auth_extract_sources(
    ngx_http_request_t *r, ngx_array_t *sources, social_str_t *token);
static social_token_status_e ngx_http_social_auth_extract_source(
    ngx_http_request_t *r, ngx_http_social_auth_source_t *source,
    social_str_t *token);
static social_token_status_e ngx_http_social_auth_extract_variable(
    ngx_http_request_t *r, ngx_http_social_auth_source_t *source,
    social_str_t *token);
static social_token_status_e ngx_http_social_auth_extract_lines(
    ngx_http_request_t *r, ngx_http_social_auth_source_t *source,
    social_str_t *token);
static ngx_uint_t ngx_http_social_auth_is_line(ngx_table_elt_t *h,
    ngx_str_t *name);
static ngx_uint_t ngx_http_social_auth_lines(ngx_http_request_t *r,
    ngx_str_t *name);
static ngx_uint_t ngx_http_social_auth_cookies(ngx_http_request_t *r,
    ngx_str_t *name);
static social_token_status_e ngx_http_social_auth_extract_cookie(
    ngx_http_request_t *r, ngx_http_social_auth_source_t *source,
    social_str_t *token);
static ngx_uint_t ngx_http_social_auth_from_cookie(ngx_http_request_t *r,
    ngx_http_social_auth_source_t *source, social_str_t token);


static ngx_str_t  ngx_http_social_auth_cookie_line = ngx_string("cookie");


social_token_status_e
ngx_http_social_auth_extract(ngx_http_request_t *r,
    ngx_http_social_auth_loc_conf_t *alcf, social_str_t *token)
{
    social_token_status_e        status;
    ngx_http_social_auth_ctx_t  *ctx;

    if (alcf->sources == NULL) {
        return ngx_http_social_auth_extract_header(r, token);
    }

    /* a map may use $social_sub, which would extract the token again */

    ctx = ngx_http_social_get_ctx(r, &ngx_http_social_auth_module);

    if (ctx != NULL) {
        ctx->taking = 1;
    }

    status = ngx_http_social_auth_extract_sources(r, alcf->sources, token);

    if (ctx != NULL) {
        ctx->taking = 0;
    }

    return status;
}


static social_token_status_e
ngx_http_social_auth_extract_header(ngx_http_request_t *r, social_str_t *token)
{
    ngx_table_elt_t             *h;
    social_token_status_e        status;
    ngx_http_social_auth_ctx_t  *ctx;
    static ngx_str_t             name = ngx_string("authorization");

    h = r->headers_in.authorization;

    if (h == NULL) {
        return SOCIAL_TOKEN_NONE;
    }

    /* nginx answers 400 to several, which an error_page may bring here */

    if (r->internal && ngx_http_social_auth_lines(r, &name) > 1) {
        return SOCIAL_TOKEN_SEVERAL;
    }

    status = social_token_from_bearer(ngx_http_social_view(&h->value), token);

    if (status == SOCIAL_TOKEN_NONE && ngx_http_social_dpop(r) != NULL) {

        status = social_token_from_dpop(ngx_http_social_view(&h->value),
                                        token);

        ctx = ngx_http_social_get_ctx(r, &ngx_http_social_auth_module);

        if (status != SOCIAL_TOKEN_NONE && ctx != NULL) {
            ctx->by_dpop = 1;
        }
    }

    if (status == SOCIAL_TOKEN_OK && social_token_is_placeholder(*token)) {

        /* a script without a token: the same as none */

        ctx = ngx_http_social_get_ctx(r, &ngx_http_social_auth_module);

        if (ctx != NULL) {
            ctx->by_dpop = 0;
        }

        return SOCIAL_TOKEN_NONE;
    }

    return status;
}


/*
 * "Clients MUST NOT use more than one method to transmit the token" (RFC 6750,
 * 2), not even for the same one: the backend may read it from the other
 * source.  An invalid token counts as one.
 */

static social_token_status_e
ngx_http_social_auth_extract_sources(ngx_http_request_t *r,
    ngx_array_t *sources, social_str_t *token)
{
    ngx_uint_t                      i;
    social_str_t                    found;
    social_token_status_e           status, rc;
    ngx_http_social_auth_source_t  *source, *holder;

    holder = NULL;
    status = SOCIAL_TOKEN_NONE;
    source = sources->elts;

    for (i = 0; i < sources->nelts; i++) {

        rc = ngx_http_social_auth_extract_source(r, &source[i], &found);

        if (rc == SOCIAL_TOKEN_NONE) {
            continue;
        }

        if (rc == SOCIAL_TOKEN_FAILED) {
            return rc;
        }

        if (holder != NULL) {
            return SOCIAL_TOKEN_SEVERAL;
        }

        holder = &source[i];
        status = rc;
        *token = found;
    }

    if (status == SOCIAL_TOKEN_OK
        && ngx_http_social_auth_from_cookie(r, holder, *token)
        && !ngx_http_social_auth_cookie_allowed(r))
    {
        return SOCIAL_TOKEN_ORIGIN;
    }

    return status;
}


static social_token_status_e
ngx_http_social_auth_extract_source(ngx_http_request_t *r,
    ngx_http_social_auth_source_t *source, social_str_t *token)
{
    social_token_status_e  status;

    switch (source->kind) {

    case NGX_HTTP_SOCIAL_AUTH_AUTHORIZATION:
        return ngx_http_social_auth_extract_header(r, token);

    case NGX_HTTP_SOCIAL_AUTH_HEADER:
    case NGX_HTTP_SOCIAL_AUTH_PROTOCOL:
        status = ngx_http_social_auth_extract_lines(r, source, token);
        break;

    case NGX_HTTP_SOCIAL_AUTH_NAMED:
        status = ngx_http_social_auth_extract_cookie(r, source, token);
        break;

    default:
        status = ngx_http_social_auth_extract_variable(r, source, token);
        break;
    }

    if (status == SOCIAL_TOKEN_OK && social_token_is_placeholder(*token)) {
        return SOCIAL_TOKEN_NONE;
    }

    return status;
}


/*
 * Of cookies and arguments nginx returns the first of a name, and a backend
 * may use the last.
 */

static social_token_status_e
ngx_http_social_auth_extract_variable(ngx_http_request_t *r,
    ngx_http_social_auth_source_t *source, social_str_t *token)
{
    social_str_t                value;
    ngx_http_variable_value_t  *v;

    v = ngx_http_get_flushed_variable(r, source->index);

    if (v == NULL) {
        return SOCIAL_TOKEN_FAILED;
    }

    if (source->kind == NGX_HTTP_SOCIAL_AUTH_COOKIE
        && ngx_http_social_auth_cookies(r, &source->item) > 1)
    {
        return SOCIAL_TOKEN_SEVERAL;
    }

    if (source->kind == NGX_HTTP_SOCIAL_AUTH_ARGUMENT
        && social_token_count(ngx_http_social_view(&r->args),
                              ngx_http_social_view(&source->item), "&")
           > 1)
    {
        return SOCIAL_TOKEN_SEVERAL;
    }

    if (v->not_found) {
        return SOCIAL_TOKEN_NONE;
    }

    value.len = v->len;
    value.data = v->data;

    if (source->kind == NGX_HTTP_SOCIAL_AUTH_COOKIE) {
        value = social_token_unquote(value);
    }

    return social_token_from_value(value, token);
}


/*
 * A cookie by its own name, which a variable cannot have if there is a "-" in
 * it, as in "__Host-session".
 */

static social_token_status_e
ngx_http_social_auth_extract_cookie(ngx_http_request_t *r,
    ngx_http_social_auth_source_t *source, social_str_t *token)
{
    ngx_uint_t        i, n;
    social_str_t      value, name;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    n = 0;
    value.len = 0;
    value.data = NULL;
    name = ngx_http_social_view(&source->item);

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (ngx_http_social_auth_is_line(&h[i],
                                             &ngx_http_social_auth_cookie_line))
            {
                n += social_token_cookie(ngx_http_social_view(&h[i].value),
                                         name, &value);
            }
        }
    }

    if (n > 1) {
        return SOCIAL_TOKEN_SEVERAL;
    }

    return n ? social_token_from_value(social_token_unquote(value), token)
             : SOCIAL_TOKEN_NONE;
}


/*
 * A "map" or "set" may have copied a cookie: the rule for cookies is for their
 * values, wherever they were taken from.
 */

static ngx_uint_t
ngx_http_social_auth_from_cookie(ngx_http_request_t *r,
    ngx_http_social_auth_source_t *source, social_str_t token)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    if (source->kind == NGX_HTTP_SOCIAL_AUTH_COOKIE
        || source->kind == NGX_HTTP_SOCIAL_AUTH_NAMED)
    {
        return 1;
    }

    if (source->kind != NGX_HTTP_SOCIAL_AUTH_VARIABLE) {
        return 0;
    }

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (ngx_http_social_auth_is_line(&h[i],
                                             &ngx_http_social_auth_cookie_line)
                && social_token_is_in(token,
                                      ngx_http_social_view(&h[i].value)))
            {
                return 1;
            }
        }
    }

    return 0;
}


/*
 * Not by the variable: of several lines nginx 1.22 gives the first, and later
 * ones join them.  The lines of a list of protocols are one list (RFC 6455,
 * 11.3.4).
 */

static social_token_status_e
ngx_http_social_auth_extract_lines(ngx_http_request_t *r,
    ngx_http_social_auth_source_t *source, social_str_t *token)
{
    size_t            len;
    u_char           *p;
    ngx_str_t         value;
    ngx_uint_t        i, n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *found;

    n = 0;
    len = 0;
    found = NULL;

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (ngx_http_social_auth_is_line(&h[i], &source->item)) {
                n++;
                len += h[i].value.len + 1;
                found = &h[i];
            }
        }
    }

    if (n == 0) {
        return SOCIAL_TOKEN_NONE;
    }

    if (source->kind == NGX_HTTP_SOCIAL_AUTH_HEADER) {
        return n == 1
               ? social_token_from_value(ngx_http_social_view(&found->value),
                                         token)
               : SOCIAL_TOKEN_SEVERAL;
    }

    if (n == 1) {
        return social_token_from_protocols(
                   ngx_http_social_view(&found->value), token);
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return SOCIAL_TOKEN_FAILED;
    }

    value.data = p;
    value.len = len;

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (ngx_http_social_auth_is_line(&h[i], &source->item)) {
                p = ngx_cpymem(p, h[i].value.data, h[i].value.len);
                *p++ = ',';
            }
        }
    }

    return social_token_from_protocols(ngx_http_social_view(&value), token);
}


/*
 * By the name that it has in a variable: "_" for "-".
 */

static ngx_uint_t
ngx_http_social_auth_is_line(ngx_table_elt_t *h, ngx_str_t *name)
{
    u_char  ch;
    size_t  i;

    if (h->hash == 0 || h->key.len != name->len) {
        return 0;
    }

    for (i = 0; i < name->len; i++) {

        ch = h->key.data[i];
        ch = ch == '-' ? '_' : ngx_tolower(ch);

        if (ch != name->data[i]) {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_http_social_auth_lines(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_uint_t        i, n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            n += ngx_http_social_auth_is_line(&h[i], name);
        }
    }

    return n;
}


static ngx_uint_t
ngx_http_social_auth_cookies(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_uint_t        i, n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (ngx_http_social_auth_is_line(&h[i],
                                             &ngx_http_social_auth_cookie_line))
            {
                n += social_token_count(ngx_http_social_view(&h[i].value),
                                        ngx_http_social_view(name), ";,");
            }
        }
    }

    return n;
}
