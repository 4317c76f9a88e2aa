
/*
 * The sources of tokens, and what a token must have: the setters.
 */

#include "ngx_http_social_auth.h"
#include "ngx_http_social_conf_note.h"


typedef struct {
    ngx_str_t                      prefix;
    ngx_http_social_auth_source_e  kind;
} ngx_http_social_auth_prefix_t;


static char *ngx_http_social_auth_source(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_social_auth_source_t *source);
static char *ngx_http_social_auth_named(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_social_auth_source_t *source);
static ngx_uint_t ngx_http_social_auth_is_scope(ngx_str_t *value);
static ngx_uint_t ngx_http_social_auth_is_text(ngx_str_t *value);


/* a word of the token's, sent in a quoted string (RFC 6750, 3) */

static const ngx_http_social_conf_check_t  ngx_http_social_auth_scope_check = {
    ngx_http_social_auth_is_scope,
    "it must not be empty or contain spaces, quotes, backslashes and control "
    "characters"
};


static const ngx_http_social_conf_check_t  ngx_http_social_auth_text_check = {
    ngx_http_social_auth_is_text,
    "it must not be empty, begin with \"$\" (variables are not supported) or "
    "contain control characters"
};


static const ngx_http_social_conf_entry_t  ngx_http_social_auth_scopes =
    { ngx_null_string, 0, ngx_http_social_conf_list,
      offsetof(ngx_http_social_auth_list_t, values), 0, 0,
      &ngx_http_social_auth_scope_check };


static const ngx_http_social_conf_entry_t  ngx_http_social_auth_texts_list =
    { ngx_null_string, 0, ngx_http_social_conf_list,
      offsetof(ngx_http_social_auth_list_t, values), 0, 0,
      &ngx_http_social_auth_text_check };


static const ngx_http_social_conf_entry_t  ngx_http_social_auth_claim_name =
    { ngx_null_string, 0, ngx_http_social_claim_conf,
      offsetof(ngx_http_social_auth_claim_t, path), SOCIAL_CLAIM_TEXT, 0,
      NULL };


static const ngx_http_social_conf_entry_t  ngx_http_social_auth_claim_values =
    { ngx_null_string, 0, ngx_http_social_conf_list,
      offsetof(ngx_http_social_auth_claim_t, values), 0, 0,
      &ngx_http_social_auth_text_check };


/* the first one that fits counts */

static ngx_http_social_auth_prefix_t  ngx_http_social_auth_prefixes[] = {
    { ngx_string("http_"), NGX_HTTP_SOCIAL_AUTH_HEADER },
    { ngx_string("cookie_"), NGX_HTTP_SOCIAL_AUTH_COOKIE },
    { ngx_string("arg_"), NGX_HTTP_SOCIAL_AUTH_ARGUMENT },
    { ngx_string(""), NGX_HTTP_SOCIAL_AUTH_VARIABLE }
};


char *
ngx_http_social_auth_token_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_auth_loc_conf_t  *alcf = conf;

    ngx_str_t                     *value;
    ngx_uint_t                     i, j;
    ngx_http_social_auth_source_t  *source, *sources;

    value = cf->args->elts;

    if (alcf->sources != NGX_CONF_UNSET_PTR) {
        return ngx_http_social_conf_duplicate(cf);
    }

    alcf->sources = ngx_array_create(cf->pool, 2,
                                    sizeof(ngx_http_social_auth_source_t));
    if (alcf->sources == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        source = ngx_array_push(alcf->sources);
        if (source == NULL) {
            return NGX_CONF_ERROR;
        }

        if (ngx_http_social_auth_source(cf, &value[i], source) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }

        sources = alcf->sources->elts;

        for (j = 0; j < i - 1; j++) {
            if (sources[j].name.len == source->name.len
                && ngx_strncmp(sources[j].name.data, source->name.data,
                               source->name.len)
                   == 0)
            {
                return ngx_http_social_conf_duplicate_value(cf, &value[i]);
            }
        }
    }

    sources = alcf->sources->elts;

    if (alcf->sources->nelts == 1
        && sources[0].kind == NGX_HTTP_SOCIAL_AUTH_AUTHORIZATION)
    {
        /* the default, which needs no list */
        alcf->sources = NULL;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_social_auth_source(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_social_auth_source_t *source)
{
    u_char                          ch;
    size_t                          i;
    ngx_int_t                       index;
    ngx_str_t                      *name;
    ngx_http_social_auth_prefix_t  *p;
    static ngx_str_t                authorization =
                                        ngx_string("http_authorization");
    static ngx_str_t                protocol =
                                        ngx_string(
                                            "http_sec_websocket_protocol");
    static ngx_str_t                cookie = ngx_string("http_cookie");
    static ngx_str_t                social = ngx_string("social_");
    static ngx_str_t                named = ngx_string("cookie=");

    if (value->len > named.len
        && ngx_strncmp(value->data, named.data, named.len) == 0)
    {
        return ngx_http_social_auth_named(cf, value, source);
    }

    for (i = 1; i < value->len; i++) {

        ch = value->data[i];

        if (!(ch >= 'a' && ch <= 'z') && !(ch >= 'A' && ch <= 'Z')
            && !(ch >= '0' && ch <= '9') && ch != '_')
        {
            break;
        }
    }

    if (value->len < 2 || value->data[0] != '$' || i < value->len) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid value \"%V\" in \"social_auth_token\" directive, "
                   "it must be the name of a variable, as \"$cookie_token\", "
                   "or \"cookie=\" and the name of one", value);
    }

    /* nginx knows variables without regard to case */

    ngx_memzero(source, sizeof(ngx_http_social_auth_source_t));

    name = &source->name;
    name->len = value->len - 1;

    name->data = ngx_pnalloc(cf->pool, name->len);
    if (name->data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_strlow(name->data, value->data + 1, name->len);

    if (name->len == cookie.len
        && ngx_strncmp(name->data, cookie.data, cookie.len) == 0)
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid value \"%V\" in \"social_auth_token\" directive, "
                   "it must be one cookie, as \"$cookie_token\"", value);
    }

    if (name->len >= social.len
        && ngx_strncmp(name->data, social.data, social.len) == 0)
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid value \"%V\" in \"social_auth_token\" directive, "
                   "it must not be a variable of this module", value);
    }

    index = ngx_http_get_variable_index(cf, name);
    if (index == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    source->index = index;

    for (p = ngx_http_social_auth_prefixes; p->prefix.len; p++) {
        if (name->len > p->prefix.len
            && ngx_strncmp(name->data, p->prefix.data, p->prefix.len) == 0)
        {
            break;
        }
    }

    source->kind = p->kind;
    source->item.data = name->data + p->prefix.len;
    source->item.len = name->len - p->prefix.len;

    if (name->len == authorization.len
        && ngx_strncmp(name->data, authorization.data, name->len) == 0)
    {
        source->kind = NGX_HTTP_SOCIAL_AUTH_AUTHORIZATION;

    } else if (name->len == protocol.len
               && ngx_strncmp(name->data, protocol.data, name->len) == 0)
    {
        source->kind = NGX_HTTP_SOCIAL_AUTH_PROTOCOL;
    }

    return NGX_CONF_OK;
}


/*
 * "cookie=NAME", with the characters of RFC 6265, 4.1.1.
 */

static char *
ngx_http_social_auth_named(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_social_auth_source_t *source)
{
    ngx_memzero(source, sizeof(ngx_http_social_auth_source_t));

    source->name = *value;
    source->kind = NGX_HTTP_SOCIAL_AUTH_NAMED;
    source->item.data = value->data + sizeof("cookie=") - 1;
    source->item.len = value->len - (sizeof("cookie=") - 1);

    if (!social_str_is_token(ngx_http_social_view(&source->item))) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid value \"%V\" in \"social_auth_token\" directive, "
                   "the name of a cookie must be letters, digits, and other "
                   "characters of a token", value);
    }

    return NGX_CONF_OK;
}


char *
ngx_http_social_auth_list_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                    *value;
    ngx_http_social_auth_list_t  *list;

    value = cf->args->elts;
    list = (ngx_http_social_auth_list_t *) ((char *) conf + cmd->offset);

    if (list->values != NGX_CONF_UNSET_PTR) {
        return ngx_http_social_conf_duplicate(cf);
    }

    if (ngx_strcmp(value[1].data, "all") == 0) {
        list->all = 1;

    } else if (ngx_strcmp(value[1].data, "any") != 0) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid parameter \"%V\" in \"%V\" directive, the first "
                   "one must be \"any\" or \"all\"", &value[1], &value[0]);
    }

    if (ngx_http_social_conf_list(cf,
            cmd->offset == offsetof(ngx_http_social_auth_loc_conf_t, groups)
            ? &ngx_http_social_auth_texts_list
            : &ngx_http_social_auth_scopes,
            &value[2], cf->args->nelts - 2, list)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_social_conf_note(cf, list->values);

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_social_auth_is_scope(ngx_str_t *value)
{
    size_t  i;

    for (i = 0; i < value->len; i++) {

        if (value->data[i] < 0x21 || value->data[i] == 0x7f
            || value->data[i] == '"'
            || value->data[i] == '\\')
        {
            return 0;
        }
    }

    return value->len != 0;
}


char *
ngx_http_social_auth_claim_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_auth_loc_conf_t  *alcf = conf;

    ngx_str_t                     *value;
    ngx_uint_t                     i;
    ngx_http_social_auth_claim_t  *claim;

    value = cf->args->elts;

    if (alcf->claims == NGX_CONF_UNSET_PTR) {
        alcf->claims = ngx_array_create(cf->pool, 2,
                                        sizeof(ngx_http_social_auth_claim_t));
        if (alcf->claims == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    claim = alcf->claims->elts;

    for (i = 0; i < alcf->claims->nelts; i++) {
        if (social_str_eq(claim[i].path->text,
                          ngx_http_social_view(&value[1])))
        {
            return ngx_http_social_conf_error(cf, NULL,
                       "duplicate claim \"%V\" (list all of its values in one) "
                       "in \"social_auth_claim\" directive", &value[1]);
        }
    }

    claim = ngx_array_push(alcf->claims);
    if (claim == NULL) {
        return NGX_CONF_ERROR;
    }

    claim->values = NULL;

    if (ngx_http_social_claim_conf(cf, &ngx_http_social_auth_claim_name,
                                   &value[1], 1, claim)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_social_conf_list(cf, &ngx_http_social_auth_claim_values,
                                  &value[2], cf->args->nelts - 2, claim)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_social_conf_note(cf, claim->values);

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_social_auth_is_text(ngx_str_t *value)
{
    size_t  i;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < 0x20 || value->data[i] == 0x7f) {
            return 0;
        }
    }

    return value->len != 0 && value->data[0] != '$';
}
