
/*
 * Checksums of objects.
 */

#include <stdlib.h>
#include <string.h>

#include "social_crypto.h"
#include "social_encoding.h"
#include "social_s3_checksum.h"
#include "social_s3_crc.h"


typedef struct {
    social_str_t      name;
    social_str_t      header;
    size_t            size;
    bool              is_crc;
    social_s3_crc_e   crc;
    social_digest_e     hash;
} social_s3_checksum_kind_t;


struct social_s3_summer_s {
    const social_s3_checksum_kind_t  *kind;
    uint64_t                          crc;
    social_digest_t                    *hash;
};


static void social_s3_checksum_put(const social_s3_checksum_kind_t *kind,
    uint64_t crc, unsigned char *value);


#define SOCIAL_S3_CHECKSUM_KINDS  6


static const social_s3_checksum_kind_t
    social_s3_checksum_kinds[SOCIAL_S3_CHECKSUM_KINDS] =
{
    [SOCIAL_S3_CHECKSUM_CRC32] = {
        .name = social_string("CRC32"),
        .header = social_string("x-amz-checksum-crc32"),
        .size = 4, .is_crc = true, .crc = SOCIAL_S3_CRC32 },

    [SOCIAL_S3_CHECKSUM_CRC32C] = {
        .name = social_string("CRC32C"),
        .header = social_string("x-amz-checksum-crc32c"),
        .size = 4, .is_crc = true, .crc = SOCIAL_S3_CRC32C },

    [SOCIAL_S3_CHECKSUM_CRC64NVME] = {
        .name = social_string("CRC64NVME"),
        .header = social_string("x-amz-checksum-crc64nvme"),
        .size = 8, .is_crc = true, .crc = SOCIAL_S3_CRC64NVME },

    [SOCIAL_S3_CHECKSUM_SHA1] = {
        .name = social_string("SHA1"),
        .header = social_string("x-amz-checksum-sha1"),
        .size = SOCIAL_SHA1_SIZE, .hash = SOCIAL_DIGEST_SHA1 },

    [SOCIAL_S3_CHECKSUM_SHA256] = {
        .name = social_string("SHA256"),
        .header = social_string("x-amz-checksum-sha256"),
        .size = SOCIAL_SHA256_SIZE, .hash = SOCIAL_DIGEST_SHA256 }
};


social_s3_checksum_e
social_s3_checksum_by_name(social_str_t name)
{
    unsigned  i;

    for (i = SOCIAL_S3_CHECKSUM_CRC32; i < SOCIAL_S3_CHECKSUM_KINDS; i++) {
        if (social_str_caseeq(name, social_s3_checksum_kinds[i].name)) {
            return (social_s3_checksum_e) i;
        }
    }

    return SOCIAL_S3_CHECKSUM_NONE;
}


social_s3_checksum_e
social_s3_checksum_by_header(social_str_t header)
{
    unsigned  i;

    for (i = SOCIAL_S3_CHECKSUM_CRC32; i < SOCIAL_S3_CHECKSUM_KINDS; i++) {
        if (social_str_caseeq(header, social_s3_checksum_kinds[i].header)) {
            return (social_s3_checksum_e) i;
        }
    }

    return SOCIAL_S3_CHECKSUM_NONE;
}


social_str_t
social_s3_checksum_name(social_s3_checksum_e algorithm)
{
    return social_s3_checksum_kinds[algorithm].name;
}


social_str_t
social_s3_checksum_header(social_s3_checksum_e algorithm)
{
    return social_s3_checksum_kinds[algorithm].header;
}


size_t
social_s3_checksum_size(social_s3_checksum_e algorithm)
{
    return social_s3_checksum_kinds[algorithm].size;
}


social_rc_e
social_s3_checksum_read(social_s3_checksum_e algorithm, social_str_t text,
    unsigned char *value)
{
    size_t         n;
    unsigned char  buf[social_base64_decoded_size(SOCIAL_S3_CHECKSUM_TEXT)];

    if (text.len == 0 || text.len > SOCIAL_S3_CHECKSUM_TEXT
        || social_base64_decode(text, buf, &n) != SOCIAL_OK
        || n != social_s3_checksum_kinds[algorithm].size)
    {
        return SOCIAL_MALFORMED;
    }

    memcpy(value, buf, n);

    return SOCIAL_OK;
}


size_t
social_s3_checksum_write(social_s3_checksum_e algorithm,
    const unsigned char *value, unsigned char *text)
{
    social_str_t  s;

    s.data = value;
    s.len = social_s3_checksum_kinds[algorithm].size;

    return social_base64_encode(s, text);
}


social_s3_summer_t *
social_s3_summer_create(social_s3_checksum_e algorithm)
{
    social_s3_summer_t  *summer;

    summer = calloc(1, sizeof(social_s3_summer_t));
    if (summer == NULL) {
        return NULL;
    }

    summer->kind = &social_s3_checksum_kinds[algorithm];

    if (!summer->kind->is_crc) {

        summer->hash = social_digest_create(summer->kind->hash);

        if (summer->hash == NULL) {
            free(summer);
            return NULL;
        }
    }

    return summer;
}


social_rc_e
social_s3_summer_update(social_s3_summer_t *summer, social_str_t data)
{
    if (summer->hash) {
        return social_digest_update(summer->hash, data);
    }

    summer->crc = social_s3_crc(summer->kind->crc, summer->crc, data);

    return SOCIAL_OK;
}


social_rc_e
social_s3_summer_final(social_s3_summer_t *summer,
    unsigned char value[SOCIAL_S3_CHECKSUM_MAX])
{
    if (summer->hash) {
        return social_digest_final(summer->hash, value);
    }

    social_s3_checksum_put(summer->kind, summer->crc, value);

    return SOCIAL_OK;
}


static void
social_s3_checksum_put(const social_s3_checksum_kind_t *kind, uint64_t crc,
    unsigned char *value)
{
    size_t  i;

    for (i = kind->size; i > 0; i--) {
        value[i - 1] = (unsigned char) crc;
        crc >>= 8;
    }
}


social_rc_e
social_s3_checksum_combine(social_s3_checksum_e algorithm,
    unsigned char first[SOCIAL_S3_CHECKSUM_MAX],
    const unsigned char second[SOCIAL_S3_CHECKSUM_MAX], uint64_t len)
{
    size_t                            i;
    uint64_t                          a, b;
    const social_s3_checksum_kind_t  *kind;

    kind = &social_s3_checksum_kinds[algorithm];

    if (!kind->is_crc) {
        return SOCIAL_DECLINED;
    }

    a = 0;
    b = 0;

    for (i = 0; i < kind->size; i++) {
        a = a << 8 | first[i];
        b = b << 8 | second[i];
    }

    social_s3_checksum_put(kind, social_s3_crc_combine(kind->crc, a, b, len),
                           first);

    return SOCIAL_OK;
}


void
social_s3_summer_destroy(social_s3_summer_t *summer)
{
    if (summer == NULL) {
        return;
    }

    social_digest_destroy(summer->hash);
    free(summer);
}
