
/*
 * Conditional requests.
 */

#include "social_unit.h"
#include "social_s3_condition.h"


#define ETAG  "9e107d9d372bb6826bd81d3542a419d6"
#define THEN  1767225600


static social_s3_condition_e
given(const char *match, const char *none_match, int64_t modified,
    int64_t unmodified)
{
    social_s3_version_t    version;
    social_s3_condition_t  condition;

    condition.if_match = social_str(match);
    condition.if_none_match = social_str(none_match);
    condition.if_modified_since = modified;
    condition.if_unmodified_since = unmodified;

    version.etag = S(ETAG);
    version.modified = THEN;

    return social_s3_condition_read(&condition, &version, THEN + 100);
}


static void
test_read(void **state)
{
    size_t  i;

    enum { T = SOCIAL_S3_CONDITION_TRUE, N = SOCIAL_S3_CONDITION_NOT_MODIFIED,
           F = SOCIAL_S3_CONDITION_FAILED, X = SOCIAL_S3_NO_TIME };

    static const struct {
        const char  *match;
        const char  *none_match;
        int64_t      modified;
        int64_t      unmodified;
        int          expected;
    } cases[] = {
        { "", "", X, X, T },

        { "\"" ETAG "\"", "", X, X, T },
        { ETAG, "", X, X, T },
        { "*", "", X, X, T },
        { " \"a\" , \"" ETAG "\"", "", X, X, T },
        { "\"a\"", "", X, X, F },
        { "W/\"" ETAG "\"", "", X, X, F },
        { "\"" ETAG, "", X, X, F },
        { ",", "", X, X, F },

        { "", "\"" ETAG "\"", X, X, N },
        { "", ETAG, X, X, N },
        { "", "W/\"" ETAG "\"", X, X, N },
        { "", "*", X, X, N },
        { "", "\"a\", \"b\"", X, X, T },

        { "", "", THEN, X, N },
        { "", "", THEN + 1, X, N },
        { "", "", THEN - 1, X, T },
        { "", "", THEN + 100, X, N },
        { "", "", THEN + 101, X, T },      /* the future */

        { "", "", X, THEN, T },
        { "", "", X, THEN - 1, F },
        { "", "", X, THEN + 5000, T },

        /* ETags go before dates */

        { ETAG, "", X, THEN - 1, T },
        { "\"a\"", "", X, THEN, F },
        { "", "\"a\"", THEN, X, T },
        { "", ETAG, THEN - 1, X, N },
        { ETAG, ETAG, X, X, N },
        { "\"a\"", ETAG, X, X, F },
        { "", "", THEN, THEN - 1, F }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if ((int) given(cases[i].match, cases[i].none_match,
                        cases[i].modified, cases[i].unmodified)
            != cases[i].expected)
        {
            fail_msg("case %zu", i);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_read),
    };

    return cmocka_run_group_tests_name("s3_condition", tests, NULL, NULL);
}
