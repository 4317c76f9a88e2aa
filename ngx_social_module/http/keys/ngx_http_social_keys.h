
/*
 * The keys of each issuer: fetched by one worker for all, kept as JSON in the
 * shared zone, parsed once in every worker; or from a file, which every worker
 * watches.
 */

#ifndef NGX_HTTP_SOCIAL_KEYS_H
#define NGX_HTTP_SOCIAL_KEYS_H


#include "ngx_http_social_issuer.h"
#include "ngx_http_social_lease.h"
#include "ngx_http_social_task.h"
#include "social_net_fetch.h"
#include "social_url.h"


/* how many unknown kids a worker keeps for each issuer */
#define NGX_HTTP_SOCIAL_KEYS_UNKNOWN  256


typedef struct ngx_http_social_waiter_s  ngx_http_social_waiter_t;

struct ngx_http_social_waiter_s {
    ngx_queue_t              queue;
    ngx_http_social_keys_t  *keys;      /* set by ngx_http_social_keys_wait() */
    ngx_uint_t               attempt;   /* likewise: the first to believe */
    social_str_t             kid;       /* that is missing, read when woken */
    social_algorithm_e       algorithm; /* likewise */
    void                   (*handler)(ngx_http_social_waiter_t *waiter);
    void                    *data;
};


/* ngx_http_social_keys_conf.c */

/*
 * Reserves slots of the zone for the issuers whose keys are fetched, and sets
 * a thread pool for all.  NGX_ERROR: already logged.
 */
ngx_int_t ngx_http_social_keys_init(ngx_conf_t *cf, ngx_array_t *issuers);


/* ngx_http_social_keys_file.c */

/*
 * Reads "jwks_file" at configuration time.  NGX_CONF_ERROR: it is not there
 * or has no usable key; already logged.
 */
char *ngx_http_social_keys_from_file(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer);


/* ngx_http_social_keys.c */

/*
 * Starts in a worker what keeps the keys of each issuer fresh.  NGX_ERROR:
 * already logged.
 */
ngx_int_t ngx_http_social_keys_init_process(ngx_cycle_t *cycle,
    ngx_array_t *issuers);

/*
 * The keys to verify by now, or NULL when none were ever loaded or the last
 * ones are older than "jwks_stale".  Valid until the next call for the same
 * issuer, or until the event loop has its turn: not to be kept.
 */
social_jwks_t *ngx_http_social_keys_current(ngx_http_social_issuer_t *issuer);

/*
 * The number of the keys that ngx_http_social_keys_current() has just given;
 * never 0 when it gave some.  It changes whenever they do, and no other keys
 * of this issuer ever have it again for as long as the zone lives, whichever
 * way they come and whatever is reloaded: verdicts by these keys can be cached
 * under it.
 */
uint64_t ngx_http_social_keys_generation(ngx_http_social_issuer_t *issuer);

/*
 * When fetched keys were last loaded; 0: never, or they are from a file.
 */
time_t ngx_http_social_keys_loaded(ngx_http_social_issuer_t *issuer);

/*
 * Requests newer keys, for a token whose key is not among the current ones.
 * NGX_AGAIN: they are being fetched, and "waiter->handler" will be called once
 * when they came, failed to come, or took too long; "waiter->kid" must then
 * still be there.  NGX_DECLINED: they were requested a moment ago.  NGX_BUSY:
 * too many requests wait already, or no thread can fetch them, so that it is
 * not known whether the key exists.
 */
ngx_int_t ngx_http_social_keys_wait(ngx_http_social_issuer_t *issuer,
    ngx_http_social_waiter_t *waiter);

/*
 * The same without a waiter, for callers that retry later.  NGX_AGAIN: they
 * are being fetched; NGX_DECLINED: they were requested a moment ago.
 */
ngx_int_t ngx_http_social_keys_ask(ngx_http_social_issuer_t *issuer);

/*
 * The state of the keys: whether there are some to verify by, and whether the
 * issuer may have others by now, since the last fetch failed or its set found
 * no room, or what is in the file is not usable.
 */
typedef enum {
    NGX_HTTP_SOCIAL_KEYS_LOADED = 0,
    NGX_HTTP_SOCIAL_KEYS_FAILING,
    NGX_HTTP_SOCIAL_KEYS_FULL,          /* "social_zone" is */
    NGX_HTTP_SOCIAL_KEYS_MISSING
} ngx_http_social_keys_state_e;

ngx_http_social_keys_state_e ngx_http_social_keys_state(
    ngx_http_social_issuer_t *issuer);

/*
 * Forgets a waiter whose handler has not been called, and will not be.
 */
void ngx_http_social_keys_forget(ngx_http_social_waiter_t *waiter);


/* ngx_http_social_keys_unknown.c */

/*
 * Whether that kid is known not to exist: keys that were fetched after it was
 * requested do not contain it, so that a request need not wait.  That is so for
 * "jwks_cooldown"; the next request after that waits for a fetch, since the key
 * may have been published.
 */
ngx_uint_t ngx_http_social_keys_unknown(ngx_http_social_issuer_t *issuer,
    social_str_t kid);

/*
 * Stores such a kid, in place of another where there is no room.
 */
void ngx_http_social_keys_note_unknown(ngx_http_social_keys_t *keys,
    social_str_t kid);


/* ngx_http_social_keys_fetch.c */

/*
 * The state of one issuer in the zone.  All of it is guarded by the slab
 * pool's mutex, but for "generation", "loaded", "attempts" and "answered",
 * which are read without.
 */

typedef struct {
    u_char                id[32];         /* SHA-256 of what it is for */
    ngx_uint_t            claimed;        /* by a configuration's number */
    time_t                used;           /* when a worker last looked */

    ngx_atomic_t          generation;     /* of json, 0: never loaded */
    ngx_atomic_t          loaded;         /* ngx_time() of the last success */

    ngx_http_social_lease_t  lease;       /* of who is fetching */
    ngx_msec_t            attempted;      /* the start of the last attempt */
    ngx_msec_t            next;           /* when the background may try */
    ngx_atomic_t          attempts;
    ngx_atomic_t          answered;       /* the last attempt that succeeded */
    ngx_uint_t            failures;       /* in a row */
    ngx_uint_t            full;           /* the last set found no room */
    uint32_t              complaint;      /* what was last logged about them */

    u_char               *json;
    size_t                len;
} ngx_http_social_keys_slot_t;


/* of which version of a file the keys are */

typedef struct {
    ngx_uint_t                    known;
    time_t                        mtime;
    long                          nsec;
    off_t                         size;
    ngx_file_uniq_t               uniq;
} ngx_http_social_keys_stamp_t;


typedef struct {
    u_char                        id[16];       /* of SHA-256 of the kid */
    ngx_uint_t                    used;
    ngx_msec_t                    noted;
} ngx_http_social_keys_miss_t;


struct ngx_http_social_keys_s {
    ngx_http_social_issuer_t     *issuer;
    ngx_slab_pool_t              *shpool;
    ngx_atomic_t                 *generations;  /* the last one, of the zone */
    ngx_http_social_keys_slot_t  *slot;         /* NULL: from a file */
    u_char                        id[32];       /* that the slot must have */
    ngx_thread_pool_t            *thread_pool;

    social_jwks_t                *jwks;         /* owned */
    uint64_t                      generation;   /* of jwks, 0: none */

    ngx_http_social_keys_stamp_t  stamp;        /* of the file */
    const char                   *complaint;    /* of the file, static */

    ngx_http_social_task_t       *task;         /* under way, or NULL */
    ngx_http_social_keys_miss_t  *unknown;

    ngx_queue_t                   waiters;
    ngx_uint_t                    waiting;
    ngx_event_t                   refresh;
    ngx_event_t                   poll;         /* while requests wait */
};


/* what a thread does to fetch a key set: the ctx of a task of the keys */

typedef struct {
    social_str_t                  issuer;
    ngx_uint_t                    discover;     /* fetch.url, not keys yet */
    social_net_fetch_t            fetch;        /* of the document at hand */
    social_algorithms_t           algorithms;
    size_t                        max_keys;

    social_net_answer_t           answer;       /* the key set, or the error */
    social_rc_e                   rc;
    size_t                        skipped;
    const char                   *why;          /* of the ignored keys */

    char                          uri[SOCIAL_URL_MAX_SIZE + 1];
} ngx_http_social_keys_task_t;


/*
 * Starts a fetch in a thread, unless one is under way here or in another
 * worker.  With "forced" it may start before its time, but not sooner than
 * "jwks_cooldown" after the last.  NGX_OK: one is under way now;
 * NGX_DECLINED: it is too early; NGX_ERROR: it could not be started.
 */
ngx_int_t ngx_http_social_keys_fetch(ngx_http_social_keys_t *keys,
    ngx_uint_t forced);

/*
 * Whether a fetch is under way, in whichever worker.
 */
ngx_uint_t ngx_http_social_keys_fetching(ngx_http_social_keys_t *keys);

/*
 * Whether the slot is still this issuer's: a worker of an old configuration
 * may outlive its claim.  To be called with the slab pool's mutex held.
 */
ngx_uint_t ngx_http_social_keys_own_slot(ngx_http_social_keys_t *keys);


/* ngx_http_social_keys_conf.c */

/*
 * Keys of that issuer, none so far, freed with the configuration.  NULL: out
 * of memory.
 */
ngx_http_social_keys_t *ngx_http_social_keys_create(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer);


/* ngx_http_social_keys_task.c */

/*
 * Fetches the key set in a thread; then "done" is called in the event loop, for
 * an ngx_http_social_keys_task_t, and calls ngx_http_social_keys_task_free().
 * NGX_ERROR: it could not be started; already logged.
 */
ngx_int_t ngx_http_social_keys_task_post(ngx_http_social_keys_t *keys,
    ngx_http_social_task_done_pt done);
void ngx_http_social_keys_task_free(ngx_http_social_task_t *task);

/*
 * Sets up a fetch in "ctx", which is all zeroes: copies what it takes to the
 * pool.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_keys_task_init(ngx_http_social_keys_task_t *ctx,
    ngx_http_social_issuer_t *issuer, ngx_pool_t *pool);

/*
 * The fetch itself, of an ngx_http_social_keys_task_t: it waits for the
 * network, and is for threads, and for processes that serve nobody.
 */
void ngx_http_social_keys_task_thread(void *data, ngx_log_t *log);


/* ngx_http_social_keys_file.c */

/*
 * Checks in a thread whether the file has changed, and replaces its keys.  A
 * timer's handler: checks again after a second.
 */
void ngx_http_social_keys_watch_handler(ngx_event_t *ev);


#endif /* NGX_HTTP_SOCIAL_KEYS_H */
