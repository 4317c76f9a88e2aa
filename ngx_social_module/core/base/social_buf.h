
/*
 * Output into a buffer of the caller's: nothing is written past its end, and
 * the first error is kept, so that a row of writes is checked once, after it.
 */

#ifndef SOCIAL_BUF_H
#define SOCIAL_BUF_H


#include "social_rc.h"
#include "social_str.h"


typedef struct {
    unsigned char  *data;     /* the caller's */
    size_t          size;
    size_t          len;      /* never more than "size" */
    social_rc_e     rc;       /* the first error; nothing is written after */
} social_buf_t;


/*
 * Begins to write to "data", which has room for "size" bytes and outlives the
 * builder.
 */
void social_buf_init(social_buf_t *b, unsigned char *data, size_t size);

/*
 * Append a byte, a view, a zero-terminated string, a number in decimal.  What
 * does not fit whole is not written at all, and b->rc is SOCIAL_MALFORMED:
 * the caller's buffer is the limit of what is accepted.  A view may be one
 * of the same buffer.
 */
void social_buf_byte(social_buf_t *b, unsigned char ch);
void social_buf_put(social_buf_t *b, social_str_t s);
void social_buf_text(social_buf_t *b, const char *text);
void social_buf_number(social_buf_t *b, uint64_t n);

/*
 * Records an error, unless there is one already.
 */
void social_buf_fail(social_buf_t *b, social_rc_e rc);

/*
 * What was written since the builder was "mark" bytes long: a view of the
 * buffer, empty after an error.
 */
social_str_t social_buf_since(const social_buf_t *b, size_t mark);


#endif /* SOCIAL_BUF_H */
