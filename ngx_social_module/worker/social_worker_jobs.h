
/*
 * The command "jobs": what operators see and do of the queue.
 */

#ifndef SOCIAL_WORKER_JOBS_H
#define SOCIAL_WORKER_JOBS_H


#include "social_worker_conf.h"


/*
 * Runs "jobs" with its arguments, argv[0] being "jobs".  Returns the exit
 * status: 0; 1 where it could not be done, which was said; 2 where the
 * arguments are not right, which was said too.
 */
int social_worker_jobs(const social_worker_conf_t *conf, int argc,
    char *const argv[]);


#endif /* SOCIAL_WORKER_JOBS_H */
