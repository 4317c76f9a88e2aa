
/*
 * Color profiles, made of what a picture says of its colors in another form.
 */

#include <string.h>

#include "social_icc_make.h"
#include "social_image_bytes.h"


#define SOCIAL_ICC_TAGS       7
#define SOCIAL_ICC_XYZ        (128 + 4 + SOCIAL_ICC_TAGS * 12)
#define SOCIAL_ICC_XYZ_SIZE   20
#define SOCIAL_ICC_CURVE      (SOCIAL_ICC_XYZ + 4 * SOCIAL_ICC_XYZ_SIZE)

#define SOCIAL_ICC_UNIT       100000.0
#define SOCIAL_ICC_GAMMA      45455
#define SOCIAL_ICC_NEAR       1000
#define SOCIAL_ICC_MIN_GAMMA  10000
#define SOCIAL_ICC_MAX_GAMMA  1000000


static bool social_icc_matrix(const social_icc_colors_t *colors,
    double m[3][3]);
static bool social_icc_invert(double m[3][3], double inverse[3][3]);
static void social_icc_multiply(double a[3][3], double b[3][3],
    double out[3][3]);
static void social_icc_apply(double m[3][3], const double v[3],
    double out[3]);
static void social_icc_32be(unsigned char *p, uint32_t value);
static void social_icc_fixed(unsigned char *p, double value);


static const social_icc_colors_t  social_icc_srgb = {
    { 31270, 32900 }, { 64000, 33000 }, { 30000, 60000 }, { 15000, 6000 }, 0
};

static const social_icc_colors_t  social_icc_p3 = {
    { 31270, 32900 }, { 68000, 32000 }, { 26500, 69000 }, { 15000, 6000 }, 0
};

static const social_icc_colors_t  social_icc_2020 = {
    { 31270, 32900 }, { 70800, 29200 }, { 17000, 79700 }, { 13100, 4600 }, 0
};

/* the white that profiles are relative to */

static const double  social_icc_d50[3] = { 0.9642, 1, 0.8249 };


social_rc_e
social_icc_make(const social_icc_colors_t *colors,
    unsigned char profile[SOCIAL_ICC_MADE_SIZE])
{
    size_t              i, k, at, size;
    double              m[3][3];
    unsigned char      *p;
    static const char   names[SOCIAL_ICC_TAGS][5] = {
        "wtpt", "rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC"
    };

    static const double  srgb[] = {
        2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045
    };

    if ((colors->gamma != 0 && (colors->gamma < SOCIAL_ICC_MIN_GAMMA
                                || colors->gamma > SOCIAL_ICC_MAX_GAMMA))
        || !social_icc_matrix(colors, m))
    {
        return SOCIAL_MALFORMED;
    }

    p = profile;
    memset(p, 0, SOCIAL_ICC_MADE_SIZE);

    social_icc_32be(p, SOCIAL_ICC_MADE_SIZE);
    memcpy(p + 8, "\x04\x20\0\0mntrRGB XYZ ", 16);
    memcpy(p + 36, "acsp", 4);

    for (i = 0; i < 3; i++) {
        social_icc_fixed(p + 68 + i * 4, social_icc_d50[i]);
    }

    p[131] = SOCIAL_ICC_TAGS;

    for (i = 0; i < SOCIAL_ICC_TAGS; i++) {

        at = i < 4 ? SOCIAL_ICC_XYZ + i * SOCIAL_ICC_XYZ_SIZE
                   : SOCIAL_ICC_CURVE;
        size = i < 4 ? SOCIAL_ICC_XYZ_SIZE : SOCIAL_ICC_MADE_SIZE - at;

        memcpy(p + 132 + i * 12, names[i], 4);
        social_icc_32be(p + 132 + i * 12 + 4, (uint32_t) at);
        social_icc_32be(p + 132 + i * 12 + 8, (uint32_t) size);

        if (i >= 4) {
            continue;
        }

        memcpy(p + at, "XYZ ", 4);

        for (k = 0; k < 3; k++) {
            social_icc_fixed(p + at + 8 + k * 4,
                             i == 0 ? social_icc_d50[k] : m[k][i - 1]);
        }
    }

    p += SOCIAL_ICC_CURVE;
    memcpy(p, "para", 4);

    if (colors->gamma != 0) {
        social_icc_fixed(p + 12, SOCIAL_ICC_UNIT / colors->gamma);
        return SOCIAL_OK;
    }

    p[9] = 3;

    for (i = 0; i < sizeof(srgb) / sizeof(srgb[0]); i++) {
        social_icc_fixed(p + 12 + i * 4, srgb[i]);
    }

    return SOCIAL_OK;
}


/* from light of the primaries to XYZ, adapted to D50 */

static bool
social_icc_matrix(const social_icc_colors_t *colors, double m[3][3])
{
    size_t           i, k;
    double           x, y, white[3], cone[3], to[3], scale[3];
    double           inverse[3][3], adapt[3][3], t[3][3];
    const uint32_t  *xy[4];

    static double  bradford[3][3] = {
        { 0.8951, 0.2664, -0.1614 },
        { -0.7502, 1.7135, 0.0367 },
        { 0.0389, -0.0685, 1.0296 }
    };

    xy[0] = colors->red;
    xy[1] = colors->green;
    xy[2] = colors->blue;
    xy[3] = colors->white;

    for (i = 0; i < 4; i++) {

        x = xy[i][0] / SOCIAL_ICC_UNIT;
        y = xy[i][1] / SOCIAL_ICC_UNIT;

        if (x > 1 || y > 1 || x + y > 1 || y <= 0) {
            return false;
        }

        if (i < 3) {
            t[0][i] = x;
            t[1][i] = y;
            t[2][i] = 1 - x - y;
        }
    }

    white[0] = x / y;
    white[1] = 1;
    white[2] = (1 - x - y) / y;

    if (!social_icc_invert(t, inverse)) {
        return false;
    }

    social_icc_apply(inverse, white, scale);

    for (i = 0; i < 3; i++) {

        if (scale[i] <= 0) {
            return false;               /* white is not between them */
        }

        for (k = 0; k < 3; k++) {
            t[k][i] *= scale[i];
        }
    }

    social_icc_apply(bradford, white, cone);
    social_icc_apply(bradford, social_icc_d50, to);

    if (!social_icc_invert(bradford, inverse)) {
        return false;
    }

    for (i = 0; i < 3; i++) {

        if (cone[i] <= 0.01) {
            return false;
        }

        for (k = 0; k < 3; k++) {
            inverse[k][i] *= to[i] / cone[i];
        }
    }

    social_icc_multiply(inverse, bradford, adapt);
    social_icc_multiply(adapt, t, m);

    for (i = 0; i < 9; i++) {
        if (!(m[i / 3][i % 3] > -100 && m[i / 3][i % 3] < 100)) {
            return false;
        }
    }

    return true;
}


static bool
social_icc_invert(double m[3][3], double inverse[3][3])
{
    size_t  i, k;
    double  det;

    for (i = 0; i < 3; i++) {
        for (k = 0; k < 3; k++) {
            inverse[k][i] = m[(i + 1) % 3][(k + 1) % 3]
                            * m[(i + 2) % 3][(k + 2) % 3]
                            - m[(i + 1) % 3][(k + 2) % 3]
                              * m[(i + 2) % 3][(k + 1) % 3];
        }
    }

    det = m[0][0] * inverse[0][0] + m[0][1] * inverse[1][0]
          + m[0][2] * inverse[2][0];

    if (det > -1e-6 && det < 1e-6) {
        return false;
    }

    for (i = 0; i < 9; i++) {
        inverse[i / 3][i % 3] /= det;
    }

    return true;
}


static void
social_icc_multiply(double a[3][3], double b[3][3], double out[3][3])
{
    size_t  i, k;

    for (i = 0; i < 3; i++) {
        for (k = 0; k < 3; k++) {
            out[i][k] = a[i][0] * b[0][k] + a[i][1] * b[1][k]
                        + a[i][2] * b[2][k];
        }
    }
}


static void
social_icc_apply(double m[3][3], const double v[3], double out[3])
{
    size_t  i;

    for (i = 0; i < 3; i++) {
        out[i] = m[i][0] * v[0] + m[i][1] * v[1] + m[i][2] * v[2];
    }
}


static void
social_icc_32be(unsigned char *p, uint32_t value)
{
    p[0] = (unsigned char) (value >> 24);
    p[1] = (unsigned char) (value >> 16);
    p[2] = (unsigned char) (value >> 8);
    p[3] = (unsigned char) value;
}


/* s15Fixed16Number; the callers' values are within its range */

static void
social_icc_fixed(unsigned char *p, double value)
{
    social_icc_32be(p, (uint32_t) (int32_t) (value * 65536
                                             + (value < 0 ? -0.5 : 0.5)));
}


social_rc_e
social_icc_png(social_str_t data, social_icc_colors_t *colors)
{
    size_t                i;
    bool                  srgb, chrm;
    uint32_t              len, gamma;
    uint32_t             *value[8];
    const unsigned char  *p, *end;

    if (data.len < 8) {
        return SOCIAL_DECLINED;
    }

    *colors = social_icc_srgb;

    for (i = 0; i < 2; i++) {
        value[i] = &colors->white[i];
        value[2 + i] = &colors->red[i];
        value[4 + i] = &colors->green[i];
        value[6 + i] = &colors->blue[i];
    }

    srgb = false;
    chrm = false;
    gamma = 0;

    end = data.data + data.len;

    for (p = data.data + 8; end - p >= 12; p += 12 + len) {

        len = social_image_32be(p);

        if (len > (size_t) (end - p) - 12 || memcmp(p + 4, "IDAT", 4) == 0) {
            break;
        }

        if (memcmp(p + 4, "cICP", 4) == 0 && len == 4 && p[9] == 13
            && p[10] == 0 && p[11] == 1)
        {
            switch (p[8]) {

            case 1:
                *colors = social_icc_srgb;
                return SOCIAL_OK;

            case 9:
                *colors = social_icc_2020;
                return SOCIAL_OK;

            case 12:
                *colors = social_icc_p3;
                return SOCIAL_OK;
            }

        } else if (memcmp(p + 4, "sRGB", 4) == 0
                   || memcmp(p + 4, "iCCP", 4) == 0)
        {
            srgb = true;

        } else if (memcmp(p + 4, "gAMA", 4) == 0 && len == 4) {
            gamma = social_image_32be(p + 8);

        } else if (memcmp(p + 4, "cHRM", 4) == 0 && len == 32) {
            chrm = true;

            for (i = 0; i < 8; i++) {
                *value[i] = social_image_32be(p + 8 + i * 4);
            }
        }
    }

    if (srgb || gamma == 0
        || (!chrm && gamma > SOCIAL_ICC_GAMMA - SOCIAL_ICC_NEAR
            && gamma < SOCIAL_ICC_GAMMA + SOCIAL_ICC_NEAR))
    {
        return SOCIAL_DECLINED;
    }

    colors->gamma = gamma;

    return SOCIAL_OK;
}
