
/*
 * The embedded store on disk: names, files and directories, and locks.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "social_net_disk_file.h"


social_rc_e
social_net_disk_prepare(const char *root)
{
    size_t              i;
    char                path[SOCIAL_NET_DISK_PATH];
    static const char  *places[] = { "tmp", "data", "objects", "spool",
                                     "locks" };

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {

        if (social_net_disk_name(path, root, places[i], "", 0, "")
            != SOCIAL_OK)
        {
            return SOCIAL_FAILED;
        }

        if (mkdir(path, 0700) == -1 && errno != EEXIST) {
            return SOCIAL_FAILED;
        }
    }

    /* whose entries are data too */

    return social_net_disk_sync_directory(path);
}


social_rc_e
social_net_disk_name(char *buf, const char *root, const char *place,
    const char *name, size_t len, const char *suffix)
{
    int  n;

    n = snprintf(buf, SOCIAL_NET_DISK_PATH, "%s/%s%s%.*s%s", root, place,
                 len ? "/" : "", (int) len, name, suffix);

    if (n < 0 || n >= SOCIAL_NET_DISK_PATH) {
        errno = ENAMETOOLONG;
        return SOCIAL_FAILED;
    }

    return SOCIAL_OK;
}


social_rc_e
social_net_disk_id_name(char *buf, const char *root, const char *place,
    const unsigned char *id, const char *suffix)
{
    return social_net_disk_name(buf, root, place, (const char *) id,
                                SOCIAL_STORE_ID_SIZE, suffix);
}


/*
 * data/XX/ID: directories of a size that every file system likes.
 */

social_rc_e
social_net_disk_data_name(char *buf, const char *root, const unsigned char *id)
{
    char  name[3 + SOCIAL_STORE_ID_SIZE];

    memcpy(name, id, 2);
    name[2] = '/';
    memcpy(name + 3, id, SOCIAL_STORE_ID_SIZE);

    return social_net_disk_name(buf, root, "data", name, sizeof(name), "");
}


social_rc_e
social_net_disk_write(int fd, social_str_t data)
{
    ssize_t  n;

    while (data.len) {

        n = write(fd, data.data, data.len);

        if (n == -1) {
            if (errno == EINTR) {
                continue;
            }

            return SOCIAL_FAILED;
        }

        data.data += n;
        data.len -= (size_t) n;
    }

    return SOCIAL_OK;
}


social_rc_e
social_net_disk_directories(char *path, size_t root_len, bool sync)
{
    char  *p, *last;

    last = strrchr(path, '/');
    *last = '\0';

    if (access(path, F_OK) == 0) {
        *last = '/';
        return SOCIAL_OK;
    }

    for (p = path + root_len + 1; ; p++) {

        if (*p != '/' && *p != '\0') {
            continue;
        }

        if (p == last) {
            /* the end that was cut off above */

            if (mkdir(path, 0700) == -1 && errno != EEXIST) {
                *last = '/';
                return SOCIAL_FAILED;
            }

            if (sync && social_net_disk_sync_directory(path) != SOCIAL_OK) {
                *last = '/';
                return SOCIAL_FAILED;
            }

            *last = '/';
            return SOCIAL_OK;
        }

        *p = '\0';

        if (mkdir(path, 0700) == 0) {

            if (sync && social_net_disk_sync_directory(path) != SOCIAL_OK) {
                *p = '/';
                *last = '/';
                return SOCIAL_FAILED;
            }

        } else if (errno != EEXIST) {
            *p = '/';
            *last = '/';
            return SOCIAL_FAILED;
        }

        *p = '/';
    }
}


social_rc_e
social_net_disk_sync_directory(const char *path)
{
    int          fd;
    size_t       len;
    char         name[SOCIAL_NET_DISK_PATH];
    social_rc_e  rc;

    len = (size_t) (strrchr(path, '/') - path);

    memcpy(name, path, len);
    name[len] = '\0';

    fd = open(name, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    if (fd == -1) {
        return SOCIAL_FAILED;
    }

    rc = fsync(fd) == -1 ? SOCIAL_FAILED : SOCIAL_OK;

    close(fd);

    return rc;
}


social_rc_e
social_net_disk_meta(const char *root, const char *path, unsigned char *buf,
    social_store_meta_t *meta)
{
    int           fd;
    char          name[SOCIAL_NET_DISK_PATH];
    ssize_t       n;
    social_str_t  text;

    if (social_net_disk_name(name, root, "objects", path, strlen(path), "")
        != SOCIAL_OK)
    {
        return SOCIAL_FAILED;
    }

    fd = open(name, O_RDONLY|O_CLOEXEC|O_NOFOLLOW);

    if (fd == -1) {
        return errno == ENOENT || errno == ENOTDIR ? SOCIAL_DECLINED
                                                   : SOCIAL_FAILED;
    }

    n = read(fd, buf, SOCIAL_STORE_META_SIZE);

    close(fd);

    if (n < 0) {
        return SOCIAL_FAILED;
    }

    text.data = buf;
    text.len = (size_t) n;

    return social_store_meta_read(text, meta);
}


int
social_net_disk_lock(const char *root, const char *path)
{
    int            fd, saved;
    char           name[SOCIAL_NET_DISK_PATH];
    uint32_t       hash;
    unsigned char  id[2];

    static const char  hex[] = "0123456789abcdef";

    hash = 2166136261U;

    for ( /* void */ ; *path; path++) {
        hash = (hash ^ (unsigned char) *path) * 16777619U;
    }

    hash ^= hash >> 16;

    id[0] = (unsigned char) hex[(hash >> 4) & 0xf];
    id[1] = (unsigned char) hex[hash & 0xf];

    if (social_net_disk_name(name, root, "locks", (const char *) id, 2, "")
        != SOCIAL_OK)
    {
        return -1;
    }

    fd = open(name, O_RDWR|O_CREAT|O_CLOEXEC, 0600);

    if (fd == -1 && errno == ENOENT
        && social_net_disk_prepare(root) == SOCIAL_OK)
    {
        fd = open(name, O_RDWR|O_CREAT|O_CLOEXEC, 0600);
    }

    if (fd == -1) {
        return -1;
    }

    while (flock(fd, LOCK_EX) == -1) {

        if (errno != EINTR) {
            saved = errno;
            close(fd);
            errno = saved;
            return -1;
        }
    }

    return fd;
}


void
social_net_disk_unlock(int fd)
{
    int  saved;

    saved = errno;
    close(fd);
    errno = saved;
}
