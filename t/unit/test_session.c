
#include "social_unit.h"
#include "social_crypto.h"
#include "social_session.h"


typedef struct {
    const char             *payload;
    const char             *session;
    social_session_kind_e   kind;
} session_case_t;


static social_json_t *
parse(const char *text)
{
    social_json_t  *json;

    assert_int_equal(social_json_parse(social_str(text), &json), SOCIAL_OK);

    return json;
}


static void
id_of(const char *issuer, const char *payload, unsigned char id[16])
{
    social_json_t          *json;
    social_session_kind_e   kind;

    json = parse(payload);
    assert_int_equal(social_session_id(social_str(issuer), json, id, &kind),
                     SOCIAL_OK);
    social_json_free(json);
}


/*
 * Which claim counts, and what the whole is: the digest of exactly that.
 */

static void
test_session(void **state)
{
    size_t                  i, n;
    unsigned char           id[16], digest[SOCIAL_SHA256_SIZE], buf[128];
    char                    text[256];
    social_json_t          *json;
    social_session_kind_e   kind;

    static const session_case_t  cases[] = {
        { "{\"origin_jti\":\"o\",\"jti\":\"j\",\"sub\":\"s\",\"iat\":1,"
          "\"exp\":2}",
          "origin_jti:o", SOCIAL_SESSION_ORIGIN },
        { "{\"origin_jti\":\"\",\"jti\":\"j\",\"sub\":\"s\",\"iat\":1}",
          "jti:j", SOCIAL_SESSION_JTI },
        { "{\"origin_jti\":7,\"jti\":\"j:k\",\"sub\":\"s\"}",
          "jti:j:k", SOCIAL_SESSION_JTI },
        { "{\"jti\":null,\"sub\":\"s:1\",\"iat\":1700000000.9,\"exp\":5}",
          "iat:1700000000:s:1", SOCIAL_SESSION_ISSUED },
        { "{\"jti\":\"\",\"sub\":\"s\",\"iat\":\"1\",\"exp\":9007199254740992}",
          "exp:9007199254740992:s", SOCIAL_SESSION_EXPIRES },

        /* a client that acts for itself */
        { "{\"iat\":1,\"exp\":2}", "iat:1:", SOCIAL_SESSION_ISSUED },
        { "{\"sub\":\"\",\"iat\":1}", "iat:1:", SOCIAL_SESSION_ISSUED },
        { "{\"sub\":null,\"exp\":2}", "exp:2:", SOCIAL_SESSION_EXPIRES },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        json = parse(cases[i].payload);

        kind = (social_session_kind_e) 99;
        n = social_session_write(json, &kind, buf, sizeof(buf));
        assert_int_equal(n, strlen(cases[i].session));
        assert_memory_equal(buf, cases[i].session, n);
        assert_int_equal(kind, cases[i].kind);

        kind = (social_session_kind_e) 99;
        assert_int_equal(social_session_id(S("https://iss"), json, id, &kind),
                         SOCIAL_OK);
        assert_int_equal(kind, cases[i].kind);

        snprintf(text, sizeof(text), "v1:11:https://iss:%s",
                 cases[i].session);
        assert_int_equal(social_sha256(social_str(text), digest), SOCIAL_OK);
        assert_memory_equal(id, digest, 16);

        social_json_free(json);
    }
}


/*
 * No more than there is room for.
 */

static void
test_write_size(void **state)
{
    size_t                  size;
    unsigned char           buf[32];
    social_json_t          *json;
    social_session_kind_e   kind;

    (void) state;

    json = parse("{\"jti\":\"abc\"}");

    for (size = 0; size <= 8; size++) {
        memset(buf, '#', sizeof(buf));
        assert_int_equal(social_session_write(json, &kind, buf, size), 7);
        assert_memory_equal(buf, "jti:abc", size < 7 ? size : 7);
        assert_int_equal(buf[size], '#');
    }

    social_json_free(json);
}


static void
test_none(void **state)
{
    size_t                  i;
    unsigned char           id[16];
    social_json_t          *json;
    social_session_kind_e   kind;

    static const char  *payloads[] = {
        "{}", "{\"sub\":\"s\"}", "{\"iat\":\"1\"}",
        "{\"sub\":\"s\",\"iat\":-1}", "{\"origin_jti\":[\"o\"]}"
    };

    (void) state;

    for (i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        json = parse(payloads[i]);
        assert_int_equal(social_session_id(S("i"), json, id, &kind),
                         SOCIAL_MALFORMED);
        assert_int_equal(social_session_write(json, &kind, id, sizeof(id)), 0);
        social_json_free(json);
    }
}


/*
 * A refreshed token is of the same session; nothing that could be confused
 * with it by shifting bytes from one part to another is.
 */

static void
test_distinct(void **state)
{
    size_t         i, j;
    unsigned char  ids[10][16];

    (void) state;

    id_of("i", "{\"origin_jti\":\"o\",\"jti\":\"1\",\"sub\":\"s\","
               "\"token_use\":\"access\",\"exp\":10}", ids[0]);
    id_of("i", "{\"origin_jti\":\"o\",\"jti\":\"2\",\"sub\":\"s\","
               "\"token_use\":\"id\",\"exp\":99}", ids[1]);
    assert_memory_equal(ids[0], ids[1], 16);

    id_of("i", "{\"jti\":\"o\"}", ids[1]);
    id_of("i:", "{\"origin_jti\":\"o\"}", ids[2]);
    id_of("i:origin_jti", "{\"jti\":\"o\"}", ids[3]);
    id_of("i", "{\"origin_jti\":\"o:\"}", ids[4]);
    id_of("i", "{\"sub\":\"o\",\"iat\":1}", ids[5]);
    id_of("i", "{\"sub\":\"o\",\"iat\":2}", ids[6]);
    id_of("i", "{\"sub\":\"o\",\"exp\":1}", ids[7]);
    id_of("i", "{\"jti\":\"iat:1:o\"}", ids[8]);
    id_of("j", "{\"origin_jti\":\"o\"}", ids[9]);

    for (i = 0; i < 10; i++) {
        for (j = 0; j < i; j++) {
            assert_memory_not_equal(ids[i], ids[j], 16);
        }
    }
}


static void
test_until(void **state)
{
    (void) state;

    assert_int_equal(social_session_until(SOCIAL_SESSION_ORIGIN, 1000, 500,
                                          1100, 30), 1560);
    assert_int_equal(social_session_until(SOCIAL_SESSION_ORIGIN, 1000, 500,
                                          9000, 30), 9090);
    assert_int_equal(social_session_until(SOCIAL_SESSION_JTI, 1000, 500,
                                          1100, 30), 1190);
    assert_int_equal(social_session_until(SOCIAL_SESSION_ISSUED, 1000, 500,
                                          1100, 0), 1160);
    assert_int_equal(social_session_until(SOCIAL_SESSION_JTI, 1000, 500,
                                          INT64_C(1) << 53, 30),
                     INT64_C(253402300799));
}


/*
 * The identity of a subject is that of the session "sub:SUBJECT", and of no
 * session that a token has.
 */

static void
test_subject(void **state)
{
    unsigned char          id[16], other[16], digest[SOCIAL_SHA256_SIZE];
    static const char      text[] = "v1:16:https://a.exampl:sub:s:1";

    (void) state;

    assert_int_equal(social_session_subject(social_str("https://a.exampl"),
                                            social_str("s:1"), id),
                     SOCIAL_OK);
    assert_int_equal(social_sha256(social_str(text), digest), SOCIAL_OK);
    assert_memory_equal(id, digest, sizeof(id));

    assert_int_equal(social_session_subject(social_str("https://a.exampl"),
                                            social_str("s:2"), other),
                     SOCIAL_OK);
    assert_memory_not_equal(id, other, sizeof(id));

    id_of("https://a.exampl", "{\"jti\":\"sub:s:1\",\"sub\":\"s:1\"}", other);
    assert_memory_not_equal(id, other, sizeof(id));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_session),
        cmocka_unit_test(test_subject),
        cmocka_unit_test(test_write_size),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_distinct),
        cmocka_unit_test(test_until)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
