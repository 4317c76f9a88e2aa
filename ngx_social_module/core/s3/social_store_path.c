
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
