
/*
 * The keys of each issuer, in every worker.
 *
 * DESIGN.  The zone has one slot for each issuer that is fetched: the JSON of
 * the last good set, its generation, and which worker is fetching until when.
 * Every worker keeps its own parsed copy and compares generations, two words
 * in memory, before it uses it.  nginx has no signal between workers, so those
 * whose requests wait for another worker's fetch look at the slot every 20 ms
 * while any request waits.
 *
 * A file is watched by every worker for itself: it needs no lease, since to
 * look costs a stat() a second, and no zone, so that a set is never too large
 * for one; a worker that comes later reads what is there.  For a second the
 * workers may differ, as the servers of a fleet do; the number of a set is
 * made of the file's bytes, so that they agree on what it means.
 */

#include "ngx_http_social_keys.h"


#define NGX_HTTP_SOCIAL_KEYS_POLL         20
#define NGX_HTTP_SOCIAL_KEYS_MAX_WAITING  1024
#define NGX_HTTP_SOCIAL_KEYS_IDLE         60000


static void ngx_http_social_keys_sync(ngx_http_social_keys_t *keys);
static void ngx_http_social_keys_refresh_handler(ngx_event_t *ev);
static void ngx_http_social_keys_poll_handler(ngx_event_t *ev);
static void ngx_http_social_keys_wake(ngx_http_social_keys_t *keys);


ngx_int_t
ngx_http_social_keys_init_process(ngx_cycle_t *cycle, ngx_array_t *issuers)
{
    ngx_uint_t                  i, initialized;
    ngx_http_social_keys_t     *keys;
    ngx_http_social_issuer_t  **issuer;

    issuer = issuers->elts;
    initialized = 0;

    for (i = 0; i < issuers->nelts; i++) {

        keys = issuer[i]->keys;

        if (ngx_http_social_issuer_shares_keys(issuer[i])) {
            continue;
        }

        keys->refresh.data = keys;
        keys->refresh.log = cycle->log;
        keys->refresh.cancelable = 1;

        /* from a timer, when the threads have been started */

        ngx_add_timer(&keys->refresh, 1);

        if (keys->slot == NULL) {
            keys->refresh.handler = ngx_http_social_keys_watch_handler;
            continue;
        }

        keys->refresh.handler = ngx_http_social_keys_refresh_handler;

        keys->poll.handler = ngx_http_social_keys_poll_handler;
        keys->poll.data = keys;
        keys->poll.log = cycle->log;

        if (!initialized++ && social_net_init() != SOCIAL_OK) {
            ngx_log_error(NGX_LOG_CRIT, cycle->log, 0,
                          "social: curl_global_init() failed");
            return NGX_ERROR;
        }

    }

    return NGX_OK;
}


social_jwks_t *
ngx_http_social_keys_current(ngx_http_social_issuer_t *issuer)
{
    ngx_http_social_keys_t  *keys;

    keys = issuer->keys;

    if (keys->slot == NULL) {
        return keys->jwks;
    }

    if (keys->slot->generation != keys->generation) {
        ngx_http_social_keys_sync(keys);
    }

    if (keys->jwks != NULL
        && ngx_time() - (time_t) keys->slot->loaded > issuer->stale)
    {
        return NULL;
    }

    return keys->jwks;
}


time_t
ngx_http_social_keys_loaded(ngx_http_social_issuer_t *issuer)
{
    ngx_http_social_keys_slot_t  *slot;

    slot = issuer->keys->slot;

    return slot && slot->generation ? (time_t) slot->loaded : 0;
}


uint64_t
ngx_http_social_keys_generation(ngx_http_social_issuer_t *issuer)
{
    /* of this worker's copy: the slot's may be another by now */

    return issuer->keys->generation;
}


ngx_http_social_keys_state_e
ngx_http_social_keys_state(ngx_http_social_issuer_t *issuer)
{
    ngx_uint_t                    failing, full;
    ngx_http_social_keys_t       *keys;
    ngx_http_social_keys_slot_t  *slot;

    keys = issuer->keys;
    slot = keys->slot;

    if (ngx_http_social_keys_current(issuer) == NULL) {
        return NGX_HTTP_SOCIAL_KEYS_MISSING;
    }

    if (slot == NULL) {
        return keys->complaint ? NGX_HTTP_SOCIAL_KEYS_FAILING
                               : NGX_HTTP_SOCIAL_KEYS_LOADED;
    }

    ngx_shmtx_lock(&keys->shpool->mutex);

    /* an attempt without a result is of a worker that was killed */

    failing = ngx_http_social_keys_own_slot(keys)
              && (slot->failures
                  || (slot->answered != slot->attempts
                      && !ngx_http_social_lease_held(&slot->lease)));
    full = slot->full;

    ngx_shmtx_unlock(&keys->shpool->mutex);

    return !failing ? NGX_HTTP_SOCIAL_KEYS_LOADED
           : full ? NGX_HTTP_SOCIAL_KEYS_FULL : NGX_HTTP_SOCIAL_KEYS_FAILING;
}


/*
 * Parses the zone's generation for this worker.  The set was parsed before it
 * went there, so that only a lack of memory can come between; then the old
 * keys are used, and the next request tries again.
 */

static void
ngx_http_social_keys_sync(ngx_http_social_keys_t *keys)
{
    u_char         *buf;
    size_t          size;
    const char     *why;
    uint64_t        generation;
    social_rc_e     rc;
    social_str_t    text;
    social_jwks_t  *jwks;

    /* not "jwks_max_size", which may have been lowered since */

    size = keys->slot->len;

    buf = ngx_alloc(size + 1, ngx_cycle->log);
    if (buf == NULL) {
        return;
    }

    ngx_shmtx_lock(&keys->shpool->mutex);

    generation = keys->slot->generation;
    text.len = keys->slot->len;
    text.data = buf;

    if (!ngx_http_social_keys_own_slot(keys) || keys->slot->json == NULL
        || text.len > size)
    {
        ngx_shmtx_unlock(&keys->shpool->mutex);
        ngx_free(buf);
        return;
    }

    ngx_memcpy(buf, keys->slot->json, text.len);

    ngx_shmtx_unlock(&keys->shpool->mutex);

    /* nor "jwks_max_keys" */

    rc = social_jwks_parse(text, keys->issuer->algorithms,
                           SOCIAL_JWKS_MAX_KEYS, &jwks, &why);

    ngx_free(buf);

    if (rc != SOCIAL_OK) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                      "social: could not parse keys of issuer \"%V\" in the "
                      "zone: %s", &keys->issuer->name, why);
        return;
    }

    social_jwks_free(keys->jwks);

    keys->jwks = jwks;
    keys->generation = generation;
}


static void
ngx_http_social_keys_refresh_handler(ngx_event_t *ev)
{
    ngx_msec_t               now;
    ngx_msec_int_t           left;
    ngx_http_social_keys_t  *keys;

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        return;
    }

    keys = ev->data;
    now = ngx_current_msec;

    if (keys->issuer->original != NULL && keys->slot->generation == 0) {

        /* they are fetched when a token asks for them, and refreshed then */

        keys->slot->used = ngx_time();
        ngx_add_timer(ev, NGX_HTTP_SOCIAL_KEYS_IDLE);

        return;
    }

    (void) ngx_http_social_keys_fetch(keys, 0);

    left = (ngx_msec_int_t) (keys->slot->next - now);

    if (left < 100) {
        /* it is being fetched: the end of that sets the next time */
        left = 100;
    }

    ngx_add_timer(ev, ngx_min((ngx_msec_t) left, NGX_HTTP_SOCIAL_KEYS_IDLE));
}


ngx_int_t
ngx_http_social_keys_wait(ngx_http_social_issuer_t *issuer,
    ngx_http_social_waiter_t *waiter)
{
    ngx_int_t                rc;
    ngx_http_social_keys_t  *keys;

    keys = issuer->keys;

    if (keys->slot == NULL) {
        return NGX_DECLINED;
    }

    if (keys->waiting >= NGX_HTTP_SOCIAL_KEYS_MAX_WAITING) {
        return NGX_BUSY;
    }

    /* an active one was started before this */

    waiter->attempt = keys->slot->attempts + 1;

    rc = ngx_http_social_keys_fetch(keys, 1);

    if (rc != NGX_OK) {
        return rc == NGX_ERROR ? NGX_BUSY : NGX_DECLINED;
    }

    waiter->keys = keys;

    ngx_queue_insert_tail(&keys->waiters, &waiter->queue);
    keys->waiting++;

    if (!keys->poll.timer_set) {
        ngx_add_timer(&keys->poll, NGX_HTTP_SOCIAL_KEYS_POLL);
    }

    return NGX_AGAIN;
}


ngx_int_t
ngx_http_social_keys_ask(ngx_http_social_issuer_t *issuer)
{
    return issuer->keys->slot != NULL
           && ngx_http_social_keys_fetch(issuer->keys, 1) == NGX_OK
           ? NGX_AGAIN : NGX_DECLINED;
}


void
ngx_http_social_keys_forget(ngx_http_social_waiter_t *waiter)
{
    ngx_queue_remove(&waiter->queue);
    waiter->keys->waiting--;
}


static void
ngx_http_social_keys_poll_handler(ngx_event_t *ev)
{
    ngx_http_social_keys_t  *keys;

    keys = ev->data;

    if (ngx_queue_empty(&keys->waiters)) {
        return;
    }

    if (keys->slot->generation == keys->generation
        && ngx_http_social_keys_fetching(keys))
    {
        ngx_add_timer(ev, NGX_HTTP_SOCIAL_KEYS_POLL);
        return;
    }

    ngx_http_social_keys_wake(keys);
}


/*
 * A request that is woken may finish, or wait again: the queue is moved first,
 * so that each is woken once.  One that is finalized meanwhile removes itself
 * from the queue that it is in.
 */

static void
ngx_http_social_keys_wake(ngx_http_social_keys_t *keys)
{
    ngx_queue_t                ready, *q;
    social_jwks_t             *jwks;
    ngx_http_social_waiter_t  *waiter;

    if (ngx_queue_empty(&keys->waiters)) {
        return;
    }

    ngx_queue_init(&ready);
    ngx_queue_add(&ready, &keys->waiters);
    ngx_queue_init(&keys->waiters);

    while (!ngx_queue_empty(&ready)) {

        q = ngx_queue_head(&ready);
        ngx_queue_remove(q);
        keys->waiting--;

        waiter = ngx_queue_data(q, ngx_http_social_waiter_t, queue);

        jwks = ngx_http_social_keys_current(keys->issuer);

        if (jwks != NULL && keys->slot->answered >= waiter->attempt
            && social_jwks_find(jwks, waiter->kid, waiter->algorithm)
               == NULL)
        {
            ngx_http_social_keys_note_unknown(keys, waiter->kid);
        }

        waiter->handler(waiter);
    }
}
