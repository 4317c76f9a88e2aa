
/*
 * The revocation listener: one connection of all workers to the database, and
 * what is asked over it.  For its two files, and the module that starts it.
 */

#ifndef NGX_HTTP_SOCIAL_LISTENER_H
#define NGX_HTTP_SOCIAL_LISTENER_H


#include "ngx_http_social_connection.h"
#include "ngx_http_social_fault.h"
#include "ngx_http_social_revocation.h"


#define NGX_HTTP_SOCIAL_LISTENER_PAGE  1000


typedef enum {
    NGX_HTTP_SOCIAL_LISTENER_IDLE = 0,
    NGX_HTTP_SOCIAL_LISTENER_LISTEN,
    NGX_HTTP_SOCIAL_LISTENER_BASE,       /* the snapshot before a load */
    NGX_HTTP_SOCIAL_LISTENER_LOAD,       /* all, page by page */
    NGX_HTTP_SOCIAL_LISTENER_PEEK,       /* the snapshot now */
    NGX_HTTP_SOCIAL_LISTENER_CHANGES,    /* what the last one did not see */
    NGX_HTTP_SOCIAL_LISTENER_EXPIRE
} ngx_http_social_listener_step_e;


struct ngx_http_social_listener_s {
    ngx_http_social_revocation_main_conf_t  *rmcf;
    ngx_http_social_connection_t     conn;
    u_char                           source[32];  /* SHA-256 of its conninfo */
    ngx_event_t                      tick;
    ngx_http_social_faults_t         faults;

    ngx_http_social_listener_step_e  step;
    ngx_str_t                        seen;        /* all by this snapshot is
                                                     in the set; malloc()ed */
    ngx_str_t                        next;        /* and soon by this one */
    ngx_msec_t                       asked;       /* for "next" */
    int64_t                          xmax;        /* of "next" */
    u_char                           server[NGX_HTTP_SOCIAL_SERVER_SIZE];
    ngx_uint_t                       server_len;  /* 0: it is a standby */
    u_char                           id[2 * SOCIAL_REVOCATIONS_ID_SIZE];
    ngx_uint_t                       id_len;      /* where the next page */
    u_char                           xact[20];    /* begins */
    ngx_uint_t                       xact_len;
    ngx_uint_t                       count;       /* of what was loaded */
    uint64_t                         load;        /* that is under way */
    ngx_msec_t                       reload;      /* when, if full */
    ngx_msec_t                       expire;      /* when to delete */

    unsigned                         leading:1;
    unsigned                         notified:1;
};


/* ngx_http_social_listener.c */

/*
 * The state of a process, behind a configuration that is read-only.  NULL: out
 * of memory.
 */
ngx_http_social_listener_t *ngx_http_social_listener_create(ngx_conf_t *cf,
    ngx_http_social_revocation_main_conf_t *rmcf);

void ngx_http_social_listener_start(ngx_http_social_listener_t *f,
    ngx_cycle_t *cycle);
void ngx_http_social_listener_stop(ngx_http_social_listener_t *f);


/* ngx_http_social_listener_load.c */

/*
 * Begins with a new connection: listens, unless it is that of a pooler, and
 * loads all.  NGX_ERROR: the connection is of no more use, as in the next two.
 */
ngx_int_t ngx_http_social_listener_begin(ngx_http_social_listener_t *f);

/*
 * Asks for what is new, where nothing else is under way.
 */
ngx_int_t ngx_http_social_listener_poll(ngx_http_social_listener_t *f);

/*
 * Takes the result of what was asked, which stays the caller's, and asks
 * further.
 */
ngx_int_t ngx_http_social_listener_take(ngx_http_social_listener_t *f,
    const social_pq_result_t *result);

/*
 * Forgets what was seen: it is of no use to another connection, which loads
 * all.
 */
void ngx_http_social_listener_forget(ngx_http_social_listener_t *f);


#endif /* NGX_HTTP_SOCIAL_LISTENER_H */
