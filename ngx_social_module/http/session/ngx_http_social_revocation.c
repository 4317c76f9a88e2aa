
/*
 * Sessions that were ended: the set of them in the shared zone.
 */

#include "ngx_http_social_revocation.h"


static social_revocations_state_e ngx_http_social_revocations_said(
    ngx_http_social_revocation_main_conf_t *rmcf);
static void ngx_http_social_revocations_say(
    ngx_http_social_revocation_main_conf_t *rmcf,
    social_revocations_state_e said, social_revocations_state_e state);


/*
 * A quarter of the zone, of which a quarter is for what has no slot; a slot
 * takes 24 bytes, and a quarter of them stays empty.  It outlives a reload as
 * it is.
 */

ngx_int_t
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
                  "social: no room for revocations%s: increase "
                  "\"social_zone\"", shpool->log_ctx);

    return NGX_ERROR;
}


void
ngx_http_social_revocations_source(ngx_http_social_revocation_main_conf_t *rmcf,
    const u_char source[32])
{
    ngx_http_social_revocation_sh_t  *sh;

    sh = rmcf->sh;

    ngx_shmtx_lock(&rmcf->shpool->mutex);

    if (ngx_memcmp(sh->source, source, sizeof(sh->source)) != 0) {
        ngx_memcpy(sh->source, source, sizeof(sh->source));
        social_revocations_set_loaded(sh->set, false);
        sh->heard = 0;
    }

    ngx_shmtx_unlock(&rmcf->shpool->mutex);
}


void
ngx_http_social_revocations_sweep(ngx_http_social_revocation_main_conf_t *rmcf,
    size_t n)
{
    ngx_shmtx_lock(&rmcf->shpool->mutex);

    social_revocations_sweep(rmcf->sh->set, n, ngx_time());

    ngx_shmtx_unlock(&rmcf->shpool->mutex);
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
            social_revocations_drop(set, revoked[i].id, revoked[i].subject);
            continue;
        }

        /* whether there was room is in the set's state */

        if (revoked[i].subject) {
            (void) social_revocations_add_subject(set, revoked[i].id,
                                                  revoked[i].before,
                                                  revoked[i].until, now);
            continue;
        }

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
    ngx_http_social_revocation_main_conf_t *rmcf, uint64_t load,
    ngx_str_t *server, int64_t xmax)
{
    ngx_uint_t                        forget;
    social_revocations_state_e        said, state;
    ngx_http_social_revocation_sh_t  *sh;

    sh = rmcf->sh;

    ngx_shmtx_lock(&rmcf->shpool->mutex);

    forget = 0;

    if (server->len) {

        /*
         * what was kept by another server, or by a later state of this one, is
         * kept for as long as any of it lasts
         */

        if (sh->server_len
            && (sh->server_len != server->len
                || ngx_memcmp(sh->server, server->data, server->len) != 0
                || xmax < sh->xmax))
        {
            sh->keep = social_revocations_overflow_until(sh->set);
        }

        sh->server_len = ngx_min(server->len, sizeof(sh->server));
        ngx_memcpy(sh->server, server->data, sh->server_len);
        sh->xmax = xmax;

        forget = (sh->keep < ngx_time());
    }

    social_revocations_load_end(sh->set, load, forget);
    social_revocations_set_loaded(sh->set, true);

    said = ngx_http_social_revocations_said(rmcf);
    state = rmcf->sh->said;

    ngx_shmtx_unlock(&rmcf->shpool->mutex);

    ngx_http_social_revocations_say(rmcf, said, state);
}


/*
 * Of two listeners at a time, after one was stopped for a while, the later one
 * counts.
 */

void
ngx_http_social_revocations_heard(ngx_http_social_revocation_main_conf_t *rmcf,
    ngx_msec_t asked)
{
    ngx_http_social_revocation_sh_t  *sh;

    sh = rmcf->sh;

    ngx_shmtx_lock(&rmcf->shpool->mutex);

    if (sh->heard == 0 || (ngx_msec_int_t) (asked - sh->heard) > 0) {
        sh->heard = asked;
    }

    ngx_shmtx_unlock(&rmcf->shpool->mutex);
}


ngx_uint_t
ngx_http_social_revocations_unheard(
    ngx_http_social_revocation_main_conf_t *rmcf, ngx_msec_t time)
{
    ngx_msec_t  heard;

    heard = rmcf->sh->heard;

    return heard == 0
           || (ngx_msec_int_t) (ngx_current_msec - heard)
              > (ngx_msec_int_t) time;
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
