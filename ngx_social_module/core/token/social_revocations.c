
/*
 * The sessions that were ended before their tokens.
 */

#include <stdatomic.h>
#include <string.h>

#include "social_bloom.h"
#include "social_revocations.h"


/* "until" of a slot that is being given to another id: long over */
#define SOCIAL_REVOCATIONS_OVER   1

/*
 * Processes read the clock at different times: an entry is over for its
 * writer only so many seconds after it is for every reader.
 */
#define SOCIAL_REVOCATIONS_GRACE  30

/* all that is compared of an id, and of a subject's, and of a mark */
#define SOCIAL_REVOCATIONS_WHOLE  UINT64_MAX
#define SOCIAL_REVOCATIONS_UPPER  (UINT64_MAX << 32)

/* instead of the time of a subject's entry: all of its sessions */
#define SOCIAL_REVOCATIONS_ALL    UINT32_MAX

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a lock would be a process's own");


typedef struct {
    _Atomic uint64_t          id[2];
    _Atomic int64_t           until;        /* 0: empty */
} social_revocations_slot_t;


/* what to look for: the bits of an id that are in "mask" */

typedef struct {
    uint64_t                  half[2];
    uint64_t                  mask[2];
} social_revocations_key_t;


struct social_revocations_s {
    _Atomic uint64_t          epoch;
    _Atomic uint64_t          moves;        /* of entries, to other slots, and
                                               of filters */
    _Atomic uint32_t          loaded;
    _Atomic uint32_t          writing;      /* or a writer was killed */

    size_t                    size;         /* in slots */
    size_t                    limit;        /* of slots that are not empty */

    /* of the writers */

    size_t                    used;         /* not empty */
    size_t                    swept;        /* the next slot */

    social_bloom_t            overflow;     /* what has no slot */
    int64_t                   lasts;        /* of it, the longest ever */

    social_revocations_slot_t slots[];
};


static void social_revocations_key(social_revocations_key_t *key,
    const unsigned char id[SOCIAL_REVOCATIONS_ID_SIZE], bool subject);
static size_t social_revocations_first(const social_revocations_t *set,
    const uint64_t half[2]);
static size_t social_revocations_next(const social_revocations_t *set,
    size_t i);
static bool social_revocations_is(const social_revocations_slot_t *slot,
    const social_revocations_key_t *key, uint32_t *code);
static void social_revocations_begin(social_revocations_t *set);
static void social_revocations_finish(social_revocations_t *set);
static void social_revocations_remove(social_revocations_t *set, size_t hole,
    int64_t now);
static bool social_revocations_find(const social_revocations_t *set,
    const social_revocations_key_t *key, int64_t now, uint32_t *code);
static bool social_revocations_probe(const social_revocations_t *set,
    const social_revocations_key_t *key, int64_t now, uint32_t *code);
static social_rc_e social_revocations_put(social_revocations_t *set,
    const social_revocations_key_t *key, int64_t until, int64_t now);
static void social_revocations_extend(social_revocations_t *set,
    social_revocations_slot_t *slot, const social_revocations_key_t *key,
    int64_t until, int64_t now);
static social_rc_e social_revocations_overflow(social_revocations_t *set,
    const social_revocations_key_t *key, int64_t until);


social_revocations_t *
social_revocations_init(void *memory, size_t size)
{
    size_t                 i, n, words;
    social_revocations_t  *set;

    if (size < sizeof(social_revocations_t)) {
        return NULL;
    }

    size -= sizeof(social_revocations_t);

    /* two filters of an eighth, and slots */

    words = size / 8 / sizeof(uint64_t);

    n = (size - 2 * words * sizeof(uint64_t))
        / sizeof(social_revocations_slot_t);

    /* a quarter of the slots is empty always: every search ends there */

    if (n < 2) {
        return NULL;
    }

    if (n > UINT32_MAX) {
        n = UINT32_MAX;
    }

    set = memory;
    set->size = n;
    set->limit = n / 4 * 3 + n % 4 * 3 / 4;
    set->used = 0;
    set->swept = 0;
    set->lasts = 0;

    atomic_init(&set->epoch, 1);
    atomic_init(&set->moves, 0);
    atomic_init(&set->loaded, 0);
    atomic_init(&set->writing, 0);

    social_bloom_init(&set->overflow, (_Atomic uint64_t *) &set->slots[n],
                      words);

    for (i = 0; i < n; i++) {
        atomic_init(&set->slots[i].id[0], 0);
        atomic_init(&set->slots[i].id[1], 0);
        atomic_init(&set->slots[i].until, 0);
    }

    return set;
}


size_t
social_revocations_capacity(const social_revocations_t *set)
{
    return set->limit;
}


uint64_t
social_revocations_epoch(const social_revocations_t *set)
{
    return atomic_load_explicit(&set->epoch, memory_order_acquire);
}


social_revocations_state_e
social_revocations_state(const social_revocations_t *set)
{
    switch (social_bloom_state(&set->overflow)) {

    case SOCIAL_BLOOM_EMPTY:
        return SOCIAL_REVOCATIONS_ROOM;

    case SOCIAL_BLOOM_USED:
        return SOCIAL_REVOCATIONS_FULL;

    default:
        return SOCIAL_REVOCATIONS_EXCEEDED;
    }
}


bool
social_revocations_loaded(const social_revocations_t *set)
{
    return atomic_load_explicit(&set->loaded, memory_order_acquire) != 0;
}


void
social_revocations_set_loaded(social_revocations_t *set, bool loaded)
{
    atomic_store_explicit(&set->loaded, loaded, memory_order_release);
}


bool
social_revocations_has(const social_revocations_t *set,
    const unsigned char id[SOCIAL_REVOCATIONS_ID_SIZE], int64_t now)
{
    uint32_t                  code;
    social_revocations_key_t  key;

    social_revocations_key(&key, id, false);

    return social_revocations_find(set, &key, now, &code);
}


bool
social_revocations_subject(const social_revocations_t *set,
    const unsigned char id[SOCIAL_REVOCATIONS_ID_SIZE], int64_t now,
    int64_t *before)
{
    uint32_t                  code;
    social_revocations_key_t  key;

    social_revocations_key(&key, id, true);

    if (!social_revocations_find(set, &key, now, &code)) {
        return false;
    }

    *before = code == SOCIAL_REVOCATIONS_ALL ? INT64_MAX : (int64_t) code;

    return true;
}


uint32_t
social_revocations_mark(const unsigned char id[SOCIAL_REVOCATIONS_ID_SIZE])
{
    social_revocations_key_t  key;

    social_revocations_key(&key, id, false);

    return (uint32_t) (key.half[0] >> 32);
}


bool
social_revocations_may(const social_revocations_t *set,
    const uint32_t marks[SOCIAL_REVOCATIONS_MARKS], int64_t now)
{
    size_t                    i;
    uint32_t                  code;
    uint64_t                  moves, before;
    social_revocations_key_t  key;

    key.half[1] = 0;
    key.mask[0] = SOCIAL_REVOCATIONS_UPPER;
    key.mask[1] = 0;

    moves = atomic_load_explicit(&set->moves, memory_order_acquire);

    do {
        /* the filter knows nothing by so few bytes */

        if (social_bloom_state(&set->overflow) != SOCIAL_BLOOM_EMPTY) {
            return true;
        }

        for (i = 0; i < SOCIAL_REVOCATIONS_MARKS; i++) {

            if (i && marks[i] == marks[i - 1]) {
                continue;
            }

            key.half[0] = (uint64_t) marks[i] << 32;

            if (social_revocations_probe(set, &key, now, &code)) {
                return true;
            }
        }

        atomic_thread_fence(memory_order_acquire);

        before = moves;
        moves = atomic_load_explicit(&set->moves, memory_order_acquire);

    } while (moves != before);

    return false;
}


static bool
social_revocations_find(const social_revocations_t *set,
    const social_revocations_key_t *key, int64_t now, uint32_t *code)
{
    uint64_t  moves, before;

    moves = atomic_load_explicit(&set->moves, memory_order_acquire);

    do {
        if (social_revocations_probe(set, key, now, code)) {
            return true;
        }

        if (social_bloom_has(&set->overflow, key->half)) {
            *code = SOCIAL_REVOCATIONS_ALL;
            return true;
        }

        /* it may have gone from where we were not yet to where we had been */

        atomic_thread_fence(memory_order_acquire);

        before = moves;
        moves = atomic_load_explicit(&set->moves, memory_order_acquire);

    } while (moves != before);

    return false;
}


static bool
social_revocations_probe(const social_revocations_t *set,
    const social_revocations_key_t *key, int64_t now, uint32_t *code)
{
    size_t                            i, n;
    int64_t                           until;
    const social_revocations_slot_t  *slot;

    i = social_revocations_first(set, key->half);

    /* the count protects against corrupted memory */

    for (n = 0; n < set->size; n++) {
        slot = &set->slots[i];

        until = atomic_load_explicit(&slot->until, memory_order_acquire);

        if (until == 0) {
            return false;
        }

        if (until > now && social_revocations_is(slot, key, code)) {
            return true;
        }

        i = social_revocations_next(set, i);
    }

    return false;
}


social_rc_e
social_revocations_add(social_revocations_t *set,
    const unsigned char id[SOCIAL_REVOCATIONS_ID_SIZE], int64_t until,
    int64_t now)
{
    social_revocations_key_t  key;

    social_revocations_key(&key, id, false);

    return social_revocations_put(set, &key, until, now);
}


social_rc_e
social_revocations_add_subject(social_revocations_t *set,
    const unsigned char id[SOCIAL_REVOCATIONS_ID_SIZE], int64_t before,
    int64_t until, int64_t now)
{
    social_revocations_key_t  key;

    social_revocations_key(&key, id, true);

    if (before < SOCIAL_REVOCATIONS_ALL) {
        key.half[1] &= SOCIAL_REVOCATIONS_UPPER;
        key.half[1] |= before > 0 ? (uint64_t) before : 0;
    }

    return social_revocations_put(set, &key, until, now);
}


static social_rc_e
social_revocations_put(social_revocations_t *set,
    const social_revocations_key_t *key, int64_t until, int64_t now)
{
    bool                        empty;
    size_t                      i, n;
    int64_t                     old;
    uint32_t                    code;
    social_revocations_slot_t  *slot, *place;

    social_revocations_recover(set);

    if (until <= now) {
        return SOCIAL_OK;
    }

    i = social_revocations_first(set, key->half);
    place = NULL;
    empty = false;

    for (n = 0; n < set->size; n++) {
        slot = &set->slots[i];

        old = atomic_load_explicit(&slot->until, memory_order_relaxed);

        if (old == 0) {

            if (place == NULL && set->used < set->limit) {
                place = slot;
                empty = true;
            }

            break;
        }

        if (social_revocations_is(slot, key, &code)) {
            social_revocations_extend(set, slot, key, until, now);
            return SOCIAL_OK;
        }

        if (place == NULL && old < now - SOCIAL_REVOCATIONS_GRACE) {
            place = slot;
        }

        i = social_revocations_next(set, i);
    }

    if (place == NULL) {
        return social_revocations_overflow(set, key, until);
    }

    social_revocations_begin(set);

    set->used += empty;

    atomic_store_explicit(&place->id[0], key->half[0], memory_order_relaxed);
    atomic_store_explicit(&place->id[1], key->half[1], memory_order_relaxed);
    atomic_store_explicit(&place->until, until, memory_order_release);

    social_revocations_finish(set);

    return SOCIAL_OK;
}


/*
 * An entry that is over says nothing any more: neither for how long, nor of
 * which of a subject's sessions.
 */

static void
social_revocations_extend(social_revocations_t *set,
    social_revocations_slot_t *slot, const social_revocations_key_t *key,
    int64_t until, int64_t now)
{
    int64_t   old;
    uint64_t  half;

    old = atomic_load_explicit(&slot->until, memory_order_relaxed);
    half = atomic_load_explicit(&slot->id[1], memory_order_relaxed);

    if (old <= now || half < key->half[1]) {
        half = key->half[1];
    }

    if (until <= old
        && half == atomic_load_explicit(&slot->id[1], memory_order_relaxed))
    {
        return;
    }

    social_revocations_begin(set);

    atomic_store_explicit(&slot->id[1], half, memory_order_relaxed);

    if (until > old) {
        atomic_store_explicit(&slot->until, until, memory_order_release);
    }

    social_revocations_finish(set);
}


static social_rc_e
social_revocations_overflow(social_revocations_t *set,
    const social_revocations_key_t *key, int64_t until)
{
    bool         known;
    uint64_t     half[2];
    social_rc_e  rc;

    /* a filter has no time of a subject: who looks there looks by this */

    half[0] = key->half[0];
    half[1] = key->half[1] | ~key->mask[1];

    known = social_bloom_has(&set->overflow, half);

    social_revocations_begin(set);

    if (set->lasts < until) {
        set->lasts = until;
    }

    rc = social_bloom_add(&set->overflow, half);

    if (rc == SOCIAL_OK && !known) {
        social_revocations_finish(set);

    } else {
        atomic_store_explicit(&set->writing, 0, memory_order_release);
    }

    return rc;
}


uint64_t
social_revocations_load_begin(social_revocations_t *set)
{
    uint64_t  load;

    social_revocations_recover(set);
    social_revocations_begin(set);

    /* a reader that was stopped in the filter since it was replaced */

    atomic_fetch_add_explicit(&set->moves, 1, memory_order_acq_rel);
    atomic_thread_fence(memory_order_release);

    load = social_bloom_load(&set->overflow);

    atomic_store_explicit(&set->writing, 0, memory_order_release);

    return load;
}


void
social_revocations_load_end(social_revocations_t *set, uint64_t load,
    bool forget)
{
    social_revocations_recover(set);

    if (load == 0 || set->overflow.load != load) {
        return;
    }

    if (!forget) {

        /* what was added meanwhile is in both */

        set->overflow.load = 0;
        return;
    }

    social_revocations_begin(set);

    /* who looked for a slot before it got one finds none in the new filter */

    atomic_fetch_add_explicit(&set->moves, 1, memory_order_acq_rel);

    social_bloom_replace(&set->overflow);

    /* which may have what found no room in the old one */

    social_revocations_finish(set);
}


int64_t
social_revocations_overflow_until(const social_revocations_t *set)
{
    return set->lasts;
}


void
social_revocations_drop(social_revocations_t *set,
    const unsigned char id[SOCIAL_REVOCATIONS_ID_SIZE], bool subject)
{
    size_t                      i, n;
    int64_t                     until;
    uint32_t                    code;
    social_revocations_key_t    key;
    social_revocations_slot_t  *slot;

    social_revocations_recover(set);
    social_revocations_key(&key, id, subject);

    i = social_revocations_first(set, key.half);

    for (n = 0; n < set->size; n++) {
        slot = &set->slots[i];

        until = atomic_load_explicit(&slot->until, memory_order_relaxed);

        if (until == 0) {
            return;
        }

        /* a writer that was killed may have left two of them */

        if (social_revocations_is(slot, &key, &code)) {
            atomic_store_explicit(&slot->until, SOCIAL_REVOCATIONS_OVER,
                                  memory_order_release);
        }

        i = social_revocations_next(set, i);
    }
}


static void
social_revocations_begin(social_revocations_t *set)
{
    atomic_store_explicit(&set->writing, 1, memory_order_relaxed);

    /* nothing that is written goes before it */

    atomic_thread_fence(memory_order_seq_cst);
}


static void
social_revocations_finish(social_revocations_t *set)
{
    atomic_fetch_add_explicit(&set->epoch, 1, memory_order_acq_rel);
    atomic_store_explicit(&set->writing, 0, memory_order_release);
}


void
social_revocations_recover(social_revocations_t *set)
{
    size_t  i, used;

    if (atomic_load_explicit(&set->writing, memory_order_acquire) == 0) {
        return;
    }

    used = 0;

    for (i = 0; i < set->size; i++) {
        used += atomic_load_explicit(&set->slots[i].until,
                                     memory_order_relaxed)
                != 0;
    }

    set->used = used;

    social_bloom_recover(&set->overflow);

    social_revocations_finish(set);
}


void
social_revocations_sweep(social_revocations_t *set, size_t n, int64_t now)
{
    int64_t  until;

    social_revocations_recover(set);

    for ( /* void */ ; n; n--) {

        until = atomic_load_explicit(&set->slots[set->swept].until,
                                     memory_order_relaxed);

        if (until != 0 && until < now - SOCIAL_REVOCATIONS_GRACE) {
            social_revocations_begin(set);
            social_revocations_remove(set, set->swept, now);
            atomic_store_explicit(&set->writing, 0, memory_order_release);
        }

        set->swept = social_revocations_next(set, set->swept);
    }
}


/*
 * Deletion of linear probing (Knuth, 6.4, algorithm R): entries behind the
 * hole that are searched for from before it move into it, and leave the next
 * hole.  Until the end no slot of the chain is empty, and no entry is without
 * a whole copy: where a writer is killed there may be two.
 */

static void
social_revocations_remove(social_revocations_t *set, size_t hole, int64_t now)
{
    size_t                      i, first;
    int64_t                     until;
    uint64_t                    half[2];
    social_revocations_slot_t  *slot, *place;

    i = hole;

    for ( ;; ) {
        i = social_revocations_next(set, i);

        slot = &set->slots[i];
        until = atomic_load_explicit(&slot->until, memory_order_relaxed);

        if (until == 0 || i == hole) {
            break;
        }

        if (until < now - SOCIAL_REVOCATIONS_GRACE) {

            /* no one searches for it: the sweep will remove it */
            continue;
        }

        half[0] = atomic_load_explicit(&slot->id[0], memory_order_relaxed);
        half[1] = atomic_load_explicit(&slot->id[1], memory_order_relaxed);

        first = social_revocations_first(set, half);

        /* first is in (hole, i], which may go round the end */

        if (hole < i ? hole < first && first <= i : hole < first || first <= i)
        {
            continue;
        }

        place = &set->slots[hole];

        atomic_store_explicit(&place->until, SOCIAL_REVOCATIONS_OVER,
                              memory_order_relaxed);
        atomic_thread_fence(memory_order_release);

        atomic_store_explicit(&place->id[0], half[0], memory_order_relaxed);
        atomic_store_explicit(&place->id[1], half[1], memory_order_relaxed);
        atomic_store_explicit(&place->until, until, memory_order_release);

        /* readers that miss it at its old slot notice this */

        atomic_fetch_add_explicit(&set->moves, 1, memory_order_acq_rel);
        atomic_thread_fence(memory_order_release);

        hole = i;
    }

    set->used--;

    atomic_store_explicit(&set->slots[hole].until, 0, memory_order_release);
}


static void
social_revocations_key(social_revocations_key_t *key,
    const unsigned char id[SOCIAL_REVOCATIONS_ID_SIZE], bool subject)
{
    memcpy(key->half, id, SOCIAL_REVOCATIONS_ID_SIZE);

    key->mask[0] = SOCIAL_REVOCATIONS_WHOLE;
    key->mask[1] = SOCIAL_REVOCATIONS_WHOLE;

    if (subject) {
        key->mask[1] = SOCIAL_REVOCATIONS_UPPER;
        key->half[1] |= SOCIAL_REVOCATIONS_ALL;
    }
}


/*
 * The ids are digests: their bits are as good as a hash of them.
 */

static size_t
social_revocations_first(const social_revocations_t *set,
    const uint64_t half[2])
{
    return (size_t) (((half[0] >> 32) * set->size) >> 32);
}


static size_t
social_revocations_next(const social_revocations_t *set, size_t i)
{
    return ++i == set->size ? 0 : i;
}


/*
 * "code" is of what was compared: a slot may be another's a moment later.
 */

static bool
social_revocations_is(const social_revocations_slot_t *slot,
    const social_revocations_key_t *key, uint32_t *code)
{
    uint64_t  other, half;

    other = (atomic_load_explicit(&slot->id[0], memory_order_relaxed)
             ^ key->half[0])
            & key->mask[0];

    half = atomic_load_explicit(&slot->id[1], memory_order_relaxed);

    other |= (half ^ key->half[1]) & key->mask[1];

    *code = (uint32_t) half;

    return other == 0;
}
