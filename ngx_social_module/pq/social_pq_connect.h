
/*
 * Making a connection to PostgreSQL: names, TLS and login.
 */

#ifndef SOCIAL_PQ_CONNECT_H
#define SOCIAL_PQ_CONNECT_H


#include "social_pq_pipeline.h"


#define SOCIAL_PQ_ERROR_SIZE  256


typedef struct {
    const char     *conninfo;          /* as libpq takes it */
    int             connect_timeout;   /* seconds, 2 at least to libpq */
    int             statement_timeout; /* milliseconds */
    const char     *application_name;
} social_pq_options_t;


/*
 * Whether "conninfo" can be read.  Does not say what is wrong with it, since
 * it may contain a password.
 */
bool social_pq_conninfo_valid(const char *conninfo);

/*
 * Connects: DNS, TLS and login, blocking, for threads only.  SOCIAL_OK: the
 * caller closes "pq" with social_pq_close().  SOCIAL_DECLINED: "error" says
 * why, in one line; SOCIAL_FAILED: out of memory.
 */
social_rc_e social_pq_connect(const social_pq_options_t *options,
    social_pq_t **pq, char error[SOCIAL_PQ_ERROR_SIZE]);


#endif /* SOCIAL_PQ_CONNECT_H */
