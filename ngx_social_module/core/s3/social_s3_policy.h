
/*
 * Policies of forms: what a POST of an object may be (S3 API Reference, "POST
 * Policy").
 */

#ifndef SOCIAL_S3_POLICY_H
#define SOCIAL_S3_POLICY_H


#include "social_s3_error.h"
#include "social_sigv4.h"


#define SOCIAL_S3_POLICY_MAX_FIELDS  128


typedef struct {
    int64_t        min;          /* bytes that the file may have */
    int64_t        max;          /* -1: no limit is set */
    social_str_t   message;      /* of an error: printable ASCII, a view of
                                    "work", or static */
} social_s3_policy_t;


/*
 * Whether a form is what its policy allows at "now" (seconds since the epoch):
 * "text" is the policy's JSON, and "fields" are those of the form, up to
 * SOCIAL_S3_POLICY_MAX_FIELDS, names in lower case, values as they are to be
 * compared.  Each field has to be in a condition, save those of the signature,
 * the policy and "x-ignore-"; and so has the bucket that the form is sent to.
 * A field that is not there has the empty value.
 *
 * SOCIAL_S3_ACCESS_DENIED: it is not, or the policy has expired;
 * SOCIAL_S3_INVALID_POLICY_DOCUMENT: it is not a policy;
 * SOCIAL_S3_INTERNAL_ERROR: out of memory.  The message names the condition
 * that is not met, unless it is of a session token, has other characters, or
 * finds no room in "work".
 */
social_s3_error_e social_s3_policy_check(social_str_t text,
    const social_sigv4_header_t *fields, size_t count, social_str_t bucket,
    int64_t now, social_buf_t *work, social_s3_policy_t *out);


#endif /* SOCIAL_S3_POLICY_H */
