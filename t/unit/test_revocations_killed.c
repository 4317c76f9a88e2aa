
/*
 * A writer that is killed after any of its instructions: it is run step by step
 * in a process of its own, and whenever it has changed something, what it would
 * have left is looked at, and put back as it was.
 */

#include "social_unit.h"
#include "social_crypto.h"
#include "social_revocations.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>


#define NOW    INT64_C(1700000000)
#define LATER  (NOW + 1000)
#define SIZE   1024
#define IDS    64


typedef void (*writer_pt)(social_revocations_t *set);

/* "last": the writer has come to its end */
typedef void (*check_pt)(social_revocations_t *set, bool last);

static unsigned char  ids[IDS][16];
static uint64_t       epoch;         /* before the writer */
static size_t         capacity, seen;


static void
make_ids(void)
{
    unsigned char  i, digest[SOCIAL_SHA256_SIZE];
    social_str_t   data;

    for (i = 0; i < IDS; i++) {
        data.data = &i;
        data.len = 1;
        assert_int_equal(social_sha256(data, digest), SOCIAL_OK);
        memcpy(ids[i], digest, 16);
    }
}


static void *
share(void)
{
    void  *p;

    p = mmap(NULL, SIZE, PROT_READ|PROT_WRITE, MAP_ANONYMOUS|MAP_SHARED, -1, 0);
    assert_true(p != MAP_FAILED);

    return p;
}


static void
step_by_step(social_revocations_t *set, writer_pt writer, check_pt check)
{
    int             status;
    pid_t           pid;
    size_t          changes;
    unsigned char   before[SIZE];

    pid = fork();
    assert_true(pid != -1);

    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
            _exit(1);
        }

        kill(getpid(), SIGSTOP);
        writer(set);
        _exit(0);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);

    if (!WIFSTOPPED(status)) {
        print_message("NOT TESTED: a process may not be traced here\n");
        skip();
    }

    memcpy(before, set, SIZE);

    for (changes = 0; /* void */; changes += memcmp(before, set, SIZE) != 0) {

        if (memcmp(before, set, SIZE) != 0) {
            memcpy(before, set, SIZE);
            check(set, false);
            memcpy(set, before, SIZE);
        }

        assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);

        if (WIFEXITED(status)) {
            break;
        }
    }

    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(changes > 3);

    check(set, true);
}


static void
add_one(social_revocations_t *set)
{
    (void) social_revocations_add(set, ids[0], LATER, NOW);
}


static void
add_subject(social_revocations_t *set)
{
    (void) social_revocations_add_subject(set, ids[1], 700, LATER + 5, NOW);
}


static void
sweep(social_revocations_t *set)
{
    social_revocations_sweep(set, 100, NOW + 100);
}


/*
 * How many more entries have a slot.
 */

static size_t
room(social_revocations_t *set, int64_t now)
{
    size_t  n;

    for (n = 0; n < IDS / 2; n++) {
        (void) social_revocations_add(set, ids[IDS / 2 + n], LATER, now);

        if (social_revocations_state(set) != SOCIAL_REVOCATIONS_ROOM) {
            break;
        }
    }

    return n;
}


/*
 * What a reader finds is news to it by the epoch, once another writer has come;
 * and no slot is lost or counted twice.
 */

static void
check_added(social_revocations_t *set, bool last)
{
    bool  found;

    social_revocations_sweep(set, 0, NOW);

    found = social_revocations_has(set, ids[0], NOW);

    assert_true(found || !last);
    assert_true(!found || social_revocations_epoch(set) > epoch);
    seen += found;

    assert_true(social_revocations_has(set, ids[2], NOW));
    assert_int_equal(room(set, NOW), capacity - 1 - found);
}


static void
test_added(void **state)
{
    void                  *memory;
    social_revocations_t  *set;

    (void) state;

    memory = share();

    set = social_revocations_init(memory, SIZE);
    capacity = social_revocations_capacity(set);
    assert_true(capacity > 10 && capacity < IDS / 2);

    assert_int_equal(social_revocations_add(set, ids[2], LATER, NOW),
                     SOCIAL_OK);
    epoch = social_revocations_epoch(set);
    seen = 0;

    step_by_step(set, add_one, check_added);

    /* also before it had come to its end */

    assert_true(seen > 1);

    munmap(memory, SIZE);
}


/*
 * A subject's time is the one before or the one after it, and news likewise.
 */

static void
check_subject(social_revocations_t *set, bool last)
{
    int64_t  before;

    social_revocations_sweep(set, 0, NOW);

    assert_true(social_revocations_subject(set, ids[1], NOW, &before));
    assert_true(before == 700 || (before == 600 && !last));
    assert_true(before == 600 || social_revocations_epoch(set) > epoch);

    if (social_revocations_subject(set, ids[1], LATER, &before)) {
        assert_int_equal(before, 700);
        assert_true(social_revocations_epoch(set) > epoch);
    }
}


static void
test_subject(void **state)
{
    void                  *memory;
    social_revocations_t  *set;

    (void) state;

    memory = share();

    set = social_revocations_init(memory, SIZE);

    assert_int_equal(social_revocations_add_subject(set, ids[1], 600, LATER,
                                                    NOW),
                     SOCIAL_OK);
    epoch = social_revocations_epoch(set);

    step_by_step(set, add_subject, check_subject);

    munmap(memory, SIZE);
}


/*
 * Where entries move into the slots of those that are over, none is lost.
 */

static void
check_swept(social_revocations_t *set, bool last)
{
    size_t  i, rounds;

    (void) last;

    for (rounds = 0; rounds < 3; rounds++) {

        for (i = 1; i < capacity; i += 2) {
            assert_true(social_revocations_has(set, ids[i], NOW + 100));
        }

        social_revocations_sweep(set, 100, NOW + 100);
    }
}


static void
test_swept(void **state)
{
    void                  *memory;
    size_t                 i;
    social_revocations_t  *set;

    (void) state;

    memory = share();

    set = social_revocations_init(memory, SIZE);
    capacity = social_revocations_capacity(set);

    for (i = 0; i < capacity; i++) {
        assert_int_equal(social_revocations_add(set, ids[i],
                                                i % 2 ? LATER : NOW + 9, NOW),
                         SOCIAL_OK);
    }

    step_by_step(set, sweep, check_swept);

    munmap(memory, SIZE);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_added),
        cmocka_unit_test(test_subject),
        cmocka_unit_test(test_swept)
    };

    make_ids();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
