
/*
 * Bodies in chunks, "aws-chunked": with a signature for each, with a trailer,
 * or with both (S3 API Reference, "Signature Calculations for the
 * Authorization Header: Transferring Payload in Multiple Chunks", and the same
 * "Including trailing headers").
 */

#ifndef SOCIAL_S3_CHUNKED_H
#define SOCIAL_S3_CHUNKED_H


#include "social_crypto.h"
#include "social_s3_checksum.h"
#include "social_s3_error.h"
#include "social_sigv4_verify.h"


#define SOCIAL_S3_CHUNKED_MAX_LINE   256
#define SOCIAL_S3_CHUNKED_MAX_LINES  8        /* of a trailer */
#define SOCIAL_S3_CHUNKED_MAX_SCOPE  256


typedef enum {
    SOCIAL_S3_CHUNKED_NONE = 0,
    SOCIAL_S3_CHUNKED_SIGNED,
    SOCIAL_S3_CHUNKED_SIGNED_TRAILER,
    SOCIAL_S3_CHUNKED_UNSIGNED_TRAILER
} social_s3_chunked_e;


typedef enum {
    SOCIAL_S3_CHUNKED_SIZE = 0,
    SOCIAL_S3_CHUNKED_DATA,
    SOCIAL_S3_CHUNKED_DATA_END,
    SOCIAL_S3_CHUNKED_TRAILER,
    SOCIAL_S3_CHUNKED_DONE
} social_s3_chunked_state_e;


/*
 * A decoder; only its own functions use the members, save "value".
 */
typedef struct {
    social_s3_chunked_e         kind;
    social_s3_chunked_state_e   state;
    uint64_t                    left;         /* of the chunk */
    bool                        last;         /* it is the one of no bytes */
    unsigned                    lines;

    size_t                      len;          /* of the line so far */
    unsigned char               line[SOCIAL_S3_CHUNKED_MAX_LINE];

    /* of signatures */
    social_sha256_t            *hash;         /* NULL: there are none */
    social_sigv4_key_t          key;
    unsigned char               previous[SOCIAL_SIGV4_SIGNATURE_SIZE];
    unsigned char               given[SOCIAL_SIGV4_SIGNATURE_SIZE];
    bool                        is_signed;    /* the trailer */
    size_t                      scope_len;
    unsigned char               scope[SOCIAL_S3_CHUNKED_MAX_SCOPE];

    /* of the trailer */
    social_s3_checksum_e        algorithm;    /* of the one that it must have */
    bool                        has_value;
    unsigned char               value[SOCIAL_S3_CHECKSUM_MAX];
} social_s3_chunked_t;


/*
 * The kind that x-amz-content-sha256 names; SOCIAL_S3_CHUNKED_NONE: none of
 * them.
 */
social_s3_chunked_e social_s3_chunked_kind(social_str_t payload);

/*
 * Begins to decode a body whose request was verified, and whose trailer has to
 * have a checksum of "algorithm" unless that is SOCIAL_S3_CHECKSUM_NONE.
 * SOCIAL_FAILED: out of memory, or OpenSSL; the caller calls
 * social_s3_chunked_destroy() in any case.
 */
social_rc_e social_s3_chunked_init(social_s3_chunked_t *chunked,
    social_s3_chunked_e kind, social_s3_checksum_e algorithm,
    const social_sigv4_verified_t *verified);

/*
 * Takes the next bytes of the object from the front of "in": "data" is a view
 * of it, empty where all of "in" is used up.  What was returned before an error
 * must not become an object.  SOCIAL_S3_INVALID_REQUEST: it is not
 * in chunks; SOCIAL_S3_SIGNATURE_DOES_NOT_MATCH, SOCIAL_S3_MALFORMED_TRAILER,
 * SOCIAL_S3_INTERNAL_ERROR.
 */
social_s3_error_e social_s3_chunked_next(social_s3_chunked_t *chunked,
    social_str_t *in, social_str_t *data);

/*
 * At the end of the body: SOCIAL_S3_OK, or SOCIAL_S3_INCOMPLETE_BODY.
 */
social_s3_error_e social_s3_chunked_end(const social_s3_chunked_t *chunked);

/*
 * Overwrites the key, and frees what is not in the struct; may be called more
 * than once.
 */
void social_s3_chunked_destroy(social_s3_chunked_t *chunked);


#endif /* SOCIAL_S3_CHUNKED_H */
