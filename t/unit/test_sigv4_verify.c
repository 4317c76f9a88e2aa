
/*
 * Verifying: each outcome.
 */

#include "social_unit_verify.h"


static void
test_good(void **state)
{
    verify_t  v;

    (void) state;

    both(none, none, SOCIAL_SIGV4_OK, SOCIAL_SIGV4_OK);
    assert_true(v.verified.known == &v.known[1]);
    assert_true(v.verified.time == NOW);
    assert_true(v.verified.expires == NOW + 300);
    assert_true(v.verified.presigned);
    assert_int_equal(v.verified.payload, SOCIAL_SIGV4_PAYLOAD_UNSIGNED);
    assert_int_equal(v.verified.detail.len, 0);

    /* headers that nobody signs may come and go */

    both(none, unit_request_add(&v.r, S("User-Agent"), S("x")),
         SOCIAL_SIGV4_OK, SOCIAL_SIGV4_OK);
    both(none, unit_request_add(&v.r, S("X-Forwarded-For"), S("x")),
         SOCIAL_SIGV4_OK, SOCIAL_SIGV4_OK);

    /* another spelling of the same */

    start(&v);
    sign_headers(&v);
    unit_request_target(&v.r,
                        S("/bucket/a b/\xc3\xa9.jpg?tag=a/b&&x-id=%50"));
    assert_int_equal(verify(&v), SOCIAL_SIGV4_OK);

    both(none, set(&v, "x-amz-meta-k", S(" v\t w ")),
         SOCIAL_SIGV4_OK, SOCIAL_SIGV4_OK);

    /* as S3 reads a query: "+" is a space */

    start(&v);
    v.r.request.query = S("prefix=a%20b");
    sign_headers(&v);
    v.r.request.query = S("prefix=a+b");
    assert_int_equal(verify(&v), SOCIAL_SIGV4_OK);
    v.r.request.query = S("prefix=a%2Bb");
    assert_int_equal(verify(&v), SOCIAL_SIGV4_SIGNATURE);
}


static void
test_changed(void **state)
{
    verify_t  v;

    (void) state;

    both(none, v.r.request.method = S("GET"),
         SOCIAL_SIGV4_SIGNATURE, SOCIAL_SIGV4_SIGNATURE);
    both(none, v.r.request.path = S("/bucket/other"),
         SOCIAL_SIGV4_SIGNATURE, SOCIAL_SIGV4_SIGNATURE);
    both(none, v.r.request.path = S("/bucket/a%20b/%C3%A9.jpg/"),
         SOCIAL_SIGV4_SIGNATURE, SOCIAL_SIGV4_SIGNATURE);
    both(none, v.r.request.path = S("/bucket//a%20b/%C3%A9.jpg"),
         SOCIAL_SIGV4_SIGNATURE, SOCIAL_SIGV4_SIGNATURE);
    both(none, set(&v, "host", S("localhost:9001")),
         SOCIAL_SIGV4_SIGNATURE, SOCIAL_SIGV4_SIGNATURE);
    both(none, set(&v, "content-type", S("image/svg+xml")),
         SOCIAL_SIGV4_SIGNATURE, SOCIAL_SIGV4_SIGNATURE);
    both(none, drop(&v, "content-type"),
         SOCIAL_SIGV4_SIGNATURE, SOCIAL_SIGV4_SIGNATURE);
    both(none, drop(&v, "host"),
         SOCIAL_SIGV4_SIGNATURE, SOCIAL_SIGV4_SIGNATURE);
    both(none, v.known[1].secrets[0] = S("wrong"),
         SOCIAL_SIGV4_SIGNATURE, SOCIAL_SIGV4_SIGNATURE);

    /* an empty secret is not a key: nothing is valid under it */
    both(none, v.known[1].secrets[0] = S(""),
         SOCIAL_SIGV4_SIGNATURE, SOCIAL_SIGV4_SIGNATURE);

    /* one header twice is not two */
    both(none, unit_request_add(&v.r, S("Content-Type"), S("image/jpeg")),
         SOCIAL_SIGV4_SIGNATURE, SOCIAL_SIGV4_SIGNATURE);
    both(none, unit_request_add(&v.r, S("HOST"), S("localhost:9000")),
         SOCIAL_SIGV4_DUPLICATE, SOCIAL_SIGV4_DUPLICATE);
}


static void
test_secrets(void **state)
{
    verify_t  v;

    (void) state;

    both(none, (v.known[1].secrets[1] = S(UNIT_SECRET),
                v.known[1].secrets[0] = S("next")),
         SOCIAL_SIGV4_OK, SOCIAL_SIGV4_OK);
    both(none, v.known[1].secrets[1] = S("previous"),
         SOCIAL_SIGV4_OK, SOCIAL_SIGV4_OK);

    both(none, (v.known[1].secrets[0] = S("next"),
                v.known[1].secrets[1] = S("previous")),
         SOCIAL_SIGV4_SIGNATURE, SOCIAL_SIGV4_SIGNATURE);

    both(none, v.policy.known_count = 1,
         SOCIAL_SIGV4_ACCESS_KEY, SOCIAL_SIGV4_ACCESS_KEY);
    assert_str(v.verified.detail, UNIT_ACCESS_KEY);
    both(none, v.policy.known_count = 0,
         SOCIAL_SIGV4_ACCESS_KEY, SOCIAL_SIGV4_ACCESS_KEY);

    /* other makers' access keys may have slashes */
    both((v.credentials.access_key = S("a/b"),
          v.known[1].access_key = S("a/b")), none,
         SOCIAL_SIGV4_OK, SOCIAL_SIGV4_OK);
}


static void
test_token(void **state)
{
    verify_t  v;

    (void) state;

    both((v.credentials.token = S("t/+="), v.known[1].token = S("t/+=")),
         none, SOCIAL_SIGV4_OK, SOCIAL_SIGV4_OK);
    both(v.credentials.token = S("t/+="), none,
         SOCIAL_SIGV4_TOKEN, SOCIAL_SIGV4_TOKEN);
    both(v.known[1].token = S("t/+="), none,
         SOCIAL_SIGV4_TOKEN, SOCIAL_SIGV4_TOKEN);
    both((v.credentials.token = S("t"), v.known[1].token = S("u")), none,
         SOCIAL_SIGV4_TOKEN, SOCIAL_SIGV4_TOKEN);

    /* added afterwards */
    start(&v);
    v.known[1].token = S("t");
    sign_headers(&v);
    unit_request_add(&v.r, S("x-amz-security-token"), S("t"));
    assert_int_equal(verify(&v), SOCIAL_SIGV4_NOT_SIGNED);
}


static void
test_time(void **state)
{
    verify_t  v;

    (void) state;

    both(none, v.now = NOW + 900, SOCIAL_SIGV4_OK, SOCIAL_SIGV4_EXPIRED);
    both(none, v.now = NOW + 901, SOCIAL_SIGV4_SKEWED, SOCIAL_SIGV4_EXPIRED);
    both(none, v.now = NOW - 900, SOCIAL_SIGV4_OK, SOCIAL_SIGV4_OK);
    both(none, v.now = NOW - 901,
         SOCIAL_SIGV4_SKEWED, SOCIAL_SIGV4_NOT_YET_VALID);
    both(none, v.now = NOW + 300, SOCIAL_SIGV4_OK, SOCIAL_SIGV4_OK);
    both(none, v.now = NOW + 301, SOCIAL_SIGV4_OK, SOCIAL_SIGV4_EXPIRED);
    both(none, v.now = 0, SOCIAL_SIGV4_SKEWED, SOCIAL_SIGV4_NOT_YET_VALID);
    both(none, v.now = INT64_MAX, SOCIAL_SIGV4_SKEWED, SOCIAL_SIGV4_EXPIRED);
    both(none, v.now = INT64_MIN,
         SOCIAL_SIGV4_SKEWED, SOCIAL_SIGV4_NOT_YET_VALID);

    start(&v);
    v.expires = 604800;
    sign_query(&v);
    v.now = NOW + 604800;
    assert_int_equal(verify(&v), SOCIAL_SIGV4_OK);
    v.now++;
    assert_int_equal(verify(&v), SOCIAL_SIGV4_EXPIRED);
}


static void
test_scope(void **state)
{
    verify_t  v;

    (void) state;

    both(v.scope.region = S("eu-west-1"), none,
         SOCIAL_SIGV4_HEADER_REGION, SOCIAL_SIGV4_QUERY_REGION);
    assert_str(v.verified.detail, "eu-west-1");
    both(v.scope.service = S("lambda"), none,
         SOCIAL_SIGV4_HEADER, SOCIAL_SIGV4_QUERY);
    assert_str(v.verified.detail, "lambda");

    /* a key of one day is not good for another */
    start(&v);
    sign_headers(&v);
    set(&v, "x-amz-date", S("20260102T000000Z"));
    v.now += 86400;
    assert_int_equal(verify(&v), SOCIAL_SIGV4_HEADER);
}


static void
test_not_signed(void **state)
{
    verify_t  v;

    (void) state;

    both(none, unit_request_add(&v.r, S("X-Amz-Acl"), S("public-read")),
         SOCIAL_SIGV4_NOT_SIGNED, SOCIAL_SIGV4_NOT_SIGNED);
    assert_str(v.verified.detail, "X-Amz-Acl");
    both(none, unit_request_add(&v.r, S("x-amz-"), S("")),
         SOCIAL_SIGV4_NOT_SIGNED, SOCIAL_SIGV4_NOT_SIGNED);
    both(none, unit_request_add(&v.r, S("x-amz"), S("")),
         SOCIAL_SIGV4_OK, SOCIAL_SIGV4_OK);

    /* host, though it was never signed */
    start(&v);
    unit_request_add(&v.r, S("Authorization"),
        S("AWS4-HMAC-SHA256 Credential=" UNIT_ACCESS_KEY
          "/20260101/us-east-1/s3/aws4_request, SignedHeaders=x-amz-content-"
          "sha256;x-amz-date, Signature=" EMPTY));
    unit_request_add(&v.r, S("x-amz-date"), S("20260101T000000Z"));
    unit_request_add(&v.r, S("x-amz-content-sha256"), S(EMPTY));
    assert_int_equal(verify(&v), SOCIAL_SIGV4_NOT_SIGNED);
    assert_str(v.verified.detail, "host");
}


/* what a refused client may see of what was calculated */

static void
test_shown(void **state)
{
    size_t        i;
    verify_t      v;
    social_str_t  name;

    static const char *const  hidden[] = {
        "authorization-info", "cookie", "x-forwarded-for", "x-social-sub",
        "x-am", "hosts", "api-key",
    };

    (void) state;

    both(none, v.known[1].secrets[0] = S("wrong"),
         SOCIAL_SIGV4_SIGNATURE, SOCIAL_SIGV4_SIGNATURE);
    assert_true(v.verified.shown);
    assert_true(social_str_starts(v.verified.string_to_sign,
                                  S("AWS4-HMAC-SHA256\n")));
    assert_str(v.verified.access_key, UNIT_ACCESS_KEY);
    assert_int_equal(v.verified.signature.len, 64);

    for (i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        name = social_str(hidden[i]);
        both(unit_request_add(&v.r, name, S("secret")),
             v.known[1].secrets[0] = S("wrong"),
             SOCIAL_SIGV4_SIGNATURE, SOCIAL_SIGV4_SIGNATURE);
        assert_false(v.verified.shown);
    }
}


static void
test_anonymous(void **state)
{
    verify_t  v;

    (void) state;

    start(&v);
    assert_int_equal(verify(&v), SOCIAL_SIGV4_ANONYMOUS);

    both(none, unit_request_add(&v.r, S("authorization"), S("Basic eA==")),
         SOCIAL_SIGV4_DUPLICATE, SOCIAL_SIGV4_BOTH);

    start(&v);
    sign_headers(&v);
    v.r.request.query = S("X-Amz-Expires=1");
    assert_int_equal(verify(&v), SOCIAL_SIGV4_BOTH);

    start(&v);
    v.r.request.query = S("AWSAccessKeyId=a&Signature=b&Expires=1");
    assert_int_equal(verify(&v), SOCIAL_SIGV4_UNSUPPORTED);
}


static void
test_duplicate(void **state)
{
    size_t         n;
    verify_t       v;
    social_buf_t   b;
    unsigned char  buf[2048];

    static const char *const  again[] = {
        ("&X-Amz-Signature=" EMPTY), "&X-Amz-Expires=604800", "&x-id=P",
        "&%78-id=Q", "&X-Amz-Date=20260101T000000Z", "&tag",
    };

    (void) state;

    for (n = 0; n < sizeof(again) / sizeof(again[0]); n++) {
        start(&v);
        sign_query(&v);
        social_buf_init(&b, buf, sizeof(buf));
        social_buf_put(&b, v.r.request.query);
        social_buf_text(&b, again[n]);
        v.r.request.query = social_buf_since(&b, 0);
        assert_int_equal(verify(&v), SOCIAL_SIGV4_DUPLICATE);
    }

    both(v.r.request.query = S("a=1&a=2"), none,
         SOCIAL_SIGV4_DUPLICATE, SOCIAL_SIGV4_DUPLICATE);

    start(&v);
    sign_headers(&v);
    unit_request_add(&v.r, S("X-AMZ-DATE"), S("20260101T000000Z"));
    assert_int_equal(verify(&v), SOCIAL_SIGV4_DUPLICATE);

    start(&v);
    sign_headers(&v);
    unit_request_add(&v.r, S("X-AMZ-CONTENT-SHA256"), S(EMPTY));
    assert_int_equal(verify(&v), SOCIAL_SIGV4_DUPLICATE);
}


static void
test_payload(void **state)
{
    size_t    i;
    verify_t  v;

    static const char *const  streaming[] = {
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    };

    (void) state;

    both(v.r.request.payload = S(EMPTY), v.r.request.payload.len = 0,
         SOCIAL_SIGV4_OK, SOCIAL_SIGV4_SIGNATURE);

    start(&v);
    sign_headers(&v);
    assert_int_equal(verify(&v), SOCIAL_SIGV4_OK);
    assert_int_equal(v.verified.payload, SOCIAL_SIGV4_PAYLOAD_DIGEST);
    assert_memory_equal(v.verified.digest, "\xe3\xb0\xc4\x42", 4);

    start(&v);
    v.r.request.payload = S("UNSIGNED-PAYLOAD");
    sign_headers(&v);
    v.r.request.payload.len = 0;
    assert_int_equal(verify(&v), SOCIAL_SIGV4_OK);
    assert_int_equal(v.verified.payload, SOCIAL_SIGV4_PAYLOAD_UNSIGNED);

    for (i = 0; i < 3; i++) {
        start(&v);
        v.r.request.payload = social_str(streaming[i]);
        sign_headers(&v);
        v.r.request.payload.len = 0;
        assert_int_equal(verify(&v), SOCIAL_SIGV4_STREAMING);
        v.known[1].secrets[0] = S("wrong");
        assert_int_equal(verify(&v), SOCIAL_SIGV4_SIGNATURE);
    }

    start(&v);
    v.r.request.payload = S("nonsense");
    sign_headers(&v);
    v.r.request.payload.len = 0;
    assert_int_equal(verify(&v), SOCIAL_SIGV4_PAYLOAD);

    start(&v);
    sign_headers(&v);
    set(&v, "x-amz-content-sha256", S("UNSIGNED-PAYLOAD"));
    assert_int_equal(verify(&v), SOCIAL_SIGV4_SIGNATURE);

    start(&v);
    sign_headers(&v);
    drop(&v, "x-amz-content-sha256");
    assert_int_equal(verify(&v), SOCIAL_SIGV4_SIGNATURE);

    /* a query's digest: as a parameter, and as a header that is signed */

    start(&v);
    v.r.request.query = S("X-Amz-Content-Sha256=" EMPTY);
    sign_query(&v);
    assert_int_equal(verify(&v), SOCIAL_SIGV4_OK);
    assert_int_equal(v.verified.payload, SOCIAL_SIGV4_PAYLOAD_DIGEST);

    start(&v);
    unit_request_add(&v.r, S("X-Amz-Content-Sha256"), S(EMPTY));
    sign_query(&v);
    assert_int_equal(verify(&v), SOCIAL_SIGV4_OK);
    assert_int_equal(v.verified.payload, SOCIAL_SIGV4_PAYLOAD_DIGEST);

    start(&v);
    v.r.request.query = S("X-Amz-Content-Sha256");
    unit_request_add(&v.r, S("X-Amz-Content-Sha256"), S(EMPTY));
    sign_query(&v);
    assert_int_equal(verify(&v), SOCIAL_SIGV4_OK);
    assert_int_equal(v.verified.payload, SOCIAL_SIGV4_PAYLOAD_DIGEST);

    start(&v);
    sign_query(&v);
    unit_request_add(&v.r, S("X-Amz-Content-Sha256"), S(EMPTY));
    assert_int_equal(verify(&v), SOCIAL_SIGV4_NOT_SIGNED);

    /* the body is known already, and is another */

    start(&v);
    sign_headers(&v);
    v.r.request.payload = S(EMPTY);
    assert_int_equal(verify(&v), SOCIAL_SIGV4_OK);
    v.r.request.payload =
        S("f3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(verify(&v), SOCIAL_SIGV4_BODY);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_scope),
        cmocka_unit_test(test_not_signed),
        cmocka_unit_test(test_shown),
        cmocka_unit_test(test_anonymous),
        cmocka_unit_test(test_duplicate),
        cmocka_unit_test(test_payload),
    };

    return cmocka_run_group_tests_name("sigv4_verify", tests, NULL, NULL);
}
