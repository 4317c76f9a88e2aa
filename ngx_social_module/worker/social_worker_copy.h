
/*
 * "social-worker copy": all objects of one bucket into another one.
 */

#ifndef SOCIAL_WORKER_COPY_H
#define SOCIAL_WORKER_COPY_H


#include "social_worker_conf.h"


/*
 * Copies what is in the bucket "from" and not, or not the same, in the bucket
 * "to": sections of the configuration.  Its arguments are those of the command
 * line, from "copy" on.  Returns the exit status: 0, everything is in the
 * other bucket; 1, something is not, which was logged; 2, bad arguments, to be
 * answered with the usage.
 */
int social_worker_copy(const social_worker_conf_t *conf, int argc,
    char *const argv[]);


#endif /* SOCIAL_WORKER_COPY_H */
