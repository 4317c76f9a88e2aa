
/*
 * What a request asks of an S3: what a copy is of (S3 API Reference,
 * CopyObject and UploadPartCopy).
 */

#include "social_object.h"
#include "social_s3_reader.h"


static social_s3_error_e social_s3_copy_source(social_s3_reader_t *reader,
    social_str_t value);
static social_s3_error_e social_s3_copy_invalid(social_s3_reader_t *reader);
static social_s3_error_e social_s3_copy_range(social_s3_reader_t *reader,
    social_str_t value);


static const char  social_s3_copy_header[] = "x-amz-copy-source";


void
social_s3_copies(social_s3_reader_t *reader)
{
    social_s3_operation_t  *out;

    out = reader->out;

    if (!social_s3_header_has(&reader->headers, social_s3_copy_header)) {
        return;
    }

    if (out->operation == SOCIAL_S3_PUT_OBJECT) {
        out->operation = SOCIAL_S3_COPY_OBJECT;

    } else if (out->operation == SOCIAL_S3_UPLOAD_PART) {
        out->operation = SOCIAL_S3_UPLOAD_PART_COPY;
    }
}


social_s3_error_e
social_s3_copy(social_s3_reader_t *reader)
{
    social_str_t           directive;
    social_s3_copy_t      *copy;
    social_s3_error_e      error;
    social_s3_headers_t   *headers;

    copy = &reader->out->copy;
    headers = &reader->headers;

    error = social_s3_copy_source(reader, social_s3_header_amz(headers,
                                              social_s3_copy_header));
    if (error != SOCIAL_S3_OK) {
        return error;
    }

    copy->condition.if_match = social_s3_header_amz(headers,
                                           "x-amz-copy-source-if-match");
    copy->condition.if_none_match = social_s3_header_amz(headers,
                                           "x-amz-copy-source-if-none-match");
    copy->condition.if_modified_since = social_s3_date(
        social_s3_header_amz(headers, "x-amz-copy-source-if-modified-since"));
    copy->condition.if_unmodified_since = social_s3_date(
        social_s3_header_amz(headers,
                             "x-amz-copy-source-if-unmodified-since"));

    if (reader->out->operation == SOCIAL_S3_UPLOAD_PART_COPY) {
        return social_s3_copy_range(reader, social_s3_header_amz(headers,
                                                "x-amz-copy-source-range"));
    }

    directive = social_s3_header_amz(headers, "x-amz-metadata-directive");

    copy->replace = social_str_eq(directive, social_str("REPLACE"));

    if (directive.len && !copy->replace
        && !social_str_eq(directive, social_str("COPY")))
    {
        return social_s3_fail(reader, SOCIAL_S3_INVALID_ARGUMENT,
                              "Unknown metadata directive", "Header",
                              social_str("x-amz-metadata-directive"));
    }

    if (!copy->replace && social_str_eq(copy->key, reader->out->key)) {
        return social_s3_fail(reader, SOCIAL_S3_INVALID_REQUEST,
                              "This copy request is illegal because it is "
                              "trying to copy an object to itself without "
                              "changing the object's metadata", "Header",
                              social_str(social_s3_copy_header));
    }

    return SOCIAL_S3_OK;
}


/*
 * "/BUCKET/KEY" or "BUCKET/KEY", encoded as in a URL, and perhaps a version.
 */

static social_s3_error_e
social_s3_copy_source(social_s3_reader_t *reader, social_str_t value)
{
    size_t        i, mark;
    social_str_t  bucket, key, version;

    if (value.len == 0) {
        return social_s3_copy_invalid(reader);
    }

    if (value.data[0] == '/') {
        value.data++;
        value.len--;
    }

    for (i = 0; i < value.len && value.data[i] != '?'; i++) { /* void */ }

    version.data = value.data + i;
    version.len = value.len - i;
    value.len = i;

    if (version.len && !social_str_eq(version, social_str("?versionId=null")))
    {
        if (!social_str_starts(version, social_str("?versionId="))) {
            return social_s3_copy_invalid(reader);
        }

        return social_s3_fail(reader, SOCIAL_S3_NO_SUCH_VERSION, NULL,
                              "Header", social_str(social_s3_copy_header));
    }

    mark = reader->work->len;
    social_uri_decode(reader->work, value, 0);
    value = social_buf_since(reader->work, mark);

    for (i = 0; i < value.len && value.data[i] != '/'; i++) { /* void */ }

    if (reader->work->rc != SOCIAL_OK || i == 0 || i == value.len) {
        return social_s3_copy_invalid(reader);
    }

    bucket.data = value.data;
    bucket.len = i;
    key.data = value.data + i + 1;
    key.len = value.len - i - 1;

    if (!social_object_check(key)) {
        return social_s3_copy_invalid(reader);
    }

    if (!social_str_eq(bucket, reader->place->bucket)) {
        return social_s3_fail(reader, SOCIAL_S3_NO_SUCH_BUCKET, NULL,
                              "BucketName", bucket);
    }

    /* a location of a part of the keys has no others */

    if (!social_str_starts(key, reader->place->part)) {
        return SOCIAL_S3_ACCESS_DENIED;
    }

    reader->out->copy.key = key;

    return SOCIAL_S3_OK;
}


static social_s3_error_e
social_s3_copy_invalid(social_s3_reader_t *reader)
{
    return social_s3_fail(reader, SOCIAL_S3_INVALID_ARGUMENT,
                          "Copy Source must mention the source bucket and "
                          "key: sourcebucket/sourcekey", "ArgumentName",
                          social_str(social_s3_copy_header));
}


/*
 * Of a part, both ends have to be given.
 */

static social_s3_error_e
social_s3_copy_range(social_s3_reader_t *reader, social_str_t value)
{
    size_t                     i;
    int64_t                    last;
    social_str_t               from, to;
    social_s3_copy_t          *copy;
    static const social_str_t  bytes = social_string("bytes=");

    if (value.len == 0) {
        return SOCIAL_S3_OK;
    }

    copy = &reader->out->copy;

    if (social_str_starts(value, bytes)) {

        from.data = value.data + bytes.len;
        from.len = value.len - bytes.len;

        for (i = 0; i < from.len && from.data[i] != '-'; i++) { /* void */ }

        to.data = from.data + i + 1;
        to.len = i < from.len ? from.len - i - 1 : 0;
        from.len = i;

        if (social_s3_number(from, &copy->first)
            && social_s3_number(to, &last) && copy->first <= last)
        {
            copy->end = last + 1;
            copy->has_range = true;

            return SOCIAL_S3_OK;
        }
    }

    return social_s3_fail(reader, SOCIAL_S3_INVALID_ARGUMENT,
                          "The value of x-amz-copy-source-range has to have "
                          "the form bytes=first-last", "ArgumentName",
                          social_str("x-amz-copy-source-range"));
}
