
/*
 * The embedded store on disk.  Blocking: for threads, never for nginx's event
 * loop.
 *
 * Under the root: tmp/ for what is being written, data/XX/ID for the bytes of
 * objects, never changed once they are there, objects/ for the metadata files
 * by key, spool/ID for what is still to be announced, and locks/ for commits
 * to one key to wait for each other.  Renaming the metadata file is the
 * commit.  Everything before it may fail at any time, and leaves nothing but
 * a file in tmp/ or data/ without a reference.
 */

#ifndef SOCIAL_NET_DISK_H
#define SOCIAL_NET_DISK_H


#include "social_rc.h"
#include "social_s3_condition.h"
#include "social_store_path.h"
#include "social_str.h"


typedef struct {
    const char             *root;
    const unsigned char    *id;         /* SOCIAL_STORE_ID_SIZE digits */
    const char             *path;       /* social_store_path() of the key */
    bool                    sync;       /* fsync, or the disk's own time */
    social_store_meta_t     meta;
    social_str_t            announce;   /* to be spooled; empty: nothing */
    social_s3_condition_t   condition;  /* of the object that is there */
    social_s3_error_e       refused;    /* why it did not hold */
    int                     fd;         /* of social_net_disk_create() */
} social_net_disk_put_t;


/*
 * Makes the directories below the root, which has to be there.
 * SOCIAL_FAILED: errno says why.
 */
social_rc_e social_net_disk_prepare(const char *root);

/*
 * Creates the file that the bytes of a new object go to.  SOCIAL_OK: "fd" is
 * the caller's, until social_net_disk_commit() or social_net_disk_abort()
 * closes it.  SOCIAL_FAILED: errno says why.
 */
social_rc_e social_net_disk_create(const char *root,
    const unsigned char *id, int *fd);

/*
 * Writes all of "data".  SOCIAL_FAILED: errno says why (ENOSPC, for one).
 */
social_rc_e social_net_disk_write(int fd, social_str_t data);

/*
 * Makes the object durable and visible, in this order: bytes, announcement,
 * metadata; what was at the key before is removed last.  SOCIAL_DECLINED: the
 * condition does not hold, "refused" is the error, and the key is as it was.
 * SOCIAL_FAILED: errno says why, and the key is as it was; or, where only the
 * last sync failed, as it was to be, but perhaps not after a crash.
 */
social_rc_e social_net_disk_commit(social_net_disk_put_t *put);

/*
 * Takes back what social_net_disk_create() began.
 */
void social_net_disk_abort(const char *root, const unsigned char *id, int fd);

/*
 * Opens the object of a path.  SOCIAL_OK: "fd" is the caller's to close, and
 * "meta" has views into "buf", of SOCIAL_STORE_META_SIZE bytes.
 * SOCIAL_DECLINED: there is none; SOCIAL_MALFORMED: its metadata is damaged;
 * SOCIAL_FAILED: errno says why.
 */
social_rc_e social_net_disk_open(const char *root, const char *path,
    unsigned char *buf, social_store_meta_t *meta, int *fd);

/*
 * Removes the object of a path, durably, if there is one and the condition,
 * which may be NULL, holds for it.  SOCIAL_OK: if "refused" is SOCIAL_S3_OK it
 * was removed, else that is the error.  SOCIAL_DECLINED: there was none.
 */
social_rc_e social_net_disk_remove(const char *root, const char *path,
    const social_s3_condition_t *condition, bool sync,
    social_s3_error_e *refused);


#endif /* SOCIAL_NET_DISK_H */
