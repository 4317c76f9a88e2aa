
/*
 * The events that Cognito calls the triggers of a user pool with.
 */

#include <string.h>

#include "social_cognito_event.h"


#define SOCIAL_COGNITO_EVENT_MAX_ID  2048       /* bytes */


typedef struct {
    social_str_t            source;
    social_cognito_kind_e   kind;
} social_cognito_trigger_t;


typedef enum {
    SOCIAL_COGNITO_TEXT = 0,
    SOCIAL_COGNITO_LINE,            /* without control characters */
    SOCIAL_COGNITO_BOOLEAN
} social_cognito_type_e;


typedef struct {
    const char             *path;
    social_cognito_type_e   type;
    size_t                  offset;
} social_cognito_attribute_t;


static const char *social_cognito_event_read(social_cognito_event_t *event,
    const char **why);
static social_cognito_kind_e social_cognito_event_kind(social_str_t source);
static unsigned social_cognito_event_version(const social_json_t *json);
static const char *social_cognito_event_attributes(
    social_cognito_event_t *event, const char **why);
static const char *social_cognito_event_text(const social_json_t *json,
    social_cognito_type_e type, social_str_t *out);
static const char *social_cognito_event_boolean(const social_json_t *json,
    social_str_t *out);
static const social_json_t *social_cognito_event_member(
    const social_json_t *json, const char *name);
static bool social_cognito_event_id(const social_json_t *json,
    const char *name, social_str_t *out);
static bool social_cognito_event_federated(const social_json_t *attributes);
static bool social_cognito_event_has_controls(social_str_t s);
static bool social_cognito_event_is_long(social_str_t s);


/*
 * Those that say something of a user.  An administrator who creates one
 * (PreSignUp_AdminCreateUser) is not bound by the rules for sign-ups, and a
 * client's own token (TokenGeneration_ClientCredentials) is of no user.
 */

static const social_cognito_trigger_t  social_cognito_triggers[] = {

    { social_string("PostConfirmation_ConfirmSignUp"),
      SOCIAL_COGNITO_CONFIRMED },

    { social_string("PostConfirmation_ConfirmForgotPassword"),
      SOCIAL_COGNITO_CONFIRMED },

    { social_string("PostAuthentication_Authentication"),
      SOCIAL_COGNITO_SIGNED_IN },

    { social_string("TokenGeneration_HostedAuth"), SOCIAL_COGNITO_TOKEN },
    { social_string("TokenGeneration_Authentication"), SOCIAL_COGNITO_TOKEN },
    { social_string("TokenGeneration_NewPasswordChallenge"),
      SOCIAL_COGNITO_TOKEN },
    { social_string("TokenGeneration_AuthenticateDevice"),
      SOCIAL_COGNITO_TOKEN },
    { social_string("TokenGeneration_RefreshTokens"), SOCIAL_COGNITO_TOKEN },

    { social_string("PreSignUp_SignUp"), SOCIAL_COGNITO_SIGN_UP },
    { social_string("PreSignUp_ExternalProvider"), SOCIAL_COGNITO_SIGN_UP }
};

#define SOCIAL_COGNITO_TRIGGERS                                               \
    (sizeof(social_cognito_triggers) / sizeof(social_cognito_triggers[0]))


#define SOCIAL_COGNITO_ATTRIBUTES  "request.userAttributes."

static const social_cognito_attribute_t  social_cognito_attributes[] = {

    { SOCIAL_COGNITO_ATTRIBUTES "email", SOCIAL_COGNITO_LINE,
      offsetof(social_cognito_event_t, email) },

    { SOCIAL_COGNITO_ATTRIBUTES "email_verified", SOCIAL_COGNITO_BOOLEAN,
      offsetof(social_cognito_event_t, email_verified) },

    { SOCIAL_COGNITO_ATTRIBUTES "phone_number", SOCIAL_COGNITO_LINE,
      offsetof(social_cognito_event_t, phone_number) },

    { SOCIAL_COGNITO_ATTRIBUTES "phone_number_verified",
      SOCIAL_COGNITO_BOOLEAN,
      offsetof(social_cognito_event_t, phone_number_verified) },

    { SOCIAL_COGNITO_ATTRIBUTES "name", SOCIAL_COGNITO_TEXT,
      offsetof(social_cognito_event_t, name) },

    { SOCIAL_COGNITO_ATTRIBUTES "preferred_username", SOCIAL_COGNITO_TEXT,
      offsetof(social_cognito_event_t, handle) },

    { NULL, SOCIAL_COGNITO_TEXT, 0 }
};


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

    rc = social_json_parse_where(text, &event->json, &event->where);

    if (rc != SOCIAL_OK) {

        if (event->where.path[0] != '\0') {
            *field = event->where.path;
            *why = event->where.why;
        }

        return rc;
    }

    *field = social_cognito_event_read(event, why);

    if (*field != NULL) {
        social_cognito_event_free(event);
        return SOCIAL_MALFORMED;
    }

    return SOCIAL_OK;
}


void
social_cognito_event_free(social_cognito_event_t *event)
{
    social_json_where_t  where;

    social_json_free(event->json);

    where = event->where;
    memset(event, 0, sizeof(social_cognito_event_t));
    event->where = where;
}


/*
 * Returns the name of the first invalid member, or NULL.
 */

static const char *
social_cognito_event_read(social_cognito_event_t *event, const char **why)
{
    social_str_t          source;
    const social_json_t  *context, *version;

    *why = "must be a string that is not empty";

    if (!social_cognito_event_id(event->json, "triggerSource", &source)) {
        return "triggerSource";
    }

    if (!social_cognito_event_id(event->json, "userPoolId",
                                 &event->user_pool))
    {
        return "userPoolId";
    }

    context = social_cognito_event_member(event->json, "callerContext");
    (void) social_cognito_event_id(context, "clientId", &event->client_id);

    event->kind = social_cognito_event_kind(source);

    version = social_cognito_event_member(event->json, "version");
    event->version = social_cognito_event_version(version);

    if (event->version == 0 && event->kind != SOCIAL_COGNITO_SIGN_UP) {
        event->kind = SOCIAL_COGNITO_OTHER;
    }

    if (event->kind == SOCIAL_COGNITO_OTHER) {
        return NULL;
    }

    if (!social_cognito_event_id(event->json, "userName", &event->username)) {
        return "userName";
    }

    return social_cognito_event_attributes(event, why);
}


static social_cognito_kind_e
social_cognito_event_kind(social_str_t source)
{
    size_t  i;

    for (i = 0; i < SOCIAL_COGNITO_TRIGGERS; i++) {
        if (social_str_eq(source, social_cognito_triggers[i].source)) {
            return social_cognito_triggers[i].kind;
        }
    }

    return SOCIAL_COGNITO_OTHER;
}


/*
 * 0 for an unknown one.  It is a string, and was a number; emulators have 0.
 */

static unsigned
social_cognito_event_version(const social_json_t *json)
{
    social_str_t  s;

    if (json == NULL) {
        return 1;
    }

    if (social_json_string(json, &s) != SOCIAL_OK) {
        (void) social_json_number(json, &s);
    }

    if (s.len != 1 || s.data[0] < '0' || s.data[0] > '3') {
        return 0;
    }

    return s.data[0] == '0' ? 1 : (unsigned) (s.data[0] - '0');
}


static const char *
social_cognito_event_attributes(social_cognito_event_t *event,
    const char **why)
{
    social_str_t                      *out;
    const char                        *name, *wrong;
    const social_json_t               *request, *attributes, *value;
    const social_cognito_attribute_t  *a;

    request = social_cognito_event_member(event->json, "request");
    attributes = social_cognito_event_member(request, "userAttributes");

    if (!social_cognito_event_id(attributes, "sub", &event->sub)
        && event->kind != SOCIAL_COGNITO_SIGN_UP)
    {
        return SOCIAL_COGNITO_ATTRIBUTES "sub";
    }

    for (a = social_cognito_attributes; a->path; a++) {
        name = a->path + sizeof(SOCIAL_COGNITO_ATTRIBUTES) - 1;
        value = social_cognito_event_member(attributes, name);
        out = (social_str_t *) (void *) ((char *) event + a->offset);

        out->len = 0;
        out->data = (const unsigned char *) "";

        if (value == NULL || social_json_is_null(value)) {
            continue;
        }

        wrong = a->type == SOCIAL_COGNITO_BOOLEAN
                ? social_cognito_event_boolean(value, out)
                : social_cognito_event_text(value, a->type, out);

        if (wrong) {
            *why = wrong;
            return a->path;
        }
    }

    event->federated = social_cognito_event_federated(attributes);

    return NULL;
}


/*
 * NULL, or what is wrong with it.
 */

static const char *
social_cognito_event_text(const social_json_t *json,
    social_cognito_type_e type, social_str_t *out)
{
    if (social_json_string(json, out) != SOCIAL_OK) {
        return "must be a string";
    }

    if (social_cognito_event_is_long(*out)) {
        return "must have at most 2048 characters";
    }

    if (type == SOCIAL_COGNITO_LINE
        && social_cognito_event_has_controls(*out))
    {
        return "must not have control characters";
    }

    return NULL;
}


/*
 * Attributes are strings; documentation and emulators have booleans, too.
 */

static const char *
social_cognito_event_boolean(const social_json_t *json, social_str_t *out)
{
    social_str_t               s;
    static const social_str_t  yes = social_string("true");
    static const social_str_t  no = social_string("false");

    if (social_json_is_boolean(json)) {
        *out = json->type == SOCIAL_JSON_TRUE ? yes : no;
        return NULL;
    }

    if (social_json_string(json, &s) == SOCIAL_OK) {

        if (s.len == 0) {
            return NULL;
        }

        if (social_str_caseeq(s, yes)) {
            *out = yes;
            return NULL;
        }

        if (social_str_caseeq(s, no)) {
            *out = no;
            return NULL;
        }
    }

    return "must be true or false";
}


static const social_json_t *
social_cognito_event_member(const social_json_t *json, const char *name)
{
    return json ? social_json_member(json, social_str(name)) : NULL;
}


/*
 * False, and an empty view, unless it is a string with something in it that
 * can be an identifier, and is short enough for an index.
 */

static bool
social_cognito_event_id(const social_json_t *json, const char *name,
    social_str_t *out)
{
    if (social_json_string(social_cognito_event_member(json, name), out)
        == SOCIAL_OK
        && out->len != 0 && out->len <= SOCIAL_COGNITO_EVENT_MAX_ID
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

    (void) social_cognito_event_id(attributes, "cognito:user_status", &s);

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


static bool
social_cognito_event_is_long(social_str_t s)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < s.len; i++) {

        /* but for continuation bytes: the parser has checked all of it */

        n += ((s.data[i] & 0xc0) != 0x80);
    }

    return n > SOCIAL_COGNITO_EVENT_MAX_TEXT;
}
