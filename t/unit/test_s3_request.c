
/*
 * What requests ask of an S3.
 */

#include "social_unit.h"
#include "social_unit_s3.h"


static void
test_operations(void **state)
{
    size_t  i;

    static const struct {
        const char             *method;
        social_s3_operation_e   operation;
        const char             *name;
    } cases[] = {
        { "GET", SOCIAL_S3_GET_OBJECT, "GetObject" },
        { "HEAD", SOCIAL_S3_HEAD_OBJECT, "HeadObject" },
        { "PUT", SOCIAL_S3_PUT_OBJECT, "PutObject" },
        { "DELETE", SOCIAL_S3_DELETE_OBJECT, "DeleteObject" }
    };

    static const struct {
        const char             *method;
        const char             *target;
        social_s3_operation_e   operation;
        const char             *name;
    } others[] = {
        { "GET", "/o/raw", SOCIAL_S3_LIST_OBJECTS, "ListObjects" },
        { "GET", "/o/raw/?prefix=a", SOCIAL_S3_LIST_OBJECTS, "ListObjects" },
        { "GET", "/o/raw/?prefix=a&list-type=2", SOCIAL_S3_LIST_OBJECTS_V2,
          "ListObjectsV2" },
        { "HEAD", "/o/raw", SOCIAL_S3_HEAD_BUCKET, "HeadBucket" },
        { "PUT", "/o/raw/", SOCIAL_S3_CREATE_BUCKET, "CreateBucket" },
        { "POST", "/o/raw", SOCIAL_S3_POST_OBJECT, "PostObject" },
        { "GET", "/o/raw?location=", SOCIAL_S3_GET_BUCKET_LOCATION,
          "GetBucketLocation" },
        { "GET", "/o/raw?versioning", SOCIAL_S3_GET_BUCKET_VERSIONING,
          "GetBucketVersioning" },
        { "GET", "/o/", SOCIAL_S3_LIST_BUCKETS, "ListBuckets" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ask(cases[i].method, "/o/raw/a/b?x-id=Any", NULL),
                         SOCIAL_S3_OK);
        assert_int_equal(u.op.operation, cases[i].operation);
        assert_str(u.op.key, "a/b");
        assert_str(social_s3_operation_name(u.op.operation), cases[i].name);
    }

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(ask(others[i].method, others[i].target, NULL),
                         SOCIAL_S3_OK);
        assert_int_equal(u.op.operation, others[i].operation);
        assert_int_equal(u.op.key.len, 0);
        assert_str(social_s3_operation_name(u.op.operation), others[i].name);
    }

    assert_int_equal(ask("GET", "/o/raw/a?tagging", NULL), SOCIAL_S3_OK);
    assert_int_equal(u.op.operation, SOCIAL_S3_GET_OBJECT_TAGGING);
    assert_str(u.op.key, "a");
    assert_str(social_s3_operation_name(u.op.operation), "GetObjectTagging");

    /* what is to be removed is known for sure */

    assert_int_equal(ask_with("POST", "/o/raw/?delete",
                              "Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfg=="),
                     SOCIAL_S3_OK);
    assert_int_equal(u.op.operation, SOCIAL_S3_DELETE_OBJECTS);
    assert_str(social_s3_operation_name(u.op.operation), "DeleteObjects");
    assert_int_equal(ask_with("POST", "/o/raw/?delete",
                              "x-amz-checksum-crc32: AAAAAA=="),
                     SOCIAL_S3_OK);
    assert_int_equal(ask("POST", "/o/raw/?delete", NULL),
                     SOCIAL_S3_INVALID_REQUEST);
    assert_str(u.op.detail, "Content-MD5");

    assert_int_equal(ask("DELETE", "/o/raw/", NULL),
                     SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(ask("POST", "/o/raw/", NULL), SOCIAL_S3_OK);
    assert_int_equal(ask("POST", "/o/raw/?uploads", NULL),
                     SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(ask("POST", "/o/raw/k", NULL), SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(ask("PUT", "/o/", NULL), SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(ask("PUT", "/o/raw?location", NULL),
                     SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(ask("GET", "/o/raw?location&prefix=a", NULL),
                     SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(ask("PATCH", "/o/raw/a", NULL),
                     SOCIAL_S3_NOT_IMPLEMENTED);
    assert_str(u.op.detail_name, "Method");
    assert_str(u.op.detail, "PATCH");
    assert_int_equal(ask("get", "/o/raw/a", NULL), SOCIAL_S3_NOT_IMPLEMENTED);
}


static void
key(const char *path, const char *expected)
{
    assert_int_equal(ask("GET", path, NULL), SOCIAL_S3_OK);
    assert_str(u.op.key, expected);
}


static void
test_keys(void **state)
{
    size_t  i;
    char    path[4096];

    static const char *const  bad[] = {
        "/o/raw/a%00b", "/o/raw/%zz", "/o/raw/%4", "/o/raw/%", "/o/raw/%FF",
        "/o/raw/%c0%80", "/O/raw/a", "/raw/a", "", "/",
    };

    (void) state;

    key("/o/raw/a%2Fb%2f", "a/b/");
    key("/o/raw//", "/");
    key("/o/raw//a//b", "/a//b");
    key("/o/raw/../../x", "../../x");
    key("/o/raw/a+b%20c", "a+b c");
    key("/o/raw/%25252e", "%252e");
    key("/o/raw/%c3%a9%0A", "\xc3\xa9\n");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(ask("GET", bad[i], NULL), SOCIAL_S3_INVALID_URI);
    }

    strcpy(path, "/o/raw/");

    for (i = 0; i < 1024; i++) {
        strcat(path, "%6B");
    }

    assert_int_equal(ask("GET", path, NULL), SOCIAL_S3_OK);
    assert_int_equal(u.op.key.len, 1024);
    strcat(path, "k");
    assert_int_equal(ask("GET", path, NULL), SOCIAL_S3_KEY_TOO_LONG);

    assert_int_equal(ask("GET", "/o/ra/a", NULL), SOCIAL_S3_NO_SUCH_BUCKET);
    assert_str(u.op.detail_name, "BucketName");
    assert_str(u.op.detail, "ra");
    assert_int_equal(ask("GET", "/o/raws/a", NULL), SOCIAL_S3_NO_SUCH_BUCKET);
    assert_int_equal(ask("GET", "/o/%72aw/a", NULL), SOCIAL_S3_NO_SUCH_BUCKET);

    /* what nginx has decoded is not decoded again */

    ask("GET", "/o/raw/a%2520b%zz", NULL);
    u.request.decoded = true;

    {
        social_buf_t  b;

        social_buf_init(&b, u.work, sizeof(u.work));
        assert_int_equal(social_s3_request_read(&u.place, &u.request, &b,
                                                &u.op), SOCIAL_S3_OK);
        assert_str(u.op.key, "a%2520b%zz");
    }

    /* a part of the bucket */

    u.place.part = S("images/");
    key("/o/a/b", "images/a/b");
    key("/o/", "images/");
    key("/o/../x", "images/../x");
}


static void
by_host(const char *host, const char *path, social_s3_error_e expected,
    const char *wanted)
{
    char  line[512];

    snprintf(line, sizeof(line), "host: %s", host);
    (void) ask_with("GET", path, line);

    /* it came first */
    u.headers[0] = u.headers[1];
    u.request.header_count = 1;

    {
        social_buf_t  b;

        social_buf_init(&b, u.work, sizeof(u.work));
        assert_int_equal(social_s3_request_read(&u.place, &u.request, &b,
                                                &u.op), expected);
    }

    if (wanted) {
        assert_str(u.op.key, wanted);
    }
}


static void
test_hosts(void **state)
{
    (void) state;

    by_host("raw.objects.example.com", "/o/a/b", SOCIAL_S3_OK, "a/b");
    by_host("raw.objects.example.com:8443", "/o/a/b", SOCIAL_S3_OK, "a/b");
    by_host("RAW.Objects.Example.COM", "/o/a/b", SOCIAL_S3_NO_SUCH_BUCKET,
            NULL);
    by_host("raw.Objects.Example.COM", "/o/a/b", SOCIAL_S3_OK, "a/b");
    by_host("raw.localhost:9000", "/o/raw/b", SOCIAL_S3_OK, "raw/b");
    by_host("other.objects.example.com", "/o/a", SOCIAL_S3_NO_SUCH_BUCKET,
            NULL);
    by_host("a.raw.objects.example.com", "/o/a", SOCIAL_S3_NO_SUCH_BUCKET,
            NULL);
    by_host("objects.example.com", "/o/raw/a", SOCIAL_S3_OK, "a");
    by_host(".objects.example.com", "/o/raw/a", SOCIAL_S3_OK, "a");
    by_host("rawobjects.example.com", "/o/raw/a", SOCIAL_S3_OK, "a");
    by_host("raw.objects.example.com.evil.com", "/o/raw/a", SOCIAL_S3_OK,
            "a");
    by_host("[::1]:80", "/o/raw/a", SOCIAL_S3_OK, "a");

    u.place.part = S("images/");
    by_host("raw.objects.example.com", "/o/a", SOCIAL_S3_OK, "images/a");
}


static void
test_params(void **state)
{
    size_t  i;

    static const char *const  refused[] = {
        "acl", "uploads", "versionid", "uploadid", "max-parts",
        "torrent", "v", "X-Id", "response-content-typ", "Response-Expires",
        "select", "attributes", "list-type", "a%20b",
    };

    static const struct {
        const char  *method;
        const char  *target;
        const char  *message;
    } named[] = {
        { "GET", "/o/raw/a?acl", "GetObjectAcl is not implemented" },
        { "GET", "/o/raw?acl", "GetBucketAcl is not implemented" },
        { "PUT", "/o/raw/a?tagging", "PutObjectTagging is not implemented" },
        { "DELETE", "/o/raw/a?tagging",
          "DeleteObjectTagging is not implemented" },
        { "DELETE", "/o/raw?policy", "DeleteBucketPolicy is not implemented" },
        { "GET", "/o/raw?versions", "ListObjectVersions is not implemented" },
        { "POST", "/o/raw/a?restore", "RestoreObject is not implemented" },
        { "PUT", "/o/raw?versioning",
          "PutBucketVersioning is not implemented" },
        { "GET", "/o/raw?torrent", "A query parameter asks for what is not "
          "implemented" },
        { "GET", "/o/raw/a?none", "A query parameter asks for what is not "
          "implemented" }
    };

    (void) state;

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        char  target[128];

        snprintf(target, sizeof(target), "/o/raw/a?%s=1", refused[i]);
        assert_int_equal(ask("GET", target, NULL), SOCIAL_S3_NOT_IMPLEMENTED);
        assert_str(u.op.detail_name, "Parameter");
        assert_str(u.op.detail, refused[i]);
        assert_int_equal(u.op.operation, SOCIAL_S3_GET_OBJECT);
        assert_str(u.op.key, "a");
    }

    /* by the names of their operations */

    for (i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        assert_int_equal(ask(named[i].method, named[i].target, NULL),
                         SOCIAL_S3_NOT_IMPLEMENTED);
        assert_str(u.op.message, named[i].message);
    }

    assert_int_equal(ask("PUT", "/o/raw/a?acl", NULL),
                     SOCIAL_S3_ACL_NOT_SUPPORTED);
    assert_int_equal(ask("PUT", "/o/raw?acl", NULL),
                     SOCIAL_S3_ACL_NOT_SUPPORTED);

    /* the only version */

    for (i = 0; i < 3; i++) {
        static const char *const  methods[] = { "GET", "HEAD", "DELETE" };

        assert_int_equal(ask(methods[i], "/o/raw/a?versionId=null", NULL),
                         SOCIAL_S3_OK);
        assert_int_equal(ask(methods[i], "/o/raw/a?versionId=nul", NULL),
                         SOCIAL_S3_NO_SUCH_VERSION);
        assert_str(u.op.detail, "nul");
        assert_int_equal(ask(methods[i], "/o/raw/a?versionId=", NULL),
                         SOCIAL_S3_INVALID_ARGUMENT);
    }

    assert_int_equal(ask("GET", "/o/raw/a?tagging&versionId=null", NULL),
                     SOCIAL_S3_OK);
    assert_int_equal(ask("PUT", "/o/raw/a?versionId=null", NULL),
                     SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(ask("GET", "/o/raw?uploads&delimiter=/", NULL),
                     SOCIAL_S3_OK);
    assert_str(u.op.list.delimiter, "/");

    assert_int_equal(ask("GET", "/o/raw/a?x-id=A&x-id=B", NULL),
                     SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(ask("GET", "/o/raw/a?%zz", NULL), SOCIAL_S3_INVALID_URI);

    assert_int_equal(ask("GET", "/o/raw/a?response-content-type=text/x+y"
                         "&response-expires=%22z%22&response-cache-control=c"
                         "&response-content-disposition=d"
                         "&response-content-encoding=e"
                         "&response-content-language=l", NULL),
                     SOCIAL_S3_OK);
    assert_true(u.op.has_response);
    assert_str(u.op.response[SOCIAL_S3_RESPONSE_CONTENT_TYPE], "text/x y");
    assert_str(u.op.response[SOCIAL_S3_RESPONSE_EXPIRES], "\"z\"");
    assert_str(u.op.response[SOCIAL_S3_RESPONSE_CACHE_CONTROL], "c");
    assert_str(u.op.response[SOCIAL_S3_RESPONSE_CONTENT_DISPOSITION], "d");
    assert_str(u.op.response[SOCIAL_S3_RESPONSE_CONTENT_ENCODING], "e");
    assert_str(u.op.response[SOCIAL_S3_RESPONSE_CONTENT_LANGUAGE], "l");

    assert_int_equal(ask("GET", "/o/raw/a", NULL), SOCIAL_S3_OK);
    assert_false(u.op.has_response);

    assert_int_equal(ask("PUT", "/o/raw/a?response-expires=x", NULL),
                     SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(ask("GET", "/o/raw/a?response-expires=a%0D%0Ab", NULL),
                     SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(ask("GET", "/o/raw/a?response-expires=a%7F", NULL),
                     SOCIAL_S3_INVALID_ARGUMENT);
}


static void
test_list(void **state)
{
    (void) state;

    assert_int_equal(ask("GET", "/o/raw?list-type=2&prefix=a%2Fb+c&delimiter="
                         "%2F&start-after=x&continuation-token=y&max-keys=7"
                         "&encoding-type=url&fetch-owner=true", NULL),
                     SOCIAL_S3_OK);
    assert_str(u.op.list.prefix, "a/b c");
    assert_str(u.op.list.delimiter, "/");
    assert_true(u.op.list.has_after);
    assert_str(u.op.list.after, "x");
    assert_true(u.op.list.has_token);
    assert_str(u.op.list.token, "y");
    assert_int_equal(u.op.list.max_keys, 7);
    assert_true(u.op.list.url);
    assert_true(u.op.list.owner);

    assert_int_equal(ask("GET", "/o/raw?marker=m&prefix&delimiter=", NULL),
                     SOCIAL_S3_OK);
    assert_str(u.op.list.after, "m");
    assert_false(u.op.list.has_token);
    assert_int_equal(u.op.list.max_keys, 1000);
    assert_int_equal(u.op.list.delimiter.len, 0);

    assert_int_equal(ask("GET", "/o/raw?max-keys=999", NULL), SOCIAL_S3_OK);
    assert_int_equal(u.op.list.max_keys, 999);
    assert_int_equal(ask("GET", "/o/raw?max-keys=1000", NULL), SOCIAL_S3_OK);
    assert_int_equal(u.op.list.max_keys, 1000);
    assert_int_equal(ask("GET", "/o/raw?max-keys=1001", NULL), SOCIAL_S3_OK);
    assert_int_equal(u.op.list.max_keys, 1000);
    assert_int_equal(ask("GET", "/o/raw?max-keys=2147483647", NULL),
                     SOCIAL_S3_OK);
    assert_int_equal(u.op.list.max_keys, 1000);
    assert_int_equal(ask("GET", "/o/raw?max-keys=0", NULL), SOCIAL_S3_OK);
    assert_int_equal(u.op.list.max_keys, 0);

    assert_int_equal(ask("GET", "/o/raw?max-keys=-1", NULL),
                     SOCIAL_S3_INVALID_ARGUMENT);
    assert_str(u.op.detail, "max-keys");
    assert_int_equal(ask("GET", "/o/raw?max-keys=2147483648", NULL),
                     SOCIAL_S3_INVALID_ARGUMENT);

    /* 1, if it were only of 64 bits */

    assert_int_equal(ask("GET", "/o/raw?max-keys=18446744073709551617", NULL),
                     SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(ask("GET", "/o/raw?max-keys=", NULL),
                     SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(ask("GET", "/o/raw?encoding-type=xml", NULL),
                     SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(ask("GET", "/o/raw?list-type=3", NULL),
                     SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(ask("GET", "/o/raw?list-type=2&continuation-token=",
                         NULL), SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(ask("GET", "/o/raw?list-type=2&marker=a", NULL),
                     SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(ask("GET", "/o/raw?start-after=a", NULL),
                     SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(ask("GET", "/o/raw?versions", NULL),
                     SOCIAL_S3_NOT_IMPLEMENTED);
    assert_str(u.op.detail, "versions");
    assert_int_equal(ask_with("GET", "/o/raw",
                              "x-amz-optional-object-attributes: x"),
                     SOCIAL_S3_NOT_IMPLEMENTED);
}


static void
test_amz(void **state)
{
    size_t  i;
    char    line[256], target[256];

    static const char *const  refused[] = {
        "x-amz-tagging", "x-amz-server-side-encryption", "x-amz-meta-",
        "x-amz-website-redirect-location", "x-amz-object-lock-mode",
        "x-amz-grant-reads", "x-amz-checksum-sha512", "x-amz-checksum-md5",
        "x-amz-checksum-xxhash3", "x-amz-", "x-amz-new",
        "x-amz-copy-source-range", "x-amz-metadata-directive",
        "x-amz-mp-object-size", "x-amz-checksum-type",
    };

    (void) state;

    /* the same in a header and in the query, in any case */

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        snprintf(line, sizeof(line), "%s: v", refused[i]);
        assert_int_equal(ask_with("PUT", "/o/raw/a", line),
                         SOCIAL_S3_NOT_IMPLEMENTED);
        assert_str(u.op.detail_name, "Header");
        assert_str(u.op.detail, refused[i]);

        snprintf(target, sizeof(target), "/o/raw/a?%s=v", refused[i]);
        target[9] = 'X';
        target[11] = 'A';
        assert_int_equal(ask("PUT", target, NULL), SOCIAL_S3_NOT_IMPLEMENTED);
        assert_str(u.op.detail, refused[i]);
    }

    assert_int_equal(ask_with("GET", "/o/raw/a?X-Amz-Algorithm=a"
                              "&X-Amz-Content-Sha256=b&X-Amz-Credential=c"
                              "&X-Amz-Date=d&X-Amz-Expires=e"
                              "&X-Amz-Security-Token=f&X-Amz-Signature=g"
                              "&X-Amz-SignedHeaders=h",
                              "x-amz-content-sha256: b", "x-amz-cf-id: y",
                              "X-AMZ-Expected-Bucket-Owner: 1",
                              "x-amz-request-payer: requester",
                              "x-amz-checksum-mode: ENABLED"),
                     SOCIAL_S3_OK);
    assert_int_equal(ask("GET", "/o/raw/a?x-amz-algorithm=a", NULL),
                     SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(ask("GET", "/o/raw/a?X-Amz-Signatur=a", NULL),
                     SOCIAL_S3_NOT_IMPLEMENTED);

    assert_int_equal(ask_with("PUT", "/o/raw/a", "x-amz-acl: private",
                              "x-amz-storage-class: STANDARD"),
                     SOCIAL_S3_OK);
    assert_int_equal(ask_with("PUT", "/o/raw/a", "x-amz-acl: "
                              "bucket-owner-full-control"),
                     SOCIAL_S3_OK);
    assert_int_equal(ask_with("PUT", "/o/raw/a", "x-amz-acl: public-read"),
                     SOCIAL_S3_ACL_NOT_SUPPORTED);
    assert_str(u.op.detail, "x-amz-acl");
    assert_int_equal(ask_with("PUT", "/o/raw/a", "x-amz-grant-read: "
                              "bucket-owner-full-control"),
                     SOCIAL_S3_ACL_NOT_SUPPORTED);
    assert_int_equal(ask_with("PUT", "/o/raw/a", "x-amz-grant-write: "),
                     SOCIAL_S3_ACL_NOT_SUPPORTED);
    assert_int_equal(ask_with("PUT", "/o/raw/a",
                              "x-amz-storage-class: GLACIER"),
                     SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(ask_with("PUT", "/o/raw/a", "x-amz-checksum-mode: "
                              "ENABLED"), SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(ask_with("GET", "/o/raw/a", "x-amz-acl: private"),
                     SOCIAL_S3_NOT_IMPLEMENTED);

    assert_int_equal(ask_with("PUT", "/o/raw/a?X-Amz-Acl=private",
                              "x-amz-acl: private"),
                     SOCIAL_S3_INVALID_REQUEST);
    assert_str(u.op.detail, "x-amz-acl");
    assert_int_equal(ask_with("PUT", "/o/raw/a", "x-amz-acl: private",
                              "X-Amz-ACL: private"),
                     SOCIAL_S3_INVALID_REQUEST);
}


static void
test_checksums(void **state)
{
    (void) state;

    assert_int_equal(ask("PUT", "/o/raw/a", NULL), SOCIAL_S3_OK);
    assert_int_equal(u.op.checksum.algorithm, SOCIAL_S3_CHECKSUM_NONE);
    assert_false(u.op.has_md5);

    assert_int_equal(ask_with("PUT", "/o/raw/a",
                              "X-Amz-Checksum-Crc32: y/Q5Jg=="),
                     SOCIAL_S3_OK);
    assert_int_equal(u.op.checksum.algorithm, SOCIAL_S3_CHECKSUM_CRC32);
    assert_memory_equal(u.op.checksum.value, "\xcb\xf4\x39\x26", 4);

    /* as Go's SDK presigns it */

    assert_int_equal(ask("PUT", "/o/raw/a?X-Amz-Checksum-Sha256=ungWv48Bz%2B"
                         "pBQUDeXa4iI7ADYaOWF3qctBD%2FYfIAFa0%3D&"
                         "X-Amz-Sdk-Checksum-Algorithm=SHA256", NULL),
                     SOCIAL_S3_OK);
    assert_int_equal(u.op.checksum.algorithm, SOCIAL_S3_CHECKSUM_SHA256);
    assert_memory_equal(u.op.checksum.value, "\xba\x78\x16\xbf", 4);

    assert_int_equal(ask_with("PUT", "/o/raw/a", "x-amz-checksum-crc32: x"),
                     SOCIAL_S3_INVALID_REQUEST);
    assert_int_equal(ask_with("PUT", "/o/raw/a", "x-amz-checksum-crc32c: "),
                     SOCIAL_S3_INVALID_REQUEST);
    assert_int_equal(ask_with("PUT", "/o/raw/a",
                              "x-amz-checksum-crc32: y/Q5Jg==",
                              "x-amz-checksum-crc32c: y/Q5Jg=="),
                     SOCIAL_S3_INVALID_REQUEST);

    assert_int_equal(ask_with("PUT", "/o/raw/a",
                              "x-amz-checksum-crc32: y/Q5Jg==",
                              "x-amz-sdk-checksum-algorithm: CRC32"),
                     SOCIAL_S3_OK);
    assert_int_equal(ask_with("PUT", "/o/raw/a",
                              "x-amz-checksum-crc32: y/Q5Jg==",
                              "x-amz-sdk-checksum-algorithm: CRC32C"),
                     SOCIAL_S3_INVALID_REQUEST);
    assert_int_equal(ask_with("PUT", "/o/raw/a",
                              "x-amz-sdk-checksum-algorithm: CRC32C"),
                     SOCIAL_S3_INVALID_REQUEST);
    assert_int_equal(ask_with("PUT", "/o/raw/a",
                              "x-amz-sdk-checksum-algorithm: SHA512"),
                     SOCIAL_S3_NOT_IMPLEMENTED);

    assert_int_equal(ask_with("PUT", "/o/raw/a",
                              "Content-MD5: kAFQmDzST7DWlj99KOF/cg=="),
                     SOCIAL_S3_OK);
    assert_true(u.op.has_md5);
    assert_memory_equal(u.op.md5, "\x90\x01\x50\x98", 4);
    assert_int_equal(ask_with("PUT", "/o/raw/a", "Content-MD5: AAAA"),
                     SOCIAL_S3_INVALID_DIGEST);
    assert_int_equal(ask_with("PUT", "/o/raw/a",
                              "Content-MD5: kAFQmDzST7DWlj99KOF!cg=="),
                     SOCIAL_S3_INVALID_DIGEST);
}


static void
test_chunks(void **state)
{
    static const char *const  sha = "x-amz-content-sha256: "
                                    "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
    static const char *const  with_signatures =
        "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD";

    (void) state;

    assert_int_equal(ask("PUT", "/o/raw/a", NULL), SOCIAL_S3_OK);
    assert_int_equal(u.op.chunked, SOCIAL_S3_CHUNKED_NONE);
    assert_true(u.op.length == -1);

    assert_int_equal(ask_with("PUT", "/o/raw/a", sha,
                              "Content-Encoding: aws-chunked",
                              "x-amz-decoded-content-length: 5368709120",
                              "x-amz-sdk-checksum-algorithm: CRC32",
                              "x-amz-trailer: x-amz-checksum-crc32"),
                     SOCIAL_S3_OK);
    assert_int_equal(u.op.chunked, SOCIAL_S3_CHUNKED_UNSIGNED_TRAILER);
    assert_true(u.op.length == 5368709120);
    assert_int_equal(u.op.checksum.algorithm, SOCIAL_S3_CHECKSUM_CRC32);
    assert_true(u.op.checksum.trailing);

    assert_int_equal(ask_with("PUT", "/o/raw/a", with_signatures,
                              "x-amz-decoded-content-length: 0"),
                     SOCIAL_S3_OK);
    assert_int_equal(u.op.chunked, SOCIAL_S3_CHUNKED_SIGNED);
    assert_int_equal(u.op.checksum.algorithm, SOCIAL_S3_CHECKSUM_NONE);

    assert_int_equal(ask_with("PUT", "/o/raw/a", with_signatures,
                              "x-amz-checksum-crc32: y/Q5Jg==",
                              "x-amz-decoded-content-length: 0"),
                     SOCIAL_S3_OK);
    assert_false(u.op.checksum.trailing);

    assert_int_equal(ask_with("PUT", "/o/raw/a", sha),
                     SOCIAL_S3_MISSING_CONTENT_LENGTH);
    assert_int_equal(ask_with("PUT", "/o/raw/a", sha,
                              "x-amz-decoded-content-length: 1a"),
                     SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(ask_with("PUT", "/o/raw/a", sha,
                              "Content-Encoding: gzip , aws-chunked,br",
                              "x-amz-decoded-content-length: 1"),
                     SOCIAL_S3_OK);
    assert_int_equal(u.op.kept_count, 1);
    assert_str(u.op.kept[0].name, "content-encoding");
    assert_str(u.op.kept[0].value, "gzip,br");
    assert_int_equal(ask_with("PUT", "/o/raw/a",
                              "Content-Encoding: aws-chunked"),
                     SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(ask_with("PUT", "/o/raw/a", sha,
                              "x-amz-decoded-content-length: 1",
                              "x-amz-trailer: x-amz-checksum-sha512"),
                     SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(ask_with("PUT", "/o/raw/a", sha,
                              "x-amz-decoded-content-length: 1",
                              "x-amz-checksum-crc32: y/Q5Jg==",
                              "x-amz-trailer: x-amz-checksum-crc32"),
                     SOCIAL_S3_INVALID_REQUEST);
    assert_int_equal(ask_with("PUT", "/o/raw/a", with_signatures,
                              "x-amz-decoded-content-length: 1",
                              "x-amz-trailer: x-amz-checksum-crc32"),
                     SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(ask_with("PUT", "/o/raw/a",
                              "x-amz-trailer: x-amz-checksum-crc32"),
                     SOCIAL_S3_INVALID_REQUEST);
}


static void
test_conditions(void **state)
{
    (void) state;

    assert_int_equal(ask("GET", "/o/raw/a", NULL), SOCIAL_S3_OK);
    assert_int_equal(u.op.condition.if_match.len, 0);
    assert_int_equal(u.op.condition.if_none_match.len, 0);

    assert_int_equal(ask_with("GET", "/o/raw/a", "If-Match: \"a\"",
                              "If-None-Match:  b ", "Range: bytes=1-",
                              "If-Range: c",
                              "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 "
                              "GMT", "If-Unmodified-Since: x"),
                     SOCIAL_S3_OK);
    assert_str(u.op.condition.if_match, "\"a\"");
    assert_str(u.op.condition.if_none_match, "b");
    assert_true(u.op.condition.if_modified_since == 784111777);
    assert_true(u.op.condition.if_unmodified_since == SOCIAL_S3_NO_TIME);
    assert_str(u.op.range, "bytes=1-");
    assert_str(u.op.if_range, "c");

    assert_int_equal(ask_with("PUT", "/o/raw/a", "If-None-Match: *"),
                     SOCIAL_S3_OK);
    assert_str(u.op.condition.if_none_match, "*");
    assert_int_equal(ask_with("PUT", "/o/raw/a", "If-None-Match: \"a\""),
                     SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(ask_with("PUT", "/o/raw/a", "If-Match: \"a\"",
                              "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 "
                              "GMT"),
                     SOCIAL_S3_OK);
    assert_true(u.op.condition.if_modified_since == SOCIAL_S3_NO_TIME);
    assert_int_equal(ask_with("PUT", "/o/raw/a", "If-Match: \"a\"",
                              "If-None-Match: *"),
                     SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(ask_with("DELETE", "/o/raw/a", "If-Match: \"a\""),
                     SOCIAL_S3_OK);
    assert_int_equal(ask_with("DELETE", "/o/raw/a", "If-None-Match: *"),
                     SOCIAL_S3_NOT_IMPLEMENTED);

    assert_int_equal(ask_with("GET", "/o/raw/a", "Content-Encoding: gzip"),
                     SOCIAL_S3_OK);
}


static void
test_kept(void **state)
{
    size_t  i;
    char    lines[120][64], large[2200], huge[2200];

    const char  *headers[121];

    (void) state;

    assert_int_equal(ask_with("PUT", "/o/raw/a?X-Amz-Meta-Two=b%20c",
                              "Cache-Control: max-age=60",
                              "Content-Disposition:  attachment ",
                              "Content-Language: de", "Content-Encoding: gzip",
                              "Expires: never", "X-Amz-Meta-ONE: a",
                              "x-amz-meta-empty: "), SOCIAL_S3_OK);
    assert_int_equal(u.op.kept_count, 7);
    assert_str(u.op.kept[0].name, "content-encoding");
    assert_str(u.op.kept[0].value, "gzip");
    assert_str(u.op.kept[1].name, "cache-control");
    assert_str(u.op.kept[2].value, "attachment");
    assert_str(u.op.kept[3].value, "de");
    assert_str(u.op.kept[4].value, "never");
    assert_str(u.op.kept[5].name, "x-amz-meta-one");
    assert_str(u.op.kept[5].value, "a");
    assert_str(u.op.kept[6].name, "x-amz-meta-two");
    assert_str(u.op.kept[6].value, "b c");

    assert_int_equal(ask_with("GET", "/o/raw/a", "Cache-Control: no-cache"),
                     SOCIAL_S3_OK);
    assert_int_equal(u.op.kept_count, 0);

    assert_int_equal(ask("PUT", "/o/raw/a?x-amz-meta-a=b%0Ac", NULL),
                     SOCIAL_S3_INVALID_ARGUMENT);

    /* 2 kB, names and values, and so many of them */

    strcpy(large, "x-amz-meta-size:");
    memset(large + 16, 'v', 2044);
    large[16 + 2044] = '\0';
    assert_int_equal(ask_with("PUT", "/o/raw/a", large), SOCIAL_S3_OK);

    strcat(large, "v");
    assert_int_equal(ask_with("PUT", "/o/raw/a", large),
                     SOCIAL_S3_METADATA_TOO_LARGE);

    strcpy(large, "cache-control:");
    memset(large + 14, 'v', 2100);
    large[14 + 2100] = '\0';
    assert_int_equal(ask_with("PUT", "/o/raw/a", large), SOCIAL_S3_OK);
    memcpy(huge, "expires:", 8);
    memset(huge + 8, 'v', 2000);
    huge[8 + 2000] = '\0';
    assert_int_equal(ask_with("PUT", "/o/raw/a", large, huge),
                     SOCIAL_S3_METADATA_TOO_LARGE);

    for (i = 0; i < 120; i++) {
        snprintf(lines[i], sizeof(lines[i]), "x-amz-meta-%zu: v", i);
        headers[i] = lines[i];
    }

    headers[SOCIAL_S3_MAX_KEPT] = NULL;
    assert_int_equal(ask("PUT", "/o/raw/a", headers), SOCIAL_S3_OK);
    assert_int_equal(u.op.kept_count, SOCIAL_S3_MAX_KEPT);
    headers[SOCIAL_S3_MAX_KEPT] = lines[SOCIAL_S3_MAX_KEPT];
    headers[SOCIAL_S3_MAX_KEPT + 1] = NULL;
    assert_int_equal(ask("PUT", "/o/raw/a", headers),
                     SOCIAL_S3_METADATA_TOO_LARGE);
}


static void
test_ranges(void **state)
{
    size_t   i;
    int64_t  first, end;

    enum { W = SOCIAL_S3_RANGE_WHOLE, P = SOCIAL_S3_RANGE_PART,
           I = SOCIAL_S3_RANGE_INVALID };

    static const struct {
        const char  *range;
        int64_t      size;
        int          expected;
        int64_t      first;
        int64_t      end;
    } cases[] = {
        { "bytes=0-0", 10, P, 0, 1 },
        { "bytes=1-3", 10, P, 1, 4 },
        { "bytes=9-", 10, P, 9, 10 },
        { "bytes=0-", 10, P, 0, 10 },
        { "bytes=5-99", 10, P, 5, 10 },
        { "bytes=-2", 10, P, 8, 10 },
        { "bytes=-10", 10, P, 0, 10 },
        { "bytes=-99", 10, P, 0, 10 },
        { "BYTES= 1-2 ", 10, P, 1, 3 },
        { "bytes=0-99999999999999999999999", 10, P, 0, 10 },
        { "bytes=-99999999999999999999999", 10, P, 0, 10 },

        { "bytes=10-", 10, I, 0, 0 },
        { "bytes=10-20", 10, I, 0, 0 },
        { "bytes=-0", 10, I, 0, 0 },
        { "bytes=99999999999999999999999-", 10, I, 0, 0 },
        { "bytes=18446744073709551617-", 10, I, 0, 0 },
        { "bytes=0-18446744073709551617", 10, P, 0, 10 },

        /* no range is in an empty object */
        { "bytes=0-", 0, I, 0, 0 },
        { "bytes=0-0", 0, I, 0, 0 },
        { "bytes=-5", 0, I, 0, 0 },

        { "", 10, W, 0, 0 },
        { "bytes", 10, W, 0, 0 },
        { "bytes=", 10, W, 0, 0 },
        { "bytes=-", 10, W, 0, 0 },
        { "bytes=a-b", 10, W, 0, 0 },
        { "bytes=1", 10, W, 0, 0 },
        { "bytes=3-1", 10, W, 0, 0 },
        { "bytes=0-0,4-4", 10, W, 0, 0 },
        { "bytes=1-2-3", 10, W, 0, 0 },
        { "items=0-1", 10, W, 0, 0 },
        { "bytes=--1", 10, W, 0, 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        first = 0;
        end = 0;

        if ((int) social_s3_range_read(social_str(cases[i].range),
                                       cases[i].size, &first, &end)
            != cases[i].expected
            || (cases[i].expected == P
                && (first != cases[i].first || end != cases[i].end)))
        {
            fail_msg("\"%s\" of %d", cases[i].range, (int) cases[i].size);
        }
    }
}


/* what does not fit is refused, whatever it is */

static void
test_limits(void **state)
{
    size_t        i;
    social_buf_t  b;

    (void) state;

    assert_int_equal(ask_with("PUT", "/o/raw/a%20b?response-expires=1&x-id=2",
                              "X-Amz-Acl: private"),
                     SOCIAL_S3_NOT_IMPLEMENTED);

    for (i = 0; i < 60; i++) {
        social_buf_init(&b, u.work, i);
        (void) social_s3_request_read(&u.place, &u.request, &b, &u.op);
    }

    (void) ask("GET", "/o/raw/a%20b", NULL);
    social_buf_init(&b, u.work, 2);
    assert_int_equal(social_s3_request_read(&u.place, &u.request, &b, &u.op),
                     SOCIAL_S3_INVALID_URI);
}


/* what the signer of a URL allows */

static void
test_allowed(void **state)
{
    size_t  i;

    static const struct {
        const char         *type;
        social_s3_error_e   error;
    } types[] = {
        { "content-type: image/jpeg", SOCIAL_S3_OK },
        { "Content-Type:image/JPEG ; charset=x", SOCIAL_S3_OK },
        { "content-type: image/jpegx", SOCIAL_S3_ACCESS_DENIED },
        { "content-type: image/jpe", SOCIAL_S3_ACCESS_DENIED },
        { "content-type:", SOCIAL_S3_ACCESS_DENIED },
        { "x-other: image/jpeg", SOCIAL_S3_ACCESS_DENIED }
    };

    (void) state;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        assert_int_equal(ask_with("PUT", "/o/raw/a?x-social-type=image%2Fjpeg",
                                  types[i].type), types[i].error);
        assert_int_equal(u.op.max_size, -1);
    }

    assert_int_equal(ask("PUT", "/o/raw/a?x-social-max-size=0", NULL),
                     SOCIAL_S3_OK);
    assert_int_equal(u.op.max_size, 0);
    assert_int_equal(ask("PUT", "/o/raw/a?x-social-max-size=1048576", NULL),
                     SOCIAL_S3_OK);
    assert_int_equal(u.op.max_size, 1048576);
    assert_int_equal(ask("PUT", "/o/raw/a?x-social-max-size=-1", NULL),
                     SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(ask("PUT", "/o/raw/a?x-social-max-size=", NULL),
                     SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(ask("PUT", "/o/raw/a?x-social-max-size=1"
                         "&x-social-max-size=2", NULL),
                     SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(ask("GET", "/o/raw/a?x-social-max-size=1", NULL),
                     SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(ask("PUT", "/o/raw/a?x-social-other=1", NULL),
                     SOCIAL_S3_NOT_IMPLEMENTED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_operations, setup),
        cmocka_unit_test_setup(test_keys, setup),
        cmocka_unit_test_setup(test_hosts, setup),
        cmocka_unit_test_setup(test_params, setup),
        cmocka_unit_test_setup(test_list, setup),
        cmocka_unit_test_setup(test_amz, setup),
        cmocka_unit_test_setup(test_checksums, setup),
        cmocka_unit_test_setup(test_chunks, setup),
        cmocka_unit_test_setup(test_conditions, setup),
        cmocka_unit_test_setup(test_kept, setup),
        cmocka_unit_test_setup(test_ranges, setup),
        cmocka_unit_test_setup(test_limits, setup),
        cmocka_unit_test_setup(test_allowed, setup),
    };

    return cmocka_run_group_tests_name("s3_request", tests, NULL, NULL);
}
