
/*
 * The strings of a JSON document.
 */

#include <string.h>

#include "social_json_node.h"
#include "social_utf8.h"


/* in all bytes of a word at once */
#define social_json_each(byte)  (UINT64_C(0x0101010101010101) * (byte))
#define social_json_high        social_json_each(0x80)

/*
 * The high bits of the bytes below "n", or equal to it, with "n" at most 0x80
 * and the word's own high bits clear or of no interest.  Bits above the lowest
 * that is right may be wrong: a borrow makes them.
 */
#define social_json_below(word, n)                                            \
    (((word) - social_json_each(n)) & ~(word) & social_json_high)
#define social_json_equal(word, n)                                            \
    social_json_below((word) ^ social_json_each(n), 1)


static unsigned char *social_json_scan_plain(unsigned char *p,
    const unsigned char *end);
static bool social_json_scan_escape(unsigned char **next,
    const unsigned char *end, unsigned char **dst);
static bool social_json_scan_hex(unsigned char **next,
    const unsigned char *end, uint32_t *code);
static unsigned char *social_json_put_utf8(unsigned char *dst, uint32_t code);


bool
social_json_scan_string(unsigned char **next, unsigned char *end,
    social_str_t *out)
{
    size_t          n;
    uint32_t        code;
    social_str_t    rest;
    unsigned char  *p, *run, *dst;

    p = *next;
    dst = p;

    out->data = p;

    for ( ;; ) {

        run = p;
        p = social_json_scan_plain(p, end);

        if (p == end) {
            return false;
        }

        if (*p >= 0x80) {
            rest.data = p;
            rest.len = (size_t) (end - p);

            n = social_utf8_next(rest, &code);
            if (n == 0) {
                return false;
            }

            p += n;
        }

        n = (size_t) (p - run);

        if (dst != run) {
            memmove(dst, run, n);
        }

        dst += n;

        if (p == end) {
            return false;
        }

        if (*p == '"') {
            out->len = (size_t) (dst - out->data);
            *next = p + 1;
            return true;
        }

        if (*p == '\\') {
            p++;

            if (!social_json_scan_escape(&p, end, &dst)) {
                return false;
            }

            continue;
        }

        if (*p < 0x20) {
            return false;
        }
    }
}


/*
 * The first byte that is not plain ASCII: a quote, a backslash, a control
 * character, or part of a longer UTF-8 sequence.
 */

static unsigned char *
social_json_scan_plain(unsigned char *p, const unsigned char *end)
{
    uint64_t  word, found;

    while (end - p >= 8) {

        memcpy(&word, p, 8);

#if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
        word = __builtin_bswap64(word);
#endif

        found = (word & social_json_high) | social_json_below(word, 0x20)
                | social_json_equal(word, '"') | social_json_equal(word, '\\');

        if (found) {
            return p + __builtin_ctzll(found) / 8;
        }

        p += 8;
    }

    while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\') {
        p++;
    }

    return p;
}


/*
 * What follows a backslash; written over it, since it is never longer.
 */

static bool
social_json_scan_escape(unsigned char **next, const unsigned char *end,
    unsigned char **dst)
{
    uint32_t              code, low;
    unsigned char         ch;
    const char           *found;
    static const char     from[] = "\"\\/bfnrt";
    static const char     to[] = "\"\\/\b\f\n\r\t";

    if (*next == end) {
        return false;
    }

    ch = *(*next)++;

    if (ch != 'u') {
        found = memchr(from, ch, sizeof(from) - 1);
        if (found == NULL) {
            return false;
        }

        *(*dst)++ = (unsigned char) to[found - from];

        return true;
    }

    if (!social_json_scan_hex(next, end, &code) || code == 0) {
        return false;
    }

    if (code >= 0xd800 && code <= 0xdfff) {

        if (code >= 0xdc00 || end - *next < 6
            || (*next)[0] != '\\' || (*next)[1] != 'u')
        {
            return false;
        }

        *next += 2;

        if (!social_json_scan_hex(next, end, &low)
            || low < 0xdc00 || low > 0xdfff)
        {
            return false;
        }

        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }

    *dst = social_json_put_utf8(*dst, code);

    return true;
}


static bool
social_json_scan_hex(unsigned char **next, const unsigned char *end,
    uint32_t *code)
{
    unsigned       i;
    uint32_t       n;
    unsigned char  ch;

    if (end - *next < 4) {
        return false;
    }

    n = 0;

    for (i = 0; i < 4; i++) {
        ch = social_lower((*next)[i]);

        if (ch >= '0' && ch <= '9') {
            n = n << 4 | (uint32_t) (ch - '0');

        } else if (ch >= 'a' && ch <= 'f') {
            n = n << 4 | (uint32_t) (ch - 'a' + 10);

        } else {
            return false;
        }
    }

    *next += 4;
    *code = n;

    return true;
}


static unsigned char *
social_json_put_utf8(unsigned char *dst, uint32_t code)
{
    if (code < 0x80) {
        *dst++ = (unsigned char) code;
        return dst;
    }

    if (code < 0x800) {
        *dst++ = (unsigned char) (0xc0 | code >> 6);

    } else {

        if (code < 0x10000) {
            *dst++ = (unsigned char) (0xe0 | code >> 12);

        } else {
            *dst++ = (unsigned char) (0xf0 | code >> 18);
            *dst++ = (unsigned char) (0x80 | (code >> 12 & 0x3f));
        }

        *dst++ = (unsigned char) (0x80 | (code >> 6 & 0x3f));
    }

    *dst++ = (unsigned char) (0x80 | (code & 0x3f));

    return dst;
}
