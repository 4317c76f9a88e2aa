
/*
 * The one shared zone.  It outlives reloads and killed workers, so what lies
 * in it has a layout version, and is guarded by nothing but the slab pool's
 * own mutex, which nginx frees when its holder dies.
 */

#ifndef NGX_HTTP_SOCIAL_ZONE_H
#define NGX_HTTP_SOCIAL_ZONE_H


#include "ngx_http_social.h"


/* raised with every change of anything that lies in the zone */
#define NGX_HTTP_SOCIAL_ZONE_VERSION  10


typedef enum {
    NGX_HTTP_SOCIAL_ZONE_KEYS = 0,
    NGX_HTTP_SOCIAL_ZONE_TOKENS,
    NGX_HTTP_SOCIAL_ZONE_REVOCATIONS,
    NGX_HTTP_SOCIAL_ZONE_STORE,
    NGX_HTTP_SOCIAL_ZONE_USERS,
    NGX_HTTP_SOCIAL_ZONE_EVENTS,
    NGX_HTTP_SOCIAL_ZONE_COUNTERS,
    NGX_HTTP_SOCIAL_ZONE_CREDENTIALS,
    NGX_HTTP_SOCIAL_ZONE_LIMITS,
    NGX_HTTP_SOCIAL_ZONE_CHECKS,
    NGX_HTTP_SOCIAL_ZONE_DRAIN,
    NGX_HTTP_SOCIAL_ZONE_PROOFS,
    NGX_HTTP_SOCIAL_ZONE_PARTS
} ngx_http_social_zone_part_e;


typedef struct {
    ngx_uint_t            version;
    void                 *parts[NGX_HTTP_SOCIAL_ZONE_PARTS];
} ngx_http_social_zone_sh_t;


/*
 * Called in the master when the zone is mapped, at start and at every reload;
 * on a reload "*part" is what the last call left there, and the workers of
 * the old configuration are still using it.  The slab pool is not locked.
 * NGX_ERROR stops the start; the handler has logged why.
 */
typedef ngx_int_t (*ngx_http_social_zone_init_pt)(ngx_slab_pool_t *shpool,
    void **part, void *data, ngx_log_t *log);


/* ngx_http_social_module.c */

/*
 * Has "init" called for its part of the zone, which is added where no
 * directive did.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_zone_add_part(ngx_conf_t *cf,
    ngx_http_social_zone_part_e part, ngx_http_social_zone_init_pt init,
    void *data);


/* ngx_http_social_zone.c */

/*
 * Adds the zone to the configuration, as that module's.  NULL: out of memory,
 * or another module owns that name; already logged.
 */
ngx_shm_zone_t *ngx_http_social_zone_add(ngx_conf_t *cf, ngx_str_t *name,
    size_t size, ngx_module_t *module);

/*
 * Has "init" called for its part of the zone.
 */
void ngx_http_social_zone_set_part(ngx_shm_zone_t *zone,
    ngx_http_social_zone_part_e part, ngx_http_social_zone_init_pt init,
    void *data);


#endif /* NGX_HTTP_SOCIAL_ZONE_H */
