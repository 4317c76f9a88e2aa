
/*
 * base64url without padding, strictly.
 */

#include "social_base64url.h"


/* the value of each character, 77 for others */

static const unsigned char  social_base64url_values[256] = {
    77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77,
    77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77,
    77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 62, 77, 77,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 77, 77, 77, 77, 77, 77,
    77,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 77, 77, 77, 77, 63,
    77, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 77, 77, 77, 77, 77,

    77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77,
    77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77,
    77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77,
    77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77,
    77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77,
    77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77,
    77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77,
    77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77
};


social_rc_e
social_base64url_decode(social_str_t src, unsigned char *dst, size_t *len)
{
    size_t                i, tail;
    uint32_t              v, bad;
    unsigned char        *p;
    const unsigned char  *t;

    t = social_base64url_values;
    tail = src.len % 4;
    p = dst;
    bad = 0;

    if (tail == 1) {
        return SOCIAL_MALFORMED;
    }

    for (i = 0; i + 4 <= src.len; i += 4) {
        /* a 77 has bit 6 set, which no value has */

        bad |= t[src.data[i]] | t[src.data[i + 1]]
               | t[src.data[i + 2]] | t[src.data[i + 3]];

        v = (uint32_t) t[src.data[i]] << 18
            | (uint32_t) t[src.data[i + 1]] << 12
            | (uint32_t) t[src.data[i + 2]] << 6
            | (uint32_t) t[src.data[i + 3]];

        *p++ = (unsigned char) (v >> 16);
        *p++ = (unsigned char) (v >> 8);
        *p++ = (unsigned char) v;
    }

    if (tail) {
        v = (uint32_t) t[src.data[i]] << 18
            | (uint32_t) t[src.data[i + 1]] << 12;
        bad |= t[src.data[i]] | t[src.data[i + 1]];

        if (tail == 3) {
            v |= (uint32_t) t[src.data[i + 2]] << 6;
            bad |= t[src.data[i + 2]];
        }

        *p++ = (unsigned char) (v >> 16);

        if (tail == 3) {
            *p++ = (unsigned char) (v >> 8);
            v <<= 8;
        }

        if (v & 0xffff) {
            return SOCIAL_MALFORMED;
        }
    }

    if (bad & 0x40) {
        return SOCIAL_MALFORMED;
    }

    *len = (size_t) (p - dst);

    return SOCIAL_OK;
}


size_t
social_base64url_encode(social_str_t src, unsigned char *dst)
{
    size_t              i, n;
    uint32_t            v;
    unsigned char      *p;
    static const char   digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz0123456789-_";

    p = dst;

    for (i = 0; i < src.len; i += 3) {

        n = src.len - i;

        v = (uint32_t) src.data[i] << 16;

        if (n > 1) {
            v |= (uint32_t) src.data[i + 1] << 8;
        }

        if (n > 2) {
            v |= src.data[i + 2];
        }

        *p++ = (unsigned char) digits[v >> 18];
        *p++ = (unsigned char) digits[v >> 12 & 63];

        if (n > 1) {
            *p++ = (unsigned char) digits[v >> 6 & 63];
        }

        if (n > 2) {
            *p++ = (unsigned char) digits[v & 63];
        }
    }

    return (size_t) (p - dst);
}
