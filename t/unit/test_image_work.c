
#include "social_unit.h"

#include "social_image_work.h"


#define SOI          "\xff\xd8"
#define EOI          "\xff\xd9"
#define APP          "\xff\xe0\x00\x04JF"

/* 100 by 60 pixels: three components, the first with 2 by 2 samples */
#define SOF(m)       "\xff" m "\x00\x11\x08\x00\x3c\x00\x64\x03"              \
                     "\x01\x22\x00\x02\x11\x01\x03\x11\x01"
#define BASELINE     SOF("\xc0")
#define PROGRESSIVE  SOF("\xc2")
#define SOS3         "\xff\xda\x00\x0c\x03\x01\x00\x02\x00\x03\x00\x00\x3f\x00"
#define SOS1         "\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"
#define DATA         "\x12\xff\x00\x34\xff\xd0\x56"

/* 13 by 8 blocks of the first, 7 by 4 of each other one */
#define COEFFICIENTS  ((13 * 8 + 2 * 7 * 4) * 128)

#define PNG(depth, color, interlaced)                                         \
    "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\1\0" depth color "\0\0"      \
    interlaced "CRC."
#define IDAT         "\0\0\0\1IDATx\0\0\0\0"
#define VP8L         "VP8L\x05\0\0\0\x2f\x0f\x40\x00\x00\0"


/* of all of it, and of what it is when it is cut off anywhere */

static void
test_work(social_str_t data, social_image_work_t *work)
{
    size_t                n;
    social_str_t          cut;
    unsigned char        *copy;
    social_image_t        image;
    social_image_work_t   part;

    assert_int_equal(social_image_parse(data, &image), SOCIAL_OK);
    social_image_work(data, &image, work);

    for (n = 0; n < data.len; n++) {
        copy = malloc(n + !n);
        assert_non_null(copy);
        memcpy(copy, data.data, n);

        cut.data = copy;
        cut.len = n;

        if (social_image_parse(cut, &image) == SOCIAL_OK) {
            social_image_work(cut, &image, &part);

            assert_true(part.scans <= work->scans);
            assert_true(part.segments <= work->segments);
            assert_true(part.frames <= work->frames);
            assert_true(part.memory <= work->memory);
        }

        free(copy);
    }
}


static void
test_scans(social_str_t data, uint32_t scans, uint32_t segments,
    uint64_t memory)
{
    social_image_work_t  work;

    test_work(data, &work);

    assert_int_equal(work.scans, scans);
    assert_int_equal(work.segments, segments);
    assert_int_equal(work.memory, memory);
    assert_int_equal(work.frames, 0);
}


static void
test_jpeg(void **state)
{
    (void) state;

    test_scans(S(SOI APP BASELINE SOS3 DATA EOI), 1, 3, 0);
    test_scans(S(SOI APP PROGRESSIVE SOS3 DATA EOI), 1, 3, COEFFICIENTS);
    test_scans(S(SOI PROGRESSIVE SOS3 DATA SOS1 DATA SOS1 SOS1 EOI), 4, 5,
               COEFFICIENTS);
    test_scans(S(SOI SOF("\xca") SOS3 DATA), 1, 2, COEFFICIENTS);
    test_scans(S(SOI SOF("\xc9") SOS3 DATA), 1, 2, 0);

    /* a component after the other is kept until the last one is there */

    test_scans(S(SOI BASELINE SOS1 DATA SOS1 DATA SOS1 DATA EOI), 3, 4,
               COEFFICIENTS);

    /* what follows the end, or does not make sense, is not counted */

    test_scans(S(SOI BASELINE SOS3 DATA EOI SOS3 SOS3), 1, 2, 0);
    test_scans(S(SOI BASELINE SOS3 DATA EOI "\x00\x02" SOS3 SOS3), 1, 2, 0);
    test_scans(S(SOI BASELINE BASELINE SOS3), 0, 2, 0);
    test_scans(S(SOI BASELINE SOS3 "\xff\xda\x00\x01"), 1, 2, 0);
    test_scans(S(SOI BASELINE SOS3 "\xff\xda\x7f\xff" SOS3), 1, 2, 0);
    test_scans(S(SOI BASELINE "\xff\xda\x00\x02\x03"), 0, 2, 0);

    /* what lies between segments is passed over, as decoders do */

    test_scans(S(SOI BASELINE "junk" SOS3 DATA "\xff\xff\xff" SOS3 DATA), 2, 3,
               0);

    /* whole blocks, of which no more are kept */

    test_scans(S(SOI "\xff\xc2\x00\x0b\x08\x00\x40\x00\x60\x01\x01\x11\x00"
                 SOS1), 1, 2, 12 * 8 * 128);

    /* factors and numbers that no decoder takes */

    test_scans(S(SOI "\xff\xc2\x00\x0b\x08\x00\x3c\x00\x64\x01\x01\x51\x00"
                 SOS1), 0, 1, 0);
    test_scans(S(SOI "\xff\xc2\x00\x0b\x08\x00\x3c\x00\x64\x01\x01\x10\x00"
                 SOS1), 0, 1, 0);
    test_scans(S(SOI "\xff\xc2\x00\x0b\x08\x00\x3c\x00\x64\x05\x01\x11\x00"
                 SOS1), 0, 1, 0);
    test_scans(S(SOI "\xff\xc2\x00\x0b\x08\x00\x3c\x00\x64\x02\x01\x11\x00"
                 SOS1), 0, 1, 0);
    test_scans(S(SOI "\xff\xc2\x00\x0b\x08\x00\x3c\x00\x64\x01\x01\x11\x00"
                 SOS1), 1, 2, 13 * 8 * 128);
    test_scans(S(SOI "\xff\xc2\x00\x0b\x08\x00\x3c\x00\x64\x01\x01\x44\x00"
                 SOS1), 1, 2, 13 * 8 * 128);
}


/* 16 by 256 pixels */

static void
test_memory(social_str_t data, uint64_t memory)
{
    social_image_work_t  work;

    test_work(data, &work);

    assert_int_equal(work.memory, memory);
    assert_int_equal(work.scans, 0);
    assert_int_equal(work.segments, 0);
}


static void
test_png(void **state)
{
    (void) state;

    test_memory(S(PNG("\x08", "\2", "\0") IDAT), 0);
    test_memory(S(PNG("\x10", "\6", "\0") IDAT), 0);
    test_memory(S(PNG("\x08", "\2", "\1") IDAT), 16 * 256 * 3);
    test_memory(S(PNG("\x10", "\6", "\1") IDAT), 16 * 256 * 8);
    test_memory(S(PNG("\x08", "\4", "\1") IDAT), 16 * 256 * 2);
    test_memory(S(PNG("\x01", "\0", "\1") IDAT), 16 * 256);
    test_memory(S(PNG("\x08", "\3", "\1") IDAT), 16 * 256 * 3);
    test_memory(S(PNG("\x08", "\3", "\1") "\0\0\0\1tRNSxCRC." IDAT),
                16 * 256 * 4);
}


static void
test_webp(void **state)
{
    social_image_work_t  work;

    (void) state;

    test_memory(S("RIFF\0\0\0\0WEBP" VP8L), 16 * 2 * 4);
    test_memory(S("RIFF\0\0\0\0WEBPVP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a"
                  "\x10\0\x02\0"), 0);

    /* frames of an animation, each in a chunk of an odd length */

#define ANMF  "ANMF\x11\0\0\0" "\0\0\0\0\0\0\x00\0\0\x00\0\0\0\0\0\0x\0"

    test_work(S("RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\0\0\0\0\0\0"
                ANMF ANMF ANMF), &work);
    assert_int_equal(work.frames, 3);
    assert_int_equal(work.memory, 0);

    /* a picture of an animation is not decoded */

    test_work(S("RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\0\0\0\0\0\0"
                ANMF VP8L), &work);
    assert_int_equal(work.frames, 1);
    assert_int_equal(work.memory, 0);
}


static void
test_others(void **state)
{
    social_image_work_t  work;

    (void) state;

    test_work(S("GIF89a\x10\0\x02\0\0\0\0,\0\0\0\0\x10\0\x02\0\0"), &work);
    assert_int_equal(work.memory, 16 * 2 * 4);

    test_work(S("\0\0\0\x10" "ftypavif\0\0\0\0"
                "\0\0\0\x30meta\0\0\0\0\0\0\0\x24iprp\0\0\0\x1cipco"
                "\0\0\0\x14ispe\0\0\0\0\0\0\0\x10\0\0\0\x02"), &work);
    assert_int_equal(work.memory, 16 * 2);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_jpeg),
        cmocka_unit_test(test_png),
        cmocka_unit_test(test_webp),
        cmocka_unit_test(test_others),
    };

    return cmocka_run_group_tests_name("image work", tests, NULL, NULL);
}
