
/*
 * "social_limit": what gateways of one database learn of each other.
 *
 * DESIGN.  One worker process of a gateway, which has the lease, reports to the
 * database in each interval what keys with a slot are asked for, and gets what
 * others are asked for: one statement for all keys of all limits.  A key that
 * has just got its slot is reported as soon as the timer of the duty sees it.
 * No request waits for any of it.
 *
 * Each gateway computes its shares by itself.  Those who know the same demands
 * have shares that add up to 1; one whose demand has just changed has others
 * follow within an interval.  A gateway that says nothing for three of them
 * counts no more, and the others have its share.  Times are the database's, or
 * intervals: clocks of gateways are not compared.
 *
 * What was used of quotas is counted once: exchanges have numbers, and one
 * whose answer did not come is sent again as it was.  Until there is an answer
 * it is in the zone as well, so that another process goes on with it where the
 * one that has begun it leaves, is killed, or is stopped for so long that it
 * loses the lease.  While there is no answer shares stay as they are.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_limit.h"
#include "ngx_http_social_zone.h"
#include "social_crypto.h"


#define NGX_HTTP_SOCIAL_LIMIT_TICKS   5        /* of the duty, an interval */
#define NGX_HTTP_SOCIAL_LIMIT_LEASE   3        /* intervals */
#define NGX_HTTP_SOCIAL_LIMIT_EXPIRE  60000    /* ms */
#define NGX_HTTP_SOCIAL_LIMIT_ROWS    1000
#define NGX_HTTP_SOCIAL_LIMIT_PARAMS  7


struct ngx_http_social_limit_exchange_s {
    ngx_http_social_duty_t              duty;
    ngx_http_social_limit_main_conf_t  *lmcf;

    ngx_pool_t                         *pool;    /* of "reports"; or NULL */
    ngx_array_t                        *reports;
    uint64_t                            number;

    ngx_msec_t                          next;    /* when all are reported */
    ngx_msec_t                          expire;
    unsigned                            begun:1;
    unsigned                            busy:1;  /* a statement is under way */
    unsigned                            kept:1;  /* it is in the zone */
    unsigned                            failing:1;
};


static void ngx_http_social_limit_exchange_duty(ngx_http_social_duty_t *duty);
static ngx_int_t ngx_http_social_limit_exchange_collect(
    ngx_http_social_limit_exchange_t *ex, ngx_uint_t fresh);
static ngx_int_t ngx_http_social_limit_exchange_adopt(
    ngx_http_social_limit_exchange_t *ex);
static ngx_int_t ngx_http_social_limit_exchange_begin(
    ngx_http_social_limit_exchange_t *ex);
static ngx_int_t ngx_http_social_limit_exchange_send(
    ngx_http_social_limit_exchange_t *ex);
static u_char *ngx_http_social_limit_exchange_lists(
    ngx_http_social_limit_exchange_t *ex, social_pq_param_t *params,
    u_char *p);
static void ngx_http_social_limit_exchange_done(
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data);
static ngx_uint_t ngx_http_social_limit_exchange_take(
    ngx_http_social_limit_exchange_t *ex, const social_pq_result_t *result);
static ngx_uint_t ngx_http_social_limit_exchange_number(
    const social_pq_result_t *result, size_t row, size_t column,
    uint64_t *number);
static void ngx_http_social_limit_exchange_failed(
    ngx_http_social_limit_exchange_t *ex, const char *why);
static void ngx_http_social_limit_exchange_drop(
    ngx_http_social_limit_exchange_t *ex);
static void ngx_http_social_limit_exchange_expired(
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data);


/* run twice, it counts once, by its number */

static const ngx_http_social_statement_t  ngx_http_social_limit_exchange_sql = {
    "SELECT * FROM social_limits_exchange($1::uuid, $2::bigint, $3::bigint,"
    " $4::text[], $5::bigint[], $6::bigint[], $7::bigint[])",
    1, 0, { 0, 0 }, NULL
};


ngx_int_t
ngx_http_social_limit_init_fleet(ngx_slab_pool_t *shpool, void **part,
    void *data, ngx_log_t *log)
{
    ngx_http_social_limit_main_conf_t *lmcf = data;

    u_char                         *p;
    ngx_uint_t                      i;
    ngx_http_social_limit_fleet_t  *fleet;
    u_char                          id[16];

    lmcf->shpool = shpool;
    lmcf->fleet = *part;

    if (lmcf->fleet != NULL) {
        return NGX_OK;
    }

    fleet = ngx_slab_calloc(shpool, sizeof(ngx_http_social_limit_fleet_t));

    if (fleet == NULL) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "social: no room for limits%s: increase \"social_zone\"",
                      shpool->log_ctx);
        return NGX_ERROR;
    }

    if (social_random(id, sizeof(id)) != SOCIAL_OK) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "social: there are no random bytes for limits");
        return NGX_ERROR;
    }

    /* RFC 9562, 5.4: a random one */

    id[6] = (id[6] & 0x0f) | 0x40;
    id[8] = (id[8] & 0x3f) | 0x80;

    p = fleet->id;

    for (i = 0; i < sizeof(id); i++) {

        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *p++ = '-';
        }

        p = ngx_hex_dump(p, &id[i], 1);
    }

    *part = fleet;
    lmcf->fleet = fleet;

    return NGX_OK;
}


ngx_http_social_limit_exchange_t *
ngx_http_social_limit_exchange_create(ngx_conf_t *cf,
    ngx_http_social_limit_main_conf_t *lmcf)
{
    ngx_http_social_limit_exchange_t  *ex;

    ex = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_limit_exchange_t));
    if (ex == NULL) {
        return NULL;
    }

    ex->lmcf = lmcf;

    return ex;
}


void
ngx_http_social_limit_exchange_start(ngx_http_social_limit_exchange_t *ex,
    ngx_cycle_t *cycle)
{
    ex->duty.interval = ex->lmcf->interval / NGX_HTTP_SOCIAL_LIMIT_TICKS;
    ex->duty.lease = &ex->lmcf->fleet->lease;
    ex->duty.shpool = ex->lmcf->shpool;
    ex->duty.handler = ngx_http_social_limit_exchange_duty;
    ex->duty.data = ex;

    ngx_http_social_duty_start(&ex->duty, cycle);
}


void
ngx_http_social_limit_exchange_stop(ngx_http_social_limit_exchange_t *ex)
{
    ngx_http_social_limit_exchange_drop(ex);
}


static void
ngx_http_social_limit_exchange_duty(ngx_http_social_duty_t *duty)
{
    ngx_uint_t                         whole;
    ngx_http_social_limit_fleet_t     *fleet;
    ngx_http_social_limit_exchange_t  *ex;

    ex = duty->data;
    fleet = ex->lmcf->fleet;

    if (ex->busy) {
        return;
    }

    if (!ex->begun) {
        ex->begun = 1;
        ex->next = ngx_current_msec;
        ex->expire = ngx_current_msec + NGX_HTTP_SOCIAL_LIMIT_EXPIRE;
    }

    whole = (ngx_msec_int_t) (ngx_current_msec - ex->next) >= 0;

    if (!whole && (ex->reports != NULL || !fleet->wanted)) {
        return;
    }

    if (whole) {
        ex->next = ngx_current_msec + ex->lmcf->interval;
    }

    if (ngx_http_social_limit_exchange_adopt(ex) != NGX_OK
        || (ex->reports == NULL
            && ngx_http_social_limit_exchange_collect(ex, !whole) != NGX_OK))
    {
        ngx_http_social_limit_exchange_drop(ex);
        return;
    }

    if (ex->reports == NULL) {
        return;
    }

    ex->busy = 1;

    if (ngx_http_social_limit_exchange_send(ex) != NGX_OK) {
        ex->busy = 0;
        ngx_http_social_limit_exchange_failed(ex, "there is no memory");
    }
}


/*
 * What is to be report; nothing, where only new keys were to be, and none are.
 */

static ngx_int_t
ngx_http_social_limit_exchange_collect(ngx_http_social_limit_exchange_t *ex,
    ngx_uint_t fresh)
{
    ngx_uint_t                       i;
    ngx_http_social_limit_zone_t   **zones;
    ngx_http_social_limit_fleet_t   *fleet;

    fleet = ex->lmcf->fleet;
    fleet->wanted = 0;

    if (ngx_http_social_limit_exchange_begin(ex) != NGX_OK) {
        return NGX_ERROR;
    }

    zones = ex->lmcf->zones.elts;

    for (i = 0; i < ex->lmcf->zones.nelts; i++) {

        if (zones[i]->fleet
            && ngx_http_social_limit_slots_report(zones[i], fresh, ex->reports)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (fresh && ex->reports->nelts == 0) {
        ngx_http_social_limit_exchange_drop(ex);
        return NGX_OK;
    }

    ngx_shmtx_lock(&ex->lmcf->shpool->mutex);
    ex->number = ++fleet->exchange;
    ex->kept = ngx_http_social_limit_pending_keep(ex->lmcf, ex->number,
                                                  ex->reports);
    ngx_shmtx_unlock(&ex->lmcf->shpool->mutex);

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_limit_exchange_begin(ngx_http_social_limit_exchange_t *ex)
{
    ex->kept = 0;

    ex->pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, ngx_cycle->log);
    if (ex->pool == NULL) {
        return NGX_ERROR;
    }

    ex->reports = ngx_array_create(ex->pool, 16,
                                   sizeof(ngx_http_social_limit_report_t));

    return ex->reports ? NGX_OK : NGX_ERROR;
}


/*
 * What another process has begun is sent again as it was; what it has sent in
 * place of this one is not.
 */

static ngx_int_t
ngx_http_social_limit_exchange_adopt(ngx_http_social_limit_exchange_t *ex)
{
    uint64_t  number;

    number = ngx_http_social_limit_pending_number(ex->lmcf);

    if (ex->kept && number != ex->number) {
        ngx_http_social_limit_exchange_drop(ex);
    }

    if (ex->reports != NULL || number == 0) {
        return NGX_OK;
    }

    if (ngx_http_social_limit_exchange_begin(ex) != NGX_OK
        || ngx_http_social_limit_pending_get(ex->lmcf, &ex->number,
                                             ex->reports)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ex->kept = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_limit_exchange_send(ngx_http_social_limit_exchange_t *ex)
{
    u_char             *p;
    u_char             *text;
    size_t              size;
    ngx_int_t           rc;
    social_pq_param_t   params[NGX_HTTP_SOCIAL_LIMIT_PARAMS];

    /* a hash and three numbers, with commas, and the braces */

    size = ex->reports->nelts * (32 + 1 + 3 * (NGX_INT64_LEN + 1))
           + 4 * sizeof("{}") + 2 * NGX_INT64_LEN;

    text = ngx_alloc(size, ngx_cycle->log);
    if (text == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(params, sizeof(params));

    params[0].value.data = ex->lmcf->fleet->id;
    params[0].value.len = sizeof(ex->lmcf->fleet->id);

    p = text;

    params[1].value.data = p;
    p = ngx_sprintf(p, "%uL", ex->number);
    params[1].value.len = p - params[1].value.data;

    params[2].value.data = p;
    p = ngx_sprintf(p, "%M", NGX_HTTP_SOCIAL_LIMIT_LEASE * ex->lmcf->interval);
    params[2].value.len = p - params[2].value.data;

    (void) ngx_http_social_limit_exchange_lists(ex, &params[3], p);

    rc = ngx_http_social_query_background_statement(
             &ngx_http_social_limit_exchange_sql, params,
             NGX_HTTP_SOCIAL_LIMIT_PARAMS,
             ngx_http_social_limit_exchange_done, ex);

    ngx_free(text);

    return rc;
}


/*
 * The text of four arrays (PostgreSQL, 8.15.2: Array Value Input).
 */

static u_char *
ngx_http_social_limit_exchange_lists(ngx_http_social_limit_exchange_t *ex,
    social_pq_param_t *params, u_char *p)
{
    ngx_uint_t                     i, k;
    ngx_http_social_limit_report_t  *reports;

    reports = ex->reports->elts;

    for (k = 0; k < 4; k++) {

        params[k].value.data = p;
        *p++ = '{';

        for (i = 0; i < ex->reports->nelts; i++) {

            if (i) {
                *p++ = ',';
            }

            switch (k) {

            case 0:
                p = ngx_hex_dump(p, reports[i].hash, sizeof(reports[i].hash));
                break;

            case 1:
                p = ngx_sprintf(p, "%uL", reports[i].demand);
                break;

            case 2:
                p = ngx_sprintf(p, "%uL", reports[i].used);
                break;

            default:
                p = reports[i].until ? ngx_sprintf(p, "%L", reports[i].until)
                                     : ngx_cpymem(p, "NULL", 4);
            }
        }

        *p++ = '}';
        params[k].value.len = p - params[k].value.data;
    }

    return p;
}


static void
ngx_http_social_limit_exchange_done(ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data)
{
    ngx_http_social_limit_exchange_t *ex = data;

    social_pq_param_t  rows;

    ex->busy = 0;

    /* a single process has read another configuration, with another zone */

    if (ex->duty.cycle != ngx_cycle) {
        ngx_http_social_limit_exchange_drop(ex);
        return;
    }

    if (outcome != NGX_HTTP_SOCIAL_QUERY_OK
        || !ngx_http_social_limit_exchange_take(ex, result))
    {
        ngx_http_social_limit_exchange_failed(ex,
            outcome == NGX_HTTP_SOCIAL_QUERY_OK
            ? "the database's answer was not understood"
            : outcome == NGX_HTTP_SOCIAL_QUERY_REFUSED
            ? "the database refused it"
            : outcome == NGX_HTTP_SOCIAL_QUERY_LOCKED
            ? "another gateway has what it needs"
            : "the database is unavailable");
        return;
    }

    ngx_http_social_limit_exchange_drop(ex);

    if (ex->failing) {
        ex->failing = 0;

        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "social: limits are shared again");
    }

    if ((ngx_msec_int_t) (ngx_current_msec - ex->expire) < 0) {
        return;
    }

    ex->expire = ngx_current_msec + NGX_HTTP_SOCIAL_LIMIT_EXPIRE;

    ngx_memzero(&rows, sizeof(social_pq_param_t));
    rows.value = social_str("1000");

    (void) ngx_http_social_query_background(
               "SELECT social_limits_expire($1::integer)", &rows, 1,
               ngx_http_social_limit_exchange_expired, ex);
}


/*
 * 0: it was not what was asked for; nothing was changed.
 */

static ngx_uint_t
ngx_http_social_limit_exchange_take(ngx_http_social_limit_exchange_t *ex,
    const social_pq_result_t *result)
{
    uint64_t                         gateways, demand, used, time;
    ngx_uint_t                       i, late;
    ngx_http_social_limit_fleet_t   *fleet;
    ngx_http_social_limit_report_t  *reports;

    reports = ex->reports->elts;
    fleet = ex->lmcf->fleet;

    if (social_pq_result_rows(result) != ex->reports->nelts + 1
        || !ngx_http_social_limit_exchange_number(result, 0, 0, &gateways)
        || !ngx_http_social_limit_exchange_number(result, 0, 1, &time))
    {
        return 0;
    }

    for (i = 0; i < ex->reports->nelts; i++) {

        if (!ngx_http_social_limit_exchange_number(result, i + 1, 0, &demand)
            || !ngx_http_social_limit_exchange_number(result, i + 1, 1, &demand)
            || !ngx_http_social_limit_exchange_number(result, i + 1, 2, &used))
        {
            return 0;
        }
    }

    fleet->gateways = (ngx_atomic_t) gateways;
    fleet->offset = (ngx_atomic_int_t) ((int64_t) time - ngx_time());

    ngx_shmtx_lock(&ex->lmcf->shpool->mutex);

    /* another process has begun one since, whose shares are newer */

    late = (fleet->exchange != ex->number);

    ngx_shmtx_unlock(&ex->lmcf->shpool->mutex);

    for (i = 0; i < ex->reports->nelts && !late; i++) {

        if (reports[i].zone == NULL
            || !ngx_http_social_limit_exchange_number(result, i + 1, 0,
                                                      &gateways)
            || !ngx_http_social_limit_exchange_number(result, i + 1, 1, &demand)
            || !ngx_http_social_limit_exchange_number(result, i + 1, 2, &used))
        {
            continue;
        }

        ngx_shmtx_lock(&reports[i].zone->shpool->mutex);
        ngx_http_social_limit_slot_lease(&reports[i], gateways, demand, used);
        ngx_shmtx_unlock(&reports[i].zone->shpool->mutex);
    }

    ngx_shmtx_lock(&ex->lmcf->shpool->mutex);

    fleet->done++;
    fleet->last = ngx_current_msec ? ngx_current_msec : 1;

    ngx_http_social_limit_pending_free(ex->lmcf, ex->number);

    ngx_shmtx_unlock(&ex->lmcf->shpool->mutex);

    return 1;
}


static ngx_uint_t
ngx_http_social_limit_exchange_number(const social_pq_result_t *result,
    size_t row, size_t column, uint64_t *number)
{
    off_t         n;
    social_str_t  value;

    if (!social_pq_result_value(result, row, column, &value)) {
        return 0;
    }

    n = ngx_atoof((u_char *) value.data, value.len);

    if (n == NGX_ERROR) {
        return 0;
    }

    *number = (uint64_t) n;

    return 1;
}


/*
 * What was used of quotas is reported again as it was, since nobody knows
 * whether it was counted; where nothing was, there is nothing to repeat.
 */

static void
ngx_http_social_limit_exchange_failed(ngx_http_social_limit_exchange_t *ex,
    const char *why)
{
    ngx_uint_t                     i;
    ngx_http_social_limit_report_t  *reports;

    ngx_shmtx_lock(&ex->lmcf->shpool->mutex);
    ex->lmcf->fleet->failed++;
    ngx_shmtx_unlock(&ex->lmcf->shpool->mutex);

    if (!ex->failing) {
        ex->failing = 1;

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "social: limits are not shared, each gateway keeps its "
                      "shares: %s", why);
    }

    reports = ex->reports->elts;

    for (i = 0; i < ex->reports->nelts; i++) {
        if (reports[i].used) {
            return;
        }
    }

    ngx_http_social_limit_exchange_drop(ex);
}


static void
ngx_http_social_limit_exchange_drop(ngx_http_social_limit_exchange_t *ex)
{
    if (ex->pool != NULL) {
        ngx_destroy_pool(ex->pool);
    }

    ex->pool = NULL;
    ex->reports = NULL;
    ex->kept = 0;
}


static void
ngx_http_social_limit_exchange_expired(ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data)
{
    ngx_http_social_limit_exchange_t *ex = data;

    uint64_t  deleted;

    if (outcome == NGX_HTTP_SOCIAL_QUERY_OK
        && ngx_http_social_limit_exchange_number(result, 0, 0, &deleted)
        && deleted >= NGX_HTTP_SOCIAL_LIMIT_ROWS)
    {
        /* there are more */

        ex->expire = ngx_current_msec + 1000;
    }
}
