
/*
 * Bodies for the errors that nginx makes: JSON, or what a module has instead.
 */

#ifndef NGX_HTTP_SOCIAL_ERROR_H
#define NGX_HTTP_SOCIAL_ERROR_H


#include "ngx_http_social.h"


/*
 * A body in place of the JSON; both strings live as long as the request.
 */
typedef struct {
    ngx_str_t             type;
    ngx_str_t             body;
} ngx_http_social_error_page_t;

/*
 * Makes the body of an error that nginx, or another module, returned in a
 * location, from r->err_status.  NGX_ERROR: out of memory.
 */
typedef ngx_int_t (*ngx_http_social_error_page_pt)(ngx_http_request_t *r,
    ngx_http_social_error_page_t *page);

/*
 * To be called while locations are merged: all errors in this location have
 * bodies by "handler".  Does what ngx_http_social_error_use() does.
 */
void ngx_http_social_error_pages(ngx_conf_t *cf,
    ngx_http_social_error_page_pt handler);

/*
 * Likewise of all errors of the server that nginx makes before it knows a
 * location: a request line or headers that are malformed or too large.
 */
void ngx_http_social_error_server_pages(ngx_conf_t *cf,
    ngx_http_social_error_page_pt handler);

/*
 * The body of the error of "status" that a handler is about to return, which
 * an "error_page" may still replace.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_error_set_page(ngx_http_request_t *r,
    ngx_uint_t status, ngx_http_social_error_page_t *page);

/*
 * Says that the error which a handler is about to return is this module's
 * own, so that its body is JSON whatever "social_json_errors" says.
 * NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_error_own(ngx_http_request_t *r);

/*
 * Says that the 500 which nginx is about to send, since a callback of this
 * module failed, is to be "status", with JSON.  It may still be replaced by an
 * "error_page" of 500.
 */
void ngx_http_social_error_instead(ngx_http_request_t *r, ngx_uint_t status);

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
