
/*
 * The embedded store: the commits of a worker process, which share their
 * syncs.
 */

#include "ngx_http_social_counters.h"
#include "ngx_http_social_store_commit.h"


/* milliseconds, before a lock is tried again, or the thread pool when it is
   full, which it logs */
#define NGX_HTTP_SOCIAL_STORE_RETRY  2
#define NGX_HTTP_SOCIAL_STORE_FULL   50


/*
 * While the task is posted, all but "arrived" belongs to its thread.
 */
struct ngx_http_social_store_queue_s {
    social_net_disk_t            disk;
    ngx_thread_pool_t           *thread_pool;
    ngx_http_social_task_t      *task;
    ngx_event_t                  retry;
    ngx_queue_t                  arrived;
    ngx_queue_t                  fresh;       /* to be synced */
    ngx_queue_t                  ready;       /* to be published */
    ngx_queue_t                  published;   /* to be synced again */
    ngx_queue_t                  over;
    social_net_commit_known_t    known;
    uint64_t                     synced;      /* microseconds */
    ngx_uint_t                   group;       /* that shared it; 0: none */
    ngx_uint_t                   started;
};


static ngx_int_t ngx_http_social_store_queue_start(
    ngx_http_social_store_queue_t *queue);
static void ngx_http_social_store_queue_cleanup(void *data);
static ngx_int_t ngx_http_social_store_queue_run(
    ngx_http_social_store_queue_t *queue);
static void ngx_http_social_store_queue_retry(ngx_event_t *ev);
static void ngx_http_social_store_queue_thread(void *data, ngx_log_t *log);
static void ngx_http_social_store_queue_publish(
    ngx_http_social_store_queue_t *queue);
static social_rc_e ngx_http_social_store_queue_sync(
    ngx_http_social_store_queue_t *queue, int *err);
static ngx_uint_t ngx_http_social_store_queue_length(ngx_queue_t *list);
static uint64_t ngx_http_social_store_queue_now(void);
static void ngx_http_social_store_queue_count(
    ngx_http_social_store_queue_t *queue);
static ngx_http_social_store_commit_t *ngx_http_social_store_queue_single(
    ngx_http_social_store_queue_t *queue);
static void ngx_http_social_store_queue_synced(
    ngx_http_social_store_queue_t *queue, social_rc_e rc, int err);
static void ngx_http_social_store_queue_done(ngx_http_social_task_t *task);
static ngx_uint_t ngx_http_social_store_queue_waits(
    ngx_http_social_store_queue_t *queue);
static void ngx_http_social_store_queue_move(ngx_queue_t *to,
    ngx_http_social_store_commit_t *commit);


#define ngx_http_social_store_commit_first(q)                                 \
    ngx_queue_data(ngx_queue_head(q), ngx_http_social_store_commit_t, queue)


ngx_http_social_store_queue_t *
ngx_http_social_store_queue_create(ngx_conf_t *cf, ngx_str_t *root,
    ngx_flag_t sync)
{
    ngx_http_social_store_queue_t  *queue;

    queue = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_store_queue_t));
    if (queue == NULL) {
        return NULL;
    }

    queue->disk.path = (char *) root->data;
    queue->disk.sync = sync;
    atomic_init(&queue->disk.root, -1);
    atomic_init(&queue->disk.anonymous, 0);

    return queue;
}


void
ngx_http_social_store_queue_init(ngx_http_social_store_queue_t *queue,
    ngx_thread_pool_t *thread_pool)
{
    queue->thread_pool = thread_pool;
}


social_net_disk_t *
ngx_http_social_store_queue_disk(ngx_http_social_store_queue_t *queue)
{
    return &queue->disk;
}


ngx_int_t
ngx_http_social_store_queue_add(ngx_http_social_store_queue_t *queue,
    ngx_http_social_store_commit_t *commit)
{
    if (!queue->started
        && ngx_http_social_store_queue_start(queue) != NGX_OK)
    {
        return NGX_ERROR;
    }

    commit->rc = SOCIAL_NET_COMMIT_OK;

    ngx_queue_insert_tail(&queue->arrived, &commit->queue);

    /* a DELETE does not wait for room in the queue of the threads */

    if (queue->task->busy
        || (queue->retry.timer_set && !commit->net.remove)
        || ngx_http_social_store_queue_run(queue) == NGX_OK)
    {
        return NGX_OK;
    }

    if (!commit->net.remove) {

        /* bytes that were written are not given up for a full queue */

        return NGX_OK;
    }

    ngx_queue_remove(&commit->queue);

    return NGX_BUSY;
}


/*
 * The first commit of a process.
 */

static ngx_int_t
ngx_http_social_store_queue_start(ngx_http_social_store_queue_t *queue)
{
    ngx_pool_cleanup_t              *cln;
    ngx_http_social_store_queue_t  **ctx;

    cln = ngx_pool_cleanup_add(ngx_cycle->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    queue->task = ngx_http_social_task_create(
                      sizeof(ngx_http_social_store_queue_t *),
                      ngx_http_social_store_queue_thread,
                      ngx_http_social_store_queue_done);
    if (queue->task == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_social_store_queue_cleanup;
    cln->data = queue;

    ctx = queue->task->ctx;
    *ctx = queue;

    /* a worker that shuts down waits for it, as long as it takes */

    queue->task->owner = queue;
    queue->task->awaited = 1;

    queue->retry.handler = ngx_http_social_store_queue_retry;
    queue->retry.data = queue;
    queue->retry.log = ngx_cycle->log;

    ngx_queue_init(&queue->arrived);
    ngx_queue_init(&queue->fresh);
    ngx_queue_init(&queue->ready);
    ngx_queue_init(&queue->published);
    ngx_queue_init(&queue->over);

    queue->started = 1;

    return NGX_OK;
}


/*
 * The process exits: its threads have by then.
 */

static void
ngx_http_social_store_queue_cleanup(void *data)
{
    ngx_http_social_store_queue_t  *queue = data;

    ngx_http_social_task_free(queue->task);
}


static ngx_int_t
ngx_http_social_store_queue_run(ngx_http_social_store_queue_t *queue)
{
    ngx_http_social_store_commit_t  *commit;

    while (!ngx_queue_empty(&queue->arrived)) {

        commit = ngx_http_social_store_commit_first(&queue->arrived);

        /* of a DELETE there is nothing to be synced before, and of a part
           that was done */

        ngx_http_social_store_queue_move(queue->disk.sync
                                         && !commit->net.remove
                                         && commit->net.kind
                                            != SOCIAL_NET_COMMIT_PART
                                         ? &queue->fresh : &queue->ready,
                                         commit);
    }

    if (ngx_queue_empty(&queue->fresh) && ngx_queue_empty(&queue->ready)) {
        return NGX_OK;
    }

    if (ngx_http_social_task_post(queue->task, queue->thread_pool) != NGX_OK) {
        ngx_add_timer(&queue->retry, NGX_HTTP_SOCIAL_STORE_FULL);
        return NGX_BUSY;
    }

    if (queue->retry.timer_set) {
        ngx_del_timer(&queue->retry);
    }

    return NGX_OK;
}


static void
ngx_http_social_store_queue_retry(ngx_event_t *ev)
{
    (void) ngx_http_social_store_queue_run(ev->data);
}


static void
ngx_http_social_store_queue_thread(void *data, ngx_log_t *log)
{
    int                              err;
    social_rc_e                      rc;
    ngx_http_social_store_queue_t  **queue = data;

    err = 0;

    ngx_http_social_store_queue_publish(*queue);

    rc = ngx_http_social_store_queue_sync(*queue, &err);

    ngx_http_social_store_queue_synced(*queue, rc, err);
}


/*
 * Those whose lock is held by another process stay.
 */

static void
ngx_http_social_store_queue_publish(ngx_http_social_store_queue_t *queue)
{
    ngx_queue_t                     *q, *next;
    ngx_http_social_store_commit_t  *commit;

    for (q = ngx_queue_head(&queue->ready);
         q != ngx_queue_sentinel(&queue->ready);
         q = next)
    {
        next = ngx_queue_next(q);

        commit = ngx_queue_data(q, ngx_http_social_store_commit_t, queue);

        commit->rc = social_net_commit_publish(&commit->net, &queue->known);

        switch (commit->rc) {

        case SOCIAL_NET_COMMIT_BUSY:
            break;

        case SOCIAL_NET_COMMIT_SUPERSEDED:
            if (commit->net.upload != -1) {

                /* what is completed is not lost: with a later number */

                social_net_commit_abort(&commit->net);
                commit->rc = SOCIAL_NET_COMMIT_BUSY;
                ngx_http_social_store_queue_move(&queue->over, commit);
                break;
            }

            /* fall through */

        case SOCIAL_NET_COMMIT_OK:
            ngx_http_social_store_queue_move(&queue->published, commit);
            break;

        default:
            social_net_commit_abort(&commit->net);
            ngx_http_social_store_queue_move(&queue->over, commit);
        }
    }
}


static social_rc_e
ngx_http_social_store_queue_sync(ngx_http_social_store_queue_t *queue,
    int *err)
{
    uint64_t                         began;
    social_rc_e                      rc;
    ngx_http_social_store_commit_t  *commit;

    queue->group = 0;

    if (!queue->disk.sync
        || (ngx_queue_empty(&queue->fresh)
            && ngx_queue_empty(&queue->published)))
    {
        return SOCIAL_OK;
    }

    queue->group = ngx_http_social_store_queue_length(&queue->fresh)
                   + ngx_http_social_store_queue_length(&queue->published);

    began = ngx_http_social_store_queue_now();

    commit = ngx_http_social_store_queue_single(queue);

    if (commit == NULL) {
        rc = social_net_disk_sync_all(&queue->disk);
        *err = ngx_errno;

    } else {
        rc = commit->net.published ? social_net_commit_sync_name(&commit->net)
                                   : social_net_commit_sync(&commit->net);
        *err = commit->net.err;
    }

    queue->synced = ngx_http_social_store_queue_now() - began;

    return rc;
}


static ngx_uint_t
ngx_http_social_store_queue_length(ngx_queue_t *list)
{
    ngx_uint_t    n;
    ngx_queue_t  *q;

    n = 0;

    for (q = ngx_queue_head(list);
         q != ngx_queue_sentinel(list);
         q = ngx_queue_next(q))
    {
        n++;
    }

    return n;
}


/*
 * In microseconds; a thread has no time of nginx.
 */

static uint64_t
ngx_http_social_store_queue_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


/*
 * The only commit, if it can be synced alone.
 */

static ngx_http_social_store_commit_t *
ngx_http_social_store_queue_single(ngx_http_social_store_queue_t *queue)
{
    ngx_queue_t                     *list;
    ngx_http_social_store_commit_t  *commit;

    if (ngx_queue_empty(&queue->fresh)) {
        list = &queue->published;

    } else if (ngx_queue_empty(&queue->published)) {
        list = &queue->fresh;

    } else {
        return NULL;
    }

    if (ngx_queue_head(list) != ngx_queue_last(list)) {
        return NULL;
    }

    commit = ngx_http_social_store_commit_first(list);

    /* its directories, or the one that superseded it, are not known durable */

    if (list == &queue->published
        && (commit->rc != SOCIAL_NET_COMMIT_OK || !commit->net.known))
    {
        return NULL;
    }

    return commit;
}


static void
ngx_http_social_store_queue_synced(ngx_http_social_store_queue_t *queue,
    social_rc_e rc, int err)
{
    ngx_http_social_store_commit_t  *commit;

    while (!ngx_queue_empty(&queue->published)) {

        commit = ngx_http_social_store_commit_first(&queue->published);

        if (commit->rc == SOCIAL_NET_COMMIT_SUPERSEDED) {
            social_net_commit_abort(&commit->net);
            commit->net.announce = 0;
            commit->rc = SOCIAL_NET_COMMIT_OK;

        } else {
            social_net_commit_synced(&commit->net, &queue->known,
                                     queue->disk.sync && rc == SOCIAL_OK);

            if (rc == SOCIAL_OK) {
                social_net_commit_durable(&commit->net);
            }
        }

        if (rc != SOCIAL_OK) {

            /* the intent is for a later time */

            social_net_commit_free(&commit->net);
            commit->net.err = err;
            commit->rc = SOCIAL_NET_COMMIT_UNCERTAIN;
        }

        ngx_http_social_store_queue_move(&queue->over, commit);
    }

    while (!ngx_queue_empty(&queue->fresh)) {

        commit = ngx_http_social_store_commit_first(&queue->fresh);

        if (rc == SOCIAL_OK) {
            ngx_http_social_store_queue_move(&queue->ready, commit);
            continue;
        }

        social_net_commit_abort(&commit->net);
        commit->net.err = err;
        commit->rc = err == ENOSPC || err == EDQUOT
                     ? SOCIAL_NET_COMMIT_FULL
                                       : SOCIAL_NET_COMMIT_FAILED;

        ngx_http_social_store_queue_move(&queue->over, commit);
    }
}


static void
ngx_http_social_store_queue_done(ngx_http_social_task_t *task)
{
    ngx_queue_t                      over;
    ngx_http_social_store_queue_t   *queue;
    ngx_http_social_store_commit_t  *commit;

    queue = task->owner;

    ngx_http_social_store_queue_count(queue);

    ngx_queue_init(&over);

    if (!ngx_queue_empty(&queue->over)) {
        ngx_queue_add(&over, &queue->over);
        ngx_queue_init(&queue->over);
    }

    if (ngx_http_social_store_queue_waits(queue)) {
        ngx_add_timer(&queue->retry, NGX_HTTP_SOCIAL_STORE_RETRY);

    } else {
        (void) ngx_http_social_store_queue_run(queue);
    }

    while (!ngx_queue_empty(&over)) {

        commit = ngx_http_social_store_commit_first(&over);
        ngx_queue_remove(&commit->queue);

        commit->handler(commit);
    }
}


static void
ngx_http_social_store_queue_count(ngx_http_social_store_queue_t *queue)
{
    ngx_http_social_counters_t  *counters;

    counters = ngx_http_social_counters();

    if (counters == NULL || queue->group == 0) {
        return;
    }

    ngx_http_social_observe(
                       &counters->histograms[NGX_HTTP_SOCIAL_HISTOGRAM_SYNC],
                       ngx_http_social_seconds, queue->synced);

    ngx_http_social_observe(
                       &counters->histograms[NGX_HTTP_SOCIAL_HISTOGRAM_GROUP],
                       ngx_http_social_numbers, queue->group);
}


/*
 * Whether all that is left waits for locks.
 */

static ngx_uint_t
ngx_http_social_store_queue_waits(ngx_http_social_store_queue_t *queue)
{
    ngx_queue_t                     *q;
    ngx_http_social_store_commit_t  *commit;

    if (!ngx_queue_empty(&queue->arrived) || ngx_queue_empty(&queue->ready)) {
        return 0;
    }

    for (q = ngx_queue_head(&queue->ready);
         q != ngx_queue_sentinel(&queue->ready);
         q = ngx_queue_next(q))
    {
        commit = ngx_queue_data(q, ngx_http_social_store_commit_t, queue);

        if (commit->rc != SOCIAL_NET_COMMIT_BUSY) {
            return 0;
        }
    }

    return 1;
}


static void
ngx_http_social_store_queue_move(ngx_queue_t *to,
    ngx_http_social_store_commit_t *commit)
{
    ngx_queue_remove(&commit->queue);
    ngx_queue_insert_tail(to, &commit->queue);
}
