
/*
 * Content handlers: a location has one, set by the module's directives as by
 * nginx's own ("proxy_pass" and others), except that of two the last one does
 * not win silently: somebody else's would answer where tokens or signatures
 * were to be verified by the first.
 */

#include "ngx_http_social_content.h"


static char *ngx_http_social_content_conflict(ngx_conf_t *cf,
    ngx_str_t *directive, ngx_http_social_position_t *position);


char *
ngx_http_social_content_set(ngx_conf_t *cf, ngx_http_social_content_t *content,
    ngx_http_handler_pt handler)
{
    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    if (content->handler != NULL) {
        return ngx_http_social_conf_duplicate(cf);
    }

    value = cf->args->elts;
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler != NULL) {
        return ngx_http_social_content_conflict(cf, &value[0], NULL);
    }

    ngx_http_social_conf_position(cf, &content->position);

    content->directive = value[0];
    content->handler = handler;

    clcf->handler = handler;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_social_content_merge(ngx_conf_t *cf,
    ngx_http_social_content_t *parent, ngx_http_social_content_t *content)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (content->handler != NULL) {

        if (clcf->handler != content->handler) {
            (void) ngx_http_social_content_conflict(cf, &content->directive,
                                                    &content->position);
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    if (!clcf->noname || clcf->handler != NULL || parent->handler == NULL) {
        return NGX_DECLINED;
    }

    *content = *parent;

    /* a request in an "if" keeps the handler that it has from its location */

    if (clcf->lmt_excpt) {
        clcf->handler = content->handler;
    }

    return NGX_DONE;
}


static char *
ngx_http_social_content_conflict(ngx_conf_t *cf, ngx_str_t *directive,
    ngx_http_social_position_t *position)
{
    return ngx_http_social_conf_error(cf, position,
               "\"%V\" directive (give it a location of its own) conflicts "
               "with another content handler of this location", directive);
}
