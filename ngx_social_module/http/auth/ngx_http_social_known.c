
/*
 * Tokens that this process has taken apart: a table of bounded size, by
 * digest, each counted by its users.
 */

#include "ngx_http_social_known.h"


#define NGX_HTTP_SOCIAL_KNOWN_MAX      1024
#define NGX_HTTP_SOCIAL_KNOWN_BUCKETS  2048


struct ngx_http_social_known_table_s {
    ngx_queue_t                queue;
    ngx_uint_t                 n;
    ngx_http_social_known_t   *buckets[NGX_HTTP_SOCIAL_KNOWN_BUCKETS];
};


static void ngx_http_social_known_cleanup(void *data);
static ngx_http_social_known_t *ngx_http_social_known_lookup(
    ngx_http_social_known_table_t *table,
    const u_char digest[SOCIAL_FINGERPRINT_SIZE]);
static void ngx_http_social_known_drop(ngx_http_social_known_table_t *table,
    ngx_http_social_known_t *known);


ngx_http_social_known_table_t *
ngx_http_social_known_create_table(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t             *cln;
    ngx_http_social_known_table_t  *table;

    cln = ngx_pool_cleanup_add(cf->pool,
                               sizeof(ngx_http_social_known_table_t));
    if (cln == NULL) {
        return NULL;
    }

    table = cln->data;
    ngx_memzero(table, sizeof(ngx_http_social_known_table_t));
    ngx_queue_init(&table->queue);

    cln->handler = ngx_http_social_known_cleanup;

    return table;
}


static void
ngx_http_social_known_cleanup(void *data)
{
    ngx_http_social_known_table_t  *table = data;

    while (!ngx_queue_empty(&table->queue)) {
        ngx_http_social_known_drop(table,
            ngx_queue_data(ngx_queue_head(&table->queue),
                           ngx_http_social_known_t, queue));
    }
}


ngx_http_social_known_t *
ngx_http_social_known_create(size_t len, ngx_log_t *log)
{
    ngx_http_social_known_t  *known;

    known = ngx_alloc(sizeof(ngx_http_social_known_t) + len, log);
    if (known == NULL) {
        return NULL;
    }

    ngx_memzero(known, sizeof(ngx_http_social_known_t));

    known->count = 1;

    return known;
}


static ngx_inline ngx_http_social_known_t **
ngx_http_social_known_bucket(ngx_http_social_known_table_t *table,
    const u_char digest[SOCIAL_FINGERPRINT_SIZE])
{
    uint32_t  hash;

    /* a digest's bytes are as good as any hash of them */

    ngx_memcpy(&hash, digest, sizeof(hash));

    return &table->buckets[hash % NGX_HTTP_SOCIAL_KNOWN_BUCKETS];
}


static ngx_http_social_known_t *
ngx_http_social_known_lookup(ngx_http_social_known_table_t *table,
    const u_char digest[SOCIAL_FINGERPRINT_SIZE])
{
    ngx_http_social_known_t  *known;

    known = *ngx_http_social_known_bucket(table, digest);

    while (known) {

        if (ngx_memcmp(known->digest, digest, SOCIAL_FINGERPRINT_SIZE) == 0) {
            return known;
        }

        known = known->next;
    }

    return NULL;
}


ngx_http_social_known_t *
ngx_http_social_known_find(ngx_http_social_known_table_t *table,
    const u_char digest[SOCIAL_FINGERPRINT_SIZE])
{
    ngx_http_social_known_t  *known;

    known = ngx_http_social_known_lookup(table, digest);

    if (known == NULL) {
        return NULL;
    }

    ngx_queue_remove(&known->queue);
    ngx_queue_insert_head(&table->queue, &known->queue);

    known->count++;

    return known;
}


void
ngx_http_social_known_keep(ngx_http_social_known_table_t *table,
    ngx_http_social_known_t *known,
    const u_char digest[SOCIAL_FINGERPRINT_SIZE])
{
    ngx_http_social_known_t  *old, **bucket;

    /* two requests may have parsed the same token one after the other */

    old = ngx_http_social_known_lookup(table, digest);

    if (old != NULL) {
        ngx_http_social_known_drop(table, old);
    }

    if (table->n == NGX_HTTP_SOCIAL_KNOWN_MAX) {
        ngx_http_social_known_drop(table,
            ngx_queue_data(ngx_queue_last(&table->queue),
                           ngx_http_social_known_t, queue));
    }

    ngx_memcpy(known->digest, digest, SOCIAL_FINGERPRINT_SIZE);

    bucket = ngx_http_social_known_bucket(table, digest);

    known->next = *bucket;
    *bucket = known;

    ngx_queue_insert_head(&table->queue, &known->queue);

    known->count++;
    table->n++;
}


static void
ngx_http_social_known_drop(ngx_http_social_known_table_t *table,
    ngx_http_social_known_t *known)
{
    ngx_http_social_known_t  **p;

    p = ngx_http_social_known_bucket(table, known->digest);

    while (*p != known) {
        p = &(*p)->next;
    }

    *p = known->next;

    ngx_queue_remove(&known->queue);
    table->n--;

    ngx_http_social_known_release(known);
}


void
ngx_http_social_known_release(ngx_http_social_known_t *known)
{
    if (--known->count) {
        return;
    }

    social_jwt_free(&known->jwt);

    ngx_free(known->texts.data);
    ngx_free(known->assertion.text.data);
    ngx_free(known);
}
