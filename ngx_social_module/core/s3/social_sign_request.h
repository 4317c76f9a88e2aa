
/*
 * What a client asks to be signed, one request to S3 at a time, as Uppy's
 * signRequest() has it: {"method","key","uploadId"?,"partNumber"?,
 * "contentType"?,"expiresIn"?,"kind"?}.
 */

#ifndef SOCIAL_SIGN_REQUEST_H
#define SOCIAL_SIGN_REQUEST_H


#include "social_buf.h"
#include "social_json.h"
#include "social_upload.h"


#define SOCIAL_SIGN_MAX_UPLOAD  1024
#define SOCIAL_SIGN_MAX_PART    10000
#define SOCIAL_SIGN_ERRORS      8


typedef enum {
    SOCIAL_SIGN_PUT = 0,             /* PUT of an object */
    SOCIAL_SIGN_CREATE,              /* POST: begins an upload in parts */
    SOCIAL_SIGN_PART,                /* PUT of a part */
    SOCIAL_SIGN_LIST,                /* GET of the parts */
    SOCIAL_SIGN_COMPLETE,            /* POST */
    SOCIAL_SIGN_ABORT                /* DELETE */
} social_sign_e;


typedef struct {
    social_json_t         *json;     /* owned; the views are of it */
    social_sign_e          operation;
    social_str_t           method;
    social_str_t           key;
    social_str_t           upload;
    unsigned               part;
    int64_t                expires;  /* seconds; 0: not given */
    social_str_t           kind;     /* empty: not given */
    bool                   form;     /* a form would do for the PUT of an
                                        object: there is a "contentType" */

    size_t                 error_count;
    social_upload_error_t  errors[SOCIAL_SIGN_ERRORS];
} social_sign_request_t;


/*
 * Reads a request.  SOCIAL_OK: the caller frees it with
 * social_sign_request_free().  SOCIAL_DECLINED: "errors" names each bad field;
 * to be freed too.  SOCIAL_MALFORMED: not a JSON object; nothing to free.
 * SOCIAL_FAILED: out of memory.  Unknown members are ignored; an object is
 * neither read nor removed by what can be signed.
 */
social_rc_e social_sign_request_read(social_str_t text,
    social_sign_request_t *sign);

void social_sign_request_free(social_sign_request_t *sign);

/*
 * Appends the query of the request; errors are in b->rc.
 */
void social_sign_request_query(social_buf_t *b,
    const social_sign_request_t *sign);

/*
 * Appends the key that is signed: that of the client if it begins with
 * "prefix", which is the user's and ends with a slash; else the prefix and
 * that key.  The client may say either, so that it can use the key of an
 * answer in the next request.  Returns a view of it.
 */
social_str_t social_sign_request_key(social_buf_t *b, social_str_t prefix,
    social_str_t key);


#endif /* SOCIAL_SIGN_REQUEST_H */
