
/*
 * Assertions: what the gateway signs for a backend about a verified identity,
 * a short JWT by HS256.  The only wrapper over libjwt.
 */

#ifndef SOCIAL_ASSERTION_H
#define SOCIAL_ASSERTION_H


#include "social_claim_path.h"


typedef struct {
    social_str_t           secret;
    social_str_t           audience;
    int64_t                ttl;           /* seconds */

    social_str_t           issuer;        /* the verified token's */
    social_str_t           subject;       /* empty: it has none */
    social_str_t           user;          /* the row's id; empty: unknown */
    const social_json_t   *claims;        /* the verified token's payload */
    const social_json_t   *username;      /* a claim of it, or NULL */

    const social_claim_path_t  *groups;   /* claims that need not be there */
    const social_claim_path_t  *scopes;
} social_assertion_t;


/*
 * Makes an assertion at "now": iss, aud, iat, exp, where it is known user_id,
 * and, where the token has them, sub, username (strings), groups and scopes
 * (arrays of strings, as of social_claims_values()).
 * SOCIAL_OK: "text" is owned by the caller, who frees it with
 * social_assertion_free().  SOCIAL_FAILED: out of memory, or libjwt.
 */
social_rc_e social_assertion_mint(const social_assertion_t *assertion,
    int64_t now, social_str_t *text);

void social_assertion_free(social_str_t *text);


#endif /* SOCIAL_ASSERTION_H */
