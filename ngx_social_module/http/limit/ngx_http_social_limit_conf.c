
/*
 * The directives "social_limit_zone" and "social_limit".
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_limit.h"


#define NGX_HTTP_SOCIAL_LIMIT_SIZE    (10 * 1024 * 1024)
#define NGX_HTTP_SOCIAL_LIMIT_WINDOW  4      /* requests that a rate allows */


static char *ngx_http_social_limit_number(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
static ngx_uint_t ngx_http_social_limit_is_name(ngx_str_t *value);
static char *ngx_http_social_limit_compile(ngx_conf_t *cf,
    ngx_http_social_limit_zone_t *zone);
static ngx_int_t ngx_http_social_limit_complete(ngx_conf_t *cf,
    ngx_http_social_limit_main_conf_t *lmcf,
    ngx_http_social_limit_zone_t *zone);
static ngx_int_t ngx_http_social_limit_policy(ngx_conf_t *cf,
    ngx_http_social_limit_zone_t *zone);


static const ngx_http_social_conf_entry_t  ngx_http_social_limit_zone_params[] =
{

    { ngx_string("key"),
      NGX_HTTP_SOCIAL_CONF_REQUIRED,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_limit_zone_t, key_text),
      0, 0, NULL },

    { ngx_string("rate"),
      0,
      ngx_http_social_limit_number,
      offsetof(ngx_http_social_limit_zone_t, rate),
      0, 0, NULL },

    { ngx_string("quota"),
      0,
      ngx_http_social_limit_number,
      offsetof(ngx_http_social_limit_zone_t, quota),
      1, 0, NULL },

    { ngx_string("burst"),
      0,
      ngx_http_social_conf_number,
      offsetof(ngx_http_social_limit_zone_t, burst),
      1, SOCIAL_LIMIT_MAX, NULL },

    { ngx_string("size"),
      0,
      ngx_http_social_conf_size,
      offsetof(ngx_http_social_limit_zone_t, size),
      32 * 1024, 0, NULL },

    { ngx_string("fleet"),
      0,
      ngx_http_social_conf_flag,
      offsetof(ngx_http_social_limit_zone_t, fleet),
      0, 0, NULL },

    { ngx_string("local"),
      0,
      ngx_http_social_conf_number,
      offsetof(ngx_http_social_limit_zone_t, local),
      1, 100, NULL },

      ngx_http_social_conf_null_entry
};


static const ngx_http_social_conf_entry_t  ngx_http_social_limit_params[] = {

    { ngx_string("dry_run"),
      0,
      ngx_http_social_conf_flag,
      offsetof(ngx_http_social_limit_use_t, dry_run),
      0, 0, NULL },

      ngx_http_social_conf_null_entry
};


char *
ngx_http_social_limit_zone_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_limit_main_conf_t  *lmcf = conf;

    ngx_str_t                     *value;
    ngx_http_social_limit_zone_t  *zone;

    value = cf->args->elts;

    if (!ngx_http_social_limit_is_name(&value[1])) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid name \"%V\" in \"social_limit_zone\" directive, it "
                   "must have 1 to 64 letters, digits, \"_\" and \"-\", and "
                   "must not be \"off\"", &value[1]);
    }

    zone = ngx_http_social_conf_add_named(cf, &lmcf->zones,
                                          sizeof(ngx_http_social_limit_zone_t));
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    if (lmcf->zones.nelts > NGX_HTTP_SOCIAL_LIMIT_ZONES) {
        return ngx_http_social_conf_error(cf, NULL,
                   "there are more than %d \"social_limit_zone\" directives",
                   NGX_HTTP_SOCIAL_LIMIT_ZONES);
    }

    ngx_http_social_conf_position(cf, &zone->position);

    zone->number = lmcf->zones.nelts - 1;
    zone->lmcf = lmcf;
    zone->size = NGX_HTTP_SOCIAL_LIMIT_SIZE;
    zone->fleet = NGX_CONF_UNSET;
    zone->local = 100;

    if (ngx_http_social_conf_params(cf, ngx_http_social_limit_zone_params, 2, 0,
                                    0, zone)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if ((zone->rate.n == 0) == (zone->quota.n == 0)) {
        return ngx_http_social_conf_error(cf, NULL,
                   "social_limit_zone \"%V\" has %s (it must have one of "
                   "\"rate\" and \"quota\")", &zone->name,
                   zone->rate.n ? "both a rate and a quota"
                                : "neither a rate nor a quota");
    }

    if (zone->quota.n && zone->burst) {
        return ngx_http_social_conf_error(cf, NULL,
                   "social_limit_zone \"%V\" has a burst of a quota (of which "
                   "all may come at once)", &zone->name);
    }

    zone->limit = zone->quota.n ? zone->quota : zone->rate;

    if (zone->burst) {
        zone->limit.burst = (double) zone->burst;
    }

    return ngx_http_social_limit_compile(cf, zone);
}


/*
 * "min" of the entry is 1 for a quota.
 */

static char *
ngx_http_social_limit_number(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    if (social_limit_parse(ngx_http_social_view(value), entry->min != 0,
                           ngx_http_social_conf_field(conf, entry))
        == SOCIAL_OK)
    {
        return NGX_CONF_OK;
    }

    return ngx_http_social_conf_invalid(cf, entry, value,
               entry->min ? "it must be a number from 1 to 1000000000 and "
                            "\"r/day\", \"r/week\" or \"r/month\""
                          : "it must be a number from 1 to 1000000000 and "
                            "\"r/s\", \"r/m\" or \"r/h\"");
}


/*
 * It stands in a header, between quotes.
 */

static ngx_uint_t
ngx_http_social_limit_is_name(ngx_str_t *value)
{
    size_t  i;
    u_char  c;

    if (value->len == 0 || value->len > 64
        || (value->len == 3 && ngx_strncmp(value->data, "off", 3) == 0))
    {
        return 0;
    }

    for (i = 0; i < value->len; i++) {
        c = value->data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '_' || c == '-'))
        {
            return 0;
        }
    }

    return 1;
}


static char *
ngx_http_social_limit_compile(ngx_conf_t *cf,
    ngx_http_social_limit_zone_t *zone)
{
    ngx_http_compile_complex_value_t  ccv;

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &zone->key_text;
    ccv.complex_value = &zone->key;

    return ngx_http_compile_complex_value(&ccv) == NGX_OK ? NGX_CONF_OK
                                                          : NGX_CONF_ERROR;
}


char *
ngx_http_social_limit_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_social_limit_loc_conf_t  *llcf = conf;

    ngx_str_t                          *value;
    ngx_uint_t                          i;
    ngx_http_social_limit_use_t        *use, **uses, **all;
    ngx_http_social_limit_main_conf_t  *lmcf;

    value = cf->args->elts;

    if (value[1].len == 3 && ngx_strncmp(value[1].data, "off", 3) == 0) {

        if (llcf->off || llcf->uses != NULL) {
            return ngx_http_social_conf_duplicate(cf);
        }

        if (cf->args->nelts > 2) {
            return ngx_http_social_conf_error(cf, NULL,
                       "parameter \"%V\" of \"social_limit off\"", &value[2]);
        }

        llcf->off = 1;

        return NGX_CONF_OK;
    }

    if (llcf->off) {
        return ngx_http_social_conf_duplicate(cf);
    }

    lmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_limit_module);

    if (llcf->uses == NULL) {
        llcf->uses = ngx_array_create(cf->pool, 4,
                                      sizeof(ngx_http_social_limit_use_t *));
        if (llcf->uses == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    uses = llcf->uses->elts;

    for (i = 0; i < llcf->uses->nelts; i++) {
        if (social_str_eq(ngx_http_social_view(&uses[i]->name),
                          ngx_http_social_view(&value[1])))
        {
            return ngx_http_social_conf_duplicate_value(cf, &value[1]);
        }
    }

    use = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_limit_use_t));
    uses = ngx_array_push(llcf->uses);
    all = ngx_array_push(&lmcf->uses);

    if (use == NULL || uses == NULL || all == NULL) {
        return NGX_CONF_ERROR;
    }

    *uses = use;
    *all = use;
    use->name = value[1];

    ngx_http_social_conf_position(cf, &use->position);

    return ngx_http_social_conf_params(cf, ngx_http_social_limit_params, 2, 0,
                                       0, use);
}


ngx_int_t
ngx_http_social_limit_finish(ngx_conf_t *cf,
    ngx_http_social_limit_main_conf_t *lmcf)
{
    ngx_uint_t                      i;
    ngx_http_social_limit_use_t   **uses;
    ngx_http_social_limit_zone_t  **zones;

    zones = lmcf->zones.elts;
    uses = lmcf->uses.elts;

    for (i = 0; i < lmcf->uses.nelts; i++) {

        uses[i]->zone = ngx_http_social_conf_find_named(&lmcf->zones,
                                                        &uses[i]->name);
        if (uses[i]->zone == NULL) {
            (void) ngx_http_social_conf_error(cf, &uses[i]->position,
                       "no \"social_limit_zone\" is defined (add it to the "
                       "\"http\" block) with the name \"%V\"", &uses[i]->name);
            return NGX_ERROR;
        }
    }

    for (i = 0; i < lmcf->zones.nelts; i++) {

        if (ngx_http_social_limit_complete(cf, lmcf, zones[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_limit_complete(ngx_conf_t *cf,
    ngx_http_social_limit_main_conf_t *lmcf, ngx_http_social_limit_zone_t *zone)
{
    u_char          *p;
    double           window;
    ngx_str_t        name;
    ngx_uint_t       database;
    ngx_shm_zone_t  *shm;

    database = ngx_http_social_database_configured(cf);

    if (zone->fleet == NGX_CONF_UNSET) {
        zone->fleet = database;

    } else if (zone->fleet && !database) {
        (void) ngx_http_social_conf_missing(cf, &zone->position,
                   "social_database", "add it to the \"http\" block",
                   "social_limit_zone");
        return NGX_ERROR;
    }

    zone->share = zone->fleet ? (double) zone->local / 100 : 1;

    /* long enough for some requests to come, but not for ever */

    window = zone->limit.rate > 0
             ? NGX_HTTP_SOCIAL_LIMIT_WINDOW / zone->limit.rate
             : 10 * (double) lmcf->interval;

    zone->window = ngx_max((ngx_msec_t) ngx_min(window, 3600000),
                           lmcf->interval);
    zone->hot = social_limit_expected(&zone->limit, zone->window);

    if (ngx_http_social_limit_policy(cf, zone) != NGX_OK) {
        return NGX_ERROR;
    }

    name.len = sizeof("social_limit_zone:") - 1 + zone->name.len;
    name.data = ngx_pnalloc(cf->pool, name.len);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(name.data, "social_limit_zone:",
                   sizeof("social_limit_zone:") - 1);
    ngx_memcpy(p, zone->name.data, zone->name.len);

    shm = ngx_shared_memory_add(cf, &name, zone->size,
                                &ngx_http_social_limit_module);
    if (shm == NULL) {
        return NGX_ERROR;
    }

    shm->init = ngx_http_social_limit_init_zone;
    shm->data = zone;

    return NGX_OK;
}


/*
 * Quota and window in seconds: so many in the period that the rate was written
 * with, or where more may come at once, so many, and how long it takes until
 * they may again.
 */

static ngx_int_t
ngx_http_social_limit_policy(ngx_conf_t *cf, ngx_http_social_limit_zone_t *zone)
{
    u_char    *p;
    size_t     size;
    uint64_t   quota, window;

    static const ngx_uint_t  periods[] = {
        1, 60, 3600, 86400, 7 * 86400, 31 * 86400
    };

    quota = zone->limit.n;
    window = periods[zone->limit.period];

    if (zone->limit.rate > 0 && zone->limit.burst > (double) quota) {
        quota = (uint64_t) zone->limit.burst;
        window = (uint64_t) (zone->limit.burst / zone->limit.rate / 1000
                             + 0.999);
    }

    size = sizeof("\"\";q=;w=") + zone->name.len + 2 * NGX_INT64_LEN;

    p = ngx_pnalloc(cf->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    zone->policy.data = p;
    zone->policy.len = ngx_sprintf(p, "\"%V\";q=%uL;w=%uL", &zone->name, quota,
                                   window)
                       - p;

    return NGX_OK;
}
