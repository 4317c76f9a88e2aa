
/*
 * What a request asks of an S3: the parameters of its query.
 */

#include "social_s3_reader.h"


typedef struct {
    social_str_t                name;
    unsigned                    operations;     /* a bit for each */
} social_s3_param_t;


static const social_s3_param_t *social_s3_param_find(social_str_t name);
static social_s3_error_e social_s3_param_read(social_s3_reader_t *reader,
    social_str_t name, social_str_t value);
static social_s3_error_e social_s3_param_limit(social_s3_reader_t *reader,
    social_str_t name, social_str_t value);
static social_s3_error_e social_s3_param_response(social_s3_reader_t *reader,
    social_str_t name, social_str_t value);
static social_s3_error_e social_s3_param_list(social_s3_reader_t *reader,
    social_str_t name, social_str_t value);
static social_s3_error_e social_s3_param_max(social_s3_reader_t *reader,
    social_str_t name, social_str_t value);
static social_s3_error_e social_s3_param_list_parts(
    social_s3_reader_t *reader, social_str_t name, social_str_t value);
static social_s3_error_e social_s3_param_part(social_s3_reader_t *reader,
    social_str_t value);
static social_s3_error_e social_s3_param_version(social_s3_reader_t *reader,
    social_str_t value);
static social_s3_error_e social_s3_param_upload(social_s3_reader_t *reader,
    social_str_t value);


#define SOCIAL_S3_ANY    (~0u)
#define SOCIAL_S3_READS  (social_s3_bit(SOCIAL_S3_GET_OBJECT)                 \
                          | social_s3_bit(SOCIAL_S3_HEAD_OBJECT))
#define SOCIAL_S3_ONE    (SOCIAL_S3_READS                                     \
                          | social_s3_bit(SOCIAL_S3_GET_OBJECT_TAGGING)       \
                          | social_s3_bit(SOCIAL_S3_DELETE_OBJECT))
#define SOCIAL_S3_V1     social_s3_bit(SOCIAL_S3_LIST_OBJECTS)
#define SOCIAL_S3_V2     social_s3_bit(SOCIAL_S3_LIST_OBJECTS_V2)
#define SOCIAL_S3_UPS    social_s3_bit(SOCIAL_S3_LIST_MULTIPART_UPLOADS)
#define SOCIAL_S3_PARTS  (social_s3_bit(SOCIAL_S3_UPLOAD_PART)                \
                          | social_s3_bit(SOCIAL_S3_UPLOAD_PART_COPY))
#define SOCIAL_S3_OF_ID  (SOCIAL_S3_PARTS                                     \
                          | social_s3_bit(SOCIAL_S3_LIST_PARTS)               \
                          | social_s3_bit(SOCIAL_S3_ABORT_MULTIPART_UPLOAD)   \
                          | social_s3_bit(SOCIAL_S3_COMPLETE_MULTIPART_UPLOAD))


static const social_s3_param_t  social_s3_known_params[] = {
    { social_string("x-id"), SOCIAL_S3_ANY },
    { social_string("continuation-token"), SOCIAL_S3_V2 },
    { social_string("delete"), social_s3_bit(SOCIAL_S3_DELETE_OBJECTS) },
    { social_string("delimiter"),
      SOCIAL_S3_V1|SOCIAL_S3_V2|SOCIAL_S3_UPS },
    { social_string("encoding-type"),
      SOCIAL_S3_V1|SOCIAL_S3_V2|SOCIAL_S3_UPS },
    { social_string("fetch-owner"), SOCIAL_S3_V2 },
    { social_string("key-marker"), SOCIAL_S3_UPS },
    { social_string("list-type"), SOCIAL_S3_V2 },
    { social_string("location"),
      social_s3_bit(SOCIAL_S3_GET_BUCKET_LOCATION) },
    { social_string("marker"), SOCIAL_S3_V1 },
    { social_string("max-keys"), SOCIAL_S3_V1|SOCIAL_S3_V2 },
    { social_string("max-parts"), social_s3_bit(SOCIAL_S3_LIST_PARTS) },
    { social_string("max-uploads"), SOCIAL_S3_UPS },
    { social_string("part-number-marker"),
      social_s3_bit(SOCIAL_S3_LIST_PARTS) },
    { social_string("partNumber"), SOCIAL_S3_PARTS|SOCIAL_S3_READS },
    { social_string("prefix"), SOCIAL_S3_V1|SOCIAL_S3_V2|SOCIAL_S3_UPS },
    { social_string("response-cache-control"), SOCIAL_S3_READS },
    { social_string("response-content-disposition"), SOCIAL_S3_READS },
    { social_string("response-content-encoding"), SOCIAL_S3_READS },
    { social_string("response-content-language"), SOCIAL_S3_READS },
    { social_string("response-content-type"), SOCIAL_S3_READS },
    { social_string("response-expires"), SOCIAL_S3_READS },
    { social_string("start-after"), SOCIAL_S3_V2 },
    { social_string("tagging"),
      social_s3_bit(SOCIAL_S3_GET_OBJECT_TAGGING) },
    { social_string("upload-id-marker"), SOCIAL_S3_UPS },
    { social_string("uploadId"), SOCIAL_S3_OF_ID },
    { social_string("uploads"),
      SOCIAL_S3_UPS|social_s3_bit(SOCIAL_S3_CREATE_MULTIPART_UPLOAD) },
    { social_string("versionId"), SOCIAL_S3_ONE },
    { social_string("versioning"),
      social_s3_bit(SOCIAL_S3_GET_BUCKET_VERSIONING) },
    { social_string("x-social-max-size"),
      social_s3_bit(SOCIAL_S3_PUT_OBJECT) },
    { social_string("x-social-type"), social_s3_bit(SOCIAL_S3_PUT_OBJECT) }
};

/* in the order of social_s3_response_e */

static const social_str_t  social_s3_response_params[SOCIAL_S3_RESPONSES] = {
    social_string("response-cache-control"),
    social_string("response-content-disposition"),
    social_string("response-content-encoding"),
    social_string("response-content-language"),
    social_string("response-content-type"),
    social_string("response-expires")
};


social_s3_error_e
social_s3_params(social_s3_reader_t *reader, const social_uri_query_t *query)
{
    size_t                    i, mark;
    social_str_t              name, value;
    social_s3_error_e         error;
    const social_s3_param_t  *param;

    for (i = 0; i < query->count; i++) {

        /* those of headers are refused as headers are */

        if (social_s3_header_is_amz(query->params[i].name)) {
            continue;
        }

        name = query->params[i].name;
        param = social_s3_param_find(name);

        if (param == NULL
            || !(param->operations
                 & social_s3_bit(reader->out->operation)))
        {
            return social_s3_unknown(reader, name);
        }

        mark = reader->work->len;
        social_uri_decode(reader->work, query->params[i].value, 0);
        value = social_buf_since(reader->work, mark);

        if (reader->work->rc != SOCIAL_OK) {
            return SOCIAL_S3_INVALID_URI;
        }

        error = social_s3_param_read(reader, param->name, value);

        if (error != SOCIAL_S3_OK) {
            return error;
        }
    }

    if ((SOCIAL_S3_PARTS & social_s3_bit(reader->out->operation))
        && reader->out->part == 0)
    {
        return social_s3_param_part(reader, social_str("0"));
    }

    return SOCIAL_S3_OK;
}


static const social_s3_param_t *
social_s3_param_find(social_str_t name)
{
    size_t  i, n;

    n = sizeof(social_s3_known_params) / sizeof(social_s3_known_params[0]);

    for (i = 0; i < n; i++) {
        if (social_str_eq(social_s3_known_params[i].name, name)) {
            return &social_s3_known_params[i];
        }
    }

    return NULL;
}


static social_s3_error_e
social_s3_param_read(social_s3_reader_t *reader, social_str_t name,
    social_str_t value)
{
    if (social_str_eq(name, social_str("partNumber"))) {
        return social_s3_param_part(reader, value);
    }

    if (social_str_eq(name, social_str("uploadId"))) {
        return social_s3_param_upload(reader, value);
    }

    if (social_str_eq(name, social_str("versionId"))) {
        return social_s3_param_version(reader, value);
    }

    switch (reader->out->operation) {

    case SOCIAL_S3_LIST_PARTS:
        return social_s3_param_list_parts(reader, name, value);

    case SOCIAL_S3_GET_OBJECT:
    case SOCIAL_S3_HEAD_OBJECT:
        return social_s3_param_response(reader, name, value);

    case SOCIAL_S3_LIST_OBJECTS:
    case SOCIAL_S3_LIST_OBJECTS_V2:
    case SOCIAL_S3_LIST_MULTIPART_UPLOADS:
        return social_s3_param_list(reader, name, value);

    case SOCIAL_S3_PUT_OBJECT:
        return social_s3_param_limit(reader, name, value);

    default:
        return SOCIAL_S3_OK;
    }
}


/*
 * What the signer of a URL allows; it is signed with the rest of the query.
 */

static social_s3_error_e
social_s3_param_limit(social_s3_reader_t *reader, social_str_t name,
    social_str_t value)
{
    size_t        i;
    social_str_t  type;

    if (social_str_eq(name, social_str("x-social-max-size"))) {

        if (!social_s3_number(value, &reader->out->max_size)) {
            return social_s3_fail(reader, SOCIAL_S3_INVALID_ARGUMENT,
                                  "x-social-max-size is not a number",
                                  "ArgumentName", name);
        }

    } else if (social_str_eq(name, social_str("x-social-type"))) {

        /* it may have parameters */

        type = social_s3_header_plain(&reader->headers, "content-type");

        for (i = 0; i < type.len && type.data[i] != ';'; i++) { /* void */ }

        type.len = i;

        if (!social_str_caseeq(social_str_trim(type), value)) {
            return social_s3_fail(reader, SOCIAL_S3_ACCESS_DENIED,
                                  "The URL is for another Content-Type",
                                  "Header", social_str("Content-Type"));
        }
    }

    return SOCIAL_S3_OK;
}


static social_s3_error_e
social_s3_param_response(social_s3_reader_t *reader, social_str_t name,
    social_str_t value)
{
    size_t  i, j;

    for (i = 0; i < SOCIAL_S3_RESPONSES; i++) {

        if (!social_str_eq(name, social_s3_response_params[i])) {
            continue;
        }

        /* it becomes a header */

        for (j = 0; j < value.len; j++) {
            if (value.data[j] < ' ' || value.data[j] == 0x7f) {
                return social_s3_fail(reader, SOCIAL_S3_INVALID_ARGUMENT,
                                      "The value cannot be a header's",
                                      "ArgumentName", name);
            }
        }

        reader->out->response[i] = value;
        reader->out->has_response = true;
    }

    return SOCIAL_S3_OK;
}


static social_s3_error_e
social_s3_param_list(social_s3_reader_t *reader, social_str_t name,
    social_str_t value)
{
    social_s3_list_request_t  *list;

    list = &reader->out->list;

    if (social_str_eq(name, social_str("prefix"))) {
        list->prefix = value;

    } else if (social_str_eq(name, social_str("delimiter"))) {
        list->delimiter = value;

    } else if (social_str_eq(name, social_str("upload-id-marker"))) {
        reader->out->upload = value;

    } else if (social_str_eq(name, social_str("marker"))
               || social_str_eq(name, social_str("key-marker"))
               || social_str_eq(name, social_str("start-after")))
    {
        list->after = value;
        list->has_after = true;

    } else if (social_str_eq(name, social_str("continuation-token"))) {

        if (value.len == 0) {
            return social_s3_fail(reader, SOCIAL_S3_INVALID_ARGUMENT,
                                  "The continuation token provided is "
                                  "incorrect", "ArgumentName", name);
        }

        list->token = value;
        list->has_token = true;

    } else if (social_str_eq(name, social_str("max-keys"))
               || social_str_eq(name, social_str("max-uploads")))
    {
        return social_s3_param_max(reader, name, value);

    } else if (social_str_eq(name, social_str("encoding-type"))) {

        if (!social_str_eq(value, social_str("url"))) {
            return social_s3_fail(reader, SOCIAL_S3_INVALID_ARGUMENT,
                                  "Invalid Encoding Method specified in "
                                  "Request", "ArgumentName", name);
        }

        list->url = true;

    } else if (social_str_eq(name, social_str("fetch-owner"))) {
        list->owner = social_str_caseeq(value, social_str("true"));

    } else if (social_str_eq(name, social_str("list-type"))
               && !social_str_eq(value, social_str("2")))
    {
        return social_s3_fail(reader, SOCIAL_S3_INVALID_ARGUMENT,
                              "Invalid List Type specified in Request",
                              "ArgumentName", name);
    }

    return SOCIAL_S3_OK;
}


static social_s3_error_e
social_s3_param_max(social_s3_reader_t *reader, social_str_t name,
    social_str_t value)
{
    int64_t  n;

    if (!social_s3_number(value, &n) || n > INT32_MAX) {
        return social_s3_fail(reader, SOCIAL_S3_INVALID_ARGUMENT,
                              "The number must be an integer between 0 and "
                              "2147483647", "ArgumentName", name);
    }

    reader->out->list.max_keys = n < SOCIAL_S3_MAX_KEYS ? (unsigned) n
                                                        : SOCIAL_S3_MAX_KEYS;

    return SOCIAL_S3_OK;
}


static social_s3_error_e
social_s3_param_list_parts(social_s3_reader_t *reader, social_str_t name,
    social_str_t value)
{
    int64_t  n;

    if (social_str_eq(name, social_str("max-parts"))) {
        return social_s3_param_max(reader, name, value);
    }

    if (social_str_eq(name, social_str("part-number-marker"))) {

        if (!social_s3_number(value, &n) || n > INT32_MAX) {
            return social_s3_fail(reader, SOCIAL_S3_INVALID_ARGUMENT,
                                  "The marker must be an integer between 0 "
                                  "and 2147483647", "ArgumentName", name);
        }

        reader->out->part = n < SOCIAL_S3_MAX_PARTS ? (unsigned) n
                                                    : SOCIAL_S3_MAX_PARTS;
    }

    return SOCIAL_S3_OK;
}


static social_s3_error_e
social_s3_param_part(social_s3_reader_t *reader, social_str_t value)
{
    int64_t  n;

    if (!social_s3_number(value, &n) || n < 1 || n > SOCIAL_S3_MAX_PARTS) {
        return social_s3_fail(reader, SOCIAL_S3_INVALID_ARGUMENT,
                              "Part number must be an integer between 1 and "
                              "10000, inclusive", "ArgumentName",
                              social_str("partNumber"));
    }

    reader->out->part = (unsigned) n;

    return SOCIAL_S3_OK;
}


/*
 * Without versioning, all that there is is the version "null".
 */

static social_s3_error_e
social_s3_param_version(social_s3_reader_t *reader, social_str_t value)
{
    if (social_str_eq(value, social_str("null"))) {
        return SOCIAL_S3_OK;
    }

    if (value.len == 0) {
        return social_s3_fail(reader, SOCIAL_S3_INVALID_ARGUMENT,
                              "Version id cannot be the empty string",
                              "ArgumentName", social_str("versionId"));
    }

    return social_s3_fail(reader, SOCIAL_S3_NO_SUCH_VERSION, NULL, "VersionId",
                          value);
}


/*
 * An ID that is none of ours is of no upload.
 */

static social_s3_error_e
social_s3_param_upload(social_s3_reader_t *reader, social_str_t value)
{
    size_t  i;

    for (i = 0; i < value.len; i++) {
        if ((value.data[i] < '0' || value.data[i] > '9')
            && (value.data[i] < 'a' || value.data[i] > 'f'))
        {
            break;
        }
    }

    if (i != value.len || value.len != SOCIAL_S3_UPLOAD_ID) {
        return social_s3_fail(reader, SOCIAL_S3_NO_SUCH_UPLOAD, NULL,
                              "UploadId", value);
    }

    reader->out->upload = value;

    return SOCIAL_S3_OK;
}
