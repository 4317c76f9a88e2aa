
/*
 * The contents of a "social_issuer" block.
 */

#include "ngx_http_social_issuer.h"
#include "ngx_http_social_keys.h"
#include "social_url.h"


#define NGX_HTTP_SOCIAL_MAX_LEEWAY  300
#define NGX_HTTP_SOCIAL_MAX_SHOWN   256


typedef char *(*ngx_http_social_issuer_set_pt)(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer, ngx_uint_t offset);


typedef struct {
    ngx_str_t                        name;
    ngx_http_social_issuer_set_pt    set;
    ngx_uint_t                       offset;
    ngx_uint_t                       many;     /* more than one value */
} ngx_http_social_issuer_command_t;


static char *ngx_http_social_issuer_set_user_pool(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer, ngx_uint_t offset);
static char *ngx_http_social_issuer_set_url(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer, ngx_uint_t offset);
static char *ngx_http_social_issuer_set_file(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer, ngx_uint_t offset);
static char *ngx_http_social_issuer_set_list(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer, ngx_uint_t offset);
static char *ngx_http_social_issuer_set_token_use(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer, ngx_uint_t offset);
static char *ngx_http_social_issuer_set_algorithms(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer, ngx_uint_t offset);
static char *ngx_http_social_issuer_set_seconds(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer, ngx_uint_t offset);
static char *ngx_http_social_issuer_set_msec(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer, ngx_uint_t offset);
static char *ngx_http_social_issuer_set_size(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer, ngx_uint_t offset);
static char *ngx_http_social_issuer_duplicate(ngx_conf_t *cf);


#define ngx_http_social_issuer_offset(field)                                  \
    offsetof(ngx_http_social_issuer_t, field)


static ngx_http_social_issuer_command_t  ngx_http_social_issuer_lines[] = {

    { ngx_string("user_pool"), ngx_http_social_issuer_set_user_pool,
      ngx_http_social_issuer_offset(user_pool), 0 },

    { ngx_string("issuer"), ngx_http_social_issuer_set_url,
      ngx_http_social_issuer_offset(issuer), 0 },

    { ngx_string("jwks_uri"), ngx_http_social_issuer_set_url,
      ngx_http_social_issuer_offset(jwks_uri), 0 },

    { ngx_string("jwks_file"), ngx_http_social_issuer_set_file,
      ngx_http_social_issuer_offset(jwks_file), 0 },

    { ngx_string("ca_file"), ngx_http_social_issuer_set_file,
      ngx_http_social_issuer_offset(ca_file), 0 },

    { ngx_string("client_ids"), ngx_http_social_issuer_set_list,
      ngx_http_social_issuer_offset(client_ids), 1 },

    { ngx_string("audiences"), ngx_http_social_issuer_set_list,
      ngx_http_social_issuer_offset(audiences), 1 },

    { ngx_string("token_use"), ngx_http_social_issuer_set_token_use,
      ngx_http_social_issuer_offset(token_use), 0 },

    { ngx_string("algorithms"), ngx_http_social_issuer_set_algorithms,
      ngx_http_social_issuer_offset(algorithms), 1 },

    { ngx_string("leeway"), ngx_http_social_issuer_set_seconds,
      ngx_http_social_issuer_offset(leeway), 0 },

    { ngx_string("jwks_refresh"), ngx_http_social_issuer_set_msec,
      ngx_http_social_issuer_offset(refresh), 0 },

    { ngx_string("jwks_stale"), ngx_http_social_issuer_set_seconds,
      ngx_http_social_issuer_offset(stale), 0 },

    { ngx_string("jwks_cooldown"), ngx_http_social_issuer_set_msec,
      ngx_http_social_issuer_offset(cooldown), 0 },

    { ngx_string("jwks_timeout"), ngx_http_social_issuer_set_msec,
      ngx_http_social_issuer_offset(timeout), 0 },

    { ngx_string("jwks_max_size"), ngx_http_social_issuer_set_size,
      ngx_http_social_issuer_offset(max_size), 0 },

    { ngx_null_string, NULL, 0, 0 }
};


char *
ngx_http_social_issuer_line(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_str_t                         *value;
    ngx_http_social_issuer_command_t  *command;

    /* the block's own arguments are gone from cf->args by now */

    value = cf->args->elts;

    if (cf->args->nelts == 2 && value[0].len == 7
        && ngx_strncmp(value[0].data, "include", 7) == 0)
    {
        return ngx_conf_include(cf, dummy, conf);
    }

    for (command = ngx_http_social_issuer_lines; command->name.len; command++)
    {
        if (command->name.len != value[0].len
            || ngx_strncmp(command->name.data, value[0].data, value[0].len)
               != 0)
        {
            continue;
        }

        if (cf->args->nelts < 2 || (cf->args->nelts > 2 && !command->many)) {
            return ngx_http_social_conf_error(cf, NULL,
                       "invalid number of arguments in \"%V\": it takes %s",
                       &value[0], command->many ? "one or more values"
                                                : "one value");
        }

        return command->set(cf, cf->handler_conf, command->offset);
    }

    return ngx_http_social_conf_error(cf, NULL,
               "unknown parameter \"%V\" in \"social_issuer\": it takes "
               "user_pool, issuer, jwks_uri, jwks_file, ca_file, client_ids, "
               "audiences, token_use, algorithms, leeway, jwks_refresh, "
               "jwks_stale, jwks_cooldown, jwks_timeout and jwks_max_size",
               &value[0]);
}


static char *
ngx_http_social_issuer_duplicate(ngx_conf_t *cf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    return ngx_http_social_conf_error(cf, NULL,
               "\"%V\" is duplicate: say it once in this \"social_issuer\"",
               &value[0]);
}


static char *
ngx_http_social_issuer_set_user_pool(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer, ngx_uint_t offset)
{
    ngx_str_t     *value;
    social_str_t   region;

    value = cf->args->elts;

    if (issuer->user_pool.len) {
        return ngx_http_social_issuer_duplicate(cf);
    }

    if (social_user_pool_region(ngx_http_social_view(&value[1]), &region)
        != SOCIAL_OK)
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid value \"%V\" in \"user_pool\": it must be "
                   "a Cognito user pool's id, as in \"eu-west-1_AbCdEf123\"",
                   &value[1]);
    }

    issuer->user_pool = value[1];

    return NGX_CONF_OK;
}


static char *
ngx_http_social_issuer_set_url(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer, ngx_uint_t offset)
{
    size_t       len;
    ngx_str_t   *value, *field;
    const char  *why;

    value = cf->args->elts;
    field = (ngx_str_t *) ((u_char *) issuer + offset);

    if (field->len) {
        return ngx_http_social_issuer_duplicate(cf);
    }

    if (social_url_check(ngx_http_social_view(&value[1]),
                         field == &issuer->issuer, &why)
        != SOCIAL_OK)
    {
        /* the reason must not be cut off after a long one */

        len = ngx_min(value[1].len, NGX_HTTP_SOCIAL_MAX_SHOWN);

        return ngx_http_social_conf_error(cf, NULL,
                   "invalid URL \"%*s%s\" in \"%V\": %s",
                   len, value[1].data, len < value[1].len ? "..." : "",
                   &value[0], why);
    }

    *field = value[1];

    return NGX_CONF_OK;
}


static char *
ngx_http_social_issuer_set_file(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer, ngx_uint_t offset)
{
    ngx_str_t        *value, *field;
    ngx_file_info_t   fi;

    value = cf->args->elts;
    field = (ngx_str_t *) ((u_char *) issuer + offset);

    if (field->len) {
        return ngx_http_social_issuer_duplicate(cf);
    }

    if (value[1].len == 0) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"%V\" needs the path of a file", &value[0]);
    }

    *field = value[1];

    if (ngx_conf_full_name(cf->cycle, field, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_file_info(field->data, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"%V\" cannot use \"%V\": make the file readable "
                           "or correct the path", &value[0], field);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_social_issuer_set_list(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer, ngx_uint_t offset)
{
    ngx_str_t     *value;
    ngx_uint_t     i, j;
    ngx_array_t   *list;
    social_str_t  *item;

    value = cf->args->elts;
    list = (ngx_array_t *) ((u_char *) issuer + offset);

    if (list->nelts || (list == &issuer->client_ids && issuer->any_client)) {
        return ngx_http_social_issuer_duplicate(cf);
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (value[i].len == 0) {
            return ngx_http_social_conf_error(cf, NULL,
                       "empty value in \"%V\": leave it out", &value[0]);
        }

        if (value[i].len == 1 && value[i].data[0] == '*') {

            if (list != &issuer->client_ids || cf->args->nelts != 2) {
                return ngx_http_social_conf_error(cf, NULL,
                           "invalid value \"*\" in \"%V\": \"*\" stands alone "
                           "in \"client_ids\", for every client of the issuer",
                           &value[0]);
            }

            issuer->any_client = 1;

            return NGX_CONF_OK;
        }

        for (j = 1; j < i; j++) {
            if (value[i].len == value[j].len
                && ngx_memcmp(value[i].data, value[j].data, value[i].len) == 0)
            {
                return ngx_http_social_conf_error(cf, NULL,
                           "\"%V\" is duplicate in \"%V\": say it once",
                           &value[i], &value[0]);
            }
        }

        item = ngx_array_push(list);
        if (item == NULL) {
            return NGX_CONF_ERROR;
        }

        *item = ngx_http_social_view(&value[i]);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_social_issuer_set_token_use(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer, ngx_uint_t offset)
{
    ngx_str_t         *value;
    ngx_uint_t         i;
    static ngx_str_t   names[] = {
        ngx_string("access"), ngx_string("id"), ngx_string("any")
    };

    value = cf->args->elts;

    if (issuer->token_use != NGX_CONF_UNSET_UINT) {
        return ngx_http_social_issuer_duplicate(cf);
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (value[1].len == names[i].len
            && ngx_strncmp(value[1].data, names[i].data, names[i].len) == 0)
        {
            issuer->token_use = i;
            return NGX_CONF_OK;
        }
    }

    return ngx_http_social_conf_error(cf, NULL,
               "invalid value \"%V\" in \"token_use\": it must be \"access\", "
               "\"id\" or \"any\"", &value[1]);
}


static char *
ngx_http_social_issuer_set_algorithms(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer, ngx_uint_t offset)
{
    ngx_str_t            *value;
    ngx_uint_t            i;
    social_algorithm_e    algorithm;
    social_algorithms_t   bit;

    value = cf->args->elts;

    if (issuer->algorithms) {
        return ngx_http_social_issuer_duplicate(cf);
    }

    for (i = 1; i < cf->args->nelts; i++) {

        algorithm = social_algorithm(ngx_http_social_view(&value[i]));

        if (algorithm == SOCIAL_ALGORITHM_NONE) {
            return ngx_http_social_conf_error(cf, NULL,
                       "invalid value \"%V\" in \"algorithms\": it must be "
                       "one of RS256, RS384, RS512, PS256, PS384, PS512, "
                       "ES256, ES384, ES512, EdDSA, Ed25519 and Ed448; "
                       "\"none\" and the shared secrets of HS* are never "
                       "accepted", &value[i]);
        }

        bit = social_algorithm_bit(algorithm);

        if (issuer->algorithms & bit) {
            return ngx_http_social_conf_error(cf, NULL,
                       "\"%V\" is duplicate in \"algorithms\": say it once",
                       &value[i]);
        }

        issuer->algorithms |= bit;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_social_issuer_set_seconds(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer, ngx_uint_t offset)
{
    time_t     *field, t;
    ngx_str_t  *value;

    value = cf->args->elts;
    field = (time_t *) ((u_char *) issuer + offset);

    if (*field != NGX_CONF_UNSET) {
        return ngx_http_social_issuer_duplicate(cf);
    }

    t = ngx_parse_time(&value[1], 1);

    if (t == (time_t) NGX_ERROR) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid time \"%V\" in \"%V\": it must be a number with "
                   "a unit, as in \"30s\", \"10m\" or \"24h\"",
                   &value[1], &value[0]);
    }

    if (field == &issuer->leeway && t > NGX_HTTP_SOCIAL_MAX_LEEWAY) {
        return ngx_http_social_conf_error(cf, NULL,
                   "time \"%V\" in \"leeway\" is too long: expired tokens "
                   "would be accepted for so long, 5m is the most",
                   &value[1]);
    }

    *field = t;

    return NGX_CONF_OK;
}


static char *
ngx_http_social_issuer_set_msec(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer, ngx_uint_t offset)
{
    ngx_int_t    t;
    ngx_str_t   *value;
    ngx_msec_t  *field;

    value = cf->args->elts;
    field = (ngx_msec_t *) ((u_char *) issuer + offset);

    if (*field != NGX_CONF_UNSET_MSEC) {
        return ngx_http_social_issuer_duplicate(cf);
    }

    t = ngx_parse_time(&value[1], 0);

    if (t == NGX_ERROR || t == 0) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid time \"%V\" in \"%V\": it must be a number over "
                   "zero with a unit, as in \"500ms\", \"3s\" or \"10m\"",
                   &value[1], &value[0]);
    }

    if (field == &issuer->timeout && t > 30000) {
        return ngx_http_social_conf_error(cf, NULL,
                   "time \"%V\" in \"jwks_timeout\" is too long: a worker "
                   "that exits waits for it, 30s is the most", &value[1]);
    }

    *field = (ngx_msec_t) t;

    return NGX_CONF_OK;
}


static char *
ngx_http_social_issuer_set_size(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer, ngx_uint_t offset)
{
    size_t     *field;
    ssize_t     size;
    ngx_str_t  *value;

    value = cf->args->elts;
    field = (size_t *) ((u_char *) issuer + offset);

    if (*field != NGX_CONF_UNSET_SIZE) {
        return ngx_http_social_issuer_duplicate(cf);
    }

    size = ngx_parse_size(&value[1]);

    if (size < 1024 || size > 1024 * 1024) {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid size \"%V\" in \"%V\": it must be from 1k to 1m",
                   &value[1], &value[0]);
    }

    *field = (size_t) size;

    return NGX_CONF_OK;
}
