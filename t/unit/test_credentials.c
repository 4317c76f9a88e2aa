
#include "social_unit.h"
#include "social_credentials_reply.h"
#include "social_credentials_request.h"
#include "social_time.h"


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


static void
test_config_file(void **state)
{
    social_credentials_profile_t  p, config;

    static const char  text[] =
        "[default]\nregion = eu-west-1\n"
        "[profile web]\nrole_arn = arn:aws:iam::1:role/r\n"
        "web_identity_token_file = /t\nrole_session_name = s\n"
        "region = r2\n"
        "[profilex]\nregion = x\n"
        "[web2]\nregion = none\n"
        "[profile run]\nCredential_Process = /bin/true\n"
        "[profile sso]\nsso_session =\nsso_start_url = https://x\n"
        "[profile default]\nregion = eu-west-2\n";

    (void) state;

    social_credentials_profile_read(S(text), S("web"), true, &p);
    assert_true(p.found);
    assert_str(p.role, "arn:aws:iam::1:role/r");
    assert_str(p.token_file, "/t");
    assert_str(p.session, "s");
    assert_str(p.region, "r2");
    assert_int_equal(p.unsupported.len, 0);

    social_credentials_profile_read(S(text), S("web"), false, &p);
    assert_false(p.found);
    social_credentials_profile_read(S(text), S("web2"), true, &p);
    assert_false(p.found);
    social_credentials_profile_read(S(text), S("x"), true, &p);
    assert_false(p.found);
    social_credentials_profile_read(S(text), S("web2"), false, &p);
    assert_true(p.found);

    social_credentials_profile_read(S(text), S("run"), true, &p);
    assert_str(p.unsupported, "Credential_Process");
    social_credentials_profile_read(S(text), S("sso"), true, &p);
    assert_str(p.unsupported, "sso_start_url");

    social_credentials_profile_read(S(text), S("default"), true, &config);
    assert_str(config.region, "eu-west-2");

    /* the credentials file goes first, and keys are of one of them */

    social_credentials_profile_read(
        S("[default]\naws_access_key_id = A\nregion = r1\n"), S("default"),
        false, &p);
    config.keys.access_key = S("B");
    config.keys.secret = S("b");
    config.role = S("role");
    social_credentials_profile_merge(&p, &config);
    assert_str(p.keys.access_key, "A");
    assert_int_equal(p.keys.secret.len, 0);
    assert_str(p.region, "r1");
    assert_str(p.role, "role");

    social_credentials_profile_read(
        S("[default]\naws_secret_access_key = other\n"), S("default"), false,
        &p);
    social_credentials_profile_merge(&p, &config);
    assert_str(p.keys.access_key, "B");
    assert_str(p.keys.secret, "b");
}


static void
test_check(void **state)
{
    char                  big[SOCIAL_CREDENTIALS_MAX_TOKEN + 2];
    social_credentials_t  c;

    (void) state;

    memset(&c, 0, sizeof(c));
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';

    assert_non_null(social_credentials_check(&c));
    c.access_key = S("a");
    assert_non_null(social_credentials_check(&c));
    c.secret = S("b");
    assert_null(social_credentials_check(&c));

    c.token = social_str(big);
    assert_non_null(social_credentials_check(&c));
    c.token.len--;
    assert_null(social_credentials_check(&c));
    c.token = S("a\nb");
    assert_non_null(social_credentials_check(&c));
    c.token = S("");
    c.secret = S("a b");
    assert_non_null(social_credentials_check(&c));
    c.secret = S("a\x80");
    assert_non_null(social_credentials_check(&c));
    c.secret.data = (const unsigned char *) big;
    c.secret.len = 256;
    assert_null(social_credentials_check(&c));
    c.secret.len = 257;
    assert_non_null(social_credentials_check(&c));
    c.secret.len = 1;
    c.access_key.data = (const unsigned char *) big;
    c.access_key.len = 129;
    assert_non_null(social_credentials_check(&c));
}


static void
test_refresh(void **state)
{
    size_t                i;
    social_credentials_t  c;

    static const struct {
        int64_t  left, wait;
    } cases[] = {
        { 21600, 900 }, { 1201, 900 }, { 1200, 900 }, { 1199, 899 },
        { 601, 301 }, { 600, 300 }, { 599, 299 }, { 60, 30 }, { 4, 2 },
        { 3, 1 }, { 2, 1 }, { 1, 1 }, { 0, 1 }, { -1, 1 }, { -100000, 1 }
    };

    (void) state;

    memset(&c, 0, sizeof(c));

    assert_int_equal(social_credentials_refresh(&c, 5), 900);
    assert_false(social_credentials_expired(&c, 5));

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        c.expires = 1000000 + cases[i].left;
        assert_int_equal(social_credentials_refresh(&c, 1000000),
                         cases[i].wait);
        assert_int_equal(social_credentials_expired(&c, 1000000),
                         cases[i].left <= 0);
    }
}


static social_rc_e
json(const char *text, social_credentials_t *c, char *code)
{
    size_t          len;
    social_rc_e     rc;
    social_str_t    said;
    static unsigned char  copy[SOCIAL_CREDENTIALS_MAX_REPLY + 64];

    len = strlen(text);
    memcpy(copy, text, len);

    rc = social_credentials_read_json(copy, len, c, &said);

    snprintf(code, 65, "%.*s", (int) said.len, (const char *) said.data);

    return rc;
}


#define KEYS   "\"AccessKeyId\":\"ASIA\",\"SecretAccessKey\":\"s/+\""
#define TOKEN  ",\"Token\":\"t==\""
#define WHEN   ",\"Expiration\":\"2026-01-01T00:00:00Z\""


static void
test_json(void **state)
{
    char                  code[80], *big;
    size_t                i;
    social_credentials_t  c;

    static const char  *bad[] = {
        "", "[]", "{}", "{" KEYS "}", "{" KEYS TOKEN "}", "{" KEYS WHEN "}",
        "{" KEYS ",\"Token\":\"\"" WHEN "}", "{" TOKEN WHEN "}",
        "{" KEYS TOKEN WHEN, "{" KEYS TOKEN WHEN "} x",
        "{" KEYS TOKEN ",\"Expiration\":\"soon\"}",
        "{" KEYS TOKEN ",\"Expiration\":1767225600}",
        "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":null" TOKEN WHEN "}",
        "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"\"" TOKEN WHEN "}",
        "{\"AccessKeyId\":\"A\\r\\nX: y\",\"SecretAccessKey\":\"s\"" TOKEN
        WHEN "}",
        NULL
    };

    (void) state;

    assert_int_equal(json("{" KEYS TOKEN WHEN ",\"RoleArn\":\"x\"}", &c, code),
                     SOCIAL_OK);
    assert_str(c.access_key, "ASIA");
    assert_str(c.secret, "s/+");
    assert_str(c.token, "t==");
    assert_int_equal(c.expires, 1767225600);
    assert_string_equal(code, "");

    assert_int_equal(json("{\"Code\":\"Success\",\"AccessKeyId\":\"A\","
                          "\"SecretAccessKey\":\"a\\/b\"" TOKEN WHEN "}",
                          &c, code), SOCIAL_OK);
    assert_str(c.secret, "a/b");

    for (i = 0; bad[i]; i++) {
        assert_int_equal(json(bad[i], &c, code), SOCIAL_MALFORMED);
        assert_int_equal(c.access_key.len, 0);
        assert_int_equal(c.token.len, 0);
        assert_string_equal(code, "");
    }

    assert_int_equal(json("{\"Code\":\"AssumeRoleUnauthorizedAccess\","
                          "\"Message\":\"x\"}", &c, code), SOCIAL_DECLINED);
    assert_string_equal(code, "AssumeRoleUnauthorizedAccess");
    assert_int_equal(json("{\"Code\":\"a\\u001b[0m\"}", &c, code),
                     SOCIAL_DECLINED);
    assert_string_equal(code, "");

    big = calloc(1, SOCIAL_CREDENTIALS_MAX_REPLY + 2);
    assert_non_null(big);
    memset(big, ' ', SOCIAL_CREDENTIALS_MAX_REPLY + 1);
    memcpy(big, "{" KEYS TOKEN WHEN "}", strlen("{" KEYS TOKEN WHEN "}"));
    assert_int_equal(json(big, &c, code), SOCIAL_MALFORMED);
    big[SOCIAL_CREDENTIALS_MAX_REPLY] = '\0';
    assert_int_equal(json(big, &c, code), SOCIAL_OK);
    free(big);
}


#define XML_BEGIN  "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts\">"\
                   "\n <AssumeRoleWithWebIdentityResult>\n"
#define XML_KEYS   "<AccessKeyId>ASIA</AccessKeyId>\n"                         \
                   "<SecretAccessKey>s/+</SecretAccessKey>"
#define XML_TOKEN  "<SessionToken> t==\n</SessionToken>"
#define XML_WHEN   "<Expiration>2026-01-01T00:00:00.5Z</Expiration>"
#define XML_END    "</AssumeRoleWithWebIdentityResult>"                        \
                   "</AssumeRoleWithWebIdentityResponse>"


static void
test_xml(void **state)
{
    size_t                i;
    social_credentials_t  c;

    static const char  *bad[] = {
        "", "<", "<a>", XML_BEGIN XML_END,
        XML_BEGIN "<Credentials>" XML_KEYS XML_TOKEN "</Credentials>" XML_END,
        XML_BEGIN "<Credentials>" XML_KEYS XML_WHEN "</Credentials>" XML_END,
        XML_BEGIN "<Credentials>" XML_TOKEN XML_WHEN "</Credentials>" XML_END,
        XML_BEGIN XML_KEYS XML_TOKEN XML_WHEN XML_END,
        XML_BEGIN "<Credentials>" XML_KEYS XML_TOKEN XML_WHEN,
        "<Credentials>" XML_KEYS XML_TOKEN XML_WHEN "</Credentials>",
        XML_BEGIN "<Credentials/>" XML_KEYS XML_TOKEN XML_WHEN XML_END,
        XML_BEGIN "<Credentials>" XML_KEYS "<SessionToken></SessionToken>"
        XML_WHEN "</Credentials>" XML_END,
        XML_BEGIN "<Credentials>" XML_KEYS "<SessionToken>a&amp;b"
        "</SessionToken>" XML_WHEN "</Credentials>" XML_END,
        XML_BEGIN "<Credentials>" XML_KEYS "<SessionToken>a<b/>"
        "</SessionToken>" XML_WHEN "</Credentials>" XML_END,
        "<!DOCTYPE x>" XML_BEGIN "<Credentials>" XML_KEYS XML_TOKEN XML_WHEN
        "</Credentials>" XML_END,
        XML_BEGIN "<!-- <Credentials>" XML_KEYS XML_TOKEN XML_WHEN
        "</Credentials> -->" XML_END,
        NULL
    };

    (void) state;

    assert_int_equal(social_credentials_read_xml(
                         S("<?xml version=\"1.0\"?>" XML_BEGIN
                           "<AssumedRoleUser><Arn>a</Arn></AssumedRoleUser>"
                           "<Credentials a=\"b\">" XML_KEYS XML_TOKEN XML_WHEN
                           "</Credentials>" XML_END), &c), SOCIAL_OK);
    assert_str(c.access_key, "ASIA");
    assert_str(c.secret, "s/+");
    assert_str(c.token, "t==");
    assert_int_equal(c.expires, 1767225600);

    for (i = 0; bad[i]; i++) {
        assert_int_equal(social_credentials_read_xml(social_str(bad[i]), &c),
                         SOCIAL_MALFORMED);
        assert_int_equal(c.access_key.len, 0);
    }
}


static void
test_time(void **state)
{
    size_t   i;
    int64_t  t;

    static const char  *good[] = {
        "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123456Z",
        "2026-01-01T00:00:00+00:00", NULL
    };
    static const char  *bad[] = {
        "", "2026", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00z", "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00+01:00", "2026-13-01T00:00:00Z",
        "2026-01-01T00:00:00ZZ", "20260101T000000Z", "2026/01/01T00:00:00Z",
        "2026-01-01T0x:00:00Z", NULL
    };

    (void) state;

    for (i = 0; good[i]; i++) {
        assert_int_equal(social_time_iso_parse(social_str(good[i]), &t),
                         SOCIAL_OK);
        assert_int_equal(t, 1767225600);
    }

    for (i = 0; bad[i]; i++) {
        assert_int_equal(social_time_iso_parse(social_str(bad[i]), &t),
                         SOCIAL_MALFORMED);
    }
}


static void
test_role(void **state)
{
    social_str_t  role;

    (void) state;

    assert_true(social_credentials_read_role(S("web-server_1"), &role));
    assert_str(role, "web-server_1");
    assert_true(social_credentials_read_role(S("a@b.c\r\nother"), &role));
    assert_str(role, "a@b.c");
    assert_false(social_credentials_read_role(S(""), &role));
    assert_false(social_credentials_read_role(S("\na"), &role));
    assert_false(social_credentials_read_role(S("../../x"), &role));
    assert_false(social_credentials_read_role(S("a b"), &role));
    assert_false(social_credentials_read_role(S("<html>"), &role));
    assert_false(social_credentials_read_role(S("a?b"), &role));
    assert_false(social_credentials_read_role(
        S("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        &role));
}


static void
test_container_urls(void **state)
{
    size_t  i;

    static const char  *good[] = {
        "https://example.com/creds", "https://10.0.0.1/x?y=z",
        "http://127.0.0.1/x", "http://127.9.9.9:8080", "http://localhost:1/x",
        "http://[::1]/x", "http://[::1]:80/x", "http://169.254.170.2/v2/x",
        "http://169.254.170.23/v1/credentials",
        "http://[fd00:ec2::23]/v1/credentials",
        "http://169.254.170.23?x=http://evil", NULL
    };
    static const char  *bad[] = {
        "", "ftp://127.0.0.1/", "http://", "https://", "http:///x",
        "http://example.com/", "http://10.0.0.1/", "http://169.254.169.254/",
        "http://169.254.170.3/", "http://169.254.170.20/",
        "http://169.254.170.230/", "http://169.254.170.2.evil.com/",
        "http://127.0.0.1.evil.com/", "http://localhost.evil.com/",
        "http://127.0.0.1@evil.com/", "http://evil.com#127.0.0.1",
        "http://evil.com?127.0.0.1", "http://evil.com\\@127.0.0.1/",
        "http://2130706433/", "http://0x7f000001/", "http://127.1/",
        "http://0177.0.0.1/", "http://0.0.0.0/", "http://[::]/",
        "http://[::ffff:10.0.0.1]/", "http://[fd00:ec2::254]/",
        "http://[::1]evil/", "http://127.0.0.1:0/", "http://127.0.0.1:x/",
        "http://127.0.0.1:99999/", "http://127.0.0.1/ x", "http://a b/",
        "HTTP://127.0.0.1/", "http://127.0.0.1/\n", "//127.0.0.1/", NULL
    };

    (void) state;

    for (i = 0; good[i]; i++) {
        if (social_credentials_check_container(social_str(good[i])) != NULL) {
            fail_msg("refused: %s", good[i]);
        }
    }

    for (i = 0; bad[i]; i++) {
        if (social_credentials_check_container(social_str(bad[i])) == NULL) {
            fail_msg("accepted: %s", bad[i]);
        }
    }

    assert_null(social_credentials_check_endpoint(S("http://sts.internal:1")));
    assert_null(social_credentials_check_endpoint(S("https://10.0.0.1/x/")));
    assert_non_null(social_credentials_check_endpoint(S("https://a/?b")));
    assert_non_null(social_credentials_check_endpoint(S("https://u@a/")));
    assert_non_null(social_credentials_check_endpoint(S("sts")));

    assert_null(social_credentials_check_path(S("/v2/credentials/x?a=b")));
    assert_non_null(social_credentials_check_path(S("")));
    assert_non_null(social_credentials_check_path(S("@evil.com/")));
    assert_non_null(social_credentials_check_path(S(".evil.com/")));
    assert_non_null(social_credentials_check_path(S("/a b")));
    assert_non_null(social_credentials_check_path(S("/a\r\nb")));
}


static void
test_requests(void **state)
{
    size_t         i;
    social_buf_t   b;
    unsigned char  text[512];

    static const char  *regions[] = {
        "", "a", "-a", "eu_west", "eu.west", "EU-WEST-1", "eu/west",
        "evil.com/", NULL
    };

    (void) state;

    assert_null(social_credentials_check_token(S("abc.def-_= x")));
    assert_non_null(social_credentials_check_token(S("")));
    assert_non_null(social_credentials_check_token(S("a\r\nX: y")));
    assert_non_null(social_credentials_check_token(S("a\n")));
    assert_non_null(social_credentials_check_token(S("a\rb")));
    assert_non_null(social_credentials_check_token(S("a\x7f")));

    assert_null(social_credentials_check_role(
                                     S("arn:aws:iam::123456789012:role/x")));
    assert_non_null(social_credentials_check_role(S("")));
    assert_non_null(social_credentials_check_role(S("role/x-x-x-x-x-x-x-x-x")));
    assert_non_null(social_credentials_check_role(
                                     S("arn:aws:iam::123456789012:role/ x")));

    assert_null(social_credentials_check_session(S("a-b_c@d.e=f,g+h")));
    assert_non_null(social_credentials_check_session(S("a")));
    assert_non_null(social_credentials_check_session(S("a b")));
    assert_non_null(social_credentials_check_session(S("a&b")));

    for (i = 0; regions[i]; i++) {
        social_buf_init(&b, text, sizeof(text));
        assert_false(social_credentials_sts_url(&b, social_str(regions[i])));
    }

    social_buf_init(&b, text, sizeof(text));
    assert_true(social_credentials_sts_url(&b, S("eu-west-1")));
    assert_str(social_buf_since(&b, 0), "https://sts.eu-west-1.amazonaws.com/");

    social_buf_init(&b, text, sizeof(text));
    assert_true(social_credentials_sts_url(&b, S("cn-north-1")));
    assert_str(social_buf_since(&b, 0),
               "https://sts.cn-north-1.amazonaws.com.cn/");

    social_buf_init(&b, text, sizeof(text));
    assert_true(social_credentials_sts_body(&b, S("arn:aws:iam::1:role/r"),
                                            S("s@x"), S("a.b+c&Action=d")));
    assert_str(social_buf_since(&b, 0),
               "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
               "&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"
               "&RoleSessionName=s%40x&WebIdentityToken=a.b%2Bc%26Action%3Dd");

    social_buf_init(&b, text, 100);
    assert_false(social_credentials_sts_body(&b, S("arn:aws:iam::1:role/r"),
                                             S("s@x"), S("abcdef")));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_not_there),
        cmocka_unit_test(test_odd_files),
        cmocka_unit_test(test_config_file),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_refresh),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_xml),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_role),
        cmocka_unit_test(test_container_urls),
        cmocka_unit_test(test_requests),
    };

    return cmocka_run_group_tests_name("credentials", tests, NULL, NULL);
}
