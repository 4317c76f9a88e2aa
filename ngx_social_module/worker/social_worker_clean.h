
/*
 * "social-worker clean": cuts metadata out of variants that earlier versions
 * made.
 */

#ifndef SOCIAL_WORKER_CLEAN_H
#define SOCIAL_WORKER_CLEAN_H


#include "social_worker_conf.h"


/*
 * Looks at every variant that a row refers to, and at the names of pictures
 * that do not change.  One that has metadata is put without it under a name
 * with its digest, its row is switched, and the old object deleted, in this
 * order: a row never refers to what is not there, whenever this is killed.
 * What an earlier run left is done first.
 *
 * Writes the keys that a CDN has to purge to the standard output, one a line,
 * each at least once; what could not be done to the log.  Returns an exit
 * status: 0 only when nothing failed.
 */
int social_worker_clean(const social_worker_conf_t *conf);


#endif /* SOCIAL_WORKER_CLEAN_H */
