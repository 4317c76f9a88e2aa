
/*
 * "social_user_sync" and $social_user_id.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_user.h"


#define NGX_HTTP_SOCIAL_USER_REFRESH  300000
#define NGX_HTTP_SOCIAL_USER_WAIT     50


static char *ngx_http_social_user_sync_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_social_user_id_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

static ngx_int_t ngx_http_social_user_add_variables(ngx_conf_t *cf);
static void *ngx_http_social_user_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_social_user_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_user_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_social_user_init(ngx_conf_t *cf);
static void ngx_http_social_user_exit_process(ngx_cycle_t *cycle);


static const ngx_http_social_conf_entry_t  ngx_http_social_user_enable =
    { ngx_null_string, 0, ngx_http_social_conf_flag,
      offsetof(ngx_http_social_user_loc_conf_t, enable), 0, 0, NULL };


static const ngx_http_social_conf_entry_t
    ngx_http_social_user_sync_params[] =
{

    { ngx_string("refresh"),
      0,
      ngx_http_social_conf_msec,
      offsetof(ngx_http_social_user_loc_conf_t, refresh),
      1000, 86400 * 1000, NULL },

    { ngx_string("wait"),
      0,
      ngx_http_social_conf_msec,
      offsetof(ngx_http_social_user_loc_conf_t, wait),
      0, 2000, NULL },

      ngx_http_social_conf_null_entry
};


static ngx_command_t  ngx_http_social_user_commands[] = {

    { ngx_string("social_user_sync"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_social_user_sync_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_user_module_ctx = {
    ngx_http_social_user_add_variables,    /* preconfiguration */
    ngx_http_social_user_init,             /* postconfiguration */

    ngx_http_social_user_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_social_user_create_loc_conf,  /* create location configuration */
    ngx_http_social_user_merge_loc_conf    /* merge location configuration */
};


ngx_module_t  ngx_http_social_user_module = {
    NGX_MODULE_V1,
    &ngx_http_social_user_module_ctx,      /* module context */
    ngx_http_social_user_commands,         /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_social_user_exit_process,     /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_variable_t  ngx_http_social_user_variables[] = {

    { ngx_string("social_user_id"), NULL, ngx_http_social_user_id_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


static char *
ngx_http_social_user_sync_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_user_loc_conf_t  *ulcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (ulcf->enable != NGX_CONF_UNSET) {
        return ngx_http_social_conf_duplicate(cf);
    }

    ngx_http_social_conf_position(cf, &ulcf->position);

    if (ngx_http_social_conf_flag(cf, &ngx_http_social_user_enable, &value[1],
                                  1, ulcf)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    ulcf->refresh = NGX_HTTP_SOCIAL_USER_REFRESH;
    ulcf->wait = NGX_HTTP_SOCIAL_USER_WAIT;

    return ngx_http_social_conf_params(cf, ngx_http_social_user_sync_params, 2,
                                       0, 0, ulcf);
}


static ngx_int_t
ngx_http_social_user_id_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t  id;

    if (ngx_http_social_user_id(r, &id) != NGX_OK) {
        return NGX_ERROR;
    }

    if (id.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->len = id.len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = id.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_user_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_social_user_variables; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static void *
ngx_http_social_user_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_social_user_main_conf_t));
}


static void *
ngx_http_social_user_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_social_user_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_user_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->enable = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_social_user_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_social_user_loc_conf_t  *prev = parent;
    ngx_http_social_user_loc_conf_t  *conf = child;

    ngx_http_social_user_main_conf_t  *umcf;

    if (conf->enable == NGX_CONF_UNSET) {

        if (prev->enable == NGX_CONF_UNSET) {
            prev->enable = 0;
        }

        *conf = *prev;
    }

    if (!conf->enable) {
        return NGX_CONF_OK;
    }

    if (!ngx_http_social_database_configured(cf)) {
        return ngx_http_social_conf_missing(cf, &conf->position,
                   "social_database", "add it to the \"http\" block",
                   "social_user_sync");
    }

    umcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_user_module);

    umcf->used = 1;
    ngx_http_social_auth_need_subject(cf);
    ngx_http_social_error_use(cf);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_social_user_init(ngx_conf_t *cf)
{
    ngx_uint_t                         i;
    ngx_http_handler_pt               *h;
    ngx_http_core_main_conf_t         *cmcf;
    ngx_http_social_user_main_conf_t  *umcf;

    umcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_user_module);

    if (!umcf->used) {
        return NGX_OK;
    }

    umcf->state = ngx_palloc(cf->pool, sizeof(ngx_http_social_user_state_t));
    if (umcf->state == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_SOCIAL_USER_BUCKETS; i++) {
        ngx_queue_init(&umcf->state->asking[i]);
    }

    if (ngx_http_social_zone_add_part(cf, NGX_HTTP_SOCIAL_ZONE_USERS,
                                      ngx_http_social_user_init_zone, umcf)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    /* runs before the handlers of identity headers and assertions */

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_social_user_sync_handler;

    return NGX_OK;
}


static void
ngx_http_social_user_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_social_user_main_conf_t  *umcf;

    umcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_social_user_module);

    if (umcf != NULL && umcf->state != NULL) {
        ngx_http_social_user_sync_stop(umcf->state);
    }
}
