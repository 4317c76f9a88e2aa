
/*
 * The embedded store: answers whose length is not known before they are
 * written, in blocks of a task's pool.
 */

#ifndef NGX_HTTP_SOCIAL_STORE_TEXT_H
#define NGX_HTTP_SOCIAL_STORE_TEXT_H


#include "ngx_http_social_store.h"


/*
 * Zeroed: nothing was written.
 */
typedef struct {
    ngx_chain_t                       *first;
    ngx_chain_t                       *last;
    off_t                              size;
} ngx_http_social_store_text_t;


/*
 * Room for "size" bytes at least: what is left of the last block, or a new
 * one.  Errors are in the rc of what is returned.
 */
social_buf_t ngx_http_social_store_text_room(ngx_pool_t *pool,
    ngx_http_social_store_text_t *text, size_t size);

/*
 * Notes what was written to it.  SOCIAL_FAILED: there was an error.
 */
social_rc_e ngx_http_social_store_text_wrote(
    ngx_http_social_store_text_t *text, social_buf_t *b);

/*
 * Sends "n" texts, the first and last of them not empty, as one XML document.
 * The pool has to live as long as the request.  What a content handler
 * returns.
 */
ngx_int_t ngx_http_social_store_text_send(ngx_http_request_t *r,
    ngx_http_social_store_text_t *texts, ngx_uint_t n);


#endif /* NGX_HTTP_SOCIAL_STORE_TEXT_H */
