
/*
 * "social_health_check": active checks of the peers of an upstream block.
 */

#include "ngx_http_social_check.h"


static ngx_uint_t ngx_http_social_check_repeated(
    ngx_http_social_check_peer_t *peer, ngx_uint_t n);

static void *ngx_http_social_check_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_social_check_create_srv_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_social_check_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_social_check_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_social_check_init_process(ngx_cycle_t *cycle);
static void ngx_http_social_check_exit_process(ngx_cycle_t *cycle);
static ngx_http_social_check_main_conf_t *ngx_http_social_check_of(
    ngx_cycle_t *cycle);


static ngx_command_t  ngx_http_social_check_commands[] = {

    { ngx_string("social_health_check"),
      NGX_HTTP_UPS_CONF|NGX_CONF_ANY,
      ngx_http_social_check_directive,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_check_module_ctx = {
    NULL,                                    /* preconfiguration */
    ngx_http_social_check_init,              /* postconfiguration */

    ngx_http_social_check_create_main_conf,  /* create main configuration */
    NULL,                                    /* init main configuration */

    ngx_http_social_check_create_srv_conf,   /* create server configuration */
    NULL,                                    /* merge server configuration */

    NULL,                                    /* create location configuration */
    NULL                                     /* merge location configuration */
};


ngx_module_t  ngx_http_social_check_module = {
    NGX_MODULE_V1,
    &ngx_http_social_check_module_ctx,     /* module context */
    ngx_http_social_check_commands,        /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_social_check_init_module,     /* init module */
    ngx_http_social_check_init_process,    /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_social_check_exit_process,    /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static const char *const  ngx_http_social_check_outcomes[] = {
    "passed",
    "unreachable",
    "timed_out",
    "closed",
    "tls",
    "invalid",
    "status",
    "mismatch"
};


ngx_http_social_check_conf_t *
ngx_http_social_check_find(ngx_conf_t *cf, ngx_str_t *upstream)
{
    ngx_uint_t                           i;
    ngx_http_social_check_conf_t       **conf;
    ngx_http_social_check_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_check_module);
    conf = cmcf->checked.elts;

    for (i = 0; i < cmcf->checked.nelts; i++) {
        if (conf[i]->upstream->host.len == upstream->len
            && ngx_memcmp(conf[i]->upstream->host.data, upstream->data,
                          upstream->len)
               == 0)
        {
            return conf[i];
        }
    }

    return NULL;
}


ngx_array_t *
ngx_http_social_check_numbers(ngx_http_request_t *r)
{
    ngx_uint_t                           i, k;
    ngx_array_t                         *numbers, *peers;
    ngx_http_social_check_conf_t       **conf;
    ngx_http_social_check_peer_t        *peer;
    ngx_http_social_check_slot_t        *slot;
    ngx_http_social_check_number_t      *number;
    ngx_http_social_check_main_conf_t   *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_social_check_module);
    conf = cmcf->checked.elts;

    numbers = ngx_array_create(r->pool, 8,
                               sizeof(ngx_http_social_check_number_t));
    if (numbers == NULL) {
        return NULL;
    }

    for (i = 0; i < cmcf->checked.nelts; i++) {

        peers = ngx_http_social_check_peers(conf[i], r->pool);
        if (peers == NULL) {
            return NULL;
        }

        peer = peers->elts;

        for (k = 0; k < peers->nelts; k++) {

            if (ngx_http_social_check_repeated(peer, k)) {
                continue;
            }

            number = ngx_array_push(numbers);
            if (number == NULL) {
                return NULL;
            }

            ngx_memzero(number, sizeof(ngx_http_social_check_number_t));

            ngx_shmtx_lock(&cmcf->shpool->mutex);

            slot = ngx_http_social_check_slot_find(cmcf->sh,
                                                   &conf[i]->upstream->host,
                                                   &peer[k].sockaddr.sockaddr,
                                                   peer[k].socklen);
            if (slot != NULL) {
                ngx_memcpy(number->outcomes, slot->outcomes,
                           sizeof(slot->outcomes));
            }

            ngx_shmtx_unlock(&cmcf->shpool->mutex);

            number->upstream = conf[i]->upstream->host;
            number->peer = peer[k].name;
            number->usable = ngx_http_social_check_usable(conf[i],
                                                   &peer[k].sockaddr.sockaddr,
                                                   peer[k].socklen)
                             != 0;
        }
    }

    return numbers;
}


/*
 * Whether an address is also that of a peer before it.
 */

static ngx_uint_t
ngx_http_social_check_repeated(ngx_http_social_check_peer_t *peer,
    ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (ngx_cmp_sockaddr(&peer[i].sockaddr.sockaddr, peer[i].socklen,
                             &peer[n].sockaddr.sockaddr, peer[n].socklen, 1)
            == NGX_OK)
        {
            return 1;
        }
    }

    return 0;
}


const char *
ngx_http_social_check_outcome(ngx_http_social_check_outcome_e outcome)
{
    return ngx_http_social_check_outcomes[outcome];
}


static void *
ngx_http_social_check_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_social_check_main_conf_t  *cmcf;

    cmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_check_main_conf_t));

    if (cmcf == NULL
        || ngx_array_init(&cmcf->checked, cf->pool, 4,
                          sizeof(ngx_http_social_check_conf_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return cmcf;
}


static void *
ngx_http_social_check_create_srv_conf(ngx_conf_t *cf)
{
    ngx_http_social_check_conf_t  *conf;

    /*
     * set by ngx_pcalloc():
     *
     *     conf->used = 0;
     *     conf->type = NGX_HTTP_SOCIAL_CHECK_HTTP;
     *     conf->uri = { 0, NULL };
     *     conf->host = { 0, NULL };
     *     conf->port = 0;
     *     conf->jitter = 0;
     *     conf->status = NULL;
     *     conf->body = { 0, NULL };
     *     conf->regex = NULL;
     *     conf->tls_name = { 0, NULL };
     *     conf->ca_file = { 0, NULL };
     *     conf->certificate = { 0, NULL };
     *     conf->certificate_key = { 0, NULL };
     */

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_check_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->interval = 5000;
    conf->timeout = 1000;
    conf->passes = 2;
    conf->fails = 3;
    conf->mandatory = NGX_CONF_UNSET;
    conf->tls = NGX_CONF_UNSET;
    conf->tls_verify = NGX_CONF_UNSET;

    return conf;
}


static ngx_int_t
ngx_http_social_check_init(ngx_conf_t *cf)
{
    ngx_uint_t                           i;
    ngx_http_social_check_conf_t       **conf;
    ngx_http_social_check_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_check_module);

    if (cmcf->checked.nelts == 0) {
        return NGX_OK;
    }

    conf = cmcf->checked.elts;

    for (i = 0; i < cmcf->checked.nelts; i++) {

        conf[i]->main = cmcf;

        if (ngx_http_social_check_conf_init(cf, conf[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_social_zone_add_part(cf, NGX_HTTP_SOCIAL_ZONE_CHECKS,
                                         ngx_http_social_check_init_zone, cmcf);
}


/*
 * All zones are there, and no process of this configuration is.
 */

static ngx_int_t
ngx_http_social_check_init_module(ngx_cycle_t *cycle)
{
    ngx_uint_t                           i;
    ngx_http_social_check_conf_t       **conf;
    ngx_http_social_check_main_conf_t   *cmcf;

    cmcf = ngx_http_social_check_of(cycle);

    if (cmcf != NULL) {
        conf = cmcf->checked.elts;

        /* nobody has checked or forgotten anything since it was last so */

        ngx_shmtx_lock(&cmcf->shpool->mutex);

        if (!ngx_http_social_lease_held(&cmcf->sh->lease)) {
            cmcf->sh->pid = 0;
            ngx_http_social_check_slots_sweep(cmcf);
        }

        ngx_shmtx_unlock(&cmcf->shpool->mutex);

        for (i = 0; i < cmcf->checked.nelts; i++) {
            ngx_http_social_check_restore(cmcf, conf[i]);
        }

        /* a single process begins once, whatever it reads later */

        if (ngx_process == NGX_PROCESS_SINGLE
            && !ngx_is_init_cycle(cycle->old_cycle))
        {
            ngx_http_social_check_start_process(cycle, cmcf);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_check_init_process(ngx_cycle_t *cycle)
{
    ngx_http_social_check_main_conf_t  *cmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    cmcf = ngx_http_social_check_of(cycle);

    if (cmcf != NULL) {
        ngx_http_social_check_start_process(cycle, cmcf);
    }

    return NGX_OK;
}


static void
ngx_http_social_check_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_social_check_main_conf_t  *cmcf;

    cmcf = ngx_http_social_check_of(cycle);

    if (cmcf != NULL) {
        ngx_http_social_check_stop_process(cmcf);
    }
}


/*
 * NULL: there is nothing to be checked.
 */

static ngx_http_social_check_main_conf_t *
ngx_http_social_check_of(ngx_cycle_t *cycle)
{
    ngx_http_social_check_main_conf_t  *cmcf;

    cmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_social_check_module);

    return cmcf != NULL && cmcf->checked.nelts ? cmcf : NULL;
}
