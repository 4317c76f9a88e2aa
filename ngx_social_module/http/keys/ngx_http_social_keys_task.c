
/*
 * The thread task that fetches a key set, by way of a discovery document where
 * the configuration has only the issuer.
 *
 * The set is parsed in the thread, so that one without a usable key never
 * replaces the last good one, and so that the event loop never pays for
 * a large one.
 */

#include "ngx_http_social_keys.h"
#include "social_discovery.h"


static char *ngx_http_social_keys_task_copy(ngx_pool_t *pool, ngx_str_t *s);
static social_rc_e ngx_http_social_keys_task_discover(
    ngx_http_social_keys_task_t *ctx);
static void ngx_http_social_keys_task_error(ngx_http_social_keys_task_t *ctx,
    const char *why);


ngx_int_t
ngx_http_social_keys_task_post(ngx_http_social_keys_t *keys,
    ngx_http_social_task_done_pt done)
{
    ngx_http_social_task_t  *task;

    /* one thread for each issuer, if that one were to stick */

    if (keys->task) {
        return NGX_ERROR;
    }

    task = ngx_http_social_task_create(sizeof(ngx_http_social_keys_task_t),
                                       ngx_http_social_keys_task_thread,
                                       done);
    if (task == NULL) {
        return NGX_ERROR;
    }

    ngx_http_social_task_own(task, keys, &keys->task);

    if (ngx_http_social_keys_task_init(task->ctx, keys->issuer, task->pool)
        != NGX_OK)
    {
        goto failed;
    }

    if (ngx_http_social_task_post(task, keys->thread_pool) == NGX_OK) {
        return NGX_OK;
    }

failed:

    ngx_http_social_task_free(task);

    return NGX_ERROR;
}


ngx_int_t
ngx_http_social_keys_task_init(ngx_http_social_keys_task_t *ctx,
    ngx_http_social_issuer_t *issuer, ngx_pool_t *pool)
{
    ctx->discover = (issuer->discovery.len != 0);
    ctx->fetch.timeout = (long) issuer->timeout;
    ctx->fetch.max_size = issuer->max_size;
    ctx->algorithms = issuer->algorithms;
    ctx->max_keys = issuer->max_keys;

    ctx->issuer.len = issuer->issuer.len;
    ctx->issuer.data = ngx_pstrdup(pool, &issuer->issuer);
    ctx->fetch.url = ngx_http_social_keys_task_copy(pool,
                         ctx->discover ? &issuer->discovery
                                       : &issuer->jwks_uri);

    if (ctx->issuer.data == NULL || ctx->fetch.url == NULL) {
        return NGX_ERROR;
    }

    if (issuer->ca_file.len) {
        ctx->fetch.ca_file = ngx_http_social_keys_task_copy(pool,
                                                            &issuer->ca_file);
        if (ctx->fetch.ca_file == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_http_social_keys_task_free(ngx_http_social_task_t *task)
{
    ngx_http_social_keys_task_t  *ctx;

    ctx = task->ctx;

    free(ctx->answer.body);
    ngx_http_social_task_free(task);
}


static char *
ngx_http_social_keys_task_copy(ngx_pool_t *pool, ngx_str_t *s)
{
    u_char  *p;

    p = ngx_pnalloc(pool, s->len + 1);
    if (p == NULL) {
        return NULL;
    }

    ngx_memcpy(p, s->data, s->len);
    p[s->len] = '\0';

    return (char *) p;
}


void
ngx_http_social_keys_task_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_keys_task_t *ctx = data;

    const char     *why;
    social_str_t    text;
    social_jwks_t  *jwks;

    if (ctx->discover) {
        ctx->rc = ngx_http_social_keys_task_discover(ctx);

        if (ctx->rc != SOCIAL_OK) {
            return;
        }
    }

    ctx->rc = social_net_fetch(&ctx->fetch, &ctx->answer);

    if (ctx->rc != SOCIAL_OK) {
        return;
    }

    text.data = ctx->answer.body;
    text.len = ctx->answer.len;

    ctx->rc = social_jwks_parse(text, ctx->algorithms, ctx->max_keys, &jwks,
                                &why);

    if (ctx->rc != SOCIAL_OK) {
        ngx_http_social_keys_task_error(ctx, why);
        return;
    }

    ctx->skipped = jwks->skipped;
    ctx->why = jwks->why;

    social_jwks_free(jwks);
}


/*
 * The rest of the time is for the key set: the lease covers both.  The
 * document is fetched each time, since an issuer may move its keys.
 */

static social_rc_e
ngx_http_social_keys_task_discover(ngx_http_social_keys_task_t *ctx)
{
    const char   *why;
    social_rc_e   rc;
    social_str_t  text;

    rc = social_net_fetch(&ctx->fetch, &ctx->answer);

    if (rc != SOCIAL_OK) {
        return rc;
    }

    text.data = ctx->answer.body;
    text.len = ctx->answer.len;

    rc = social_discovery_parse(text, ctx->issuer, ctx->uri, &why);

    free(ctx->answer.body);
    ctx->answer.body = NULL;

    if (rc != SOCIAL_OK) {
        ngx_http_social_keys_task_error(ctx, why);
        return rc;
    }

    ctx->fetch.url = ctx->uri;
    ctx->fetch.timeout -= ctx->answer.elapsed;

    if (ctx->fetch.timeout <= 0) {
        ngx_http_social_keys_task_error(ctx, "\"jwks_timeout\" expired with "
                                             "the discovery document");
        return SOCIAL_DECLINED;
    }

    return SOCIAL_OK;
}


static void
ngx_http_social_keys_task_error(ngx_http_social_keys_task_t *ctx,
    const char *why)
{
    ngx_snprintf((u_char *) ctx->answer.error, SOCIAL_NET_ERROR_SIZE - 1,
                 "%s%Z", why);
}
