
/*
 * Colors: from what a picture's profile says, to sRGB.
 */

#ifndef SOCIAL_WORKER_IMAGE_COLOR_H
#define SOCIAL_WORKER_IMAGE_COLOR_H


#include <vips/vips.h>

#include "social_image.h"


/*
 * Gives in "out", which the caller unrefs, the picture in the colors of sRGB,
 * gray or RGB, of 8 or 16 bits, and without a profile.  A profile that is
 * broken, or of another space than the pixels are, counts as none.  Returns 0,
 * or -1 with the reason in libvips' error buffer.
 */
int social_worker_image_color(VipsImage *in, VipsImage **out);

/*
 * Gives "*image" a profile of what the file says of its colors elsewhere, where
 * libvips has not: the chunks of a PNG.  Returns 0, or -1 as above; "*image"
 * remains the caller's.
 */
int social_worker_image_declared(const social_image_t *type, social_str_t data,
    VipsImage **image);


#endif /* SOCIAL_WORKER_IMAGE_COLOR_H */
