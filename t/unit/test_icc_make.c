
#include "social_unit.h"

#include "social_icc.h"
#include "social_icc_make.h"


#define PNG   "\x89PNG\r\n\x1a\n\0\0\0\rIHDR" "\0\0\0\1\0\0\0\1\x08\2\0\0\0CRC."
#define IDAT  "\0\0\0\1IDATxCRC."
#define GAMA  "\0\0\0\4gAMA\0\1\x86\xa0" "CRC."
#define CHRM  "\0\0\0\x20" "cHRM\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"    \
              "\0\0\0\6\0\0\0\7\0\0\0\x08" "CRC."
#define CICP(primaries, curve)                                                \
              "\0\0\0\4cICP" primaries curve "\0\1CRC."


static const social_icc_colors_t  p3 = {
    { 31270, 32900 }, { 68000, 32000 }, { 26500, 69000 }, { 15000, 6000 }, 0
};


static double
fixed(const unsigned char *p)
{
    return (int32_t) ((uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
                      | (uint32_t) p[2] << 8 | p[3]) / 65536.0;
}


static void
test_make(void **state)
{
    size_t               i;
    social_str_t         data;
    social_icc_t         icc;
    unsigned char        p[SOCIAL_ICC_MADE_SIZE];
    social_icc_colors_t  colors;

    /* those of Display P3, as its published profile has them */

    static const double  expected[] = {
        0.9642, 1, 0.8249,
        0.51512, 0.24120, -0.00105,
        0.29198, 0.69225, 0.04189,
        0.15710, 0.06657, 0.78407
    };

    (void) state;

    assert_int_equal(social_icc_make(&p3, p), SOCIAL_OK);

    data.data = p;
    data.len = sizeof(p);
    assert_int_equal(social_icc_parse(data, &icc), SOCIAL_OK);
    assert_int_equal(icc.space, SOCIAL_ICC_RGB);
    assert_int_equal(icc.intent, SOCIAL_ICC_PERCEPTUAL);

    for (i = 0; i < 12; i++) {
        assert_float_equal(fixed(p + 216 + i / 3 * 20 + 8 + i % 3 * 4),
                           expected[i], 0.0005);
    }

    /* sRGB's curve, or a power */

    assert_memory_equal(p + 296, "para\0\0\0\0\0\3", 10);
    assert_float_equal(fixed(p + 308), 2.4, 0.0001);
    assert_float_equal(fixed(p + 324), 0.04045, 0.0001);

    colors = p3;
    colors.gamma = 50000;
    assert_int_equal(social_icc_make(&colors, p), SOCIAL_OK);
    assert_memory_equal(p + 296, "para\0\0\0\0\0\0", 10);
    assert_float_equal(fixed(p + 308), 2, 0.0001);
}


static void
test_impossible(void **state)
{
    unsigned char        p[SOCIAL_ICC_MADE_SIZE];
    social_icc_colors_t  colors;

    (void) state;

    colors = p3;
    colors.gamma = 9999;
    assert_int_equal(social_icc_make(&colors, p), SOCIAL_MALFORMED);
    colors.gamma = 10000;
    assert_int_equal(social_icc_make(&colors, p), SOCIAL_OK);
    colors.gamma = 1000000;
    assert_int_equal(social_icc_make(&colors, p), SOCIAL_OK);
    colors.gamma = 1000001;
    assert_int_equal(social_icc_make(&colors, p), SOCIAL_MALFORMED);

    /* no y, more than 1, three in a line, a white outside of them */

    colors = p3;
    colors.white[1] = 0;
    assert_int_equal(social_icc_make(&colors, p), SOCIAL_MALFORMED);

    colors = p3;
    colors.red[0] = UINT32_MAX;
    assert_int_equal(social_icc_make(&colors, p), SOCIAL_MALFORMED);

    colors = p3;
    colors.green[1] = 99000;
    assert_int_equal(social_icc_make(&colors, p), SOCIAL_MALFORMED);

    colors = p3;
    memcpy(colors.blue, colors.red, sizeof(colors.blue));
    assert_int_equal(social_icc_make(&colors, p), SOCIAL_MALFORMED);

    colors = p3;
    colors.white[0] = 70000;
    colors.white[1] = 10000;
    assert_int_equal(social_icc_make(&colors, p), SOCIAL_MALFORMED);
}


static social_rc_e
png(social_str_t whole, social_icc_colors_t *colors)
{
    size_t          n;
    social_rc_e     rc;
    social_str_t    data;
    unsigned char  *copy;

    rc = SOCIAL_DECLINED;

    /* exact allocations show what reads too far to ASan and valgrind */

    for (n = 0; n <= whole.len; n++) {
        copy = malloc(n + !n);
        assert_non_null(copy);
        memcpy(copy, whole.data, n);

        data.data = copy;
        data.len = n;

        rc = social_icc_png(data, colors);
        free(copy);
    }

    return rc;
}


static void
test_png(void **state)
{
    social_icc_colors_t  colors;

    (void) state;

    assert_int_equal(png(S(PNG GAMA CHRM IDAT), &colors), SOCIAL_OK);
    assert_int_equal(colors.gamma, 100000);
    assert_int_equal(colors.white[0], 1);
    assert_int_equal(colors.white[1], 2);
    assert_int_equal(colors.red[0], 3);
    assert_int_equal(colors.red[1], 4);
    assert_int_equal(colors.green[0], 5);
    assert_int_equal(colors.green[1], 6);
    assert_int_equal(colors.blue[0], 7);
    assert_int_equal(colors.blue[1], 8);

    assert_int_equal(png(S(PNG GAMA IDAT), &colors), SOCIAL_OK);
    assert_int_equal(colors.red[0], 64000);

    assert_int_equal(png(S(PNG CHRM IDAT), &colors), SOCIAL_DECLINED);
    assert_int_equal(png(S(PNG IDAT GAMA), &colors), SOCIAL_DECLINED);
    assert_int_equal(png(S(PNG GAMA "\0\0\0\1sRGBxCRC." IDAT), &colors),
                     SOCIAL_DECLINED);
    assert_int_equal(png(S(PNG GAMA "\0\0\0\1iCCPxCRC." IDAT), &colors),
                     SOCIAL_DECLINED);
    assert_int_equal(png(S(PNG "\0\0\0\3gAMA\1\1\1CRC." IDAT), &colors),
                     SOCIAL_DECLINED);
    assert_int_equal(png(S(PNG GAMA "\0\0\0\4cHRM\1\1\1\1CRC." IDAT), &colors),
                     SOCIAL_OK);
    assert_int_equal(colors.red[0], 64000);

    assert_int_equal(png(S(PNG CICP("\x0c", "\x0d") IDAT), &colors),
                     SOCIAL_OK);
    assert_int_equal(colors.gamma, 0);
    assert_int_equal(colors.red[0], 68000);
    assert_int_equal(png(S(PNG CICP("\x09", "\x0d") IDAT), &colors),
                     SOCIAL_OK);
    assert_int_equal(colors.red[0], 70800);

    /* PQ, primaries that are not known, less than the whole range */

    assert_int_equal(png(S(PNG CICP("\x09", "\x10") IDAT), &colors),
                     SOCIAL_DECLINED);
    assert_int_equal(png(S(PNG CICP("\x02", "\x0d") IDAT), &colors),
                     SOCIAL_DECLINED);
    assert_int_equal(png(S(PNG "\0\0\0\4cICP\x0c\x0d\0\0CRC." IDAT), &colors),
                     SOCIAL_DECLINED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_make),
        cmocka_unit_test(test_impossible),
        cmocka_unit_test(test_png),
    };

    return cmocka_run_group_tests_name("icc_make", tests, NULL, NULL);
}
