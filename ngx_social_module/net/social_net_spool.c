
/*
 * The embedded store on disk: pending announcements, and files that were left
 * behind.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "social_net_disk_file.h"
#include "social_net_spool.h"


social_rc_e
social_net_spool_next(const char *root, int64_t now, int64_t age,
    unsigned char id[SOCIAL_STORE_ID_SIZE], unsigned char *buf, size_t size,
    size_t *len)
{
    int             fd;
    DIR            *dir;
    char            path[SOCIAL_NET_DISK_PATH];
    ssize_t         n;
    social_rc_e     rc;
    struct stat     st;
    struct dirent  *entry;

    if (social_net_disk_name(path, root, "spool", "", 0, "") != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    dir = opendir(path);

    if (dir == NULL) {
        return errno == ENOENT ? SOCIAL_DECLINED : SOCIAL_FAILED;
    }

    rc = SOCIAL_DECLINED;

    while (rc == SOCIAL_DECLINED && (entry = readdir(dir)) != NULL) {

        if (strlen(entry->d_name) != SOCIAL_STORE_ID_SIZE) {
            continue;
        }

        fd = openat(dirfd(dir), entry->d_name,
                    O_RDONLY|O_CLOEXEC|O_NOFOLLOW);
        if (fd == -1) {
            continue;
        }

        if (fstat(fd, &st) == 0 && (int64_t) st.st_mtime + age <= now) {

            n = read(fd, buf, size);

            if (n >= 0) {
                memcpy(id, entry->d_name, SOCIAL_STORE_ID_SIZE);
                *len = (size_t) n;
                rc = SOCIAL_OK;
            }
        }

        close(fd);
    }

    closedir(dir);

    return rc;
}


void
social_net_spool_remove(const char *root, const unsigned char *id)
{
    char  path[SOCIAL_NET_DISK_PATH];

    if (social_net_disk_id_name(path, root, "spool", id, "") == SOCIAL_OK) {
        unlink(path);
    }
}


social_rc_e
social_net_spool_check(const char *root, const char *path,
    const unsigned char *id)
{
    int                  lock;
    social_rc_e          rc;
    unsigned char        buf[SOCIAL_STORE_META_SIZE];
    social_store_meta_t  meta;

    /* a commit that has come as far as the spool holds it */

    lock = social_net_disk_lock(root, path);
    if (lock == -1) {
        return SOCIAL_FAILED;
    }

    rc = social_net_disk_meta(root, path, buf, &meta);

    social_net_disk_unlock(lock);

    if (rc == SOCIAL_OK && memcmp(meta.id, id, SOCIAL_STORE_ID_SIZE) != 0) {
        return SOCIAL_DECLINED;
    }

    return rc == SOCIAL_MALFORMED ? SOCIAL_DECLINED : rc;
}


void
social_net_spool_defer(const char *root, const unsigned char *id)
{
    char  path[SOCIAL_NET_DISK_PATH];

    if (social_net_disk_id_name(path, root, "spool", id, "") == SOCIAL_OK) {
        (void) utimensat(AT_FDCWD, path, NULL, 0);
    }
}


size_t
social_net_disk_sweep(const char *root, int64_t now, int64_t age)
{
    DIR            *dir;
    char            path[SOCIAL_NET_DISK_PATH];
    size_t          n;
    struct stat     st;
    struct dirent  *entry;

    if (social_net_disk_name(path, root, "tmp", "", 0, "") != SOCIAL_OK) {
        return 0;
    }

    dir = opendir(path);

    if (dir == NULL) {
        return 0;
    }

    n = 0;

    while ((entry = readdir(dir)) != NULL) {

        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0
            && S_ISREG(st.st_mode) && (int64_t) st.st_mtime + age <= now
            && unlinkat(dirfd(dir), entry->d_name, 0) == 0)
        {
            n++;
        }
    }

    closedir(dir);

    return n;
}
