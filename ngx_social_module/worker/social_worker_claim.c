
/*
 * Claims: as many jobs as there are threads without one.
 *
 * Threads that have done what was claimed for them before the next claim can
 * be answered wait for the database.  Where jobs are as short as that, more
 * are claimed than there are threads: twice as many each time, until it is
 * enough; where they are longer, none, so that other workers get them.  Such
 * claims are one transaction with the results of the jobs before.
 */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "social_worker_clock.h"
#include "social_worker_log.h"
#include "social_worker_loop.h"
#include "social_worker_schema.h"


#define SOCIAL_WORKER_CLAIM_PRUNE  (10 * 60 * 1000)

/* milliseconds between its batches */
#define SOCIAL_WORKER_CLAIM_PAUSE  50


static bool social_worker_claim_due(const social_worker_lane_t *lane,
    long long now);
static size_t social_worker_claim_room(const social_worker_lane_t *lane);
static void social_worker_claim_send(social_worker_lane_t *lane, bool shared);
static void social_worker_claim_answer(void *data, social_pq_outcome_e outcome,
    const social_pq_result_t *result);
static void social_worker_claim_take(social_worker_lane_t *lane,
    const social_pq_result_t *result);
static void social_worker_claim_pruned(void *data, social_pq_outcome_e outcome,
    const social_pq_result_t *result);
static void social_worker_claim_schema(void *data,
    social_pq_outcome_e outcome, const social_pq_result_t *result);
static void social_worker_claim_listening(void *data,
    social_pq_outcome_e outcome, const social_pq_result_t *result);


static social_worker_statement_t  social_worker_claim_sql = {
    "SELECT id, fence, attempt, kind, payload, suspect, failures ? 'timeout'"
    " FROM social_jobs_claim($1, $2, $3, $4, $5)", false
};

static social_worker_statement_t  social_worker_claim_prune_sql = {
    "SELECT social_prune()", false
};

static social_worker_statement_t  social_worker_claim_listen_sql = {
    "LISTEN social_jobs", false
};

static social_worker_statement_t  social_worker_claim_schema_sql = {
    SOCIAL_WORKER_SCHEMA_SQL, false
};


void
social_worker_claim_listen(social_worker_loop_t *loop)
{
    social_worker_lanes_soon(loop);

    social_worker_link_send(loop->claims, &social_worker_claim_schema_sql,
                            NULL, 0, SOCIAL_WORKER_LOOP_LIMIT,
                            social_worker_claim_schema, loop);

    if (!loop->once && loop->conf->listen) {
        social_worker_link_send(loop->claims, &social_worker_claim_listen_sql,
                                NULL, 0, SOCIAL_WORKER_LOOP_LIMIT,
                                social_worker_claim_listening, loop);
    }

    social_worker_schedule_send(loop);
}


void
social_worker_claim_process(social_worker_loop_t *loop, long long now)
{
    size_t  i;

    if (social_worker_link_notified(loop->claims)) {
        social_worker_lanes_soon(loop);

        /* or a job that is held was cancelled */

        if (!TAILQ_EMPTY(&loop->held)
            && loop->next_beat > loop->beat_sent + 500)
        {
            loop->next_beat = loop->beat_sent + 500;
        }
    }

    /* a check waits for all claims to be answered */

    if (!social_worker_link_up(loop->claims) || loop->check || loop->checking
        || loop->stop)
    {
        return;
    }

    if (social_worker_result_lingers(loop, now) == 0) {
        for (i = 0; i < loop->lane_count; i++) {
            if (social_worker_claim_due(&loop->lanes[i], now)) {
                social_worker_claim_send(&loop->lanes[i], false);
            }
        }
    }

    if (now >= loop->next_prune && !loop->pruning && !loop->once) {
        loop->pruning = social_worker_link_send(loop->claims,
                            &social_worker_claim_prune_sql, NULL, 0,
                            SOCIAL_WORKER_LOOP_LIMIT,
                            social_worker_claim_pruned, loop);
        loop->next_prune = now + social_worker_jitter(
                                     SOCIAL_WORKER_CLAIM_PRUNE);
    }
}


bool
social_worker_claim_add(social_worker_loop_t *loop, long long now)
{
    size_t                 i;
    social_worker_lane_t  *lane;

    if (!social_worker_link_up(loop->claims) || loop->check || loop->checking
        || loop->stop || now < loop->apart)
    {
        return false;
    }

    for (i = 0; i < loop->lane_count; i++) {

        lane = &loop->lanes[i];

        if (lane->ahead > 0 && social_worker_claim_due(lane, now)) {
            social_worker_claim_send(lane, true);
            return lane->claiming;
        }
    }

    return false;
}


long long
social_worker_claim_deadline(const social_worker_loop_t *loop)
{
    size_t                       i;
    long long                    until, now, other, lingers;
    const social_worker_lane_t  *lane;

    until = LLONG_MAX;

    if (loop->stop || loop->check || loop->checking
        || !social_worker_link_up(loop->claims))
    {
        return until;
    }

    now = social_worker_now();
    lingers = social_worker_result_lingers(loop, now);

    /* a lease that has ended is not waited for here: an answer comes, or not */

    for (i = 0; i < loop->lane_count && now < loop->lease_until; i++) {

        lane = &loop->lanes[i];

        if (!lane->claiming && social_worker_claim_room(lane) > 0) {
            other = lingers > 0 ? lingers : lane->next_poll;
            until = other < until ? other : until;
        }
    }

    if (!loop->once && !loop->pruning && loop->next_prune < until) {
        until = loop->next_prune;
    }

    return until;
}


static bool
social_worker_claim_due(const social_worker_lane_t *lane, long long now)
{
    return !lane->claiming && now >= lane->next_poll
           && now < lane->loop->lease_until
           && social_worker_claim_room(lane) > 0;
}


static size_t
social_worker_claim_room(const social_worker_lane_t *lane)
{
    size_t                       most;
    const social_worker_loop_t  *loop;

    loop = lane->loop;

    /* what cannot be recorded is not added to */

    if (loop->unrecorded >= loop->slot_count + SOCIAL_WORKER_LOOP_AHEAD) {
        return 0;
    }

    /* no more than are recorded in one statement, where threads are fewer */

    most = lane->slot_count + lane->ahead;

    if (most > SOCIAL_WORKER_LOOP_AHEAD) {
        most = lane->slot_count > SOCIAL_WORKER_LOOP_AHEAD
               ? lane->slot_count : SOCIAL_WORKER_LOOP_AHEAD;
    }

    return lane->active < most ? most - lane->active : 0;
}


static void
social_worker_claim_send(social_worker_lane_t *lane, bool shared)
{
    char                   count[24], suspects[24];
    size_t                 half;
    const char            *params[5];
    social_worker_loop_t  *loop;

    loop = lane->loop;
    lane->wanted = social_worker_claim_room(lane);

    /* suspects have half of the threads, so that they never have all */

    half = lane->slot_count > 1 ? lane->slot_count / 2 : 1;

    snprintf(count, sizeof(count), "%zu", lane->wanted);
    snprintf(suspects, sizeof(suspects), "%zu",
             lane->suspects < half ? half - lane->suspects : 0);

    params[0] = lane->queue;
    params[1] = loop->name;
    params[2] = loop->lease;
    params[3] = count;
    params[4] = suspects;

    lane->claiming = (shared ? social_worker_link_add : social_worker_link_send)
                     (loop->claims, &social_worker_claim_sql, params, 5,
                      SOCIAL_WORKER_LOOP_LIMIT, social_worker_claim_answer,
                      lane);

    loop->claiming += lane->claiming;

    if (!lane->claiming) {
        lane->next_poll = social_worker_now()
                          + social_worker_jitter(loop->conf->poll);
    }
}


static void
social_worker_claim_answer(void *data, social_pq_outcome_e outcome,
    const social_pq_result_t *result)
{
    social_worker_lane_t  *lane = data;

    size_t                 n;
    long long              now;
    social_worker_loop_t  *loop;

    loop = lane->loop;
    now = social_worker_now();
    lane->claiming = false;
    loop->claiming--;
    lane->next_poll = now + social_worker_jitter(loop->conf->poll);

    if (outcome == SOCIAL_PQ_ABORTED) {
        lane->next_poll = now;              /* the results were refused */
        return;
    }

    if (outcome != SOCIAL_PQ_OK) {
        loop->check = true;
        return;
    }

    n = social_pq_result_rows(result);

    if (n > 0) {
        social_worker_claim_take(lane, result);
        lane->claimed = now;
    }

    if (loop->stop) {
        social_worker_result_unbegun(loop);
    }

    /* there may be more where these were */

    if (n >= lane->wanted) {
        lane->next_poll = 0;
    }

    lane->drained = (n == 0);
}


static void
social_worker_claim_take(social_worker_lane_t *lane,
    const social_pq_result_t *result)
{
    size_t                 i;
    social_worker_job_t   *job;
    social_worker_jobs_t   jobs;
    social_worker_loop_t  *loop;

    loop = lane->loop;
    STAILQ_INIT(&jobs);

    for (i = 0; i < social_pq_result_rows(result); i++) {

        job = social_worker_job_create(result, i, loop->conf);

        if (job == NULL) {

            /* what is not known is released */

            social_worker_log(SOCIAL_WORKER_ERROR, "job not started",
                              social_worker_text("error", "no memory"));
            loop->check = true;
            continue;
        }

        TAILQ_INSERT_TAIL(&loop->held, job, held);
        STAILQ_INSERT_TAIL(&jobs, job, next);

        job->lane = (size_t) (lane - loop->lanes);

        loop->active++;
        lane->active++;
        lane->suspects += job->suspect;
    }

    social_worker_work_give(&loop->work, (size_t) (lane - loop->lanes), &jobs);
}


static void
social_worker_claim_pruned(void *data, social_pq_outcome_e outcome,
    const social_pq_result_t *result)
{
    social_worker_loop_t  *loop = data;

    social_str_t  rows;

    loop->pruning = false;

    /* a batch at a time, and between them what else is to be done */

    if (outcome == SOCIAL_PQ_OK
        && social_pq_result_value(result, 0, 0, &rows)
        && !social_str_eq(rows, social_str("0")))
    {
        loop->next_prune = social_worker_now()
                           + social_worker_jitter(SOCIAL_WORKER_CLAIM_PAUSE);
    }
}


/* after each connection, logged when it has changed */

static void
social_worker_claim_schema(void *data, social_pq_outcome_e outcome,
    const social_pq_result_t *result)
{
    social_worker_loop_t  *loop = data;

    bool          usable;
    char          version[16];
    size_t        len;
    const char   *what;
    social_str_t  value;

    if (outcome == SOCIAL_PQ_BROKEN) {
        return;
    }

    len = 0;

    if (outcome == SOCIAL_PQ_OK
        && social_pq_result_value(result, 0, 0, &value))
    {
        len = value.len < sizeof(version) ? value.len : sizeof(version) - 1;
        memcpy(version, value.data, len);
    }

    version[len] = '\0';
    loop->applied = strtol(version, NULL, 10);
    what = social_worker_schema_check(version, &usable);

    if (what != NULL && what != loop->schema) {
        social_worker_log(usable ? SOCIAL_WORKER_WARN : SOCIAL_WORKER_ERROR,
                          "schema does not match",
                          social_worker_text("schema", version),
                          social_worker_text("error", what));
    }

    loop->schema = what;
}


static void
social_worker_claim_listening(void *data, social_pq_outcome_e outcome,
    const social_pq_result_t *result)
{
    (void) data;
    (void) outcome;                         /* polling finds jobs without it */
    (void) result;
}
