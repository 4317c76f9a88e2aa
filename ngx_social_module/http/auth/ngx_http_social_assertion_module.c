
/*
 * "social_assertion": the verified identity in a signed token, so that a
 * backend need not trust its network.  Set in PRECONTENT, after the identity
 * headers: those erase the whole family at an internal redirect.
 */

#include "ngx_http_social_auth.h"
#include "ngx_http_social_secret.h"
#include "social_assertion.h"
#include "social_utf8.h"


typedef struct {
    ngx_uint_t                   numbers;      /* the last one given */
    ngx_flag_t                   used;
} ngx_http_social_assertion_main_conf_t;


typedef struct {
    ngx_flag_t                  enable;
    ngx_uint_t                  number;        /* of the directive */
    ngx_str_t                   secret_name;
    ngx_http_social_secret_t   *secret;
    time_t                      ttl;
    ngx_str_t                   audience;
    ngx_http_social_position_t  position;
} ngx_http_social_assertion_loc_conf_t;


static ngx_int_t ngx_http_social_assertion_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_http_social_assertion_is_ours(ngx_table_elt_t *h);
static ngx_int_t ngx_http_social_assertion_get(ngx_http_request_t *r,
    ngx_http_social_assertion_loc_conf_t *conf,
    ngx_http_social_auth_ctx_t *identity, ngx_str_t *text);
static ngx_int_t ngx_http_social_assertion_mint(ngx_http_request_t *r,
    ngx_http_social_assertion_loc_conf_t *conf,
    ngx_http_social_auth_ctx_t *identity, time_t now,
    ngx_http_social_parsed_assertion_t *kept);

static char *ngx_http_social_assertion_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_uint_t ngx_http_social_assertion_is_audience(ngx_str_t *value);

static void *ngx_http_social_assertion_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_social_assertion_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_assertion_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_social_assertion_init(ngx_conf_t *cf);


static ngx_http_social_header_name_t  ngx_http_social_assertion_name =
    { ngx_string("X-Social-Assertion"), ngx_string("x-social-assertion"), 0 };


static const ngx_http_social_conf_check_t
    ngx_http_social_assertion_audience =
{
    ngx_http_social_assertion_is_audience,
    "it must not be empty, and must be valid UTF-8"
};


static const ngx_http_social_conf_entry_t
    ngx_http_social_assertion_params[] =
{
    { ngx_string("secret"),
      NGX_HTTP_SOCIAL_CONF_REQUIRED,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_assertion_loc_conf_t, secret_name),
      0, 0, NULL },

    { ngx_string("ttl"),
      0,
      ngx_http_social_conf_sec,
      offsetof(ngx_http_social_assertion_loc_conf_t, ttl),
      1, 3600, NULL },

    { ngx_string("audience"),
      0,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_assertion_loc_conf_t, audience),
      0, 0, &ngx_http_social_assertion_audience },

      ngx_http_social_conf_null_entry
};


static ngx_command_t  ngx_http_social_assertion_commands[] = {

    { ngx_string("social_assertion"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_social_assertion_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_assertion_module_ctx = {
    NULL,                                       /* preconfiguration */
    ngx_http_social_assertion_init,             /* postconfiguration */

    ngx_http_social_assertion_create_main_conf, /* create main configuration */
    NULL,                                       /* init main configuration */

    NULL,                                       /* create server conf */
    NULL,                                       /* merge server conf */

    ngx_http_social_assertion_create_loc_conf,  /* create location conf */
    ngx_http_social_assertion_merge_loc_conf    /* merge location conf */
};


ngx_module_t  ngx_http_social_assertion_module = {
    NGX_MODULE_V1,
    &ngx_http_social_assertion_module_ctx, /* module context */
    ngx_http_social_assertion_commands,    /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_social_assertion_handler(ngx_http_request_t *r)
{
    ngx_int_t                              rc;
    ngx_str_t                              text;
    ngx_http_social_auth_ctx_t            *identity;
    ngx_http_social_assertion_loc_conf_t  *conf;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    if (r->internal) {

        /* that of the location that this request was in before */

        if (ngx_http_social_headers_in_remove(r,
                ngx_http_social_assertion_is_ours)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_social_assertion_module);

    /* a location without a content handler serves files: it is not needed */

    if (!conf->enable || r->content_handler == NULL) {
        return NGX_DECLINED;
    }

    rc = ngx_http_social_auth_identity(r, &identity);

    if (rc == NGX_DECLINED) {
        return NGX_DECLINED;
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_social_assertion_get(r, conf, identity, &text) != NGX_OK
        || ngx_http_social_header_in_push(r, &ngx_http_social_assertion_name,
                                          &text)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_http_social_assertion_is_ours(ngx_table_elt_t *h)
{
    ngx_str_t  *name;

    name = &ngx_http_social_assertion_name.lowcase;

    return h->key.len == name->len
           && ngx_strncmp(h->lowcase_key, name->data, name->len) == 0;
}


/*
 * The one that is cached with the verified token, if a backend has at least
 * half of its time left to read it; else a new one.
 */

static ngx_int_t
ngx_http_social_assertion_get(ngx_http_request_t *r,
    ngx_http_social_assertion_loc_conf_t *conf,
    ngx_http_social_auth_ctx_t *identity, ngx_str_t *text)
{
    time_t                               now;
    const social_claim_path_t           *groups_claim;
    ngx_http_social_auth_loc_conf_t     *alcf;
    ngx_http_social_parsed_assertion_t  *kept;

    now = ngx_time();
    kept = &identity->parsed->assertion;
    alcf = ngx_http_get_module_loc_conf(r, ngx_http_social_auth_module);
    groups_claim = ngx_http_social_auth_groups_claim(identity, alcf);

    /* of the same directive, though perhaps inherited by another location */

    if (kept->text.data == NULL
        || kept->number != conf->number
        || !social_claim_path_eq(kept->groups_claim, groups_claim)
        || kept->known != identity->known
        || (kept->known
            && ngx_memcmp(kept->user, identity->user, sizeof(kept->user)) != 0)
        || now < kept->minted
        || now - kept->minted > conf->ttl / 2)
    {
        if (ngx_http_social_assertion_mint(r, conf, identity, now, kept)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        kept->number = conf->number;
        kept->groups_claim = groups_claim;
        kept->known = identity->known;
        ngx_memcpy(kept->user, identity->user, sizeof(kept->user));
        kept->minted = now;
    }

    /* another request may renew it while this one waits for its backend */

    text->len = kept->text.len;
    text->data = ngx_pnalloc(r->pool, text->len + 1);

    if (text->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(text->data, kept->text.data, text->len + 1);

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_assertion_mint(ngx_http_request_t *r,
    ngx_http_social_assertion_loc_conf_t *conf,
    ngx_http_social_auth_ctx_t *identity, time_t now,
    ngx_http_social_parsed_assertion_t *kept)
{
    u_char                           *p;
    ngx_str_t                         user;
    social_str_t                      minted;
    social_assertion_t                assertion;
    ngx_http_social_auth_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_social_auth_module);

    assertion.secret = conf->secret->values[0];
    assertion.audience = ngx_http_social_view(&conf->audience);
    assertion.ttl = conf->ttl;
    assertion.issuer = ngx_http_social_view(&identity->issuer->identity);
    assertion.subject = identity->claims.subject;

    user = ngx_http_social_auth_user(identity);
    assertion.user = ngx_http_social_view(&user);

    assertion.claims = identity->jwt.payload;
    assertion.username = social_claims_username(identity->jwt.payload,
                                                &identity->issuer->policy);
    assertion.groups = ngx_http_social_auth_groups_claim(identity, alcf);
    assertion.scopes = ngx_http_social_auth_scope_claim(identity);

    if (social_assertion_mint(&assertion, now, &minted) != SOCIAL_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "social: could not create an assertion");
        return NGX_ERROR;
    }

    p = ngx_alloc(minted.len + 1, r->connection->log);

    if (p != NULL) {
        ngx_memcpy(p, minted.data, minted.len);
        p[minted.len] = '\0';

        ngx_free(kept->text.data);

        kept->text.data = p;
        kept->text.len = minted.len;
    }

    social_assertion_free(&minted);

    return p ? NGX_OK : NGX_ERROR;
}


static char *
ngx_http_social_assertion_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_assertion_loc_conf_t  *aslcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (aslcf->enable != NGX_CONF_UNSET) {
        return ngx_http_social_conf_duplicate(cf);
    }

    ngx_http_social_conf_position(cf, &aslcf->position);

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        aslcf->enable = 0;
        return NGX_CONF_OK;
    }

    aslcf->enable = 1;
    aslcf->ttl = 60;
    ngx_str_set(&aslcf->audience, "backend");

    return ngx_http_social_conf_params(cf, ngx_http_social_assertion_params, 1,
                                       0, 0, aslcf);
}


static ngx_uint_t
ngx_http_social_assertion_is_audience(ngx_str_t *value)
{
    return value->len != 0 && social_utf8_valid(ngx_http_social_view(value));
}


static void *
ngx_http_social_assertion_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_social_assertion_main_conf_t));
}


static void *
ngx_http_social_assertion_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_social_assertion_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_social_assertion_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->enable = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_social_assertion_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_social_assertion_loc_conf_t  *prev = parent;
    ngx_http_social_assertion_loc_conf_t  *conf = child;

    ngx_http_social_assertion_main_conf_t  *asmcf;

    asmcf = ngx_http_conf_get_module_main_conf(cf,
                ngx_http_social_assertion_module);

    /* the http level has no parent */

    if (prev->number == 0) {
        prev->number = ++asmcf->numbers;
    }

    if (conf->enable == NGX_CONF_UNSET) {

        if (prev->enable == NGX_CONF_UNSET) {
            prev->enable = 0;
        }

        *conf = *prev;

    } else {
        conf->number = ++asmcf->numbers;
    }

    if (!conf->enable) {
        return NGX_CONF_OK;
    }

    conf->secret = ngx_http_social_secret_find(cf, &conf->secret_name);

    if (conf->secret == NULL) {
        return ngx_http_social_conf_error(cf, &conf->position,
                   "unknown secret \"%V\" (add \"social_secret %V\" to the "
                   "\"http\" block) in \"social_assertion\" directive",
                   &conf->secret_name, &conf->secret_name);
    }

    asmcf->used = 1;

    /* headers of clients are erased even where nothing else requires it */

    ngx_http_social_use(cf);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_social_assertion_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt                    *h;
    ngx_http_core_main_conf_t              *cmcf;
    ngx_http_social_assertion_main_conf_t  *asmcf;

    asmcf = ngx_http_conf_get_module_main_conf(cf,
                ngx_http_social_assertion_module);

    if (!asmcf->used) {
        return NGX_OK;
    }

    ngx_http_social_header_name_init(&ngx_http_social_assertion_name);

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_social_assertion_handler;

    return NGX_OK;
}
