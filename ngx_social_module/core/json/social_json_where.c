
/*
 * What is wrong with a string that the parser refused.
 */

#include "social_json.h"
#include "social_utf8.h"


static bool social_json_read_hex(const unsigned char *p, uint32_t *code);


const char *
social_json_wrong_string(social_str_t rest)
{
    bool          low;
    size_t        n;
    uint32_t      code;
    social_str_t  s;

    low = false;

    for (s = rest; s.len; s.data += n, s.len -= n) {

        n = 1;

        if (*s.data != '\\' && low) {
            return "must not have half of a surrogate pair";
        }

        if (*s.data == '"') {
            return NULL;
        }

        if (*s.data < 0x20) {
            return "must not have control characters that are not escaped";
        }

        if (*s.data >= 0x80) {
            n = social_utf8_next(s, &code);

            if (n == 0) {
                return "must be valid UTF-8";
            }

            continue;
        }

        if (*s.data != '\\') {
            continue;
        }

        n = 2;

        if (s.len < 6 || s.data[1] != 'u') {

            if (low) {
                return "must not have half of a surrogate pair";
            }

            if (s.len < 2) {
                return NULL;
            }

            continue;
        }

        n = 6;

        if (!social_json_read_hex(s.data + 2, &code)) {
            return NULL;
        }

        if (code == 0) {
            return "must not have the character U+0000";
        }

        if (low ? code < 0xdc00 || code > 0xdfff
                : code >= 0xdc00 && code <= 0xdfff)
        {
            return "must not have half of a surrogate pair";
        }

        low = !low && code >= 0xd800 && code <= 0xdbff;
    }

    return NULL;
}


/*
 * Four hexadecimal digits.
 */

static bool
social_json_read_hex(const unsigned char *p, uint32_t *code)
{
    unsigned       i;
    unsigned char  ch;

    *code = 0;

    for (i = 0; i < 4; i++) {
        ch = social_lower(p[i]);

        if (ch >= '0' && ch <= '9') {
            *code = *code << 4 | (uint32_t) (ch - '0');

        } else if (ch >= 'a' && ch <= 'f') {
            *code = *code << 4 | (uint32_t) (ch - 'a' + 10);

        } else {
            return false;
        }
    }

    return true;
}
