
#include "social_unit.h"
#include "social_webhook.h"


/* the example of Standard Webhooks' own libraries; the others by Python, that
   of NOBODY by an empty secret */

#define ID      "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define TIME    "1614265330"
#define NOW     1614265330
#define BODY    "{\"test\": 2432232314}"
#define SECRET  "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define GOOD    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define OTHER   "v1,lcxfjCbyAklzLy2YvcknLDqactOE+7JvZpvZ+BlvspA="
#define NOBODY  "v1,woH/1mJtZGSMCmpFTxRYbStS24eLLD/oXIYr4PYyZ7g="
#define EMPTY   "v1,v48jdbgvh29KJz2Qc+ghw8G6vG3nAKnujWBg8oM/62A="


static unsigned char  secret[SOCIAL_WEBHOOK_MAX_SECRET];
static size_t         secret_len;


static social_rc_e
verify(const char *id, const char *time, const char *signatures,
    const char *body, int64_t now)
{
    social_str_t  secrets[2] = { { secret_len, secret }, { 0, NULL } };

    return social_webhook_verify(social_str(id), social_str(time),
                                 social_str(signatures), social_str(body),
                                 secrets, now);
}


static void
test_secret(void **state)
{
    size_t              i, len;
    unsigned char       buf[SOCIAL_WEBHOOK_MAX_SECRET];
    static const char  *good[] = {
        SECRET, SECRET "\n", SECRET "\r\n", "  " SECRET "\t\n\n", NULL
    };
    static const char  *bad[] = {
        "", "\n", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_ "
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SECRET "x", SECRET "=",
        SECRET "\n" SECRET, "whsec_-_KQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",

        /* 23 bytes, and 65 */
        "whsec_eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg=",
        "whsec_eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4"
        "eHh4eHh4eHh4eHh4eHh4eHh4eHg=",
        NULL
    };

    (void) state;

    for (i = 0; good[i]; i++) {
        memset(buf, 0, sizeof(buf));
        assert_int_equal(social_webhook_secret(social_str(good[i]), buf, &len),
                         SOCIAL_OK);
        assert_int_equal(len, 24);
        assert_memory_equal(buf, secret, 24);
    }

    for (i = 0; bad[i]; i++) {
        assert_int_equal(social_webhook_secret(social_str(bad[i]), buf, &len),
                         SOCIAL_MALFORMED);
    }

    assert_int_equal(social_webhook_secret(S(
        "whsec_eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4"
        "eHh4eHh4eHh4eHh4eHh4eHh4eA=="), buf, &len), SOCIAL_OK);
    assert_int_equal(len, 64);
}


static void
test_good(void **state)
{
    (void) state;

    assert_int_equal(verify(ID, TIME, GOOD, BODY, NOW), SOCIAL_OK);
    assert_int_equal(verify(ID, TIME, "v2,x " GOOD, BODY, NOW), SOCIAL_OK);
    assert_int_equal(verify(ID, TIME, "v1,x  " GOOD " v1a,y", BODY, NOW),
                     SOCIAL_OK);
    assert_int_equal(verify(ID, TIME, EMPTY, "", NOW), SOCIAL_OK);
}


static void
test_sign(void **state)
{
    size_t         i;
    char           id[SOCIAL_WEBHOOK_MAX_ID + 2];
    social_str_t   key;
    unsigned char  buf[SOCIAL_WEBHOOK_SIGNATURE_SIZE];

    static const struct {
        const char  *id;
        const char  *time;
    } bad[] = {
        { "", TIME },
        { "msg.1", TIME },
        { ID, "" },
        { ID, "-1" },
        { ID, "1614265330.5" },
        { ID, "9999999999999" }
    };

    (void) state;

    key.data = secret;
    key.len = secret_len;

    assert_int_equal(social_webhook_sign(S(ID), S(TIME), S(BODY), key, buf),
                     SOCIAL_OK);
    assert_int_equal(sizeof(buf), strlen(GOOD));
    assert_memory_equal(buf, GOOD, sizeof(buf));

    assert_int_equal(social_webhook_sign(S(ID), S(TIME), S(""), key, buf),
                     SOCIAL_OK);
    assert_memory_equal(buf, EMPTY, sizeof(buf));

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(social_webhook_sign(social_str(bad[i].id),
                                             social_str(bad[i].time), S(BODY),
                                             key, buf),
                         SOCIAL_MALFORMED);
    }

    memset(id, 'x', sizeof(id) - 1);
    id[sizeof(id) - 1] = '\0';
    assert_int_equal(social_webhook_sign(social_str(id), S(TIME), S(BODY), key,
                                         buf), SOCIAL_MALFORMED);
    id[sizeof(id) - 2] = '\0';
    assert_int_equal(social_webhook_sign(social_str(id), S(TIME), S(BODY), key,
                                         buf), SOCIAL_OK);
}


static void
test_bad(void **state)
{
    size_t        i;
    char          text[sizeof(GOOD)];
    char          body[sizeof(BODY)];

    (void) state;

    /* every character of the signature and of the body counts */

    for (i = 0; i < sizeof(GOOD) - 1; i++) {
        memcpy(text, GOOD, sizeof(GOOD));
        text[i] ^= 1;
        assert_int_equal(verify(ID, TIME, text, BODY, NOW), SOCIAL_DECLINED);

        memcpy(text, GOOD, sizeof(GOOD));
        text[i] = '\0';
        assert_int_equal(verify(ID, TIME, text, BODY, NOW),
                         i ? SOCIAL_DECLINED : SOCIAL_MALFORMED);
    }

    for (i = 0; i < sizeof(BODY) - 1; i++) {
        memcpy(body, BODY, sizeof(BODY));
        body[i] ^= 1;
        assert_int_equal(verify(ID, TIME, GOOD, body, NOW), SOCIAL_DECLINED);
    }

    assert_int_equal(verify("msg_x", TIME, GOOD, BODY, NOW), SOCIAL_DECLINED);
    assert_int_equal(verify(ID, "1614265331", GOOD, BODY, NOW),
                     SOCIAL_DECLINED);
    assert_int_equal(verify(ID, "01614265330", GOOD, BODY, NOW),
                     SOCIAL_DECLINED);
    assert_int_equal(verify(ID, TIME, GOOD "," GOOD, BODY, NOW),
                     SOCIAL_DECLINED);
    assert_int_equal(verify(ID, TIME, "v1, " GOOD, "x", NOW),
                     SOCIAL_DECLINED);
}


static void
test_time(void **state)
{
    size_t              i;
    static const char  *bad[] = {
        "", " 1614265330", "1614265330 ", "-1", "+1614265330", "1614265330.5",
        "0x1", "1e9", "9999999999999", NULL
    };

    (void) state;

    assert_int_equal(verify(ID, TIME, GOOD, BODY, NOW + 300), SOCIAL_OK);
    assert_int_equal(verify(ID, TIME, GOOD, BODY, NOW - 300), SOCIAL_OK);
    assert_int_equal(verify(ID, TIME, GOOD, BODY, NOW + 301),
                     SOCIAL_DECLINED);
    assert_int_equal(verify(ID, TIME, GOOD, BODY, NOW - 301),
                     SOCIAL_DECLINED);
    assert_int_equal(verify(ID, "999999999999", GOOD, BODY, NOW),
                     SOCIAL_DECLINED);

    for (i = 0; bad[i]; i++) {
        assert_int_equal(verify(ID, bad[i], GOOD, BODY, NOW),
                         SOCIAL_MALFORMED);
    }
}


static void
test_headers(void **state)
{
    char  id[SOCIAL_WEBHOOK_MAX_ID + 2];

    (void) state;

    assert_int_equal(verify("", TIME, GOOD, BODY, NOW), SOCIAL_MALFORMED);
    assert_int_equal(verify(ID, TIME, "", BODY, NOW), SOCIAL_MALFORMED);
    assert_int_equal(verify(ID, TIME, " ", BODY, NOW), SOCIAL_DECLINED);

    memset(id, 'x', sizeof(id) - 1);
    id[sizeof(id) - 1] = '\0';
    assert_int_equal(verify(id, TIME, GOOD, BODY, NOW), SOCIAL_MALFORMED);

    id[sizeof(id) - 2] = '\0';
    assert_int_equal(verify(id, TIME, GOOD, BODY, NOW), SOCIAL_DECLINED);

    /* there is an end to the signatures that are tried */

    assert_int_equal(verify(ID, TIME, "v1,1 v1,2 v1,3 v1,4 v1,5 v1,6 v1,7 "
                            GOOD, BODY, NOW), SOCIAL_OK);
    assert_int_equal(verify(ID, TIME, "v1,1 v1,2 v1,3 v1,4 v1,5 v1,6 v1,7 "
                            "v1,8 " GOOD, BODY, NOW), SOCIAL_DECLINED);
}


static void
test_two_secrets(void **state)
{
    unsigned char  x[64];
    social_str_t   secrets[2] = { { sizeof(x), x }, { secret_len, secret } };
    social_str_t   none[2] = { { 0, NULL }, { 0, NULL } };

    (void) state;

    memset(x, 'x', sizeof(x));

    assert_int_equal(social_webhook_verify(S(ID), S(TIME), S(GOOD), S(BODY),
                                           secrets, NOW), SOCIAL_OK);
    assert_int_equal(social_webhook_verify(S(ID), S(TIME), S(OTHER), S(BODY),
                                           secrets, NOW), SOCIAL_OK);

    secrets[1].len = 0;

    assert_int_equal(social_webhook_verify(S(ID), S(TIME), S(GOOD), S(BODY),
                                           secrets, NOW), SOCIAL_DECLINED);

    /* an empty secret verifies nothing */

    assert_int_equal(social_webhook_verify(S(ID), S(TIME), S(GOOD), S(BODY),
                                           none, NOW), SOCIAL_DECLINED);
    assert_int_equal(social_webhook_verify(S(ID), S(TIME), S(NOBODY), S(BODY),
                                           none, NOW), SOCIAL_DECLINED);
    assert_int_equal(verify(ID, TIME, NOBODY, BODY, NOW), SOCIAL_DECLINED);
}


static int
setup(void **state)
{
    (void) state;

    return social_webhook_secret(S(SECRET), secret, &secret_len) == SOCIAL_OK
           ? 0 : -1;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_secret),
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_sign),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_two_secrets),
    };

    return cmocka_run_group_tests_name("webhook", tests, setup, NULL);
}
