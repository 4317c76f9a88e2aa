
/*
 * "spool=" of hooks: events that the database could not take are written to
 * disk, acknowledged, and sent to it later.
 */

#ifndef NGX_HTTP_SOCIAL_HOOK_SPOOL_H
#define NGX_HTTP_SOCIAL_HOOK_SPOOL_H


#include "ngx_http_social_duty.h"
#include "ngx_http_social_task.h"
#include "social_event_file.h"


typedef struct ngx_http_social_hook_spool_sh_s
    ngx_http_social_hook_spool_sh_t;


/*
 * In the zone, found again by its path, and never freed.  "known" is what the
 * process with the lease has found in the directory, "added" what was written,
 * or is being written, since it began to look: no process that dies makes the
 * sum wrong for longer than until the next look.
 */
struct ngx_http_social_hook_spool_sh_s {
    ngx_http_social_hook_spool_sh_t  *next;
    ngx_http_social_lease_t           lease;
    uint64_t                          known;
    uint64_t                          known_bytes;
    uint64_t                          added;
    uint64_t                          added_bytes;
    uint64_t                          aside;
    size_t                            len;
    u_char                            path[1];
};


/*
 * A spool of the configuration, with the state of this process behind it.
 */
typedef struct {
    ngx_str_t                         path;       /* zero-terminated */
    ngx_uint_t                        max_events;
    size_t                            max_size;   /* bytes */
    ngx_http_social_position_t        position;
    ngx_thread_pool_t                *thread_pool;
    ngx_slab_pool_t                  *shpool;
    ngx_http_social_hook_spool_sh_t  *sh;

    ngx_http_social_duty_t            duty;
    ngx_uint_t                        busy;       /* a replay is under way */
    ngx_uint_t                        looked;
    social_event_name_t               cursor;     /* the last one sent in this
                                                     round */
    ngx_uint_t                        progress;   /* in this round */

    /* it was logged: once, until it works again */

    unsigned                          full:1;
    unsigned                          unwritable:1;
    unsigned                          unreadable:1;
} ngx_http_social_hook_spool_t;


typedef struct {
    uint64_t                          events;     /* that wait */
    uint64_t                          bytes;
    uint64_t                          aside;
    ngx_uint_t                        full;
} ngx_http_social_hook_spool_state_t;


/*
 * Called when the event is durable (NGX_OK), or could not be written
 * (NGX_ERROR, already logged).  Not called for a request that has gone.
 */
typedef void (*ngx_http_social_hook_spooled_pt)(ngx_http_request_t *r,
    ngx_int_t rc, void *data);


/* ngx_http_social_hook_spool.c */

/*
 * Adds a spool to the configuration, or finds the one of the same path.  NULL:
 * already logged.
 */
ngx_http_social_hook_spool_t *ngx_http_social_hook_spool_add(ngx_conf_t *cf,
    ngx_http_social_position_t *position, ngx_str_t *path,
    ngx_uint_t max_events, size_t max_size);

/*
 * After the configuration was read: the threads, and the part of the zone.
 */
ngx_int_t ngx_http_social_hook_spool_init(ngx_conf_t *cf);

/*
 * What a spool has, as all processes see it.
 */
void ngx_http_social_hook_spool_state(ngx_http_social_hook_spool_t *spool,
    ngx_http_social_hook_spool_state_t *state);

/*
 * The spools of the request's configuration.
 */
ngx_array_t *ngx_http_social_hook_spools(ngx_http_request_t *r);

/*
 * Writes an event of the user "sub" in a thread; the strings are copied.
 * NGX_OK: the handler will be called, later.  NGX_DECLINED: there is no room,
 * in the spool or in the queue of threads; already logged.  NGX_ERROR: out of
 * memory.
 */
ngx_int_t ngx_http_social_hook_spool_put(ngx_http_request_t *r,
    ngx_http_social_hook_spool_t *spool, social_str_t user_pool,
    social_str_t sub, const social_event_file_t *file,
    ngx_http_social_hook_spooled_pt handler, void *data);


/* ngx_http_social_hook_replay.c */

/*
 * For a process that begins: sends what waits in the spool, when this process
 * is the one that does.
 */
void ngx_http_social_hook_replay_start(ngx_http_social_hook_spool_t *spool,
    ngx_cycle_t *cycle);


#endif /* NGX_HTTP_SOCIAL_HOOK_SPOOL_H */
