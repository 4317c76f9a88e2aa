
/*
 * Jobs of the kind "erase": the objects of a user who was deleted.
 */

#ifndef SOCIAL_WORKER_ERASE_H
#define SOCIAL_WORKER_ERASE_H


#include "social_worker_job_ctx.h"


#define SOCIAL_WORKER_ERASE  "erase"       /* the kind; no section has it */


/*
 * Does such a job, and writes what became of it to the database.  Deleting an
 * object that is not there is no failure, so that a job that was interrupted is
 * done from the beginning.  "ctx" has the job, its connection and "stop"; a job
 * that was lost to another worker is left as it is.
 */
void social_worker_erase_run(social_worker_job_ctx_t *ctx);


#endif /* SOCIAL_WORKER_ERASE_H */
