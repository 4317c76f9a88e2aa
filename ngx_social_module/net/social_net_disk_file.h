
/*
 * The embedded store on disk: names, files and directories, and locks.  For
 * social_net_disk.c and social_net_spool.c alone.
 */

#ifndef SOCIAL_NET_DISK_FILE_H
#define SOCIAL_NET_DISK_FILE_H


#include "social_net_disk.h"


#define SOCIAL_NET_DISK_PATH  (SOCIAL_STORE_MAX_PATH + 1024)


/*
 * Writes ROOT/PLACE/NAME and a suffix to "buf" of SOCIAL_NET_DISK_PATH bytes.
 * SOCIAL_FAILED: it is too long; errno says so.
 */
social_rc_e social_net_disk_name(char *buf, const char *root,
    const char *place, const char *name, size_t len, const char *suffix);

/*
 * The same for what is named by an id, and for the bytes of an object.
 */
social_rc_e social_net_disk_id_name(char *buf, const char *root,
    const char *place, const unsigned char *id, const char *suffix);
social_rc_e social_net_disk_data_name(char *buf, const char *root,
    const unsigned char *id);

/*
 * Makes the directories that lead to "path", those below the root, and syncs
 * the parents of new ones.  "path" is changed for a while.
 */
social_rc_e social_net_disk_directories(char *path, size_t root_len,
    bool sync);

/*
 * Syncs the directory that "path" is an entry of.
 */
social_rc_e social_net_disk_sync_directory(const char *path);

/*
 * Reads the metadata of a path.  As social_net_disk_open().
 */
social_rc_e social_net_disk_meta(const char *root, const char *path,
    unsigned char *buf, social_store_meta_t *meta);

/*
 * An object's metadata is read in order to change it under its lock, which is
 * that of a file that a few keys share, so that it works between threads and
 * processes, and is released when its holder dies.  Returns what is for
 * social_net_disk_unlock(), or -1: errno says why.
 */
int social_net_disk_lock(const char *root, const char *path);
void social_net_disk_unlock(int fd);


#endif /* SOCIAL_NET_DISK_FILE_H */
