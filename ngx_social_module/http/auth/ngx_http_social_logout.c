
/*
 * Ends the session of the token that comes with a request, or all sessions of
 * its subject, here and at every gateway of the same database.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_logout.h"
#include "ngx_http_social_reply.h"
#include "ngx_http_social_revocation.h"
#include "social_logout_token.h"


/* those of a token, and the subject */
#define NGX_HTTP_SOCIAL_LOGOUT_MOST  3

#define NGX_HTTP_SOCIAL_LOGOUT_PARAMS  10


typedef struct {
    ngx_http_request_t         *request;
    ngx_http_social_revoked_t   revoked[NGX_HTTP_SOCIAL_LOGOUT_MOST];
    ngx_uint_t                  n;
    time_t                      second;     /* all that began in it are ended;
                                               0: not all */
    ngx_event_t                 timer;
} ngx_http_social_logout_t;


static ngx_int_t ngx_http_social_logout_revoke(ngx_http_request_t *r,
    ngx_http_social_auth_ctx_t *identity);
static ngx_int_t ngx_http_social_logout_sessions(
    ngx_http_social_logout_t *logout, ngx_http_social_auth_ctx_t *identity,
    social_session_t *session, social_pq_param_t *params);
static void ngx_http_social_logout_all(ngx_http_social_logout_t *logout,
    social_session_t *session);
static ngx_int_t ngx_http_social_logout_number(ngx_http_request_t *r,
    int64_t number, social_pq_param_t *param);
static void ngx_http_social_logout_revoked(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data);
static ngx_int_t ngx_http_social_logout_wait(ngx_http_social_logout_t *logout);
static void ngx_http_social_logout_timer(ngx_event_t *ev);
static void ngx_http_social_logout_cleanup(void *data);
static ngx_int_t ngx_http_social_logout_is_own(ngx_http_request_t *r,
    ngx_http_social_auth_ctx_t *identity);
static ngx_int_t ngx_http_social_logout_done(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_logout_limited(ngx_http_request_t *r,
    time_t seconds);


/*
 * A session that has ended stays ended, and makes no room once more.  It shares
 * no commit: who signs out is not to wait for others.
 */

static const ngx_http_social_statement_t  ngx_http_social_logout_statement = {
    .sql = "SELECT social_logout($1, $2, decode($3, 'hex'),"
           " $4, decode($5, 'hex'), to_timestamp($6::bigint), $7,"
           " $8::integer, nullif($9, '')::bigint, to_timestamp($10::bigint))",
    .repeat = 1
};


ngx_int_t
ngx_http_social_logout_handler(ngx_http_request_t *r)
{
    ngx_int_t                           rc;
    ngx_uint_t                          front;
    ngx_http_social_auth_ctx_t         *identity;
    ngx_http_social_logout_loc_conf_t  *llcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_social_logout_module);
    front = (llcf->mode == NGX_HTTP_SOCIAL_LOGOUT_FRONT);

    ngx_http_social_count_answer(r, NGX_HTTP_SOCIAL_COUNT_LOGOUT, 0);

    if (r->method != (front ? NGX_HTTP_GET : NGX_HTTP_POST)) {
        return ngx_http_social_reply_not_allowed(r, front ? "GET" : "POST");
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_social_auth_person(r, &identity);
    if (rc != NGX_OK) {
        return rc;
    }

    if (front) {
        rc = ngx_http_social_logout_is_own(r, identity);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return ngx_http_social_logout_revoke(r, identity);
}


/*
 * A page in an iframe ends the session that its cookie's token is of, and no
 * other: by issuer and "sid" (OpenID Connect Front-Channel Logout 1.0, 3),
 * which another page does not know.
 */

static ngx_int_t
ngx_http_social_logout_is_own(ngx_http_request_t *r,
    ngx_http_social_auth_ctx_t *identity)
{
    u_char        *p;
    social_rc_e    rc;
    social_buf_t   work;
    social_str_t   iss, sid, own;

    p = ngx_pnalloc(r->pool, 6 * r->args.len + 1);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    social_buf_init(&work, p, 6 * r->args.len);

    rc = social_logout_args(ngx_http_social_view(&r->args), &work, &iss, &sid);

    if (rc == SOCIAL_OK
        && social_json_string(social_json_present(identity->jwt.payload,
                                                  social_str("sid")), &own)
           == SOCIAL_OK
        && social_str_eq(own, sid)
        && social_str_eq(identity->jwt.issuer, iss))
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "social: front-channel logout of another session");

    return ngx_http_social_error_own(r) == NGX_OK
           ? NGX_HTTP_BAD_REQUEST : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static ngx_int_t
ngx_http_social_logout_revoke(ngx_http_request_t *r,
    ngx_http_social_auth_ctx_t *identity)
{
    ngx_uint_t                          i;
    social_session_t                    session;
    social_pq_param_t                  *params;
    ngx_http_social_logout_t           *logout;
    ngx_http_social_logout_loc_conf_t  *llcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_social_logout_module);

    logout = ngx_pcalloc(r->pool, sizeof(ngx_http_social_logout_t));
    params = ngx_pcalloc(r->pool, NGX_HTTP_SOCIAL_LOGOUT_PARAMS
                                  * sizeof(social_pq_param_t));

    if (logout == NULL || params == NULL
        || ngx_http_social_auth_sessions(identity, &session) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    logout->request = r;

    for (i = 0; i < NGX_HTTP_SOCIAL_LOGOUT_PARAMS; i++) {
        params[i].value = social_str("");
    }

    params[0].value = ngx_http_social_view(&identity->issuer->identity);
    params[6].value = identity->claims.subject;

    if (ngx_http_social_logout_sessions(logout, identity, &session, params)
        != NGX_OK
        || ngx_http_social_logout_number(r, llcf->max, &params[7]) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (llcf->mode == NGX_HTTP_SOCIAL_LOGOUT_ALL && session.has_subject) {

        ngx_http_social_logout_all(logout, &session);

        if (ngx_http_social_logout_number(r,
                                   logout->revoked[logout->n - 1].before,
                                   &params[8])
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (logout->n == 0) {

        /* nothing distinguishes the token from others */

        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_social_logout_number(r, logout->revoked[logout->n - 1].until,
                                      &params[9])
        != NGX_OK
        || ngx_http_social_query_statement(r,
                                           &ngx_http_social_logout_statement,
                                           params,
                                           NGX_HTTP_SOCIAL_LOGOUT_PARAMS,
                                           ngx_http_social_logout_revoked,
                                           logout)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->main->count++;

    return NGX_DONE;
}


/*
 * The sessions that are to be ended, two at the most, for the set and for the
 * statement.
 */

static ngx_int_t
ngx_http_social_logout_sessions(ngx_http_social_logout_t *logout,
    ngx_http_social_auth_ctx_t *identity, social_session_t *session,
    social_pq_param_t *params)
{
    bool                                lasts;
    size_t                              i, len;
    u_char                             *p;
    ngx_http_request_t                 *r;
    ngx_http_social_revoked_t          *revoked;
    ngx_http_social_logout_loc_conf_t  *llcf;

    r = logout->request;
    llcf = ngx_http_get_module_loc_conf(r, ngx_http_social_logout_module);

    logout->n = social_session_ends(session, &lasts);

    for (i = 0; i < logout->n; i++) {

        revoked = &logout->revoked[i];

        ngx_memcpy(revoked->id, session->ids[i], SOCIAL_SESSION_ID_SIZE);

        revoked->until = social_session_until(session->kinds[i], ngx_time(),
                                              llcf->retention,
                                              identity->claims.expires,
                                              identity->issuer->leeway);

        len = social_session_write(identity->claims.subject,
                                   identity->jwt.payload, session->kinds[i],
                                   NULL, 0);

        p = ngx_pnalloc(r->pool, len + 2 * SOCIAL_SESSION_ID_SIZE);
        if (p == NULL) {
            return NGX_ERROR;
        }

        (void) social_session_write(identity->claims.subject,
                                    identity->jwt.payload, session->kinds[i],
                                    p, len);

        params[1 + 2 * i].value.data = p;
        params[1 + 2 * i].value.len = len;

        p += len;

        params[2 + 2 * i].value.data = p;
        params[2 + 2 * i].value.len = ngx_hex_dump(p, revoked->id,
                                                   SOCIAL_SESSION_ID_SIZE)
                                      - p;
    }

    return ngx_http_social_logout_number(r, logout->n
                                            ? logout->revoked[0].until
                                            : ngx_time(),
                                         &params[5]);
}


/*
 * All sessions that began until now, by the clock of this gateway, and by that
 * of the issuer as far as the token shows it: this one is among them.
 */

static void
ngx_http_social_logout_all(ngx_http_social_logout_t *logout,
    social_session_t *session)
{
    ngx_http_social_revoked_t          *revoked;
    ngx_http_social_logout_loc_conf_t  *llcf;

    llcf = ngx_http_get_module_loc_conf(logout->request,
                                        ngx_http_social_logout_module);

    revoked = &logout->revoked[logout->n++];

    ngx_memcpy(revoked->id, session->subject, SOCIAL_SESSION_ID_SIZE);

    revoked->subject = 1;
    revoked->before = ngx_time();

    if (session->has_began && revoked->before < session->began) {
        revoked->before = session->began;
    }

    revoked->until = social_session_until(SOCIAL_SESSION_ORIGIN, ngx_time(),
                                          llcf->retention, 0, 0);

    logout->second = ngx_time();
}


static ngx_int_t
ngx_http_social_logout_number(ngx_http_request_t *r, int64_t number,
    social_pq_param_t *param)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    param->value.data = p;
    param->value.len = ngx_sprintf(p, "%L", number) - p;

    return NGX_OK;
}


/*
 * It is committed, unless the subject had too many.  The answer is sent when
 * every worker of this instance refuses the session, without waiting for the
 * database's notification.
 */

static void
ngx_http_social_logout_revoked(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data)
{
    ngx_http_social_logout_t *logout = data;

    ngx_int_t                                rc, seconds;
    social_str_t                             value;
    ngx_http_social_revocation_main_conf_t  *rmcf;

    switch (outcome) {

    case NGX_HTTP_SOCIAL_QUERY_OK:

        seconds = social_pq_result_value(result, 0, 0, &value)
                  ? ngx_atoi((u_char *) value.data, value.len) : NGX_ERROR;

        if (seconds != 0) {
            rc = ngx_http_social_logout_limited(r, seconds);
            break;
        }

        rmcf = ngx_http_get_module_main_conf(r,
                                            ngx_http_social_revocation_module);

        ngx_http_social_revocations_add(rmcf, logout->revoked, logout->n);

        rc = ngx_http_social_logout_wait(logout);

        if (rc == NGX_AGAIN) {
            return;
        }

        break;

    case NGX_HTTP_SOCIAL_QUERY_LOCKED:
    case NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE:
        rc = ngx_http_social_reply_unavailable(r);
        break;

    default:
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_finalize_request(r, rc);
}


/*
 * Tokens tell the second in which a session began: one that begins in the same
 * second as all were ended is taken for one of them.  The answer comes when the
 * second is over, so that who signs in after it is let in.
 */

static ngx_int_t
ngx_http_social_logout_wait(ngx_http_social_logout_t *logout)
{
    ngx_time_t          *now;
    ngx_event_t         *timer;
    ngx_http_cleanup_t  *cln;

    now = ngx_timeofday();

    if (logout->second == 0 || now->sec != logout->second) {
        return ngx_http_social_logout_done(logout->request);
    }

    cln = ngx_http_cleanup_add(logout->request, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_social_logout_cleanup;
    cln->data = logout;

    timer = &logout->timer;
    timer->handler = ngx_http_social_logout_timer;
    timer->data = logout;
    timer->log = logout->request->connection->log;

    ngx_add_timer(timer, 1001 - now->msec);

    return NGX_AGAIN;
}


static void
ngx_http_social_logout_timer(ngx_event_t *ev)
{
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_social_logout_t  *logout;

    logout = ev->data;
    r = logout->request;
    c = r->connection;

    /* timers are of another clock, which may be some milliseconds ahead */

    if (ngx_time() == logout->second) {
        ngx_add_timer(ev, 2);
        return;
    }

    ngx_http_set_log_request(c->log, r);

    ngx_http_finalize_request(r, ngx_http_social_logout_done(r));
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_social_logout_cleanup(void *data)
{
    ngx_http_social_logout_t  *logout = data;

    if (logout->timer.timer_set) {
        ngx_del_timer(&logout->timer);
    }
}


/*
 * An iframe is loaded when it has a page.
 */

static ngx_int_t
ngx_http_social_logout_done(ngx_http_request_t *r)
{
    ngx_http_social_logout_loc_conf_t  *llcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_social_logout_module);

    return ngx_http_social_logout_reply(r, llcf->mode
                                           == NGX_HTTP_SOCIAL_LOGOUT_FRONT
                                           ? NGX_HTTP_OK
                                           : NGX_HTTP_NO_CONTENT);
}


ngx_int_t
ngx_http_social_logout_reply(ngx_http_request_t *r, ngx_uint_t status)
{
    static ngx_str_t  no_store = ngx_string("no-store");
    static ngx_str_t  type = ngx_string("text/html");

    if (ngx_http_social_header_out_push(r, "Cache-Control", &no_store)
        == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = status;
    r->header_only = 1;

    if (status != NGX_HTTP_NO_CONTENT) {
        r->headers_out.content_type = type;
        r->headers_out.content_type_len = type.len;
        r->headers_out.content_length_n = 0;
    }

    return ngx_http_send_header(r);
}


static ngx_int_t
ngx_http_social_logout_limited(ngx_http_request_t *r, time_t seconds)
{
    if (seconds < 0
        || ngx_http_social_error_own(r) != NGX_OK
        || ngx_http_social_error_retry_after(r, seconds) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "social: too many revoked sessions of this subject");

    return NGX_HTTP_TOO_MANY_REQUESTS;
}
