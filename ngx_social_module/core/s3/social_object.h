
/*
 * Names in S3: buckets, object keys, endpoints.
 */

#ifndef SOCIAL_OBJECT_H
#define SOCIAL_OBJECT_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_OBJECT_MAX_KEY    1024
#define SOCIAL_ENDPOINT_MAX_URL  512


typedef struct {
    bool          secure;       /* https */
    social_str_t  host;         /* an IPv6 address in its brackets */
    social_str_t  port;         /* empty: the scheme's own */
    social_str_t  path;         /* "/prefix" or empty: never a "/" at its end */
} social_endpoint_t;


/*
 * Whether "name" can be a bucket's: 3 to 63 of a-z 0-9 "." "-", a letter or
 * digit at both ends and at both sides of each ".", and no IPv4 address
 * (S3 User Guide, "General purpose bucket naming rules").
 */
bool social_bucket_check(social_str_t name);

/*
 * Whether "key" can be an object's: 1 to SOCIAL_OBJECT_MAX_KEY bytes of UTF-8
 * without a zero byte (S3 User Guide, "Naming Amazon S3 objects").
 */
bool social_object_check(social_str_t key);

/*
 * Whether a URL of the key reaches S3 as it was made: a key as above without
 * "." and ".." segments, which browsers take out of URLs however they are
 * escaped, and without control characters.  For keys that we presign.
 */
bool social_object_check_portable(social_str_t key);

/*
 * Splits "https://host:port/prefix" into views of it.  Plain http is
 * accepted: it is what stores on private networks speak.  SOCIAL_DECLINED: no
 * such URL, and "why" says what would be right: a user name, a query, a
 * fragment, an escape and a port out of 1-65535 are refused.
 */
social_rc_e social_endpoint_parse(social_str_t url, social_endpoint_t *e,
    const char **why);


#endif /* SOCIAL_OBJECT_H */
