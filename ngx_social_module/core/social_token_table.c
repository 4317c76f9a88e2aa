
/*
 * What is remembered of verified tokens, in memory that several processes
 * share.
 */

#include <stdatomic.h>
#include <string.h>

#include "social_token_table.h"


#define SOCIAL_TOKEN_TABLE_WAYS     8
#define SOCIAL_TOKEN_DIGEST_WORDS   (SOCIAL_TOKEN_DIGEST_SIZE / 8)
#define SOCIAL_TOKEN_VERDICT_WORDS  (sizeof(social_token_verdict_t) / 8)

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


/* the tags are one line of the processor's cache: most look-ups read only it */

typedef struct {
    _Atomic uint64_t       tags[SOCIAL_TOKEN_TABLE_WAYS];
    social_token_slot_t    slots[SOCIAL_TOKEN_TABLE_WAYS];
} social_token_set_t;


struct social_token_table_s {
    uint64_t               mask;
    uint64_t               reserved[7];
    social_token_set_t     sets[];
};


_Static_assert(sizeof(social_token_verdict_t) % 8 == 0,
               "a verdict is copied by words");
_Static_assert(sizeof(social_token_set_t) % 64 == 0,
               "sets begin at lines of the processor's cache");


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

    if (size < sizeof(social_token_table_t) + sizeof(social_token_set_t)) {
        return 0;
    }

    size -= sizeof(social_token_table_t);

    /* a power of two, so that a digest's bits choose */

    sets = 1;

    while (sets * 2 <= size / sizeof(social_token_set_t)) {
        sets *= 2;
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

    table->mask = sets - 1;

    return table;
}


/*
 * The first word of a digest is the tag, 0 being that of an empty slot; the
 * second chooses the set.
 */

static inline uint64_t
social_token_table_tag(const uint64_t digest[SOCIAL_TOKEN_DIGEST_WORDS])
{
    return digest[0] ? digest[0] : 1;
}


bool
social_token_table_get(const social_token_table_t *table,
    const unsigned char digest[SOCIAL_TOKEN_DIGEST_SIZE],
    social_token_verdict_t *verdict)
{
    size_t                     i;
    uint64_t                   tag, wanted[SOCIAL_TOKEN_DIGEST_WORDS];
    uint64_t                   found[SOCIAL_TOKEN_DIGEST_WORDS];
    uint64_t                   words[SOCIAL_TOKEN_VERDICT_WORDS];
    const social_token_set_t  *set;

    memcpy(wanted, digest, sizeof(wanted));

    tag = social_token_table_tag(wanted);
    set = &table->sets[wanted[1] & table->mask];

    for (i = 0; i < SOCIAL_TOKEN_TABLE_WAYS; i++) {

        if (atomic_load_explicit(&set->tags[i], memory_order_relaxed) != tag) {
            continue;
        }

        if (social_token_slot_read(&set->slots[i], found, words)
            && memcmp(found, wanted, sizeof(wanted)) == 0)
        {
            memcpy(verdict, words, sizeof(social_token_verdict_t));
            return true;
        }
    }

    return false;
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
    memcpy(words, verdict, sizeof(words));

    set = &table->sets[wanted[1] & table->mask];

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

    atomic_store_explicit(&set->tags[i], social_token_table_tag(wanted),
                          memory_order_relaxed);

    atomic_store_explicit(&slot->sequence,
                          sequence & SOCIAL_TOKEN_TABLE_COUNT,
                          memory_order_release);
}


/*
 * The token's own slot, else an empty one, else one that has expired, else
 * any: with tokens that come round in turn, one more of them than there are
 * slots would push each out just before its next use, if it were the oldest
 * that had to go.
 */

static size_t
social_token_table_choose(const social_token_set_t *set,
    const uint64_t digest[SOCIAL_TOKEN_DIGEST_WORDS], int64_t now)
{
    size_t                  i, chosen;
    uint64_t                tag, words[SOCIAL_TOKEN_VERDICT_WORDS];
    uint64_t                found[SOCIAL_TOKEN_DIGEST_WORDS];
    social_token_verdict_t  old;

    chosen = SOCIAL_TOKEN_TABLE_WAYS;

    for (i = 0; i < SOCIAL_TOKEN_TABLE_WAYS; i++) {

        tag = atomic_load_explicit(&set->tags[i], memory_order_relaxed);

        if (tag == 0) {
            chosen = i;
            continue;
        }

        if (!social_token_slot_read(&set->slots[i], found, words)) {
            continue;
        }

        if (memcmp(found, digest, sizeof(found)) == 0) {
            return i;
        }

        memcpy(&old, words, sizeof(old));

        if (old.expires < now && chosen == SOCIAL_TOKEN_TABLE_WAYS) {
            chosen = i;
        }
    }

    if (chosen != SOCIAL_TOKEN_TABLE_WAYS) {
        return chosen;
    }

    return (size_t) ((digest[2] ^ (uint64_t) now) % SOCIAL_TOKEN_TABLE_WAYS);
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
