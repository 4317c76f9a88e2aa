
/*
 * Content handlers of locations.
 */

#ifndef NGX_HTTP_SOCIAL_CONTENT_H
#define NGX_HTTP_SOCIAL_CONTENT_H


#include "ngx_http_social.h"


/*
 * A member of the location configuration of every module whose directive sets
 * a content handler, zeroed when that is created.
 */

typedef struct {
    ngx_http_handler_pt         handler;     /* NULL: none of the module's */
    ngx_str_t                   directive;
    ngx_http_social_position_t  position;
} ngx_http_social_content_t;


/*
 * Sets the content handler of the location for the current directive, and
 * notes its position.  NGX_CONF_ERROR: the directive is duplicate, or another
 * one has set a handler; already logged.
 */
char *ngx_http_social_content_set(ngx_conf_t *cf,
    ngx_http_social_content_t *content, ngx_http_handler_pt handler);

/*
 * Merges "content" of a location with that of its parent, as nginx's own
 * modules do: an "if" or a "limit_except" without a handler of its own
 * inherits, a nested location does not.
 *
 * NGX_OK: the directive is set in this location; NGX_DONE: it is inherited,
 * and so is to be the rest of the module's configuration; NGX_DECLINED:
 * neither; NGX_ERROR: a later directive has set another handler, already
 * logged.
 */
ngx_int_t ngx_http_social_content_merge(ngx_conf_t *cf,
    ngx_http_social_content_t *parent, ngx_http_social_content_t *content);


#endif /* NGX_HTTP_SOCIAL_CONTENT_H */
