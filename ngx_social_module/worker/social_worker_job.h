
/*
 * One job, from its claim to what became of it.
 */

#ifndef SOCIAL_WORKER_JOB_H
#define SOCIAL_WORKER_JOB_H


#include <stdatomic.h>
#include <sys/queue.h>

#include "social_json.h"
#include "social_pq_pipeline.h"
#include "social_trace.h"
#include "social_worker_conf.h"
#include "social_worker_decoder.h"
#include "social_worker_log.h"


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


typedef enum {
    SOCIAL_WORKER_LOST = 0,                /* somebody else has it */
    SOCIAL_WORKER_DONE,
    SOCIAL_WORKER_FAILED
} social_worker_outcome_e;


/* whether an upload is the newest picture of its user */

typedef enum {
    SOCIAL_WORKER_NO_ANSWER = 0,
    SOCIAL_WORKER_NEWEST,
    SOCIAL_WORKER_OLDER,
    SOCIAL_WORKER_BUSY,                    /* ask again */
    SOCIAL_WORKER_REFUSED,                 /* by the database */
    SOCIAL_WORKER_UNANSWERED               /* the job is lost, or we stop */
} social_worker_answer_e;


/* what the log says of a job that is done; "type" is NULL without a picture */

typedef struct {
    char                     upload[40];
    const char              *type;
    uint64_t                 bytes;
    uint32_t                 width;
    uint32_t                 height;
    uint32_t                 outputs;
    long                     status;       /* of an endpoint */
    long long                deletions;    /* of objects */
    long long                ms;
} social_worker_summary_t;


typedef struct social_worker_job_s   social_worker_job_t;
typedef struct social_worker_work_s  social_worker_work_t;


struct social_worker_job_s {
    STAILQ_ENTRY(social_worker_job_s)  next;    /* of those with it in turn */

    char                     id[24];
    char                     fence[24];
    char                     attempt[16];
    char                     trace[SOCIAL_TRACE_ID_HEX + 1];   /* or "" */
    char                     parent[SOCIAL_TRACE_SIZE + 1];    /* the same */
    char                    *kind;
    char                    *text;         /* of the payload */
    social_json_t           *payload;      /* NULL: it cannot be read */
    social_worker_conf_t    *conf;         /* a reference */
    size_t                   lane;         /* of the worker, from 0 */
    bool                     suspect;      /* behind all others */
    bool                     timed_out;    /* in an attempt before */
    atomic_bool              lost;         /* somebody else has it */

    /* what its thread asks: strings of the thread's */
    struct {
        const char             *upload;
        const char             *generation;
        social_worker_answer_e  answer;
    } ask;

    /* what became of it */
    social_worker_outcome_e  outcome;
    social_worker_failure_e  failure;
    char                     error[320];
    char                     reason[320];
    long long                after;        /* ms before another try; 0: any */
    char                    *result;       /* of one that is done: JSON */
    social_worker_summary_t  summary;

    /* of the main thread only */
    struct social_worker_loop_s  *loop;
    TAILQ_ENTRY(social_worker_job_s)  held;
    uint64_t                 beat;         /* the last one that named it */
    bool                     ended;
    bool                     alone;        /* not recorded with others */
    unsigned                 tries;        /* to record it */
    long long                not_before;
};


/*
 * Makes a job of a row (id, fence, attempt, kind, payload, suspect, whether
 * it timed out before) of social_jobs_claim(), with a reference to "conf"; the
 * caller owns it.  NULL: no memory.  A payload that cannot be read is a failure
 * of that job, when it is run.
 */
social_worker_job_t *social_worker_job_create(const social_pq_result_t *rows,
    size_t row, social_worker_conf_t *conf);
void social_worker_job_free(social_worker_job_t *job);

/*
 * The field "trace" of a job's lines in the log, which ends them where it has
 * none: it has to be the last one.
 */
static inline social_worker_field_t
social_worker_job_field(const social_worker_job_t *job)
{
    return (social_worker_field_t) { job->trace[0] ? "trace" : NULL,
                                     job->trace, 0 };
}

/*
 * Does it, and notes what became of it.
 */
void social_worker_job_run(social_worker_job_t *job,
    social_worker_work_t *work, social_worker_decoder_t *decoder);


#endif /* SOCIAL_WORKER_JOB_H */
