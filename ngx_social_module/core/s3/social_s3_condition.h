
/*
 * Conditional requests, as S3 evaluates them (S3 API Reference, GetObject; S3
 * User Guide, "Conditional requests"; RFC 9110, 13).
 */

#ifndef SOCIAL_S3_CONDITION_H
#define SOCIAL_S3_CONDITION_H


#include "social_str.h"


#define SOCIAL_S3_NO_TIME  (-1)


/*
 * The headers of a request.  A date that is not one is left out; one in the
 * future, and one beside the ETag that takes precedence over it, is ignored.
 */
typedef struct {
    social_str_t    if_match;                /* empty: none */
    social_str_t    if_none_match;
    int64_t         if_modified_since;       /* SOCIAL_S3_NO_TIME: none */
    int64_t         if_unmodified_since;
} social_s3_condition_t;


/*
 * The object that the condition is for.
 */
typedef struct {
    social_str_t    etag;                    /* without quotes */
    int64_t         modified;                /* seconds */
} social_s3_version_t;


typedef enum {
    SOCIAL_S3_CONDITION_TRUE = 0,
    SOCIAL_S3_CONDITION_NOT_MODIFIED,        /* 304 */
    SOCIAL_S3_CONDITION_FAILED               /* 412 */
} social_s3_condition_e;


/*
 * Evaluates the condition of a GET or HEAD of an object that exists, at "now".
 */
social_s3_condition_e social_s3_condition_read(
    const social_s3_condition_t *condition,
    const social_s3_version_t *version, int64_t now);

/*
 * Whether the list of a header, "*" or ETags with commas between them, has
 * this one.  Quotes may be missing, as they may for S3; an ETag that is marked
 * as weak counts only if "weak" is true.
 */
bool social_s3_etag_is_listed(social_str_t list, social_str_t etag, bool weak);


#endif /* SOCIAL_S3_CONDITION_H */
