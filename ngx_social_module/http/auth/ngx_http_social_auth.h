
/*
 * The verdict on a request's token.
 */

#ifndef NGX_HTTP_SOCIAL_AUTH_H
#define NGX_HTTP_SOCIAL_AUTH_H


#include "ngx_http_social_issuer.h"
#include "ngx_http_social_keys.h"
#include "ngx_http_social_tokens.h"
#include "ngx_http_social_verify_task.h"
#include "social_dpop.h"
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
    const social_claim_path_t  *path;
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
    const social_claim_path_t  *groups_claim;  /* NULL: the issuer's */
    ngx_uint_t                  subject;       /* something here needs one */
    ngx_flag_t                  error_detail;
    ngx_flag_t                  cache;
    ngx_http_social_tokens_t   *tokens;        /* NULL: not kept */
    ngx_str_t                   scope_header;  /* for WWW-Authenticate */
    time_t                      late;          /* for so long after it expired
                                                  a token can be signed out */
} ngx_http_social_auth_loc_conf_t;


/* how far a verdict is made */

typedef enum {
    NGX_HTTP_SOCIAL_AUTH_LOOK = 0,          /* the signature is not checked */
    NGX_HTTP_SOCIAL_AUTH_LATER,             /* a slow check is for a thread */
    NGX_HTTP_SOCIAL_AUTH_NOW                /* every check is made at once */
} ngx_http_social_auth_how_e;


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
    ngx_http_social_verified_t *checked;    /* by issuer, or NULL */
    unsigned                    verified:1; /* "status" is the verdict */
    unsigned                    held:1;     /* it was cached; its binding is
                                                  to be checked */
    unsigned                    several:1;  /* issuers have the token's name */
    unsigned                    waiting:1;  /* suspended */
    unsigned                    queued:1;   /* ... by "waiter" */
    unsigned                    slow:1;     /* PENDING: a check, not keys */
    unsigned                    waits:2;    /* for those of one issuer */
    unsigned                    taking:1;   /* the token is being extracted */
    unsigned                    by_dpop:1;  /* by the scheme "DPoP" */
    unsigned                    settled:1;  /* PREACCESS has waited */
    unsigned                    pending:1;  /* a variable was read before */
    unsigned                    overdue:1;  /* expired: to be signed out, and
                                               for nothing else */

    /* what the token's binding was checked by, and how its proof was */

    void                       *dpop;
    void                       *mtls;
    social_dpop_status_e        proof;

    /* of the identity's row, set by others ("social_user_sync") */

    unsigned                    known:1;
    u_char                      user[NGX_HTTP_SOCIAL_AUTH_USER_SIZE];
} ngx_http_social_auth_ctx_t;


extern ngx_module_t  ngx_http_social_auth_module;


/*
 * How far a verdict is made for what reads it.  Of an error that is being sent
 * or logged nobody needs a signature: where a limit has refused the request,
 * the log alone would cost what the limit is to prevent.
 */

static ngx_inline ngx_http_social_auth_how_e
ngx_http_social_auth_read_how(ngx_http_request_t *r)
{
    return r->headers_out.status >= NGX_HTTP_BAD_REQUEST
           ? NGX_HTTP_SOCIAL_AUTH_LOOK : NGX_HTTP_SOCIAL_AUTH_NOW;
}


/* ngx_http_social_auth.c */

/*
 * What is known of this request's token, made as far as "how" says, and kept.
 * NULL: out of memory.  If "verified" is set, "status" is the verdict.
 * Otherwise it is SOCIAL_TOKEN_PENDING when the token's key has first to be
 * fetched, and "issuer" is the one of the key; or, with "slow" set, when its
 * signature is to be checked in a thread; or SOCIAL_TOKEN_UNVERIFIED when there
 * is nothing against it so far.
 */
ngx_http_social_auth_ctx_t *ngx_http_social_auth_verify(ngx_http_request_t *r,
    ngx_http_social_auth_loc_conf_t *alcf, ngx_http_social_auth_how_e how);

/*
 * Goes on with a verdict that is not made yet, after keys were loaded or failed
 * to load, or a signature was checked.
 */
void ngx_http_social_auth_verify_again(ngx_http_social_auth_ctx_t *ctx,
    ngx_http_social_auth_how_e how);

/*
 * Says that there is nothing to wait for any more: what follows is decided
 * without new keys of "issuer".  The status may be SOCIAL_TOKEN_PENDING once
 * more, for another issuer of the same name.
 */
void ngx_http_social_auth_give_up(ngx_http_social_auth_ctx_t *ctx);

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
    ngx_http_social_auth_ctx_t *ctx, const social_claim_path_t *groups_claim);

/*
 * Whether the token has what a location requires.
 */
ngx_uint_t ngx_http_social_auth_has(ngx_http_social_auth_ctx_t *ctx,
    ngx_http_social_auth_list_t *list, const social_claim_path_t *claim);


/* ngx_http_social_auth_wait.c */

/*
 * The same as ngx_http_social_auth_verify() for a handler of a phase, which
 * waits for keys, and with NGX_HTTP_SOCIAL_AUTH_LATER for a thread.  NGX_OK:
 * "ctx" is set, and is not pending.  NGX_AGAIN: the request is suspended; the
 * handler returns this, and is called again later.  Otherwise a status to
 * return.
 */
ngx_int_t ngx_http_social_auth_wait(ngx_http_request_t *r,
    ngx_http_social_auth_loc_conf_t *alcf, ngx_http_social_auth_how_e how,
    ngx_http_social_auth_ctx_t **ctx);


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


/* ngx_http_social_auth_audience.c */

/*
 * The same as social_claims_check() of a parsed token by the rules of its
 * "issuer" and of the location, whose "issuers" are those of "ctx".
 */
social_token_status_e ngx_http_social_auth_check_claims(
    ngx_http_social_auth_ctx_t *ctx, time_t now, social_claims_t *claims);


/* ngx_http_social_auth_claims.c */

/*
 * As ngx_http_social_auth_identity(), for a content handler.  NGX_OK, or what
 * to answer: 401 without an identity, 403 if it has no subject and the location
 * needs one, 500 out of memory.
 */
ngx_int_t ngx_http_social_auth_person(ngx_http_request_t *r,
    ngx_http_social_auth_ctx_t **identity);

/*
 * For the merge of a location: a token without a subject is not sufficient
 * there.
 */
void ngx_http_social_auth_need_subject(ngx_conf_t *cf);

/*
 * Whether a text with variables, of the configuration, has $social_sub in it.
 */
ngx_uint_t ngx_http_social_auth_names_subject(ngx_str_t *text);

/*
 * The claims that hold the token's scopes, and its groups: those of the
 * location or of the issuer, or the usual ones.
 */
const social_claim_path_t *ngx_http_social_auth_scope_claim(
    ngx_http_social_auth_ctx_t *ctx);
const social_claim_path_t *ngx_http_social_auth_groups_claim(
    ngx_http_social_auth_ctx_t *ctx, ngx_http_social_auth_loc_conf_t *alcf);

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

/*
 * To be returned by a handler that requires more than the location: 403 for
 * want of "scopes", separated by spaces, or 401, which names them too, where
 * the request has no token.
 */
ngx_int_t ngx_http_social_auth_step_up(ngx_http_request_t *r,
    ngx_str_t *scopes, ngx_uint_t anonymous);


/* ngx_http_social_auth_variables.c */

ngx_int_t ngx_http_social_auth_add_variables(ngx_conf_t *cf);



#endif /* NGX_HTTP_SOCIAL_AUTH_H */
