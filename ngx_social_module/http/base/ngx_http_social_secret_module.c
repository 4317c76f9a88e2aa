
/*
 * "social_secret": HMAC secrets, from files, two at a time so that they can be
 * rotated without an interruption.
 */

#include "ngx_http_social_secret.h"
#include "social_webhook.h"


#define NGX_HTTP_SOCIAL_SECRET_FILE_MAX  4096


typedef struct {
    ngx_array_t            secrets;      /* of ngx_http_social_secret_t */
} ngx_http_social_secret_main_conf_t;


static char *ngx_http_social_secret_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_social_secret_read(ngx_conf_t *cf, ngx_str_t *path,
    social_str_t *secret);
static void *ngx_http_social_secret_create_main_conf(ngx_conf_t *cf);


static ngx_command_t  ngx_http_social_secret_commands[] = {

    { ngx_string("social_secret"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE23,
      ngx_http_social_secret_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_secret_module_ctx = {
    NULL,                                     /* preconfiguration */
    NULL,                                     /* postconfiguration */

    ngx_http_social_secret_create_main_conf,  /* create main configuration */
    NULL,                                     /* init main configuration */

    NULL,                                     /* create server configuration */
    NULL,                                     /* merge server configuration */

    NULL,                                     /* create location conf */
    NULL                                      /* merge location conf */
};


ngx_module_t  ngx_http_social_secret_module = {
    NGX_MODULE_V1,
    &ngx_http_social_secret_module_ctx,    /* module context */
    ngx_http_social_secret_commands,       /* module directives */
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


ngx_http_social_secret_t *
ngx_http_social_secret_find(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t                           i;
    ngx_http_social_secret_t            *secret;
    ngx_http_social_secret_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_secret_module);
    secret = smcf->secrets.elts;

    for (i = 0; i < smcf->secrets.nelts; i++) {
        if (secret[i].name.len == name->len
            && ngx_memcmp(secret[i].name.data, name->data, name->len) == 0)
        {
            return &secret[i];
        }
    }

    return NULL;
}


static char *
ngx_http_social_secret_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_secret_main_conf_t  *smcf = conf;

    ngx_str_t                 *value, path;
    ngx_uint_t                 i, which;
    ngx_http_social_secret_t  *secret;

    value = cf->args->elts;

    if (value[1].len == 0 || ngx_http_social_secret_find(cf, &value[1])) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_secret %V\" is duplicate or has no name: give "
                   "each one a name of its own", &value[1]);
    }

    secret = ngx_array_push(&smcf->secrets);
    if (secret == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(secret, sizeof(ngx_http_social_secret_t));
    secret->name = value[1];

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "file=", 5) == 0) {
            which = 0;
            path.data = value[i].data + 5;
            path.len = value[i].len - 5;

        } else if (ngx_strncmp(value[i].data, "previous=", 9) == 0) {
            which = 1;
            path.data = value[i].data + 9;
            path.len = value[i].len - 9;

        } else {
            return ngx_http_social_conf_error(cf, NULL,
                       "unknown parameter in \"social_secret\": it takes "
                       "file=PATH and previous=PATH, a secret itself is never "
                       "written here");
        }

        if (secret->values[which].len) {
            return ngx_http_social_conf_error(cf, NULL,
                       "\"%V\" is duplicate in \"social_secret\": say it "
                       "once", &value[i]);
        }

        if (ngx_http_social_secret_read(cf, &path, &secret->values[which])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (secret->values[0].len == 0) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_secret %V\" needs file=PATH", &value[1]);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_social_secret_read(ngx_conf_t *cf, ngx_str_t *path,
    social_str_t *secret)
{
    u_char     *p;
    size_t      len;
    ngx_str_t   text;

    if (ngx_http_social_conf_read_file(cf, path,
                                       NGX_HTTP_SOCIAL_SECRET_FILE_MAX, &text)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    p = ngx_pnalloc(cf->pool, SOCIAL_WEBHOOK_MAX_SECRET);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    if (social_webhook_secret(ngx_http_social_view(&text), p, &len)
        != SOCIAL_OK)
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"%V\" holds no secret: it must be \"whsec_\" and base64 "
                   "of 24 to 64 random bytes, as \"echo whsec_$(openssl rand "
                   "-base64 32)\" makes it", path);
    }

    secret->data = p;
    secret->len = len;

    return NGX_CONF_OK;
}


static void *
ngx_http_social_secret_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_social_secret_main_conf_t  *smcf;

    smcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_secret_main_conf_t));

    if (smcf == NULL
        || ngx_array_init(&smcf->secrets, cf->pool, 2,
                          sizeof(ngx_http_social_secret_t))
           != NGX_OK)
    {
        return NULL;
    }

    return smcf;
}
