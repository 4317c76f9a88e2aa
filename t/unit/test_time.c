
#include <time.h>

#include "social_unit.h"
#include "social_time.h"


static void
check(int64_t t)
{
    char           expected[64];
    time_t         tt;
    int64_t        back;
    struct tm      tm;
    unsigned char  buf[32];
    social_str_t   s;

    tt = (time_t) t;
    assert_non_null(gmtime_r(&tt, &tm));

    strftime(expected, sizeof(expected), "%Y%m%dT%H%M%SZ", &tm);
    social_time_amz(t, buf);
    assert_int_equal(strlen(expected), SOCIAL_TIME_AMZ_SIZE);
    assert_memory_equal(buf, expected, SOCIAL_TIME_AMZ_SIZE);

    s.data = buf;
    s.len = SOCIAL_TIME_AMZ_SIZE;
    back = -1;
    assert_int_equal(social_time_amz_parse(s, &back), SOCIAL_OK);
    assert_true(back == t);

    strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
    social_time_iso(t, buf);
    assert_memory_equal(buf, expected, SOCIAL_TIME_ISO_SIZE);
}


static void
test_calendar(void **state)
{
    int64_t  t;

    (void) state;

    /* libc agrees on every day to the year 9999 */

    for (t = 0; t <= SOCIAL_TIME_MAX; t += 86400) {
        check(t + t / 86400 % 86400);
    }

    check(0);
    check(951782399);
    check(951782400);
    check(2147483648);
    check(4107542400);
    check(SOCIAL_TIME_MAX);
}


static void
test_range(void **state)
{
    unsigned char  buf[SOCIAL_TIME_AMZ_SIZE];

    (void) state;

    social_time_amz(-1, buf);
    assert_memory_equal(buf, "19700101T000000Z", sizeof(buf));
    social_time_amz(INT64_MIN, buf);
    assert_memory_equal(buf, "19700101T000000Z", sizeof(buf));
    social_time_amz(INT64_MAX, buf);
    assert_memory_equal(buf, "99991231T235959Z", sizeof(buf));
}


static void
test_bad(void **state)
{
    size_t   i;
    int64_t  t;

    static const char *const  amz[] = {
        "", "20130524T000000", "20130524T000000z", "20130524t000000Z",
        "20130524T000000ZZ", " 20130524T000000Z", "20130524 000000Z",
        "20131324T000000Z", "20130024T000000Z", "20130532T000000Z",
        "20130500T000000Z", "20130229T000000Z", "21000229T000000Z",
        "20130524T240000Z", "20130524T006000Z", "20130524T000060Z",
        "19691231T235959Z", "00000101T000000Z", "2013-05-24T00:00:00Z",
        "+0130524T000000Z", "-0130524T000000Z",
    };

    (void) state;

    for (i = 0; i < sizeof(amz) / sizeof(amz[0]); i++) {
        assert_int_equal(social_time_amz_parse(social_str(amz[i]), &t),
                         SOCIAL_MALFORMED);
    }

    assert_int_equal(social_time_amz_parse(S("20130524T00000\0Z"), &t),
                     SOCIAL_MALFORMED);
}


static void
test_http(void **state)
{
    size_t    i;
    int64_t   t;

    static const struct {
        const char  *text;
        int64_t      t;
    } good[] = {
        { "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
        { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
        { "Sun Nov  6 08:49:37 1994", 784111777 },
        { "Sun Nov 16 08:49:37 1994", 784975777 },
        { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
        { "Thursday, 01-Jan-70 00:00:00 GMT", 0 },
        { "Wednesday, 01-Jan-69 00:00:00 GMT", 3124224000 },
        { "Thu, 29 Feb 2024 23:59:59 GMT", 1709251199 },
        { "Fri, 31 Dec 9999 23:59:59 GMT", SOCIAL_TIME_MAX }
    };

    static const char *const  bad[] = {
        "", "now", "784111777", "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 GMT x",
        "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nox 1994 08:49:37 GMT", "Sun, 06 Nov 994 08:49:37 GMT",
        "Sun, 06 Nov 19940 08:49:37 GMT", "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
        "Wed, 31 Dec 1969 23:59:59 GMT", "S, 06 Nov 1994 08:49:37 GMT",
        "Sun Nov 006 08:49:37 1994", "Sun, 0x Nov 1994 08:49:37 GMT",
        "Sun, 06 NovNov 1994 08:49:37 GMT"
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        t = -1;
        assert_int_equal(social_time_http_parse(social_str(good[i].text), &t),
                         SOCIAL_OK);
        assert_true(t == good[i].t);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (social_time_http_parse(social_str(bad[i]), &t)
            != SOCIAL_MALFORMED)
        {
            fail_msg("\"%s\"", bad[i]);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_calendar),
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_http),
    };

    return cmocka_run_group_tests_name("time", tests, NULL, NULL);
}
