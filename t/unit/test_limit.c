
/*
 * Limits on requests: how they are written, periods, the bucket of a key, and
 * shares.
 */

#include <string.h>
#include <time.h>

#include "social_unit.h"
#include "social_limit.h"


static social_limit_t
limit_of(const char *text, bool quota)
{
    social_limit_t  limit;

    memset(&limit, 0xff, sizeof(limit));
    assert_int_equal(social_limit_parse(social_str(text), quota, &limit),
                     SOCIAL_OK);

    return limit;
}


static void
near(double a, double b)
{
    assert_true(a - b < 1e-6 && b - a < 1e-6);
}


static void
test_parse(void **state)
{
    size_t          i;
    social_limit_t  limit;

    static const char  *bad[] = {
        "", "r/s", "0r/s", "1", "1r", "1r/", "1r/x", "1r/ss", "r/s1", "-1r/s",
        "+1r/s", " 1r/s", "1r/s ", "1.5r/s", "1R/S", "1000000001r/s",
        "99999999999999999999999r/s", "18446744073709551617r/s", "1r/day",
        "1r/week", "1r/month", "1r/d", "1k/s", "0x1r/s", "1rr/s"
    };

    static const char  *bad_quotas[] = {
        "", "0r/day", "1r/s", "1r/m", "1r/h", "1r/d", "1r/days", "r/day",
        "1000000001r/month"
    };

    (void) state;

    limit = limit_of("100r/s", false);
    assert_int_equal(limit.period, SOCIAL_LIMIT_SECOND);
    assert_int_equal(limit.n, 100);
    near(limit.rate, 0.1);
    near(limit.burst, 100);

    limit = limit_of("90r/m", false);
    assert_int_equal(limit.period, SOCIAL_LIMIT_MINUTE);
    near(limit.rate, 0.0015);
    near(limit.burst, 1.5);

    limit = limit_of("1r/h", false);
    assert_int_equal(limit.period, SOCIAL_LIMIT_HOUR);
    near(limit.rate * 3600000, 1);
    near(limit.burst, 1);

    limit = limit_of("1000000000r/s", false);
    assert_int_equal(limit.n, SOCIAL_LIMIT_MAX);

    limit = limit_of("7r/day", true);
    assert_int_equal(limit.period, SOCIAL_LIMIT_DAY);
    assert_int_equal(limit.n, 7);
    near(limit.rate, 0);
    near(limit.burst, 7);

    assert_int_equal(limit_of("7r/week", true).period, SOCIAL_LIMIT_WEEK);
    assert_int_equal(limit_of("7r/month", true).period, SOCIAL_LIMIT_MONTH);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(social_limit_parse(social_str(bad[i]), false, &limit),
                         SOCIAL_MALFORMED);
    }

    for (i = 0; i < sizeof(bad_quotas) / sizeof(bad_quotas[0]); i++) {
        assert_int_equal(social_limit_parse(social_str(bad_quotas[i]), true,
                                            &limit),
                         SOCIAL_MALFORMED);
    }
}


/*
 * libc agrees on each day from the epoch on for 400 years and more.
 */

static void
test_periods(void **state)
{
    time_t     t;
    int64_t    now, first, next, day;
    struct tm  tm;

    (void) state;

    for (day = 0; day < 160000; day++) {
        now = day * 86400 + (day * 7919) % 86400;
        t = (time_t) now;
        assert_non_null(gmtime_r(&t, &tm));

        social_limit_period(SOCIAL_LIMIT_DAY, now, &first, &next);
        assert_true(first == day * 86400 && next == first + 86400);

        social_limit_period(SOCIAL_LIMIT_MONTH, now, &first, &next);
        assert_true(first == (day - tm.tm_mday + 1) * 86400);
        assert_true(next > now && next - first >= 28 * 86400);

        t = (time_t) next;
        assert_non_null(gmtime_r(&t, &tm));
        assert_true(tm.tm_mday == 1 && tm.tm_hour == 0 && tm.tm_sec == 0);

        t = (time_t) (next - 1);
        assert_non_null(gmtime_r(&t, &tm));
        assert_true(next - first == tm.tm_mday * 86400);

        social_limit_period(SOCIAL_LIMIT_WEEK, now, &first, &next);
        assert_true(first <= now && now < next);

        t = (time_t) next;
        assert_non_null(gmtime_r(&t, &tm));
        assert_true(tm.tm_wday == 1 && tm.tm_hour == 0);

        if (day >= 4) {
            assert_true(next - first == 7 * 86400);
        }
    }

    social_limit_period(SOCIAL_LIMIT_DAY, -5, &first, &next);
    assert_true(first == 0 && next == 86400);
}


/*
 * How many of "n" requests, "step" ms apart, are taken.
 */

static unsigned
taken(const social_limit_t *limit, double share, social_limit_bucket_t *bucket,
    int64_t *now, unsigned n, int64_t step)
{
    unsigned              i, count;
    social_limit_state_t  state;

    count = 0;

    for (i = 0; i < n; i++) {
        count += social_limit_take(limit, share, *now, bucket, &state);
        *now += step;
    }

    return count;
}


static void
test_bucket(void **state)
{
    int                     i;
    int64_t                 now;
    social_limit_t          limit;
    social_limit_state_t    left;
    social_limit_bucket_t   bucket;

    (void) state;

    limit = limit_of("10r/s", false);
    limit.burst = 5;
    now = 1000;

    social_limit_fill(&limit, 1, now, &bucket);

    assert_true(social_limit_take(&limit, 1, now, &bucket, &left));
    assert_int_equal(left.remaining, 4);
    assert_int_equal(left.wait, 0);
    assert_in_range(left.full, 100, 101);

    assert_int_equal(taken(&limit, 1, &bucket, &now, 10, 0), 4);

    assert_false(social_limit_take(&limit, 1, now, &bucket, &left));
    assert_int_equal(left.remaining, 0);
    assert_in_range(left.wait, 100, 101);
    assert_in_range(left.full, 500, 501);

    /* one refused takes nothing: the next comes when its time has come */

    now += 99;
    assert_false(social_limit_take(&limit, 1, now, &bucket, &left));
    now += 1;
    assert_true(social_limit_take(&limit, 1, now, &bucket, &left));
    assert_false(social_limit_take(&limit, 1, now, &bucket, &left));

    /* never more than fit in, however long it was */

    now += 1000000000000;
    assert_int_equal(taken(&limit, 1, &bucket, &now, 100, 0), 5);

    /* ten seconds of ten times as many as are allowed */

    assert_in_range(taken(&limit, 1, &bucket, &now, 1000, 10), 99, 100);

    /* a clock that goes back adds nothing, and does not stop it */

    (void) taken(&limit, 1, &bucket, &now, 100, 0);
    now -= 90000;
    assert_int_equal(taken(&limit, 1, &bucket, &now, 100, 0), 0);
    now += 200;
    assert_int_equal(taken(&limit, 1, &bucket, &now, 100, 0), 2);

    /* processes whose times differ by turns add nothing either */

    for (i = 0; i < 100; i++) {
        now -= 50;
        assert_false(social_limit_take(&limit, 1, now, &bucket, &left));
        now += 50;
        assert_false(social_limit_take(&limit, 1, now, &bucket, &left));
    }

    /* given back, and not more than that */

    social_limit_give(&limit, 1, &bucket);
    assert_int_equal(taken(&limit, 1, &bucket, &now, 100, 0), 1);

    social_limit_fill(&limit, 1, now, &bucket);
    social_limit_give(&limit, 1, &bucket);
    assert_int_equal(taken(&limit, 1, &bucket, &now, 100, 0), 5);
}


/*
 * A tenth of a token ten times is one, although it is a little less.
 */

static void
test_whole(void **state)
{
    int64_t                now;
    social_limit_t         limit;
    social_limit_state_t   left;
    social_limit_bucket_t  bucket;

    (void) state;

    limit = limit_of("100r/s", false);
    limit.burst = 1;
    now = 0;

    social_limit_fill(&limit, 1, now, &bucket);
    assert_int_equal(taken(&limit, 1, &bucket, &now, 1, 1), 1);
    assert_int_equal(taken(&limit, 1, &bucket, &now, 9, 1), 0);
    assert_true(social_limit_take(&limit, 1, now, &bucket, &left));
}


static void
test_shares(void **state)
{
    double                 a, b, c, left;
    int64_t                now;
    social_limit_t         limit, quota;
    social_limit_state_t   s;
    social_limit_bucket_t  bucket;

    (void) state;

    limit = limit_of("100r/s", false);

    near(social_limit_share(&limit, 0, 0, 0), 1);
    near(social_limit_share(&limit, 500, 0, 0), 1);

    /* more than there is: as they demand */

    near(social_limit_share(&limit, 900, 100, 1), 0.9);
    near(social_limit_share(&limit, 100, 900, 1), 0.1);
    near(social_limit_share(&limit, 0, 900, 1), 0);

    /* less: what they demand, and the rest in equal parts */

    near(social_limit_share(&limit, 0, 0, 1), 0.5);
    near(social_limit_share(&limit, 50, 10, 1), 0.7);
    near(social_limit_share(&limit, 10, 50, 1), 0.3);
    near(social_limit_share(&limit, 90, 10, 1), 0.9);

    /* they add up */

    for (a = 0; a < 120; a += 17) {
        for (b = 0; b < 120; b += 13) {
            for (c = 0; c < 120; c += 11) {
                near(social_limit_share(&limit, a, b + c, 2)
                     + social_limit_share(&limit, b, a + c, 2)
                     + social_limit_share(&limit, c, a + b, 2), 1);
            }
        }
    }

    near(social_limit_share(&limit, -5, 900, 1), 0);
    near(social_limit_share(&limit, 900, -5, 1), 1);

    /* a share of a bucket, of its room and of its rate */

    now = 0;
    social_limit_fill(&limit, 0.1, now, &bucket);
    assert_int_equal(taken(&limit, 0.1, &bucket, &now, 200, 0), 10);
    assert_in_range(taken(&limit, 0.1, &bucket, &now, 1000, 10), 99, 100);

    /* a share that became less takes what does not fit any more */

    social_limit_fill(&limit, 1, now, &bucket);
    assert_int_equal(taken(&limit, 0.25, &bucket, &now, 200, 0), 25);

    /* one fits in whatever the share is, and it ends in a time */

    social_limit_fill(&limit, 0, now, &bucket);
    assert_int_equal(taken(&limit, 0, &bucket, &now, 10, 0), 1);
    now += 1000000;
    assert_false(social_limit_take(&limit, 0, now, &bucket, &s));
    assert_int_equal(s.wait, SOCIAL_LIMIT_MAX_WAIT);
    assert_int_equal(s.full, SOCIAL_LIMIT_MAX_WAIT);

    assert_false(social_limit_take(&limit, 1e-9, now, &bucket, &s));
    assert_int_equal(s.wait, SOCIAL_LIMIT_MAX_WAIT);

    /* of a quota */

    quota = limit_of("1000r/day", true);

    near(social_limit_share(&quota, 0, 0, 1), 0.5);
    near(social_limit_share(&quota, 3, 1, 1), 0.75);

    near(social_limit_left(&quota, 1, 0), 1000);
    near(social_limit_left(&quota, 1, 999), 1);
    near(social_limit_left(&quota, 1, 1000), 0);
    near(social_limit_left(&quota, 1, 1001), 0);
    near(social_limit_left(&quota, 1, UINT64_MAX), 0);
    near(social_limit_left(&quota, 0.5, 1003), 0);
    near(social_limit_left(&quota, 0.5, 999), 0);
    near(social_limit_left(&quota, 0.5, 997), 1);

    left = social_limit_left(&quota, 1.0 / 3, 700) * 3;
    assert_true(left > 297 && left <= 300);

    social_limit_fill(&quota, 1, 0, &bucket);
    now = 86399;
    assert_int_equal(taken(&quota, 1, &bucket, &now, 2000, 0), 1000);
    assert_false(social_limit_take(&quota, 1, now, &bucket, &s));
    assert_int_equal(s.wait, 0);

    social_limit_give(&quota, 0.001, &bucket);
    social_limit_give(&quota, 0.001, &bucket);
    assert_int_equal(taken(&quota, 0.001, &bucket, &now, 10, 0), 2);
}


static void
test_demand(void **state)
{
    double          demand;
    unsigned        i;
    social_limit_t  limit;

    (void) state;

    near(social_limit_demand(0, 0, 50, 500), 100);
    near(social_limit_demand(100, 1000, 100, 1000), 100);
    near(social_limit_demand(100, 1000, 0, 1000), 50);
    near(social_limit_demand(100, 3000, 0, 1000), 75);
    near(social_limit_demand(0, 0, 1, 0), 1000);
    near(social_limit_demand(0, -7, 1, -5), 1000);
    assert_true(social_limit_demand(1e9, INT64_MAX, UINT64_MAX, INT64_MAX)
                < 1e19);

    /* it follows what comes, and forgets what came */

    demand = 0;

    for (i = 0; i < 20; i++) {
        demand = social_limit_demand(demand, 1000, 900, 1000);
    }

    assert_true(demand > 899 && demand <= 900);

    for (i = 0; i < 20; i++) {
        demand = social_limit_demand(demand, 1000, 0, 1000);
    }

    assert_true(demand >= 0 && demand < 0.01);

    limit = limit_of("100r/s", false);
    near(social_limit_expected(&limit, 2000), 200);

    limit = limit_of("50r/day", true);
    near(social_limit_expected(&limit, 2000), 50);
}


/*
 * Two gateways, ninety to ten, ten times as many as are allowed; then one of
 * them alone.  Each knows of the other what it said an interval ago.
 */

static void
test_fleet(void **state)
{
    double                 said[2], share[2];
    int64_t                now, t;
    unsigned               g, i, admitted, n[2];
    social_limit_t         limit;
    social_limit_state_t   left;
    social_limit_bucket_t  bucket[2];

    static const unsigned  demand[2] = { 900, 100 };

    (void) state;

    limit = limit_of("100r/s", false);

    for (g = 0; g < 2; g++) {
        said[g] = 0;
        share[g] = 1;
        n[g] = 0;
        social_limit_fill(&limit, 1, 0, &bucket[g]);
    }

    admitted = 0;

    for (now = 0; now < 30000; now++) {

        for (g = 0; g < 2; g++) {

            /* so many in this millisecond */

            t = (now + 1) * demand[g] / 1000 - now * demand[g] / 1000;
            n[g] += (unsigned) t;

            for (i = 0; i < t; i++) {
                admitted += social_limit_take(&limit, share[g], now, &bucket[g],
                                              &left);
            }

            if (now % 1000 == (g ? 700 : 200)) {
                said[g] = social_limit_demand(said[g], said[g] ? 1000 : 0, n[g],
                                              1000);
                n[g] = 0;
                share[g] = social_limit_share(&limit, said[g], said[1 - g],
                                              said[1 - g] > 0);
            }
        }

        if (now == 9999) {

            /* a burst and ten seconds, and at first one burst more */

            assert_in_range(admitted, 1000, 1100 + 200);
            admitted = 0;
        }
    }

    assert_in_range(admitted, 1960, 2040);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_periods),
        cmocka_unit_test(test_bucket),
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_demand),
        cmocka_unit_test(test_fleet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
