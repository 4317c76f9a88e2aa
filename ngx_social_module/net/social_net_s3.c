
/*
 * Objects of S3, or of what speaks as it does.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "social_encoding.h"
#include "social_net_disk.h"
#include "social_net_s3.h"
#include "social_object.h"
#include "social_s3_error.h"
#include "social_sigv4.h"


#define SOCIAL_NET_S3_HEADERS  6


/* a request, signed: all of it in one piece of memory */

typedef struct {
    social_buf_t   work;
    const char    *url;
    const char    *lines[SOCIAL_NET_S3_HEADERS + 1];
    size_t         count;
} social_net_s3_signed_t;


static social_rc_e social_net_s3_send(const social_net_s3_t *s3,
    const char *key, const social_net_s3_object_t *object,
    social_net_request_t *request, social_net_reply_t *reply, char *error);
static social_rc_e social_net_s3_sign(const social_net_s3_t *s3,
    const social_credentials_t *keys, const char *key,
    const social_net_s3_object_t *object, const char *method,
    social_net_s3_signed_t *made);
static void social_net_s3_line(social_net_s3_signed_t *made, const char *name,
    social_str_t value);
static const char *social_net_s3_text(social_net_s3_signed_t *made,
    size_t mark);
static bool social_net_s3_write(void *data, const unsigned char *p,
    size_t len);
static bool social_net_s3_is(const social_net_reply_t *reply,
    social_s3_error_e code);
static social_rc_e social_net_s3_refused(const social_net_reply_t *reply,
    char *error);


social_rc_e
social_net_s3_get(const social_net_s3_t *s3, const char *key,
    social_net_s3_body_t *body, char *error)
{
    social_rc_e            rc;
    social_net_reply_t     reply;
    social_net_request_t   request;

    memset(&request, 0, sizeof(social_net_request_t));

    request.method = "GET";
    request.sink = social_net_s3_write;
    request.data = body;

    body->data = NULL;
    body->size = 0;
    body->room = 0;
    body->error = NULL;

    rc = social_net_s3_send(s3, key, NULL, &request, &reply, error);

    if (rc == SOCIAL_OK && reply.status == 200) {
        return SOCIAL_OK;
    }

    free(body->data);
    body->data = NULL;

    if (body->error != NULL) {
        snprintf(error, SOCIAL_NET_ERROR_SIZE, "%s", body->error);
        return SOCIAL_FAILED;
    }

    if (body->size > body->max_size) {
        snprintf(error, SOCIAL_NET_ERROR_SIZE, "it is larger than %llu bytes",
                 (unsigned long long) body->max_size);
        return SOCIAL_MALFORMED;
    }

    if (rc != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    social_net_s3_refused(&reply, error);

    /* a missing bucket is the configuration's, and may be set right */

    return reply.status == 404
           && !social_net_s3_is(&reply, SOCIAL_S3_NO_SUCH_BUCKET)
           ? SOCIAL_DECLINED : SOCIAL_FAILED;
}


social_rc_e
social_net_s3_put(const social_net_s3_t *s3,
    const social_net_s3_object_t *object, char *error)
{
    social_net_reply_t     reply;
    social_net_request_t   request;

    memset(&request, 0, sizeof(social_net_request_t));

    request.method = "PUT";
    request.body = object->data;
    request.size = object->size;

    if (social_net_s3_send(s3, object->key, object, &request, &reply, error)
        != SOCIAL_OK)
    {
        return SOCIAL_FAILED;
    }

    return reply.status >= 200 && reply.status <= 299
           ? SOCIAL_OK : social_net_s3_refused(&reply, error);
}


/* S3 says 204 of what is not there, others 404 */

social_rc_e
social_net_s3_delete(const social_net_s3_t *s3, const char *key, char *error)
{
    social_net_reply_t     reply;
    social_net_request_t   request;

    memset(&request, 0, sizeof(social_net_request_t));
    request.method = "DELETE";

    if (social_net_s3_send(s3, key, NULL, &request, &reply, error)
        != SOCIAL_OK)
    {
        return SOCIAL_FAILED;
    }

    if ((reply.status >= 200 && reply.status <= 299)
        || (reply.status == 404
            && !social_net_s3_is(&reply, SOCIAL_S3_NO_SUCH_BUCKET)))
    {
        return SOCIAL_OK;
    }

    return social_net_s3_refused(&reply, error);
}


social_rc_e
social_net_s3_check(const social_net_s3_t *s3, char *error)
{
    social_net_reply_t     reply;
    social_net_request_t   request;

    memset(&request, 0, sizeof(social_net_request_t));
    request.method = "GET";

    if (social_net_s3_send(s3, "social-worker-check", NULL, &request, &reply,
                           error)
        != SOCIAL_OK)
    {
        return SOCIAL_FAILED;
    }

    if (reply.status == 200
        || (reply.status == 404
            && !social_net_s3_is(&reply, SOCIAL_S3_NO_SUCH_BUCKET))
        || (reply.status == 403
            && social_net_s3_is(&reply, SOCIAL_S3_ACCESS_DENIED)))
    {
        return SOCIAL_OK;
    }

    return social_net_s3_refused(&reply, error);
}


/* SOCIAL_OK: there is an answer, whatever its status */

static social_rc_e
social_net_s3_send(const social_net_s3_t *s3, const char *key,
    const social_net_s3_object_t *object, social_net_request_t *request,
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

    rc = social_net_s3_sign(s3, s3->keys ? s3->keys : &read.keys, key, object,
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
    const social_credentials_t *keys, const char *key,
    const social_net_s3_object_t *object, const char *method,
    social_net_s3_signed_t *made)
{
    size_t                   mark;
    social_rc_e              rc;
    social_str_t             host, data;
    unsigned char            digest[SOCIAL_SHA256_SIZE];
    unsigned char            hex[social_hex_size(SOCIAL_SHA256_SIZE)];
    social_sigv4_scope_t     scope;
    social_sigv4_header_t    headers[3];
    social_sigv4_signed_t    out;
    social_sigv4_request_t   request;

    if (!social_object_check(social_str(key))) {
        return SOCIAL_MALFORMED;
    }

    social_bucket_host(&made->work, s3->bucket);
    host = social_buf_since(&made->work, 0);

    memset(&request, 0, sizeof(social_sigv4_request_t));
    memset(&scope, 0, sizeof(social_sigv4_scope_t));

    request.mode = SOCIAL_SIGV4_S3;
    request.method = social_str(method);
    request.path = social_bucket_path(&made->work, s3->bucket,
                                      social_str(key));
    request.headers = headers;
    request.header_count = 1;

    headers[0].name = social_str("host");
    headers[0].value = host;

    if (object != NULL) {
        headers[1].name = social_str("content-type");
        headers[1].value = social_str(object->content_type);
        headers[2].name = social_str("cache-control");
        headers[2].value = social_str(object->cache_control);
        request.header_count = 3;

        data.data = object->data;
        data.len = object->size;

        if (social_sha256(data, digest) != SOCIAL_OK) {
            return SOCIAL_FAILED;
        }

        data.data = digest;
        data.len = SOCIAL_SHA256_SIZE;
        social_hex_encode(data, hex);

        request.payload.data = hex;
        request.payload.len = sizeof(hex);
    }

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
    made->url = social_net_s3_text(made, mark);

    social_net_s3_line(made, "Authorization", out.authorization);
    social_net_s3_line(made, "X-Amz-Date", out.date);
    social_net_s3_line(made, "X-Amz-Content-Sha256", out.payload);

    if (out.token.len) {
        social_net_s3_line(made, "X-Amz-Security-Token", out.token);
    }

    if (object != NULL) {
        social_net_s3_line(made, "Content-Type", headers[1].value);
        social_net_s3_line(made, "Cache-Control", headers[2].value);
    }

    return made->work.rc;
}


static void
social_net_s3_line(social_net_s3_signed_t *made, const char *name,
    social_str_t value)
{
    size_t  mark;

    mark = made->work.len;

    social_buf_text(&made->work, name);
    social_buf_text(&made->work, ": ");
    social_buf_put(&made->work, value);

    made->lines[made->count++] = social_net_s3_text(made, mark);
}


/* what was written since "mark", with a zero at its end */

static const char *
social_net_s3_text(social_net_s3_signed_t *made, size_t mark)
{
    social_buf_byte(&made->work, '\0');

    return (const char *) made->work.data + mark;
}


static bool
social_net_s3_write(void *data, const unsigned char *p, size_t len)
{
    social_net_s3_body_t  *body = data;

    uint64_t        room;
    unsigned char  *grown;
    social_str_t    bytes;

    if (len > body->max_size - body->size) {
        body->size = body->max_size + 1;
        return false;
    }

    if (body->fd != -1) {

        bytes.data = p;
        bytes.len = len;

        if (social_net_disk_write(body->fd, bytes) != SOCIAL_OK) {
            body->error = strerror(errno);
            return false;
        }

    } else {

        if (len > body->room - body->size) {

            room = (body->size + len) * 2;
            grown = realloc(body->data, room);

            if (grown == NULL) {
                body->error = "out of memory";
                return false;
            }

            body->data = grown;
            body->room = room;
        }

        memcpy(body->data + body->size, p, len);
    }

    body->size += len;

    return true;
}


static bool
social_net_s3_is(const social_net_reply_t *reply, social_s3_error_e code)
{
    return social_str_eq(social_s3_error_read(social_str(reply->text)),
                         social_s3_error_code(code));
}


static social_rc_e
social_net_s3_refused(const social_net_reply_t *reply, char *error)
{
    social_str_t  code;

    code = social_s3_error_read(social_str(reply->text));

    snprintf(error, SOCIAL_NET_ERROR_SIZE,
             "the store answered with status %ld%s%.*s", reply->status,
             code.len ? ", " : "", (int) code.len, (const char *) code.data);

    return SOCIAL_FAILED;
}
