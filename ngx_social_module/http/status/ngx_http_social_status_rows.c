
/*
 * "social_status": numbers by route, by issuer and of jobs.
 */

#include "ngx_http_social_route.h"
#include "ngx_http_social_status_rows.h"
#include "social_s3_request.h"
#include "social_token.h"


#define LABELS  NGX_HTTP_SOCIAL_STATUS_LABELS


/* the last one is that a valid token is not sufficient */

_Static_assert(NGX_HTTP_SOCIAL_ISSUER_OUTCOMES == SOCIAL_TOKEN_FAILED + 2,
               "a number for each status of a token");


static void ngx_http_social_status_connections_now(
    ngx_http_social_status_text_t *t, const ngx_http_social_status_t *status);
static void ngx_http_social_status_times(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status, size_t offset);
static void ngx_http_social_status_answers(ngx_http_social_status_text_t *t,
    const char *name, const char *help, const uint64_t *counts);
static void ngx_http_social_status_store(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status);
static social_str_t ngx_http_social_status_outcome(ngx_uint_t i);


static const char *const  ngx_http_social_status_answer_names[] = {
    "ok", "refused", "failed", "aborted"
};


static const ngx_http_social_status_part_t
    ngx_http_social_status_lookups[] =
{
    { "connection", NGX_HTTP_SOCIAL_COUNT_TOKEN_CONNECTION },
    { "table", NGX_HTTP_SOCIAL_COUNT_TOKEN_TABLE },
    { "unknown", NGX_HTTP_SOCIAL_COUNT_TOKEN_UNKNOWN },
    { NULL, 0 }
};


static const ngx_http_social_status_part_t
    ngx_http_social_status_cors[] =
{
    { "allowed", NGX_HTTP_SOCIAL_COUNT_CORS_ALLOWED },
    { "refused", NGX_HTTP_SOCIAL_COUNT_CORS_REFUSED },
    { NULL, 0 }
};


static const ngx_http_social_status_part_t
    ngx_http_social_status_preflights[] =
{
    { "allowed", NGX_HTTP_SOCIAL_COUNT_PREFLIGHT_ALLOWED },
    { "refused_origin", NGX_HTTP_SOCIAL_COUNT_PREFLIGHT_ORIGIN },
    { "refused_method", NGX_HTTP_SOCIAL_COUNT_PREFLIGHT_METHOD },
    { "refused_header", NGX_HTTP_SOCIAL_COUNT_PREFLIGHT_HEADER },
    { NULL, 0 }
};


static const ngx_http_social_status_part_t
    ngx_http_social_status_job_states[] =
{
    { "ready", NGX_HTTP_SOCIAL_JOBS_READY },
    { "scheduled", NGX_HTTP_SOCIAL_JOBS_SCHEDULED },
    { "running", NGX_HTTP_SOCIAL_JOBS_RUNNING },
    { "dead", NGX_HTTP_SOCIAL_JOBS_DEAD },
    { NULL, 0 }
};


static const ngx_http_social_status_part_t
    ngx_http_social_status_job_outcomes[] =
{
    { "done", NGX_HTTP_SOCIAL_JOBS_ENDED_DONE },
    { "permanent", NGX_HTTP_SOCIAL_JOBS_ENDED_PERMANENT },
    { "unavailable", NGX_HTTP_SOCIAL_JOBS_ENDED_UNAVAILABLE },
    { "missing", NGX_HTTP_SOCIAL_JOBS_ENDED_MISSING },
    { "timeout", NGX_HTTP_SOCIAL_JOBS_ENDED_TIMEOUT },
    { "died", NGX_HTTP_SOCIAL_JOBS_ENDED_DIED },
    { "lost", NGX_HTTP_SOCIAL_JOBS_ENDED_LOST },
    { NULL, 0 }
};


ngx_int_t
ngx_http_social_status_collect_rows(ngx_http_request_t *r,
    ngx_http_social_status_t *status)
{
    uint64_t                          *sum;
    ngx_str_t                          name;
    ngx_uint_t                         i;
    ngx_http_social_row_kind_e         kind;
    ngx_http_social_status_route_t    *route;
    ngx_http_social_status_issuer_t   *issuer;

    union {
        ngx_http_social_route_counts_t   route;
        ngx_http_social_issuer_counts_t  issuer;
    } counts;

    status->routes = ngx_palloc(r->pool, (NGX_HTTP_SOCIAL_ROUTES + 1)
                                     * sizeof(ngx_http_social_status_route_t));
    status->issuers = ngx_palloc(r->pool, (NGX_HTTP_SOCIAL_ROW_ISSUERS + 1)
                                    * sizeof(ngx_http_social_status_issuer_t));

    if (status->routes == NULL || status->issuers == NULL) {
        return NGX_ERROR;
    }

    sum = (uint64_t *) &counts;

    for (i = 0; i < NGX_HTTP_SOCIAL_ROWS; i++) {

        if (ngx_http_social_counters_row_sum(r, i, &kind, &name, sum)
            != NGX_OK)
        {
            continue;
        }

        if (kind == NGX_HTTP_SOCIAL_ROW_ROUTE) {
            route = &status->routes[status->n_routes++];
            route->name = name;
            route->counts = counts.route;

        } else {
            issuer = &status->issuers[status->n_issuers++];
            issuer->name = name;
            issuer->counts = counts.issuer;
        }
    }

    return NGX_OK;
}


void
ngx_http_social_status_routes(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status)
{
    ngx_uint_t                             i, k;
    const ngx_http_social_status_route_t  *route;
    ngx_http_social_status_label_t         labels[LABELS] = {
        { "route", { 0, NULL } },
        { "code", { 0, NULL } }
    };

    ngx_http_social_status_connections_now(t, status);

    ngx_http_social_status_family(t, "social_requests_total", "counter",
        "Requests by the location that they came to, and status.");

    for (i = 0; i < status->n_routes; i++) {
        route = &status->routes[i];
        labels[0].value.len = route->name.len;
        labels[0].value.data = route->name.data;

        for (k = 0; k < NGX_HTTP_SOCIAL_ROUTE_CODES; k++) {

            if (route->counts.codes[k]) {
                labels[1].value = social_str(ngx_http_social_route_code(k));

                ngx_http_social_status_labelled(t, labels,
                                                route->counts.codes[k], 0);
            }
        }
    }

    ngx_http_social_status_family(t, "social_request_seconds", "histogram",
        "The time from the first byte of a request to the end of its answer.");
    ngx_http_social_status_times(t, status,
                            offsetof(ngx_http_social_route_counts_t, latency));

    ngx_http_social_status_family(t, "social_upstream_seconds", "histogram",
        "The time that upstream servers took, all of one request together.");
    ngx_http_social_status_times(t, status,
                           offsetof(ngx_http_social_route_counts_t, upstream));

    ngx_http_social_status_family(t, "social_received_bytes_total", "counter",
        "Bytes of requests.");

    for (i = 0; i < status->n_routes; i++) {
        route = &status->routes[i];
        ngx_http_social_status_sample(t, "route",
                    (social_str_t) { route->name.len, route->name.data },
                    route->counts.received, 0);
    }

    ngx_http_social_status_family(t, "social_sent_bytes_total", "counter",
        "Bytes of answers.");

    for (i = 0; i < status->n_routes; i++) {
        route = &status->routes[i];
        ngx_http_social_status_sample(t, "route",
                    (social_str_t) { route->name.len, route->name.data },
                    route->counts.sent, 0);
    }
}


/*
 * What nginx counts itself, where it was built with "stub_status".
 */

static void
ngx_http_social_status_connections_now(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status)
{
#if (NGX_STAT_STUB)

    ngx_http_social_status_family(t, "social_connections", "gauge",
        "Connections of clients by state.");
    ngx_http_social_status_sample(t, "state", social_str("reading"),
                                  status->reading, 0);
    ngx_http_social_status_sample(t, "state", social_str("writing"),
                                  status->writing, 0);
    ngx_http_social_status_sample(t, "state", social_str("waiting"),
                                  status->waiting, 0);

    ngx_http_social_status_one(t, "social_connections_accepted_total",
        "counter", "Connections that were accepted.", status->accepted, 0);

    ngx_http_social_status_one(t, "social_connections_dropped_total",
        "counter", "Connections that were closed for want of "
        "worker_connections or memory.",
        status->accepted - status->handled, 0);

#endif
}


/*
 * One histogram of each route, at that place in its counts.
 */

static void
ngx_http_social_status_times(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status, size_t offset)
{
    uint64_t                               n;
    ngx_uint_t                             i, k;
    const ngx_http_social_histogram_t     *histogram;
    const ngx_http_social_status_route_t  *route;
    ngx_http_social_status_label_t         labels[LABELS] = {
        { "route", { 0, NULL } },
        { NULL, { 0, NULL } }
    };

    for (i = 0; i < status->n_routes; i++) {
        route = &status->routes[i];
        histogram = (const ngx_http_social_histogram_t *)
                    ((const u_char *) &route->counts + offset);

        for (n = 0, k = 0; k < NGX_HTTP_SOCIAL_BUCKETS; k++) {
            n += histogram->buckets[k];
        }

        if (n) {
            labels[0].value.len = route->name.len;
            labels[0].value.data = route->name.data;

            ngx_http_social_status_histogram(t, labels,
                                             ngx_http_social_seconds,
                                             histogram, 6);
        }
    }
}


void
ngx_http_social_status_tokens(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status)
{
    ngx_uint_t                              i, k;
    social_str_t                            name;
    const ngx_http_social_status_issuer_t  *issuer;
    ngx_http_social_status_label_t         labels[LABELS] = {
        { "issuer", { 0, NULL } },
        { "outcome", { 0, NULL } }
    };

    ngx_http_social_status_family(t, "social_auth_total", "counter",
        "Decisions of social_auth by issuer, which is empty where it is not "
        "known, and outcome.");

    for (i = 0; i < status->n_issuers; i++) {
        issuer = &status->issuers[i];
        labels[0].value.len = issuer->name.len;
        labels[0].value.data = issuer->name.data;

        for (k = 0; k < NGX_HTTP_SOCIAL_ISSUER_OUTCOMES; k++) {

            if (issuer->counts.outcomes[k]) {
                labels[1].value = ngx_http_social_status_outcome(k);

                ngx_http_social_status_labelled(t, labels,
                                               issuer->counts.outcomes[k], 0);
            }
        }
    }

    ngx_http_social_status_family(t, "social_keys_fetches_total", "counter",
        "Fetches of key sets by outcome.");

    for (i = 0; i < status->n_issuers; i++) {
        issuer = &status->issuers[i];
        name.len = issuer->name.len;
        name.data = issuer->name.data;

        if (name.len == 0) {
            continue;
        }

        labels[0].value = name;

        labels[1].value = social_str("ok");
        ngx_http_social_status_labelled(t, labels, issuer->counts.fetched, 0);

        labels[1].value = social_str("failed");
        ngx_http_social_status_labelled(t, labels, issuer->counts.failed, 0);
    }

    ngx_http_social_status_family(t, "social_token_lookups_total", "counter",
        "Tokens that were looked for among those that were verified: known to "
        "their connection, in the table of the zone, or unknown.");
    ngx_http_social_status_parts(t, "result", ngx_http_social_status_lookups,
                                 status->counters.counts);

    ngx_http_social_status_one(t, "social_signatures_total", "counter",
        "Signatures of tokens that were verified.",
        status->counters.counts[NGX_HTTP_SOCIAL_COUNT_SIGNATURES], 0);
}


static social_str_t
ngx_http_social_status_outcome(ngx_uint_t i)
{
    if (i > SOCIAL_TOKEN_FAILED) {
        return social_str("insufficient");
    }

    return social_token_status_name((social_token_status_e) i);
}


void
ngx_http_social_status_requests(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status)
{
    const uint64_t  *counts;

    counts = status->counters.counts;

    ngx_http_social_status_family(t, "social_cors_requests_total", "counter",
        "Requests with an Origin, but preflights, by whether social_cors "
        "allows it.");
    ngx_http_social_status_parts(t, "outcome", ngx_http_social_status_cors,
                                 counts);

    ngx_http_social_status_family(t, "social_cors_preflights_total", "counter",
        "Preflights by outcome.");
    ngx_http_social_status_parts(t, "outcome",
                                 ngx_http_social_status_preflights, counts);

    ngx_http_social_status_answers(t, "social_logouts_total",
        "Requests to social_logout by outcome.",
        counts + NGX_HTTP_SOCIAL_COUNT_LOGOUT);

    ngx_http_social_status_answers(t, "social_presigns_total",
        "Requests to social_presign by outcome.",
        counts + NGX_HTTP_SOCIAL_COUNT_PRESIGN);

    ngx_http_social_status_store(t, status);
}


static void
ngx_http_social_status_answers(ngx_http_social_status_text_t *t,
    const char *name, const char *help, const uint64_t *counts)
{
    ngx_uint_t  i;

    ngx_http_social_status_family(t, name, "counter", help);

    for (i = 0; i < NGX_HTTP_SOCIAL_ANSWERS; i++) {
        ngx_http_social_status_sample(t, "outcome",
                         social_str(ngx_http_social_status_answer_names[i]),
                         counts[i], 0);
    }
}


static void
ngx_http_social_status_store(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status)
{
    ngx_uint_t                          i, k;
    const uint64_t                     *counts;
    const ngx_http_social_histogram_t  *histograms;
    ngx_http_social_status_label_t         labels[LABELS] = {
        { "operation", { 0, NULL } },
        { "outcome", { 0, NULL } }
    };

    ngx_http_social_status_family(t, "social_store_requests_total", "counter",
        "Requests to social_store by operation and outcome.");

    for (i = 0; i < NGX_HTTP_SOCIAL_STORE_OPERATIONS; i++) {

        counts = status->counters.counts + NGX_HTTP_SOCIAL_COUNT_STORE
                 + i * NGX_HTTP_SOCIAL_ANSWERS;

        labels[0].value = i == SOCIAL_S3_NO_OPERATION ? social_str("none")
                          : social_s3_operation_name((social_s3_operation_e) i);

        for (k = 0; k < NGX_HTTP_SOCIAL_ANSWERS; k++) {

            if (counts[k]) {
                labels[1].value =
                         social_str(ngx_http_social_status_answer_names[k]);
                ngx_http_social_status_labelled(t, labels, counts[k], 0);
            }
        }
    }

    counts = status->counters.counts;
    histograms = status->counters.histograms;

    ngx_http_social_status_one(t, "social_store_sent_bytes_total", "counter",
        "Bytes of answers of social_store.",
        counts[NGX_HTTP_SOCIAL_COUNT_STORE_READ], 0);

    ngx_http_social_status_one(t, "social_store_received_bytes_total",
        "counter", "Bytes of requests to social_store.",
        counts[NGX_HTTP_SOCIAL_COUNT_STORE_WRITTEN], 0);

    ngx_http_social_status_family(t, "social_store_sync_seconds", "histogram",
        "The time of a sync of the disk, which commits share.");
    ngx_http_social_status_histogram(t, ngx_http_social_status_no_labels,
                                 ngx_http_social_seconds,
                                 &histograms[NGX_HTTP_SOCIAL_HISTOGRAM_SYNC],
                                 6);

    ngx_http_social_status_family(t, "social_store_sync_commits", "histogram",
        "How many commits shared a sync.");
    ngx_http_social_status_histogram(t, ngx_http_social_status_no_labels,
                                 ngx_http_social_numbers,
                                 &histograms[NGX_HTTP_SOCIAL_HISTOGRAM_GROUP],
                                 0);
}


void
ngx_http_social_status_jobs(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status)
{
    ngx_http_social_status_family(t, "social_jobs", "gauge",
        "Jobs of the database by state, of which at most 100000 are counted.");
    ngx_http_social_status_parts(t, "state",
                                 ngx_http_social_status_job_states,
                                 status->jobs);

    ngx_http_social_status_one(t, "social_jobs_oldest_seconds", "gauge",
        "How long the oldest of the jobs that are next has waited.",
        status->jobs[NGX_HTTP_SOCIAL_JOBS_OLDEST], 3);

    ngx_http_social_status_one(t, "social_job_workers", "gauge",
        "Processes of social-worker that have a lease.",
        status->jobs[NGX_HTTP_SOCIAL_JOBS_WORKERS], 0);

    ngx_http_social_status_family(t, "social_jobs_ended_total", "counter",
        "Attempts of all workers by outcome: done, or the class of a failure.");
    ngx_http_social_status_parts(t, "outcome",
                                 ngx_http_social_status_job_outcomes,
                                 status->jobs);

    ngx_http_social_status_one(t, "social_jobs_busy_seconds_total", "counter",
        "The time that jobs took that are done.",
        status->jobs[NGX_HTTP_SOCIAL_JOBS_BUSY], 3);
}
