
/*
 * "social_resource": the module.
 */

#include "ngx_http_social_cors.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_resource.h"


static ngx_int_t ngx_http_social_resource_add_scope(
    ngx_http_social_resource_t *resource, social_str_t scope);

static void *ngx_http_social_resource_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_social_resource_create_srv_conf(ngx_conf_t *cf);
static void *ngx_http_social_resource_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_resource_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_social_resource_init(ngx_conf_t *cf);


static ngx_command_t  ngx_http_social_resource_commands[] = {

    { ngx_string("social_resource"),
      NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_social_resource_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_resource_module_ctx = {
    NULL,                                      /* preconfiguration */
    ngx_http_social_resource_init,             /* postconfiguration */

    ngx_http_social_resource_create_main_conf, /* create main configuration */
    NULL,                                      /* init main configuration */

    ngx_http_social_resource_create_srv_conf,  /* create server conf */
    NULL,                                      /* merge server conf */

    ngx_http_social_resource_create_loc_conf,  /* create location conf */
    ngx_http_social_resource_merge_loc_conf    /* merge location conf */
};


ngx_module_t  ngx_http_social_resource_module = {
    NGX_MODULE_V1,
    &ngx_http_social_resource_module_ctx,  /* module context */
    ngx_http_social_resource_commands,     /* module directives */
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


ngx_http_social_resource_t *
ngx_http_social_resource_of(ngx_conf_t *cf)
{
    ngx_http_social_resource_loc_conf_t  *conf;

    conf = ngx_http_conf_get_module_loc_conf(cf,
                                             ngx_http_social_resource_module);

    return conf->resource == NGX_CONF_UNSET_PTR ? NULL : conf->resource;
}


ngx_int_t
ngx_http_social_resource_bind(ngx_http_social_resource_t *resource,
    ngx_array_t *issuers, ngx_array_t *scopes)
{
    ngx_uint_t                  i, j;
    social_str_t               *scope;
    ngx_http_social_issuer_t  **issuer, **bound, **slot;

    issuer = issuers->elts;

    for (i = 0; i < issuers->nelts; i++) {

        if (issuer[i]->original != NULL) {
            /* another form of an issuer that is in the list */
            continue;
        }

        bound = resource->issuers.elts;

        for (j = 0; j < resource->issuers.nelts; j++) {
            if (social_str_eq(ngx_http_social_view(&bound[j]->issuer),
                              ngx_http_social_view(&issuer[i]->issuer)))
            {
                break;
            }
        }

        if (j < resource->issuers.nelts) {
            continue;
        }

        slot = ngx_array_push(&resource->issuers);
        if (slot == NULL) {
            return NGX_ERROR;
        }

        *slot = issuer[i];
    }

    if (scopes == NULL) {
        return NGX_OK;
    }

    scope = scopes->elts;

    for (i = 0; i < scopes->nelts; i++) {
        if (ngx_http_social_resource_add_scope(resource, scope[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_resource_add_scope(ngx_http_social_resource_t *resource,
    social_str_t scope)
{
    ngx_uint_t     i;
    social_str_t  *required;

    required = resource->required.elts;

    for (i = 0; i < resource->required.nelts; i++) {
        if (social_str_eq(required[i], scope)) {
            return NGX_OK;
        }
    }

    required = ngx_array_push(&resource->required);
    if (required == NULL) {
        return NGX_ERROR;
    }

    *required = scope;

    return NGX_OK;
}


static void *
ngx_http_social_resource_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_social_resource_main_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_resource_main_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&conf->all, cf->pool, 4,
                       sizeof(ngx_http_social_resource_t *))
        != NGX_OK)
    {
        return NULL;
    }

    return conf;
}


static void *
ngx_http_social_resource_create_srv_conf(ngx_conf_t *cf)
{
    /*
     * set by ngx_pcalloc():
     *
     *     conf->resources = NULL;
     */

    return ngx_pcalloc(cf->pool, sizeof(ngx_http_social_resource_srv_conf_t));
}


static void *
ngx_http_social_resource_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_social_resource_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_resource_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->resource = NGX_CONF_UNSET_PTR;

    return conf;
}


static char *
ngx_http_social_resource_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_social_resource_loc_conf_t  *prev = parent;
    ngx_http_social_resource_loc_conf_t  *conf = child;

    ngx_conf_merge_ptr_value(conf->resource, prev->resource, NULL);

    if (conf->resource != NULL) {
        ngx_http_social_use(cf);
        ngx_http_social_error_use(cf);
        ngx_http_social_cors_use(cf);
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_social_resource_init(ngx_conf_t *cf)
{
    ngx_uint_t                              i;
    ngx_http_handler_pt                    *h;
    ngx_http_core_main_conf_t              *cmcf;
    ngx_http_social_resource_t            **resource;
    ngx_http_social_resource_main_conf_t   *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_social_resource_module);

    if (rmcf->all.nelts == 0) {
        return NGX_OK;
    }

    resource = rmcf->all.elts;

    for (i = 0; i < rmcf->all.nelts; i++) {
        if (ngx_http_social_resource_finish(cf, resource[i]) != NGX_CONF_OK) {
            return NGX_ERROR;
        }
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_SERVER_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_social_resource_metadata_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_social_resource_origin_handler;

    return NGX_OK;
}
