
#include "social_unit.h"

#include "social_image_strip.h"


#define SECRET  "GPS 48.8584 N 2.2945 E"


/* what a file is put together from */

typedef struct {
    size_t         len;
    unsigned char  data[4096];
} test_file_t;


static test_file_t *
file(void)
{
    test_file_t  *f;

    f = calloc(1, sizeof(test_file_t));
    assert_non_null(f);

    return f;
}


static void
put(test_file_t *f, social_str_t s)
{
    assert_true(f->len + s.len <= sizeof(f->data));
    memcpy(f->data + f->len, s.data, s.len);
    f->len += s.len;
}


static void
put_be(test_file_t *f, uint32_t n, int bytes)
{
    while (bytes-- > 0) {
        f->data[f->len++] = (unsigned char) (n >> bytes * 8);
    }
}


static void
put_le(test_file_t *f, uint32_t n)
{
    int  i;

    for (i = 0; i < 4; i++) {
        f->data[f->len++] = (unsigned char) (n >> i * 8);
    }
}


static void
segment(test_file_t *f, unsigned char marker, social_str_t s)
{
    f->data[f->len++] = 0xff;
    f->data[f->len++] = marker;
    put_be(f, (uint32_t) s.len + 2, 2);
    put(f, s);
}


static void
png_chunk(test_file_t *f, const char *name, social_str_t s)
{
    put_be(f, (uint32_t) s.len, 4);
    put(f, social_str(name));
    put(f, s);
    put(f, S("CRC."));
}


static void
riff_chunk(test_file_t *f, const char *name, social_str_t s)
{
    put(f, social_str(name));
    put_le(f, (uint32_t) s.len);
    put(f, s);

    if (s.len % 2 != 0) {
        put(f, S("\0"));
    }
}


/* the size of all that follows the first 8 bytes */

static void
riff_end(test_file_t *f)
{
    size_t  len;

    len = f->len;
    f->len = 4;
    put_le(f, (uint32_t) len - 8);
    f->len = len;
}


static size_t
box_begin(test_file_t *f, const char *name, social_str_t s)
{
    size_t  at;

    at = f->len;
    put_be(f, 0, 4);
    put(f, social_str(name));
    put(f, s);

    return at;
}


static void
box_end(test_file_t *f, size_t at)
{
    size_t  len;

    len = f->len;
    f->len = at;
    put_be(f, (uint32_t) (len - at), 4);
    f->len = len;
}


static void
box(test_file_t *f, const char *name, social_str_t s)
{
    box_end(f, box_begin(f, name, s));
}


static social_rc_e
strip(const unsigned char *p, size_t n, unsigned char **out, size_t *len)
{
    social_rc_e     rc;
    social_str_t    data;
    unsigned char  *copy;

    /* exact allocations show what goes too far to ASan and valgrind */

    copy = malloc(n + !n);
    *out = malloc(n + !n);
    assert_non_null(copy);
    assert_non_null(*out);
    memcpy(copy, p, n);

    data.data = copy;
    data.len = n;

    rc = social_image_strip(data, *out, len);
    assert_true(*len <= n);
    assert_true(rc == SOCIAL_OK || *len == 0);

    free(copy);

    return rc;
}


static void
expect_rc(test_file_t *f, social_rc_e expected)
{
    size_t          len;
    unsigned char  *out;

    assert_int_equal(strip(f->data, f->len, &out, &len), expected);
    free(out);
    free(f);
}


/* "dirty" becomes "clean", which stays; no part of it is another picture */

static void
expect(test_file_t *dirty, test_file_t *clean)
{
    size_t          n, len;
    social_rc_e     rc;
    unsigned char  *out;

    assert_int_equal(strip(dirty->data, dirty->len, &out, &len), SOCIAL_OK);
    assert_int_equal(len, clean->len);
    assert_memory_equal(out, clean->data, len);
    assert_null(memmem(out, len, SECRET, sizeof(SECRET) - 1));
    free(out);

    assert_int_equal(strip(clean->data, clean->len, &out, &len), SOCIAL_OK);
    assert_int_equal(len, clean->len);
    assert_memory_equal(out, clean->data, len);
    free(out);

    for (n = 0; n < dirty->len; n++) {

        rc = strip(dirty->data, n, &out, &len);

        if (rc == SOCIAL_OK) {
            assert_int_equal(len, clean->len);
            assert_memory_equal(out, clean->data, len);
        }

        free(out);
    }

    free(dirty);
    free(clean);
}


#define DQT   S("\0" "0123456789012345678901234567890123456789012345678901"   \
                "234567890123")
#define SOF   S("\x08\0\x20\0\x10\1\1\x11\0")
#define SOS   S("\1\1\0\0\x3f\0")
#define JFIF  "JFIF\0\1\2\1\0\x48\0\x48"
#define ADOBE "Adobe\0\x64\0\0\0\0\1"


static void
test_jpeg(void **state)
{
    test_file_t  *dirty, *clean;

    (void) state;

    dirty = file();
    put(dirty, S("\xff\xd8"));
    segment(dirty, 0xe0, S(JFIF "\1\1" "rgb"));
    segment(dirty, 0xe0, S("JFXX\0\x13" SECRET));
    segment(dirty, 0xe0, S(JFIF "\0\0" SECRET));
    segment(dirty, 0xe1, S("Exif\0\0MM\0*" SECRET));
    segment(dirty, 0xe1, S("http://ns.adobe.com/xap/1.0/\0" SECRET));
    segment(dirty, 0xe2, S("ICC_PROFILE\0\1\1" SECRET));
    segment(dirty, 0xed, S("Photoshop 3.0\0" SECRET));
    segment(dirty, 0xee, S(ADOBE SECRET));
    segment(dirty, 0xee, S("Other" SECRET "..........."));
    segment(dirty, 0xee, S(ADOBE));
    segment(dirty, 0xfe, S(SECRET));
    put(dirty, S("\xff\xff\xff"));
    segment(dirty, 0xdb, DQT);
    segment(dirty, 0xf0, S(SECRET));
    segment(dirty, 0xc0, SOF);
    segment(dirty, 0xc4, S("\0" "0123456789abcdef"));
    segment(dirty, 0xfe, S(SECRET));
    segment(dirty, 0xda, SOS);
    put(dirty, S("sc\xff\0" "a\xff\xd0" "n\xff\xff"));
    segment(dirty, 0xef, S(SECRET));
    segment(dirty, 0xda, SOS);
    put(dirty, S("another\xff\xff\xff\xd9" SECRET "\xff\xd8"));

    clean = file();
    put(clean, S("\xff\xd8"));
    segment(clean, 0xe0, S(JFIF "\0\0"));
    segment(clean, 0xee, S(ADOBE));
    segment(clean, 0xdb, DQT);
    segment(clean, 0xc0, SOF);
    segment(clean, 0xc4, S("\0" "0123456789abcdef"));
    segment(clean, 0xda, SOS);
    put(clean, S("sc\xff\0" "a\xff\xd0" "n"));
    segment(clean, 0xda, SOS);
    put(clean, S("another\xff\xd9"));

    expect(dirty, clean);

    /* no scan; no frame; two frames; what is between segments; DNL */

    dirty = file();
    put(dirty, S("\xff\xd8"));
    segment(dirty, 0xc0, SOF);
    put(dirty, S("\xff\xd9"));
    expect_rc(dirty, SOCIAL_MALFORMED);

    dirty = file();
    put(dirty, S("\xff\xd8"));
    segment(dirty, 0xda, SOS);
    put(dirty, S("scan\xff\xd9"));
    expect_rc(dirty, SOCIAL_MALFORMED);

    dirty = file();
    put(dirty, S("\xff\xd8"));
    segment(dirty, 0xc0, SOF);
    segment(dirty, 0xc2, SOF);
    segment(dirty, 0xda, SOS);
    put(dirty, S("scan\xff\xd9"));
    expect_rc(dirty, SOCIAL_MALFORMED);

    dirty = file();
    put(dirty, S("\xff\xd8"));
    segment(dirty, 0xc0, SOF);
    put(dirty, S(SECRET));
    segment(dirty, 0xda, SOS);
    put(dirty, S("scan\xff\xd9"));
    expect_rc(dirty, SOCIAL_MALFORMED);

    dirty = file();
    put(dirty, S("\xff\xd8"));
    segment(dirty, 0xc0, SOF);
    segment(dirty, 0xda, SOS);
    put(dirty, S("scan"));
    segment(dirty, 0xdc, S("\0\x20"));
    put(dirty, S("\xff\xd9"));
    expect_rc(dirty, SOCIAL_MALFORMED);

    dirty = file();
    put(dirty, S("\xff\xd8\xff\xe1\0\1"));
    expect_rc(dirty, SOCIAL_MALFORMED);
}


#define SECRETS  SECRET SECRET SECRET SECRET
#define LONGER   S(SECRETS SECRETS SECRETS)    /* 264 bytes */

#define IHDR  S("\0\0\0\x10\0\0\0\x20\x08\3\0\0\0")


static void
test_png(void **state)
{
    size_t        i;
    test_file_t  *dirty, *clean;

    static const char *const  cut[] = {
        "tEXt", "zTXt", "iTXt", "eXIf", "iCCP", "tIME", "sPLT", "hIST",
        "acTL", "fcTL", "fdAT", "prVt", "oFFs", "zxIf", "dSIG", "caBX"
    };

    static const char *const  longer[] = {
        "gAMA", "cHRM", "sRGB", "cICP", "sBIT", "bKGD", "pHYs", "tRNS"
    };

    (void) state;

    dirty = file();
    put(dirty, S("\x89PNG\r\n\x1a\n"));
    png_chunk(dirty, "IHDR", IHDR);

    /* of those that are kept, one that is longer than it needs to be */

    for (i = 0; i < sizeof(longer) / sizeof(longer[0]); i++) {
        png_chunk(dirty, longer[i], LONGER);
    }

    png_chunk(dirty, "sRGB", S("\0"));
    png_chunk(dirty, "sRGB", S("\1"));
    png_chunk(dirty, "gAMA", S("\0\0\xb1\x8f"));
    png_chunk(dirty, "pHYs", S("\0\0\x0b\x13\0\0\x0b\x13\1"));
    png_chunk(dirty, "bKGD", S(SECRET));

    for (i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
        png_chunk(dirty, cut[i], S(SECRET));
    }

    png_chunk(dirty, "PLTE", S("rgbrgb"));
    png_chunk(dirty, "tRNS", S("x"));
    png_chunk(dirty, "IDAT", S("pixels"));
    png_chunk(dirty, "IDAT", S("more"));
    png_chunk(dirty, "tEXt", S("Comment\0" SECRET));
    png_chunk(dirty, "IEND", S(""));
    put(dirty, S("PK\3\4" SECRET));

    clean = file();
    put(clean, S("\x89PNG\r\n\x1a\n"));
    png_chunk(clean, "IHDR", IHDR);
    png_chunk(clean, "sRGB", S("\0"));
    png_chunk(clean, "gAMA", S("\0\0\xb1\x8f"));
    png_chunk(clean, "pHYs", S("\0\0\x0b\x13\0\0\x0b\x13\1"));
    png_chunk(clean, "PLTE", S("rgbrgb"));
    png_chunk(clean, "tRNS", S("x"));
    png_chunk(clean, "IDAT", S("pixels"));
    png_chunk(clean, "IDAT", S("more"));
    png_chunk(clean, "IEND", S(""));

    expect(dirty, clean);

    /* a critical chunk that nobody knows; an IHDR twice, or late, or short;
     * an IEND with something in it; a chunk that is too long */

    dirty = file();
    put(dirty, S("\x89PNG\r\n\x1a\n"));
    png_chunk(dirty, "IHDR", IHDR);
    png_chunk(dirty, "SECR", S(SECRET));
    png_chunk(dirty, "IEND", S(""));
    expect_rc(dirty, SOCIAL_MALFORMED);

    dirty = file();
    put(dirty, S("\x89PNG\r\n\x1a\n"));
    png_chunk(dirty, "IHDR", IHDR);
    png_chunk(dirty, "IHDR", IHDR);
    png_chunk(dirty, "IEND", S(""));
    expect_rc(dirty, SOCIAL_MALFORMED);

    dirty = file();
    put(dirty, S("\x89PNG\r\n\x1a\n"));
    png_chunk(dirty, "sRGB", S("\0"));
    png_chunk(dirty, "IHDR", IHDR);
    png_chunk(dirty, "IEND", S(""));
    expect_rc(dirty, SOCIAL_MALFORMED);

    dirty = file();
    put(dirty, S("\x89PNG\r\n\x1a\n"));
    png_chunk(dirty, "IHDR", S("\0\0\0\x10\0\0\0\x20\x08\3\0\0\0" SECRET));
    png_chunk(dirty, "IEND", S(""));
    expect_rc(dirty, SOCIAL_MALFORMED);

    dirty = file();
    put(dirty, S("\x89PNG\r\n\x1a\n"));
    png_chunk(dirty, "IHDR", IHDR);
    png_chunk(dirty, "IEND", S(SECRET));
    expect_rc(dirty, SOCIAL_MALFORMED);

    dirty = file();
    put(dirty, S("\x89PNG\r\n\x1a\n"));
    png_chunk(dirty, "IHDR", IHDR);
    put(dirty, S("\xff\xff\xff\xf8" "IDATCRC."));
    expect_rc(dirty, SOCIAL_MALFORMED);
}


#define VP8   S("\0\0\0\x9d\x01\x2a\x10\0\x20\0" "p")
#define VP8L  S("\x2f\x0f\xc0\x07\x00")
#define SIDES "\x0f\0\0\x1f\0\0"


static void
test_webp(void **state)
{
    test_file_t  *dirty, *clean;

    (void) state;

    /* as libvips 8.14 writes them, and what nobody knows */

    dirty = file();
    put(dirty, S("RIFF....WEBP"));
    riff_chunk(dirty, "VP8X", S("\xff" "abc" SIDES SECRET));
    dirty->data[20] = 0xfd;
    riff_chunk(dirty, "ICCP", S(SECRET));
    riff_chunk(dirty, "ANIM", S(SECRET));
    riff_chunk(dirty, "XYZ ", S(SECRET));
    riff_chunk(dirty, "VP8 ", VP8);
    riff_chunk(dirty, "EXIF", S("MM\0*" SECRET));
    riff_chunk(dirty, "XMP ", S("<x:xmpmeta/>" SECRET "."));
    riff_end(dirty);
    put(dirty, S(SECRET));

    clean = file();
    put(clean, S("RIFF....WEBP"));
    riff_chunk(clean, "VP8X", S("\x10\0\0\0" SIDES));
    riff_chunk(clean, "VP8 ", VP8);
    riff_end(clean);

    expect(dirty, clean);

    /* alpha stays, once */

    dirty = file();
    put(dirty, S("RIFF....WEBP"));
    riff_chunk(dirty, "VP8X", S("\x18\0\0\0" SIDES));
    riff_chunk(dirty, "ALPH", S("\0alpha"));
    riff_chunk(dirty, "ALPH", S(SECRET));
    riff_chunk(dirty, "VP8 ", VP8);
    riff_chunk(dirty, "ALPH", S(SECRET));
    riff_chunk(dirty, "EXIF", S(SECRET));
    riff_end(dirty);

    clean = file();
    put(clean, S("RIFF....WEBP"));
    riff_chunk(clean, "VP8X", S("\x10\0\0\0" SIDES));
    riff_chunk(clean, "ALPH", S("\0alpha"));
    riff_chunk(clean, "VP8 ", VP8);
    riff_end(clean);

    expect(dirty, clean);

    /* the simple formats, with chunks that they must not have */

    dirty = file();
    put(dirty, S("RIFF....WEBP"));
    riff_chunk(dirty, "VP8L", VP8L);
    riff_chunk(dirty, "EXIF", S(SECRET));
    riff_chunk(dirty, "ALPH", S(SECRET));
    riff_end(dirty);

    clean = file();
    put(clean, S("RIFF....WEBP"));
    riff_chunk(clean, "VP8L", VP8L);
    riff_end(clean);

    expect(dirty, clean);
}


static void
test_webp_animation(void **state)
{
    size_t        frame;
    test_file_t  *dirty, *clean, *inside;

    (void) state;

    dirty = file();
    put(dirty, S("RIFF....WEBP"));
    riff_chunk(dirty, "VP8X", S("\x1e\0\0\0" SIDES));
    riff_chunk(dirty, "ANIM", S("rgba\0\0" SECRET));

    inside = file();
    put(inside, S("0123456789abcdef"));
    riff_chunk(inside, "ALPH", S("\0alpha"));
    riff_chunk(inside, "XMP ", S(SECRET "."));
    riff_chunk(inside, "VP8 ", VP8);
    riff_chunk(inside, "EXIF", S(SECRET));

    riff_chunk(dirty, "ANMF", (social_str_t) { inside->len, inside->data });
    riff_chunk(dirty, "XMP ", S(SECRET));
    riff_end(dirty);

    inside->len = 0;
    put(inside, S("0123456789abcdef"));
    riff_chunk(inside, "ALPH", S("\0alpha"));
    riff_chunk(inside, "VP8 ", VP8);

    clean = file();
    put(clean, S("RIFF....WEBP"));
    riff_chunk(clean, "VP8X", S("\x12\0\0\0" SIDES));
    riff_chunk(clean, "ANIM", S("rgba\0\0"));
    frame = clean->len;
    riff_chunk(clean, "ANMF", (social_str_t) { inside->len, inside->data });
    riff_end(clean);

    assert_true(frame < clean->len);
    expect(dirty, clean);

    /* a frame of nothing, and a picture beside the frames */

    dirty = file();
    put(dirty, S("RIFF....WEBP"));
    riff_chunk(dirty, "VP8X", S("\x02\0\0\0" SIDES));
    riff_chunk(dirty, "ANMF", S("0123456789abcdef"));
    riff_end(dirty);
    expect_rc(dirty, SOCIAL_MALFORMED);

    dirty = file();
    put(dirty, S("RIFF....WEBP"));
    riff_chunk(dirty, "VP8X", S("\x02\0\0\0" SIDES));
    riff_chunk(dirty, "VP8 ", VP8);
    riff_end(dirty);
    expect_rc(dirty, SOCIAL_MALFORMED);

    free(inside);
}


static void
test_webp_bad(void **state)
{
    test_file_t  *f;

    (void) state;

    f = file();                             /* no picture */
    put(f, S("RIFF....WEBP"));
    riff_chunk(f, "VP8X", S("\0\0\0\0" SIDES));
    riff_end(f);
    expect_rc(f, SOCIAL_MALFORMED);

    f = file();                             /* two of them */
    put(f, S("RIFF....WEBP"));
    riff_chunk(f, "VP8X", S("\0\0\0\0" SIDES));
    riff_chunk(f, "VP8 ", VP8);
    riff_chunk(f, "VP8L", VP8L);
    riff_end(f);
    expect_rc(f, SOCIAL_MALFORMED);

    f = file();                             /* VP8X late, or short */
    put(f, S("RIFF....WEBP"));
    riff_chunk(f, "VP8 ", VP8);
    riff_chunk(f, "VP8X", S("\0\0\0\0" SIDES));
    riff_end(f);
    expect_rc(f, SOCIAL_MALFORMED);

    f = file();
    put(f, S("RIFF....WEBP"));
    riff_chunk(f, "VP8X", S("\0\0\0\0"));
    riff_chunk(f, "VP8 ", VP8);
    riff_end(f);
    expect_rc(f, SOCIAL_MALFORMED);

    f = file();                             /* more than there is */
    put(f, S("RIFF....WEBP"));
    riff_chunk(f, "VP8 ", VP8);
    riff_end(f);
    f->data[4]++;
    expect_rc(f, SOCIAL_MALFORMED);

    f = file();
    put(f, S("RIFF....WEBPVP8 \xff\xff\xff\xff" "0123456789"));
    riff_end(f);
    expect_rc(f, SOCIAL_MALFORMED);
}


/* what libheif 1.15 writes, with room for one more item at each position */

typedef struct {
    const char    *in;         /* "": the file, "meta", "iinf", "ipco" */
    const char    *name;
    social_str_t   data;
} test_box_t;


static void
extra(test_file_t *f, const char *in, const test_box_t *more)
{
    if (more != NULL && strcmp(more->in, in) == 0) {
        box(f, more->name, more->data);
    }
}


static test_file_t *
avif(const test_box_t *more)
{
    size_t        meta, iinf, iprp, ipco;
    test_file_t  *f;

    f = file();

    box(f, "ftyp", S("avif\0\0\0\0avifmif1miaf"));
    meta = box_begin(f, "meta", S("\0\0\0\0"));
    box(f, "hdlr", S("\0\0\0\0\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0\0"));
    box(f, "pitm", S("\0\0\0\0\0\1"));
    box(f, "iloc", S("\0\0\0\0\x44\0\0\1\0\1\0\0\0\1\0\0\1\x0e\0\0\0\6"));

    iinf = box_begin(f, "iinf", S("\0\0\0\0\0\1"));
    box(f, "infe", S("\2\0\0\0\0\1\0\0" "av01\0"));
    extra(f, "iinf", more);
    box_end(f, iinf);

    iprp = box_begin(f, "iprp", S(""));
    ipco = box_begin(f, "ipco", S(""));
    box(f, "colr", S("nclx\0\2\0\2\0\6\x80"));
    box(f, "av1C", S("\x81\0\x0c\0"));
    box(f, "ispe", S("\0\0\0\0\0\0\0\x10\0\0\0\x20"));
    box(f, "pixi", S("\0\0\0\0\3\x08\x08\x08"));
    box(f, "auxC", S("\0\0\0\0urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"));
    extra(f, "ipco", more);
    box_end(f, ipco);
    box(f, "ipma", S("\0\0\0\0\0\0\0\1\0\1\4\x81\x82\3\x84"));
    extra(f, "iprp", more);
    box_end(f, iprp);

    box(f, "iref", S("\0\0\0\0\0\0\0\x0e" "auxl\0\2\0\1\0\1"));
    extra(f, "meta", more);
    box_end(f, meta);

    box(f, "mdat", S("pixels"));
    extra(f, "", more);

    return f;
}


static void
test_avif(void **state)
{
    size_t        i;

    static const test_box_t  fine[] = {
        { "", "free", S("\0\0\0\0\0") },
        { "", "skip", S("") },
        { "meta", "free", S("\0\0") },
        { "ipco", "irot", S("\1") },
        { "ipco", "pasp", S("\0\0\0\1\0\0\0\1") },
        { "iinf", "infe", S("\2\0\0\1\0\2\0\0" "av01Alpha\0") },
        { "iinf", "infe", S("\3\0\0\0\0\0\0\2\0\0" "grid\0") }
    };

    static const test_box_t  declined[] = {
        { "iinf", "infe", S("\2\0\0\1\0\2\0\0" "Exif\0") },
        { "iinf", "infe", S("\3\0\0\1\0\0\0\2\0\0" "Exif\0") },
        { "iinf", "infe", S("\2\0\0\1\0\2\0\0" "mime\0"
                            "application/rdf+xml\0") },
        { "iinf", "infe", S("\2\0\0\1\0\2\0\0" "mime\0a/b\0") },
        { "iinf", "infe", S("\2\0\0\1\0\2\0\0" "uri \0u\0") },
        { "iinf", "infe", S("\2\0\0\1\0\2\0\0" "jpeg\0") },
        { "iinf", "infe", S("\2\0\0\1\0\2\0\0" "av01" SECRET) },
        { "iinf", "infe", S("\0\0\0\0\0\2\0\0" "av01\0") },
        { "iinf", "data", S("\0") },
        { "ipco", "colr", S("prof" SECRET) },
        { "ipco", "colr", S("rICC1234") },
        { "ipco", "colr", S("nclx\0\2\0\2\0\6\x80" SECRET) },
        { "ipco", "udes", S("\0\0\0\0" SECRET) },
        { "ipco", "uuid", S("0123456789abcdef" SECRET) },
        { "ipco", "irot", S("\1" SECRET) },
        { "iprp", "uuid", S("0123456789abcdef") },
        { "meta", "uuid", S("0123456789abcdef" SECRET) },
        { "meta", "xml ", S("\0\0\0\0" SECRET) },
        { "meta", "grpl", S("") },
        { "meta", "hdlr", S("\0\0\0\0\0\0\0\0mdir\0\0\0\0\0\0\0\0\0\0\0\0\0") },
        { "meta", "hdlr", S("\0\0\0\0\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0"
                            SECRET) },
        { "meta", "free", S("\0\0\1") },
        { "", "uuid", S("0123456789abcdef" SECRET) },
        { "", "free", S(SECRET) },
        { "", "skip", S("\0\0\0\1") },
        { "", "moov", S("") },
        { "", "udta", S(SECRET) },
        { "", "jumb", S(SECRET) },
        { "", "ispe", S("\0\0\0\0\0\0\0\x10\0\0\0\x20") }
    };

    static const test_box_t  malformed[] = {
        { "iinf", "infe", S("\2\0\0") },
        { "iinf", "infe", S("\2\0\0\1\0\2\0\0" "av0") },
        { "ipco", "colr", S("ncl") },
        { "meta", "hdlr", S("\0\0\0\0\0\0\0\0pict") },
        { "meta", "iinf", S("\0\0\0\0\0") },
        { "meta", "iinf", S("\1\0\0\0\0\0\0") },
        { "meta", "iinf", S("\0\0\0\0\0\0" "bytes") },
        { "", "meta", S("\0\0") },
        { "", "meta", S("\0\0\0\0") }
    };

    (void) state;

    expect(avif(NULL), avif(NULL));

    for (i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
        expect_rc(avif(&fine[i]), SOCIAL_OK);
    }

    for (i = 0; i < sizeof(declined) / sizeof(declined[0]); i++) {
        expect_rc(avif(&declined[i]), SOCIAL_DECLINED);
    }

    for (i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        expect_rc(avif(&malformed[i]), SOCIAL_MALFORMED);
    }
}


static void
test_avif_lengths(void **state)
{
    test_file_t  *f;

    (void) state;

    f = avif(NULL);                         /* a long length */
    put(f, S("\0\0\0\1mdat\0\0\0\0\0\0\0\x12.."));
    expect_rc(f, SOCIAL_OK);

    f = avif(NULL);                         /* up to the end */
    put(f, S("\0\0\0\0mdatpixels"));
    expect_rc(f, SOCIAL_OK);

    f = avif(NULL);
    put(f, S("\0\0\0\x20mdatpixels"));
    expect_rc(f, SOCIAL_MALFORMED);

    f = avif(NULL);
    put(f, S("\0\0\0\1mdat\xff\xff\xff\xff\xff\xff\xff\xff"));
    expect_rc(f, SOCIAL_MALFORMED);

    f = avif(NULL);
    put(f, S("\0\0\0\1mdat\0\0\0\0\0\0\0\x0f"));
    expect_rc(f, SOCIAL_MALFORMED);

    f = avif(NULL);
    put(f, S("\0\0\0\x07mdat"));
    expect_rc(f, SOCIAL_MALFORMED);

    f = avif(NULL);
    put(f, S(SECRET));
    expect_rc(f, SOCIAL_MALFORMED);

    f = avif(NULL);
    put(f, S("\0\0\0"));
    expect_rc(f, SOCIAL_MALFORMED);
}


static void
test_others(void **state)
{
    test_file_t  *f;

    (void) state;

    f = file();
    expect_rc(f, SOCIAL_DECLINED);

    f = file();
    put(f, S("GIF89a\x10\0\x20\0\0\0\0,\0\0\0\0\x10\0\x20\0\0"));
    expect_rc(f, SOCIAL_DECLINED);

    f = file();
    box(f, "ftyp", S("heic\0\0\0\0mif1heic"));
    expect_rc(f, SOCIAL_DECLINED);

    f = file();
    put(f, S("<svg/>"));
    expect_rc(f, SOCIAL_DECLINED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_jpeg),
        cmocka_unit_test(test_png),
        cmocka_unit_test(test_webp),
        cmocka_unit_test(test_webp_animation),
        cmocka_unit_test(test_webp_bad),
        cmocka_unit_test(test_avif),
        cmocka_unit_test(test_avif_lengths),
        cmocka_unit_test(test_others),
    };

    return cmocka_run_group_tests_name("image_strip", tests, NULL, NULL);
}
