
/*
 * The embedded store on disk: commits, which are PUTs and DELETEs of objects.
 * Blocking, as social_net_disk.h; but no function waits for a lock, and only
 * those that are named so for a disk.
 *
 *   1. social_net_commit_prepare() gives the object its sequence number, and
 *      writes the intent, then the bytes' name, then the metadata, which has
 *      no name yet.
 *   2. This is synced.
 *   3. social_net_commit_publish() gives the metadata its name.
 *   4. This is synced: the object is there for good, and is acknowledged.
 *   5. social_net_commit_finish() removes the bytes that were replaced, and
 *      the intent, unless the object is to be announced.
 *
 * Steps 2 and 4 may be one sync for many commits.  A process that dies leaves
 * an intent that is not locked: social_net_intent.h ends such.
 */

#ifndef SOCIAL_NET_COMMIT_H
#define SOCIAL_NET_COMMIT_H


#include "social_net_disk.h"
#include "social_store_intent.h"


/* bytes up to this size are kept with the metadata */
#define SOCIAL_NET_COMMIT_INLINE  65536

/* the directories that a thread has seen durable */
#define SOCIAL_NET_COMMIT_KNOWN   1024


typedef enum {
    SOCIAL_NET_COMMIT_OK = 0,
    SOCIAL_NET_COMMIT_BUSY,         /* the key's lock is held: again, later */
    SOCIAL_NET_COMMIT_SUPERSEDED,   /* one with a later number is there: as if
                                       it had replaced this one at once */
    SOCIAL_NET_COMMIT_ABSENT,       /* a DELETE, or a condition, of no object */
    SOCIAL_NET_COMMIT_REFUSED,      /* a condition is not met */
    SOCIAL_NET_COMMIT_NO_UPLOAD,    /* it was completed or aborted */
    SOCIAL_NET_COMMIT_FULL,         /* there is no space left: c->err */
    SOCIAL_NET_COMMIT_FAILED,       /* c->err says why; the key is as it was */
    SOCIAL_NET_COMMIT_UNCERTAIN     /* c->err says why; the key is as it was
                                       to be, but perhaps not after a crash */
} social_net_commit_rc_e;


typedef enum {
    SOCIAL_NET_COMMIT_OBJECT = 0,   /* PUT, DELETE, a copy, and what completes
                                       an upload in parts */
    SOCIAL_NET_COMMIT_CREATE,       /* of such an upload; "bytes" is its text,
                                       and meta.id its ID */
    SOCIAL_NET_COMMIT_PART,         /* of one; "data" has its bytes and note,
                                       and meta.id is any */
    SOCIAL_NET_COMMIT_ABORT         /* of one; "remove" is set too */
} social_net_commit_kind_e;


typedef struct {

    /* the caller's */

    social_net_disk_t      *disk;
    social_net_commit_kind_e  kind;
    social_str_t            key;
    const char             *path;        /* social_store_path() of the key */
    bool                    remove;      /* DELETE */
    bool                    announce;
    social_store_meta_t     meta;        /* "seq" and "place" are set here */
    social_str_t            bytes;       /* of a small object, or the records
                                            of meta.parts */
    social_net_disk_file_t  data;        /* or of a larger one; fd -1: none */
    const social_net_object_t  *source;  /* or a copy of another one's: NULL:
                                            none */
    social_str_t            if_match;    /* an ETag or "*"; empty: none */
    social_str_t            if_none_match;

    /* of an upload in parts */

    const unsigned char    *upload_id;   /* of a part */
    unsigned                part;        /* its number */
    int                     upload;      /* what is completed, locked: becomes
                                            the commit's; -1: none */
    unsigned char           name[SOCIAL_STORE_ID_SIZE];
                                         /* of the intent, if it is completed
                                            or aborted: that of an object is
                                            meta.id */

    /* set by the functions below */

    int                     err;
    bool                    synced;      /* the larger object's bytes are */
    bool                    published;
    bool                    completed;   /* an upload: parts may be left */
    social_net_disk_file_t  file;        /* the metadata */
    int                     intent;      /* locked; -1: none */
    bool                    linked;      /* the bytes have their name */
    unsigned                replaced;
    unsigned char           replaces[2][SOCIAL_STORE_ID_SIZE];
    int                     dir;         /* of the name, to be synced; -1 */
    bool                    known;       /* its own name is durable */
    uint64_t                device;      /* which directory it is */
    uint64_t                inode;
} social_net_commit_t;


/*
 * The directories that were seen durable; zeroed: none.  For one thread at a
 * time.
 */
typedef struct {
    struct {
        uint64_t            device;
        uint64_t            inode;
    } dirs[SOCIAL_NET_COMMIT_KNOWN];
} social_net_commit_known_t;


/*
 * Sets what is not zero in the beginning; meta.id has to be set.
 */
void social_net_commit_init(social_net_commit_t *c, social_net_disk_t *disk);

/*
 * Step 1, and for a larger object the sync of its bytes, which others need not
 * wait for.  Of a DELETE there is nothing to do.  After OK the commit is to be
 * published or aborted; after BUSY, to be prepared again or aborted; after
 * FULL and FAILED nothing is left of it.
 */
social_net_commit_rc_e social_net_commit_prepare(social_net_commit_t *c);

/*
 * Step 2 for one commit.  SOCIAL_FAILED: c->err says why; abort it.
 */
social_rc_e social_net_commit_sync(social_net_commit_t *c);

/*
 * Step 3.  After OK the commit is published.  After BUSY it is as before.
 * After any other result it is to be aborted.
 */
social_net_commit_rc_e social_net_commit_publish(social_net_commit_t *c,
    const social_net_commit_known_t *known);

/*
 * Step 4 for one commit, where c->known; and to be called after it for each,
 * with the result.
 */
social_rc_e social_net_commit_sync_name(social_net_commit_t *c);
void social_net_commit_synced(social_net_commit_t *c,
    social_net_commit_known_t *known, bool durable);

/*
 * To be called after step 4 of a commit that is durable: an upload that it has
 * completed is not one any more.
 */
void social_net_commit_durable(social_net_commit_t *c);

/*
 * Whether step 5 has anything to do.
 */
bool social_net_commit_unfinished(const social_net_commit_t *c);

/*
 * Step 5.  An intent is kept that is still to be announced, or that could not
 * be carried out: it is for social_net_intent.h, once social_net_commit_free()
 * was called.
 */
void social_net_commit_finish(social_net_commit_t *c);

/*
 * Removes what the steps before 3 have made.
 */
void social_net_commit_abort(social_net_commit_t *c);

/*
 * Removes the intent of an object that was announced, unless there is more to
 * do, as in step 5.
 */
void social_net_commit_announced(social_net_commit_t *c);

/*
 * Closes what is open; the intent, if there still is one, is then found by
 * others.  It waits for no disk.
 */
void social_net_commit_free(social_net_commit_t *c);


#endif /* SOCIAL_NET_COMMIT_H */
