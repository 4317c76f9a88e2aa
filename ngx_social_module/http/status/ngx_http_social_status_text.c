
/*
 * "social_status": the two forms of its text.
 *
 * Prometheus' text format 0.0.4 (prometheus.io, Exposition formats): a family
 * is "# HELP", "# TYPE", and a line for each sample.  As JSON it is a member
 * of the object, an array of {"LABEL":"...","value":N}.
 */

#include "ngx_http_social_status.h"
#include "social_json.h"


static void ngx_http_social_status_put(ngx_http_social_status_text_t *t,
    const char *fmt, ...);
static void ngx_http_social_status_label(ngx_http_social_status_text_t *t,
    social_str_t value);
static void ngx_http_social_status_number(ngx_http_social_status_text_t *t,
    uint64_t value, ngx_uint_t digits);


void
ngx_http_social_status_family(ngx_http_social_status_text_t *t,
    const char *name, const char *type, const char *help)
{
    if (t->form == NGX_HTTP_SOCIAL_STATUS_PROMETHEUS) {
        ngx_http_social_status_put(t, "# HELP %s %s\n# TYPE %s %s\n", name,
                                   help, name, type);

    } else {
        ngx_http_social_status_put(t, "%s\"%s\":[", t->families ? "]," : "{",
                                   name);
    }

    t->name = name;
    t->families++;
    t->samples = 0;
}


void
ngx_http_social_status_sample(ngx_http_social_status_text_t *t,
    const char *label, social_str_t label_value, uint64_t value,
    ngx_uint_t digits)
{
    ngx_http_social_status_label_t  labels[NGX_HTTP_SOCIAL_STATUS_LABELS];

    ngx_memzero(labels, sizeof(labels));

    labels[0].name = label;
    labels[0].value = label_value;

    ngx_http_social_status_labelled(t, labels, value, digits);
}


void
ngx_http_social_status_labelled(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_label_t *labels, uint64_t value,
    ngx_uint_t digits)
{
    ngx_uint_t  i, n, json;

    json = (t->form == NGX_HTTP_SOCIAL_STATUS_JSON);

    if (json) {
        ngx_http_social_status_put(t, "%s{", t->samples ? "," : "");

    } else {
        ngx_http_social_status_put(t, "%s", t->name);
    }

    for (i = 0, n = 0; i < NGX_HTTP_SOCIAL_STATUS_LABELS; i++) {

        if (labels[i].name == NULL) {
            continue;
        }

        ngx_http_social_status_put(t, json ? "\"%s\":\"" : "%s%s=\"",
                                   json ? labels[i].name : n ? "," : "{",
                                   labels[i].name);
        ngx_http_social_status_label(t, labels[i].value);
        ngx_http_social_status_put(t, json ? "\"," : "\"");

        n++;
    }

    ngx_http_social_status_put(t, json ? "\"value\":" : n ? "} " : " ");
    ngx_http_social_status_number(t, value, digits);
    ngx_http_social_status_put(t, json ? "}" : "\n");

    t->samples++;
}


void
ngx_http_social_status_end(ngx_http_social_status_text_t *t)
{
    if (t->form == NGX_HTTP_SOCIAL_STATUS_JSON) {
        ngx_http_social_status_put(t, "]}");
    }
}


/*
 * Texts of ours, which are short.
 */

static void
ngx_http_social_status_put(ngx_http_social_status_text_t *t, const char *fmt,
    ...)
{
    u_char  *p;
    va_list  args;
    u_char   piece[512];

    va_start(args, fmt);
    p = ngx_vslprintf(piece, piece + sizeof(piece), fmt, args);
    va_end(args);

    if (t->buf) {
        ngx_memcpy(t->buf + t->len, piece, p - piece);
    }

    t->len += p - piece;
}


/*
 * The value of a label, which may be any text of the configuration.  Prometheus
 * has escapes for three bytes only.
 */

static void
ngx_http_social_status_label(ngx_http_social_status_text_t *t,
    social_str_t value)
{
    size_t   i, len;
    u_char  *p;
    u_char   escaped[6];

    for (i = 0; i < value.len; i++) {

        p = escaped;

        if (t->form == NGX_HTTP_SOCIAL_STATUS_JSON) {
            p = social_json_escape(p, (social_str_t) { 1, value.data + i });

        } else if (value.data[i] == '\n') {
            *p++ = '\\';
            *p++ = 'n';

        } else {
            if (value.data[i] == '"' || value.data[i] == '\\') {
                *p++ = '\\';
            }

            *p++ = value.data[i];
        }

        len = p - escaped;

        if (t->buf) {
            ngx_memcpy(t->buf + t->len, escaped, len);
        }

        t->len += len;
    }
}


static void
ngx_http_social_status_number(ngx_http_social_status_text_t *t,
    uint64_t value, ngx_uint_t digits)
{
    uint64_t    unit;
    ngx_uint_t  i;

    if (digits == 0) {
        ngx_http_social_status_put(t, "%uL", value);
        return;
    }

    for (unit = 1, i = 0; i < digits; i++) {
        unit *= 10;
    }

    ngx_http_social_status_put(t, "%uL.", value / unit);

    for (value %= unit; unit > 1; value %= unit) {
        unit /= 10;
        ngx_http_social_status_put(t, "%uL", value / unit);
    }
}
