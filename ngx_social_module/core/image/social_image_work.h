
/*
 * What an image asks of its decoder, by its headers: before it is decoded.
 */

#ifndef SOCIAL_IMAGE_WORK_H
#define SOCIAL_IMAGE_WORK_H


#include "social_image.h"


typedef struct {
    uint32_t              scans;      /* of a JPEG, each of which is a pass */
    uint32_t              segments;   /* of a JPEG, RSTm not among them */
    uint32_t              frames;     /* of an animated WebP */
    uint64_t              memory;     /* at least; see below */
} social_image_work_t;


/*
 * "image" is what social_image_parse() gave for "data", the whole file.  What
 * is cut off or not sound is left to the decoder: only what comes before it is
 * counted, as decoders do, which pass over bytes between segments.
 *
 * "memory" is what a decoder has to hold at once of the whole image, in bytes,
 * whatever the size that it is asked for: the coefficients of a JPEG of more
 * than one scan (ITU-T T.81, A.2 and G.1), the pixels of an interlaced PNG, a
 * GIF, a lossless WebP, an AVIF or a HEIC.  It is 0 for what can be decoded
 * line by line.  It is never more than what they do take.
 */
void social_image_work(social_str_t data, const social_image_t *image,
    social_image_work_t *work);


#endif /* SOCIAL_IMAGE_WORK_H */
