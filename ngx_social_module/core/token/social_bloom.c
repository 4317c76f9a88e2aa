
/*
 * Two Bloom filters in shared memory.
 */

#include "social_bloom.h"


/* with half of the bits set, one in 2^20 is found that was never added */
#define SOCIAL_BLOOM_PROBES  20

#define SOCIAL_BLOOM_LEAST   8
#define SOCIAL_BLOOM_MOST    (UINT32_MAX / 64)


static void social_bloom_clear(social_bloom_t *bloom,
    social_bloom_filter_t *filter);
static bool social_bloom_find(const social_bloom_t *bloom,
    const social_bloom_filter_t *filter, const uint64_t half[2]);
static social_rc_e social_bloom_put(social_bloom_t *bloom,
    social_bloom_filter_t *filter, const uint64_t half[2]);
static uint64_t social_bloom_bit(const social_bloom_t *bloom,
    const uint64_t half[2], unsigned i, size_t *word);


void
social_bloom_init(social_bloom_t *bloom, _Atomic uint64_t *words, size_t n)
{
    unsigned  i;

    if (n < SOCIAL_BLOOM_LEAST) {
        n = 0;
    }

    bloom->n = n < SOCIAL_BLOOM_MOST ? n : SOCIAL_BLOOM_MOST;
    bloom->load = 0;
    bloom->loads = 0;

    for (i = 0; i < 2; i++) {
        bloom->filters[i].words = words + i * n;
        social_bloom_clear(bloom, &bloom->filters[i]);
    }

    atomic_init(&bloom->current, 0);
}


static void
social_bloom_clear(social_bloom_t *bloom, social_bloom_filter_t *filter)
{
    size_t  i;

    for (i = 0; i < bloom->n; i++) {
        atomic_store_explicit(&filter->words[i], 0, memory_order_relaxed);
    }

    filter->set = 0;
    atomic_store_explicit(&filter->state, SOCIAL_BLOOM_EMPTY,
                          memory_order_relaxed);
}


bool
social_bloom_has(const social_bloom_t *bloom, const uint64_t half[2])
{
    uint32_t  current;

    current = atomic_load_explicit(&bloom->current, memory_order_acquire);

    return social_bloom_find(bloom, &bloom->filters[current], half);
}


social_bloom_state_e
social_bloom_state(const social_bloom_t *bloom)
{
    uint32_t  current;

    current = atomic_load_explicit(&bloom->current, memory_order_acquire);

    return atomic_load_explicit(&bloom->filters[current].state,
                                memory_order_relaxed);
}


static bool
social_bloom_find(const social_bloom_t *bloom,
    const social_bloom_filter_t *filter, const uint64_t half[2])
{
    size_t    word;
    unsigned  i;
    uint64_t  bit;

    if (bloom->n == 0) {
        return false;
    }

    for (i = 0; i < SOCIAL_BLOOM_PROBES; i++) {
        bit = social_bloom_bit(bloom, half, i, &word);

        if ((atomic_load_explicit(&filter->words[word], memory_order_relaxed)
             & bit)
            == 0)
        {
            return false;
        }
    }

    return true;
}


social_rc_e
social_bloom_add(social_bloom_t *bloom, const uint64_t half[2])
{
    uint32_t  current;

    current = atomic_load_explicit(&bloom->current, memory_order_relaxed);

    if (bloom->load) {

        /* whether it has room shows in its state */

        (void) social_bloom_put(bloom, &bloom->filters[!current], half);
    }

    return social_bloom_put(bloom, &bloom->filters[current], half);
}


static social_rc_e
social_bloom_put(social_bloom_t *bloom, social_bloom_filter_t *filter,
    const uint64_t half[2])
{
    size_t    word;
    unsigned  i;
    uint64_t  bit;

    if (social_bloom_find(bloom, filter, half)) {
        return SOCIAL_OK;
    }

    if (filter->set + SOCIAL_BLOOM_PROBES > bloom->n * 64 / 2) {
        atomic_store_explicit(&filter->state, SOCIAL_BLOOM_FULL,
                              memory_order_relaxed);
        return SOCIAL_DECLINED;
    }

    if (filter->set == 0) {
        atomic_store_explicit(&filter->state, SOCIAL_BLOOM_USED,
                              memory_order_relaxed);
    }

    for (i = 0; i < SOCIAL_BLOOM_PROBES; i++) {
        bit = social_bloom_bit(bloom, half, i, &word);

        filter->set += (atomic_fetch_or_explicit(&filter->words[word], bit,
                                                 memory_order_relaxed)
                        & bit)
                       == 0;
    }

    return SOCIAL_OK;
}


/*
 * Two halves of a digest give all probes (A. Kirsch, M. Mitzenmacher, Less
 * hashing, same performance: building a better Bloom filter, 2008).
 */

static uint64_t
social_bloom_bit(const social_bloom_t *bloom, const uint64_t half[2],
    unsigned i, size_t *word)
{
    uint64_t  x;

    x = half[0] + i * (half[1] | 1);
    x = ((x >> 32) * (bloom->n * 64)) >> 32;

    *word = (size_t) (x / 64);

    return UINT64_C(1) << x % 64;
}


uint64_t
social_bloom_load(social_bloom_t *bloom)
{
    uint32_t  current;

    /* no process ends a load whose filter is being emptied */

    bloom->load = 0;
    atomic_thread_fence(memory_order_seq_cst);

    current = atomic_load_explicit(&bloom->current, memory_order_relaxed);
    social_bloom_clear(bloom, &bloom->filters[!current]);

    atomic_thread_fence(memory_order_seq_cst);
    bloom->load = ++bloom->loads;

    return bloom->load;
}


void
social_bloom_replace(social_bloom_t *bloom)
{
    uint32_t  current;

    current = atomic_load_explicit(&bloom->current, memory_order_relaxed);
    atomic_store_explicit(&bloom->current, !current, memory_order_release);

    bloom->load = 0;
}


void
social_bloom_recover(social_bloom_t *bloom)
{
    size_t                  i;
    uint64_t                word;
    social_bloom_filter_t  *filter;

    for (filter = bloom->filters; filter < bloom->filters + 2; filter++) {

        filter->set = 0;

        for (i = 0; i < bloom->n; i++) {
            word = atomic_load_explicit(&filter->words[i],
                                        memory_order_relaxed);

            for ( /* void */ ; word; word &= word - 1) {
                filter->set++;
            }
        }
    }
}
