
/*
 * The embedded store: memory that small objects are read into and sent from.
 *
 * It is used again and again: memory of this size that is new for each request
 * takes the kernel longer to provide than the object takes to be read.
 */

#ifndef NGX_HTTP_SOCIAL_STORE_BUFFER_H
#define NGX_HTTP_SOCIAL_STORE_BUFFER_H


#include "ngx_http_social_store.h"


/* metadata, and after it all of an object that is kept with it */

#define NGX_HTTP_SOCIAL_STORE_BUFFER                                          \
    (SOCIAL_STORE_META_SIZE + SOCIAL_NET_COMMIT_INLINE)


/*
 * Takes a buffer of NGX_HTTP_SOCIAL_STORE_BUFFER bytes, for the event loop.
 * NULL: out of memory.  It is to be given back by one of the next two.
 */
u_char *ngx_http_social_store_buffer_take(void);

void ngx_http_social_store_buffer_give(u_char *buffer);

/*
 * Has it be given back at the end of the request, whose response is made of
 * it.  NGX_ERROR: out of memory, and it is still the caller's.
 */
ngx_int_t ngx_http_social_store_buffer_keep(ngx_http_request_t *r,
    u_char *buffer);


#endif /* NGX_HTTP_SOCIAL_STORE_BUFFER_H */
