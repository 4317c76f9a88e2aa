
/*
 * "social_database": which PostgreSQL, and how much of it a worker takes.
 */

#include "ngx_http_social_database.h"


#define NGX_HTTP_SOCIAL_DATABASE_MAX_CONNECTIONS  64
#define NGX_HTTP_SOCIAL_DATABASE_MAX_TIMEOUT      60000


static char *ngx_http_social_database_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_social_database_parameter(ngx_conf_t *cf,
    ngx_http_social_database_conf_t *conf, ngx_str_t *value);

static void *ngx_http_social_database_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_social_database_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_social_database_init_process(ngx_cycle_t *cycle);
static void ngx_http_social_database_exit_process(ngx_cycle_t *cycle);


static ngx_command_t  ngx_http_social_database_commands[] = {

    { ngx_string("social_database"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_social_database_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_database_module_ctx = {
    NULL,                                       /* preconfiguration */
    ngx_http_social_database_init,              /* postconfiguration */

    ngx_http_social_database_create_main_conf,  /* create main configuration */
    NULL,                                       /* init main configuration */

    NULL,                                       /* create server conf */
    NULL,                                       /* merge server conf */

    NULL,                                       /* create location conf */
    NULL                                        /* merge location conf */
};


ngx_module_t  ngx_http_social_database_module = {
    NGX_MODULE_V1,
    &ngx_http_social_database_module_ctx,  /* module context */
    ngx_http_social_database_commands,     /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_social_database_init_process, /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_social_database_exit_process, /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


ngx_uint_t
ngx_http_social_database_configured(ngx_conf_t *cf)
{
    ngx_http_social_database_main_conf_t  *dmcf;

    dmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_database_module);

    return dmcf->conf.conninfo.len != 0;
}


ngx_http_social_database_conf_t *
ngx_http_social_database_conf(ngx_conf_t *cf)
{
    ngx_http_social_database_main_conf_t  *dmcf;

    dmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_database_module);

    return &dmcf->conf;
}


static char *
ngx_http_social_database_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_database_main_conf_t  *dmcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    if (dmcf->conf.conninfo.len) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_database\" is duplicate: there is one database");
    }

    /* the value is not shown: it may hold a password */

    if (value[1].len == 0
        || !social_pq_conninfo_valid((char *) value[1].data))
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid connection string in \"social_database\": it must "
                   "be as libpq takes it, as in \"host=/run/postgresql "
                   "dbname=social\" or \"service=social\"");
    }

    dmcf->conf.conninfo = value[1];
    dmcf->conf.connections = 2;
    dmcf->conf.queue = 512;
    dmcf->conf.timeout = 2000;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_social_database_parameter(cf, &dmcf->conf, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_social_database_parameter(ngx_conf_t *cf,
    ngx_http_social_database_conf_t *conf, ngx_str_t *value)
{
    ngx_int_t   n;
    ngx_str_t   s;

    if (ngx_strncmp(value->data, "connections=", 12) == 0) {

        n = ngx_atoi(value->data + 12, value->len - 12);

        if (n < 1 || n > NGX_HTTP_SOCIAL_DATABASE_MAX_CONNECTIONS) {
            return ngx_http_social_conf_error(cf, NULL,
                       "invalid parameter \"%V\" in \"social_database\": it "
                       "must be a number from 1 to %d, for each worker",
                       value, NGX_HTTP_SOCIAL_DATABASE_MAX_CONNECTIONS);
        }

        conf->connections = n;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "queue=", 6) == 0) {

        n = ngx_atoi(value->data + 6, value->len - 6);

        if (n < 0 || n > 65536) {
            return ngx_http_social_conf_error(cf, NULL,
                       "invalid parameter \"%V\" in \"social_database\": it "
                       "must be a number from 0 to 65536", value);
        }

        conf->queue = n;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "timeout=", 8) == 0) {

        s.data = value->data + 8;
        s.len = value->len - 8;

        n = ngx_parse_time(&s, 0);

        if (n < 100 || n > NGX_HTTP_SOCIAL_DATABASE_MAX_TIMEOUT) {
            return ngx_http_social_conf_error(cf, NULL,
                       "invalid parameter \"%V\" in \"social_database\": it "
                       "must be a time from 100ms to 60s", value);
        }

        conf->timeout = n;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "listen=", 7) == 0) {

        /* the value is not shown here either */

        if (conf->listen.len) {
            return ngx_http_social_conf_error(cf, NULL,
                       "parameter \"listen\" in \"social_database\" is "
                       "duplicate: revocations are followed over one "
                       "connection");
        }

        if (value->len == 7
            || !social_pq_conninfo_valid((char *) value->data + 7))
        {
            return ngx_http_social_conf_error(cf, NULL,
                       "invalid connection string in \"listen=\" of "
                       "\"social_database\": it must be as libpq takes it, "
                       "and in quotes as a whole where it has spaces, as in "
                       "\"listen=host=db.internal dbname=social\"");
        }

        conf->listen.data = value->data + 7;
        conf->listen.len = value->len - 7;
        return NGX_CONF_OK;
    }

    /* again not shown: it may be a piece of an unquoted connection string */

    return ngx_http_social_conf_error(cf, NULL,
               "unknown parameter in \"social_database\": it takes one "
               "connection string, in quotes where it has spaces, and then "
               "connections=, queue=, timeout= and listen=");
}


static void *
ngx_http_social_database_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_social_database_main_conf_t));
}


static ngx_int_t
ngx_http_social_database_init(ngx_conf_t *cf)
{
    ngx_thread_pool_t                     *thread_pool;
    ngx_http_social_database_main_conf_t  *dmcf;

    dmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_database_module);

    if (dmcf->conf.conninfo.len == 0) {
        return NGX_OK;
    }

    thread_pool = ngx_http_social_need_thread_pool(cf);
    if (thread_pool == NULL) {
        return NGX_ERROR;
    }

    dmcf->db = ngx_http_social_database_create(cf, &dmcf->conf, thread_pool);

    return dmcf->db ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_social_database_init_process(ngx_cycle_t *cycle)
{
    ngx_http_social_database_main_conf_t  *dmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    dmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_social_database_module);

    if (dmcf != NULL && dmcf->db != NULL) {
        ngx_http_social_database_start(dmcf->db, cycle);
    }

    return NGX_OK;
}


static void
ngx_http_social_database_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_social_database_main_conf_t  *dmcf;

    dmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_social_database_module);

    if (dmcf != NULL && dmcf->db != NULL) {
        ngx_http_social_database_stop(dmcf->db);
    }
}
