
/*
 * "social_limit": the keys in shared memory.
 *
 * DESIGN.  As limit_req has it: a tree of keys, a queue of them by their last
 * use, and one lock, which is held for a look-up and some sums.  A key that is
 * idle says nothing that a new one would not, so that with each new key two old
 * ones are looked at, and go.  Where the memory is full, the key that was not
 * used for longest goes, idle or not: an attack from many addresses makes room
 * for itself, and takes none from elsewhere.
 */

#include "ngx_http_social_limit.h"


/* raised with every change of anything that lies in a limit's zone */
#define NGX_HTTP_SOCIAL_LIMIT_VERSION  1

#define NGX_HTTP_SOCIAL_LIMIT_IDLE     60000    /* ms, as limit_req has it */
#define NGX_HTTP_SOCIAL_LIMIT_SAY      60000    /* ms */


_Static_assert(offsetof(ngx_rbtree_node_t, color)
               + offsetof(ngx_http_social_limit_node_t, data)
               + NGX_HTTP_SOCIAL_LIMIT_KEY <= 128,
               "nodes of two slab sizes would push out a page of each other");


static void ngx_http_social_limit_change(ngx_http_social_limit_zone_t *zone,
    ngx_http_social_limit_zone_t *old);
static ngx_int_t ngx_http_social_limit_create(
    ngx_http_social_limit_zone_t *zone, ngx_log_t *log);
static void ngx_http_social_limit_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static ngx_rbtree_node_t *ngx_http_social_limit_find(
    ngx_http_social_limit_zone_t *zone, uint32_t hash, ngx_str_t *key);
static ngx_rbtree_node_t *ngx_http_social_limit_add(
    ngx_http_social_limit_zone_t *zone, uint32_t hash, ngx_str_t *key,
    int64_t now);
static ngx_uint_t ngx_http_social_limit_expire(
    ngx_http_social_limit_zone_t *zone, ngx_uint_t force);
static ngx_uint_t ngx_http_social_limit_is_idle(
    ngx_http_social_limit_zone_t *zone, ngx_http_social_limit_node_t *ln);
static void ngx_http_social_limit_fill(ngx_http_social_limit_zone_t *zone,
    int64_t now, social_limit_bucket_t *bucket);
static double ngx_http_social_limit_gateways(
    ngx_http_social_limit_zone_t *zone);
static void ngx_http_social_limit_count(ngx_http_social_limit_zone_t *zone,
    ngx_rbtree_node_t *node, int64_t now, ngx_uint_t taken);
static int64_t ngx_http_social_limit_clock(
    const ngx_http_social_limit_zone_t *zone);


static const char *const  ngx_http_social_limit_quotas[] = {
    [SOCIAL_LIMIT_DAY] = "daily quota",
    [SOCIAL_LIMIT_WEEK] = "weekly quota",
    [SOCIAL_LIMIT_MONTH] = "monthly quota"
};


ngx_int_t
ngx_http_social_limit_init_zone(ngx_shm_zone_t *shm, void *data)
{
    ngx_http_social_limit_zone_t *old = data;

    ngx_http_social_limit_zone_t  *zone;

    zone = shm->data;
    zone->shpool = (ngx_slab_pool_t *) shm->shm.addr;

    if (old == NULL && !shm->shm.exists) {
        return ngx_http_social_limit_create(zone, shm->shm.log);
    }

    zone->sh = zone->shpool->data;

    if (zone->sh->version != NGX_HTTP_SOCIAL_LIMIT_VERSION) {
        ngx_log_error(NGX_LOG_EMERG, shm->shm.log, 0,
                      "social_limit_zone \"%V\" is another version's: restart "
                      "nginx", &zone->name);
        return NGX_ERROR;
    }

    if (old == NULL) {
        return NGX_OK;
    }

    if (old->key_text.len != zone->key_text.len
        || ngx_strncmp(old->key_text.data, zone->key_text.data,
                       zone->key_text.len) != 0)
    {
        ngx_log_error(NGX_LOG_EMERG, shm->shm.log, 0,
                      "social_limit_zone \"%V\" uses the \"%V\" key while "
                      "previously it used the \"%V\" key: give it another name",
                      &zone->name, &zone->key_text, &old->key_text);
        return NGX_ERROR;
    }

    if ((old->limit.rate > 0) != (zone->limit.rate > 0)) {
        ngx_log_error(NGX_LOG_EMERG, shm->shm.log, 0,
                      "social_limit_zone \"%V\" has a %s while previously it "
                      "had a %s: give it another name", &zone->name,
                      zone->limit.rate > 0 ? "rate" : "quota",
                      old->limit.rate > 0 ? "rate" : "quota");
        return NGX_ERROR;
    }

    if (zone->limit.rate == 0 && old->limit.period != zone->limit.period) {
        ngx_log_error(NGX_LOG_EMERG, shm->shm.log, 0,
                      "social_limit_zone \"%V\" has a %s while previously it "
                      "had a %s: give it another name", &zone->name,
                      ngx_http_social_limit_quotas[zone->limit.period],
                      ngx_http_social_limit_quotas[old->limit.period]);
        return NGX_ERROR;
    }

    if (zone->limit.rate == 0 && old->limit.n != zone->limit.n) {
        ngx_http_social_limit_change(zone, old);
    }

    return NGX_OK;
}


/*
 * A quota that has changed: as much more, or less, is left of it, also to keys
 * that have used all.  What others share is right with the next exchange.
 */

static void
ngx_http_social_limit_change(ngx_http_social_limit_zone_t *zone,
    ngx_http_social_limit_zone_t *old)
{
    double                         more;
    ngx_queue_t                   *q;
    ngx_http_social_limit_node_t  *ln;
    ngx_http_social_limit_slot_t  *slot;

    more = (double) zone->limit.n - (double) old->limit.n;

    ngx_shmtx_lock(&zone->shpool->mutex);

    for (q = ngx_queue_head(&zone->sh->queue);
         q != ngx_queue_sentinel(&zone->sh->queue);
         q = ngx_queue_next(q))
    {
        ln = ngx_queue_data(q, ngx_http_social_limit_node_t, queue);

        ln->bucket.tokens += more
                     * ngx_http_social_limit_slot_share(zone, ln, &slot)
                     / (slot && slot->leased
                        ? 1 : ngx_http_social_limit_gateways(old));

        if (ln->bucket.tokens < 0) {
            ln->bucket.tokens = 0;
        }
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);
}


static ngx_int_t
ngx_http_social_limit_create(ngx_http_social_limit_zone_t *zone,
    ngx_log_t *log)
{
    size_t                       n, len;
    ngx_http_social_limit_sh_t  *sh;

    n = ngx_min(NGX_HTTP_SOCIAL_LIMIT_SLOTS, zone->size / 1024);

    sh = ngx_slab_calloc(zone->shpool,
                         sizeof(ngx_http_social_limit_sh_t)
                         + (n - 1) * sizeof(ngx_http_social_limit_slot_t));
    if (sh == NULL) {
        goto failed;
    }

    len = sizeof(" in social_limit_zone \"\"") + zone->name.len;

    zone->shpool->log_ctx = ngx_slab_alloc(zone->shpool, len);
    if (zone->shpool->log_ctx == NULL) {
        goto failed;
    }

    ngx_sprintf(zone->shpool->log_ctx, " in social_limit_zone \"%V\"%Z",
                &zone->name);

    zone->shpool->log_nomem = 0;
    zone->shpool->data = sh;

    sh->version = NGX_HTTP_SOCIAL_LIMIT_VERSION;
    sh->n = n;

    ngx_rbtree_init(&sh->rbtree, &sh->sentinel, ngx_http_social_limit_insert);
    ngx_queue_init(&sh->queue);

    zone->sh = sh;

    return NGX_OK;

failed:

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "social_limit_zone \"%V\" is too small", &zone->name);

    return NGX_ERROR;
}


static void
ngx_http_social_limit_insert(ngx_rbtree_node_t *temp, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *sentinel)
{
    ngx_rbtree_node_t             **p;
    ngx_http_social_limit_node_t   *ln, *lt;

    for ( ;; ) {

        if (node->key < temp->key) {
            p = &temp->left;

        } else if (node->key > temp->key) {
            p = &temp->right;

        } else {
            ln = ngx_http_social_limit_node(node);
            lt = ngx_http_social_limit_node(temp);

            p = ngx_memn2cmp(ln->data, lt->data, ln->len, lt->len) < 0
                ? &temp->left : &temp->right;
        }

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
    ngx_rbt_red(node);
}


static ngx_rbtree_node_t *
ngx_http_social_limit_find(ngx_http_social_limit_zone_t *zone, uint32_t hash,
    ngx_str_t *key)
{
    ngx_int_t                      rc;
    ngx_rbtree_node_t             *node, *sentinel;
    ngx_http_social_limit_node_t  *ln;

    node = zone->sh->rbtree.root;
    sentinel = zone->sh->rbtree.sentinel;

    while (node != sentinel) {

        if (hash != node->key) {
            node = hash < node->key ? node->left : node->right;
            continue;
        }

        ln = ngx_http_social_limit_node(node);

        rc = ngx_memn2cmp(key->data, ln->data, key->len, ln->len);

        if (rc == 0) {
            return node;
        }

        node = rc < 0 ? node->left : node->right;
    }

    return NULL;
}


void
ngx_http_social_limit_take(ngx_http_social_limit_zone_t *zone, ngx_str_t *key,
    ngx_uint_t dry_run, ngx_http_social_limit_verdict_t *verdict)
{
    double                         share;
    int64_t                        now;
    uint32_t                       hash;
    ngx_rbtree_node_t             *node;
    ngx_http_social_limit_sh_t    *sh;
    ngx_http_social_limit_node_t  *ln;
    ngx_http_social_limit_slot_t  *slot;

    sh = zone->sh;
    hash = ngx_crc32_short(key->data, key->len);
    now = ngx_http_social_limit_clock(zone);

    ngx_shmtx_lock(&zone->shpool->mutex);

    node = ngx_http_social_limit_find(zone, hash, key);

    if (node == NULL) {
        node = ngx_http_social_limit_add(zone, hash, key, now);
    }

    if (node == NULL) {

        /* not to happen; the client is not to pay for it */

        ngx_shmtx_unlock(&zone->shpool->mutex);

        ngx_memzero(verdict, sizeof(ngx_http_social_limit_verdict_t));
        verdict->taken = 1;

        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "social: could not count a request%s",
                      zone->shpool->log_ctx);
        return;
    }

    ln = ngx_http_social_limit_node(node);

    ngx_queue_remove(&ln->queue);
    ngx_queue_insert_head(&sh->queue, &ln->queue);

    if (zone->limit.rate == 0 && ln->bucket.last < now) {

        /*
         * another period: nothing of it was used, here or elsewhere.  A clock
         * that goes back does not begin one again.
         */

        ngx_http_social_limit_slot_free(zone, node);
        ln->arrived = 0;
        ln->window = 0;
        ngx_http_social_limit_fill(zone, now, &ln->bucket);
    }

    share = ngx_http_social_limit_slot_share(zone, ln, &slot);

    verdict->counted = 1;
    verdict->taken = social_limit_take(&zone->limit, share, now, &ln->bucket,
                                       &verdict->state);

    if (slot != NULL) {
        slot->arrived++;
    }

    if (zone->limit.rate == 0 && zone->fleet && !verdict->taken
        && (slot == NULL || !slot->exhausted))
    {
        /* there may be more of it when this gateway has asked */

        verdict->state.wait = (int64_t) zone->lmcf->interval;
    }

    ngx_http_social_limit_count(zone, node, now, verdict->taken);

    if (verdict->taken) {
        sh->admitted++;

    } else if (dry_run) {
        sh->dry_run++;

    } else {
        sh->refused++;
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);
}


/*
 * A bucket that is new.  What comes at once of a rate may come at each gateway
 * once; of a quota, which is not filled again, each has an equal part until it
 * knows what is left.
 */

static void
ngx_http_social_limit_fill(ngx_http_social_limit_zone_t *zone, int64_t now,
    social_limit_bucket_t *bucket)
{
    double  share;

    share = zone->share;

    if (zone->limit.rate == 0) {
        share /= ngx_http_social_limit_gateways(zone);
    }

    social_limit_fill(&zone->limit, share, now, bucket);
}


static double
ngx_http_social_limit_gateways(ngx_http_social_limit_zone_t *zone)
{
    return zone->fleet && zone->lmcf->fleet->gateways
           ? (double) zone->lmcf->fleet->gateways : 1;
}


/*
 * What a key is asked for, and whether that is so much that others have to
 * know: more than half of an equal share, or more than there is.  What was used
 * of a quota they are to know in any case, and how much is left before it is
 * asked for again.
 */

static void
ngx_http_social_limit_count(ngx_http_social_limit_zone_t *zone,
    ngx_rbtree_node_t *node, int64_t now, ngx_uint_t taken)
{
    ngx_uint_t                     hot;
    ngx_http_social_limit_node_t  *ln;

    ln = ngx_http_social_limit_node(node);

    if (zone->limit.rate > 0) {

        if ((uint32_t) now - ln->window >= zone->window) {
            ln->window = (uint32_t) now;
            ln->arrived = 0;
        }

        ln->arrived++;
        hot = 0;

    } else {
        hot = (ln->window == 0);
        ln->window = 1;
        ln->arrived += taken;
    }

    if (!zone->fleet || ln->slot) {
        return;
    }

    if (!taken
        || 2 * ngx_http_social_limit_gateways(zone) * ln->arrived > zone->hot)
    {
        hot = 1;
    }

    if (hot || zone->limit.rate == 0) {
        ngx_http_social_limit_slot_want(zone, node, hot);
    }
}


void
ngx_http_social_limit_give(ngx_http_social_limit_zone_t *zone, ngx_str_t *key)
{
    double                         share;
    ngx_rbtree_node_t             *node;
    ngx_http_social_limit_node_t  *ln;
    ngx_http_social_limit_slot_t  *slot;

    ngx_shmtx_lock(&zone->shpool->mutex);

    node = ngx_http_social_limit_find(zone,
                                      ngx_crc32_short(key->data, key->len),
                                      key);

    if (node != NULL) {
        ln = ngx_http_social_limit_node(node);
        share = ngx_http_social_limit_slot_share(zone, ln, &slot);

        social_limit_give(&zone->limit, share, &ln->bucket);

        /* of a quota, unless it was reported meanwhile: then it is lost */

        if (zone->limit.rate == 0 && ln->arrived) {
            ln->arrived--;
        }

        zone->sh->admitted--;
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);
}


static ngx_rbtree_node_t *
ngx_http_social_limit_add(ngx_http_social_limit_zone_t *zone, uint32_t hash,
    ngx_str_t *key, int64_t now)
{
    size_t                         size;
    ngx_rbtree_node_t             *node;
    ngx_http_social_limit_node_t  *ln;

    size = offsetof(ngx_rbtree_node_t, color)
           + offsetof(ngx_http_social_limit_node_t, data)
           + NGX_HTTP_SOCIAL_LIMIT_KEY;

    if (ngx_http_social_limit_expire(zone, 0)) {
        (void) ngx_http_social_limit_expire(zone, 0);
    }

    for ( ;; ) {
        node = ngx_slab_alloc_locked(zone->shpool, size);

        if (node != NULL) {
            break;
        }

        if (!ngx_http_social_limit_expire(zone, 1)) {
            return NULL;
        }
    }

    node->key = hash;

    ln = ngx_http_social_limit_node(node);

    ln->len = (u_char) key->len;
    ln->slot = 0;
    ln->arrived = 0;
    ln->window = zone->limit.rate > 0 ? (uint32_t) now : 0;

    ngx_memcpy(ln->data, key->data, key->len);

    ngx_http_social_limit_fill(zone, now, &ln->bucket);

    ngx_rbtree_insert(&zone->sh->rbtree, node);
    ngx_queue_insert_head(&zone->sh->queue, &ln->queue);

    zone->sh->keys++;

    return node;
}


/*
 * Drops the key that was not used for longest, if it is idle, or in any case.
 * Whether it did.
 */

static ngx_uint_t
ngx_http_social_limit_expire(ngx_http_social_limit_zone_t *zone,
    ngx_uint_t force)
{
    ngx_queue_t                   *q;
    ngx_rbtree_node_t             *node;
    ngx_http_social_limit_sh_t    *sh;
    ngx_http_social_limit_node_t  *ln;

    sh = zone->sh;

    if (ngx_queue_empty(&sh->queue)) {
        return 0;
    }

    q = ngx_queue_last(&sh->queue);
    ln = ngx_queue_data(q, ngx_http_social_limit_node_t, queue);

    if (!ngx_http_social_limit_is_idle(zone, ln)) {

        if (!force) {
            return 0;
        }

        sh->dropped++;

        if (sh->said == 0
            || (ngx_msec_int_t) (ngx_current_msec - sh->said)
               > NGX_HTTP_SOCIAL_LIMIT_SAY)
        {
            sh->said = ngx_current_msec;

            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "social: keys in use are dropped%s: increase its "
                          "size", zone->shpool->log_ctx);
        }
    }

    node = (ngx_rbtree_node_t *)
               ((u_char *) ln - offsetof(ngx_rbtree_node_t, color));

    ngx_http_social_limit_slot_free(zone, node);

    ngx_queue_remove(q);
    ngx_rbtree_delete(&sh->rbtree, node);
    ngx_slab_free_locked(zone->shpool, node);

    sh->keys--;

    return 1;
}


/*
 * Whether it is as a new one would be.
 */

static ngx_uint_t
ngx_http_social_limit_is_idle(ngx_http_social_limit_zone_t *zone,
    ngx_http_social_limit_node_t *ln)
{
    double   share;
    int64_t  now;

    ngx_http_social_limit_slot_t  *slot;

    now = ngx_http_social_limit_clock(zone);

    if (zone->limit.rate == 0) {
        return ln->bucket.last < now;
    }

    share = ngx_http_social_limit_slot_share(zone, ln, &slot);

    return slot == NULL
           && now - ln->bucket.last >= NGX_HTTP_SOCIAL_LIMIT_IDLE
           && (double) (now - ln->bucket.last) * zone->limit.rate * share
              >= zone->limit.burst;
}


/*
 * What a bucket is asked with: ms of the monotonic clock, which is one for all
 * processes, or the first second of the period of a quota.
 */

static int64_t
ngx_http_social_limit_clock(const ngx_http_social_limit_zone_t *zone)
{
    int64_t  first, next;

    if (zone->limit.rate > 0) {
        return (int64_t) ngx_current_msec;
    }

    ngx_http_social_limit_now(zone, &first, &next);

    return first;
}


void
ngx_http_social_limit_now(const ngx_http_social_limit_zone_t *zone,
    int64_t *first, int64_t *next)
{
    int64_t  now;

    now = ngx_time();

    if (zone->fleet) {
        now += (int64_t) zone->lmcf->fleet->offset;
    }

    social_limit_period(zone->limit.period, now, first, next);
}
