
/*
 * Requests by route.
 *
 * DESIGN.  A request is counted once, in the LOG phase, under the location
 * that it came to first: an "error_page" or "try_files" leads to another one,
 * which says nothing of what was asked for.  nginx clears contexts on such a
 * redirect, but keeps the values of variables: so the first location is noted
 * in that of a variable that nobody can read, since its name has a space.
 * Unlike a cleanup, which each request would need before it is known whether
 * it is redirected, this takes no memory, and a few instructions.
 */

#include "ngx_http_social_route.h"


typedef struct {
    ngx_int_t               index;       /* of the variable */
} ngx_http_social_route_main_conf_t;


typedef struct {
    ngx_str_t               name;        /* empty: the location's */
    ngx_http_social_row_t  *row;         /* NULL: nothing is counted */
} ngx_http_social_route_loc_conf_t;


typedef struct {
    ngx_uint_t    status;
    const char   *label;
} ngx_http_social_route_status_t;


static ngx_int_t ngx_http_social_route_rewrite_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_route_log_handler(ngx_http_request_t *r);
static ngx_http_social_row_t *ngx_http_social_route_first(
    ngx_http_request_t *r);
static ngx_uint_t ngx_http_social_route_status(ngx_http_request_t *r);
static ngx_uint_t ngx_http_social_route_find(ngx_uint_t status);
static void ngx_http_social_route_upstream(ngx_http_request_t *r,
    ngx_http_social_route_counts_t *counts);
static ngx_http_social_row_t *ngx_http_social_route_of(ngx_http_request_t *r);
static ngx_http_variable_value_t *ngx_http_social_route_note(
    ngx_http_request_t *r);

static ngx_int_t ngx_http_social_route_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void *ngx_http_social_route_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_social_route_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_route_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_social_route_init(ngx_conf_t *cf);


static const ngx_http_social_conf_entry_t  ngx_http_social_route_name =
    { ngx_null_string, 0, ngx_http_social_conf_word, 0, 0, 0, NULL };


static ngx_command_t  ngx_http_social_route_commands[] = {

    { ngx_string("social_status_route"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_social_conf_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_social_route_loc_conf_t, name),
      (void *) &ngx_http_social_route_name },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_route_module_ctx = {
    NULL,                                    /* preconfiguration */
    ngx_http_social_route_init,              /* postconfiguration */

    ngx_http_social_route_create_main_conf,  /* create main configuration */
    NULL,                                    /* init main configuration */

    NULL,                                    /* create server configuration */
    NULL,                                    /* merge server configuration */

    ngx_http_social_route_create_loc_conf,   /* create location configuration */
    ngx_http_social_route_merge_loc_conf     /* merge location configuration */
};


ngx_module_t  ngx_http_social_route_module = {
    NGX_MODULE_V1,
    &ngx_http_social_route_module_ctx,     /* module context */
    ngx_http_social_route_commands,        /* module directives */
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
 * By status, those of a class after its others: what is not in the list is
 * counted under its class.
 */
static const ngx_http_social_route_status_t  ngx_http_social_route_codes[] = {
    { 100, "1xx" },
    { 200, "2xx" },
    { 300, "3xx" },
    { 400, "4xx" },
    { 500, "5xx" },
    { 101, "101" },
    { 200, "200" },
    { 201, "201" },
    { 202, "202" },
    { 204, "204" },
    { 206, "206" },
    { 301, "301" },
    { 302, "302" },
    { 303, "303" },
    { 304, "304" },
    { 307, "307" },
    { 308, "308" },
    { 400, "400" },
    { 401, "401" },
    { 403, "403" },
    { 404, "404" },
    { 405, "405" },
    { 408, "408" },
    { 409, "409" },
    { 412, "412" },
    { 413, "413" },
    { 415, "415" },
    { 422, "422" },
    { 429, "429" },
    { 499, "499" },
    { 500, "500" },
    { 502, "502" },
    { 503, "503" }
};


#define NGX_HTTP_SOCIAL_ROUTE_CLASSES  5


_Static_assert(sizeof(ngx_http_social_route_codes)
               / sizeof(ngx_http_social_route_codes[0])
               == NGX_HTTP_SOCIAL_ROUTE_CODES, "a count for each status");


const char *
ngx_http_social_route_code(ngx_uint_t i)
{
    return ngx_http_social_route_codes[i].label;
}


static ngx_int_t
ngx_http_social_route_rewrite_handler(ngx_http_request_t *r)
{
    if (r == r->main && !r->internal) {
        ngx_http_social_route_note(r)->data =
                                       (u_char *) ngx_http_social_route_of(r);
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_social_route_log_handler(ngx_http_request_t *r)
{
    ngx_time_t                      *tp;
    ngx_msec_int_t                   ms;
    ngx_http_social_route_counts_t  *counts;

    if (r != r->main) {
        return NGX_OK;
    }

    counts = (ngx_http_social_route_counts_t *)
             ngx_http_social_counters_row_values(
                                              ngx_http_social_route_first(r));

    if (counts == NULL) {
        return NGX_OK;
    }

    tp = ngx_timeofday();

    ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                           + (ngx_msec_int_t) (tp->msec - r->start_msec));
    ms = ngx_max(ms, 0);

    counts->codes[ngx_http_social_route_find(
                                         ngx_http_social_route_status(r))]++;
    counts->received += r->request_length;
    counts->sent += r->connection->sent;

    ngx_http_social_observe(&counts->latency, ngx_http_social_seconds,
                            (uint64_t) ms * 1000);

    if (r->upstream_states) {
        ngx_http_social_route_upstream(r, counts);
    }

    return NGX_OK;
}


/*
 * With a "rewrite ... last" it is the location that the request came to after
 * it: the last one that was noted before a redirect.
 */

static ngx_http_social_row_t *
ngx_http_social_route_first(ngx_http_request_t *r)
{
    u_char  *noted;

    if (r->internal) {
        noted = ngx_http_social_route_note(r)->data;

        /* what failed while it was read came to no location before */

        if (noted != NULL) {
            return (void *) noted;
        }
    }

    return ngx_http_social_route_of(r);
}


/*
 * As nginx's $status.
 */

static ngx_uint_t
ngx_http_social_route_status(ngx_http_request_t *r)
{
    if (r->err_status) {
        return r->err_status;
    }

    return r->headers_out.status;
}


/*
 * A request that was not answered at all has no status, and counts as 499; an
 * invalid one of HTTP/0.9 has 9, and counts as of the class 2xx.
 */

static ngx_uint_t
ngx_http_social_route_find(ngx_uint_t status)
{
    ngx_uint_t  i;

    if (status == 0) {
        status = NGX_HTTP_CLIENT_CLOSED_REQUEST;
    }

    for (i = NGX_HTTP_SOCIAL_ROUTE_CLASSES;
         i < NGX_HTTP_SOCIAL_ROUTE_CODES;
         i++)
    {
        if (ngx_http_social_route_codes[i].status == status) {
            return i;
        }
    }

    for (i = 0; i < NGX_HTTP_SOCIAL_ROUTE_CLASSES; i++) {
        if (ngx_http_social_route_codes[i].status / 100 == status / 100) {
            return i;
        }
    }

    return status < 100 ? 1 : NGX_HTTP_SOCIAL_ROUTE_CLASSES - 1;
}


/*
 * The time of all peers that were tried, as long as they answered.
 */

static void
ngx_http_social_route_upstream(ngx_http_request_t *r,
    ngx_http_social_route_counts_t *counts)
{
    uint64_t                    ms;
    ngx_uint_t                  i, tried;
    ngx_http_upstream_state_t  *state;

    ms = 0;
    tried = 0;

    state = r->upstream_states->elts;

    for (i = 0; i < r->upstream_states->nelts; i++) {

        if (state[i].peer && state[i].response_time != (ngx_msec_t) -1) {
            ms += state[i].response_time;
            tried = 1;
        }
    }

    if (tried) {
        ngx_http_social_observe(&counts->upstream, ngx_http_social_seconds,
                                ms * 1000);
    }
}


static ngx_http_social_row_t *
ngx_http_social_route_of(ngx_http_request_t *r)
{
    ngx_http_social_route_loc_conf_t  *rlcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_social_route_module);

    return rlcf->row;
}


/*
 * Of the main request: subrequests have the same values.
 */

static ngx_http_variable_value_t *
ngx_http_social_route_note(ngx_http_request_t *r)
{
    ngx_http_social_route_main_conf_t  *rmcf;

    rmcf = ngx_http_get_module_main_conf(r, ngx_http_social_route_module);

    return &r->variables[rmcf->index];
}


/*
 * A variable needs one; it is never called.
 */

static ngx_int_t
ngx_http_social_route_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    v->not_found = 1;

    return NGX_OK;
}


static void *
ngx_http_social_route_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_social_route_main_conf_t));
}


static void *
ngx_http_social_route_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_social_route_loc_conf_t));
}


/*
 * Requests that no location is found for have a server's configuration.
 */

static char *
ngx_http_social_route_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_social_route_loc_conf_t  *prev = parent;
    ngx_http_social_route_loc_conf_t  *conf = child;

    ngx_http_core_loc_conf_t  *clcf;
    static ngx_str_t           none = ngx_string("-");

    if (!ngx_http_social_counters_used(cf)) {
        return NGX_CONF_OK;
    }

    if (conf->name.len == 0) {
        conf->name = prev->name;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    conf->row = ngx_http_social_counters_row(cf, NGX_HTTP_SOCIAL_ROW_ROUTE,
                                             conf->name.len ? &conf->name
                                             : clcf->name.len ? &clcf->name
                                             : &none);

    return conf->row ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_social_route_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt                *h;
    ngx_http_variable_t                *var;
    ngx_http_core_main_conf_t          *cmcf;
    ngx_http_social_route_main_conf_t  *rmcf;

    static ngx_str_t  name = ngx_string("social route");

    if (!ngx_http_social_counters_used(cf)) {
        return NGX_OK;
    }

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_social_route_module);

    var = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOHASH);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->get_handler = ngx_http_social_route_variable;

    rmcf->index = ngx_http_get_variable_index(cf, &name);
    if (rmcf->index == NGX_ERROR) {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_social_route_rewrite_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_social_route_log_handler;

    return NGX_OK;
}
