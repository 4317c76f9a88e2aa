
/*
 * Objects of S3, or of what speaks as it does.  Bounded and blocking: for
 * threads and the worker, never for nginx's event loop.
 */

#ifndef SOCIAL_NET_S3_H
#define SOCIAL_NET_S3_H


#include "social_bucket.h"
#include "social_net_credentials.h"
#include "social_net_request.h"


typedef struct {
    const social_bucket_t       *bucket;
    long                         timeout;       /* ms, of a whole request */
    const char                  *ca_file;       /* NULL: the system's */

    /*
     * Who signs: "keys", or, where that is NULL, what the source gives, which
     * is asked for each request.
     */
    const social_credentials_t        *keys;
    social_net_credentials_source_t   *source;
} social_net_s3_t;


typedef struct {
    const char                  *key;
    const unsigned char         *data;
    size_t                       size;
    const char                  *content_type;
    const char                  *cache_control;
} social_net_s3_object_t;


/* where an object goes that is got */

typedef struct {
    uint64_t                     max_size;
    int                          fd;            /* -1: to memory */
    unsigned char               *data;          /* the caller's: free() */
    uint64_t                     size;

    /* social_net_s3_get()'s own */
    uint64_t                     room;
    const char                  *error;
} social_net_s3_body_t;


/*
 * Each signs its request with headers (S3 API Reference, "Authenticating
 * Requests: Using the Authorization Header"), connects to who the bucket's
 * certificate says, follows no redirect, and returns within the timeout.
 * "error", of SOCIAL_NET_ERROR_SIZE bytes, gets one line on every outcome but
 * SOCIAL_OK, without anything secret: the status and the code of the store, or
 * why there is no answer.
 *
 * SOCIAL_FAILED, of each: no credentials, no memory, no answer in time, or one
 * that is neither success nor one of those below: it may be tried again.
 */

/*
 * Gets an object (GetObject).  SOCIAL_OK: body->size bytes were written to the
 * file, or are body->data.  SOCIAL_DECLINED: there is none, in a bucket that is
 * there; SOCIAL_MALFORMED: it is larger than body->max_size.  What "fd" has
 * been given after those is of no use; nothing is left in memory.
 */
social_rc_e social_net_s3_get(const social_net_s3_t *s3, const char *key,
    social_net_s3_body_t *body, char *error);

/*
 * Puts an object, whole or not at all, over what is there (PutObject).
 */
social_rc_e social_net_s3_put(const social_net_s3_t *s3,
    const social_net_s3_object_t *object, char *error);

/*
 * Deletes an object; SOCIAL_OK too where there is none (DeleteObject).
 */
social_rc_e social_net_s3_delete(const social_net_s3_t *s3, const char *key,
    char *error);

/*
 * The same of an object that has that ETag, without its quotes; if it is empty,
 * any object.  SOCIAL_DECLINED: there is another one, which stays (DeleteObject
 * with If-Match; a store that does not know that header deletes it).
 */
social_rc_e social_net_s3_delete_if(const social_net_s3_t *s3,
    const char *key, const char *etag, char *error);

/*
 * Whether the bucket is there and accepts the credentials, asked by an object
 * that is not: those who may read but not list get AccessDenied.
 */
social_rc_e social_net_s3_check(const social_net_s3_t *s3, char *error);


#endif /* SOCIAL_NET_S3_H */
