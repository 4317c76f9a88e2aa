
/*
 * The values of the identity headers: made once for each token that this
 * process has parsed, not once for each request.
 */

#include "ngx_http_social_auth.h"


static ngx_int_t ngx_http_social_auth_texts_make(
    ngx_http_social_auth_ctx_t *ctx, ngx_str_t *groups_claim,
    ngx_http_social_parsed_texts_t *texts, ngx_pool_t *pool);
static size_t ngx_http_social_auth_text(const social_json_t *payload,
    social_str_t claim, u_char separator, u_char *buf, size_t size);


ngx_http_social_parsed_texts_t *
ngx_http_social_auth_texts(ngx_http_social_auth_ctx_t *ctx,
    ngx_str_t *groups_claim)
{
    ngx_http_social_parsed_texts_t  *texts;

    texts = &ctx->parsed->texts;

    if (texts->data == NULL) {
        return ngx_http_social_auth_texts_make(ctx, groups_claim, texts, NULL)
               == NGX_OK ? texts : NULL;
    }

    if (texts->groups_claim == groups_claim
        || (texts->groups_claim->len == groups_claim->len
            && ngx_memcmp(texts->groups_claim->data, groups_claim->data,
                          groups_claim->len)
               == 0))
    {
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
    ngx_str_t *groups_claim, ngx_http_social_parsed_texts_t *texts,
    ngx_pool_t *pool)
{
    size_t                size;
    u_char               *p;
    ngx_uint_t            i;
    const social_json_t  *payload;

    struct {
        ngx_str_t        *text;
        social_str_t      claim;
        u_char            separator;     /* 0: it is not a list */
    } values[4];

    static const social_str_t  sub = social_string("sub");

    payload = ctx->jwt.payload;

    values[0].text = &texts->subject;
    values[0].claim = sub;
    values[0].separator = '\0';

    values[1].text = &texts->username;
    values[1].claim = ngx_http_social_view(
                          ngx_http_social_auth_username_claim(ctx));
    values[1].separator = '\0';

    values[2].text = &texts->groups;
    values[2].claim = ngx_http_social_view(groups_claim);
    values[2].separator = ',';

    values[3].text = &texts->scopes;
    values[3].claim = ngx_http_social_view(
                          ngx_http_social_auth_scope_claim(ctx));
    values[3].separator = ' ';

    size = 1;

    for (i = 0; i < 4; i++) {
        values[i].text->len = ngx_http_social_auth_text(payload,
                                  values[i].claim, values[i].separator, NULL,
                                  0);
        size += values[i].text->len;
    }

    p = pool ? ngx_pnalloc(pool, size)
             : ngx_alloc(size, ctx->request->connection->log);

    if (p == NULL) {
        return NGX_ERROR;
    }

    texts->data = p;
    texts->groups_claim = groups_claim;

    for (i = 0; i < 4; i++) {
        values[i].text->data = p;

        p += ngx_http_social_auth_text(payload, values[i].claim,
                                       values[i].separator, p,
                                       values[i].text->len);
    }

    return NGX_OK;
}


static size_t
ngx_http_social_auth_text(const social_json_t *payload, social_str_t claim,
    u_char separator, u_char *buf, size_t size)
{
    return separator
           ? social_claims_write_list(payload, claim, separator, buf, size)
           : social_claims_write(social_json_member(payload, claim), ',', buf,
                                 size);
}
