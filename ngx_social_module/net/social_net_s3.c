
/*
 * Objects of S3, or of what speaks as it does.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "social_encoding.h"
#include "social_net_disk.h"
#include "social_net_s3.h"
#include "social_net_s3_send.h"


/* an ETag with its quotes */

#define SOCIAL_NET_S3_MATCH  128


static social_rc_e social_net_s3_simple(const social_net_s3_t *s3,
    const char *method, const char *key, social_net_reply_t *reply,
    char *error);
static bool social_net_s3_write(void *data, const unsigned char *p,
    size_t len);


social_rc_e
social_net_s3_get(const social_net_s3_t *s3, const char *key,
    social_net_s3_body_t *body, char *error)
{
    social_rc_e            rc;
    social_net_reply_t     reply;
    social_net_s3_call_t   call;
    social_net_request_t   request;

    memset(&call, 0, sizeof(social_net_s3_call_t));
    memset(&request, 0, sizeof(social_net_request_t));

    call.key = social_str(key);
    request.method = "GET";
    request.sink = social_net_s3_write;
    request.data = body;

    body->data = NULL;
    body->size = 0;
    body->room = 0;
    body->error = NULL;

    rc = social_net_s3_send(s3, &call, &request, &reply, error);

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

    return social_net_s3_is_missing(&reply) ? SOCIAL_DECLINED : SOCIAL_FAILED;
}


social_rc_e
social_net_s3_put(const social_net_s3_t *s3,
    const social_net_s3_object_t *object, char *error)
{
    social_str_t           data;
    social_net_reply_t     reply;
    unsigned char          digest[SOCIAL_SHA256_SIZE];
    unsigned char          hex[social_hex_size(SOCIAL_SHA256_SIZE)];
    social_net_s3_call_t   call;
    social_net_request_t   request;
    social_sigv4_header_t  headers[2];

    memset(&call, 0, sizeof(social_net_s3_call_t));
    memset(&request, 0, sizeof(social_net_request_t));

    data.data = object->data;
    data.len = object->size;

    if (social_sha256(data, digest) != SOCIAL_OK) {
        snprintf(error, SOCIAL_NET_ERROR_SIZE, "no digest could be made");
        return SOCIAL_FAILED;
    }

    data.data = digest;
    data.len = SOCIAL_SHA256_SIZE;
    social_hex_encode(data, hex);

    headers[0].name = social_str("Content-Type");
    headers[0].value = social_str(object->content_type);
    headers[1].name = social_str("Cache-Control");
    headers[1].value = social_str(object->cache_control);

    call.key = social_str(object->key);
    call.headers = headers;
    call.header_count = 2;
    call.payload.data = hex;
    call.payload.len = sizeof(hex);

    request.method = "PUT";
    request.body = object->data;
    request.size = object->size;

    if (social_net_s3_send(s3, &call, &request, &reply, error) != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    return reply.status >= 200 && reply.status <= 299
           ? SOCIAL_OK : social_net_s3_refused(&reply, error);
}


/* S3 says 204 of what is not there, others 404 */

social_rc_e
social_net_s3_delete(const social_net_s3_t *s3, const char *key, char *error)
{
    return social_net_s3_delete_if(s3, key, "", error);
}


social_rc_e
social_net_s3_delete_if(const social_net_s3_t *s3, const char *key,
    const char *etag, char *error)
{
    char                    match[SOCIAL_NET_S3_MATCH];
    social_net_reply_t      reply;
    social_net_s3_call_t    call;
    social_net_request_t    request;
    social_sigv4_header_t   header;

    memset(&call, 0, sizeof(social_net_s3_call_t));
    memset(&request, 0, sizeof(social_net_request_t));

    call.key = social_str(key);
    request.method = "DELETE";

    if (etag[0] != '\0') {

        if ((size_t) snprintf(match, sizeof(match), "\"%s\"", etag)
            >= sizeof(match))
        {
            snprintf(error, SOCIAL_NET_ERROR_SIZE, "its ETag is too long");
            return SOCIAL_FAILED;
        }

        header.name = social_str("if-match");
        header.value = social_str(match);
        call.headers = &header;
        call.header_count = 1;
    }

    if (social_net_s3_send(s3, &call, &request, &reply, error) != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    if (reply.status == 412 && etag[0] != '\0') {
        (void) social_net_s3_refused(&reply, error);
        return SOCIAL_DECLINED;
    }

    if ((reply.status >= 200 && reply.status <= 299)
        || social_net_s3_is_missing(&reply))
    {
        return SOCIAL_OK;
    }

    return social_net_s3_refused(&reply, error);
}


social_rc_e
social_net_s3_check(const social_net_s3_t *s3, char *error)
{
    social_net_reply_t  reply;

    if (social_net_s3_simple(s3, "GET", "social-worker-check", &reply, error)
        != SOCIAL_OK)
    {
        return SOCIAL_FAILED;
    }

    if (reply.status == 200
        || social_net_s3_is_missing(&reply)
        || (reply.status == 403
            && social_net_s3_is(&reply, SOCIAL_S3_ACCESS_DENIED)))
    {
        return SOCIAL_OK;
    }

    return social_net_s3_refused(&reply, error);
}


static social_rc_e
social_net_s3_simple(const social_net_s3_t *s3, const char *method,
    const char *key, social_net_reply_t *reply, char *error)
{
    social_net_s3_call_t   call;
    social_net_request_t   request;

    memset(&call, 0, sizeof(social_net_s3_call_t));
    memset(&request, 0, sizeof(social_net_request_t));

    call.key = social_str(key);
    request.method = method;

    return social_net_s3_send(s3, &call, &request, reply, error);
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
