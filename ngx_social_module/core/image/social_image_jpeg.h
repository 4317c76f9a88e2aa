
/*
 * The markers of a JPEG.
 */

#ifndef SOCIAL_IMAGE_JPEG_H
#define SOCIAL_IMAGE_JPEG_H


/*
 * Gives the next marker's second byte, which is neither 0x00 nor 0xff, at or
 * after "p"; there may be several of the first one (B.1.1.2).  Bytes between
 * segments are skipped, as decoders and browsers do: some programs leave them
 * there.  Returns "end" if there is none.  (ITU-T T.81, B.1.1)
 */
const unsigned char *social_image_jpeg_marker(const unsigned char *p,
    const unsigned char *end);


#endif /* SOCIAL_IMAGE_JPEG_H */
