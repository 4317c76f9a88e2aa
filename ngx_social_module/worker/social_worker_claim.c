
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
#include <string.h>

#include "social_worker_clock.h"
#include "social_worker_log.h"
#include "social_worker_loop.h"
#include "social_worker_schema.h"


#define SOCIAL_WORKER_CLAIM_PRUNE  (10 * 60 * 1000)

/* milliseconds between its batches */
#define SOCIAL_WORKER_CLAIM_PAUSE  50


static size_t social_worker_claim_room(const social_worker_loop_t *loop);
static void social_worker_claim_send(social_worker_loop_t *loop, size_t n,
    bool shared);
static void social_worker_claim_answer(void *data, social_pq_outcome_e outcome,
    const social_pq_result_t *result);
static void social_worker_claim_take(social_worker_loop_t *loop,
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
    loop->next_poll = 0;

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
    size_t  room;

    if (social_worker_link_notified(loop->claims)) {
        loop->next_poll = 0;

        /* or a job that is held was cancelled */

        if (!TAILQ_EMPTY(&loop->held)
            && loop->next_beat > loop->beat_sent + 500)
        {
            loop->next_beat = loop->beat_sent + 500;
        }
    }

    if (!social_worker_link_up(loop->claims) || loop->claiming
        || loop->checking || loop->stop)
    {
        return;
    }

    room = social_worker_claim_room(loop);

    if (now >= loop->next_poll && room > 0 && now < loop->lease_until
        && social_worker_result_lingers(loop, now) == 0)
    {
        social_worker_claim_send(loop, room, false);
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
    size_t  room;

    if (!social_worker_link_up(loop->claims) || loop->claiming
        || loop->checking || loop->stop || loop->ahead == 0
        || now < loop->apart || now < loop->next_poll
        || now >= loop->lease_until)
    {
        return false;
    }

    room = social_worker_claim_room(loop);

    if (room > 0) {
        social_worker_claim_send(loop, room, true);
    }

    return loop->claiming;
}


long long
social_worker_claim_deadline(const social_worker_loop_t *loop)
{
    long long  until, now;

    until = LLONG_MAX;

    if (loop->stop || loop->claiming || loop->checking
        || !social_worker_link_up(loop->claims))
    {
        return until;
    }

    now = social_worker_now();

    /* a lease that has ended is not waited for here: an answer comes, or not */

    if (social_worker_claim_room(loop) > 0 && now < loop->lease_until) {
        until = social_worker_result_lingers(loop, now);
        until = until > 0 ? until : loop->next_poll;
    }

    if (!loop->once && !loop->pruning && loop->next_prune < until) {
        until = loop->next_prune;
    }

    return until;
}


static size_t
social_worker_claim_room(const social_worker_loop_t *loop)
{
    size_t  most;

    /* what cannot be recorded is not added to */

    if (loop->unrecorded >= loop->slot_count + SOCIAL_WORKER_LOOP_AHEAD) {
        return 0;
    }

    /* no more than are recorded in one statement, where threads are fewer */

    most = loop->slot_count + loop->ahead;

    if (most > SOCIAL_WORKER_LOOP_AHEAD) {
        most = loop->slot_count > SOCIAL_WORKER_LOOP_AHEAD
               ? loop->slot_count : SOCIAL_WORKER_LOOP_AHEAD;
    }

    return loop->active < most ? most - loop->active : 0;
}


static void
social_worker_claim_send(social_worker_loop_t *loop, size_t n, bool shared)
{
    char         count[24], suspects[24];
    size_t       lane;
    const char  *params[5];

    /* suspects have half of the threads, so that they never have all */

    lane = loop->slot_count > 1 ? loop->slot_count / 2 : 1;

    snprintf(count, sizeof(count), "%zu", n);
    snprintf(suspects, sizeof(suspects), "%zu",
             loop->suspects < lane ? lane - loop->suspects : 0);

    params[0] = loop->conf->queue;
    params[1] = loop->name;
    params[2] = loop->lease;
    params[3] = count;
    params[4] = suspects;

    loop->wanted = n;
    loop->claiming = (shared ? social_worker_link_add : social_worker_link_send)
                     (loop->claims, &social_worker_claim_sql, params, 5,
                      SOCIAL_WORKER_LOOP_LIMIT, social_worker_claim_answer,
                      loop);

    if (!loop->claiming) {
        loop->next_poll = social_worker_now()
                          + social_worker_jitter(loop->conf->poll);
    }
}


static void
social_worker_claim_answer(void *data, social_pq_outcome_e outcome,
    const social_pq_result_t *result)
{
    social_worker_loop_t  *loop = data;

    size_t     n;
    long long  now;

    now = social_worker_now();
    loop->claiming = false;
    loop->next_poll = now + social_worker_jitter(loop->conf->poll);

    if (outcome == SOCIAL_PQ_ABORTED) {
        loop->next_poll = now;              /* the results were refused */
        return;
    }

    if (outcome != SOCIAL_PQ_OK) {
        loop->check = true;
        return;
    }

    n = social_pq_result_rows(result);

    if (n > 0) {
        social_worker_claim_take(loop, result);
        loop->claimed = now;
    }

    if (loop->stop) {
        social_worker_result_unbegun(loop);
    }

    /* there may be more where these were */

    if (n >= loop->wanted) {
        loop->next_poll = 0;
    }

    loop->drained = loop->once && n == 0 && TAILQ_EMPTY(&loop->held);
}


static void
social_worker_claim_take(social_worker_loop_t *loop,
    const social_pq_result_t *result)
{
    size_t                 i;
    social_worker_job_t   *job;
    social_worker_jobs_t   jobs;

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

        loop->active++;
        loop->suspects += job->suspect;
    }

    social_worker_work_give(&loop->work, &jobs);
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
