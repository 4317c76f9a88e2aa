
/*
 * The ids of what may be used once.
 */

#include <stdatomic.h>
#include <string.h>

#include "social_crypto.h"
#include "social_fingerprint.h"
#include "social_replay.h"


#define SOCIAL_REPLAY_SLOTS    8      /* of a set: a line of the cache */
#define SOCIAL_REPLAY_CHOICES  8
#define SOCIAL_REPLAY_SHARES   8

/* of a slot's word; the rest is of the hash */
#define SOCIAL_REPLAY_TIME     28
#define SOCIAL_REPLAY_MAX      ((UINT64_C(1) << SOCIAL_REPLAY_TIME) - 1)

/* how far a clock may go back to before the table was made */
#define SOCIAL_REPLAY_PAST     (1 << 25)

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a lock would be a process's own");


typedef struct {
    _Atomic uint64_t        slots[SOCIAL_REPLAY_SLOTS];
} social_replay_set_t;


struct social_replay_s {
    uint64_t                secret[2];
    int64_t                 base;        /* times are counted from here */
    uint64_t                n;           /* sets */
    uint64_t                share;       /* sets of a key */
    uint64_t                reserved[3];
    social_replay_set_t     sets[];
};


_Static_assert(sizeof(social_replay_t) == 64, "sets are lines of the cache");


static social_rc_e social_replay_hash(const social_replay_t *table,
    const unsigned char key[SOCIAL_REPLAY_KEY_SIZE], social_str_t id,
    uint64_t *scatter, uint64_t hash[2]);
static uint64_t social_replay_mix(uint64_t x);
static social_replay_set_t *social_replay_set(social_replay_t *table,
    uint64_t scatter, uint64_t hash, unsigned choice);


social_replay_t *
social_replay_create(void *memory, size_t size,
    const unsigned char secret[SOCIAL_REPLAY_SECRET_SIZE], int64_t now)
{
    size_t            n;
    social_replay_t  *table;

    if (size < sizeof(social_replay_t)) {
        return NULL;
    }

    n = (size - sizeof(social_replay_t)) / sizeof(social_replay_set_t);

    if (n < SOCIAL_REPLAY_SHARES * SOCIAL_REPLAY_CHOICES) {
        return NULL;
    }

    if (n > UINT32_MAX) {
        n = UINT32_MAX;
    }

    table = memory;

    memset(table, 0,
           sizeof(social_replay_t) + n * sizeof(social_replay_set_t));

    memcpy(table->secret, secret, sizeof(table->secret));
    table->base = now - SOCIAL_REPLAY_PAST;
    table->n = n;
    table->share = n / SOCIAL_REPLAY_SHARES;

    return table;
}


size_t
social_replay_capacity(const social_replay_t *table)
{
    return (size_t) table->n * SOCIAL_REPLAY_SLOTS;
}


size_t
social_replay_share(const social_replay_t *table)
{
    return (size_t) table->share * SOCIAL_REPLAY_SLOTS;
}


social_replay_e
social_replay_use(social_replay_t *table,
    const unsigned char key[SOCIAL_REPLAY_KEY_SIZE], social_str_t id,
    int64_t until, int64_t now)
{
    int64_t               end, over;
    uint64_t              scatter, hash[2], word, tag;
    unsigned              i, n;
    _Atomic uint64_t     *free;
    social_replay_set_t  *set;

    if (social_replay_hash(table, key, id, &scatter, hash) != SOCIAL_OK) {
        return SOCIAL_REPLAY_FAILED;
    }

    end = until - table->base;
    over = now - SOCIAL_REPLAY_GRACE - table->base;

    if (end <= 0 || end > (int64_t) SOCIAL_REPLAY_MAX) {

        /* a clock that is years away from when nginx was started */

        return SOCIAL_REPLAY_FULL;
    }

    tag = hash[1] & ~SOCIAL_REPLAY_MAX;
    free = NULL;

    for (i = 0; i < SOCIAL_REPLAY_CHOICES; i++) {

        set = social_replay_set(table, scatter, hash[0], i);

        for (n = 0; n < SOCIAL_REPLAY_SLOTS; n++) {

            word = atomic_load_explicit(&set->slots[n], memory_order_relaxed);

            /* 0 is a time, too: long ago */

            if ((int64_t) (word & SOCIAL_REPLAY_MAX) < over || word == 0) {

                if (free == NULL) {
                    free = &set->slots[n];
                }

                continue;
            }

            if ((word & ~SOCIAL_REPLAY_MAX) == tag) {
                return SOCIAL_REPLAY_SEEN;
            }
        }
    }

    if (free == NULL) {
        return SOCIAL_REPLAY_FULL;
    }

    atomic_store_explicit(free, tag | (uint64_t) end, memory_order_relaxed);

    return SOCIAL_REPLAY_NEW;
}


/*
 * A number for the key, and two for the key and the id: what no one outside
 * can know, so that no one can choose what shares a place with what.
 */

static social_rc_e
social_replay_hash(const social_replay_t *table,
    const unsigned char key[SOCIAL_REPLAY_KEY_SIZE], social_str_t id,
    uint64_t *scatter, uint64_t hash[2])
{
    uint64_t       words[8], first[2];
    unsigned char  digest[SOCIAL_SHA256_SIZE];

    if (social_sha256(id, digest) != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    memcpy(words, key, SOCIAL_REPLAY_KEY_SIZE);
    memcpy(words + 4, digest, sizeof(digest));

    social_siphash(table->secret, words, 4, first);
    social_siphash(table->secret, words, 8, hash);

    *scatter = first[0];

    return SOCIAL_OK;
}


/*
 * Of the sets of a key, which are numbered from 0, the hash chooses another
 * one each time; where it lies in the table is for the key to say.
 */

static social_replay_set_t *
social_replay_set(social_replay_t *table, uint64_t scatter, uint64_t hash,
    unsigned choice)
{
    uint64_t  i;

    i = social_replay_mix(hash + choice) % table->share;

    return &table->sets[social_replay_mix(scatter + i) % table->n];
}


/* the finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) */

static uint64_t
social_replay_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);

    return x ^ (x >> 31);
}
