
/*
 * Objects of S3, or of what speaks like it: requests signed in the URL, which
 * is never logged.
 */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "social_net_request.h"
#include "social_presign.h"
#include "social_worker_s3.h"


#define SOCIAL_WORKER_S3_EXPIRES  300
#define SOCIAL_WORKER_S3_FILE     8192


typedef struct {
    char      access_key[SOCIAL_SIGV4_MAX_ACCESS_KEY + 1];
    char      secret[SOCIAL_SIGV4_MAX_SECRET + 1];
    char      token[4096];
} social_worker_s3_keys_t;


typedef struct {
    int       fd;
    uint64_t  size;
    uint64_t  max_size;
    bool      too_large;
} social_worker_s3_sink_t;


static social_rc_e social_worker_s3_send(const social_worker_bucket_t *bucket,
    const char *key, const char *query,
    const social_sigv4_header_t *headers, size_t header_count,
    social_net_request_t *request, social_net_reply_t *reply, char *error);
static bool social_worker_s3_keys(const social_worker_bucket_t *bucket,
    social_worker_s3_keys_t *keys, char *error);
static bool social_worker_s3_keys_env(social_worker_s3_keys_t *keys);
static bool social_worker_s3_keys_file(const char *path,
    social_worker_s3_keys_t *keys);
static bool social_worker_s3_sink(void *data, const unsigned char *p,
    size_t len);
static void social_worker_s3_refused(const social_net_reply_t *reply,
    char *error);


social_rc_e
social_worker_s3_get(const social_worker_bucket_t *bucket, const char *key,
    uint64_t max_size, int fd, uint64_t *size, char *error)
{
    social_rc_e              rc;
    social_net_reply_t       reply;
    social_net_request_t     request;
    social_worker_s3_sink_t  sink;

    memset(&request, 0, sizeof(social_net_request_t));
    memset(&sink, 0, sizeof(social_worker_s3_sink_t));

    sink.fd = fd;
    sink.max_size = max_size;

    request.method = "GET";
    request.sink = social_worker_s3_sink;
    request.data = &sink;

    rc = social_worker_s3_send(bucket, key, "", NULL, 0, &request, &reply,
                               error);

    if (sink.too_large) {
        snprintf(error, SOCIAL_WORKER_STORE_ERROR,
                 "it is larger than %llu bytes",
                 (unsigned long long) max_size);
        return SOCIAL_MALFORMED;
    }

    if (rc != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    if (reply.status == 200) {
        *size = sink.size;
        return SOCIAL_OK;
    }

    social_worker_s3_refused(&reply, error);

    /* a missing bucket is our mistake, and may be set right */

    return reply.status == 404 && strstr(reply.text, "NoSuchBucket") == NULL
           ? SOCIAL_DECLINED : SOCIAL_FAILED;
}


social_rc_e
social_worker_s3_put(const social_worker_bucket_t *bucket,
    const social_worker_object_t *object, char *error)
{
    char                    type[128], cache[128];
    const char             *lines[3];
    social_rc_e             rc;
    social_net_reply_t      reply;
    social_net_request_t    request;
    social_sigv4_header_t   headers[2];

    memset(&request, 0, sizeof(social_net_request_t));

    headers[0].name = social_str("content-type");
    headers[0].value = social_str(object->content_type);
    headers[1].name = social_str("cache-control");
    headers[1].value = social_str(object->cache_control);

    snprintf(type, sizeof(type), "Content-Type: %s", object->content_type);
    snprintf(cache, sizeof(cache), "Cache-Control: %s",
             object->cache_control);

    lines[0] = type;
    lines[1] = cache;
    lines[2] = NULL;

    request.method = "PUT";
    request.headers = lines;
    request.body = object->data;
    request.size = object->size;

    rc = social_worker_s3_send(bucket, object->key, "", headers, 2, &request,
                               &reply, error);

    if (rc != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    if (reply.status < 200 || reply.status > 299) {
        social_worker_s3_refused(&reply, error);
        return SOCIAL_FAILED;
    }

    return SOCIAL_OK;
}


/* S3 says 204 of what is not there, others 404 */

social_rc_e
social_worker_s3_delete(const social_worker_bucket_t *bucket, const char *key,
    char *error)
{
    social_rc_e            rc;
    social_net_reply_t     reply;
    social_net_request_t   request;

    memset(&request, 0, sizeof(social_net_request_t));
    request.method = "DELETE";

    rc = social_worker_s3_send(bucket, key, "", NULL, 0, &request, &reply,
                               error);

    if (rc != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    if ((reply.status >= 200 && reply.status <= 299)
        || (reply.status == 404 && strstr(reply.text, "NoSuchBucket") == NULL))
    {
        return SOCIAL_OK;
    }

    social_worker_s3_refused(&reply, error);

    return SOCIAL_FAILED;
}


/*
 * An object that is not there: 404 shows that the bucket is, and that it lets
 * us read; S3 says 403 to those who may not list.
 */

social_rc_e
social_worker_s3_check(const social_worker_bucket_t *bucket, char *error)
{
    social_rc_e            rc;
    social_net_reply_t     reply;
    social_net_request_t   request;

    memset(&request, 0, sizeof(social_net_request_t));
    request.method = "GET";

    rc = social_worker_s3_send(bucket, "social-worker-check", "", NULL, 0,
                               &request, &reply, error);

    if (rc != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    if (reply.status == 200
        || (reply.status == 404 && strstr(reply.text, "NoSuchBucket") == NULL)
        || (reply.status == 403 && strstr(reply.text, "AccessDenied") != NULL))
    {
        error[0] = '\0';
        return SOCIAL_OK;
    }

    social_worker_s3_refused(&reply, error);

    return SOCIAL_FAILED;
}


static social_rc_e
social_worker_s3_send(const social_worker_bucket_t *bucket, const char *key,
    const char *query, const social_sigv4_header_t *headers,
    size_t header_count, social_net_request_t *request,
    social_net_reply_t *reply, char *error)
{
    char                         text[256], *url;
    const char                  *why;
    social_buf_t                 work;
    social_rc_e                  rc;
    social_str_t                 signed_url;
    unsigned char               *memory;
    social_presign_t             presign;
    social_presign_bucket_t      target;
    social_worker_s3_keys_t      keys;
    social_sigv4_credentials_t   credentials;

    reply->status = 0;
    text[0] = '\0';

    if (!social_worker_s3_keys(bucket, &keys, error)) {
        return SOCIAL_FAILED;
    }

    memset(&target, 0, sizeof(social_presign_bucket_t));
    memset(&presign, 0, sizeof(social_presign_t));

    /* AWS's own where none is given; "localhost" is in lower case already */

    if (bucket->endpoint == NULL) {
        snprintf(text, sizeof(text), "https://s3.%.64s.amazonaws.com",
                 bucket->region ? bucket->region : "us-east-1");
    }

    if (social_endpoint_parse(social_str(bucket->endpoint ? bucket->endpoint
                                                          : text),
                              &target.endpoint, &why)
        != SOCIAL_OK)
    {
        snprintf(error, SOCIAL_WORKER_STORE_ERROR, "endpoint: %s", why);
        return SOCIAL_FAILED;
    }

    target.path_style = bucket->path_style && bucket->endpoint != NULL;
    target.bucket = social_str(bucket->bucket);
    target.region = social_str(bucket->region ? bucket->region : "us-east-1");

    presign.method = social_str(request->method);
    presign.key = social_str(key);
    presign.query = social_str(query);
    presign.expires = SOCIAL_WORKER_S3_EXPIRES;
    presign.headers = headers;
    presign.header_count = header_count;

    credentials.access_key = social_str(keys.access_key);
    credentials.secret = social_str(keys.secret);
    credentials.token = social_str(keys.token);

    memory = malloc(SOCIAL_SIGV4_WORK_SIZE);

    if (memory == NULL) {
        snprintf(error, SOCIAL_WORKER_STORE_ERROR, "no memory");
        return SOCIAL_FAILED;
    }

    social_buf_init(&work, memory, SOCIAL_SIGV4_WORK_SIZE);

    rc = social_presign(&target, &credentials, &presign, (int64_t) time(NULL),
                        NULL, &work, &signed_url);

    explicit_bzero(&keys, sizeof(keys));

    url = rc == SOCIAL_OK
          ? strndup((const char *) signed_url.data, signed_url.len) : NULL;

    free(memory);

    if (url == NULL) {
        snprintf(error, SOCIAL_WORKER_STORE_ERROR,
                 "no request could be signed for this bucket and key");
        return SOCIAL_FAILED;
    }

    request->url = url;
    request->timeout = (long) bucket->timeout;

    rc = social_net_request(request, reply);
    free(url);

    if (rc != SOCIAL_OK) {
        snprintf(error, SOCIAL_WORKER_STORE_ERROR, "%.250s", reply->error);
        return SOCIAL_FAILED;
    }

    return SOCIAL_OK;
}


/*
 * "env": AWS_ACCESS_KEY_ID and so on; "file PATH": a file as AWS's own, of
 * which the first profile counts.  Read each time, so that keys can be
 * changed under a running worker.
 */

static bool
social_worker_s3_keys(const social_worker_bucket_t *bucket,
    social_worker_s3_keys_t *keys, char *error)
{
    const char  *source;

    memset(keys, 0, sizeof(social_worker_s3_keys_t));

    source = bucket->credentials ? bucket->credentials : "env";

    if (strcmp(source, "env") == 0) {

        if (social_worker_s3_keys_env(keys)) {
            return true;
        }

        snprintf(error, SOCIAL_WORKER_STORE_ERROR, "AWS_ACCESS_KEY_ID and "
                 "AWS_SECRET_ACCESS_KEY are not in the environment");
        return false;
    }

    if (strncmp(source, "file ", 5) != 0) {
        snprintf(error, SOCIAL_WORKER_STORE_ERROR,
                 "credentials: \"env\" or \"file PATH\" is needed");
        return false;
    }

    if (!social_worker_s3_keys_file(source + 5, keys)) {
        snprintf(error, SOCIAL_WORKER_STORE_ERROR,
                 "no keys could be read from %.200s", source + 5);
        return false;
    }

    return true;
}


static bool
social_worker_s3_keys_env(social_worker_s3_keys_t *keys)
{
    const char  *access_key, *secret, *token;

    access_key = getenv("AWS_ACCESS_KEY_ID");
    secret = getenv("AWS_SECRET_ACCESS_KEY");
    token = getenv("AWS_SESSION_TOKEN");

    if (access_key == NULL || secret == NULL
        || strlen(access_key) >= sizeof(keys->access_key)
        || strlen(secret) >= sizeof(keys->secret)
        || (token != NULL && strlen(token) >= sizeof(keys->token)))
    {
        return false;
    }

    memcpy(keys->access_key, access_key, strlen(access_key) + 1);
    memcpy(keys->secret, secret, strlen(secret) + 1);

    if (token != NULL) {
        memcpy(keys->token, token, strlen(token) + 1);
    }

    return access_key[0] != '\0' && secret[0] != '\0';
}


static bool
social_worker_s3_keys_file(const char *path, social_worker_s3_keys_t *keys)
{
    int       profiles;
    char      line[SOCIAL_WORKER_S3_FILE], *p, *value, *end;
    FILE     *f;
    size_t    i;

    const struct {
        const char  *name;
        char        *value;
        size_t       size;
    } names[] = {
        { "aws_access_key_id", keys->access_key, sizeof(keys->access_key) },
        { "aws_secret_access_key", keys->secret, sizeof(keys->secret) },
        { "aws_session_token", keys->token, sizeof(keys->token) }
    };

    f = fopen(path, "re");

    if (f == NULL) {
        return false;
    }

    profiles = 0;

    while (fgets(line, sizeof(line), f) != NULL) {

        p = line + strspn(line, " \t");

        if (*p == '[' && ++profiles > 1) {
            break;
        }

        value = strchr(p, '=');

        if (*p == '#' || value == NULL) {
            continue;
        }

        end = value;

        while (end > p && isspace((unsigned char) end[-1])) {
            end--;
        }

        *end = '\0';
        value++;
        value += strspn(value, " \t");
        value[strcspn(value, " \t\r\n")] = '\0';

        for (i = 0; i < 3; i++) {
            if (strcmp(p, names[i].name) == 0
                && strlen(value) < names[i].size)
            {
                memcpy(names[i].value, value, strlen(value) + 1);
            }
        }
    }

    fclose(f);
    explicit_bzero(line, sizeof(line));

    return keys->access_key[0] != '\0' && keys->secret[0] != '\0';
}


static bool
social_worker_s3_sink(void *data, const unsigned char *p, size_t len)
{
    social_worker_s3_sink_t  *sink = data;

    if (len > sink->max_size - sink->size) {
        sink->too_large = true;
        return false;
    }

    if (write(sink->fd, p, len) != (ssize_t) len) {
        return false;
    }

    sink->size += len;

    return true;
}


/* the code out of an error's XML: letters only */

static void
social_worker_s3_refused(const social_net_reply_t *reply, char *error)
{
    size_t       len;
    const char  *code;

    code = strstr(reply->text, "<Code>");
    len = 0;

    if (code != NULL) {
        code += 6;

        while (len < 64 && isalpha((unsigned char) code[len])) {
            len++;
        }
    }

    snprintf(error, SOCIAL_WORKER_STORE_ERROR,
             "the store answered with status %ld%s%.*s", reply->status,
             len ? ", " : "", (int) len, code ? code : "");
}
