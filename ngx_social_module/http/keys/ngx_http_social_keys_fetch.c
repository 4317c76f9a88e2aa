
/*
 * Fetching a key set: one worker for all, by a lease in the zone.
 */

#include "ngx_http_social_keys.h"


#define NGX_HTTP_SOCIAL_KEYS_BACKOFF_MIN  1000
#define NGX_HTTP_SOCIAL_KEYS_BACKOFF_MAX  60000


static ngx_int_t ngx_http_social_keys_lease(ngx_http_social_keys_t *keys,
    ngx_uint_t forced);
static void ngx_http_social_keys_release(ngx_http_social_keys_t *keys);
static void ngx_http_social_keys_done(ngx_http_social_task_t *task);
static ngx_int_t ngx_http_social_keys_store(ngx_http_social_keys_t *keys,
    social_net_answer_t *answer);
static void ngx_http_social_keys_failed(ngx_http_social_keys_t *keys,
    const char *url, const char *error);
static uint32_t ngx_http_social_keys_complaint(const char *error);
static void ngx_http_social_keys_count(ngx_http_social_keys_t *keys,
    ngx_uint_t failed);


ngx_uint_t
ngx_http_social_keys_own_slot(ngx_http_social_keys_t *keys)
{
    return ngx_memcmp(keys->slot->id, keys->id, sizeof(keys->id)) == 0;
}


ngx_int_t
ngx_http_social_keys_fetch(ngx_http_social_keys_t *keys, ngx_uint_t forced)
{
    ngx_int_t  rc;

    rc = ngx_http_social_keys_lease(keys, forced);

    if (rc != NGX_OK) {
        return rc == NGX_BUSY ? NGX_OK : NGX_DECLINED;
    }

    if (ngx_http_social_keys_task_post(keys, ngx_http_social_keys_done)
        != NGX_OK)
    {
        ngx_http_social_keys_release(keys);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_social_keys_fetching(ngx_http_social_keys_t *keys)
{
    ngx_uint_t  leased;

    ngx_shmtx_lock(&keys->shpool->mutex);
    leased = ngx_http_social_lease_held(&keys->slot->lease);
    ngx_shmtx_unlock(&keys->shpool->mutex);

    return leased;
}


/*
 * NGX_OK: the lease is ours; NGX_BUSY: it is another's; NGX_DECLINED: it is
 * too early for any worker.
 */

static ngx_int_t
ngx_http_social_keys_lease(ngx_http_social_keys_t *keys, ngx_uint_t forced)
{
    ngx_int_t                     rc;
    ngx_msec_t                    now;
    ngx_http_social_keys_slot_t  *slot;

    now = ngx_current_msec;
    slot = keys->slot;

    ngx_shmtx_lock(&keys->shpool->mutex);

    if (!ngx_http_social_keys_own_slot(keys)) {
        ngx_shmtx_unlock(&keys->shpool->mutex);
        return NGX_DECLINED;
    }

    slot->used = ngx_time();

    if (ngx_http_social_lease_held(&slot->lease)) {
        rc = NGX_BUSY;

    } else if (slot->attempts
               && (ngx_msec_int_t) (now - slot->next) < 0
               && !(forced
                    && (ngx_msec_int_t) (now - slot->attempted)
                       >= (ngx_msec_int_t) keys->issuer->cooldown))
    {
        rc = NGX_DECLINED;

    } else {
        (void) ngx_http_social_lease_acquire(&slot->lease,
                                             keys->issuer->timeout + 1000);
        slot->attempted = now;
        slot->attempts++;

        rc = NGX_OK;
    }

    ngx_shmtx_unlock(&keys->shpool->mutex);

    return rc;
}


static void
ngx_http_social_keys_release(ngx_http_social_keys_t *keys)
{
    ngx_shmtx_lock(&keys->shpool->mutex);

    if (ngx_http_social_keys_own_slot(keys)) {
        ngx_http_social_lease_release(&keys->slot->lease);
        keys->slot->next = ngx_current_msec + NGX_HTTP_SOCIAL_KEYS_BACKOFF_MIN;
    }

    ngx_shmtx_unlock(&keys->shpool->mutex);
}


static void
ngx_http_social_keys_done(ngx_http_social_task_t *task)
{
    ngx_int_t                     changed;
    ngx_http_social_keys_t       *keys;
    ngx_http_social_keys_task_t  *ctx;

    ctx = task->ctx;
    keys = task->owner;

    if (keys == NULL) {

        /* the configuration was freed; the lease expires */

        ngx_http_social_keys_task_free(task);
        return;
    }

    if (ctx->rc == SOCIAL_OK) {

        changed = ngx_http_social_keys_store(keys, &ctx->answer);

        if (changed == NGX_ERROR) {
            ngx_http_social_keys_failed(keys, ctx->fetch.url,
                                        "the shared zone is full, "
                                        "increase \"social_zone\"");

        } else {
            ngx_http_social_keys_count(keys, 0);
        }

        if (changed == 1) {
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "social: loaded new keys of issuer \"%V\"",
                          &keys->issuer->name);

            if (ctx->skipped) {
                ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                              "social: ignored %uz keys of issuer \"%V\": %s",
                              ctx->skipped, &keys->issuer->name, ctx->why);
            }
        }

    } else {
        ngx_http_social_keys_failed(keys, ctx->fetch.url, ctx->answer.error);
    }

    ngx_http_social_keys_task_free(task);

    /* requests that wait for it check now, rather than at the next poll */

    ngx_post_event(&keys->poll, &ngx_posted_events);
}


/*
 * Returns 1 if the keys have changed, 0 if they are the same: the
 * generation changes only when keys do.
 */

static ngx_int_t
ngx_http_social_keys_store(ngx_http_social_keys_t *keys,
    social_net_answer_t *answer)
{
    u_char                       *json;
    ngx_int_t                     changed;
    ngx_msec_t                    refresh;
    ngx_http_social_keys_slot_t  *slot;

    slot = keys->slot;
    refresh = keys->issuer->refresh;
    changed = 0;

    ngx_shmtx_lock(&keys->shpool->mutex);

    if (!ngx_http_social_keys_own_slot(keys)) {
        ngx_shmtx_unlock(&keys->shpool->mutex);
        return 0;
    }

    if (slot->json == NULL || slot->len != answer->len
        || ngx_memcmp(slot->json, answer->body, answer->len) != 0)
    {
        json = ngx_slab_alloc_locked(keys->shpool, answer->len);

        if (json == NULL) {
            slot->full = 1;
            ngx_shmtx_unlock(&keys->shpool->mutex);
            return NGX_ERROR;
        }

        ngx_memcpy(json, answer->body, answer->len);

        if (slot->json) {
            ngx_slab_free_locked(keys->shpool, slot->json);
        }

        slot->json = json;
        slot->len = answer->len;
        slot->generation = ++*keys->generations;
        changed = 1;
    }

    slot->loaded = (ngx_atomic_t) ngx_time();
    slot->answered = slot->attempts;
    ngx_http_social_lease_release(&slot->lease);
    slot->failures = 0;
    slot->full = 0;

    /* many gateways must not fetch from the key server at the same time */

    slot->next = ngx_current_msec + refresh - refresh / 10
                 + (ngx_msec_t) ngx_random() % (refresh / 10 + 1);

    ngx_shmtx_unlock(&keys->shpool->mutex);

    return changed;
}


static void
ngx_http_social_keys_failed(ngx_http_social_keys_t *keys, const char *url,
    const char *error)
{
    size_t                        len;
    uint32_t                      complaint;
    ngx_uint_t                    level, failures, expected;
    ngx_msec_t                    backoff;
    ngx_http_social_keys_slot_t  *slot;

    ngx_http_social_keys_count(keys, 1);

    slot = keys->slot;
    complaint = ngx_http_social_keys_complaint(error);

    ngx_shmtx_lock(&keys->shpool->mutex);

    if (!ngx_http_social_keys_own_slot(keys)) {
        ngx_shmtx_unlock(&keys->shpool->mutex);
        return;
    }

    failures = ++slot->failures;

    backoff = NGX_HTTP_SOCIAL_KEYS_BACKOFF_MAX;

    if (failures < 7) {
        backoff = NGX_HTTP_SOCIAL_KEYS_BACKOFF_MIN << (failures - 1);
    }

    /* any token can name the updated issuer of a pool that has none */

    expected = (keys->issuer->original != NULL && slot->generation == 0);

    level = failures != 1 && slot->complaint == complaint ? NGX_LOG_INFO
            : !expected ? NGX_LOG_ERR : NGX_LOG_WARN;

    slot->complaint = complaint;
    ngx_http_social_lease_release(&slot->lease);
    slot->next = ngx_current_msec + backoff / 2
                 + (ngx_msec_t) ngx_random() % (backoff / 2 + 1);

    ngx_shmtx_unlock(&keys->shpool->mutex);

    /* a URI's arguments may contain a secret */

    len = strcspn(url, "?");

    ngx_log_error(level, ngx_cycle->log, 0,
                  "social: could not load keys of issuer \"%V\" from "
                  "\"%*s\": %s; the last valid keys, if any, are still used",
                  &keys->issuer->name, len, url, error);
}


static void
ngx_http_social_keys_count(ngx_http_social_keys_t *keys, ngx_uint_t failed)
{
    ngx_http_social_issuer_counts_t  *counts;

    counts = (ngx_http_social_issuer_counts_t *)
             ngx_http_social_counters_row_values(keys->issuer->row);

    if (counts == NULL) {
        return;
    }

    if (failed) {
        counts->failed++;

    } else {
        counts->fetched++;
    }
}


/*
 * An error is logged once for each outage, not for each attempt, and again
 * only if it changes: numbers, such as milliseconds, do not count.
 */

static uint32_t
ngx_http_social_keys_complaint(const char *error)
{
    u_char    ch;
    uint32_t  crc;

    ngx_crc32_init(crc);

    for ( /* void */ ; *error; error++) {

        ch = (u_char) *error;

        if (ch < '0' || ch > '9') {
            ngx_crc32_update(&crc, &ch, 1);
        }
    }

    ngx_crc32_final(crc);

    return crc;
}
