
/*
 * What the two directives about signed URLs share.
 */

#ifndef NGX_HTTP_SOCIAL_SIGNED_H
#define NGX_HTTP_SOCIAL_SIGNED_H


#include "ngx_http_social.h"


/*
 * The name of a cookie, for a table of parameters (RFC 6265, 4.1.1).
 */
extern const ngx_http_social_conf_check_t  ngx_http_social_signed_cookie;


#endif /* NGX_HTTP_SOCIAL_SIGNED_H */
