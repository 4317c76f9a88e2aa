
/*
 * How long a thread waits.
 */

#include <errno.h>
#include <poll.h>
#include <time.h>

#include "social_pq_wait.h"


int64_t
social_pq_clock(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


int
social_pq_wait_slice(const social_pq_wait_t *wait)
{
    int64_t  left;

    if (wait->stop != NULL && wait->stop(wait->data)) {
        return 0;
    }

    left = wait->end - social_pq_clock();

    if (left <= 0) {
        return 0;
    }

    return left < SOCIAL_PQ_WAIT_SLICE ? (int) left : SOCIAL_PQ_WAIT_SLICE;
}


social_pq_wait_t
social_pq_wait_share(const social_pq_wait_t *wait, size_t n)
{
    int64_t           now;
    social_pq_wait_t  share;

    share = *wait;
    now = social_pq_clock();

    if (n > 1 && wait->end > now) {
        share.end = now + (wait->end - now) / (int64_t) n;
    }

    return share;
}


social_rc_e
social_pq_wait(const social_pq_wait_t *wait, int fd, short events)
{
    int            slice, n;
    struct pollfd  pfd;

    for ( ;; ) {

        slice = social_pq_wait_slice(wait);

        if (slice == 0) {
            return SOCIAL_DECLINED;
        }

        pfd.fd = fd;
        pfd.events = events;
        pfd.revents = 0;

        n = poll(&pfd, 1, slice);

        if (n > 0) {
            return SOCIAL_OK;
        }

        if (n < 0 && errno != EINTR) {
            return SOCIAL_FAILED;
        }
    }
}
