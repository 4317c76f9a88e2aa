
/*
 * "social_s3_sign": requests that "proxy_pass" sends to a private bucket are
 * signed.
 *
 * A signature is of what is sent, and nginx makes that after it has looked into
 * its cache: the URI by "proxy_pass" in one of its forms, GET in place of HEAD.
 * So the handler of the proxy is called by the one of this module, which then
 * stands between it and the upstream: it has the proxy make the request, reads
 * it, and passes on the signed one.
 */

#include "ngx_http_social.h"
#include "ngx_http_social_bucket.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_reply.h"
#include "social_s3_sign.h"


typedef struct {
    ngx_http_social_position_t   position;
    ngx_str_t                    bucket_name;
    ngx_http_social_bucket_t    *bucket;      /* NULL: nothing is signed */
    ngx_array_t                 *args;        /* "args=", social_str_t */
    ngx_http_handler_pt          handler;     /* of "proxy_pass" */
} ngx_http_social_s3_sign_loc_conf_t;


typedef struct {
    ngx_int_t                  (*create_request)(ngx_http_request_t *r);
} ngx_http_social_s3_sign_ctx_t;


static ngx_int_t ngx_http_social_s3_sign_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_s3_sign_args(ngx_http_request_t *r,
    ngx_http_social_s3_sign_loc_conf_t *sslcf);
static ngx_int_t ngx_http_social_s3_sign_check(ngx_http_request_t *r,
    ngx_http_social_s3_sign_loc_conf_t *sslcf);
static ngx_int_t ngx_http_social_s3_sign_create_request(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_s3_sign_head(ngx_http_request_t *r,
    ngx_http_social_s3_sign_loc_conf_t *sslcf, social_credentials_t *keys,
    ngx_buf_t *b);
static void ngx_http_social_s3_sign_log_unsupported(ngx_http_request_t *r,
    ngx_http_social_s3_sign_loc_conf_t *sslcf);
static ngx_int_t ngx_http_social_s3_sign_replace(ngx_http_request_t *r,
    ngx_buf_t *b, social_str_t made, social_str_t uri);

static ngx_uint_t ngx_http_social_s3_sign_is_arg(ngx_str_t *value);
static char *ngx_http_social_s3_sign_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static void *ngx_http_social_s3_sign_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_s3_sign_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_social_s3_sign_set(ngx_conf_t *cf,
    ngx_http_social_s3_sign_loc_conf_t *conf);


static const ngx_http_social_conf_check_t  ngx_http_social_s3_sign_arg = {
    ngx_http_social_s3_sign_is_arg,
    "it must be the name of a parameter, and of none that signs"
};


static const ngx_http_social_conf_entry_t  ngx_http_social_s3_sign_params[] = {

    { ngx_string("args"),
      0,
      ngx_http_social_conf_commas,
      offsetof(ngx_http_social_s3_sign_loc_conf_t, args),
      0, 0, &ngx_http_social_s3_sign_arg },

      ngx_http_social_conf_null_entry
};


static ngx_command_t  ngx_http_social_s3_sign_commands[] = {

    { ngx_string("social_s3_sign"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_social_s3_sign_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_s3_sign_module_ctx = {
    NULL,                                    /* preconfiguration */
    NULL,                                    /* postconfiguration */

    NULL,                                    /* create main configuration */
    NULL,                                    /* init main configuration */

    NULL,                                    /* create server configuration */
    NULL,                                    /* merge server configuration */

    ngx_http_social_s3_sign_create_loc_conf,
                                             /* create location configuration */
    ngx_http_social_s3_sign_merge_loc_conf   /* merge location configuration */
};


ngx_module_t  ngx_http_social_s3_sign_module = {
    NGX_MODULE_V1,
    &ngx_http_social_s3_sign_module_ctx,   /* module context */
    ngx_http_social_s3_sign_commands,      /* module directives */
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
ngx_http_social_s3_sign_handler(ngx_http_request_t *r)
{
    ngx_int_t                            rc;
    ngx_http_upstream_t                 *u;
    ngx_http_social_s3_sign_ctx_t       *ctx;
    ngx_http_social_s3_sign_loc_conf_t  *sslcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_http_social_reply_not_allowed(r, "GET, HEAD");
    }

    /* a body is nothing to wait for: nothing of it would be signed */

    if (r->headers_in.content_length_n > 0 || r->headers_in.chunked) {
        return NGX_HTTP_BAD_REQUEST;
    }

    r->headers_in.content_length_n = -1;

    sslcf = ngx_http_get_module_loc_conf(r, ngx_http_social_s3_sign_module);

    ctx = ngx_palloc(r->pool, sizeof(ngx_http_social_s3_sign_ctx_t));

    if (ctx == NULL || ngx_http_social_s3_sign_args(r, sslcf) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /*
     * While r->aio is set, ngx_http_upstream_init(), which the proxy's handler
     * calls at once as there is no body, leaves all to be done until later.
     */

    r->aio = 1;

    rc = sslcf->handler(r);

    r->aio = 0;

    if (rc != NGX_DONE) {
        return rc;
    }

    u = r->upstream;

    rc = ngx_http_social_s3_sign_check(r, sslcf);

    if (rc != NGX_OK) {

        /* the reference that reading of the body has added */

        r->main->count--;
        return rc;
    }

    ctx->create_request = u->create_request;
    u->create_request = ngx_http_social_s3_sign_create_request;

    ngx_http_set_ctx(r, ctx, ngx_http_social_s3_sign_module);

    ngx_http_upstream_init(r);

    return NGX_DONE;
}


/*
 * Leaves of the arguments those that are to be passed, so that neither the
 * bucket nor the key of the cache has any other.
 */

static ngx_int_t
ngx_http_social_s3_sign_args(ngx_http_request_t *r,
    ngx_http_social_s3_sign_loc_conf_t *sslcf)
{
    size_t         path;
    u_char        *p;
    social_buf_t   b;
    social_str_t   args;

    for (path = 0; path < r->unparsed_uri.len; path++) {
        if (r->unparsed_uri.data[path] == '?') {
            break;
        }
    }

    if (r->args.len == 0) {
        r->unparsed_uri.len = path;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, path + 1 + r->args.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, r->unparsed_uri.data, path);
    p[path] = '?';

    social_buf_init(&b, p + path + 1, r->args.len);

    args = social_s3_sign_args(&b, ngx_http_social_view(&r->args),
                               sslcf->args ? sslcf->args->elts : NULL,
                               sslcf->args ? sslcf->args->nelts : 0);

    ngx_http_social_from_str(&r->args, args);

    r->unparsed_uri.data = p;
    r->unparsed_uri.len = path + (args.len ? 1 + args.len : 0);

    return NGX_OK;
}


/*
 * Looks at the request that the proxy would send, before the cache does: what
 * cannot be an object is not there.
 */

static ngx_int_t
ngx_http_social_s3_sign_check(ngx_http_request_t *r,
    ngx_http_social_s3_sign_loc_conf_t *sslcf)
{
    u_char                decoded[SOCIAL_OBJECT_MAX_KEY];
    ngx_buf_t            *b;
    ngx_str_t            *module;
    social_buf_t          work;
    social_str_t          key;
    ngx_http_upstream_t  *u;
    social_credentials_t  keys;

    u = r->upstream;
    module = u ? &u->conf->module : NULL;

    if (module == NULL || module->len != sizeof("proxy") - 1
        || ngx_strncmp(module->data, "proxy", module->len) != 0)
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "social: requests of \"proxy_pass\" only can be signed");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* the proxy keeps it of a HEAD that there is no body to read */

    ngx_str_set(&u->method, "GET");

    if (u->create_request(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b = u->request_bufs->buf;

    if (b->last - b->pos < 4 || ngx_strncmp(b->pos, "GET ", 4) != 0) {
        /* of HTTP/2 */
        ngx_http_social_s3_sign_log_unsupported(r, sslcf);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_null(&u->method);
    u->request_bufs = NULL;

    social_buf_init(&work, decoded, sizeof(decoded));

    if (social_s3_sign_key(&work, ngx_http_social_view(&u->uri), &key)
        != SOCIAL_OK)
    {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "social: the URI is not that of an object");
        return NGX_HTTP_NOT_FOUND;
    }

#if (NGX_HTTP_CACHE)

    /* what is cached needs no credentials */

    if (u->conf->cache) {
        return NGX_OK;
    }

#endif

    if (ngx_http_social_bucket_credentials(sslcf->bucket, &keys) != NGX_OK) {
        return ngx_http_social_reply_unavailable(r);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_s3_sign_create_request(ngx_http_request_t *r)
{
    ngx_chain_t                         *cl;
    social_credentials_t                 keys;
    ngx_http_social_s3_sign_ctx_t       *ctx;
    ngx_http_social_s3_sign_loc_conf_t  *sslcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_s3_sign_module);
    sslcf = ngx_http_get_module_loc_conf(r, ngx_http_social_s3_sign_module);

    if (ctx->create_request(r) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_social_bucket_credentials(sslcf->bucket, &keys) != NGX_OK) {

        /* nginx has one status for all that goes wrong here */

        if (ngx_http_social_reply_unavailable(r)
            == NGX_HTTP_SERVICE_UNAVAILABLE)
        {
            ngx_http_social_error_instead(r, NGX_HTTP_SERVICE_UNAVAILABLE);
        }

        return NGX_ERROR;
    }

    cl = r->upstream->request_bufs;

    if (cl->next != NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "social: a request with a body cannot be signed");
        return NGX_ERROR;
    }

    return ngx_http_social_s3_sign_head(r, sslcf, &keys, cl->buf);
}


static ngx_int_t
ngx_http_social_s3_sign_head(ngx_http_request_t *r,
    ngx_http_social_s3_sign_loc_conf_t *sslcf, social_credentials_t *keys,
    ngx_buf_t *b)
{
    size_t             size;
    u_char            *p;
    ngx_int_t          rc;
    social_rc_e        made;
    social_buf_t       work;
    social_str_t       head, text, uri;
    social_s3_sign_t   sign;

    head.data = b->pos;
    head.len = b->last - b->pos;

    size = social_s3_sign_size(head.len);

    p = ngx_alloc(size, r->connection->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&sign, sizeof(social_s3_sign_t));

    sign.bucket = &sslcf->bucket->target;
    sign.credentials = keys;
    sign.now = ngx_time();

    if (sslcf->args) {
        sign.args = sslcf->args->elts;
        sign.arg_count = sslcf->args->nelts;
    }

    social_buf_init(&work, p, size);

    made = social_s3_sign_head(&sign, head, &work, &text, &uri);

    switch (made) {

    case SOCIAL_OK:
        rc = ngx_http_social_s3_sign_replace(r, b, text, uri);
        break;

    case SOCIAL_DECLINED:
        ngx_http_social_error_instead(r, NGX_HTTP_BAD_REQUEST);
        rc = NGX_ERROR;
        break;

    case SOCIAL_MALFORMED:
        ngx_http_social_s3_sign_log_unsupported(r, sslcf);
        rc = NGX_ERROR;
        break;

    default:
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "social: signing a request for bucket \"%V\" failed",
                      &sslcf->bucket->name);
        rc = NGX_ERROR;
    }

    /* a session token is among the headers */

    ngx_explicit_memzero(p, size);
    ngx_free(p);

    return rc;
}


static void
ngx_http_social_s3_sign_log_unsupported(ngx_http_request_t *r,
    ngx_http_social_s3_sign_loc_conf_t *sslcf)
{
    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "social: a request for bucket \"%V\" cannot be signed "
                  "(GET or HEAD of HTTP/1.0 or HTTP/1.1 without a body can)",
                  &sslcf->bucket->name);
}


/*
 * The head takes the place of the one that was made: when the request is sent
 * again, to another server, it is sent from "start".
 */

static ngx_int_t
ngx_http_social_s3_sign_replace(ngx_http_request_t *r, ngx_buf_t *b,
    social_str_t made, social_str_t uri)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, made.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, made.data, made.len);

    b->start = p;
    b->pos = p;
    b->last = p + made.len;
    b->end = b->last;

    r->upstream->uri.data = p + (uri.data - made.data);
    r->upstream->uri.len = uri.len;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_social_s3_sign_is_arg(ngx_str_t *value)
{
    return social_s3_sign_may_pass(ngx_http_social_view(value));
}


static char *
ngx_http_social_s3_sign_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_s3_sign_loc_conf_t  *sslcf = conf;

    ngx_str_t  *value;

    if (sslcf->bucket_name.data != NULL) {
        return ngx_http_social_conf_duplicate(cf);
    }

    ngx_http_social_conf_position(cf, &sslcf->position);

    value = cf->args->elts;
    sslcf->bucket_name = value[1];

    return ngx_http_social_conf_params(cf, ngx_http_social_s3_sign_params, 2,
                                       0, 0, sslcf);
}


static void *
ngx_http_social_s3_sign_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_social_s3_sign_loc_conf_t));
}


/*
 * The proxy's module has been merged before.  As "proxy_pass" itself, this is
 * not inherited by nested locations, but by an "if" or a "limit_except".
 */

static char *
ngx_http_social_s3_sign_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_social_s3_sign_loc_conf_t  *prev = parent;
    ngx_http_social_s3_sign_loc_conf_t  *conf = child;

    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (conf->bucket_name.data != NULL) {
        return ngx_http_social_s3_sign_set(cf, conf);
    }

    if (!clcf->noname || prev->bucket == NULL) {
        return NGX_CONF_OK;
    }

    *conf = *prev;

    if (clcf->handler != NULL) {
        conf->handler = clcf->handler;
        clcf->handler = ngx_http_social_s3_sign_handler;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_social_s3_sign_set(ngx_conf_t *cf,
    ngx_http_social_s3_sign_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    conf->bucket = ngx_http_social_bucket_find(cf, &conf->bucket_name);

    if (conf->bucket == NULL) {
        return ngx_http_social_conf_error(cf, &conf->position,
                   "unknown bucket \"%V\" (add \"social_bucket %V\" to the "
                   "\"http\" block) in \"social_s3_sign\" directive",
                   &conf->bucket_name, &conf->bucket_name);
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler == NULL) {
        return ngx_http_social_conf_error(cf, &conf->position,
                   "there is no \"proxy_pass\" in the location of "
                   "\"social_s3_sign\" directive");
    }

    conf->handler = clcf->handler;
    clcf->handler = ngx_http_social_s3_sign_handler;

    ngx_http_social_use(cf);
    ngx_http_social_error_use(cf);

    return NGX_CONF_OK;
}
