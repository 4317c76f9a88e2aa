
/*
 * The server and the location of a request, as nginx finds them: by what it
 * has prepared for that when it has read its configuration.
 */

#include "ngx_http_social_explain.h"


static ngx_http_core_srv_conf_t *ngx_http_social_explain_server(
    ngx_http_conf_addr_t *addr, ngx_str_t *host);
static ngx_http_core_loc_conf_t *ngx_http_social_explain_location(
    ngx_http_core_loc_conf_t *clcf, ngx_str_t *uri, ngx_uint_t *final);
static ngx_http_core_loc_conf_t *ngx_http_social_explain_prefix(
    ngx_http_location_tree_node_t *node, ngx_str_t *uri, ngx_uint_t *exact);
static ngx_uint_t ngx_http_social_explain_method(ngx_str_t *name);


ngx_int_t
ngx_http_social_explain_find(ngx_http_social_explain_t *explain)
{
    ngx_uint_t                  i, j, final;
    ngx_http_request_t          r;       /* of which only loc_conf is read */
    ngx_http_conf_port_t       *port;
    ngx_http_conf_addr_t       *addr;
    ngx_http_conf_ctx_t        *ctx;
    ngx_http_core_srv_conf_t   *first;
    ngx_http_core_main_conf_t  *cmcf;
    ngx_http_core_loc_conf_t   *clcf;

    cmcf = ngx_http_cycle_get_module_main_conf(explain->cycle,
                                               ngx_http_core_module);

    if (cmcf == NULL || cmcf->ports == NULL || cmcf->ports->nelts == 0) {
        return NGX_DECLINED;
    }

    first = NULL;
    port = cmcf->ports->elts;

    for (i = 0; i < cmcf->ports->nelts && !explain->server; i++) {

        addr = port[i].addrs.elts;

        for (j = 0; j < port[i].addrs.nelts && !explain->server; j++) {

            if (first == NULL) {
                first = addr[j].default_server;
            }

            explain->server = ngx_http_social_explain_server(&addr[j],
                                                             &explain->host);
        }
    }

    if (explain->server == NULL) {
        explain->server = first;
    }

    ctx = explain->server->ctx;
    clcf = ctx->loc_conf[ngx_http_core_module.ctx_index];

    final = 0;
    explain->location = ngx_http_social_explain_location(clcf, &explain->uri,
                                                         &final);

    if (explain->location == NULL) {
        explain->location = clcf;
    }

    ngx_memzero(&r, sizeof(ngx_http_request_t));

    if (explain->location->limit_except
        & ngx_http_social_explain_method(&explain->method))
    {
        explain->excepted = 1;
        r.loc_conf = explain->location->limit_except_loc_conf;

    } else {
        r.loc_conf = explain->location->loc_conf;
    }

    explain->auth = ngx_http_get_module_loc_conf(&r,
                                                 ngx_http_social_auth_module);
    explain->dpop = ngx_http_social_dpop(&r);
    explain->mtls = ngx_http_social_mtls(&r);

    return NGX_OK;
}


/*
 * What nginx does not know is in no list of "limit_except".
 */

static ngx_uint_t
ngx_http_social_explain_method(ngx_str_t *name)
{
    ngx_uint_t  i;

    static const struct {
        ngx_str_t   name;
        ngx_uint_t  method;
    } methods[] = {
        { ngx_string("GET"), NGX_HTTP_GET },
        { ngx_string("HEAD"), NGX_HTTP_HEAD },
        { ngx_string("POST"), NGX_HTTP_POST },
        { ngx_string("PUT"), NGX_HTTP_PUT },
        { ngx_string("DELETE"), NGX_HTTP_DELETE },
        { ngx_string("MKCOL"), NGX_HTTP_MKCOL },
        { ngx_string("COPY"), NGX_HTTP_COPY },
        { ngx_string("MOVE"), NGX_HTTP_MOVE },
        { ngx_string("OPTIONS"), NGX_HTTP_OPTIONS },
        { ngx_string("PROPFIND"), NGX_HTTP_PROPFIND },
        { ngx_string("PROPPATCH"), NGX_HTTP_PROPPATCH },
        { ngx_string("LOCK"), NGX_HTTP_LOCK },
        { ngx_string("UNLOCK"), NGX_HTTP_UNLOCK },
        { ngx_string("PATCH"), NGX_HTTP_PATCH },
        { ngx_string("TRACE"), NGX_HTTP_TRACE }
    };

    for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (name->len == methods[i].name.len
            && ngx_strncmp(name->data, methods[i].name.data, name->len) == 0)
        {
            return methods[i].method;
        }
    }

    return NGX_HTTP_UNKNOWN;
}


/*
 * The server of that name, or NULL.  Where an address has one server only,
 * nginx makes no hash of its names.
 */

static ngx_http_core_srv_conf_t *
ngx_http_social_explain_server(ngx_http_conf_addr_t *addr, ngx_str_t *host)
{
    ngx_uint_t                 i;
    ngx_hash_combined_t        names;
    ngx_http_server_name_t    *name;
    ngx_http_core_srv_conf_t  *cscf;

    if (host->len == 0) {
        return NULL;
    }

    names.hash = addr->hash;
    names.wc_head = addr->wc_head;
    names.wc_tail = addr->wc_tail;

    cscf = ngx_hash_find_combined(&names, ngx_hash_key(host->data, host->len),
                                  host->data, host->len);

    if (cscf != NULL) {
        return cscf;
    }

#if (NGX_PCRE)

    for (i = 0; i < addr->nregex; i++) {
        if (ngx_regex_exec(addr->regex[i].regex->regex, host, NULL, 0) >= 0) {
            return addr->regex[i].server;
        }
    }

#endif

    if (addr->servers.nelts > 1) {
        return NULL;
    }

    cscf = addr->default_server;
    name = cscf->server_names.elts;

    for (i = 0; i < cscf->server_names.nelts; i++) {
        if (name[i].name.len == host->len
            && ngx_strncmp(name[i].name.data, host->data, host->len) == 0)
        {
            return cscf;
        }
    }

    return NULL;
}


/*
 * NULL: there is none.  Sets "final" where regular expressions of outer
 * locations are not looked at any more.
 */

static ngx_http_core_loc_conf_t *
ngx_http_social_explain_location(ngx_http_core_loc_conf_t *clcf,
    ngx_str_t *uri, ngx_uint_t *final)
{
    ngx_uint_t                  exact, noregex;
    ngx_http_core_loc_conf_t   *found, *inner;

#if (NGX_PCRE)
    ngx_http_core_loc_conf_t  **regex;
#endif

    exact = 0;
    noregex = 0;

    found = ngx_http_social_explain_prefix(clcf->static_locations, uri,
                                           &exact);

    if (found != NULL) {

        if (exact) {
            *final = 1;
            return found;
        }

#if (NGX_PCRE)
        noregex = found->noregex;
#endif

        inner = ngx_http_social_explain_location(found, uri, final);

        if (inner != NULL) {
            found = inner;
        }

        if (*final) {
            return found;
        }
    }

#if (NGX_PCRE)

    if (!noregex && clcf->regex_locations) {

        for (regex = clcf->regex_locations; *regex; regex++) {

            if (ngx_regex_exec((*regex)->regex->regex, uri, NULL, 0) < 0) {
                continue;
            }

            *final = 1;

            inner = ngx_http_social_explain_location(*regex, uri, final);

            *final = 1;

            return inner ? inner : *regex;
        }
    }

#endif

    (void) noregex;

    return found;
}


static ngx_http_core_loc_conf_t *
ngx_http_social_explain_prefix(ngx_http_location_tree_node_t *node,
    ngx_str_t *uri, ngx_uint_t *exact)
{
    size_t                     len, n;
    u_char                    *p;
    ngx_int_t                  rc;
    ngx_http_core_loc_conf_t  *found;

    found = NULL;
    p = uri->data;
    len = uri->len;

    while (node != NULL) {

        n = ngx_min(len, (size_t) node->len);

        rc = ngx_filename_cmp(p, node->name, n);

        if (rc != 0) {
            node = rc < 0 ? node->left : node->right;
            continue;
        }

        if (len > (size_t) node->len) {

            if (node->inclusive == NULL) {
                node = node->right;
                continue;
            }

            found = node->inclusive;

            p += n;
            len -= n;
            node = node->tree;

            continue;
        }

        if (len < (size_t) node->len) {
            node = node->left;
            continue;
        }

        if (node->exact) {
            *exact = 1;
            return node->exact;
        }

        return node->inclusive;
    }

    return found;
}
