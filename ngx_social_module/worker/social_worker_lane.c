
/*
 * The lanes of a worker: its own queue, and those of the sections "lane".
 */

#include <stdlib.h>
#include <string.h>

#include "social_worker_log.h"
#include "social_worker_loop.h"


static void social_worker_lane_init(social_worker_lane_t *lane,
    const char *name, const char *queue, size_t slots);


bool
social_worker_lanes_start(social_worker_loop_t *loop)
{
    size_t                            i;
    social_worker_lane_t             *lane;
    const social_worker_conf_t       *conf;
    const social_worker_lane_conf_t  *section;

    conf = loop->conf;
    loop->lane_count = 1 + conf->lane_count;

    social_worker_lane_init(&loop->lanes[0], NULL, conf->queue,
                            conf->concurrency);

    for (i = 0; i < conf->lane_count; i++) {
        section = &conf->lanes[i];
        social_worker_lane_init(&loop->lanes[1 + i], section->name,
                                section->queue, section->concurrency);
    }

    for (i = 0; i < loop->lane_count; i++) {

        lane = &loop->lanes[i];
        lane->loop = loop;
        loop->slot_count += lane->slot_count;

        if (lane->queue != NULL && (i == 0 || lane->name != NULL)) {
            lane->slots = social_worker_slots_start(lane->slot_count,
                                                    &loop->work, i);
        }

        if (lane->slots == NULL) {
            social_worker_lanes_stop(loop);
            return false;
        }
    }

    return true;
}


static void
social_worker_lane_init(social_worker_lane_t *lane, const char *name,
    const char *queue, size_t slots)
{
    lane->name = name ? strdup(name) : NULL;
    lane->queue = strdup(queue ? queue : "");
    lane->slot_count = slots;
}


void
social_worker_lanes_stop(social_worker_loop_t *loop)
{
    size_t  i;

    for (i = 0; i < loop->lane_count; i++) {
        social_worker_slots_stop(loop->lanes[i].slots,
                                 loop->lanes[i].slot_count);
        loop->lanes[i].slots = NULL;
    }
}


void
social_worker_lanes_free(social_worker_loop_t *loop)
{
    size_t  i;

    for (i = 0; i < loop->lane_count; i++) {
        free(loop->lanes[i].name);
        free(loop->lanes[i].queue);
    }
}


void
social_worker_lanes_log(const social_worker_loop_t *loop)
{
    size_t                       i;
    const social_worker_lane_t  *lane;

    for (i = 1; i < loop->lane_count; i++) {
        lane = &loop->lanes[i];
        social_worker_log(SOCIAL_WORKER_INFO, "lane started",
                          social_worker_text("lane", lane->name),
                          social_worker_text("queue", lane->queue),
                          social_worker_number("concurrency",
                                               (long long) lane->slot_count));
    }
}


/*
 * Threads are counted once; the worker's queue, and those of the lanes that
 * there are, may be others.
 */

void
social_worker_lanes_change(social_worker_loop_t *loop,
    social_worker_conf_t *conf)
{
    char        *queue;
    size_t       i, k;
    const char  *other;

    conf->concurrency = loop->conf->concurrency;

    for (i = 0; i < loop->lane_count; i++) {

        other = i == 0 ? conf->queue : NULL;

        for (k = 0; i > 0 && k < conf->lane_count; k++) {
            if (strcmp(conf->lanes[k].name, loop->lanes[i].name) == 0) {
                other = conf->lanes[k].queue;
            }
        }

        queue = other ? strdup(other) : NULL;

        if (queue != NULL) {
            free(loop->lanes[i].queue);
            loop->lanes[i].queue = queue;
            loop->lanes[i].next_poll = 0;
        }
    }
}


void
social_worker_lanes_soon(social_worker_loop_t *loop)
{
    size_t  i;

    for (i = 0; i < loop->lane_count; i++) {
        loop->lanes[i].next_poll = 0;
        loop->lanes[i].drained = false;
    }
}


bool
social_worker_lanes_drained(const social_worker_loop_t *loop)
{
    size_t  i;

    for (i = 0; i < loop->lane_count; i++) {
        if (!loop->lanes[i].drained) {
            return false;
        }
    }

    return true;
}
