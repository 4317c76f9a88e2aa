
#include "social_unit.h"
#include "social_crypto.h"
#include "social_revocations.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


#define NOW    INT64_C(1700000000)
#define LATER  (NOW + 1000)
#define SIZE   (64 * 1024)


static void
make_id(uint64_t n, unsigned char id[16])
{
    unsigned char  digest[SOCIAL_SHA256_SIZE];
    social_str_t   data;

    data.data = (unsigned char *) &n;
    data.len = sizeof(n);

    assert_int_equal(social_sha256(data, digest), SOCIAL_OK);
    memcpy(id, digest, 16);
}


static social_rc_e
add(social_revocations_t *set, uint64_t n, int64_t until, int64_t now)
{
    unsigned char  id[16];

    make_id(n, id);

    return social_revocations_add(set, id, until, now);
}


static bool
has(const social_revocations_t *set, uint64_t n, int64_t now)
{
    unsigned char  id[16];

    make_id(n, id);

    return social_revocations_has(set, id, now);
}


static void *
share(size_t size)
{
    void  *p;

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_ANONYMOUS|MAP_SHARED, -1, 0);
    assert_true(p != MAP_FAILED);

    return p;
}


static void
test_one(void **state)
{
    void                  *memory;
    social_revocations_t  *set;

    (void) state;

    memory = malloc(SIZE);
    assert_non_null(memory);
    memset(memory, 0xa5, SIZE);

    set = social_revocations_init(memory, SIZE);
    assert_non_null(set);

    assert_int_equal(social_revocations_epoch(set), 1);
    assert_false(social_revocations_loaded(set));
    assert_false(has(set, 1, NOW));

    /* over before it is there */

    assert_int_equal(add(set, 1, NOW, NOW), SOCIAL_OK);
    assert_int_equal(social_revocations_epoch(set), 1);
    assert_false(has(set, 1, NOW));

    assert_int_equal(add(set, 1, LATER, NOW), SOCIAL_OK);
    assert_int_equal(social_revocations_epoch(set), 2);
    assert_true(has(set, 1, NOW));
    assert_true(has(set, 1, LATER - 1));
    assert_false(has(set, 1, LATER));
    assert_false(has(set, 2, NOW));

    /* the same again, and shorter: no news */

    assert_int_equal(add(set, 1, LATER, NOW), SOCIAL_OK);
    assert_int_equal(add(set, 1, LATER - 500, NOW), SOCIAL_OK);
    assert_int_equal(social_revocations_epoch(set), 2);
    assert_true(has(set, 1, LATER - 1));

    /* longer */

    assert_int_equal(add(set, 1, LATER + 10, NOW), SOCIAL_OK);
    assert_int_equal(social_revocations_epoch(set), 3);
    assert_true(has(set, 1, LATER));

    social_revocations_set_loaded(set, true);
    assert_true(social_revocations_loaded(set));
    social_revocations_set_loaded(set, false);
    assert_false(social_revocations_loaded(set));

    free(memory);
}


static void
test_small(void **state)
{
    void                  *memory;
    size_t                 size;
    social_revocations_t  *set;

    (void) state;

    assert_null(social_revocations_init(&size, 0));

    for (size = 1; size < 400; size++) {

        memory = malloc(size);
        assert_non_null(memory);

        set = social_revocations_init(memory, size);

        if (set != NULL) {
            assert_true(social_revocations_capacity(set) >= 1);

            for (uint64_t n = 0; n < social_revocations_capacity(set); n++) {
                assert_int_equal(add(set, n, LATER, NOW), SOCIAL_OK);
            }

            assert_int_equal(social_revocations_state(set),
                             SOCIAL_REVOCATIONS_ROOM);
            assert_int_equal(add(set, 999, LATER, NOW), SOCIAL_DECLINED);
            assert_int_equal(social_revocations_state(set),
                             SOCIAL_REVOCATIONS_EXCEEDED);
            assert_false(has(set, 999, NOW));
            assert_true(has(set, 0, NOW));

            /* nor is there a filter to fill */

            social_revocations_load_end(set,
                                        social_revocations_load_begin(set),
                                        true);
            assert_int_equal(social_revocations_state(set),
                             SOCIAL_REVOCATIONS_ROOM);
            assert_true(has(set, 0, NOW));
        }

        free(memory);
    }
}


/*
 * Full at three quarters; what is over makes room, at once in its own chain
 * and everywhere after a sweep; nothing that holds is lost by either.
 */

static void
test_full(void **state)
{
    void                  *memory;
    size_t                 n, capacity, taken;
    uint64_t               epoch, load;
    social_revocations_t  *set;

    (void) state;

    memory = malloc(SIZE);
    assert_non_null(memory);

    set = social_revocations_init(memory, SIZE);
    capacity = social_revocations_capacity(set);

    /* three quarters of three quarters */

    assert_in_range(capacity, SIZE / 24 * 53 / 100, SIZE / 24 * 57 / 100);

    /* every second one is soon over */

    for (n = 0; n < capacity; n++) {
        assert_int_equal(add(set, n, n % 2 ? LATER : NOW + 10, NOW),
                         SOCIAL_OK);
    }

    epoch = social_revocations_epoch(set);
    assert_int_equal(epoch, capacity + 1);

    assert_int_equal(social_revocations_state(set), SOCIAL_REVOCATIONS_ROOM);

    /* one more is found nevertheless, and is new once */

    assert_int_equal(add(set, capacity, LATER, NOW), SOCIAL_OK);
    assert_true(has(set, capacity, NOW));
    assert_int_equal(social_revocations_epoch(set), epoch + 1);
    assert_int_equal(social_revocations_state(set), SOCIAL_REVOCATIONS_FULL);

    assert_int_equal(add(set, capacity, LATER, NOW), SOCIAL_OK);
    assert_int_equal(social_revocations_epoch(set), epoch + 1);

    /* one that is there lasts longer even so */

    assert_int_equal(add(set, 0, NOW + 20, NOW), SOCIAL_OK);

    /* over for readers, but not long enough for a writer */

    assert_false(has(set, 0, NOW + 20));
    social_revocations_sweep(set, 100000, NOW + 25);
    load = social_revocations_load_begin(set);
    assert_int_equal(add(set, capacity, LATER, NOW + 25), SOCIAL_OK);
    social_revocations_load_end(set, load, true);
    assert_int_equal(social_revocations_state(set), SOCIAL_REVOCATIONS_FULL);
    assert_true(has(set, capacity, NOW));

    for (n = 0, taken = 0; n < capacity / 2; n++) {
        load = social_revocations_load_begin(set);
        assert_int_equal(add(set, capacity + n, LATER, NOW + 100), SOCIAL_OK);
        social_revocations_load_end(set, load, true);
        taken += social_revocations_state(set) == SOCIAL_REVOCATIONS_ROOM;
    }

    assert_true(taken > capacity / 8);

    for (n = 0; n < 20; n++) {
        social_revocations_sweep(set, 500, NOW + 100);
    }

    load = social_revocations_load_begin(set);

    for (n = 0; n < capacity / 2; n++) {
        assert_int_equal(add(set, capacity + n, LATER, NOW + 100), SOCIAL_OK);
    }

    social_revocations_load_end(set, load, true);
    assert_int_equal(social_revocations_state(set), SOCIAL_REVOCATIONS_ROOM);

    for (n = 0; n < capacity + capacity / 2; n++) {
        assert_int_equal(has(set, n, NOW + 100), n % 2 || n >= capacity);
    }

    /* and all of it is over at last */

    for (n = 0; n < 20; n++) {
        social_revocations_sweep(set, 500, LATER + 100);
    }

    for (n = 0; n < capacity; n++) {
        assert_int_equal(add(set, 7777777 + n, LATER + 500, LATER + 100),
                         SOCIAL_OK);
    }

    assert_int_equal(social_revocations_state(set), SOCIAL_REVOCATIONS_ROOM);
    assert_int_equal(add(set, 1, LATER + 500, LATER + 100), SOCIAL_OK);
    assert_int_equal(social_revocations_state(set), SOCIAL_REVOCATIONS_FULL);

    free(memory);
}


/*
 * What has no slot: all of it is found, as good as nothing else is, until the
 * filter is half full; and a load leaves what it added and nothing else.
 */

static void
test_filter(void **state)
{
    void                  *memory;
    size_t                 n, capacity, filtered, found;
    uint64_t               load, epoch;
    social_revocations_t  *set;

    (void) state;

    memory = malloc(SIZE * 4);
    assert_non_null(memory);
    memset(memory, 0xa5, SIZE * 4);

    set = social_revocations_init(memory, SIZE * 4);
    capacity = social_revocations_capacity(set);

    for (n = 0; n < capacity; n++) {
        assert_int_equal(add(set, n, NOW + 10, NOW), SOCIAL_OK);
    }

    for (filtered = 0;
         add(set, capacity + filtered, LATER, NOW) == SOCIAL_OK;
         filtered++)
    {
        assert_int_equal(social_revocations_state(set),
                         SOCIAL_REVOCATIONS_FULL);
    }

    assert_int_equal(social_revocations_state(set),
                     SOCIAL_REVOCATIONS_EXCEEDED);
    assert_false(has(set, capacity + filtered, NOW));

    /* an eighth of the memory at 29 bits each */

    assert_in_range(filtered, SIZE * 4 / 29 * 98 / 100,
                    SIZE * 4 / 29 * 102 / 100);

    for (n = 0; n < capacity + filtered; n++) {
        assert_true(has(set, n, NOW));
    }

    for (n = 0, found = 0; n < 1000000; n++) {
        found += has(set, (UINT64_C(1) << 40) + n, NOW);
    }

    assert_in_range(found, 0, 10);

    /* a load under way takes nothing away, and what comes with it stays */

    epoch = social_revocations_epoch(set);
    load = social_revocations_load_begin(set);

    for (n = 0; n < 100; n++) {
        assert_int_equal(add(set, capacity + n, LATER, NOW), SOCIAL_OK);
    }

    assert_int_equal(add(set, capacity + filtered, LATER, NOW),
                     SOCIAL_DECLINED);
    assert_int_equal(social_revocations_epoch(set), epoch);

    for (n = 0; n < capacity + filtered; n++) {
        assert_true(has(set, n, NOW));
    }

    /* one that began before it, and one that never did, end nothing */

    social_revocations_load_end(set, load - 1, true);
    social_revocations_load_end(set, load + 1, true);
    social_revocations_load_end(set, 0, true);
    assert_true(has(set, capacity + filtered - 1, NOW));

    social_revocations_load_end(set, load, true);
    assert_true(social_revocations_epoch(set) > epoch);
    assert_int_equal(social_revocations_state(set), SOCIAL_REVOCATIONS_FULL);
    assert_true(has(set, capacity + filtered, NOW));

    for (n = 0, found = 0; n < filtered; n++) {
        found += has(set, capacity + n, NOW);
    }

    assert_in_range(found, 100, 105);

    /* twice over is once */

    social_revocations_load_end(set, load, true);
    assert_true(has(set, capacity, NOW));

    /* two at a time: the one that began last counts */

    load = social_revocations_load_begin(set);
    assert_int_equal(add(set, capacity, LATER, NOW), SOCIAL_OK);
    (void) social_revocations_load_begin(set);
    social_revocations_load_end(set, load, true);
    assert_true(has(set, capacity + 99, NOW));

    /* what is over makes room for it */

    for (n = 0; n < 2; n++) {
        social_revocations_sweep(set, capacity * 2, NOW + 100);
    }

    load = social_revocations_load_begin(set);
    assert_int_equal(add(set, capacity, LATER, NOW + 100), SOCIAL_OK);
    social_revocations_load_end(set, load, true);
    assert_int_equal(social_revocations_state(set), SOCIAL_REVOCATIONS_ROOM);
    assert_true(has(set, capacity, NOW + 100));
    assert_false(has(set, capacity + 1, NOW + 100));

    free(memory);
}


static void
test_drop(void **state)
{
    void                  *memory;
    size_t                 n, capacity;
    uint64_t               load;
    unsigned char          id[16];
    social_revocations_t  *set;

    (void) state;

    memory = malloc(SIZE);
    assert_non_null(memory);

    set = social_revocations_init(memory, SIZE);
    capacity = social_revocations_capacity(set);

    make_id(1, id);
    social_revocations_drop(set, id, false);

    for (n = 0; n <= capacity; n++) {
        assert_int_equal(add(set, n, LATER, NOW), SOCIAL_OK);
    }

    for (n = 0; n <= capacity; n += 2) {
        make_id(n, id);
        social_revocations_drop(set, id, false);
    }

    for (n = 0; n < capacity; n++) {
        assert_int_equal(has(set, n, NOW), n % 2);
    }

    /* its room is there for another, and it may come again */

    load = social_revocations_load_begin(set);
    social_revocations_sweep(set, capacity * 2, NOW);

    for (n = 0; n < capacity; n += 2) {
        assert_int_equal(add(set, n, LATER, NOW), SOCIAL_OK);
    }

    social_revocations_load_end(set, load, true);
    assert_int_equal(social_revocations_state(set), SOCIAL_REVOCATIONS_ROOM);

    for (n = 0; n < capacity; n++) {
        assert_true(has(set, n, NOW));
    }

    assert_false(has(set, capacity + capacity % 2, NOW));

    free(memory);
}


/*
 * Against a plain table, over simulated days.
 */

static void
test_model(void **state)
{
    void                  *memory;
    unsigned char          id[16];
    size_t                 i, n;
    int64_t                now, until;
    uint64_t               seed;
    social_revocations_t  *set;
    static int64_t         model[2000];

    (void) state;

    memory = malloc(SIZE / 3);
    assert_non_null(memory);

    set = social_revocations_init(memory, SIZE / 3);
    now = NOW;
    seed = 42;

    for (i = 0; i < 60000; i++) {

        seed = seed * UINT64_C(6364136223846793005) + 1;
        n = (size_t) (seed >> 33) % 2000;
        until = now + (int64_t) (seed >> 20) % 200;

        assert_int_equal(add(set, n, until, now), SOCIAL_OK);

        if (until > now && until > model[n]) {
            model[n] = until;
        }

        if (i % 7 == 0) {
            n = (size_t) (seed >> 50) % 2000;
            make_id(n, id);
            social_revocations_drop(set, id, false);
            model[n] = 0;
        }

        if (i % 3 == 0) {
            now++;
        }

        if (i % 16 == 0) {
            social_revocations_sweep(set, 64, now);
        }

        n = (size_t) (seed >> 40) % 2000;
        assert_int_equal(has(set, n, now), model[n] > now);
    }

    /* 400 or so at a time with those just over, where more have room */

    assert_int_equal(social_revocations_state(set), SOCIAL_REVOCATIONS_ROOM);

    free(memory);
}


/*
 * Readers in other processes: one that knows of an entry, by the epoch,
 * finds it, and finds those before it; none finds what was never added.
 */

static void
reader(const social_revocations_t *set, uint64_t last)
{
    uint64_t  epoch, n;

    n = 0;

    do {
        epoch = social_revocations_epoch(set);

        if (epoch - 1 > last || (epoch > 1 && !has(set, epoch - 2, NOW))
            || (epoch > 1 && !has(set, n++ % (epoch - 1), NOW))
            || has(set, last + 1 + n, NOW))
        {
            _exit(1);
        }

    } while (epoch - 1 < last);

    _exit(0);
}


static void
test_readers(void **state)
{
    int                    i, status;
    void                  *memory;
    pid_t                  pids[2];
    uint64_t               n, last;
    social_revocations_t  *set;

    (void) state;

    memory = share(SIZE * 4);
    set = social_revocations_init(memory, SIZE * 4);
    last = social_revocations_capacity(set);

    for (i = 0; i < 2; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);

        if (pids[i] == 0) {
            alarm(120);
            reader(set, last);
        }
    }

    for (n = 0; n < last; n++) {
        assert_int_equal(add(set, n, LATER, NOW), SOCIAL_OK);
    }

    for (i = 0; i < 2; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }

    munmap(memory, SIZE * 4);
}


/*
 * A writer that churns, so that slots change hands, is killed wherever it is,
 * many times.  It notes the entry it is at before and after.  After each kill
 * what it had finished is there, nothing else is, and once the next writer
 * has begun, an entry that can be seen was followed by a new epoch.
 */

typedef struct {
    volatile uint64_t   begun;
    volatile uint64_t   done;
    volatile int64_t    now;
} churn_t;


static void
churn(social_revocations_t *set, churn_t *at)
{
    for ( ;; ) {
        at->begun = at->done + 1;
        at->now = NOW + (int64_t) at->begun;

        if (add(set, at->begun, at->now + 200, at->now) != SOCIAL_OK) {
            _exit(1);
        }

        social_revocations_sweep(set, 8, at->now);
        at->done = at->begun;
    }
}


static void
test_killed_writer(void **state)
{
    int                    i, status;
    void                  *memory;
    bool                   seen;
    pid_t                  pid;
    churn_t               *at;
    uint64_t               n, epoch, first;
    struct timespec        ts;
    social_revocations_t  *set;

    (void) state;

    memory = share(SIZE / 4);
    at = share(sizeof(churn_t));
    set = social_revocations_init(memory, SIZE / 4);

    for (i = 0; i < 200; i++) {

        epoch = social_revocations_epoch(set);
        first = at->done;
        seen = has(set, at->begun, at->now);

        pid = fork();
        assert_true(pid >= 0);

        if (pid == 0) {
            alarm(60);
            churn(set, at);
        }

        while (at->done == first) {
            assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
        }

        ts.tv_sec = 0;
        ts.tv_nsec = (i * 7919) % 1000 * 1000;
        nanosleep(&ts, NULL);

        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));

        /* every insertion raised it, the one that was cut off at most */

        n = social_revocations_epoch(set);
        assert_true(n >= epoch + (at->done - first) - (seen ? 1 : 0));

        for (n = at->done > 190 ? at->done - 190 : 1; n <= at->done; n++) {
            assert_true(has(set, n, at->now));
        }

        assert_false(has(set, at->begun + 1, at->now));

        social_revocations_recover(set);

        epoch = social_revocations_epoch(set);
        social_revocations_recover(set);
        assert_int_equal(social_revocations_epoch(set), epoch);
    }

    munmap(memory, SIZE / 4);
    munmap(at, sizeof(churn_t));
}


/*
 * Entries move while others are taken out of their chains: those that hold
 * are found at every moment.
 */

static void
test_moves(void **state)
{
    int                    status;
    void                  *memory;
    pid_t                  pid;
    churn_t               *at;
    uint64_t               n, round;
    unsigned char          ids[150][16];
    social_revocations_t  *set;

    (void) state;

    memory = share(SIZE / 3);
    at = share(sizeof(churn_t));
    set = social_revocations_init(memory, SIZE / 3);

    for (n = 0; n < 150; n++) {
        make_id(UINT64_C(1) << 40 | n, ids[n]);
        assert_int_equal(social_revocations_add(set, ids[n], INT64_MAX, NOW),
                         SOCIAL_OK);
    }

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        alarm(60);
        churn(set, at);
    }

    for (round = 0; round < 2000 || at->done < 20000; round++) {
        for (n = 0; n < 150; n++) {
            assert_true(social_revocations_has(set, ids[n], NOW));
        }

        assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
    }

    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);

    munmap(memory, SIZE / 3);
    munmap(at, sizeof(churn_t));
}


/*
 * Loads replace the filter while entries go from it to slots and back: those
 * that hold are found at every moment, and the loading process may be killed.
 */

static void
reload(social_revocations_t *set, unsigned char ids[][16], size_t n,
    churn_t *at)
{
    size_t         i;
    int64_t        now;
    uint64_t       load, round;
    unsigned char  id[16];

    for (round = at->begun; /* void */ ; round++) {

        /* others come and go, so that there is a slot in every other round */

        now = NOW + (int64_t) round * 100;
        load = social_revocations_load_begin(set);

        for (i = 0; i < n; i++) {
            (void) social_revocations_add(set, ids[i], INT64_MAX, now);
        }

        if (round % 2) {
            for (i = 0; i < n; i++) {
                make_id((round % 16) << 32 | i, id);
                (void) social_revocations_add(set, id, now + 60, now);
            }
        }

        social_revocations_load_end(set, load, true);
        social_revocations_sweep(set, n / 8, now);
        at->begun = round;
        at->done++;
    }
}


static void
test_loads(void **state)
{
    int                    i, status;
    void                  *memory;
    pid_t                  pid;
    size_t                 n, all;
    churn_t               *at;
    uint64_t               first, round;
    unsigned char          ids[300][16];
    social_revocations_t  *set;

    (void) state;

    memory = share(SIZE / 8);
    at = share(sizeof(churn_t));
    set = social_revocations_init(memory, SIZE / 8);
    all = social_revocations_capacity(set) + 80;
    assert_true(all < 300);

    for (n = 0; n < all; n++) {
        make_id(UINT64_C(1) << 40 | n, ids[n]);
        assert_int_equal(social_revocations_add(set, ids[n], INT64_MAX, NOW),
                         SOCIAL_OK);
    }

    for (i = 0; i < 20; i++) {
        first = at->done;

        pid = fork();
        assert_true(pid >= 0);

        if (pid == 0) {
            alarm(120);
            reload(set, ids, all, at);
        }

        for (round = 0; round < 20 || at->done < first + 10; round++) {
            for (n = 0; n < all; n++) {
                assert_true(social_revocations_has(set, ids[n], NOW));
            }

            assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
        }

        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
    }

    munmap(memory, SIZE / 8);
    munmap(at, sizeof(churn_t));
}


static bool
may(const social_revocations_t *set, uint64_t n, int64_t now)
{
    size_t         i;
    uint32_t       marks[SOCIAL_REVOCATIONS_MARKS];
    unsigned char  id[16];

    for (i = 0; i < SOCIAL_REVOCATIONS_MARKS; i++) {
        make_id(1000000 + n + i, id);
        marks[i] = social_revocations_mark(id);
    }

    /* the last of four counts as the first */

    make_id(n, id);
    marks[n % SOCIAL_REVOCATIONS_MARKS] = social_revocations_mark(id);

    return social_revocations_may(set, marks, now);
}


/*
 * By its marks a token is found if it is there, whichever of them it is; and
 * while the filter is in use, which has none of them, always.
 */

static void
test_marks(void **state)
{
    void                  *memory;
    size_t                 n, capacity;
    uint64_t               load;
    social_revocations_t  *set;

    (void) state;

    memory = malloc(SIZE);
    assert_non_null(memory);

    set = social_revocations_init(memory, SIZE);
    capacity = social_revocations_capacity(set);

    for (n = 0; n < capacity; n++) {
        assert_false(may(set, n, NOW));
        assert_int_equal(add(set, n, LATER, NOW), SOCIAL_OK);
        assert_true(may(set, n, NOW));
        assert_false(may(set, n, LATER));
    }

    assert_false(may(set, capacity, NOW));
    assert_int_equal(add(set, capacity, LATER, NOW), SOCIAL_OK);
    assert_true(may(set, capacity, NOW));
    assert_true(may(set, capacity + 1, NOW));

    load = social_revocations_load_begin(set);
    social_revocations_load_end(set, load, true);
    assert_false(may(set, capacity, NOW));

    free(memory);
}


/*
 * Of a subject: a time that becomes later and never earlier, unless it was
 * over; and all, where there is no slot for a time.
 */

static void
test_subject(void **state)
{
    void                  *memory;
    size_t                 n, capacity;
    int64_t                before;
    uint64_t               epoch;
    unsigned char          id[16], near[16];
    social_revocations_t  *set;

    (void) state;

    memory = malloc(SIZE);
    assert_non_null(memory);

    set = social_revocations_init(memory, SIZE);
    capacity = social_revocations_capacity(set);

    make_id(1, id);
    assert_false(social_revocations_subject(set, id, NOW, &before));

    assert_int_equal(social_revocations_add_subject(set, id, 500, LATER, NOW),
                     SOCIAL_OK);
    epoch = social_revocations_epoch(set);
    assert_true(social_revocations_subject(set, id, NOW, &before));
    assert_int_equal(before, 500);
    assert_false(social_revocations_subject(set, id, LATER, &before));
    assert_true(may(set, 1, NOW));

    /* it is not a session, nor of another subject */

    assert_false(has(set, 1, NOW));

    memcpy(near, id, 16);
    near[15] ^= 1;
    assert_false(social_revocations_subject(set, near, NOW, &before));

    /* earlier, and shorter: no news */

    assert_int_equal(social_revocations_add_subject(set, id, 499, LATER, NOW),
                     SOCIAL_OK);
    assert_int_equal(social_revocations_add_subject(set, id, 500, LATER - 5,
                                                    NOW), SOCIAL_OK);
    assert_int_equal(social_revocations_epoch(set), epoch);
    assert_true(social_revocations_subject(set, id, NOW, &before));
    assert_int_equal(before, 500);

    /* later, for as long; earlier, for longer */

    assert_int_equal(social_revocations_add_subject(set, id, 501, LATER - 5,
                                                    NOW), SOCIAL_OK);
    assert_int_equal(social_revocations_epoch(set), epoch + 1);
    assert_true(social_revocations_subject(set, id, LATER - 1, &before));
    assert_int_equal(before, 501);

    assert_int_equal(social_revocations_add_subject(set, id, 400, LATER + 9,
                                                    NOW), SOCIAL_OK);
    assert_int_equal(social_revocations_epoch(set), epoch + 2);
    assert_true(social_revocations_subject(set, id, LATER + 8, &before));
    assert_int_equal(before, 501);

    /* all, until that is over */

    assert_int_equal(social_revocations_add_subject(set, id, INT64_MAX, LATER,
                                                    NOW), SOCIAL_OK);
    assert_true(social_revocations_subject(set, id, NOW, &before));
    assert_true(before == INT64_MAX);
    assert_int_equal(social_revocations_add_subject(set, id, 600, LATER, NOW),
                     SOCIAL_OK);
    assert_true(social_revocations_subject(set, id, NOW, &before));
    assert_true(before == INT64_MAX);

    assert_int_equal(social_revocations_add_subject(set, id, 700, LATER + 99,
                                                    LATER + 9), SOCIAL_OK);
    assert_true(social_revocations_subject(set, id, LATER + 9, &before));
    assert_int_equal(before, 700);

    social_revocations_drop(set, id, false);
    assert_true(social_revocations_subject(set, id, LATER + 9, &before));
    social_revocations_drop(set, id, true);
    assert_false(social_revocations_subject(set, id, LATER + 9, &before));

    /* what does not fit */

    set = social_revocations_init(memory, SIZE);
    assert_int_equal(social_revocations_add_subject(set, id, -5, LATER, NOW),
                     SOCIAL_OK);
    assert_true(social_revocations_subject(set, id, NOW, &before));
    assert_int_equal(before, 0);
    assert_int_equal(social_revocations_add_subject(set, id,
                                          INT64_C(4294967294), LATER, NOW),
                     SOCIAL_OK);
    assert_true(social_revocations_subject(set, id, NOW, &before));
    assert_true(before == INT64_C(4294967294));
    assert_int_equal(social_revocations_add_subject(set, id,
                                          INT64_C(4294967295), LATER, NOW),
                     SOCIAL_OK);
    assert_true(social_revocations_subject(set, id, NOW, &before));
    assert_true(before == INT64_MAX);

    /* in the filter */

    for (n = 10; n < capacity + 10; n++) {
        assert_int_equal(add(set, n, LATER, NOW), SOCIAL_OK);
    }

    make_id(2, id);
    assert_int_equal(social_revocations_add_subject(set, id, 500, LATER, NOW),
                     SOCIAL_OK);
    assert_true(social_revocations_subject(set, id, NOW, &before));
    assert_true(before == INT64_MAX);

    free(memory);
}


/*
 * What the filter had before a load stays, unless the load may forget it.
 */

static void
test_kept(void **state)
{
    void                  *memory;
    size_t                 n, capacity;
    uint64_t               load;
    social_revocations_t  *set;

    (void) state;

    memory = malloc(SIZE);
    assert_non_null(memory);

    set = social_revocations_init(memory, SIZE);
    capacity = social_revocations_capacity(set);
    assert_int_equal(social_revocations_overflow_until(set), 0);

    for (n = 0; n < capacity; n++) {
        assert_int_equal(add(set, n, LATER + 500, NOW), SOCIAL_OK);
    }

    assert_int_equal(social_revocations_overflow_until(set), 0);
    assert_int_equal(add(set, n, LATER, NOW), SOCIAL_OK);
    assert_int_equal(add(set, n + 1, LATER - 1, NOW), SOCIAL_OK);
    assert_int_equal(social_revocations_overflow_until(set), LATER);

    load = social_revocations_load_begin(set);
    assert_int_equal(add(set, n + 2, LATER, NOW), SOCIAL_OK);
    social_revocations_load_end(set, load, false);

    assert_true(has(set, n, NOW));
    assert_true(has(set, n + 1, NOW));
    assert_true(has(set, n + 2, NOW));
    assert_int_equal(social_revocations_state(set), SOCIAL_REVOCATIONS_FULL);

    /* that load is over */

    social_revocations_load_end(set, load, true);
    assert_true(has(set, n, NOW));

    load = social_revocations_load_begin(set);
    assert_int_equal(add(set, n + 1, LATER, NOW), SOCIAL_OK);
    social_revocations_load_end(set, load, true);

    assert_false(has(set, n, NOW));
    assert_true(has(set, n + 1, NOW));

    free(memory);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_one),
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_subject),
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_drop),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_readers),
        cmocka_unit_test(test_killed_writer),
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_loads)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
