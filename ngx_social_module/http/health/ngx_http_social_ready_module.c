
/*
 * "social_ready": whether this gateway can do its work, for load balancers.
 */

#include "ngx_http_social_check.h"
#include "ngx_http_social_content.h"
#include "ngx_http_social_credentials.h"
#include "ngx_http_social_database.h"
#include "ngx_http_social_drain.h"
#include "ngx_http_social_hook_spool.h"
#include "ngx_http_social_issuer.h"
#include "ngx_http_social_keys.h"
#include "ngx_http_social_reply.h"
#include "ngx_http_social_revocation.h"
#include "social_json.h"


#define NGX_HTTP_SOCIAL_READY_KEYS         0x01
#define NGX_HTTP_SOCIAL_READY_DATABASE     0x02
#define NGX_HTTP_SOCIAL_READY_REVOCATIONS  0x04

#define NGX_HTTP_SOCIAL_READY_CREDENTIALS  0x100
#define NGX_HTTP_SOCIAL_READY_UPSTREAMS    0x200

/* must not be required: a gateway without room still serves requests */
#define NGX_HTTP_SOCIAL_READY_ROOM         0x08
#define NGX_HTTP_SOCIAL_READY_SPOOL        0x10
#define NGX_HTTP_SOCIAL_READY_SILENT       0x20

/* nor that newer keys can be had: those that are there are still used */
#define NGX_HTTP_SOCIAL_READY_NEW_KEYS     0x20


typedef struct {
    ngx_http_social_content_t   content;
    ngx_uint_t                  require;       /* 0: the default */
    ngx_array_t                *names;         /* of upstreams, social_str_t */
    ngx_array_t                *upstreams;     /* check_conf_t *, by "names" */
    ngx_str_t                   drain;         /* the file; empty: none */
} ngx_http_social_ready_loc_conf_t;


typedef struct {
    ngx_http_social_drain_t     drain;
} ngx_http_social_ready_main_conf_t;


static char *ngx_http_social_ready_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_social_ready_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_ready_answer(ngx_http_request_t *r,
    ngx_uint_t draining);
static void ngx_http_social_ready_asked(ngx_http_request_t *r,
    ngx_uint_t draining);
static ngx_uint_t ngx_http_social_ready_missing(ngx_http_request_t *r);
static ngx_uint_t ngx_http_social_ready_upstreams(
    ngx_http_social_ready_loc_conf_t *rlcf);
static const char *ngx_http_social_ready_keys(
    ngx_http_social_keys_state_e state);
static const char *ngx_http_social_ready_revocations(
    social_revocations_t *set, ngx_uint_t missing);
static ngx_uint_t ngx_http_social_ready_spools(ngx_http_request_t *r,
    ngx_http_social_hook_spool_state_t *sum);
static u_char *ngx_http_social_ready_spool(u_char *p, ngx_http_request_t *r);
static u_char *ngx_http_social_ready_peers(u_char *p,
    ngx_http_social_ready_loc_conf_t *rlcf);
static ngx_int_t ngx_http_social_ready_body(ngx_http_request_t *r,
    ngx_uint_t missing, const char *state, ngx_str_t *body);
static ngx_int_t ngx_http_social_ready_header_filter(ngx_http_request_t *r);

static void *ngx_http_social_ready_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_social_ready_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_ready_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_social_ready_find_upstreams(ngx_conf_t *cf,
    ngx_http_social_ready_loc_conf_t *conf);
static ngx_int_t ngx_http_social_ready_init(ngx_conf_t *cf);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


static ngx_conf_bitmask_t  ngx_http_social_ready_parts[] = {
    { ngx_string("keys"), NGX_HTTP_SOCIAL_READY_KEYS },
    { ngx_string("database"), NGX_HTTP_SOCIAL_READY_DATABASE },
    { ngx_string("revocations"), NGX_HTTP_SOCIAL_READY_REVOCATIONS },
    { ngx_string("credentials"), NGX_HTTP_SOCIAL_READY_CREDENTIALS },
    { ngx_null_string, 0 }
};


static const ngx_http_social_conf_entry_t  ngx_http_social_ready_params[] = {

    { ngx_string("require"),
      0,
      ngx_http_social_conf_mask,
      offsetof(ngx_http_social_ready_loc_conf_t, require),
      0, 0, ngx_http_social_ready_parts },

    { ngx_string("upstreams"),
      0,
      ngx_http_social_conf_commas,
      offsetof(ngx_http_social_ready_loc_conf_t, names),
      0, 0, NULL },

    { ngx_string("drain"),
      0,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_ready_loc_conf_t, drain),
      0, 0, NULL },

      ngx_http_social_conf_null_entry
};


static ngx_command_t  ngx_http_social_ready_commands[] = {

    { ngx_string("social_ready"),
      NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      ngx_http_social_ready_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_ready_module_ctx = {
    NULL,                                   /* preconfiguration */
    ngx_http_social_ready_init,             /* postconfiguration */

    ngx_http_social_ready_create_main_conf, /* create main configuration */
    NULL,                                   /* init main configuration */

    NULL,                                   /* create server configuration */
    NULL,                                   /* merge server configuration */

    ngx_http_social_ready_create_loc_conf,  /* create location configuration */
    ngx_http_social_ready_merge_loc_conf    /* merge location configuration */
};


ngx_module_t  ngx_http_social_ready_module = {
    NGX_MODULE_V1,
    &ngx_http_social_ready_module_ctx,     /* module context */
    ngx_http_social_ready_commands,        /* module directives */
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


static ngx_int_t
ngx_http_social_ready_handler(ngx_http_request_t *r)
{
    ngx_int_t                           rc;
    ngx_http_social_ready_loc_conf_t   *rlcf;
    ngx_http_social_ready_main_conf_t  *rmcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_http_social_reply_not_allowed(r, "GET, HEAD");
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_social_ready_module);
    rmcf = ngx_http_get_module_main_conf(r, ngx_http_social_ready_module);

    return rlcf->drain.len
           ? ngx_http_social_drain_ask(r, &rmcf->drain,
                                       ngx_http_social_ready_asked)
           : ngx_http_social_ready_answer(r, 0);
}


static void
ngx_http_social_ready_asked(ngx_http_request_t *r, ngx_uint_t draining)
{
    ngx_http_finalize_request(r, ngx_http_social_ready_answer(r, draining));
}


static ngx_int_t
ngx_http_social_ready_answer(ngx_http_request_t *r, ngx_uint_t draining)
{
    ngx_str_t                          body;
    ngx_uint_t                         missing, required;
    const char                        *state;
    ngx_http_social_ready_loc_conf_t  *rlcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_social_ready_module);

    draining |= ngx_http_social_drain_exiting();

    missing = ngx_http_social_ready_missing(r);
    required = missing & (NGX_HTTP_SOCIAL_READY_UPSTREAMS
                          |(rlcf->require
                            ? rlcf->require
                            : NGX_HTTP_SOCIAL_READY_KEYS
                              |NGX_HTTP_SOCIAL_READY_REVOCATIONS));

    state = draining ? "draining"
            : required ? "waiting"
            : missing ? "degraded" : "ready";

    if (ngx_http_social_ready_body(r, missing, state, &body) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_social_reply_json(r, draining || required
                                         ? NGX_HTTP_SERVICE_UNAVAILABLE
                                         : NGX_HTTP_OK,
                                      &body);
}


static ngx_uint_t
ngx_http_social_ready_missing(ngx_http_request_t *r)
{
    ngx_uint_t                           i, missing;
    social_revocations_t                *set;
    ngx_http_social_issuer_t           **issuer;
    ngx_http_social_issuer_main_conf_t  *imcf;
    ngx_http_social_hook_spool_state_t   spools;

    imcf = ngx_http_get_module_main_conf(r, ngx_http_social_issuer_module);
    issuer = imcf->issuers.elts;

    missing = 0;

    for (i = 0; i < imcf->issuers.nelts; i++) {

        switch (ngx_http_social_keys_state(issuer[i])) {

        case NGX_HTTP_SOCIAL_KEYS_LOADED:
            break;

        case NGX_HTTP_SOCIAL_KEYS_FAILING:
            missing |= NGX_HTTP_SOCIAL_READY_NEW_KEYS;
            break;

        default:
            missing |= NGX_HTTP_SOCIAL_READY_KEYS;
        }
    }

    if (ngx_http_social_database_of(r) != NULL
        && (!ngx_http_social_database_up(r)
            || ngx_http_social_database_reason(r)[0] != '\0'))
    {
        missing |= NGX_HTTP_SOCIAL_READY_DATABASE;
    }

    if (ngx_http_social_credentials_missing(r)) {
        missing |= NGX_HTTP_SOCIAL_READY_CREDENTIALS;
    }

    set = ngx_http_social_revocations(r);

    if (set != NULL && !social_revocations_loaded(set)) {
        missing |= NGX_HTTP_SOCIAL_READY_REVOCATIONS;
    }

    if (ngx_http_social_revocations_silent(r)) {
        missing |= NGX_HTTP_SOCIAL_READY_SILENT;
    }

    if (set != NULL
        && social_revocations_state(set) != SOCIAL_REVOCATIONS_ROOM)
    {
        missing |= NGX_HTTP_SOCIAL_READY_ROOM;
    }

    if (ngx_http_social_ready_spools(r, &spools) && spools.full) {
        missing |= NGX_HTTP_SOCIAL_READY_SPOOL;
    }

    if (!ngx_http_social_ready_upstreams(
                ngx_http_get_module_loc_conf(r, ngx_http_social_ready_module)))
    {
        missing |= NGX_HTTP_SOCIAL_READY_UPSTREAMS;
    }

    return missing;
}


/*
 * Whether each upstream that is named has a peer for requests.
 */

static ngx_uint_t
ngx_http_social_ready_upstreams(ngx_http_social_ready_loc_conf_t *rlcf)
{
    ngx_uint_t                      i;
    ngx_http_social_check_conf_t  **upstream;

    if (rlcf->upstreams == NULL) {
        return 1;
    }

    upstream = rlcf->upstreams->elts;

    for (i = 0; i < rlcf->upstreams->nelts; i++) {
        if (!ngx_http_social_check_usable(upstream[i], NULL, 0)) {
            return 0;
        }
    }

    return 1;
}


/*
 * The sum of all spools of hooks.  0: there is none.
 */

static ngx_uint_t
ngx_http_social_ready_spools(ngx_http_request_t *r,
    ngx_http_social_hook_spool_state_t *sum)
{
    ngx_uint_t                           i;
    ngx_array_t                         *spools;
    ngx_http_social_hook_spool_t       **spool;
    ngx_http_social_hook_spool_state_t   state;

    ngx_memzero(sum, sizeof(ngx_http_social_hook_spool_state_t));

    spools = ngx_http_social_hook_spools(r);
    spool = spools->elts;

    for (i = 0; i < spools->nelts; i++) {
        ngx_http_social_hook_spool_state(spool[i], &state);

        sum->events += state.events;
        sum->bytes += state.bytes;
        sum->aside += state.aside;
        sum->full |= state.full;
    }

    return spools->nelts;
}


/*
 * {"status":"ready","keys":{"NAME":"loaded", ...},"database":"up",
 * "revocations":"loaded","spool":"empty","spool_events":0,"spool_aside":0,
 * "credentials":"loaded","upstreams":{"NAME":"up", ...}}, with a
 * "database_reason" behind another state of the database.  A missing part makes
 * it "waiting" if it is required, and "degraded" otherwise.
 */

static ngx_int_t
ngx_http_social_ready_body(ngx_http_request_t *r, ngx_uint_t missing,
    const char *state, ngx_str_t *body)
{
    size_t                                size;
    u_char                               *p;
    ngx_uint_t                            i;
    const char                           *reason;
    social_revocations_t                 *set;
    ngx_http_social_issuer_t            **issuer;
    ngx_http_social_check_conf_t        **upstream;
    ngx_http_social_ready_loc_conf_t     *rlcf;
    ngx_http_social_issuer_main_conf_t   *imcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_social_ready_module);
    imcf = ngx_http_get_module_main_conf(r, ngx_http_social_issuer_module);
    issuer = imcf->issuers.elts;

    size = sizeof("{\"status\":\"degraded\",\"keys\":{},"
                  "\"database\":\"unavailable\","
                  "\"database_reason\":\"\","
                  "\"revocations\":\"exceeded\","
                  "\"spool\":\"waiting\",\"spool_events\":,"
                  "\"spool_aside\":,"
                  "\"credentials\":\"missing\","
                  "\"upstreams\":{}}")
           + 2 * NGX_INT64_LEN;

    reason = ngx_http_social_database_of(r) != NULL
             ? ngx_http_social_database_reason(r) : "";
    size += ngx_strlen(reason);

    for (i = 0; i < imcf->issuers.nelts; i++) {
        size += sizeof(",\"\":\"missing\"") + 6 * issuer[i]->name.len;
    }

    for (i = 0; rlcf->upstreams && i < rlcf->upstreams->nelts; i++) {
        upstream = rlcf->upstreams->elts;
        size += sizeof(",\"\":\"down\"") + 6 * upstream[i]->upstream->host.len;
    }

    body->data = ngx_pnalloc(r->pool, size);
    if (body->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(body->data, "{\"status\":\"%s\",\"keys\":{", state);

    for (i = 0; i < imcf->issuers.nelts; i++) {

        if (i) {
            *p++ = ',';
        }

        *p++ = '"';
        p = social_json_escape(p, ngx_http_social_view(&issuer[i]->name));
        p = ngx_sprintf(p, "\":\"%s\"",
                        ngx_http_social_ready_keys(
                            ngx_http_social_keys_state(issuer[i])));
    }

    *p++ = '}';

    if (ngx_http_social_database_of(r) != NULL) {
        p = ngx_sprintf(p, ",\"database\":\"%s\"",
                        !ngx_http_social_database_up(r) ? "unavailable"
                        : reason[0] ? "failing" : "up");

        if (reason[0]) {
            p = ngx_sprintf(p, ",\"database_reason\":\"%s\"", reason);
        }
    }

    set = ngx_http_social_revocations(r);

    if (set != NULL) {
        p = ngx_sprintf(p, ",\"revocations\":\"%s\"",
                        missing & NGX_HTTP_SOCIAL_READY_REVOCATIONS
                        ? "missing"
                        : ngx_http_social_ready_revocations(set, missing));
    }

    p = ngx_http_social_ready_spool(p, r);
    if (ngx_http_social_credentials_configured(r)) {
        p = ngx_sprintf(p, ",\"credentials\":\"%s\"",
                        missing & NGX_HTTP_SOCIAL_READY_CREDENTIALS
                        ? "missing" : "loaded");
    }

    p = ngx_http_social_ready_peers(p, rlcf);

    *p++ = '}';

    body->len = p - body->data;

    return NGX_OK;
}


static u_char *
ngx_http_social_ready_peers(u_char *p, ngx_http_social_ready_loc_conf_t *rlcf)
{
    ngx_uint_t                      i;
    ngx_http_social_check_conf_t  **upstream;

    if (rlcf->upstreams == NULL) {
        return p;
    }

    upstream = rlcf->upstreams->elts;

    p = ngx_sprintf(p, ",\"upstreams\":{");

    for (i = 0; i < rlcf->upstreams->nelts; i++) {

        if (i) {
            *p++ = ',';
        }

        *p++ = '"';
        p = social_json_escape(p,
                       ngx_http_social_view(&upstream[i]->upstream->host));
        p = ngx_sprintf(p, "\":\"%s\"",
                        ngx_http_social_check_usable(upstream[i], NULL, 0)
                        ? "up" : "down");
    }

    *p++ = '}';

    return p;
}


static u_char *
ngx_http_social_ready_spool(u_char *p, ngx_http_request_t *r)
{
    ngx_http_social_hook_spool_state_t  state;

    if (!ngx_http_social_ready_spools(r, &state)) {
        return p;
    }

    return ngx_sprintf(p, ",\"spool\":\"%s\",\"spool_events\":%uL,"
                       "\"spool_aside\":%uL",
                       state.full ? "full" : state.events ? "waiting" : "empty",
                       state.events, state.aside);
}


/*
 * An issuer that is unavailable for a while must not take every gateway out of
 * service.  A set without room may: no attempt mends it, and a deployment with
 * too small a zone is to stop there.
 */

static const char *
ngx_http_social_ready_keys(ngx_http_social_keys_state_e state)
{
    switch (state) {

    case NGX_HTTP_SOCIAL_KEYS_LOADED:
        return "loaded";

    case NGX_HTTP_SOCIAL_KEYS_FAILING:
        return "failing";

    case NGX_HTTP_SOCIAL_KEYS_FULL:
        return "full";

    default:
        return "missing";
    }
}


static const char *
ngx_http_social_ready_revocations(social_revocations_t *set,
    ngx_uint_t missing)
{
    switch (social_revocations_state(set)) {

    case SOCIAL_REVOCATIONS_ROOM:
        return missing & NGX_HTTP_SOCIAL_READY_SILENT ? "stale" : "loaded";

    case SOCIAL_REVOCATIONS_FULL:
        return "full";

    default:
        return "exceeded";
    }
}


static char *
ngx_http_social_ready_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_social_ready_loc_conf_t  *rlcf = conf;

    if (ngx_http_social_content_set(cf, &rlcf->content,
                                    ngx_http_social_ready_handler)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_social_conf_params(cf, ngx_http_social_ready_params, 1, 0,
                                       0, rlcf);
}


/*
 * Connections end with the next response, and say so, as nginx has it in a
 * process that exits: what a client sends on one that is closed without a word
 * is lost.
 */

static ngx_int_t
ngx_http_social_ready_header_filter(ngx_http_request_t *r)
{
    ngx_http_social_ready_main_conf_t  *rmcf;

    rmcf = ngx_http_get_module_main_conf(r, ngx_http_social_ready_module);

    if (*rmcf->drain.draining) {
        r->keepalive = 0;
    }

    return ngx_http_next_header_filter(r);
}


static void *
ngx_http_social_ready_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_social_ready_main_conf_t));
}


static void *
ngx_http_social_ready_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_social_ready_loc_conf_t));
}


static char *
ngx_http_social_ready_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_social_ready_loc_conf_t  *prev = parent;
    ngx_http_social_ready_loc_conf_t  *conf = child;

    ngx_int_t                           rc;
    ngx_http_social_ready_main_conf_t  *rmcf;

    switch (ngx_http_social_content_merge(cf, &prev->content, &conf->content))
    {
    case NGX_ERROR:
        return NGX_CONF_ERROR;

    case NGX_DECLINED:
        return NGX_CONF_OK;

    case NGX_DONE:
        *conf = *prev;
    }

    if ((conf->require & (NGX_HTTP_SOCIAL_READY_DATABASE
                          |NGX_HTTP_SOCIAL_READY_REVOCATIONS))
        && !ngx_http_social_database_configured(cf))
    {
        return ngx_http_social_conf_missing(cf, &conf->content.position,
                   "social_database",
                   "add it to the \"http\" block, or require keys only",
                   "social_ready");
    }

    if (conf->drain.len
        && ngx_conf_full_name(cf->cycle, &conf->drain, 1) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_ready_module);

    rc = ngx_http_social_drain_use(cf, &rmcf->drain, &conf->drain);

    if (rc == NGX_DECLINED) {
        return ngx_http_social_conf_error(cf, &conf->content.position,
                   "\"social_ready\" directives must have the same \"drain\" "
                   "parameter, \"%V\" is another one", &conf->drain);
    }

    return rc == NGX_OK ? ngx_http_social_ready_find_upstreams(cf, conf)
                        : NGX_CONF_ERROR;
}


static char *
ngx_http_social_ready_find_upstreams(ngx_conf_t *cf,
    ngx_http_social_ready_loc_conf_t *conf)
{
    ngx_str_t                       name;
    ngx_uint_t                      i;
    social_str_t                   *names;
    ngx_http_social_check_conf_t  **upstream;

    if (conf->names == NULL || conf->upstreams != NULL) {
        return NGX_CONF_OK;
    }

    names = conf->names->elts;

    conf->upstreams = ngx_array_create(cf->pool, conf->names->nelts,
                                      sizeof(ngx_http_social_check_conf_t *));
    if (conf->upstreams == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < conf->names->nelts; i++) {

        ngx_http_social_from_str(&name, names[i]);

        upstream = ngx_array_push(conf->upstreams);
        *upstream = ngx_http_social_check_find(cf, &name);

        if (*upstream == NULL) {
            return ngx_http_social_conf_error(cf, &conf->content.position,
                       "no \"social_health_check\" is defined in upstream "
                       "\"%V\" for the \"social_ready\" directive", &name);
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_social_ready_init(ngx_conf_t *cf)
{
    ngx_http_social_ready_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_ready_module);

    if (rmcf->drain.path.len == 0) {
        return NGX_OK;
    }

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_social_ready_header_filter;

    return ngx_http_social_drain_init(cf, &rmcf->drain);
}
