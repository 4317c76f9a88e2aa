
/*
 * "social_health_check": its parameters.
 */

#include "ngx_http_social_check.h"
#include "social_host.h"


static char *ngx_http_social_check_status(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
static ngx_int_t ngx_http_social_check_range(social_str_t item,
    ngx_http_social_check_range_t *range);
static char *ngx_http_social_check_body_value(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
static ngx_uint_t ngx_http_social_check_is_uri(ngx_str_t *value);
static ngx_uint_t ngx_http_social_check_is_host(ngx_str_t *value);
static char *ngx_http_social_check_needs(ngx_conf_t *cf, const char *name,
    const char *what);
static char *ngx_http_social_check_clashes(ngx_conf_t *cf,
    ngx_http_social_check_conf_t *conf);
static ngx_int_t ngx_http_social_check_request(ngx_conf_t *cf,
    ngx_http_social_check_conf_t *conf);
static ngx_int_t ngx_http_social_check_tls(ngx_conf_t *cf,
    ngx_http_social_check_conf_t *conf);


static ngx_conf_enum_t  ngx_http_social_check_types[] = {
    { ngx_string("http"), NGX_HTTP_SOCIAL_CHECK_HTTP },
    { ngx_string("tcp"), NGX_HTTP_SOCIAL_CHECK_TCP },
    { ngx_null_string, 0 }
};


static const ngx_http_social_conf_check_t  ngx_http_social_check_uri = {
    ngx_http_social_check_is_uri,
    "it must begin with \"/\", and be without spaces"
};


static const ngx_http_social_conf_check_t  ngx_http_social_check_host = {
    ngx_http_social_check_is_host,
    "it must be a name or an address, and may have a port"
};


static const ngx_http_social_conf_entry_t
    ngx_http_social_health_check_params[] =
{

    { ngx_string("type"),
      0,
      ngx_http_social_conf_enum,
      offsetof(ngx_http_social_check_conf_t, type),
      0, 0, ngx_http_social_check_types },

    { ngx_string("uri"),
      0,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_check_conf_t, uri),
      0, 0, &ngx_http_social_check_uri },

    { ngx_string("host"),
      0,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_check_conf_t, host),
      0, 0, &ngx_http_social_check_host },

    { ngx_string("port"),
      0,
      ngx_http_social_conf_number,
      offsetof(ngx_http_social_check_conf_t, port),
      1, 65535, NULL },

    { ngx_string("interval"),
      0,
      ngx_http_social_conf_msec,
      offsetof(ngx_http_social_check_conf_t, interval),
      100, 3600000, NULL },

    { ngx_string("jitter"),
      0,
      ngx_http_social_conf_msec,
      offsetof(ngx_http_social_check_conf_t, jitter),
      0, 3600000, NULL },

    { ngx_string("timeout"),
      0,
      ngx_http_social_conf_msec,
      offsetof(ngx_http_social_check_conf_t, timeout),
      10, 3600000, NULL },

    { ngx_string("passes"),
      0,
      ngx_http_social_conf_number,
      offsetof(ngx_http_social_check_conf_t, passes),
      1, 1000, NULL },

    { ngx_string("fails"),
      0,
      ngx_http_social_conf_number,
      offsetof(ngx_http_social_check_conf_t, fails),
      1, 1000, NULL },

    { ngx_string("status"),
      0,
      ngx_http_social_check_status,
      offsetof(ngx_http_social_check_conf_t, status),
      0, 0, NULL },

    { ngx_string("body"),
      0,
      ngx_http_social_check_body_value,
      offsetof(ngx_http_social_check_conf_t, body),
      0, 0, NULL },

    { ngx_string("mandatory"),
      0,
      ngx_http_social_conf_flag,
      offsetof(ngx_http_social_check_conf_t, mandatory),
      0, 0, NULL },

    { ngx_string("tls"),
      0,
      ngx_http_social_conf_flag,
      offsetof(ngx_http_social_check_conf_t, tls),
      0, 0, NULL },

    { ngx_string("tls_verify"),
      0,
      ngx_http_social_conf_flag,
      offsetof(ngx_http_social_check_conf_t, tls_verify),
      0, 0, NULL },

    { ngx_string("tls_name"),
      0,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_check_conf_t, tls_name),
      0, 0, &ngx_http_social_check_host },

    { ngx_string("ca_file"),
      0,
      ngx_http_social_conf_file,
      offsetof(ngx_http_social_check_conf_t, ca_file),
      0, 0, NULL },

    { ngx_string("certificate"),
      0,
      ngx_http_social_conf_file,
      offsetof(ngx_http_social_check_conf_t, certificate),
      0, 0, NULL },

    { ngx_string("certificate_key"),
      0,
      ngx_http_social_conf_file,
      offsetof(ngx_http_social_check_conf_t, certificate_key),
      0, 0, NULL },

      ngx_http_social_conf_null_entry
};


char *
ngx_http_social_check_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_check_conf_t *ccf = conf;

    ngx_http_social_check_conf_t       **checked;
    ngx_http_social_check_main_conf_t   *cmcf;

    if (ccf->used) {
        return ngx_http_social_conf_duplicate(cf);
    }

    ccf->used = 1;
    ccf->upstream = ngx_http_conf_get_module_srv_conf(cf,
                                                     ngx_http_upstream_module);
    ngx_http_social_conf_position(cf, &ccf->position);

    if (ngx_http_social_conf_params(cf, ngx_http_social_health_check_params, 1,
                                    0, 0, ccf)
        != NGX_CONF_OK
        || ngx_http_social_check_clashes(cf, ccf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_check_module);

    checked = ngx_array_push(&cmcf->checked);
    if (checked == NULL) {
        return NGX_CONF_ERROR;
    }

    *checked = ccf;

    return NGX_CONF_OK;
}


/*
 * "200-299,404"
 */

static char *
ngx_http_social_check_status(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    ngx_array_t                    **field;
    social_str_t                     rest, item;
    ngx_http_social_check_range_t   *range;

    field = ngx_http_social_conf_field(conf, entry);

    *field = ngx_array_create(cf->pool, 4,
                              sizeof(ngx_http_social_check_range_t));
    if (*field == NULL) {
        return NGX_CONF_ERROR;
    }

    rest = ngx_http_social_view(value);

    while (social_str_next(&rest, ",", &item)) {

        range = ngx_array_push(*field);
        if (range == NULL) {
            return NGX_CONF_ERROR;
        }

        if (ngx_http_social_check_range(item, range) != NGX_OK) {
            goto invalid;
        }
    }

    if ((*field)->nelts) {
        return NGX_CONF_OK;
    }

invalid:

    return ngx_http_social_conf_invalid(cf, entry, value,
               "it must be statuses from 200 to 599, and ranges of these, as "
               "\"200-299,404\"");
}


static ngx_int_t
ngx_http_social_check_range(social_str_t item,
    ngx_http_social_check_range_t *range)
{
    ngx_int_t  first, last;

    if (item.len != 3 && (item.len != 7 || item.data[3] != '-')) {
        return NGX_ERROR;
    }

    first = ngx_atoi((u_char *) item.data, 3);
    last = ngx_atoi((u_char *) item.data + item.len - 3, 3);

    if (first < 200 || last > 599 || first > last) {
        return NGX_ERROR;
    }

    range->first = first;
    range->last = last;

    return NGX_OK;
}


/*
 * "text", or "~regex".
 */

static char *
ngx_http_social_check_body_value(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
#if (NGX_PCRE)
    u_char                        *p;
    ngx_regex_compile_t            rc;
    ngx_http_social_check_conf_t  *ccf = conf;
    u_char                         errstr[NGX_MAX_CONF_ERRSTR];

    /*
     * So that no body keeps the event loop for long.  The limit is one of each
     * place where a match may begin: there must be only one, which "\A" says.
     */

    static ngx_str_t  limit = ngx_string("(*LIMIT_MATCH=100000)\\A(?s:.*?)(?:");
#endif

    if (ngx_http_social_conf_word(cf, entry, value, n, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (value->data[0] != '~') {
        return NGX_CONF_OK;
    }

    if (value->len == 1) {
        return ngx_http_social_conf_invalid(cf, entry, value,
                   "a regular expression must follow \"~\"");
    }

#if (NGX_PCRE)

    ngx_memzero(&rc, sizeof(ngx_regex_compile_t));

    rc.pattern.len = limit.len + value->len;
    rc.pattern.data = ngx_pnalloc(cf->pool, rc.pattern.len + 1);
    if (rc.pattern.data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_cpymem(rc.pattern.data, limit.data, limit.len);
    p = ngx_cpymem(p, value->data + 1, value->len - 1);
    *p++ = ')';
    *p = '\0';

    rc.pool = cf->pool;
    rc.err.len = NGX_MAX_CONF_ERRSTR;
    rc.err.data = errstr;

    if (ngx_regex_compile(&rc) != NGX_OK) {
        return ngx_http_social_conf_invalid(cf, entry, value, "%V", &rc.err);
    }

    ccf->regex = rc.regex;

    return NGX_CONF_OK;

#else

    return ngx_http_social_conf_invalid(cf, entry, value,
               "a regular expression needs nginx with PCRE");

#endif
}


static ngx_uint_t
ngx_http_social_check_is_uri(ngx_str_t *value)
{
    size_t  i;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] <= ' ' || value->data[i] >= 127) {
            return 0;
        }
    }

    return value->len && value->data[0] == '/';
}


static ngx_uint_t
ngx_http_social_check_is_host(ngx_str_t *value)
{
    social_str_t  host, port;

    return social_host_split(ngx_http_social_view(value), &host, &port) == NULL
           && social_host_check(host) == NULL;
}


static char *
ngx_http_social_check_needs(ngx_conf_t *cf, const char *name,
    const char *what)
{
    return ngx_http_social_conf_error(cf, NULL,
               "\"%s\" parameter of \"social_health_check\" directive is only "
               "for \"%s\"", name, what);
}


static char *
ngx_http_social_check_clashes(ngx_conf_t *cf,
    ngx_http_social_check_conf_t *conf)
{
    if (conf->type == NGX_HTTP_SOCIAL_CHECK_TCP) {

        if (conf->uri.len || conf->host.len || conf->status || conf->body.len)
        {
            return ngx_http_social_check_needs(cf,
                       conf->uri.len ? "uri" : conf->host.len ? "host"
                       : conf->status ? "status" : "body",
                       "type=http");
        }
    }

    if (conf->tls != 1) {

        if (conf->tls_verify != NGX_CONF_UNSET || conf->tls_name.len
            || conf->ca_file.len || conf->certificate.len
            || conf->certificate_key.len)
        {
            return ngx_http_social_check_needs(cf,
                       conf->tls_verify != NGX_CONF_UNSET ? "tls_verify"
                       : conf->tls_name.len ? "tls_name"
                       : conf->ca_file.len ? "ca_file"
                       : conf->certificate.len ? "certificate"
                       : "certificate_key",
                       "tls=on");
        }
    }

    if (conf->tls_verify == 0 && conf->ca_file.len) {
        return ngx_http_social_check_needs(cf, "ca_file", "tls_verify=on");
    }

    if ((conf->certificate.len == 0) != (conf->certificate_key.len == 0)) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_health_check\" directive must have both "
                   "\"certificate\" and \"certificate_key\" parameters, or "
                   "neither");
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_social_check_conf_init(ngx_conf_t *cf,
    ngx_http_social_check_conf_t *conf)
{
    ngx_str_t  *name;

    name = &conf->upstream->host;

#if (NGX_HTTP_UPSTREAM_ZONE)

    if (conf->upstream->shm_zone == NULL) {
        (void) ngx_http_social_conf_error(cf, &conf->position,
                   "\"social_health_check\" directive needs shared memory (add "
                   "\"zone %V 64k;\" to the block) in upstream \"%V\"",
                   name, name);
        return NGX_ERROR;
    }

#else

    (void) ngx_http_social_conf_error(cf, &conf->position,
               "\"social_health_check\" directive needs nginx with "
               "ngx_http_upstream_zone_module in upstream \"%V\"", name);
    return NGX_ERROR;

#endif

    ngx_conf_init_value(conf->mandatory, 0);
    ngx_conf_init_value(conf->tls, 0);
    ngx_conf_init_value(conf->tls_verify, 1);

    if (conf->uri.len == 0) {
        ngx_str_set(&conf->uri, "/");
    }

    if (conf->host.len == 0) {
        conf->host = *name;
    }

    if (ngx_http_social_check_request(cf, conf) != NGX_OK) {
        return NGX_ERROR;
    }

    return conf->tls ? ngx_http_social_check_tls(cf, conf) : NGX_OK;
}


static ngx_int_t
ngx_http_social_check_request(ngx_conf_t *cf,
    ngx_http_social_check_conf_t *conf)
{
    u_char  *p;
    size_t   len;

    len = sizeof("GET  HTTP/1.1\r\n"
                 "Host: \r\n"
                 "User-Agent: social_health_check\r\n"
                 "Accept: */*\r\n"
                 "Connection: close\r\n\r\n")
          + conf->uri.len + conf->host.len;

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    conf->request.data = p;

    p = ngx_sprintf(p, "GET %V HTTP/1.1\r\n"
                       "Host: %V\r\n"
                       "User-Agent: social_health_check\r\n"
                       "Accept: */*\r\n"
                       "Connection: close\r\n\r\n",
                    &conf->uri, &conf->host);

    conf->request.len = p - conf->request.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_check_tls(ngx_conf_t *cf, ngx_http_social_check_conf_t *conf)
{
#if (NGX_HTTP_SSL)

    social_str_t         host, port;
    ngx_str_t            name;
    ngx_pool_cleanup_t  *cln;

    /* without a port, and zero-terminated */

    if (conf->tls_name.len == 0) {
        conf->tls_name = conf->host;
    }

    (void) social_host_split(ngx_http_social_view(&conf->tls_name), &host,
                             &port);

    conf->tls_address = host.len && social_host_is_address(host);

    if (host.len > 2 && host.data[0] == '[') {
        host.data++;
        host.len -= 2;
    }

    ngx_http_social_from_str(&name, host);

    conf->tls_name.len = name.len;
    conf->tls_name.data = ngx_pnalloc(cf->pool, name.len + 1);

    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (conf->tls_name.data == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(conf->tls_name.data, name.data, name.len + 1);

    conf->ssl.log = cf->log;

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = &conf->ssl;

    if (ngx_ssl_create(&conf->ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (conf->certificate.len
        && ngx_ssl_certificate(cf, &conf->ssl, &conf->certificate,
                               &conf->certificate_key, NULL)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!conf->tls_verify) {
        return NGX_OK;
    }

    if (conf->ca_file.len) {
        return ngx_ssl_trusted_certificate(cf, &conf->ssl, &conf->ca_file, 9);
    }

    /* the system's authorities: a client's result is there without a mode */

    /* and not their directory, where files would be read in each handshake */

    if (SSL_CTX_set_default_verify_file(conf->ssl.ctx) == 0) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "SSL_CTX_set_default_verify_file() failed");
        return NGX_ERROR;
    }

    if (sk_X509_OBJECT_num(X509_STORE_get0_objects(
                                   SSL_CTX_get_cert_store(conf->ssl.ctx)))
        <= 0)
    {
        (void) ngx_http_social_conf_error(cf, &conf->position,
                   "this system has no certificates of authorities: add "
                   "\"ca_file\" to \"social_health_check\" in upstream \"%V\"",
                   &conf->upstream->host);
        return NGX_ERROR;
    }

    return NGX_OK;

#else

    (void) ngx_http_social_conf_error(cf, &conf->position,
               "\"tls\" parameter of \"social_health_check\" directive needs "
               "nginx with ngx_http_ssl_module in upstream \"%V\"",
               &conf->upstream->host);
    return NGX_ERROR;

#endif
}
