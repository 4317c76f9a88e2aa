
/*
 * What requests ask of an S3: uploads in parts, and copies.
 */

#include "social_unit.h"
#include "social_unit_s3.h"


#define ID  "0123456789abcdef0123456789abcdef"


static void
test_multipart(void **state)
{
    size_t  i;

    static const struct {
        const char             *method;
        const char             *target;
        social_s3_operation_e   operation;
        const char             *name;
    } cases[] = {
        { "POST", "/o/raw/a?uploads", SOCIAL_S3_CREATE_MULTIPART_UPLOAD,
          "CreateMultipartUpload" },
        { "PUT", "/o/raw/a?partNumber=10000&uploadId=" ID,
          SOCIAL_S3_UPLOAD_PART, "UploadPart" },
        { "GET", "/o/raw/a?uploadId=" ID, SOCIAL_S3_LIST_PARTS, "ListParts" },
        { "GET", "/o/raw/a?max-parts=2&part-number-marker=3&uploadId=" ID,
          SOCIAL_S3_LIST_PARTS, "ListParts" },
        { "POST", "/o/raw/a?uploadId=" ID,
          SOCIAL_S3_COMPLETE_MULTIPART_UPLOAD, "CompleteMultipartUpload" },
        { "DELETE", "/o/raw/a?uploadId=" ID,
          SOCIAL_S3_ABORT_MULTIPART_UPLOAD, "AbortMultipartUpload" },
        { "GET", "/o/raw?uploads", SOCIAL_S3_LIST_MULTIPART_UPLOADS,
          "ListMultipartUploads" },
        { "GET", "/o/raw?uploads&prefix=a&key-marker=b&upload-id-marker=c"
          "&max-uploads=5&encoding-type=url",
          SOCIAL_S3_LIST_MULTIPART_UPLOADS, "ListMultipartUploads" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ask(cases[i].method, cases[i].target, NULL),
                         SOCIAL_S3_OK);
        assert_int_equal(u.op.operation, cases[i].operation);
        assert_str(social_s3_operation_name(u.op.operation), cases[i].name);
    }

    assert_str(u.op.list.prefix, "a");
    assert_str(u.op.list.after, "b");
    assert_str(u.op.upload, "c");
    assert_int_equal(u.op.list.max_keys, 5);
    assert_true(u.op.list.url);

    assert_int_equal(ask("PUT", "/o/raw/a?partNumber=7&uploadId=" ID, NULL),
                     SOCIAL_S3_OK);
    assert_int_equal(u.op.part, 7);
    assert_str(u.op.upload, ID);
    assert_int_equal(ask("GET", "/o/raw/a?partNumber=3", NULL), SOCIAL_S3_OK);
    assert_int_equal(u.op.operation, SOCIAL_S3_GET_OBJECT);
    assert_int_equal(u.op.part, 3);
    assert_int_equal(ask_with("GET", "/o/raw/a?partNumber=3",
                              "range: bytes=0-1"), SOCIAL_S3_INVALID_REQUEST);

    /* numbers of no part, and IDs of no upload */

    assert_int_equal(ask("PUT", "/o/raw/a?uploadId=" ID, NULL),
                     SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(ask("PUT", "/o/raw/a?partNumber=0&uploadId=" ID, NULL),
                     SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(ask("PUT", "/o/raw/a?partNumber=10001&uploadId=" ID,
                         NULL), SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(ask("GET", "/o/raw/a?partNumber=x", NULL),
                     SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(ask("GET", "/o/raw/a?uploadId=..%2Fx", NULL),
                     SOCIAL_S3_NO_SUCH_UPLOAD);
    assert_str(u.op.detail, "../x");
    assert_int_equal(ask("GET", "/o/raw/a?uploadId=" ID "0", NULL),
                     SOCIAL_S3_NO_SUCH_UPLOAD);
    assert_int_equal(ask("GET", "/o/raw/a?uploadId="
                         "0123456789ABCDEF0123456789abcdef", NULL),
                     SOCIAL_S3_NO_SUCH_UPLOAD);
    assert_int_equal(ask("PUT", "/o/raw/a?partNumber=1", NULL),
                     SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(ask("POST", "/o/raw/a", NULL),
                     SOCIAL_S3_NOT_IMPLEMENTED);

    /* a condition of the whole is for its end */

    assert_int_equal(ask_with("POST", "/o/raw/a?uploadId=" ID,
                              "if-none-match: *"), SOCIAL_S3_OK);
    assert_str(u.op.condition.if_none_match, "*");
    assert_int_equal(ask_with("POST", "/o/raw/a?uploadId=" ID,
                              "if-none-match: \"a\""),
                     SOCIAL_S3_NOT_IMPLEMENTED);

    /* what is kept with the object is said at its beginning */

    assert_int_equal(ask_with("POST", "/o/raw/a?uploads", "x-amz-meta-a: b",
                              "x-amz-acl: private"), SOCIAL_S3_OK);
    assert_int_equal(u.op.kept_count, 1);
    assert_int_equal(ask_with("PUT", "/o/raw/a?partNumber=1&uploadId=" ID,
                              "x-amz-meta-a: b"), SOCIAL_S3_NOT_IMPLEMENTED);
}


static void
test_whole(void **state)
{
    (void) state;

    assert_int_equal(ask("POST", "/o/raw/a?uploads", NULL), SOCIAL_S3_OK);
    assert_int_equal(u.op.whole.algorithm, SOCIAL_S3_CHECKSUM_NONE);

    assert_int_equal(ask_with("POST", "/o/raw/a?uploads",
                              "x-amz-checksum-algorithm: CRC32"),
                     SOCIAL_S3_OK);
    assert_int_equal(u.op.whole.algorithm, SOCIAL_S3_CHECKSUM_CRC32);
    assert_false(u.op.full);

    assert_int_equal(ask_with("POST", "/o/raw/a?uploads",
                              "x-amz-checksum-algorithm: CRC32",
                              "x-amz-checksum-type: FULL_OBJECT"),
                     SOCIAL_S3_OK);
    assert_true(u.op.full);

    assert_int_equal(ask_with("POST", "/o/raw/a?uploads",
                              "x-amz-checksum-algorithm: CRC64NVME"),
                     SOCIAL_S3_OK);
    assert_true(u.op.full);

    assert_int_equal(ask_with("POST", "/o/raw/a?uploads",
                              "x-amz-checksum-algorithm: SHA512"),
                     SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(ask_with("POST", "/o/raw/a?uploads",
                              "x-amz-checksum-algorithm: SHA1",
                              "x-amz-checksum-type: FULL_OBJECT"),
                     SOCIAL_S3_INVALID_REQUEST);
    assert_int_equal(ask_with("POST", "/o/raw/a?uploads",
                              "x-amz-checksum-algorithm: CRC64NVME",
                              "x-amz-checksum-type: COMPOSITE"),
                     SOCIAL_S3_INVALID_REQUEST);
    assert_int_equal(ask_with("POST", "/o/raw/a?uploads",
                              "x-amz-checksum-type: COMPOSITE"),
                     SOCIAL_S3_INVALID_REQUEST);

    /* at the end it is the object's, and not that of the body */

    assert_int_equal(ask_with("POST", "/o/raw/a?uploadId=" ID,
                              "x-amz-checksum-crc32: y/Q5Jg==-3",
                              "x-amz-checksum-type: COMPOSITE",
                              "x-amz-mp-object-size: 9"), SOCIAL_S3_OK);
    assert_true(u.op.has_whole);
    assert_true(u.op.has_type);
    assert_false(u.op.full);
    assert_int_equal(u.op.whole.algorithm, SOCIAL_S3_CHECKSUM_CRC32);
    assert_memory_equal(u.op.whole.value, "\xcb\xf4\x39\x26", 4);
    assert_int_equal(u.op.checksum.algorithm, SOCIAL_S3_CHECKSUM_NONE);
    assert_int_equal(u.op.size, 9);

    assert_int_equal(ask("POST", "/o/raw/a?uploadId=" ID, NULL),
                     SOCIAL_S3_OK);
    assert_false(u.op.has_whole);
    assert_int_equal(u.op.size, -1);

    assert_int_equal(ask_with("POST", "/o/raw/a?uploadId=" ID,
                              "x-amz-checksum-crc32: x"),
                     SOCIAL_S3_INVALID_REQUEST);
    assert_int_equal(ask_with("POST", "/o/raw/a?uploadId=" ID,
                              "x-amz-checksum-type: x"),
                     SOCIAL_S3_INVALID_REQUEST);
    assert_int_equal(ask_with("POST", "/o/raw/a?uploadId=" ID,
                              "x-amz-mp-object-size: x"),
                     SOCIAL_S3_INVALID_ARGUMENT);
}


static social_s3_error_e
copy(const char *source)
{
    char  line[256];

    snprintf(line, sizeof(line), "x-amz-copy-source: %s", source);

    return ask_with("PUT", "/o/raw/to", line);
}


static void
test_copy(void **state)
{
    (void) state;

    assert_int_equal(copy("/raw/a/b"), SOCIAL_S3_OK);
    assert_int_equal(u.op.operation, SOCIAL_S3_COPY_OBJECT);
    assert_str(social_s3_operation_name(u.op.operation), "CopyObject");
    assert_str(u.op.copy.key, "a/b");
    assert_str(u.op.key, "to");
    assert_false(u.op.copy.replace);

    assert_int_equal(copy("raw/%C3%A9%20%2B+%3F"), SOCIAL_S3_OK);
    assert_str(u.op.copy.key, "\xc3\xa9 ++?");
    assert_int_equal(copy("raw/a//./../b?versionId=null"), SOCIAL_S3_OK);
    assert_str(u.op.copy.key, "a//./../b");

    assert_int_equal(copy("/raw/a?versionId=1"), SOCIAL_S3_NO_SUCH_VERSION);
    assert_int_equal(copy("/raw/a?"), SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(copy("/other/a"), SOCIAL_S3_NO_SUCH_BUCKET);
    assert_str(u.op.detail, "other");
    assert_int_equal(copy(""), SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(copy("/"), SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(copy("raw"), SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(copy("/raw/"), SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(copy("//a"), SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(copy("/raw/%"), SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(copy("/raw/%00"), SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(copy("/raw/%FF"), SOCIAL_S3_INVALID_ARGUMENT);

    /* onto itself only with other headers, which are not kept otherwise */

    assert_int_equal(copy("/raw/to"), SOCIAL_S3_INVALID_REQUEST);
    assert_int_equal(ask_with("PUT", "/o/raw/to",
                              "x-amz-copy-source: /raw/to",
                              "x-amz-metadata-directive: REPLACE",
                              "x-amz-meta-a: b"), SOCIAL_S3_OK);
    assert_true(u.op.copy.replace);
    assert_int_equal(u.op.kept_count, 1);
    assert_int_equal(ask_with("PUT", "/o/raw/to",
                              "x-amz-copy-source: /raw/from",
                              "x-amz-metadata-directive: COPY",
                              "x-amz-meta-a: b"), SOCIAL_S3_OK);
    assert_int_equal(u.op.kept_count, 0);
    assert_int_equal(ask_with("PUT", "/o/raw/to",
                              "x-amz-copy-source: /raw/from",
                              "x-amz-metadata-directive: copy"),
                     SOCIAL_S3_INVALID_ARGUMENT);

    assert_int_equal(ask_with("PUT", "/o/raw/to",
        "x-amz-copy-source: /raw/from",
        "x-amz-copy-source-if-match: \"a\"",
        "x-amz-copy-source-if-none-match: \"b\"",
        "x-amz-copy-source-if-modified-since: Thu, 01 Jan 1970 00:00:01 GMT",
        "x-amz-copy-source-if-unmodified-since: "
        "Thu, 01 Jan 1970 00:00:02 GMT", "if-match: c"), SOCIAL_S3_OK);
    assert_str(u.op.copy.condition.if_match, "\"a\"");
    assert_str(u.op.copy.condition.if_none_match, "\"b\"");
    assert_int_equal(u.op.copy.condition.if_modified_since, 1);
    assert_int_equal(u.op.copy.condition.if_unmodified_since, 2);
    assert_str(u.op.condition.if_match, "c");

    /* in the query, as a presigner has it */

    assert_int_equal(ask("PUT", "/o/raw/to?X-Amz-Copy-Source", NULL),
                     SOCIAL_S3_INVALID_ARGUMENT);

    assert_int_equal(ask("PUT", "/o/raw/to?X-Amz-Copy-Source=%2Fraw%2Fa",
                         NULL), SOCIAL_S3_OK);
    assert_str(u.op.copy.key, "a");

    /* a location of a part of the keys copies from no others */

    u.place.part = S("images/");
    u.place.prefix = S("/i/");
    assert_int_equal(ask_with("PUT", "/i/to", "x-amz-copy-source: /raw/a"),
                     SOCIAL_S3_ACCESS_DENIED);
    assert_int_equal(ask_with("PUT", "/i/to",
                              "x-amz-copy-source: /raw/images/a"),
                     SOCIAL_S3_OK);
}


static social_s3_error_e
copy_part(const char *range)
{
    char  line[256];

    snprintf(line, sizeof(line), "x-amz-copy-source-range: %s", range);

    return ask_with("PUT", "/o/raw/to?partNumber=1&uploadId=" ID,
                    "x-amz-copy-source: /raw/a", line);
}


static void
test_copy_part(void **state)
{
    size_t  i;

    static const char *const  bad[] = {
        "bytes=1-", "bytes=-1", "bytes=", "1-2", "bytes=2-1", "bytes=1-2,3-4",
        "Bytes=1-2", "bytes=a-b"
    };

    (void) state;

    assert_int_equal(copy_part("bytes=5-9"), SOCIAL_S3_OK);
    assert_int_equal(u.op.operation, SOCIAL_S3_UPLOAD_PART_COPY);
    assert_int_equal(u.op.part, 1);
    assert_true(u.op.copy.has_range);
    assert_int_equal(u.op.copy.first, 5);
    assert_int_equal(u.op.copy.end, 10);

    assert_int_equal(ask_with("PUT", "/o/raw/to?partNumber=1&uploadId=" ID,
                              "x-amz-copy-source: /raw/to"), SOCIAL_S3_OK);
    assert_false(u.op.copy.has_range);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(copy_part(bad[i]), SOCIAL_S3_INVALID_ARGUMENT);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_multipart, setup),
        cmocka_unit_test_setup(test_whole, setup),
        cmocka_unit_test_setup(test_copy, setup),
        cmocka_unit_test_setup(test_copy_part, setup),
    };

    return cmocka_run_group_tests_name("s3_multipart", tests, NULL, NULL);
}
