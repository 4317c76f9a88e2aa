
/*
 * The "social_store" directive.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_store.h"
#include "ngx_http_social_zone.h"


/* the buffer of a PUT, and so the size of the pieces that are written */
#define NGX_HTTP_SOCIAL_STORE_BUFFER    (128 * 1024)

#define NGX_HTTP_SOCIAL_STORE_MAX_ROOT  400


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

static ngx_uint_t ngx_http_social_store_is_prefix(ngx_str_t *value);
static ngx_uint_t ngx_http_social_store_is_part(ngx_str_t *value);
static char *ngx_http_social_store_root(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);

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


static const ngx_http_social_conf_check_t  ngx_http_social_store_prefix = {
    ngx_http_social_store_is_prefix,
    "it must not be empty (the whole bucket would be public)"
};


static const ngx_http_social_conf_check_t  ngx_http_social_store_part = {
    ngx_http_social_store_is_part,
    "it must be a prefix that ends with \"/\", as \"images/\""
};


static const ngx_http_social_conf_entry_t  ngx_http_social_store_params[] = {

    { ngx_string("root"),
      NGX_HTTP_SOCIAL_CONF_REQUIRED,
      ngx_http_social_store_root,
      offsetof(ngx_http_social_store_loc_conf_t, root),
      0, 0, NULL },

    { ngx_string("part"),
      0,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_store_loc_conf_t, part),
      0, 0, &ngx_http_social_store_part },

    { ngx_string("public"),
      NGX_HTTP_SOCIAL_CONF_REPEAT,
      ngx_http_social_conf_list,
      offsetof(ngx_http_social_store_loc_conf_t, open),
      0, 0, &ngx_http_social_store_prefix },

    { ngx_string("announce"),
      0,
      ngx_http_social_conf_flag,
      offsetof(ngx_http_social_store_loc_conf_t, announce),
      0, 0, NULL },

    { ngx_string("fsync"),
      0,
      ngx_http_social_conf_flag,
      offsetof(ngx_http_social_store_loc_conf_t, sync),
      0, 0, NULL },

    { ngx_string("max_size"),
      0,
      ngx_http_social_conf_offset,
      offsetof(ngx_http_social_store_loc_conf_t, max_size),
      1, 0, NULL },

    { ngx_string("min_free"),
      0,
      ngx_http_social_conf_offset,
      offsetof(ngx_http_social_store_loc_conf_t, min_free),
      1, 0, NULL },

    { ngx_string("expire_multipart"),
      0,
      ngx_http_social_conf_sec,
      offsetof(ngx_http_social_store_loc_conf_t, expire),
      1, 3650 * 86400, NULL },

      ngx_http_social_conf_null_entry
};


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

    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_http_social_content_set(cf, &slcf->content,
                                    ngx_http_social_store_handler)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    slcf->bucket_name = value[1];
    slcf->announce = 0;
    slcf->sync = 1;
    slcf->max_size = (off_t) 5 * 1024 * 1024 * 1024;
    slcf->expire = 7 * 86400;

    return ngx_http_social_conf_params(cf, ngx_http_social_store_params, 2, 0,
                                       0, slcf);
}


static ngx_uint_t
ngx_http_social_store_is_prefix(ngx_str_t *value)
{
    return value->len != 0;
}


static ngx_uint_t
ngx_http_social_store_is_part(ngx_str_t *value)
{
    return value->len != 0 && value->data[0] != '/'
           && value->data[value->len - 1] == '/';
}


static char *
ngx_http_social_store_root(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    ngx_http_social_store_loc_conf_t  *slcf = conf;

    ngx_file_info_t  fi;

    if (ngx_http_social_conf_word(cf, entry, value, n, conf) != NGX_CONF_OK
        || ngx_conf_full_name(cf->cycle, &slcf->root, 0) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    while (slcf->root.len > 1 && slcf->root.data[slcf->root.len - 1] == '/') {
        slcf->root.data[--slcf->root.len] = '\0';
    }

    /* keys come after it */

    if (slcf->root.len > NGX_HTTP_SOCIAL_STORE_MAX_ROOT) {
        return ngx_http_social_conf_invalid(cf, entry, &slcf->root,
                   "it must not be longer than %d bytes",
                   NGX_HTTP_SOCIAL_STORE_MAX_ROOT);
    }

    if (ngx_file_info(slcf->root.data, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_file_info_n " \"%V\" failed", &slcf->root);
        return NGX_CONF_ERROR;
    }

    if (!ngx_is_dir(&fi)) {
        return ngx_http_social_conf_error(cf, NULL, "\"%V\" is not a directory",
                                          &slcf->root);
    }

    slcf->created = ngx_file_mtime(&fi);

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

    switch (ngx_http_social_content_merge(cf, &prev->content, &conf->content))
    {
    case NGX_ERROR:
        return NGX_CONF_ERROR;

    case NGX_DECLINED:
        return NGX_CONF_OK;

    case NGX_DONE:
        *conf = *prev;
        return ngx_http_social_store_add(cf, conf, clcf);
    }

    if (ngx_http_social_store_check(cf, conf, clcf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    conf->prefix = clcf->name;

    conf->place.prefix = ngx_http_social_view(&conf->prefix);
    conf->place.part = ngx_http_social_view(&conf->part);
    conf->place.bucket = ngx_http_social_view(&conf->bucket->bucket);
    conf->place.endpoints[0] = conf->bucket->target.endpoint.host;
    conf->place.endpoints[1] = conf->bucket->public_target.endpoint.host;

    conf->policy.region = ngx_http_social_view(&conf->bucket->region);
    conf->policy.service = social_str("s3");
    conf->policy.known_count = 1;

    return ngx_http_social_store_add(cf, conf, clcf);
}


/*
 * Several locations may serve the same directory; the first one processes its
 * spool.
 */

static char *
ngx_http_social_store_add(ngx_conf_t *cf,
    ngx_http_social_store_loc_conf_t *conf, ngx_http_core_loc_conf_t *clcf)
{
    ngx_uint_t                           i;
    social_net_disk_t                   *disk;
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
            || slot[i].conf->announce != conf->announce
            || slot[i].conf->expire != conf->expire)
        {
            return ngx_http_social_conf_error(cf, &conf->content.position,
                       "duplicate root \"%V\" with another bucket, another "
                       "\"announce\" or another \"expire_multipart\" (give "
                       "each bucket a directory of its own) in "
                       "\"social_store\" directive", &conf->root);
        }

        conf->twin = 1;

        if (slot[i].conf->sync == conf->sync) {
            conf->queue = slot[i].conf->queue;
        }
    }

    if (conf->queue == NULL) {
        conf->queue = ngx_http_social_store_queue_create(cf, &conf->root,
                                                         conf->sync);
        if (conf->queue == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    /* of several locations of a root the largest counts */

    disk = ngx_http_social_store_queue_disk(conf->queue);
    disk->min_free = ngx_max(disk->min_free, (int64_t) conf->min_free);

    slot = ngx_array_push(&smcf->stores);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    slot->conf = conf;
    slot->core = clcf;

    ngx_http_social_error_pages(cf, ngx_http_social_store_error_page);

    /* all of the server is the store's then, as far as can be known */

    if (conf->prefix.len == 1) {
        ngx_http_social_error_server_pages(cf,
                                           ngx_http_social_store_error_page);
    }

    /* the size of a body is limited by max_size= */

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
        return ngx_http_social_conf_error(cf, &conf->content.position,
                   "unknown bucket \"%V\" (add \"social_bucket %V\" to the "
                   "\"http\" block) in \"social_store\" directive",
                   &conf->bucket_name, &conf->bucket_name);
    }

    if (conf->bucket->credentials.access_key.len == 0) {
        return ngx_http_social_conf_error(cf, &conf->content.position,
                   "bucket \"%V\" has no credentials of its own (use \"file\", "
                   "\"env\" or \"profile\") in \"social_store\" directive",
                   &conf->bucket_name);
    }

    if (clcf->exact_match || clcf->named || clcf->regex != NULL
        || clcf->name.len == 0 || clcf->name.data[clcf->name.len - 1] != '/')
    {
        return ngx_http_social_conf_error(cf, &conf->content.position,
                   "\"social_store\" directive must be in a prefix location "
                   "that ends with \"/\"");
    }

    if (conf->announce && !ngx_http_social_database_configured(cf)) {
        return ngx_http_social_conf_missing(cf, &conf->content.position,
                   "social_database",
                   "add it to the \"http\" block, or turn \"announce\" off",
                   "social_store");
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
        ngx_http_social_store_queue_init(slot[i].conf->queue, thread_pool);

        /* objects are read in threads too */

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
