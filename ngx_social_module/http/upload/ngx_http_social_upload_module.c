
/*
 * "social_upload_status": the state of an upload, for its owner.
 */

#include "ngx_http_social_auth.h"
#include "ngx_http_social_content.h"
#include "ngx_http_social_database.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_reply.h"


#define NGX_HTTP_SOCIAL_UUID_LEN  36


typedef struct {
    ngx_http_social_content_t   content;
    ngx_str_t                   assets;
} ngx_http_social_upload_loc_conf_t;


static char *ngx_http_social_upload_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_social_upload_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_upload_id(ngx_str_t *uri, social_str_t *id);
static void ngx_http_social_upload_found(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data);

static ngx_uint_t ngx_http_social_upload_is_prefix(ngx_str_t *value);
static void *ngx_http_social_upload_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_upload_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);


static const ngx_http_social_statement_t  ngx_http_social_upload_statement = {
    .sql = "SELECT social_upload_get($1::uuid, $2, $3, $4)",
    .repeat = 1
};


static const ngx_http_social_conf_check_t  ngx_http_social_upload_prefix = {
    ngx_http_social_upload_is_prefix,
    "it must begin with \"https://\", \"http://\" or \"/\""
};


static const ngx_http_social_conf_entry_t  ngx_http_social_upload_params[] = {

    { ngx_string("assets"),
      0,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_upload_loc_conf_t, assets),
      0, 0, &ngx_http_social_upload_prefix },

      ngx_http_social_conf_null_entry
};


static ngx_command_t  ngx_http_social_upload_commands[] = {

    { ngx_string("social_upload_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      ngx_http_social_upload_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_upload_module_ctx = {
    NULL,                                    /* preconfiguration */
    NULL,                                    /* postconfiguration */

    NULL,                                    /* create main configuration */
    NULL,                                    /* init main configuration */

    NULL,                                    /* create server configuration */
    NULL,                                    /* merge server configuration */

    ngx_http_social_upload_create_loc_conf,  /* create location configuration */
    ngx_http_social_upload_merge_loc_conf    /* merge location configuration */
};


ngx_module_t  ngx_http_social_upload_module = {
    NGX_MODULE_V1,
    &ngx_http_social_upload_module_ctx,    /* module context */
    ngx_http_social_upload_commands,       /* module directives */
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
ngx_http_social_upload_handler(ngx_http_request_t *r)
{
    ngx_int_t                           rc;
    social_str_t                        id;
    social_pq_param_t                   params[4];
    ngx_http_social_auth_ctx_t         *identity;
    ngx_http_social_upload_loc_conf_t  *ulcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_http_social_reply_not_allowed(r, "GET, HEAD");
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_social_auth_person(r, &identity);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_social_upload_id(&r->uri, &id) != NGX_OK) {
        return NGX_HTTP_NOT_FOUND;
    }

    ulcf = ngx_http_get_module_loc_conf(r, ngx_http_social_upload_module);

    ngx_memzero(params, sizeof(params));

    params[0].value = id;
    params[1].value = ngx_http_social_view(&identity->issuer->identity);
    params[2].value = identity->claims.subject;
    params[3].value = ngx_http_social_view(&ulcf->assets);

    if (ngx_http_social_query_statement(r, &ngx_http_social_upload_statement,
                                        params, 4, ngx_http_social_upload_found,
                                        NULL)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->main->count++;

    return NGX_DONE;
}


static ngx_int_t
ngx_http_social_upload_id(ngx_str_t *uri, social_str_t *id)
{
    u_char      ch;
    ngx_uint_t  i;

    if (uri->len <= NGX_HTTP_SOCIAL_UUID_LEN
        || uri->data[uri->len - NGX_HTTP_SOCIAL_UUID_LEN - 1] != '/')
    {
        return NGX_ERROR;
    }

    id->data = uri->data + uri->len - NGX_HTTP_SOCIAL_UUID_LEN;
    id->len = NGX_HTTP_SOCIAL_UUID_LEN;

    for (i = 0; i < id->len; i++) {
        ch = id->data[i];

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (ch != '-') {
                return NGX_ERROR;
            }

        } else if (!((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f'))) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_http_social_upload_found(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data)
{
    ngx_int_t     rc;
    ngx_str_t     body;
    social_str_t  json;

    switch (outcome) {

    case NGX_HTTP_SOCIAL_QUERY_OK:

        /* an upload of another user is as absent as an unknown one */

        if (!social_pq_result_value(result, 0, 0, &json)) {
            rc = NGX_HTTP_NOT_FOUND;
            break;
        }

        body.len = json.len;
        body.data = ngx_pnalloc(r->pool, json.len);

        if (body.data == NULL) {
            rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
            break;
        }

        ngx_memcpy(body.data, json.data, json.len);

        rc = ngx_http_social_reply_json(r, NGX_HTTP_OK, &body);
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


static char *
ngx_http_social_upload_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_upload_loc_conf_t  *ulcf = conf;

    if (ngx_http_social_content_set(cf, &ulcf->content,
                                    ngx_http_social_upload_handler)
        != NGX_CONF_OK
        || ngx_http_social_conf_params(cf, ngx_http_social_upload_params, 1,
                                       0, 0, ulcf)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* the key comes after a slash of its own */

    while (ulcf->assets.len && ulcf->assets.data[ulcf->assets.len - 1] == '/')
    {
        ulcf->assets.len--;
    }

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_social_upload_is_prefix(ngx_str_t *value)
{
    return ngx_strncmp(value->data, "https://", 8) == 0
           || ngx_strncmp(value->data, "http://", 7) == 0
           || value->data[0] == '/';
}


static void *
ngx_http_social_upload_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_social_upload_loc_conf_t));
}


static char *
ngx_http_social_upload_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_social_upload_loc_conf_t  *prev = parent;
    ngx_http_social_upload_loc_conf_t  *conf = child;

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

    if (alcf->issuers == NULL) {
        return ngx_http_social_conf_missing(cf, &conf->content.position,
                   "social_auth", "only owners see uploads",
                   "social_upload_status");
    }

    if (!ngx_http_social_database_configured(cf)) {
        return ngx_http_social_conf_missing(cf, &conf->content.position,
                   "social_database", "add it to the \"http\" block",
                   "social_upload_status");
    }

    ngx_http_social_auth_need_subject(cf);
    ngx_http_social_error_own_location(cf);

    return NGX_CONF_OK;
}
