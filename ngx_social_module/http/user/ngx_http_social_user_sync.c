
/*
 * "social_user_sync": a verified identity has a row, and the backend its id.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_user_ask.h"


/*
 * In ms: how often a request looks what another worker has learned, since nginx
 * has no signal between workers; and how much earlier than it may it goes on,
 * since timers are late.
 */
#define NGX_HTTP_SOCIAL_USER_LOOK  5
#define NGX_HTTP_SOCIAL_USER_LATE  10


typedef struct {
    ngx_queue_t                       queue;     /* of what it waits for */
    ngx_event_t                       timer;
    ngx_http_request_t               *request;
    ngx_http_social_user_main_conf_t *umcf;
    ngx_msec_t                        deadline;
    u_char                            key[SOCIAL_SESSION_ID_SIZE];
    unsigned                          waiting:1;
    unsigned                          queued:1;
} ngx_http_social_user_waiter_t;


static ngx_int_t ngx_http_social_user_deleted(ngx_http_request_t *r);
static ngx_http_social_user_asking_t *ngx_http_social_user_begin(
    ngx_http_request_t *r, ngx_http_social_auth_ctx_t *identity,
    const u_char *key, ngx_http_social_user_t *user);
static ngx_int_t ngx_http_social_user_wait(ngx_http_request_t *r,
    ngx_http_social_user_asking_t *asking, const u_char *key);
static ngx_int_t ngx_http_social_user_suspend(
    ngx_http_social_user_waiter_t *waiter);
static void ngx_http_social_user_look(ngx_event_t *ev);
static void ngx_http_social_user_wake(ngx_queue_t *waiters);
static void ngx_http_social_user_resume(ngx_http_social_user_waiter_t *waiter);
static void ngx_http_social_user_stop(ngx_http_social_user_waiter_t *waiter);
static void ngx_http_social_user_leave(void *data);
static void ngx_http_social_user_set_id(ngx_http_social_auth_ctx_t *identity,
    const u_char *id);


ngx_int_t
ngx_http_social_user_sync_handler(ngx_http_request_t *r)
{
    ngx_int_t                          rc;
    const u_char                      *key;
    ngx_http_social_user_t             user;
    ngx_http_social_auth_ctx_t        *identity;
    ngx_http_social_user_asking_t     *asking;
    ngx_http_social_user_loc_conf_t   *ulcf;
    ngx_http_social_user_main_conf_t  *umcf;

    ulcf = ngx_http_get_module_loc_conf(r, ngx_http_social_user_module);

    if (!ulcf->enable || r != r->main) {
        return NGX_DECLINED;
    }

    rc = ngx_http_social_auth_identity(r, &identity);

    if (rc == NGX_DECLINED) {
        return NGX_DECLINED;
    }

    if (rc != NGX_OK || ngx_http_social_auth_subject(identity, &key) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (identity->claims.subject.len == 0) {

        /* with "satisfy any" the address was sufficient */

        return NGX_DECLINED;
    }

    umcf = ngx_http_get_module_main_conf(r, ngx_http_social_user_module);

    ngx_http_social_user_get(umcf, key, &user);

    asking = ngx_http_social_user_begin(r, identity, key, &user);

    switch (user.state) {

    case NGX_HTTP_SOCIAL_USER_KNOWN:
        ngx_http_social_user_set_id(identity, user.id);
        return NGX_DECLINED;

    case NGX_HTTP_SOCIAL_USER_DELETED:
        return ngx_http_social_user_deleted(r);

    case NGX_HTTP_SOCIAL_USER_ASKED:
        return ngx_http_social_user_wait(r, asking, key);

    default:
        return NGX_DECLINED;
    }
}


/*
 * As with a token that is bad: "optional" does not make it anonymous, and
 * "optional=lenient" does.
 */

static ngx_int_t
ngx_http_social_user_deleted(ngx_http_request_t *r)
{
    ngx_http_social_auth_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_social_auth_module);

    if (alcf->mode == NGX_HTTP_SOCIAL_AUTH_LENIENT) {
        return NGX_DECLINED;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "social: the user was deleted");

    if (ngx_http_social_error_own(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_HTTP_FORBIDDEN;
}


/*
 * Asks the database, where it has to be asked and nobody does; NULL: no
 * statement of this process is under way.  "user" is what is known then.
 */

static ngx_http_social_user_asking_t *
ngx_http_social_user_begin(ngx_http_request_t *r,
    ngx_http_social_auth_ctx_t *identity, const u_char *key,
    ngx_http_social_user_t *user)
{
    int64_t                                said;
    ngx_http_social_user_asking_t         *asking;
    ngx_http_social_user_loc_conf_t       *ulcf;
    ngx_http_social_user_main_conf_t      *umcf;
    ngx_http_social_database_main_conf_t  *dmcf;

    umcf = ngx_http_get_module_main_conf(r, ngx_http_social_user_module);

    switch (user->state) {

    case NGX_HTTP_SOCIAL_USER_UNKNOWN:
        said = 0;
        break;

    case NGX_HTTP_SOCIAL_USER_KNOWN:
        said = ngx_http_social_user_said(identity);

        if ((ngx_msec_int_t) (ngx_current_msec - user->due) < 0
            && said <= user->said)
        {
            return NULL;
        }

        break;

    case NGX_HTTP_SOCIAL_USER_ASKED:
        return ngx_http_social_user_find(umcf, key);

    default:
        return NULL;
    }

    ulcf = ngx_http_get_module_loc_conf(r, ngx_http_social_user_module);
    dmcf = ngx_http_get_module_main_conf(r, ngx_http_social_database_module);

    if (!ngx_http_social_user_claim(umcf, key, dmcf->conf.timeout + 1000, said,
                                    user))
    {
        return NULL;
    }

    asking = ngx_http_social_user_ask(r, identity, key, ulcf->refresh,
                                      ngx_http_social_user_wake);

    if (user->state == NGX_HTTP_SOCIAL_USER_UNKNOWN) {
        user->state = asking ? NGX_HTTP_SOCIAL_USER_ASKED
                             : NGX_HTTP_SOCIAL_USER_FAILED;
    }

    return asking;
}


/*
 * Once for each identity: what did not come in time does not come in time for
 * this request.
 */

static ngx_int_t
ngx_http_social_user_wait(ngx_http_request_t *r,
    ngx_http_social_user_asking_t *asking, const u_char *key)
{
    ngx_msec_t                        wait;
    ngx_http_cleanup_t               *cln;
    ngx_http_social_user_waiter_t    *waiter;
    ngx_http_social_user_loc_conf_t  *ulcf;

    ulcf = ngx_http_get_module_loc_conf(r, ngx_http_social_user_module);
    waiter = ngx_http_social_get_ctx(r, &ngx_http_social_user_module);

    if (waiter != NULL || ulcf->wait <= NGX_HTTP_SOCIAL_USER_LATE) {
        return NGX_DECLINED;
    }

    wait = ulcf->wait - NGX_HTTP_SOCIAL_USER_LATE;

    waiter = ngx_pcalloc(r->pool, sizeof(ngx_http_social_user_waiter_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (waiter == NULL || cln == NULL
        || ngx_http_social_set_ctx(r, waiter, &ngx_http_social_user_module)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_social_user_leave;
    cln->data = waiter;

    waiter->request = r;
    waiter->umcf = ngx_http_get_module_main_conf(r,
                                                 ngx_http_social_user_module);
    waiter->deadline = ngx_current_msec + wait;
    ngx_memcpy(waiter->key, key, sizeof(waiter->key));

    waiter->timer.handler = ngx_http_social_user_look;
    waiter->timer.data = waiter;
    waiter->timer.log = r->connection->log;

    if (ngx_http_social_user_suspend(waiter) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (asking != NULL) {
        ngx_queue_insert_tail(&asking->waiters, &waiter->queue);
        waiter->queued = 1;
    }

    ngx_add_timer(&waiter->timer, asking ? wait : NGX_HTTP_SOCIAL_USER_LOOK);

    waiter->waiting = 1;

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "social: request waits for its user");

    return NGX_AGAIN;
}


/*
 * As a request that waits for keys: only its phases are suspended, and a client
 * that closes the connection is noticed by reading.
 */

static ngx_int_t
ngx_http_social_user_suspend(ngx_http_social_user_waiter_t *waiter)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = waiter->request;
    c = r->connection;

    r->write_event_handler = ngx_http_request_empty_handler;

    if (c->read->ready) {

        /* the end of the stream may have come with the request */

        ngx_post_event(c->read, &ngx_posted_events);

    } else if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;

    return NGX_OK;
}


static void
ngx_http_social_user_look(ngx_event_t *ev)
{
    ngx_http_social_user_t          user;
    ngx_http_social_user_waiter_t  *waiter;

    waiter = ev->data;

    if ((ngx_msec_int_t) (waiter->deadline - ngx_current_msec) > 0) {

        ngx_http_social_user_get(waiter->umcf, waiter->key, &user);

        if (user.state == NGX_HTTP_SOCIAL_USER_ASKED) {
            ngx_add_timer(ev, NGX_HTTP_SOCIAL_USER_LOOK);
            return;
        }
    }

    ngx_http_social_user_resume(waiter);
}


static void
ngx_http_social_user_wake(ngx_queue_t *waiters)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(waiters)) {
        q = ngx_queue_head(waiters);

        ngx_http_social_user_resume(ngx_queue_data(q,
                                        ngx_http_social_user_waiter_t, queue));
    }
}


static void
ngx_http_social_user_resume(ngx_http_social_user_waiter_t *waiter)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = waiter->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_http_social_user_stop(waiter);

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        ngx_http_run_posted_requests(c);
        return;
    }

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_social_user_stop(ngx_http_social_user_waiter_t *waiter)
{
    waiter->waiting = 0;

    if (waiter->queued) {
        ngx_queue_remove(&waiter->queue);
        waiter->queued = 0;
    }

    if (waiter->timer.timer_set) {
        ngx_del_timer(&waiter->timer);
    }
}


/*
 * A request that is finalized while it waits must not be woken.
 */

static void
ngx_http_social_user_leave(void *data)
{
    ngx_http_social_user_waiter_t  *waiter = data;

    if (waiter->waiting) {
        ngx_http_social_user_stop(waiter);
    }
}


static void
ngx_http_social_user_set_id(ngx_http_social_auth_ctx_t *identity,
    const u_char *id)
{
    u_char  *p;

    p = ngx_hex_dump(identity->user, (u_char *) id, 4);
    *p++ = '-';
    p = ngx_hex_dump(p, (u_char *) id + 4, 2);
    *p++ = '-';
    p = ngx_hex_dump(p, (u_char *) id + 6, 2);
    *p++ = '-';
    p = ngx_hex_dump(p, (u_char *) id + 8, 2);
    *p++ = '-';
    (void) ngx_hex_dump(p, (u_char *) id + 10, 6);

    identity->known = 1;
}


ngx_int_t
ngx_http_social_user_id(ngx_http_request_t *r, ngx_str_t *id)
{
    ngx_int_t                          rc;
    const u_char                      *key;
    ngx_http_social_user_t             user;
    ngx_http_social_auth_ctx_t        *identity;
    ngx_http_social_user_loc_conf_t   *ulcf;
    ngx_http_social_user_main_conf_t  *umcf;

    ngx_str_null(id);

    r = ngx_http_social_auth_request(r);

    rc = ngx_http_social_auth_identity(r, &identity);

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    ulcf = ngx_http_get_module_loc_conf(r, ngx_http_social_user_module);

    if (!identity->known && ulcf->enable) {

        if (ngx_http_social_auth_subject(identity, &key) != NGX_OK) {
            return NGX_ERROR;
        }

        umcf = ngx_http_get_module_main_conf(r, ngx_http_social_user_module);

        ngx_http_social_user_get(umcf, key, &user);

        if (user.state == NGX_HTTP_SOCIAL_USER_KNOWN) {
            ngx_http_social_user_set_id(identity, user.id);
        }
    }

    *id = ngx_http_social_auth_user(identity);

    return NGX_OK;
}
