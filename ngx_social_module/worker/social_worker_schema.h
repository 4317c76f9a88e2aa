
/*
 * The migrations of the database, and those that this worker was built with.
 */

#ifndef SOCIAL_WORKER_SCHEMA_H
#define SOCIAL_WORKER_SCHEMA_H


#include <stdbool.h>


/*
 * Selects the newest migration that was applied: text, null where there is
 * none.
 */
#define SOCIAL_WORKER_SCHEMA_SQL                                              \
    "SELECT max(version) FROM schema_migrations"


/*
 * What is to be said of a schema by its newest migration, NULL being none, and
 * what to do about it; NULL: nothing.  False in "usable": the functions that
 * this worker calls are not all there.  A newer one is usable, since a schema
 * supports the previous version of its programs.
 */
const char *social_worker_schema_check(const char *version, bool *usable);


#endif /* SOCIAL_WORKER_SCHEMA_H */
