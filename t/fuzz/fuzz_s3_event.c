
/*
 * Events of S3, plain and in the envelope of SNS: what is read can be kept by
 * PostgreSQL, sequencers have one form, and the string that is signed has all
 * that is signed.
 */

#include "fuzz.h"
#include "social_s3_event.h"
#include "social_sns.h"
#include "social_utf8.h"


static void
check_text(social_str_t s)
{
    fuzz_read(s);
    FUZZ_CHECK(s.len == 0 || memchr(s.data, '\0', s.len) == NULL);
    FUZZ_CHECK(social_utf8_valid(s));
}


static void
check_sequencer(social_str_t s)
{
    size_t  i;

    FUZZ_CHECK(s.len <= SOCIAL_S3_EVENT_MAX_SEQUENCER);
    FUZZ_CHECK(s.len <= 1 || s.data[s.len - 1] != '0');

    for (i = 0; i < s.len; i++) {
        FUZZ_CHECK(strchr("0123456789ABCDEF", s.data[i]) != NULL
                   && s.data[i] != '\0');
    }
}


static void
check_sns(const social_json_t *json)
{
    size_t          len;
    social_rc_e     rc;
    social_str_t    message;
    social_sns_t    sns;
    const char     *field, *why;
    unsigned char  *buf;

    if (social_sns_read_message(json, &message) == SOCIAL_OK) {
        fuzz_read(message);
    }

    rc = social_sns_read(json, &sns, &field, &why);

    if (rc != SOCIAL_OK) {
        FUZZ_CHECK(rc == SOCIAL_MALFORMED);
        FUZZ_CHECK(field[0] != '\0' && strpbrk(why, "\"\\") == NULL);
        return;
    }

    len = social_sns_string(&sns, NULL, 0);
    FUZZ_CHECK(len > sns.message.len + sns.id.len + sns.topic.len);

    buf = malloc(len);
    FUZZ_CHECK(buf != NULL);
    FUZZ_CHECK(social_sns_string(&sns, buf, len) == len);
    FUZZ_CHECK(memcmp(buf, "Message\n", 8) == 0 && buf[len - 1] == '\n');
    free(buf);

    if (social_sns_is_cert_url(sns.cert_url, social_str(""))) {
        FUZZ_CHECK(memcmp(sns.cert_url.data, "https://sns.", 12) == 0);
        FUZZ_CHECK(memchr(sns.cert_url.data, '@', sns.cert_url.len) == NULL
                   || memchr(sns.cert_url.data + 8, '/',
                             sns.cert_url.len - 8)
                      < memchr(sns.cert_url.data, '@', sns.cert_url.len));
    }

    (void) social_sns_is_subscribe_url(sns.subscribe_url, social_str(""));
    (void) social_sns_is_recent(&sns, 1767225600);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                     i;
    const char                *why;
    social_rc_e                rc;
    social_str_t               text;
    social_s3_event_t          event;
    const social_s3_record_t  *r;

    text = fuzz_copy(data, size);

    rc = social_s3_event_parse(text, &event, &why);

    fuzz_free(text);

    if (rc != SOCIAL_OK) {
        FUZZ_CHECK(rc == SOCIAL_MALFORMED);
        FUZZ_CHECK(event.json == NULL && event.count == 0);
        FUZZ_CHECK(event.field[0] != '\0' && strpbrk(why, "\"\\") == NULL);
        return 0;
    }

    FUZZ_CHECK(event.count <= SOCIAL_S3_EVENT_MAX_RECORDS);

    for (i = 0; i < event.count; i++) {
        r = &event.records[i];

        check_text(r->bucket);
        check_text(r->key);
        check_text(r->etag);
        check_text(r->version);
        check_text(r->time);
        check_sequencer(r->sequencer);

        FUZZ_CHECK(r->bucket.len != 0 && social_object_check(r->key));
        FUZZ_CHECK(r->size >= -1);
    }

    check_text(event.opaque);

    if (event.form == SOCIAL_S3_EVENT_SNS) {
        FUZZ_CHECK(event.count == 0);
        check_sns(event.json);
    }

    social_s3_event_free(&event);

    return 0;
}
