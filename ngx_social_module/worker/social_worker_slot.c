
/*
 * The threads that work.
 */

#include <stdlib.h>

#include "social_worker_slot.h"


static void *social_worker_slot_main(void *data);


social_worker_slot_t *
social_worker_slots_start(size_t n, social_worker_work_t *work, size_t lane)
{
    size_t                 i;
    social_worker_slot_t  *slots;

    slots = calloc(n, sizeof(social_worker_slot_t));

    if (slots == NULL) {
        return NULL;
    }

    for (i = 0; i < n; i++) {

        slots[i].work = work;
        slots[i].lane = lane;

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

    if (slots == NULL) {
        return;
    }

    if (n > 0) {
        social_worker_work_leave(slots[0].work);
    }

    for (i = 0; i < n; i++) {
        pthread_join(slots[i].thread, NULL);
    }

    free(slots);
}


static void *
social_worker_slot_main(void *data)
{
    social_worker_slot_t  *slot = data;

    social_worker_job_t      *job;
    social_worker_decoder_t   decoder;

    social_worker_decoder_init(&decoder);

    job = NULL;

    while ((job = social_worker_work_next(slot->work, slot->lane, job))
           != NULL)
    {
        social_worker_job_run(job, slot->work, &decoder);
    }

    social_worker_decoder_stop(&decoder);

    return NULL;
}
