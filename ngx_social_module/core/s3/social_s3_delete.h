
/*
 * DeleteObjects: the list of keys that a request has in its body, and the
 * answer (S3 API Reference, DeleteObjects).
 */

#ifndef SOCIAL_S3_DELETE_H
#define SOCIAL_S3_DELETE_H


#include "social_buf.h"
#include "social_s3_error.h"
#include "social_str.h"


#define SOCIAL_S3_DELETE_KEYS  1000
#define SOCIAL_S3_DELETE_SIZE  (2 * 1024 * 1024)     /* of a body */


typedef struct {
    social_str_t       key;
    social_str_t       etag;         /* empty: whatever it is */
    social_s3_error_e  error;        /* SOCIAL_S3_OK: it may be removed */
} social_s3_delete_item_t;


typedef struct {
    bool                      quiet;
    size_t                    count;
    social_s3_delete_item_t   items[SOCIAL_S3_DELETE_KEYS];
} social_s3_delete_t;


/*
 * Reads a body; the views are of "work", which needs no more room than the body
 * has.  An item that cannot be removed as it is asked for (of a version, say)
 * has its error.  SOCIAL_MALFORMED: it is not of the schema, or has more than
 * SOCIAL_S3_DELETE_KEYS items.
 */
social_rc_e social_s3_delete_read(social_str_t xml, social_buf_t *work,
    social_s3_delete_t *out);

/*
 * Appends the answer, where each item's error is that of its removal.
 */
void social_s3_delete_write(social_buf_t *b,
    const social_s3_delete_t *deleted);


#endif /* SOCIAL_S3_DELETE_H */
