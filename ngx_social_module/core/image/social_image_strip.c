
/*
 * Images without metadata: JPEG, PNG and WebP, of which parts are left out.
 */

#include <string.h>

#include "social_image_bare.h"
#include "social_image_bytes.h"
#include "social_image_strip.h"


#define SOCIAL_IMAGE_VP8X_ALPHA      0x10
#define SOCIAL_IMAGE_VP8X_ANIMATION  0x02


typedef struct {
    const unsigned char  *pos;
    const unsigned char  *end;
    unsigned char        *out;
} social_image_strip_t;


/* what was met of a JPEG, each of which comes once */

typedef struct {
    bool                  jfif;
    bool                  adobe;
    bool                  frame;
    bool                  scan;
} social_image_strip_jpeg_t;


typedef struct {
    char                  name[5];
    uint32_t              max;
} social_image_strip_chunk_t;


static social_rc_e social_image_strip_jpeg(social_image_strip_t *s);
static social_rc_e social_image_strip_segment(social_image_strip_t *s,
    social_image_strip_jpeg_t *jpeg, unsigned char marker, social_str_t in);
static void social_image_strip_scan(social_image_strip_t *s);
static social_rc_e social_image_strip_png(social_image_strip_t *s);
static bool social_image_strip_ancillary(const unsigned char *name,
    uint32_t len, uint32_t *seen);
static social_rc_e social_image_strip_webp(social_image_strip_t *s);
static social_rc_e social_image_strip_frame(social_image_strip_t *s,
    social_str_t frame);
static social_rc_e social_image_strip_chunk(social_image_strip_t *s,
    const unsigned char **name, social_str_t *in);
static void social_image_strip_put_chunk(social_image_strip_t *s,
    const char *name, social_str_t in);
static void social_image_strip_put(social_image_strip_t *s, const void *p,
    size_t len);
static void social_image_strip_32le(unsigned char *p, uint32_t n);


/* ancillary chunks of a PNG that are kept, of no more bytes than they need */

static const social_image_strip_chunk_t  social_image_strip_chunks[] = {
    { "tRNS", 256 },
    { "gAMA", 4 },
    { "cHRM", 32 },
    { "sRGB", 1 },
    { "cICP", 4 },
    { "sBIT", 4 },
    { "bKGD", 6 },
    { "pHYs", 9 }
};


social_rc_e
social_image_strip(social_str_t data, unsigned char *out, size_t *len)
{
    social_rc_e           rc;
    social_image_strip_t  s;

    *len = 0;

    s.pos = data.data;
    s.end = data.data + data.len;
    s.out = out;

    switch (social_image_type(data)) {

    case SOCIAL_IMAGE_JPEG:
        rc = social_image_strip_jpeg(&s);
        break;

    case SOCIAL_IMAGE_PNG:
        rc = social_image_strip_png(&s);
        break;

    case SOCIAL_IMAGE_WEBP:
        rc = social_image_strip_webp(&s);
        break;

    case SOCIAL_IMAGE_AVIF:
        rc = social_image_bare_avif(data);

        if (rc == SOCIAL_OK) {
            social_image_strip_put(&s, data.data, data.len);
        }

        break;

    default:
        return SOCIAL_DECLINED;
    }

    if (rc == SOCIAL_OK) {
        *len = (size_t) (s.out - out);
    }

    return rc;
}


static social_rc_e
social_image_strip_jpeg(social_image_strip_t *s)
{
    uint32_t                   len;
    social_rc_e                rc;
    social_str_t               in;
    unsigned char              marker;
    social_image_strip_jpeg_t  jpeg;

    memset(&jpeg, 0, sizeof(social_image_strip_jpeg_t));

    social_image_strip_put(s, s->pos, 2);
    s->pos += 2;

    for ( ;; ) {

        if (s->pos == s->end || *s->pos != 0xff) {
            return SOCIAL_MALFORMED;
        }

        while (s->pos < s->end && *s->pos == 0xff) {
            s->pos++;
        }

        if (s->pos == s->end) {
            return SOCIAL_MALFORMED;
        }

        marker = *s->pos++;

        if (marker == 0xd9) {
            social_image_strip_put(s, "\xff\xd9", 2);
            return jpeg.scan ? SOCIAL_OK : SOCIAL_MALFORMED;
        }

        /* a marker without a length is not allowed between segments */

        if (marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd8)
            || s->end - s->pos < 2)
        {
            return SOCIAL_MALFORMED;
        }

        len = social_image_16be(s->pos);

        if (len < 2 || (size_t) (s->end - s->pos) < len) {
            return SOCIAL_MALFORMED;
        }

        in.data = s->pos;
        in.len = len;
        s->pos += len;

        rc = social_image_strip_segment(s, &jpeg, marker, in);

        if (rc != SOCIAL_OK) {
            return rc;
        }
    }
}


/* "in" begins with the length */

static social_rc_e
social_image_strip_segment(social_image_strip_t *s,
    social_image_strip_jpeg_t *jpeg, unsigned char marker, social_str_t in)
{
    unsigned char  head[2];

    head[0] = 0xff;
    head[1] = marker;

    switch (marker) {

    case 0xe0:                              /* APP0 */

        if (!jpeg->jfif && in.len >= 16
            && memcmp(in.data + 2, "JFIF", 5) == 0)
        {
            jpeg->jfif = true;
            social_image_strip_put(s, "\xff\xe0\0\x10", 4);
            social_image_strip_put(s, in.data + 2, 12);
            social_image_strip_put(s, "\0\0", 2);
        }

        return SOCIAL_OK;

    case 0xee:                              /* APP14: which colors they are */

        if (!jpeg->adobe && in.len >= 14
            && memcmp(in.data + 2, "Adobe", 5) == 0)
        {
            jpeg->adobe = true;
            social_image_strip_put(s, "\xff\xee\0\x0e", 4);
            social_image_strip_put(s, in.data + 2, 12);
        }

        return SOCIAL_OK;

    case 0xc4:                              /* DHT */
    case 0xcc:                              /* DAC */
    case 0xdb:                              /* DQT */
    case 0xdd:                              /* DRI */
        break;

    case 0xda:                              /* SOS */

        if (!jpeg->frame) {
            return SOCIAL_MALFORMED;
        }

        jpeg->scan = true;
        social_image_strip_put(s, head, 2);
        social_image_strip_put(s, in.data, in.len);
        social_image_strip_scan(s);

        return SOCIAL_OK;

    case 0xdc:                              /* DNL */
    case 0xde:                              /* DHP */
    case 0xdf:                              /* EXP */
        return SOCIAL_MALFORMED;

    default:

        if (marker < 0xc0 || marker > 0xcf || marker == 0xc8) {
            return SOCIAL_OK;               /* APPn, COM, and what is not */
        }

        if (jpeg->frame) {
            return SOCIAL_MALFORMED;
        }

        jpeg->frame = true;
    }

    social_image_strip_put(s, head, 2);
    social_image_strip_put(s, in.data, in.len);

    return SOCIAL_OK;
}


/* entropy-coded data, up to a marker that is none of RSTm */

static void
social_image_strip_scan(social_image_strip_t *s)
{
    unsigned char  next;

    while (s->end - s->pos >= 2) {

        if (s->pos[0] != 0xff) {
            *s->out++ = *s->pos++;
            continue;
        }

        next = s->pos[1];

        if (next == 0xff) {
            s->pos++;                       /* a fill byte */
            continue;
        }

        if (next != 0x00 && (next < 0xd0 || next > 0xd7)) {
            return;
        }

        social_image_strip_put(s, s->pos, 2);
        s->pos += 2;
    }
}


static social_rc_e
social_image_strip_png(social_image_strip_t *s)
{
    bool                  first, keep;
    uint32_t              len, seen;
    const unsigned char  *name;

    social_image_strip_put(s, s->pos, 8);
    s->pos += 8;

    first = true;
    seen = 0;

    while (s->end - s->pos >= 12) {

        len = social_image_32be(s->pos);
        name = s->pos + 4;

        if (len > (size_t) (s->end - s->pos) - 12
            || first != (memcmp(name, "IHDR", 4) == 0)
            || (first && len != 13))
        {
            return SOCIAL_MALFORMED;
        }

        keep = first || memcmp(name, "IDAT", 4) == 0
               || (memcmp(name, "PLTE", 4) == 0 && len <= 768);

        if (memcmp(name, "IEND", 4) == 0) {
            social_image_strip_put(s, s->pos, 12);
            return len == 0 ? SOCIAL_OK : SOCIAL_MALFORMED;
        }

        if (!keep && (name[0] & 0x20) == 0) {
            return SOCIAL_MALFORMED;        /* critical, and unknown */
        }

        if (keep || social_image_strip_ancillary(name, len, &seen)) {
            social_image_strip_put(s, s->pos, (size_t) len + 12);
        }

        s->pos += (size_t) len + 12;
        first = false;
    }

    return SOCIAL_MALFORMED;
}


static bool
social_image_strip_ancillary(const unsigned char *name, uint32_t len,
    uint32_t *seen)
{
    size_t  i;

    for (i = 0; i < sizeof(social_image_strip_chunks)
                    / sizeof(social_image_strip_chunks[0]); i++)
    {
        if (memcmp(name, social_image_strip_chunks[i].name, 4) == 0) {

            if (len > social_image_strip_chunks[i].max || *seen & 1u << i) {
                return false;
            }

            *seen |= 1u << i;

            return true;
        }
    }

    return false;
}


/*
 * Without VP8X the file is one VP8 or VP8L; with it, one of these and perhaps
 * its ALPH, or an animation's frames.
 */

static social_rc_e
social_image_strip_webp(social_image_strip_t *s)
{
    bool                  image, alpha, any;
    uint32_t              len;
    social_rc_e           rc;
    social_str_t          in;
    unsigned char         vp8x[10], flags, *riff;
    const unsigned char  *name;

    len = social_image_32le(s->pos + 4);

    if (len < 4 || len > (size_t) (s->end - s->pos) - 8) {
        return SOCIAL_MALFORMED;
    }

    s->end = s->pos + 8 + len;

    riff = s->out;
    social_image_strip_put(s, s->pos, 12);
    s->pos += 12;

    flags = 0;
    image = false;
    alpha = false;
    any = false;

    while (s->pos < s->end) {

        rc = social_image_strip_chunk(s, &name, &in);

        if (rc != SOCIAL_OK) {
            return rc;
        }

        if (memcmp(name, "VP8X", 4) == 0) {

            if (any || in.len < 10) {
                return SOCIAL_MALFORMED;
            }

            memset(vp8x, 0, 4);
            memcpy(vp8x + 4, in.data + 4, 6);

            flags = in.data[0] & (SOCIAL_IMAGE_VP8X_ALPHA
                                  | SOCIAL_IMAGE_VP8X_ANIMATION);
            vp8x[0] = flags;

            in.data = vp8x;
            in.len = 10;
            social_image_strip_put_chunk(s, "VP8X", in);

        } else if (memcmp(name, "VP8 ", 4) == 0
                   || memcmp(name, "VP8L", 4) == 0)
        {
            if (image || flags & SOCIAL_IMAGE_VP8X_ANIMATION) {
                return SOCIAL_MALFORMED;
            }

            image = true;
            social_image_strip_put_chunk(s, name[3] == 'L' ? "VP8L" : "VP8 ",
                                         in);

        } else if (!any) {
            return SOCIAL_MALFORMED;

        } else if (memcmp(name, "ALPH", 4) == 0) {

            if (flags == SOCIAL_IMAGE_VP8X_ALPHA && !alpha && !image) {
                alpha = true;
                social_image_strip_put_chunk(s, "ALPH", in);
            }

        } else if (flags & SOCIAL_IMAGE_VP8X_ANIMATION) {

            if (memcmp(name, "ANIM", 4) == 0 && in.len >= 6 && !image) {
                in.len = 6;
                social_image_strip_put_chunk(s, "ANIM", in);

            } else if (memcmp(name, "ANMF", 4) == 0) {
                rc = social_image_strip_frame(s, in);

                if (rc != SOCIAL_OK) {
                    return rc;
                }
            }
        }

        any = true;
    }

    if (!image && !(flags & SOCIAL_IMAGE_VP8X_ANIMATION)) {
        return SOCIAL_MALFORMED;
    }

    social_image_strip_32le(riff + 4, (uint32_t) (s->out - riff) - 8);

    return SOCIAL_OK;
}


/* a frame's own chunks, after 16 bytes of where and how long it is shown */

static social_rc_e
social_image_strip_frame(social_image_strip_t *s, social_str_t frame)
{
    bool                   image, alpha;
    social_rc_e            rc;
    social_str_t           in;
    unsigned char         *head;
    const unsigned char   *name;
    social_image_strip_t   inside;

    if (frame.len < 16) {
        return SOCIAL_MALFORMED;
    }

    head = s->out;
    social_image_strip_put(s, "ANMF\0\0\0\0", 8);
    social_image_strip_put(s, frame.data, 16);

    inside.pos = frame.data + 16;
    inside.end = frame.data + frame.len;
    inside.out = s->out;

    image = false;
    alpha = false;

    while (inside.pos < inside.end) {

        rc = social_image_strip_chunk(&inside, &name, &in);

        if (rc != SOCIAL_OK) {
            return rc;
        }

        if (memcmp(name, "VP8 ", 4) == 0 || memcmp(name, "VP8L", 4) == 0) {

            if (image) {
                return SOCIAL_MALFORMED;
            }

            image = true;
            social_image_strip_put_chunk(&inside,
                                         name[3] == 'L' ? "VP8L" : "VP8 ",
                                         in);

        } else if (memcmp(name, "ALPH", 4) == 0 && !alpha && !image) {
            alpha = true;
            social_image_strip_put_chunk(&inside, "ALPH", in);
        }
    }

    s->out = inside.out;
    social_image_strip_32le(head + 4, (uint32_t) (s->out - head) - 8);

    return image ? SOCIAL_OK : SOCIAL_MALFORMED;
}


/* extracts a chunk from the front, and the padding after it */

static social_rc_e
social_image_strip_chunk(social_image_strip_t *s, const unsigned char **name,
    social_str_t *in)
{
    size_t    left;
    uint32_t  len;

    left = (size_t) (s->end - s->pos);

    if (left < 8) {
        return SOCIAL_MALFORMED;
    }

    left -= 8;
    len = social_image_32le(s->pos + 4);

    if (len > left || (len % 2 != 0 && len == left)) {
        return SOCIAL_MALFORMED;
    }

    *name = s->pos;
    in->data = s->pos + 8;
    in->len = len;

    s->pos += (size_t) 8 + len + len % 2;

    return SOCIAL_OK;
}


static void
social_image_strip_put_chunk(social_image_strip_t *s, const char *name,
    social_str_t in)
{
    unsigned char  len[4];

    social_image_strip_32le(len, (uint32_t) in.len);

    social_image_strip_put(s, name, 4);
    social_image_strip_put(s, len, 4);
    social_image_strip_put(s, in.data, in.len);

    if (in.len % 2 != 0) {
        *s->out++ = 0;
    }
}


static void
social_image_strip_put(social_image_strip_t *s, const void *p, size_t len)
{
    memcpy(s->out, p, len);
    s->out += len;
}


static void
social_image_strip_32le(unsigned char *p, uint32_t n)
{
    size_t  i;

    for (i = 0; i < 4; i++) {
        p[i] = (unsigned char) (n >> (i * 8));
    }
}
