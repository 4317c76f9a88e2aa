
/*
 * What a verified token says, and whether that is enough.
 */

#ifndef SOCIAL_CLAIMS_H
#define SOCIAL_CLAIMS_H


#include "social_claim_path.h"
#include "social_json.h"
#include "social_token.h"


typedef enum {
    SOCIAL_TOKEN_USE_ACCESS = 0,
    SOCIAL_TOKEN_USE_ID,
    SOCIAL_TOKEN_USE_ANY
} social_token_use_e;


typedef struct {
    const social_str_t   *clients;       /* none: any client */
    size_t                client_count;
    const social_str_t   *audiences;     /* none: not asked for */
    size_t                audience_count;
    social_token_use_e    token_use;
    int64_t               leeway;        /* seconds */

    /* where the issuer has it; NULL: where it is said below */
    const social_claim_path_t  *subject;
    const social_claim_path_t  *username;
    const social_claim_path_t  *client;
} social_claims_policy_t;


typedef struct {
    social_str_t          subject;       /* all owned by the payload; empty: */
    social_str_t          username;      /* it has none */
    int64_t               expires;       /* seconds since the epoch */
} social_claims_t;


/*
 * Checks the payload of a token whose signature and issuer are good, at "now"
 * (seconds since the epoch).  SOCIAL_TOKEN_OK: "claims" has views into
 * "payload"; else SOCIAL_TOKEN_CLAIMS, _EXPIRED, _NOT_YET_VALID, _USE,
 * _CLIENT or _AUDIENCE.
 *
 * "exp" is required, "nbf" and "iat" are checked where present, each with the
 * leeway (RFC 7519, 4.1.4-6).  "sub" and "jti" are strings and "aud" one or an
 * array of them, where present.  The subject, "sub" by default, is a string
 * without control characters (U+0000 to U+001F, U+007F to U+009F), or absent:
 * a client that acts for itself may have none.
 *
 * With Cognito's "token_use", an access token's "client_id" and an id token's
 * "aud" must be one of the clients (AWS: verifying a JSON web token), and a
 * string; a token without "token_use" passes only where any use does, and is
 * verified by its "client_id", or by "aud" where it has none.  Where the policy
 * has a "client", that claim must be one of them, of whatever use the token is.
 * One of the audiences must be in "aud" where any is configured.  A token with
 * "events" is a security event token (RFC 8417) and of none of the uses.
 */
social_token_status_e social_claims_check(const social_json_t *payload,
    const social_claims_policy_t *policy, int64_t now,
    social_claims_t *claims);

/*
 * The claim with the user's name: that of the policy, or "username", or where
 * there is none "cognito:username", since Cognito calls it so in id tokens.
 * The claim with the client: that of the policy, or the first one that is
 * there of "client_id", "azp" (OpenID Connect Core, 2) and in an id token of
 * Cognito "aud".  NULL: there is none.
 */
const social_json_t *social_claims_username(const social_json_t *payload,
    const social_claims_policy_t *policy);
const social_json_t *social_claims_client(const social_json_t *payload,
    const social_claims_policy_t *policy);

/*
 * The values of a claim, one after the other: of words those of a string,
 * separated by spaces; of any other kind a string itself, if it is not empty;
 * of an array the strings in it; of SOCIAL_CLAIM_NAMES the names of those
 * members of an object that are true, or an object or array with something in
 * it.  There are no others.
 */
typedef struct {
    const social_json_t  *claim;         /* NULL: there is none */
    const social_json_t  *item;          /* the last one, of an array or of an
                                            object */
    social_str_t          text;          /* what is left of a string */
    social_claim_kind_e   kind;
} social_claims_values_t;

/*
 * Begins with a claim of a payload, which must outlive "values".
 */
void social_claims_values(const social_json_t *payload,
    const social_claim_path_t *path, social_claims_values_t *values);

/*
 * The next value, owned by the payload; false, and not to be called again,
 * after the last one.
 */
bool social_claims_next(social_claims_values_t *values, social_str_t *value);

/*
 * Whether "value" is one of the values of the claim.
 */
bool social_claims_match(const social_json_t *payload,
    const social_claim_path_t *path, social_str_t value);

/*
 * Whether a claim is "value" or has it: the string itself, one of its values;
 * or true, false or a whole number whose JSON text is "value", alone or in an
 * array.  No such claim, or null, does not.
 */
bool social_claims_holds(const social_json_t *payload,
    const social_claim_path_t *path, social_str_t value);

/*
 * Writes a claim to "buf" as text for a header or a log: a string as it is,
 * an array of strings joined by "separator", anything else as JSON.  In what
 * comes from strings all but printable ASCII, "%", a space at either end, and
 * in an array every space and the separator, is percent-encoded, so that no
 * group can look like two and no value can end a header or lose a byte in it.
 * Returns the length of the whole, which may be more than "size": call it
 * with a size of 0 first.
 */
size_t social_claims_write(const social_json_t *claim, unsigned char separator,
    unsigned char *buf, size_t size);

/*
 * Writes the values of a claim in the same way, joined by "separator".  What
 * social_claims_match() does not find is not written.
 */
size_t social_claims_write_list(const social_json_t *payload,
    const social_claim_path_t *path, unsigned char separator,
    unsigned char *buf, size_t size);


#endif /* SOCIAL_CLAIMS_H */
