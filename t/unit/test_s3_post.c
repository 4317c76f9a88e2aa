
/*
 * Forms that are signed: the signature, the policy, and what is asked for.
 */

#include "social_unit.h"
#include "social_encoding.h"
#include "social_s3_policy.h"
#include "social_s3_post.h"


#define NOW  1767225600         /* 2026-01-01T00:00:00Z */

#define SECRET  "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define SCOPE   "AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/s3/aws4_request"

#define SIGNED                                                                \
    ",{\"x-amz-algorithm\":\"AWS4-HMAC-SHA256\"},"                            \
    "{\"x-amz-credential\":\"" SCOPE "\"},"                                   \
    "{\"x-amz-date\":\"20260101T000000Z\"}]}"

#define POLICY(conditions)                                                    \
    "{\"expiration\":\"2026-01-01T00:05:00.000Z\",\"conditions\":["           \
    "{\"bucket\":\"examplebucket\"}," conditions SIGNED


static social_s3_form_fields_t  form;
static social_s3_post_t         post;
static social_sigv4_known_t     known;
static social_sigv4_policy_t    keys;
static unsigned char            memory[SOCIAL_S3_POST_SIZE];
static unsigned char            policy_text[SOCIAL_S3_FORM_SIZE];
static unsigned char            signature[SOCIAL_SIGV4_SIGNATURE_SIZE];


static const social_s3_place_t  place = {
    .prefix = social_string("/s3/"),
    .bucket = social_string("examplebucket")
};


static void
field(const char *name, social_str_t value)
{
    form.items[form.count].name = social_str(name);
    form.items[form.count].value = value;
    form.count++;
}


/* a form with a policy that is signed, to be added to */

static void
begin(const char *policy)
{
    social_str_t        text;
    social_sigv4_key_t  key;

    memset(&form, 0, sizeof(form));
    memset(&known, 0, sizeof(known));
    memset(&keys, 0, sizeof(keys));

    known.access_key = S("AKIAIOSFODNN7EXAMPLE");
    known.secrets[0] = S(SECRET);
    keys.region = S("us-east-1");
    keys.service = S("s3");
    keys.known = &known;
    keys.known_count = 1;

    text.data = policy_text;
    text.len = social_base64_encode(social_str(policy), policy_text);

    assert_int_equal(social_sigv4_key(known.secrets[0], S("20260101"),
                                      keys.region, keys.service, &key),
                     SOCIAL_OK);
    assert_int_equal(social_sigv4_signature(&key, text, signature), SOCIAL_OK);

    field("policy", text);
    field("x-amz-algorithm", S("AWS4-HMAC-SHA256"));
    field("x-amz-credential", S(SCOPE));
    field("x-amz-date", S("20260101T000000Z"));
    field("x-amz-signature", (social_str_t) { sizeof(signature), signature });
}


static social_str_t *
value_of(const char *name)
{
    size_t  i;

    for (i = 0; i < form.count; i++) {
        if (social_str_eq(form.items[i].name, social_str(name))) {
            return &form.items[i].value;
        }
    }

    fail_msg("no field \"%s\"", name);

    return NULL;
}


static void
without(const char *name)
{
    size_t  i, n;

    for (i = 0, n = 0; i < form.count; i++) {
        if (!social_str_eq(form.items[i].name, social_str(name))) {
            form.items[n++] = form.items[i];
        }
    }

    assert_int_equal(n, form.count - 1);
    form.count = n;
}


static social_s3_error_e
read_at(int64_t now)
{
    social_buf_t  work;

    social_buf_init(&work, memory, sizeof(memory));

    return social_s3_post_read(&place, &keys, &form, now, &work, &post);
}


static void
assert_read(social_s3_error_e error, const char *message)
{
    social_s3_error_e  got;

    got = read_at(NOW);

    if (got != error || (message && !social_str_starts(post.op.message,
                                                       social_str(message))))
    {
        fail_msg("%d, not %d: %.*s, not %s", got, error,
                 (int) post.op.message.len, post.op.message.data,
                 message ? message : "-");
    }
}


#define KEY  "{\"key\":\"avatars/0b7c.jpg\"}"


/* the signatures are computed by others: AWS's own example, and Python's */

static void
test_vectors(void **state)
{
    social_str_t  *sent;

    (void) state;

    begin("{\"expiration\":\"2026-01-01T00:05:00.000Z\",\"conditions\":["
          "{\"bucket\":\"examplebucket\"},{\"key\":\"avatars/0b7c.jpg\"},"
          "{\"Content-Type\":\"image/jpeg\"},"
          "[\"content-length-range\",1,5242880],"
          "{\"success_action_status\":\"201\"},"
          "{\"x-amz-algorithm\":\"AWS4-HMAC-SHA256\"},"
          "{\"x-amz-credential\":\"" SCOPE "\"},"
          "{\"x-amz-date\":\"20260101T000000Z\"}]}");
    field("key", S("avatars/0b7c.jpg"));
    field("content-type", S("image/jpeg"));
    field("success_action_status", S("201"));

    assert_str(*value_of("x-amz-signature"),
               "1a2b5b9b9b2f3f42b6775f0193e4082b"
               "ed4464a17f63e940834250f92dd6ebac");

    assert_read(SOCIAL_S3_OK, NULL);
    assert_int_equal(post.op.operation, SOCIAL_S3_PUT_OBJECT);
    assert_str(post.op.key, "avatars/0b7c.jpg");
    assert_str(post.type, "image/jpeg");
    assert_int_equal(post.min, 1);
    assert_int_equal(post.max, 5242880);
    assert_int_equal(post.status, 201);
    assert_int_equal(post.redirect.len, 0);

    /* each byte of it, and of what it is of */

    sent = value_of("x-amz-signature");
    sent->len--;
    assert_read(SOCIAL_S3_SIGNATURE_DOES_NOT_MATCH, NULL);
    sent->len++;
    signature[63] ^= 1;
    assert_read(SOCIAL_S3_SIGNATURE_DOES_NOT_MATCH, NULL);
    signature[63] ^= 1;
    policy_text[100] ^= 1;
    assert_read(SOCIAL_S3_SIGNATURE_DOES_NOT_MATCH, NULL);
    policy_text[100] ^= 1;
    assert_read(SOCIAL_S3_OK, NULL);

    /* the second secret is as good, an empty one is none */

    known.secrets[1] = known.secrets[0];
    known.secrets[0] = S("other");
    assert_read(SOCIAL_S3_OK, NULL);
    known.secrets[1].len = 0;
    assert_read(SOCIAL_S3_SIGNATURE_DOES_NOT_MATCH, NULL);
}


static void
test_signature(void **state)
{
    size_t  i;

    static const struct {
        const char         *name;
        const char         *value;    /* NULL: it is not there */
        social_s3_error_e   error;
    } bad[] = {
        { "policy", NULL, SOCIAL_S3_ACCESS_DENIED },
        { "x-amz-algorithm", NULL, SOCIAL_S3_INVALID_ARGUMENT },
        { "x-amz-algorithm", "AWS4-HMAC-SHA1", SOCIAL_S3_INVALID_REQUEST },
        { "x-amz-date", NULL, SOCIAL_S3_INVALID_ARGUMENT },
        { "x-amz-date", "20260102T000000Z",
          SOCIAL_S3_AUTHORIZATION_QUERY_PARAMETERS_ERROR },
        { "x-amz-date", "20260101",
          SOCIAL_S3_AUTHORIZATION_QUERY_PARAMETERS_ERROR },
        { "x-amz-signature", NULL, SOCIAL_S3_INVALID_ARGUMENT },
        { "x-amz-signature", "", SOCIAL_S3_SIGNATURE_DOES_NOT_MATCH },
        { "x-amz-credential", NULL, SOCIAL_S3_INVALID_ARGUMENT },
        { "x-amz-credential", "",
          SOCIAL_S3_AUTHORIZATION_QUERY_PARAMETERS_ERROR },
        { "x-amz-credential", "20260101/us-east-1/s3/aws4_request",
          SOCIAL_S3_AUTHORIZATION_QUERY_PARAMETERS_ERROR },
        { "x-amz-credential",
          "AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/sqs/aws4_request",
          SOCIAL_S3_AUTHORIZATION_QUERY_PARAMETERS_ERROR },
        { "x-amz-credential",
          "AKIAIOSFODNN7EXAMPLE/20260101/us-west-1/s3/aws4_request",
          SOCIAL_S3_AUTHORIZATION_QUERY_PARAMETERS_ERROR },
        { "x-amz-credential",
          "AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/s3/aws4",
          SOCIAL_S3_AUTHORIZATION_QUERY_PARAMETERS_ERROR },
        { "x-amz-credential", "OTHER/20260101/us-east-1/s3/aws4_request",
          SOCIAL_S3_INVALID_ACCESS_KEY_ID }
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {

        begin(POLICY(KEY));
        field("key", S("avatars/0b7c.jpg"));

        if (bad[i].value) {
            *value_of(bad[i].name) = social_str(bad[i].value);

        } else {
            without(bad[i].name);
        }

        assert_read(bad[i].error, NULL);
    }

    /* a session's token is in the form and in the policy, or in neither */

    begin(POLICY(KEY ",{\"x-amz-security-token\":\"t\"}"));
    field("key", S("avatars/0b7c.jpg"));
    field("x-amz-security-token", S("t"));
    assert_read(SOCIAL_S3_INVALID_TOKEN, NULL);
    known.token = S("t");
    assert_read(SOCIAL_S3_OK, NULL);
    known.token = S("u");
    assert_read(SOCIAL_S3_INVALID_TOKEN, NULL);

    begin(POLICY(KEY));
    field("key", S("avatars/0b7c.jpg"));
    known.token = S("t");
    assert_read(SOCIAL_S3_INVALID_TOKEN, NULL);
    field("x-amz-security-token", S("t"));
    assert_read(SOCIAL_S3_ACCESS_DENIED,
                "Invalid according to Policy: Extra input fields: "
                "x-amz-security-token");
}


static void
test_time(void **state)
{
    (void) state;

    begin(POLICY(KEY));
    field("key", S("avatars/0b7c.jpg"));

    assert_int_equal(read_at(NOW + 299), SOCIAL_S3_OK);
    assert_int_equal(read_at(NOW + 300), SOCIAL_S3_ACCESS_DENIED);
    assert_str(post.op.message, "Invalid according to Policy: Policy expired.");
    assert_int_equal(read_at(NOW - 900), SOCIAL_S3_OK);
    assert_int_equal(read_at(NOW - 901), SOCIAL_S3_ACCESS_DENIED);
}


static void
test_conditions(void **state)
{
    size_t  i;

    static const struct {
        const char         *conditions;
        social_s3_error_e   error;
        const char         *message;
    } tests[] = {
        { KEY, SOCIAL_S3_OK, NULL },
        { "[\"eq\",\"$key\",\"avatars/0b7c.jpg\"]", SOCIAL_S3_OK, NULL },
        { "[\"EQ\",\"$KEY\",\"avatars/0b7c.jpg\"]", SOCIAL_S3_OK, NULL },
        { "[\"starts-with\",\"$key\",\"avatars/\"]", SOCIAL_S3_OK, NULL },
        { "[\"starts-with\",\"$key\",\"\"]", SOCIAL_S3_OK, NULL },
        { "[\"starts-with\",\"$key\",\"\"],[\"starts-with\",\"$tagging\",\"\"]",
          SOCIAL_S3_OK, NULL },
        { "{\"Key\":\"avatars/0b7c.jpg\"}", SOCIAL_S3_OK, NULL },
        { "[\"eq\",\"$key\",\"avatars/0b7c.jp\"]", SOCIAL_S3_ACCESS_DENIED,
          "Invalid according to Policy: Policy Condition failed: [\"eq\", "
          "\"$key\", \"avatars/0b7c.jp\"]" },
        { "[\"starts-with\",\"$key\",\"avatars/0b7c.jpgx\"]",
          SOCIAL_S3_ACCESS_DENIED,
          "Invalid according to Policy: Policy Condition failed: "
          "[\"starts-with\", " },
        { KEY ",{\"acl\":\"private\"}", SOCIAL_S3_ACCESS_DENIED,
          "Invalid according to Policy: Policy Condition failed: " },
        { KEY ",{\"bucket\":\"other\"}", SOCIAL_S3_ACCESS_DENIED, NULL },
        { "{\"acl\":\"\"}", SOCIAL_S3_ACCESS_DENIED,
          "Invalid according to Policy: Extra input fields: key" },
        { "{}", SOCIAL_S3_INVALID_POLICY_DOCUMENT, NULL },
        { "5", SOCIAL_S3_INVALID_POLICY_DOCUMENT, NULL },
        { "\"key\"", SOCIAL_S3_INVALID_POLICY_DOCUMENT, NULL },
        { "{\"key\":5}", SOCIAL_S3_INVALID_POLICY_DOCUMENT, NULL },
        { "{\"key\":[\"avatars/0b7c.jpg\"]}",
          SOCIAL_S3_INVALID_POLICY_DOCUMENT, NULL },
        { "{\"key\":\"avatars/0b7c.jpg\",\"acl\":\"\"}",
          SOCIAL_S3_INVALID_POLICY_DOCUMENT, NULL },
        { "[]", SOCIAL_S3_INVALID_POLICY_DOCUMENT, NULL },
        { "[\"eq\",\"$key\"]", SOCIAL_S3_INVALID_POLICY_DOCUMENT, NULL },
        { "[\"eq\",\"key\",\"avatars/0b7c.jpg\"]",
          SOCIAL_S3_INVALID_POLICY_DOCUMENT, NULL },
        { "[\"eq\",\"$\",\"\"]", SOCIAL_S3_INVALID_POLICY_DOCUMENT, NULL },
        { "[\"eq\",\"$key\",5]", SOCIAL_S3_INVALID_POLICY_DOCUMENT, NULL },
        { "[\"ne\",\"$key\",\"\"]", SOCIAL_S3_INVALID_POLICY_DOCUMENT, NULL },
        { "[\"eq\",\"$key\",\"a\",\"b\"]", SOCIAL_S3_INVALID_POLICY_DOCUMENT,
          NULL },
        { KEY ",[\"content-length-range\",1]",
          SOCIAL_S3_INVALID_POLICY_DOCUMENT, NULL },
        { KEY ",[\"content-length-range\",1,\"x\"]",
          SOCIAL_S3_INVALID_POLICY_DOCUMENT, NULL },
        { KEY ",[\"content-length-range\",-1,5]",
          SOCIAL_S3_INVALID_POLICY_DOCUMENT, NULL },
        { KEY ",[\"content-length-range\",1,1.5]",
          SOCIAL_S3_INVALID_POLICY_DOCUMENT, NULL },
        { KEY ",[\"content-length-range\",\"\",\"5\"]",
          SOCIAL_S3_INVALID_POLICY_DOCUMENT, NULL }
    };

    (void) state;

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {

        char  policy[2048];

        snprintf(policy, sizeof(policy),
                 "{\"expiration\":\"2026-01-01T00:05:00.000Z\","
                 "\"conditions\":[{\"bucket\":\"examplebucket\"},%s" SIGNED,
                 tests[i].conditions);

        begin(policy);
        field("key", S("avatars/0b7c.jpg"));
        assert_read(tests[i].error, tests[i].message);
    }

    begin(POLICY(KEY ",[\"content-length-range\",\"3\",\"9\"],"
                 "[\"content-length-range\",2,8],"
                 "[\"content-length-range\",1,20]"));
    field("key", S("avatars/0b7c.jpg"));
    assert_read(SOCIAL_S3_OK, NULL);
    assert_int_equal(post.min, 3);
    assert_int_equal(post.max, 8);

    /* what is not shown */

    begin(POLICY("{\"key\":\"a\\nb\"}"));
    field("key", S("c"));
    assert_read(SOCIAL_S3_ACCESS_DENIED, NULL);
    assert_str(post.op.message,
               "Invalid according to Policy: Policy Condition failed");

    begin(POLICY(KEY ",{\"X-Amz-Security-Token\":\"secret\"}"));
    field("key", S("avatars/0b7c.jpg"));
    assert_read(SOCIAL_S3_ACCESS_DENIED, NULL);
    assert_str(post.op.message,
               "Invalid according to Policy: Policy Condition failed");

    /* the bucket is the one that it is sent to, whatever a field says */

    begin("{\"expiration\":\"2026-01-01T00:05:00.000Z\",\"conditions\":["
          KEY SIGNED);
    field("key", S("avatars/0b7c.jpg"));
    assert_read(SOCIAL_S3_ACCESS_DENIED,
                "Invalid according to Policy: Extra input fields: bucket");
    field("bucket", S("examplebucket"));
    assert_read(SOCIAL_S3_ACCESS_DENIED, NULL);

    begin("{\"expiration\":\"2026-01-01T00:05:00.000Z\",\"conditions\":["
          "{\"bucket\":\"other\"}," KEY SIGNED);
    field("key", S("avatars/0b7c.jpg"));
    field("bucket", S("other"));
    assert_read(SOCIAL_S3_ACCESS_DENIED, NULL);

    begin(POLICY(KEY));
    field("key", S("avatars/0b7c.jpg"));
    field("bucket", S("examplebucket"));
    field("x-ignore-this", S("x"));
    field("signature", S("x"));
    assert_read(SOCIAL_S3_OK, NULL);
    field("other", S(""));
    assert_read(SOCIAL_S3_ACCESS_DENIED,
                "Invalid according to Policy: Extra input fields: other");

    /* each item of a list of types */

    begin(POLICY(KEY ",[\"starts-with\",\"$Content-Type\",\"image/\"]"));
    field("key", S("avatars/0b7c.jpg"));
    assert_read(SOCIAL_S3_ACCESS_DENIED, NULL);
    field("content-type", S("image/jpeg, image/png"));
    assert_read(SOCIAL_S3_OK, NULL);
    *value_of("content-type") = S("image/jpeg, text/html");
    assert_read(SOCIAL_S3_ACCESS_DENIED, NULL);
}


static void
test_documents(void **state)
{
    size_t  i;

    static const char *const  bad[] = {
        "", "{}", "[]", "{\"conditions\":[]}",
        "{\"expiration\":\"2026-01-01T00:05:00.000Z\"}",
        "{\"expiration\":\"2026-01-01T00:05:00.000Z\",\"conditions\":{}}",
        "{\"expiration\":\"2026-01-01\",\"conditions\":[]}",
        "{\"expiration\":1767225900,\"conditions\":[]}",
        "{\"expiration\":null,\"conditions\":[]}",
        "{\"expiration\":\"2026-01-01T00:05:00.000Z\",\"conditions\":[",
        "{\"expiration\":\"2026-01-01T00:05:00.000Z\",\"conditions\":"
        "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        begin(bad[i]);
        field("key", S("k"));
        assert_read(SOCIAL_S3_INVALID_POLICY_DOCUMENT, "Invalid Policy: ");
    }

    /* signed, but not base64 */

    begin("{}");
    {
        social_sigv4_key_t  key;

        *value_of("policy") = S("e30");
        assert_int_equal(social_sigv4_key(known.secrets[0], S("20260101"),
                                          keys.region, keys.service, &key),
                         SOCIAL_OK);
        assert_int_equal(social_sigv4_signature(&key, S("e30"), signature),
                         SOCIAL_OK);
    }
    assert_read(SOCIAL_S3_INVALID_POLICY_DOCUMENT,
                "Invalid Policy: Invalid Base64.");
}


static void
test_fields(void **state)
{
    size_t  i;

    static const struct {
        const char         *name;
        const char         *value;
        social_s3_error_e   error;
    } tests[] = {
        { "x-amz-meta-a", "b", SOCIAL_S3_OK },
        { "cache-control", "no-cache", SOCIAL_S3_OK },
        { "acl", "private", SOCIAL_S3_OK },
        { "acl", "public-read", SOCIAL_S3_ACL_NOT_SUPPORTED },
        { "tagging", "", SOCIAL_S3_NOT_IMPLEMENTED },
        { "x-amz-storage-class", "STANDARD", SOCIAL_S3_OK },
        { "x-amz-storage-class", "GLACIER", SOCIAL_S3_NOT_IMPLEMENTED },
        { "x-amz-server-side-encryption", "AES256",
          SOCIAL_S3_NOT_IMPLEMENTED },
        { "x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
          SOCIAL_S3_NOT_IMPLEMENTED },
        { "x-amz-copy-source", "/a/b", SOCIAL_S3_NOT_IMPLEMENTED },
        { "x-amz-acl", "private", SOCIAL_S3_NOT_IMPLEMENTED },
        { "x-amz-checksum-sha256",
          "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", SOCIAL_S3_OK },
        { "x-amz-checksum-sha256", "x", SOCIAL_S3_INVALID_REQUEST },
        { "x-amz-checksum-md5", "1B2M2Y8AsgTpgAmY7PhCfg==",
          SOCIAL_S3_NOT_IMPLEMENTED },
        { "content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==", SOCIAL_S3_OK },
        { "content-md5", "x", SOCIAL_S3_INVALID_DIGEST },
        { "x-amz-meta-a", "b\r\nc", SOCIAL_S3_INVALID_ARGUMENT },
        { "if-none-match", "*", SOCIAL_S3_OK },
        { "if-none-match", "\"a\"", SOCIAL_S3_NOT_IMPLEMENTED },
        { "range", "bytes=0-1", SOCIAL_S3_OK },
        { "host", "x.example.com", SOCIAL_S3_OK }
    };

    (void) state;

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {

        char  policy[2048];

        snprintf(policy, sizeof(policy), "{\"expiration\":"
                 "\"2026-01-01T00:05:00.000Z\",\"conditions\":["
                 "{\"bucket\":\"examplebucket\"},"
                 "[\"starts-with\",\"$key\",\"\"]"
                 ",[\"starts-with\",\"$%s\",\"\"]" SIGNED, tests[i].name);

        begin(policy);
        field(tests[i].name, social_str(tests[i].value));
        field("key", S("k"));

        if (read_at(NOW) != tests[i].error) {
            fail_msg("%s: %s", tests[i].name, tests[i].value);
        }
    }

    begin(POLICY("[\"starts-with\",\"$key\",\"u/\"],"
                 "[\"starts-with\",\"$x-amz-meta-name\",\"\"]"));
    form.filename = S("a b.jpg");
    field("key", S("u/${filename}/${filename}"));
    field("x-amz-meta-name", S("${filename"));
    assert_read(SOCIAL_S3_OK, NULL);
    assert_str(post.op.key, "u/a b.jpg/a b.jpg");
    assert_int_equal(post.op.kept_count, 1);
    assert_str(post.op.kept[0].value, "${filename");
    assert_int_equal(post.status, 204);

    /* it is expanded before it is compared */

    form.filename = S("");
    *value_of("key") = S("${filename}u/x");
    assert_read(SOCIAL_S3_OK, NULL);
    form.filename = S("x");
    assert_read(SOCIAL_S3_ACCESS_DENIED, NULL);
    *value_of("key") = S("u/\xff");
    assert_read(SOCIAL_S3_INVALID_URI, NULL);

    field("key", S("u/x"));
    assert_read(SOCIAL_S3_INVALID_ARGUMENT, "A field was given more than once");

    begin(POLICY("[\"starts-with\",\"$key\",\"\"]"));
    assert_read(SOCIAL_S3_INVALID_ARGUMENT, "Bucket POST must contain");
    field("key", S(""));
    assert_read(SOCIAL_S3_INVALID_ARGUMENT, "Bucket POST must contain");
    *value_of("key") = S("/");
    assert_read(SOCIAL_S3_OK, NULL);
    assert_str(post.op.key, "/");
    {
        unsigned char  name[1025];

        memset(name, 'x', sizeof(name));
        *value_of("key") = (social_str_t) { 1024, name };
        assert_read(SOCIAL_S3_OK, NULL);
        *value_of("key") = (social_str_t) { 1025, name };
        assert_read(SOCIAL_S3_KEY_TOO_LONG, NULL);
    }
}


static void
test_success(void **state)
{
    size_t         i;
    social_buf_t   b;
    unsigned char  text[1024];

    static const struct {
        const char  *status;
        unsigned     is;
    } statuses[] = {
        { "200", 200 }, { "201", 201 }, { "204", 204 }, { "", 204 },
        { "500", 204 }, { "0200", 204 }
    };

    static const struct {
        const char  *url;
        const char  *to;          /* NULL: it is ignored */
    } urls[] = {
        { "https://example.com/a",
          "https://example.com/a?bucket=b&key=k%20%2F&etag=%22e%22" },
        { "http://example.com?x#y",
          "http://example.com?x&bucket=b&key=k%20%2F&etag=%22e%22#y" },
        { "javascript:alert(1)", NULL }, { "https://", NULL }, { "", NULL },
        { "//example.com", NULL }, { "https://example.com/\r\nx: y", NULL },
        { "https://example.com/\xc3\xa9", NULL }
    };

    (void) state;

    for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        begin(POLICY(KEY ",[\"starts-with\",\"$success_action_status\",\"\"]"));
        field("key", S("avatars/0b7c.jpg"));
        field("success_action_status", social_str(statuses[i].status));
        assert_read(SOCIAL_S3_OK, NULL);
        assert_int_equal(post.status, statuses[i].is);
    }

    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {

        begin(POLICY(KEY
                     ",[\"starts-with\",\"$success_action_redirect\",\"\"]"));
        field("key", S("avatars/0b7c.jpg"));
        field("success_action_redirect", social_str(urls[i].url));
        assert_read(SOCIAL_S3_OK, NULL);

        if (urls[i].to == NULL) {
            assert_int_equal(post.redirect.len, 0);
            continue;
        }

        social_buf_init(&b, text, sizeof(text));
        social_s3_post_redirect(&b, post.redirect, S("b"), S("k /"),
                                S("\"e\""));
        assert_str(social_buf_since(&b, 0), urls[i].to);
    }

    social_buf_init(&b, text, sizeof(text));
    social_s3_post_write(&b, S("https://x/b/k%26"), S("b"), S("k&<"),
                         S("\"e\""));
    assert_str(social_buf_since(&b, 0),
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
               "<PostResponse><Location>https://x/b/k%26</Location>"
               "<Bucket>b</Bucket><Key>k&amp;&lt;</Key>"
               "<ETag>&quot;e&quot;</ETag></PostResponse>");
}


/* what has no room is refused */

static void
test_room(void **state)
{
    size_t             size;
    social_buf_t       work;
    social_s3_error_e  error;

    (void) state;

    begin(POLICY("[\"starts-with\",\"$key\",\"u/\"]"));
    form.filename = S("a b.jpg");
    field("key", S("u/${filename}"));

    for (size = 0; size < 400; size++) {

        social_buf_init(&work, memory, size);
        error = social_s3_post_read(&place, &keys, &form, NOW, &work, &post);

        if (error == SOCIAL_S3_OK) {
            assert_str(post.op.key, "u/a b.jpg");
            break;
        }

        assert_true(error == SOCIAL_S3_MAX_POST_PRE_DATA_LENGTH
                    || error == SOCIAL_S3_INVALID_URI);
    }

    assert_true(size < 400);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_signature),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_success),
        cmocka_unit_test(test_room)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
