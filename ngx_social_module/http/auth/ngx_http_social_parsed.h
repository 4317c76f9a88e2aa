
/*
 * Tokens that this process has parsed: they are looked up here before a token
 * is parsed again.  Values that every request with the same token needs are
 * kept beside it.
 */

#ifndef NGX_HTTP_SOCIAL_PARSED_H
#define NGX_HTTP_SOCIAL_PARSED_H


#include "ngx_http_social.h"
#include "social_claims.h"
#include "social_fingerprint.h"
#include "social_jwt.h"
#include "social_session.h"


typedef struct ngx_http_social_parsed_s        ngx_http_social_parsed_t;
typedef struct ngx_http_social_parsed_table_s  ngx_http_social_parsed_table_t;


/* the identity headers' values, and the groups' claim that they are of */

typedef struct {
    ngx_str_t                  subject;
    ngx_str_t                  username;
    ngx_str_t                  groups;
    ngx_str_t                  scopes;
    ngx_str_t                  client;
    const social_claim_path_t *groups_claim;
    u_char                    *data;         /* owned; NULL: not made yet */
} ngx_http_social_parsed_texts_t;


/* and what an assertion was made by */

typedef struct {
    ngx_uint_t                 number;       /* of its configuration */
    const social_claim_path_t *groups_claim;
    u_char                     user[36];     /* where it has one */
    ngx_uint_t                 known;
    time_t                     minted;
    ngx_str_t                  text;         /* owned, zero-terminated */
} ngx_http_social_parsed_assertion_t;


struct ngx_http_social_parsed_s {
    ngx_queue_t                         queue;     /* the last used first */
    ngx_http_social_parsed_t           *next;      /* of its bucket */
    ngx_uint_t                          count;     /* of its users */
    u_char                              digest[SOCIAL_FINGERPRINT_SIZE];

    social_jwt_t                        jwt;       /* owned */
    social_claims_t                     claims;
    const void                         *issuer;    /* that these are by */
    u_char                              subject[SOCIAL_SESSION_ID_SIZE];
    unsigned                            has_subject:1;
    ngx_http_social_parsed_texts_t      texts;
    ngx_http_social_parsed_assertion_t  assertion;

    u_char                              buf[];     /* for social_jwt_parse() */
};


/*
 * An empty table for this configuration, freed with it.  NULL: out of memory.
 */
ngx_http_social_parsed_table_t *ngx_http_social_parsed_create_table(
    ngx_conf_t *cf);

/*
 * Room for a token of that length, with the caller as its one user.  NULL: out
 * of memory.
 */
ngx_http_social_parsed_t *ngx_http_social_parsed_create(size_t len,
    ngx_log_t *log);

/*
 * The token with that digest, with the caller as one more user; or NULL.
 */
ngx_http_social_parsed_t *ngx_http_social_parsed_find(
    ngx_http_social_parsed_table_t *table,
    const u_char digest[SOCIAL_FINGERPRINT_SIZE]);

/*
 * Keeps a token that is not in the table yet; the least recently used one
 * makes room.
 */
void ngx_http_social_parsed_keep(ngx_http_social_parsed_table_t *table,
    ngx_http_social_parsed_t *parsed,
    const u_char digest[SOCIAL_FINGERPRINT_SIZE]);

/*
 * Ends the caller's use; the last user's end frees it.
 */
void ngx_http_social_parsed_release(ngx_http_social_parsed_t *parsed);


#endif /* NGX_HTTP_SOCIAL_PARSED_H */
