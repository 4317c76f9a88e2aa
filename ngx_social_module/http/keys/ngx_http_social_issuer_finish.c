
/*
 * The end of a "social_issuer" block: defaults that follow from its lines, and
 * contradictions.
 */

#include "ngx_http_social_issuer.h"
#include "ngx_http_social_keys.h"
#include "social_discovery.h"
#include "social_url.h"


static char *ngx_http_social_issuer_add_forms(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer);
static char *ngx_http_social_issuer_add_form(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer, const social_str_t *replica);
static size_t ngx_http_social_issuer_form(ngx_http_social_issuer_t *issuer,
    const social_str_t *replica, u_char *buf, size_t size);
static char *ngx_http_social_issuer_derive(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer);
static char *ngx_http_social_issuer_check_clients(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer);
static char *ngx_http_social_issuer_check_keys(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer);


static ngx_str_t  ngx_http_social_issuer_pool_keys =
    ngx_string("/.well-known/jwks.json");


char *
ngx_http_social_issuer_finish(ngx_conf_t *cf, ngx_http_social_issuer_t *issuer)
{
    if (ngx_http_social_issuer_derive(cf, issuer) != NGX_CONF_OK
        || ngx_http_social_issuer_check_clients(cf, issuer) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (issuer->algorithms == 0) {
        issuer->algorithms = social_algorithm_bit(SOCIAL_ALGORITHM_RS256);
    }

    if (ngx_http_social_issuer_check_keys(cf, issuer) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    issuer->policy.clients = issuer->client_ids->elts;
    issuer->policy.client_count = issuer->client_ids->nelts;
    issuer->policy.audiences = issuer->audiences->elts;
    issuer->policy.audience_count = issuer->audiences->nelts;
    issuer->policy.token_use = issuer->token_use;
    issuer->policy.leeway = issuer->leeway;
    issuer->policy.subject = issuer->subject_claim;
    issuer->policy.username = issuer->username_claim;
    issuer->policy.client = issuer->client_claim;

    issuer->identity = issuer->issuer;

    if (issuer->jwks_file.len
        && ngx_http_social_keys_from_file(cf, issuer) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return issuer->user_pool.len ? ngx_http_social_issuer_add_forms(cf, issuer)
                                 : NGX_CONF_OK;
}


/*
 * A pool's issuer may have been updated, and its replicas sign under one of
 * their own region (AWS: Multi-Region replication): their tokens are of the
 * same users, and signed with keys at another place, unless that was
 * configured.
 */

static char *
ngx_http_social_issuer_add_forms(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer)
{
    ngx_uint_t     i;
    social_str_t   region, *replica;

    replica = issuer->replicas->elts;

    (void) social_user_pool_region(ngx_http_social_view(&issuer->user_pool),
                                   &region);

    /* each is added before the last one */

    for (i = issuer->replicas->nelts; i > 0; i--) {

        if (social_str_eq(replica[i - 1], region)) {
            return ngx_http_social_conf_error(cf, &issuer->position,
                       "the region of \"user_pool\" (remove it) is among the "
                       "\"replica_regions\" of \"social_issuer %V\"",
                       &issuer->name);
        }

        if (ngx_http_social_issuer_add_form(cf, issuer, &replica[i - 1])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_social_issuer_add_form(cf, issuer, NULL);
}


static char *
ngx_http_social_issuer_add_form(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer, const social_str_t *replica)
{
    size_t                     size, len;
    u_char                    *p;
    ngx_http_social_issuer_t  *form;

    form = ngx_palloc(cf->pool, sizeof(ngx_http_social_issuer_t));
    if (form == NULL) {
        return NGX_CONF_ERROR;
    }

    *form = *issuer;

    size = ngx_http_social_issuer_form(issuer, replica, NULL, 0);

    p = ngx_pnalloc(cf->pool,
                    size + ngx_http_social_issuer_pool_keys.len + 1);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    len = ngx_http_social_issuer_form(issuer, replica, p, size);

    ngx_memcpy(p + len, ngx_http_social_issuer_pool_keys.data,
               ngx_http_social_issuer_pool_keys.len);
    p[len + ngx_http_social_issuer_pool_keys.len] = '\0';

    form->issuer.data = p;
    form->issuer.len = len;

    /* the derived URI begins with the issuer, and is next to it in memory */

    if (issuer->jwks_uri.data == issuer->issuer.data) {
        form->jwks_uri.data = p;
        form->jwks_uri.len = len + ngx_http_social_issuer_pool_keys.len;
    }

    form->original = issuer;
    issuer->next = form;

    return NGX_CONF_OK;
}


/*
 * The issuer of a replica, or with NULL the updated one.
 */

static size_t
ngx_http_social_issuer_form(ngx_http_social_issuer_t *issuer,
    const social_str_t *replica, u_char *buf, size_t size)
{
    social_str_t  id;

    id = ngx_http_social_view(&issuer->user_pool);

    return replica ? social_user_pool_replica(id, *replica, buf, size)
                   : social_user_pool_issuer(id, true, buf, size);
}


/*
 * A pool's id gives its issuer and the URL of its keys; another URL may be set
 * for the latter, as in tests and behind a firewall.
 */

static char *
ngx_http_social_issuer_derive(ngx_conf_t *cf, ngx_http_social_issuer_t *issuer)
{
    size_t             size, len;
    u_char            *p;
    const char        *why;
    ngx_str_t         *path;

    path = &ngx_http_social_issuer_pool_keys;

    if (issuer->user_pool.len && issuer->issuer.len) {
        return ngx_http_social_conf_error(cf, &issuer->position,
                   "\"user_pool\" and \"issuer\" (remove one of them) are "
                   "mutually exclusive in \"social_issuer %V\"",
                   &issuer->name);
    }

    if (issuer->replicas->nelts && issuer->user_pool.len == 0) {
        return ngx_http_social_conf_error(cf, &issuer->position,
                   "\"replica_regions\" without \"user_pool\" (add it) in "
                   "\"social_issuer %V\"", &issuer->name);
    }

    if (issuer->jwks_uri.len && issuer->jwks_file.len) {
        return ngx_http_social_conf_error(cf, &issuer->position,
                   "\"jwks_uri\" and \"jwks_file\" (remove one of them) are "
                   "mutually exclusive in \"social_issuer %V\"",
                   &issuer->name);
    }

    if (issuer->user_pool.len) {

        size = social_user_pool_issuer(
                   ngx_http_social_view(&issuer->user_pool), false, NULL,
                   0);

        p = ngx_pnalloc(cf->pool, size + path->len + 1);
        if (p == NULL) {
            return NGX_CONF_ERROR;
        }

        len = social_user_pool_issuer(
                  ngx_http_social_view(&issuer->user_pool), false, p, size);

        ngx_memcpy(p + len, path->data, path->len);
        p[len + path->len] = '\0';

        issuer->issuer.data = p;
        issuer->issuer.len = len;

        if (issuer->jwks_uri.len == 0 && issuer->jwks_file.len == 0) {
            issuer->jwks_uri.data = p;
            issuer->jwks_uri.len = len + path->len;
        }
    }

    if (issuer->issuer.len == 0) {
        return ngx_http_social_conf_error(cf, &issuer->position,
                   "neither \"user_pool\" nor \"issuer\" is defined in "
                   "\"social_issuer %V\"", &issuer->name);
    }

    if (issuer->jwks_uri.len == 0 && issuer->jwks_file.len == 0) {

        if (social_url_check(ngx_http_social_view(&issuer->issuer), true, &why)
            != SOCIAL_OK)
        {
            return ngx_http_social_conf_error(cf, &issuer->position,
                       "invalid \"issuer\" (or set \"jwks_uri\" or "
                       "\"jwks_file\"), %s where its keys are discovered in "
                       "\"social_issuer %V\"", why, &issuer->name);
        }

        len = social_discovery_url(ngx_http_social_view(&issuer->issuer),
                                   NULL, 0);

        p = ngx_pnalloc(cf->pool, len + 1);
        if (p == NULL) {
            return NGX_CONF_ERROR;
        }

        social_discovery_url(ngx_http_social_view(&issuer->issuer), p,
                             len + 1);

        issuer->discovery.data = p;
        issuer->discovery.len = len;
    }

    return NGX_CONF_OK;
}


/*
 * A pool usually has more clients than the site's own, such as an
 * administration's; accepting all of them has to be explicit.
 */

static char *
ngx_http_social_issuer_check_clients(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer)
{
    if (issuer->client_ids->nelts || issuer->audiences->nelts
        || issuer->any_client)
    {
        return NGX_CONF_OK;
    }

    return ngx_http_social_conf_error(cf, &issuer->position,
               "neither \"client_ids\" nor \"audiences\" is defined "
               "(\"client_ids *\" accepts every client) in "
               "\"social_issuer %V\"", &issuer->name);
}


/*
 * Errors that would be found only when keys are fetched, or expire, are found
 * at once.
 */

static char *
ngx_http_social_issuer_check_keys(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer)
{
    if (issuer->jwks_file.len == 0
        && (uint64_t) issuer->stale * 1000 <= (uint64_t) issuer->refresh)
    {
        return ngx_http_social_conf_error(cf, &issuer->position,
                   "\"jwks_stale\" must be longer than \"jwks_refresh\" in "
                   "\"social_issuer %V\"", &issuer->name);
    }

    if (issuer->ca_file.len
        && !ngx_http_social_file_has_certificates(&issuer->ca_file))
    {
        return ngx_http_social_conf_error(cf, &issuer->position,
                   "no PEM certificate in file \"%V\" for \"ca_file\" "
                   "directive", &issuer->ca_file);
    }

    return NGX_CONF_OK;
}
