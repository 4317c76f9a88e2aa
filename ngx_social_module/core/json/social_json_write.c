
/*
 * JSON as we write it.
 */

#include <string.h>

#include "social_json.h"
#include "social_utf8.h"


typedef struct {
    unsigned char  *buf;
    size_t          size;
    size_t          len;
} social_json_out_t;


static void social_json_write_scalar(social_json_out_t *out,
    const social_json_t *json);
static void social_json_write_string(social_json_out_t *out,
    const unsigned char *data, size_t len);
static void social_json_write_unit(social_json_out_t *out, uint32_t unit);
static void social_json_write_bytes(social_json_out_t *out, const void *data,
    size_t len);


/*
 * A document is one array in the order of its text: it is written from front
 * to back, and what is open at each place is known by where it ends.
 */

size_t
social_json_write(const social_json_t *json, unsigned char *buf, size_t size)
{
    size_t                depth;
    const social_json_t  *node, *last, *open[SOCIAL_JSON_MAX_DEPTH];
    social_json_out_t     out;

    out.buf = buf;
    out.size = size;
    out.len = 0;

    depth = 0;
    last = json + json->span;

    for (node = json; node < last; node++) {

        if (depth) {

            if (node != open[depth - 1] + 1) {
                social_json_write_bytes(&out, ",", 1);
            }

            if (open[depth - 1]->type == SOCIAL_JSON_OBJECT) {
                social_json_write_string(&out, node->name, node->name_len);
                social_json_write_bytes(&out, ":", 1);
            }
        }

        if (node->type < SOCIAL_JSON_ARRAY) {
            social_json_write_scalar(&out, node);

        } else {
            social_json_write_bytes(&out, node->type == SOCIAL_JSON_OBJECT
                                          ? "{" : "[", 1);
            open[depth++] = node;
        }

        while (depth && node + 1 == open[depth - 1] + open[depth - 1]->span) {
            depth--;
            social_json_write_bytes(&out,
                                    open[depth]->type == SOCIAL_JSON_OBJECT
                                    ? "}" : "]", 1);
        }
    }

    return out.len;
}


static void
social_json_write_scalar(social_json_out_t *out, const social_json_t *json)
{
    switch (json->type) {

    case SOCIAL_JSON_TRUE:
        social_json_write_bytes(out, "true", 4);
        return;

    case SOCIAL_JSON_FALSE:
        social_json_write_bytes(out, "false", 5);
        return;

    case SOCIAL_JSON_NUMBER:
        social_json_write_bytes(out, json->u.data, json->count);
        return;

    case SOCIAL_JSON_STRING:
        social_json_write_string(out, json->u.data, json->count);
        return;

    default:
        social_json_write_bytes(out, "null", 4);
        return;
    }
}


/*
 * DEL is escaped, too: it is not a printable character, and a header must not
 * have it (RFC 9110, 5.5).
 */

static void
social_json_write_string(social_json_out_t *out, const unsigned char *data,
    size_t len)
{
    size_t              n;
    uint32_t            code;
    const char         *found;
    social_str_t        rest;
    static const char   from[] = "\"\\\b\f\n\r\t";
    static const char   to[] = "\"\\bfnrt";

    rest.data = data;
    rest.len = len;

    social_json_write_bytes(out, "\"", 1);

    while (rest.len) {

        n = social_utf8_next(rest, &code);

        found = code < 0x80 ? memchr(from, (int) code, sizeof(from) - 1)
                            : NULL;

        if (found) {
            social_json_write_bytes(out, "\\", 1);
            social_json_write_bytes(out, &to[found - from], 1);

        } else if (code >= 0x20 && code < 0x7f) {
            social_json_write_bytes(out, rest.data, 1);

        } else if (code < 0x10000) {
            social_json_write_unit(out, code);

        } else {
            code -= 0x10000;
            social_json_write_unit(out, 0xd800 + (code >> 10));
            social_json_write_unit(out, 0xdc00 + (code & 0x3ff));
        }

        rest.data += n;
        rest.len -= n;
    }

    social_json_write_bytes(out, "\"", 1);
}


static void
social_json_write_unit(social_json_out_t *out, uint32_t unit)
{
    unsigned            i;
    unsigned char       text[6];
    static const char   hex[] = "0123456789ABCDEF";

    text[0] = '\\';
    text[1] = 'u';

    for (i = 5; i > 1; i--) {
        text[i] = (unsigned char) hex[unit & 0xf];
        unit >>= 4;
    }

    social_json_write_bytes(out, text, 6);
}


/*
 * What does not fit is counted only; all that does is written.
 */

static void
social_json_write_bytes(social_json_out_t *out, const void *data, size_t len)
{
    if (len && out->len <= out->size && len <= out->size - out->len) {
        memcpy(out->buf + out->len, data, len);
    }

    out->len += len;
}


unsigned char *
social_json_escape(unsigned char *buf, social_str_t text)
{
    size_t              i, n;
    uint32_t            code;
    social_str_t        rest;
    unsigned char       ch;
    static const char   hex[] = "0123456789abcdef";

    for (i = 0; i < text.len; i += n) {

        ch = text.data[i];
        n = 1;

        if (ch == '"' || ch == '\\') {
            *buf++ = '\\';
            *buf++ = ch;

        } else if (ch < 0x20 || ch == 0x7f) {
            memcpy(buf, "\\u00", 4);
            buf[4] = (unsigned char) hex[ch >> 4];
            buf[5] = (unsigned char) hex[ch & 0xf];
            buf += 6;

        } else if (ch < 0x80) {
            *buf++ = ch;

        } else {
            rest.data = &text.data[i];
            rest.len = text.len - i;

            n = social_utf8_next(rest, &code);

            if (n == 0) {
                memcpy(buf, "\\ufffd", 6);
                buf += 6;
                n = 1;

            } else {
                memcpy(buf, &text.data[i], n);
                buf += n;
            }
        }
    }

    return buf;
}
