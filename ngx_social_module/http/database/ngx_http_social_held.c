
/*
 * The rows that statements under way are for.
 */

#include "ngx_http_social_held.h"


#define NGX_HTTP_SOCIAL_HELD_MAX  4096


static ngx_uint_t ngx_http_social_held_key(
    const ngx_http_social_query_t *query);
static ngx_queue_t *ngx_http_social_held_bucket(ngx_http_social_held_t *held,
    const social_pq_param_t *param);


ngx_int_t
ngx_http_social_held_init(ngx_http_social_held_t *held, ngx_pool_t *pool,
    ngx_uint_t n)
{
    ngx_uint_t  i, size;

    for (size = 1; size < n && size < NGX_HTTP_SOCIAL_HELD_MAX; size *= 2) {
        /* void */
    }

    held->buckets = ngx_palloc(pool, size * sizeof(ngx_queue_t));
    if (held->buckets == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < size; i++) {
        ngx_queue_init(&held->buckets[i]);
    }

    held->mask = size - 1;

    return NGX_OK;
}


void
ngx_http_social_held_add(ngx_http_social_held_t *held,
    ngx_http_social_query_t *query)
{
    social_pq_param_t  *param;

    if (query->statement->batch == NULL) {
        return;
    }

    param = &query->params[ngx_http_social_held_key(query)];

    if (param->null) {
        return;
    }

    ngx_queue_insert_tail(ngx_http_social_held_bucket(held, param),
                          &query->held);
    query->holds = 1;
}


void
ngx_http_social_held_remove(ngx_http_social_query_t *query)
{
    if (query->holds) {
        ngx_queue_remove(&query->held);
        query->holds = 0;
    }
}


ngx_uint_t
ngx_http_social_held_has(ngx_http_social_held_t *held,
    const ngx_http_social_query_t *query)
{
    ngx_uint_t                      key;
    ngx_queue_t                    *bucket, *q;
    const social_pq_param_t        *a, *b;
    const ngx_http_social_query_t  *other;

    key = ngx_http_social_held_key(query);
    a = &query->params[key];

    if (a->null) {
        return 0;
    }

    bucket = ngx_http_social_held_bucket(held, a);

    for (q = ngx_queue_head(bucket);
         q != ngx_queue_sentinel(bucket);
         q = ngx_queue_next(q))
    {
        other = ngx_queue_data(q, ngx_http_social_query_t, held);

        if (ngx_http_social_held_key(other) != key) {
            continue;
        }

        b = &other->params[key];

        if (a->value.len == b->value.len
            && ngx_memcmp(a->value.data, b->value.data, a->value.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_social_held_key(const ngx_http_social_query_t *query)
{
    return query->statement->keys[NGX_HTTP_SOCIAL_STATEMENT_KEYS - 1];
}


static ngx_queue_t *
ngx_http_social_held_bucket(ngx_http_social_held_t *held,
    const social_pq_param_t *param)
{
    uint32_t  hash;

    hash = ngx_murmur_hash2((u_char *) param->value.data, param->value.len);

    return &held->buckets[hash & held->mask];
}
