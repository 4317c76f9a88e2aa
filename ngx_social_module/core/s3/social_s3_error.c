
/*
 * Errors as S3 answers them.
 */

#include <string.h>

#include "social_s3_error.h"
#include "social_utf8.h"


typedef struct {
    unsigned      status;
    social_str_t  code;
    social_str_t  message;
} social_s3_error_t;


static const social_s3_error_t *social_s3_error_get(social_s3_error_e error);
static void social_s3_error_element(social_buf_t *b, social_str_t name,
    social_str_t text);
static social_str_t social_s3_error_value(social_str_t text, const char *name,
    const char *more, size_t max);
static bool social_s3_error_begins(social_str_t text, const char *name);


#define social_s3_entry(status, code, message)                                \
    { status, social_string(code), social_string(message) }


static const social_s3_error_t  social_s3_errors[] = {

    [SOCIAL_S3_OK] =
        social_s3_entry(200, "OK", "OK"),

    [SOCIAL_S3_ACCESS_DENIED] =
        social_s3_entry(403, "AccessDenied", "Access Denied"),

    [SOCIAL_S3_ACL_NOT_SUPPORTED] =
        social_s3_entry(400, "AccessControlListNotSupported",
            "The bucket does not allow ACLs"),

    [SOCIAL_S3_AUTHORIZATION_HEADER_MALFORMED] =
        social_s3_entry(400, "AuthorizationHeaderMalformed",
            "The authorization header is malformed"),

    [SOCIAL_S3_AUTHORIZATION_QUERY_PARAMETERS_ERROR] =
        social_s3_entry(400, "AuthorizationQueryParametersError",
            "The authorization query parameters are missing or malformed"),

    [SOCIAL_S3_BAD_DIGEST] =
        social_s3_entry(400, "BadDigest",
            "The digest or checksum given does not match the content"),

    [SOCIAL_S3_BAD_REQUEST] =
        social_s3_entry(400, "BadRequest",
            "The HTTP request could not be parsed"),

    [SOCIAL_S3_BUCKET_ALREADY_OWNED_BY_YOU] =
        social_s3_entry(409, "BucketAlreadyOwnedByYou",
            "The bucket is yours, and there already"),

    [SOCIAL_S3_CONDITIONAL_REQUEST_CONFLICT] =
        social_s3_entry(409, "ConditionalRequestConflict",
            "A conflicting operation ended while this one was under way"),

    [SOCIAL_S3_CONTENT_SHA256_MISMATCH] =
        social_s3_entry(400, "XAmzContentSHA256Mismatch",
            "The x-amz-content-sha256 given does not match the content"),

    [SOCIAL_S3_COPY_SOURCE_TOO_LARGE] =
        social_s3_entry(400, "InvalidRequest",
            "The specified copy source is larger than the maximum allowable "
            "size for a copy source: 5368709120"),

    [SOCIAL_S3_ENTITY_TOO_LARGE] =
        social_s3_entry(400, "EntityTooLarge",
            "The object is larger than is allowed here"),

    [SOCIAL_S3_ENTITY_TOO_SMALL] =
        social_s3_entry(400, "EntityTooSmall",
            "The object is smaller than is allowed here"),

    [SOCIAL_S3_EXPIRED_TOKEN] =
        social_s3_entry(400, "ExpiredToken", "The token has expired"),

    /* S3 has no such error, MinIO's clients know this one */

    [SOCIAL_S3_FULL] =
        social_s3_entry(507, "XMinioStorageFull", "There is no space left"),

    [SOCIAL_S3_INCOMPLETE_BODY] =
        social_s3_entry(400, "IncompleteBody",
            "The body is shorter than Content-Length says"),

    [SOCIAL_S3_INTERNAL_ERROR] =
        social_s3_entry(500, "InternalError",
            "An internal error happened; try again"),

    [SOCIAL_S3_INVALID_ACCESS_KEY_ID] =
        social_s3_entry(403, "InvalidAccessKeyId",
            "The access key id given is not known here"),

    [SOCIAL_S3_INVALID_ARGUMENT] =
        social_s3_entry(400, "InvalidArgument", "An argument is invalid"),

    [SOCIAL_S3_INVALID_BUCKET_NAME] =
        social_s3_entry(400, "InvalidBucketName", "No bucket has such a name"),

    [SOCIAL_S3_INVALID_DIGEST] =
        social_s3_entry(400, "InvalidDigest",
            "The digest or checksum given is not one"),

    [SOCIAL_S3_INVALID_PART] =
        social_s3_entry(400, "InvalidPart",
            "A part was not found, or its ETag is another"),

    [SOCIAL_S3_INVALID_PART_NUMBER] =
        social_s3_entry(416, "InvalidPartNumber",
            "The requested partnumber is not satisfiable"),

    [SOCIAL_S3_INVALID_PART_ORDER] =
        social_s3_entry(400, "InvalidPartOrder",
            "The parts are not in ascending order"),

    [SOCIAL_S3_INVALID_POLICY_DOCUMENT] =
        social_s3_entry(400, "InvalidPolicyDocument",
            "The form does not meet the conditions of its policy"),

    [SOCIAL_S3_INVALID_RANGE] =
        social_s3_entry(416, "InvalidRange",
            "The range asked for is not in the object"),

    [SOCIAL_S3_INVALID_REQUEST] =
        social_s3_entry(400, "InvalidRequest", "The request is invalid"),

    [SOCIAL_S3_INVALID_TOKEN] =
        social_s3_entry(400, "InvalidToken", "The token is invalid"),

    [SOCIAL_S3_INVALID_URI] =
        social_s3_entry(400, "InvalidURI", "The URI could not be parsed"),

    [SOCIAL_S3_KEY_TOO_LONG] =
        social_s3_entry(400, "KeyTooLongError", "The key is too long"),

    [SOCIAL_S3_MALFORMED_POST_REQUEST] =
        social_s3_entry(400, "MalformedPOSTRequest",
            "The body is not well-formed multipart/form-data"),

    [SOCIAL_S3_MALFORMED_TRAILER] =
        social_s3_entry(400, "MalformedTrailerError",
            "The trailer after the body is not well-formed or not the one "
            "that was declared"),

    [SOCIAL_S3_MALFORMED_XML] =
        social_s3_entry(400, "MalformedXML",
            "The XML given is not well-formed or not of its schema"),

    [SOCIAL_S3_MAX_POST_PRE_DATA_LENGTH] =
        social_s3_entry(400, "MaxPostPreDataLengthExceededError",
            "The fields of the form before the file are too large"),

    [SOCIAL_S3_METADATA_TOO_LARGE] =
        social_s3_entry(400, "MetadataTooLarge",
            "The metadata is larger than is allowed"),

    [SOCIAL_S3_METHOD_NOT_ALLOWED] =
        social_s3_entry(405, "MethodNotAllowed",
            "The method is not allowed on this resource"),

    [SOCIAL_S3_MISSING_CONTENT_LENGTH] =
        social_s3_entry(411, "MissingContentLength",
            "Content-Length is required"),

    [SOCIAL_S3_MISSING_SECURITY_HEADER] =
        social_s3_entry(400, "MissingSecurityHeader",
            "The request lacks a required header"),

    [SOCIAL_S3_NO_SUCH_BUCKET] =
        social_s3_entry(404, "NoSuchBucket", "The bucket does not exist"),

    [SOCIAL_S3_NO_SUCH_KEY] =
        social_s3_entry(404, "NoSuchKey", "The key does not exist"),

    [SOCIAL_S3_NO_SUCH_UPLOAD] =
        social_s3_entry(404, "NoSuchUpload",
            "The upload does not exist: it may be completed or aborted"),

    [SOCIAL_S3_NO_SUCH_VERSION] =
        social_s3_entry(404, "NoSuchVersion",
            "There is no such version: objects have none but \"null\""),

    [SOCIAL_S3_NOT_IMPLEMENTED] =
        social_s3_entry(501, "NotImplemented",
            "A header or parameter asks for what is not implemented"),

    [SOCIAL_S3_PRECONDITION_FAILED] =
        social_s3_entry(412, "PreconditionFailed",
            "A precondition given does not hold"),

    [SOCIAL_S3_REQUEST_TIME_TOO_SKEWED] =
        social_s3_entry(403, "RequestTimeTooSkewed",
            "The request's time and ours are too far apart"),

    [SOCIAL_S3_REQUEST_TIMEOUT] =
        social_s3_entry(400, "RequestTimeout",
            "The body did not arrive in time"),

    [SOCIAL_S3_SERVICE_UNAVAILABLE] =
        social_s3_entry(503, "ServiceUnavailable", "Try again later"),

    [SOCIAL_S3_SIGNATURE_DOES_NOT_MATCH] =
        social_s3_entry(403, "SignatureDoesNotMatch",
            "The signature does not match what was calculated; check the "
            "secret key and the way of signing"),

    [SOCIAL_S3_SLOW_DOWN] =
        social_s3_entry(503, "SlowDown", "Reduce the rate of requests")
};


static const social_s3_error_t *
social_s3_error_get(social_s3_error_e error)
{
    size_t  i, n;

    i = (size_t) error;
    n = sizeof(social_s3_errors) / sizeof(social_s3_errors[0]);

    return &social_s3_errors[i < n ? i : SOCIAL_S3_INTERNAL_ERROR];
}


unsigned
social_s3_error_status(social_s3_error_e error)
{
    return social_s3_error_get(error)->status;
}


social_str_t
social_s3_error_code(social_s3_error_e error)
{
    return social_s3_error_get(error)->code;
}


social_str_t
social_s3_error_message(social_s3_error_e error)
{
    return social_s3_error_get(error)->message;
}


social_s3_error_e
social_s3_error_by_status(unsigned status)
{
    switch (status) {

    case 400:
        return SOCIAL_S3_BAD_REQUEST;

    case 403:
        return SOCIAL_S3_ACCESS_DENIED;

    case 404:
        return SOCIAL_S3_NO_SUCH_KEY;

    case 405:
        return SOCIAL_S3_METHOD_NOT_ALLOWED;

    case 408:
        return SOCIAL_S3_REQUEST_TIMEOUT;

    case 409:
        return SOCIAL_S3_CONDITIONAL_REQUEST_CONFLICT;

    case 411:
        return SOCIAL_S3_MISSING_CONTENT_LENGTH;

    case 412:
        return SOCIAL_S3_PRECONDITION_FAILED;

    case 413:
        return SOCIAL_S3_ENTITY_TOO_LARGE;

    case 414:
        return SOCIAL_S3_INVALID_URI;

    case 416:
        return SOCIAL_S3_INVALID_RANGE;

    case 429:
        return SOCIAL_S3_SLOW_DOWN;

    case 501:
        return SOCIAL_S3_NOT_IMPLEMENTED;

    case 502:
    case 503:
    case 504:
        return SOCIAL_S3_SERVICE_UNAVAILABLE;

    default:
        return status < 500 ? SOCIAL_S3_INVALID_REQUEST
                            : SOCIAL_S3_INTERNAL_ERROR;
    }
}


void
social_s3_error_write(social_buf_t *b, social_s3_error_e error,
    const social_s3_error_body_t *body)
{
    size_t                     i;
    const social_s3_error_t   *e;
    static const social_str_t  code = social_string("Code");
    static const social_str_t  message = social_string("Message");
    static const social_str_t  resource = social_string("Resource");
    static const social_str_t  request_id = social_string("RequestId");

    e = social_s3_error_get(error);

    social_buf_text(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");

    social_s3_error_element(b, code, e->code);
    social_s3_error_element(b, message,
                            body->message.len ? body->message : e->message);

    for (i = 0; i < SOCIAL_S3_ERROR_DETAILS; i++) {
        if (body->details[i].name.len) {
            social_s3_error_element(b, body->details[i].name,
                                    body->details[i].value);
        }
    }

    if (body->resource.len) {
        social_s3_error_element(b, resource, body->resource);
    }

    social_s3_error_element(b, request_id, body->request_id);

    social_buf_text(b, "</Error>");
}


static void
social_s3_error_element(social_buf_t *b, social_str_t name, social_str_t text)
{
    social_buf_byte(b, '<');
    social_buf_put(b, name);
    social_buf_byte(b, '>');
    social_xml_escape(b, text);
    social_buf_text(b, "</");
    social_buf_put(b, name);
    social_buf_byte(b, '>');
}


social_str_t
social_s3_error_read(social_str_t text)
{
    return social_s3_error_value(text, "Code", "", SOCIAL_S3_ERROR_MAX_CODE);
}


social_str_t
social_s3_error_read_detail(social_str_t text, const char *name)
{
    return social_s3_error_value(text, name, ".:-",
                                   SOCIAL_S3_ERROR_MAX_DETAIL);
}


/*
 * The text of the first element of that name: letters, digits and "more".
 */

static social_str_t
social_s3_error_value(social_str_t text, const char *name, const char *more,
    size_t max)
{
    size_t         n;
    social_str_t   value, end;
    unsigned char  ch;

    n = strlen(name);

    value.data = text.data;
    value.len = 0;

    while (text.len && !social_s3_error_begins(text, name)) {
        text.data++;
        text.len--;
    }

    if (text.len == 0) {
        return value;
    }

    text.data += n + 2;
    text.len -= n + 2;

    value.data = text.data;

    while (text.len && value.len <= max) {

        ch = social_lower(text.data[0]);

        if ((ch < 'a' || ch > 'z') && (ch < '0' || ch > '9')
            && (ch == '\0' || strchr(more, ch) == NULL))
        {
            break;
        }

        value.len++;
        text.data++;
        text.len--;
    }

    /* "</name>" */

    end = text;

    if (end.len > 1) {
        end.data++;
        end.len--;
    }

    if (value.len > max || end.len < n + 2 || text.data[0] != '<'
        || end.data[0] != '/' || memcmp(end.data + 1, name, n) != 0
        || end.data[n + 1] != '>')
    {
        value.len = 0;
    }

    return value;
}


static bool
social_s3_error_begins(social_str_t text, const char *name)
{
    size_t  n;

    n = strlen(name);

    return text.len >= n + 2 && text.data[0] == '<'
           && memcmp(text.data + 1, name, n) == 0 && text.data[n + 1] == '>';
}


void
social_xml_escape(social_buf_t *b, social_str_t text)
{
    size_t        n;
    uint32_t      code;
    social_str_t  one;

    while (text.len) {

        code = 0;
        n = social_utf8_next(text, &code);

        if (n == 0 || code == 0xfffe || code == 0xffff
            || (code < 0x20 && code != '\t' && code != '\n' && code != '\r'))
        {
            social_buf_text(b, "\xef\xbf\xbd");
            n = n ? n : 1;

        } else if (code == '&') {
            social_buf_text(b, "&amp;");

        } else if (code == '<') {
            social_buf_text(b, "&lt;");

        } else if (code == '>') {
            social_buf_text(b, "&gt;");

        } else if (code == '"') {
            social_buf_text(b, "&quot;");

        } else if (code == '\'') {
            social_buf_text(b, "&apos;");

        } else if (code == '\r') {
            social_buf_text(b, "&#13;");

        } else {
            one.data = text.data;
            one.len = n;
            social_buf_put(b, one);
        }

        text.data += n;
        text.len -= n;
    }
}
