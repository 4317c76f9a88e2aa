
/*
 * UTF-8, strictly.
 */

#ifndef SOCIAL_UTF8_H
#define SOCIAL_UTF8_H


#include "social_str.h"


/*
 * The length of the character at the front of "s", 1 to 4, and its code point
 * in "code"; 0 if "s" is empty or does not begin with a character: stray and
 * missing continuation bytes, overlong forms, surrogates and what is above
 * U+10FFFF (RFC 3629, 4).
 */
size_t social_utf8_next(social_str_t s, uint32_t *code);

/*
 * Whether all of "s" is UTF-8; the empty string is.
 */
bool social_utf8_valid(social_str_t s);


#endif /* SOCIAL_UTF8_H */
