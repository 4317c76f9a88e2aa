
/*
 * What is said to SQS and what it answers, in its JSON protocol.
 * (Amazon SQS API Reference, ReceiveMessage, DeleteMessageBatch,
 * ChangeMessageVisibilityBatch)
 */

#ifndef SOCIAL_SQS_H
#define SOCIAL_SQS_H


#include "social_buf.h"
#include "social_json.h"


#define SOCIAL_SQS_MAX_MESSAGES    10          /* of a request */
#define SOCIAL_SQS_MAX_HANDLE      2048        /* bytes */

/* an answer: ten messages of 1 MiB, half of which is escaped */
#define SOCIAL_SQS_MAX_ANSWER      (16 * 1024 * 1024)

/* a request, with the URL of a queue and ten handles */
#define SOCIAL_SQS_REQUEST_SIZE    (6 * 512 + 10 * (6 * SOCIAL_SQS_MAX_HANDLE \
                                                    + 128) + 512)


typedef struct {
    social_str_t          id;
    social_str_t          handle;
    social_str_t          body;
    int64_t               received;    /* how often, this time included; 0: it
                                          was not said */
    bool                  damaged;     /* another MD5 than was sent */
} social_sqs_message_t;


typedef struct {
    social_json_t        *json;
    size_t                count;
    social_sqs_message_t  messages[SOCIAL_SQS_MAX_MESSAGES];
} social_sqs_received_t;


/*
 * Append the body of a request for the queue at "url": for "max" messages,
 * waiting for up to "wait" seconds, which are invisible for "visibility"
 * seconds then; and for "n" messages of such an answer, to be deleted, or to
 * stay invisible for so many seconds from now.
 */
void social_sqs_write_receive(social_buf_t *b, social_str_t url, unsigned max,
    unsigned wait, unsigned visibility);
void social_sqs_write_delete(social_buf_t *b, social_str_t url,
    const social_sqs_message_t *const *messages, size_t n);
void social_sqs_write_extend(social_buf_t *b, social_str_t url,
    const social_sqs_message_t *const *messages, size_t n,
    unsigned visibility);

/*
 * Parses the answer to the first.  SOCIAL_OK: there may be no message in it;
 * the caller frees it, and "text" may go before that.  SOCIAL_MALFORMED: it is
 * not what SQS answers.  SOCIAL_FAILED: out of memory, or OpenSSL.
 */
social_rc_e social_sqs_received_parse(social_str_t text,
    social_sqs_received_t *received);
void social_sqs_received_free(social_sqs_received_t *received);

/*
 * How many entries of one of the others failed, with the code of one of them
 * in "code", which is zero-terminated.  SOCIAL_MALFORMED, SOCIAL_FAILED: as
 * above.
 */
social_rc_e social_sqs_batch_parse(social_str_t text, size_t *failed,
    char code[64]);

/*
 * The code of an error, without what is before "#" in it: letters, digits and
 * "."; zero-terminated, empty where there is none.
 */
void social_sqs_error_parse(social_str_t text, char code[64]);


#endif /* SOCIAL_SQS_H */
