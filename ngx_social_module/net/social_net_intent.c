
/*
 * The embedded store on disk: intents.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "social_net_disk_file.h"
#include "social_net_intent.h"
#include "social_net_parts.h"
#include "social_net_upload.h"


/* of version 1, which are not locked: as old as that, and they were left */
#define SOCIAL_NET_INTENT_AGE    10

/* for a time that is later than any delay, the clock was set back */
#define SOCIAL_NET_INTENT_DELAY  3600

#define SOCIAL_NET_INTENT_BUSY   2


static social_rc_e social_net_intent_remove_one(social_net_disk_t *disk,
    const unsigned char *id, const social_store_meta_t *meta, int fd);
static bool social_net_intent_is_due(const struct stat *st, int64_t now);
static bool social_net_intent_read(int dir, const char *name, int64_t now,
    social_net_intent_t *found);
static void social_net_intent_look(social_net_disk_t *disk,
    social_net_intent_t *found);
static void social_net_intent_keep(social_net_intent_t *found,
    const unsigned char *id);


social_rc_e
social_net_intent_create(social_net_disk_t *disk, const unsigned char *id,
    const social_store_intent_t *intent, int *fd)
{
    int                     dir, saved;
    char                    path[SOCIAL_NET_DISK_PATH];
    size_t                  len;
    const char             *name;
    social_rc_e             rc;
    social_str_t            text;
    unsigned char           buf[SOCIAL_STORE_INTENT_SIZE];
    social_net_disk_file_t  file;

    if (social_store_intent_write(intent, buf, &len) != SOCIAL_OK) {
        errno = EINVAL;
        return SOCIAL_FAILED;
    }

    if (social_net_disk_create(disk, id, 's', &file) != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    text.data = buf;
    text.len = len;

    dir = -1;
    rc = social_net_disk_write(file.fd, text);

    if (rc == SOCIAL_OK) {
        social_net_disk_name(path, "spool", id, 0);
        dir = social_net_disk_parent(disk, path, &name, NULL);

        rc = dir == -1 ? SOCIAL_FAILED
                       : social_net_disk_link(disk, &file, dir, name, false);
    }

    saved = errno;

    if (dir != -1) {
        close(dir);
    }

    if (rc != SOCIAL_OK) {
        social_net_disk_discard(disk, &file);
        errno = saved;
        return SOCIAL_FAILED;
    }

    *fd = file.fd;

    return SOCIAL_OK;
}


social_rc_e
social_net_intent_sync(social_net_disk_t *disk, int fd)
{
    int  dir, rc;

    dir = social_net_disk_open_at(disk, "spool", O_RDONLY|O_DIRECTORY, 0);

    if (dir == -1) {
        return SOCIAL_FAILED;
    }

    rc = fsync(fd) == -1 || fsync(dir) == -1 ? -1 : 0;

    social_net_disk_unlock(dir);

    return rc == -1 ? SOCIAL_FAILED : SOCIAL_OK;
}


void
social_net_intent_remove(social_net_disk_t *disk, const unsigned char *id,
    int fd)
{
    char  path[SOCIAL_NET_DISK_PATH];

    social_net_disk_name(path, "spool", id, 0);
    (void) social_net_disk_unlink(disk, path);

    close(fd);
}


social_rc_e
social_net_intent_remove_data(social_net_disk_t *disk, const char *path,
    const unsigned char *own, unsigned char (*replaces)[SOCIAL_STORE_ID_SIZE],
    unsigned replaced)
{
    int                  lock, fd;
    size_t               len;
    unsigned             i;
    social_rc_e          rc;
    unsigned char        buf[SOCIAL_STORE_META_SIZE];
    social_store_meta_t  meta, *current;

    rc = social_net_disk_lock(disk, path, &lock);

    if (rc != SOCIAL_OK) {
        return rc;
    }

    fd = -1;
    rc = social_net_disk_meta(disk, path, buf, sizeof(buf), &len, &meta, &fd);

    current = rc == SOCIAL_OK ? &meta : NULL;

    if (rc == SOCIAL_MALFORMED) {
        rc = SOCIAL_DECLINED;

    } else if (rc != SOCIAL_FAILED) {

        rc = own ? social_net_intent_remove_one(disk, own, current, fd)
                 : SOCIAL_OK;

        for (i = 0; rc == SOCIAL_OK && i < replaced; i++) {
            rc = social_net_intent_remove_one(disk, replaces[i], current,
                                              fd);
        }
    }

    if (fd != -1) {
        social_net_disk_unlock(fd);
    }

    social_net_disk_unlock(lock);

    return rc;
}


static social_rc_e
social_net_intent_remove_one(social_net_disk_t *disk, const unsigned char *id,
    const social_store_meta_t *meta, int fd)
{
    char         path[SOCIAL_NET_DISK_PATH];
    social_rc_e  rc;

    if (meta && meta->place != SOCIAL_STORE_INLINE
        && memcmp(meta->id, id, SOCIAL_STORE_ID_SIZE) == 0)
    {
        return meta->place == SOCIAL_STORE_PARTS
               ? social_net_parts_prune(disk, meta, fd) : SOCIAL_OK;
    }

    rc = social_net_upload_exists(disk, id);

    if (rc != SOCIAL_DECLINED) {
        return rc;
    }

    social_net_disk_data_name(path, id);

    if (social_net_disk_unlink(disk, path) != SOCIAL_FAILED) {
        return SOCIAL_OK;
    }

    return errno == EISDIR ? social_net_parts_remove(disk, id)
                           : SOCIAL_FAILED;
}


unsigned
social_net_intent_find(social_net_disk_t *disk, int64_t now,
    social_net_intent_t *found, unsigned max)
{
    int             fd;
    DIR            *dir;
    unsigned        n;
    struct stat     st;
    struct dirent  *entry;

    fd = social_net_disk_open_at(disk, "spool", O_RDONLY|O_DIRECTORY, 0);

    if (fd == -1) {
        return 0;
    }

    dir = fdopendir(fd);

    if (dir == NULL) {
        close(fd);
        return 0;
    }

    n = 0;

    while (n < max && (entry = readdir(dir)) != NULL) {

        if (strlen(entry->d_name) == SOCIAL_STORE_ID_SIZE
            && fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0
            && social_net_intent_is_due(&st, now)
            && social_net_intent_read(fd, entry->d_name, now, &found[n]))
        {
            n++;
        }
    }

    closedir(dir);

    return n;
}


/*
 * The time of one that was deferred is in the future.
 */

static bool
social_net_intent_is_due(const struct stat *st, int64_t now)
{
    return S_ISREG(st->st_mode)
           && ((int64_t) st->st_mtime <= now
               || (int64_t) st->st_mtime > now + SOCIAL_NET_INTENT_DELAY);
}


static bool
social_net_intent_read(int dir, const char *name, int64_t now,
    social_net_intent_t *found)
{
    ssize_t       n;
    struct stat   st;
    social_str_t  text;

    found->fd = openat(dir, name, O_RDWR|O_NONBLOCK|O_CLOEXEC|O_NOFOLLOW);

    if (found->fd == -1) {
        return false;
    }

    if (flock(found->fd, LOCK_EX|LOCK_NB) == -1) {
        close(found->fd);
        return false;
    }

    /* it may have been ended since the directory was read */

    n = fstat(found->fd, &st) == 0 && st.st_nlink
        ? read(found->fd, found->text, sizeof(found->text)) : -1;

    if (n == -1) {
        close(found->fd);
        return false;
    }

    memcpy(found->name, name, SOCIAL_STORE_ID_SIZE);
    found->state = SOCIAL_NET_INTENT_LATER;
    found->published = false;

    text.data = found->text;
    text.len = (size_t) n;

    if (social_store_intent_read(text, &found->intent) != SOCIAL_OK) {

        /* damaged, as after a crash without fsync: it cannot be ended */

        found->state = SOCIAL_NET_INTENT_ENDED;
        return true;
    }

    if (found->intent.seq == 0) {

        if ((int64_t) st.st_mtime + SOCIAL_NET_INTENT_AGE > now) {
            close(found->fd);
            return false;
        }

        memcpy(found->intent.id, name, SOCIAL_STORE_ID_SIZE);
    }

    return true;
}


void
social_net_intent_end(social_net_disk_t *disk, int64_t now,
    social_net_intent_t *found, unsigned n)
{
    bool            synced;
    size_t          len;
    unsigned        i;
    social_rc_e     rc;
    unsigned char   path[SOCIAL_STORE_MAX_PATH];

    for (i = 0; i < n; i++) {
        if (found[i].state == SOCIAL_NET_INTENT_LATER) {
            social_net_intent_look(disk, &found[i]);
        }
    }

    /* what the metadata says now has to be durable first */

    synced = !disk->sync || social_net_disk_sync(disk) == SOCIAL_OK;

    for (i = 0; i < n; i++) {

        /* of one that is damaged there is nothing else to be removed */

        if (found[i].state == SOCIAL_NET_INTENT_LATER
            || (!synced && found[i].intent.key.len))
        {
            found[i].state = SOCIAL_NET_INTENT_LATER;
            social_net_intent_defer(&found[i], now, SOCIAL_NET_INTENT_BUSY);
            continue;
        }

        rc = SOCIAL_OK;

        if (found[i].published && found[i].intent.parts) {
            rc = social_net_upload_remove(disk, found[i].intent.id);
        }

        if (rc == SOCIAL_OK && found[i].intent.key.len
            && social_store_path(found[i].intent.key, path, &len)
               == SOCIAL_OK)
        {
            rc = social_net_intent_remove_data(disk, (char *) path,
                     found[i].published && found[i].intent.parts == 0
                     ? NULL : found[i].intent.id,
                     found[i].intent.replaces, found[i].intent.replaced);
        }

        if (rc != SOCIAL_OK) {
            found[i].state = SOCIAL_NET_INTENT_LATER;
            social_net_intent_defer(&found[i], now, SOCIAL_NET_INTENT_BUSY);
            continue;
        }

        if (found[i].state == SOCIAL_NET_INTENT_ENDED) {
            social_net_intent_announced(disk, &found[i]);
        }
    }
}


/*
 * Whether it was published.  If not, or no more, there is nothing to announce:
 * what has replaced it has an announcement of its own.
 */

static void
social_net_intent_look(social_net_disk_t *disk, social_net_intent_t *found)
{
    int                  lock;
    size_t               len;
    social_rc_e          rc;
    unsigned char        path[SOCIAL_STORE_MAX_PATH];
    unsigned char        buf[SOCIAL_STORE_META_SIZE];
    social_store_meta_t  meta;

    if (social_store_path(found->intent.key, path, &len) != SOCIAL_OK) {
        found->state = SOCIAL_NET_INTENT_ENDED;
        return;
    }

    if (social_net_disk_lock(disk, (char *) path, &lock) != SOCIAL_OK) {
        return;
    }

    rc = social_net_disk_meta(disk, (char *) path, buf, sizeof(buf), &len,
                              &meta, NULL);

    social_net_disk_unlock(lock);

    if (rc == SOCIAL_FAILED || rc == SOCIAL_MALFORMED) {
        return;
    }

    if (rc == SOCIAL_OK) {

        /* an upload may have been completed by another commit than this */

        found->published = memcmp(meta.id, found->intent.id,
                                  SOCIAL_STORE_ID_SIZE)
                           == 0
                           && (found->intent.seq == 0
                               || found->intent.seq == meta.seq);
        social_net_intent_keep(found, meta.id);
    }

    found->state = found->published && found->intent.announce
                   ? SOCIAL_NET_INTENT_ANNOUNCE : SOCIAL_NET_INTENT_ENDED;
}


/*
 * What is named now is not for this intent to remove: a commit that replaces
 * it before the removal may not be durable by then, and has its own intent.
 */

static void
social_net_intent_keep(social_net_intent_t *found, const unsigned char *id)
{
    unsigned                i;
    social_store_intent_t  *intent;

    intent = &found->intent;

    for (i = 0; i < intent->replaced; i++) {

        if (memcmp(intent->replaces[i], id, SOCIAL_STORE_ID_SIZE) == 0) {
            intent->replaced--;
            memmove(intent->replaces[i], intent->replaces[intent->replaced],
                    SOCIAL_STORE_ID_SIZE);
            i--;
        }
    }
}


void
social_net_intent_move(social_net_intent_t *to, social_net_intent_t *from)
{
    *to = *from;

    if (from->intent.key.len) {
        to->intent.key.data = to->text + (from->intent.key.data - from->text);
    }

    from->fd = -1;
}


void
social_net_intent_meta(const social_net_intent_t *found,
    social_store_meta_t *meta)
{
    memset(meta, 0, sizeof(social_store_meta_t));

    memcpy(meta->id, found->intent.id, sizeof(meta->id));
    memcpy(meta->etag, found->intent.etag, sizeof(meta->etag));
    meta->seq = found->intent.seq;
    meta->size = found->intent.size;
    meta->parts = found->intent.parts;
}


void
social_net_intent_announced(social_net_disk_t *disk,
    social_net_intent_t *found)
{
    social_net_intent_remove(disk, found->name, found->fd);
    found->fd = -1;
}


void
social_net_intent_defer(social_net_intent_t *found, int64_t now,
    int64_t delay)
{
    struct timespec  times[2];

    times[0].tv_sec = (time_t) (now + delay);
    times[0].tv_nsec = 0;
    times[1] = times[0];

    (void) futimens(found->fd, times);

    close(found->fd);
    found->fd = -1;
}
