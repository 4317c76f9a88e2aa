
/*
 * A view of bytes owned by others: never zero-terminated, never
 * freed.  The layout is that of nginx's ngx_str_t.
 */

#ifndef SOCIAL_STR_H
#define SOCIAL_STR_H


#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>


typedef struct {
    size_t                len;
    const unsigned char  *data;
} social_str_t;


#define social_string(text)                                                   \
    { sizeof(text) - 1, (const unsigned char *) text }


/*
 * Makes a view of a zero-terminated string, which must outlive the view.
 */
social_str_t social_str(const char *text);

/*
 * Compares byte by byte; both lengths count, so that an empty view equals
 * only another empty one.
 */
bool social_str_eq(social_str_t a, social_str_t b);

/*
 * The same without regard to the case of ASCII letters, whatever the locale.
 */
bool social_str_caseeq(social_str_t a, social_str_t b);

/*
 * Whether "s" begins with "prefix"; the empty prefix begins everything.
 */
bool social_str_starts(social_str_t s, social_str_t prefix);

/*
 * Extracts the next item of a list from the front of "rest": items are
 * separated by any of the "separators" (a zero-terminated set), and empty
 * items are skipped.  Returns false, and leaves "item" empty, at the end.
 */
bool social_str_next(social_str_t *rest, const char *separators,
    social_str_t *item);

/*
 * Strips spaces and tabs from both ends (OWS, RFC 9110, 5.6.3).
 */
social_str_t social_str_trim(social_str_t s);

/*
 * An ASCII letter in lower case; every other byte as it is.
 */
unsigned char social_lower(unsigned char ch);

/*
 * Whether "s" is an HTTP token (RFC 9110, 5.6.2): a method, a header name.
 */
bool social_str_is_token(social_str_t s);

/*
 * Writes the client's text to "buf" in a form for logs, between quotes:
 * quotes, backslashes and all but printable ASCII as "\x1b", so that it
 * neither ends the quotes nor commands a terminal (RFC 8725, 3.10).  "buf" has
 * room for 4 * s.len bytes; returns the end of what was written.
 */
unsigned char *social_str_printable(unsigned char *buf, social_str_t s);


#endif /* SOCIAL_STR_H */
