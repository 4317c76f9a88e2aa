
/*
 * The "social_issuer" block.
 */

#include "ngx_http_social_issuer.h"
#include "ngx_http_social_keys.h"


static char *ngx_http_social_issuer_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

static void *ngx_http_social_issuer_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_social_issuer_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_social_issuer_count(ngx_conf_t *cf,
    ngx_http_social_issuer_main_conf_t *imcf);
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
    ngx_http_social_issuer_main_conf_t  *imcf;

    imcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_issuer_module);

    return ngx_http_social_conf_find_named(&imcf->issuers, name);
}


static char *
ngx_http_social_issuer_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_social_issuer_main_conf_t  *imcf = conf;

    ngx_str_t                 *value;
    ngx_http_social_issuer_t  *issuer, **slot;

    value = cf->args->elts;

    if (ngx_http_social_issuer_is_reserved(&value[1])) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid name \"%V\" in \"social_issuer\" directive, it "
                   "must not be \"off\" or \"optional\" or contain \"=\"",
                   &value[1]);
    }

    issuer = ngx_http_social_conf_add_named(cf, &imcf->issuers,
                                            sizeof(ngx_http_social_issuer_t));
    if (issuer == NULL) {
        return NGX_CONF_ERROR;
    }

    issuer->token_use = SOCIAL_TOKEN_USE_ACCESS;
    issuer->leeway = 30;
    issuer->refresh = 600000;
    issuer->stale = 24 * 3600;
    issuer->cooldown = 10000;
    issuer->timeout = 3000;
    issuer->max_size = 150 * 1024;
    issuer->max_keys = 64;

    issuer->client_ids = ngx_array_create(cf->pool, 4, sizeof(social_str_t));
    issuer->audiences = ngx_array_create(cf->pool, 4, sizeof(social_str_t));
    issuer->replicas = ngx_array_create(cf->pool, 1, sizeof(social_str_t));

    if (issuer->client_ids == NULL || issuer->audiences == NULL
        || issuer->replicas == NULL)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_social_conf_position(cf, &issuer->position);

    /*
     * where an issuer is trusted, a client must not be able to set an identity
     */

    ngx_http_social_use(cf);

    if (ngx_http_social_issuer_parse(cf, issuer) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_social_issuer_finish(cf, issuer) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    for ( /* void */ ; issuer; issuer = issuer->next) {

        slot = ngx_array_push(&imcf->forms);
        if (slot == NULL) {
            return NGX_CONF_ERROR;
        }

        *slot = issuer;
    }

    return NGX_CONF_OK;
}


ngx_uint_t
ngx_http_social_issuer_is_reserved(ngx_str_t *name)
{
    return ngx_strcmp(name->data, "off") == 0
           || ngx_strcmp(name->data, "optional") == 0
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
        != NGX_OK
        || ngx_array_init(&imcf->forms, cf->pool, 4,
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

    if (ngx_http_social_counters_used(cf)
        && ngx_http_social_issuer_count(cf, imcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_social_keys_init(cf, &imcf->forms);
}


static ngx_int_t
ngx_http_social_issuer_count(ngx_conf_t *cf,
    ngx_http_social_issuer_main_conf_t *imcf)
{
    ngx_uint_t                  i;
    ngx_http_social_issuer_t  **issuer, *form;
    static const ngx_str_t      unknown = ngx_string("");

    imcf->row = ngx_http_social_counters_row(cf, NGX_HTTP_SOCIAL_ROW_ISSUER,
                                             &unknown);
    if (imcf->row == NULL) {
        return NGX_ERROR;
    }

    issuer = imcf->issuers.elts;

    for (i = 0; i < imcf->issuers.nelts; i++) {

        issuer[i]->row = ngx_http_social_counters_row(cf,
                                                   NGX_HTTP_SOCIAL_ROW_ISSUER,
                                                   &issuer[i]->name);
        if (issuer[i]->row == NULL) {
            return NGX_ERROR;
        }

        for (form = issuer[i]->next; form; form = form->next) {
            form->row = issuer[i]->row;
        }
    }

    return NGX_OK;
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

    return ngx_http_social_keys_init_process(cycle, &imcf->forms);
}
