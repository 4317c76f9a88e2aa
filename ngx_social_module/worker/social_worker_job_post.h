
/*
 * Jobs whose handler is an HTTP endpoint.
 */

#ifndef SOCIAL_WORKER_JOB_POST_H
#define SOCIAL_WORKER_JOB_POST_H


#include "social_worker_job_ctx.h"


/*
 * Sends the payload to the URL of ctx->kind as a signed webhook (Standard
 * Webhooks), and waits for the answer.  True: it was taken, by a status of
 * 2xx.  False: how it failed is in the job; a status of 4xx is the end, but
 * for 408, 425 and 429 (RFC 9110, 15.5.9; RFC 8470, 5.2; RFC 6585, 4), and
 * everything else is tried again, after as long as the answer says.
 */
bool social_worker_job_post(social_worker_job_ctx_t *ctx);


#endif /* SOCIAL_WORKER_JOB_POST_H */
