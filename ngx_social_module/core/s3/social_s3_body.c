
/*
 * What a request asks of an S3: its body, and what is kept with an object.
 */

#include <string.h>

#include "social_encoding.h"
#include "social_s3_reader.h"


static social_s3_error_e social_s3_md5(social_s3_reader_t *reader);
static social_s3_error_e social_s3_chunks(social_s3_reader_t *reader);
static social_s3_error_e social_s3_encoding(social_s3_reader_t *reader);
static social_s3_error_e social_s3_kept(social_s3_reader_t *reader);
static social_s3_error_e social_s3_keep(social_s3_reader_t *reader,
    social_str_t name, social_str_t value);
static social_s3_error_e social_s3_checksums(social_s3_reader_t *reader);
static social_s3_error_e social_s3_checksum(social_s3_reader_t *reader,
    social_s3_checksum_t *checksum, bool *found);
static social_s3_error_e social_s3_whole(social_s3_reader_t *reader);
static social_s3_error_e social_s3_whole_type(social_s3_reader_t *reader);


/*
 * What a request says of its body, and of the object that it makes.
 */

social_s3_error_e
social_s3_body(social_s3_reader_t *reader)
{
    social_s3_error_e  error;

    switch (reader->out->operation) {

    case SOCIAL_S3_COPY_OBJECT:
        return reader->out->copy.replace ? social_s3_kept(reader)
                                         : SOCIAL_S3_OK;

    case SOCIAL_S3_CREATE_MULTIPART_UPLOAD:
        error = social_s3_kept(reader);
        return error == SOCIAL_S3_OK ? social_s3_whole(reader) : error;

    case SOCIAL_S3_PUT_OBJECT:
        error = social_s3_chunks(reader);

        if (error == SOCIAL_S3_OK) {
            error = social_s3_kept(reader);
        }

        break;

    case SOCIAL_S3_UPLOAD_PART:
    case SOCIAL_S3_DELETE_OBJECTS:
    case SOCIAL_S3_COMPLETE_MULTIPART_UPLOAD:
        error = social_s3_chunks(reader);
        break;

    default:
        return SOCIAL_S3_OK;
    }

    if (error == SOCIAL_S3_OK) {
        error = social_s3_md5(reader);
    }

    if (error != SOCIAL_S3_OK) {
        return error;
    }

    if (reader->out->operation == SOCIAL_S3_COMPLETE_MULTIPART_UPLOAD) {
        return social_s3_whole(reader);
    }

    error = social_s3_checksums(reader);

    if (error == SOCIAL_S3_OK
        && reader->out->operation == SOCIAL_S3_DELETE_OBJECTS
        && !reader->out->has_md5
        && reader->out->checksum.algorithm == SOCIAL_S3_CHECKSUM_NONE)
    {
        return social_s3_fail(reader, SOCIAL_S3_INVALID_REQUEST,
                              "Missing required header for this request: "
                              "Content-MD5 OR x-amz-checksum-*", "Header",
                              social_str("Content-MD5"));
    }

    return error;
}


static social_s3_error_e
social_s3_md5(social_s3_reader_t *reader)
{
    size_t                  n;
    social_str_t            value;
    unsigned char           md5[social_base64_decoded_size(24)];
    social_s3_operation_t  *out;

    out = reader->out;
    value = social_s3_header_plain(&reader->headers, "content-md5");

    if (value.len == 0) {
        return SOCIAL_S3_OK;
    }

    if (value.len != 24
        || social_base64_decode(value, md5, &n) != SOCIAL_OK
        || n != sizeof(out->md5))
    {
        return social_s3_fail(reader, SOCIAL_S3_INVALID_DIGEST,
                              "The Content-MD5 you specified was invalid.",
                              "Content-MD5", value);
    }

    memcpy(out->md5, md5, sizeof(out->md5));
    out->has_md5 = true;

    return SOCIAL_S3_OK;
}


/*
 * Whether it is in chunks, which is said twice: in the digest's place, and as
 * an encoding, which is not the object's.
 */

static social_s3_error_e
social_s3_chunks(social_s3_reader_t *reader)
{
    social_str_t            length, payload, trailer;
    social_s3_operation_t  *out;

    out = reader->out;

    payload = social_s3_header_amz(&reader->headers, "x-amz-content-sha256");
    out->chunked = social_s3_chunked_kind(payload);

    trailer = social_s3_header_amz(&reader->headers, "x-amz-trailer");

    if (out->chunked == SOCIAL_S3_CHUNKED_NONE) {

        if (trailer.len) {
            return social_s3_fail(reader, SOCIAL_S3_INVALID_REQUEST,
                                  "There is a trailer only with a body in "
                                  "chunks", "Header",
                                  social_str("x-amz-trailer"));
        }

        return SOCIAL_S3_OK;
    }

    length = social_s3_header_amz(&reader->headers,
                                  "x-amz-decoded-content-length");

    if (length.len == 0) {
        return social_s3_fail(reader, SOCIAL_S3_MISSING_CONTENT_LENGTH,
                              "x-amz-decoded-content-length is required",
                              "Header",
                              social_str("x-amz-decoded-content-length"));
    }

    if (!social_s3_number(length, &out->length)) {
        return social_s3_fail(reader, SOCIAL_S3_INVALID_ARGUMENT,
                              "x-amz-decoded-content-length is not a number",
                              "ArgumentName",
                              social_str("x-amz-decoded-content-length"));
    }

    if (trailer.len == 0) {
        return SOCIAL_S3_OK;
    }

    out->checksum.algorithm = social_s3_checksum_by_header(trailer);
    out->checksum.trailing = true;

    if (out->chunked == SOCIAL_S3_CHUNKED_SIGNED
        || out->checksum.algorithm == SOCIAL_S3_CHECKSUM_NONE)
    {
        return social_s3_fail(reader, SOCIAL_S3_NOT_IMPLEMENTED,
                              "The trailer is not one of a checksum that is "
                              "implemented", "Header", trailer);
    }

    return SOCIAL_S3_OK;
}


/*
 * The encodings of the object, without that of the body; in chunks that are not
 * said to be some it would become a part of the object.
 */

static social_s3_error_e
social_s3_encoding(social_s3_reader_t *reader)
{
    size_t                     mark;
    social_str_t               encoding, item;
    social_buf_t              *work;
    static const social_str_t  name = social_string("content-encoding");

    work = reader->work;
    mark = work->len;

    encoding = social_s3_header_plain(&reader->headers, "content-encoding");

    while (social_str_next(&encoding, ", \t", &item)) {

        if (social_str_caseeq(item, social_str("aws-chunked"))) {

            if (reader->out->chunked != SOCIAL_S3_CHUNKED_NONE) {
                continue;
            }

            return social_s3_fail(reader, SOCIAL_S3_NOT_IMPLEMENTED, NULL,
                                  "Header", social_str("Content-Encoding"));
        }

        if (work->len > mark) {
            social_buf_byte(work, ',');
        }

        social_buf_put(work, item);
    }

    if (work->rc != SOCIAL_OK) {
        return SOCIAL_S3_INVALID_URI;
    }

    return social_s3_keep(reader, name, social_buf_since(work, mark));
}


static social_s3_error_e
social_s3_kept(social_s3_reader_t *reader)
{
    size_t                     i, size;
    social_str_t               name;
    social_s3_error_e          error;
    static const social_str_t  meta = social_string("x-amz-meta-");

    static const char *const   plain[] = {
        "cache-control",
        "content-disposition",
        "content-language",
        "expires"
    };

    error = social_s3_encoding(reader);

    for (i = 0; i < 4 && error == SOCIAL_S3_OK; i++) {
        error = social_s3_keep(reader, social_str(plain[i]),
                               social_s3_header_plain(&reader->headers,
                                                      plain[i]));
    }

    size = 0;

    for (i = 0; i < reader->headers.count && error == SOCIAL_S3_OK; i++) {

        name = reader->headers.items[i].name;

        if (!social_str_starts(name, meta)) {
            continue;
        }

        size += name.len - meta.len + reader->headers.items[i].value.len;

        if (size > SOCIAL_S3_MAX_METADATA) {
            return social_s3_fail(reader, SOCIAL_S3_METADATA_TOO_LARGE, NULL,
                                  "Header", name);
        }

        error = social_s3_keep(reader, name, reader->headers.items[i].value);
    }

    return error;
}


static social_s3_error_e
social_s3_keep(social_s3_reader_t *reader, social_str_t name,
    social_str_t value)
{
    size_t                  i;
    social_s3_operation_t  *out;

    out = reader->out;

    if (value.len == 0) {
        return SOCIAL_S3_OK;
    }

    for (i = 0; i < value.len; i++) {
        if (value.data[i] < ' ' || value.data[i] == 0x7f) {
            return social_s3_fail(reader, SOCIAL_S3_INVALID_ARGUMENT,
                                  "The value cannot be a header's", "Header",
                                  name);
        }
    }

    out->kept_size += name.len + value.len + 2;

    if (out->kept_count == SOCIAL_S3_MAX_KEPT
        || out->kept_size > SOCIAL_S3_MAX_KEPT_SIZE)
    {
        return social_s3_fail(reader, SOCIAL_S3_METADATA_TOO_LARGE, NULL,
                              "Header", name);
    }

    out->kept[out->kept_count].name = name;
    out->kept[out->kept_count].value = value;
    out->kept_count++;

    return SOCIAL_S3_OK;
}


/*
 * One checksum at most, of the algorithm that is named, if one is.
 */

static social_s3_error_e
social_s3_checksums(social_s3_reader_t *reader)
{
    bool                   found;
    social_str_t           value;
    social_s3_error_e      error;
    social_s3_checksum_t  *checksum;

    checksum = &reader->out->checksum;

    error = social_s3_checksum(reader, checksum, &found);

    if (error != SOCIAL_S3_OK) {
        return error;
    }

    value = social_s3_header_amz(&reader->headers,
                                 "x-amz-sdk-checksum-algorithm");

    if (value.len && social_s3_checksum_by_name(value) != checksum->algorithm)
    {
        return social_s3_fail(reader, SOCIAL_S3_INVALID_REQUEST,
                              "x-amz-sdk-checksum-algorithm is not that of "
                              "the checksum given", "Header",
                              social_str("x-amz-sdk-checksum-algorithm"));
    }

    return SOCIAL_S3_OK;
}


static social_s3_error_e
social_s3_checksum(social_s3_reader_t *reader, social_s3_checksum_t *checksum,
    bool *found)
{
    size_t                i;
    social_str_t          value, rest;
    social_s3_checksum_e  algorithm;

    *found = false;

    for (i = 0; i < reader->headers.count; i++) {

        algorithm = social_s3_checksum_by_header(reader->headers.items[i].name);

        if (algorithm == SOCIAL_S3_CHECKSUM_NONE) {
            continue;
        }

        if (checksum->algorithm != SOCIAL_S3_CHECKSUM_NONE) {
            return social_s3_fail(reader, SOCIAL_S3_INVALID_REQUEST,
                                  "Expecting a single x-amz-checksum- header",
                                  "Header", reader->headers.items[i].name);
        }

        value = reader->headers.items[i].value;

        /* "-PARTS" may follow one of the checksums of parts */

        if (checksum == &reader->out->whole) {
            rest = value;
            (void) social_str_next(&rest, "-", &value);
        }

        if (social_s3_checksum_read(algorithm, value, checksum->value)
            != SOCIAL_OK)
        {
            return social_s3_fail(reader, SOCIAL_S3_INVALID_REQUEST,
                                  "The value of the checksum header is "
                                  "invalid", "Header",
                                  reader->headers.items[i].name);
        }

        checksum->algorithm = algorithm;
        *found = true;
    }

    return SOCIAL_S3_OK;
}


/*
 * The checksum of an object in parts: its algorithm at the beginning of the
 * upload, and perhaps its value at the end.
 */

static social_s3_error_e
social_s3_whole(social_s3_reader_t *reader)
{
    social_str_t            value;
    social_s3_error_e       error;
    social_s3_operation_t  *out;

    out = reader->out;

    if (out->operation == SOCIAL_S3_CREATE_MULTIPART_UPLOAD) {

        out->whole.algorithm = social_s3_checksum_by_name(
            social_s3_header_amz(&reader->headers,
                                 "x-amz-checksum-algorithm"));

        return social_s3_whole_type(reader);
    }

    error = social_s3_checksum(reader, &out->whole, &out->has_whole);

    if (error != SOCIAL_S3_OK) {
        return error;
    }

    value = social_s3_header_amz(&reader->headers, "x-amz-checksum-type");
    out->has_type = (value.len != 0);
    out->full = social_str_eq(value, social_str("FULL_OBJECT"));

    if (out->has_type && !out->full
        && !social_str_eq(value, social_str("COMPOSITE")))
    {
        return social_s3_fail(reader, SOCIAL_S3_INVALID_REQUEST,
                              "Value for x-amz-checksum-type header is "
                              "invalid", "Header",
                              social_str("x-amz-checksum-type"));
    }

    value = social_s3_header_amz(&reader->headers, "x-amz-mp-object-size");

    if (value.len && !social_s3_number(value, &out->size)) {
        return social_s3_fail(reader, SOCIAL_S3_INVALID_ARGUMENT,
                              "x-amz-mp-object-size is not a number",
                              "ArgumentName",
                              social_str("x-amz-mp-object-size"));
    }

    return SOCIAL_S3_OK;
}


/*
 * A CRC of a whole follows from those of its parts, a hash does not.
 */

static social_s3_error_e
social_s3_whole_type(social_s3_reader_t *reader)
{
    bool                    full, composite;
    social_str_t            type;
    social_s3_operation_t  *out;

    out = reader->out;

    type = social_s3_header_amz(&reader->headers, "x-amz-checksum-type");

    full = out->whole.algorithm == SOCIAL_S3_CHECKSUM_CRC32
           || out->whole.algorithm == SOCIAL_S3_CHECKSUM_CRC32C
           || out->whole.algorithm == SOCIAL_S3_CHECKSUM_CRC64NVME;
    composite = out->whole.algorithm != SOCIAL_S3_CHECKSUM_NONE
                && out->whole.algorithm != SOCIAL_S3_CHECKSUM_CRC64NVME;

    if (type.len == 0) {
        out->full = full && !composite;
        return SOCIAL_S3_OK;
    }

    out->full = social_str_eq(type, social_str("FULL_OBJECT"));

    if (out->full ? full
                  : composite && social_str_eq(type, social_str("COMPOSITE")))
    {
        return SOCIAL_S3_OK;
    }

    return social_s3_fail(reader, SOCIAL_S3_INVALID_REQUEST,
                          "The checksum type cannot be used with the checksum "
                          "algorithm", "Header",
                          social_str("x-amz-checksum-type"));
}
