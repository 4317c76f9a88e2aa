
/*
 * "social_user": a location where users delete and export themselves.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_reply.h"
#include "ngx_http_social_user_content.h"


static ngx_int_t ngx_http_social_user_content_handler(ngx_http_request_t *r);

static char *ngx_http_social_user_content_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static void *ngx_http_social_user_content_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_user_content_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);


static const ngx_http_social_conf_entry_t  ngx_http_social_user_params[] = {

    { ngx_string("max_age"),
      0,
      ngx_http_social_conf_sec,
      offsetof(ngx_http_social_user_content_loc_conf_t, max_age),
      1, 3650 * 86400, NULL },

    { ngx_string("retention"),
      0,
      ngx_http_social_conf_sec,
      offsetof(ngx_http_social_user_content_loc_conf_t, retention),
      1, 3650 * 86400, NULL },

      ngx_http_social_conf_null_entry
};


static ngx_command_t  ngx_http_social_user_content_commands[] = {

    { ngx_string("social_user"),
      NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      ngx_http_social_user_content_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_user_content_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_social_user_content_create_loc_conf,
                                           /* create location configuration */
    ngx_http_social_user_content_merge_loc_conf
                                           /* merge location configuration */
};


ngx_module_t  ngx_http_social_user_content_module = {
    NGX_MODULE_V1,
    &ngx_http_social_user_content_module_ctx,  /* module context */
    ngx_http_social_user_content_commands,     /* module directives */
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
ngx_http_social_user_content_handler(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_http_social_auth_ctx_t  *identity;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_DELETE))) {
        return ngx_http_social_reply_not_allowed(r, "GET, HEAD, DELETE");
    }

    if (r != r->main) {

        /* not for a page that includes it */

        return NGX_HTTP_NOT_FOUND;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_social_auth_person(r, &identity);
    if (rc != NGX_OK) {
        return rc;
    }

    return r->method == NGX_HTTP_DELETE
           ? ngx_http_social_user_delete(r, identity)
           : ngx_http_social_user_export(r, identity);
}


static char *
ngx_http_social_user_content_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_user_content_loc_conf_t  *clcf = conf;

    if (ngx_http_social_content_set(cf, &clcf->content,
                                    ngx_http_social_user_content_handler)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    clcf->max_age = 15 * 60;
    clcf->retention = 30 * 86400;

    return ngx_http_social_conf_params(cf, ngx_http_social_user_params, 1, 0, 0,
                                       clcf);
}


static void *
ngx_http_social_user_content_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_social_user_content_loc_conf_t));
}


static char *
ngx_http_social_user_content_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_social_user_content_loc_conf_t  *prev = parent;
    ngx_http_social_user_content_loc_conf_t  *conf = child;

    ngx_http_social_auth_loc_conf_t  *alcf;
    ngx_http_social_user_loc_conf_t  *ulcf;

    switch (ngx_http_social_content_merge(cf, &prev->content, &conf->content))
    {
    case NGX_ERROR:
        return NGX_CONF_ERROR;

    case NGX_DECLINED:
        return NGX_CONF_OK;

    case NGX_DONE:
        *conf = *prev;
    }

    alcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_social_auth_module);

    if (alcf->issuers == NULL || alcf->mode != NGX_HTTP_SOCIAL_AUTH_REQUIRED) {
        return ngx_http_social_conf_missing(cf, &conf->content.position,
                   "social_auth", "without \"optional\"", "social_user");
    }

    if (!ngx_http_social_database_configured(cf)) {
        return ngx_http_social_conf_missing(cf, &conf->content.position,
                   "social_database", "add it to the \"http\" block",
                   "social_user");
    }

    /* who leaves is not made before; that module was merged earlier */

    ulcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_social_user_module);
    ulcf->enable = 0;

    ngx_http_social_auth_need_subject(cf);
    ngx_http_social_error_own_location(cf);

    return NGX_CONF_OK;
}
