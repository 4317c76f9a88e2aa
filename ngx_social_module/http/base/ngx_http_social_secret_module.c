
/*
 * "social_secret": HMAC secrets, from files, two at a time so that they can be
 * rotated without an interruption.
 */

#include "ngx_http_social_secret.h"
#include "social_webhook.h"


#define NGX_HTTP_SOCIAL_SECRET_FILE_MAX  4096


typedef struct {
    ngx_array_t            secrets;      /* of ngx_http_social_secret_t * */
} ngx_http_social_secret_main_conf_t;


static char *ngx_http_social_secret_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_social_secret_read(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
static void *ngx_http_social_secret_create_main_conf(ngx_conf_t *cf);


static const ngx_http_social_conf_entry_t  ngx_http_social_secret_params[] = {

    { ngx_string("file"),
      NGX_HTTP_SOCIAL_CONF_REQUIRED,
      ngx_http_social_secret_read,
      offsetof(ngx_http_social_secret_t, values[0]),
      0, 0, NULL },

    { ngx_string("previous"),
      0,
      ngx_http_social_secret_read,
      offsetof(ngx_http_social_secret_t, values[1]),
      0, 0, NULL },

      ngx_http_social_conf_null_entry
};


static ngx_command_t  ngx_http_social_secret_commands[] = {

    { ngx_string("social_secret"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
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
    ngx_http_social_secret_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_secret_module);

    return ngx_http_social_conf_find_named(&smcf->secrets, name);
}


static char *
ngx_http_social_secret_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_secret_main_conf_t  *smcf = conf;

    ngx_http_social_secret_t  *secret;

    secret = ngx_http_social_conf_add_named(cf, &smcf->secrets,
                                            sizeof(ngx_http_social_secret_t));
    if (secret == NULL) {
        return NGX_CONF_ERROR;
    }

    /* what is unknown may be a secret */

    return ngx_http_social_conf_params(cf, ngx_http_social_secret_params, 2, 0,
                                       1, secret);
}


static char *
ngx_http_social_secret_read(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    u_char        *p;
    size_t         len;
    ngx_str_t      text;
    social_str_t  *field;

    field = (social_str_t *) ((u_char *) conf + entry->offset);

    if (value->len == 0) {
        return ngx_http_social_conf_invalid(cf, entry, value,
                                            "it must not be empty");
    }

    if (ngx_http_social_conf_read_file(cf, value,
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
                   "no secret in file \"%V\" (it must be \"whsec_\" and the "
                   "base64 of 24 to 64 random bytes, as \"echo "
                   "whsec_$(openssl rand -base64 32)\" prints it) for "
                   "\"social_secret\" directive", value);
    }

    field->data = p;
    field->len = len;

    return NGX_CONF_OK;
}


static void *
ngx_http_social_secret_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_social_secret_main_conf_t  *smcf;

    smcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_secret_main_conf_t));

    if (smcf == NULL
        || ngx_array_init(&smcf->secrets, cf->pool, 2,
                          sizeof(ngx_http_social_secret_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return smcf;
}
