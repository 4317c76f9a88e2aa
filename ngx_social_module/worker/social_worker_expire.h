
/*
 * "social-worker expire": objects as users have uploaded them are deleted some
 * time after their variants were made.
 */

#ifndef SOCIAL_WORKER_EXPIRE_H
#define SOCIAL_WORKER_EXPIRE_H


#include "social_worker_conf.h"


/*
 * Deletes what is older than "age", a time as in the configuration, out of all
 * buckets that are configured; with "dry" only its keys are printed.  Returns
 * the exit status: 1, something could not be deleted, which was logged; 2, the
 * age is not one.
 */
int social_worker_expire(const social_worker_conf_t *conf, const char *age,
    bool dry);


#endif /* SOCIAL_WORKER_EXPIRE_H */
