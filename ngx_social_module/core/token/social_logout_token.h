
/*
 * What an issuer says when a session ends: the form and the token of OpenID
 * Connect Back-Channel Logout 1.0, and the arguments of Front-Channel Logout.
 */

#ifndef SOCIAL_LOGOUT_TOKEN_H
#define SOCIAL_LOGOUT_TOKEN_H


#include "social_buf.h"
#include "social_claims.h"


/* the form's room: three bytes of each that is escaped */
#define SOCIAL_LOGOUT_FORM_SIZE  (2 * SOCIAL_TOKEN_MAX_SIZE)
#define SOCIAL_LOGOUT_WORK_SIZE  (3 * SOCIAL_LOGOUT_FORM_SIZE)


typedef struct {
    social_str_t   subject;       /* both owned by the payload; one may be */
    social_str_t   sid;           /* empty */
    int64_t        issued;        /* seconds since the epoch */
} social_logout_token_t;


/*
 * Finds "logout_token" in a form (2.5 of the specification) of
 * SOCIAL_LOGOUT_FORM_SIZE bytes at most; "work" has room for three times as
 * many, of which "token" is a view.  SOCIAL_TOKEN_NONE: there is none;
 * SOCIAL_TOKEN_SEVERAL: more than one; SOCIAL_TOKEN_MALFORMED: not a form.
 */
social_token_status_e social_logout_form(social_str_t form,
    social_buf_t *work, social_str_t *token);

/*
 * Whether that type ("typ") may be a logout token's: "logout+jwt", or what says
 * nothing, "JWT" or none (2.4).
 */
bool social_logout_type_accepted(social_str_t type);

/*
 * Checks the payload of a logout token whose signature and issuer are good, at
 * "now" (2.4, 2.6).  SOCIAL_TOKEN_OK: "token" is filled in; else
 * SOCIAL_TOKEN_CLAIMS, _EXPIRED, _NOT_YET_VALID or _CLIENT.
 *
 * "aud" has one of the policy's clients, or, where it has none, of its
 * audiences; "iat" and "jti" are there; "events" has the logout; "nonce" is
 * not there, which ID tokens have; "sub", "sid" or both are there, without
 * control characters.  One without "exp", which earlier drafts did not have, is
 * good for five minutes after "iat".
 *
 * That a token comes twice does no harm: it ends the same sessions, those of a
 * subject as far as they began before "iat".
 */
social_token_status_e social_logout_token_check(const social_json_t *payload,
    const social_claims_policy_t *policy, int64_t now,
    social_logout_token_t *token);

/*
 * The arguments "iss" and "sid" (Front-Channel Logout 1.0, 3), each once and
 * not empty, decoded into "work", which has room for six times the length of
 * "args".  SOCIAL_DECLINED: they are not there; SOCIAL_MALFORMED: more than
 * once, or not to be decoded.
 */
social_rc_e social_logout_args(social_str_t args, social_buf_t *work,
    social_str_t *iss, social_str_t *sid);


#endif /* SOCIAL_LOGOUT_TOKEN_H */
