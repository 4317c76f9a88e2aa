
/*
 * Where the embedded store keeps an object, and what it notes of it.
 */

#ifndef SOCIAL_STORE_PATH_H
#define SOCIAL_STORE_PATH_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_STORE_MAX_KEY    1024
#define SOCIAL_STORE_MAX_PATH   3600      /* of any key, without the root */
#define SOCIAL_STORE_META_SIZE  2048
#define SOCIAL_STORE_MAX_TYPE   256
#define SOCIAL_STORE_ID_SIZE    32        /* hexadecimal digits */


typedef struct {
    unsigned char    id[SOCIAL_STORE_ID_SIZE];    /* of the data file */
    unsigned char    etag[32];                    /* MD5, hexadecimal */
    int64_t          size;
    int64_t          modified;                    /* seconds */
    social_str_t     type;                        /* content type */
} social_store_meta_t;


/*
 * Writes the path of the metadata file of a key, 1 to 1,024 bytes of any
 * value but zero, to "buf" of SOCIAL_STORE_MAX_PATH bytes, with a zero byte
 * after it, and stores its length.
 *
 * Every segment between slashes becomes a name of letters, digits, "_", "-",
 * inner dots and percent escapes, cut into pieces below 200 bytes (".c"),
 * and ends in ".d" where more segments follow and ".o" where it is the last.
 * So no name is "." or "..", an object and a directory of one name do not
 * meet, every key has one path, and no two keys have the same.
 * SOCIAL_MALFORMED: no such key.
 */
social_rc_e social_store_path(social_str_t key, unsigned char *buf,
    size_t *len);

/*
 * Writes metadata as text to "buf" of SOCIAL_STORE_META_SIZE bytes, and
 * returns its length.  A type that is too long or not printable ASCII is
 * written as application/octet-stream.
 */
size_t social_store_meta_write(const social_store_meta_t *meta,
    unsigned char *buf);

/*
 * Reads it again; the view of the type is of "text".  SOCIAL_MALFORMED: it
 * is not what social_store_meta_write() wrote.
 */
social_rc_e social_store_meta_read(social_str_t text,
    social_store_meta_t *meta);


#endif /* SOCIAL_STORE_PATH_H */
