
/*
 * What is known of peers, in the zone: lists that are whole at each moment,
 * since a process may be killed in any.
 */

#include "ngx_http_social_check.h"


#define ngx_http_social_check_bucket(sh, key)                                 \
    &(sh)->buckets[(key) % NGX_HTTP_SOCIAL_CHECK_BUCKETS]


ngx_int_t
ngx_http_social_check_init_zone(ngx_slab_pool_t *shpool, void **part,
    void *data, ngx_log_t *log)
{
    ngx_http_social_check_main_conf_t  *cmcf = data;

    if (*part == NULL) {
        *part = ngx_slab_calloc(shpool, sizeof(ngx_http_social_check_sh_t));
    }

    if (*part == NULL) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "social: no room for health checks%s: increase "
                      "\"social_zone\"", shpool->log_ctx);
        return NGX_ERROR;
    }

    cmcf->shpool = shpool;
    cmcf->sh = *part;

    return NGX_OK;
}


uint32_t
ngx_http_social_check_key(ngx_str_t *upstream, struct sockaddr *sockaddr,
    socklen_t socklen)
{
    uint32_t              key;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif
    struct sockaddr_in   *sin;

    ngx_crc32_init(key);
    ngx_crc32_update(&key, upstream->data, upstream->len);

    /* what ngx_cmp_sockaddr() compares, and no padding */

    switch (sockaddr->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sockaddr;
        ngx_crc32_update(&key, (u_char *) &sin->sin_addr, 4);
        ngx_crc32_update(&key, (u_char *) &sin->sin_port, 2);
        break;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sockaddr;
        ngx_crc32_update(&key, (u_char *) &sin6->sin6_addr, 16);
        ngx_crc32_update(&key, (u_char *) &sin6->sin6_port, 2);
        break;
#endif

    default:

        /* AF_UNIX: the paths of a bucket are compared */

        break;
    }

    ngx_crc32_final(key);

    return key;
}


ngx_http_social_check_slot_t *
ngx_http_social_check_slot_find(ngx_http_social_check_sh_t *sh,
    ngx_str_t *upstream, struct sockaddr *sockaddr, socklen_t socklen)
{
    uint32_t                       key;
    ngx_http_social_check_slot_t  *slot;

    key = ngx_http_social_check_key(upstream, sockaddr, socklen);

    for (slot = *ngx_http_social_check_bucket(sh, key);
         slot;
         slot = slot->next)
    {
        if (slot->key == key
            && slot->upstream.len == upstream->len
            && ngx_memcmp(slot->upstream.data, upstream->data, upstream->len)
               == 0
            && ngx_cmp_sockaddr(&slot->sockaddr.sockaddr, slot->socklen,
                                sockaddr, socklen, 1)
               == NGX_OK)
        {
            return slot;
        }
    }

    return NULL;
}


ngx_http_social_check_slot_t *
ngx_http_social_check_slot_get(ngx_http_social_check_main_conf_t *cmcf,
    ngx_str_t *upstream, ngx_http_social_check_peer_t *peer)
{
    u_char                         *p;
    ngx_http_social_check_slot_t   *slot, **bucket;

    slot = ngx_http_social_check_slot_find(cmcf->sh, upstream,
                                           &peer->sockaddr.sockaddr,
                                           peer->socklen);
    if (slot != NULL) {
        return slot;
    }

    slot = ngx_slab_calloc_locked(cmcf->shpool,
                                  sizeof(ngx_http_social_check_slot_t)
                                  + upstream->len + peer->name.len);
    if (slot == NULL) {
        return NULL;
    }

    p = (u_char *) slot + sizeof(ngx_http_social_check_slot_t);

    slot->upstream.len = upstream->len;
    slot->upstream.data = p;
    p = ngx_cpymem(p, upstream->data, upstream->len);

    slot->name.len = peer->name.len;
    slot->name.data = p;
    ngx_memcpy(p, peer->name.data, peer->name.len);

    slot->sockaddr = peer->sockaddr;
    slot->socklen = peer->socklen;
    slot->key = ngx_http_social_check_key(upstream, &peer->sockaddr.sockaddr,
                                          peer->socklen);
    slot->due = ngx_current_msec;

    bucket = ngx_http_social_check_bucket(cmcf->sh, slot->key);

    slot->next = *bucket;
    *bucket = slot;

    return slot;
}


void
ngx_http_social_check_slots_sweep(ngx_http_social_check_main_conf_t *cmcf)
{
    ngx_uint_t                      i;
    ngx_http_social_check_slot_t   *slot, **next;

    for (i = 0; i < NGX_HTTP_SOCIAL_CHECK_BUCKETS; i++) {

        next = &cmcf->sh->buckets[i];

        while (*next) {
            slot = *next;

            if ((ngx_msec_int_t) (ngx_current_msec - slot->seen)
                <= NGX_HTTP_SOCIAL_CHECK_FORGET)
            {
                next = &slot->next;
                continue;
            }

            *next = slot->next;
            ngx_slab_free_locked(cmcf->shpool, slot);
        }
    }
}
