
/*
 * Configuration: errors.
 */

#include "ngx_http_social.h"


#define NGX_HTTP_SOCIAL_CONF_MAX_SHOWN  256


/*
 * "a", "b" or "c"
 */

u_char *
ngx_http_social_conf_join(u_char *p, u_char *last, const ngx_str_t *name,
    ngx_uint_t is_first, ngx_uint_t is_last, const char *conjunction)
{
    if (is_first) {
        return ngx_slprintf(p, last, "\"%V\"", name);
    }

    if (is_last) {
        return ngx_slprintf(p, last, " %s \"%V\"", conjunction, name);
    }

    return ngx_slprintf(p, last, ", \"%V\"", name);
}


void
ngx_http_social_conf_position(ngx_conf_t *cf,
    ngx_http_social_position_t *position)
{
    if (cf->conf_file == NULL) {
        position->line = 0;
        return;
    }

    position->file = cf->conf_file->file.name;
    position->line = cf->conf_file->line;
}


char *
ngx_http_social_conf_error(ngx_conf_t *cf, ngx_http_social_position_t *position,
    const char *fmt, ...)
{
    u_char   *p;
    va_list   args;
    u_char    text[NGX_MAX_CONF_ERRSTR];

    va_start(args, fmt);
    p = ngx_vslprintf(text, text + sizeof(text), fmt, args);
    va_end(args);

    if (position != NULL && position->line != 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "%*s in %V:%ui",
                      (size_t) (p - text), text, &position->file,
                      position->line);

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%*s",
                           (size_t) (p - text), text);
    }

    return NGX_CONF_ERROR;
}


char *
ngx_http_social_conf_invalid(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value,
    const char *fmt, ...)
{
    u_char      *p, *last;
    size_t       len;
    va_list      args;
    ngx_str_t   *directive;
    const char  *end;
    u_char       text[NGX_MAX_CONF_ERRSTR];

    directive = cf->args->elts;

    last = text + sizeof(text);
    p = ngx_slprintf(text, last, "invalid value ");

    if (!(entry->flags & NGX_HTTP_SOCIAL_CONF_SECRET)) {

        len = ngx_http_social_conf_shown(value, &end);
        p = ngx_slprintf(p, last, "\"%*s%s\" ", len, value->data, end);
    }

    /* a line of a block is a directive itself */

    if (entry->name.len
        && (entry->name.len != directive->len
            || ngx_strncmp(entry->name.data, directive->data, directive->len)
               != 0))
    {
        p = ngx_slprintf(p, last, "of parameter \"%V\" ", &entry->name);
    }

    p = ngx_slprintf(p, last, "in \"%V\" directive, ", directive);

    va_start(args, fmt);
    p = ngx_vslprintf(p, last, fmt, args);
    va_end(args);

    return ngx_http_social_conf_error(cf, NULL, "%*s", (size_t) (p - text),
                                      text);
}


char *
ngx_http_social_conf_duplicate(ngx_conf_t *cf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    return ngx_http_social_conf_error(cf, NULL,
               "\"%V\" directive is duplicate", &value[0]);
}


char *
ngx_http_social_conf_duplicate_value(ngx_conf_t *cf, ngx_str_t *value)
{
    ngx_str_t  *directive;

    directive = cf->args->elts;

    return ngx_http_social_conf_error(cf, NULL,
               "duplicate value \"%V\" in \"%V\" directive",
               value, directive);
}


char *
ngx_http_social_conf_missing(ngx_conf_t *cf,
    ngx_http_social_position_t *position, const char *what,
    const char *remedy, const char *directive)
{
    return ngx_http_social_conf_error(cf, position,
               "no \"%s\" is defined (%s) for the \"%s\" directive",
               what, remedy, directive);
}


size_t
ngx_http_social_conf_shown(ngx_str_t *value, const char **end)
{
    *end = value->len > NGX_HTTP_SOCIAL_CONF_MAX_SHOWN ? "..." : "";

    return ngx_min(value->len, NGX_HTTP_SOCIAL_CONF_MAX_SHOWN);
}
