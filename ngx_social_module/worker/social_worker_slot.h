
/*
 * The threads that work: each with its own decoder and connection, and one job
 * at a time.
 */

#ifndef SOCIAL_WORKER_SLOT_H
#define SOCIAL_WORKER_SLOT_H


#include <pthread.h>

#include "social_worker_job.h"


typedef struct {
    pthread_t                thread;
    pthread_mutex_t          mutex;
    pthread_cond_t           cond;
    bool                     leave;
    social_worker_job_t     *job;          /* NULL: idle */
    int                      wake;         /* eventfd, written when idle */
    const atomic_bool       *stop;
} social_worker_slot_t;


/*
 * Starts "n" of them; NULL: no memory, or no threads.  "wake" is an eventfd
 * that is written to whenever one becomes idle.
 */
social_worker_slot_t *social_worker_slots_start(size_t n, int wake,
    const atomic_bool *stop);

/*
 * Waits for what runs, and ends them.
 */
void social_worker_slots_stop(social_worker_slot_t *slots, size_t n);

/*
 * How many are idle.
 */
size_t social_worker_slots_idle(social_worker_slot_t *slots, size_t n);

/*
 * How many are at work on a suspect: a job that failed in a decoder before.
 */
size_t social_worker_slots_suspects(social_worker_slot_t *slots, size_t n);

/*
 * Gives a job, which it frees when it is done, to an idle one; false: none is
 * idle, and the job is the caller's still.
 */
bool social_worker_slots_give(social_worker_slot_t *slots, size_t n,
    social_worker_job_t *job);

/*
 * Calls "visit" with each job that runs, which cannot end meanwhile.
 */
void social_worker_slots_visit(social_worker_slot_t *slots, size_t n,
    void (*visit)(void *data, social_worker_job_t *job), void *data);


#endif /* SOCIAL_WORKER_SLOT_H */
