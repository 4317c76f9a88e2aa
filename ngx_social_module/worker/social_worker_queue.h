
/*
 * The main thread: claims jobs, renews their leases, and handles signals.
 */

#ifndef SOCIAL_WORKER_QUEUE_H
#define SOCIAL_WORKER_QUEUE_H


#include "social_worker_conf.h"


/*
 * Works until SIGTERM or SIGINT, or with "once" until nothing is ready.  On
 * SIGHUP the configuration is read again.  Releases "conf"; returns the exit
 * status.
 */
int social_worker_queue_run(social_worker_conf_t *conf, bool once);


#endif /* SOCIAL_WORKER_QUEUE_H */
