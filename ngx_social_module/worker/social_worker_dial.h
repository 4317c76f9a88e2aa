
/*
 * Connections to PostgreSQL that are made in a thread: names are resolved and
 * passwords are exchanged while the caller goes on.
 */

#ifndef SOCIAL_WORKER_DIAL_H
#define SOCIAL_WORKER_DIAL_H


#include "social_pq_connect.h"


typedef struct social_worker_dial_s  social_worker_dial_t;


/*
 * Starts a thread that connects; "conninfo" as libpq takes it, NULL for
 * libpq's environment, is copied.  A statement may take "limit" milliseconds
 * of the server.  "wake" is an eventfd that is written to when the thread is
 * done.  NULL: no memory, or no thread.
 */
social_worker_dial_t *social_worker_dial_start(const char *conninfo,
    int limit, int wake);

/*
 * What became of it.  SOCIAL_OK: "pq" is the caller's, who closes it.
 * SOCIAL_DECLINED: the thread is not done yet.  SOCIAL_FAILED: "error" says
 * why there is no connection.
 */
social_rc_e social_worker_dial_poll(social_worker_dial_t *dial,
    social_pq_t **pq, char error[SOCIAL_PQ_ERROR_SIZE]);

/*
 * To be called once for each that was started, at any time.  A thread that
 * is at work is left to itself: it closes what it gets, and frees "dial".
 * False: there is such a thread, so that the process must end by _exit(),
 * which leaves it the libraries.
 */
bool social_worker_dial_end(social_worker_dial_t *dial);


#endif /* SOCIAL_WORKER_DIAL_H */
