
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


/*
 * servers of an upstream block that are resolved again while nginx runs, since
 * 1.27.3: what their peers are made from, and a number that says that peers
 * have changed
 */

#if (NGX_HTTP_UPSTREAM_ZONE && nginx_version >= 1027003)
#define ngx_http_social_peers_resolve(peers)  (peers)->resolve
#define ngx_http_social_peers_number(peers)                                   \
    ((peers)->config ? *(peers)->config : 0)
#else
#define ngx_http_social_peers_resolve(peers)  NULL
#define ngx_http_social_peers_number(peers)   ((void) (peers), 0)
#endif


/* a peer that gets only the requests of clients that it has already */

#ifdef NGX_HTTP_UPSTREAM_DRAINING
#define NGX_HTTP_SOCIAL_PEER_DRAINING  NGX_HTTP_UPSTREAM_DRAINING
#else
#define NGX_HTTP_SOCIAL_PEER_DRAINING  0
#endif


#endif /* NGX_HTTP_SOCIAL_COMPAT_H */
