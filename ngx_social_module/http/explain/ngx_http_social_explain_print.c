
/*
 * The lines of an explanation.
 */

#include "ngx_http_social_explain.h"
#include "ngx_http_social_conf_note.h"


#define NGX_HTTP_SOCIAL_EXPLAIN_LINE   2048
#define NGX_HTTP_SOCIAL_EXPLAIN_VALUE  200
#define NGX_HTTP_SOCIAL_EXPLAIN_NAME   20


static u_char *ngx_http_social_explain_name(u_char *p, const char *name);
static void ngx_http_social_explain_write(u_char *line, u_char *p);


void
ngx_http_social_explain_say(const char *name, const char *fmt, ...)
{
    u_char   *p;
    va_list   args;
    u_char    line[NGX_HTTP_SOCIAL_EXPLAIN_LINE + 1];

    p = ngx_http_social_explain_name(line, name);

    va_start(args, fmt);
    p = ngx_vslprintf(p, line + NGX_HTTP_SOCIAL_EXPLAIN_LINE, fmt, args);
    va_end(args);

    ngx_http_social_explain_write(line, p);
}


void
ngx_http_social_explain_at(const char *name, const void *key,
    ngx_http_social_position_t *position, const char *fmt, ...)
{
    u_char                      *p;
    va_list                      args;
    u_char                       line[NGX_HTTP_SOCIAL_EXPLAIN_LINE + 1];
    ngx_http_social_position_t  *noted;

    p = ngx_http_social_explain_name(line, name);

    va_start(args, fmt);
    p = ngx_vslprintf(p, line + NGX_HTTP_SOCIAL_EXPLAIN_LINE, fmt, args);
    va_end(args);

    noted = key ? ngx_http_social_conf_noted(key) : NULL;

    if (noted == NULL) {
        noted = position;
    }

    if (noted != NULL && noted->line != 0) {
        p = ngx_slprintf(p, line + NGX_HTTP_SOCIAL_EXPLAIN_LINE,
                         "  (%V:%ui)", &noted->file, noted->line);
    }

    ngx_http_social_explain_write(line, p);
}


void
ngx_http_social_explain_claim(const social_json_t *payload, const char *name)
{
    social_claim_path_t  path;

    ngx_memzero(&path, sizeof(social_claim_path_t));

    path.text = social_str(name);
    path.name = path.text;

    ngx_http_social_explain_path(payload, &path);
}


void
ngx_http_social_explain_path(const social_json_t *payload,
    const social_claim_path_t *path)
{
    size_t                       size;
    char                         name[NGX_HTTP_SOCIAL_EXPLAIN_VALUE + 1];
    u_char                      *end;
    u_char                       value[NGX_HTTP_SOCIAL_EXPLAIN_VALUE];
    u_char                       text[4 * NGX_HTTP_SOCIAL_EXPLAIN_VALUE];
    social_str_t                 s, last;
    const char                 **masked;
    const social_json_t         *claim;
    static const char           *names[] = { "sub", "jti", "origin_jti", "sid",
                                             "username", "cognito:username",
                                             "email", "phone_number", NULL };

    size = ngx_min(path->text.len, NGX_HTTP_SOCIAL_EXPLAIN_VALUE);
    ngx_memcpy(name, path->text.data, size);
    name[size] = '\0';

    claim = social_claim_find(payload, path);

    if (claim == NULL) {
        ngx_http_social_explain_say(name, "absent");
        return;
    }

    last = path->count ? path->names[path->count - 1] : path->text;

    for (masked = names; *masked; masked++) {
        if (ngx_strcmp(*masked, name) == 0
            || social_str_eq(last, social_str(*masked)))
        {
            ngx_http_social_explain_say(name, "present");
            return;
        }
    }

    size = social_claims_write(claim, ',', value, sizeof(value));

    s.data = value;
    s.len = ngx_min(size, sizeof(value));
    end = social_str_printable(text, s);

    ngx_http_social_explain_say(name, "\"%*s%s\"", (size_t) (end - text),
                                text, size > sizeof(value) ? "..." : "");
}


void
ngx_http_social_explain_time(const social_json_t *payload, const char *name)
{
    time_t                now;
    int64_t               seconds, away;
    ngx_tm_t              tm;
    const char           *unit;
    const social_json_t  *claim;

    claim = social_json_present(payload, social_str(name));

    if (claim == NULL) {
        ngx_http_social_explain_say(name, "absent");
        return;
    }

    if (social_json_time(claim, &seconds) != SOCIAL_OK) {
        ngx_http_social_explain_say(name, "not a time");
        return;
    }

    now = ngx_time();
    away = seconds > now ? seconds - now : now - seconds;
    unit = "s";

    if (away >= 2 * 86400) {
        away /= 86400;
        unit = " days";

    } else if (away >= 2 * 60) {
        away /= 60;
        unit = " minutes";
    }

    /* a year of five digits or more is not for people */

    if (seconds > INT64_C(253402300799)) {
        ngx_http_social_explain_say(name, "%L", seconds);
        return;
    }

    ngx_gmtime((time_t) seconds, &tm);

    ngx_http_social_explain_say(name,
                                "%4d-%02d-%02d %02d:%02d:%02d UTC, %s%L%s%s",
                                tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                                tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec,
                                seconds > now ? "in " : "", away, unit,
                                seconds > now ? "" : " ago");
}


static u_char *
ngx_http_social_explain_name(u_char *p, const char *name)
{
    size_t  len;

    len = ngx_strlen(name);
    p = ngx_cpymem(p, name, ngx_min(len, NGX_HTTP_SOCIAL_EXPLAIN_LINE / 2));

    do {
        *p++ = ' ';
        len++;
    } while (len < NGX_HTTP_SOCIAL_EXPLAIN_NAME);

    return p;
}


/*
 * It is a process of its own, which may wait for who reads.
 */

static void
ngx_http_social_explain_write(u_char *line, u_char *p)
{
    ssize_t  n;

    *p++ = '\n';

    while (line < p) {

        n = write(STDOUT_FILENO, line, p - line);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }

        if (n <= 0) {
            return;
        }

        line += n;
    }
}
