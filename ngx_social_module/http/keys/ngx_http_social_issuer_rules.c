
/*
 * A digest of the rules by which tokens are verified: a verdict cached under
 * one digest does not count under another.
 */

#include "ngx_http_social_issuer.h"
#include "social_crypto.h"


static void ngx_http_social_issuer_rules_number(social_sha256_t *sha256,
    uint64_t n);
static void ngx_http_social_issuer_rules_text(social_sha256_t *sha256,
    social_str_t s);
static void ngx_http_social_issuer_rules_claim(social_sha256_t *sha256,
    const social_claim_path_t *path);
static void ngx_http_social_issuer_rules_list(social_sha256_t *sha256,
    ngx_array_t *list);


ngx_int_t
ngx_http_social_issuer_rules(ngx_http_social_issuers_t *issuers)
{
    ngx_int_t                   rc;
    ngx_uint_t                  i;
    social_sha256_t            *sha256;
    ngx_http_social_issuer_t  **slot, *issuer;

    sha256 = social_sha256_create();
    if (sha256 == NULL) {
        return NGX_ERROR;
    }

    slot = issuers->list.elts;

    for (i = 0; i < issuers->list.nelts; i++) {
        issuer = slot[i];

        ngx_http_social_issuer_rules_text(sha256,
                                       ngx_http_social_view(&issuer->issuer));
        ngx_http_social_issuer_rules_text(sha256,
                                     ngx_http_social_view(&issuer->identity));
        ngx_http_social_issuer_rules_text(sha256,
                                     ngx_http_social_view(&issuer->jwks_uri));
        ngx_http_social_issuer_rules_text(sha256,
                                    ngx_http_social_view(&issuer->jwks_file));
        ngx_http_social_issuer_rules_text(sha256,
                                   ngx_http_social_view(&issuer->token_type));
        ngx_http_social_issuer_rules_list(sha256, issuer->client_ids);
        ngx_http_social_issuer_rules_list(sha256, issuer->audiences);
        ngx_http_social_issuer_rules_number(sha256, issuer->algorithms);
        ngx_http_social_issuer_rules_number(sha256, issuer->any_client);
        ngx_http_social_issuer_rules_number(sha256, issuer->token_use);
        ngx_http_social_issuer_rules_number(sha256, issuer->leeway);
        ngx_http_social_issuer_rules_claim(sha256, issuer->subject_claim);
        ngx_http_social_issuer_rules_claim(sha256, issuer->username_claim);
        ngx_http_social_issuer_rules_claim(sha256, issuer->groups_claim);
        ngx_http_social_issuer_rules_claim(sha256, issuer->client_claim);
        ngx_http_social_issuer_rules_claim(sha256, issuer->scope_claim);
    }

    if (issuers->audiences) {
        ngx_http_social_issuer_rules_list(sha256, issuers->audiences);
        ngx_http_social_issuer_rules_number(sha256, issuers->unbound);
    }

    rc = social_sha256_final(sha256, issuers->rules) == SOCIAL_OK
         ? NGX_OK : NGX_ERROR;

    social_sha256_destroy(sha256);

    return rc;
}


static void
ngx_http_social_issuer_rules_number(social_sha256_t *sha256, uint64_t n)
{
    social_str_t  s;

    s.data = (u_char *) &n;
    s.len = sizeof(n);

    (void) social_sha256_update(sha256, s);
}


/*
 * With its length, so that no two texts run into each other.
 */

static void
ngx_http_social_issuer_rules_text(social_sha256_t *sha256, social_str_t s)
{
    ngx_http_social_issuer_rules_number(sha256, s.len);
    (void) social_sha256_update(sha256, s);
}


static void
ngx_http_social_issuer_rules_claim(social_sha256_t *sha256,
    const social_claim_path_t *path)
{
    static const social_str_t  none = social_string("");

    ngx_http_social_issuer_rules_text(sha256, path ? path->text : none);
}


static void
ngx_http_social_issuer_rules_list(social_sha256_t *sha256, ngx_array_t *list)
{
    ngx_uint_t     i;
    social_str_t  *s;

    s = list->elts;

    ngx_http_social_issuer_rules_number(sha256, list->nelts);

    for (i = 0; i < list->nelts; i++) {
        ngx_http_social_issuer_rules_text(sha256, s[i]);
    }
}
