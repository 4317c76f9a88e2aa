
/*
 * CORS: what is made of the directives of a block at configuration time, and
 * what contradicts itself in them.
 */

#include "ngx_http_social_cors.h"


#define NGX_HTTP_SOCIAL_CORS_MAX_AGE  600


static char *ngx_http_social_cors_check(ngx_conf_t *cf,
    ngx_http_social_cors_conf_t *scf);
static char *ngx_http_social_cors_check_list(ngx_conf_t *cf,
    ngx_http_social_cors_conf_t *scf, ngx_http_social_cors_list_t *list,
    const char *directive);
static char *ngx_http_social_cors_conflict(ngx_conf_t *cf,
    ngx_http_social_cors_conf_t *scf, ngx_http_social_position_t *position,
    const char *value, const char *directive);
static void ngx_http_social_cors_make_rules(ngx_http_social_cors_conf_t *scf,
    social_cors_rules_t *rules);
static ngx_int_t ngx_http_social_cors_make_values(ngx_conf_t *cf,
    ngx_http_social_cors_conf_t *scf, ngx_http_social_cors_policy_t *policy);
static ngx_int_t ngx_http_social_cors_join(ngx_conf_t *cf,
    const social_str_t *names, ngx_uint_t n, ngx_uint_t any,
    ngx_str_t *value);


static social_str_t  ngx_http_social_cors_default_methods[] = {
    social_string("GET"),
    social_string("HEAD"),
    social_string("POST"),
    social_string("PUT"),
    social_string("PATCH"),
    social_string("DELETE"),
};


static social_str_t  ngx_http_social_cors_default_headers[] = {
    social_string("Authorization"),
    social_string("Content-Type"),
};


ngx_http_social_cors_policy_t *
ngx_http_social_cors_make_policy(ngx_conf_t *cf,
    ngx_http_social_cors_conf_t *scf)
{
    ngx_http_social_cors_policy_t  *policy;

    policy = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_cors_policy_t));
    if (policy == NULL) {
        return NULL;
    }

    if (scf->enable != 1) {
        return policy;
    }

    if (ngx_http_social_cors_check(cf, scf) != NGX_CONF_OK) {
        return NULL;
    }

    policy->enabled = 1;
    policy->credentials = (scf->credentials == 1);
    policy->deny = scf->deny == NGX_CONF_UNSET_UINT ? NGX_HTTP_FORBIDDEN
                                                    : scf->deny;

    ngx_http_social_cors_make_rules(scf, &policy->rules);

    if (ngx_http_social_cors_make_values(cf, scf, policy) != NGX_OK) {
        return NULL;
    }

    return policy;
}


/*
 * Contradictions count only where CORS is on: a block may set what the blocks
 * in it inherit.
 */

static char *
ngx_http_social_cors_check(ngx_conf_t *cf, ngx_http_social_cors_conf_t *scf)
{
    u_char                 value[SOCIAL_CORS_ORIGIN_MAX + sizeof("*")];
    ngx_uint_t             i;
    social_cors_origin_t  *o;

    if (scf->origins == NULL) {
        return ngx_http_social_conf_missing(cf, &scf->enable_position,
                   "social_cors_origins", "as \"https://example.com\"",
                   "social_cors");
    }

    if (scf->credentials != 1) {
        return NGX_CONF_OK;
    }

    o = scf->origins->elts;

    for (i = 0; i < scf->origins->nelts; i++) {

        if (o[i].kind == SOCIAL_CORS_ANY) {
            return ngx_http_social_cors_conflict(cf, scf,
                       &scf->origins_position, "*", "social_cors_origins");
        }

        if (o[i].kind == SOCIAL_CORS_SCHEME) {

            ngx_snprintf(value, sizeof(value), "%*s*%Z", o[i].text.len,
                         o[i].text.data);

            return ngx_http_social_cors_conflict(cf, scf,
                       &scf->origins_position, (char *) value,
                       "social_cors_origins");
        }

        if (social_str_eq(o[i].text, social_str("null"))) {
            /* any page has that origin in a sandboxed frame */
            return ngx_http_social_cors_conflict(cf, scf,
                       &scf->origins_position, "null", "social_cors_origins");
        }
    }

    if (ngx_http_social_cors_check_list(cf, scf, &scf->methods,
                                        "social_cors_methods")
        != NGX_CONF_OK
        || ngx_http_social_cors_check_list(cf, scf, &scf->headers,
                                           "social_cors_headers")
           != NGX_CONF_OK
        || ngx_http_social_cors_check_list(cf, scf, &scf->expose,
                                           "social_cors_expose")
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_social_cors_check_list(ngx_conf_t *cf,
    ngx_http_social_cors_conf_t *scf, ngx_http_social_cors_list_t *list,
    const char *directive)
{
    if (!list->any) {
        return NGX_CONF_OK;
    }

    return ngx_http_social_cors_conflict(cf, scf, &list->position, "*",
                                         directive);
}


/*
 * Both lines are named: with inheritance they may be far apart.
 */

static char *
ngx_http_social_cors_conflict(ngx_conf_t *cf,
    ngx_http_social_cors_conf_t *scf, ngx_http_social_position_t *position,
    const char *value, const char *directive)
{
    return ngx_http_social_conf_error(cf, position,
               "\"social_cors_credentials on\" in %V:%ui (list each one by "
               "name) does not allow \"%s\" in \"%s\" directive",
               &scf->credentials_position.file,
               scf->credentials_position.line, value, directive);
}


static void
ngx_http_social_cors_make_rules(ngx_http_social_cors_conf_t *scf,
    social_cors_rules_t *rules)
{
    rules->origins = scf->origins->elts;
    rules->norigins = scf->origins->nelts;

    if (scf->methods.names) {
        rules->methods = scf->methods.names->elts;
        rules->nmethods = scf->methods.names->nelts;

    } else {
        rules->methods = ngx_http_social_cors_default_methods;
        rules->nmethods = sizeof(ngx_http_social_cors_default_methods)
                          / sizeof(social_str_t);
    }

    if (scf->headers.names) {
        rules->headers = scf->headers.names->elts;
        rules->nheaders = scf->headers.names->nelts;

    } else {
        rules->headers = ngx_http_social_cors_default_headers;
        rules->nheaders = sizeof(ngx_http_social_cors_default_headers)
                          / sizeof(social_str_t);
    }

    rules->any_method = (scf->methods.any != 0);
    rules->any_header = (scf->headers.any != 0);
}


static ngx_int_t
ngx_http_social_cors_make_values(ngx_conf_t *cf,
    ngx_http_social_cors_conf_t *scf, ngx_http_social_cors_policy_t *policy)
{
    u_char                      *p;
    ngx_array_t                 *names;
    social_cors_rules_t         *rules;
    const social_cors_origin_t  *o;

    rules = &policy->rules;
    o = rules->origins;

    policy->any = (o[0].kind == SOCIAL_CORS_ANY);

    if (rules->norigins == 1 && o[0].kind == SOCIAL_CORS_EXACT) {
        ngx_http_social_from_str(&policy->sole, o[0].text);
    }

    if (ngx_http_social_cors_join(cf, rules->methods, rules->nmethods,
                                  rules->any_method, &policy->methods)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!rules->any_header
        && ngx_http_social_cors_join(cf, rules->headers, rules->nheaders, 0,
                                     &policy->headers)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    names = scf->expose.names;

    if (names != NULL
        && ngx_http_social_cors_join(cf, names->elts, names->nelts,
                                     scf->expose.any, &policy->expose)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(cf->pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    policy->max_age.data = p;
    policy->max_age.len = ngx_sprintf(p, "%i",
                                      scf->max_age_set
                                      ? scf->max_age
                                      : NGX_HTTP_SOCIAL_CORS_MAX_AGE)
                          - p;

    return NGX_OK;
}


/*
 * "a, b, *"
 */

static ngx_int_t
ngx_http_social_cors_join(ngx_conf_t *cf, const social_str_t *names,
    ngx_uint_t n, ngx_uint_t any, ngx_str_t *value)
{
    u_char      *p;
    size_t       len;
    ngx_uint_t   i;

    len = sizeof("*");

    for (i = 0; i < n; i++) {
        len += names[i].len + sizeof(", ") - 1;
    }

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value->data = p;

    for (i = 0; i < n; i++) {

        if (p != value->data) {
            *p++ = ',';
            *p++ = ' ';
        }

        p = ngx_cpymem(p, names[i].data, names[i].len);
    }

    if (any) {

        if (p != value->data) {
            *p++ = ',';
            *p++ = ' ';
        }

        *p++ = '*';
    }

    value->len = p - value->data;

    return NGX_OK;
}
