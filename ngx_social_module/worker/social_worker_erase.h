
/*
 * Jobs of the kind "erase": the objects of a user who was deleted.
 */

#ifndef SOCIAL_WORKER_ERASE_H
#define SOCIAL_WORKER_ERASE_H


#include "social_worker_job_ctx.h"


#define SOCIAL_WORKER_ERASE  "erase"       /* the kind; no section has it */


/*
 * Does such a job.  Deleting an object that is not there is no failure, so that
 * a job that was interrupted is done from the beginning.  False: the failure is
 * noted, or the job was lost.
 */
bool social_worker_erase(social_worker_job_ctx_t *ctx);


#endif /* SOCIAL_WORKER_ERASE_H */
