
/*
 * Where the keys of each issuer are stored: a slot of the shared zone for
 * those that are fetched.
 */

#include "ngx_http_social_keys.h"
#include "ngx_http_social_zone.h"

#include <openssl/evp.h>


/* one for each 16k of the zone */
#define NGX_HTTP_SOCIAL_KEYS_MIN_SLOTS  128
#define NGX_HTTP_SOCIAL_KEYS_MAX_SLOTS  4096
#define NGX_HTTP_SOCIAL_KEYS_SHARE      (16 * 1024)

#define NGX_HTTP_SOCIAL_KEYS_UNUSED     180


typedef struct {
    ngx_uint_t                    configuration;
    ngx_atomic_t                  generations;  /* over all slots, for ever */
    ngx_uint_t                    n;
    ngx_http_social_keys_slot_t   slots[];
} ngx_http_social_keys_sh_t;


static void ngx_http_social_keys_cleanup(void *data);
static ngx_int_t ngx_http_social_keys_init_zone(ngx_slab_pool_t *shpool,
    void **part, void *data, ngx_log_t *log);
static ngx_http_social_keys_sh_t *ngx_http_social_keys_create_slots(
    ngx_slab_pool_t *shpool);
static ngx_int_t ngx_http_social_keys_fit(ngx_http_social_keys_sh_t *sh,
    ngx_array_t *issuers, ngx_log_t *log);
static ngx_int_t ngx_http_social_keys_make_id(
    ngx_http_social_issuer_t *issuer);
static ngx_http_social_keys_slot_t *ngx_http_social_keys_find_slot(
    ngx_http_social_keys_sh_t *sh, u_char *id);
static void ngx_http_social_keys_clear_slot(ngx_slab_pool_t *shpool,
    ngx_http_social_keys_slot_t *slot);


ngx_http_social_keys_t *
ngx_http_social_keys_create(ngx_conf_t *cf, ngx_http_social_issuer_t *issuer)
{
    ngx_pool_cleanup_t      *cln;
    ngx_http_social_keys_t  *keys;

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_http_social_keys_t));
    if (cln == NULL) {
        return NULL;
    }

    keys = cln->data;
    ngx_memzero(keys, sizeof(ngx_http_social_keys_t));

    cln->handler = ngx_http_social_keys_cleanup;

    keys->issuer = issuer;
    ngx_queue_init(&keys->waiters);

    return keys;
}


static void
ngx_http_social_keys_cleanup(void *data)
{
    ngx_http_social_keys_t  *keys = data;

    /* without a master the same process goes on with the next configuration */

    if (keys->refresh.timer_set) {
        ngx_del_timer(&keys->refresh);
    }

    if (keys->poll.timer_set) {
        ngx_del_timer(&keys->poll);
    }

    ngx_http_social_task_orphan(keys->task);

    social_jwks_free(keys->jwks);
    keys->jwks = NULL;
}


ngx_int_t
ngx_http_social_keys_init(ngx_conf_t *cf, ngx_array_t *issuers)
{
    ngx_uint_t                  i, fetched;
    ngx_thread_pool_t          *thread_pool;
    ngx_http_social_keys_t     *keys;
    ngx_http_social_issuer_t  **issuer;

    issuer = issuers->elts;
    fetched = 0;

    for (i = 0; i < issuers->nelts; i++) {

        thread_pool = ngx_http_social_need_thread_pool(cf);
        if (thread_pool == NULL) {
            return NGX_ERROR;
        }

        if (issuer[i]->jwks_file.len) {
            issuer[i]->keys->thread_pool = thread_pool;
            continue;
        }

        if (ngx_http_social_issuer_shares_keys(issuer[i])) {
            issuer[i]->keys = issuer[i]->original->keys;
            continue;
        }

        keys = ngx_http_social_keys_create(cf, issuer[i]);
        if (keys == NULL) {
            return NGX_ERROR;
        }

        keys->unknown = ngx_pcalloc(cf->pool,
                                    NGX_HTTP_SOCIAL_KEYS_UNKNOWN
                                    * sizeof(ngx_http_social_keys_miss_t));
        if (keys->unknown == NULL) {
            return NGX_ERROR;
        }

        keys->thread_pool = thread_pool;
        issuer[i]->keys = keys;
        fetched++;

        if (ngx_http_social_keys_make_id(issuer[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (fetched == 0) {
        return NGX_OK;
    }

    return ngx_http_social_zone_add_part(cf, NGX_HTTP_SOCIAL_ZONE_KEYS,
                                         ngx_http_social_keys_init_zone,
                                         issuers);
}


/*
 * The old configuration's workers go on using their slots while they finish,
 * and all of them after a reload that fails later than this, which no process
 * is notified of: so a slot is reused only when neither this configuration nor
 * the last one claims it, and no worker has read it for some time.
 */

static ngx_int_t
ngx_http_social_keys_init_zone(ngx_slab_pool_t *shpool, void **part,
    void *data, ngx_log_t *log)
{
    ngx_uint_t                    i;
    ngx_array_t                  *issuers = data;
    ngx_http_social_keys_t       *keys;
    ngx_http_social_issuer_t    **issuer;
    ngx_http_social_keys_sh_t    *sh;

    if (*part == NULL) {
        *part = ngx_http_social_keys_create_slots(shpool);

        if (*part == NULL) {
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "\"social_zone\" is too small for the key sets");
            return NGX_ERROR;
        }
    }

    sh = *part;
    issuer = issuers->elts;

    if (ngx_http_social_keys_fit(sh, issuers, log) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_shmtx_lock(&shpool->mutex);

    sh->configuration++;

    for (i = 0; i < issuers->nelts; i++) {

        keys = issuer[i]->keys;

        if (issuer[i]->jwks_file.len
            || ngx_http_social_issuer_shares_keys(issuer[i]))
        {
            continue;
        }

        keys->shpool = shpool;
        keys->generations = &sh->generations;
        keys->slot = ngx_http_social_keys_find_slot(sh, keys->id);

        if (keys->slot == NULL) {
            ngx_shmtx_unlock(&shpool->mutex);
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "no room for the keys of issuer \"%V\": too many "
                          "issuers were configured in the last reloads, "
                          "restart nginx", &issuer[i]->name);
            return NGX_ERROR;
        }

        if (ngx_memcmp(keys->slot->id, keys->id, sizeof(keys->id)) != 0) {
            ngx_http_social_keys_clear_slot(shpool, keys->slot);
            ngx_memcpy(keys->slot->id, keys->id, sizeof(keys->id));
        }

        keys->slot->claimed = sh->configuration;
        keys->slot->used = ngx_time();

        /* a reload fetches, whatever "jwks_refresh" says */

        keys->slot->next = ngx_current_msec;
    }

    for (i = 0; i < sh->n; i++) {

        if (sh->slots[i].claimed + 1 < sh->configuration
            && ngx_time() - sh->slots[i].used > NGX_HTTP_SOCIAL_KEYS_UNUSED)
        {
            ngx_http_social_keys_clear_slot(shpool, &sh->slots[i]);
        }
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return NGX_OK;
}


static ngx_http_social_keys_sh_t *
ngx_http_social_keys_create_slots(ngx_slab_pool_t *shpool)
{
    ngx_uint_t                  n;
    ngx_http_social_keys_sh_t  *sh;

    n = (shpool->end - (u_char *) shpool) / NGX_HTTP_SOCIAL_KEYS_SHARE;
    n = ngx_max(n, NGX_HTTP_SOCIAL_KEYS_MIN_SLOTS);
    n = ngx_min(n, NGX_HTTP_SOCIAL_KEYS_MAX_SLOTS);

    sh = ngx_slab_calloc(shpool, sizeof(ngx_http_social_keys_sh_t)
                                 + n * sizeof(ngx_http_social_keys_slot_t));

    if (sh != NULL) {
        sh->n = n;
    }

    return sh;
}


/*
 * Half of the slots: with the next configuration all of them may be others.
 */

static ngx_int_t
ngx_http_social_keys_fit(ngx_http_social_keys_sh_t *sh, ngx_array_t *issuers,
    ngx_log_t *log)
{
    ngx_uint_t                   i, n;
    ngx_http_social_issuer_t   **issuer;
    ngx_http_social_position_t  *position;

    issuer = issuers->elts;
    n = 0;

    for (i = 0; i < issuers->nelts; i++) {

        if (issuer[i]->jwks_file.len
            || ngx_http_social_issuer_shares_keys(issuer[i])
            || ++n <= sh->n / 2)
        {
            continue;
        }

        position = &issuer[i]->position;

        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "too many key sets to fetch: \"social_zone\" has room "
                      "for those of %ui issuers (make it larger, or use "
                      "\"jwks_file\"), and \"social_issuer %V\" is one more "
                      "in %V:%ui", sh->n / 2, &issuer[i]->name,
                      &position->file, position->line);

        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * With other algorithms other keys are usable, so that a set which was good
 * for one configuration is not for another.
 */

static ngx_int_t
ngx_http_social_keys_make_id(ngx_http_social_issuer_t *issuer)
{
    u_char       id[EVP_MAX_MD_SIZE];
    EVP_MD_CTX  *md;
    ngx_uint_t   ok;

    md = EVP_MD_CTX_new();

    ok = md != NULL
         && EVP_DigestInit_ex(md, EVP_sha256(), NULL)
         && EVP_DigestUpdate(md, issuer->issuer.data, issuer->issuer.len)
         && EVP_DigestUpdate(md, "\n", 1)
         && EVP_DigestUpdate(md, issuer->jwks_uri.data, issuer->jwks_uri.len)
         && EVP_DigestUpdate(md, &issuer->algorithms,
                             sizeof(issuer->algorithms))
         && EVP_DigestFinal_ex(md, id, NULL);

    EVP_MD_CTX_free(md);

    if (!ok) {
        return NGX_ERROR;
    }

    ngx_memcpy(issuer->keys->id, id, sizeof(issuer->keys->id));

    return NGX_OK;
}


/*
 * The slot with that id, otherwise an unused one, otherwise the least recently
 * used one of a configuration before the last.
 */

static ngx_http_social_keys_slot_t *
ngx_http_social_keys_find_slot(ngx_http_social_keys_sh_t *sh, u_char *id)
{
    ngx_uint_t                    i;
    ngx_http_social_keys_slot_t  *slot, *oldest;

    oldest = NULL;

    for (i = 0; i < sh->n; i++) {

        slot = &sh->slots[i];

        if (slot->claimed
            && ngx_memcmp(slot->id, id, sizeof(slot->id)) == 0)
        {
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
ngx_http_social_keys_clear_slot(ngx_slab_pool_t *shpool,
    ngx_http_social_keys_slot_t *slot)
{
    if (slot->json) {
        ngx_slab_free_locked(shpool, slot->json);
    }

    ngx_memzero(slot, sizeof(ngx_http_social_keys_slot_t));
}
