
/*
 * "social_resource": metadata for clients that have no token yet, and requests
 * of pages that are none of the resource's.
 */

#include "ngx_http_social_cors.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_reply.h"
#include "ngx_http_social_resource.h"
#include "social_resource.h"


#define NGX_HTTP_SOCIAL_RESOURCE_METHODS     "GET, HEAD, OPTIONS"
#define NGX_HTTP_SOCIAL_RESOURCE_LOG_MAX     128


static ngx_http_social_resource_t *ngx_http_social_resource_find(
    ngx_http_request_t *r);
static ngx_uint_t ngx_http_social_resource_is_listed(ngx_http_request_t *r,
    ngx_http_social_resource_t *resource, social_str_t origin);


/*
 * Any page may read the metadata, whatever CORS is elsewhere in the server: it
 * is public, and tells clients in browsers where to get a token.
 */

static social_cors_origin_t  ngx_http_social_resource_any = {
    SOCIAL_CORS_ANY, social_string("*"), { 0, NULL }
};


static social_str_t  ngx_http_social_resource_methods[] = {
    social_string("GET"),
    social_string("HEAD"),
};


static ngx_http_social_cors_policy_t  ngx_http_social_resource_cors = {
    { &ngx_http_social_resource_any, 1,
      ngx_http_social_resource_methods, 2, NULL, 0, false, true },

    ngx_string("GET, HEAD"),
    ngx_null_string,
    ngx_null_string,
    ngx_string("600"),
    ngx_null_string,
    NGX_HTTP_FORBIDDEN,
    1, 1, 0
};


ngx_http_social_resource_t *
ngx_http_social_resource(ngx_http_request_t *r)
{
    ngx_http_social_resource_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_social_resource_module);

    return conf->resource;
}


/*
 * Before all rules of locations: the path need not have one.
 */

ngx_int_t
ngx_http_social_resource_metadata_handler(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_str_t                    value;
    ngx_http_social_resource_t  *resource;
    static ngx_str_t             type = ngx_string("application/json");

    if (r != r->main) {
        return NGX_DECLINED;
    }

    resource = ngx_http_social_resource_find(r);

    if (resource == NULL) {
        return NGX_DECLINED;
    }

    rc = ngx_http_social_cors_by(r, &ngx_http_social_resource_cors);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (r->method == NGX_HTTP_OPTIONS) {

        ngx_str_set(&value, NGX_HTTP_SOCIAL_RESOURCE_METHODS);

        return ngx_http_social_header_out_push(r, "Allow", &value) == NULL
               ? NGX_HTTP_INTERNAL_SERVER_ERROR : NGX_HTTP_NO_CONTENT;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {

        if (ngx_http_social_error_own(r) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_social_reply_not_allowed(r,
                   NGX_HTTP_SOCIAL_RESOURCE_METHODS);
    }

    ngx_str_set(&value, "public, max-age=300");

    if (ngx_http_social_header_out_push(r, "Cache-Control", &value) == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_social_reply(r, NGX_HTTP_OK, &type, &resource->metadata);
}


/*
 * A slash at the end is that of a resource whose URL has one: not all clients
 * keep it.
 */

static ngx_http_social_resource_t *
ngx_http_social_resource_find(ngx_http_request_t *r)
{
    size_t                                 len;
    ngx_uint_t                             i;
    ngx_http_social_resource_t           **resource;
    ngx_http_social_resource_srv_conf_t   *rscf;

    rscf = ngx_http_get_module_srv_conf(r, ngx_http_social_resource_module);

    len = r->uri.len;

    if (rscf->resources == NULL
        || len < sizeof(SOCIAL_RESOURCE_WELL_KNOWN) - 1)
    {
        return NULL;
    }

    if (r->uri.data[len - 1] == '/') {
        len--;
    }

    resource = rscf->resources->elts;

    for (i = 0; i < rscf->resources->nelts; i++) {
        if (resource[i]->path.len == len
            && ngx_strncmp(resource[i]->path.data, r->uri.data, len) == 0)
        {
            return resource[i];
        }
    }

    return NULL;
}


/*
 * Without an Origin no page has sent it.  Before tokens are looked at, and not
 * in the access phase, where "satisfy any" would overrule it; but after
 * preflights, which CORS answers.
 */

ngx_int_t
ngx_http_social_resource_origin_handler(ngx_http_request_t *r)
{
    u_char                       text[4 * NGX_HTTP_SOCIAL_RESOURCE_LOG_MAX];
    u_char                      *last;
    ngx_uint_t                   more;
    social_str_t                 origin;
    ngx_table_elt_t             *h;
    ngx_http_social_resource_t  *resource;
    static ngx_str_t             name = ngx_string("origin");

    resource = ngx_http_social_resource(r);

    if (resource == NULL || r != r->main) {
        return NGX_DECLINED;
    }

    h = ngx_http_social_header_in(r, &name,
                                  ngx_hash_key(name.data, name.len), &more);

    if (h == NULL) {
        return NGX_DECLINED;
    }

    origin = ngx_http_social_view(&h->value);

    if (!more && ngx_http_social_resource_is_listed(r, resource, origin)) {
        return NGX_DECLINED;
    }

    origin.len = ngx_min(origin.len, NGX_HTTP_SOCIAL_RESOURCE_LOG_MAX);
    last = social_str_printable(text, origin);

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "social: request of origin \"%*s\" that is not listed for "
                  "the resource", (size_t) (last - text), text);

    if (ngx_http_social_error_own(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_HTTP_FORBIDDEN;
}


static ngx_uint_t
ngx_http_social_resource_is_listed(ngx_http_request_t *r,
    ngx_http_social_resource_t *resource, social_str_t origin)
{
    ngx_http_social_cors_policy_t  *policy;

    if (social_cors_origin_match(resource->origins->elts,
                                 resource->origins->nelts, origin))
    {
        return 1;
    }

    policy = ngx_http_social_cors_policy(r,
                 ngx_http_social_get_ctx(r, &ngx_http_social_cors_module));

    return policy != NULL && policy->enabled
           && social_cors_origin_match(policy->rules.origins,
                                       policy->rules.norigins, origin);
}
