
/*
 * "social_presign": its tables, variables and merging.
 */

#include "ngx_http_social_auth.h"
#include "ngx_http_social_database.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_presign.h"
#include "ngx_http_social_reply.h"
#include "social_companion.h"


static ngx_int_t ngx_http_social_presign_id_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_social_presign_ext_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

static ngx_int_t ngx_http_social_presign_add_variables(ngx_conf_t *cf);
static ngx_int_t ngx_http_social_presign_init(ngx_conf_t *cf);
static void *ngx_http_social_presign_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_social_presign_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_presign_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_social_presign_check(ngx_conf_t *cf,
    ngx_http_social_presign_loc_conf_t *conf);
static char *ngx_http_social_presign_check_mode(ngx_conf_t *cf,
    ngx_http_social_presign_loc_conf_t *conf);
static void ngx_http_social_presign_location(ngx_conf_t *cf,
    ngx_http_social_presign_loc_conf_t *conf);
static char *ngx_http_social_presign_defaults(ngx_conf_t *cf,
    ngx_http_social_presign_loc_conf_t *conf);


static ngx_command_t  ngx_http_social_presign_commands[] = {

    { ngx_string("social_presign"),
      NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_http_social_presign_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("social_presign_key"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_social_presign_key_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("social_presign_types"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_social_conf_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_social_presign_loc_conf_t, types),
      (void *) &ngx_http_social_presign_types },

    { ngx_string("social_presign_max_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_social_conf_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_social_presign_loc_conf_t, max_size),
      (void *) &ngx_http_social_presign_max_size },

    { ngx_string("social_presign_expires"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_social_conf_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_social_presign_loc_conf_t, expires),
      (void *) &ngx_http_social_presign_expires },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_presign_module_ctx = {
    ngx_http_social_presign_add_variables,    /* preconfiguration */
    ngx_http_social_presign_init,             /* postconfiguration */

    ngx_http_social_presign_create_main_conf, /* create main configuration */
    NULL,                                     /* init main configuration */

    NULL,                                     /* create server configuration */
    NULL,                                     /* merge server configuration */

    ngx_http_social_presign_create_loc_conf,  /* create location conf */
    ngx_http_social_presign_merge_loc_conf    /* merge location conf */
};


ngx_module_t  ngx_http_social_presign_module = {
    NGX_MODULE_V1,
    &ngx_http_social_presign_module_ctx,   /* module context */
    ngx_http_social_presign_commands,      /* module directives */
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


static ngx_http_variable_t  ngx_http_social_presign_variables[] = {

    { ngx_string("social_upload_id"), NULL,
      ngx_http_social_presign_id_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("social_upload_ext"), NULL,
      ngx_http_social_presign_ext_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


static ngx_int_t
ngx_http_social_presign_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_social_presign_variables; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_presign_id_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_social_presign_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_presign_module);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->len = ctx->id.len;
    v->data = ctx->id.data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_presign_ext_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_social_presign_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_presign_module);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->len = ctx->extension.len;
    v->data = (u_char *) ctx->extension.data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static void *
ngx_http_social_presign_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_social_s3_calls_t  *calls;

    calls = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_s3_calls_t));
    if (calls == NULL) {
        return NULL;
    }

    ngx_queue_init(&calls->waiting);

    return calls;
}


static ngx_int_t
ngx_http_social_presign_init(ngx_conf_t *cf)
{
    ngx_http_social_s3_calls_t  *calls;

    calls = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_presign_module);

    if (!calls->needed) {
        return NGX_OK;
    }

    calls->thread_pool = ngx_http_social_need_thread_pool(cf);

    return calls->thread_pool ? NGX_OK : NGX_ERROR;
}


static void *
ngx_http_social_presign_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_social_presign_loc_conf_t  *conf;

    /*
     * set by ngx_pcalloc():
     *
     *     conf->mode = 0;
     *     conf->bucket = NULL;
     *     conf->key = NULL;
     *     conf->kinds = NULL;
     */

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_presign_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->types = NGX_CONF_UNSET_PTR;
    conf->max_size = NGX_CONF_UNSET;
    conf->expires = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_social_presign_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_social_presign_loc_conf_t  *prev = parent;
    ngx_http_social_presign_loc_conf_t  *conf = child;

    ngx_int_t  rc;

    rc = ngx_http_social_content_merge(cf, &prev->content, &conf->content);

    if (rc == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    if (rc == NGX_DONE) {
        *conf = *prev;
        ngx_http_social_auth_need_subject(cf);
        ngx_http_social_presign_location(cf, conf);

        return NGX_CONF_OK;
    }

    if (conf->key == NULL) {
        conf->key = prev->key;
    }

    ngx_conf_merge_ptr_value(conf->types, prev->types, NULL);
    ngx_conf_merge_off_value(conf->max_size, prev->max_size,
                             10 * 1024 * 1024);
    ngx_conf_merge_value(conf->expires, prev->expires, 300);

    if (rc != NGX_OK) {
        return NGX_CONF_OK;
    }

    ngx_http_social_auth_need_subject(cf);

    return ngx_http_social_presign_check(cf, conf);
}


static char *
ngx_http_social_presign_check(ngx_conf_t *cf,
    ngx_http_social_presign_loc_conf_t *conf)
{
    ngx_http_social_auth_loc_conf_t  *alcf;

    conf->bucket = ngx_http_social_bucket_find(cf, &conf->bucket_name);

    if (conf->bucket == NULL) {
        return ngx_http_social_conf_error(cf, &conf->content.position,
                   "unknown bucket \"%V\" (add \"social_bucket %V\" to the "
                   "\"http\" block) in \"social_presign\" directive",
                   &conf->bucket_name, &conf->bucket_name);
    }

    alcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_social_auth_module);

    if (alcf->issuers == NULL) {
        return ngx_http_social_conf_missing(cf, &conf->content.position,
                   "social_auth", "URLs are signed for verified users only",
                   "social_presign");
    }

    if (!ngx_http_social_database_configured(cf)) {
        return ngx_http_social_conf_missing(cf, &conf->content.position,
                   "social_database", "add it to the \"http\" block",
                   "social_presign");
    }

    if (ngx_http_social_presign_defaults(cf, conf) != NGX_CONF_OK
        || ngx_http_social_presign_check_mode(cf, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_social_presign_location(cf, conf);

    return NGX_CONF_OK;
}


/*
 * In one mode the key is a prefix that the client's keys come after; in
 * another, no two uploads may have the same, and their paths are read.
 */

static char *
ngx_http_social_presign_check_mode(ngx_conf_t *cf,
    ngx_http_social_presign_loc_conf_t *conf)
{
    ngx_str_t                 *key;
    ngx_uint_t                 unique;
    ngx_http_core_loc_conf_t  *clcf;

    key = &conf->key->value;

    if (conf->mode == NGX_HTTP_SOCIAL_PRESIGN_SIGN
        && (key->data[key->len - 1] != '/'
            || ngx_strstr(key->data, "social_upload_") != NULL))
    {
        return ngx_http_social_conf_error(cf, &conf->content.position,
                   "\"social_presign_key\" with the value \"%V\" is not a "
                   "prefix (as \"raw/$social_sub/\", without a variable of the "
                   "upload) for \"social_presign\" directive with \"sign\"",
                   key);
    }

    if (conf->mode != NGX_HTTP_SOCIAL_PRESIGN_MULTIPART) {
        return NGX_CONF_OK;
    }

    unique = (ngx_strstr(key->data, "$social_upload_id") != NULL
              || ngx_strstr(key->data, "${social_upload_id}") != NULL);

    if (!unique) {
        return ngx_http_social_conf_error(cf, &conf->content.position,
                   "\"social_presign_key\" with the value \"%V\" has no "
                   "\"$social_upload_id\", which \"social_presign\" directive "
                   "with \"multipart\" needs", key);
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->exact_match || clcf->named || clcf->regex != NULL
        || clcf->name.len == 0 || clcf->name.data[clcf->name.len - 1] != '/')
    {
        return ngx_http_social_conf_error(cf, &conf->content.position,
                   "\"social_presign\" directive with \"multipart\" must be in "
                   "a prefix location that ends with \"/\"");
    }

    conf->prefix = clcf->name;
    conf->calls = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_presign_module);
    conf->calls->needed = 1;

    return NGX_CONF_OK;
}


/*
 * A body that small never goes to a file, and no larger one is read.
 */

static void
ngx_http_social_presign_location(ngx_conf_t *cf,
    ngx_http_social_presign_loc_conf_t *conf)
{
    ngx_http_social_read_body_location(cf,
                               conf->mode == NGX_HTTP_SOCIAL_PRESIGN_MULTIPART
                               ? SOCIAL_COMPANION_MAX_BODY
                               : SOCIAL_UPLOAD_MAX_BODY);
    ngx_http_social_error_own_location(cf);
}


static char *
ngx_http_social_presign_defaults(ngx_conf_t *cf,
    ngx_http_social_presign_loc_conf_t *conf)
{
    social_str_t  *item;

    if (conf->key == NULL) {
        return ngx_http_social_conf_missing(cf, &conf->content.position,
                   "social_presign_key", "as "
                   "\"raw/$social_sub/$social_upload_id.$social_upload_ext\"",
                   "social_presign");
    }

    if (conf->types == NULL) {

        conf->types = ngx_array_create(cf->pool, 4, sizeof(social_str_t));
        if (conf->types == NULL) {
            return NGX_CONF_ERROR;
        }

        item = ngx_array_push_n(conf->types, 4);
        if (item == NULL) {
            return NGX_CONF_ERROR;
        }

        item[0] = social_str("image/jpeg");
        item[1] = social_str("image/png");
        item[2] = social_str("image/webp");
        item[3] = social_str("image/gif");
    }

    if (conf->kinds == NULL) {

        conf->kinds = ngx_array_create(cf->pool, 1, sizeof(social_str_t));
        if (conf->kinds == NULL) {
            return NGX_CONF_ERROR;
        }

        item = ngx_array_push(conf->kinds);
        if (item == NULL) {
            return NGX_CONF_ERROR;
        }

        *item = social_str("avatar");
    }

    return NGX_CONF_OK;
}
