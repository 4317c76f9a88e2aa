
/*
 * The verdict on a request's token.
 */

#ifndef NGX_HTTP_SOCIAL_AUTH_H
#define NGX_HTTP_SOCIAL_AUTH_H


#include "ngx_http_social_issuer.h"
#include "ngx_http_social_keys.h"
#include "ngx_http_social_tokens.h"
#include "social_jwt.h"


#define NGX_HTTP_SOCIAL_AUTH_REQUIRED  0
#define NGX_HTTP_SOCIAL_AUTH_OPTIONAL  1
#define NGX_HTTP_SOCIAL_AUTH_LENIENT   2

#define NGX_HTTP_SOCIAL_AUTH_USER_SIZE  36     /* a uuid as text */


typedef struct {
    ngx_array_t                *values;        /* of social_str_t */
    ngx_uint_t                  all;
} ngx_http_social_auth_list_t;


/* a claim that must have one of the values */

typedef struct {
    ngx_str_t                   name;
    ngx_array_t                *values;        /* of social_str_t */
} ngx_http_social_auth_claim_t;


/* a token source */

typedef enum {
    NGX_HTTP_SOCIAL_AUTH_AUTHORIZATION = 0,
    NGX_HTTP_SOCIAL_AUTH_PROTOCOL,             /* of a WebSocket */
    NGX_HTTP_SOCIAL_AUTH_HEADER,
    NGX_HTTP_SOCIAL_AUTH_COOKIE,
    NGX_HTTP_SOCIAL_AUTH_NAMED,                /* a cookie, without variable */
    NGX_HTTP_SOCIAL_AUTH_ARGUMENT,
    NGX_HTTP_SOCIAL_AUTH_VARIABLE
} ngx_http_social_auth_source_e;


typedef struct {
    ngx_str_t                      name;        /* lower case, without "$" */
    ngx_str_t                      item;        /* of a header, a cookie ... */
    ngx_http_social_auth_source_e  kind;
    ngx_uint_t                     index;       /* of the variable */
} ngx_http_social_auth_source_t;


typedef struct {
    ngx_http_social_tokens_t   *tokens;        /* NULL: none are cached */
    ngx_uint_t                  verdicts;      /* the last number given */
    ngx_flag_t                  used;
} ngx_http_social_auth_main_conf_t;


typedef struct {
    ngx_array_t                *names;         /* of social_str_t; NULL: off */
    ngx_http_social_issuers_t  *issuers;       /* by "names" */
    ngx_uint_t                  verdict;       /* the same number: a verdict
                                                  holds in both locations */
    ngx_uint_t                  mode;
    ngx_http_social_position_t  position;
    ngx_array_t                *sources;       /* of tokens; NULL: the
                                                  Authorization header */
    ngx_array_t                *claims;        /* that are required */

    ngx_http_social_auth_list_t scopes;
    ngx_http_social_auth_list_t groups;
    ngx_str_t                   groups_claim;
    ngx_flag_t                  error_detail;
    ngx_flag_t                  cache;
    ngx_http_social_tokens_t   *tokens;        /* NULL: not kept */
    ngx_str_t                   scope_header;  /* for WWW-Authenticate */
    time_t                      late;          /* for so long after it expired
                                                  a token can be signed out */
} ngx_http_social_auth_loc_conf_t;


typedef struct {
    ngx_http_request_t         *request;
    social_token_status_e       status;
    ngx_http_social_issuer_t   *issuer;     /* where status is OK */
    ngx_uint_t                  verdict;    /* its number; 0: none yet */
    ngx_http_social_issuers_t  *issuers;    /* that it was verified for */
    ngx_http_social_cached_t    cached;

    ngx_http_social_parsed_t   *parsed;      /* owned; after ..._load() */
    social_jwt_t                jwt;        /* views of "parsed" */
    social_claims_t             claims;     /* where status is OK */
    time_t                      verified_at;

    ngx_http_social_waiter_t    waiter;
    time_t                      late;       /* as the location has it */
    ngx_uint_t                  rule;       /* of its revocations, likewise */
    ngx_uint_t                  waited;     /* for the keys of the first so
                                                  many, and must not be again */
    unsigned                    verified:1;
    unsigned                    waiting:1;  /* suspended */
    unsigned                    waits:2;    /* for those of one issuer */
    unsigned                    taking:1;   /* the token is being extracted */
    unsigned                    settled:1;  /* PREACCESS has waited */
    unsigned                    pending:1;  /* a variable was read before */

    /* of the identity's row, set by others ("social_user_sync") */

    unsigned                    known:1;
    u_char                      user[NGX_HTTP_SOCIAL_AUTH_USER_SIZE];
} ngx_http_social_auth_ctx_t;


extern ngx_module_t  ngx_http_social_auth_module;


/* ngx_http_social_auth.c */

/*
 * The verdict on this request, made on the first call and kept.  NULL: out of
 * memory.  The status is SOCIAL_TOKEN_PENDING when the token's key has first
 * to be fetched: it is not kept then, and "issuer" is the one of the key.
 */
ngx_http_social_auth_ctx_t *ngx_http_social_auth_verify(ngx_http_request_t *r,
    ngx_http_social_auth_loc_conf_t *alcf);

/*
 * Verifies again after keys were loaded, or failed to load.
 */
void ngx_http_social_auth_verify_again(ngx_http_social_auth_ctx_t *ctx);

/*
 * The same when there is nothing to wait for any more: without the keys of
 * "issuer".  The status may be SOCIAL_TOKEN_PENDING once more, for another
 * issuer of the same name.
 */
void ngx_http_social_auth_verify_without(ngx_http_social_auth_ctx_t *ctx);

/*
 * Makes sure that "jwt" and "claims" of a valid token are there: a cached
 * verdict has neither.  NGX_ERROR: out of memory; the status is
 * SOCIAL_TOKEN_FAILED then.
 */
ngx_int_t ngx_http_social_auth_load(ngx_http_social_auth_ctx_t *ctx);

/*
 * The request whose verdict counts for "r": itself, or, for a subrequest in a
 * location that requires no token, the request that created it.
 */
ngx_http_request_t *ngx_http_social_auth_request(ngx_http_request_t *r);

/*
 * Whether a variable of this request was evaluated before its token could be
 * verified: any answer made with it is replaced by 503.
 */
ngx_uint_t ngx_http_social_auth_pending(ngx_http_request_t *r);

/*
 * The verified identity that counts for this request, with "jwt" and "claims".
 * NGX_DECLINED: it has none; NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_auth_identity(ngx_http_request_t *r,
    ngx_http_social_auth_ctx_t **identity);

/*
 * The id of the user's row, in "ctx"; empty where it is not known.
 */
ngx_str_t ngx_http_social_auth_user(ngx_http_social_auth_ctx_t *ctx);

/*
 * The texts of the identity headers, by the groups' claim of the location;
 * they live as long as the request.  NULL: out of memory.
 */
ngx_http_social_parsed_texts_t *ngx_http_social_auth_texts(
    ngx_http_social_auth_ctx_t *ctx, ngx_str_t *groups_claim);

/*
 * Whether the token has what a location requires.
 */
ngx_uint_t ngx_http_social_auth_has(ngx_http_social_auth_ctx_t *ctx,
    ngx_http_social_auth_list_t *list, ngx_str_t *claim);


/*
 * The name of the claim that holds the token's scopes.
 */
ngx_str_t *ngx_http_social_auth_scope_claim(ngx_http_social_auth_ctx_t *ctx);


/* ngx_http_social_auth_session.c */

/*
 * The status of a token that is good by all else: SOCIAL_TOKEN_OK,
 * SOCIAL_TOKEN_REVOKED, SOCIAL_TOKEN_NO_REVOCATIONS, or SOCIAL_TOKEN_FAILED.
 * The verdict in "ctx" has what to look it up again by.
 */
social_token_status_e ngx_http_social_auth_session(
    ngx_http_social_auth_ctx_t *ctx);

/*
 * The same of a token that has expired and may only be signed out, "late" by
 * its location: SOCIAL_TOKEN_EXPIRED if that is over, or if its session does
 * not outlive it.
 */
social_token_status_e ngx_http_social_auth_late(
    ngx_http_social_auth_ctx_t *ctx);

/*
 * The sessions of a valid token whose claims are there.  NGX_ERROR: OpenSSL
 * failed, or out of memory.
 */
ngx_int_t ngx_http_social_auth_sessions(ngx_http_social_auth_ctx_t *ctx,
    social_session_t *session);

/*
 * What names the subject of a valid token whose claims are there, of
 * SOCIAL_SESSION_ID_SIZE bytes: it lives as long as the parsed token.
 * NGX_ERROR: OpenSSL failed.
 */
ngx_int_t ngx_http_social_auth_subject(ngx_http_social_auth_ctx_t *ctx,
    const u_char **id);


/* ngx_http_social_auth_extract.c */

/*
 * Extracts the request's token from the sources of "alcf".
 * SOCIAL_TOKEN_OK: "token" is a view of it, good for as long as the request.
 * SOCIAL_TOKEN_NONE: there is none, or a literal "null" or "undefined";
 * SOCIAL_TOKEN_SEVERAL: in more than one source, or more than once in one;
 * SOCIAL_TOKEN_ORIGIN: in a cookie that another page may have had sent;
 * SOCIAL_TOKEN_MALFORMED, SOCIAL_TOKEN_TOO_LARGE: as of
 * social_token_from_bearer(); SOCIAL_TOKEN_FAILED: out of memory, or the
 * variable could not be evaluated.
 */
social_token_status_e ngx_http_social_auth_extract(ngx_http_request_t *r,
    ngx_http_social_auth_loc_conf_t *alcf, social_str_t *token);


/* ngx_http_social_auth_cookie.c */

/*
 * Whether a token in a cookie is accepted: with GET and HEAD; otherwise, and
 * with a WebSocket's handshake, if the Origin is the request's own or one that
 * CORS allows to send credentials.
 */
ngx_uint_t ngx_http_social_auth_cookie_allowed(ngx_http_request_t *r);


/* ngx_http_social_auth_claims.c */

/*
 * The name of the claim that holds the user's name: Cognito calls it by
 * another name in id tokens than in access tokens.
 */
ngx_str_t *ngx_http_social_auth_username_claim(
    ngx_http_social_auth_ctx_t *ctx);

/*
 * Whether the token has all of "claims", an array of
 * ngx_http_social_auth_claim_t.
 */
ngx_uint_t ngx_http_social_auth_has_claims(ngx_http_social_auth_ctx_t *ctx,
    ngx_array_t *claims);


/* ngx_http_social_auth_conf.c: the setters, one for each directive or kind */

char *ngx_http_social_auth_token_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_social_auth_list_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_social_auth_claim_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


/* ngx_http_social_auth_handler.c */

ngx_int_t ngx_http_social_auth_preaccess_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_social_auth_access_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_social_auth_access_last_handler(ngx_http_request_t *r);


/* ngx_http_social_auth_variables.c */

ngx_int_t ngx_http_social_auth_add_variables(ngx_conf_t *cf);



#endif /* NGX_HTTP_SOCIAL_AUTH_H */
