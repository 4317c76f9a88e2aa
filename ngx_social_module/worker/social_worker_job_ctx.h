
/*
 * A job at work: what its parts share.
 */

#ifndef SOCIAL_WORKER_JOB_CTX_H
#define SOCIAL_WORKER_JOB_CTX_H


#include "social_worker_job.h"


#define SOCIAL_WORKER_JOB_KEY  1200

#define SOCIAL_WORKER_REASON_OURS                                             \
    "We could not process this file. Please try again later."


/* whose fault a failure is, which says whether and how often it is retried */

typedef enum {
    SOCIAL_WORKER_PERMANENT = 0,           /* the file's, or the job's */
    SOCIAL_WORKER_UNAVAILABLE,             /* a store's, a machine's, ours */
    SOCIAL_WORKER_MISSING,                 /* the object is not there */
    SOCIAL_WORKER_TIMEOUT,                 /* decoding takes too long */
    SOCIAL_WORKER_DECODER_DIED
} social_worker_failure_e;


typedef struct {
    social_worker_job_t           *job;
    social_worker_pq_t            *pq;
    social_worker_decoder_t       *decoder;
    const atomic_bool             *stop;

    const social_worker_kind_t    *kind;
    const social_worker_bucket_t  *bucket;
    const char                    *upload;
    const char                    *generation;
    char                           upload_text[40];
    char                           generation_text[24];

    int                            in;
    int                            out;
    uint64_t                       size;
    social_worker_reply_t         *reply;

    char                          *variants;      /* JSON */
    size_t                         variants_len;
    size_t                         variants_size;
    char                           avatar[SOCIAL_WORKER_JOB_KEY];

    /* the failure, where there is one */
    social_worker_failure_e        failure;
    char                           error[320];
    char                           reason[320];
} social_worker_job_ctx_t;


/*
 * A member of the payload as text, a number as its digits; in "buf", NULL when
 * it is not there, null, too long, or has a zero byte.
 */
const char *social_worker_job_member(social_worker_job_ctx_t *ctx, const char
    *name, char *buf, size_t size);

/*
 * Repeats a statement until the database is back.  NULL: the server refused it
 * each time, for the reason in ctx->pq->error, the job is lost, or the worker
 * stops.  Each of them is fenced, so that twice does no more than once.
 */
PGresult *social_worker_job_commit(social_worker_job_ctx_t *ctx, const char
    *sql, int n, const char *const *params);

/*
 * Notes how the job failed: whose fault it is, and "reason" for the user, of
 * which both are kept, and the rest, as printf() has it, for us.  Returns
 * false.
 */
bool social_worker_job_fail(social_worker_job_ctx_t *ctx,
    social_worker_failure_e failure, const char *reason, const char *format,
    ...)
    __attribute__((format(printf, 4, 5)));

/*
 * Writes to the database, and to the log, what social_worker_job_fail() noted:
 * the database decides by it whether the job is tried again.
 */
void social_worker_job_failed(social_worker_job_ctx_t *ctx);


#endif /* SOCIAL_WORKER_JOB_CTX_H */
