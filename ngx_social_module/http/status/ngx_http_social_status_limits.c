
/*
 * "social_status": the numbers of limits.
 */

#include "ngx_http_social_status.h"


typedef struct {
    const char  *name;
    const char  *type;
    const char  *help;
    size_t       offset;       /* in ngx_http_social_status_limit_t */
} ngx_http_social_status_family_t;


static void ngx_http_social_status_fleet(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_fleet_t *fleet);


static const ngx_http_social_status_family_t
    ngx_http_social_status_limit_families[] =
{
    { "social_limit_admitted_requests_total", "counter",
      "Requests that a limit has admitted.",
      offsetof(ngx_http_social_status_limit_t, admitted) },

    { "social_limit_refused_requests_total", "counter",
      "Requests that a limit has refused.",
      offsetof(ngx_http_social_status_limit_t, refused) },

    { "social_limit_dry_run_requests_total", "counter",
      "Requests that a limit would have refused but for its dry run.",
      offsetof(ngx_http_social_status_limit_t, dry_run) },

    { "social_limit_dropped_keys_total", "counter",
      "Keys in use that were dropped since the zone was full.",
      offsetof(ngx_http_social_status_limit_t, dropped) },

    { "social_limit_keys", "gauge",
      "Keys that are counted.",
      offsetof(ngx_http_social_status_limit_t, keys) },

    { "social_limit_leases", "gauge",
      "Keys that are reported to other gateways.",
      offsetof(ngx_http_social_status_limit_t, leases) },

    { NULL, NULL, NULL, 0 }
};


ngx_int_t
ngx_http_social_status_collect_limits(ngx_http_request_t *r,
    ngx_http_social_status_t *status)
{
    ngx_uint_t                           i;
    ngx_http_social_limit_zone_t       **zones, *zone;
    ngx_http_social_limit_fleet_t       *fleet;
    ngx_http_social_status_limit_t      *limit;
    ngx_http_social_limit_main_conf_t   *lmcf;

    lmcf = ngx_http_social_limit_conf(r);
    zones = lmcf->zones.elts;

    status->n_limits = lmcf->zones.nelts;
    status->limits = ngx_palloc(r->pool, (status->n_limits + 1)
                                     * sizeof(ngx_http_social_status_limit_t));
    if (status->limits == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < status->n_limits; i++) {
        zone = zones[i];
        limit = &status->limits[i];

        ngx_shmtx_lock(&zone->shpool->mutex);

        limit->zone = zone;
        limit->admitted = zone->sh->admitted;
        limit->refused = zone->sh->refused;
        limit->dry_run = zone->sh->dry_run;
        limit->dropped = zone->sh->dropped;
        limit->keys = zone->sh->keys;
        limit->leases = zone->sh->used;

        ngx_shmtx_unlock(&zone->shpool->mutex);
    }

    fleet = lmcf->fleet;

    if (fleet != NULL) {
        ngx_shmtx_lock(&lmcf->shpool->mutex);

        status->fleet.shared = 1;
        status->fleet.gateways = fleet->gateways;
        status->fleet.done = fleet->done;
        status->fleet.failed = fleet->failed;
        status->fleet.age = fleet->last
                            ? (ngx_msec_int_t) (ngx_current_msec - fleet->last)
                            : -1;

        /* another process may have done it in a later millisecond */

        if (fleet->last && status->fleet.age < 0) {
            status->fleet.age = 0;
        }

        ngx_shmtx_unlock(&lmcf->shpool->mutex);
    }

    return NGX_OK;
}


void
ngx_http_social_status_limits(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status)
{
    ngx_uint_t                              i;
    const ngx_http_social_status_limit_t   *limit;
    const ngx_http_social_status_family_t  *family;

    for (family = ngx_http_social_status_limit_families; family->name;
         family++)
    {
        ngx_http_social_status_family(t, family->name, family->type,
                                      family->help);

        for (i = 0; i < status->n_limits; i++) {
            limit = &status->limits[i];

            ngx_http_social_status_sample(t, "limit",
                ngx_http_social_view(&limit->zone->name),
                *(const uint64_t *) ((const u_char *) limit + family->offset),
                0);
        }
    }

    if (status->fleet.shared) {
        ngx_http_social_status_fleet(t, &status->fleet);
    }
}


static void
ngx_http_social_status_fleet(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_fleet_t *fleet)
{
    ngx_http_social_status_family(t, "social_limit_gateways", "gauge",
        "Gateways that share limits, this one included; 0 until it is known.");
    ngx_http_social_status_sample(t, NULL, social_str(""), fleet->gateways, 0);

    ngx_http_social_status_family(t, "social_limit_exchanges_total", "counter",
        "Exchanges with the database by outcome.");
    ngx_http_social_status_sample(t, "outcome", social_str("ok"), fleet->done,
                                  0);
    ngx_http_social_status_sample(t, "outcome", social_str("failed"),
                                  fleet->failed, 0);

    ngx_http_social_status_family(t, "social_limit_exchange_age_seconds",
        "gauge", "The time since the last exchange that was answered, where "
        "there was one.");

    if (fleet->age != -1) {
        ngx_http_social_status_sample(t, NULL, social_str(""), fleet->age, 3);
    }
}
