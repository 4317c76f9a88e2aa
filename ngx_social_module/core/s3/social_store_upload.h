
/*
 * What the embedded store notes of an upload in parts, and of each part.
 *
 * The file of an upload, until that is completed or aborted:
 *
 *     social-upload 1
 *     id 0123456789abcdef0123456789abcdef
 *     created 1795354164
 *     checksum none | crc32 composite | crc32 full
 *     type image/jpeg
 *     key 5
 *     a.jpg
 *     headers 25
 *     cache-control max-age=60
 *     end
 *
 * and what stands after the bytes of a part, in its file, as long as
 * SOCIAL_STORE_NOTE_SIZE:
 *
 *     social-part 1
 *     etag d41d8cd98f00b204e9800998ecf8427e
 *     size 4
 *     modified 1795354164
 *     checksum none | crc32 NSRBwg==
 */

#ifndef SOCIAL_STORE_UPLOAD_H
#define SOCIAL_STORE_UPLOAD_H


#include "social_buf.h"
#include "social_rc.h"
#include "social_store_meta.h"
#include "social_store_path.h"
#include "social_str.h"


#define SOCIAL_STORE_UPLOAD_SIZE  (SOCIAL_STORE_META_SIZE                     \
                                   + SOCIAL_STORE_MAX_KEY)
#define SOCIAL_STORE_NOTE_SIZE    256


typedef struct {
    unsigned char           id[SOCIAL_STORE_ID_SIZE];
    int64_t                 created;      /* seconds */
    social_str_t            algorithm;    /* lower case; empty: none */
    bool                    full;         /* the checksum of the bytes, and
                                             not of those of the parts */
    social_str_t            type;
    social_str_t            key;
    social_str_t            headers;      /* social_store_meta_add() */
} social_store_upload_t;


typedef struct {
    unsigned char           etag[32];
    int64_t                 size;
    int64_t                 modified;     /* seconds */
    social_str_t            algorithm;    /* lower case; empty: none */
    social_str_t            checksum;     /* base64 */
} social_store_note_t;


/*
 * Writes the text of an upload to "buf" of SOCIAL_STORE_UPLOAD_SIZE bytes, and
 * stores its length.  A type that is none becomes another, as in
 * social_store_meta_write().  SOCIAL_MALFORMED: a number, the key or the
 * headers are out of range.
 */
social_rc_e social_store_upload_write(const social_store_upload_t *upload,
    unsigned char *buf, size_t *len);

/*
 * Reads it; views are of the text.  SOCIAL_MALFORMED: it is not what
 * social_store_upload_write() wrote.
 */
social_rc_e social_store_upload_read(social_str_t text,
    social_store_upload_t *upload);

/*
 * Writes the note of a part to "buf" of SOCIAL_STORE_NOTE_SIZE bytes, and
 * reads it; views are of the text.  SOCIAL_MALFORMED as above.
 */
social_rc_e social_store_note_write(const social_store_note_t *note,
    unsigned char *buf);
social_rc_e social_store_note_read(const unsigned char *buf,
    social_store_note_t *note);


#endif /* SOCIAL_STORE_UPLOAD_H */
