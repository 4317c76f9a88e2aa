
/*
 * "social_hook": a location that receives events.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_hook.h"
#include "social_credentials.h"
#include "social_url.h"


#define NGX_HTTP_SOCIAL_HOOK_CREDENTIALS_MAX  65536


typedef struct {
    ngx_str_t     name;              /* with its "=" */
    ngx_uint_t    forms;             /* a bit of each form with it */
    char        *(*handler)(ngx_conf_t *cf,
                      ngx_http_social_hook_loc_conf_t *hlcf, ngx_str_t *value);
} ngx_http_social_hook_parameter_t;


static char *ngx_http_social_hook_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_social_hook_parameter(ngx_conf_t *cf,
    ngx_http_social_hook_loc_conf_t *hlcf, ngx_str_t *value);
static char *ngx_http_social_hook_check(ngx_conf_t *cf,
    ngx_http_social_hook_loc_conf_t *hlcf);
static char *ngx_http_social_hook_set_secret(ngx_conf_t *cf,
    ngx_http_social_hook_loc_conf_t *hlcf, ngx_str_t *value);
static char *ngx_http_social_hook_set_pool(ngx_conf_t *cf,
    ngx_http_social_hook_loc_conf_t *hlcf, ngx_str_t *value);
static char *ngx_http_social_hook_set_insecure(ngx_conf_t *cf,
    ngx_http_social_hook_loc_conf_t *hlcf, ngx_str_t *value);
static char *ngx_http_social_hook_set_name(ngx_conf_t *cf,
    ngx_http_social_hook_loc_conf_t *hlcf, ngx_str_t *value);
static char *ngx_http_social_hook_set_region(ngx_conf_t *cf,
    ngx_http_social_hook_loc_conf_t *hlcf, ngx_str_t *value);
static char *ngx_http_social_hook_set_credentials(ngx_conf_t *cf,
    ngx_http_social_hook_loc_conf_t *hlcf, ngx_str_t *value);
static char *ngx_http_social_hook_duplicate(ngx_conf_t *cf, const char *name);

static void *ngx_http_social_hook_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_hook_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);


#define NGX_HTTP_SOCIAL_HOOK_FOR_COGNITO  (1 << NGX_HTTP_SOCIAL_HOOK_COGNITO)
#define NGX_HTTP_SOCIAL_HOOK_FOR_LAMBDA   (1 << NGX_HTTP_SOCIAL_HOOK_LAMBDA)
#define NGX_HTTP_SOCIAL_HOOK_FOR_BOTH     (NGX_HTTP_SOCIAL_HOOK_FOR_COGNITO   \
                                           |NGX_HTTP_SOCIAL_HOOK_FOR_LAMBDA)


static ngx_http_social_hook_parameter_t  ngx_http_social_hook_parameters[] = {

    { ngx_string("secret="),
      NGX_HTTP_SOCIAL_HOOK_FOR_COGNITO,
      ngx_http_social_hook_set_secret },

    { ngx_string("pool="),
      NGX_HTTP_SOCIAL_HOOK_FOR_BOTH,
      ngx_http_social_hook_set_pool },

    { ngx_string("insecure="),
      NGX_HTTP_SOCIAL_HOOK_FOR_BOTH,
      ngx_http_social_hook_set_insecure },

    { ngx_string("name="),
      NGX_HTTP_SOCIAL_HOOK_FOR_LAMBDA,
      ngx_http_social_hook_set_name },

    { ngx_string("region="),
      NGX_HTTP_SOCIAL_HOOK_FOR_LAMBDA,
      ngx_http_social_hook_set_region },

    { ngx_string("credentials="),
      NGX_HTTP_SOCIAL_HOOK_FOR_LAMBDA,
      ngx_http_social_hook_set_credentials },

    { ngx_null_string, 0, NULL }
};


static ngx_command_t  ngx_http_social_hook_commands[] = {

    { ngx_string("social_hook"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_social_hook_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_hook_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_social_hook_create_loc_conf,  /* create location configuration */
    ngx_http_social_hook_merge_loc_conf    /* merge location configuration */
};


ngx_module_t  ngx_http_social_hook_module = {
    NGX_MODULE_V1,
    &ngx_http_social_hook_module_ctx,      /* module context */
    ngx_http_social_hook_commands,         /* module directives */
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


static char *
ngx_http_social_hook_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_social_hook_loc_conf_t  *hlcf = conf;

    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;

    if (hlcf->form != NGX_HTTP_SOCIAL_HOOK_NONE) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_hook\" is duplicate: give each hook a location "
                   "of its own");
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler != NULL) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_hook\" needs a location of its own: this one "
                   "already has something else that answers");
    }

    if (ngx_strcmp(value[1].data, "cognito") == 0) {
        hlcf->form = NGX_HTTP_SOCIAL_HOOK_COGNITO;
        clcf->handler = ngx_http_social_hook_cognito_handler;

    } else if (ngx_strcmp(value[1].data, "lambda") == 0) {
        hlcf->form = NGX_HTTP_SOCIAL_HOOK_LAMBDA;
        clcf->handler = ngx_http_social_hook_lambda_handler;

    } else {
        return ngx_http_social_conf_error(cf, NULL,
                   "unknown form \"%V\" of \"social_hook\": it must be "
                   "\"cognito\" or \"lambda\"", &value[1]);
    }

    ngx_http_social_conf_position(cf, &hlcf->position);

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_social_hook_parameter(cf, hlcf, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_social_hook_check(cf, hlcf);
}


static char *
ngx_http_social_hook_parameter(ngx_conf_t *cf,
    ngx_http_social_hook_loc_conf_t *hlcf, ngx_str_t *value)
{
    ngx_http_social_hook_parameter_t  *p;

    for (p = ngx_http_social_hook_parameters; p->name.len; p++) {

        if (!(p->forms & (1 << hlcf->form))
            || ngx_strncmp(value->data, p->name.data, p->name.len) != 0)
        {
            continue;
        }

        value->data += p->name.len;
        value->len -= p->name.len;

        return p->handler(cf, hlcf, value);
    }

    if (hlcf->form == NGX_HTTP_SOCIAL_HOOK_LAMBDA) {
        return ngx_http_social_conf_error(cf, NULL,
                   "unknown parameter \"%V\" in \"social_hook lambda\": it "
                   "takes name=, credentials=, region=, pool= and insecure=",
                   value);
    }

    return ngx_http_social_conf_error(cf, NULL,
               "unknown parameter \"%V\" in \"social_hook cognito\": it takes "
               "secret=, pool= and insecure=", value);
}


static char *
ngx_http_social_hook_check(ngx_conf_t *cf,
    ngx_http_social_hook_loc_conf_t *hlcf)
{
    ngx_uint_t  secured;

    if (hlcf->form == NGX_HTTP_SOCIAL_HOOK_LAMBDA && hlcf->function.len == 0) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_hook lambda\" needs name=FUNCTION, which the "
                   "path that it is called by has in it");
    }

    secured = (hlcf->secret_name.len != 0 || hlcf->known.access_key.len != 0);

    if (!secured && hlcf->insecure != 1) {

        if (hlcf->form == NGX_HTTP_SOCIAL_HOOK_LAMBDA) {
            return ngx_http_social_conf_error(cf, NULL,
                       "\"social_hook lambda\" without credentials=file:PATH "
                       "takes users from anybody: add it, or say insecure=on "
                       "where nobody else can reach this");
        }

        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_hook cognito\" without secret=NAME takes users "
                   "from anybody: add it, or say insecure=on where nobody "
                   "else can reach this");
    }

    if (secured && hlcf->insecure == 1) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"insecure=on\" in \"social_hook\" contradicts its "
                   "secret or credentials: leave one of them out");
    }

    if (hlcf->region.len == 0) {
        ngx_str_set(&hlcf->region, "us-east-1");
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_social_hook_set_secret(ngx_conf_t *cf,
    ngx_http_social_hook_loc_conf_t *hlcf, ngx_str_t *value)
{
    if (hlcf->secret_name.len) {
        return ngx_http_social_hook_duplicate(cf, "secret=");
    }

    if (value->len == 0) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"secret=\" in \"social_hook\" needs the name of a "
                   "\"social_secret\"");
    }

    hlcf->secret_name = *value;

    return NGX_CONF_OK;
}


static char *
ngx_http_social_hook_set_pool(ngx_conf_t *cf,
    ngx_http_social_hook_loc_conf_t *hlcf, ngx_str_t *value)
{
    ngx_str_t     *pool;
    social_str_t   region;

    if (social_user_pool_region(ngx_http_social_view(value), &region)
        != SOCIAL_OK)
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid \"pool=%V\" in \"social_hook\": it must be the id "
                   "of a Cognito user pool, as \"eu-west-1_AbCdEf123\"; for "
                   "several say pool= several times", value);
    }

    if (hlcf->pools == NULL) {
        hlcf->pools = ngx_array_create(cf->pool, 2, sizeof(ngx_str_t));
        if (hlcf->pools == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    pool = ngx_array_push(hlcf->pools);
    if (pool == NULL) {
        return NGX_CONF_ERROR;
    }

    *pool = *value;

    return NGX_CONF_OK;
}


static char *
ngx_http_social_hook_set_insecure(ngx_conf_t *cf,
    ngx_http_social_hook_loc_conf_t *hlcf, ngx_str_t *value)
{
    if (hlcf->insecure != NGX_CONF_UNSET) {
        return ngx_http_social_hook_duplicate(cf, "insecure=");
    }

    if (ngx_strcmp(value->data, "on") == 0) {
        hlcf->insecure = 1;

    } else if (ngx_strcmp(value->data, "off") == 0) {
        hlcf->insecure = 0;

    } else {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid \"insecure=%V\" in \"social_hook\": it must be "
                   "\"on\" or \"off\"", value);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_social_hook_set_name(ngx_conf_t *cf,
    ngx_http_social_hook_loc_conf_t *hlcf, ngx_str_t *value)
{
    u_char      ch;
    ngx_uint_t  i;

    if (hlcf->function.len) {
        return ngx_http_social_hook_duplicate(cf, "name=");
    }

    for (i = 0; i < value->len; i++) {
        ch = value->data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9') || ch == '-' || ch == '_'))
        {
            break;
        }
    }

    if (value->len == 0 || value->len > 64 || i < value->len) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid \"name=%V\" in \"social_hook\": the name of a "
                   "function has 1 to 64 letters, digits, \"-\" and \"_\"",
                   value);
    }

    hlcf->function = *value;

    return NGX_CONF_OK;
}


static char *
ngx_http_social_hook_set_region(ngx_conf_t *cf,
    ngx_http_social_hook_loc_conf_t *hlcf, ngx_str_t *value)
{
    if (hlcf->region.len) {
        return ngx_http_social_hook_duplicate(cf, "region=");
    }

    if (value->len == 0 || ngx_strlchr(value->data, value->data + value->len,
                                       '/') != NULL)
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid \"region=%V\" in \"social_hook\": it must be as "
                   "the caller signs for it, as \"us-east-1\"", value);
    }

    hlcf->region = *value;

    return NGX_CONF_OK;
}


static char *
ngx_http_social_hook_set_credentials(ngx_conf_t *cf,
    ngx_http_social_hook_loc_conf_t *hlcf, ngx_str_t *value)
{
    ngx_str_t                  path, text;
    social_credentials_t       credentials;
    static const social_str_t  profile = social_string("default");

    if (hlcf->known.access_key.len) {
        return ngx_http_social_hook_duplicate(cf, "credentials=");
    }

    if (value->len < 6 || ngx_strncmp(value->data, "file:", 5) != 0) {

        /* not shown: it may be the credentials themselves */

        return ngx_http_social_conf_error(cf, NULL,
                   "invalid \"credentials=\" in \"social_hook\": it must be "
                   "\"credentials=file:PATH\", of a shared credentials file");
    }

    path.data = value->data + 5;
    path.len = value->len - 5;

    if (ngx_http_social_conf_read_file(cf, &path,
            NGX_HTTP_SOCIAL_HOOK_CREDENTIALS_MAX, &text)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (social_credentials_parse(ngx_http_social_view(&text), profile,
                                 &credentials)
        != SOCIAL_OK)
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"%V\" must have a profile \"[default]\" with "
                   "aws_access_key_id and aws_secret_access_key", &path);
    }

    hlcf->known.access_key = credentials.access_key;
    hlcf->known.secrets[0] = credentials.secret;
    hlcf->known.token = credentials.token;

    return NGX_CONF_OK;
}


static char *
ngx_http_social_hook_duplicate(ngx_conf_t *cf, const char *name)
{
    return ngx_http_social_conf_error(cf, NULL,
               "\"%s\" is duplicate in \"social_hook\": say it once", name);
}


static void *
ngx_http_social_hook_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_social_hook_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_hook_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->insecure = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_social_hook_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_social_hook_loc_conf_t  *prev = parent;
    ngx_http_social_hook_loc_conf_t  *conf = child;

    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (conf->form == NGX_HTTP_SOCIAL_HOOK_NONE) {

        /* an "if" keeps the handler of the location that it is in */

        if (clcf->noname && prev->form != NGX_HTTP_SOCIAL_HOOK_NONE) {
            *conf = *prev;

        } else {
            return NGX_CONF_OK;
        }
    }

    if (conf->secret_name.len) {

        conf->secret = ngx_http_social_secret_find(cf, &conf->secret_name);

        if (conf->secret == NULL) {
            return ngx_http_social_conf_error(cf, &conf->position,
                       "\"secret=%V\" in \"social_hook\" is not known: define "
                       "it with \"social_secret %V file=PATH\" at the http "
                       "level", &conf->secret_name, &conf->secret_name);
        }
    }

    if (!ngx_http_social_database_configured(cf)) {
        return ngx_http_social_conf_error(cf, &conf->position,
                   "\"social_hook\" needs a \"social_database\" at the http "
                   "level: what a hook brings is written there");
    }

    /* the whole body in memory, or none of it: never in a file */

    clcf->client_body_buffer_size = ngx_max(clcf->client_body_buffer_size,
                                            SOCIAL_COGNITO_EVENT_MAX_SIZE);
    clcf->client_max_body_size = SOCIAL_COGNITO_EVENT_MAX_SIZE;
    clcf->client_body_in_file_only = 0;

    ngx_http_social_error_own_location(cf);

    return NGX_CONF_OK;
}
