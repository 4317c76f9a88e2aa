
/*
 * net/social_net_commit.c and social_net_intent.c: numbers of commits, what is
 * known durable, and what a process leaves that dies.
 */

#include <sys/syscall.h>
#include <time.h>

#include "social_unit_disk.h"
#include "social_net_intent.h"


/* the time of the numbers of commits, in microseconds; 0: the clock's */

static int64_t  now_is;


int
clock_gettime(clockid_t clock, struct timespec *ts)
{
    if (now_is && clock == CLOCK_REALTIME) {
        ts->tv_sec = (time_t) (now_is / 1000000);
        ts->tv_nsec = (long) (now_is % 1000000) * 1000;
        return 0;
    }

    return (int) syscall(SYS_clock_gettime, clock, ts);
}


/*
 * Numbers of a key are different and ascend, also within a microsecond, in one
 * that is removed meanwhile, and after the clock was set back.
 */

static void
test_numbers(void **state)
{
    unsigned  i;
    int64_t   seq;
    stored_t  a;

    static const int64_t  times[] = {
        1700000000000000, 1700000000000000, 1700000000000000,
        1700000000000001, 1700000000000003, 1699999999999999,
        1700000000000004, 1700000000000006,
    };

    (void) state;

    seq = 0;

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {

        now_is = times[i];
        put_begin(&a, "a", i + 1, "one", true);
        assert_int_equal(finish(&a), SOCIAL_NET_COMMIT_OK);
        now_is = 0;

        assert_true(a.c.meta.seq > seq);
        assert_true(a.c.meta.seq >= times[i]);
        seq = a.c.meta.seq;

        if (i % 2) {
            assert_int_equal(del("a", 100 + i), SOCIAL_NET_COMMIT_OK);
        }
    }

    assert_true(seq < 1700000000000020);
}


/*
 * A directory is known durable when one of its names was synced, and not when
 * that failed.
 */

static void
test_known(void **state)
{
    unsigned                           i;
    stored_t                           a;
    static social_net_commit_known_t   seen;

    static const struct {
        const char  *key;
        bool         known;
        bool         durable;
    } cases[] = {
        { "new/a", false, false },
        { "new/b", false, true },
        { "new/c", true, true },
        { "newer/a", false, true },
        { "new/d", true, true },
    };

    (void) state;

    memset(&seen, 0, sizeof(seen));

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put_begin(&a, cases[i].key, i + 1, "one", true);
        assert_int_equal(social_net_commit_prepare(&a.c),
                         SOCIAL_NET_COMMIT_OK);
        assert_int_equal(social_net_commit_publish(&a.c, &seen),
                         SOCIAL_NET_COMMIT_OK);
        assert_int_equal(a.c.known, cases[i].known);
        social_net_commit_synced(&a.c, &seen, cases[i].durable);
        social_net_commit_free(&a.c);
    }
}


/*
 * What another commit has put there between the two steps is removed by who
 * finds the intent, if the process dies.
 */

static void
test_between(void **state)
{
    stored_t             a;
    social_net_intent_t  found[4];

    (void) state;

    assert_int_equal(put("a", 1, "one", false), SOCIAL_NET_COMMIT_OK);

    put_begin(&a, "a", 3, "three", false);
    assert_int_equal(social_net_commit_prepare(&a.c), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(put("a", 2, "two", false), SOCIAL_NET_COMMIT_OK);

    a.c.meta.seq += 3600000000;
    assert_int_equal(social_net_commit_publish(&a.c, &known),
                     SOCIAL_NET_COMMIT_OK);
    social_net_commit_synced(&a.c, &known, true);
    social_net_commit_free(&a.c);
    left(1, 2, 1);

    assert_int_equal(social_net_intent_find(&disk, (int64_t) time(NULL) + 60,
                                            found, 4), 1);
    social_net_intent_end(&disk, (int64_t) time(NULL), found, 1);

    is("a", "three");
    left(1, 1, 0);
}


/* of a key whose metadata cannot be read it is not known what it names */

static void
test_unreadable(void **state)
{
    int                  fd;
    char                 path[128], text[7];
    int64_t              now;
    stored_t             a;
    social_net_intent_t  found[4];

    (void) state;

    now = (int64_t) time(NULL) + 60;

    put_begin(&a, "a", 1, "one", false);
    assert_int_equal(commit(&a), SOCIAL_NET_COMMIT_OK);
    social_net_commit_free(&a.c);

    snprintf(path, sizeof(path), "%s/objects/a.o", root);
    fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, text, 7, 0), 7);
    assert_int_equal(pwrite(fd, "garbled", 7, 0), 7);

    assert_int_equal(social_net_intent_find(&disk, now, found, 4), 1);
    social_net_intent_end(&disk, now, found, 1);
    assert_int_equal(found[0].state, SOCIAL_NET_INTENT_LATER);
    left(1, 1, 1);

    assert_int_equal(pwrite(fd, text, 7, 0), 7);
    close(fd);

    assert_int_equal(social_net_intent_find(&disk, now + 60, found, 4), 1);
    social_net_intent_end(&disk, now + 60, found, 1);
    assert_int_equal(found[0].state, SOCIAL_NET_INTENT_ENDED);
    is("a", "one");
    left(1, 1, 0);
}


/*
 * What metadata says has to be durable before anything is removed that it does
 * not name.
 */

static void
test_unsynced(void **state)
{
    char                 path[128], away[128];
    int64_t              now;
    stored_t             a;
    social_net_intent_t  found[4];

    (void) state;

    now = (int64_t) time(NULL) + 60;

    put_begin(&a, "a", 1, "one", false);
    assert_int_equal(commit(&a), SOCIAL_NET_COMMIT_OK);
    social_net_commit_free(&a.c);

    /* it cannot be opened to be synced */

    snprintf(path, sizeof(path), "%s/objects", root);
    snprintf(away, sizeof(away), "%s/away", root);
    assert_int_equal(rename(path, away), 0);

    assert_int_equal(social_net_intent_find(&disk, now, found, 4), 1);
    social_net_intent_end(&disk, now, found, 1);
    assert_int_equal(found[0].state, SOCIAL_NET_INTENT_LATER);

    assert_int_equal(rename(away, path), 0);
    left(1, 1, 1);

    assert_int_equal(social_net_intent_find(&disk, now + 60, found, 4), 1);
    social_net_intent_end(&disk, now + 60, found, 1);
    assert_int_equal(found[0].state, SOCIAL_NET_INTENT_ENDED);
    is("a", "one");
    left(1, 1, 0);
}


/* bytes that metadata names are not removed for anyone */

static void
test_remove_data(void **state)
{
    stored_t       a;
    unsigned char  ids[2][SOCIAL_STORE_ID_SIZE];

    (void) state;

    put_begin(&a, "a", 1, "one", false);
    assert_int_equal(finish(&a), SOCIAL_NET_COMMIT_OK);

    memcpy(ids[0], a.c.meta.id, SOCIAL_STORE_ID_SIZE);
    memset(ids[1], 'f', SOCIAL_STORE_ID_SIZE);

    assert_int_equal(social_net_intent_remove_data(&disk, a.c.path, NULL, ids,
                                                   2), SOCIAL_OK);
    assert_int_equal(social_net_intent_remove_data(&disk, a.c.path, ids[0],
                                                   NULL, 0), SOCIAL_OK);
    is("a", "one");

    assert_int_equal(put("a", 2, "two", true), SOCIAL_NET_COMMIT_OK);
    left(1, 0, 0);
    is("a", "two");
}


#define TESTS                                                                 \
    cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),           \
    cmocka_unit_test_setup_teardown(test_known, setup, teardown),             \
    cmocka_unit_test_setup_teardown(test_between, setup, teardown),           \
    cmocka_unit_test_setup_teardown(test_unreadable, setup, teardown),        \
    cmocka_unit_test_setup_teardown(test_unsynced, setup, teardown),          \
    cmocka_unit_test_setup_teardown(test_remove_data, setup, teardown)


int
main(void)
{
    int  rc;

    const struct CMUnitTest  tests[] = { TESTS };

    rc = cmocka_run_group_tests_name("commit", tests, NULL, NULL);

    /* as where files have to have names */

    named = true;

    return rc + cmocka_run_group_tests_name("commit, named", tests, NULL,
                                            NULL);
}
