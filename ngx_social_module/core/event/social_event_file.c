
/*
 * Events that wait for the database.
 *
 * A file is "SHA256 1 AT IDLENGTH BODYLENGTH\n", the id and the body.  The
 * digest is that of all that stands behind it and the space.
 */

#include <string.h>

#include "social_buf.h"
#include "social_crypto.h"
#include "social_encoding.h"
#include "social_event_file.h"


#define SOCIAL_EVENT_FILE_DIGEST   social_hex_size(SOCIAL_SHA256_SIZE)

/* what the header has behind the digest, with numbers as long as they can be */
#define SOCIAL_EVENT_FILE_HEADER   64


static size_t social_event_file_header(const social_event_file_t *file,
    unsigned char buf[SOCIAL_EVENT_FILE_HEADER]);
static void social_event_hex(uint64_t n, size_t digits, char *buf);
static social_rc_e social_event_hex_parse(const unsigned char *p,
    size_t digits, uint64_t *n);
static social_rc_e social_event_number(social_str_t *text, unsigned char end,
    uint64_t max, uint64_t *n);


void
social_event_name_write(const social_event_name_t *name,
    char buf[SOCIAL_EVENT_NAME_SIZE + 1])
{
    social_event_hex(name->time, 16, buf);
    buf[16] = '-';
    social_event_hex(name->user, 16, buf + 17);
    buf[33] = '-';
    social_event_hex(name->size, 8, buf + 34);
    buf[SOCIAL_EVENT_NAME_SIZE] = '\0';
}


social_rc_e
social_event_name_parse(social_str_t text, social_event_name_t *name)
{
    uint64_t  size;

    if (text.len != SOCIAL_EVENT_NAME_SIZE
        || text.data[16] != '-' || text.data[33] != '-'
        || social_event_hex_parse(text.data, 16, &name->time) != SOCIAL_OK
        || social_event_hex_parse(text.data + 17, 16, &name->user) != SOCIAL_OK
        || social_event_hex_parse(text.data + 34, 8, &size) != SOCIAL_OK)
    {
        return SOCIAL_MALFORMED;
    }

    name->size = (uint32_t) size;

    return SOCIAL_OK;
}


social_rc_e
social_event_name_user(social_str_t user_pool, social_str_t sub,
    uint64_t *user)
{
    unsigned char  digests[2 * SOCIAL_SHA256_SIZE];
    unsigned char  digest[SOCIAL_SHA256_SIZE];

    /* of digests: a pool and a sub are not another pool and another sub */

    if (social_sha256(user_pool, digests) != SOCIAL_OK
        || social_sha256(sub, digests + SOCIAL_SHA256_SIZE) != SOCIAL_OK
        || social_sha256((social_str_t) { sizeof(digests), digests }, digest)
           != SOCIAL_OK)
    {
        return SOCIAL_FAILED;
    }

    memcpy(user, digest, sizeof(*user));

    return SOCIAL_OK;
}


size_t
social_event_file_size(const social_event_file_t *file)
{
    unsigned char  header[SOCIAL_EVENT_FILE_HEADER];

    return SOCIAL_EVENT_FILE_DIGEST + 1
           + social_event_file_header(file, header)
           + file->id.len + file->body.len;
}


social_rc_e
social_event_file_write(const social_event_file_t *file, unsigned char *buf)
{
    unsigned char  *p, *rest;
    social_str_t    covered;
    unsigned char   sha256[SOCIAL_SHA256_SIZE];

    rest = buf + SOCIAL_EVENT_FILE_DIGEST + 1;
    p = rest + social_event_file_header(file, rest);

    if (file->id.len) {
        memcpy(p, file->id.data, file->id.len);
        p += file->id.len;
    }

    if (file->body.len) {
        memcpy(p, file->body.data, file->body.len);
        p += file->body.len;
    }

    covered.data = rest;
    covered.len = (size_t) (p - rest);

    if (social_sha256(covered, sha256) != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    social_hex_encode((social_str_t) { sizeof(sha256), sha256 }, buf);
    rest[-1] = ' ';

    return SOCIAL_OK;
}


social_rc_e
social_event_file_parse(social_str_t text, social_event_file_t *file)
{
    uint64_t       version, at, id, body;
    unsigned char  sha256[SOCIAL_SHA256_SIZE], noted[SOCIAL_SHA256_SIZE];

    if (text.len > SOCIAL_EVENT_FILE_MAX_SIZE
        || text.len <= SOCIAL_EVENT_FILE_DIGEST
        || text.data[SOCIAL_EVENT_FILE_DIGEST] != ' '
        || social_hex_decode((social_str_t) { SOCIAL_EVENT_FILE_DIGEST,
                                              text.data }, noted)
           != SOCIAL_OK)
    {
        return SOCIAL_MALFORMED;
    }

    text.data += SOCIAL_EVENT_FILE_DIGEST + 1;
    text.len -= SOCIAL_EVENT_FILE_DIGEST + 1;

    if (social_sha256(text, sha256) != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    if (memcmp(sha256, noted, sizeof(sha256)) != 0
        || social_event_number(&text, ' ', 1, &version) != SOCIAL_OK
        || version != 1
        || social_event_number(&text, ' ', INT64_MAX, &at) != SOCIAL_OK
        || social_event_number(&text, ' ', SOCIAL_EVENT_FILE_MAX_ID, &id)
           != SOCIAL_OK
        || social_event_number(&text, '\n', SOCIAL_EVENT_FILE_MAX_BODY, &body)
           != SOCIAL_OK
        || id + body != text.len)
    {
        return SOCIAL_MALFORMED;
    }

    file->at = (int64_t) at;
    file->id.data = text.data;
    file->id.len = (size_t) id;
    file->body.data = text.data + id;
    file->body.len = (size_t) body;

    return SOCIAL_OK;
}


static size_t
social_event_file_header(const social_event_file_t *file,
    unsigned char buf[SOCIAL_EVENT_FILE_HEADER])
{
    social_buf_t  b;

    social_buf_init(&b, buf, SOCIAL_EVENT_FILE_HEADER);

    social_buf_text(&b, "1 ");
    social_buf_number(&b, (uint64_t) file->at);
    social_buf_byte(&b, ' ');
    social_buf_number(&b, file->id.len);
    social_buf_byte(&b, ' ');
    social_buf_number(&b, file->body.len);
    social_buf_byte(&b, '\n');

    return b.len;
}


static void
social_event_hex(uint64_t n, size_t digits, char *buf)
{
    static const char  hex[] = "0123456789abcdef";

    while (digits) {
        buf[--digits] = hex[n & 0xf];
        n >>= 4;
    }
}


static social_rc_e
social_event_hex_parse(const unsigned char *p, size_t digits, uint64_t *n)
{
    size_t         i;
    social_str_t   text;
    unsigned char  bytes[8];

    text.data = p;
    text.len = digits;

    if (social_hex_decode(text, bytes) != SOCIAL_OK) {
        return SOCIAL_MALFORMED;
    }

    *n = 0;

    for (i = 0; i < digits / 2; i++) {
        *n = *n << 8 | bytes[i];
    }

    return SOCIAL_OK;
}


/*
 * Digits, without a needless zero before them, and the byte behind them.
 */

static social_rc_e
social_event_number(social_str_t *text, unsigned char end, uint64_t max,
    uint64_t *n)
{
    size_t    i;
    unsigned  digit;

    *n = 0;

    for (i = 0; i < text->len && text->data[i] != end; i++) {

        if (text->data[i] < '0' || text->data[i] > '9'
            || (i == 1 && text->data[0] == '0'))
        {
            return SOCIAL_MALFORMED;
        }

        digit = (unsigned) (text->data[i] - '0');

        if (digit > max || *n > (max - digit) / 10) {
            return SOCIAL_MALFORMED;
        }

        *n = *n * 10 + digit;
    }

    if (i == 0 || i == text->len) {
        return SOCIAL_MALFORMED;
    }

    text->data += i + 1;
    text->len -= i + 1;

    return SOCIAL_OK;
}
