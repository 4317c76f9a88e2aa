
#include "social_s3_event.h"
#include "social_unit.h"


/* the example of the S3 User Guide, "Event message structure" */

#define AWS(name, object)                                                     \
    "{\"eventVersion\":\"2.1\",\"eventSource\":\"aws:s3\","                   \
    "\"awsRegion\":\"us-west-2\",\"eventTime\":\"1970-01-01T00:00:00.000Z\"," \
    "\"eventName\":\"" name "\",\"userIdentity\":{\"principalId\":\"A\"},"    \
    "\"requestParameters\":{\"sourceIPAddress\":\"127.0.0.1\"},"              \
    "\"responseElements\":{\"x-amz-request-id\":\"C3\",\"x-amz-id-2\":\"F\"},"\
    "\"s3\":{\"s3SchemaVersion\":\"1.0\",\"configurationId\":\"c\","          \
    "\"bucket\":{\"name\":\"mybucket\",\"ownerIdentity\":{\"principalId\":"   \
    "\"A3\"},\"arn\":\"arn:aws:s3:::mybucket\"},\"object\":{" object "}}}"

#define HAPPY                                                                 \
    "\"key\":\"HappyFace.jpg\",\"size\":1024,\"eTag\":\"d41d8cd98f00b204\","  \
    "\"versionId\":\"096fKKXTRTtl3on89fVO.nfljtsv6qko\","                     \
    "\"sequencer\":\"0055AED6DCD90281E5\""

#define RECORDS(list)  "{\"Records\":[" list "]}"


static social_s3_event_t  event;
static const char        *why;


static social_rc_e
parse(const char *text)
{
    return social_s3_event_parse(social_str(text), &event, &why);
}


static void
assert_refused(const char *text, const char *field)
{
    assert_int_equal(parse(text), SOCIAL_MALFORMED);
    assert_string_equal(event.field, field);
    assert_non_null(why);
    assert_null(event.json);
    assert_null(event.records);
    assert_int_equal(event.count, 0);
}


static void
test_aws(void **state)
{
    (void) state;

    assert_int_equal(parse(RECORDS(AWS("ObjectCreated:Put", HAPPY))),
                     SOCIAL_OK);
    assert_int_equal(event.form, SOCIAL_S3_EVENT_RECORDS);
    assert_int_equal(event.count, 1);
    assert_int_equal(event.others, 0);
    assert_true(event.records[0].created);
    assert_str(event.records[0].bucket, "mybucket");
    assert_str(event.records[0].key, "HappyFace.jpg");
    assert_int_equal(event.records[0].size, 1024);
    assert_str(event.records[0].etag, "d41d8cd98f00b204");
    assert_str(event.records[0].version, "096fKKXTRTtl3on89fVO.nfljtsv6qko");
    assert_str(event.records[0].sequencer, "0055AED6DCD90281E5");
    assert_str(event.records[0].time, "1970-01-01T00:00:00.000Z");
    social_s3_event_free(&event);
    assert_int_equal(event.count, 0);
    social_s3_event_free(&event);
}


static void
test_keys(void **state)
{
    size_t  i;

    static const struct {
        const char  *in;
        const char  *out;
    } keys[] = {
        { "red+flower.jpg", "red flower.jpg" },
        { "a%2Fb%2Bc.jpg", "a/b+c.jpg" },
        { "%c3%A9~%281%29", "\xc3\xa9~(1)" },
        { "a%252Fb", "a%2Fb" },
        { "\\u00e9", "\xc3\xa9" },
        { "%5C%22", "\\\"" },
        { NULL, NULL }
    };

    static const char *const  bad[] = {
        "", "%", "%2", "%zz", "a%00b", "%ff", "%c3", "%ed%a0%80", NULL
    };

    char  text[2048];

    (void) state;

    for (i = 0; keys[i].in != NULL; i++) {
        snprintf(text, sizeof(text), RECORDS(AWS("ObjectCreated:Copy",
                 "\"key\":\"%s\"")), keys[i].in);
        assert_int_equal(parse(text), SOCIAL_OK);
        assert_str(event.records[0].key, keys[i].out);
        assert_int_equal(event.records[0].size, -1);
        assert_int_equal(event.records[0].etag.len, 0);
        assert_int_equal(event.records[0].sequencer.len, 0);
        social_s3_event_free(&event);
    }

    for (i = 0; bad[i] != NULL; i++) {
        snprintf(text, sizeof(text), RECORDS(AWS("ObjectCreated:Copy",
                 "\"key\":\"%s\"")), bad[i]);
        assert_refused(text, "object.key");
    }

    /* 1024 bytes after decoding, and one more */

    snprintf(text, sizeof(text), RECORDS(AWS("ObjectCreated:Post",
             "\"key\":\"%%2F%01023d\"")), 1);
    assert_int_equal(parse(text), SOCIAL_OK);
    assert_int_equal(event.records[0].key.len, 1024);
    social_s3_event_free(&event);

    snprintf(text, sizeof(text), RECORDS(AWS("ObjectCreated:Post",
             "\"key\":\"%%2F%01024d\"")), 1);
    assert_refused(text, "object.key");
    assert_refused(RECORDS(AWS("ObjectCreated:Put", "\"key\":5")),
                   "object.key");
    assert_refused(RECORDS(AWS("ObjectCreated:Put", "\"size\":5")),
                   "object.key");
}


/* shorter ones are padded on the right, whatever their case */

static void
test_sequencers(void **state)
{
    size_t  i;
    char    text[1024];

    static const struct {
        const char  *in;
        const char  *out;
    } all[] = {
        { "0055AED6DCD90281E5", "0055AED6DCD90281E5" },
        { "0055aed6dcd90281e5", "0055AED6DCD90281E5" },
        { "0055AED6DCD9028000", "0055AED6DCD9028" },
        { "00", "0" },
        { "0", "0" },
        { "", "" },
        { "5dC0FfeE10", "5DC0FFEE1" },
        { NULL, NULL }
    };

    (void) state;

    for (i = 0; all[i].in != NULL; i++) {
        snprintf(text, sizeof(text), RECORDS(AWS("ObjectCreated:Put",
                 "\"key\":\"a\",\"sequencer\":\"%s\"")), all[i].in);
        assert_int_equal(parse(text), SOCIAL_OK);
        assert_str(event.records[0].sequencer, all[i].out);
        social_s3_event_free(&event);
    }

    assert_refused(RECORDS(AWS("ObjectCreated:Put",
                   "\"key\":\"a\",\"sequencer\":\"12G4\"")),
                   "object.sequencer");
    assert_refused(RECORDS(AWS("ObjectCreated:Put",
                   "\"key\":\"a\",\"sequencer\":7")), "object.sequencer");

    snprintf(text, sizeof(text), RECORDS(AWS("ObjectCreated:Put",
             "\"key\":\"a\",\"sequencer\":\"%065d\"")), 1);
    assert_refused(text, "object.sequencer");
}


static void
test_kinds(void **state)
{
    size_t  i;
    char    text[4096];

    static const struct {
        const char  *name;
        const char  *version;
        int          count;
        int          created;
    } all[] = {
        { "ObjectCreated:Put", "", 1, 1 },
        { "s3:ObjectCreated:Put", "", 1, 1 },
        { "ObjectCreated:CompleteMultipartUpload", "v", 1, 1 },
        { "ObjectRemoved:Delete", "", 1, 0 },
        { "ObjectRemoved:Delete", "null", 1, 0 },
        { "s3:ObjectRemoved:Delete", "", 1, 0 },
        { "ObjectRemoved:DeleteMarkerCreated", "v", 1, 0 },
        { "LifecycleExpiration:Delete", "", 1, 0 },
        { "LifecycleExpiration:DeleteMarkerCreated", "v", 1, 0 },

        /* another version may be at the key */
        { "ObjectRemoved:Delete", "v", 0, 0 },
        { "LifecycleExpiration:Delete", "v", 0, 0 },

        { "ObjectTagging:Put", "", 0, 0 },
        { "ObjectCreated", "", 0, 0 },
        { "ObjectRestore:Completed", "", 0, 0 },
        { "xObjectCreated:Put", "", 0, 0 },
        { NULL, NULL, 0, 0 }
    };

    (void) state;

    for (i = 0; all[i].name != NULL; i++) {
        snprintf(text, sizeof(text), RECORDS(AWS("%s",
                 "\"key\":\"a\",\"versionId\":\"%s\"")), all[i].name,
                 all[i].version);
        assert_int_equal(parse(text), SOCIAL_OK);
        assert_int_equal(event.count, all[i].count);
        assert_int_equal(event.others, 1 - all[i].count);

        if (event.count) {
            assert_int_equal(event.records[0].created, all[i].created);
        }

        social_s3_event_free(&event);
    }

    assert_refused(RECORDS(AWS("", HAPPY)), "Records.eventName");
}


static void
test_versions(void **state)
{
    (void) state;

    assert_int_equal(parse("{\"Records\":[{\"eventVersion\":\"2.6\","
        "\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectCreated:Put\","
        "\"new\":[{}],\"s3\":{\"bucket\":{\"name\":\"b\"},\"object\":{"
        "\"key\":\"k\",\"eTag\":null,\"new\":1}}}]}"), SOCIAL_OK);
    assert_int_equal(event.count, 1);
    social_s3_event_free(&event);

    assert_refused("{\"Records\":[{\"eventVersion\":\"3.0\","
        "\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectCreated:Put\"}]}",
        "Records.eventVersion");
    assert_refused("{\"Records\":[{\"eventVersion\":2.1,"
        "\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectCreated:Put\"}]}",
        "Records.eventVersion");
    assert_refused("{\"Records\":[{}]}", "Records.eventVersion");
    assert_refused("{\"Records\":[{\"eventVersion\":\"2.1\","
        "\"eventSource\":\"aws:dynamodb\"}]}", "Records.eventSource");
    assert_refused("{\"Records\":[7]}", "Records");
    assert_refused("{\"Records\":7}", "Records");
    assert_refused("{}", "Records");
    assert_refused("[]", "body");
    assert_refused("", "body");
    assert_refused("{\"Records\":[{\"eventVersion\":\"2.1\","
        "\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectCreated:Put\"}]}",
        "bucket.name");
}


/* MinIO's, of its internal/event/target/webhook.go */

static void
test_minio(void **state)
{
    (void) state;

    assert_int_equal(parse("{\"EventName\":\"s3:ObjectCreated:Put\","
        "\"Key\":\"images/a b/c.jpg\",\"Records\":[{\"eventVersion\":\"2.0\","
        "\"eventSource\":\"minio:s3\",\"awsRegion\":\"\","
        "\"eventTime\":\"2026-01-01T00:00:00.000Z\","
        "\"eventName\":\"s3:ObjectCreated:Put\",\"userIdentity\":{"
        "\"principalId\":\"minio\"},\"s3\":{\"s3SchemaVersion\":\"1.0\","
        "\"configurationId\":\"Config\",\"bucket\":{\"name\":\"images\"},"
        "\"object\":{\"key\":\"a+b%2Fc.jpg\",\"size\":67,\"eTag\":\"e\","
        "\"contentType\":\"image/jpeg\",\"userMetadata\":{},"
        "\"sequencer\":\"17AB0123456789AB\"}},\"source\":{\"host\":\"h\"}}]}"),
        SOCIAL_OK);
    assert_int_equal(event.count, 1);
    assert_str(event.records[0].key, "a b/c.jpg");
    assert_str(event.records[0].sequencer, "17AB0123456789AB");
    social_s3_event_free(&event);
}


/*
 * Ceph's, of its documentation: keys are as they are, and the sequencer has
 * two numbers, the lowest byte first: 22 November 2019.
 */

#define CEPH(key, seq, opaque)                                                \
    "{\"eventVersion\":\"2.1\",\"eventSource\":\"ceph:s3\","                  \
    "\"eventTime\":\"2019-11-22T13:47:35.124724Z\","                          \
    "\"eventName\":\"ObjectCreated:Put\",\"s3\":{\"bucket\":{\"name\":"       \
    "\"mybucket1\",\"id\":\"5\"},\"object\":{\"key\":\"" key "\","            \
    "\"size\":\"1024\",\"eTag\":\"37b51d194a7513e45b56f6524f2d51f2\","        \
    "\"versionId\":\"\",\"sequencer\":\"" seq "\",\"metadata\":[]}},"         \
    "\"eventId\":\"\",\"opaqueData\":\"" opaque "\"}"


static void
test_ceph(void **state)
{
    (void) state;

    assert_int_equal(parse(RECORDS(CEPH("a+b%2Fc", "F7E6D75DC742D108",
                                        "me@example.com"))), SOCIAL_OK);
    assert_int_equal(event.count, 1);
    assert_str(event.records[0].key, "a+b%2Fc");
    assert_int_equal(event.records[0].size, 1024);
    assert_str(event.records[0].sequencer, "5DD7E6F708D142C7");
    assert_str(event.opaque, "me@example.com");
    social_s3_event_free(&event);

    assert_int_equal(parse(RECORDS(CEPH("a", "00000001", "x") ","
                                   CEPH("b", "0000000000000001", "x"))),
                     SOCIAL_OK);
    assert_int_equal(event.count, 2);
    assert_str(event.records[0].sequencer, "00000001");
    assert_str(event.records[1].sequencer, "0000000001");
    assert_str(event.opaque, "x");
    social_s3_event_free(&event);

    /* not a token of all of them */

    assert_int_equal(parse(RECORDS(CEPH("a", "1", "x") "," CEPH("b", "1", "y")
                                   "," CEPH("b", "1", "x"))), SOCIAL_OK);
    assert_int_equal(event.opaque.len, 0);
    social_s3_event_free(&event);

    assert_int_equal(parse(RECORDS(CEPH("a", "1", "x") ","
                                   AWS("ObjectCreated:Put", HAPPY))),
                     SOCIAL_OK);
    assert_int_equal(event.opaque.len, 0);
    social_s3_event_free(&event);

    assert_int_equal(parse(RECORDS(AWS("ObjectCreated:Put", HAPPY) ","
                                   CEPH("a", "1", "x"))), SOCIAL_OK);
    assert_int_equal(event.opaque.len, 0);
    social_s3_event_free(&event);
}


/* the S3 User Guide, "EventBridge event message structure" */

#define BRIDGE(source, type, object, more)                                    \
    "{\"version\":\"0\",\"id\":\"17793124\",\"detail-type\":\"" type "\","    \
    "\"source\":\"" source "\",\"account\":\"111122223333\","                 \
    "\"time\":\"2021-11-12T00:00:00Z\",\"region\":\"ca-central-1\","          \
    "\"resources\":[\"arn:aws:s3:::bucket1\"],\"detail\":{\"version\":\"0\"," \
    "\"bucket\":{\"name\":\"bucket1\"},\"object\":{" object "},"              \
    "\"request-id\":\"N4\",\"requester\":\"123456789012\"" more "}}"


static void
test_bridge(void **state)
{
    (void) state;

    assert_int_equal(parse(BRIDGE("aws.s3", "Object Created",
        "\"key\":\"a+b%20.jpg\",\"size\":5,\"etag\":\"b57f9512698f4b09\","
        "\"version-id\":\"IYV3p45BT0ac8hjHg1houSdS1a.Mro8e\","
        "\"sequencer\":\"617f08299329d189\"", ",\"reason\":\"PutObject\"")),
        SOCIAL_OK);
    assert_int_equal(event.form, SOCIAL_S3_EVENT_BRIDGE);
    assert_int_equal(event.count, 1);
    assert_true(event.records[0].created);
    assert_str(event.records[0].bucket, "bucket1");
    assert_str(event.records[0].key, "a+b%20.jpg");
    assert_int_equal(event.records[0].size, 5);
    assert_str(event.records[0].etag, "b57f9512698f4b09");
    assert_str(event.records[0].version, "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e");
    assert_str(event.records[0].sequencer, "617F08299329D189");
    assert_str(event.records[0].time, "2021-11-12T00:00:00Z");
    social_s3_event_free(&event);

    assert_int_equal(parse(BRIDGE("aws.s3", "Object Deleted",
        "\"key\":\"a\",\"version-id\":\"v\"",
        ",\"deletion-type\":\"Delete Marker Created\"")), SOCIAL_OK);
    assert_int_equal(event.count, 1);
    assert_false(event.records[0].created);
    social_s3_event_free(&event);

    assert_int_equal(parse(BRIDGE("aws.s3", "Object Deleted",
        "\"key\":\"a\",\"version-id\":\"v\"",
        ",\"deletion-type\":\"Permanently Deleted\"")), SOCIAL_OK);
    assert_int_equal(event.count, 0);
    assert_int_equal(event.others, 1);
    social_s3_event_free(&event);

    assert_int_equal(parse(BRIDGE("aws.s3", "Object Deleted", "\"key\":\"a\"",
        ",\"deletion-type\":\"Permanently Deleted\"")), SOCIAL_OK);
    assert_int_equal(event.count, 1);
    social_s3_event_free(&event);

    assert_int_equal(parse(BRIDGE("aws.s3", "Object Tags Added", "", "")),
                     SOCIAL_OK);
    assert_int_equal(event.count, 0);
    assert_int_equal(event.others, 1);
    social_s3_event_free(&event);

    assert_refused(BRIDGE("my.app", "Object Created", "\"key\":\"a\"", ""),
                   "source");
    assert_refused(BRIDGE("aws.s3", "Object Created", "\"key\":\"\"", ""),
                   "object.key");
    assert_refused("{\"detail-type\":\"Object Created\",\"source\":"
                   "\"aws.s3\"}", "bucket.name");
}


static void
test_others(void **state)
{
    (void) state;

    assert_int_equal(parse("{\"Service\":\"Amazon S3\",\"Event\":"
        "\"s3:TestEvent\",\"Time\":\"2014-10-13T15:57:02.089Z\",\"Bucket\":"
        "\"b\",\"RequestId\":\"5582815E1AEA5ADF\",\"HostId\":\"8cLeGAmw\"}"),
        SOCIAL_OK);
    assert_int_equal(event.form, SOCIAL_S3_EVENT_TEST);
    assert_int_equal(event.count, 0);
    social_s3_event_free(&event);

    assert_refused("{\"Event\":\"s3:Other\"}", "Records");

    assert_int_equal(parse("{\"Type\":\"Notification\",\"TopicArn\":\"a\"}"),
                     SOCIAL_OK);
    assert_int_equal(event.form, SOCIAL_S3_EVENT_SNS);
    social_s3_event_free(&event);

    assert_int_equal(parse("{\"Records\":[]}"), SOCIAL_OK);
    assert_int_equal(event.count, 0);
    social_s3_event_free(&event);
}


/*
 * A text of "n" records, or of so many levels or bytes.
 */

static char *
repeat(const char *before, const char *one, size_t n, const char *after)
{
    char    *text, *p;
    size_t   i;

    text = malloc(strlen(before) + n * (strlen(one) + 1) + strlen(after) + 1);
    assert_non_null(text);

    p = stpcpy(text, before);

    for (i = 0; i < n; i++) {
        p = stpcpy(p, i && one[0] == '{' ? "," : "");
        p = stpcpy(p, one);
    }

    stpcpy(p, after);

    return text;
}


static void
test_limits(void **state)
{
    char    *text;
    size_t   len;

    static const char  record[] =
        "{\"eventVersion\":\"2.1\",\"eventSource\":\"aws:s3\",\"eventName\":"
        "\"ObjectCreated:Put\",\"s3\":{\"bucket\":{\"name\":\"b\"},\"object\":"
        "{\"key\":\"k\"}}}";

    (void) state;

    text = repeat("{\"Records\":[", record, 1000, "]}");
    assert_int_equal(parse(text), SOCIAL_OK);
    assert_int_equal(event.count, 1000);
    social_s3_event_free(&event);
    free(text);

    text = repeat("{\"Records\":[", record, 1001, "]}");
    assert_refused(text, "Records");
    assert_string_equal(why, "must have at most 1000 records");
    free(text);

    text = repeat("{\"Records\":[", "{}", 10000, "]}");
    assert_refused(text, "Records");
    assert_string_equal(why, "must have at most 1000 records");
    free(text);

    text = repeat("{\"Records\":", "[", 1000, "");
    assert_refused(text, "body");
    free(text);

    /* 256 KB, and one byte more */

    len = SOCIAL_S3_EVENT_MAX_SIZE - strlen("{\"Records\":[]}");
    text = repeat("{\"Records\":[", " ", len, "]}");
    assert_int_equal(strlen(text), SOCIAL_S3_EVENT_MAX_SIZE);
    assert_int_equal(parse(text), SOCIAL_OK);
    social_s3_event_free(&event);
    free(text);

    text = repeat("{\"Records\":[", " ", len + 1, "]}");
    assert_refused(text, "body");
    free(text);
}


static void
test_members(void **state)
{
    (void) state;

    assert_refused(RECORDS(AWS("ObjectCreated:Put",
                   "\"key\":\"a\",\"size\":-1")), "object.size");
    assert_refused(RECORDS(AWS("ObjectCreated:Put",
                   "\"key\":\"a\",\"size\":1.5")), "object.size");
    assert_refused(RECORDS(AWS("ObjectCreated:Put",
                   "\"key\":\"a\",\"size\":\"1x\"")), "object.size");
    assert_refused(RECORDS(AWS("ObjectCreated:Put",
                   "\"key\":\"a\",\"size\":\"1234567890123456\"")),
                   "object.size");
    assert_refused(RECORDS(AWS("ObjectCreated:Put",
                   "\"key\":\"a\",\"eTag\":[]")), "Records.s3.object.eTag");
    assert_refused(RECORDS(AWS("ObjectCreated:Put",
                   "\"key\":\"a\",\"versionId\":1")),
                   "Records.s3.object.versionId");

    assert_int_equal(parse(RECORDS(AWS("ObjectCreated:Put",
                     "\"key\":\"a\",\"eTag\":\"\\\"abc\\\"\""))), SOCIAL_OK);
    assert_str(event.records[0].etag, "abc");
    social_s3_event_free(&event);

    /* one bad record, and nothing of the others */

    assert_refused(RECORDS(AWS("ObjectCreated:Put", HAPPY) ","
                           AWS("ObjectCreated:Put", "\"key\":\"%\"")),
                   "object.key");
}


static void
test_rules(void **state)
{
    static const social_s3_rule_t  rules[] = {
        { social_string("b"), social_string("in/"), social_string("one"),
          social_string("q") },
        { social_string("b"), social_string("in/raw/"), social_string("two"),
          social_string("q") },
        { social_string("b"), social_string("in/r"), social_string("three"),
          social_string("q") },
        { social_string("c"), social_string(""), social_string("four"),
          social_string("q") }
    };

    (void) state;

    assert_null(social_s3_rule_find(rules, 4, S("b"), S("other")));
    assert_null(social_s3_rule_find(rules, 4, S("b"), S("in")));
    assert_null(social_s3_rule_find(rules, 4, S("a"), S("in/x")));
    assert_null(social_s3_rule_find(NULL, 0, S("b"), S("in/x")));
    assert_str(social_s3_rule_find(rules, 4, S("b"), S("in/x"))->kind, "one");
    assert_str(social_s3_rule_find(rules, 4, S("b"), S("in/raw/x"))->kind,
               "two");
    assert_str(social_s3_rule_find(rules, 4, S("b"), S("in/rar"))->kind,
               "three");
    assert_str(social_s3_rule_find(rules, 4, S("c"), S("in/rar"))->kind,
               "four");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_aws),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_sequencers),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_minio),
        cmocka_unit_test(test_ceph),
        cmocka_unit_test(test_bridge),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_rules)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
