
/*
 * The embedded store on disk: intents, which are what commits are about to do.
 * Blocking, as social_net_disk.h.
 *
 * Each is a file in spool/, locked (flock) by the process that works on it
 * until it is carried out and announced.  So one that is not locked was left
 * by a process that died or gave it up, and any process may end it.
 */

#ifndef SOCIAL_NET_INTENT_H
#define SOCIAL_NET_INTENT_H


#include "social_net_disk.h"
#include "social_store_intent.h"


typedef enum {
    SOCIAL_NET_INTENT_ENDED = 0,     /* and removed */
    SOCIAL_NET_INTENT_ANNOUNCE,      /* its object is there, durable */
    SOCIAL_NET_INTENT_LATER          /* it cannot be ended now */
} social_net_intent_state_e;


/*
 * One that was left.
 */
typedef struct {
    int                          fd;      /* locked; -1: none */
    social_net_intent_state_e    state;
    bool                         published;   /* its object is at the key */
    unsigned char                name[SOCIAL_STORE_ID_SIZE];
    social_store_intent_t        intent;
    unsigned char                text[SOCIAL_STORE_INTENT_SIZE];
} social_net_intent_t;


/*
 * Writes an intent; "id", its name, is 32 hexadecimal digits.  SOCIAL_OK: "fd"
 * is the caller's, to be closed or for social_net_intent_remove().
 * SOCIAL_FAILED: errno says why.
 */
social_rc_e social_net_intent_create(social_net_disk_t *disk,
    const unsigned char *id, const social_store_intent_t *intent, int *fd);

/*
 * Makes it durable.  SOCIAL_FAILED: errno says why.
 */
social_rc_e social_net_intent_sync(social_net_disk_t *disk, int fd);

/*
 * Removes it, and closes it.
 */
void social_net_intent_remove(social_net_disk_t *disk,
    const unsigned char *id, int fd);

/*
 * Removes data, a file or the parts of an object, that neither the metadata of
 * a path names nor an upload that is under way: "own", unless NULL, which was
 * not given to it, and those that it has replaced.  Of the object that "own"
 * is, parts are removed that it does not consist of.  SOCIAL_DECLINED: the
 * key's lock is held, parts are being read, or the metadata is damaged;
 * SOCIAL_FAILED: errno says why.
 */
social_rc_e social_net_intent_remove_data(social_net_disk_t *disk,
    const char *path, const unsigned char *own,
    unsigned char (*replaces)[SOCIAL_STORE_ID_SIZE], unsigned replaced);

/*
 * Looks for intents that were left, up to "max", and sets state and text of
 * each.  Returns how many there are; each is closed by one of the functions
 * below, or by the caller.
 */
unsigned social_net_intent_find(social_net_disk_t *disk, int64_t now,
    social_net_intent_t *found, unsigned max);

/*
 * Ends what was found: removes what the metadata does not name, after a sync,
 * and those that have nothing to announce.
 */
void social_net_intent_end(social_net_disk_t *disk, int64_t now,
    social_net_intent_t *found, unsigned n);

/*
 * Moves what was found, whose views are of itself.
 */
void social_net_intent_move(social_net_intent_t *to,
    social_net_intent_t *from);

/*
 * What an intent has of its object's metadata.
 */
void social_net_intent_meta(const social_net_intent_t *found,
    social_store_meta_t *meta);

/*
 * What was announced is removed; what could not be is not found again for
 * "delay" seconds.
 */
void social_net_intent_announced(social_net_disk_t *disk,
    social_net_intent_t *found);
void social_net_intent_defer(social_net_intent_t *found, int64_t now,
    int64_t delay);


#endif /* SOCIAL_NET_INTENT_H */
