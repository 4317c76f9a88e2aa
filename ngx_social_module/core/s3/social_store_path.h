
/*
 * Where the embedded store keeps an object.
 */

#ifndef SOCIAL_STORE_PATH_H
#define SOCIAL_STORE_PATH_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_STORE_MAX_KEY    1024
#define SOCIAL_STORE_MAX_PATH   3600      /* of any key, without the root */


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

typedef enum {
    SOCIAL_STORE_ENTRY_NONE = 0,     /* of no key */
    SOCIAL_STORE_ENTRY_OBJECT,
    SOCIAL_STORE_ENTRY_DIRECTORY,    /* of keys with one more segment */
    SOCIAL_STORE_ENTRY_PIECE         /* of keys whose segment goes on */
} social_store_entry_e;

/*
 * The way back, for one name in a directory: writes what it stands for to
 * "buf", with a slash after it for a directory, and sets "len", which was the
 * room that there is.  "first": it is the beginning of a segment.
 */
social_store_entry_e social_store_entry(social_str_t name, bool first,
    unsigned char *buf, size_t *len);


#endif /* SOCIAL_STORE_PATH_H */
