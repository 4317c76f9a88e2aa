
/*
 * What became of jobs, recorded in the database; and what threads ask it.
 *
 * Every statement names the fence of the job, so that it does nothing when the
 * job is somebody else's, and nothing more when it is sent again because its
 * answer was lost.  Those that were refused together are sent again one by
 * one; one that waits for somebody's lock is sent until it is recorded, or the
 * job is lost.
 *
 * Where jobs are short, results have the transaction of the next claim, so that
 * both wait for the disk once.
 */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "social_worker_array.h"
#include "social_worker_clock.h"
#include "social_worker_log.h"
#include "social_worker_loop.h"


/* the most statements at a time, and how often one is tried that is refused */
#define SOCIAL_WORKER_RESULT_SENDING  16
#define SOCIAL_WORKER_RESULT_TRIES    5

/* milliseconds between tries */
#define SOCIAL_WORKER_RESULT_PAUSE    400


typedef struct {
    social_worker_loop_t  *loop;
    bool                   shared;         /* with a claim */
    size_t                 n;
    social_worker_job_t   *jobs[SOCIAL_WORKER_LOOP_AHEAD];
} social_worker_batch_t;


static void social_worker_result_take(social_worker_loop_t *loop,
    long long now);
static void social_worker_result_finish(social_worker_loop_t *loop,
    social_worker_batch_t *batch);
static void social_worker_result_finished(void *data,
    social_pq_outcome_e outcome, const social_pq_result_t *result);
static void social_worker_result_of(social_worker_loop_t *loop,
    social_worker_job_t *job, const social_pq_result_t *result, size_t *at);
static void social_worker_result_fail(social_worker_loop_t *loop,
    social_worker_job_t *job);
static void social_worker_result_failed(void *data,
    social_pq_outcome_e outcome, const social_pq_result_t *result);
static void social_worker_result_again(social_worker_loop_t *loop,
    social_worker_job_t *job, social_pq_outcome_e outcome,
    const social_pq_result_t *result);
static bool social_worker_result_waits(const social_pq_result_t *result);
static void social_worker_result_ask(social_worker_loop_t *loop);
static void social_worker_result_answer(void *data,
    social_pq_outcome_e outcome, const social_pq_result_t *result);
static void social_worker_result_ignore(void *data,
    social_pq_outcome_e outcome, const social_pq_result_t *result);
static void social_worker_result_drop(social_worker_loop_t *loop,
    social_worker_job_t *job);
static void social_worker_result_log_done(const social_worker_job_t *job);
static void social_worker_result_log_failed(const social_worker_job_t *job,
    const char *state);
static void social_worker_result_log_lost(const social_worker_job_t *job);


static social_worker_statement_t  social_worker_result_finish_sql = {
    "SELECT id, state FROM social_jobs_finish($1, $2, $3, $4)", false
};

static social_worker_statement_t  social_worker_result_fail_sql = {
    "SELECT social_job_fail($1, $2, $3, $4, $5, $6, $7)", false
};

static social_worker_statement_t  social_worker_result_release_sql = {
    "SELECT social_jobs_release($1, $2, $3)", false
};

static social_worker_statement_t  social_worker_result_leave_sql = {
    "SELECT social_worker_leave($1)", false
};

static social_worker_statement_t  social_worker_result_lock_sql = {
    "SELECT social_avatar_lock($1, $2, $3, $4, $5)", false
};


/* as social_job_fail() knows them, by social_worker_failure_e */

static const char *const  social_worker_result_classes[] = {
    "permanent", "unavailable", "missing", "timeout", "died"
};


void
social_worker_result_process(social_worker_loop_t *loop, long long now)
{
    social_worker_job_t    *job, *next;
    social_worker_jobs_t    jobs;
    social_worker_batch_t  *batch;

    social_worker_result_take(loop, now);
    social_worker_result_ask(loop);

    /* one after the other, so that what comes meanwhile goes together */

    if (loop->sending > 0 || !social_worker_link_up(loop->results)
        || social_worker_result_lingers(loop, now) > 0)
    {
        return;
    }

    batch = NULL;

    /* those that cannot be sent come back while the others are */

    STAILQ_INIT(&jobs);
    STAILQ_CONCAT(&jobs, &loop->ended);

    while ((job = STAILQ_FIRST(&jobs)) != NULL) {

        STAILQ_REMOVE_HEAD(&jobs, next);
        next = STAILQ_FIRST(&jobs);

        if (job->not_before > now
            || loop->sending >= SOCIAL_WORKER_RESULT_SENDING)
        {
            STAILQ_INSERT_TAIL(&loop->ended, job, next);
            continue;
        }

        if (job->outcome == SOCIAL_WORKER_FAILED) {
            social_worker_result_fail(loop, job);
            continue;
        }

        if (batch == NULL) {
            batch = calloc(1, sizeof(social_worker_batch_t));

            if (batch == NULL) {
                job->not_before = now + SOCIAL_WORKER_RESULT_PAUSE;
                STAILQ_INSERT_TAIL(&loop->ended, job, next);
                continue;
            }

            batch->loop = loop;
        }

        batch->jobs[batch->n++] = job;

        if (job->alone || batch->n == SOCIAL_WORKER_LOOP_AHEAD
            || (next != NULL && next->alone))
        {
            social_worker_result_finish(loop, batch);
            batch = NULL;
        }
    }

    if (batch != NULL) {
        social_worker_result_finish(loop, batch);
    }
}


long long
social_worker_result_deadline(const social_worker_loop_t *loop)
{
    long long                   until, lingers;
    const social_worker_job_t  *job;

    until = LLONG_MAX;

    if (loop->sending > 0 || !social_worker_link_up(loop->results)) {
        return until;
    }

    lingers = social_worker_result_lingers(loop, social_worker_now());

    if (lingers > 0) {
        return lingers;
    }

    STAILQ_FOREACH(job, &loop->ended, next) {
        if (job->not_before < until) {
            until = job->not_before;
        }
    }

    return until;
}


long long
social_worker_result_lingers(const social_worker_loop_t *loop, long long now)
{
    size_t                       i;
    long long                    from, until;
    const social_worker_lane_t  *lane;

    until = 0;

    if (loop->stop || STAILQ_EMPTY(&loop->ended)
        || loop->unrecorded >= SOCIAL_WORKER_LOOP_AHEAD)
    {
        return 0;
    }

    for (i = 0; i < loop->lane_count; i++) {

        lane = &loop->lanes[i];

        if (lane->ahead > 0 && lane->active > 0) {
            from = loop->ended_at > lane->claimed ? loop->ended_at
                                                  : lane->claimed;
            until = from > until ? from : until;
        }
    }

    until += SOCIAL_WORKER_LOOP_LINGER;

    return now < until ? until : 0;
}


/* what the threads have handed back */

static void
social_worker_result_take(social_worker_loop_t *loop, long long now)
{
    social_worker_job_t   *job;
    social_worker_jobs_t   jobs;
    social_worker_lane_t  *lane;

    STAILQ_INIT(&jobs);
    social_worker_work_ended(&loop->work, &jobs);

    while ((job = STAILQ_FIRST(&jobs)) != NULL) {

        STAILQ_REMOVE_HEAD(&jobs, next);

        lane = &loop->lanes[job->lane];

        job->ended = true;
        loop->active--;
        lane->active--;
        lane->suspects -= job->suspect;
        lane->next_poll = 0;                /* a thread is idle */

        if (now - lane->claimed > SOCIAL_WORKER_LOOP_SHORT) {
            lane->ahead = 0;

        } else if (lane->active == 0) {
            lane->ahead = lane->ahead ? lane->ahead * 2 : lane->slot_count;
            lane->ahead = lane->ahead < SOCIAL_WORKER_LOOP_AHEAD
                          ? lane->ahead : SOCIAL_WORKER_LOOP_AHEAD;
        }

        if (job->outcome == SOCIAL_WORKER_LOST) {
            loop->counts.lost++;
            social_worker_result_log_lost(job);
            social_worker_result_drop(loop, job);
            continue;
        }

        if (STAILQ_EMPTY(&loop->ended)) {
            loop->ended_at = now;
        }

        loop->unrecorded++;
        STAILQ_INSERT_TAIL(&loop->ended, job, next);
    }
}


static void
social_worker_result_finish(social_worker_loop_t *loop,
    social_worker_batch_t *batch)
{
    size_t                 i;
    const char            *params[4];
    social_worker_link_t  *link;
    social_worker_array_t  ids, fences, results;

    social_worker_array_init(&ids);
    social_worker_array_init(&fences);
    social_worker_array_init(&results);

    for (i = 0; i < batch->n; i++) {
        social_worker_array_add(&ids, batch->jobs[i]->id);
        social_worker_array_add(&fences, batch->jobs[i]->fence);
        social_worker_array_add(&results, batch->jobs[i]->result);
    }

    params[0] = loop->name;
    params[1] = social_worker_array_text(&ids);
    params[2] = social_worker_array_text(&fences);
    params[3] = social_worker_array_text(&results);

    loop->sending++;

    if (params[1] == NULL || params[2] == NULL || params[3] == NULL) {
        social_worker_result_finished(batch, SOCIAL_PQ_BROKEN, NULL);

    } else {

        batch->shared = !batch->jobs[0]->alone
                        && loop->share(loop, social_worker_now());
        link = batch->shared ? loop->claims : loop->results;

        if (!social_worker_link_send(link, &social_worker_result_finish_sql,
                                     params, 4, SOCIAL_WORKER_LOOP_LIMIT,
                                     social_worker_result_finished, batch))
        {
            social_worker_result_finished(batch, SOCIAL_PQ_BROKEN, NULL);
        }
    }

    social_worker_array_free(&ids);
    social_worker_array_free(&fences);
    social_worker_array_free(&results);
}


static void
social_worker_result_finished(void *data, social_pq_outcome_e outcome,
    const social_pq_result_t *result)
{
    social_worker_batch_t  *batch = data;

    size_t                 i, at;
    social_worker_loop_t  *loop;

    at = 0;
    loop = batch->loop;
    loop->sending--;

    if (outcome != SOCIAL_PQ_OK && batch->shared) {
        loop->apart = social_worker_now() + SOCIAL_WORKER_LOOP_APART;
    }

    for (i = 0; i < batch->n; i++) {

        if (outcome == SOCIAL_PQ_OK) {
            social_worker_result_of(loop, batch->jobs[i], result, &at);
            continue;
        }

        /* it was the claim that was refused */

        if (outcome == SOCIAL_PQ_ABORTED) {
            STAILQ_INSERT_TAIL(&loop->ended, batch->jobs[i], next);
            continue;
        }

        /* whose fault it is shows when they are sent one by one */

        if (outcome == SOCIAL_PQ_REFUSED && batch->n > 1) {
            batch->jobs[i]->alone = true;
            STAILQ_INSERT_TAIL(&loop->ended, batch->jobs[i], next);
            continue;
        }

        social_worker_result_again(loop, batch->jobs[i], outcome, result);
    }

    free(batch);
}


/*
 * One of a batch: the rows are of those that are recorded, usually in their
 * order, "*at" being behind the row of the last one.
 */

static void
social_worker_result_of(social_worker_loop_t *loop, social_worker_job_t *job,
    const social_pq_result_t *result, size_t *at)
{
    char          state[32];
    size_t        i, n, row;
    social_str_t  value;

    n = social_pq_result_rows(result);
    row = n;

    for (i = 0; i < n; i++) {

        row = (*at + i) % n;

        if (social_pq_result_value(result, row, 0, &value)
            && social_str_eq(value, social_str(job->id)))
        {
            *at = row + 1;
            break;
        }
    }

    if (i == n || !social_pq_result_value(result, row, 1, &value)) {
        loop->counts.lost++;
        social_worker_result_log_lost(job);

    } else if (social_str_eq(value, social_str("done"))) {
        loop->counts.done++;
        loop->counts.busy += job->summary.ms;
        social_worker_result_log_done(job);

    } else {
        snprintf(state, sizeof(state), "%.*s", (int) value.len, value.data);
        job->failure = SOCIAL_WORKER_UNAVAILABLE;
        snprintf(job->error, sizeof(job->error),
                 "the result was not recorded");
        loop->counts.failed[job->failure]++;
        social_worker_result_log_failed(job, state);
    }

    loop->unrecorded--;
    social_worker_result_drop(loop, job);
}


static void
social_worker_result_fail(social_worker_loop_t *loop, social_worker_job_t *job)
{
    char                    after[48];
    const char             *params[7];
    social_worker_batch_t  *batch;

    snprintf(after, sizeof(after), "%lld milliseconds", job->after);

    params[0] = job->id;
    params[1] = job->fence;
    params[2] = loop->name;
    params[3] = social_worker_result_classes[job->failure];
    params[4] = job->error;
    params[5] = job->reason;
    params[6] = job->after > 0 ? after : NULL;

    batch = calloc(1, sizeof(social_worker_batch_t));

    if (batch == NULL) {
        job->not_before = social_worker_now() + SOCIAL_WORKER_RESULT_PAUSE;
        STAILQ_INSERT_TAIL(&loop->ended, job, next);
        return;
    }

    batch->loop = loop;
    batch->jobs[batch->n++] = job;

    loop->sending++;

    if (!social_worker_link_send(loop->results,
                                 &social_worker_result_fail_sql, params, 7,
                                 SOCIAL_WORKER_LOOP_LIMIT,
                                 social_worker_result_failed, batch))
    {
        social_worker_result_failed(batch, SOCIAL_PQ_BROKEN, NULL);
    }
}


static void
social_worker_result_failed(void *data, social_pq_outcome_e outcome,
    const social_pq_result_t *result)
{
    social_worker_batch_t  *batch = data;

    char                   state[32];
    social_str_t           value;
    social_worker_job_t   *job;
    social_worker_loop_t  *loop;

    job = batch->jobs[0];
    loop = batch->loop;
    loop->sending--;
    free(batch);

    if (outcome != SOCIAL_PQ_OK) {
        social_worker_result_again(loop, job, outcome, result);
        return;
    }

    if (social_pq_result_value(result, 0, 0, &value)) {
        snprintf(state, sizeof(state), "%.*s", (int) value.len, value.data);
        loop->counts.failed[job->failure]++;
        social_worker_result_log_failed(job, state);

    } else {
        loop->counts.lost++;
        social_worker_result_log_failed(job, "lost");
    }

    loop->unrecorded--;
    social_worker_result_drop(loop, job);
}


/*
 * What was not recorded: because nobody answered, because somebody holds a
 * lock, or because the server would not have it, and will not another time.
 */

static void
social_worker_result_again(social_worker_loop_t *loop,
    social_worker_job_t *job, social_pq_outcome_e outcome,
    const social_pq_result_t *result)
{
    job->not_before = social_worker_now()
                      + social_worker_jitter(SOCIAL_WORKER_RESULT_PAUSE);

    if (outcome == SOCIAL_PQ_REFUSED && !social_worker_result_waits(result)
        && ++job->tries >= SOCIAL_WORKER_RESULT_TRIES)
    {
        if (job->outcome == SOCIAL_WORKER_FAILED) {
            social_worker_log(SOCIAL_WORKER_ERROR, "job not recorded",
                              social_worker_text("job", job->id),
                              social_worker_text("error",
                                  social_pq_result_message(result)));
            loop->unrecorded--;
            social_worker_result_drop(loop, job);
            return;
        }

        job->tries = 0;
        job->outcome = SOCIAL_WORKER_FAILED;
        job->failure = SOCIAL_WORKER_UNAVAILABLE;
        snprintf(job->error, sizeof(job->error),
                 "the result was not recorded: %.250s",
                 social_pq_result_message(result));
        snprintf(job->reason, sizeof(job->reason), "%s",
                 SOCIAL_WORKER_REASON_OURS);
    }

    STAILQ_INSERT_TAIL(&loop->ended, job, next);
}


/*
 * Whether it was a lock, or time, that was in the way: lock_not_available,
 * query_canceled, and those of transactions.  (PostgreSQL, Appendix A)
 */

static bool
social_worker_result_waits(const social_pq_result_t *result)
{
    size_t             i;
    const char        *state;
    const char *const  states[] = { "55P03", "57014", "40001", "40P01" };

    state = social_pq_result_sqlstate(result);

    for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (strcmp(state, states[i]) == 0) {
            return true;
        }
    }

    return false;
}


void
social_worker_result_release(social_worker_loop_t *loop, const char *ids,
    const char *fences)
{
    const char  *params[3];

    params[0] = loop->name;
    params[1] = ids;
    params[2] = fences;

    social_worker_link_send(loop->results, &social_worker_result_release_sql,
                            params, 3, SOCIAL_WORKER_LOOP_LIMIT,
                            social_worker_result_ignore, loop);
}


void
social_worker_result_unbegun(social_worker_loop_t *loop)
{
    size_t                 n;
    const char            *all[2];
    social_worker_job_t   *job;
    social_worker_jobs_t   jobs;
    social_worker_array_t  ids, fences;

    n = 0;
    social_worker_array_init(&ids);
    social_worker_array_init(&fences);

    STAILQ_INIT(&jobs);
    social_worker_work_waiting(&loop->work, &jobs);

    while ((job = STAILQ_FIRST(&jobs)) != NULL) {

        STAILQ_REMOVE_HEAD(&jobs, next);

        social_worker_array_add(&ids, job->id);
        social_worker_array_add(&fences, job->fence);
        n++;

        loop->active--;
        loop->lanes[job->lane].active--;
        loop->lanes[job->lane].suspects -= job->suspect;
        social_worker_result_drop(loop, job);
    }

    all[0] = social_worker_array_text(&ids);
    all[1] = social_worker_array_text(&fences);

    if (n > 0 && all[0] != NULL && all[1] != NULL) {
        social_worker_result_release(loop, all[0], all[1]);
    }

    social_worker_array_free(&ids);
    social_worker_array_free(&fences);
}


bool
social_worker_result_leave(social_worker_loop_t *loop)
{
    const char  *params[1];

    params[0] = loop->name;

    return social_worker_link_send(loop->results,
                                   &social_worker_result_leave_sql, params, 1,
                                   SOCIAL_WORKER_LOOP_LIMIT,
                                   social_worker_result_ignore, loop);
}


void
social_worker_result_give_up(social_worker_loop_t *loop)
{
    const social_worker_job_t  *job;

    TAILQ_FOREACH(job, &loop->held, held) {
        social_worker_log(SOCIAL_WORKER_ERROR, "job not recorded",
                          social_worker_text("job", job->id),
                          social_worker_text("error", "the worker stops, and "
                                             "the database does not answer"));
    }
}


/*
 * Questions are answered whatever comes, since a thread waits: by the database
 * or, when the job is lost, or the worker gives up, without it.
 */

static void
social_worker_result_ask(social_worker_loop_t *loop)
{
    const char            *params[5];
    social_worker_job_t   *job;
    social_worker_jobs_t   later;

    social_worker_work_asking(&loop->work, &loop->asking);
    STAILQ_INIT(&later);

    while ((job = STAILQ_FIRST(&loop->asking)) != NULL) {

        STAILQ_REMOVE_HEAD(&loop->asking, next);

        if (atomic_load(&job->lost)) {
            social_worker_work_answer(&loop->work, job,
                                      SOCIAL_WORKER_UNANSWERED);
            continue;
        }

        params[0] = job->ask.upload;
        params[1] = job->ask.generation;
        params[2] = loop->name;
        params[3] = job->id;
        params[4] = job->fence;

        job->loop = loop;

        if (social_worker_link_send(loop->results,
                                    &social_worker_result_lock_sql, params, 5,
                                    SOCIAL_WORKER_LOOP_LIMIT,
                                    social_worker_result_answer, job))
        {
            loop->asked++;
            continue;
        }

        STAILQ_INSERT_TAIL(&later, job, next);
    }

    STAILQ_CONCAT(&loop->asking, &later);
}


static void
social_worker_result_answer(void *data, social_pq_outcome_e outcome,
    const social_pq_result_t *result)
{
    social_worker_job_t  *job = data;

    size_t                  i;
    social_str_t            value;
    social_worker_loop_t   *loop;
    social_worker_answer_e  answer;

    static const struct {
        const char              *text;
        social_worker_answer_e   answer;
    } answers[] = {
        { "newest", SOCIAL_WORKER_NEWEST },
        { "older", SOCIAL_WORKER_OLDER },
        { "busy", SOCIAL_WORKER_BUSY },
        { "lost", SOCIAL_WORKER_UNANSWERED }
    };

    loop = job->loop;
    loop->asked--;
    loop->progress += outcome == SOCIAL_PQ_OK;

    if (outcome == SOCIAL_PQ_BROKEN) {
        STAILQ_INSERT_TAIL(&loop->asking, job, next);
        return;
    }

    answer = outcome == SOCIAL_PQ_REFUSED && social_worker_result_waits(result)
             ? SOCIAL_WORKER_BUSY : SOCIAL_WORKER_REFUSED;

    if (outcome == SOCIAL_PQ_OK
        && social_pq_result_value(result, 0, 0, &value))
    {
        for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
            if (social_str_eq(value, social_str(answers[i].text))) {
                answer = answers[i].answer;
            }
        }
    }

    social_worker_work_answer(&loop->work, job, answer);
}


static void
social_worker_result_ignore(void *data, social_pq_outcome_e outcome,
    const social_pq_result_t *result)
{
    (void) data;
    (void) outcome;
    (void) result;
}


/* forgets a job, and frees it */

static void
social_worker_result_drop(social_worker_loop_t *loop, social_worker_job_t *job)
{
    TAILQ_REMOVE(&loop->held, job, held);
    social_worker_job_free(job);

    loop->progress++;

    if (loop->once && TAILQ_EMPTY(&loop->held)) {
        social_worker_lanes_soon(loop);
    }
}


static void
social_worker_result_log_done(const social_worker_job_t *job)
{
    const social_worker_summary_t  *summary;

    summary = &job->summary;

    if (summary->type == NULL) {
        social_worker_log(SOCIAL_WORKER_INFO, "job done",
                          social_worker_text("job", job->id),
                          social_worker_text("kind", job->kind),
                          social_worker_text("attempt", job->attempt),
                          summary->status
                          ? social_worker_number("status", summary->status)
                          : social_worker_number("deletions",
                                                 summary->deletions),
                          social_worker_number("ms", summary->ms),
                          social_worker_job_field(job));
        return;
    }

    social_worker_log(SOCIAL_WORKER_INFO, "job done",
                      social_worker_text("job", job->id),
                      social_worker_text("kind", job->kind),
                      social_worker_text("attempt", job->attempt),
                      social_worker_text("upload", summary->upload),
                      social_worker_text("type", summary->type),
                      social_worker_number("bytes",
                                           (long long) summary->bytes),
                      social_worker_number("width", summary->width),
                      social_worker_number("height", summary->height),
                      social_worker_number("outputs", summary->outputs),
                      social_worker_number("ms", summary->ms),
                      social_worker_job_field(job));
}


static void
social_worker_result_log_failed(const social_worker_job_t *job,
    const char *state)
{
    social_worker_log(job->failure == SOCIAL_WORKER_PERMANENT
                      ? SOCIAL_WORKER_INFO : SOCIAL_WORKER_WARN, "job failed",
                      social_worker_text("job", job->id),
                      social_worker_text("kind", job->kind),
                      social_worker_text("attempt", job->attempt),
                      social_worker_text("upload", job->summary.upload),
                      social_worker_text("class",
                          social_worker_result_classes[job->failure]),
                      social_worker_text("state", state),
                      social_worker_text("error", job->error),
                      social_worker_job_field(job));
}


static void
social_worker_result_log_lost(const social_worker_job_t *job)
{
    social_worker_log(SOCIAL_WORKER_WARN, "job lost",
                      social_worker_text("job", job->id),
                      social_worker_text("attempt", job->attempt),
                      social_worker_job_field(job));
}
