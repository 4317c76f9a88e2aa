
#include "social_unit.h"
#include "social_cors.h"


#define N(a)  (sizeof(a) / sizeof((a)[0]))


typedef struct {
    const char  *text;
    const char  *want;      /* normalized, or a part of the reason */
} social_case_t;


/* parsed origins of a test, with the memory they point into */

typedef struct {
    size_t                n;
    social_cors_origin_t  origins[8];
    unsigned char         buf[8][SOCIAL_CORS_ORIGIN_MAX];
} social_origins_t;


static void
add_origin(social_origins_t *set, const char *text)
{
    const char  *reason;

    assert_int_equal(social_cors_origin_parse(social_str(text),
                                              set->buf[set->n],
                                              &set->origins[set->n], &reason),
                     SOCIAL_OK);
    set->n++;
}


static bool
match(const social_origins_t *set, const char *value)
{
    return social_cors_origin_match(set->origins, set->n, social_str(value));
}


static void
test_parse_exact(void **state)
{
    size_t                i;
    const char           *reason;
    unsigned char         buf[SOCIAL_CORS_ORIGIN_MAX];
    social_cors_origin_t  o;

    static const social_case_t  cases[] = {
        { "https://example.com", "https://example.com" },
        { "HTTPS://Example.COM", "https://example.com" },
        { "https://example.com:443", "https://example.com" },
        { "http://example.com:80", "http://example.com" },
        { "http://example.com:443", "http://example.com:443" },
        { "https://example.com:80", "https://example.com:80" },
        { "https://example.com:4430", "https://example.com:4430" },
        { "https://example.com:65535", "https://example.com:65535" },
        { "http://localhost:3000", "http://localhost:3000" },
        { "http://127.0.0.1:3000", "http://127.0.0.1:3000" },
        { "http://[::1]", "http://[::1]" },
        { "http://[::1]:80", "http://[::1]" },
        { "http://[::C:0]", "http://[::c:0]" },
        { "http://[::ffff:0:0]", "http://[::ffff:0:0]" },
        { "http://[::ffff:7f00:1]", "http://[::ffff:7f00:1]" },
        { "http://[::1]:3000", "http://[::1]:3000" },
        { "https://[2001:DB8::1]", "https://[2001:db8::1]" },
        { "https://xn--bcher-kva.example", "https://xn--bcher-kva.example" },
        { "https://a_b.example", "https://a_b.example" },
        { "https://1.example", "https://1.example" },
        { "https://1a", "https://1a" },
        { "capacitor://localhost", "capacitor://localhost" },
        { "chrome-extension://abcdefgh", "chrome-extension://abcdefgh" },
        { "capacitor://localhost:443", "capacitor://localhost:443" },
        { "Safari-Web-Extension://4E3A-B1", "safari-web-extension://4E3A-B1" },
        { "app://.", "app://." },
        { "tauri://localhost", "tauri://localhost" },
        { "null", "null" },
    };

    (void) state;

    for (i = 0; i < N(cases); i++) {
        assert_int_equal(social_cors_origin_parse(social_str(cases[i].text),
                                                  buf, &o, &reason),
                         SOCIAL_OK);
        assert_int_equal(o.kind, SOCIAL_CORS_EXACT);
        assert_str(o.text, cases[i].want);
        assert_int_equal(o.suffix.len, 0);
        assert_null(reason);
    }
}


static void
test_parse_wildcard(void **state)
{
    const char           *reason;
    unsigned char         buf[SOCIAL_CORS_ORIGIN_MAX];
    social_cors_origin_t  o;

    (void) state;

    assert_int_equal(social_cors_origin_parse(S("*"), buf, &o, &reason),
                     SOCIAL_OK);
    assert_int_equal(o.kind, SOCIAL_CORS_ANY);

    assert_int_equal(social_cors_origin_parse(S("HTTP://*"), buf, &o,
                                              &reason),
                     SOCIAL_OK);
    assert_int_equal(o.kind, SOCIAL_CORS_SCHEME);
    assert_str(o.text, "http://");

    assert_int_equal(social_cors_origin_parse(S("https://*.Example.com:443"),
                                              buf, &o, &reason),
                     SOCIAL_OK);
    assert_int_equal(o.kind, SOCIAL_CORS_SUBDOMAINS);
    assert_str(o.text, "https://");
    assert_str(o.suffix, ".example.com");

    assert_int_equal(social_cors_origin_parse(S("http://*.localhost:3000"),
                                              buf, &o, &reason),
                     SOCIAL_OK);
    assert_int_equal(o.kind, SOCIAL_CORS_SUBDOMAINS);
    assert_str(o.suffix, ".localhost:3000");

    assert_int_equal(social_cors_origin_parse(S("Moz-Extension://*"), buf, &o,
                                              &reason),
                     SOCIAL_OK);
    assert_int_equal(o.kind, SOCIAL_CORS_SCHEME);
    assert_str(o.text, "moz-extension://");

    assert_int_equal(social_cors_origin_parse(S("http://LocalHost:*"), buf, &o,
                                              &reason),
                     SOCIAL_OK);
    assert_int_equal(o.kind, SOCIAL_CORS_PORTS);
    assert_str(o.text, "http://localhost");
}


static void
test_parse_refused(void **state)
{
    size_t                i;
    const char           *reason;
    unsigned char         buf[SOCIAL_CORS_ORIGIN_MAX];
    social_cors_origin_t  o;

    static const social_case_t  cases[] = {
        { "", "empty" },
        { "example.com", "scheme://host" },
        { "//example.com", "scheme://host" },
        { "https:/example.com", "scheme://host" },
        { "https:example.com", "scheme://host" },
        { "NULL", "\"null\"" },
        { "Null", "\"null\"" },
        { "nullx", "scheme://host" },
        { "**", "scheme://host" },
        { "*.example.com", "scheme://host" },
        { "https://", "no host" },
        { "https://:8080", "no host" },
        { "https:///", "trailing slash" },
        { "https://example.com/", "trailing slash" },
        { "https://example.com/app", "no path" },
        { "https://example.com/app/", "no path" },
        { "https://example.com?x", "no path" },
        { "https://example.com#x", "no path" },
        { "https://example.com\\x", "no path" },
        { "https://user@example.com", "user name" },
        { "https://user:secret@example.com", "user name" },
        { "https://exa mple.com", "spaces" },
        { " https://example.com", "spaces" },
        { "https://example.com\r\nX: y", "spaces" },
        { "https://a.example,https://b.example", "separated" },
        { "https://a.example;https://b.example", "separated" },
        { "$origin", "variables" },
        { "https://b\xc3\xbc" "cher.example", "punycode" },
        { "://example.com", "the scheme must be one" },
        { "1https://example.com", "the scheme must be one" },
        { "ht_tp://example.com", "the scheme must be one" },
        { "*://example.com", "the scheme must be written out" },
        { "http*://example.com", "the scheme must be written out" },
        { "wss://example.com", "WebSocket" },
        { "file://localhost", "\"null\"" },
        { "https://example.com.", "not end with a dot" },
        { "https://.example.com", "empty label" },
        { "https://a..example.com", "empty label" },
        { "https://exam%70le.com", "letters, digits" },
        { "https://example.com:", "1 to 65535" },
        { "https://example.com:0", "1 to 65535" },
        { "https://example.com:0443", "1 to 65535" },
        { "https://example.com:65536", "1 to 65535" },
        { "https://example.com:99999999999999999999", "1 to 65535" },
        { "https://example.com:http", "1 to 65535" },
        { "https://example.com:80a", "1 to 65535" },
        { "https://example.com:*", "port must be written out" },
        { "https://*.example.com:*", "port must be written out" },
        { "https://*:*", "port must be written out" },
        { "https://*:8443", "first labels" },
        { "https://*example.com", "first labels" },
        { "https://a*.example.com", "first labels" },
        { "https://a.*.example.com", "first labels" },
        { "https://*.*.example.com", "first labels" },
        { "https://*.*", "first labels" },
        { "https://example.*", "first labels" },
        { "https://*.", "first labels" },
        { "https://*..", "empty label" },
        { "https://*.com.", "not end with a dot" },
        { "capacitor://*:1", "the whole host" },
        { "capacitor://*.example", "the whole host" },
        { "capacitor://a b", "spaces" },
        { "capacitor://a%41", "letters, digits" },
        { "capacitor://[::1]", "letters, digits" },
        { "capacitor://a:0", "letters, digits" },
        { "http://*.localhost:*", "port must be written out" },
        { "http://localhost.evil.example:*", "port must be written out" },
        { "http://10.0.0.1:*", "port must be written out" },
        { "https://*.127.0.0.1", "no subdomains" },
        { "https://*.[::1]", "no subdomains" },
        { "https://127.1", "four numbers" },
        { "https://example.1", "four numbers" },
        { "https://256.1.1.1", "four numbers" },
        { "https://0x7f000001", "four numbers" },
        { "https://2130706433", "four numbers" },
        { "https://::1", "brackets" },
        { "https://::1:3000", "brackets" },
        { "https://[::1", "IPv6" },
        { "https://[]", "IPv6" },
        { "https://[::1]x", "IPv6" },
        { "https://[::1]x:80", "IPv6" },
        { "https://[v1.a]", "IPv6" },
        { "https://[fe80::1%eth0]", "IPv6" },
        { "https://[::ffff:127.0.0.1]", "IPv6" },
        { "https://[0:0:0:0:0:0:0:1]", "shortest" },
        { "https://[2001:0db8::1]", "shortest" },
        { "https://[::c:000]", "shortest" },
        { "https://[::ffff:7f00:0001]", "shortest" },
        { "https://[0:0::ffff:7f00:1]", "shortest" },
    };

    (void) state;

    for (i = 0; i < N(cases); i++) {
        reason = NULL;

        if (social_cors_origin_parse(social_str(cases[i].text), buf, &o,
                                     &reason)
            != SOCIAL_MALFORMED)
        {
            fail_msg("\"%s\" was taken", cases[i].text);
        }

        if (reason == NULL || strstr(reason, cases[i].want) == NULL) {
            fail_msg("\"%s\": %s", cases[i].text, reason);
        }
    }

    assert_int_equal(social_cors_origin_parse(S("https://a\0b"), buf, &o,
                                              &reason),
                     SOCIAL_MALFORMED);
}


static void
test_parse_long(void **state)
{
    const char           *reason;
    static unsigned char  text[65536], buf[65536];
    social_str_t          s;
    social_cors_origin_t  o;

    (void) state;

    memset(text, 'a', sizeof(text));
    memcpy(text, "https://", 8);

    s.data = text;
    s.len = sizeof(text);

    assert_int_equal(social_cors_origin_parse(s, buf, &o, &reason),
                     SOCIAL_MALFORMED);
    assert_non_null(strstr(reason, "too long"));

    s.len = 8 + 63;
    assert_int_equal(social_cors_origin_parse(s, buf, &o, &reason),
                     SOCIAL_OK);

    s.len = 8 + 64;
    assert_int_equal(social_cors_origin_parse(s, buf, &o, &reason),
                     SOCIAL_MALFORMED);
    assert_non_null(strstr(reason, "63 bytes"));

    s.len = 8 + 254;
    assert_int_equal(social_cors_origin_parse(s, buf, &o, &reason),
                     SOCIAL_MALFORMED);
    assert_non_null(strstr(reason, "253 bytes"));
}


static void
test_same(void **state)
{
    static social_origins_t  set;

    (void) state;

    add_origin(&set, "https://example.com");
    add_origin(&set, "HTTPS://EXAMPLE.com:443");
    add_origin(&set, "http://example.com");
    add_origin(&set, "https://*.example.com");
    add_origin(&set, "https://*");

    assert_true(social_cors_origin_same(&set.origins[0], &set.origins[1]));
    assert_false(social_cors_origin_same(&set.origins[0], &set.origins[2]));
    assert_false(social_cors_origin_same(&set.origins[0], &set.origins[3]));
    assert_false(social_cors_origin_same(&set.origins[3], &set.origins[4]));
    assert_true(social_cors_origin_same(&set.origins[4], &set.origins[4]));
}


static void
test_match_exact(void **state)
{
    static social_origins_t  set, null;

    (void) state;

    assert_false(match(&set, "https://example.com"));

    add_origin(&set, "https://example.com");
    add_origin(&set, "http://localhost:3000");
    add_origin(&set, "http://[::1]:3000");

    assert_true(match(&set, "https://example.com"));
    assert_true(match(&set, "http://localhost:3000"));
    assert_true(match(&set, "http://[::1]:3000"));

    assert_false(match(&set, ""));
    assert_false(match(&set, "*"));
    assert_false(match(&set, "null"));
    assert_false(match(&set, "example.com"));
    assert_false(match(&set, "http://example.com"));
    assert_false(match(&set, "HTTPS://example.com"));
    assert_false(match(&set, "https://Example.com"));
    assert_false(match(&set, "https://example.com:443"));
    assert_false(match(&set, "https://example.com/"));
    assert_false(match(&set, "https://example.com."));
    assert_false(match(&set, "https://example.com.evil.com"));
    assert_false(match(&set, "https://evil.com/https://example.com"));
    assert_false(match(&set, "https://evilexample.com"));
    assert_false(match(&set, "https://www.example.com"));
    assert_false(match(&set, "https://example.co"));
    assert_false(match(&set, " https://example.com"));
    assert_false(match(&set, "https://example.com https://example.com"));
    assert_false(match(&set, "https://example.com,https://evil.com"));
    assert_false(match(&set, "https://example.com\r\nX: y"));
    assert_false(match(&set, "http://localhost"));
    assert_false(match(&set, "http://localhost:30000"));

    assert_false(social_cors_origin_match(set.origins, set.n,
                                          S("https://example.com\0")));
    assert_false(social_cors_origin_match(set.origins, set.n,
                                          S("https://example\0com")));

    add_origin(&null, "null");

    assert_true(match(&null, "null"));
    assert_false(match(&null, "nullx"));
    assert_false(match(&null, "nul"));
    assert_false(match(&null, "NULL"));
    assert_false(match(&null, "https://null"));
    assert_false(match(&null, ""));
}


static void
test_match_subdomains(void **state)
{
    size_t                   i;
    static social_origins_t  set, port;

    static const char  *evil[] = {
        "https://example.com",
        "https://.example.com",
        "https://..example.com",
        "https://a..example.com",
        "https://evilexample.com",
        "https://a.example.com.evil.com",
        "https://a.example.com.",
        "https://a.example.com:443",
        "https://a.example.com:8443",
        "https://a.example.com/",
        "https://A.example.com",
        "https://a.Example.com",
        "http://a.example.com",
        "HTTPS://a.example.com",
        "https://evil.com/.example.com",
        "https://evil.com?.example.com",
        "https://evil.com#.example.com",
        "https://evil.com\\.example.com",
        "https://evil.com@a.example.com",
        "https://evil.com:80.example.com",
        "https://evil.com:80@a.example.com",
        "https://evil.com,https://a.example.com",
        "https://evil.com https://a.example.com",
        "https://evil.com\r\n.example.com",
        "https://evil.com\t.example.com",
        "https://evil.com%00.example.com",
        ("https://b\xc3\xbc" "cher.example.com"),
        "https://*.example.com",
        "https://[::1].example.com",
        "https://a.examplexcom",
        "null",
        "",
    };

    (void) state;

    add_origin(&set, "https://*.example.com");

    assert_true(match(&set, "https://a.example.com"));
    assert_true(match(&set, "https://a.b.c.example.com"));
    assert_true(match(&set, "https://xn--bcher-kva.example.com"));
    assert_true(match(&set, "https://1.example.com"));

    for (i = 0; i < N(evil); i++) {
        if (match(&set, evil[i])) {
            fail_msg("\"%s\" matched", evil[i]);
        }
    }

    assert_false(social_cors_origin_match(set.origins, set.n,
                                          S("https://e\0.example.com")));

    add_origin(&port, "http://*.localhost:3000");

    assert_true(match(&port, "http://a.localhost:3000"));
    assert_false(match(&port, "http://a.localhost"));
    assert_false(match(&port, "http://a.localhost:30000"));
    assert_false(match(&port, "http://a.localhost:13000"));
    assert_false(match(&port, "http://localhost:3000"));
}


static void
test_match_other_schemes(void **state)
{
    static social_origins_t  set, exact, port, address;

    (void) state;

    add_origin(&set, "chrome-extension://*");
    add_origin(&set, "safari-web-extension://*");

    assert_true(match(&set, "chrome-extension://abcdefghijklmnop"));
    assert_true(match(&set, "safari-web-extension://4E3A09F1-77aa"));
    assert_false(match(&set, "chrome-extension://"));
    assert_false(match(&set, "chrome-extension://a/b"));
    assert_false(match(&set, "chrome-extension://a b"));
    assert_false(match(&set, "chrome-extension://*"));
    assert_false(match(&set, "chrome-extension://a@b"));
    assert_false(match(&set, "moz-extension://a"));
    assert_false(match(&set, "https://abcdefghijklmnop"));
    assert_false(match(&set, "Chrome-Extension://a"));

    add_origin(&exact, "safari-web-extension://4E3A-b1");
    add_origin(&exact, "app://.");

    assert_true(match(&exact, "safari-web-extension://4E3A-b1"));
    assert_false(match(&exact, "safari-web-extension://4e3a-b1"));
    assert_true(match(&exact, "app://."));
    assert_false(match(&exact, "app://"));

    add_origin(&port, "http://localhost:*");
    add_origin(&address, "https://[::1]:*");

    assert_true(match(&port, "http://localhost"));
    assert_true(match(&port, "http://localhost:3000"));
    assert_true(match(&port, "http://localhost:65535"));
    assert_false(match(&port, "http://localhost:80"));
    assert_false(match(&port, "http://localhost:"));
    assert_false(match(&port, "http://localhost:0"));
    assert_false(match(&port, "http://localhost:65536"));
    assert_false(match(&port, "http://localhost:3000:1"));
    assert_false(match(&port, "http://localhost:3000.evil.example"));
    assert_false(match(&port, "http://localhost.evil.example"));
    assert_false(match(&port, "http://localhostx:3000"));
    assert_false(match(&port, "https://localhost:3000"));
    assert_true(match(&port, "http://localhost:443"));

    assert_true(match(&address, "https://[::1]"));
    assert_true(match(&address, "https://[::1]:80"));
    assert_false(match(&address, "https://[::1]:443"));
    assert_false(match(&address, "https://[::1]3000"));
}


static void
test_match_scheme(void **state)
{
    static social_origins_t  set;

    (void) state;

    add_origin(&set, "https://*");

    assert_true(match(&set, "https://example.com"));
    assert_true(match(&set, "https://example.com:8443"));
    assert_true(match(&set, "https://localhost"));
    assert_true(match(&set, "https://127.0.0.1:3000"));
    assert_true(match(&set, "https://[2001:db8::1]:3000"));

    assert_false(match(&set, "https://"));
    assert_false(match(&set, "https://*"));
    assert_true(match(&set, "https://[::c:0]"));
    assert_false(match(&set, "https://[::C:0]"));
    assert_false(match(&set, "https://[::c:000]"));
    assert_false(match(&set, "http://example.com"));
    assert_false(match(&set, "httpsx://example.com"));
    assert_false(match(&set, "https://example.com:443"));
    assert_false(match(&set, "https://example.com:"));
    assert_false(match(&set, "https://example.com:99999"));
    assert_false(match(&set, "https://example.com/"));
    assert_false(match(&set, "https://a@example.com"));
    assert_false(match(&set, "https://EXAMPLE.com"));
    assert_false(match(&set, "https://[::1"));
    assert_false(match(&set, "https://[0:0:0:0:0:0:0:1]"));
    assert_false(match(&set, "https://127.1"));
    assert_false(match(&set, "https://a b"));
    assert_false(match(&set, "null"));
}


static void
test_match_long(void **state)
{
    social_str_t             s;
    static social_origins_t  set, any;
    static unsigned char     text[65536];

    (void) state;

    add_origin(&set, "https://*.example.com");
    add_origin(&set, "https://*");
    add_origin(&set, "https://example.com");
    add_origin(&any, "*");

    memset(text, 'a', sizeof(text));
    memcpy(text, "https://", 8);
    memcpy(text + sizeof(text) - 12, ".example.com", 12);

    s.data = text;
    s.len = sizeof(text);

    assert_false(social_cors_origin_match(set.origins, set.n, s));
    assert_true(social_cors_origin_match(any.origins, any.n, s));
    assert_true(match(&any, ""));
    assert_true(match(&any, "null"));
}


static void
test_names(void **state)
{
    size_t        i;
    social_rc_e   rc;
    social_str_t  rest, name;

    static const char  *bad[] = {
        ",", "a,", ",a", "a,,b", "a, ,b", "a b", "a;b", "a:", "a\r\nb",
        "a, b c", " ", "\xc3\xa9", "\"a\"", "a,b,",
    };

    (void) state;

    rest = S("authorization,content-type ,\t x-a");

    assert_int_equal(social_cors_names_next(&rest, &name), SOCIAL_OK);
    assert_str(name, "authorization");
    assert_int_equal(social_cors_names_next(&rest, &name), SOCIAL_OK);
    assert_str(name, "content-type");
    assert_int_equal(social_cors_names_next(&rest, &name), SOCIAL_OK);
    assert_str(name, "x-a");
    assert_int_equal(social_cors_names_next(&rest, &name), SOCIAL_DECLINED);

    rest = S("");
    assert_int_equal(social_cors_names_next(&rest, &name), SOCIAL_DECLINED);

    for (i = 0; i < N(bad); i++) {
        rest = social_str(bad[i]);

        do {
            rc = social_cors_names_next(&rest, &name);
        } while (rc == SOCIAL_OK);

        assert_int_equal(rc, SOCIAL_MALFORMED);
    }
}


static social_cors_verdict_e
decide(const social_cors_rules_t *rules, const char *origin,
    const char *method, const char *headers, social_str_t *refused)
{
    social_cors_preflight_t  p;

    p.origin = social_str(origin);
    p.method = social_str(method);
    p.headers = social_str(headers);

    return social_cors_preflight(rules, &p, refused);
}


static void
test_preflight(void **state)
{
    social_str_t             refused;
    social_cors_rules_t      rules;
    static social_origins_t  set;

    const social_str_t  methods[] = { S("PUT"), S("DELETE") };
    const social_str_t  headers[] = { S("Authorization"), S("X-A") };

    (void) state;

    add_origin(&set, "https://example.com");

    memset(&rules, 0, sizeof(rules));
    rules.origins = set.origins;
    rules.norigins = set.n;
    rules.methods = methods;
    rules.nmethods = N(methods);
    rules.headers = headers;
    rules.nheaders = N(headers);

#define decided(method, headers)                                              \
    decide(&rules, "https://example.com", method, headers, &refused)

    assert_int_equal(decided("PUT", ""), SOCIAL_CORS_ALLOWED);
    assert_int_equal(refused.len, 0);
    assert_int_equal(decided("GET", ""), SOCIAL_CORS_ALLOWED);
    assert_int_equal(decided("HEAD", ""), SOCIAL_CORS_ALLOWED);
    assert_int_equal(decided("POST", "x-a"), SOCIAL_CORS_ALLOWED);
    assert_int_equal(decided("PUT", "authorization,x-a"),
                     SOCIAL_CORS_ALLOWED);

    assert_int_equal(decided("put", ""), SOCIAL_CORS_REFUSED_METHOD);
    assert_str(refused, "put");
    assert_int_equal(decided("PATCH", ""), SOCIAL_CORS_REFUSED_METHOD);
    assert_int_equal(decided("", ""), SOCIAL_CORS_REFUSED_METHOD);
    assert_int_equal(decided("P T", ""), SOCIAL_CORS_REFUSED_METHOD);

    assert_int_equal(decided("PUT", "x-a,x-b"), SOCIAL_CORS_REFUSED_HEADER);
    assert_str(refused, "x-b");
    assert_int_equal(decided("PUT", "x-a,"), SOCIAL_CORS_REFUSED_HEADER);

    assert_int_equal(decide(&rules, "https://evil.com", "PUT", "", &refused),
                     SOCIAL_CORS_REFUSED_ORIGIN);
    assert_str(refused, "https://evil.com");

    rules.any_method = true;
    rules.any_header = true;
    rules.nmethods = 0;

    assert_int_equal(decided("PATCH", "x-b"), SOCIAL_CORS_ALLOWED);
    assert_int_equal(decided("P T", "x-b"), SOCIAL_CORS_REFUSED_METHOD);
    assert_int_equal(decided("PATCH", "Authorization"), SOCIAL_CORS_ALLOWED);

    rules.nheaders = 0;

    assert_int_equal(decided("PATCH", "x-a,Authorization"),
                     SOCIAL_CORS_REFUSED_HEADER);
    assert_str(refused, "Authorization");

#undef decided
}


static void
test_allow_headers(void **state)
{
    size_t               i, n;
    social_str_t         s, long_list;
    unsigned char       *out;
    social_cors_rules_t  rules;

    static unsigned char  list[65536];

    const social_str_t  headers[] = { S("Authorization"), S("X-A") };

    static const struct {
        size_t       nheaders;
        bool         any;
        const char  *requested;
        const char  *want;
    } cases[] = {
        { 2, false, "x-b", "Authorization, X-A" },
        { 2, true, "x-b", "Authorization, X-A, x-b" },
        { 2, true, "authorization,x-a,x-b,x-c",
          "Authorization, X-A, x-b, x-c" },
        { 2, true, "", "Authorization, X-A" },
        { 2, true, "x-b,", "Authorization, X-A" },
        { 0, true, "authorization", "" },
        { 0, true, "AUTHORIZATION,a,b", "a, b" },
        { 0, true, "a,b,c,d,e,f,g,h", "a, b, c, d, e, f, g, h" },
        { 0, true, "a\r\nX: y", "" },
        { 0, true, "", "" },
        { 0, false, "x-b", "" },
    };

    (void) state;

    memset(&rules, 0, sizeof(rules));
    rules.headers = headers;

    for (i = 0; i < N(cases); i++) {
        rules.nheaders = cases[i].nheaders;
        rules.any_header = cases[i].any;

        s = social_str(cases[i].requested);

        /* exactly as large as promised, so that a sanitizer sees more */

        n = social_cors_allow_headers_size(&rules, s);
        out = malloc(n ? n : 1);
        assert_non_null(out);

        s.len = social_cors_allow_headers(&rules, s, out);
        s.data = out;

        assert_true(s.len <= n);
        assert_str(s, cases[i].want);

        free(out);
    }

    /* "a,a,a": the limit holds, and what is over it adds nothing */

    for (i = 0; i < sizeof(list); i++) {
        list[i] = (i % 2) ? ',' : 'a';
    }

    rules.nheaders = 2;
    rules.any_header = true;

    long_list.data = list;
    long_list.len = SOCIAL_CORS_HEADERS_MAX - 1;

    n = social_cors_allow_headers_size(&rules, long_list);
    out = malloc(n);
    assert_non_null(out);
    assert_true(social_cors_allow_headers(&rules, long_list, out)
                > SOCIAL_CORS_HEADERS_MAX);
    free(out);

    long_list.len = sizeof(list) - 1;

    n = social_cors_allow_headers_size(&rules, long_list);
    assert_true(n < 64);
    out = malloc(n);
    assert_non_null(out);
    s.len = social_cors_allow_headers(&rules, long_list, out);
    s.data = out;
    assert_str(s, "Authorization, X-A");
    free(out);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_parse_exact),
        cmocka_unit_test(test_parse_wildcard),
        cmocka_unit_test(test_parse_refused),
        cmocka_unit_test(test_parse_long),
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_match_exact),
        cmocka_unit_test(test_match_subdomains),
        cmocka_unit_test(test_match_other_schemes),
        cmocka_unit_test(test_match_scheme),
        cmocka_unit_test(test_match_long),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_preflight),
        cmocka_unit_test(test_allow_headers),
    };

    return cmocka_run_group_tests_name("cors", tests, NULL, NULL);
}
