
/*
 * CORS: preflights, answered before anything else in a location runs, and
 * the headers of every response, nginx's own errors included.
 */

#include "ngx_http_social_cors.h"


#define NGX_HTTP_SOCIAL_CORS_LOG_MAX  100


typedef struct {
    /* that of the last location that had settings other than the server's */
    ngx_http_social_cors_policy_t   *policy;

    ngx_str_t                        allow_headers;

    unsigned                         preflight:1;
    unsigned                         allowed:1;
} ngx_http_social_cors_ctx_t;


typedef struct {
    ngx_str_t                        name;          /* in lower case */
    ngx_uint_t                       hash;          /* set at configuration */
} ngx_http_social_cors_name_t;


static ngx_int_t ngx_http_social_cors_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_cors_preflight(ngx_http_request_t *r,
    ngx_http_social_cors_policy_t *policy, ngx_table_elt_t *origin,
    ngx_table_elt_t *method);
static void ngx_http_social_cors_log(ngx_http_request_t *r,
    social_cors_verdict_e verdict, social_str_t refused);
static ngx_http_social_cors_ctx_t *ngx_http_social_cors_need_ctx(
    ngx_http_request_t *r);
static ngx_http_social_cors_policy_t *ngx_http_social_cors_server_policy(
    ngx_http_request_t *r);
static ngx_http_social_cors_policy_t *ngx_http_social_cors_policy(
    ngx_http_request_t *r, ngx_http_social_cors_ctx_t *ctx);

static ngx_int_t ngx_http_social_cors_header_filter(ngx_http_request_t *r);
static void ngx_http_social_cors_clear(ngx_http_request_t *r);
static ngx_uint_t ngx_http_social_cors_is_cors_header(ngx_str_t *key);
static ngx_uint_t ngx_http_social_cors_allow_origin(ngx_http_request_t *r,
    ngx_http_social_cors_policy_t *policy, ngx_str_t *origin);
static ngx_int_t ngx_http_social_cors_add(ngx_http_request_t *r,
    ngx_http_social_cors_policy_t *policy, ngx_http_social_cors_ctx_t *ctx,
    ngx_str_t *origin);


static ngx_http_social_cors_name_t  ngx_http_social_cors_request_names[] = {
    { ngx_string("origin"), 0 },
    { ngx_string("access-control-request-method"), 0 },
    { ngx_string("access-control-request-headers"), 0 },
};

#define ngx_http_social_cors_header_in(r, i, more)                            \
    ngx_http_social_header_in(r,                                              \
                              &ngx_http_social_cors_request_names[i].name,    \
                              ngx_http_social_cors_request_names[i].hash, more)

#define ngx_http_social_cors_origin_in(r, more)                               \
    ngx_http_social_cors_header_in(r, 0, more)
#define ngx_http_social_cors_method_in(r)                                     \
    ngx_http_social_cors_header_in(r, 1, NULL)
#define ngx_http_social_cors_headers_in(r)                                    \
    ngx_http_social_cors_header_in(r, 2, NULL)


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


ngx_int_t
ngx_http_social_cors_install(ngx_conf_t *cf)
{
    ngx_uint_t                    i;
    ngx_http_handler_pt          *h;
    ngx_http_core_main_conf_t    *cmcf;
    ngx_http_social_cors_name_t  *name;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_social_cors_handler;

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_social_cors_header_filter;

    for (i = 0; i < 3; i++) {
        name = &ngx_http_social_cors_request_names[i];
        name->hash = ngx_hash_key(name->name.data, name->name.len);
    }

    return NGX_OK;
}


/*
 * The first handler of the rewrite phase: a location's "return", its access
 * rules and its limits come after, and none of them is for preflights, which
 * carry no credentials.
 */

static ngx_int_t
ngx_http_social_cors_handler(ngx_http_request_t *r)
{
    ngx_uint_t                      more;
    ngx_table_elt_t                *origin, *method;
    ngx_http_social_cors_ctx_t     *ctx;
    ngx_http_social_cors_policy_t  *policy;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_social_get_ctx(r, &ngx_http_social_cors_module);
    policy = ngx_http_social_cors_policy(r, ctx);

    /* an internal redirect may leave the location behind */

    if (policy != ngx_http_social_cors_server_policy(r)
        && (ctx == NULL || ctx->policy != policy))
    {
        ctx = ngx_http_social_cors_need_ctx(r);
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ctx->policy = policy;
    }

    if (!policy->enabled || r->method != NGX_HTTP_OPTIONS) {
        return NGX_DECLINED;
    }

    origin = ngx_http_social_cors_origin_in(r, &more);

    if (origin == NULL || more) {
        return NGX_DECLINED;
    }

    method = ngx_http_social_cors_method_in(r);

    if (method == NULL) {
        return NGX_DECLINED;
    }

    return ngx_http_social_cors_preflight(r, policy, origin, method);
}


/*
 * Only the status is made here: the headers come with those of any other
 * response, in the header filter.
 */

static ngx_int_t
ngx_http_social_cors_preflight(ngx_http_request_t *r,
    ngx_http_social_cors_policy_t *policy, ngx_table_elt_t *origin,
    ngx_table_elt_t *method)
{
    size_t                       size;
    social_str_t                 refused;
    ngx_table_elt_t             *headers;
    social_cors_verdict_e        verdict;
    social_cors_preflight_t      preflight;
    ngx_http_social_cors_ctx_t  *ctx;

    ctx = ngx_http_social_cors_need_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&preflight, sizeof(social_cors_preflight_t));

    preflight.origin = ngx_http_social_view(&origin->value);
    preflight.method = ngx_http_social_view(&method->value);

    headers = ngx_http_social_cors_headers_in(r);

    if (headers) {
        preflight.headers = ngx_http_social_view(&headers->value);
    }

    verdict = social_cors_preflight(&policy->rules, &preflight, &refused);

    if (verdict != SOCIAL_CORS_ALLOWED) {
        ngx_http_social_cors_log(r, verdict, refused);
    }

    ctx->preflight = 1;

    if (verdict == SOCIAL_CORS_REFUSED_ORIGIN) {
        return policy->deny;
    }

    ctx->allowed = 1;

    if (!policy->rules.any_header) {
        ctx->allow_headers = policy->headers;
        return NGX_HTTP_NO_CONTENT;
    }

    size = social_cors_allow_headers_size(&policy->rules, preflight.headers);

    ctx->allow_headers.data = ngx_pnalloc(r->pool, size + 1);
    if (ctx->allow_headers.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->allow_headers.len = social_cors_allow_headers(&policy->rules,
                                                       preflight.headers,
                                                       ctx->allow_headers.data);

    return NGX_HTTP_NO_CONTENT;
}


/*
 * Says what a developer who looks at a failed preflight wants to know.  The
 * value is the client's: it is cut at the first byte that is not printable.
 */

static void
ngx_http_social_cors_log(ngx_http_request_t *r, social_cors_verdict_e verdict,
    social_str_t refused)
{
    size_t       n;
    const char  *what, *list;

    switch (verdict) {

    case SOCIAL_CORS_REFUSED_ORIGIN:
        what = "origin";
        list = "social_cors_origins";
        break;

    case SOCIAL_CORS_REFUSED_METHOD:
        what = "method";
        list = "social_cors_methods";
        break;

    default: /* SOCIAL_CORS_REFUSED_HEADER */
        what = "header";
        list = "social_cors_headers";
        break;
    }

    for (n = 0; n < refused.len && n < NGX_HTTP_SOCIAL_CORS_LOG_MAX; n++) {
        if (refused.data[n] < ' ' || refused.data[n] >= 0x7f) {
            break;
        }
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "social: preflight with %s \"%*s\"%s that is not in "
                  "\"%s\"", what, n, refused.data,
                  n < refused.len ? "..." : "", list);
}


static ngx_http_social_cors_ctx_t *
ngx_http_social_cors_need_ctx(ngx_http_request_t *r)
{
    ngx_http_social_cors_ctx_t  *ctx;

    ctx = ngx_http_social_get_ctx(r, &ngx_http_social_cors_module);

    if (ctx != NULL) {
        return ctx;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_social_cors_ctx_t));

    if (ctx == NULL
        || ngx_http_social_set_ctx(r, ctx, &ngx_http_social_cors_module)
           != NGX_OK)
    {
        return NULL;
    }

    return ctx;
}


static ngx_http_social_cors_policy_t *
ngx_http_social_cors_server_policy(ngx_http_request_t *r)
{
    ngx_http_core_srv_conf_t     *cscf;
    ngx_http_social_cors_conf_t  *scf;

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    scf = cscf->ctx->loc_conf[ngx_http_social_cors_module.ctx_index];

    return scf->policy;
}


/*
 * The settings of the location, or, where it has none but the server's and
 * the request was redirected to it, those that the request had before.
 */

static ngx_http_social_cors_policy_t *
ngx_http_social_cors_policy(ngx_http_request_t *r,
    ngx_http_social_cors_ctx_t *ctx)
{
    ngx_http_social_cors_conf_t  *scf;

    scf = ngx_http_get_module_loc_conf(r, ngx_http_social_cors_module);

    if (ctx == NULL || ctx->policy == NULL
        || scf->policy != ngx_http_social_cors_server_policy(r))
    {
        return scf->policy;
    }

    return ctx->policy;
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

    if (ngx_http_social_cors_allow_origin(r, policy, &origin)
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

    h = ngx_http_social_cors_origin_in(r, &more);

    if (h == NULL) {

        /*
         * 414, 494 and some 400 are sent before the headers were read: the
         * only origin that there can be is right for whoever may see it
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
