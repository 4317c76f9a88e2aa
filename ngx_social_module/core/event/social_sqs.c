
/*
 * What is said to SQS and what it answers.
 */

#include <string.h>

#include "social_crypto.h"
#include "social_encoding.h"
#include "social_sqs.h"


#define SOCIAL_SQS_CODE_SIZE  64


static void social_sqs_write_url(social_buf_t *b, social_str_t url);
static void social_sqs_write_string(social_buf_t *b, social_str_t s);
static void social_sqs_write_entries(social_buf_t *b, social_str_t url,
    const social_sqs_message_t *const *messages, size_t n,
    const char *visibility, unsigned seconds);
static social_rc_e social_sqs_message(const social_json_t *json,
    social_sqs_message_t *message);
static social_rc_e social_sqs_md5(social_str_t body, unsigned char *hex);
static const social_json_t *social_sqs_member(const social_json_t *json,
    const char *name);
static bool social_sqs_string(const social_json_t *json, const char *name,
    social_str_t *out);
static void social_sqs_code(social_str_t text, char code[64]);


void
social_sqs_write_receive(social_buf_t *b, social_str_t url, unsigned max,
    unsigned wait, unsigned visibility)
{
    social_sqs_write_url(b, url);
    social_buf_text(b, ",\"MaxNumberOfMessages\":");
    social_buf_number(b, max);
    social_buf_text(b, ",\"WaitTimeSeconds\":");
    social_buf_number(b, wait);
    social_buf_text(b, ",\"VisibilityTimeout\":");
    social_buf_number(b, visibility);
    social_buf_text(b, ",\"MessageSystemAttributeNames\":"
                       "[\"ApproximateReceiveCount\"]}");
}


void
social_sqs_write_delete(social_buf_t *b, social_str_t url,
    const social_sqs_message_t *const *messages, size_t n)
{
    social_sqs_write_entries(b, url, messages, n, NULL, 0);
}


void
social_sqs_write_extend(social_buf_t *b, social_str_t url,
    const social_sqs_message_t *const *messages, size_t n,
    unsigned visibility)
{
    social_sqs_write_entries(b, url, messages, n, ",\"VisibilityTimeout\":",
                             visibility);
}


static void
social_sqs_write_url(social_buf_t *b, social_str_t url)
{
    social_buf_text(b, "{\"QueueUrl\":");
    social_sqs_write_string(b, url);
}


static void
social_sqs_write_string(social_buf_t *b, social_str_t s)
{
    size_t         i;
    social_str_t   one;
    unsigned char  escaped[6];

    social_buf_byte(b, '"');

    for (i = 0; i < s.len; i++) {

        if (s.data[i] < 0x80) {
            one = (social_str_t) { 1, s.data + i };
            social_buf_put(b, (social_str_t) {
                (size_t) (social_json_escape(escaped, one) - escaped),
                escaped });

        } else {
            social_buf_byte(b, s.data[i]);
        }
    }

    social_buf_byte(b, '"');
}


/*
 * An entry is known by its place.
 */

static void
social_sqs_write_entries(social_buf_t *b, social_str_t url,
    const social_sqs_message_t *const *messages, size_t n,
    const char *visibility, unsigned seconds)
{
    size_t  i;

    social_sqs_write_url(b, url);
    social_buf_text(b, ",\"Entries\":[");

    for (i = 0; i < n; i++) {

        social_buf_text(b, i ? ",{\"Id\":\"" : "{\"Id\":\"");
        social_buf_number(b, i);
        social_buf_text(b, "\",\"ReceiptHandle\":");
        social_sqs_write_string(b, messages[i]->handle);

        if (visibility != NULL) {
            social_buf_text(b, visibility);
            social_buf_number(b, seconds);
        }

        social_buf_byte(b, '}');
    }

    social_buf_text(b, "]}");
}


social_rc_e
social_sqs_received_parse(social_str_t text, social_sqs_received_t *received)
{
    social_rc_e           rc;
    const social_json_t  *list, *message;

    memset(received, 0, sizeof(social_sqs_received_t));

    if (text.len > SOCIAL_SQS_MAX_ANSWER) {
        return SOCIAL_MALFORMED;
    }

    rc = social_json_parse(text, &received->json);

    if (rc != SOCIAL_OK) {
        received->json = NULL;
        return rc;
    }

    list = social_sqs_member(received->json, "Messages");

    if (list == NULL || social_json_is_null(list)) {
        return SOCIAL_OK;
    }

    rc = social_json_is_array(list)
         && social_json_count(list) <= SOCIAL_SQS_MAX_MESSAGES
         ? SOCIAL_OK : SOCIAL_MALFORMED;

    for (message = social_json_next(list, NULL);
         rc == SOCIAL_OK && message != NULL;
         message = social_json_next(list, message))
    {
        rc = social_sqs_message(message,
                                &received->messages[received->count++]);
    }

    if (rc != SOCIAL_OK) {
        social_sqs_received_free(received);
    }

    return rc;
}


static social_rc_e
social_sqs_message(const social_json_t *json, social_sqs_message_t *message)
{
    size_t         i;
    social_rc_e    rc;
    social_str_t   md5, received;
    unsigned char  hex[social_hex_size(SOCIAL_MD5_SIZE)];

    if (!social_sqs_string(json, "MessageId", &message->id)
        || !social_sqs_string(json, "ReceiptHandle", &message->handle)
        || message->handle.len > SOCIAL_SQS_MAX_HANDLE
        || social_json_string(social_sqs_member(json, "Body"), &message->body)
           != SOCIAL_OK)
    {
        return SOCIAL_MALFORMED;
    }

    if (social_sqs_string(json, "MD5OfBody", &md5)) {

        rc = social_sqs_md5(message->body, hex);

        if (rc != SOCIAL_OK) {
            return rc;
        }

        message->damaged = !social_str_eq(md5, (social_str_t) { sizeof(hex),
                                                                hex });
    }

    if (social_sqs_string(social_sqs_member(json, "Attributes"),
                          "ApproximateReceiveCount", &received)
        && received.len <= 9)
    {
        for (i = 0; i < received.len; i++) {

            if (received.data[i] < '0' || received.data[i] > '9') {
                message->received = 0;
                break;
            }

            message->received = message->received * 10
                                + (received.data[i] - '0');
        }
    }

    return SOCIAL_OK;
}


static social_rc_e
social_sqs_md5(social_str_t body, unsigned char *hex)
{
    social_rc_e       rc;
    unsigned char     md5[SOCIAL_MD5_SIZE];
    social_digest_t  *h;

    h = social_digest_create(SOCIAL_DIGEST_MD5);

    if (h == NULL) {
        return SOCIAL_FAILED;
    }

    rc = social_digest_update(h, body) == SOCIAL_OK
         && social_digest_final(h, md5) == SOCIAL_OK
         ? SOCIAL_OK : SOCIAL_FAILED;

    social_digest_destroy(h);

    if (rc == SOCIAL_OK) {
        social_hex_encode((social_str_t) { sizeof(md5), md5 }, hex);
    }

    return rc;
}


void
social_sqs_received_free(social_sqs_received_t *received)
{
    social_json_free(received->json);
    memset(received, 0, sizeof(social_sqs_received_t));
}


social_rc_e
social_sqs_batch_parse(social_str_t text, size_t *failed, char code[64])
{
    social_rc_e           rc;
    social_str_t          value;
    social_json_t        *json;
    const social_json_t  *list;

    *failed = 0;
    code[0] = '\0';

    if (text.len > SOCIAL_SQS_MAX_ANSWER) {
        return SOCIAL_MALFORMED;
    }

    rc = social_json_parse(text, &json);

    if (rc != SOCIAL_OK) {
        return rc;
    }

    list = social_sqs_member(json, "Failed");
    *failed = social_json_count(list);

    if (social_sqs_string(social_json_element(list, 0), "Code", &value)) {
        social_sqs_code(value, code);
    }

    social_json_free(json);

    return SOCIAL_OK;
}


void
social_sqs_error_parse(social_str_t text, char code[64])
{
    social_str_t          value;
    social_json_t        *json;
    const unsigned char  *hash;

    code[0] = '\0';

    if (text.len > SOCIAL_SQS_MAX_ANSWER
        || social_json_parse(text, &json) != SOCIAL_OK)
    {
        return;
    }

    if (social_sqs_string(json, "__type", &value)) {

        hash = memchr(value.data, '#', value.len);

        if (hash != NULL) {
            value.len -= (size_t) (hash + 1 - value.data);
            value.data = hash + 1;
        }

        social_sqs_code(value, code);
    }

    social_json_free(json);
}


/*
 * A code goes into a log.
 */

static void
social_sqs_code(social_str_t text, char code[64])
{
    size_t         i;
    unsigned char  ch;

    for (i = 0; i < text.len && i < SOCIAL_SQS_CODE_SIZE - 1; i++) {

        ch = text.data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9') || ch == '.'))
        {
            break;
        }

        code[i] = (char) ch;
    }

    code[i] = '\0';
}


static const social_json_t *
social_sqs_member(const social_json_t *json, const char *name)
{
    return social_json_is_object(json)
           ? social_json_member(json, social_str(name)) : NULL;
}


/*
 * One that is not empty.
 */

static bool
social_sqs_string(const social_json_t *json, const char *name,
    social_str_t *out)
{
    return social_json_string(social_sqs_member(json, name), out) == SOCIAL_OK
           && out->len != 0;
}
