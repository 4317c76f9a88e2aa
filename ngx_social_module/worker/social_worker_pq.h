
/*
 * A blocking connection to PostgreSQL, for one thread, that is made again when
 * it breaks.
 */

#ifndef SOCIAL_WORKER_PQ_H
#define SOCIAL_WORKER_PQ_H


#include <libpq-fe.h>
#include <stdbool.h>


#define SOCIAL_WORKER_PQ_PARAMS  10
#define SOCIAL_WORKER_PQ_ERROR   256


typedef struct {
    PGconn      *conn;
    const char  *listen;         /* a channel, or NULL */

    /* so that each state is logged once */
    bool         failing;        /* no connection */
    const char  *refused;        /* the statement that the server refused */
    char         error[SOCIAL_WORKER_PQ_ERROR];
    char         state[8];       /* the SQLSTATE of the last failure, or "" */
} social_worker_pq_t;


/*
 * Makes sure of a connection; false, after a line in the log, when there is
 * none.  "conninfo" as libpq takes it, NULL for libpq's environment.
 */
bool social_worker_pq_connect(social_worker_pq_t *pq, const char *conninfo);

/*
 * Runs one statement, a literal, with parameters as text, of which NULL is
 * null, up to SOCIAL_WORKER_PQ_PARAMS, counted by "n".  NULL when it failed,
 * with the reason in pq->error, and in the log when the same statement had not
 * failed just before, and again when it does not fail any more; PQclear()
 * otherwise.  After a failure the connection is there still if the server
 * answered.
 */
PGresult *social_worker_pq_run(social_worker_pq_t *pq, const char *sql, int n,
    const char *const *params);

/*
 * The one value of a result as text, NULL for null or for no row.
 */
const char *social_worker_pq_value(const PGresult *result);

void social_worker_pq_close(social_worker_pq_t *pq);


#endif /* SOCIAL_WORKER_PQ_H */
