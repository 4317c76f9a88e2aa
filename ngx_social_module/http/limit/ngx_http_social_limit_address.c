
/*
 * "$social_limit_address": what of an address is counted.
 */

#include "ngx_http_social_limit.h"


#define NGX_HTTP_SOCIAL_LIMIT_NETWORK  8    /* bytes of an IPv6 address */


/*
 * A client with an IPv6 address has 2^64 of them (RFC 6177; RFC 7934).  Where
 * one socket listens for both, an IPv4 address comes as ::ffff:192.0.2.1.
 */

ngx_int_t
ngx_http_social_limit_address(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_connection_t     *c;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    c = r->connection;

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    switch (c->sockaddr->sa_family) {

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) c->sockaddr;

        v->data = sin6->sin6_addr.s6_addr;
        v->len = NGX_HTTP_SOCIAL_LIMIT_NETWORK;

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            v->data += 12;
            v->len = sizeof(in_addr_t);
        }

        break;
#endif

    case AF_INET:
        sin = (struct sockaddr_in *) c->sockaddr;

        v->data = (u_char *) &sin->sin_addr;
        v->len = sizeof(in_addr_t);
        break;

    default:
        v->data = c->addr_text.data;
        v->len = c->addr_text.len;
    }

    return NGX_OK;
}
