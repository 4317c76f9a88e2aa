
/*
 * Sections "schedule" of the worker's configuration.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "social_json.h"
#include "social_time.h"
#include "social_worker_conf_parse.h"


#define SOCIAL_WORKER_SCHEDULE_NAME  64

/* milliseconds */
#define SOCIAL_WORKER_SCHEDULE_LEAST  1000
#define SOCIAL_WORKER_SCHEDULE_MOST   (366ULL * 86400 * 1000)


static void social_worker_conf_schedule_name(social_worker_conf_ctx_t *ctx,
    const char *section, const char *option, const char *value);
static bool social_worker_conf_is_object(const char *text);
static bool social_worker_conf_is_time(const char *text);


cfg_opt_t  social_worker_schedule_opts[] = {
    CFG_STR("kind", NULL, CFGF_NONE),
    CFG_STR("every", "0", CFGF_NONE),
    CFG_STR("queue", NULL, CFGF_NONE),
    CFG_STR("payload", "{}", CFGF_NONE),
    CFG_STR("priority", "100", CFGF_NONE),
    CFG_STR("start", NULL, CFGF_NONE),
    CFG_STR("zone", "UTC", CFGF_NONE),
    CFG_END()
};


void
social_worker_conf_fill_schedule(social_worker_conf_ctx_t *ctx, cfg_t *cfg,
    social_worker_schedule_t *schedule)
{
    schedule->name = strdup(cfg_title(cfg));
    schedule->kind = social_worker_conf_text(cfg, "kind");
    schedule->queue = social_worker_conf_text(cfg, "queue");
    schedule->payload = social_worker_conf_text(cfg, "payload");
    schedule->start = social_worker_conf_text(cfg, "start");
    schedule->zone = social_worker_conf_text(cfg, "zone");

    schedule->every = social_worker_conf_number(ctx, cfg, "every",
                                                SOCIAL_WORKER_SCHEDULE_LEAST,
                                                SOCIAL_WORKER_SCHEDULE_MOST);
    schedule->priority = (uint32_t) social_worker_conf_number(ctx, cfg,
                                                 "priority", 0, 1000000000);

    if (schedule->queue == NULL && ctx->conf->queue != NULL) {
        schedule->queue = strdup(ctx->conf->queue);
    }

    social_worker_conf_schedule_name(ctx, schedule->name, NULL,
                                     schedule->name);
    social_worker_conf_schedule_name(ctx, schedule->name, "kind",
                                     schedule->kind);
    social_worker_conf_schedule_name(ctx, schedule->name, "queue",
                                     schedule->queue);

    if (!social_worker_conf_is_object(schedule->payload)) {
        social_worker_conf_wrong(ctx, "schedule", schedule->name, "payload",
                                 "it is not an object of JSON");
    }

    if (schedule->start != NULL
        && !social_worker_conf_is_time(schedule->start))
    {
        social_worker_conf_wrong(ctx, "schedule", schedule->name, "start",
                                 "it is not a time of the form "
                                 "\"2026-01-31 06:00\"");
    }
}


static void
social_worker_conf_schedule_name(social_worker_conf_ctx_t *ctx,
    const char *section, const char *option, const char *value)
{
    if (value == NULL || value[0] == '\0'
        || strlen(value) > SOCIAL_WORKER_SCHEDULE_NAME)
    {
        social_worker_conf_wrong(ctx, "schedule", section, option,
                                 "a name of up to 64 bytes is needed");
    }
}


static bool
social_worker_conf_is_object(const char *text)
{
    bool            is;
    social_json_t  *json;

    if (text == NULL
        || social_json_parse(social_str(text), &json) != SOCIAL_OK)
    {
        return false;
    }

    is = social_json_is_object(json);
    social_json_free(json);

    return is;
}


/* "2026-01-31 06:00", of a day that there is */

static bool
social_worker_conf_is_time(const char *text)
{
    char     iso[sizeof("2026-01-31T06:00:00Z")];
    int64_t  t;

    if (strlen(text) != sizeof("2026-01-31 06:00") - 1 || text[10] != ' ') {
        return false;
    }

    snprintf(iso, sizeof(iso), "%.10sT%s:00Z", text, text + 11);

    return social_time_iso_parse(social_str(iso), &t) == SOCIAL_OK;
}
