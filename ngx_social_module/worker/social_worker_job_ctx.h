
/*
 * A job at work: what its parts share.
 */

#ifndef SOCIAL_WORKER_JOB_CTX_H
#define SOCIAL_WORKER_JOB_CTX_H


#include "social_worker_work.h"


#define SOCIAL_WORKER_JOB_KEY  1200


typedef struct {
    social_worker_job_t           *job;
    social_worker_work_t          *work;
    social_worker_decoder_t       *decoder;
    bool                           lost;           /* or the worker stops */

    const social_worker_kind_t    *kind;
    const social_worker_bucket_t  *bucket;
    const char                    *upload;
    const char                    *generation;
    char                           generation_text[24];

    int                            in;
    int                            out;
    uint64_t                       size;
    social_worker_reply_t         *reply;

    char                          *variants;      /* JSON */
    size_t                         variants_len;
    size_t                         variants_size;
    char                           avatar[SOCIAL_WORKER_JOB_KEY];
} social_worker_job_ctx_t;


/*
 * A member of the payload as text, a number as its digits; in "buf", NULL when
 * it is not there, null, too long, or has a zero byte.
 */
const char *social_worker_job_member(social_worker_job_ctx_t *ctx, const char
    *name, char *buf, size_t size);

/*
 * Notes how the job failed: whose fault it is, and "reason" for the user, of
 * which both are kept, and the rest, as printf() has it, for us.  Returns
 * false.
 */
bool social_worker_job_fail(social_worker_job_ctx_t *ctx,
    social_worker_failure_e failure, const char *reason, const char *format,
    ...)
    __attribute__((format(printf, 4, 5)));


#endif /* SOCIAL_WORKER_JOB_CTX_H */
