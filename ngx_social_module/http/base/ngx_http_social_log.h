
/*
 * What a request adds to its lines in the error log, without secrets.
 */

#ifndef NGX_HTTP_SOCIAL_LOG_H
#define NGX_HTTP_SOCIAL_LOG_H


#include "ngx_http_social.h"


/*
 * Replaces nginx's own r->log_handler: server, method and path,
 * upstream and host, but never arguments, which may hold tokens or
 * signatures, and never the Referer, which may repeat them.  Writes at most
 * "len" bytes at "buf" and returns the end of what it wrote.
 */
u_char *ngx_http_social_log_error_handler(ngx_http_request_t *r,
    ngx_http_request_t *sr, u_char *buf, size_t len);


#endif /* NGX_HTTP_SOCIAL_LOG_H */
