
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
    ngx_atomic_t                      subjects;   /* raised with a subject */
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
 * Changes with every revocation of a subject, by which all tokens have to be
 * verified again: a cached verdict knows its session, and not its subject.
 * To cache a verdict, read it before social_revocations_has(); 0 where nothing
 * can be revoked.
 */
uint32_t ngx_http_social_revocations_subjects(ngx_http_request_t *r);

/*
 * Whether tokens are accepted in the request's location before revocations
 * were loaded once: 1 or 0, by "social_revocations".
 */
ngx_uint_t ngx_http_social_revocations_open(ngx_http_request_t *r);


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
} ngx_http_social_revoked_t;

void ngx_http_social_revocations_add(
    ngx_http_social_revocation_main_conf_t *rmcf,
    ngx_http_social_revoked_t *revoked, ngx_uint_t n);

/*
 * Before and after everything that holds is added, for the revocation
 * listener: see social_revocations_load_begin().  After "end" the set counts
 * as loaded.
 */
uint64_t ngx_http_social_revocations_load_begin(
    ngx_http_social_revocation_main_conf_t *rmcf);
void ngx_http_social_revocations_load_end(
    ngx_http_social_revocation_main_conf_t *rmcf, uint64_t load);


#endif /* NGX_HTTP_SOCIAL_REVOCATION_H */
