
/*
 * "social_auth" and its family: the directives.
 */

#include "ngx_http_social_auth.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_resource.h"
#include "ngx_http_social_revocation.h"


static char *ngx_http_social_auth_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_uint_t ngx_http_social_auth_is_name(ngx_str_t *value);
static char *ngx_http_social_auth_resolve(ngx_conf_t *cf,
    ngx_http_social_auth_loc_conf_t *conf);
static char *ngx_http_social_auth_bind(ngx_conf_t *cf,
    ngx_http_social_auth_loc_conf_t *conf);
static char *ngx_http_social_auth_scope_header(ngx_conf_t *cf,
    ngx_http_social_auth_loc_conf_t *conf);

static void *ngx_http_social_auth_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_social_auth_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_auth_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_social_auth_init(ngx_conf_t *cf);


static const ngx_http_social_conf_entry_t  ngx_http_social_auth_groups_name =
    { ngx_null_string, 0, ngx_http_social_claim_conf, 0, SOCIAL_CLAIM_NAMES, 0,
      NULL };


/* the names of issuers */

static const ngx_http_social_conf_check_t  ngx_http_social_auth_name_check = {
    ngx_http_social_auth_is_name,
    "it must be \"off\", or names of issuers and then \"optional\" or "
    "\"optional=lenient\""
};


static const ngx_http_social_conf_entry_t  ngx_http_social_auth_names =
    { ngx_null_string, 0, ngx_http_social_conf_list,
      offsetof(ngx_http_social_auth_loc_conf_t, names), 0, 0,
      &ngx_http_social_auth_name_check };


static ngx_command_t  ngx_http_social_auth_commands[] = {

    { ngx_string("social_auth"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF
      |NGX_HTTP_LMT_CONF|NGX_CONF_1MORE,
      ngx_http_social_auth_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("social_auth_token"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF
      |NGX_HTTP_LMT_CONF|NGX_CONF_1MORE,
      ngx_http_social_auth_token_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("social_auth_claim"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF
      |NGX_HTTP_LMT_CONF|NGX_CONF_2MORE,
      ngx_http_social_auth_claim_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("social_auth_scopes"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF
      |NGX_HTTP_LMT_CONF|NGX_CONF_2MORE,
      ngx_http_social_auth_list_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_social_auth_loc_conf_t, scopes),
      NULL },

    { ngx_string("social_auth_groups"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF
      |NGX_HTTP_LMT_CONF|NGX_CONF_2MORE,
      ngx_http_social_auth_list_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_social_auth_loc_conf_t, groups),
      NULL },

    { ngx_string("social_auth_groups_claim"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF
      |NGX_HTTP_LMT_CONF|NGX_CONF_TAKE1,
      ngx_http_social_conf_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_social_auth_loc_conf_t, groups_claim),
      (void *) &ngx_http_social_auth_groups_name },

    { ngx_string("social_auth_error_detail"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF
      |NGX_HTTP_LMT_CONF|NGX_CONF_TAKE1,
      ngx_http_social_conf_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_social_auth_loc_conf_t, error_detail),
      NULL },

    { ngx_string("social_auth_cache"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF
      |NGX_HTTP_LMT_CONF|NGX_CONF_TAKE1,
      ngx_http_social_conf_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_social_auth_loc_conf_t, cache),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_auth_module_ctx = {
    ngx_http_social_auth_add_variables,    /* preconfiguration */
    ngx_http_social_auth_init,             /* postconfiguration */

    ngx_http_social_auth_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_social_auth_create_loc_conf,  /* create location configuration */
    ngx_http_social_auth_merge_loc_conf    /* merge location configuration */
};


ngx_module_t  ngx_http_social_auth_module = {
    NGX_MODULE_V1,
    &ngx_http_social_auth_module_ctx,      /* module context */
    ngx_http_social_auth_commands,         /* module directives */
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


static char *
ngx_http_social_auth_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_social_auth_loc_conf_t  *alcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   n;

    value = cf->args->elts;
    n = cf->args->nelts - 1;

    if (alcf->names != NGX_CONF_UNSET_PTR) {
        return ngx_http_social_conf_duplicate(cf);
    }

    ngx_http_social_conf_position(cf, &alcf->position);

    alcf->mode = NGX_HTTP_SOCIAL_AUTH_REQUIRED;
    alcf->names = NULL;

    if (n == 1 && ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    if (n > 1 && ngx_strcmp(value[n].data, "optional") == 0) {
        alcf->mode = NGX_HTTP_SOCIAL_AUTH_OPTIONAL;
        n--;

    } else if (n > 1 && ngx_strcmp(value[n].data, "optional=lenient") == 0) {
        alcf->mode = NGX_HTTP_SOCIAL_AUTH_LENIENT;
        n--;
    }

    return ngx_http_social_conf_list(cf, &ngx_http_social_auth_names,
                                     &value[1], n, alcf);
}


static ngx_uint_t
ngx_http_social_auth_is_name(ngx_str_t *value)
{
    return value->len != 0 && !ngx_http_social_issuer_is_reserved(value);
}


static void *
ngx_http_social_auth_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_social_auth_main_conf_t));
}


static void *
ngx_http_social_auth_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_social_auth_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_auth_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->issuers = NULL;
     *     conf->verdict = 0;
     *     conf->mode = NGX_HTTP_SOCIAL_AUTH_REQUIRED;
     *     conf->place = { 0 };
     *     conf->subject = 0;
     *     conf->scope_header = { 0, NULL };
     */

    conf->names = NGX_CONF_UNSET_PTR;
    conf->sources = NGX_CONF_UNSET_PTR;
    conf->claims = NGX_CONF_UNSET_PTR;
    conf->scopes.values = NGX_CONF_UNSET_PTR;
    conf->groups.values = NGX_CONF_UNSET_PTR;
    conf->groups_claim = NGX_CONF_UNSET_PTR;
    conf->error_detail = NGX_CONF_UNSET;
    conf->cache = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_social_auth_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_social_auth_loc_conf_t  *prev = parent;
    ngx_http_social_auth_loc_conf_t  *conf = child;

    ngx_http_social_auth_main_conf_t  *amcf;

    /* the http level has no parent: its settings are resolved here too */

    if (ngx_http_social_auth_resolve(cf, prev) != NGX_CONF_OK
        || ngx_http_social_auth_resolve(cf, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->names == NGX_CONF_UNSET_PTR) {
        conf->names = prev->names == NGX_CONF_UNSET_PTR ? NULL : prev->names;
        conf->issuers = prev->issuers;
        conf->verdict = prev->verdict;
        conf->mode = prev->mode;
        conf->position = prev->position;
    }

    ngx_conf_init_ptr_value(prev->sources, NULL);
    ngx_conf_merge_ptr_value(conf->sources, prev->sources, NULL);
    ngx_conf_merge_ptr_value(conf->claims, prev->claims, NULL);

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_auth_module);

    if (conf->issuers != NULL
        && (conf->sources != NULL || prev->sources != NULL))
    {
        /*
         * where a token may be elsewhere, and where the rules of cookies
         * count, a request that is led to this location is verified again
         */

        conf->verdict = ++amcf->verdicts;
    }

    if (conf->scopes.values == NGX_CONF_UNSET_PTR) {
        conf->scopes = prev->scopes;

        if (conf->scopes.values == NGX_CONF_UNSET_PTR) {
            conf->scopes.values = NULL;
        }
    }

    if (conf->groups.values == NGX_CONF_UNSET_PTR) {
        conf->groups = prev->groups;

        if (conf->groups.values == NGX_CONF_UNSET_PTR) {
            conf->groups.values = NULL;
        }
    }

    ngx_conf_merge_ptr_value(conf->groups_claim, prev->groups_claim, NULL);
    ngx_conf_merge_value(conf->error_detail, prev->error_detail, 1);
    ngx_conf_merge_value(conf->cache, prev->cache, 1);

    if (ngx_http_social_auth_scope_header(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (conf->issuers == NULL) {
        return NGX_CONF_OK;
    }

    if (ngx_http_social_auth_bind(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    amcf->used = 1;
    ngx_http_social_error_use(cf);
    ngx_http_social_revocation_use(cf);

    if (conf->cache) {

        if (amcf->tokens == NULL) {
            amcf->tokens = ngx_http_social_tokens_create(cf);

            if (amcf->tokens == NULL) {
                return NGX_CONF_ERROR;
            }
        }

        conf->tokens = amcf->tokens;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_social_auth_resolve(ngx_conf_t *cf,
    ngx_http_social_auth_loc_conf_t *conf)
{
    ngx_str_t                   name;
    ngx_uint_t                  i;
    social_str_t               *names;
    ngx_http_social_issuer_t   *issuer, **slot;
    ngx_http_social_issuers_t  *issuers;

    ngx_http_social_auth_main_conf_t  *amcf;

    if (conf->names == NGX_CONF_UNSET_PTR || conf->names == NULL
        || conf->issuers != NULL)
    {
        return NGX_CONF_OK;
    }

    issuers = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_issuers_t));
    if (issuers == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_array_init(&issuers->list, cf->pool, conf->names->nelts,
                       sizeof(ngx_http_social_issuer_t *))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    names = conf->names->elts;

    for (i = 0; i < conf->names->nelts; i++) {

        ngx_http_social_from_str(&name, names[i]);

        issuer = ngx_http_social_issuer_find(cf, &name);

        if (issuer == NULL) {
            return ngx_http_social_conf_error(cf, &conf->position,
                       "unknown issuer \"%V\" (add \"social_issuer %V\" to the "
                       "\"http\" block) in \"social_auth\" directive",
                       &name, &name);
        }

        for ( /* void */ ; issuer; issuer = issuer->next) {

            slot = ngx_array_push(&issuers->list);
            if (slot == NULL) {
                return NGX_CONF_ERROR;
            }

            *slot = issuer;
        }
    }

    if (ngx_http_social_issuer_rules(issuers) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_auth_module);

    conf->issuers = issuers;
    conf->verdict = ++amcf->verdicts;

    return NGX_CONF_OK;
}


/*
 * Holds the audience to the location's resource: other rules than those of
 * the block around it, if that has another one.
 */

static char *
ngx_http_social_auth_bind(ngx_conf_t *cf,
    ngx_http_social_auth_loc_conf_t *conf)
{
    ngx_array_t                       *audiences;
    ngx_http_social_issuers_t         *issuers;
    ngx_http_social_resource_t        *resource;
    ngx_http_social_auth_main_conf_t  *amcf;

    resource = ngx_http_social_resource_of(cf);
    audiences = resource ? resource->audiences : NULL;

    if (audiences != conf->issuers->audiences) {

        issuers = ngx_palloc(cf->pool, sizeof(ngx_http_social_issuers_t));
        if (issuers == NULL) {
            return NGX_CONF_ERROR;
        }

        *issuers = *conf->issuers;
        issuers->audiences = audiences;
        issuers->unbound = resource ? resource->unbound : 0;

        if (ngx_http_social_issuer_rules(issuers) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        amcf = ngx_http_conf_get_module_main_conf(cf,
                                                  ngx_http_social_auth_module);

        conf->issuers = issuers;
        conf->verdict = ++amcf->verdicts;
    }

    if (resource
        && ngx_http_social_resource_bind(resource, &conf->issuers->list,
                                         conf->scopes.values)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_social_auth_scope_header(ngx_conf_t *cf,
    ngx_http_social_auth_loc_conf_t *conf)
{
    size_t         len;
    u_char        *p;
    ngx_uint_t     i;
    social_str_t  *scope;

    if (conf->scopes.values == NULL) {
        return NGX_CONF_OK;
    }

    scope = conf->scopes.values->elts;
    len = 0;

    for (i = 0; i < conf->scopes.values->nelts; i++) {
        len += scope[i].len + 1;
    }

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    conf->scope_header.data = p;
    conf->scope_header.len = len - 1;

    for (i = 0; i < conf->scopes.values->nelts; i++) {
        p = ngx_cpymem(p, scope[i].data, scope[i].len);
        *p++ = ' ';
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_social_auth_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt               *h, *first;
    ngx_http_core_main_conf_t         *cmcf;
    ngx_http_social_auth_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_auth_module);

    if (!amcf->used) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    /* handlers run in the opposite order: before limit_req and limit_conn */

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_social_auth_preaccess_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_social_auth_access_handler;

    /* the first one here is the last one to run */

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    first = cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers.elts;

    ngx_memmove(first + 1, first, (u_char *) h - (u_char *) first);

    *first = ngx_http_social_auth_access_last_handler;

    return NGX_OK;
}
