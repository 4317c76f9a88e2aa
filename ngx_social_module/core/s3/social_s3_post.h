
/*
 * What a POST of an object asks for, by its fields: the signature of its
 * policy is verified, the policy is evaluated, and the rest is read as a PUT's
 * headers are (S3 API Reference, "POST Object").
 */

#ifndef SOCIAL_S3_POST_H
#define SOCIAL_S3_POST_H


#include "social_s3_form.h"
#include "social_s3_request.h"
#include "social_sigv4_verify.h"


/* of "work": fields whose values are expanded, their policy, and a path */
#define SOCIAL_S3_POST_SIZE  (4 * SOCIAL_S3_FORM_SIZE + 8192)


typedef struct {
    social_s3_operation_t   op;         /* as of a PUT; of an error, what it is
                                           about */
    social_str_t            type;       /* Content-Type; empty: none */
    int64_t                 min;        /* bytes that the file may have */
    int64_t                 max;        /* -1: the policy sets no limit */
    unsigned                status;     /* of success: 200, 201 or 204 */
    social_str_t            redirect;   /* a URL to go to; empty: none */
} social_s3_post_t;


/*
 * Reads the fields of a form that was sent to the bucket of "place" at "now"
 * (seconds since the epoch).  The views are of "fields" or of "work".
 *
 * In any case the signature is verified first: what is wrong otherwise is said
 * only to those who have one.
 */
social_s3_error_e social_s3_post_read(const social_s3_place_t *place,
    const social_sigv4_policy_t *policy,
    const social_s3_form_fields_t *fields, int64_t now, social_buf_t *work,
    social_s3_post_t *out);

/*
 * Appends the answer of a POST whose success_action_status is 201.  "location"
 * is the object's URL, "etag" has its quotes.  Errors are in b->rc.
 */
void social_s3_post_write(social_buf_t *b, social_str_t location,
    social_str_t bucket, social_str_t key, social_str_t etag);

/*
 * Appends the URL of a redirect with the object in its query.
 */
void social_s3_post_redirect(social_buf_t *b, social_str_t url,
    social_str_t bucket, social_str_t key, social_str_t etag);


#endif /* SOCIAL_S3_POST_H */
