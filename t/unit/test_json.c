
#include "social_unit.h"
#include "social_json.h"


static social_json_t *
parse(const char *text)
{
    social_json_t  *json;

    assert_int_equal(social_json_parse(social_str(text), &json), SOCIAL_OK);
    assert_non_null(json);

    return json;
}


static social_rc_e
outcome(social_str_t text)
{
    social_rc_e     rc;
    social_json_t  *json;

    json = (social_json_t *) &rc;
    rc = social_json_parse(text, &json);

    if (rc != SOCIAL_OK) {
        assert_null(json);
    }

    social_json_free(json);

    return rc;
}


static void
test_parse(void **state)
{
    size_t  i;

    static const social_str_t  good[] = {
        social_string("{}"),
        social_string(" \t\r\n{ } \t\r\n"),
        social_string("{\"a\":[1,-2,3.5,1e2,true,false,null,\"\",{}]}"),
        social_string("{\"\":1}"),
        social_string("{\"a\":\"\\u00e9\\ud83d\\ude00\\/\\b\"}"),
        social_string("{\"a\":\"\xc3\xa9\xf0\x9f\x98\x80\x7f\"}"),
        social_string("{\"a\":{\"b\":1},\"b\":{\"a\":1}}"),
        social_string("{\"a\":9223372036854775807}"),
        social_string("{\"a\":-9223372036854775808}"),
    };

    static const social_str_t  bad[] = {
        social_string(""),
        social_string(" "),
        social_string("["),
        social_string("[]"),
        social_string("[{}]"),
        social_string("1"),
        social_string("null"),
        social_string("\"a\""),
        social_string("{"),
        social_string("}"),
        social_string("{}}"),
        social_string("{} {}"),
        social_string("{}x"),
        social_string("{}\0"),
        social_string("\0{}"),
        social_string("{\0}"),
        social_string("{\"a\":1\0}"),
        social_string("{\"a\":false\0}"),
        social_string("{a:1}"),
        social_string("{'a':1}"),
        social_string("{\"a\":1,}"),
        social_string("{\"a\" 1}"),
        social_string("{\"a\":01}"),
        social_string("{\"a\":+1}"),
        social_string("{\"a\":.5}"),
        social_string("{\"a\":NaN}"),
        social_string("{\"a\":Infinity}"),
        social_string("{\"a\":1}/**/"),
        social_string("{\"a\":\"\n\"}"),
        social_string("{\"a\":\"\\x\"}"),
        social_string("\xef\xbb\xbf{}"),

        /* one name twice, at any depth and however it is spelled */
        social_string("{\"a\":1,\"a\":1}"),
        social_string("{\"a\":1,\"\\u0061\":2}"),
        social_string("{\"x\":[{\"a\":1,\"b\":2,\"a\":3}]}"),

        /* NUL, raw and escaped, in a value and in a name */
        social_string("{\"a\":\"\0\"}"),
        social_string("{\"a\":\"\\u0000\"}"),
        social_string("{\"\\u0000\":1}"),
        social_string("{\"a\\u0000b\":1}"),

        /* not UTF-8 */
        social_string("{\"a\":\"\xff\"}"),
        social_string("{\"a\":\"\xc3\"}"),
        social_string("{\"a\":\"\xc0\x80\"}"),
        social_string("{\"a\":\"\xed\xa0\x80\"}"),
        social_string("{\"a\":\"\xf4\x90\x80\x80\"}"),
        social_string("{\"a\":\"\\ud800\"}"),
        social_string("{\"a\":\"\\udc00\\ud800\"}"),
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(outcome(good[i]), SOCIAL_OK);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(outcome(bad[i]), SOCIAL_MALFORMED);
    }

    social_json_free(NULL);
}


/*
 * Few names are compared as they come, and many are sorted: of each number of
 * members on both sides of that, each two of which one is the other's name.
 */

static void
test_twice(void **state)
{
    char          text[4096], *p;
    unsigned      n, i, k, member, inner;
    social_str_t  s;

    (void) state;

    for (inner = 0; inner < 2; inner++) {
        for (n = 1; n <= 70; n++) {
            for (i = 0; i < n; i++) {

                /* k = i: there is none */

                for (k = n > 29 && n < 37 ? 0 : i; k <= i; k++) {

                    p = text + sprintf(text, inner ? "{\"x\":[{},{" : "{");

                    for (member = 0; member < n; member++) {
                        p += sprintf(p, "%s\"name%u\":{\"a\":1,\"b\":[2]}",
                                     member ? "," : "",
                                     member == i ? k : member);
                    }

                    p += sprintf(p, inner ? "}]}" : "}");

                    s.data = (const unsigned char *) text;
                    s.len = (size_t) (p - text);

                    assert_int_equal(outcome(s), k == i ? SOCIAL_OK
                                                        : SOCIAL_MALFORMED);
                }
            }
        }
    }
}


static void
test_depth(void **state)
{
    char          text[256];
    unsigned      n, i;
    social_str_t  s;

    (void) state;

    for (n = 1; n <= 40; n++) {
        strcpy(text, "{\"a\":");

        for (i = 1; i < n; i++) {
            strcat(text, i % 2 ? "[" : "{\"a\":");
        }

        strcat(text, "1");

        for (i = n - 1; i > 0; i--) {
            strcat(text, i % 2 ? "]" : "}");
        }

        strcat(text, "}");

        assert_int_equal(outcome(social_str(text)),
                         n <= SOCIAL_JSON_MAX_DEPTH ? SOCIAL_OK
                                                    : SOCIAL_MALFORMED);
    }

    /* brackets in a string are none, escaped quotes do not end one */

    assert_int_equal(outcome(S("{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[\"}")),
                     SOCIAL_OK);
    assert_int_equal(outcome(S("{\"a\":\"\\\"[[[[[[[[[[[[[[[[[[[[[\"}")),
                     SOCIAL_OK);
    assert_int_equal(outcome(S("{\"a\":\"\\\\\",\"b\":[[[[[[[[[[[[[[[[[[1"
                               "]]]]]]]]]]]]]]]]]]}")),
                     SOCIAL_MALFORMED);

    /* many side by side are not deep */

    assert_int_equal(outcome(S("{\"a\":[[],[],[],[],[],[],[],[],[],[],[],[],"
                               "[],[],[],[],[],[],[],[]]}")),
                     SOCIAL_OK);

    /* closing what was never opened must not make room */

    assert_int_equal(outcome(S("]]]]{\"a\":1}")), SOCIAL_MALFORMED);

    /* nothing is read past the end, a last backslash in a string included */

    s.len = 6;
    s.data = (const unsigned char *) strdup("{\"a\":\"");
    assert_int_equal(outcome(s), SOCIAL_MALFORMED);
    free((void *) s.data);

    s.data = malloc(2);
    assert_non_null(s.data);
    memcpy((void *) s.data, "\"\\", 2);
    s.len = 2;
    assert_int_equal(outcome(s), SOCIAL_MALFORMED);
    free((void *) s.data);
}


static void
test_access(void **state)
{
    int64_t               t;
    social_str_t          s;
    social_json_t        *json;
    const social_json_t  *list;

    (void) state;

    json = parse("{\"s\":\"x\",\"list\":[\"a\",2],\"o\":{},\"null\":null}");

    assert_int_equal(social_json_string(social_json_member(json, S("s")), &s),
                     SOCIAL_OK);
    assert_str(s, "x");

    /* a view of a name need not end where the name ends */

    s = S("sx");
    s.len = 1;
    assert_non_null(social_json_member(json, s));
    assert_null(social_json_member(json, S("S")));
    assert_null(social_json_member(json, S("")));
    assert_null(social_json_member(NULL, S("s")));
    assert_null(social_json_member(social_json_member(json, S("s")),
                                   S("s")));

    assert_int_equal(social_json_string(NULL, &s), SOCIAL_DECLINED);
    assert_int_equal(s.len, 0);
    assert_int_equal(social_json_string(json, &s), SOCIAL_MALFORMED);
    assert_int_equal(s.len, 0);

    list = social_json_member(json, S("list"));
    assert_true(social_json_is_array(list));
    assert_false(social_json_is_object(list));
    assert_int_equal(social_json_count(list), 2);
    assert_int_equal(social_json_string(social_json_element(list, 0), &s),
                     SOCIAL_OK);
    assert_str(s, "a");
    assert_int_equal(social_json_string(social_json_element(list, 1), &s),
                     SOCIAL_MALFORMED);
    assert_null(social_json_element(list, 2));

    assert_int_equal(social_json_count(json), 0);
    assert_int_equal(social_json_count(NULL), 0);
    assert_null(social_json_element(NULL, 0));
    assert_null(social_json_element(json, 0));

    assert_true(social_json_is_object(social_json_member(json, S("o"))));
    assert_true(social_json_is_null(social_json_member(json, S("null"))));
    assert_false(social_json_is_null(json));
    assert_false(social_json_is_null(NULL));
    assert_false(social_json_is_array(NULL));
    assert_false(social_json_is_object(NULL));

    assert_int_equal(social_json_time(social_json_member(json, S("null")),
                                      &t), SOCIAL_MALFORMED);
    social_json_free(json);
}


static void
test_member_folded(void **state)
{
    size_t                i;
    int64_t               t;
    social_json_t        *json;
    const social_json_t  *value;

    static const struct {
        const char  *name;
        int          value;     /* 0: no such member */
    } cases[] = {
        { "custom_plan", 1 },
        { "CUSTOM_PLAN", 1 },
        { "sub", 2 },
        { "Sub", 2 },
        { "a__b", 3 },
        { "a__1", 4 },
        { "custom:Plan", 0 },
        { "custom_pla", 0 },
        { "custom_plan_", 0 },
        { "customxplan", 0 },
        { "s_b", 0 },
        { "_ub", 0 },
        { "a_b", 0 },
        { "___1", 0 },
        { "", 0 },
    };

    (void) state;

    json = parse("{\"custom:Plan\":1,\"sub\":2,\"a\xc3\xa9" "b\":3,"
                 "\"A-.1\":4}");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        value = social_json_member_folded(json, social_str(cases[i].name));
        (void) social_json_time(value, &t);
        assert_int_equal(t, cases[i].value);
    }

    assert_null(social_json_member_folded(NULL, S("sub")));
    assert_null(social_json_member_folded(social_json_member(json, S("sub")),
                                          S("sub")));
    social_json_free(json);
}


static void
test_time(void **state)
{
    char            text[64];
    size_t          i;
    int64_t         t;
    social_rc_e     rc;
    social_json_t  *json;

    static const struct {
        const char   *value;
        social_rc_e   rc;
        int64_t       time;
    } cases[] = {
        { "0", SOCIAL_OK, 0 },
        { "-0", SOCIAL_OK, 0 },
        { "-0.0", SOCIAL_OK, 0 },
        { "1300819380", SOCIAL_OK, 1300819380 },
        { "1300819380.9", SOCIAL_OK, 1300819380 },
        { "1.3e9", SOCIAL_OK, 1300000000 },
        { "1e-300", SOCIAL_OK, 0 },
        { "9007199254740992", SOCIAL_OK, 9007199254740992 },
        { "9007199254740992.0", SOCIAL_OK, 9007199254740992 },
        { "9007199254740993", SOCIAL_MALFORMED, 0 },
        { "9007199254740994.0", SOCIAL_MALFORMED, 0 },
        { "9223372036854775807", SOCIAL_MALFORMED, 0 },
        { "1e300", SOCIAL_MALFORMED, 0 },
        { "-1", SOCIAL_MALFORMED, 0 },
        { "-0.5", SOCIAL_MALFORMED, 0 },
        { "-1e300", SOCIAL_MALFORMED, 0 },
        { "-1e-300", SOCIAL_MALFORMED, 0 },
        { "9223372036854775808", SOCIAL_MALFORMED, 0 },
        { "18446744073709551617", SOCIAL_MALFORMED, 0 },
        { "1e999", SOCIAL_MALFORMED, 0 },
        { "1e99999999999999999999999", SOCIAL_MALFORMED, 0 },
        { "1e-99999999999999999999999", SOCIAL_OK, 0 },
        { "0e99999999999999999999999", SOCIAL_OK, 0 },
        { "0.0000000013e18", SOCIAL_OK, 1300000000 },
        { "13000000000000e-4", SOCIAL_OK, 1300000000 },
        { "130000000099999e-5", SOCIAL_OK, 1300000000 },
        { "0.99999999999999999999", SOCIAL_OK, 0 },
        { "0.5E+1", SOCIAL_OK, 5 },
        { "9007199254740992e0", SOCIAL_OK, 9007199254740992 },
        { "9007199254740993.0", SOCIAL_MALFORMED, 0 },
        { "90071992547409920e-1", SOCIAL_OK, 9007199254740992 },
        { "\"1300819380\"", SOCIAL_MALFORMED, 0 },
        { "true", SOCIAL_MALFORMED, 0 },
        { "null", SOCIAL_MALFORMED, 0 },
        { "[1]", SOCIAL_MALFORMED, 0 },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), "{\"t\":%s}", cases[i].value);
        json = parse(text);

        rc = social_json_time(social_json_member(json, S("t")), &t);
        assert_int_equal(rc, cases[i].rc);

        if (rc == SOCIAL_OK) {
            assert_int_equal(t, cases[i].time);
        }

        social_json_free(json);
    }

    t = 7;
    assert_int_equal(social_json_time(NULL, &t), SOCIAL_DECLINED);
}


static void
test_write(void **state)
{
    size_t          n, size;
    unsigned char   buf[128];
    social_json_t  *json;

    (void) state;

    json = parse("{ \"a\" : [ 1 , \"x\\ny\\u0001\" , null ] }");

    n = social_json_write(json, NULL, 0);
    assert_int_equal(n, strlen("{\"a\":[1,\"x\\ny\\u0001\",null]}"));
    assert_int_equal(social_json_write(json, buf, sizeof(buf)), n);
    assert_memory_equal(buf, "{\"a\":[1,\"x\\ny\\u0001\",null]}", n);

    for (size = 0; size <= n; size++) {
        memset(buf, 'z', sizeof(buf));
        assert_int_equal(social_json_write(json, buf, size), n);
        assert_int_equal(buf[size], 'z');
    }

    assert_int_equal(social_json_write(social_json_element(
                                           social_json_member(json, S("a")),
                                           2), buf, sizeof(buf)), 4);
    assert_memory_equal(buf, "null", 4);

    social_json_free(json);
}


/* numbers are written as they came, and read where they are whole */

static void
test_number(void **state)
{
    size_t          i, n;
    char            text[64];
    social_str_t    s;
    social_json_t  *json;
    unsigned char   buf[64];

    static const struct {
        const char  *value;
        bool         fraction;
    } cases[] = {
        { "0.1", true }, { "0.10", true }, { "1.0", false }, { "-0", false },
        { "1E+2", false }, { "12e-1", true }, { "120e-1", false },
        { "0.5e1", false }, { "9007199254740993", false },
        { "123456789012345678901234567890", false }, { "1e999", false },
        { "1e-999", true }, { "-0.5", false }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        n = (size_t) snprintf(text, sizeof(text), "{\"n\":%s}",
                              cases[i].value);
        json = parse(text);

        assert_int_equal(social_json_write(json, buf, sizeof(buf)), n);
        assert_memory_equal(buf, text, n);

        assert_int_equal(social_json_number(social_json_member(json, S("n")),
                                            &s), SOCIAL_OK);
        assert_int_equal(s.len, strlen(cases[i].value));
        assert_memory_equal(s.data, cases[i].value, s.len);

        assert_int_equal(social_json_time_has_fraction(
                             social_json_member(json, S("n"))),
                         cases[i].fraction);

        assert_int_equal(social_json_string(social_json_member(json, S("n")),
                                            &s), SOCIAL_MALFORMED);
        social_json_free(json);
    }

    json = parse("{\"s\":\"1\"}");
    assert_int_equal(social_json_number(social_json_member(json, S("s")), &s),
                     SOCIAL_MALFORMED);
    assert_int_equal(social_json_number(social_json_member(json, S("n")), &s),
                     SOCIAL_DECLINED);
    assert_false(social_json_time_has_fraction(NULL));
    social_json_free(json);
}


static void
test_escape(void **state)
{
    size_t          i, n;
    unsigned char  *end, buf[256];

    static const struct {
        social_str_t   text;
        const char    *escaped;
    } cases[] = {
        { social_string(""), "" },
        { social_string("plain /~"), "plain /~" },
        { social_string("\"\\"), "\\\"\\\\" },
        { social_string("\0\n\x1f\x7f"), "\\u0000\\u000a\\u001f\\u007f" },
        { social_string("\xc2\x80\xdf\xbf"), "\xc2\x80\xdf\xbf" },
        { social_string("\xe0\xa0\x80\xed\x9f\xbf\xef\xbf\xbf"),
          "\xe0\xa0\x80\xed\x9f\xbf\xef\xbf\xbf" },
        { social_string("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"),
          "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
        { social_string("\x80"), "\\ufffd" },
        { social_string("\xff\xfe"), "\\ufffd\\ufffd" },
        { social_string("\xc0\x80"), "\\ufffd\\ufffd" },
        { social_string("\xc1\xbf"), "\\ufffd\\ufffd" },
        { social_string("\xe0\x9f\xbf"), "\\ufffd\\ufffd\\ufffd" },
        { social_string("\xed\xa0\x80"), "\\ufffd\\ufffd\\ufffd" },
        { social_string("\xf0\x8f\xbf\xbf"),
          "\\ufffd\\ufffd\\ufffd\\ufffd" },
        { social_string("\xf4\x90\x80\x80"),
          "\\ufffd\\ufffd\\ufffd\\ufffd" },
        { social_string("\xf5\x80\x80\x80"),
          "\\ufffd\\ufffd\\ufffd\\ufffd" },
        { social_string("\xc3" "a"), "\\ufffda" },
        { social_string("\xe2\x82" "a"), "\\ufffd\\ufffda" },
        { social_string("\xf0\x9f\x98" "a"), "\\ufffd\\ufffd\\ufffda" },
        { social_string("a\xc3"), "a\\ufffd" },
        { social_string("\xe2\x82"), "\\ufffd\\ufffd" },
        { social_string("\xf0\x9f\x98"), "\\ufffd\\ufffd\\ufffd" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(buf, 'z', sizeof(buf));
        end = social_json_escape(buf, cases[i].text);

        n = (size_t) (end - buf);
        assert_true(n <= 6 * cases[i].text.len);
        assert_int_equal(n, strlen(cases[i].escaped));
        assert_memory_equal(buf, cases[i].escaped, n);
        assert_int_equal(buf[n], 'z');
    }
}


static void
test_integer(void **state)
{
    size_t         i;
    int64_t        n;
    social_json_t *json;

    static const struct {
        const char   *text;
        social_rc_e   rc;
        int64_t       n;
    } cases[] = {
        { "{\"n\":0}", SOCIAL_OK, 0 },
        { "{\"n\":9007199254740992}", SOCIAL_OK, 9007199254740992 },
        { "{\"n\":9007199254740993}", SOCIAL_MALFORMED, 0 },
        { "{\"n\":-1}", SOCIAL_MALFORMED, 0 },
        { "{\"n\":1.0}", SOCIAL_MALFORMED, 0 },
        { "{\"n\":1.5}", SOCIAL_MALFORMED, 0 },
        { "{\"n\":\"1\"}", SOCIAL_MALFORMED, 0 },
        { "{\"n\":null}", SOCIAL_MALFORMED, 0 },
        { "{}", SOCIAL_DECLINED, 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(social_json_parse(social_str(cases[i].text), &json),
                         SOCIAL_OK);
        assert_int_equal(social_json_integer(social_json_member(json, S("n")),
                                             &n),
                         cases[i].rc);

        if (cases[i].rc == SOCIAL_OK) {
            assert_int_equal(n, cases[i].n);
        }

        social_json_free(json);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_integer),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_twice),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_access),
        cmocka_unit_test(test_member_folded),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_number),
        cmocka_unit_test(test_escape),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
