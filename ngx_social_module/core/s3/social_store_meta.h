
/*
 * What the embedded store notes of an object: its metadata file.
 *
 * The file is text, and after it, for a small object, its bytes, or for one
 * that was put in parts, a record of each.  The text, of version 2:
 *
 *     social-object 2
 *     id 0123456789abcdef0123456789abcdef
 *     seq 1795354164000000
 *     etag d41d8cd98f00b204e9800998ecf8427e [PARTS]
 *     size 4
 *     modified 1795354164
 *     place file | inline | parts
 *     type image/jpeg
 *     headers 25
 *     cache-control max-age=60
 *     checksums 20
 *     crc32 NSRBwg== full
 *     end
 *
 * "headers" and "checksums" are followed by that many bytes: lines of a name
 * and a value.  Version 1 had neither those nor "seq", "place" and "end": it
 * is read, and not written.
 */

#ifndef SOCIAL_STORE_META_H
#define SOCIAL_STORE_META_H


#include "social_buf.h"
#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_STORE_META_SIZE      8192      /* of the text */
#define SOCIAL_STORE_MAX_TYPE       256
#define SOCIAL_STORE_MAX_HEADERS    4096      /* their lines, in bytes */
#define SOCIAL_STORE_MAX_CHECKSUMS  512
#define SOCIAL_STORE_MAX_PARTS      10000     /* and the highest number */
#define SOCIAL_STORE_PART_SIZE      128       /* of a record */
#define SOCIAL_STORE_ID_SIZE        32        /* hexadecimal digits */
#define SOCIAL_STORE_MAX_SIZE       999999999999999999LL
#define SOCIAL_STORE_ETAG_SIZE      (2 + 32 + 1 + 5)


/* where the bytes are */

typedef enum {
    SOCIAL_STORE_FILE = 0,      /* data/XX/ID */
    SOCIAL_STORE_INLINE,        /* after the text */
    SOCIAL_STORE_PARTS          /* in the files of data/XX/ID/, each a part;
                                   records of them are after the text */
} social_store_place_e;


typedef struct {
    unsigned char           id[SOCIAL_STORE_ID_SIZE];
    int64_t                 seq;          /* increases with each commit of the
                                             key; version 1: 0 */
    unsigned char           etag[32];     /* MD5, hexadecimal */
    unsigned                parts;        /* "ETAG-PARTS"; 0: "ETAG" */
    int64_t                 size;
    int64_t                 modified;     /* seconds */
    social_store_place_e    place;
    social_str_t            type;         /* content type */
    social_str_t            headers;      /* social_store_meta_add() */
    social_str_t            checksums;    /* the same */
    size_t                  length;       /* of the text: what follows is at
                                             that offset; set by reading */
} social_store_meta_t;


/*
 * One of the parts of an object, in order.
 */
typedef struct {
    unsigned                number;       /* data/XX/ID/NUMBER */
    unsigned char           etag[32];
    int64_t                 offset;       /* in the object */
    int64_t                 size;
    social_str_t            checksum;     /* base64; empty: none */
} social_store_part_t;


/*
 * Appends a header or a checksum to a block that becomes meta->headers or
 * meta->checksums.  The name is written in lower case.  SOCIAL_MALFORMED in
 * b->rc: it does not fit, the name is not a token, or the value has control
 * characters; spaces at its ends are left out.  A checksum's value is its
 * base64 and "full" or "composite", with a space between.
 */
void social_store_meta_add(social_buf_t *b, social_str_t name,
    social_str_t value);

/*
 * Extracts the next line from the front of such a block.  false: there is no
 * more.
 */
bool social_store_meta_next(social_str_t *block, social_str_t *name,
    social_str_t *value);

/*
 * Writes the text to "buf" of SOCIAL_STORE_META_SIZE bytes, and stores its
 * length.  A type that is too long or not printable ASCII is written as
 * application/octet-stream.  SOCIAL_MALFORMED: a number is out of range, or a
 * block is too long or was not written by social_store_meta_add().
 */
social_rc_e social_store_meta_write(const social_store_meta_t *meta,
    unsigned char *buf, size_t *len);

/*
 * Reads the text at the beginning of "file"; views are of that.
 * SOCIAL_MALFORMED: it is not what social_store_meta_write() wrote.
 */
social_rc_e social_store_meta_read(social_str_t file,
    social_store_meta_t *meta);

/*
 * Writes the ETag as HTTP has it, with quotes, to "buf" of
 * SOCIAL_STORE_ETAG_SIZE bytes, and returns its length.
 */
size_t social_store_meta_etag(const social_store_meta_t *meta,
    unsigned char *buf);

/*
 * Whether a condition's ETag is that of the object: "*", or its ETag with or
 * without quotes.
 */
bool social_store_meta_is(const social_store_meta_t *meta, social_str_t etag);

/*
 * Append a block after a line of its name and length, and read one from the
 * front of a text.  SOCIAL_MALFORMED: there is none, it is longer than "size"
 * or was not written by social_store_meta_add().
 */
void social_store_meta_block(social_buf_t *b, const char *name,
    social_str_t block);
social_rc_e social_store_meta_read_block(social_str_t *text,
    const char *name, size_t size, social_str_t *block);

/*
 * Writes a part's record, of SOCIAL_STORE_PART_SIZE bytes, and reads it; the
 * checksum is a view of it.  SOCIAL_MALFORMED: a number is out of range; it is
 * not a record.
 */
social_rc_e social_store_part_write(const social_store_part_t *part,
    unsigned char *buf);
social_rc_e social_store_part_read(const unsigned char *buf,
    social_store_part_t *part);


#endif /* SOCIAL_STORE_META_H */
