
/*
 * Checks of signatures that take long, in threads.
 */

#ifndef NGX_HTTP_SOCIAL_VERIFY_TASK_H
#define NGX_HTTP_SOCIAL_VERIFY_TASK_H


#include "ngx_http_social_issuer.h"
#include "ngx_http_social_keys.h"
#include "social_jwt.h"


/* what a thread found out, by one issuer's keys */

typedef struct {
    uint64_t       generation;         /* of the keys; 0: nothing */
    social_rc_e    rc;                 /* as of social_jwks_verify() */
} ngx_http_social_verified_t;


/*
 * Is called in the event loop, in no request's context, if the request is still
 * there.
 */
typedef void (*ngx_http_social_verify_done_pt)(void *data,
    const ngx_http_social_verified_t *verified);


/*
 * Whether that is to be left to a thread: a signature of another length than
 * the key's is refused without one.
 */
ngx_uint_t ngx_http_social_verify_is_slow(const social_jwk_t *jwk,
    const social_jwt_t *jwt);

/*
 * Has a thread check the signature of "jwt" by "jwk", of the keys that the
 * issuer has now; copies what it takes.  NGX_OK: "done" will be called, unless
 * the request ends before.  NGX_BUSY: threads have enough to do, which is ours
 * to answer for; already logged.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_verify_post(ngx_http_request_t *r,
    ngx_http_social_issuer_t *issuer, const social_jwk_t *jwk,
    const social_jwt_t *jwt, ngx_http_social_verify_done_pt done, void *data);


#endif /* NGX_HTTP_SOCIAL_VERIFY_TASK_H */
