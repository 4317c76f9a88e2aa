
/*
 * Where the embedded store keeps an object.
 */

#include <string.h>

#include "social_store_path.h"


#define SOCIAL_STORE_PIECE  190


typedef struct {
    unsigned char  *data;
    size_t          len;
    size_t          piece;      /* the length of the current piece */
} social_store_name_t;


static void social_store_byte(social_store_name_t *name, unsigned char ch,
    bool first);
static void social_store_cut(social_store_name_t *name, size_t room);
static bool social_store_is_plain(unsigned char ch);
static int social_store_digit(unsigned char ch);


/*
 * The longest path: 1,024 bytes escaped to three each, with a cut of three
 * more every 190, or as many slashes of three each; and a few for the end.
 */

social_rc_e
social_store_path(social_str_t key, unsigned char *buf, size_t *len)
{
    size_t               i;
    bool                 first;
    social_store_name_t  name;

    if (key.len == 0 || key.len > SOCIAL_STORE_MAX_KEY
        || memchr(key.data, '\0', key.len) != NULL)
    {
        return SOCIAL_MALFORMED;
    }

    name.data = buf;
    name.len = 0;
    name.piece = 0;
    first = true;

    for (i = 0; i < key.len; i++) {

        if (key.data[i] == '/') {
            memcpy(name.data + name.len, ".d/", 3);
            name.len += 3;
            name.piece = 0;
            first = true;
            continue;
        }

        social_store_byte(&name, key.data[i], first);
        first = false;
    }

    memcpy(name.data + name.len, ".o", 3);

    *len = name.len + 2;

    return SOCIAL_OK;
}


static void
social_store_byte(social_store_name_t *name, unsigned char ch, bool first)
{
    static const char  hex[] = "0123456789ABCDEF";

    /* a dot is plain inside, but no name begins with one of the key's */

    if (social_store_is_plain(ch) || (ch == '.' && !first)) {
        social_store_cut(name, 1);
        name->data[name->len++] = ch;
        name->piece++;
        return;
    }

    social_store_cut(name, 3);

    name->data[name->len++] = '%';
    name->data[name->len++] = (unsigned char) hex[ch >> 4];
    name->data[name->len++] = (unsigned char) hex[ch & 0xf];
    name->piece += 3;
}


/*
 * A name that social_store_path() would not have written is not a key's: two
 * names of one key would make it two.
 */

social_store_entry_e
social_store_entry(social_str_t name, bool first, unsigned char *buf,
    size_t *len)
{
    int                   high, low;
    size_t                i, n, room;
    unsigned char         ch;
    social_store_entry_e  kind;

    room = *len;
    *len = 0;

    if (name.len < 2 || name.data[name.len - 2] != '.'
        || name.len - 2 > SOCIAL_STORE_PIECE)
    {
        return SOCIAL_STORE_ENTRY_NONE;
    }

    switch (name.data[name.len - 1]) {

    case 'o':
        kind = SOCIAL_STORE_ENTRY_OBJECT;
        break;

    case 'd':
        kind = SOCIAL_STORE_ENTRY_DIRECTORY;
        break;

    case 'c':
        kind = SOCIAL_STORE_ENTRY_PIECE;
        break;

    default:
        return SOCIAL_STORE_ENTRY_NONE;
    }

    n = 0;

    for (i = 0; i < name.len - 2; i++) {

        ch = name.data[i];

        if (ch == '%') {

            if (name.len - 2 - i < 3) {
                return SOCIAL_STORE_ENTRY_NONE;
            }

            high = social_store_digit(name.data[i + 1]);
            low = social_store_digit(name.data[i + 2]);

            if (high < 0 || low < 0) {
                return SOCIAL_STORE_ENTRY_NONE;
            }

            ch = (unsigned char) (high << 4 | low);
            i += 2;

            if (social_store_is_plain(ch) || ch == '/' || ch == '\0'
                || (ch == '.' && !(first && n == 0)))
            {
                return SOCIAL_STORE_ENTRY_NONE;
            }

        } else if (!social_store_is_plain(ch)
                   && !(ch == '.' && !(first && n == 0)))
        {
            return SOCIAL_STORE_ENTRY_NONE;
        }

        if (n == room) {
            return SOCIAL_STORE_ENTRY_NONE;
        }

        buf[n++] = ch;
    }

    if (kind == SOCIAL_STORE_ENTRY_DIRECTORY) {

        if (n == room) {
            return SOCIAL_STORE_ENTRY_NONE;
        }

        buf[n++] = '/';
    }

    *len = n;

    return kind;
}


static int
social_store_digit(unsigned char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }

    return ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
}


static void
social_store_cut(social_store_name_t *name, size_t room)
{
    if (name->piece + room <= SOCIAL_STORE_PIECE) {
        return;
    }

    memcpy(name->data + name->len, ".c/", 3);
    name->len += 3;
    name->piece = 0;
}


static bool
social_store_is_plain(unsigned char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
           || (ch >= '0' && ch <= '9') || ch == '_' || ch == '-';
}
