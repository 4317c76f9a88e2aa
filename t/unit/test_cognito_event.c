
#include "social_unit.h"
#include "social_cognito_event.h"


#define HEAD  "{\"userPoolId\":\"eu-west-1_A\",\"userName\":\"ann\","
#define SIGN  "\"triggerSource\":\"PostConfirmation_ConfirmSignUp\","
#define ATTR  "\"request\":{\"userAttributes\":{"


/*
 * A copy of the text's own size, so that what is read past its end is seen.
 */

static void
refused(const char *text, const char *wanted)
{
    const char              *field, *why;
    social_str_t             s;
    unsigned char           *copy;
    social_cognito_event_t   event;

    copy = malloc(strlen(text) + 1);
    assert_non_null(copy);

    s.len = strlen(text);
    s.data = copy + 1;
    memcpy(copy + 1, text, s.len);

    assert_int_equal(social_cognito_event_parse(s, &event, &field, &why),
                     SOCIAL_MALFORMED);
    assert_string_equal(field, wanted);
    assert_non_null(why);
    assert_null(event.json);

    free(copy);
}


static void
test_whole(void **state)
{
    const char              *field, *why;
    social_cognito_event_t   event;

    (void) state;

    assert_int_equal(social_cognito_event_parse(S(
        "{\"version\":\"1\",\"region\":\"us-east-1\","
        "\"userPoolId\":\"us-east-1_uVWAMpQuY\",\"userName\":\"dabit3\","
        "\"callerContext\":{\"awsSdkVersion\":\"x\",\"clientId\":\"2ects9\"},"
        SIGN "\"request\":{\"userAttributes\":{"
        "\"sub\":\"164961f8\",\"cognito:user_status\":\"CONFIRMED\","
        "\"email_verified\":\"true\",\"name\":\"Andrew Brown\","
        "\"preferred_username\":\"andrewbrown\",\"email\":\"x@example.com\"},"
        "\"clientMetadata\":{\"k\":\"v\"}},\"response\":{}}"),
        &event, &field, &why), SOCIAL_OK);

    assert_int_equal(event.kind, SOCIAL_COGNITO_CONFIRMED);
    assert_int_equal(event.version, 1);
    assert_str(event.user_pool, "us-east-1_uVWAMpQuY");
    assert_str(event.client_id, "2ects9");
    assert_str(event.username, "dabit3");
    assert_str(event.sub, "164961f8");
    assert_str(event.email, "x@example.com");
    assert_str(event.name, "Andrew Brown");
    assert_str(event.handle, "andrewbrown");
    assert_str(event.email_verified, "true");
    assert_int_equal(event.phone_number.len, 0);
    assert_int_equal(event.phone_number_verified.len, 0);

    social_cognito_event_free(&event);
    assert_null(event.json);
    assert_int_equal(event.sub.len, 0);

    social_cognito_event_free(&event);
}


static void
test_least(void **state)
{
    const char              *field, *why;
    social_cognito_event_t   event;

    (void) state;

    assert_int_equal(social_cognito_event_parse(S(
        HEAD SIGN ATTR "\"sub\":\"1\",\"email\":null,\"name\":\"\","
        "\"phone_number_verified\":\"\",\"email_verified\":null}},"
        "\"callerContext\":{\"clientId\":null}}"),
        &event, &field, &why), SOCIAL_OK);

    assert_int_equal(event.kind, SOCIAL_COGNITO_CONFIRMED);
    assert_int_equal(event.email_verified.len, 0);
    assert_int_equal(event.phone_number_verified.len, 0);
    assert_str(event.sub, "1");
    assert_int_equal(event.client_id.len, 0);
    assert_int_equal(event.email.len, 0);
    assert_int_equal(event.name.len, 0);
    assert_int_equal(event.handle.len, 0);
    assert_non_null(event.email.data);

    social_cognito_event_free(&event);
}


/*
 * Whether the user is another identity provider's, whose userName is
 * "PROVIDER_ID".
 */

static void
test_federated(void **state)
{
    size_t                   i;
    const char              *field, *why;
    char                     text[512];
    social_cognito_event_t   event;
    static const struct {
        const char          *attributes;
        bool                 federated;
    } cases[] = {
        { "", false },
        { ",\"identities\":\"[{\\\"providerName\\\":\\\"Google\\\","
          "\\\"userId\\\":\\\"1081\\\"}]\"", true },
        { ",\"cognito:user_status\":\"EXTERNAL_PROVIDER\"", true },
        { ",\"cognito:user_status\":\"CONFIRMED\"", false },
        { ",\"cognito:user_status\":\"external_provider\"", false },
        { ",\"cognito:user_status\":\"CONFIRMED\",\"identities\":\"[{}]\"",
          true },

        /* none, said in several ways */

        { ",\"identities\":\"[]\"", false },
        { ",\"identities\":\"\"", false },

        /* not as it is documented: rather one too many */

        { ",\"identities\":[{\"providerName\":\"Google\"}]", true },
        { ",\"identities\":\"a\\nb\"", true },
        { ",\"identities\":null", true },
        { ",\"identities\":1", true },
        { ",\"cognito:user_status\":[\"EXTERNAL_PROVIDER\"]", false },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), HEAD SIGN ATTR "\"sub\":\"1\"%s}}}",
                 cases[i].attributes);

        assert_int_equal(social_cognito_event_parse(social_str(text), &event,
                                                    &field, &why), SOCIAL_OK);
        assert_int_equal(event.federated, cases[i].federated);

        social_cognito_event_free(&event);
    }
}


/*
 * The kinds of events, by trigger and version.
 */

static void
test_kinds(void **state)
{
    size_t                   i;
    const char              *field, *why;
    char                     text[512];
    social_cognito_event_t   event;
    static const struct {
        const char             *source;
        const char             *version;
        social_cognito_kind_e   kind;
        unsigned                number;
    } cases[] = {
        { "PostConfirmation_ConfirmSignUp", "\"1\"",
          SOCIAL_COGNITO_CONFIRMED, 1 },
        { "PostConfirmation_ConfirmForgotPassword", "\"1\"",
          SOCIAL_COGNITO_CONFIRMED, 1 },
        { "PostAuthentication_Authentication", "\"1\"",
          SOCIAL_COGNITO_SIGNED_IN, 1 },
        { "TokenGeneration_HostedAuth", "\"1\"", SOCIAL_COGNITO_TOKEN, 1 },
        { "TokenGeneration_Authentication", "\"2\"", SOCIAL_COGNITO_TOKEN, 2 },
        { "TokenGeneration_NewPasswordChallenge", "\"3\"",
          SOCIAL_COGNITO_TOKEN, 3 },
        { "TokenGeneration_AuthenticateDevice", "3", SOCIAL_COGNITO_TOKEN, 3 },
        { "TokenGeneration_RefreshTokens", "0", SOCIAL_COGNITO_TOKEN, 1 },
        { "PreSignUp_SignUp", "\"1\"", SOCIAL_COGNITO_SIGN_UP, 1 },
        { "PreSignUp_ExternalProvider", "\"0\"", SOCIAL_COGNITO_SIGN_UP, 1 },

        /* nothing to be done */

        { "PreSignUp_AdminCreateUser", "\"1\"", SOCIAL_COGNITO_OTHER, 1 },
        { "TokenGeneration_ClientCredentials", "\"3\"", SOCIAL_COGNITO_OTHER,
          3 },
        { "CustomMessage_SignUp", "\"1\"", SOCIAL_COGNITO_OTHER, 1 },
        { "DefineAuthChallenge_Authentication", "\"1\"", SOCIAL_COGNITO_OTHER,
          1 },
        { "PreAuthentication_Authentication", "1", SOCIAL_COGNITO_OTHER, 1 },
        { "PostConfirmation_ConfirmSignUp ", "1", SOCIAL_COGNITO_OTHER, 1 },
        { "postconfirmation_confirmsignup", "1", SOCIAL_COGNITO_OTHER, 1 },
        { "PostConfirmation_", "1", SOCIAL_COGNITO_OTHER, 1 },
        { "x", "1", SOCIAL_COGNITO_OTHER, 1 },

        /* unknown versions */

        { "PostConfirmation_ConfirmSignUp", "\"4\"", SOCIAL_COGNITO_OTHER, 0 },
        { "TokenGeneration_HostedAuth", "4", SOCIAL_COGNITO_OTHER, 0 },
        { "TokenGeneration_HostedAuth", "\"11\"", SOCIAL_COGNITO_OTHER, 0 },
        { "TokenGeneration_HostedAuth", "null", SOCIAL_COGNITO_OTHER, 0 },
        { "TokenGeneration_HostedAuth", "{}", SOCIAL_COGNITO_OTHER, 0 },
        { "PostAuthentication_Authentication", "\"\"", SOCIAL_COGNITO_OTHER,
          0 },
        { "PreSignUp_SignUp", "\"4\"", SOCIAL_COGNITO_SIGN_UP, 0 },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), HEAD "\"triggerSource\":\"%s\","
                 "\"version\":%s," ATTR "\"sub\":\"1\"}}}",
                 cases[i].source, cases[i].version);

        assert_int_equal(social_cognito_event_parse(social_str(text), &event,
                                                    &field, &why), SOCIAL_OK);
        assert_int_equal(event.kind, cases[i].kind);
        assert_int_equal(event.version, cases[i].number);
        assert_int_equal(event.sub.len, cases[i].kind != SOCIAL_COGNITO_OTHER);

        social_cognito_event_free(&event);
    }

    /* of the others, nothing is needed, nor looked at */

    assert_int_equal(social_cognito_event_parse(S(
        "{\"triggerSource\":\"InboundFederation_ExternalProvider\","
        "\"userPoolId\":\"a\",\"request\":{\"userAttributes\":{\"email\":5}}}"),
        &event, &field, &why), SOCIAL_OK);
    assert_int_equal(event.kind, SOCIAL_COGNITO_OTHER);
    social_cognito_event_free(&event);

    /* who signs up has no subject */

    assert_int_equal(social_cognito_event_parse(S(
        HEAD "\"triggerSource\":\"PreSignUp_SignUp\"," ATTR
        "\"email\":\"a@x\"}}}"), &event, &field, &why), SOCIAL_OK);
    assert_int_equal(event.kind, SOCIAL_COGNITO_SIGN_UP);
    assert_str(event.email, "a@x");
    social_cognito_event_free(&event);
}


static void
test_attributes(void **state)
{
    size_t                   i;
    const char              *field, *why;
    social_cognito_event_t   event;
    static const char       *verified[] = { "true", "\"true\"", "\"True\"",
                                            "\"TRUE\"" };
    char                     text[512];

    (void) state;

    for (i = 0; i < sizeof(verified) / sizeof(verified[0]); i++) {
        snprintf(text, sizeof(text), HEAD SIGN ATTR "\"sub\":\"1\","
                 "\"phone_number\":\"+1555\",\"email_verified\":%s,"
                 "\"phone_number_verified\":\"False\"}}}", verified[i]);

        assert_int_equal(social_cognito_event_parse(social_str(text), &event,
                                                    &field, &why), SOCIAL_OK);
        assert_str(event.email_verified, "true");
        assert_str(event.phone_number, "+1555");
        assert_str(event.phone_number_verified, "false");
        social_cognito_event_free(&event);
    }

    /* text is kept as it is */

    assert_int_equal(social_cognito_event_parse(S(
        HEAD SIGN ATTR "\"sub\":\"1\",\"name\":\"a\\nb\\u202e\\u200b\","
        "\"preferred_username\":\"\\ud83d\\ude00\\t\"}}}"),
        &event, &field, &why), SOCIAL_OK);
    assert_str(event.name, "a\nb\xe2\x80\xae\xe2\x80\x8b");
    assert_str(event.handle, "\xf0\x9f\x98\x80\t");
    social_cognito_event_free(&event);
}


/*
 * What cannot be kept, or is not what it should be, is named.
 */

static void
test_named(void **state)
{
    size_t                   i;
    const char              *field, *why;
    char                     text[512];
    social_cognito_event_t   event;
    static const struct {
        const char          *attribute;
        const char          *value;
        const char          *why;
    } cases[] = {
        { "name", "\"a\\u0000b\"", "must not have the character U+0000" },
        { "email", "\"\\ud800\"", "must not have half of a surrogate pair" },
        { "email", "\"\\udc00@x\"", "must not have half of a surrogate pair" },
        { "name", "\"\\ud83d\\ud83d\"",
          "must not have half of a surrogate pair" },
        { "name", "\"\\ud83dx\"", "must not have half of a surrogate pair" },
        { "name", "\"\\ud83d\\n\"", "must not have half of a surrogate pair" },
        { "name", "\"\\ud83d\\n\\ude00\"",
          "must not have half of a surrogate pair" },
        { "name", "\"\xff\"", "must be valid UTF-8" },
        { "name", "\"\xed\xa0\x80\"", "must be valid UTF-8" },
        { "name", "\"\xc0\x80\"", "must be valid UTF-8" },
        { "name", "\"\xf4\x90\x80\x80\"", "must be valid UTF-8" },
        { "name", "\"a\nb\"",
          "must not have control characters that are not escaped" },
        { "custom:plan", "\"\\u0000\"", "must not have the character U+0000" },
        { "sub2", "{\"a\":[1,\"\\u0000\"]}",
          "must not have the character U+0000" },

        { "name", "5", "must be a string" },
        { "name", "{}", "must be a string" },
        { "email", "false", "must be a string" },
        { "preferred_username", "[]", "must be a string" },
        { "phone_number", "15551234", "must be a string" },
        { "email", "\"a\\r\\nb@x\"", "must not have control characters" },
        { "phone_number", "\"\\u007f\"", "must not have control characters" },
        { "email_verified", "1", "must be true or false" },
        { "email_verified", "\"yes\"", "must be true or false" },
        { "phone_number_verified", "\"tru\"", "must be true or false" },
        { "phone_number_verified", "\"truee\"", "must be true or false" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), HEAD SIGN ATTR "\"sub\":\"1\","
                 "\"%s\":%s},\"x\":\"\"}}", cases[i].attribute,
                 cases[i].value);

        assert_int_equal(social_cognito_event_parse(social_str(text), &event,
                                                    &field, &why),
                         SOCIAL_MALFORMED);
        assert_string_equal(why, cases[i].why);

        if (strcmp(cases[i].attribute, "sub2") == 0) {
            assert_string_equal(field, "request.userAttributes.sub2.a");
            continue;
        }

        snprintf(text, sizeof(text), "request.userAttributes.%s",
                 cases[i].attribute);
        assert_string_equal(field, text);
    }

    /* in a name, or of one that must not be shown: what it is in */

    refused(HEAD SIGN ATTR "\"a\\u0000\":1}}}", "request.userAttributes");
    refused(HEAD SIGN ATTR "\"<b>\":\"\\u0000\"}}}", "request.userAttributes");
    refused(HEAD SIGN ATTR "\"\":\"\\u0000\"}}}", "request.userAttributes");
    refused("{\"\\ud800\":1}", "body");

    /* the text ends, or goes on, in another way */

    refused(HEAD SIGN ATTR "\"name\":\"a", "body");
    refused(HEAD SIGN ATTR "\"name\":\"a\\", "body");
    refused(HEAD SIGN ATTR "\"name\":\"a\\ud8", "body");
    refused(HEAD SIGN ATTR "\"name\":\"a\\x00\"}}}", "body");
    refused(HEAD SIGN ATTR "\"name\":\"a\\u00g0\"}}}", "body");
    refused(HEAD SIGN ATTR "\"name\":\"a\"\xff}}}", "body");
    refused(HEAD SIGN ATTR "\"name\":\xff}}}", "body");

    /* a path that does not fit ends before that */

    memset(text, 0, sizeof(text));
    snprintf(text, sizeof(text), "{\"request\":{\"%0150d\":\"\\u0000\"}}", 0);
    refused(text, "request");
}


/*
 * 2,048 characters, whatever their bytes, and one more.
 */

static void
test_long(void **state)
{
    char                    *text, *p;
    size_t                   i, n, c;
    const char              *field, *why;
    social_cognito_event_t   event;
    static const char       *characters[] = { "x", "\xc3\xa9", "\xe6\x9d\x8e",
                                              "\xf0\x9f\x98\x80" };
    static const char       *names[] = { "name", "preferred_username",
                                         "email", "phone_number" };

    (void) state;

    text = malloc(SOCIAL_COGNITO_EVENT_MAX_SIZE);
    assert_non_null(text);

    for (c = 0; c < 4; c++) {
        for (n = SOCIAL_COGNITO_EVENT_MAX_TEXT;
             n <= SOCIAL_COGNITO_EVENT_MAX_TEXT + 1;
             n++)
        {
            p = text + sprintf(text, HEAD SIGN ATTR "\"sub\":\"1\",\"%s\":\"",
                               names[c]);

            for (i = 0; i < n; i++) {
                p = stpcpy(p, characters[c]);
            }

            strcpy(p, "\"}}}");

            if (n == SOCIAL_COGNITO_EVENT_MAX_TEXT) {
                assert_int_equal(social_cognito_event_parse(social_str(text),
                                                            &event, &field,
                                                            &why), SOCIAL_OK);
                social_cognito_event_free(&event);
                continue;
            }

            assert_int_equal(social_cognito_event_parse(social_str(text),
                                                        &event, &field, &why),
                             SOCIAL_MALFORMED);
            assert_string_equal(why, "must have at most 2048 characters");
            assert_string_equal(strrchr(field, '.') + 1, names[c]);
        }
    }

    free(text);
}


/*
 * The response to an event of a token: before and after "response", byte by
 * byte what was received.
 */

static void
claims(const char *version, const char *response, const char *roles,
    const char *wanted)
{
    char                     text[2048], out[2048], expected[2048];
    size_t                   len, i;
    const char              *field, *why;
    social_cognito_event_t   event;
    static const char        head[] = " {\"\\u0061\" : [ {\"response\":1}, "
                                 "\"}\\\\\\\"\" ],"
                                 "\"userPoolId\":\"eu-west-1_A\","
                                 "\"userName\":\"ann\","
                                 ATTR "\"sub\":\"1\"}},"
                                 "\"triggerSource\":"
                                 "\"TokenGeneration_HostedAuth\",";
    static const char        tail[] = ",\n\t\"z\":\"{\"}  \n";

    snprintf(text, sizeof(text), "%s\"version\":%s%s%s%s", head, version,
             response ? ", \"r\\u0065sponse\" :\n " : "",
             response ? response : "", tail);

    assert_int_equal(social_cognito_event_parse(social_str(text), &event,
                                                &field, &why), SOCIAL_OK);
    assert_int_equal(event.kind, SOCIAL_COGNITO_TOKEN);

    if (response) {
        snprintf(expected, sizeof(expected), "%s\"version\":%s, "
                 "\"r\\u0065sponse\" :\n %s%s", head, version, wanted, tail);
    } else {
        snprintf(expected, sizeof(expected), "%s\"version\":%s%.*s,"
                 "\"response\":%s}  \n", head, version,
                 (int) (sizeof(tail) - 5), tail, wanted);
    }

    len = social_cognito_event_claims(&event, social_str(text), S("id-1"),
                                      social_str(roles), NULL, 0);
    assert_int_equal(len, strlen(expected));

    /* whatever the room for it, nothing is written past that */

    for (i = 0; i <= len; i += 7) {
        memset(out, '#', sizeof(out));
        assert_int_equal(social_cognito_event_claims(&event, social_str(text),
                             S("id-1"), social_str(roles),
                             (unsigned char *) out, i), len);
        assert_int_equal(out[i], '#');
    }

    assert_int_equal(social_cognito_event_claims(&event, social_str(text),
                         S("id-1"), social_str(roles), (unsigned char *) out,
                         sizeof(out)), len);
    assert_memory_equal(out, expected, len);

    social_cognito_event_free(&event);
}


static void
test_claims(void **state)
{
    (void) state;

    /* version 1: strings, of the ID token */

    claims("\"1\"", "{}", "a b",
           "{\"claimsOverrideDetails\":{\"claimsToAddOrOverride\":"
           "{\"user_id\":\"id-1\",\"roles\":\"a b\"}}}");
    claims("1", "{\"claimsOverrideDetails\":null}", "",
           "{\"claimsOverrideDetails\":{\"claimsToAddOrOverride\":"
           "{\"user_id\":\"id-1\"}}}");

    /* 2 and 3: of both */

    claims("\"2\"", "{\"claimsAndScopeOverrideDetails\":null}", "a b",
           "{\"claimsAndScopeOverrideDetails\":{"
           "\"idTokenGeneration\":{\"claimsToAddOrOverride\":"
           "{\"user_id\":\"id-1\",\"roles\":[\"a\",\"b\"]}},"
           "\"accessTokenGeneration\":{\"claimsToAddOrOverride\":"
           "{\"user_id\":\"id-1\",\"roles\":[\"a\",\"b\"]}}}}");
    claims("\"3\"", NULL, "",
           "{\"claimsAndScopeOverrideDetails\":{"
           "\"idTokenGeneration\":{\"claimsToAddOrOverride\":"
           "{\"user_id\":\"id-1\"}},"
           "\"accessTokenGeneration\":{\"claimsToAddOrOverride\":"
           "{\"user_id\":\"id-1\"}}}}");

    /* what is there stays, in its own spelling; what is not an object goes */

    claims("\"1\"", "{ \"x\" : 1.0 ,\"claimsOverrideDetails\" : { \"y\":[2 ],"
           "\"claimsToAddOrOverride\":{\"user_id\":\"other\","
           "\"\\u0061\" : \"b\" , \"roles\":\"mine\"}}, \"z\":\"}\" }", "",
           "{\"x\" : 1.0,\"z\":\"}\",\"claimsOverrideDetails\":{\"y\":[2 ],"
           "\"claimsToAddOrOverride\":{\"\\u0061\" : \"b\","
           "\"roles\":\"mine\",\"user_id\":\"id-1\"}}}");
    claims("\"1\"", "{\"claimsOverrideDetails\":{\"claimsToAddOrOverride\":"
           "{\"roles\":\"mine\"}}}", "a",
           "{\"claimsOverrideDetails\":{\"claimsToAddOrOverride\":"
           "{\"user_id\":\"id-1\",\"roles\":\"a\"}}}");
    claims("\"2\"", "{\"claimsAndScopeOverrideDetails\":{"
           "\"groupOverrideDetails\":{\"groupsToOverride\":[\"g\"]},"
           "\"accessTokenGeneration\":{\"scopesToAdd\":[\"s\"],"
           "\"claimsToAddOrOverride\":[]}}}", "",
           "{\"claimsAndScopeOverrideDetails\":{"
           "\"groupOverrideDetails\":{\"groupsToOverride\":[\"g\"]},"
           "\"idTokenGeneration\":{\"claimsToAddOrOverride\":"
           "{\"user_id\":\"id-1\"}},"
           "\"accessTokenGeneration\":{\"scopesToAdd\":[\"s\"],"
           "\"claimsToAddOrOverride\":{\"user_id\":\"id-1\"}}}}");
    claims("\"1\"", "{\"\\\"q\":\"\\\"}, \\\\\",\"r\":{\"s\":\"]\\\"\"}}", "",
           "{\"\\\"q\":\"\\\"}, \\\\\",\"r\":{\"s\":\"]\\\"\"},"
           "\"claimsOverrideDetails\":{\"claimsToAddOrOverride\":"
           "{\"user_id\":\"id-1\"}}}");
    claims("\"1\"", "\"text\"", "",
           "{\"claimsOverrideDetails\":{\"claimsToAddOrOverride\":"
           "{\"user_id\":\"id-1\"}}}");
    claims("\"1\"", "-0.5e1", "",
           "{\"claimsOverrideDetails\":{\"claimsToAddOrOverride\":"
           "{\"user_id\":\"id-1\"}}}");

    /* many, and what the database would not have */

    claims("\"1\"", "{}", "x23456789012345678901234567890123456789012345678901"
           "234567890123456789\" y", "{\"claimsOverrideDetails\":"
           "{\"claimsToAddOrOverride\":{\"user_id\":\"id-1\",\"roles\":\""
           "x2345678901234567890123456789012345678901234567890123456789012345"
           "6789\\\" y\"}}}");
}


static void
test_refused(void **state)
{
    (void) state;

    refused("", "body");
    refused("[]", "body");
    refused("{} {}", "body");
    refused("{\"a\":1,\"a\":1}", "body");
    refused("{\"a\":\"\\u0000\"}", "a");
    refused("{\"a\":\"\xff\"}", "a");

    refused("{}", "triggerSource");
    refused("{\"triggerSource\":1}", "triggerSource");
    refused("{\"triggerSource\":\"x\"}", "userPoolId");
    refused("{\"triggerSource\":\"x\",\"userPoolId\":null}", "userPoolId");
    refused("{" SIGN "\"userPoolId\":\"a\"}", "userName");
    refused("{\"triggerSource\":\"x\",\"userPoolId\":\"a\\u007f\"}",
            "userPoolId");
    refused("{" SIGN "\"userPoolId\":\"a\",\"userName\":\"\"}",
            "userName");

    refused(HEAD SIGN "\"request\":{}}", "request.userAttributes.sub");
    refused(HEAD SIGN "\"request\":[]}", "request.userAttributes.sub");
    refused(HEAD SIGN "\"request\":{\"userAttributes\":\"x\"}}",
            "request.userAttributes.sub");
    refused(HEAD SIGN ATTR "\"sub\":\"\"}}}", "request.userAttributes.sub");
    refused(HEAD SIGN ATTR "\"sub\":1}}}", "request.userAttributes.sub");
    refused(HEAD SIGN ATTR "\"sub\":\"a\\tb\"}}}",
            "request.userAttributes.sub");
}


static void
test_sizes(void **state)
{
    char                    *text;
    size_t                   len;
    const char              *field, *why;
    social_str_t             s;
    social_cognito_event_t   event;

    (void) state;

    text = malloc(SOCIAL_COGNITO_EVENT_MAX_SIZE + 2);
    assert_non_null(text);

    len = (size_t) snprintf(text, SOCIAL_COGNITO_EVENT_MAX_SIZE,
                            HEAD "\"triggerSource\":\"x\"}");
    memset(text + len, ' ', SOCIAL_COGNITO_EVENT_MAX_SIZE + 1 - len);

    s.data = (unsigned char *) text;
    s.len = SOCIAL_COGNITO_EVENT_MAX_SIZE;
    assert_int_equal(social_cognito_event_parse(s, &event, &field, &why),
                     SOCIAL_OK);
    social_cognito_event_free(&event);

    s.len++;
    assert_int_equal(social_cognito_event_parse(s, &event, &field, &why),
                     SOCIAL_MALFORMED);

    /* a name of 2,048 bytes, and of one more */

    for (len = 2048; len <= 2049; len++) {
        snprintf(text, SOCIAL_COGNITO_EVENT_MAX_SIZE, "{" SIGN ATTR
                 "\"sub\":\"1\"}},\"userPoolId\":\"a\","
                 "\"userName\":\"%0*d\"}", (int) len, 0);

        assert_int_equal(social_cognito_event_parse(social_str(text), &event,
                                                    &field, &why),
                         len == 2048 ? SOCIAL_OK : SOCIAL_MALFORMED);
        social_cognito_event_free(&event);
    }

    free(text);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_least),
        cmocka_unit_test(test_federated),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_named),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_sizes),
    };

    return cmocka_run_group_tests_name("cognito_event", tests, NULL, NULL);
}
