
/*
 * AWS Signature Version 4: signing.  One canonical form for those who sign
 * and those who verify (AWS: "Create a signed AWS API request"; S3 API
 * Reference, "Authenticating Requests (AWS Signature Version 4)").
 */

#ifndef SOCIAL_SIGV4_H
#define SOCIAL_SIGV4_H


#include "social_buf.h"
#include "social_credentials.h"
#include "social_crypto.h"
#include "social_rc.h"
#include "social_str.h"
#include "social_uri.h"


#define SOCIAL_SIGV4_MAX_METHOD       32
#define SOCIAL_SIGV4_MAX_PATH         8192
#define SOCIAL_SIGV4_MAX_QUERY        16384
#define SOCIAL_SIGV4_MAX_HEADERS      128
#define SOCIAL_SIGV4_MAX_HEADER_SIZE  16384     /* of one value */
#define SOCIAL_SIGV4_MAX_ACCESS_KEY   128
#define SOCIAL_SIGV4_MAX_SECRET       256
#define SOCIAL_SIGV4_MAX_EXPIRES      604800    /* seven days */

#define SOCIAL_SIGV4_SIGNATURE_SIZE   (SOCIAL_SHA256_SIZE * 2)

/* enough work for what fits into nginx's default header buffers */
#define SOCIAL_SIGV4_WORK_SIZE        65536


typedef enum {
    SOCIAL_SIGV4_S3 = 0,        /* the path in one spelling, not normalized */
    SOCIAL_SIGV4_PLAIN,         /* the path as sent, encoded again */
    SOCIAL_SIGV4_NORMALIZED     /* that after removing ".", ".." and "//" */
} social_sigv4_mode_e;


typedef struct {
    social_str_t                  name;         /* in any case */
    social_str_t                  value;
} social_sigv4_header_t;


/*
 * A derived key that a caller may keep: for one secret, region and service,
 * on one day.  All zeros is none yet.
 */
typedef struct {
    unsigned char                 date[8];
    unsigned char                 key[SOCIAL_SHA256_SIZE];
} social_sigv4_key_t;


typedef struct {
    social_str_t                  region;
    social_str_t                  service;
    int64_t                       now;          /* seconds since the epoch */
    social_sigv4_key_t           *key;          /* a cache, or NULL */
} social_sigv4_scope_t;


typedef struct {
    social_sigv4_mode_e           mode;
    social_str_t                  method;
    social_str_t                  path;         /* as sent: percent-encoded */
    social_str_t                  query;        /* as sent, without the "?" */
    const social_sigv4_header_t  *headers;
    size_t                        header_count;

    /*
     * The digest of the body in hexadecimal, or UNSIGNED-PAYLOAD.  Empty:
     * not known; a received request then says it itself, a query is signed
     * with UNSIGNED-PAYLOAD, and headers with the digest of nothing.
     */
    social_str_t                  payload;
} social_sigv4_request_t;


/*
 * What a signer gives; the views are of "work".
 */
typedef struct {
    social_str_t                  canonical;
    social_str_t                  string_to_sign;
    social_str_t                  signed_headers;
    social_str_t                  signature;

    /* signed headers: what to send beside those given, empty: do not */
    social_str_t                  authorization;
    social_str_t                  date;         /* X-Amz-Date */
    social_str_t                  payload;      /* X-Amz-Content-Sha256 */
    social_str_t                  token;        /* X-Amz-Security-Token */

    /* a signed query: what to send instead of the one given */
    social_str_t                  query;
} social_sigv4_signed_t;


extern const social_str_t  social_sigv4_algorithm;
extern const social_str_t  social_sigv4_unsigned_payload;
extern const social_str_t  social_sigv4_empty_payload;


/*
 * Derives the key for a day ("20130524"), region and service.
 * SOCIAL_MALFORMED: the secret is empty or longer than
 * SOCIAL_SIGV4_MAX_SECRET; SOCIAL_FAILED: OpenSSL.  The caller cleanses it.
 */
social_rc_e social_sigv4_key(social_str_t secret, social_str_t date,
    social_str_t region, social_str_t service, social_sigv4_key_t *key);

/*
 * Writes the signature of "text" in hexadecimal: of a string to sign, or of a
 * POST policy in base64.  SOCIAL_FAILED: OpenSSL.
 */
social_rc_e social_sigv4_signature(const social_sigv4_key_t *key,
    social_str_t text, unsigned char signature[SOCIAL_SIGV4_SIGNATURE_SIZE]);

/*
 * Signs a request with headers.  Every header given is signed, save those
 * that proxies change (Connection, User-Agent and the like); "host" must be
 * among them, X-Amz-Date, X-Amz-Security-Token, and, with a payload to say or
 * to S3, X-Amz-Content-Sha256, must not: they are added, and are in "out" to
 * be sent.  "work" gets everything that "out" shows, and limits it.
 *
 * SOCIAL_MALFORMED: a header is missing, twice, or not one; the path does not
 * begin with "/"; bad escapes; over a limit.  SOCIAL_FAILED: OpenSSL.
 */
social_rc_e social_sigv4_sign_headers(
    const social_credentials_t *credentials,
    const social_sigv4_scope_t *scope, const social_sigv4_request_t *request,
    social_buf_t *work, social_sigv4_signed_t *out);

/*
 * Signs a request in its query ("presigns" it), for "expires" seconds.
 * Nothing is signed or sent that was not given but the X-Amz-* parameters:
 * no checksums.  A query that has one of those already is SOCIAL_MALFORMED,
 * and so is "expires" outside 1 to SOCIAL_SIGV4_MAX_EXPIRES; else as above.
 */
social_rc_e social_sigv4_sign_query(
    const social_credentials_t *credentials,
    const social_sigv4_scope_t *scope, const social_sigv4_request_t *request,
    int64_t expires, social_buf_t *work, social_sigv4_signed_t *out);


#endif /* SOCIAL_SIGV4_H */
