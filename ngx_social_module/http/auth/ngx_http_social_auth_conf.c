
/*
 * Token sources, and what a token must have: the setters.
 */

#include "ngx_http_social_auth.h"


typedef struct {
    ngx_str_t                      prefix;
    ngx_http_social_auth_source_e  kind;
} ngx_http_social_auth_prefix_t;


static char *ngx_http_social_auth_source(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_social_auth_source_t *source);
static ngx_uint_t ngx_http_social_auth_is_scope(ngx_str_t *value);
static char *ngx_http_social_auth_check_text(ngx_conf_t *cf,
    ngx_str_t *directive, ngx_str_t *value, const char *what);


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
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_auth_token\" is duplicate: list all places in "
                   "one");
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
                return ngx_http_social_conf_error(cf, NULL,
                           "\"%V\" is duplicate in \"social_auth_token\": say "
                           "it once", &value[i]);
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
                   "invalid parameter \"%V\" in \"social_auth_token\": it "
                   "takes variables, as in \"social_auth_token "
                   "$http_authorization $cookie_token\"", value);
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
                   "\"%V\" in \"social_auth_token\" is all cookies: name the "
                   "one that holds the token, as in \"$cookie_token\"", value);
    }

    if (name->len >= social.len
        && ngx_strncmp(name->data, social.data, social.len) == 0)
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"%V\" in \"social_auth_token\" is a variable of this "
                   "module: it is known from the token, not before it", value);
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


char *
ngx_http_social_auth_list_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                    *value;
    ngx_uint_t                    i, j;
    social_str_t                 *item;
    ngx_http_social_auth_list_t  *list;

    value = cf->args->elts;
    list = (ngx_http_social_auth_list_t *) ((char *) conf + cmd->offset);

    if (list->values != NGX_CONF_UNSET_PTR) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"%V\" is duplicate: say it once in this block",
                   &value[0]);
    }

    if (ngx_strcmp(value[1].data, "all") == 0) {
        list->all = 1;

    } else if (ngx_strcmp(value[1].data, "any") != 0) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid parameter \"%V\" in \"%V\": it must be \"any\" or "
                   "\"all\", followed by values", &value[1], &value[0]);
    }

    list->values = ngx_array_create(cf->pool, 4, sizeof(social_str_t));
    if (list->values == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (cmd->offset == offsetof(ngx_http_social_auth_loc_conf_t, groups)) {

            if (ngx_http_social_auth_check_text(cf, &value[0], &value[i],
                                                "value")
                != NGX_CONF_OK)
            {
                return NGX_CONF_ERROR;
            }

        } else if (!ngx_http_social_auth_is_scope(&value[i])) {
            return ngx_http_social_conf_error(cf, NULL,
                       "invalid value \"%V\" in \"%V\": it must be a word "
                       "without spaces, quotes and backslashes",
                       &value[i], &value[0]);
        }

        for (j = 2; j < i; j++) {
            if (ngx_strcmp(value[i].data, value[j].data) == 0) {
                return ngx_http_social_conf_error(cf, NULL,
                           "\"%V\" is duplicate in \"%V\": say it once",
                           &value[i], &value[0]);
            }
        }

        item = ngx_array_push(list->values);
        if (item == NULL) {
            return NGX_CONF_ERROR;
        }

        *item = ngx_http_social_view(&value[i]);
    }

    return NGX_CONF_OK;
}


/*
 * A word of the token's, sent in a quoted string (RFC 6750, 3).
 */

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
ngx_http_social_auth_claim_name_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t  *value, *field;

    value = cf->args->elts;
    field = (ngx_str_t *) ((char *) conf + cmd->offset);

    if (field->data != NULL) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"%V\" is duplicate: say it once in this block",
                   &value[0]);
    }

    if (value[1].len == 0) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"%V\" needs the name of a claim", &value[0]);
    }

    *field = value[1];

    return NGX_CONF_OK;
}


char *
ngx_http_social_auth_claim_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_auth_loc_conf_t  *alcf = conf;

    ngx_str_t                     *value;
    ngx_uint_t                     i, j;
    social_str_t                  *item;
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
        if (claim[i].name.len == value[1].len
            && ngx_strncmp(claim[i].name.data, value[1].data, value[1].len)
               == 0)
        {
            return ngx_http_social_conf_error(cf, NULL,
                       "\"social_auth_claim %V\" is duplicate: list all of "
                       "its values in one", &value[1]);
        }
    }

    claim = ngx_array_push(alcf->claims);
    if (claim == NULL) {
        return NGX_CONF_ERROR;
    }

    claim->name = value[1];

    claim->values = ngx_array_create(cf->pool, cf->args->nelts - 2,
                                     sizeof(social_str_t));
    if (claim->values == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_social_auth_check_text(cf, &value[0], &value[1], "name")
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_http_social_auth_check_text(cf, &value[0], &value[i], "value")
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }

        for (j = 2; j < i; j++) {
            if (ngx_strcmp(value[i].data, value[j].data) == 0) {
                return ngx_http_social_conf_error(cf, NULL,
                           "\"%V\" is duplicate in \"social_auth_claim\": say "
                           "it once", &value[i]);
            }
        }

        item = ngx_array_push(claim->values);
        if (item == NULL) {
            return NGX_CONF_ERROR;
        }

        *item = ngx_http_social_view(&value[i]);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_social_auth_check_text(ngx_conf_t *cf, ngx_str_t *directive,
    ngx_str_t *value, const char *what)
{
    size_t  i;

    if (value->len && value->data[0] == '$') {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid %s \"%V\" in \"%V\": it takes no variables, write "
                   "what the token must have", what, value, directive);
    }

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < 0x20 || value->data[i] == 0x7f) {
            break;
        }
    }

    if (value->len == 0 || i < value->len) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid %s \"%V\" in \"%V\": it must be a text without "
                   "control characters", what, value, directive);
    }

    return NGX_CONF_OK;
}
