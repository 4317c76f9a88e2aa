
#include "social_unit.h"
#include "social_claim_path.h"


static social_json_t *
parse(const char *text)
{
    social_json_t  *json;

    assert_int_equal(social_json_parse(social_str(text), &json), SOCIAL_OK);

    return json;
}


/*
 * What is found, as a string; "-" for nothing.
 */

static social_str_t
found(const social_json_t *json)
{
    social_str_t  s;

    switch (social_json_string(json, &s)) {

    case SOCIAL_OK:
        return s;

    case SOCIAL_DECLINED:
        return S("-");

    default:
        return S("?");
    }
}


static void
test_parse(void **state)
{
    size_t                i, j;
    const char           *why;
    unsigned char         buf[64];
    social_claim_path_t   path;

    static const struct {
        const char           *text, *name;
        size_t                count;
        const char           *names[4];
    } cases[] = {
        { "sub", "sub", 0, { NULL } },
        { "cognito:groups", "cognito:groups", 0, { NULL } },
        { "a b", "a b", 0, { NULL } },
        { "a/b", "a/b", 0, { NULL } },
        { "a~b", "a~b", 0, { NULL } },
        { "https://example/roles", "https://example/roles", 0, { NULL } },
        { "\xc3\xa9", "\xc3\xa9", 0, { NULL } },
        { "a.b", "a.b", 2, { "a", "b" } },
        { "realm_access.roles", "realm_access.roles", 2,
          { "realm_access", "roles" } },
        { "a.b/c.~1", "a.b/c.~1", 3, { "a", "b/c", "~1" } },
        { "/a", "", 1, { "a" } },
        { "/", "", 1, { "" } },
        { "/a/", "", 2, { "a", "" } },
        { "//a", "", 2, { "", "a" } },
        { "/a.b/c", "", 2, { "a.b", "c" } },
        { "/a~1b/~0/~01", "", 3, { "a/b", "~", "~1" } },
        { "/https:~1~1example.com~1roles", "", 1,
          { "https://example.com/roles" } },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        assert_int_equal(social_claim_path_parse(social_str(cases[i].text),
                                                 SOCIAL_CLAIM_NAMES, buf,
                                                 &path, &why),
                         SOCIAL_OK);
        assert_str(path.text, cases[i].text);
        assert_str(path.name, cases[i].name);
        assert_int_equal(path.kind, SOCIAL_CLAIM_NAMES);
        assert_int_equal(path.count, cases[i].count);

        for (j = 0; j < path.count; j++) {
            assert_str(path.names[j], cases[i].names[j]);
        }
    }
}


/*
 * Scopes are words, whatever they were asked for as.
 */

static void
test_kind(void **state)
{
    size_t                i;
    const char           *why;
    unsigned char         buf[16];
    social_claim_path_t   path;

    static const struct {
        const char           *text;
        social_claim_kind_e   as, kind;
    } cases[] = {
        { "scope", SOCIAL_CLAIM_TEXT, SOCIAL_CLAIM_WORDS },
        { "scp", SOCIAL_CLAIM_NAMES, SOCIAL_CLAIM_WORDS },
        { "scopes", SOCIAL_CLAIM_TEXT, SOCIAL_CLAIM_TEXT },
        { "a.scope", SOCIAL_CLAIM_TEXT, SOCIAL_CLAIM_TEXT },
        { "/scope", SOCIAL_CLAIM_NAMES, SOCIAL_CLAIM_NAMES },
        { "roles", SOCIAL_CLAIM_WORDS, SOCIAL_CLAIM_WORDS },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(social_claim_path_parse(social_str(cases[i].text),
                                                 cases[i].as, buf, &path,
                                                 &why),
                         SOCIAL_OK);
        assert_int_equal(path.kind, cases[i].kind);
    }
}


static void
test_wrong(void **state)
{
    size_t                i;
    const char           *why;
    unsigned char         buf[64];
    social_claim_path_t   path;

    static const struct {
        const char  *text, *why;
    } cases[] = {
        { "", "it must not be empty" },
        { "$a", "it must not be empty or begin with \"$\"" },
        { "a\nb", "it must not contain control characters" },
        { "a\x7f", "it must not contain control characters" },
        { "a\xff", "it must be valid UTF-8" },
        { ".", "it must not have an empty name" },
        { ".a", "it must not have an empty name" },
        { "a.", "it must not have an empty name" },
        { "a..b", "it must not have an empty name" },
        { "/~", "\"~\" must be written as \"~0\"" },
        { "/a~", "\"~\" must be written as \"~0\"" },
        { "/a~2", "\"~\" must be written as \"~0\"" },
        { "/~/a", "\"~\" must be written as \"~0\"" },
        { "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", "it must not have more than" },
        { "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a", "it must not have more than" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        why = NULL;
        assert_int_equal(social_claim_path_parse(social_str(cases[i].text),
                                                 SOCIAL_CLAIM_TEXT, buf, &path,
                                                 &why),
                         SOCIAL_DECLINED);
        assert_non_null(why);
        assert_memory_equal(why, cases[i].why, strlen(cases[i].why));
    }

    /* the longest ones */

    assert_int_equal(social_claim_path_parse(
                         S("a.a.a.a.a.a.a.a.a.a.a.a.a.a.a"),
                         SOCIAL_CLAIM_TEXT, buf, &path, &why), SOCIAL_OK);
    assert_int_equal(path.count, SOCIAL_CLAIM_PATH_DEPTH);
    assert_int_equal(social_claim_path_parse(
                         S("/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a"),
                         SOCIAL_CLAIM_TEXT, buf, &path, &why), SOCIAL_OK);
    assert_int_equal(path.count, SOCIAL_CLAIM_PATH_DEPTH);
}


static void
test_find(void **state)
{
    size_t                i;
    const char           *why;
    unsigned char         buf[64];
    social_json_t        *json;
    social_claim_path_t   path;

    static const struct {
        const char  *text, *value;
    } cases[] = {
        { "a", "?" },
        { "plain", "p" },
        { "Plain", "-" },
        { "plai", "-" },
        { "plain.x", "-" },
        { "a.b", "whole" },
        { "/a/b", "nested" },
        { "a.c.d", "deep" },
        { "/a/c/d", "deep" },
        { "a.c", "?" },
        { "a.c.x", "-" },
        { "a.x.d", "-" },
        { "x.c.d", "-" },
        { "/a.b", "whole" },
        { "a.b.c", "-" },

        /* a whole name that is null is none */
        { "n.m", "through" },
        { "nil", "-" },
        { "a.nil", "-" },
        { "nil.a", "-" },

        /* neither an array nor its elements have names */
        { "l.0", "-" },
        { "/l/0", "-" },
        { "l.x", "-" },

        { "https://x.example/r", "namespaced" },
        { "/https:~1~1x.example~1r", "namespaced" },
        { "/kubernetes.io/namespace", "default" },
        { "kubernetes.io.namespace", "-" },
        { "/", "empty" },
        { "//x", "-" },
    };

    (void) state;

    json = parse("{\"plain\":\"p\",\"a.b\":\"whole\",\"n.m\":null,"
                 "\"n\":{\"m\":\"through\"},\"nil\":null,"
                 "\"a\":{\"b\":\"nested\",\"c\":{\"d\":\"deep\"},\"nil\":null},"
                 "\"l\":[\"zero\",{\"x\":\"one\"}],\"\":\"empty\","
                 "\"https://x.example/r\":\"namespaced\","
                 "\"kubernetes.io\":{\"namespace\":\"default\"}}");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        assert_int_equal(social_claim_path_parse(social_str(cases[i].text),
                                                 SOCIAL_CLAIM_TEXT, buf, &path,
                                                 &why),
                         SOCIAL_OK);
        assert_str(found(social_claim_find(json, &path)), cases[i].value);
        assert_null(social_claim_find(NULL, &path));
    }

    social_json_free(json);
}


static void
test_constant(void **state)
{
    social_json_t  *json;

    static const social_claim_path_t  sub = social_claim_path("sub");
    static const social_claim_path_t  scp = social_claim_path_words("scp");
    static const social_claim_path_t  dot = social_claim_path("a.b");

    (void) state;

    json = parse("{\"sub\":\"s\",\"scp\":\"t\",\"a\":{\"b\":\"x\"}}");

    assert_str(found(social_claim_find(json, &sub)), "s");
    assert_str(found(social_claim_find(json, &scp)), "t");
    assert_null(social_claim_find(json, &dot));
    assert_int_equal(sub.kind, SOCIAL_CLAIM_TEXT);
    assert_int_equal(scp.kind, SOCIAL_CLAIM_WORDS);

    social_json_free(json);
}


/*
 * Of the names of variables.
 */

static void
test_folded(void **state)
{
    size_t          i;
    social_json_t  *json;

    static const struct {
        const char  *name, *value;
    } cases[] = {
        { "plain", "p" },
        { "realm_access_roles", "r" },
        { "REALM_ACCESS_roles", "r" },
        { "kubernetes_io_pod_name", "pod" },
        { "a_b", "whole" },
        { "a_c", "nested" },
        { "x_y_z", "longest" },
        { "x_y_w", "shorter" },
        { "realm_access", "?" },
        { "realm_access_", "-" },
        { "realm_access_role", "-" },
        { "realm_access_roles_x", "-" },
        { "realm_accessroles", "-" },
        { "plain_x", "-" },
        { "_plain", "-" },
        { "", "-" },
    };

    (void) state;

    json = parse("{\"plain\":\"p\",\"realm_access\":{\"roles\":\"r\"},"
                 "\"kubernetes.io\":{\"pod\":{\"name\":\"pod\"}},"
                 "\"a\":{\"b\":\"inner\",\"c\":\"nested\"},\"a:b\":\"whole\","
                 "\"x\":{\"y_z\":\"no\",\"y-w\":\"shorter\"},"
                 "\"x.y\":{\"z\":\"longest\"}}");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_str(found(social_claim_find_folded(json,
                                                  social_str(cases[i].name))),
                   cases[i].value);
    }

    assert_null(social_claim_find_folded(NULL, S("a")));

    social_json_free(json);
}


static void
test_eq(void **state)
{
    const char           *why;
    unsigned char         buf[4][16];
    social_claim_path_t   a, b, c, d;

    (void) state;

    assert_int_equal(social_claim_path_parse(S("a.b"), SOCIAL_CLAIM_NAMES,
                                             buf[0], &a, &why), SOCIAL_OK);
    assert_int_equal(social_claim_path_parse(S("a.b"), SOCIAL_CLAIM_NAMES,
                                             buf[1], &b, &why), SOCIAL_OK);
    assert_int_equal(social_claim_path_parse(S("a.c"), SOCIAL_CLAIM_NAMES,
                                             buf[2], &c, &why), SOCIAL_OK);
    assert_int_equal(social_claim_path_parse(S("a.b"), SOCIAL_CLAIM_TEXT,
                                             buf[3], &d, &why), SOCIAL_OK);

    assert_true(social_claim_path_eq(&a, &a));
    assert_true(social_claim_path_eq(&a, &b));
    assert_false(social_claim_path_eq(&a, &c));
    assert_false(social_claim_path_eq(&a, &d));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_kind),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_constant),
        cmocka_unit_test(test_folded),
        cmocka_unit_test(test_eq),
    };

    return cmocka_run_group_tests_name("claim paths", tests, NULL, NULL);
}
