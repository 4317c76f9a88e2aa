
/*
 * The threads that work: each with its own decoder, and one job at a time.
 */

#ifndef SOCIAL_WORKER_SLOT_H
#define SOCIAL_WORKER_SLOT_H


#include "social_worker_work.h"


typedef struct {
    pthread_t               thread;
    social_worker_work_t   *work;
    size_t                  lane;
} social_worker_slot_t;


/*
 * Starts "n" of them, which take jobs of a lane from "work"; NULL: no memory,
 * or no threads.
 */
social_worker_slot_t *social_worker_slots_start(size_t n,
    social_worker_work_t *work, size_t lane);

/*
 * Waits for what runs, and ends them, and those of all other lanes when they
 * have no job.  "slots" may be NULL.
 */
void social_worker_slots_stop(social_worker_slot_t *slots, size_t n);


#endif /* SOCIAL_WORKER_SLOT_H */
