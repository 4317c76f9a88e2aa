
/*
 * The directory of an embedded store, read without its server.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "social_encoding.h"
#include "social_net_disk_file.h"
#include "social_net_list.h"
#include "social_net_root.h"
#include "social_time.h"


#define SOCIAL_NET_ROOT_PIECE     65536
#define SOCIAL_NET_ROOT_MODIFIED  (sizeof("2026-01-01T00:00:00") - 1)

/* metadata is read again while the object is replaced */
#define SOCIAL_NET_ROOT_TRIES     10


typedef struct {
    social_buf_t            memory;
    social_s3_listing_t    *page;
} social_net_root_page_t;


static social_rc_e social_net_root_item(void *data, social_str_t key,
    const social_store_meta_t *meta);
static social_rc_e social_net_root_find(social_net_root_t *root,
    const char *path, unsigned char *buf, social_store_meta_t *meta, int *fd,
    int64_t *offset, char *error);
static bool social_net_root_describe(social_net_s3_whole_t *object,
    const social_store_meta_t *meta);
static void social_net_root_sha256(social_net_s3_whole_t *object,
    const social_store_meta_t *meta);
static social_rc_e social_net_root_bytes(int from, int64_t offset, int fd,
    social_net_s3_whole_t *object, char *error);
static social_rc_e social_net_root_copy(int from, int64_t offset, int fd,
    uint64_t size, social_digest_t *md5, social_sha256_t *sha256, char *error);


social_rc_e
social_net_root_init(social_net_root_t *root, const char *path,
    social_str_t prefix)
{
    char         objects[4096];
    struct stat  st;

    memset(root, 0, sizeof(social_net_root_t));

    if ((size_t) snprintf(objects, sizeof(objects), "%s/objects", path)
        >= sizeof(objects)
        || stat(objects, &st) == -1 || !S_ISDIR(st.st_mode))
    {
        return SOCIAL_DECLINED;
    }

    root->disk.path = path;
    atomic_init(&root->disk.root, -1);

    social_s3_list_start(&root->list, social_str(""));

    root->list.prefix = prefix;
    root->list.max_keys = SOCIAL_S3_LISTING_KEYS;

    return SOCIAL_OK;
}


social_rc_e
social_net_root_list(social_net_root_t *root, unsigned char *memory,
    social_s3_listing_t *page, unsigned *damaged, char *error)
{
    bool                     truncated;
    unsigned                 n;
    social_net_root_page_t   ctx;

    social_buf_init(&ctx.memory, memory, SOCIAL_S3_LISTING_SIZE);
    ctx.page = page;

    page->count = 0;
    page->token.len = 0;
    n = 0;

    if (social_net_list(root->disk.path, &root->list, social_net_root_item,
                        &ctx, &truncated, &n)
        != SOCIAL_OK)
    {
        snprintf(error, SOCIAL_NET_ERROR_SIZE, "%s", strerror(errno));
        return SOCIAL_FAILED;
    }

    page->truncated = truncated;
    *damaged += n;

    return SOCIAL_OK;
}


static social_rc_e
social_net_root_item(void *data, social_str_t key,
    const social_store_meta_t *meta)
{
    social_net_root_page_t  *ctx = data;

    size_t                     mark;
    unsigned char              time[SOCIAL_TIME_ISO_SIZE];
    social_str_t               text;
    social_s3_listing_item_t  *item;

    item = &ctx->page->items[ctx->page->count++];

    mark = ctx->memory.len;
    social_buf_put(&ctx->memory, key);
    item->key = social_buf_since(&ctx->memory, mark);

    mark = ctx->memory.len;
    text.data = meta->etag;
    text.len = sizeof(meta->etag);
    social_buf_put(&ctx->memory, text);

    if (meta->parts) {
        social_buf_byte(&ctx->memory, '-');
        social_buf_number(&ctx->memory, meta->parts);
    }

    item->etag = social_buf_since(&ctx->memory, mark);

    social_time_iso(meta->modified, time);

    mark = ctx->memory.len;
    text.data = time;
    text.len = SOCIAL_NET_ROOT_MODIFIED;
    social_buf_put(&ctx->memory, text);
    item->modified = social_buf_since(&ctx->memory, mark);

    item->size = (uint64_t) meta->size;

    return ctx->memory.rc;
}


social_rc_e
social_net_root_get(social_net_root_t *root, social_str_t key, int fd,
    social_net_s3_whole_t *object, char *error)
{
    int                    from;
    size_t                 len;
    int64_t                offset;
    social_rc_e            rc;
    unsigned char          path[SOCIAL_STORE_MAX_PATH];
    unsigned char          buf[SOCIAL_STORE_META_SIZE];
    social_store_meta_t    meta;

    object->status = 0;
    object->header_count = 0;
    object->len = 0;
    object->overflow = false;
    object->sha256.len = 0;

    if (social_store_path(key, path, &len) != SOCIAL_OK) {
        snprintf(error, SOCIAL_NET_ERROR_SIZE, "it cannot be a key");
        return SOCIAL_FAILED;
    }

    rc = social_net_root_find(root, (const char *) path, buf, &meta, &from,
                              &offset, error);
    if (rc != SOCIAL_OK) {
        return rc;
    }

    object->size = (uint64_t) meta.size;

    if (social_net_root_describe(object, &meta)) {
        rc = social_net_root_bytes(from, offset, fd, object, error);

    } else {
        snprintf(error, SOCIAL_NET_ERROR_SIZE,
                 "its headers are more than can be kept");
        rc = SOCIAL_FAILED;
    }

    close(from);

    return rc;
}


/*
 * As social_net_disk_open(), for what is not in parts.
 */

static social_rc_e
social_net_root_find(social_net_root_t *root, const char *path,
    unsigned char *buf, social_store_meta_t *meta, int *fd, int64_t *offset,
    char *error)
{
    int          tries;
    char         name[SOCIAL_NET_DISK_PATH];
    size_t       len;
    social_rc_e  rc;

    for (tries = 0; tries < SOCIAL_NET_ROOT_TRIES; tries++) {

        rc = social_net_disk_meta(&root->disk, path, buf,
                                  SOCIAL_STORE_META_SIZE, &len, meta, fd);

        if (rc == SOCIAL_DECLINED) {
            return SOCIAL_DECLINED;
        }

        if (rc != SOCIAL_OK) {
            snprintf(error, SOCIAL_NET_ERROR_SIZE, "%s",
                     rc == SOCIAL_FAILED ? strerror(errno)
                                         : "its metadata is damaged");
            return SOCIAL_FAILED;
        }

        if (meta->place == SOCIAL_STORE_INLINE) {
            *offset = (int64_t) meta->length;
            return SOCIAL_OK;
        }

        close(*fd);

        if (meta->place != SOCIAL_STORE_FILE) {
            snprintf(error, SOCIAL_NET_ERROR_SIZE,
                     "it was put in parts: copy it by the server of the store");
            return SOCIAL_FAILED;
        }

        social_net_disk_data_name(name, meta->id);
        *fd = social_net_disk_open_at(&root->disk, name, O_RDONLY, 0);
        *offset = 0;

        if (*fd != -1) {
            return SOCIAL_OK;
        }

        if (errno != ENOENT) {
            break;
        }
    }

    snprintf(error, SOCIAL_NET_ERROR_SIZE, "its bytes: %s", strerror(errno));

    return SOCIAL_FAILED;
}


static bool
social_net_root_describe(social_net_s3_whole_t *object,
    const social_store_meta_t *meta)
{
    social_str_t            block, name, value;
    social_sigv4_header_t  *header;

    value.data = meta->etag;
    value.len = sizeof(meta->etag);
    object->etag = social_net_s3_whole_keep(object, value);

    if (meta->type.len) {
        header = &object->headers[object->header_count++];
        header->name = social_str("content-type");
        header->value = social_net_s3_whole_keep(object, meta->type);
    }

    block = meta->headers;

    while (social_store_meta_next(&block, &name, &value)) {

        if (object->header_count + 1 > SOCIAL_NET_S3_HEADERS - 1) {
            return false;
        }

        if (value.len == 0) {
            continue;
        }

        header = &object->headers[object->header_count++];
        header->name = social_net_s3_whole_keep(object, name);
        header->value = social_net_s3_whole_keep(object, value);
    }

    social_net_root_sha256(object, meta);

    return !object->overflow;
}


/*
 * "sha256 VALUE full"
 */

static void
social_net_root_sha256(social_net_s3_whole_t *object,
    const social_store_meta_t *meta)
{
    social_str_t  block, name, value, text;

    block = meta->checksums;

    while (social_store_meta_next(&block, &name, &value)) {

        if (social_str_caseeq(name, social_str("sha256"))
            && social_str_next(&value, " ", &text)
            && social_str_eq(social_str_trim(value), social_str("full")))
        {
            object->sha256 = social_net_s3_whole_keep(object, text);
        }
    }
}


static social_rc_e
social_net_root_bytes(int from, int64_t offset, int fd,
    social_net_s3_whole_t *object, char *error)
{
    social_rc_e       rc;
    social_str_t      raw, etag;
    unsigned char     hex[social_hex_size(SOCIAL_MD5_SIZE)];
    social_digest_t  *md5;
    social_sha256_t  *sha256;

    md5 = social_digest_create(SOCIAL_DIGEST_MD5);
    sha256 = social_sha256_create();

    rc = SOCIAL_FAILED;

    if (md5 == NULL || sha256 == NULL) {
        snprintf(error, SOCIAL_NET_ERROR_SIZE, "out of memory");

    } else {
        rc = social_net_root_copy(from, offset, fd, object->size, md5, sha256,
                                  error);
    }

    if (rc == SOCIAL_OK
        && (social_digest_final(md5, object->md5_digest) != SOCIAL_OK
            || social_sha256_final(sha256, object->sha256_digest)
               != SOCIAL_OK))
    {
        snprintf(error, SOCIAL_NET_ERROR_SIZE, "no digest could be made");
        rc = SOCIAL_FAILED;
    }

    social_digest_destroy(md5);
    social_sha256_destroy(sha256);

    if (rc != SOCIAL_OK) {
        return rc;
    }

    raw.data = object->md5_digest;
    raw.len = SOCIAL_MD5_SIZE;
    social_hex_encode(raw, hex);

    etag.data = hex;
    etag.len = sizeof(hex);

    if (!social_str_eq(etag, object->etag)) {
        snprintf(error, SOCIAL_NET_ERROR_SIZE,
                 "its bytes are not those of its MD5");
        return SOCIAL_FAILED;
    }

    object->status = 200;

    return SOCIAL_OK;
}


static social_rc_e
social_net_root_copy(int from, int64_t offset, int fd, uint64_t size,
    social_digest_t *md5, social_sha256_t *sha256, char *error)
{
    size_t          piece;
    ssize_t         n;
    social_str_t    bytes;
    unsigned char   buf[SOCIAL_NET_ROOT_PIECE];

    while (size) {

        piece = size < sizeof(buf) ? (size_t) size : sizeof(buf);
        n = pread(from, buf, piece, (off_t) offset);

        if (n <= 0) {
            snprintf(error, SOCIAL_NET_ERROR_SIZE, "%s",
                     n == -1 ? strerror(errno) : "its bytes are cut off");
            return SOCIAL_FAILED;
        }

        bytes.data = buf;
        bytes.len = (size_t) n;

        if (social_digest_update(md5, bytes) != SOCIAL_OK
            || social_sha256_update(sha256, bytes) != SOCIAL_OK)
        {
            snprintf(error, SOCIAL_NET_ERROR_SIZE, "no digest could be made");
            return SOCIAL_FAILED;
        }

        if (fd != -1 && social_net_disk_write(fd, bytes) != SOCIAL_OK) {
            snprintf(error, SOCIAL_NET_ERROR_SIZE, "%s", strerror(errno));
            return SOCIAL_FAILED;
        }

        offset += n;
        size -= (uint64_t) n;
    }

    return SOCIAL_OK;
}
