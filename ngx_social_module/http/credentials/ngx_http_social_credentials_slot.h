
/*
 * What a source has in the shared zone, for the files of this folder.
 *
 * A slot has two values, and its generation says which one is good: one that is
 * published is written beside the other, and then counted.  A reader copies it
 * and compares the generation again, so that neither readers nor a writer that
 * was killed keep another process waiting.  Writers have the slab pool's mutex.
 */

#ifndef NGX_HTTP_SOCIAL_CREDENTIALS_SLOT_H
#define NGX_HTTP_SOCIAL_CREDENTIALS_SLOT_H


#include "ngx_http_social_credentials.h"
#include "ngx_http_social_lease.h"
#include "ngx_http_social_task.h"
#include "ngx_http_social_zone.h"
#include "social_sigv4.h"


#define NGX_HTTP_SOCIAL_CREDENTIALS_SIZE                                      \
    (SOCIAL_SIGV4_MAX_ACCESS_KEY + SOCIAL_SIGV4_MAX_SECRET                    \
     + SOCIAL_CREDENTIALS_MAX_TOKEN)


typedef struct {
    u_char                   id[32];      /* of the source */
    int64_t                  expires;
    uint32_t                 access_key;  /* lengths; 0: there are none */
    uint32_t                 secret;
    uint32_t                 token;
    u_char                   data[NGX_HTTP_SOCIAL_CREDENTIALS_SIZE];
} ngx_http_social_credentials_value_t;


typedef struct {
    ngx_atomic_t             generation;  /* of values[generation & 1] */

    /* guarded by the slab pool's mutex */

    u_char                   id[32];
    ngx_uint_t               claimed;     /* by a configuration's number */
    time_t                   used;        /* when a worker last looked */
    ngx_http_social_lease_t  lease;       /* of who is fetching */
    ngx_msec_t               next;        /* when to fetch again */
    ngx_uint_t               failures;    /* in a row */
    uint32_t                 complaint;   /* what was last logged of them */

    ngx_http_social_credentials_value_t  values[2];
} ngx_http_social_credentials_slot_t;


/* a value in this process's own memory */

typedef struct {
    ngx_atomic_uint_t                    generation;
    ngx_http_social_credentials_value_t  value;
} ngx_http_social_credentials_own_t;


struct ngx_http_social_credentials_s {
    ngx_str_t                            text;
    ngx_str_t                            region;
    ngx_str_t                            who;
    u_char                               id[32];
    social_net_credentials_source_t     *source;
    social_credentials_t                 start;        /* views of "first" */
    social_net_credentials_t             first;
    ngx_http_social_credentials_own_t   *own;
    ngx_http_social_credentials_slot_t  *slot;         /* NULL: constant */
    ngx_slab_pool_t                     *shpool;
    ngx_thread_pool_t                   *thread_pool;
    ngx_http_social_task_t              *task;         /* under way, or NULL */
    ngx_event_t                          refresh;
};


/* ngx_http_social_credentials_slot.c */

/*
 * Has a slot in the zone for each of the sources that is not constant.
 */
ngx_int_t ngx_http_social_credentials_slots(ngx_conf_t *cf,
    ngx_array_t *sources);

/*
 * Publishes keys, with the slab pool's mutex held.  1: they differ from those
 * before.
 */
ngx_uint_t ngx_http_social_credentials_publish(
    ngx_http_social_credentials_slot_t *slot, const u_char id[32],
    const social_credentials_t *keys);

/*
 * Copies what is published; its generation is returned.
 */
ngx_atomic_uint_t ngx_http_social_credentials_load(
    ngx_http_social_credentials_slot_t *slot,
    ngx_http_social_credentials_value_t *value);

/*
 * Views of a value.
 */
void ngx_http_social_credentials_view(
    const ngx_http_social_credentials_value_t *value,
    social_credentials_t *keys);

/*
 * Whether the slot is still this source's; with the mutex held.
 */
ngx_uint_t ngx_http_social_credentials_own_slot(
    ngx_http_social_credentials_t *c);


/* ngx_http_social_credentials_fetch.c */

/*
 * Begins in a worker what keeps the credentials fresh.
 */
void ngx_http_social_credentials_start(ngx_http_social_credentials_t *c,
    ngx_cycle_t *cycle);


#endif /* NGX_HTTP_SOCIAL_CREDENTIALS_SLOT_H */
