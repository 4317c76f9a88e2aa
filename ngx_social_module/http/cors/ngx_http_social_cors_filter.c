
/*
 * CORS: the headers of every response, nginx's own errors included.
 */

#include "ngx_http_social_cors.h"


static ngx_int_t ngx_http_social_cors_header_filter(ngx_http_request_t *r);
static void ngx_http_social_cors_clear(ngx_http_request_t *r);
static ngx_uint_t ngx_http_social_cors_is_cors_header(ngx_str_t *key);
static ngx_uint_t ngx_http_social_cors_decide(ngx_http_request_t *r,
    ngx_http_social_cors_policy_t *policy, ngx_uint_t preflight,
    ngx_str_t *origin);
static ngx_uint_t ngx_http_social_cors_allow_origin(ngx_http_request_t *r,
    ngx_http_social_cors_policy_t *policy, ngx_str_t *origin);
static ngx_int_t ngx_http_social_cors_add(ngx_http_request_t *r,
    ngx_http_social_cors_policy_t *policy, ngx_http_social_cors_ctx_t *ctx,
    ngx_str_t *origin);


/* after "Access-Control-" */

static ngx_str_t  ngx_http_social_cors_response_names[] = {
    ngx_string("Allow-Origin"),
    ngx_string("Allow-Credentials"),
    ngx_string("Allow-Methods"),
    ngx_string("Allow-Headers"),
    ngx_string("Expose-Headers"),
    ngx_string("Max-Age"),
    ngx_null_string
};


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


void
ngx_http_social_cors_filter_init(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_social_cors_header_filter;
}


static ngx_int_t
ngx_http_social_cors_header_filter(ngx_http_request_t *r)
{
    ngx_str_t                       origin;
    ngx_uint_t                      preflight;
    ngx_http_social_cors_ctx_t     *ctx;
    ngx_http_social_cors_policy_t  *policy;

    if (r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_social_get_ctx(r, &ngx_http_social_cors_module);
    policy = ngx_http_social_cors_policy(r, ctx);

    if (!policy->enabled) {
        return ngx_http_next_header_filter(r);
    }

    /*
     * the upstream's headers go, and so do our own: after a 416 of the range
     * filter, for one, nginx sends the headers of one response twice
     */

    ngx_http_social_cors_clear(r);

    preflight = (ctx != NULL && ctx->preflight);

    if (ngx_http_social_cors_decide(r, policy, preflight, &origin)
        && (!preflight || ctx->allowed)
        && ngx_http_social_cors_add(r, policy, ctx, &origin) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if ((preflight || !policy->any)
        && ngx_http_social_cors_vary(r, preflight) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


static void
ngx_http_social_cors_clear(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash != 0
                && ngx_http_social_cors_is_cors_header(&h[i].key))
            {
                h[i].hash = 0;
            }
        }
    }
}


static ngx_uint_t
ngx_http_social_cors_is_cors_header(ngx_str_t *key)
{
    size_t             len;
    ngx_str_t         *name;
    static const char  prefix[] = "Access-Control-";

    len = sizeof(prefix) - 1;

    if (key->len <= len
        || (key->data[0] | 0x20) != 'a'
        || ngx_strncasecmp(key->data, (u_char *) prefix, len) != 0)
    {
        return 0;
    }

    for (name = ngx_http_social_cors_response_names; name->len; name++) {

        if (key->len - len == name->len
            && ngx_strncasecmp(key->data + len, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * Counts requests with an Origin, where that decides; a preflight is counted
 * where it was answered.
 */

static ngx_uint_t
ngx_http_social_cors_decide(ngx_http_request_t *r,
    ngx_http_social_cors_policy_t *policy, ngx_uint_t preflight,
    ngx_str_t *origin)
{
    if (ngx_http_social_cors_allow_origin(r, policy, origin)) {
        if (!policy->any && !preflight) {
            ngx_http_social_count(NGX_HTTP_SOCIAL_COUNT_CORS_ALLOWED);
        }

        return 1;
    }

    if (!preflight
        && ngx_http_social_cors_header_in(r, NGX_HTTP_SOCIAL_CORS_ORIGIN, NULL)
           != NULL)
    {
        ngx_http_social_count(NGX_HTTP_SOCIAL_COUNT_CORS_REFUSED);
    }

    return 0;
}


/*
 * Sets "origin" to the value of Access-Control-Allow-Origin; returns 0 if
 * there is to be none.
 */

static ngx_uint_t
ngx_http_social_cors_allow_origin(ngx_http_request_t *r,
    ngx_http_social_cors_policy_t *policy, ngx_str_t *origin)
{
    ngx_uint_t        more;
    ngx_table_elt_t  *h;

    if (policy->any) {
        ngx_str_set(origin, "*");
        return 1;
    }

    h = ngx_http_social_cors_header_in(r, NGX_HTTP_SOCIAL_CORS_ORIGIN, &more);

    if (h == NULL) {

        /*
         * 414, 494 and some 400 are sent before the headers were read: the
         * only possible origin is right for every client that may see it
         */

        if (r->http_state == NGX_HTTP_READING_REQUEST_STATE
            && policy->sole.len)
        {
            *origin = policy->sole;
            return 1;
        }

        return 0;
    }

    if (more
        || !social_cors_origin_match(policy->rules.origins,
                                     policy->rules.norigins,
                                     ngx_http_social_view(&h->value)))
    {
        return 0;
    }

    *origin = h->value;

    return 1;
}


static ngx_int_t
ngx_http_social_cors_add(ngx_http_request_t *r,
    ngx_http_social_cors_policy_t *policy, ngx_http_social_cors_ctx_t *ctx,
    ngx_str_t *origin)
{
    ngx_uint_t        i;
    static ngx_str_t  yes = ngx_string("true");

    struct {
        const char   *name;
        ngx_str_t    *value;
    } headers[] = {
        { "Access-Control-Allow-Origin", origin },
        { "Access-Control-Allow-Credentials", NULL },
        { "Access-Control-Expose-Headers", NULL },
        { "Access-Control-Allow-Methods", NULL },
        { "Access-Control-Allow-Headers", NULL },
        { "Access-Control-Max-Age", NULL },
    };

    if (policy->credentials) {
        headers[1].value = &yes;
    }

    if (ctx == NULL || !ctx->preflight) {
        headers[2].value = &policy->expose;

    } else {
        headers[3].value = &policy->methods;
        headers[4].value = &ctx->allow_headers;
        headers[5].value = &policy->max_age;
    }

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {

        if (headers[i].value == NULL || headers[i].value->len == 0) {
            continue;
        }

        if (ngx_http_social_header_out_push(r, headers[i].name,
                                            headers[i].value)
            == NULL)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
