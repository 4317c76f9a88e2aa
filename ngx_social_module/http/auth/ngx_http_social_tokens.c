
/*
 * The cache of verified tokens.
 *
 * DESIGN.  A verification costs some 17 us, most of it RSA; a look-up in the
 * zone half a microsecond; a comparison with the last token of the connection
 * a tenth.  What is kept is a verdict, never the claims: those are parsed
 * again, once in each process, when something asks for them.
 *
 * The zone never holds a token.  It is known there by a fingerprint under a
 * key that is made with the zone and does not leave it (social_fingerprint.h
 * says why that is as good here as SHA-256, which was the greatest part of a
 * look-up).
 *
 * A connection that is idle is to cost little more than one without a token, so
 * that it has a number only, of a place in a ring that the process has for the
 * texts of the tokens that came twice on a connection.  A place that was given
 * to another one since is noticed by its number; what it holds is true of its
 * token whichever connection that is of.
 *
 * A verdict rests on the rules of the location's issuers, on the token and on
 * the keys.  The first two are what is looked up, so that a reload that
 * narrows "client_ids" invalidates them, and one that changes nothing does
 * not.  The keys' generation, the time and the epoch of the revocations are
 * compared at every look-up; when only the epoch has changed, only the sessions
 * are checked again, of which a slot has four bytes each: a token that may be
 * revoked by these is verified once more.
 */

#include "ngx_http_social_counters.h"
#include "ngx_http_social_keys.h"
#include "ngx_http_social_revocation.h"
#include "ngx_http_social_tokens.h"
#include "ngx_http_social_zone.h"
#include "social_crypto.h"


#define NGX_HTTP_SOCIAL_TOKENS_SMALL_ZONE  (1024 * 1024)

/* connections with one token, of a process, that need no look-up */
#define NGX_HTTP_SOCIAL_TOKENS_LAST        1024


typedef struct {
    u_char                   key[SOCIAL_FINGERPRINT_KEY_SIZE];
    social_token_table_t    *table;
} ngx_http_social_tokens_sh_t;


/* the last verified token of a connection */

struct ngx_http_social_last_token_s {
    uint64_t                 number;    /* of its connection */
    u_char                   rules[32];
    u_char                   digest[SOCIAL_TOKEN_DIGEST_SIZE];
    social_token_verdict_t   verdict;
    size_t                   len;       /* 0: none */
    size_t                   size;
    u_char                  *token;     /* owned */
};


/* what the connection has of it; hangs on its pool's cleanup */

typedef struct {
    uint64_t                 number;    /* 0: none yet */
    uint64_t                 seen;      /* of the last one's digest */
} ngx_http_social_last_t;


static void ngx_http_social_tokens_cleanup(void *data);
static ngx_int_t ngx_http_social_tokens_init_zone(ngx_slab_pool_t *shpool,
    void **part, void *data, ngx_log_t *log);
static ngx_int_t ngx_http_social_tokens_digest(
    ngx_http_social_cached_t *cached);
static ngx_int_t ngx_http_social_tokens_holds(ngx_http_request_t *r,
    ngx_http_social_cached_t *cached);
static void ngx_http_social_tokens_put(
    ngx_http_social_cached_t *cached);

static ngx_connection_t *ngx_http_social_tokens_connection(
    ngx_http_request_t *r);
static ngx_http_social_last_t *ngx_http_social_tokens_last(
    ngx_connection_t *c);
static ngx_http_social_last_token_t *ngx_http_social_tokens_place(
    ngx_http_social_tokens_t *tokens, ngx_http_social_last_t *last);
static void ngx_http_social_tokens_set_last(ngx_http_request_t *r,
    ngx_http_social_cached_t *cached);
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

    tokens->parsed = ngx_http_social_parsed_create_table(cf);
    tokens->last = ngx_pcalloc(cf->pool, NGX_HTTP_SOCIAL_TOKENS_LAST
                                        * sizeof(ngx_http_social_last_token_t));

    if (tokens->parsed == NULL
        || tokens->last == NULL
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

    ngx_uint_t  i;

    for (i = 0; tokens->last && i < NGX_HTTP_SOCIAL_TOKENS_LAST; i++) {
        ngx_free(tokens->last[i].token);
    }

    social_fingerprint_destroy(tokens->fingerprint);
    tokens->fingerprint = NULL;
}


/*
 * Half of the zone; less of a small one, which has key sets to hold.
 */

static ngx_int_t
ngx_http_social_tokens_init_zone(ngx_slab_pool_t *shpool, void **part,
    void *data, ngx_log_t *log)
{
    ngx_http_social_tokens_t *tokens = data;

    void                         *p;
    size_t                        size;
    ngx_http_social_tokens_sh_t  *sh;

    sh = *part;

    if (sh == NULL) {

        size = shpool->end - (u_char *) shpool;
        size /= size < NGX_HTTP_SOCIAL_TOKENS_SMALL_ZONE ? 8 : 2;
        size -= size % ngx_pagesize;

        sh = ngx_slab_calloc(shpool, sizeof(ngx_http_social_tokens_sh_t));
        p = ngx_slab_alloc(shpool, size);

        if (sh != NULL && p != NULL) {
            sh->table = social_token_table_create(p, size);
        }

        if (sh == NULL || sh->table == NULL) {
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "\"social_zone\" is too small for verified tokens");
            return NGX_ERROR;
        }

        if (social_random(sh->key, sizeof(sh->key)) != SOCIAL_OK) {
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "social: could not generate a random key");
            return NGX_ERROR;
        }

        *part = sh;

        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "social: the zone caches up to %uz verified tokens",
                      social_token_table_capacity(size));
    }

    tokens->table = sh->table;
    tokens->fingerprint = social_fingerprint_create(sh->key);

    return tokens->fingerprint ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_social_tokens_lookup(ngx_http_request_t *r,
    ngx_http_social_cached_t *cached)
{
    social_str_t                   token;
    ngx_connection_t              *c;
    ngx_http_social_last_t        *mine;
    ngx_http_social_last_token_t  *last;

    token = cached->token;

    c = ngx_http_social_tokens_connection(r);
    mine = c ? ngx_http_social_tokens_last(c) : NULL;
    last = mine ? ngx_http_social_tokens_place(cached->tokens, mine) : NULL;

    if (last != NULL
        && last->len == token.len
        && ngx_memcmp(last->token, token.data, token.len) == 0
        && ngx_memcmp(last->rules, cached->issuers->rules,
                      sizeof(last->rules))
           == 0)
    {
        cached->verdict = last->verdict;
        ngx_memcpy(cached->digest, last->digest, sizeof(last->digest));
        cached->digested = 1;

        if (ngx_http_social_tokens_holds(r, cached) == NGX_OK) {
            ngx_http_social_count(NGX_HTTP_SOCIAL_COUNT_TOKEN_CONNECTION);
            last->verdict.epoch = cached->verdict.epoch;
            return NGX_OK;
        }

        ngx_http_social_count(NGX_HTTP_SOCIAL_COUNT_TOKEN_UNKNOWN);

        return NGX_DECLINED;
    }

    if (ngx_http_social_tokens_digest(cached) != NGX_OK
        || !social_token_table_get(cached->tokens->table,
                                   cached->digest, &cached->verdict)
        || ngx_http_social_tokens_holds(r, cached) != NGX_OK)
    {
        ngx_http_social_count(NGX_HTTP_SOCIAL_COUNT_TOKEN_UNKNOWN);
        return NGX_DECLINED;
    }

    ngx_http_social_count(NGX_HTTP_SOCIAL_COUNT_TOKEN_TABLE);
    ngx_http_social_tokens_set_last(r, cached);

    return NGX_OK;
}


void
ngx_http_social_tokens_store(ngx_http_request_t *r,
    ngx_http_social_cached_t *cached)
{
    if (!cached->digested
        && ngx_http_social_tokens_digest(cached) != NGX_OK)
    {
        return;
    }

    ngx_http_social_tokens_put(cached);
    ngx_http_social_tokens_set_last(r, cached);
}


static ngx_int_t
ngx_http_social_tokens_digest(ngx_http_social_cached_t *cached)
{
    if (social_fingerprint(cached->tokens->fingerprint,
                           cached->issuers->rules, cached->token,
                           cached->digest)
        != SOCIAL_OK)
    {
        return NGX_ERROR;
    }

    cached->digested = 1;

    return NGX_OK;
}


/*
 * Whether a verdict still holds: by time, by the issuer's keys of now, which
 * may be others or too old, and by the sessions that were ended.
 */

static ngx_int_t
ngx_http_social_tokens_holds(ngx_http_request_t *r,
    ngx_http_social_cached_t *cached)
{
    uint64_t                    epoch;
    ngx_array_t                *list;
    social_revocations_t       *set;
    social_token_verdict_t     *verdict;
    ngx_http_social_issuer_t  **issuer;

    verdict = &cached->verdict;
    list = &cached->issuers->list;

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

        /* by a configuration without a database, which checked no session */

        return NGX_DECLINED;
    }

    epoch = social_revocations_epoch(set);

    if (epoch == verdict->epoch) {
        return NGX_OK;
    }

    if (social_revocations_may(set, verdict->marks, ngx_time())) {
        return NGX_DECLINED;
    }

    verdict->epoch = epoch;

    ngx_http_social_tokens_put(cached);

    return NGX_OK;
}


static void
ngx_http_social_tokens_put(ngx_http_social_cached_t *cached)
{
    social_token_table_put(cached->tokens->table, cached->digest,
                           &cached->verdict, ngx_time());
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


static ngx_http_social_last_t *
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


/*
 * The connection's place in the ring; NULL if it has none any more.
 */

static ngx_http_social_last_token_t *
ngx_http_social_tokens_place(ngx_http_social_tokens_t *tokens,
    ngx_http_social_last_t *mine)
{
    ngx_http_social_last_token_t  *last;

    last = &tokens->last[mine->number % NGX_HTTP_SOCIAL_TOKENS_LAST];

    return mine->number && last->number == mine->number ? last : NULL;
}


static void
ngx_http_social_tokens_set_last(ngx_http_request_t *r,
    ngx_http_social_cached_t *cached)
{
    u_char                        *p;
    uint64_t                       seen;
    social_str_t                   token;
    ngx_connection_t              *c;
    ngx_pool_cleanup_t            *cln;
    ngx_http_social_last_t        *mine;
    ngx_http_social_tokens_t      *tokens;
    ngx_http_social_last_token_t  *last;

    c = ngx_http_social_tokens_connection(r);

    if (c == NULL) {
        return;
    }

    mine = ngx_http_social_tokens_last(c);

    if (mine == NULL) {

        cln = ngx_pool_cleanup_add(c->pool, sizeof(ngx_http_social_last_t));
        if (cln == NULL) {
            return;
        }

        mine = cln->data;
        ngx_memzero(mine, sizeof(ngx_http_social_last_t));

        cln->handler = ngx_http_social_tokens_last_cleanup;
    }

    token = cached->token;
    tokens = cached->tokens;

    last = ngx_http_social_tokens_place(tokens, mine);

    if (last != NULL) {
        last->len = 0;
    }

    /*
     * the bytes only when the same token comes again: on a connection that
     * brings those of many users, none would ever be compared
     */

    ngx_memcpy(&seen, cached->digest, sizeof(seen));

    if (mine->seen != seen) {
        mine->seen = seen;
        return;
    }

    if (last == NULL) {
        mine->number = ++tokens->numbers;

        last = &tokens->last[mine->number % NGX_HTTP_SOCIAL_TOKENS_LAST];
        last->number = mine->number;
        last->len = 0;
    }

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
    ngx_memcpy(last->digest, cached->digest, sizeof(last->digest));
    ngx_memcpy(last->rules, cached->issuers->rules, sizeof(last->rules));
    last->verdict = cached->verdict;
    last->len = token.len;
}


/*
 * There is nothing to free: it is what the connection's number is found by.
 */

static void
ngx_http_social_tokens_last_cleanup(void *data)
{
}
