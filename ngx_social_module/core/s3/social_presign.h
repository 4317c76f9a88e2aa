
/*
 * Presigned URLs of objects.
 */

#ifndef SOCIAL_PRESIGN_H
#define SOCIAL_PRESIGN_H


#include "social_bucket.h"
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


#endif /* SOCIAL_PRESIGN_H */
