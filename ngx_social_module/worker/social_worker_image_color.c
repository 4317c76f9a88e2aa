
/*
 * Colors: from what a picture's profile says, to sRGB.
 */

#include "social_icc.h"
#include "social_icc_make.h"
#include "social_worker_image_color.h"


static bool social_worker_image_profile(VipsImage *in, social_icc_t *icc);
static int social_worker_image_color_by(VipsImage *in, VipsImage **out,
    const social_icc_t *icc);
static int social_worker_image_cmyk(VipsImage *in, VipsImage **out);


int
social_worker_image_color(VipsImage *in, VipsImage **out)
{
    int           rc;
    VipsImage    *colored;
    social_icc_t  icc;

    if (social_worker_image_profile(in, &icc)) {
        rc = social_worker_image_color_by(in, &colored, &icc);

    } else if (in->Type == VIPS_INTERPRETATION_CMYK) {
        rc = social_worker_image_cmyk(in, &colored);

    } else {
        rc = vips_copy(in, &colored, NULL);
    }

    if (rc != 0) {
        return -1;
    }

    /* a copy of its own, so that a field can be removed */

    rc = vips_copy(colored, out, NULL);
    g_object_unref(colored);

    if (rc == 0) {
        (void) vips_image_remove(*out, VIPS_META_ICC_NAME);
    }

    return rc;
}


/*
 * Whether there is a profile, and it fits: one of RGB fits gray, which is red,
 * green and blue in equal parts, and that is how browsers show it.
 */

static bool
social_worker_image_profile(VipsImage *in, social_icc_t *icc)
{
    int           bands;
    size_t        len;
    const void   *data;
    social_str_t  profile;

    if (vips_image_get_typeof(in, VIPS_META_ICC_NAME) == 0) {
        return false;
    }

    if (vips_image_get_blob(in, VIPS_META_ICC_NAME, &data, &len) != 0) {
        vips_error_clear();
        return false;
    }

    profile.data = (void *) (uintptr_t) data;
    profile.len = len;

    if (social_icc_parse(profile, icc) != SOCIAL_OK) {
        return false;
    }

    bands = in->Bands - (vips_image_hasalpha(in) ? 1 : 0);

    if (in->Type == VIPS_INTERPRETATION_CMYK) {
        return bands == 4 && icc->space == SOCIAL_ICC_CMYK;
    }

    switch (icc->space) {

    case SOCIAL_ICC_RGB:
        return bands == 1 || bands == 3;

    case SOCIAL_ICC_GRAY:
        return bands == 1;

    default:
        return false;
    }
}


/*
 * At once and before the picture is made smaller: vips_thumbnail() would try
 * the relative intent alone, and where a profile has no tables for it, take
 * another profile in its place.
 */

static int
social_worker_image_color_by(VipsImage *in, VipsImage **out,
    const social_icc_t *icc)
{
    int         rc, deep;
    VipsImage  *rgb;

    deep = in->BandFmt == VIPS_FORMAT_USHORT;

    if (icc->space == SOCIAL_ICC_RGB
        && in->Bands - (vips_image_hasalpha(in) ? 1 : 0) == 1)
    {
        rc = vips_colourspace(in, &rgb, deep ? VIPS_INTERPRETATION_RGB16
                                             : VIPS_INTERPRETATION_sRGB, NULL);
    } else {
        rc = vips_copy(in, &rgb, NULL);
    }

    if (rc != 0) {
        return -1;
    }

    rc = vips_icc_transform(rgb, out, "srgb", "embedded", TRUE,
                            "intent", (int) icc->intent,
                            "depth", deep ? 16 : 8, NULL);
    g_object_unref(rgb);

    if (rc != 0) {

        /* its tags are there, and damaged: then it is as if it was not */

        vips_error_clear();

        return in->Type == VIPS_INTERPRETATION_CMYK
               ? social_worker_image_cmyk(in, out) : vips_copy(in, out, NULL);
    }

    return 0;
}


/*
 * CMYK of no known inks: the light that each of them, and black, let through.
 * So do browsers, which round down; a quarter makes up for what floats lose.
 */

static int
social_worker_image_cmyk(VipsImage *in, VipsImage **out)
{
    int         rc;
    VipsImage  *t[6];

    rc = -1;
    t[0] = t[1] = t[2] = t[3] = t[4] = t[5] = NULL;

    if (vips_invert(in, &t[0], NULL) == 0
        && vips_extract_band(t[0], &t[1], 0, "n", 3, NULL) == 0
        && vips_extract_band(t[0], &t[2], 3, NULL) == 0
        && vips_multiply(t[1], t[2], &t[3], NULL) == 0
        && vips_linear1(t[3], &t[4], 1 / 255.0, 0.25, NULL) == 0
        && vips_cast_uchar(t[4], &t[5], NULL) == 0)
    {
        rc = vips_copy(t[5], out, "interpretation", VIPS_INTERPRETATION_sRGB,
                       NULL);
    }

    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        if (t[i] != NULL) {
            g_object_unref(t[i]);
        }
    }

    return rc;
}


int
social_worker_image_declared(const social_image_t *type, social_str_t data,
    VipsImage **image)
{
    VipsImage            *copy;
    unsigned char         profile[SOCIAL_ICC_MADE_SIZE];
    social_icc_colors_t   colors;

    if (type->type != SOCIAL_IMAGE_PNG
        || social_icc_png(data, &colors) != SOCIAL_OK
        || social_icc_make(&colors, profile) != SOCIAL_OK)
    {
        return 0;
    }

    if (vips_copy(*image, &copy, NULL) != 0) {
        return -1;
    }

    vips_image_set_blob_copy(copy, VIPS_META_ICC_NAME, profile,
                             sizeof(profile));
    g_object_unref(*image);
    *image = copy;

    return 0;
}
