
/*
 * "social_sign_url": signed URLs and cookies for verified users, below the
 * prefix that the configuration has for them.
 */

#include "ngx_http_social_auth.h"
#include "ngx_http_social_content.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_reply.h"
#include "ngx_http_social_secret.h"
#include "ngx_http_social_signed.h"
#include "social_json.h"
#include "social_signed_url.h"
#include "social_uri.h"


#define NGX_HTTP_SOCIAL_SIGN_URL_MAX_BODY  8192
#define NGX_HTTP_SOCIAL_SIGN_URL_MAX_PATH  4096
#define NGX_HTTP_SOCIAL_SIGN_URL_EXPIRES   3600


typedef struct {
    ngx_http_social_content_t    content;
    ngx_str_t                    secret_name;
    ngx_str_t                    prefix_text;
    ngx_http_complex_value_t    *prefix;
    time_t                       expires;       /* seconds */
    ngx_str_t                    cookie;        /* empty: none */
    ngx_str_t                    domain;        /* empty: this host */
    ngx_http_social_secret_t    *secret;
} ngx_http_social_sign_url_loc_conf_t;


static ngx_int_t ngx_http_social_sign_url_handler(ngx_http_request_t *r);
static void ngx_http_social_sign_url_body(ngx_http_request_t *r,
    social_str_t body);
static ngx_int_t ngx_http_social_sign_url_parse(ngx_http_request_t *r,
    social_str_t body, ngx_str_t *path);
static ngx_int_t ngx_http_social_sign_url_path(ngx_http_request_t *r,
    ngx_str_t *path, ngx_str_t *prefix);
static ngx_int_t ngx_http_social_sign_url_prefix(ngx_http_request_t *r,
    ngx_str_t *prefix);
static ngx_int_t ngx_http_social_sign_url_cookie(ngx_http_request_t *r,
    const social_signed_url_t *url);
static ngx_int_t ngx_http_social_sign_url_reply(ngx_http_request_t *r,
    const char *name, social_str_t text, ngx_str_t *prefix, int64_t expires);

static char *ngx_http_social_sign_url_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_uint_t ngx_http_social_sign_url_is_prefix(ngx_str_t *value);
static ngx_uint_t ngx_http_social_sign_url_is_cookie(ngx_str_t *value);
static ngx_uint_t ngx_http_social_sign_url_is_domain(ngx_str_t *value);
static void *ngx_http_social_sign_url_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_sign_url_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_social_sign_url_check(ngx_conf_t *cf,
    ngx_http_social_sign_url_loc_conf_t *conf);


const ngx_http_social_conf_check_t  ngx_http_social_signed_cookie = {
    ngx_http_social_sign_url_is_cookie,
    "it must be a name of letters, digits and \"!#$%&'*+-.^_`|~\""
};


static const ngx_http_social_conf_check_t  ngx_http_social_sign_url_prefixes = {
    ngx_http_social_sign_url_is_prefix,
    "it must begin with \"/\" and end with \"/\""
};


static const ngx_http_social_conf_check_t  ngx_http_social_sign_url_domains = {
    ngx_http_social_sign_url_is_domain,
    "it may contain only letters, digits, dots and hyphens"
};


static const ngx_http_social_conf_entry_t  ngx_http_social_sign_url_params[] = {

    { ngx_string("secret"),
      NGX_HTTP_SOCIAL_CONF_REQUIRED,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_sign_url_loc_conf_t, secret_name),
      0, 0, NULL },

    { ngx_string("prefix"),
      NGX_HTTP_SOCIAL_CONF_REQUIRED,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_sign_url_loc_conf_t, prefix_text),
      0, 0, &ngx_http_social_sign_url_prefixes },

    { ngx_string("expires"),
      0,
      ngx_http_social_conf_sec,
      offsetof(ngx_http_social_sign_url_loc_conf_t, expires),
      1, 3650 * 86400, NULL },

    { ngx_string("cookie"),
      0,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_sign_url_loc_conf_t, cookie),
      0, 0, &ngx_http_social_signed_cookie },

    { ngx_string("domain"),
      0,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_sign_url_loc_conf_t, domain),
      0, 0, &ngx_http_social_sign_url_domains },

      ngx_http_social_conf_null_entry
};


static ngx_command_t  ngx_http_social_sign_url_commands[] = {

    { ngx_string("social_sign_url"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_social_sign_url_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_sign_url_module_ctx = {
    NULL,                                      /* preconfiguration */
    NULL,                                      /* postconfiguration */

    NULL,                                      /* create main configuration */
    NULL,                                      /* init main configuration */

    NULL,                                      /* create server conf */
    NULL,                                      /* merge server conf */

    ngx_http_social_sign_url_create_loc_conf,  /* create location conf */
    ngx_http_social_sign_url_merge_loc_conf    /* merge location conf */
};


ngx_module_t  ngx_http_social_sign_url_module = {
    NGX_MODULE_V1,
    &ngx_http_social_sign_url_module_ctx,  /* module context */
    ngx_http_social_sign_url_commands,     /* module directives */
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
ngx_http_social_sign_url_handler(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_http_social_auth_ctx_t  *identity;

    if (r->method != NGX_HTTP_POST) {
        return ngx_http_social_reply_not_allowed(r, "POST");
    }

    rc = ngx_http_social_auth_person(r, &identity);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_social_read_body(r, NGX_HTTP_SOCIAL_SIGN_URL_MAX_BODY,
                                     ngx_http_social_sign_url_body);
}


static void
ngx_http_social_sign_url_body(ngx_http_request_t *r, social_str_t body)
{
    ngx_int_t                             rc;
    ngx_str_t                             path, prefix;
    ngx_http_social_sign_url_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_social_sign_url_module);

    ngx_str_null(&path);

    rc = ngx_http_social_sign_url_parse(r, body, &path);

    if (rc == NGX_DECLINED) {

        if (ngx_http_complex_value(r, slcf->prefix, &prefix) != NGX_OK) {
            rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

        } else if (!social_signed_url_prefix_valid(
                       ngx_http_social_view(&prefix)))
        {
            /* a variable without a value, or one that has a slash */

            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "social: invalid prefix \"%V\" of "
                          "\"social_sign_url\"", &prefix);

            rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

        } else if (path.data != NULL) {
            rc = ngx_http_social_sign_url_path(r, &path, &prefix);

        } else {
            rc = ngx_http_social_sign_url_prefix(r, &prefix);
        }
    }

    ngx_http_finalize_request(r, rc);
}


/*
 * {"path":"/private/a.jpg"}, or an object without it, or nothing: "path" has
 * no data then.  NGX_DECLINED: it was read; otherwise what to finalize the
 * request with.
 */

static ngx_int_t
ngx_http_social_sign_url_parse(ngx_http_request_t *r, social_str_t body,
    ngx_str_t *path)
{
    ngx_int_t                  rc;
    social_str_t               value;
    social_json_t             *json;
    static const social_str_t  name = social_string("path");

    if (body.len == 0) {
        return NGX_DECLINED;
    }

    switch (social_json_parse(body, &json)) {

    case SOCIAL_OK:
        break;

    case SOCIAL_FAILED:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;

    default:
        return ngx_http_social_reply_field(r, "body", "must be a JSON object");
    }

    switch (social_json_string(social_json_member(json, name), &value)) {

    case SOCIAL_DECLINED:
        rc = NGX_DECLINED;
        break;

    case SOCIAL_OK:

        if (value.len > NGX_HTTP_SOCIAL_SIGN_URL_MAX_PATH
            || !social_signed_url_path_valid(value))
        {
            rc = ngx_http_social_reply_field(r, "path",
                     "must be an absolute path without dot segments");
            break;
        }

        path->len = value.len;
        path->data = ngx_pnalloc(r->pool, value.len);

        if (path->data == NULL) {
            rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
            break;
        }

        ngx_memcpy(path->data, value.data, value.len);
        rc = NGX_DECLINED;
        break;

    default:
        rc = ngx_http_social_reply_field(r, "path", "must be a string");
    }

    social_json_free(json);

    return rc;
}


static ngx_int_t
ngx_http_social_sign_url_path(ngx_http_request_t *r, ngx_str_t *path,
    ngx_str_t *prefix)
{
    size_t                                size;
    u_char                               *p;
    social_buf_t                          b;
    social_signed_url_t                   url;
    ngx_http_social_sign_url_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_social_sign_url_module);

    if (!social_str_starts(ngx_http_social_view(path),
                           ngx_http_social_view(prefix)))
    {
        return ngx_http_social_reply_field(r, "path",
                                           "must be below the prefix of its "
                                           "user");
    }

    url.resource = ngx_http_social_view(path);
    url.args = social_str("");
    url.expires = ngx_time() + slcf->expires;
    url.prefix = false;

    size = 3 * path->len + SOCIAL_SIGNED_URL_MAX_VALUE;

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    social_buf_init(&b, p, size);

    social_uri_encode(&b, url.resource, SOCIAL_URI_SLASH);
    social_buf_byte(&b, '?');

    if (social_signed_url_args(&url, slcf->secret->values[0], &b)
        != SOCIAL_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_social_sign_url_reply(r, "url", social_buf_since(&b, 0),
                                          NULL, url.expires);
}


static ngx_int_t
ngx_http_social_sign_url_prefix(ngx_http_request_t *r, ngx_str_t *prefix)
{
    u_char                               *p;
    ngx_int_t                             rc;
    social_buf_t                          b;
    social_signed_url_t                   url;
    ngx_http_social_sign_url_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_social_sign_url_module);

    url.resource = ngx_http_social_view(prefix);
    url.args = social_str("");
    url.expires = ngx_time() + slcf->expires;
    url.prefix = true;

    if (slcf->cookie.len) {

        rc = ngx_http_social_sign_url_cookie(r, &url);

        if (rc != NGX_OK) {
            return rc;
        }

        return ngx_http_social_sign_url_reply(r, NULL, social_str(""), prefix,
                                              url.expires);
    }

    p = ngx_pnalloc(r->pool, SOCIAL_SIGNED_URL_MAX_VALUE);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    social_buf_init(&b, p, SOCIAL_SIGNED_URL_MAX_VALUE);

    if (social_signed_url_args(&url, slcf->secret->values[0], &b)
        != SOCIAL_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_social_sign_url_reply(r, "args", social_buf_since(&b, 0),
                                          prefix, url.expires);
}


/*
 * For pictures that a page of another host of the site shows, too: SameSite
 * is about sites, not origins (RFC 6265bis, 5.2).
 */

static ngx_int_t
ngx_http_social_sign_url_cookie(ngx_http_request_t *r,
    const social_signed_url_t *url)
{
    size_t                                size;
    u_char                               *p;
    ngx_str_t                             value;
    social_buf_t                          b;
    ngx_http_social_sign_url_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_social_sign_url_module);

    size = slcf->cookie.len + slcf->domain.len
           + 2 * SOCIAL_SIGNED_URL_MAX_VALUE;

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    social_buf_init(&b, p, size);

    social_buf_put(&b, ngx_http_social_view(&slcf->cookie));
    social_buf_byte(&b, '=');

    if (social_signed_url_cookie(url, slcf->secret->values[0], &b)
        != SOCIAL_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    social_buf_text(&b, "; Path=");
    social_uri_encode(&b, url->resource, SOCIAL_URI_SLASH);

    if (slcf->domain.len) {
        social_buf_text(&b, "; Domain=");
        social_buf_put(&b, ngx_http_social_view(&slcf->domain));
    }

    social_buf_text(&b, "; Max-Age=");
    social_buf_number(&b, (uint64_t) slcf->expires);
    social_buf_text(&b, "; Secure; HttpOnly; SameSite=Lax");

    ngx_http_social_from_str(&value, social_buf_since(&b, 0));

    if (b.rc != SOCIAL_OK
        || ngx_http_social_header_out_push(r, "Set-Cookie", &value) == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_OK;
}


/*
 * {"NAME":"TEXT","prefix":"PREFIX","expires":N}, which is for this user only.
 */

static ngx_int_t
ngx_http_social_sign_url_reply(ngx_http_request_t *r, const char *name,
    social_str_t text, ngx_str_t *prefix, int64_t expires)
{
    size_t      size;
    u_char     *p;
    ngx_str_t   body;

    size = sizeof("{\"\":\"\",\"prefix\":\"\",\"expires\":}") + NGX_INT64_LEN
           + (name != NULL ? ngx_strlen(name) + 6 * text.len : 0)
           + (prefix != NULL ? 6 * prefix->len : 0);

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = p;
    *p++ = '{';

    if (name != NULL) {
        p = ngx_sprintf(p, "\"%s\":\"", name);
        p = social_json_escape(p, text);
        p = ngx_cpymem(p, "\",", sizeof("\",") - 1);
    }

    if (prefix != NULL) {
        p = ngx_cpymem(p, "\"prefix\":\"", sizeof("\"prefix\":\"") - 1);
        p = social_json_escape(p, ngx_http_social_view(prefix));
        p = ngx_cpymem(p, "\",", sizeof("\",") - 1);
    }

    p = ngx_sprintf(p, "\"expires\":%L}", expires);

    body.len = p - body.data;

    return ngx_http_social_reply_json(r, NGX_HTTP_OK, &body);
}


static char *
ngx_http_social_sign_url_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_sign_url_loc_conf_t  *slcf = conf;

    ngx_http_compile_complex_value_t  ccv;

    if (ngx_http_social_content_set(cf, &slcf->content,
                                    ngx_http_social_sign_url_handler)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    slcf->expires = NGX_HTTP_SOCIAL_SIGN_URL_EXPIRES;

    if (ngx_http_social_conf_params(cf, ngx_http_social_sign_url_params, 1, 0,
                                    0, slcf)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (slcf->domain.len && slcf->cookie.len == 0) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"domain\" needs \"cookie\" in \"social_sign_url\" "
                   "directive");
    }

    slcf->prefix = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (slcf->prefix == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &slcf->prefix_text;
    ccv.complex_value = slcf->prefix;

    return ngx_http_compile_complex_value(&ccv) == NGX_OK ? NGX_CONF_OK
                                                          : NGX_CONF_ERROR;
}


static ngx_uint_t
ngx_http_social_sign_url_is_prefix(ngx_str_t *value)
{
    return social_signed_url_prefix_valid(ngx_http_social_view(value));
}


static ngx_uint_t
ngx_http_social_sign_url_is_cookie(ngx_str_t *value)
{
    return social_str_is_token(ngx_http_social_view(value));
}


static ngx_uint_t
ngx_http_social_sign_url_is_domain(ngx_str_t *value)
{
    u_char      ch;
    ngx_uint_t  i;

    for (i = 0; i < value->len; i++) {
        ch = value->data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9') || ch == '.' || ch == '-'))
        {
            return 0;
        }
    }

    return 1;
}


static void *
ngx_http_social_sign_url_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_social_sign_url_loc_conf_t));
}


static char *
ngx_http_social_sign_url_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_social_sign_url_loc_conf_t  *prev = parent;
    ngx_http_social_sign_url_loc_conf_t  *conf = child;

    switch (ngx_http_social_content_merge(cf, &prev->content, &conf->content))
    {
    case NGX_ERROR:
        return NGX_CONF_ERROR;

    case NGX_DECLINED:
        return NGX_CONF_OK;

    case NGX_DONE:
        *conf = *prev;
    }

    return ngx_http_social_sign_url_check(cf, conf);
}


static char *
ngx_http_social_sign_url_check(ngx_conf_t *cf,
    ngx_http_social_sign_url_loc_conf_t *conf)
{
    ngx_http_social_auth_loc_conf_t  *alcf;

    conf->secret = ngx_http_social_secret_find(cf, &conf->secret_name);

    if (conf->secret == NULL) {
        return ngx_http_social_conf_error(cf, &conf->content.position,
                   "unknown secret \"%V\" (add \"social_secret %V\" to the "
                   "\"http\" block) in \"social_sign_url\" directive",
                   &conf->secret_name, &conf->secret_name);
    }

    alcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_social_auth_module);

    if (alcf->issuers == NULL) {
        return ngx_http_social_conf_missing(cf, &conf->content.position,
                   "social_auth", "URLs are signed for verified users only",
                   "social_sign_url");
    }

    if (ngx_http_social_auth_names_subject(&conf->prefix->value)) {
        ngx_http_social_auth_need_subject(cf);
    }

    ngx_http_social_read_body_location(cf, NGX_HTTP_SOCIAL_SIGN_URL_MAX_BODY);
    ngx_http_social_error_own_location(cf);

    return NGX_CONF_OK;
}
