
/*
 * The embedded store: the commits of a worker process, which share their
 * syncs.
 *
 * A commit is synced twice: what it is about before it is published, and its
 * name after that.  All that wait are taken together, by one thread task at a
 * time: it publishes those whose bytes are durable, and then syncs their names
 * and the bytes of those that came meanwhile.  A single commit syncs its own
 * files only; several sync the file system.
 */

#ifndef NGX_HTTP_SOCIAL_STORE_COMMIT_H
#define NGX_HTTP_SOCIAL_STORE_COMMIT_H


#include "ngx_http_social_task.h"
#include "social_net_commit.h"


typedef struct ngx_http_social_store_commit_s  ngx_http_social_store_commit_t;
typedef struct ngx_http_social_store_queue_s  ngx_http_social_store_queue_t;

typedef void (*ngx_http_social_store_commit_pt)(
    ngx_http_social_store_commit_t *commit);


/*
 * One commit: zeroed, then social_net_commit_init().
 */
struct ngx_http_social_store_commit_s {
    ngx_queue_t                       queue;
    social_net_commit_t               net;
    social_net_commit_rc_e            rc;
    ngx_http_social_store_commit_pt   handler;
    void                             *data;
};


/*
 * The commits to a root, of each worker process: state behind the
 * configuration.  Those with the same root and "sync" share one.  NULL: out of
 * memory.
 */
ngx_http_social_store_queue_t *ngx_http_social_store_queue_create(
    ngx_conf_t *cf, ngx_str_t *root, ngx_flag_t sync);

/*
 * To be called once the configuration is known.
 */
void ngx_http_social_store_queue_init(ngx_http_social_store_queue_t *queue,
    ngx_thread_pool_t *thread_pool);

/*
 * The root, for threads.
 */
social_net_disk_t *ngx_http_social_store_queue_disk(
    ngx_http_social_store_queue_t *queue);

/*
 * Publishes a commit that is prepared.  "handler" is called later, in the
 * event loop, with commit->rc: after OK the commit is durable, and has to be
 * finished; after anything else it was aborted, and after UNCERTAIN freed.
 * SUPERSEDED is reported as OK; of what completes an upload, as BUSY: prepare
 * it again.  NGX_ERROR: out of memory; NGX_BUSY: a DELETE,
 * and the thread pool's queue is full.  The commit is as it was then.
 */
ngx_int_t ngx_http_social_store_queue_add(
    ngx_http_social_store_queue_t *queue,
    ngx_http_social_store_commit_t *commit);


#endif /* NGX_HTTP_SOCIAL_STORE_COMMIT_H */
