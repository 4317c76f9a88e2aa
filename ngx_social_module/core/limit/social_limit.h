
/*
 * Limits on requests: the bucket of a key, and the share of a limit that each
 * of several gateways has.
 */

#ifndef SOCIAL_LIMIT_H
#define SOCIAL_LIMIT_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_LIMIT_MAX      1000000000    /* requests of a period */
#define SOCIAL_LIMIT_MAX_WAIT 3600000       /* ms */


typedef enum {
    SOCIAL_LIMIT_SECOND = 0,     /* rates: so many on average */
    SOCIAL_LIMIT_MINUTE,
    SOCIAL_LIMIT_HOUR,
    SOCIAL_LIMIT_DAY,            /* quotas: so many from its first second to */
    SOCIAL_LIMIT_WEEK,           /* its last, in UTC; a week begins on Monday */
    SOCIAL_LIMIT_MONTH
} social_limit_period_e;


/*
 * A limit of one key, of all gateways together.
 */
typedef struct {
    social_limit_period_e   period;
    uint64_t                n;         /* requests in it */
    double                  rate;      /* requests a millisecond; 0: a quota */
    double                  burst;     /* requests at once; of a quota "n" */
} social_limit_t;


/*
 * What is left to a key at this gateway.
 */
typedef struct {
    double                  tokens;    /* requests that may come at once */
    int64_t                 last;      /* when it was so: of a rate in ms, of a
                                          quota its period's first second */
} social_limit_bucket_t;


typedef struct {
    uint64_t                remaining; /* requests that may come at once now */
    int64_t                 wait;      /* ms until the next one may, or 0 */
    int64_t                 full;      /* ms until all of them may */
} social_limit_state_t;


/*
 * Reads "100r/s", "r/m", "r/h": a rate, or with "quota" "1000r/day", "r/week",
 * "r/month", of 1 to SOCIAL_LIMIT_MAX requests.  The burst of a rate is what
 * comes in a second of it, and at least 1.  SOCIAL_MALFORMED: it is neither.
 */
social_rc_e social_limit_parse(social_str_t text, bool quota,
    social_limit_t *limit);

/*
 * The period of a quota that "now" (seconds since the epoch) is in: its first
 * second, and that of the next one.
 */
void social_limit_period(social_limit_period_e period, int64_t now,
    int64_t *first, int64_t *next);

/*
 * Fills a bucket that is new, or of a period that is over.  "share" is this
 * gateway's part of the limit, 0 to 1; "now" is in milliseconds of a clock that
 * is never set, for a quota the period's first second.
 */
void social_limit_fill(const social_limit_t *limit, double share, int64_t now,
    social_limit_bucket_t *bucket);

/*
 * Takes one request out of a bucket, and tells what is left.  Whether it was
 * there; a bucket in which it was not is not changed, but for time.  What time
 * adds is "share" of the limit, and so is what fits in, but for one request,
 * which always does.  A clock that goes back adds nothing.  Of a quota "full"
 * and "wait" are 0: only its caller knows when the period ends.
 */
bool social_limit_take(const social_limit_t *limit, double share, int64_t now,
    social_limit_bucket_t *bucket, social_limit_state_t *state);

/*
 * Gives back one that was taken.
 */
void social_limit_give(const social_limit_t *limit, double share,
    social_limit_bucket_t *bucket);

/*
 * What of a quota is left to a gateway with that share, in whole requests, when
 * "used" of it were used by all.
 */
double social_limit_left(const social_limit_t *limit, double share,
    uint64_t used);

/*
 * How many requests in "time" milliseconds are as many as the limit allows: a
 * half of an n-th of it is what one of n gateways may have before the others
 * are to know.
 */
double social_limit_expected(const social_limit_t *limit, int64_t time);

/*
 * A gateway's demand, in requests a second, when "n" came within "time"
 * milliseconds: the mean of what it was before and this, by their times, where
 * that before counts for "window" milliseconds.  0 of it: there was none.
 */
double social_limit_demand(double before, int64_t window, uint64_t n,
    int64_t time);

/*
 * A gateway's share of a limit, 0 to 1, by its own demand and those of "n"
 * others, in requests a second.  Where the limit is enough for all, each has
 * what it demands and an equal part of the rest; else all have parts as their
 * demands are.  All gateways that know the same demands have shares that add
 * up to 1.
 */
double social_limit_share(const social_limit_t *limit, double own,
    double others, uint64_t n);


#endif /* SOCIAL_LIMIT_H */
