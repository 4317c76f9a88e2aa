
/*
 * The embedded store on disk: the parts of objects.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "social_net_disk_file.h"
#include "social_net_parts.h"


#define SOCIAL_NET_PARTS_NAME    sizeof("10000")
#define SOCIAL_NET_PARTS_FD      sizeof("/proc/self/fd/2147483647")
#define SOCIAL_NET_PARTS_BUFFER  (64 * 1024)


/* a bit for each number */

typedef struct {
    unsigned char  bits[SOCIAL_STORE_MAX_PARTS / 8 + 1];
} social_net_parts_set_t;


static social_rc_e social_net_parts_copy_file(social_net_disk_t *disk,
    const social_net_object_t *source, const social_store_meta_t *meta,
    social_net_disk_file_t *data);
static social_rc_e social_net_parts_copy_part(social_net_disk_t *disk,
    int from, int to, unsigned number);
static bool social_net_parts_unlinkable(int err);
static social_rc_e social_net_parts_bytes(int from, int to);
static social_rc_e social_net_parts_set(const social_store_meta_t *meta,
    int fd, social_net_parts_set_t *set);
static social_rc_e social_net_parts_clear(int dir,
    const social_net_parts_set_t *keep);


#define social_net_part_name(name, number)                                    \
    snprintf(name, SOCIAL_NET_PARTS_NAME, "%u", number)


int
social_net_parts_open(social_net_disk_t *disk, const unsigned char *id,
    bool make)
{
    int          fd, parent;
    char         path[SOCIAL_NET_DISK_PATH];
    const char  *name;

    social_net_disk_data_name(path, id);

    fd = social_net_disk_open_at(disk, path, O_RDONLY|O_DIRECTORY, 0);

    if (fd != -1 || errno != ENOENT || !make) {
        return fd;
    }

    parent = social_net_disk_parent(disk, path, &name, NULL);

    if (parent == -1) {
        return -1;
    }

    if (mkdirat(parent, name, 0700) == 0 || errno == EEXIST) {
        fd = openat(parent, name, O_RDONLY|O_DIRECTORY|O_CLOEXEC|O_NOFOLLOW);
    }

    social_net_disk_unlock(parent);

    return fd;
}


social_rc_e
social_net_part_note(int dir, unsigned number, unsigned char *buf,
    social_store_note_t *note)
{
    int          fd;
    char         name[SOCIAL_NET_PARTS_NAME];
    ssize_t      n;
    struct stat  st;

    social_net_part_name(name, number);

    fd = openat(dir, name, O_RDONLY|O_NONBLOCK|O_CLOEXEC|O_NOFOLLOW);

    if (fd == -1) {
        return errno == ENOENT ? SOCIAL_DECLINED : SOCIAL_FAILED;
    }

    n = -1;

    if (fstat(fd, &st) == 0) {
        n = st.st_size < SOCIAL_STORE_NOTE_SIZE ? 0
            : pread(fd, buf, SOCIAL_STORE_NOTE_SIZE,
                    st.st_size - SOCIAL_STORE_NOTE_SIZE);
    }

    social_net_disk_unlock(fd);

    if (n == -1) {
        return SOCIAL_FAILED;
    }

    if (n != SOCIAL_STORE_NOTE_SIZE
        || social_store_note_read(buf, note) != SOCIAL_OK
        || note->size != (int64_t) st.st_size - SOCIAL_STORE_NOTE_SIZE)
    {
        return SOCIAL_MALFORMED;
    }

    return SOCIAL_OK;
}


social_rc_e
social_net_parts_record(const social_net_object_t *object,
    const social_store_meta_t *meta, unsigned index, unsigned char *buf,
    social_store_part_t *part)
{
    ssize_t  n;

    if (index >= meta->parts) {
        return SOCIAL_MALFORMED;
    }

    n = pread(object->fd, buf, SOCIAL_STORE_PART_SIZE,
              (off_t) (object->offset
                       + (int64_t) index * SOCIAL_STORE_PART_SIZE));

    if (n == -1) {
        return SOCIAL_FAILED;
    }

    return n == SOCIAL_STORE_PART_SIZE ? social_store_part_read(buf, part)
                                       : SOCIAL_MALFORMED;
}


social_rc_e
social_net_parts_find(const social_net_object_t *object,
    const social_store_meta_t *meta, int64_t at, unsigned *index,
    unsigned char *buf, social_store_part_t *part)
{
    unsigned     low, high, middle;
    social_rc_e  rc;

    low = 0;
    high = meta->parts;

    while (low < high) {

        middle = low + (high - low) / 2;

        rc = social_net_parts_record(object, meta, middle, buf, part);

        if (rc != SOCIAL_OK) {
            return rc;
        }

        if (at < part->offset) {
            high = middle;

        } else if (at >= part->offset + part->size) {
            low = middle + 1;

        } else {
            *index = middle;
            return SOCIAL_OK;
        }
    }

    return SOCIAL_MALFORMED;
}


social_rc_e
social_net_parts_pieces(const social_net_object_t *object,
    const social_store_meta_t *meta, int64_t at, int64_t end,
    social_net_piece_t *pieces, unsigned max, unsigned *n)
{
    int                   saved;
    char                  name[SOCIAL_NET_PARTS_NAME];
    unsigned              index;
    struct stat           st;
    social_rc_e           rc;
    unsigned char         buf[SOCIAL_STORE_PART_SIZE];
    social_net_piece_t   *piece;
    social_store_part_t   part;

    *n = 0;

    rc = social_net_parts_find(object, meta, at, &index, buf, &part);

    while (rc == SOCIAL_OK) {

        piece = &pieces[*n];

        social_net_part_name(name, part.number);

        piece->fd = openat(object->dir, name, O_RDONLY|O_CLOEXEC|O_NOFOLLOW);

        if (piece->fd == -1 || fstat(piece->fd, &st) == -1) {
            rc = SOCIAL_FAILED;

        } else if ((int64_t) st.st_size < part.size || at < part.offset) {
            rc = SOCIAL_MALFORMED;
        }

        *n += (piece->fd != -1);

        if (rc != SOCIAL_OK) {
            break;
        }

        piece->first = at - part.offset;
        piece->end = end - part.offset < part.size ? end - part.offset
                                                   : part.size;
        at = part.offset + piece->end;

        if (at >= end || *n == max) {
            return SOCIAL_OK;
        }

        rc = social_net_parts_record(object, meta, ++index, buf, &part);

        if (rc == SOCIAL_OK && (part.offset != at || part.size == 0)) {
            rc = SOCIAL_MALFORMED;
        }
    }

    saved = errno;

    while (*n) {
        close(pieces[--*n].fd);
    }

    errno = saved;

    return rc;
}


social_rc_e
social_net_parts_copy(social_net_disk_t *disk,
    const social_net_object_t *source, const social_store_meta_t *meta,
    social_str_t records, social_net_disk_file_t *data)
{
    int                   dir;
    social_rc_e           rc;
    social_store_part_t   part;

    if (meta->place == SOCIAL_STORE_FILE) {
        return social_net_parts_copy_file(disk, source, meta, data);
    }

    dir = social_net_parts_open(disk, meta->id, true);

    if (dir == -1) {
        return SOCIAL_FAILED;
    }

    rc = SOCIAL_OK;

    while (records.len >= SOCIAL_STORE_PART_SIZE && rc == SOCIAL_OK) {

        rc = social_store_part_read(records.data, &part);

        if (rc == SOCIAL_OK) {
            rc = social_net_parts_copy_part(disk, source->dir, dir,
                                            part.number);

        } else {
            errno = EINVAL;
        }

        records.data += SOCIAL_STORE_PART_SIZE;
        records.len -= SOCIAL_STORE_PART_SIZE;
    }

    social_net_disk_unlock(dir);

    return rc == SOCIAL_OK ? SOCIAL_OK : SOCIAL_FAILED;
}


static social_rc_e
social_net_parts_copy_file(social_net_disk_t *disk,
    const social_net_object_t *source, const social_store_meta_t *meta,
    social_net_disk_file_t *data)
{
    int          dir;
    char         path[SOCIAL_NET_DISK_PATH], from[SOCIAL_NET_PARTS_FD];
    const char  *name;
    social_rc_e  rc;

    social_net_disk_data_name(path, meta->id);
    dir = social_net_disk_parent(disk, path, &name, NULL);

    if (dir == -1) {
        return SOCIAL_FAILED;
    }

    snprintf(from, sizeof(from), "/proc/self/fd/%d", source->fd);

    rc = linkat(AT_FDCWD, from, dir, name, AT_SYMLINK_FOLLOW) == 0
         ? SOCIAL_OK : SOCIAL_FAILED;

    if (rc != SOCIAL_OK && social_net_parts_unlinkable(errno)) {

        rc = social_net_disk_create(disk, meta->id, 0, data);

        if (rc == SOCIAL_OK) {
            rc = social_net_parts_bytes(source->fd, data->fd);
        }

        if (rc == SOCIAL_OK && disk->sync && fsync(data->fd) == -1) {
            rc = SOCIAL_FAILED;
        }

        if (rc == SOCIAL_OK) {
            rc = social_net_disk_link(disk, data, dir, name, false);
        }
    }

    social_net_disk_unlock(dir);

    return rc;
}


static social_rc_e
social_net_parts_copy_part(social_net_disk_t *disk, int from, int to,
    unsigned number)
{
    int          in, out;
    char         name[SOCIAL_NET_PARTS_NAME];
    social_rc_e  rc;

    social_net_part_name(name, number);

    if (linkat(from, name, to, name, 0) == 0) {
        return SOCIAL_OK;
    }

    if (!social_net_parts_unlinkable(errno)) {
        return SOCIAL_FAILED;
    }

    in = openat(from, name, O_RDONLY|O_CLOEXEC|O_NOFOLLOW);

    if (in == -1) {
        return SOCIAL_FAILED;
    }

    out = openat(to, name, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC|O_NOFOLLOW,
                 0600);

    rc = out == -1 ? SOCIAL_FAILED : social_net_parts_bytes(in, out);

    if (rc == SOCIAL_OK && disk->sync && fsync(out) == -1) {
        rc = SOCIAL_FAILED;
    }

    if (out != -1) {
        social_net_disk_unlock(out);
    }

    social_net_disk_unlock(in);

    return rc;
}


/*
 * A file has too many links, or none any more; the file system has no links;
 * or there is no /proc.
 */

static bool
social_net_parts_unlinkable(int err)
{
    return err == EMLINK || err == ENOENT || err == EPERM || err == EXDEV
           || err == EOPNOTSUPP;
}


/*
 * The whole file, by the file system where it can.
 */

static social_rc_e
social_net_parts_bytes(int from, int to)
{
    off_t          at;
    ssize_t        n;
    social_str_t   data;
    unsigned char  buf[SOCIAL_NET_PARTS_BUFFER];

    at = 0;

    do {
        n = copy_file_range(from, &at, to, NULL, 1 << 30, 0);
    } while (n > 0 || (n == -1 && errno == EINTR));

    if (n == 0) {
        return SOCIAL_OK;
    }

    if (at != 0 || errno == ENOSPC || errno == EDQUOT || errno == EIO) {
        return SOCIAL_FAILED;
    }

    for ( ;; ) {

        n = pread(from, buf, sizeof(buf), at);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n <= 0) {
            return n == 0 ? SOCIAL_OK : SOCIAL_FAILED;
        }

        data.data = buf;
        data.len = (size_t) n;

        if (social_net_disk_write(to, data) != SOCIAL_OK) {
            return SOCIAL_FAILED;
        }

        at += n;
    }
}


social_rc_e
social_net_parts_sync(social_net_disk_t *disk, const unsigned char *id)
{
    int  dir, rc;

    dir = social_net_parts_open(disk, id, false);

    if (dir == -1) {
        return SOCIAL_FAILED;
    }

    rc = fsync(dir);

    social_net_disk_unlock(dir);

    return rc == 0 ? SOCIAL_OK : SOCIAL_FAILED;
}


social_rc_e
social_net_parts_prune(social_net_disk_t *disk,
    const social_store_meta_t *meta, int fd)
{
    int                     dir;
    social_rc_e             rc;
    social_net_parts_set_t  set;

    rc = social_net_parts_set(meta, fd, &set);

    if (rc != SOCIAL_OK) {
        return rc;
    }

    dir = social_net_parts_open(disk, meta->id, false);

    if (dir == -1) {
        return SOCIAL_FAILED;
    }

    return social_net_parts_clear(dir, &set);
}


/*
 * Which parts an object consists of.  SOCIAL_DECLINED: that is not to be seen.
 */

static social_rc_e
social_net_parts_set(const social_store_meta_t *meta, int fd,
    social_net_parts_set_t *set)
{
    unsigned              i;
    social_rc_e           rc;
    unsigned char         buf[SOCIAL_STORE_PART_SIZE];
    social_store_part_t   part;
    social_net_object_t   object;

    memset(set, 0, sizeof(social_net_parts_set_t));

    object.fd = fd;
    object.offset = (int64_t) meta->length;

    for (i = 0; i < meta->parts; i++) {

        rc = social_net_parts_record(&object, meta, i, buf, &part);

        if (rc != SOCIAL_OK) {
            return rc == SOCIAL_FAILED ? rc : SOCIAL_DECLINED;
        }

        set->bits[part.number / 8] |= (unsigned char) (1 << part.number % 8);
    }

    return SOCIAL_OK;
}


social_rc_e
social_net_parts_remove(social_net_disk_t *disk, const unsigned char *id)
{
    int                     dir, parent, rc;
    char                    path[SOCIAL_NET_DISK_PATH];
    const char             *name;
    social_net_parts_set_t  none;

    dir = social_net_parts_open(disk, id, false);

    if (dir == -1) {
        return errno == ENOENT ? SOCIAL_OK : SOCIAL_FAILED;
    }

    if (flock(dir, LOCK_EX|LOCK_NB) == -1) {
        social_net_disk_unlock(dir);
        return SOCIAL_DECLINED;
    }

    memset(&none, 0, sizeof(none));

    if (social_net_parts_clear(dir, &none) != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    social_net_disk_data_name(path, id);
    parent = social_net_disk_parent(disk, path, &name, NULL);

    if (parent == -1) {
        return SOCIAL_FAILED;
    }

    rc = unlinkat(parent, name, AT_REMOVEDIR);

    if (rc == -1 && errno == ENOENT) {
        rc = 0;
    }

    social_net_disk_unlock(parent);

    return rc == 0 ? SOCIAL_OK : SOCIAL_FAILED;
}


/*
 * Removes the files that are not in the set, and closes the directory.
 */

static social_rc_e
social_net_parts_clear(int dir, const social_net_parts_set_t *keep)
{
    int             saved;
    DIR            *stream;
    char           *end;
    social_rc_e     rc;
    unsigned long   number;
    struct dirent  *entry;

    stream = fdopendir(dir);

    if (stream == NULL) {
        social_net_disk_unlock(dir);
        return SOCIAL_FAILED;
    }

    rc = SOCIAL_OK;

    while (rc == SOCIAL_OK && (entry = readdir(stream)) != NULL) {

        if (entry->d_name[0] == '.') {
            continue;
        }

        number = strtoul(entry->d_name, &end, 10);

        if (*end == '\0' && number <= SOCIAL_STORE_MAX_PARTS
            && (keep->bits[number / 8] & (1 << number % 8)))
        {
            continue;
        }

        if (unlinkat(dir, entry->d_name, 0) == -1 && errno != ENOENT) {
            rc = SOCIAL_FAILED;
        }
    }

    saved = errno;
    closedir(stream);
    errno = saved;

    return rc;
}
