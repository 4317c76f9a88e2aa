
/*
 * The event that Cognito calls its PostConfirmation trigger with.
 */

#include <string.h>

#include "social_cognito_event.h"


static const social_json_t *social_cognito_event_member(
    const social_json_t *json, const char *name);
static bool social_cognito_event_string(const social_json_t *json,
    const char *name, social_str_t *out);
static bool social_cognito_event_federated(const social_json_t *attributes);
static bool social_cognito_event_has_controls(social_str_t s);
static const char *social_cognito_event_read(social_cognito_event_t *event);


social_rc_e
social_cognito_event_parse(social_str_t text, social_cognito_event_t *event,
    const char **field, const char **why)
{
    social_rc_e  rc;

    memset(event, 0, sizeof(social_cognito_event_t));

    *field = "body";
    *why = "is not a JSON object";

    if (text.len > SOCIAL_COGNITO_EVENT_MAX_SIZE) {
        return SOCIAL_MALFORMED;
    }

    rc = social_json_parse(text, &event->json);
    if (rc != SOCIAL_OK) {
        return rc;
    }

    *field = social_cognito_event_read(event);

    if (*field != NULL) {
        *why = "must be a string that is not empty";
        social_cognito_event_free(event);
        return SOCIAL_MALFORMED;
    }

    return SOCIAL_OK;
}


void
social_cognito_event_free(social_cognito_event_t *event)
{
    social_json_free(event->json);

    memset(event, 0, sizeof(social_cognito_event_t));
}


/*
 * Returns the name of the first invalid member, or NULL.
 */

static const char *
social_cognito_event_read(social_cognito_event_t *event)
{
    social_str_t               source;
    const social_json_t       *context, *request, *attributes;
    static const social_str_t  confirmed =
                               social_string("PostConfirmation_ConfirmSignUp");

    if (!social_cognito_event_string(event->json, "triggerSource", &source)) {
        return "triggerSource";
    }

    if (!social_cognito_event_string(event->json, "userPoolId",
                                     &event->user_pool))
    {
        return "userPoolId";
    }

    if (!social_cognito_event_string(event->json, "userName",
                                     &event->username))
    {
        return "userName";
    }

    context = social_cognito_event_member(event->json, "callerContext");
    (void) social_cognito_event_string(context, "clientId",
                                       &event->client_id);

    event->sign_up = social_str_eq(source, confirmed);

    if (!event->sign_up) {
        return NULL;
    }

    request = social_cognito_event_member(event->json, "request");
    attributes = social_cognito_event_member(request, "userAttributes");

    if (!social_cognito_event_string(attributes, "sub", &event->sub)) {
        return "request.userAttributes.sub";
    }

    (void) social_cognito_event_string(attributes, "email", &event->email);
    (void) social_cognito_event_string(attributes, "name", &event->name);
    (void) social_cognito_event_string(attributes, "preferred_username",
                                       &event->handle);

    event->federated = social_cognito_event_federated(attributes);

    return NULL;
}


static const social_json_t *
social_cognito_event_member(const social_json_t *json, const char *name)
{
    return json ? social_json_member(json, social_str(name)) : NULL;
}


/*
 * False, and an empty view, unless it is a string with something in it that
 * can go into a database and a page.
 */

static bool
social_cognito_event_string(const social_json_t *json, const char *name,
    social_str_t *out)
{
    if (social_json_string(social_cognito_event_member(json, name), out)
        == SOCIAL_OK
        && out->len != 0 && out->len <= 2048
        && !social_cognito_event_has_controls(*out))
    {
        return true;
    }

    out->len = 0;
    out->data = (const unsigned char *) "";

    return false;
}


/*
 * "identities" is a JSON array in a string, which is only checked for being
 * empty.  Anything else counts as one: it is better not to publish a username
 * that could be than to publish one that must not be.
 */

static bool
social_cognito_event_federated(const social_json_t *attributes)
{
    social_str_t               s;
    const social_json_t       *identities;
    static const social_str_t  none = social_string("[]");
    static const social_str_t  external = social_string("EXTERNAL_PROVIDER");

    (void) social_cognito_event_string(attributes, "cognito:user_status", &s);

    if (social_str_eq(s, external)) {
        return true;
    }

    identities = social_cognito_event_member(attributes, "identities");

    switch (social_json_string(identities, &s)) {

    case SOCIAL_OK:
        return s.len != 0 && !social_str_eq(s, none);

    case SOCIAL_DECLINED:
        return false;

    default:
        return true;
    }
}


static bool
social_cognito_event_has_controls(social_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] < 0x20 || s.data[i] == 0x7f) {
            return true;
        }
    }

    return false;
}
