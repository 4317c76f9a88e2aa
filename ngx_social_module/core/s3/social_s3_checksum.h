
/*
 * Checksums of objects, as S3 has them beside the ETag (S3 User Guide,
 * "Checking object integrity").
 */

#ifndef SOCIAL_S3_CHECKSUM_H
#define SOCIAL_S3_CHECKSUM_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_S3_CHECKSUM_MAX   32       /* bytes of the longest */
#define SOCIAL_S3_CHECKSUM_TEXT  44       /* the same in base64 */


typedef enum {
    SOCIAL_S3_CHECKSUM_NONE = 0,
    SOCIAL_S3_CHECKSUM_CRC32,
    SOCIAL_S3_CHECKSUM_CRC32C,
    SOCIAL_S3_CHECKSUM_CRC64NVME,
    SOCIAL_S3_CHECKSUM_SHA1,
    SOCIAL_S3_CHECKSUM_SHA256
} social_s3_checksum_e;


/*
 * One that a client gave.
 */
typedef struct {
    social_s3_checksum_e   algorithm;
    bool                   trailing;      /* its value comes after the body */
    unsigned char          value[SOCIAL_S3_CHECKSUM_MAX];
} social_s3_checksum_t;


typedef struct social_s3_summer_s  social_s3_summer_t;


/*
 * The algorithm of a name ("CRC64NVME", in any case), or of a header
 * ("x-amz-checksum-crc64nvme"); SOCIAL_S3_CHECKSUM_NONE: not one of these.
 */
social_s3_checksum_e social_s3_checksum_by_name(social_str_t name);
social_s3_checksum_e social_s3_checksum_by_header(social_str_t header);

/*
 * The name, the header, both static, and the length of the value in bytes.
 */
social_str_t social_s3_checksum_name(social_s3_checksum_e algorithm);
social_str_t social_s3_checksum_header(social_s3_checksum_e algorithm);
size_t social_s3_checksum_size(social_s3_checksum_e algorithm);

/*
 * Reads a value in base64 into "value" of SOCIAL_S3_CHECKSUM_MAX bytes.
 * SOCIAL_MALFORMED: it is not one of the algorithm.
 */
social_rc_e social_s3_checksum_read(social_s3_checksum_e algorithm,
    social_str_t text, unsigned char *value);

/*
 * Writes a value in base64 to "text" of SOCIAL_S3_CHECKSUM_TEXT bytes; returns
 * its length.
 */
size_t social_s3_checksum_write(social_s3_checksum_e algorithm,
    const unsigned char *value, unsigned char *text);

/*
 * Computes one, piece by piece.  social_s3_summer_create() gives a handle that
 * the caller frees with social_s3_summer_destroy(), or NULL: out of memory.
 * SOCIAL_FAILED: OpenSSL gave up.  After social_s3_summer_final() the handle is
 * only to be freed.
 */
social_s3_summer_t *social_s3_summer_create(social_s3_checksum_e algorithm);
social_rc_e social_s3_summer_update(social_s3_summer_t *summer,
    social_str_t data);
social_rc_e social_s3_summer_final(social_s3_summer_t *summer,
    unsigned char value[SOCIAL_S3_CHECKSUM_MAX]);
void social_s3_summer_destroy(social_s3_summer_t *summer);


/*
 * The value of two pieces together, into "first", where the algorithm is a
 * CRC; "len" is the length of the second piece.  SOCIAL_DECLINED: it is not.
 */
social_rc_e social_s3_checksum_combine(social_s3_checksum_e algorithm,
    unsigned char first[SOCIAL_S3_CHECKSUM_MAX],
    const unsigned char second[SOCIAL_S3_CHECKSUM_MAX], uint64_t len);


#endif /* SOCIAL_S3_CHECKSUM_H */
