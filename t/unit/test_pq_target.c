
/*
 * Connection strings, as libpq reads them; and how long something is waited
 * for.
 */

#include <stdlib.h>

#include "social_unit.h"
#include "social_pq_resolve.h"
#include "social_pq_target.h"


static social_pq_target_t  target;
static char                why[256];


static void
reads(const char *conninfo, size_t n)
{
    why[0] = '\0';
    assert_int_equal(social_pq_target_read(conninfo, &target, why,
                                           sizeof(why)), SOCIAL_OK);
    assert_int_equal(target.n, n);
}


static void
refuses(const char *conninfo, const char *text)
{
    assert_int_equal(social_pq_target_read(conninfo, &target, why,
                                           sizeof(why)), SOCIAL_DECLINED);
    assert_non_null(strstr(why, text));
}


static void
host_is(size_t i, const char *host, const char *hostaddr, const char *port)
{
    assert_string_equal(target.hosts[i].host, host);
    assert_string_equal(target.hosts[i].hostaddr, hostaddr);
    assert_string_equal(target.hosts[i].port, port);
}


static void
test_hosts(void **state)
{
    (void) state;

    reads("host=a", 1);
    host_is(0, "a", "", "5432");
    assert_string_equal(target.session, "any");
    social_pq_target_free(&target);

    reads("host=a,b port=1", 2);
    host_is(0, "a", "", "1");
    host_is(1, "b", "", "1");
    assert_string_equal(target.session, "read-write");
    social_pq_target_free(&target);

    reads("host=a,/b,c port=1,,3 hostaddr=,,::1 user=u options=-ca=b", 3);
    host_is(0, "a", "", "1");
    host_is(1, "/b", "", "5432");
    host_is(2, "c", "::1", "3");
    assert_string_equal(target.user, "u");
    assert_string_equal(target.options, "-ca=b");
    social_pq_target_free(&target);

    reads("hostaddr=10.0.0.1,10.0.0.2", 2);
    host_is(1, "", "10.0.0.2", "5432");
    social_pq_target_free(&target);

    reads("postgresql://u@a:1,b:2/d?target_session_attrs=any", 2);
    host_is(1, "b", "", "2");
    assert_string_equal(target.session, "any");
    social_pq_target_free(&target);

    reads("host=a,b target_session_attrs=primary", 2);
    assert_string_equal(target.session, "primary");
    social_pq_target_free(&target);

    assert_int_equal(setenv("PGTARGETSESSIONATTRS", "any", 1), 0);
    reads("host=a,b", 2);
    assert_string_equal(target.session, "any");
    social_pq_target_free(&target);
    unsetenv("PGTARGETSESSIONATTRS");

    assert_int_equal(setenv("PGHOST", "x,y", 1), 0);
    reads("dbname=d", 2);
    host_is(1, "y", "", "5432");
    social_pq_target_free(&target);
    unsetenv("PGHOST");

    reads("dbname=d", 1);
    host_is(0, "", "", "5432");
    assert_true(social_pq_host_is_local(&target.hosts[0]));
    social_pq_target_free(&target);

    reads("host=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", 16);
    host_is(15, "16", "", "5432");
    social_pq_target_free(&target);
}


static void
test_refused(void **state)
{
    (void) state;

    refuses("host=a,b port=1,2,3", "3 port numbers");
    refuses("host=a,b hostaddr=::1", "host");
    refuses("host=a,,b", "empty host");
    refuses("host=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "16 hosts");
    refuses("service=nothing_here password=s3cret", "nothing_here");
    assert_null(strstr(why, "s3cret"));
    refuses("sslmode=perhaps", "sslmode");

    assert_true(social_pq_conninfo_valid("host=a"));
    assert_false(social_pq_conninfo_valid("host"));
}


static void
encrypted_is(const char *conninfo, bool expected)
{
    reads(conninfo, 1);
    assert_int_equal(social_pq_target_is_encrypted(&target), expected);
    social_pq_target_free(&target);
}


static void
test_encrypted(void **state)
{
    (void) state;

    encrypted_is("host=a", false);
    encrypted_is("host=a sslmode=allow", false);
    encrypted_is("host=a sslmode=prefer", false);
    encrypted_is("host=a sslmode=require", true);
    encrypted_is("host=a sslmode=verify-ca", true);
    encrypted_is("host=a sslmode=verify-full", true);
    encrypted_is("hostaddr=::1 sslmode=verify-full", true);
    encrypted_is("host=/tmp sslmode=verify-full", false);
    encrypted_is("host=@abstract sslmode=verify-full", false);
    encrypted_is("sslmode=require", false);

    reads("host=a,/tmp sslmode=require", 2);
    assert_false(social_pq_target_is_encrypted(&target));
    social_pq_target_free(&target);
}


static bool
stops(void *data)
{
    return *(bool *) data;
}


static void
test_wait(void **state)
{
    bool              stop;
    int64_t           now;
    social_pq_wait_t  wait, share;

    (void) state;

    stop = false;
    now = social_pq_clock();

    wait.end = now + 60000;
    wait.stop = stops;
    wait.data = &stop;

    assert_int_equal(social_pq_wait_slice(&wait), SOCIAL_PQ_WAIT_SLICE);

    share = social_pq_wait_share(&wait, 3);
    assert_true(share.end >= now + 20000 && share.end < now + 50000);

    share = social_pq_wait_share(&wait, 1);
    assert_true(share.end == wait.end);

    stop = true;
    assert_int_equal(social_pq_wait_slice(&wait), 0);

    stop = false;
    wait.end = now;
    assert_int_equal(social_pq_wait_slice(&wait), 0);
    assert_int_equal(social_pq_wait(&wait, 0, 0), SOCIAL_DECLINED);

    wait.stop = NULL;
    wait.end = social_pq_clock() + 60000;
    assert_true(social_pq_wait_slice(&wait) > 0);
}


static void
test_resolve(void **state)
{
    char                   name[SOCIAL_PQ_MAX_NAME + 10];
    const char            *text;
    social_pq_wait_t       wait;
    social_pq_addresses_t  found;

    (void) state;

    memset(&wait, 0, sizeof(wait));

    /* an address is found in no time */

    assert_int_equal(social_pq_resolve("127.0.0.1", &wait, &found, &text),
                     SOCIAL_OK);
    assert_int_equal(found.n, 1);
    assert_string_equal(found.text[0], "127.0.0.1");

    assert_int_equal(social_pq_resolve("::1", &wait, &found, &text),
                     SOCIAL_OK);
    assert_string_equal(found.text[0], "::1");

    memset(name, 'a', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(social_pq_resolve(name, &wait, &found, &text),
                     SOCIAL_DECLINED);
    assert_string_equal(text, "the name is too long");

    wait.end = social_pq_clock() + 60000;
    assert_int_equal(social_pq_resolve("localhost", &wait, &found, &text),
                     SOCIAL_OK);
    assert_true(found.n > 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_encrypted),
        cmocka_unit_test(test_wait),
        cmocka_unit_test(test_resolve),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
