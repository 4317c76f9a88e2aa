
/*
 * What the gateway would answer, and why: what social-explain prints.
 */

#ifndef NGX_HTTP_SOCIAL_EXPLAIN_H
#define NGX_HTTP_SOCIAL_EXPLAIN_H


#include "ngx_http_social_binding.h"


/* exit codes, from which social-explain tells those of "nginx -t" */

#define NGX_HTTP_SOCIAL_EXPLAIN_ALLOWED  10
#define NGX_HTTP_SOCIAL_EXPLAIN_REFUSED  11
#define NGX_HTTP_SOCIAL_EXPLAIN_UNKNOWN  12


typedef struct {
    ngx_cycle_t                      *cycle;
    ngx_str_t                         host;      /* empty: the default server */
    ngx_str_t                         uri;       /* without arguments */
    ngx_str_t                         method;
    ngx_str_t                         token;     /* empty: there is none */

    ngx_http_core_srv_conf_t         *server;
    ngx_http_core_loc_conf_t         *location;
    ngx_http_social_auth_loc_conf_t  *auth;
    ngx_http_social_dpop_t           *dpop;      /* NULL: off */
    ngx_http_social_mtls_t           *mtls;      /* NULL: off */
    unsigned                          excepted:1;  /* of "limit_except" */
} ngx_http_social_explain_t;


/* ngx_http_social_explain_location.c */

/*
 * Finds the server of "host", at whichever address, or else the default server
 * of the first address; and the location of "uri" in it, as nginx does
 * (ngx_http_core_module: location).  NGX_DECLINED: there is no server; the rest
 * never fails, as a server is a location itself.
 */
ngx_int_t ngx_http_social_explain_find(ngx_http_social_explain_t *explain);


/* ngx_http_social_explain_token.c */

/*
 * Explains what is decided about the token, and returns the exit code.
 */
ngx_uint_t ngx_http_social_explain_token(ngx_http_social_explain_t *explain);


/* ngx_http_social_explain_print.c */

/*
 * Prints a line to the standard output: "name", then "fmt" as of
 * ngx_sprintf(), in at most 2048 bytes.
 */
void ngx_http_social_explain_say(const char *name, const char *fmt, ...);

/*
 * The same, and where the setting under "key" stands, or "position" where that
 * is not known.
 */
void ngx_http_social_explain_at(const char *name, const void *key,
    ngx_http_social_position_t *position, const char *fmt, ...);

/*
 * Prints a claim of the payload as it is compared, cut at 200 bytes; of one
 * that names a person or a session, only that it is there.
 */
void ngx_http_social_explain_claim(const social_json_t *payload,
    const char *name);
void ngx_http_social_explain_path(const social_json_t *payload,
    const social_claim_path_t *path);

/*
 * The same for a time, in words.
 */
void ngx_http_social_explain_time(const social_json_t *payload,
    const char *name);


#endif /* NGX_HTTP_SOCIAL_EXPLAIN_H */
