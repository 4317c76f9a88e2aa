
/*
 * base64url without padding (RFC 7515, 2; RFC 4648, 5).
 */

#ifndef SOCIAL_BASE64URL_H
#define SOCIAL_BASE64URL_H


#include "social_rc.h"
#include "social_str.h"


/* the most bytes that "len" characters decode to */
#define social_base64url_decoded_size(len)  ((len) / 4 * 3 + 2)

/* the characters that "len" bytes are encoded as */
#define social_base64url_size(len)          (((len) * 4 + 2) / 3)


/*
 * Decodes "src" to "dst", which has room for
 * social_base64url_decoded_size(src.len) bytes, and stores their number in
 * "len".  There is one spelling of every value: padding, white space, the
 * "+" and "/" of plain base64, a length of 4n+1 and unused bits that are not
 * zero are SOCIAL_MALFORMED (RFC 4648, 3.5: others would let one token be
 * written in many ways).  The empty string decodes to nothing.
 */
social_rc_e social_base64url_decode(social_str_t src, unsigned char *dst,
    size_t *len);

/*
 * Writes "src" to "dst", which has room for social_base64url_size(src.len)
 * characters, and returns their number.
 */
size_t social_base64url_encode(social_str_t src, unsigned char *dst);


#endif /* SOCIAL_BASE64URL_H */
