
/*
 * Fetching credentials: one worker for all, by a lease in the zone.
 */

#include "ngx_http_social_credentials_slot.h"


#define NGX_HTTP_SOCIAL_CREDENTIALS_BACKOFF_MIN  1000
#define NGX_HTTP_SOCIAL_CREDENTIALS_BACKOFF_MAX  60000
#define NGX_HTTP_SOCIAL_CREDENTIALS_IDLE         60000

/* how often a file is looked at */
#define NGX_HTTP_SOCIAL_CREDENTIALS_WATCH        1000


/* a thread's; the source belongs to the task meanwhile */

typedef struct {
    social_net_credentials_source_t  *source;
    social_net_credentials_t          credentials;
    social_rc_e                       rc;
    char                              error[SOCIAL_NET_ERROR_SIZE];
} ngx_http_social_credentials_task_t;


static void ngx_http_social_credentials_refresh(ngx_event_t *ev);
static ngx_uint_t ngx_http_social_credentials_lease(
    ngx_http_social_credentials_t *c);
static void ngx_http_social_credentials_post(
    ngx_http_social_credentials_t *c);
static void ngx_http_social_credentials_thread(void *data, ngx_log_t *log);
static void ngx_http_social_credentials_done(ngx_http_social_task_t *task);
static void ngx_http_social_credentials_fetched(
    ngx_http_social_credentials_t *c,
    const social_net_credentials_t *credentials);
static void ngx_http_social_credentials_failed(
    ngx_http_social_credentials_t *c, const char *error);


void
ngx_http_social_credentials_start(ngx_http_social_credentials_t *c,
    ngx_cycle_t *cycle)
{
    c->refresh.handler = ngx_http_social_credentials_refresh;
    c->refresh.data = c;
    c->refresh.log = cycle->log;
    c->refresh.cancelable = 1;

    /* from a timer, when the threads have been started */

    ngx_add_timer(&c->refresh, 1);
}


static void
ngx_http_social_credentials_refresh(ngx_event_t *ev)
{
    ngx_msec_int_t                  left;
    ngx_http_social_credentials_t  *c;

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        return;
    }

    c = ev->data;

    /* one thread for each, if that one were to stick */

    if (c->task == NULL && ngx_http_social_credentials_lease(c)) {
        ngx_http_social_credentials_post(c);
    }

    left = (ngx_msec_int_t) (c->slot->next - ngx_current_msec);

    if (left < 100) {
        /* it is being fetched: the end of that sets the next time */
        left = 100;
    }

    ngx_add_timer(ev, ngx_min((ngx_msec_t) left,
                              NGX_HTTP_SOCIAL_CREDENTIALS_IDLE));
}


static ngx_uint_t
ngx_http_social_credentials_lease(ngx_http_social_credentials_t *c)
{
    ngx_uint_t                           ours;
    ngx_http_social_credentials_slot_t  *slot;

    slot = c->slot;
    ours = 0;

    ngx_shmtx_lock(&c->shpool->mutex);

    if (ngx_http_social_credentials_own_slot(c)) {

        slot->used = ngx_time();

        if (!ngx_http_social_lease_held(&slot->lease)
            && (ngx_msec_int_t) (ngx_current_msec - slot->next) >= 0)
        {
            ours = ngx_http_social_lease_acquire(&slot->lease,
                       SOCIAL_NET_CREDENTIALS_TIMEOUT + 5000);
        }
    }

    ngx_shmtx_unlock(&c->shpool->mutex);

    return ours;
}


static void
ngx_http_social_credentials_post(ngx_http_social_credentials_t *c)
{
    ngx_http_social_task_t              *task;
    ngx_http_social_credentials_task_t  *ctx;

    task = ngx_http_social_task_create(
               sizeof(ngx_http_social_credentials_task_t),
               ngx_http_social_credentials_thread,
               ngx_http_social_credentials_done);

    if (task != NULL) {

        ngx_http_social_task_own(task, c, &c->task);

        ctx = task->ctx;
        ctx->source = c->source;

        if (ngx_http_social_task_post(task, c->thread_pool) == NGX_OK) {
            return;
        }

        ngx_http_social_task_free(task);
    }

    ngx_http_social_credentials_failed(c, "no thread could be had");
}


static void
ngx_http_social_credentials_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_credentials_task_t *ctx = data;

    ctx->rc = social_net_credentials_fetch(ctx->source, &ctx->credentials,
                                           ctx->error);
}


static void
ngx_http_social_credentials_done(ngx_http_social_task_t *task)
{
    ngx_http_social_credentials_t       *c;
    ngx_http_social_credentials_task_t  *ctx;

    ctx = task->ctx;
    c = task->owner;

    if (c == NULL) {

        /* the configuration was freed, but for this; the lease expires */

        social_net_credentials_destroy(ctx->source);

    } else if (ctx->rc == SOCIAL_OK) {
        ngx_http_social_credentials_fetched(c, &ctx->credentials);

    } else {
        ngx_http_social_credentials_failed(c, ctx->error);
    }

    social_net_credentials_free(&ctx->credentials);
    ngx_http_social_task_free(task);
}


static void
ngx_http_social_credentials_fetched(ngx_http_social_credentials_t *c,
    const social_net_credentials_t *credentials)
{
    ngx_msec_t                           wait;
    ngx_uint_t                           changed, failures, level;
    ngx_http_social_credentials_slot_t  *slot;

    slot = c->slot;

    wait = NGX_HTTP_SOCIAL_CREDENTIALS_WATCH;

    if (credentials->keys.expires != 0) {

        /* many gateways must not do it at the same time */

        wait = (ngx_msec_t) social_credentials_refresh(&credentials->keys,
                                                       ngx_time()) * 1000;
        wait -= (ngx_msec_t) ngx_random() % (wait / 10 + 1);
    }

    ngx_shmtx_lock(&c->shpool->mutex);

    if (!ngx_http_social_credentials_own_slot(c)) {
        ngx_shmtx_unlock(&c->shpool->mutex);
        return;
    }

    changed = ngx_http_social_credentials_publish(slot, c->id,
                                                  &credentials->keys);
    failures = slot->failures;
    slot->failures = 0;
    slot->complaint = 0;
    slot->next = ngx_current_msec + wait;
    ngx_http_social_lease_release(&slot->lease);

    ngx_shmtx_unlock(&c->shpool->mutex);

    level = failures || credentials->keys.expires == 0 ? NGX_LOG_NOTICE
                                                       : NGX_LOG_INFO;

    if (changed || failures) {
        ngx_log_error(level, ngx_cycle->log, 0,
                      "social: loaded %scredentials \"%V\" of %V",
                      changed ? "new " : "", &c->text, &c->who);
    }
}


/*
 * Logged once for each outage, and again if the reason changes: digits, such as
 * milliseconds, do not count.
 */

static void
ngx_http_social_credentials_failed(ngx_http_social_credentials_t *c,
    const char *error)
{
    u_char                               ch;
    uint32_t                             complaint;
    ngx_uint_t                           level, failures, harmless;
    ngx_msec_t                           backoff;
    const char                          *p, *state;
    social_credentials_t                 keys;
    ngx_http_social_credentials_slot_t  *slot;

    slot = c->slot;

    ngx_crc32_init(complaint);

    for (p = error; *p; p++) {

        ch = (u_char) *p;

        if (ch < '0' || ch > '9') {
            ngx_crc32_update(&complaint, &ch, 1);
        }
    }

    ngx_crc32_final(complaint);

    state = "there are none";
    harmless = 0;

    if (ngx_http_social_credentials_current(c, &keys) == NGX_OK) {

        state = "the last ones are still used";

        /* a file that only the master may read is good until it is replaced */

        harmless = (keys.expires == 0);

    } else if (c->own->value.access_key) {
        state = "the last ones have expired";
    }

    ngx_shmtx_lock(&c->shpool->mutex);

    if (!ngx_http_social_credentials_own_slot(c)) {
        ngx_shmtx_unlock(&c->shpool->mutex);
        return;
    }

    /* an expiry is a change, too */

    complaint ^= (uint32_t) state[0] << 8 | (uint32_t) state[14];
    failures = ++slot->failures;

    level = slot->complaint == complaint ? NGX_LOG_INFO
            : !harmless ? NGX_LOG_ERR : NGX_LOG_WARN;

    backoff = failures < 7
              ? NGX_HTTP_SOCIAL_CREDENTIALS_BACKOFF_MIN << (failures - 1)
              : NGX_HTTP_SOCIAL_CREDENTIALS_BACKOFF_MAX;

    slot->complaint = complaint;
    slot->next = ngx_current_msec + backoff / 2
                 + (ngx_msec_t) ngx_random() % (backoff / 2 + 1);
    ngx_http_social_lease_release(&slot->lease);

    ngx_shmtx_unlock(&c->shpool->mutex);

    ngx_log_error(level, ngx_cycle->log, 0,
                  "social: could not load credentials \"%V\" of %V: %s; %s, "
                  "check \"credentials\"", &c->text, &c->who, error, state);
}
