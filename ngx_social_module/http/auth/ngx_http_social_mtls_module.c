
/*
 * "social_auth_mtls": tokens that are bound to the certificate of a client.
 */

#include "ngx_http_social_binding.h"
#include "ngx_http_social_resource.h"


typedef struct {
    ngx_http_social_mtls_t  *mtls;          /* NULL: off */
} ngx_http_social_mtls_loc_conf_t;


static ngx_int_t ngx_http_social_mtls_peer(ngx_http_request_t *r,
    u_char digest[SOCIAL_SHA256_SIZE]);
static char *ngx_http_social_mtls_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_social_mtls_certificate(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
static void *ngx_http_social_mtls_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_mtls_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);


static const ngx_http_social_conf_entry_t  ngx_http_social_mtls_params[] = {

    { ngx_string("certificate"),
      0,
      ngx_http_social_mtls_certificate,
      offsetof(ngx_http_social_mtls_t, certificate), 0, 0, NULL },

      ngx_http_social_conf_null_entry
};


static ngx_command_t  ngx_http_social_mtls_commands[] = {

    { ngx_string("social_auth_mtls"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_social_mtls_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_mtls_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_social_mtls_create_loc_conf,  /* create location configuration */
    ngx_http_social_mtls_merge_loc_conf    /* merge location configuration */
};


ngx_module_t  ngx_http_social_mtls_module = {
    NGX_MODULE_V1,
    &ngx_http_social_mtls_module_ctx,      /* module context */
    ngx_http_social_mtls_commands,         /* module directives */
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


ngx_http_social_mtls_t *
ngx_http_social_mtls(ngx_http_request_t *r)
{
    ngx_http_social_mtls_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_social_mtls_module);

    return mlcf->mtls;
}


ngx_int_t
ngx_http_social_mtls_digest(ngx_http_request_t *r,
    ngx_http_social_mtls_t *mtls, u_char digest[SOCIAL_SHA256_SIZE])
{
    u_char     *buf;
    ngx_str_t   text;

    if (mtls->certificate == NULL) {
        return ngx_http_social_mtls_peer(r, digest);
    }

    if (ngx_http_complex_value(r, mtls->certificate, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (text.len == 0) {
        return NGX_DECLINED;
    }

    buf = ngx_pnalloc(r->pool, text.len);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    switch (social_certificate_digest(ngx_http_social_view(&text), buf,
                                      digest))
    {
    case SOCIAL_OK:
        return NGX_OK;

    case SOCIAL_FAILED:
        return NGX_ERROR;

    default:
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "social: no certificate in the value of "
                      "\"certificate\" of \"social_auth_mtls\"");

        return NGX_DECLINED;
    }
}


/*
 * That of the connection's other end, which has shown in the handshake that it
 * has the key.  Whether its issuer is known is for "ssl_verify_client" to say:
 * a certificate may be the client's own (RFC 8705, 2.2).
 */

static ngx_int_t
ngx_http_social_mtls_peer(ngx_http_request_t *r,
    u_char digest[SOCIAL_SHA256_SIZE])
{
#if (NGX_HTTP_SSL)

    int            rc;
    X509          *cert;
    unsigned int   len;

    if (r->connection->ssl == NULL) {
        return NGX_DECLINED;
    }

    cert = SSL_get1_peer_certificate(r->connection->ssl->connection);
    if (cert == NULL) {
        return NGX_DECLINED;
    }

    rc = X509_digest(cert, EVP_sha256(), digest, &len);

    X509_free(cert);

    if (rc != 1 || len != SOCIAL_SHA256_SIZE) {
        ERR_clear_error();
        return NGX_ERROR;
    }

    return NGX_OK;

#else

    return NGX_DECLINED;

#endif
}


static char *
ngx_http_social_mtls_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_social_mtls_loc_conf_t *mlcf = conf;

    ngx_str_t               *value;
    ngx_http_social_mtls_t  *mtls;

    value = cf->args->elts;

    if (mlcf->mtls != NGX_CONF_UNSET_PTR) {
        return ngx_http_social_conf_duplicate(cf);
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (cf->args->nelts != 2) {
            return ngx_http_social_conf_error(cf, NULL,
                       "\"off\" has parameters in \"social_auth_mtls\" "
                       "directive");
        }

        mlcf->mtls = NULL;

        return NGX_CONF_OK;
    }

    mtls = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_mtls_t));
    if (mtls == NULL) {
        return NGX_CONF_ERROR;
    }

    mlcf->mtls = mtls;

    if (ngx_strcmp(value[1].data, "required") == 0) {
        mtls->mode = NGX_HTTP_SOCIAL_BINDING_REQUIRED;

    } else if (ngx_strcmp(value[1].data, "optional") == 0) {
        mtls->mode = NGX_HTTP_SOCIAL_BINDING_OPTIONAL;

    } else {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid parameter \"%V\" in \"social_auth_mtls\" "
                   "directive, the first one must be \"off\", \"optional\" or "
                   "\"required\"", &value[1]);
    }

    return ngx_http_social_conf_params(cf, ngx_http_social_mtls_params, 2, 0, 0,
                                       mtls);
}


static char *
ngx_http_social_mtls_certificate(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    ngx_http_social_mtls_t *mtls = conf;

    ngx_http_compile_complex_value_t  ccv;

    if (value->len < 2 || value->data[0] != '$') {
        return ngx_http_social_conf_invalid(cf, entry, value,
                                            "it must be a variable");
    }

    mtls->certificate = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (mtls->certificate == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = value;
    ccv.complex_value = mtls->certificate;

    return ngx_http_compile_complex_value(&ccv) == NGX_OK ? NGX_CONF_OK
                                                          : NGX_CONF_ERROR;
}


static void *
ngx_http_social_mtls_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_social_mtls_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_mtls_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->mtls = NGX_CONF_UNSET_PTR;

    return conf;
}


static char *
ngx_http_social_mtls_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_social_mtls_loc_conf_t *prev = parent;
    ngx_http_social_mtls_loc_conf_t *conf = child;

    ngx_http_social_resource_t       *resource;
    ngx_http_social_auth_loc_conf_t  *alcf;

    ngx_conf_merge_ptr_value(conf->mtls, prev->mtls, NULL);

    resource = ngx_http_social_resource_of(cf);
    alcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_social_auth_module);

    if (resource != NULL && alcf->issuers != NULL) {

        if (conf->mtls != NULL
            && conf->mtls->mode == NGX_HTTP_SOCIAL_BINDING_REQUIRED)
        {
            resource->mtls = 1;

        } else {
            resource->uncertified = 1;
        }
    }

    return NGX_CONF_OK;
}
