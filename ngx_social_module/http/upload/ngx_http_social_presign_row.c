
/*
 * "social_presign": the row of an upload, which is written before the client
 * gets anything that it can upload with.
 */

#include "ngx_http_social_auth.h"
#include "ngx_http_social_database.h"
#include "ngx_http_social_presign.h"
#include "ngx_http_social_reply.h"
#include "ngx_http_social_trace.h"

#include <openssl/rand.h>


static void ngx_http_social_presign_recorded(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data);


/*
 * An upload that has been created is the same one, by its id.  It locks the
 * user and the key.
 */

static const ngx_http_social_statement_t  ngx_http_social_presign_statement = {
    .sql = "SELECT social_upload_create($1::uuid, $2, $3, $4, $5, $6, $7, $8,"
           " $9::bigint, $10, $11::interval, $12)",
    .repeat = 1,
    .share = 1,
    .keys = { 2, 6 },
    .batch = "SELECT * FROM social_uploads_create($1, $2, $3, $4, $5, $6, $7,"
             " $8, $9, $10, $11, $12)"
};


ngx_int_t
ngx_http_social_presign_record(ngx_http_request_t *r,
    const ngx_http_social_presign_upload_t *upload)
{
    u_char                               size[NGX_INT64_LEN];
    social_str_t                         key;
    u_char                               expires[NGX_INT64_LEN + 8];
    u_char                               parent[SOCIAL_TRACE_SIZE];
    const social_trace_t                *trace;
    social_pq_param_t                    params[12];
    ngx_http_social_auth_ctx_t          *identity;
    ngx_http_social_presign_ctx_t       *ctx;
    ngx_http_social_presign_loc_conf_t  *plcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_social_presign_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_social_presign_module);

    if (ngx_http_social_auth_identity(r, &identity) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    key.data = upload->key.data;
    key.len = upload->key.len;

    ngx_memzero(params, sizeof(params));

    params[0].value = ngx_http_social_view(&ctx->id);
    params[1].value = ngx_http_social_view(&identity->issuer->identity);
    params[2].value = identity->claims.subject;
    params[3].value = identity->claims.username;
    params[4].value = upload->kind;
    params[5].value = ngx_http_social_view(&plcf->bucket->bucket);
    params[6].value = key;
    params[7].value = upload->content_type;
    params[7].null = (upload->content_type.len == 0);
    params[8].value.data = size;
    params[8].value.len = ngx_sprintf(size, "%L", upload->size) - size;
    params[8].null = (upload->size == 0);
    params[9].value = upload->sha256;
    params[9].null = (upload->sha256.len == 0);
    params[10].value.data = expires;
    params[10].value.len = ngx_sprintf(expires, "%L seconds",
                                       upload->expires_in)
                           - expires;

    trace = ngx_http_social_trace(r);

    if (trace != NULL) {
        social_trace_write(trace, parent);
        params[11].value.data = parent;
        params[11].value.len = sizeof(parent);

    } else {
        params[11].null = 1;
    }

    if (ngx_http_social_query_statement(r, &ngx_http_social_presign_statement,
                                        params, 12,
                                        ngx_http_social_presign_recorded, ctx)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DONE;
}


static void
ngx_http_social_presign_recorded(ngx_http_request_t *r,
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data)
{
    ngx_int_t                       rc;
    social_str_t                    id;
    ngx_http_social_presign_ctx_t  *ctx = data;

    switch (outcome) {

    case NGX_HTTP_SOCIAL_QUERY_OK:
        /* no row: the user was deleted, and a token has not expired yet */

        rc = !social_pq_result_value(result, 0, 0, &id) ? NGX_HTTP_FORBIDDEN
             : ctx->next ? ctx->next(r)
             : ngx_http_social_reply_json(r, ctx->status, &ctx->answer);
        break;

    case NGX_HTTP_SOCIAL_QUERY_LOCKED:
    case NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE:
        rc = ngx_http_social_reply_unavailable(r);
        break;

    default:
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}


ngx_int_t
ngx_http_social_presign_uuid(ngx_http_request_t *r, ngx_str_t *id)
{
    u_char  *p;
    u_char   b[16];

    if (RAND_bytes(b, sizeof(b)) != 1) {
        return NGX_ERROR;
    }

    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;

    id->data = ngx_pnalloc(r->pool, 36);
    if (id->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_hex_dump(id->data, b, 4);
    *p++ = '-';
    p = ngx_hex_dump(p, b + 4, 2);
    *p++ = '-';
    p = ngx_hex_dump(p, b + 6, 2);
    *p++ = '-';
    p = ngx_hex_dump(p, b + 8, 2);
    *p++ = '-';
    p = ngx_hex_dump(p, b + 10, 6);

    id->len = p - id->data;

    return NGX_OK;
}
