
/*
 * Secrets by name: of hooks, and of assertions.
 */

#ifndef NGX_HTTP_SOCIAL_SECRET_H
#define NGX_HTTP_SOCIAL_SECRET_H


#include "ngx_http_social.h"


typedef struct {
    ngx_str_t        name;
    social_str_t     values[2];      /* the current and the previous one */
} ngx_http_social_secret_t;


/*
 * The secret of that name, or NULL.  To be called when the whole of the
 * configuration was read: while locations are merged, or later.
 */
ngx_http_social_secret_t *ngx_http_social_secret_find(ngx_conf_t *cf,
    ngx_str_t *name);


#endif /* NGX_HTTP_SOCIAL_SECRET_H */
