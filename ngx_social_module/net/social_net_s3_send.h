
/*
 * Signed requests to S3, or to what speaks as it does: for the files that make
 * them.
 */

#ifndef SOCIAL_NET_S3_SEND_H
#define SOCIAL_NET_S3_SEND_H


#include "social_net_s3.h"
#include "social_s3_error.h"
#include "social_sigv4.h"


#define SOCIAL_NET_S3_HEADERS  64


/*
 * What is asked of a bucket.
 */
typedef struct {
    social_str_t                  key;        /* empty: the bucket itself */
    social_str_t                  query;      /* percent-encoded, or empty */
    const social_sigv4_header_t  *headers;    /* sent, and signed */
    size_t                        header_count;
    social_str_t                  payload;    /* digest of the body, in
                                                 hexadecimal; empty: no body */
} social_net_s3_call_t;


/*
 * Sends it: "request" has all but the URL, the headers, the certificates and
 * the timeout, which are set here.  SOCIAL_OK: there is an answer, whatever its
 * status; SOCIAL_FAILED: "error", of SOCIAL_NET_ERROR_SIZE bytes, says why.
 */
social_rc_e social_net_s3_send(const social_net_s3_t *s3,
    const social_net_s3_call_t *call, social_net_request_t *request,
    social_net_reply_t *reply, char *error);

/*
 * Whether an answer has that code; whether it says that there is no such object
 * in a bucket that is there: a missing bucket is the configuration's fault, and
 * may be set right.
 */
bool social_net_s3_is(const social_net_reply_t *reply,
    social_s3_error_e code);
bool social_net_s3_is_missing(const social_net_reply_t *reply);

/*
 * Whether the store did not get the bytes in time (S3 API Reference, "Error
 * responses": RequestTimeout, which has the status 400 and may be tried again).
 */
bool social_net_s3_is_timeout(const social_net_reply_t *reply);

/*
 * Writes the status and the code of an answer to "error", with the region, the
 * host or the time that it names, and returns SOCIAL_FAILED.
 */
social_rc_e social_net_s3_refused(const social_net_reply_t *reply,
    char *error);


#endif /* SOCIAL_NET_S3_SEND_H */
