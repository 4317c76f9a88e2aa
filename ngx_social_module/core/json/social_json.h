
/*
 * JSON from untrusted sources (RFC 8259).
 */

#ifndef SOCIAL_JSON_H
#define SOCIAL_JSON_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_JSON_MAX_DEPTH  16
#define SOCIAL_JSON_MAX_SIZE   (256 * 1024 * 1024)
#define SOCIAL_JSON_PATH_SIZE  128


typedef enum {
    SOCIAL_JSON_NULL = 0,
    SOCIAL_JSON_FALSE,
    SOCIAL_JSON_TRUE,
    SOCIAL_JSON_NUMBER,
    SOCIAL_JSON_STRING,
    SOCIAL_JSON_ARRAY,
    SOCIAL_JSON_OBJECT
} social_json_type_e;


/*
 * A value of a document, or the whole of it.  The fields are for social_json.c
 * and its parser and writer; others use the functions below.
 *
 * The values of a document stand in one array in the order of the text, each
 * before what is in it: what is in a container begins right after it, and the
 * sibling of a value is "span" further on.  A member is its value with a name.
 */

typedef struct {
    const unsigned char    *name;
    uint32_t                name_len;
    uint32_t                span;      /* values: this and all that is in it */

    union {
        uint64_t              names;   /* an object's: social_json_name_bit() */
        const unsigned char  *data;    /* a string's, or a number as written */
        unsigned char        *copy;    /* see social_json_parse() */
    } u;

    uint32_t                count;     /* of bytes, elements or members */
    social_json_type_e      type;
} social_json_t;


/*
 * Parses a JSON object, the whole of "text".  SOCIAL_OK: "json" is owned by
 * the caller, who frees it with social_json_free(); "text" may be freed before
 * it.  SOCIAL_MALFORMED: not JSON (RFC 8259), not an object, a member named
 * twice, invalid UTF-8, a NUL character, anything but white space after the
 * object, deeper than SOCIAL_JSON_MAX_DEPTH, or longer than
 * SOCIAL_JSON_MAX_SIZE; the caller has a smaller limit.  SOCIAL_FAILED: out of
 * memory.
 *
 * Numbers are kept as they are written, of whatever size: they are read when
 * they are asked for.
 */
social_rc_e social_json_parse(social_str_t text, social_json_t **json);

/*
 * The text after a byte order mark, which servers must not send, and readers
 * may ignore (RFC 8259, 8.1); a view of it.
 */
social_str_t social_json_unmarked(social_str_t text);

/*
 * A string of a text that cannot be kept as it is.
 */

typedef struct {
    char                    path[SOCIAL_JSON_PATH_SIZE];  /* "a.b.c", or "" */
    const char             *why;       /* what to say after it, or NULL */
} social_json_where_t;

/*
 * The same, and where SOCIAL_MALFORMED is because of the characters of one
 * string (U+0000, half a surrogate pair, invalid UTF-8, a control character
 * that is not escaped), "where" has the reason and the names of the members
 * that lead to it.  The path ends before a name that has other characters than
 * letters, digits, "_", "-" and ":" of ASCII, or does not fit.  "why" is NULL
 * for every other reason, and points to a constant.
 */
social_rc_e social_json_parse_where(social_str_t text, social_json_t **json,
    social_json_where_t *where);

/*
 * What is wrong with the characters of a string, from after its opening quote
 * to the end of the text; a constant, in words that go after a name.  NULL:
 * none of the reasons above, before the string or the text ends.
 */
const char *social_json_wrong_string(social_str_t rest);

/*
 * The same without a copy of the text: the document's strings are where they
 * are in "text", which must live as long as "json" does, unchanged.  What has
 * escapes in it is written over, and also when the outcome is not SOCIAL_OK.
 */
social_rc_e social_json_parse_in_place(unsigned char *text, size_t len,
    social_json_t **json);

/*
 * Frees what either of them gave, the whole of a document; NULL is allowed.
 */
void social_json_free(social_json_t *json);

/*
 * The member "name" of an object, or NULL; owned by the object.
 */
const social_json_t *social_json_member(const social_json_t *object,
    social_str_t name);

/*
 * The same, or NULL where the member is null: of what is optional, null says
 * that it is absent.
 */
const social_json_t *social_json_present(const social_json_t *object,
    social_str_t name);

/*
 * The same as social_json_member() for a name in which every "_" stands for one
 * byte that is not a letter or digit, and letters for either case: what is left
 * of "custom:Plan" in the name of an nginx variable.  Of several such members
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
 * A number as it is written (RFC 8259, 6), owned by the value.
 * SOCIAL_DECLINED: "json" is NULL; SOCIAL_MALFORMED: it is not a number.
 */
social_rc_e social_json_number(const social_json_t *json, social_str_t *out);

/*
 * A time in whole seconds (NumericDate, RFC 7519, 2), fractions dropped.
 * SOCIAL_DECLINED: "json" is NULL; SOCIAL_MALFORMED: not a number, or not in
 * [0, 2^53], beyond which numbers are not exact.
 */
social_rc_e social_json_time(const social_json_t *json, int64_t *out);

/*
 * Whether a time has a fraction, which social_json_time() drops.  False for
 * anything but a number.
 */
bool social_json_time_has_fraction(const social_json_t *json);

/*
 * A whole number.  SOCIAL_DECLINED: "json" is NULL; SOCIAL_MALFORMED: not an
 * integer (one written with a point or an exponent is not), or not in
 * [0, 2^53].
 */
social_rc_e social_json_integer(const social_json_t *json, int64_t *out);

/*
 * The number of elements of an array, 0 for anything else, and the element
 * at "i", owned by the array, or NULL.  Where an array has others in it, or
 * objects, the element is looked for from the front: to see all of them, use
 * social_json_next().
 */
size_t social_json_count(const social_json_t *json);
const social_json_t *social_json_element(const social_json_t *json, size_t i);

/*
 * The element of "array" after "element", or the first where that is NULL;
 * NULL after the last, and for anything but an array.
 */
const social_json_t *social_json_next(const social_json_t *array,
    const social_json_t *element);

/*
 * The same for the members of an object.
 */
const social_json_t *social_json_next_member(const social_json_t *object,
    const social_json_t *member);

/*
 * The name of a member, owned by it.
 */
social_str_t social_json_name(const social_json_t *member);

/*
 * Where a member of "document" stands in "text", which social_json_parse() or
 * social_json_parse_where() made it of: views of the text, of its value, and
 * of all from the quote before its name to the end of the value.
 */
void social_json_member_text(const social_json_t *document,
    const social_json_t *member, social_str_t text, social_str_t *whole,
    social_str_t *value);

bool social_json_is_object(const social_json_t *json);
bool social_json_is_array(const social_json_t *json);
bool social_json_is_null(const social_json_t *json);
bool social_json_is_boolean(const social_json_t *json);
bool social_json_is_true(const social_json_t *json);

/*
 * Writes the value to "buf" as one line of printable ASCII without needless
 * spaces, fit for a header, numbers as they came, and returns the bytes that
 * the whole takes, which may be more than "size": call it with a size of 0
 * first.
 */
size_t social_json_write(const social_json_t *json, unsigned char *buf,
    size_t size);

/*
 * Writes "text" to "buf" as the inside of a JSON string: quotes, backslashes,
 * control characters and invalid UTF-8 escaped or replaced.  "buf" has room
 * for 6 * text.len bytes; returns the end of what was written.
 */
unsigned char *social_json_escape(unsigned char *buf, social_str_t text);


/*
 * One bit of 64 for a name.  An object keeps those of all its members, so that
 * most absent names are found to be absent without a search.
 */

static inline uint64_t
social_json_name_bit(const unsigned char *name, size_t len)
{
    size_t  n;

    if (len == 0) {
        return 1;
    }

    n = len + (size_t) name[0] * 5 + (size_t) name[len / 2] * 11
        + (size_t) name[len - 1] * 23;

    return (uint64_t) 1 << (n & 63);
}


#endif /* SOCIAL_JSON_H */
