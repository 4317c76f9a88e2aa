
/*
 * What is counted for "social_status": each process has a slot in the zone,
 * that no other one writes to.  Where no location has a status, there are no
 * slots, and nothing is counted.
 */

#ifndef NGX_HTTP_SOCIAL_COUNTERS_H
#define NGX_HTTP_SOCIAL_COUNTERS_H


#include "ngx_http_social.h"
#include "ngx_http_social_lease.h"


/* of histograms: bounds, and what is above the last one */
#define NGX_HTTP_SOCIAL_BOUNDS            14
#define NGX_HTTP_SOCIAL_BUCKETS           (NGX_HTTP_SOCIAL_BOUNDS + 1)

/* operations of "social_store", as social_s3_operation_e */
#define NGX_HTTP_SOCIAL_STORE_OPERATIONS  23

/* rows of each kind, after which names are counted together */
#define NGX_HTTP_SOCIAL_ROUTES            200
#define NGX_HTTP_SOCIAL_ROW_ISSUERS       32
#define NGX_HTTP_SOCIAL_ROWS              (NGX_HTTP_SOCIAL_ROUTES             \
                                           + NGX_HTTP_SOCIAL_ROW_ISSUERS + 2)
#define NGX_HTTP_SOCIAL_ROW_NAME          128       /* bytes of a name */


/*
 * What became of a request, by the status of its answer.
 */
typedef enum {
    NGX_HTTP_SOCIAL_ANSWER_OK = 0,
    NGX_HTTP_SOCIAL_ANSWER_REFUSED,          /* 4xx */
    NGX_HTTP_SOCIAL_ANSWER_FAILED,           /* 5xx */
    NGX_HTTP_SOCIAL_ANSWER_ABORTED,          /* the client has left: 499 */

    NGX_HTTP_SOCIAL_ANSWERS
} ngx_http_social_answer_e;


/*
 * Counts and sums: what a process has counted stays when it exits.
 */
typedef enum {
    NGX_HTTP_SOCIAL_COUNT_STALLS = 0,
    NGX_HTTP_SOCIAL_COUNT_STALLED,           /* milliseconds */
    NGX_HTTP_SOCIAL_COUNT_LATE,

    NGX_HTTP_SOCIAL_COUNT_STATEMENT_OK,
    NGX_HTTP_SOCIAL_COUNT_STATEMENT_REFUSED,
    NGX_HTTP_SOCIAL_COUNT_STATEMENT_LOCKED,
    NGX_HTTP_SOCIAL_COUNT_STATEMENT_UNAVAILABLE,
    NGX_HTTP_SOCIAL_COUNT_CONNECTED,
    NGX_HTTP_SOCIAL_COUNT_CONNECTION_LOST,

    NGX_HTTP_SOCIAL_COUNT_HOOK_ACCEPTED,
    NGX_HTTP_SOCIAL_COUNT_HOOK_UNCHANGED,
    NGX_HTTP_SOCIAL_COUNT_HOOK_SPOOLED,
    NGX_HTTP_SOCIAL_COUNT_HOOK_DENIED,
    NGX_HTTP_SOCIAL_COUNT_HOOK_REFUSED,
    NGX_HTTP_SOCIAL_COUNT_HOOK_FAILED,

    NGX_HTTP_SOCIAL_COUNT_SPOOL_COMMITTED,
    NGX_HTTP_SOCIAL_COUNT_SPOOL_ASIDE,

    NGX_HTTP_SOCIAL_COUNT_TOKEN_CONNECTION,  /* known to the connection */
    NGX_HTTP_SOCIAL_COUNT_TOKEN_TABLE,       /* to the zone */
    NGX_HTTP_SOCIAL_COUNT_TOKEN_UNKNOWN,
    NGX_HTTP_SOCIAL_COUNT_SIGNATURES,        /* that were verified */

    NGX_HTTP_SOCIAL_COUNT_CORS_ALLOWED,
    NGX_HTTP_SOCIAL_COUNT_CORS_REFUSED,
    NGX_HTTP_SOCIAL_COUNT_PREFLIGHT_ALLOWED,
    NGX_HTTP_SOCIAL_COUNT_PREFLIGHT_ORIGIN,
    NGX_HTTP_SOCIAL_COUNT_PREFLIGHT_METHOD,
    NGX_HTTP_SOCIAL_COUNT_PREFLIGHT_HEADER,

    /* the first of NGX_HTTP_SOCIAL_ANSWERS each */

    NGX_HTTP_SOCIAL_COUNT_LOGOUT,
    NGX_HTTP_SOCIAL_COUNT_PRESIGN = NGX_HTTP_SOCIAL_COUNT_LOGOUT
                                    + NGX_HTTP_SOCIAL_ANSWERS,
    NGX_HTTP_SOCIAL_COUNT_STORE = NGX_HTTP_SOCIAL_COUNT_PRESIGN
                                  + NGX_HTTP_SOCIAL_ANSWERS,

    NGX_HTTP_SOCIAL_COUNT_STORE_READ = NGX_HTTP_SOCIAL_COUNT_STORE
                                       + NGX_HTTP_SOCIAL_STORE_OPERATIONS
                                         * NGX_HTTP_SOCIAL_ANSWERS,
    NGX_HTTP_SOCIAL_COUNT_STORE_WRITTEN,

    NGX_HTTP_SOCIAL_COUNTS
} ngx_http_social_count_e;


/*
 * What is so now, in this process: it ends with it.
 */
typedef enum {
    NGX_HTTP_SOCIAL_GAUGE_UP = 0,            /* connections to the database */
    NGX_HTTP_SOCIAL_GAUGE_CONNECTING,
    NGX_HTTP_SOCIAL_GAUGE_DOWN,
    NGX_HTTP_SOCIAL_GAUGE_SENT,              /* statements */
    NGX_HTTP_SOCIAL_GAUGE_QUEUED,

    NGX_HTTP_SOCIAL_GAUGES
} ngx_http_social_gauge_e;


/*
 * What was the most since the start.
 */
typedef enum {
    NGX_HTTP_SOCIAL_PEAK_STALL = 0,          /* milliseconds */

    NGX_HTTP_SOCIAL_PEAKS
} ngx_http_social_peak_e;


/*
 * Times are in microseconds.
 */
typedef enum {
    NGX_HTTP_SOCIAL_HISTOGRAM_STATEMENT = 0,
    NGX_HTTP_SOCIAL_HISTOGRAM_SYNC,
    NGX_HTTP_SOCIAL_HISTOGRAM_GROUP,         /* commits that shared a sync */

    NGX_HTTP_SOCIAL_HISTOGRAMS
} ngx_http_social_histogram_e;


/*
 * How many values were in each bucket alone, and their sum.
 */
typedef struct {
    uint64_t  buckets[NGX_HTTP_SOCIAL_BUCKETS];
    uint64_t  sum;
} ngx_http_social_histogram_t;


typedef struct {
    uint64_t                     counts[NGX_HTTP_SOCIAL_COUNTS];
    uint64_t                     gauges[NGX_HTTP_SOCIAL_GAUGES];
    uint64_t                     peaks[NGX_HTTP_SOCIAL_PEAKS];
    ngx_http_social_histogram_t  histograms[NGX_HTTP_SOCIAL_HISTOGRAMS];
} ngx_http_social_counters_t;


/*
 * What is counted by a name of the configuration: a row of numbers, all of them
 * uint64_t.  The names are kept over reloads, with what was counted.
 */
typedef enum {
    NGX_HTTP_SOCIAL_ROW_ROUTE = 0,
    NGX_HTTP_SOCIAL_ROW_ISSUER,

    NGX_HTTP_SOCIAL_ROW_KINDS
} ngx_http_social_row_kind_e;


typedef struct {
    ngx_http_social_row_kind_e   kind;
    ngx_str_t                    name;
    ngx_uint_t                   index;      /* set with the zone */
} ngx_http_social_row_t;


/* statuses that are counted by themselves; the others by their class */
#define NGX_HTTP_SOCIAL_ROUTE_CODES  33


typedef struct {
    uint64_t                     codes[NGX_HTTP_SOCIAL_ROUTE_CODES];
    uint64_t                     received;   /* bytes */
    uint64_t                     sent;
    ngx_http_social_histogram_t  latency;
    ngx_http_social_histogram_t  upstream;
} ngx_http_social_route_counts_t;


/* token statuses, and that a valid one is not sufficient */
#define NGX_HTTP_SOCIAL_ISSUER_OUTCOMES  27


typedef struct {
    uint64_t                     outcomes[NGX_HTTP_SOCIAL_ISSUER_OUTCOMES];
    uint64_t                     fetched;    /* key sets */
    uint64_t                     failed;
} ngx_http_social_issuer_counts_t;


/*
 * What is known of the queue of jobs: one process asks the database for all.
 * Guarded by the slab pool's mutex.
 */
typedef enum {
    NGX_HTTP_SOCIAL_JOBS_READY = 0,
    NGX_HTTP_SOCIAL_JOBS_SCHEDULED,
    NGX_HTTP_SOCIAL_JOBS_RUNNING,
    NGX_HTTP_SOCIAL_JOBS_DEAD,
    NGX_HTTP_SOCIAL_JOBS_OLDEST,             /* milliseconds */
    NGX_HTTP_SOCIAL_JOBS_WORKERS,
    NGX_HTTP_SOCIAL_JOBS_ENDED_DONE,         /* what workers have counted */
    NGX_HTTP_SOCIAL_JOBS_ENDED_PERMANENT,
    NGX_HTTP_SOCIAL_JOBS_ENDED_UNAVAILABLE,
    NGX_HTTP_SOCIAL_JOBS_ENDED_MISSING,
    NGX_HTTP_SOCIAL_JOBS_ENDED_TIMEOUT,
    NGX_HTTP_SOCIAL_JOBS_ENDED_DIED,
    NGX_HTTP_SOCIAL_JOBS_ENDED_LOST,
    NGX_HTTP_SOCIAL_JOBS_BUSY,               /* milliseconds */

    NGX_HTTP_SOCIAL_JOBS_VALUES
} ngx_http_social_jobs_value_e;


typedef struct {
    ngx_http_social_lease_t      lease;
    time_t                       at;         /* 0: never */
    uint64_t                     values[NGX_HTTP_SOCIAL_JOBS_VALUES];
} ngx_http_social_jobs_t;


/*
 * In base's configuration: the state of this process.
 */
typedef struct ngx_http_social_counting_s  ngx_http_social_counting_t;

struct ngx_http_social_counting_s {
    ngx_slab_pool_t             *shpool;
    void                        *sh;
    ngx_http_social_counters_t  *slot;       /* NULL: nothing is counted */
    ngx_array_t                  rows;       /* ngx_http_social_row_t * */
    ngx_uint_t                   full;       /* it was logged */
};


/*
 * While the configuration is read: there is to be something to count in.
 * NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_counters_use(ngx_conf_t *cf);

/*
 * The row of a name, the same one for the same name; after "counters_use" was
 * called by all directives, as while locations are merged.  NULL: out of
 * memory, or nothing is counted.
 */
ngx_http_social_row_t *ngx_http_social_counters_row(ngx_conf_t *cf,
    ngx_http_social_row_kind_e kind, const ngx_str_t *name);

/*
 * Whether anything is counted.
 */
ngx_uint_t ngx_http_social_counters_used(ngx_conf_t *cf);

/*
 * After it was read: the part of the zone, where that was called.  NGX_ERROR:
 * already logged.
 */
ngx_int_t ngx_http_social_counters_init(ngx_conf_t *cf);

/*
 * For a process that begins, and one that exits.  Where there is no memory it
 * counts nothing, which is logged.
 */
void ngx_http_social_counters_start(ngx_cycle_t *cycle);
void ngx_http_social_counters_stop(ngx_cycle_t *cycle);

/*
 * The sum of all processes, those that have exited or died included, with
 * gauges of those that live, and how many that are.
 */
void ngx_http_social_counters_sum(ngx_http_request_t *r,
    ngx_http_social_counters_t *sum, ngx_uint_t *processes);

/*
 * The sum of the row "i" (0 .. NGX_HTTP_SOCIAL_ROWS - 1) in "sum", which has
 * room for it: one of ngx_http_social_route_counts_t, say.  NGX_DECLINED:
 * there is no such row, or no process has counted in it.  "name" is in the zone
 * for good; "other" is of names for which there was no room.
 */
ngx_int_t ngx_http_social_counters_row_sum(ngx_http_request_t *r,
    ngx_uint_t i, ngx_http_social_row_kind_e *kind, ngx_str_t *name,
    uint64_t *sum);

/*
 * What this process counts in.  Of a cycle that is not the current one, as a
 * single process has one after it has read another configuration, the zone may
 * be gone: nothing is counted then.
 */
typedef struct {
    volatile ngx_cycle_t        *cycle;      /* NULL: nothing is counted */
    ngx_http_social_counters_t  *slot;
    uint64_t                   **rows;
} ngx_http_social_counters_process_t;

extern ngx_http_social_counters_process_t  ngx_http_social_counters_process;

/*
 * The numbers of a row that this process has not counted in yet.  NULL: the
 * zone is full, which was logged.
 */
uint64_t *ngx_http_social_counters_row_add(const ngx_http_social_row_t *row);

/*
 * Counts a value: a time in microseconds, or a number of "group".
 */
void ngx_http_social_observe(ngx_http_social_histogram_t *histogram,
    const uint64_t *bounds, uint64_t value);

extern const uint64_t  ngx_http_social_seconds[NGX_HTTP_SOCIAL_BOUNDS];
extern const uint64_t  ngx_http_social_numbers[NGX_HTTP_SOCIAL_BOUNDS];

/*
 * When the request ends: counts its answer in the one of
 * NGX_HTTP_SOCIAL_ANSWERS counts from "first" on; and the bytes that it was
 * sent in "bytes", and those that it had in the next one, unless that is 0.
 * Without memory it is not counted.
 */
void ngx_http_social_count_answer(ngx_http_request_t *r, ngx_uint_t first,
    ngx_uint_t bytes);

/*
 * What is known of jobs, in the zone; NULL: nothing is counted.
 */
ngx_http_social_jobs_t *ngx_http_social_counters_jobs(ngx_cycle_t *cycle);

/*
 * The zone that they are in.
 */
ngx_slab_pool_t *ngx_http_social_counters_zone(ngx_http_request_t *r);


/*
 * The slot of this process, or NULL.  These are for every request, and inline.
 */

static ngx_inline ngx_http_social_counters_t *
ngx_http_social_counters(void)
{
    return ngx_http_social_counters_process.cycle == ngx_cycle
           ? ngx_http_social_counters_process.slot : NULL;
}


/*
 * The row's numbers in this process, which it alone writes.  NULL: nothing is
 * counted, or the zone is full, which was logged.
 */

static ngx_inline uint64_t *
ngx_http_social_counters_row_values(const ngx_http_social_row_t *row)
{
    uint64_t  *values;

    if (row == NULL || ngx_http_social_counters_process.cycle != ngx_cycle) {
        return NULL;
    }

    values = ngx_http_social_counters_process.rows[row->index];

    return values ? values : ngx_http_social_counters_row_add(row);
}


/*
 * All in the event loop.
 */

static ngx_inline void
ngx_http_social_count(ngx_http_social_count_e count)
{
    ngx_http_social_counters_t  *slot;

    slot = ngx_http_social_counters();

    if (slot != NULL) {
        slot->counts[count]++;
    }
}


#endif /* NGX_HTTP_SOCIAL_COUNTERS_H */
