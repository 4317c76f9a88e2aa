
/*
 * How long a thread waits: until a time, or until it is to stop.
 */

#ifndef SOCIAL_PQ_WAIT_H
#define SOCIAL_PQ_WAIT_H


#include "social_rc.h"
#include "social_str.h"


/* how late a wait notices that it is to stop, in milliseconds */
#define SOCIAL_PQ_WAIT_SLICE  100


/*
 * Whether to give up; called several times a second, from the thread that
 * waits.
 */
typedef bool (*social_pq_stop_pt)(void *data);


typedef struct {
    int64_t             end;       /* of social_pq_clock() */
    social_pq_stop_pt   stop;      /* NULL: never */
    void               *data;
} social_pq_wait_t;


/*
 * Milliseconds of a clock that is never set.
 */
int64_t social_pq_clock(void);

/*
 * For how many milliseconds to wait before asking again: SOCIAL_PQ_WAIT_SLICE
 * at most; 0: not any longer.
 */
int social_pq_wait_slice(const social_pq_wait_t *wait);

/*
 * A part of a wait, for the first of "n" things that are tried one after the
 * other: an n-th of what is left.
 */
social_pq_wait_t social_pq_wait_share(const social_pq_wait_t *wait, size_t n);

/*
 * Waits until the socket can be read (POLLIN) or written (POLLOUT).
 * SOCIAL_DECLINED: not in time; SOCIAL_FAILED: poll() failed.
 */
social_rc_e social_pq_wait(const social_pq_wait_t *wait, int fd,
    short events);


#endif /* SOCIAL_PQ_WAIT_H */
