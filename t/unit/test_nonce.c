
/*
 * Nonces that nobody keeps.
 */

#include "social_unit.h"
#include "social_nonce.h"


#define NOW  1767225600
#define AGE  60


static social_str_t  secrets[2] = {
    social_string("first secret of all"), social_string("the one before")
};

static social_str_t  one[2] = {
    social_string("first secret of all"), { 0, NULL }
};


static social_str_t
make(social_str_t secret, int64_t now, unsigned char *buf)
{
    social_str_t  s;

    assert_int_equal(social_nonce_make(secret, now, buf), SOCIAL_OK);

    s.data = buf;
    s.len = SOCIAL_NONCE_SIZE;

    return s;
}


static void
test_times(void **state)
{
    int64_t        made;
    social_str_t   nonce;
    unsigned char  buf[SOCIAL_NONCE_SIZE];

    (void) state;

    nonce = make(secrets[0], NOW, buf);

    made = 0;
    assert_int_equal(social_nonce_check(nonce, one, NOW, AGE, &made),
                     SOCIAL_OK);
    assert_int_equal(made, NOW);

    assert_int_equal(social_nonce_check(nonce, one, NOW + AGE, AGE, &made),
                     SOCIAL_OK);
    assert_int_equal(social_nonce_check(nonce, one, NOW + AGE + 1, AGE, &made),
                     SOCIAL_DECLINED);

    /* of a gateway whose clock is ahead */

    assert_int_equal(social_nonce_check(nonce, one, NOW - SOCIAL_NONCE_SKEW,
                                        AGE, &made), SOCIAL_OK);
    assert_int_equal(social_nonce_check(nonce, one,
                                        NOW - SOCIAL_NONCE_SKEW - 1, AGE,
                                        &made), SOCIAL_DECLINED);
}


static void
test_secrets(void **state)
{
    int64_t        made;
    social_str_t   nonce, previous, none[2] = { { 0, NULL }, { 0, NULL } };
    unsigned char  buf[SOCIAL_NONCE_SIZE], old[SOCIAL_NONCE_SIZE];

    (void) state;

    nonce = make(secrets[0], NOW, buf);
    previous = make(secrets[1], NOW, old);

    assert_memory_not_equal(buf, old, SOCIAL_NONCE_SIZE);

    assert_int_equal(social_nonce_check(nonce, secrets, NOW, AGE, &made),
                     SOCIAL_OK);
    assert_int_equal(social_nonce_check(previous, secrets, NOW, AGE, &made),
                     SOCIAL_OK);
    assert_int_equal(social_nonce_check(previous, one, NOW, AGE, &made),
                     SOCIAL_MALFORMED);
    assert_int_equal(social_nonce_check(nonce, none, NOW, AGE, &made),
                     SOCIAL_MALFORMED);
}


static void
test_forged(void **state)
{
    size_t         i;
    int64_t        made;
    social_str_t   nonce;
    unsigned char  buf[SOCIAL_NONCE_SIZE], saved;

    (void) state;

    nonce = make(secrets[0], NOW, buf);

    for (i = 0; i < sizeof(buf); i++) {
        saved = buf[i];
        buf[i] = saved == 'A' ? 'B' : 'A';
        assert_int_equal(social_nonce_check(nonce, secrets, NOW, AGE, &made),
                         SOCIAL_MALFORMED);
        buf[i] = saved;
    }

    nonce.len--;
    assert_int_equal(social_nonce_check(nonce, secrets, NOW, AGE, &made),
                     SOCIAL_MALFORMED);
    assert_int_equal(social_nonce_check(S(""), secrets, NOW, AGE, &made),
                     SOCIAL_MALFORMED);
    assert_int_equal(social_nonce_check(S("!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!"),
                                        secrets, NOW, AGE, &made),
                     SOCIAL_MALFORMED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_forged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
