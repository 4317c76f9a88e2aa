
/*
 * The embedded store on disk: lists of uploads in parts and of their parts, and
 * the end of those that nobody completes.
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
#include <sys/stat.h>
#include <unistd.h>

#include "social_crypto.h"
#include "social_net_disk_file.h"
#include "social_net_parts.h"
#include "social_net_upload.h"
#include "social_s3_list.h"


/* the first ones in order */

typedef struct {
    social_str_t            prefix;
    social_str_t            delimiter;
    social_str_t            key;
    social_str_t            id;
    unsigned                max;         /* that are kept */
    unsigned                count;
    bool                    more;        /* than those */
    social_net_upload_t   **uploads;
} social_net_uploads_t;


static DIR *social_net_uploads_open(social_net_disk_t *disk);
static bool social_net_uploads_load(int dir, const char *name,
    social_net_upload_t *upload);
static bool social_net_uploads_wants(const social_net_uploads_t *page,
    const social_net_upload_t *upload);
static social_str_t social_net_uploads_common(
    const social_net_uploads_t *page, social_str_t key);
static int social_net_uploads_order(const social_net_upload_t *upload,
    social_str_t key, social_str_t id);
static social_rc_e social_net_uploads_keep(social_net_uploads_t *page,
    const social_net_upload_t *upload);
static bool social_net_upload_expired(social_net_disk_t *disk,
    const social_store_upload_t *upload);
static int social_net_upload_compare(const void *a, const void *b);


social_rc_e
social_net_upload_parts(social_net_disk_t *disk, const unsigned char *id,
    unsigned after, unsigned max, social_net_upload_part_pt callback,
    void *data, bool *truncated)
{
    int                   fd, dir;
    DIR                  *stream;
    char                 *end;
    unsigned              i, n, taken, *numbers;
    social_rc_e           rc;
    unsigned char         buf[SOCIAL_STORE_NOTE_SIZE];
    unsigned long         number;
    struct dirent        *entry;
    social_store_note_t   note;

    *truncated = false;

    dir = social_net_parts_open(disk, id, false);

    if (dir == -1) {
        return errno == ENOENT ? SOCIAL_OK : SOCIAL_FAILED;
    }

    fd = dup(dir);
    stream = fd == -1 ? NULL : fdopendir(fd);
    numbers = calloc(SOCIAL_STORE_MAX_PARTS, sizeof(unsigned));

    if (stream == NULL || numbers == NULL) {

        if (stream) {
            closedir(stream);

        } else if (fd != -1) {
            close(fd);
        }

        free(numbers);
        close(dir);
        errno = ENOMEM;
        return SOCIAL_FAILED;
    }

    n = 0;

    while (n < SOCIAL_STORE_MAX_PARTS && (entry = readdir(stream)) != NULL) {

        number = strtoul(entry->d_name, &end, 10);

        if (*end == '\0' && number > after && number <= SOCIAL_STORE_MAX_PARTS)
        {
            numbers[n++] = (unsigned) number;
        }
    }

    closedir(stream);

    qsort(numbers, n, sizeof(unsigned), social_net_upload_compare);

    rc = SOCIAL_OK;
    taken = 0;

    for (i = 0; i < n && rc == SOCIAL_OK; i++) {

        if (taken == max) {
            *truncated = (max != 0);
            break;
        }

        rc = social_net_part_note(dir, numbers[i], buf, &note);

        if (rc == SOCIAL_OK) {
            rc = callback(data, numbers[i], &note);
            taken++;

        } else if (rc != SOCIAL_FAILED) {

            /* it cannot be a part of anything */

            rc = SOCIAL_OK;
        }
    }

    free(numbers);
    social_net_disk_unlock(dir);

    return rc;
}


static int
social_net_upload_compare(const void *a, const void *b)
{
    const unsigned  *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}


social_rc_e
social_net_uploads(social_net_disk_t *disk, social_str_t prefix,
    social_str_t delimiter, social_str_t key, social_str_t id, unsigned max,
    social_net_upload_pt callback, void *data, bool *truncated)
{
    DIR                   *stream;
    unsigned               i;
    social_rc_e            rc;
    struct dirent         *entry;
    social_net_upload_t    upload;
    social_net_uploads_t   page;

    *truncated = false;

    if (max == 0) {
        return SOCIAL_OK;
    }

    memset(&page, 0, sizeof(page));

    page.prefix = prefix;
    page.delimiter = delimiter;
    page.key = key;
    page.id = id;
    page.max = max;
    page.uploads = calloc(max, sizeof(social_net_upload_t *));

    stream = social_net_uploads_open(disk);

    if (stream == NULL || page.uploads == NULL) {

        if (stream) {
            closedir(stream);
        }

        free(page.uploads);
        return SOCIAL_FAILED;
    }

    rc = SOCIAL_OK;

    while (rc == SOCIAL_OK && (entry = readdir(stream)) != NULL) {

        if (!social_net_uploads_load(dirfd(stream), entry->d_name, &upload)) {
            continue;
        }

        upload.common = social_net_uploads_common(&page, upload.upload.key);

        if (social_net_uploads_wants(&page, &upload)) {
            rc = social_net_uploads_keep(&page, &upload);
        }
    }

    closedir(stream);

    for (i = 0; i < page.count; i++) {

        if (rc == SOCIAL_OK) {
            rc = callback(data, &page.uploads[i]->upload,
                          page.uploads[i]->common);
        }

        free(page.uploads[i]);
    }

    free(page.uploads);

    *truncated = page.more;

    return rc;
}


static DIR *
social_net_uploads_open(social_net_disk_t *disk)
{
    int   fd;
    DIR  *stream;

    fd = social_net_disk_open_at(disk, "uploads", O_RDONLY|O_DIRECTORY, 0);
    stream = fd == -1 ? NULL : fdopendir(fd);

    if (stream == NULL && fd != -1) {
        social_net_disk_unlock(fd);
    }

    return stream;
}


static bool
social_net_uploads_load(int dir, const char *name,
    social_net_upload_t *upload)
{
    int           fd;
    ssize_t       n;
    social_str_t  text;

    if (strlen(name) != SOCIAL_STORE_ID_SIZE) {
        return false;
    }

    fd = openat(dir, name, O_RDONLY|O_NONBLOCK|O_CLOEXEC|O_NOFOLLOW);

    if (fd == -1) {
        return false;
    }

    n = read(fd, upload->text, sizeof(upload->text));

    close(fd);

    text.data = upload->text;
    text.len = n == -1 ? 0 : (size_t) n;

    return social_store_upload_read(text, &upload->upload) == SOCIAL_OK
           && memcmp(upload->upload.id, name, SOCIAL_STORE_ID_SIZE) == 0;
}


static bool
social_net_uploads_wants(const social_net_uploads_t *page,
    const social_net_upload_t *upload)
{
    int  order;

    if (!social_str_starts(upload->upload.key, page->prefix)) {
        return false;
    }

    if (page->key.len == 0) {
        return true;
    }

    /* a marker that is a common prefix has all of its keys behind it */

    if (upload->common.len) {
        return !social_str_eq(upload->common, page->key)
               && social_s3_key_compare(upload->upload.key, page->key) > 0;
    }

    order = page->id.len ? social_net_uploads_order(upload, page->key,
                                                    page->id)
                         : social_s3_key_compare(upload->upload.key,
                                                 page->key);

    return order > 0;
}


static social_str_t
social_net_uploads_common(const social_net_uploads_t *page, social_str_t key)
{
    size_t        i;
    social_str_t  common;

    common.data = key.data;
    common.len = 0;

    if (page->delimiter.len == 0) {
        return common;
    }

    for (i = page->prefix.len; i + page->delimiter.len <= key.len; i++) {

        if (memcmp(key.data + i, page->delimiter.data, page->delimiter.len)
            == 0)
        {
            common.len = i + page->delimiter.len;
            break;
        }
    }

    return common;
}


/*
 * What stands for several is in the list once, whatever their IDs.
 */

static int
social_net_uploads_order(const social_net_upload_t *upload,
    social_str_t key, social_str_t id)
{
    int           order;
    social_str_t  ours;

    order = social_s3_key_compare(upload->common.len ? upload->common
                                                     : upload->upload.key,
                                  key);

    if (order != 0 || upload->common.len) {
        return order;
    }

    ours.data = upload->upload.id;
    ours.len = sizeof(upload->upload.id);

    return social_s3_key_compare(ours, id);
}


/*
 * At its place; if there is no room, the last one goes.
 */

static social_rc_e
social_net_uploads_keep(social_net_uploads_t *page,
    const social_net_upload_t *upload)
{
    unsigned              low, high, middle;
    social_str_t          id, key, text;
    social_net_upload_t  *copy;

    id.data = upload->upload.id;
    id.len = sizeof(upload->upload.id);

    key = upload->common.len ? upload->common : upload->upload.key;

    low = 0;
    high = page->count;

    while (low < high) {

        middle = low + (high - low) / 2;

        if (social_net_uploads_order(page->uploads[middle], key, id) < 0) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    if (upload->common.len && low < page->count
        && social_str_eq(page->uploads[low]->common, key))
    {
        return SOCIAL_OK;
    }

    if (page->count == page->max) {

        page->more = true;

        if (low == page->max) {
            return SOCIAL_OK;
        }

        copy = page->uploads[--page->count];

    } else {
        copy = malloc(sizeof(social_net_upload_t));

        if (copy == NULL) {
            return SOCIAL_FAILED;
        }
    }

    memcpy(copy->text, upload->text, sizeof(copy->text));

    text.data = copy->text;
    text.len = (size_t) (upload->upload.headers.data
                         + upload->upload.headers.len - upload->text)
               + sizeof("end\n") - 1;

    (void) social_store_upload_read(text, &copy->upload);

    copy->common.data = copy->upload.key.data;
    copy->common.len = upload->common.len;

    memmove(&page->uploads[low + 1], &page->uploads[low],
            (page->count - low) * sizeof(social_net_upload_t *));

    page->uploads[low] = copy;
    page->count++;

    return SOCIAL_OK;
}


unsigned
social_net_upload_expire(social_net_disk_t *disk, int64_t before)
{
    DIR                  *stream;
    unsigned              n;
    struct stat           st;
    struct dirent        *entry;
    social_net_upload_t   upload;

    stream = social_net_uploads_open(disk);

    if (stream == NULL) {
        return 0;
    }

    n = 0;

    while ((entry = readdir(stream)) != NULL) {

        if (fstatat(dirfd(stream), entry->d_name, &st, AT_SYMLINK_NOFOLLOW)
            == 0
            && S_ISREG(st.st_mode) && (int64_t) st.st_mtime < before
            && social_net_uploads_load(dirfd(stream), entry->d_name, &upload)
            && upload.upload.created < before)
        {
            n += social_net_upload_expired(disk, &upload.upload);
        }
    }

    closedir(stream);

    return n;
}


/*
 * As a client would abort it.
 */

static bool
social_net_upload_expired(social_net_disk_t *disk,
    const social_store_upload_t *upload)
{
    size_t                     i, len;
    unsigned char              path[SOCIAL_STORE_MAX_PATH];
    unsigned char              name[SOCIAL_STORE_ID_SIZE / 2];
    social_net_commit_t        c;
    social_net_commit_known_t  known;
    static const char          digits[] = "0123456789abcdef";

    if (social_store_path(upload->key, path, &len) != SOCIAL_OK
        || social_random(name, sizeof(name)) != SOCIAL_OK)
    {
        return false;
    }

    memset(&c, 0, sizeof(c));
    memset(&known, 0, sizeof(known));

    social_net_commit_init(&c, disk);

    c.kind = SOCIAL_NET_COMMIT_ABORT;
    c.remove = true;
    c.key = upload->key;
    c.path = (char *) path;
    memcpy(c.meta.id, upload->id, SOCIAL_STORE_ID_SIZE);

    for (i = 0; i < sizeof(name); i++) {
        c.name[2 * i] = (unsigned char) digits[name[i] >> 4];
        c.name[2 * i + 1] = (unsigned char) digits[name[i] & 0xf];
    }

    if (social_net_commit_publish(&c, &known) != SOCIAL_NET_COMMIT_OK) {
        social_net_commit_abort(&c);
        return false;
    }

    if (!disk->sync || social_net_commit_sync_name(&c) == SOCIAL_OK) {
        social_net_commit_synced(&c, &known, false);
        social_net_commit_finish(&c);
    }

    social_net_commit_free(&c);

    return true;
}
