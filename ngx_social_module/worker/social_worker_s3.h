
/*
 * Objects of S3, or of what speaks like it, by signed requests.
 */

#ifndef SOCIAL_WORKER_S3_H
#define SOCIAL_WORKER_S3_H


#include "social_worker_store.h"


/*
 * As those of social_worker_store.h.
 */
social_rc_e social_worker_s3_get(const social_worker_bucket_t *bucket,
    const char *key, uint64_t max_size, int fd, uint64_t *size, char *error);
social_rc_e social_worker_s3_put(const social_worker_bucket_t *bucket,
    const social_worker_object_t *object, char *error);
social_rc_e social_worker_s3_delete(const social_worker_bucket_t *bucket,
    const char *key, char *error);
social_rc_e social_worker_s3_check(const social_worker_bucket_t *bucket,
    char *error);


#endif /* SOCIAL_WORKER_S3_H */
