
/*
 * Configuration errors that name the directive, the file and the line, and the
 * remedy.
 */

#include "ngx_http_social.h"


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
ngx_http_social_conf_flag(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t   *value;
    ngx_flag_t  *fp;

    fp = (ngx_flag_t *) ((char *) conf + cmd->offset);

    value = cf->args->elts;

    if (*fp != NGX_CONF_UNSET) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"%V\" is duplicate: say it once in this block",
                   &value[0]);
    }

    if (value[1].len == 2 && ngx_strncasecmp(value[1].data, (u_char *) "on", 2)
                             == 0)
    {
        *fp = 1;

    } else if (value[1].len == 3
               && ngx_strncasecmp(value[1].data, (u_char *) "off", 3) == 0)
    {
        *fp = 0;

    } else {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid value \"%V\" in \"%V\": it must be \"on\" or "
                   "\"off\"", &value[1], &value[0]);
    }

    return NGX_CONF_OK;
}
