
/*
 * What a request asks of an S3: its operation, and conditions.
 */

#include <string.h>

#include "social_s3_reader.h"


static social_s3_error_e social_s3_method(social_s3_reader_t *reader,
    const social_uri_query_t *query);
static social_s3_error_e social_s3_conditions(social_s3_reader_t *reader);


static const social_str_t  social_s3_operations[] = {
    [SOCIAL_S3_NO_OPERATION] = social_string("-"),
    [SOCIAL_S3_GET_OBJECT] = social_string("GetObject"),
    [SOCIAL_S3_HEAD_OBJECT] = social_string("HeadObject"),
    [SOCIAL_S3_GET_OBJECT_TAGGING] = social_string("GetObjectTagging"),
    [SOCIAL_S3_PUT_OBJECT] = social_string("PutObject"),
    [SOCIAL_S3_POST_OBJECT] = social_string("PostObject"),
    [SOCIAL_S3_DELETE_OBJECT] = social_string("DeleteObject"),
    [SOCIAL_S3_LIST_OBJECTS] = social_string("ListObjects"),
    [SOCIAL_S3_LIST_OBJECTS_V2] = social_string("ListObjectsV2"),
    [SOCIAL_S3_DELETE_OBJECTS] = social_string("DeleteObjects"),
    [SOCIAL_S3_HEAD_BUCKET] = social_string("HeadBucket"),
    [SOCIAL_S3_CREATE_BUCKET] = social_string("CreateBucket"),
    [SOCIAL_S3_GET_BUCKET_LOCATION] = social_string("GetBucketLocation"),
    [SOCIAL_S3_GET_BUCKET_VERSIONING] = social_string("GetBucketVersioning"),
    [SOCIAL_S3_LIST_BUCKETS] = social_string("ListBuckets"),
    [SOCIAL_S3_COPY_OBJECT] = social_string("CopyObject"),
    [SOCIAL_S3_CREATE_MULTIPART_UPLOAD] =
        social_string("CreateMultipartUpload"),
    [SOCIAL_S3_UPLOAD_PART] = social_string("UploadPart"),
    [SOCIAL_S3_UPLOAD_PART_COPY] = social_string("UploadPartCopy"),
    [SOCIAL_S3_COMPLETE_MULTIPART_UPLOAD] =
        social_string("CompleteMultipartUpload"),
    [SOCIAL_S3_ABORT_MULTIPART_UPLOAD] = social_string("AbortMultipartUpload"),
    [SOCIAL_S3_LIST_PARTS] = social_string("ListParts"),
    [SOCIAL_S3_LIST_MULTIPART_UPLOADS] = social_string("ListMultipartUploads")
};


social_str_t
social_s3_operation_name(social_s3_operation_e operation)
{
    return social_s3_operations[operation];
}


social_s3_error_e
social_s3_request_read(const social_s3_place_t *place,
    const social_s3_request_t *request, social_buf_t *work,
    social_s3_operation_t *out)
{
    social_s3_error_e          error;
    social_s3_reader_t         reader;
    social_uri_query_t         query;
    const social_uri_param_t  *twice;

    memset(out, 0, sizeof(social_s3_operation_t));
    out->condition.if_modified_since = SOCIAL_S3_NO_TIME;
    out->condition.if_unmodified_since = SOCIAL_S3_NO_TIME;
    out->copy.condition = out->condition;
    out->length = -1;
    out->max_size = -1;
    out->size = -1;
    out->list.max_keys = SOCIAL_S3_MAX_KEYS;

    reader.place = place;
    reader.request = request;
    reader.work = work;
    reader.out = out;
    reader.has_bucket = true;
    reader.has_key = false;

    error = social_s3_target(&reader);

    if (error != SOCIAL_S3_OK) {
        return error;
    }

    if (social_uri_query_parse(&query, work, request->query, SOCIAL_URI_PLUS)
        != SOCIAL_OK)
    {
        return SOCIAL_S3_INVALID_URI;
    }

    error = social_s3_method(&reader, &query);

    if (error != SOCIAL_S3_OK) {
        return error;
    }

    twice = social_uri_query_duplicate(&query);

    if (twice != NULL) {
        return social_s3_fail(&reader, SOCIAL_S3_INVALID_ARGUMENT,
                              "A query parameter was given more than once",
                              "ArgumentName", twice->name);
    }

    error = social_s3_headers_read(&reader.headers, request->headers,
                                   request->header_count, &query, work,
                                   &out->detail);

    if (error == SOCIAL_S3_INVALID_REQUEST) {
        return social_s3_fail(&reader, error, "A header was given more than "
                              "once, or in the query too", "Header",
                              out->detail);
    }

    if (error == SOCIAL_S3_OK) {
        social_s3_copies(&reader);
        error = social_s3_params(&reader, &query);
    }

    if (error == SOCIAL_S3_OK) {
        error = social_s3_headers_check(&reader.headers, out->operation,
                                        &out->message, &out->detail);

        if (error != SOCIAL_S3_OK) {
            out->detail_name = social_str("Header");
        }
    }

    if (error == SOCIAL_S3_OK) {
        error = social_s3_conditions(&reader);
    }

    if (error == SOCIAL_S3_OK
        && (out->operation == SOCIAL_S3_COPY_OBJECT
            || out->operation == SOCIAL_S3_UPLOAD_PART_COPY))
    {
        error = social_s3_copy(&reader);
    }

    if (error == SOCIAL_S3_OK) {
        error = social_s3_body(&reader);
    }

    return error;
}


/*
 * Which operation it is; the parameters that may come with it are examined
 * afterwards, so that "GET /?acl" is a list with a parameter that no list has.
 */

static social_s3_error_e
social_s3_method(social_s3_reader_t *reader, const social_uri_query_t *query)
{
    size_t        i;
    social_str_t  method;

    enum { SERVICE, BUCKET, OBJECT } on;

    static const struct {
        int                    on;
        social_str_t           method;
        social_str_t           param;     /* empty: whatever else there is */
        social_s3_operation_e  operation;
    } table[] = {
        { OBJECT, social_string("GET"), social_string("uploadId"),
          SOCIAL_S3_LIST_PARTS },
        { OBJECT, social_string("PUT"), social_string("uploadId"),
          SOCIAL_S3_UPLOAD_PART },
        { OBJECT, social_string("DELETE"), social_string("uploadId"),
          SOCIAL_S3_ABORT_MULTIPART_UPLOAD },
        { OBJECT, social_string("POST"), social_string("uploadId"),
          SOCIAL_S3_COMPLETE_MULTIPART_UPLOAD },
        { OBJECT, social_string("POST"), social_string("uploads"),
          SOCIAL_S3_CREATE_MULTIPART_UPLOAD },

        { OBJECT, social_string("GET"), social_string("tagging"),
          SOCIAL_S3_GET_OBJECT_TAGGING },
        { OBJECT, social_string("GET"), social_string(""),
          SOCIAL_S3_GET_OBJECT },
        { OBJECT, social_string("HEAD"), social_string(""),
          SOCIAL_S3_HEAD_OBJECT },
        { OBJECT, social_string("PUT"), social_string(""),
          SOCIAL_S3_PUT_OBJECT },
        { OBJECT, social_string("DELETE"), social_string(""),
          SOCIAL_S3_DELETE_OBJECT },

        { BUCKET, social_string("GET"), social_string("uploads"),
          SOCIAL_S3_LIST_MULTIPART_UPLOADS },
        { BUCKET, social_string("GET"), social_string("location"),
          SOCIAL_S3_GET_BUCKET_LOCATION },
        { BUCKET, social_string("GET"), social_string("versioning"),
          SOCIAL_S3_GET_BUCKET_VERSIONING },
        { BUCKET, social_string("GET"), social_string("list-type"),
          SOCIAL_S3_LIST_OBJECTS_V2 },
        { BUCKET, social_string("GET"), social_string(""),
          SOCIAL_S3_LIST_OBJECTS },
        { BUCKET, social_string("HEAD"), social_string(""),
          SOCIAL_S3_HEAD_BUCKET },
        { BUCKET, social_string("PUT"), social_string(""),
          SOCIAL_S3_CREATE_BUCKET },
        { BUCKET, social_string("POST"), social_string("delete"),
          SOCIAL_S3_DELETE_OBJECTS },
        { BUCKET, social_string("POST"), social_string(""),
          SOCIAL_S3_POST_OBJECT },

        { SERVICE, social_string("GET"), social_string(""),
          SOCIAL_S3_LIST_BUCKETS }
    };

    on = reader->has_key ? OBJECT : reader->has_bucket ? BUCKET : SERVICE;
    method = reader->request->method;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {

        if ((int) on == table[i].on
            && social_str_eq(method, table[i].method)
            && (table[i].param.len == 0
                || social_uri_query_find(query, table[i].param) != NULL))
        {
            reader->out->operation = table[i].operation;
            return SOCIAL_S3_OK;
        }
    }

    for (i = 0; i < query->count; i++) {
        if (social_s3_is_subresource(query->params[i].name)) {
            return social_s3_unknown(reader, query->params[i].name);
        }
    }

    return social_s3_fail(reader, SOCIAL_S3_NOT_IMPLEMENTED,
                          "The operation is not implemented", "Method",
                          method);
}


static social_s3_error_e
social_s3_conditions(social_s3_reader_t *reader)
{
    social_str_t            match, none_match;
    social_s3_operation_t  *out;

    out = reader->out;

    match = social_s3_header_plain(&reader->headers, "if-match");
    none_match = social_s3_header_plain(&reader->headers, "if-none-match");

    out->condition.if_match = match;
    out->condition.if_none_match = none_match;

    switch (out->operation) {

    case SOCIAL_S3_GET_OBJECT:
    case SOCIAL_S3_HEAD_OBJECT:
        out->condition.if_modified_since = social_s3_date(
            social_s3_header_plain(&reader->headers, "if-modified-since"));
        out->condition.if_unmodified_since = social_s3_date(
            social_s3_header_plain(&reader->headers, "if-unmodified-since"));
        out->range = social_s3_header_plain(&reader->headers, "range");
        out->if_range = social_s3_header_plain(&reader->headers, "if-range");
        out->with_checksum = social_s3_header_amz(&reader->headers,
                                             "x-amz-checksum-mode").len != 0;

        if (out->part && out->range.len) {
            return social_s3_fail(reader, SOCIAL_S3_INVALID_REQUEST,
                                  "Cannot specify both Range header and "
                                  "partNumber query parameter", "Header",
                                  social_str("Range"));
        }

        break;

    case SOCIAL_S3_PUT_OBJECT:
    case SOCIAL_S3_COPY_OBJECT:
    case SOCIAL_S3_COMPLETE_MULTIPART_UPLOAD:
        if (match.len && none_match.len) {
            return social_s3_fail(reader, SOCIAL_S3_NOT_IMPLEMENTED, NULL,
                                  "Header", social_str("If-None-Match"));
        }

        if (none_match.len && !social_str_eq(none_match, social_str("*"))) {
            return social_s3_fail(reader, SOCIAL_S3_NOT_IMPLEMENTED,
                                  "If-None-Match of a write must be \"*\"",
                                  "Header", social_str("If-None-Match"));
        }

        break;

    case SOCIAL_S3_DELETE_OBJECT:
        if (none_match.len) {
            return social_s3_fail(reader, SOCIAL_S3_NOT_IMPLEMENTED, NULL,
                                  "Header", social_str("If-None-Match"));
        }

        break;

    default:
        break;
    }

    return SOCIAL_S3_OK;
}
