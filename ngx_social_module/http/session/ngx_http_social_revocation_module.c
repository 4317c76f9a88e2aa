
/*
 * Sessions that were ended: the set of them in the shared zone.
 */

#include "ngx_http_social_follower.h"
#include "ngx_http_social_revocation.h"
#include "ngx_http_social_zone.h"


static ngx_int_t ngx_http_social_revocation_init_zone(ngx_slab_pool_t *shpool,
    void **part, void *data, ngx_log_t *log);

static void *ngx_http_social_revocation_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_social_revocation_init(ngx_conf_t *cf);
static ngx_http_social_follower_t *ngx_http_social_revocation_follower(
    ngx_cycle_t *cycle);
static ngx_int_t ngx_http_social_revocation_init_process(ngx_cycle_t *cycle);
static void ngx_http_social_revocation_exit_process(ngx_cycle_t *cycle);


static ngx_http_module_t  ngx_http_social_revocation_module_ctx = {
    NULL,                                         /* preconfiguration */
    ngx_http_social_revocation_init,              /* postconfiguration */

    ngx_http_social_revocation_create_main_conf,  /* create main conf */
    NULL,                                         /* init main conf */

    NULL,                                         /* create server conf */
    NULL,                                         /* merge server conf */

    NULL,                                         /* create location conf */
    NULL                                          /* merge location conf */
};


ngx_module_t  ngx_http_social_revocation_module = {
    NGX_MODULE_V1,
    &ngx_http_social_revocation_module_ctx,  /* module context */
    NULL,                                    /* module directives */
    NGX_HTTP_MODULE,                         /* module type */
    NULL,                                    /* init master */
    NULL,                                    /* init module */
    ngx_http_social_revocation_init_process, /* init process */
    NULL,                                    /* init thread */
    NULL,                                    /* exit thread */
    ngx_http_social_revocation_exit_process, /* exit process */
    NULL,                                    /* exit master */
    NGX_MODULE_V1_PADDING
};


void
ngx_http_social_revocation_use(ngx_conf_t *cf)
{
    ngx_http_social_revocation_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_social_revocation_module);

    rmcf->used = 1;
}


social_revocations_t *
ngx_http_social_revocations(ngx_http_request_t *r)
{
    ngx_http_social_revocation_main_conf_t  *rmcf;

    rmcf = ngx_http_get_module_main_conf(r, ngx_http_social_revocation_module);

    return rmcf->sh ? rmcf->sh->set : NULL;
}


ngx_int_t
ngx_http_social_revocations_add(ngx_http_social_revocation_main_conf_t *rmcf,
    ngx_http_social_revoked_t *revoked, ngx_uint_t n)
{
    time_t                            now;
    ngx_uint_t                        i, full, said;
    ngx_http_social_revocation_sh_t  *sh;

    sh = rmcf->sh;
    now = ngx_time();
    full = 0;
    said = 0;

    ngx_shmtx_lock(&rmcf->shpool->mutex);

    for (i = 0; i < n; i++) {
        if (social_revocations_add(sh->set, revoked[i].id, revoked[i].until,
                                   now)
            != SOCIAL_OK)
        {
            full = 1;
        }
    }

    if (full) {
        social_revocations_set_loaded(sh->set, false);
        said = sh->full;
        sh->full = 1;
    }

    ngx_shmtx_unlock(&rmcf->shpool->mutex);

    if (!full) {
        return NGX_OK;
    }

    if (!said) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "social: there is no room for more than %uz "
                      "revocations, and some are not obeyed: give "
                      "\"social_zone\" more",
                      social_revocations_capacity(sh->set));
    }

    return NGX_DECLINED;
}


/*
 * A quarter of the zone, 32 bytes an entry.  It outlives a reload as it is.
 */

static ngx_int_t
ngx_http_social_revocation_init_zone(ngx_slab_pool_t *shpool, void **part,
    void *data, ngx_log_t *log)
{
    ngx_http_social_revocation_main_conf_t *rmcf = data;

    void                             *memory;
    size_t                            size;
    ngx_http_social_revocation_sh_t  *sh;

    rmcf->shpool = shpool;
    rmcf->sh = *part;

    if (rmcf->sh != NULL) {
        return NGX_OK;
    }

    size = (shpool->end - (u_char *) shpool) / 4;

    sh = ngx_slab_calloc(shpool, sizeof(ngx_http_social_revocation_sh_t));
    memory = ngx_slab_alloc(shpool, size);

    if (sh == NULL || memory == NULL) {
        goto failed;
    }

    sh->set = social_revocations_init(memory, size);
    if (sh->set == NULL) {
        goto failed;
    }

    *part = sh;
    rmcf->sh = sh;

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "social: room for %uz revocations",
                  social_revocations_capacity(sh->set));

    return NGX_OK;

failed:

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "social: no room for revocations%s: give \"social_zone\" "
                  "more", shpool->log_ctx);

    return NGX_ERROR;
}


static void *
ngx_http_social_revocation_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_social_revocation_main_conf_t));
}


static ngx_int_t
ngx_http_social_revocation_init(ngx_conf_t *cf)
{
    ngx_http_social_revocation_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_social_revocation_module);

    /* whoever has tokens and a database may be told of a logout by another */

    if (!rmcf->used || !ngx_http_social_database_configured(cf)) {
        return NGX_OK;
    }

    rmcf->follower = ngx_http_social_follower_create(cf, rmcf);
    if (rmcf->follower == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_social_zone_add_part(cf, NGX_HTTP_SOCIAL_ZONE_REVOCATIONS,
                                         ngx_http_social_revocation_init_zone,
                                         rmcf);
}


static ngx_http_social_follower_t *
ngx_http_social_revocation_follower(ngx_cycle_t *cycle)
{
    ngx_http_conf_ctx_t                     *ctx;
    ngx_http_social_revocation_main_conf_t  *rmcf;

    ctx = (ngx_http_conf_ctx_t *)
              ngx_get_conf(cycle->conf_ctx, ngx_http_module);

    if (ctx == NULL) {
        return NULL;
    }

    rmcf = ctx->main_conf[ngx_http_social_revocation_module.ctx_index];

    return rmcf->follower;
}


static ngx_int_t
ngx_http_social_revocation_init_process(ngx_cycle_t *cycle)
{
    ngx_http_social_follower_t  *f;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    f = ngx_http_social_revocation_follower(cycle);

    if (f != NULL) {
        ngx_http_social_follower_start(f, cycle);
    }

    return NGX_OK;
}


static void
ngx_http_social_revocation_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_social_follower_t  *f;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return;
    }

    f = ngx_http_social_revocation_follower(cycle);

    if (f != NULL) {
        ngx_http_social_follower_stop(f);
    }
}
