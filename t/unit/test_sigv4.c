
/*
 * Signing: keys, policies, paths, what is signed, and what is refused.
 */

#include "social_unit_sigv4.h"
#include "social_encoding.h"


static void
test_policy(void **state)
{
    size_t              len;
    social_str_t        s;
    unsigned char       base64[1024], text[SOCIAL_SIGV4_SIGNATURE_SIZE];
    social_sigv4_key_t  key;

    static const char  policy[] =
        "{\"expiration\":\"2026-01-01T00:05:00.000Z\",\"conditions\":["
        "{\"bucket\":\"examplebucket\"},{\"key\":\"avatars/0b7c.jpg\"},"
        "{\"Content-Type\":\"image/jpeg\"},"
        "[\"content-length-range\",1,5242880],"
        "{\"success_action_status\":\"201\"},"
        "{\"x-amz-algorithm\":\"AWS4-HMAC-SHA256\"},"
        "{\"x-amz-credential\":"
        "\"AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/s3/aws4_request\"},"
        "{\"x-amz-date\":\"20260101T000000Z\"}]}";

    (void) state;

    len = social_base64_encode(social_str(policy), base64);
    s.data = base64;
    s.len = len;

    assert_int_equal(social_sigv4_key(S(UNIT_SECRET), S("20260101"),
                                      S("us-east-1"), S("s3"), &key),
                     SOCIAL_OK);
    assert_int_equal(social_sigv4_signature(&key, s, text), SOCIAL_OK);
    assert_memory_equal(text, "1a2b5b9b9b2f3f42b6775f0193e4082bed4464a17f63e9"
                              "40834250f92dd6ebac", sizeof(text));
}


static void
test_key(void **state)
{
    unsigned char               long_secret[SOCIAL_SIGV4_MAX_SECRET + 1];
    social_buf_t                work;
    social_str_t                s;
    unit_request_t              r;
    social_sigv4_key_t          key, other;
    social_sigv4_scope_t        scope;
    social_sigv4_signed_t       a, b;
    social_credentials_t  credentials;

    (void) state;

    memset(long_secret, 'x', sizeof(long_secret));
    s.data = long_secret;
    s.len = sizeof(long_secret);

    assert_int_equal(social_sigv4_key(S(""), S("20260101"), S("r"), S("s3"),
                                      &key), SOCIAL_MALFORMED);
    assert_int_equal(social_sigv4_key(s, S("20260101"), S("r"), S("s3"),
                                      &key), SOCIAL_MALFORMED);
    s.len--;
    assert_int_equal(social_sigv4_key(s, S("20260101"), S("r"), S("s3"),
                                      &key), SOCIAL_OK);
    assert_int_equal(social_sigv4_key(s, S("2026010"), S("r"), S("s3"),
                                      &key), SOCIAL_MALFORMED);

    /* a kept key is used on its day, and derived again on another */

    memset(&r, 0, sizeof(r));
    r.request.method = S("GET");
    r.request.path = S("/");
    unit_request_add(&r, S("Host"), S("h"));

    memset(&credentials, 0, sizeof(credentials));
    credentials.access_key = S(UNIT_ACCESS_KEY);
    credentials.secret = S(UNIT_SECRET);

    memset(&key, 0, sizeof(key));
    scope.region = S("us-east-1");
    scope.service = S("s3");
    scope.now = 1767225600;
    scope.key = &key;

    social_buf_init(&work, unit_work, sizeof(unit_work));
    assert_int_equal(social_sigv4_sign_headers(&credentials, &scope,
                         &r.request, &work, &a), SOCIAL_OK);
    assert_memory_equal(key.date, "20260101", 8);
    other = key;

    scope.now += 86399;
    assert_int_equal(social_sigv4_sign_headers(&credentials, &scope,
                         &r.request, &work, &a), SOCIAL_OK);
    assert_memory_equal(&key, &other, sizeof(key));

    scope.now++;
    assert_int_equal(social_sigv4_sign_headers(&credentials, &scope,
                         &r.request, &work, &a), SOCIAL_OK);
    assert_memory_equal(key.date, "20260102", 8);
    assert_memory_not_equal(key.key, other.key, sizeof(key.key));

    scope.key = NULL;
    assert_int_equal(social_sigv4_sign_headers(&credentials, &scope,
                         &r.request, &work, &b), SOCIAL_OK);
    assert_true(social_str_eq(a.signature, b.signature));
}


typedef struct {
    unit_request_t              r;
    social_sigv4_scope_t        scope;
    social_credentials_t  credentials;
} sign_t;


static void
sign_start(sign_t *s)
{
    memset(s, 0, sizeof(sign_t));

    s->r.request.method = S("PUT");
    s->r.request.path = S("/bucket/key");
    unit_request_add(&s->r, S("Host"), S("localhost:9000"));

    s->credentials.access_key = S(UNIT_ACCESS_KEY);
    s->credentials.secret = S(UNIT_SECRET);
    s->scope.region = S("us-east-1");
    s->scope.service = S("s3");
    s->scope.now = 1767225600;
}


static void
sign_both(sign_t *s, social_rc_e headers, social_rc_e query)
{
    social_buf_t           work;
    social_sigv4_signed_t  made;

    social_buf_init(&work, unit_work, sizeof(unit_work));
    assert_int_equal(social_sigv4_sign_headers(&s->credentials, &s->scope,
                         &s->r.request, &work, &made), headers);

    social_buf_init(&work, unit_work, sizeof(unit_work));
    assert_int_equal(social_sigv4_sign_query(&s->credentials, &s->scope,
                         &s->r.request, 60, &work, &made), query);
}


#define sign_refused(change)                                                  \
    do {                                                                      \
        sign_start(&s);                                                       \
        change;                                                               \
        sign_both(&s, SOCIAL_MALFORMED, SOCIAL_MALFORMED);                    \
    } while (0)


static void
test_refused(void **state)
{
    size_t                  i;
    sign_t                  s;
    social_str_t            large;
    social_buf_t            work;
    unsigned char          *space;
    social_sigv4_signed_t   made;

    (void) state;

    space = malloc(65536);
    assert_non_null(space);
    memset(space, '/', 65536);
    large.data = space;

    sign_start(&s);
    sign_both(&s, SOCIAL_OK, SOCIAL_OK);

    sign_refused(s.r.request.method = S(""));
    sign_refused(s.r.request.method = S("GET\n"));
    sign_refused(s.r.request.path = S(""));
    sign_refused(s.r.request.path = S("bucket"));
    sign_refused(s.r.request.path = S("/%zz"));
    sign_refused(s.r.request.path = S("/%00"));
    sign_refused(s.r.request.query = S("a=%"));
    sign_refused(s.r.request.query = S("X-Amz-Signature=a"));
    sign_refused(s.r.request.header_count = 0);
    sign_refused(unit_request_add(&s.r, S("host"), S("other")));
    sign_refused(unit_request_add(&s.r, S(""), S("v")));
    sign_refused(unit_request_add(&s.r, S("a:b"), S("v")));
    sign_refused(unit_request_add(&s.r, S("a"), S("v\nhost:x")));
    sign_refused(unit_request_add(&s.r, S("a"), S("v\r")));
    sign_refused(unit_request_add(&s.r, S("a"), S("\0")));
    sign_refused(s.credentials.access_key = S(""));
    sign_refused(s.credentials.secret = S(""));
    sign_refused(s.scope.region = S(""));
    sign_refused(s.scope.service = S(""));

    large.len = SOCIAL_SIGV4_MAX_PATH + 1;
    sign_refused(s.r.request.path = large);
    large.len = SOCIAL_SIGV4_MAX_QUERY + 1;
    sign_refused(s.r.request.query = large);
    large.len = SOCIAL_SIGV4_MAX_HEADER_SIZE + 1;
    sign_refused(unit_request_add(&s.r, S("a"), large));
    large.len = SOCIAL_SIGV4_SIGNATURE_SIZE + 1;
    sign_refused(s.r.request.payload = large);
    sign_refused(for (i = 0; i < SOCIAL_SIGV4_MAX_HEADERS; i++)
                     unit_request_add(&s.r, S("a"), S("b")));

    /* what is added must not be there */

    sign_start(&s);
    unit_request_add(&s.r, S("X-Amz-Date"), S("20260101T000000Z"));
    sign_both(&s, SOCIAL_MALFORMED, SOCIAL_OK);

    sign_start(&s);
    unit_request_add(&s.r, S("x-amz-security-token"), S("t"));
    sign_both(&s, SOCIAL_MALFORMED, SOCIAL_OK);

    sign_start(&s);
    s.r.request.query = S("X-Amz-Expires=1");
    sign_both(&s, SOCIAL_OK, SOCIAL_MALFORMED);

    /* every size of work but enough is an error, and no more than that */

    sign_start(&s);
    s.r.request.query = S("b=2&a=1");

    for (i = 0; i < 2048; i++) {
        social_buf_init(&work, space, i);

        if (social_sigv4_sign_query(&s.credentials, &s.scope, &s.r.request,
                                    60, &work, &made)
            == SOCIAL_OK)
        {
            break;
        }

        assert_int_equal(work.rc, SOCIAL_MALFORMED);
    }

    assert_true(i > 500 && i < 2048);
    free(space);
}


static void
test_expires(void **state)
{
    size_t                 i;
    sign_t                 s;
    social_buf_t           work;
    social_sigv4_signed_t  made;

    static const struct {
        int64_t      seconds;
        social_rc_e  rc;
    } cases[] = {
        { INT64_MIN, SOCIAL_MALFORMED }, { -1, SOCIAL_MALFORMED },
        { 0, SOCIAL_MALFORMED }, { 1, SOCIAL_OK }, { 604800, SOCIAL_OK },
        { 604801, SOCIAL_MALFORMED }, { INT64_MAX, SOCIAL_MALFORMED },
    };

    (void) state;

    sign_start(&s);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        social_buf_init(&work, unit_work, sizeof(unit_work));
        assert_int_equal(social_sigv4_sign_query(&s.credentials, &s.scope,
                             &s.r.request, cases[i].seconds, &work, &made),
                         cases[i].rc);
    }
}


static void
test_skipped(void **state)
{
    sign_t                 s;
    social_buf_t           work;
    social_sigv4_signed_t  made;

    (void) state;

    sign_start(&s);
    unit_request_add(&s.r, S("User-Agent"), S("x"));
    unit_request_add(&s.r, S("Connection"), S("close"));
    unit_request_add(&s.r, S("Authorization"), S("x"));
    unit_request_add(&s.r, S("Expect"), S("100-continue"));
    unit_request_add(&s.r, S("Transfer-Encoding"), S("chunked"));
    unit_request_add(&s.r, S("X-Amzn-Trace-Id"), S("x"));
    unit_request_add(&s.r, S("Content-Type"), S("image/jpeg"));

    social_buf_init(&work, unit_work, sizeof(unit_work));
    assert_int_equal(social_sigv4_sign_query(&s.credentials, &s.scope,
                         &s.r.request, 60, &work, &made), SOCIAL_OK);
    assert_str(made.signed_headers, "content-type;host");

    /* nothing that was not asked for */

    assert_str(made.canonical,
        "PUT\n/bucket/key\n"
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
        "AKIAIOSFODNN7EXAMPLE%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&"
        "X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&"
        "X-Amz-SignedHeaders=content-type%3Bhost\n"
        "content-type:image/jpeg\nhost:localhost:9000\n\n"
        "content-type;host\nUNSIGNED-PAYLOAD");
}


static void
path_is(social_sigv4_mode_e mode, social_str_t path, const char *expected)
{
    sign_t                 s;
    size_t                 i;
    social_str_t           line;
    social_buf_t           work;
    social_sigv4_signed_t  made;

    sign_start(&s);
    s.r.request.mode = mode;
    s.r.request.path = path;

    social_buf_init(&work, unit_work, sizeof(unit_work));
    assert_int_equal(social_sigv4_sign_headers(&s.credentials, &s.scope,
                         &s.r.request, &work, &made), SOCIAL_OK);

    line = made.canonical;
    line.data += 4;
    for (i = 0; line.data[i] != '\n'; i++) { /* void */ }
    line.len = i;

    assert_str(line, expected);
}


static void
test_paths(void **state)
{
    (void) state;

    path_is(SOCIAL_SIGV4_S3, S("//a/./b/../%2e//"), "//a/./b/.././/");
    path_is(SOCIAL_SIGV4_S3, S("/a%20b%2Bc/\xc3\xa9~(1)+@.jpg"),
            "/a%20b%2Bc/%C3%A9~%281%29%2B%40.jpg");
    path_is(SOCIAL_SIGV4_S3, S("/a%2fb"), "/a/b");
    path_is(SOCIAL_SIGV4_S3, S("/%2541"), "/%2541");

    path_is(SOCIAL_SIGV4_PLAIN, S("/a%20b/../c"), "/a%2520b/../c");

    path_is(SOCIAL_SIGV4_NORMALIZED, S("/a%20b/../c//d/."), "/c/d");
    path_is(SOCIAL_SIGV4_NORMALIZED, S("/../../a/"), "/a/");
    path_is(SOCIAL_SIGV4_NORMALIZED, S("/a/.."), "/");
    path_is(SOCIAL_SIGV4_NORMALIZED, S("/a/../"), "/");
    path_is(SOCIAL_SIGV4_NORMALIZED, S("/a%2F../b"), "/a%252F../b");
    path_is(SOCIAL_SIGV4_NORMALIZED, S("/..a/.b/c.."), "/..a/.b/c..");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_expires),
        cmocka_unit_test(test_skipped),
        cmocka_unit_test(test_paths),
    };

    return cmocka_run_group_tests_name("sigv4", tests, NULL, NULL);
}
