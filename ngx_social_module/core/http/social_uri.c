
/*
 * Percent-encoding and canonical queries.
 */

#include <string.h>

#include "social_uri.h"


static bool social_uri_decode_next(social_str_t *rest, unsigned flags,
    unsigned char *ch);
static int social_uri_digit(unsigned char ch);
static void social_uri_encode_byte(social_buf_t *b, unsigned char ch,
    unsigned flags);
static void social_uri_query_insert(social_uri_query_t *q, social_buf_t *b,
    social_str_t name, social_str_t value);
static int social_uri_compare(social_str_t a, social_str_t b);


void
social_uri_encode(social_buf_t *b, social_str_t s, unsigned flags)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        social_uri_encode_byte(b, s.data[i], flags);
    }
}


void
social_uri_decode(social_buf_t *b, social_str_t s, unsigned flags)
{
    unsigned char  ch;

    while (s.len) {

        if (!social_uri_decode_next(&s, flags, &ch)) {
            social_buf_fail(b, SOCIAL_MALFORMED);
            return;
        }

        social_buf_byte(b, ch);
    }
}


void
social_uri_recode(social_buf_t *b, social_str_t s, unsigned flags)
{
    unsigned char  ch;

    while (s.len) {

        if (!social_uri_decode_next(&s, flags, &ch)) {
            social_buf_fail(b, SOCIAL_MALFORMED);
            return;
        }

        social_uri_encode_byte(b, ch, flags);
    }
}


static bool
social_uri_decode_next(social_str_t *rest, unsigned flags, unsigned char *ch)
{
    int  high, low;

    *ch = rest->data[0];

    if (*ch == '%') {

        if (rest->len < 3) {
            return false;
        }

        high = social_uri_digit(rest->data[1]);
        low = social_uri_digit(rest->data[2]);

        if (high < 0 || low < 0) {
            return false;
        }

        *ch = (unsigned char) (high << 4 | low);

        rest->data += 2;
        rest->len -= 2;

    } else if (*ch == '+' && (flags & SOCIAL_URI_PLUS)) {
        *ch = ' ';
    }

    rest->data++;
    rest->len--;

    return *ch != '\0';
}


static int
social_uri_digit(unsigned char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }

    ch = social_lower(ch);

    if (ch >= 'a' && ch <= 'f') {
        return ch - 'a' + 10;
    }

    return -1;
}


static void
social_uri_encode_byte(social_buf_t *b, unsigned char ch, unsigned flags)
{
    static const unsigned char  digits[] = "0123456789ABCDEF";

    if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
        || (ch >= '0' && ch <= '9') || ch == '-' || ch == '_' || ch == '.'
        || ch == '~' || (ch == '/' && (flags & SOCIAL_URI_SLASH)))
    {
        social_buf_byte(b, ch);
        return;
    }

    social_buf_byte(b, '%');
    social_buf_byte(b, digits[ch >> 4]);
    social_buf_byte(b, digits[ch & 0xf]);
}


social_rc_e
social_uri_query_parse(social_uri_query_t *q, social_buf_t *b,
    social_str_t raw, unsigned flags)
{
    size_t        mark;
    social_str_t  piece, name, value;

    flags &= SOCIAL_URI_PLUS;
    q->count = 0;

    while (social_str_next(&raw, "&", &piece)) {

        name = piece;
        value.len = 0;
        value.data = NULL;

        for (name.len = 0; name.len < piece.len; name.len++) {

            if (piece.data[name.len] == '=') {
                value.data = piece.data + name.len + 1;
                value.len = piece.len - name.len - 1;
                break;
            }
        }

        mark = b->len;
        social_uri_recode(b, name, flags);
        name = social_buf_since(b, mark);

        mark = b->len;
        social_uri_recode(b, value, flags);
        value = social_buf_since(b, mark);

        social_uri_query_insert(q, b, name, value);

        if (b->rc != SOCIAL_OK) {
            break;
        }
    }

    return b->rc;
}


void
social_uri_query_add(social_uri_query_t *q, social_buf_t *b,
    social_str_t name, social_str_t value)
{
    size_t  mark;

    mark = b->len;
    social_uri_encode(b, name, 0);
    name = social_buf_since(b, mark);

    mark = b->len;
    social_uri_encode(b, value, 0);
    value = social_buf_since(b, mark);

    social_uri_query_insert(q, b, name, value);
}


static void
social_uri_query_insert(social_uri_query_t *q, social_buf_t *b,
    social_str_t name, social_str_t value)
{
    int     order;
    size_t  i;

    if (q->count == SOCIAL_URI_MAX_PARAMS) {
        social_buf_fail(b, SOCIAL_MALFORMED);
    }

    if (b->rc != SOCIAL_OK) {
        return;
    }

    for (i = q->count; i > 0; i--) {

        order = social_uri_compare(q->params[i - 1].name, name);

        if (order == 0) {
            order = social_uri_compare(q->params[i - 1].value, value);
        }

        if (order <= 0) {
            break;
        }

        q->params[i] = q->params[i - 1];
    }

    q->params[i].name = name;
    q->params[i].value = value;
    q->count++;
}


static int
social_uri_compare(social_str_t a, social_str_t b)
{
    int     order;
    size_t  n;

    n = a.len < b.len ? a.len : b.len;
    order = n ? memcmp(a.data, b.data, n) : 0;

    if (order != 0) {
        return order;
    }

    return (a.len > b.len) - (a.len < b.len);
}


const social_uri_param_t *
social_uri_query_find(const social_uri_query_t *q, social_str_t name)
{
    size_t  i;

    for (i = 0; i < q->count; i++) {
        if (social_str_eq(q->params[i].name, name)) {
            return &q->params[i];
        }
    }

    return NULL;
}


const social_uri_param_t *
social_uri_query_duplicate(const social_uri_query_t *q)
{
    size_t  i;

    for (i = 1; i < q->count; i++) {
        if (social_str_eq(q->params[i].name, q->params[i - 1].name)) {
            return &q->params[i];
        }
    }

    return NULL;
}


void
social_uri_query_write(social_buf_t *b, const social_uri_query_t *q,
    const social_str_t *except)
{
    bool    first;
    size_t  i;

    first = true;

    for (i = 0; i < q->count; i++) {

        if (except != NULL && social_str_eq(q->params[i].name, *except)) {
            continue;
        }

        if (!first) {
            social_buf_byte(b, '&');
        }

        social_buf_put(b, q->params[i].name);
        social_buf_byte(b, '=');
        social_buf_put(b, q->params[i].value);

        first = false;
    }
}
