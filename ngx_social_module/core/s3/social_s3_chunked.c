
/*
 * Bodies in chunks.
 */

#include <string.h>

#include "social_encoding.h"
#include "social_s3_chunked.h"


/* a chunk is not larger than an object may be */

#define SOCIAL_S3_CHUNKED_MAX_DIGITS  12


static social_s3_error_e social_s3_chunked_line(social_s3_chunked_t *chunked,
    social_str_t *in, social_str_t *line);
static social_s3_error_e social_s3_chunked_size(social_s3_chunked_t *chunked,
    social_str_t line);
static social_s3_error_e social_s3_chunked_data(social_s3_chunked_t *chunked,
    social_str_t *in, social_str_t *data);
static social_s3_error_e social_s3_chunked_chunk_end(
    social_s3_chunked_t *chunked, social_str_t line);
static social_s3_error_e social_s3_chunked_trailer(
    social_s3_chunked_t *chunked, social_str_t line);
static social_s3_error_e social_s3_chunked_trailer_end(
    social_s3_chunked_t *chunked);
static social_s3_error_e social_s3_chunked_verify(
    social_s3_chunked_t *chunked, const char *algorithm, bool with_empty);
static bool social_s3_chunked_is_signature(social_str_t s);


static const struct {
    social_str_t          payload;
    social_s3_chunked_e   kind;
} social_s3_chunked_kinds[] = {
    { social_string("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
      SOCIAL_S3_CHUNKED_SIGNED },
    { social_string("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"),
      SOCIAL_S3_CHUNKED_SIGNED_TRAILER },
    { social_string("STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
      SOCIAL_S3_CHUNKED_UNSIGNED_TRAILER }
};


social_s3_chunked_e
social_s3_chunked_kind(social_str_t payload)
{
    size_t  i, n;

    n = sizeof(social_s3_chunked_kinds) / sizeof(social_s3_chunked_kinds[0]);

    for (i = 0; i < n; i++) {
        if (social_str_eq(payload, social_s3_chunked_kinds[i].payload)) {
            return social_s3_chunked_kinds[i].kind;
        }
    }

    return SOCIAL_S3_CHUNKED_NONE;
}


social_rc_e
social_s3_chunked_init(social_s3_chunked_t *chunked, social_s3_chunked_e kind,
    social_s3_checksum_e algorithm, const social_sigv4_verified_t *verified)
{
    social_buf_t  b;
    social_str_t  date;

    memset(chunked, 0, sizeof(social_s3_chunked_t));

    chunked->kind = kind;
    chunked->algorithm = algorithm;

    if (kind == SOCIAL_S3_CHUNKED_UNSIGNED_TRAILER) {
        return SOCIAL_OK;
    }

    date = verified->amz_date;
    date.len = 8;

    social_buf_init(&b, chunked->scope, sizeof(chunked->scope));

    social_buf_put(&b, verified->amz_date);
    social_buf_byte(&b, '\n');
    social_buf_put(&b, date);
    social_buf_byte(&b, '/');
    social_buf_put(&b, verified->region);
    social_buf_byte(&b, '/');
    social_buf_put(&b, verified->service);
    social_buf_text(&b, "/aws4_request\n");

    chunked->scope_len = b.len;

    if (b.rc != SOCIAL_OK
        || verified->signature.len != sizeof(chunked->previous)
        || social_sigv4_key(verified->known->secrets[verified->secret], date,
                            verified->region, verified->service,
                            &chunked->key)
           != SOCIAL_OK)
    {
        return SOCIAL_FAILED;
    }

    memcpy(chunked->previous, verified->signature.data,
           sizeof(chunked->previous));

    chunked->hash = social_sha256_create();

    return chunked->hash == NULL ? SOCIAL_FAILED : SOCIAL_OK;
}


void
social_s3_chunked_destroy(social_s3_chunked_t *chunked)
{
    social_sha256_destroy(chunked->hash);
    chunked->hash = NULL;

    social_crypto_cleanse(&chunked->key, sizeof(chunked->key));
}


social_s3_error_e
social_s3_chunked_next(social_s3_chunked_t *chunked, social_str_t *in,
    social_str_t *data)
{
    social_str_t       line;
    social_s3_error_e  error;

    data->data = in->data;
    data->len = 0;

    while (in->len) {

        if (chunked->state == SOCIAL_S3_CHUNKED_DATA) {
            return social_s3_chunked_data(chunked, in, data);
        }

        if (chunked->state == SOCIAL_S3_CHUNKED_DONE) {
            return SOCIAL_S3_INVALID_REQUEST;
        }

        error = social_s3_chunked_line(chunked, in, &line);

        if (error != SOCIAL_S3_OK || line.data == NULL) {
            return error;
        }

        switch (chunked->state) {

        case SOCIAL_S3_CHUNKED_SIZE:
            error = social_s3_chunked_size(chunked, line);
            break;

        case SOCIAL_S3_CHUNKED_DATA_END:
            error = social_s3_chunked_chunk_end(chunked, line);
            break;

        default:
            error = social_s3_chunked_trailer(chunked, line);
            break;
        }

        if (error != SOCIAL_S3_OK) {
            return error;
        }
    }

    return SOCIAL_S3_OK;
}


social_s3_error_e
social_s3_chunked_end(const social_s3_chunked_t *chunked)
{
    return chunked->state == SOCIAL_S3_CHUNKED_DONE
           ? SOCIAL_S3_OK : SOCIAL_S3_INCOMPLETE_BODY;
}


/*
 * A line without its CRLF, once all of it is there; until then its data is a
 * null pointer.
 */

static social_s3_error_e
social_s3_chunked_line(social_s3_chunked_t *chunked, social_str_t *in,
    social_str_t *line)
{
    unsigned char  ch;

    line->data = NULL;
    line->len = 0;

    while (in->len) {

        ch = in->data[0];
        in->data++;
        in->len--;

        if (ch == '\n') {

            if (chunked->len == 0 || chunked->line[chunked->len - 1] != '\r') {
                return SOCIAL_S3_INVALID_REQUEST;
            }

            line->data = chunked->line;
            line->len = chunked->len - 1;
            chunked->len = 0;

            return SOCIAL_S3_OK;
        }

        if (chunked->len == sizeof(chunked->line)) {
            return SOCIAL_S3_INVALID_REQUEST;
        }

        chunked->line[chunked->len++] = ch;
    }

    return SOCIAL_S3_OK;
}


static social_s3_error_e
social_s3_chunked_size(social_s3_chunked_t *chunked, social_str_t line)
{
    size_t                     i;
    unsigned char              ch;
    static const social_str_t  name = social_string(";chunk-signature=");

    chunked->left = 0;

    for (i = 0; i < line.len && line.data[i] != ';'; i++) {

        ch = social_lower(line.data[i]);

        if (i == SOCIAL_S3_CHUNKED_MAX_DIGITS) {
            return SOCIAL_S3_INVALID_REQUEST;
        }

        if (ch >= '0' && ch <= '9') {
            ch -= '0';

        } else if (ch >= 'a' && ch <= 'f') {
            ch = (unsigned char) (ch - 'a' + 10);

        } else {
            return SOCIAL_S3_INVALID_REQUEST;
        }

        chunked->left = chunked->left << 4 | ch;
    }

    if (i == 0) {
        return SOCIAL_S3_INVALID_REQUEST;
    }

    line.data += i;
    line.len -= i;

    if (chunked->hash == NULL) {

        if (line.len) {
            return SOCIAL_S3_INVALID_REQUEST;
        }

    } else {

        if (!social_str_starts(line, name)) {
            return SOCIAL_S3_INVALID_REQUEST;
        }

        line.data += name.len;
        line.len -= name.len;

        if (!social_s3_chunked_is_signature(line)) {
            return SOCIAL_S3_INVALID_REQUEST;
        }

        memcpy(chunked->given, line.data, line.len);
    }

    if (chunked->left) {
        chunked->state = SOCIAL_S3_CHUNKED_DATA;
        return SOCIAL_S3_OK;
    }

    chunked->last = true;

    if (chunked->kind == SOCIAL_S3_CHUNKED_SIGNED) {
        chunked->state = SOCIAL_S3_CHUNKED_DATA_END;
        return SOCIAL_S3_OK;
    }

    chunked->state = SOCIAL_S3_CHUNKED_TRAILER;

    if (chunked->hash == NULL) {
        return SOCIAL_S3_OK;
    }

    return social_s3_chunked_verify(chunked, "AWS4-HMAC-SHA256-PAYLOAD", true);
}


static bool
social_s3_chunked_is_signature(social_str_t s)
{
    unsigned char  raw[SOCIAL_SHA256_SIZE];

    return s.len == SOCIAL_SIGV4_SIGNATURE_SIZE
           && social_hex_decode(s, raw) == SOCIAL_OK;
}


static social_s3_error_e
social_s3_chunked_data(social_s3_chunked_t *chunked, social_str_t *in,
    social_str_t *data)
{
    data->data = in->data;
    data->len = in->len < chunked->left ? in->len : (size_t) chunked->left;

    in->data += data->len;
    in->len -= data->len;
    chunked->left -= data->len;

    if (chunked->hash
        && social_sha256_update(chunked->hash, *data) != SOCIAL_OK)
    {
        return SOCIAL_S3_INTERNAL_ERROR;
    }

    if (chunked->left == 0) {
        chunked->state = SOCIAL_S3_CHUNKED_DATA_END;
    }

    return SOCIAL_S3_OK;
}


/*
 * The line break after the bytes of a chunk.
 */

static social_s3_error_e
social_s3_chunked_chunk_end(social_s3_chunked_t *chunked, social_str_t line)
{
    if (line.len) {
        return SOCIAL_S3_INVALID_REQUEST;
    }

    chunked->state = chunked->last ? SOCIAL_S3_CHUNKED_DONE
                                   : SOCIAL_S3_CHUNKED_SIZE;

    if (chunked->hash == NULL) {
        return SOCIAL_S3_OK;
    }

    return social_s3_chunked_verify(chunked, "AWS4-HMAC-SHA256-PAYLOAD", true);
}


/*
 * A checksum, and the signature of what came before it in the trailer.
 */

static social_s3_error_e
social_s3_chunked_trailer(social_s3_chunked_t *chunked, social_str_t line)
{
    size_t                     i;
    social_str_t               name, value;
    social_s3_checksum_e       algorithm;
    static const social_str_t  signature =
        social_string("x-amz-trailer-signature");
    static const social_str_t  end = social_string("\n");

    if (line.len == 0) {
        return social_s3_chunked_trailer_end(chunked);
    }

    for (i = 0; i < line.len && line.data[i] != ':'; i++) { /* void */ }

    if (i == line.len || chunked->is_signed
        || ++chunked->lines > SOCIAL_S3_CHUNKED_MAX_LINES)
    {
        return SOCIAL_S3_MALFORMED_TRAILER;
    }

    name.data = line.data;
    name.len = i;

    value.data = line.data + i + 1;
    value.len = line.len - i - 1;
    value = social_str_trim(value);

    if (chunked->hash && social_str_caseeq(name, signature)) {

        if (!social_s3_chunked_is_signature(value)) {
            return SOCIAL_S3_MALFORMED_TRAILER;
        }

        memcpy(chunked->given, value.data, value.len);
        chunked->is_signed = true;

        return SOCIAL_S3_OK;
    }

    algorithm = social_s3_checksum_by_header(name);

    if (algorithm == SOCIAL_S3_CHECKSUM_NONE
        || algorithm != chunked->algorithm || chunked->has_value
        || social_s3_checksum_read(algorithm, value, chunked->value)
           != SOCIAL_OK)
    {
        return SOCIAL_S3_MALFORMED_TRAILER;
    }

    chunked->has_value = true;

    if (chunked->hash == NULL) {
        return SOCIAL_S3_OK;
    }

    /* in the canonical form: lower case, no spaces, a line feed */

    name = social_s3_checksum_header(algorithm);

    if (social_sha256_update(chunked->hash, name) != SOCIAL_OK
        || social_sha256_update(chunked->hash, social_str(":")) != SOCIAL_OK
        || social_sha256_update(chunked->hash, value) != SOCIAL_OK
        || social_sha256_update(chunked->hash, end) != SOCIAL_OK)
    {
        return SOCIAL_S3_INTERNAL_ERROR;
    }

    return SOCIAL_S3_OK;
}


static social_s3_error_e
social_s3_chunked_trailer_end(social_s3_chunked_t *chunked)
{
    if (chunked->algorithm != SOCIAL_S3_CHECKSUM_NONE && !chunked->has_value) {
        return SOCIAL_S3_MALFORMED_TRAILER;
    }

    chunked->state = SOCIAL_S3_CHUNKED_DONE;

    if (chunked->hash == NULL) {
        return SOCIAL_S3_OK;
    }

    if (!chunked->is_signed) {
        return SOCIAL_S3_MALFORMED_TRAILER;
    }

    return social_s3_chunked_verify(chunked, "AWS4-HMAC-SHA256-TRAILER", false);
}


/*
 * Compares the signature given with that of what was hashed, chained to the
 * one before.
 */

static social_s3_error_e
social_s3_chunked_verify(social_s3_chunked_t *chunked, const char *algorithm,
    bool with_empty)
{
    social_buf_t   b;
    social_str_t   digest, given, expected;
    unsigned char  raw[SOCIAL_SHA256_SIZE], hex[2 * SOCIAL_SHA256_SIZE];
    unsigned char  text[SOCIAL_S3_CHUNKED_MAX_SCOPE + 256];
    unsigned char  signature[SOCIAL_SIGV4_SIGNATURE_SIZE];

    if (social_sha256_final(chunked->hash, raw) != SOCIAL_OK) {
        return SOCIAL_S3_INTERNAL_ERROR;
    }

    digest.data = raw;
    digest.len = sizeof(raw);
    social_hex_encode(digest, hex);
    digest.data = hex;
    digest.len = sizeof(hex);

    social_buf_init(&b, text, sizeof(text));

    social_buf_text(&b, algorithm);
    social_buf_byte(&b, '\n');
    social_buf_put(&b, (social_str_t) { chunked->scope_len, chunked->scope });
    social_buf_put(&b, (social_str_t) { sizeof(chunked->previous),
                                        chunked->previous });
    social_buf_byte(&b, '\n');

    if (with_empty) {
        social_buf_put(&b, social_sigv4_empty_payload);
        social_buf_byte(&b, '\n');
    }

    social_buf_put(&b, digest);

    if (b.rc != SOCIAL_OK
        || social_sigv4_signature(&chunked->key, social_buf_since(&b, 0),
                                  signature)
           != SOCIAL_OK)
    {
        return SOCIAL_S3_INTERNAL_ERROR;
    }

    given.data = chunked->given;
    given.len = sizeof(chunked->given);
    expected.data = signature;
    expected.len = sizeof(signature);

    if (!social_crypto_equal(given, expected)) {
        social_crypto_cleanse(signature, sizeof(signature));
        return SOCIAL_S3_SIGNATURE_DOES_NOT_MATCH;
    }

    memcpy(chunked->previous, signature, sizeof(signature));

    return SOCIAL_S3_OK;
}
