
/*
 * What an image says of itself in its first bytes: before a decoder sees any
 * of it, and to check what a decoder gave.
 */

#ifndef SOCIAL_IMAGE_H
#define SOCIAL_IMAGE_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_IMAGE_MAX_SIDE  65535


typedef enum {
    SOCIAL_IMAGE_NONE = 0,
    SOCIAL_IMAGE_JPEG,
    SOCIAL_IMAGE_PNG,
    SOCIAL_IMAGE_GIF,
    SOCIAL_IMAGE_WEBP,
    SOCIAL_IMAGE_AVIF,
    SOCIAL_IMAGE_HEIC
} social_image_type_e;


typedef struct {
    social_image_type_e   type;
    uint32_t              width;      /* as coded: orientation not applied */
    uint32_t              height;
    bool                  alpha;      /* may have transparent pixels */
    bool                  animated;   /* may have more than one frame */
    bool                  progressive;
} social_image_t;


/*
 * The type by magic bytes alone: JPEG, PNG, GIF, WebP, AVIF, HEIC; never the
 * name, never what a client says.
 */
social_image_type_e social_image_type(social_str_t data);

/*
 * Reads type and dimensions out of the headers, "data" being the whole file.
 * SOCIAL_OK: both sides are in [1, SOCIAL_IMAGE_MAX_SIDE].  Where a format
 * says its size in several places (a GIF's screen and its frame, a WebP's
 * canvas and its bitstream, the images of an AVIF), the largest counts, since
 * that is what a decoder may have to hold.  SOCIAL_DECLINED: not of a type
 * that we read; SOCIAL_MALFORMED: it begins like one, but its headers are cut
 * off, contradict one another, or give no size or one over the limit.
 * (ITU-T T.81, B.2; PNG, 11.2.2; GIF89a, 18 and 20; RFC 9649, 2;
 * ISO/IEC 14496-12, 8.11; ISO/IEC 23008-12, 6.5.3)
 */
social_rc_e social_image_parse(social_str_t data, social_image_t *image);

/*
 * Width times height, which cannot overflow.
 */
uint64_t social_image_pixels(const social_image_t *image);

/*
 * "jpeg", "image/jpeg" and "jpg"; the empty string for SOCIAL_IMAGE_NONE.
 */
const char *social_image_type_name(social_image_type_e type);
const char *social_image_media_type(social_image_type_e type);
const char *social_image_extension(social_image_type_e type);


#endif /* SOCIAL_IMAGE_H */
