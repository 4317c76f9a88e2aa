
/*
 * Limits on requests: the bucket of a key, and shares.
 *
 * DESIGN.  A bucket holds "burst" requests, is full at first, and is filled at
 * the rate of the limit, both times the gateway's share.  A request that finds
 * less than one in it is refused and takes nothing: a client that goes on
 * asking is served at the rate of the limit, and not kept out for ever.
 *
 * The arithmetic is that of doubles, which count requests exactly up to 2^53;
 * every sum is bounded by the bucket, and every quotient is checked.
 */

#include "social_limit.h"


/* a tenth ten times is less than one */
#define SOCIAL_LIMIT_ONE  (1.0 - 1e-6)

/* ms: what one process may be behind another; more, and the clock was set */
#define SOCIAL_LIMIT_BEHIND  60000


static double social_limit_room(const social_limit_t *limit, double share);
static int64_t social_limit_time(double tokens, double rate);


void
social_limit_fill(const social_limit_t *limit, double share, int64_t now,
    social_limit_bucket_t *bucket)
{
    bucket->tokens = social_limit_room(limit, share);
    bucket->last = now;
}


static double
social_limit_room(const social_limit_t *limit, double share)
{
    double  room;

    room = limit->burst * share;

    return room >= 1 ? room : 1;
}


bool
social_limit_take(const social_limit_t *limit, double share, int64_t now,
    social_limit_bucket_t *bucket, social_limit_state_t *state)
{
    bool    taken;
    double  room, rate;

    rate = limit->rate * share;
    room = social_limit_room(limit, share);

    if (limit->rate > 0) {

        if (now > bucket->last) {
            bucket->tokens += (double) (now - bucket->last) * rate;
            bucket->last = now;

        } else if (bucket->last - now > SOCIAL_LIMIT_BEHIND) {
            bucket->last = now;
        }

        /* else: what was added up to "last" is not added again */

        if (bucket->tokens > room) {
            bucket->tokens = room;
        }
    }

    taken = bucket->tokens >= SOCIAL_LIMIT_ONE;

    if (taken) {
        bucket->tokens -= 1;

        if (bucket->tokens < 0) {
            bucket->tokens = 0;
        }
    }

    state->remaining = (uint64_t) (bucket->tokens + (1 - SOCIAL_LIMIT_ONE));
    state->wait = 0;
    state->full = 0;

    if (limit->rate > 0) {
        state->full = social_limit_time(room - bucket->tokens, rate);

        if (!taken) {
            state->wait = social_limit_time(1 - bucket->tokens, rate);
        }
    }

    return taken;
}


/*
 * The time, in ms, in which so many come; a share of nearly nothing will not
 * stay what it is.
 */

static int64_t
social_limit_time(double tokens, double rate)
{
    if (tokens <= 0) {
        return 0;
    }

    if (tokens >= rate * SOCIAL_LIMIT_MAX_WAIT) {
        return SOCIAL_LIMIT_MAX_WAIT;
    }

    return (int64_t) (tokens / rate) + 1;
}


void
social_limit_give(const social_limit_t *limit, double share,
    social_limit_bucket_t *bucket)
{
    double  room;

    room = social_limit_room(limit, share);

    bucket->tokens += 1;

    if (limit->rate > 0 && bucket->tokens > room) {
        bucket->tokens = room;
    }
}


double
social_limit_left(const social_limit_t *limit, double share, uint64_t used)
{
    double  left;

    if (used >= limit->n) {
        return 0;
    }

    left = (double) (limit->n - used) * share;

    /* not more than there is, when all gateways do so */

    return (double) (uint64_t) (left + (1 - SOCIAL_LIMIT_ONE));
}


double
social_limit_expected(const social_limit_t *limit, int64_t time)
{
    return limit->rate > 0 ? limit->rate * (double) time : (double) limit->n;
}


double
social_limit_demand(double before, int64_t window, uint64_t n, int64_t time)
{
    double  now;

    if (time < 1) {
        time = 1;
    }

    if (window < 0) {
        window = 0;
    }

    now = (double) n * 1000 / (double) time;

    return (before * (double) window + now * (double) time)
           / ((double) window + (double) time);
}


double
social_limit_share(const social_limit_t *limit, double own, double others,
    uint64_t n)
{
    double  sum, rate;

    if (n == 0) {
        return 1;
    }

    if (own < 0) {
        own = 0;
    }

    if (others < 0) {
        others = 0;
    }

    /* a quota has no rate that a demand could be compared with */

    rate = limit->rate > 0 ? limit->rate * 1000 : 0;
    sum = own + others;

    if (sum >= rate && sum > 0) {
        return own / sum;
    }

    if (rate > 0) {
        return (own + (rate - sum) / (double) (n + 1)) / rate;
    }

    return 1 / (double) (n + 1);
}
