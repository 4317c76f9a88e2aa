
/*
 * What a worker has counted since it started.
 */

#ifndef SOCIAL_WORKER_COUNTS_H
#define SOCIAL_WORKER_COUNTS_H


#include "social_worker_job.h"


#define SOCIAL_WORKER_FAILURES  (SOCIAL_WORKER_DECODER_DIED + 1)


typedef struct {
    long long  done;
    long long  failed[SOCIAL_WORKER_FAILURES];     /* by their class */
    long long  lost;
    long long  busy;                               /* milliseconds, of "done" */
} social_worker_counts_t;


#endif /* SOCIAL_WORKER_COUNTS_H */
