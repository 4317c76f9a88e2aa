
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

#include "social_crypto.h"
#include "social_url.h"
#include "social_worker_conf_parse.h"
#include "social_worker_log.h"


#define SOCIAL_WORKER_CONF_ENV  "SOCIAL_WORKER"


static void social_worker_conf_error(cfg_t *cfg, const char *format,
    va_list args);
static unsigned social_worker_conf_override(cfg_t *cfg, const char *prefix);
static void social_worker_conf_env_name(char *buf, size_t size,
    const char *prefix, const char *name);
static void social_worker_conf_fill(social_worker_conf_ctx_t *ctx, cfg_t *cfg);
static void social_worker_conf_fill_events(social_worker_conf_ctx_t *ctx,
    cfg_t *cfg);
static void social_worker_conf_fill_bucket(social_worker_conf_ctx_t *ctx,
    cfg_t *cfg, social_worker_bucket_t *bucket);
static void social_worker_conf_fill_variant(social_worker_conf_ctx_t *ctx,
    cfg_t *cfg, social_worker_variant_t *variant);
static void social_worker_conf_fill_kind(social_worker_conf_ctx_t *ctx, cfg_t
    *cfg, social_worker_kind_t *kind);
static void social_worker_conf_fill_endpoint(social_worker_conf_ctx_t *ctx,
    cfg_t *cfg, social_worker_kind_t *kind);
static void social_worker_conf_secret(social_worker_conf_ctx_t *ctx,
    social_worker_kind_t *kind, const char *where);
static long social_worker_conf_choice(social_worker_conf_ctx_t *ctx, cfg_t
    *cfg, const char *option, const char *const *choices);
static void *social_worker_conf_array(size_t n, size_t size);


static cfg_opt_t  social_worker_database_opts[] = {
    CFG_STR("conninfo", "", CFGF_NONE),
    CFG_BOOL("listen", cfg_true, CFGF_NONE),
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
    CFG_BOOL("path_style", cfg_false, CFGF_NODEFAULT),
    CFG_STR("timeout", "30s", CFGF_NONE),
    CFG_STR("ca", NULL, CFGF_NONE),
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
    CFG_STR("url", NULL, CFGF_NONE),
    CFG_STR_LIST("secret", "{}", CFGF_NONE),
    CFG_STR("ca", NULL, CFGF_NONE),
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
    CFG_SEC("lane", social_worker_lane_opts,
            CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
    CFG_SEC("schedule", social_worker_schedule_opts,
            CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
    CFG_SEC("sqs", social_worker_sqs_opts,
            CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
    CFG_SEC("job", social_worker_job_opts,
            CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
    CFG_END()
};


static const char *const  social_worker_fits[] = {
    "cover", "contain", NULL
};

static const char *const  social_worker_gravities[] = {
    "centre", "attention", "entropy", NULL
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
        free(conf->buckets[i].endpoint);
        free(conf->buckets[i].region);
        free(conf->buckets[i].credentials);
        free(conf->buckets[i].ca);
        social_net_credentials_destroy(conf->buckets[i].s3.source);
    }

    for (i = 0; i < conf->variant_count; i++) {
        free(conf->variants[i].name);
    }

    for (i = 0; i < conf->kind_count; i++) {
        free(conf->kinds[i].name);
        free(conf->kinds[i].alias);
        free(conf->kinds[i].url);
        free(conf->kinds[i].ca);
        social_cleanse(conf->kinds[i].secrets,
                       sizeof(conf->kinds[i].secrets));
    }

    for (i = 0; i < conf->lane_count; i++) {
        social_worker_conf_release_lane(&conf->lanes[i]);
    }

    for (i = 0; i < conf->schedule_count; i++) {
        free(conf->schedules[i].name);
        free(conf->schedules[i].kind);
        free(conf->schedules[i].queue);
        free(conf->schedules[i].payload);
        free(conf->schedules[i].start);
        free(conf->schedules[i].zone);
    }

    for (i = 0; i < conf->sqs_count; i++) {
        social_worker_conf_release_sqs(&conf->sqs[i]);
    }

    for (i = 0; i < conf->rule_count; i++) {
        social_worker_conf_release_job(&conf->rule_texts[i]);
    }

    free(conf->sqs);
    free(conf->rules);
    free(conf->rule_texts);
    free(conf->buckets);
    free(conf->variants);
    free(conf->kinds);
    free(conf->lanes);
    free(conf->schedules);
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


static void
social_worker_conf_fill(social_worker_conf_ctx_t *ctx, cfg_t *cfg)
{
    long                   cpus;
    size_t                 i, k;
    cfg_t                 *sec;
    social_worker_conf_t  *conf;

    conf = ctx->conf;

    conf->name = social_worker_conf_text(cfg, "name");
    conf->queue = social_worker_conf_text(cfg, "queue");
    conf->lease = (uint32_t) social_worker_conf_number(ctx, cfg, "lease",
                                                       1000, 3600 * 1000);
    conf->poll = (uint32_t) social_worker_conf_number(ctx, cfg, "poll",
                                                      50, 60 * 1000);
    conf->concurrency = (uint32_t) social_worker_conf_number(ctx, cfg,
                                                     "concurrency", 0, 256);

    if (conf->concurrency == 0) {
        cpus = sysconf(_SC_NPROCESSORS_ONLN);
        conf->concurrency = cpus > 0 ? (uint32_t) cpus : 1;
    }

    sec = cfg_getsec(cfg, "database");

    conf->conninfo = social_worker_conf_text(sec, "conninfo");
    conf->listen = cfg_getbool(sec, "listen");

    sec = cfg_getsec(cfg, "sandbox");

    conf->memory = social_worker_conf_number(ctx, sec, "memory",
                                             64ULL << 20, 64ULL << 30);
    conf->recycle = (uint32_t) social_worker_conf_number(ctx, sec, "recycle",
                                                         1, 1000000);
    conf->seccomp = cfg_getbool(sec, "seccomp");

    conf->bucket_count = cfg_size(cfg, "bucket");
    conf->buckets = social_worker_conf_array(conf->bucket_count,
                                             sizeof(social_worker_bucket_t));

    for (i = 0; i < conf->bucket_count; i++) {
        social_worker_conf_fill_bucket(ctx, cfg_getnsec(cfg, "bucket",
                                                        (unsigned) i),
                                       &conf->buckets[i]);

        for (k = 0; k < i; k++) {
            if (strcmp(conf->buckets[k].bucket, conf->buckets[i].bucket) == 0)
            {
                social_worker_conf_wrong(ctx, "bucket", conf->buckets[i].name,
                    "bucket", "another section has the same");
            }
        }
    }

    conf->variant_count = cfg_size(cfg, "variant");
    conf->variants = social_worker_conf_array(conf->variant_count,
                                              sizeof(social_worker_variant_t));

    for (i = 0; i < conf->variant_count; i++) {
        social_worker_conf_fill_variant(ctx, cfg_getnsec(cfg, "variant",
                                                         (unsigned) i),
                                        &conf->variants[i]);
    }

    conf->kind_count = cfg_size(cfg, "kind");
    conf->kinds = social_worker_conf_array(conf->kind_count,
                                           sizeof(social_worker_kind_t));

    for (i = 0; i < conf->kind_count; i++) {
        social_worker_conf_fill_kind(ctx, cfg_getnsec(cfg, "kind",
                                                      (unsigned) i),
                                     &conf->kinds[i]);
    }

    conf->lane_count = cfg_size(cfg, "lane");

    if (conf->lane_count > SOCIAL_WORKER_MAX_LANES) {
        social_worker_conf_wrong(ctx, "lane", NULL, NULL,
                                 "there are more than 16 sections");
        conf->lane_count = 0;
    }

    conf->lanes = social_worker_conf_array(conf->lane_count,
                                           sizeof(social_worker_lane_conf_t));

    for (i = 0; i < conf->lane_count; i++) {
        social_worker_conf_fill_lane(ctx, cfg_getnsec(cfg, "lane",
                                                      (unsigned) i),
                                     &conf->lanes[i]);
    }

    conf->schedule_count = cfg_size(cfg, "schedule");
    conf->schedules = social_worker_conf_array(conf->schedule_count,
                                             sizeof(social_worker_schedule_t));

    for (i = 0; i < conf->schedule_count; i++) {
        social_worker_conf_fill_schedule(ctx, cfg_getnsec(cfg, "schedule",
                                                          (unsigned) i),
                                         &conf->schedules[i]);
    }

    social_worker_conf_fill_events(ctx, cfg);
}


static void
social_worker_conf_fill_events(social_worker_conf_ctx_t *ctx, cfg_t *cfg)
{
    size_t                 i;
    social_worker_conf_t  *conf;

    conf = ctx->conf;

    conf->sqs_count = cfg_size(cfg, "sqs");
    conf->sqs = social_worker_conf_array(conf->sqs_count,
                                         sizeof(social_worker_sqs_conf_t));

    for (i = 0; i < conf->sqs_count; i++) {
        social_worker_conf_fill_sqs(ctx, cfg_getnsec(cfg, "sqs", (unsigned) i),
                                    &conf->sqs[i]);
    }

    conf->rule_count = cfg_size(cfg, "job");
    conf->rules = social_worker_conf_array(conf->rule_count,
                                           sizeof(social_s3_rule_t));
    conf->rule_texts = social_worker_conf_array(conf->rule_count,
                                                sizeof(social_worker_rule_t));

    for (i = 0; i < conf->rule_count; i++) {
        social_worker_conf_fill_job(ctx, cfg_getnsec(cfg, "job", (unsigned) i),
                                    &conf->rule_texts[i], &conf->rules[i]);
    }
}


static void
social_worker_conf_fill_bucket(social_worker_conf_ctx_t *ctx, cfg_t *cfg,
    social_worker_bucket_t *bucket)
{
    char                    error[SOCIAL_NET_ERROR_SIZE];
    const char             *why;
    social_buf_t            url;
    social_str_t            endpoint;
    social_bucket_style_e   style;

    bucket->name = strdup(cfg_title(cfg));
    bucket->bucket = social_worker_conf_text(cfg, "bucket");
    bucket->endpoint = social_worker_conf_text(cfg, "endpoint");
    bucket->region = social_worker_conf_text(cfg, "region");
    bucket->credentials = social_worker_conf_text(cfg, "credentials");

    if (bucket->bucket == NULL) {
        bucket->bucket = strdup(bucket->name);
    }

    if (bucket->region == NULL) {
        bucket->region = strdup("us-east-1");
    }

    if (bucket->credentials == NULL) {
        bucket->credentials = strdup("env");
    }

    if (cfg_getstr(cfg, "directory") != NULL) {
        social_worker_conf_wrong(ctx, "bucket", bucket->name, "directory",
                                 "it is not supported: use \"endpoint\" and "
                                 "\"credentials\" of a store that speaks S3, "
                                 "such as nginx with \"social_store\"");
    }

    if (!social_bucket_check(social_str(bucket->bucket))) {
        social_worker_conf_wrong(ctx, "bucket", bucket->name, "bucket",
                                 "it is not a name of a bucket");
    }

    endpoint = social_str(bucket->endpoint ? bucket->endpoint : "");
    style = SOCIAL_BUCKET_USUAL_STYLE;

    if (cfg_size(cfg, "path_style") != 0) {
        style = cfg_getbool(cfg, "path_style") ? SOCIAL_BUCKET_PATH_STYLE
                                               : SOCIAL_BUCKET_HOST_STYLE;
    }

    social_buf_init(&url, bucket->url, sizeof(bucket->url));

    if (social_bucket_init(&bucket->target, social_str(bucket->bucket),
                           social_str(bucket->region), endpoint, style, &url,
                           &why)
        != SOCIAL_OK)
    {
        social_worker_conf_wrong(ctx, "bucket", bucket->name, "endpoint", why);
    }

    bucket->ca = social_worker_conf_ca(ctx, cfg, "bucket", bucket->name);
    bucket->s3.ca_file = bucket->ca;
    bucket->s3.bucket = &bucket->target;
    bucket->s3.source = social_net_credentials_create(bucket->credentials,
                                                      bucket->region, error);
    bucket->s3.timeout = (long) social_worker_conf_number(ctx, cfg, "timeout",
                                                          100, 600 * 1000);

    if (bucket->s3.source == NULL) {
        social_worker_conf_wrong(ctx, "bucket", bucket->name, "credentials",
                                 error);
    }
}


static void
social_worker_conf_fill_variant(social_worker_conf_ctx_t *ctx, cfg_t *cfg,
    social_worker_variant_t *variant)
{
    char                  *name;
    size_t                 i, n, k;
    unsigned long          color;
    const char            *background, *format;
    social_image_type_e    type;
    social_worker_spec_t  *spec;

    name = strdup(cfg_title(cfg));
    variant->name = name;
    spec = &variant->spec;

    /* it becomes part of a key, which becomes part of a URL */

    if (name[0] == '\0' || strlen(name) > 64
        || name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")])
    {
        social_worker_conf_wrong(ctx, "variant", name, NULL,
                                 "a name has letters, digits, \"_\" and "
                                 "\"-\" only, 64 at most");
    }

    spec->width = (uint32_t) social_worker_conf_number(ctx, cfg, "width",
                                                       1, 16384);
    spec->height = (uint32_t) social_worker_conf_number(ctx, cfg, "height",
                                                        1, 16384);
    spec->quality = (uint32_t) social_worker_conf_number(ctx, cfg, "quality",
                                                         1, 100);
    spec->effort = (uint32_t) social_worker_conf_number(ctx, cfg, "effort",
                                                        0, 6);
    spec->enlarge = cfg_getbool(cfg, "enlarge");
    spec->fit = (social_worker_fit_e) social_worker_conf_choice(ctx, cfg,
                    "fit", social_worker_fits);
    spec->gravity = (social_worker_gravity_e) social_worker_conf_choice(ctx,
                    cfg, "gravity", social_worker_gravities);

    background = cfg_getstr(cfg, "background");

    if (strlen(background) != 7 || background[0] != '#'
        || strspn(&background[1], "0123456789abcdefABCDEF") != 6)
    {
        social_worker_conf_wrong(ctx, "variant", name, "background",
                                 "a color like \"#ffffff\" is needed");

    } else {
        color = strtoul(&background[1], NULL, 16);

        spec->background[0] = (uint8_t) (color >> 16);
        spec->background[1] = (uint8_t) (color >> 8 & 255);
        spec->background[2] = (uint8_t) (color & 255);
    }

    n = cfg_size(cfg, "formats");

    if (n == 0 || n > SOCIAL_WORKER_MAX_FORMATS) {
        social_worker_conf_wrong(ctx, "variant", name, "formats",
                                 "one to four of \"jpeg\", \"png\", \"webp\" "
                                 "and \"avif\" are needed");
        return;
    }

    for (i = 0; i < n; i++) {

        format = cfg_getnstr(cfg, "formats", (unsigned) i);

        for (type = SOCIAL_IMAGE_JPEG; type <= SOCIAL_IMAGE_AVIF; type++) {
            if (type != SOCIAL_IMAGE_GIF
                && strcmp(format, social_image_type_name(type)) == 0)
            {
                break;
            }
        }

        for (k = 0; k < i; k++) {
            if (spec->formats[k] == type) {
                break;
            }
        }

        if (type > SOCIAL_IMAGE_AVIF || k < i) {
            social_worker_conf_wrong(ctx, "variant", name, "formats",
                                     k < i ? "a format is there twice"
                                     : "there are \"jpeg\", \"png\", \"webp\" "
                                       "and \"avif\"");
            return;
        }

        spec->formats[i] = type;
    }

    spec->format_count = (uint32_t) n;
}


static void
social_worker_conf_fill_kind(social_worker_conf_ctx_t *ctx, cfg_t *cfg,
    social_worker_kind_t *kind)
{
    char                          what[192];
    size_t                         i, k, n;
    const char                    *name, *output;
    const social_worker_conf_t    *conf;

    conf = ctx->conf;

    kind->name = strdup(cfg_title(cfg));
    kind->alias = social_worker_conf_text(cfg, "alias");
    kind->max_size = social_worker_conf_number(ctx, cfg, "max_size",
                                               1, 1ULL << 30);
    kind->max_pixels = social_worker_conf_number(ctx, cfg, "max_pixels",
                                                 1, 1000000000);
    kind->time_limit = (uint32_t) social_worker_conf_number(ctx, cfg,
                                              "time_limit", 1, 600 * 1000);

    if (cfg_getstr(cfg, "url") != NULL) {
        social_worker_conf_fill_endpoint(ctx, cfg, kind);
        return;
    }

    if (cfg_size(cfg, "secret") != 0 || cfg_getstr(cfg, "ca") != NULL) {
        social_worker_conf_wrong(ctx, "kind", kind->name, "url",
                                 "\"secret\" and \"ca\" are of kinds with "
                                 "a \"url\" only");
    }

    output = cfg_getstr(cfg, "output");

    for (i = 0; output != NULL && i < conf->bucket_count; i++) {
        if (strcmp(conf->buckets[i].name, output) == 0) {
            kind->output = &conf->buckets[i];
        }
    }

    if (kind->output == NULL) {
        social_worker_conf_wrong(ctx, "kind", kind->name, "output",
                                 "the name of a section \"bucket\" is needed");
    }

    n = cfg_size(cfg, "variants");

    if (n == 0 || n > SOCIAL_WORKER_MAX_VARIANTS) {
        social_worker_conf_wrong(ctx, "kind", kind->name, "variants",
                                 "one to sixteen names of sections "
                                 "\"variant\" are needed");
        return;
    }

    for (i = 0; i < n; i++) {
        name = cfg_getnstr(cfg, "variants", (unsigned) i);

        for (k = 0; k < conf->variant_count; k++) {
            if (strcmp(conf->variants[k].name, name) == 0) {
                break;
            }
        }

        if (k == conf->variant_count) {
            snprintf(what, sizeof(what),
                     "there is no section \"variant %.100s\"", name);
            social_worker_conf_wrong(ctx, "kind", kind->name, "variants",
                                     what);
            return;
        }

        kind->variants[i] = &conf->variants[k];
    }

    kind->variant_count = n;

    if (kind->alias != NULL
        && kind->variants[0]->spec.formats[0] != SOCIAL_IMAGE_JPEG)
    {
        social_worker_conf_wrong(ctx, "kind", kind->name, "alias",
                                 "the first variant's first format must be "
                                 "\"jpeg\"");
    }
}


static void
social_worker_conf_fill_endpoint(social_worker_conf_ctx_t *ctx, cfg_t *cfg,
    social_worker_kind_t *kind)
{
    size_t       i, n;
    const char  *why;

    static const char *const  pictures[] = { "variants", "output", "alias" };

    kind->url = strdup(cfg_getstr(cfg, "url"));
    kind->ca = social_worker_conf_ca(ctx, cfg, "kind", kind->name);

    if (social_url_check(social_str(kind->url), false, &why) != SOCIAL_OK) {
        social_worker_conf_wrong(ctx, "kind", kind->name, "url", why);
    }

    for (i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++) {
        if (i == 0 ? cfg_size(cfg, pictures[i]) != 0
                   : cfg_getstr(cfg, pictures[i]) != NULL)
        {
            social_worker_conf_wrong(ctx, "kind", kind->name, pictures[i],
                                     "a kind with a \"url\" has none");
        }
    }

    n = cfg_size(cfg, "secret");

    if (n == 0 || n > SOCIAL_WORKER_MAX_SECRETS) {
        social_worker_conf_wrong(ctx, "kind", kind->name, "secret",
                                 "one or two are needed, each \"file PATH\" "
                                 "or \"env NAME\"");
        return;
    }

    for (i = 0; i < n; i++) {
        social_worker_conf_secret(ctx, kind,
                                  cfg_getnstr(cfg, "secret", (unsigned) i));
    }
}


/*
 * A secret is never written into the configuration itself, which more people
 * may read.
 */

static void
social_worker_conf_secret(social_worker_conf_ctx_t *ctx,
    social_worker_kind_t *kind, const char *where)
{
    char                     text[256];
    FILE                    *f;
    size_t                   len;
    const char              *value, *why;
    social_worker_secret_t  *secret;

    len = 0;
    why = "it is \"file PATH\" or \"env NAME\"";

    if (strncmp(where, "env ", 4) == 0) {

        value = getenv(where + 4);
        why = "there is no such variable of the environment";

        if (value != NULL) {
            len = strlen(value);
            len = len < sizeof(text) ? len : sizeof(text);
            memcpy(text, value, len);
        }

    } else if (strncmp(where, "file ", 5) == 0) {

        f = fopen(where + 5, "re");

        if (f == NULL) {
            why = strerror(errno);

        } else {
            why = "the file is empty";
            len = fread(text, 1, sizeof(text), f);
            fclose(f);
        }
    }

    if (len == 0) {
        social_worker_conf_wrong(ctx, "kind", kind->name, "secret", why);
        return;
    }

    secret = &kind->secrets[kind->secret_count];

    if (social_webhook_secret((social_str_t) { len, (unsigned char *) text },
                              secret->data, &secret->len)
        != SOCIAL_OK)
    {
        social_worker_conf_wrong(ctx, "kind", kind->name, "secret",
                                 "it is not \"whsec_\" and base64 of 24 to "
                                 "64 bytes");
    }

    kind->secret_count++;
    social_cleanse(text, sizeof(text));
}


static long
social_worker_conf_choice(social_worker_conf_ctx_t *ctx, cfg_t *cfg,
    const char *option, const char *const *choices)
{
    char         what[256];
    long         i;
    size_t       len;
    const char  *text;

    text = cfg_getstr(cfg, option);

    for (i = 0; choices[i] != NULL; i++) {
        if (strcmp(text, choices[i]) == 0) {
            return i;
        }
    }

    len = (size_t) snprintf(what, sizeof(what), "there are");

    for (i = 0; choices[i] != NULL; i++) {
        len += (size_t) snprintf(what + len, sizeof(what) - len, " \"%s\"",
                                 choices[i]);
    }

    social_worker_conf_wrong(ctx, cfg_name(cfg), cfg_title(cfg), option, what);

    return 0;
}


/* zeroed; a worker without memory for its configuration exits */

static void *
social_worker_conf_array(size_t n, size_t size)
{
    void  *p;

    p = calloc(n ? n : 1, size);

    if (p == NULL) {
        abort();
    }

    return p;
}
