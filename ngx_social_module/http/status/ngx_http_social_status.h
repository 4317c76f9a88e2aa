
/*
 * "social_status": the numbers of this gateway, for Prometheus and as JSON.
 */

#ifndef NGX_HTTP_SOCIAL_STATUS_H
#define NGX_HTTP_SOCIAL_STATUS_H


#include "ngx_http_social_counters.h"
#include "ngx_http_social_hook_spool.h"
#include "ngx_http_social_issuer.h"
#include "ngx_http_social_limit.h"
#include "ngx_http_social_jobs.h"


typedef enum {
    NGX_HTTP_SOCIAL_STATUS_NONE = 0,
    NGX_HTTP_SOCIAL_STATUS_PROMETHEUS,
    NGX_HTTP_SOCIAL_STATUS_JSON,
    NGX_HTTP_SOCIAL_STATUS_HTML
} ngx_http_social_status_form_e;


typedef struct {
    ngx_http_social_issuer_t            *issuer;
    ngx_uint_t                           loaded;
    time_t                               age;     /* -1: not known */
} ngx_http_social_status_keys_t;


typedef struct {
    ngx_str_t                            name;
    ngx_http_social_route_counts_t       counts;
} ngx_http_social_status_route_t;


typedef struct {
    ngx_str_t                            name;
    ngx_http_social_issuer_counts_t      counts;
} ngx_http_social_status_issuer_t;


typedef struct {
    ngx_http_social_hook_spool_t        *spool;
    ngx_http_social_hook_spool_state_t   state;
} ngx_http_social_status_spool_t;


typedef struct {
    ngx_http_social_limit_zone_t        *zone;
    uint64_t                             admitted;
    uint64_t                             refused;
    uint64_t                             dry_run;
    uint64_t                             dropped;
    uint64_t                             keys;
    uint64_t                             leases;
} ngx_http_social_status_limit_t;


typedef struct {
    ngx_uint_t                           shared;  /* there is a fleet */
    uint64_t                             gateways;
    uint64_t                             done;
    uint64_t                             failed;
    ngx_msec_int_t                       age;     /* -1: never done */
} ngx_http_social_status_fleet_t;


/*
 * All of it, at one time.
 */
typedef struct {
    ngx_http_social_counters_t           counters;
    ngx_uint_t                           processes;
    uint64_t                             reading;      /* connections */
    uint64_t                             writing;
    uint64_t                             waiting;
    uint64_t                             accepted;
    uint64_t                             handled;
    size_t                               zone_size;    /* bytes */
    size_t                               zone_free;
    ngx_uint_t                           database;     /* there is one */

    ngx_uint_t                           has_jobs;
    uint64_t                             jobs[NGX_HTTP_SOCIAL_JOBS_VALUES];

    ngx_http_social_status_route_t      *routes;
    ngx_uint_t                           n_routes;
    ngx_http_social_status_issuer_t     *issuers;
    ngx_uint_t                           n_issuers;

    ngx_http_social_status_keys_t       *keys;
    ngx_uint_t                           n_keys;
    ngx_http_social_status_spool_t      *spools;
    ngx_uint_t                           n_spools;
    ngx_http_social_status_limit_t      *limits;
    ngx_uint_t                           n_limits;
    ngx_http_social_status_fleet_t       fleet;
    ngx_array_t                         *peers;    /* that are checked */
} ngx_http_social_status_t;


/*
 * Text that is being written, in one form or the other.
 */
typedef struct {
    u_char                              *buf;      /* NULL: it is measured */
    size_t                               len;
    ngx_http_social_status_form_e        form;
    const char                          *name;     /* of the family */
    ngx_uint_t                           families;
    ngx_uint_t                           samples;  /* of the family */
} ngx_http_social_status_text_t;


typedef struct {
    const char                          *name;     /* NULL: there is none */
    social_str_t                         value;
} ngx_http_social_status_label_t;


#define NGX_HTTP_SOCIAL_STATUS_LABELS  3           /* of a sample, at most */


/*
 * The value of a label, and of which number of a list.
 */
typedef struct {
    const char                          *value;
    ngx_uint_t                           i;
} ngx_http_social_status_part_t;


extern const ngx_http_social_status_label_t
    ngx_http_social_status_no_labels[NGX_HTTP_SOCIAL_STATUS_LABELS];


/* ngx_http_social_status_text.c */

/*
 * Begins a family of samples: its name, its type ("counter" or "gauge"), and
 * one line of what it is.
 */
void ngx_http_social_status_family(ngx_http_social_status_text_t *t,
    const char *name, const char *type, const char *help);

/*
 * Adds a sample to it: with a label, or none where that is NULL; "digits" of
 * the value are behind the point.
 */
void ngx_http_social_status_sample(ngx_http_social_status_text_t *t,
    const char *label, social_str_t label_value, uint64_t value,
    ngx_uint_t digits);

/*
 * The same with NGX_HTTP_SOCIAL_STATUS_LABELS of them, those that have no name
 * left out.
 */
void ngx_http_social_status_labelled(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_label_t *labels, uint64_t value,
    ngx_uint_t digits);

/*
 * A sample of a family of the type "histogram", whose values have 6 digits
 * behind the point, or none.  The JSON has "buckets", an array of the bound
 * and how many were not above it, "count" and "sum".
 */
void ngx_http_social_status_histogram(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_label_t *labels, const uint64_t *bounds,
    const ngx_http_social_histogram_t *histogram, ngx_uint_t digits);

/*
 * A family of one sample without a label; and samples of "values" for each of
 * "parts", which end with one without a value.
 */
void ngx_http_social_status_one(ngx_http_social_status_text_t *t,
    const char *name, const char *type, const char *help, uint64_t value,
    ngx_uint_t digits);
void ngx_http_social_status_parts(ngx_http_social_status_text_t *t,
    const char *label, const ngx_http_social_status_part_t *parts,
    const uint64_t *values);

/*
 * To be called at the end.
 */
void ngx_http_social_status_end(ngx_http_social_status_text_t *t);


/* ngx_http_social_status_metrics.c */

/*
 * What is so now; "status" has pieces in r->pool.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_status_collect(ngx_http_request_t *r,
    ngx_http_social_status_t *status);

/*
 * Writes all of it.
 */
void ngx_http_social_status_write(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status);


/* ngx_http_social_status_limits.c */

/*
 * Those of limits, which are collected by the first one, into r->pool.
 * NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_status_collect_limits(ngx_http_request_t *r,
    ngx_http_social_status_t *status);
void ngx_http_social_status_limits(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status);


/* ngx_http_social_status_peers.c */

/*
 * Writes what is known of peers that are checked.
 */
void ngx_http_social_status_peers(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status);


#endif /* NGX_HTTP_SOCIAL_STATUS_H */
