
#include "social_unit.h"
#include "social_store_path.h"


#define path(key, expected)                                                   \
    do {                                                                      \
        unsigned char  buf_[SOCIAL_STORE_MAX_PATH];                           \
        size_t         len_;                                                  \
        assert_int_equal(social_store_path(S(key), buf_, &len_), SOCIAL_OK);  \
        assert_string_equal(buf_, expected);                                  \
        assert_int_equal(len_, strlen(expected));                             \
    } while (0)


static void
test_paths(void **state)
{
    (void) state;

    path("a", "a.o");
    path("a/b", "a.d/b.o");
    path("a/", "a.d/.o");
    path("/", ".d/.o");
    path("//", ".d/.d/.o");
    path("a//b", "a.d/.d/b.o");
    path(".", "%2E.o");
    path("..", "%2E..o");
    path("../../etc/passwd", "%2E..d/%2E..d/etc.d/passwd.o");
    path("a.o", "a.o.o");
    path("a.d/b", "a.d.d/b.o");
    path("photo one.jpg", "photo%20one.jpg.o");
    path("%2e%2e/x", "%252e%252e.d/x.o");
    path("\xc3\xa9", "%C3%A9.o");
    path("a\\b\n", "a%5Cb%0A.o");
}


static void
test_not_keys(void **state)
{
    size_t         len;
    social_str_t   key;
    unsigned char  big[1025], buf[SOCIAL_STORE_MAX_PATH];

    (void) state;

    memset(big, 'a', sizeof(big));
    key.data = big;

    key.len = 0;
    assert_int_equal(social_store_path(key, buf, &len), SOCIAL_MALFORMED);
    key.len = 1025;
    assert_int_equal(social_store_path(key, buf, &len), SOCIAL_MALFORMED);
    key.len = 1024;
    assert_int_equal(social_store_path(key, buf, &len), SOCIAL_OK);

    assert_int_equal(social_store_path(S("a\0b"), buf, &len),
                     SOCIAL_MALFORMED);
}


/* no name over 255 bytes, no empty one, no "." or "..", whatever the key */

static void
test_names(void **state)
{
    size_t          len, i, c, fill;
    char           *name, *save;
    social_str_t    key;
    unsigned char   bytes[1024], buf[SOCIAL_STORE_MAX_PATH];
    const unsigned char  fills[] = { 'a', '.', '/', 0xff, '%', ' ' };

    (void) state;

    key.data = bytes;
    key.len = sizeof(bytes);

    for (fill = 0; fill < sizeof(fills); fill++) {
        for (c = 1; c < 256; c += 7) {

            memset(bytes, fills[fill], sizeof(bytes));
            bytes[c] = (unsigned char) c;

            assert_int_equal(social_store_path(key, buf, &len), SOCIAL_OK);
            assert_true(len < SOCIAL_STORE_MAX_PATH);
            assert_int_equal(buf[len], '\0');
            assert_int_not_equal(buf[0], '/');

            for (name = strtok_r((char *) buf, "/", &save), i = 0;
                 name;
                 name = strtok_r(NULL, "/", &save), i++)
            {
                assert_true(strlen(name) < 200 && strlen(name) >= 2);
                assert_string_not_equal(name, "..");
                assert_non_null(strchr("cdo", name[strlen(name) - 1]));
            }
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_not_keys),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests_name("store_path", tests, NULL, NULL);
}
