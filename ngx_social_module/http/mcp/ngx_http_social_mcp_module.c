
/*
 * "social_resource_scope": the module and its directive.
 */

#include "ngx_http_social_error.h"
#include "ngx_http_social_mcp.h"
#include "ngx_http_social_reply.h"
#include "ngx_http_social_resource.h"
#include "social_resource.h"


typedef struct {
    ngx_uint_t                   used;
} ngx_http_social_mcp_main_conf_t;


static char *ngx_http_social_mcp_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_social_mcp_pattern(ngx_conf_t *cf, ngx_str_t *value);
static ngx_uint_t ngx_http_social_mcp_is_scope(ngx_str_t *value);

static void *ngx_http_social_mcp_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_social_mcp_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_mcp_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_social_mcp_check(ngx_conf_t *cf,
    ngx_http_social_mcp_loc_conf_t *conf);
static ngx_int_t ngx_http_social_mcp_init(ngx_conf_t *cf);


static const ngx_http_social_conf_check_t  ngx_http_social_mcp_scope_check = {
    ngx_http_social_mcp_is_scope,
    "a scope must be printable ASCII without spaces, quotes and backslashes"
};


static const ngx_http_social_conf_entry_t  ngx_http_social_mcp_scopes =
    { ngx_null_string, 0, ngx_http_social_conf_list,
      offsetof(ngx_http_social_auth_list_t, values), 0, 0,
      &ngx_http_social_mcp_scope_check };


static ngx_command_t  ngx_http_social_mcp_commands[] = {

    { ngx_string("social_resource_scope"),
      NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_http_social_mcp_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_mcp_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_social_mcp_init,              /* postconfiguration */

    ngx_http_social_mcp_create_main_conf,  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_social_mcp_create_loc_conf,   /* create location configuration */
    ngx_http_social_mcp_merge_loc_conf     /* merge location configuration */
};


ngx_module_t  ngx_http_social_mcp_module = {
    NGX_MODULE_V1,
    &ngx_http_social_mcp_module_ctx,       /* module context */
    ngx_http_social_mcp_commands,          /* module directives */
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
 * METHOD NAME any|all SCOPE ...
 */

static char *
ngx_http_social_mcp_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_social_mcp_loc_conf_t  *mlcf = conf;

    ngx_str_t                   *value;
    ngx_uint_t                   i;
    ngx_http_social_mcp_rule_t  *rule, *rules;

    value = cf->args->elts;

    if (cf->args->nelts < 5) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid number of arguments in \"social_resource_scope\" "
                   "directive, it must have a method, a name, \"any\" or "
                   "\"all\", and scopes");
    }

    if (mlcf->list == NGX_CONF_UNSET_PTR) {

        mlcf->list = ngx_array_create(cf->pool, 4,
                                       sizeof(ngx_http_social_mcp_rule_t));
        if (mlcf->list == NULL) {
            return NGX_CONF_ERROR;
        }

        /* a server may have rules for only some of its locations */

        if (cf->cmd_type & NGX_HTTP_LOC_CONF) {
            ngx_http_social_conf_position(cf, &mlcf->position);
        }
    }

    if (ngx_http_social_mcp_pattern(cf, &value[1]) != NGX_CONF_OK
        || ngx_http_social_mcp_pattern(cf, &value[2]) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_strcmp(value[2].data, "*") != 0
        && !social_mcp_has_name(ngx_http_social_view(&value[1])))
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid value \"%V\" in \"social_resource_scope\" "
                   "directive, what \"%V\" is called on has no name: it must "
                   "be \"*\"", &value[2], &value[1]);
    }

    rules = mlcf->list->elts;

    for (i = 0; i < mlcf->list->nelts; i++) {
        if (social_str_eq(ngx_http_social_view(&rules[i].method),
                          ngx_http_social_view(&value[1]))
            && social_str_eq(ngx_http_social_view(&rules[i].name),
                             ngx_http_social_view(&value[2])))
        {
            return ngx_http_social_conf_error(cf, NULL,
                       "duplicate method and name \"%V %V\" (list all scopes "
                       "in one) in \"social_resource_scope\" directive",
                       &value[1], &value[2]);
        }
    }

    rule = ngx_array_push(mlcf->list);
    if (rule == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(rule, sizeof(ngx_http_social_mcp_rule_t));

    rule->method = value[1];
    rule->name = value[2];

    if (ngx_strcmp(value[3].data, "all") == 0) {
        rule->scopes.all = 1;

    } else if (ngx_strcmp(value[3].data, "any") != 0) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid parameter \"%V\" in \"social_resource_scope\" "
                   "directive, the third one must be \"any\" or \"all\"",
                   &value[3]);
    }

    return ngx_http_social_conf_list(cf, &ngx_http_social_mcp_scopes,
                                     &value[4], cf->args->nelts - 4,
                                     &rule->scopes);
}


static char *
ngx_http_social_mcp_pattern(ngx_conf_t *cf, ngx_str_t *value)
{
    if (!social_mcp_is_pattern(ngx_http_social_view(value))) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid value \"%V\" in \"social_resource_scope\" "
                   "directive, it must be a method or a name, and may have a "
                   "star at its end", value);
    }

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_social_mcp_is_scope(ngx_str_t *value)
{
    return social_resource_is_scope(ngx_http_social_view(value));
}


static void *
ngx_http_social_mcp_create_main_conf(ngx_conf_t *cf)
{
    /*
     * set by ngx_pcalloc():
     *
     *     mmcf->used = 0;
     */

    return ngx_pcalloc(cf->pool, sizeof(ngx_http_social_mcp_main_conf_t));
}


static void *
ngx_http_social_mcp_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_social_mcp_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_mcp_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->rules = NULL;
     *     conf->position = { { 0, NULL }, 0 };
     */

    conf->list = NGX_CONF_UNSET_PTR;

    return conf;
}


static char *
ngx_http_social_mcp_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_social_mcp_loc_conf_t  *prev = parent;
    ngx_http_social_mcp_loc_conf_t  *conf = child;

    ngx_http_social_auth_loc_conf_t  *alcf;
    ngx_http_social_mcp_main_conf_t  *mmcf;

    ngx_conf_merge_ptr_value(conf->list, prev->list, NULL);

    if (conf->list == NULL) {
        return NGX_CONF_OK;
    }

    if (conf->position.line != 0
        && ngx_http_social_mcp_check(cf, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* inherited by locations that nobody needs a token for */

    alcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_social_auth_module);

    if (alcf->issuers == NULL || ngx_http_social_resource_of(cf) == NULL) {
        return NGX_CONF_OK;
    }

    conf->rules = conf->list;

    ngx_http_social_read_body_location(cf, SOCIAL_MCP_MAX_SIZE);

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_mcp_module);
    mmcf->used = 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_social_mcp_check(ngx_conf_t *cf,
    ngx_http_social_mcp_loc_conf_t *conf)
{
    ngx_http_social_auth_loc_conf_t  *alcf;

    alcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_social_auth_module);

    if (alcf->issuers == NULL) {
        return ngx_http_social_conf_missing(cf, &conf->position,
                   "social_auth", "scopes are those of a token",
                   "social_resource_scope");
    }

    if (ngx_http_social_resource_of(cf) == NULL) {
        return ngx_http_social_conf_missing(cf, &conf->position,
                   "social_resource", "which says where clients get scopes",
                   "social_resource_scope");
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_social_mcp_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt              *h;
    ngx_http_core_main_conf_t        *cmcf;
    ngx_http_social_mcp_main_conf_t  *mmcf;

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_mcp_module);

    if (!mmcf->used) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_social_mcp_handler;

    return NGX_OK;
}
