
/*
 * CORS: what the configuration makes, and what requests go by.
 */

#ifndef NGX_HTTP_SOCIAL_CORS_H
#define NGX_HTTP_SOCIAL_CORS_H


#include "ngx_http_social_counters.h"
#include "social_cors.h"


/*
 * All that a request needs, made once for each block that says something
 * about CORS and shared by the blocks in it that say nothing: the pointer
 * identifies the settings of a location.  Read-only.
 */

typedef struct {
    social_cors_rules_t              rules;

    ngx_str_t                        methods;       /* header values */
    ngx_str_t                        headers;       /* empty if made for
                                                       each request */
    ngx_str_t                        expose;
    ngx_str_t                        max_age;

    ngx_str_t                        sole;          /* the one exact origin,
                                                       if it is alone */
    ngx_uint_t                       deny;          /* 403 or 204 */

    unsigned                         enabled:1;
    unsigned                         any:1;         /* the origin "*" */
    unsigned                         credentials:1;
} ngx_http_social_cors_policy_t;


typedef struct {
    ngx_array_t                     *names;         /* of social_str_t,
                                                       NULL: not set */
    ngx_uint_t                  any;           /* "*" was listed */
    ngx_http_social_position_t  position;
} ngx_http_social_cors_list_t;


typedef struct {
    ngx_flag_t                      enable;
    ngx_http_social_position_t      enable_position;

    ngx_array_t                    *origins;       /* social_cors_origin_t */
    ngx_http_social_position_t      origins_position;

    ngx_http_social_cors_list_t     methods;
    ngx_http_social_cors_list_t     headers;
    ngx_http_social_cors_list_t     expose;

    ngx_flag_t                      credentials;
    ngx_http_social_position_t      credentials_position;

    ngx_int_t                       max_age;       /* seconds, or -1 */
    ngx_uint_t                      max_age_set;

    ngx_uint_t                      deny;          /* 0: not set */

    ngx_http_social_cors_policy_t  *policy;        /* set by merging */
} ngx_http_social_cors_conf_t;


typedef struct {
    /* that of the last location that had settings other than the server's */
    ngx_http_social_cors_policy_t   *policy;

    ngx_str_t                        allow_headers;

    unsigned                         preflight:1;
    unsigned                         allowed:1;
} ngx_http_social_cors_ctx_t;


typedef enum {
    NGX_HTTP_SOCIAL_CORS_ORIGIN = 0,
    NGX_HTTP_SOCIAL_CORS_METHOD,
    NGX_HTTP_SOCIAL_CORS_HEADERS
} ngx_http_social_cors_header_e;


extern ngx_module_t  ngx_http_social_cors_module;


/* ngx_http_social_cors_conf.c: the setters, one for each directive or kind */

char *ngx_http_social_cors_enable(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_social_cors_credentials(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_social_cors_origins(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_social_cors_methods(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_social_cors_names(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_social_cors_max_age(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* ngx_http_social_cors_module.c */

/*
 * To be called while locations are merged by modules that answer requests by
 * a policy of their own.
 */
void ngx_http_social_cors_use(ngx_conf_t *cf);

/*
 * At postconfiguration: whether a location has CORS on.
 */
ngx_uint_t ngx_http_social_cors_used(ngx_conf_t *cf);


/* ngx_http_social_cors_policy.c */

/*
 * Makes the policy of a block whose settings are merged; unset ones have their
 * defaults.  NULL: a contradiction, or out of memory; already logged.
 */
ngx_http_social_cors_policy_t *ngx_http_social_cors_make_policy(
    ngx_conf_t *cf, ngx_http_social_cors_conf_t *scf);


/* ngx_http_social_cors_preflight.c */

/*
 * Called at postconfiguration if a location has CORS on: puts the handler of
 * preflights into the rewrite phase.
 */
ngx_int_t ngx_http_social_cors_handler_init(ngx_conf_t *cf);

/*
 * The settings of the location, or, where it has none but the server's and
 * the request was redirected to it, those that the request had before.
 * "ctx" is the context of the request, or NULL.
 */
ngx_http_social_cors_policy_t *ngx_http_social_cors_policy(
    ngx_http_request_t *r, ngx_http_social_cors_ctx_t *ctx);

/*
 * Makes "policy" that of the request, whatever its location has, and answers
 * a preflight: what is to be returned.  NGX_DECLINED: it is none.  Before the
 * rewrite phase, in a location with the settings of the server.
 */
ngx_int_t ngx_http_social_cors_by(ngx_http_request_t *r,
    ngx_http_social_cors_policy_t *policy);

/*
 * A request header of CORS, or NULL; "more" as in
 * ngx_http_social_header_in().
 */
ngx_table_elt_t *ngx_http_social_cors_header_in(ngx_http_request_t *r,
    ngx_http_social_cors_header_e header, ngx_uint_t *more);


/* ngx_http_social_cors_filter.c */

/*
 * Called at postconfiguration if a location has CORS on: puts the header
 * filter into the chain.
 */
void ngx_http_social_cors_filter_init(void);


/* ngx_http_social_cors_vary.c */

/*
 * Merges what a response depends on into its Vary, without saying anything
 * twice; "preflight": on the preflight's headers, too.  NGX_ERROR: out
 * of memory.
 */
ngx_int_t ngx_http_social_cors_vary(ngx_http_request_t *r,
    ngx_uint_t preflight);


#endif /* NGX_HTTP_SOCIAL_CORS_H */
