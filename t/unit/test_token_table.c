
/*
 * The table of verdicts: a lookup returns what was stored, whatever other
 * processes write at the same time, and whichever of them is killed.
 */

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "social_unit.h"
#include "social_token_table.h"


#define NOW  1700000000


static unsigned char *
test_memory(size_t size)
{
    void  *p;

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(p, MAP_FAILED);

    return p;
}


/* every field follows from "n", so that a mixture of two shows */

static void
test_digest(unsigned char digest[SOCIAL_TOKEN_DIGEST_SIZE], uint64_t n)
{
    size_t    i;
    uint64_t  x;

    for (i = 0; i < SOCIAL_TOKEN_DIGEST_SIZE / 8; i++) {
        x = (n + 1) * UINT64_C(0x9e3779b97f4a7c15) + i;
        x ^= x >> 29;
        x *= UINT64_C(0xbf58476d1ce4e5b9);
        x ^= x >> 32;
        memcpy(digest + 8 * i, &x, 8);
    }
}


static social_token_verdict_t
test_verdict(uint64_t n, uint64_t version)
{
    social_token_verdict_t  v;

    memset(&v, 0, sizeof(v));       /* what is between its members, too */

    v.generation = n * 3 + version;
    v.expires = (int64_t) (NOW + 3600 + version);
    v.epoch = n * 7 + version;
    v.issuer = (unsigned) ((n * 11 + version) & 0xffff);
    memset(v.marks, (int) ((n + version) & 0xff), sizeof(v.marks));

    return v;
}


static void
test_is_verdict(const social_token_verdict_t *v, uint64_t n)
{
    social_token_verdict_t  wanted;

    wanted = test_verdict(n, (uint64_t) (v->expires - NOW - 3600));

    assert_int_equal(v->generation, wanted.generation);
    assert_int_equal(v->epoch, wanted.epoch);
    assert_int_equal(v->issuer, wanted.issuer);
    assert_memory_equal(v->marks, wanted.marks, sizeof(wanted.marks));
}


static void
test_put(social_token_table_t *table, uint64_t n, uint64_t version,
    int64_t now)
{
    unsigned char           digest[SOCIAL_TOKEN_DIGEST_SIZE];
    social_token_verdict_t  v;

    test_digest(digest, n);
    v = test_verdict(n, version);

    social_token_table_put(table, digest, &v, now);
}


static bool
test_get(social_token_table_t *table, uint64_t n, social_token_verdict_t *v)
{
    unsigned char  digest[SOCIAL_TOKEN_DIGEST_SIZE];

    test_digest(digest, n);

    return social_token_table_get(table, digest, v);
}


static void
test_sizes(void **state)
{
    unsigned char  *p;

    (void) state;

    assert_int_equal(social_token_table_capacity(0), 0);
    assert_int_equal(social_token_table_capacity(575), 0);
    assert_int_equal(social_token_table_capacity(64 + 512), 8);
    assert_int_equal(social_token_table_capacity(64 + 4 * 512 - 1), 24);
    assert_int_equal(social_token_table_capacity(8 << 20), 8 * 16383);

    p = test_memory(4096);
    assert_null(social_token_table_create(p, 575));
    assert_non_null(social_token_table_create(p, 4096));
    munmap(p, 4096);
}


static void
test_caches(void **state)
{
    size_t                   i;
    unsigned char           *p, digest[SOCIAL_TOKEN_DIGEST_SIZE];
    social_token_table_t    *table;
    social_token_verdict_t   v;

    (void) state;

    p = test_memory(1 << 20);
    table = social_token_table_create(p, 1 << 20);

    for (i = 0; i < 1000; i++) {
        assert_false(test_get(table, i, &v));
        test_put(table, i, 1, NOW);
    }

    for (i = 0; i < 1000; i++) {
        assert_true(test_get(table, i, &v));
        test_is_verdict(&v, i);
    }

    /* one token, one slot: the newer verdict is what counts */

    test_put(table, 5, 2, NOW);
    assert_true(test_get(table, 5, &v));
    assert_int_equal(v.epoch, 5 * 7 + 2);

    /* an expiry that a slot cannot hold is reduced, not increased */

    test_digest(digest, 6);
    v = test_verdict(6, 1);
    v.expires = INT64_C(1) << 53;
    social_token_table_put(table, digest, &v, NOW);
    assert_true(test_get(table, 6, &v));
    assert_in_range(v.expires, INT64_C(1) << 40, INT64_C(1) << 53);

    munmap(p, 1 << 20);
}


/* in the smallest of tables, all tokens meet in one set */

static void
test_replaces(void **state)
{
    size_t                   i, found;
    unsigned char           *p;
    social_token_table_t    *table;
    social_token_verdict_t   v;

    (void) state;

    p = test_memory(4096);
    table = social_token_table_create(p, 64 + 512);

    for (i = 0; i < 8; i++) {
        test_put(table, i, 1, NOW);
    }

    for (i = 0; i < 8; i++) {
        assert_true(test_get(table, i, &v));
    }

    /* full of valid verdicts: the new one replaces one of them */

    test_put(table, 8, 1, NOW);
    assert_true(test_get(table, 8, &v));

    for (i = 0, found = 0; i < 8; i++) {
        found += test_get(table, i, &v);
    }

    assert_int_equal(found, 7);

    /* all have expired but the one that is renewed, which is kept */

    test_put(table, 8, 7200, NOW + 3700);

    for (i = 20; i < 27; i++) {
        test_put(table, i, 7200, NOW + 3700);
        assert_true(test_get(table, 8, &v));
    }

    for (i = 20; i < 27; i++) {
        assert_true(test_get(table, i, &v));
    }

    munmap(p, 4096);
}


/* more tokens in turn than there are slots: most still find their own */

static void
test_in_turn(void **state)
{
    size_t                   i, round, found;
    unsigned char           *p;
    social_token_table_t    *table;
    social_token_verdict_t   v;

    (void) state;

    p = test_memory(4096);
    table = social_token_table_create(p, 64 + 512);
    found = 0;

    for (round = 0; round < 100; round++) {
        for (i = 0; i < 9; i++) {
            if (test_get(table, i, &v)) {
                found++;
                continue;
            }

            test_put(table, i, round, NOW + (int64_t) round);
        }
    }

    assert_in_range(found, 400, 900);

    munmap(p, 4096);
}


static void
test_child(social_token_table_t *table, unsigned int seed, unsigned int tokens)
{
    uint64_t                n, version;
    social_token_verdict_t  v;

    /* this process is not ended when an assertion fails */

    alarm(90);

    for (version = 0; /* void */ ; version++) {
        n = (uint64_t) (rand_r(&seed) % (int) tokens);

        if (version % 4) {
            test_put(table, n, version % 1000, NOW);

        } else if (test_get(table, n, &v)
                   && v.generation != n * 3 + (uint64_t) (v.expires - NOW
                                                          - 3600))
        {
            _exit(1);
        }
    }
}


static void
test_processes(void **state)
{
    int                      status;
    pid_t                    pids[3];
    time_t                   end;
    size_t                   i, found;
    uint64_t                 n;
    unsigned char           *p;
    social_token_table_t    *table;
    social_token_verdict_t   v;

    (void) state;

    p = test_memory(4096);
    table = social_token_table_create(p, 64 + 2 * 512);

    for (i = 0; i < 3; i++) {
        pids[i] = fork();
        assert_int_not_equal(pids[i], -1);

        if (pids[i] == 0) {
            test_child(table, (unsigned int) i, 24);
        }
    }

    /* on a busy machine the others may not have begun yet */

    end = time(NULL) + 60;

    for (i = 0, found = 0;
         i < 1000000 || (found < 100000 && time(NULL) < end);
         i++)
    {
        n = i % 24;

        if (test_get(table, n, &v)) {
            test_is_verdict(&v, n);
            found++;
        }
    }

    for (i = 0; i < 3; i++) {
        kill(pids[i], SIGKILL);
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFSIGNALED(status));
    }

    assert_true(found >= 100000);

    munmap(p, 4096);
}


/*
 * A writer that is killed takes one verdict with it at most, and no room: what
 * it left is as good as an empty slot.
 */

static void
test_killed(void **state)
{
    pid_t                    pid;
    size_t                   i, round, lost;
    unsigned char           *p;
    social_token_table_t    *table;
    social_token_verdict_t   v;

    (void) state;

    p = test_memory(4096);
    table = social_token_table_create(p, 64 + 512);

    for (round = 0; round < 200; round++) {

        for (i = 0; i < 8; i++) {
            test_put(table, i, round % 1000, NOW);
        }

        pid = fork();
        assert_int_not_equal(pid, -1);

        if (pid == 0) {
            test_child(table, (unsigned int) round, 8);
        }

        usleep((useconds_t) (200 + round * 13));
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);

        for (i = 0, lost = 0; i < 8; i++) {
            if (test_get(table, i, &v)) {
                test_is_verdict(&v, i);

            } else {
                lost++;
            }
        }

        assert_in_range(lost, 0, 1);
    }

    for (i = 0; i < 8; i++) {
        test_put(table, i, 1000, NOW);
        test_put(table, i, 1001, NOW);
    }

    for (i = 0; i < 8; i++) {
        assert_true(test_get(table, i, &v));
        assert_int_equal(v.epoch, i * 7 + 1001);
    }

    munmap(p, 4096);
}


/* one that is stopped for as long as its slots are used by another, and goes */

static void
test_stopped(void **state)
{
    int                      status;
    pid_t                    pid;
    size_t                   i, round;
    unsigned char           *p;
    social_token_table_t    *table;
    social_token_verdict_t   v;

    (void) state;

    p = test_memory(4096);
    table = social_token_table_create(p, 64 + 512);

    pid = fork();
    assert_int_not_equal(pid, -1);

    if (pid == 0) {
        test_child(table, 1, 24);
    }

    for (round = 0; round < 200; round++) {

        usleep((useconds_t) (100 + round * 7));
        kill(pid, SIGSTOP);
        assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
        assert_true(WIFSTOPPED(status));

        for (i = 0; i < 24; i++) {
            test_put(table, i, 2000 + round, NOW);
            assert_true(test_get(table, i, &v));
            assert_int_equal(v.epoch, i * 7 + 2000 + round);
        }

        kill(pid, SIGCONT);

        for (i = 0; i < 24000; i++) {
            if (test_get(table, i % 24, &v)) {
                test_is_verdict(&v, i % 24);
            }
        }
    }

    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));

    munmap(p, 4096);
}


/* of a table of one set, the slot that was used */

static unsigned char *
test_slot(unsigned char *p)
{
    size_t                      i;
    static const unsigned char  unused[64];

    for (i = 1; memcmp(p + i * 64, unused, 64) == 0; i++) {
        assert_in_range(i, 1, 8);
    }

    return p + i * 64;
}


/* leaves in the slot what was written by the one or by the other */

static void
test_mixture(unsigned char *slot, unsigned char one[64],
    unsigned char other[64], unsigned words)
{
    size_t  i;

    for (i = 0; i < 8; i++) {
        memcpy(slot + 8 * i, (words & (1U << i) ? one : other) + 8 * i, 8);
    }
}


/*
 * Whatever words of a slot two writers leave, in whichever order, no reader
 * takes it for a verdict but the whole one of either.
 */

static void
test_torn(void **state)
{
    size_t                   i, n;
    unsigned                 words;
    unsigned char           *p, *slot, images[4][64];
    social_token_table_t    *table;
    social_token_verdict_t   v;

    (void) state;

    p = test_memory(4096);

    for (n = 0; n < 500; n++) {

        /* of the same token, of another, and of a slot never used */

        for (i = 0; i < 3; i++) {
            memset(p, 0, 4096);
            table = social_token_table_create(p, 64 + 512);

            test_put(table, i == 2 ? n + 1 : n, i + n % 3, NOW);

            memcpy(images[i], test_slot(p), 64);
        }

        memset(images[3], 0, 64);
        memset(p + 64, 0, 512);
        test_put(table, n, n % 3, NOW);

        slot = test_slot(p);

        for (i = 1; i < 4; i++) {
            for (words = 0; words < 256; words++) {

                test_mixture(slot, images[0], images[i], words);

                if (!test_get(table, n, &v)) {
                    assert_int_not_equal(words, 255);

                } else if (memcmp(slot, images[0], 64) == 0) {
                    assert_int_equal(v.epoch, n * 7 + n % 3);
                    test_is_verdict(&v, n);

                } else {
                    assert_int_equal(i, 1);
                    assert_memory_equal(slot, images[1], 64);
                    assert_int_equal(v.epoch, n * 7 + 1 + n % 3);
                    test_is_verdict(&v, n);
                }

                /* and there is room in it */

                test_put(table, n, 500, NOW);
                assert_true(test_get(table, n, &v));
                assert_int_equal(v.epoch, n * 7 + 500);
                memset(p + 64, 0, 512);
            }
        }
    }

    munmap(p, 4096);
}


/* incomplete slots are replaced first */

static void
test_damaged(void **state)
{
    size_t                   i, way, lost;
    unsigned char           *p;
    social_token_table_t    *table;
    social_token_verdict_t   v;

    (void) state;

    p = test_memory(4096);

    for (way = 0; way < 8; way++) {
        table = social_token_table_create(p, 64 + 512);

        for (i = 0; i < 8; i++) {
            test_put(table, i, 1, NOW);
        }

        p[64 + way * 64 + 24] ^= 1;         /* its generation */

        for (lost = 0; lost < 8; lost++) {
            if (!test_get(table, lost, &v)) {
                break;
            }
        }

        assert_in_range(lost, 0, 7);

        test_put(table, 100, 1, NOW);
        assert_true(test_get(table, 100, &v));

        for (i = 0; i < 8; i++) {
            assert_int_equal(test_get(table, i, &v), i != lost);
        }
    }

    munmap(p, 4096);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_caches),
        cmocka_unit_test(test_replaces),
        cmocka_unit_test(test_in_turn),
        cmocka_unit_test(test_processes),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_torn),
        cmocka_unit_test(test_damaged)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
