
/*
 * Objects of S3: not there yet.
 */

#include <stdio.h>

#include "social_worker_s3.h"


social_rc_e
social_worker_s3_get(const social_worker_bucket_t *bucket, const char *key,
    uint64_t max_size, int fd, uint64_t *size, char *error)
{
    (void) key;
    (void) max_size;
    (void) fd;
    (void) size;

    return social_worker_s3_check(bucket, error);
}


social_rc_e
social_worker_s3_put(const social_worker_bucket_t *bucket,
    const social_worker_object_t *object, char *error)
{
    (void) object;

    return social_worker_s3_check(bucket, error);
}


social_rc_e
social_worker_s3_check(const social_worker_bucket_t *bucket, char *error)
{
    (void) bucket;

    snprintf(error, SOCIAL_WORKER_STORE_ERROR,
             "only a \"directory\" can be used so far");

    return SOCIAL_FAILED;
}
