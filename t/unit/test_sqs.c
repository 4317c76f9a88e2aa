
#include "social_sqs.h"
#include "social_unit.h"


#define ONE   "{\"MessageId\":\"1\",\"ReceiptHandle\":\"x\",\"Body\":\"\"}"
#define FIVE  ONE "," ONE "," ONE "," ONE "," ONE
#define URL  "https://sqs.eu-west-1.amazonaws.com/123456789012/uploads"


static social_sqs_received_t  received;


static social_rc_e
parse(const char *text)
{
    return social_sqs_received_parse(social_str(text), &received);
}


static void
test_requests(void **state)
{
    social_buf_t                 b;
    unsigned char                buf[SOCIAL_SQS_REQUEST_SIZE];
    social_sqs_message_t         one, two;
    const social_sqs_message_t  *both[] = { &one, &two };

    (void) state;

    one.handle = S("a\"b+/=");
    two.handle = S("\xc3\xa9");

    social_buf_init(&b, buf, sizeof(buf));
    social_sqs_write_receive(&b, S(URL), 10, 20, 60);
    assert_int_equal(b.rc, SOCIAL_OK);
    assert_str(social_buf_since(&b, 0), "{\"QueueUrl\":\"" URL "\","
               "\"MaxNumberOfMessages\":10,\"WaitTimeSeconds\":20,"
               "\"VisibilityTimeout\":60,\"MessageSystemAttributeNames\":"
               "[\"ApproximateReceiveCount\"]}");

    social_buf_init(&b, buf, sizeof(buf));
    social_sqs_write_delete(&b, S(URL), both, 2);
    assert_str(social_buf_since(&b, 0), "{\"QueueUrl\":\"" URL "\","
               "\"Entries\":[{\"Id\":\"0\",\"ReceiptHandle\":\"a\\\"b+/=\"},"
               "{\"Id\":\"1\",\"ReceiptHandle\":\"\xc3\xa9\"}]}");

    social_buf_init(&b, buf, sizeof(buf));
    social_sqs_write_extend(&b, S(URL), both, 1, 43200);
    assert_str(social_buf_since(&b, 0), "{\"QueueUrl\":\"" URL "\","
               "\"Entries\":[{\"Id\":\"0\",\"ReceiptHandle\":\"a\\\"b+/=\","
               "\"VisibilityTimeout\":43200}]}");

    social_buf_init(&b, buf, 20);
    social_sqs_write_extend(&b, S(URL), both, 1, 43200);
    assert_int_equal(b.rc, SOCIAL_MALFORMED);
}


/* the largest request fits */

static void
test_size(void **state)
{
    size_t                       i;
    social_buf_t                 b;
    unsigned char                handle[SOCIAL_SQS_MAX_HANDLE];
    unsigned char               *buf;
    social_sqs_message_t         message;
    const social_sqs_message_t  *all[SOCIAL_SQS_MAX_MESSAGES];

    (void) state;

    buf = malloc(SOCIAL_SQS_REQUEST_SIZE);
    assert_non_null(buf);

    memset(handle, '\001', sizeof(handle));
    message.handle = (social_str_t) { sizeof(handle), handle };

    for (i = 0; i < SOCIAL_SQS_MAX_MESSAGES; i++) {
        all[i] = &message;
    }

    social_buf_init(&b, buf, SOCIAL_SQS_REQUEST_SIZE);
    social_sqs_write_extend(&b, (social_str_t) { 512, handle }, all,
                            SOCIAL_SQS_MAX_MESSAGES, 43200);
    assert_int_equal(b.rc, SOCIAL_OK);
    free(buf);
}


static void
test_received(void **state)
{
    (void) state;

    assert_int_equal(parse("{}"), SOCIAL_OK);
    assert_int_equal(received.count, 0);
    social_sqs_received_free(&received);

    assert_int_equal(parse("{\"Messages\":[" FIVE "," FIVE "]}"), SOCIAL_OK);
    assert_int_equal(received.count, 10);
    social_sqs_received_free(&received);

    assert_int_equal(parse("{\"Messages\":null}"), SOCIAL_OK);
    assert_int_equal(received.count, 0);
    social_sqs_received_free(&received);

    assert_int_equal(parse("{\"Messages\":[{\"MessageId\":\"1\","
        "\"ReceiptHandle\":\"r\",\"MD5OfBody\":"
        "\"5d41402abc4b2a76b9719d911017c592\",\"Body\":\"hello\","
        "\"Attributes\":{\"ApproximateReceiveCount\":\"3\"}},"
        "{\"MessageId\":\"2\",\"ReceiptHandle\":\"s\",\"Body\":\"\"},"
        "{\"MessageId\":\"3\",\"ReceiptHandle\":\"t\",\"Body\":\"hellO\","
        "\"MD5OfBody\":\"5d41402abc4b2a76b9719d911017c592\","
        "\"Attributes\":{\"ApproximateReceiveCount\":\"3x\"}}]}"), SOCIAL_OK);
    assert_int_equal(received.count, 3);
    assert_str(received.messages[0].id, "1");
    assert_str(received.messages[0].handle, "r");
    assert_str(received.messages[0].body, "hello");
    assert_int_equal(received.messages[0].received, 3);
    assert_false(received.messages[0].damaged);
    assert_int_equal(received.messages[1].received, 0);
    assert_int_equal(received.messages[1].body.len, 0);
    assert_false(received.messages[1].damaged);
    assert_true(received.messages[2].damaged);
    assert_int_equal(received.messages[2].received, 0);
    social_sqs_received_free(&received);
}


static void
test_malformed(void **state)
{
    size_t  i;

    static const char *const  bad[] = {
        "", "[]", "<xml/>", "{\"Messages\":{}}", "{\"Messages\":[1]}",
        "{\"Messages\":[{}]}",
        "{\"Messages\":[{\"MessageId\":\"1\",\"Body\":\"x\"}]}",
        "{\"Messages\":[{\"MessageId\":\"1\",\"ReceiptHandle\":\"x\"}]}",
        "{\"Messages\":[{\"MessageId\":\"1\",\"ReceiptHandle\":\"\","
        "\"Body\":\"x\"}]}",

        /* eleven */
        "{\"Messages\":[" FIVE "," FIVE "," ONE "]}", NULL
    };

    (void) state;

    for (i = 0; bad[i] != NULL; i++) {
        assert_int_equal(parse(bad[i]), SOCIAL_MALFORMED);
        assert_null(received.json);
        assert_int_equal(received.count, 0);
    }
}


static void
test_answers(void **state)
{
    char    code[64];
    size_t  failed;

    (void) state;

    assert_int_equal(social_sqs_batch_parse(S("{\"Successful\":[{\"Id\":\"0\"}"
                     "],\"Failed\":[]}"), &failed, code), SOCIAL_OK);
    assert_int_equal(failed, 0);
    assert_string_equal(code, "");

    assert_int_equal(social_sqs_batch_parse(S("{\"Failed\":[{\"Id\":\"0\","
                     "\"SenderFault\":true,\"Code\":\"ReceiptHandleIsInvalid\""
                     "},{\"Id\":\"1\"}]}"), &failed, code), SOCIAL_OK);
    assert_int_equal(failed, 2);
    assert_string_equal(code, "ReceiptHandleIsInvalid");

    assert_int_equal(social_sqs_batch_parse(S("x"), &failed, code),
                     SOCIAL_MALFORMED);

    social_sqs_error_parse(S("{\"__type\":\"com.amazonaws.sqs#"
                             "QueueDoesNotExist\",\"message\":\"m\"}"), code);
    assert_string_equal(code, "QueueDoesNotExist");

    social_sqs_error_parse(S("{\"__type\":\"AccessDenied\\nx\"}"), code);
    assert_string_equal(code, "AccessDenied");

    social_sqs_error_parse(S("{\"__type\":\"a#\"}"), code);
    assert_string_equal(code, "");

    social_sqs_error_parse(S("<html>"), code);
    assert_string_equal(code, "");

    social_sqs_error_parse(S("{\"__type\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}"), code);
    assert_int_equal(strlen(code), 63);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_received),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_answers)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
