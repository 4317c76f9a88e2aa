
/*
 * Numbers in the headers of images, of either byte order.
 */

#ifndef SOCIAL_IMAGE_BYTES_H
#define SOCIAL_IMAGE_BYTES_H


#include <stdint.h>


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


#endif /* SOCIAL_IMAGE_BYTES_H */
