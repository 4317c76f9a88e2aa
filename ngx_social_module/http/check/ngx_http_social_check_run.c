
/*
 * When peers are checked, and what becomes of it.
 *
 * DESIGN.  All processes try to have one lease; who has it, checks all peers of
 * all upstreams.  Nothing else is needed of the others: the marks are in the
 * zones of the upstreams, which all share, and what led to them in ours.  A
 * process that takes over goes on where the last one was.  It notes in the zone
 * whose the checks are, so that one that was stopped for a while, and wakes up
 * as if nothing had happened, neither marks a peer nor touches a slot that may
 * have been freed meanwhile.
 */

#include "ngx_http_social_check.h"


#define NGX_HTTP_SOCIAL_CHECK_SPREAD  500      /* of first checks, ms */


static void ngx_http_social_check_tick(ngx_http_social_duty_t *duty);
static void ngx_http_social_check_stop(ngx_http_social_duty_t *duty);
static ngx_uint_t ngx_http_social_check_ours(
    ngx_http_social_check_main_conf_t *cmcf);
static ngx_int_t ngx_http_social_check_reconcile(
    ngx_http_social_check_conf_t *conf);
static ngx_http_social_check_t *ngx_http_social_check_get(
    ngx_http_social_check_conf_t *conf, ngx_http_social_check_peer_t *peer);
static ngx_http_social_check_t *ngx_http_social_check_create(
    ngx_http_social_check_conf_t *conf, ngx_http_social_check_peer_t *peer,
    uint32_t key);
static void ngx_http_social_check_free(ngx_http_social_check_t *check);
static void ngx_http_social_check_free_all(
    ngx_http_social_check_conf_t *conf);
static void ngx_http_social_check_timer(ngx_event_t *ev);
static void ngx_http_social_check_done(ngx_http_social_check_t *check,
    ngx_http_social_check_outcome_e outcome);
static void ngx_http_social_check_seen(
    ngx_http_social_check_main_conf_t *cmcf);
static ngx_msec_t ngx_http_social_check_next(
    ngx_http_social_check_t *check);
static void ngx_http_social_check_log(ngx_http_social_check_t *check,
    ngx_http_social_check_outcome_e outcome, ngx_uint_t status,
    social_health_e was, social_health_e state);


void
ngx_http_social_check_start_process(ngx_cycle_t *cycle,
    ngx_http_social_check_main_conf_t *cmcf)
{
    ngx_uint_t                      i;
    ngx_http_social_check_conf_t  **conf;

    conf = cmcf->checked.elts;

    for (i = 0; i < cmcf->checked.nelts; i++) {
        ngx_queue_init(&conf[i]->checks);
    }

    cmcf->cycle = cycle;

    cmcf->duty.interval = NGX_HTTP_SOCIAL_CHECK_TICK;
    cmcf->duty.lease = &cmcf->sh->lease;
    cmcf->duty.shpool = cmcf->shpool;
    cmcf->duty.handler = ngx_http_social_check_tick;
    cmcf->duty.stop = ngx_http_social_check_stop;
    cmcf->duty.data = cmcf;

    ngx_http_social_duty_start(&cmcf->duty, cycle);
}


void
ngx_http_social_check_stop_process(ngx_http_social_check_main_conf_t *cmcf)
{
    ngx_uint_t                      i;
    ngx_http_social_check_conf_t  **conf;

    if (cmcf->cycle == NULL) {
        return;
    }

    conf = cmcf->checked.elts;

    for (i = 0; i < cmcf->checked.nelts; i++) {
        ngx_http_social_check_free_all(conf[i]);
    }

    if (cmcf->duty.timer.timer_set) {
        ngx_del_timer(&cmcf->duty.timer);
    }

    /*
     * at once, for the process that follows; and not of another cycle's, whose
     * zone may be another one
     */

    if (cmcf->cycle == ngx_cycle) {

        ngx_shmtx_lock(&cmcf->shpool->mutex);

        if (cmcf->sh->pid == ngx_pid && cmcf->sh->cycle == cmcf->cycle) {
            cmcf->sh->pid = 0;
            ngx_http_social_lease_release(&cmcf->sh->lease);
        }

        ngx_shmtx_unlock(&cmcf->shpool->mutex);
    }

    cmcf->cycle = NULL;
}


/*
 * While this process has the lease.
 */

static void
ngx_http_social_check_tick(ngx_http_social_duty_t *duty)
{
    ngx_uint_t                          i, gained, second;
    ngx_http_social_check_conf_t      **conf;
    ngx_http_social_check_sh_t         *sh;
    ngx_http_social_check_main_conf_t  *cmcf;

    cmcf = duty->data;
    sh = cmcf->sh;

    ngx_shmtx_lock(&cmcf->shpool->mutex);

    gained = (sh->pid != ngx_pid || sh->cycle != cmcf->cycle);

    sh->pid = ngx_pid;
    sh->cycle = cmcf->cycle;

    ngx_shmtx_unlock(&cmcf->shpool->mutex);

    conf = cmcf->checked.elts;

    if (gained) {
        for (i = 0; i < cmcf->checked.nelts; i++) {
            ngx_http_social_check_free_all(conf[i]);
            conf[i]->reconciled = 0;
        }
    }

    second = cmcf->ticks++ % (1000 / NGX_HTTP_SOCIAL_CHECK_TICK) == 0;

    for (i = 0; i < cmcf->checked.nelts; i++) {

        if (!conf[i]->reconciled ? gained || second
            : ngx_http_social_check_peers_number(conf[i]) != conf[i]->number)
        {
            conf[i]->reconciled =
                         ngx_http_social_check_reconcile(conf[i]) == NGX_OK;
        }
    }

    if (second) {
        ngx_http_social_check_seen(cmcf);
    }
}


static void
ngx_http_social_check_stop(ngx_http_social_duty_t *duty)
{
    ngx_http_social_check_stop_process(duty->data);
}


/*
 * With the mutex held.
 */

static ngx_uint_t
ngx_http_social_check_ours(ngx_http_social_check_main_conf_t *cmcf)
{
    return cmcf->sh->pid == ngx_pid
           && cmcf->sh->cycle == cmcf->cycle
           && cmcf->cycle == ngx_cycle;
}


/*
 * Has a check for each address there is, and no others; and the marks of peers
 * as their slots say, since nginx makes new ones.
 */

static ngx_int_t
ngx_http_social_check_reconcile(ngx_http_social_check_conf_t *conf)
{
    ngx_int_t                       rc;
    ngx_uint_t                      i;
    ngx_pool_t                     *pool;
    ngx_queue_t                    *q, *next;
    ngx_array_t                    *peers;
    social_health_e                 state;
    ngx_http_social_check_t        *check;
    ngx_http_social_check_peer_t   *peer;

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    /* before they are read: what changes then, is another number */

    conf->number = ngx_http_social_check_peers_number(conf);

    peers = ngx_http_social_check_peers(conf, pool);
    if (peers == NULL) {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    for (q = ngx_queue_head(&conf->checks);
         q != ngx_queue_sentinel(&conf->checks);
         q = ngx_queue_next(q))
    {
        check = ngx_queue_data(q, ngx_http_social_check_t, queue);
        check->present = 0;
    }

    rc = NGX_OK;
    peer = peers->elts;

    for (i = 0; i < peers->nelts; i++) {

        check = ngx_http_social_check_get(conf, &peer[i]);

        if (check == NULL) {
            rc = NGX_ERROR;
            continue;
        }

        if (check->present) {
            continue;
        }

        check->present = 1;

        /* with the mutex held, so that no other process is between these */

        ngx_shmtx_lock(&conf->main->shpool->mutex);

        if (!ngx_http_social_check_ours(conf->main)) {
            ngx_shmtx_unlock(&conf->main->shpool->mutex);
            ngx_destroy_pool(pool);
            return NGX_ERROR;
        }

        state = check->slot->health.state;

        ngx_http_social_check_mark(conf, &check->sockaddr.sockaddr,
                                   check->socklen,
                                   state == SOCIAL_HEALTH_DOWN
                                   || (state == SOCIAL_HEALTH_UNKNOWN
                                       && conf->mandatory));

        ngx_shmtx_unlock(&conf->main->shpool->mutex);
    }

    for (q = ngx_queue_head(&conf->checks);
         q != ngx_queue_sentinel(&conf->checks);
         q = next)
    {
        next = ngx_queue_next(q);
        check = ngx_queue_data(q, ngx_http_social_check_t, queue);

        if (!check->present) {
            ngx_http_social_check_free(check);
        }
    }

    ngx_destroy_pool(pool);

    if (rc != NGX_OK && !conf->main->full) {
        conf->main->full = 1;

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "social: no room for health checks of upstream \"%V\"%s: "
                      "increase \"social_zone\"", &conf->upstream->host,
                      conf->main->shpool->log_ctx);
    }

    return rc;
}


static ngx_http_social_check_t *
ngx_http_social_check_get(ngx_http_social_check_conf_t *conf,
    ngx_http_social_check_peer_t *peer)
{
    uint32_t                  key;
    ngx_queue_t              *q;
    ngx_http_social_check_t  *check;

    key = ngx_http_social_check_key(&conf->upstream->host,
                                    &peer->sockaddr.sockaddr, peer->socklen);

    for (q = ngx_queue_head(&conf->checks);
         q != ngx_queue_sentinel(&conf->checks);
         q = ngx_queue_next(q))
    {
        check = ngx_queue_data(q, ngx_http_social_check_t, queue);

        if (check->key == key
            && ngx_cmp_sockaddr(&check->sockaddr.sockaddr, check->socklen,
                                &peer->sockaddr.sockaddr, peer->socklen, 1)
               == NGX_OK)
        {
            return check;
        }
    }

    return ngx_http_social_check_create(conf, peer, key);
}


static ngx_http_social_check_t *
ngx_http_social_check_create(ngx_http_social_check_conf_t *conf,
    ngx_http_social_check_peer_t *peer, uint32_t key)
{
    ngx_msec_int_t                  left;
    ngx_http_social_check_t        *check;
    ngx_http_social_check_slot_t   *slot;

    check = ngx_calloc(sizeof(ngx_http_social_check_t) + peer->name.len,
                       ngx_cycle->log);
    if (check == NULL) {
        return NULL;
    }

    ngx_shmtx_lock(&conf->main->shpool->mutex);

    slot = ngx_http_social_check_slot_get(conf->main, &conf->upstream->host,
                                          peer);
    if (slot == NULL) {
        ngx_shmtx_unlock(&conf->main->shpool->mutex);
        ngx_free(check);
        return NULL;
    }

    slot->seen = ngx_current_msec;
    left = (ngx_msec_int_t) (slot->due - ngx_current_msec);

    ngx_shmtx_unlock(&conf->main->shpool->mutex);

    check->conf = conf;
    check->slot = slot;
    check->key = key;
    check->sockaddr = peer->sockaddr;
    check->socklen = peer->socklen;
    check->name.len = peer->name.len;
    check->name.data = (u_char *) check + sizeof(ngx_http_social_check_t);
    ngx_memcpy(check->name.data, peer->name.data, peer->name.len);

    check->done = ngx_http_social_check_done;
    check->timer.handler = ngx_http_social_check_timer;
    check->timer.data = check;
    check->timer.log = ngx_cycle->log;
    check->timer.cancelable = 1;

    ngx_queue_insert_tail(&conf->checks, &check->queue);

    /* it may have been made with another interval */

    if (left <= 0 || left > (ngx_msec_int_t) (conf->interval + conf->jitter)) {
        left = 1 + ngx_random() % ngx_min(conf->interval,
                                          NGX_HTTP_SOCIAL_CHECK_SPREAD);
    }

    ngx_add_timer(&check->timer, (ngx_msec_t) left);

    return check;
}


static void
ngx_http_social_check_free(ngx_http_social_check_t *check)
{
    ngx_http_social_check_close(check);

    if (check->timer.timer_set) {
        ngx_del_timer(&check->timer);
    }

    ngx_queue_remove(&check->queue);

    ngx_free(check);
}


static void
ngx_http_social_check_free_all(ngx_http_social_check_conf_t *conf)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&conf->checks)) {
        q = ngx_queue_head(&conf->checks);

        ngx_http_social_check_free(ngx_queue_data(q, ngx_http_social_check_t,
                                                  queue));
    }
}


static void
ngx_http_social_check_timer(ngx_event_t *ev)
{
    ngx_uint_t                          ours;
    ngx_http_social_check_t            *check;
    ngx_http_social_check_main_conf_t  *cmcf;

    check = ev->data;
    cmcf = check->conf->main;

    if (cmcf->cycle != ngx_cycle) {
        ngx_http_social_check_free(check);
        return;
    }

    if (check->pool != NULL) {
        ngx_http_social_check_done(check, NGX_HTTP_SOCIAL_CHECK_TIMED_OUT);
        return;
    }

    ngx_shmtx_lock(&cmcf->shpool->mutex);
    ours = ngx_http_social_check_ours(cmcf);
    ngx_shmtx_unlock(&cmcf->shpool->mutex);

    if (!ours || ngx_exiting || ngx_terminate || ngx_quit) {
        ngx_http_social_check_free(check);
        return;
    }

    ngx_http_social_check_begin(check);
}


static void
ngx_http_social_check_done(ngx_http_social_check_t *check,
    ngx_http_social_check_outcome_e outcome)
{
    ngx_uint_t                          changed, status;
    social_health_e                     state, was;
    ngx_http_social_check_conf_t       *conf;
    ngx_http_social_check_slot_t       *slot;
    ngx_http_social_check_main_conf_t  *cmcf;

    conf = check->conf;
    cmcf = conf->main;
    slot = check->slot;
    status = check->answer ? check->answer->status : 0;
    changed = 0;

    ngx_http_social_check_close(check);

    /* a single process has read another configuration, with another zone */

    if (cmcf->cycle != ngx_cycle) {
        ngx_http_social_check_free(check);
        return;
    }

    ngx_shmtx_lock(&cmcf->shpool->mutex);

    if (!ngx_http_social_check_ours(cmcf)) {
        ngx_shmtx_unlock(&cmcf->shpool->mutex);
        ngx_http_social_check_free(check);
        return;
    }

    was = slot->health.state;

    if (outcome < NGX_HTTP_SOCIAL_CHECK_OUTCOMES) {
        slot->outcomes[outcome]++;

        changed = social_health_note(&slot->health,
                                     outcome == NGX_HTTP_SOCIAL_CHECK_PASSED,
                                     conf->passes, conf->fails);
    }

    state = slot->health.state;
    slot->due = ngx_http_social_check_next(check);

    ngx_add_timer(&check->timer, slot->due - ngx_current_msec);

    if (changed) {
        ngx_http_social_check_mark(conf, &check->sockaddr.sockaddr,
                                   check->socklen,
                                   state == SOCIAL_HEALTH_DOWN);
    }

    ngx_shmtx_unlock(&cmcf->shpool->mutex);

    if (changed) {
        ngx_http_social_check_log(check, outcome, status, was, state);
    }
}


/*
 * The interval is from one beginning to the next, but for a check that took
 * longer.
 */

static ngx_msec_t
ngx_http_social_check_next(ngx_http_social_check_t *check)
{
    ngx_msec_t                     next;
    ngx_http_social_check_conf_t  *conf;

    conf = check->conf;

    next = check->started + conf->interval;

    if (conf->jitter) {
        next += ngx_random() % (conf->jitter + 1);
    }

    if ((ngx_msec_int_t) (next - ngx_current_msec) < 1) {
        next = ngx_current_msec + 1;
    }

    return next;
}


/*
 * Addresses that are there are kept, and others forgotten.
 */

static void
ngx_http_social_check_seen(ngx_http_social_check_main_conf_t *cmcf)
{
    ngx_uint_t                      i;
    ngx_queue_t                    *q;
    ngx_http_social_check_t        *check;
    ngx_http_social_check_conf_t  **conf;

    conf = cmcf->checked.elts;

    ngx_shmtx_lock(&cmcf->shpool->mutex);

    if (!ngx_http_social_check_ours(cmcf)) {
        ngx_shmtx_unlock(&cmcf->shpool->mutex);
        return;
    }

    for (i = 0; i < cmcf->checked.nelts; i++) {

        for (q = ngx_queue_head(&conf[i]->checks);
             q != ngx_queue_sentinel(&conf[i]->checks);
             q = ngx_queue_next(q))
        {
            check = ngx_queue_data(q, ngx_http_social_check_t, queue);
            check->slot->seen = ngx_current_msec;
        }
    }

    ngx_http_social_check_slots_sweep(cmcf);

    ngx_shmtx_unlock(&cmcf->shpool->mutex);
}


static void
ngx_http_social_check_log(ngx_http_social_check_t *check,
    ngx_http_social_check_outcome_e outcome, ngx_uint_t status,
    social_health_e was, social_health_e state)
{
    ngx_str_t   *upstream;
    ngx_uint_t   level;
    const char  *why;

    upstream = &check->conf->upstream->host;

    if (state == SOCIAL_HEALTH_UP) {

        /* what begins as usual is not a change */

        level = was == SOCIAL_HEALTH_DOWN ? NGX_LOG_NOTICE : NGX_LOG_INFO;

        ngx_log_error(level, ngx_cycle->log, 0,
                      "social: peer %V of upstream \"%V\" is up",
                      &check->name, upstream);
        return;
    }

    switch (outcome) {

    case NGX_HTTP_SOCIAL_CHECK_STATUS:
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "social: peer %V of upstream \"%V\" is down: its status "
                      "is %ui", &check->name, upstream, status);
        return;

    case NGX_HTTP_SOCIAL_CHECK_UNREACHABLE:
        why = "it cannot be connected to";
        break;

    case NGX_HTTP_SOCIAL_CHECK_TIMED_OUT:
        why = "it did not answer in time";
        break;

    case NGX_HTTP_SOCIAL_CHECK_CLOSED:
        why = check->why ? check->why : "the connection was reset";
        break;

    case NGX_HTTP_SOCIAL_CHECK_TLS:
        why = check->why ? check->why : "the TLS handshake failed";
        break;

    case NGX_HTTP_SOCIAL_CHECK_INVALID:
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "social: peer %V of upstream \"%V\" is down: its answer "
                      "is invalid: %s", &check->name, upstream, check->why);
        return;

    default:

        /* NGX_HTTP_SOCIAL_CHECK_MISMATCH */

        why = "its body does not match";
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, check->err,
                  "social: peer %V of upstream \"%V\" is down: %s",
                  &check->name, upstream, why);
}
