
/*
 * Presigned URLs, each checked by the verifier; names of buckets and objects;
 * endpoints.
 */

#include "social_unit_sigv4.h"
#include "social_presign.h"
#include "social_s3_post.h"


#define NOW  1767225600        /* 20260101T000000Z */


typedef struct {
    social_bucket_t        bucket;
    social_credentials_t   credentials;
    social_presign_t       p;
    int64_t                now;
} presign_t;


static void
start(presign_t *t, const char *endpoint, const char *method, const char *key)
{
    const char  *why;

    memset(t, 0, sizeof(presign_t));

    assert_int_equal(social_endpoint_parse(social_str(endpoint),
                                           &t->bucket.endpoint, &why),
                     SOCIAL_OK);
    t->bucket.name = S("examplebucket");
    t->bucket.region = S("us-east-1");
    t->credentials.access_key = S(UNIT_ACCESS_KEY);
    t->credentials.secret = S(UNIT_SECRET);
    t->p.method = social_str(method);
    t->p.key = social_str(key);
    t->p.expires = 300;
    t->now = NOW;
}


/*
 * Makes the URL and sends it to the verifier as a client would: the host, the
 * path and the query out of the URL, the headers it was given.
 */

static social_str_t
make(presign_t *t)
{
    size_t                    i, slash;
    social_buf_t              work;
    social_str_t              url, rest;
    unit_request_t            r;
    social_sigv4_scope_t      scope;
    social_sigv4_verified_t   verified;

    social_buf_init(&work, unit_work, sizeof(unit_work));
    assert_int_equal(social_presign(&t->bucket, &t->credentials, &t->p,
                                    t->now, NULL, &work, &url), SOCIAL_OK);

    rest = url;
    i = t->bucket.endpoint.secure ? 8 : 7;
    rest.data += i;
    rest.len -= i;

    for (slash = 0; rest.data[slash] != '/'; slash++) { /* void */ }

    memset(&r, 0, sizeof(r));
    r.request.method = t->p.method;
    unit_request_add(&r, S("Host"), (social_str_t) { slash, rest.data });

    for (i = 0; i < t->p.header_count; i++) {
        unit_request_add(&r, t->p.headers[i].name, t->p.headers[i].value);
    }

    unit_request_add(&r, S("User-Agent"), S("browser"));

    rest.data += slash;
    rest.len -= slash;
    unit_request_target(&r, rest);

    scope.region = t->bucket.region;
    scope.service = S("s3");

    assert_int_equal(unit_verify(&t->credentials, &scope, &r.request, t->now,
                                 &verified), SOCIAL_SIGV4_OK);
    assert_true(verified.presigned);
    assert_true(verified.expires == t->now + t->p.expires);

    return url;
}


static void
signature_is(presign_t *t, const char *prefix, const char *signature)
{
    social_str_t  url, end;

    url = make(t);
    assert_true(social_str_starts(url, social_str(prefix)));
    end.data = url.data + url.len - 64;
    end.len = 64;
    assert_str(end, signature);
}


/* the published one, and three that botocore gives too */

static void
test_vectors(void **state)
{
    presign_t  t;

    static const social_sigv4_header_t  headers[] = {
        { social_string("Content-Type"), social_string("image/jpeg") },
        { social_string("Content-Length"), social_string("1024") },
        { social_string("x-amz-checksum-sha256"),
          social_string("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=") },
    };

    (void) state;

    start(&t, "https://s3.amazonaws.com", "GET", "test.txt");
    t.now = 1369353600;
    t.p.expires = 86400;
    signature_is(&t, "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-",
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");

    start(&t, "https://s3.us-east-1.amazonaws.com", "PUT",
          "avatars/0b7c.jpg");
    signature_is(&t,
        "https://examplebucket.s3.us-east-1.amazonaws.com/avatars/0b7c.jpg?",
        "8abe928f8138001ecf3fa46037b3937312bea7d848dbc04afaf45f068069061d");

    start(&t, "https://s3.us-east-1.amazonaws.com", "PUT",
          "avatars/a b+c/\xc3\xa9~(1).jpg");
    t.credentials.token = S("TOKEN/+=EXAMPLE");
    t.p.headers = headers;
    t.p.header_count = 3;
    signature_is(&t,
        "https://examplebucket.s3.us-east-1.amazonaws.com/avatars/a%20b%2Bc/"
        "%C3%A9~%281%29.jpg?",
        "8e2e47fa71ca235f38a4efa1c5bf83673442b9d3680b98720697122afe8310c3");

    start(&t, "http://127.0.0.1:9000", "PUT", "big.bin");
    t.p.query = S("partNumber=2&uploadId=up/load%2B1%3D&x-id=UploadPart");
    t.p.expires = 900;
    signature_is(&t, "http://127.0.0.1:9000/examplebucket/big.bin?X-Amz-",
        "d6fb421bcea28fa6e61350a22e8cd69a0c11b87bea6cd4166365416afc419a74");
}


static void
begins(presign_t *t, const char *prefix)
{
    assert_true(social_str_starts(make(t), social_str(prefix)));
}


static void
test_styles(void **state)
{
    presign_t  t;

    (void) state;

    start(&t, "https://S3.Example.COM:443/", "PUT", "k");
    begins(&t, "https://examplebucket.s3.example.com/k?");

    t.bucket.path_style = true;
    begins(&t, "https://s3.example.com/examplebucket/k?");

    start(&t, "https://s3.example.com:8443/prefix/", "GET", "/a//b/");
    begins(&t, "https://examplebucket.s3.example.com:8443/prefix//a//b/?");
    t.bucket.path_style = true;
    begins(&t, "https://s3.example.com:8443/prefix/examplebucket//a//b/?");

    /* no certificate has a wildcard for two labels */

    start(&t, "https://s3.example.com", "GET", "k");
    t.bucket.name = S("my.bucket");
    begins(&t, "https://s3.example.com/my.bucket/k?");
    t.bucket.endpoint.secure = false;
    begins(&t, "http://my.bucket.s3.example.com/k?");

    start(&t, "http://[::1]:9000", "GET", "k");
    begins(&t, "http://[::1]:9000/examplebucket/k?");

    /* the bucket itself: lists, multipart */

    start(&t, "https://s3.example.com", "GET", "");
    begins(&t, "https://examplebucket.s3.example.com/?");
    t.bucket.path_style = true;
    begins(&t, "https://s3.example.com/examplebucket?");

    /* the SDKs that say what the payload is */

    start(&t, "https://s3.example.com", "PUT", "k");
    t.p.query = S("X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&x-id=PutObject");
    begins(&t, "https://examplebucket.s3.example.com/k?");
}


static void
test_refused(void **state)
{
    social_buf_t           work;
    social_str_t           url;
    presign_t              t;
    social_sigv4_header_t  host = { S("Host"), S("evil") };

    (void) state;

#define refused(change)                                                       \
    start(&t, "https://s3.example.com", "PUT", "k");                          \
    change;                                                                   \
    social_buf_init(&work, unit_work, sizeof(unit_work));                     \
    assert_int_equal(social_presign(&t.bucket, &t.credentials, &t.p, t.now,   \
                                    NULL, &work, &url), SOCIAL_MALFORMED)

    refused(t.bucket.name = S("Bucket"));
    refused(t.bucket.name = S(""));
    refused(t.p.key = S("a/../b"));
    refused(t.p.key = S("a\0b"));
    refused(t.p.expires = 0);
    refused(t.p.expires = 604801);
    refused(t.p.query = S("X-Amz-Date=20260101T000000Z"));
    refused(t.p.headers = &host; t.p.header_count = 1);
    refused(t.p.header_count = SOCIAL_SIGV4_MAX_HEADERS);
    refused(t.credentials.secret = S(""));
    refused(t.p.method = S("PUT /"));
    refused(t.bucket.region = S(""));
}


static void
test_expires(void **state)
{
    (void) state;

    assert_true(social_presign_expires(300, NOW, 0, 30) == 300);
    assert_true(social_presign_expires(999999, NOW, 0, 30) == 604800);
    assert_true(social_presign_expires(0, NOW, 0, 30) == 0);
    assert_true(social_presign_expires(-5, NOW, 0, 30) == 0);
    assert_true(social_presign_expires(300, NOW, NOW + 3600, 30) == 300);
    assert_true(social_presign_expires(300, NOW, NOW + 330, 30) == 300);
    assert_true(social_presign_expires(300, NOW, NOW + 329, 30) == 299);
    assert_true(social_presign_expires(300, NOW, NOW + 31, 30) == 1);
    assert_true(social_presign_expires(300, NOW, NOW + 30, 30) == 0);
    assert_true(social_presign_expires(300, NOW, NOW - 1, 30) == 0);
}


static void
test_bucket(void **state)
{
    size_t  i;
    char    name[65];

    static const char *const  good[] = {
        "abc", "a-b", "a--b", "a.b", "1.2.3", "192.168.5.4a", "my-bucket.x",
        "1234", "999.1.2.3.4",
    };

    static const char *const  bad[] = {
        "", "ab", "-ab", "ab-", ".ab", "ab.", "a..b", "a.-b", "a-.b", "aB1",
        "a_b", "a/b", "a b", "192.168.5.4", "1.1.1.1", "a%b",
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(social_bucket_check(social_str(good[i])));
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(social_bucket_check(social_str(bad[i])));
    }

    memset(name, 'a', sizeof(name));
    name[63] = '\0';
    assert_true(social_bucket_check(social_str(name)));
    name[63] = 'a';
    name[64] = '\0';
    assert_false(social_bucket_check(social_str(name)));
    assert_false(social_bucket_check(S("ab\0c")));
}


static void
test_key(void **state)
{
    size_t         i;
    social_str_t   s;
    unsigned char  key[SOCIAL_OBJECT_MAX_KEY + 1];

    static const char *const  both[] = {
        "a", "/", "//", "/a", "a/", "a//b", "...", "a/.b", "a../b", "%2e%2e",
        "a b+c\\'\"<>?#", "\xf0\x9f\x98\x80",
    };

    static const char *const  stored[] = {
        ".", "..", "a/..", "../a", "a/./b", "a/../b", "a\n", "\x7f", "\t",
    };

    (void) state;

    for (i = 0; i < sizeof(both) / sizeof(both[0]); i++) {
        assert_true(social_object_check(social_str(both[i])));
        assert_true(social_object_check_portable(social_str(both[i])));
    }

    for (i = 0; i < sizeof(stored) / sizeof(stored[0]); i++) {
        assert_true(social_object_check(social_str(stored[i])));
        assert_false(social_object_check_portable(social_str(stored[i])));
    }

    assert_true(social_object_is_picture(S("image/jpeg")));
    assert_true(social_object_is_picture(S("IMAGE/webp; x=y")));
    assert_false(social_object_is_picture(S("image/svg+xml")));
    assert_false(social_object_is_picture(S("image/SVG")));
    assert_false(social_object_is_picture(S("image/x+XML")));
    assert_false(social_object_is_picture(S("text/html")));
    assert_false(social_object_is_picture(S("image")));
    assert_false(social_object_is_picture(S("x-image/png")));
    assert_false(social_object_is_picture(S("")));

    assert_false(social_object_check(S("")));
    assert_false(social_object_check(S("a\0b")));
    assert_false(social_object_check(S("\xff")));
    assert_false(social_object_check(S("\xc0\xae")));

    memset(key, 'k', sizeof(key));
    s.data = key;
    s.len = SOCIAL_OBJECT_MAX_KEY;
    assert_true(social_object_check_portable(s));
    s.len++;
    assert_false(social_object_check(s));
}


/* where a bucket is, by what is configured of it */

static void
init(const char *region, const char *url, social_bucket_style_e style,
    const char *host, const char *path)
{
    const char       *why;
    social_buf_t      text, work;
    social_bucket_t   bucket;
    unsigned char     memory[128];

    social_buf_init(&text, memory, sizeof(memory));
    assert_int_equal(social_bucket_init(&bucket, S("photos"),
                                        social_str(region), social_str(url),
                                        style, &text, &why), SOCIAL_OK);

    social_buf_init(&work, unit_work, sizeof(unit_work));
    social_bucket_host(&work, &bucket);
    assert_str(social_buf_since(&work, 0), host);
    assert_str(social_bucket_path(&work, &bucket, S("a b")), path);
    assert_str(bucket.region, region);
}


static void
test_init(void **state)
{
    const char       *why;
    social_buf_t      text;
    social_bucket_t   bucket;
    unsigned char     memory[16];

    (void) state;

    init("eu-west-1", "", SOCIAL_BUCKET_USUAL_STYLE,
         "photos.s3.eu-west-1.amazonaws.com", "/a%20b");
    init("eu-west-1", "", SOCIAL_BUCKET_HOST_STYLE,
         "photos.s3.eu-west-1.amazonaws.com", "/a%20b");
    init("eu-west-1", "", SOCIAL_BUCKET_PATH_STYLE,
         "s3.eu-west-1.amazonaws.com", "/photos/a%20b");
    init("cn-north-1", "", SOCIAL_BUCKET_USUAL_STYLE,
         "photos.s3.cn-north-1.amazonaws.com.cn", "/a%20b");

    init("r", "https://s3.example.com/x/", SOCIAL_BUCKET_USUAL_STYLE,
         "s3.example.com", "/x/photos/a%20b");
    init("r", "https://s3.example.com/x/", SOCIAL_BUCKET_PATH_STYLE,
         "s3.example.com", "/x/photos/a%20b");
    init("r", "https://s3.example.com/x/", SOCIAL_BUCKET_HOST_STYLE,
         "photos.s3.example.com", "/x/a%20b");
    init("r", "http://127.0.0.1:9000", SOCIAL_BUCKET_HOST_STYLE,
         "127.0.0.1:9000", "/photos/a%20b");

    social_buf_init(&text, memory, sizeof(memory));
    assert_int_equal(social_bucket_init(&bucket, S("photos"), S("eu-west-1"),
                                        S(""), SOCIAL_BUCKET_USUAL_STYLE,
                                        &text, &why), SOCIAL_DECLINED);
    assert_int_equal(social_bucket_init(&bucket, S("photos"), S("r"),
                                        S("h"), SOCIAL_BUCKET_USUAL_STYLE,
                                        &text, &why), SOCIAL_DECLINED);
}


static void
endpoint(const char *url, bool secure, const char *host, const char *port,
    const char *path)
{
    const char         *why;
    social_endpoint_t   e;

    assert_int_equal(social_endpoint_parse(social_str(url), &e, &why),
                     SOCIAL_OK);
    assert_int_equal(e.secure, secure);
    assert_str(e.host, host);
    assert_str(e.port, port);
    assert_str(e.path, path);
}


static void
test_endpoint(void **state)
{
    size_t              i;
    const char         *why;
    social_str_t        s;
    unsigned char       text[SOCIAL_ENDPOINT_MAX_URL + 1];
    social_endpoint_t   e;

    static const char *const  bad[] = {
        "", "s3.example.com", "ftp://h", "HTTPS://h", "https:/h", "https://",
        "https:///p", "https://:443", "https://h:", "https://h:0",
        "https://h:65536", "https://h:080", "https://h:8a", "https://u@h",
        "https://u:p@h", "https://h?q", "https://h#f", "https://h/%41",
        "https://h/a b", "https://h\\x", "https://[::1", "https://::1",
        "https://[]", "https://[x]", "https://[::1]x", "https://h/\"",
        "https://a,b", "https://h\xc3\xa9",
    };

    (void) state;

    endpoint("https://s3.eu-west-1.amazonaws.com", true,
             "s3.eu-west-1.amazonaws.com", "", "");
    endpoint("http://minio:9000/", false, "minio", "9000", "");
    endpoint("https://h:443/a/b//", true, "h", "", "/a/b");
    endpoint("http://h:80", false, "h", "", "");
    endpoint("https://h:80", true, "h", "80", "");
    endpoint("http://h:443", false, "h", "443", "");
    endpoint("http://[::1]:9000/x", false, "[::1]", "9000", "/x");
    endpoint("http://[fd00:ec2::23]", false, "[fd00:ec2::23]", "", "");
    endpoint("http://127.0.0.1:65535", false, "127.0.0.1", "65535", "");
    endpoint("https://h/a:1", true, "h", "", "/a:1");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        why = NULL;
        assert_int_equal(social_endpoint_parse(social_str(bad[i]), &e, &why),
                         SOCIAL_DECLINED);
        assert_non_null(why);
    }

    memset(text, 'a', sizeof(text));
    memcpy(text, "https://", 8);
    s.data = text;
    s.len = sizeof(text);
    assert_int_equal(social_endpoint_parse(s, &e, &why), SOCIAL_DECLINED);
    assert_int_equal(social_endpoint_parse(S("https://h\0"), &e, &why),
                     SOCIAL_DECLINED);
}


static unsigned char            form_work[SOCIAL_PRESIGN_FORM_SIZE];
static unsigned char            post_work[SOCIAL_S3_POST_SIZE];
static social_presign_formed_t  formed;
static social_s3_post_t         post;


/* sends the form to its reader as a client would, with one more field */

static social_s3_error_e
send_form(const presign_t *t, int64_t now, const char *name, const char *value)
{
    size_t                   i;
    social_buf_t             work;
    social_s3_place_t        place;
    social_sigv4_known_t     known;
    social_sigv4_policy_t    policy;
    social_s3_form_fields_t  fields;

    memset(&place, 0, sizeof(place));
    memset(&known, 0, sizeof(known));
    memset(&policy, 0, sizeof(policy));
    memset(&fields, 0, sizeof(fields));

    place.prefix = S("/");
    place.bucket = t->bucket.name;
    known.access_key = t->credentials.access_key;
    known.secrets[0] = t->credentials.secret;
    known.token = t->credentials.token;
    policy.region = t->bucket.region;
    policy.service = S("s3");
    policy.known = &known;
    policy.known_count = 1;

    for (i = 0; i < formed.count; i++) {
        fields.items[i].name = formed.fields[i].name;
        fields.items[i].value = formed.fields[i].value;

        if (social_str_eq(fields.items[i].name, S("Content-Type"))) {
            fields.items[i].name = S("content-type");
        }
    }

    if (name) {
        fields.items[i].name = social_str(name);
        fields.items[i++].value = social_str(value);
    }

    fields.count = i;

    social_buf_init(&work, post_work, sizeof(post_work));

    return social_s3_post_read(&place, &policy, &fields, now, &work, &post);
}


static social_rc_e
make_form(const presign_t *t, const social_presign_form_t *form)
{
    social_buf_t  work;

    social_buf_init(&work, form_work, sizeof(form_work));

    return social_presign_form(&t->bucket, &t->credentials, form, t->now,
                               &work, &formed);
}


static void
test_form(void **state)
{
    size_t                 i;
    presign_t              t;
    unsigned char          key[1025];
    social_presign_form_t  form;

    static const social_sigv4_header_t  fields[] = {
        { social_string("Content-Type"), social_string("image/jpeg") },
        { social_string("success_action_status"), social_string("201") }
    };

    (void) state;

    start(&t, "https://s3.example.com/x", "POST", "");
    t.bucket.path_style = true;

    memset(&form, 0, sizeof(form));
    form.key = S("u/\"\\ \xc3\xa9.jpg");
    form.expires = 300;
    form.min = 1;
    form.max = 99;
    form.fields = fields;
    form.field_count = 2;

    assert_int_equal(make_form(&t, &form), SOCIAL_OK);
    assert_str(formed.url, "https://s3.example.com/x/examplebucket/");
    assert_int_equal(formed.count, 8);
    assert_str(formed.fields[0].name, "key");
    assert_str(formed.fields[1].value, "image/jpeg");

    assert_int_equal(send_form(&t, NOW + 299, NULL, NULL), SOCIAL_S3_OK);
    assert_str(post.op.key, "u/\"\\ \xc3\xa9.jpg");
    assert_str(post.type, "image/jpeg");
    assert_int_equal(post.min, 1);
    assert_int_equal(post.max, 99);
    assert_int_equal(post.status, 201);

    assert_int_equal(send_form(&t, NOW + 300, NULL, NULL),
                     SOCIAL_S3_ACCESS_DENIED);
    assert_int_equal(send_form(&t, NOW, "acl", "private"),
                     SOCIAL_S3_ACCESS_DENIED);
    formed.fields[0].value = S("u/x");
    assert_int_equal(send_form(&t, NOW, NULL, NULL), SOCIAL_S3_ACCESS_DENIED);

    /* a session's token is in it */

    t.credentials.token = S("TOKEN/+=EXAMPLE");
    assert_int_equal(make_form(&t, &form), SOCIAL_OK);
    assert_int_equal(formed.count, 9);
    assert_int_equal(send_form(&t, NOW, NULL, NULL), SOCIAL_S3_OK);
    t.credentials.token.len--;
    assert_int_equal(send_form(&t, NOW, NULL, NULL), SOCIAL_S3_INVALID_TOKEN);

    start(&t, "https://s3.example.com", "POST", "");
    assert_int_equal(make_form(&t, &form), SOCIAL_OK);
    assert_str(formed.url, "https://examplebucket.s3.example.com/");

    /* refused */

    form.expires = 0;
    assert_int_equal(make_form(&t, &form), SOCIAL_MALFORMED);
    form.expires = 604801;
    assert_int_equal(make_form(&t, &form), SOCIAL_MALFORMED);
    form.expires = 604800;
    assert_int_equal(make_form(&t, &form), SOCIAL_OK);

    form.key = S("u/../x");
    assert_int_equal(make_form(&t, &form), SOCIAL_MALFORMED);
    form.key.len = 0;
    assert_int_equal(make_form(&t, &form), SOCIAL_MALFORMED);
    memset(key, 'k', sizeof(key));
    form.key = (social_str_t) { 1024, key };
    assert_int_equal(make_form(&t, &form), SOCIAL_OK);
    form.key.len++;
    assert_int_equal(make_form(&t, &form), SOCIAL_MALFORMED);
    form.key.len = 5;

    form.field_count = SOCIAL_PRESIGN_MAX_GIVEN + 1;
    assert_int_equal(make_form(&t, &form), SOCIAL_MALFORMED);
    form.field_count = 2;
    t.credentials.secret.len = 0;
    assert_int_equal(make_form(&t, &form), SOCIAL_MALFORMED);
    start(&t, "https://s3.example.com", "POST", "");
    t.bucket.name = S("Bad_Name");
    assert_int_equal(make_form(&t, &form), SOCIAL_MALFORMED);

    /* whatever room there is */

    start(&t, "https://s3.example.com", "POST", "");

    for (i = 0; i < 2000; i++) {

        social_buf_t  work;

        social_buf_init(&work, form_work, i);

        if (social_presign_form(&t.bucket, &t.credentials, &form, t.now,
                                &work, &formed)
            == SOCIAL_OK)
        {
            break;
        }
    }

    assert_true(i < 2000);
    assert_int_equal(send_form(&t, NOW, NULL, NULL), SOCIAL_S3_OK);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_styles),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_expires),
        cmocka_unit_test(test_bucket),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_init),
        cmocka_unit_test(test_endpoint),
        cmocka_unit_test(test_form),
    };

    return cmocka_run_group_tests_name("presign", tests, NULL, NULL);
}
