
/*
 * "social_logout": ends the session of the token that comes with the request,
 * here and at every gateway of the same database.
 */

#include "ngx_http_social_auth.h"
#include "ngx_http_social_content.h"
#include "ngx_http_social_database.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_reply.h"
#include "ngx_http_social_revocation.h"


typedef struct {
    ngx_http_social_content_t   content;
    time_t                      retention;     /* seconds */
    ngx_uint_t                  max;           /* of a subject */
} ngx_http_social_logout_loc_conf_t;


static ngx_int_t ngx_http_social_logout_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_logout_revoke(ngx_http_request_t *r,
    ngx_http_social_auth_ctx_t *identity);
static void ngx_http_social_logout_revoked(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data);
static ngx_int_t ngx_http_social_logout_reply(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_logout_limited(ngx_http_request_t *r,
    time_t seconds);

static char *ngx_http_social_logout_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static void *ngx_http_social_logout_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_logout_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);


/*
 * A session that has ended stays ended, and makes no room once more.  It shares
 * no commit: who signs out is not to wait for others.
 */

static const ngx_http_social_statement_t  ngx_http_social_logout_statement = {
    .sql = "SELECT social_revoke($1, $2, decode($3, 'hex'),"
           " to_timestamp($4::bigint), $5, $6::integer)",
    .repeat = 1
};


static const ngx_http_social_conf_entry_t  ngx_http_social_logout_params[] = {

    { ngx_string("retention"),
      0,
      ngx_http_social_conf_sec,
      offsetof(ngx_http_social_logout_loc_conf_t, retention),
      1, 3650 * 86400, NULL },

    { ngx_string("max"),
      0,
      ngx_http_social_conf_number,
      offsetof(ngx_http_social_logout_loc_conf_t, max),
      1, 1000000, NULL },

      ngx_http_social_conf_null_entry
};


static ngx_command_t  ngx_http_social_logout_commands[] = {

    { ngx_string("social_logout"),
      NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      ngx_http_social_logout_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_logout_module_ctx = {
    NULL,                                    /* preconfiguration */
    NULL,                                    /* postconfiguration */

    NULL,                                    /* create main configuration */
    NULL,                                    /* init main configuration */

    NULL,                                    /* create server configuration */
    NULL,                                    /* merge server configuration */

    ngx_http_social_logout_create_loc_conf,  /* create location configuration */
    ngx_http_social_logout_merge_loc_conf    /* merge location configuration */
};


ngx_module_t  ngx_http_social_logout_module = {
    NGX_MODULE_V1,
    &ngx_http_social_logout_module_ctx,    /* module context */
    ngx_http_social_logout_commands,       /* module directives */
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
ngx_http_social_logout_handler(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_http_social_auth_ctx_t  *identity;

    ngx_http_social_count_answer(r, NGX_HTTP_SOCIAL_COUNT_LOGOUT, 0);

    if (r->method != NGX_HTTP_POST) {
        return ngx_http_social_reply_not_allowed(r, "POST");
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_social_auth_person(r, &identity);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_social_logout_revoke(r, identity);
}


static ngx_int_t
ngx_http_social_logout_revoke(ngx_http_request_t *r,
    ngx_http_social_auth_ctx_t *identity)
{
    size_t                              len;
    u_char                              hex[2 * SOCIAL_SESSION_ID_SIZE];
    u_char                              until[NGX_INT64_LEN];
    u_char                              max[NGX_INT_T_LEN];
    social_str_t                        issuer;
    social_pq_param_t                   params[6];
    social_session_kind_e               kind;
    ngx_http_social_revoked_t          *revoked;
    ngx_http_social_logout_loc_conf_t  *llcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_social_logout_module);

    revoked = ngx_palloc(r->pool, sizeof(ngx_http_social_revoked_t));
    if (revoked == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    revoked->subject = 0;

    issuer = ngx_http_social_view(&identity->issuer->identity);

    if (social_session_id(issuer, identity->jwt.payload, revoked->id, &kind)
        != SOCIAL_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    revoked->until = social_session_until(kind, ngx_time(), llcf->retention,
                                          identity->claims.expires,
                                          identity->issuer->leeway);

    ngx_memzero(params, sizeof(params));

    params[0].value = issuer;

    len = social_session_write(identity->jwt.payload, &kind, NULL, 0);

    params[1].value.len = len;
    params[1].value.data = ngx_pnalloc(r->pool, len);

    if (params[1].value.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    (void) social_session_write(identity->jwt.payload, &kind,
                                (u_char *) params[1].value.data, len);

    params[2].value.data = hex;
    params[2].value.len = ngx_hex_dump(hex, revoked->id, sizeof(revoked->id))
                          - hex;

    params[3].value.data = until;
    params[3].value.len = ngx_sprintf(until, "%L", revoked->until) - until;

    params[4].value = identity->claims.subject;

    params[5].value.data = max;
    params[5].value.len = ngx_sprintf(max, "%ui", llcf->max) - max;

    if (ngx_http_social_query_statement(r, &ngx_http_social_logout_statement,
                                        params, 6,
                                        ngx_http_social_logout_revoked,
                                        revoked)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->main->count++;

    return NGX_DONE;
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
    ngx_http_social_revoked_t *revoked = data;

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

        ngx_http_social_revocations_add(rmcf, revoked, 1);

        rc = ngx_http_social_logout_reply(r);
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


static ngx_int_t
ngx_http_social_logout_reply(ngx_http_request_t *r)
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


static char *
ngx_http_social_logout_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_logout_loc_conf_t  *llcf = conf;

    if (ngx_http_social_content_set(cf, &llcf->content,
                                    ngx_http_social_logout_handler)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* sessions of one subject: for a month, three a day */

    llcf->retention = 30 * 86400;
    llcf->max = 100;

    return ngx_http_social_conf_params(cf, ngx_http_social_logout_params, 1, 0,
                                       0, llcf);
}


static void *
ngx_http_social_logout_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_social_logout_loc_conf_t));
}


static char *
ngx_http_social_logout_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_social_logout_loc_conf_t  *prev = parent;
    ngx_http_social_logout_loc_conf_t  *conf = child;

    ngx_http_social_auth_loc_conf_t  *alcf;

    switch (ngx_http_social_content_merge(cf, &prev->content, &conf->content))
    {
    case NGX_ERROR:
        return NGX_CONF_ERROR;

    case NGX_DECLINED:
        return NGX_CONF_OK;

    case NGX_DONE:
        *conf = *prev;
    }

    alcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_social_auth_module);

    if (alcf->issuers == NULL || alcf->mode != NGX_HTTP_SOCIAL_AUTH_REQUIRED) {
        return ngx_http_social_conf_missing(cf, &conf->content.position,
                   "social_auth", "without \"optional\"", "social_logout");
    }

    if (!ngx_http_social_database_configured(cf)) {
        return ngx_http_social_conf_missing(cf, &conf->content.position,
                   "social_database", "add it to the \"http\" block",
                   "social_logout");
    }

    ngx_http_social_auth_need_subject(cf);
    ngx_http_social_error_own_location(cf);

    return NGX_CONF_OK;
}
