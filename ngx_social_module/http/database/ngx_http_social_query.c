
/*
 * One statement, from its parameters to its outcome.
 *
 * A query has memory of its own and outlives its request: a client that
 * leaves does not take back what was sent to the database.
 */

#include "ngx_http_social_counters.h"
#include "ngx_http_social_query.h"


static void ngx_http_social_query_count(ngx_http_social_query_t *query,
    ngx_http_social_query_outcome_e outcome);
static void ngx_http_social_query_cleanup(void *data);


ngx_http_social_query_t *
ngx_http_social_query_create(ngx_http_request_t *r,
    const social_pq_param_t *params, ngx_uint_t n)
{
    u_char                   *p;
    ngx_uint_t                i;
    ngx_pool_t               *pool;
    ngx_http_cleanup_t       *cln;
    ngx_http_social_query_t  *query;

    cln = NULL;

    if (r != NULL) {
        cln = ngx_http_cleanup_add(r, 0);
        if (cln == NULL) {
            return NULL;
        }
    }

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    query = ngx_pcalloc(pool, sizeof(ngx_http_social_query_t));

    if (query == NULL) {
        goto failed;
    }

    query->pool = pool;
    query->n = n;
    query->created = ngx_current_msec;

    query->params = ngx_palloc(pool, (n + 1) * sizeof(social_pq_param_t));
    if (query->params == NULL) {
        goto failed;
    }

    for (i = 0; i < n; i++) {

        query->params[i] = params[i];

        if (params[i].null || params[i].value.len == 0) {
            continue;
        }

        p = ngx_pnalloc(pool, params[i].value.len);
        if (p == NULL) {
            goto failed;
        }

        ngx_memcpy(p, params[i].value.data, params[i].value.len);
        query->params[i].value.data = p;
    }

    if (r == NULL) {
        return query;
    }

    cln->handler = ngx_http_social_query_cleanup;
    cln->data = query;

    query->request = r;
    query->cleanup = cln;

    /* a body that is still being thrown away has a handler of its own */

    if (r == r->main && r->read_event_handler == ngx_http_block_reading) {
        r->read_event_handler = ngx_http_test_reading;
    }

    return query;

failed:

    ngx_destroy_pool(pool);

    return NULL;
}


ngx_uint_t
ngx_http_social_query_wanted(const ngx_http_social_query_t *query)
{
    return query->request != NULL || query->background != NULL;
}


ngx_int_t
ngx_http_social_query_cmp(const void *one, const void *two)
{
    size_t                          len;
    ngx_int_t                       rc;
    ngx_uint_t                      i, k;
    const social_pq_param_t        *a, *b;
    const ngx_http_social_query_t  *first, *second;

    first = *(ngx_http_social_query_t *const *) one;
    second = *(ngx_http_social_query_t *const *) two;

    for (i = 0; i < NGX_HTTP_SOCIAL_STATEMENT_KEYS; i++) {

        k = first->statement->keys[i];
        a = &first->params[k];
        b = &second->params[k];

        if (a->null || b->null) {
            rc = (ngx_int_t) b->null - (ngx_int_t) a->null;

        } else {
            len = ngx_min(a->value.len, b->value.len);
            rc = len ? ngx_memcmp(a->value.data, b->value.data, len) : 0;

            if (rc == 0 && a->value.len != b->value.len) {
                rc = a->value.len < b->value.len ? -1 : 1;
            }
        }

        if (rc != 0) {
            return rc;
        }
    }

    return 0;
}


void
ngx_http_social_query_answer(ngx_http_social_query_t *query,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result)
{
    ngx_connection_t                     *c;
    ngx_http_request_t                   *r;
    ngx_http_social_query_background_pt   background;

    ngx_http_social_query_count(query, outcome);

    background = query->background;

    if (background) {
        query->background = NULL;
        background(outcome, result, query->data);
        return;
    }

    r = query->request;

    if (r == NULL) {
        return;
    }

    /* r may be gone after its handler */

    query->cleanup->handler = NULL;
    query->request = NULL;

    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    query->handler(r, outcome, result, query->data);

    ngx_http_run_posted_requests(c);
}


void
ngx_http_social_query_done(ngx_http_social_query_t *query,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result)
{
    if (query->timer.timer_set) {
        ngx_del_timer(&query->timer);
    }

    ngx_http_social_query_answer(query, outcome, result);

    ngx_destroy_pool(query->pool);
}


/*
 * The outcome that its caller has seen, which is the first one.
 */

static void
ngx_http_social_query_count(ngx_http_social_query_t *query,
    ngx_http_social_query_outcome_e outcome)
{
    static const ngx_http_social_count_e  counts[] = {
        NGX_HTTP_SOCIAL_COUNT_STATEMENT_OK,
        NGX_HTTP_SOCIAL_COUNT_STATEMENT_REFUSED,
        NGX_HTTP_SOCIAL_COUNT_STATEMENT_LOCKED,
        NGX_HTTP_SOCIAL_COUNT_STATEMENT_UNAVAILABLE
    };

    ngx_http_social_counters_t  *counters;

    counters = ngx_http_social_counters();

    if (query->counted || counters == NULL) {
        return;
    }

    query->counted = 1;
    counters->counts[counts[outcome]]++;

    ngx_http_social_observe(
                &counters->histograms[NGX_HTTP_SOCIAL_HISTOGRAM_STATEMENT],
                ngx_http_social_seconds,
                (uint64_t) (ngx_msec_t) (ngx_current_msec - query->created)
                * 1000);
}


static void
ngx_http_social_query_cleanup(void *data)
{
    ngx_http_social_query_t  *query = data;

    query->request = NULL;
}
