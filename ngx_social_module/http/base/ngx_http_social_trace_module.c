
/*
 * "social_trace": which trace a request belongs to (W3C Trace Context).
 *
 * The trace is known when it is first asked for, by a variable, or in the
 * PREACCESS phase, where the header that the backend gets replaces the
 * client's: later than where other modules for traces set theirs.
 */

#include "ngx_http_social_trace.h"

#include <openssl/rand.h>


#define NGX_HTTP_SOCIAL_TRACE_OFF   0
#define NGX_HTTP_SOCIAL_TRACE_ON    1
#define NGX_HTTP_SOCIAL_TRACE_PASS  2


typedef struct {
    ngx_uint_t       used;               /* by a location */
} ngx_http_social_trace_main_conf_t;


typedef struct {
    ngx_uint_t       mode;
    ngx_uint_t       sample;             /* percent of new traces */
    ngx_uint_t       set;
} ngx_http_social_trace_loc_conf_t;


typedef struct {
    social_trace_t   trace;
    ngx_str_t        header;             /* traceparent */
    unsigned         known:1;            /* there is a trace */
    unsigned         sent:1;             /* the header was set */
    unsigned         foreign:1;          /* one of the request's is invalid */
} ngx_http_social_trace_ctx_t;


typedef enum {
    NGX_HTTP_SOCIAL_TRACE_ID = 0,
    NGX_HTTP_SOCIAL_TRACE_SPAN,
    NGX_HTTP_SOCIAL_TRACE_SAMPLED,
    NGX_HTTP_SOCIAL_TRACE_PARENT
} ngx_http_social_trace_variable_e;


static ngx_int_t ngx_http_social_trace_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_trace_replace(ngx_http_request_t *r,
    ngx_http_social_trace_ctx_t *ctx);
static ngx_uint_t ngx_http_social_trace_is_parent(ngx_table_elt_t *h);
static ngx_uint_t ngx_http_social_trace_is_any(ngx_table_elt_t *h);
static ngx_http_social_trace_ctx_t *ngx_http_social_trace_ctx(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_social_trace_begin(ngx_http_request_t *r,
    ngx_http_social_trace_loc_conf_t *tlcf, ngx_http_social_trace_ctx_t *ctx);
static ngx_int_t ngx_http_social_trace_new_id(
    ngx_http_social_trace_loc_conf_t *tlcf, social_trace_t *trace);
static ngx_int_t ngx_http_social_trace_new_span(social_trace_t *trace);
static ngx_int_t ngx_http_social_trace_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

static char *ngx_http_social_trace_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_social_trace_add_variables(ngx_conf_t *cf);
static void *ngx_http_social_trace_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_social_trace_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_trace_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_social_trace_init(ngx_conf_t *cf);


static ngx_conf_enum_t  ngx_http_social_trace_modes[] = {
    { ngx_string("off"), NGX_HTTP_SOCIAL_TRACE_OFF },
    { ngx_string("on"), NGX_HTTP_SOCIAL_TRACE_ON },
    { ngx_string("pass"), NGX_HTTP_SOCIAL_TRACE_PASS },
    { ngx_null_string, 0 }
};


static const ngx_http_social_conf_entry_t  ngx_http_social_trace_mode =
    { ngx_null_string, 0, ngx_http_social_conf_enum,
      offsetof(ngx_http_social_trace_loc_conf_t, mode), 0, 0,
      ngx_http_social_trace_modes };


static const ngx_http_social_conf_entry_t  ngx_http_social_trace_params[] = {

    { ngx_string("sample"),
      0,
      ngx_http_social_conf_number,
      offsetof(ngx_http_social_trace_loc_conf_t, sample),
      0, 100, NULL },

      ngx_http_social_conf_null_entry
};


static ngx_command_t  ngx_http_social_trace_commands[] = {

    { ngx_string("social_trace"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_social_trace_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_trace_module_ctx = {
    ngx_http_social_trace_add_variables,     /* preconfiguration */
    ngx_http_social_trace_init,              /* postconfiguration */

    ngx_http_social_trace_create_main_conf,  /* create main configuration */
    NULL,                                    /* init main configuration */

    NULL,                                    /* create server configuration */
    NULL,                                    /* merge server configuration */

    ngx_http_social_trace_create_loc_conf,   /* create location configuration */
    ngx_http_social_trace_merge_loc_conf     /* merge location configuration */
};


ngx_module_t  ngx_http_social_trace_module = {
    NGX_MODULE_V1,
    &ngx_http_social_trace_module_ctx,     /* module context */
    ngx_http_social_trace_commands,        /* module directives */
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


static ngx_http_variable_t  ngx_http_social_trace_variables[] = {

    { ngx_string("social_trace_id"), NULL, ngx_http_social_trace_variable,
      NGX_HTTP_SOCIAL_TRACE_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("social_span_id"), NULL, ngx_http_social_trace_variable,
      NGX_HTTP_SOCIAL_TRACE_SPAN, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("social_trace_sampled"), NULL,
      ngx_http_social_trace_variable, NGX_HTTP_SOCIAL_TRACE_SAMPLED,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("social_traceparent"), NULL, ngx_http_social_trace_variable,
      NGX_HTTP_SOCIAL_TRACE_PARENT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


static ngx_http_social_header_name_t  ngx_http_social_trace_header = {
    ngx_string("traceparent"), ngx_string("traceparent"), 0
};


const social_trace_t *
ngx_http_social_trace(ngx_http_request_t *r)
{
    ngx_http_social_trace_ctx_t  *ctx;

    ctx = ngx_http_social_trace_ctx(r);

    return ctx && ctx->known ? &ctx->trace : NULL;
}


static ngx_int_t
ngx_http_social_trace_handler(ngx_http_request_t *r)
{
    ngx_http_social_trace_ctx_t  *ctx;

    /* a subrequest shares the headers of its main request */

    if (r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_social_trace_ctx(r);

    if (ctx == NULL || ctx->sent) {
        return NGX_DECLINED;
    }

    ctx->sent = 1;

    if (ngx_http_social_trace_replace(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


/*
 * The state of an invalid traceparent is of no trace (3.3.1.1).
 */

static ngx_int_t
ngx_http_social_trace_replace(ngx_http_request_t *r,
    ngx_http_social_trace_ctx_t *ctx)
{
    ngx_int_t  rc;

    rc = ngx_http_social_headers_in_remove(r, ctx->foreign
                                           ? ngx_http_social_trace_is_any
                                           : ngx_http_social_trace_is_parent);

    if (rc != NGX_OK || !ctx->known) {
        return rc;
    }

    return ngx_http_social_header_in_push(r, &ngx_http_social_trace_header,
                                          &ctx->header);
}


static ngx_uint_t
ngx_http_social_trace_is_parent(ngx_table_elt_t *h)
{
    return h->key.len == sizeof("traceparent") - 1
           && ngx_strncasecmp(h->key.data, (u_char *) "traceparent",
                              sizeof("traceparent") - 1)
              == 0;
}


static ngx_uint_t
ngx_http_social_trace_is_any(ngx_table_elt_t *h)
{
    return ngx_http_social_trace_is_parent(h)
           || (h->key.len == sizeof("tracestate") - 1
               && ngx_strncasecmp(h->key.data, (u_char *) "tracestate",
                                  sizeof("tracestate") - 1)
                  == 0);
}


/*
 * Made when it is first asked for where "social_trace" is on, and kept over
 * internal redirects.
 */

static ngx_http_social_trace_ctx_t *
ngx_http_social_trace_ctx(ngx_http_request_t *r)
{
    ngx_http_social_trace_ctx_t       *ctx;
    ngx_http_social_trace_loc_conf_t  *tlcf;

    r = r->main;

    ctx = ngx_http_social_get_ctx(r, &ngx_http_social_trace_module);

    if (ctx != NULL) {
        return ctx;
    }

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_social_trace_module);

    if (tlcf->mode == NGX_HTTP_SOCIAL_TRACE_OFF) {
        return NULL;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_social_trace_ctx_t));

    if (ctx == NULL
        || ngx_http_social_trace_begin(r, tlcf, ctx) != NGX_OK
        || ngx_http_social_set_ctx(r, ctx, &ngx_http_social_trace_module)
           != NGX_OK)
    {
        return NULL;
    }

    return ctx;
}


static ngx_int_t
ngx_http_social_trace_begin(ngx_http_request_t *r,
    ngx_http_social_trace_loc_conf_t *tlcf, ngx_http_social_trace_ctx_t *ctx)
{
    ngx_uint_t        more;
    ngx_table_elt_t  *h;

    h = ngx_http_social_header_in(r, &ngx_http_social_trace_header.lowcase,
                                  ngx_http_social_trace_header.hash, &more);

    if (h != NULL && !more
        && social_trace_parse(ngx_http_social_view(&h->value), &ctx->trace)
           == SOCIAL_OK)
    {
        ctx->known = 1;

    } else {
        ctx->foreign = 1;
    }

    if (tlcf->mode == NGX_HTTP_SOCIAL_TRACE_ON) {

        if ((!ctx->known
             && ngx_http_social_trace_new_id(tlcf, &ctx->trace) != NGX_OK)
            || ngx_http_social_trace_new_span(&ctx->trace) != NGX_OK)
        {
            return NGX_ERROR;
        }

        ctx->known = 1;
    }

    if (!ctx->known) {
        return NGX_OK;
    }

    ctx->header.len = SOCIAL_TRACE_SIZE;
    ctx->header.data = ngx_pnalloc(r->pool, SOCIAL_TRACE_SIZE);

    if (ctx->header.data == NULL) {
        return NGX_ERROR;
    }

    social_trace_write(&ctx->trace, ctx->header.data);

    return NGX_OK;
}


/*
 * Which new traces are sampled follows from their random id.
 */

static ngx_int_t
ngx_http_social_trace_new_id(ngx_http_social_trace_loc_conf_t *tlcf,
    social_trace_t *trace)
{
    u_char    bytes[SOCIAL_TRACE_ID_SIZE];
    uint32_t  part;

    do {
        if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
            return NGX_ERROR;
        }

    } while (social_trace_set_id(trace, bytes) != SOCIAL_OK);

    ngx_memcpy(&part, bytes + SOCIAL_TRACE_ID_SIZE - sizeof(part),
               sizeof(part));

    trace->sampled = part % 100 < tlcf->sample;

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_trace_new_span(social_trace_t *trace)
{
    u_char  bytes[SOCIAL_TRACE_SPAN_SIZE];

    do {
        if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
            return NGX_ERROR;
        }

    } while (social_trace_set_span(trace, bytes) != SOCIAL_OK);

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_trace_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_social_trace_ctx_t  *ctx;

    ctx = ngx_http_social_trace_ctx(r);

    if (ctx == NULL || !ctx->known) {
        v->not_found = 1;
        return NGX_OK;
    }

    switch ((ngx_http_social_trace_variable_e) data) {

    case NGX_HTTP_SOCIAL_TRACE_ID:
        v->data = ctx->trace.id;
        v->len = SOCIAL_TRACE_ID_HEX;
        break;

    case NGX_HTTP_SOCIAL_TRACE_SPAN:
        v->data = ctx->trace.span;
        v->len = SOCIAL_TRACE_SPAN_HEX;
        break;

    case NGX_HTTP_SOCIAL_TRACE_SAMPLED:
        v->data = (u_char *) (ctx->trace.sampled ? "1" : "0");
        v->len = 1;
        break;

    default: /* NGX_HTTP_SOCIAL_TRACE_PARENT */
        v->data = ctx->header.data;
        v->len = ctx->header.len;
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static char *
ngx_http_social_trace_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_trace_loc_conf_t  *tlcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (tlcf->set) {
        return ngx_http_social_conf_duplicate(cf);
    }

    tlcf->set = 1;
    tlcf->sample = 100;

    if (ngx_http_social_conf_enum(cf, &ngx_http_social_trace_mode, &value[1],
                                  1, tlcf)
        != NGX_CONF_OK
        || ngx_http_social_conf_params(cf, ngx_http_social_trace_params, 2, 0,
                                       0, tlcf)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts > 2 && tlcf->mode != NGX_HTTP_SOCIAL_TRACE_ON) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"sample\" in \"social_trace\" directive is for new "
                   "traces, which only \"on\" begins");
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_social_trace_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_social_trace_variables; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static void *
ngx_http_social_trace_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_social_trace_main_conf_t));
}


static void *
ngx_http_social_trace_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_social_trace_loc_conf_t));
}


static char *
ngx_http_social_trace_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_social_trace_loc_conf_t  *prev = parent;
    ngx_http_social_trace_loc_conf_t  *conf = child;

    ngx_http_social_trace_main_conf_t  *tmcf;

    if (!conf->set) {
        *conf = *prev;
    }

    if (conf->mode != NGX_HTTP_SOCIAL_TRACE_OFF) {
        tmcf = ngx_http_conf_get_module_main_conf(cf,
                                                ngx_http_social_trace_module);
        tmcf->used = 1;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_social_trace_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt                *h;
    ngx_http_core_main_conf_t          *cmcf;
    ngx_http_social_trace_main_conf_t  *tmcf;

    tmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_trace_module);

    if (!tmcf->used) {
        return NGX_OK;
    }

    ngx_http_social_header_name_init(&ngx_http_social_trace_header);

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_social_trace_handler;

    return NGX_OK;
}
