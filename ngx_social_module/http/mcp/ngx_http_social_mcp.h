
/*
 * Scopes by what a message of the Model Context Protocol calls.
 */

#ifndef NGX_HTTP_SOCIAL_MCP_H
#define NGX_HTTP_SOCIAL_MCP_H


#include "ngx_http_social_auth.h"
#include "social_mcp.h"


/* one "social_resource_scope" */

typedef struct {
    ngx_str_t                    method;      /* both are patterns */
    ngx_str_t                    name;
    ngx_http_social_auth_list_t  scopes;
} ngx_http_social_mcp_rule_t;


typedef struct {
    ngx_array_t                 *list;        /* as written, or inherited */
    ngx_array_t                 *rules;       /* the same where there are tokens
                                                 to require something of; NULL:
                                                 none */
    ngx_http_social_position_t   position;    /* of the first one here, in a
                                                 location */
} ngx_http_social_mcp_loc_conf_t;


extern ngx_module_t  ngx_http_social_mcp_module;


/* ngx_http_social_mcp_handler.c */

/*
 * In PRECONTENT, when the token is verified: reads the message, and requires
 * the scopes that the rules have for it.
 */
ngx_int_t ngx_http_social_mcp_handler(ngx_http_request_t *r);


#endif /* NGX_HTTP_SOCIAL_MCP_H */
