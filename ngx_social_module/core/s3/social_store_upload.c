
/*
 * What the embedded store notes of an upload in parts, and of each part.
 */

#include <string.h>

#include "social_store_line.h"
#include "social_store_upload.h"


static social_rc_e social_store_upload_checksum(social_str_t value,
    social_store_upload_t *upload);


social_rc_e
social_store_upload_write(const social_store_upload_t *upload,
    unsigned char *buf, size_t *len)
{
    social_buf_t  b;
    social_str_t  type;

    if (upload->created < 0 || upload->created > SOCIAL_STORE_MAX_SIZE
        || upload->key.len == 0 || upload->key.len > SOCIAL_STORE_MAX_KEY
        || upload->headers.len > SOCIAL_STORE_MAX_HEADERS
        || (upload->algorithm.len && !social_str_is_token(upload->algorithm)))
    {
        return SOCIAL_MALFORMED;
    }

    type = upload->type;

    if (type.len == 0 || type.len > SOCIAL_STORE_MAX_TYPE
        || !social_store_line_is_printable(type))
    {
        type = social_str("application/octet-stream");
    }

    social_buf_init(&b, buf, SOCIAL_STORE_UPLOAD_SIZE);

    social_buf_text(&b, "social-upload 1\nid ");
    social_buf_put(&b, (social_str_t) { sizeof(upload->id), upload->id });
    social_buf_text(&b, "\ncreated ");
    social_buf_number(&b, (uint64_t) upload->created);
    social_buf_text(&b, "\nchecksum ");

    if (upload->algorithm.len) {
        social_buf_put(&b, upload->algorithm);
        social_buf_text(&b, upload->full ? " full" : " composite");

    } else {
        social_buf_text(&b, "none");
    }

    social_buf_text(&b, "\ntype ");
    social_buf_put(&b, type);
    social_buf_text(&b, "\nkey ");
    social_buf_number(&b, upload->key.len);
    social_buf_byte(&b, '\n');
    social_buf_put(&b, upload->key);
    social_buf_byte(&b, '\n');
    social_store_meta_block(&b, "headers ", upload->headers);
    social_buf_text(&b, "end\n");

    *len = b.len;

    return b.rc;
}


social_rc_e
social_store_upload_read(social_str_t text, social_store_upload_t *upload)
{
    social_str_t  value;

    memset(upload, 0, sizeof(social_store_upload_t));

    if (social_store_line(&text, "social-upload", &value) != SOCIAL_OK
        || !social_str_eq(value, social_str("1"))
        || social_store_line(&text, "id", &value) != SOCIAL_OK
        || social_store_line_hex(value, upload->id, sizeof(upload->id))
           != SOCIAL_OK
        || social_store_line(&text, "created", &value) != SOCIAL_OK
        || social_store_line_number(value, &upload->created) != SOCIAL_OK
        || social_store_line(&text, "checksum", &value) != SOCIAL_OK
        || social_store_upload_checksum(value, upload) != SOCIAL_OK
        || social_store_line(&text, "type", &upload->type) != SOCIAL_OK
        || social_store_line_key(&text, &upload->key) != SOCIAL_OK
        || social_store_meta_read_block(&text, "headers",
                                        SOCIAL_STORE_MAX_HEADERS,
                                        &upload->headers)
           != SOCIAL_OK
        || social_store_line_next(&text, &value) != SOCIAL_OK
        || !social_str_eq(value, social_str("end")) || text.len != 0)
    {
        return SOCIAL_MALFORMED;
    }

    return SOCIAL_OK;
}


static social_rc_e
social_store_upload_checksum(social_str_t value,
    social_store_upload_t *upload)
{
    if (social_str_eq(value, social_str("none"))) {
        return SOCIAL_OK;
    }

    if (!social_str_next(&value, " ", &upload->algorithm)
        || !social_str_is_token(upload->algorithm))
    {
        return SOCIAL_MALFORMED;
    }

    value = social_str_trim(value);

    upload->full = social_str_eq(value, social_str("full"));

    return upload->full || social_str_eq(value, social_str("composite"))
           ? SOCIAL_OK : SOCIAL_MALFORMED;
}


social_rc_e
social_store_note_write(const social_store_note_t *note, unsigned char *buf)
{
    social_buf_t  b;

    if (note->size < 0 || note->size > SOCIAL_STORE_MAX_SIZE
        || note->modified < 0 || note->modified > SOCIAL_STORE_MAX_SIZE
        || (note->algorithm.len
            && (!social_str_is_token(note->algorithm)
                || !social_store_line_is_base64(note->checksum))))
    {
        return SOCIAL_MALFORMED;
    }

    social_buf_init(&b, buf, SOCIAL_STORE_NOTE_SIZE);

    social_buf_text(&b, "social-part 1\n");
    social_store_line_etag(&b, note->etag, 0);
    social_buf_text(&b, "size ");
    social_buf_number(&b, (uint64_t) note->size);
    social_buf_text(&b, "\nmodified ");
    social_buf_number(&b, (uint64_t) note->modified);
    social_buf_text(&b, "\nchecksum ");

    if (note->algorithm.len) {
        social_buf_put(&b, note->algorithm);
        social_buf_byte(&b, ' ');
        social_buf_put(&b, note->checksum);

    } else {
        social_buf_text(&b, "none");
    }

    social_buf_byte(&b, '\n');

    while (b.rc == SOCIAL_OK && b.len < SOCIAL_STORE_NOTE_SIZE) {
        social_buf_byte(&b, '\n');
    }

    return b.rc;
}


social_rc_e
social_store_note_read(const unsigned char *buf, social_store_note_t *note)
{
    unsigned      parts;
    social_str_t  text, value;

    memset(note, 0, sizeof(social_store_note_t));

    text.data = buf;
    text.len = SOCIAL_STORE_NOTE_SIZE;

    if (social_store_line(&text, "social-part", &value) != SOCIAL_OK
        || !social_str_eq(value, social_str("1"))
        || social_store_line(&text, "etag", &value) != SOCIAL_OK
        || social_store_line_read_etag(value, note->etag, &parts) != SOCIAL_OK
        || parts != 0
        || social_store_line(&text, "size", &value) != SOCIAL_OK
        || social_store_line_number(value, &note->size) != SOCIAL_OK
        || social_store_line(&text, "modified", &value) != SOCIAL_OK
        || social_store_line_number(value, &note->modified) != SOCIAL_OK
        || social_store_line(&text, "checksum", &value) != SOCIAL_OK)
    {
        return SOCIAL_MALFORMED;
    }

    if (!social_str_eq(value, social_str("none"))) {

        if (!social_str_next(&value, " ", &note->algorithm)
            || !social_str_is_token(note->algorithm)
            || !social_store_line_is_base64(social_str_trim(value)))
        {
            return SOCIAL_MALFORMED;
        }

        note->checksum = social_str_trim(value);
    }

    while (text.len && text.data[0] == '\n') {
        text.data++;
        text.len--;
    }

    return text.len == 0 ? SOCIAL_OK : SOCIAL_MALFORMED;
}
