
/*
 * The base module: the shared zone, the thread pool, and what is done to every
 * request in the first phase that it runs: identity headers of a client are
 * removed, and so are the arguments, which may contain a token, from the
 * request's log lines.
 */

#include "ngx_http_social.h"
#include "ngx_http_social_log.h"
#include "ngx_http_social_zone.h"


#define NGX_HTTP_SOCIAL_ZONE_MIN   (64 * 1024)
#define NGX_HTTP_SOCIAL_ZONE_SIZE  (16 * 1024 * 1024)


static char *ngx_http_social_zone_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);

static ngx_int_t ngx_http_social_first_phase_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_guard(ngx_http_request_t *r);
static ngx_uint_t ngx_http_social_is_identity_header(ngx_table_elt_t *h);

static void *ngx_http_social_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_social_init(ngx_conf_t *cf);


static const ngx_http_social_conf_entry_t  ngx_http_social_thread_pool_name =
    { ngx_null_string, 0, ngx_http_social_conf_word, 0, 0, 0, NULL };


static ngx_command_t  ngx_http_social_commands[] = {

    { ngx_string("social_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_social_zone_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("social_thread_pool"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_social_conf_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_social_main_conf_t, thread_pool_name),
      (void *) &ngx_http_social_thread_pool_name },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_social_init,                  /* postconfiguration */

    ngx_http_social_create_main_conf,      /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_social_module = {
    NGX_MODULE_V1,
    &ngx_http_social_module_ctx,           /* module context */
    ngx_http_social_commands,              /* module directives */
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


/*
 * In each phase that may be the first one of a request.  Mostly that is
 * POST_READ; but what nginx finalizes while it reads the headers starts with
 * an error_page, in SERVER_REWRITE, or in REWRITE where that is a named
 * location.
 *
 * The log handler marks those that were here before.  A subrequest has its
 * creator's, so that it is without ours only where a filter made it for such
 * a request that has no error_page.  It shares the parts of the list of
 * headers with the main request, but the first one and the list itself, which
 * are copied again: removing headers from its own would leave the main request
 * with an empty part.
 */

static ngx_int_t
ngx_http_social_first_phase_handler(ngx_http_request_t *r)
{
    if (r->log_handler == ngx_http_social_log_error_handler) {
        return NGX_DECLINED;
    }

    if (ngx_http_social_guard(r->main) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r != r->main) {
        r->headers_in.headers = r->main->headers_in.headers;
        r->log_handler = ngx_http_social_log_error_handler;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_social_guard(ngx_http_request_t *r)
{
    if (r->log_handler == ngx_http_social_log_error_handler) {
        return NGX_OK;
    }

    r->log_handler = ngx_http_social_log_error_handler;

    return ngx_http_social_identity_erase(r);
}


ngx_int_t
ngx_http_social_identity_erase(ngx_http_request_t *r)
{
    return ngx_http_social_headers_in_remove(r,
                                          ngx_http_social_is_identity_header);
}


/*
 * X-Social-* in every spelling that some backend would read as that: WSGI and
 * CGI fold "-" and "_" together, others fold more, so any byte that is not
 * alphanumeric stands for "-".
 */

static ngx_uint_t
ngx_http_social_is_identity_header(ngx_table_elt_t *h)
{
    u_char             ch;
    ngx_uint_t         i;
    static const char  prefix[] = "x-social-";

    if (h->key.len < sizeof(prefix) - 1 || (h->key.data[0] | 0x20) != 'x') {
        return 0;
    }

    for (i = 1; i < sizeof(prefix) - 1; i++) {
        ch = ngx_tolower(h->key.data[i]);

        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9'))) {
            ch = '-';
        }

        if (ch != (u_char) prefix[i]) {
            return 0;
        }
    }

    return 1;
}


void
ngx_http_social_use(ngx_conf_t *cf)
{
    ngx_http_social_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_module);

    smcf->used = 1;
}


ngx_shm_zone_t *
ngx_http_social_need_zone(ngx_conf_t *cf)
{
    ngx_str_t                     name;
    ngx_http_social_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_module);

    if (smcf->zone == NULL) {
        ngx_str_set(&name, "social");

        smcf->zone = ngx_http_social_zone_add(cf, &name,
                                              NGX_HTTP_SOCIAL_ZONE_SIZE,
                                              &ngx_http_social_module);
    }

    return smcf->zone;
}


ngx_int_t
ngx_http_social_zone_add_part(ngx_conf_t *cf, ngx_http_social_zone_part_e part,
    ngx_http_social_zone_init_pt init, void *data)
{
    ngx_shm_zone_t  *zone;

    zone = ngx_http_social_need_zone(cf);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    ngx_http_social_zone_set_part(zone, part, init, data);

    return NGX_OK;
}


ngx_thread_pool_t *
ngx_http_social_need_thread_pool(ngx_conf_t *cf)
{
    ngx_http_social_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_module);

    if (smcf->thread_pool == NULL) {
        smcf->thread_pool = ngx_thread_pool_add(cf,
                                smcf->thread_pool_name.len
                                ? &smcf->thread_pool_name : NULL);
    }

    return smcf->thread_pool;
}


static char *
ngx_http_social_zone_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_social_main_conf_t  *smcf = conf;

    u_char     *p;
    ssize_t     size;
    ngx_str_t  *value, name, s;

    value = cf->args->elts;

    if (smcf->zone != NULL) {
        return ngx_http_social_conf_duplicate(cf);
    }

    p = ngx_strlchr(value[1].data, value[1].data + value[1].len, ':');

    if (p == NULL || p == value[1].data) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid zone size \"%V\" in \"social_zone\" directive, it "
                   "must be \"name:size\"", &value[1]);
    }

    name.data = value[1].data;
    name.len = p - value[1].data;

    s.data = p + 1;
    s.len = value[1].data + value[1].len - s.data;

    size = ngx_parse_size(&s);

    if (size == NGX_ERROR) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid zone size \"%V\" in \"social_zone\" directive",
                   &value[1]);
    }

    if (size < NGX_HTTP_SOCIAL_ZONE_MIN) {
        return ngx_http_social_conf_error(cf, NULL,
                   "zone \"%V\" in \"social_zone\" directive is too small, it "
                   "must be at least 64k", &value[1]);
    }

    smcf->zone = ngx_http_social_zone_add(cf, &name, size,
                                          &ngx_http_social_module);

    return smcf->zone ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static void *
ngx_http_social_create_main_conf(ngx_conf_t *cf)
{
    /*
     * set by ngx_pcalloc():
     *
     *     smcf->zone = NULL;
     *     smcf->thread_pool_name = { 0, NULL };
     *     smcf->thread_pool = NULL;
     *     smcf->used = 0;
     *     smcf->counting = NULL;
     */

    return ngx_pcalloc(cf->pool, sizeof(ngx_http_social_main_conf_t));
}


static ngx_int_t
ngx_http_social_init(ngx_conf_t *cf)
{
    ngx_uint_t                    i;
    ngx_http_handler_pt          *h;
    ngx_http_core_main_conf_t    *cmcf;
    ngx_http_social_main_conf_t  *smcf;

    static ngx_http_phases  phases[] = {
        NGX_HTTP_POST_READ_PHASE,
        NGX_HTTP_SERVER_REWRITE_PHASE,
        NGX_HTTP_REWRITE_PHASE
    };

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_module);

    if (!smcf->used) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    for (i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {

        h = ngx_array_push(&cmcf->phases[phases[i]].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = ngx_http_social_first_phase_handler;
    }

    return NGX_OK;
}
