
/*
 * Every difference between the nginx versions that we build against, from
 * 1.22.1 to current mainline, and nothing else: no other file tests
 * nginx_version.
 */

#ifndef NGX_HTTP_SOCIAL_COMPAT_H
#define NGX_HTTP_SOCIAL_COMPAT_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


#if (nginx_version < 1022001)
#error "ngx_http_social_module needs nginx 1.22.1 or newer"
#endif

#if !(NGX_THREADS)
#error "ngx_http_social_module needs nginx configured with --with-threads"
#endif


/* headers of one name have been a linked list since 1.23.0 */

#if (nginx_version >= 1023000)
#define ngx_http_social_elt_init(h)  (h)->next = NULL
#else
#define ngx_http_social_elt_init(h)  (void) (h)
#endif


#endif /* NGX_HTTP_SOCIAL_COMPAT_H */
