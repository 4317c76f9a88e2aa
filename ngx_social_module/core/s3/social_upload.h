
/*
 * What a client asks for before it uploads.
 */

#ifndef SOCIAL_UPLOAD_H
#define SOCIAL_UPLOAD_H


#include "social_json.h"


#define SOCIAL_UPLOAD_MAX_BODY    4096
#define SOCIAL_UPLOAD_MAX_ERRORS  8


typedef struct {
    const social_str_t   *types;        /* content types that are accepted */
    size_t                type_count;
    const social_str_t   *kinds;        /* and kinds */
    size_t                kind_count;
    int64_t               max_size;     /* bytes */
    bool                  any_size;     /* it need not be given */
} social_upload_policy_t;


typedef struct {
    const char           *field;
    const char           *why;          /* "must be ..." */
} social_upload_error_t;


typedef struct {
    social_json_t        *json;         /* owned; the views are of it */
    social_str_t          kind;
    social_str_t          content_type;
    social_str_t          sha256;       /* base64, or empty */
    social_str_t          extension;    /* by the type, without a dot */
    int64_t               size;         /* 0: not given */

    size_t                error_count;
    bool                  too_large;    /* the size alone is wrong */
    bool                  wrong_type;   /* the type alone is wrong */
    social_upload_error_t errors[SOCIAL_UPLOAD_MAX_ERRORS];
} social_upload_t;


/*
 * Reads {"kind","contentType","size","sha256"?}.  SOCIAL_OK: the caller frees
 * it with social_upload_free().  SOCIAL_DECLINED: "errors" names each bad
 * field; to be freed too.  SOCIAL_MALFORMED: not a JSON object; nothing to
 * free.  SOCIAL_FAILED: out of memory.  Unknown members are ignored.
 */
social_rc_e social_upload_parse(social_str_t text,
    const social_upload_policy_t *policy, social_upload_t *upload);

void social_upload_free(social_upload_t *upload);

/*
 * The extension of a content type ("jpg" of "image/jpeg"), and the other way
 * round; empty where we know none.
 */
social_str_t social_upload_extension(social_str_t content_type);
social_str_t social_upload_content_type(social_str_t extension);


#endif /* SOCIAL_UPLOAD_H */
