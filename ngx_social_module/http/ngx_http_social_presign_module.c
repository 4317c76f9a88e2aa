
/*
 * "social_presign": its directives and variables.
 */

#include "ngx_http_social_auth.h"
#include "ngx_http_social_database.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_presign.h"


static char *ngx_http_social_presign_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_social_presign_kinds(ngx_conf_t *cf,
    ngx_http_social_presign_loc_conf_t *plcf, ngx_str_t *value);
static char *ngx_http_social_presign_key_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_social_presign_types_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_social_presign_size_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_social_presign_expires_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);

static ngx_int_t ngx_http_social_presign_id_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_social_presign_ext_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

static ngx_int_t ngx_http_social_presign_add_variables(ngx_conf_t *cf);
static void *ngx_http_social_presign_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_presign_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_social_presign_check(ngx_conf_t *cf,
    ngx_http_social_presign_loc_conf_t *conf);
static char *ngx_http_social_presign_defaults(ngx_conf_t *cf,
    ngx_http_social_presign_loc_conf_t *conf);


static ngx_command_t  ngx_http_social_presign_commands[] = {

    { ngx_string("social_presign"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE23,
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
      ngx_http_social_presign_types_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("social_presign_max_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_social_presign_size_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("social_presign_expires"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_social_presign_expires_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_presign_module_ctx = {
    ngx_http_social_presign_add_variables,    /* preconfiguration */
    NULL,                                     /* postconfiguration */

    NULL,                                     /* create main configuration */
    NULL,                                     /* init main configuration */

    NULL,                                     /* create server configuration */
    NULL,                                     /* merge server configuration */

    ngx_http_social_presign_create_loc_conf,  /* create location configuration */
    ngx_http_social_presign_merge_loc_conf    /* merge location configuration */
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


static char *
ngx_http_social_presign_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_presign_loc_conf_t  *plcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;

    if (plcf->mode) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_presign\" is duplicate: say it once in this "
                   "location");
    }

    if (ngx_strcmp(value[2].data, "put") == 0) {
        plcf->mode = NGX_HTTP_SOCIAL_PRESIGN_PUT;

    } else if (ngx_strcmp(value[2].data, "avatar") == 0) {
        plcf->mode = NGX_HTTP_SOCIAL_PRESIGN_AVATAR;

    } else {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid mode \"%V\" in \"social_presign\": it must be "
                   "\"put\" or \"avatar\"", &value[2]);
    }

    if (cf->args->nelts == 4
        && ngx_http_social_presign_kinds(cf, plcf, &value[3]) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    plcf->bucket_name = value[1];

    ngx_http_social_place(cf, &plcf->place);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_social_presign_handler;

    return NGX_CONF_OK;
}


static char *
ngx_http_social_presign_kinds(ngx_conf_t *cf,
    ngx_http_social_presign_loc_conf_t *plcf, ngx_str_t *value)
{
    u_char         ch;
    ngx_uint_t     i;
    social_str_t   rest, item, *kind;

    if (ngx_strncmp(value->data, "kinds=", 6) != 0
        || plcf->mode != NGX_HTTP_SOCIAL_PRESIGN_PUT)
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "unknown parameter \"%V\" in \"social_presign\": it takes "
                   "a bucket, a mode, and with \"put\" kinds=NAME,NAME",
                   value);
    }

    plcf->kinds = ngx_array_create(cf->pool, 2, sizeof(social_str_t));
    if (plcf->kinds == NULL) {
        return NGX_CONF_ERROR;
    }

    rest.data = value->data + 6;
    rest.len = value->len - 6;

    while (social_str_next(&rest, ",", &item)) {

        for (i = 0; i < item.len; i++) {
            ch = item.data[i];

            if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
                  || ch == '_' || ch == '-') || i == 32)
            {
                return ngx_http_social_conf_error(cf, NULL,
                           "invalid parameter \"%V\" in \"social_presign\": "
                           "a kind is of small letters, digits, \"_\" and "
                           "\"-\", 32 at most", value);
            }
        }

        kind = ngx_array_push(plcf->kinds);
        if (kind == NULL) {
            return NGX_CONF_ERROR;
        }

        *kind = item;
    }

    if (plcf->kinds->nelts == 0) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"kinds=\" in \"social_presign\" names no kind");
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_social_presign_key_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_presign_loc_conf_t  *plcf = conf;

    ngx_str_t                         *value;
    ngx_http_compile_complex_value_t   ccv;

    value = cf->args->elts;

    if (plcf->key != NULL) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_presign_key\" is duplicate: say it once in this "
                   "block");
    }

    /* without the subject one user could write over another's objects */

    if (ngx_strstr(value[1].data, "$social_sub") == NULL
        && ngx_strstr(value[1].data, "${social_sub}") == NULL)
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid key \"%V\" in \"social_presign_key\": it must "
                   "have $social_sub in it, so that nobody writes to "
                   "another's prefix", &value[1]);
    }

    plcf->key = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (plcf->key == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = plcf->key;

    return ngx_http_compile_complex_value(&ccv) == NGX_OK ? NGX_CONF_OK
                                                          : NGX_CONF_ERROR;
}


static char *
ngx_http_social_presign_types_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_presign_loc_conf_t  *plcf = conf;

    ngx_str_t     *value;
    ngx_uint_t     i;
    social_str_t  *type;

    value = cf->args->elts;

    if (plcf->types != NULL) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_presign_types\" is duplicate: list all types in "
                   "one");
    }

    plcf->types = ngx_array_create(cf->pool, 4, sizeof(social_str_t));
    if (plcf->types == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (social_upload_extension(ngx_http_social_view(&value[i])).len == 0)
        {
            return ngx_http_social_conf_error(cf, NULL,
                       "invalid type \"%V\" in \"social_presign_types\": it "
                       "must be image/jpeg, image/png, image/webp, image/gif, "
                       "image/avif, image/heic or image/heif", &value[i]);
        }

        type = ngx_array_push(plcf->types);
        if (type == NULL) {
            return NGX_CONF_ERROR;
        }

        *type = ngx_http_social_view(&value[i]);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_social_presign_size_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_presign_loc_conf_t  *plcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    value = cf->args->elts;

    if (plcf->max_size != NGX_CONF_UNSET_SIZE) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_presign_max_size\" is duplicate: say it once in "
                   "this block");
    }

    size = ngx_parse_size(&value[1]);

    if (size < 1) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid size \"%V\" in \"social_presign_max_size\": it "
                   "must be a number over zero, as in \"10m\"", &value[1]);
    }

    plcf->max_size = size;

    return NGX_CONF_OK;
}


static char *
ngx_http_social_presign_expires_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_presign_loc_conf_t  *plcf = conf;

    time_t      t;
    ngx_str_t  *value;

    value = cf->args->elts;

    if (plcf->expires != NGX_CONF_UNSET) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_presign_expires\" is duplicate: say it once in "
                   "this block");
    }

    t = ngx_parse_time(&value[1], 1);

    if (t == (time_t) NGX_ERROR || t < 1 || t > SOCIAL_SIGV4_MAX_EXPIRES) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid time \"%V\" in \"social_presign_expires\": it "
                   "must be from 1s to 7d, which is the most that SigV4 "
                   "allows", &value[1]);
    }

    plcf->expires = t;

    return NGX_CONF_OK;
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
     *     conf->types = NULL;
     *     conf->kinds = NULL;
     */

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_presign_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->max_size = NGX_CONF_UNSET_SIZE;
    conf->expires = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_social_presign_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_social_presign_loc_conf_t  *prev = parent;
    ngx_http_social_presign_loc_conf_t  *conf = child;

    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* an "if" or a "limit_except" in the location of one */

    if (clcf->noname && prev->mode) {

        *conf = *prev;

        if (clcf->lmt_excpt && clcf->handler == NULL) {
            clcf->handler = ngx_http_social_presign_handler;
        }

        return NGX_CONF_OK;
    }

    if (conf->key == NULL) {
        conf->key = prev->key;
    }

    if (conf->types == NULL) {
        conf->types = prev->types;
    }

    ngx_conf_merge_size_value(conf->max_size, prev->max_size,
                              10 * 1024 * 1024);
    ngx_conf_merge_value(conf->expires, prev->expires, 300);

    return conf->mode ? ngx_http_social_presign_check(cf, conf) : NGX_CONF_OK;
}


static char *
ngx_http_social_presign_check(ngx_conf_t *cf,
    ngx_http_social_presign_loc_conf_t *conf)
{
    const char                       *why;
    ngx_http_core_loc_conf_t         *clcf;
    ngx_http_social_auth_loc_conf_t  *alcf;

    conf->bucket = ngx_http_social_bucket_find(cf, &conf->bucket_name);

    if (conf->bucket == NULL) {
        return ngx_http_social_conf_error(cf, &conf->place,
                   "unknown bucket \"%V\" in \"social_presign\": add "
                   "a \"social_bucket %V { ... }\" to the \"http\" block",
                   &conf->bucket_name, &conf->bucket_name);
    }

    alcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_social_auth_module);

    if (alcf->issuers == NULL) {
        return ngx_http_social_conf_error(cf, &conf->place,
                   "\"social_presign\" needs \"social_auth\" in this "
                   "location: URLs are made for verified users only");
    }

    if (!ngx_http_social_database_configured(cf)) {
        return ngx_http_social_conf_error(cf, &conf->place,
                   "\"social_presign\" needs a \"social_database\": uploads "
                   "are recorded there");
    }

    if (ngx_http_social_presign_defaults(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (social_endpoint_parse(
            ngx_http_social_view(&conf->bucket->public_endpoint),
            &conf->target.endpoint, &why)
        != SOCIAL_OK)
    {
        return ngx_http_social_conf_error(cf, &conf->bucket->place,
                   "invalid \"public_endpoint\" in \"social_bucket %V\": %s",
                   &conf->bucket->name, why);
    }

    conf->target.path_style = conf->bucket->path_style;
    conf->target.bucket = ngx_http_social_view(&conf->bucket->bucket);
    conf->target.region = ngx_http_social_view(&conf->bucket->region);

    conf->credentials.access_key = conf->bucket->credentials.access_key;
    conf->credentials.secret = conf->bucket->credentials.secret;
    conf->credentials.token = conf->bucket->credentials.token;

    /* a body that small never goes to a file */

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->client_body_buffer_size = ngx_max(clcf->client_body_buffer_size,
                                            SOCIAL_UPLOAD_MAX_BODY);

    ngx_http_social_error_use(cf);

    return NGX_CONF_OK;
}


static char *
ngx_http_social_presign_defaults(ngx_conf_t *cf,
    ngx_http_social_presign_loc_conf_t *conf)
{
    social_str_t  *item;

    if (conf->key == NULL) {
        return ngx_http_social_conf_error(cf, &conf->place,
                   "\"social_presign\" needs a \"social_presign_key\", as in "
                   "\"raw/$social_sub/$social_upload_id.$social_upload_ext\"");
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
