
/*
 * "social_limit": the keys that are reported to other gateways.
 *
 * DESIGN.  Most keys are asked for so little that all gateways together would
 * allow it.  Those that are asked for more have slots, which are few: what is
 * reported in an interval is bounded in any attack.  Where all slots are taken,
 * a key takes the place of one of a few that are looked at, if it is asked for
 * more, so that in the end the keys with the highest demand have them.
 *
 * A slot has a share of the limit from the first answer on, and keeps it until
 * there is another answer: while the database is unavailable all gateways stay
 * with what they had, and together with the limit.
 */

#include "ngx_http_social_limit.h"
#include "social_crypto.h"


#define NGX_HTTP_SOCIAL_LIMIT_LOOK   4      /* at slots, for one of less */
#define NGX_HTTP_SOCIAL_LIMIT_CHUNK  64     /* slots at a time */


typedef struct {
    size_t                           len;
    u_char                           data[NGX_HTTP_SOCIAL_LIMIT_KEY];
} ngx_http_social_limit_copy_t;


static ngx_uint_t ngx_http_social_limit_slot_report(
    ngx_http_social_limit_zone_t *zone, ngx_uint_t i, ngx_uint_t fresh,
    ngx_http_social_limit_report_t *report, ngx_http_social_limit_copy_t *copy);
static ngx_int_t ngx_http_social_limit_slot_hash(
    ngx_http_social_limit_report_t *report, ngx_http_social_limit_copy_t *copy);


void
ngx_http_social_limit_slot_want(ngx_http_social_limit_zone_t *zone,
    ngx_rbtree_node_t *node, ngx_uint_t soon)
{
    double                         demand;
    ngx_uint_t                     i;
    ngx_http_social_limit_sh_t    *sh;
    ngx_http_social_limit_node_t  *ln;
    ngx_http_social_limit_slot_t  *slot;

    sh = zone->sh;
    ln = ngx_http_social_limit_node(node);

    demand = social_limit_demand(0, 0, ln->arrived, zone->window);

    for (i = 0; i < NGX_HTTP_SOCIAL_LIMIT_LOOK; i++) {

        slot = &sh->slots[sh->next];

        if (slot->node == NULL
            || (slot->measured && slot->demand < demand))
        {
            goto found;
        }

        sh->next = (sh->next + 1) % sh->n;
    }

    return;

found:

    if (slot->node != NULL) {
        ngx_http_social_limit_slot_free(zone, slot->node);
    }

    ngx_memzero(slot, sizeof(ngx_http_social_limit_slot_t));

    slot->node = node;
    slot->serial = ++sh->serial;
    slot->since = ngx_current_msec;

    if (zone->limit.rate > 0) {
        slot->arrived = ln->arrived;
        slot->since -= (uint32_t) ngx_current_msec - ln->window;
    }

    ln->slot = (u_short) (sh->next + 1);

    sh->next = (sh->next + 1) % sh->n;
    sh->used++;

    if (soon) {
        zone->lmcf->fleet->wanted = 1;
    }
}


void
ngx_http_social_limit_slot_free(ngx_http_social_limit_zone_t *zone,
    ngx_rbtree_node_t *node)
{
    ngx_http_social_limit_node_t  *ln;

    ln = ngx_http_social_limit_node(node);

    if (ln->slot == 0) {
        return;
    }

    zone->sh->slots[ln->slot - 1].node = NULL;
    zone->sh->used--;

    ln->slot = 0;
}


double
ngx_http_social_limit_slot_share(const ngx_http_social_limit_zone_t *zone,
    const ngx_http_social_limit_node_t *node,
    ngx_http_social_limit_slot_t **slot)
{
    *slot = NULL;

    /* a slot of before a reload, since when the limit is not shared */

    if (node->slot == 0 || !zone->fleet) {
        return zone->share;
    }

    *slot = &zone->sh->slots[node->slot - 1];

    return (*slot)->leased ? (*slot)->share : zone->share;
}


ngx_int_t
ngx_http_social_limit_slots_report(ngx_http_social_limit_zone_t *zone,
    ngx_uint_t fresh, ngx_array_t *reports)
{
    ngx_uint_t                     i, k, n;
    ngx_http_social_limit_report_t  *item;
    ngx_http_social_limit_copy_t   copies[NGX_HTTP_SOCIAL_LIMIT_CHUNK];
    ngx_http_social_limit_report_t   items[NGX_HTTP_SOCIAL_LIMIT_CHUNK];

    for (i = 0; i < zone->sh->n; /* void */ ) {

        /* the lock is that of requests: hashes are made without it */

        n = 0;

        ngx_shmtx_lock(&zone->shpool->mutex);

        for (k = 0; k < NGX_HTTP_SOCIAL_LIMIT_CHUNK && i < zone->sh->n; k++) {
            n += ngx_http_social_limit_slot_report(zone, i++, fresh, &items[n],
                                                 &copies[n]);
        }

        ngx_shmtx_unlock(&zone->shpool->mutex);

        for (k = 0; k < n; k++) {

            if (ngx_http_social_limit_slot_hash(&items[k], &copies[k])
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            item = ngx_array_push(reports);
            if (item == NULL) {
                return NGX_ERROR;
            }

            *item = items[k];
        }
    }

    return NGX_OK;
}


/*
 * 1: there is something to report.  A key that is not asked for any more gives
 * its slot back.
 */

static ngx_uint_t
ngx_http_social_limit_slot_report(ngx_http_social_limit_zone_t *zone,
    ngx_uint_t i, ngx_uint_t fresh, ngx_http_social_limit_report_t *report,
    ngx_http_social_limit_copy_t *copy)
{
    double                         gateways;
    int64_t                        first;
    ngx_msec_t                     time, window;
    ngx_uint_t                     cold;
    ngx_http_social_limit_node_t  *ln;
    ngx_http_social_limit_slot_t  *slot;

    slot = &zone->sh->slots[i];

    if (slot->node == NULL || (fresh && slot->measured)) {
        return 0;
    }

    ln = ngx_http_social_limit_node(slot->node);
    time = ngx_current_msec - slot->since;

    /* another process, which has it from a later time of its own, is ahead */

    if ((ngx_msec_int_t) time < 0) {
        time = 0;
    }

    /* at first nothing is known of before, but that there was a window */

    window = zone->window;

    if (!slot->measured) {
        window = time < zone->window ? zone->window - time : 0;
    }

    slot->demand = social_limit_demand(slot->demand, window, slot->arrived,
                                       time);

    /*
     * a rate, with half of what it was given the slot for; a quota of which all
     * was reported and the rest is known
     */

    gateways = (double) ngx_max(zone->lmcf->fleet->gateways, 1);

    if (zone->limit.rate > 0) {
        cold = slot->measured
               && 4 * gateways * slot->demand * zone->window / 1000 < zone->hot;

    } else {
        cold = slot->leased && ln->arrived == 0 && slot->arrived == 0;
    }

    if (cold) {

        if (zone->limit.rate == 0) {

            /* others may use what is left: an equal part, and ask again */

            ln->bucket.tokens /= gateways;
            ln->window = 0;
        }

        ngx_http_social_limit_slot_free(zone, slot->node);
        return 0;
    }

    slot->measured = 1;
    slot->arrived = 0;
    slot->since = ngx_current_msec;

    ngx_memzero(report, sizeof(ngx_http_social_limit_report_t));

    report->zone = zone;
    report->i = i;
    report->serial = slot->serial;
    report->demand = (uint64_t) (slot->demand * 1000);

    if (zone->limit.rate == 0) {
        report->period = ln->bucket.last;

        social_limit_period(zone->limit.period, report->period, &first,
                            &report->until);
        report->used = ln->arrived;
        ln->arrived = 0;
    }

    copy->len = ln->len;
    ngx_memcpy(copy->data, ln->data, ln->len);

    return 1;
}


/*
 * What a key is called in the database: a limit of the same name counts the
 * same at all gateways.  A zero byte is in no name.
 */

static ngx_int_t
ngx_http_social_limit_slot_hash(ngx_http_social_limit_report_t *report,
    ngx_http_social_limit_copy_t *copy)
{
    u_char        *p;
    ngx_str_t     *name;
    social_str_t   text;
    u_char         digest[SOCIAL_SHA256_SIZE];
    u_char         buf[NGX_HTTP_SOCIAL_LIMIT_KEY + NGX_INT64_LEN + 66];

    name = &report->zone->name;

    p = ngx_cpymem(buf, name->data, name->len);
    *p++ = '\0';
    p = ngx_sprintf(p, "%L%Z", report->period);
    p = ngx_cpymem(p, copy->data, copy->len);

    text.data = buf;
    text.len = p - buf;

    if (social_sha256(text, digest) != SOCIAL_OK) {
        return NGX_ERROR;
    }

    ngx_memcpy(report->hash, digest, sizeof(report->hash));

    return NGX_OK;
}


void
ngx_http_social_limit_slot_lease(ngx_http_social_limit_report_t *report,
    uint64_t gateways, uint64_t demand, uint64_t used)
{
    double                         left;
    ngx_http_social_limit_zone_t  *zone;
    ngx_http_social_limit_node_t  *ln;
    ngx_http_social_limit_slot_t  *slot;

    zone = report->zone;
    slot = &zone->sh->slots[report->i];

    /* another key may have it by now */

    if (slot->node == NULL || slot->serial != report->serial) {
        return;
    }

    ln = ngx_http_social_limit_node(slot->node);

    slot->share = social_limit_share(&zone->limit,
                                     (double) report->demand / 1000,
                                     (double) demand / 1000, gateways);
    slot->leased = 1;
    slot->exhausted = (used >= zone->limit.n);

    if (zone->limit.rate == 0 && ln->bucket.last == report->period) {

        /* but for what came since */

        left = social_limit_left(&zone->limit, slot->share, used)
               - (double) ln->arrived;

        ln->bucket.tokens = left > 0 ? left : 0;
    }
}
