
/*
 * The peers of an upstream block, in its zone.
 *
 * Our mark is a bit of "down": each balancer of nginx passes over a peer where
 * that is not 0, and nginx itself only ever reads it, or copies it from the
 * pattern of a name ("resolve") to the peers that are made from it.  "tries"
 * is how many peers of a list are not down, and nginx subtracts a peer that it
 * removes as "down" says then: so it is kept right.
 */

#include "ngx_http_social_check.h"


#if (NGX_HTTP_UPSTREAM_ZONE)

static void ngx_http_social_check_mark_peer(
    ngx_http_upstream_rr_peers_t *peers, ngx_http_upstream_rr_peer_t *peer,
    ngx_uint_t down);


/*
 * What an operator has taken out is not checked.
 */

ngx_array_t *
ngx_http_social_check_peers(ngx_http_social_check_conf_t *conf,
    ngx_pool_t *pool)
{
    ngx_array_t                   *found;
    ngx_http_social_check_peer_t  *p;
    ngx_http_upstream_rr_peer_t   *peer;
    ngx_http_upstream_rr_peers_t  *peers;

    found = ngx_array_create(pool, 16, sizeof(ngx_http_social_check_peer_t));
    if (found == NULL) {
        return NULL;
    }

    for (peers = conf->upstream->peer.data; peers; peers = peers->next) {

        ngx_http_upstream_rr_peers_rlock(peers);

        for (peer = peers->peer; peer; peer = peer->next) {

            if (peer->down & ~(ngx_uint_t) (NGX_HTTP_SOCIAL_CHECK_DOWN
                                            |NGX_HTTP_SOCIAL_PEER_DRAINING))
            {
                continue;
            }

            p = ngx_array_push(found);
            if (p == NULL) {
                goto failed;
            }

            p->socklen = ngx_min(peer->socklen,
                                 (socklen_t) sizeof(ngx_sockaddr_t));
            ngx_memzero(&p->sockaddr, sizeof(ngx_sockaddr_t));
            ngx_memcpy(&p->sockaddr, peer->sockaddr, p->socklen);

            p->name.len = peer->name.len;
            p->name.data = ngx_pstrdup(pool, &peer->name);
            if (p->name.data == NULL) {
                goto failed;
            }
        }

        ngx_http_upstream_rr_peers_unlock(peers);
    }

    return found;

failed:

    ngx_http_upstream_rr_peers_unlock(peers);

    return NULL;
}


/*
 * One word, which all lists of an upstream share.
 */

ngx_uint_t
ngx_http_social_check_peers_number(ngx_http_social_check_conf_t *conf)
{
    ngx_http_upstream_rr_peers_t  *peers;

    peers = conf->upstream->peer.data;

    return ngx_http_social_peers_number(peers);
}


void
ngx_http_social_check_mark(ngx_http_social_check_conf_t *conf,
    struct sockaddr *sockaddr, socklen_t socklen, ngx_uint_t down)
{
    ngx_http_upstream_rr_peer_t   *peer;
    ngx_http_upstream_rr_peers_t  *peers;

    for (peers = conf->upstream->peer.data; peers; peers = peers->next) {

        ngx_http_upstream_rr_peers_wlock(peers);

        for (peer = peers->peer; peer; peer = peer->next) {

            if (ngx_cmp_sockaddr(peer->sockaddr, peer->socklen, sockaddr,
                                 socklen, 1)
                == NGX_OK)
            {
                ngx_http_social_check_mark_peer(peers, peer, down);
            }
        }

        ngx_http_upstream_rr_peers_unlock(peers);
    }
}


/*
 * A peer that is well again is not held back by what nginx has seen of it
 * before.
 */

static void
ngx_http_social_check_mark_peer(ngx_http_upstream_rr_peers_t *peers,
    ngx_http_upstream_rr_peer_t *peer, ngx_uint_t down)
{
    ngx_uint_t  was;

    was = peer->down;

    if (down) {
        peer->down |= NGX_HTTP_SOCIAL_CHECK_DOWN;

    } else {
        peer->down &= ~(ngx_uint_t) NGX_HTTP_SOCIAL_CHECK_DOWN;
    }

    if (peer->down == was) {
        return;
    }

    peers->tries += (peer->down == 0);
    peers->tries -= (was == 0);

    if (!down) {
        peer->fails = 0;
        peer->effective_weight = peer->weight;
    }
}


ngx_uint_t
ngx_http_social_check_usable(ngx_http_social_check_conf_t *conf,
    struct sockaddr *sockaddr, socklen_t socklen)
{
    ngx_uint_t                     n;
    ngx_http_upstream_rr_peer_t   *peer;
    ngx_http_upstream_rr_peers_t  *peers;

    n = 0;

    for (peers = conf->upstream->peer.data; peers; peers = peers->next) {

        ngx_http_upstream_rr_peers_rlock(peers);

        for (peer = peers->peer; peer; peer = peer->next) {

            if (peer->down == 0
                && (sockaddr == NULL
                    || ngx_cmp_sockaddr(peer->sockaddr, peer->socklen,
                                        sockaddr, socklen, 1)
                       == NGX_OK))
            {
                n++;
            }
        }

        ngx_http_upstream_rr_peers_unlock(peers);
    }

    return n;
}


void
ngx_http_social_check_restore(ngx_http_social_check_main_conf_t *cmcf,
    ngx_http_social_check_conf_t *conf)
{
    social_health_e                state;
    ngx_http_upstream_rr_peer_t   *peer;
    ngx_http_upstream_rr_peers_t  *peers;
    ngx_http_social_check_slot_t  *slot;

    for (peers = conf->upstream->peer.data; peers; peers = peers->next) {

        ngx_http_upstream_rr_peers_wlock(peers);

        for (peer = peers->peer; peer; peer = peer->next) {

            ngx_shmtx_lock(&cmcf->shpool->mutex);

            slot = ngx_http_social_check_slot_find(cmcf->sh,
                                                   &conf->upstream->host,
                                                   peer->sockaddr,
                                                   peer->socklen);
            state = slot ? slot->health.state : SOCIAL_HEALTH_UNKNOWN;

            ngx_shmtx_unlock(&cmcf->shpool->mutex);

            if (state == SOCIAL_HEALTH_DOWN
                || (state == SOCIAL_HEALTH_UNKNOWN && conf->mandatory))
            {
                ngx_http_social_check_mark_peer(peers, peer, 1);
            }
        }

        if (conf->mandatory) {

            for (peer = ngx_http_social_peers_resolve(peers);
                 peer;
                 peer = peer->next)
            {
                peer->down |= NGX_HTTP_SOCIAL_CHECK_DOWN;
            }
        }

        ngx_http_upstream_rr_peers_unlock(peers);
    }
}


#else

/* the directive is refused */

ngx_array_t *
ngx_http_social_check_peers(ngx_http_social_check_conf_t *conf,
    ngx_pool_t *pool)
{
    return NULL;
}


ngx_uint_t
ngx_http_social_check_peers_number(ngx_http_social_check_conf_t *conf)
{
    return 0;
}


void
ngx_http_social_check_mark(ngx_http_social_check_conf_t *conf,
    struct sockaddr *sockaddr, socklen_t socklen, ngx_uint_t down)
{
}


ngx_uint_t
ngx_http_social_check_usable(ngx_http_social_check_conf_t *conf,
    struct sockaddr *sockaddr, socklen_t socklen)
{
    return 0;
}


void
ngx_http_social_check_restore(ngx_http_social_check_main_conf_t *cmcf,
    ngx_http_social_check_conf_t *conf)
{
}

#endif
