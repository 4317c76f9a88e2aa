
/*
 * Signed webhooks as the Standard Webhooks specification has them:
 * "webhook-id", "webhook-timestamp" and "webhook-signature" over the body.
 */

#ifndef SOCIAL_WEBHOOK_H
#define SOCIAL_WEBHOOK_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_WEBHOOK_TOLERANCE        300     /* seconds, either way */
#define SOCIAL_WEBHOOK_MIN_SECRET       24      /* bytes */
#define SOCIAL_WEBHOOK_MAX_SECRET       64
#define SOCIAL_WEBHOOK_MAX_ID           128
#define SOCIAL_WEBHOOK_MAX_SIGNATURES   8

/* what social_webhook_sign() writes: "v1," and base64 of 32 bytes */
#define SOCIAL_WEBHOOK_SIGNATURE_SIZE   (3 + 44)


/*
 * Reads a secret from the text of a file: "whsec_" and base64, white space
 * around it is ignored.  "secret" has room for SOCIAL_WEBHOOK_MAX_SECRET
 * bytes.  SOCIAL_MALFORMED: it is not that, or not of 24 to 64 bytes.
 */
social_rc_e social_webhook_secret(social_str_t text, unsigned char *secret,
    size_t *len);

/*
 * Checks a webhook at "now", with one of two secrets (the second may be
 * empty) and one of the signatures, "v1,BASE64" each, separated by spaces.
 * SOCIAL_OK: it is valid.  SOCIAL_DECLINED: no signature is; or the time
 * differs by more than five minutes.  SOCIAL_MALFORMED: a header is missing or
 * not of the form.  SOCIAL_FAILED: OpenSSL.
 */
social_rc_e social_webhook_verify(social_str_t id, social_str_t timestamp,
    social_str_t signatures, social_str_t body,
    const social_str_t secrets[2], int64_t now);

/*
 * Writes the signature of a webhook that is to be sent, "v1,BASE64" without a
 * zero byte at the end, to "signature": of its id, its time in seconds as
 * decimal digits, and its body, with a secret of social_webhook_secret().
 * SOCIAL_MALFORMED: social_webhook_verify() would refuse the id or the time,
 * or the id has a "." in it, by which another message would have the same
 * signature.  SOCIAL_FAILED: out of memory, or OpenSSL.
 */
social_rc_e social_webhook_sign(social_str_t id, social_str_t timestamp,
    social_str_t body, social_str_t secret,
    unsigned char signature[SOCIAL_WEBHOOK_SIGNATURE_SIZE]);


#endif /* SOCIAL_WEBHOOK_H */
