
/*
 * The schedules of the configuration, which the database keeps.
 */

#include <inttypes.h>
#include <stdio.h>

#include "social_worker_loop.h"


static void social_worker_schedule_ignore(void *data,
    social_pq_outcome_e outcome, const social_pq_result_t *result);


/* a start is wall-clock time of the zone */

static social_worker_statement_t  social_worker_schedule_sql = {
    "SELECT social_schedule_set($1, $2, $3, $4, $5, $6,"
    " coalesce($7::timestamp AT TIME ZONE $8, now()), $8)", false
};


void
social_worker_schedule_send(social_worker_loop_t *loop)
{
    char                             every[48], priority[16];
    size_t                           i;
    const char                      *params[8];
    const social_worker_schedule_t  *schedule;

    for (i = 0; i < loop->conf->schedule_count; i++) {

        schedule = &loop->conf->schedules[i];

        snprintf(every, sizeof(every), "%" PRIu64 " milliseconds",
                 schedule->every);
        snprintf(priority, sizeof(priority), "%" PRIu32, schedule->priority);

        params[0] = schedule->name;
        params[1] = schedule->kind;
        params[2] = every;
        params[3] = schedule->payload;
        params[4] = schedule->queue;
        params[5] = priority;
        params[6] = schedule->start;
        params[7] = schedule->zone;

        if (!social_worker_link_send(loop->claims, &social_worker_schedule_sql,
                                     params, 8, SOCIAL_WORKER_LOOP_LIMIT,
                                     social_worker_schedule_ignore, loop))
        {
            return;                         /* the next connection does it */
        }
    }
}


/* one that is refused is logged as any statement is */

static void
social_worker_schedule_ignore(void *data, social_pq_outcome_e outcome,
    const social_pq_result_t *result)
{
    (void) data;
    (void) outcome;
    (void) result;
}
