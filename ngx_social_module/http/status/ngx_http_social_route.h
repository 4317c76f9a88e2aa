
/*
 * Requests by route: a location's name, or that of "social_status_route".
 */

#ifndef NGX_HTTP_SOCIAL_ROUTE_H
#define NGX_HTTP_SOCIAL_ROUTE_H


#include "ngx_http_social_counters.h"


/*
 * Has requests counted; after the configuration was read, where anything is
 * counted.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_route_init(ngx_conf_t *cf);

/*
 * The label of codes[i] in ngx_http_social_route_counts_t: "200", or "2xx" for
 * those of the class that have no count of their own.
 */
const char *ngx_http_social_route_code(ngx_uint_t i);


/* ngx_http_social_status_module.c */

/*
 * The row of the request's location, or NULL.
 */
ngx_http_social_row_t *ngx_http_social_route_of(ngx_http_request_t *r);


#endif /* NGX_HTTP_SOCIAL_ROUTE_H */
