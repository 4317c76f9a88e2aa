
/*
 * "social_status": the numbers of this gateway.
 */

#include "ngx_http_social_content.h"
#include "ngx_http_social_database.h"
#include "ngx_http_social_jobs.h"
#include "ngx_http_social_loop.h"
#include "ngx_http_social_page.h"
#include "ngx_http_social_reply.h"
#include "ngx_http_social_status.h"


#define NGX_HTTP_SOCIAL_STATUS_INTERVAL  1000     /* milliseconds */


typedef struct {
    ngx_http_social_content_t   content;
    ngx_uint_t                  form;          /* of the enum in status.h */
    ngx_http_social_page_t     *page;          /* where that is html */
} ngx_http_social_status_loc_conf_t;


static char *ngx_http_social_status_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_social_status_handler(ngx_http_request_t *r);
static void ngx_http_social_status_measure(ngx_event_t *ev);

static void *ngx_http_social_status_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_status_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_social_status_init_process(ngx_cycle_t *cycle);
static void ngx_http_social_status_exit_process(ngx_cycle_t *cycle);


static ngx_conf_enum_t  ngx_http_social_status_forms[] = {
    { ngx_string("prometheus"), NGX_HTTP_SOCIAL_STATUS_PROMETHEUS },
    { ngx_string("json"), NGX_HTTP_SOCIAL_STATUS_JSON },
    { ngx_string("html"), NGX_HTTP_SOCIAL_STATUS_HTML },
    { ngx_null_string, 0 }
};


static const ngx_http_social_conf_entry_t  ngx_http_social_status_form =
    { ngx_null_string, 0, ngx_http_social_conf_enum,
      offsetof(ngx_http_social_status_loc_conf_t, form), 0, 0,
      ngx_http_social_status_forms };


static ngx_command_t  ngx_http_social_status_commands[] = {

    { ngx_string("social_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_social_status_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_status_module_ctx = {
    NULL,                                    /* preconfiguration */
    ngx_http_social_counters_init,           /* postconfiguration */

    NULL,                                    /* create main configuration */
    NULL,                                    /* init main configuration */

    NULL,                                    /* create server configuration */
    NULL,                                    /* merge server configuration */

    ngx_http_social_status_create_loc_conf,  /* create location configuration */
    ngx_http_social_status_merge_loc_conf    /* merge location configuration */
};


ngx_module_t  ngx_http_social_status_module = {
    NGX_MODULE_V1,
    &ngx_http_social_status_module_ctx,    /* module context */
    ngx_http_social_status_commands,       /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_social_status_init_process,   /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_social_status_exit_process,   /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_social_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                           rc;
    ngx_str_t                           body;
    ngx_uint_t                          form;
    ngx_http_social_status_t            status;
    ngx_http_social_status_text_t       text;
    ngx_http_social_status_loc_conf_t  *slcf;
    static ngx_str_t                    type = ngx_string("text/plain; "
                                             "version=0.0.4; charset=utf-8");
    static ngx_str_t                    no_store = ngx_string("no-store");

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_http_social_reply_not_allowed(r, "GET, HEAD");
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_social_status_module);
    form = slcf->form;

    if (form == NGX_HTTP_SOCIAL_STATUS_HTML) {

        if (r->args.len != sizeof("json") - 1
            || ngx_strncmp(r->args.data, "json", sizeof("json") - 1) != 0)
        {
            return ngx_http_social_page_reply(r, slcf->page);
        }

        form = NGX_HTTP_SOCIAL_STATUS_JSON;
    }

    if (ngx_http_social_status_collect(r, &status) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&text, sizeof(ngx_http_social_status_text_t));
    text.form = form;

    ngx_http_social_status_write(&text, &status);

    body.len = text.len;
    body.data = ngx_pnalloc(r->pool, body.len);
    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&text, sizeof(ngx_http_social_status_text_t));
    text.form = form;
    text.buf = body.data;

    ngx_http_social_status_write(&text, &status);

    if (form == NGX_HTTP_SOCIAL_STATUS_JSON) {
        return ngx_http_social_reply_json(r, NGX_HTTP_OK, &body);
    }

    if (ngx_http_social_header_out_push(r, "Cache-Control", &no_store)
        == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_social_reply(r, NGX_HTTP_OK, &type, &body);
}


/*
 * What other processes can see of this one.
 */

static void
ngx_http_social_status_measure(ngx_event_t *ev)
{
    ngx_http_social_counters_t            *counters;
    ngx_http_social_database_main_conf_t  *dmcf;

    dmcf = ev->data;
    counters = ngx_http_social_counters();

    if (counters == NULL) {
        return;
    }

    ngx_http_social_database_measure(dmcf->db, counters);

    ngx_add_timer(ev, NGX_HTTP_SOCIAL_STATUS_INTERVAL);
}


static char *
ngx_http_social_status_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_status_loc_conf_t  *slcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_http_social_content_set(cf, &slcf->content,
                                    ngx_http_social_status_handler)
        != NGX_CONF_OK
        || ngx_http_social_conf_enum(cf, &ngx_http_social_status_form,
                                     &value[1], 1, slcf)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (slcf->form == NGX_HTTP_SOCIAL_STATUS_HTML) {
        slcf->page = ngx_http_social_page_create(cf);

        if (slcf->page == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_social_counters_use(cf) == NGX_OK ? NGX_CONF_OK
                                                      : NGX_CONF_ERROR;
}


static void *
ngx_http_social_status_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_social_status_loc_conf_t));
}


static char *
ngx_http_social_status_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_social_status_loc_conf_t  *prev = parent;
    ngx_http_social_status_loc_conf_t  *conf = child;

    switch (ngx_http_social_content_merge(cf, &prev->content, &conf->content))
    {
    case NGX_ERROR:
        return NGX_CONF_ERROR;

    case NGX_DONE:
        conf->content = prev->content;
        conf->form = prev->form;
        conf->page = prev->page;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_social_status_init_process(ngx_cycle_t *cycle)
{
    ngx_event_t                           *timer;
    ngx_http_social_database_main_conf_t  *dmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    ngx_http_social_counters_start(cycle);

    if (ngx_http_social_counters() == NULL) {
        return NGX_OK;
    }

    /*
     * not in a single process, which may unload this module with a
     * configuration, while nginx would still call it
     */

    if (ngx_process == NGX_PROCESS_WORKER) {
        ngx_http_social_loop_start();
    }

    dmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_social_database_module);

    if (dmcf->db == NULL) {
        return NGX_OK;
    }

    timer = ngx_pcalloc(cycle->pool, sizeof(ngx_event_t));
    if (timer == NULL) {
        return NGX_ERROR;
    }

    timer->handler = ngx_http_social_status_measure;
    timer->data = dmcf;
    timer->log = cycle->log;
    timer->cancelable = 1;

    ngx_add_timer(timer, 1);

    return ngx_http_social_jobs_start(cycle);
}


static void
ngx_http_social_status_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_social_counters_stop(cycle);
}
