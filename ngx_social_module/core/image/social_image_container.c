
/*
 * Image headers in containers: WebP, and AVIF and HEIC.
 */

#include <string.h>

#include "social_image_format.h"


/* nested boxes: meta, iprp, ipco, ispe */
#define SOCIAL_IMAGE_MAX_DEPTH     4
#define SOCIAL_IMAGE_MAX_BOXES     4096


typedef struct {
    const unsigned char  *pos;
    const unsigned char  *end;
} social_image_reader_t;


typedef struct {
    social_image_t       *image;
    unsigned              boxes;
} social_image_boxes_t;


static social_rc_e social_image_webp_chunk(const unsigned char *name,
    social_str_t chunk, social_image_t *image, bool *first);
static social_rc_e social_image_boxes(social_image_boxes_t *boxes,
    social_image_reader_t in, unsigned depth);
static social_rc_e social_image_box(social_image_reader_t *in, unsigned char
    name[4], social_image_reader_t *inside);


/*
 * All chunks: the canvas of VP8X first, where there is one, and what each
 * bitstream says.  A file of a single image has VP8 or VP8L first.
 */

social_rc_e
social_image_webp(social_str_t data, social_image_t *image)
{
    bool                  first;
    uint32_t              len;
    social_rc_e           rc;
    social_str_t          chunk;
    const unsigned char  *p, *end;

    p = data.data + 12;
    end = data.data + data.len;
    first = true;

    while (end - p >= 8) {

        len = social_image_32le(p + 4);

        chunk.data = p + 8;
        chunk.len = (size_t) (end - p) - 8;

        if (chunk.len > len) {
            chunk.len = len;
        }

        rc = social_image_webp_chunk(p, chunk, image, &first);

        if (rc != SOCIAL_DECLINED) {
            return rc;
        }

        if (len >= (size_t) (end - p) - 8) {
            break;
        }

        p += 8 + len;

        if (len % 2 != 0 && p < end) {
            p++;
        }
    }

    /* an animation's bitstreams are within its canvas, and its ANMF chunks */

    return image->animated && image->width != 0 ? SOCIAL_OK
                                                : SOCIAL_MALFORMED;
}


/* SOCIAL_DECLINED: not yet the image */

static social_rc_e
social_image_webp_chunk(const unsigned char *name, social_str_t chunk,
    social_image_t *image, bool *first)
{
    uint32_t              bits;
    const unsigned char  *p;

    p = chunk.data;

    if (memcmp(name, "VP8X", 4) == 0) {

        if (!*first || chunk.len < 10) {
            return SOCIAL_MALFORMED;
        }

        image->alpha = (p[0] & 0x10) != 0;
        image->animated = (p[0] & 0x02) != 0;

        social_image_grow(image, social_image_24le(p + 4) + 1,
                          social_image_24le(p + 7) + 1);

        *first = false;

        return SOCIAL_DECLINED;
    }

    if (memcmp(name, "VP8 ", 4) == 0) {

        /* a key frame, which begins with its start code (RFC 6386, 9.1) */

        if (chunk.len < 10 || (p[0] & 1) != 0
            || memcmp(p + 3, "\x9d\x01\x2a", 3) != 0)
        {
            return SOCIAL_MALFORMED;
        }

        social_image_grow(image, social_image_16le(p + 6) & 0x3fff,
                          social_image_16le(p + 8) & 0x3fff);

        return SOCIAL_OK;
    }

    if (memcmp(name, "VP8L", 4) == 0) {

        if (chunk.len < 5 || p[0] != 0x2f) {
            return SOCIAL_MALFORMED;
        }

        bits = social_image_32le(p + 1);

        image->alpha = image->alpha || (bits & 0x10000000) != 0;

        social_image_grow(image, (bits & 0x3fff) + 1,
                          (bits >> 14 & 0x3fff) + 1);

        return SOCIAL_OK;
    }

    if (*first) {
        return SOCIAL_MALFORMED;
    }

    if (memcmp(name, "ANMF", 4) == 0) {

        if (!image->animated || chunk.len < 16) {
            return SOCIAL_MALFORMED;
        }

        social_image_grow(image,
                          2 * social_image_24le(p)
                          + social_image_24le(p + 6) + 1,
                          2 * social_image_24le(p + 3)
                          + social_image_24le(p + 9) + 1);
    }

    return SOCIAL_DECLINED;
}


social_rc_e
social_image_heif(social_str_t data, social_image_t *image)
{
    social_rc_e            rc;
    social_image_boxes_t   boxes;
    social_image_reader_t  in;

    in.pos = data.data;
    in.end = data.data + data.len;

    boxes.image = image;
    boxes.boxes = 0;

    rc = social_image_boxes(&boxes, in, 0);

    /* what follows the properties may be cut off: the decoder will say so */

    if (rc != SOCIAL_OK || image->width == 0) {
        return SOCIAL_MALFORMED;
    }

    return SOCIAL_OK;
}


static social_rc_e
social_image_boxes(social_image_boxes_t *boxes, social_image_reader_t in,
    unsigned depth)
{
    social_rc_e            rc;
    unsigned char          name[4];
    social_image_reader_t  inside;

    while (in.end - in.pos >= 8) {

        if (++boxes->boxes > SOCIAL_IMAGE_MAX_BOXES) {
            return SOCIAL_MALFORMED;
        }

        rc = social_image_box(&in, name, &inside);

        if (rc != SOCIAL_OK) {
            return rc;
        }

        if (depth == 0 && memcmp(name, "meta", 4) == 0) {

            if (inside.end - inside.pos < 4) {
                return SOCIAL_MALFORMED;
            }

            inside.pos += 4;                /* version and flags */

        } else if (depth == 0 && memcmp(name, "moov", 4) == 0) {
            boxes->image->animated = true;
            continue;

        } else if (depth == 3 && memcmp(name, "ispe", 4) == 0) {

            if (inside.end - inside.pos < 12) {
                return SOCIAL_MALFORMED;
            }

            social_image_grow(boxes->image, social_image_32be(inside.pos + 4),
                              social_image_32be(inside.pos + 8));
            continue;

        } else if (depth == 3 && memcmp(name, "auxC", 4) == 0) {
            boxes->image->alpha = true;
            continue;

        } else if (!(depth == 1 && memcmp(name, "iprp", 4) == 0)
                   && !(depth == 2 && memcmp(name, "ipco", 4) == 0))
        {
            continue;
        }

        if (depth + 1 < SOCIAL_IMAGE_MAX_DEPTH) {
            rc = social_image_boxes(boxes, inside, depth + 1);

            if (rc != SOCIAL_OK) {
                return rc;
            }
        }
    }

    return SOCIAL_OK;
}


/*
 * Extracts a box from the front.  A length of 1 is followed by a long one, 0
 * is all that is left; one that is longer than what is left is cut off only at
 * the end of the file, which is where "mdat" is.
 */

static social_rc_e
social_image_box(social_image_reader_t *in, unsigned char name[4],
    social_image_reader_t *inside)
{
    size_t    left, head;
    uint64_t  len;

    left = (size_t) (in->end - in->pos);
    len = social_image_32be(in->pos);
    head = 8;

    memcpy(name, in->pos + 4, 4);

    if (len == 1) {

        if (left < 16) {
            return SOCIAL_MALFORMED;
        }

        len = (uint64_t) social_image_32be(in->pos + 8) << 32
              | social_image_32be(in->pos + 12);
        head = 16;

    } else if (len == 0) {
        len = left;
    }

    if (len < head) {
        return SOCIAL_MALFORMED;
    }

    if (len > left) {

        if (memcmp(name, "mdat", 4) != 0) {
            return SOCIAL_MALFORMED;
        }

        len = left;
    }

    inside->pos = in->pos + head;
    inside->end = in->pos + len;
    in->pos = inside->end;

    return SOCIAL_OK;
}
