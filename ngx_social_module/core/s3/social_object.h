
/*
 * Keys of objects in S3.
 */

#ifndef SOCIAL_OBJECT_H
#define SOCIAL_OBJECT_H


#include "social_str.h"


#define SOCIAL_OBJECT_MAX_KEY  1024


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
 * Whether a content type is that of a picture which a browser shows and cannot
 * execute: "image/" and any but those of XML, such as SVG.
 */
bool social_object_is_picture(social_str_t type);


#endif /* SOCIAL_OBJECT_H */
