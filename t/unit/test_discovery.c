
/*
 * Discovery documents: only the issuer's own, and only URIs that keys may be
 * fetched from.
 */

#include "social_unit.h"
#include "social_discovery.h"


#define ISSUER  "https://id.example"
#define URI     "https://keys.example/k"


static void
test_url(void **state)
{
    size_t                  i, len;
    unsigned char           buf[128];
    static const struct {
        const char         *issuer;
        const char         *url;
    } tests[] = {
        { ISSUER, ISSUER "/.well-known/openid-configuration" },
        { ISSUER "/", ISSUER "/.well-known/openid-configuration" },
        { ISSUER "/a/b", ISSUER "/a/b/.well-known/openid-configuration" },
        { ISSUER "/a/b/", ISSUER "/a/b/.well-known/openid-configuration" },
        { ISSUER "/a//", ISSUER "/a//.well-known/openid-configuration" },
        { "", "/.well-known/openid-configuration" },
    };

    (void) state;

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {

        len = social_discovery_url(social_str(tests[i].issuer), NULL, 0);
        assert_int_equal(len, strlen(tests[i].url));

        /* not a byte is written where the zero byte would not fit */

        memset(buf, 'x', sizeof(buf));
        social_discovery_url(social_str(tests[i].issuer), buf, len);
        assert_int_equal(buf[0], 'x');

        social_discovery_url(social_str(tests[i].issuer), buf, len + 1);
        assert_string_equal(buf, tests[i].url);
    }
}


static void
test_good(void **state)
{
    size_t              i;
    char                uri[SOCIAL_URL_MAX_SIZE + 1];
    const char         *why;
    static const char  *docs[] = {
        "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"" URI "\"}",
        " {\"jwks_uri\":\"https:\\/\\/keys.example\\/k\",\"x\":[{}],"
        "\"issuer\":\"https:\\u002f/id.example\"}\n",
    };

    (void) state;

    for (i = 0; i < sizeof(docs) / sizeof(docs[0]); i++) {
        assert_int_equal(social_discovery_parse(social_str(docs[i]),
                                                S(ISSUER), uri, &why),
                         SOCIAL_OK);
        assert_string_equal(uri, URI);
    }

    /* a machine of one's own, for development */

    assert_int_equal(social_discovery_parse(
                         S("{\"issuer\":\"http://127.0.0.1:1\","
                           "\"jwks_uri\":\"http://localhost:2/k\"}"),
                         S("http://127.0.0.1:1"), uri, &why),
                     SOCIAL_OK);
    assert_string_equal(uri, "http://localhost:2/k");
}


#define OF(issuer, uri)                                                       \
    "{\"issuer\":" issuer ",\"jwks_uri\":" uri "}"
#define URI_OF(uri)  OF("\"" ISSUER "\"", uri)


static void
test_bad(void **state)
{
    size_t                  i;
    char                    uri[SOCIAL_URL_MAX_SIZE + 1];
    const char             *why;
    social_rc_e             rc;
    static const struct {
        const char         *doc;
        social_rc_e         rc;
        const char         *why;
    } tests[] = {
        { "", SOCIAL_MALFORMED, "not a JSON object" },
        { "[]", SOCIAL_MALFORMED, "not a JSON object" },
        { "<html>", SOCIAL_MALFORMED, "not a JSON object" },
        { URI_OF("\"" URI "\"") "x", SOCIAL_MALFORMED, "not a JSON object" },
        { "{\"issuer\":\"" ISSUER "\",\"issuer\":\"" ISSUER "\","
          "\"jwks_uri\":\"" URI "\"}", SOCIAL_MALFORMED, "not a JSON object" },

        { "{}", SOCIAL_DECLINED, "no string \"issuer\"" },
        { OF("1", "\"" URI "\""), SOCIAL_MALFORMED, "no string \"issuer\"" },
        { OF("null", "\"" URI "\""), SOCIAL_MALFORMED,
          "no string \"issuer\"" },
        { OF("\"https://ID.example\"", "\"" URI "\""), SOCIAL_DECLINED,
          "is not the configured one" },
        { OF("\"https://id.example/\"", "\"" URI "\""), SOCIAL_DECLINED,
          "is not the configured one" },
        { OF("\"https://id.exampl\"", "\"" URI "\""), SOCIAL_DECLINED,
          "is not the configured one" },
        { OF("\"\"", "\"" URI "\""), SOCIAL_DECLINED,
          "is not the configured one" },

        { "{\"issuer\":\"" ISSUER "\"}", SOCIAL_DECLINED,
          "no string \"jwks_uri\"" },
        { URI_OF("[\"" URI "\"]"), SOCIAL_MALFORMED,
          "no string \"jwks_uri\"" },

        { URI_OF("\"\""), SOCIAL_DECLINED, "may be fetched" },
        { URI_OF("\"file:///etc/passwd\""), SOCIAL_DECLINED,
          "may be fetched" },
        { URI_OF("\"/keys\""), SOCIAL_DECLINED, "may be fetched" },
        { URI_OF("\"http://keys.example/k\""), SOCIAL_DECLINED,
          "may be fetched" },
        { URI_OF("\"http://169.254.169.254/\""), SOCIAL_DECLINED,
          "may be fetched" },
        { URI_OF("\"http://127.0.0.1/k\""), SOCIAL_DECLINED,
          "may be fetched" },
        { URI_OF("\"https://a:b@keys.example/k\""), SOCIAL_DECLINED,
          "may be fetched" },
        { URI_OF("\"https://keys.example/\\nk\""), SOCIAL_DECLINED,
          "may be fetched" },
    };

    (void) state;

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {

        why = NULL;
        rc = social_discovery_parse(social_str(tests[i].doc), S(ISSUER), uri,
                                    &why);

        if (rc != tests[i].rc || strstr(why, tests[i].why) == NULL) {
            fail_msg("%s: %d, %s", tests[i].doc, rc, why);
        }
    }
}


static void
test_long(void **state)
{
    char            doc[SOCIAL_URL_MAX_SIZE + 128];
    char            uri[SOCIAL_URL_MAX_SIZE + 1];
    size_t          len;
    const char     *why;
    social_str_t    text;

    (void) state;

    for (len = SOCIAL_URL_MAX_SIZE; len <= SOCIAL_URL_MAX_SIZE + 1; len++) {

        text.data = (unsigned char *) doc;
        text.len = (size_t) snprintf(doc, sizeof(doc),
                       URI_OF("\"https://%0*d\""),
                       (int) (len - (sizeof("https://") - 1)), 1);

        assert_true(text.len < sizeof(doc));

        assert_int_equal(social_discovery_parse(text, S(ISSUER), uri, &why),
                         len > SOCIAL_URL_MAX_SIZE ? SOCIAL_DECLINED
                                                   : SOCIAL_OK);
    }

    assert_int_equal(strlen(uri), SOCIAL_URL_MAX_SIZE);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_url),
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
