
/*
 * The lease of this worker, which all its jobs share: beats renew it, and say
 * which jobs are not its own any more.
 *
 * The lease holds from the time at which a beat was sent that was answered: the
 * server's clock, by which it ends, began to count later.  The times of day of
 * machines are not compared.
 */

#include <limits.h>
#include <string.h>

#include "social_worker_array.h"
#include "social_worker_clock.h"
#include "social_worker_log.h"
#include "social_worker_loop.h"


/* milliseconds between beats that are refused, and that are asked for */

#define SOCIAL_WORKER_LEASE_PAUSE  250


static void social_worker_lease_beat(social_worker_loop_t *loop,
    long long now);
static void social_worker_lease_beaten(void *data, social_pq_outcome_e outcome,
    const social_pq_result_t *result);
static void social_worker_lease_lost(social_worker_loop_t *loop,
    social_str_t id);
static void social_worker_lease_check(social_worker_loop_t *loop);
static void social_worker_lease_checked(void *data,
    social_pq_outcome_e outcome, const social_pq_result_t *result);
static bool social_worker_lease_known(const social_worker_loop_t *loop,
    social_str_t id, social_str_t fence);


static social_worker_statement_t  social_worker_lease_beat_sql = {
    "SELECT * FROM social_worker_beat($1, $2, $3, $4)", false
};

static social_worker_statement_t  social_worker_lease_held_sql = {
    "SELECT id, fence FROM social_worker_held($1)", false
};


void
social_worker_lease_process(social_worker_loop_t *loop, long long now)
{
    if (!loop->beating && now >= loop->next_beat
        && social_worker_link_up(loop->beats))
    {
        social_worker_lease_beat(loop, now);
    }

    if (loop->check && !loop->checking && loop->claiming == 0
        && social_worker_link_up(loop->claims))
    {
        social_worker_lease_check(loop);
    }
}


long long
social_worker_lease_deadline(const social_worker_loop_t *loop)
{
    return loop->beating || !social_worker_link_up(loop->beats)
           ? LLONG_MAX : loop->next_beat;
}


static void
social_worker_lease_beat(social_worker_loop_t *loop, long long now)
{
    long long              limit;
    const char            *params[4];
    social_worker_job_t   *job;
    social_worker_array_t  ids, fences;

    social_worker_array_init(&ids);
    social_worker_array_init(&fences);

    loop->beat++;

    TAILQ_FOREACH(job, &loop->held, held) {
        job->beat = loop->beat;
        social_worker_array_add(&ids, job->id);
        social_worker_array_add(&fences, job->fence);
    }

    params[0] = loop->name;
    params[1] = loop->lease;
    params[2] = social_worker_array_text(&ids);
    params[3] = social_worker_array_text(&fences);

    /*
     * One that is late leaves time for another on a new connection, which
     * costs a busy machine more than to wait for the answer.
     */

    limit = loop->conf->lease / 2;
    limit = limit < 10000 ? limit : 10000;

    loop->beat_sent = now;
    loop->next_beat = now + SOCIAL_WORKER_LEASE_PAUSE;

    loop->beating = params[2] != NULL && params[3] != NULL
                    && social_worker_link_send(loop->beats,
                           &social_worker_lease_beat_sql, params, 4, limit,
                           social_worker_lease_beaten, loop);

    social_worker_array_free(&ids);
    social_worker_array_free(&fences);
}


static void
social_worker_lease_beaten(void *data, social_pq_outcome_e outcome,
    const social_pq_result_t *result)
{
    social_worker_loop_t  *loop = data;

    size_t        i;
    social_str_t  id;

    loop->beating = false;

    if (outcome == SOCIAL_PQ_BROKEN) {
        loop->next_beat = 0;
        return;
    }

    if (outcome != SOCIAL_PQ_OK) {
        loop->next_beat = social_worker_now()
                          + social_worker_jitter(SOCIAL_WORKER_LEASE_PAUSE);
        return;
    }

    /* those that are lost first: the others wait for the lease only */

    for (i = 0; i < social_pq_result_rows(result); i++) {
        if (social_pq_result_value(result, i, 0, &id)) {
            social_worker_lease_lost(loop, id);
        }
    }

    loop->lease_until = loop->beat_sent + loop->conf->lease;
    loop->next_beat = loop->beat_sent + loop->conf->lease / 3;
    loop->check = true;

    social_worker_work_lease(&loop->work, loop->lease_until);
}


/*
 * A job may have ended and come again, with another fence, since the beat was
 * sent; and one that has ended learns by its result what became of it.
 */

static void
social_worker_lease_lost(social_worker_loop_t *loop, social_str_t id)
{
    social_worker_job_t  *job;

    TAILQ_FOREACH(job, &loop->held, held) {

        if (job->beat == loop->beat && !job->ended
            && social_str_eq(social_str(job->id), id))
        {
            social_worker_work_lost(&loop->work, job);
        }
    }
}


/*
 * A claim whose answer was lost, or that a server went on with after its
 * connection was closed, leaves jobs that this worker does not know of, and
 * that would be its own for as long as its lease is renewed.
 */

static void
social_worker_lease_check(social_worker_loop_t *loop)
{
    const char  *params[1];

    params[0] = loop->name;

    loop->check = false;
    loop->checking = social_worker_link_send(loop->claims,
                         &social_worker_lease_held_sql, params, 1,
                         SOCIAL_WORKER_LOOP_LIMIT, social_worker_lease_checked,
                         loop);
}


static void
social_worker_lease_checked(void *data, social_pq_outcome_e outcome,
    const social_pq_result_t *result)
{
    social_worker_loop_t  *loop = data;

    char                   text[2][24];
    size_t                 i, k, n;
    const char            *all[2];
    social_str_t           values[2];
    social_worker_array_t  ids, fences;

    loop->checking = false;

    if (outcome != SOCIAL_PQ_OK) {
        return;                             /* the next beat asks again */
    }

    n = 0;
    social_worker_array_init(&ids);
    social_worker_array_init(&fences);

    for (i = 0; i < social_pq_result_rows(result); i++) {

        for (k = 0; k < 2; k++) {
            if (!social_pq_result_value(result, i, k, &values[k])
                || values[k].len >= sizeof(text[k]))
            {
                break;
            }

            memcpy(text[k], values[k].data, values[k].len);
            text[k][values[k].len] = '\0';
        }

        if (k < 2 || social_worker_lease_known(loop, values[0], values[1])) {
            continue;
        }

        social_worker_log(SOCIAL_WORKER_WARN, "job released",
                          social_worker_text("job", text[0]),
                          social_worker_text("error", "the answer to a claim "
                                             "was lost"));

        social_worker_array_add(&ids, text[0]);
        social_worker_array_add(&fences, text[1]);
        n++;
    }

    all[0] = social_worker_array_text(&ids);
    all[1] = social_worker_array_text(&fences);

    if (n > 0 && all[0] != NULL && all[1] != NULL) {
        social_worker_result_release(loop, all[0], all[1]);
    }

    social_worker_array_free(&ids);
    social_worker_array_free(&fences);
}


static bool
social_worker_lease_known(const social_worker_loop_t *loop, social_str_t id,
    social_str_t fence)
{
    const social_worker_job_t  *job;

    TAILQ_FOREACH(job, &loop->held, held) {

        if (social_str_eq(social_str(job->id), id)
            && social_str_eq(social_str(job->fence), fence))
        {
            return true;
        }
    }

    return false;
}
