
/*
 * What the main thread and the threads that work share.
 */

#include <unistd.h>

#include "social_worker_clock.h"
#include "social_worker_log.h"
#include "social_worker_work.h"


static void social_worker_work_take(social_worker_work_t *work,
    social_worker_jobs_t *from, social_worker_jobs_t *jobs);
static void social_worker_work_wake(social_worker_work_t *work);


void
social_worker_work_init(social_worker_work_t *work, int wake)
{
    size_t              i;
    pthread_condattr_t  attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);

    pthread_mutex_init(&work->mutex, NULL);
    pthread_cond_init(&work->changed, &attr);
    pthread_condattr_destroy(&attr);

    for (i = 0; i < SOCIAL_WORKER_WORK_LANES; i++) {
        pthread_cond_init(&work->lanes[i].given, NULL);
        STAILQ_INIT(&work->lanes[i].waiting);
        work->lanes[i].idle = 0;
    }

    STAILQ_INIT(&work->ended);
    STAILQ_INIT(&work->asking);

    work->lease_until = 0;
    work->patient = false;
    work->hopeless = false;
    work->leave = false;
    work->wake = wake;
}


void
social_worker_work_destroy(social_worker_work_t *work)
{
    size_t  i;

    for (i = 0; i < SOCIAL_WORKER_WORK_LANES; i++) {
        pthread_cond_destroy(&work->lanes[i].given);
    }

    pthread_cond_destroy(&work->changed);
    pthread_mutex_destroy(&work->mutex);
}


void
social_worker_work_give(social_worker_work_t *work, size_t lane,
    social_worker_jobs_t *jobs)
{
    size_t                      idle;
    social_worker_job_t        *job;
    social_worker_work_lane_t  *to;

    to = &work->lanes[lane];

    /* a thread that works takes another job when it has ended one */

    pthread_mutex_lock(&work->mutex);
    idle = to->idle;

    STAILQ_FOREACH(job, jobs, next) {

        if (idle == 0) {
            break;
        }

        idle--;
        pthread_cond_signal(&to->given);
    }

    STAILQ_CONCAT(&to->waiting, jobs);
    pthread_mutex_unlock(&work->mutex);
}


void
social_worker_work_waiting(social_worker_work_t *work,
    social_worker_jobs_t *jobs)
{
    size_t  i;

    for (i = 0; i < SOCIAL_WORKER_WORK_LANES; i++) {
        social_worker_work_take(work, &work->lanes[i].waiting, jobs);
    }
}


void
social_worker_work_ended(social_worker_work_t *work,
    social_worker_jobs_t *jobs)
{
    social_worker_work_take(work, &work->ended, jobs);
}


void
social_worker_work_asking(social_worker_work_t *work,
    social_worker_jobs_t *jobs)
{
    social_worker_work_take(work, &work->asking, jobs);
}


void
social_worker_work_patient(social_worker_work_t *work, bool patient)
{
    pthread_mutex_lock(&work->mutex);
    work->patient = patient;
    pthread_mutex_unlock(&work->mutex);
}


void
social_worker_work_answer(social_worker_work_t *work, social_worker_job_t *job,
    social_worker_answer_e answer)
{
    pthread_mutex_lock(&work->mutex);
    job->ask.answer = answer;
    pthread_cond_broadcast(&work->changed);
    pthread_mutex_unlock(&work->mutex);
}


void
social_worker_work_lease(social_worker_work_t *work, long long until)
{
    pthread_mutex_lock(&work->mutex);
    work->lease_until = until;
    pthread_cond_broadcast(&work->changed);
    pthread_mutex_unlock(&work->mutex);
}


void
social_worker_work_lost(social_worker_work_t *work, social_worker_job_t *job)
{
    pthread_mutex_lock(&work->mutex);
    atomic_store(&job->lost, true);
    pthread_cond_broadcast(&work->changed);
    pthread_mutex_unlock(&work->mutex);
}


void
social_worker_work_give_up(social_worker_work_t *work)
{
    pthread_mutex_lock(&work->mutex);
    work->hopeless = true;
    pthread_cond_broadcast(&work->changed);
    pthread_mutex_unlock(&work->mutex);
}


void
social_worker_work_leave(social_worker_work_t *work)
{
    size_t  i;

    pthread_mutex_lock(&work->mutex);
    work->leave = true;

    for (i = 0; i < SOCIAL_WORKER_WORK_LANES; i++) {
        pthread_cond_broadcast(&work->lanes[i].given);
    }

    pthread_mutex_unlock(&work->mutex);
}


social_worker_job_t *
social_worker_work_next(social_worker_work_t *work, size_t lane,
    social_worker_job_t *job)
{
    bool                        wake;
    social_worker_work_lane_t  *from;

    from = &work->lanes[lane];

    pthread_mutex_lock(&work->mutex);

    if (job != NULL) {

        /* the main thread takes all that are there, once it is awake */

        wake = STAILQ_EMPTY(&from->waiting)
               || (STAILQ_EMPTY(&work->ended) && !work->patient);

        STAILQ_INSERT_TAIL(&work->ended, job, next);

        if (wake) {
            pthread_mutex_unlock(&work->mutex);
            social_worker_work_wake(work);
            pthread_mutex_lock(&work->mutex);
        }
    }

    while (STAILQ_EMPTY(&from->waiting) && !work->leave) {
        from->idle++;
        pthread_cond_wait(&from->given, &work->mutex);
        from->idle--;
    }

    job = STAILQ_FIRST(&from->waiting);

    if (job != NULL) {
        STAILQ_REMOVE_HEAD(&from->waiting, next);
    }

    pthread_mutex_unlock(&work->mutex);

    return job;
}


long long
social_worker_work_ours(social_worker_work_t *work, social_worker_job_t *job)
{
    long long  left;

    pthread_mutex_lock(&work->mutex);

    for ( ;; ) {

        left = work->lease_until - social_worker_now();

        if (atomic_load(&job->lost) || work->hopeless) {
            left = 0;
            break;
        }

        if (left > 0) {
            break;
        }

        pthread_cond_wait(&work->changed, &work->mutex);
    }

    pthread_mutex_unlock(&work->mutex);

    return left;
}


social_worker_answer_e
social_worker_work_ask(social_worker_work_t *work, social_worker_job_t *job)
{
    social_worker_answer_e  answer;

    pthread_mutex_lock(&work->mutex);
    job->ask.answer = SOCIAL_WORKER_NO_ANSWER;
    STAILQ_INSERT_TAIL(&work->asking, job, next);
    pthread_mutex_unlock(&work->mutex);

    social_worker_work_wake(work);

    pthread_mutex_lock(&work->mutex);

    while (job->ask.answer == SOCIAL_WORKER_NO_ANSWER) {
        pthread_cond_wait(&work->changed, &work->mutex);
    }

    answer = job->ask.answer;
    pthread_mutex_unlock(&work->mutex);

    return answer;
}


bool
social_worker_work_pause(social_worker_work_t *work, social_worker_job_t *job,
    long long ms)
{
    int              rc;
    bool             on;
    struct timespec  until;

    clock_gettime(CLOCK_MONOTONIC, &until);

    until.tv_nsec += (long) (ms % 1000) * 1000000;
    until.tv_sec += (time_t) (ms / 1000) + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;

    rc = 0;

    pthread_mutex_lock(&work->mutex);

    while (rc == 0 && !atomic_load(&job->lost) && !work->hopeless) {
        rc = pthread_cond_timedwait(&work->changed, &work->mutex, &until);
    }

    on = !atomic_load(&job->lost) && !work->hopeless;
    pthread_mutex_unlock(&work->mutex);

    return on;
}


static void
social_worker_work_take(social_worker_work_t *work, social_worker_jobs_t *from,
    social_worker_jobs_t *jobs)
{
    pthread_mutex_lock(&work->mutex);
    STAILQ_CONCAT(jobs, from);
    pthread_mutex_unlock(&work->mutex);
}


static void
social_worker_work_wake(social_worker_work_t *work)
{
    uint64_t  one;

    one = 1;

    if (write(work->wake, &one, sizeof(one)) != sizeof(one)) {
        social_worker_log(SOCIAL_WORKER_WARN, "wake-up failed",
                          social_worker_text("of", "a job"));
    }
}
