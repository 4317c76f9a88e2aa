
/*
 * The embedded store: bodies of requests that are XML.
 *
 * They are read into memory of a task, since nginx would write a larger one to
 * a file on the event loop; a thread decodes and verifies them.
 */

#ifndef NGX_HTTP_SOCIAL_STORE_BODY_H
#define NGX_HTTP_SOCIAL_STORE_BODY_H


#include "ngx_http_social_store.h"


typedef struct {
    size_t                             size;
    size_t                             len;
    u_char                            *data;
    ngx_http_social_store_digest_t     digest;
} ngx_http_social_store_body_t;


/*
 * Whether a body of no more than "max" bytes, chunks not counted, comes with a
 * request.
 */
social_s3_error_e ngx_http_social_store_body_check(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, size_t max);

/*
 * Takes memory of "pool", zeroed before; what else there is has to be freed,
 * also after NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_store_body_init(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, ngx_pool_t *pool,
    ngx_http_social_store_body_t *body);
void ngx_http_social_store_body_free(ngx_http_social_store_body_t *body);

/*
 * Reads what there is, as the handler of ngx_http_read_client_request_body()
 * and of read events.  NGX_OK: it is whole; NGX_AGAIN: "handler" will be
 * called; NGX_DONE: the request was finalized.
 */
ngx_int_t ngx_http_social_store_body_read(ngx_http_request_t *r,
    ngx_http_social_store_body_t *body, ngx_http_event_handler_pt handler);

/*
 * Called in a thread: verifies it; "xml" is a view of it.
 */
social_s3_error_e ngx_http_social_store_body_decode(
    ngx_http_social_store_body_t *body, social_str_t *xml);


#endif /* NGX_HTTP_SOCIAL_STORE_BODY_H */
