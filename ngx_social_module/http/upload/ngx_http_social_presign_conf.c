
/*
 * "social_presign" and its family: parameters and values.
 */

#include "ngx_http_social_presign.h"


static ngx_uint_t ngx_http_social_presign_is_kind(ngx_str_t *value);
static ngx_uint_t ngx_http_social_presign_is_type(ngx_str_t *value);
static ngx_uint_t ngx_http_social_presign_is_name(u_char ch);
static ngx_uint_t ngx_http_social_presign_key_is_own(ngx_str_t *key);


static ngx_conf_enum_t  ngx_http_social_presign_modes[] = {
    { ngx_string("put"), NGX_HTTP_SOCIAL_PRESIGN_PUT },
    { ngx_string("post"), NGX_HTTP_SOCIAL_PRESIGN_POST },
    { ngx_string("sign"), NGX_HTTP_SOCIAL_PRESIGN_SIGN },
    { ngx_string("multipart"), NGX_HTTP_SOCIAL_PRESIGN_MULTIPART },
    { ngx_string("avatar"), NGX_HTTP_SOCIAL_PRESIGN_AVATAR },
    { ngx_null_string, 0 }
};


static const ngx_http_social_conf_entry_t  ngx_http_social_presign_mode =
    { ngx_null_string, 0, ngx_http_social_conf_enum,
      offsetof(ngx_http_social_presign_loc_conf_t, mode), 0, 0,
      ngx_http_social_presign_modes };


static const ngx_http_social_conf_check_t  ngx_http_social_presign_kind = {
    ngx_http_social_presign_is_kind,
    "it may contain only lowercase letters, digits, \"_\" and \"-\", and must "
    "have 1 to 32 of them"
};


static const ngx_http_social_conf_entry_t  ngx_http_social_presign_params[] = {

    { ngx_string("kinds"),
      NGX_HTTP_SOCIAL_CONF_IN(NGX_HTTP_SOCIAL_PRESIGN_PUT)
      |NGX_HTTP_SOCIAL_CONF_IN(NGX_HTTP_SOCIAL_PRESIGN_POST)
      |NGX_HTTP_SOCIAL_CONF_IN(NGX_HTTP_SOCIAL_PRESIGN_SIGN)
      |NGX_HTTP_SOCIAL_CONF_IN(NGX_HTTP_SOCIAL_PRESIGN_MULTIPART),
      ngx_http_social_conf_commas,
      offsetof(ngx_http_social_presign_loc_conf_t, kinds),
      0, 0, &ngx_http_social_presign_kind },

    { ngx_string("overwrite"),
      NGX_HTTP_SOCIAL_CONF_IN(NGX_HTTP_SOCIAL_PRESIGN_PUT),
      ngx_http_social_conf_flag,
      offsetof(ngx_http_social_presign_loc_conf_t, overwrite),
      0, 0, NULL },

    { ngx_string("form"),
      NGX_HTTP_SOCIAL_CONF_IN(NGX_HTTP_SOCIAL_PRESIGN_SIGN),
      ngx_http_social_conf_flag,
      offsetof(ngx_http_social_presign_loc_conf_t, form),
      0, 0, NULL },

      ngx_http_social_conf_null_entry
};


static const ngx_http_social_conf_check_t  ngx_http_social_presign_type = {
    ngx_http_social_presign_is_type,
    "it must be image/jpeg, image/png, image/webp, image/gif, image/avif, "
    "image/heic or image/heif"
};


const ngx_http_social_conf_entry_t  ngx_http_social_presign_types =
    { ngx_null_string, 0, ngx_http_social_conf_list, 0, 0, 0,
      &ngx_http_social_presign_type };

const ngx_http_social_conf_entry_t  ngx_http_social_presign_max_size =
    { ngx_null_string, 0, ngx_http_social_conf_offset, 0, 1, 0, NULL };

const ngx_http_social_conf_entry_t  ngx_http_social_presign_expires =
    { ngx_null_string, 0, ngx_http_social_conf_sec, 0, 1,
      SOCIAL_SIGV4_MAX_EXPIRES, NULL };


char *
ngx_http_social_presign_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_presign_loc_conf_t  *plcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_http_social_content_set(cf, &plcf->content,
                                    ngx_http_social_presign_handler)
        != NGX_CONF_OK
        || ngx_http_social_conf_enum(cf, &ngx_http_social_presign_mode,
                                     &value[2], 1, plcf)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    plcf->bucket_name = value[1];
    plcf->overwrite = 0;
    plcf->form = 1;

    return ngx_http_social_conf_params(cf, ngx_http_social_presign_params, 3,
                                       NGX_HTTP_SOCIAL_CONF_IN(plcf->mode), 0,
                                       plcf);
}


static ngx_uint_t
ngx_http_social_presign_is_kind(ngx_str_t *value)
{
    u_char      ch;
    ngx_uint_t  i;

    for (i = 0; i < value->len; i++) {
        ch = value->data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
              || ch == '_' || ch == '-'))
        {
            return 0;
        }
    }

    return value->len >= 1 && value->len <= 32;
}


static ngx_uint_t
ngx_http_social_presign_is_type(ngx_str_t *value)
{
    return social_upload_extension(ngx_http_social_view(value)).len != 0;
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
        return ngx_http_social_conf_duplicate(cf);
    }

    /* without the subject one user could write over another's objects */

    if (!ngx_http_social_presign_key_is_own(&value[1])) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid value \"%V\" in \"social_presign_key\" directive, "
                   "it must contain \"$social_sub\" or \"$social_user_key\"",
                   &value[1]);
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
    u_char            *p;
    ngx_uint_t         i;
    static ngx_str_t   names[] = {
        ngx_string("$social_sub"), ngx_string("$social_user_key")
    };

    if (ngx_strstr(key->data, "${social_sub}") != NULL
        || ngx_strstr(key->data, "${social_user_key}") != NULL)
    {
        return 1;
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        for (p = key->data;
             (p = (u_char *) ngx_strstr(p, names[i].data)) != NULL;
             p += names[i].len)
        {
            /* it may be the beginning of another name */

            if (!ngx_http_social_presign_is_name(p[names[i].len])) {
                return 1;
            }
        }
    }

    return 0;
}
