
/*
 * Ids that may be used once: by many processes, one of which is killed; and a
 * key that uses up its share takes nothing from others.
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "social_unit.h"
#include "social_replay.h"


#define NOW    1767225600
#define UNTIL  (NOW + 60)


static const unsigned char  secret[SOCIAL_REPLAY_SECRET_SIZE] = "a random one";


static void
make_key(unsigned char key[SOCIAL_REPLAY_KEY_SIZE], uint64_t n)
{
    memset(key, 0x5a, SOCIAL_REPLAY_KEY_SIZE);
    memcpy(key, &n, sizeof(n));
}


static social_replay_e
use(social_replay_t *t, uint64_t key, uint64_t id, int64_t until, int64_t now)
{
    social_str_t   s;
    unsigned char  k[SOCIAL_REPLAY_KEY_SIZE];

    make_key(k, key);

    s.data = (const unsigned char *) &id;
    s.len = sizeof(id);

    return social_replay_use(t, k, s, until, now);
}


static social_replay_t *
create(void **memory, size_t size)
{
    social_replay_t  *t;

    *memory = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                   -1, 0);
    assert_ptr_not_equal(*memory, MAP_FAILED);

    t = social_replay_create(*memory, size, secret, NOW);
    assert_non_null(t);

    return t;
}


static void
test_size(void **state)
{
    void             *p;
    social_replay_t  *t;

    (void) state;

    t = create(&p, 1 << 20);

    assert_int_equal(social_replay_capacity(t), ((1 << 20) - 64) / 64 * 8);
    assert_int_equal(social_replay_share(t), ((1 << 20) - 64) / 64 / 8 * 8);

    /* 8 sets in each of 8 shares, at least */

    assert_null(social_replay_create(p, 63, secret, NOW));
    assert_null(social_replay_create(p, 64 + 64 * 64 - 1, secret, NOW));
    assert_non_null(social_replay_create(p, 64 + 64 * 64, secret, NOW));

    munmap(p, 1 << 20);
}


static void
test_once(void **state)
{
    void             *p;
    uint64_t          i;
    social_replay_t  *t;

    (void) state;

    t = create(&p, 1 << 20);

    for (i = 0; i < 2000; i++) {
        assert_int_equal(use(t, i % 3, i, UNTIL, NOW), SOCIAL_REPLAY_NEW);
    }

    for (i = 0; i < 2000; i++) {
        assert_int_equal(use(t, i % 3, i, UNTIL, NOW), SOCIAL_REPLAY_SEEN);

        /* of another key it is another id */

        assert_int_equal(use(t, 3, i, UNTIL, NOW), SOCIAL_REPLAY_NEW);
    }

    munmap(p, 1 << 20);
}


static void
test_times(void **state)
{
    void             *p;
    social_replay_t  *t;

    (void) state;

    t = create(&p, 1 << 16);

    assert_int_equal(use(t, 1, 1, UNTIL, NOW), SOCIAL_REPLAY_NEW);
    assert_int_equal(use(t, 1, 1, UNTIL, UNTIL), SOCIAL_REPLAY_SEEN);

    /* a process whose clock is ahead does not forget what others know */

    assert_int_equal(use(t, 1, 1, UNTIL, UNTIL + SOCIAL_REPLAY_GRACE),
                     SOCIAL_REPLAY_SEEN);
    assert_int_equal(use(t, 1, 1, UNTIL + 100,
                         UNTIL + SOCIAL_REPLAY_GRACE + 1), SOCIAL_REPLAY_NEW);
    assert_int_equal(use(t, 1, 1, UNTIL + 100, UNTIL + 100),
                     SOCIAL_REPLAY_SEEN);

    /* times that do not fit are not cut off */

    assert_int_equal(use(t, 1, 2, NOW + (INT64_C(1) << 28), NOW),
                     SOCIAL_REPLAY_FULL);
    assert_int_equal(use(t, 1, 2, NOW - (INT64_C(1) << 25), NOW),
                     SOCIAL_REPLAY_FULL);
    assert_int_equal(use(t, 1, 2, 0, NOW), SOCIAL_REPLAY_FULL);

    munmap(p, 1 << 16);
}


/*
 * Many processes read the clock; what is over makes room, and what is not is
 * never thrown out.
 */

static void
test_full(void **state)
{
    void             *p;
    size_t            share;
    uint64_t          i, n;
    social_replay_t  *t;

    (void) state;

    t = create(&p, 1 << 20);
    share = social_replay_share(t);

    for (n = 0; use(t, 7, n, UNTIL, NOW) == SOCIAL_REPLAY_NEW; n++) {
        assert_true(n <= share);
    }

    /* eight places to choose from: almost all of them are used */

    assert_true(n > share / 10 * 6);

    /* more of them, until nothing is left */

    for (i = 0; i < 10 * share; i++) {
        n += use(t, 7, 1000000 + i, UNTIL, NOW) == SOCIAL_REPLAY_NEW;
    }

    assert_true(n > share / 10 * 8 && n <= share);
    assert_int_equal(use(t, 7, 0, UNTIL, NOW), SOCIAL_REPLAY_SEEN);

    /* no one else notices: many keys with few, and one with many */

    for (i = 0; i < 10000; i++) {
        assert_int_equal(use(t, 100 + i, i, UNTIL, NOW), SOCIAL_REPLAY_NEW);
    }

    for (i = 0; i < share / 2; i++) {
        assert_int_equal(use(t, 8, i, UNTIL, NOW), SOCIAL_REPLAY_NEW);
    }

    /* and when it is over there is room again */

    for (i = 0; i < share / 2; i++) {
        assert_int_equal(use(t, 7, 2000000 + i, UNTIL + 1000,
                             UNTIL + SOCIAL_REPLAY_GRACE + 1),
                         SOCIAL_REPLAY_NEW);
    }

    munmap(p, 1 << 20);
}


/*
 * Four processes with one lock use the same ids: each is new to one of them.
 * One is killed while it has the lock, which the others get then.
 */

#define PROCESSES  4
#define IDS        20000


typedef struct {
    pthread_mutex_t   lock;
    unsigned char     count[IDS];
} shared_t;


static void
run(shared_t *shared, social_replay_t *t, unsigned process)
{
    uint64_t  i;

    for (i = 0; i < IDS; i++) {

        if (pthread_mutex_lock(&shared->lock) == EOWNERDEAD) {
            pthread_mutex_consistent(&shared->lock);
        }

        if (use(t, i % 5, i, UNTIL, NOW) == SOCIAL_REPLAY_NEW) {
            shared->count[i]++;
        }

        if (process == 0 && i == IDS / 2) {
            kill(getpid(), SIGKILL);
        }

        pthread_mutex_unlock(&shared->lock);
    }

    _exit(0);
}


static void
test_processes(void **state)
{
    int                   status;
    void                 *p;
    pid_t                 pids[PROCESSES];
    size_t                i;
    shared_t             *shared;
    social_replay_t      *t;
    pthread_mutexattr_t   attr;

    (void) state;

    t = create(&p, 4 << 20);

    shared = mmap(NULL, sizeof(shared_t), PROT_READ|PROT_WRITE,
                  MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(shared, MAP_FAILED);

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&shared->lock, &attr);

    for (i = 0; i < PROCESSES; i++) {

        pids[i] = fork();
        assert_true(pids[i] >= 0);

        if (pids[i] == 0) {
            run(shared, t, (unsigned) i);
        }
    }

    for (i = 0; i < PROCESSES; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, i == 0 ? SIGKILL : 0);
    }

    for (i = 0; i < IDS; i++) {
        assert_int_equal(shared->count[i], 1);
    }

    munmap(shared, sizeof(shared_t));
    munmap(p, 4 << 20);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_processes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
