
/*
 * "social_logout": ends the session of the token that comes with the request,
 * here and at every gateway of the same database.
 */

#include "ngx_http_social_auth.h"
#include "ngx_http_social_database.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_reply.h"
#include "ngx_http_social_revocation.h"


#define NGX_HTTP_SOCIAL_LOGOUT_RETENTION      (30 * 86400)
#define NGX_HTTP_SOCIAL_LOGOUT_MAX_RETENTION  (3650 * 86400)

/* sessions of one subject: for a month, three a day */
#define NGX_HTTP_SOCIAL_LOGOUT_SESSIONS       100
#define NGX_HTTP_SOCIAL_LOGOUT_MAX_SESSIONS   1000000


typedef struct {
    ngx_flag_t                  enable;
    time_t                      retention;     /* seconds; 0: not said */
    ngx_uint_t                  max;           /* of a subject; 0: not said */
    ngx_http_social_position_t  position;
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
static char *ngx_http_social_logout_parameter(ngx_conf_t *cf,
    ngx_http_social_logout_loc_conf_t *llcf, ngx_str_t *value);
static void *ngx_http_social_logout_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_logout_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);


static ngx_command_t  ngx_http_social_logout_commands[] = {

    { ngx_string("social_logout"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE12,
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

    if (r->method != NGX_HTTP_POST) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_social_auth_identity(r, &identity);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc != NGX_OK) {

        /* as with "satisfy any", where the address was sufficient */

        return ngx_http_social_reply_unauthorized(r);
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

    issuer = ngx_http_social_view(&identity->issuer->issuer);

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

    if (ngx_http_social_query(r, "SELECT social_revoke($1, $2,"
                                 " decode($3, 'hex'),"
                                 " to_timestamp($4::bigint), $5,"
                                 " $6::integer)",
                              params, 6, ngx_http_social_logout_revoked,
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

    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;

    if (llcf->enable) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_logout\" is duplicate: say it once");
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_http_social_logout_parameter(cf, llcf, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (llcf->retention == 0) {
        llcf->retention = NGX_HTTP_SOCIAL_LOGOUT_RETENTION;
    }

    if (llcf->max == 0) {
        llcf->max = NGX_HTTP_SOCIAL_LOGOUT_SESSIONS;
    }

    llcf->enable = 1;

    ngx_http_social_conf_position(cf, &llcf->position);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_social_logout_handler;

    return NGX_CONF_OK;
}


static char *
ngx_http_social_logout_parameter(ngx_conf_t *cf,
    ngx_http_social_logout_loc_conf_t *llcf, ngx_str_t *value)
{
    time_t     retention;
    ngx_int_t  max;
    ngx_str_t  s;

    if (ngx_strncmp(value->data, "retention=", 10) == 0) {

        if (llcf->retention) {
            return ngx_http_social_conf_error(cf, NULL,
                       "parameter \"retention\" in \"social_logout\" is "
                       "duplicate: say it once");
        }

        s.data = value->data + 10;
        s.len = value->len - 10;

        retention = ngx_parse_time(&s, 1);

        if (retention < 1 || retention > NGX_HTTP_SOCIAL_LOGOUT_MAX_RETENTION)
        {
            return ngx_http_social_conf_error(cf, NULL,
                       "invalid parameter \"%V\" in \"social_logout\": it "
                       "must be the life of a refresh token, from 1s to "
                       "3650d", value);
        }

        llcf->retention = retention;

        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "max=", 4) == 0) {

        if (llcf->max) {
            return ngx_http_social_conf_error(cf, NULL,
                       "parameter \"max\" in \"social_logout\" is duplicate: "
                       "say it once");
        }

        max = ngx_atoi(value->data + 4, value->len - 4);

        if (max < 1 || max > NGX_HTTP_SOCIAL_LOGOUT_MAX_SESSIONS) {
            return ngx_http_social_conf_error(cf, NULL,
                       "invalid parameter \"%V\" in \"social_logout\": it "
                       "must be the number of revoked sessions of one "
                       "subject, from 1 to 1000000", value);
        }

        llcf->max = max;

        return NGX_CONF_OK;
    }

    return ngx_http_social_conf_error(cf, NULL,
               "unknown parameter \"%V\" in \"social_logout\": it takes "
               "retention=TIME and max=NUMBER, as in \"retention=30d "
               "max=100\"", value);
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

    ngx_http_core_loc_conf_t         *clcf;
    ngx_http_social_auth_loc_conf_t  *alcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* an "if" or a "limit_except" in the location of one */

    if (clcf->noname && prev->enable && !conf->enable) {

        *conf = *prev;

        if (clcf->lmt_excpt && clcf->handler == NULL) {
            clcf->handler = ngx_http_social_logout_handler;
        }
    }

    if (!conf->enable) {
        return NGX_CONF_OK;
    }

    alcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_social_auth_module);

    if (alcf->issuers == NULL || alcf->mode != NGX_HTTP_SOCIAL_AUTH_REQUIRED) {
        return ngx_http_social_conf_error(cf, &conf->position,
                   "\"social_logout\" needs \"social_auth\" in this location, "
                   "without \"optional\": it is the token's session that ends");
    }

    if (!ngx_http_social_database_configured(cf)) {
        return ngx_http_social_conf_error(cf, &conf->position,
                   "\"social_logout\" needs a \"social_database\": add it at "
                   "the http level, since a session stays ended when nginx "
                   "is restarted");
    }

    ngx_http_social_error_own_location(cf);

    return NGX_CONF_OK;
}
