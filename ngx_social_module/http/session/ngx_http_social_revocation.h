
/*
 * Sessions that were ended: the set of them in the shared zone, which every
 * worker reads and one of them keeps up with the database.
 */

#ifndef NGX_HTTP_SOCIAL_REVOCATION_H
#define NGX_HTTP_SOCIAL_REVOCATION_H


#include "ngx_http_social_lease.h"
#include "ngx_http_social_zone.h"
#include "social_revocations.h"
#include "social_session.h"


#define NGX_HTTP_SOCIAL_SERVER_SIZE  128


typedef struct ngx_http_social_listener_s  ngx_http_social_listener_t;


/*
 * What lies in the zone.  "set" is read without a lock; writing it, and all
 * the rest, needs the slab pool's mutex.
 */

typedef struct {
    social_revocations_t             *set;
    ngx_http_social_lease_t           lease;      /* of the listener */
    social_revocations_state_e        said;       /* in the log */
    u_char                            source[32]; /* SHA-256 of the conninfo
                                                     that it was loaded by */
    ngx_atomic_t                      heard;      /* ngx_current_msec when it
                                                     was asked for what is in
                                                     the set; 0: never */

    /* of the last load from a primary */

    u_char                            server[NGX_HTTP_SOCIAL_SERVER_SIZE];
    size_t                            server_len; /* 0: none */
    int64_t                           xmax;       /* of its snapshot */
    int64_t                           keep;       /* until when nothing is to
                                                     be forgotten */
} ngx_http_social_revocation_sh_t;


typedef struct {
    ngx_uint_t                        used;       /* by "social_auth" */
    ngx_slab_pool_t                  *shpool;
    ngx_http_social_revocation_sh_t  *sh;         /* NULL: not configured */
    ngx_http_social_listener_t       *listener;   /* state behind the conf */
} ngx_http_social_revocation_main_conf_t;


extern ngx_module_t  ngx_http_social_revocation_module;


/* ngx_http_social_revocation_module.c */

/*
 * Called while locations are merged wherever tokens are verified: without a
 * call nothing is kept or followed.
 */
void ngx_http_social_revocation_use(ngx_conf_t *cf);

/*
 * The set, or NULL where there is no "social_database" and nothing can be
 * revoked.  How to keep a verdict: see social_revocations_epoch().
 */
social_revocations_t *ngx_http_social_revocations(ngx_http_request_t *r);

/*
 * A number of what "social_revocations" says in the request's location: where
 * it is another, a verdict does not hold.
 */
ngx_uint_t ngx_http_social_revocations_rule(ngx_http_request_t *r);

/*
 * Whether too little is known by that rule to accept a token: revocations were
 * not loaded once, or the database was not heard of for too long.
 */
ngx_uint_t ngx_http_social_revocations_missing(ngx_http_request_t *r);

/*
 * Whether the database was not heard of for some seconds.
 */
ngx_uint_t ngx_http_social_revocations_silent(ngx_http_request_t *r);


/* ngx_http_social_revocation.c */

/*
 * Makes the set in its part of the zone; "data" is the main configuration.
 */
ngx_int_t ngx_http_social_revocation_init_zone(ngx_slab_pool_t *shpool,
    void **part, void *data, ngx_log_t *log);

/*
 * By which conninfo, as a SHA-256, the set is loaded from now on.  What was
 * loaded from another database, before a reload, stays in force, but is not
 * all.
 */
void ngx_http_social_revocations_source(
    ngx_http_social_revocation_main_conf_t *rmcf, const u_char source[32]);

/*
 * Frees the slots of "n" revocations, or more, that are over.
 */
void ngx_http_social_revocations_sweep(
    ngx_http_social_revocation_main_conf_t *rmcf, size_t n);

/*
 * Adds to the set for every worker of this instance; those over at once are
 * passed over, and one with "until" (seconds since the epoch) 0 is taken out.
 * That there is no room, for one or for all, is logged once.
 */
typedef struct {
    u_char                            id[SOCIAL_REVOCATIONS_ID_SIZE];
    int64_t                           until;
    ngx_uint_t                        subject;    /* 1: it is of a subject, and
                                                     of all its sessions */
    int64_t                           before;     /* that began no later */
} ngx_http_social_revoked_t;

void ngx_http_social_revocations_add(
    ngx_http_social_revocation_main_conf_t *rmcf,
    ngx_http_social_revoked_t *revoked, ngx_uint_t n);

/*
 * Before and after everything that holds is added, for the revocation
 * listener: see social_revocations_load_begin().  After "end" the set counts
 * as loaded.
 *
 * "server" is what social_revocations_source() said, empty for a standby, and
 * "xmax" the end of the snapshot of the load.  What is not in a load is only
 * forgotten if it comes from the server that the last one came from, and from
 * no earlier state of it: a standby that is behind, a backup that was restored,
 * and an empty database revoke less than was revoked.
 */
uint64_t ngx_http_social_revocations_load_begin(
    ngx_http_social_revocation_main_conf_t *rmcf);
void ngx_http_social_revocations_load_end(
    ngx_http_social_revocation_main_conf_t *rmcf, uint64_t load,
    ngx_str_t *server, int64_t xmax);

/*
 * The set has all that a primary had when it was asked, at "asked" by
 * ngx_current_msec; and whether that is longer ago than "time" milliseconds.
 */
void ngx_http_social_revocations_heard(
    ngx_http_social_revocation_main_conf_t *rmcf, ngx_msec_t asked);
ngx_uint_t ngx_http_social_revocations_unheard(
    ngx_http_social_revocation_main_conf_t *rmcf, ngx_msec_t time);


#endif /* NGX_HTTP_SOCIAL_REVOCATION_H */
