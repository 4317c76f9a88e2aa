
/*
 * Cyclic redundancy checks, eight bytes at a time.
 */

#ifndef SOCIAL_S3_CRC_H
#define SOCIAL_S3_CRC_H


#include "social_str.h"


typedef enum {
    SOCIAL_S3_CRC32 = 0,      /* ISO-HDLC, of zip and gzip */
    SOCIAL_S3_CRC32C,         /* RFC 3720 */
    SOCIAL_S3_CRC64NVME,      /* NVM Express, 5.2.1.3.4 */
    SOCIAL_S3_CRCS
} social_s3_crc_e;


/*
 * Adds data to a check that began as 0, and returns it: a value of 32 or 64
 * bits, complete after each call.
 */
uint64_t social_s3_crc(social_s3_crc_e kind, uint64_t crc, social_str_t data);


/*
 * The check of two pieces together, from the check of each and the length of
 * the second one.
 */
uint64_t social_s3_crc_combine(social_s3_crc_e kind, uint64_t first,
    uint64_t second, uint64_t len);


#endif /* SOCIAL_S3_CRC_H */
