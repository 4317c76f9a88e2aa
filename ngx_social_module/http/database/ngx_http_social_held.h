
/*
 * The rows that statements under way are for: by a hash, since each statement
 * that waits is looked up in each iteration of the event loop.
 */

#ifndef NGX_HTTP_SOCIAL_HELD_H
#define NGX_HTTP_SOCIAL_HELD_H


#include "ngx_http_social_query.h"


typedef struct {
    ngx_queue_t     *buckets;      /* of queries */
    ngx_uint_t       mask;         /* their number is a power of two */
} ngx_http_social_held_t;


/*
 * For "n" statements under way at a time; empty.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_held_init(ngx_http_social_held_t *held,
    ngx_pool_t *pool, ngx_uint_t n);

/*
 * Adds a query that is sent, unless its kind has no "batch", and takes it out
 * where it was added; to be called before it ends.
 */
void ngx_http_social_held_add(ngx_http_social_held_t *held,
    ngx_http_social_query_t *query);
void ngx_http_social_held_remove(ngx_http_social_query_t *query);

/*
 * Whether there is one for the same row, which is named by the last key of both
 * statements.  The kind of "query" has a "batch".
 */
ngx_uint_t ngx_http_social_held_has(ngx_http_social_held_t *held,
    const ngx_http_social_query_t *query);


#endif /* NGX_HTTP_SOCIAL_HELD_H */
