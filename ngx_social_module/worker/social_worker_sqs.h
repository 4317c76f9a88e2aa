
/*
 * Queues of SQS: threads that receive events of object stores, and delete them
 * when they are committed.
 */

#ifndef SOCIAL_WORKER_SQS_H
#define SOCIAL_WORKER_SQS_H


#include "social_worker_conf.h"


typedef struct social_worker_sqs_s  social_worker_sqs_t;


/*
 * Nothing is started yet.  NULL: no memory.
 */
social_worker_sqs_t *social_worker_sqs_create(void);

/*
 * Starts a thread for each queue of the configuration, and has those of
 * earlier calls end.  A queue for which there is no thread is logged.
 */
void social_worker_sqs_start(social_worker_sqs_t *sqs,
    social_worker_conf_t *conf);

/*
 * Has all threads end, as soon as what they do allows, without waiting for
 * them.
 */
void social_worker_sqs_stop(social_worker_sqs_t *sqs);

/*
 * Waits for them for "ms" milliseconds, and frees it.  False: threads are at
 * work still, so that the process must end by _exit(), and nothing is freed.
 */
bool social_worker_sqs_destroy(social_worker_sqs_t *sqs, long long ms);


#endif /* SOCIAL_WORKER_SQS_H */
