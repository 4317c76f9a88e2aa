
#include "social_unit.h"
#include "social_claims.h"


#define NOW  INT64_C(1700000000)

#define ACCESS(more)                                                          \
    "{\"sub\":\"s\",\"token_use\":\"access\",\"client_id\":\"c1\","           \
    "\"exp\":1700000100" more "}"
#define ID(more)                                                              \
    "{\"sub\":\"s\",\"token_use\":\"id\",\"aud\":\"c1\","                     \
    "\"exp\":1700000100" more "}"
#define OTHER(more)                                                           \
    "{\"sub\":\"s\",\"exp\":1700000100" more "}"


static const social_str_t  clients[] = {
    social_string("c0"), social_string("c1")
};

static const social_str_t  audiences[] = {
    social_string("https://a"), social_string("https://b")
};


static social_json_t *
parse(const char *text)
{
    social_json_t  *json;

    assert_int_equal(social_json_parse(social_str(text), &json), SOCIAL_OK);

    return json;
}


static social_token_status_e
check_at(const char *text, const social_claims_policy_t *policy, int64_t now)
{
    social_json_t          *json;
    social_claims_t         claims;
    social_token_status_e   status;

    json = parse(text);
    status = social_claims_check(json, policy, now, &claims);
    social_json_free(json);

    return status;
}


static social_token_status_e
check(const char *text, const social_claims_policy_t *policy)
{
    return check_at(text, policy, NOW);
}


static void
test_ok(void **state)
{
    social_json_t    *json;
    social_claims_t   claims;

    const social_claims_policy_t  policy = {
        clients, 2, audiences, 2, SOCIAL_TOKEN_USE_ACCESS, 30
    };

    (void) state;

    json = parse(ACCESS(",\"username\":\"u\",\"cognito:username\":\"v\","
                        "\"scope\":\"a b\",\"aud\":[\"x\",\"https://b\"],"
                        "\"iat\":1700000000,\"nbf\":1700000000"));

    assert_int_equal(social_claims_check(json, &policy, NOW, &claims),
                     SOCIAL_TOKEN_OK);
    assert_str(claims.subject, "s");
    assert_str(claims.username, "u");
    assert_int_equal(claims.expires, 1700000100);

    social_json_free(json);
}


static void
test_username(void **state)
{
    size_t            i;
    social_json_t    *json;
    social_claims_t   claims;

    static const struct {
        const char  *text, *username;
    } cases[] = {
        { ID(""), "" },
        { ID(",\"cognito:username\":\"v\""), "v" },
        { ID(",\"username\":\"u\",\"cognito:username\":\"v\""), "u" },
        { ID(",\"username\":\"\",\"cognito:username\":\"v\""), "" },
        { ID(",\"username\":1,\"cognito:username\":\"v\""), "" },
        { ID(",\"cognito:username\":{}"), "" },
    };

    const social_claims_policy_t  policy = {
        NULL, 0, NULL, 0, SOCIAL_TOKEN_USE_ANY, 0
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json = parse(cases[i].text);

        assert_int_equal(social_claims_check(json, &policy, NOW, &claims),
                         SOCIAL_TOKEN_OK);
        assert_str(claims.username, cases[i].username);

        social_json_free(json);
    }
}


static void
test_times(void **state)
{
    size_t                  i;
    social_claims_policy_t  policy = {
        NULL, 0, NULL, 0, SOCIAL_TOKEN_USE_ANY, 0
    };

    static const struct {
        const char             *text;
        int64_t                 now, leeway;
        social_token_status_e   status;
    } cases[] = {
        /* "on or after which" it is not accepted (RFC 7519, 4.1.4) */
        { OTHER(""), 1700000099, 0, SOCIAL_TOKEN_OK },
        { OTHER(""), 1700000100, 0, SOCIAL_TOKEN_EXPIRED },
        { OTHER(""), 1700000129, 30, SOCIAL_TOKEN_OK },
        { OTHER(""), 1700000130, 30, SOCIAL_TOKEN_EXPIRED },
        { OTHER(""), INT64_MAX / 2, 30, SOCIAL_TOKEN_EXPIRED },

        { OTHER(",\"nbf\":1700000001"), NOW, 0, SOCIAL_TOKEN_NOT_YET_VALID },
        { OTHER(",\"nbf\":1700000000"), NOW, 0, SOCIAL_TOKEN_OK },
        { OTHER(",\"nbf\":1700000031"), NOW, 30, SOCIAL_TOKEN_NOT_YET_VALID },
        { OTHER(",\"nbf\":1700000030"), NOW, 30, SOCIAL_TOKEN_OK },
        { OTHER(",\"nbf\":9007199254740992"), NOW, 30,
          SOCIAL_TOKEN_NOT_YET_VALID },

        { OTHER(",\"iat\":1700000031"), NOW, 30, SOCIAL_TOKEN_NOT_YET_VALID },
        { OTHER(",\"iat\":1700000030"), NOW, 30, SOCIAL_TOKEN_OK },
        { OTHER(",\"iat\":0,\"nbf\":0"), NOW, 0, SOCIAL_TOKEN_OK },

        /* a fraction of a second early is early */
        { OTHER(",\"nbf\":1700000030.5"), NOW, 30,
          SOCIAL_TOKEN_NOT_YET_VALID },
        { OTHER(",\"iat\":1700000030.001"), NOW, 30,
          SOCIAL_TOKEN_NOT_YET_VALID },
        { OTHER(",\"nbf\":1700000030.0"), NOW, 30, SOCIAL_TOKEN_OK },
        { OTHER(",\"nbf\":17000000300e-1"), NOW, 30, SOCIAL_TOKEN_OK },
        { OTHER(",\"nbf\":1700000029.999"), NOW, 30, SOCIAL_TOKEN_OK },

        { OTHER(",\"nbf\":\"1700000000\""), NOW, 0, SOCIAL_TOKEN_CLAIMS },
        { OTHER(",\"nbf\":null"), NOW, 0, SOCIAL_TOKEN_OK },
        { OTHER(",\"iat\":-1"), NOW, 0, SOCIAL_TOKEN_CLAIMS },
        { OTHER(",\"iat\":1e300"), NOW, 0, SOCIAL_TOKEN_CLAIMS },

        { "{\"sub\":\"s\"}", NOW, 0, SOCIAL_TOKEN_CLAIMS },
        { "{\"sub\":\"s\",\"exp\":\"1700000100\"}", NOW, 0,
          SOCIAL_TOKEN_CLAIMS },
        { "{\"sub\":\"s\",\"exp\":null}", NOW, 0, SOCIAL_TOKEN_CLAIMS },
        { "{\"sub\":\"s\",\"exp\":-1}", NOW, 0, SOCIAL_TOKEN_CLAIMS },
        { "{\"sub\":\"s\",\"exp\":9007199254740993}", NOW, 0,
          SOCIAL_TOKEN_CLAIMS },
        { "{\"sub\":\"s\",\"exp\":9007199254740992}", NOW, 86400,
          SOCIAL_TOKEN_OK },
        { "{\"sub\":\"s\",\"exp\":1700000000.9}", NOW, 0,
          SOCIAL_TOKEN_EXPIRED },
        { "{\"sub\":\"s\",\"exp\":0}", NOW, 0, SOCIAL_TOKEN_EXPIRED },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        policy.leeway = cases[i].leeway;
        assert_int_equal(check_at(cases[i].text, &policy, cases[i].now),
                         cases[i].status);
    }
}


static void
test_subject(void **state)
{
    size_t  i;

    static const struct {
        const char             *text;
        social_token_status_e   status;
    } cases[] = {
        { "{\"exp\":1700000100,\"sub\":\"a b\"}", SOCIAL_TOKEN_OK },
        { "{\"exp\":1700000100,\"sub\":\"\xc3\xa9\"}", SOCIAL_TOKEN_OK },
        { "{\"exp\":1700000100}", SOCIAL_TOKEN_CLAIMS },
        { "{\"exp\":1700000100,\"sub\":\"\"}", SOCIAL_TOKEN_CLAIMS },
        { "{\"exp\":1700000100,\"sub\":1}", SOCIAL_TOKEN_CLAIMS },
        { "{\"exp\":1700000100,\"sub\":null}", SOCIAL_TOKEN_CLAIMS },
        { "{\"exp\":1700000100,\"sub\":[\"s\"]}", SOCIAL_TOKEN_CLAIMS },
        { "{\"exp\":1700000100,\"sub\":\"a\\r\\nX: y\"}",
          SOCIAL_TOKEN_CLAIMS },
        { "{\"exp\":1700000100,\"sub\":\"\\u001f\"}", SOCIAL_TOKEN_CLAIMS },
        { "{\"exp\":1700000100,\"sub\":\"\\u007f\"}", SOCIAL_TOKEN_CLAIMS },
        { "{\"exp\":1700000100,\"sub\":\"\\u0080\"}", SOCIAL_TOKEN_CLAIMS },
        { "{\"exp\":1700000100,\"sub\":\"x\\u0085\"}", SOCIAL_TOKEN_CLAIMS },
        { "{\"exp\":1700000100,\"sub\":\"\\u009f\"}", SOCIAL_TOKEN_CLAIMS },
        { "{\"exp\":1700000100,\"sub\":\"\\u00a0\"}", SOCIAL_TOKEN_OK },
        { OTHER(",\"scope\":\"\""), SOCIAL_TOKEN_OK },
        { OTHER(",\"scope\":1"), SOCIAL_TOKEN_CLAIMS },
        { OTHER(",\"scope\":[\"a\"]"), SOCIAL_TOKEN_OK },
        { OTHER(",\"scope\":{}"), SOCIAL_TOKEN_CLAIMS },
    };

    const social_claims_policy_t  policy = {
        NULL, 0, NULL, 0, SOCIAL_TOKEN_USE_ANY, 0
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(check(cases[i].text, &policy), cases[i].status);
    }
}


static void
test_use(void **state)
{
    size_t  i;

    static const struct {
        const char             *text;
        social_token_status_e   access, id, any;
    } cases[] = {
        { ACCESS(""), SOCIAL_TOKEN_OK, SOCIAL_TOKEN_USE, SOCIAL_TOKEN_OK },
        { ID(""), SOCIAL_TOKEN_USE, SOCIAL_TOKEN_OK, SOCIAL_TOKEN_OK },
        { OTHER(""), SOCIAL_TOKEN_USE, SOCIAL_TOKEN_USE, SOCIAL_TOKEN_OK },
        { OTHER(",\"token_use\":\"refresh\""),
          SOCIAL_TOKEN_USE, SOCIAL_TOKEN_USE, SOCIAL_TOKEN_USE },
        { OTHER(",\"token_use\":\"Access\""),
          SOCIAL_TOKEN_USE, SOCIAL_TOKEN_USE, SOCIAL_TOKEN_USE },
        { OTHER(",\"token_use\":\"\""),
          SOCIAL_TOKEN_USE, SOCIAL_TOKEN_USE, SOCIAL_TOKEN_USE },
        { OTHER(",\"token_use\":null"),
          SOCIAL_TOKEN_USE, SOCIAL_TOKEN_USE, SOCIAL_TOKEN_OK },
        { OTHER(",\"token_use\":[\"access\"]"),
          SOCIAL_TOKEN_USE, SOCIAL_TOKEN_USE, SOCIAL_TOKEN_USE },
    };

    social_claims_policy_t  policy = {
        NULL, 0, NULL, 0, SOCIAL_TOKEN_USE_ANY, 0
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        policy.token_use = SOCIAL_TOKEN_USE_ACCESS;
        assert_int_equal(check(cases[i].text, &policy), cases[i].access);

        policy.token_use = SOCIAL_TOKEN_USE_ID;
        assert_int_equal(check(cases[i].text, &policy), cases[i].id);

        policy.token_use = SOCIAL_TOKEN_USE_ANY;
        assert_int_equal(check(cases[i].text, &policy), cases[i].any);
    }
}


static void
test_client(void **state)
{
    size_t  i;

    static const struct {
        const char             *text;
        social_token_status_e   status;
    } cases[] = {
        { ACCESS(""), SOCIAL_TOKEN_OK },
        { ID(""), SOCIAL_TOKEN_OK },
        { OTHER(",\"client_id\":\"c0\""), SOCIAL_TOKEN_OK },
        { OTHER(",\"aud\":\"c1\""), SOCIAL_TOKEN_OK },
        { OTHER(",\"aud\":[\"x\",\"c1\"]"), SOCIAL_TOKEN_OK },

        { OTHER(""), SOCIAL_TOKEN_CLIENT },
        { OTHER(",\"client_id\":\"c2\""), SOCIAL_TOKEN_CLIENT },
        { OTHER(",\"client_id\":\"c\""), SOCIAL_TOKEN_CLIENT },
        { OTHER(",\"client_id\":\"C1\""), SOCIAL_TOKEN_CLIENT },
        { OTHER(",\"client_id\":\"c0 c1\""), SOCIAL_TOKEN_CLIENT },
        { OTHER(",\"client_id\":\"\""), SOCIAL_TOKEN_CLIENT },

        /* a client_id that is none of ours is not made good by aud */
        { OTHER(",\"client_id\":\"c2\",\"aud\":\"c1\""),
          SOCIAL_TOKEN_CLIENT },
        { OTHER(",\"client_id\":1,\"aud\":\"c1\""), SOCIAL_TOKEN_CLIENT },
        { OTHER(",\"client_id\":[\"c1\"]"), SOCIAL_TOKEN_CLIENT },
        { OTHER(",\"token_use\":\"access\",\"client_id\":[\"c1\"]"),
          SOCIAL_TOKEN_CLIENT },
        { OTHER(",\"token_use\":\"access\",\"aud\":\"c1\""),
          SOCIAL_TOKEN_CLIENT },
        { OTHER(",\"token_use\":\"access\",\"client_id\":\"x\","
                "\"aud\":\"c1\""), SOCIAL_TOKEN_CLIENT },

        /* an id token is verified by aud alone */
        { OTHER(",\"token_use\":\"id\",\"client_id\":\"c1\""),
          SOCIAL_TOKEN_CLIENT },
        { OTHER(",\"token_use\":\"id\",\"client_id\":\"c1\","
                "\"aud\":\"x\""), SOCIAL_TOKEN_CLIENT },
        { OTHER(",\"token_use\":\"id\",\"client_id\":\"x\","
                "\"aud\":\"c1\""), SOCIAL_TOKEN_OK },
        { OTHER(",\"token_use\":\"id\",\"aud\":[]"), SOCIAL_TOKEN_CLIENT },
        { OTHER(",\"token_use\":\"id\",\"aud\":{\"c1\":\"c1\"}"),
          SOCIAL_TOKEN_CLAIMS },

        /* one string, as Cognito writes it */
        { OTHER(",\"token_use\":\"id\",\"aud\":[\"c1\"]"),
          SOCIAL_TOKEN_CLIENT },
        { OTHER(",\"token_use\":\"id\",\"aud\":[\"x\",\"c1\"]"),
          SOCIAL_TOKEN_CLIENT },
    };

    const social_claims_policy_t  policy = {
        clients, 2, NULL, 0, SOCIAL_TOKEN_USE_ANY, 0
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(check(cases[i].text, &policy), cases[i].status);
    }
}


static void
test_audience(void **state)
{
    size_t  i;

    static const struct {
        const char             *text;
        social_token_status_e   status;
    } cases[] = {
        { OTHER(",\"aud\":\"https://a\""), SOCIAL_TOKEN_OK },
        { OTHER(",\"aud\":\"https://b\""), SOCIAL_TOKEN_OK },
        { OTHER(",\"aud\":[\"x\",\"https://a\"]"), SOCIAL_TOKEN_OK },
        { OTHER(""), SOCIAL_TOKEN_AUDIENCE },
        { OTHER(",\"aud\":\"https://c\""), SOCIAL_TOKEN_AUDIENCE },
        { OTHER(",\"aud\":\"https://a/\""), SOCIAL_TOKEN_AUDIENCE },
        { OTHER(",\"aud\":\"https://a https://b\""), SOCIAL_TOKEN_AUDIENCE },
        { OTHER(",\"aud\":[]"), SOCIAL_TOKEN_AUDIENCE },
        { OTHER(",\"aud\":[[\"https://a\"]]"), SOCIAL_TOKEN_CLAIMS },
        { OTHER(",\"aud\":[1,\"https://a\"]"), SOCIAL_TOKEN_CLAIMS },
        { OTHER(",\"aud\":null"), SOCIAL_TOKEN_AUDIENCE },
    };

    const social_claims_policy_t  policy = {
        NULL, 0, audiences, 2, SOCIAL_TOKEN_USE_ANY, 0
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(check(cases[i].text, &policy), cases[i].status);
    }
}


/*
 * Of a wrong type, though no rule asks for them.
 */

static void
test_types(void **state)
{
    size_t  i;

    static const struct {
        const char             *text;
        social_token_status_e   status;
    } cases[] = {
        { OTHER(",\"jti\":\"a\""), SOCIAL_TOKEN_OK },
        { OTHER(",\"jti\":\"\""), SOCIAL_TOKEN_OK },
        { OTHER(",\"jti\":7"), SOCIAL_TOKEN_CLAIMS },
        { OTHER(",\"jti\":null"), SOCIAL_TOKEN_OK },
        { OTHER(",\"jti\":[\"a\"]"), SOCIAL_TOKEN_CLAIMS },
        { OTHER(",\"jti\":{}"), SOCIAL_TOKEN_CLAIMS },
        { OTHER(",\"aud\":\"a\""), SOCIAL_TOKEN_OK },
        { OTHER(",\"aud\":[]"), SOCIAL_TOKEN_OK },
        { OTHER(",\"aud\":[\"a\",\"b\"]"), SOCIAL_TOKEN_OK },
        { OTHER(",\"aud\":[\"a\",7]"), SOCIAL_TOKEN_CLAIMS },
        { OTHER(",\"aud\":null"), SOCIAL_TOKEN_OK },
        { OTHER(",\"scope\":null"), SOCIAL_TOKEN_OK },
        { OTHER(",\"scope\":[\"a\",\"b\"]"), SOCIAL_TOKEN_OK },
        { OTHER(",\"aud\":[null]"), SOCIAL_TOKEN_CLAIMS },
        { OTHER(",\"aud\":7"), SOCIAL_TOKEN_CLAIMS },
        { OTHER(",\"aud\":false"), SOCIAL_TOKEN_CLAIMS },
        { OTHER(",\"aud\":{}"), SOCIAL_TOKEN_CLAIMS },
    };

    const social_claims_policy_t  policy = {
        NULL, 0, NULL, 0, SOCIAL_TOKEN_USE_ANY, 0
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(check(cases[i].text, &policy), cases[i].status);
    }
}


static void
test_match(void **state)
{
    social_json_t  *json;

    (void) state;

    json = parse("{\"s\":\"a b\",\"l\":[\"a b\",\"c\",1],\"n\":1,"
                 "\"e\":\"\",\"el\":[\"\"],\"scope\":\"  a b/c  \","
                 "\"scp\":[\"x\",[\"z\"],\"y z\"],\"scopes\":\"a b\"}");

    /* the words of free text are nothing */

    assert_true(social_claims_match(json, S("s"), S("a b")));
    assert_false(social_claims_match(json, S("s"), S("a")));
    assert_false(social_claims_match(json, S("s"), S("b")));
    assert_false(social_claims_match(json, S("scopes"), S("a")));

    assert_true(social_claims_match(json, S("l"), S("c")));
    assert_true(social_claims_match(json, S("l"), S("a b")));
    assert_false(social_claims_match(json, S("l"), S("a")));
    assert_false(social_claims_match(json, S("l"), S("1")));

    /* those of a scope are all there is */

    assert_true(social_claims_match(json, S("scope"), S("a")));
    assert_true(social_claims_match(json, S("scope"), S("b/c")));
    assert_false(social_claims_match(json, S("scope"), S("b")));
    assert_false(social_claims_match(json, S("scope"), S("A")));
    assert_false(social_claims_match(json, S("scope"), S("")));
    assert_false(social_claims_match(json, S("scope"), S("  a b/c  ")));

    assert_true(social_claims_match(json, S("scp"), S("x")));
    assert_true(social_claims_match(json, S("scp"), S("y z")));
    assert_false(social_claims_match(json, S("scp"), S("y")));
    assert_false(social_claims_match(json, S("scp"), S("z")));

    assert_false(social_claims_match(json, S("n"), S("1")));
    assert_false(social_claims_match(json, S("x"), S("")));
    assert_false(social_claims_match(NULL, S("x"), S("x")));

    assert_false(social_claims_match(json, S("e"), S("")));
    assert_true(social_claims_match(json, S("el"), S("")));

    social_json_free(json);
}


static void
test_holds(void **state)
{
    social_json_t  *json;

    (void) state;

    json = parse("{\"s\":\"gold plus\",\"l\":[\"a b\",\"c\",1,true,[2]],"
                 "\"n\":3,\"neg\":-3,\"t\":true,\"f\":false,\"z\":null,"
                 "\"huge\":123456789012345678901234567890,"
                 "\"max\":-9223372036854775808,\"r\":1.5,\"big\":1e300,"
                 "\"o\":{\"a\":1},\"ts\":\"true\",\"e\":\"\","
                 "\"scope\":\"r w\",\"ns\":\"3\",\"tw\":\"not true\"}");

    assert_true(social_claims_holds(json, S("s"), S("gold plus")));
    assert_false(social_claims_holds(json, S("s"), S("gold")));
    assert_false(social_claims_holds(json, S("s"), S("plus")));
    assert_true(social_claims_holds(json, S("scope"), S("r")));
    assert_true(social_claims_holds(json, S("scope"), S("w")));
    assert_true(social_claims_holds(json, S("scope"), S("r w")));
    assert_false(social_claims_holds(json, S("scope"), S("w r")));
    assert_true(social_claims_holds(json, S("ns"), S("3")));
    assert_false(social_claims_holds(json, S("tw"), S("true")));
    assert_false(social_claims_holds(json, S("s"), S("gold ")));
    assert_false(social_claims_holds(json, S("s"), S("Gold")));
    assert_false(social_claims_holds(json, S("s"), S("gol")));
    assert_false(social_claims_holds(json, S("s"), S("\"gold plus\"")));

    assert_true(social_claims_holds(json, S("l"), S("a b")));
    assert_false(social_claims_holds(json, S("l"), S("a")));
    assert_true(social_claims_holds(json, S("l"), S("c")));
    assert_true(social_claims_holds(json, S("l"), S("1")));
    assert_true(social_claims_holds(json, S("l"), S("true")));
    assert_false(social_claims_holds(json, S("l"), S("2")));
    assert_false(social_claims_holds(json, S("l"), S("[2]")));
    assert_false(social_claims_holds(json, S("l"), S("\"c\"")));

    assert_true(social_claims_holds(json, S("n"), S("3")));
    assert_false(social_claims_holds(json, S("n"), S("03")));
    assert_false(social_claims_holds(json, S("n"), S("3.0")));
    assert_true(social_claims_holds(json, S("neg"), S("-3")));
    assert_true(social_claims_holds(json, S("max"),
                                    S("-9223372036854775808")));
    assert_true(social_claims_holds(json, S("t"), S("true")));
    assert_false(social_claims_holds(json, S("t"), S("True")));
    assert_false(social_claims_holds(json, S("t"), S("false")));
    assert_true(social_claims_holds(json, S("f"), S("false")));
    assert_true(social_claims_holds(json, S("ts"), S("true")));

    assert_false(social_claims_holds(json, S("z"), S("null")));
    assert_true(social_claims_holds(json, S("r"), S("1.5")));
    assert_false(social_claims_holds(json, S("r"), S("1.50")));
    assert_true(social_claims_holds(json, S("big"), S("1e300")));
    assert_true(social_claims_holds(json, S("huge"),
                                    S("123456789012345678901234567890")));
    assert_false(social_claims_holds(json, S("huge"),
                                     S("12345678901234567890123456789")));
    assert_false(social_claims_holds(json, S("o"), S("{\"a\":1}")));
    assert_false(social_claims_holds(json, S("x"), S("x")));
    assert_false(social_claims_holds(json, S("x"), S("")));
    assert_true(social_claims_holds(json, S("e"), S("")));
    assert_false(social_claims_holds(NULL, S("x"), S("x")));

    social_json_free(json);
}


static void
test_write(void **state)
{
    size_t           i, n, size;
    char             text[256];
    unsigned char    buf[128];
    social_json_t   *json;

    static const struct {
        const char  *value, *written;
    } cases[] = {
        { "\"\"", "" },
        { "\"plain, text\"", "plain, text" },
        { "\" a  b \"", "%20a  b%20" },
        { "\" \"", "%20" },
        { "\"  \"", "%20%20" },
        { "\"\\ta\\t\"", "%09a%09" },
        { "[\"a b\",\" c\",\" \"]", "a%20b,%20c,%20" },
        { "\"100%\"", "100%25" },
        { "\"a\\r\\nX: y\"", "a%0D%0AX: y" },
        { "\"\\u001f \\u007f~\"", "%1F %7F~" },
        { "\"\xc3\xa9\"", "%C3%A9" },
        { "null", "" },
        { "true", "true" },
        { "42", "42" },
        { "1.5", "1.5" },
        { "{\"a\":[1, \"x\"]}", "{\"a\":[1,\"x\"]}" },
        { "[]", "" },
        { "[\"\"]", "" },
        { "[\"\",\"\"]", "," },
        { "[\"a\",\"b\"]", "a,b" },
        { "[\"a,b\",\"c%\",\"\\n\"]", "a%2Cb,c%25,%0A" },
        { "[\"a\",1]", "[\"a\",1]" },
        { "[[\"a\"]]", "[[\"a\"]]" },

        /* as JSON it must not break a header either */
        { "[1,\"\\r\\n\"]", "[1,\"\\r\\n\"]" },
        { "{\"\\u007f\":\"\\u007fa\\u007f\"}",
          "{\"\\u007F\":\"\\u007Fa\\u007F\"}" },
        { "[1,\"\xc3\xa9\xf0\x9f\x98\x80\"]",
          "[1,\"\\u00E9\\uD83D\\uDE00\"]" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), "{\"c\":%s}", cases[i].value);
        json = parse(text);

        n = strlen(cases[i].written);
        assert_int_equal(social_claims_write(social_json_member(json, S("c")),
                                             ',', NULL, 0), n);

        for (size = 0; size <= n; size++) {
            memset(buf, 'z', sizeof(buf));
            assert_int_equal(social_claims_write(
                                 social_json_member(json, S("c")), ',', buf,
                                 size), n);
            assert_int_equal(buf[size], 'z');
        }

        assert_memory_equal(buf, cases[i].written, n);

        social_json_free(json);
    }

    assert_int_equal(social_claims_write(NULL, ',', NULL, 0), 0);
}


static void
test_write_list(void **state)
{
    size_t           i, n, size;
    unsigned char    buf[128];
    social_str_t     name;
    social_json_t   *json;

    static const struct {
        const char     *text, *name;
        unsigned char   separator;
        const char     *written;
    } cases[] = {
        { "{\"g\":\"site admins\"}", "g", ',', "site%20admins" },
        { "{\"g\":\"a,b\"}", "g", ',', "a%2Cb" },
        { "{\"g\":\"\"}", "g", ',', "" },
        { "{\"g\":[\"a b\",\"c,d\",\"%\"]}", "g", ',', "a%20b,c%2Cd,%25" },
        { "{\"g\":[1,\"a,x,b\",[\"x\"],{\"x\":1},true,\"c\"]}", "g", ',',
          "a%2Cx%2Cb,c" },
        { "{\"g\":[1]}", "g", ',', "" },
        { "{\"g\":[\"\",\"\"]}", "g", ',', "," },
        { "{\"g\":{\"a,x,b\":1}}", "g", ',', "" },
        { "{\"g\":5}", "g", ',', "" },
        { "{\"g\":null}", "g", ',', "" },
        { "{}", "g", ',', "" },
        { "{\"scope\":\" a   b,c \"}", "scope", ' ', "a b,c" },
        { "{\"scope\":\" a   b,c \"}", "scope", ',', "a,b%2Cc" },
        { "{\"scope\":\"a\\tb\"}", "scope", ' ', "a%09b" },
        { "{\"scp\":[\"a\",\"b c\"]}", "scp", ' ', "a b%20c" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json = parse(cases[i].text);
        name.data = (const unsigned char *) cases[i].name;
        name.len = strlen(cases[i].name);
        n = strlen(cases[i].written);

        for (size = 0; size <= n; size++) {
            memset(buf, 'z', sizeof(buf));
            assert_int_equal(social_claims_write_list(json, name,
                                 cases[i].separator, buf, size), n);
            assert_int_equal(buf[size], 'z');
        }

        assert_memory_equal(buf, cases[i].written, n);

        social_json_free(json);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_ok),
        cmocka_unit_test(test_username),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_subject),
        cmocka_unit_test(test_use),
        cmocka_unit_test(test_client),
        cmocka_unit_test(test_audience),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_holds),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_write_list),
    };

    return cmocka_run_group_tests_name("claims", tests, NULL, NULL);
}
