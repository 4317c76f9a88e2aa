
/*
 * The clock that leases and limits are measured by.
 */

#ifndef SOCIAL_WORKER_CLOCK_H
#define SOCIAL_WORKER_CLOCK_H


#include <stdlib.h>
#include <time.h>


/*
 * Milliseconds since the machine was started.  Nobody sets this clock, and it
 * goes on while the machine is suspended, as leases do (clock_gettime(2)).
 */

static inline long long
social_worker_now(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_BOOTTIME, &now);

    return (long long) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}


/*
 * From three to five quarters of "ms", so that workers that were started
 * together do not poll together.  For the main thread.
 */

static inline long long
social_worker_jitter(long long ms)
{
    return ms * 3 / 4 + random() % (ms / 2 + 1);
}


#endif /* SOCIAL_WORKER_CLOCK_H */
