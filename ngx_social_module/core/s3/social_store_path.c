
/*
 * Where the embedded store keeps an object, and what it notes of it.
 */

#include <string.h>

#include "social_buf.h"
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
static social_rc_e social_store_line(social_str_t *text, const char *name,
    social_str_t *value);
static social_rc_e social_store_number(social_str_t s, int64_t *n);
static social_rc_e social_store_hex(social_str_t s, unsigned char *dst,
    size_t size);


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


size_t
social_store_meta_write(const social_store_meta_t *meta, unsigned char *buf)
{
    size_t        i;
    social_buf_t  b;
    social_str_t  type;

    type = meta->type;

    for (i = 0; i < type.len; i++) {
        if (type.data[i] < 0x20 || type.data[i] >= 0x7f) {
            break;
        }
    }

    if (type.len == 0 || i < type.len || type.len > SOCIAL_STORE_MAX_TYPE) {
        type = social_str("application/octet-stream");
    }

    social_buf_init(&b, buf, SOCIAL_STORE_META_SIZE);

    social_buf_text(&b, "social-object 1\nid ");
    social_buf_put(&b, (social_str_t) { SOCIAL_STORE_ID_SIZE, meta->id });
    social_buf_text(&b, "\netag ");
    social_buf_put(&b, (social_str_t) { sizeof(meta->etag), meta->etag });
    social_buf_text(&b, "\nsize ");
    social_buf_number(&b, (uint64_t) meta->size);
    social_buf_text(&b, "\nmodified ");
    social_buf_number(&b, (uint64_t) meta->modified);
    social_buf_text(&b, "\ntype ");
    social_buf_put(&b, type);
    social_buf_byte(&b, '\n');

    return b.len;
}


social_rc_e
social_store_meta_read(social_str_t text, social_store_meta_t *meta)
{
    social_str_t  value;

    if (text.len > SOCIAL_STORE_META_SIZE
        || social_store_line(&text, "social-object", &value) != SOCIAL_OK
        || value.len != 1 || value.data[0] != '1'
        || social_store_line(&text, "id", &value) != SOCIAL_OK
        || social_store_hex(value, meta->id, sizeof(meta->id)) != SOCIAL_OK
        || social_store_line(&text, "etag", &value) != SOCIAL_OK
        || social_store_hex(value, meta->etag, sizeof(meta->etag))
           != SOCIAL_OK
        || social_store_line(&text, "size", &value) != SOCIAL_OK
        || social_store_number(value, &meta->size) != SOCIAL_OK
        || social_store_line(&text, "modified", &value) != SOCIAL_OK
        || social_store_number(value, &meta->modified) != SOCIAL_OK
        || social_store_line(&text, "type", &meta->type) != SOCIAL_OK
        || text.len != 0)
    {
        return SOCIAL_MALFORMED;
    }

    return SOCIAL_OK;
}


static social_rc_e
social_store_line(social_str_t *text, const char *name, social_str_t *value)
{
    size_t                n;
    const unsigned char  *end;

    n = strlen(name);

    end = text->len ? memchr(text->data, '\n', text->len) : NULL;

    if (end == NULL || (size_t) (end - text->data) <= n
        || memcmp(text->data, name, n) != 0 || text->data[n] != ' ')
    {
        return SOCIAL_MALFORMED;
    }

    value->data = text->data + n + 1;
    value->len = (size_t) (end - value->data);

    text->len -= (size_t) (end + 1 - text->data);
    text->data = end + 1;

    return SOCIAL_OK;
}


static social_rc_e
social_store_number(social_str_t s, int64_t *n)
{
    size_t  i;

    *n = 0;

    if (s.len == 0 || s.len > 18) {
        return SOCIAL_MALFORMED;
    }

    for (i = 0; i < s.len; i++) {

        if (s.data[i] < '0' || s.data[i] > '9') {
            return SOCIAL_MALFORMED;
        }

        *n = *n * 10 + (s.data[i] - '0');
    }

    return SOCIAL_OK;
}


static social_rc_e
social_store_hex(social_str_t s, unsigned char *dst, size_t size)
{
    size_t         i;
    unsigned char  ch;

    if (s.len != size) {
        return SOCIAL_MALFORMED;
    }

    for (i = 0; i < size; i++) {
        ch = s.data[i];

        if (!((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f'))) {
            return SOCIAL_MALFORMED;
        }

        dst[i] = ch;
    }

    return SOCIAL_OK;
}
