
/*
 * The embedded store on disk: its root, directories, names and locks.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "social_net_disk_file.h"


#define SOCIAL_NET_DISK_FD_PATH  32

/* headers of the kernel's before 5.12 have no name for it */

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED           0x20
#endif


static social_rc_e social_net_disk_prepare(int root);
static bool social_net_disk_anonymous(int root);
static int social_net_disk_walk(int root, const char *path, int flags,
    unsigned mode, bool make, bool *made);
static int social_net_disk_step(int dir, const char *name, bool make,
    bool *made);
static social_rc_e social_net_disk_name_file(social_net_disk_t *disk,
    social_net_disk_file_t *file);
static bool social_net_disk_left(social_net_disk_t *disk, const char *path);


int
social_net_disk_root(social_net_disk_t *disk)
{
    int  fd, none, saved;

    fd = atomic_load(&disk->root);

    if (fd != -1) {
        return fd;
    }

    fd = open(disk->path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == -1) {
        return -1;
    }

    /* another process may have made what is there, and not synced it yet */

    if (social_net_disk_prepare(fd) != SOCIAL_OK
        || (disk->sync && syncfs(fd) == -1))
    {
        saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }

    atomic_store(&disk->anonymous, social_net_disk_anonymous(fd));

    none = -1;

    if (!atomic_compare_exchange_strong(&disk->root, &none, fd)) {

        /* another thread was faster */

        close(fd);
        return none;
    }

    return fd;
}


/*
 * The directories that have a fixed name, those of data/ among them.
 */

static social_rc_e
social_net_disk_prepare(int root)
{
    size_t              i;
    char                path[sizeof("data/XX")];
    static const char  *places[] = { "tmp", "objects", "spool", "locks",
                                     "uploads", "data" };

    for (i = 0; i < sizeof(places) / sizeof(places[0]) + 256; i++) {

        if (i < sizeof(places) / sizeof(places[0])) {
            snprintf(path, sizeof(path), "%s", places[i]);

        } else {
            snprintf(path, sizeof(path), "data/%02x",
                     (unsigned) (i - sizeof(places) / sizeof(places[0]))
                     & 0xff);
        }

        if (mkdirat(root, path, 0700) == -1 && errno != EEXIST) {
            return SOCIAL_FAILED;
        }
    }

    return SOCIAL_OK;
}


/*
 * Whether files can be made without a name, and get one later: not on every
 * file system, and not without /proc.
 */

static bool
social_net_disk_anonymous(int root)
{
    int   fd;
    bool  able;
    char  from[SOCIAL_NET_DISK_FD_PATH], to[sizeof("tmp/probe-") + 32];

    fd = openat(root, "tmp", O_TMPFILE|O_WRONLY|O_CLOEXEC, 0600);

    if (fd == -1) {
        return false;
    }

    snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
    snprintf(to, sizeof(to), "tmp/probe-%ld-%d", (long) getpid(), fd);

    able = linkat(AT_FDCWD, from, root, to, AT_SYMLINK_FOLLOW) == 0;

    if (able) {
        unlinkat(root, to, 0);
    }

    close(fd);

    return able;
}


int
social_net_disk_open_at(social_net_disk_t *disk, const char *path, int flags,
    unsigned mode)
{
    int              root;
    long             fd;
    struct open_how  how;

    root = social_net_disk_root(disk);

    if (root == -1) {
        return -1;
    }

    memset(&how, 0, sizeof(struct open_how));

    how.flags = (uint64_t) (flags|O_CLOEXEC|O_NOFOLLOW);
    how.mode = mode;
    how.resolve = RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS;

    fd = syscall(SYS_openat2, root, path, &how, sizeof(struct open_how));

    /* kernels before 5.6 do not know it, and some containers forbid it */

    if (fd == -1 && (errno == ENOSYS || errno == EPERM)) {
        return social_net_disk_walk(root, path, flags, mode, false, NULL);
    }

    return (int) fd;
}


/*
 * RESOLVE_CACHED came with Linux 5.12; a root that was not opened yet has to
 * be prepared first.
 */

int
social_net_disk_open_cached(social_net_disk_t *disk, const char *path)
{
    int              root;
    long             fd;
    struct open_how  how;

    root = atomic_load(&disk->root);

    if (root == -1 || atomic_load(&disk->waits)) {
        errno = EAGAIN;
        return -1;
    }

    memset(&how, 0, sizeof(struct open_how));

    /* to write the time of an access may wait for the journal */

    how.flags = O_RDONLY|O_NONBLOCK|O_CLOEXEC|O_NOFOLLOW|O_NOATIME;
    how.resolve = RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS|RESOLVE_CACHED;

    fd = syscall(SYS_openat2, root, path, &how, sizeof(struct open_how));

    if (fd == -1 && (errno == ENOSYS || errno == EPERM || errno == EINVAL)) {
        atomic_store(&disk->waits, true);
        errno = EAGAIN;
    }

    return (int) fd;
}


/*
 * Segment by segment, so that none is a symbolic link.
 */

static int
social_net_disk_walk(int root, const char *path, int flags, unsigned mode,
    bool make, bool *made)
{
    int          dir, next, saved;
    char         name[256];
    const char  *end;

    dir = root;

    while ((end = strchr(path, '/')) != NULL) {

        if ((size_t) (end - path) >= sizeof(name)) {
            errno = ENAMETOOLONG;
            next = -1;

        } else {
            memcpy(name, path, (size_t) (end - path));
            name[end - path] = '\0';
            next = social_net_disk_step(dir, name, make, made);
        }

        saved = errno;

        if (dir != root) {
            close(dir);
        }

        if (next == -1) {
            errno = saved;
            return -1;
        }

        dir = next;
        path = end + 1;
    }

    next = make ? social_net_disk_step(dir, path, make, made)
                : openat(dir, path, flags|O_CLOEXEC|O_NOFOLLOW, mode);
    saved = errno;

    if (dir != root) {
        close(dir);
    }

    errno = saved;

    return next;
}


static int
social_net_disk_step(int dir, const char *name, bool make, bool *made)
{
    int  fd;

    fd = openat(dir, name, O_RDONLY|O_DIRECTORY|O_CLOEXEC|O_NOFOLLOW);

    if (fd != -1 || errno != ENOENT || !make) {
        return fd;
    }

    if (mkdirat(dir, name, 0700) == -1 && errno != EEXIST) {
        return -1;
    }

    *made = true;

    return openat(dir, name, O_RDONLY|O_DIRECTORY|O_CLOEXEC|O_NOFOLLOW);
}


int
social_net_disk_parent(social_net_disk_t *disk, const char *path,
    const char **name, bool *made)
{
    int          fd;
    char         dir[SOCIAL_NET_DISK_PATH];
    size_t       len;
    const char  *last;

    last = strrchr(path, '/');
    len = (size_t) (last - path);

    memcpy(dir, path, len);
    dir[len] = '\0';

    *name = last + 1;

    if (made) {
        *made = false;
    }

    fd = social_net_disk_open_at(disk, dir, O_RDONLY|O_DIRECTORY, 0);

    if (fd != -1 || errno != ENOENT || made == NULL) {
        return fd;
    }

    return social_net_disk_walk(atomic_load(&disk->root), dir, 0, 0, true,
                                made);
}


void
social_net_disk_name(char *buf, const char *place, const unsigned char *id,
    char suffix)
{
    char  end[3] = { '.', suffix, '\0' };

    snprintf(buf, SOCIAL_NET_DISK_PATH, "%s/%.*s%s", place,
             SOCIAL_STORE_ID_SIZE, (const char *) id, suffix ? end : "");
}


void
social_net_disk_data_name(char *buf, const unsigned char *id)
{
    snprintf(buf, SOCIAL_NET_DISK_PATH, "data/%.2s/%.*s", (const char *) id,
             SOCIAL_STORE_ID_SIZE, (const char *) id);
}


social_rc_e
social_net_disk_room(social_net_disk_t *disk, int64_t size)
{
    int             root;
    int64_t         room;
    struct statvfs  fs;

    if (disk->min_free == 0) {
        return SOCIAL_OK;
    }

    root = social_net_disk_root(disk);

    if (root == -1 || fstatvfs(root, &fs) == -1) {
        return SOCIAL_FAILED;
    }

    room = (int64_t) fs.f_bavail * (int64_t) fs.f_frsize;

    if (room < disk->min_free || room - disk->min_free < size) {
        errno = ENOSPC;
        return SOCIAL_FAILED;
    }

    return SOCIAL_OK;
}


social_rc_e
social_net_disk_create(social_net_disk_t *disk, const unsigned char *id,
    char suffix, social_net_disk_file_t *file)
{
    int   saved;
    char  path[SOCIAL_NET_DISK_PATH];

    memcpy(file->id, id, SOCIAL_STORE_ID_SIZE);
    file->suffix = suffix;
    file->named = false;

    if (social_net_disk_root(disk) == -1
        || (suffix != 's' && social_net_disk_room(disk, 0) != SOCIAL_OK))
    {
        file->fd = -1;
        return SOCIAL_FAILED;
    }

    if (atomic_load(&disk->anonymous)) {
        file->fd = social_net_disk_open_at(disk, "tmp", O_TMPFILE|O_RDWR,
                                           0600);

    } else {
        social_net_disk_name(path, "tmp", id, suffix);

        do {
            file->fd = social_net_disk_open_at(disk, path,
                                               O_RDWR|O_CREAT|O_EXCL, 0600);

        } while (file->fd == -1 && social_net_disk_left(disk, path));

        file->named = (file->fd != -1);
    }

    if (file->fd == -1) {
        return SOCIAL_FAILED;
    }

    /* it is new, so nobody else has it locked, but for a sweep */

    if (flock(file->fd, LOCK_EX|LOCK_NB) == -1) {
        saved = errno;
        social_net_disk_discard(disk, file);
        errno = saved;
        return SOCIAL_FAILED;
    }

    return SOCIAL_OK;
}


void
social_net_disk_discard(social_net_disk_t *disk, social_net_disk_file_t *file)
{
    char  path[SOCIAL_NET_DISK_PATH];

    if (file->fd == -1) {
        return;
    }

    if (file->named) {
        social_net_disk_name(path, "tmp", file->id, file->suffix);
        (void) social_net_disk_unlink(disk, path);
        file->named = false;
    }

    close(file->fd);
    file->fd = -1;
}


/*
 * A file without a name cannot replace another one: it gets one in tmp/ first.
 */

social_rc_e
social_net_disk_link(social_net_disk_t *disk, social_net_disk_file_t *file,
    int dir, const char *name, bool replace)
{
    int          tmp, rc;
    char         from[SOCIAL_NET_DISK_FD_PATH], path[SOCIAL_NET_DISK_PATH];
    const char  *last;

    if (!file->named && !replace) {
        snprintf(from, sizeof(from), "/proc/self/fd/%d", file->fd);

        return linkat(AT_FDCWD, from, dir, name, AT_SYMLINK_FOLLOW) == -1
               ? SOCIAL_FAILED : SOCIAL_OK;
    }

    if (social_net_disk_name_file(disk, file) != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    social_net_disk_name(path, "tmp", file->id, file->suffix);
    tmp = social_net_disk_parent(disk, path, &last, NULL);

    if (tmp == -1) {
        return SOCIAL_FAILED;
    }

    rc = renameat(tmp, last, dir, name);

    social_net_disk_unlock(tmp);

    if (rc == -1) {
        return SOCIAL_FAILED;
    }

    file->named = false;

    return SOCIAL_OK;
}


static social_rc_e
social_net_disk_name_file(social_net_disk_t *disk,
    social_net_disk_file_t *file)
{
    int          tmp, rc;
    char         from[SOCIAL_NET_DISK_FD_PATH], path[SOCIAL_NET_DISK_PATH];
    const char  *last;

    if (file->named) {
        return SOCIAL_OK;
    }

    social_net_disk_name(path, "tmp", file->id, file->suffix);
    tmp = social_net_disk_parent(disk, path, &last, NULL);

    if (tmp == -1) {
        return SOCIAL_FAILED;
    }

    snprintf(from, sizeof(from), "/proc/self/fd/%d", file->fd);

    do {
        rc = linkat(AT_FDCWD, from, tmp, last, AT_SYMLINK_FOLLOW);

    } while (rc == -1 && social_net_disk_left(disk, path));

    social_net_disk_unlock(tmp);

    if (rc == -1) {
        return SOCIAL_FAILED;
    }

    file->named = true;

    return SOCIAL_OK;
}


/*
 * After EEXIST: whether the file of this name was one that a killed process
 * had left, which has no lock any more, and is removed now.  The files of an
 * upload are named by its id, and are made under its lock, so that the process
 * that ends the upload in place of a killed one makes the same names.  Keeps
 * errno if not.
 */

static bool
social_net_disk_left(social_net_disk_t *disk, const char *path)
{
    int   fd, saved;
    bool  left;

    if (errno != EEXIST) {
        return false;
    }

    saved = errno;

    fd = social_net_disk_open_at(disk, path, O_RDONLY, 0);

    if (fd == -1) {
        left = (errno == ENOENT);

    } else {
        left = (flock(fd, LOCK_EX|LOCK_NB) == 0
                && social_net_disk_unlink(disk, path) != SOCIAL_FAILED);
        close(fd);
    }

    errno = saved;

    return left;
}


social_rc_e
social_net_disk_unlink(social_net_disk_t *disk, const char *path)
{
    int          dir, rc;
    const char  *name;

    dir = social_net_disk_parent(disk, path, &name, NULL);

    if (dir == -1) {
        return errno == ENOENT ? SOCIAL_DECLINED : SOCIAL_FAILED;
    }

    rc = unlinkat(dir, name, 0);

    social_net_disk_unlock(dir);

    if (rc == -1) {
        return errno == ENOENT ? SOCIAL_DECLINED : SOCIAL_FAILED;
    }

    return SOCIAL_OK;
}


social_rc_e
social_net_disk_lock(social_net_disk_t *disk, const char *path, int *lock)
{
    int       saved;
    char      name[sizeof("locks/XX")];
    uint32_t  hash;

    hash = 2166136261U;

    for ( /* void */ ; *path; path++) {
        hash = (hash ^ (unsigned char) *path) * 16777619U;
    }

    hash ^= hash >> 16;
    hash ^= hash >> 8;

    snprintf(name, sizeof(name), "locks/%02x", (unsigned) (hash & 0xff));

    *lock = social_net_disk_open_at(disk, name, O_RDWR|O_CREAT, 0600);

    if (*lock == -1) {
        return SOCIAL_FAILED;
    }

    if (flock(*lock, LOCK_EX|LOCK_NB) == 0) {
        return SOCIAL_OK;
    }

    saved = errno;
    close(*lock);
    *lock = -1;
    errno = saved;

    return errno == EWOULDBLOCK || errno == EINTR ? SOCIAL_DECLINED
                                                  : SOCIAL_FAILED;
}


/*
 * Closes a descriptor, and keeps errno.
 */

void
social_net_disk_unlock(int lock)
{
    int  saved;

    saved = errno;
    close(lock);
    errno = saved;
}


int64_t
social_net_disk_noted(int lock)
{
    int64_t  seq;

    if (pread(lock, &seq, sizeof(int64_t), 0) != (ssize_t) sizeof(int64_t)
        || seq < 0 || seq > SOCIAL_STORE_MAX_SIZE - 1)
    {
        return 0;
    }

    return seq;
}


social_rc_e
social_net_disk_note(int lock, int64_t seq)
{
    if (seq <= social_net_disk_noted(lock)) {
        return SOCIAL_OK;
    }

    return pwrite(lock, &seq, sizeof(int64_t), 0) == (ssize_t) sizeof(int64_t)
           ? SOCIAL_OK : SOCIAL_FAILED;
}
