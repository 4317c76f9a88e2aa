
/*
 * The embedded store on disk: commits.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "social_net_commit.h"
#include "social_net_disk_file.h"
#include "social_net_intent.h"
#include "social_net_parts.h"
#include "social_net_upload.h"


static social_net_commit_rc_e social_net_commit_failed(
    social_net_commit_t *c);
static social_net_commit_rc_e social_net_commit_number(
    social_net_commit_t *c);
static social_net_commit_rc_e social_net_commit_old(social_net_commit_t *c,
    social_store_meta_t *old, bool *found);
static void social_net_commit_replace(social_net_commit_t *c,
    const social_store_meta_t *old);
static bool social_net_commit_replaces(const social_net_commit_t *c,
    const unsigned char *id);
static social_rc_e social_net_commit_intent(social_net_commit_t *c);
static social_rc_e social_net_commit_link_data(social_net_commit_t *c);
static const unsigned char *social_net_commit_intent_name(
    const social_net_commit_t *c);
static social_rc_e social_net_commit_write_meta(social_net_commit_t *c);
static social_rc_e social_net_commit_write(social_net_commit_t *c,
    social_str_t text);
static social_net_commit_rc_e social_net_commit_of_upload(
    social_net_commit_t *c);
static social_net_commit_rc_e social_net_commit_conditions(
    social_net_commit_t *c, const social_store_meta_t *old);
static social_net_commit_rc_e social_net_commit_locked(
    social_net_commit_t *c, int lock);
static social_rc_e social_net_commit_name(social_net_commit_t *c,
    bool replace);
static social_net_commit_rc_e social_net_commit_unname(
    social_net_commit_t *c, int lock, int64_t seq);
static size_t social_net_commit_slot(const social_net_commit_t *c);
static void social_net_commit_drop(social_net_commit_t *c);
static void social_net_commit_close(social_net_commit_t *c);


void
social_net_commit_init(social_net_commit_t *c, social_net_disk_t *disk)
{
    c->disk = disk;
    c->data.fd = -1;
    c->file.fd = -1;
    c->intent = -1;
    c->dir = -1;
    c->upload = -1;
}


social_net_commit_rc_e
social_net_commit_prepare(social_net_commit_t *c)
{
    social_net_commit_rc_e  rc;

    if (c->remove) {
        return SOCIAL_NET_COMMIT_OK;
    }

    if (c->data.fd != -1 && c->disk->sync && !c->synced) {

        if (fsync(c->data.fd) == -1) {
            return social_net_commit_failed(c);
        }

        c->synced = true;
    }

    if (c->kind == SOCIAL_NET_COMMIT_PART) {
        return SOCIAL_NET_COMMIT_OK;
    }

    if (c->kind == SOCIAL_NET_COMMIT_CREATE) {
        c->meta.place = SOCIAL_STORE_INLINE;
        return social_net_commit_write(c, (social_str_t) { 0, NULL })
               == SOCIAL_OK
               ? SOCIAL_NET_COMMIT_OK : social_net_commit_failed(c);
    }

    rc = social_net_commit_number(c);

    if (rc != SOCIAL_NET_COMMIT_OK) {
        return rc == SOCIAL_NET_COMMIT_BUSY ? rc
                                            : social_net_commit_failed(c);
    }

    c->meta.place = c->meta.parts ? SOCIAL_STORE_PARTS
                    : c->data.fd != -1 || c->source ? SOCIAL_STORE_FILE
                    : SOCIAL_STORE_INLINE;

    if (c->announce || c->replaced || c->meta.place != SOCIAL_STORE_INLINE) {
        if (social_net_commit_intent(c) != SOCIAL_OK) {
            return social_net_commit_failed(c);
        }
    }

    if (social_net_commit_link_data(c) != SOCIAL_OK
        || social_net_commit_write_meta(c) != SOCIAL_OK)
    {
        return social_net_commit_failed(c);
    }

    return SOCIAL_NET_COMMIT_OK;
}


static social_net_commit_rc_e
social_net_commit_failed(social_net_commit_t *c)
{
    c->err = errno;

    social_net_commit_abort(c);

    return c->err == ENOSPC || c->err == EDQUOT ? SOCIAL_NET_COMMIT_FULL
                                                : SOCIAL_NET_COMMIT_FAILED;
}


/*
 * A number above that of the object that is there, and of those that were:
 * the time, unless the clock was set back.  Commits that get their numbers
 * before any of them is published have different ones, since the time passes
 * while the lock is held.
 */

static social_net_commit_rc_e
social_net_commit_number(social_net_commit_t *c)
{
    int                     lock;
    bool                    found;
    int64_t                 seq;
    social_rc_e             rc;
    struct timespec         ts;
    social_store_meta_t     old;
    social_net_commit_rc_e  status;

    rc = social_net_disk_lock(c->disk, c->path, &lock);

    if (rc != SOCIAL_OK) {
        return rc == SOCIAL_DECLINED ? SOCIAL_NET_COMMIT_BUSY
                                     : SOCIAL_NET_COMMIT_FAILED;
    }

    status = social_net_commit_old(c, &old, &found);

    if (status == SOCIAL_NET_COMMIT_OK) {

        seq = social_net_disk_noted(lock);

        if (found) {
            social_net_commit_replace(c, &old);

            if (old.seq > seq) {
                seq = old.seq;
            }
        }

        clock_gettime(CLOCK_REALTIME, &ts);

        c->meta.seq = (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
        c->meta.modified = (int64_t) ts.tv_sec;

        if (c->meta.seq <= seq) {
            c->meta.seq = seq + 1;
        }
    }

    social_net_disk_unlock(lock);

    return status;
}


/*
 * Of metadata that is damaged nothing is known, so that it is replaced as if
 * there were none.
 */

static social_net_commit_rc_e
social_net_commit_old(social_net_commit_t *c, social_store_meta_t *old,
    bool *found)
{
    size_t         len;
    unsigned char  buf[SOCIAL_STORE_META_SIZE];

    switch (social_net_disk_meta(c->disk, c->path, buf, sizeof(buf), &len,
                                 old, NULL))
    {
    case SOCIAL_OK:
        *found = true;
        break;

    case SOCIAL_FAILED:
        return SOCIAL_NET_COMMIT_FAILED;

    default:
        *found = false;
    }

    /* views of a buffer that is gone */

    old->type.len = 0;
    old->headers.len = 0;
    old->checksums.len = 0;

    return SOCIAL_NET_COMMIT_OK;
}


static void
social_net_commit_replace(social_net_commit_t *c,
    const social_store_meta_t *old)
{
    if (old->place != SOCIAL_STORE_INLINE
        && !social_net_commit_replaces(c, old->id) && c->replaced < 2)
    {
        memcpy(c->replaces[c->replaced++], old->id, SOCIAL_STORE_ID_SIZE);
    }
}


static bool
social_net_commit_replaces(const social_net_commit_t *c,
    const unsigned char *id)
{
    unsigned  i;

    for (i = 0; i < c->replaced; i++) {
        if (memcmp(c->replaces[i], id, SOCIAL_STORE_ID_SIZE) == 0) {
            return true;
        }
    }

    return false;
}


static social_rc_e
social_net_commit_intent(social_net_commit_t *c)
{
    social_store_intent_t  intent;

    memset(&intent, 0, sizeof(intent));

    memcpy(intent.id, c->meta.id, SOCIAL_STORE_ID_SIZE);

    if (c->remove) {
        memset(intent.etag, '0', sizeof(intent.etag));

    } else {
        memcpy(intent.etag, c->meta.etag, sizeof(intent.etag));
    }

    intent.seq = c->meta.seq;
    intent.size = c->meta.size;
    intent.parts = c->meta.parts;
    intent.announce = c->announce;
    intent.key = c->key;
    intent.replaced = c->replaced;
    memcpy(intent.replaces, c->replaces, sizeof(intent.replaces));

    /* 0 would be one of version 1, which is not locked: nobody is to wait */

    if (intent.seq == 0) {
        intent.seq = 1;
    }

    return social_net_intent_create(c->disk, social_net_commit_intent_name(c),
                                    &intent, &c->intent);
}


static const unsigned char *
social_net_commit_intent_name(const social_net_commit_t *c)
{
    return c->name[0] ? c->name : c->meta.id;
}


static social_rc_e
social_net_commit_link_data(social_net_commit_t *c)
{
    int          dir;
    char         path[SOCIAL_NET_DISK_PATH];
    const char  *name;
    social_rc_e  rc;

    if (c->source) {
        c->linked = true;
        return social_net_parts_copy(c->disk, c->source, &c->meta, c->bytes,
                                     &c->data);
    }

    if (c->data.fd == -1) {
        return SOCIAL_OK;
    }

    social_net_disk_data_name(path, c->meta.id);
    dir = social_net_disk_parent(c->disk, path, &name, NULL);

    if (dir == -1) {
        return SOCIAL_FAILED;
    }

    rc = social_net_disk_link(c->disk, &c->data, dir, name, false);

    social_net_disk_unlock(dir);

    c->linked = (rc == SOCIAL_OK);

    return rc;
}


static social_rc_e
social_net_commit_write_meta(social_net_commit_t *c)
{
    size_t         len;
    unsigned char  buf[SOCIAL_STORE_META_SIZE];

    if (social_store_meta_write(&c->meta, buf, &len) != SOCIAL_OK) {
        errno = EINVAL;
        return SOCIAL_FAILED;
    }

    return social_net_commit_write(c, (social_str_t) { len, buf });
}


/*
 * The text of the file that gets its name, and after it what is small.
 */

static social_rc_e
social_net_commit_write(social_net_commit_t *c, social_str_t text)
{
    if (social_net_disk_create(c->disk, c->meta.id, 'm', &c->file)
        != SOCIAL_OK)
    {
        return SOCIAL_FAILED;
    }

    if (social_net_disk_write(c->file.fd, text) != SOCIAL_OK
        || (c->meta.place != SOCIAL_STORE_FILE
            && social_net_disk_write(c->file.fd, c->bytes) != SOCIAL_OK))
    {
        return SOCIAL_FAILED;
    }

    return SOCIAL_OK;
}


/*
 * All that has to be durable before the metadata has its name.
 */

social_rc_e
social_net_commit_sync(social_net_commit_t *c)
{
    int          rc, dir;
    char         path[SOCIAL_NET_DISK_PATH];
    const char  *name;

    if (c->remove || c->kind == SOCIAL_NET_COMMIT_PART) {
        return SOCIAL_OK;
    }

    rc = 0;

    if (c->meta.place != SOCIAL_STORE_INLINE) {
        social_net_disk_data_name(path, c->meta.id);
        dir = social_net_disk_parent(c->disk, path, &name, NULL);

        rc = dir == -1 || fsync(dir) == -1 ? -1 : 0;
        c->err = errno;

        if (dir != -1) {
            close(dir);
        }
    }

    if (rc == 0 && c->meta.place == SOCIAL_STORE_PARTS
        && social_net_parts_sync(c->disk, c->meta.id) != SOCIAL_OK)
    {
        c->err = errno;
        rc = -1;
    }

    if (rc == 0 && c->announce
        && social_net_intent_sync(c->disk, c->intent) != SOCIAL_OK)
    {
        c->err = errno;
        rc = -1;
    }

    if (rc == 0 && fsync(c->file.fd) == -1) {
        c->err = errno;
        rc = -1;
    }

    return rc == 0 ? SOCIAL_OK : SOCIAL_FAILED;
}


social_net_commit_rc_e
social_net_commit_publish(social_net_commit_t *c,
    const social_net_commit_known_t *known)
{
    int                     lock;
    size_t                  slot;
    struct stat             st;
    social_rc_e             rc;
    social_net_commit_rc_e  status;

    rc = social_net_disk_lock(c->disk, c->path, &lock);

    if (rc != SOCIAL_OK) {
        c->err = errno;
        return rc == SOCIAL_DECLINED ? SOCIAL_NET_COMMIT_BUSY
                                     : SOCIAL_NET_COMMIT_FAILED;
    }

    status = c->kind == SOCIAL_NET_COMMIT_OBJECT
             ? social_net_commit_locked(c, lock)
             : social_net_commit_of_upload(c);

    c->err = errno;

    social_net_disk_unlock(lock);

    if (status == SOCIAL_NET_COMMIT_FAILED
        && (c->err == ENOSPC || c->err == EDQUOT))
    {
        return SOCIAL_NET_COMMIT_FULL;
    }

    if (status != SOCIAL_NET_COMMIT_OK) {
        return status;
    }

    c->published = true;

    if (!c->known && fstat(c->dir, &st) == 0) {

        c->device = (uint64_t) st.st_dev;
        c->inode = (uint64_t) st.st_ino;

        slot = social_net_commit_slot(c);

        c->known = known->dirs[slot].device == c->device
                   && known->dirs[slot].inode == c->inode;
    }

    return SOCIAL_NET_COMMIT_OK;
}


static social_net_commit_rc_e
social_net_commit_locked(social_net_commit_t *c, int lock)
{
    bool                    found;
    unsigned                before;
    unsigned char           line[SOCIAL_STORE_INTENT_REPLACES];
    social_str_t            text;
    social_store_meta_t     old;
    social_net_commit_rc_e  rc;

    rc = social_net_commit_old(c, &old, &found);

    if (rc == SOCIAL_NET_COMMIT_OK) {
        rc = social_net_commit_conditions(c, found ? &old : NULL);
    }

    if (rc != SOCIAL_NET_COMMIT_OK) {
        return rc;
    }

    before = c->replaced;

    if (found) {
        social_net_commit_replace(c, &old);
    }

    /* what is replaced has to be in the intent before it is */

    if (c->replaced && c->intent == -1) {
        if (social_net_commit_intent(c) != SOCIAL_OK) {
            return SOCIAL_NET_COMMIT_FAILED;
        }

    } else if (c->replaced != before) {

        social_store_intent_replaces(c->replaces[before], line);

        text.data = line;
        text.len = sizeof(line);

        if (social_net_disk_write(c->intent, text) != SOCIAL_OK) {
            return SOCIAL_NET_COMMIT_FAILED;
        }
    }

    if (c->remove) {
        return social_net_commit_unname(c, lock, found ? old.seq : 0);
    }

    return social_net_commit_name(c, found) == SOCIAL_OK
           ? SOCIAL_NET_COMMIT_OK : SOCIAL_NET_COMMIT_FAILED;
}


/*
 * What is about to be removed has to be in an intent before.
 */

static social_net_commit_rc_e
social_net_commit_of_upload(social_net_commit_t *c)
{
    int                     upload;
    social_net_commit_rc_e  rc;

    if (c->kind == SOCIAL_NET_COMMIT_CREATE) {
        return social_net_upload_create(c);
    }

    rc = social_net_upload_lock(c->disk, c->path,
                                c->kind == SOCIAL_NET_COMMIT_PART
                                ? c->upload_id : c->meta.id,
                                c->kind == SOCIAL_NET_COMMIT_ABORT, &upload);

    if (rc != SOCIAL_NET_COMMIT_OK) {
        return rc;
    }

    if (c->kind == SOCIAL_NET_COMMIT_PART) {
        rc = social_net_upload_part(c);

    } else if (c->intent == -1 && social_net_commit_intent(c) != SOCIAL_OK) {
        rc = SOCIAL_NET_COMMIT_FAILED;

    } else {
        rc = social_net_upload_abort(c);
    }

    social_net_disk_unlock(upload);

    return rc;
}


/*
 * "old" is NULL if there is no object.
 */

static social_net_commit_rc_e
social_net_commit_conditions(social_net_commit_t *c,
    const social_store_meta_t *old)
{
    if (c->if_match.len) {

        if (old == NULL) {
            return SOCIAL_NET_COMMIT_ABSENT;
        }

        if (!social_store_meta_is(old, c->if_match)) {
            return SOCIAL_NET_COMMIT_REFUSED;
        }
    }

    if (c->if_none_match.len && old != NULL
        && social_store_meta_is(old, c->if_none_match))
    {
        return SOCIAL_NET_COMMIT_REFUSED;
    }

    if (!c->remove && old != NULL && old->seq > c->meta.seq) {
        return SOCIAL_NET_COMMIT_SUPERSEDED;
    }

    return SOCIAL_NET_COMMIT_OK;
}


static social_rc_e
social_net_commit_name(social_net_commit_t *c, bool replace)
{
    bool         made;
    char         path[SOCIAL_NET_DISK_PATH];
    const char  *name;
    social_rc_e  rc;

    snprintf(path, sizeof(path), "objects/%s", c->path);

    c->dir = social_net_disk_parent(c->disk, path, &name, &made);

    if (c->dir == -1) {
        return SOCIAL_FAILED;
    }

    rc = social_net_disk_link(c->disk, &c->file, c->dir, name, replace);

    /* something is there that is not metadata */

    if (rc != SOCIAL_OK && errno == EEXIST && !replace) {
        rc = social_net_disk_link(c->disk, &c->file, c->dir, name, true);
    }

    return rc;
}


/*
 * The next object of the key has to have a number above that of this one.
 */

static social_net_commit_rc_e
social_net_commit_unname(social_net_commit_t *c, int lock, int64_t seq)
{
    char         path[SOCIAL_NET_DISK_PATH];
    const char  *name;

    if (social_net_disk_note(lock, seq) != SOCIAL_OK) {
        return SOCIAL_NET_COMMIT_FAILED;
    }

    snprintf(path, sizeof(path), "objects/%s", c->path);

    c->dir = social_net_disk_parent(c->disk, path, &name, NULL);

    if (c->dir != -1 && unlinkat(c->dir, name, 0) == 0) {

        /* the directory is durable, since the object was */

        c->known = true;

        return SOCIAL_NET_COMMIT_OK;
    }

    return errno == ENOENT || errno == ENOTDIR ? SOCIAL_NET_COMMIT_ABSENT
                                               : SOCIAL_NET_COMMIT_FAILED;
}


static size_t
social_net_commit_slot(const social_net_commit_t *c)
{
    return (size_t) ((c->inode * 0x9e3779b97f4a7c15ULL >> 32)
                     % SOCIAL_NET_COMMIT_KNOWN);
}


social_rc_e
social_net_commit_sync_name(social_net_commit_t *c)
{
    if (fsync(c->dir) == -1) {
        c->err = errno;
        return SOCIAL_FAILED;
    }

    return SOCIAL_OK;
}


void
social_net_commit_synced(social_net_commit_t *c,
    social_net_commit_known_t *known, bool durable)
{
    size_t  slot;

    if (durable && !c->known && c->inode) {
        slot = social_net_commit_slot(c);
        known->dirs[slot].device = c->device;
        known->dirs[slot].inode = c->inode;
    }

    social_net_commit_close(c);
}


void
social_net_commit_durable(social_net_commit_t *c)
{
    if (c->upload != -1) {
        (void) social_net_upload_remove(c->disk, c->meta.id);
        close(c->upload);
        c->upload = -1;
        c->completed = true;
    }
}


bool
social_net_commit_unfinished(const social_net_commit_t *c)
{
    return c->intent != -1 && (c->replaced || c->completed || !c->announce);
}


void
social_net_commit_finish(social_net_commit_t *c)
{
    bool  own;

    own = c->completed || c->kind == SOCIAL_NET_COMMIT_ABORT;

    /* the first attempt may have failed: it is the intent's then */

    if (c->completed
        && social_net_upload_remove(c->disk, c->meta.id) != SOCIAL_OK)
    {
        return;
    }

    if (c->replaced || own) {

        if (social_net_intent_remove_data(c->disk, c->path,
                                          own ? c->meta.id : NULL,
                                          c->replaces, c->replaced)
            != SOCIAL_OK)
        {
            return;
        }

        c->replaced = 0;
        c->completed = false;
    }

    if (!c->announce) {
        social_net_commit_drop(c);
    }
}


void
social_net_commit_abort(social_net_commit_t *c)
{
    int          saved;
    social_rc_e  rc;

    saved = errno;
    rc = SOCIAL_OK;

    if (c->linked) {

        rc = social_net_intent_remove_data(c->disk, c->path, c->meta.id, NULL,
                                           0);
        c->linked = false;
    }

    if (rc == SOCIAL_OK) {
        social_net_commit_drop(c);
    }

    social_net_disk_discard(c->disk, &c->data);
    social_net_disk_discard(c->disk, &c->file);
    social_net_commit_free(c);

    errno = saved;
}


void
social_net_commit_announced(social_net_commit_t *c)
{
    c->announce = false;

    if (c->replaced || c->completed) {
        social_net_commit_finish(c);
        return;
    }

    social_net_commit_drop(c);
}


static void
social_net_commit_drop(social_net_commit_t *c)
{
    if (c->intent != -1) {
        social_net_intent_remove(c->disk, social_net_commit_intent_name(c),
                                 c->intent);
        c->intent = -1;
    }
}


/*
 * All but the intent.
 */

static void
social_net_commit_close(social_net_commit_t *c)
{
    if (c->dir != -1) {
        close(c->dir);
        c->dir = -1;
    }

    if (c->data.fd != -1) {
        close(c->data.fd);
        c->data.fd = -1;
    }

    if (c->file.fd != -1) {
        close(c->file.fd);
        c->file.fd = -1;
    }
}


void
social_net_commit_free(social_net_commit_t *c)
{
    social_net_commit_close(c);

    if (c->upload != -1) {
        close(c->upload);
        c->upload = -1;
    }

    if (c->intent != -1) {
        close(c->intent);
        c->intent = -1;
    }
}
