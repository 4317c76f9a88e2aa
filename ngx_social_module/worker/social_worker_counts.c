
/*
 * What a worker has counted, sent to the database at an interval, for the
 * status of gateways.  Numbers only grow, so that one that is lost is made up
 * for by the next.
 */

#include <limits.h>
#include <stdio.h>

#include "social_worker_clock.h"
#include "social_worker_loop.h"


#define SOCIAL_WORKER_COUNTS_INTERVAL  10000       /* milliseconds */

/* the migration that has the function */
#define SOCIAL_WORKER_COUNTS_SCHEMA    24


static void social_worker_counts_sent(void *data, social_pq_outcome_e outcome,
    const social_pq_result_t *result);


static social_worker_statement_t  social_worker_counts_sql = {
    "SELECT social_worker_counts($1, $2)", false
};


void
social_worker_counts_process(social_worker_loop_t *loop, long long now)
{
    char                          text[512];
    const char                   *params[2];
    const social_worker_counts_t *c;

    if (loop->counting || now < loop->next_counts
        || loop->applied < SOCIAL_WORKER_COUNTS_SCHEMA
        || !social_worker_link_up(loop->results))
    {
        return;
    }

    c = &loop->counts;

    snprintf(text, sizeof(text),
             "{\"done\":%lld,\"permanent\":%lld,\"unavailable\":%lld,"
             "\"missing\":%lld,\"timeout\":%lld,\"died\":%lld,"
             "\"lost\":%lld,\"busy\":%lld}",
             c->done, c->failed[SOCIAL_WORKER_PERMANENT],
             c->failed[SOCIAL_WORKER_UNAVAILABLE],
             c->failed[SOCIAL_WORKER_MISSING],
             c->failed[SOCIAL_WORKER_TIMEOUT],
             c->failed[SOCIAL_WORKER_DECODER_DIED], c->lost, c->busy);

    params[0] = loop->name;
    params[1] = text;

    loop->next_counts = now + SOCIAL_WORKER_COUNTS_INTERVAL;
    loop->counting = social_worker_link_send(loop->results,
                         &social_worker_counts_sql, params, 2,
                         SOCIAL_WORKER_LOOP_LIMIT, social_worker_counts_sent,
                         loop);
}


long long
social_worker_counts_deadline(const social_worker_loop_t *loop)
{
    return loop->counting || loop->applied < SOCIAL_WORKER_COUNTS_SCHEMA
           || !social_worker_link_up(loop->results)
           ? LLONG_MAX : loop->next_counts;
}


static void
social_worker_counts_sent(void *data, social_pq_outcome_e outcome,
    const social_pq_result_t *result)
{
    social_worker_loop_t  *loop = data;

    (void) outcome;
    (void) result;

    loop->counting = false;
}
