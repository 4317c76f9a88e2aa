
/*
 * What is counted for "social_status".
 *
 * DESIGN.  A slot has one writer, the event loop of its process, which neither
 * locks nor uses atomic instructions; who reads it sees each number whole.
 * What a process has counted is added to the totals when its slot is taken by
 * another one, after it has exited or was killed.  Slots are never freed, so
 * that there are as many as processes have lived at one time.
 */

#include "ngx_http_social_counters.h"
#include "ngx_http_social_zone.h"


#define NGX_HTTP_SOCIAL_COUNTERS_LINE  64    /* bytes of a cache line */


typedef struct ngx_http_social_counters_slot_s
    ngx_http_social_counters_slot_t;

struct ngx_http_social_counters_slot_s {
    ngx_http_social_counters_t        counters;
    ngx_http_social_counters_slot_t  *next;
    ngx_pid_t                         pid;          /* 0: of no process */
    u_char                            pad[NGX_HTTP_SOCIAL_COUNTERS_LINE];
};


/* guarded by the slab pool's mutex, but for the counters of slots */

typedef struct {
    ngx_http_social_counters_t        totals;       /* of those who are gone */
    ngx_http_social_counters_slot_t  *slots;
} ngx_http_social_counters_sh_t;


static ngx_int_t ngx_http_social_counters_init_zone(ngx_slab_pool_t *shpool,
    void **part, void *data, ngx_log_t *log);
static ngx_uint_t ngx_http_social_counters_lives(
    ngx_http_social_counters_slot_t *slot);
static void ngx_http_social_counters_add(ngx_http_social_counters_t *sum,
    const ngx_http_social_counters_t *counters);


ngx_int_t
ngx_http_social_counters_use(ngx_conf_t *cf)
{
    ngx_http_social_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_module);

    if (smcf->counting == NULL) {
        smcf->counting = ngx_pcalloc(cf->pool,
                                     sizeof(ngx_http_social_counting_t));
    }

    return smcf->counting ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_social_counters_init(ngx_conf_t *cf)
{
    ngx_http_social_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_module);

    if (smcf->counting == NULL) {
        return NGX_OK;
    }

    return ngx_http_social_zone_add_part(cf, NGX_HTTP_SOCIAL_ZONE_COUNTERS,
                                         ngx_http_social_counters_init_zone,
                                         smcf->counting);
}


static ngx_int_t
ngx_http_social_counters_init_zone(ngx_slab_pool_t *shpool, void **part,
    void *data, ngx_log_t *log)
{
    ngx_http_social_counting_t  *counting = data;

    if (*part == NULL) {
        *part = ngx_slab_calloc(shpool, sizeof(ngx_http_social_counters_sh_t));
    }

    if (*part == NULL) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "social: no room for counters%s: increase "
                      "\"social_zone\"", shpool->log_ctx);
        return NGX_ERROR;
    }

    counting->shpool = shpool;
    counting->sh = *part;

    return NGX_OK;
}


void
ngx_http_social_counters_start(ngx_cycle_t *cycle)
{
    ngx_http_social_counting_t       *counting;
    ngx_http_social_main_conf_t      *smcf;
    ngx_http_social_counters_sh_t    *sh;
    ngx_http_social_counters_slot_t  *slot;

    smcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_social_module);

    if (smcf == NULL || smcf->counting == NULL) {
        return;
    }

    counting = smcf->counting;
    sh = counting->sh;

    ngx_shmtx_lock(&counting->shpool->mutex);

    for (slot = sh->slots; slot; slot = slot->next) {
        if (slot->pid == ngx_pid || !ngx_http_social_counters_lives(slot)) {
            break;
        }
    }

    if (slot != NULL) {
        ngx_http_social_counters_add(&sh->totals, &slot->counters);
        ngx_memzero(&slot->counters, sizeof(ngx_http_social_counters_t));

    } else {
        slot = ngx_slab_calloc_locked(counting->shpool,
                                      sizeof(ngx_http_social_counters_slot_t));
        if (slot != NULL) {
            slot->next = sh->slots;
            sh->slots = slot;
        }
    }

    if (slot != NULL) {
        slot->pid = ngx_pid;
        counting->slot = &slot->counters;
    }

    ngx_shmtx_unlock(&counting->shpool->mutex);

    if (slot == NULL) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "social: no room for the counters of a worker process%s: "
                      "increase \"social_zone\"", counting->shpool->log_ctx);
    }
}


void
ngx_http_social_counters_stop(ngx_cycle_t *cycle)
{
    ngx_http_social_counting_t       *counting;
    ngx_http_social_main_conf_t      *smcf;
    ngx_http_social_counters_slot_t  *slot;

    smcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_social_module);

    if (smcf == NULL || smcf->counting == NULL
        || smcf->counting->slot == NULL)
    {
        return;
    }

    counting = smcf->counting;
    slot = (ngx_http_social_counters_slot_t *) counting->slot;

    counting->slot = NULL;

    ngx_shmtx_lock(&counting->shpool->mutex);
    slot->pid = 0;
    ngx_shmtx_unlock(&counting->shpool->mutex);
}


void
ngx_http_social_counters_sum(ngx_http_request_t *r,
    ngx_http_social_counters_t *sum, ngx_uint_t *processes)
{
    ngx_uint_t                        i;
    ngx_http_social_counting_t       *counting;
    ngx_http_social_main_conf_t      *smcf;
    ngx_http_social_counters_sh_t    *sh;
    ngx_http_social_counters_slot_t  *slot;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_social_module);

    counting = smcf->counting;
    sh = counting->sh;

    *processes = 0;

    ngx_shmtx_lock(&counting->shpool->mutex);

    *sum = sh->totals;

    for (slot = sh->slots; slot; slot = slot->next) {
        ngx_http_social_counters_add(sum, &slot->counters);

        if (!ngx_http_social_counters_lives(slot)) {
            continue;
        }

        (*processes)++;

        for (i = 0; i < NGX_HTTP_SOCIAL_GAUGES; i++) {
            sum->gauges[i] += slot->counters.gauges[i];
        }
    }

    ngx_shmtx_unlock(&counting->shpool->mutex);
}


ngx_slab_pool_t *
ngx_http_social_counters_zone(ngx_http_request_t *r)
{
    ngx_http_social_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_social_module);

    return smcf->counting->shpool;
}


ngx_http_social_counters_t *
ngx_http_social_counters(void)
{
    ngx_http_social_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_social_module);

    return smcf && smcf->counting ? smcf->counting->slot : NULL;
}


static ngx_uint_t
ngx_http_social_counters_lives(ngx_http_social_counters_slot_t *slot)
{
    return slot->pid != 0
           && (kill(slot->pid, 0) == 0 || ngx_errno != ESRCH);
}


/*
 * But for gauges, which those who are gone have none of.
 */

static void
ngx_http_social_counters_add(ngx_http_social_counters_t *sum,
    const ngx_http_social_counters_t *counters)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_SOCIAL_COUNTS; i++) {
        sum->counts[i] += counters->counts[i];
    }

    for (i = 0; i < NGX_HTTP_SOCIAL_PEAKS; i++) {
        sum->peaks[i] = ngx_max(sum->peaks[i], counters->peaks[i]);
    }
}
