
/*
 * The embedded store on disk.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "social_net_disk_file.h"
#include "social_net_spool.h"


static social_rc_e social_net_disk_file(social_net_disk_put_t *put,
    const char *suffix, const char *to, social_str_t text);
static social_rc_e social_net_disk_commit_data(social_net_disk_put_t *put);
static social_rc_e social_net_disk_commit_meta(social_net_disk_put_t *put);
static social_s3_error_e social_net_disk_condition(
    const social_s3_condition_t *condition, bool exists,
    const social_store_meta_t *meta);


social_rc_e
social_net_disk_create(const char *root, const unsigned char *id, int *fd)
{
    char  path[SOCIAL_NET_DISK_PATH];

    if (social_net_disk_id_name(path, root, "tmp", id, "") != SOCIAL_OK) {
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
social_net_disk_commit(social_net_disk_put_t *put)
{
    int                  lock, saved;
    bool                 replaced;
    char                 name[SOCIAL_NET_DISK_PATH];
    social_rc_e          rc;
    unsigned char        buf[SOCIAL_STORE_META_SIZE];
    social_store_meta_t  old;

    put->refused = SOCIAL_S3_OK;

    if (social_net_disk_commit_data(put) != SOCIAL_OK) {
        saved = errno;
        social_net_disk_abort(put->root, put->id, put->fd);
        put->fd = -1;
        errno = saved;
        return SOCIAL_FAILED;
    }

    rc = SOCIAL_FAILED;
    replaced = false;

    lock = social_net_disk_lock(put->root, put->path);

    if (lock != -1) {
        replaced = (social_net_disk_meta(put->root, put->path, buf, &old)
                    == SOCIAL_OK);

        put->refused = social_net_disk_condition(&put->condition, replaced,
                                                 &old);

        if (put->refused == SOCIAL_S3_OK) {
            rc = social_net_disk_commit_meta(put);
        }
    }

    saved = errno;

    if (rc == SOCIAL_OK) {

        if (replaced
            && social_net_disk_data_name(name, put->root, old.id)
               == SOCIAL_OK)
        {
            unlink(name);
        }

    } else if (rc == SOCIAL_FAILED) {

        social_net_spool_remove(put->root, put->id);

        if (social_net_disk_data_name(name, put->root, put->id)
            == SOCIAL_OK)
        {
            unlink(name);
        }
    }

    /* otherwise it is there, but perhaps not for good: nothing is taken back */

    if (lock != -1) {
        social_net_disk_unlock(lock);
    }

    errno = saved;

    if (put->refused != SOCIAL_S3_OK) {
        return SOCIAL_DECLINED;
    }

    return rc == SOCIAL_OK ? SOCIAL_OK : SOCIAL_FAILED;
}


static social_s3_error_e
social_net_disk_condition(const social_s3_condition_t *condition, bool exists,
    const social_store_meta_t *meta)
{
    social_s3_version_t  version;

    memset(&version, 0, sizeof(version));

    if (exists) {
        version.exists = true;
        version.etag.data = meta->etag;
        version.etag.len = sizeof(meta->etag);
        version.modified = meta->modified;
    }

    return social_s3_condition_write(condition, &version);
}


static social_rc_e
social_net_disk_commit_data(social_net_disk_put_t *put)
{
    int   saved;
    char  from[SOCIAL_NET_DISK_PATH], to[SOCIAL_NET_DISK_PATH];

    if (social_net_disk_id_name(from, put->root, "tmp", put->id, "")
        != SOCIAL_OK
        || social_net_disk_data_name(to, put->root, put->id) != SOCIAL_OK
        || social_net_disk_directories(to, strlen(put->root), put->sync)
           != SOCIAL_OK
        || (put->sync && fsync(put->fd) == -1)
        || rename(from, to) == -1)
    {
        return SOCIAL_FAILED;
    }

    if (put->sync && social_net_disk_sync_directory(to) != SOCIAL_OK) {
        saved = errno;
        unlink(to);
        errno = saved;
        return SOCIAL_FAILED;
    }

    close(put->fd);
    put->fd = -1;

    return SOCIAL_OK;
}


/*
 * The announcement, then the metadata.  SOCIAL_DECLINED: it is committed, but
 * the last directory could not be synced.
 */

static social_rc_e
social_net_disk_commit_meta(social_net_disk_put_t *put)
{
    social_str_t   text;
    unsigned char  buf[SOCIAL_STORE_META_SIZE];

    if (put->announce.len
        && social_net_disk_file(put, ".s", "spool", put->announce)
           != SOCIAL_OK)
    {
        return SOCIAL_FAILED;
    }

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

    if (social_net_disk_id_name(from, put->root, "tmp", put->id, suffix)
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


void
social_net_disk_abort(const char *root, const unsigned char *id, int fd)
{
    char  path[SOCIAL_NET_DISK_PATH];

    if (fd != -1) {
        close(fd);
    }

    if (social_net_disk_id_name(path, root, "tmp", id, "") == SOCIAL_OK) {
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


social_rc_e
social_net_disk_remove(const char *root, const char *path,
    const social_s3_condition_t *condition, bool sync,
    social_s3_error_e *refused)
{
    int                  lock;
    char                 name[SOCIAL_NET_DISK_PATH];
    social_rc_e          rc;
    unsigned char        buf[SOCIAL_STORE_META_SIZE];
    social_store_meta_t  meta;

    *refused = SOCIAL_S3_OK;

    lock = social_net_disk_lock(root, path);
    if (lock == -1) {
        return SOCIAL_FAILED;
    }

    rc = social_net_disk_meta(root, path, buf, &meta);

    if (rc == SOCIAL_OK && condition) {
        *refused = social_net_disk_condition(condition, true, &meta);
    }

    if (*refused == SOCIAL_S3_OK
        && (rc == SOCIAL_OK || rc == SOCIAL_MALFORMED))
    {

        if (social_net_disk_name(name, root, "objects", path, strlen(path),
                                 "")
            != SOCIAL_OK
            || (unlink(name) == -1 && errno != ENOENT)
            || (sync && social_net_disk_sync_directory(name) != SOCIAL_OK))
        {
            social_net_disk_unlock(lock);
            return SOCIAL_FAILED;
        }

        if (rc == SOCIAL_OK
            && social_net_disk_data_name(name, root, meta.id) == SOCIAL_OK)
        {
            unlink(name);
        }

        rc = SOCIAL_OK;
    }

    social_net_disk_unlock(lock);

    return rc;
}
