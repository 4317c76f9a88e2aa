
/*
 * "social_trace": which trace a request belongs to (W3C Trace Context).
 */

#ifndef NGX_HTTP_SOCIAL_TRACE_H
#define NGX_HTTP_SOCIAL_TRACE_H


#include "ngx_http_social.h"
#include "social_trace.h"


extern ngx_module_t  ngx_http_social_trace_module;


/*
 * The trace of a request, as it is sent on; it lives as long as the request,
 * and is that of its main request.  NULL: "social_trace" is off there, or out
 * of memory or randomness.
 */
const social_trace_t *ngx_http_social_trace(ngx_http_request_t *r);


#endif /* NGX_HTTP_SOCIAL_TRACE_H */
