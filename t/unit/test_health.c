
#include "social_unit.h"
#include "social_health.h"


/*
 * Outcomes, "+" or "-", and the state after each: "?", "u" or "d", in upper
 * case where it has changed.
 */

static void
sequence(unsigned passes, unsigned fails, const char *outcomes,
    const char *states)
{
    size_t           i;
    bool             changed;
    social_health_t  h;

    static const char  names[2][4] = { "?ud", "?UD" };

    memset(&h, 0, sizeof(h));
    assert_int_equal(strlen(outcomes), strlen(states));

    for (i = 0; outcomes[i]; i++) {
        changed = social_health_note(&h, outcomes[i] == '+', passes, fails);

        assert_int_equal(names[changed][h.state], states[i]);
    }
}


static void
test_health(void **state)
{
    (void) state;

    sequence(1, 1, "+-+--++", "UDUDdUu");
    sequence(2, 3, "+--+---+-++", "UuuuuuDdddU");
    sequence(2, 3, "---++--+---", "??DdUuuuuuD");
    sequence(3, 1, "-++-+++-", "DdddddUD");

    /* the first one that passes is enough while nothing is known */

    sequence(5, 3, "--+---", "??UuuD");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_health),
    };

    return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
