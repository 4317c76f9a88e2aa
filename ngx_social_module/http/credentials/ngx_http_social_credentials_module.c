
/*
 * The sources of credentials that buckets and the database are configured
 * with.
 */

#include "ngx_http_social_credentials_slot.h"
#include "social_net_private.h"

#include <openssl/evp.h>


typedef struct {
    ngx_array_t            sources;   /* of ngx_http_social_credentials_t * */
} ngx_http_social_credentials_main_conf_t;


static ngx_int_t ngx_http_social_credentials_prepare(ngx_conf_t *cf,
    ngx_http_social_credentials_t *c, char *error);
static ngx_int_t ngx_http_social_credentials_id(
    ngx_http_social_credentials_t *c);
static void ngx_http_social_credentials_cleanup(void *data);
static ngx_array_t *ngx_http_social_credentials_of(ngx_http_request_t *r);

static void *ngx_http_social_credentials_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_social_credentials_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_social_credentials_init_process(ngx_cycle_t *cycle);


static ngx_http_module_t  ngx_http_social_credentials_module_ctx = {
    NULL,                                          /* preconfiguration */
    ngx_http_social_credentials_init,              /* postconfiguration */

    ngx_http_social_credentials_create_main_conf,  /* create main conf */
    NULL,                                          /* init main conf */

    NULL,                                          /* create server conf */
    NULL,                                          /* merge server conf */

    NULL,                                          /* create location conf */
    NULL                                           /* merge location conf */
};


ngx_module_t  ngx_http_social_credentials_module = {
    NGX_MODULE_V1,
    &ngx_http_social_credentials_module_ctx,  /* module context */
    NULL,                                     /* module directives */
    NGX_HTTP_MODULE,                          /* module type */
    NULL,                                     /* init master */
    NULL,                                     /* init module */
    ngx_http_social_credentials_init_process, /* init process */
    NULL,                                     /* init thread */
    NULL,                                     /* exit thread */
    NULL,                                     /* exit process */
    NULL,                                     /* exit master */
    NGX_MODULE_V1_PADDING
};


ngx_http_social_credentials_t *
ngx_http_social_credentials_add(ngx_conf_t *cf, ngx_str_t *text,
    ngx_str_t *region, ngx_str_t *who, char *error)
{
    ngx_uint_t                                 i;
    ngx_pool_cleanup_t                        *cln;
    ngx_http_social_credentials_t             *c, **slot;
    ngx_http_social_credentials_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf,
                                          ngx_http_social_credentials_module);
    slot = cmcf->sources.elts;

    for (i = 0; i < cmcf->sources.nelts; i++) {

        c = slot[i];

        if (c->text.len == text->len && c->region.len == region->len
            && ngx_strncmp(c->text.data, text->data, text->len) == 0
            && ngx_strncmp(c->region.data, region->data, region->len) == 0)
        {
            return c;
        }
    }

    ngx_memcpy(error, "out of memory", sizeof("out of memory"));

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_http_social_credentials_t));
    if (cln == NULL) {
        return NULL;
    }

    c = cln->data;
    ngx_memzero(c, sizeof(ngx_http_social_credentials_t));
    cln->handler = ngx_http_social_credentials_cleanup;

    c->text = *text;
    c->region = *region;
    c->who = *who;

    if (ngx_http_social_credentials_prepare(cf, c, error) != NGX_OK) {
        return NULL;
    }

    slot = ngx_array_push(&cmcf->sources);
    if (slot == NULL) {
        return NULL;
    }

    *slot = c;

    return c;
}


/*
 * Those of files and of the environment are read at once: an operator learns of
 * a mistake, and requests find them from the first one on.
 */

static ngx_int_t
ngx_http_social_credentials_prepare(ngx_conf_t *cf,
    ngx_http_social_credentials_t *c, char *error)
{
    c->own = social_net_private_alloc(
                                   sizeof(ngx_http_social_credentials_own_t));

    if (c->own == NULL || ngx_http_social_credentials_id(c) != NGX_OK) {
        return NGX_ERROR;
    }

    c->source = social_net_credentials_create((char *) c->text.data,
                    c->region.len ? (char *) c->region.data : NULL, error);

    if (c->source == NULL
        || social_net_credentials_read(c->source, &c->first, error)
           != SOCIAL_OK)
    {
        return NGX_ERROR;
    }

    c->start = c->first.keys;

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_credentials_id(ngx_http_social_credentials_t *c)
{
    u_char       id[EVP_MAX_MD_SIZE];
    EVP_MD_CTX  *md;
    ngx_uint_t   ok;

    md = EVP_MD_CTX_new();

    ok = md != NULL
         && EVP_DigestInit_ex(md, EVP_sha256(), NULL)
         && EVP_DigestUpdate(md, c->region.data, c->region.len)
         && EVP_DigestUpdate(md, "\n", 1)
         && EVP_DigestUpdate(md, c->text.data, c->text.len)
         && EVP_DigestFinal_ex(md, id, NULL);

    EVP_MD_CTX_free(md);

    if (!ok) {
        return NGX_ERROR;
    }

    ngx_memcpy(c->id, id, sizeof(c->id));

    return NGX_OK;
}


static void
ngx_http_social_credentials_cleanup(void *data)
{
    ngx_http_social_credentials_t  *c = data;

    /* without a master the same process goes on with the next configuration */

    if (c->refresh.timer_set) {
        ngx_del_timer(&c->refresh);
    }

    /* a thread that has the source keeps it */

    if (c->task == NULL) {
        social_net_credentials_destroy(c->source);
    }

    ngx_http_social_task_orphan(c->task);
    social_net_credentials_free(&c->first);
    social_net_private_free(c->own, sizeof(ngx_http_social_credentials_own_t));

    c->source = NULL;
    c->own = NULL;
}


static ngx_array_t *
ngx_http_social_credentials_of(ngx_http_request_t *r)
{
    ngx_http_social_credentials_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r,
                                         ngx_http_social_credentials_module);

    return &cmcf->sources;
}


ngx_uint_t
ngx_http_social_credentials_configured(ngx_http_request_t *r)
{
    return ngx_http_social_credentials_of(r)->nelts;
}


ngx_uint_t
ngx_http_social_credentials_missing(ngx_http_request_t *r)
{
    ngx_uint_t                       i, n;
    ngx_array_t                     *sources;
    social_credentials_t             keys;
    ngx_http_social_credentials_t  **c;

    sources = ngx_http_social_credentials_of(r);
    c = sources->elts;
    n = 0;

    for (i = 0; i < sources->nelts; i++) {
        if (ngx_http_social_credentials_current(c[i], &keys) != NGX_OK) {
            n++;
        }
    }

    return n;
}


static void *
ngx_http_social_credentials_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_social_credentials_main_conf_t  *cmcf;

    cmcf = ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_social_credentials_main_conf_t));

    if (cmcf == NULL
        || ngx_array_init(&cmcf->sources, cf->pool, 2,
                          sizeof(ngx_http_social_credentials_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return cmcf;
}


static ngx_int_t
ngx_http_social_credentials_init(ngx_conf_t *cf)
{
    ngx_http_social_credentials_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf,
                                          ngx_http_social_credentials_module);

    return ngx_http_social_credentials_slots(cf, &cmcf->sources);
}


static ngx_int_t
ngx_http_social_credentials_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                                 i, initialized;
    ngx_http_social_credentials_t            **c;
    ngx_http_social_credentials_main_conf_t   *cmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    cmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                          ngx_http_social_credentials_module);

    if (cmcf == NULL) {
        return NGX_OK;
    }

    c = cmcf->sources.elts;
    initialized = 0;

    for (i = 0; i < cmcf->sources.nelts; i++) {

        if (c[i]->slot == NULL) {
            continue;
        }

        if (!initialized++ && social_net_init() != SOCIAL_OK) {
            ngx_log_error(NGX_LOG_CRIT, cycle->log, 0,
                          "social: curl_global_init() failed");
            return NGX_ERROR;
        }

        ngx_http_social_credentials_start(c[i], cycle);
    }

    return NGX_OK;
}
