
/*
 * What a commit of the embedded store is about to do, written to the spool
 * before it does anything: the process that finds it after a crash ends it, one
 * way or the other, and announces the object.
 *
 *     social-intent 2
 *     id 0123456789abcdef0123456789abcdef
 *     seq 1795354164000000
 *     size 4
 *     etag d41d8cd98f00b204e9800998ecf8427e [PARTS]
 *     announce 1
 *     key 5
 *     a.jpg
 *     replaces fedcba9876543210fedcba9876543210
 *
 * "key" is followed by that many bytes, and "replaces" comes as often as there
 * are data files to remove, none or two at most.  Version 1 was "SIZE ETAG",
 * and the key in the rest of the file: it is read, and not written.
 */

#ifndef SOCIAL_STORE_INTENT_H
#define SOCIAL_STORE_INTENT_H


#include "social_rc.h"
#include "social_store_meta.h"
#include "social_store_path.h"
#include "social_str.h"


#define SOCIAL_STORE_INTENT_SIZE      (SOCIAL_STORE_MAX_KEY + 512)
#define SOCIAL_STORE_INTENT_REPLACES  (sizeof("replaces \n") - 1              \
                                       + SOCIAL_STORE_ID_SIZE)


typedef struct {
    unsigned char    id[SOCIAL_STORE_ID_SIZE];  /* of the object, and of its
                                                   data file; version 1: 0 */
    int64_t          seq;                       /* version 1: 0 */
    int64_t          size;
    unsigned char    etag[32];
    unsigned         parts;
    bool             announce;
    social_str_t     key;
    unsigned         replaced;
    unsigned char    replaces[2][SOCIAL_STORE_ID_SIZE];
} social_store_intent_t;


/*
 * Writes the text to "buf" of SOCIAL_STORE_INTENT_SIZE bytes, and stores its
 * length.  SOCIAL_MALFORMED: a number or the key's length is out of range.
 */
social_rc_e social_store_intent_write(const social_store_intent_t *intent,
    unsigned char *buf, size_t *len);

/*
 * Writes one more "replaces" line, of SOCIAL_STORE_INTENT_REPLACES bytes, to
 * be appended to the file.
 */
void social_store_intent_replaces(const unsigned char *id,
    unsigned char *buf);

/*
 * Reads the text; the key is a view of it.  A last line that is not whole is
 * passed over: it was being appended.  SOCIAL_MALFORMED: it is not what
 * social_store_intent_write() wrote.
 */
social_rc_e social_store_intent_read(social_str_t text,
    social_store_intent_t *intent);


#endif /* SOCIAL_STORE_INTENT_H */
