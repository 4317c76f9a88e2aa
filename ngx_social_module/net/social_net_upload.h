
/*
 * The embedded store on disk: uploads in parts.  Blocking, as
 * social_net_disk.h.
 *
 * An upload is under way as long as uploads/ID is there, which is the file that
 * is locked (flock): shared by who adds a part, exclusively by who completes or
 * aborts it.  Its parts are in data/XX/ID/, where they stay: completed, they
 * are the object's.
 */

#ifndef SOCIAL_NET_UPLOAD_H
#define SOCIAL_NET_UPLOAD_H


#include "social_net_commit.h"
#include "social_s3_complete.h"
#include "social_s3_error.h"
#include "social_store_upload.h"


#define SOCIAL_NET_UPLOAD_MIN_PART  (5 * 1024 * 1024)   /* but of the last */


/*
 * An upload that was looked at; views are of "text".
 */
typedef struct {
    social_store_upload_t   upload;
    social_str_t            common;      /* in a list: the beginning of its
                                            key, which stands for it */
    unsigned char           text[SOCIAL_STORE_UPLOAD_SIZE];
} social_net_upload_t;


/*
 * What completes an upload.
 */
typedef struct {
    social_s3_error_e       error;
    unsigned                number;      /* the part that it is about */
    int                     err;         /* of SOCIAL_S3_SERVICE_UNAVAILABLE */
    int64_t                 max_size;    /* the caller's */

    int64_t                 size;
    unsigned char           etag[32];
    social_s3_checksum_t    whole;       /* of the upload's algorithm */
    bool                    has_whole;
} social_net_complete_t;


/*
 * Reads what is noted of an upload of a key.  OK; NO_UPLOAD: there is none,
 * or it was completed ("path" is that of the key); FAILED: errno says why.
 */
social_net_commit_rc_e social_net_upload_read(social_net_disk_t *disk,
    const unsigned char *id, social_str_t key, const char *path,
    social_net_upload_t *upload);

/*
 * Locks it, without waiting: BUSY, or as above.  "fd" is the caller's to be
 * closed.
 */
social_net_commit_rc_e social_net_upload_lock(social_net_disk_t *disk,
    const char *path, const unsigned char *id, bool exclusive, int *fd);

/*
 * Whether it is under way.  SOCIAL_DECLINED: it is not; SOCIAL_FAILED: errno
 * says why that is not known.
 */
social_rc_e social_net_upload_exists(social_net_disk_t *disk,
    const unsigned char *id);

/*
 * Has an upload that is locked be none any more.  SOCIAL_FAILED: errno says
 * why.
 */
social_rc_e social_net_upload_remove(social_net_disk_t *disk,
    const unsigned char *id);

/*
 * Compares a list of parts with those that there are, and writes their
 * records, of SOCIAL_STORE_PART_SIZE bytes each, to "records".  "complete" has
 * the outcome.
 */
void social_net_upload_check(social_net_disk_t *disk,
    const social_store_upload_t *upload, const social_s3_complete_t *list,
    unsigned char *records, social_net_complete_t *complete);

/*
 * Calls a function for each part after a number, in order, "max" at most;
 * "truncated" says whether there are more.  Anything but SOCIAL_OK ends that.
 * SOCIAL_FAILED: errno says why, or what the function returned.
 */
typedef social_rc_e (*social_net_upload_part_pt)(void *data, unsigned number,
    const social_store_note_t *note);
social_rc_e social_net_upload_parts(social_net_disk_t *disk,
    const unsigned char *id, unsigned after, unsigned max,
    social_net_upload_part_pt callback, void *data, bool *truncated);

/*
 * Likewise for each upload whose key has a prefix, in the order of keys, and
 * of IDs of one key.  It begins after "key"; with an "id", after that upload of
 * the key.  Those whose keys have "delimiter", unless it is empty, after the
 * prefix are one: the function is called with the first of them and with
 * "common", a view of its key up to there, which is empty otherwise.
 */
typedef social_rc_e (*social_net_upload_pt)(void *data,
    const social_store_upload_t *upload, social_str_t common);
social_rc_e social_net_uploads(social_net_disk_t *disk, social_str_t prefix,
    social_str_t delimiter, social_str_t key, social_str_t id, unsigned max,
    social_net_upload_pt callback, void *data, bool *truncated);

/*
 * Aborts uploads that began before a time; returns how many.
 */
unsigned social_net_upload_expire(social_net_disk_t *disk, int64_t before);

/*
 * Step 3 of commits: the key's lock is held, and the upload's, but of CREATE.
 */
social_net_commit_rc_e social_net_upload_create(social_net_commit_t *c);
social_net_commit_rc_e social_net_upload_part(social_net_commit_t *c);
social_net_commit_rc_e social_net_upload_abort(social_net_commit_t *c);


#endif /* SOCIAL_NET_UPLOAD_H */
