
/*
 * "social_resource_scope": what a message calls is read from its body, which is
 * what the server goes by, and not from the headers that repeat it.
 *
 * The handler is that of nginx's mirror module: it reads the body, and the
 * phases go on when that is there.
 */

#include "ngx_http_social_error.h"
#include "ngx_http_social_mcp.h"
#include "ngx_http_social_reply.h"


typedef struct {
    ngx_int_t                    status;
} ngx_http_social_mcp_ctx_t;


typedef struct {
    ngx_str_t                    name;
    ngx_str_t                    value;      /* without data: none */
} ngx_http_social_mcp_header_t;


static void ngx_http_social_mcp_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_mcp_check_request(ngx_http_request_t *r);
static ngx_int_t ngx_http_social_mcp_headers(ngx_http_request_t *r,
    ngx_http_social_mcp_header_t *header);
static ngx_int_t ngx_http_social_mcp_permit(ngx_http_request_t *r,
    social_mcp_message_t *message);
static ngx_uint_t ngx_http_social_mcp_applies(
    ngx_http_social_mcp_rule_t *rule, social_mcp_message_t *message);
static ngx_int_t ngx_http_social_mcp_scopes(ngx_http_request_t *r,
    social_mcp_message_t *message, ngx_str_t *scopes);
static u_char *ngx_http_social_mcp_add_scopes(u_char *p, u_char *first,
    ngx_http_social_auth_list_t *list);
static ngx_int_t ngx_http_social_mcp_refuse(ngx_http_request_t *r,
    social_mcp_status_e status, const social_json_t *id);


ngx_int_t
ngx_http_social_mcp_handler(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    ngx_http_social_mcp_ctx_t       *ctx;
    ngx_http_social_mcp_loc_conf_t  *conf;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_social_mcp_module);

    if (conf->rules == NULL
        || (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_DELETE
                         |NGX_HTTP_OPTIONS)))
    {
        /* the streams and the end of sessions of earlier versions */

        return NGX_DECLINED;
    }

    if (r->method != NGX_HTTP_POST) {

        if (ngx_http_social_error_own(r) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_social_reply_not_allowed(r, "GET, POST, DELETE");
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_mcp_module);

    if (ctx) {
        return ctx->status;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_social_mcp_ctx_t));
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->status = NGX_DONE;

    ngx_http_set_ctx(r, ctx, ngx_http_social_mcp_module);

    if (ngx_http_social_error_own(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r,
                                           ngx_http_social_mcp_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


static void
ngx_http_social_mcp_body_handler(ngx_http_request_t *r)
{
    ngx_http_social_mcp_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_mcp_module);

    ctx->status = ngx_http_social_mcp_check_request(r);

    r->preserve_body = 1;

    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}


static ngx_int_t
ngx_http_social_mcp_check_request(ngx_http_request_t *r)
{
    ngx_int_t              rc;
    ngx_str_t              body;
    social_mcp_status_e    status;
    social_mcp_headers_t   headers;
    social_mcp_message_t   message;

    enum { TYPE = 0, ENCODING, VERSION, METHOD, NAME, LAST };

    ngx_http_social_mcp_header_t  header[] = {
        { ngx_string("content-type"), ngx_null_string },
        { ngx_string("content-encoding"), ngx_null_string },
        { ngx_string("mcp-protocol-version"), ngx_null_string },
        { ngx_string("mcp-method"), ngx_null_string },
        { ngx_string("mcp-name"), ngx_null_string },
        { ngx_null_string, ngx_null_string }
    };

    if (ngx_http_social_mcp_headers(r, header) != NGX_OK) {
        return ngx_http_social_mcp_refuse(r, SOCIAL_MCP_MISMATCH, NULL);
    }

    /* in another charset, or compressed, it would be another message */

    if (!social_mcp_is_type(ngx_http_social_view(&header[TYPE].value))
        || header[ENCODING].value.data != NULL)
    {
        return NGX_HTTP_UNSUPPORTED_MEDIA_TYPE;
    }

    rc = ngx_http_social_body(r, SOCIAL_MCP_MAX_SIZE, &body);

    if (rc != NGX_OK) {
        return rc;
    }

    status = social_mcp_parse(ngx_http_social_view(&body), &message);

    if (status == SOCIAL_MCP_FAILED) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (status != SOCIAL_MCP_OK) {
        return ngx_http_social_mcp_refuse(r, status, NULL);
    }

    headers.version = ngx_http_social_view(&header[VERSION].value);
    headers.method = ngx_http_social_view(&header[METHOD].value);
    headers.name = ngx_http_social_view(&header[NAME].value);

    status = social_mcp_compare(&message, &headers);

    rc = status == SOCIAL_MCP_OK
         ? ngx_http_social_mcp_permit(r, &message)
         : ngx_http_social_mcp_refuse(r, status, message.id);

    social_mcp_free(&message);

    return rc;
}


/*
 * NGX_DECLINED: there are two of one name, of which another may read the
 * other one.
 */

static ngx_int_t
ngx_http_social_mcp_headers(ngx_http_request_t *r,
    ngx_http_social_mcp_header_t *header)
{
    ngx_uint_t        more;
    ngx_table_elt_t  *h;

    for ( /* void */ ; header->name.len; header++) {

        h = ngx_http_social_header_in(r, &header->name,
                                      ngx_hash_key(header->name.data,
                                                   header->name.len),
                                      &more);

        if (more) {
            return NGX_DECLINED;
        }

        if (h) {
            header->value = h->value;
        }
    }

    return NGX_OK;
}


/*
 * All rules that are for the message have to be satisfied: one for more than
 * that never makes another one weaker.
 */

static ngx_int_t
ngx_http_social_mcp_permit(ngx_http_request_t *r,
    social_mcp_message_t *message)
{
    ngx_int_t                        rc;
    ngx_str_t                        scopes;
    ngx_uint_t                       i;
    ngx_http_social_mcp_rule_t      *rule;
    ngx_http_social_auth_ctx_t      *identity;
    ngx_http_social_mcp_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_social_mcp_module);

    rc = ngx_http_social_auth_identity(r, &identity);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rule = conf->rules->elts;

    for (i = 0; i < conf->rules->nelts; i++) {

        if (!ngx_http_social_mcp_applies(&rule[i], message)) {
            continue;
        }

        if (identity == NULL
            || !ngx_http_social_auth_has(identity, &rule[i].scopes,
                                  ngx_http_social_auth_scope_claim(identity)))
        {
            break;
        }
    }

    if (i == conf->rules->nelts) {
        return NGX_DECLINED;
    }

    if (ngx_http_social_mcp_scopes(r, message, &scopes) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_social_auth_step_up(r, &scopes, identity == NULL);
}


static ngx_uint_t
ngx_http_social_mcp_applies(ngx_http_social_mcp_rule_t *rule,
    social_mcp_message_t *message)
{
    if (message->method.len == 0
        || !social_mcp_match(ngx_http_social_view(&rule->method),
                             message->method))
    {
        return 0;
    }

    if (!message->named) {
        return rule->name.len == 1 && rule->name.data[0] == '*';
    }

    return social_mcp_match(ngx_http_social_view(&rule->name), message->name);
}


/*
 * All that the message needs at once, with what the location requires of any:
 * there are clients that ask for no more than the last answer says.
 */

static ngx_int_t
ngx_http_social_mcp_scopes(ngx_http_request_t *r,
    social_mcp_message_t *message, ngx_str_t *scopes)
{
    size_t                            size;
    u_char                           *p;
    ngx_uint_t                        i, j;
    social_str_t                     *scope;
    ngx_http_social_mcp_rule_t       *rule;
    ngx_http_social_mcp_loc_conf_t   *conf;
    ngx_http_social_auth_loc_conf_t  *alcf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_social_mcp_module);
    alcf = ngx_http_get_module_loc_conf(r, ngx_http_social_auth_module);

    rule = conf->rules->elts;
    size = alcf->scope_header.len + 1;

    for (i = 0; i < conf->rules->nelts; i++) {

        scope = rule[i].scopes.values->elts;

        for (j = 0; j < rule[i].scopes.values->nelts; j++) {
            size += scope[j].len + 1;
        }
    }

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    scopes->data = p;

    if (alcf->scopes.values) {
        p = ngx_http_social_mcp_add_scopes(p, scopes->data, &alcf->scopes);
    }

    for (i = 0; i < conf->rules->nelts; i++) {
        if (ngx_http_social_mcp_applies(&rule[i], message)) {
            p = ngx_http_social_mcp_add_scopes(p, scopes->data,
                                               &rule[i].scopes);
        }
    }

    scopes->len = p - scopes->data;

    return NGX_OK;
}


/*
 * Each once; of several that are enough, the first one.
 */

static u_char *
ngx_http_social_mcp_add_scopes(u_char *p, u_char *first,
    ngx_http_social_auth_list_t *list)
{
    ngx_uint_t     i;
    social_str_t  *scope, rest, item;

    scope = list->values->elts;

    for (i = 0; i < list->values->nelts; i++) {

        rest.data = first;
        rest.len = p - first;

        while (social_str_next(&rest, " ", &item)) {
            if (social_str_eq(item, scope[i])) {
                break;
            }
        }

        if (item.len == 0) {

            if (p != first) {
                *p++ = ' ';
            }

            p = ngx_cpymem(p, scope[i].data, scope[i].len);
        }

        if (!list->all) {
            break;
        }
    }

    return p;
}


/*
 * An error of JSON-RPC, with the id of the request where that is known.
 */

static ngx_int_t
ngx_http_social_mcp_refuse(ngx_http_request_t *r, social_mcp_status_e status,
    const social_json_t *id)
{
    size_t                         size;
    u_char                        *p;
    const char                    *text;
    ngx_http_social_error_page_t   page;

    text = social_mcp_text(status);

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "social: message refused: %s", text);

    size = id ? social_json_write(id, NULL, 0) : 0;

    ngx_str_set(&page.type, "application/json");

    page.body.data = ngx_pnalloc(r->pool,
                         sizeof("{\"jsonrpc\":\"2.0\",\"id\":,\"error\":"
                                "{\"code\":-32700,\"message\":\"\"}}")
                         + size + ngx_strlen(text));

    if (page.body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_cpymem(page.body.data, "{\"jsonrpc\":\"2.0\",",
                   sizeof("{\"jsonrpc\":\"2.0\",") - 1);

    if (id) {
        p = ngx_cpymem(p, "\"id\":", sizeof("\"id\":") - 1);
        p += social_json_write(id, p, size);
        *p++ = ',';
    }

    p = ngx_sprintf(p, "\"error\":{\"code\":%d,\"message\":\"%s\"}}",
                    social_mcp_code(status), text);

    page.body.len = p - page.body.data;

    return ngx_http_social_error_set_page(r, NGX_HTTP_BAD_REQUEST, &page)
           == NGX_OK ? NGX_HTTP_BAD_REQUEST : NGX_HTTP_INTERNAL_SERVER_ERROR;
}
