
/*
 * "social_limit": the exchange whose answer has not come, in the zone.
 *
 * DESIGN.  What was used of quotas is taken out of their buckets when it is
 * reported.  Until it is known that it was counted, it is in the zone with the
 * number of its exchange: a process that gets the lease sends it again before
 * anything else, by the same number, by which it is counted once.  So nothing
 * is lost with the process that had the lease, nor by a reload.
 */

#include "ngx_http_social_limit.h"


ngx_uint_t
ngx_http_social_limit_pending_keep(ngx_http_social_limit_main_conf_t *lmcf,
    uint64_t number, ngx_array_t *reports)
{
    ngx_uint_t                        i, n;
    ngx_http_social_limit_owed_t     *owed;
    ngx_http_social_limit_report_t   *report;
    ngx_http_social_limit_pending_t  *pending;

    report = reports->elts;
    n = 0;

    for (i = 0; i < reports->nelts; i++) {
        n += (report[i].used != 0);
    }

    /* one of another process, which got the lease since this one has looked */

    if (n == 0 || lmcf->fleet->pending != NULL) {
        return 0;
    }

    pending = ngx_slab_alloc_locked(lmcf->shpool,
                               offsetof(ngx_http_social_limit_pending_t, items)
                               + n * sizeof(ngx_http_social_limit_owed_t));
    if (pending == NULL) {
        return 0;
    }

    pending->number = number;
    pending->n = n;

    owed = pending->items;

    for (i = 0; i < reports->nelts; i++) {

        if (report[i].used == 0) {
            continue;
        }

        owed->demand = report[i].demand;
        owed->used = report[i].used;
        owed->until = report[i].until;
        ngx_memcpy(owed->hash, report[i].hash, sizeof(owed->hash));

        owed++;
    }

    lmcf->fleet->pending = pending;

    return 1;
}


uint64_t
ngx_http_social_limit_pending_number(ngx_http_social_limit_main_conf_t *lmcf)
{
    uint64_t                          number;
    ngx_http_social_limit_pending_t  *pending;

    ngx_shmtx_lock(&lmcf->shpool->mutex);

    pending = lmcf->fleet->pending;
    number = pending ? pending->number : 0;

    ngx_shmtx_unlock(&lmcf->shpool->mutex);

    return number;
}


ngx_int_t
ngx_http_social_limit_pending_get(ngx_http_social_limit_main_conf_t *lmcf,
    uint64_t *number, ngx_array_t *reports)
{
    ngx_uint_t                        i;
    ngx_http_social_limit_owed_t     *owed;
    ngx_http_social_limit_report_t   *report;
    ngx_http_social_limit_pending_t  *pending;

    ngx_shmtx_lock(&lmcf->shpool->mutex);

    pending = lmcf->fleet->pending;

    if (pending == NULL) {
        goto failed;
    }

    for (i = 0; i < pending->n; i++) {

        report = ngx_array_push(reports);
        if (report == NULL) {
            goto failed;
        }

        owed = &pending->items[i];

        ngx_memzero(report, sizeof(ngx_http_social_limit_report_t));

        report->demand = owed->demand;
        report->used = owed->used;
        report->until = owed->until;
        ngx_memcpy(report->hash, owed->hash, sizeof(report->hash));
    }

    *number = pending->number;

    ngx_shmtx_unlock(&lmcf->shpool->mutex);

    return NGX_OK;

failed:

    ngx_shmtx_unlock(&lmcf->shpool->mutex);

    return NGX_ERROR;
}


void
ngx_http_social_limit_pending_free(ngx_http_social_limit_main_conf_t *lmcf,
    uint64_t number)
{
    ngx_http_social_limit_pending_t  *pending;

    pending = lmcf->fleet->pending;

    if (pending != NULL && pending->number == number) {

        /* first, for a process that is killed in between */

        lmcf->fleet->pending = NULL;
        ngx_slab_free_locked(lmcf->shpool, pending);
    }
}
