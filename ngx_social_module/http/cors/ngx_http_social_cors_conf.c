
/*
 * CORS: reading the directives.
 */

#include "ngx_http_social_cors.h"


#define NGX_HTTP_SOCIAL_CORS_MAX_AGE_MAX  86400


static char *ngx_http_social_cors_add_origin(ngx_conf_t *cf,
    ngx_http_social_cors_conf_t *scf, ngx_str_t *value);
static char *ngx_http_social_cors_start_list(ngx_conf_t *cf,
    ngx_http_social_cors_list_t *list);
static char *ngx_http_social_cors_add_name(ngx_conf_t *cf,
    ngx_http_social_cors_list_t *list, ngx_str_t *name);
static char *ngx_http_social_cors_check_method(ngx_conf_t *cf,
    ngx_str_t *method);


char *
ngx_http_social_cors_enable(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_social_cors_conf_t  *scf = conf;

    ngx_http_social_conf_position(cf, &scf->enable_position);

    return ngx_http_social_conf_flag_slot(cf, cmd, conf);
}


char *
ngx_http_social_cors_credentials(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_cors_conf_t  *scf = conf;

    ngx_http_social_conf_position(cf, &scf->credentials_position);

    return ngx_http_social_conf_flag_slot(cf, cmd, conf);
}


char *
ngx_http_social_cors_origins(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_social_cors_conf_t  *scf = conf;

    char        *rv;
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (scf->origins != NULL) {
        return ngx_http_social_conf_duplicate(cf);
    }

    ngx_http_social_conf_position(cf, &scf->origins_position);

    scf->origins = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                    sizeof(social_cors_origin_t));
    if (scf->origins == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        rv = ngx_http_social_cors_add_origin(cf, scf, &value[i]);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_social_cors_add_origin(ngx_conf_t *cf,
    ngx_http_social_cors_conf_t *scf, ngx_str_t *value)
{
    u_char                *buf;
    ngx_uint_t             i;
    const char            *reason;
    social_cors_origin_t  *o, *origins;

    o = ngx_array_push(scf->origins);
    if (o == NULL) {
        return NGX_CONF_ERROR;
    }

    /* a parameter may be empty, an allocation may not */

    buf = ngx_pnalloc(cf->pool, value->len + 1);
    if (buf == NULL) {
        return NGX_CONF_ERROR;
    }

    if (social_cors_origin_parse(ngx_http_social_view(value), buf, o, &reason)
        != SOCIAL_OK)
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid origin \"%V\" (%s) in \"social_cors_origins\" "
                   "directive", value, reason);
    }

    origins = scf->origins->elts;

    for (i = 0; i < scf->origins->nelts - 1; i++) {

        if (social_cors_origin_same(&origins[i], o)) {
            return ngx_http_social_conf_duplicate_value(cf, value);
        }

        if (origins[i].kind == SOCIAL_CORS_ANY || o->kind == SOCIAL_CORS_ANY) {
            return ngx_http_social_conf_error(cf, NULL,
                       "\"*\" must be the only value in "
                       "\"social_cors_origins\" directive");
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_http_social_cors_methods(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_social_cors_conf_t  *scf = conf;

    char        *rv;
    ngx_str_t   *value;
    ngx_uint_t   i;

    rv = ngx_http_social_cors_start_list(cf, &scf->methods);

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts && rv == NGX_CONF_OK; i++) {

        rv = ngx_http_social_cors_check_method(cf, &value[i]);

        if (rv == NGX_CONF_OK) {
            rv = ngx_http_social_cors_add_name(cf, &scf->methods, &value[i]);
        }
    }

    return rv;
}


/*
 * Methods are case-sensitive in browsers, and puts only the six that it has
 * always known in upper case itself (Fetch, "normalize a method").
 */

static char *
ngx_http_social_cors_check_method(ngx_conf_t *cf, ngx_str_t *method)
{
    ngx_uint_t               i;
    static const ngx_str_t   forbidden[] = {
        ngx_string("CONNECT"), ngx_string("TRACE"), ngx_string("TRACK")
    };
    static const ngx_str_t   known[] = {
        ngx_string("GET"), ngx_string("HEAD"), ngx_string("POST"),
        ngx_string("PUT"), ngx_string("PATCH"), ngx_string("DELETE"),
        ngx_string("OPTIONS")
    };

    for (i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {

        if (method->len == forbidden[i].len
            && ngx_strncasecmp(method->data, forbidden[i].data, method->len)
               == 0)
        {
            return ngx_http_social_conf_error(cf, NULL,
                       "invalid value \"%V\" in \"social_cors_methods\" "
                       "directive, browsers never send it", method);
        }
    }

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {

        if (method->len == known[i].len
            && ngx_strncasecmp(method->data, known[i].data, method->len) == 0
            && ngx_strncmp(method->data, known[i].data, method->len) != 0)
        {
            return ngx_http_social_conf_error(cf, NULL,
                       "invalid value \"%V\" in \"social_cors_methods\" "
                       "directive, it must be \"%V\" (methods are "
                       "case-sensitive)", method, &known[i]);
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_http_social_cors_names(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                         *rv;
    ngx_str_t                    *value;
    ngx_uint_t                    i;
    ngx_http_social_cors_list_t  *list;

    list = (ngx_http_social_cors_list_t *) ((char *) conf + cmd->offset);

    rv = ngx_http_social_cors_start_list(cf, list);

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts && rv == NGX_CONF_OK; i++) {
        rv = ngx_http_social_cors_add_name(cf, list, &value[i]);
    }

    return rv;
}


static char *
ngx_http_social_cors_start_list(ngx_conf_t *cf,
    ngx_http_social_cors_list_t *list)
{
    if (list->names != NULL) {
        return ngx_http_social_conf_duplicate(cf);
    }

    ngx_http_social_conf_position(cf, &list->position);

    list->names = ngx_array_create(cf->pool, cf->args->nelts,
                                   sizeof(social_str_t));

    return list->names ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_social_cors_add_name(ngx_conf_t *cf,
    ngx_http_social_cors_list_t *list, ngx_str_t *name)
{
    ngx_str_t     *value;
    ngx_uint_t     i;
    social_str_t  *s, view;

    value = cf->args->elts;
    view = ngx_http_social_view(name);

    if (social_str_eq(view, social_str("*"))) {

        if (list->any) {
            goto duplicate;
        }

        list->any = 1;

        return NGX_CONF_OK;
    }

    if (!social_str_is_token(view)
        || ngx_strlchr(name->data, name->data + name->len, '*') != NULL)
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid value \"%V\" in \"%V\" directive, it must be \"*\" "
                   "or a name without separators", name, &value[0]);
    }

    s = list->names->elts;

    for (i = 0; i < list->names->nelts; i++) {
        if (social_str_caseeq(s[i], view)) {
            goto duplicate;
        }
    }

    s = ngx_array_push(list->names);
    if (s == NULL) {
        return NGX_CONF_ERROR;
    }

    *s = view;

    return NGX_CONF_OK;

duplicate:

    return ngx_http_social_conf_duplicate_value(cf, name);
}


char *
ngx_http_social_cors_max_age(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_social_cors_conf_t  *scf = conf;

    ngx_int_t   n;
    ngx_str_t  *value;

    if (scf->max_age_set) {
        return ngx_http_social_conf_duplicate(cf);
    }

    /* -1 is a value here, so it cannot mark what is not set */

    scf->max_age_set = 1;

    value = cf->args->elts;

    if (value[1].len == 2 && ngx_strncmp(value[1].data, "-1", 2) == 0) {
        scf->max_age = -1;
        return NGX_CONF_OK;
    }

    n = ngx_parse_time(&value[1], 1);

    if (n == NGX_ERROR || n > NGX_HTTP_SOCIAL_CORS_MAX_AGE_MAX) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid value \"%V\" in \"social_cors_max_age\" directive, "
                   "it must be a time from 0s to 1d, or -1", &value[1]);
    }

    scf->max_age = n;

    return NGX_CONF_OK;
}
