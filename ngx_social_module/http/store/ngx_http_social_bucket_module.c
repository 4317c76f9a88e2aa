
/*
 * The "social_bucket" block.
 */

#include "ngx_http_social_bucket.h"


typedef struct {
    ngx_array_t            buckets;      /* of ngx_http_social_bucket_t * */
} ngx_http_social_bucket_main_conf_t;


static char *ngx_http_social_bucket_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_uint_t ngx_http_social_bucket_is_name(ngx_str_t *value);
static char *ngx_http_social_bucket_source(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
static char *ngx_http_social_bucket_find_keys(ngx_conf_t *cf,
    ngx_http_social_bucket_t *bucket);
static void ngx_http_social_bucket_trim(ngx_str_t *endpoint);
static char *ngx_http_social_bucket_finish(ngx_conf_t *cf,
    ngx_http_social_bucket_t *bucket);
static char *ngx_http_social_bucket_target(ngx_conf_t *cf,
    ngx_http_social_bucket_t *bucket, ngx_str_t *endpoint, const char *name,
    social_bucket_t *target);
static void *ngx_http_social_bucket_create_main_conf(ngx_conf_t *cf);


static const ngx_http_social_conf_check_t  ngx_http_social_bucket_name = {
    ngx_http_social_bucket_is_name,
    "it may contain only lowercase letters, digits, dots and hyphens, and must "
    "have 2 to 63 of them"
};


static const ngx_http_social_conf_entry_t  ngx_http_social_bucket_lines[] = {

    { ngx_string("bucket"),
      0,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_bucket_t, bucket),
      0, 0, &ngx_http_social_bucket_name },

    { ngx_string("region"),
      NGX_HTTP_SOCIAL_CONF_REQUIRED,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_bucket_t, region),
      0, 0, &ngx_http_social_bucket_name },

    { ngx_string("endpoint"),
      0,
      ngx_http_social_conf_url,
      offsetof(ngx_http_social_bucket_t, endpoint),
      0, 0, NULL },

    { ngx_string("public_endpoint"),
      0,
      ngx_http_social_conf_url,
      offsetof(ngx_http_social_bucket_t, public_endpoint),
      0, 0, NULL },

    { ngx_string("path_style"),
      0,
      ngx_http_social_conf_flag,
      offsetof(ngx_http_social_bucket_t, path_style),
      0, 0, NULL },

    { ngx_string("ca_file"),
      0,
      ngx_http_social_conf_file,
      offsetof(ngx_http_social_bucket_t, ca_file),
      0, 0, NULL },

    { ngx_string("credentials"),
      NGX_HTTP_SOCIAL_CONF_REQUIRED|NGX_HTTP_SOCIAL_CONF_LIST
      |NGX_HTTP_SOCIAL_CONF_SECRET,
      ngx_http_social_bucket_source,
      0,
      0, 0, NULL },

      ngx_http_social_conf_null_entry
};


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
    ngx_http_social_bucket_main_conf_t  *bmcf;

    bmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_bucket_module);

    return ngx_http_social_conf_find_named(&bmcf->buckets, name);
}


static char *
ngx_http_social_bucket_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_social_bucket_main_conf_t  *bmcf = conf;

    ngx_http_social_bucket_t  *bucket;

    bucket = ngx_http_social_conf_add_named(cf, &bmcf->buckets,
                                            sizeof(ngx_http_social_bucket_t));
    if (bucket == NULL) {
        return NGX_CONF_ERROR;
    }

    bucket->path_style = NGX_CONF_UNSET;

    ngx_http_social_conf_position(cf, &bucket->position);

    if (ngx_http_social_conf_block(cf, ngx_http_social_bucket_lines, bucket)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_social_bucket_finish(cf, bucket);
}


/*
 * The names of buckets and regions consist of the same characters.
 * (AWS: Amazon S3, Bucket naming rules)
 */

static ngx_uint_t
ngx_http_social_bucket_is_name(ngx_str_t *value)
{
    u_char      ch;
    ngx_uint_t  i;

    for (i = 0; i < value->len; i++) {
        ch = value->data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
              || ch == '-' || (ch == '.' && i != 0)))
        {
            return 0;
        }
    }

    return value->len >= 2 && value->len <= 63;
}


/*
 * One text, "profile NAME": its source is made when the region is known.
 */

static char *
ngx_http_social_bucket_source(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    ngx_http_social_bucket_t  *bucket = conf;

    u_char      *p;
    ngx_str_t    name;
    ngx_uint_t   named;

    named = ngx_strcmp(value[0].data, "file") == 0
            || ngx_strcmp(value[0].data, "profile") == 0;

    if (n != (named ? 2u : 1u)
        || (!named && ngx_strcmp(value[0].data, "default") != 0
            && ngx_strcmp(value[0].data, "env") != 0
            && ngx_strcmp(value[0].data, "web_identity") != 0
            && ngx_strcmp(value[0].data, "container") != 0
            && ngx_strcmp(value[0].data, "imds") != 0))
    {
        return ngx_http_social_conf_invalid(cf, entry, value,
                   "it must be \"default\", \"env\", \"file PATH\", "
                   "\"profile NAME\", \"web_identity\", \"container\" or "
                   "\"imds\"");
    }

    if (!named) {
        bucket->source = value[0];
        return NGX_CONF_OK;
    }

    name = value[1];

    if (ngx_strcmp(value[0].data, "file") == 0
        && ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    p = ngx_pnalloc(cf->pool, value[0].len + name.len + 2);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    bucket->source.data = p;
    bucket->source.len = ngx_sprintf(p, "%V %V%Z", &value[0], &name) - p - 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_social_bucket_find_keys(ngx_conf_t *cf,
    ngx_http_social_bucket_t *bucket)
{
    char        error[SOCIAL_NET_ERROR_SIZE];
    u_char     *p;
    ngx_str_t   who;

    who.len = sizeof("bucket \"\"") - 1 + bucket->name.len;
    who.data = ngx_pnalloc(cf->pool, who.len);

    if (who.data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_sprintf(who.data, "bucket \"%V\"", &bucket->name);
    who.len = p - who.data;

    bucket->keys = ngx_http_social_credentials_add(cf, &bucket->source,
                                                   &bucket->region, &who,
                                                   error);
    if (bucket->keys == NULL) {
        return ngx_http_social_conf_error(cf, NULL,
                   "no usable credentials (%s) for \"credentials\" directive",
                   error);
    }

    bucket->credentials = *ngx_http_social_credentials_at_start(bucket->keys);

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_social_bucket_credentials(const ngx_http_social_bucket_t *bucket,
    social_credentials_t *keys)
{
    return ngx_http_social_credentials_current(bucket->keys, keys);
}


/*
 * The path is appended, which begins with a slash.
 */

static void
ngx_http_social_bucket_trim(ngx_str_t *endpoint)
{
    while (endpoint->len && endpoint->data[endpoint->len - 1] == '/') {
        endpoint->len--;
    }
}


static char *
ngx_http_social_bucket_finish(ngx_conf_t *cf, ngx_http_social_bucket_t *bucket)
{
    if (bucket->bucket.len == 0) {
        bucket->bucket = bucket->name;
    }

    ngx_http_social_bucket_trim(&bucket->endpoint);
    ngx_http_social_bucket_trim(&bucket->public_endpoint);

    if (bucket->ca_file.len
        && !ngx_http_social_file_has_certificates(&bucket->ca_file))
    {
        return ngx_http_social_conf_error(cf, &bucket->position,
                   "no PEM certificate in file \"%V\" for \"ca_file\" "
                   "directive", &bucket->ca_file);
    }

    /* most stores other than S3 have the bucket in the path */

    ngx_conf_init_value(bucket->path_style, bucket->endpoint.len != 0);

    if (ngx_http_social_bucket_target(cf, bucket, &bucket->endpoint,
                                      "endpoint", &bucket->target)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_social_bucket_find_keys(cf, bucket) != NGX_CONF_OK) {
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
                   "invalid \"%s\" (%s) in \"social_bucket %V\"",
                   name, why, &bucket->name);
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
