
/*
 * "social_logout backchannel": the issuer says that a session ended, or all of
 * a user's (OpenID Connect Back-Channel Logout 1.0).
 *
 * A token that comes twice changes nothing, so that none is stored: what it
 * ends by "sid" stays ended, and of a subject it ends what began until it was
 * issued.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_logout.h"
#include "ngx_http_social_reply.h"
#include "ngx_http_social_revocation.h"
#include "social_logout_token.h"


typedef struct {
    ngx_http_request_t         *request;
    social_jwt_t                jwt;          /* owned */
    social_logout_token_t       token;        /* views of it */
    ngx_http_social_issuer_t   *issuer;       /* of the token, or of its key */
    ngx_http_social_revoked_t   revoked;
    ngx_http_social_waiter_t    waiter;
    ngx_uint_t                  waits;
    ngx_http_social_verified_t *checked;      /* by issuer, or NULL */
    ngx_uint_t                  asked;        /* the issuer that a thread
                                                 checks by */
    unsigned                    waiting:1;
    unsigned                    waited:1;     /* and must not be again */
    unsigned                    slow:1;       /* PENDING: a check, not keys */
} ngx_http_social_logout_back_t;


static void ngx_http_social_logout_back_body(ngx_http_request_t *r,
    social_str_t body);
static social_token_status_e ngx_http_social_logout_back_parse(
    ngx_http_social_logout_back_t *back, social_str_t body);
static void ngx_http_social_logout_back_verify(
    ngx_http_social_logout_back_t *back);
static social_token_status_e ngx_http_social_logout_back_by(
    ngx_http_social_logout_back_t *back, ngx_http_social_issuer_t *issuer,
    ngx_uint_t n);
static ngx_int_t ngx_http_social_logout_back_check(
    ngx_http_social_logout_back_t *back);
static void ngx_http_social_logout_back_checked(void *data,
    const ngx_http_social_verified_t *verified);
static ngx_int_t ngx_http_social_logout_back_wait(
    ngx_http_social_logout_back_t *back);
static void ngx_http_social_logout_back_resume(
    ngx_http_social_waiter_t *waiter);
static void ngx_http_social_logout_back_cleanup(void *data);
static ngx_int_t ngx_http_social_logout_back_revoke(
    ngx_http_social_logout_back_t *back);
static void ngx_http_social_logout_back_revoked(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data);
static ngx_int_t ngx_http_social_logout_back_refuse(ngx_http_request_t *r,
    social_token_status_e status);


static const ngx_http_social_statement_t  ngx_http_social_logout_back_sid = {
    .sql = "SELECT social_revoke($1, $2, decode($3, 'hex'),"
           " to_timestamp($4::bigint))",
    .repeat = 1
};


static const ngx_http_social_statement_t  ngx_http_social_logout_back_sub = {
    .sql = "SELECT social_logout($1, '', '', '', '', now(), $2, 1,"
           " $3::bigint, to_timestamp($4::bigint))",
    .repeat = 1
};


ngx_int_t
ngx_http_social_logout_back_handler(ngx_http_request_t *r)
{
    ngx_http_social_count_answer(r, NGX_HTTP_SOCIAL_COUNT_LOGOUT, 0);

    if (r->method != NGX_HTTP_POST) {
        return ngx_http_social_reply_not_allowed(r, "POST");
    }

    return ngx_http_social_read_body(r, SOCIAL_LOGOUT_FORM_SIZE,
                                     ngx_http_social_logout_back_body);
}


static void
ngx_http_social_logout_back_body(ngx_http_request_t *r, social_str_t body)
{
    ngx_pool_cleanup_t             *cln;
    social_token_status_e           status;
    ngx_http_social_logout_back_t  *back;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_social_logout_back_t));
    if (cln == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    back = cln->data;
    ngx_memzero(back, sizeof(ngx_http_social_logout_back_t));
    back->request = r;

    cln->handler = ngx_http_social_logout_back_cleanup;

    status = ngx_http_social_logout_back_parse(back, body);

    if (status != SOCIAL_TOKEN_OK) {
        ngx_http_finalize_request(r,
                                ngx_http_social_logout_back_refuse(r, status));
        return;
    }

    ngx_http_social_logout_back_verify(back);
}


static social_token_status_e
ngx_http_social_logout_back_parse(ngx_http_social_logout_back_t *back,
    social_str_t body)
{
    u_char                 *p;
    social_buf_t            work;
    social_str_t            token;
    social_token_status_e   status;

    p = ngx_pnalloc(back->request->pool, SOCIAL_LOGOUT_WORK_SIZE);
    if (p == NULL) {
        return SOCIAL_TOKEN_FAILED;
    }

    social_buf_init(&work, p, SOCIAL_LOGOUT_WORK_SIZE);

    status = social_logout_form(body, &work, &token);

    if (status != SOCIAL_TOKEN_OK) {
        return status;
    }

    if (token.len > SOCIAL_TOKEN_MAX_SIZE) {
        return SOCIAL_TOKEN_TOO_LARGE;
    }

    p = ngx_pnalloc(back->request->pool, token.len);
    if (p == NULL) {
        return SOCIAL_TOKEN_FAILED;
    }

    status = social_jwt_parse(token, p, &back->jwt);

    if (status == SOCIAL_TOKEN_OK
        && !social_logout_type_accepted(back->jwt.type))
    {
        return SOCIAL_TOKEN_USE;
    }

    return status;
}


/*
 * Each issuer of that name is tried; keys that are still to be fetched may
 * accept the token, and a failure of ours is none of the issuer's.
 */

static void
ngx_http_social_logout_back_verify(ngx_http_social_logout_back_t *back)
{
    ngx_int_t                           rc;
    ngx_uint_t                          i;
    ngx_http_request_t                 *r;
    social_token_status_e               status, found;
    ngx_http_social_issuer_t          **issuer;
    ngx_http_social_logout_loc_conf_t  *llcf;

    r = back->request;
    llcf = ngx_http_get_module_loc_conf(r, ngx_http_social_logout_module);

again:

    issuer = llcf->issuers->elts;
    status = SOCIAL_TOKEN_ISSUER;
    back->slow = 0;

    for (i = 0; i < llcf->issuers->nelts; i++) {

        if (!social_str_eq(back->jwt.issuer,
                           ngx_http_social_view(&issuer[i]->issuer)))
        {
            continue;
        }

        found = ngx_http_social_logout_back_by(back, issuer[i], i);

        if (found == SOCIAL_TOKEN_OK || back->slow) {
            status = found;
            back->issuer = issuer[i];
            break;
        }

        if (status != SOCIAL_TOKEN_PENDING
            && (found == SOCIAL_TOKEN_PENDING || found > status))
        {
            status = found;
            back->issuer = issuer[i];
        }
    }

    if (status == SOCIAL_TOKEN_OK) {
        rc = ngx_http_social_logout_back_revoke(back);

    } else if (back->slow) {
        rc = ngx_http_social_logout_back_check(back);

        if (rc == NGX_DECLINED) {

            /* another process has replaced the keys just now */

            goto again;
        }

    } else if (status == SOCIAL_TOKEN_PENDING) {
        rc = ngx_http_social_logout_back_wait(back);

        if (rc == NGX_DECLINED) {

            /* requested a moment ago: there is nothing to wait for */

            back->waited = 1;
            goto again;
        }

    } else {
        rc = ngx_http_social_logout_back_refuse(r, status);
    }

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}


static social_token_status_e
ngx_http_social_logout_back_by(ngx_http_social_logout_back_t *back,
    ngx_http_social_issuer_t *issuer, ngx_uint_t n)
{
    social_rc_e                  rc;
    social_jwks_t               *jwks;
    const social_jwk_t          *jwk;
    social_algorithms_t          algorithm;
    ngx_http_social_verified_t  *checked;

    algorithm = social_algorithm_bit(back->jwt.algorithm);

    if ((issuer->algorithms & algorithm) == 0) {
        return SOCIAL_TOKEN_ALGORITHM;
    }

    jwks = ngx_http_social_keys_current(issuer);

    if (jwks == NULL) {
        return back->waited ? SOCIAL_TOKEN_NO_KEYS : SOCIAL_TOKEN_PENDING;
    }

    jwk = social_jwks_find(jwks, back->jwt.kid, back->jwt.algorithm);

    if (jwk == NULL) {

        if (!back->waited
            && !ngx_http_social_keys_unknown(issuer, back->jwt.kid))
        {
            return SOCIAL_TOKEN_PENDING;
        }

        /* a set that could not be had may have the key */

        return ngx_http_social_keys_state(issuer)
               == NGX_HTTP_SOCIAL_KEYS_LOADED
               ? SOCIAL_TOKEN_UNKNOWN_KEY : SOCIAL_TOKEN_NO_KEYS;
    }

    if ((jwk->algorithms & algorithm) == 0) {
        return SOCIAL_TOKEN_ALGORITHM;
    }

    checked = back->checked ? &back->checked[n] : NULL;

    if (checked != NULL
        && checked->generation == ngx_http_social_keys_generation(issuer))
    {
        rc = checked->rc;

    } else if (ngx_http_social_verify_is_slow(jwk, &back->jwt)) {
        back->slow = 1;
        back->asked = n;
        return SOCIAL_TOKEN_PENDING;

    } else {
        ngx_http_social_count(NGX_HTTP_SOCIAL_COUNT_SIGNATURES);

        rc = social_jwks_verify(jwks, jwk, back->jwt.algorithm,
                                back->jwt.input, back->jwt.signature);
    }

    switch (rc) {

    case SOCIAL_OK:
        return social_logout_token_check(back->jwt.payload, &issuer->policy,
                                         ngx_time(), &back->token);

    case SOCIAL_FAILED:
        return SOCIAL_TOKEN_FAILED;

    default:
        return SOCIAL_TOKEN_SIGNATURE;
    }
}


/*
 * Has a thread check the signature: any client may send a token here.
 * NGX_DONE: until it has; NGX_DECLINED: the key is gone.
 */

static ngx_int_t
ngx_http_social_logout_back_check(ngx_http_social_logout_back_t *back)
{
    social_jwks_t                      *jwks;
    const social_jwk_t                 *jwk;
    ngx_http_request_t                 *r;
    ngx_http_social_logout_loc_conf_t  *llcf;

    r = back->request;

    jwks = ngx_http_social_keys_current(back->issuer);
    jwk = jwks ? social_jwks_find(jwks, back->jwt.kid, back->jwt.algorithm)
               : NULL;

    if (jwk == NULL) {
        return NGX_DECLINED;
    }

    if (back->checked == NULL) {

        llcf = ngx_http_get_module_loc_conf(r, ngx_http_social_logout_module);

        back->checked = ngx_pcalloc(r->pool, llcf->issuers->nelts
                                         * sizeof(ngx_http_social_verified_t));
        if (back->checked == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    switch (ngx_http_social_verify_post(r, back->issuer, jwk, &back->jwt,
                                        ngx_http_social_logout_back_checked,
                                        back))
    {
    case NGX_OK:
        return NGX_DONE;

    case NGX_BUSY:
        return ngx_http_social_reply_unavailable(r);

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


static void
ngx_http_social_logout_back_checked(void *data,
    const ngx_http_social_verified_t *verified)
{
    ngx_http_social_logout_back_t *back = data;

    ngx_connection_t  *c;

    c = back->request->connection;

    ngx_http_set_log_request(c->log, back->request);

    back->checked[back->asked] = *verified;

    ngx_http_social_logout_back_verify(back);

    ngx_http_run_posted_requests(c);
}


/*
 * NGX_DONE: until the keys are there; NGX_DECLINED: they will not be.
 */

static ngx_int_t
ngx_http_social_logout_back_wait(ngx_http_social_logout_back_t *back)
{
    ngx_int_t  rc;

    back->waiter.handler = ngx_http_social_logout_back_resume;
    back->waiter.data = back;
    back->waiter.kid = back->jwt.kid;
    back->waiter.algorithm = back->jwt.algorithm;

    rc = ngx_http_social_keys_wait(back->issuer, &back->waiter);

    if (rc == NGX_BUSY) {
        return ngx_http_social_reply_unavailable(back->request);
    }

    if (rc != NGX_AGAIN) {
        return NGX_DECLINED;
    }

    back->waiting = 1;

    return NGX_DONE;
}


static void
ngx_http_social_logout_back_resume(ngx_http_social_waiter_t *waiter)
{
    ngx_connection_t               *c;
    ngx_http_social_logout_back_t  *back;

    back = waiter->data;
    c = back->request->connection;

    ngx_http_set_log_request(c->log, back->request);

    back->waiting = 0;

    /* a fetch whose worker was killed brings nothing: once more, no further */

    if (++back->waits == 2) {
        back->waited = 1;
    }

    ngx_http_social_logout_back_verify(back);

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_social_logout_back_cleanup(void *data)
{
    ngx_http_social_logout_back_t  *back = data;

    if (back->waiting) {
        ngx_http_social_keys_forget(&back->waiter);
        back->waiting = 0;
    }

    social_jwt_free(&back->jwt);
}


/*
 * With both, only the session (2.6).
 */

static ngx_int_t
ngx_http_social_logout_back_revoke(ngx_http_social_logout_back_t *back)
{
    u_char                             *p;
    social_rc_e                         rc;
    social_str_t                        issuer;
    social_pq_param_t                   params[4];
    ngx_http_request_t                 *r;
    ngx_http_social_revoked_t          *revoked;
    ngx_http_social_logout_loc_conf_t  *llcf;

    r = back->request;
    revoked = &back->revoked;
    llcf = ngx_http_get_module_loc_conf(r, ngx_http_social_logout_module);
    issuer = ngx_http_social_view(&back->issuer->identity);

    ngx_memzero(params, sizeof(params));

    p = ngx_pnalloc(r->pool, sizeof("sid:") - 1 + back->token.sid.len
                             + 2 * SOCIAL_SESSION_ID_SIZE + NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    params[0].value = issuer;

    if (back->token.sid.len) {

        rc = social_session_id(issuer, SOCIAL_SESSION_SID, back->token.sid,
                               revoked->id);

        params[1].value.data = p;
        p = ngx_sprintf(p, "sid:%*s", back->token.sid.len,
                        back->token.sid.data);
        params[1].value.len = p - params[1].value.data;

        params[2].value.data = p;
        p = ngx_hex_dump(p, revoked->id, SOCIAL_SESSION_ID_SIZE);
        params[2].value.len = p - params[2].value.data;

    } else {

        rc = social_session_subject(issuer, back->token.subject, revoked->id);

        revoked->subject = 1;
        revoked->before = back->token.issued;

        params[1].value = back->token.subject;

        params[2].value.data = p;
        p = ngx_sprintf(p, "%L", revoked->before);
        params[2].value.len = p - params[2].value.data;
    }

    if (rc != SOCIAL_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    revoked->until = social_session_until(SOCIAL_SESSION_SID, ngx_time(),
                                          llcf->retention, 0, 0);

    params[3].value.data = p;
    params[3].value.len = ngx_sprintf(p, "%L", revoked->until) - p;

    if (ngx_http_social_query_statement(r, back->token.sid.len
                                           ? &ngx_http_social_logout_back_sid
                                           : &ngx_http_social_logout_back_sub,
                                        params, 4,
                                        ngx_http_social_logout_back_revoked,
                                        back)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DONE;
}


static void
ngx_http_social_logout_back_revoked(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data)
{
    ngx_http_social_logout_back_t *back = data;

    ngx_int_t                                rc;
    ngx_http_social_revocation_main_conf_t  *rmcf;

    switch (outcome) {

    case NGX_HTTP_SOCIAL_QUERY_OK:
        rmcf = ngx_http_get_module_main_conf(r,
                                            ngx_http_social_revocation_module);

        ngx_http_social_revocations_add(rmcf, &back->revoked, 1);

        rc = ngx_http_social_logout_reply(r, NGX_HTTP_OK);
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
 * 400 as of RFC 6749, 5.2 for what is wrong with the request (2.8), and 503 or
 * 500 for what is wrong here.
 */

static ngx_int_t
ngx_http_social_logout_back_refuse(ngx_http_request_t *r,
    social_token_status_e status)
{
    ngx_str_t  body, name;

    ngx_http_social_from_str(&name, social_token_status_name(status));

    if (status == SOCIAL_TOKEN_FAILED) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "social: logout token could not be verified: %V", &name);

        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "social: logout token refused: %V", &name);

    if (status >= SOCIAL_TOKEN_PENDING) {
        return ngx_http_social_reply_unavailable(r);
    }

    body.data = ngx_pnalloc(r->pool, sizeof("{\"error\":\"invalid_request\","
                                            "\"error_description\":\"\"}")
                                     + name.len);
    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.len = ngx_sprintf(body.data, "{\"error\":\"invalid_request\","
                           "\"error_description\":\"%V\"}", &name)
               - body.data;

    return ngx_http_social_reply_json(r, NGX_HTTP_BAD_REQUEST, &body);
}
