
/*
 * Errors as S3 answers them: code, status, XML, written and read (S3 API
 * Reference, "Error responses").
 */

#ifndef SOCIAL_S3_ERROR_H
#define SOCIAL_S3_ERROR_H


#include "social_buf.h"
#include "social_str.h"


#define SOCIAL_S3_ERROR_MAX_CODE  64
#define SOCIAL_S3_ERROR_MAX_DETAIL  128
#define SOCIAL_S3_ERROR_DETAILS   4


typedef enum {
    SOCIAL_S3_OK = 0,
    SOCIAL_S3_ACCESS_DENIED,
    SOCIAL_S3_ACL_NOT_SUPPORTED,
    SOCIAL_S3_AUTHORIZATION_HEADER_MALFORMED,
    SOCIAL_S3_AUTHORIZATION_QUERY_PARAMETERS_ERROR,
    SOCIAL_S3_BAD_DIGEST,
    SOCIAL_S3_BAD_REQUEST,
    SOCIAL_S3_BUCKET_ALREADY_OWNED_BY_YOU,
    SOCIAL_S3_CONDITIONAL_REQUEST_CONFLICT,
    SOCIAL_S3_CONTENT_SHA256_MISMATCH,
    SOCIAL_S3_COPY_SOURCE_TOO_LARGE,
    SOCIAL_S3_ENTITY_TOO_LARGE,
    SOCIAL_S3_ENTITY_TOO_SMALL,
    SOCIAL_S3_EXPIRED_TOKEN,
    SOCIAL_S3_FULL,
    SOCIAL_S3_INCOMPLETE_BODY,
    SOCIAL_S3_INTERNAL_ERROR,
    SOCIAL_S3_INVALID_ACCESS_KEY_ID,
    SOCIAL_S3_INVALID_ARGUMENT,
    SOCIAL_S3_INVALID_BUCKET_NAME,
    SOCIAL_S3_INVALID_DIGEST,
    SOCIAL_S3_INVALID_PART,
    SOCIAL_S3_INVALID_PART_NUMBER,
    SOCIAL_S3_INVALID_PART_ORDER,
    SOCIAL_S3_INVALID_POLICY_DOCUMENT,
    SOCIAL_S3_INVALID_RANGE,
    SOCIAL_S3_INVALID_REQUEST,
    SOCIAL_S3_INVALID_TOKEN,
    SOCIAL_S3_INVALID_URI,
    SOCIAL_S3_KEY_TOO_LONG,
    SOCIAL_S3_MALFORMED_POST_REQUEST,
    SOCIAL_S3_MALFORMED_TRAILER,
    SOCIAL_S3_MALFORMED_XML,
    SOCIAL_S3_MAX_POST_PRE_DATA_LENGTH,
    SOCIAL_S3_METADATA_TOO_LARGE,
    SOCIAL_S3_METHOD_NOT_ALLOWED,
    SOCIAL_S3_MISSING_CONTENT_LENGTH,
    SOCIAL_S3_MISSING_SECURITY_HEADER,
    SOCIAL_S3_NO_SUCH_BUCKET,
    SOCIAL_S3_NO_SUCH_KEY,
    SOCIAL_S3_NO_SUCH_UPLOAD,
    SOCIAL_S3_NO_SUCH_VERSION,
    SOCIAL_S3_NOT_IMPLEMENTED,
    SOCIAL_S3_PRECONDITION_FAILED,
    SOCIAL_S3_REQUEST_TIME_TOO_SKEWED,
    SOCIAL_S3_REQUEST_TIMEOUT,
    SOCIAL_S3_SERVICE_UNAVAILABLE,
    SOCIAL_S3_SIGNATURE_DOES_NOT_MATCH,
    SOCIAL_S3_SLOW_DOWN
} social_s3_error_e;


typedef struct {
    social_str_t  name;           /* ours; empty: left out */
    social_str_t  value;
} social_s3_error_detail_t;


typedef struct {
    social_str_t  message;        /* empty: the error's own */
    social_str_t  resource;       /* the path as sent; empty: left out */
    social_str_t  request_id;

    /* more elements, "HeadersNotSigned" say */
    social_s3_error_detail_t  details[SOCIAL_S3_ERROR_DETAILS];
} social_s3_error_body_t;


/*
 * The HTTP status of an error, its code ("NoSuchKey") and its own message,
 * static views.  An unknown value is InternalError.
 */
unsigned social_s3_error_status(social_s3_error_e error);
social_str_t social_s3_error_code(social_s3_error_e error);
social_str_t social_s3_error_message(social_s3_error_e error);

/*
 * The error that S3 has for a status that another part of a server decided on
 * (413, 429, ...); SOCIAL_S3_INTERNAL_ERROR or SOCIAL_S3_INVALID_REQUEST, as
 * it is 5xx or not, where there is none.
 */
social_s3_error_e social_s3_error_by_status(unsigned status);

/*
 * Appends the XML document.  Errors are in b->rc.
 */
void social_s3_error_write(social_buf_t *b, social_s3_error_e error,
    const social_s3_error_body_t *body);

/*
 * The code of such a document, or of the beginning of one, as another store
 * wrote it: a view of 1 to SOCIAL_S3_ERROR_MAX_CODE letters and digits, fit
 * for a log; empty where there is none.
 */
social_str_t social_s3_error_read(social_str_t text);

/*
 * What such a document says beside it, in the element "name": a view of 1 to
 * SOCIAL_S3_ERROR_MAX_DETAIL letters, digits, dots, colons and hyphens, fit for
 * a log; empty where there is none.
 */
social_str_t social_s3_error_read_detail(social_str_t text, const char *name);

/*
 * Appends text as XML 1.0 has it: markup characters and carriage returns are
 * escaped; what no document may hold (other control characters, bytes that
 * are not UTF-8, U+FFFE and U+FFFF) becomes U+FFFD.
 */
void social_xml_escape(social_buf_t *b, social_str_t text);


#endif /* SOCIAL_S3_ERROR_H */
