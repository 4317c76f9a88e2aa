
/*
 * "social_presign": its directives.
 */

#include "ngx_http_social_presign.h"


static char *ngx_http_social_presign_kinds(ngx_conf_t *cf,
    ngx_http_social_presign_loc_conf_t *plcf, ngx_str_t *value);
static ngx_uint_t ngx_http_social_presign_is_name(u_char ch);
static ngx_uint_t ngx_http_social_presign_key_is_own(ngx_str_t *key);


char *
ngx_http_social_presign_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_presign_loc_conf_t  *plcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;

    if (plcf->mode) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_presign\" is duplicate: say it once in this "
                   "location");
    }

    if (ngx_strcmp(value[2].data, "put") == 0) {
        plcf->mode = NGX_HTTP_SOCIAL_PRESIGN_PUT;

    } else if (ngx_strcmp(value[2].data, "avatar") == 0) {
        plcf->mode = NGX_HTTP_SOCIAL_PRESIGN_AVATAR;

    } else {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid mode \"%V\" in \"social_presign\": it must be "
                   "\"put\" or \"avatar\"", &value[2]);
    }

    if (cf->args->nelts == 4
        && ngx_http_social_presign_kinds(cf, plcf, &value[3]) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    plcf->bucket_name = value[1];

    ngx_http_social_conf_position(cf, &plcf->position);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_social_presign_handler;

    return NGX_CONF_OK;
}


static char *
ngx_http_social_presign_kinds(ngx_conf_t *cf,
    ngx_http_social_presign_loc_conf_t *plcf, ngx_str_t *value)
{
    u_char         ch;
    ngx_uint_t     i;
    social_str_t   rest, item, *kind;

    if (ngx_strncmp(value->data, "kinds=", 6) != 0
        || plcf->mode != NGX_HTTP_SOCIAL_PRESIGN_PUT)
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "unknown parameter \"%V\" in \"social_presign\": it takes "
                   "a bucket, a mode, and with \"put\" kinds=NAME,NAME",
                   value);
    }

    plcf->kinds = ngx_array_create(cf->pool, 2, sizeof(social_str_t));
    if (plcf->kinds == NULL) {
        return NGX_CONF_ERROR;
    }

    rest.data = value->data + 6;
    rest.len = value->len - 6;

    while (social_str_next(&rest, ",", &item)) {

        for (i = 0; i < item.len; i++) {
            ch = item.data[i];

            if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
                  || ch == '_' || ch == '-') || i == 32)
            {
                return ngx_http_social_conf_error(cf, NULL,
                           "invalid parameter \"%V\" in \"social_presign\": "
                           "a kind is of small letters, digits, \"_\" and "
                           "\"-\", 32 at most", value);
            }
        }

        kind = ngx_array_push(plcf->kinds);
        if (kind == NULL) {
            return NGX_CONF_ERROR;
        }

        *kind = item;
    }

    if (plcf->kinds->nelts == 0) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"kinds=\" in \"social_presign\" names no kind");
    }

    return NGX_CONF_OK;
}


char *
ngx_http_social_presign_key_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_presign_loc_conf_t  *plcf = conf;

    ngx_str_t                         *value;
    ngx_http_compile_complex_value_t   ccv;

    value = cf->args->elts;

    if (plcf->key != NULL) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_presign_key\" is duplicate: say it once in this "
                   "block");
    }

    /* without the subject one user could write over another's objects */

    if (!ngx_http_social_presign_key_is_own(&value[1])) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid key \"%V\" in \"social_presign_key\": it must "
                   "have $social_sub in it, so that nobody writes to "
                   "another's prefix", &value[1]);
    }

    plcf->key = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (plcf->key == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = plcf->key;

    return ngx_http_compile_complex_value(&ccv) == NGX_OK ? NGX_CONF_OK
                                                          : NGX_CONF_ERROR;
}


static ngx_uint_t
ngx_http_social_presign_is_name(u_char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
           || (ch >= '0' && ch <= '9') || ch == '_';
}


static ngx_uint_t
ngx_http_social_presign_key_is_own(ngx_str_t *key)
{
    u_char      *p;
    static char  name[] = "$social_sub";

    if (ngx_strstr(key->data, "${social_sub}") != NULL) {
        return 1;
    }

    for (p = key->data;
         (p = (u_char *) ngx_strstr(p, name)) != NULL;
         p += sizeof(name) - 1)
    {
        /* it may be the beginning of another name */

        if (!ngx_http_social_presign_is_name(p[sizeof(name) - 1])) {
            return 1;
        }
    }

    return 0;
}


char *
ngx_http_social_presign_types_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_presign_loc_conf_t  *plcf = conf;

    ngx_str_t     *value;
    ngx_uint_t     i;
    social_str_t  *type;

    value = cf->args->elts;

    if (plcf->types != NULL) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_presign_types\" is duplicate: list all types in "
                   "one");
    }

    plcf->types = ngx_array_create(cf->pool, 4, sizeof(social_str_t));
    if (plcf->types == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (social_upload_extension(ngx_http_social_view(&value[i])).len == 0)
        {
            return ngx_http_social_conf_error(cf, NULL,
                       "invalid type \"%V\" in \"social_presign_types\": it "
                       "must be image/jpeg, image/png, image/webp, image/gif, "
                       "image/avif, image/heic or image/heif", &value[i]);
        }

        type = ngx_array_push(plcf->types);
        if (type == NULL) {
            return NGX_CONF_ERROR;
        }

        *type = ngx_http_social_view(&value[i]);
    }

    return NGX_CONF_OK;
}


char *
ngx_http_social_presign_size_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_presign_loc_conf_t  *plcf = conf;

    off_t       size;
    ngx_str_t  *value;

    value = cf->args->elts;

    if (plcf->max_size != NGX_CONF_UNSET_SIZE) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_presign_max_size\" is duplicate: say it once in "
                   "this block");
    }

    size = ngx_parse_offset(&value[1]);

    if (size < 1) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid size \"%V\" in \"social_presign_max_size\": it "
                   "must be a number over zero, as in \"10m\"", &value[1]);
    }

    plcf->max_size = size;

    return NGX_CONF_OK;
}


char *
ngx_http_social_presign_expires_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_presign_loc_conf_t  *plcf = conf;

    time_t      t;
    ngx_str_t  *value;

    value = cf->args->elts;

    if (plcf->expires != NGX_CONF_UNSET) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"social_presign_expires\" is duplicate: say it once in "
                   "this block");
    }

    t = ngx_parse_time(&value[1], 1);

    if (t < 1 || t > SOCIAL_SIGV4_MAX_EXPIRES) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid time \"%V\" in \"social_presign_expires\": it "
                   "must be from 1s to 7d, which is the most that SigV4 "
                   "allows", &value[1]);
    }

    plcf->expires = t;

    return NGX_CONF_OK;
}
