
/*
 * The status of a request's token.
 */

#ifndef SOCIAL_TOKEN_H
#define SOCIAL_TOKEN_H


#include "social_str.h"


#define SOCIAL_TOKEN_MAX_SIZE  8192


typedef enum {
    SOCIAL_TOKEN_OK = 0,
    SOCIAL_TOKEN_NONE,             /* there is none */

    /* the client's fault */
    SOCIAL_TOKEN_MALFORMED,
    SOCIAL_TOKEN_TOO_LARGE,
    SOCIAL_TOKEN_SEVERAL,          /* more than one source has one */
    SOCIAL_TOKEN_ALGORITHM,
    SOCIAL_TOKEN_ISSUER,
    SOCIAL_TOKEN_UNKNOWN_KEY,
    SOCIAL_TOKEN_SIGNATURE,
    SOCIAL_TOKEN_CLAIMS,           /* a claim is missing or of a wrong type */
    SOCIAL_TOKEN_EXPIRED,
    SOCIAL_TOKEN_NOT_YET_VALID,
    SOCIAL_TOKEN_USE,
    SOCIAL_TOKEN_CLIENT,
    SOCIAL_TOKEN_AUDIENCE,
    SOCIAL_TOKEN_REVOKED,          /* its session was ended */
    SOCIAL_TOKEN_ORIGIN,           /* a cookie, sent by a foreign page */
    SOCIAL_TOKEN_BINDING,          /* bound to what the client has not shown */
    SOCIAL_TOKEN_PROOF,            /* shown by a DPoP proof that is invalid */
    SOCIAL_TOKEN_NONCE,            /* or without the nonce that it must have */

    /* ours */
    SOCIAL_TOKEN_PENDING,          /* its key is being fetched */
    SOCIAL_TOKEN_UNVERIFIED,       /* nobody has asked for that so far */
    SOCIAL_TOKEN_NO_KEYS,          /* no key set was ever loaded */
    SOCIAL_TOKEN_NO_REVOCATIONS,   /* nor what was revoked */
    SOCIAL_TOKEN_NO_ROOM,          /* for the proofs of its key */
    SOCIAL_TOKEN_FAILED            /* out of memory, or a library */
} social_token_status_e;


/*
 * Extracts the token from an Authorization header's value: the scheme "Bearer"
 * in any case, one or more spaces, the rest (RFC 6750, 2.1; RFC 9110, 11.4).
 * SOCIAL_TOKEN_OK: "token" is a view of it, of any bytes: social_jwt_parse()
 * refuses what is not a token.  SOCIAL_TOKEN_NONE: empty, or of another
 * scheme; SOCIAL_TOKEN_MALFORMED: nothing after the scheme;
 * SOCIAL_TOKEN_TOO_LARGE: over SOCIAL_TOKEN_MAX_SIZE.
 */
social_token_status_e social_token_from_bearer(social_str_t value,
    social_str_t *token);

/*
 * The same of the scheme "DPoP" (RFC 9449, 7.1).
 */
social_token_status_e social_token_from_dpop(social_str_t value,
    social_str_t *token);

/*
 * The same of a value that is the token itself: a cookie's, an argument's.
 * "Bearer" before it is skipped, which such values have in headers other
 * than Authorization.  SOCIAL_TOKEN_NONE: empty.
 */
social_token_status_e social_token_from_value(social_str_t value,
    social_str_t *token);

/*
 * The same of a Sec-WebSocket-Protocol header's value, a list of names
 * (RFC 6455, 11.3.4) in which the token follows "bearer": what a browser can
 * send with a handshake, and a name to answer it by.  SOCIAL_TOKEN_NONE: no
 * "bearer"; SOCIAL_TOKEN_SEVERAL: more than one.
 */
social_token_status_e social_token_from_protocols(social_str_t value,
    social_str_t *token);

/*
 * How many of the items of "text" are "name=..." without regard to case, as
 * nginx looks for cookies and arguments.  Items end at any of "separators".
 */
size_t social_token_count(social_str_t text, social_str_t name,
    const char *separators);

/*
 * How many cookies of exactly that name, with case, are in the value of a
 * Cookie header (RFC 6265, 4.2.1), whose items end at ";", and at "," for some
 * readers.  "value" is that of the first, a view of "text"; it is not changed
 * if there is none.
 */
size_t social_token_cookie(social_str_t text, social_str_t name,
    social_str_t *value);

/*
 * A cookie's value without the quotes around it (RFC 6265, 4.1.1), if it has
 * both; a view of it.
 */
social_str_t social_token_unquote(social_str_t value);

/*
 * Whether "text" has the token's signature in it, what is after the last dot,
 * or all of a token that has none, or a half of it: a copy of the token or of
 * the part of it that says most.
 */
bool social_token_is_in(social_str_t token, social_str_t text);

/*
 * Whether the token is a literal "null" or "undefined", which scripts send
 * when they have none.
 */
bool social_token_is_placeholder(social_str_t token);

/*
 * A word for logs and $social_auth_status, and a sentence for the client
 * ("error_description", RFC 6750, 3): plain ASCII without quotes.
 */
social_str_t social_token_status_name(social_token_status_e status);
social_str_t social_token_status_text(social_token_status_e status);


#endif /* SOCIAL_TOKEN_H */
