
/*
 * Sessions that were ended: the set of them in the shared zone.
 */

#include "ngx_http_social_listener.h"
#include "ngx_http_social_revocation.h"
#include "ngx_http_social_zone.h"


typedef struct {
    ngx_uint_t                open;          /* or NGX_CONF_UNSET_UINT */
} ngx_http_social_revocation_loc_conf_t;


static social_revocations_state_e ngx_http_social_revocations_said(
    ngx_http_social_revocation_main_conf_t *rmcf);
static void ngx_http_social_revocations_say(
    ngx_http_social_revocation_main_conf_t *rmcf,
    social_revocations_state_e said, social_revocations_state_e state);
static ngx_int_t ngx_http_social_revocation_init_zone(ngx_slab_pool_t *shpool,
    void **part, void *data, ngx_log_t *log);

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


static ngx_command_t  ngx_http_social_revocation_commands[] = {

    { ngx_string("social_revocations"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_social_revocation_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

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
ngx_http_social_revocations_open(ngx_http_request_t *r)
{
    ngx_http_social_revocation_loc_conf_t  *rlcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_social_revocation_module);

    return rlcf->open;
}


void
ngx_http_social_revocations_add(ngx_http_social_revocation_main_conf_t *rmcf,
    ngx_http_social_revoked_t *revoked, ngx_uint_t n)
{
    time_t                       now;
    ngx_uint_t                   i;
    social_revocations_t        *set;
    social_revocations_state_e   said, state;

    set = rmcf->sh->set;
    now = ngx_time();

    ngx_shmtx_lock(&rmcf->shpool->mutex);

    for (i = 0; i < n; i++) {

        if (revoked[i].until == 0) {
            social_revocations_drop(set, revoked[i].id);
            continue;
        }

        /* whether there was room is in the set's state */

        (void) social_revocations_add(set, revoked[i].id, revoked[i].until,
                                      now);
    }

    said = ngx_http_social_revocations_said(rmcf);
    state = rmcf->sh->said;

    ngx_shmtx_unlock(&rmcf->shpool->mutex);

    ngx_http_social_revocations_say(rmcf, said, state);
}


uint64_t
ngx_http_social_revocations_load_begin(
    ngx_http_social_revocation_main_conf_t *rmcf)
{
    uint64_t  load;

    ngx_shmtx_lock(&rmcf->shpool->mutex);

    load = social_revocations_load_begin(rmcf->sh->set);

    ngx_shmtx_unlock(&rmcf->shpool->mutex);

    return load;
}


void
ngx_http_social_revocations_load_end(
    ngx_http_social_revocation_main_conf_t *rmcf, uint64_t load)
{
    social_revocations_state_e  said, state;

    ngx_shmtx_lock(&rmcf->shpool->mutex);

    social_revocations_load_end(rmcf->sh->set, load);
    social_revocations_set_loaded(rmcf->sh->set, true);

    said = ngx_http_social_revocations_said(rmcf);
    state = rmcf->sh->said;

    ngx_shmtx_unlock(&rmcf->shpool->mutex);

    ngx_http_social_revocations_say(rmcf, said, state);
}


/*
 * With the mutex: takes what was said last, for what is to be said now.
 */

static social_revocations_state_e
ngx_http_social_revocations_said(ngx_http_social_revocation_main_conf_t *rmcf)
{
    social_revocations_state_e        said;
    ngx_http_social_revocation_sh_t  *sh;

    sh = rmcf->sh;

    said = sh->said;
    sh->said = social_revocations_state(sh->set);

    return said;
}


static void
ngx_http_social_revocations_say(ngx_http_social_revocation_main_conf_t *rmcf,
    social_revocations_state_e said, social_revocations_state_e state)
{
    if (state == said) {
        return;
    }

    switch (state) {

    case SOCIAL_REVOCATIONS_EXCEEDED:
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "social: no room for all revocations, some revoked "
                      "tokens are still accepted: increase \"social_zone\"");
        return;

    case SOCIAL_REVOCATIONS_FULL:
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "social: no room for more than %uz revocations, one of "
                      "a million valid tokens may be refused with the "
                      "others: increase \"social_zone\"",
                      social_revocations_capacity(rmcf->sh->set));
        return;

    default:
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "social: there is room for all revocations again");
    }
}


/*
 * A quarter of the zone, of which a quarter is for what has no slot; a slot
 * takes 24 bytes, and a quarter of them stays empty.  It outlives a reload as
 * it is.
 */

static ngx_int_t
ngx_http_social_revocation_init_zone(ngx_slab_pool_t *shpool, void **part,
    void *data, ngx_log_t *log)
{
    ngx_http_social_revocation_main_conf_t *rmcf = data;

    void                             *memory;
    size_t                            size;
    ngx_http_social_revocation_sh_t  *sh;

    rmcf->shpool = shpool;
    rmcf->sh = *part;

    if (rmcf->sh != NULL) {
        return NGX_OK;
    }

    size = (shpool->end - (u_char *) shpool) / 4;

    sh = ngx_slab_calloc(shpool, sizeof(ngx_http_social_revocation_sh_t));
    memory = ngx_slab_alloc(shpool, size);

    if (sh == NULL || memory == NULL) {
        goto failed;
    }

    sh->set = social_revocations_init(memory, size);
    if (sh->set == NULL) {
        goto failed;
    }

    *part = sh;
    rmcf->sh = sh;

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "social: room for %uz revocations",
                  social_revocations_capacity(sh->set));

    return NGX_OK;

failed:

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "social: no room for revocations%s: give \"social_zone\" "
                  "more", shpool->log_ctx);

    return NGX_ERROR;
}


static void *
ngx_http_social_revocation_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_social_revocation_main_conf_t));
}


static char *
ngx_http_social_revocation_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_revocation_loc_conf_t  *rlcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (rlcf->open != NGX_CONF_UNSET_UINT) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_revocations\" is duplicate: say it once in this "
                   "block");
    }

    if (ngx_strcmp(value[1].data, "wait") == 0) {
        rlcf->open = 0;

    } else if (ngx_strcmp(value[1].data, "open") == 0) {
        rlcf->open = 1;

    } else {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid value \"%V\" in \"social_revocations\": it must "
                   "be \"wait\" or \"open\"", &value[1]);
    }

    return NGX_CONF_OK;
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

    rlcf->open = NGX_CONF_UNSET_UINT;

    return rlcf;
}


static char *
ngx_http_social_revocation_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_social_revocation_loc_conf_t  *prev = parent;
    ngx_http_social_revocation_loc_conf_t  *conf = child;

    ngx_conf_merge_uint_value(conf->open, prev->open, 0);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_social_revocation_init(ngx_conf_t *cf)
{
    ngx_http_social_revocation_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_social_revocation_module);

    /* whoever has tokens and a database may be told of a logout by another */

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
