
/*
 * The threads that work.
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "social_worker_log.h"
#include "social_worker_slot.h"


static void *social_worker_slot_main(void *data);


social_worker_slot_t *
social_worker_slots_start(size_t n, int wake, const atomic_bool *stop)
{
    size_t                 i;
    social_worker_slot_t  *slots;

    slots = calloc(n, sizeof(social_worker_slot_t));

    if (slots == NULL) {
        return NULL;
    }

    for (i = 0; i < n; i++) {

        slots[i].wake = wake;
        slots[i].stop = stop;

        pthread_mutex_init(&slots[i].mutex, NULL);
        pthread_cond_init(&slots[i].cond, NULL);

        if (pthread_create(&slots[i].thread, NULL, social_worker_slot_main,
                           &slots[i])
            != 0)
        {
            social_worker_slots_stop(slots, i);
            return NULL;
        }
    }

    return slots;
}


void
social_worker_slots_stop(social_worker_slot_t *slots, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        pthread_mutex_lock(&slots[i].mutex);
        slots[i].leave = true;
        pthread_cond_signal(&slots[i].cond);
        pthread_mutex_unlock(&slots[i].mutex);
    }

    for (i = 0; i < n; i++) {
        pthread_join(slots[i].thread, NULL);
        pthread_mutex_destroy(&slots[i].mutex);
        pthread_cond_destroy(&slots[i].cond);
    }

    free(slots);
}


size_t
social_worker_slots_idle(social_worker_slot_t *slots, size_t n)
{
    size_t  i, idle;

    idle = 0;

    for (i = 0; i < n; i++) {
        pthread_mutex_lock(&slots[i].mutex);
        idle += slots[i].job == NULL;
        pthread_mutex_unlock(&slots[i].mutex);
    }

    return idle;
}


size_t
social_worker_slots_suspects(social_worker_slot_t *slots, size_t n)
{
    size_t  i, suspects;

    suspects = 0;

    for (i = 0; i < n; i++) {
        pthread_mutex_lock(&slots[i].mutex);
        suspects += slots[i].job != NULL && slots[i].job->suspect;
        pthread_mutex_unlock(&slots[i].mutex);
    }

    return suspects;
}


bool
social_worker_slots_give(social_worker_slot_t *slots, size_t n,
    social_worker_job_t *job)
{
    bool    given;
    size_t  i;

    given = false;

    for (i = 0; i < n && !given; i++) {

        pthread_mutex_lock(&slots[i].mutex);

        if (slots[i].job == NULL) {
            slots[i].job = job;
            pthread_cond_signal(&slots[i].cond);
            given = true;
        }

        pthread_mutex_unlock(&slots[i].mutex);
    }

    return given;
}


void
social_worker_slots_visit(social_worker_slot_t *slots, size_t n,
    void (*visit)(void *data, social_worker_job_t *job), void *data)
{
    size_t  i;

    for (i = 0; i < n; i++) {

        pthread_mutex_lock(&slots[i].mutex);

        if (slots[i].job != NULL) {
            visit(data, slots[i].job);
        }

        pthread_mutex_unlock(&slots[i].mutex);
    }
}


static void *
social_worker_slot_main(void *data)
{
    social_worker_slot_t  *slot = data;

    uint64_t                  one;
    social_worker_pq_t        pq;
    social_worker_job_t      *job;
    social_worker_decoder_t   decoder;

    memset(&pq, 0, sizeof(social_worker_pq_t));
    social_worker_decoder_init(&decoder);

    for (;;) {

        pthread_mutex_lock(&slot->mutex);

        while (slot->job == NULL && !slot->leave) {
            pthread_cond_wait(&slot->cond, &slot->mutex);
        }

        job = slot->job;
        pthread_mutex_unlock(&slot->mutex);

        if (job == NULL) {
            break;
        }

        social_worker_job_run(job, &pq, &decoder, slot->stop);

        pthread_mutex_lock(&slot->mutex);
        slot->job = NULL;
        pthread_mutex_unlock(&slot->mutex);

        social_worker_job_free(job);

        one = 1;

        if (write(slot->wake, &one, sizeof(one)) != sizeof(one)) {
            social_worker_log(SOCIAL_WORKER_WARN, "wake-up failed",
                              social_worker_number("job", 0));
        }
    }

    social_worker_decoder_stop(&decoder);
    social_worker_pq_close(&pq);

    return NULL;
}
