
/*
 * Output into a buffer of the caller's.
 */

#include <string.h>

#include "social_buf.h"


void
social_buf_init(social_buf_t *b, unsigned char *data, size_t size)
{
    b->data = data;
    b->size = size;
    b->len = 0;
    b->rc = SOCIAL_OK;
}


void
social_buf_byte(social_buf_t *b, unsigned char ch)
{
    if (b->rc != SOCIAL_OK) {
        return;
    }

    if (b->len == b->size) {
        b->rc = SOCIAL_MALFORMED;
        return;
    }

    b->data[b->len++] = ch;
}


void
social_buf_put(social_buf_t *b, social_str_t s)
{
    if (b->rc != SOCIAL_OK || s.len == 0) {
        return;
    }

    if (s.len > b->size - b->len) {
        b->rc = SOCIAL_MALFORMED;
        return;
    }

    memcpy(b->data + b->len, s.data, s.len);
    b->len += s.len;
}


void
social_buf_text(social_buf_t *b, const char *text)
{
    social_buf_put(b, social_str(text));
}


void
social_buf_number(social_buf_t *b, uint64_t n)
{
    social_str_t   s;
    unsigned char  digits[20], *p;

    p = digits + sizeof(digits);

    do {
        *--p = (unsigned char) ('0' + n % 10);
        n /= 10;
    } while (n);

    s.data = p;
    s.len = (size_t) (digits + sizeof(digits) - p);

    social_buf_put(b, s);
}


void
social_buf_fail(social_buf_t *b, social_rc_e rc)
{
    if (b->rc == SOCIAL_OK) {
        b->rc = rc;
    }
}


social_str_t
social_buf_since(const social_buf_t *b, size_t mark)
{
    social_str_t  s = { 0, NULL };

    if (b->rc == SOCIAL_OK && mark < b->len) {
        s.data = b->data + mark;
        s.len = b->len - mark;
    }

    return s;
}
