
/*
 * The "social_bucket" block.
 */

#include "ngx_http_social_bucket.h"
#include "social_net_credentials.h"
#include "social_url.h"


typedef struct {
    ngx_array_t            buckets;      /* of ngx_http_social_bucket_t * */
} ngx_http_social_bucket_main_conf_t;


static char *ngx_http_social_bucket_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_social_bucket_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static char *ngx_http_social_bucket_set(ngx_conf_t *cf,
    ngx_http_social_bucket_t *bucket, ngx_str_t *value);
static char *ngx_http_social_bucket_set_word(ngx_conf_t *cf, ngx_str_t *field,
    ngx_str_t *value);
static char *ngx_http_social_bucket_set_endpoint(ngx_conf_t *cf,
    ngx_str_t *field, ngx_str_t *value);
static char *ngx_http_social_bucket_set_credentials(ngx_conf_t *cf,
    ngx_http_social_bucket_t *bucket);
static ngx_int_t ngx_http_social_bucket_copy(ngx_conf_t *cf, social_str_t *to,
    social_str_t from);
static char *ngx_http_social_bucket_finish(ngx_conf_t *cf,
    ngx_http_social_bucket_t *bucket);
static char *ngx_http_social_bucket_target(ngx_conf_t *cf,
    ngx_http_social_bucket_t *bucket, ngx_str_t *endpoint, const char *name,
    social_bucket_t *target);
static void *ngx_http_social_bucket_create_main_conf(ngx_conf_t *cf);


static ngx_command_t  ngx_http_social_bucket_commands[] = {

    { ngx_string("social_bucket"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_social_bucket_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_bucket_module_ctx = {
    NULL,                                     /* preconfiguration */
    NULL,                                     /* postconfiguration */

    ngx_http_social_bucket_create_main_conf,  /* create main configuration */
    NULL,                                     /* init main configuration */

    NULL,                                     /* create server configuration */
    NULL,                                     /* merge server configuration */

    NULL,                                     /* create location conf */
    NULL                                      /* merge location conf */
};


ngx_module_t  ngx_http_social_bucket_module = {
    NGX_MODULE_V1,
    &ngx_http_social_bucket_module_ctx,    /* module context */
    ngx_http_social_bucket_commands,       /* module directives */
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


ngx_http_social_bucket_t *
ngx_http_social_bucket_find(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t                            i;
    ngx_http_social_bucket_t            **buckets;
    ngx_http_social_bucket_main_conf_t   *bmcf;

    bmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_bucket_module);
    buckets = bmcf->buckets.elts;

    for (i = 0; i < bmcf->buckets.nelts; i++) {
        if (buckets[i]->name.len == name->len
            && ngx_memcmp(buckets[i]->name.data, name->data, name->len) == 0)
        {
            return buckets[i];
        }
    }

    return NULL;
}


static char *
ngx_http_social_bucket_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_social_bucket_main_conf_t  *bmcf = conf;

    char                       *rv;
    ngx_str_t                  *value;
    ngx_conf_t                  save;
    ngx_http_social_bucket_t   *bucket, **slot;

    value = cf->args->elts;

    if (value[1].len == 0 || ngx_http_social_bucket_find(cf, &value[1])) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_bucket %V\" is duplicate or has no name: give "
                   "each one a name of its own", &value[1]);
    }

    bucket = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_bucket_t));
    slot = ngx_array_push(&bmcf->buckets);

    if (bucket == NULL || slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = bucket;

    bucket->name = value[1];
    bucket->path_style = NGX_CONF_UNSET;

    ngx_http_social_conf_position(cf, &bucket->position);

    save = *cf;

    cf->handler = ngx_http_social_bucket_line;
    cf->handler_conf = (void *) bucket;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_http_social_bucket_finish(cf, bucket);
}


static char *
ngx_http_social_bucket_line(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_str_t                 *value;
    ngx_http_social_bucket_t  *bucket;

    bucket = (ngx_http_social_bucket_t *) cf->handler_conf;
    value = cf->args->elts;

    if (ngx_strcmp(value[0].data, "include") == 0 && cf->args->nelts == 2) {
        return ngx_conf_include(cf, dummy, conf);
    }

    if (ngx_strcmp(value[0].data, "credentials") == 0) {
        return ngx_http_social_bucket_set_credentials(cf, bucket);
    }

    if (cf->args->nelts != 2) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid number of arguments in \"%V\": it takes one "
                   "value", &value[0]);
    }

    return ngx_http_social_bucket_set(cf, bucket, value);
}


static char *
ngx_http_social_bucket_set(ngx_conf_t *cf, ngx_http_social_bucket_t *bucket,
    ngx_str_t *value)
{
    if (ngx_strcmp(value[0].data, "bucket") == 0) {
        return ngx_http_social_bucket_set_word(cf, &bucket->bucket, value);
    }

    if (ngx_strcmp(value[0].data, "region") == 0) {
        return ngx_http_social_bucket_set_word(cf, &bucket->region, value);
    }

    if (ngx_strcmp(value[0].data, "endpoint") == 0) {
        return ngx_http_social_bucket_set_endpoint(cf, &bucket->endpoint,
                                                   value);
    }

    if (ngx_strcmp(value[0].data, "public_endpoint") == 0) {
        return ngx_http_social_bucket_set_endpoint(cf,
                   &bucket->public_endpoint, value);
    }

    if (ngx_strcmp(value[0].data, "path_style") == 0) {

        if (bucket->path_style != NGX_CONF_UNSET) {
            return ngx_http_social_conf_error(cf, NULL,
                       "\"path_style\" is duplicate: say it once in this "
                       "\"social_bucket\"");
        }

        if (ngx_strcmp(value[1].data, "on") == 0) {
            bucket->path_style = 1;
            return NGX_CONF_OK;
        }

        if (ngx_strcmp(value[1].data, "off") == 0) {
            bucket->path_style = 0;
            return NGX_CONF_OK;
        }

        return ngx_http_social_conf_error(cf, NULL,
                   "invalid value \"%V\" in \"path_style\": it must be \"on\" "
                   "or \"off\"", &value[1]);
    }

    return ngx_http_social_conf_error(cf, NULL,
               "unknown parameter \"%V\" in \"social_bucket\": it takes "
               "bucket, region, endpoint, public_endpoint, path_style and "
               "credentials", &value[0]);
}


/*
 * The names of buckets and regions are of the same letters.
 * (AWS: Amazon S3, Bucket naming rules)
 */

static char *
ngx_http_social_bucket_set_word(ngx_conf_t *cf, ngx_str_t *field,
    ngx_str_t *value)
{
    u_char      ch;
    ngx_uint_t  i;

    if (field->len) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"%V\" is duplicate: say it once in this "
                   "\"social_bucket\"", &value[0]);
    }

    for (i = 0; i < value[1].len; i++) {
        ch = value[1].data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
              || ch == '-' || (ch == '.' && i != 0)))
        {
            break;
        }
    }

    if (value[1].len < 2 || value[1].len > 63 || i < value[1].len) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid value \"%V\" in \"%V\": it must be of small "
                   "letters, digits, dots and dashes, 63 at most",
                   &value[1], &value[0]);
    }

    *field = value[1];

    return NGX_CONF_OK;
}


static char *
ngx_http_social_bucket_set_endpoint(ngx_conf_t *cf, ngx_str_t *field,
    ngx_str_t *value)
{
    const char  *why;
    ngx_uint_t   i;

    if (field->len) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"%V\" is duplicate: say it once in this "
                   "\"social_bucket\"", &value[0]);
    }

    if (social_url_check(ngx_http_social_view(&value[1]), true, &why)
        != SOCIAL_OK)
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid URL \"%V\" in \"%V\": %s",
                   &value[1], &value[0], why);
    }

    *field = value[1];

    /* the path follows, which begins with a slash of its own */

    for (i = field->len; i && field->data[i - 1] == '/'; i--) { /* void */ }

    field->len = i;

    return NGX_CONF_OK;
}


static char *
ngx_http_social_bucket_set_credentials(ngx_conf_t *cf,
    ngx_http_social_bucket_t *bucket)
{
    char                        error[SOCIAL_NET_ERROR_SIZE];
    ngx_str_t                  *value, name;
    social_net_credentials_t    credentials;

    value = cf->args->elts;

    if (bucket->credentials.access_key.len) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"credentials\" is duplicate: say it once in this "
                   "\"social_bucket\"");
    }

    /* "env" has no value, the others have one */

    if (cf->args->nelts < 2
        || cf->args->nelts
           != (ngx_strcmp(value[1].data, "env") == 0 ? 2u : 3u))
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"credentials\" takes \"env\", \"file PATH\", or "
                   "\"profile NAME\"");
    }

    name = value[cf->args->nelts - 1];

    if (ngx_strcmp(value[1].data, "file") == 0
        && ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (social_net_credentials_read((char *) value[1].data,
                                    (char *) name.data, &credentials, error)
        != SOCIAL_OK)
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "cannot read \"credentials\" (%s)", error);
    }

    if (ngx_http_social_bucket_copy(cf, &bucket->credentials.access_key,
                                    credentials.keys.access_key)
        != NGX_OK
        || ngx_http_social_bucket_copy(cf, &bucket->credentials.secret,
                                       credentials.keys.secret)
           != NGX_OK
        || ngx_http_social_bucket_copy(cf, &bucket->credentials.token,
                                       credentials.keys.token)
           != NGX_OK)
    {
        social_net_credentials_free(&credentials);
        return NGX_CONF_ERROR;
    }

    social_net_credentials_free(&credentials);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_social_bucket_copy(ngx_conf_t *cf, social_str_t *to,
    social_str_t from)
{
    u_char  *copy;

    copy = ngx_pnalloc(cf->pool, from.len + 1);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    if (from.len) {
        ngx_memcpy(copy, from.data, from.len);
    }

    to->data = copy;
    to->len = from.len;

    return NGX_OK;
}


static char *
ngx_http_social_bucket_finish(ngx_conf_t *cf, ngx_http_social_bucket_t *bucket)
{
    if (bucket->bucket.len == 0) {
        bucket->bucket = bucket->name;
    }

    if (bucket->region.len == 0) {
        return ngx_http_social_conf_error(cf, &bucket->position,
                   "\"social_bucket %V\" says no \"region\", which signatures "
                   "cover", &bucket->name);
    }

    if (bucket->credentials.access_key.len == 0) {
        return ngx_http_social_conf_error(cf, &bucket->position,
                   "\"social_bucket %V\" says no \"credentials\": it takes "
                   "\"env\", \"file PATH\", or \"profile NAME\"",
                   &bucket->name);
    }

    /* stores other than S3 are found by path more often than by host */

    ngx_conf_init_value(bucket->path_style, bucket->endpoint.len != 0);

    if (ngx_http_social_bucket_target(cf, bucket, &bucket->endpoint,
                                      "endpoint", &bucket->target)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_social_bucket_target(cf, bucket,
               bucket->public_endpoint.len ? &bucket->public_endpoint
                                           : &bucket->endpoint,
               "public_endpoint", &bucket->public_target);
}


static char *
ngx_http_social_bucket_target(ngx_conf_t *cf,
    ngx_http_social_bucket_t *bucket, ngx_str_t *endpoint, const char *name,
    social_bucket_t *target)
{
    u_char        *url;
    const char    *why;
    social_buf_t   text;

    url = ngx_pnalloc(cf->pool, SOCIAL_ENDPOINT_MAX_URL);
    if (url == NULL) {
        return NGX_CONF_ERROR;
    }

    social_buf_init(&text, url, SOCIAL_ENDPOINT_MAX_URL);

    if (social_bucket_init(target, ngx_http_social_view(&bucket->bucket),
                           ngx_http_social_view(&bucket->region),
                           ngx_http_social_view(endpoint),
                           bucket->path_style ? SOCIAL_BUCKET_PATH_STYLE
                                              : SOCIAL_BUCKET_HOST_STYLE,
                           &text, &why)
        != SOCIAL_OK)
    {
        return ngx_http_social_conf_error(cf, &bucket->position,
                   "invalid \"%s\" in \"social_bucket %V\": %s",
                   name, &bucket->name, why);
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_social_bucket_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_social_bucket_main_conf_t  *bmcf;

    bmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_bucket_main_conf_t));

    if (bmcf == NULL
        || ngx_array_init(&bmcf->buckets, cf->pool, 2,
                          sizeof(ngx_http_social_bucket_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return bmcf;
}
