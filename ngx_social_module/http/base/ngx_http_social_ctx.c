
/*
 * Request contexts that survive internal redirects.
 *
 * nginx zeroes r->ctx at every internal redirect and when a filter finalizes
 * a request, so that an identity or a CORS decision would be gone in error
 * pages and logs.  As in ngx_http_realip_module, the context hangs on a
 * cleanup of the request's pool, and is looked for there when r->ctx has
 * lost it.
 */

#include "ngx_http_social.h"


typedef struct {
    ngx_http_request_t   *request;
    ngx_module_t         *module;
    void                 *ctx;
} ngx_http_social_kept_ctx_t;


static ngx_http_social_kept_ctx_t *ngx_http_social_kept_ctx(
    ngx_http_request_t *r, ngx_module_t *module);
static void ngx_http_social_ctx_cleanup(void *data);


void *
ngx_http_social_get_ctx(ngx_http_request_t *r, ngx_module_t *module)
{
    void                        *ctx;
    ngx_http_social_kept_ctx_t  *kept;

    ctx = ngx_http_get_module_ctx(r, (*module));

    if (ctx != NULL || !(r->internal || r->filter_finalize)) {
        return ctx;
    }

    kept = ngx_http_social_kept_ctx(r, module);

    if (kept != NULL && kept->ctx != NULL) {
        ngx_http_set_ctx(r, kept->ctx, (*module));
        return kept->ctx;
    }

    return NULL;
}


ngx_int_t
ngx_http_social_set_ctx(ngx_http_request_t *r, void *ctx, ngx_module_t *module)
{
    ngx_pool_cleanup_t          *cln;
    ngx_http_social_kept_ctx_t  *kept;

    ngx_http_set_ctx(r, ctx, (*module));

    kept = ngx_http_social_kept_ctx(r, module);

    if (kept == NULL) {
        cln = ngx_pool_cleanup_add(r->pool,
                                   sizeof(ngx_http_social_kept_ctx_t));
        if (cln == NULL) {
            return NGX_ERROR;
        }

        cln->handler = ngx_http_social_ctx_cleanup;
        kept = cln->data;
        kept->request = r;
        kept->module = module;
    }

    kept->ctx = ctx;

    return NGX_OK;
}


/*
 * A subrequest shares the pool with the others, but not the contexts.
 */

static ngx_http_social_kept_ctx_t *
ngx_http_social_kept_ctx(ngx_http_request_t *r, ngx_module_t *module)
{
    ngx_pool_cleanup_t          *cln;
    ngx_http_social_kept_ctx_t  *kept;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler != ngx_http_social_ctx_cleanup) {
            continue;
        }

        kept = cln->data;

        if (kept->request == r && kept->module == module) {
            return kept;
        }
    }

    return NULL;
}


/*
 * There is nothing to release: the handler's address marks our entries in the
 * list.
 */

static void
ngx_http_social_ctx_cleanup(void *data)
{
    return;
}
