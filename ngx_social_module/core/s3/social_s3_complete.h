
/*
 * CompleteMultipartUpload: the list of parts that a request has in its body
 * (S3 API Reference, CompleteMultipartUpload).
 */

#ifndef SOCIAL_S3_COMPLETE_H
#define SOCIAL_S3_COMPLETE_H


#include "social_buf.h"
#include "social_s3_checksum.h"
#include "social_s3_error.h"
#include "social_s3_request.h"
#include "social_str.h"


#define SOCIAL_S3_COMPLETE_SIZE  (4 * 1024 * 1024)     /* of a body */


typedef struct {
    unsigned                number;
    bool                    has_etag;   /* it is an MD5; else it is of none */
    unsigned char           etag[32];
    social_s3_checksum_e    algorithm;  /* SOCIAL_S3_CHECKSUM_NONE: none */
    unsigned char           value[SOCIAL_S3_CHECKSUM_MAX];
} social_s3_complete_part_t;


typedef struct {
    size_t                      count;
    size_t                      size;       /* room in "parts" */
    social_s3_complete_part_t  *parts;      /* the caller's */
} social_s3_complete_t;


/*
 * How many parts a body may have: no more than there is room for, so that the
 * caller can allocate what is needed.
 */
size_t social_s3_complete_parts(social_str_t xml);

/*
 * Reads a body into out->parts; "work" needs no more room than the body has.
 * Errors are the client's: SOCIAL_S3_MALFORMED_XML, SOCIAL_S3_INVALID_ARGUMENT
 * for a number of no part, SOCIAL_S3_INVALID_PART_ORDER unless the numbers are
 * ascending, SOCIAL_S3_NOT_IMPLEMENTED for another checksum.
 */
social_s3_error_e social_s3_complete_read(social_str_t xml,
    social_buf_t *work, social_s3_complete_t *out);


#endif /* SOCIAL_S3_COMPLETE_H */
