
/*
 * The embedded store: requests that change something, each by a commit.
 *
 * A thread prepares it, and tries again while a lock is held; it waits for its
 * syncs with others; then the request is answered, what was replaced is
 * removed, and an object is announced.  The request may end at any time: what
 * was not published by then is removed.
 */

#ifndef NGX_HTTP_SOCIAL_STORE_CHANGE_H
#define NGX_HTTP_SOCIAL_STORE_CHANGE_H


#include "ngx_http_social_store.h"


typedef struct ngx_http_social_store_change_s  ngx_http_social_store_change_t;


/*
 * The context of the request's thread task, or the first member of it, zeroed.
 */
struct ngx_http_social_store_change_s {
    ngx_http_social_task_t            *task;
    ngx_http_social_store_loc_conf_t  *conf;
    ngx_http_social_store_commit_t     commit;
    ngx_event_t                        retry;
    ngx_uint_t                         step;

    /*
     * The caller's.  Steps before the commit, as often as they are posted: in
     * a thread, where change->error ends the request, and in the event loop.
     */
    void      (*work)(ngx_http_social_store_change_t *change);
    void      (*worked)(ngx_http_request_t *r,
                        ngx_http_social_store_change_t *change);

    /* in a thread, perhaps again: ..._change_prepare() is the last it does */

    void      (*prepare)(ngx_http_social_store_change_t *change);

    /* once the commit is durable; what a content handler returns */

    ngx_int_t (*answer)(ngx_http_request_t *r,
                        ngx_http_social_store_change_t *change);

    /* what is not in the task's pool; more than once; NULL: nothing */

    void      (*free)(ngx_http_social_store_change_t *change);

    social_s3_error_e                  error;      /* of the last step */
    ngx_err_t                          err;
    social_s3_error_body_t             text;       /* of the error, static or
                                                      in the task's pool */

    unsigned                           busy:1;     /* a lock is held */
    unsigned                           done:1;     /* it was committed before:
                                                      to be answered */
    unsigned                           queued:1;   /* with other commits */
    unsigned                           announced:1;
};


/*
 * Creates a task with "size" zeroed bytes, owned by the request, with copies of
 * the key, the conditions and an ID for a commit.  NULL: out of memory.
 */
ngx_http_social_store_change_t *ngx_http_social_store_change_create(
    ngx_http_request_t *r, ngx_http_social_store_request_t *sr, size_t size);

/*
 * Posts the work, and what prepares the commit.  NGX_BUSY: the thread pool's
 * queue is full; it is as it was.
 */
ngx_int_t ngx_http_social_store_change_work(
    ngx_http_social_store_change_t *change);
ngx_int_t ngx_http_social_store_change_commit(
    ngx_http_social_store_change_t *change);

/*
 * The same from a content handler, for a request whose body is of no interest:
 * returns what that has to return.
 */
ngx_int_t ngx_http_social_store_change_start(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change, ngx_uint_t work);

/*
 * Called in a thread: prepare the commit; note an error of the disk.
 */
void ngx_http_social_store_change_prepare(
    ngx_http_social_store_change_t *change);
void ngx_http_social_store_change_failed(
    ngx_http_social_store_change_t *change, ngx_err_t err);

/*
 * Copies what outlives the request.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_store_change_copy(
    ngx_http_social_store_change_t *change, social_str_t *to,
    social_str_t from);

/*
 * The headers that are kept with an object, as a block of its metadata, and
 * its type.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_store_change_kept(
    ngx_http_social_store_change_t *change,
    ngx_http_social_store_request_t *sr, social_str_t *block);
ngx_int_t ngx_http_social_store_change_type(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change, social_str_t *type);

/*
 * Frees a change that no thread has and that is not queued.
 */
void ngx_http_social_store_change_free(
    ngx_http_social_store_change_t *change);

/*
 * Answers with an XML document in "b", whose memory is the request's.
 */
ngx_int_t ngx_http_social_store_xml(ngx_http_request_t *r, social_buf_t *b);


#endif /* NGX_HTTP_SOCIAL_STORE_CHANGE_H */
