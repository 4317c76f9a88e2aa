
/*
 * CORS: preflights, answered before anything else in a location runs, and the
 * settings that apply to a request.
 */

#include "ngx_http_social_cors.h"
#include "ngx_http_social_error.h"


#define NGX_HTTP_SOCIAL_CORS_LOG_MAX  100


typedef struct {
    ngx_str_t                        name;          /* in lower case */
    ngx_uint_t                       hash;          /* set at configuration */
} ngx_http_social_cors_name_t;


static ngx_int_t ngx_http_social_cors_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_cors_answer(ngx_http_request_t *r,
    ngx_http_social_cors_policy_t *policy);
static ngx_int_t ngx_http_social_cors_preflight(ngx_http_request_t *r,
    ngx_http_social_cors_policy_t *policy, ngx_table_elt_t *origin,
    ngx_table_elt_t *method);
static void ngx_http_social_cors_log(ngx_http_request_t *r,
    social_cors_verdict_e verdict, social_str_t refused);
static ngx_http_social_cors_ctx_t *ngx_http_social_cors_need_ctx(
    ngx_http_request_t *r);
static ngx_http_social_cors_policy_t *ngx_http_social_cors_server_policy(
    ngx_http_request_t *r);


/* in the order of ngx_http_social_cors_header_e */

static ngx_http_social_cors_name_t  ngx_http_social_cors_names_in[] = {
    { ngx_string("origin"), 0 },
    { ngx_string("access-control-request-method"), 0 },
    { ngx_string("access-control-request-headers"), 0 },
};


ngx_int_t
ngx_http_social_cors_handler_init(ngx_conf_t *cf)
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

    name = ngx_http_social_cors_names_in;

    for (i = 0; i <= NGX_HTTP_SOCIAL_CORS_HEADERS; i++) {
        name[i].hash = ngx_hash_key(name[i].name.data, name[i].name.len);
    }

    return NGX_OK;
}


ngx_table_elt_t *
ngx_http_social_cors_header_in(ngx_http_request_t *r,
    ngx_http_social_cors_header_e header, ngx_uint_t *more)
{
    ngx_http_social_cors_name_t  *name;

    name = &ngx_http_social_cors_names_in[header];

    return ngx_http_social_header_in(r, &name->name, name->hash, more);
}


/*
 * The first handler of the rewrite phase: a location's "return", its access
 * rules and its limits come after, and none of them is for preflights, which
 * carry no credentials.
 */

static ngx_int_t
ngx_http_social_cors_handler(ngx_http_request_t *r)
{
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

    /* every block has a policy once it is merged, which no analyzer can see */

    if (policy == NULL || !policy->enabled) {
        return NGX_DECLINED;
    }

    return ngx_http_social_cors_answer(r, policy);
}


ngx_int_t
ngx_http_social_cors_by(ngx_http_request_t *r,
    ngx_http_social_cors_policy_t *policy)
{
    ngx_http_social_cors_ctx_t  *ctx;

    ctx = ngx_http_social_cors_need_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->policy = policy;

    return ngx_http_social_cors_answer(r, policy);
}


static ngx_int_t
ngx_http_social_cors_answer(ngx_http_request_t *r,
    ngx_http_social_cors_policy_t *policy)
{
    ngx_uint_t        more;
    ngx_table_elt_t  *origin, *method;

    if (r->method != NGX_HTTP_OPTIONS) {
        return NGX_DECLINED;
    }

    origin = ngx_http_social_cors_header_in(r, NGX_HTTP_SOCIAL_CORS_ORIGIN,
                                            &more);

    if (origin == NULL || more) {
        return NGX_DECLINED;
    }

    method = ngx_http_social_cors_header_in(r, NGX_HTTP_SOCIAL_CORS_METHOD,
                                            NULL);

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

    headers = ngx_http_social_cors_header_in(r, NGX_HTTP_SOCIAL_CORS_HEADERS,
                                             NULL);

    if (headers) {
        preflight.headers = ngx_http_social_view(&headers->value);
    }

    verdict = social_cors_preflight(&policy->rules, &preflight, &refused);

    ngx_http_social_count(NGX_HTTP_SOCIAL_COUNT_PREFLIGHT_ALLOWED + verdict);

    if (verdict != SOCIAL_CORS_ALLOWED) {
        ngx_http_social_cors_log(r, verdict, refused);
    }

    ctx->preflight = 1;

    if (verdict == SOCIAL_CORS_REFUSED_ORIGIN) {

        if (policy->deny == NGX_HTTP_FORBIDDEN
            && ngx_http_social_error_own(r) != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

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
 * Logs what a developer needs to know about a failed preflight.
 */

static void
ngx_http_social_cors_log(ngx_http_request_t *r, social_cors_verdict_e verdict,
    social_str_t refused)
{
    u_char       text[4 * NGX_HTTP_SOCIAL_CORS_LOG_MAX];
    u_char      *last;
    const char  *what, *list, *more;

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

    more = "";

    if (refused.len > NGX_HTTP_SOCIAL_CORS_LOG_MAX) {
        refused.len = NGX_HTTP_SOCIAL_CORS_LOG_MAX;
        more = "...";
    }

    last = social_str_printable(text, refused);

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "social: preflight with %s \"%*s\"%s that is not in "
                  "\"%s\"", what, (size_t) (last - text), text, more, list);
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


ngx_http_social_cors_policy_t *
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
