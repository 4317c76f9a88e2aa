
/*
 * A queue of SQS.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "social_encoding.h"
#include "social_net_sqs.h"
#include "social_sigv4.h"


#define SOCIAL_NET_SQS_TIMEOUT  10000      /* milliseconds, beside a wait */
#define SOCIAL_NET_SQS_HEADERS  6


/* what is sent: all of it in one piece of memory */

typedef struct {
    social_buf_t     work;
    const char      *url;
    const char      *lines[SOCIAL_NET_SQS_HEADERS + 1];
    size_t           count;
} social_net_sqs_signed_t;


typedef struct {
    unsigned char   *data;
    size_t           len;
    size_t           room;
} social_net_sqs_answer_t;


static social_rc_e social_net_sqs_batch(const social_net_sqs_t *sqs,
    const char *action, const social_buf_t *body, size_t *failed,
    char *error);
static social_rc_e social_net_sqs_call(const social_net_sqs_t *sqs,
    const char *action, const social_buf_t *body, long timeout,
    social_net_sqs_answer_t *answer, char *error);
static social_rc_e social_net_sqs_sign(const social_net_sqs_t *sqs,
    const social_credentials_t *keys, const char *action, social_str_t body,
    social_net_sqs_signed_t *made);
static void social_net_sqs_line(social_net_sqs_signed_t *made,
    social_str_t name, social_str_t value);
static bool social_net_sqs_sink(void *data, const unsigned char *p,
    size_t len);
static social_rc_e social_net_sqs_refused(const social_net_reply_t *reply,
    char *error);


social_rc_e
social_net_sqs_receive(const social_net_sqs_t *sqs, unsigned wait,
    unsigned visibility, social_sqs_received_t *received, char *error)
{
    long                      timeout;
    social_rc_e               rc;
    social_buf_t              body;
    social_str_t              text;
    unsigned char             buf[4096];
    social_net_sqs_answer_t   answer;

    memset(received, 0, sizeof(social_sqs_received_t));

    social_buf_init(&body, buf, sizeof(buf));
    social_sqs_write_receive(&body, social_str(sqs->queue),
                             SOCIAL_SQS_MAX_MESSAGES, wait, visibility);

    timeout = (long) wait * 1000 + SOCIAL_NET_SQS_TIMEOUT;

    rc = social_net_sqs_call(sqs, "ReceiveMessage", &body, timeout, &answer,
                             error);

    if (rc != SOCIAL_OK) {
        return rc;
    }

    text.data = answer.data;
    text.len = answer.len;

    rc = social_sqs_received_parse(text, received);

    free(answer.data);

    if (rc != SOCIAL_OK) {
        snprintf(error, SOCIAL_NET_ERROR_SIZE, "%s", rc == SOCIAL_FAILED
                 ? "out of memory" : "the answer is not that of a queue");
        return SOCIAL_DECLINED;
    }

    return SOCIAL_OK;
}


social_rc_e
social_net_sqs_delete(const social_net_sqs_t *sqs,
    const social_sqs_message_t *const *messages, size_t n, size_t *failed,
    char *error)
{
    social_rc_e     rc;
    social_buf_t    body;
    unsigned char  *buf;

    buf = malloc(SOCIAL_SQS_REQUEST_SIZE);

    if (buf == NULL) {
        snprintf(error, SOCIAL_NET_ERROR_SIZE, "out of memory");
        return SOCIAL_DECLINED;
    }

    social_buf_init(&body, buf, SOCIAL_SQS_REQUEST_SIZE);
    social_sqs_write_delete(&body, social_str(sqs->queue), messages, n);

    rc = social_net_sqs_batch(sqs, "DeleteMessageBatch", &body, failed,
                              error);
    free(buf);

    return rc;
}


social_rc_e
social_net_sqs_extend(const social_net_sqs_t *sqs,
    const social_sqs_message_t *const *messages, size_t n,
    unsigned visibility, size_t *failed, char *error)
{
    social_rc_e     rc;
    social_buf_t    body;
    unsigned char  *buf;

    buf = malloc(SOCIAL_SQS_REQUEST_SIZE);

    if (buf == NULL) {
        snprintf(error, SOCIAL_NET_ERROR_SIZE, "out of memory");
        return SOCIAL_DECLINED;
    }

    social_buf_init(&body, buf, SOCIAL_SQS_REQUEST_SIZE);
    social_sqs_write_extend(&body, social_str(sqs->queue), messages, n,
                            visibility);

    rc = social_net_sqs_batch(sqs, "ChangeMessageVisibilityBatch", &body,
                              failed, error);
    free(buf);

    return rc;
}


social_rc_e
social_net_sqs_check(const social_net_sqs_t *sqs, char *error)
{
    size_t                       failed;
    social_rc_e                  rc;
    social_sqs_message_t         message;
    const social_sqs_message_t  *messages[1];

    memset(&message, 0, sizeof(social_sqs_message_t));

    message.handle = social_str("social-worker-check");
    messages[0] = &message;

    rc = social_net_sqs_extend(sqs, messages, 1, 0, &failed, error);

    if (rc == SOCIAL_OK) {
        error[0] = '\0';
    }

    return rc;
}


static social_rc_e
social_net_sqs_batch(const social_net_sqs_t *sqs, const char *action,
    const social_buf_t *body, size_t *failed, char *error)
{
    char                      code[64];
    social_rc_e               rc;
    social_str_t              text;
    social_net_sqs_answer_t   answer;

    *failed = 0;

    rc = social_net_sqs_call(sqs, action, body, SOCIAL_NET_SQS_TIMEOUT,
                             &answer, error);

    if (rc != SOCIAL_OK) {
        return rc;
    }

    text.data = answer.data;
    text.len = answer.len;

    rc = social_sqs_batch_parse(text, failed, code);

    free(answer.data);

    if (rc != SOCIAL_OK) {
        snprintf(error, SOCIAL_NET_ERROR_SIZE, "%s", rc == SOCIAL_FAILED
                 ? "out of memory" : "the answer is not that of a queue");
        return SOCIAL_DECLINED;
    }

    if (*failed != 0) {
        snprintf(error, SOCIAL_NET_ERROR_SIZE, "the queue refused it: %s",
                 code);
    }

    return SOCIAL_OK;
}


/* SOCIAL_OK: the caller frees answer->data */

static social_rc_e
social_net_sqs_call(const social_net_sqs_t *sqs, const char *action,
    const social_buf_t *body, long timeout, social_net_sqs_answer_t *answer,
    char *error)
{
    social_rc_e               rc;
    social_str_t              text;
    unsigned char            *memory;
    social_net_reply_t        reply;
    social_net_request_t      request;
    social_net_sqs_signed_t   made;
    social_net_credentials_t  read;

    memset(answer, 0, sizeof(social_net_sqs_answer_t));
    memset(&made, 0, sizeof(social_net_sqs_signed_t));
    memset(&read, 0, sizeof(social_net_credentials_t));
    memset(&request, 0, sizeof(social_net_request_t));

    if (body->rc != SOCIAL_OK) {
        snprintf(error, SOCIAL_NET_ERROR_SIZE, "the request is too large");
        return SOCIAL_DECLINED;
    }

    if (social_net_credentials_get(sqs->source, &read, error) != SOCIAL_OK) {
        return SOCIAL_DECLINED;
    }

    memory = malloc(SOCIAL_SIGV4_WORK_SIZE);

    if (memory == NULL) {
        social_net_credentials_free(&read);
        snprintf(error, SOCIAL_NET_ERROR_SIZE, "out of memory");
        return SOCIAL_DECLINED;
    }

    social_buf_init(&made.work, memory, SOCIAL_SIGV4_WORK_SIZE);

    text.data = body->data;
    text.len = body->len;

    rc = social_net_sqs_sign(sqs, &read.keys, action, text, &made);

    if (rc != SOCIAL_OK) {
        snprintf(error, SOCIAL_NET_ERROR_SIZE,
                 "no request could be signed for this queue");

    } else {
        request.method = "POST";
        request.url = made.url;
        request.headers = made.lines;
        request.body = body->data;
        request.size = body->len;
        request.ca_file = sqs->ca_file;
        request.timeout = timeout;
        request.plain = true;
        request.sink = social_net_sqs_sink;
        request.data = answer;
        request.give_up = sqs->give_up;
        request.give_up_data = sqs->data;

        rc = social_net_request(&request, &reply);

        if (rc != SOCIAL_OK) {
            snprintf(error, SOCIAL_NET_ERROR_SIZE, "%s", reply.error);

        } else if (reply.status != 200) {
            rc = social_net_sqs_refused(&reply, error);
        }
    }

    /* a session token is among the headers */

    explicit_bzero(memory, SOCIAL_SIGV4_WORK_SIZE);
    free(memory);
    social_net_credentials_free(&read);

    if (rc != SOCIAL_OK) {
        free(answer->data);
        answer->data = NULL;
        return SOCIAL_DECLINED;
    }

    return SOCIAL_OK;
}


static social_rc_e
social_net_sqs_sign(const social_net_sqs_t *sqs,
    const social_credentials_t *keys, const char *action, social_str_t body,
    social_net_sqs_signed_t *made)
{
    size_t                   mark;
    social_rc_e              rc;
    social_str_t             host, digest, target;
    unsigned char            sha256[SOCIAL_SHA256_SIZE];
    unsigned char            hex[social_hex_size(SOCIAL_SHA256_SIZE)];
    social_sigv4_scope_t     scope;
    social_sigv4_header_t    headers[3];
    social_sigv4_signed_t    out;
    social_sigv4_request_t   request;

    memset(&request, 0, sizeof(social_sigv4_request_t));
    memset(&scope, 0, sizeof(social_sigv4_scope_t));

    social_buf_put(&made->work, sqs->endpoint.host);

    if (sqs->endpoint.port.len) {
        social_buf_byte(&made->work, ':');
        social_buf_put(&made->work, sqs->endpoint.port);
    }

    host = social_buf_since(&made->work, 0);

    mark = made->work.len;
    social_buf_text(&made->work, "AmazonSQS.");
    social_buf_text(&made->work, action);
    target = social_buf_since(&made->work, mark);

    if (social_sha256(body, sha256) != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    digest.data = sha256;
    digest.len = sizeof(sha256);
    social_hex_encode(digest, hex);

    headers[0].name = social_str("host");
    headers[0].value = host;
    headers[1].name = social_str("content-type");
    headers[1].value = social_str("application/x-amz-json-1.0");
    headers[2].name = social_str("x-amz-target");
    headers[2].value = target;

    request.mode = SOCIAL_SIGV4_NORMALIZED;
    request.method = social_str("POST");
    request.path = social_str("/");
    request.headers = headers;
    request.header_count = 3;
    request.payload.data = hex;
    request.payload.len = sizeof(hex);

    scope.region = social_str(sqs->region);
    scope.service = social_str("sqs");
    scope.now = (int64_t) time(NULL);

    if (made->work.rc != SOCIAL_OK) {
        return made->work.rc;
    }

    rc = social_sigv4_sign_headers(keys, &scope, &request, &made->work, &out);

    if (rc != SOCIAL_OK) {
        return rc;
    }

    mark = made->work.len;
    social_buf_text(&made->work, sqs->endpoint.secure ? "https://"
                                                      : "http://");
    social_buf_put(&made->work, host);
    social_buf_byte(&made->work, '/');
    made->url = social_net_request_text(&made->work, mark);

    social_net_sqs_line(made, social_str("Authorization"), out.authorization);
    social_net_sqs_line(made, social_str("X-Amz-Date"), out.date);
    social_net_sqs_line(made, social_str("X-Amz-Content-Sha256"), out.payload);
    social_net_sqs_line(made, social_str("Content-Type"), headers[1].value);
    social_net_sqs_line(made, social_str("X-Amz-Target"), target);

    if (out.token.len) {
        social_net_sqs_line(made, social_str("X-Amz-Security-Token"),
                            out.token);
    }

    return made->work.rc;
}


static void
social_net_sqs_line(social_net_sqs_signed_t *made, social_str_t name,
    social_str_t value)
{
    made->lines[made->count++] = social_net_request_line(&made->work, name,
                                                         value);
}


static bool
social_net_sqs_sink(void *data, const unsigned char *p, size_t len)
{
    social_net_sqs_answer_t  *answer = data;

    size_t          room;
    unsigned char  *grown;

    if (len > SOCIAL_SQS_MAX_ANSWER - answer->len) {
        return false;
    }

    if (len > answer->room - answer->len) {

        room = (answer->len + len) * 2;
        grown = realloc(answer->data, room);

        if (grown == NULL) {
            return false;
        }

        answer->data = grown;
        answer->room = room;
    }

    memcpy(answer->data + answer->len, p, len);
    answer->len += len;

    return true;
}


static social_rc_e
social_net_sqs_refused(const social_net_reply_t *reply, char *error)
{
    char  code[64];

    social_sqs_error_parse(social_str(reply->text), code);

    snprintf(error, SOCIAL_NET_ERROR_SIZE,
             "the queue answered with status %ld%s%s", reply->status,
             code[0] ? ", " : "", code);

    return SOCIAL_DECLINED;
}
