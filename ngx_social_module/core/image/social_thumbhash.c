
/*
 * ThumbHash: the lowest frequencies of a picture's lightness, its two opponent
 * colors and its alpha, quantized to 4 bits each.
 */

#include <math.h>
#include <string.h>

#include "social_thumbhash.h"


/* at most 7 by 7 frequencies a channel, about half of them used */
#define SOCIAL_THUMBHASH_TERMS   (7 * 7)
#define SOCIAL_THUMBHASH_PIXELS                                               \
    (SOCIAL_THUMBHASH_MAX_SIDE * SOCIAL_THUMBHASH_MAX_SIDE)

#define SOCIAL_THUMBHASH_PI      3.14159265358979323846

/* of one color, but for the rounding of sums: far below the scale's 6 bits */
#define SOCIAL_THUMBHASH_NOISE   1e-9


typedef struct {
    const double  *pixels;
    size_t         width;
    size_t         height;
    size_t         nx;
    size_t         ny;

    double         dc;
    double         scale;
    double         ac[SOCIAL_THUMBHASH_TERMS];
    size_t         count;
} social_thumbhash_channel_t;


static void social_thumbhash_average(const unsigned char *rgba, size_t n,
    double average[4]);
static void social_thumbhash_transform(social_thumbhash_channel_t *channel);
static size_t social_thumbhash_terms(double side, double longer, size_t limit);
static unsigned social_thumbhash_round(double value);


social_rc_e
social_thumbhash_encode(const unsigned char *rgba, size_t width,
    size_t height, unsigned char hash[SOCIAL_THUMBHASH_MAX_SIZE], size_t *len)
{
    bool                        alpha, landscape;
    size_t                      i, k, n, lx, ly, limit, start, nibble;
    double                      average[4], a, r, g, b, longer;
    double                      l[SOCIAL_THUMBHASH_PIXELS];
    double                      p[SOCIAL_THUMBHASH_PIXELS];
    double                      q[SOCIAL_THUMBHASH_PIXELS];
    double                      o[SOCIAL_THUMBHASH_PIXELS];
    unsigned                    header24, header16, value;
    social_thumbhash_channel_t  channels[4];

    if (width == 0 || width > SOCIAL_THUMBHASH_MAX_SIDE
        || height == 0 || height > SOCIAL_THUMBHASH_MAX_SIDE)
    {
        return SOCIAL_MALFORMED;
    }

    n = width * height;

    social_thumbhash_average(rgba, n, average);

    alpha = average[3] < (double) n;
    limit = alpha ? 5 : 7;
    longer = (double) (width > height ? width : height);

    lx = social_thumbhash_terms((double) width, longer, limit);
    ly = social_thumbhash_terms((double) height, longer, limit);

    /* an image is often smaller than they are */

    memset(l, 0, sizeof(l));
    memset(p, 0, sizeof(p));
    memset(q, 0, sizeof(q));
    memset(o, 0, sizeof(o));

    /* transparent pixels count as the average color */

    for (i = 0; i < n; i++) {
        a = rgba[i * 4 + 3] / 255.0;
        r = average[0] * (1 - a) + a / 255.0 * rgba[i * 4];
        g = average[1] * (1 - a) + a / 255.0 * rgba[i * 4 + 1];
        b = average[2] * (1 - a) + a / 255.0 * rgba[i * 4 + 2];

        l[i] = (r + g + b) / 3;
        p[i] = (r + g) / 2 - b;
        q[i] = r - g;
        o[i] = a;
    }

    memset(channels, 0, sizeof(channels));

    channels[0].pixels = l;
    channels[0].nx = lx > 3 ? lx : 3;
    channels[0].ny = ly > 3 ? ly : 3;

    channels[1].pixels = p;
    channels[2].pixels = q;
    channels[1].nx = channels[1].ny = channels[2].nx = channels[2].ny = 3;

    channels[3].pixels = o;
    channels[3].nx = channels[3].ny = 5;

    for (k = 0; k < (alpha ? 4 : 3); k++) {
        channels[k].width = width;
        channels[k].height = height;
        social_thumbhash_transform(&channels[k]);
    }

    landscape = width > height;

    header24 = social_thumbhash_round(63 * channels[0].dc)
               | social_thumbhash_round(31.5 + 31.5 * channels[1].dc) << 6
               | social_thumbhash_round(31.5 + 31.5 * channels[2].dc) << 12
               | social_thumbhash_round(31 * channels[0].scale) << 18
               | (unsigned) alpha << 23;

    header16 = (unsigned) (landscape ? ly : lx)
               | social_thumbhash_round(63 * channels[1].scale) << 3
               | social_thumbhash_round(63 * channels[2].scale) << 9
               | (unsigned) landscape << 15;

    memset(hash, 0, SOCIAL_THUMBHASH_MAX_SIZE);

    hash[0] = (unsigned char) (header24 & 255);
    hash[1] = (unsigned char) (header24 >> 8 & 255);
    hash[2] = (unsigned char) (header24 >> 16);
    hash[3] = (unsigned char) (header16 & 255);
    hash[4] = (unsigned char) (header16 >> 8);

    start = 5;

    if (alpha) {
        hash[start++] = (unsigned char)
                        (social_thumbhash_round(15 * channels[3].dc)
                         | social_thumbhash_round(15 * channels[3].scale)
                           << 4);
    }

    nibble = 0;

    for (k = 0; k < (alpha ? 4 : 3); k++) {
        for (i = 0; i < channels[k].count; i++) {
            value = social_thumbhash_round(15 * channels[k].ac[i]);
            hash[start + nibble / 2] |= (unsigned char)
                                        (value << (nibble % 2 * 4));
            nibble++;
        }
    }

    *len = start + (nibble + 1) / 2;

    return SOCIAL_OK;
}


void
social_thumbhash_text(const unsigned char *hash, size_t len,
    char text[SOCIAL_THUMBHASH_TEXT_SIZE])
{
    size_t             i, left;
    uint32_t           bits;
    static const char  digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/";

    for (i = 0; i < len; i += 3) {

        left = len - i;
        bits = (uint32_t) hash[i] << 16
               | (left > 1 ? (uint32_t) hash[i + 1] << 8 : 0)
               | (left > 2 ? (uint32_t) hash[i + 2] : 0);

        *text++ = digits[bits >> 18];
        *text++ = digits[bits >> 12 & 63];
        *text++ = left > 1 ? digits[bits >> 6 & 63] : '=';
        *text++ = left > 2 ? digits[bits & 63] : '=';
    }

    *text = '\0';
}


/* the average color, weighted by alpha, and the sum of the alphas */

static void
social_thumbhash_average(const unsigned char *rgba, size_t n,
    double average[4])
{
    size_t  i;
    double  a;

    average[0] = average[1] = average[2] = average[3] = 0;

    for (i = 0; i < n; i++) {
        a = rgba[i * 4 + 3] / 255.0;
        average[0] += a / 255.0 * rgba[i * 4];
        average[1] += a / 255.0 * rgba[i * 4 + 1];
        average[2] += a / 255.0 * rgba[i * 4 + 2];
        average[3] += a;
    }

    if (average[3] > 0) {
        average[0] /= average[3];
        average[1] /= average[3];
        average[2] /= average[3];
    }
}


/*
 * A cosine transform of the triangle of the lowest frequencies, scaled to
 * [0, 1].
 */

static void
social_thumbhash_transform(social_thumbhash_channel_t *channel)
{
    size_t  cx, cy, x, y, i;
    double  f, fy, n, fx[SOCIAL_THUMBHASH_MAX_SIDE];

    n = (double) (channel->width * channel->height);

    for (cy = 0; cy < channel->ny; cy++) {
        for (cx = 0; cx * channel->ny < channel->nx * (channel->ny - cy);
             cx++)
        {
            for (x = 0; x < channel->width; x++) {
                fx[x] = cos(SOCIAL_THUMBHASH_PI / (double) channel->width
                            * (double) cx * ((double) x + 0.5));
            }

            f = 0;

            for (y = 0; y < channel->height; y++) {
                fy = cos(SOCIAL_THUMBHASH_PI / (double) channel->height
                         * (double) cy * ((double) y + 0.5));

                for (x = 0; x < channel->width; x++) {
                    f += channel->pixels[y * channel->width + x] * fx[x] * fy;
                }
            }

            f /= n;

            if (cx == 0 && cy == 0) {
                channel->dc = f;
                continue;
            }

            channel->ac[channel->count++] = f;

            if (fabs(f) > channel->scale) {
                channel->scale = fabs(f);
            }
        }
    }

    if (channel->scale < SOCIAL_THUMBHASH_NOISE) {
        memset(channel->ac, 0, sizeof(channel->ac));
        channel->scale = 0;

    } else {
        for (i = 0; i < channel->count; i++) {
            channel->ac[i] = 0.5 + 0.5 / channel->scale * channel->ac[i];
        }
    }
}


/* how many frequencies a side gets: in proportion, one at least */

static size_t
social_thumbhash_terms(double side, double longer, size_t limit)
{
    size_t  n;

    n = social_thumbhash_round((double) limit * side / longer);

    return n > 1 ? n : 1;
}


static unsigned
social_thumbhash_round(double value)
{
    return value > 0 ? (unsigned) (value + 0.5) : 0;
}
