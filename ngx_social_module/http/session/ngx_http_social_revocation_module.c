
/*
 * Sessions that were ended: where they are asked for, and the listener's start.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_listener.h"


/* without word for so long, ms: readiness says so */
#define NGX_HTTP_SOCIAL_REVOCATION_SILENCE  3000


typedef struct {
    ngx_uint_t                open;          /* or NGX_CONF_UNSET_UINT */
    ngx_msec_t                max_stale;     /* 0: any */
} ngx_http_social_revocation_loc_conf_t;


static char *ngx_http_social_revocation_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);

static void *ngx_http_social_revocation_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_social_revocation_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_revocation_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_social_revocation_init(ngx_conf_t *cf);
static ngx_http_social_listener_t *ngx_http_social_revocation_listener(
    ngx_cycle_t *cycle);
static ngx_int_t ngx_http_social_revocation_init_process(ngx_cycle_t *cycle);
static void ngx_http_social_revocation_exit_process(ngx_cycle_t *cycle);


static ngx_conf_enum_t  ngx_http_social_revocation_modes[] = {
    { ngx_string("wait"), 0 },
    { ngx_string("open"), 1 },
    { ngx_null_string, 0 }
};


static const ngx_http_social_conf_entry_t  ngx_http_social_revocation_open =
    { ngx_null_string, 0, ngx_http_social_conf_enum, 0, 0, 0,
      ngx_http_social_revocation_modes };


static const ngx_http_social_conf_entry_t
    ngx_http_social_revocation_params[] =
{
    { ngx_string("max_stale"),
      0,
      ngx_http_social_conf_msec,
      offsetof(ngx_http_social_revocation_loc_conf_t, max_stale),
      1000, 86400000, NULL },

      ngx_http_social_conf_null_entry
};


static ngx_command_t  ngx_http_social_revocation_commands[] = {

    { ngx_string("social_revocations"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_social_revocation_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_social_revocation_loc_conf_t, open),
      (void *) &ngx_http_social_revocation_open },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_revocation_module_ctx = {
    NULL,                                         /* preconfiguration */
    ngx_http_social_revocation_init,              /* postconfiguration */

    ngx_http_social_revocation_create_main_conf,  /* create main conf */
    NULL,                                         /* init main conf */

    NULL,                                         /* create server conf */
    NULL,                                         /* merge server conf */

    ngx_http_social_revocation_create_loc_conf,   /* create location conf */
    ngx_http_social_revocation_merge_loc_conf     /* merge location conf */
};


ngx_module_t  ngx_http_social_revocation_module = {
    NGX_MODULE_V1,
    &ngx_http_social_revocation_module_ctx,  /* module context */
    ngx_http_social_revocation_commands,     /* module directives */
    NGX_HTTP_MODULE,                         /* module type */
    NULL,                                    /* init master */
    NULL,                                    /* init module */
    ngx_http_social_revocation_init_process, /* init process */
    NULL,                                    /* init thread */
    NULL,                                    /* exit thread */
    ngx_http_social_revocation_exit_process, /* exit process */
    NULL,                                    /* exit master */
    NGX_MODULE_V1_PADDING
};


void
ngx_http_social_revocation_use(ngx_conf_t *cf)
{
    ngx_http_social_revocation_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_social_revocation_module);

    rmcf->used = 1;
}


social_revocations_t *
ngx_http_social_revocations(ngx_http_request_t *r)
{
    ngx_http_social_revocation_main_conf_t  *rmcf;

    rmcf = ngx_http_get_module_main_conf(r, ngx_http_social_revocation_module);

    return rmcf->sh ? rmcf->sh->set : NULL;
}


ngx_uint_t
ngx_http_social_revocations_rule(ngx_http_request_t *r)
{
    ngx_http_social_revocation_loc_conf_t  *rlcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_social_revocation_module);

    return rlcf->max_stale * 2 + rlcf->open;
}


ngx_uint_t
ngx_http_social_revocations_missing(ngx_http_request_t *r)
{
    ngx_http_social_revocation_loc_conf_t   *rlcf;
    ngx_http_social_revocation_main_conf_t  *rmcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_social_revocation_module);
    rmcf = ngx_http_get_module_main_conf(r, ngx_http_social_revocation_module);

    if (rmcf->sh == NULL) {
        return 0;
    }

    if (!social_revocations_loaded(rmcf->sh->set)) {
        return !rlcf->open;
    }

    return rlcf->max_stale != 0
           && ngx_http_social_revocations_unheard(rmcf, rlcf->max_stale);
}


ngx_uint_t
ngx_http_social_revocations_silent(ngx_http_request_t *r)
{
    ngx_http_social_revocation_main_conf_t  *rmcf;

    rmcf = ngx_http_get_module_main_conf(r, ngx_http_social_revocation_module);

    return rmcf->sh != NULL
           && ngx_http_social_revocations_unheard(rmcf,
                                          NGX_HTTP_SOCIAL_REVOCATION_SILENCE);
}


static char *
ngx_http_social_revocation_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    if (ngx_http_social_conf_slot(cf, cmd, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_social_conf_params(cf, ngx_http_social_revocation_params,
                                       2, 0, 0, conf);
}


static void *
ngx_http_social_revocation_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_social_revocation_main_conf_t));
}


static void *
ngx_http_social_revocation_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_social_revocation_loc_conf_t  *rlcf;

    rlcf = ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_social_revocation_loc_conf_t));
    if (rlcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     rlcf->max_stale = 0;
     */

    rlcf->open = NGX_CONF_UNSET_UINT;

    return rlcf;
}


static char *
ngx_http_social_revocation_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_social_revocation_loc_conf_t  *prev = parent;
    ngx_http_social_revocation_loc_conf_t  *conf = child;

    /* the directive is inherited as a whole */

    if (conf->open == NGX_CONF_UNSET_UINT) {
        conf->max_stale = prev->max_stale;
    }

    ngx_conf_merge_uint_value(conf->open, prev->open, 0);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_social_revocation_init(ngx_conf_t *cf)
{
    ngx_http_social_revocation_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_social_revocation_module);

    /*
     * with tokens and a database another gateway's logouts have to be loaded
     */

    if (!rmcf->used || !ngx_http_social_database_configured(cf)) {
        return NGX_OK;
    }

    rmcf->listener = ngx_http_social_listener_create(cf, rmcf);
    if (rmcf->listener == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_social_zone_add_part(cf, NGX_HTTP_SOCIAL_ZONE_REVOCATIONS,
                                         ngx_http_social_revocation_init_zone,
                                         rmcf);
}


static ngx_http_social_listener_t *
ngx_http_social_revocation_listener(ngx_cycle_t *cycle)
{
    ngx_http_social_revocation_main_conf_t  *rmcf;

    rmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                            ngx_http_social_revocation_module);

    return rmcf ? rmcf->listener : NULL;
}


static ngx_int_t
ngx_http_social_revocation_init_process(ngx_cycle_t *cycle)
{
    ngx_http_social_listener_t  *f;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    f = ngx_http_social_revocation_listener(cycle);

    if (f != NULL) {
        ngx_http_social_listener_start(f, cycle);
    }

    return NGX_OK;
}


static void
ngx_http_social_revocation_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_social_listener_t  *f;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return;
    }

    f = ngx_http_social_revocation_listener(cycle);

    if (f != NULL) {
        ngx_http_social_listener_stop(f);
    }
}
