
/*
 * "social_require_signature": locations for signed URLs, and for the cookies
 * that take their place.
 *
 * What was verified once for a request holds for its internal redirects, such
 * as one to an index file: they are of the server's own making.
 */

#include "ngx_http_social_error.h"
#include "ngx_http_social_secret.h"
#include "ngx_http_social_signed.h"
#include "social_signed_url.h"


typedef struct {
    ngx_flag_t                   enable;
    ngx_str_t                    secret_name;
    ngx_str_t                    cookie;        /* empty: none */
    ngx_http_social_secret_t    *secret;
    ngx_http_social_position_t   position;
} ngx_http_social_signature_loc_conf_t;


typedef struct {
    ngx_flag_t                   used;
} ngx_http_social_signature_main_conf_t;


static ngx_int_t ngx_http_social_signature_handler(ngx_http_request_t *r);
static social_signed_url_status_e ngx_http_social_signature_of_url(
    ngx_http_request_t *r, ngx_http_social_secret_t *secret);
static social_signed_url_status_e ngx_http_social_signature_of_cookies(
    ngx_http_request_t *r, ngx_http_social_signature_loc_conf_t *slcf);
static ngx_int_t ngx_http_social_signature_remove(ngx_http_request_t *r,
    social_str_t rest);

static char *ngx_http_social_signature_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static void *ngx_http_social_signature_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_social_signature_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_signature_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_social_signature_init(ngx_conf_t *cf);


static const ngx_http_social_conf_entry_t
    ngx_http_social_signature_params[] =
{

    { ngx_string("secret"),
      NGX_HTTP_SOCIAL_CONF_REQUIRED,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_signature_loc_conf_t, secret_name),
      0, 0, NULL },

    { ngx_string("cookie"),
      0,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_signature_loc_conf_t, cookie),
      0, 0, &ngx_http_social_signed_cookie },

      ngx_http_social_conf_null_entry
};


static ngx_command_t  ngx_http_social_signature_commands[] = {

    { ngx_string("social_require_signature"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_social_signature_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_signature_module_ctx = {
    NULL,                                        /* preconfiguration */
    ngx_http_social_signature_init,              /* postconfiguration */

    ngx_http_social_signature_create_main_conf,  /* create main conf */
    NULL,                                        /* init main configuration */

    NULL,                                        /* create server conf */
    NULL,                                        /* merge server conf */

    ngx_http_social_signature_create_loc_conf,   /* create location conf */
    ngx_http_social_signature_merge_loc_conf     /* merge location conf */
};


ngx_module_t  ngx_http_social_signature_module = {
    NGX_MODULE_V1,
    &ngx_http_social_signature_module_ctx, /* module context */
    ngx_http_social_signature_commands,    /* module directives */
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
ngx_http_social_signature_handler(ngx_http_request_t *r)
{
    social_signed_url_status_e             status;
    ngx_http_social_signature_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_social_signature_module);

    if (!slcf->enable || r != r->main) {
        return NGX_DECLINED;
    }

    if (ngx_http_social_get_ctx(r, &ngx_http_social_signature_module)
        == slcf->secret)
    {
        return NGX_OK;
    }

    status = SOCIAL_SIGNED_URL_WRONG;

    /* a signature lets read, and nothing else */

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {

        status = ngx_http_social_signature_of_url(r, slcf->secret);

        if (status == SOCIAL_SIGNED_URL_NONE && slcf->cookie.len) {
            status = ngx_http_social_signature_of_cookies(r, slcf);
        }
    }

    switch (status) {

    case SOCIAL_SIGNED_URL_OK:

        if (ngx_http_social_set_ctx(r, slcf->secret,
                                    &ngx_http_social_signature_module)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return NGX_OK;

    case SOCIAL_SIGNED_URL_FAILED:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;

    default:

        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "social: access to \"%V\" denied, %s", &r->uri,
                      social_signed_url_reason(status));

        if (ngx_http_social_error_own(r) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return NGX_HTTP_FORBIDDEN;
    }
}


static social_signed_url_status_e
ngx_http_social_signature_of_url(ngx_http_request_t *r,
    ngx_http_social_secret_t *secret)
{
    u_char                      *data;
    social_buf_t                 rest;
    social_signed_url_status_e   status;

    if (r->args.len == 0) {
        return SOCIAL_SIGNED_URL_NONE;
    }

    data = ngx_pnalloc(r->pool, r->args.len);
    if (data == NULL) {
        return SOCIAL_SIGNED_URL_FAILED;
    }

    social_buf_init(&rest, data, r->args.len);

    status = social_signed_url_verify_args(ngx_http_social_view(&r->uri),
                                           ngx_http_social_view(&r->args),
                                           secret->values, ngx_time(), &rest);

    if (status == SOCIAL_SIGNED_URL_OK
        && ngx_http_social_signature_remove(r, social_buf_since(&rest, 0))
           != NGX_OK)
    {
        return SOCIAL_SIGNED_URL_FAILED;
    }

    return status;
}


/*
 * A backend, the key of a cache and the log get the request without what gives
 * access.
 */

static ngx_int_t
ngx_http_social_signature_remove(ngx_http_request_t *r, social_str_t rest)
{
    u_char     *p, *last;
    ngx_str_t   uri;

    ngx_http_social_from_str(&r->args, rest);

    last = r->unparsed_uri.data + r->unparsed_uri.len;
    p = ngx_strlchr(r->unparsed_uri.data, last, '?');

    if (p == NULL) {

        /* the arguments are those of a rewrite */

        return NGX_OK;
    }

    uri.len = p - r->unparsed_uri.data;
    uri.data = ngx_pnalloc(r->pool, uri.len + 1 + rest.len);

    if (uri.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(uri.data, r->unparsed_uri.data, uri.len);

    if (rest.len) {
        *p++ = '?';
        p = ngx_cpymem(p, rest.data, rest.len);
    }

    uri.len = p - uri.data;
    r->unparsed_uri = uri;

    return NGX_OK;
}


static social_signed_url_status_e
ngx_http_social_signature_of_cookies(ngx_http_request_t *r,
    ngx_http_social_signature_loc_conf_t *slcf)
{
    ngx_uint_t                   i;
    ngx_list_part_t             *part;
    ngx_table_elt_t             *h;
    social_signed_url_status_e   status, got;

    status = SOCIAL_SIGNED_URL_NONE;

    /* HTTP/2 splits the header into lines (RFC 9113, 8.2.3) */

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash == 0 || h[i].key.len != sizeof("cookie") - 1
                || ngx_strncasecmp(h[i].key.data, (u_char *) "cookie",
                                   sizeof("cookie") - 1)
                   != 0)
            {
                continue;
            }

            got = social_signed_url_verify_cookies(
                      ngx_http_social_view(&r->uri),
                      ngx_http_social_view(&h[i].value),
                      ngx_http_social_view(&slcf->cookie),
                      slcf->secret->values, ngx_time());

            if (got != SOCIAL_SIGNED_URL_NONE) {
                status = got;
            }

            if (got == SOCIAL_SIGNED_URL_OK
                || got == SOCIAL_SIGNED_URL_FAILED)
            {
                return got;
            }
        }
    }

    return status;
}


static char *
ngx_http_social_signature_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_signature_loc_conf_t  *slcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (slcf->enable != NGX_CONF_UNSET) {
        return ngx_http_social_conf_duplicate(cf);
    }

    ngx_http_social_conf_position(cf, &slcf->position);

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (cf->args->nelts != 2) {
            return ngx_http_social_conf_error(cf, NULL,
                       "\"off\" has parameters in "
                       "\"social_require_signature\" directive");
        }

        slcf->enable = 0;

        return NGX_CONF_OK;
    }

    slcf->enable = 1;

    return ngx_http_social_conf_params(cf, ngx_http_social_signature_params, 1,
                                       0, 0, slcf);
}


static void *
ngx_http_social_signature_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_social_signature_main_conf_t));
}


static void *
ngx_http_social_signature_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_social_signature_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_signature_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->enable = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_social_signature_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_social_signature_loc_conf_t  *prev = parent;
    ngx_http_social_signature_loc_conf_t  *conf = child;

    ngx_http_social_signature_main_conf_t  *smcf;

    if (conf->enable == NGX_CONF_UNSET) {

        if (prev->enable == NGX_CONF_UNSET) {
            prev->enable = 0;
        }

        *conf = *prev;
    }

    if (!conf->enable) {
        return NGX_CONF_OK;
    }

    conf->secret = ngx_http_social_secret_find(cf, &conf->secret_name);

    if (conf->secret == NULL) {
        return ngx_http_social_conf_error(cf, &conf->position,
                   "unknown secret \"%V\" (add \"social_secret %V\" to the "
                   "\"http\" block) in \"social_require_signature\" "
                   "directive", &conf->secret_name, &conf->secret_name);
    }

    smcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_signature_module);
    smcf->used = 1;

    ngx_http_social_use(cf);
    ngx_http_social_error_use(cf);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_social_signature_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt                    *h;
    ngx_http_core_main_conf_t              *cmcf;
    ngx_http_social_signature_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_signature_module);

    if (!smcf->used) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    /* runs before the handlers of tokens, which cost more */

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_social_signature_handler;

    return NGX_OK;
}
