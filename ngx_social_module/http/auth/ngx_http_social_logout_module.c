
/*
 * "social_logout": the directive.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_logout.h"
#include "ngx_http_social_reply.h"
#include "ngx_http_social_revocation.h"
#include "social_logout_token.h"


typedef struct {
    ngx_str_t                        name;
    ngx_uint_t                       mode;
    ngx_http_handler_pt              handler;
} ngx_http_social_logout_word_t;


static char *ngx_http_social_logout_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static void *ngx_http_social_logout_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_logout_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_social_logout_resolve(ngx_conf_t *cf,
    ngx_http_social_logout_loc_conf_t *conf);


/* the first argument; without one of these: the token's session */

static const ngx_http_social_logout_word_t  ngx_http_social_logout_words[] = {

    { ngx_string("all"), NGX_HTTP_SOCIAL_LOGOUT_ALL,
      ngx_http_social_logout_handler },

    { ngx_string("frontchannel"), NGX_HTTP_SOCIAL_LOGOUT_FRONT,
      ngx_http_social_logout_handler },

    { ngx_string("backchannel"), NGX_HTTP_SOCIAL_LOGOUT_BACK,
      ngx_http_social_logout_back_handler },

    { ngx_null_string, NGX_HTTP_SOCIAL_LOGOUT_SESSION,
      ngx_http_social_logout_handler }
};


static const ngx_http_social_conf_entry_t  ngx_http_social_logout_params[] = {

    { ngx_string("retention"),
      0,
      ngx_http_social_conf_sec,
      offsetof(ngx_http_social_logout_loc_conf_t, retention),
      1, 3650 * 86400, NULL },

    { ngx_string("max"),
      NGX_HTTP_SOCIAL_CONF_IN(NGX_HTTP_SOCIAL_LOGOUT_SESSION)
      |NGX_HTTP_SOCIAL_CONF_IN(NGX_HTTP_SOCIAL_LOGOUT_ALL)
      |NGX_HTTP_SOCIAL_CONF_IN(NGX_HTTP_SOCIAL_LOGOUT_FRONT),
      ngx_http_social_conf_number,
      offsetof(ngx_http_social_logout_loc_conf_t, max),
      1, 1000000, NULL },

      ngx_http_social_conf_null_entry
};


/* the names of issuers */

static const ngx_http_social_conf_entry_t  ngx_http_social_logout_issuers =
    { ngx_null_string, 0, ngx_http_social_conf_list,
      offsetof(ngx_http_social_logout_loc_conf_t, names), 0, 0, NULL };


static ngx_command_t  ngx_http_social_logout_commands[] = {

    { ngx_string("social_logout"),
      NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      ngx_http_social_logout_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_logout_module_ctx = {
    NULL,                                    /* preconfiguration */
    NULL,                                    /* postconfiguration */

    NULL,                                    /* create main configuration */
    NULL,                                    /* init main configuration */

    NULL,                                    /* create server configuration */
    NULL,                                    /* merge server configuration */

    ngx_http_social_logout_create_loc_conf,  /* create location configuration */
    ngx_http_social_logout_merge_loc_conf    /* merge location configuration */
};


ngx_module_t  ngx_http_social_logout_module = {
    NGX_MODULE_V1,
    &ngx_http_social_logout_module_ctx,    /* module context */
    ngx_http_social_logout_commands,       /* module directives */
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


static char *
ngx_http_social_logout_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_logout_loc_conf_t  *llcf = conf;

    ngx_str_t                            *value;
    ngx_uint_t                            first, n;
    const ngx_http_social_logout_word_t  *word;

    value = cf->args->elts;
    first = 1;

    for (word = ngx_http_social_logout_words; word->name.len; word++) {

        if (cf->args->nelts > 1
            && value[1].len == word->name.len
            && ngx_strncmp(value[1].data, word->name.data, word->name.len)
               == 0)
        {
            first = 2;
            break;
        }
    }

    if (ngx_http_social_content_set(cf, &llcf->content, word->handler)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    llcf->mode = word->mode;

    /* sessions of one subject: for a month, three a day */

    llcf->retention = 30 * 86400;
    llcf->max = 100;

    if (word->mode == NGX_HTTP_SOCIAL_LOGOUT_BACK) {

        for (n = first; n < cf->args->nelts; n++) {
            if (ngx_strlchr(value[n].data, value[n].data + value[n].len, '=')
                != NULL)
            {
                break;
            }
        }

        if (n == first) {
            return ngx_http_social_conf_error(cf, NULL,
                       "no issuer is named in \"social_logout\" directive "
                       "with \"backchannel\"");
        }

        if (ngx_http_social_conf_list(cf, &ngx_http_social_logout_issuers,
                                      &value[first], n - first, llcf)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }

        first = n;
    }

    return ngx_http_social_conf_params(cf, ngx_http_social_logout_params,
                                       first,
                                       NGX_HTTP_SOCIAL_CONF_IN(word->mode), 0,
                                       llcf);
}


static void *
ngx_http_social_logout_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_social_logout_loc_conf_t));
}


static char *
ngx_http_social_logout_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_social_logout_loc_conf_t  *prev = parent;
    ngx_http_social_logout_loc_conf_t  *conf = child;

    ngx_http_social_auth_loc_conf_t  *alcf;

    switch (ngx_http_social_content_merge(cf, &prev->content, &conf->content))
    {
    case NGX_ERROR:
        return NGX_CONF_ERROR;

    case NGX_DECLINED:
        return NGX_CONF_OK;

    case NGX_DONE:
        *conf = *prev;
    }

    alcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_social_auth_module);

    if (conf->mode == NGX_HTTP_SOCIAL_LOGOUT_BACK) {

        if (alcf->issuers != NULL) {
            return ngx_http_social_conf_error(cf, &conf->content.position,
                       "\"social_auth\" must be \"off\" for the "
                       "\"social_logout\" directive with \"backchannel\": "
                       "the issuer has no token but the one it sends");
        }

        if (ngx_http_social_logout_resolve(cf, conf) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }

        ngx_http_social_revocation_use(cf);
        ngx_http_social_read_body_location(cf, SOCIAL_LOGOUT_FORM_SIZE);

    } else if (alcf->issuers == NULL
               || alcf->mode != NGX_HTTP_SOCIAL_AUTH_REQUIRED)
    {
        return ngx_http_social_conf_missing(cf, &conf->content.position,
                   "social_auth", "without \"optional\"", "social_logout");
    }

    if (!ngx_http_social_database_configured(cf)) {
        return ngx_http_social_conf_missing(cf, &conf->content.position,
                   "social_database", "add it to the \"http\" block",
                   "social_logout");
    }

    if (conf->mode != NGX_HTTP_SOCIAL_LOGOUT_BACK) {

        /* who signs out late is still signed in by a refresh token */

        alcf->late = conf->retention;

        ngx_http_social_auth_need_subject(cf);
    }

    ngx_http_social_error_own_location(cf);

    return NGX_CONF_OK;
}


static char *
ngx_http_social_logout_resolve(ngx_conf_t *cf,
    ngx_http_social_logout_loc_conf_t *conf)
{
    ngx_str_t                   name;
    ngx_uint_t                  i;
    social_str_t               *names;
    ngx_http_social_issuer_t   *issuer, **slot;

    if (conf->issuers != NULL) {
        return NGX_CONF_OK;
    }

    conf->issuers = ngx_array_create(cf->pool, conf->names->nelts,
                                     sizeof(ngx_http_social_issuer_t *));
    if (conf->issuers == NULL) {
        return NGX_CONF_ERROR;
    }

    names = conf->names->elts;

    for (i = 0; i < conf->names->nelts; i++) {

        ngx_http_social_from_str(&name, names[i]);

        issuer = ngx_http_social_issuer_find(cf, &name);

        if (issuer == NULL) {
            return ngx_http_social_conf_error(cf, &conf->content.position,
                       "unknown issuer \"%V\" (add \"social_issuer %V\" to "
                       "the \"http\" block) in \"social_logout\" directive",
                       &name, &name);
        }

        if (issuer->policy.client_count == 0
            && issuer->policy.audience_count == 0)
        {
            return ngx_http_social_conf_error(cf, &conf->content.position,
                       "issuer \"%V\" has neither \"client_ids\" nor "
                       "\"audiences\", which the \"social_logout\" directive "
                       "with \"backchannel\" needs", &name);
        }

        for ( /* void */ ; issuer; issuer = issuer->next) {

            slot = ngx_array_push(conf->issuers);
            if (slot == NULL) {
                return NGX_CONF_ERROR;
            }

            *slot = issuer;
        }
    }

    return NGX_CONF_OK;
}
