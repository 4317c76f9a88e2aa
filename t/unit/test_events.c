
/*
 * net/social_net_events.c: events in a directory of the test's own.
 */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "social_unit.h"
#include "social_net_events.h"


static char  root[] = "/tmp/social-events-XXXXXX";

/* what was synced, in its order, and which of these calls fails */

static char  synced[256];
static int   sync_fails;


/* the library's, too */

int
fsync(int fd)
{
    int          n;
    char         path[64], name[256];
    const char  *last;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);

    n = (int) readlink(path, name, sizeof(name) - 1);
    name[n > 0 ? n : 0] = '\0';

    last = strrchr(name, '/');
    last = strcmp(name, root) == 0 ? "root"
           : strncmp(name + strlen(root), "/tmp/", 5) == 0 ? "file"
           : last ? last + 1 : "?";

    strncat(synced, synced[0] ? " " : "",
            sizeof(synced) - strlen(synced) - 1);
    strncat(synced, last, sizeof(synced) - strlen(synced) - 1);

    if (sync_fails && --sync_fails == 0) {
        errno = EIO;
        return -1;
    }

    return (int) syscall(SYS_fsync, fd);
}


static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void) st;
    (void) type;
    (void) f;

    return remove(path);
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


static social_event_name_t
name(uint64_t time, uint64_t user, const char *text)
{
    social_event_name_t  n;

    n.time = time;
    n.user = user;
    n.size = (uint32_t) strlen(text);

    return n;
}


static void
put(uint64_t time, uint64_t user, const char *text)
{
    social_event_name_t  n;

    n = name(time, user, text);
    assert_int_equal(social_net_events_put(root, &n, social_str(text)),
                     SOCIAL_OK);
}


/* the times of what waits, as "1 2 3" */

static void
check_times(const social_net_events_t *events, const char *times)
{
    char    text[256];
    size_t  i, len;

    text[0] = '\0';
    len = 0;

    for (i = 0; i < events->n; i++) {
        len += (size_t) snprintf(text + len, sizeof(text) - len, "%s%u",
                                 i ? " " : "",
                                 (unsigned) events->names[i].time);
    }

    assert_string_equal(text, times);
}


static void
check(const char *times, uint64_t bytes, uint64_t aside)
{
    social_net_events_t  events;

    assert_int_equal(social_net_events_list(root, &events), SOCIAL_OK);
    check_times(&events, times);
    assert_int_equal(events.bytes, bytes);
    assert_int_equal(events.aside, aside);
    social_net_events_free(&events);
}


static unsigned
files(const char *place)
{
    char      path[128];
    unsigned  n;
    FILE     *f;

    snprintf(path, sizeof(path), "ls -A %s/%s 2>/dev/null | wc -l", root,
             place);

    f = popen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%u", &n), 1);
    pclose(f);

    return n;
}


static void
test_events(void **state)
{
    char                 buf[16];
    unsigned             i;
    social_event_name_t  n;

    (void) state;

    check("", 0, 0);

    put(3, 1, "three");
    put(1, 2, "one");
    put(2, 1, "two");

    check("1 2 3", 11, 0);
    assert_int_equal(files("tmp"), 0);

    n = name(2, 1, "two");
    assert_int_equal(social_net_events_get(root, &n, (unsigned char *) buf),
                     SOCIAL_OK);
    assert_memory_equal(buf, "two", 3);

    assert_int_equal(social_net_events_remove(root, &n), SOCIAL_OK);
    assert_int_equal(social_net_events_remove(root, &n), SOCIAL_OK);
    assert_int_equal(social_net_events_get(root, &n, (unsigned char *) buf),
                     SOCIAL_DECLINED);
    check("1 3", 8, 0);

    n = name(1, 2, "one");
    assert_int_equal(social_net_events_set_aside(root, &n), SOCIAL_OK);
    assert_int_equal(social_net_events_set_aside(root, &n), SOCIAL_OK);
    check("3", 5, 1);

    /* more than a first piece of memory */

    for (i = 10; i < 210; i++) {
        put(i, i, "x");
    }

    assert_int_equal(files("events"), 201);
}


static void
test_heads(void **state)
{
    social_net_events_t  events;

    (void) state;

    put(5, 1, "a");
    put(1, 2, "b");
    put(4, 1, "c");
    put(3, 3, "d");
    put(2, 2, "e");
    put(6, 3, "f");

    assert_int_equal(social_net_events_list(root, &events), SOCIAL_OK);
    social_net_events_heads(&events);
    check_times(&events, "1 3 4");
    social_net_events_free(&events);

    memset(&events, 0, sizeof(events));
    social_net_events_heads(&events);
    assert_int_equal(events.n, 0);
}


/* what others have put there */

static void
test_strange(void **state)
{
    int                  fd;
    char                 path[256];
    unsigned char        buf[16];
    social_event_name_t  n;

    (void) state;

    put(1, 1, "one");

    snprintf(path, sizeof(path), "%s/events/note.txt", root);
    fd = open(path, O_WRONLY|O_CREAT, 0600);
    assert_true(fd != -1);
    close(fd);

    check("1", 3, 0);

    /* a name that is longer than its file, a link, a directory, a pipe */

    n = name(1, 1, "longer");
    snprintf(path, sizeof(path),
             "cd %s/events && mv *-00000003 "
             "0000000000000001-0000000000000001-00000006", root);
    assert_int_equal(system(path), 0);
    assert_int_equal(social_net_events_get(root, &n, buf), SOCIAL_MALFORMED);

    snprintf(path, sizeof(path),
             "cd %s/events && echo more >> "
             "0000000000000001-0000000000000001-00000006", root);
    assert_int_equal(system(path), 0);
    assert_int_equal(social_net_events_get(root, &n, buf), SOCIAL_MALFORMED);

    snprintf(path, sizeof(path),
             "cd %s/events && rm 0* && ln -s /etc/hosts "
             "0000000000000001-0000000000000001-00000006", root);
    assert_int_equal(system(path), 0);
    assert_int_equal(social_net_events_get(root, &n, buf), SOCIAL_FAILED);
    assert_int_equal(errno, ELOOP);

    snprintf(path, sizeof(path),
             "cd %s/events && rm 0* && mkdir "
             "0000000000000001-0000000000000001-00000006", root);
    assert_int_equal(system(path), 0);
    assert_int_equal(social_net_events_get(root, &n, buf), SOCIAL_MALFORMED);

    snprintf(path, sizeof(path),
             "cd %s/events && rmdir 0* && mkfifo "
             "0000000000000001-0000000000000001-00000006", root);
    assert_int_equal(system(path), 0);
    assert_int_equal(social_net_events_get(root, &n, buf), SOCIAL_MALFORMED);
}


/* one that is not written is not there, and says why */

static void
test_failed(void **state)
{
    int                  fd;
    char                 path[256];
    social_event_name_t  n;

    (void) state;

    n = name(1, 1, "one");

    assert_int_equal(social_net_events_put("/nonexistent", &n, S("one")),
                     SOCIAL_FAILED);
    assert_int_equal(errno, ENOENT);

    /* no directory can be made */

    snprintf(path, sizeof(path), "%s/tmp", root);
    fd = open(path, O_WRONLY|O_CREAT, 0600);
    assert_true(fd != -1);
    close(fd);

    assert_int_equal(social_net_events_put(root, &n, S("one")), SOCIAL_FAILED);
    assert_int_equal(errno, ENOTDIR);
    check("", 0, 0);

    /* the same file is being written */

    assert_int_equal(unlink(path), 0);
    assert_int_equal(social_net_events_prepare(root), SOCIAL_OK);

    snprintf(path, sizeof(path),
             "%s/tmp/0000000000000001-0000000000000001-00000003", root);
    fd = open(path, O_WRONLY|O_CREAT, 0600);
    assert_true(fd != -1);
    close(fd);

    assert_int_equal(social_net_events_put(root, &n, S("one")), SOCIAL_FAILED);
    assert_int_equal(errno, EEXIST);
    check("", 0, 0);

    /* it cannot be renamed: nothing stays behind */

    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof(path), "rmdir %s/events", root);
    assert_int_equal(system(path), 0);

    assert_int_equal(social_net_events_put(root, &n, S("one")), SOCIAL_FAILED);
    assert_int_equal(files("tmp"), 0);
}


static void
test_sweep(void **state)
{
    char     path[256];
    int64_t  now;

    (void) state;

    now = (int64_t) time(NULL);

    assert_int_equal(social_net_events_sweep(root, now, 0), 0);

    put(1, 1, "one");

    snprintf(path, sizeof(path), "touch %s/tmp/left %s/tmp/behind", root,
             root);
    assert_int_equal(system(path), 0);

    assert_int_equal(social_net_events_sweep(root, now, 3600), 0);
    assert_int_equal(files("tmp"), 2);
    assert_int_equal(social_net_events_sweep(root, now + 3601, 3600), 2);
    assert_int_equal(files("tmp"), 0);
    check("1", 3, 0);
}


/* acknowledged is durable: the file before it has its name, and the names */

static void
test_synced(void **state)
{
    int                  i;
    social_event_name_t  n;

    (void) state;

    synced[0] = '\0';
    put(1, 1, "one");
    assert_string_equal(synced, "root file events");

    synced[0] = '\0';
    put(2, 1, "two");
    assert_string_equal(synced, "file events");

    /* what could not be synced is not there, and may be written again */

    n = name(3, 1, "three");

    for (i = 1; i <= 2; i++) {
        sync_fails = i;
        assert_int_equal(social_net_events_put(root, &n, social_str("three")),
                         SOCIAL_FAILED);
        assert_int_equal(errno, EIO);
        assert_int_equal(sync_fails, 0);
        check("1 2", 6, 0);
        assert_int_equal(files("tmp"), 0);
    }

    sync_fails = 0;
    put(3, 1, "three");
    check("1 2 3", 11, 0);

    /* the first one of all */

    assert_int_equal(teardown(state), 0);
    assert_int_equal(setup(state), 0);
    sync_fails = 1;
    assert_int_equal(social_net_events_put(root, &n, social_str("three")),
                     SOCIAL_FAILED);
    sync_fails = 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_events, setup, teardown),
        cmocka_unit_test_setup_teardown(test_heads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strange, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sweep, setup, teardown),
        cmocka_unit_test_setup_teardown(test_synced, setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
