
/*
 * Identities that this process asks the database for.
 */

#ifndef NGX_HTTP_SOCIAL_USER_ASK_H
#define NGX_HTTP_SOCIAL_USER_ASK_H


#include "ngx_http_social_user.h"


/*
 * Resumes all requests in "waiters", which is empty afterwards.
 */
typedef void (*ngx_http_social_user_wake_pt)(ngx_queue_t *waiters);


struct ngx_http_social_user_asking_s {
    ngx_queue_t                          queue;      /* of its bucket */
    ngx_queue_t                          waiters;    /* requests */
    ngx_http_social_user_main_conf_t    *umcf;
    ngx_http_social_user_wake_pt         wake;
    ngx_msec_t                           refresh;
    int64_t                              said;
    u_char                               key[SOCIAL_SESSION_ID_SIZE];
};


/*
 * Sends the statement for a verified identity, which belongs to no request.
 * The caller has claimed "key".  Returns what requests of this process can
 * wait for, in "waiters", until "wake" is called from the event loop; NULL: it
 * could not be sent, and is kept as FAILED.
 */
ngx_http_social_user_asking_t *ngx_http_social_user_ask(
    ngx_http_request_t *r, ngx_http_social_auth_ctx_t *identity,
    const u_char *key, ngx_msec_t refresh, ngx_http_social_user_wake_pt wake);

/*
 * What this process asks for by that key, or NULL.
 */
ngx_http_social_user_asking_t *ngx_http_social_user_find(
    ngx_http_social_user_main_conf_t *umcf, const u_char *key);

/*
 * When a token was issued, of which ngx_http_social_user_ask() passes on
 * claims that may have changed; 0: it has none.
 */
int64_t ngx_http_social_user_said(ngx_http_social_auth_ctx_t *identity);


#endif /* NGX_HTTP_SOCIAL_USER_ASK_H */
