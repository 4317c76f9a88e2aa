
/*
 * What clients ask to be signed, by Uppy's two protocols, and what stores
 * answer.
 */

#include "social_unit.h"
#include "social_companion.h"
#include "social_sign_request.h"


#define ID  "0f8fad5b-d9cb-469f-a165-70867728950e"


static unsigned char       memory[SOCIAL_COMPANION_WORK_SIZE];
static unsigned char       large[8 * 1024 * 1024];
static social_companion_t  c;


static void
signs(const char *text, social_sign_e operation, const char *query)
{
    social_buf_t           b;
    social_sign_request_t  sign;

    if (social_sign_request_read(social_str(text), &sign) != SOCIAL_OK) {
        fail_msg("%s: %s %s", text, sign.errors[0].field, sign.errors[0].why);
    }

    assert_int_equal(sign.operation, operation);
    social_buf_init(&b, memory, sizeof(memory));
    social_sign_request_query(&b, &sign);
    assert_str(social_buf_since(&b, 0), query);
    social_sign_request_free(&sign);
}


/* the fields that are wrong, with a space after each */

static void
signs_not(const char *text, const char *fields)
{
    char                   got[256] = "";
    size_t                 i;
    social_sign_request_t  sign;

    assert_int_equal(social_sign_request_read(social_str(text), &sign),
                     SOCIAL_DECLINED);

    for (i = 0; i < sign.error_count; i++) {
        strcat(got, sign.errors[i].field);
        strcat(got, " ");
        assert_memory_equal(sign.errors[i].why, "must ", 5);
    }

    assert_string_equal(got, fields);
    social_sign_request_free(&sign);
}


static void
signs_form(const char *text, bool form)
{
    social_sign_request_t  sign;

    assert_int_equal(social_sign_request_read(social_str(text), &sign),
                     SOCIAL_OK);
    assert_int_equal(sign.form, form);
    social_sign_request_free(&sign);
}


static void
test_sign(void **state)
{
    social_buf_t           b;
    social_sign_request_t  sign;

    (void) state;

    signs("{\"method\":\"PUT\",\"key\":\"a\"}", SOCIAL_SIGN_PUT, "");
    signs("{\"method\":\"POST\",\"key\":\"a\",\"x\":1}", SOCIAL_SIGN_CREATE,
          "uploads=");
    signs("{\"method\":\"PUT\",\"key\":\"a\",\"uploadId\":\"u/+=\","
          "\"partNumber\":10000}", SOCIAL_SIGN_PART,
          "partNumber=10000&uploadId=u%2F%2B%3D");
    signs("{\"method\":\"GET\",\"key\":\"a\",\"uploadId\":\"u\"}",
          SOCIAL_SIGN_LIST, "uploadId=u");
    signs("{\"method\":\"POST\",\"key\":\"a\",\"uploadId\":\"u\"}",
          SOCIAL_SIGN_COMPLETE, "uploadId=u");
    signs("{\"method\":\"DELETE\",\"key\":\"a\",\"uploadId\":\"u\"}",
          SOCIAL_SIGN_ABORT, "uploadId=u");

    /* an object is neither read nor removed */

    signs_not("{\"method\":\"GET\",\"key\":\"a\"}", "method ");
    signs_not("{\"method\":\"DELETE\",\"key\":\"a\"}", "method ");
    signs_not("{\"method\":\"HEAD\",\"key\":\"a\"}", "method ");
    signs_not("{\"method\":\"put\",\"key\":\"a\"}", "method ");
    signs_not("{\"method\":5,\"key\":\"a\"}", "method ");
    signs_not("{\"key\":\"a\"}", "method ");
    signs_not("{\"method\":\"PUT\",\"key\":\"a\",\"uploadId\":\"u\"}",
              "method ");
    signs_not("{\"method\":\"PUT\",\"key\":\"a\",\"partNumber\":1}", "method ");
    signs_not("{\"method\":\"GET\",\"key\":\"a\",\"uploadId\":\"u\","
              "\"partNumber\":1}", "method ");

    signs_not("{\"method\":\"PUT\"}", "key ");
    signs_not("{\"method\":\"PUT\",\"key\":\"\"}", "key ");
    signs_not("{\"method\":\"PUT\",\"key\":5}", "key ");
    signs_not("{\"method\":\"GET\",\"key\":\"a\",\"uploadId\":\"\"}",
              "uploadId ");
    signs_not("{\"method\":\"GET\",\"key\":\"a\",\"uploadId\":\"u v\"}",
              "uploadId ");
    signs_not("{\"method\":\"GET\",\"key\":\"a\",\"uploadId\":null}",
              "uploadId ");
    signs_not("{\"method\":\"PUT\",\"key\":\"a\",\"uploadId\":\"u\","
              "\"partNumber\":0}", "partNumber ");
    signs_not("{\"method\":\"PUT\",\"key\":\"a\",\"uploadId\":\"u\","
              "\"partNumber\":10001}", "partNumber ");
    signs_not("{\"method\":\"PUT\",\"key\":\"a\",\"uploadId\":\"u\","
              "\"partNumber\":\"1\"}", "partNumber ");
    signs_not("{\"method\":\"PUT\",\"key\":\"a\",\"expiresIn\":0}",
              "expiresIn ");
    signs_not("{\"method\":\"PUT\",\"key\":\"a\",\"kind\":1}", "kind ");
    signs_not("{\"method\":\"x\",\"expiresIn\":-1,\"kind\":[],\"uploadId\":1,"
              "\"partNumber\":1.5}",
              "key uploadId partNumber method expiresIn kind ");

    /* who says the type of an object can send a form */

    signs_form("{\"method\":\"PUT\",\"key\":\"a\"}", false);
    signs_form("{\"method\":\"PUT\",\"key\":\"a\",\"contentType\":\"x\"}",
               true);
    signs_form("{\"method\":\"PUT\",\"key\":\"a\",\"contentType\":\"\"}",
               true);
    signs_form("{\"method\":\"POST\",\"key\":\"a\",\"contentType\":\"x\"}",
               false);
    signs_form("{\"method\":\"PUT\",\"key\":\"a\",\"contentType\":\"x\","
               "\"uploadId\":\"u\",\"partNumber\":1}", false);
    signs_not("{\"method\":\"PUT\",\"key\":\"a\",\"contentType\":null}",
              "contentType ");

    assert_int_equal(social_sign_request_read(S("[]"), &sign),
                     SOCIAL_MALFORMED);

    /* whatever the client says, the key is below the prefix */

    social_buf_init(&b, memory, sizeof(memory));
    assert_str(social_sign_request_key(&b, S("raw/me/"), S("x")), "raw/me/x");
    assert_str(social_sign_request_key(&b, S("raw/me/"), S("raw/me/x")),
               "raw/me/x");
    assert_str(social_sign_request_key(&b, S("raw/me/"), S("raw/mex")),
               "raw/me/raw/mex");
    assert_str(social_sign_request_key(&b, S("raw/me/"), S("raw/you/x")),
               "raw/me/raw/you/x");
}


static social_rc_e
asks(const char *method, const char *path, const char *query)
{
    social_buf_t  work;

    social_buf_init(&work, memory, sizeof(memory));

    return social_companion_read(social_str(method), social_str(path),
                                 social_str(query), &work, &c);
}


static void
test_companion(void **state)
{
    size_t        i;
    social_buf_t  work;
    social_str_t  token;
    unsigned char text[SOCIAL_COMPANION_TOKEN_SIZE + 8], *p;

    static const struct {
        const char          *method;
        const char          *path;
        const char          *query;
        social_companion_e   operation;
    } good[] = {
        { "GET", "params", "filename=a&type=image/jpeg",
          SOCIAL_COMPANION_PARAMS },
        { "POST", "multipart", "", SOCIAL_COMPANION_CREATE },
        { "GET", "multipart/" ID ".jpg.dS9f", "key=k",
          SOCIAL_COMPANION_LIST },
        { "DELETE", "multipart/" ID ".jpg.dS9f", "key=k",
          SOCIAL_COMPANION_ABORT },
        { "POST", "multipart/" ID ".jpg.dS9f/complete", "key=k",
          SOCIAL_COMPANION_COMPLETE },
        { "GET", "multipart/" ID ".jpg.dS9f/10000", "key=k",
          SOCIAL_COMPANION_SIGN },
        { "GET", "multipart/" ID ".jpg.dS9f/batch", "key=k&partNumbers=1%2C22",
          SOCIAL_COMPANION_BATCH_SIGN }
    };

    static const struct {
        const char  *method;
        const char  *path;
        const char  *allow;
    } none[] = {
        { "GET", "", NULL }, { "GET", "x", NULL }, { "GET", "/", NULL },
        { "GET", "params/", NULL }, { "GET", "params/x", NULL },
        { "POST", "params", "GET" }, { "GET", "multipart", "POST" },
        { "POST", "multipart/", NULL }, { "POST", "multipart//", NULL },
        { "PUT", "multipart/" ID ".jpg.dS9f", "GET, DELETE" },
        { "GET", "multipart/" ID ".jpg.dS9f/complete", "POST" },
        { "POST", "multipart/" ID ".jpg.dS9f/batch", "GET" },
        { "POST", "multipart/" ID ".jpg.dS9f/1", "GET" },
        { "GET", "multipart/" ID ".jpg.dS9f/", NULL },
        { "GET", "multipart/" ID ".jpg.dS9f/1/", NULL },
        { "GET", "multipart/x", NULL },
        { "GET", "multipart/" ID, NULL },
        { "GET", "multipart/" ID ".jpg", NULL },
        { "GET", "multipart/" ID ".jpg.", NULL },
        { "GET", "multipart/" ID ".jpg.dS9f=", NULL },
        { "GET", "multipart/" ID ".jpg.dS9", NULL },
        { "GET", "multipart/" ID ".jpg.AA", NULL },
        { "GET", "multipart/" ID ".jpg.IA", NULL },
        { "GET", "multipart/" ID "..dS9f", NULL },
        { "GET", "multipart/" ID ".JPG.dS9f", NULL },
        { "GET", "multipart/" ID ".toolongext.dS9f", NULL },
        { "GET", "multipart/" ID "/jpg.dS9f", NULL },
        { "GET", "multipart/0F8fad5b-d9cb-469f-a165-70867728950e.jpg.dS9f",
          NULL },
        { "GET", "multipart/0f8fad5b+d9cb-469f-a165-70867728950e.jpg.dS9f",
          NULL }
    };

    static const struct {
        const char  *path;
        const char  *query;
        const char  *field;
    } wrong[] = {
        { "params", "", "filename" },
        { "params", "filename=", "filename" },
        { "params", "filename=a&filename=b", "query" },
        { "params", "filename=%zz", "query" },
        { "multipart/" ID ".jpg.dS9f", "", "key" },
        { "multipart/" ID ".jpg.dS9f/0", "key=k", "partNumber" },
        { "multipart/" ID ".jpg.dS9f/01", "key=k", "partNumber" },
        { "multipart/" ID ".jpg.dS9f/10001", "key=k", "partNumber" },
        { "multipart/" ID ".jpg.dS9f/1x", "key=k", "partNumber" },
        { "multipart/" ID ".jpg.dS9f/1", "", "key" },
        { "multipart/" ID ".jpg.dS9f/batch", "key=k", "partNumbers" },
        { "multipart/" ID ".jpg.dS9f/batch", "key=k&partNumbers=1,x",
          "partNumbers" },
        { "multipart/" ID ".jpg.dS9f/batch", "partNumbers=1", "key" }
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {

        if (asks(good[i].method, good[i].path, good[i].query) != SOCIAL_OK) {
            fail_msg("%s %s", good[i].method, good[i].path);
        }

        assert_int_equal(c.operation, good[i].operation);

        if (i >= 2) {
            assert_str(c.id, ID);
            assert_str(c.extension, "jpg");
            assert_str(c.upload, "u/_");
            assert_str(c.key, "k");
        }
    }

    assert_int_equal(c.count, 2);
    assert_int_equal(c.parts[1], 22);

    assert_int_equal(asks("GET", "params", "filename=a+b%2F&type=image%2Fjpeg"
                          "&metadata%5Bkind%5D=photo&metadata[name]=x"),
                     SOCIAL_OK);
    assert_str(c.filename, "a b/");
    assert_str(c.type, "image/jpeg");
    assert_str(c.kind, "photo");
    assert_int_equal(asks("GET", "params", "filename=a&metadata[kind]=p"),
                     SOCIAL_OK);
    assert_str(c.kind, "p");

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        if (asks(none[i].method, none[i].path, "key=k") != SOCIAL_DECLINED
            || (c.allow == NULL) != (none[i].allow == NULL)
            || (c.allow && strcmp(c.allow, none[i].allow) != 0))
        {
            fail_msg("%s %s", none[i].method, none[i].path);
        }
    }

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (asks("GET", wrong[i].path, wrong[i].query) != SOCIAL_MALFORMED
            || strcmp(c.field, wrong[i].field) != 0)
        {
            fail_msg("%s?%s", wrong[i].path, wrong[i].query);
        }
    }

    /* a hundred parts at a time */

    p = large;
    memcpy(p, "key=k&partNumbers=", 18);
    p += 18;

    for (i = 1; i <= 101; i++) {
        p += sprintf((char *) p, "%s%u", i > 1 ? "," : "", (unsigned) i);

        if (i >= 100) {
            assert_int_equal(asks("GET", "multipart/" ID ".jpg.dS9f/batch",
                                  (char *) large),
                             i == 100 ? SOCIAL_OK : SOCIAL_MALFORMED);
        }
    }

    /* the token, of the longest name */

    memset(large, '~', SOCIAL_S3_REPLY_MAX_ID + 1);

    for (i = 1; i <= SOCIAL_S3_REPLY_MAX_ID + 1; i += (i < 5 ? 1 : 102)) {

        social_buf_init(&work, text, sizeof(text));
        social_companion_token(&work, S(ID), S("jpeg2000"),
                               (social_str_t) { i, large });

        if (i > SOCIAL_S3_REPLY_MAX_ID) {
            assert_int_equal(work.rc, SOCIAL_MALFORMED);
            break;
        }

        token = social_buf_since(&work, 0);
        assert_true(token.len >= 40 + i);

        memcpy(large + 100000, "multipart/", 10);
        memcpy(large + 100010, token.data, token.len);
        large[100010 + token.len] = '\0';

        assert_int_equal(asks("GET", (char *) large + 100000, "key=k"),
                         SOCIAL_OK);
        assert_int_equal(c.upload.len, i);
        assert_memory_equal(c.upload.data, large, i);
        assert_str(c.extension, "jpeg2000");
    }
}


static void
test_bodies(void **state)
{
    size_t          i, n, count;
    unsigned        parts[SOCIAL_COMPANION_MAX_PARTS];
    social_buf_t    xml;
    social_str_t    text;
    social_json_t  *json;

    static const char *const  bad[] = {
        "", "{}", "[]", "{\"parts\":[]}", "{\"parts\":{}}", "{\"parts\":[1]}",
        "{\"parts\":[{\"PartNumber\":1}]}", "{\"parts\":[{\"ETag\":\"a\"}]}",
        "{\"parts\":[{\"PartNumber\":0,\"ETag\":\"a\"}]}",
        "{\"parts\":[{\"PartNumber\":10001,\"ETag\":\"a\"}]}",
        "{\"parts\":[{\"PartNumber\":\"1\",\"ETag\":\"a\"}]}",
        "{\"parts\":[{\"PartNumber\":1,\"ETag\":\"\"}]}",
        "{\"parts\":[{\"PartNumber\":1,\"ETag\":\"</ETag>\"}]}",
        "{\"parts\":[{\"PartNumber\":1,\"ETag\":\"a b\"}]}",
        "{\"parts\":[{\"PartNumber\":2,\"ETag\":\"a\"},"
        "{\"PartNumber\":1,\"ETag\":\"a\"}]}",
        "{\"parts\":[{\"PartNumber\":1,\"ETag\":\"a\"},"
        "{\"PartNumber\":1,\"ETag\":\"a\"}]}"
    };

    static const char *const  bad_create[] = {
        "", "[]", "{}", "{\"filename\":\"a\"}", "{\"type\":\"a\"}",
        "{\"filename\":\"\",\"type\":\"a\"}", "{\"filename\":1,\"type\":\"a\"}",
        "{\"filename\":\"a\",\"type\":null}"
    };

    (void) state;

    memset(&c, 0, sizeof(c));

    assert_int_equal(social_companion_create(S("{\"filename\":\"a.jpg\","
        "\"type\":\"image/jpeg\",\"metadata\":{\"kind\":\"photo\"}}"), &json,
        &c), SOCIAL_OK);
    assert_str(c.filename, "a.jpg");
    assert_str(c.type, "image/jpeg");
    assert_str(c.kind, "photo");
    social_json_free(json);

    assert_int_equal(social_companion_create(S("{\"filename\":\"a\","
        "\"type\":\"b\",\"metadata\":null}"), &json, &c), SOCIAL_OK);
    assert_int_equal(c.kind.len, 0);
    social_json_free(json);

    for (i = 0; i < sizeof(bad_create) / sizeof(bad_create[0]); i++) {
        if (social_companion_create(social_str(bad_create[i]), &json, &c)
            != SOCIAL_MALFORMED)
        {
            fail_msg("%s", bad_create[i]);
        }
    }

    social_buf_init(&xml, large, sizeof(large));
    assert_int_equal(social_companion_complete(S("{\"parts\":["
        "{\"PartNumber\":1,\"ETag\":\"\\\"a\\\"\"},"
        "{\"ETag\":\"b\",\"PartNumber\":10000,\"Size\":5}]}"), &xml, parts,
        &count, &c), SOCIAL_OK);
    assert_int_equal(count, 2);
    assert_int_equal(parts[1], 10000);
    assert_str(social_buf_since(&xml, 0), "<CompleteMultipartUpload>"
        "<Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag></Part>"
        "<Part><PartNumber>10000</PartNumber><ETag>b</ETag></Part>"
        "</CompleteMultipartUpload>");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {

        social_buf_init(&xml, large, sizeof(large));

        if (social_companion_complete(social_str(bad[i]), &xml, parts, &count,
                                      &c)
            != SOCIAL_MALFORMED)
        {
            fail_msg("%s", bad[i]);
        }
    }

    /* the most parts, with ETags of quotes, in the room that is said */

    n = (size_t) sprintf((char *) large, "{\"parts\":[");

    for (i = 1; i <= 10000; i++) {
        n += (size_t) sprintf((char *) large + n,
                              "%s{\"PartNumber\":%u,\"ETag\":\"%s\"}",
                              i > 1 ? "," : "", (unsigned) i, "\\\"\\\"\\\"");
    }

    n += (size_t) sprintf((char *) large + n, "]}");
    text.data = large;
    text.len = n;

    social_buf_init(&xml, large + n, 3 * n + 1024);
    assert_int_equal(social_companion_complete(text, &xml, parts, &count, &c),
                     SOCIAL_OK);
    assert_int_equal(count, 10000);
}


static void
test_replies(void **state)
{
    size_t                          i;
    social_buf_t                    work;
    social_str_t                    id;
    static social_s3_reply_parts_t  parts;

    static const char *const  bad[] = {
        "", "<x/>", "<ListPartsResult>", "<ListPartsResult><Part/>"
        "</ListPartsResult>",
        "<ListPartsResult><Part><PartNumber>1</PartNumber><Size>1</Size>"
        "</Part></ListPartsResult>",
        "<ListPartsResult><Part><PartNumber>0</PartNumber><Size>1</Size>"
        "<ETag>a</ETag></Part></ListPartsResult>",
        "<ListPartsResult><Part><PartNumber>10001</PartNumber><Size>1</Size>"
        "<ETag>a</ETag></Part></ListPartsResult>",
        "<ListPartsResult><Part><PartNumber>1</PartNumber><Size>x</Size>"
        "<ETag>a</ETag></Part></ListPartsResult>",
        "<ListPartsResult><Part><PartNumber>1</PartNumber><Size>1</Size>"
        "<ETag>a b</ETag></Part></ListPartsResult>",
        "<ListPartsResult><Part><PartNumber>2</PartNumber><Size>1</Size>"
        "<ETag>a</ETag></Part><Part><PartNumber>1</PartNumber><Size>1</Size>"
        "<ETag>a</ETag></Part></ListPartsResult>",
        "<ListPartsResult><IsTruncated>true</IsTruncated></ListPartsResult>",
        "<ListPartsResult><IsTruncated>true</IsTruncated>"
        "<NextPartNumberMarker>1</NextPartNumberMarker>"
        "<Part><PartNumber>2</PartNumber><Size>1</Size><ETag>a</ETag></Part>"
        "</ListPartsResult>"
    };

    (void) state;

    social_buf_init(&work, memory, sizeof(memory));
    assert_int_equal(social_s3_reply_create(S("<?xml version=\"1.0\"?>\n"
        "<InitiateMultipartUploadResult xmlns=\"x\"><Bucket>b</Bucket>"
        "<Key>k</Key><UploadId>u&amp;v</UploadId>"
        "</InitiateMultipartUploadResult>"), &work, &id), SOCIAL_OK);
    assert_str(id, "u&v");

    social_buf_init(&work, memory, sizeof(memory));
    assert_int_equal(social_s3_reply_create(S("<InitiateMultipartUploadResult>"
        "<UploadId></UploadId></InitiateMultipartUploadResult>"), &work, &id),
        SOCIAL_MALFORMED);
    social_buf_init(&work, memory, sizeof(memory));
    assert_int_equal(social_s3_reply_create(S("<InitiateMultipartUploadResult>"
        "<UploadId>a b</UploadId></InitiateMultipartUploadResult>"), &work,
        &id), SOCIAL_MALFORMED);
    social_buf_init(&work, memory, sizeof(memory));
    assert_int_equal(social_s3_reply_create(S("<Error><UploadId>a</UploadId>"
        "</Error>"), &work, &id), SOCIAL_MALFORMED);

    social_buf_init(&work, memory, sizeof(memory));
    assert_int_equal(social_s3_reply_parts(S("<ListPartsResult><Owner><ID>o"
        "</ID></Owner><NextPartNumberMarker>2</NextPartNumberMarker>"
        "<IsTruncated>true</IsTruncated><Part><PartNumber>1</PartNumber>"
        "<LastModified>x</LastModified><ETag>&quot;a&quot;</ETag>"
        "<Size>5242880</Size></Part><Part><PartNumber>2</PartNumber>"
        "<ETag>b</ETag><Size>0</Size></Part></ListPartsResult>"), &work,
        &parts), SOCIAL_OK);
    assert_int_equal(parts.count, 2);
    assert_true(parts.truncated);
    assert_int_equal(parts.next, 2);
    assert_str(parts.parts[0].etag, "\"a\"");
    assert_int_equal(parts.parts[0].size, 5242880);
    assert_int_equal(parts.parts[1].number, 2);

    social_buf_init(&work, memory, sizeof(memory));
    assert_int_equal(social_s3_reply_parts(S("<ListPartsResult/>"), &work,
                                           &parts), SOCIAL_OK);
    assert_int_equal(parts.count, 0);
    assert_false(parts.truncated);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {

        social_buf_init(&work, memory, sizeof(memory));

        if (social_s3_reply_parts(social_str(bad[i]), &work, &parts)
            != SOCIAL_MALFORMED)
        {
            fail_msg("%s", bad[i]);
        }
    }

    /* white space comes while the store is at it, and then an error may */

    social_buf_init(&work, memory, sizeof(memory));
    assert_int_equal(social_s3_reply_complete(S("  \n <?xml version=\"1.0\"?>"
        "<CompleteMultipartUploadResult><ETag>x</ETag>"
        "</CompleteMultipartUploadResult>"), &work), SOCIAL_OK);
    social_buf_init(&work, memory, sizeof(memory));
    assert_int_equal(social_s3_reply_complete(S("  <Error><Code>InternalError"
        "</Code></Error>"), &work), SOCIAL_MALFORMED);
    social_buf_init(&work, memory, sizeof(memory));
    assert_int_equal(social_s3_reply_complete(S("  "), &work),
                     SOCIAL_MALFORMED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_sign),
        cmocka_unit_test(test_companion),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_replies)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
