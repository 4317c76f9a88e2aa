
/*
 * Content handlers' two ends: a request's body as one string, and a response
 * from one.
 */

#ifndef NGX_HTTP_SOCIAL_REPLY_H
#define NGX_HTTP_SOCIAL_REPLY_H


#include "ngx_http_social.h"


/*
 * Called with the whole body, which is in r->pool; it ends the request by
 * ngx_http_finalize_request(), now or later.
 */
typedef void (*ngx_http_social_body_pt)(ngx_http_request_t *r,
    social_str_t body);


/*
 * To be returned from a content handler: reads the body, of "max" bytes at
 * most, and calls "handler".  A larger one is answered with 413.
 */
ngx_int_t ngx_http_social_read_body(ngx_http_request_t *r, size_t max,
    ngx_http_social_body_pt handler);

/*
 * To be called while locations are merged, for a location whose handler reads
 * bodies so: they are kept in memory, and none is larger than "max" bytes,
 * or than what "client_max_body_size" allows.
 */
void ngx_http_social_read_body_location(ngx_conf_t *cf, size_t max);

/*
 * The body of a request that has been read, in r->pool.  NGX_OK, or a status:
 * 413 if it is larger than "max" bytes.
 */
ngx_int_t ngx_http_social_body(ngx_http_request_t *r, size_t max,
    ngx_str_t *body);

/*
 * Sends a whole answer.  "body" and "type" live as long as the request.
 * Returns what is for ngx_http_finalize_request(), or for a content handler
 * to return.
 */
ngx_int_t ngx_http_social_reply(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *body);

/*
 * The same for JSON.
 */
ngx_int_t ngx_http_social_reply_json(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *body);

/*
 * 422 with one bad field, {"message":"...","errors":{"FIELD":"WHY"},
 * "requestId":"..."}; both are ASCII without quotes.
 */
ngx_int_t ngx_http_social_reply_field(ngx_http_request_t *r,
    const char *field, const char *why);

/*
 * 405 with "Allow", the methods that there are (RFC 9110, 15.5.6).
 */
ngx_int_t ngx_http_social_reply_not_allowed(ngx_http_request_t *r,
    const char *methods);

/*
 * 401, for a handler that requires an identity where "optional" allowed a
 * request without one.
 */
ngx_int_t ngx_http_social_reply_unauthorized(ngx_http_request_t *r);

/*
 * 503 with Retry-After, for an outage of the gateway's services.
 */
ngx_int_t ngx_http_social_reply_unavailable(ngx_http_request_t *r);


#endif /* NGX_HTTP_SOCIAL_REPLY_H */
