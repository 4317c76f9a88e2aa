
/*
 * URLs in one spelling.
 */

#include "social_unit.h"
#include "social_normal.h"


#define normal(function, text, out)                                           \
    do {                                                                      \
        size_t          size_;                                                \
        social_buf_t    b_;                                                   \
        social_str_t    made_;                                                \
        unsigned char  *p_;                                                   \
        size_ = social_normal_size((text).len);                               \
        p_ = malloc(size_);                                                   \
        assert_non_null(p_);                                                  \
        social_buf_init(&b_, p_, size_);                                      \
        (void) function(text, &b_);                                           \
        made_ = social_buf_since(&b_, 0);                                     \
        if ((out) == NULL) {                                                  \
            assert_int_equal(b_.rc, SOCIAL_MALFORMED);                        \
        } else {                                                              \
            assert_int_equal(b_.rc, SOCIAL_OK);                               \
            assert_str(made_, (out));                                         \
        }                                                                     \
        free(p_);                                                             \
    } while (0)


typedef struct {
    social_str_t   in;
    const char    *out;       /* NULL: it is none */
} case_t;


static void
test_urls(void **state)
{
    size_t  i;

    static const case_t  cases[] = {
        { social_string("https://api.example.com/a"),
          "https://api.example.com/a" },
        { social_string("HTTPS://API.Example.COM/A"),
          "https://api.example.com/A" },
        { social_string("https://api.example.com"),
          "https://api.example.com/" },
        { social_string("https://api.example.com/a/../../.."),
          "https://api.example.com/" },
        { social_string("https://api.example.com?a=b"),
          "https://api.example.com/" },
        { social_string("https://api.example.com#f"),
          "https://api.example.com/" },
        { social_string("https://api.example.com/a?b=/../c#d"),
          "https://api.example.com/a" },
        { social_string("https://api.example.com:443/"),
          "https://api.example.com/" },
        { social_string("https://api.example.com:/"),
          "https://api.example.com/" },
        { social_string("https://api.example.com:0443/"),
          "https://api.example.com/" },
        { social_string("https://api.example.com:80/"),
          "https://api.example.com:80/" },
        { social_string("http://api.example.com:80/"),
          "http://api.example.com/" },
        { social_string("http://api.example.com:443/"),
          "http://api.example.com:443/" },
        { social_string("http://[::1]:8080/"), "http://[::1]:8080/" },
        { social_string("http://[2001:DB8::A]/"), "http://[2001:db8::a]/" },
        { social_string("https://a.example:65535/"),
          "https://a.example:65535/" },

        { { 0, NULL }, NULL },
        { social_string(""), NULL },
        { social_string("/a"), NULL },
        { social_string("//api.example.com/a"), NULL },
        { social_string("https:/api.example.com/a"), NULL },
        { social_string("https://"), NULL },
        { social_string("https:///a"), NULL },
        { social_string("ftp://api.example.com/"), NULL },
        { social_string("httpsx://api.example.com/"), NULL },
        { social_string("https://user@api.example.com/"), NULL },
        { social_string("https://user:pass@api.example.com/"), NULL },
        { social_string("https://api.example.com:443@evil.example/"), NULL },
        { social_string("https://api.example.com\\@evil.example/"), NULL },
        { social_string("https://api.example.com:65536/"), NULL },
        { social_string("https://api.example.com:0/"), NULL },
        { social_string("https://api.example.com:44a/"), NULL },
        { social_string("https://api.example.com:99999999999999999999/"),
          NULL },
        { social_string("https://api.ex%61mple.com/"), NULL },
        { social_string("https://api.example.com /"), NULL },
        { social_string(" https://api.example.com/"), NULL },
        { social_string("https://[::1/"), NULL },
        { social_string("https://[]/"), NULL },
        { social_string("https://[::g]/"), NULL },
        { social_string("https://b\xc3\xa9.example/"), NULL },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        normal(social_normal_url, cases[i].in, cases[i].out);
    }
}


static void
test_paths(void **state)
{
    size_t  i;

    static const case_t  cases[] = {
        { { 0, NULL }, "/" },
        { social_string(""), "/" },
        { social_string("?a"), "/" },
        { social_string("/"), "/" },
        { social_string("/a/b"), "/a/b" },
        { social_string("/a/b/"), "/a/b/" },
        { social_string("//a//b"), "//a//b" },
        { social_string("/a?b/c"), "/a" },
        { social_string("/a#b/c"), "/a" },
        { social_string("/%61%7E%2d%2E%5f%39"), "/a~-._9" },
        { social_string("/%2f%3F%c3%a9"), "/%2F%3F%C3%A9" },
        { social_string("/\xc3\xa9"), "/%C3%A9" },
        { social_string("/a%2Fb"), "/a%2Fb" },
        { social_string("/a+b:c@d!$&'()*,;=|\"<>[]^`{}\\"),
          "/a+b:c@d!$&'()*,;=|\"<>[]^`{}\\" },

        /* RFC 3986, 5.2.4 */
        { social_string("/a/b/c/./../../g"), "/a/g" },
        { social_string("/."), "/" },
        { social_string("/.."), "/" },
        { social_string("/./"), "/" },
        { social_string("/../"), "/" },
        { social_string("/../../a"), "/a" },
        { social_string("/a/."), "/a/" },
        { social_string("/a/.."), "/" },
        { social_string("/a/../"), "/" },
        { social_string("/a/b/.."), "/a/" },
        { social_string("/a/b/../c"), "/a/c" },
        { social_string("/a//../b"), NULL },
        { social_string("//.."), NULL },
        { social_string("/a%2Fx/../b"), NULL },
        { social_string("/a%2fx/.."), NULL },
        { social_string("/a%2Fx/./b"), "/a%2Fx/b" },
        { social_string("/a/%2e%2E/b"), "/b" },
        { social_string("/a/.%2e/b"), "/b" },
        { social_string("/a/..?x"), "/" },
        { social_string("/a/...?x"), "/a/..." },
        { social_string("/a/.b/..c/d.."), "/a/.b/..c/d.." },
        { social_string("/a/x."), "/a/x." },
        { social_string("/a/.x"), "/a/.x" },

        { social_string("a"), NULL },
        { social_string("*"), NULL },
        { social_string("/%"), NULL },
        { social_string("/%4"), NULL },
        { social_string("/%4g"), NULL },
        { social_string("/%g4"), NULL },
        { social_string("/a b"), NULL },
        { social_string("/a\0"), NULL },
        { social_string("/a\n"), NULL },
        { social_string("/a\x7f"), NULL },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        normal(social_normal_path, cases[i].in, cases[i].out);
    }
}


static void
test_origin(void **state)
{
    social_buf_t   b;
    social_str_t   rest;
    unsigned char  buf[32];

    (void) state;

    social_buf_init(&b, buf, sizeof(buf));
    assert_int_equal(social_normal_origin(S("https://A.example:444/x?y"), &b,
                                          &rest), SOCIAL_OK);
    assert_str(social_buf_since(&b, 0), "https://a.example:444");
    assert_str(rest, "/x?y");

    /* no room: an error, and nothing past the end */

    social_buf_init(&b, buf, 12);
    assert_int_equal(social_normal_url(S("https://a.example/"), &b),
                     SOCIAL_MALFORMED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_origin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
