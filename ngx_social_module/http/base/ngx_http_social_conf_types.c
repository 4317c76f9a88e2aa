
/*
 * Configuration: the types of the entries of tables.
 */

#include "ngx_http_social.h"
#include "social_url.h"


typedef struct {
    int64_t                              n;
    const char                          *name;
} ngx_http_social_conf_unit_t;

typedef struct {
    const char                          *what;
    const ngx_http_social_conf_unit_t   *units;
} ngx_http_social_conf_measure_t;


static char *ngx_http_social_conf_push(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, void *conf);
static char *ngx_http_social_conf_range(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, int64_t n,
    const ngx_http_social_conf_measure_t *measure);
static u_char *ngx_http_social_conf_with_unit(u_char *p, u_char *last,
    int64_t n, const ngx_http_social_conf_unit_t *units);


static const ngx_http_social_conf_unit_t  ngx_http_social_conf_ones[] = {
    { 1, "" }
};

static const ngx_http_social_conf_unit_t  ngx_http_social_conf_bytes[] = {
    { 1024 * 1024 * 1024, "g" }, { 1024 * 1024, "m" }, { 1024, "k" }, { 1, "" }
};

static const ngx_http_social_conf_unit_t  ngx_http_social_conf_secs[] = {
    { 86400, "d" }, { 3600, "h" }, { 60, "m" }, { 1, "s" }
};

static const ngx_http_social_conf_unit_t  ngx_http_social_conf_msecs[] = {
    { 86400000, "d" }, { 3600000, "h" }, { 60000, "m" }, { 1000, "s" },
    { 1, "ms" }
};


static const ngx_http_social_conf_measure_t  ngx_http_social_conf_a_number =
    { "a number", ngx_http_social_conf_ones };

static const ngx_http_social_conf_measure_t  ngx_http_social_conf_a_size =
    { "a size", ngx_http_social_conf_bytes };

static const ngx_http_social_conf_measure_t  ngx_http_social_conf_a_sec =
    { "a time", ngx_http_social_conf_secs };

static const ngx_http_social_conf_measure_t  ngx_http_social_conf_a_msec =
    { "a time", ngx_http_social_conf_msecs };


char *
ngx_http_social_conf_word(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    ngx_str_t                           *field;
    const ngx_http_social_conf_check_t  *check;

    field = ngx_http_social_conf_field(conf, entry);
    check = entry->post;

    if (check != NULL && !check->valid(value)) {
        return ngx_http_social_conf_invalid(cf, entry, value, "%s",
                                            check->must);
    }

    if (value->len == 0) {
        return ngx_http_social_conf_invalid(cf, entry, value,
                                            "it must not be empty");
    }

    *field = *value;

    return NGX_CONF_OK;
}


char *
ngx_http_social_conf_list(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (ngx_http_social_conf_push(cf, entry, &value[i], conf)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_social_conf_push(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, void *conf)
{
    ngx_uint_t                           i;
    ngx_array_t                        **field;
    social_str_t                        *item;
    const ngx_http_social_conf_check_t  *check;

    field = ngx_http_social_conf_field(conf, entry);
    check = entry->post;

    if (check != NULL && !check->valid(value)) {
        return ngx_http_social_conf_invalid(cf, entry, value, "%s",
                                            check->must);
    }

    if (value->len == 0) {
        return ngx_http_social_conf_invalid(cf, entry, value,
                                            "it must not be empty");
    }

    if (*field == NULL || *field == NGX_CONF_UNSET_PTR) {
        *field = ngx_array_create(cf->pool, 4, sizeof(social_str_t));
        if (*field == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    item = (*field)->elts;

    for (i = 0; i < (*field)->nelts; i++) {
        if (social_str_eq(item[i], ngx_http_social_view(value))) {
            return ngx_http_social_conf_duplicate_value(cf, value);
        }
    }

    item = ngx_array_push(*field);
    if (item == NULL) {
        return NGX_CONF_ERROR;
    }

    *item = ngx_http_social_view(value);

    return NGX_CONF_OK;
}


char *
ngx_http_social_conf_commas(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    ngx_str_t      item;
    social_str_t   rest, part;

    rest = ngx_http_social_view(value);

    /* without any the whole is what is wrong */

    item = *value;

    if (!social_str_next(&rest, ",", &part)) {
        return ngx_http_social_conf_push(cf, entry, &item, conf);
    }

    do {
        ngx_http_social_from_str(&item, part);

        if (ngx_http_social_conf_push(cf, entry, &item, conf) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }

    } while (social_str_next(&rest, ",", &part));

    return NGX_CONF_OK;
}


char *
ngx_http_social_conf_flag(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    ngx_flag_t  *field;

    field = ngx_http_social_conf_field(conf, entry);

    if (value->len == 2 && ngx_strncasecmp(value->data, (u_char *) "on", 2)
                           == 0)
    {
        *field = 1;
        return NGX_CONF_OK;
    }

    if (value->len == 3 && ngx_strncasecmp(value->data, (u_char *) "off", 3)
                           == 0)
    {
        *field = 0;
        return NGX_CONF_OK;
    }

    return ngx_http_social_conf_invalid(cf, entry, value,
                                        "it must be \"on\" or \"off\"");
}


char *
ngx_http_social_conf_number(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    ngx_int_t  *field;

    field = ngx_http_social_conf_field(conf, entry);
    *field = ngx_atoi(value->data, value->len);

    return ngx_http_social_conf_range(cf, entry, value, *field,
                                      &ngx_http_social_conf_a_number);
}


char *
ngx_http_social_conf_size(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    ssize_t  *field;

    field = ngx_http_social_conf_field(conf, entry);
    *field = ngx_parse_size(value);

    return ngx_http_social_conf_range(cf, entry, value, *field,
                                      &ngx_http_social_conf_a_size);
}


char *
ngx_http_social_conf_offset(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    off_t  *field;

    field = ngx_http_social_conf_field(conf, entry);
    *field = ngx_parse_offset(value);

    return ngx_http_social_conf_range(cf, entry, value, *field,
                                      &ngx_http_social_conf_a_size);
}


char *
ngx_http_social_conf_sec(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    time_t  *field;

    field = ngx_http_social_conf_field(conf, entry);
    *field = ngx_parse_time(value, 1);

    return ngx_http_social_conf_range(cf, entry, value, *field,
                                      &ngx_http_social_conf_a_sec);
}


char *
ngx_http_social_conf_msec(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    ngx_msec_int_t  *field;

    field = ngx_http_social_conf_field(conf, entry);
    *field = ngx_parse_time(value, 0);

    return ngx_http_social_conf_range(cf, entry, value, *field,
                                      &ngx_http_social_conf_a_msec);
}


char *
ngx_http_social_conf_enum(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    u_char           *p, *last;
    ngx_uint_t       *field, i, count;
    ngx_conf_enum_t  *e;
    u_char            text[NGX_MAX_CONF_ERRSTR / 4];

    field = ngx_http_social_conf_field(conf, entry);
    e = (ngx_conf_enum_t *) entry->post;

    for (i = 0; e[i].name.len; i++) {
        if (e[i].name.len == value->len
            && ngx_strncmp(e[i].name.data, value->data, value->len) == 0)
        {
            *field = e[i].value;
            return NGX_CONF_OK;
        }
    }

    count = i;
    p = text;
    last = text + sizeof(text);

    for (i = 0; i < count; i++) {
        p = ngx_http_social_conf_join(p, last, &e[i].name, i == 0,
                                      i == count - 1, "or");
    }

    return ngx_http_social_conf_invalid(cf, entry, value, "it must be %*s",
                                        (size_t) (p - text), text);
}


char *
ngx_http_social_conf_mask(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    u_char              *p, *last;
    ngx_str_t            item;
    ngx_uint_t          *field, i, count, mask;
    social_str_t         rest, part;
    ngx_conf_bitmask_t  *m;
    u_char               text[NGX_MAX_CONF_ERRSTR / 4];

    field = ngx_http_social_conf_field(conf, entry);
    m = (ngx_conf_bitmask_t *) entry->post;

    rest = ngx_http_social_view(value);
    mask = 0;

    while (social_str_next(&rest, ",", &part)) {

        ngx_http_social_from_str(&item, part);

        for (i = 0; m[i].name.len; i++) {
            if (social_str_eq(part, ngx_http_social_view(&m[i].name))) {
                break;
            }
        }

        if (m[i].name.len == 0) {
            goto invalid;
        }

        if (mask & m[i].mask) {
            return ngx_http_social_conf_duplicate_value(cf, &item);
        }

        mask |= m[i].mask;
    }

    if (mask) {
        *field = mask;
        return NGX_CONF_OK;
    }

    item = *value;

invalid:

    for (count = 0; m[count].name.len; count++) { /* void */ }

    p = text;
    last = text + sizeof(text);

    for (i = 0; i < count; i++) {
        p = ngx_http_social_conf_join(p, last, &m[i].name, i == 0,
                                      i == count - 1, "and");
    }

    return ngx_http_social_conf_invalid(cf, entry, &item,
               "it must be one or more of %*s, separated by commas",
               (size_t) (p - text), text);
}


char *
ngx_http_social_conf_url(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    ngx_str_t   *field;
    const char  *why;

    field = ngx_http_social_conf_field(conf, entry);

    if (social_url_check(ngx_http_social_view(value), entry->post == NULL,
                         &why)
        != SOCIAL_OK)
    {
        return ngx_http_social_conf_invalid(cf, entry, value, "%s", why);
    }

    *field = *value;

    return NGX_CONF_OK;
}


char *
ngx_http_social_conf_file(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    ngx_str_t        *field;
    ngx_file_info_t   fi;

    if (ngx_http_social_conf_word(cf, entry, value, n, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    field = ngx_http_social_conf_field(conf, entry);

    if (ngx_conf_full_name(cf->cycle, field, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_file_info(field->data, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_file_info_n " \"%V\" failed", field);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * Whether "n", which is NGX_ERROR if "value" is none, is in the entry's range.
 */

static char *
ngx_http_social_conf_range(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, int64_t n,
    const ngx_http_social_conf_measure_t *measure)
{
    u_char  *p, *last;
    u_char   text[128];

    if (n != NGX_ERROR && n >= entry->min
        && (entry->max == 0 || n <= entry->max))
    {
        return NGX_CONF_OK;
    }

    last = text + sizeof(text);

    if (entry->max == 0) {
        p = ngx_slprintf(text, last, "%s of at least ", measure->what);
        p = ngx_http_social_conf_with_unit(p, last, entry->min, measure->units);

    } else {
        p = ngx_slprintf(text, last, "%s from ", measure->what);
        p = ngx_http_social_conf_with_unit(p, last, entry->min, measure->units);
        p = ngx_slprintf(p, last, " to ");
        p = ngx_http_social_conf_with_unit(p, last, entry->max, measure->units);
    }

    return ngx_http_social_conf_invalid(cf, entry, value, "it must be %*s",
                                        (size_t) (p - text), text);
}


/*
 * In the largest unit in which it is a whole number.
 */

static u_char *
ngx_http_social_conf_with_unit(u_char *p, u_char *last, int64_t n,
    const ngx_http_social_conf_unit_t *units)
{
    while (units->n > 1 && (n == 0 || n % units->n != 0)) {
        units++;
    }

    return ngx_slprintf(p, last, "%L%s", n / units->n, units->name);
}
