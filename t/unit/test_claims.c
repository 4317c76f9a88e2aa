
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


/*
 * A claim of that name or path, which has the kind of its name.
 */

static const social_claim_path_t *
path_of(const char *text, social_claim_kind_e kind)
{
    const char                  *why;
    static unsigned int          i;
    static unsigned char         bufs[4][64];
    static social_claim_path_t   paths[4];

    i = (i + 1) % 4;

    assert_true(strlen(text) <= sizeof(bufs[i]));
    assert_int_equal(social_claim_path_parse(social_str(text), kind, bufs[i],
                                             &paths[i], &why),
                     SOCIAL_OK);

    return &paths[i];
}


#define P(text)  path_of(text, SOCIAL_CLAIM_TEXT)


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
        clients, 2, audiences, 2, SOCIAL_TOKEN_USE_ACCESS, 30, NULL, NULL, NULL
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
        NULL, 0, NULL, 0, SOCIAL_TOKEN_USE_ANY, 0, NULL, NULL, NULL
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
        NULL, 0, NULL, 0, SOCIAL_TOKEN_USE_ANY, 0, NULL, NULL, NULL
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
        { "{\"exp\":1700000100}", SOCIAL_TOKEN_OK },
        { "{\"exp\":1700000100,\"sub\":\"\"}", SOCIAL_TOKEN_OK },
        { "{\"exp\":1700000100,\"sub\":1}", SOCIAL_TOKEN_CLAIMS },
        { "{\"exp\":1700000100,\"sub\":null}", SOCIAL_TOKEN_OK },
        { "{\"exp\":1700000100,\"sub\":false}", SOCIAL_TOKEN_CLAIMS },
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
        NULL, 0, NULL, 0, SOCIAL_TOKEN_USE_ANY, 0, NULL, NULL, NULL
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(check(cases[i].text, &policy), cases[i].status);
    }
}


/*
 * Where the issuer has them: subject, name and client.
 */

static void
test_issuer_claims(void **state)
{
    size_t                  i;
    social_json_t          *json;
    social_claims_t         claims;
    social_claim_path_t     subject, username, client;
    social_claims_policy_t  policy;

    static const struct {
        const char             *text;
        social_token_status_e   status;
        const char             *subject, *username;
    } cases[] = {
        { OTHER(",\"oid\":\"o\",\"azp\":\"c1\","
                "\"a\":{\"name\":\"n\"},\"username\":\"u\""),
          SOCIAL_TOKEN_OK, "o", "n" },
        { OTHER(",\"azp\":\"c0\",\"username\":\"u\""),
          SOCIAL_TOKEN_OK, "", "" },
        { OTHER(",\"oid\":\"\",\"azp\":\"c0\",\"a.name\":\"whole\","
                "\"a\":{\"name\":\"n\"}"),
          SOCIAL_TOKEN_OK, "", "whole" },
        { OTHER(",\"oid\":7,\"azp\":\"c0\""), SOCIAL_TOKEN_CLAIMS, "", "" },
        { OTHER(",\"oid\":\"a\\u0085\",\"azp\":\"c0\""),
          SOCIAL_TOKEN_CLAIMS, "", "" },

        /* "sub" is a string though nobody asks for it */
        { "{\"exp\":1700000100,\"sub\":7,\"azp\":\"c0\"}",
          SOCIAL_TOKEN_CLAIMS, "", "" },

        /* no other claim stands in for the client's */
        { OTHER(",\"client_id\":\"c1\""), SOCIAL_TOKEN_CLIENT, "", "" },
        { OTHER(",\"azp\":\"x\",\"client_id\":\"c1\",\"aud\":\"c1\""),
          SOCIAL_TOKEN_CLIENT, "", "" },
        { OTHER(",\"azp\":[\"c1\"]"), SOCIAL_TOKEN_CLIENT, "", "" },
        { ACCESS(""), SOCIAL_TOKEN_CLIENT, "", "" },
        { ID(""), SOCIAL_TOKEN_CLIENT, "", "" },
        { ID(",\"azp\":\"c1\""), SOCIAL_TOKEN_OK, "", "" },
    };

    (void) state;

    memset(&policy, 0, sizeof(policy));

    subject = *P("oid");
    username = *P("a.name");
    client = *P("azp");

    policy.token_use = SOCIAL_TOKEN_USE_ANY;
    policy.clients = clients;
    policy.client_count = 2;
    policy.subject = &subject;
    policy.username = &username;
    policy.client = &client;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        json = parse(cases[i].text);

        assert_int_equal(social_claims_check(json, &policy, NOW, &claims),
                         cases[i].status);

        if (cases[i].status == SOCIAL_TOKEN_OK) {
            assert_str(claims.subject, cases[i].subject);
            assert_str(claims.username, cases[i].username);
        }

        social_json_free(json);
    }
}


/*
 * Which client a token is of, where nothing is configured.
 */

static void
test_which_client(void **state)
{
    size_t           i;
    social_str_t     s;
    social_json_t   *json;

    static const struct {
        const char  *text, *client;
    } cases[] = {
        { "{\"client_id\":\"a\",\"azp\":\"b\",\"aud\":\"c\"}", "a" },
        { "{\"client_id\":null,\"azp\":\"b\",\"aud\":\"c\"}", "b" },
        { "{\"aud\":\"c\"}", "" },
        { "{\"aud\":\"c\",\"token_use\":\"access\"}", "" },
        { "{\"aud\":\"c\",\"token_use\":\"id\"}", "c" },
    };

    const social_claims_policy_t  policy = {
        NULL, 0, NULL, 0, SOCIAL_TOKEN_USE_ANY, 0, NULL, NULL, NULL
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        json = parse(cases[i].text);

        if (social_json_string(social_claims_client(json, &policy), &s)
            != SOCIAL_OK)
        {
            s = social_str("");
        }

        assert_str(s, cases[i].client);

        social_json_free(json);
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
        { ACCESS(",\"events\":{}"),
          SOCIAL_TOKEN_USE, SOCIAL_TOKEN_USE, SOCIAL_TOKEN_USE },
        { OTHER(",\"events\":{\"http://schemas.openid.net/event/"
                "backchannel-logout\":{}}"),
          SOCIAL_TOKEN_USE, SOCIAL_TOKEN_USE, SOCIAL_TOKEN_USE },
        { ACCESS(",\"events\":[\"party\"]"),
          SOCIAL_TOKEN_OK, SOCIAL_TOKEN_USE, SOCIAL_TOKEN_OK },
        { ACCESS(",\"events\":null"),
          SOCIAL_TOKEN_OK, SOCIAL_TOKEN_USE, SOCIAL_TOKEN_OK },
        { OTHER(",\"token_use\":[\"access\"]"),
          SOCIAL_TOKEN_USE, SOCIAL_TOKEN_USE, SOCIAL_TOKEN_USE },
    };

    social_claims_policy_t  policy = {
        NULL, 0, NULL, 0, SOCIAL_TOKEN_USE_ANY, 0, NULL, NULL, NULL
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
        clients, 2, NULL, 0, SOCIAL_TOKEN_USE_ANY, 0, NULL, NULL, NULL
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
        NULL, 0, audiences, 2, SOCIAL_TOKEN_USE_ANY, 0, NULL, NULL, NULL
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
        NULL, 0, NULL, 0, SOCIAL_TOKEN_USE_ANY, 0, NULL, NULL, NULL
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

    assert_true(social_claims_match(json, P("s"), S("a b")));
    assert_false(social_claims_match(json, P("s"), S("a")));
    assert_false(social_claims_match(json, P("s"), S("b")));
    assert_false(social_claims_match(json, P("scopes"), S("a")));

    assert_true(social_claims_match(json, P("l"), S("c")));
    assert_true(social_claims_match(json, P("l"), S("a b")));
    assert_false(social_claims_match(json, P("l"), S("a")));
    assert_false(social_claims_match(json, P("l"), S("1")));

    /* those of a scope are all there is */

    assert_true(social_claims_match(json, P("scope"), S("a")));
    assert_true(social_claims_match(json, P("scope"), S("b/c")));
    assert_false(social_claims_match(json, P("scope"), S("b")));
    assert_false(social_claims_match(json, P("scope"), S("A")));
    assert_false(social_claims_match(json, P("scope"), S("")));
    assert_false(social_claims_match(json, P("scope"), S("  a b/c  ")));

    assert_true(social_claims_match(json, P("scp"), S("x")));
    assert_true(social_claims_match(json, P("scp"), S("y z")));
    assert_false(social_claims_match(json, P("scp"), S("y")));
    assert_false(social_claims_match(json, P("scp"), S("z")));

    assert_false(social_claims_match(json, P("n"), S("1")));
    assert_false(social_claims_match(json, P("x"), S("")));
    assert_false(social_claims_match(NULL, P("x"), S("x")));

    assert_false(social_claims_match(json, P("e"), S("")));
    assert_true(social_claims_match(json, P("el"), S("")));

    social_json_free(json);
}


/*
 * Roles that are the names of an object's members.
 */

static void
test_names(void **state)
{
    unsigned char               buf[64];
    social_json_t              *json;
    const social_claim_path_t  *roles;

    (void) state;

    json = parse("{\"r\":{\"admin\":{\"1\":\"d\"},\"a b\":[0],\"on\":true,"
                 "\"off\":false,\"none\":null,\"left\":{},\"gone\":[],"
                 "\"text\":\"x\",\"n\":1},\"s\":\"one\","
                 "\"l\":[\"two\",{\"three\":true}],\"e\":{}}");

    roles = path_of("r", SOCIAL_CLAIM_NAMES);

    assert_true(social_claims_match(json, roles, S("admin")));
    assert_true(social_claims_match(json, roles, S("a b")));
    assert_true(social_claims_match(json, roles, S("on")));
    assert_false(social_claims_match(json, roles, S("a")));
    assert_false(social_claims_match(json, roles, S("off")));
    assert_false(social_claims_match(json, roles, S("none")));
    assert_false(social_claims_match(json, roles, S("left")));
    assert_false(social_claims_match(json, roles, S("gone")));
    assert_false(social_claims_match(json, roles, S("text")));
    assert_false(social_claims_match(json, roles, S("n")));
    assert_false(social_claims_match(json, roles, S("1")));
    assert_false(social_claims_match(json, roles, S("d")));

    assert_int_equal(social_claims_write_list(json, roles, ',', buf,
                                              sizeof(buf)),
                     sizeof("admin,a%20b,on") - 1);
    assert_memory_equal(buf, "admin,a%20b,on", sizeof("admin,a%20b,on") - 1);

    /* of lists and strings, what they are otherwise */

    assert_true(social_claims_match(json, path_of("s", SOCIAL_CLAIM_NAMES),
                                    S("one")));
    assert_true(social_claims_match(json, path_of("l", SOCIAL_CLAIM_NAMES),
                                    S("two")));
    assert_false(social_claims_match(json, path_of("l", SOCIAL_CLAIM_NAMES),
                                     S("three")));
    assert_int_equal(social_claims_write_list(json,
                         path_of("e", SOCIAL_CLAIM_NAMES), ',', buf,
                         sizeof(buf)), 0);

    /* of any other claim they are nothing */

    assert_false(social_claims_match(json, P("r"), S("admin")));
    assert_false(social_claims_match(json, path_of("r", SOCIAL_CLAIM_WORDS),
                                     S("admin")));
    assert_false(social_claims_holds(json, P("r"), S("admin")));

    /* and a path leads into them */

    assert_true(social_claims_holds(json, P("r.admin.1"), S("d")));
    assert_true(social_claims_holds(json, P("/r/n"), S("1")));
    assert_true(social_claims_match(json, path_of("r.admin",
                                                  SOCIAL_CLAIM_NAMES),
                                    S("1")) == false);

    social_json_free(json);
}


/*
 * Words of whatever claim an issuer has them in.
 */

static void
test_words(void **state)
{
    social_json_t              *json;
    const social_claim_path_t  *words;

    (void) state;

    json = parse("{\"o\":{\"permissions\":\"r w\",\"scope\":\"x y\"}}");

    words = path_of("o.permissions", SOCIAL_CLAIM_WORDS);

    assert_true(social_claims_match(json, words, S("w")));
    assert_false(social_claims_match(json, words, S("r w")));

    /* only the payload's own "scope" is words by its name */

    assert_false(social_claims_match(json, P("o.scope"), S("x")));
    assert_true(social_claims_match(json, P("o.scope"), S("x y")));

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

    assert_true(social_claims_holds(json, P("s"), S("gold plus")));
    assert_false(social_claims_holds(json, P("s"), S("gold")));
    assert_false(social_claims_holds(json, P("s"), S("plus")));
    assert_true(social_claims_holds(json, P("scope"), S("r")));
    assert_true(social_claims_holds(json, P("scope"), S("w")));
    assert_true(social_claims_holds(json, P("scope"), S("r w")));
    assert_false(social_claims_holds(json, P("scope"), S("w r")));
    assert_true(social_claims_holds(json, P("ns"), S("3")));
    assert_false(social_claims_holds(json, P("tw"), S("true")));
    assert_false(social_claims_holds(json, P("s"), S("gold ")));
    assert_false(social_claims_holds(json, P("s"), S("Gold")));
    assert_false(social_claims_holds(json, P("s"), S("gol")));
    assert_false(social_claims_holds(json, P("s"), S("\"gold plus\"")));

    assert_true(social_claims_holds(json, P("l"), S("a b")));
    assert_false(social_claims_holds(json, P("l"), S("a")));
    assert_true(social_claims_holds(json, P("l"), S("c")));
    assert_true(social_claims_holds(json, P("l"), S("1")));
    assert_true(social_claims_holds(json, P("l"), S("true")));
    assert_false(social_claims_holds(json, P("l"), S("2")));
    assert_false(social_claims_holds(json, P("l"), S("[2]")));
    assert_false(social_claims_holds(json, P("l"), S("\"c\"")));

    assert_true(social_claims_holds(json, P("n"), S("3")));
    assert_false(social_claims_holds(json, P("n"), S("03")));
    assert_false(social_claims_holds(json, P("n"), S("3.0")));
    assert_true(social_claims_holds(json, P("neg"), S("-3")));
    assert_true(social_claims_holds(json, P("max"),
                                    S("-9223372036854775808")));
    assert_true(social_claims_holds(json, P("t"), S("true")));
    assert_false(social_claims_holds(json, P("t"), S("True")));
    assert_false(social_claims_holds(json, P("t"), S("false")));
    assert_true(social_claims_holds(json, P("f"), S("false")));
    assert_true(social_claims_holds(json, P("ts"), S("true")));

    assert_false(social_claims_holds(json, P("z"), S("null")));
    assert_true(social_claims_holds(json, P("r"), S("1.5")));
    assert_false(social_claims_holds(json, P("r"), S("1.50")));
    assert_true(social_claims_holds(json, P("big"), S("1e300")));
    assert_true(social_claims_holds(json, P("huge"),
                                    S("123456789012345678901234567890")));
    assert_false(social_claims_holds(json, P("huge"),
                                     S("12345678901234567890123456789")));
    assert_false(social_claims_holds(json, P("o"), S("{\"a\":1}")));
    assert_false(social_claims_holds(json, P("x"), S("x")));
    assert_false(social_claims_holds(json, P("x"), S("")));
    assert_true(social_claims_holds(json, P("e"), S("")));
    assert_false(social_claims_holds(NULL, P("x"), S("x")));

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
        n = strlen(cases[i].written);

        for (size = 0; size <= n; size++) {
            memset(buf, 'z', sizeof(buf));
            assert_int_equal(social_claims_write_list(json, P(cases[i].name),
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
        cmocka_unit_test(test_issuer_claims),
        cmocka_unit_test(test_which_client),
        cmocka_unit_test(test_use),
        cmocka_unit_test(test_client),
        cmocka_unit_test(test_audience),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_holds),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_write_list),
    };

    return cmocka_run_group_tests_name("claims", tests, NULL, NULL);
}
