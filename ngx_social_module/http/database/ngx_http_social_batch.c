
/*
 * Many statements of a kind as one.
 */

#include "ngx_http_social_batch.h"
#include "social_pq_array.h"


#define NGX_HTTP_SOCIAL_BATCH_PARAMS  16


ngx_int_t
ngx_http_social_batch_add(ngx_http_social_connection_t *conn,
    ngx_http_social_query_t **queries, ngx_uint_t n)
{
    size_t                    size;
    u_char                   *p, *text;
    ngx_int_t                 rc;
    ngx_uint_t                i, k, params;
    social_pq_param_t         arrays[NGX_HTTP_SOCIAL_BATCH_PARAMS];
    const social_pq_param_t  *lists[SOCIAL_PQ_MAX_GROUP];

    params = queries[0]->n;

    if (n > SOCIAL_PQ_MAX_GROUP || params > NGX_HTTP_SOCIAL_BATCH_PARAMS) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        lists[i] = queries[i]->params;
    }

    size = 0;

    for (k = 0; k < params; k++) {
        size += social_pq_array_size(lists, n, k);
    }

    text = ngx_alloc(size, ngx_cycle->log);
    if (text == NULL) {
        return NGX_ERROR;
    }

    p = text;

    for (k = 0; k < params; k++) {
        arrays[k].null = false;
        arrays[k].value.data = p;

        p = social_pq_array(p, lists, n, k);

        arrays[k].value.len = p - arrays[k].value.data;
    }

    rc = ngx_http_social_connection_add(conn, queries[0]->statement->batch,
                                        arrays, params);
    ngx_free(text);

    return rc;
}


/*
 * Whatever is not understood was not done, as far as is known: it is run again,
 * which has no further effect.
 */

ngx_http_social_batch_outcome_e
ngx_http_social_batch_outcome(const social_pq_result_t *result, ngx_uint_t i,
    social_pq_result_t *part)
{
    social_str_t  word;

    if (!social_pq_result_value(result, i, 0, &word)) {
        return NGX_HTTP_SOCIAL_BATCH_ALONE;
    }

    if (social_str_eq(word, social_str("done"))) {
        social_pq_result_part(result, i, 1, part);
        return NGX_HTTP_SOCIAL_BATCH_DONE;
    }

    return social_str_eq(word, social_str("locked"))
           ? NGX_HTTP_SOCIAL_BATCH_LOCKED : NGX_HTTP_SOCIAL_BATCH_ALONE;
}
