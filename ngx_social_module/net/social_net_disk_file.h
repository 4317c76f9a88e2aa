
/*
 * The embedded store on disk: its root, directories, names and locks.  For
 * the other files of the store alone.
 */

#ifndef SOCIAL_NET_DISK_FILE_H
#define SOCIAL_NET_DISK_FILE_H


#include "social_net_disk.h"


#define SOCIAL_NET_DISK_PATH  (SOCIAL_STORE_MAX_PATH + 64)


/*
 * The descriptor of the root; what has to be in it is made at the first call.
 * -1: errno says why.
 */
int social_net_disk_root(social_net_disk_t *disk);

/*
 * Opens a file or directory below the root without following a symbolic link.
 * "flags" and "mode" as for open(); O_CLOEXEC is added.  -1: errno says why.
 */
int social_net_disk_open_at(social_net_disk_t *disk, const char *path,
    int flags, unsigned mode);

/*
 * Opens a file for reading in the same way, if that is possible without waiting
 * for the disk.  -1: EAGAIN if it is not, or errno says why; ENOENT is certain.
 */
int social_net_disk_open_cached(social_net_disk_t *disk, const char *path);

/*
 * Opens the directory that the last name of "path" is in, and returns that
 * name in "name".  With "made", directories that are missing are made, and it
 * is set to whether there were such; otherwise that is an error.  -1: errno
 * says why.
 */
int social_net_disk_parent(social_net_disk_t *disk, const char *path,
    const char **name, bool *made);

/*
 * Writes PLACE/NAME with a suffix, none if that is 0, to "buf" of
 * SOCIAL_NET_DISK_PATH bytes; the second one data/XX/ID.
 */
void social_net_disk_name(char *buf, const char *place,
    const unsigned char *id, char suffix);
void social_net_disk_data_name(char *buf, const unsigned char *id);

/*
 * Gives a new file its name; with "replace", over another one.  SOCIAL_FAILED:
 * errno says why.
 */
social_rc_e social_net_disk_link(social_net_disk_t *disk,
    social_net_disk_file_t *file, int dir, const char *name, bool replace);

/*
 * Removes a file below the root.  SOCIAL_DECLINED: there was none;
 * SOCIAL_FAILED: errno says why.
 */
social_rc_e social_net_disk_unlink(social_net_disk_t *disk, const char *path);

/*
 * Takes the lock that an object's metadata is changed under: that of a file
 * which a few keys share, so that it works between threads and processes, and
 * is released when its holder dies.  It never waits.  SOCIAL_OK: "lock" is for
 * social_net_disk_unlock(); SOCIAL_DECLINED: another one has it;
 * SOCIAL_FAILED: errno says why.
 */
social_rc_e social_net_disk_lock(social_net_disk_t *disk, const char *path,
    int *lock);
void social_net_disk_unlock(int lock);

/*
 * The sequence number that was noted in a lock's file, for objects that were
 * removed; 0: none.  And notes another one.
 */
int64_t social_net_disk_noted(int lock);
social_rc_e social_net_disk_note(int lock, int64_t seq);


#endif /* SOCIAL_NET_DISK_FILE_H */
