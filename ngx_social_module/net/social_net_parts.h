
/*
 * The embedded store on disk: the parts of objects, each a file of data/XX/ID/
 * with its number for a name.  Blocking, as social_net_disk.h.
 *
 * The directory is locked (flock) as long as parts of it are read, so that
 * none of them is removed meanwhile, whatever becomes of the object.
 */

#ifndef SOCIAL_NET_PARTS_H
#define SOCIAL_NET_PARTS_H


#include "social_net_disk.h"
#include "social_store_upload.h"


/*
 * A file, and which of its bytes are asked for.
 */
typedef struct {
    int                     fd;          /* the caller's */
    int64_t                 first;
    int64_t                 end;
} social_net_piece_t;


/*
 * The directory of the parts of an object or upload; with "make", it is made
 * if it is missing.  -1: errno says why.
 */
int social_net_parts_open(social_net_disk_t *disk, const unsigned char *id,
    bool make);

/*
 * Reads the note of a part, which stands after its bytes, to "buf" of
 * SOCIAL_STORE_NOTE_SIZE bytes, which the note has views of.  SOCIAL_DECLINED:
 * there is no such part; SOCIAL_MALFORMED: it is damaged; SOCIAL_FAILED: errno
 * says why.
 */
social_rc_e social_net_part_note(int dir, unsigned number,
    unsigned char *buf, social_store_note_t *note);

/*
 * Reads the record of the part of an object that has the byte at "at", and
 * stores its index, from 0; or the record of an index.  "buf" is as above, of
 * SOCIAL_STORE_PART_SIZE bytes.  SOCIAL_MALFORMED: they are damaged;
 * SOCIAL_FAILED: errno says why.
 */
social_rc_e social_net_parts_find(const social_net_object_t *object,
    const social_store_meta_t *meta, int64_t at, unsigned *index,
    unsigned char *buf, social_store_part_t *part);
social_rc_e social_net_parts_record(const social_net_object_t *object,
    const social_store_meta_t *meta, unsigned index, unsigned char *buf,
    social_store_part_t *part);

/*
 * Opens the files that the bytes from "at" to before "end" of an object in
 * parts are in, "max" of them at most, and stores how many it were.  Errors as
 * above; nothing is open then.
 */
social_rc_e social_net_parts_pieces(const social_net_object_t *object,
    const social_store_meta_t *meta, int64_t at, int64_t end,
    social_net_piece_t *pieces, unsigned max, unsigned *n);

/*
 * Makes the bytes of an object those of another one too, meta->id: by links,
 * or where that cannot be, by copying them.  "records" are those of its parts.
 * "data" is the file of a copy, to be closed.  SOCIAL_FAILED: errno says why,
 * and what was made is not complete.
 */
social_rc_e social_net_parts_copy(social_net_disk_t *disk,
    const social_net_object_t *source, const social_store_meta_t *meta,
    social_str_t records, social_net_disk_file_t *data);

/*
 * Makes the names of parts durable.  SOCIAL_FAILED: errno says why.
 */
social_rc_e social_net_parts_sync(social_net_disk_t *disk,
    const unsigned char *id);

/*
 * Removes parts that an object does not consist of; "fd" is its metadata's.
 * And all of them, unless they are being read: SOCIAL_DECLINED.
 * SOCIAL_FAILED: errno says why.
 */
social_rc_e social_net_parts_prune(social_net_disk_t *disk,
    const social_store_meta_t *meta, int fd);
social_rc_e social_net_parts_remove(social_net_disk_t *disk,
    const unsigned char *id);


#endif /* SOCIAL_NET_PARTS_H */
