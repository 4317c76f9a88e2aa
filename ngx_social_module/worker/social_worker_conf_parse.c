
/*
 * Values of the worker's configuration, and its mistakes.
 */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "social_worker_conf_parse.h"
#include "social_worker_log.h"


char *
social_worker_conf_text(cfg_t *cfg, const char *option)
{
    const char  *text;

    text = cfg_getstr(cfg, option);

    return text != NULL && text[0] != '\0' ? strdup(text) : NULL;
}


uint64_t
social_worker_conf_number(social_worker_conf_ctx_t *ctx, cfg_t *cfg,
    const char *option, uint64_t least, uint64_t most)
{
    char      what[128];
    uint64_t  value;

    if (social_worker_conf_parse(cfg_getstr(cfg, option), &value)
        && value >= least && value <= most)
    {
        return value;
    }

    snprintf(what, sizeof(what), "\"%.40s\" is not in %llu to %llu, "
             "with \"k\", \"M\", \"G\", \"ms\", \"s\", \"m\", \"h\" or "
             "\"d\" after it",
             cfg_getstr(cfg, option), (unsigned long long) least,
             (unsigned long long) most);

    social_worker_conf_wrong(ctx, cfg_name(cfg), cfg_title(cfg), option, what);

    return least;
}


bool
social_worker_conf_parse(const char *text, uint64_t *value)
{
    char      *end;
    size_t     i;
    uint64_t   n;

    static const struct {
        const char  *unit;
        uint64_t     factor;
    } units[] = {
        { "", 1 },
        { "k", 1ULL << 10 },
        { "M", 1ULL << 20 },
        { "G", 1ULL << 30 },
        { "ms", 1 },
        { "s", 1000 },
        { "m", 60 * 1000 },
        { "h", 3600 * 1000 },
        { "d", 86400 * 1000 }
    };

    if (!isdigit((unsigned char) text[0])) {
        return false;
    }

    errno = 0;
    n = strtoull(text, &end, 10);

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(end, units[i].unit) == 0) {
            *value = n * units[i].factor;

            return errno == 0 && n <= UINT64_MAX / units[i].factor;
        }
    }

    return false;
}


char *
social_worker_conf_ca(social_worker_conf_ctx_t *ctx, cfg_t *cfg,
    const char *section, const char *name)
{
    char  *ca;

    ca = social_worker_conf_text(cfg, "ca");

    if (ca != NULL && access(ca, R_OK) == -1) {
        social_worker_conf_wrong(ctx, section, name, "ca", strerror(errno));
    }

    return ca;
}


void
social_worker_conf_wrong(social_worker_conf_ctx_t *ctx, const char *section,
    const char *name, const char *option, const char *what)
{
    char  where[256];

    snprintf(where, sizeof(where), "%s%s%s%s%s", section,
             name ? " " : "", name ? name : "", option ? ": " : "",
             option ? option : "");

    social_worker_log(SOCIAL_WORKER_ERROR, "bad configuration",
                      social_worker_text("file", ctx->conf->file),
                      social_worker_text("where", where),
                      social_worker_text("error", what));

    ctx->mistakes++;
}
