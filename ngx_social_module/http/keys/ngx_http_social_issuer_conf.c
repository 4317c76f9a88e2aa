
/*
 * The lines of a "social_issuer" block.
 */

#include "ngx_http_social_issuer.h"
#include "ngx_http_social_keys.h"
#include "social_url.h"


static ngx_uint_t ngx_http_social_issuer_is_pool(ngx_str_t *value);
static ngx_uint_t ngx_http_social_issuer_is_region(ngx_str_t *value);
static ngx_uint_t ngx_http_social_issuer_is_issuer(ngx_str_t *value);
static ngx_uint_t ngx_http_social_issuer_is_type(ngx_str_t *value);
static ngx_uint_t ngx_http_social_issuer_is_client(ngx_str_t *value);
static char *ngx_http_social_issuer_clients(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
static char *ngx_http_social_issuer_algorithms(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);


static const ngx_http_social_conf_check_t  ngx_http_social_issuer_pool = {
    ngx_http_social_issuer_is_pool,
    "it must be a Cognito user pool ID, as \"eu-west-1_AbCdEf123\""
};


static const ngx_http_social_conf_check_t  ngx_http_social_issuer_region = {
    ngx_http_social_issuer_is_region,
    "it must be a region of AWS, as \"eu-west-1\""
};


static const ngx_http_social_conf_check_t  ngx_http_social_issuer_iss = {
    ngx_http_social_issuer_is_issuer,
    "it must be a text of at most 1024 bytes without spaces and control "
    "characters"
};


static const ngx_http_social_conf_check_t  ngx_http_social_issuer_type = {
    ngx_http_social_issuer_is_type,
    "it must be a media type, as \"at+jwt\""
};


static const ngx_http_social_conf_check_t  ngx_http_social_issuer_client = {
    ngx_http_social_issuer_is_client,
    "it must not be empty, or \"*\" unless it is the only value of "
    "\"client_ids\""
};


static ngx_conf_enum_t  ngx_http_social_issuer_token_uses[] = {
    { ngx_string("access"), SOCIAL_TOKEN_USE_ACCESS },
    { ngx_string("id"), SOCIAL_TOKEN_USE_ID },
    { ngx_string("any"), SOCIAL_TOKEN_USE_ANY },
    { ngx_null_string, 0 }
};


static const ngx_http_social_conf_entry_t  ngx_http_social_issuer_lines[] = {

    { ngx_string("user_pool"),
      0,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_issuer_t, user_pool),
      0, 0, &ngx_http_social_issuer_pool },

    { ngx_string("replica_regions"),
      NGX_HTTP_SOCIAL_CONF_LIST,
      ngx_http_social_conf_list,
      offsetof(ngx_http_social_issuer_t, replicas),
      0, 0, &ngx_http_social_issuer_region },

    { ngx_string("issuer"),
      0,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_issuer_t, issuer),
      0, 0, &ngx_http_social_issuer_iss },

    { ngx_string("jwks_uri"),
      0,
      ngx_http_social_conf_url,
      offsetof(ngx_http_social_issuer_t, jwks_uri),
      0, 0, "query" },

    { ngx_string("jwks_file"),
      0,
      ngx_http_social_conf_file,
      offsetof(ngx_http_social_issuer_t, jwks_file),
      0, 0, NULL },

    { ngx_string("ca_file"),
      0,
      ngx_http_social_conf_file,
      offsetof(ngx_http_social_issuer_t, ca_file),
      0, 0, NULL },

    { ngx_string("client_ids"),
      NGX_HTTP_SOCIAL_CONF_LIST,
      ngx_http_social_issuer_clients,
      offsetof(ngx_http_social_issuer_t, client_ids),
      0, 0, &ngx_http_social_issuer_client },

    { ngx_string("audiences"),
      NGX_HTTP_SOCIAL_CONF_LIST,
      ngx_http_social_conf_list,
      offsetof(ngx_http_social_issuer_t, audiences),
      0, 0, &ngx_http_social_issuer_client },

    { ngx_string("subject_claim"),
      0,
      ngx_http_social_claim_conf,
      offsetof(ngx_http_social_issuer_t, subject_claim),
      SOCIAL_CLAIM_TEXT, 0, NULL },

    { ngx_string("username_claim"),
      0,
      ngx_http_social_claim_conf,
      offsetof(ngx_http_social_issuer_t, username_claim),
      SOCIAL_CLAIM_TEXT, 0, NULL },

    { ngx_string("groups_claim"),
      0,
      ngx_http_social_claim_conf,
      offsetof(ngx_http_social_issuer_t, groups_claim),
      SOCIAL_CLAIM_NAMES, 0, NULL },

    { ngx_string("client_claim"),
      0,
      ngx_http_social_claim_conf,
      offsetof(ngx_http_social_issuer_t, client_claim),
      SOCIAL_CLAIM_TEXT, 0, NULL },

    { ngx_string("scope_claim"),
      0,
      ngx_http_social_claim_conf,
      offsetof(ngx_http_social_issuer_t, scope_claim),
      SOCIAL_CLAIM_WORDS, 0, NULL },

    { ngx_string("token_use"),
      0,
      ngx_http_social_conf_enum,
      offsetof(ngx_http_social_issuer_t, token_use),
      0, 0, ngx_http_social_issuer_token_uses },

    { ngx_string("token_type"),
      0,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_issuer_t, token_type),
      0, 0, &ngx_http_social_issuer_type },

    { ngx_string("algorithms"),
      NGX_HTTP_SOCIAL_CONF_LIST,
      ngx_http_social_issuer_algorithms,
      0,
      0, 0, NULL },

    /* expired tokens are accepted for so long */

    { ngx_string("leeway"),
      0,
      ngx_http_social_conf_sec,
      offsetof(ngx_http_social_issuer_t, leeway),
      0, 300, NULL },

    { ngx_string("jwks_refresh"),
      0,
      ngx_http_social_conf_msec,
      offsetof(ngx_http_social_issuer_t, refresh),
      1, 0, NULL },

    { ngx_string("jwks_stale"),
      0,
      ngx_http_social_conf_sec,
      offsetof(ngx_http_social_issuer_t, stale),
      0, 0, NULL },

    { ngx_string("jwks_cooldown"),
      0,
      ngx_http_social_conf_msec,
      offsetof(ngx_http_social_issuer_t, cooldown),
      1, 0, NULL },

    /* a worker process that exits waits for it */

    { ngx_string("jwks_timeout"),
      0,
      ngx_http_social_conf_msec,
      offsetof(ngx_http_social_issuer_t, timeout),
      1, 30000, NULL },

    { ngx_string("jwks_max_size"),
      0,
      ngx_http_social_conf_size,
      offsetof(ngx_http_social_issuer_t, max_size),
      1024, 1024 * 1024, NULL },

    { ngx_string("jwks_max_keys"),
      0,
      ngx_http_social_conf_number,
      offsetof(ngx_http_social_issuer_t, max_keys),
      1, SOCIAL_JWKS_MAX_KEYS, NULL },

      ngx_http_social_conf_null_entry
};


char *
ngx_http_social_issuer_parse(ngx_conf_t *cf, ngx_http_social_issuer_t *issuer)
{
    return ngx_http_social_conf_block(cf, ngx_http_social_issuer_lines,
                                      issuer);
}


static ngx_uint_t
ngx_http_social_issuer_is_pool(ngx_str_t *value)
{
    social_str_t  region;

    return social_user_pool_region(ngx_http_social_view(value), &region)
           == SOCIAL_OK;
}


static ngx_uint_t
ngx_http_social_issuer_is_region(ngx_str_t *value)
{
    return social_region_valid(ngx_http_social_view(value));
}


/*
 * Any StringOrURI (RFC 7519, 2), such as "accounts.google.com".
 */

static ngx_uint_t
ngx_http_social_issuer_is_issuer(ngx_str_t *value)
{
    size_t  i;

    if (value->len > SOCIAL_URL_MAX_SIZE) {
        return 0;
    }

    for (i = 0; i < value->len; i++) {
        if (value->data[i] <= ' ' || value->data[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}


/*
 * By the characters of RFC 6838, 4.2.
 */

static ngx_uint_t
ngx_http_social_issuer_is_type(ngx_str_t *value)
{
    u_char  ch;
    size_t  i;

    for (i = 0; i < value->len; i++) {

        ch = value->data[i];

        if (!((ch >= '0' && ch <= '9')
              || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z')
              || ngx_strchr("!#$&-^_.+/", ch) != NULL))
        {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_http_social_issuer_is_client(ngx_str_t *value)
{
    return value->len != 0 && !(value->len == 1 && value->data[0] == '*');
}


static char *
ngx_http_social_issuer_clients(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    ngx_http_social_issuer_t  *issuer = conf;

    if (n == 1 && value->len == 1 && value->data[0] == '*') {
        issuer->any_client = 1;
        return NGX_CONF_OK;
    }

    return ngx_http_social_conf_list(cf, entry, value, n, conf);
}


static char *
ngx_http_social_issuer_algorithms(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    ngx_http_social_issuer_t  *issuer = conf;

    ngx_uint_t            i;
    social_algorithm_e    algorithm;
    social_algorithms_t   bit;

    for (i = 0; i < n; i++) {

        algorithm = social_algorithm(ngx_http_social_view(&value[i]));

        if (algorithm == SOCIAL_ALGORITHM_NONE) {
            return ngx_http_social_conf_invalid(cf, entry, &value[i],
                       "it must be one of RS256, RS384, RS512, PS256, PS384, "
                       "PS512, ES256, ES384, ES512, EdDSA, Ed25519 and Ed448 "
                       "(\"none\" and HS* are not supported)");
        }

        bit = social_algorithm_bit(algorithm);

        if (issuer->algorithms & bit) {
            return ngx_http_social_conf_duplicate_value(cf, &value[i]);
        }

        issuer->algorithms |= bit;
    }

    return NGX_CONF_OK;
}
