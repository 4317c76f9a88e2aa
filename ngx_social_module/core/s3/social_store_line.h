
/*
 * The text of the embedded store's own files: lines of a name and a value.
 */

#ifndef SOCIAL_STORE_LINE_H
#define SOCIAL_STORE_LINE_H


#include "social_buf.h"
#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_STORE_LINE_BASE64  44      /* of 32 bytes */


/*
 * Extracts the next line from the front of "text", without its end.
 * SOCIAL_MALFORMED: there is no whole line, and "text" is as it was.
 */
social_rc_e social_store_line_next(social_str_t *text, social_str_t *line);

/*
 * Extracts the value of the next line, which has to begin with "name" and a
 * space.  SOCIAL_MALFORMED: it does not, and "text" is as it was.
 */
social_rc_e social_store_line(social_str_t *text, const char *name,
    social_str_t *value);

/*
 * Extracts a key, which may have line ends: a line with its length, and as many
 * bytes with a line end after them.  SOCIAL_MALFORMED: it is not that; "text"
 * may be past the first line.
 */
social_rc_e social_store_line_key(social_str_t *text, social_str_t *key);

/*
 * A number of 1 to 18 decimal digits.  SOCIAL_MALFORMED: it is not one.
 */
social_rc_e social_store_line_number(social_str_t s, int64_t *n);

/*
 * Copies "size" lowercase hexadecimal digits.  SOCIAL_MALFORMED: it is not
 * that.
 */
social_rc_e social_store_line_hex(social_str_t s, unsigned char *dst,
    size_t size);

/*
 * Writes the line of an ETag, an MD5 in hexadecimal, and the number of its
 * parts unless that is 0.
 */
void social_store_line_etag(social_buf_t *b, const unsigned char *etag,
    unsigned parts);

/*
 * Reads the value of such a line.  SOCIAL_MALFORMED: it is not one.
 */
social_rc_e social_store_line_read_etag(social_str_t value,
    unsigned char *etag, unsigned *parts);

/*
 * Whether it is of the letters of base64 (RFC 4648, 4), and not longer than a
 * checksum may be.
 */
bool social_store_line_is_base64(social_str_t s);

/*
 * Whether all bytes are printable ASCII, spaces included.
 */
bool social_store_line_is_printable(social_str_t s);


#endif /* SOCIAL_STORE_LINE_H */
