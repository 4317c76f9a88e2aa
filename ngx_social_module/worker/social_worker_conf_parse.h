
/*
 * What the parts that read the worker's configuration share.
 */

#ifndef SOCIAL_WORKER_CONF_PARSE_H
#define SOCIAL_WORKER_CONF_PARSE_H


#include <confuse.h>

#include "social_worker_conf.h"


/* the mistakes of a configuration are counted, so that all are shown */

typedef struct {
    social_worker_conf_t  *conf;
    unsigned               mistakes;
} social_worker_conf_ctx_t;


/*
 * A copy of an option, owned by the caller, or NULL where it is not set or
 * empty.
 */
char *social_worker_conf_text(cfg_t *cfg, const char *option);

/*
 * A number, a size in bytes or a time in milliseconds; another one than "least"
 * to "most" is a mistake.
 */
uint64_t social_worker_conf_number(social_worker_conf_ctx_t *ctx, cfg_t *cfg,
    const char *option, uint64_t least, uint64_t most);

/*
 * Reads a size in bytes, or a time in milliseconds, with its unit.  False: it
 * is neither.
 */
bool social_worker_conf_parse(const char *text, uint64_t *value);

/*
 * Logs and counts a mistake.  All but "section" and "what" may be NULL.
 */
void social_worker_conf_wrong(social_worker_conf_ctx_t *ctx,
    const char *section, const char *name, const char *option,
    const char *what);

/*
 * The sections "lane": "lane" is one of ctx->conf->lanes, and those before it
 * have been filled.
 */
extern cfg_opt_t  social_worker_lane_opts[];

void social_worker_conf_fill_lane(social_worker_conf_ctx_t *ctx, cfg_t *cfg,
    social_worker_lane_conf_t *lane);
void social_worker_conf_release_lane(social_worker_lane_conf_t *lane);

/*
 * The option "ca" of a section: a file of certificates, owned by the caller, or
 * NULL where it is not set. One that cannot be read is a mistake.
 */
char *social_worker_conf_ca(social_worker_conf_ctx_t *ctx, cfg_t *cfg,
    const char *section, const char *name);

/*
 * The sections "schedule".
 */
extern cfg_opt_t  social_worker_schedule_opts[];

void social_worker_conf_fill_schedule(social_worker_conf_ctx_t *ctx,
    cfg_t *cfg, social_worker_schedule_t *schedule);


/*
 * The sections "sqs" and "job"; the second one fills the rule, and the texts
 * that it is of.
 */
extern cfg_opt_t  social_worker_sqs_opts[];
extern cfg_opt_t  social_worker_job_opts[];

void social_worker_conf_fill_sqs(social_worker_conf_ctx_t *ctx, cfg_t *cfg,
    social_worker_sqs_conf_t *sqs);
void social_worker_conf_release_sqs(social_worker_sqs_conf_t *sqs);

void social_worker_conf_fill_job(social_worker_conf_ctx_t *ctx, cfg_t *cfg,
    social_worker_rule_t *texts, social_s3_rule_t *rule);
void social_worker_conf_release_job(social_worker_rule_t *texts);


#endif /* SOCIAL_WORKER_CONF_PARSE_H */
