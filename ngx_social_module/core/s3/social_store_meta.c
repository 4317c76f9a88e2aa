
/*
 * What the embedded store notes of an object: its metadata file.
 */

#include <string.h>

#include "social_store_line.h"
#include "social_store_meta.h"


static bool social_store_meta_is_value(social_str_t s);
static social_rc_e social_store_meta_check(social_str_t block, size_t size);
static social_rc_e social_store_meta_read_1(social_str_t text,
    social_store_meta_t *meta);
static social_rc_e social_store_meta_read_2(social_str_t *text,
    social_store_meta_t *meta);
static social_rc_e social_store_meta_read_place(social_str_t value,
    social_store_meta_t *meta);


static const char  *social_store_places[] = { "file", "inline", "parts" };


void
social_store_meta_add(social_buf_t *b, social_str_t name, social_str_t value)
{
    size_t  i;

    value = social_str_trim(value);

    if (!social_str_is_token(name) || !social_store_meta_is_value(value)) {
        social_buf_fail(b, SOCIAL_MALFORMED);
        return;
    }

    for (i = 0; i < name.len; i++) {
        social_buf_byte(b, social_lower(name.data[i]));
    }

    social_buf_byte(b, ' ');
    social_buf_put(b, value);
    social_buf_byte(b, '\n');
}


static bool
social_store_meta_is_value(social_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if ((s.data[i] < 0x20 && s.data[i] != '\t') || s.data[i] == 0x7f) {
            return false;
        }
    }

    return true;
}


bool
social_store_meta_next(social_str_t *block, social_str_t *name,
    social_str_t *value)
{
    social_str_t          line;
    const unsigned char  *space;

    if (social_store_line_next(block, &line) != SOCIAL_OK) {
        return false;
    }

    space = line.len ? memchr(line.data, ' ', line.len) : NULL;

    if (space == NULL) {
        return false;
    }

    name->data = line.data;
    name->len = (size_t) (space - line.data);

    value->data = space + 1;
    value->len = line.len - name->len - 1;

    return true;
}


/*
 * Whether a block is one of whole lines, each with a name and a value.
 */

static social_rc_e
social_store_meta_check(social_str_t block, size_t size)
{
    social_str_t  name, value;

    if (block.len > size) {
        return SOCIAL_MALFORMED;
    }

    while (block.len) {
        if (!social_store_meta_next(&block, &name, &value)
            || !social_str_is_token(name)
            || !social_store_meta_is_value(value))
        {
            return SOCIAL_MALFORMED;
        }
    }

    return SOCIAL_OK;
}


social_rc_e
social_store_meta_write(const social_store_meta_t *meta, unsigned char *buf,
    size_t *len)
{
    social_buf_t  b;
    social_str_t  type;

    if (meta->size < 0 || meta->size > SOCIAL_STORE_MAX_SIZE
        || meta->modified < 0 || meta->modified > SOCIAL_STORE_MAX_SIZE
        || meta->seq < 0 || meta->seq > SOCIAL_STORE_MAX_SIZE
        || meta->parts > SOCIAL_STORE_MAX_PARTS
        || (meta->place == SOCIAL_STORE_PARTS && meta->parts == 0)
        || social_store_meta_check(meta->headers, SOCIAL_STORE_MAX_HEADERS)
           != SOCIAL_OK
        || social_store_meta_check(meta->checksums,
                                   SOCIAL_STORE_MAX_CHECKSUMS)
           != SOCIAL_OK)
    {
        return SOCIAL_MALFORMED;
    }

    type = meta->type;

    if (type.len == 0 || type.len > SOCIAL_STORE_MAX_TYPE
        || !social_store_line_is_printable(type))
    {
        type = social_str("application/octet-stream");
    }

    social_buf_init(&b, buf, SOCIAL_STORE_META_SIZE);

    social_buf_text(&b, "social-object 2\nid ");
    social_buf_put(&b, (social_str_t) { SOCIAL_STORE_ID_SIZE, meta->id });
    social_buf_text(&b, "\nseq ");
    social_buf_number(&b, (uint64_t) meta->seq);
    social_buf_byte(&b, '\n');
    social_store_line_etag(&b, meta->etag, meta->parts);
    social_buf_text(&b, "size ");
    social_buf_number(&b, (uint64_t) meta->size);
    social_buf_text(&b, "\nmodified ");
    social_buf_number(&b, (uint64_t) meta->modified);
    social_buf_text(&b, "\nplace ");
    social_buf_text(&b, social_store_places[meta->place]);
    social_buf_text(&b, "\ntype ");
    social_buf_put(&b, type);
    social_buf_byte(&b, '\n');

    social_store_meta_block(&b, "headers ", meta->headers);
    social_store_meta_block(&b, "checksums ", meta->checksums);

    social_buf_text(&b, "end\n");

    *len = b.len;

    return b.rc;
}


void
social_store_meta_block(social_buf_t *b, const char *name, social_str_t block)
{
    social_buf_text(b, name);
    social_buf_number(b, block.len);
    social_buf_byte(b, '\n');
    social_buf_put(b, block);
}


social_rc_e
social_store_meta_read(social_str_t file, social_store_meta_t *meta)
{
    social_str_t  text, version;

    memset(meta, 0, sizeof(social_store_meta_t));

    text = file;

    if (text.len > SOCIAL_STORE_META_SIZE) {
        text.len = SOCIAL_STORE_META_SIZE;
    }

    if (social_store_line(&text, "social-object", &version) != SOCIAL_OK) {
        return SOCIAL_MALFORMED;
    }

    if (social_str_eq(version, social_str("1"))) {
        meta->length = file.len;
        return file.len == text.len + sizeof("social-object 1\n") - 1
               ? social_store_meta_read_1(text, meta) : SOCIAL_MALFORMED;
    }

    if (!social_str_eq(version, social_str("2"))
        || social_store_meta_read_2(&text, meta) != SOCIAL_OK)
    {
        return SOCIAL_MALFORMED;
    }

    meta->length = (size_t) (text.data - file.data);

    return SOCIAL_OK;
}


static social_rc_e
social_store_meta_read_1(social_str_t text, social_store_meta_t *meta)
{
    social_str_t  value;

    if (social_store_line(&text, "id", &value) != SOCIAL_OK
        || social_store_line_hex(value, meta->id, sizeof(meta->id))
           != SOCIAL_OK
        || social_store_line(&text, "etag", &value) != SOCIAL_OK
        || social_store_line_hex(value, meta->etag, sizeof(meta->etag))
           != SOCIAL_OK
        || social_store_line(&text, "size", &value) != SOCIAL_OK
        || social_store_line_number(value, &meta->size) != SOCIAL_OK
        || social_store_line(&text, "modified", &value) != SOCIAL_OK
        || social_store_line_number(value, &meta->modified) != SOCIAL_OK
        || social_store_line(&text, "type", &meta->type) != SOCIAL_OK
        || text.len != 0)
    {
        return SOCIAL_MALFORMED;
    }

    return SOCIAL_OK;
}


static social_rc_e
social_store_meta_read_2(social_str_t *text, social_store_meta_t *meta)
{
    social_str_t  value;

    if (social_store_line(text, "id", &value) != SOCIAL_OK
        || social_store_line_hex(value, meta->id, sizeof(meta->id))
           != SOCIAL_OK
        || social_store_line(text, "seq", &value) != SOCIAL_OK
        || social_store_line_number(value, &meta->seq) != SOCIAL_OK
        || social_store_line(text, "etag", &value) != SOCIAL_OK
        || social_store_line_read_etag(value, meta->etag, &meta->parts)
           != SOCIAL_OK
        || meta->parts > SOCIAL_STORE_MAX_PARTS
        || social_store_line(text, "size", &value) != SOCIAL_OK
        || social_store_line_number(value, &meta->size) != SOCIAL_OK
        || social_store_line(text, "modified", &value) != SOCIAL_OK
        || social_store_line_number(value, &meta->modified) != SOCIAL_OK
        || social_store_line(text, "place", &value) != SOCIAL_OK
        || social_store_meta_read_place(value, meta) != SOCIAL_OK
        || (meta->place == SOCIAL_STORE_PARTS && meta->parts == 0)
        || social_store_line(text, "type", &meta->type) != SOCIAL_OK
        || social_store_meta_read_block(text, "headers",
                                        SOCIAL_STORE_MAX_HEADERS,
                                        &meta->headers)
           != SOCIAL_OK
        || social_store_meta_read_block(text, "checksums",
                                        SOCIAL_STORE_MAX_CHECKSUMS,
                                        &meta->checksums)
           != SOCIAL_OK
        || social_store_line_next(text, &value) != SOCIAL_OK
        || !social_str_eq(value, social_str("end")))
    {
        return SOCIAL_MALFORMED;
    }

    return SOCIAL_OK;
}


static social_rc_e
social_store_meta_read_place(social_str_t value, social_store_meta_t *meta)
{
    unsigned  i;

    for (i = SOCIAL_STORE_FILE; i <= SOCIAL_STORE_PARTS; i++) {
        if (social_str_eq(value, social_str(social_store_places[i]))) {
            meta->place = (social_store_place_e) i;
            return SOCIAL_OK;
        }
    }

    return SOCIAL_MALFORMED;
}


social_rc_e
social_store_meta_read_block(social_str_t *text, const char *name,
    size_t size, social_str_t *block)
{
    int64_t       len;
    social_str_t  value;

    if (social_store_line(text, name, &value) != SOCIAL_OK
        || social_store_line_number(value, &len) != SOCIAL_OK
        || (uint64_t) len > text->len)
    {
        return SOCIAL_MALFORMED;
    }

    block->data = text->data;
    block->len = (size_t) len;

    text->data += block->len;
    text->len -= block->len;

    return social_store_meta_check(*block, size);
}


size_t
social_store_meta_etag(const social_store_meta_t *meta, unsigned char *buf)
{
    social_buf_t  b;

    social_buf_init(&b, buf, SOCIAL_STORE_ETAG_SIZE);

    social_buf_byte(&b, '"');
    social_buf_put(&b, (social_str_t) { sizeof(meta->etag), meta->etag });

    if (meta->parts) {
        social_buf_byte(&b, '-');
        social_buf_number(&b, meta->parts);
    }

    social_buf_byte(&b, '"');

    return b.len;
}


bool
social_store_meta_is(const social_store_meta_t *meta, social_str_t etag)
{
    social_str_t   ours;
    unsigned char  buf[SOCIAL_STORE_ETAG_SIZE];

    if (social_str_eq(etag, social_str("*"))) {
        return true;
    }

    ours.data = buf;
    ours.len = social_store_meta_etag(meta, buf);

    if (etag.len && etag.data[0] != '"') {
        ours.data++;
        ours.len -= 2;
    }

    return social_str_eq(etag, ours);
}


social_rc_e
social_store_part_write(const social_store_part_t *part, unsigned char *buf)
{
    social_buf_t  b;

    if (part->number == 0 || part->number > SOCIAL_STORE_MAX_PARTS
        || part->offset < 0 || part->offset > SOCIAL_STORE_MAX_SIZE
        || part->size < 0 || part->size > SOCIAL_STORE_MAX_SIZE
        || (part->checksum.len && !social_store_line_is_base64(part->checksum)))
    {
        return SOCIAL_MALFORMED;
    }

    social_buf_init(&b, buf, SOCIAL_STORE_PART_SIZE);

    social_buf_number(&b, part->number);
    social_buf_byte(&b, ' ');
    social_buf_put(&b, (social_str_t) { sizeof(part->etag), part->etag });
    social_buf_byte(&b, ' ');
    social_buf_number(&b, (uint64_t) part->offset);
    social_buf_byte(&b, ' ');
    social_buf_number(&b, (uint64_t) part->size);
    social_buf_byte(&b, ' ');
    social_buf_put(&b, part->checksum);

    while (b.len < SOCIAL_STORE_PART_SIZE - 1) {
        social_buf_byte(&b, ' ');
    }

    social_buf_byte(&b, '\n');

    return b.rc;
}


social_rc_e
social_store_part_read(const unsigned char *buf, social_store_part_t *part)
{
    int64_t       number;
    unsigned      i;
    social_str_t  text, item[4], rest;

    text.data = buf;
    text.len = SOCIAL_STORE_PART_SIZE;

    if (social_store_line_next(&text, &rest) != SOCIAL_OK || text.len != 0) {
        return SOCIAL_MALFORMED;
    }

    for (i = 0; i < 4; i++) {
        if (!social_str_next(&rest, " ", &item[i])) {
            return SOCIAL_MALFORMED;
        }
    }

    (void) social_str_next(&rest, " ", &part->checksum);

    if (social_str_next(&rest, " ", &text)
        || (part->checksum.len && !social_store_line_is_base64(part->checksum))
        || social_store_line_number(item[0], &number) != SOCIAL_OK
        || number < 1 || number > SOCIAL_STORE_MAX_PARTS
        || social_store_line_hex(item[1], part->etag, sizeof(part->etag))
           != SOCIAL_OK
        || social_store_line_number(item[2], &part->offset) != SOCIAL_OK
        || social_store_line_number(item[3], &part->size) != SOCIAL_OK)
    {
        return SOCIAL_MALFORMED;
    }

    part->number = (unsigned) number;

    return SOCIAL_OK;
}
