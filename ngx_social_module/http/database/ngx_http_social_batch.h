
/*
 * Many statements of a kind as one, which takes arrays of their parameters.
 */

#ifndef NGX_HTTP_SOCIAL_BATCH_H
#define NGX_HTTP_SOCIAL_BATCH_H


#include "ngx_http_social_connection.h"
#include "ngx_http_social_query.h"


typedef enum {
    NGX_HTTP_SOCIAL_BATCH_DONE = 0,
    NGX_HTTP_SOCIAL_BATCH_ALONE,        /* it was left out, and is to be run
                                           alone */
    NGX_HTTP_SOCIAL_BATCH_LOCKED        /* so is it, and may wait for a lock */
} ngx_http_social_batch_outcome_e;


/*
 * Adds "n" queries of one kind, which has a "batch", to a connection as one
 * statement; the sync is the caller's.  NGX_ERROR: out of memory, or the
 * connection is of no more use.
 */
ngx_int_t ngx_http_social_batch_add(ngx_http_social_connection_t *conn,
    ngx_http_social_query_t **queries, ngx_uint_t n);

/*
 * What became of query number "i" of those, from 0, by the result of the
 * statement.  DONE: "part" is what the result of the query alone would be, as
 * long as "result".
 */
ngx_http_social_batch_outcome_e ngx_http_social_batch_outcome(
    const social_pq_result_t *result, ngx_uint_t i, social_pq_result_t *part);


#endif /* NGX_HTTP_SOCIAL_BATCH_H */
