
/*
 * A user leaves: one statement removes all that is theirs, or nothing; the
 * answer comes after its commit.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_reply.h"
#include "ngx_http_social_revocation.h"
#include "ngx_http_social_user_content.h"


/* of other gateways' clocks, as with sessions */
#define NGX_HTTP_SOCIAL_USER_DELETE_CLOCKS    60

/* ms: after that the database is asked again, which says the same */
#define NGX_HTTP_SOCIAL_USER_DELETE_KEEP  300000


static ngx_uint_t ngx_http_social_user_delete_recent(ngx_http_request_t *r,
    ngx_http_social_auth_ctx_t *identity, time_t max_age);
static ngx_int_t ngx_http_social_user_delete_challenge(ngx_http_request_t *r,
    time_t max_age);
static void ngx_http_social_user_deleted(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data);
static void ngx_http_social_user_delete_forget(ngx_http_request_t *r,
    ngx_http_social_revoked_t *revoked);
static ngx_int_t ngx_http_social_user_delete_reply(ngx_http_request_t *r);


/* once more it deletes nothing, and what was said before is true */

static const ngx_http_social_statement_t  ngx_http_social_user_delete_sql = {
    .sql = "SELECT social_user_delete($1, $2, $3::bigint"
           " * interval '1 second')",
    .repeat = 1
};


ngx_int_t
ngx_http_social_user_delete(ngx_http_request_t *r,
    ngx_http_social_auth_ctx_t *identity)
{
    time_t                                    kept;
    u_char                                    seconds[NGX_INT64_LEN];
    const u_char                             *id;
    social_pq_param_t                         params[3];
    ngx_http_social_revoked_t                *revoked;
    ngx_http_social_user_content_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r,
                                        ngx_http_social_user_content_module);

    if (!ngx_http_social_user_delete_recent(r, identity, conf->max_age)) {
        return ngx_http_social_user_delete_challenge(r, conf->max_age);
    }

    revoked = ngx_palloc(r->pool, sizeof(ngx_http_social_revoked_t));

    if (revoked == NULL
        || ngx_http_social_auth_subject(identity, &id) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* of a token that lives longer than that, too */

    kept = ngx_max(conf->retention, (time_t) identity->claims.expires
                                    + identity->issuer->leeway - ngx_time())
           + NGX_HTTP_SOCIAL_USER_DELETE_CLOCKS;

    ngx_memcpy(revoked->id, id, sizeof(revoked->id));
    revoked->until = ngx_time() + kept;
    revoked->subject = 1;
    revoked->before = INT64_MAX;

    ngx_memzero(params, sizeof(params));

    params[0].value = ngx_http_social_view(&identity->issuer->identity);
    params[1].value = identity->claims.subject;

    params[2].value.data = seconds;
    params[2].value.len = ngx_sprintf(seconds, "%T", kept) - seconds;

    if (ngx_http_social_query_statement(r, &ngx_http_social_user_delete_sql,
                                        params, 3, ngx_http_social_user_deleted,
                                        revoked)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->main->count++;

    return NGX_DONE;
}


/*
 * Who finds a phone that is signed in must not be able to delete its owner.  An
 * issuer that does not say when the user signed in cannot be held to it.
 */

static ngx_uint_t
ngx_http_social_user_delete_recent(ngx_http_request_t *r,
    ngx_http_social_auth_ctx_t *identity, time_t max_age)
{
    int64_t               seconds;
    const social_json_t  *claim;

    claim = social_json_present(identity->jwt.payload, social_str("auth_time"));

    if (claim == NULL) {
        return 1;
    }

    return social_json_time(claim, &seconds) == SOCIAL_OK
           && seconds + max_age + identity->issuer->leeway >= ngx_time();
}


/*
 * RFC 9470, 3: the client has the user sign in again.
 */

static ngx_int_t
ngx_http_social_user_delete_challenge(ngx_http_request_t *r, time_t max_age)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(r->pool,
                             sizeof("Bearer realm=\"api\", "
                                    "error=\"insufficient_user_authentication"
                                    "\", error_description=\"a more recent "
                                    "sign-in is required\", max_age=\"\"")
                             + NGX_TIME_T_LEN);
    if (value.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    value.len = ngx_sprintf(value.data,
                            "Bearer realm=\"api\", "
                            "error=\"insufficient_user_authentication\", "
                            "error_description=\"a more recent sign-in is "
                            "required\", max_age=\"%T\"", max_age)
                - value.data;

    r->headers_out.www_authenticate =
        ngx_http_social_header_out_push(r, "WWW-Authenticate", &value);

    if (r->headers_out.www_authenticate == NULL
        || ngx_http_social_error_own(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_HTTP_UNAUTHORIZED;
}


/*
 * It is committed.  The answer is sent when every worker of this instance
 * refuses the user's tokens, without waiting for the database's notification.
 */

static void
ngx_http_social_user_deleted(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data)
{
    ngx_http_social_revoked_t *revoked = data;

    ngx_int_t  rc;

    switch (outcome) {

    case NGX_HTTP_SOCIAL_QUERY_OK:
        ngx_http_social_user_delete_forget(r, revoked);

        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "social: a user was deleted");

        rc = ngx_http_social_user_delete_reply(r);
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


static void
ngx_http_social_user_delete_forget(ngx_http_request_t *r,
    ngx_http_social_revoked_t *revoked)
{
    ngx_http_social_user_t                   user;
    ngx_http_social_user_main_conf_t        *umcf;
    ngx_http_social_revocation_main_conf_t  *rmcf;

    rmcf = ngx_http_get_module_main_conf(r, ngx_http_social_revocation_module);

    ngx_http_social_revocations_add(rmcf, revoked, 1);

    umcf = ngx_http_get_module_main_conf(r, ngx_http_social_user_module);

    if (umcf->table == NULL) {
        return;
    }

    ngx_memzero(&user, sizeof(ngx_http_social_user_t));
    user.state = NGX_HTTP_SOCIAL_USER_DELETED;

    ngx_http_social_user_set(umcf, revoked->id, &user,
                             NGX_HTTP_SOCIAL_USER_DELETE_KEEP);
}


static ngx_int_t
ngx_http_social_user_delete_reply(ngx_http_request_t *r)
{
    static ngx_str_t  no_store = ngx_string("no-store");

    if (ngx_http_social_header_out_push(r, "Cache-Control", &no_store)
        == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;

    return ngx_http_send_header(r);
}
