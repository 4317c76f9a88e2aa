
/*
 * What a request asks of an S3.
 */

#include <string.h>

#include "social_encoding.h"
#include "social_object.h"
#include "social_s3_header.h"
#include "social_time.h"


typedef struct {
    const social_s3_place_t    *place;
    const social_s3_request_t  *request;
    social_buf_t               *work;
    social_s3_operation_t      *out;
    social_s3_headers_t         headers;    /* x-amz-*, hoisted ones too */
    bool                        has_bucket;
    bool                        has_key;
} social_s3_reader_t;


typedef struct {
    social_str_t                name;
    unsigned                    operations;     /* a bit for each */
} social_s3_param_t;


static social_s3_error_e social_s3_target(social_s3_reader_t *reader);
static bool social_s3_target_by_host(social_s3_reader_t *reader,
    social_str_t *bucket);
static social_s3_error_e social_s3_key(social_s3_reader_t *reader,
    social_str_t raw);
static social_s3_error_e social_s3_method(social_s3_reader_t *reader,
    const social_uri_query_t *query);
static social_s3_error_e social_s3_params(social_s3_reader_t *reader,
    const social_uri_query_t *query);
static const social_s3_param_t *social_s3_param_find(social_str_t name);
static social_s3_error_e social_s3_param_read(social_s3_reader_t *reader,
    social_str_t name, social_str_t value);
static social_s3_error_e social_s3_param_limit(social_s3_reader_t *reader,
    social_str_t name, social_str_t value);
static social_s3_error_e social_s3_param_response(social_s3_reader_t *reader,
    social_str_t name, social_str_t value);
static social_s3_error_e social_s3_param_list(social_s3_reader_t *reader,
    social_str_t name, social_str_t value);
static social_s3_error_e social_s3_conditions(social_s3_reader_t *reader);
static int64_t social_s3_date(social_s3_reader_t *reader, const char *name);
static social_s3_error_e social_s3_body(social_s3_reader_t *reader);
static social_s3_error_e social_s3_chunks(social_s3_reader_t *reader);
static social_s3_error_e social_s3_encoding(social_s3_reader_t *reader);
static social_s3_error_e social_s3_kept(social_s3_reader_t *reader);
static social_s3_error_e social_s3_keep(social_s3_reader_t *reader,
    social_str_t name, social_str_t value);
static social_s3_error_e social_s3_checksums(social_s3_reader_t *reader);
static social_s3_error_e social_s3_fail(social_s3_reader_t *reader,
    social_s3_error_e error, const char *message, const char *name,
    social_str_t value);
static bool social_s3_number(social_str_t s, int64_t *n);


#define social_s3_bit(operation)  (1u << (operation))

#define SOCIAL_S3_ANY    (~0u)
#define SOCIAL_S3_READS  (social_s3_bit(SOCIAL_S3_GET_OBJECT)                 \
                          | social_s3_bit(SOCIAL_S3_HEAD_OBJECT))
#define SOCIAL_S3_V1     social_s3_bit(SOCIAL_S3_LIST_OBJECTS)
#define SOCIAL_S3_V2     social_s3_bit(SOCIAL_S3_LIST_OBJECTS_V2)


static const social_str_t  social_s3_operations[] = {
    [SOCIAL_S3_NO_OPERATION] = social_string("-"),
    [SOCIAL_S3_GET_OBJECT] = social_string("GetObject"),
    [SOCIAL_S3_HEAD_OBJECT] = social_string("HeadObject"),
    [SOCIAL_S3_PUT_OBJECT] = social_string("PutObject"),
    [SOCIAL_S3_POST_OBJECT] = social_string("PostObject"),
    [SOCIAL_S3_DELETE_OBJECT] = social_string("DeleteObject"),
    [SOCIAL_S3_LIST_OBJECTS] = social_string("ListObjects"),
    [SOCIAL_S3_LIST_OBJECTS_V2] = social_string("ListObjectsV2"),
    [SOCIAL_S3_DELETE_OBJECTS] = social_string("DeleteObjects"),
    [SOCIAL_S3_HEAD_BUCKET] = social_string("HeadBucket"),
    [SOCIAL_S3_CREATE_BUCKET] = social_string("CreateBucket"),
    [SOCIAL_S3_GET_BUCKET_LOCATION] = social_string("GetBucketLocation"),
    [SOCIAL_S3_LIST_BUCKETS] = social_string("ListBuckets")
};


static const social_s3_param_t  social_s3_known_params[] = {
    { social_string("x-id"), SOCIAL_S3_ANY },
    { social_string("continuation-token"), SOCIAL_S3_V2 },
    { social_string("delete"), social_s3_bit(SOCIAL_S3_DELETE_OBJECTS) },
    { social_string("delimiter"), SOCIAL_S3_V1|SOCIAL_S3_V2 },
    { social_string("encoding-type"), SOCIAL_S3_V1|SOCIAL_S3_V2 },
    { social_string("fetch-owner"), SOCIAL_S3_V2 },
    { social_string("list-type"), SOCIAL_S3_V2 },
    { social_string("location"),
      social_s3_bit(SOCIAL_S3_GET_BUCKET_LOCATION) },
    { social_string("marker"), SOCIAL_S3_V1 },
    { social_string("max-keys"), SOCIAL_S3_V1|SOCIAL_S3_V2 },
    { social_string("prefix"), SOCIAL_S3_V1|SOCIAL_S3_V2 },
    { social_string("response-cache-control"), SOCIAL_S3_READS },
    { social_string("response-content-disposition"), SOCIAL_S3_READS },
    { social_string("response-content-encoding"), SOCIAL_S3_READS },
    { social_string("response-content-language"), SOCIAL_S3_READS },
    { social_string("response-content-type"), SOCIAL_S3_READS },
    { social_string("response-expires"), SOCIAL_S3_READS },
    { social_string("start-after"), SOCIAL_S3_V2 },
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
    out->length = -1;
    out->max_size = -1;
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
        && (out->operation == SOCIAL_S3_PUT_OBJECT
            || out->operation == SOCIAL_S3_DELETE_OBJECTS))
    {
        error = social_s3_body(&reader);
    }

    return error;
}


static social_s3_error_e
social_s3_fail(social_s3_reader_t *reader, social_s3_error_e error,
    const char *message, const char *name, social_str_t value)
{
    if (message) {
        reader->out->message = social_str(message);
    }

    reader->out->detail_name = social_str(name);
    reader->out->detail = value;

    return error;
}


/*
 * The bucket is before the host or before the key, in the path.
 */

static social_s3_error_e
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
        { OBJECT, social_string("GET"), social_string(""),
          SOCIAL_S3_GET_OBJECT },
        { OBJECT, social_string("HEAD"), social_string(""),
          SOCIAL_S3_HEAD_OBJECT },
        { OBJECT, social_string("PUT"), social_string(""),
          SOCIAL_S3_PUT_OBJECT },
        { OBJECT, social_string("DELETE"), social_string(""),
          SOCIAL_S3_DELETE_OBJECT },

        { BUCKET, social_string("GET"), social_string("location"),
          SOCIAL_S3_GET_BUCKET_LOCATION },
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

    return social_s3_fail(reader, SOCIAL_S3_NOT_IMPLEMENTED,
                          "The operation is not implemented", "Method",
                          method);
}


static social_s3_error_e
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
            return social_s3_fail(reader, SOCIAL_S3_NOT_IMPLEMENTED,
                                  "A query parameter asks for what is not "
                                  "implemented", "Parameter", name);
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
    switch (reader->out->operation) {

    case SOCIAL_S3_GET_OBJECT:
    case SOCIAL_S3_HEAD_OBJECT:
        return social_s3_param_response(reader, name, value);

    case SOCIAL_S3_LIST_OBJECTS:
    case SOCIAL_S3_LIST_OBJECTS_V2:
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
    int64_t                    n;
    social_s3_list_request_t  *list;

    list = &reader->out->list;

    if (social_str_eq(name, social_str("prefix"))) {
        list->prefix = value;

    } else if (social_str_eq(name, social_str("delimiter"))) {
        list->delimiter = value;

    } else if (social_str_eq(name, social_str("marker"))
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

    } else if (social_str_eq(name, social_str("max-keys"))) {

        if (!social_s3_number(value, &n) || n > INT32_MAX) {
            return social_s3_fail(reader, SOCIAL_S3_INVALID_ARGUMENT,
                                  "max-keys must be an integer between 0 and "
                                  "2147483647", "ArgumentName", name);
        }

        list->max_keys = n < SOCIAL_S3_MAX_KEYS ? (unsigned) n
                                                : SOCIAL_S3_MAX_KEYS;

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
        out->condition.if_modified_since = social_s3_date(reader,
                                                      "if-modified-since");
        out->condition.if_unmodified_since = social_s3_date(reader,
                                                    "if-unmodified-since");
        out->range = social_s3_header_plain(&reader->headers, "range");
        out->if_range = social_s3_header_plain(&reader->headers, "if-range");
        out->with_checksum = social_s3_header_amz(&reader->headers,
                                             "x-amz-checksum-mode").len != 0;
        break;

    case SOCIAL_S3_PUT_OBJECT:
        if (match.len && none_match.len) {
            return social_s3_fail(reader, SOCIAL_S3_NOT_IMPLEMENTED, NULL,
                                  "Header", social_str("If-None-Match"));
        }

        if (none_match.len && !social_str_eq(none_match, social_str("*"))) {
            return social_s3_fail(reader, SOCIAL_S3_NOT_IMPLEMENTED,
                                  "If-None-Match of a PUT must be \"*\"",
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


static int64_t
social_s3_date(social_s3_reader_t *reader, const char *name)
{
    int64_t  t;

    if (social_time_http_parse(social_s3_header_plain(&reader->headers, name),
                               &t)
        != SOCIAL_OK)
    {
        return SOCIAL_S3_NO_TIME;
    }

    return t;
}


/*
 * What a PUT says of its body.
 */

static social_s3_error_e
social_s3_body(social_s3_reader_t *reader)
{
    size_t                  n;
    social_str_t            value;
    unsigned char           md5[social_base64_decoded_size(24)];
    social_s3_error_e       error;
    social_s3_operation_t  *out;

    out = reader->out;

    error = social_s3_chunks(reader);

    if (error == SOCIAL_S3_OK && out->operation == SOCIAL_S3_PUT_OBJECT) {
        error = social_s3_kept(reader);
    }

    if (error != SOCIAL_S3_OK) {
        return error;
    }

    value = social_s3_header_plain(&reader->headers, "content-md5");

    if (value.len) {

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
    }

    return social_s3_checksums(reader);
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
    size_t                 i;
    social_str_t           value;
    social_s3_checksum_e   algorithm, named;
    social_s3_checksum_t  *checksum;

    checksum = &reader->out->checksum;

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

        if (social_s3_checksum_read(algorithm, reader->headers.items[i].value,
                                    checksum->value)
            != SOCIAL_OK)
        {
            return social_s3_fail(reader, SOCIAL_S3_INVALID_REQUEST,
                                  "The value of the checksum header is "
                                  "invalid", "Header",
                                  reader->headers.items[i].name);
        }

        checksum->algorithm = algorithm;
    }

    value = social_s3_header_amz(&reader->headers,
                                 "x-amz-sdk-checksum-algorithm");

    if (value.len == 0) {
        return SOCIAL_S3_OK;
    }

    named = social_s3_checksum_by_name(value);

    if (named != checksum->algorithm) {
        return social_s3_fail(reader, SOCIAL_S3_INVALID_REQUEST,
                              "x-amz-sdk-checksum-algorithm is not that of "
                              "the checksum given", "Header",
                              social_str("x-amz-sdk-checksum-algorithm"));
    }

    return SOCIAL_S3_OK;
}


social_s3_range_e
social_s3_range_read(social_str_t range, int64_t size, int64_t *first,
    int64_t *end)
{
    size_t                     i;
    int64_t                    last;
    social_str_t               from, to;
    static const social_str_t  bytes = social_string("bytes=");

    range = social_str_trim(range);

    from = range;
    from.len = range.len < bytes.len ? range.len : bytes.len;

    if (!social_str_caseeq(from, bytes)) {
        return SOCIAL_S3_RANGE_WHOLE;
    }

    range.data += bytes.len;
    range.len -= bytes.len;
    range = social_str_trim(range);

    for (i = 0; i < range.len && range.data[i] != '-'; i++) { /* void */ }

    if (i == range.len) {
        return SOCIAL_S3_RANGE_WHOLE;
    }

    from = range;
    from.len = i;
    to.data = range.data + i + 1;
    to.len = range.len - i - 1;

    if (from.len == 0) {

        /* the last so many bytes */

        if (!social_s3_number(to, &last)) {
            return SOCIAL_S3_RANGE_WHOLE;
        }

        if (last == 0 || size == 0) {
            return SOCIAL_S3_RANGE_INVALID;
        }

        *first = last < size ? size - last : 0;
        *end = size;

        return SOCIAL_S3_RANGE_PART;
    }

    last = INT64_MAX - 1;

    if (!social_s3_number(from, first)
        || (to.len && !social_s3_number(to, &last)) || last < *first)
    {
        return SOCIAL_S3_RANGE_WHOLE;
    }

    if (*first >= size) {
        return SOCIAL_S3_RANGE_INVALID;
    }

    *end = last < size ? last + 1 : size;

    return SOCIAL_S3_RANGE_PART;
}


/*
 * What is too large to be one is as good as the largest.
 */

static bool
social_s3_number(social_str_t s, int64_t *n)
{
    size_t  i;

    *n = 0;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] < '0' || s.data[i] > '9') {
            return false;
        }

        if (*n > (INT64_MAX - 10) / 10) {
            *n = INT64_MAX - 1;

        } else {
            *n = *n * 10 + (s.data[i] - '0');
        }
    }

    return s.len != 0;
}
