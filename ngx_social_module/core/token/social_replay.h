
/*
 * The ids of what may be used once, in memory that several processes share: a
 * table of fixed size, of which each key has a share.
 *
 * DESIGN.  A slot is one word, a part of a keyed hash of key and id and the
 * second until which it counts, so that a process that is killed leaves a slot
 * written or not.  The hash of the key and the id together choose eight sets
 * of eight slots, from the eighth of all sets that the hash of the key chooses:
 * what a key uses up is that eighth, which lies scattered among all sets.  An
 * id of another key finds no room then only if all of its own eight sets are
 * in it, once in 16 million.  Nothing is ever thrown out before its time: an
 * id for which there is no room is not accepted.
 *
 * Two ids of one key are taken for the same one with a probability of 2^-30
 * at most, by which an id is refused, and none accepted twice.
 *
 * Callers take turns: they hold a lock that is freed when its holder dies.
 */

#ifndef SOCIAL_REPLAY_H
#define SOCIAL_REPLAY_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_REPLAY_KEY_SIZE     32
#define SOCIAL_REPLAY_SECRET_SIZE  16

/*
 * Processes read the clock at different times: an id is over for who writes
 * only so many seconds after it is for every reader.
 */
#define SOCIAL_REPLAY_GRACE        30


typedef enum {
    SOCIAL_REPLAY_NEW = 0,
    SOCIAL_REPLAY_SEEN,
    SOCIAL_REPLAY_FULL,      /* the share of the key */
    SOCIAL_REPLAY_FAILED     /* OpenSSL */
} social_replay_e;


typedef struct social_replay_s  social_replay_t;


/*
 * Makes an empty table in "size" bytes at "memory", which is aligned to 64
 * bytes and outlives it; nothing is to be freed.  "secret" is random.  NULL:
 * there is no room for a share of 64 ids.
 */
social_replay_t *social_replay_create(void *memory, size_t size,
    const unsigned char secret[SOCIAL_REPLAY_SECRET_SIZE], int64_t now);

/*
 * How many ids there is room for, in all and of one key.
 */
size_t social_replay_capacity(const social_replay_t *table);
size_t social_replay_share(const social_replay_t *table);

/*
 * Uses an id of "key": SOCIAL_REPLAY_NEW says that it was not used before by
 * that key, and that it will be SOCIAL_REPLAY_SEEN until "until", seconds
 * since the epoch, as long as "now" does not go back.  With any other result
 * the table is as it was.
 */
social_replay_e social_replay_use(social_replay_t *table,
    const unsigned char key[SOCIAL_REPLAY_KEY_SIZE], social_str_t id,
    int64_t until, int64_t now);


#endif /* SOCIAL_REPLAY_H */
