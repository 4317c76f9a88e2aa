
/*
 * What the readers of the single formats share.
 */

#ifndef SOCIAL_IMAGE_FORMAT_H
#define SOCIAL_IMAGE_FORMAT_H


#include "social_image.h"


#define social_image_16be(p)                                                  \
    ((uint32_t) ((p)[0] << 8 | (p)[1]))

#define social_image_16le(p)                                                  \
    ((uint32_t) ((p)[1] << 8 | (p)[0]))

#define social_image_24le(p)                                                  \
    ((uint32_t) (p)[2] << 16 | (uint32_t) (p)[1] << 8 | (uint32_t) (p)[0])

#define social_image_32be(p)                                                  \
    ((uint32_t) (p)[0] << 24 | (uint32_t) (p)[1] << 16                        \
     | (uint32_t) (p)[2] << 8 | (uint32_t) (p)[3])

#define social_image_32le(p)                                                  \
    ((uint32_t) (p)[3] << 24 | social_image_24le(p))


/*
 * Read the headers of one format, whose magic bytes are there already, into
 * "image".  SOCIAL_MALFORMED: they are not sound.
 */
social_rc_e social_image_webp(social_str_t data, social_image_t *image);
social_rc_e social_image_heif(social_str_t data, social_image_t *image);

/*
 * Whether an AVIF has nothing but a picture: SOCIAL_OK.  SOCIAL_DECLINED: an
 * item, a property or a box is not on the list of what a picture needs;
 * SOCIAL_MALFORMED: it is cut off or not sound.
 */
social_rc_e social_image_bare_avif(social_str_t data);

/*
 * Takes the larger of each side: no decoder allocates more than that.
 */
void social_image_grow(social_image_t *image, uint32_t width,
    uint32_t height);


#endif /* SOCIAL_IMAGE_FORMAT_H */
