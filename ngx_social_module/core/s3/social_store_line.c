
/*
 * The text of the embedded store's own files: lines of a name and a value.
 */

#include <string.h>

#include "social_store_line.h"
#include "social_store_path.h"


#define SOCIAL_STORE_LINE_ETAG  32


social_rc_e
social_store_line_next(social_str_t *text, social_str_t *line)
{
    const unsigned char  *end;

    end = text->len ? memchr(text->data, '\n', text->len) : NULL;

    if (end == NULL) {
        return SOCIAL_MALFORMED;
    }

    line->data = text->data;
    line->len = (size_t) (end - text->data);

    text->len -= line->len + 1;
    text->data = end + 1;

    return SOCIAL_OK;
}


social_rc_e
social_store_line(social_str_t *text, const char *name, social_str_t *value)
{
    size_t        n;
    social_str_t  rest;

    n = strlen(name);
    rest = *text;

    if (social_store_line_next(&rest, value) != SOCIAL_OK
        || value->len <= n || memcmp(value->data, name, n) != 0
        || value->data[n] != ' ')
    {
        return SOCIAL_MALFORMED;
    }

    value->data += n + 1;
    value->len -= n + 1;

    *text = rest;

    return SOCIAL_OK;
}


social_rc_e
social_store_line_key(social_str_t *text, social_str_t *key)
{
    int64_t       len;
    social_str_t  value;

    if (social_store_line(text, "key", &value) != SOCIAL_OK
        || social_store_line_number(value, &len) != SOCIAL_OK
        || len == 0 || len > SOCIAL_STORE_MAX_KEY
        || (size_t) len >= text->len || text->data[len] != '\n')
    {
        return SOCIAL_MALFORMED;
    }

    key->data = text->data;
    key->len = (size_t) len;

    text->data += len + 1;
    text->len -= (size_t) len + 1;

    return SOCIAL_OK;
}


social_rc_e
social_store_line_number(social_str_t s, int64_t *n)
{
    size_t  i;

    *n = 0;

    if (s.len == 0 || s.len > 18) {
        return SOCIAL_MALFORMED;
    }

    for (i = 0; i < s.len; i++) {

        if (s.data[i] < '0' || s.data[i] > '9') {
            return SOCIAL_MALFORMED;
        }

        *n = *n * 10 + (s.data[i] - '0');
    }

    return SOCIAL_OK;
}


social_rc_e
social_store_line_hex(social_str_t s, unsigned char *dst, size_t size)
{
    size_t         i;
    unsigned char  ch;

    if (s.len != size) {
        return SOCIAL_MALFORMED;
    }

    for (i = 0; i < size; i++) {
        ch = s.data[i];

        if (!((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f'))) {
            return SOCIAL_MALFORMED;
        }

        dst[i] = ch;
    }

    return SOCIAL_OK;
}


void
social_store_line_etag(social_buf_t *b, const unsigned char *etag,
    unsigned parts)
{
    social_buf_text(b, "etag ");
    social_buf_put(b, (social_str_t) { SOCIAL_STORE_LINE_ETAG, etag });

    if (parts) {
        social_buf_byte(b, ' ');
        social_buf_number(b, parts);
    }

    social_buf_byte(b, '\n');
}


social_rc_e
social_store_line_read_etag(social_str_t value, unsigned char *etag,
    unsigned *parts)
{
    int64_t       n;
    social_str_t  rest;

    *parts = 0;

    if (value.len > SOCIAL_STORE_LINE_ETAG) {

        rest.data = value.data + SOCIAL_STORE_LINE_ETAG + 1;
        rest.len = value.len - SOCIAL_STORE_LINE_ETAG - 1;

        if (value.data[SOCIAL_STORE_LINE_ETAG] != ' '
            || rest.len > 9
            || social_store_line_number(rest, &n) != SOCIAL_OK || n == 0)
        {
            return SOCIAL_MALFORMED;
        }

        *parts = (unsigned) n;
        value.len = SOCIAL_STORE_LINE_ETAG;
    }

    return social_store_line_hex(value, etag, SOCIAL_STORE_LINE_ETAG);
}


bool
social_store_line_is_printable(social_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] < 0x20 || s.data[i] >= 0x7f) {
            return false;
        }
    }

    return true;
}


bool
social_store_line_is_base64(social_str_t s)
{
    size_t         i;
    unsigned char  ch;

    for (i = 0; i < s.len; i++) {

        ch = s.data[i];

        if ((ch < '0' || ch > '9') && (ch < 'a' || ch > 'z')
            && (ch < 'A' || ch > 'Z') && ch != '+' && ch != '/' && ch != '=')
        {
            return false;
        }
    }

    return s.len != 0 && s.len <= SOCIAL_STORE_LINE_BASE64;
}
