
/*
 * Presigned URLs of objects.
 */

#ifndef SOCIAL_PRESIGN_H
#define SOCIAL_PRESIGN_H


#include "social_bucket.h"
#include "social_encoding.h"
#include "social_object.h"
#include "social_sigv4.h"


typedef struct {
    social_str_t                  method;
    social_str_t                  key;          /* bytes, nothing escaped */
    social_str_t                  query;        /* uploadId=...; or empty */
    int64_t                       expires;      /* seconds from now */

    /* what the client must send exactly, beside Host */
    const social_sigv4_header_t  *headers;
    size_t                        header_count;
} social_presign_t;


#define SOCIAL_PRESIGN_POLICY_SIZE  8192     /* of a form's policy */

/* fields of a form: given ones, "key", and six of the signature */
#define SOCIAL_PRESIGN_MAX_GIVEN    8
#define SOCIAL_PRESIGN_MAX_FIELDS   (SOCIAL_PRESIGN_MAX_GIVEN + 7)

#define SOCIAL_PRESIGN_FORM_SIZE                                              \
    (SOCIAL_PRESIGN_POLICY_SIZE                                               \
     + social_base64_size(SOCIAL_PRESIGN_POLICY_SIZE) + 4096)


typedef struct {
    social_str_t                  key;          /* bytes, nothing escaped */
    int64_t                       expires;      /* seconds from now */
    int64_t                       min;          /* bytes of the file */
    int64_t                       max;

    /* what the form must have exactly, beside the key */
    const social_sigv4_header_t  *fields;
    size_t                        field_count;
} social_presign_form_t;


/*
 * What to send, the fields in this order and the file after them; the views
 * are of "work" or of the form's.
 */
typedef struct {
    social_str_t                  url;
    size_t                        count;
    social_sigv4_header_t         fields[SOCIAL_PRESIGN_MAX_FIELDS];
} social_presign_formed_t;


/*
 * How long a URL asked for "wanted" seconds can live: not longer than a week,
 * nor than credentials that expire at "credentials_expire" (0: they do not)
 * less "margin".  0: no URL can be made, since the credentials are, or are
 * about to be, of no use.
 */
int64_t social_presign_expires(int64_t wanted, int64_t now,
    int64_t credentials_expire, int64_t margin);

/*
 * Makes a URL, a view of "work", signed at "now" for p->expires seconds, of
 * the whole bucket where the key is empty.  The caller has to pass the headers
 * to the client; nothing is added to them, Host apart.  "cache" may be NULL.
 * SOCIAL_MALFORMED: the bucket's name or the key (see
 * social_object_check_portable()), "host" among the headers, or as
 * social_sigv4_sign_query(); SOCIAL_FAILED: OpenSSL.
 */
social_rc_e social_presign(const social_bucket_t *bucket,
    const social_credentials_t *credentials, const social_presign_t *p,
    int64_t now, social_sigv4_key_t *cache, social_buf_t *work,
    social_str_t *url);

/*
 * Makes a form with a signed policy (S3 API Reference, "POST Policy"), to be
 * sent to the URL of the bucket, which ends with a slash.  "work" of
 * SOCIAL_PRESIGN_FORM_SIZE bytes is enough for what fits into a policy.
 * SOCIAL_MALFORMED: the bucket's name or the key, as above, more than
 * SOCIAL_PRESIGN_MAX_GIVEN fields, a policy over SOCIAL_PRESIGN_POLICY_SIZE,
 * "expires" outside 1 to SOCIAL_SIGV4_MAX_EXPIRES, or credentials that cannot
 * sign; SOCIAL_FAILED: OpenSSL.
 */
social_rc_e social_presign_form(const social_bucket_t *bucket,
    const social_credentials_t *credentials,
    const social_presign_form_t *form, int64_t now, social_buf_t *work,
    social_presign_formed_t *out);


#endif /* SOCIAL_PRESIGN_H */
