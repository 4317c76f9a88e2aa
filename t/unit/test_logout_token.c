
#include "social_unit.h"
#include "social_logout_token.h"


#define NOW    INT64_C(1700000000)
#define EVENT  "\"events\":{\"http://schemas.openid.net/event/"              \
               "backchannel-logout\":{}}"
#define GOOD   "\"aud\":\"web\",\"jti\":\"j\",\"iat\":1700000000," EVENT


typedef struct {
    const char             *payload;
    social_token_status_e   status;
} check_case_t;


static social_token_status_e
check(const char *payload, const social_claims_policy_t *policy, int64_t now,
    social_logout_token_t *token, social_json_t **json)
{
    assert_int_equal(social_json_parse(social_str(payload), json), SOCIAL_OK);

    return social_logout_token_check(*json, policy, now, token);
}


static void
policy_of(social_claims_policy_t *policy)
{
    static const social_str_t  clients[] = {
        social_string("app"), social_string("web")
    };
    static const social_str_t  audiences[] = { social_string("api") };

    memset(policy, 0, sizeof(social_claims_policy_t));

    policy->clients = clients;
    policy->client_count = 2;
    policy->audiences = audiences;
    policy->audience_count = 1;
    policy->leeway = 30;
}


static void
test_good(void **state)
{
    social_json_t           *json;
    social_claims_policy_t   policy;
    social_logout_token_t    token;

    static const social_claim_path_t  oid = social_claim_path("oid");

    (void) state;

    policy_of(&policy);

    assert_int_equal(check("{" GOOD ",\"sub\":\"s\",\"sid\":\"x\"}", &policy,
                           NOW, &token, &json), SOCIAL_TOKEN_OK);
    assert_true(social_str_eq(token.subject, S("s")));
    assert_true(social_str_eq(token.sid, S("x")));
    assert_int_equal(token.issued, NOW);
    social_json_free(json);

    assert_int_equal(check("{" GOOD ",\"sub\":\"s\"}", &policy, NOW, &token,
                           &json), SOCIAL_TOKEN_OK);
    assert_int_equal(token.sid.len, 0);
    social_json_free(json);

    assert_int_equal(check("{" GOOD ",\"sid\":\"x\",\"sub\":null}", &policy,
                           NOW, &token, &json), SOCIAL_TOKEN_OK);
    assert_int_equal(token.subject.len, 0);
    social_json_free(json);

    /* a subject is what the issuer's tokens have it in */

    policy.subject = &oid;

    assert_int_equal(check("{" GOOD ",\"sub\":\"s\",\"oid\":\"o\"}", &policy,
                           NOW, &token, &json), SOCIAL_TOKEN_OK);
    assert_true(social_str_eq(token.subject, S("o")));
    social_json_free(json);

    assert_int_equal(check("{" GOOD ",\"sub\":\"s\"}", &policy, NOW, &token,
                           &json), SOCIAL_TOKEN_CLAIMS);
    social_json_free(json);

    assert_int_equal(check("{" GOOD ",\"sub\":\"s\",\"oid\":7}", &policy,
                           NOW, &token, &json), SOCIAL_TOKEN_CLAIMS);
    social_json_free(json);

    assert_int_equal(check("{" GOOD ",\"sub\":\"s\",\"sid\":\"x\"}", &policy,
                           NOW, &token, &json), SOCIAL_TOKEN_OK);
    assert_int_equal(token.subject.len, 0);
    social_json_free(json);

    policy.subject = NULL;

    /* an audience counts where there is no client */

    policy.client_count = 0;
    assert_int_equal(check("{" GOOD ",\"sid\":\"x\"}", &policy, NOW, &token,
                           &json), SOCIAL_TOKEN_CLIENT);
    social_json_free(json);

    assert_int_equal(check("{\"aud\":[\"z\",\"api\"],\"jti\":\"j\","
                           "\"iat\":1700000000," EVENT ",\"sid\":\"x\"}",
                           &policy, NOW, &token, &json), SOCIAL_TOKEN_OK);
    social_json_free(json);

    policy.audience_count = 0;
    assert_int_equal(check("{" GOOD ",\"sid\":\"x\"}", &policy, NOW, &token,
                           &json), SOCIAL_TOKEN_CLIENT);
    social_json_free(json);
}


/*
 * Everything that makes it a logout token, taken away one by one.
 */

static void
test_wrong(void **state)
{
    size_t                   i;
    social_json_t           *json;
    social_claims_policy_t   policy;
    social_logout_token_t    token;

    static const check_case_t  cases[] = {
        { "{" GOOD "}", SOCIAL_TOKEN_CLAIMS },
        { "{" GOOD ",\"sid\":\"\"}", SOCIAL_TOKEN_CLAIMS },
        { "{" GOOD ",\"sid\":5}", SOCIAL_TOKEN_CLAIMS },
        { "{" GOOD ",\"sid\":\"x\",\"sub\":\"\"}", SOCIAL_TOKEN_CLAIMS },
        { "{" GOOD ",\"sid\":\"x\",\"sub\":[\"s\"]}", SOCIAL_TOKEN_CLAIMS },
        { "{" GOOD ",\"sid\":\"x\\u0001\"}", SOCIAL_TOKEN_CLAIMS },
        { "{" GOOD ",\"sub\":\"x\\u007f\"}", SOCIAL_TOKEN_CLAIMS },
        { "{" GOOD ",\"sid\":\"x\",\"nonce\":\"n\"}", SOCIAL_TOKEN_CLAIMS },
        { "{" GOOD ",\"sid\":\"x\",\"nonce\":null}", SOCIAL_TOKEN_CLAIMS },
        { "{" GOOD ",\"sid\":\"x\",\"exp\":\"1800000000\"}",
          SOCIAL_TOKEN_CLAIMS },
        { "{" GOOD ",\"sid\":\"x\",\"exp\":1699999970}",
          SOCIAL_TOKEN_EXPIRED },
        { "{" GOOD ",\"sid\":\"x\",\"exp\":1699999971}", SOCIAL_TOKEN_OK },
        { "{\"aud\":\"web\",\"iat\":1700000000," EVENT ",\"sid\":\"x\"}",
          SOCIAL_TOKEN_CLAIMS },
        { "{\"aud\":\"web\",\"jti\":\"\",\"iat\":1700000000," EVENT
          ",\"sid\":\"x\"}", SOCIAL_TOKEN_CLAIMS },
        { "{\"aud\":\"web\",\"jti\":\"j\"," EVENT ",\"sid\":\"x\"}",
          SOCIAL_TOKEN_CLAIMS },
        { "{\"aud\":\"web\",\"jti\":\"j\",\"iat\":1700000031," EVENT
          ",\"sid\":\"x\"}", SOCIAL_TOKEN_NOT_YET_VALID },
        { "{\"aud\":\"web\",\"jti\":\"j\",\"iat\":1700000030," EVENT
          ",\"sid\":\"x\"}", SOCIAL_TOKEN_OK },
        { "{\"aud\":\"web\",\"jti\":\"j\",\"iat\":1699999670," EVENT
          ",\"sid\":\"x\"}", SOCIAL_TOKEN_EXPIRED },
        { "{\"aud\":\"web\",\"jti\":\"j\",\"iat\":1699999671," EVENT
          ",\"sid\":\"x\"}", SOCIAL_TOKEN_OK },
        { "{\"aud\":\"webs\",\"jti\":\"j\",\"iat\":1700000000," EVENT
          ",\"sid\":\"x\"}", SOCIAL_TOKEN_CLIENT },
        { "{\"jti\":\"j\",\"iat\":1700000000," EVENT ",\"sid\":\"x\"}",
          SOCIAL_TOKEN_CLIENT },
        { "{\"aud\":[\"a\",\"web\"],\"jti\":\"j\",\"iat\":1700000000," EVENT
          ",\"sid\":\"x\"}", SOCIAL_TOKEN_OK },
        { "{\"aud\":\"web\",\"jti\":\"j\",\"iat\":1700000000,\"sid\":\"x\"}",
          SOCIAL_TOKEN_CLAIMS },
        { "{\"aud\":\"web\",\"jti\":\"j\",\"iat\":1700000000,\"sid\":\"x\","
          "\"events\":{\"http://schemas.openid.net/event/backchannel-logout\":"
          "true}}", SOCIAL_TOKEN_CLAIMS },
        { "{\"aud\":\"web\",\"jti\":\"j\",\"iat\":1700000000,\"sid\":\"x\","
          "\"events\":[\"http://schemas.openid.net/event/backchannel-logout\"]"
          "}", SOCIAL_TOKEN_CLAIMS },
        { "{\"aud\":\"web\",\"jti\":\"j\",\"iat\":1700000000,\"sid\":\"x\","
          "\"events\":{\"http://schemas.openid.net/event/other\":{}}}",
          SOCIAL_TOKEN_CLAIMS }
    };

    (void) state;

    policy_of(&policy);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(check(cases[i].payload, &policy, NOW, &token, &json),
                         cases[i].status);
        social_json_free(json);
    }
}


static void
test_type(void **state)
{
    (void) state;

    assert_true(social_logout_type_accepted(S("")));
    assert_true(social_logout_type_accepted(S("JWT")));
    assert_true(social_logout_type_accepted(S("jwt")));
    assert_true(social_logout_type_accepted(S("logout+jwt")));
    assert_true(social_logout_type_accepted(S("application/logout+JWT")));
    assert_false(social_logout_type_accepted(S("at+jwt")));
    assert_false(social_logout_type_accepted(S("secevent+jwt")));
    assert_false(social_logout_type_accepted(S("logout")));
}


static void
test_form(void **state)
{
    char           *big;
    unsigned char   data[SOCIAL_LOGOUT_WORK_SIZE];
    social_buf_t    work;
    social_str_t    token, text;

    (void) state;

#define FORM(text)                                                            \
    (social_buf_init(&work, data, sizeof(data)),                              \
     social_logout_form(S(text), &work, &token))

    assert_int_equal(FORM("logout_token=a.b-_.c"), SOCIAL_TOKEN_OK);
    assert_true(social_str_eq(token, S("a.b-_.c")));
    assert_int_equal(FORM("state=1&logout%5Ftoken=%61.b&x"), SOCIAL_TOKEN_OK);
    assert_true(social_str_eq(token, S("a.b")));

    assert_int_equal(FORM(""), SOCIAL_TOKEN_NONE);
    assert_int_equal(FORM("logout_token="), SOCIAL_TOKEN_NONE);
    assert_int_equal(FORM("logout_token"), SOCIAL_TOKEN_NONE);
    assert_int_equal(FORM("logout_tokens=a"), SOCIAL_TOKEN_NONE);
    assert_int_equal(FORM("{\"logout_token\":\"a\"}"), SOCIAL_TOKEN_NONE);
    assert_int_equal(FORM("logout_token=a&logout_token=b"),
                     SOCIAL_TOKEN_SEVERAL);
    assert_int_equal(FORM("logout_token=a&logout_token="),
                     SOCIAL_TOKEN_SEVERAL);
    assert_int_equal(FORM("logout_token=%"), SOCIAL_TOKEN_MALFORMED);
    assert_int_equal(FORM("logout_token=%00"), SOCIAL_TOKEN_MALFORMED);

    /* the largest, and one byte more */

    big = malloc(SOCIAL_LOGOUT_FORM_SIZE + 1);
    assert_non_null(big);
    memset(big, '!', SOCIAL_LOGOUT_FORM_SIZE + 1);
    memcpy(big, "logout_token=", 13);

    text.data = (unsigned char *) big;
    text.len = SOCIAL_LOGOUT_FORM_SIZE;
    social_buf_init(&work, data, sizeof(data));
    assert_int_equal(social_logout_form(text, &work, &token), SOCIAL_TOKEN_OK);
    assert_int_equal(token.len, 3 * (SOCIAL_LOGOUT_FORM_SIZE - 13));

    text.len++;
    social_buf_init(&work, data, sizeof(data));
    assert_int_equal(social_logout_form(text, &work, &token),
                     SOCIAL_TOKEN_MALFORMED);

    free(big);
}


static void
test_args(void **state)
{
    unsigned char  data[600];
    social_buf_t   work;
    social_str_t   iss, sid;

    (void) state;

#define ARGS(text)                                                            \
    (social_buf_init(&work, data, 6 * (sizeof(text) - 1)),                    \
     social_logout_args(S(text), &work, &iss, &sid))

    assert_int_equal(ARGS("iss=https%3A%2F%2Fa.example%2F&sid=x%20y+z%2b"),
                     SOCIAL_OK);
    assert_true(social_str_eq(iss, S("https://a.example/")));
    assert_true(social_str_eq(sid, S("x y z+")));

    assert_int_equal(ARGS("sid=b&x=1&iss=!!!!!!!!"), SOCIAL_OK);
    assert_true(social_str_eq(iss, S("!!!!!!!!")));
    assert_true(social_str_eq(sid, S("b")));

    assert_int_equal(ARGS(""), SOCIAL_DECLINED);
    assert_int_equal(ARGS("iss=a"), SOCIAL_DECLINED);
    assert_int_equal(ARGS("sid=a"), SOCIAL_DECLINED);
    assert_int_equal(ARGS("iss=&sid=a"), SOCIAL_DECLINED);
    assert_int_equal(ARGS("iss=a&sid="), SOCIAL_DECLINED);
    assert_int_equal(ARGS("iss=a&sid=b&sid=b"), SOCIAL_MALFORMED);
    assert_int_equal(ARGS("iss=a&iss=a&sid=b"), SOCIAL_MALFORMED);
    assert_int_equal(ARGS("iss=a&sid=%zz"), SOCIAL_MALFORMED);
    assert_int_equal(ARGS("iss=a&sid=%00"), SOCIAL_MALFORMED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_type),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_args)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
