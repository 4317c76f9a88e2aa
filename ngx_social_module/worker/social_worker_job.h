
/*
 * One job, from claim to commit.
 */

#ifndef SOCIAL_WORKER_JOB_H
#define SOCIAL_WORKER_JOB_H


#include <stdatomic.h>

#include "social_json.h"
#include "social_worker_conf.h"
#include "social_worker_decoder.h"
#include "social_worker_pq.h"


typedef struct {
    char                  id[24];
    char                  attempt[16];
    char                 *kind;
    char                 *worker;          /* who claimed it */
    social_json_t        *payload;         /* NULL: it cannot be read */
    social_worker_conf_t *conf;            /* a reference */
    bool                  suspect;         /* behind all others */
    bool                  timed_out;       /* in an attempt before */
    atomic_bool           lost;            /* somebody else has it */
} social_worker_job_t;


/*
 * Makes a job of a row (id, attempt, kind, payload, worker, suspect, whether
 * it timed out before) of social_jobs_claim(), with a reference to "conf"; the
 * caller owns it.  NULL: no memory.  A payload that cannot be read is a failure
 * of that job, when it is run.
 */
social_worker_job_t *social_worker_job_create(const PGresult *rows, int row,
    social_worker_conf_t *conf);
void social_worker_job_free(social_worker_job_t *job);

/*
 * Does it, and writes what became of it to the database, which it waits for
 * as long as "stop" is false.
 */
void social_worker_job_run(social_worker_job_t *job, social_worker_pq_t *pq,
    social_worker_decoder_t *decoder, const atomic_bool *stop);


#endif /* SOCIAL_WORKER_JOB_H */
