
/*
 * The protocol of Companion, by which Uppy uploads to S3: what a request asks
 * for, and the tokens that uploads in parts have (Uppy: @uppy/companion,
 * "S3 controller").
 */

#ifndef SOCIAL_COMPANION_H
#define SOCIAL_COMPANION_H


#include "social_json.h"
#include "social_s3_reply.h"


#define SOCIAL_COMPANION_MAX_BODY   (1024 * 1024)
#define SOCIAL_COMPANION_MAX_PARTS  10000
#define SOCIAL_COMPANION_BATCH      100      /* URLs at a time */
#define SOCIAL_COMPANION_ID_SIZE    36       /* of a UUID */
#define SOCIAL_COMPANION_MAX_EXT    8

#define SOCIAL_COMPANION_TOKEN_SIZE                                           \
    (SOCIAL_COMPANION_ID_SIZE + SOCIAL_COMPANION_MAX_EXT + 2                  \
     + (SOCIAL_S3_REPLY_MAX_ID + 2) / 3 * 4)

/* of "work": a query and a token that are decoded */
#define SOCIAL_COMPANION_WORK_SIZE  16384


typedef enum {
    SOCIAL_COMPANION_NONE = 0,
    SOCIAL_COMPANION_PARAMS,         /* GET params */
    SOCIAL_COMPANION_CREATE,         /* POST multipart */
    SOCIAL_COMPANION_LIST,           /* GET multipart/TOKEN */
    SOCIAL_COMPANION_SIGN,           /* GET multipart/TOKEN/PART */
    SOCIAL_COMPANION_BATCH_SIGN,     /* GET multipart/TOKEN/batch */
    SOCIAL_COMPANION_COMPLETE,       /* POST multipart/TOKEN/complete */
    SOCIAL_COMPANION_ABORT           /* DELETE multipart/TOKEN */
} social_companion_e;


typedef struct {
    social_companion_e   operation;
    const char          *allow;          /* the methods of such a resource,
                                            where it is another; or NULL */

    /* the upload that a token is of */
    social_str_t         id;             /* ours: a UUID in lower case */
    social_str_t         extension;
    social_str_t         upload;         /* the store's */

    social_str_t         key;            /* as the client has it */
    social_str_t         filename;
    social_str_t         type;
    social_str_t         kind;           /* may be empty */
    size_t               count;
    unsigned             parts[SOCIAL_COMPANION_BATCH];

    const char          *field;          /* of an error: "must ..." */
    const char          *why;
} social_companion_t;


/*
 * Reads a request: "path" is what comes after the location, as it was sent.
 * The views are of "work", of SOCIAL_COMPANION_WORK_SIZE bytes.
 * SOCIAL_DECLINED: there is no such resource, or not by this method, or the
 * token is none; SOCIAL_MALFORMED: "field" and "why" say what is wrong with a
 * parameter.
 */
social_rc_e social_companion_read(social_str_t method, social_str_t path,
    social_str_t query, social_buf_t *work, social_companion_t *out);

/*
 * Reads the body of SOCIAL_COMPANION_CREATE, {"filename","type","metadata"?};
 * the views are of "json", which the caller frees with social_json_free().
 * SOCIAL_MALFORMED: as above, and there is nothing to free; SOCIAL_FAILED.
 */
social_rc_e social_companion_create(social_str_t text, social_json_t **json,
    social_companion_t *out);

/*
 * Makes the body of CompleteMultipartUpload out of that of
 * SOCIAL_COMPANION_COMPLETE, {"parts":[{"PartNumber","ETag"},...]}; "xml" of
 * three times its size and 1 kB more is enough.  "parts" has the numbers that
 * are in it, ascending, and has room for SOCIAL_COMPANION_MAX_PARTS.
 * SOCIAL_MALFORMED: as above; SOCIAL_FAILED: out of memory.
 */
social_rc_e social_companion_complete(social_str_t text, social_buf_t *xml,
    unsigned *parts, size_t *count, social_companion_t *out);

/*
 * Appends the token of an upload, of characters that need no escapes in a URL:
 * all that the key follows from, and the store's own name for it.  It is not
 * secret, and not proof of anything: the key is made again of what is in it and
 * of the identity of who sends it, and the store refuses an upload that is not
 * one of that key.
 */
void social_companion_token(social_buf_t *b, social_str_t id,
    social_str_t extension, social_str_t upload);


#endif /* SOCIAL_COMPANION_H */
