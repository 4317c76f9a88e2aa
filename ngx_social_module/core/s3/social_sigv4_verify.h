
/*
 * AWS Signature Version 4: verifying a received request, signed in its
 * headers or in its query.
 */

#ifndef SOCIAL_SIGV4_VERIFY_H
#define SOCIAL_SIGV4_VERIFY_H


#include "social_s3_error.h"
#include "social_sigv4.h"


#define SOCIAL_SIGV4_SKEW  900      /* seconds, as S3 allows */


typedef enum {
    SOCIAL_SIGV4_OK = 0,
    SOCIAL_SIGV4_ANONYMOUS,         /* it is not signed */
    SOCIAL_SIGV4_STREAMING,         /* good, but its body is in signed chunks */
    SOCIAL_SIGV4_MALFORMED,         /* the path, a header, or over a limit */
    SOCIAL_SIGV4_DUPLICATE,         /* a parameter or header twice */
    SOCIAL_SIGV4_BOTH,              /* signed in the headers and the query */
    SOCIAL_SIGV4_UNSUPPORTED,       /* unsupported algorithm */
    SOCIAL_SIGV4_HEADER,            /* the Authorization header is invalid */
    SOCIAL_SIGV4_QUERY,             /* the X-Amz-* parameters are not */
    SOCIAL_SIGV4_HEADER_REGION,     /* good, but for the region "detail" */
    SOCIAL_SIGV4_QUERY_REGION,      /* the same in the query */
    SOCIAL_SIGV4_MISSING_HEADER,    /* x-amz-date, x-amz-content-sha256 */
    SOCIAL_SIGV4_PAYLOAD,           /* x-amz-content-sha256 is not valid */
    SOCIAL_SIGV4_BODY,              /* it is not the body's digest */
    SOCIAL_SIGV4_ACCESS_KEY,        /* not known */
    SOCIAL_SIGV4_TOKEN,             /* a session token wrong or out of place */
    SOCIAL_SIGV4_SKEWED,            /* headers signed too long ago or ahead */
    SOCIAL_SIGV4_EXPIRED,           /* the query has expired */
    SOCIAL_SIGV4_NOT_YET_VALID,     /* the query is not valid yet */
    SOCIAL_SIGV4_NOT_SIGNED,        /* host or an x-amz-* header: "detail" */
    SOCIAL_SIGV4_SIGNATURE,         /* it does not match */
    SOCIAL_SIGV4_FAILED             /* our fault */
} social_sigv4_status_e;


/*
 * Credentials that requests may be signed with.  Both secrets are good, so
 * that one can replace the other; the second may be empty.
 */
typedef struct {
    social_str_t                  access_key;
    social_str_t                  secrets[2];
    social_str_t                  token;      /* empty: none may be sent */
} social_sigv4_known_t;


typedef struct {
    social_str_t                  region;
    social_str_t                  service;
    const social_sigv4_known_t   *known;
    size_t                        known_count;
} social_sigv4_policy_t;


typedef enum {
    SOCIAL_SIGV4_PAYLOAD_UNSIGNED = 0,
    SOCIAL_SIGV4_PAYLOAD_DIGEST,    /* "digest" is what the body must have */
    SOCIAL_SIGV4_PAYLOAD_STREAMING
} social_sigv4_payload_e;


/*
 * What a request says; the views are of the request or of "work".
 */
typedef struct {
    const social_sigv4_known_t   *known;      /* NULL: not looked up */
    bool                          presigned;
    int64_t                       time;       /* when it was signed */
    int64_t                       expires;    /* the last good second */
    social_sigv4_payload_e        payload;
    unsigned char                 digest[SOCIAL_SHA256_SIZE];

    /* of a failure: the header, parameter or value it is about */
    social_str_t                  detail;

    /* empty until it came to that */
    social_str_t                  canonical;
    social_str_t                  string_to_sign;

    social_str_t                  access_key;
    social_str_t                  signature;  /* as it was sent */
    size_t                        secret;     /* known->secrets[] that it is
                                                 by, where it is good */
    social_str_t                  amz_date;   /* X-Amz-Date, as it was sent */
    social_str_t                  region;
    social_str_t                  service;

    /*
     * Whether string_to_sign may be shown to a client whose signature does not
     * match, as S3 does.  It is a digest of the signed headers, so that their
     * values could be guessed with it, and a proxy may have added some that
     * the client does not know: only headers that clients send.
     */
    bool                          shown;
} social_sigv4_verified_t;


/*
 * Verifies a request at "now" (seconds since the epoch).  Its headers are all
 * that came, "host" among them (an HTTP/2 :authority too), as they came.
 * "payload" is the digest of the body in hexadecimal where it is known
 * already, else empty, and the caller compares the body with out->digest
 * when it has it.  "work" bounds what is accepted.  The query is read with
 * SOCIAL_URI_PLUS, and callers who take parameters out of it must do so too;
 * a path's key is what social_uri_decode() makes of it.
 *
 * Stricter than S3: no parameter twice, whatever its name; SignedHeaders in
 * ascending order; times as X-Amz-Date only; the digest and the signature in
 * lower case.  Header signatures are good for SOCIAL_SIGV4_SKEW before and
 * after, queries from SOCIAL_SIGV4_SKEW before their time until they expire.
 * The signature is compared in constant time, and all that is said of it is
 * that it does not match.
 *
 * SOCIAL_SIGV4_OK and SOCIAL_SIGV4_STREAMING: the signature is good.
 * SOCIAL_SIGV4_FAILED: OpenSSL.  Anything else is the client's.
 */
social_sigv4_status_e social_sigv4_verify(const social_sigv4_policy_t *policy,
    const social_sigv4_request_t *request, int64_t now, social_buf_t *work,
    social_sigv4_verified_t *out);

/*
 * What S3 answers to a status, and in "message" the text that goes with it
 * (SDKs look for some of them).  SOCIAL_SIGV4_OK gives SOCIAL_S3_OK.
 */
social_s3_error_e social_sigv4_error(social_sigv4_status_e status,
    social_str_t *message);


#endif /* SOCIAL_SIGV4_VERIFY_H */
