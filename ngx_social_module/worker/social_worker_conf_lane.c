
/*
 * Sections "lane" of the worker's configuration.
 */

#include <stdlib.h>
#include <string.h>

#include "social_worker_conf_parse.h"


#define SOCIAL_WORKER_LANE_NAME  64


cfg_opt_t  social_worker_lane_opts[] = {
    CFG_STR("queue", NULL, CFGF_NONE),
    CFG_STR("concurrency", "1", CFGF_NONE),
    CFG_END()
};


void
social_worker_conf_fill_lane(social_worker_conf_ctx_t *ctx, cfg_t *cfg,
    social_worker_lane_conf_t *lane)
{
    const social_worker_lane_conf_t  *other;

    lane->name = strdup(cfg_title(cfg));
    lane->queue = social_worker_conf_text(cfg, "queue");
    lane->concurrency = (uint32_t) social_worker_conf_number(ctx, cfg,
                                                     "concurrency", 1, 256);

    if (lane->queue == NULL) {
        lane->queue = strdup(lane->name);
    }

    if (lane->queue == NULL || lane->queue[0] == '\0'
        || strlen(lane->queue) > SOCIAL_WORKER_LANE_NAME)
    {
        social_worker_conf_wrong(ctx, "lane", lane->name, "queue",
                                 "a name of up to 64 bytes is needed");
        return;
    }

    if (ctx->conf->queue != NULL
        && strcmp(ctx->conf->queue, lane->queue) == 0)
    {
        social_worker_conf_wrong(ctx, "lane", lane->name, "queue",
                                 "it is the \"queue\" of the worker");
    }

    for (other = ctx->conf->lanes; other < lane; other++) {
        if (strcmp(other->queue, lane->queue) == 0) {
            social_worker_conf_wrong(ctx, "lane", lane->name, "queue",
                                     "another section has the same");
        }
    }
}


void
social_worker_conf_release_lane(social_worker_lane_conf_t *lane)
{
    free(lane->name);
    free(lane->queue);
}
