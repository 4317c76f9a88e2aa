
/*
 * Copies of single objects, each verified.
 */

#ifndef SOCIAL_WORKER_COPY_OBJECT_H
#define SOCIAL_WORKER_COPY_OBJECT_H


#include "social_net_root.h"
#include "social_net_s3_object.h"


typedef struct {
    const social_net_s3_t   *from;       /* NULL: a directory */
    social_net_root_t       *root;
    const social_net_s3_t   *to;
    social_net_session_t    *session;
    int                      file;       /* for its bytes */
    social_net_s3_whole_t    got;
    social_net_s3_whole_t    put;
    char                     error[SOCIAL_NET_ERROR_SIZE];
} social_worker_copy_object_t;


/*
 * Memory and a file for copies, one after the other; false: errno says why, and
 * there is nothing to free.
 */
bool social_worker_copy_object_init(social_worker_copy_object_t *copy,
    const social_net_s3_t *from, social_net_root_t *root,
    const social_net_s3_t *to);
void social_worker_copy_object_free(social_worker_copy_object_t *copy);

/*
 * Copies an object, and asks the other store for its checksum, or, where it has
 * none, gets the copy back.  What fails is tried again if that may help.
 * SOCIAL_DECLINED: it is not there any more; SOCIAL_FAILED: copy->error says
 * why.
 */
social_rc_e social_worker_copy_object(social_worker_copy_object_t *copy,
    social_str_t key, uint64_t size);

/*
 * Whether an object is the same in both: by the checksums of both stores, or by
 * that of the copy and the bytes of the other.  For those whose lists do not
 * say it.  SOCIAL_DECLINED: it is not, or this cannot be said.
 */
social_rc_e social_worker_copy_object_compare(
    social_worker_copy_object_t *copy, social_str_t key);


/*
 * Whether a request may succeed when it is made again: there was no answer, or
 * the store could not do it.
 */
bool social_worker_copy_helps(long status);


#endif /* SOCIAL_WORKER_COPY_OBJECT_H */
