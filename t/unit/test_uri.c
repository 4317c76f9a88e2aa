
#include "social_unit.h"
#include "social_uri.h"


static unsigned char  memory[8192];


static void
check(void (*f)(social_buf_t *, social_str_t, unsigned), social_str_t in,
    unsigned flags, social_str_t expected)
{
    social_buf_t  b;

    social_buf_init(&b, memory, sizeof(memory));
    f(&b, in, flags);
    assert_int_equal(b.rc, SOCIAL_OK);
    assert_true(social_str_eq(social_buf_since(&b, 0), expected));
}


static void
test_buf(void **state)
{
    social_buf_t   b;
    unsigned char  small[6];

    (void) state;

    social_buf_init(&b, small, 5);
    small[5] = '!';

    social_buf_text(&b, "ab");
    social_buf_put(&b, social_buf_since(&b, 0));
    assert_str(social_buf_since(&b, 0), "abab");
    assert_str(social_buf_since(&b, 2), "ab");
    assert_int_equal(social_buf_since(&b, 4).len, 0);
    assert_int_equal(social_buf_since(&b, 9).len, 0);

    /* whole or not at all, and nothing after an error */

    social_buf_text(&b, "cd");
    assert_int_equal(b.rc, SOCIAL_MALFORMED);
    assert_int_equal(b.len, 4);
    social_buf_byte(&b, 'c');
    assert_int_equal(b.len, 4);
    assert_int_equal(social_buf_since(&b, 0).len, 0);
    social_buf_fail(&b, SOCIAL_FAILED);
    assert_int_equal(b.rc, SOCIAL_MALFORMED);

    social_buf_init(&b, small, 5);
    social_buf_number(&b, 0);
    social_buf_number(&b, 1234);
    assert_str(social_buf_since(&b, 0), "01234");
    assert_int_equal(b.rc, SOCIAL_OK);
    social_buf_byte(&b, 'x');
    assert_int_equal(b.rc, SOCIAL_MALFORMED);
    assert_int_equal(small[5], '!');

    social_buf_init(&b, memory, sizeof(memory));
    social_buf_number(&b, UINT64_MAX);
    assert_str(social_buf_since(&b, 0), "18446744073709551615");
}


static void
test_encode(void **state)
{
    unsigned       i;
    social_str_t   s;
    social_buf_t   b;
    unsigned char  ch;

    (void) state;

    check(social_uri_encode, S("AZaz09-_.~"), 0, S("AZaz09-_.~"));
    check(social_uri_encode, S(" +/%\xc3\xa9"), 0, S("%20%2B%2F%25%C3%A9"));
    check(social_uri_encode, S("a/b c"), SOCIAL_URI_SLASH, S("a/b%20c"));
    check(social_uri_encode, S("!'()*"), 0, S("%21%27%28%29%2A"));
    check(social_uri_encode, S("\0"), 0, S("%00"));

    /* every byte but zero comes back */

    for (i = 1; i < 256; i++) {
        ch = (unsigned char) i;
        s.data = &ch;
        s.len = 1;

        social_buf_init(&b, memory, sizeof(memory));
        social_uri_encode(&b, s, 0);
        social_uri_decode(&b, social_buf_since(&b, 0), 0);
        assert_int_equal(b.rc, SOCIAL_OK);
        assert_int_equal(memory[b.len - 1], ch);
        assert_true(b.len == 2 || b.len == 4);
    }
}


static void
test_decode(void **state)
{
    size_t        i;
    social_buf_t  b;

    static const char *const  bad[] = {
        "%", "%4", "a%", "a%2", "%%41", "%4g", "%g4", "%-1", "% 1", "%0x",
        "%00", "a%00b", "%u0041", "%\xc3\xa9",
    };

    (void) state;

    check(social_uri_decode, S("%41%6a%6A%2F+"), 0, S("Ajj/+"));
    check(social_uri_decode, S("a+b%2Bc"), SOCIAL_URI_PLUS, S("a b+c"));
    check(social_uri_decode, S("%2541"), 0, S("%41"));
    check(social_uri_decode, S(""), 0, S(""));
    check(social_uri_decode, S("\xff%ff"), 0, S("\xff\xff"));

    check(social_uri_recode, S("%41%7e@(\xc3%a9)+/%2f%2F"), SOCIAL_URI_SLASH,
          S("A~%40%28%C3%A9%29%2B///"));
    check(social_uri_recode, S("a+b/"), SOCIAL_URI_PLUS, S("a%20b%2F"));

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        social_buf_init(&b, memory, sizeof(memory));
        social_uri_decode(&b, social_str(bad[i]), 0);
        assert_int_equal(b.rc, SOCIAL_MALFORMED);

        social_buf_init(&b, memory, sizeof(memory));
        social_uri_recode(&b, social_str(bad[i]), 0);
        assert_int_equal(b.rc, SOCIAL_MALFORMED);
    }

    social_buf_init(&b, memory, sizeof(memory));
    social_uri_decode(&b, S("a\0b"), 0);
    assert_int_equal(b.rc, SOCIAL_MALFORMED);
}


static void
query(const char *raw, unsigned flags, const char *expected)
{
    size_t              mark;
    social_buf_t        b;
    social_uri_query_t  q;

    social_buf_init(&b, memory, sizeof(memory));
    assert_int_equal(social_uri_query_parse(&q, &b, social_str(raw), flags),
                     SOCIAL_OK);

    mark = b.len;
    social_uri_query_write(&b, &q, &S("X-Amz-Signature"));
    assert_str(social_buf_since(&b, mark), expected);
}


static void
test_query(void **state)
{
    (void) state;

    query("", 0, "");
    query("&&", 0, "");
    query("a", 0, "a=");
    query("uploads", 0, "uploads=");
    query("a=", 0, "a=");
    query("=", 0, "=");
    query("a&=v", 0, "=v&a=");
    query("a=b=c", 0, "a=b%3Dc");
    query("&a=1&&b=2&", 0, "a=1&b=2");
    query("b=2&a=1", 0, "a=1&b=2");
    query("a=2&a=1&a", 0, "a=&a=1&a=2");

    /* by name first: "a-" is behind "a", though "-" is before "=" */
    query("a-=1&a=2", 0, "a=2&a-=1");
    query("partNumber=2&uploadId=u&X-Amz-Date=d&x-id=P", 0,
          "X-Amz-Date=d&partNumber=2&uploadId=u&x-id=P");

    /* sorted as encoded: "%E1" is before "P" */
    query("Param=2&\xe1\x88\xb4=1", 0, "%E1%88%B4=1&Param=2");
    query("prefix=a+b&q=%2b", SOCIAL_URI_PLUS, "prefix=a%20b&q=%2B");
    query("prefix=a+b", 0, "prefix=a%2Bb");
    query("%61=%7e%2f", 0, "a=~%2F");
    query("a=1&X-Amz-Signature=x&b=2", 0, "a=1&b=2");
    query("X-Amz-Signature=x&b=2", 0, "b=2");
}


static void
test_query_find(void **state)
{
    social_buf_t        b;
    social_uri_query_t  q;

    (void) state;

    social_buf_init(&b, memory, sizeof(memory));
    assert_int_equal(social_uri_query_parse(&q, &b, S("b=2&a=1&c"), 0),
                     SOCIAL_OK);
    assert_str(social_uri_query_find(&q, S("a"))->value, "1");
    assert_int_equal(social_uri_query_find(&q, S("c"))->value.len, 0);
    assert_null(social_uri_query_find(&q, S("A")));
    assert_null(social_uri_query_duplicate(&q));

    social_uri_query_add(&q, &b, S("b"), S("2 "));
    assert_int_equal(b.rc, SOCIAL_OK);
    assert_str(social_uri_query_duplicate(&q)->name, "b");
    assert_str(q.params[2].value, "2%20");
}


static void
test_query_limits(void **state)
{
    size_t              i, n;
    social_buf_t        b;
    social_str_t        s;
    unsigned char       raw[4 * SOCIAL_URI_MAX_PARAMS];
    social_uri_query_t  q;

    (void) state;

    for (i = 0, n = 0; i < SOCIAL_URI_MAX_PARAMS; i++) {
        raw[n++] = (unsigned char) ('a' + i % 26);
        raw[n++] = '&';
    }

    s.data = raw;
    s.len = n;

    social_buf_init(&b, memory, sizeof(memory));
    assert_int_equal(social_uri_query_parse(&q, &b, s, 0), SOCIAL_OK);
    assert_int_equal(q.count, SOCIAL_URI_MAX_PARAMS);

    social_uri_query_add(&q, &b, S("a"), S("b"));
    assert_int_equal(b.rc, SOCIAL_MALFORMED);

    raw[s.len++] = 'z';
    social_buf_init(&b, memory, sizeof(memory));
    assert_int_equal(social_uri_query_parse(&q, &b, s, 0), SOCIAL_MALFORMED);

    social_buf_init(&b, memory, 3);
    assert_int_equal(social_uri_query_parse(&q, &b, S("ab=cd"), 0),
                     SOCIAL_MALFORMED);

    social_buf_init(&b, memory, sizeof(memory));
    assert_int_equal(social_uri_query_parse(&q, &b, S("a=%"), 0),
                     SOCIAL_MALFORMED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_buf),
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_query_find),
        cmocka_unit_test(test_query_limits),
    };

    return cmocka_run_group_tests_name("uri", tests, NULL, NULL);
}
