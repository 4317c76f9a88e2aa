
/*
 * The cache of verified tokens, so that a token is verified once and
 * not once for each request: for all workers in the zone, and in each process
 * the last ones of its connections.
 */

#ifndef NGX_HTTP_SOCIAL_TOKENS_H
#define NGX_HTTP_SOCIAL_TOKENS_H


#include "ngx_http_social_issuer.h"
#include "ngx_http_social_parsed.h"
#include "social_token_table.h"


typedef struct ngx_http_social_last_token_s  ngx_http_social_last_token_t;


typedef struct {
    social_token_table_t            *table;         /* in the zone */
    social_fingerprint_t            *fingerprint;   /* owned */
    ngx_http_social_parsed_table_t  *parsed;

    /* of this process: state behind the configuration, not part of it */
    ngx_http_social_last_token_t    *last;          /* a ring */
    uint64_t                         numbers;       /* given out so far */
} ngx_http_social_tokens_t;


/* the token of a request, and what is known about it */

typedef struct {
    ngx_http_social_tokens_t        *tokens;    /* NULL: nothing is kept */
    ngx_http_social_issuers_t       *issuers;   /* that may have made it */
    social_str_t                     token;
    social_token_verdict_t           verdict;
    u_char                           digest[SOCIAL_TOKEN_DIGEST_SIZE];
    ngx_uint_t                       digested;  /* "digest" is there */
} ngx_http_social_cached_t;


/*
 * Reserves the zone's memory for tokens; called once, if a location caches
 * them.  NULL: out of memory, already logged.
 */
ngx_http_social_tokens_t *ngx_http_social_tokens_create(ngx_conf_t *cf);

/*
 * Looks a token up, by "tokens", "issuers" and "token".  NGX_OK: it was
 * verified by the same rules and the current keys, has not expired, and none of
 * its sessions is revoked; "verdict" says more.  NGX_DECLINED: it has to be
 * verified.
 */
ngx_int_t ngx_http_social_tokens_lookup(ngx_http_request_t *r,
    ngx_http_social_cached_t *cached);

/*
 * Caches "verdict", of a token that was verified.
 */
void ngx_http_social_tokens_store(ngx_http_request_t *r,
    ngx_http_social_cached_t *cached);


#endif /* NGX_HTTP_SOCIAL_TOKENS_H */
