
#include "social_unit.h"

#include "social_thumbhash.h"


/*
 * The hashes are those that the algorithm's own JavaScript implementation
 * (thumbhash 0.1.1) gives for the same pixels.
 */


typedef void (*test_pixel_pt)(size_t x, size_t y, unsigned char *p);


static void
test_gradient(size_t x, size_t y, unsigned char *p)
{
    p[0] = (unsigned char) (x * x / 40);
    p[1] = (unsigned char) (y * y / 23);
    p[2] = (unsigned char) (x * 3 + y * 5);
    p[3] = 255;
}


static void
test_portrait(size_t x, size_t y, unsigned char *p)
{
    p[0] = (unsigned char) (x * 7 + y * 3);
    p[1] = (unsigned char) (x * x);
    p[2] = (unsigned char) (y * y);
    p[3] = 255;
}


static void
test_alpha(size_t x, size_t y, unsigned char *p)
{
    p[0] = 255;
    p[1] = (unsigned char) (x * 8);
    p[2] = (unsigned char) (y * 8);
    p[3] = (unsigned char) (x * y);
}


static void
test_clear(size_t x, size_t y, unsigned char *p)
{
    (void) x;
    (void) y;

    memset(p, 0, 4);
}


static void
test_wide(size_t x, size_t y, unsigned char *p)
{
    (void) y;

    p[0] = (unsigned char) (x * 2);
    p[1] = (unsigned char) (255 - x * 2);
    p[2] = 128;
    p[3] = 255;
}


static void
test_white(size_t x, size_t y, unsigned char *p)
{
    (void) x;
    (void) y;

    memset(p, 255, 4);
}


static void
test_check(size_t width, size_t height, test_pixel_pt pixel, const char *hash)
{
    char            text[SOCIAL_THUMBHASH_TEXT_SIZE];
    size_t          x, y, len;
    unsigned char  *rgba, buf[SOCIAL_THUMBHASH_MAX_SIZE];

    rgba = malloc(width * height * 4);
    assert_non_null(rgba);

    for (y = 0; y < height; y++) {
        for (x = 0; x < width; x++) {
            pixel(x, y, rgba + (y * width + x) * 4);
        }
    }

    assert_int_equal(social_thumbhash_encode(rgba, width, height, buf, &len),
                     SOCIAL_OK);
    free(rgba);

    social_thumbhash_text(buf, len, text);
    assert_string_equal(text, hash);
}


static void
test_reference(void **state)
{
    (void) state;

    test_check(100, 75, test_gradient, "mAYKPZiAhoeAd3eJdWhmeMBxCvln");
    test_check(60, 100, test_portrait, "HCgGFAggUackRoFVeCcgf/ubVw==");
    test_check(32, 32, test_alpha,
               "7OmGJQgWsJiweIuGl5N/9WV2IENQmII6SQ==");
    test_check(10, 10, test_clear, "AAiCBQAAAAAAAAAAAAAAAAAAAAAAAAAAAA==");
    test_check(100, 1, test_wide, "4IdBAaiIiIiIiAh4d4cPiNc=");
}


static void
test_flat(void **state)
{
    (void) state;

    /* no noise of the sums is made into a pattern */

    test_check(16, 16, test_white, "PwgCBwAAAAAAAAAAAAAAAAAAAAAAAAAA");
}


static void
test_sides(void **state)
{
    size_t         len;
    unsigned char  pixel[4] = { 0 }, buf[SOCIAL_THUMBHASH_MAX_SIZE];

    (void) state;

    assert_int_equal(social_thumbhash_encode(pixel, 0, 1, buf, &len),
                     SOCIAL_MALFORMED);
    assert_int_equal(social_thumbhash_encode(pixel, 1, 0, buf, &len),
                     SOCIAL_MALFORMED);
    assert_int_equal(social_thumbhash_encode(pixel, 101, 1, buf, &len),
                     SOCIAL_MALFORMED);
    assert_int_equal(social_thumbhash_encode(pixel, 1, 1, buf, &len),
                     SOCIAL_OK);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_flat),
        cmocka_unit_test(test_sides),
    };

    return cmocka_run_group_tests_name("thumbhash", tests, NULL, NULL);
}
