
#include "social_unit.h"
#include "social_base64url.h"


static void
test_known(void **state)
{
    size_t         i, len;
    unsigned char  buf[64];

    /* RFC 4648, 10, without the padding; and RFC 7515, C */

    static const struct {
        social_str_t  text, bytes;
    } cases[] = {
        { social_string(""), social_string("") },
        { social_string("Zg"), social_string("f") },
        { social_string("Zm8"), social_string("fo") },
        { social_string("Zm9v"), social_string("foo") },
        { social_string("Zm9vYg"), social_string("foob") },
        { social_string("Zm9vYmE"), social_string("fooba") },
        { social_string("Zm9vYmFy"), social_string("foobar") },
        { social_string("A-z_4ME"), social_string("\x03\xec\xff\xe0\xc1") },
        { social_string("__8"), social_string("\xff\xff") },
        { social_string("AA"), social_string("\0") },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        len = 99;
        assert_int_equal(social_base64url_decode(cases[i].text, buf, &len),
                         SOCIAL_OK);
        assert_int_equal(len, cases[i].bytes.len);
        assert_memory_equal(buf, cases[i].bytes.data, len);
        assert_true(len
                    <= social_base64url_decoded_size(cases[i].text.len));
    }
}


static void
test_encode(void **state)
{
    size_t         i, n, len;
    social_str_t   s;
    unsigned char  bytes[256], text[social_base64url_size(256)];
    unsigned char  again[social_base64url_decoded_size(sizeof(text))];

    (void) state;

    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char) (i * 167 + 13);
    }

    for (n = 0; n <= sizeof(bytes); n++) {

        s.data = bytes;
        s.len = n;

        len = social_base64url_encode(s, text);
        assert_int_equal(len, social_base64url_size(n));

        s.data = text;
        s.len = len;

        assert_int_equal(social_base64url_decode(s, again, &len), SOCIAL_OK);
        assert_int_equal(len, n);
        assert_memory_equal(again, bytes, n);
    }

    assert_int_equal(social_base64url_encode(S("\x03\xec\xff\xe0\xc1"), text),
                     7);
    assert_memory_equal(text, "A-z_4ME", 7);
}


static void
test_nothing(void **state)
{
    size_t        len;
    social_str_t  none = { 0, NULL };

    (void) state;

    len = 99;
    assert_int_equal(social_base64url_decode(none, NULL, &len), SOCIAL_OK);
    assert_int_equal(len, 0);
}


static void
test_refused(void **state)
{
    size_t         i, len;
    unsigned char  buf[64];

    static const social_str_t  cases[] = {
        social_string("A"),             /* 4n + 1 */
        social_string("AAAAA"),
        social_string("Zg=="),          /* padding */
        social_string("Zm8="),
        social_string("Zm9v===="),
        social_string("Zh"),            /* unused bits */
        social_string("Z_"),
        social_string("Zm9"),
        social_string("Zm_"),
        social_string("Zm+v"),          /* plain base64 */
        social_string("Zm/v"),
        social_string("Zm9v "),
        social_string(" Zm9v"),
        social_string("Zm\n9"),
        social_string("Zm9v\r\n"),
        social_string("Zm\0v"),
        social_string("\0\0"),
        social_string("Zm.v"),
        social_string("*Zm9"),
        social_string("Z*m9"),
        social_string("Zm9*"),
        social_string("*A"),
        social_string("A*"),
        social_string("*AA"),
        social_string("A*A"),
        social_string("AA*"),
        social_string("\xc3\xa9\xc3\xa9"),
        social_string("AAA\xff"),
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(social_base64url_decode(cases[i], buf, &len),
                         SOCIAL_MALFORMED);
    }
}


/*
 * Each character alone at each position: as valid as the RFC's table says, and
 * with the value that it says.
 */

static void
test_every_character(void **state)
{
    size_t             len;
    unsigned           ch, at, value;
    const char        *p;
    social_str_t       text;
    unsigned char      src[4], buf[8];
    static const char  abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789-_";

    (void) state;

    text.data = src;
    text.len = 4;

    for (ch = 0; ch < 256; ch++) {
        p = ch ? strchr(abc, (int) ch) : NULL;

        for (at = 0; at < 4; at++) {
            memset(src, 'A', sizeof(src));
            src[at] = (unsigned char) ch;

            if (p == NULL) {
                assert_int_equal(social_base64url_decode(text, buf, &len),
                                 SOCIAL_MALFORMED);
                continue;
            }

            assert_int_equal(social_base64url_decode(text, buf, &len),
                             SOCIAL_OK);
            assert_int_equal(len, 3);

            value = (unsigned) buf[0] << 16 | (unsigned) buf[1] << 8 | buf[2];
            assert_int_equal(value, (unsigned) (p - abc) << (18 - 6 * at));
        }
    }
}


/*
 * Two characters make 4,096 strings, of which the 256 that no other spells
 * are taken; three make 262,144, of which 65,536.
 */

static void
test_one_spelling(void **state)
{
    size_t             i, len, two, three;
    social_str_t       text;
    unsigned char      src[3], buf[8];
    static const char  abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789-_";

    (void) state;

    text.data = src;
    two = 0;
    three = 0;

    for (i = 0; i < 64 * 64 * 64; i++) {
        src[0] = (unsigned char) abc[i & 63];
        src[1] = (unsigned char) abc[i >> 6 & 63];
        src[2] = (unsigned char) abc[i >> 12 & 63];

        text.len = 3;

        if (social_base64url_decode(text, buf, &len) == SOCIAL_OK) {
            assert_int_equal(len, 2);
            three++;
        }

        text.len = 2;

        if (i < 64 * 64
            && social_base64url_decode(text, buf, &len) == SOCIAL_OK)
        {
            assert_int_equal(len, 1);
            two++;
        }
    }

    assert_int_equal(two, 256);
    assert_int_equal(three, 65536);
}


/*
 * No byte past what the contract promises room for is written, whatever the
 * length, and whether or not the text is good.
 */

static void
test_room(void **state)
{
    size_t          n, len, size;
    social_str_t    text;
    unsigned char  *src, *dst;

    (void) state;

    for (n = 0; n < 70; n++) {
        src = malloc(n + 1);
        assert_non_null(src);
        memset(src, n % 2 ? 'A' : '=', n + 1);

        size = social_base64url_decoded_size(n);
        dst = malloc(size);
        assert_non_null(dst);
        memset(dst, 0x5a, size);

        text.data = src;
        text.len = n;
        (void) social_base64url_decode(text, dst, &len);

        /* n characters hold no more than n * 6 / 8 whole bytes */
        for (len = n * 6 / 8; len < size; len++) {
            assert_int_equal(dst[len], 0x5a);
        }

        free(src);
        free(dst);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_every_character),
        cmocka_unit_test(test_one_spelling),
        cmocka_unit_test(test_room),
    };

    return cmocka_run_group_tests_name("base64url", tests, NULL, NULL);
}
