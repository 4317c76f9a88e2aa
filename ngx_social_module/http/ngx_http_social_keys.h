
/*
 * The keys of each issuer: fetched by one worker for all, kept as JSON in the
 * shared zone, parsed once in every worker.
 */

#ifndef NGX_HTTP_SOCIAL_KEYS_H
#define NGX_HTTP_SOCIAL_KEYS_H


#include "ngx_http_social_issuer.h"


typedef struct ngx_http_social_waiter_s  ngx_http_social_waiter_t;

struct ngx_http_social_waiter_s {
    ngx_queue_t              queue;
    ngx_http_social_keys_t  *keys;      /* set by ngx_http_social_keys_wait() */
    void                   (*handler)(ngx_http_social_waiter_t *waiter);
    void                    *data;
};


/*
 * Reads "jwks_file" at configuration time.  NGX_CONF_ERROR: it is not there
 * or has no usable key; already logged.
 */
char *ngx_http_social_keys_from_file(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer);

/*
 * Gives the issuers with a "jwks_uri" their place in the zone, and in every
 * worker their refresh timer.  NGX_ERROR: already logged.
 */
ngx_int_t ngx_http_social_keys_init(ngx_conf_t *cf, ngx_array_t *issuers);
ngx_int_t ngx_http_social_keys_init_process(ngx_cycle_t *cycle,
    ngx_array_t *issuers);

/*
 * The keys to judge by now, or NULL when none were ever loaded or the last
 * ones are older than "jwks_stale".  Valid until the next call for the same
 * issuer: not to be kept.
 */
social_jwks_t *ngx_http_social_keys_current(ngx_http_social_issuer_t *issuer);

/*
 * The number of the keys that ngx_http_social_keys_current() has just given;
 * never 0 when it gave some.  It changes whenever they do, and no other keys
 * of this issuer ever have it again for as long as the zone lives, whichever
 * way they come and whatever is reloaded: what was found out by these keys
 * can be remembered under it.
 */
uint64_t ngx_http_social_keys_generation(ngx_http_social_issuer_t *issuer);

/*
 * Asks for newer keys, for a token whose key is not among the current ones.
 * NGX_AGAIN: they are on their way, and "waiter->handler" will be called once
 * when they came, failed to come, or took too long.  NGX_DECLINED: they were
 * asked for only just now, or too many are waiting already.
 */
ngx_int_t ngx_http_social_keys_wait(ngx_http_social_issuer_t *issuer,
    ngx_http_social_waiter_t *waiter);

/*
 * Forgets a waiter whose handler has not been called, and will not be.
 */
void ngx_http_social_keys_forget(ngx_http_social_waiter_t *waiter);


/* ngx_http_social_keys_fetch.c */

/*
 * What lies in the zone for one issuer.  All of it is guarded by the slab
 * pool's mutex, but for "generation" and "loaded", which are read without.
 */

typedef struct {
    u_char                id[32];         /* SHA-256 of what it is for */
    ngx_uint_t            claimed;        /* by a configuration's number */
    time_t                used;           /* when a worker last looked */

    ngx_atomic_t          generation;     /* of json, 0: never loaded */
    ngx_atomic_t          loaded;         /* ngx_time() of the last success */

    ngx_pid_t             owner;          /* who is fetching, 0: nobody */
    ngx_msec_t            lease;          /* until when at most */
    ngx_msec_t            attempted;      /* the start of the last attempt */
    ngx_msec_t            next;           /* when the background may try */
    ngx_uint_t            attempts;
    ngx_uint_t            failures;       /* in a row */

    u_char               *json;
    size_t                len;
} ngx_http_social_keys_slot_t;


struct ngx_http_social_keys_s {
    ngx_http_social_issuer_t     *issuer;
    ngx_slab_pool_t              *shpool;
    ngx_atomic_t                 *generations;  /* the last one, of the zone */
    ngx_http_social_keys_slot_t  *slot;         /* NULL: from a file */
    u_char                        id[32];       /* that the slot must have */
    ngx_thread_pool_t            *thread_pool;

    social_jwks_t                *jwks;         /* owned */
    uint64_t                      generation;   /* of jwks, 0: none */

    ngx_queue_t                   waiters;
    ngx_uint_t                    waiting;
    ngx_event_t                   refresh;
    ngx_event_t                   poll;
};


/*
 * Starts a fetch in a thread, unless one is under way here or in another
 * worker.  With "forced" it may come before its time, but not sooner than
 * "jwks_cooldown" after the last.  NGX_OK: one is under way now;
 * NGX_DECLINED: it is too early; NGX_ERROR: it could not be started.
 */
ngx_int_t ngx_http_social_keys_fetch(ngx_http_social_keys_t *keys,
    ngx_uint_t forced);

/*
 * Whether the slot is still this issuer's: a worker of an old configuration
 * may outlive its claim.  To be called with the slab pool's mutex held.
 */
ngx_uint_t ngx_http_social_keys_own_slot(ngx_http_social_keys_t *keys);

/*
 * Whether a fetch is under way, in whichever worker.
 */
ngx_uint_t ngx_http_social_keys_fetching(ngx_http_social_keys_t *keys);

/*
 * Called in the event loop when this worker's fetch has ended.
 */
void ngx_http_social_keys_wake(ngx_http_social_keys_t *keys);


#endif /* NGX_HTTP_SOCIAL_KEYS_H */
