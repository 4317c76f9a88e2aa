
/*
 * What a color profile is of, and how it can be used.
 */

#include <string.h>

#include "social_icc.h"
#include "social_image_bytes.h"


#define SOCIAL_ICC_HEADER    128
#define SOCIAL_ICC_MAX_TAGS  100            /* as many as lcms reads */

/* bits: tables for each intent, then curves and the matrix */
#define SOCIAL_ICC_A2B0      0x001
#define SOCIAL_ICC_A2B1      0x002
#define SOCIAL_ICC_SHAPER    0x0fc
#define SOCIAL_ICC_KTRC      0x100


static unsigned social_icc_tags(const unsigned char *p, size_t len);


/* in the order of the bits */

static const char  social_icc_names[][5] = {
    "A2B0", "A2B1",
    "rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC",
    "kTRC"
};


social_rc_e
social_icc_parse(social_str_t data, social_icc_t *icc)
{
    size_t                len;
    unsigned              tags, need;
    const unsigned char  *p;

    p = data.data;

    memset(icc, 0, sizeof(social_icc_t));

    if (data.len < SOCIAL_ICC_HEADER + 4 || memcmp(p + 36, "acsp", 4) != 0) {
        return SOCIAL_MALFORMED;
    }

    len = social_image_32be(p);

    if (len < SOCIAL_ICC_HEADER + 4 || len > data.len
        || social_image_32be(p + SOCIAL_ICC_HEADER) > SOCIAL_ICC_MAX_TAGS)
    {
        return SOCIAL_MALFORMED;
    }

    need = 0;

    if (memcmp(p + 16, "GRAY", 4) == 0) {
        icc->space = SOCIAL_ICC_GRAY;
        need = SOCIAL_ICC_KTRC;

    } else if (memcmp(p + 16, "RGB ", 4) == 0) {
        icc->space = SOCIAL_ICC_RGB;
        need = SOCIAL_ICC_SHAPER;

    } else if (memcmp(p + 16, "CMYK", 4) == 0) {
        icc->space = SOCIAL_ICC_CMYK;
    }

    tags = social_icc_tags(p, len);

    if ((tags & SOCIAL_ICC_A2B0) || (need != 0 && (tags & need) == need)) {
        icc->intent = SOCIAL_ICC_PERCEPTUAL;

    } else if (tags & SOCIAL_ICC_A2B1) {
        icc->intent = SOCIAL_ICC_RELATIVE;

    } else {
        return SOCIAL_DECLINED;
    }

    return SOCIAL_OK;
}


/* those that are within the profile, as bits */

static unsigned
social_icc_tags(const unsigned char *p, size_t len)
{
    size_t                i, count, at, size;
    unsigned              tags, k;
    const unsigned char  *tag;

    tags = 0;
    count = social_image_32be(p + SOCIAL_ICC_HEADER);

    for (i = 0; i < count; i++) {

        if (len - SOCIAL_ICC_HEADER - 4 < (i + 1) * 12) {
            break;
        }

        tag = p + SOCIAL_ICC_HEADER + 4 + i * 12;
        at = social_image_32be(tag + 4);
        size = social_image_32be(tag + 8);

        if (size == 0 || at > len || size > len - at) {
            continue;
        }

        for (k = 0; k < sizeof(social_icc_names)
                        / sizeof(social_icc_names[0]); k++)
        {
            if (memcmp(tag, social_icc_names[k], 4) == 0) {
                tags |= 1u << k;
            }
        }
    }

    return tags;
}
