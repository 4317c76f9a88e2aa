
/*
 * What the database knows of jobs and workers: asked by one worker process at
 * an interval, whatever the number of requests for the status, and kept in the
 * zone.  Rows are a name and a number; names that are not known here are those
 * of a later schema.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_duty.h"
#include "ngx_http_social_jobs.h"
#include "ngx_http_social_zone.h"


typedef struct {
    ngx_http_social_duty_t   duty;
    ngx_http_social_jobs_t  *jobs;
    ngx_slab_pool_t         *shpool;
} ngx_http_social_jobs_ask_t;


static void ngx_http_social_jobs_ask(ngx_http_social_duty_t *duty);
static void ngx_http_social_jobs_answered(
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data);
static ngx_uint_t ngx_http_social_jobs_find(social_str_t name);


/* by ngx_http_social_jobs_value_e */

static const social_str_t  ngx_http_social_jobs_names[] = {
    social_string("ready"),
    social_string("scheduled"),
    social_string("running"),
    social_string("dead"),
    social_string("oldest"),
    social_string("workers"),
    social_string("done"),
    social_string("permanent"),
    social_string("unavailable"),
    social_string("missing"),
    social_string("timeout"),
    social_string("died"),
    social_string("lost"),
    social_string("busy")
};


_Static_assert(sizeof(ngx_http_social_jobs_names) / sizeof(social_str_t)
               == NGX_HTTP_SOCIAL_JOBS_VALUES, "a name for each value");


static const ngx_http_social_statement_t  ngx_http_social_jobs_statement = {
    .sql = "SELECT name, value FROM social_jobs_status()",
    .repeat = 1
};


ngx_int_t
ngx_http_social_jobs_start(ngx_cycle_t *cycle)
{
    ngx_http_social_jobs_ask_t   *ask;
    ngx_http_social_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_social_module);

    ask = ngx_pcalloc(cycle->pool, sizeof(ngx_http_social_jobs_ask_t));
    if (ask == NULL) {
        return NGX_ERROR;
    }

    ask->jobs = ngx_http_social_counters_jobs(cycle);
    ask->shpool = smcf->counting->shpool;

    ask->duty.interval = NGX_HTTP_SOCIAL_JOBS_INTERVAL;
    ask->duty.lease = &ask->jobs->lease;
    ask->duty.shpool = ask->shpool;
    ask->duty.handler = ngx_http_social_jobs_ask;
    ask->duty.data = ask;

    ngx_http_social_duty_start(&ask->duty, cycle);
    ngx_http_social_duty_soon(&ask->duty);

    return NGX_OK;
}


static void
ngx_http_social_jobs_ask(ngx_http_social_duty_t *duty)
{
    (void) ngx_http_social_query_background_statement(
                                       &ngx_http_social_jobs_statement, NULL,
                                       0, ngx_http_social_jobs_answered,
                                       duty->data);
}


/*
 * Without an answer the last one stays until it is too old to be shown: what is
 * wrong with the database is logged where statements are sent.
 */

static void
ngx_http_social_jobs_answered(ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data)
{
    ngx_http_social_jobs_ask_t *ask = data;

    off_t         n;
    size_t        row;
    uint64_t      values[NGX_HTTP_SOCIAL_JOBS_VALUES];
    ngx_uint_t    i;
    social_str_t  name, value;

    /* or a single process has read another configuration */

    if (outcome != NGX_HTTP_SOCIAL_QUERY_OK || ask->duty.cycle != ngx_cycle) {
        return;
    }

    ngx_memzero(values, sizeof(values));

    for (row = 0; row < social_pq_result_rows(result); row++) {

        if (!social_pq_result_value(result, row, 0, &name)
            || !social_pq_result_value(result, row, 1, &value))
        {
            continue;
        }

        i = ngx_http_social_jobs_find(name);
        n = ngx_atoof((u_char *) value.data, value.len);

        if (i < NGX_HTTP_SOCIAL_JOBS_VALUES && n >= 0) {
            values[i] = n;
        }
    }

    ngx_shmtx_lock(&ask->shpool->mutex);
    ngx_memcpy(ask->jobs->values, values, sizeof(values));
    ask->jobs->at = ngx_time();
    ngx_shmtx_unlock(&ask->shpool->mutex);
}


static ngx_uint_t
ngx_http_social_jobs_find(social_str_t name)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_SOCIAL_JOBS_VALUES; i++) {
        if (social_str_eq(ngx_http_social_jobs_names[i], name)) {
            break;
        }
    }

    return i;
}


ngx_int_t
ngx_http_social_jobs_get(ngx_http_request_t *r,
    uint64_t values[NGX_HTTP_SOCIAL_JOBS_VALUES])
{
    time_t                   at;
    ngx_slab_pool_t         *shpool;
    ngx_http_social_jobs_t  *jobs;

    shpool = ngx_http_social_counters_zone(r);
    jobs = ngx_http_social_counters_jobs((ngx_cycle_t *) ngx_cycle);

    ngx_shmtx_lock(&shpool->mutex);
    at = jobs->at;
    ngx_memcpy(values, jobs->values,
               NGX_HTTP_SOCIAL_JOBS_VALUES * sizeof(uint64_t));
    ngx_shmtx_unlock(&shpool->mutex);

    return at != 0 && ngx_time() - at <= NGX_HTTP_SOCIAL_JOBS_STALE
           ? NGX_OK : NGX_DECLINED;
}
