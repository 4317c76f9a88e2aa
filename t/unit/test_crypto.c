
#include "social_unit.h"
#include "social_crypto.h"
#include "social_encoding.h"


static void
assert_hex(const unsigned char *data, size_t len, const char *hex)
{
    social_str_t   s = { len, data };
    unsigned char  text[2 * SOCIAL_SHA256_SIZE];

    assert_int_equal(strlen(hex), len * 2);
    social_hex_encode(s, text);
    assert_memory_equal(text, hex, len * 2);
}


static void
test_sha256(void **state)
{
    unsigned char  digest[SOCIAL_SHA256_SIZE];
    social_str_t   none = { 0, NULL };

    (void) state;

    assert_int_equal(social_sha256(none, digest), SOCIAL_OK);
    assert_hex(digest, sizeof(digest),
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b"
               "7852b855");

    assert_int_equal(social_sha256(S("abc"), digest), SOCIAL_OK);
    assert_hex(digest, sizeof(digest),
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61"
               "f20015ad");
}


static void
test_sha256_pieces(void **state)
{
    int               i, n;
    unsigned char     digest[SOCIAL_SHA256_SIZE], a[1000];
    social_str_t      piece = { sizeof(a), a };
    social_str_t      none = { 0, NULL };
    social_sha256_t  *h;

    (void) state;

    memset(a, 'a', sizeof(a));

    h = social_sha256_create();
    assert_non_null(h);

    /* a million of "a", FIPS 180; twice, since final() begins again */

    for (n = 0; n < 2; n++) {

        for (i = 0; i < 1000; i++) {
            assert_int_equal(social_sha256_update(h, piece), SOCIAL_OK);
            assert_int_equal(social_sha256_update(h, none), SOCIAL_OK);
        }

        assert_int_equal(social_sha256_final(h, digest), SOCIAL_OK);
        assert_hex(digest, sizeof(digest),
                   "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39cc"
                   "c7112cd0");
    }

    assert_int_equal(social_sha256_final(h, digest), SOCIAL_OK);
    assert_hex(digest, 4, "e3b0c442");

    social_sha256_destroy(h);
    social_sha256_destroy(NULL);
}


/* RFC 4231 */

static void
test_hmac(void **state)
{
    social_str_t   key = { 20, NULL };
    social_str_t   none = { 0, NULL };
    unsigned char  k[131], mac[SOCIAL_SHA256_SIZE];

    (void) state;

    memset(k, 0x0b, sizeof(k));
    key.data = k;

    assert_int_equal(social_hmac_sha256(key, S("Hi There"), mac), SOCIAL_OK);
    assert_hex(mac, sizeof(mac),
               "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c"
               "2e32cff7");

    assert_int_equal(social_hmac_sha256(S("Jefe"),
                         S("what do ya want for nothing?"), mac), SOCIAL_OK);
    assert_hex(mac, sizeof(mac),
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b9"
               "64ec3843");

    memset(k, 0xaa, sizeof(k));
    key.len = sizeof(k);

    assert_int_equal(social_hmac_sha256(key,
                         S("Test Using Larger Than Block-Size Key - Hash Key "
                           "First"), mac), SOCIAL_OK);
    assert_hex(mac, sizeof(mac),
               "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f"
               "0ee37f54");

    /* nothing under nothing, and not under the key before */

    assert_int_equal(social_hmac_sha256(none, none, mac), SOCIAL_OK);
    assert_hex(mac, sizeof(mac),
               "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c71214"
               "4292c5ad");

    /* in place */

    memset(k, 0x0b, 20);
    key.len = 20;
    assert_int_equal(social_hmac_sha256(key, S("Hi There"), k), SOCIAL_OK);
    assert_hex(k, 4, "b0344c61");
}


static void
test_equal(void **state)
{
    social_str_t   none = { 0, NULL };
    unsigned char  secret[] = "secret";

    (void) state;

    assert_true(social_crypto_equal(S("abc"), S("abc")));
    assert_false(social_crypto_equal(S("abc"), S("abd")));
    assert_false(social_crypto_equal(S("abc"), S("ab")));
    assert_false(social_crypto_equal(S("a\0b"), S("a\0c")));
    assert_true(social_crypto_equal(none, S("")));
    assert_false(social_crypto_equal(none, S("a")));

    social_crypto_cleanse(secret, sizeof(secret));
    assert_memory_equal(secret, "\0\0\0\0\0\0\0", sizeof(secret));
}


static void
test_hex(void **state)
{
    unsigned char  out[8];

    (void) state;

    assert_int_equal(social_hex_decode(S("00ff7f80"), out), SOCIAL_OK);
    assert_memory_equal(out, "\x00\xff\x7f\x80", 4);
    assert_int_equal(social_hex_decode(S(""), out), SOCIAL_OK);

    assert_int_equal(social_hex_decode(S("0"), out), SOCIAL_MALFORMED);
    assert_int_equal(social_hex_decode(S("FF"), out), SOCIAL_MALFORMED);
    assert_int_equal(social_hex_decode(S("0g"), out), SOCIAL_MALFORMED);
    assert_int_equal(social_hex_decode(S("0\0"), out), SOCIAL_MALFORMED);
    assert_int_equal(social_hex_decode(S("0x"), out), SOCIAL_MALFORMED);
}


static void
test_base64(void **state)
{
    size_t         i, n, len;
    social_str_t   s, text;
    unsigned char  out[64], again[64];

    static const char *const  good[][2] = {
        { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
        { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
        { "foobar", "Zm9vYmFy" }, { "\xfb\xff\xbf", "+/+/" },
    };

    static const char *const  bad[] = {
        "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "=", "==", "===", "====",
        "Z===", "Zg==Zg==", "Zm9v\n", "Zm 9", "-_-_", "Zm9vZ", "Zm=v", "Z=9v",
        "=m9v",
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        n = social_base64_encode(social_str(good[i][0]), out);
        assert_int_equal(n, social_base64_size(strlen(good[i][0])));
        assert_int_equal(n, strlen(good[i][1]));
        assert_memory_equal(out, good[i][1], n);

        assert_int_equal(social_base64_decode(social_str(good[i][1]), out,
                                              &len), SOCIAL_OK);
        assert_int_equal(len, strlen(good[i][0]));
        assert_memory_equal(out, good[i][0], len);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(social_base64_decode(social_str(bad[i]), out, &len),
                         SOCIAL_MALFORMED);
    }

    /* one spelling: whatever decodes is what its bytes encode to */

    for (i = 0; i < 256 * 256; i++) {
        unsigned char  c[4] = { (unsigned char) i, (unsigned char) (i >> 8),
                                '=', '=' };

        for (n = 0; n < 3; n++) {
            if (n) {
                c[2] = n == 1 ? 'A' : 'B';
                c[3] = n == 1 ? '=' : '/';
            }

            text.data = c;
            text.len = 4;

            if (social_base64_decode(text, out, &len) == SOCIAL_OK) {
                s.data = out;
                s.len = len;
                assert_int_equal(social_base64_encode(s, again), 4);
                assert_memory_equal(again, c, 4);
            }
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_sha256_pieces),
        cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_base64),
    };

    return cmocka_run_group_tests_name("crypto", tests, NULL, NULL);
}
