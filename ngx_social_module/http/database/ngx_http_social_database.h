
/*
 * Statements to PostgreSQL from the event loop, through a few connections of
 * each worker.
 */

#ifndef NGX_HTTP_SOCIAL_DATABASE_H
#define NGX_HTTP_SOCIAL_DATABASE_H


#include "ngx_http_social_counters.h"
#include "ngx_http_social_iam.h"
#include "ngx_http_social_query.h"


typedef struct ngx_http_social_database_s  ngx_http_social_database_t;


/* ngx_http_social_database_module.c */

typedef struct {
    ngx_str_t                     conninfo;      /* zero-terminated */
    ngx_str_t                     listen;        /* the same, or empty */
    ngx_uint_t                    poll;          /* nobody may LISTEN */
    ngx_uint_t                    pooled;        /* a pooler's connections,
                                                    which keep no settings */
    ngx_http_social_iam_t         iam;
    ngx_uint_t                    connections;
    ngx_uint_t                    queue;
    ngx_msec_t                    timeout;
} ngx_http_social_database_conf_t;


typedef struct {
    ngx_http_social_database_conf_t   conf;
    ngx_http_social_database_t       *db;        /* state behind the conf */
} ngx_http_social_database_main_conf_t;


extern ngx_module_t  ngx_http_social_database_module;


/*
 * What "social_database" said; "conninfo" is empty where it did not.
 */
ngx_http_social_database_conf_t *ngx_http_social_database_conf(ngx_conf_t *cf);

/*
 * Whether "social_database" was said.
 */
ngx_uint_t ngx_http_social_database_configured(ngx_conf_t *cf);


/* ngx_http_social_database.c */

/*
 * Runs one statement for a request that somebody holds by its count, alone or
 * with others of its kind.  The statement and its "sql" must outlive it; the
 * parameters are copied.  NGX_OK: the handler will be called, later; NGX_ERROR:
 * out of memory.
 */
ngx_int_t ngx_http_social_query_statement(ngx_http_request_t *r,
    const ngx_http_social_statement_t *statement,
    const social_pq_param_t *params, ngx_uint_t n,
    ngx_http_social_query_pt handler, void *data);

/*
 * The same for a statement that is a transaction of its own, and is never sent
 * twice.
 */
ngx_int_t ngx_http_social_query(ngx_http_request_t *r, const char *sql,
    const social_pq_param_t *params, ngx_uint_t n,
    ngx_http_social_query_pt handler, void *data);

/*
 * Both without a request: the handler is called in any case, with the
 * result, which is freed after the call.  NGX_ERROR: out of memory, or no
 * database is configured.
 */
ngx_int_t ngx_http_social_query_background(const char *sql,
    const social_pq_param_t *params, ngx_uint_t n,
    ngx_http_social_query_background_pt handler, void *data);
ngx_int_t ngx_http_social_query_background_statement(
    const ngx_http_social_statement_t *statement,
    const social_pq_param_t *params, ngx_uint_t n,
    ngx_http_social_query_background_pt handler, void *data);

/*
 * The database of the request's configuration, or NULL, and whether one of its
 * connections is up now.
 */
ngx_http_social_database_t *ngx_http_social_database_of(
    ngx_http_request_t *r);
ngx_uint_t ngx_http_social_database_up(ngx_http_request_t *r);

/*
 * Where there is a database: why it is of no use, in one word, or "".  A
 * database that is up is of no use if it refuses statements.
 */
const char *ngx_http_social_database_reason(ngx_http_request_t *r);

/*
 * Whether statements of this process were refused lately for what lasts: a
 * schema that is not of this version, or rights.
 */
ngx_uint_t ngx_http_social_database_misfit(void);

/*
 * The state of this process, behind a configuration that is read-only.  NULL:
 * out of memory.
 */
ngx_http_social_database_t *ngx_http_social_database_create(ngx_conf_t *cf,
    ngx_http_social_database_conf_t *conf, ngx_thread_pool_t *thread_pool);

/*
 * For a process that begins and one that exits; what is under way then has no
 * outcome.
 */
void ngx_http_social_database_start(ngx_http_social_database_t *db,
    ngx_cycle_t *cycle);
void ngx_http_social_database_stop(ngx_http_social_database_t *db);



/* ngx_http_social_database_measure.c */

/*
 * Sets the gauges of this process.
 */
void ngx_http_social_database_measure(ngx_http_social_database_t *db,
    ngx_http_social_counters_t *counters);


#endif /* NGX_HTTP_SOCIAL_DATABASE_H */
