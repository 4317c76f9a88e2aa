
/*
 * A set that takes 29 bits an entry and has one in a million of those that were
 * never added (B. Bloom, Space/time trade-offs in hash coding with allowable
 * errors, CACM 13(7), 1970).
 *
 * DESIGN.  A filter forgets nothing, so that there are two: one is read, and
 * the other is filled with all that is to stay, and then takes its place.  They
 * lie in memory that several processes share.  Readers take no lock; writers
 * take turns, and one that is killed leaves nothing worse than bits that are
 * not counted.
 */

#ifndef SOCIAL_BLOOM_H
#define SOCIAL_BLOOM_H


#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "social_rc.h"


typedef enum {
    SOCIAL_BLOOM_EMPTY = 0,
    SOCIAL_BLOOM_USED,
    SOCIAL_BLOOM_FULL                /* something was not added */
} social_bloom_state_e;


typedef struct {
    _Atomic uint64_t     *words;
    size_t                set;       /* bits */
    _Atomic uint32_t      state;
} social_bloom_filter_t;


typedef struct {
    social_bloom_filter_t  filters[2];
    size_t                 n;        /* words of each; 0: no room at all */
    _Atomic uint32_t       current;  /* filter, which is read */
    uint64_t               load;     /* of the other one, or 0 */
    uint64_t               loads;
} social_bloom_t;


/*
 * Makes an empty set in twice "n" words at "words", which outlive it.  Less
 * than eight are none, and more than 2^26 are not used.
 */
void social_bloom_init(social_bloom_t *bloom, _Atomic uint64_t *words,
    size_t n);

/*
 * Whether an entry was added, or looks so: with a probability of 2^-20 at the
 * most.  "half" are the halves of a digest.  For any process at any time, as is
 * the next.
 */
bool social_bloom_has(const social_bloom_t *bloom, const uint64_t half[2]);

social_bloom_state_e social_bloom_state(const social_bloom_t *bloom);

/*
 * Adds an entry, while a load is under way to both filters.  SOCIAL_OK: readers
 * find it; SOCIAL_DECLINED: half of the bits are set, and they do not.
 */
social_rc_e social_bloom_add(social_bloom_t *bloom, const uint64_t half[2]);

/*
 * Begins a load: what is added from here on is what there is after its end.
 * Returns its number, and ends one that is under way without an effect.  A
 * reader may still be in the filter that this empties: it has to be signaled
 * before to look again, and before the end, too, if entries went elsewhere
 * meanwhile.
 */
uint64_t social_bloom_load(social_bloom_t *bloom);

/*
 * Ends the load that is under way, which is bloom->load.
 */
void social_bloom_replace(social_bloom_t *bloom);

/*
 * Counts again, after a writer was killed.
 */
void social_bloom_recover(social_bloom_t *bloom);


#endif /* SOCIAL_BLOOM_H */
