
#include "social_unit.h"

#include "social_image.h"


#define JPEG_SOI   "\xff\xd8\xff\xe0\x00\x04JF"
#define JPEG_SOF   "\xff\xc0\x00\x11\x08\x00\x20\x00\x10\x03"                 \
                   "\x01\x11\x00\x02\x11\x01\x03\x11\x01"
#define PNG_HEAD   "\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
#define PNG_IDAT   "\0\0\0\1IDATx\0\0\0\0"


static void
test_ok(social_str_t data, social_image_type_e type, uint32_t width,
    uint32_t height)
{
    size_t          n;
    social_str_t    cut;
    unsigned char  *copy;
    social_image_t  image;

    assert_int_equal(social_image_parse(data, &image), SOCIAL_OK);
    assert_int_equal(image.type, type);
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);

    /* cut off anywhere, it is refused or says the same; exact allocations
     * show what reads too far to ASan and valgrind */

    for (n = 0; n < data.len; n++) {
        copy = malloc(n + !n);
        assert_non_null(copy);
        memcpy(copy, data.data, n);

        cut.data = copy;
        cut.len = n;

        if (social_image_parse(cut, &image) == SOCIAL_OK) {
            assert_int_equal(image.width, width);
            assert_int_equal(image.height, height);
        }

        free(copy);
    }
}


static void
test_rc(social_str_t data, social_rc_e rc)
{
    social_image_t  image;

    assert_int_equal(social_image_parse(data, &image), rc);
}


static void
test_jpeg(void **state)
{
    social_image_t  image;

    (void) state;

    test_ok(S(JPEG_SOI JPEG_SOF), SOCIAL_IMAGE_JPEG, 16, 32);
    test_ok(S(JPEG_SOI "\xff\xff\xff\xff" JPEG_SOF), SOCIAL_IMAGE_JPEG, 16, 32);

    /* a DHT is not a frame, though its marker is among them */
    test_ok(S(JPEG_SOI "\xff\xc4\x00\x03x" JPEG_SOF), SOCIAL_IMAGE_JPEG,
            16, 32);

    /* a thumbnail's frame within APP1 is not the image's */
    test_ok(S("\xff\xd8\xff\xe1\x00\x15" "\xff\xc0\x00\x11\x08\xff\xff\xff\xff"
              "1234567890" JPEG_SOF), SOCIAL_IMAGE_JPEG, 16, 32);

    assert_int_equal(social_image_parse(
        S(JPEG_SOI "\xff\xc2\x00\x08\x08\x00\x01\x00\x02\x01"), &image),
        SOCIAL_OK);
    assert_true(image.progressive);

    test_rc(S("\xff\xd8\xff"), SOCIAL_MALFORMED);
    test_rc(S(JPEG_SOI), SOCIAL_MALFORMED);
    test_rc(S("\xff\xd8\xff\xe0\x00\x01"), SOCIAL_MALFORMED);
    test_rc(S(JPEG_SOI "\xff\xda\x00\x08zzzzzz"), SOCIAL_MALFORMED);
    test_rc(S(JPEG_SOI "\x00"), SOCIAL_MALFORMED);

    /* what is between segments is skipped, a stuffed 0xff too */
    test_ok(S("\xff\xd8\xff\xe0\x00\x04zzjunk\xff\x00junk" JPEG_SOF),
            SOCIAL_IMAGE_JPEG, 16, 32);
    test_rc(S("\xff\xd8\xff\xe0\x00\x02junk\xff\xff\xff"),
            SOCIAL_MALFORMED);
    test_rc(S("\xff\xd8\xff\xe0\x00\x02junk\xff\x00"), SOCIAL_MALFORMED);

    /* the height that a DNL segment would give later */
    test_rc(S(JPEG_SOI "\xff\xc0\x00\x08\x08\x00\x00\x00\x10\x01"),
            SOCIAL_MALFORMED);
}


static void
test_png(void **state)
{
    social_image_t  image;

    (void) state;

    test_ok(S(PNG_HEAD "\0\0\0\x10\0\0\1\0\x08\2\0\0\0CRC." PNG_IDAT),
            SOCIAL_IMAGE_PNG, 16, 256);

    assert_int_equal(social_image_parse(
        S(PNG_HEAD "\0\0\0\1\0\0\0\1\x08\3\0\0\1CRC."
          "\0\0\0\1tRNSxCRC." PNG_IDAT), &image), SOCIAL_OK);
    assert_true(image.alpha);
    assert_true(image.progressive);

    test_rc(S(PNG_HEAD "\0\0\0\0\0\0\0\1\x08\2\0\0\0CRC." PNG_IDAT),
            SOCIAL_MALFORMED);
    test_rc(S(PNG_HEAD "\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\2\0\0\0CRC."
              PNG_IDAT), SOCIAL_MALFORMED);
    test_rc(S(PNG_HEAD "\0\0\0\1\0\0\0\1\x08\2\0\0\0CRC."
              "\xff\xff\xff\xf0tEXtxxxx"), SOCIAL_MALFORMED);
    test_rc(S("\x89PNG\r\n\x1a\n\0\0\0\rIDAT"), SOCIAL_MALFORMED);
}


static void
test_gif(void **state)
{
    (void) state;

    test_ok(S("GIF89a\x10\0\x20\0\0\0\0,\0\0\0\0\x10\0\x20\0\0"),
            SOCIAL_IMAGE_GIF, 16, 32);

    /* a table of 2 colors; an extension */
    test_ok(S("GIF87a\1\0\1\0\x80\0\0" "rgbrgb"
              "!\xf9\4\0\0\0\0\0,\0\0\0\0\1\0\1\0\0"),
            SOCIAL_IMAGE_GIF, 1, 1);

    /* a frame that is larger than the screen, a screen than the frame */
    test_ok(S("GIF89a\1\0\1\0\0\0\0,\x10\0\0\0\xef\xff\1\0\0"),
            SOCIAL_IMAGE_GIF, 65535, 1);
    test_rc(S("GIF89a\1\0\1\0\0\0\0,\x10\0\0\0\xff\xff\1\0\0"),
            SOCIAL_MALFORMED);
    test_ok(S("GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\1\0\1\0\0"),
            SOCIAL_IMAGE_GIF, 65535, 65535);

    test_rc(S("GIF89a\1\0\1\0\0\0\0;"), SOCIAL_MALFORMED);
    test_rc(S("GIF89a\1\0\1\0\0\0\0!\xff\xff"), SOCIAL_MALFORMED);
    test_rc(S("GIF88a\1\0\1\0\0\0\0,\0\0\0\0\1\0\1\0\0"), SOCIAL_DECLINED);
}


static void
test_webp(void **state)
{
    (void) state;

    test_ok(S("RIFF\0\0\0\0WEBPVP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a\x10\0\x20\0"),
            SOCIAL_IMAGE_WEBP, 16, 32);
    test_ok(S("RIFF\0\0\0\0WEBPVP8L\5\0\0\0\x2f\x0f\xc0\x07\x00"),
            SOCIAL_IMAGE_WEBP, 16, 32);

    /* the larger of the canvas and what is on it */
    test_ok(S("RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0\0\0\0\xff\0\0"
              "VP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a\x10\0\x20\0"),
            SOCIAL_IMAGE_WEBP, 16, 256);

    test_rc(S("RIFF\0\0\0\0WEBPVP8 \x0a\0\0\0\1\0\0\x9d\x01\x2a\x10\0\x20\0"),
            SOCIAL_MALFORMED);
    test_rc(S("RIFF\0\0\0\0WEBPVP8L\5\0\0\0\x2e\x0f\xc0\x07\x00"),
            SOCIAL_MALFORMED);
    test_rc(S("RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0\0\0\0\xff\0\0"),
            SOCIAL_MALFORMED);
    test_rc(S("RIFF\0\0\0\0WAVEfmt \x0a\0\0\0"), SOCIAL_DECLINED);
}


#define BOX(len, name)  "\0\0\0" len name
#define AVIF_FTYP                                                             \
    BOX("\x18", "ftyp") "mif1" "\0\0\0\0" "mif1" "avif"
#define ISPE(w, h)                                                            \
    BOX("\x14", "ispe") "\0\0\0\0" "\0\0\0" w "\0\0\0" h


static void
test_heif(void **state)
{
    (void) state;

    test_ok(S(AVIF_FTYP
              BOX("\x30", "meta") "\0\0\0\0"
              BOX("\x24", "iprp")
              BOX("\x1c", "ipco")
              ISPE("\x10", "\x20")
              BOX("\x10", "mdat") "pixels"),
            SOCIAL_IMAGE_AVIF, 16, 32);

    /* of several images the largest */
    test_ok(S(AVIF_FTYP
              BOX("\x44", "meta") "\0\0\0\0"
              BOX("\x38", "iprp")
              BOX("\x30", "ipco")
              ISPE("\x10", "\x20") ISPE("\x40", "\x08")),
            SOCIAL_IMAGE_AVIF, 64, 32);

    test_rc(S(AVIF_FTYP), SOCIAL_MALFORMED);
    test_rc(S(AVIF_FTYP BOX("\x30", "meta") "\0\0\0\0"), SOCIAL_MALFORMED);
    test_rc(S(AVIF_FTYP BOX("\x04", "meta") "\0\0\0\0"), SOCIAL_MALFORMED);
    test_rc(S(BOX("\x18", "ftyp") "isom" "\0\0\0\0" "isom" "mp42"),
            SOCIAL_DECLINED);

    assert_int_equal(social_image_type(
        S(BOX("\x18", "ftyp") "heic" "\0\0\0\0" "mif1" "heic")),
        SOCIAL_IMAGE_HEIC);

    /* the minor version is not a brand */
    assert_int_equal(social_image_type(
        S(BOX("\x14", "ftyp") "mp42" "avif" "mp42")), SOCIAL_IMAGE_NONE);
}


static void
test_others(void **state)
{
    (void) state;

    test_rc(S(""), SOCIAL_DECLINED);
    test_rc(S("\xff"), SOCIAL_DECLINED);
    test_rc(S("<svg xmlns='http://www.w3.org/2000/svg'/>"), SOCIAL_DECLINED);
    test_rc(S("\x1f\x8b\x08\0svgz"), SOCIAL_DECLINED);
    test_rc(S("%PDF-1.4"), SOCIAL_DECLINED);
    test_rc(S("BM\0\0\0\0"), SOCIAL_DECLINED);
    test_rc(S("II*\0\x08\0\0\0"), SOCIAL_DECLINED);
    test_rc(S("push graphic-context\n"), SOCIAL_DECLINED);
    test_rc(S("<html>"), SOCIAL_DECLINED);

    assert_string_equal(social_image_type_name(SOCIAL_IMAGE_NONE), "");
    assert_string_equal(social_image_media_type(SOCIAL_IMAGE_AVIF),
                        "image/avif");
    assert_string_equal(social_image_extension(SOCIAL_IMAGE_JPEG), "jpg");
}


/*
 * "reject" in the list of vectors allows for one thing that the headers cannot
 * show; AVIF, which that list leaves out, is read here.
 */

static void
test_vectors(void **state)
{
    char            *line, *fields[7], *p;
    char             path[512];
    FILE            *f;
    size_t           n, i, len, seen;
    social_rc_e      rc;
    social_str_t     data;
    unsigned char   *bytes;
    char             buf[4096];
    social_image_t   image;
    const char      *top = SOCIAL_TOP "/../shared/vectors/images/";

    (void) state;

    snprintf(path, sizeof(path), "%sMANIFEST.tsv", top);

    f = fopen(path, "r");
    if (f == NULL) {
        print_message("SKIP: %s is not there\n", path);
        skip();
    }

    len = 0;
    seen = 0;

    while ((line = fgets(buf, sizeof(buf), f)) != NULL) {

        if (*line == '#' || strncmp(line, "file\t", 5) == 0) {
            continue;
        }

        for (n = 0, p = line; n < 7 && p != NULL; n++) {
            fields[n] = strsep(&p, "\t");
        }

        for (i = n; i < 7; i++) {
            fields[i] = NULL;
        }

        if (n < 6) {
            continue;
        }

        snprintf(path, sizeof(path), "%s%s", top, fields[0]);

        bytes = social_unit_read(path, &len);
        assert_non_null(bytes);

        data.data = bytes;
        data.len = len;

        rc = social_image_parse(data, &image);

        if (strcmp(fields[5], "ok") == 0 && rc != SOCIAL_OK) {
            fail_msg("%s was refused", fields[0]);
        }

        if (strcmp(fields[5], "reject") == 0 && rc == SOCIAL_OK
            && image.type != SOCIAL_IMAGE_AVIF
            && social_image_pixels(&image) <= 50000000)
        {
            print_message("left to the decoder: %s\n", fields[0]);
        }

        if (strcmp(fields[2], "other") == 0 && rc == SOCIAL_OK
            && image.type != SOCIAL_IMAGE_AVIF)
        {
            fail_msg("%s was taken for an image", fields[0]);
        }

        free(bytes);
        seen++;
    }

    fclose(f);
    assert_true(seen > 200);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_jpeg),
        cmocka_unit_test(test_png),
        cmocka_unit_test(test_gif),
        cmocka_unit_test(test_webp),
        cmocka_unit_test(test_heif),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_vectors),
    };

    return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
