
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

    /* a zero byte is no separator, though one ends the set */
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


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_token),
    };

    return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
