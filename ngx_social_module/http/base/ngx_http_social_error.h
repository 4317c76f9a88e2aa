
/*
 * JSON bodies for the errors that nginx makes.
 */

#ifndef NGX_HTTP_SOCIAL_ERROR_H
#define NGX_HTTP_SOCIAL_ERROR_H


#include "ngx_http_social.h"


/*
 * Says that the error which a handler is about to return is this module's
 * own, so that its body is JSON whatever "social_json_errors" says.
 * NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_error_own(ngx_http_request_t *r);

/*
 * To be called while locations are merged: every error in this location is
 * the module's own, those too that nginx makes before its handler is called.
 * Does what ngx_http_social_error_use() does.
 */
void ngx_http_social_error_own_location(ngx_conf_t *cf);

/*
 * Adds "Retry-After" (RFC 9110, 10.2.3), in seconds.  NGX_ERROR: out of
 * memory.
 */
ngx_int_t ngx_http_social_error_retry_after(ngx_http_request_t *r,
    time_t seconds);

/*
 * The request's id as it stands in JSON bodies, escaped, in r->pool.
 * NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_error_request_id(ngx_http_request_t *r,
    ngx_str_t *id);

/*
 * To be called while locations are merged by every feature that refuses
 * requests: it has the filters installed.
 */
void ngx_http_social_error_use(ngx_conf_t *cf);


#endif /* NGX_HTTP_SOCIAL_ERROR_H */
