
/*
 * Uploads in parts: what the gateway asks S3 for.
 */

#ifndef NGX_HTTP_SOCIAL_PRESIGN_PARTS_H
#define NGX_HTTP_SOCIAL_PRESIGN_PARTS_H


#include "ngx_http_social_presign.h"
#include "social_companion.h"


/*
 * A request; its context is that of the module.
 */
typedef struct {
    ngx_http_social_presign_ctx_t   ctx;
    social_companion_t              ask;
    ngx_str_t                       key;
    social_str_t                    type;

    /* a list, as it grows */
    ngx_array_t                     pages;     /* of ngx_str_t: JSON */
    size_t                          length;
    unsigned                        after;     /* part-number-marker */

    /* what is to be completed */
    unsigned                       *parts;
    size_t                          count;
    size_t                          found;     /* of them, in order */
    int64_t                         size;
    social_str_t                    xml;
} ngx_http_social_multipart_t;


/* ngx_http_social_presign_parts.c */

/*
 * Begin an upload, whose row is written; list its parts; complete it, if it is
 * not larger than is accepted; and abort it.  Each answers the request: returns
 * NGX_DONE, or what is for ngx_http_finalize_request().
 */
ngx_int_t ngx_http_social_parts_create(ngx_http_request_t *r);
ngx_int_t ngx_http_social_parts_list(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m);
ngx_int_t ngx_http_social_parts_complete(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m, social_str_t body);
ngx_int_t ngx_http_social_parts_abort(ngx_http_request_t *r,
    ngx_http_social_multipart_t *m);


#endif /* NGX_HTTP_SOCIAL_PRESIGN_PARTS_H */
