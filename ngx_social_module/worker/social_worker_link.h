
/*
 * A connection of the main thread, which never waits for it: it is made in a
 * thread, statements are sent one behind the other, each with a time limit,
 * and their answers come to handlers.
 */

#ifndef SOCIAL_WORKER_LINK_H
#define SOCIAL_WORKER_LINK_H


#include "social_pq_pipeline.h"


#define SOCIAL_WORKER_LINK_PARAMS  8


typedef struct social_worker_link_s  social_worker_link_t;


/*
 * A statement, "sql", of which each state is logged once.
 */
typedef struct {
    const char  *sql;
    bool         failing;
} social_worker_statement_t;


/*
 * Gets the outcome of a statement: SOCIAL_PQ_BROKEN is that of one whose
 * answer did not come, so that nobody knows whether it was done, and "result"
 * is NULL then.  Otherwise it is the result, freed after the call.  It may
 * send others.
 */
typedef void (*social_worker_link_handler_pt)(void *data,
    social_pq_outcome_e outcome, const social_pq_result_t *result);


/*
 * The number of connections that are not there and should be: an outage is
 * logged once, whatever the number of links that share this.
 */
typedef struct {
    unsigned     links;
} social_worker_outage_t;


/*
 * Nothing is connected yet.  "wake" is an eventfd that the caller waits for
 * too; it is written to when a connection was made.  NULL: no memory.
 */
social_worker_link_t *social_worker_link_create(social_worker_outage_t *outage,
    int wake);

/*
 * Closes it, without calling handlers.  False: a thread is at work on a
 * connection still, so that the process must end by _exit().
 */
bool social_worker_link_free(social_worker_link_t *link);

/*
 * Whether statements can be sent, and how many have no answer yet.
 */
bool social_worker_link_up(const social_worker_link_t *link);
size_t social_worker_link_pending(const social_worker_link_t *link);

/*
 * Sends a statement with "n" parameters as text, of which NULL is null; "limit"
 * milliseconds after now its answer has to be there, or the connection is
 * closed, and all that was sent on it is SOCIAL_PQ_BROKEN.  False: it could
 * not be sent, and the handler will not be called.
 */
bool social_worker_link_send(social_worker_link_t *link,
    social_worker_statement_t *statement, const char *const *params, size_t n,
    long long limit, social_worker_link_handler_pt handler, void *data);

/*
 * The same for a statement that has the transaction of the one that is sent
 * next, which has to be at once: both are done, or none.  The outcome is
 * SOCIAL_PQ_ABORTED where the other one was refused.
 */
bool social_worker_link_add(social_worker_link_t *link,
    social_worker_statement_t *statement, const char *const *params, size_t n,
    long long limit, social_worker_link_handler_pt handler, void *data);

/*
 * Does what can be done without waiting: connects with "conninfo" (see
 * social_worker_dial_start()), writes, reads, calls handlers, and ends what is
 * late.  "fresh" is true when the connection is a new one, the first time that
 * it can be used.
 */
void social_worker_link_process(social_worker_link_t *link,
    const char *conninfo, bool *fresh);

/*
 * What to wait for: the socket, or -1, the events of poll(), and the time, by
 * social_worker_now(), at which social_worker_link_process() has something to
 * do even if nothing comes.
 */
int social_worker_link_socket(const social_worker_link_t *link, short *events);
long long social_worker_link_deadline(const social_worker_link_t *link);

/*
 * Whether a notification came since the last call.
 */
bool social_worker_link_notified(social_worker_link_t *link);


#endif /* SOCIAL_WORKER_LINK_H */
