
/*
 * What a store answers to whom it uploads in parts for (S3 API Reference,
 * CreateMultipartUpload, ListParts, CompleteMultipartUpload).
 */

#ifndef SOCIAL_S3_REPLY_H
#define SOCIAL_S3_REPLY_H


#include "social_buf.h"
#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_S3_REPLY_MAX_ID     1024     /* of an upload */
#define SOCIAL_S3_REPLY_MAX_ETAG   128
#define SOCIAL_S3_REPLY_MAX_PARTS  1000     /* of one page */


typedef struct {
    unsigned                number;
    int64_t                 size;
    social_str_t            etag;           /* as it came, with its quotes */
} social_s3_reply_part_t;


typedef struct {
    size_t                  count;
    social_s3_reply_part_t  parts[SOCIAL_S3_REPLY_MAX_PARTS];
    bool                    truncated;
    unsigned                next;           /* part-number-marker of the next
                                               page */
} social_s3_reply_parts_t;


/*
 * Read a document; the views are of "work", which needs no more room than the
 * document has.  SOCIAL_MALFORMED: it is not what was to be answered; of
 * the last one it may be an error although the status was 200.
 */
social_rc_e social_s3_reply_create(social_str_t xml, social_buf_t *work,
    social_str_t *upload);
social_rc_e social_s3_reply_parts(social_str_t xml, social_buf_t *work,
    social_s3_reply_parts_t *out);
social_rc_e social_s3_reply_complete(social_str_t xml, social_buf_t *work);


#endif /* SOCIAL_S3_REPLY_H */
