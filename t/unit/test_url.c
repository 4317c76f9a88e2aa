
#include "social_unit.h"
#include "social_url.h"


static bool
good(const char *url, bool issuer)
{
    const char   *why;
    social_rc_e   rc;

    why = NULL;
    rc = social_url_check(social_str(url), issuer, &why);

    if (rc != SOCIAL_OK) {
        assert_int_equal(rc, SOCIAL_DECLINED);
        assert_non_null(why);
        assert_true(strlen(why) > 0);
    }

    return rc == SOCIAL_OK;
}


static void
test_good(void **state)
{
    size_t  i;

    static const char  *urls[] = {
        "https://example.com",
        "https://example.com/",
        "https://example.com:8443/a/b.json",
        "https://EXAMPLE.com/%7Ea;b=c,d",
        "https://a_b.example-1.com./x",
        "https://192.0.2.1/",
        "https://[2001:db8::1]/x",
        "https://[2001:db8::1]:443/x",
        "https://[::ffff:192.0.2.1]/x",
        "https://example.com:1",
        "https://example.com:65535",
        "https://example.com/a@b:c",
        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123",
        "http://127.0.0.1",
        "http://127.0.0.1:9000/x",
        "http://127.255.255.254/",
        "http://[::1]/",
        "http://[::1]:80",
        "http://localhost",
        "http://LocalHost:80/x",
    };

    (void) state;

    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        assert_true(good(urls[i], true));
        assert_true(good(urls[i], false));
    }
}


static void
test_query(void **state)
{
    (void) state;

    assert_true(good("https://example.com/keys?v=1", false));
    assert_true(good("https://example.com?v=a@b", false));
    assert_true(good("http://127.0.0.1?x", false));
    assert_false(good("https://example.com/keys?v=1", true));
    assert_false(good("https://example.com?", true));

    assert_false(good("https://example.com/#x", true));
    assert_false(good("https://example.com/#x", false));
    assert_false(good("https://example.com#", false));
}


static void
test_bad(void **state)
{
    size_t       i;
    const char  *why;

    static const char  *urls[] = {
        "",
        "h",
        "https:",
        "https:/",
        "https:/example.com",
        "https://",
        "https:///x",
        "https://?x",
        "https://:443",
        "http://",
        "HTTPS://example.com",
        "ftp://example.com",
        "file:///etc/passwd",
        " https://example.com",
        "example.com",
        "//example.com",
        "https://exa mple.com",
        "https://example.com/a b",
        "https://example.com/\t",
        "https://example.com/\r\n",
        "https://example.com/\x7f",
        "https://example.com/\xc3\xa9",
        "https://ex\xc3\xa4mple.com/",
        "https://example.com/\"",
        "https://example.com\\@evil.example/",
        "https://user@example.com",
        "https://user:password@example.com/",
        "https://@example.com/",

        /* hosts and ports that are none */
        "https://example.com:",
        "https://example.com:/x",
        "https://example.com:x",
        "https://example.com:80x",
        "https://example.com:0",
        "https://example.com:65536",
        "https://example.com:100000",
        "https://example.com:80:80",
        "https://,",
        "https://a,b/",
        "https://a%2eb/",
        "https://[]",
        "https://[",
        "https://[::1",
        "https://::1/",
        "https://[::1]x",
        "https://[::1]80",
        "https://[::g]",
        "https://[fe80::1%25eth0]",
        "https://a[::1]",
        "https://{region}.example.com",
    };

    (void) state;

    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        assert_false(good(urls[i], true));
        assert_false(good(urls[i], false));
    }

    assert_int_equal(social_url_check(S("https://user@a/"), false, &why),
                     SOCIAL_DECLINED);
    assert_string_equal(why, "it must hold no user name or password");

    assert_int_equal(social_url_check((social_str_t) { 0, NULL }, false,
                                      &why), SOCIAL_DECLINED);
    assert_int_equal(social_url_check(S("https://a\0b/"), false, &why),
                     SOCIAL_DECLINED);
}


/*
 * What is not an address of this machine, but a name that others may own.
 */

static void
test_plain_http(void **state)
{
    size_t  i;

    static const char  *urls[] = {
        "http://example.com",
        "http://192.0.2.1/",
        "http://10.0.0.1/",
        "http://128.0.0.1/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://[::2]/",
        "http://[::1",
        "http://localhost.evil.example",
        "http://localhost.",
        "http://xlocalhost",
        "http://127.evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://127.0.0.1x/",
        "http://127.0.0.1:80:80/",
        "http://127.0.0.1@evil.example/",
        "http://127.0.0.1#@evil.example/",
        "http://127.0.0.1\\.evil.example/",
        "http://127.0.0/",
        "http://127.1/",
        "http://127./",
        "http://127...1/",
        "http://127.0.0.",
        "http://127.0.0.0.1/",
        "http://127.0.0.256/",
        "http://127.999.0.1/",
        "http://127.0.0.1111/",
        "http://127.0.0.08/",
        "http://127.00.0.1/",
        "http://2130706433/",
        "http://0x7f.0.0.1/",
    };

    (void) state;

    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        assert_false(good(urls[i], true));
        assert_false(good(urls[i], false));
    }
}


static void
test_size(void **state)
{
    char  url[SOCIAL_URL_MAX_SIZE + 2];

    (void) state;

    memset(url, 'a', sizeof(url));
    memcpy(url, "https://a/", 10);

    url[SOCIAL_URL_MAX_SIZE] = '\0';
    assert_true(good(url, true));

    url[SOCIAL_URL_MAX_SIZE] = 'a';
    url[SOCIAL_URL_MAX_SIZE + 1] = '\0';
    assert_false(good(url, true));
}


static void
test_user_pool(void **state)
{
    size_t        i;
    social_str_t  region;

    static const struct {
        const char  *id, *region;
    } pools[] = {
        { "eu-west-1_AbCdEf123", "eu-west-1" },
        { "us-east-1_uVWAMpQuY", "us-east-1" },
        { "ap-southeast-2_x", "ap-southeast-2" },
        { "us-gov-west-1_0", "us-gov-west-1" },
        { "cn-north-1_abc", "cn-north-1" },
        { "cn-northwest-1_abc", "cn-northwest-1" },
        { "mx-central-1_Z9", "mx-central-1" },
        { "eusc-de-east-1_a", "eusc-de-east-1" },
    };

    static const social_str_t  bad[] = {
        social_string(""),
        social_string("_"),
        social_string("_abc"),
        social_string("eu-west-1"),
        social_string("eu-west-1_"),
        social_string("eu-west-1_a_b"),
        social_string("eu-west-1_a-b"),
        social_string("eu-west-1_a/b"),
        social_string("eu-west-1_a\0"),
        social_string("eu-west-1_\xc3\xa9"),
        social_string("eu-west-1_a "),
        social_string("eu-west-1__a"),
        social_string("EU-west-1_a"),
        social_string("eu-West-1_a"),
        social_string("eu_west-1_a"),
        social_string("eu-west_a"),
        social_string("eu-1_a"),
        social_string("eu_a"),
        social_string("e-west-1_a"),
        social_string("eux-west-1_a"),
        social_string("eusd-de-east-1_a"),
        social_string("eusc_a"),
        social_string("eusc-1_a"),
        social_string("-eu-west-1_a"),
        social_string("eu--1_a"),
        social_string("eu--west-1_a"),
        social_string("eu-west--1_a"),
        social_string("eu-west-_a"),
        social_string("eu-west-1-_a"),
        social_string("eu-west-x1_a"),
        social_string("eu-west-1x_a"),
        social_string("eu-west1-1_a"),
        social_string("eu-1-1_a"),
        social_string("us-gov-1-1_a"),
        social_string("us-gov-1west-1_a"),
        social_string("us-a-b-c-1_a"),
        social_string("us-east-10_a"),
        social_string("us.evil.example/-a-1_a"),
        social_string("us-evil.example/a-1_a"),
    };

    (void) state;

    for (i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
        assert_int_equal(social_user_pool_region(social_str(pools[i].id),
                                                 &region), SOCIAL_OK);
        assert_str(region, pools[i].region);
        assert_ptr_equal(region.data, pools[i].id);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(social_user_pool_region(bad[i], &region),
                         SOCIAL_DECLINED);
        assert_int_equal(social_user_pool_issuer(bad[i], false, NULL, 0), 0);
    }
}


static void
test_user_pool_size(void **state)
{
    char          id[128];
    social_str_t  region;

    (void) state;

    memset(id, 'a', sizeof(id));
    memcpy(id, "eu-west-1_", 10);

    assert_int_equal(social_user_pool_region(
                         (social_str_t) { 64, (unsigned char *) id },
                         &region), SOCIAL_OK);
    assert_int_equal(social_user_pool_region(
                         (social_str_t) { 65, (unsigned char *) id },
                         &region), SOCIAL_DECLINED);
}


static void
test_replica(void **state)
{
    size_t         i, len, size;
    unsigned char  buf[256];

    static const struct {
        const char  *id, *region, *issuer;
    } cases[] = {
        { "us-east-1_AbC", "us-west-2",
          "https://cognito-idp.us-west-2.amazonaws.com/us-east-1_AbC" },
        { "cn-north-1_a", "cn-northwest-1",
          "https://cognito-idp.cn-northwest-1.amazonaws.com.cn/cn-north-1_a" },
        { "us-gov-west-1_a", "us-gov-east-1",
          "https://cognito-idp.us-gov-east-1.amazonaws.com/us-gov-west-1_a" },
        { "us-east-1_AbC", "us-west-", "" },
        { "us-east-1_AbC", "us-west-2_", "" },
        { "us-east-1_AbC", "us-west-22", "" },
        { "us-east-1_AbC", "us-west-2.evil.example", "" },
        { "us-east-1_AbC", "US-west-2", "" },
        { "us-east-1_AbC", "", "" },
        { "us-east-1_AbC",
          "aa-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-1", "" },
        { "us-east-1", "us-west-2", "" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        len = strlen(cases[i].issuer);

        assert_int_equal(social_region_valid(social_str(cases[i].region)),
                         len != 0 || strcmp(cases[i].id, "us-east-1") == 0);

        for (size = 0; size <= len; size++) {
            assert_int_equal(social_user_pool_replica(
                                 social_str(cases[i].id),
                                 social_str(cases[i].region), buf, size),
                             len);
        }

        assert_memory_equal(buf, cases[i].issuer, len);
    }
}


static void
test_issuer(void **state)
{
    size_t         i, len, size;
    social_str_t   s;
    unsigned char  buf[256];

    static const struct {
        const char  *id;
        bool         updated;
        const char  *issuer;
    } pools[] = {
        { "eu-west-1_AbCdEf123", false,
          "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123" },
        { "us-gov-west-1_a", false,
          "https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_a" },
        { "cn-north-1_a", false,
          "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_a" },
        { "eu-west-1_AbC", true,
          "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC" },
        { "cn-north-1_a", true,
          "https://issuer-cognito-idp.cn-north-1.amazonaws.com.cn/"
          "cn-north-1_a" },
        { "eusc-de-east-1_a", false,
          "https://cognito-idp.eusc-de-east-1.amazonaws.eu/eusc-de-east-1_a" },
    };

    (void) state;

    for (i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
        len = strlen(pools[i].issuer);

        assert_int_equal(social_user_pool_issuer(social_str(pools[i].id),
                                                 pools[i].updated, NULL, 0),
                         len);

        for (size = 0; size <= len; size++) {
            memset(buf, 'z', sizeof(buf));
            assert_int_equal(social_user_pool_issuer(social_str(pools[i].id),
                                                     pools[i].updated, buf,
                                                     size),
                             len);
            assert_int_equal(buf[size], 'z');
        }

        s.data = buf;
        s.len = len;
        assert_str(s, pools[i].issuer);
        assert_true(good(pools[i].issuer, true));
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_plain_http),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_user_pool),
        cmocka_unit_test(test_user_pool_size),
        cmocka_unit_test(test_replica),
        cmocka_unit_test(test_issuer),
    };

    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
