
/*
 * An image without what it says besides its pixels: no EXIF, XMP, IPTC, text,
 * comments, times, profiles or thumbnails.  Nothing is decoded or encoded.
 */

#ifndef SOCIAL_IMAGE_STRIP_H
#define SOCIAL_IMAGE_STRIP_H


#include "social_image.h"


/*
 * Copies a JPEG, PNG, WebP or AVIF to "out", which has room for data.len
 * bytes and does not overlap "data", without its metadata, and stores how many
 * bytes that took in "len"; never more than data.len, and the same bytes when
 * it is done again.  What is kept is listed, so that what is unknown goes:
 *
 *   JPEG: frame, tables, scans, one APP0 "JFIF" without its thumbnail, one
 *         APP14 "Adobe"; nothing after EOI
 *   PNG:  IHDR, PLTE, IDAT, IEND, and of the ancillary chunks those that say
 *         how pixels are to be shown (tRNS, gAMA, cHRM, sRGB, cICP, sBIT,
 *         bKGD, pHYs); an APNG becomes its first picture
 *   WebP: VP8X, its flags set right, ALPH, VP8, VP8L, ANIM, and ANMF with the
 *         like of these
 *   AVIF: nothing is cut, and all is looked at.  An item cannot be taken out
 *         without rewriting iinf, iloc, iref and ipma, and one of which
 *         only the bytes are zeroed makes decoders refuse the whole picture
 *         (libavif parses an Exif item before any pixel).  So an AVIF with an
 *         item, a property or a box that is not on the list is refused
 *
 * SOCIAL_OK; SOCIAL_DECLINED: it is of another format, or an AVIF that has
 * more than a picture; SOCIAL_MALFORMED: it is cut off or not sound.  "out" is
 * of no use then.  Time is linear in data.len, nesting is bounded.
 * (ITU-T T.81, B; JFIF 1.02; PNG 5 and 11; RFC 9649, 2; ISO/IEC 14496-12,
 * 8.11; ISO/IEC 23008-12, 6 and 9; AV1 Image File Format, 2)
 */
social_rc_e social_image_strip(social_str_t data, unsigned char *out,
    size_t *len);


#endif /* SOCIAL_IMAGE_STRIP_H */
