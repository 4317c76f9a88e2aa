
/*
 * "social_hook": a location that receives events.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_hook.h"
#include "ngx_http_social_reply.h"
#include "social_credentials.h"
#include "social_host.h"
#include "social_net_fetch.h"
#include "social_s3_event.h"
#include "social_url.h"


#define NGX_HTTP_SOCIAL_HOOK_CREDENTIALS_MAX  65536
#define NGX_HTTP_SOCIAL_HOOK_CA_MAX           (1024 * 1024)

#define NGX_HTTP_SOCIAL_HOOK_SPOOL_EVENTS     10000
#define NGX_HTTP_SOCIAL_HOOK_SPOOL_SIZE       (64 * 1024 * 1024)


static char *ngx_http_social_hook_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_social_hook_check(ngx_conf_t *cf,
    ngx_http_social_hook_loc_conf_t *hlcf);
static ngx_uint_t ngx_http_social_hook_is_pool(ngx_str_t *value);
static ngx_uint_t ngx_http_social_hook_is_client(ngx_str_t *value);
static ngx_uint_t ngx_http_social_hook_is_function(ngx_str_t *value);
static ngx_uint_t ngx_http_social_hook_is_region(ngx_str_t *value);
static ngx_uint_t ngx_http_social_hook_is_topic(ngx_str_t *value);
static ngx_uint_t ngx_http_social_hook_is_host(ngx_str_t *value);
static char *ngx_http_social_hook_credentials(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);

static char *ngx_http_social_hook_sns_ca(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
static char *ngx_http_social_hook_secured_by(ngx_conf_t *cf,
    ngx_http_social_hook_loc_conf_t *hlcf);
static char *ngx_http_social_hook_find_secret(ngx_conf_t *cf,
    ngx_http_social_hook_loc_conf_t *hlcf, ngx_str_t *name,
    ngx_http_social_secret_t **secret);
static char *ngx_http_social_hook_spool_path(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);

static ngx_int_t ngx_http_social_hook_init(ngx_conf_t *cf);
static void *ngx_http_social_hook_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_social_hook_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_hook_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_social_hook_init_process(ngx_cycle_t *cycle);


#define NGX_HTTP_SOCIAL_HOOK_FOR_COGNITO                                      \
    NGX_HTTP_SOCIAL_CONF_IN(NGX_HTTP_SOCIAL_HOOK_COGNITO)
#define NGX_HTTP_SOCIAL_HOOK_FOR_LAMBDA                                       \
    NGX_HTTP_SOCIAL_CONF_IN(NGX_HTTP_SOCIAL_HOOK_LAMBDA)
#define NGX_HTTP_SOCIAL_HOOK_FOR_S3                                           \
    NGX_HTTP_SOCIAL_CONF_IN(NGX_HTTP_SOCIAL_HOOK_S3)
#define NGX_HTTP_SOCIAL_HOOK_FOR_USERS                                        \
    (NGX_HTTP_SOCIAL_HOOK_FOR_COGNITO|NGX_HTTP_SOCIAL_HOOK_FOR_LAMBDA)


static ngx_conf_enum_t  ngx_http_social_hook_forms[] = {
    { ngx_string("cognito"), NGX_HTTP_SOCIAL_HOOK_COGNITO },
    { ngx_string("lambda"), NGX_HTTP_SOCIAL_HOOK_LAMBDA },
    { ngx_string("s3"), NGX_HTTP_SOCIAL_HOOK_S3 },
    { ngx_null_string, 0 }
};


static const ngx_http_social_conf_entry_t  ngx_http_social_hook_form =
    { ngx_null_string, 0, ngx_http_social_conf_enum,
      offsetof(ngx_http_social_hook_loc_conf_t, form), 0, 0,
      ngx_http_social_hook_forms };


static const ngx_http_social_conf_check_t  ngx_http_social_hook_pool = {
    ngx_http_social_hook_is_pool,
    "it must be a Cognito user pool ID, as \"eu-west-1_AbCdEf123\""
};


static const ngx_http_social_conf_check_t  ngx_http_social_hook_client = {
    ngx_http_social_hook_is_client,
    "it must be the ID of an app client, of letters and digits"
};


static const ngx_http_social_conf_check_t  ngx_http_social_hook_function = {
    ngx_http_social_hook_is_function,
    "it may contain only letters, digits, \"-\" and \"_\", and must have 1 to "
    "64 of them"
};


static const ngx_http_social_conf_check_t  ngx_http_social_hook_region = {
    ngx_http_social_hook_is_region,
    "it must not be empty or contain \"/\""
};


static const ngx_http_social_conf_check_t  ngx_http_social_hook_topic = {
    ngx_http_social_hook_is_topic,
    "it must be the ARN of a topic, as \"arn:aws:sns:REGION:ACCOUNT:NAME\""
};


static const ngx_http_social_conf_check_t  ngx_http_social_hook_sns_host = {
    ngx_http_social_hook_is_host,
    "it must be a host in lowercase, with a port or without"
};


static const ngx_http_social_conf_entry_t  ngx_http_social_hook_params[] = {

    { ngx_string("secret"),
      NGX_HTTP_SOCIAL_HOOK_FOR_COGNITO|NGX_HTTP_SOCIAL_HOOK_FOR_S3,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_hook_loc_conf_t, secret_name),
      0, 0, NULL },

    { ngx_string("name"),
      NGX_HTTP_SOCIAL_HOOK_FOR_LAMBDA|NGX_HTTP_SOCIAL_CONF_REQUIRED,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_hook_loc_conf_t, function),
      0, 0, &ngx_http_social_hook_function },

    { ngx_string("region"),
      NGX_HTTP_SOCIAL_HOOK_FOR_LAMBDA,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_hook_loc_conf_t, region),
      0, 0, &ngx_http_social_hook_region },

    { ngx_string("credentials"),
      NGX_HTTP_SOCIAL_HOOK_FOR_LAMBDA|NGX_HTTP_SOCIAL_CONF_SECRET,
      ngx_http_social_hook_credentials,
      0,
      0, 0, NULL },

    { ngx_string("token"),
      NGX_HTTP_SOCIAL_HOOK_FOR_S3,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_hook_loc_conf_t, token_name),
      0, 0, NULL },

    { ngx_string("topics"),
      NGX_HTTP_SOCIAL_HOOK_FOR_S3,
      ngx_http_social_conf_commas,
      offsetof(ngx_http_social_hook_loc_conf_t, topics),
      0, 0, &ngx_http_social_hook_topic },

    { ngx_string("sns_host"),
      NGX_HTTP_SOCIAL_HOOK_FOR_S3,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_hook_loc_conf_t, sns.host),
      0, 0, &ngx_http_social_hook_sns_host },

    { ngx_string("sns_ca"),
      NGX_HTTP_SOCIAL_HOOK_FOR_S3,
      ngx_http_social_hook_sns_ca,
      offsetof(ngx_http_social_hook_loc_conf_t, sns.ca_file),
      0, 0, NULL },

    { ngx_string("pool"),
      NGX_HTTP_SOCIAL_HOOK_FOR_USERS|NGX_HTTP_SOCIAL_CONF_REPEAT,
      ngx_http_social_conf_list,
      offsetof(ngx_http_social_hook_loc_conf_t, pools),
      0, 0, &ngx_http_social_hook_pool },

    { ngx_string("client"),
      NGX_HTTP_SOCIAL_HOOK_FOR_USERS|NGX_HTTP_SOCIAL_CONF_REPEAT,
      ngx_http_social_conf_list,
      offsetof(ngx_http_social_hook_loc_conf_t, clients),
      0, 0, &ngx_http_social_hook_client },

    { ngx_string("strict"),
      NGX_HTTP_SOCIAL_HOOK_FOR_USERS,
      ngx_http_social_conf_flag,
      offsetof(ngx_http_social_hook_loc_conf_t, strict),
      0, 0, NULL },

    { ngx_string("insecure"),
      0,
      ngx_http_social_conf_flag,
      offsetof(ngx_http_social_hook_loc_conf_t, insecure),
      0, 0, NULL },

    { ngx_string("spool"),
      NGX_HTTP_SOCIAL_HOOK_FOR_USERS,
      ngx_http_social_hook_spool_path,
      offsetof(ngx_http_social_hook_loc_conf_t, spool_path),
      0, 0, NULL },

    { ngx_string("spool_events"),
      NGX_HTTP_SOCIAL_HOOK_FOR_USERS,
      ngx_http_social_conf_number,
      offsetof(ngx_http_social_hook_loc_conf_t, spool_events),
      1, 1000000, NULL },

    { ngx_string("spool_size"),
      NGX_HTTP_SOCIAL_HOOK_FOR_USERS,
      ngx_http_social_conf_size,
      offsetof(ngx_http_social_hook_loc_conf_t, spool_size),
      128 * 1024, 0, NULL },

      ngx_http_social_conf_null_entry
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
    ngx_http_social_hook_init,             /* postconfiguration */

    ngx_http_social_hook_create_main_conf, /* create main configuration */
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
    ngx_http_social_hook_init_process,     /* init process */
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

    ngx_str_t            *value;
    ngx_http_handler_pt   handler;

    value = cf->args->elts;

    if (hlcf->content.handler != NULL) {
        return ngx_http_social_conf_duplicate(cf);
    }

    if (ngx_http_social_conf_enum(cf, &ngx_http_social_hook_form, &value[1], 1,
                                  hlcf)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    handler = hlcf->form == NGX_HTTP_SOCIAL_HOOK_LAMBDA
              ? ngx_http_social_hook_lambda_handler
              : hlcf->form == NGX_HTTP_SOCIAL_HOOK_S3
                ? ngx_http_social_hook_s3_handler
                : ngx_http_social_hook_cognito_handler;

    hlcf->insecure = 0;
    hlcf->strict = 0;
    ngx_str_set(&hlcf->region, "us-east-1");

    if (ngx_http_social_content_set(cf, &hlcf->content, handler)
        != NGX_CONF_OK
        || ngx_http_social_conf_params(cf, ngx_http_social_hook_params, 2,
                                       NGX_HTTP_SOCIAL_CONF_IN(hlcf->form), 0,
                                       hlcf)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_social_hook_check(cf, hlcf);
}


static char *
ngx_http_social_hook_check(ngx_conf_t *cf,
    ngx_http_social_hook_loc_conf_t *hlcf)
{
    if (ngx_http_social_hook_secured_by(cf, hlcf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (hlcf->topics == NULL
        && (hlcf->sns.host.len != 0 || hlcf->sns.ca_file.len != 0))
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"%s\" without a \"topics\" parameter in \"social_hook\" "
                   "directive", hlcf->sns.host.len ? "sns_host" : "sns_ca");
    }

    if (hlcf->spool_path.len == 0
        && (hlcf->spool_events != 0 || hlcf->spool_size != 0))
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"%s\" without a \"spool\" parameter in \"social_hook\" "
                   "directive",
                   hlcf->spool_events ? "spool_events" : "spool_size");
    }

    if (hlcf->spool_events == 0) {
        hlcf->spool_events = NGX_HTTP_SOCIAL_HOOK_SPOOL_EVENTS;
    }

    if (hlcf->spool_size == 0) {
        hlcf->spool_size = NGX_HTTP_SOCIAL_HOOK_SPOOL_SIZE;
    }

    return NGX_CONF_OK;
}


/*
 * Nobody is trusted by mistake.
 */

static char *
ngx_http_social_hook_secured_by(ngx_conf_t *cf,
    ngx_http_social_hook_loc_conf_t *hlcf)
{
    const char  *name, *found;

    name = hlcf->form == NGX_HTTP_SOCIAL_HOOK_LAMBDA ? "credentials"
           : hlcf->form == NGX_HTTP_SOCIAL_HOOK_S3
             ? "secret\", \"token\" or \"topics" : "secret";

    found = hlcf->secret_name.len ? "secret"
            : hlcf->token_name.len ? "token"
            : hlcf->topics != NULL ? "topics"
            : hlcf->known.access_key.len ? "credentials" : NULL;

    if (found == NULL && !hlcf->insecure) {
        return ngx_http_social_conf_error(cf, NULL,
                   "no \"%s\" parameter (\"insecure=on\" would accept "
                   "unauthenticated requests) in \"social_hook\" directive",
                   name);
    }

    if (found != NULL && hlcf->insecure) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"%s\" and \"insecure=on\" are mutually exclusive in "
                   "\"social_hook\" directive", found);
    }

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_social_hook_is_pool(ngx_str_t *value)
{
    social_str_t  region;

    return social_user_pool_region(ngx_http_social_view(value), &region)
           == SOCIAL_OK;
}


/*
 * [\w+]+ (AWS: Amazon Cognito, ClientIdType); CLIENT_ID_NOT_APPLICABLE is sent
 * where an administrator's call is the cause.
 */

static ngx_uint_t
ngx_http_social_hook_is_client(ngx_str_t *value)
{
    u_char      ch;
    ngx_uint_t  i;

    for (i = 0; i < value->len; i++) {
        ch = value->data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9') || ch == '_' || ch == '+'))
        {
            return 0;
        }
    }

    return value->len >= 1 && value->len <= 128;
}


static ngx_uint_t
ngx_http_social_hook_is_function(ngx_str_t *value)
{
    u_char      ch;
    ngx_uint_t  i;

    for (i = 0; i < value->len; i++) {
        ch = value->data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9') || ch == '-' || ch == '_'))
        {
            return 0;
        }
    }

    return value->len >= 1 && value->len <= 64;
}


static ngx_uint_t
ngx_http_social_hook_is_region(ngx_str_t *value)
{
    return value->len != 0
           && ngx_strlchr(value->data, value->data + value->len, '/') == NULL;
}


/*
 * arn:PARTITION:sns:REGION:ACCOUNT:NAME
 */

static ngx_uint_t
ngx_http_social_hook_is_topic(ngx_str_t *value)
{
    ngx_uint_t    n;
    social_str_t  rest, part;

    rest = ngx_http_social_view(value);

    for (n = 0; social_str_next(&rest, ":", &part); n++) {

        if ((n == 0 && !social_str_eq(part, social_str("arn")))
            || (n == 2 && !social_str_eq(part, social_str("sns"))))
        {
            return 0;
        }
    }

    return n == 6
           && ngx_strlchr(value->data, value->data + value->len, '*') == NULL;
}


static ngx_uint_t
ngx_http_social_hook_is_host(ngx_str_t *value)
{
    social_str_t  host, port;

    return social_host_split(ngx_http_social_view(value), &host, &port) == NULL
           && social_host_check(host) == NULL;
}


/*
 * Those that TLS is verified with, and the chain of the certificate that
 * signs.
 */

static char *
ngx_http_social_hook_sns_ca(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    ngx_http_social_hook_loc_conf_t  *hlcf = conf;

    if (ngx_http_social_conf_file(cf, entry, value, n, conf) != NGX_CONF_OK
        || ngx_http_social_conf_read_file(cf, &hlcf->sns.ca_file,
                                          NGX_HTTP_SOCIAL_HOOK_CA_MAX,
                                          &hlcf->sns.anchors)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (!social_sns_cert_are_anchors(ngx_http_social_view(
                                         &hlcf->sns.anchors)))
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "no certificates in PEM in file \"%V\" for \"social_hook\" "
                   "directive", &hlcf->sns.ca_file);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_social_hook_credentials(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    ngx_http_social_hook_loc_conf_t  *hlcf = conf;

    ngx_str_t                  path, text;
    social_credentials_t       credentials;
    static const social_str_t  profile = social_string("default");

    if (value->len < 6 || ngx_strncmp(value->data, "file:", 5) != 0) {
        return ngx_http_social_conf_invalid(cf, entry, value,
                                            "it must be \"file:PATH\"");
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
                   "no profile \"[default]\" with aws_access_key_id and "
                   "aws_secret_access_key in file \"%V\" for \"social_hook\" "
                   "directive", &path);
    }

    hlcf->known.access_key = credentials.access_key;
    hlcf->known.secrets[0] = credentials.secret;
    hlcf->known.token = credentials.token;

    return NGX_CONF_OK;
}


/*
 * A directory that exists, as that of a store: which user it belongs to is the
 * operator's to decide.
 */

static char *
ngx_http_social_hook_spool_path(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    ngx_http_social_hook_loc_conf_t  *hlcf = conf;

    ngx_str_t        *path;
    ngx_file_info_t   fi;

    path = &hlcf->spool_path;

    if (ngx_http_social_conf_word(cf, entry, value, n, conf) != NGX_CONF_OK
        || ngx_conf_full_name(cf->cycle, path, 0) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    while (path->len > 1 && path->data[path->len - 1] == '/') {
        path->data[--path->len] = '\0';
    }

    if (ngx_file_info(path->data, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_file_info_n " \"%V\" failed", path);
        return NGX_CONF_ERROR;
    }

    if (!ngx_is_dir(&fi)) {
        return ngx_http_social_conf_error(cf, NULL, "\"%V\" is not a directory",
                                          path);
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_social_hook_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_social_hook_main_conf_t  *hmcf;

    hmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_hook_main_conf_t));

    if (hmcf == NULL
        || ngx_array_init(&hmcf->spools, cf->pool, 2,
                          sizeof(ngx_http_social_hook_spool_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return hmcf;
}


static ngx_int_t
ngx_http_social_hook_init(ngx_conf_t *cf)
{
    ngx_http_social_hook_main_conf_t  *hmcf;

    hmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_hook_module);

    if (hmcf->sns) {
        hmcf->thread_pool = ngx_http_social_need_thread_pool(cf);
        hmcf->certs = ngx_http_social_sns_certs_create(cf);

        if (hmcf->thread_pool == NULL || hmcf->certs == NULL) {
            return NGX_ERROR;
        }
    }

    return ngx_http_social_hook_spool_init(cf);
}


static void *
ngx_http_social_hook_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_social_hook_loc_conf_t));
}


static char *
ngx_http_social_hook_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_social_hook_loc_conf_t  *prev = parent;
    ngx_http_social_hook_loc_conf_t  *conf = child;

    ngx_http_core_loc_conf_t          *clcf;
    ngx_http_social_hook_main_conf_t  *hmcf;

    switch (ngx_http_social_content_merge(cf, &prev->content, &conf->content))
    {
    case NGX_ERROR:
        return NGX_CONF_ERROR;

    case NGX_DECLINED:
        return NGX_CONF_OK;

    case NGX_DONE:
        *conf = *prev;
    }

    if (ngx_http_social_hook_find_secret(cf, conf, &conf->secret_name,
                                         &conf->secret)
        != NGX_CONF_OK
        || ngx_http_social_hook_find_secret(cf, conf, &conf->token_name,
                                            &conf->token)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->topics != NULL) {
        hmcf = ngx_http_conf_get_module_main_conf(cf,
                                                  ngx_http_social_hook_module);
        hmcf->sns = 1;
    }

    if (!ngx_http_social_database_configured(cf)) {
        return ngx_http_social_conf_missing(cf, &conf->content.position,
                   "social_database", "add it to the \"http\" block",
                   "social_hook");
    }

    if (conf->spool_path.len && conf->spool == NULL) {

        conf->spool = ngx_http_social_hook_spool_add(cf,
                                                     &conf->content.position,
                                                     &conf->spool_path,
                                                     conf->spool_events,
                                                     conf->spool_size);
        if (conf->spool == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* how large events are is not the operator's choice */

    clcf->client_max_body_size = 0;
    ngx_http_social_read_body_location(cf,
                                       conf->form == NGX_HTTP_SOCIAL_HOOK_S3
                                       ? SOCIAL_S3_EVENT_MAX_SIZE
                                       : SOCIAL_COGNITO_EVENT_MAX_SIZE);

    ngx_http_social_error_own_location(cf);

    return NGX_CONF_OK;
}


static char *
ngx_http_social_hook_find_secret(ngx_conf_t *cf,
    ngx_http_social_hook_loc_conf_t *hlcf, ngx_str_t *name,
    ngx_http_social_secret_t **secret)
{
    if (name->len == 0) {
        return NGX_CONF_OK;
    }

    *secret = ngx_http_social_secret_find(cf, name);

    if (*secret == NULL) {
        return ngx_http_social_conf_error(cf, &hlcf->content.position,
                   "unknown secret \"%V\" (add \"social_secret %V\" to the "
                   "\"http\" block) in \"social_hook\" directive",
                   name, name);
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_social_hook_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                          i;
    ngx_http_social_hook_spool_t      **spool;
    ngx_http_social_hook_main_conf_t   *hmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    hmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_social_hook_module);

    if (hmcf == NULL) {
        return NGX_OK;
    }

    if (hmcf->sns && social_net_init() != SOCIAL_OK) {
        ngx_log_error(NGX_LOG_CRIT, cycle->log, 0,
                      "social: curl_global_init() failed");
        return NGX_ERROR;
    }

    spool = hmcf->spools.elts;

    for (i = 0; i < hmcf->spools.nelts; i++) {
        ngx_http_social_hook_replay_start(spool[i], cycle);
    }

    return NGX_OK;
}
