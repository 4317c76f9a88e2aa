
/*
 * Signed requests to S3, or to what speaks as it does.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "social_net_s3_send.h"
#include "social_object.h"


/* a request, signed: all of it in one piece of memory */

typedef struct {
    social_buf_t   work;
    const char    *url;
    const char    *lines[SOCIAL_NET_S3_HEADERS + 5];
    size_t         count;
} social_net_s3_signed_t;


static social_rc_e social_net_s3_sign(const social_net_s3_t *s3,
    const social_credentials_t *keys, const social_net_s3_call_t *call,
    const char *method, social_net_s3_signed_t *made);
static void social_net_s3_line(social_net_s3_signed_t *made, social_str_t name,
    social_str_t value);


social_rc_e
social_net_s3_send(const social_net_s3_t *s3,
    const social_net_s3_call_t *call, social_net_request_t *request,
    social_net_reply_t *reply, char *error)
{
    social_rc_e                 rc;
    unsigned char              *memory;
    social_net_s3_signed_t      made;
    social_net_credentials_t    read;

    memset(&read, 0, sizeof(social_net_credentials_t));
    memset(&made, 0, sizeof(social_net_s3_signed_t));

    if (s3->keys == NULL
        && social_net_credentials_get(s3->source, &read, error) != SOCIAL_OK)
    {
        return SOCIAL_FAILED;
    }

    memory = malloc(SOCIAL_SIGV4_WORK_SIZE);

    if (memory == NULL) {
        social_net_credentials_free(&read);
        snprintf(error, SOCIAL_NET_ERROR_SIZE, "out of memory");
        return SOCIAL_FAILED;
    }

    social_buf_init(&made.work, memory, SOCIAL_SIGV4_WORK_SIZE);

    rc = social_net_s3_sign(s3, s3->keys ? s3->keys : &read.keys, call,
                            request->method, &made);

    if (rc != SOCIAL_OK) {
        snprintf(error, SOCIAL_NET_ERROR_SIZE,
                 "no request could be signed for this bucket and key");

    } else {
        request->url = made.url;
        request->headers = made.lines;
        request->timeout = s3->timeout;
        request->ca_file = s3->ca_file;

        rc = social_net_request(request, reply);

        if (rc != SOCIAL_OK) {
            snprintf(error, SOCIAL_NET_ERROR_SIZE, "%s", reply->error);
        }
    }

    /* a session token is among the headers */

    explicit_bzero(memory, SOCIAL_SIGV4_WORK_SIZE);
    free(memory);
    social_net_credentials_free(&read);

    return rc == SOCIAL_OK ? SOCIAL_OK : SOCIAL_FAILED;
}


static social_rc_e
social_net_s3_sign(const social_net_s3_t *s3,
    const social_credentials_t *keys, const social_net_s3_call_t *call,
    const char *method, social_net_s3_signed_t *made)
{
    size_t                   i, mark;
    social_rc_e              rc;
    social_str_t             host;
    social_sigv4_scope_t     scope;
    social_sigv4_header_t    headers[SOCIAL_NET_S3_HEADERS + 1];
    social_sigv4_signed_t    out;
    social_sigv4_request_t   request;

    if ((call->key.len == 0 && call->query.len == 0)
        || (call->key.len && !social_object_check(call->key))
        || call->header_count > SOCIAL_NET_S3_HEADERS)
    {
        return SOCIAL_MALFORMED;
    }

    social_bucket_host(&made->work, s3->bucket);
    host = social_buf_since(&made->work, 0);

    memset(&request, 0, sizeof(social_sigv4_request_t));
    memset(&scope, 0, sizeof(social_sigv4_scope_t));

    headers[0].name = social_str("host");
    headers[0].value = host;

    for (i = 0; i < call->header_count; i++) {
        headers[i + 1] = call->headers[i];
    }

    request.mode = SOCIAL_SIGV4_S3;
    request.method = social_str(method);
    request.path = social_bucket_path(&made->work, s3->bucket, call->key);
    request.query = call->query;
    request.headers = headers;
    request.header_count = call->header_count + 1;
    request.payload = call->payload;

    scope.region = s3->bucket->region;
    scope.service = social_str("s3");
    scope.now = (int64_t) time(NULL);

    if (made->work.rc != SOCIAL_OK) {
        return made->work.rc;
    }

    rc = social_sigv4_sign_headers(keys, &scope, &request, &made->work, &out);

    if (rc != SOCIAL_OK) {
        return rc;
    }

    mark = made->work.len;
    social_buf_text(&made->work, s3->bucket->endpoint.secure ? "https://"
                                                             : "http://");
    social_buf_put(&made->work, host);
    social_buf_put(&made->work, request.path);

    if (call->query.len) {
        social_buf_byte(&made->work, '?');
        social_buf_put(&made->work, call->query);
    }

    made->url = social_net_request_text(&made->work, mark);

    social_net_s3_line(made, social_str("Authorization"), out.authorization);
    social_net_s3_line(made, social_str("X-Amz-Date"), out.date);
    social_net_s3_line(made, social_str("X-Amz-Content-Sha256"), out.payload);

    if (out.token.len) {
        social_net_s3_line(made, social_str("X-Amz-Security-Token"),
                           out.token);
    }

    for (i = 0; i < call->header_count; i++) {
        social_net_s3_line(made, call->headers[i].name,
                           call->headers[i].value);
    }

    return made->work.rc;
}


static void
social_net_s3_line(social_net_s3_signed_t *made, social_str_t name,
    social_str_t value)
{
    made->lines[made->count++] = social_net_request_line(&made->work, name,
                                                         value);
}


bool
social_net_s3_is(const social_net_reply_t *reply, social_s3_error_e code)
{
    return social_str_eq(social_s3_error_read(social_str(reply->text)),
                         social_s3_error_code(code));
}


bool
social_net_s3_is_missing(const social_net_reply_t *reply)
{
    return reply->status == 404
           && !social_net_s3_is(reply, SOCIAL_S3_NO_SUCH_BUCKET);
}


bool
social_net_s3_is_timeout(const social_net_reply_t *reply)
{
    return reply->status == 400
           && social_net_s3_is(reply, SOCIAL_S3_REQUEST_TIMEOUT);
}


/*
 * What there is to set right is in the answer: the region or the host of the
 * bucket, or the time.
 */

social_rc_e
social_net_s3_refused(const social_net_reply_t *reply, char *error)
{
    int           n;
    size_t        i, len;
    social_str_t  code, detail;

    static const char *const  details[] = { "Region", "Endpoint",
                                            "ServerTime" };

    code = social_s3_error_read(social_str(reply->text));

    n = snprintf(error, SOCIAL_NET_ERROR_SIZE,
                 "the store answered with status %ld%s%.*s", reply->status,
                 code.len ? ", " : "", (int) code.len,
                 (const char *) code.data);

    for (i = 0; i < sizeof(details) / sizeof(details[0]); i++) {

        detail = social_s3_error_read_detail(social_str(reply->text),
                                             details[i]);
        len = strlen(details[i]) + detail.len + 3;

        if (detail.len == 0 || n < 0
            || (size_t) n + len >= SOCIAL_NET_ERROR_SIZE)
        {
            continue;
        }

        n += snprintf(error + n, SOCIAL_NET_ERROR_SIZE - (size_t) n,
                      ", %s %.*s", details[i], (int) detail.len,
                      (const char *) detail.data);
    }

    return SOCIAL_FAILED;
}
