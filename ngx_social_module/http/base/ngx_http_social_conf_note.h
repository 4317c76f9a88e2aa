
/*
 * Where settings stand in the configuration, for what explains them.
 */

#ifndef NGX_HTTP_SOCIAL_CONF_NOTE_H
#define NGX_HTTP_SOCIAL_CONF_NOTE_H


#include "ngx_http_social_conf.h"


/*
 * Whether this process is to explain its configuration and then to exit:
 * "nginx -t" with the variable SOCIAL_EXPLAIN in its environment, as
 * social-explain starts it.
 */
ngx_uint_t ngx_http_social_explaining(void);

/*
 * Keeps the position of the directive that is being parsed under "key", the
 * address of what it sets; of one key, the last one.  Does nothing in any other
 * process than one that explains.  Without memory nothing is kept.
 */
void ngx_http_social_conf_note(ngx_conf_t *cf, const void *key);

/*
 * The position noted under "key", or NULL.
 */
ngx_http_social_position_t *ngx_http_social_conf_noted(const void *key);


#endif /* NGX_HTTP_SOCIAL_CONF_NOTE_H */
