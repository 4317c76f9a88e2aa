
/*
 * "social_limit": requests are counted by a key, at this gateway and, by shares
 * that gateways of one database agree on, at all of them.
 */

#ifndef NGX_HTTP_SOCIAL_LIMIT_H
#define NGX_HTTP_SOCIAL_LIMIT_H


#include "ngx_http_social.h"
#include "ngx_http_social_duty.h"
#include "social_limit.h"


#define NGX_HTTP_SOCIAL_LIMIT_ZONES    64     /* bits of a mask */
/*
 * Bytes; of longer ones a hash.  All nodes are of one slab size, 128: one that
 * is dropped always makes room for another, without a whole page of them.
 */
#define NGX_HTTP_SOCIAL_LIMIT_KEY      48
#define NGX_HTTP_SOCIAL_LIMIT_SLOTS    1000


typedef enum {
    NGX_HTTP_SOCIAL_LIMIT_NONE = 0,
    NGX_HTTP_SOCIAL_LIMIT_PASSED,
    NGX_HTTP_SOCIAL_LIMIT_REJECTED,
    NGX_HTTP_SOCIAL_LIMIT_REJECTED_DRY_RUN
} ngx_http_social_limit_status_e;


typedef enum {
    NGX_HTTP_SOCIAL_LIMIT_HEADERS_OFF = 0,
    NGX_HTTP_SOCIAL_LIMIT_HEADERS_REFUSED,
    NGX_HTTP_SOCIAL_LIMIT_HEADERS_ON
} ngx_http_social_limit_headers_e;


/*
 * A key in the zone, from the color of a node of the tree on: 128 bytes with
 * the node and a subject of Cognito.
 */
typedef struct {
    u_char                           color;
    u_char                           len;
    u_short                          slot;       /* its number + 1, or 0 */
    uint32_t                         arrived;    /* in the window; of a quota,
                                                    used and not reported */
    ngx_queue_t                      queue;
    social_limit_bucket_t            bucket;
    uint32_t                         window;     /* when it began, ms */
    u_char                           data[1];
} ngx_http_social_limit_node_t;


/*
 * A key whose demand other gateways are report.
 */
typedef struct {
    ngx_rbtree_node_t               *node;       /* NULL: free */
    uint64_t                         serial;     /* of this use of the slot */
    double                           demand;     /* requests a second */
    double                           share;      /* of this gateway */
    ngx_msec_t                       since;      /* when "arrived" was 0 */
    uint32_t                         arrived;
    unsigned                         measured:1; /* there is a demand */
    unsigned                         leased:1;   /* there is a share */
    unsigned                         exhausted:1; /* all of a quota was used */
} ngx_http_social_limit_slot_t;


/* at the head of a zone of its own; guarded by the slab pool's mutex */

typedef struct {
    ngx_uint_t                       version;
    ngx_rbtree_t                     rbtree;
    ngx_rbtree_node_t                sentinel;
    ngx_queue_t                      queue;      /* the last used one first */

    uint64_t                         keys;
    uint64_t                         admitted;
    uint64_t                         refused;
    uint64_t                         dry_run;
    uint64_t                         dropped;    /* keys, in use */
    ngx_msec_t                       said;       /* that they were, or 0 */

    uint64_t                         serial;
    ngx_uint_t                       used;       /* slots */
    ngx_uint_t                       next;       /* where one is looked for */
    ngx_uint_t                       n;
    ngx_http_social_limit_slot_t     slots[1];
} ngx_http_social_limit_sh_t;


/*
 * What was used of quotas, and is in an exchange whose answer has not come: the
 * process that has begun it may be stopped or killed, and another one goes on
 * with it, as it was.  In social_zone.
 */
typedef struct {
    uint64_t                         demand;
    uint64_t                         used;
    int64_t                          until;
    u_char                           hash[16];
} ngx_http_social_limit_owed_t;


typedef struct {
    uint64_t                         number;     /* of the exchange */
    ngx_uint_t                       n;
    ngx_http_social_limit_owed_t     items[1];
} ngx_http_social_limit_pending_t;


/* in social_zone: what is of all limits of this gateway */

typedef struct {
    ngx_http_social_lease_t          lease;
    u_char                           id[36];     /* of the gateway, a UUID */
    uint64_t                         exchange;   /* the last one's number */
    uint64_t                         done;       /* exchanges */
    uint64_t                         failed;
    ngx_atomic_t                     gateways;   /* that there are; 0: not
                                                    known yet */
    ngx_atomic_int_t                 offset;     /* of the database's clock, s*/
    ngx_msec_t                       last;       /* when it was done, or 0 */
    ngx_atomic_t                     wanted;     /* there are new slots */
    ngx_http_social_limit_pending_t *pending;    /* or NULL */
} ngx_http_social_limit_fleet_t;


typedef struct ngx_http_social_limit_main_conf_s
    ngx_http_social_limit_main_conf_t;


/*
 * What "social_limit_zone" said.
 */
typedef struct {
    ngx_str_t                        name;       /* first: it is "named" */
    ngx_http_social_position_t       position;
    ngx_str_t                        key_text;
    ngx_http_complex_value_t         key;
    social_limit_t                   rate;
    social_limit_t                   quota;
    ngx_uint_t                       burst;
    size_t                           size;
    ngx_flag_t                       fleet;
    ngx_uint_t                       local;      /* percent */

    ngx_uint_t                       number;
    social_limit_t                   limit;      /* the rate, or the quota */
    double                           share;      /* of a key without a slot */
    ngx_msec_t                       window;
    double                           hot;        /* requests in a window */
    ngx_str_t                        policy;     /* an item of RateLimit-Policy
                                                  */
    ngx_http_social_limit_main_conf_t
                                    *lmcf;
    ngx_slab_pool_t                 *shpool;
    ngx_http_social_limit_sh_t      *sh;
} ngx_http_social_limit_zone_t;


typedef struct {
    ngx_str_t                        name;
    ngx_http_social_limit_zone_t    *zone;
    ngx_flag_t                       dry_run;
    ngx_http_social_position_t       position;
} ngx_http_social_limit_use_t;


/*
 * What became of one request of a key.
 */
typedef struct {
    ngx_uint_t                       taken;
    ngx_uint_t                       counted;    /* 0: there was no memory */
    social_limit_state_t             state;
} ngx_http_social_limit_verdict_t;


/*
 * State of the process with the lease, behind the configuration.
 */
typedef struct ngx_http_social_limit_exchange_s
    ngx_http_social_limit_exchange_t;


struct ngx_http_social_limit_main_conf_s {
    ngx_array_t                      zones;      /* of pointers to zones */
    ngx_array_t                      uses;       /* of pointers to uses */
    ngx_msec_t                       interval;
    ngx_uint_t                       used;       /* some location has one */

    ngx_slab_pool_t                 *shpool;     /* of social_zone; NULL: no
                                                    limit is shared */
    ngx_http_social_limit_fleet_t   *fleet;
    ngx_http_social_limit_exchange_t
                                    *exchange;
};


typedef struct {
    ngx_array_t                     *uses;       /* of pointers; NULL: none */
    ngx_uint_t                       off;
    ngx_uint_t                       status;
    ngx_uint_t                       headers;
    ngx_uint_t                       log_level;
} ngx_http_social_limit_loc_conf_t;


typedef struct {
    uint64_t                         counted;    /* zones, by their number */
    ngx_http_social_limit_status_e   status;
    unsigned                         refused:1;  /* the main request */
} ngx_http_social_limit_ctx_t;


extern ngx_module_t  ngx_http_social_limit_module;


/*
 * The key of a node of the tree.
 */
static ngx_inline ngx_http_social_limit_node_t *
ngx_http_social_limit_node(ngx_rbtree_node_t *node)
{
    return (ngx_http_social_limit_node_t *) &node->color;
}


/* ngx_http_social_limit_conf.c */

/*
 * The directives "social_limit_zone" and "social_limit".
 */
char *ngx_http_social_limit_zone_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_social_limit_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * When all of the configuration was read: finds the zones of all uses, and
 * completes what zones say.  NGX_ERROR: already logged.
 */
ngx_int_t ngx_http_social_limit_finish(ngx_conf_t *cf,
    ngx_http_social_limit_main_conf_t *lmcf);


/* ngx_http_social_limit_handler.c */

/*
 * PREACCESS: counts a request, after its token was found and before what its
 * access is decided by.
 */
ngx_int_t ngx_http_social_limit_handler(ngx_http_request_t *r);


/* ngx_http_social_limit_address.c */

/*
 * What of an address is counted: an IPv4 address, also where it is written as
 * an IPv6 one, or the first 64 bits of an IPv6 address.  Of other sockets, the
 * text of the address.
 */
ngx_int_t ngx_http_social_limit_address(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


/* ngx_http_social_limit_zone.c */

/*
 * Of the shared memory, as ngx_shm_zone_init_pt.
 */
ngx_int_t ngx_http_social_limit_init_zone(ngx_shm_zone_t *shm, void *data);

/*
 * Takes a request out of the bucket of a key, which has at most
 * NGX_HTTP_SOCIAL_LIMIT_KEY bytes.
 */
void ngx_http_social_limit_take(ngx_http_social_limit_zone_t *zone,
    ngx_str_t *key, ngx_uint_t dry_run,
    ngx_http_social_limit_verdict_t *verdict);

/*
 * Gives it back, since another limit has refused the request.
 */
void ngx_http_social_limit_give(ngx_http_social_limit_zone_t *zone,
    ngx_str_t *key);

/*
 * The period of a quota that is now, by the clock of the database.
 */
void ngx_http_social_limit_now(const ngx_http_social_limit_zone_t *zone,
    int64_t *first, int64_t *next);

/* ngx_http_social_limit_slots.c */

/*
 * Gives a node that others are to know of a slot, if there is a free one, or
 * one of a key that is asked for less; it is reported in the next interval, or
 * "soon".  With the mutex held, as for all of these.
 */
void ngx_http_social_limit_slot_want(ngx_http_social_limit_zone_t *zone,
    ngx_rbtree_node_t *node, ngx_uint_t soon);

/*
 * Has a node without its slot.
 */
void ngx_http_social_limit_slot_free(ngx_http_social_limit_zone_t *zone,
    ngx_rbtree_node_t *node);

/*
 * The share that is used for a node, and where it has a slot, that.
 */
double ngx_http_social_limit_slot_share(
    const ngx_http_social_limit_zone_t *zone,
    const ngx_http_social_limit_node_t *node,
    ngx_http_social_limit_slot_t **slot);


/* a slot, as it is reported */

typedef struct {
    ngx_http_social_limit_zone_t    *zone;       /* NULL: another process has
                                                    begun it */
    ngx_uint_t                       i;          /* of the slot */
    uint64_t                         serial;
    uint64_t                         demand;     /* thousandths of a request a
                                                    second */
    uint64_t                         used;       /* of a quota */
    int64_t                          period;     /* its first second */
    int64_t                          until;      /* its end, or 0 */
    u_char                           hash[16];
} ngx_http_social_limit_report_t;


/*
 * Adds what is to be reported of a zone to an array of these: of all slots, or
 * with "fresh" of those that were not reported yet.  Takes the mutex.
 * NGX_ERROR: out of memory; what was not added will be reported later.
 */
ngx_int_t ngx_http_social_limit_slots_report(ngx_http_social_limit_zone_t *zone,
    ngx_uint_t fresh, ngx_array_t *reports);

/*
 * Sets the share of a slot that was reported, by what others have: their number
 * and demand, and what all have used of a quota.  With the mutex held.
 */
void ngx_http_social_limit_slot_lease(ngx_http_social_limit_report_t *report,
    uint64_t gateways, uint64_t demand, uint64_t used);


/* ngx_http_social_limit_pending.c */

/*
 * Keeps what the reports of an exchange, whose number is not 0, say of quotas.
 * With the mutex of social_zone held.  0: there is nothing to keep, or no room
 * for it: then this process alone knows of it.
 */
ngx_uint_t ngx_http_social_limit_pending_keep(
    ngx_http_social_limit_main_conf_t *lmcf, uint64_t number,
    ngx_array_t *reports);

/*
 * The number of the exchange that is kept; 0: none is.
 */
uint64_t ngx_http_social_limit_pending_number(
    ngx_http_social_limit_main_conf_t *lmcf);

/*
 * Adds what is kept to an array of reports, which have no zone.  NGX_ERROR: out
 * of memory, or nothing is kept any more.
 */
ngx_int_t ngx_http_social_limit_pending_get(
    ngx_http_social_limit_main_conf_t *lmcf, uint64_t *number,
    ngx_array_t *reports);

/*
 * It was counted.  With the mutex held.
 */
void ngx_http_social_limit_pending_free(
    ngx_http_social_limit_main_conf_t *lmcf, uint64_t number);


/* ngx_http_social_limit_fleet.c */

/*
 * Of the part of social_zone, as ngx_http_social_zone_init_pt.
 */
ngx_int_t ngx_http_social_limit_init_fleet(ngx_slab_pool_t *shpool,
    void **part, void *data, ngx_log_t *log);

/*
 * The state of the process, while the configuration is read.  NULL: out of
 * memory.
 */
ngx_http_social_limit_exchange_t *ngx_http_social_limit_exchange_create(
    ngx_conf_t *cf, ngx_http_social_limit_main_conf_t *lmcf);

/*
 * For a process that begins, and one that exits.
 */
void ngx_http_social_limit_exchange_start(ngx_http_social_limit_exchange_t *ex,
    ngx_cycle_t *cycle);
void ngx_http_social_limit_exchange_stop(ngx_http_social_limit_exchange_t *ex);


/* ngx_http_social_limit_module.c */

/*
 * For "social_status": the zones, in the order of the configuration.
 */
ngx_http_social_limit_main_conf_t *ngx_http_social_limit_conf(
    ngx_http_request_t *r);


#endif /* NGX_HTTP_SOCIAL_LIMIT_H */
