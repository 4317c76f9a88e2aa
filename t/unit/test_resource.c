
#include "social_unit.h"
#include "social_resource.h"
#include "social_url.h"


static bool
good(const char *url)
{
    const char   *why;
    social_rc_e   rc;

    why = NULL;
    rc = social_resource_check(social_str(url), &why);

    if (rc != SOCIAL_OK) {
        assert_int_equal(rc, SOCIAL_DECLINED);
        assert_true(strlen(why) > 0);
    }

    return rc == SOCIAL_OK;
}


static void
test_check(void **state)
{
    size_t  i;

    static const char  *urls[] = {
        "https://mcp.example.com",
        "https://mcp.example.com/",
        "https://mcp.example.com:8443/server/mcp",
        "https://mcp.example.com/mcp/",
        "https://mcp.example.com/a.b/..c/.d/-._~!$&'()*+,;=:@",
        "http://127.0.0.1:8080/mcp",
        "http://[::1]/mcp",
        "http://localhost/mcp",
    };

    static const char  *bad[] = {
        "",
        "mcp.example.com",
        "https://",
        "http://mcp.example.com/mcp",
        "https://mcp.example.com#fragment",
        "https://mcp.example.com/mcp?a=b",
        "https://mcp.example.com/m%63p",
        "https://mcp.example.com//mcp",
        "https://mcp.example.com/mcp//",
        "https://mcp.example.com/./mcp",
        "https://mcp.example.com/a/../mcp",
        "https://mcp.example.com/mcp/..",
        "https://mcp.example.com/a|b",
        "https://mcp.example.com/a{b",
        "https://me@mcp.example.com/mcp",
    };

    (void) state;

    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        assert_true(good(urls[i]));
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(good(bad[i]));
    }
}


static void
test_scope(void **state)
{
    (void) state;

    assert_true(social_resource_is_scope(S("a")));
    assert_true(social_resource_is_scope(S("!#[]~:/.-_")));
    assert_false(social_resource_is_scope(S("")));
    assert_false(social_resource_is_scope(S("a b")));
    assert_false(social_resource_is_scope(S("a\"")));
    assert_false(social_resource_is_scope(S("a\\")));
    assert_false(social_resource_is_scope(S("a\x7f")));
    assert_false(social_resource_is_scope(S("\x1f")));
    assert_false(social_resource_is_scope(S("\xc3\xa4")));
}


static void
test_path(void **state)
{
    size_t         i, n, size;
    social_buf_t   b;
    unsigned char  buf[256];

    static const struct {
        const char  *url;
        const char  *path;
    } urls[] = {

        /* RFC 9728, 3.1 */

        { "https://resource.example.com",
          "/.well-known/oauth-protected-resource" },
        { "https://resource.example.com/",
          "/.well-known/oauth-protected-resource" },
        { "https://resource.example.com/resource1",
          "/.well-known/oauth-protected-resource/resource1" },
        { "https://resource.example.com:8443/a/b/",
          "/.well-known/oauth-protected-resource/a/b/" },
        { "http://127.0.0.1/mcp",
          "/.well-known/oauth-protected-resource/mcp" },
    };

    (void) state;

    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {

        n = strlen(urls[i].path);

        for (size = 0; size <= n; size++) {
            memset(buf, 'z', sizeof(buf));
            social_buf_init(&b, buf, size);
            social_resource_metadata_path(&b, social_str(urls[i].url));
            assert_int_equal(b.rc, size < n ? SOCIAL_MALFORMED : SOCIAL_OK);
            assert_int_equal(buf[size], 'z');
        }

        assert_str(social_buf_since(&b, 0), urls[i].path);
    }
}


static void
test_split(void **state)
{
    social_str_t  origin, path;

    (void) state;

    social_resource_split(S("https://a.example:1/b/c"), &origin, &path);
    assert_str(origin, "https://a.example:1");
    assert_str(path, "/b/c");

    social_resource_split(S("http://localhost"), &origin, &path);
    assert_str(origin, "http://localhost");
    assert_int_equal(path.len, 0);
}


static void
test_metadata(void **state)
{
    size_t                      n, size;
    social_buf_t                b;
    social_json_t              *json;
    unsigned char              *buf, *bound;
    social_resource_metadata_t  m;

    static const social_str_t   servers[] = {
        social_string("https://id.example.com"),
        social_string("https://other.example.com/\x01"),
    };
    static const social_str_t   scopes[] = {
        social_string("mcp:read"), social_string("posts:write")
    };
    static const char  least[] =
        "{\"resource\":\"https://mcp.example.com/mcp\","
        "\"authorization_servers\":[\"https://id.example.com\"],"
        "\"bearer_methods_supported\":[\"header\"]}";
    static const char  all[] =
        "{\"resource\":\"https://mcp.example.com/mcp\","
        "\"authorization_servers\":[\"https://id.example.com\","
        "\"https://other.example.com/\\u0001\"],"
        "\"scopes_supported\":[\"mcp:read\",\"posts:write\"],"
        "\"bearer_methods_supported\":[\"header\"],"
        "\"resource_name\":\"a \\\"b\\\"\","
        "\"resource_documentation\":\"https://d.example\"}";

    (void) state;

    memset(&m, 0, sizeof(m));
    m.resource = S("https://mcp.example.com/mcp");
    m.servers = servers;
    m.server_count = 1;

    size = social_resource_metadata_size(&m);
    buf = malloc(size);
    assert_non_null(buf);

    social_buf_init(&b, buf, size);
    social_resource_metadata_write(&b, &m);
    assert_int_equal(b.rc, SOCIAL_OK);
    assert_str(social_buf_since(&b, 0), least);

    free(buf);

    m.server_count = 2;
    m.scopes = scopes;
    m.scope_count = 2;
    m.name = S("a \"b\"");
    m.documentation = S("https://d.example");

    size = social_resource_metadata_size(&m);
    buf = malloc(size + 1);
    assert_non_null(buf);

    social_buf_init(&b, buf, size);
    social_resource_metadata_write(&b, &m);
    assert_int_equal(b.rc, SOCIAL_OK);
    assert_str(social_buf_since(&b, 0), all);

    assert_int_equal(social_json_parse(social_buf_since(&b, 0), &json),
                     SOCIAL_OK);
    social_json_free(json);

    /* tokens that are bound (RFC 9728, 2) */

    m.algorithms = S("ES256 EdDSA");
    m.dpop_required = true;
    m.mtls_required = true;

    bound = malloc(social_resource_metadata_size(&m) + 1);
    assert_non_null(bound);

    social_buf_init(&b, bound, social_resource_metadata_size(&m));
    social_resource_metadata_write(&b, &m);
    assert_int_equal(b.rc, SOCIAL_OK);
    bound[b.len] = '\0';
    assert_non_null(strstr((char *) bound,
        ",\"dpop_signing_alg_values_supported\":[\"ES256\",\"EdDSA\"],"
        "\"dpop_bound_access_tokens_required\":true,"
        "\"tls_client_certificate_bound_access_tokens\":true}"));

    free(bound);

    memset(&m.algorithms, 0, sizeof(social_str_t));
    m.dpop_required = false;
    m.mtls_required = false;

    /* without room nothing is written past it */

    for (n = 0; n < strlen(all); n++) {
        memset(buf, 'z', size + 1);
        social_buf_init(&b, buf, n);
        social_resource_metadata_write(&b, &m);
        assert_int_not_equal(b.rc, SOCIAL_OK);
        assert_int_equal(buf[n], 'z');
    }

    free(buf);
}


/* all bytes count */

static void
test_metadata_size(void **state)
{
    size_t                      n;
    social_buf_t                b;
    unsigned char              *buf;
    social_resource_metadata_t  m;
    static const social_str_t   list[] = {
        social_string("\x01\x02\x03"), social_string("\x04"),
        social_string("\x05\x06")
    };

    (void) state;

    memset(&m, 0, sizeof(social_resource_metadata_t));

    for (n = 1; n <= 3; n++) {

        m.resource = S("\x01\x01");
        m.servers = list;
        m.server_count = n;
        m.scopes = list;
        m.scope_count = n;
        m.name = S("\x02\x02\x02");
        m.documentation = S("\x03");
        m.algorithms = S("\x01 \x02\x03");
        m.dpop_required = (n == 2);
        m.mtls_required = true;

        buf = malloc(social_resource_metadata_size(&m));
        assert_non_null(buf);

        social_buf_init(&b, buf, social_resource_metadata_size(&m));
        social_resource_metadata_write(&b, &m);
        assert_int_equal(b.rc, SOCIAL_OK);

        free(buf);
    }
}


static void
test_same(void **state)
{
    size_t  i;

    static const struct {
        const char  *a;
        const char  *b;
        bool         same;
    } pairs[] = {
        { "https://mcp.example.com", "https://mcp.example.com", true },
        { "https://mcp.example.com", "https://mcp.example.com/", true },
        { "https://mcp.example.com/", "https://mcp.example.com", true },
        { "https://mcp.example.com", "HTTPS://MCP.example.COM/", true },
        { "https://mcp.example.com", "https://mcp.example.com:443", true },
        { "https://mcp.example.com:443/a", "https://mcp.example.com/a", true },
        { "http://127.0.0.1/a", "http://127.0.0.1:80/a", true },
        { "https://[::1]/a", "https://[::1]:443/a", true },
        { "https://a.example:8443/a", "https://a.example:8443/a", true },

        { "https://mcp.example.com", "http://mcp.example.com", false },
        { "https://mcp.example.com", "https://mcp.example.com:80", false },
        { "https://mcp.example.com", "https://mcp.example.com:", false },
        { "https://mcp.example.com", "https://mcp.example.com:8443", false },
        { "https://mcp.example.com", "https://mcp.example.com.", false },
        { "https://mcp.example.com", "https://xmcp.example.com", false },
        { "https://mcp.example.com", "https://mcp.example.com@evil.example",
          false },
        { "https://mcp.example.com/a", "https://mcp.example.com", false },
        { "https://mcp.example.com/a", "https://mcp.example.com/", false },
        { "https://mcp.example.com/a", "https://mcp.example.com/a/", false },
        { "https://mcp.example.com/a", "https://mcp.example.com/A", false },
        { "https://mcp.example.com/a", "https://mcp.example.com/a/b", false },
        { "https://mcp.example.com/a", "https://mcp.example.com/%61", false },
        { "https://mcp.example.com", "https://mcp.example.com?", false },
        { "https://mcp.example.com", "https://mcp.example.com#", false },
        { "https://mcp.example.com", "https://mcp.example.com?/", false },
        { "https://mcp.example.com", "mcp.example.com", false },
        { "https://mcp.example.com", "", false },
        { "https://mcp.example.com", ":", false },
        { "https://mcp.example.com", "://mcp.example.com", false },
        { "https://mcp.example.com", "https://", false },
        { "https://:443", "https://", false },
        { "https://mcp.example.com", "x https://mcp.example.com", false },
        { "ftp://mcp.example.com", "ftp://mcp.example.com", false },
    };

    (void) state;

    for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        assert_true(social_resource_same(social_str(pairs[i].a),
                                         social_str(pairs[i].b))
                    == pairs[i].same);
        assert_true(social_resource_same(social_str(pairs[i].b),
                                         social_str(pairs[i].a))
                    == pairs[i].same);
    }
}


static void
test_audience(void **state)
{
    size_t          i;
    social_json_t  *json;

    static const social_str_t  audiences[] = {
        social_string("mcp-api"),
        social_string("https://mcp.example.com/mcp"),
    };

    static const struct {
        const char   *payload;
        social_rc_e   rc;
    } tokens[] = {
        { "{}", SOCIAL_DECLINED },
        { "{\"aud\":null}", SOCIAL_DECLINED },
        { "{\"AUD\":\"mcp-api\"}", SOCIAL_DECLINED },
        { "{\"aud\":\"mcp-api\"}", SOCIAL_OK },
        { "{\"aud\":\"https://mcp.example.com/mcp\"}", SOCIAL_OK },
        { "{\"aud\":\"https://MCP.example.com:443/mcp\"}", SOCIAL_OK },
        { "{\"aud\":[\"a\",\"https://mcp.example.com/mcp\"]}", SOCIAL_OK },
        { "{\"aud\":[\"mcp-api\",\"a\"]}", SOCIAL_OK },
        { "{\"aud\":\"\"}", SOCIAL_MALFORMED },
        { "{\"aud\":\"a\"}", SOCIAL_MALFORMED },
        { "{\"aud\":\"MCP-api\"}", SOCIAL_MALFORMED },
        { "{\"aud\":\"mcp-api x\"}", SOCIAL_MALFORMED },
        { "{\"aud\":\"https://mcp.example.com\"}", SOCIAL_MALFORMED },
        { "{\"aud\":\"https://mcp.example.com/mcp/\"}", SOCIAL_MALFORMED },
        { "{\"aud\":[]}", SOCIAL_MALFORMED },
        { "{\"aud\":[\"a\",\"b\"]}", SOCIAL_MALFORMED },
        { "{\"aud\":[[\"mcp-api\"]]}", SOCIAL_MALFORMED },
        { "{\"aud\":[1,null,true]}", SOCIAL_MALFORMED },
        { "{\"aud\":{\"a\":\"mcp-api\"}}", SOCIAL_MALFORMED },
        { "{\"aud\":1}", SOCIAL_MALFORMED },
    };

    (void) state;

    for (i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        assert_int_equal(social_json_parse(social_str(tokens[i].payload),
                                           &json),
                         SOCIAL_OK);
        assert_int_equal(social_resource_audience(json, audiences, 2),
                         tokens[i].rc);
        social_json_free(json);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_scope),
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_metadata_size),
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_audience),
    };

    return cmocka_run_group_tests_name("resource", tests, NULL, NULL);
}
