
/*
 * The slots of credentials in the shared zone.
 */

#include "ngx_http_social_credentials_slot.h"
#include "social_net_private.h"


#define NGX_HTTP_SOCIAL_CREDENTIALS_SLOTS   16
#define NGX_HTTP_SOCIAL_CREDENTIALS_UNUSED  180


typedef struct {
    ngx_uint_t                           configuration;
    ngx_http_social_credentials_slot_t   slots
                                         [NGX_HTTP_SOCIAL_CREDENTIALS_SLOTS];
} ngx_http_social_credentials_sh_t;


static ngx_int_t ngx_http_social_credentials_init_zone(
    ngx_slab_pool_t *shpool, void **part, void *data, ngx_log_t *log);
static ngx_http_social_credentials_sh_t *ngx_http_social_credentials_create_sh(
    ngx_slab_pool_t *shpool);
static ngx_http_social_credentials_slot_t *ngx_http_social_credentials_find(
    ngx_http_social_credentials_sh_t *sh, u_char *id);
static void ngx_http_social_credentials_claim(
    ngx_http_social_credentials_sh_t *sh, ngx_http_social_credentials_t *c,
    ngx_http_social_credentials_slot_t *slot);
static void ngx_http_social_credentials_clear(
    ngx_http_social_credentials_slot_t *slot);


ngx_int_t
ngx_http_social_credentials_slots(ngx_conf_t *cf, ngx_array_t *sources)
{
    ngx_uint_t                       i, n;
    ngx_thread_pool_t               *thread_pool;
    ngx_http_social_credentials_t  **c;

    c = sources->elts;
    n = 0;

    for (i = 0; i < sources->nelts; i++) {

        if (social_net_credentials_is_constant(c[i]->source)) {
            continue;
        }

        thread_pool = ngx_http_social_need_thread_pool(cf);
        if (thread_pool == NULL) {
            return NGX_ERROR;
        }

        c[i]->thread_pool = thread_pool;
        n++;
    }

    if (n == 0) {
        return NGX_OK;
    }

    if (n > NGX_HTTP_SOCIAL_CREDENTIALS_SLOTS / 2) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "too many different \"credentials\": %ui, %d is the "
                      "most", n, NGX_HTTP_SOCIAL_CREDENTIALS_SLOTS / 2);
        return NGX_ERROR;
    }

    return ngx_http_social_zone_add_part(cf, NGX_HTTP_SOCIAL_ZONE_CREDENTIALS,
                                         ngx_http_social_credentials_init_zone,
                                         sources);
}


/*
 * As with keys of issuers, a slot is used again only when neither this
 * configuration nor the last one claims it, and no worker has looked at it for
 * some time.
 */

static ngx_int_t
ngx_http_social_credentials_init_zone(ngx_slab_pool_t *shpool, void **part,
    void *data, ngx_log_t *log)
{
    ngx_array_t                         *sources = data;

    ngx_uint_t                           i;
    ngx_http_social_credentials_t      **c;
    ngx_http_social_credentials_sh_t    *sh;
    ngx_http_social_credentials_slot_t  *slot;

    if (*part == NULL) {
        *part = ngx_http_social_credentials_create_sh(shpool);

        if (*part == NULL) {
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "\"social_zone\" is too small for credentials");
            return NGX_ERROR;
        }
    }

    sh = *part;
    c = sources->elts;

    ngx_shmtx_lock(&shpool->mutex);

    sh->configuration++;

    for (i = 0; i < sources->nelts; i++) {

        if (social_net_credentials_is_constant(c[i]->source)) {
            continue;
        }

        slot = ngx_http_social_credentials_find(sh, c[i]->id);

        if (slot == NULL) {
            ngx_shmtx_unlock(&shpool->mutex);
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "no room for the credentials \"%V\": too many "
                          "were configured in the last reloads, restart nginx",
                          &c[i]->text);
            return NGX_ERROR;
        }

        c[i]->shpool = shpool;
        ngx_http_social_credentials_claim(sh, c[i], slot);
    }

    for (i = 0; i < NGX_HTTP_SOCIAL_CREDENTIALS_SLOTS; i++) {

        slot = &sh->slots[i];

        if (slot->claimed && slot->claimed + 1 < sh->configuration
            && ngx_time() - slot->used > NGX_HTTP_SOCIAL_CREDENTIALS_UNUSED)
        {
            ngx_http_social_credentials_clear(slot);
        }
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return NGX_OK;
}


/*
 * In whole pages of the zone, which are left out of the cores of this process
 * and of all that it forks.
 */

static ngx_http_social_credentials_sh_t *
ngx_http_social_credentials_create_sh(ngx_slab_pool_t *shpool)
{
    void    *p;
    size_t   size;

    size = ngx_align(sizeof(ngx_http_social_credentials_sh_t), ngx_pagesize);

    p = ngx_slab_calloc(shpool, size);

    if (p != NULL) {
        social_net_private_exclude(p, size);
    }

    return p;
}


static ngx_http_social_credentials_slot_t *
ngx_http_social_credentials_find(ngx_http_social_credentials_sh_t *sh,
    u_char *id)
{
    ngx_uint_t                           i;
    ngx_http_social_credentials_slot_t  *slot, *oldest;

    oldest = NULL;

    for (i = 0; i < NGX_HTTP_SOCIAL_CREDENTIALS_SLOTS; i++) {

        slot = &sh->slots[i];

        if (slot->claimed && ngx_memcmp(slot->id, id, sizeof(slot->id)) == 0) {
            return slot;
        }

        if ((slot->claimed == 0 || slot->claimed + 1 < sh->configuration)
            && (oldest == NULL || slot->used < oldest->used))
        {
            oldest = slot;
        }
    }

    return oldest;
}


static void
ngx_http_social_credentials_claim(ngx_http_social_credentials_sh_t *sh,
    ngx_http_social_credentials_t *c, ngx_http_social_credentials_slot_t *slot)
{
    if (ngx_memcmp(slot->id, c->id, sizeof(c->id)) != 0) {
        ngx_http_social_credentials_clear(slot);
        ngx_memcpy(slot->id, c->id, sizeof(c->id));
    }

    slot->claimed = sh->configuration;
    slot->used = ngx_time();
    c->slot = slot;

    if (c->start.access_key.len) {
        (void) ngx_http_social_credentials_publish(slot, c->id, &c->start);
    }

    /* a reload is what an operator does who has set something right */

    slot->next = ngx_current_msec;
    slot->complaint = 0;
    slot->failures = 0;
}


/* the generation goes on: workers of an old configuration may have a copy */

static void
ngx_http_social_credentials_clear(ngx_http_social_credentials_slot_t *slot)
{
    social_credentials_t  none;

    ngx_memzero(&none, sizeof(social_credentials_t));
    none.access_key = none.secret = none.token = social_str("");

    ngx_memzero(slot->id, sizeof(slot->id));
    ngx_memzero(&slot->lease, sizeof(slot->lease));

    (void) ngx_http_social_credentials_publish(slot, slot->id, &none);

    slot->claimed = 0;
    slot->used = 0;
    slot->next = 0;
    slot->failures = 0;
    slot->complaint = 0;
}


ngx_uint_t
ngx_http_social_credentials_publish(ngx_http_social_credentials_slot_t *slot,
    const u_char id[32], const social_credentials_t *keys)
{
    u_char                               *p;
    ngx_atomic_uint_t                     generation;
    social_credentials_t                  before;
    ngx_http_social_credentials_value_t  *value, *old;

    generation = slot->generation;
    old = &slot->values[generation & 1];
    value = &slot->values[(generation + 1) & 1];

    ngx_http_social_credentials_view(old, &before);

    if (before.expires == keys->expires
        && social_str_eq(before.access_key, keys->access_key)
        && social_str_eq(before.secret, keys->secret)
        && social_str_eq(before.token, keys->token))
    {
        return 0;
    }

    ngx_memcpy(value->id, id, sizeof(value->id));
    value->expires = keys->expires;
    value->access_key = (uint32_t) keys->access_key.len;
    value->secret = (uint32_t) keys->secret.len;
    value->token = (uint32_t) keys->token.len;

    p = ngx_cpymem(value->data, keys->access_key.data, keys->access_key.len);
    p = ngx_cpymem(p, keys->secret.data, keys->secret.len);

    if (keys->token.len) {
        ngx_memcpy(p, keys->token.data, keys->token.len);
    }

    ngx_memory_barrier();
    slot->generation = generation + 1;
    ngx_memory_barrier();

    ngx_explicit_memzero(old, sizeof(ngx_http_social_credentials_value_t));

    return 1;
}


ngx_atomic_uint_t
ngx_http_social_credentials_load(ngx_http_social_credentials_slot_t *slot,
    ngx_http_social_credentials_value_t *value)
{
    ngx_atomic_uint_t  generation;

    do {
        generation = slot->generation;
        ngx_memory_barrier();

        ngx_memcpy(value, &slot->values[generation & 1],
                   sizeof(ngx_http_social_credentials_value_t));

        ngx_memory_barrier();
    } while (slot->generation != generation);

    return generation;
}


void
ngx_http_social_credentials_view(
    const ngx_http_social_credentials_value_t *value,
    social_credentials_t *keys)
{
    keys->access_key.data = value->data;
    keys->access_key.len = value->access_key;
    keys->secret.data = keys->access_key.data + value->access_key;
    keys->secret.len = value->secret;
    keys->token.data = keys->secret.data + value->secret;
    keys->token.len = value->token;
    keys->expires = value->expires;
}


ngx_uint_t
ngx_http_social_credentials_own_slot(ngx_http_social_credentials_t *c)
{
    return ngx_memcmp(c->slot->id, c->id, sizeof(c->id)) == 0;
}
