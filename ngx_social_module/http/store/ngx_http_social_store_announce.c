
/*
 * The embedded store: announcing its objects, and ending what was left.
 *
 * The intent of a commit is in the spool before its object becomes visible,
 * and is removed when the database has acknowledged the announcement.  The
 * database accepts each only once, by its id, and none that is older than
 * another of the key, so that it may be sent again after any failure, and in
 * any order.  One worker, which has the lease in the zone, looks for intents
 * that no process works on: it removes what they left behind, and sends those
 * whose object is there.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_duty.h"
#include "ngx_http_social_store.h"
#include "social_net_intent.h"
#include "social_net_upload.h"


#define NGX_HTTP_SOCIAL_SPOOL_INTERVAL  2000     /* milliseconds */
#define NGX_HTTP_SOCIAL_SPOOL_DELAY     10       /* seconds */
#define NGX_HTTP_SOCIAL_SPOOL_BATCH     16
#define NGX_HTTP_SOCIAL_SWEEP_AGE       5        /* seconds */


typedef enum {
    NGX_HTTP_SOCIAL_SPOOL_FIND = 0,
    NGX_HTTP_SOCIAL_SPOOL_CLOSE
} ngx_http_social_spool_step_e;


typedef struct {
    ngx_http_social_store_loc_conf_t  *conf;
    ngx_http_social_duty_t             duty;
    ngx_uint_t                         busy;     /* a batch is under way */
} ngx_http_social_spool_t;


typedef struct ngx_http_social_spool_batch_s  ngx_http_social_spool_batch_t;


typedef struct {
    social_net_intent_t                found;
    ngx_http_social_spool_batch_t     *batch;
    ngx_http_social_query_outcome_e    outcome;
} ngx_http_social_spool_entry_t;


/* the context of a batch's thread task */

struct ngx_http_social_spool_batch_s {
    ngx_http_social_task_t            *task;
    ngx_http_social_spool_t           *spool;
    ngx_http_social_spool_step_e       step;
    ngx_uint_t                         n;
    ngx_uint_t                         pending;  /* to be answered */
    ngx_uint_t                         more;     /* go on at once */
    ngx_uint_t                         expired;  /* uploads in parts */
    ngx_http_social_spool_entry_t      entries[NGX_HTTP_SOCIAL_SPOOL_BATCH];
};


/* the context of an announcement */

typedef struct {
    ngx_pool_t                          *pool;
    ngx_http_social_store_announced_pt   handler;
    void                                *data;
} ngx_http_social_announcement_t;


static void ngx_http_social_store_announced(
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data);
static void ngx_http_social_spool_start(ngx_http_social_duty_t *duty);
static void ngx_http_social_spool_thread(void *data, ngx_log_t *log);
static void ngx_http_social_spool_find(ngx_http_social_spool_batch_t *batch);
static void ngx_http_social_spool_close(ngx_http_social_spool_batch_t *batch);
static void ngx_http_social_spool_done(ngx_http_social_task_t *task);
static void ngx_http_social_spool_send(ngx_http_social_spool_batch_t *batch);
static void ngx_http_social_spool_sent(
    ngx_http_social_query_outcome_e outcome, void *data);
static void ngx_http_social_spool_answered(
    ngx_http_social_spool_batch_t *batch);
static void ngx_http_social_spool_free(ngx_http_social_spool_batch_t *batch);


ngx_int_t
ngx_http_social_store_announce(ngx_http_social_store_loc_conf_t *slcf,
    const social_store_meta_t *meta, social_str_t key,
    ngx_http_social_store_announced_pt handler, void *data)
{
    u_char                           size[NGX_INT64_LEN], seq[NGX_INT64_LEN];
    u_char                           etag[SOCIAL_STORE_ETAG_SIZE];
    ngx_pool_t                      *pool;
    social_pq_param_t                params[7];
    const social_s3_rule_t          *rule;
    ngx_http_social_announcement_t  *a;

    pool = ngx_create_pool(256, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    a = ngx_palloc(pool, sizeof(ngx_http_social_announcement_t));
    if (a == NULL) {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    a->pool = pool;
    a->handler = handler;
    a->data = data;

    rule = ngx_http_social_job_rule(ngx_http_social_view(
                                        &slcf->bucket->bucket), key);

    if (rule != NULL) {

        if (ngx_http_social_store_announce_job(meta, rule, key,
                                          ngx_http_social_store_announced, a)
            != NGX_OK)
        {
            ngx_destroy_pool(pool);
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    ngx_memzero(params, sizeof(params));

    params[0].value = social_str("store");
    params[1].value.data = meta->id;
    params[1].value.len = SOCIAL_STORE_ID_SIZE;
    params[2].value = ngx_http_social_view(&slcf->bucket->bucket);
    params[3].value = key;
    params[4].value.data = size;
    params[4].value.len = ngx_sprintf(size, "%L", meta->size) - size;

    /* without the quotes */

    params[5].value.data = etag + 1;
    params[5].value.len = social_store_meta_etag(meta, etag) - 2;

    if (meta->seq) {
        params[6].value.data = seq;
        params[6].value.len = ngx_sprintf(seq, "%L", meta->seq) - seq;

    } else {
        params[6].null = 1;
    }

    if (ngx_http_social_query_background(
            "SELECT social_object_created($1, $2, $3, $4, $5::bigint, $6,"
            " $7::bigint)",
            params, 7, ngx_http_social_store_announced, a)
        != NGX_OK)
    {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_social_store_announced(ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data)
{
    ngx_http_social_announcement_t  *a = data;

    a->handler(outcome, a->data);

    ngx_destroy_pool(a->pool);
}


ngx_int_t
ngx_http_social_store_announce_init_zone(ngx_slab_pool_t *shpool, void **part,
    void *data, ngx_log_t *log)
{
    ngx_http_social_store_shared_t  *shared = data;

    if (*part == NULL) {
        *part = ngx_slab_calloc(shpool, sizeof(ngx_http_social_lease_t));
    }

    if (*part == NULL) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "social: no room for the lease of stores%s: increase "
                      "\"social_zone\"", shpool->log_ctx);
        return NGX_ERROR;
    }

    shared->shpool = shpool;
    shared->lease = *part;

    return NGX_OK;
}


ngx_int_t
ngx_http_social_store_announce_init(ngx_cycle_t *cycle,
    ngx_http_social_store_loc_conf_t *conf,
    ngx_http_social_store_shared_t *shared)
{
    ngx_http_social_spool_t  *spool;

    spool = ngx_pcalloc(cycle->pool, sizeof(ngx_http_social_spool_t));
    if (spool == NULL) {
        return NGX_ERROR;
    }

    spool->conf = conf;
    spool->duty.interval = NGX_HTTP_SOCIAL_SPOOL_INTERVAL;
    spool->duty.lease = shared->lease;
    spool->duty.shpool = shared->shpool;
    spool->duty.handler = ngx_http_social_spool_start;
    spool->duty.data = spool;

    ngx_http_social_duty_start(&spool->duty, cycle);

    return NGX_OK;
}


static void
ngx_http_social_spool_start(ngx_http_social_duty_t *duty)
{
    ngx_http_social_task_t         *task;
    ngx_http_social_spool_t        *spool;
    ngx_http_social_spool_batch_t  *batch;

    spool = duty->data;

    if (spool->busy) {
        return;
    }

    task = ngx_http_social_task_create(sizeof(ngx_http_social_spool_batch_t),
                                       ngx_http_social_spool_thread,
                                       ngx_http_social_spool_done);
    if (task == NULL) {
        return;
    }

    batch = task->ctx;
    batch->task = task;
    batch->spool = spool;

    spool->busy = 1;

    /* no request waits for it */

    if (ngx_http_social_task_post(task, spool->conf->thread_pool) != NGX_OK) {
        ngx_http_social_spool_free(batch);
    }
}


static void
ngx_http_social_spool_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_spool_batch_t  *batch = data;

    if (batch->step == NGX_HTTP_SOCIAL_SPOOL_FIND) {
        ngx_http_social_spool_find(batch);

    } else {
        ngx_http_social_spool_close(batch);
    }
}


static void
ngx_http_social_spool_find(ngx_http_social_spool_batch_t *batch)
{
    int64_t               now;
    unsigned              i, n;
    social_net_disk_t    *disk;
    social_net_intent_t   found[NGX_HTTP_SOCIAL_SPOOL_BATCH];

    disk = ngx_http_social_store_queue_disk(batch->spool->conf->queue);
    now = (int64_t) time(NULL);

    (void) social_net_disk_sweep(disk, now, NGX_HTTP_SOCIAL_SWEEP_AGE);

    batch->expired = social_net_upload_expire(disk,
                                       now - batch->spool->conf->expire);

    n = social_net_intent_find(disk, now, found, NGX_HTTP_SOCIAL_SPOOL_BATCH);

    if (n) {
        social_net_intent_end(disk, now, found, n);
    }

    batch->more = (n == NGX_HTTP_SOCIAL_SPOOL_BATCH);

    for (i = 0; i < n; i++) {

        if (found[i].state != SOCIAL_NET_INTENT_ANNOUNCE) {
            continue;
        }

        /* left from when this store announced its objects */

        if (!batch->spool->conf->announce) {
            social_net_intent_defer(&found[i], now,
                                    NGX_HTTP_SOCIAL_SPOOL_DELAY);
            continue;
        }

        social_net_intent_move(&batch->entries[batch->n++].found, &found[i]);
    }
}


static void
ngx_http_social_spool_close(ngx_http_social_spool_batch_t *batch)
{
    ngx_uint_t            i;
    social_net_disk_t    *disk;
    social_net_intent_t  *found;

    disk = ngx_http_social_store_queue_disk(batch->spool->conf->queue);

    for (i = 0; i < batch->n; i++) {

        found = &batch->entries[i].found;

        switch (batch->entries[i].outcome) {

        case NGX_HTTP_SOCIAL_QUERY_OK:
            social_net_intent_announced(disk, found);
            break;

        case NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE:
            social_net_intent_defer(found, (int64_t) time(NULL), 0);
            break;

        default:
            /* others need not wait for it */
            social_net_intent_defer(found, (int64_t) time(NULL),
                                    NGX_HTTP_SOCIAL_SPOOL_DELAY);
        }
    }
}


static void
ngx_http_social_spool_done(ngx_http_social_task_t *task)
{
    ngx_http_social_spool_batch_t  *batch;

    batch = task->ctx;

    if (batch->expired) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "social: the store aborted uploads in parts that nobody "
                      "completed: %ui", batch->expired);
        batch->expired = 0;
    }

    if (batch->step == NGX_HTTP_SOCIAL_SPOOL_FIND && batch->n) {
        ngx_http_social_spool_send(batch);
        return;
    }

    if (batch->more) {
        ngx_http_social_duty_soon(&batch->spool->duty);
    }

    ngx_http_social_spool_free(batch);
}


/*
 * All at once; an answer may come before the next one is sent.
 */

static void
ngx_http_social_spool_send(ngx_http_social_spool_batch_t *batch)
{
    ngx_uint_t                      i;
    social_store_meta_t             meta;
    ngx_http_social_spool_entry_t  *entry;

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "social: announcing objects from the spool: %ui", batch->n);

    batch->pending = batch->n + 1;

    for (i = 0; i < batch->n; i++) {

        entry = &batch->entries[i];
        entry->batch = batch;

        social_net_intent_meta(&entry->found, &meta);

        if (ngx_http_social_store_announce(batch->spool->conf, &meta,
                                           entry->found.intent.key,
                                           ngx_http_social_spool_sent, entry)
            != NGX_OK)
        {
            ngx_http_social_spool_sent(NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE,
                                       entry);
        }
    }

    ngx_http_social_spool_answered(batch);
}


static void
ngx_http_social_spool_sent(ngx_http_social_query_outcome_e outcome,
    void *data)
{
    ngx_http_social_spool_entry_t  *entry = data;

    entry->outcome = outcome;

    if (outcome == NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE) {
        entry->batch->more = 0;
    }

    ngx_http_social_spool_answered(entry->batch);
}


static void
ngx_http_social_spool_answered(ngx_http_social_spool_batch_t *batch)
{
    if (--batch->pending) {
        return;
    }

    batch->step = NGX_HTTP_SOCIAL_SPOOL_CLOSE;
    batch->task->awaited = 1;

    if (ngx_http_social_task_post(batch->task, batch->spool->conf->thread_pool)
        != NGX_OK)
    {
        ngx_http_social_spool_free(batch);
    }
}


/*
 * What is still open is found again.
 */

static void
ngx_http_social_spool_free(ngx_http_social_spool_batch_t *batch)
{
    ngx_uint_t  i;

    for (i = 0; i < batch->n; i++) {
        if (batch->entries[i].found.fd != -1) {
            ngx_close_file(batch->entries[i].found.fd);
        }
    }

    batch->spool->busy = 0;

    ngx_http_social_task_free(batch->task);
}
