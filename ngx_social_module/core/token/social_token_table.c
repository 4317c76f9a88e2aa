
/*
 * Cached verdicts on verified tokens, in memory that several processes share.
 */

#include <stdatomic.h>
#include <string.h>

#include "social_token_table.h"


#define SOCIAL_TOKEN_TABLE_WAYS     8
#define SOCIAL_TOKEN_DIGEST_WORDS   (SOCIAL_TOKEN_DIGEST_SIZE / 8)
#define SOCIAL_TOKEN_VERDICT_WORDS  5
#define SOCIAL_TOKEN_MAX_EXPIRES    ((INT64_C(1) << 47) - 1)


__extension__ typedef unsigned __int128  social_uint128_t;


typedef struct {
    _Atomic uint64_t       check;     /* of the rest; 0: never used */
    _Atomic uint64_t       digest[SOCIAL_TOKEN_DIGEST_WORDS];
    _Atomic uint64_t       verdict[SOCIAL_TOKEN_VERDICT_WORDS];
} social_token_slot_t;


typedef struct {
    social_token_slot_t    slots[SOCIAL_TOKEN_TABLE_WAYS];
} social_token_set_t;


struct social_token_table_s {
    uint64_t               n;
    uint64_t               reserved[7];
    social_token_set_t     sets[];
};


_Static_assert(sizeof(social_token_slot_t) == 64,
               "a slot is one line of the processor's cache");


static void social_token_verdict_pack(const social_token_verdict_t *verdict,
    uint64_t words[SOCIAL_TOKEN_VERDICT_WORDS]);
static void social_token_verdict_unpack(social_token_verdict_t *verdict,
    const uint64_t words[SOCIAL_TOKEN_VERDICT_WORDS]);
static size_t social_token_table_choose(const social_token_set_t *set,
    const uint64_t digest[SOCIAL_TOKEN_DIGEST_WORDS], int64_t now);


size_t
social_token_table_capacity(size_t size)
{
    size_t  sets;

    if (size < sizeof(social_token_table_t)) {
        return 0;
    }

    sets = (size - sizeof(social_token_table_t)) / sizeof(social_token_set_t);

    /* 32 bits of a digest choose */

    if (sets > UINT32_MAX) {
        sets = UINT32_MAX;
    }

    return sets * SOCIAL_TOKEN_TABLE_WAYS;
}


social_token_table_t *
social_token_table_create(void *p, size_t size)
{
    size_t                 sets;
    social_token_table_t  *table;

    sets = social_token_table_capacity(size) / SOCIAL_TOKEN_TABLE_WAYS;

    if (sets == 0) {
        return NULL;
    }

    table = p;

    memset(table, 0,
           sizeof(social_token_table_t) + sets * sizeof(social_token_set_t));

    table->n = sets;

    return table;
}


/*
 * A digest's words choose the set, and the slot in it where a look-up begins:
 * most tokens lie there, and cost one line of the processor's cache.
 */

static inline size_t
social_token_table_set(const social_token_table_t *table,
    const uint64_t digest[SOCIAL_TOKEN_DIGEST_WORDS])
{
    return (size_t) (((digest[0] & UINT32_MAX) * table->n) >> 32);
}


static inline size_t
social_token_table_way(const uint64_t digest[SOCIAL_TOKEN_DIGEST_WORDS],
    size_t i)
{
    return (size_t) ((digest[1] + i) % SOCIAL_TOKEN_TABLE_WAYS);
}


/*
 * What a slot's first word must be: a product hides what the words of two
 * writers have in common, and the digest, which nobody outside knows, is in
 * each factor.
 */

static inline uint64_t
social_token_fold(uint64_t a, uint64_t b)
{
    social_uint128_t  product;

    product = (social_uint128_t) a * b;

    return (uint64_t) product ^ (uint64_t) (product >> 64);
}


static inline uint64_t
social_token_check(const uint64_t digest[SOCIAL_TOKEN_DIGEST_WORDS],
    const uint64_t verdict[SOCIAL_TOKEN_VERDICT_WORDS])
{
    uint64_t  a, b;

    a = social_token_fold(verdict[0] ^ digest[0], verdict[1] ^ digest[1]);
    b = social_token_fold(verdict[2] ^ digest[1], verdict[3] ^ digest[0]);

    /* the constants are the golden ratio's bits, and pi's */

    return social_token_fold(a ^ verdict[4] ^ UINT64_C(0x9e3779b97f4a7c15),
                             b ^ digest[0] ^ UINT64_C(0x243f6a8885a308d3))
           | 1;
}


/*
 * Copies a slot whose digest is there already.  False: two have written it,
 * or one not to the end.
 */

static inline bool
social_token_slot_read(const social_token_slot_t *slot,
    const uint64_t digest[SOCIAL_TOKEN_DIGEST_WORDS],
    uint64_t verdict[SOCIAL_TOKEN_VERDICT_WORDS])
{
    size_t  i;

    for (i = 0; i < SOCIAL_TOKEN_VERDICT_WORDS; i++) {
        verdict[i] = atomic_load_explicit(&slot->verdict[i],
                                          memory_order_relaxed);
    }

    return atomic_load_explicit(&slot->check, memory_order_relaxed)
           == social_token_check(digest, verdict);
}


bool
social_token_table_get(const social_token_table_t *table,
    const unsigned char digest[SOCIAL_TOKEN_DIGEST_SIZE],
    social_token_verdict_t *verdict)
{
    size_t                      i;
    uint64_t                    wanted[SOCIAL_TOKEN_DIGEST_WORDS];
    uint64_t                    words[SOCIAL_TOKEN_VERDICT_WORDS];
    const social_token_set_t   *set;
    const social_token_slot_t  *slot;

    memcpy(wanted, digest, sizeof(wanted));

    set = &table->sets[social_token_table_set(table, wanted)];

    for (i = 0; i < SOCIAL_TOKEN_TABLE_WAYS; i++) {

        slot = &set->slots[social_token_table_way(wanted, i)];

        if (atomic_load_explicit(&slot->check, memory_order_relaxed) == 0) {

            /* never used: it would be here, if it were anywhere further on */

            return false;
        }

        if (atomic_load_explicit(&slot->digest[0], memory_order_relaxed)
            == wanted[0]
            && atomic_load_explicit(&slot->digest[1], memory_order_relaxed)
               == wanted[1]
            && social_token_slot_read(slot, wanted, words))
        {
            social_token_verdict_unpack(verdict, words);
            return true;
        }
    }

    return false;
}


/*
 * A verdict that would last longer than its room allows lasts so long: the
 * token is verified once more then.
 */

static void
social_token_verdict_pack(const social_token_verdict_t *verdict,
    uint64_t words[SOCIAL_TOKEN_VERDICT_WORDS])
{
    int64_t  expires;

    expires = verdict->expires < SOCIAL_TOKEN_MAX_EXPIRES
              ? verdict->expires : SOCIAL_TOKEN_MAX_EXPIRES;

    words[0] = verdict->generation;
    words[1] = verdict->epoch;
    words[2] = (uint64_t) expires << 16 | (verdict->issuer & 0xffff);
    memcpy(&words[3], verdict->marks, sizeof(verdict->marks));
}


static void
social_token_verdict_unpack(social_token_verdict_t *verdict,
    const uint64_t words[SOCIAL_TOKEN_VERDICT_WORDS])
{
    verdict->generation = words[0];
    verdict->epoch = words[1];
    verdict->expires = (int64_t) (words[2] >> 16);
    verdict->issuer = (unsigned) (words[2] & 0xffff);
    memcpy(verdict->marks, &words[3], sizeof(verdict->marks));
}


void
social_token_table_put(social_token_table_t *table,
    const unsigned char digest[SOCIAL_TOKEN_DIGEST_SIZE],
    const social_token_verdict_t *verdict, int64_t now)
{
    size_t                i;
    uint64_t              wanted[SOCIAL_TOKEN_DIGEST_WORDS];
    uint64_t              words[SOCIAL_TOKEN_VERDICT_WORDS];
    social_token_set_t   *set;
    social_token_slot_t  *slot;

    memcpy(wanted, digest, sizeof(wanted));
    social_token_verdict_pack(verdict, words);

    set = &table->sets[social_token_table_set(table, wanted)];
    slot = &set->slots[social_token_table_choose(set, wanted, now)];

    for (i = 0; i < SOCIAL_TOKEN_DIGEST_WORDS; i++) {
        atomic_store_explicit(&slot->digest[i], wanted[i],
                              memory_order_relaxed);
    }

    for (i = 0; i < SOCIAL_TOKEN_VERDICT_WORDS; i++) {
        atomic_store_explicit(&slot->verdict[i], words[i],
                              memory_order_relaxed);
    }

    atomic_store_explicit(&slot->check, social_token_check(wanted, words),
                          memory_order_relaxed);
}


/*
 * The token's own slot, else the first that was never used, has expired, or
 * has nothing whole in it, else any: with tokens that come round in turn, one
 * more of them than there are slots would push each out just before its next
 * use, if it were the oldest that had to go.
 */

static size_t
social_token_table_choose(const social_token_set_t *set,
    const uint64_t digest[SOCIAL_TOKEN_DIGEST_WORDS], int64_t now)
{
    size_t                      i, n, way, free;
    uint64_t                    found[SOCIAL_TOKEN_DIGEST_WORDS];
    uint64_t                    words[SOCIAL_TOKEN_VERDICT_WORDS];
    social_token_verdict_t      old;
    const social_token_slot_t  *slot;

    free = SOCIAL_TOKEN_TABLE_WAYS;

    for (i = 0; i < SOCIAL_TOKEN_TABLE_WAYS; i++) {

        way = social_token_table_way(digest, i);
        slot = &set->slots[way];

        if (atomic_load_explicit(&slot->check, memory_order_relaxed) == 0) {
            return free != SOCIAL_TOKEN_TABLE_WAYS ? free : way;
        }

        for (n = 0; n < SOCIAL_TOKEN_DIGEST_WORDS; n++) {
            found[n] = atomic_load_explicit(&slot->digest[n],
                                            memory_order_relaxed);
        }

        if (memcmp(found, digest, sizeof(found)) == 0) {
            return way;
        }

        if (free != SOCIAL_TOKEN_TABLE_WAYS) {
            continue;
        }

        if (!social_token_slot_read(slot, found, words)) {
            free = way;
            continue;
        }

        social_token_verdict_unpack(&old, words);

        if (old.expires < now) {
            free = way;
        }
    }

    if (free != SOCIAL_TOKEN_TABLE_WAYS) {
        return free;
    }

    return (size_t) (((digest[0] >> 32) ^ (uint64_t) now)
                     % SOCIAL_TOKEN_TABLE_WAYS);
}
