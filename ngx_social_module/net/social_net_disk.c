
/*
 * The embedded store on disk.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "social_net_disk.h"


#define SOCIAL_NET_DISK_PATH  (SOCIAL_STORE_MAX_PATH + 1024)


static social_rc_e social_net_disk_name(char *buf, const char *root,
    const char *place, const char *name, size_t len, const char *suffix);
static social_rc_e social_net_disk_data_name(char *buf, const char *root,
    const unsigned char *id);
static social_rc_e social_net_disk_sync_directory(const char *path);
static social_rc_e social_net_disk_directories(char *path, size_t root_len,
    bool sync);
static social_rc_e social_net_disk_file(social_net_disk_put_t *put,
    const char *suffix, const char *to, social_str_t text);
static social_rc_e social_net_disk_commit_data(social_net_disk_put_t *put);
static social_rc_e social_net_disk_commit_meta(social_net_disk_put_t *put);
static social_rc_e social_net_disk_meta(const char *root, const char *path,
    unsigned char *buf, social_store_meta_t *meta);


social_rc_e
social_net_disk_prepare(const char *root)
{
    size_t              i;
    char                path[SOCIAL_NET_DISK_PATH];
    static const char  *places[] = { "tmp", "data", "objects", "spool" };

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

    return SOCIAL_OK;
}


static social_rc_e
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


/*
 * data/XX/ID: directories of a size that every file system likes.
 */

static social_rc_e
social_net_disk_data_name(char *buf, const char *root, const unsigned char *id)
{
    char  name[3 + SOCIAL_STORE_ID_SIZE];

    memcpy(name, id, 2);
    name[2] = '/';
    memcpy(name + 3, id, SOCIAL_STORE_ID_SIZE);

    return social_net_disk_name(buf, root, "data", name, sizeof(name), "");
}


social_rc_e
social_net_disk_create(const char *root, const unsigned char *id, int *fd)
{
    char  path[SOCIAL_NET_DISK_PATH];

    if (social_net_disk_name(path, root, "tmp", (const char *) id,
                             SOCIAL_STORE_ID_SIZE, "")
        != SOCIAL_OK)
    {
        return SOCIAL_FAILED;
    }

    *fd = open(path, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600);

    if (*fd == -1 && errno == ENOENT
        && social_net_disk_prepare(root) == SOCIAL_OK)
    {
        *fd = open(path, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600);
    }

    return *fd == -1 ? SOCIAL_FAILED : SOCIAL_OK;
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
social_net_disk_commit(social_net_disk_put_t *put)
{
    int                   saved;
    social_rc_e           rc;
    bool                  replaced;
    char                  old[SOCIAL_NET_DISK_PATH];
    unsigned char         buf[SOCIAL_STORE_META_SIZE];
    social_store_meta_t   meta;

    replaced = social_net_disk_meta(put->root, put->path, buf, &meta)
               == SOCIAL_OK
               && social_net_disk_data_name(old, put->root, meta.id)
                  == SOCIAL_OK;

    if (social_net_disk_commit_data(put) != SOCIAL_OK) {
        saved = errno;
        social_net_disk_abort(put->root, put->id, put->fd);
        put->fd = -1;
        errno = saved;
        return SOCIAL_FAILED;
    }

    rc = SOCIAL_OK;

    if (put->announce.len) {
        rc = social_net_disk_file(put, ".s", "spool", put->announce);
    }

    if (rc == SOCIAL_OK) {
        rc = social_net_disk_commit_meta(put);

        if (rc == SOCIAL_DECLINED) {
            /* there, but perhaps not for good: nothing is taken back */
            return SOCIAL_FAILED;
        }
    }

    if (rc != SOCIAL_OK) {
        saved = errno;
        social_net_disk_unspool(put->root, put->id);

        if (social_net_disk_data_name(old, put->root, put->id) == SOCIAL_OK) {
            unlink(old);
        }

        errno = saved;
        return SOCIAL_FAILED;
    }

    if (replaced) {
        unlink(old);
    }

    return SOCIAL_OK;
}


static social_rc_e
social_net_disk_commit_data(social_net_disk_put_t *put)
{
    char  from[SOCIAL_NET_DISK_PATH], to[SOCIAL_NET_DISK_PATH];

    if (social_net_disk_name(from, put->root, "tmp", (const char *) put->id,
                             SOCIAL_STORE_ID_SIZE, "")
        != SOCIAL_OK
        || social_net_disk_data_name(to, put->root, put->id) != SOCIAL_OK
        || social_net_disk_directories(to, strlen(put->root), put->sync)
           != SOCIAL_OK
        || (put->sync && fsync(put->fd) == -1)
        || rename(from, to) == -1
        || (put->sync && social_net_disk_sync_directory(to) != SOCIAL_OK))
    {
        return SOCIAL_FAILED;
    }

    close(put->fd);
    put->fd = -1;

    return SOCIAL_OK;
}


static social_rc_e
social_net_disk_commit_meta(social_net_disk_put_t *put)
{
    social_str_t   text;
    unsigned char  buf[SOCIAL_STORE_META_SIZE];

    text.data = buf;
    text.len = social_store_meta_write(&put->meta, buf);

    return social_net_disk_file(put, ".m", "objects", text);
}


/*
 * Writes a small file aside, and renames it to where it belongs: by its id
 * in the spool, by its key among the objects.  SOCIAL_DECLINED: it is there,
 * but its directory could not be synced.
 */

static social_rc_e
social_net_disk_file(social_net_disk_put_t *put, const char *suffix,
    const char *to, social_str_t text)
{
    int          fd, saved;
    bool         by_key;
    char         from[SOCIAL_NET_DISK_PATH], path[SOCIAL_NET_DISK_PATH];
    social_rc_e  rc;

    by_key = (strcmp(to, "objects") == 0);

    if (social_net_disk_name(from, put->root, "tmp", (const char *) put->id,
                             SOCIAL_STORE_ID_SIZE, suffix)
        != SOCIAL_OK
        || social_net_disk_name(path, put->root, to,
                                by_key ? put->path : (const char *) put->id,
                                by_key ? strlen(put->path)
                                       : SOCIAL_STORE_ID_SIZE, "")
           != SOCIAL_OK)
    {
        return SOCIAL_FAILED;
    }

    fd = open(from, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600);
    if (fd == -1) {
        return SOCIAL_FAILED;
    }

    rc = social_net_disk_write(fd, text);

    if (rc == SOCIAL_OK && put->sync && fsync(fd) == -1) {
        rc = SOCIAL_FAILED;
    }

    saved = errno;
    close(fd);

    if (rc == SOCIAL_OK) {
        rc = social_net_disk_directories(path, strlen(put->root), put->sync);
        saved = errno;
    }

    if (rc == SOCIAL_OK && rename(from, path) == -1) {
        saved = errno;
        rc = SOCIAL_FAILED;
    }

    if (rc != SOCIAL_OK) {
        unlink(from);
        errno = saved;
        return rc;
    }

    if (put->sync && social_net_disk_sync_directory(path) != SOCIAL_OK) {
        return SOCIAL_DECLINED;
    }

    return SOCIAL_OK;
}


/*
 * Makes the directories that lead to "path", those below the root, and syncs
 * the parents of new ones: the entry of a directory is data of its parent.
 */

static social_rc_e
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


/*
 * Syncs the directory that "path" is an entry of.
 */

static social_rc_e
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


void
social_net_disk_abort(const char *root, const unsigned char *id, int fd)
{
    char  path[SOCIAL_NET_DISK_PATH];

    if (fd != -1) {
        close(fd);
    }

    if (social_net_disk_name(path, root, "tmp", (const char *) id,
                             SOCIAL_STORE_ID_SIZE, "")
        == SOCIAL_OK)
    {
        unlink(path);
    }
}


/*
 * An object that is replaced between the look at its metadata and the opening
 * of its bytes is looked at again.
 */

social_rc_e
social_net_disk_open(const char *root, const char *path, unsigned char *buf,
    social_store_meta_t *meta, int *fd)
{
    int          tries;
    char         name[SOCIAL_NET_DISK_PATH];
    social_rc_e  rc;

    for (tries = 0; tries < 8; tries++) {

        rc = social_net_disk_meta(root, path, buf, meta);

        if (rc != SOCIAL_OK) {
            return rc;
        }

        if (social_net_disk_data_name(name, root, meta->id) != SOCIAL_OK) {
            return SOCIAL_FAILED;
        }

        *fd = open(name, O_RDONLY|O_CLOEXEC|O_NOFOLLOW);

        if (*fd != -1) {
            return SOCIAL_OK;
        }

        if (errno != ENOENT) {
            return SOCIAL_FAILED;
        }
    }

    return SOCIAL_MALFORMED;
}


static social_rc_e
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


social_rc_e
social_net_disk_remove(const char *root, const char *path, bool sync)
{
    char                  name[SOCIAL_NET_DISK_PATH];
    char                  data[SOCIAL_NET_DISK_PATH];
    social_rc_e           rc;
    unsigned char         buf[SOCIAL_STORE_META_SIZE];
    social_store_meta_t   meta;

    rc = social_net_disk_meta(root, path, buf, &meta);

    if (rc == SOCIAL_DECLINED || rc == SOCIAL_FAILED) {
        return rc;
    }

    if (social_net_disk_name(name, root, "objects", path, strlen(path), "")
        != SOCIAL_OK
        || (unlink(name) == -1 && errno != ENOENT)
        || (sync && social_net_disk_sync_directory(name) != SOCIAL_OK))
    {
        return SOCIAL_FAILED;
    }

    if (rc == SOCIAL_OK
        && social_net_disk_data_name(data, root, meta.id) == SOCIAL_OK)
    {
        unlink(data);
    }

    return SOCIAL_OK;
}


social_rc_e
social_net_disk_spooled(const char *root, int64_t now, int64_t age,
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

            if (n > 0) {
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
social_net_disk_unspool(const char *root, const unsigned char *id)
{
    char  path[SOCIAL_NET_DISK_PATH];

    if (social_net_disk_name(path, root, "spool", (const char *) id,
                             SOCIAL_STORE_ID_SIZE, "")
        == SOCIAL_OK)
    {
        unlink(path);
    }
}
