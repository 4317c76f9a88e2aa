
#include "social_unit.h"

#include "social_icc.h"


/* a profile of tags of 4 bytes, all of them the same ones, at its end */

static size_t
icc_make(unsigned char *p, const char *space, const char *const *tags)
{
    size_t  n, len;

    for (n = 0; tags[n] != NULL; n++) {
        memcpy(p + 132 + n * 12, tags[n], 4);
    }

    len = 132 + n * 12 + 4;

    p[131] = (unsigned char) n;
    p[2] = (unsigned char) (len >> 8);
    p[3] = (unsigned char) len;
    memcpy(p + 16, space, 4);
    memcpy(p + 36, "acsp", 4);

    while (n-- > 0) {
        p[132 + n * 12 + 6] = (unsigned char) ((len - 4) >> 8);
        p[132 + n * 12 + 7] = (unsigned char) (len - 4);
        p[132 + n * 12 + 11] = 4;
    }

    return len;
}


static void
icc_is(const char *space, const char *const *tags, social_rc_e rc,
    social_icc_space_e of, social_icc_intent_e intent)
{
    size_t          n, len;
    social_str_t    data;
    social_icc_t    icc;
    unsigned char  *copy;
    unsigned char   p[512] = "";

    len = icc_make(p, space, tags);

    /* exact allocations show what reads too far to ASan and valgrind */

    for (n = 0; n <= len; n++) {
        copy = malloc(n + !n);
        assert_non_null(copy);
        memcpy(copy, p, n);

        data.data = copy;
        data.len = n;

        if (n < len) {
            assert_int_equal(social_icc_parse(data, &icc), SOCIAL_MALFORMED);

        } else {
            assert_int_equal(social_icc_parse(data, &icc), rc);

            /* as many tags as are read, of which most are not there */

            copy[131] = 100;
            assert_int_equal(social_icc_parse(data, &icc), rc);

            if (rc == SOCIAL_OK) {
                assert_int_equal(icc.space, of);
                assert_int_equal(icc.intent, intent);
            }
        }

        free(copy);
    }
}

#define TAGS(...)  ((const char *const []) { __VA_ARGS__, NULL })

#define SHAPER     "rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC"


static void
test_spaces(void **state)
{
    (void) state;

    icc_is("RGB ", TAGS("desc", SHAPER, "bTRC"), SOCIAL_OK, SOCIAL_ICC_RGB,
           SOCIAL_ICC_PERCEPTUAL);
    icc_is("GRAY", TAGS("kTRC"), SOCIAL_OK, SOCIAL_ICC_GRAY,
           SOCIAL_ICC_PERCEPTUAL);
    icc_is("CMYK", TAGS("A2B0"), SOCIAL_OK, SOCIAL_ICC_CMYK,
           SOCIAL_ICC_PERCEPTUAL);
    icc_is("Lab ", TAGS("A2B0"), SOCIAL_OK, SOCIAL_ICC_OTHER,
           SOCIAL_ICC_PERCEPTUAL);

    /* what another space would be converted by */

    icc_is("RGB ", TAGS(SHAPER), SOCIAL_DECLINED, 0, 0);
    icc_is("RGB ", TAGS("kTRC"), SOCIAL_DECLINED, 0, 0);
    icc_is("GRAY", TAGS(SHAPER, "bTRC"), SOCIAL_DECLINED, 0, 0);
    icc_is("CMYK", TAGS(SHAPER, "bTRC", "kTRC"), SOCIAL_DECLINED, 0, 0);
}


static void
test_intents(void **state)
{
    (void) state;

    icc_is("CMYK", TAGS("A2B1"), SOCIAL_OK, SOCIAL_ICC_CMYK,
           SOCIAL_ICC_RELATIVE);
    icc_is("CMYK", TAGS("A2B1", "A2B0"), SOCIAL_OK, SOCIAL_ICC_CMYK,
           SOCIAL_ICC_PERCEPTUAL);
    icc_is("RGB ", TAGS("A2B1", SHAPER, "bTRC"), SOCIAL_OK, SOCIAL_ICC_RGB,
           SOCIAL_ICC_PERCEPTUAL);
    icc_is("RGB ", TAGS("A2B1", SHAPER), SOCIAL_OK, SOCIAL_ICC_RGB,
           SOCIAL_ICC_RELATIVE);
    icc_is("CMYK", TAGS("A2B2"), SOCIAL_DECLINED, 0, 0);
    icc_is("CMYK", TAGS("B2A0"), SOCIAL_DECLINED, 0, 0);
}


static void
test_hostile(void **state)
{
    size_t         len;
    social_str_t   data;
    social_icc_t   icc;
    unsigned char  p[2048] = "";

    (void) state;

    len = icc_make(p, "CMYK", TAGS("A2B0"));

    data.data = p;
    data.len = len;
    assert_int_equal(social_icc_parse(data, &icc), SOCIAL_OK);

    /* more than its size is not its business */

    data.len = len + 100;
    assert_int_equal(social_icc_parse(data, &icc), SOCIAL_OK);

    /* tags out of the profile, by one and by an overflow, and empty ones */

    p[132 + 11] = 5;
    assert_int_equal(social_icc_parse(data, &icc), SOCIAL_DECLINED);
    p[132 + 11] = 0;
    assert_int_equal(social_icc_parse(data, &icc), SOCIAL_DECLINED);
    memset(p + 132 + 8, 0xff, 4);
    assert_int_equal(social_icc_parse(data, &icc), SOCIAL_DECLINED);
    memset(p + 132 + 4, 0xff, 4);
    assert_int_equal(social_icc_parse(data, &icc), SOCIAL_DECLINED);

    /* more tags than there is room for, and than are read */

    len = icc_make(p, "CMYK", TAGS("desc", "A2B0"));
    data.len = len;
    p[131] = 100;
    assert_int_equal(social_icc_parse(data, &icc), SOCIAL_OK);
    p[131] = 101;
    assert_int_equal(social_icc_parse(data, &icc), SOCIAL_MALFORMED);
    memset(p + 128, 0xff, 4);
    assert_int_equal(social_icc_parse(data, &icc), SOCIAL_MALFORMED);

    /* a size that is less than a header, and no signature */

    p[128] = p[129] = p[130] = 0;
    p[131] = 2;
    assert_int_equal(social_icc_parse(data, &icc), SOCIAL_OK);
    p[3] = 131;
    p[2] = 0;
    assert_int_equal(social_icc_parse(data, &icc), SOCIAL_MALFORMED);
    p[3] = 132;
    assert_int_equal(social_icc_parse(data, &icc), SOCIAL_DECLINED);
    p[36] = 'A';
    assert_int_equal(social_icc_parse(data, &icc), SOCIAL_MALFORMED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_spaces),
        cmocka_unit_test(test_intents),
        cmocka_unit_test(test_hostile),
    };

    return cmocka_run_group_tests_name("icc", tests, NULL, NULL);
}
