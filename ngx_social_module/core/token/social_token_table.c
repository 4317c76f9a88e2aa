
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

/* the sequence word: whether it is being written, how often it was, by whom */

#define SOCIAL_TOKEN_TABLE_BUSY     UINT64_C(1)
#define SOCIAL_TOKEN_TABLE_ONCE     UINT64_C(2)
#define SOCIAL_TOKEN_TABLE_COUNT    UINT64_C(0xfffffffe)
#define SOCIAL_TOKEN_TABLE_WRITER   32


typedef struct {
    _Atomic uint64_t       sequence;
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
static bool social_token_slot_read(const social_token_slot_t *slot,
    uint64_t digest[SOCIAL_TOKEN_DIGEST_WORDS],
    uint64_t verdict[SOCIAL_TOKEN_VERDICT_WORDS]);
static size_t social_token_table_choose(const social_token_set_t *set,
    const uint64_t digest[SOCIAL_TOKEN_DIGEST_WORDS], int64_t now);
static uint64_t social_token_slot_take(social_token_slot_t *slot,
    uint32_t writer, bool (*alive)(uint32_t writer));


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


bool
social_token_table_get(const social_token_table_t *table,
    const unsigned char digest[SOCIAL_TOKEN_DIGEST_SIZE],
    social_token_verdict_t *verdict)
{
    size_t                      i;
    uint64_t                    wanted[SOCIAL_TOKEN_DIGEST_WORDS];
    uint64_t                    found[SOCIAL_TOKEN_DIGEST_WORDS];
    uint64_t                    words[SOCIAL_TOKEN_VERDICT_WORDS];
    const social_token_set_t   *set;
    const social_token_slot_t  *slot;

    memcpy(wanted, digest, sizeof(wanted));

    set = &table->sets[social_token_table_set(table, wanted)];

    for (i = 0; i < SOCIAL_TOKEN_TABLE_WAYS; i++) {

        slot = &set->slots[social_token_table_way(wanted, i)];

        if (atomic_load_explicit(&slot->sequence, memory_order_relaxed) == 0) {

            /* never used: it would be here, if it were anywhere further on */

            return false;
        }

        if (atomic_load_explicit(&slot->digest[0], memory_order_relaxed)
            == wanted[0]
            && social_token_slot_read(slot, found, words)
            && memcmp(found, wanted, sizeof(wanted)) == 0)
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
    memcpy(&words[3], verdict->session, sizeof(verdict->session));
}


static void
social_token_verdict_unpack(social_token_verdict_t *verdict,
    const uint64_t words[SOCIAL_TOKEN_VERDICT_WORDS])
{
    verdict->generation = words[0];
    verdict->epoch = words[1];
    verdict->expires = (int64_t) (words[2] >> 16);
    verdict->issuer = (unsigned) (words[2] & 0xffff);
    memcpy(verdict->session, &words[3], sizeof(verdict->session));
}


static bool
social_token_slot_read(const social_token_slot_t *slot,
    uint64_t digest[SOCIAL_TOKEN_DIGEST_WORDS],
    uint64_t verdict[SOCIAL_TOKEN_VERDICT_WORDS])
{
    size_t    i;
    uint64_t  sequence;

    sequence = atomic_load_explicit(&slot->sequence, memory_order_acquire);

    if (sequence & SOCIAL_TOKEN_TABLE_BUSY) {
        return false;
    }

    for (i = 0; i < SOCIAL_TOKEN_DIGEST_WORDS; i++) {
        digest[i] = atomic_load_explicit(&slot->digest[i],
                                         memory_order_relaxed);
    }

    for (i = 0; i < SOCIAL_TOKEN_VERDICT_WORDS; i++) {
        verdict[i] = atomic_load_explicit(&slot->verdict[i],
                                          memory_order_relaxed);
    }

    atomic_thread_fence(memory_order_acquire);

    return atomic_load_explicit(&slot->sequence, memory_order_relaxed)
           == sequence;
}


void
social_token_table_put(social_token_table_t *table,
    const unsigned char digest[SOCIAL_TOKEN_DIGEST_SIZE],
    const social_token_verdict_t *verdict, int64_t now, uint32_t writer,
    bool (*alive)(uint32_t writer))
{
    size_t                i, n;
    uint64_t              sequence, wanted[SOCIAL_TOKEN_DIGEST_WORDS];
    uint64_t              words[SOCIAL_TOKEN_VERDICT_WORDS];
    social_token_set_t   *set;
    social_token_slot_t  *slot;

    memcpy(wanted, digest, sizeof(wanted));
    social_token_verdict_pack(verdict, words);

    set = &table->sets[social_token_table_set(table, wanted)];

    i = social_token_table_choose(set, wanted, now);

    slot = &set->slots[i];
    sequence = social_token_slot_take(slot, writer, alive);

    if (sequence == 0) {

        /* its neighbour will do when another process has it */

        i = (i + 1) % SOCIAL_TOKEN_TABLE_WAYS;

        slot = &set->slots[i];
        sequence = social_token_slot_take(slot, writer, alive);
    }

    if (sequence == 0) {
        return;
    }

    atomic_thread_fence(memory_order_release);

    for (n = 0; n < SOCIAL_TOKEN_DIGEST_WORDS; n++) {
        atomic_store_explicit(&slot->digest[n], wanted[n],
                              memory_order_relaxed);
    }

    for (n = 0; n < SOCIAL_TOKEN_VERDICT_WORDS; n++) {
        atomic_store_explicit(&slot->verdict[n], words[n],
                              memory_order_relaxed);
    }

    /* never 0 again, even when the count comes round */

    sequence &= SOCIAL_TOKEN_TABLE_COUNT;

    atomic_store_explicit(&slot->sequence,
                          sequence ? sequence : SOCIAL_TOKEN_TABLE_ONCE,
                          memory_order_release);
}


/*
 * The token's own slot, else the first that has expired or was never used, else
 * one that is being written, whose writer may have died, else any: with tokens
 * that come round in turn, one more of them than there are slots would push
 * each out just before its next use, if it were the oldest that had to go.
 */

static size_t
social_token_table_choose(const social_token_set_t *set,
    const uint64_t digest[SOCIAL_TOKEN_DIGEST_WORDS], int64_t now)
{
    size_t                      i, way, expired, busy;
    uint64_t                    found[SOCIAL_TOKEN_DIGEST_WORDS];
    uint64_t                    words[SOCIAL_TOKEN_VERDICT_WORDS];
    social_token_verdict_t      old;
    const social_token_slot_t  *slot;

    expired = SOCIAL_TOKEN_TABLE_WAYS;
    busy = SOCIAL_TOKEN_TABLE_WAYS;

    for (i = 0; i < SOCIAL_TOKEN_TABLE_WAYS; i++) {

        way = social_token_table_way(digest, i);
        slot = &set->slots[way];

        if (atomic_load_explicit(&slot->sequence, memory_order_relaxed) == 0) {
            return expired != SOCIAL_TOKEN_TABLE_WAYS ? expired : way;
        }

        if (!social_token_slot_read(slot, found, words)) {
            busy = way;
            continue;
        }

        if (memcmp(found, digest, sizeof(found)) == 0) {
            return way;
        }

        social_token_verdict_unpack(&old, words);

        if (old.expires < now && expired == SOCIAL_TOKEN_TABLE_WAYS) {
            expired = way;
        }
    }

    if (expired != SOCIAL_TOKEN_TABLE_WAYS) {
        return expired;
    }

    if (busy != SOCIAL_TOKEN_TABLE_WAYS) {
        return busy;
    }

    return (size_t) (((digest[0] >> 32) ^ (uint64_t) now)
                     % SOCIAL_TOKEN_TABLE_WAYS);
}


/*
 * The sequence word of a slot that is this writer's now; 0: it is another's.
 */

static uint64_t
social_token_slot_take(social_token_slot_t *slot, uint32_t writer,
    bool (*alive)(uint32_t writer))
{
    uint64_t  old, sequence;

    old = atomic_load_explicit(&slot->sequence, memory_order_relaxed);

    if ((old & SOCIAL_TOKEN_TABLE_BUSY)
        && alive((uint32_t) (old >> SOCIAL_TOKEN_TABLE_WRITER)))
    {
        return 0;
    }

    sequence = ((old + SOCIAL_TOKEN_TABLE_ONCE) & SOCIAL_TOKEN_TABLE_COUNT)
               | SOCIAL_TOKEN_TABLE_BUSY
               | ((uint64_t) writer << SOCIAL_TOKEN_TABLE_WRITER);

    return atomic_compare_exchange_strong_explicit(&slot->sequence, &old,
                                                   sequence,
                                                   memory_order_acquire,
                                                   memory_order_relaxed)
           ? sequence : 0;
}
