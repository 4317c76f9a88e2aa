
/*
 * Requests by route: a location's name, or that of "social_status_route".
 */

#ifndef NGX_HTTP_SOCIAL_ROUTE_H
#define NGX_HTTP_SOCIAL_ROUTE_H


#include "ngx_http_social_counters.h"


/*
 * The label of codes[i] in ngx_http_social_route_counts_t: "200", or "2xx" for
 * those of the class that have no count of their own.
 */
const char *ngx_http_social_route_code(ngx_uint_t i);


#endif /* NGX_HTTP_SOCIAL_ROUTE_H */
