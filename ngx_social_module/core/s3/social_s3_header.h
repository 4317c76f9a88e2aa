
/*
 * The x-amz-* headers of a request, those too that a presigner moved into its
 * query.  A part of the reader of requests.
 */

#ifndef SOCIAL_S3_HEADER_H
#define SOCIAL_S3_HEADER_H


#include "social_s3_request.h"


#define SOCIAL_S3_MAX_HEADERS                                                 \
    (SOCIAL_SIGV4_MAX_HEADERS + SOCIAL_URI_MAX_PARAMS)


typedef struct {
    size_t                        count;
    social_sigv4_header_t         items[SOCIAL_S3_MAX_HEADERS];
                                                /* names in lower case */
    const social_sigv4_header_t  *all;          /* as they came */
    size_t                        all_count;
} social_s3_headers_t;


/*
 * Collects them; the views are of the request and of "work".
 * SOCIAL_S3_INVALID_REQUEST: one came twice, and "detail" is its name;
 * SOCIAL_S3_INVALID_URI: over a limit.
 */
social_s3_error_e social_s3_headers_read(social_s3_headers_t *headers,
    const social_sigv4_header_t *all, size_t count,
    const social_uri_query_t *query, social_buf_t *work,
    social_str_t *detail);

/*
 * Whether each is known, and allowed with an operation.
 * SOCIAL_S3_NOT_IMPLEMENTED, or what else S3 has: "detail" is the name of the
 * one that is not, and "message" says why, or is as it was.
 */
social_s3_error_e social_s3_headers_check(const social_s3_headers_t *headers,
    social_s3_operation_e operation, social_str_t *message,
    social_str_t *detail);

/*
 * Whether there is such an x-amz-* header, by its name in lower case.
 */
bool social_s3_header_has(const social_s3_headers_t *headers,
    const char *name);

/*
 * The value of an x-amz-* header, by its name in lower case; of any other
 * header, the first of that name.  Trimmed; empty: there is none.
 */
social_str_t social_s3_header_amz(const social_s3_headers_t *headers,
    const char *name);
social_str_t social_s3_header_plain(const social_s3_headers_t *headers,
    const char *name);

/*
 * Whether a name begins with "x-amz-", in any case.
 */
bool social_s3_header_is_amz(social_str_t name);


#endif /* SOCIAL_S3_HEADER_H */
