
/*
 * Lists of objects: what of a bucket is in a page, in the order of keys, with
 * what has a common prefix up to a delimiter as one (S3 API Reference,
 * ListObjects and ListObjectsV2).
 */

#ifndef SOCIAL_S3_LIST_H
#define SOCIAL_S3_LIST_H


#include "social_buf.h"
#include "social_object.h"
#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_S3_LIST_TOKEN  (((SOCIAL_OBJECT_MAX_KEY + 1) + 2) / 3 * 4)


/*
 * What is asked for, and where a walk through the bucket is.
 */
typedef struct {
    social_str_t  prefix;
    social_str_t  delimiter;      /* empty: none */
    unsigned      max_keys;

    /*
     * The last key, or common prefix, before the page or in it so far.  "skip":
     * nothing that begins with it comes any more.
     */
    size_t        len;            /* 0: the list begins */
    bool          skip;
    unsigned char last[SOCIAL_OBJECT_MAX_KEY];
} social_s3_list_t;


typedef enum {
    SOCIAL_S3_LIST_KEY = 0,       /* the key is in the list */
    SOCIAL_S3_LIST_PREFIX,        /* its common prefix is, if anything is */
    SOCIAL_S3_LIST_BEFORE,        /* neither: the list is past it */
    SOCIAL_S3_LIST_WITHIN,        /* of keys that begin so, some may be */
    SOCIAL_S3_LIST_AFTER          /* nor is anything that comes after it */
} social_s3_list_e;


/*
 * Begins a list after a key of the client's, "start-after" or a marker, which
 * may be any text.  A marker that is a common prefix itself has all its keys
 * behind it, as S3 has it.
 */
void social_s3_list_start(social_s3_list_t *list, social_str_t after);

/*
 * Where a key belongs.  SOCIAL_S3_LIST_PREFIX: "common" is a view of the key.
 */
social_s3_list_e social_s3_list_key(const social_s3_list_t *list,
    social_str_t key, social_str_t *common);

/*
 * Where all keys that begin with "start" belong: SOCIAL_S3_LIST_PREFIX if they
 * have one common prefix, SOCIAL_S3_LIST_WITHIN if each has to be looked at.
 */
social_s3_list_e social_s3_list_keys(const social_s3_list_t *list,
    social_str_t start, social_str_t *common);

/*
 * Notes that a key or a common prefix is in the list, of the length of a key.
 */
void social_s3_list_take(social_s3_list_t *list, social_str_t key,
    bool is_prefix);

/*
 * Writes where the list is as a token, to "text" of SOCIAL_S3_LIST_TOKEN
 * bytes, and returns its length; reads one.  SOCIAL_MALFORMED: it is not one.
 */
size_t social_s3_list_token(const social_s3_list_t *list,
    unsigned char *text);
social_rc_e social_s3_list_resume(social_s3_list_t *list, social_str_t token);

/*
 * The order of keys: byte by byte.  Less than, equal to or greater than 0.
 */
int social_s3_key_compare(social_str_t a, social_str_t b);


#endif /* SOCIAL_S3_LIST_H */
