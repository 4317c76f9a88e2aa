
#include "social_unit.h"
#include "social_cognito_event.h"


#define HEAD  "{\"userPoolId\":\"eu-west-1_A\",\"userName\":\"ann\","
#define SIGN  "\"triggerSource\":\"PostConfirmation_ConfirmSignUp\","
#define ATTR  "\"request\":{\"userAttributes\":{"


static void
refused(const char *text, const char *wanted)
{
    const char              *field, *why;
    social_cognito_event_t   event;

    assert_int_equal(social_cognito_event_parse(social_str(text), &event,
                                                &field, &why),
                     SOCIAL_MALFORMED);
    assert_string_equal(field, wanted);
    assert_non_null(why);
    assert_null(event.json);
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

    assert_true(event.sign_up);
    assert_str(event.user_pool, "us-east-1_uVWAMpQuY");
    assert_str(event.client_id, "2ects9");
    assert_str(event.username, "dabit3");
    assert_str(event.sub, "164961f8");
    assert_str(event.email, "x@example.com");
    assert_str(event.name, "Andrew Brown");
    assert_str(event.handle, "andrewbrown");

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
        HEAD SIGN ATTR "\"sub\":\"1\",\"email\":5,\"name\":\"\","
        "\"preferred_username\":\"a\\nb\",\"email_verified\":true}},"
        "\"callerContext\":{\"clientId\":null}}"),
        &event, &field, &why), SOCIAL_OK);

    assert_true(event.sign_up);
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


static void
test_other_sources(void **state)
{
    size_t                   i;
    const char              *field, *why;
    char                     text[256];
    social_cognito_event_t   event;
    static const char       *sources[] = {
        "PostConfirmation_ConfirmForgotPassword", "PreSignUp_SignUp",
        "PostConfirmation_ConfirmSignUp ", "postconfirmation_confirmsignup",
        "x", NULL
    };

    (void) state;

    for (i = 0; sources[i]; i++) {
        snprintf(text, sizeof(text), HEAD "\"triggerSource\":\"%s\"}",
                 sources[i]);

        assert_int_equal(social_cognito_event_parse(social_str(text), &event,
                                                    &field, &why), SOCIAL_OK);
        assert_false(event.sign_up);
        assert_int_equal(event.sub.len, 0);

        social_cognito_event_free(&event);
    }
}


static void
test_refused(void **state)
{
    (void) state;

    refused("", "body");
    refused("[]", "body");
    refused("{} {}", "body");
    refused("{\"a\":1,\"a\":1}", "body");
    refused("{\"a\":\"\\u0000\"}", "body");
    refused("{\"a\":\"\xff\"}", "body");

    refused("{}", "triggerSource");
    refused("{\"triggerSource\":1}", "triggerSource");
    refused("{\"triggerSource\":\"x\"}", "userPoolId");
    refused("{\"triggerSource\":\"x\",\"userPoolId\":null}", "userPoolId");
    refused("{\"triggerSource\":\"x\",\"userPoolId\":\"a\"}", "userName");
    refused("{\"triggerSource\":\"x\",\"userPoolId\":\"a\\u007f\"}",
            "userPoolId");
    refused("{\"triggerSource\":\"x\",\"userPoolId\":\"a\","
            "\"userName\":\"\"}", "userName");

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
        snprintf(text, SOCIAL_COGNITO_EVENT_MAX_SIZE, "{\"triggerSource\":"
                 "\"x\",\"userPoolId\":\"a\",\"userName\":\"%0*d\"}",
                 (int) len, 0);

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
        cmocka_unit_test(test_other_sources),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_sizes),
    };

    return cmocka_run_group_tests_name("cognito_event", tests, NULL, NULL);
}
