
/*
 * URLs in the one spelling that equal ones have in common, without query and
 * fragment: syntax- and scheme-based normalization (RFC 3986, 6.2.2 and
 * 6.2.3), as DPoP compares them (RFC 9449, 4.3).
 */

#ifndef SOCIAL_NORMAL_H
#define SOCIAL_NORMAL_H


#include "social_buf.h"
#include "social_rc.h"
#include "social_str.h"


/* the most bytes that a URL or a path of "len" bytes becomes */
#define social_normal_size(len)  (3 * (len) + 1)


/*
 * Appends "scheme://host[:port]" of an absolute URL: "http" or "https", a host
 * that is a name or an address, in lower case, and the port where it is not
 * the scheme's own.  "rest" is a view of what follows.  SOCIAL_MALFORMED: it
 * is not such a URL, has a user name, or does not fit; b->rc is the same.
 */
social_rc_e social_normal_origin(social_str_t url, social_buf_t *b,
    social_str_t *rest);

/*
 * Appends the path of "target", up to its query or fragment: "/" where it is
 * empty, no "." and ".." segments, escapes in upper case, no escapes of
 * letters, digits, "-", ".", "_" and "~"; bytes above 0x7f become escapes.
 * SOCIAL_MALFORMED: it does not begin with a slash, a "%" without two
 * hexadecimal digits, a space or control character, or it does not fit;
 * b->rc is the same.
 */
social_rc_e social_normal_path(social_str_t target, social_buf_t *b);

/*
 * Appends both of a URL.
 */
social_rc_e social_normal_url(social_str_t url, social_buf_t *b);


#endif /* SOCIAL_NORMAL_H */
