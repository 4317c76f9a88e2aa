
/*
 * "social_auth_session_end": an upgraded connection, such as a WebSocket, is
 * authorized once, and may last for days: it is closed when its token would not
 * be accepted any more.
 *
 * It ends as one whose client cannot be sent to: what nginx does then frees all
 * that it has, in each of its versions.
 */

#include "ngx_http_social_auth.h"
#include "ngx_http_social_revocation.h"


#define NGX_HTTP_SOCIAL_SESSION_END_REVOKED  1000      /* how often, ms */
#define NGX_HTTP_SOCIAL_SESSION_END_WAIT     3600000   /* at most, ms */


typedef struct {
    ngx_flag_t            used;
} ngx_http_social_session_end_main_conf_t;


typedef struct {
    ngx_flag_t            enable;
} ngx_http_social_session_end_loc_conf_t;


typedef struct {
    ngx_http_request_t   *request;
    ngx_event_t           timer;
    int64_t               expires;      /* with the leeway */
    uint64_t              epoch;        /* of the revocations, when asked */
    social_session_t      session;
} ngx_http_social_session_end_t;


static ngx_int_t ngx_http_social_session_end_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_session_end_start(ngx_http_request_t *r);
static void ngx_http_social_session_end_timer(ngx_event_t *ev);
static void ngx_http_social_session_end_wait(
    ngx_http_social_session_end_t *end);
static ngx_uint_t ngx_http_social_session_end_revoked(
    ngx_http_social_session_end_t *end);
static void ngx_http_social_session_end_cleanup(void *data);

static void *ngx_http_social_session_end_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_social_session_end_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_session_end_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_social_session_end_init(ngx_conf_t *cf);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


static ngx_command_t  ngx_http_social_session_end_commands[] = {

    { ngx_string("social_auth_session_end"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_social_conf_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_social_session_end_loc_conf_t, enable),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_session_end_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_social_session_end_init,      /* postconfiguration */

    ngx_http_social_session_end_create_main_conf,
                                           /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_social_session_end_create_loc_conf,
                                           /* create location configuration */
    ngx_http_social_session_end_merge_loc_conf
                                           /* merge location configuration */
};


ngx_module_t  ngx_http_social_session_end_module = {
    NGX_MODULE_V1,
    &ngx_http_social_session_end_module_ctx, /* module context */
    ngx_http_social_session_end_commands,  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_social_session_end_filter(ngx_http_request_t *r)
{
    ngx_http_social_session_end_loc_conf_t  *selcf;

    if (r->headers_out.status == NGX_HTTP_SWITCHING_PROTOCOLS
        && r == r->main && r->upstream != NULL && r->upstream->upgrade)
    {
        selcf = ngx_http_get_module_loc_conf(r,
                                           ngx_http_social_session_end_module);

        if (selcf->enable && ngx_http_social_session_end_start(r) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_next_header_filter(r);
}


/*
 * NGX_ERROR: the connection must not be upgraded, since nothing would end it.
 */

static ngx_int_t
ngx_http_social_session_end_start(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_http_cleanup_t             *cln;
    ngx_http_social_auth_ctx_t     *identity;
    ngx_http_social_session_end_t  *end;

    rc = ngx_http_social_auth_identity(r, &identity);

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    end = ngx_pcalloc(r->pool, sizeof(ngx_http_social_session_end_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (end == NULL || cln == NULL
        || ngx_http_social_auth_sessions(identity, &end->session) != NGX_OK)
    {
        return NGX_ERROR;
    }

    end->request = r;
    end->expires = identity->claims.expires + identity->issuer->policy.leeway;

    end->timer.handler = ngx_http_social_session_end_timer;
    end->timer.data = end;
    end->timer.log = r->connection->log;
    end->timer.cancelable = 1;

    cln->handler = ngx_http_social_session_end_cleanup;
    cln->data = end;

    ngx_http_social_session_end_wait(end);

    return NGX_OK;
}


static void
ngx_http_social_session_end_wait(ngx_http_social_session_end_t *end)
{
    int64_t     left;
    ngx_msec_t  wait;

    left = end->expires - ngx_time();
    wait = NGX_HTTP_SOCIAL_SESSION_END_WAIT;

    if (left < NGX_HTTP_SOCIAL_SESSION_END_WAIT / 1000) {
        wait = left <= 0 ? 1 : (ngx_msec_t) left * 1000 + 1;
    }

    if (ngx_http_social_revocations(end->request) != NULL) {
        wait = ngx_min(wait, NGX_HTTP_SOCIAL_SESSION_END_REVOKED);
    }

    ngx_add_timer(&end->timer, wait);
}


static void
ngx_http_social_session_end_timer(ngx_event_t *ev)
{
    const char                     *why;
    ngx_connection_t               *c;
    ngx_http_request_t             *r;
    ngx_http_social_session_end_t  *end;

    end = ev->data;
    r = end->request;
    c = r->connection;

    if (ngx_time() >= end->expires) {
        why = "its token has expired";

    } else if (ngx_http_social_session_end_revoked(end)) {
        why = "its session has ended";

    } else {
        ngx_http_social_session_end_wait(end);
        return;
    }

    ngx_http_set_log_request(c->log, r);

    ngx_log_error(NGX_LOG_INFO, c->log, 0,
                  "social: closed an upgraded connection: %s", why);

    /* "limit_rate" would take it for the end of its own timer */

    c->write->delayed = 0;
    c->write->timedout = 1;
    c->write->handler(c->write);
}


static ngx_uint_t
ngx_http_social_session_end_revoked(ngx_http_social_session_end_t *end)
{
    uint64_t               epoch;
    social_revocations_t  *set;

    set = ngx_http_social_revocations(end->request);

    if (set == NULL) {
        return 0;
    }

    epoch = social_revocations_epoch(set);

    if (epoch == end->epoch) {
        return 0;
    }

    end->epoch = epoch;

    return social_session_revoked(&end->session, set, ngx_time());
}


static void
ngx_http_social_session_end_cleanup(void *data)
{
    ngx_http_social_session_end_t *end = data;

    if (end->timer.timer_set) {
        ngx_del_timer(&end->timer);
    }
}


static void *
ngx_http_social_session_end_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_social_session_end_main_conf_t));
}


static void *
ngx_http_social_session_end_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_social_session_end_loc_conf_t  *selcf;

    selcf = ngx_palloc(cf->pool,
                       sizeof(ngx_http_social_session_end_loc_conf_t));
    if (selcf == NULL) {
        return NULL;
    }

    selcf->enable = NGX_CONF_UNSET;

    return selcf;
}


static char *
ngx_http_social_session_end_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_social_session_end_loc_conf_t  *prev = parent;
    ngx_http_social_session_end_loc_conf_t  *conf = child;

    ngx_http_social_auth_loc_conf_t          *alcf;
    ngx_http_social_session_end_main_conf_t  *semcf;

    ngx_conf_merge_value(conf->enable, prev->enable, 1);

    alcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_social_auth_module);

    if (conf->enable && alcf->names != NULL) {
        semcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_social_session_end_module);
        semcf->used = 1;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_social_session_end_init(ngx_conf_t *cf)
{
    ngx_http_social_session_end_main_conf_t  *semcf;

    semcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_social_session_end_module);

    if (semcf->used) {
        ngx_http_next_header_filter = ngx_http_top_header_filter;
        ngx_http_top_header_filter = ngx_http_social_session_end_filter;
    }

    return NGX_OK;
}
