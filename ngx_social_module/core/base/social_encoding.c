
/*
 * Bytes as text.
 */

#include "social_encoding.h"


static int social_hex_value(unsigned char ch);
static int social_base64_value(unsigned char ch);


static const unsigned char  social_hex_digits[] = "0123456789abcdef";

static const unsigned char  social_base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";


void
social_hex_encode(social_str_t src, unsigned char *dst)
{
    size_t  i;

    for (i = 0; i < src.len; i++) {
        *dst++ = social_hex_digits[src.data[i] >> 4];
        *dst++ = social_hex_digits[src.data[i] & 0xf];
    }
}


social_rc_e
social_hex_decode(social_str_t src, unsigned char *dst)
{
    int     high, low;
    size_t  i;

    if (src.len % 2) {
        return SOCIAL_MALFORMED;
    }

    for (i = 0; i < src.len; i += 2) {
        high = social_hex_value(src.data[i]);
        low = social_hex_value(src.data[i + 1]);

        if (high < 0 || low < 0) {
            return SOCIAL_MALFORMED;
        }

        *dst++ = (unsigned char) (high << 4 | low);
    }

    return SOCIAL_OK;
}


static int
social_hex_value(unsigned char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }

    if (ch >= 'a' && ch <= 'f') {
        return ch - 'a' + 10;
    }

    return -1;
}


size_t
social_base64_encode(social_str_t src, unsigned char *dst)
{
    size_t          i;
    uint32_t        v;
    unsigned char  *p;

    p = dst;

    for (i = 0; i + 3 <= src.len; i += 3) {
        v = (uint32_t) src.data[i] << 16 | (uint32_t) src.data[i + 1] << 8
            | src.data[i + 2];

        *p++ = social_base64_digits[v >> 18];
        *p++ = social_base64_digits[v >> 12 & 0x3f];
        *p++ = social_base64_digits[v >> 6 & 0x3f];
        *p++ = social_base64_digits[v & 0x3f];
    }

    if (i < src.len) {
        v = (uint32_t) src.data[i] << 16;

        if (i + 1 < src.len) {
            v |= (uint32_t) src.data[i + 1] << 8;
        }

        *p++ = social_base64_digits[v >> 18];
        *p++ = social_base64_digits[v >> 12 & 0x3f];
        *p++ = (i + 1 < src.len) ? social_base64_digits[v >> 6 & 0x3f] : '=';
        *p++ = '=';
    }

    return (size_t) (p - dst);
}


social_rc_e
social_base64_decode(social_str_t src, unsigned char *dst, size_t *len)
{
    int             value;
    size_t          i, pad;
    uint32_t        v;
    unsigned char  *p;

    if (src.len % 4) {
        return SOCIAL_MALFORMED;
    }

    pad = 0;

    if (src.len && src.data[src.len - 1] == '=') {
        pad = (src.data[src.len - 2] == '=') ? 2 : 1;
    }

    p = dst;
    v = 0;

    for (i = 0; i < src.len - pad; i++) {

        value = social_base64_value(src.data[i]);
        if (value < 0) {
            return SOCIAL_MALFORMED;
        }

        v = v << 6 | (uint32_t) value;

        if (i % 4 == 3) {
            *p++ = (unsigned char) (v >> 16);
            *p++ = (unsigned char) (v >> 8);
            *p++ = (unsigned char) v;
            v = 0;
        }
    }

    /* two characters hold 12 bits of 8, three 18 bits of 16 */

    if (pad == 2) {
        if (v & 0xf) {
            return SOCIAL_MALFORMED;
        }

        *p++ = (unsigned char) (v >> 4);

    } else if (pad == 1) {
        if (v & 0x3) {
            return SOCIAL_MALFORMED;
        }

        *p++ = (unsigned char) (v >> 10);
        *p++ = (unsigned char) (v >> 2);
    }

    *len = (size_t) (p - dst);

    return SOCIAL_OK;
}


static int
social_base64_value(unsigned char ch)
{
    if (ch >= 'A' && ch <= 'Z') {
        return ch - 'A';
    }

    if (ch >= 'a' && ch <= 'z') {
        return ch - 'a' + 26;
    }

    if (ch >= '0' && ch <= '9') {
        return ch - '0' + 52;
    }

    if (ch == '+') {
        return 62;
    }

    return (ch == '/') ? 63 : -1;
}
