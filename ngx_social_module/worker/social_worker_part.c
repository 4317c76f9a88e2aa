
/*
 * A part of a check that may wait for a network, within a time.
 *
 * Neither getaddrinfo() nor a server that takes a connection and says nothing
 * can be interrupted: the thread that waits for them is left to itself.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "social_worker_clock.h"
#include "social_worker_part.h"


struct social_worker_part_s {
    atomic_uint             references;    /* the caller's, and the thread's */
    pthread_mutex_t         mutex;
    pthread_cond_t          cond;
    bool                    done;
    bool                    ok;
    social_worker_part_pt   handler;
    const void             *data;
    char                    text[SOCIAL_WORKER_PART_TEXT];
};


static void *social_worker_part_main(void *data);
static bool social_worker_part_wait(social_worker_part_t *part,
    long long end);
static void social_worker_part_release(social_worker_part_t *part);


social_worker_part_t *
social_worker_part_start(social_worker_part_pt handler, const void *data)
{
    pthread_t              thread;
    pthread_attr_t         attr;
    pthread_condattr_t     clock;
    social_worker_part_t  *part;

    part = calloc(1, sizeof(social_worker_part_t));

    if (part == NULL) {
        return NULL;
    }

    part->references = 2;
    part->handler = handler;
    part->data = data;

    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&part->cond, &clock);
    pthread_condattr_destroy(&clock);
    pthread_mutex_init(&part->mutex, NULL);

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);

    if (pthread_create(&thread, &attr, social_worker_part_main, part) != 0) {
        part->references = 1;
        social_worker_part_release(part);
        part = NULL;
    }

    pthread_attr_destroy(&attr);

    return part;
}


static void *
social_worker_part_main(void *data)
{
    social_worker_part_t  *part = data;

    bool  ok;
    char  text[SOCIAL_WORKER_PART_TEXT];

    text[0] = '\0';
    ok = part->handler(part->data, text);

    pthread_mutex_lock(&part->mutex);

    part->ok = ok;
    part->done = true;
    memcpy(part->text, text, sizeof(text));

    pthread_cond_signal(&part->cond);
    pthread_mutex_unlock(&part->mutex);

    social_worker_part_release(part);

    return NULL;
}


bool
social_worker_part_end(social_worker_part_t *part, long long end,
    char text[SOCIAL_WORKER_PART_TEXT], bool *clean)
{
    bool  ok;

    if (part == NULL) {
        snprintf(text, SOCIAL_WORKER_PART_TEXT,
                 "not checked: out of memory, or of threads");
        return false;
    }

    pthread_mutex_lock(&part->mutex);

    if (social_worker_part_wait(part, end)) {
        ok = part->ok;
        memcpy(text, part->text, SOCIAL_WORKER_PART_TEXT);

    } else {
        ok = false;
        *clean = false;
        snprintf(text, SOCIAL_WORKER_PART_TEXT, "no answer in time");
    }

    pthread_mutex_unlock(&part->mutex);
    social_worker_part_release(part);

    return ok;
}


/* with the lock; whether the part is done */

static bool
social_worker_part_wait(social_worker_part_t *part, long long end)
{
    long long        left;
    struct timespec  until;

    while (!part->done) {

        left = end - social_worker_now();

        if (left <= 0) {
            return false;
        }

        clock_gettime(CLOCK_MONOTONIC, &until);

        until.tv_sec += (time_t) (left / 1000);
        until.tv_nsec += (long) (left % 1000) * 1000000;

        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }

        (void) pthread_cond_timedwait(&part->cond, &part->mutex, &until);
    }

    return true;
}


static void
social_worker_part_release(social_worker_part_t *part)
{
    if (atomic_fetch_sub(&part->references, 1) != 1) {
        return;
    }

    pthread_cond_destroy(&part->cond);
    pthread_mutex_destroy(&part->mutex);
    free(part);
}
