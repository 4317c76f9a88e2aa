
/*
 * ThumbHash: a picture in some 25 bytes, to be shown until the real one is
 * there (Evan Wallace, https://evanw.github.io/thumbhash/).
 */

#ifndef SOCIAL_THUMBHASH_H
#define SOCIAL_THUMBHASH_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_THUMBHASH_MAX_SIDE  100
#define SOCIAL_THUMBHASH_MAX_SIZE  32

/* base64 with padding and a zero byte */
#define SOCIAL_THUMBHASH_TEXT_SIZE                                            \
    ((SOCIAL_THUMBHASH_MAX_SIZE + 2) / 3 * 4 + 1)


/*
 * Encodes width * height pixels of R, G, B and A, a byte each, alpha not
 * multiplied in, to "hash", and their number to "len".  SOCIAL_MALFORMED: a
 * side is 0 or over SOCIAL_THUMBHASH_MAX_SIDE.
 */
social_rc_e social_thumbhash_encode(const unsigned char *rgba, size_t width,
    size_t height, unsigned char hash[SOCIAL_THUMBHASH_MAX_SIZE],
    size_t *len);

/*
 * Writes a hash as base64 with padding, which is how browsers' code takes it,
 * with a zero byte at its end.
 */
void social_thumbhash_text(const unsigned char *hash, size_t len,
    char text[SOCIAL_THUMBHASH_TEXT_SIZE]);


#endif /* SOCIAL_THUMBHASH_H */
