
/*
 * What the main thread and the threads that work share: jobs to be done, jobs
 * that ended, the lease, and questions to the database.
 *
 * A job is created and freed by the main thread.  Between
 * social_worker_work_give() and social_worker_work_ended() it is the threads':
 * the main thread only reads what does not change, and says that it is lost.
 */

#ifndef SOCIAL_WORKER_WORK_H
#define SOCIAL_WORKER_WORK_H


#include <pthread.h>
#include <sys/queue.h>

#include "social_worker_job.h"


/* the worker's queue, and those of the sections "lane" */

#define SOCIAL_WORKER_WORK_LANES  (1 + SOCIAL_WORKER_MAX_LANES)


typedef STAILQ_HEAD(social_worker_jobs_s, social_worker_job_s)
    social_worker_jobs_t;


/* jobs that no thread has begun, and the threads that may */

typedef struct {
    pthread_cond_t         given;          /* a job, or the end */
    social_worker_jobs_t   waiting;
    size_t                 idle;           /* threads that wait for a job */
} social_worker_work_lane_t;


struct social_worker_work_s {
    pthread_mutex_t        mutex;
    pthread_cond_t         changed;        /* the lease, or an answer */

    social_worker_work_lane_t
                           lanes[SOCIAL_WORKER_WORK_LANES];
    social_worker_jobs_t   ended;
    social_worker_jobs_t   asking;

    long long              lease_until;    /* by social_worker_now() */
    bool                   patient;        /* the main thread waits for more */
    bool                   hopeless;       /* nothing is recorded any more */
    bool                   leave;
    int                    wake;           /* an eventfd for the main thread */
};


void social_worker_work_init(social_worker_work_t *work, int wake);
void social_worker_work_destroy(social_worker_work_t *work);


/*
 * For the main thread.
 */

/*
 * Gives jobs to the threads of a lane, in their order; "jobs" is empty then.
 */
void social_worker_work_give(social_worker_work_t *work, size_t lane,
    social_worker_jobs_t *jobs);

/*
 * Appends to "jobs" all that no thread has begun, that have ended, or whose
 * question (job->ask) has not been asked yet.
 */
void social_worker_work_waiting(social_worker_work_t *work,
    social_worker_jobs_t *jobs);
void social_worker_work_ended(social_worker_work_t *work,
    social_worker_jobs_t *jobs);
void social_worker_work_asking(social_worker_work_t *work,
    social_worker_jobs_t *jobs);

/*
 * Whether the main thread, which has some that have ended, waits for others:
 * it is not woken for each of them then, but when a thread has no more to do.
 */
void social_worker_work_patient(social_worker_work_t *work, bool patient);

/*
 * Answers a question.
 */
void social_worker_work_answer(social_worker_work_t *work,
    social_worker_job_t *job, social_worker_answer_e answer);

/*
 * The lease of this worker holds until then at least.
 */
void social_worker_work_lease(social_worker_work_t *work, long long until);

/*
 * The job is somebody else's: its thread ends it as soon as it can.
 */
void social_worker_work_lost(social_worker_work_t *work,
    social_worker_job_t *job);

/*
 * Nobody is to wait for the database any more.
 */
void social_worker_work_give_up(social_worker_work_t *work);

/*
 * Threads that have no job end.
 */
void social_worker_work_leave(social_worker_work_t *work);


/*
 * For the threads.
 */

/*
 * Hands a job back, with what became of it, and waits for another of the lane.
 * NULL: there is none to be handed back; the thread is to end.
 */
social_worker_job_t *social_worker_work_next(social_worker_work_t *work,
    size_t lane, social_worker_job_t *job);

/*
 * Whether the job is this worker's still, so that others may be shown what it
 * made.  While the lease is in doubt, since the database does not answer, it
 * waits.  Returns for how many milliseconds the lease holds at least; 0: it
 * is lost, or the worker stops.
 */
long long social_worker_work_ours(social_worker_work_t *work,
    social_worker_job_t *job);

/*
 * Asks job->ask, waits for the answer, and returns it.
 */
social_worker_answer_e social_worker_work_ask(social_worker_work_t *work,
    social_worker_job_t *job);

/*
 * Waits for that many milliseconds, or until the job is lost or the worker
 * stops, which is false.
 */
bool social_worker_work_pause(social_worker_work_t *work,
    social_worker_job_t *job, long long ms);


#endif /* SOCIAL_WORKER_WORK_H */
