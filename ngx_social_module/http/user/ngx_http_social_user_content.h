
/*
 * "social_user": a user's own row over HTTP, for leaving and for an export.
 */

#ifndef NGX_HTTP_SOCIAL_USER_CONTENT_H
#define NGX_HTTP_SOCIAL_USER_CONTENT_H


#include "ngx_http_social_content.h"
#include "ngx_http_social_user.h"


typedef struct {
    ngx_http_social_content_t   content;
    time_t                      max_age;       /* seconds, of a sign-in */
    time_t                      retention;     /* of a revoked subject */
} ngx_http_social_user_content_loc_conf_t;


extern ngx_module_t  ngx_http_social_user_content_module;


/* ngx_http_social_user_delete.c */

/*
 * Deletes the user of the identity, and ends the request after the commit.
 * Returns what a content handler does.
 */
ngx_int_t ngx_http_social_user_delete(ngx_http_request_t *r,
    ngx_http_social_auth_ctx_t *identity);


/* ngx_http_social_user_export.c */

/*
 * Sends all that is kept of the user of the identity.  Returns what a content
 * handler does.
 */
ngx_int_t ngx_http_social_user_export(ngx_http_request_t *r,
    ngx_http_social_auth_ctx_t *identity);


#endif /* NGX_HTTP_SOCIAL_USER_CONTENT_H */
