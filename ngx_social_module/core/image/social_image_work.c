
/*
 * What an image asks of its decoder.
 */

#include <string.h>

#include "social_image_bytes.h"
#include "social_image_work.h"


#define SOCIAL_IMAGE_WORK_COMPONENTS  4

/* a block of 8 by 8 coefficients of 16 bits */
#define SOCIAL_IMAGE_WORK_BLOCK       128


typedef struct {
    uint32_t  width;
    uint32_t  height;
    unsigned  components;
    unsigned  x[SOCIAL_IMAGE_WORK_COMPONENTS];    /* sampling factors */
    unsigned  y[SOCIAL_IMAGE_WORK_COMPONENTS];
    bool      progressive;
} social_image_frame_t;


static void social_image_work_jpeg(social_str_t data,
    social_image_work_t *work);
static bool social_image_work_frame(const unsigned char *p, uint32_t len,
    social_image_frame_t *frame);
static uint64_t social_image_work_coefficients(const social_image_frame_t
    *frame);
static uint64_t social_image_work_blocks(uint32_t side, unsigned factor,
    unsigned most);
static uint64_t social_image_work_png(social_str_t data, const social_image_t
    *image);
static void social_image_work_webp(social_str_t data, const social_image_t
    *image, social_image_work_t *work);


void
social_image_work(social_str_t data, const social_image_t *image,
    social_image_work_t *work)
{
    memset(work, 0, sizeof(social_image_work_t));

    switch (image->type) {

    case SOCIAL_IMAGE_JPEG:
        social_image_work_jpeg(data, work);
        break;

    case SOCIAL_IMAGE_PNG:
        work->memory = social_image_work_png(data, image);
        break;

    case SOCIAL_IMAGE_GIF:
        work->memory = 4 * social_image_pixels(image);
        break;

    case SOCIAL_IMAGE_WEBP:
        social_image_work_webp(data, image, work);
        break;

    case SOCIAL_IMAGE_AVIF:
    case SOCIAL_IMAGE_HEIC:

        /* planes, the second and the third at a quarter, or none at all */

        work->memory = social_image_pixels(image);
        break;

    default:
        break;
    }
}


/*
 * All segments to the end: the data of a scan has no marker but RSTm, each
 * other 0xff in it being followed by a zero (B.1.1.5).
 */

static void
social_image_work_jpeg(social_str_t data, social_image_work_t *work)
{
    uint32_t               len;
    unsigned char          marker;
    social_image_frame_t   frame;
    const unsigned char   *p, *end;

    memset(&frame, 0, sizeof(social_image_frame_t));

    p = data.data;
    end = data.data + data.len;

    for ( ;; ) {

        p = memchr(p, 0xff, (size_t) (end - p));

        if (p == NULL) {
            return;
        }

        while (p < end && *p == 0xff) {
            p++;
        }

        if (p == end) {
            return;
        }

        marker = *p++;

        if (marker == 0x00 || marker == 0x01
            || (marker >= 0xd0 && marker <= 0xd8))
        {
            continue;                       /* no length: data, TEM, RSTm */
        }

        if (marker == 0xd9 || end - p < 2) {
            return;
        }

        len = social_image_16be(p);

        if (len < 2 || (size_t) (end - p) < len) {
            return;
        }

        work->segments++;

        if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4
            && marker != 0xc8 && marker != 0xcc)
        {
            if (frame.components != 0
                || !social_image_work_frame(p, len, &frame))
            {
                return;
            }

            frame.progressive = marker == 0xc2 || marker == 0xc6
                                || marker == 0xca || marker == 0xce;

        } else if (marker == 0xda) {

            if (len < 3 || frame.components == 0) {
                return;
            }

            if (work->scans++ == 0
                && (frame.progressive || p[2] < frame.components))
            {
                work->memory = social_image_work_coefficients(&frame);
            }
        }

        p += len;
    }
}


/* a frame header, of "len" bytes (B.2.2); false: none that can be decoded */

static bool
social_image_work_frame(const unsigned char *p, uint32_t len,
    social_image_frame_t *frame)
{
    unsigned  i;

    if (len < 8 || p[7] == 0 || p[7] > SOCIAL_IMAGE_WORK_COMPONENTS
        || len < 8 + 3u * p[7])
    {
        return false;
    }

    frame->height = social_image_16be(p + 3);
    frame->width = social_image_16be(p + 5);
    frame->components = p[7];

    for (i = 0; i < frame->components; i++) {

        frame->x[i] = p[9 + 3 * i] >> 4;
        frame->y[i] = p[9 + 3 * i] & 0x0f;

        if (frame->x[i] < 1 || frame->x[i] > 4
            || frame->y[i] < 1 || frame->y[i] > 4)
        {
            return false;
        }
    }

    return true;
}


static uint64_t
social_image_work_coefficients(const social_image_frame_t *frame)
{
    unsigned  i, x, y;
    uint64_t  blocks;

    x = 1;
    y = 1;

    for (i = 0; i < frame->components; i++) {
        x = frame->x[i] > x ? frame->x[i] : x;
        y = frame->y[i] > y ? frame->y[i] : y;
    }

    blocks = 0;

    for (i = 0; i < frame->components; i++) {
        blocks += social_image_work_blocks(frame->width, frame->x[i], x)
                  * social_image_work_blocks(frame->height, frame->y[i], y);
    }

    return blocks * SOCIAL_IMAGE_WORK_BLOCK;
}


/* of a component, of which "factor" of "most" samples are there (A.1.1) */

static uint64_t
social_image_work_blocks(uint32_t side, unsigned factor, unsigned most)
{
    return ((uint64_t) side * factor + 8 * most - 1) / (8 * most);
}


static uint64_t
social_image_work_png(social_str_t data, const social_image_t *image)
{
    unsigned              channels;
    const unsigned char  *p;

    /* IHDR is there, which social_image_parse() has seen */

    p = data.data + 16;

    if (p[12] == 0) {
        return 0;
    }

    channels = p[9] == 0 || p[9] == 4 ? 1 : 3;

    if (image->alpha) {
        channels++;
    }

    return social_image_pixels(image) * channels * (p[8] == 16 ? 2 : 1);
}


/* chunks, as in social_image_parse(); those of frames are within theirs */

static void
social_image_work_webp(social_str_t data, const social_image_t *image,
    social_image_work_t *work)
{
    uint32_t              len;
    const unsigned char  *p, *end;

    p = data.data + 12;
    end = data.data + data.len;

    while (end - p >= 8) {

        len = social_image_32le(p + 4);

        if (memcmp(p, "VP8L", 4) == 0 && !image->animated) {
            work->memory = 4 * social_image_pixels(image);

        } else if (memcmp(p, "ANMF", 4) == 0) {
            work->frames++;
        }

        if (len >= (size_t) (end - p) - 8) {
            return;
        }

        p += 8 + len;

        if (len % 2 != 0 && p < end) {
            p++;
        }
    }
}
