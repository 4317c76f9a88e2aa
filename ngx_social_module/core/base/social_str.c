
/*
 * Views of bytes: comparison, splitting, trimming.
 */

#include <string.h>

#include "social_str.h"


social_str_t
social_str(const char *text)
{
    social_str_t  s;

    s.len = strlen(text);
    s.data = (const unsigned char *) text;

    return s;
}


bool
social_str_eq(social_str_t a, social_str_t b)
{
    /* memcmp() must not see the null pointer of an empty view */

    return a.len == b.len
           && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


bool
social_str_caseeq(social_str_t a, social_str_t b)
{
    size_t  i;

    if (a.len != b.len) {
        return false;
    }

    for (i = 0; i < a.len; i++) {
        if (social_lower(a.data[i]) != social_lower(b.data[i])) {
            return false;
        }
    }

    return true;
}


bool
social_str_starts(social_str_t s, social_str_t prefix)
{
    return s.len >= prefix.len
           && (prefix.len == 0 || memcmp(s.data, prefix.data, prefix.len) == 0);
}


bool
social_str_next(social_str_t *rest, const char *separators,
    social_str_t *item)
{
    size_t  i, n;

    item->len = 0;
    item->data = rest->data;

    if (rest->len == 0) {
        return false;
    }

    n = strlen(separators);

    for (i = 0; i < rest->len; i++) {
        if (memchr(separators, rest->data[i], n) == NULL) {
            break;
        }
    }

    rest->data += i;
    rest->len -= i;

    for (i = 0; i < rest->len; i++) {
        if (memchr(separators, rest->data[i], n) != NULL) {
            break;
        }
    }

    item->data = rest->data;
    item->len = i;

    rest->data += i;
    rest->len -= i;

    return i != 0;
}


social_str_t
social_str_trim(social_str_t s)
{
    while (s.len && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s.data++;
        s.len--;
    }

    while (s.len && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t')) {
        s.len--;
    }

    return s;
}


unsigned char
social_lower(unsigned char ch)
{
    return (ch >= 'A' && ch <= 'Z') ? (unsigned char) (ch | 0x20) : ch;
}


bool
social_str_is_token(social_str_t s)
{
    size_t         i;
    unsigned char  ch;

    for (i = 0; i < s.len; i++) {
        ch = s.data[i];

        if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
            || (ch >= '0' && ch <= '9'))
        {
            continue;
        }

        if (ch == '\0' || strchr("!#$%&'*+-.^_`|~", ch) == NULL) {
            return false;
        }
    }

    return s.len != 0;
}


unsigned char *
social_str_printable(unsigned char *buf, social_str_t s)
{
    size_t             i;
    unsigned char      ch;
    static const char  hex[] = "0123456789abcdef";

    for (i = 0; i < s.len; i++) {
        ch = s.data[i];

        if (ch >= ' ' && ch < 0x7f && ch != '"' && ch != '\\') {
            *buf++ = ch;
            continue;
        }

        *buf++ = '\\';
        *buf++ = 'x';
        *buf++ = (unsigned char) hex[ch >> 4];
        *buf++ = (unsigned char) hex[ch & 0xf];
    }

    return buf;
}
