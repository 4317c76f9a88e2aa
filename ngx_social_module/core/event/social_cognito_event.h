
/*
 * The events that Cognito calls the triggers of a user pool with.
 * (AWS: Amazon Cognito, Customizing user pool workflows with Lambda triggers)
 */

#ifndef SOCIAL_COGNITO_EVENT_H
#define SOCIAL_COGNITO_EVENT_H


#include "social_json.h"


#define SOCIAL_COGNITO_EVENT_MAX_SIZE  65536
#define SOCIAL_COGNITO_EVENT_MAX_TEXT  2048     /* characters of an attribute */


typedef enum {
    SOCIAL_COGNITO_OTHER = 0,       /* nothing is to be done */
    SOCIAL_COGNITO_CONFIRMED,       /* PostConfirmation: a sign-up, or a new
                                       password */
    SOCIAL_COGNITO_SIGNED_IN,       /* PostAuthentication */
    SOCIAL_COGNITO_TOKEN,           /* TokenGeneration, of a user's token */
    SOCIAL_COGNITO_SIGN_UP          /* PreSignUp, by the user */
} social_cognito_kind_e;


typedef struct {
    social_json_t          *json;        /* owned; the views are of it */
    social_cognito_kind_e   kind;
    unsigned                version;     /* of the trigger: 1, 2 or 3 */
    social_str_t            user_pool;
    social_str_t            client_id;   /* may be empty */

    /* of all kinds but SOCIAL_COGNITO_OTHER */

    bool                    federated;   /* "userName" is "PROVIDER_ID", of
                                            another identity provider's user */
    social_str_t            username;    /* may be an address or a telephone
                                            number: what is signed in with */
    social_str_t            sub;         /* empty for SOCIAL_COGNITO_SIGN_UP */

    /* these may be empty: nothing is said of it */

    social_str_t            email;
    social_str_t            email_verified;          /* "true" or "false" */
    social_str_t            phone_number;
    social_str_t            phone_number_verified;
    social_str_t            name;
    social_str_t            handle;                  /* "preferred_username" */

    /* of one that was refused */

    social_json_where_t     where;
} social_cognito_event_t;


/*
 * Reads an event.  SOCIAL_OK: the caller frees it with
 * social_cognito_event_free().  SOCIAL_MALFORMED: "field" names what is wrong,
 * "body" where it is all of it, and "why" says why; both are constants or in
 * "event", so that they live as long as that.  SOCIAL_FAILED: out of memory.
 *
 * Wrong is: what is not JSON; a string that PostgreSQL cannot keep, wherever it
 * is; without "triggerSource" or "userPoolId"; and where the kind is not
 * SOCIAL_COGNITO_OTHER, without "userName" or "sub", or with an attribute above
 * of another type, or of more than SOCIAL_COGNITO_EVENT_MAX_TEXT characters.
 * null is the same as an absent one.
 *
 * An unknown trigger is SOCIAL_COGNITO_OTHER, and so is an unknown version of
 * another than PreSignUp, whose rules do not depend on it.
 *
 * "federated" is set where "identities" has any, or "cognito:user_status" is
 * EXTERNAL_PROVIDER.  (AWS: Amazon Cognito, Mapping IdP attributes to
 * profiles; UserStatusType)
 */
social_rc_e social_cognito_event_parse(social_str_t text,
    social_cognito_event_t *event, const char **field, const char **why);

/*
 * Writes the response to a SOCIAL_COGNITO_TOKEN event to "buf": "text", which
 * the event was read from, byte by byte, but for the claims "user_id" and, if
 * there are any, "roles" (names separated by spaces) in "response".  They are
 * added to all other members that it has.  Returns the bytes that the whole
 * takes, which may be more than "size": call it with a size of 0 first.
 *
 * Version 1 has them for the ID token, as strings; the others for the ID and
 * the access token, roles as an array.  (AWS: Amazon Cognito, Pre token
 * generation Lambda trigger)
 */
size_t social_cognito_event_claims(const social_cognito_event_t *event,
    social_str_t text, social_str_t id, social_str_t roles,
    unsigned char *buf, size_t size);

/*
 * Frees what the event owns, and clears all but what it was refused for.
 */
void social_cognito_event_free(social_cognito_event_t *event);


#endif /* SOCIAL_COGNITO_EVENT_H */
