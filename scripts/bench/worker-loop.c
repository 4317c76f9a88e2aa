
/*
 * social-worker with empty work: its main thread, its threads and its queue
 * code as they are, linked with --wrap=social_worker_job_run.
 *
 *     worker-loop CONF            until SIGTERM
 */

#include "social_worker_queue.h"
#include "social_worker_slot.h"


void __wrap_social_worker_job_run(social_worker_job_t *job,
    social_worker_work_t *work, social_worker_decoder_t *decoder);


void
__wrap_social_worker_job_run(social_worker_job_t *job,
    social_worker_work_t *work, social_worker_decoder_t *decoder)
{
    (void) work;
    (void) decoder;

    job->outcome = SOCIAL_WORKER_DONE;
}


int
main(int argc, char **argv)
{
    social_worker_conf_t  *conf;

    conf = argc == 2 ? social_worker_conf_read(argv[1]) : NULL;

    return conf != NULL ? social_worker_queue_run(conf, false) : 2;
}
