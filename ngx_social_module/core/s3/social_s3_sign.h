
/*
 * Requests that a proxy passes to a bucket: the head of one, as the proxy made
 * it, becomes that of a signed request for an object.
 */

#ifndef SOCIAL_S3_SIGN_H
#define SOCIAL_S3_SIGN_H


#include "social_bucket.h"
#include "social_object.h"
#include "social_sigv4.h"


/* enough work for a head of that length */
#define social_s3_sign_size(len)  (2 * SOCIAL_SIGV4_WORK_SIZE + (len))


typedef struct {
    const social_bucket_t       *bucket;
    const social_credentials_t  *credentials;
    const social_str_t          *args;          /* names of parameters that */
    size_t                       arg_count;     /* are passed, as sent */
    int64_t                      now;           /* seconds since the epoch */
    social_sigv4_key_t          *key;           /* a cache, or NULL */
} social_s3_sign_t;


/*
 * Whether a parameter of that name may be passed: a name without escapes, and
 * none of a signature's.
 */
bool social_s3_sign_may_pass(social_str_t name);

/*
 * Appends the parameters of "query" that are named, as they were sent, with
 * "&" between them.  Returns a view of them.
 */
social_str_t social_s3_sign_args(social_buf_t *b, social_str_t query,
    const social_str_t *names, size_t count);

/*
 * The key of the object that a URI stands for: the path, percent-decoded,
 * without its first slash; what follows a "?" does not count.  "key" is a view
 * of "work".  SOCIAL_DECLINED: it stands for none (see
 * social_object_check_portable(); the whole bucket is not an object).
 */
social_rc_e social_s3_sign_key(social_buf_t *work, social_str_t uri,
    social_str_t *key);

/*
 * Makes the head of a signed GET or HEAD from one of HTTP/1.0 or HTTP/1.1,
 * with its empty line: the URI becomes that of the key in the bucket, with the
 * parameters that are named; Host is the bucket's; Authorization, Cookie and
 * all X-Amz-* and X-Social-* headers are left out, and those of the signature
 * added, for an empty body (S3 API Reference, "Authenticating Requests: Using
 * the Authorization Header").  Other headers stay as they are, unsigned.
 *
 * "made" is a view of "work", which has room for social_s3_sign_size() bytes;
 * "uri" is the new URI in it.  SOCIAL_DECLINED: the URI stands for no object,
 * or a parameter cannot be signed.  SOCIAL_MALFORMED: it is not such a head,
 * or does not fit.  SOCIAL_FAILED: OpenSSL.  The caller cleanses "work", which
 * may have a session token in it.
 */
social_rc_e social_s3_sign_head(const social_s3_sign_t *sign,
    social_str_t head, social_buf_t *work, social_str_t *made,
    social_str_t *uri);


#endif /* SOCIAL_S3_SIGN_H */
