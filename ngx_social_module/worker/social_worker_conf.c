
/*
 * The worker's configuration: worker.conf, by libConfuse, and the environment.
 */

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "social_worker_conf_fill.h"
#include "social_worker_log.h"


#define SOCIAL_WORKER_CONF_ENV  "SOCIAL_WORKER"


static void social_worker_conf_error(cfg_t *cfg, const char *format,
    va_list args);
static unsigned social_worker_conf_override(cfg_t *cfg, const char *prefix);
static void social_worker_conf_env_name(char *buf, size_t size,
    const char *prefix, const char *name);


static cfg_opt_t  social_worker_database_opts[] = {
    CFG_STR("conninfo", "", CFGF_NONE),
    CFG_END()
};

static cfg_opt_t  social_worker_sandbox_opts[] = {
    CFG_STR("memory", "512M", CFGF_NONE),
    CFG_STR("recycle", "200", CFGF_NONE),
    CFG_BOOL("seccomp", cfg_true, CFGF_NONE),
    CFG_END()
};

static cfg_opt_t  social_worker_bucket_opts[] = {
    CFG_STR("bucket", NULL, CFGF_NONE),
    CFG_STR("directory", NULL, CFGF_NONE),
    CFG_STR("endpoint", NULL, CFGF_NONE),
    CFG_STR("region", "us-east-1", CFGF_NONE),
    CFG_STR("credentials", "env", CFGF_NONE),
    CFG_BOOL("path_style", cfg_true, CFGF_NONE),
    CFG_STR("timeout", "30s", CFGF_NONE),
    CFG_END()
};

static cfg_opt_t  social_worker_variant_opts[] = {
    CFG_STR("width", "0", CFGF_NONE),
    CFG_STR("height", "0", CFGF_NONE),
    CFG_STR("fit", "cover", CFGF_NONE),
    CFG_STR("gravity", "centre", CFGF_NONE),
    CFG_STR_LIST("formats", "{jpeg}", CFGF_NONE),
    CFG_STR("quality", "80", CFGF_NONE),
    CFG_STR("effort", "2", CFGF_NONE),
    CFG_BOOL("enlarge", cfg_false, CFGF_NONE),
    CFG_STR("background", "#ffffff", CFGF_NONE),
    CFG_END()
};

static cfg_opt_t  social_worker_kind_opts[] = {
    CFG_STR_LIST("variants", "{}", CFGF_NONE),
    CFG_STR("output", NULL, CFGF_NONE),
    CFG_STR("alias", NULL, CFGF_NONE),
    CFG_STR("max_size", "20M", CFGF_NONE),
    CFG_STR("max_pixels", "50000000", CFGF_NONE),
    CFG_STR("time_limit", "10s", CFGF_NONE),
    CFG_END()
};

static cfg_opt_t  social_worker_opts[] = {
    CFG_STR("name", NULL, CFGF_NONE),
    CFG_STR("queue", "images", CFGF_NONE),
    CFG_STR("concurrency", "0", CFGF_NONE),
    CFG_STR("lease", "60s", CFGF_NONE),
    CFG_STR("poll", "1s", CFGF_NONE),
    CFG_SEC("database", social_worker_database_opts, CFGF_NONE),
    CFG_SEC("sandbox", social_worker_sandbox_opts, CFGF_NONE),
    CFG_SEC("bucket", social_worker_bucket_opts,
            CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
    CFG_SEC("variant", social_worker_variant_opts,
            CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
    CFG_SEC("kind", social_worker_kind_opts,
            CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
    CFG_END()
};


social_worker_conf_t *
social_worker_conf_read(const char *file)
{
    int                       rc;
    cfg_t                    *cfg;
    social_worker_conf_ctx_t  ctx;

    ctx.mistakes = 0;
    ctx.conf = social_worker_conf_array(1, sizeof(social_worker_conf_t));
    ctx.conf->references = 1;
    ctx.conf->file = file ? strdup(file) : NULL;

    cfg = cfg_init(social_worker_opts, CFGF_NONE);

    if (cfg == NULL) {
        social_worker_conf_release(ctx.conf);
        return NULL;
    }

    cfg_set_error_function(cfg, social_worker_conf_error);

    rc = file ? cfg_parse(cfg, file) : cfg_parse_buf(cfg, "");

    if (rc == CFG_FILE_ERROR) {
        social_worker_log(SOCIAL_WORKER_ERROR, "bad configuration",
                          social_worker_text("file", file),
                          social_worker_text("error", strerror(errno)));
        ctx.mistakes++;

    } else if (rc != CFG_SUCCESS) {
        ctx.mistakes++;                     /* already logged */

    } else {
        ctx.mistakes += social_worker_conf_override(cfg,
                                                    SOCIAL_WORKER_CONF_ENV);
        social_worker_conf_fill(&ctx, cfg);
    }

    cfg_free(cfg);

    if (ctx.mistakes != 0) {
        social_worker_conf_release(ctx.conf);
        return NULL;
    }

    return ctx.conf;
}


social_worker_conf_t *
social_worker_conf_hold(social_worker_conf_t *conf)
{
    atomic_fetch_add(&conf->references, 1);

    return conf;
}


void
social_worker_conf_release(social_worker_conf_t *conf)
{
    size_t  i;

    if (conf == NULL || atomic_fetch_sub(&conf->references, 1) != 1) {
        return;
    }

    for (i = 0; i < conf->bucket_count; i++) {
        free(conf->buckets[i].name);
        free(conf->buckets[i].bucket);
        free(conf->buckets[i].directory);
        free(conf->buckets[i].endpoint);
        free(conf->buckets[i].region);
        free(conf->buckets[i].credentials);
    }

    for (i = 0; i < conf->variant_count; i++) {
        free(conf->variants[i].name);
    }

    for (i = 0; i < conf->kind_count; i++) {
        free(conf->kinds[i].name);
        free(conf->kinds[i].alias);
    }

    free(conf->buckets);
    free(conf->variants);
    free(conf->kinds);
    free(conf->file);
    free(conf->name);
    free(conf->queue);
    free(conf->conninfo);
    free(conf);
}


const social_worker_bucket_t *
social_worker_conf_bucket(const social_worker_conf_t *conf, const char *bucket)
{
    size_t  i;

    for (i = 0; i < conf->bucket_count; i++) {
        if (strcmp(conf->buckets[i].bucket, bucket) == 0) {
            return &conf->buckets[i];
        }
    }

    return NULL;
}


const social_worker_kind_t *
social_worker_conf_kind(const social_worker_conf_t *conf, const char *kind)
{
    size_t  i;

    for (i = 0; i < conf->kind_count; i++) {
        if (strcmp(conf->kinds[i].name, kind) == 0) {
            return &conf->kinds[i];
        }
    }

    return NULL;
}


static void
social_worker_conf_error(cfg_t *cfg, const char *format, va_list args)
{
    char  what[256];

    vsnprintf(what, sizeof(what), format, args);

    social_worker_log(SOCIAL_WORKER_ERROR, "bad configuration",
                      social_worker_text("file", cfg->filename),
                      social_worker_number("line", cfg->line),
                      social_worker_text("error", what));
}


/*
 * Sets what the environment has a variable for.  A list is words separated by
 * commas.
 */

static unsigned
social_worker_conf_override(cfg_t *cfg, const char *prefix)
{
    char        *list, *word, *rest;
    char         name[256], section[512];
    cfg_t       *sec;
    unsigned     i, mistakes;
    cfg_opt_t   *opt;
    const char  *value;

    mistakes = 0;

    for (opt = cfg->opts; opt->name != NULL; opt++) {

        social_worker_conf_env_name(name, sizeof(name), prefix, opt->name);

        if (opt->type == CFGT_SEC) {

            for (i = 0; i < cfg_opt_size(opt); i++) {
                sec = cfg_opt_getnsec(opt, i);

                if (cfg_title(sec) == NULL) {
                    mistakes += social_worker_conf_override(sec, name);
                    continue;
                }

                social_worker_conf_env_name(section, sizeof(section), name,
                                            cfg_title(sec));
                mistakes += social_worker_conf_override(sec, section);
            }

            continue;
        }

        value = getenv(name);

        if (value == NULL) {
            continue;
        }

        if (!(opt->flags & CFGF_LIST)) {
            mistakes += cfg_setopt(cfg, opt, value) == NULL;
            continue;
        }

        cfg_free_value(opt);

        list = strdup(value);
        rest = list;

        while (list != NULL && (word = strsep(&rest, ", ")) != NULL) {
            if (*word != '\0') {
                cfg_opt_setnstr(opt, word, cfg_opt_size(opt));
            }
        }

        free(list);
    }

    return mistakes;
}


static void
social_worker_conf_env_name(char *buf, size_t size, const char *prefix,
    const char *name)
{
    char  *p;

    snprintf(buf, size, "%s_%s", prefix, name);

    for (p = buf; *p != '\0'; p++) {
        *p = isalnum((unsigned char) *p) ? (char) toupper((unsigned char) *p)
                                         : '_';
    }
}
