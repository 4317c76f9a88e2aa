
/*
 * "social_logout": sessions that are ended before their tokens expire.
 */

#ifndef NGX_HTTP_SOCIAL_LOGOUT_H
#define NGX_HTTP_SOCIAL_LOGOUT_H


#include "ngx_http_social_auth.h"
#include "ngx_http_social_content.h"


typedef enum {
    NGX_HTTP_SOCIAL_LOGOUT_SESSION = 0,    /* of the token */
    NGX_HTTP_SOCIAL_LOGOUT_ALL,            /* of its subject */
    NGX_HTTP_SOCIAL_LOGOUT_FRONT,          /* of the token, in an iframe */
    NGX_HTTP_SOCIAL_LOGOUT_BACK            /* of what its issuer says */
} ngx_http_social_logout_mode_e;


typedef struct {
    ngx_http_social_content_t   content;
    ngx_uint_t                  mode;          /* of the enum above */
    time_t                      retention;     /* seconds */
    ngx_uint_t                  max;           /* of a subject */
    ngx_array_t                *names;         /* of issuers, social_str_t */
    ngx_array_t                *issuers;       /* by "names",
                                                  ngx_http_social_issuer_t * */
} ngx_http_social_logout_loc_conf_t;


extern ngx_module_t  ngx_http_social_logout_module;


/* ngx_http_social_logout.c */

/*
 * The content handler of the modes that end what a token in the request is of.
 */
ngx_int_t ngx_http_social_logout_handler(ngx_http_request_t *r);

/*
 * An answer without a body that no cache keeps.
 */
ngx_int_t ngx_http_social_logout_reply(ngx_http_request_t *r,
    ngx_uint_t status);


/* ngx_http_social_logout_back.c */

/*
 * The content handler of "backchannel".
 */
ngx_int_t ngx_http_social_logout_back_handler(ngx_http_request_t *r);


#endif /* NGX_HTTP_SOCIAL_LOGOUT_H */
