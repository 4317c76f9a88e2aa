
/*
 * What a job has made, put where it belongs.
 */

#ifndef SOCIAL_WORKER_JOB_PUT_H
#define SOCIAL_WORKER_JOB_PUT_H


#include "social_worker_job_ctx.h"


/* of names that are for good, and of those that change */
#define SOCIAL_WORKER_JOB_IMMUTABLE "public, max-age=31536000, immutable"
#define SOCIAL_WORKER_JOB_FRESH     "no-cache"


/*
 * Put the variants, then the name that does not change with the image, and
 * fill ctx->variants and ctx->avatar.  False: it failed, and how is in "ctx".
 */
bool social_worker_job_put(social_worker_job_ctx_t *ctx);
bool social_worker_job_put_alias(social_worker_job_ctx_t *ctx);

/*
 * Writes what social_jobs_finish() gets of it to job->result.  False: no
 * memory, which is noted as the failure.
 */
bool social_worker_job_put_result(social_worker_job_ctx_t *ctx);

/*
 * Writes the name that does not change with the image to "key": "{sub}" and
 * "{id}" in the pattern stand for the subject and the upload.  A subject can
 * be any text of another issuer's: all but letters, digits, "-", "_" and "."
 * are percent-encoded, and so is a "." at the beginning.  False: there is no
 * subject, or it is too long.
 */
bool social_worker_job_alias_key(const char *pattern, const char *sub,
    const char *id, char *key, size_t size);


#endif /* SOCIAL_WORKER_JOB_PUT_H */
