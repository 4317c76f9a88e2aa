
/*
 * What a request asks of an S3: its bucket and key.
 */

#include "social_object.h"
#include "social_s3_reader.h"


static bool social_s3_target_by_host(social_s3_reader_t *reader,
    social_str_t *bucket);
static social_s3_error_e social_s3_key(social_s3_reader_t *reader,
    social_str_t raw);


/*
 * The bucket is before the host or before the key, in the path.
 */

social_s3_error_e
social_s3_target(social_s3_reader_t *reader)
{
    size_t                    i;
    social_str_t              raw, bucket;
    const social_s3_place_t  *place;

    place = reader->place;
    raw = reader->request->path;

    if (!social_str_starts(raw, place->prefix)) {
        return SOCIAL_S3_INVALID_URI;
    }

    raw.data += place->prefix.len;
    raw.len -= place->prefix.len;

    if (place->part.len) {
        reader->has_key = true;
        return social_s3_key(reader, raw);
    }

    if (!social_s3_target_by_host(reader, &bucket)) {

        if (raw.len == 0) {
            reader->has_bucket = false;
            return SOCIAL_S3_OK;
        }

        for (i = 0; i < raw.len && raw.data[i] != '/'; i++) { /* void */ }

        bucket.data = raw.data;
        bucket.len = i;

        i += (i < raw.len);
        raw.data += i;
        raw.len -= i;
    }

    if (!social_str_eq(bucket, place->bucket)) {
        return social_s3_fail(reader, SOCIAL_S3_NO_SUCH_BUCKET, NULL,
                              "BucketName", bucket);
    }

    if (raw.len == 0) {
        return SOCIAL_S3_OK;
    }

    reader->has_key = true;

    return social_s3_key(reader, raw);
}


static bool
social_s3_target_by_host(social_s3_reader_t *reader, social_str_t *bucket)
{
    size_t        i, n;
    social_str_t  host, end;

    host.len = 0;
    host.data = NULL;

    for (i = 0; i < reader->request->header_count; i++) {
        if (social_str_caseeq(reader->request->headers[i].name,
                              social_str("host")))
        {
            host = social_str_trim(reader->request->headers[i].value);
            break;
        }
    }

    if (host.data == NULL) {
        return false;
    }

    for (i = host.len; i > 0; i--) {
        if (host.data[i - 1] == ':') {
            host.len = i - 1;
            break;
        }

        if (host.data[i - 1] < '0' || host.data[i - 1] > '9') {
            break;
        }
    }

    for (i = 0; i < SOCIAL_S3_MAX_ENDPOINTS; i++) {

        n = reader->place->endpoints[i].len;

        if (n == 0 || host.len < n + 2 || host.data[host.len - n - 1] != '.') {
            continue;
        }

        end.data = host.data + host.len - n;
        end.len = n;

        if (social_str_caseeq(end, reader->place->endpoints[i])) {
            bucket->data = host.data;
            bucket->len = host.len - n - 1;
            return true;
        }
    }

    return false;
}


/*
 * The key is decoded once; nothing is made of its slashes and dots.
 */

static social_s3_error_e
social_s3_key(social_s3_reader_t *reader, social_str_t raw)
{
    size_t         mark;
    social_str_t   key;
    social_buf_t  *work;

    work = reader->work;
    mark = work->len;

    social_buf_put(work, reader->place->part);

    if (reader->request->decoded) {
        social_buf_put(work, raw);

    } else {
        social_uri_decode(work, raw, 0);
    }

    if (work->rc != SOCIAL_OK) {
        return SOCIAL_S3_INVALID_URI;
    }

    key = social_buf_since(work, mark);

    if (key.len > SOCIAL_OBJECT_MAX_KEY) {
        return SOCIAL_S3_KEY_TOO_LONG;
    }

    /* keys are text: a database accepts nothing else */

    if (!social_object_check(key)) {
        return SOCIAL_S3_INVALID_URI;
    }

    reader->out->key = key;

    return SOCIAL_S3_OK;
}
