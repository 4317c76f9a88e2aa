
/*
 * What an image says of itself in its first bytes.
 */

#include <string.h>

#include "social_image.h"
#include "social_image_bytes.h"
#include "social_image_jpeg.h"


/* a JPEG's segments before its frame, a GIF's blocks before its first frame */
#define SOCIAL_IMAGE_MAX_SEGMENTS  100000

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


static social_rc_e social_image_jpeg(social_str_t data, social_image_t *image);
static social_rc_e social_image_png(social_str_t data, social_image_t *image);
static social_rc_e social_image_gif(social_str_t data, social_image_t *image);
static social_image_type_e social_image_brand(social_str_t data);
static social_rc_e social_image_webp(social_str_t data, social_image_t *image);
static social_rc_e social_image_heif(social_str_t data, social_image_t *image);
static social_rc_e social_image_webp_chunk(const unsigned char *name,
    social_str_t chunk, social_image_t *image, bool *first);
static social_rc_e social_image_boxes(social_image_boxes_t *boxes,
    social_image_reader_t in, unsigned depth);
static social_rc_e social_image_box(social_image_reader_t *in, unsigned char
    name[4], social_image_reader_t *inside);
static void social_image_grow(social_image_t *image, uint32_t width,
    uint32_t height);


static const struct {
    const char  *name;
    const char  *media_type;
    const char  *extension;

} social_image_types[] = {
    [SOCIAL_IMAGE_NONE] = { "", "", "" },
    [SOCIAL_IMAGE_JPEG] = { "jpeg", "image/jpeg", "jpg" },
    [SOCIAL_IMAGE_PNG] = { "png", "image/png", "png" },
    [SOCIAL_IMAGE_GIF] = { "gif", "image/gif", "gif" },
    [SOCIAL_IMAGE_WEBP] = { "webp", "image/webp", "webp" },
    [SOCIAL_IMAGE_AVIF] = { "avif", "image/avif", "avif" },
    [SOCIAL_IMAGE_HEIC] = { "heic", "image/heic", "heic" }
};


social_image_type_e
social_image_type(social_str_t data)
{
    const unsigned char  *p;

    p = data.data;

    if (data.len >= 3 && memcmp(p, "\xff\xd8\xff", 3) == 0) {
        return SOCIAL_IMAGE_JPEG;
    }

    if (data.len >= 8 && memcmp(p, "\x89PNG\r\n\x1a\n", 8) == 0) {
        return SOCIAL_IMAGE_PNG;
    }

    if (data.len >= 6
        && (memcmp(p, "GIF87a", 6) == 0 || memcmp(p, "GIF89a", 6) == 0))
    {
        return SOCIAL_IMAGE_GIF;
    }

    if (data.len >= 16 && memcmp(p, "RIFF", 4) == 0
        && memcmp(p + 8, "WEBPVP8", 7) == 0)
    {
        return SOCIAL_IMAGE_WEBP;
    }

    if (data.len >= 16 && memcmp(p + 4, "ftyp", 4) == 0) {
        return social_image_brand(data);
    }

    return SOCIAL_IMAGE_NONE;
}


social_rc_e
social_image_parse(social_str_t data, social_image_t *image)
{
    social_rc_e  rc;

    memset(image, 0, sizeof(social_image_t));

    image->type = social_image_type(data);

    switch (image->type) {

    case SOCIAL_IMAGE_JPEG:
        rc = social_image_jpeg(data, image);
        break;

    case SOCIAL_IMAGE_PNG:
        rc = social_image_png(data, image);
        break;

    case SOCIAL_IMAGE_GIF:
        rc = social_image_gif(data, image);
        break;

    case SOCIAL_IMAGE_WEBP:
        rc = social_image_webp(data, image);
        break;

    case SOCIAL_IMAGE_AVIF:
    case SOCIAL_IMAGE_HEIC:
        rc = social_image_heif(data, image);
        break;

    default:
        return SOCIAL_DECLINED;
    }

    if (rc != SOCIAL_OK) {
        return rc;
    }

    if (image->width == 0 || image->width > SOCIAL_IMAGE_MAX_SIDE
        || image->height == 0 || image->height > SOCIAL_IMAGE_MAX_SIDE)
    {
        return SOCIAL_MALFORMED;
    }

    return SOCIAL_OK;
}


uint64_t
social_image_pixels(const social_image_t *image)
{
    return (uint64_t) image->width * image->height;
}


const char *
social_image_type_name(social_image_type_e type)
{
    return social_image_types[type].name;
}


const char *
social_image_media_type(social_image_type_e type)
{
    return social_image_types[type].media_type;
}


const char *
social_image_extension(social_image_type_e type)
{
    return social_image_types[type].extension;
}


/*
 * Segments up to the first frame header.  A height of 0, which a DNL segment
 * after the scan would give, is refused: the limit is checked before the scan.
 */

static social_rc_e
social_image_jpeg(social_str_t data, social_image_t *image)
{
    size_t                n;
    uint32_t              len;
    unsigned char         marker;
    const unsigned char  *p, *end;

    p = data.data + 2;
    end = data.data + data.len;

    for (n = 0; n < SOCIAL_IMAGE_MAX_SEGMENTS; n++) {

        p = social_image_jpeg_marker(p, end);

        if (p == end) {
            return SOCIAL_MALFORMED;
        }

        marker = *p++;

        if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7)) {
            continue;                       /* TEM, RSTm: no length */
        }

        if (marker == 0xd8 || marker == 0xd9 || marker == 0xda
            || end - p < 2)
        {
            return SOCIAL_MALFORMED;        /* SOI, EOI, SOS: no frame yet */
        }

        len = social_image_16be(p);

        if (len < 2 || (size_t) (end - p) < len) {
            return SOCIAL_MALFORMED;
        }

        if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4
            && marker != 0xc8 && marker != 0xcc)
        {
            if (len < 8) {
                return SOCIAL_MALFORMED;
            }

            image->height = social_image_16be(p + 3);
            image->width = social_image_16be(p + 5);
            image->progressive = marker == 0xc2 || marker == 0xc6
                                 || marker == 0xca || marker == 0xce;

            return SOCIAL_OK;
        }

        p += len;
    }

    return SOCIAL_MALFORMED;
}


static social_rc_e
social_image_png(social_str_t data, social_image_t *image)
{
    uint32_t              len;
    unsigned char         color;
    const unsigned char  *p, *end;

    p = data.data + 8;
    end = data.data + data.len;

    if (end - p < 25 || social_image_32be(p) != 13
        || memcmp(p + 4, "IHDR", 4) != 0)
    {
        return SOCIAL_MALFORMED;
    }

    image->width = social_image_32be(p + 8);
    image->height = social_image_32be(p + 12);
    image->progressive = p[20] != 0;

    color = p[17];
    image->alpha = color == 4 || color == 6;

    /* tRNS and acTL come before the pixels */

    for (p += 25; end - p >= 12; p += 12 + len) {

        len = social_image_32be(p);

        if (memcmp(p + 4, "IDAT", 4) == 0) {
            return SOCIAL_OK;
        }

        if (memcmp(p + 4, "tRNS", 4) == 0) {
            image->alpha = true;

        } else if (memcmp(p + 4, "acTL", 4) == 0) {
            image->animated = true;
        }

        if (len > (size_t) (end - p) - 12) {
            break;
        }
    }

    return SOCIAL_MALFORMED;
}


/*
 * The screen, and the first frame: decoders differ in which one they believe.
 */

static social_rc_e
social_image_gif(social_str_t data, social_image_t *image)
{
    size_t                n, table;
    const unsigned char  *p, *end;

    p = data.data + 6;
    end = data.data + data.len;

    if (end - p < 7) {
        return SOCIAL_MALFORMED;
    }

    image->alpha = true;
    image->animated = true;

    social_image_grow(image, social_image_16le(p), social_image_16le(p + 2));

    table = p[4] & 0x80 ? (size_t) 3 << ((p[4] & 7) + 1) : 0;
    p += 7;

    for (n = 0; n < SOCIAL_IMAGE_MAX_SEGMENTS; n++) {

        if ((size_t) (end - p) <= table) {
            return SOCIAL_MALFORMED;
        }

        p += table;

        if (*p == 0x2c) {

            if (end - p < 10) {
                return SOCIAL_MALFORMED;
            }

            social_image_grow(image,
                              social_image_16le(p + 1)
                              + social_image_16le(p + 5),
                              social_image_16le(p + 3)
                              + social_image_16le(p + 7));

            return SOCIAL_OK;
        }

        if (*p != 0x21 || end - p < 3) {
            return SOCIAL_MALFORMED;
        }

        table = 2;

        /* an extension: its sub-blocks, up to an empty one */

        while ((size_t) (end - p) > table && p[table] != 0) {
            p += table;
            table = (size_t) *p + 1;
        }

        table++;
    }

    return SOCIAL_MALFORMED;
}


/*
 * The file type box: the major brand, and the compatible ones.  "mif1" and
 * "msf1" alone do not say what the pixels are coded in.
 */

static social_image_type_e
social_image_brand(social_str_t data)
{
    size_t                i, len;
    social_image_type_e   type;
    const unsigned char  *p;

    p = data.data;
    len = social_image_32be(p);

    if (len < 16 || len > data.len || len > 1024 || len % 4 != 0) {
        return SOCIAL_IMAGE_NONE;
    }

    type = SOCIAL_IMAGE_NONE;

    for (i = 8; i < len; i += 4) {

        if (i == 12) {
            continue;                       /* the minor version */
        }

        if (memcmp(p + i, "avif", 4) == 0 || memcmp(p + i, "avis", 4) == 0) {
            return SOCIAL_IMAGE_AVIF;
        }

        if (memcmp(p + i, "heic", 4) == 0 || memcmp(p + i, "heix", 4) == 0
            || memcmp(p + i, "hevc", 4) == 0 || memcmp(p + i, "hevx", 4) == 0)
        {
            type = SOCIAL_IMAGE_HEIC;
        }
    }

    return type;
}


/*
 * Takes the larger of each side: no decoder allocates more than that.
 */

static void
social_image_grow(social_image_t *image, uint32_t width, uint32_t height)
{
    if (width > image->width) {
        image->width = width;
    }

    if (height > image->height) {
        image->height = height;
    }
}


/*
 * WebP: all chunks: the canvas of VP8X first, where there is one, and what each
 * bitstream says.  A file of a single image has VP8 or VP8L first.
 */

static social_rc_e
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


static social_rc_e
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
