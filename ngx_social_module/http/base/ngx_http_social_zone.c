
/*
 * The one shared zone: mapping, layout version, and its parts.
 */

#include "ngx_http_social_zone.h"


typedef struct {
    ngx_http_social_zone_init_pt   init;
    void                          *data;
} ngx_http_social_zone_user_t;


typedef struct {
    ngx_slab_pool_t               *shpool;
    ngx_http_social_zone_sh_t     *sh;
    ngx_http_social_zone_user_t    users[NGX_HTTP_SOCIAL_ZONE_PARTS];
} ngx_http_social_zone_ctx_t;


static ngx_int_t ngx_http_social_zone_init(ngx_shm_zone_t *zone, void *data);
static ngx_int_t ngx_http_social_zone_attach(ngx_shm_zone_t *zone,
    ngx_http_social_zone_ctx_t *octx);


ngx_shm_zone_t *
ngx_http_social_zone_add(ngx_conf_t *cf, ngx_str_t *name, size_t size,
    ngx_module_t *module)
{
    ngx_shm_zone_t              *zone;
    ngx_http_social_zone_ctx_t  *ctx;

    ctx = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_zone_ctx_t));
    if (ctx == NULL) {
        return NULL;
    }

    zone = ngx_shared_memory_add(cf, name, size, module);
    if (zone == NULL) {
        return NULL;
    }

    zone->init = ngx_http_social_zone_init;
    zone->data = ctx;

    return zone;
}


void
ngx_http_social_zone_set_part(ngx_shm_zone_t *zone,
    ngx_http_social_zone_part_e part, ngx_http_social_zone_init_pt init,
    void *data)
{
    ngx_http_social_zone_ctx_t  *ctx = zone->data;

    ctx->users[part].init = init;
    ctx->users[part].data = data;
}


static ngx_int_t
ngx_http_social_zone_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_uint_t                   i;
    ngx_http_social_zone_ctx_t  *ctx, *octx;

    octx = data;
    ctx = zone->data;

    if (ngx_http_social_zone_attach(zone, octx) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_SOCIAL_ZONE_PARTS; i++) {

        if (ctx->users[i].init == NULL) {
            continue;
        }

        if (ctx->users[i].init(ctx->shpool, &ctx->sh->parts[i],
                               ctx->users[i].data, zone->shm.log)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_zone_attach(ngx_shm_zone_t *zone,
    ngx_http_social_zone_ctx_t *octx)
{
    size_t                       len;
    ngx_http_social_zone_ctx_t  *ctx;

    ctx = zone->data;
    ctx->shpool = (ngx_slab_pool_t *) zone->shm.addr;

    if (octx != NULL || zone->shm.exists) {

        ctx->sh = octx ? octx->sh : ctx->shpool->data;

        if (ctx->sh->version != NGX_HTTP_SOCIAL_ZONE_VERSION) {
            ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                          "social zone \"%V\" has layout %ui, this module "
                          "needs %d: restart nginx instead of reloading it",
                          &zone->shm.name, ctx->sh->version,
                          NGX_HTTP_SOCIAL_ZONE_VERSION);
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    ctx->sh = ngx_slab_calloc(ctx->shpool, sizeof(ngx_http_social_zone_sh_t));
    if (ctx->sh == NULL) {
        return NGX_ERROR;
    }

    /* the caller logs what the memory was for */
    ctx->shpool->log_nomem = 0;

    ctx->sh->version = NGX_HTTP_SOCIAL_ZONE_VERSION;
    ctx->shpool->data = ctx->sh;

    len = sizeof(" in social zone \"\"") + zone->shm.name.len;

    ctx->shpool->log_ctx = ngx_slab_alloc(ctx->shpool, len);
    if (ctx->shpool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(ctx->shpool->log_ctx, " in social zone \"%V\"%Z",
                &zone->shm.name);

    return NGX_OK;
}
