
/*
 * Answers of SQS: what is read can be answered, and fits into a request.
 */

#include "fuzz.h"
#include "social_sqs.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                         code[64];
    size_t                       i, failed;
    social_rc_e                  rc;
    social_buf_t                 b;
    social_str_t                 text;
    social_json_t               *json;
    social_sqs_received_t        received;
    const social_sqs_message_t  *all[SOCIAL_SQS_MAX_MESSAGES];

    static unsigned char  buf[SOCIAL_SQS_REQUEST_SIZE];

    text = fuzz_copy(data, size);

    social_sqs_error_parse(text, code);
    FUZZ_CHECK(strlen(code) < sizeof(code));

    rc = social_sqs_batch_parse(text, &failed, code);
    FUZZ_CHECK(rc == SOCIAL_OK || (rc == SOCIAL_MALFORMED && failed == 0));
    FUZZ_CHECK(strlen(code) < sizeof(code));

    rc = social_sqs_received_parse(text, &received);

    fuzz_free(text);

    if (rc != SOCIAL_OK) {
        FUZZ_CHECK(rc == SOCIAL_MALFORMED && received.json == NULL);
        return 0;
    }

    FUZZ_CHECK(received.count <= SOCIAL_SQS_MAX_MESSAGES);

    for (i = 0; i < received.count; i++) {
        all[i] = &received.messages[i];

        fuzz_read(all[i]->id);
        fuzz_read(all[i]->body);
        FUZZ_CHECK(all[i]->received >= 0 && all[i]->handle.len != 0);
    }

    social_buf_init(&b, buf, sizeof(buf));
    social_sqs_write_delete(&b, social_str("https://sqs/1/q"), all,
                            received.count);
    FUZZ_CHECK(b.rc == SOCIAL_OK);

    FUZZ_CHECK(social_json_parse(social_buf_since(&b, 0), &json) == SOCIAL_OK);
    FUZZ_CHECK(social_json_count(social_json_member(json,
                                                    social_str("Entries")))
               == received.count);
    social_json_free(json);

    social_sqs_received_free(&received);

    return 0;
}
