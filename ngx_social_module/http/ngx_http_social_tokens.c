
/*
 * What is remembered of verified tokens.
 *
 * DESIGN.  A verification costs some 20 us, most of it RSA; a look-up in the
 * zone 0.8 us, most of it SHA-256; a comparison with the last token of the
 * connection 0.1 us.  What is kept is a verdict, never the claims: those are
 * parsed again, once in each process, when something asks for them.
 *
 * A verdict rests on the rules of the location's issuers, on the token and on
 * the keys.  The first two are the digest, so that a reload that narrows
 * "client_ids" begins anew, and one that changes nothing does not.  The keys'
 * generation, the time and the epoch of the revocations are compared at every
 * look-up; when only the epoch is another, the session alone is asked for
 * again.
 */

#include "ngx_http_social_keys.h"
#include "ngx_http_social_revocation.h"
#include "ngx_http_social_tokens.h"
#include "ngx_http_social_zone.h"


#define NGX_HTTP_SOCIAL_TOKENS_SMALL_ZONE  (1024 * 1024)


/* the last verified token of a connection; hangs on its pool's cleanup */

typedef struct {
    u_char                   rules[SOCIAL_TOKEN_DIGEST_SIZE];
    u_char                   digest[SOCIAL_TOKEN_DIGEST_SIZE];
    social_token_verdict_t   verdict;
    size_t                   len;
    size_t                   size;
    u_char                  *token;     /* owned */
} ngx_http_social_last_token_t;


static void ngx_http_social_tokens_cleanup(void *data);
static ngx_int_t ngx_http_social_tokens_init_zone(ngx_slab_pool_t *shpool,
    void **part, void *data, ngx_log_t *log);
static ngx_int_t ngx_http_social_tokens_digest(
    ngx_http_social_remembered_t *remembered);
static ngx_int_t ngx_http_social_tokens_holds(ngx_http_request_t *r,
    ngx_http_social_remembered_t *remembered);
static void ngx_http_social_tokens_put(
    ngx_http_social_remembered_t *remembered);
static bool ngx_http_social_tokens_alive(uint32_t writer);

static ngx_connection_t *ngx_http_social_tokens_connection(
    ngx_http_request_t *r);
static ngx_http_social_last_token_t *ngx_http_social_tokens_last(
    ngx_connection_t *c);
static void ngx_http_social_tokens_set_last(ngx_http_request_t *r,
    ngx_http_social_remembered_t *remembered);
static void ngx_http_social_tokens_last_cleanup(void *data);


ngx_http_social_tokens_t *
ngx_http_social_tokens_create(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t        *cln;
    ngx_http_social_tokens_t  *tokens;

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_http_social_tokens_t));
    if (cln == NULL) {
        return NULL;
    }

    tokens = cln->data;
    ngx_memzero(tokens, sizeof(ngx_http_social_tokens_t));

    cln->handler = ngx_http_social_tokens_cleanup;

    tokens->sha256 = social_sha256_create();
    tokens->known = ngx_http_social_known_create_table(cf);

    if (tokens->sha256 == NULL || tokens->known == NULL
        || ngx_http_social_zone_add_part(cf, NGX_HTTP_SOCIAL_ZONE_TOKENS,
                                         ngx_http_social_tokens_init_zone,
                                         tokens)
           != NGX_OK)
    {
        return NULL;
    }

    return tokens;
}


static void
ngx_http_social_tokens_cleanup(void *data)
{
    ngx_http_social_tokens_t  *tokens = data;

    social_sha256_destroy(tokens->sha256);
    tokens->sha256 = NULL;
}


/*
 * Half of the zone; less of a small one, which has key sets to hold.
 */

static ngx_int_t
ngx_http_social_tokens_init_zone(ngx_slab_pool_t *shpool, void **part,
    void *data, ngx_log_t *log)
{
    void                      *p;
    size_t                     size;
    ngx_http_social_tokens_t  *tokens = data;

    if (*part == NULL) {

        size = shpool->end - (u_char *) shpool;
        size /= size < NGX_HTTP_SOCIAL_TOKENS_SMALL_ZONE ? 8 : 2;
        size -= size % ngx_pagesize;

        p = ngx_slab_alloc(shpool, size);

        if (p == NULL) {
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "\"social_zone\" is too small for verified tokens");
            return NGX_ERROR;
        }

        *part = social_token_table_create(p, size);

        if (*part == NULL) {
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "\"social_zone\" is too small for verified tokens");
            return NGX_ERROR;
        }

        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "social: the zone remembers up to %uz verified tokens",
                      social_token_table_capacity(size));
    }

    tokens->table = *part;

    return NGX_OK;
}


ngx_int_t
ngx_http_social_tokens_recall(ngx_http_request_t *r,
    ngx_http_social_remembered_t *remembered)
{
    social_str_t                   token;
    ngx_connection_t              *c;
    ngx_http_social_last_token_t  *last;

    token = remembered->token;

    c = ngx_http_social_tokens_connection(r);
    last = c ? ngx_http_social_tokens_last(c) : NULL;

    if (last != NULL
        && last->len == token.len
        && ngx_memcmp(last->token, token.data, token.len) == 0
        && ngx_memcmp(last->rules, remembered->issuers->rules,
                      sizeof(last->rules))
           == 0)
    {
        remembered->verdict = last->verdict;
        ngx_memcpy(remembered->digest, last->digest, sizeof(last->digest));
        remembered->digested = 1;

        if (ngx_http_social_tokens_holds(r, remembered) == NGX_OK) {
            last->verdict.epoch = remembered->verdict.epoch;
            return NGX_OK;
        }

        return NGX_DECLINED;
    }

    if (ngx_http_social_tokens_digest(remembered) != NGX_OK
        || !social_token_table_get(remembered->tokens->table,
                                   remembered->digest, &remembered->verdict)
        || ngx_http_social_tokens_holds(r, remembered) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    ngx_http_social_tokens_set_last(r, remembered);

    return NGX_OK;
}


void
ngx_http_social_tokens_remember(ngx_http_request_t *r,
    ngx_http_social_remembered_t *remembered)
{
    if (!remembered->digested
        && ngx_http_social_tokens_digest(remembered) != NGX_OK)
    {
        return;
    }

    ngx_http_social_tokens_put(remembered);
    ngx_http_social_tokens_set_last(r, remembered);
}


static ngx_int_t
ngx_http_social_tokens_digest(ngx_http_social_remembered_t *remembered)
{
    social_str_t      rules;
    social_sha256_t  *sha256;

    sha256 = remembered->tokens->sha256;

    rules.data = remembered->issuers->rules;
    rules.len = sizeof(remembered->issuers->rules);

    (void) social_sha256_update(sha256, rules);
    (void) social_sha256_update(sha256, remembered->token);

    if (social_sha256_final(sha256, remembered->digest) != SOCIAL_OK) {
        return NGX_ERROR;
    }

    remembered->digested = 1;

    return NGX_OK;
}


/*
 * Whether a verdict still holds: by time, by the issuer's keys of now, which
 * may be others or too old, and by the sessions that were ended.
 */

static ngx_int_t
ngx_http_social_tokens_holds(ngx_http_request_t *r,
    ngx_http_social_remembered_t *remembered)
{
    uint64_t                    epoch;
    ngx_array_t                *list;
    social_revocations_t       *set;
    social_token_verdict_t     *verdict;
    ngx_http_social_issuer_t  **issuer;

    verdict = &remembered->verdict;
    list = &remembered->issuers->list;

    if (verdict->issuer >= list->nelts || ngx_time() > verdict->expires) {
        return NGX_DECLINED;
    }

    issuer = list->elts;
    issuer += verdict->issuer;

    if (ngx_http_social_keys_current(*issuer) == NULL
        || ngx_http_social_keys_generation(*issuer) != verdict->generation)
    {
        return NGX_DECLINED;
    }

    set = ngx_http_social_revocations(r);

    if (set == NULL) {
        return NGX_OK;
    }

    if (verdict->epoch == 0) {

        /* by a configuration without a database, which asked for no session */

        return NGX_DECLINED;
    }

    epoch = social_revocations_epoch(set);

    if (epoch == verdict->epoch) {
        return NGX_OK;
    }

    if (social_revocations_has(set, verdict->session, ngx_time())) {
        return NGX_DECLINED;
    }

    verdict->epoch = epoch;

    ngx_http_social_tokens_put(remembered);

    return NGX_OK;
}


static void
ngx_http_social_tokens_put(ngx_http_social_remembered_t *remembered)
{
    social_token_table_put(remembered->tokens->table, remembered->digest,
                           &remembered->verdict, ngx_time(),
                           (uint32_t) ngx_pid, ngx_http_social_tokens_alive);
}


static bool
ngx_http_social_tokens_alive(uint32_t writer)
{
    return !(kill((ngx_pid_t) writer, 0) == -1 && ngx_errno == ESRCH);
}


/*
 * Of HTTP/2, what all its streams have in common; NULL where a connection has
 * one request, or, in HTTP/3, is one.
 */

static ngx_connection_t *
ngx_http_social_tokens_connection(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    if (r->stream) {
        return r->stream->connection->connection;
    }
#endif

    return r->keepalive && r->http_version <= NGX_HTTP_VERSION_11
           ? r->connection : NULL;
}


static ngx_http_social_last_token_t *
ngx_http_social_tokens_last(ngx_connection_t *c)
{
    ngx_pool_cleanup_t  *cln;

    for (cln = c->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_social_tokens_last_cleanup) {
            return cln->data;
        }
    }

    return NULL;
}


static void
ngx_http_social_tokens_set_last(ngx_http_request_t *r,
    ngx_http_social_remembered_t *remembered)
{
    u_char                        *p;
    social_str_t                   token;
    ngx_connection_t              *c;
    ngx_pool_cleanup_t            *cln;
    ngx_http_social_last_token_t  *last;

    c = ngx_http_social_tokens_connection(r);

    if (c == NULL) {
        return;
    }

    last = ngx_http_social_tokens_last(c);

    if (last == NULL) {

        cln = ngx_pool_cleanup_add(c->pool,
                                   sizeof(ngx_http_social_last_token_t));
        if (cln == NULL) {
            return;
        }

        last = cln->data;
        ngx_memzero(last, sizeof(ngx_http_social_last_token_t));

        cln->handler = ngx_http_social_tokens_last_cleanup;
    }

    token = remembered->token;
    last->len = 0;

    if (last->size < token.len) {

        p = ngx_alloc(token.len, c->log);
        if (p == NULL) {
            return;
        }

        ngx_free(last->token);

        last->token = p;
        last->size = token.len;
    }

    ngx_memcpy(last->token, token.data, token.len);
    ngx_memcpy(last->rules, remembered->issuers->rules, sizeof(last->rules));
    ngx_memcpy(last->digest, remembered->digest, sizeof(last->digest));

    last->verdict = remembered->verdict;
    last->len = token.len;
}


static void
ngx_http_social_tokens_last_cleanup(void *data)
{
    ngx_http_social_last_token_t  *last = data;

    ngx_free(last->token);
}
