
/*
 * The threads that work: each with its own decoder, and one job at a time.
 */

#ifndef SOCIAL_WORKER_SLOT_H
#define SOCIAL_WORKER_SLOT_H


#include "social_worker_work.h"


typedef struct {
    pthread_t               thread;
    social_worker_work_t   *work;
} social_worker_slot_t;


/*
 * Starts "n" of them, which take jobs from "work"; NULL: no memory, or no
 * threads.
 */
social_worker_slot_t *social_worker_slots_start(size_t n,
    social_worker_work_t *work);

/*
 * Waits for what runs, and ends them.
 */
void social_worker_slots_stop(social_worker_slot_t *slots, size_t n);


#endif /* SOCIAL_WORKER_SLOT_H */
