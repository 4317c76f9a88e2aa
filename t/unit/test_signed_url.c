
#include "social_unit.h"
#include "social_signed_url.h"


#define TIME    1767225600
#define KEY     "kkkkkkkkkkkkkkkkkkkkkkkk"
#define OTHER   "llllllllllllllllllllllll"

/* printf 'path\n1767225600\n/private/a b.jpg' | openssl dgst -hmac KEY ... */

#define PATH    "eea46351778c01016358560a1af7e6e4"                        \
                "d6fff058250b3e4717707490c121008f"
#define ARGS    "f956889dbb04397148c571782887be29"                        \
                "ce94c769db98f563eda9504d09235f9a"
#define PREFIX  "adf1c4170e904c1905f9ac6b47ea8e72"                        \
                "237b574c22787b55205cf01ecda36a5e"


static unsigned char  memory[8192];


static social_signed_url_status_e
verify_at(const char *path, const char *args, const char *one, const char *two,
    int64_t now, const char *left)
{
    social_buf_t                rest;
    social_str_t                secrets[2];
    social_signed_url_status_e  status;

    secrets[0] = social_str(one);
    secrets[1] = social_str(two);

    social_buf_init(&rest, memory, strlen(args));

    status = social_signed_url_verify_args(social_str(path), social_str(args),
                                           secrets, now, &rest);

    if (left != NULL) {
        assert_str(social_buf_since(&rest, 0), left);
    }

    return status;
}


static social_signed_url_status_e
verify(const char *path, const char *args)
{
    return verify_at(path, args, KEY, "", TIME - 1, NULL);
}


static social_signed_url_status_e
cookies(const char *path, const char *header)
{
    social_str_t  secrets[2] = { S(KEY), S("") };

    return social_signed_url_verify_cookies(social_str(path),
                                            social_str(header), S("c"),
                                            secrets, TIME - 1);
}


static void
test_sign(void **state)
{
    social_buf_t         b;
    social_signed_url_t  url = { S("/private/a b.jpg"), S(""), TIME, false };

    (void) state;

    social_buf_init(&b, memory, sizeof(memory));
    assert_int_equal(social_signed_url_args(&url, S(KEY), &b), SOCIAL_OK);
    assert_str(social_buf_since(&b, 0),
               "social-expires=1767225600&social-signature=" PATH);

    assert_int_equal(social_signed_url_cookie(&url, S(KEY), &b),
                     SOCIAL_MALFORMED);

    url.args = S("w=1&x");
    social_buf_init(&b, memory, sizeof(memory));
    assert_int_equal(social_signed_url_args(&url, S(KEY), &b), SOCIAL_OK);
    assert_str(social_buf_since(&b, 0),
               "social-expires=1767225600&social-signature=" ARGS);

    /* a prefix has no arguments */

    url.resource = S("/private/u 1/");
    url.prefix = true;
    social_buf_init(&b, memory, sizeof(memory));
    assert_int_equal(social_signed_url_args(&url, S(KEY), &b), SOCIAL_OK);
    assert_str(social_buf_since(&b, 0),
               "social-expires=1767225600&social-prefix=/private/u%201/"
               "&social-signature=" PREFIX);

    social_buf_init(&b, memory, sizeof(memory));
    assert_int_equal(social_signed_url_cookie(&url, S(KEY), &b), SOCIAL_OK);
    assert_str(social_buf_since(&b, 0),
               "1767225600." PREFIX "./private/u%201/");

    social_buf_init(&b, memory, 80);
    assert_int_equal(social_signed_url_cookie(&url, S(KEY), &b),
                     SOCIAL_MALFORMED);

    url.resource = S("/private/u 1");
    assert_int_equal(social_signed_url_args(&url, S(KEY), &b),
                     SOCIAL_MALFORMED);

    url.resource = S("/private/");
    url.expires = -1;
    assert_int_equal(social_signed_url_args(&url, S(KEY), &b),
                     SOCIAL_MALFORMED);

    url.expires = TIME;
    url.prefix = false;
    url.resource = S("private");
    assert_int_equal(social_signed_url_args(&url, S(KEY), &b),
                     SOCIAL_MALFORMED);
}


static void
test_paths(void **state)
{
    size_t  i;
    char    text[SOCIAL_SIGNED_URL_MAX_PREFIX + 2];

    static const char *const  good[] = {
        "/", "/a", "/a/", "/a/.b", "/a/..b/", "/.../", "/a.", "/\xc3\xa9/%"
    };

    static const char *const  bad[] = {
        "", "a", "//", "/a//", "/a//b", "/.", "/..", "/a/.", "/a/./b",
        "/a/../b", "/../", "/a\n", "/a\x7f", "/\x01/"
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(social_signed_url_path_valid(social_str(good[i])));
        assert_int_equal(social_signed_url_prefix_valid(social_str(good[i])),
                         good[i][strlen(good[i]) - 1] == '/');
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(social_signed_url_path_valid(social_str(bad[i])));
        assert_false(social_signed_url_prefix_valid(social_str(bad[i])));
    }

    assert_false(social_signed_url_path_valid(S("/a\0b")));

    memset(text, 'x', sizeof(text));
    text[0] = '/';
    text[SOCIAL_SIGNED_URL_MAX_PREFIX - 1] = '/';
    text[SOCIAL_SIGNED_URL_MAX_PREFIX] = '\0';
    assert_true(social_signed_url_prefix_valid(social_str(text)));

    text[SOCIAL_SIGNED_URL_MAX_PREFIX - 1] = 'x';
    text[SOCIAL_SIGNED_URL_MAX_PREFIX] = '/';
    text[SOCIAL_SIGNED_URL_MAX_PREFIX + 1] = '\0';
    assert_false(social_signed_url_prefix_valid(social_str(text)));
}


static void
test_args(void **state)
{
    const char           *path = "/private/a b.jpg";
    const char           *good = "social-expires=1767225600"
                                 "&social-signature=" PATH;
    social_buf_t          b;
    unsigned char         made[256];
    social_signed_url_t   url = { S("/private/a b.jpg"), S(""), TIME, false };

    (void) state;

    assert_int_equal(verify_at(path, good, KEY, "", TIME - 1, ""),
                     SOCIAL_SIGNED_URL_OK);
    assert_int_equal(verify_at(path, good, OTHER, KEY, 0, ""),
                     SOCIAL_SIGNED_URL_OK);
    assert_int_equal(verify_at(path, good, KEY, "", TIME, NULL),
                     SOCIAL_SIGNED_URL_EXPIRED);
    assert_int_equal(verify_at(path, good, OTHER, "", TIME - 1, NULL),
                     SOCIAL_SIGNED_URL_WRONG);
    assert_int_equal(verify_at(path, good, OTHER, "", TIME, NULL),
                     SOCIAL_SIGNED_URL_WRONG);
    assert_int_equal(verify_at(path, good, "", "", TIME - 1, NULL),
                     SOCIAL_SIGNED_URL_WRONG);

    /* nobody has the empty secret */

    social_buf_init(&b, made, sizeof(made));
    assert_int_equal(social_signed_url_args(&url, S(""), &b), SOCIAL_OK);
    made[b.len] = '\0';
    assert_int_equal(verify_at(path, (char *) made, KEY, "", TIME - 1, NULL),
                     SOCIAL_SIGNED_URL_WRONG);

    assert_int_equal(verify("/private/a b.jpgx", good),
                     SOCIAL_SIGNED_URL_WRONG);
    assert_int_equal(verify("/private/a", good), SOCIAL_SIGNED_URL_WRONG);
    assert_int_equal(verify("", good), SOCIAL_SIGNED_URL_WRONG);

    /* other arguments, in whatever places between */

    assert_int_equal(verify_at(path, "w=1&social-expires=1767225600&x"
                               "&social-signature=" ARGS, KEY, "", TIME - 1,
                               "w=1&x"), SOCIAL_SIGNED_URL_OK);
    assert_int_equal(verify_at(path, "social-signature=" ARGS
                               "&social-expires=1767225600&w=1&x", KEY, "",
                               TIME - 1, "w=1&x"), SOCIAL_SIGNED_URL_OK);
    assert_int_equal(verify(path, "x&w=1&social-expires=1767225600"
                            "&social-signature=" ARGS),
                     SOCIAL_SIGNED_URL_WRONG);
    assert_int_equal(verify(path, "w=1&x&&social-expires=1767225600"
                            "&social-signature=" ARGS),
                     SOCIAL_SIGNED_URL_WRONG);
    assert_int_equal(verify(path, "w=1&x&social-expires=1767225600"
                            "&social-signature=" PATH),
                     SOCIAL_SIGNED_URL_WRONG);
    assert_int_equal(verify(path, "social-expires=1767225600"
                            "&social-signature=" ARGS),
                     SOCIAL_SIGNED_URL_WRONG);

    /* none */

    assert_int_equal(verify_at(path, "", KEY, "", 0, ""),
                     SOCIAL_SIGNED_URL_NONE);
    assert_int_equal(verify_at(path, "a=b&&c", KEY, "", 0, "a=b&&c"),
                     SOCIAL_SIGNED_URL_NONE);
    assert_int_equal(verify(path, "Social-Expires=1&social-signaturE=2"),
                     SOCIAL_SIGNED_URL_NONE);
}


static void
test_malformed(void **state)
{
    size_t  i;

    static const char *const  bad[] = {
        "social-expires=1767225600",
        "social-signature=" PATH,
        "social-prefix=/private/",
        "social-expires=&social-signature=" PATH,
        "social-expires&social-signature=" PATH,
        "social-expires=01767225600&social-signature=" PATH,
        "social-expires=1767225600123&social-signature=" PATH,
        "social-expires=-1&social-signature=" PATH,
        "social-expires=1767225600 &social-signature=" PATH,
        "social-expires=1767225600&social-signature=" PATH "0",
        "social-expires=1767225600&social-signature=e",
        "social-expires=1767225600&social-expires=1767225600"
            "&social-signature=" PATH,
        "social-expires=1767225600&social-signature=" PATH
            "&social-signature=" PATH,
        "social-expires=1767225600&social-prefix=&social-signature=" PATH,
        "social-expires=1767225600&social-prefix=/&social-prefix=/"
            "&social-signature=" PATH,
        "social-expires=1767225600&social-prefix=/private"
            "&social-signature=" PATH,
        "social-expires=1767225600&social-prefix=/private/%2"
            "&social-signature=" PATH,
        "social-expires=1767225600&social-prefix=/%00/"
            "&social-signature=" PATH,
        "social-expires=1767225600&social-prefix=/private/../"
            "&social-signature=" PATH
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(verify("/private/a b.jpg", bad[i]),
                         SOCIAL_SIGNED_URL_MALFORMED);
    }

    assert_int_equal(verify("/private/a b.jpg", "social-expires=1767225600"
                            "&social-signature="
                            "EEA46351778C01016358560A1AF7E6E4"
                            "D6FFF058250B3E4717707490C121008F"),
                     SOCIAL_SIGNED_URL_WRONG);
}


static void
test_prefix(void **state)
{
    const char  *good = "social-expires=1767225600"
                        "&social-prefix=/private/u%201/"
                        "&social-signature=" PREFIX;

    (void) state;

    assert_int_equal(verify("/private/u 1/", good), SOCIAL_SIGNED_URL_OK);
    assert_int_equal(verify("/private/u 1/a/b", good), SOCIAL_SIGNED_URL_OK);
    assert_int_equal(verify_at("/private/u 1/a", "w=1&social-expires=1767225600"
                               "&social-prefix=%2Fprivate%2fu%201/"
                               "&social-signature=" PREFIX "&x", KEY, "", 0,
                               "w=1&x"), SOCIAL_SIGNED_URL_OK);

    assert_int_equal(verify("/private/u 1", good), SOCIAL_SIGNED_URL_WRONG);
    assert_int_equal(verify("/private/u 2/", good), SOCIAL_SIGNED_URL_WRONG);
    assert_int_equal(verify("/", good), SOCIAL_SIGNED_URL_WRONG);
    assert_int_equal(verify_at("/private/u 1/", good, KEY, "", TIME, NULL),
                     SOCIAL_SIGNED_URL_EXPIRED);

    /* a path and a prefix of the same text are two things */

    assert_int_equal(verify("/private/u 1/", "social-expires=1767225600"
                            "&social-signature=" PREFIX),
                     SOCIAL_SIGNED_URL_WRONG);
    assert_int_equal(verify("/private/u 1/a", "social-expires=1767225600"
                            "&social-prefix=/&social-signature=" PREFIX),
                     SOCIAL_SIGNED_URL_WRONG);
}


static void
test_cookies(void **state)
{
    char    many[1024] = "";
    size_t  i;

    const char  *good = "1767225600." PREFIX "./private/u%201/";
    char         header[2048];

    (void) state;

    snprintf(header, sizeof(header), "c=%s", good);
    assert_int_equal(cookies("/private/u 1/a.b", header),
                     SOCIAL_SIGNED_URL_OK);
    assert_int_equal(cookies("/private/u 2/", header),
                     SOCIAL_SIGNED_URL_WRONG);

    snprintf(header, sizeof(header), "cc=1; c=x; C=1;  c=%s; d=2", good);
    assert_int_equal(cookies("/private/u 1/a", header), SOCIAL_SIGNED_URL_OK);

    snprintf(header, sizeof(header), "c=%s; c=x", good);
    assert_int_equal(cookies("/private/u 1/a", header), SOCIAL_SIGNED_URL_OK);

    snprintf(header, sizeof(header), "C=%s; cc=%s", good, good);
    assert_int_equal(cookies("/private/u 1/a", header),
                     SOCIAL_SIGNED_URL_NONE);

    /* so many are looked at */

    for (i = 0; i < SOCIAL_SIGNED_URL_MAX_COOKIES - 1; i++) {
        strcat(many, "c=x; ");
    }

    snprintf(header, sizeof(header), "%sc=%s", many, good);
    assert_int_equal(cookies("/private/u 1/a", header), SOCIAL_SIGNED_URL_OK);

    snprintf(header, sizeof(header), "%sc=x; c=%s", many, good);
    assert_int_equal(cookies("/private/u 1/a", header),
                     SOCIAL_SIGNED_URL_MALFORMED);

    assert_int_equal(cookies("/", ""), SOCIAL_SIGNED_URL_NONE);
    assert_int_equal(cookies("/", "c"), SOCIAL_SIGNED_URL_NONE);
    assert_int_equal(cookies("/", "c="), SOCIAL_SIGNED_URL_MALFORMED);
    assert_int_equal(cookies("/", "c=1.2"), SOCIAL_SIGNED_URL_MALFORMED);
    assert_int_equal(cookies("/", "c=1..2"), SOCIAL_SIGNED_URL_MALFORMED);
}


static void
test_reasons(void **state)
{
    int  i;

    (void) state;

    for (i = SOCIAL_SIGNED_URL_NONE; i <= SOCIAL_SIGNED_URL_FAILED; i++) {
        assert_memory_equal(social_signed_url_reason(
                                (social_signed_url_status_e) i), "it", 2);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_sign),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_args),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_cookies),
        cmocka_unit_test(test_reasons)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
