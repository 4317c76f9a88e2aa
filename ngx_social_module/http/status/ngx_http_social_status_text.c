
/*
 * "social_status": the two forms of its text.
 *
 * Prometheus' text format 0.0.4 (prometheus.io, Exposition formats): a family
 * is "# HELP", "# TYPE", and a line for each sample.  As JSON it is a member
 * of the object, an array of {"LABEL":"...","value":N}, and of a histogram's
 * {"LABEL":"...","buckets":[[BOUND,N],...],"count":N,"sum":N}.
 */

#include "ngx_http_social_status.h"
#include "social_json.h"
#include "social_utf8.h"


static void ngx_http_social_status_put(ngx_http_social_status_text_t *t,
    const char *fmt, ...);
static u_char *ngx_http_social_status_bound(u_char *p, uint64_t bound,
    ngx_uint_t digits);
static void ngx_http_social_status_line(ngx_http_social_status_text_t *t,
    const char *suffix, const ngx_http_social_status_label_t *labels,
    uint64_t value, ngx_uint_t digits);
static void ngx_http_social_status_object(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_label_t *labels);
static void ngx_http_social_status_label(ngx_http_social_status_text_t *t,
    social_str_t value);
static void ngx_http_social_status_number(ngx_http_social_status_text_t *t,
    uint64_t value, ngx_uint_t digits);


const ngx_http_social_status_label_t
    ngx_http_social_status_no_labels[NGX_HTTP_SOCIAL_STATUS_LABELS] = {
    { NULL, { 0, NULL } }
};


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
    if (t->form == NGX_HTTP_SOCIAL_STATUS_PROMETHEUS) {
        ngx_http_social_status_line(t, "", labels, value, digits);

    } else {
        ngx_http_social_status_object(t, labels);
        ngx_http_social_status_put(t, "\"value\":");
        ngx_http_social_status_number(t, value, digits);
        ngx_http_social_status_put(t, "}");
    }

    t->samples++;
}


void
ngx_http_social_status_histogram(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_label_t *labels, const uint64_t *bounds,
    const ngx_http_social_histogram_t *histogram, ngx_uint_t digits)
{
    u_char                          *p;
    uint64_t                         sum;
    ngx_uint_t                       i;
    u_char                           le[NGX_INT64_LEN + 8];
    ngx_http_social_status_label_t   all[NGX_HTTP_SOCIAL_STATUS_LABELS];

    for (i = 0; i < NGX_HTTP_SOCIAL_STATUS_LABELS - 1; i++) {
        all[i] = labels[i];
    }

    all[i].name = "le";
    all[i].value.data = le;

    if (t->form == NGX_HTTP_SOCIAL_STATUS_JSON) {
        ngx_http_social_status_object(t, labels);
        ngx_http_social_status_put(t, "\"buckets\":[");
    }

    for (sum = 0, i = 0; i < NGX_HTTP_SOCIAL_BOUNDS; i++) {
        sum += histogram->buckets[i];

        if (t->form == NGX_HTTP_SOCIAL_STATUS_JSON) {
            ngx_http_social_status_put(t, "%s[", i ? "," : "");
            ngx_http_social_status_number(t, bounds[i], digits);
            ngx_http_social_status_put(t, ",%uL]", sum);
            continue;
        }

        p = ngx_http_social_status_bound(le, bounds[i], digits);
        all[NGX_HTTP_SOCIAL_STATUS_LABELS - 1].value.len = p - le;

        ngx_http_social_status_line(t, "_bucket", all, sum, 0);
    }

    sum += histogram->buckets[i];

    if (t->form == NGX_HTTP_SOCIAL_STATUS_JSON) {
        ngx_http_social_status_put(t, "],\"count\":%uL,\"sum\":", sum);
        ngx_http_social_status_number(t, histogram->sum, digits);
        ngx_http_social_status_put(t, "}");

    } else {
        all[NGX_HTTP_SOCIAL_STATUS_LABELS - 1].value = social_str("+Inf");

        ngx_http_social_status_line(t, "_bucket", all, sum, 0);
        ngx_http_social_status_line(t, "_sum", labels, histogram->sum, digits);
        ngx_http_social_status_line(t, "_count", labels, sum, 0);
    }

    t->samples++;
}


/*
 * A bound as Prometheus' own libraries write it, without zeros at its end;
 * returns the end of the text.
 */

static u_char *
ngx_http_social_status_bound(u_char *p, uint64_t bound, ngx_uint_t digits)
{
    if (digits == 0) {
        return ngx_sprintf(p, "%uL", bound);
    }

    p = ngx_sprintf(p, "%uL.%06uL", bound / 1000000, bound % 1000000);

    while (p[-1] == '0' && p[-2] != '.') {
        p--;
    }

    return p;
}


static void
ngx_http_social_status_line(ngx_http_social_status_text_t *t,
    const char *suffix, const ngx_http_social_status_label_t *labels,
    uint64_t value, ngx_uint_t digits)
{
    ngx_uint_t  i, n;

    ngx_http_social_status_put(t, "%s%s", t->name, suffix);

    for (i = 0, n = 0; i < NGX_HTTP_SOCIAL_STATUS_LABELS; i++) {

        if (labels[i].name) {
            ngx_http_social_status_put(t, "%s%s=\"", n++ ? "," : "{",
                                       labels[i].name);
            ngx_http_social_status_label(t, labels[i].value);
            ngx_http_social_status_put(t, "\"");
        }
    }

    ngx_http_social_status_put(t, n ? "} " : " ");
    ngx_http_social_status_number(t, value, digits);
    ngx_http_social_status_put(t, "\n");
}


/*
 * Begins an object with its labels.
 */

static void
ngx_http_social_status_object(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_label_t *labels)
{
    ngx_uint_t  i;

    ngx_http_social_status_put(t, "%s{", t->samples ? "," : "");

    for (i = 0; i < NGX_HTTP_SOCIAL_STATUS_LABELS; i++) {

        if (labels[i].name) {
            ngx_http_social_status_put(t, "\"%s\":\"", labels[i].name);
            ngx_http_social_status_label(t, labels[i].value);
            ngx_http_social_status_put(t, "\",");
        }
    }
}


void
ngx_http_social_status_one(ngx_http_social_status_text_t *t, const char *name,
    const char *type, const char *help, uint64_t value, ngx_uint_t digits)
{
    ngx_http_social_status_family(t, name, type, help);
    ngx_http_social_status_sample(t, NULL, social_str(""), value, digits);
}


void
ngx_http_social_status_parts(ngx_http_social_status_text_t *t,
    const char *label, const ngx_http_social_status_part_t *parts,
    const uint64_t *values)
{
    for ( /* void */ ; parts->value; parts++) {
        ngx_http_social_status_sample(t, label, social_str(parts->value),
                                      values[parts->i], 0);
    }
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
    size_t     i, n, len;
    u_char    *p;
    u_char     escaped[6];
    uint32_t   code;

    for (i = 0; i < value.len; i += n) {

        p = escaped;

        /* a character: Prometheus drops all of a text that is not UTF-8 */

        n = social_utf8_next((social_str_t) { value.len - i, value.data + i },
                             &code);

        if (t->form == NGX_HTTP_SOCIAL_STATUS_JSON) {
            p = social_json_escape(p, (social_str_t) { n ? n : 1,
                                                       value.data + i });
            n = n ? n : 1;

        } else if (n == 0) {
            p = ngx_cpymem(p, "\xef\xbf\xbd", 3);
            n = 1;

        } else if (n > 1) {
            p = ngx_cpymem(p, value.data + i, n);

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
