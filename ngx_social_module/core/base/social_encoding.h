
/*
 * Bytes as text: hexadecimal and base64, each with one spelling of a value.
 */

#ifndef SOCIAL_ENCODING_H
#define SOCIAL_ENCODING_H


#include "social_rc.h"
#include "social_str.h"


#define social_hex_size(len)             ((len) * 2)
#define social_base64_size(len)          (((len) + 2) / 3 * 4)
#define social_base64_decoded_size(len)  ((len) / 4 * 3)


/*
 * Writes "src" as lower-case hexadecimal digits to "dst", which has room for
 * social_hex_size(src.len) of them.
 */
void social_hex_encode(social_str_t src, unsigned char *dst);

/*
 * Decodes lower-case hexadecimal digits to "dst", which has room for half as
 * many bytes.  An odd number of digits, upper case and anything else is
 * SOCIAL_MALFORMED.
 */
social_rc_e social_hex_decode(social_str_t src, unsigned char *dst);

/*
 * Writes "src" as base64 with padding (RFC 4648, 4) to "dst", which has room
 * for social_base64_size(src.len) characters, and returns their number.
 */
size_t social_base64_encode(social_str_t src, unsigned char *dst);

/*
 * Decodes base64 with padding to "dst", which has room for
 * social_base64_decoded_size(src.len) bytes, and stores their number in
 * "len".  White space, missing or superfluous padding, "-" and "_", and
 * unused bits that are not zero are SOCIAL_MALFORMED (RFC 4648, 3).  The
 * empty string decodes to nothing.
 */
social_rc_e social_base64_decode(social_str_t src, unsigned char *dst,
    size_t *len);


#endif /* SOCIAL_ENCODING_H */
