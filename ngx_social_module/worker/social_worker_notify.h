
/*
 * What the service manager is informed of: sd_notify(3).
 */

#ifndef SOCIAL_WORKER_NOTIFY_H
#define SOCIAL_WORKER_NOTIFY_H


#include <stdbool.h>


typedef struct {
    char         address[108];   /* of NOTIFY_SOCKET; empty: no manager */
    unsigned     length;
    long long    interval;       /* of signs of life, in ms; 0: none are due */
    long long    next;
    int          database;       /* what was said of it: -1: nothing */
} social_worker_notify_t;


/*
 * Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment,
 * so that no child has them.  To be called before the first thread.  Without
 * them, or with an address that cannot be one, the other functions do nothing.
 */
void social_worker_notify_init(social_worker_notify_t *notify);

/*
 * It works; it reads its configuration again, after which the first function
 * is called again; it finishes what it does.  None waits: what the manager does
 * not take at once is lost.
 */
void social_worker_notify_ready(social_worker_notify_t *notify);
void social_worker_notify_reloading(social_worker_notify_t *notify);
void social_worker_notify_stopping(social_worker_notify_t *notify);

/*
 * A sign of life, if one is due at "now" (social_worker_now()), and the state
 * of the database, if it has changed.  The second one says when the next sign
 * is due, LLONG_MAX for never.
 */
void social_worker_notify_process(social_worker_notify_t *notify,
    bool database, long long now);
long long social_worker_notify_deadline(const social_worker_notify_t *notify);


#endif /* SOCIAL_WORKER_NOTIFY_H */
