
/*
 * Draining: a gateway that is about to end says so first, by a file, so that
 * its load balancers send no more connections.
 */

#ifndef NGX_HTTP_SOCIAL_DRAIN_H
#define NGX_HTTP_SOCIAL_DRAIN_H


#include "ngx_http_social_task.h"


/*
 * Called with whether this gateway is draining; it ends the request by
 * ngx_http_finalize_request().
 */
typedef void (*ngx_http_social_drain_pt)(ngx_http_request_t *r,
    ngx_uint_t draining);


typedef struct {
    ngx_str_t                     path;        /* empty: there is no file */
    ngx_thread_pool_t            *thread_pool;
    ngx_atomic_t                 *draining;    /* in the zone */
} ngx_http_social_drain_t;


/*
 * While locations are merged: one of them says whether this gateway drains,
 * by the file "path", or by none.  NGX_DECLINED: another location has another
 * file; NGX_ERROR: out of memory, already logged.
 */
ngx_int_t ngx_http_social_drain_use(ngx_conf_t *cf,
    ngx_http_social_drain_t *drain, ngx_str_t *path);

/*
 * When the whole of the configuration was read.  NGX_ERROR: already logged.
 */
ngx_int_t ngx_http_social_drain_init(ngx_conf_t *cf,
    ngx_http_social_drain_t *drain);

/*
 * Looks for the file, in a thread, and calls "handler"; to be returned from a
 * content handler.
 */
ngx_int_t ngx_http_social_drain_ask(ngx_http_request_t *r,
    ngx_http_social_drain_t *drain, ngx_http_social_drain_pt handler);


/* of this process: it answers what it has, and then exits */
#define ngx_http_social_drain_exiting()  (ngx_exiting || ngx_quit)


#endif /* NGX_HTTP_SOCIAL_DRAIN_H */
