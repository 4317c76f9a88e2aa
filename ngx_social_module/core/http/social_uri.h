
/*
 * Percent-encoding as AWS has it, and queries in the canonical form that
 * signatures cover (AWS: "Create a signed AWS API request", UriEncode();
 * S3 API Reference, "Signature Calculations ... Using Query Parameters").
 */

#ifndef SOCIAL_URI_H
#define SOCIAL_URI_H


#include "social_buf.h"
#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_URI_MAX_PARAMS  64


/* encoding: "/" stays as it is */
#define SOCIAL_URI_SLASH  0x1

/*
 * decoding: "+" is a space, as S3 and its like read a query that has one
 * unescaped (a path never); what we write has "%20" and "%2B" only
 */
#define SOCIAL_URI_PLUS   0x2


typedef struct {
    social_str_t        name;       /* both percent-encoded canonically */
    social_str_t        value;
} social_uri_param_t;


typedef struct {
    size_t              count;
    social_uri_param_t  params[SOCIAL_URI_MAX_PARAMS];
} social_uri_query_t;


/*
 * Appends "s" percent-encoded: A-Z a-z 0-9 - _ . ~ as they are, every other
 * byte as % and two upper-case digits.  Flags: SOCIAL_URI_SLASH.
 */
void social_uri_encode(social_buf_t *b, social_str_t s, unsigned flags);

/*
 * Appends "s" percent-decoded, once.  A "%" without two hexadecimal digits
 * after it, and a zero byte, escaped or not, make b->rc SOCIAL_MALFORMED.
 * Flags: SOCIAL_URI_PLUS.
 */
void social_uri_decode(social_buf_t *b, social_str_t s, unsigned flags);

/*
 * Decodes and encodes again, which makes one spelling out of many: an escape
 * that needs none goes, a byte that needs one gets it, digits are upper-case.
 * Errors as social_uri_decode(); flags of both.
 */
void social_uri_recode(social_buf_t *b, social_str_t s, unsigned flags);

/*
 * Splits a query: parameters between "&"s, name and value at the first
 * "=", a name without "=" has an empty value, and nothing between two "&"s is
 * nothing.  Both are re-encoded into "b", which the views in "q" are of, and
 * the parameters are sorted by name, then by value, byte by byte.  Flags:
 * SOCIAL_URI_PLUS.  SOCIAL_MALFORMED: bad escapes, more than
 * SOCIAL_URI_MAX_PARAMS parameters, or no room in "b"; b->rc is the same.
 */
social_rc_e social_uri_query_parse(social_uri_query_t *q, social_buf_t *b,
    social_str_t raw, unsigned flags);

/*
 * Adds a parameter, encoded from "name" and "value" into "b", at its place.
 * Errors as above.
 */
void social_uri_query_add(social_uri_query_t *q, social_buf_t *b,
    social_str_t name, social_str_t value);

/*
 * The first parameter of that name (in its encoded spelling), or NULL.
 */
const social_uri_param_t *social_uri_query_find(const social_uri_query_t *q,
    social_str_t name);

/*
 * A parameter whose name another one has too, or NULL.
 */
const social_uri_param_t *social_uri_query_duplicate(
    const social_uri_query_t *q);

/*
 * Appends "name=value&name=value", without the parameters named "except",
 * which may be NULL.
 */
void social_uri_query_write(social_buf_t *b, const social_uri_query_t *q,
    const social_str_t *except);


#endif /* SOCIAL_URI_H */
