
/*
 * CORS: directives, and what is made of them at configuration time.
 */

#include "ngx_http_social_cors.h"


#define NGX_HTTP_SOCIAL_CORS_MAX_AGE  600


typedef struct {
    ngx_uint_t                       used;          /* a location has it on */
} ngx_http_social_cors_main_conf_t;


static void *ngx_http_social_cors_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_social_cors_create_conf(ngx_conf_t *cf);
static char *ngx_http_social_cors_merge_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_uint_t ngx_http_social_cors_is_set(
    ngx_http_social_cors_conf_t *scf);
static char *ngx_http_social_cors_check(ngx_conf_t *cf,
    ngx_http_social_cors_conf_t *scf);
static char *ngx_http_social_cors_check_list(ngx_conf_t *cf,
    ngx_http_social_cors_conf_t *scf, ngx_http_social_cors_list_t *list,
    const char *directive);
static char *ngx_http_social_cors_conflict(ngx_conf_t *cf,
    ngx_http_social_cors_conf_t *scf, ngx_http_social_place_t *place,
    const char *value, const char *directive);
static char *ngx_http_social_cors_make_policy(ngx_conf_t *cf,
    ngx_http_social_cors_conf_t *scf);
static void ngx_http_social_cors_make_rules(ngx_http_social_cors_conf_t *scf,
    social_cors_rules_t *rules);
static ngx_int_t ngx_http_social_cors_make_values(ngx_conf_t *cf,
    ngx_http_social_cors_conf_t *scf, ngx_http_social_cors_policy_t *policy);
static ngx_int_t ngx_http_social_cors_join(ngx_conf_t *cf,
    const social_str_t *names, ngx_uint_t n, ngx_uint_t any,
    ngx_str_t *value);
static ngx_int_t ngx_http_social_cors_init(ngx_conf_t *cf);


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


static ngx_command_t  ngx_http_social_cors_commands[] = {

    { ngx_string("social_cors"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_social_cors_enable,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_social_cors_conf_t, enable),
      NULL },

    { ngx_string("social_cors_origins"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_social_cors_origins,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("social_cors_methods"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_social_cors_methods,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("social_cors_headers"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_social_cors_names,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_social_cors_conf_t, headers),
      NULL },

    { ngx_string("social_cors_expose"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_social_cors_names,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_social_cors_conf_t, expose),
      NULL },

    { ngx_string("social_cors_credentials"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_social_cors_credentials,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_social_cors_conf_t, credentials),
      NULL },

    { ngx_string("social_cors_max_age"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_social_cors_max_age,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("social_cors_deny"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_social_cors_deny,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_cors_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_social_cors_init,             /* postconfiguration */

    ngx_http_social_cors_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_social_cors_create_conf,      /* create location configuration */
    ngx_http_social_cors_merge_conf        /* merge location configuration */
};


ngx_module_t  ngx_http_social_cors_module = {
    NGX_MODULE_V1,
    &ngx_http_social_cors_module_ctx,      /* module context */
    ngx_http_social_cors_commands,         /* module directives */
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


static void *
ngx_http_social_cors_create_main_conf(ngx_conf_t *cf)
{
    /*
     * set by ngx_pcalloc():
     *
     *     smcf->used = 0;
     */

    return ngx_pcalloc(cf->pool, sizeof(ngx_http_social_cors_main_conf_t));
}


static void *
ngx_http_social_cors_create_conf(ngx_conf_t *cf)
{
    ngx_http_social_cors_conf_t  *scf;

    scf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_cors_conf_t));
    if (scf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     scf->*_place = { { 0, NULL }, 0 };
     *     scf->origins = NULL;
     *     scf->methods, headers, expose = { NULL, 0, { { 0, NULL }, 0 } };
     *     scf->max_age = 0;
     *     scf->max_age_set = 0;
     *     scf->deny = 0;
     *     scf->policy = NULL;
     */

    scf->enable = NGX_CONF_UNSET;
    scf->credentials = NGX_CONF_UNSET;

    return scf;
}


static char *
ngx_http_social_cors_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_social_cors_conf_t *prev = parent;
    ngx_http_social_cors_conf_t *conf = child;

    if (prev->policy == NULL
        && !ngx_http_social_cors_is_set(conf)
        && ngx_http_social_cors_make_policy(cf, prev) != NGX_CONF_OK)
    {
        /* what the http block says, and only there, is judged here */
        return NGX_CONF_ERROR;
    }

    if (!ngx_http_social_cors_is_set(conf)) {
        *conf = *prev;
        return NGX_CONF_OK;
    }

    if (conf->enable == NGX_CONF_UNSET) {
        conf->enable = prev->enable;
        conf->enable_place = prev->enable_place;
    }

    if (conf->credentials == NGX_CONF_UNSET) {
        conf->credentials = prev->credentials;
        conf->credentials_place = prev->credentials_place;
    }

    if (conf->origins == NULL) {
        conf->origins = prev->origins;
        conf->origins_place = prev->origins_place;
    }

    if (conf->methods.names == NULL) {
        conf->methods = prev->methods;
    }

    if (conf->headers.names == NULL) {
        conf->headers = prev->headers;
    }

    if (conf->expose.names == NULL) {
        conf->expose = prev->expose;
    }

    if (!conf->max_age_set) {
        conf->max_age = prev->max_age;
        conf->max_age_set = prev->max_age_set;
    }

    if (conf->deny == 0) {
        conf->deny = prev->deny;
    }

    return ngx_http_social_cors_make_policy(cf, conf);
}


static ngx_uint_t
ngx_http_social_cors_is_set(ngx_http_social_cors_conf_t *scf)
{
    return scf->enable != NGX_CONF_UNSET
           || scf->credentials != NGX_CONF_UNSET
           || scf->origins != NULL
           || scf->methods.names != NULL
           || scf->headers.names != NULL
           || scf->expose.names != NULL
           || scf->max_age_set
           || scf->deny != 0;
}


/*
 * Contradictions count only where CORS is on: a block may well say what the
 * blocks in it are to start from.
 */

static char *
ngx_http_social_cors_check(ngx_conf_t *cf, ngx_http_social_cors_conf_t *scf)
{
    ngx_uint_t             i;
    social_cors_origin_t  *o;

    if (scf->origins == NULL) {
        return ngx_http_social_conf_error(cf, &scf->enable_place,
                   "\"social_cors on\" without origins: it must have "
                   "\"social_cors_origins\" beside it, as in "
                   "\"social_cors_origins https://example.com\"");
    }

    if (scf->credentials != 1) {
        return NGX_CONF_OK;
    }

    o = scf->origins->elts;

    for (i = 0; i < scf->origins->nelts; i++) {

        if (o[i].kind == SOCIAL_CORS_ANY) {
            return ngx_http_social_cors_conflict(cf, scf, &scf->origins_place,
                       "*", "social_cors_origins");
        }

        if (o[i].kind == SOCIAL_CORS_SCHEME) {
            return ngx_http_social_cors_conflict(cf, scf, &scf->origins_place,
                       o[i].text.len == sizeof("https://") - 1
                       ? "https://*" : "http://*", "social_cors_origins");
        }

        if (social_str_eq(o[i].text, social_str("null"))) {
            /* any page has that origin in a sandboxed frame */
            return ngx_http_social_cors_conflict(cf, scf, &scf->origins_place,
                       "null", "social_cors_origins");
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

    return ngx_http_social_cors_conflict(cf, scf, &list->place, "*",
                                         directive);
}


/*
 * Both lines are named: with inheritance they may be far apart.
 */

static char *
ngx_http_social_cors_conflict(ngx_conf_t *cf,
    ngx_http_social_cors_conf_t *scf, ngx_http_social_place_t *place,
    const char *value, const char *directive)
{
    return ngx_http_social_conf_error(cf, place,
               "\"%s\" in \"%s\" contradicts "
               "\"social_cors_credentials on\" in %V:%ui: with credentials "
               "each one must be listed by name",
               value, directive, &scf->credentials_place.file,
               scf->credentials_place.line);
}


static char *
ngx_http_social_cors_make_policy(ngx_conf_t *cf,
    ngx_http_social_cors_conf_t *scf)
{
    ngx_http_social_cors_policy_t     *policy;
    ngx_http_social_cors_main_conf_t  *smcf;

    policy = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_cors_policy_t));
    if (policy == NULL) {
        return NGX_CONF_ERROR;
    }

    scf->policy = policy;

    if (scf->enable != 1) {
        return NGX_CONF_OK;
    }

    if (ngx_http_social_cors_check(cf, scf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    policy->enabled = 1;
    policy->credentials = (scf->credentials == 1);
    policy->deny = scf->deny ? scf->deny : NGX_HTTP_FORBIDDEN;

    ngx_http_social_cors_make_rules(scf, &policy->rules);

    if (ngx_http_social_cors_make_values(cf, scf, policy) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_http_social_use(cf);

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_cors_module);
    smcf->used = 1;

    return NGX_CONF_OK;
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


static ngx_int_t
ngx_http_social_cors_init(ngx_conf_t *cf)
{
    ngx_http_social_cors_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_cors_module);

    if (!smcf->used) {
        return NGX_OK;
    }

    return ngx_http_social_cors_install(cf);
}
