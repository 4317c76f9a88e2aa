
/*
 * net/social_net_disk.c and social_net_spool.c: objects in a directory of the
 * test's own.
 */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "social_unit.h"
#include "social_net_disk.h"
#include "social_net_spool.h"


static char  root[] = "/tmp/social-disk-XXXXXX";


static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void) st;
    (void) type;
    (void) f;

    return remove(path);
}


static unsigned  counted;


static int
count_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void) path;
    (void) st;
    (void) f;

    counted += (type == FTW_F);

    return 0;
}


/* the files below a directory of the root */

static unsigned
files(const char *folder)
{
    char  path[128];

    snprintf(path, sizeof(path), "%s/%s", root, folder);
    counted = 0;
    nftw(path, count_one, 16, FTW_PHYS);

    return counted;
}


static int
setup(void **state)
{
    (void) state;

    strcpy(root + strlen(root) - 6, "XXXXXX");

    return mkdtemp(root) == NULL;
}


static int
teardown(void **state)
{
    (void) state;

    return nftw(root, remove_one, 16, FTW_DEPTH|FTW_PHYS);
}


typedef struct {
    unsigned char  id[SOCIAL_STORE_ID_SIZE + 1];
    unsigned char  path[SOCIAL_STORE_MAX_PATH];
} stored_t;


static void
put_begin(social_net_disk_put_t *put, stored_t *stored, const char *key,
    unsigned id, const char *text)
{
    size_t  len;

    memset(put, 0, sizeof(*put));

    snprintf((char *) stored->id, sizeof(stored->id), "%032x", id);
    assert_int_equal(social_store_path(social_str(key), stored->path, &len),
                     SOCIAL_OK);

    put->root = root;
    put->id = stored->id;
    put->path = (char *) stored->path;
    put->sync = true;
    put->meta.size = (int64_t) strlen(text);
    put->meta.modified = 1700000000;
    put->meta.type = social_str("text/plain");
    memcpy(put->meta.id, stored->id, SOCIAL_STORE_ID_SIZE);
    memset(put->meta.etag, 'e', 32);

    assert_int_equal(social_net_disk_create(root, stored->id, &put->fd),
                     SOCIAL_OK);
    assert_int_equal(social_net_disk_write(put->fd, social_str(text)),
                     SOCIAL_OK);
}


static social_rc_e
put(const char *key, unsigned id, const char *text, const char *announce)
{
    stored_t               stored;
    social_rc_e            rc;
    social_net_disk_put_t  disk;

    put_begin(&disk, &stored, key, id, text);
    disk.announce = social_str(announce);

    rc = social_net_disk_commit(&disk);

    assert_int_equal(disk.fd, -1);

    return rc;
}


static social_rc_e
get(const char *key, char *text, size_t size)
{
    int                  fd;
    size_t               len;
    ssize_t              n;
    social_rc_e          rc;
    unsigned char        path[SOCIAL_STORE_MAX_PATH];
    unsigned char        buf[SOCIAL_STORE_META_SIZE];
    social_store_meta_t  meta;

    assert_int_equal(social_store_path(social_str(key), path, &len),
                     SOCIAL_OK);

    rc = social_net_disk_open(root, (char *) path, buf, &meta, &fd);

    if (rc == SOCIAL_OK) {
        n = read(fd, text, size - 1);
        assert_true(n >= 0);
        text[n] = '\0';
        close(fd);
        assert_int_equal(meta.size, n);
    }

    return rc;
}


static social_rc_e
del(const char *key)
{
    size_t             len;
    unsigned char      path[SOCIAL_STORE_MAX_PATH];
    social_s3_error_e  refused;

    assert_int_equal(social_store_path(social_str(key), path, &len),
                     SOCIAL_OK);

    return social_net_disk_remove(root, (char *) path, NULL, true, &refused);
}


static void
test_objects(void **state)
{
    char  text[64];

    (void) state;

    assert_int_equal(get("a", text, sizeof(text)), SOCIAL_DECLINED);
    assert_int_equal(del("a"), SOCIAL_DECLINED);

    assert_int_equal(put("a", 1, "one", ""), SOCIAL_OK);
    assert_int_equal(put("a/b", 2, "two", ""), SOCIAL_OK);
    assert_int_equal(put("a/b/c", 3, "", ""), SOCIAL_OK);

    assert_int_equal(get("a", text, sizeof(text)), SOCIAL_OK);
    assert_string_equal(text, "one");
    assert_int_equal(get("a/b", text, sizeof(text)), SOCIAL_OK);
    assert_string_equal(text, "two");
    assert_int_equal(get("a/b/c", text, sizeof(text)), SOCIAL_OK);
    assert_string_equal(text, "");
    assert_int_equal(get("a/b/c/d", text, sizeof(text)), SOCIAL_DECLINED);

    assert_int_equal(put("a", 4, "four", ""), SOCIAL_OK);
    assert_int_equal(get("a", text, sizeof(text)), SOCIAL_OK);
    assert_string_equal(text, "four");

    assert_int_equal(files("data"), 3);
    assert_int_equal(files("objects"), 3);
    assert_int_equal(files("tmp"), 0);
    assert_int_equal(files("spool"), 0);

    assert_int_equal(del("a"), SOCIAL_OK);
    assert_int_equal(get("a", text, sizeof(text)), SOCIAL_DECLINED);
    assert_int_equal(get("a/b", text, sizeof(text)), SOCIAL_OK);
    assert_int_equal(files("data"), 2);
}


static void
test_abort(void **state)
{
    char                   text[64];
    stored_t               stored;
    social_net_disk_put_t  disk;

    (void) state;

    assert_int_equal(put("a", 1, "one", ""), SOCIAL_OK);

    put_begin(&disk, &stored, "a", 2, "two");
    social_net_disk_abort(root, stored.id, disk.fd);

    assert_int_equal(files("tmp"), 0);
    assert_int_equal(get("a", text, sizeof(text)), SOCIAL_OK);
    assert_string_equal(text, "one");
}


/* a commit that cannot be made leaves the key as it was, and nothing else */

static void
test_failed(void **state)
{
    char                   path[128], text[64];
    stored_t               stored;
    social_s3_error_e      refused;
    social_net_disk_put_t  disk;

    (void) state;

    assert_int_equal(put("a", 1, "one", ""), SOCIAL_OK);

    /* metadata: its name is a directory */

    snprintf(path, sizeof(path), "%s/objects/b.o", root);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(put("b", 2, "two", "note"), SOCIAL_FAILED);
    assert_int_equal(errno, EISDIR);

    /* the spool: its name is a file */

    snprintf(path, sizeof(path), "%s/spool", root);
    assert_int_equal(rmdir(path), 0);
    close(open(path, O_CREAT|O_WRONLY, 0600));
    assert_int_equal(put("a", 3, "three", "note"), SOCIAL_FAILED);
    assert_int_equal(errno, ENOTDIR);

    /* bytes: their file is gone */

    put_begin(&disk, &stored, "a", 4, "four");
    snprintf(path, sizeof(path), "%s/tmp/%s", root, (char *) stored.id);
    unlink(path);
    assert_int_equal(social_net_disk_commit(&disk), SOCIAL_FAILED);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(disk.fd, -1);

    assert_int_equal(files("tmp"), 0);
    assert_int_equal(files("data"), 1);
    assert_int_equal(get("a", text, sizeof(text)), SOCIAL_OK);
    assert_string_equal(text, "one");

    /* the root is gone */

    assert_int_equal(social_net_disk_create("/nonexistent", stored.id,
                                            &disk.fd),
                     SOCIAL_FAILED);
    assert_int_equal(social_net_disk_remove("/nonexistent", "a.o", NULL, true,
                                            &refused),
                     SOCIAL_FAILED);
}


static social_s3_error_e
put_if(unsigned id, const char *text, const char *match,
    const char *none_match)
{
    stored_t               stored;
    social_rc_e            rc;
    social_net_disk_put_t  disk;

    put_begin(&disk, &stored, "a", id, text);
    disk.announce = social_str("note");
    disk.condition.if_match = social_str(match);
    disk.condition.if_none_match = social_str(none_match);

    rc = social_net_disk_commit(&disk);

    assert_int_equal(disk.fd, -1);
    assert_int_equal(rc, disk.refused == SOCIAL_S3_OK ? SOCIAL_OK
                                                      : SOCIAL_DECLINED);

    return disk.refused;
}


static void
test_condition(void **state)
{
    char                   text[64];
    social_s3_error_e      refused;
    social_s3_condition_t  condition;

    static const char  etag[] = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";

    (void) state;

    assert_int_equal(put_if(1, "one", etag, ""), SOCIAL_S3_NO_SUCH_KEY);
    assert_int_equal(files("data") + files("objects") + files("spool"), 0);
    assert_int_equal(put_if(2, "two", "", "*"), SOCIAL_S3_OK);
    assert_int_equal(put_if(3, "three", "", "*"),
                     SOCIAL_S3_PRECONDITION_FAILED);
    assert_int_equal(put_if(4, "four", "x", ""),
                     SOCIAL_S3_PRECONDITION_FAILED);
    assert_int_equal(files("data"), 1);
    assert_int_equal(files("spool"), 1);
    assert_int_equal(files("tmp"), 0);
    assert_int_equal(get("a", text, sizeof(text)), SOCIAL_OK);
    assert_string_equal(text, "two");
    assert_int_equal(put_if(5, "five", etag, ""), SOCIAL_S3_OK);
    assert_int_equal(get("a", text, sizeof(text)), SOCIAL_OK);
    assert_string_equal(text, "five");

    memset(&condition, 0, sizeof(condition));
    condition.if_match = social_str("x");
    assert_int_equal(social_net_disk_remove(root, "a.o", &condition, true,
                                            &refused), SOCIAL_OK);
    assert_int_equal(refused, SOCIAL_S3_PRECONDITION_FAILED);
    assert_int_equal(get("a", text, sizeof(text)), SOCIAL_OK);

    condition.if_match = social_str(etag);
    assert_int_equal(social_net_disk_remove(root, "a.o", &condition, true,
                                            &refused), SOCIAL_OK);
    assert_int_equal(refused, SOCIAL_S3_OK);
    assert_int_equal(get("a", text, sizeof(text)), SOCIAL_DECLINED);
    assert_int_equal(files("data"), 0);

    /* where there is none, there is nothing to protect */

    assert_int_equal(social_net_disk_remove(root, "a.o", &condition, true,
                                            &refused), SOCIAL_DECLINED);
    assert_int_equal(refused, SOCIAL_S3_OK);
}


static void
test_damaged(void **state)
{
    int   fd;
    char  path[128], text[64];

    (void) state;

    assert_int_equal(put("a", 1, "one", ""), SOCIAL_OK);

    snprintf(path, sizeof(path), "%s/objects/a.o", root);
    fd = open(path, O_WRONLY|O_TRUNC);
    assert_int_equal(write(fd, "junk", 4), 4);
    close(fd);

    assert_int_equal(get("a", text, sizeof(text)), SOCIAL_MALFORMED);
    assert_int_equal(del("a"), SOCIAL_OK);
    assert_int_equal(get("a", text, sizeof(text)), SOCIAL_DECLINED);

    /* metadata without its bytes, and with a link instead of them */

    assert_int_equal(put("b", 2, "two", ""), SOCIAL_OK);
    snprintf(path, sizeof(path), "%s/data/00/%032x", root, 2);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(get("b", text, sizeof(text)), SOCIAL_MALFORMED);

    snprintf(path, sizeof(path), "%s/objects/c.o", root);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(get("c", text, sizeof(text)), SOCIAL_FAILED);
}


static void
test_spool(void **state)
{
    size_t         len, n;
    int64_t        now;
    unsigned char  id[SOCIAL_STORE_ID_SIZE], buf[64];
    unsigned char  path[SOCIAL_STORE_MAX_PATH];

    (void) state;

    now = (int64_t) time(NULL);

    assert_int_equal(social_net_spool_next(root, now, 0, id, buf, 64, &len),
                     SOCIAL_DECLINED);

    assert_int_equal(put("a", 7, "one", "note of a"), SOCIAL_OK);

    assert_int_equal(social_net_spool_next(root, now, 10, id, buf, 64, &len),
                     SOCIAL_DECLINED);
    assert_int_equal(social_net_spool_next(root, now + 12, 10, id, buf, 64,
                                           &len),
                     SOCIAL_OK);
    assert_int_equal(len, 9);
    assert_memory_equal(buf, "note of a", 9);
    assert_memory_equal(id, "00000000000000000000000000000007", 32);

    assert_int_equal(social_store_path(social_str("a"), path, &n), SOCIAL_OK);
    assert_int_equal(social_net_spool_check(root, (char *) path, id),
                     SOCIAL_OK);

    assert_int_equal(put("a", 8, "two", ""), SOCIAL_OK);
    assert_int_equal(social_net_spool_check(root, (char *) path, id),
                     SOCIAL_DECLINED);
    assert_int_equal(del("a"), SOCIAL_OK);
    assert_int_equal(social_net_spool_check(root, (char *) path, id),
                     SOCIAL_DECLINED);

    social_net_spool_defer(root, id);
    assert_int_equal(files("spool"), 1);
    social_net_spool_remove(root, id);
    social_net_spool_remove(root, id);
    assert_int_equal(files("spool"), 0);
}


static void
test_defer(void **state)
{
    char             path[128];
    size_t           len;
    int64_t          now;
    unsigned char    id[SOCIAL_STORE_ID_SIZE], buf[64];
    struct timespec  old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

    (void) state;

    now = (int64_t) time(NULL);

    assert_int_equal(put("a", 7, "one", "note"), SOCIAL_OK);
    snprintf(path, sizeof(path), "%s/spool/%032x", root, 7);
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);

    assert_int_equal(social_net_spool_next(root, now, 10, id, buf, 64, &len),
                     SOCIAL_OK);
    social_net_spool_defer(root, id);
    assert_int_equal(social_net_spool_next(root, now, 10, id, buf, 64, &len),
                     SOCIAL_DECLINED);
}


static void
test_sweep(void **state)
{
    int            fd;
    int64_t        now;
    unsigned char  id[SOCIAL_STORE_ID_SIZE];

    (void) state;

    now = (int64_t) time(NULL);

    assert_int_equal(social_net_disk_sweep(root, now, 0), 0);

    memset(id, 'a', sizeof(id));
    assert_int_equal(social_net_disk_create(root, id, &fd), SOCIAL_OK);
    close(fd);

    assert_int_equal(social_net_disk_create(root, id, &fd), SOCIAL_FAILED);
    assert_int_equal(errno, EEXIST);

    assert_int_equal(social_net_disk_sweep(root, now, 3600), 0);
    assert_int_equal(social_net_disk_sweep(root, now + 3602, 3600), 1);
    assert_int_equal(files("tmp"), 0);
}


#define THREADS  4
#define ROUNDS   40


static void *
race(void *data)
{
    int                    fd;
    unsigned               i, n;
    stored_t               stored;
    social_s3_error_e      refused;
    social_net_disk_put_t  disk;

    n = *(unsigned *) data;

    for (i = 0; i < ROUNDS; i++) {

        memset(&disk, 0, sizeof(disk));
        snprintf((char *) stored.id, sizeof(stored.id), "%032x",
                 n * 1000 + i + 1);

        if (social_net_disk_create(root, stored.id, &fd) != SOCIAL_OK) {
            return data;
        }

        disk.root = root;
        disk.id = stored.id;
        disk.path = "same.o";
        disk.fd = fd;
        disk.meta.type = social_str("a/b");
        memcpy(disk.meta.id, stored.id, SOCIAL_STORE_ID_SIZE);
        memset(disk.meta.etag, 'e', 32);

        if (social_net_disk_commit(&disk) != SOCIAL_OK
            || (i % 5 == 4
                && social_net_disk_remove(root, "same.o", NULL, false,
                                              &refused)
                   == SOCIAL_FAILED))
        {
            return data;
        }
    }

    return NULL;
}


/* whichever comes last, the bytes of the others do not stay behind */

static void
test_race(void **state)
{
    void      *failed;
    unsigned   i, n[THREADS];
    pthread_t  threads[THREADS];

    (void) state;

    assert_int_equal(social_net_disk_prepare(root), SOCIAL_OK);

    for (i = 0; i < THREADS; i++) {
        n[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, race, &n[i]), 0);
    }

    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }

    assert_int_equal(files("data"), files("objects"));
    assert_true(files("objects") <= 1);
    assert_int_equal(files("tmp"), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_objects, setup, teardown),
        cmocka_unit_test_setup_teardown(test_abort, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_condition, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_spool, setup, teardown),
        cmocka_unit_test_setup_teardown(test_defer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sweep, setup, teardown),
        cmocka_unit_test_setup_teardown(test_race, setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
