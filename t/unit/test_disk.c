
/*
 * net/social_net_disk.c, social_net_commit.c and social_net_intent.c: objects
 * in a directory of the test's own.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "social_unit_disk.h"
#include "social_net_disk_file.h"
#include "social_net_intent.h"


static void
test_objects(void **state)
{
    unsigned  small;

    (void) state;

    for (small = 0; small < 2; small++) {

        is_absent("a");
        assert_int_equal(del("a", 99), SOCIAL_NET_COMMIT_ABSENT);
        assert_int_equal(del("a/b/c", 99), SOCIAL_NET_COMMIT_ABSENT);

        assert_int_equal(put("a", 1, "one", small), SOCIAL_NET_COMMIT_OK);
        assert_int_equal(put("a/b", 2, "two", small), SOCIAL_NET_COMMIT_OK);
        assert_int_equal(put("a/b/c", 3, "", small), SOCIAL_NET_COMMIT_OK);

        is("a", "one");
        is("a/b", "two");
        is("a/b/c", "");
        is_absent("a/b/c/d");

        assert_int_equal(put("a", 4, "four", small), SOCIAL_NET_COMMIT_OK);
        is("a", "four");
        left(3, small ? 0 : 3, 0);

        /* one kind over the other */

        assert_int_equal(put("a", 5, "five", !small), SOCIAL_NET_COMMIT_OK);
        is("a", "five");
        left(3, small ? 1 : 2, 0);
        assert_int_equal(put("a", 6, "six", small), SOCIAL_NET_COMMIT_OK);
        is("a", "six");
        left(3, small ? 0 : 3, 0);

        assert_int_equal(del("a", 7), SOCIAL_NET_COMMIT_OK);
        is_absent("a");
        is("a/b", "two");
        left(2, small ? 0 : 2, 0);

        assert_int_equal(del("a/b", 8), SOCIAL_NET_COMMIT_OK);
        assert_int_equal(del("a/b/c", 9), SOCIAL_NET_COMMIT_OK);
        left(0, 0, 0);
    }
}


/* what was stored by the version before */

static void
test_version_1(void **state)
{
    int   fd;
    char  path[128];

    static const char  meta[] =
        "social-object 1\n"
        "id 000000000000000000000000000000aa\n"
        "etag d41d8cd98f00b204e9800998ecf8427e\n"
        "size 3\n"
        "modified 1795354164\n"
        "type image/jpeg\n";

    (void) state;

    snprintf(path, sizeof(path), "%s/objects/a.o", root);
    fd = open(path, O_WRONLY|O_CREAT, 0600);
    assert_int_equal(write(fd, meta, sizeof(meta) - 1), sizeof(meta) - 1);
    close(fd);

    snprintf(path, sizeof(path), "%s/data/00/%032x", root, 0xaa);
    fd = open(path, O_WRONLY|O_CREAT, 0600);
    assert_int_equal(write(fd, "old", 3), 3);
    close(fd);

    is("a", "old");
    assert_int_equal(put("a", 1, "new", true), SOCIAL_NET_COMMIT_OK);
    is("a", "new");
    left(1, 0, 0);
}


/* numbers only increase, whatever the clock says and if it was removed */

static void
test_sequence(void **state)
{
    char                 text[64];
    int64_t              seq;
    stored_t             a, b;
    social_store_meta_t  meta;

    (void) state;

    assert_int_equal(put("a", 1, "one", true), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(get_meta("a", text, sizeof(text), &meta), SOCIAL_OK);
    assert_true(meta.seq > 1700000000000000);
    seq = meta.seq;

    /* one that has a number from the future, as before a clock was set back */

    put_begin(&a, "a", 2, "two", true);
    assert_int_equal(social_net_commit_prepare(&a.c), SOCIAL_NET_COMMIT_OK);
    assert_true(a.c.meta.seq > seq);
    social_net_commit_abort(&a.c);

    put_begin(&a, "a", 2, "two", true);
    assert_int_equal(social_net_commit_prepare(&a.c), SOCIAL_NET_COMMIT_OK);
    social_net_disk_discard(&disk, &a.c.file);
    seq += 3600000000;
    a.c.meta.seq = seq;
    a.c.bytes = social_str("two");
    {
        size_t         len;
        unsigned char  buf[SOCIAL_STORE_META_SIZE];

        assert_int_equal(social_store_meta_write(&a.c.meta, buf, &len),
                         SOCIAL_OK);
        assert_int_equal(social_net_disk_create(&disk, a.c.meta.id, 'm',
                                                &a.c.file),
                         SOCIAL_OK);
        assert_int_equal(social_net_disk_write(a.c.file.fd,
                             (social_str_t) { len, buf }), SOCIAL_OK);
        assert_int_equal(social_net_disk_write(a.c.file.fd, a.c.bytes),
                         SOCIAL_OK);
    }
    assert_int_equal(social_net_commit_publish(&a.c, &known),
                     SOCIAL_NET_COMMIT_OK);
    social_net_commit_synced(&a.c, &known, true);
    social_net_commit_free(&a.c);

    put_begin(&b, "a", 3, "three", true);
    assert_int_equal(finish(&b), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(b.c.meta.seq, seq + 1);
    is("a", "three");

    assert_int_equal(del("a", 4), SOCIAL_NET_COMMIT_OK);

    put_begin(&b, "a", 5, "five", true);
    assert_int_equal(finish(&b), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(b.c.meta.seq, seq + 2);
}


/* of two at once the one with the later number stays, in whichever order */

static void
test_superseded(void **state)
{
    stored_t  a, b;

    (void) state;

    put_begin(&a, "a", 1, "one", false);
    put_begin(&b, "a", 2, "two", false);
    a.c.announce = b.c.announce = true;

    assert_int_equal(social_net_commit_prepare(&a.c), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(social_net_commit_prepare(&b.c), SOCIAL_NET_COMMIT_OK);
    assert_true(b.c.meta.seq > a.c.meta.seq);
    left(0, 2, 2);

    assert_int_equal(social_net_commit_publish(&b.c, &known),
                     SOCIAL_NET_COMMIT_OK);
    social_net_commit_synced(&b.c, &known, true);
    assert_int_equal(social_net_commit_publish(&a.c, &known),
                     SOCIAL_NET_COMMIT_SUPERSEDED);
    social_net_commit_abort(&a.c);

    is("a", "two");
    left(1, 1, 1);

    social_net_commit_announced(&b.c);
    left(1, 1, 0);
}


/*
 * What another commit has put there between the two steps is removed by the
 * one that replaces it.
 */

static void
test_between(void **state)
{
    stored_t  a;

    (void) state;

    assert_int_equal(put("a", 1, "one", false), SOCIAL_NET_COMMIT_OK);

    put_begin(&a, "a", 3, "three", false);
    assert_int_equal(social_net_commit_prepare(&a.c), SOCIAL_NET_COMMIT_OK);

    assert_int_equal(put("a", 2, "two", false), SOCIAL_NET_COMMIT_OK);
    left(1, 2, 1);

    /* the later number, so that it is not superseded */

    a.c.meta.seq += 3600000000;
    assert_int_equal(social_net_commit_publish(&a.c, &known),
                     SOCIAL_NET_COMMIT_OK);
    social_net_commit_synced(&a.c, &known, true);
    assert_true(social_net_commit_unfinished(&a.c));
    social_net_commit_finish(&a.c);
    social_net_commit_free(&a.c);

    is("a", "three");
    left(1, 1, 0);
}


static void
test_conditions(void **state)
{
    stored_t  a;

    static const struct {
        const char              *match, *none;
        bool                     exists;
        social_net_commit_rc_e   rc;
    } cases[] = {
        { "", "*", false, SOCIAL_NET_COMMIT_OK },
        { "", "*", true, SOCIAL_NET_COMMIT_REFUSED },
        { "*", "", false, SOCIAL_NET_COMMIT_ABSENT },
        { "*", "", true, SOCIAL_NET_COMMIT_OK },
        { "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee", "", true, SOCIAL_NET_COMMIT_OK },
        { "\"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\"", "", true,
          SOCIAL_NET_COMMIT_OK },
        { "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeee", "", true,
          SOCIAL_NET_COMMIT_REFUSED },
        { "", "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee", true,
          SOCIAL_NET_COMMIT_REFUSED },
        { "", "ffffffffffffffffffffffffffffffff", true,
          SOCIAL_NET_COMMIT_OK }
    };

    (void) state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int remove = 0; remove < 2; remove++) {

            if (cases[i].exists) {
                assert_int_equal(put("a", 1, "one", false),
                                 SOCIAL_NET_COMMIT_OK);

            } else if (remove && !cases[i].match[0]) {
                continue;
            }

            if (remove) {
                begin(&a, "a", 2);
                a.c.remove = true;

            } else {
                put_begin(&a, "a", 2, "two", false);
            }

            a.c.if_match = social_str(cases[i].match);
            a.c.if_none_match = social_str(cases[i].none);

            assert_int_equal(finish(&a), cases[i].rc);

            if (cases[i].rc != SOCIAL_NET_COMMIT_OK) {
                left(cases[i].exists ? 1 : 0, cases[i].exists ? 1 : 0, 0);
            }

            (void) del("a", 3);
            left(0, 0, 0);
        }
    }
}


static void
test_abort(void **state)
{
    stored_t  a;

    (void) state;

    assert_int_equal(put("a", 1, "one", false), SOCIAL_NET_COMMIT_OK);

    /* before and after it was prepared */

    put_begin(&a, "a", 2, "two", false);
    social_net_commit_abort(&a.c);
    left(1, 1, 0);

    put_begin(&a, "a", 2, "two", false);
    assert_int_equal(social_net_commit_prepare(&a.c), SOCIAL_NET_COMMIT_OK);
    left(1, 2, 1);
    social_net_commit_abort(&a.c);
    left(1, 1, 0);

    /* while the key is locked, others end it */

    is("a", "one");
}


/* a lock that is held is not waited for */

static void
test_busy(void **state)
{
    int                  locks[256];
    char                 path[128];
    stored_t             a;
    unsigned             i;
    social_net_intent_t  found[4];

    (void) state;

    assert_int_equal(put("a", 1, "one", false), SOCIAL_NET_COMMIT_OK);

    put_begin(&a, "a", 2, "two", false);

    for (i = 0; i < 256; i++) {
        snprintf(path, sizeof(path), "%s/locks/%02x", root, i);
        locks[i] = open(path, O_RDWR|O_CREAT, 0600);
        assert_int_equal(flock(locks[i], LOCK_EX), 0);
    }

    assert_int_equal(social_net_commit_prepare(&a.c), SOCIAL_NET_COMMIT_BUSY);

    for (i = 0; i < 256; i++) {
        assert_int_equal(flock(locks[i], LOCK_UN), 0);
    }

    assert_int_equal(social_net_commit_prepare(&a.c), SOCIAL_NET_COMMIT_OK);

    for (i = 0; i < 256; i++) {
        assert_int_equal(flock(locks[i], LOCK_EX), 0);
    }

    assert_int_equal(social_net_commit_publish(&a.c, &known),
                     SOCIAL_NET_COMMIT_BUSY);

    /* what cannot be removed now is left to be found */

    social_net_commit_abort(&a.c);
    left(1, 2, 1);

    assert_int_equal(social_net_intent_find(&disk, (int64_t) time(NULL),
                                            found, 4), 1);
    social_net_intent_end(&disk, (int64_t) time(NULL), found, 1);
    assert_int_equal(found[0].state, SOCIAL_NET_INTENT_LATER);
    left(1, 2, 1);

    for (i = 0; i < 256; i++) {
        close(locks[i]);
    }

    assert_int_equal(social_net_intent_find(&disk, (int64_t) time(NULL) + 60,
                                            found, 4), 1);
    social_net_intent_end(&disk, (int64_t) time(NULL), found, 1);
    assert_int_equal(found[0].state, SOCIAL_NET_INTENT_ENDED);

    is("a", "one");
    left(1, 1, 0);
}


/* a commit that cannot be made leaves the key as it was, and nothing else */

static void
test_failed(void **state)
{
    char      path[128];
    stored_t  a;

    (void) state;

    assert_int_equal(put("a", 1, "one", false), SOCIAL_NET_COMMIT_OK);

    /* metadata: its name is a directory */

    snprintf(path, sizeof(path), "%s/objects/b.o", root);
    assert_int_equal(mkdir(path, 0700), 0);
    put_begin(&a, "b", 2, "two", false);
    assert_int_equal(finish(&a), SOCIAL_NET_COMMIT_FAILED);
    assert_int_equal(a.c.err, EISDIR);
    left(1, 1, 0);

    /* the spool: its name is a file */

    snprintf(path, sizeof(path), "%s/spool", root);
    assert_int_equal(rmdir(path), 0);
    close(open(path, O_CREAT|O_WRONLY, 0600));
    put_begin(&a, "a", 3, "three", false);
    assert_int_equal(finish(&a), SOCIAL_NET_COMMIT_FAILED);
    assert_int_equal(a.c.err, ENOTDIR);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    left(1, 1, 0);

    /* the bytes: their directory is gone */

    snprintf(path, sizeof(path), "%s/data/ff", root);
    assert_int_equal(rmdir(path), 0);
    put_begin(&a, "a", 4, "four", false);
    memset(a.c.meta.id, 'f', 32);
    assert_int_equal(finish(&a), SOCIAL_NET_COMMIT_FAILED);
    assert_int_equal(a.c.err, ENOENT);
    left(1, 1, 0);

    /* metadata that cannot be written */

    put_begin(&a, "a", 5, "five", false);
    a.c.meta.headers = S("no line");
    assert_int_equal(finish(&a), SOCIAL_NET_COMMIT_FAILED);
    assert_int_equal(a.c.err, EINVAL);
    left(1, 1, 0);

    is("a", "one");
}


static void
test_damaged(void **state)
{
    int   fd;
    char  path[128], text[64];

    (void) state;

    assert_int_equal(put("a", 1, "one", false), SOCIAL_NET_COMMIT_OK);

    snprintf(path, sizeof(path), "%s/objects/a.o", root);
    fd = open(path, O_WRONLY|O_TRUNC);
    assert_int_equal(write(fd, "junk", 4), 4);
    close(fd);

    assert_int_equal(get("a", text, sizeof(text)), SOCIAL_MALFORMED);
    assert_int_equal(del("a", 9), SOCIAL_NET_COMMIT_OK);
    is_absent("a");

    fd = open(path, O_WRONLY|O_CREAT, 0600);
    assert_int_equal(write(fd, "junk", 4), 4);
    close(fd);

    assert_int_equal(put("a", 2, "two", false), SOCIAL_NET_COMMIT_OK);
    is("a", "two");

    /* metadata without its bytes */

    assert_int_equal(put("b", 3, "three", false), SOCIAL_NET_COMMIT_OK);
    snprintf(path, sizeof(path), "%s/data/00/%032x", root, 3);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(get("b", text, sizeof(text)), SOCIAL_MALFORMED);
}


/*
 * No symbolic link below the root is followed: at the end of a path, in its
 * middle, or in place of one of the store's own directories.
 */

static void
test_links(void **state)
{
    char      path[128], outside[64], text[64];
    stored_t  a;

    (void) state;

    snprintf(outside, sizeof(outside), "%s-outside", root);
    assert_int_equal(mkdir(outside, 0700), 0);

    assert_int_equal(put("a", 1, "one", false), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(put("d/x", 2, "two", false), SOCIAL_NET_COMMIT_OK);

    /* bytes */

    snprintf(path, sizeof(path), "%s/data/00/%032x", root, 1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(get("a", text, sizeof(text)), SOCIAL_FAILED);
    assert_int_equal(errno, ELOOP);
    assert_int_equal(unlink(path), 0);

    /* metadata */

    snprintf(path, sizeof(path), "%s/objects/c.o", root);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(get("c", text, sizeof(text)), SOCIAL_FAILED);
    put_begin(&a, "c", 3, "three", false);
    assert_int_equal(finish(&a), SOCIAL_NET_COMMIT_FAILED);

    /* a directory of a key */

    snprintf(path, sizeof(path), "%s/objects/e.d", root);
    assert_int_equal(symlink(outside, path), 0);
    assert_int_equal(get("e/x", text, sizeof(text)), SOCIAL_FAILED);
    put_begin(&a, "e/x", 4, "four", false);
    assert_int_equal(finish(&a), SOCIAL_NET_COMMIT_FAILED);
    assert_true(a.c.err == ELOOP || a.c.err == ENOTDIR);
    begin(&a, "e/x", 5);
    a.c.remove = true;
    assert_int_equal(finish(&a), SOCIAL_NET_COMMIT_FAILED);

    /* a directory of the store */

    snprintf(path, sizeof(path), "%s/data/05", root);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(symlink(outside, path), 0);
    put_begin(&a, "f", 6, "six", false);
    a.c.meta.id[1] = '5';
    assert_int_equal(finish(&a), SOCIAL_NET_COMMIT_FAILED);
    assert_true(a.c.err == ELOOP || a.c.err == ENOTDIR);

    assert_int_equal(rmdir(outside), 0);    /* nothing was made in it */
    is("d/x", "two");
}


static unsigned
find_now(social_net_intent_t *found, int64_t now)
{
    unsigned  n;

    n = social_net_intent_find(&disk, now, found, 4);
    social_net_intent_end(&disk, now, found, n);

    return n;
}


/*
 * What a process leaves that dies after each step: its locks are gone with it,
 * and the next one that looks ends what it began.
 */

static void
test_intents(void **state)
{
    int64_t              now;
    stored_t             a;
    social_net_intent_t  found[4];

    (void) state;

    now = (int64_t) time(NULL) + 60;

    assert_int_equal(find_now(found, now), 0);

    /* not published: as if it had never been */

    assert_int_equal(put("a", 1, "one", false), SOCIAL_NET_COMMIT_OK);

    put_begin(&a, "a", 2, "two", false);
    a.c.announce = true;
    assert_int_equal(social_net_commit_prepare(&a.c), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(find_now(found, now), 0);
    social_net_commit_free(&a.c);
    left(1, 2, 1);
    assert_int_equal(find_now(found, now), 1);
    assert_int_equal(found[0].state, SOCIAL_NET_INTENT_ENDED);
    left(1, 1, 0);
    is("a", "one");

    /* published, and to be announced */

    put_begin(&a, "a", 3, "three", false);
    a.c.announce = true;
    assert_int_equal(commit(&a), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(find_now(found, now), 0);
    social_net_commit_free(&a.c);
    left(1, 2, 1);
    assert_int_equal(find_now(found, now), 1);
    assert_int_equal(found[0].state, SOCIAL_NET_INTENT_ANNOUNCE);
    assert_int_equal(found[0].intent.seq, a.c.meta.seq);
    assert_int_equal(found[0].intent.size, 5);
    assert_str(found[0].intent.key, "a");
    left(1, 1, 1);
    is("a", "three");

    /* it cannot be announced: others go first */

    social_net_intent_defer(&found[0], now, 10);
    assert_int_equal(find_now(found, now + 9), 0);
    assert_int_equal(find_now(found, now + 10), 1);
    assert_int_equal(found[0].state, SOCIAL_NET_INTENT_ANNOUNCE);
    social_net_intent_announced(&disk, &found[0]);
    left(1, 1, 0);

    /* removed, but not what was replaced */

    begin(&a, "a", 4);
    a.c.remove = true;
    assert_int_equal(commit(&a), SOCIAL_NET_COMMIT_OK);
    social_net_commit_free(&a.c);
    left(0, 1, 1);
    assert_int_equal(find_now(found, now), 1);
    left(0, 0, 0);
}


/*
 * The object that an intent was to replace is not removed when the process
 * died before.
 */

static void
test_intent_keeps(void **state)
{
    stored_t             a;
    social_net_intent_t  found[4];

    (void) state;

    assert_int_equal(put("a", 1, "one", false), SOCIAL_NET_COMMIT_OK);

    begin(&a, "a", 2);
    a.c.remove = true;
    a.c.if_match = S("*");

    /* the intent is written, and the name cannot be removed */

    assert_int_equal(social_net_commit_prepare(&a.c), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(social_net_commit_publish(&a.c, &known),
                     SOCIAL_NET_COMMIT_OK);
    social_net_commit_synced(&a.c, &known, true);
    social_net_commit_free(&a.c);

    /* as if it had not been removed: another object with the same bytes */

    {
        stored_t       b;
        unsigned char  id[SOCIAL_STORE_ID_SIZE];

        memcpy(id, a.c.replaces[0], sizeof(id));
        begin(&b, "a", 1);
        b.c.meta.size = 3;
        b.c.meta.place = SOCIAL_STORE_FILE;

        char    path[128];
        int     fd;
        size_t  len;
        unsigned char  buf[SOCIAL_STORE_META_SIZE];

        assert_int_equal(social_store_meta_write(&b.c.meta, buf, &len),
                         SOCIAL_OK);
        snprintf(path, sizeof(path), "%s/objects/a.o", root);
        fd = open(path, O_WRONLY|O_CREAT|O_EXCL, 0600);
        assert_int_equal(write(fd, buf, len), len);
        close(fd);
    }

    assert_int_equal(find_now(found, (int64_t) time(NULL) + 60), 1);
    assert_int_equal(found[0].state, SOCIAL_NET_INTENT_ENDED);

    /* not even if it is replaced before the removal */

    assert_int_equal(found[0].intent.replaced, 0);
    is("a", "one");
    left(1, 1, 0);
}


/* those of the version before have no lock, and so an age */

static void
test_intent_1(void **state)
{
    int                  fd;
    char                 path[128];
    int64_t              now;
    social_net_intent_t  found[4];

    (void) state;

    now = (int64_t) time(NULL);

    assert_int_equal(put("a", 7, "one", false), SOCIAL_NET_COMMIT_OK);

    snprintf(path, sizeof(path), "%s/spool/%032x", root, 7);
    fd = open(path, O_WRONLY|O_CREAT, 0600);
    assert_int_equal(dprintf(fd, "3 eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\na"), 36);
    close(fd);

    assert_int_equal(find_now(found, now), 0);
    assert_int_equal(find_now(found, now + 60), 1);
    assert_int_equal(found[0].state, SOCIAL_NET_INTENT_ANNOUNCE);
    assert_int_equal(found[0].intent.seq, 0);
    assert_int_equal(found[0].intent.size, 3);
    assert_memory_equal(found[0].intent.id,
                        "00000000000000000000000000000007", 32);
    social_net_intent_announced(&disk, &found[0]);
    left(1, 1, 0);

    /* one that is damaged is given up */

    snprintf(path, sizeof(path), "%s/spool/%032x", root, 8);
    close(open(path, O_WRONLY|O_CREAT, 0600));
    assert_int_equal(find_now(found, now + 60), 1);
    left(1, 1, 0);
}


static void
test_sweep(void **state)
{
    int                     fd;
    char                    path[128];
    int64_t                 now;
    social_net_disk_file_t  file;

    (void) state;

    now = (int64_t) time(NULL);

    assert_int_equal(social_net_disk_sweep(&disk, now, 0), 0);

    atomic_store(&disk.anonymous, false);
    assert_int_equal(social_net_disk_create(&disk,
                         (const unsigned char *)
                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0, &file),
                     SOCIAL_OK);
    assert_int_equal(files("tmp"), 1);

    /* another process writes to it */

    assert_int_equal(social_net_disk_sweep(&disk, now + 3602, 5), 0);

    fd = dup(file.fd);
    close(fd);
    close(file.fd);

    assert_int_equal(social_net_disk_sweep(&disk, now, 5), 0);
    assert_int_equal(social_net_disk_sweep(&disk, now + 7, 5), 1);
    assert_int_equal(files("tmp"), 0);

    snprintf(path, sizeof(path), "%s/tmp/link", root);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(social_net_disk_sweep(&disk, now + 7, 5), 0);
}


#define THREADS  4
#define ROUNDS   40


static void *
race(void *data)
{
    char                    text[SOCIAL_STORE_ID_SIZE + 1];
    unsigned                i, n;
    stored_t                a;
    social_net_commit_rc_e  rc;

    n = *(unsigned *) data;

    for (i = 0; i < ROUNDS; i++) {

        memset(&a, 0, sizeof(a));
        social_net_commit_init(&a.c, &disk);

        snprintf(text, sizeof(text), "%032x", n * 1000 + i + 1);
        memcpy(a.c.meta.id, text, SOCIAL_STORE_ID_SIZE);
        memset(a.c.meta.etag, 'e', 32);
        a.c.path = "same.o";
        a.c.key = social_str("same");
        a.c.remove = (i % 5 == 4);

        if (!a.c.remove
            && social_net_disk_create(&disk, a.c.meta.id, 0, &a.c.data)
               != SOCIAL_OK)
        {
            return data;
        }

        while ((rc = social_net_commit_prepare(&a.c))
               == SOCIAL_NET_COMMIT_BUSY) { /* void */ }

        if (rc != SOCIAL_NET_COMMIT_OK) {
            return data;
        }

        while ((rc = social_net_commit_publish(&a.c, &known))
               == SOCIAL_NET_COMMIT_BUSY) { /* void */ }

        switch (rc) {

        case SOCIAL_NET_COMMIT_OK:
            social_net_commit_synced(&a.c, &known, false);
            social_net_commit_finish(&a.c);
            social_net_commit_free(&a.c);
            break;

        case SOCIAL_NET_COMMIT_SUPERSEDED:
        case SOCIAL_NET_COMMIT_ABSENT:
            social_net_commit_abort(&a.c);
            break;

        default:
            return data;
        }
    }

    return NULL;
}


/* whichever comes last, the bytes of the others do not stay behind */

static void
test_race(void **state)
{
    void                 *failed;
    unsigned              i, n[THREADS];
    pthread_t             threads[THREADS];
    social_net_intent_t   found[4];

    (void) state;

    for (i = 0; i < THREADS; i++) {
        n[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, race, &n[i]), 0);
    }

    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }

    /* what could not be removed, since the key was locked, is left to others */

    for (i = 1; i < 100; i++) {
        if (find_now(found, (int64_t) time(NULL) + 10 * i) == 0) {
            break;
        }
    }

    assert_int_equal(files("data"), files("objects"));
    assert_true(files("objects") <= 1);
    assert_int_equal(files("spool"), 0);
    assert_int_equal(files("tmp"), 0);
}


/* no object takes what is to be left free, but each can be removed */

static void
test_min_free(void **state)
{
    social_net_disk_file_t  file;

    (void) state;

    assert_int_equal(put("a", 1, "one", 1), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(put("b", 2, "two", 0), SOCIAL_NET_COMMIT_OK);

    /* more than any disk has */

    disk.min_free = INT64_MAX / 2;

    errno = 0;
    assert_int_equal(social_net_disk_room(&disk, 0), SOCIAL_FAILED);
    assert_int_equal(errno, ENOSPC);

    assert_int_equal(put("a", 3, "three", 1), SOCIAL_NET_COMMIT_FULL);
    assert_int_equal(put("c", 4, "four", 1), SOCIAL_NET_COMMIT_FULL);

    assert_int_equal(social_net_disk_create(&disk, (const unsigned char *)
                                            "0123456789abcdef0123456789abcdef",
                                            0, &file),
                     SOCIAL_FAILED);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(file.fd, -1);

    is("a", "one");
    is_absent("c");
    assert_int_equal(del("a", 5), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(del("b", 6), SOCIAL_NET_COMMIT_OK);
    left(0, 0, 0);

    /* what the object itself needs */

    disk.min_free = 1;

    assert_int_equal(social_net_disk_room(&disk, 1), SOCIAL_OK);
    assert_int_equal(social_net_disk_room(&disk, INT64_MAX), SOCIAL_FAILED);
    assert_int_equal(put("a", 7, "seven", 0), SOCIAL_NET_COMMIT_OK);

    disk.min_free = 0;

    assert_int_equal(social_net_disk_room(&disk, INT64_MAX), SOCIAL_OK);
}


#define LARGE  (300 * 3 * 4096)


static social_rc_e
peek(const char *key, char *text, size_t size)
{
    size_t               len;
    ssize_t              n;
    social_rc_e          rc;
    unsigned char        path[SOCIAL_STORE_MAX_PATH];
    unsigned char        buf[SOCIAL_STORE_META_SIZE];
    social_store_meta_t  meta;
    social_net_object_t  object;

    assert_int_equal(social_store_path(social_str(key), path, &len),
                     SOCIAL_OK);

    object.fd = object.dir = 99;

    rc = social_net_disk_peek(&disk, (char *) path, buf, sizeof(buf), &len,
                              &meta, &object);

    assert_int_equal(object.dir, -1);

    if (rc != SOCIAL_OK) {
        assert_int_equal(object.fd, -1);
        return rc;
    }

    n = social_net_disk_read_cached(object.fd, object.offset,
                                    (unsigned char *) text, size - 1);
    assert_int_equal(n, meta.size);
    text[n] = '\0';

    assert_true(n == 0 || social_net_disk_is_cached(object.fd, object.offset,
                                                    (size_t) n));
    social_net_object_close(&object);

    return rc;
}


/* without waiting: as social_net_disk_open() has it, or not at all */

static void
test_peek(void **state)
{
    int                  fd;
    char                 text[64], path[128], big[3 * 4096];
    size_t               i;
    social_net_disk_t    other;

    (void) state;

    assert_int_equal(put("small", 1, "one", true), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(put("file", 2, "two", false), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(put("gone", 3, "", true), SOCIAL_NET_COMMIT_OK);

    is("small", "one");
    is("file", "two");
    is_absent("none");

    if (peek("small", text, sizeof(text)) == SOCIAL_FAILED
        && atomic_load(&disk.waits))
    {
        skip();    /* neither the kernel nor the file system can */
    }

    assert_int_equal(peek("small", text, sizeof(text)), SOCIAL_OK);
    assert_string_equal(text, "one");
    assert_int_equal(peek("file", text, sizeof(text)), SOCIAL_OK);
    assert_string_equal(text, "two");
    assert_int_equal(peek("gone", text, sizeof(text)), SOCIAL_OK);
    assert_string_equal(text, "");
    assert_int_equal(peek("none", text, sizeof(text)), SOCIAL_DECLINED);

    /* replaced, and removed */

    assert_int_equal(put("file", 4, "four", true), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(peek("file", text, sizeof(text)), SOCIAL_OK);
    assert_string_equal(text, "four");
    assert_int_equal(put("small", 5, "five", false), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(peek("small", text, sizeof(text)), SOCIAL_OK);
    assert_string_equal(text, "five");
    assert_int_equal(del("gone", 6), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(peek("gone", text, sizeof(text)), SOCIAL_DECLINED);

    /* what is damaged, without its bytes, or a link is looked at again */

    snprintf(path, sizeof(path), "%s/data/00/%032x", root, 5);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(peek("small", text, sizeof(text)), SOCIAL_FAILED);

    snprintf(path, sizeof(path), "%s/objects/bad.o", root);
    fd = open(path, O_WRONLY|O_CREAT, 0600);
    assert_int_equal(write(fd, "social-object 2\n", 16), 16);
    close(fd);
    assert_int_equal(peek("bad", text, sizeof(text)), SOCIAL_FAILED);

    snprintf(path, sizeof(path), "%s/objects/link.o", root);
    assert_int_equal(symlink("file.o", path), 0);
    assert_int_equal(peek("link", text, sizeof(text)), SOCIAL_FAILED);

    /* a root that was not opened yet, and a kernel that cannot */

    memset(&other, 0, sizeof(other));
    other.path = root;
    atomic_store(&other.root, -1);
    assert_int_equal(social_net_disk_open_cached(&other, "objects/file.o"),
                     -1);
    assert_int_equal(errno, EAGAIN);

    atomic_store(&disk.waits, true);
    assert_int_equal(peek("file", text, sizeof(text)), SOCIAL_FAILED);
    assert_int_equal(peek("none", text, sizeof(text)), SOCIAL_FAILED);
    atomic_store(&disk.waits, false);

    /* bytes that are partly in memory, on a page that is and one that is not */

    snprintf(path, sizeof(path), "%s/big", root);
    memset(big, 'b', sizeof(big));
    fd = open(path, O_RDWR|O_CREAT, 0600);
    assert_int_equal(write(fd, big, sizeof(big)), sizeof(big));
    assert_true(social_net_disk_is_cached(fd, 0, sizeof(big)));
    assert_true(social_net_disk_is_cached(fd, 4097, 4096));
    assert_false(social_net_disk_is_cached(-1, 0, 1));
    assert_int_equal(fsync(fd), 0);
    assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);

    if (!social_net_disk_is_cached(fd, 8192, 4096)) {

        /* a disk, and not memory */

        assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM), 0);
        assert_int_equal(pread(fd, big, 1, 0), 1);
        assert_true(social_net_disk_is_cached(fd, 0, 1));
        assert_false(social_net_disk_is_cached(fd, 0, 4097));
        assert_false(social_net_disk_is_cached(fd, 4095, 2));
        assert_int_equal(social_net_disk_read_cached(fd, 0,
                             (unsigned char *) big, sizeof(big)), 4096);
        assert_int_equal(social_net_disk_read_cached(fd, 4096,
                             (unsigned char *) big, 1), -1);

        /* far behind, a page is missing */

        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);

        for (i = 0; i < LARGE; i += sizeof(big)) {
            assert_int_equal(write(fd, big, sizeof(big)), sizeof(big));
        }

        assert_true(social_net_disk_is_cached(fd, 0, LARGE));
        assert_int_equal(fsync(fd), 0);
        assert_int_equal(posix_fadvise(fd, LARGE - 65536, 0,
                                       POSIX_FADV_DONTNEED), 0);
        assert_true(social_net_disk_is_cached(fd, 0, 65536));
        assert_false(social_net_disk_is_cached(fd, 0, LARGE));
    }

    close(fd);
}


#define TESTS                                                                 \
    cmocka_unit_test_setup_teardown(test_objects, setup, teardown),           \
    cmocka_unit_test_setup_teardown(test_peek, setup, teardown),              \
    cmocka_unit_test_setup_teardown(test_min_free, setup, teardown),          \
    cmocka_unit_test_setup_teardown(test_version_1, setup, teardown),         \
    cmocka_unit_test_setup_teardown(test_sequence, setup, teardown),          \
    cmocka_unit_test_setup_teardown(test_superseded, setup, teardown),        \
    cmocka_unit_test_setup_teardown(test_between, setup, teardown),           \
    cmocka_unit_test_setup_teardown(test_conditions, setup, teardown),        \
    cmocka_unit_test_setup_teardown(test_abort, setup, teardown),             \
    cmocka_unit_test_setup_teardown(test_busy, setup, teardown),              \
    cmocka_unit_test_setup_teardown(test_failed, setup, teardown),            \
    cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),           \
    cmocka_unit_test_setup_teardown(test_links, setup, teardown),             \
    cmocka_unit_test_setup_teardown(test_intents, setup, teardown),           \
    cmocka_unit_test_setup_teardown(test_intent_keeps, setup, teardown),      \
    cmocka_unit_test_setup_teardown(test_intent_1, setup, teardown),          \
    cmocka_unit_test_setup_teardown(test_sweep, setup, teardown),             \
    cmocka_unit_test_setup_teardown(test_race, setup, teardown)


int
main(void)
{
    int  rc;

    const struct CMUnitTest  tests[] = { TESTS };

    rc = cmocka_run_group_tests_name("disk", tests, NULL, NULL);

    /* where the file system has no files without names */

    named = true;

    return rc + cmocka_run_group_tests_name("disk, named", tests, NULL, NULL);
}
