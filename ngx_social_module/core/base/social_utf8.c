
/*
 * UTF-8, strictly.
 */

#include "social_utf8.h"


size_t
social_utf8_next(social_str_t s, uint32_t *code)
{
    size_t    i, n;
    uint32_t  c, least;

    if (s.len == 0) {
        return 0;
    }

    c = s.data[0];

    if (c < 0x80) {
        *code = c;
        return 1;
    }

    if (c >= 0xc2 && c <= 0xdf) {
        n = 2;
        c &= 0x1f;
        least = 0x80;

    } else if (c >= 0xe0 && c <= 0xef) {
        n = 3;
        c &= 0x0f;
        least = 0x800;

    } else if (c >= 0xf0 && c <= 0xf4) {
        n = 4;
        c &= 0x07;
        least = 0x10000;

    } else {
        return 0;
    }

    if (s.len < n) {
        return 0;
    }

    for (i = 1; i < n; i++) {
        if ((s.data[i] & 0xc0) != 0x80) {
            return 0;
        }

        c = c << 6 | (s.data[i] & 0x3f);
    }

    if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return 0;
    }

    *code = c;

    return n;
}


bool
social_utf8_valid(social_str_t s)
{
    size_t    n;
    uint32_t  code;

    while (s.len) {

        n = social_utf8_next(s, &code);
        if (n == 0) {
            return false;
        }

        s.data += n;
        s.len -= n;
    }

    return true;
}
