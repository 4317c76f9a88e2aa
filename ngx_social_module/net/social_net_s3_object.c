
/*
 * Objects of S3, with what is kept beside their bytes; and lists of them.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "social_encoding.h"
#include "social_net_disk.h"
#include "social_net_s3_object.h"
#include "social_time.h"
#include "social_uri.h"


typedef struct {
    unsigned char  *data;
    size_t          len;
} social_net_s3_page_t;


static social_rc_e social_net_s3_ask(const social_net_s3_t *s3,
    social_net_session_t *session, const char *method, social_str_t key,
    social_net_s3_whole_t *object, char *error);
static void social_net_s3_header(void *data, social_str_t name,
    social_str_t value);
static bool social_net_s3_is_kept(social_str_t name);
static bool social_net_s3_page(void *data, const unsigned char *p, size_t len);
static bool social_net_s3_piece(void *data, const unsigned char *p,
    size_t len);


social_rc_e
social_net_s3_list(const social_net_s3_t *s3, social_net_session_t *session,
    social_str_t prefix, social_str_t token, unsigned char *memory,
    social_s3_listing_t *page, long *status, char *error)
{
    social_buf_t           query, work;
    social_str_t           xml;
    unsigned char          text[3 * SOCIAL_S3_LISTING_TOKEN + 8192];
    social_net_reply_t     reply;
    social_net_s3_page_t   answer;
    social_net_s3_call_t   call;
    social_net_request_t   request;

    memset(&call, 0, sizeof(social_net_s3_call_t));
    memset(&request, 0, sizeof(social_net_request_t));

    social_buf_init(&query, text, sizeof(text));
    social_buf_text(&query, "list-type=2&encoding-type=url");

    if (prefix.len) {
        social_buf_text(&query, "&prefix=");
        social_uri_encode(&query, prefix, 0);
    }

    if (token.len) {
        social_buf_text(&query, "&continuation-token=");
        social_uri_encode(&query, token, 0);
    }

    if (query.rc != SOCIAL_OK) {
        snprintf(error, SOCIAL_NET_ERROR_SIZE, "the prefix is too long");
        return SOCIAL_FAILED;
    }

    *status = 0;

    answer.data = memory;
    answer.len = 0;

    call.query = social_buf_since(&query, 0);

    request.method = "GET";
    request.session = session;
    request.patient = true;
    request.plain = true;
    request.sink = social_net_s3_page;
    request.data = &answer;

    if (social_net_s3_send(s3, &call, &request, &reply, error) != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    *status = reply.status;

    if (reply.status != 200) {
        return social_net_s3_refused(&reply, error);
    }

    xml.data = answer.data;
    xml.len = answer.len;

    social_buf_init(&work, memory + SOCIAL_S3_LISTING_SIZE,
                    SOCIAL_S3_LISTING_SIZE);

    if (social_s3_listing_read(xml, &work, page) != SOCIAL_OK) {
        snprintf(error, SOCIAL_NET_ERROR_SIZE,
                 "the answer is not a list of objects in order");
        return SOCIAL_FAILED;
    }

    return SOCIAL_OK;
}


static bool
social_net_s3_page(void *data, const unsigned char *p, size_t len)
{
    social_net_s3_page_t  *answer = data;

    if (len > SOCIAL_S3_LISTING_SIZE - answer->len) {
        return false;
    }

    memcpy(answer->data + answer->len, p, len);
    answer->len += len;

    return true;
}


social_rc_e
social_net_s3_head(const social_net_s3_t *s3, social_net_session_t *session,
    social_str_t key, social_net_s3_whole_t *object, char *error)
{
    return social_net_s3_ask(s3, session, "HEAD", key, object, error);
}


social_rc_e
social_net_s3_get_whole(const social_net_s3_t *s3,
    social_net_session_t *session, social_str_t key, int fd,
    social_net_s3_whole_t *object, char *error)
{
    social_rc_e  rc;

    object->fd = fd;
    object->md5 = social_digest_create(SOCIAL_DIGEST_MD5);
    object->sha = social_sha256_create();

    rc = SOCIAL_FAILED;

    if (object->md5 == NULL || object->sha == NULL) {
        snprintf(error, SOCIAL_NET_ERROR_SIZE, "out of memory");

    } else {
        rc = social_net_s3_ask(s3, session, "GET", key, object, error);
    }

    if (rc == SOCIAL_OK
        && (social_digest_final(object->md5, object->md5_digest) != SOCIAL_OK
            || social_sha256_final(object->sha, object->sha256_digest)
               != SOCIAL_OK))
    {
        snprintf(error, SOCIAL_NET_ERROR_SIZE, "no digest could be made");
        rc = SOCIAL_FAILED;
    }

    object->size = object->received;

    social_digest_destroy(object->md5);
    social_sha256_destroy(object->sha);

    return rc;
}


static social_rc_e
social_net_s3_ask(const social_net_s3_t *s3, social_net_session_t *session,
    const char *method, social_str_t key, social_net_s3_whole_t *object,
    char *error)
{
    social_rc_e            rc;
    social_net_reply_t     reply;
    social_net_s3_call_t   call;
    social_net_request_t   request;

    static const social_sigv4_header_t  mode = {
        social_string("x-amz-checksum-mode"), social_string("ENABLED")
    };

    memset(&call, 0, sizeof(social_net_s3_call_t));
    memset(&request, 0, sizeof(social_net_request_t));

    object->status = 0;
    object->size = 0;
    object->received = 0;
    object->etag.len = 0;
    object->modified = 0;
    object->sha256.len = 0;
    object->header_count = 0;
    object->error = NULL;
    object->composite = false;
    object->overflow = false;
    object->len = 0;

    call.key = key;
    call.headers = &mode;
    call.header_count = 1;

    request.method = method;
    request.session = session;
    request.patient = true;
    request.header = social_net_s3_header;
    request.sink = social_net_s3_piece;
    request.data = object;

    rc = social_net_s3_send(s3, &call, &request, &reply, error);

    if (object->error != NULL) {
        snprintf(error, SOCIAL_NET_ERROR_SIZE, "%s", object->error);
        return SOCIAL_FAILED;
    }

    if (rc != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    object->status = reply.status;

    if (reply.status != 200) {
        social_net_s3_refused(&reply, error);
        return social_net_s3_is_missing(&reply) ? SOCIAL_DECLINED
                                                : SOCIAL_FAILED;
    }

    if (object->overflow) {
        snprintf(error, SOCIAL_NET_ERROR_SIZE,
                 "its headers are more than can be kept");
        return SOCIAL_FAILED;
    }

    if (object->composite) {
        object->sha256.len = 0;
    }

    return SOCIAL_OK;
}


static void
social_net_s3_header(void *data, social_str_t name, social_str_t value)
{
    social_net_s3_whole_t  *object = data;

    size_t                  i;
    social_str_t            kept;
    social_sigv4_header_t  *header;

    static const social_str_t  length = social_string("content-length");
    static const social_str_t  etag = social_string("etag");
    static const social_str_t  modified = social_string("last-modified");
    static const social_str_t  sha256 = social_string("x-amz-checksum-sha256");
    static const social_str_t  type = social_string("x-amz-checksum-type");

    if (value.len == 0) {
        return;
    }

    if (social_str_caseeq(name, length)) {

        object->size = 0;

        for (i = 0; i < value.len && i < 18; i++) {

            if (value.data[i] < '0' || value.data[i] > '9') {
                break;
            }

            object->size = object->size * 10 + (value.data[i] - '0');
        }

    } else if (social_str_caseeq(name, etag)) {

        if (value.len > 2 && value.data[0] == '"') {
            value.data++;
            value.len -= 2;
        }

        object->etag = social_net_s3_whole_keep(object, value);

    } else if (social_str_caseeq(name, modified)) {

        if (social_time_http_parse(value, &object->modified) != SOCIAL_OK) {
            object->modified = 0;
        }

    } else if (social_str_caseeq(name, sha256)) {
        object->sha256 = social_net_s3_whole_keep(object, value);

    } else if (social_str_caseeq(name, type)) {
        object->composite = social_str_caseeq(value, social_str("COMPOSITE"));

    } else if (social_net_s3_is_kept(name)) {

        if (object->header_count + 1 > SOCIAL_NET_S3_HEADERS - 1) {
            object->overflow = true;
            return;
        }

        header = &object->headers[object->header_count++];

        kept = social_net_s3_whole_keep(object, name);
        header->name = kept;
        header->value = social_net_s3_whole_keep(object, value);
    }
}


/*
 * Headers that S3 keeps with an object (S3 API Reference, PutObject).
 */

static bool
social_net_s3_is_kept(social_str_t name)
{
    size_t        i;
    social_str_t  start;

    static const social_str_t  names[] = {
        social_string("content-type"),
        social_string("cache-control"),
        social_string("content-disposition"),
        social_string("content-encoding"),
        social_string("content-language"),
        social_string("expires"),
    };

    static const social_str_t  meta = social_string("x-amz-meta-");

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (social_str_caseeq(name, names[i])) {
            return true;
        }
    }

    start = name;
    start.len = name.len > meta.len ? meta.len : 0;

    return social_str_caseeq(start, meta);
}


social_str_t
social_net_s3_whole_keep(social_net_s3_whole_t *object, social_str_t value)
{
    social_str_t  kept;

    kept.data = object->text + object->len;
    kept.len = value.len;

    if (value.len > SOCIAL_NET_S3_HEADER_TEXT - object->len) {
        object->overflow = true;
        kept.len = 0;
        return kept;
    }

    memcpy(object->text + object->len, value.data, value.len);
    object->len += value.len;

    return kept;
}


static bool
social_net_s3_piece(void *data, const unsigned char *p, size_t len)
{
    social_net_s3_whole_t  *object = data;

    social_str_t  bytes;

    bytes.data = p;
    bytes.len = len;

    if (social_digest_update(object->md5, bytes) != SOCIAL_OK
        || social_sha256_update(object->sha, bytes) != SOCIAL_OK)
    {
        object->error = "no digest could be made";
        return false;
    }

    if (object->fd != -1
        && social_net_disk_write(object->fd, bytes) != SOCIAL_OK)
    {
        object->error = strerror(errno);
        return false;
    }

    object->received += len;

    return true;
}


social_rc_e
social_net_s3_put_whole(const social_net_s3_t *s3,
    social_net_session_t *session, social_str_t key, int fd,
    social_net_s3_whole_t *object, char *error)
{
    size_t                  i;
    social_str_t            digest;
    unsigned char           hex[social_hex_size(SOCIAL_SHA256_SIZE)];
    unsigned char           base64[social_base64_size(SOCIAL_SHA256_SIZE)];
    social_net_reply_t      reply;
    social_net_s3_call_t    call;
    social_net_request_t    request;
    social_sigv4_header_t   headers[SOCIAL_NET_S3_HEADERS];

    memset(&call, 0, sizeof(social_net_s3_call_t));
    memset(&request, 0, sizeof(social_net_request_t));

    digest.data = object->sha256_digest;
    digest.len = SOCIAL_SHA256_SIZE;
    social_hex_encode(digest, hex);

    for (i = 0; i < object->header_count; i++) {
        headers[i] = object->headers[i];
    }

    headers[i].name = social_str("x-amz-checksum-sha256");
    headers[i].value.data = base64;
    headers[i].value.len = social_base64_encode(digest, base64);

    call.key = key;
    call.headers = headers;
    call.header_count = i + 1;
    call.payload.data = hex;
    call.payload.len = sizeof(hex);

    request.method = "PUT";
    request.session = session;
    request.patient = true;
    request.file = &fd;
    request.size = object->size;

    object->status = 0;
    object->timed_out = false;

    if (social_net_s3_send(s3, &call, &request, &reply, error) != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    object->status = reply.status;
    object->timed_out = social_net_s3_is_timeout(&reply);

    return reply.status >= 200 && reply.status <= 299
           ? SOCIAL_OK : social_net_s3_refused(&reply, error);
}
