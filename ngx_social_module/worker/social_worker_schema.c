
/*
 * The migrations of the database, and those that this worker was built with.
 */

#include <stdlib.h>

#include "social_worker_schema.h"


/* the migration that has all functions that this worker calls */

#define SOCIAL_WORKER_SCHEMA_NEEDED  12


/* the newest one of conf/sql, by scripts/worker.mk */

#ifndef SOCIAL_WORKER_SCHEMA_NEWEST
#error "SOCIAL_WORKER_SCHEMA_NEWEST is not defined"
#endif


const char *
social_worker_schema_check(const char *version, bool *usable)
{
    long  applied;

    applied = version ? strtol(version, NULL, 10) : 0;
    *usable = applied >= SOCIAL_WORKER_SCHEMA_NEEDED;

    if (!*usable) {
        return "the schema is older than social-worker: run \"make migrate\"";
    }

    if (applied > SOCIAL_WORKER_SCHEMA_NEWEST) {
        return "the schema is newer than social-worker: run \"make build\" of "
               "that version";
    }

    return NULL;
}
