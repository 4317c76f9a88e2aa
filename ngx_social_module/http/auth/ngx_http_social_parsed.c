
/*
 * Tokens that this process has parsed: a table of bounded size, by
 * digest, each counted by its users.
 */

#include "ngx_http_social_parsed.h"


#define NGX_HTTP_SOCIAL_PARSED_MAX      1024
#define NGX_HTTP_SOCIAL_PARSED_BUCKETS  2048


struct ngx_http_social_parsed_table_s {
    ngx_queue_t                queue;
    ngx_uint_t                 n;
    ngx_http_social_parsed_t  *buckets[NGX_HTTP_SOCIAL_PARSED_BUCKETS];
};


static void ngx_http_social_parsed_cleanup(void *data);
static ngx_http_social_parsed_t *ngx_http_social_parsed_lookup(
    ngx_http_social_parsed_table_t *table,
    const u_char digest[SOCIAL_FINGERPRINT_SIZE]);
static void ngx_http_social_parsed_drop(ngx_http_social_parsed_table_t *table,
    ngx_http_social_parsed_t *parsed);


ngx_http_social_parsed_table_t *
ngx_http_social_parsed_create_table(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t              *cln;
    ngx_http_social_parsed_table_t  *table;

    cln = ngx_pool_cleanup_add(cf->pool,
                               sizeof(ngx_http_social_parsed_table_t));
    if (cln == NULL) {
        return NULL;
    }

    table = cln->data;
    ngx_memzero(table, sizeof(ngx_http_social_parsed_table_t));
    ngx_queue_init(&table->queue);

    cln->handler = ngx_http_social_parsed_cleanup;

    return table;
}


static void
ngx_http_social_parsed_cleanup(void *data)
{
    ngx_http_social_parsed_table_t  *table = data;

    while (!ngx_queue_empty(&table->queue)) {
        ngx_http_social_parsed_drop(table,
            ngx_queue_data(ngx_queue_head(&table->queue),
                           ngx_http_social_parsed_t, queue));
    }
}


ngx_http_social_parsed_t *
ngx_http_social_parsed_create(size_t len, ngx_log_t *log)
{
    ngx_http_social_parsed_t  *parsed;

    parsed = ngx_alloc(sizeof(ngx_http_social_parsed_t) + len, log);
    if (parsed == NULL) {
        return NULL;
    }

    ngx_memzero(parsed, sizeof(ngx_http_social_parsed_t));

    parsed->count = 1;

    return parsed;
}


static ngx_inline ngx_http_social_parsed_t **
ngx_http_social_parsed_bucket(ngx_http_social_parsed_table_t *table,
    const u_char digest[SOCIAL_FINGERPRINT_SIZE])
{
    uint32_t  hash;

    /* a digest's bytes are as good as any hash of them */

    ngx_memcpy(&hash, digest, sizeof(hash));

    return &table->buckets[hash % NGX_HTTP_SOCIAL_PARSED_BUCKETS];
}


static ngx_http_social_parsed_t *
ngx_http_social_parsed_lookup(ngx_http_social_parsed_table_t *table,
    const u_char digest[SOCIAL_FINGERPRINT_SIZE])
{
    ngx_http_social_parsed_t  *parsed;

    parsed = *ngx_http_social_parsed_bucket(table, digest);

    while (parsed) {

        if (ngx_memcmp(parsed->digest, digest, SOCIAL_FINGERPRINT_SIZE) == 0) {
            return parsed;
        }

        parsed = parsed->next;
    }

    return NULL;
}


ngx_http_social_parsed_t *
ngx_http_social_parsed_find(ngx_http_social_parsed_table_t *table,
    const u_char digest[SOCIAL_FINGERPRINT_SIZE])
{
    ngx_http_social_parsed_t  *parsed;

    parsed = ngx_http_social_parsed_lookup(table, digest);

    if (parsed == NULL) {
        return NULL;
    }

    ngx_queue_remove(&parsed->queue);
    ngx_queue_insert_head(&table->queue, &parsed->queue);

    parsed->count++;

    return parsed;
}


void
ngx_http_social_parsed_keep(ngx_http_social_parsed_table_t *table,
    ngx_http_social_parsed_t *parsed,
    const u_char digest[SOCIAL_FINGERPRINT_SIZE])
{
    ngx_http_social_parsed_t  *old, **bucket;

    /* two requests may have parsed the same token one after the other */

    old = ngx_http_social_parsed_lookup(table, digest);

    if (old != NULL) {
        ngx_http_social_parsed_drop(table, old);
    }

    if (table->n == NGX_HTTP_SOCIAL_PARSED_MAX) {
        ngx_http_social_parsed_drop(table,
            ngx_queue_data(ngx_queue_last(&table->queue),
                           ngx_http_social_parsed_t, queue));
    }

    ngx_memcpy(parsed->digest, digest, SOCIAL_FINGERPRINT_SIZE);

    bucket = ngx_http_social_parsed_bucket(table, digest);

    parsed->next = *bucket;
    *bucket = parsed;

    ngx_queue_insert_head(&table->queue, &parsed->queue);

    parsed->count++;
    table->n++;
}


static void
ngx_http_social_parsed_drop(ngx_http_social_parsed_table_t *table,
    ngx_http_social_parsed_t *parsed)
{
    ngx_http_social_parsed_t  **p;

    p = ngx_http_social_parsed_bucket(table, parsed->digest);

    while (*p != parsed) {
        p = &(*p)->next;
    }

    *p = parsed->next;

    ngx_queue_remove(&parsed->queue);
    table->n--;

    ngx_http_social_parsed_release(parsed);
}


void
ngx_http_social_parsed_release(ngx_http_social_parsed_t *parsed)
{
    if (--parsed->count) {
        return;
    }

    social_jwt_free(&parsed->jwt);

    ngx_free(parsed->texts.data);
    ngx_free(parsed->assertion.text.data);
    ngx_free(parsed);
}
