
/*
 * Users: the row that an identity has in the database.
 *
 * DESIGN.  What is known about an identity, the id of its row or that the user
 * was deleted, is in a table in the zone, for all workers, found by the digest
 * of issuer and subject.  An identity that is not there is asked for, and made
 * where it is missing, by one statement of one worker: it says so in the table
 * first, under the zone's mutex.  Requests of that identity wait for it, here
 * and in other workers, but only a moment; then they go on without an id, and
 * the statement, which belongs to no request, goes on as well.
 *
 * What is known is asked for again when it is old, or when a token says
 * something newer of the user.  No request waits for that.
 */

#ifndef NGX_HTTP_SOCIAL_USER_H
#define NGX_HTTP_SOCIAL_USER_H


#include "ngx_http_social_auth.h"
#include "ngx_http_social_zone.h"
#include "social_token_table.h"


typedef struct ngx_http_social_user_asking_s  ngx_http_social_user_asking_t;


typedef enum {
    NGX_HTTP_SOCIAL_USER_UNKNOWN = 0,
    NGX_HTTP_SOCIAL_USER_ASKED,             /* somebody asks the database */
    NGX_HTTP_SOCIAL_USER_KNOWN,
    NGX_HTTP_SOCIAL_USER_DELETED,
    NGX_HTTP_SOCIAL_USER_FAILED             /* a moment ago: not again yet */
} ngx_http_social_user_state_e;


/* what is known about one identity; times are those of ngx_current_msec */

typedef struct {
    ngx_http_social_user_state_e    state;
    u_char                          id[16];      /* where it is KNOWN */
    ngx_msec_t                      due;         /* to be asked again */
    int64_t                         said;        /* "iat" of the newest token
                                                    whose claims were taken */
} ngx_http_social_user_t;


/* of this process, behind the configuration */

#define NGX_HTTP_SOCIAL_USER_BUCKETS  256

typedef struct {
    ngx_queue_t                     asking[NGX_HTTP_SOCIAL_USER_BUCKETS];
} ngx_http_social_user_state_t;


typedef struct {
    ngx_uint_t                      used;
    ngx_slab_pool_t                *shpool;
    social_token_table_t           *table;       /* in the zone */
    ngx_http_social_user_state_t   *state;
} ngx_http_social_user_main_conf_t;


typedef struct {
    ngx_flag_t                      enable;
    ngx_msec_t                      refresh;
    ngx_msec_t                      wait;
    ngx_http_social_position_t      position;
} ngx_http_social_user_loc_conf_t;


extern ngx_module_t  ngx_http_social_user_module;


/* ngx_http_social_user_known.c */

/*
 * Makes the table in its part of the zone; "data" is the main configuration.
 */
ngx_int_t ngx_http_social_user_init_zone(ngx_slab_pool_t *shpool, void **part,
    void *data, ngx_log_t *log);

/*
 * Looks up the identity of that key, of SOCIAL_SESSION_ID_SIZE bytes; what is
 * too old is UNKNOWN.
 */
void ngx_http_social_user_get(ngx_http_social_user_main_conf_t *umcf,
    const u_char *key, ngx_http_social_user_t *user);

/*
 * The right to ask the database for an identity, for every worker, until it
 * was set or "time" milliseconds are over: of what is KNOWN only if it is due,
 * or if "said" is newer.  1: the caller asks, and then sets what it learned;
 * 0: another one does, or there is no need to; "user" is what is known.
 */
ngx_uint_t ngx_http_social_user_claim(ngx_http_social_user_main_conf_t *umcf,
    const u_char *key, ngx_msec_t time, int64_t said,
    ngx_http_social_user_t *user);

/*
 * Keeps "user" for "time" milliseconds.  Who was deleted here meanwhile is
 * not KNOWN by an answer that was under way, and who is KNOWN stays so when the
 * database FAILED.
 */
void ngx_http_social_user_set(ngx_http_social_user_main_conf_t *umcf,
    const u_char *key, const ngx_http_social_user_t *user, ngx_msec_t time);


/* ngx_http_social_user_sync.c */

/*
 * In PRECONTENT, before identity headers: NGX_DECLINED, with the id of the row
 * in the identity where it is known; NGX_AGAIN: the request waits; or 403, of
 * a user who was deleted.
 */
ngx_int_t ngx_http_social_user_sync_handler(ngx_http_request_t *r);

/*
 * The id of the request's row as it is known, in the request's identity;
 * of no length where it is not known.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_user_id(ngx_http_request_t *r, ngx_str_t *id);

/*
 * For a process that exits: forgets what is under way.
 */
void ngx_http_social_user_sync_stop(ngx_http_social_user_state_t *state);



#endif /* NGX_HTTP_SOCIAL_USER_H */
