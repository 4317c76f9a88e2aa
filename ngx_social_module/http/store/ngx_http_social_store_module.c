
/*
 * "social_store": its directive.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_store.h"
#include "ngx_http_social_zone.h"


/* pieces of a body: as large as the room that a PUT copies them to allows */
#define NGX_HTTP_SOCIAL_STORE_BUFFER  (128 * 1024)


typedef struct {
    ngx_http_social_store_loc_conf_t   *conf;
    ngx_http_core_loc_conf_t           *core;
} ngx_http_social_store_slot_t;


typedef struct {
    ngx_array_t                         stores;  /* of ..._store_slot_t */
    ngx_http_social_store_shared_t      shared;
} ngx_http_social_store_main_conf_t;


static char *ngx_http_social_store_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_social_store_parameter(ngx_conf_t *cf,
    ngx_http_social_store_loc_conf_t *slcf, ngx_str_t *value);
static char *ngx_http_social_store_duplicate(ngx_conf_t *cf,
    const char *name);
static char *ngx_http_social_store_flag(ngx_conf_t *cf, ngx_str_t *value,
    size_t name, ngx_flag_t *flag);
static char *ngx_http_social_store_root(ngx_conf_t *cf,
    ngx_http_social_store_loc_conf_t *slcf, ngx_str_t *value);

static void *ngx_http_social_store_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_social_store_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_store_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_social_store_add(ngx_conf_t *cf,
    ngx_http_social_store_loc_conf_t *conf, ngx_http_core_loc_conf_t *clcf);
static char *ngx_http_social_store_check(ngx_conf_t *cf,
    ngx_http_social_store_loc_conf_t *conf, ngx_http_core_loc_conf_t *clcf);
static ngx_int_t ngx_http_social_store_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_social_store_init_process(ngx_cycle_t *cycle);


static ngx_command_t  ngx_http_social_store_commands[] = {

    { ngx_string("social_store"),
      NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_http_social_store_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_store_module_ctx = {
    NULL,                                    /* preconfiguration */
    ngx_http_social_store_init,              /* postconfiguration */

    ngx_http_social_store_create_main_conf,  /* create main configuration */
    NULL,                                    /* init main configuration */

    NULL,                                    /* create server configuration */
    NULL,                                    /* merge server configuration */

    ngx_http_social_store_create_loc_conf,   /* create location configuration */
    ngx_http_social_store_merge_loc_conf     /* merge location configuration */
};


ngx_module_t  ngx_http_social_store_module = {
    NGX_MODULE_V1,
    &ngx_http_social_store_module_ctx,     /* module context */
    ngx_http_social_store_commands,        /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_social_store_init_process,    /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static char *
ngx_http_social_store_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_social_store_loc_conf_t  *slcf = conf;

    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;

    if (slcf->enable) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_store\" is duplicate: say it once in this "
                   "location");
    }

    slcf->enable = 1;
    slcf->bucket_name = value[1];
    slcf->announce = NGX_CONF_UNSET;
    slcf->sync = NGX_CONF_UNSET;

    ngx_http_social_conf_position(cf, &slcf->position);

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_social_store_parameter(cf, slcf, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (slcf->root.len == 0) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_store\" needs root=PATH, a directory that is "
                   "the store's own");
    }

    ngx_conf_init_value(slcf->announce, 0);
    ngx_conf_init_value(slcf->sync, 1);

    if (slcf->max_size == 0) {
        slcf->max_size = (off_t) 5 * 1024 * 1024 * 1024;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    clcf->handler = ngx_http_social_store_handler;

    return NGX_CONF_OK;
}


static char *
ngx_http_social_store_parameter(ngx_conf_t *cf,
    ngx_http_social_store_loc_conf_t *slcf, ngx_str_t *value)
{
    off_t          size;
    ngx_str_t      s;
    social_str_t  *prefix;

    if (ngx_strncmp(value->data, "root=", 5) == 0) {
        return ngx_http_social_store_root(cf, slcf, value);
    }

    if (ngx_strncmp(value->data, "public=", 7) == 0) {

        if (slcf->open == NULL) {
            slcf->open = ngx_array_create(cf->pool, 2, sizeof(social_str_t));
            if (slcf->open == NULL) {
                return NGX_CONF_ERROR;
            }
        }

        prefix = ngx_array_push(slcf->open);
        if (prefix == NULL) {
            return NGX_CONF_ERROR;
        }

        prefix->data = value->data + 7;
        prefix->len = value->len - 7;

        if (prefix->len == 0) {
            return ngx_http_social_conf_error(cf, NULL,
                       "\"public=\" in \"social_store\" would open the whole "
                       "bucket: name a prefix, as in \"public=avatars/\"");
        }

        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "part=", 5) == 0) {

        slcf->part.data = value->data + 5;
        slcf->part.len = value->len - 5;

        if (slcf->part.len == 0 || slcf->part.data[0] == '/'
            || slcf->part.data[slcf->part.len - 1] != '/')
        {
            return ngx_http_social_conf_error(cf, NULL,
                       "invalid parameter \"%V\" in \"social_store\": it "
                       "must be a prefix that ends with a slash, as in "
                       "\"part=images/\"", value);
        }

        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "announce=", 9) == 0) {
        return ngx_http_social_store_flag(cf, value, 9, &slcf->announce);
    }

    if (ngx_strncmp(value->data, "fsync=", 6) == 0) {
        return ngx_http_social_store_flag(cf, value, 6, &slcf->sync);
    }

    if (ngx_strncmp(value->data, "max_size=", 9) == 0) {

        if (slcf->max_size) {
            return ngx_http_social_store_duplicate(cf, "max_size=");
        }

        s.data = value->data + 9;
        s.len = value->len - 9;
        size = ngx_parse_offset(&s);

        if (size < 1) {
            return ngx_http_social_conf_error(cf, NULL,
                       "invalid parameter \"%V\" in \"social_store\": it "
                       "must be a size over zero, as in \"max_size=100m\"",
                       value);
        }

        slcf->max_size = size;

        return NGX_CONF_OK;
    }

    return ngx_http_social_conf_error(cf, NULL,
               "unknown parameter \"%V\" in \"social_store\": it takes root=, "
               "part=, public=, announce=, fsync= and max_size=", value);
}


static char *
ngx_http_social_store_duplicate(ngx_conf_t *cf, const char *name)
{
    return ngx_http_social_conf_error(cf, NULL,
               "\"%s\" in \"social_store\" is duplicate: say it once", name);
}


static char *
ngx_http_social_store_flag(ngx_conf_t *cf, ngx_str_t *value, size_t name,
    ngx_flag_t *flag)
{
    if (*flag != NGX_CONF_UNSET) {
        return ngx_http_social_store_duplicate(cf, name == 6 ? "fsync="
                                                             : "announce=");
    }

    if (ngx_strcmp(value->data + name, "on") == 0) {
        *flag = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data + name, "off") == 0) {
        *flag = 0;
        return NGX_CONF_OK;
    }

    return ngx_http_social_conf_error(cf, NULL,
               "invalid parameter \"%V\" in \"social_store\": it must be on "
               "or off", value);
}


static char *
ngx_http_social_store_root(ngx_conf_t *cf,
    ngx_http_social_store_loc_conf_t *slcf, ngx_str_t *value)
{
    ngx_file_info_t  fi;

    if (slcf->root.len) {
        return ngx_http_social_store_duplicate(cf, "root=");
    }

    slcf->root.data = value->data + 5;
    slcf->root.len = value->len - 5;

    if (slcf->root.len == 0) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"root=\" in \"social_store\" needs a path");
    }

    if (ngx_conf_full_name(cf->cycle, &slcf->root, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    while (slcf->root.len > 1 && slcf->root.data[slcf->root.len - 1] == '/') {
        slcf->root.data[--slcf->root.len] = '\0';
    }

    if (slcf->root.len > 400) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"root=\" in \"social_store\" is too long: 400 bytes are "
                   "the most, since keys come after it");
    }

    if (ngx_file_info(slcf->root.data, &fi) == NGX_FILE_ERROR
        || !ngx_is_dir(&fi))
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"%V\" in \"social_store\" is no directory: make it, and "
                   "make it writable for nginx's workers", &slcf->root);
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_social_store_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_social_store_main_conf_t  *smcf;

    smcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_store_main_conf_t));

    if (smcf == NULL
        || ngx_array_init(&smcf->stores, cf->pool, 2,
                          sizeof(ngx_http_social_store_slot_t))
           != NGX_OK)
    {
        return NULL;
    }

    return smcf;
}


static void *
ngx_http_social_store_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_social_store_loc_conf_t));
}


static char *
ngx_http_social_store_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_social_store_loc_conf_t  *prev = parent;
    ngx_http_social_store_loc_conf_t  *conf = child;

    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* an "if" or a "limit_except" in the location of a store */

    if (clcf->noname && prev->enable) {

        *conf = *prev;

        if (clcf->lmt_excpt && clcf->handler == NULL) {
            clcf->handler = ngx_http_social_store_handler;
        }

        return ngx_http_social_store_add(cf, conf, clcf);
    }

    if (!conf->enable) {
        return NGX_CONF_OK;
    }

    if (ngx_http_social_store_check(cf, conf, clcf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    conf->prefix = clcf->name;

    conf->known.access_key = conf->bucket->credentials.access_key;
    conf->known.secrets[0] = conf->bucket->credentials.secret;
    conf->known.token = conf->bucket->credentials.token;

    conf->policy.region = ngx_http_social_view(&conf->bucket->region);
    conf->policy.service = social_str("s3");
    conf->policy.known = &conf->known;
    conf->policy.known_count = 1;

    ngx_http_social_error_use(cf);

    return ngx_http_social_store_add(cf, conf, clcf);
}


/*
 * One directory may be shown in several places; who takes care of it is the
 * first.
 */

static char *
ngx_http_social_store_add(ngx_conf_t *cf,
    ngx_http_social_store_loc_conf_t *conf, ngx_http_core_loc_conf_t *clcf)
{
    ngx_uint_t                           i;
    ngx_http_social_store_slot_t        *slot;
    ngx_http_social_store_main_conf_t   *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_store_module);
    slot = smcf->stores.elts;

    for (i = 0; i < smcf->stores.nelts; i++) {

        if (slot[i].conf->root.len != conf->root.len
            || ngx_memcmp(slot[i].conf->root.data, conf->root.data,
                          conf->root.len) != 0)
        {
            continue;
        }

        if (slot[i].conf->bucket != conf->bucket
            || slot[i].conf->announce != conf->announce)
        {
            return ngx_http_social_conf_error(cf, &conf->position,
                       "\"root=%V\" in \"social_store\" is another store's, "
                       "of another bucket or another \"announce=\": give "
                       "each bucket a directory of its own", &conf->root);
        }

        conf->twin = 1;
    }

    slot = ngx_array_push(&smcf->stores);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    slot->conf = conf;
    slot->core = clcf;

    /* what a body may have is this directive's to say */

    clcf->client_max_body_size = 0;
    clcf->client_body_buffer_size = NGX_HTTP_SOCIAL_STORE_BUFFER;

    return NGX_CONF_OK;
}


static char *
ngx_http_social_store_check(ngx_conf_t *cf,
    ngx_http_social_store_loc_conf_t *conf, ngx_http_core_loc_conf_t *clcf)
{
    conf->bucket = ngx_http_social_bucket_find(cf, &conf->bucket_name);

    if (conf->bucket == NULL) {
        return ngx_http_social_conf_error(cf, &conf->position,
                   "unknown bucket \"%V\" in \"social_store\": add "
                   "a \"social_bucket %V { ... }\" to the \"http\" block",
                   &conf->bucket_name, &conf->bucket_name);
    }

    if (clcf->exact_match || clcf->named || clcf->regex != NULL
        || clcf->name.len == 0 || clcf->name.data[clcf->name.len - 1] != '/')
    {
        return ngx_http_social_conf_error(cf, &conf->position,
                   "\"social_store\" needs a location by prefix that ends "
                   "with a slash, as in \"location /objects/\"");
    }

    if (conf->announce && !ngx_http_social_database_configured(cf)) {
        return ngx_http_social_conf_error(cf, &conf->position,
                   "\"announce=on\" in \"social_store\" needs "
                   "a \"social_database\": that is where objects are "
                   "announced");
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_social_store_init(ngx_conf_t *cf)
{
    ngx_uint_t                          i;
    ngx_thread_pool_t                  *thread_pool;
    ngx_http_social_store_slot_t       *slot;
    ngx_http_social_store_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_store_module);

    if (smcf->stores.nelts == 0) {
        return NGX_OK;
    }

    thread_pool = ngx_http_social_need_thread_pool(cf);
    if (thread_pool == NULL) {
        return NGX_ERROR;
    }

    slot = smcf->stores.elts;

    for (i = 0; i < smcf->stores.nelts; i++) {

        slot[i].conf->thread_pool = thread_pool;

        /* the bytes of objects are read by threads too */

        if (slot[i].core->aio != NGX_HTTP_AIO_THREADS) {
            slot[i].core->aio = NGX_HTTP_AIO_THREADS;
            slot[i].core->thread_pool = thread_pool;
        }
    }

    return ngx_http_social_zone_add_part(cf, NGX_HTTP_SOCIAL_ZONE_STORE,
                                      ngx_http_social_store_announce_init_zone,
                                      &smcf->shared);
}


static ngx_int_t
ngx_http_social_store_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                          i;
    ngx_http_social_store_slot_t       *slot;
    ngx_http_social_store_main_conf_t  *smcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    smcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_social_store_module);

    if (smcf == NULL) {
        return NGX_OK;
    }

    slot = smcf->stores.elts;

    for (i = 0; i < smcf->stores.nelts; i++) {

        if (slot[i].conf->twin) {
            continue;
        }

        if (ngx_http_social_store_announce_init(cycle, slot[i].conf,
                                                &smcf->shared)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
