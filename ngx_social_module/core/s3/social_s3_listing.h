
/*
 * A page of a list of objects, as a store answers it to us (S3 API Reference,
 * ListObjectsV2).
 */

#ifndef SOCIAL_S3_LISTING_H
#define SOCIAL_S3_LISTING_H


#include "social_buf.h"
#include "social_object.h"
#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_S3_LISTING_KEYS   1000
#define SOCIAL_S3_LISTING_TOKEN  4096

/* the largest page that is read, in bytes */
#define SOCIAL_S3_LISTING_SIZE   (8 * 1024 * 1024)


typedef struct {
    social_str_t   key;
    social_str_t   etag;             /* without quotes; empty: none */
    social_str_t   modified;         /* "2026-01-01T00:00:00": in UTC, so that
                                        text is compared; empty: none */
    uint64_t       size;
} social_s3_listing_item_t;


typedef struct {
    bool           truncated;        /* there is a next page */
    social_str_t   token;            /* of that one */
    size_t         count;
    social_s3_listing_item_t
                   items[SOCIAL_S3_LISTING_KEYS];
} social_s3_listing_t;


/*
 * Reads a page.  Views are of "work", which needs as much room as the document
 * is long.  SOCIAL_MALFORMED: it is not one; or it has more than 1,000 objects,
 * one without a key or a size, a key that cannot be one, or keys that are not
 * in order; or it goes on without a token.
 */
social_rc_e social_s3_listing_read(social_str_t xml, social_buf_t *work,
    social_s3_listing_t *page);

/*
 * Whether an ETag is an MD5: 32 hexadecimal digits.  That of an object of parts
 * is not, and that of an encrypted one only looks like it.
 */
bool social_s3_listing_is_md5(social_str_t etag);


#endif /* SOCIAL_S3_LISTING_H */
