
/*
 * "social_health_check": the peers of an upstream block are checked by one
 * worker process for all, and those that fail are marked in the zone of that
 * block, where every balancer of nginx sees it.
 */

#ifndef NGX_HTTP_SOCIAL_CHECK_H
#define NGX_HTTP_SOCIAL_CHECK_H


#include "ngx_http_social.h"
#include "ngx_http_social_duty.h"
#include "ngx_http_social_zone.h"
#include "social_answer.h"
#include "social_health.h"


/*
 * Our bit of a peer's "down", beside what nginx and its operator have there.
 */
#define NGX_HTTP_SOCIAL_CHECK_DOWN       0x4000

#define NGX_HTTP_SOCIAL_CHECK_BODY       (64 * 1024)

/* of a regular expression: its time may grow with the square */
#define NGX_HTTP_SOCIAL_CHECK_MATCHED    (8 * 1024)

/* how soon another process takes over, and a new address is seen: ms */
#define NGX_HTTP_SOCIAL_CHECK_TICK       200

/* how long an address that is gone is kept: ms */
#define NGX_HTTP_SOCIAL_CHECK_FORGET     60000


typedef enum {
    NGX_HTTP_SOCIAL_CHECK_HTTP = 0,
    NGX_HTTP_SOCIAL_CHECK_TCP
} ngx_http_social_check_type_e;


typedef enum {
    NGX_HTTP_SOCIAL_CHECK_PASSED = 0,
    NGX_HTTP_SOCIAL_CHECK_UNREACHABLE,
    NGX_HTTP_SOCIAL_CHECK_TIMED_OUT,
    NGX_HTTP_SOCIAL_CHECK_CLOSED,
    NGX_HTTP_SOCIAL_CHECK_TLS,
    NGX_HTTP_SOCIAL_CHECK_INVALID,
    NGX_HTTP_SOCIAL_CHECK_STATUS,
    NGX_HTTP_SOCIAL_CHECK_MISMATCH,

    NGX_HTTP_SOCIAL_CHECK_OUTCOMES,

    /* this process has no memory or no connection: it says nothing of a peer */
    NGX_HTTP_SOCIAL_CHECK_NOT_MADE
} ngx_http_social_check_outcome_e;


typedef struct {
    ngx_uint_t                        first;
    ngx_uint_t                        last;
} ngx_http_social_check_range_t;


/*
 * What is known of an address of an upstream, in our zone: it outlives a
 * reload.  Under the mutex of the slab pool.
 */
typedef struct ngx_http_social_check_slot_s  ngx_http_social_check_slot_t;

struct ngx_http_social_check_slot_s {
    ngx_http_social_check_slot_t     *next;
    uint32_t                          key;
    social_health_t                   health;
    ngx_msec_t                        due;         /* the next check */
    ngx_msec_t                        seen;
    uint64_t                          outcomes[NGX_HTTP_SOCIAL_CHECK_OUTCOMES];
    socklen_t                         socklen;
    ngx_sockaddr_t                    sockaddr;
    ngx_str_t                         name;
    ngx_str_t                         upstream;
};


#define NGX_HTTP_SOCIAL_CHECK_BUCKETS    64

typedef struct {
    ngx_http_social_lease_t           lease;
    ngx_pid_t                         pid;         /* whose checks these are */
    void                             *cycle;
    ngx_http_social_check_slot_t     *buckets[NGX_HTTP_SOCIAL_CHECK_BUCKETS];
} ngx_http_social_check_sh_t;


typedef struct {
    ngx_array_t                       checked;     /* conf_t *, of upstreams */
    ngx_slab_pool_t                  *shpool;
    ngx_http_social_check_sh_t       *sh;

    /* of a process */

    ngx_http_social_duty_t            duty;
    ngx_cycle_t                      *cycle;
    ngx_uint_t                        ticks;
    unsigned                          full:1;      /* it was logged */
} ngx_http_social_check_main_conf_t;


/* of an upstream block */

typedef struct {
    ngx_uint_t                        used;

    ngx_uint_t                        type;
    ngx_str_t                         uri;
    ngx_str_t                         host;
    ngx_uint_t                        port;        /* 0: the peer's */
    ngx_msec_t                        interval;
    ngx_msec_t                        jitter;
    ngx_msec_t                        timeout;
    ngx_uint_t                        passes;
    ngx_uint_t                        fails;
    ngx_array_t                      *status;      /* NULL: 200-399 */
    ngx_str_t                         body;        /* empty: any */
#if (NGX_PCRE)
    ngx_regex_t                      *regex;
#endif
    ngx_flag_t                        mandatory;

    ngx_flag_t                        tls;
    ngx_flag_t                        tls_verify;
    ngx_str_t                         tls_name;    /* without brackets */
    ngx_uint_t                        tls_address; /* it is an address */
    ngx_str_t                         ca_file;
    ngx_str_t                         certificate;
    ngx_str_t                         certificate_key;
#if (NGX_HTTP_SSL)
    ngx_ssl_t                         ssl;
#endif

    ngx_http_social_position_t        position;
    ngx_http_upstream_srv_conf_t     *upstream;
    ngx_str_t                         request;

    /* of a process */

    ngx_http_social_check_main_conf_t
                                     *main;
    ngx_queue_t                       checks;
    ngx_uint_t                        number;      /* of its peers, as read */
    unsigned                          reconciled:1;
} ngx_http_social_check_conf_t;


/*
 * An address that this process checks; "pool" and what is behind it are of a
 * check under way.
 */
typedef struct ngx_http_social_check_s  ngx_http_social_check_t;

typedef void (*ngx_http_social_check_done_pt)(ngx_http_social_check_t *check,
    ngx_http_social_check_outcome_e outcome);

struct ngx_http_social_check_s {
    ngx_queue_t                       queue;
    ngx_http_social_check_conf_t     *conf;
    ngx_http_social_check_slot_t     *slot;        /* while checks are ours */
    uint32_t                          key;
    ngx_str_t                         name;
    socklen_t                         socklen;
    ngx_sockaddr_t                    sockaddr;
    ngx_event_t                       timer;       /* of the next, or its end */
    unsigned                          present:1;

    ngx_pool_t                       *pool;        /* NULL: none is under way */
    ngx_log_t                         log;
    ngx_msec_t                        started;
    ngx_sockaddr_t                    address;     /* with "port" */
    ngx_peer_connection_t             peer;
    size_t                            sent;
    social_answer_t                  *answer;
    ngx_err_t                         err;
    const char                       *why;         /* static, or NULL */

    /* the end of a check, called once; it closes the check, or frees it */
    ngx_http_social_check_done_pt     done;
};


/*
 * A peer, as it was read.
 */
typedef struct {
    socklen_t                         socklen;
    ngx_sockaddr_t                    sockaddr;
    ngx_str_t                         name;        /* in the caller's pool */
} ngx_http_social_check_peer_t;


/*
 * For the numbers of "social_status", in a pool.
 */
typedef struct {
    ngx_str_t                         upstream;
    ngx_str_t                         peer;
    ngx_uint_t                        usable;      /* by requests: 1, or 0 */
    uint64_t                          outcomes[NGX_HTTP_SOCIAL_CHECK_OUTCOMES];
} ngx_http_social_check_number_t;


extern ngx_module_t  ngx_http_social_check_module;


/* ngx_http_social_check_module.c */

/*
 * The checks of an upstream block, or NULL.  To be called when the whole of the
 * configuration was read.
 */
ngx_http_social_check_conf_t *ngx_http_social_check_find(ngx_conf_t *cf,
    ngx_str_t *upstream);

/*
 * Numbers of all peers, an array of ngx_http_social_check_number_t in r->pool;
 * NULL: out of memory.
 */
ngx_array_t *ngx_http_social_check_numbers(ngx_http_request_t *r);

/*
 * The outcome as it stands in numbers: a word.
 */
const char *ngx_http_social_check_outcome(
    ngx_http_social_check_outcome_e outcome);


/* ngx_http_social_check_conf.c */

/*
 * Parses the parameters of the directive, the conf having its defaults.
 * NGX_CONF_ERROR: already logged.
 */
char *ngx_http_social_check_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * When the whole of the configuration was read: what the upstream block must
 * have.  NGX_ERROR: already logged.
 */
ngx_int_t ngx_http_social_check_conf_init(ngx_conf_t *cf,
    ngx_http_social_check_conf_t *conf);


/* ngx_http_social_check_slot.c */

/*
 * Of a part of the zone.
 */
ngx_int_t ngx_http_social_check_init_zone(ngx_slab_pool_t *shpool,
    void **part, void *data, ngx_log_t *log);

uint32_t ngx_http_social_check_key(ngx_str_t *upstream,
    struct sockaddr *sockaddr, socklen_t socklen);

/*
 * The slot of an address, with the mutex held.  The second one adds it where
 * there is none; NULL: out of memory.
 */
ngx_http_social_check_slot_t *ngx_http_social_check_slot_find(
    ngx_http_social_check_sh_t *sh, ngx_str_t *upstream,
    struct sockaddr *sockaddr, socklen_t socklen);
ngx_http_social_check_slot_t *ngx_http_social_check_slot_get(
    ngx_http_social_check_main_conf_t *cmcf, ngx_str_t *upstream,
    ngx_http_social_check_peer_t *peer);

/*
 * With the mutex held: frees slots of addresses that have not been seen for
 * some time.
 */
void ngx_http_social_check_slots_sweep(
    ngx_http_social_check_main_conf_t *cmcf);


/* ngx_http_social_check_peers.c */

/*
 * The peers of an upstream that are to be checked, some of which may have the
 * same address: an array of ngx_http_social_check_peer_t in "pool".  NULL: out
 * of memory.
 */
ngx_array_t *ngx_http_social_check_peers(ngx_http_social_check_conf_t *conf,
    ngx_pool_t *pool);

/*
 * A number that is another one when its peers have changed.
 */
ngx_uint_t ngx_http_social_check_peers_number(
    ngx_http_social_check_conf_t *conf);

/*
 * Sets or removes our mark of all peers with that address.
 */
void ngx_http_social_check_mark(ngx_http_social_check_conf_t *conf,
    struct sockaddr *sockaddr, socklen_t socklen, ngx_uint_t down);

/*
 * How many of its peers requests may be passed to, whatever nginx has seen of
 * them; with an address, of those with that one.
 */
ngx_uint_t ngx_http_social_check_usable(ngx_http_social_check_conf_t *conf,
    struct sockaddr *sockaddr, socklen_t socklen);

/*
 * While no request can come: marks all peers as their slots say, and the
 * patterns that addresses of names are made from as "mandatory" says.
 */
void ngx_http_social_check_restore(ngx_http_social_check_main_conf_t *cmcf,
    ngx_http_social_check_conf_t *conf);


/* ngx_http_social_check_run.c */

/*
 * For a process that begins, and one that exits.
 */
void ngx_http_social_check_start_process(ngx_cycle_t *cycle,
    ngx_http_social_check_main_conf_t *cmcf);
void ngx_http_social_check_stop_process(
    ngx_http_social_check_main_conf_t *cmcf);


/* ngx_http_social_check_client.c */

/*
 * Begins a check; its end, which may come at once, is check->done().
 */
void ngx_http_social_check_begin(ngx_http_social_check_t *check);

/*
 * Closes the connection of a check, if one is under way.
 */
void ngx_http_social_check_close(ngx_http_social_check_t *check);


#endif /* NGX_HTTP_SOCIAL_CHECK_H */
