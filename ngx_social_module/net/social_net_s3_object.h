
/*
 * Objects of S3, or of what speaks as it does, with what is kept beside their
 * bytes; and lists of them.  Of any size, without being in memory.  Blocking:
 * for threads, never for nginx's event loop.
 */

#ifndef SOCIAL_NET_S3_OBJECT_H
#define SOCIAL_NET_S3_OBJECT_H


#include "social_crypto.h"
#include "social_net_s3_send.h"
#include "social_s3_listing.h"


/* the largest object that is put by one request (S3: PutObject) */
#define SOCIAL_NET_S3_MAX_PUT      (5ULL * 1024 * 1024 * 1024)

#define SOCIAL_NET_S3_HEADER_TEXT  16384


typedef struct {

    /* of the last answer */

    long                    status;        /* 0: there was none */
    bool                    timed_out;     /* it did not get the bytes in
                                              time */
    uint64_t                size;
    social_str_t            etag;          /* without quotes; empty: none */
    int64_t                 modified;      /* seconds; 0: it was not said */
    social_str_t            sha256;        /* of all bytes, in base64; empty:
                                              it was not said */

    /* content-type and the like, and x-amz-meta-* */

    size_t                  header_count;
    social_sigv4_header_t   headers[SOCIAL_NET_S3_HEADERS];

    /* of the bytes that were got */

    unsigned char           md5_digest[SOCIAL_MD5_SIZE];
    unsigned char           sha256_digest[SOCIAL_SHA256_SIZE];

    /* the functions' own */

    int                     fd;
    uint64_t                received;
    const char             *error;
    bool                    composite;
    bool                    overflow;
    social_digest_t        *md5;
    social_sha256_t        *sha;
    size_t                  len;
    unsigned char           text[SOCIAL_NET_S3_HEADER_TEXT];
} social_net_s3_whole_t;


/*
 * Requests have the timeout of "s3" for connecting, and for each pause.
 * "session" has the connections.  What is SOCIAL_OK, SOCIAL_FAILED and "error"
 * is as in social_net_s3.h.
 */

/*
 * Gets a page of a list (ListObjectsV2): the first one of "prefix", or that of
 * "token".  "memory", of twice SOCIAL_S3_LISTING_SIZE bytes, has what the page
 * has views of.  "status" is that of the answer, 0 if there was none.
 */
social_rc_e social_net_s3_list(const social_net_s3_t *s3,
    social_net_session_t *session, social_str_t prefix, social_str_t token,
    unsigned char *memory, social_s3_listing_t *page, long *status,
    char *error);

/*
 * Gets what is kept beside an object (HeadObject).  SOCIAL_DECLINED: there is
 * none.
 */
social_rc_e social_net_s3_head(const social_net_s3_t *s3,
    social_net_session_t *session, social_str_t key,
    social_net_s3_whole_t *object, char *error);

/*
 * Gets an object, and its digests (GetObject).  The bytes are written to "fd"
 * from the beginning, unless that is -1.  SOCIAL_DECLINED: there is none.
 */
social_rc_e social_net_s3_get_whole(const social_net_s3_t *s3,
    social_net_session_t *session, social_str_t key, int fd,
    social_net_s3_whole_t *object, char *error);

/*
 * Puts what was got, object->size bytes of the file "fd", with its headers and
 * its SHA-256, which the store has to compare with the bytes (PutObject).
 * Sets "status" and "timed_out" only.
 */
social_rc_e social_net_s3_put_whole(const social_net_s3_t *s3,
    social_net_session_t *session, social_str_t key, int fd,
    social_net_s3_whole_t *object, char *error);


/*
 * Copies what is said of an object to the memory that it has for that, and
 * returns the copy.  What does not fit is empty, and noted in "overflow".
 */
social_str_t social_net_s3_whole_keep(social_net_s3_whole_t *object,
    social_str_t value);


#endif /* SOCIAL_NET_S3_OBJECT_H */
