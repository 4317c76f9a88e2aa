
/*
 * Parsing of a signed token in compact form (RFC 7519; RFC 7515, 7.1).
 */

#ifndef SOCIAL_JWT_H
#define SOCIAL_JWT_H


#include "social_algorithm.h"
#include "social_json.h"
#include "social_token.h"


typedef struct {
    social_algorithm_e   algorithm;
    social_str_t         kid;          /* in the caller's buffer, or empty */
    social_str_t         type;         /* there, too; what "typ" says */
    social_str_t         issuer;       /* there, too; not verified */
    social_str_t         input;        /* what is signed: a view of the token */
    social_str_t         signature;    /* decoded, in the caller's buffer */
    social_json_t       *header;       /* owned */
    social_json_t       *payload;      /* owned; not verified */
} social_jwt_t;


/*
 * Parses a token.  "buf" has room for as many bytes as the token has,
 * and must live as long as "jwt"; so must the token.
 *
 * SOCIAL_TOKEN_OK: the caller frees "jwt" with social_jwt_free(); nothing in
 * it has been verified.  SOCIAL_TOKEN_MALFORMED: not three parts of strict
 * base64url whose first two are JSON objects; or "alg" or "iss" is missing or
 * not a string; or "kid" is there, and empty or not a string; or "typ" is
 * there, and not a string; or the header has "crit", "b64" or "zip", which
 * change what the token means (RFC 7515, 4.1.11; RFC 7797; RFC 7516, 4.1.3).
 * SOCIAL_TOKEN_TOO_LARGE; SOCIAL_TOKEN_ALGORITHM: an "alg" that is never
 * accepted; SOCIAL_TOKEN_FAILED: out of memory.  "jku", "jwk", "x5u" and "x5c"
 * are never looked at: a token cannot bring its own key.
 */
social_token_status_e social_jwt_parse(social_str_t token, unsigned char *buf,
    social_jwt_t *jwt);

/*
 * The same for what is signed in that form but names no issuer, as a DPoP
 * proof: "iss" need not be there, and is not looked at.
 */
social_token_status_e social_jwt_parse_unissued(social_str_t token,
    unsigned char *buf, social_jwt_t *jwt);

/*
 * Whether a token of that type ("typ", RFC 7515, 4.1.9, without regard to
 * case or to a leading "application/") is accepted.  If "expected" is
 * empty, so is one without a type, and of the types "JWT", "JOSE" and "at+jwt"
 * (RFC 9068, 2.1): any other one says that it is something else than a token
 * for a resource, such as "logout+jwt" or "secevent+jwt" (RFC 8725, 3.11).
 */
bool social_jwt_type_accepted(social_str_t type, social_str_t expected);

/*
 * Frees what "jwt" owns, and clears it.
 */
void social_jwt_free(social_jwt_t *jwt);


#endif /* SOCIAL_JWT_H */
