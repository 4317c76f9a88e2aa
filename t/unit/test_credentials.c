
#include "social_unit.h"
#include "social_credentials.h"


static const char  file[] =
    "# a comment\r\n"
    "aws_access_key_id = unused\n"
    "\n"
    "[default]\r\n"
    "aws_access_key_id = AKIA1\r\n"
    "aws_secret_access_key = a/b+c=\r\n"
    "; aws_session_token = old\r\n"
    "[ temporary ]\n"
    "  AWS_ACCESS_KEY_ID=ASIA2\n"
    "\taws_secret_access_key\t=\t[secret] # all of it\n"
    "aws_session_token = t==\n"
    "region = eu-west-1\n"
    "[half]\n"
    "aws_access_key_id = x\n"
    "aws_secret_access_key =\n"
    "[empty]\n"
    "[torn\n"
    "aws_access_key_id = y\n"
    "[twice]\n"
    "aws_access_key_id = a\n"
    "no equals sign\n"
    "aws_secret_access_key = b\n"
    "[other]\n"
    "[twice]\n"
    "aws_access_key_id = c";


static social_rc_e
find(const char *profile, social_credentials_t *c)
{
    return social_credentials_parse(social_str(file), social_str(profile), c);
}


static void
test_profiles(void **state)
{
    social_credentials_t  c;

    (void) state;

    assert_int_equal(find("default", &c), SOCIAL_OK);
    assert_str(c.access_key, "AKIA1");
    assert_str(c.secret, "a/b+c=");
    assert_int_equal(c.token.len, 0);

    assert_int_equal(find("temporary", &c), SOCIAL_OK);
    assert_str(c.access_key, "ASIA2");
    assert_str(c.secret, "[secret] # all of it");
    assert_str(c.token, "t==");

    assert_int_equal(find("twice", &c), SOCIAL_OK);
    assert_str(c.access_key, "c");
    assert_str(c.secret, "b");
}


static void
test_not_there(void **state)
{
    size_t                 i;
    social_credentials_t   c;
    static const char     *names[] = {
        "Default", "none", "", "torn", "temp", "[default]", NULL
    };

    (void) state;

    for (i = 0; names[i]; i++) {
        assert_int_equal(find(names[i], &c), SOCIAL_DECLINED);
    }

    assert_int_equal(find("half", &c), SOCIAL_MALFORMED);
    assert_int_equal(find("empty", &c), SOCIAL_MALFORMED);
}


static void
test_odd_files(void **state)
{
    size_t                 i;
    social_credentials_t   c;
    static const char     *texts[] = {
        "", "\n", "[", "]", "[]", "[\n]", "=", "\r", "[default", "default]",
        "aws_access_key_id=a\naws_secret_access_key=b", NULL
    };

    (void) state;

    for (i = 0; texts[i]; i++) {
        assert_int_equal(social_credentials_parse(social_str(texts[i]),
                                                  S("default"), &c),
                         SOCIAL_DECLINED);
    }

    assert_int_equal(social_credentials_parse(S("[default]"), S("default"),
                                              &c), SOCIAL_MALFORMED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_not_there),
        cmocka_unit_test(test_odd_files),
    };

    return cmocka_run_group_tests_name("credentials", tests, NULL, NULL);
}
