
#include "social_unit.h"
#include "social_s3_error.h"
#include "social_utf8.h"


static unsigned char  memory[4096];


static void
test_write(void **state)
{
    social_buf_t            b;
    social_s3_error_body_t  body;

    (void) state;

    memset(&body, 0, sizeof(body));
    body.resource = S("/bucket/a&b<c>");
    body.request_id = S("4442587FB7D0A2F9");

    social_buf_init(&b, memory, sizeof(memory));
    social_s3_error_write(&b, SOCIAL_S3_NO_SUCH_KEY, &body);
    assert_str(social_buf_since(&b, 0),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>"
        "<Code>NoSuchKey</Code><Message>The key does not exist</Message>"
        "<Resource>/bucket/a&amp;b&lt;c&gt;</Resource>"
        "<RequestId>4442587FB7D0A2F9</RequestId></Error>");

    body.message = S("Request has expired");
    body.resource.len = 0;
    body.details[0].name = S("HeadersNotSigned");
    body.details[0].value = S("x-amz-acl");
    body.details[2].name = S("Two");
    body.details[2].value = S("<2>");

    social_buf_init(&b, memory, sizeof(memory));
    social_s3_error_write(&b, SOCIAL_S3_ACCESS_DENIED, &body);
    assert_str(social_buf_since(&b, 0),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>"
        "<Code>AccessDenied</Code><Message>Request has expired</Message>"
        "<HeadersNotSigned>x-amz-acl</HeadersNotSigned><Two>&lt;2&gt;</Two>"
        "<RequestId>4442587FB7D0A2F9</RequestId></Error>");

    social_buf_init(&b, memory, 100);
    social_s3_error_write(&b, SOCIAL_S3_ACCESS_DENIED, &body);
    assert_int_equal(b.rc, SOCIAL_MALFORMED);
}


static void
test_table(void **state)
{
    unsigned  status;
    unsigned  i;

    (void) state;

    for (i = SOCIAL_S3_ACCESS_DENIED; i <= SOCIAL_S3_SLOW_DOWN; i++) {
        status = social_s3_error_status((social_s3_error_e) i);
        assert_true(status >= 400 && status <= 507);
        assert_true(social_s3_error_code((social_s3_error_e) i).len != 0);
    }

    assert_int_equal(social_s3_error_status(SOCIAL_S3_INVALID_RANGE), 416);
    assert_int_equal(social_s3_error_status(SOCIAL_S3_PRECONDITION_FAILED),
                     412);
    assert_int_equal(social_s3_error_status((social_s3_error_e) 9999), 500);
    assert_str(social_s3_error_code((social_s3_error_e) 9999),
               "InternalError");
}


static void
test_by_status(void **state)
{
    size_t  i;

    static const struct {
        unsigned           status;
        social_s3_error_e  error;
    } cases[] = {
        { 400, SOCIAL_S3_BAD_REQUEST },
        { 403, SOCIAL_S3_ACCESS_DENIED },
        { 404, SOCIAL_S3_NO_SUCH_KEY },
        { 405, SOCIAL_S3_METHOD_NOT_ALLOWED },
        { 408, SOCIAL_S3_REQUEST_TIMEOUT },
        { 409, SOCIAL_S3_CONDITIONAL_REQUEST_CONFLICT },
        { 411, SOCIAL_S3_MISSING_CONTENT_LENGTH },
        { 412, SOCIAL_S3_PRECONDITION_FAILED },
        { 413, SOCIAL_S3_ENTITY_TOO_LARGE },
        { 414, SOCIAL_S3_INVALID_URI },
        { 416, SOCIAL_S3_INVALID_RANGE },
        { 418, SOCIAL_S3_INVALID_REQUEST },
        { 429, SOCIAL_S3_SLOW_DOWN },
        { 500, SOCIAL_S3_INTERNAL_ERROR },
        { 501, SOCIAL_S3_NOT_IMPLEMENTED },
        { 502, SOCIAL_S3_SERVICE_UNAVAILABLE },
        { 503, SOCIAL_S3_SERVICE_UNAVAILABLE },
        { 504, SOCIAL_S3_SERVICE_UNAVAILABLE },
        { 507, SOCIAL_S3_INTERNAL_ERROR }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(social_s3_error_by_status(cases[i].status),
                         cases[i].error);
    }
}


static void
escape(social_str_t in, const char *expected)
{
    social_buf_t  b;

    social_buf_init(&b, memory, sizeof(memory));
    social_xml_escape(&b, in);
    assert_int_equal(b.rc, SOCIAL_OK);
    assert_str(social_buf_since(&b, 0), expected);
}


static void
test_escape(void **state)
{
    (void) state;

    escape(S("&<>\"'"), "&amp;&lt;&gt;&quot;&apos;");
    escape(S("]]>"), "]]&gt;");
    escape(S("a\tb\nc\r"), "a\tb\nc&#13;");
    escape(S("\xc3\xa9\xf0\x9f\x98\x80"), "\xc3\xa9\xf0\x9f\x98\x80");
    escape(S("\0\x01\x1f"),
           "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    escape(S("\xff" "a\xc3"), "\xef\xbf\xbd" "a\xef\xbf\xbd");
    escape(S("\xc0\xbc"), "\xef\xbf\xbd\xef\xbf\xbd");
    escape(S("\xef\xbf\xbe\xef\xbf\xbf"), "\xef\xbf\xbd\xef\xbf\xbd");
    escape(S("\xc3<"), "\xef\xbf\xbd&lt;");
    escape(S("\x7f"), "\x7f");
}


static void
test_read(void **state)
{
    social_str_t   s;
    unsigned char  text[128];

    (void) state;

    assert_str(social_s3_error_read(S("<Error><Code>NoSuchKey</Code><M")),
               "NoSuchKey");
    assert_str(social_s3_error_read(S("<Code>A1</Code><Code>B</Code>")),
               "A1");
    assert_str(social_s3_error_read(S("<Code>NoSuch")), "");
    assert_str(social_s3_error_read(S("<Code></Code>")), "");
    assert_str(social_s3_error_read(S("<Code>a\nb</Code>")), "");
    assert_str(social_s3_error_read(S("<Code>a\0b</Code>")), "");
    assert_str(social_s3_error_read(S("<Code>")), "");
    assert_str(social_s3_error_read(S("<html>")), "");
    assert_str(social_s3_error_read(S("")), "");

    memset(text, 'x', sizeof(text));
    memcpy(text, "<Code>", 6);
    memcpy(text + 6 + SOCIAL_S3_ERROR_MAX_CODE, "</Code>", 7);
    s.data = text;
    s.len = sizeof(text);
    assert_int_equal(social_s3_error_read(s).len, SOCIAL_S3_ERROR_MAX_CODE);
    memcpy(text + 6 + SOCIAL_S3_ERROR_MAX_CODE, "x</Code>", 8);
    assert_int_equal(social_s3_error_read(s).len, 0);
}


static void
test_read_detail(void **state)
{
    social_str_t   s;
    unsigned char  text[SOCIAL_S3_ERROR_MAX_DETAIL + 24];

    (void) state;

    s = S("<Error><Code>PermanentRedirect</Code>"
          "<Endpoint>raw.s3-eu-central-1.amazonaws.com:443</Endpoint>"
          "<ServerTime>2026-12-01T04:00:00Z</ServerTime><Region></Region>"
          "<Empty>a b</Empty><Cut>c");

    assert_str(social_s3_error_read_detail(s, "Endpoint"),
               "raw.s3-eu-central-1.amazonaws.com:443");
    assert_str(social_s3_error_read_detail(s, "ServerTime"),
               "2026-12-01T04:00:00Z");
    assert_str(social_s3_error_read_detail(s, "Region"), "");
    assert_str(social_s3_error_read_detail(s, "Empty"), "");
    assert_str(social_s3_error_read_detail(s, "Cut"), "");
    assert_str(social_s3_error_read_detail(s, "None"), "");
    assert_str(social_s3_error_read_detail(S("<A>b</B>"), "A"), "");
    assert_str(social_s3_error_read_detail(S("<A>b<"), "A"), "");
    assert_str(social_s3_error_read_detail(S("<A>b</A"), "A"), "");
    assert_str(social_s3_error_read_detail(S("<A>b\0</A>"), "A"), "");
    assert_str(social_s3_error_read_detail(S("<A>b\n</A>"), "A"), "");
    assert_str(social_s3_error_read_detail(S("<A>"), "A"), "");
    assert_str(social_s3_error_read_detail(S("<A"), "A"), "");
    assert_str(social_s3_error_read_detail(S(""), "A"), "");

    memset(text, 'x', sizeof(text));
    memcpy(text, "<Region>", 8);
    memcpy(text + 8 + SOCIAL_S3_ERROR_MAX_DETAIL, "</Region>", 9);
    s.data = text;
    s.len = 8 + SOCIAL_S3_ERROR_MAX_DETAIL + 9;
    assert_int_equal(social_s3_error_read_detail(s, "Region").len,
                     SOCIAL_S3_ERROR_MAX_DETAIL);
    memcpy(text + 8 + SOCIAL_S3_ERROR_MAX_DETAIL, "x</Region>", 10);
    s.len++;
    assert_int_equal(social_s3_error_read_detail(s, "Region").len, 0);
}


static void
test_utf8(void **state)
{
    size_t    i;
    uint32_t  code;

    static const char *const  bad[] = {
        "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80",
        "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3",
        "\xe2\x82", "\xf0\x9f\x98", "\xc3\x41", "\xff", "\xfe",
        "a\xe2\x28\xa1",
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(social_utf8_valid(social_str(bad[i])));
    }

    assert_true(social_utf8_valid(S("")));
    assert_true(social_utf8_valid(S("a\0\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80"
                                    "\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80"
                                    "\xf4\x8f\xbf\xbf")));
    assert_int_equal(social_utf8_next(S("\xe2\x82\xac!"), &code), 3);
    assert_int_equal(code, 0x20ac);
    assert_int_equal(social_utf8_next(S("\xf0\x9f\x98\x80"), &code), 4);
    assert_int_equal(code, 0x1f600);
    assert_int_equal(social_utf8_next(S(""), &code), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_by_status),
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_read_detail),
        cmocka_unit_test(test_utf8),
    };

    return cmocka_run_group_tests_name("s3_error", tests, NULL, NULL);
}
