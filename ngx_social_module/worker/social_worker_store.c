
/*
 * Where objects are: chooses between S3 and a directory.
 */

#include <stdio.h>

#include "social_worker_directory.h"
#include "social_worker_s3.h"
#include "social_worker_store.h"


social_rc_e
social_worker_store_get(const social_worker_bucket_t *bucket, const char *key,
    uint64_t max_size, int fd, uint64_t *size, char *error)
{
    if (bucket->directory != NULL) {
        return social_worker_directory_get(bucket, key, max_size, fd, size,
                                           error);
    }

    return social_worker_s3_get(bucket, key, max_size, fd, size, error);
}


social_rc_e
social_worker_store_put(const social_worker_bucket_t *bucket,
    const social_worker_object_t *object, char *error)
{
    if (bucket->directory != NULL) {
        return social_worker_directory_put(bucket, object, error);
    }

    return social_worker_s3_put(bucket, object, error);
}


social_rc_e
social_worker_store_delete(const social_worker_bucket_t *bucket,
    const char *key, char *error)
{
    if (bucket->directory != NULL) {
        return social_worker_directory_delete(bucket, key, error);
    }

    return social_worker_s3_delete(bucket, key, error);
}


social_rc_e
social_worker_store_check(const social_worker_bucket_t *bucket, char *error)
{
    if (bucket->directory != NULL) {
        return social_worker_directory_check(bucket, error);
    }

    return social_worker_s3_check(bucket, error);
}
