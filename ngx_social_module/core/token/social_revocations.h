
/*
 * The sessions that were ended before their tokens: a set of fixed size in
 * memory that several processes share.
 *
 * DESIGN.  Open addressing with linear probing, at most three quarters full.
 * A slot is an id and the time until which it is revoked; no time, no entry.
 * Readers take no lock.  A writer fills in the id while the slot says that it
 * is empty or long over, and then the time: a reader, and a writer that comes
 * after one that was killed, finds either the whole entry or none.  A reader
 * that meets a slot while it changes hands compares with an id made of halves
 * of two digests, which belongs to no session.
 *
 * What is over stays in its chain until another id takes its slot, or until
 * social_revocations_sweep() closes the gap.  That moves entries forward: the
 * copy first, then a count of the moves, then the old slot changes hands.  A
 * reader that found nothing looks again if the count has changed meanwhile.
 *
 * An entry of a subject, whose sessions up to a time are ended, has that time
 * in the last four bytes of its id, which are not compared: it changes with one
 * store.  No two subjects have the same 12 bytes of SHA-256.
 *
 * What finds no slot goes into a filter, in the last quarter of the memory: 29
 * bits an id instead of 256, but one in a million of other ids is treated as
 * revoked.  A filter forgets nothing: there are two, and each load of
 * everything fills the other one, which replaces the first when the load ends.
 *
 * Writers take turns: their caller holds a lock that is freed when its holder
 * dies.
 */

#ifndef SOCIAL_REVOCATIONS_H
#define SOCIAL_REVOCATIONS_H


#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "social_rc.h"


#define SOCIAL_REVOCATIONS_ID_SIZE  16
#define SOCIAL_REVOCATIONS_MARKS    4


typedef enum {
    SOCIAL_REVOCATIONS_ROOM = 0,   /* every entry has a slot */
    SOCIAL_REVOCATIONS_FULL,       /* the filter has the others */
    SOCIAL_REVOCATIONS_EXCEEDED    /* and no room for all of them */
} social_revocations_state_e;


typedef struct social_revocations_s  social_revocations_t;


/*
 * Makes an empty set in "size" bytes at "memory", which is aligned as malloc()
 * does it and outlives the set; nothing is to be freed.  NULL: there is not
 * room for one entry.
 */
social_revocations_t *social_revocations_init(void *memory, size_t size);

/*
 * How many entries have a slot; about one and a half times as many more fit
 * into the filter.
 */
size_t social_revocations_capacity(const social_revocations_t *set);

/*
 * Changes, from 1 upwards, after every change that makes "has" say yes where
 * it said no.  To cache a verdict, read the epoch first, then call "has", and
 * store the verdict with that epoch: it holds while the epoch is the same and
 * the token is not over.
 */
uint64_t social_revocations_epoch(const social_revocations_t *set);

/*
 * Whether "id" is revoked at "now" (seconds since the epoch).  For any process
 * at any time.  An entry of the filter is revoked until the next load ends,
 * and while there are any, so is one of a million ids that were never added.
 */
bool social_revocations_has(const social_revocations_t *set,
    const unsigned char id[SOCIAL_REVOCATIONS_ID_SIZE], int64_t now);

/*
 * The same of a subject's entry: "before" is the last second in which a session
 * of its began that is revoked; INT64_MAX: all are, as they are of an entry of
 * the filter.
 */
bool social_revocations_subject(const social_revocations_t *set,
    const unsigned char id[SOCIAL_REVOCATIONS_ID_SIZE], int64_t now,
    int64_t *before);

/*
 * Four bytes of an id, by which a cached verdict knows it; and whether there
 * may be an entry of any id with one of these marks.  False is certain.  True
 * is wrong for one in 43,000 others where there are 100,000 entries, and for
 * all while the filter is in use: who asks has to look again by the ids.
 */
uint32_t social_revocations_mark(
    const unsigned char id[SOCIAL_REVOCATIONS_ID_SIZE]);
bool social_revocations_may(const social_revocations_t *set,
    const uint32_t marks[SOCIAL_REVOCATIONS_MARKS], int64_t now);

/*
 * Whether all that was known elsewhere has been added once.  A new set is not
 * loaded.
 */
bool social_revocations_loaded(const social_revocations_t *set);
void social_revocations_set_loaded(social_revocations_t *set, bool loaded);

/*
 * How much room there was for what was added since the last load began.
 */
social_revocations_state_e social_revocations_state(
    const social_revocations_t *set);

/*
 * For one writer at a time, all of the following.
 *
 * Adds an entry, or makes it last longer: never shorter.  SOCIAL_OK: it is
 * seen by every reader, and the epoch was raised if anything changed;
 * SOCIAL_DECLINED: the filter is full, too.  One that is over by "now" is
 * SOCIAL_OK and not added.
 */
social_rc_e social_revocations_add(social_revocations_t *set,
    const unsigned char id[SOCIAL_REVOCATIONS_ID_SIZE], int64_t until,
    int64_t now);

/*
 * The same for a subject: "before" becomes later, and never earlier, as long as
 * the entry holds.  What does not fit, before 1970 or after 2105, is the first
 * second, or all.
 */
social_rc_e social_revocations_add_subject(social_revocations_t *set,
    const unsigned char id[SOCIAL_REVOCATIONS_ID_SIZE], int64_t before,
    int64_t until, int64_t now);

/*
 * Ends an entry before its time, of a session or, with "subject", of a subject.
 * One in the filter stays there until the next load ends.
 */
void social_revocations_drop(social_revocations_t *set,
    const unsigned char id[SOCIAL_REVOCATIONS_ID_SIZE], bool subject);

/*
 * Between the two, everything that holds is added again: what has no slot then
 * is all that the filter has afterwards, if it is to "forget" what it had
 * before.  "begin" returns a number for "end", which does nothing if another
 * load has begun meanwhile.
 */
uint64_t social_revocations_load_begin(social_revocations_t *set);
void social_revocations_load_end(social_revocations_t *set, uint64_t load,
    bool forget);

/*
 * Until when the last of all that was ever added to the filter is revoked; 0:
 * nothing was.
 */
int64_t social_revocations_overflow_until(const social_revocations_t *set);

/*
 * Finishes for a writer that was killed: raises the epoch, which it may not
 * have come to.  All that write do it too.
 */
void social_revocations_recover(social_revocations_t *set);

/*
 * Gives back the room of what is over in the next "n" slots, going round.
 */
void social_revocations_sweep(social_revocations_t *set, size_t n,
    int64_t now);


#endif /* SOCIAL_REVOCATIONS_H */
