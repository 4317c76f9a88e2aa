
#include "social_unit.h"
#include "social_crypto.h"
#include "social_session.h"


typedef struct {
    const char  *payload;
    const char  *sessions;       /* that it has, separated by spaces */
    size_t       ends;           /* how many of them end it */
    bool         lasts;
} session_case_t;


static social_json_t *
parse(const char *text)
{
    social_json_t  *json;

    assert_int_equal(social_json_parse(social_str(text), &json), SOCIAL_OK);

    return json;
}


static void
session_of(const char *issuer, const char *subject, const char *payload,
    social_session_t *session)
{
    social_json_t  *json;

    json = parse(payload);
    memset(session, 0xa5, sizeof(social_session_t));
    assert_int_equal(social_session_read(social_str(issuer),
                                         social_str(subject), json, session),
                     SOCIAL_OK);
    social_json_free(json);
}


static void
digest_of(const char *text, unsigned char id[16])
{
    unsigned char  digest[SOCIAL_SHA256_SIZE];

    assert_int_equal(social_sha256(social_str(text), digest), SOCIAL_OK);
    memcpy(id, digest, 16);
}


/*
 * A token has a session for each claim, in this order, and what is written is
 * what the id is a digest of.
 */

static void
test_session(void **state)
{
    char                    text[256];
    bool                    lasts;
    size_t                  i, k, n;
    const char             *wanted;
    unsigned char           id[16], buf[128];
    social_json_t          *json;
    social_session_t        session;
    social_session_kind_e   kind;

    static const session_case_t  cases[] = {
        { "{\"origin_jti\":\"o\",\"jti\":\"j\",\"iat\":1,\"exp\":2}",
          "origin_jti:o jti:j", 1, true },
        { "{\"jti\":\"j\",\"sid\":\"i\",\"origin_jti\":\"o\",\"iat\":1}",
          "origin_jti:o sid:i jti:j", 2, true },
        { "{\"sid\":\"i\",\"jti\":\"j\",\"iat\":1}",
          "sid:i jti:j", 1, true },
        { "{\"sid\":\"i\",\"iat\":1,\"exp\":3}",
          "sid:i iat:1:s", 1, true },
        { "{\"origin_jti\":\"\",\"jti\":\"j\",\"iat\":1}",
          "jti:j", 1, false },
        { "{\"origin_jti\":7,\"sid\":{},\"jti\":\"j:k\"}",
          "jti:j:k", 1, false },
        { "{\"jti\":null,\"iat\":1700000000.9,\"exp\":5}",
          "iat:1700000000:s", 1, false },
        { "{\"jti\":\"\",\"iat\":\"1\",\"exp\":9007199254740992}",
          "exp:9007199254740992:s", 1, false },
        { "{}", "", 0, false },
        { "{\"iat\":-1}", "", 0, false },
        { "{\"origin_jti\":[\"o\"]}", "", 0, false }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        session_of("https://iss", "s", cases[i].payload, &session);

        lasts = !cases[i].lasts;
        assert_int_equal(social_session_ends(&session, &lasts),
                         cases[i].ends);
        assert_int_equal(lasts, cases[i].lasts);

        json = parse(cases[i].payload);
        wanted = cases[i].sessions;

        for (k = 0; k < session.n; k++) {

            n = social_session_write(S("s"), json, session.kinds[k], buf,
                                     sizeof(buf));
            assert_true(n <= strlen(wanted));
            assert_memory_equal(buf, wanted, n);

            snprintf(text, sizeof(text), "v1:11:https://iss:%.*s", (int) n,
                     wanted);
            digest_of(text, id);
            assert_memory_equal(session.ids[k], id, 16);

            assert_true(k == 0 || session.kinds[k] > session.kinds[k - 1]);

            wanted += n;
            wanted += (*wanted == ' ');
        }

        assert_string_equal(wanted, "");

        /* of no other kind is there anything */

        for (k = 0, kind = SOCIAL_SESSION_ORIGIN;
             kind <= SOCIAL_SESSION_EXPIRES;
             kind++)
        {
            k += social_session_write(S("s"), json, kind, buf, 0) != 0;
        }

        assert_int_equal(k, session.n);

        social_json_free(json);
    }
}


/*
 * By themselves, where there is no token.
 */

static void
test_id(void **state)
{
    unsigned char  id[16], wanted[16];

    (void) state;

    digest_of("v1:1:i:sid:x", wanted);
    assert_int_equal(social_session_id(S("i"), SOCIAL_SESSION_SID, S("x"), id),
                     SOCIAL_OK);
    assert_memory_equal(id, wanted, 16);

    digest_of("v1:1:i:origin_jti:x", wanted);
    assert_int_equal(social_session_id(S("i"), SOCIAL_SESSION_ORIGIN, S("x"),
                                       id), SOCIAL_OK);
    assert_memory_equal(id, wanted, 16);
}


/*
 * No more than there is room for.
 */

static void
test_write_size(void **state)
{
    size_t          size;
    unsigned char   buf[32];
    social_json_t  *json;

    (void) state;

    json = parse("{\"jti\":\"abc\"}");

    for (size = 0; size <= 8; size++) {
        memset(buf, '#', sizeof(buf));
        assert_int_equal(social_session_write(S("s"), json, SOCIAL_SESSION_JTI,
                                              buf, size), 7);
        assert_memory_equal(buf, "jti:abc", size < 7 ? size : 7);
        assert_int_equal(buf[size], '#');
    }

    social_json_free(json);
}


/*
 * Without a subject nothing is known by it.
 */

static void
test_no_subject(void **state)
{
    bool              lasts;
    social_session_t  session;

    (void) state;

    session_of("i", "", "{\"iat\":1,\"exp\":2}", &session);
    assert_int_equal(session.n, 0);
    assert_false(session.has_subject);
    assert_int_equal(social_session_ends(&session, &lasts), 0);
    assert_false(lasts);

    session_of("i", "", "{\"sid\":\"x\"}", &session);
    assert_int_equal(session.n, 1);
    assert_false(session.has_subject);
}


/*
 * A refreshed token is of the same session; nothing that could be confused
 * with it by shifting bytes from one part to another is.
 */

static void
test_distinct(void **state)
{
    size_t            i, j;
    social_session_t  s[12];

    (void) state;

    session_of("i", "s", "{\"origin_jti\":\"o\",\"jti\":\"1\","
               "\"token_use\":\"access\",\"exp\":10}", &s[0]);
    session_of("i", "s", "{\"origin_jti\":\"o\",\"jti\":\"2\","
               "\"token_use\":\"id\",\"exp\":99}", &s[1]);
    assert_memory_equal(s[0].ids[0], s[1].ids[0], 16);
    assert_memory_not_equal(s[0].ids[1], s[1].ids[1], 16);

    session_of("i", "s", "{\"jti\":\"o\"}", &s[1]);
    session_of("i:", "s", "{\"origin_jti\":\"o\"}", &s[2]);
    session_of("i:origin_jti", "s", "{\"jti\":\"o\"}", &s[3]);
    session_of("i", "s", "{\"origin_jti\":\"o:\"}", &s[4]);
    session_of("i", "o", "{\"iat\":1}", &s[5]);
    session_of("i", "o", "{\"iat\":2}", &s[6]);
    session_of("i", "o", "{\"exp\":1}", &s[7]);
    session_of("i", "s", "{\"jti\":\"iat:1:o\"}", &s[8]);
    session_of("j", "s", "{\"origin_jti\":\"o\"}", &s[9]);
    session_of("i", "s", "{\"sid\":\"o\"}", &s[10]);
    session_of("i", "s", "{\"sid\":\"jti:o\"}", &s[11]);

    for (i = 0; i < 12; i++) {
        for (j = 0; j < i; j++) {
            assert_memory_not_equal(s[i].ids[0], s[j].ids[0], 16);
        }
    }
}


static void
test_until(void **state)
{
    (void) state;

    assert_int_equal(social_session_until(SOCIAL_SESSION_ORIGIN, 1000, 500,
                                          1100, 30), 1560);
    assert_int_equal(social_session_until(SOCIAL_SESSION_SID, 1000, 500,
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
 * Any session that was ended is enough, and so is the subject, for what began
 * no later; the marks say "may be" of each of them.
 */

static void
test_revoked(void **state)
{
    size_t                 i;
    uint32_t               marks[SOCIAL_REVOCATIONS_MARKS];
    unsigned char          id[16];
    social_session_t       session, other, later, silent;
    social_revocations_t  *set;
    void                  *memory;

    static const char  *names[] = {
        "v1:1:i:origin_jti:o", "v1:1:i:sid:x", "v1:1:i:jti:j"
    };

    (void) state;

    memory = malloc(65536);
    assert_non_null(memory);

    session_of("i", "s", "{\"origin_jti\":\"o\",\"sid\":\"x\",\"jti\":\"j\","
               "\"auth_time\":500,\"iat\":900}", &session);
    session_of("i", "t", "{\"origin_jti\":\"p\",\"sid\":\"y\",\"jti\":\"k\","
               "\"auth_time\":500,\"iat\":900}", &other);
    session_of("i", "s", "{\"jti\":\"l\",\"auth_time\":\"5\",\"iat\":501}",
               &later);
    session_of("i", "s", "{\"jti\":\"m\"}", &silent);

    assert_true(session.has_began);
    assert_int_equal(session.began, 500);
    assert_int_equal(later.began, 501);
    assert_false(silent.has_began);

    for (i = 0; i < 3; i++) {
        set = social_revocations_init(memory, 65536);

        social_session_marks(&session, marks);
        assert_false(social_session_revoked(&session, set, 1000));
        assert_false(social_revocations_may(set, marks, 1000));

        digest_of(names[i], id);
        assert_int_equal(social_revocations_add(set, id, 2000, 1000),
                         SOCIAL_OK);

        assert_true(social_session_revoked(&session, set, 1000));
        assert_false(social_session_revoked(&session, set, 2000));
        assert_true(social_revocations_may(set, marks, 1000));
        assert_false(social_revocations_may(set, marks, 2000));
        assert_false(social_session_revoked(&other, set, 1000));
        assert_false(social_session_revoked(&later, set, 1000));

        social_session_marks(&other, marks);
        assert_false(social_revocations_may(set, marks, 1000));
    }

    set = social_revocations_init(memory, 65536);

    digest_of("v1:1:i:sub:s", id);
    assert_int_equal(social_revocations_add_subject(set, id, 499, 2000, 1000),
                     SOCIAL_OK);
    assert_false(social_session_revoked(&session, set, 1000));

    social_session_marks(&later, marks);
    assert_true(social_revocations_may(set, marks, 1000));

    /* without a time it may have begun at any */

    assert_true(social_session_revoked(&silent, set, 1000));

    assert_int_equal(social_revocations_add_subject(set, id, 500, 2000, 1000),
                     SOCIAL_OK);
    assert_true(social_session_revoked(&session, set, 1000));
    assert_false(social_session_revoked(&later, set, 1000));
    assert_false(social_session_revoked(&other, set, 1000));

    assert_int_equal(social_revocations_add_subject(set, id, INT64_MAX, 2000,
                                                    1000), SOCIAL_OK);
    assert_true(social_session_revoked(&later, set, 1000));

    /* nothing to be known by */

    session_of("i", "", "{}", &session);
    social_session_marks(&session, marks);
    assert_false(social_session_revoked(&session, set, 1000));
    assert_false(social_revocations_may(set, marks, 1000));

    free(memory);
}


/*
 * The identity of a subject is that of the session "sub:SUBJECT", and of no
 * session that a token has.
 */

static void
test_subject(void **state)
{
    unsigned char      id[16], other[16], digest[SOCIAL_SHA256_SIZE];
    static const char  text[] = "v1:16:https://a.exampl:sub:s:1";

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
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_session),
        cmocka_unit_test(test_subject),
        cmocka_unit_test(test_write_size),
        cmocka_unit_test(test_id),
        cmocka_unit_test(test_no_subject),
        cmocka_unit_test(test_revoked),
        cmocka_unit_test(test_distinct),
        cmocka_unit_test(test_until)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
