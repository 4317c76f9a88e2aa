
/*
 * "social_database": which PostgreSQL, and how much of it a worker takes.
 */

#include "ngx_http_social_database.h"
#include "social_pq_target.h"


static char *ngx_http_social_database_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_social_database_listen(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
static ngx_uint_t ngx_http_social_database_conninfo(ngx_str_t *value);

static void *ngx_http_social_database_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_social_database_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_social_database_init_process(ngx_cycle_t *cycle);
static void ngx_http_social_database_exit_process(ngx_cycle_t *cycle);


static const ngx_http_social_conf_check_t  ngx_http_social_database_check = {
    ngx_http_social_database_conninfo,
    "it must be a libpq connection string (quoted as a whole if it has spaces)"
};


static const ngx_http_social_conf_check_t
    ngx_http_social_database_listen_check =
{
    ngx_http_social_database_conninfo,
    "it must be \"off\", or a libpq connection string (the parameter quoted as "
    "a whole if it has spaces)"
};


/* values are not shown: they may hold a password */

static const ngx_http_social_conf_entry_t  ngx_http_social_database_string =
    { ngx_null_string, NGX_HTTP_SOCIAL_CONF_SECRET, ngx_http_social_conf_word,
      offsetof(ngx_http_social_database_conf_t, conninfo), 0, 0,
      &ngx_http_social_database_check };


static const ngx_http_social_conf_entry_t  ngx_http_social_database_params[] = {

    { ngx_string("connections"),
      0,
      ngx_http_social_conf_number,
      offsetof(ngx_http_social_database_conf_t, connections),
      1, 64, NULL },

    { ngx_string("queue"),
      0,
      ngx_http_social_conf_number,
      offsetof(ngx_http_social_database_conf_t, queue),
      0, 65536, NULL },

    { ngx_string("timeout"),
      0,
      ngx_http_social_conf_msec,
      offsetof(ngx_http_social_database_conf_t, timeout),
      100, 60000, NULL },

    { ngx_string("listen"),
      NGX_HTTP_SOCIAL_CONF_SECRET,
      ngx_http_social_database_listen,
      offsetof(ngx_http_social_database_conf_t, listen),
      0, 0, &ngx_http_social_database_listen_check },

    { ngx_string("iam"),
      0,
      ngx_http_social_conf_flag,
      offsetof(ngx_http_social_database_conf_t, iam.on),
      0, 0, NULL },

    { ngx_string("region"),
      0,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_database_conf_t, iam.region),
      0, 0, NULL },

    { ngx_string("credentials"),
      0,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_database_conf_t, iam.credentials),
      0, 0, NULL },

      ngx_http_social_conf_null_entry
};


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

    ngx_str_t  *value;

    value = cf->args->elts;

    if (dmcf->conf.conninfo.len) {
        return ngx_http_social_conf_duplicate(cf);
    }

    if (ngx_http_social_conf_word(cf, &ngx_http_social_database_string,
                                  &value[1], 1, &dmcf->conf)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    dmcf->conf.connections = 2;
    dmcf->conf.queue = 512;
    dmcf->conf.timeout = 2000;

    /* what is unknown may be a piece of an unquoted connection string */

    if (ngx_http_social_conf_params(cf, ngx_http_social_database_params, 2,
                                    0, 1, &dmcf->conf)
        != NGX_CONF_OK
        || ngx_http_social_iam_init(cf, &dmcf->conf.iam) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (!dmcf->conf.iam.on) {
        return NGX_CONF_OK;
    }

    if (dmcf->conf.listen.len
        && ngx_http_social_iam_check(cf, &dmcf->conf.iam, &dmcf->conf.listen)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_social_iam_check(cf, &dmcf->conf.iam,
                                     &dmcf->conf.conninfo);
}


static char *
ngx_http_social_database_listen(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    ngx_http_social_database_conf_t *dbcf = conf;

    dbcf->pooled = 1;

    if (value->len == 3 && ngx_strncmp(value->data, "off", 3) == 0) {
        dbcf->poll = 1;
        return NGX_CONF_OK;
    }

    return ngx_http_social_conf_word(cf, entry, value, n, conf);
}


static ngx_uint_t
ngx_http_social_database_conninfo(ngx_str_t *value)
{
    return value->len != 0
           && social_pq_conninfo_valid((char *) value->data);
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
