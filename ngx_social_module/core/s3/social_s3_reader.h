
/*
 * The reader of requests, for its own files.
 */

#ifndef SOCIAL_S3_READER_H
#define SOCIAL_S3_READER_H


#include "social_s3_header.h"
#include "social_s3_request.h"


#define social_s3_bit(operation)  (1u << (operation))


typedef struct {
    const social_s3_place_t    *place;
    const social_s3_request_t  *request;
    social_buf_t               *work;
    social_s3_operation_t      *out;
    social_s3_headers_t         headers;    /* x-amz-*, hoisted ones too */
    bool                        has_bucket;
    bool                        has_key;
} social_s3_reader_t;


/*
 * Its bucket, which has to be that of the place, and its key.
 */
social_s3_error_e social_s3_target(social_s3_reader_t *reader);

/*
 * The parameters, once the operation is known.
 */
social_s3_error_e social_s3_params(social_s3_reader_t *reader,
    const social_uri_query_t *query);

/*
 * Whether it is a copy that was taken for something else, since a header says
 * so; and what is copied then.
 */
void social_s3_copies(social_s3_reader_t *reader);
social_s3_error_e social_s3_copy(social_s3_reader_t *reader);

/*
 * The time of a header; SOCIAL_S3_NO_TIME: none.
 */
int64_t social_s3_date(social_str_t value);

/*
 * What headers say of the body, and of what is kept with an object.
 */
social_s3_error_e social_s3_body(social_s3_reader_t *reader);

/*
 * Notes what an error is about, "message" unless NULL, and returns it.
 */
social_s3_error_e social_s3_fail(social_s3_reader_t *reader,
    social_s3_error_e error, const char *message, const char *name,
    social_str_t value);

/*
 * Whether a parameter, such as "acl", names an operation that is not
 * implemented; and the error of a parameter that is not known.
 */
bool social_s3_is_subresource(social_str_t param);
social_s3_error_e social_s3_unknown(social_s3_reader_t *reader,
    social_str_t param);

/*
 * Reads decimal digits; false: they are not.  What is too large to be a number
 * is as good as the largest.
 */
bool social_s3_number(social_str_t s, int64_t *n);


#endif /* SOCIAL_S3_READER_H */
