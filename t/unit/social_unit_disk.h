
/*
 * An embedded store in a directory of the test's own, and commits to it.
 */

#ifndef SOCIAL_UNIT_DISK_H
#define SOCIAL_UNIT_DISK_H


#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "social_unit.h"
#include "social_net_commit.h"


static char               root[] = "/tmp/social-disk-XXXXXX";
static social_net_disk_t  disk;
static bool               named;       /* no files without names */


static inline int
remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void) st;
    (void) type;
    (void) f;

    return remove(path);
}


static unsigned  counted;


static inline int
count_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void) path;
    (void) st;
    (void) f;

    counted += (type == FTW_F);

    return 0;
}


/* the files below a directory of the root */

static inline unsigned
files(const char *folder)
{
    char  path[128];

    snprintf(path, sizeof(path), "%s/%s", root, folder);
    counted = 0;
    nftw(path, count_one, 16, FTW_PHYS);

    return counted;
}


static inline int
setup(void **state)
{
    (void) state;

    strcpy(root + strlen(root) - 6, "XXXXXX");

    if (mkdtemp(root) == NULL) {
        return 1;
    }

    disk.path = root;
    disk.sync = true;
    disk.min_free = 0;
    atomic_store(&disk.root, -1);

    /* what has to be there is made at the first use */

    if (social_net_disk_sync(&disk) != SOCIAL_OK) {
        return 1;
    }

    if (named) {
        atomic_store(&disk.anonymous, false);
    }

    return 0;
}


static inline int
teardown(void **state)
{
    (void) state;

    close(atomic_load(&disk.root));

    return nftw(root, remove_one, 16, FTW_DEPTH|FTW_PHYS);
}


typedef struct {
    social_net_commit_t  c;
    unsigned char        path[SOCIAL_STORE_MAX_PATH];
} stored_t;


static social_net_commit_known_t  known;


static inline void
begin(stored_t *stored, const char *key, unsigned id)
{
    char    text[SOCIAL_STORE_ID_SIZE + 1];
    size_t  len;

    memset(stored, 0, sizeof(*stored));

    social_net_commit_init(&stored->c, &disk);

    assert_int_equal(social_store_path(social_str(key), stored->path, &len),
                     SOCIAL_OK);

    snprintf(text, sizeof(text), "%032x", id);

    stored->c.key = social_str(key);
    stored->c.path = (char *) stored->path;
    memcpy(stored->c.meta.id, text, SOCIAL_STORE_ID_SIZE);
    memset(stored->c.meta.etag, 'e', 32);
    stored->c.meta.type = social_str("text/plain");
}


/* an object of its own file, unless it is to be small */

static inline void
put_begin(stored_t *stored, const char *key, unsigned id, const char *text,
    bool small)
{
    begin(stored, key, id);

    stored->c.meta.size = (int64_t) strlen(text);

    if (small) {
        stored->c.bytes = social_str(text);
        return;
    }

    assert_int_equal(social_net_disk_create(&disk, stored->c.meta.id, 0,
                                            &stored->c.data),
                     SOCIAL_OK);
    assert_int_equal(social_net_disk_write(stored->c.data.fd,
                                           social_str(text)),
                     SOCIAL_OK);
}


static inline social_net_commit_rc_e
commit(stored_t *stored)
{
    social_net_commit_rc_e  rc;

    rc = social_net_commit_prepare(&stored->c);

    if (rc != SOCIAL_NET_COMMIT_OK) {
        return rc;
    }

    assert_int_equal(social_net_commit_sync(&stored->c), SOCIAL_OK);

    rc = social_net_commit_publish(&stored->c, &known);

    if (rc != SOCIAL_NET_COMMIT_OK) {
        social_net_commit_abort(&stored->c);
        return rc;
    }

    assert_int_equal(social_net_commit_sync_name(&stored->c), SOCIAL_OK);
    social_net_commit_synced(&stored->c, &known, true);

    return rc;
}


static inline social_net_commit_rc_e
finish(stored_t *stored)
{
    social_net_commit_rc_e  rc;

    rc = commit(stored);

    if (rc == SOCIAL_NET_COMMIT_OK) {

        if (social_net_commit_unfinished(&stored->c)) {
            social_net_commit_finish(&stored->c);
        }

        social_net_commit_free(&stored->c);
    }

    return rc;
}


static inline social_net_commit_rc_e
put(const char *key, unsigned id, const char *text, bool small)
{
    stored_t  stored;

    put_begin(&stored, key, id, text, small);

    return finish(&stored);
}


static inline social_net_commit_rc_e
del(const char *key, unsigned id)
{
    stored_t  stored;

    begin(&stored, key, id);
    stored.c.remove = true;

    return finish(&stored);
}


static inline social_rc_e
get_meta(const char *key, char *text, size_t size, social_store_meta_t *meta)
{
    size_t               len;
    ssize_t              n;
    social_rc_e          rc;
    unsigned char        path[SOCIAL_STORE_MAX_PATH];
    unsigned char        buf[SOCIAL_STORE_META_SIZE];
    social_net_object_t  object;

    assert_int_equal(social_store_path(social_str(key), path, &len),
                     SOCIAL_OK);

    rc = social_net_disk_open(&disk, (char *) path, buf, sizeof(buf), &len,
                              meta, &object);

    if (rc == SOCIAL_OK) {
        n = pread(object.fd, text, size - 1, object.offset);
        assert_true(n >= 0);
        text[n] = '\0';
        social_net_object_close(&object);
        assert_int_equal(meta->size, n);
    }

    return rc;
}


static inline social_rc_e
get(const char *key, char *text, size_t size)
{
    social_store_meta_t  meta;

    return get_meta(key, text, size, &meta);
}


#define is(key, expected)                                                     \
    do {                                                                      \
        char  text_[64];                                                      \
        assert_int_equal(get(key, text_, sizeof(text_)), SOCIAL_OK);          \
        assert_string_equal(text_, expected);                                 \
    } while (0)

#define is_absent(key)                                                        \
    do {                                                                      \
        char  text_[64];                                                      \
        assert_int_equal(get(key, text_, sizeof(text_)), SOCIAL_DECLINED);    \
    } while (0)

#define left(objects_, data_, spool_)                                         \
    do {                                                                      \
        assert_int_equal(files("objects"), objects_);                         \
        assert_int_equal(files("data"), data_);                               \
        assert_int_equal(files("spool"), spool_);                             \
        if (!named) {                                                         \
            assert_int_equal(files("tmp"), 0);                                \
        }                                                                     \
    } while (0)


#endif /* SOCIAL_UNIT_DISK_H */
