
/*
 * "social_limit_zone", "social_limit" and what goes with them.
 */

#include "ngx_http_social_auth.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_limit.h"
#include "ngx_http_social_zone.h"


#define NGX_HTTP_SOCIAL_LIMIT_INTERVAL  1000


static ngx_int_t ngx_http_social_limit_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_social_limit_add_variables(ngx_conf_t *cf);
static void *ngx_http_social_limit_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_social_limit_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_limit_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_social_limit_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_social_limit_init_process(ngx_cycle_t *cycle);
static void ngx_http_social_limit_exit_process(ngx_cycle_t *cycle);


static ngx_conf_enum_t  ngx_http_social_limit_header_modes[] = {
    { ngx_string("on"), NGX_HTTP_SOCIAL_LIMIT_HEADERS_ON },
    { ngx_string("refused"), NGX_HTTP_SOCIAL_LIMIT_HEADERS_REFUSED },
    { ngx_string("off"), NGX_HTTP_SOCIAL_LIMIT_HEADERS_OFF },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_social_limit_log_levels[] = {
    { ngx_string("info"), NGX_LOG_INFO },
    { ngx_string("notice"), NGX_LOG_NOTICE },
    { ngx_string("warn"), NGX_LOG_WARN },
    { ngx_string("error"), NGX_LOG_ERR },
    { ngx_null_string, 0 }
};


static const ngx_http_social_conf_entry_t  ngx_http_social_limit_interval =
    { ngx_null_string, 0, ngx_http_social_conf_msec, 0, 200, 60000, NULL };

static const ngx_http_social_conf_entry_t  ngx_http_social_limit_status =
    { ngx_null_string, 0, ngx_http_social_conf_number, 0, 400, 599, NULL };

static const ngx_http_social_conf_entry_t  ngx_http_social_limit_headers =
    { ngx_null_string, 0, ngx_http_social_conf_enum, 0, 0, 0,
      ngx_http_social_limit_header_modes };

static const ngx_http_social_conf_entry_t  ngx_http_social_limit_log_level =
    { ngx_null_string, 0, ngx_http_social_conf_enum, 0, 0, 0,
      ngx_http_social_limit_log_levels };


static ngx_command_t  ngx_http_social_limit_commands[] = {

    { ngx_string("social_limit_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_social_limit_zone_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("social_limit_interval"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_social_conf_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_social_limit_main_conf_t, interval),
      (void *) &ngx_http_social_limit_interval },

    { ngx_string("social_limit"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_social_limit_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("social_limit_status"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_social_conf_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_social_limit_loc_conf_t, status),
      (void *) &ngx_http_social_limit_status },

    { ngx_string("social_limit_headers"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_social_conf_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_social_limit_loc_conf_t, headers),
      (void *) &ngx_http_social_limit_headers },

    { ngx_string("social_limit_log_level"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_social_conf_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_social_limit_loc_conf_t, log_level),
      (void *) &ngx_http_social_limit_log_level },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_limit_module_ctx = {
    ngx_http_social_limit_add_variables,     /* preconfiguration */
    ngx_http_social_limit_init,              /* postconfiguration */

    ngx_http_social_limit_create_main_conf,  /* create main configuration */
    NULL,                                    /* init main configuration */

    NULL,                                    /* create server configuration */
    NULL,                                    /* merge server configuration */

    ngx_http_social_limit_create_loc_conf,   /* create location configuration */
    ngx_http_social_limit_merge_loc_conf     /* merge location configuration */
};


ngx_module_t  ngx_http_social_limit_module = {
    NGX_MODULE_V1,
    &ngx_http_social_limit_module_ctx,     /* module context */
    ngx_http_social_limit_commands,        /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_social_limit_init_process,    /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_social_limit_exit_process,    /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_variable_t  ngx_http_social_limit_variables[] = {

    { ngx_string("social_limit_status"), NULL,
      ngx_http_social_limit_status_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("social_limit_address"), NULL, ngx_http_social_limit_address,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


/* as those of limit_req_status */

static ngx_str_t  ngx_http_social_limit_statuses[] = {
    ngx_null_string,
    ngx_string("PASSED"),
    ngx_string("REJECTED"),
    ngx_string("REJECTED_DRY_RUN")
};


ngx_http_social_limit_main_conf_t *
ngx_http_social_limit_conf(ngx_http_request_t *r)
{
    return ngx_http_get_module_main_conf(r, ngx_http_social_limit_module);
}


static ngx_int_t
ngx_http_social_limit_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                    *status;
    ngx_http_social_limit_ctx_t  *ctx;

    ctx = ngx_http_social_get_ctx(r->main, &ngx_http_social_limit_module);

    if (ctx == NULL || ctx->status == NGX_HTTP_SOCIAL_LIMIT_NONE) {
        v->not_found = 1;
        return NGX_OK;
    }

    status = &ngx_http_social_limit_statuses[ctx->status];

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = status->len;
    v->data = status->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_limit_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_social_limit_variables; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static void *
ngx_http_social_limit_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_social_limit_main_conf_t  *lmcf;

    lmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_limit_main_conf_t));
    if (lmcf == NULL
        || ngx_array_init(&lmcf->zones, cf->pool, 4, sizeof(void *)) != NGX_OK
        || ngx_array_init(&lmcf->uses, cf->pool, 4, sizeof(void *)) != NGX_OK)
    {
        return NULL;
    }

    lmcf->interval = NGX_CONF_UNSET_MSEC;

    return lmcf;
}


static void *
ngx_http_social_limit_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_social_limit_loc_conf_t  *llcf;

    llcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_limit_loc_conf_t));
    if (llcf == NULL) {
        return NULL;
    }

    llcf->status = NGX_CONF_UNSET_UINT;
    llcf->headers = NGX_CONF_UNSET_UINT;
    llcf->log_level = NGX_CONF_UNSET_UINT;

    return llcf;
}


static char *
ngx_http_social_limit_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_social_limit_loc_conf_t  *prev = parent;
    ngx_http_social_limit_loc_conf_t  *conf = child;

    ngx_uint_t                          i;
    ngx_http_social_limit_use_t       **uses;
    ngx_http_social_limit_zone_t       *zone;
    ngx_http_social_limit_main_conf_t  *lmcf;

    if (conf->uses == NULL && !conf->off) {
        conf->uses = prev->uses;
        conf->off = prev->off;
    }

    ngx_conf_merge_uint_value(conf->status, prev->status,
                              NGX_HTTP_TOO_MANY_REQUESTS);
    ngx_conf_merge_uint_value(conf->headers, prev->headers,
                              NGX_HTTP_SOCIAL_LIMIT_HEADERS_ON);
    ngx_conf_merge_uint_value(conf->log_level, prev->log_level, NGX_LOG_INFO);

    if (conf->uses != NULL) {
        lmcf = ngx_http_conf_get_module_main_conf(cf,
                                                 ngx_http_social_limit_module);
        lmcf->used = 1;

        ngx_http_social_error_use(cf);

        /* or else those without a subject would not be counted */

        uses = conf->uses->elts;

        for (i = 0; i < conf->uses->nelts; i++) {

            zone = ngx_http_social_conf_find_named(&lmcf->zones,
                                                   &uses[i]->name);

            /* what is only tried refuses nothing */

            if (zone != NULL && !uses[i]->dry_run
                && ngx_http_social_auth_names_subject(&zone->key_text))
            {
                ngx_http_social_auth_need_subject(cf);
            }
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_social_limit_init(ngx_conf_t *cf)
{
    ngx_uint_t                           i;
    ngx_http_handler_pt                 *h;
    ngx_http_core_main_conf_t           *cmcf;
    ngx_http_social_limit_zone_t       **zones;
    ngx_http_social_limit_main_conf_t   *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_limit_module);

    if (lmcf->interval == NGX_CONF_UNSET_MSEC) {
        lmcf->interval = NGX_HTTP_SOCIAL_LIMIT_INTERVAL;
    }

    if (ngx_http_social_limit_finish(cf, lmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    zones = lmcf->zones.elts;

    for (i = 0; i < lmcf->zones.nelts; i++) {

        if (!zones[i]->fleet || lmcf->exchange != NULL) {
            continue;
        }

        lmcf->exchange = ngx_http_social_limit_exchange_create(cf, lmcf);

        if (lmcf->exchange == NULL
            || ngx_http_social_zone_add_part(cf, NGX_HTTP_SOCIAL_ZONE_LIMITS,
                                             ngx_http_social_limit_init_fleet,
                                             lmcf)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (!lmcf->used) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    /* the order of handlers is the opposite one: it runs after social_auth */

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_social_limit_handler;

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_limit_init_process(ngx_cycle_t *cycle)
{
    ngx_http_social_limit_main_conf_t  *lmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    lmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_social_limit_module);

    if (lmcf != NULL && lmcf->exchange != NULL) {
        ngx_http_social_limit_exchange_start(lmcf->exchange, cycle);
    }

    return NGX_OK;
}


static void
ngx_http_social_limit_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_social_limit_main_conf_t  *lmcf;

    lmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_social_limit_module);

    if (lmcf != NULL && lmcf->exchange != NULL) {
        ngx_http_social_limit_exchange_stop(lmcf->exchange);
    }
}
