
/*
 * The embedded store on disk.  Blocking: for threads, never for nginx's event
 * loop.
 *
 * Below the root:
 *
 *   objects/   the metadata files, by key; one of a small object holds its
 *              bytes too.  Giving it its name is the commit
 *   data/XX/   the bytes of larger objects, by id: never changed once they
 *              have their name; of an object in parts, a directory of them
 *   uploads/   uploads in parts that are under way, by id, which is that of
 *              their parts too: see social_store_upload.h
 *   spool/     intents, by id: see social_store_intent.h
 *   locks/     files that a key's lock is taken of, each for a few keys
 *   tmp/       what is written, where the file system has no files without a
 *              name; and metadata that is about to replace another
 *
 * Files of tmp/ and spool/ are locked by the process that works on them, which
 * is how others see that it has died.  No symbolic link below the root is
 * followed.
 */

#ifndef SOCIAL_NET_DISK_H
#define SOCIAL_NET_DISK_H


#include <stdatomic.h>
#include <sys/types.h>

#include "social_rc.h"
#include "social_store_meta.h"
#include "social_store_path.h"
#include "social_str.h"


/*
 * A root.  "path" is zero-terminated; "root" begins as -1, and the rest as
 * zero.  Threads may use one at the same time.
 */
typedef struct {
    const char             *path;
    bool                    sync;        /* fsync, or the disk's own time */
    int64_t                 min_free;    /* bytes that objects leave free */
    atomic_int              root;        /* its descriptor */
    atomic_bool             anonymous;   /* files need no name */
    atomic_bool             waits;       /* the kernel or the file system does
                                            not say what is in memory */
} social_net_disk_t;


/*
 * A new file: for the bytes of an object, or for metadata.
 */
typedef struct {
    int                     fd;          /* -1: none */
    bool                    named;       /* it is tmp/ID with the suffix */
    unsigned char           id[SOCIAL_STORE_ID_SIZE];
    char                    suffix;
} social_net_disk_file_t;


/*
 * Whether there is room for an object of "size" bytes: on its file system then
 * still are disk->min_free bytes that programs without privileges may use.
 * SOCIAL_FAILED: there is not, ENOSPC, or errno says why it cannot be said.
 */
social_rc_e social_net_disk_room(social_net_disk_t *disk, int64_t size);

/*
 * Creates a file to write to, for an object only where there is room: intents,
 * the suffix 's', are always possible, so that objects can be removed.
 * SOCIAL_OK: it is the caller's until
 * social_net_disk_discard(), or until it is linked and closed.
 * SOCIAL_FAILED: errno says why.
 */
social_rc_e social_net_disk_create(social_net_disk_t *disk,
    const unsigned char *id, char suffix, social_net_disk_file_t *file);

/*
 * Writes all of "data".  SOCIAL_FAILED: errno says why (ENOSPC, for one).
 */
social_rc_e social_net_disk_write(int fd, social_str_t data);

/*
 * Has the disk begin to write what was written to a file from "from" on, so
 * that little is left when it is synced.
 */
void social_net_disk_flush(int fd, int64_t from, int64_t size);

/*
 * Closes a file, and removes it if it has a name in tmp/.  More than once is
 * allowed.
 */
void social_net_disk_discard(social_net_disk_t *disk,
    social_net_disk_file_t *file);

/*
 * Reads the metadata of a path, with what follows it in the file, to "buf" of
 * "size" bytes (at least SOCIAL_STORE_META_SIZE), and stores how much it was.
 * "fd", unless NULL, is the file: the caller's to close.  SOCIAL_DECLINED:
 * there is none; SOCIAL_MALFORMED: it is damaged; SOCIAL_FAILED: errno says
 * why.
 */
social_rc_e social_net_disk_meta(social_net_disk_t *disk, const char *path,
    unsigned char *buf, size_t size, size_t *len, social_store_meta_t *meta,
    int *fd);

/*
 * An object that is open: nothing of it is removed until it is closed.
 */
typedef struct {
    int                     fd;          /* of its bytes, or of the records of
                                            its parts */
    int64_t                 offset;      /* where those begin */
    int                     dir;         /* of its parts, locked; -1: none */
} social_net_object_t;

/*
 * Opens the object of a path, as above; after SOCIAL_OK it is the caller's to
 * be closed, which may be done more than once.  Both descriptors are -1 after
 * anything else.
 */
social_rc_e social_net_disk_open(social_net_disk_t *disk, const char *path,
    unsigned char *buf, size_t size, size_t *len, social_store_meta_t *meta,
    social_net_object_t *object);
void social_net_object_close(social_net_object_t *object);

/*
 * The same without waiting, and so for the event loop: as far as names and
 * bytes are in the kernel's memory (openat2() with RESOLVE_CACHED, preadv2()
 * with RWF_NOWAIT).  SOCIAL_DECLINED: there is no such object; SOCIAL_FAILED:
 * only social_net_disk_open() can say, among other things of an object in
 * parts.
 */
social_rc_e social_net_disk_peek(social_net_disk_t *disk, const char *path,
    unsigned char *buf, size_t size, size_t *len, social_store_meta_t *meta,
    social_net_object_t *object);

/*
 * Reads what of a file the kernel has in memory, without waiting.  Returns the
 * number of bytes, fewer than "size" at the end of the file, or where it is not
 * in memory; -1: none is, or errno says why.
 */
ssize_t social_net_disk_read_cached(int fd, int64_t offset,
    unsigned char *buf, size_t size);

/*
 * Whether the kernel has all of these bytes of a file in memory: they may be
 * sent, a moment later, without waiting.  Does not wait either; false also if
 * it cannot be known.
 */
bool social_net_disk_is_cached(int fd, int64_t offset, size_t size);

/*
 * Makes everything that was written below the root durable, and what else is
 * on its file system.  The second one reports every error since the last call,
 * so that one thread alone has to call it.  SOCIAL_FAILED: errno says why;
 * some of what was written may be lost.
 */
social_rc_e social_net_disk_sync(social_net_disk_t *disk);
social_rc_e social_net_disk_sync_all(social_net_disk_t *disk);

/*
 * Removes what processes that died have left in tmp/: files that no process
 * has locked and that are "age" seconds old.  Returns how many.
 */
size_t social_net_disk_sweep(social_net_disk_t *disk, int64_t now,
    int64_t age);


#endif /* SOCIAL_NET_DISK_H */
