
/*
 * The configuration, from what libConfuse read.
 */

#ifndef SOCIAL_WORKER_CONF_FILL_H
#define SOCIAL_WORKER_CONF_FILL_H


#include <confuse.h>

#include "social_worker_conf.h"


/* the mistakes of a configuration are counted, so that all are shown */

typedef struct {
    social_worker_conf_t  *conf;
    unsigned               mistakes;
} social_worker_conf_ctx_t;


/*
 * Checks what was read, and makes the configuration of it; each mistake is
 * logged and counted.
 */
void social_worker_conf_fill(social_worker_conf_ctx_t *ctx, cfg_t *cfg);

/*
 * Zeroed; a worker without memory for its configuration is no worker.
 */
void *social_worker_conf_array(size_t n, size_t size);


#endif /* SOCIAL_WORKER_CONF_FILL_H */
