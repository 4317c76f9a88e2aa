
/*
 * "social_resource": the directive, and what is made of it.
 */

#include "ngx_http_social_resource.h"
#include "social_resource.h"
#include "social_url.h"


static char *ngx_http_social_resource_origins(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
static char *ngx_http_social_resource_add_origin(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, social_str_t value,
    ngx_http_social_resource_t *resource);
static ngx_uint_t ngx_http_social_resource_is_server(ngx_str_t *value);
static ngx_uint_t ngx_http_social_resource_scope_valid(ngx_str_t *value);
static char *ngx_http_social_resource_make(ngx_conf_t *cf,
    ngx_http_social_resource_t *resource);
static char *ngx_http_social_resource_add(ngx_conf_t *cf,
    ngx_http_social_resource_t *resource);
static char *ngx_http_social_resource_servers(ngx_conf_t *cf,
    ngx_http_social_resource_t *resource);


static const ngx_http_social_conf_check_t
    ngx_http_social_resource_server_check =
{
    ngx_http_social_resource_is_server,
    "it must be the URL of an issuer, as \"https://id.example.com\", without "
    "a query"
};


static const ngx_http_social_conf_check_t
    ngx_http_social_resource_scope_check =
{
    ngx_http_social_resource_scope_valid,
    "a scope must be printable ASCII without spaces, quotes and backslashes"
};


static const ngx_http_social_conf_entry_t
    ngx_http_social_resource_params[] =
{
    { ngx_string("authorization_servers"),
      0,
      ngx_http_social_conf_commas,
      offsetof(ngx_http_social_resource_t, servers),
      0, 0, &ngx_http_social_resource_server_check },

    { ngx_string("scopes"),
      0,
      ngx_http_social_conf_commas,
      offsetof(ngx_http_social_resource_t, scopes),
      0, 0, &ngx_http_social_resource_scope_check },

    { ngx_string("audiences"),
      0,
      ngx_http_social_conf_commas,
      offsetof(ngx_http_social_resource_t, audiences),
      0, 0, NULL },

    { ngx_string("unbound"),
      0,
      ngx_http_social_conf_flag,
      offsetof(ngx_http_social_resource_t, unbound),
      0, 0, NULL },

    { ngx_string("origins"),
      0,
      ngx_http_social_resource_origins,
      0,
      0, 0, NULL },

    { ngx_string("name"),
      0,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_resource_t, name),
      0, 0, NULL },

    { ngx_string("documentation"),
      0,
      ngx_http_social_conf_url,
      offsetof(ngx_http_social_resource_t, documentation),
      0, 0, "a query" },

      ngx_http_social_conf_null_entry
};


char *
ngx_http_social_resource_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_resource_loc_conf_t  *rlcf = conf;

    ngx_str_t                   *value;
    const char                  *why;
    ngx_http_social_resource_t  *resource;

    if (rlcf->resource != NGX_CONF_UNSET_PTR) {
        return ngx_http_social_conf_duplicate(cf);
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (cf->args->nelts > 2) {
            return ngx_http_social_conf_error(cf, NULL,
                       "\"off\" has parameters in \"social_resource\" "
                       "directive");
        }

        rlcf->resource = NULL;

        return NGX_CONF_OK;
    }

    if (social_resource_check(ngx_http_social_view(&value[1]), &why)
        != SOCIAL_OK)
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid value \"%V\" in \"social_resource\" directive, %s",
                   &value[1], why);
    }

    resource = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_resource_t));
    if (resource == NULL) {
        return NGX_CONF_ERROR;
    }

    resource->url = value[1];
    ngx_http_social_conf_position(cf, &resource->position);

    if (ngx_array_init(&resource->issuers, cf->pool, 2,
                       sizeof(ngx_http_social_issuer_t *))
        != NGX_OK
        || ngx_array_init(&resource->required, cf->pool, 2,
                          sizeof(social_str_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    rlcf->resource = resource;

    if (ngx_http_social_conf_params(cf, ngx_http_social_resource_params, 2, 0,
                                    0, resource)
        != NGX_CONF_OK
        || ngx_http_social_resource_make(cf, resource) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_social_resource_add(cf, resource);
}


static ngx_uint_t
ngx_http_social_resource_is_server(ngx_str_t *value)
{
    const char  *why;

    return social_url_check(ngx_http_social_view(value), true, &why)
           == SOCIAL_OK;
}


static ngx_uint_t
ngx_http_social_resource_scope_valid(ngx_str_t *value)
{
    /* a comma is left only where there is nothing else */

    return ngx_strlchr(value->data, value->data + value->len, ',') == NULL
           && social_resource_is_scope(ngx_http_social_view(value));
}


static char *
ngx_http_social_resource_origins(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    ngx_http_social_resource_t  *resource = conf;

    social_str_t  rest, part;

    rest = ngx_http_social_view(value);

    if (!social_str_next(&rest, ",", &part)) {
        return ngx_http_social_conf_invalid(cf, entry, value,
                                            "it must not be empty");
    }

    do {
        if (ngx_http_social_resource_add_origin(cf, entry, part, resource)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }

    } while (social_str_next(&rest, ",", &part));

    return NGX_CONF_OK;
}


static char *
ngx_http_social_resource_add_origin(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, social_str_t value,
    ngx_http_social_resource_t *resource)
{
    u_char                *buf;
    ngx_str_t              text;
    ngx_uint_t             i;
    const char            *reason;
    social_cors_origin_t  *o, *origins;

    if (resource->origins == NULL) {
        resource->origins = ngx_array_create(cf->pool, 4,
                                             sizeof(social_cors_origin_t));
        if (resource->origins == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    o = ngx_array_push(resource->origins);
    buf = ngx_pnalloc(cf->pool, value.len + 1);

    if (o == NULL || buf == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_http_social_from_str(&text, value);

    if (social_cors_origin_parse(value, buf, o, &reason) != SOCIAL_OK) {
        return ngx_http_social_conf_invalid(cf, entry, &text, "%s", reason);
    }

    origins = resource->origins->elts;

    for (i = 0; i < resource->origins->nelts - 1; i++) {
        if (social_cors_origin_same(&origins[i], o)) {
            return ngx_http_social_conf_duplicate_value(cf, &text);
        }
    }

    return NGX_CONF_OK;
}


/*
 * What follows from the URL.
 */

static char *
ngx_http_social_resource_make(ngx_conf_t *cf,
    ngx_http_social_resource_t *resource)
{
    u_char                *p;
    size_t                 size;
    const char            *reason;
    social_buf_t           b;
    social_str_t           url, origin, path, *audience;
    social_cors_origin_t  *o;

    url = ngx_http_social_view(&resource->url);
    social_resource_split(url, &origin, &path);

    size = sizeof(", resource_metadata=\"\"") + url.len
           + sizeof(SOCIAL_RESOURCE_WELL_KNOWN);

    p = ngx_pnalloc(cf->pool, size);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    social_buf_init(&b, p, size);

    social_buf_text(&b, ", resource_metadata=\"");
    social_buf_put(&b, origin);

    resource->path.data = p + b.len;

    social_resource_metadata_path(&b, url);

    resource->path.len = p + b.len - resource->path.data;

    social_buf_byte(&b, '"');

    resource->challenge.data = p;
    resource->challenge.len = b.len;

    if (resource->path.data[resource->path.len - 1] == '/') {
        resource->path.len--;
    }

    if (resource->audiences == NULL) {
        resource->audiences = ngx_array_create(cf->pool, 1,
                                               sizeof(social_str_t));
        if (resource->audiences == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    audience = ngx_array_push(resource->audiences);
    if (audience == NULL) {
        return NGX_CONF_ERROR;
    }

    *audience = url;

    /* a page of the resource's own, as browsers write its origin */

    if (resource->origins == NULL) {
        resource->origins = ngx_array_create(cf->pool, 1,
                                             sizeof(social_cors_origin_t));
        if (resource->origins == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    o = ngx_array_push(resource->origins);
    p = ngx_pnalloc(cf->pool, origin.len);

    if (o == NULL || p == NULL) {
        return NGX_CONF_ERROR;
    }

    if (social_cors_origin_parse(origin, p, o, &reason) != SOCIAL_OK
        || o->kind != SOCIAL_CORS_EXACT)
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid value \"%V\" in \"social_resource\" directive, it "
                   "must begin with the origin that browsers know",
                   &resource->url);
    }

    return NGX_CONF_OK;
}


/*
 * Of two resources in one server whose metadata has the same path, one would
 * not be found.
 */

static char *
ngx_http_social_resource_add(ngx_conf_t *cf,
    ngx_http_social_resource_t *resource)
{
    ngx_uint_t                              i;
    ngx_array_t                            *list[2];
    ngx_http_social_resource_t            **slot;
    ngx_http_social_resource_srv_conf_t    *rscf;
    ngx_http_social_resource_main_conf_t   *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_social_resource_module);
    rscf = ngx_http_conf_get_module_srv_conf(cf,
                                             ngx_http_social_resource_module);

    if (rscf->resources == NULL) {
        rscf->resources = ngx_array_create(cf->pool, 2,
                              sizeof(ngx_http_social_resource_t *));
        if (rscf->resources == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    slot = rscf->resources->elts;

    for (i = 0; i < rscf->resources->nelts; i++) {

        if (slot[i]->path.len == resource->path.len
            && ngx_strncmp(slot[i]->path.data, resource->path.data,
                           resource->path.len)
               == 0)
        {
            return ngx_http_social_conf_error(cf, NULL,
                       "the metadata of \"%V\" has the path of that of \"%V\" "
                       "in %V:%ui (give several locations one directive, in "
                       "the block around them) in \"social_resource\" "
                       "directive",
                       &resource->url, &slot[i]->url,
                       &slot[i]->position.file, slot[i]->position.line);
        }
    }

    list[0] = &rmcf->all;
    list[1] = rscf->resources;

    for (i = 0; i < 2; i++) {

        slot = ngx_array_push(list[i]);
        if (slot == NULL) {
            return NGX_CONF_ERROR;
        }

        *slot = resource;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_social_resource_finish(ngx_conf_t *cf,
    ngx_http_social_resource_t *resource)
{
    u_char                      *p;
    size_t                       size;
    ngx_array_t                 *scopes;
    social_buf_t                 b;
    social_resource_metadata_t   metadata;

    if (resource->issuers.nelts == 0) {
        return ngx_http_social_conf_missing(cf, &resource->position,
                   "social_auth", "whose tokens are for the resource",
                   "social_resource");
    }

    if (resource->servers == NULL
        && ngx_http_social_resource_servers(cf, resource) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    scopes = resource->scopes ? resource->scopes : &resource->required;

    ngx_memzero(&metadata, sizeof(social_resource_metadata_t));

    metadata.resource = ngx_http_social_view(&resource->url);
    metadata.servers = resource->servers->elts;
    metadata.server_count = resource->servers->nelts;
    metadata.scopes = scopes->elts;
    metadata.scope_count = scopes->nelts;
    metadata.name = ngx_http_social_view(&resource->name);
    metadata.documentation = ngx_http_social_view(&resource->documentation);

    if (resource->algorithms) {
        metadata.algorithms = ngx_http_social_view(resource->algorithms);
        metadata.dpop_required = !resource->unproved;
    }

    metadata.mtls_required = resource->mtls && !resource->uncertified;

    size = social_resource_metadata_size(&metadata);

    p = ngx_pnalloc(cf->pool, size);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    social_buf_init(&b, p, size);
    social_resource_metadata_write(&b, &metadata);

    resource->metadata.data = p;
    resource->metadata.len = b.len;

    return b.rc == SOCIAL_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_social_resource_servers(ngx_conf_t *cf,
    ngx_http_social_resource_t *resource)
{
    ngx_uint_t                  i;
    social_str_t               *server;
    ngx_http_social_issuer_t  **issuer;

    resource->servers = ngx_array_create(cf->pool, resource->issuers.nelts,
                                         sizeof(social_str_t));
    if (resource->servers == NULL) {
        return NGX_CONF_ERROR;
    }

    issuer = resource->issuers.elts;

    for (i = 0; i < resource->issuers.nelts; i++) {

        if (!ngx_http_social_resource_is_server(&issuer[i]->issuer)) {
            return ngx_http_social_conf_error(cf, &resource->position,
                       "the issuer \"%V\" is not a URL where clients find "
                       "anything (add \"authorization_servers\") for the "
                       "\"social_resource\" directive", &issuer[i]->issuer);
        }

        server = ngx_array_push(resource->servers);
        if (server == NULL) {
            return NGX_CONF_ERROR;
        }

        *server = ngx_http_social_view(&issuer[i]->issuer);
    }

    return NGX_CONF_OK;
}
