
/*
 * Tokens that are bound to a key or a certificate of their client: "cnf"
 * (RFC 7800), shown by a DPoP proof (RFC 9449) or by TLS (RFC 8705).
 */

#ifndef NGX_HTTP_SOCIAL_BINDING_H
#define NGX_HTTP_SOCIAL_BINDING_H


#include "ngx_http_social_auth.h"
#include "ngx_http_social_secret.h"
#include "ngx_http_social_zone.h"
#include "social_confirmation.h"
#include "social_dpop.h"
#include "social_replay.h"


typedef enum {
    NGX_HTTP_SOCIAL_BINDING_OFF = 0,
    NGX_HTTP_SOCIAL_BINDING_OPTIONAL,      /* of tokens that are bound */
    NGX_HTTP_SOCIAL_BINDING_REQUIRED
} ngx_http_social_binding_mode_e;


/* one "social_auth_dpop" */

typedef struct {
    ngx_http_social_binding_mode_e  mode;
    ngx_array_t                    *origins;     /* of social_str_t */
    ngx_flag_t                      nonce;
    ngx_str_t                       secret;      /* its name; may be empty */
    time_t                          max_age;
    social_dpop_policy_t            policy;
    ngx_str_t                       algorithms;  /* their names */
    ngx_http_social_position_t      position;
} ngx_http_social_dpop_t;


/* one "social_auth_mtls" */

typedef struct {
    ngx_http_social_binding_mode_e  mode;
    ngx_http_complex_value_t       *certificate; /* NULL: the connection's */
} ngx_http_social_mtls_t;


/* what all processes share about proofs */

typedef struct {
    u_char                          nonce[32];   /* the secret of nonces */
    social_replay_t                *used;
    time_t                          said;        /* that a share is full */
    time_t                          max_age;     /* the longest there was */
    time_t                          before;      /* and the one before that, */
    time_t                          since;       /* for proofs until then */
} ngx_http_social_dpop_sh_t;


/* in the main configuration */

typedef struct {
    ngx_array_t                    *dpops;       /* ngx_http_social_dpop_t * */
    ngx_slab_pool_t                *shpool;
    ngx_http_social_dpop_sh_t      *sh;
    social_jwks_t                  *verifier;    /* owned by cf->pool */
} ngx_http_social_dpop_main_conf_t;


/* the parts of a challenge that depend on it */

typedef struct {
    const char                     *scheme;
    ngx_str_t                       algorithms;  /* of DPoP; or empty */
    ngx_uint_t                      also;        /* another one, of DPoP */
} ngx_http_social_challenge_t;


extern ngx_module_t  ngx_http_social_dpop_module;
extern ngx_module_t  ngx_http_social_mtls_module;


/* ngx_http_social_binding.c */

/*
 * Notes the directives of the location, and tells whether they still are the
 * same; and whether there are any.
 */
void ngx_http_social_binding_begin(ngx_http_social_auth_ctx_t *ctx);
ngx_uint_t ngx_http_social_binding_same(ngx_http_social_auth_ctx_t *ctx);
ngx_uint_t ngx_http_social_binding_used(ngx_http_social_auth_ctx_t *ctx);

/*
 * Whether the client has what a valid token is bound to, whose claims are
 * there; called once for each verdict.  SOCIAL_TOKEN_OK, or a status of the
 * client's (..._BINDING, ..._PROOF, ..._NONCE) or ours (..._NO_ROOM,
 * ..._FAILED).
 */
social_token_status_e ngx_http_social_binding_check(
    ngx_http_social_auth_ctx_t *ctx);

/*
 * The "error" of a challenge for a token that was refused with that status
 * (RFC 6750, 3.1; RFC 9449, 7.1 and 9).
 */
const char *ngx_http_social_binding_error(social_token_status_e status);

/*
 * What to say about a refused request: of a proof, what is wrong with it.
 */
social_str_t ngx_http_social_binding_text(ngx_http_request_t *r,
    social_token_status_e status);


/* ngx_http_social_dpop.c */

/*
 * Checks the proof of the request that "ctx" is of, for a token that is bound
 * to the key "jkt"; its status is in ctx->proof.
 */
social_token_status_e ngx_http_social_dpop_check(
    ngx_http_social_auth_ctx_t *ctx, ngx_http_social_dpop_t *dpop,
    const u_char jkt[SOCIAL_THUMBPRINT_SIZE]);

/*
 * How the location of "r" challenges a client.
 */
void ngx_http_social_dpop_challenge(ngx_http_request_t *r,
    ngx_http_social_challenge_t *challenge);


/* ngx_http_social_dpop_module.c, ngx_http_social_mtls_module.c */

/*
 * The directive of the location, or NULL where it is off.
 */
ngx_http_social_dpop_t *ngx_http_social_dpop(ngx_http_request_t *r);
ngx_http_social_mtls_t *ngx_http_social_mtls(ngx_http_request_t *r);

/*
 * The SHA-256 of the client's certificate.  NGX_DECLINED: there is none;
 * NGX_ERROR: out of memory, or OpenSSL.
 */
ngx_int_t ngx_http_social_mtls_digest(ngx_http_request_t *r,
    ngx_http_social_mtls_t *mtls, u_char digest[SOCIAL_SHA256_SIZE]);


#endif /* NGX_HTTP_SOCIAL_BINDING_H */
