
/*
 * The values of the identity headers: made once for each token that this
 * process has parsed, not once for each request.
 */

#include "ngx_http_social_auth.h"


static ngx_int_t ngx_http_social_auth_texts_make(
    ngx_http_social_auth_ctx_t *ctx, const social_claim_path_t *groups_claim,
    ngx_http_social_parsed_texts_t *texts, ngx_pool_t *pool);


/* a text: of a claim, or of a list, where "list" is one */

typedef struct {
    ngx_str_t                  *text;
    const social_json_t        *claim;
    const social_claim_path_t  *list;
    u_char                      separator;
} ngx_http_social_auth_text_t;


static size_t ngx_http_social_auth_text(const social_json_t *payload,
    ngx_http_social_auth_text_t *value, u_char *buf, size_t size);


#define NGX_HTTP_SOCIAL_AUTH_TEXTS  5


ngx_http_social_parsed_texts_t *
ngx_http_social_auth_texts(ngx_http_social_auth_ctx_t *ctx,
    const social_claim_path_t *groups_claim)
{
    ngx_http_social_parsed_texts_t  *texts;

    texts = &ctx->parsed->texts;

    if (texts->data == NULL) {
        return ngx_http_social_auth_texts_make(ctx, groups_claim, texts, NULL)
               == NGX_OK ? texts : NULL;
    }

    if (social_claim_path_eq(texts->groups_claim, groups_claim)) {
        return texts;
    }

    /* a location with another claim for groups: of this request only */

    texts = ngx_pcalloc(ctx->request->pool,
                        sizeof(ngx_http_social_parsed_texts_t));

    if (texts == NULL
        || ngx_http_social_auth_texts_make(ctx, groups_claim, texts,
                                           ctx->request->pool)
           != NGX_OK)
    {
        return NULL;
    }

    return texts;
}


static ngx_int_t
ngx_http_social_auth_texts_make(ngx_http_social_auth_ctx_t *ctx,
    const social_claim_path_t *groups_claim,
    ngx_http_social_parsed_texts_t *texts, ngx_pool_t *pool)
{
    size_t                         size;
    u_char                        *p;
    ngx_uint_t                     i;
    const social_json_t           *payload;
    const social_claims_policy_t  *policy;
    ngx_http_social_auth_text_t    values[NGX_HTTP_SOCIAL_AUTH_TEXTS];

    static const social_claim_path_t  sub = social_claim_path("sub");

    payload = ctx->jwt.payload;
    policy = &ctx->issuer->policy;

    ngx_memzero(values, sizeof(values));

    values[0].text = &texts->subject;
    values[0].claim = social_claim_find(payload, policy->subject
                                                 ? policy->subject : &sub);

    values[1].text = &texts->username;
    values[1].claim = social_claims_username(payload, policy);

    values[2].text = &texts->groups;
    values[2].list = groups_claim;
    values[2].separator = ',';

    values[3].text = &texts->scopes;
    values[3].list = ngx_http_social_auth_scope_claim(ctx);
    values[3].separator = ' ';

    values[4].text = &texts->client;
    values[4].claim = social_claims_client(payload, policy);

    size = 1;

    for (i = 0; i < NGX_HTTP_SOCIAL_AUTH_TEXTS; i++) {
        values[i].text->len = ngx_http_social_auth_text(payload, &values[i],
                                                        NULL, 0);
        size += values[i].text->len;
    }

    p = pool ? ngx_pnalloc(pool, size)
             : ngx_alloc(size, ctx->request->connection->log);

    if (p == NULL) {
        return NGX_ERROR;
    }

    texts->data = p;
    texts->groups_claim = groups_claim;

    for (i = 0; i < NGX_HTTP_SOCIAL_AUTH_TEXTS; i++) {
        values[i].text->data = p;

        p += ngx_http_social_auth_text(payload, &values[i], p,
                                       values[i].text->len);
    }

    return NGX_OK;
}


static size_t
ngx_http_social_auth_text(const social_json_t *payload,
    ngx_http_social_auth_text_t *value, u_char *buf, size_t size)
{
    return value->list
           ? social_claims_write_list(payload, value->list, value->separator,
                                      buf, size)
           : social_claims_write(value->claim, ',', buf, size);
}
