
/*
 * "social_status": numbers by route, by issuer and of jobs.
 */

#ifndef NGX_HTTP_SOCIAL_STATUS_ROWS_H
#define NGX_HTTP_SOCIAL_STATUS_ROWS_H


#include "ngx_http_social_status.h"


/*
 * Rows in which anything was counted, in r->pool.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_status_collect_rows(ngx_http_request_t *r,
    ngx_http_social_status_t *status);

/*
 * Write connections and routes; tokens; what the handlers of the module have
 * done; and jobs.
 */
void ngx_http_social_status_routes(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status);
void ngx_http_social_status_tokens(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status);
void ngx_http_social_status_requests(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status);
void ngx_http_social_status_jobs(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status);


#endif /* NGX_HTTP_SOCIAL_STATUS_ROWS_H */
