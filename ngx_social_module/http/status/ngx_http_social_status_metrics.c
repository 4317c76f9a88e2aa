
/*
 * "social_status": which numbers there are.
 *
 * Names are those of Prometheus' conventions: base units, "_total" for what
 * only grows.
 */

#include "ngx_http_social_check.h"
#include "ngx_http_social_database.h"
#include "ngx_http_social_keys.h"
#include "ngx_http_social_status.h"
#include "ngx_http_social_status_rows.h"


static ngx_int_t ngx_http_social_status_collect_keys(ngx_http_request_t *r,
    ngx_http_social_status_t *status);
static ngx_int_t ngx_http_social_status_collect_spools(ngx_http_request_t *r,
    ngx_http_social_status_t *status);
static void ngx_http_social_status_process(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status);
static void ngx_http_social_status_database(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status);
static void ngx_http_social_status_hooks(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status);
static void ngx_http_social_status_keys(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status);


static const ngx_http_social_status_part_t
    ngx_http_social_status_connections[] =
{
    { "up", NGX_HTTP_SOCIAL_GAUGE_UP },
    { "connecting", NGX_HTTP_SOCIAL_GAUGE_CONNECTING },
    { "down", NGX_HTTP_SOCIAL_GAUGE_DOWN },
    { NULL, 0 }
};


static const ngx_http_social_status_part_t
    ngx_http_social_status_pending[] =
{
    { "sent", NGX_HTTP_SOCIAL_GAUGE_SENT },
    { "queued", NGX_HTTP_SOCIAL_GAUGE_QUEUED },
    { NULL, 0 }
};


static const ngx_http_social_status_part_t
    ngx_http_social_status_statements[] =
{
    { "ok", NGX_HTTP_SOCIAL_COUNT_STATEMENT_OK },
    { "refused", NGX_HTTP_SOCIAL_COUNT_STATEMENT_REFUSED },
    { "locked", NGX_HTTP_SOCIAL_COUNT_STATEMENT_LOCKED },
    { "unavailable", NGX_HTTP_SOCIAL_COUNT_STATEMENT_UNAVAILABLE },
    { NULL, 0 }
};


static const ngx_http_social_status_part_t
    ngx_http_social_status_events[] =
{
    { "accepted", NGX_HTTP_SOCIAL_COUNT_HOOK_ACCEPTED },
    { "unchanged", NGX_HTTP_SOCIAL_COUNT_HOOK_UNCHANGED },
    { "spooled", NGX_HTTP_SOCIAL_COUNT_HOOK_SPOOLED },
    { "denied", NGX_HTTP_SOCIAL_COUNT_HOOK_DENIED },
    { "refused", NGX_HTTP_SOCIAL_COUNT_HOOK_REFUSED },
    { "failed", NGX_HTTP_SOCIAL_COUNT_HOOK_FAILED },
    { NULL, 0 }
};


ngx_int_t
ngx_http_social_status_collect(ngx_http_request_t *r,
    ngx_http_social_status_t *status)
{
    ngx_slab_pool_t             *zone;
    ngx_http_social_counters_t  *counters;
    ngx_http_social_database_t  *db;

    ngx_memzero(status, sizeof(ngx_http_social_status_t));

    db = ngx_http_social_database_of(r);
    counters = ngx_http_social_counters();

    if (db != NULL && counters != NULL) {
        ngx_http_social_database_measure(db, counters);
    }

    status->database = (db != NULL);

#if (NGX_STAT_STUB)

    /* once: the text is measured and written, and others count meanwhile */

    status->handled = *ngx_stat_handled;
    status->accepted = *ngx_stat_accepted;
    status->reading = *ngx_stat_reading;
    status->writing = *ngx_stat_writing;
    status->waiting = *ngx_stat_waiting;

#endif

    ngx_http_social_counters_sum(r, &status->counters, &status->processes);

    status->has_jobs = db != NULL
                       && ngx_http_social_jobs_get(r, status->jobs) == NGX_OK;

    if (ngx_http_social_status_collect_rows(r, status) != NGX_OK) {
        return NGX_ERROR;
    }

    zone = ngx_http_social_counters_zone(r);

    status->zone_size = zone->end - (u_char *) zone;
    status->zone_free = zone->pfree * ngx_pagesize;

    status->peers = ngx_http_social_check_numbers(r);

    if (status->peers == NULL
        || ngx_http_social_status_collect_keys(r, status) != NGX_OK
        || ngx_http_social_status_collect_limits(r, status) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_social_status_collect_spools(r, status);
}


static ngx_int_t
ngx_http_social_status_collect_keys(ngx_http_request_t *r,
    ngx_http_social_status_t *status)
{
    time_t                                loaded;
    ngx_uint_t                            i;
    ngx_http_social_issuer_t            **issuer;
    ngx_http_social_status_keys_t        *keys;
    ngx_http_social_issuer_main_conf_t   *imcf;

    imcf = ngx_http_get_module_main_conf(r, ngx_http_social_issuer_module);
    issuer = imcf->issuers.elts;

    status->n_keys = imcf->issuers.nelts;
    status->keys = ngx_palloc(r->pool, (status->n_keys + 1)
                                     * sizeof(ngx_http_social_status_keys_t));
    if (status->keys == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < status->n_keys; i++) {
        keys = &status->keys[i];
        loaded = ngx_http_social_keys_loaded(issuer[i]);

        keys->issuer = issuer[i];
        keys->loaded = ngx_http_social_keys_current(issuer[i]) != NULL;
        keys->age = loaded ? ngx_max(ngx_time() - loaded, 0) : -1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_status_collect_spools(ngx_http_request_t *r,
    ngx_http_social_status_t *status)
{
    ngx_uint_t                       i;
    ngx_array_t                     *spools;
    ngx_http_social_hook_spool_t   **spool;

    spools = ngx_http_social_hook_spools(r);
    spool = spools->elts;

    status->n_spools = spools->nelts;
    status->spools = ngx_palloc(r->pool, (status->n_spools + 1)
                                     * sizeof(ngx_http_social_status_spool_t));
    if (status->spools == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < status->n_spools; i++) {
        status->spools[i].spool = spool[i];

        ngx_http_social_hook_spool_state(spool[i], &status->spools[i].state);
    }

    return NGX_OK;
}


void
ngx_http_social_status_write(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status)
{
    ngx_http_social_status_process(t, status);
    ngx_http_social_status_routes(t, status);
    ngx_http_social_status_tokens(t, status);
    ngx_http_social_status_requests(t, status);

    if (status->database) {
        ngx_http_social_status_database(t, status);
    }

    if (status->has_jobs) {
        ngx_http_social_status_jobs(t, status);
    }

    ngx_http_social_status_hooks(t, status);

    if (status->n_keys) {
        ngx_http_social_status_keys(t, status);
    }

    if (status->n_limits) {
        ngx_http_social_status_limits(t, status);
    }

    if (status->peers->nelts) {
        ngx_http_social_status_peers(t, status);
    }

    ngx_http_social_status_end(t);
}


static void
ngx_http_social_status_process(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status)
{
    const ngx_http_social_counters_t  *counters;

    counters = &status->counters;

    ngx_http_social_status_one(t, "social_worker_processes", "gauge",
        "Worker processes of nginx, those that are exiting included.",
        status->processes, 0);

    ngx_http_social_status_one(t, "social_event_loop_stalls_total", "counter",
        "Iterations of the event loop that took longer than 20 ms.",
        counters->counts[NGX_HTTP_SOCIAL_COUNT_STALLS], 0);

    ngx_http_social_status_one(t, "social_event_loop_stalled_seconds_total",
        "counter", "The time that these took.",
        counters->counts[NGX_HTTP_SOCIAL_COUNT_STALLED], 3);

    ngx_http_social_status_one(t, "social_event_loop_longest_stall_seconds",
        "gauge", "The longest of these since nginx was started.",
        counters->peaks[NGX_HTTP_SOCIAL_PEAK_STALL], 3);

    ngx_http_social_status_one(t, "social_event_loop_late_wakeups_total",
        "counter", "Waits for events that ended more than 20 ms too late: the "
        "process was stopped, or had no processor.",
        counters->counts[NGX_HTTP_SOCIAL_COUNT_LATE], 0);

    ngx_http_social_status_one(t, "social_zone_size_bytes", "gauge",
        "The shared memory of social_zone.", status->zone_size, 0);

    ngx_http_social_status_one(t, "social_zone_free_bytes", "gauge",
        "What of it is in pages that are not used.", status->zone_free, 0);
}


static void
ngx_http_social_status_database(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status)
{
    const ngx_http_social_counters_t  *counters;

    counters = &status->counters;

    ngx_http_social_status_family(t, "social_database_connections", "gauge",
        "Connections of all worker processes to PostgreSQL, by state.");
    ngx_http_social_status_parts(t, "state",
                                 ngx_http_social_status_connections,
                                 counters->gauges);

    ngx_http_social_status_family(t, "social_database_pending_statements",
        "gauge", "Statements without a result, sent or queued.");
    ngx_http_social_status_parts(t, "state", ngx_http_social_status_pending,
                                 counters->gauges);

    ngx_http_social_status_family(t, "social_database_statements_total",
        "counter", "Statements by outcome.");
    ngx_http_social_status_parts(t, "outcome",
                                 ngx_http_social_status_statements,
                                 counters->counts);

    ngx_http_social_status_family(t, "social_database_statement_seconds",
        "histogram", "The time from a statement's arrival to its outcome, in "
        "the queue included.");
    ngx_http_social_status_histogram(t, ngx_http_social_status_no_labels,
                ngx_http_social_seconds,
                &counters->histograms[NGX_HTTP_SOCIAL_HISTOGRAM_STATEMENT], 6);

    ngx_http_social_status_one(t, "social_database_connects_total", "counter",
        "Connections that were made.",
        counters->counts[NGX_HTTP_SOCIAL_COUNT_CONNECTED], 0);

    ngx_http_social_status_one(t, "social_database_connection_failures_total",
        "counter", "Connections that were lost, or could not be made.",
        counters->counts[NGX_HTTP_SOCIAL_COUNT_CONNECTION_LOST], 0);
}


static void
ngx_http_social_status_hooks(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status)
{
    ngx_uint_t                             i, k;
    social_str_t                           path;
    const ngx_http_social_counters_t      *counters;
    const ngx_http_social_status_spool_t  *s;

    static const struct {
        const char  *name;
        const char  *help;
    } families[] = {
        { "social_hook_spool_events", "Events that wait for the database." },
        { "social_hook_spool_bytes", "The bytes that they have." },
        { "social_hook_spool_aside_events",
          "Events that were set aside: a person is to look at them." },
        { "social_hook_spool_limit_events", "How many may wait." },
        { "social_hook_spool_limit_bytes", "How many bytes they may have." }
    };

    counters = &status->counters;

    ngx_http_social_status_family(t, "social_hook_events_total", "counter",
        "Events of hooks by outcome.");
    ngx_http_social_status_parts(t, "outcome", ngx_http_social_status_events,
                                 counters->counts);

    if (status->n_spools == 0) {
        return;
    }

    for (k = 0; k < sizeof(families) / sizeof(families[0]); k++) {

        ngx_http_social_status_family(t, families[k].name, "gauge",
                                      families[k].help);

        for (i = 0; i < status->n_spools; i++) {
            s = &status->spools[i];
            path = ngx_http_social_view(&s->spool->path);

            ngx_http_social_status_sample(t, "spool", path,
                                          k == 0 ? s->state.events
                                          : k == 1 ? s->state.bytes
                                          : k == 2 ? s->state.aside
                                          : k == 3 ? s->spool->max_events
                                          : s->spool->max_size,
                                          0);
        }
    }

    ngx_http_social_status_one(t, "social_hook_spool_committed_events_total",
        "counter", "Events of the spool that were committed.",
        counters->counts[NGX_HTTP_SOCIAL_COUNT_SPOOL_COMMITTED], 0);

    ngx_http_social_status_one(t, "social_hook_spool_set_aside_events_total",
        "counter", "Events of the spool that the database has refused, or that "
        "were damaged.",
        counters->counts[NGX_HTTP_SOCIAL_COUNT_SPOOL_ASIDE], 0);
}


static void
ngx_http_social_status_keys(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status)
{
    ngx_uint_t                            i;
    const ngx_http_social_status_keys_t  *keys;

    ngx_http_social_status_family(t, "social_keys_loaded", "gauge",
        "1 where there are keys of the issuer to verify tokens with.");

    for (i = 0; i < status->n_keys; i++) {
        keys = &status->keys[i];

        ngx_http_social_status_sample(t, "issuer",
                                      ngx_http_social_view(&keys->issuer->name),
                                      keys->loaded, 0);
    }

    ngx_http_social_status_family(t, "social_keys_age_seconds", "gauge",
        "The time since keys were last fetched, where they are.");

    for (i = 0; i < status->n_keys; i++) {
        keys = &status->keys[i];

        if (keys->age != -1) {
            ngx_http_social_status_sample(t, "issuer",
                                      ngx_http_social_view(&keys->issuer->name),
                                      keys->age, 0);
        }
    }
}
