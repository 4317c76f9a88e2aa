
/*
 * The proof of a request: one DPoP header, for what the client asked for, of an
 * id that was not used before.
 */

#include "ngx_http_social_binding.h"
#include "social_nonce.h"


#define NGX_HTTP_SOCIAL_DPOP_SAY  60      /* seconds */


/* of the main request */

typedef struct {
    ngx_str_t                proof;       /* whose id it has used */
    unsigned                 renewed:1;   /* DPoP-Nonce is there */
} ngx_http_social_dpop_ctx_t;


static ngx_table_elt_t *ngx_http_social_dpop_header(ngx_http_request_t *r,
    ngx_uint_t *more);
static social_str_t ngx_http_social_dpop_method(ngx_http_request_t *r);
static ngx_http_social_dpop_ctx_t *ngx_http_social_dpop_ctx(
    ngx_http_request_t *r);
static social_token_status_e ngx_http_social_dpop_use(ngx_http_request_t *r,
    ngx_str_t *proof, const u_char *jkt, const social_dpop_t *said);
static void ngx_http_social_dpop_say_full(ngx_http_request_t *r,
    ngx_http_social_dpop_main_conf_t *dmcf);
static ngx_int_t ngx_http_social_dpop_renew(ngx_http_request_t *r,
    ngx_http_social_dpop_t *dpop);


/*
 * What counts is what the client sent: an internal redirect has made another
 * request of it, and a subrequest is none of the client's.
 */

social_token_status_e
ngx_http_social_dpop_check(ngx_http_social_auth_ctx_t *ctx,
    ngx_http_social_dpop_t *dpop, const u_char jkt[SOCIAL_THUMBPRINT_SIZE])
{
    u_char                            *buf;
    time_t                             made;
    ngx_uint_t                         more;
    social_dpop_t                      said;
    ngx_table_elt_t                   *h;
    ngx_http_request_t                *r;
    social_token_status_e              status;
    social_dpop_request_t              request;
    ngx_http_social_dpop_main_conf_t  *dmcf;

    r = ctx->request->main;

    h = ngx_http_social_dpop_header(r, &more);

    if (h == NULL || more) {
        ctx->proof = h ? SOCIAL_DPOP_SEVERAL : SOCIAL_DPOP_NONE;
        status = SOCIAL_TOKEN_PROOF;
        goto refused;
    }

    if (h->value.len > SOCIAL_DPOP_MAX_SIZE) {
        ctx->proof = SOCIAL_DPOP_MALFORMED;
        status = SOCIAL_TOKEN_PROOF;
        goto refused;
    }

    request.method = ngx_http_social_dpop_method(r);
    request.target = ngx_http_social_view(&r->unparsed_uri);
    request.token = ctx->cached.token;
    request.jkt = jkt;

    buf = ngx_pnalloc(r->pool, social_dpop_room(h->value.len,
                                                request.target.len));
    if (buf == NULL) {
        return SOCIAL_TOKEN_FAILED;
    }

    dmcf = ngx_http_get_module_main_conf(r, ngx_http_social_dpop_module);

    ctx->proof = social_dpop_check(ngx_http_social_view(&h->value),
                                   &dpop->policy, &request, ngx_time(),
                                   dmcf->verifier, buf, &said);

    switch (ctx->proof) {

    case SOCIAL_DPOP_OK:
        made = said.until - dpop->max_age;

        if (made <= dmcf->sh->since
            && ngx_time() > made + dmcf->sh->before)
        {
            ctx->proof = SOCIAL_DPOP_TIME;
            status = SOCIAL_TOKEN_PROOF;
            break;
        }

        /* another location may take the same proof for longer */

        said.until = made + dmcf->sh->max_age;

        status = ngx_http_social_dpop_use(r, &h->value, jkt, &said);

        if (status == SOCIAL_TOKEN_PROOF) {
            ctx->proof = SOCIAL_DPOP_USED;
            break;
        }

        if (status == SOCIAL_TOKEN_OK && said.renew
            && ngx_http_social_dpop_renew(r, dpop) != NGX_OK)
        {
            return SOCIAL_TOKEN_FAILED;
        }

        return status;

    case SOCIAL_DPOP_FAILED:
        return SOCIAL_TOKEN_FAILED;

    case SOCIAL_DPOP_BINDING:
        status = SOCIAL_TOKEN_BINDING;
        break;

    case SOCIAL_DPOP_NONCE:
        if (ngx_http_social_dpop_renew(r, dpop) != NGX_OK) {
            return SOCIAL_TOKEN_FAILED;
        }

        status = SOCIAL_TOKEN_NONCE;
        break;

    default:
        status = SOCIAL_TOKEN_PROOF;
        break;
    }

refused:

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "social: DPoP proof refused: %*s",
                  social_dpop_status_text(ctx->proof).len,
                  social_dpop_status_text(ctx->proof).data);

    return status;
}


static ngx_table_elt_t *
ngx_http_social_dpop_header(ngx_http_request_t *r, ngx_uint_t *more)
{
    static ngx_str_t  name = ngx_string("dpop");

    return ngx_http_social_header_in(r, &name,
                                     ngx_hash_key(name.data, name.len), more);
}


/*
 * As the client sent it: an "error_page" makes a GET of others.
 */

static social_str_t
ngx_http_social_dpop_method(ngx_http_request_t *r)
{
    social_str_t  method, line;

    line = ngx_http_social_view(&r->request_line);

    (void) social_str_next(&line, " ", &method);

    return method;
}


static ngx_http_social_dpop_ctx_t *
ngx_http_social_dpop_ctx(ngx_http_request_t *r)
{
    ngx_http_social_dpop_ctx_t  *ctx;

    ctx = ngx_http_social_get_ctx(r, &ngx_http_social_dpop_module);

    if (ctx != NULL) {
        return ctx;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_social_dpop_ctx_t));

    if (ctx == NULL
        || ngx_http_social_set_ctx(r, ctx, &ngx_http_social_dpop_module)
           != NGX_OK)
    {
        return NULL;
    }

    return ctx;
}


/*
 * Once for all locations and subrequests that a request comes to.
 */

static social_token_status_e
ngx_http_social_dpop_use(ngx_http_request_t *r, ngx_str_t *proof,
    const u_char *jkt, const social_dpop_t *said)
{
    social_replay_e                    rc;
    ngx_http_social_dpop_ctx_t        *ctx;
    ngx_http_social_dpop_main_conf_t  *dmcf;

    ctx = ngx_http_social_dpop_ctx(r);
    if (ctx == NULL) {
        return SOCIAL_TOKEN_FAILED;
    }

    if (ctx->proof.data == proof->data && ctx->proof.len == proof->len) {
        return SOCIAL_TOKEN_OK;
    }

    dmcf = ngx_http_get_module_main_conf(r, ngx_http_social_dpop_module);

    ngx_shmtx_lock(&dmcf->shpool->mutex);

    rc = social_replay_use(dmcf->sh->used, jkt, said->id, said->until,
                           ngx_time());

    ngx_shmtx_unlock(&dmcf->shpool->mutex);

    switch (rc) {

    case SOCIAL_REPLAY_NEW:
        ctx->proof = *proof;
        return SOCIAL_TOKEN_OK;

    case SOCIAL_REPLAY_SEEN:
        return SOCIAL_TOKEN_PROOF;

    case SOCIAL_REPLAY_FULL:
        ngx_http_social_dpop_say_full(r, dmcf);
        return SOCIAL_TOKEN_NO_ROOM;

    default: /* SOCIAL_REPLAY_FAILED */
        return SOCIAL_TOKEN_FAILED;
    }
}


/*
 * One client can fill its share: that must not fill the log.
 */

static void
ngx_http_social_dpop_say_full(ngx_http_request_t *r,
    ngx_http_social_dpop_main_conf_t *dmcf)
{
    time_t  said;

    said = dmcf->sh->said;

    if (ngx_time() < said + NGX_HTTP_SOCIAL_DPOP_SAY && ngx_time() >= said) {
        return;
    }

    dmcf->sh->said = ngx_time();

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "social: no room for more than %uz DPoP proofs of one key, "
                  "requests with more are answered with 503: increase "
                  "\"social_zone\", or decrease \"max_age\"",
                  social_replay_share(dmcf->sh->used));
}


/*
 * A cache must not give an old nonce to another request (RFC 9449, 8.2).
 */

static ngx_int_t
ngx_http_social_dpop_renew(ngx_http_request_t *r, ngx_http_social_dpop_t *dpop)
{
    ngx_str_t                    nonce, cache;
    ngx_http_social_dpop_ctx_t  *ctx;

    ctx = ngx_http_social_dpop_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ctx->renewed) {
        return NGX_OK;
    }

    nonce.len = SOCIAL_NONCE_SIZE;
    nonce.data = ngx_pnalloc(r->pool, nonce.len);

    ngx_str_set(&cache, "no-store");

    if (nonce.data == NULL
        || social_nonce_make(dpop->policy.secrets[0], ngx_time(), nonce.data)
           != SOCIAL_OK
        || ngx_http_social_header_out_push(r, "DPoP-Nonce", &nonce) == NULL
        || ngx_http_social_header_out_push(r, "Cache-Control", &cache) == NULL)
    {
        return NGX_ERROR;
    }

    ctx->renewed = 1;

    return NGX_OK;
}


/*
 * A client that used a scheme learns about that one; one that used none, or
 * the other, which schemes there are (RFC 9449, 7.2).
 */

void
ngx_http_social_dpop_challenge(ngx_http_request_t *r,
    ngx_http_social_challenge_t *challenge)
{
    ngx_http_social_dpop_t      *dpop;
    ngx_http_social_auth_ctx_t  *ctx;

    dpop = ngx_http_social_dpop(r);

    challenge->scheme = "Bearer";
    challenge->also = 0;

    if (dpop == NULL) {
        ngx_str_null(&challenge->algorithms);
        return;
    }

    challenge->algorithms = dpop->algorithms;

    ctx = ngx_http_social_get_ctx(r, &ngx_http_social_auth_module);

    if (dpop->mode == NGX_HTTP_SOCIAL_BINDING_REQUIRED
        || (ctx != NULL && ctx->by_dpop))
    {
        challenge->scheme = "DPoP";
        return;
    }

    challenge->also = 1;
}
