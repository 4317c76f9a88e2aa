
/*
 * What is wrong with the database.
 */

#include "ngx_http_social_fault.h"


static ngx_uint_t ngx_http_social_fault_find(ngx_http_social_faults_t *faults,
    const char *sql);
static const char *ngx_http_social_fault_reason_of(const char *sqlstate,
    const char **remedy);


ngx_uint_t
ngx_http_social_fault_lost(ngx_http_social_faults_t *faults,
    social_pq_fault_e cause)
{
    ngx_uint_t  bit, is_first;

    bit = (ngx_uint_t) 1 << cause;
    is_first = (faults->logged & bit) == 0;

    faults->logged |= bit;
    faults->last = cause;

    return is_first;
}


void
ngx_http_social_fault_connected(ngx_http_social_faults_t *faults)
{
    if (faults->logged) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "social: database available again");
    }

    faults->logged = 0;
    faults->last = SOCIAL_PQ_FAULT_NONE;
}


void
ngx_http_social_fault_refused(ngx_http_social_faults_t *faults,
    const char *sql, const social_pq_result_t *result)
{
    ngx_uint_t   i, level, known;
    const char  *reason, *remedy, *sqlstate;

    known = 0;
    sqlstate = social_pq_result_sqlstate(result);
    reason = ngx_http_social_fault_reason_of(sqlstate, &remedy);

    if (reason != NULL) {
        i = ngx_http_social_fault_find(faults, sql);

        known = i < faults->n;

        if (!known && i < NGX_HTTP_SOCIAL_FAULT_MAX) {
            faults->statements[i].sql = sql;
            faults->n++;
        }

        if (i < NGX_HTTP_SOCIAL_FAULT_MAX) {
            faults->statements[i].reason = reason;
            faults->statements[i].seen = ngx_time();
        }
    }

    level = known ? NGX_LOG_INFO : NGX_LOG_ERR;

    ngx_log_error(level, ngx_cycle->log, 0,
                  "social: database statement failed: %s (%s)%s",
                  social_pq_result_message(result), sqlstate, remedy);
}


void
ngx_http_social_fault_batch(const social_pq_result_t *result,
    ngx_uint_t is_first)
{
    ngx_uint_t   level;
    const char  *remedy, *sqlstate;

    level = is_first ? NGX_LOG_WARN : NGX_LOG_INFO;
    sqlstate = social_pq_result_sqlstate(result);

    (void) ngx_http_social_fault_reason_of(sqlstate, &remedy);

    ngx_log_error(level, ngx_cycle->log, 0,
                  "social: database statement for many requests failed, "
                  "each has its own: %s (%s)%s",
                  social_pq_result_message(result), sqlstate, remedy);
}


void
ngx_http_social_fault_worked(ngx_http_social_faults_t *faults,
    const char *sql)
{
    ngx_uint_t  i;

    i = ngx_http_social_fault_find(faults, sql);

    if (i == faults->n) {
        return;
    }

    faults->n--;
    faults->statements[i] = faults->statements[faults->n];

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "social: database statement executed again");
}


static ngx_uint_t
ngx_http_social_fault_find(ngx_http_social_faults_t *faults, const char *sql)
{
    ngx_uint_t  i;

    for (i = 0; i < faults->n; i++) {
        if (faults->statements[i].sql == sql) {
            break;
        }
    }

    return i;
}


const char *
ngx_http_social_fault_reason(ngx_http_social_faults_t *faults)
{
    ngx_uint_t  i;

    for (i = 0; i < faults->n; i++) {
        if (ngx_time() - faults->statements[i].seen
            < NGX_HTTP_SOCIAL_FAULT_AGE)
        {
            return faults->statements[i].reason;
        }
    }

    return "";
}


/*
 * NULL: it may be something else with the next one (PostgreSQL, Appendix A).
 */

static const char *
ngx_http_social_fault_reason_of(const char *sqlstate, const char **remedy)
{
    *remedy = "";

    if (ngx_strcmp(sqlstate, "42501") == 0) {
        *remedy = "; grant the rights, see 007_roles.sql in conf/sql";
        return "rights";
    }

    if (ngx_strncmp(sqlstate, "42", 2) == 0
        || ngx_strncmp(sqlstate, "3F", 2) == 0)
    {
        *remedy = "; apply the migrations in conf/sql";
        return "schema";
    }

    return NULL;
}
