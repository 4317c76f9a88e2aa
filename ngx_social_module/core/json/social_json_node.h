
/*
 * How a document is kept: for the files of social_json.h only.
 */

#ifndef SOCIAL_JSON_NODE_H
#define SOCIAL_JSON_NODE_H


#include "social_json.h"


typedef enum {
    SOCIAL_JSON_NULL = 0,
    SOCIAL_JSON_FALSE,
    SOCIAL_JSON_TRUE,
    SOCIAL_JSON_INTEGER,
    SOCIAL_JSON_REAL,
    SOCIAL_JSON_STRING,
    SOCIAL_JSON_ARRAY,
    SOCIAL_JSON_OBJECT
} social_json_type_e;


/*
 * The values of a document stand in one array in the order of the text, each
 * before what is in it: what is in a container begins right after it, and the
 * sibling of a value is "span" further on.  A member is its value with a name.
 */

struct social_json_s {
    const unsigned char    *name;
    uint32_t                name_len;
    uint32_t                span;      /* values: this and all that is in it */

    union {
        double                real;
        int64_t               integer;
        uint64_t              names;   /* an object's: see below */
        const unsigned char  *data;    /* a string's */
        unsigned char        *copy;    /* see social_json_parse() */
    } u;

    uint32_t                count;     /* of bytes, elements or members */
    social_json_type_e      type;
};


/*
 * One bit of 64 for a name.  An object keeps those of all its members, so
 * that most names which it has not are known without a look at the others.
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


/*
 * Takes a string of which the opening quote has been taken, and turns it into
 * plain UTF-8 where it stands, which takes no more room.  False: not closed,
 * or with bytes that may not be in a string (RFC 8259, 7 and 8.1; RFC 3629,
 * 4), an escape that there is not, half a surrogate pair, or U+0000.
 */
bool social_json_scan_string(unsigned char **next, unsigned char *end,
    social_str_t *out);

/*
 * Takes a number (RFC 8259, 6).  False: it is none, or it is an integer of
 * more than 64 bits or a number of which a double can only say "infinite".
 */
bool social_json_scan_number(unsigned char **next, unsigned char *end,
    social_json_t *node);

/* room for any number as it is written */
#define SOCIAL_JSON_NUMBER_SIZE  32

/*
 * Writes an integer or a real number to "buf", which has room for
 * SOCIAL_JSON_NUMBER_SIZE bytes, and returns the end.  A real number has the
 * 17 digits that make it the same when it is read, and always a point or an
 * exponent.
 */
unsigned char *social_json_write_integer(unsigned char *buf, int64_t n);
unsigned char *social_json_write_real(unsigned char *buf, double real);


#endif /* SOCIAL_JSON_NODE_H */
