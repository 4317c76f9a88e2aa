
/*
 * The sessions that a token belongs to, and the names they are revoked by.
 */

#ifndef SOCIAL_SESSION_H
#define SOCIAL_SESSION_H


#include "social_json.h"
#include "social_revocations.h"


#define SOCIAL_SESSION_ID_SIZE  16
#define SOCIAL_SESSION_IDS      3      /* of one token, at the most */


typedef enum {
    SOCIAL_SESSION_ORIGIN = 0,     /* "origin_jti": a sign-in and all of its
                                      refreshed tokens */
    SOCIAL_SESSION_SID,            /* "sid": the same at other issuers */
    SOCIAL_SESSION_JTI,            /* "jti": this token */
    SOCIAL_SESSION_ISSUED,         /* "sub" and "iat" */
    SOCIAL_SESSION_EXPIRES         /* "sub" and "exp", where nothing else is */
} social_session_kind_e;


/* what a token may be refused by before it expires */

typedef struct {
    size_t                  n;
    social_session_kind_e   kinds[SOCIAL_SESSION_IDS];
    unsigned char           ids[SOCIAL_SESSION_IDS][SOCIAL_SESSION_ID_SIZE];
    bool                    has_subject;
    unsigned char           subject[SOCIAL_SESSION_ID_SIZE];
    bool                    has_began;
    int64_t                 began;     /* "auth_time", or "iat" */
} social_session_t;


/*
 * The ids of the sessions that a verified token belongs to: each is the first
 * 16 bytes of SHA-256 over
 *
 *     "v1:" issuer's length in decimal ":" issuer ":" session
 *
 * where "session" is what social_session_write() writes.  No two pairs of
 * issuer and session give the same bytes, as the length says where the issuer
 * ends and the session is the rest.
 *
 * A token has one for each of "origin_jti", "sid" and "jti" that is a string
 * and not empty, and is refused when any of them was revoked: who revokes may
 * know only one of them, as an issuer that writes both "sid" and "jti" says
 * only "sid" when a session ends (OpenID Connect Back-Channel Logout 1.0, 2.4).
 * One that has neither "origin_jti" nor "jti" has a further one by "iat" or
 * else "exp", and the subject.  They are in the order of the kinds.
 *
 * "subject" may be empty: nothing is identified by it then.
 *
 * "began" is when the user was authenticated, or else when the token was
 * issued: a refreshed token has the "auth_time" of the first one, if any.
 *
 * SOCIAL_FAILED: OpenSSL gave up, or out of memory.
 */
social_rc_e social_session_read(social_str_t issuer, social_str_t subject,
    const social_json_t *payload, social_session_t *session);

/*
 * How many of the ids, from the first on, have to be revoked to end the
 * session: those that refreshed tokens have, too, or else that of the token.
 * "lasts" says which; without ids it is 0.
 */
size_t social_session_ends(const social_session_t *session, bool *lasts);

/*
 * Whether any of the sessions was revoked, or those of the subject up to when
 * this one began.
 */
bool social_session_revoked(const social_session_t *session,
    const social_revocations_t *set, int64_t now);

/*
 * What social_revocations_may() asks for all of them by.
 */
void social_session_marks(const social_session_t *session,
    uint32_t marks[SOCIAL_REVOCATIONS_MARKS]);

/*
 * The id of the session "kind" with that value, where a token is not at hand:
 * of SOCIAL_SESSION_ORIGIN, _SID or _JTI.  SOCIAL_FAILED: as above.
 */
social_rc_e social_session_id(social_str_t issuer, social_session_kind_e kind,
    social_str_t value, unsigned char id[SOCIAL_SESSION_ID_SIZE]);

/*
 * The identity of all sessions of a subject: the same for the session
 * "sub:SUBJECT", which no token's own is.  SOCIAL_FAILED: as above.
 */
social_rc_e social_session_subject(social_str_t issuer, social_str_t subject,
    unsigned char id[SOCIAL_SESSION_ID_SIZE]);

/*
 * Writes a session of the token to "buf" as the database and an operator name
 * it: "origin_jti:VALUE", "sid:VALUE", "jti:VALUE", "iat:SECONDS:SUB" or
 * "exp:SECONDS:SUB".  Returns the length of the whole, of which no more than
 * "size" bytes are written; 0: the token has none of that kind.
 */
size_t social_session_write(social_str_t subject,
    const social_json_t *payload, social_session_kind_e kind,
    unsigned char *buf, size_t size);

/*
 * Until when a revocation has to be kept, in seconds since the epoch: as long
 * as any token of the session may be accepted.  Tokens of an "origin_jti" or a
 * "sid" are refreshed for "retention" seconds after "now"; every other
 * revocation is of a token that is refused by itself after "expires" and the
 * leeway.
 * A minute is added for the clocks of other gateways.  No later than the end
 * of the year 9999.
 */
int64_t social_session_until(social_session_kind_e kind, int64_t now,
    int64_t retention, int64_t expires, int64_t leeway);


#endif /* SOCIAL_SESSION_H */
