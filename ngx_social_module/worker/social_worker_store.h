
/*
 * Where objects are: a bucket of S3 or of what speaks like it, or a directory.
 */

#ifndef SOCIAL_WORKER_STORE_H
#define SOCIAL_WORKER_STORE_H


#include "social_rc.h"
#include "social_worker_conf.h"


#define SOCIAL_WORKER_STORE_ERROR  256


typedef struct {
    const char           *key;
    const unsigned char  *data;
    size_t                size;
    const char           *content_type;
    const char           *cache_control;
} social_worker_object_t;


/*
 * Writes an object to the file "fd", and stores its size.  SOCIAL_DECLINED:
 * there is none; SOCIAL_MALFORMED: over "max_size" bytes; SOCIAL_FAILED: it
 * could not be had now.  "error", of SOCIAL_WORKER_STORE_ERROR, says why, and
 * holds no secrets.
 */
social_rc_e social_worker_store_get(const social_worker_bucket_t *bucket,
    const char *key, uint64_t max_size, int fd, uint64_t *size, char *error);

/*
 * Puts an object, whole or not at all, over what is there.  SOCIAL_FAILED: it
 * could not be put now.
 */
social_rc_e social_worker_store_put(const social_worker_bucket_t *bucket,
    const social_worker_object_t *object, char *error);

/*
 * Deletes an object; SOCIAL_OK too where there is none.  SOCIAL_FAILED: it
 * could not be deleted now.
 */
social_rc_e social_worker_store_delete(const social_worker_bucket_t *bucket,
    const char *key, char *error);

/*
 * Whether the bucket can be reached and read with what is configured.
 */
social_rc_e social_worker_store_check(const social_worker_bucket_t *bucket,
    char *error);


#endif /* SOCIAL_WORKER_STORE_H */
