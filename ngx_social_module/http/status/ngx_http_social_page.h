
/*
 * "social_status html": the page for people.
 */

#ifndef NGX_HTTP_SOCIAL_PAGE_H
#define NGX_HTTP_SOCIAL_PAGE_H


#include "ngx_http_social.h"


typedef struct {
    ngx_str_t   text;
    ngx_str_t   policy;          /* Content-Security-Policy */
} ngx_http_social_page_t;


/*
 * The page, in cf->pool, and the policy that allows its own script and style,
 * and to ask its own server, but nothing else.  NULL: out of memory, or OpenSSL
 * failed.
 */
ngx_http_social_page_t *ngx_http_social_page_create(ngx_conf_t *cf);

/*
 * Sends it.  Returns what is for a content handler to return.
 */
ngx_int_t ngx_http_social_page_reply(ngx_http_request_t *r,
    ngx_http_social_page_t *page);


#endif /* NGX_HTTP_SOCIAL_PAGE_H */
