
#include "social_unit.h"
#include "social_token.h"


static void
test_bearer(void **state)
{
    size_t        i;
    social_str_t  token;

    static const struct {
        social_str_t            value;
        social_token_status_e   status;
        const char             *token;
    } cases[] = {
        { social_string("Bearer abc"), SOCIAL_TOKEN_OK, "abc" },
        { social_string("bearer abc"), SOCIAL_TOKEN_OK, "abc" },
        { social_string("BEARER a.b-c_d~+/="), SOCIAL_TOKEN_OK,
          "a.b-c_d~+/=" },
        { social_string(" \tBearer   abc \t"), SOCIAL_TOKEN_OK, "abc" },
        { social_string("Bearer Bearer"), SOCIAL_TOKEN_OK, "Bearer" },
        { social_string("Bearer a, Bearer b"), SOCIAL_TOKEN_OK,
          "a, Bearer b" },

        { { 0, NULL }, SOCIAL_TOKEN_NONE, "" },
        { social_string(""), SOCIAL_TOKEN_NONE, "" },
        { social_string(" \t "), SOCIAL_TOKEN_NONE, "" },
        { social_string("abc"), SOCIAL_TOKEN_NONE, "" },
        { social_string("Basic YTpi"), SOCIAL_TOKEN_NONE, "" },
        { social_string("Bearerabc"), SOCIAL_TOKEN_NONE, "" },
        { social_string("Bearer=abc"), SOCIAL_TOKEN_NONE, "" },
        { social_string("Bearer\tabc"), SOCIAL_TOKEN_NONE, "" },
        { social_string("Bearer\0 abc"), SOCIAL_TOKEN_NONE, "" },
        { social_string("Beare abc"), SOCIAL_TOKEN_NONE, "" },
        { social_string("Bearers abc"), SOCIAL_TOKEN_NONE, "" },

        { social_string("Bearer"), SOCIAL_TOKEN_MALFORMED, "" },
        { social_string("Bearer "), SOCIAL_TOKEN_MALFORMED, "" },
        { social_string("Bearer \t "), SOCIAL_TOKEN_MALFORMED, "" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        token.len = 99;
        assert_int_equal(social_token_from_bearer(cases[i].value, &token),
                         cases[i].status);
        assert_str(token, cases[i].token);
    }
}


static void
test_dpop(void **state)
{
    size_t        i;
    social_str_t  token;

    static const struct {
        social_str_t            value;
        social_token_status_e   status;
        const char             *token;
    } cases[] = {
        { social_string("DPoP abc"), SOCIAL_TOKEN_OK, "abc" },
        { social_string("dpop  abc "), SOCIAL_TOKEN_OK, "abc" },
        { social_string("DPOP DPoP"), SOCIAL_TOKEN_OK, "DPoP" },
        { social_string("Bearer abc"), SOCIAL_TOKEN_NONE, "" },
        { social_string("DPoPs abc"), SOCIAL_TOKEN_NONE, "" },
        { social_string("DPo abc"), SOCIAL_TOKEN_NONE, "" },
        { social_string(""), SOCIAL_TOKEN_NONE, "" },
        { social_string("DPoP"), SOCIAL_TOKEN_MALFORMED, "" },
        { social_string("DPoP "), SOCIAL_TOKEN_MALFORMED, "" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        token.len = 99;
        assert_int_equal(social_token_from_dpop(cases[i].value, &token),
                         cases[i].status);
        assert_str(token, cases[i].token);
    }
}


static void
test_value(void **state)
{
    size_t        i;
    social_str_t  token;

    static const struct {
        social_str_t            value;
        social_token_status_e   status;
        const char             *token;
    } cases[] = {
        { social_string("abc"), SOCIAL_TOKEN_OK, "abc" },
        { social_string(" a.b-c_d~+/= "), SOCIAL_TOKEN_OK, "a.b-c_d~+/=" },
        { social_string("Bearer abc"), SOCIAL_TOKEN_OK, "abc" },
        { social_string("bEARER   abc"), SOCIAL_TOKEN_OK, "abc" },
        { social_string("Bearerabc"), SOCIAL_TOKEN_OK, "Bearerabc" },
        { social_string("null"), SOCIAL_TOKEN_OK, "null" },

        { { 0, NULL }, SOCIAL_TOKEN_NONE, "" },
        { social_string(""), SOCIAL_TOKEN_NONE, "" },
        { social_string(" \t "), SOCIAL_TOKEN_NONE, "" },

        { social_string("Bearer"), SOCIAL_TOKEN_MALFORMED, "" },
        { social_string("Bearer "), SOCIAL_TOKEN_MALFORMED, "" },
        { social_string("Basic YTpi"), SOCIAL_TOKEN_OK, "Basic YTpi" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        token.len = 99;
        assert_int_equal(social_token_from_value(cases[i].value, &token),
                         cases[i].status);
        assert_str(token, cases[i].token);
    }
}


static void
test_protocols(void **state)
{
    size_t        i;
    social_str_t  token;

    static const struct {
        social_str_t            value;
        social_token_status_e   status;
        const char             *token;
    } cases[] = {
        { social_string("bearer, abc"), SOCIAL_TOKEN_OK, "abc" },
        { social_string("bearer,abc"), SOCIAL_TOKEN_OK, "abc" },
        { social_string("chat, bearer, abc, other"), SOCIAL_TOKEN_OK, "abc" },
        { social_string(" , bearer , , abc , "), SOCIAL_TOKEN_OK, "abc" },
        { social_string("bearer, bearer"), SOCIAL_TOKEN_OK, "bearer" },
        { social_string("bearer, null"), SOCIAL_TOKEN_OK, "null" },

        { { 0, NULL }, SOCIAL_TOKEN_NONE, "" },
        { social_string(""), SOCIAL_TOKEN_NONE, "" },
        { social_string(" , "), SOCIAL_TOKEN_NONE, "" },
        { social_string("chat, abc"), SOCIAL_TOKEN_NONE, "" },
        { social_string("Bearer, abc"), SOCIAL_TOKEN_NONE, "" },
        { social_string("bearer abc"), SOCIAL_TOKEN_NONE, "" },
        { social_string("bearer.abc"), SOCIAL_TOKEN_NONE, "" },

        { social_string("bearer"), SOCIAL_TOKEN_MALFORMED, "" },
        { social_string("abc, bearer"), SOCIAL_TOKEN_MALFORMED, "" },
        { social_string("bearer, ,\t,"), SOCIAL_TOKEN_MALFORMED, "" },

        { social_string("bearer, a, bearer, b"), SOCIAL_TOKEN_SEVERAL, "" },
        { social_string("bearer, a, bearer"), SOCIAL_TOKEN_SEVERAL, "" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        token.len = 99;
        assert_int_equal(social_token_from_protocols(cases[i].value, &token),
                         cases[i].status);
        assert_str(token, cases[i].token);
    }
}


static void
test_cookie(void **state)
{
    size_t        i;
    social_str_t  value;

    static const struct {
        const char  *text;
        size_t       n;
        const char  *value;
    } cases[] = {
        { "", 0, "-" },
        { "__Host-t", 0, "-" },
        { "__Host-t=a", 1, "a" },
        { "__Host-t=", 1, "" },
        { "a=b; __Host-t = a b ; c=d", 1, "a b" },
        { "__host-t=a", 0, "-" },
        { "__Host-T=a", 0, "-" },
        { "x__Host-t=a; __Host-t2=a; a=__Host-t=b", 0, "-" },
        { "__Host-t=a; __Host-t=b", 2, "a" },
        { "__Host-t=a,__Host-t=b", 2, "a" },
        { "__Host-t=a=b", 1, "a=b" },
        { ";;=;__Host-t=\"a\"", 1, "\"a\"" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        value = social_str("-");
        assert_int_equal(social_token_cookie(social_str(cases[i].text),
                                             S("__Host-t"), &value),
                         cases[i].n);
        assert_str(value, cases[i].value);
    }

    assert_str(social_token_unquote(S("\"a\"")), "a");
    assert_str(social_token_unquote(S("\"\"")), "");
    assert_str(social_token_unquote(S("\"")), "\"");
    assert_str(social_token_unquote(S("\"a")), "\"a");
    assert_str(social_token_unquote(S("a\"")), "a\"");
    assert_str(social_token_unquote(S("")), "");
}


#define HALF  "0123456789012345678901234567890123456789"


static void
test_is_in(void **state)
{
    (void) state;

    assert_true(social_token_is_in(S("a.b.sig"), S("t=a.b.sig")));
    assert_true(social_token_is_in(S("a.b.sig"), S("x=a.b; y=sig")));
    assert_true(social_token_is_in(S("a.b.sig"), S("sisig")));
    assert_true(social_token_is_in(S("a.b.sig"), S("sig")));
    assert_false(social_token_is_in(S("a.b.sig"), S("t=a.b.si; g=1")));
    assert_false(social_token_is_in(S("a.b.sig"), S("si")));
    assert_false(social_token_is_in(S("a.b.sig"), S("")));
    assert_false(social_token_is_in(S("a.b."), S("a.b.")));
    assert_true(social_token_is_in(S("opaque"), S("t=opaque")));
    assert_false(social_token_is_in(S(""), S("t=")));

    /* in two cookies, cut before, in and behind the middle */

    assert_true(social_token_is_in(S("a.b." HALF "FEDCBA" HALF),
                                   S("t0=a.b." HALF "F; t1=EDCBA" HALF)));
    assert_true(social_token_is_in(S("a.b." HALF "FEDCBA" HALF),
                                   S("t0=a.b." HALF "FED; t1=CBA" HALF)));
    assert_true(social_token_is_in(S("a.b." HALF "FEDCBA" HALF),
                                   S("t0=a.b." HALF "FEDCB; t1=A" HALF)));
    assert_false(social_token_is_in(S("a.b." HALF "FEDCBA" HALF),
                                    S("t0=a.b." HALF)));
}


static void
test_count(void **state)
{
    (void) state;

    assert_int_equal(social_token_count(S(""), S("t"), ";,"), 0);
    assert_int_equal(social_token_count(S("t"), S("t"), ";,"), 0);
    assert_int_equal(social_token_count(S("t=1"), S("t"), ";,"), 1);
    assert_int_equal(social_token_count(S("t="), S("t"), ";,"), 1);
    assert_int_equal(social_token_count(S("a=t=1; bt=1; t2=1"), S("t"), ";,"),
                     0);
    assert_int_equal(social_token_count(S("t=1; T = 2;a=3,t=4"), S("t"), ";,"),
                     3);
    assert_int_equal(social_token_count(S("t=1&a=2&t=1"), S("t"), "&"), 2);
    assert_int_equal(social_token_count(S("t=1;t=1"), S("t"), "&"), 1);
}


static void
test_size(void **state)
{
    social_str_t   value, token;
    unsigned char  buf[SOCIAL_TOKEN_MAX_SIZE + 16];

    (void) state;

    memset(buf, 'a', sizeof(buf));
    memcpy(buf, "Bearer ", 7);

    value.data = buf;
    value.len = 7 + SOCIAL_TOKEN_MAX_SIZE;

    assert_int_equal(social_token_from_bearer(value, &token),
                     SOCIAL_TOKEN_OK);
    assert_int_equal(token.len, SOCIAL_TOKEN_MAX_SIZE);
    assert_ptr_equal(token.data, buf + 7);

    assert_int_equal(social_token_from_value(value, &token), SOCIAL_TOKEN_OK);

    value.len++;

    assert_int_equal(social_token_from_bearer(value, &token),
                     SOCIAL_TOKEN_TOO_LARGE);
    assert_int_equal(token.len, 0);
    assert_int_equal(social_token_from_value(value, &token),
                     SOCIAL_TOKEN_TOO_LARGE);
    assert_int_equal(token.len, 0);

    memcpy(buf, "bearer,", 7);

    assert_int_equal(social_token_from_protocols(value, &token),
                     SOCIAL_TOKEN_TOO_LARGE);
    assert_int_equal(token.len, 0);
}


static void
test_placeholder(void **state)
{
    (void) state;

    assert_true(social_token_is_placeholder(S("null")));
    assert_true(social_token_is_placeholder(S("undefined")));
    assert_false(social_token_is_placeholder(S("Null")));
    assert_false(social_token_is_placeholder(S("nul")));
    assert_false(social_token_is_placeholder(S("null\0")));
    assert_false(social_token_is_placeholder(S("")));
}


/*
 * Every status has a word and a distinct sentence, fit for a quoted string
 * in a header (RFC 6750, 3) and for a log.
 */

static void
test_texts(void **state)
{
    int           i, j;
    size_t        k;
    social_str_t  name, text;

    (void) state;

    for (i = SOCIAL_TOKEN_OK; i <= SOCIAL_TOKEN_FAILED; i++) {
        name = social_token_status_name((social_token_status_e) i);
        text = social_token_status_text((social_token_status_e) i);

        assert_true(name.len > 0);
        assert_true(text.len > 0);

        for (k = 0; k < name.len; k++) {
            assert_true((name.data[k] >= 'a' && name.data[k] <= 'z')
                        || name.data[k] == '_');
        }

        for (k = 0; k < text.len; k++) {
            assert_true(text.data[k] >= 0x20 && text.data[k] < 0x7f
                        && text.data[k] != '"' && text.data[k] != '\\');
        }

        for (j = SOCIAL_TOKEN_OK; j < i; j++) {
            assert_false(social_str_eq(name, social_token_status_name(
                                                 (social_token_status_e) j)));
        }
    }

    assert_str(social_token_status_name(SOCIAL_TOKEN_OK), "ok");
    assert_str(social_token_status_name(SOCIAL_TOKEN_EXPIRED), "expired");
    assert_str(social_token_status_text(SOCIAL_TOKEN_EXPIRED),
               "the token has expired");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_bearer),
        cmocka_unit_test(test_dpop),
        cmocka_unit_test(test_value),
        cmocka_unit_test(test_protocols),
        cmocka_unit_test(test_cookie),
        cmocka_unit_test(test_is_in),
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_placeholder),
        cmocka_unit_test(test_texts),
    };

    return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
