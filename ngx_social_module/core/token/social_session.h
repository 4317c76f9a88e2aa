
/*
 * The session that a token belongs to, and the name it is revoked by.
 */

#ifndef SOCIAL_SESSION_H
#define SOCIAL_SESSION_H


#include "social_json.h"


#define SOCIAL_SESSION_ID_SIZE  16


typedef enum {
    SOCIAL_SESSION_ORIGIN = 0,     /* "origin_jti": a sign-in and all of its
                                      refreshed tokens */
    SOCIAL_SESSION_JTI,            /* "jti": this token */
    SOCIAL_SESSION_ISSUED,         /* "sub", where it is there, and "iat" */
    SOCIAL_SESSION_EXPIRES         /* it and "exp", where nothing else is */
} social_session_kind_e;


/*
 * The identity of a verified token's session: the first 16 bytes of SHA-256
 * over
 *
 *     "v1:" issuer's length in decimal ":" issuer ":" session
 *
 * where "session" is what social_session_write() writes.  No two pairs of
 * issuer and session give the same bytes, as the length says where the issuer
 * ends and the session is the rest.
 *
 * A token has exactly one identity, by the order of social_session_kind_e:
 * the first claim that is there counts ("origin_jti" and "jti" as strings
 * that are not empty, "iat" as a number).  That one is all that has to be
 * looked up.  Where the revoked token had an "origin_jti", every token of its
 * session has the same one, refreshed or not (AWS: "Token revocation"), and
 * is verified by it.  Where it had none, the logout ended that one token, and
 * any token that has the same claims is verified by the same claim.  No token
 * of the session could be recognized by a second identity that is not by the
 * first: if it had another "origin_jti", it would be of another sign-in.
 *
 * SOCIAL_OK: "id" and "kind" are set.  SOCIAL_MALFORMED: the payload passed
 * no social_claims_check(): it has no "exp".  SOCIAL_FAILED: OpenSSL
 * gave up, or out of memory.
 */
social_rc_e social_session_id(social_str_t issuer,
    const social_json_t *payload, unsigned char id[SOCIAL_SESSION_ID_SIZE],
    social_session_kind_e *kind);

/*
 * The identity of all sessions of a subject: the same for the session
 * "sub:SUBJECT", which no token's own is.  SOCIAL_FAILED: as above.
 */
social_rc_e social_session_subject(social_str_t issuer, social_str_t subject,
    unsigned char id[SOCIAL_SESSION_ID_SIZE]);

/*
 * Writes the session to "buf" as the database and an operator name it:
 * "origin_jti:VALUE", "jti:VALUE", "iat:SECONDS:SUB" or "exp:SECONDS:SUB".
 * Returns the length of the whole, of which no more than "size" bytes are
 * written; 0: as SOCIAL_MALFORMED above.
 */
size_t social_session_write(const social_json_t *payload,
    social_session_kind_e *kind, unsigned char *buf, size_t size);

/*
 * Until when a revocation has to be kept, in seconds since the epoch: as long
 * as any token of the session may be accepted.  Tokens of an "origin_jti" are
 * refreshed for "retention" seconds after "now"; every other revocation is of
 * a token that is refused by itself after "expires" and the leeway.
 * A minute is added for the clocks of other gateways.  No later than the end
 * of the year 9999.
 */
int64_t social_session_until(social_session_kind_e kind, int64_t now,
    int64_t retention, int64_t expires, int64_t leeway);


#endif /* SOCIAL_SESSION_H */
