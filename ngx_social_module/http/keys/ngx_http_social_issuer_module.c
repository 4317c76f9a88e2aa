
/*
 * The "social_issuer" block.
 */

#include "ngx_http_social_issuer.h"
#include "ngx_http_social_keys.h"


static char *ngx_http_social_issuer_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_social_issuer_name_is_reserved(ngx_str_t *name);

static void *ngx_http_social_issuer_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_social_issuer_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_social_issuer_init_process(ngx_cycle_t *cycle);


static ngx_command_t  ngx_http_social_issuer_commands[] = {

    { ngx_string("social_issuer"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_social_issuer_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_issuer_module_ctx = {
    NULL,                                     /* preconfiguration */
    ngx_http_social_issuer_init,              /* postconfiguration */

    ngx_http_social_issuer_create_main_conf,  /* create main configuration */
    NULL,                                     /* init main configuration */

    NULL,                                     /* create server conf */
    NULL,                                     /* merge server conf */

    NULL,                                     /* create location conf */
    NULL                                      /* merge location conf */
};


ngx_module_t  ngx_http_social_issuer_module = {
    NGX_MODULE_V1,
    &ngx_http_social_issuer_module_ctx,    /* module context */
    ngx_http_social_issuer_commands,       /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_social_issuer_init_process,   /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


ngx_http_social_issuer_t *
ngx_http_social_issuer_find(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t                            i;
    ngx_http_social_issuer_t            **issuers;
    ngx_http_social_issuer_main_conf_t   *imcf;

    imcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_issuer_module);
    issuers = imcf->issuers.elts;

    for (i = 0; i < imcf->issuers.nelts; i++) {
        if (issuers[i]->name.len == name->len
            && ngx_memcmp(issuers[i]->name.data, name->data, name->len) == 0)
        {
            return issuers[i];
        }
    }

    return NULL;
}


static char *
ngx_http_social_issuer_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_social_issuer_main_conf_t  *imcf = conf;

    char                       *rv;
    ngx_str_t                  *value;
    ngx_conf_t                  save;
    ngx_http_social_issuer_t   *issuer, **slot;

    value = cf->args->elts;

    if (value[1].len == 0
        || ngx_http_social_issuer_name_is_reserved(&value[1]))
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid name \"%V\" in \"social_issuer\": it must be "
                   "a word other than \"off\" and \"optional\", without "
                   "\"=\"", &value[1]);
    }

    if (ngx_http_social_issuer_find(cf, &value[1]) != NULL) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_issuer %V\" is duplicate: give this one another "
                   "name", &value[1]);
    }

    issuer = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_issuer_t));
    slot = ngx_array_push(&imcf->issuers);

    if (issuer == NULL || slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = issuer;

    issuer->name = value[1];
    issuer->token_use = NGX_CONF_UNSET_UINT;
    issuer->leeway = NGX_CONF_UNSET;
    issuer->refresh = NGX_CONF_UNSET_MSEC;
    issuer->stale = NGX_CONF_UNSET;
    issuer->cooldown = NGX_CONF_UNSET_MSEC;
    issuer->timeout = NGX_CONF_UNSET_MSEC;
    issuer->max_size = NGX_CONF_UNSET_SIZE;

    if (ngx_array_init(&issuer->client_ids, cf->pool, 4, sizeof(social_str_t))
        != NGX_OK
        || ngx_array_init(&issuer->audiences, cf->pool, 4,
                          sizeof(social_str_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_social_conf_position(cf, &issuer->position);

    /*
     * where an issuer is trusted, a client must not be able to set an identity
     */

    ngx_http_social_use(cf);

    save = *cf;

    cf->handler = ngx_http_social_issuer_line;
    cf->handler_conf = (void *) issuer;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_http_social_issuer_finish(cf, issuer);
}


static ngx_int_t
ngx_http_social_issuer_name_is_reserved(ngx_str_t *name)
{
    return (name->len == 3 && ngx_strncmp(name->data, "off", 3) == 0)
           || (name->len == 8 && ngx_strncmp(name->data, "optional", 8) == 0)
           || ngx_strlchr(name->data, name->data + name->len, '=') != NULL;
}


static void *
ngx_http_social_issuer_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_social_issuer_main_conf_t  *imcf;

    imcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_issuer_main_conf_t));
    if (imcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&imcf->issuers, cf->pool, 2,
                       sizeof(ngx_http_social_issuer_t *))
        != NGX_OK)
    {
        return NULL;
    }

    return imcf;
}


/*
 * Keys are loaded for every issuer that is configured, whether or not a
 * location uses it yet: an operator sees at once when they cannot be.
 */

static ngx_int_t
ngx_http_social_issuer_init(ngx_conf_t *cf)
{
    ngx_http_social_issuer_main_conf_t  *imcf;

    imcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_issuer_module);

    if (imcf->issuers.nelts == 0) {
        return NGX_OK;
    }

    return ngx_http_social_keys_init(cf, &imcf->issuers);
}


static ngx_int_t
ngx_http_social_issuer_init_process(ngx_cycle_t *cycle)
{
    ngx_http_social_issuer_main_conf_t  *imcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    imcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_social_issuer_module);

    if (imcf == NULL || imcf->issuers.nelts == 0) {
        return NGX_OK;
    }

    return ngx_http_social_keys_init_process(cycle, &imcf->issuers);
}
