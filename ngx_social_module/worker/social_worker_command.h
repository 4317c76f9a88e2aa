
/*
 * Commands for operators: check, variants.
 */

#ifndef SOCIAL_WORKER_COMMAND_H
#define SOCIAL_WORKER_COMMAND_H


#include "social_worker_conf.h"


/*
 * Each returns an exit status, and writes what it finds to the standard
 * output, what is wrong to the log.
 *
 * Tries all that the configuration names: database, buckets, libvips.
 */
int social_worker_command_check(const social_worker_conf_t *conf);

/*
 * Makes the variants of a kind, NULL being all variants, of a file on disk,
 * into a directory.
 */
int social_worker_command_variants(const social_worker_conf_t *conf,
    const char *kind, const char *file, const char *directory);


#endif /* SOCIAL_WORKER_COMMAND_H */
