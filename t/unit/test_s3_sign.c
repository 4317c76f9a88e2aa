
/*
 * Requests of a proxy, signed for a bucket: each is checked by the verifier,
 * as a store would do.
 */

#include "social_unit_sigv4.h"
#include "social_s3_sign.h"


#define NOW  1767225600        /* 20260101T000000Z */


typedef struct {
    social_bucket_t        bucket;
    social_credentials_t   credentials;
    social_s3_sign_t       sign;
    social_str_t           made;
    social_str_t           uri;
    unsigned char          work[social_s3_sign_size(16384)];
    unsigned char          text[20000];
} sign_t;


static void
start(sign_t *t, const char *endpoint)
{
    const char  *why;

    memset(t, 0, sizeof(sign_t));

    assert_int_equal(social_endpoint_parse(social_str(endpoint),
                                           &t->bucket.endpoint, &why),
                     SOCIAL_OK);
    t->bucket.name = S("examplebucket");
    t->bucket.region = S("us-east-1");
    t->credentials.access_key = S(UNIT_ACCESS_KEY);
    t->credentials.secret = S(UNIT_SECRET);
    t->sign.bucket = &t->bucket;
    t->sign.credentials = &t->credentials;
    t->sign.now = NOW;
}


static social_rc_e
make(sign_t *t, social_str_t head)
{
    social_rc_e   rc;
    social_buf_t  work;

    social_buf_init(&work, t->work, social_s3_sign_size(head.len));
    rc = social_s3_sign_head(&t->sign, head, &work, &t->made, &t->uri);

    return rc;
}


/* what a store reads out of the head that was made */

static void
verify(sign_t *t)
{
    size_t                    i, len;
    unit_request_t            r;
    social_sigv4_scope_t      scope;
    social_sigv4_verified_t   verified;

    for (i = 0, len = 0; i < t->made.len; i++) {
        if (t->made.data[i] != '\r') {
            t->text[len++] = t->made.data[i];
        }
    }

    unit_request_parse(&r, t->text, len);

    scope.region = t->bucket.region;
    scope.service = S("s3");

    assert_int_equal(unit_verify(&t->credentials, &scope, &r.request, NOW,
                                 &verified), SOCIAL_SIGV4_OK);
    assert_false(verified.presigned);
}


static void
is_passed(sign_t *t, const char *line, bool passed)
{
    assert_int_equal(memmem(t->made.data, t->made.len, line, strlen(line))
                     != NULL, passed);
}


static void
uri_is(const char *endpoint, const char *sent, const char *made)
{
    char    head[8192];
    sign_t  t;

    start(&t, endpoint);
    snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: other\r\n\r\n",
             sent);

    assert_int_equal(make(&t, social_str(head)), SOCIAL_OK);
    assert_str(t.uri, made);
    verify(&t);
}


static void
test_head(void **state)
{
    sign_t  t;

    (void) state;

    start(&t, "https://s3.us-east-1.amazonaws.com");

    assert_int_equal(make(&t, S("HEAD /images/a.jpg HTTP/1.1\r\n"
                                "Host: assets.example.com\r\n"
                                "Connection: close\r\n"
                                "authorization: Bearer secret\r\n"
                                "Proxy-Authorization: Basic eA==\r\n"
                                "COOKIE: session=1\r\n"
                                "Expect: 100-continue\r\n"
                                "X-Amz-Date: 20200101T000000Z\r\n"
                                "x-amz-request-payer: requester\r\n"
                                "X-Social-Sub: someone\r\n"
                                "Range: bytes=0-9\r\n"
                                "If-None-Match: \"e\"\r\n"
                                "X-Amzn-Trace-Id: Root=1\r\n"
                                "Cookie2: a\r\n"
                                "\r\n")), SOCIAL_OK);

    assert_str(t.uri, "/images/a.jpg");
    assert_true(social_str_starts(t.made,
        S("HEAD /images/a.jpg HTTP/1.1\r\n"
          "Host: examplebucket.s3.us-east-1.amazonaws.com\r\n"
          "Authorization: AWS4-HMAC-SHA256 Credential=" UNIT_ACCESS_KEY
          "/20260101/us-east-1/s3/aws4_request, "
          "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
          "Signature=")));

    is_passed(&t, "\r\nX-Amz-Date: 20260101T000000Z\r\n", true);
    is_passed(&t, "\r\nX-Amz-Content-Sha256: e3b0c44298fc1c149afbf4c8996fb924"
                  "27ae41e4649b934ca495991b7852b855\r\n", true);
    is_passed(&t, "X-Amz-Security-Token", false);
    is_passed(&t, "assets.example.com", false);
    is_passed(&t, "Bearer", false);
    is_passed(&t, "Basic", false);
    is_passed(&t, "session=1", false);
    is_passed(&t, "100-continue", false);
    is_passed(&t, "2020", false);
    is_passed(&t, "payer", false);
    is_passed(&t, "X-Social", false);
    is_passed(&t, "\r\nConnection: close\r\nRange: bytes=0-9\r\n"
                  "If-None-Match: \"e\"\r\nX-Amzn-Trace-Id: Root=1\r\n"
                  "Cookie2: a\r\n\r\n", true);

    verify(&t);

}


static void
test_token(void **state)
{
    sign_t  t;

    (void) state;

    start(&t, "https://s3.us-east-1.amazonaws.com");
    t.credentials.token = S("TOKEN/+=EXAMPLE");

    assert_int_equal(make(&t, S("GET /a HTTP/1.0\r\n\r\n")), SOCIAL_OK);
    is_passed(&t, "SignedHeaders=host;x-amz-content-sha256;x-amz-date;"
                  "x-amz-security-token,", true);
    is_passed(&t, "\r\nX-Amz-Security-Token: TOKEN/+=EXAMPLE\r\n", true);
    verify(&t);
}


/* the one spelling of S3, whichever nginx sends */

static void
test_uri(void **state)
{
    const char  *aws = "https://s3.us-east-1.amazonaws.com";

    (void) state;

    uri_is(aws, "/a", "/a");
    uri_is(aws, "/a/b", "/a/b");
    uri_is(aws, "/a//b/", "/a//b/");
    uri_is(aws, "//a", "//a");
    uri_is(aws, "/a%2Fb", "/a/b");
    uri_is(aws, "/a+b", "/a%2Bb");
    uri_is(aws, "/a%2bb%20c", "/a%2Bb%20c");
    uri_is(aws, "/a b", "/a%20b");
    uri_is(aws, "/%C3%A9", "/%C3%A9");
    uri_is(aws, "/\xc3\xa9", "/%C3%A9");
    uri_is(aws, "/%41~%7E.-_", "/A~~.-_");
    uri_is(aws, "/a%3Fb%23", "/a%3Fb%23");
    uri_is(aws, "/a'(1)!*&=:@,;$", "/a%27%281%29%21%2A%26%3D%3A%40%2C%3B%24");
    uri_is(aws, "/a?list-type=2", "/a");
    uri_is(aws, "/a HTTP/1.0", "/a%20HTTP/1.0");

    /* a bucket in the path, below another one */

    uri_is("http://127.0.0.1:9000", "/a", "/examplebucket/a");
    uri_is("http://127.0.0.1:9000/store", "/a", "/store/examplebucket/a");
}


static void
test_path_style(void **state)
{
    sign_t  t;

    (void) state;

    start(&t, "https://objects.example.com:8443/store");
    t.bucket.path_style = true;

    assert_int_equal(make(&t, S("GET /a/b HTTP/1.1\r\n\r\n")), SOCIAL_OK);
    assert_str(t.uri, "/store/examplebucket/a/b");
    is_passed(&t, "\r\nHost: objects.example.com:8443\r\n", true);
    verify(&t);
}


static void
no_object(const char *uri)
{
    char          head[8192];
    sign_t        t;
    social_buf_t  work;
    social_str_t  key;

    start(&t, "https://s3.us-east-1.amazonaws.com");
    snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\n\r\n", uri);
    assert_int_equal(make(&t, social_str(head)), SOCIAL_DECLINED);

    social_buf_init(&work, unit_work, sizeof(unit_work));
    assert_int_equal(social_s3_sign_key(&work, social_str(uri), &key),
                     SOCIAL_DECLINED);
}


static void
test_no_object(void **state)
{
    char  longer[1100];

    (void) state;

    no_object("/");
    no_object("");
    no_object("a");
    no_object("http://other/a");
    no_object("/?list-type=2");
    no_object("/..");
    no_object("/a/../b");
    no_object("/a/%2e%2E/b");
    no_object("/a/./b");
    no_object("/a%00b");
    no_object("/a%0d%0aX:%20y");
    no_object("/a%7f");
    no_object("/%ff");
    no_object("/%");
    no_object("/%4");
    no_object("/%zz");

    memset(longer, 'a', sizeof(longer));
    longer[0] = '/';
    longer[1026] = '\0';
    no_object(longer);

    longer[1025] = '\0';
    uri_is("https://s3.us-east-1.amazonaws.com", longer, longer);
}


static void
test_args(void **state)
{
    sign_t  t;

    static const social_str_t  names[] = {
        social_string("response-content-type"),
        social_string("versionId"),
    };

    (void) state;

    start(&t, "https://s3.us-east-1.amazonaws.com");
    t.sign.args = names;
    t.sign.arg_count = 2;

    assert_int_equal(make(&t, S("GET /a?acl&versionId=1&x=versionId&&"
                                "response-content-type=a%2fb+c&VersionId=2&"
                                "versionId HTTP/1.1\r\n\r\n")), SOCIAL_OK);
    assert_str(t.uri, "/a?versionId=1&response-content-type=a%2fb+c&versionId");

    /* what cannot be signed is the client's */

    assert_int_equal(make(&t, S("GET /a?versionId=%zz HTTP/1.1\r\n\r\n")),
                     SOCIAL_DECLINED);
    assert_int_equal(make(&t, S("GET /a?versionId=a b HTTP/1.1\r\n\r\n")),
                     SOCIAL_DECLINED);
    assert_int_equal(make(&t, S("GET /a?versionId=a\tb HTTP/1.1\r\n\r\n")),
                     SOCIAL_DECLINED);
    assert_int_equal(make(&t, S("GET /a?other=%zz HTTP/1.1\r\n\r\n")),
                     SOCIAL_OK);
    assert_str(t.uri, "/a");

    assert_int_equal(make(&t, S("GET /a?versionId=1 HTTP/1.1\r\n\r\n")),
                     SOCIAL_OK);
    verify(&t);

    assert_true(social_s3_sign_may_pass(names[0]));
    assert_false(social_s3_sign_may_pass(S("")));
    assert_false(social_s3_sign_may_pass(S("a=b")));
    assert_false(social_s3_sign_may_pass(S("a&b")));
    assert_false(social_s3_sign_may_pass(S("a%41")));
    assert_false(social_s3_sign_may_pass(S("X-Amz-Expires")));
    assert_false(social_s3_sign_may_pass(S("x-amz-security-token")));
}


static void
test_no_head(void **state)
{
    size_t  i;
    sign_t  t;

    static const social_str_t  heads[] = {
        social_string(""),
        social_string("\r\n"),
        social_string("GET /a HTTP/1.1"),
        social_string("GET /a HTTP/1.1\r\n"),
        social_string("GET /a HTTP/1.1\n\n"),
        social_string("GET /a HTTP/1.1\r\nHost: a\r\n"),
        social_string("GET /a HTTP/1.1\r\nHost: a\n\r\n"),
        social_string("GET /a HTTP/1.1\r\nHo\rst: a\r\n\r\n"),
        social_string("GET /a HTTP/1.1\r\nHost\x01: a\r\n\r\n"),
        social_string("GET /a HTTP/1.1\r\n: a\r\n\r\n"),
        social_string("GET /a HTTP/1.1\r\n\r\nbody"),
        social_string("GET /a\r\nX: y HTTP/1.1\r\n\r\n"),
        social_string("GET /a HTTP/2.0\r\n\r\n"),
        social_string("GET /aHTTP/1.1\r\n\r\n"),
        social_string("GET HTTP/1.1\r\n\r\n"),
        social_string("PUT /a HTTP/1.1\r\n\r\n"),
        social_string("POST /a HTTP/1.1\r\n\r\n"),
        social_string("DELETE /a HTTP/1.1\r\n\r\n"),
        social_string("get /a HTTP/1.1\r\n\r\n"),
    };

    (void) state;

    start(&t, "https://s3.us-east-1.amazonaws.com");

    for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        assert_int_equal(make(&t, heads[i]), SOCIAL_MALFORMED);
    }
}


/* whatever the room, nothing is written past it */

static void
test_room(void **state)
{
    size_t          size;
    sign_t          t;
    social_rc_e     rc;
    social_buf_t    work;
    unsigned char  *p;

    (void) state;

    start(&t, "https://s3.us-east-1.amazonaws.com");
    t.credentials.token = S("TOKEN");

    for (size = 0; ; size += 7) {

        p = malloc(size + 1);
        assert_non_null(p);

        social_buf_init(&work, p, size);
        rc = social_s3_sign_head(&t.sign, S("GET /a?b HTTP/1.1\r\n"
                                            "Range: bytes=0-1\r\n\r\n"),
                                 &work, &t.made, &t.uri);
        free(p);

        if (rc == SOCIAL_OK) {
            break;
        }

        assert_true(size < 16384);
    }

    assert_true(size > 500);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_uri),
        cmocka_unit_test(test_path_style),
        cmocka_unit_test(test_no_object),
        cmocka_unit_test(test_args),
        cmocka_unit_test(test_no_head),
        cmocka_unit_test(test_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
