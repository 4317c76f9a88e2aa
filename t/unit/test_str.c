
#include "social_unit.h"


static void
test_compare(void **state)
{
    social_str_t  none = { 0, NULL };

    (void) state;

    assert_true(social_str_eq(S("abc"), S("abc")));
    assert_false(social_str_eq(S("abc"), S("ab")));
    assert_false(social_str_eq(S("ab"), S("abc")));
    assert_false(social_str_eq(S("abc"), S("abC")));
    assert_false(social_str_eq(S("a\0b"), S("a\0c")));
    assert_true(social_str_eq(none, S("")));
    assert_false(social_str_eq(none, S("a")));

    assert_true(social_str_caseeq(S("BeArEr"), S("bearer")));
    assert_false(social_str_caseeq(S("bearer"), S("bearer ")));

    /* only letters fold: '@' is 'A' - 1, '[' is 'Z' + 1 */
    assert_false(social_str_caseeq(S("@"), S("`")));
    assert_false(social_str_caseeq(S("["), S("{")));

    assert_true(social_str_starts(S("https://x"), S("https://")));
    assert_true(social_str_starts(S("x"), none));
    assert_false(social_str_starts(S("http"), S("https")));
}


static void
test_next(void **state)
{
    social_str_t  rest, item;
    social_str_t  none = { 0, NULL };

    (void) state;

    rest = S(" ,a,, bc ,");

    assert_true(social_str_next(&rest, " ,", &item));
    assert_str(item, "a");
    assert_true(social_str_next(&rest, " ,", &item));
    assert_str(item, "bc");
    assert_false(social_str_next(&rest, " ,", &item));
    assert_int_equal(item.len, 0);

    rest = none;
    assert_false(social_str_next(&rest, ",", &item));

    /* a zero byte is not a separator, though one ends the set */
    rest = S("a\0b");
    assert_true(social_str_next(&rest, ",", &item));
    assert_int_equal(item.len, 3);
}


static void
test_trim(void **state)
{
    (void) state;

    assert_str(social_str_trim(S(" \t a b\t ")), "a b");
    assert_str(social_str_trim(S("  ")), "");
    assert_str(social_str_trim(S("\na")), "\na");
}


static void
test_token(void **state)
{
    (void) state;

    assert_true(social_str_is_token(S("GET")));
    assert_true(social_str_is_token(S("X-A_b.c~1!#$%&'*+^`|")));
    assert_false(social_str_is_token(S("")));
    assert_false(social_str_is_token(S("a b")));
    assert_false(social_str_is_token(S("a\0")));
    assert_false(social_str_is_token(S("a:")));
    assert_false(social_str_is_token(S("a\r\n")));
    assert_false(social_str_is_token(S("\xc3\xa9")));
}


static void
test_printable(void **state)
{
    size_t          i;
    social_str_t    out;
    unsigned char   buf[64];

    static const struct {
        social_str_t   text;
        const char    *shown;
    } cases[] = {
        { social_string(""), "" },
        { social_string(" ~a/"), " ~a/" },
        { social_string("\"\\"), "\\x22\\x5c" },
        { social_string("\0\x1b[2J\r\n\x7f"),
          "\\x00\\x1b[2J\\x0d\\x0a\\x7f" },
        /* C1's CSI, a right-to-left override, no UTF-8 at all */
        { social_string("\xc2\x9b" "31m"), "\\xc2\\x9b31m" },
        { social_string("\xe2\x80\xae\xff"), "\\xe2\\x80\\xae\\xff" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(buf, 'z', sizeof(buf));

        out.data = buf;
        out.len = (size_t) (social_str_printable(buf, cases[i].text) - buf);

        assert_true(out.len <= 4 * cases[i].text.len);
        assert_str(out, cases[i].shown);
        assert_int_equal(buf[out.len], 'z');
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_printable),
    };

    return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
