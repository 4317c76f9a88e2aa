
/*
 * "social_identity_headers": the verified identity as request headers for the
 * backend, set in PRECONTENT. Those of a client were removed in the first
 * phase that ran.
 */

#include "ngx_http_social_auth.h"


typedef struct {
    ngx_flag_t            used;
} ngx_http_social_identity_main_conf_t;


typedef struct {
    ngx_flag_t            enable;
} ngx_http_social_identity_loc_conf_t;


static ngx_int_t ngx_http_social_identity_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_identity_push(ngx_http_request_t *r,
    ngx_http_social_header_name_t *header, ngx_str_t *value);

static void *ngx_http_social_identity_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_social_identity_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_identity_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_social_identity_init(ngx_conf_t *cf);


static ngx_http_social_header_name_t  ngx_http_social_identity_sub =
    { ngx_string("X-Social-Sub"), ngx_string("x-social-sub"), 0 };

static ngx_http_social_header_name_t  ngx_http_social_identity_username =
    { ngx_string("X-Social-Username"), ngx_string("x-social-username"), 0 };

static ngx_http_social_header_name_t  ngx_http_social_identity_groups =
    { ngx_string("X-Social-Groups"), ngx_string("x-social-groups"), 0 };

static ngx_http_social_header_name_t  ngx_http_social_identity_scopes =
    { ngx_string("X-Social-Scopes"), ngx_string("x-social-scopes"), 0 };

static ngx_http_social_header_name_t  ngx_http_social_identity_issuer =
    { ngx_string("X-Social-Issuer"), ngx_string("x-social-issuer"), 0 };


static ngx_http_social_header_name_t  ngx_http_social_identity_user =
    { ngx_string("X-Social-User-Id"), ngx_string("x-social-user-id"), 0 };


static ngx_command_t  ngx_http_social_identity_commands[] = {

    { ngx_string("social_identity_headers"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_social_conf_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_social_identity_loc_conf_t, enable),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_identity_module_ctx = {
    NULL,                                      /* preconfiguration */
    ngx_http_social_identity_init,             /* postconfiguration */

    ngx_http_social_identity_create_main_conf, /* create main configuration */
    NULL,                                      /* init main configuration */

    NULL,                                      /* create server configuration */
    NULL,                                      /* merge server configuration */

    ngx_http_social_identity_create_loc_conf,  /* create location configuration
                                                */
    ngx_http_social_identity_merge_loc_conf    /* merge location configuration
                                                */
};


ngx_module_t  ngx_http_social_identity_module = {
    NGX_MODULE_V1,
    &ngx_http_social_identity_module_ctx,  /* module context */
    ngx_http_social_identity_commands,     /* module directives */
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


static ngx_int_t
ngx_http_social_identity_handler(ngx_http_request_t *r)
{
    ngx_int_t                             rc;
    ngx_str_t                             user;
    ngx_http_social_auth_ctx_t           *ctx;
    ngx_http_social_parsed_texts_t       *texts;
    ngx_http_social_auth_loc_conf_t      *alcf;
    ngx_http_social_identity_loc_conf_t  *ilcf;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    if (r->internal) {

        /* those of the location that this request was in before */

        if (ngx_http_social_identity_erase(r) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    ilcf = ngx_http_get_module_loc_conf(r, ngx_http_social_identity_module);

    /*
     * a location without a content handler serves files: they are not needed
     */

    if (!ilcf->enable || r->content_handler == NULL) {
        return NGX_DECLINED;
    }

    rc = ngx_http_social_auth_identity(r, &ctx);

    if (rc == NGX_DECLINED) {
        return NGX_DECLINED;
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_social_auth_module);

    texts = ngx_http_social_auth_texts(ctx,
                               ngx_http_social_auth_groups_claim(ctx, alcf));
    user = ngx_http_social_auth_user(ctx);

    if (texts == NULL
        || ngx_http_social_identity_push(r, &ngx_http_social_identity_sub,
                                         &texts->subject)
           != NGX_OK
        || ngx_http_social_identity_push(r, &ngx_http_social_identity_username,
                                         &texts->username)
           != NGX_OK
        || ngx_http_social_identity_push(r, &ngx_http_social_identity_groups,
                                         &texts->groups)
           != NGX_OK
        || ngx_http_social_identity_push(r, &ngx_http_social_identity_scopes,
                                         &texts->scopes)
           != NGX_OK
        || ngx_http_social_identity_push(r, &ngx_http_social_identity_issuer,
                                         &ctx->issuer->identity)
           != NGX_OK
        || ngx_http_social_identity_push(r, &ngx_http_social_identity_user,
                                         &user)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_social_identity_push(ngx_http_request_t *r,
    ngx_http_social_header_name_t *header, ngx_str_t *value)
{
    if (value->len == 0) {
        return NGX_OK;
    }

    return ngx_http_social_header_in_push(r, header, value);
}


static void *
ngx_http_social_identity_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_social_identity_main_conf_t));
}


static void *
ngx_http_social_identity_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_social_identity_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_identity_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->enable = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_social_identity_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_social_identity_loc_conf_t  *prev = parent;
    ngx_http_social_identity_loc_conf_t  *conf = child;

    ngx_http_social_auth_loc_conf_t       *alcf;
    ngx_http_social_identity_main_conf_t  *imcf;

    ngx_conf_merge_value(conf->enable, prev->enable, 1);

    /* the auth module's locations are merged before this module's */

    alcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_social_auth_module);

    if (conf->enable && alcf->issuers != NULL) {
        imcf = ngx_http_conf_get_module_main_conf(cf,
                   ngx_http_social_identity_module);
        imcf->used = 1;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_social_identity_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt                   *h;
    ngx_http_core_main_conf_t             *cmcf;
    ngx_http_social_identity_main_conf_t  *imcf;

    imcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_identity_module);

    if (!imcf->used) {
        return NGX_OK;
    }

    ngx_http_social_header_name_init(&ngx_http_social_identity_sub);
    ngx_http_social_header_name_init(&ngx_http_social_identity_username);
    ngx_http_social_header_name_init(&ngx_http_social_identity_groups);
    ngx_http_social_header_name_init(&ngx_http_social_identity_scopes);
    ngx_http_social_header_name_init(&ngx_http_social_identity_issuer);
    ngx_http_social_header_name_init(&ngx_http_social_identity_user);

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_social_identity_handler;

    return NGX_OK;
}
