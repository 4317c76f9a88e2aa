
/*
 * The embedded store: announcing its objects.
 *
 * An announcement is written to the spool before its object becomes visible,
 * and is removed when the database has acknowledged it.  The database accepts
 * each only once, by its id, so that it may be sent again after any failure.
 * One worker, which has the lease in the zone, sends those that were left in
 * the spool; when it acquires the lease, it also removes the temporary files of
 * processes that died.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_store.h"
#include "social_net_spool.h"


#define NGX_HTTP_SOCIAL_SPOOL_AGE       10       /* seconds */
#define NGX_HTTP_SOCIAL_SPOOL_INTERVAL  2000     /* milliseconds */
#define NGX_HTTP_SOCIAL_SPOOL_LEASE     (3 * NGX_HTTP_SOCIAL_SPOOL_INTERVAL)
#define NGX_HTTP_SOCIAL_SWEEP_AGE       86400    /* seconds */
#define NGX_HTTP_SOCIAL_SPOOL_SIZE      (SOCIAL_STORE_MAX_KEY + 256)


typedef enum {
    NGX_HTTP_SOCIAL_ANNOUNCE_LOOK = 0,     /* into the spool */
    NGX_HTTP_SOCIAL_ANNOUNCE_REMOVE,
    NGX_HTTP_SOCIAL_ANNOUNCE_DEFER
} ngx_http_social_announce_step_e;


typedef struct {
    ngx_http_social_store_loc_conf_t  *conf;
    ngx_http_social_store_shared_t    *shared;
    ngx_event_t                        timer;
    ngx_uint_t                         busy;    /* a step is active */
    ngx_uint_t                         swept;
} ngx_http_social_spool_t;


typedef struct {
    ngx_http_social_task_t            *task;
    ngx_http_social_store_loc_conf_t  *conf;
    ngx_http_social_spool_t           *spool;   /* NULL: called by a PUT */
    ngx_http_social_announce_step_e    step;
    ngx_uint_t                         gone;    /* its object does not exist */
    ngx_uint_t                         sweep;
    social_rc_e                        rc;
    size_t                             len;
    u_char                             id[SOCIAL_STORE_ID_SIZE];
    u_char                             text[NGX_HTTP_SOCIAL_SPOOL_SIZE];
} ngx_http_social_announce_t;


static ngx_http_social_announce_t *ngx_http_social_announce_create(
    ngx_http_social_store_loc_conf_t *conf);
static void ngx_http_social_announce_post(ngx_http_social_announce_t *a,
    ngx_http_social_announce_step_e step);
static void ngx_http_social_announce_free(ngx_http_social_announce_t *a);
static void ngx_http_social_announce_send(ngx_http_social_announce_t *a);
static void ngx_http_social_announce_sent(
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data);
static void ngx_http_social_announce_thread(void *data, ngx_log_t *log);
static void ngx_http_social_announce_check(ngx_http_social_announce_t *a);
static void ngx_http_social_announce_done(ngx_http_social_task_t *task);
static ngx_int_t ngx_http_social_announce_split(social_str_t text,
    social_str_t *size, social_str_t *etag, social_str_t *key);
static void ngx_http_social_spool_timer(ngx_event_t *ev);
static ngx_uint_t ngx_http_social_spool_acquire(
    ngx_http_social_spool_t *spool);


/*
 * "SIZE ETAG\nKEY": the key is the rest, whatever bytes it has.  The ETag is
 * not known yet: the next function writes it.
 */

ngx_int_t
ngx_http_social_store_announcement(ngx_pool_t *pool, social_store_meta_t *meta,
    social_str_t key, ngx_str_t *text)
{
    text->data = ngx_pnalloc(pool, NGX_INT64_LEN + 1 + sizeof(meta->etag) + 1
                                   + key.len);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    text->len = ngx_sprintf(text->data, "%L %032d\n%*s", meta->size, 0,
                            key.len, key.data)
                - text->data;

    return NGX_OK;
}


void
ngx_http_social_store_announcement_etag(ngx_str_t *text,
    social_store_meta_t *meta)
{
    u_char  *p;

    p = ngx_strlchr(text->data, text->data + text->len, ' ');

    ngx_memcpy(p + 1, meta->etag, sizeof(meta->etag));
}


void
ngx_http_social_store_announce(ngx_http_social_store_loc_conf_t *slcf,
    const u_char *id, ngx_str_t *text)
{
    ngx_http_social_announce_t  *a;

    if (text->len > NGX_HTTP_SOCIAL_SPOOL_SIZE) {
        return;
    }

    a = ngx_http_social_announce_create(slcf);
    if (a == NULL) {
        return;
    }

    ngx_memcpy(a->id, id, SOCIAL_STORE_ID_SIZE);
    ngx_memcpy(a->text, text->data, text->len);
    a->len = text->len;

    ngx_http_social_announce_send(a);
}


static ngx_http_social_announce_t *
ngx_http_social_announce_create(ngx_http_social_store_loc_conf_t *conf)
{
    ngx_http_social_task_t      *task;
    ngx_http_social_announce_t  *a;

    task = ngx_http_social_task_create(sizeof(ngx_http_social_announce_t),
                                       ngx_http_social_announce_thread,
                                       ngx_http_social_announce_done);
    if (task == NULL) {
        return NULL;
    }

    a = task->ctx;

    a->task = task;
    a->conf = conf;

    return a;
}


static void
ngx_http_social_announce_post(ngx_http_social_announce_t *a,
    ngx_http_social_announce_step_e step)
{
    a->step = step;

    /* no request waits for a scan of the spool */

    a->task->awaited = (step != NGX_HTTP_SOCIAL_ANNOUNCE_LOOK);

    if (ngx_http_social_task_post(a->task, a->conf->thread_pool) != NGX_OK) {
        ngx_http_social_announce_free(a);
    }
}


static void
ngx_http_social_announce_free(ngx_http_social_announce_t *a)
{
    if (a->spool) {
        a->spool->busy = 0;
    }

    ngx_http_social_task_free(a->task);
}


static void
ngx_http_social_announce_send(ngx_http_social_announce_t *a)
{
    social_str_t        text, size, etag, key;
    social_pq_param_t   params[6];

    text.data = a->text;
    text.len = a->len;

    if (ngx_http_social_announce_split(text, &size, &etag, &key) != NGX_OK) {

        /* damaged, as after a crash without fsync: it cannot be sent */

        ngx_http_social_announce_post(a, NGX_HTTP_SOCIAL_ANNOUNCE_REMOVE);
        return;
    }

    ngx_memzero(params, sizeof(params));

    params[0].value = social_str("store");
    params[1].value.data = a->id;
    params[1].value.len = SOCIAL_STORE_ID_SIZE;
    params[2].value = ngx_http_social_view(&a->conf->bucket->bucket);
    params[3].value = key;
    params[4].value = size;
    params[5].value = etag;

    if (ngx_http_social_query_background(
            "SELECT social_object_created($1, $2, $3, $4, $5::bigint, $6)",
            params, 6, ngx_http_social_announce_sent, a)
        != NGX_OK)
    {
        ngx_http_social_announce_free(a);
    }
}


static void
ngx_http_social_announce_sent(ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data)
{
    ngx_http_social_announce_t  *a = data;

    if (outcome == NGX_HTTP_SOCIAL_QUERY_OK) {
        ngx_http_social_announce_post(a, NGX_HTTP_SOCIAL_ANNOUNCE_REMOVE);
        return;
    }

    /* it stays in the spool, behind the others */

    if (outcome == NGX_HTTP_SOCIAL_QUERY_REFUSED
        || outcome == NGX_HTTP_SOCIAL_QUERY_LOCKED)
    {
        ngx_http_social_announce_post(a, NGX_HTTP_SOCIAL_ANNOUNCE_DEFER);
        return;
    }

    ngx_http_social_announce_free(a);
}


static void
ngx_http_social_announce_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_announce_t  *a = data;

    switch (a->step) {

    case NGX_HTTP_SOCIAL_ANNOUNCE_REMOVE:
        social_net_spool_remove((char *) a->conf->root.data, a->id);
        return;

    case NGX_HTTP_SOCIAL_ANNOUNCE_DEFER:
        social_net_spool_defer((char *) a->conf->root.data, a->id);
        return;

    default:
        break;
    }

    if (a->sweep) {
        (void) social_net_disk_sweep((char *) a->conf->root.data,
                                     (int64_t) time(NULL),
                                     NGX_HTTP_SOCIAL_SWEEP_AGE);
    }

    if (!a->conf->announce) {
        a->rc = SOCIAL_DECLINED;
        return;
    }

    a->rc = social_net_spool_next((char *) a->conf->root.data,
                                  (int64_t) time(NULL),
                                  NGX_HTTP_SOCIAL_SPOOL_AGE, a->id, a->text,
                                  NGX_HTTP_SOCIAL_SPOOL_SIZE, &a->len);

    if (a->rc == SOCIAL_OK) {
        ngx_http_social_announce_check(a);
    }
}


/*
 * After a crash there may be an announcement without its object.
 */

static void
ngx_http_social_announce_check(ngx_http_social_announce_t *a)
{
    size_t         len;
    social_str_t   text, size, etag, key;
    unsigned char  path[SOCIAL_STORE_MAX_PATH];

    text.data = a->text;
    text.len = a->len;

    if (ngx_http_social_announce_split(text, &size, &etag, &key) != NGX_OK
        || social_store_path(key, path, &len) != SOCIAL_OK)
    {
        a->gone = 1;
        return;
    }

    a->rc = social_net_spool_check((char *) a->conf->root.data,
                                   (char *) path, a->id);

    if (a->rc == SOCIAL_DECLINED) {
        a->gone = 1;
        a->rc = SOCIAL_OK;
    }
}


static void
ngx_http_social_announce_done(ngx_http_social_task_t *task)
{
    ngx_http_social_announce_t  *a;

    a = task->ctx;

    if (a->step != NGX_HTTP_SOCIAL_ANNOUNCE_LOOK || a->rc != SOCIAL_OK) {

        if (a->step != NGX_HTTP_SOCIAL_ANNOUNCE_LOOK && a->spool
            && !ngx_exiting)
        {
            /* there may be more in the spool */
            ngx_add_timer(&a->spool->timer, 1);
        }

        ngx_http_social_announce_free(a);
        return;
    }

    if (a->gone) {
        ngx_http_social_announce_post(a, NGX_HTTP_SOCIAL_ANNOUNCE_REMOVE);
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "social: announcing an object from the spool");

    ngx_http_social_announce_send(a);
}


static ngx_int_t
ngx_http_social_announce_split(social_str_t text, social_str_t *size,
    social_str_t *etag, social_str_t *key)
{
    size_t  i;

    for (i = 0; i < text.len && text.data[i] != ' '; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return NGX_ERROR;
        }
    }

    size->data = text.data;
    size->len = i;

    if (i == 0 || i > 18 || text.len < i + 1 + 32 + 2
        || text.data[i + 1 + 32] != '\n')
    {
        return NGX_ERROR;
    }

    etag->data = text.data + i + 1;
    etag->len = 32;

    key->data = etag->data + etag->len + 1;
    key->len = text.len - (size_t) (key->data - text.data);

    return NGX_OK;
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
    spool->shared = shared;
    spool->timer.handler = ngx_http_social_spool_timer;
    spool->timer.data = spool;
    spool->timer.log = cycle->log;
    spool->timer.cancelable = 1;

    ngx_add_timer(&spool->timer, NGX_HTTP_SOCIAL_SPOOL_INTERVAL);

    return NGX_OK;
}


static void
ngx_http_social_spool_timer(ngx_event_t *ev)
{
    ngx_http_social_spool_t     *spool = ev->data;
    ngx_http_social_announce_t  *a;

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        ngx_shmtx_lock(&spool->shared->shpool->mutex);
        ngx_http_social_lease_release(spool->shared->lease);
        ngx_shmtx_unlock(&spool->shared->shpool->mutex);
        return;
    }

    ngx_add_timer(ev, NGX_HTTP_SOCIAL_SPOOL_INTERVAL);

    if (!ngx_http_social_spool_acquire(spool) || spool->busy
        || (spool->swept && !spool->conf->announce))
    {
        return;
    }

    a = ngx_http_social_announce_create(spool->conf);

    if (a != NULL) {
        a->sweep = !spool->swept;
        a->spool = spool;

        spool->swept = 1;
        spool->busy = 1;

        ngx_http_social_announce_post(a, NGX_HTTP_SOCIAL_ANNOUNCE_LOOK);
    }
}


static ngx_uint_t
ngx_http_social_spool_acquire(ngx_http_social_spool_t *spool)
{
    ngx_uint_t  ours;

    ngx_shmtx_lock(&spool->shared->shpool->mutex);

    ours = ngx_http_social_lease_acquire(spool->shared->lease,
                                         NGX_HTTP_SOCIAL_SPOOL_LEASE);

    ngx_shmtx_unlock(&spool->shared->shpool->mutex);

    return ours;
}
