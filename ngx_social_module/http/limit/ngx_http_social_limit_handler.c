
/*
 * "social_limit": the PREACCESS handler, and the headers of answers.
 *
 * DESIGN.  Limits are asked in the order of the configuration, and the first
 * that refuses answers: what those before it have counted is given back, since
 * a request that is not served is not to be paid for.  A request is counted
 * once by a limit, whatever it is redirected to.
 *
 * Nothing is delayed: a request that waits holds a connection of somebody who
 * sends too many, and the client knows by the headers when to come back.
 */

#include "ngx_http_social_error.h"
#include "ngx_http_social_limit.h"
#include "social_crypto.h"


typedef struct {
    ngx_http_social_limit_use_t        *use;
    ngx_str_t                           key;
    ngx_http_social_limit_verdict_t     verdict;
} ngx_http_social_limit_asked_t;


static ngx_http_social_limit_ctx_t *ngx_http_social_limit_get_ctx(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_social_limit_key(ngx_http_request_t *r,
    ngx_http_social_limit_zone_t *zone, ngx_str_t *key);
static ngx_int_t ngx_http_social_limit_refuse(ngx_http_request_t *r,
    ngx_http_social_limit_loc_conf_t *llcf,
    ngx_http_social_limit_asked_t *asked);
static time_t ngx_http_social_limit_seconds(
    ngx_http_social_limit_asked_t *asked);
static ngx_int_t ngx_http_social_limit_headers(ngx_http_request_t *r,
    ngx_http_social_limit_asked_t *asked, ngx_uint_t n);


ngx_int_t
ngx_http_social_limit_handler(ngx_http_request_t *r)
{
    ngx_int_t                          rc;
    ngx_uint_t                         i, n;
    ngx_http_social_limit_use_t      **uses, *use;
    ngx_http_social_limit_ctx_t       *ctx;
    ngx_http_social_limit_zone_t      *zone;
    ngx_http_social_limit_asked_t     *a;
    ngx_http_social_limit_loc_conf_t  *llcf;
    ngx_http_social_limit_asked_t      asked[NGX_HTTP_SOCIAL_LIMIT_ZONES];

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_social_limit_module);

    if (llcf->uses == NULL) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_social_limit_get_ctx(r->main);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* on its way to an "error_page": limits that were not asked stay so */

    if (ctx->refused && r == r->main) {
        return NGX_DECLINED;
    }

    uses = llcf->uses->elts;
    n = 0;
    rc = NGX_DECLINED;

    for (i = 0; i < llcf->uses->nelts; i++) {

        use = uses[i];
        zone = use->zone;
        a = &asked[n];

        if (ctx->counted & ((uint64_t) 1 << zone->number)) {
            continue;
        }

        if (ngx_http_social_limit_key(r, zone, &a->key) != NGX_OK) {
            rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
            break;
        }

        if (a->key.len == 0) {
            continue;
        }

        ngx_http_social_limit_take(zone, &a->key, use->dry_run, &a->verdict);

        ctx->counted |= (uint64_t) 1 << zone->number;

        if (!a->verdict.counted) {
            continue;
        }

        a->use = use;
        n++;

        if (a->verdict.taken) {

            if (ctx->status == NGX_HTTP_SOCIAL_LIMIT_NONE) {
                ctx->status = NGX_HTTP_SOCIAL_LIMIT_PASSED;
            }

            continue;
        }

        ngx_log_error(llcf->log_level, r->connection->log, 0,
                      "social: request refused by limit \"%V\"%s", &zone->name,
                      use->dry_run ? ", dry run" : "");

        if (use->dry_run) {
            ctx->status = NGX_HTTP_SOCIAL_LIMIT_REJECTED_DRY_RUN;
            continue;
        }

        ctx->status = NGX_HTTP_SOCIAL_LIMIT_REJECTED;
        ctx->refused = (r == r->main);

        rc = ngx_http_social_limit_refuse(r, llcf, a);
        break;
    }

    if (rc != NGX_DECLINED) {

        for (i = 0; i < n; i++) {
            if (asked[i].verdict.taken) {
                ngx_http_social_limit_give(asked[i].use->zone, &asked[i].key);
            }
        }
    }

    if (r != r->main
        || llcf->headers == NGX_HTTP_SOCIAL_LIMIT_HEADERS_OFF
        || (llcf->headers == NGX_HTTP_SOCIAL_LIMIT_HEADERS_REFUSED
            && rc == NGX_DECLINED))
    {
        return rc;
    }

    if (ngx_http_social_limit_headers(r, asked, n) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return rc;
}


static ngx_http_social_limit_ctx_t *
ngx_http_social_limit_get_ctx(ngx_http_request_t *r)
{
    ngx_http_social_limit_ctx_t  *ctx;

    ctx = ngx_http_social_get_ctx(r, &ngx_http_social_limit_module);

    if (ctx != NULL) {
        return ctx;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_social_limit_ctx_t));
    if (ctx == NULL
        || ngx_http_social_set_ctx(r, ctx, &ngx_http_social_limit_module)
           != NGX_OK)
    {
        return NULL;
    }

    return ctx;
}


/*
 * A key of any length: none is left uncounted for being long.
 */

static ngx_int_t
ngx_http_social_limit_key(ngx_http_request_t *r,
    ngx_http_social_limit_zone_t *zone, ngx_str_t *key)
{
    u_char  *digest;

    if (ngx_http_complex_value(r, &zone->key, key) != NGX_OK) {
        return NGX_ERROR;
    }

    if (key->len <= NGX_HTTP_SOCIAL_LIMIT_KEY) {
        return NGX_OK;
    }

    digest = ngx_pnalloc(r->pool, SOCIAL_SHA256_SIZE);
    if (digest == NULL
        || social_sha256(ngx_http_social_view(key), digest) != SOCIAL_OK)
    {
        return NGX_ERROR;
    }

    key->data = digest;
    key->len = SOCIAL_SHA256_SIZE;

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_limit_refuse(ngx_http_request_t *r,
    ngx_http_social_limit_loc_conf_t *llcf,
    ngx_http_social_limit_asked_t *asked)
{
    if (r != r->main) {
        return llcf->status;
    }

    if (ngx_http_social_error_retry_after(r,
                                          ngx_http_social_limit_seconds(asked))
        != NGX_OK
        || ngx_http_social_error_own(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return llcf->status;
}


/*
 * In how many seconds there is another one, or of one that was taken, all.
 */

static time_t
ngx_http_social_limit_seconds(ngx_http_social_limit_asked_t *asked)
{
    int64_t                        ms, first, next;
    ngx_http_social_limit_zone_t  *zone;

    zone = asked->use->zone;

    if (zone->limit.rate == 0 && asked->verdict.state.wait == 0) {
        ngx_http_social_limit_now(zone, &first, &next);

        next -= ngx_time() + (zone->fleet ? zone->lmcf->fleet->offset : 0);

        return (time_t) ngx_max(next, 1);
    }

    ms = asked->verdict.taken ? asked->verdict.state.full
                              : asked->verdict.state.wait;

    return (time_t) ((ms + 999) / 1000);
}


/*
 * draft-ietf-httpapi-ratelimit-headers-10, 3 and 4: lists of strings with
 * parameters, as structured fields (RFC 9651).
 */

static ngx_int_t
ngx_http_social_limit_headers(ngx_http_request_t *r,
    ngx_http_social_limit_asked_t *asked, ngx_uint_t n)
{
    size_t        size;
    u_char       *p, *q;
    ngx_str_t     policy, limit;
    ngx_uint_t    i;
    const char   *comma;

    size = 0;

    for (i = 0; i < n; i++) {
        size += asked[i].use->zone->policy.len + sizeof(", ")
                + asked[i].use->zone->name.len
                + sizeof("\"\";r=;t=, ") + NGX_INT64_LEN + NGX_TIME_T_LEN;
    }

    if (size == 0) {
        return NGX_OK;
    }

    policy.data = ngx_pnalloc(r->pool, 2 * size);
    if (policy.data == NULL) {
        return NGX_ERROR;
    }

    limit.data = policy.data + size;

    p = policy.data;
    q = limit.data;
    comma = "";

    for (i = 0; i < n; i++) {

        if (asked[i].use->dry_run) {
            continue;
        }

        p = ngx_sprintf(p, "%s%V", comma, &asked[i].use->zone->policy);
        q = ngx_sprintf(q, "%s\"%V\";r=%uL;t=%T", comma,
                        &asked[i].use->zone->name,
                        asked[i].verdict.state.remaining,
                        ngx_http_social_limit_seconds(&asked[i]));
        comma = ", ";
    }

    policy.len = p - policy.data;
    limit.len = q - limit.data;

    if (policy.len == 0) {
        return NGX_OK;
    }

    if (ngx_http_social_header_out_push(r, "RateLimit-Policy", &policy) == NULL
        || ngx_http_social_header_out_push(r, "RateLimit", &limit) == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}
