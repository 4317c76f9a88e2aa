
/*
 * JSON as we accept it from strangers: jansson, with a limit on depth before
 * it and its strictest flags on.
 */

#include <string.h>
#include <jansson.h>

#include "social_json.h"


#define SOCIAL_JSON_MAX_EXACT  9007199254740992     /* 2^53 */


typedef struct {
    unsigned char  *buf;
    size_t          size;
    size_t          len;
} social_json_out_t;


static bool social_json_too_deep(social_str_t text);
static int social_json_write_part(const char *part, size_t len, void *data);
static size_t social_json_utf8(const unsigned char *p, size_t len);


social_rc_e
social_json_parse(social_str_t text, social_json_t **json)
{
    json_t        *value;
    json_error_t   error;

    *json = NULL;

    /* jansson leaves the code alone where it ran out of memory */

    memset(&error, 0, sizeof(json_error_t));

    if (text.len == 0 || social_json_too_deep(text)) {
        return SOCIAL_MALFORMED;
    }

    value = json_loadb((const char *) text.data, text.len,
                       JSON_REJECT_DUPLICATES, &error);

    if (value == NULL) {

        switch (json_error_code(&error)) {

        case json_error_unknown:
        case json_error_out_of_memory:
            return SOCIAL_FAILED;

        default:
            return SOCIAL_MALFORMED;
        }
    }

    if (!json_is_object(value)) {
        json_decref(value);
        return SOCIAL_MALFORMED;
    }

    *json = value;

    return SOCIAL_OK;
}


/*
 * jansson's own limit is 2,048 levels of recursion, far more than a token
 * or a key set has a use for.
 */

static bool
social_json_too_deep(social_str_t text)
{
    bool    string;
    size_t  i, depth;

    string = false;
    depth = 0;

    for (i = 0; i < text.len; i++) {

        switch (text.data[i]) {

        case '"':
            string = !string;
            break;

        case '\\':
            if (string) {
                i++;
            }
            break;

        case '{':
        case '[':
            if (!string && ++depth > SOCIAL_JSON_MAX_DEPTH) {
                return true;
            }
            break;

        case '}':
        case ']':
            if (!string && depth > 0) {
                depth--;
            }
            break;
        }
    }

    return false;
}


void
social_json_free(social_json_t *json)
{
    json_decref(json);
}


const social_json_t *
social_json_member(const social_json_t *object, social_str_t name)
{
    return json_object_getn(object, (const char *) name.data, name.len);
}


const social_json_t *
social_json_member_folded(const social_json_t *object, social_str_t name)
{
    size_t          i;
    void           *iter;
    json_t         *json;
    const char     *key;
    unsigned char   ch;

    json = (json_t *) (uintptr_t) object;

    for (iter = json_object_iter(json);
         iter;
         iter = json_object_iter_next(json, iter))
    {
        key = json_object_iter_key(iter);

        if (strlen(key) != name.len) {
            continue;
        }

        for (i = 0; i < name.len; i++) {
            ch = social_lower((unsigned char) key[i]);

            if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9'))) {
                ch = '_';
            }

            if (ch != social_lower(name.data[i])) {
                break;
            }
        }

        if (i == name.len) {
            return json_object_iter_value(iter);
        }
    }

    return NULL;
}


social_rc_e
social_json_string(const social_json_t *json, social_str_t *out)
{
    out->len = 0;
    out->data = (const unsigned char *) "";

    if (json == NULL) {
        return SOCIAL_DECLINED;
    }

    if (!json_is_string(json)) {
        return SOCIAL_MALFORMED;
    }

    out->data = (const unsigned char *) json_string_value(json);
    out->len = json_string_length(json);

    return SOCIAL_OK;
}


social_rc_e
social_json_time(const social_json_t *json, int64_t *out)
{
    double  real;

    *out = 0;

    if (json == NULL) {
        return SOCIAL_DECLINED;
    }

    if (json_is_integer(json)) {
        *out = json_integer_value(json);

        return *out >= 0 && *out <= SOCIAL_JSON_MAX_EXACT
               ? SOCIAL_OK : SOCIAL_MALFORMED;
    }

    if (json_is_real(json)) {
        real = json_real_value(json);

        if (!(real >= 0 && real <= (double) SOCIAL_JSON_MAX_EXACT)) {
            return SOCIAL_MALFORMED;
        }

        *out = (int64_t) real;

        return SOCIAL_OK;
    }

    return SOCIAL_MALFORMED;
}


bool
social_json_time_has_fraction(const social_json_t *json)
{
    double   real;
    int64_t  whole;

    if (!json_is_real(json) || social_json_time(json, &whole) != SOCIAL_OK) {
        return false;
    }

    real = json_real_value(json);

    return real > (double) whole;
}


social_rc_e
social_json_integer(const social_json_t *json, int64_t *out)
{
    *out = 0;

    if (json != NULL && !json_is_integer(json)) {
        return SOCIAL_MALFORMED;
    }

    return social_json_time(json, out);
}


size_t
social_json_count(const social_json_t *json)
{
    return json_array_size(json);
}


const social_json_t *
social_json_element(const social_json_t *json, size_t i)
{
    return json_array_get(json, i);
}


bool
social_json_is_object(const social_json_t *json)
{
    return json_is_object(json);
}


bool
social_json_is_array(const social_json_t *json)
{
    return json_is_array(json);
}


bool
social_json_is_null(const social_json_t *json)
{
    return json_is_null(json);
}


size_t
social_json_write(const social_json_t *json, unsigned char *buf, size_t size)
{
    social_json_out_t  out;

    out.buf = buf;
    out.size = size;
    out.len = 0;

    if (json_dump_callback(json, social_json_write_part, &out,
                           JSON_COMPACT|JSON_ENCODE_ANY|JSON_ENSURE_ASCII)
        != 0)
    {
        return 0;
    }

    return out.len;
}


/*
 * jansson takes DEL for printable; HTTP does not, and only strings can have
 * one (RFC 9110, 5.5).
 */

static int
social_json_write_part(const char *part, size_t len, void *data)
{
    size_t              i, n;
    const char         *p;
    social_json_out_t  *out;

    out = data;

    for (i = 0; i < len; i++) {

        p = part[i] == 0x7f ? "\\u007F" : &part[i];
        n = part[i] == 0x7f ? 6 : 1;

        if (out->len + n <= out->size) {
            memcpy(out->buf + out->len, p, n);
        }

        out->len += n;
    }

    return 0;
}


unsigned char *
social_json_escape(unsigned char *buf, social_str_t text)
{
    size_t              i, n;
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
            n = social_json_utf8(&text.data[i], text.len - i);

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


/*
 * The length of the UTF-8 sequence at "p", two to four bytes, or 0 where
 * there is none (RFC 3629, 4).
 */

static size_t
social_json_utf8(const unsigned char *p, size_t len)
{
    size_t         i, n;
    unsigned char  low, high;

    low = 0x80;
    high = 0xbf;

    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        n = 2;

    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        n = 3;
        low = p[0] == 0xe0 ? 0xa0 : low;
        high = p[0] == 0xed ? 0x9f : high;

    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        low = p[0] == 0xf0 ? 0x90 : low;
        high = p[0] == 0xf4 ? 0x8f : high;

    } else {
        return 0;
    }

    if (len < n || p[1] < low || p[1] > high) {
        return 0;
    }

    for (i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }

    return n;
}
