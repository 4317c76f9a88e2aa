
/*
 * CORS: directives, and how blocks inherit them.
 */

#include "ngx_http_social_cors.h"
#include "ngx_http_social_error.h"


typedef struct {
    ngx_uint_t                       used;          /* a location has it on */
} ngx_http_social_cors_main_conf_t;


static void *ngx_http_social_cors_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_social_cors_create_conf(ngx_conf_t *cf);
static char *ngx_http_social_cors_merge_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_social_cors_finish(ngx_conf_t *cf,
    ngx_http_social_cors_conf_t *scf);
static ngx_uint_t ngx_http_social_cors_is_set(
    ngx_http_social_cors_conf_t *scf);
static ngx_int_t ngx_http_social_cors_init(ngx_conf_t *cf);


static ngx_conf_enum_t  ngx_http_social_cors_statuses[] = {
    { ngx_string("403"), NGX_HTTP_FORBIDDEN },
    { ngx_string("204"), NGX_HTTP_NO_CONTENT },
    { ngx_null_string, 0 }
};


static const ngx_http_social_conf_entry_t  ngx_http_social_cors_deny =
    { ngx_null_string, 0, ngx_http_social_conf_enum, 0, 0, 0,
      ngx_http_social_cors_statuses };


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
      ngx_http_social_conf_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_social_cors_conf_t, deny),
      (void *) &ngx_http_social_cors_deny },

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
     *     scf->*_position = { { 0, NULL }, 0 };
     *     scf->origins = NULL;
     *     scf->methods, headers, expose = { NULL, 0, { { 0, NULL }, 0 } };
     *     scf->max_age = 0;
     *     scf->max_age_set = 0;
     *     scf->policy = NULL;
     */

    scf->enable = NGX_CONF_UNSET;
    scf->credentials = NGX_CONF_UNSET;
    scf->deny = NGX_CONF_UNSET_UINT;

    return scf;
}


static char *
ngx_http_social_cors_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_social_cors_conf_t *prev = parent;
    ngx_http_social_cors_conf_t *conf = child;

    if (!ngx_http_social_cors_is_set(conf)) {

        if (prev->policy == NULL
            && ngx_http_social_cors_finish(cf, prev) != NGX_CONF_OK)
        {
            /* the http block, which is not merged, is checked here */
            return NGX_CONF_ERROR;
        }

        *conf = *prev;

        return NGX_CONF_OK;
    }

    if (conf->enable == NGX_CONF_UNSET) {
        conf->enable = prev->enable;
        conf->enable_position = prev->enable_position;
    }

    if (conf->credentials == NGX_CONF_UNSET) {
        conf->credentials = prev->credentials;
        conf->credentials_position = prev->credentials_position;
    }

    if (conf->origins == NULL) {
        conf->origins = prev->origins;
        conf->origins_position = prev->origins_position;
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

    if (conf->deny == NGX_CONF_UNSET_UINT) {
        conf->deny = prev->deny;
    }

    return ngx_http_social_cors_finish(cf, conf);
}


static char *
ngx_http_social_cors_finish(ngx_conf_t *cf, ngx_http_social_cors_conf_t *scf)
{
    scf->policy = ngx_http_social_cors_make_policy(cf, scf);

    if (scf->policy == NULL) {
        return NGX_CONF_ERROR;
    }

    if (scf->policy->enabled) {
        ngx_http_social_use(cf);
        ngx_http_social_error_use(cf);
        ngx_http_social_cors_use(cf);
    }

    return NGX_CONF_OK;
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
           || scf->deny != NGX_CONF_UNSET_UINT;
}


void
ngx_http_social_cors_use(ngx_conf_t *cf)
{
    ngx_http_social_cors_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_cors_module);

    smcf->used = 1;
}


ngx_uint_t
ngx_http_social_cors_used(ngx_conf_t *cf)
{
    ngx_http_social_cors_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_cors_module);

    return smcf->used;
}


static ngx_int_t
ngx_http_social_cors_init(ngx_conf_t *cf)
{
    if (!ngx_http_social_cors_used(cf)) {
        return NGX_OK;
    }

    ngx_http_social_cors_filter_init();

    return ngx_http_social_cors_handler_init(cf);
}
