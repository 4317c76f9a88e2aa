
/*
 * The event that Cognito calls its PostConfirmation trigger with.
 * (AWS: Amazon Cognito, Post confirmation Lambda trigger)
 */

#ifndef SOCIAL_COGNITO_EVENT_H
#define SOCIAL_COGNITO_EVENT_H


#include "social_json.h"


#define SOCIAL_COGNITO_EVENT_MAX_SIZE  65536


typedef struct {
    social_json_t   *json;           /* owned; the views are of it */
    bool             sign_up;        /* a user has confirmed; else nothing is
                                        to be done, as after a new password */
    social_str_t     user_pool;
    social_str_t     client_id;      /* may be empty */
    bool             federated;      /* "userName" is "PROVIDER_ID", of
                                        another identity provider's user */
    social_str_t     username;       /* may be an address or a telephone
                                        number, too: what is signed in with */
    social_str_t     sub;
    social_str_t     email;          /* these may be empty */
    social_str_t     name;
    social_str_t     handle;         /* "preferred_username" */
} social_cognito_event_t;


/*
 * Reads an event.  SOCIAL_OK: the caller frees it with
 * social_cognito_event_free().  SOCIAL_MALFORMED: not JSON, or a required
 * member is missing or not a string; "field" names it, "why" says what is
 * wrong.  An optional attribute that is not a string counts as absent,
 * since federated users come with all kinds.  SOCIAL_FAILED: out of memory.
 *
 * "federated" is set where "identities" has any, or "cognito:user_status" is
 * EXTERNAL_PROVIDER.  (AWS: Amazon Cognito, Mapping IdP attributes to
 * profiles; UserStatusType)
 */
social_rc_e social_cognito_event_parse(social_str_t text,
    social_cognito_event_t *event, const char **field, const char **why);

/*
 * Frees what the event owns, and clears it.
 */
void social_cognito_event_free(social_cognito_event_t *event);


#endif /* SOCIAL_COGNITO_EVENT_H */
