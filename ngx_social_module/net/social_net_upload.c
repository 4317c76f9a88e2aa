
/*
 * The embedded store on disk: uploads in parts.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "social_crypto.h"
#include "social_net_disk_file.h"
#include "social_net_parts.h"
#include "social_net_upload.h"


/* what is computed of all parts */

typedef struct {
    social_digest_t          *md5;
    social_s3_summer_t       *summer;      /* of the checksums of the parts */
    social_s3_checksum_e      algorithm;   /* the upload's */
    bool                      full;
    bool                      begun;
    unsigned char             crc[SOCIAL_S3_CHECKSUM_MAX];
} social_net_upload_sums_t;


static void social_net_upload_check_parts(int dir,
    const social_s3_complete_t *list, unsigned char *records,
    social_net_upload_sums_t *sums, social_net_complete_t *complete);
static social_s3_error_e social_net_upload_check_part(
    const social_s3_complete_part_t *part, const social_store_note_t *note,
    bool last);
static social_rc_e social_net_upload_add(social_net_upload_sums_t *sums,
    const social_store_note_t *note);
static unsigned social_net_upload_digit(unsigned char ch);
static social_rc_e social_net_upload_total(social_net_upload_sums_t *sums,
    social_net_complete_t *complete);
static bool social_net_upload_was_completed(social_net_disk_t *disk,
    const char *path, const unsigned char *id);


social_net_commit_rc_e
social_net_upload_read(social_net_disk_t *disk, const unsigned char *id,
    social_str_t key, const char *path, social_net_upload_t *upload)
{
    int           fd;
    char          name[SOCIAL_NET_DISK_PATH];
    ssize_t       n;
    social_str_t  text;

    social_net_disk_name(name, "uploads", id, 0);

    fd = social_net_disk_open_at(disk, name, O_RDONLY|O_NONBLOCK, 0);

    if (fd == -1) {
        return errno == ENOENT ? SOCIAL_NET_COMMIT_NO_UPLOAD
                               : SOCIAL_NET_COMMIT_FAILED;
    }

    n = read(fd, upload->text, sizeof(upload->text));

    social_net_disk_unlock(fd);

    if (n == -1) {
        return SOCIAL_NET_COMMIT_FAILED;
    }

    text.data = upload->text;
    text.len = (size_t) n;

    /* one that is damaged cannot be completed */

    if (social_store_upload_read(text, &upload->upload) != SOCIAL_OK
        || !social_str_eq(upload->upload.key, key)
        || memcmp(upload->upload.id, id, SOCIAL_STORE_ID_SIZE) != 0
        || social_net_upload_was_completed(disk, path, id))
    {
        return SOCIAL_NET_COMMIT_NO_UPLOAD;
    }

    return SOCIAL_NET_COMMIT_OK;
}


/*
 * Its process may have died before it noted that.
 */

static bool
social_net_upload_was_completed(social_net_disk_t *disk, const char *path,
    const unsigned char *id)
{
    size_t               len;
    unsigned char        buf[SOCIAL_STORE_META_SIZE];
    social_store_meta_t  meta;

    return social_net_disk_meta(disk, path, buf, sizeof(buf), &len, &meta,
                                NULL)
           == SOCIAL_OK
           && memcmp(meta.id, id, SOCIAL_STORE_ID_SIZE) == 0;
}


social_net_commit_rc_e
social_net_upload_lock(social_net_disk_t *disk, const char *path,
    const unsigned char *id, bool exclusive, int *fd)
{
    int          file;
    char         name[SOCIAL_NET_DISK_PATH];
    struct stat  st;

    *fd = -1;

    social_net_disk_name(name, "uploads", id, 0);

    file = social_net_disk_open_at(disk, name, O_RDONLY|O_NONBLOCK, 0);

    if (file == -1) {
        return errno == ENOENT ? SOCIAL_NET_COMMIT_NO_UPLOAD
                               : SOCIAL_NET_COMMIT_FAILED;
    }

    if (flock(file, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) == -1) {
        social_net_disk_unlock(file);
        return errno == EWOULDBLOCK || errno == EINTR
               ? SOCIAL_NET_COMMIT_BUSY : SOCIAL_NET_COMMIT_FAILED;
    }

    /* it may have gone since it was opened */

    if (fstat(file, &st) == -1 || st.st_nlink == 0
        || social_net_upload_was_completed(disk, path, id))
    {
        close(file);
        return SOCIAL_NET_COMMIT_NO_UPLOAD;
    }

    *fd = file;

    return SOCIAL_NET_COMMIT_OK;
}


social_rc_e
social_net_upload_exists(social_net_disk_t *disk, const unsigned char *id)
{
    int   fd;
    char  name[SOCIAL_NET_DISK_PATH];

    social_net_disk_name(name, "uploads", id, 0);

    fd = social_net_disk_open_at(disk, name, O_PATH, 0);

    if (fd == -1) {
        return errno == ENOENT ? SOCIAL_DECLINED : SOCIAL_FAILED;
    }

    close(fd);

    return SOCIAL_OK;
}


social_rc_e
social_net_upload_remove(social_net_disk_t *disk, const unsigned char *id)
{
    char  name[SOCIAL_NET_DISK_PATH];

    social_net_disk_name(name, "uploads", id, 0);

    return social_net_disk_unlink(disk, name) == SOCIAL_FAILED
           ? SOCIAL_FAILED : SOCIAL_OK;
}


void
social_net_upload_check(social_net_disk_t *disk,
    const social_store_upload_t *upload, const social_s3_complete_t *list,
    unsigned char *records, social_net_complete_t *complete)
{
    int                       dir;
    social_net_upload_sums_t  sums;

    memset(&sums, 0, sizeof(sums));

    complete->error = SOCIAL_S3_INTERNAL_ERROR;
    complete->number = 0;
    complete->size = 0;
    complete->has_whole = false;

    sums.algorithm = social_s3_checksum_by_name(upload->algorithm);
    sums.full = upload->full;
    sums.md5 = social_digest_create(SOCIAL_DIGEST_MD5);

    if (sums.algorithm != SOCIAL_S3_CHECKSUM_NONE && !sums.full) {
        sums.summer = social_s3_summer_create(sums.algorithm);
    }

    dir = social_net_parts_open(disk, upload->id, false);

    if (dir == -1) {
        complete->err = errno;
        complete->number = list->parts[0].number;
        complete->error = errno == ENOENT ? SOCIAL_S3_INVALID_PART
                                          : SOCIAL_S3_SERVICE_UNAVAILABLE;

    } else {

        if (sums.md5
            && (sums.summer || sums.full
                || sums.algorithm == SOCIAL_S3_CHECKSUM_NONE))
        {
            social_net_upload_check_parts(dir, list, records, &sums, complete);
        }

        close(dir);
    }

    social_digest_destroy(sums.md5);
    social_s3_summer_destroy(sums.summer);
}


static void
social_net_upload_check_parts(int dir, const social_s3_complete_t *list,
    unsigned char *records, social_net_upload_sums_t *sums,
    social_net_complete_t *complete)
{
    size_t                            i;
    social_rc_e                       rc;
    unsigned char                     buf[SOCIAL_STORE_NOTE_SIZE];
    social_store_note_t               note;
    social_store_part_t               record;
    const social_s3_complete_part_t  *part;

    for (i = 0; i < list->count; i++) {

        part = &list->parts[i];
        complete->number = part->number;

        rc = social_net_part_note(dir, part->number, buf, &note);

        if (rc == SOCIAL_FAILED) {
            complete->err = errno;
            complete->error = SOCIAL_S3_SERVICE_UNAVAILABLE;
            return;
        }

        complete->error = rc == SOCIAL_OK
                          ? social_net_upload_check_part(part, &note,
                                                         i + 1 == list->count)
                          : SOCIAL_S3_INVALID_PART;

        if (complete->error != SOCIAL_S3_OK) {
            return;
        }

        if (note.size > complete->max_size - complete->size) {
            complete->error = SOCIAL_S3_ENTITY_TOO_LARGE;
            return;
        }

        record.number = part->number;
        memcpy(record.etag, note.etag, sizeof(record.etag));
        record.offset = complete->size;
        record.size = note.size;
        record.checksum = note.checksum;

        if (social_store_part_write(&record, records
                                             + i * SOCIAL_STORE_PART_SIZE)
            != SOCIAL_OK
            || social_net_upload_add(sums, &note) != SOCIAL_OK)
        {
            complete->error = SOCIAL_S3_INTERNAL_ERROR;
            return;
        }

        complete->size += note.size;
    }

    complete->error = social_net_upload_total(sums, complete) == SOCIAL_OK
                      ? SOCIAL_S3_OK : SOCIAL_S3_INTERNAL_ERROR;
}


static social_s3_error_e
social_net_upload_check_part(const social_s3_complete_part_t *part,
    const social_store_note_t *note, bool last)
{
    social_str_t   text;
    unsigned char  buf[SOCIAL_S3_CHECKSUM_TEXT];

    if (!part->has_etag
        || memcmp(part->etag, note->etag, sizeof(note->etag)) != 0)
    {
        return SOCIAL_S3_INVALID_PART;
    }

    if (part->algorithm != SOCIAL_S3_CHECKSUM_NONE) {

        text.data = buf;
        text.len = social_s3_checksum_write(part->algorithm, part->value, buf);

        if (social_s3_checksum_by_name(note->algorithm) != part->algorithm
            || !social_str_eq(note->checksum, text))
        {
            return SOCIAL_S3_INVALID_PART;
        }
    }

    return note->size < SOCIAL_NET_UPLOAD_MIN_PART && !last
           ? SOCIAL_S3_ENTITY_TOO_SMALL : SOCIAL_S3_OK;
}


static social_rc_e
social_net_upload_add(social_net_upload_sums_t *sums,
    const social_store_note_t *note)
{
    unsigned       i;
    social_str_t   text;
    unsigned char  md5[SOCIAL_MD5_SIZE], value[SOCIAL_S3_CHECKSUM_MAX];

    for (i = 0; i < SOCIAL_MD5_SIZE; i++) {
        md5[i] = (unsigned char)
                 (social_net_upload_digit(note->etag[2 * i]) << 4
                  | social_net_upload_digit(note->etag[2 * i + 1]));
    }

    text.data = md5;
    text.len = sizeof(md5);

    if (social_digest_update(sums->md5, text) != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    if (sums->algorithm == SOCIAL_S3_CHECKSUM_NONE) {
        return SOCIAL_OK;
    }

    if (social_s3_checksum_by_name(note->algorithm) != sums->algorithm
        || social_s3_checksum_read(sums->algorithm, note->checksum, value)
           != SOCIAL_OK)
    {
        return SOCIAL_FAILED;
    }

    if (sums->summer) {
        text.data = value;
        text.len = social_s3_checksum_size(sums->algorithm);
        return social_s3_summer_update(sums->summer, text);
    }

    if (!sums->begun) {
        memcpy(sums->crc, value, sizeof(value));
        sums->begun = true;
        return SOCIAL_OK;
    }

    return social_s3_checksum_combine(sums->algorithm, sums->crc, value,
                                      (uint64_t) note->size);
}


static unsigned
social_net_upload_digit(unsigned char ch)
{
    return ch <= '9' ? (unsigned) (ch - '0') : (unsigned) (ch - 'a' + 10);
}


static social_rc_e
social_net_upload_total(social_net_upload_sums_t *sums,
    social_net_complete_t *complete)
{
    unsigned           i;
    unsigned char      md5[SOCIAL_MD5_SIZE];
    static const char  digits[] = "0123456789abcdef";

    if (social_digest_final(sums->md5, md5) != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    for (i = 0; i < SOCIAL_MD5_SIZE; i++) {
        complete->etag[2 * i] = (unsigned char) digits[md5[i] >> 4];
        complete->etag[2 * i + 1] = (unsigned char) digits[md5[i] & 0xf];
    }

    if (sums->algorithm == SOCIAL_S3_CHECKSUM_NONE) {
        return SOCIAL_OK;
    }

    complete->has_whole = true;
    complete->whole.algorithm = sums->algorithm;

    if (sums->summer) {
        return social_s3_summer_final(sums->summer, complete->whole.value);
    }

    memcpy(complete->whole.value, sums->crc, sizeof(sums->crc));

    return SOCIAL_OK;
}


social_net_commit_rc_e
social_net_upload_create(social_net_commit_t *c)
{
    char         path[SOCIAL_NET_DISK_PATH];
    const char  *name;

    social_net_disk_name(path, "uploads", c->meta.id, 0);

    c->dir = social_net_disk_parent(c->disk, path, &name, NULL);

    /* the directory has been there since the root was opened */

    c->known = true;

    return c->dir != -1
           && social_net_disk_link(c->disk, &c->file, c->dir, name, false)
              == SOCIAL_OK
           ? SOCIAL_NET_COMMIT_OK : SOCIAL_NET_COMMIT_FAILED;
}


/*
 * It takes the place of one with its number.
 */

social_net_commit_rc_e
social_net_upload_part(social_net_commit_t *c)
{
    char  name[sizeof("10000")];

    c->dir = social_net_parts_open(c->disk, c->upload_id, true);

    snprintf(name, sizeof(name), "%u", c->part % 100000);

    return c->dir != -1
           && social_net_disk_link(c->disk, &c->data, c->dir, name, true)
              == SOCIAL_OK
           ? SOCIAL_NET_COMMIT_OK : SOCIAL_NET_COMMIT_FAILED;
}


social_net_commit_rc_e
social_net_upload_abort(social_net_commit_t *c)
{
    char         path[SOCIAL_NET_DISK_PATH];
    const char  *name;

    social_net_disk_name(path, "uploads", c->meta.id, 0);

    c->dir = social_net_disk_parent(c->disk, path, &name, NULL);
    c->known = true;

    return c->dir != -1 && unlinkat(c->dir, name, 0) == 0
           ? SOCIAL_NET_COMMIT_OK : SOCIAL_NET_COMMIT_FAILED;
}
