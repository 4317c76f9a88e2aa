
/*
 * JSON as we accept it from strangers.  The only wrapper over jansson.
 */

#ifndef SOCIAL_JSON_H
#define SOCIAL_JSON_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_JSON_MAX_DEPTH  16


/* jansson's json_t, of which nothing else needs to know */
typedef struct json_t  social_json_t;


/*
 * Parses a JSON object, the whole of "text".  SOCIAL_OK: "json" is owned by
 * the caller, who frees it with social_json_free().  SOCIAL_MALFORMED: not
 * JSON (RFC 8259), not an object, a member named twice, invalid UTF-8, a NUL
 * character, an integer over 64 bits, a number that no double can hold,
 * anything but white space after the object, or deeper than
 * SOCIAL_JSON_MAX_DEPTH.  SOCIAL_FAILED: out of memory, except where jansson
 * takes that for a bad token, which is SOCIAL_MALFORMED.  The caller limits
 * the length.
 */
social_rc_e social_json_parse(social_str_t text, social_json_t **json);

/*
 * Frees what social_json_parse() gave; NULL is allowed.
 */
void social_json_free(social_json_t *json);

/*
 * The member "name" of an object, or NULL; owned by the object.
 */
const social_json_t *social_json_member(const social_json_t *object,
    social_str_t name);

/*
 * The same for a name in which every "_" stands for one byte that is not
 * a letter or digit, and letters for either case: what is left of
 * "custom:Plan" in the name of an nginx variable.  Of several such members
 * it is not said which.
 */
const social_json_t *social_json_member_folded(const social_json_t *object,
    social_str_t name);

/*
 * A string's bytes, owned by the value.  SOCIAL_DECLINED: "json" is NULL;
 * SOCIAL_MALFORMED: it is not a string.
 */
social_rc_e social_json_string(const social_json_t *json, social_str_t *out);

/*
 * A time in whole seconds (NumericDate, RFC 7519, 2), fractions dropped.
 * SOCIAL_DECLINED: "json" is NULL; SOCIAL_MALFORMED: not a number, or not in
 * [0, 2^53], beyond which numbers are not exact.
 */
social_rc_e social_json_time(const social_json_t *json, int64_t *out);

/*
 * Whether a time has a fraction, which social_json_time() drops.  False for
 * what is no number.
 */
bool social_json_time_has_fraction(const social_json_t *json);

/*
 * A whole number.  SOCIAL_DECLINED: "json" is NULL; SOCIAL_MALFORMED: not an
 * integer, or not in [0, 2^53].
 */
social_rc_e social_json_integer(const social_json_t *json, int64_t *out);

/*
 * The number of elements of an array, 0 for anything else, and the element
 * at "i", owned by the array.
 */
size_t social_json_count(const social_json_t *json);
const social_json_t *social_json_element(const social_json_t *json, size_t i);

bool social_json_is_object(const social_json_t *json);
bool social_json_is_array(const social_json_t *json);
bool social_json_is_null(const social_json_t *json);

/*
 * Writes the value to "buf" as one line of printable ASCII without needless
 * spaces, fit for a header, and returns the bytes that the whole takes, which
 * may be more than "size": call it with a size of 0 first.  0: out of memory.
 */
size_t social_json_write(const social_json_t *json, unsigned char *buf,
    size_t size);

/*
 * Writes "text" to "buf" as the inside of a JSON string: quotes, backslashes,
 * control characters and invalid UTF-8 escaped or replaced.  "buf" has room
 * for 6 * text.len bytes; returns the end of what was written.
 */
unsigned char *social_json_escape(unsigned char *buf, social_str_t text);


#endif /* SOCIAL_JSON_H */
