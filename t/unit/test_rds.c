
/*
 * Tokens for RDS.  The signatures are those of @smithy/signature-v4, which
 * @aws-sdk/rds-signer signs with, and of a program in Python.
 */

#include "social_unit_sigv4.h"
#include "social_rds.h"


#define NOW   1767225600        /* 20260101T000000Z */
#define HOST  "db.c1a2b3.eu-west-1.rds.amazonaws.com"


static social_rc_e
make(const char *region, const char *host, const char *port, const char *user,
    const char *session, char *text)
{
    social_rc_e           rc;
    social_buf_t          work;
    social_str_t          token;
    social_credentials_t  credentials;

    credentials.access_key = S(UNIT_ACCESS_KEY);
    credentials.secret = S(UNIT_SECRET);
    credentials.token = social_str(session);

    social_buf_init(&work, unit_work, SOCIAL_RDS_WORK_SIZE);

    rc = social_rds_token(&credentials, social_str(region), social_str(host),
                          social_str(port), social_str(user), NOW, &work,
                          &token);

    if (rc == SOCIAL_OK) {
        assert_true(token.len < 4096);
        memcpy(text, token.data, token.len);
        text[token.len] = '\0';
    }

    return rc;
}


static void
test_vectors(void **state)
{
    char  text[4096];

    (void) state;

    assert_int_equal(make("eu-west-1", HOST, "5432", "social_gateway", "",
                          text), SOCIAL_OK);

    assert_string_equal(text,
        HOST ":5432/?Action=connect&DBUser=social_gateway"
        "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
        UNIT_ACCESS_KEY "%2F20260101%2Feu-west-1%2Frds-db%2Faws4_request"
        "&X-Amz-Date=20260101T000000Z&X-Amz-Expires=900"
        "&X-Amz-SignedHeaders=host&X-Amz-Signature="
        "b06ded0cfa144dde8e2a2f97b5593b74a4ef8e81d0b7491ec1beb1470823e43f");

    assert_int_equal(make("eu-west-1", HOST, "5433", "a user+\xc3\xa9",
                          "a+token/==", text), SOCIAL_OK);

    assert_string_equal(text,
        HOST ":5433/?Action=connect&DBUser=a%20user%2B%C3%A9"
        "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
        UNIT_ACCESS_KEY "%2F20260101%2Feu-west-1%2Frds-db%2Faws4_request"
        "&X-Amz-Date=20260101T000000Z&X-Amz-Expires=900"
        "&X-Amz-Security-Token=a%2Btoken%2F%3D%3D"
        "&X-Amz-SignedHeaders=host&X-Amz-Signature="
        "598e7cda9e5da9d2402cf0dd9ce886606e27014f8f132c47c4309e40f9f752de");
}


static void
test_refused(void **state)
{
    char  text[4096];

    (void) state;

    assert_int_equal(make("", HOST, "5432", "u", "", text), SOCIAL_MALFORMED);
    assert_int_equal(make("r", "", "5432", "u", "", text), SOCIAL_MALFORMED);
    assert_int_equal(make("r", HOST, "", "u", "", text), SOCIAL_MALFORMED);
    assert_int_equal(make("r", HOST, "5432", "", "", text), SOCIAL_MALFORMED);
    assert_int_equal(make("r", "a\nb", "5432", "u", "", text),
                     SOCIAL_MALFORMED);
}


static void
region_is(const char *host, const char *expected)
{
    social_str_t  region;

    if (expected == NULL) {
        assert_false(social_rds_region(social_str(host), &region));
        return;
    }

    assert_true(social_rds_region(social_str(host), &region));
    assert_true(social_str_eq(region, social_str(expected)));
}


static void
test_region(void **state)
{
    (void) state;

    region_is(HOST, "eu-west-1");
    region_is("DB.c1a2b3.us-gov-west-1.RDS.amazonaws.com", "us-gov-west-1");
    region_is("db.cluster-ro-c1a2b3.eu-central-1.rds.amazonaws.com",
              "eu-central-1");
    region_is("p.proxy-c1a2b3.cn-north-1.rds.amazonaws.com.cn", "cn-north-1");
    region_is("db.example.com", NULL);
    region_is("eu-west-1.rds.amazonaws.com", NULL);
    region_is("db.eu-west-1.rds.amazonaws.com", NULL);
    region_is(".rds.amazonaws.com", NULL);
    region_is("db.c1a2b3.eu-west-1.rds.amazonaws.com.example.com", NULL);
    region_is("", NULL);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_region),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
