
/*
 * The embedded store on disk: reading and writing files.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "social_net_disk_file.h"


/* whose presence is asked for at a time */

#define SOCIAL_NET_DISK_PAGES  512


static ssize_t social_net_disk_read(int fd, unsigned char *buf, size_t size);
static social_rc_e social_net_disk_open_bytes(social_net_disk_t *disk,
    const social_store_meta_t *meta, social_net_object_t *object);


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


void
social_net_disk_flush(int fd, int64_t from, int64_t size)
{
    (void) sync_file_range(fd, from, size, SYNC_FILE_RANGE_WRITE);
}


static ssize_t
social_net_disk_read(int fd, unsigned char *buf, size_t size)
{
    size_t   len;
    ssize_t  n;

    for (len = 0; len < size; len += (size_t) n) {

        n = pread(fd, buf + len, size - len, (off_t) len);

        if (n == -1 && errno == EINTR) {
            n = 0;
            continue;
        }

        if (n == -1) {
            return -1;
        }

        if (n == 0) {
            break;
        }
    }

    return (ssize_t) len;
}


social_rc_e
social_net_disk_meta(social_net_disk_t *disk, const char *path,
    unsigned char *buf, size_t size, size_t *len, social_store_meta_t *meta,
    int *fd)
{
    int           file;
    char          name[SOCIAL_NET_DISK_PATH];
    ssize_t       n;
    social_rc_e   rc;
    social_str_t  text;

    snprintf(name, sizeof(name), "objects/%s", path);

    file = social_net_disk_open_at(disk, name, O_RDONLY|O_NONBLOCK, 0);

    if (file == -1) {
        return errno == ENOENT || errno == ENOTDIR ? SOCIAL_DECLINED
                                                   : SOCIAL_FAILED;
    }

    n = social_net_disk_read(file, buf, size);

    if (n == -1) {
        social_net_disk_unlock(file);
        return SOCIAL_FAILED;
    }

    *len = (size_t) n;

    text.data = buf;
    text.len = (size_t) n;

    rc = social_store_meta_read(text, meta);

    if (fd && rc == SOCIAL_OK) {
        *fd = file;

    } else {
        close(file);
    }

    return rc;
}


/*
 * An object that is replaced between the look at its metadata and the opening
 * of its bytes is looked at again.
 */

social_rc_e
social_net_disk_open(social_net_disk_t *disk, const char *path,
    unsigned char *buf, size_t size, size_t *len, social_store_meta_t *meta,
    social_net_object_t *object)
{
    int            tries, file;
    social_rc_e    rc;
    unsigned char  last[SOCIAL_STORE_ID_SIZE];

    object->fd = -1;
    object->dir = -1;

    for (tries = 0; /* void */ ; tries++) {

        rc = social_net_disk_meta(disk, path, buf, size, len, meta, &file);

        if (rc != SOCIAL_OK) {
            social_net_object_close(object);
            return rc;
        }

        if (object->dir != -1
            && meta->place == SOCIAL_STORE_PARTS
            && memcmp(last, meta->id, sizeof(last)) == 0)
        {
            /* it is locked, and was not replaced before it was */

            object->fd = file;
            object->offset = (int64_t) meta->length;
            return SOCIAL_OK;
        }

        social_net_object_close(object);

        if (meta->place == SOCIAL_STORE_INLINE) {
            object->fd = file;
            object->offset = (int64_t) meta->length;
            return SOCIAL_OK;
        }

        close(file);

        if (tries && memcmp(last, meta->id, sizeof(last)) == 0) {
            return SOCIAL_MALFORMED;
        }

        memcpy(last, meta->id, sizeof(last));

        if (social_net_disk_open_bytes(disk, meta, object) != SOCIAL_OK) {
            return SOCIAL_FAILED;
        }

        if (object->fd != -1) {
            return SOCIAL_OK;
        }
    }
}


/*
 * A read that ends early has not found the end of the file: what is missing of
 * the metadata makes it damaged, which social_net_disk_open() looks at again,
 * and bytes that are missing are the caller's to take from the file.
 */

social_rc_e
social_net_disk_peek(social_net_disk_t *disk, const char *path,
    unsigned char *buf, size_t size, size_t *len, social_store_meta_t *meta,
    social_net_object_t *object)
{
    int           file;
    char          name[SOCIAL_NET_DISK_PATH];
    ssize_t       n;
    social_str_t  text;

    object->fd = -1;
    object->dir = -1;

    memcpy(name, "objects/", sizeof("objects/") - 1);
    memcpy(name + sizeof("objects/") - 1, path, strlen(path) + 1);

    file = social_net_disk_open_cached(disk, name);

    if (file == -1) {
        return errno == ENOENT || errno == ENOTDIR ? SOCIAL_DECLINED
                                                   : SOCIAL_FAILED;
    }

    n = social_net_disk_read_cached(file, 0, buf, size);

    if (n == -1 && (errno == EOPNOTSUPP || errno == ENOSYS)) {
        atomic_store(&disk->waits, true);
    }

    text.data = buf;
    text.len = n > 0 ? (size_t) n : 0;
    *len = text.len;

    if (social_store_meta_read(text, meta) != SOCIAL_OK
        || meta->place == SOCIAL_STORE_PARTS)
    {
        close(file);
        return SOCIAL_FAILED;
    }

    if (meta->place == SOCIAL_STORE_INLINE) {
        object->fd = file;
        object->offset = (int64_t) meta->length;
        return SOCIAL_OK;
    }

    close(file);

    social_net_disk_data_name(name, meta->id);

    object->fd = social_net_disk_open_cached(disk, name);
    object->offset = 0;

    return object->fd == -1 ? SOCIAL_FAILED : SOCIAL_OK;
}


ssize_t
social_net_disk_read_cached(int fd, int64_t offset, unsigned char *buf,
    size_t size)
{
    struct iovec  iov;

    iov.iov_base = buf;
    iov.iov_len = size;

    return preadv2(fd, &iov, 1, (off_t) offset, RWF_NOWAIT);
}


/*
 * mincore() is the one call of all versions of Linux that says so: since 5.2 to
 * the owner of a file alone, but nobody else can open those of a store.
 */

bool
social_net_disk_is_cached(int fd, int64_t offset, size_t size)
{
    bool           cached;
    void          *p;
    size_t         page, n, done, step, i;
    unsigned char  pages[SOCIAL_NET_DISK_PAGES];

    /*
     * Of another's file mincore() says that all is in memory; and the time of
     * an access would be written, which may wait for the journal.  Both are
     * so unless this succeeds.
     */

    if (fcntl(fd, F_SETFL, O_NOATIME) == -1) {
        return false;
    }

    page = (size_t) sysconf(_SC_PAGESIZE);

    size += (size_t) offset % page;
    offset -= (int64_t) ((size_t) offset % page);

    p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, (off_t) offset);

    if (p == MAP_FAILED) {
        return false;
    }

    cached = true;
    n = (size + page - 1) / page;

    for (done = 0; cached && done < n; done += step) {

        step = n - done < sizeof(pages) ? n - done : sizeof(pages);

        if (mincore((unsigned char *) p + done * page, step * page, pages)
            == -1)
        {
            cached = false;
        }

        for (i = 0; cached && i < step; i++) {
            cached = pages[i] & 1;
        }
    }

    munmap(p, size);

    return cached;
}


/*
 * What is not there any more is -1.
 */

static social_rc_e
social_net_disk_open_bytes(social_net_disk_t *disk,
    const social_store_meta_t *meta, social_net_object_t *object)
{
    int   fd;
    char  name[SOCIAL_NET_DISK_PATH];

    social_net_disk_data_name(name, meta->id);

    fd = social_net_disk_open_at(disk, name, O_RDONLY
                                 | (meta->place == SOCIAL_STORE_PARTS
                                    ? O_DIRECTORY : 0), 0);

    if (fd == -1) {
        return errno == ENOENT ? SOCIAL_OK : SOCIAL_FAILED;
    }

    if (meta->place == SOCIAL_STORE_FILE) {
        object->fd = fd;
        object->offset = 0;

    } else if (flock(fd, LOCK_SH|LOCK_NB) == 0) {
        object->dir = fd;

    } else {
        close(fd);
    }

    return SOCIAL_OK;
}


void
social_net_object_close(social_net_object_t *object)
{
    if (object->fd != -1) {
        social_net_disk_unlock(object->fd);
        object->fd = -1;
    }

    if (object->dir != -1) {
        social_net_disk_unlock(object->dir);
        object->dir = -1;
    }
}


social_rc_e
social_net_disk_sync(social_net_disk_t *disk)
{
    int  fd, rc;

    fd = social_net_disk_open_at(disk, "objects", O_RDONLY|O_DIRECTORY, 0);

    if (fd == -1) {
        return SOCIAL_FAILED;
    }

    rc = syncfs(fd);

    social_net_disk_unlock(fd);

    return rc == -1 ? SOCIAL_FAILED : SOCIAL_OK;
}


/*
 * An error of the file system is reported once for each descriptor.
 */

social_rc_e
social_net_disk_sync_all(social_net_disk_t *disk)
{
    int  root;

    root = social_net_disk_root(disk);

    return root == -1 || syncfs(root) == -1 ? SOCIAL_FAILED : SOCIAL_OK;
}


size_t
social_net_disk_sweep(social_net_disk_t *disk, int64_t now, int64_t age)
{
    int             fd, file;
    DIR            *dir;
    size_t          n;
    struct stat     st;
    struct dirent  *entry;

    fd = social_net_disk_open_at(disk, "tmp", O_RDONLY|O_DIRECTORY, 0);
    dir = fd == -1 ? NULL : fdopendir(fd);

    if (dir == NULL) {
        if (fd != -1) {
            close(fd);
        }

        return 0;
    }

    n = 0;

    while ((entry = readdir(dir)) != NULL) {

        file = openat(fd, entry->d_name,
                      O_RDONLY|O_NONBLOCK|O_CLOEXEC|O_NOFOLLOW);

        if (file == -1) {
            continue;
        }

        if (fstat(file, &st) == 0 && S_ISREG(st.st_mode)
            && (int64_t) st.st_mtime + age <= now
            && flock(file, LOCK_EX|LOCK_NB) == 0
            && unlinkat(fd, entry->d_name, 0) == 0)
        {
            n++;
        }

        close(file);
    }

    closedir(dir);

    return n;
}
