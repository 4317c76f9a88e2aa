
/*
 * Sections "sqs" and "job" of the worker's configuration: where events of
 * object stores come from, and what becomes of them.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "social_worker_conf_parse.h"


#define SOCIAL_WORKER_EVENTS_NAME       64

/* seconds, of SQS (ReceiveMessage, ChangeMessageVisibility) */
#define SOCIAL_WORKER_SQS_MOST_WAIT     20
#define SOCIAL_WORKER_SQS_MOST_VISIBLE  43200


static char *social_worker_conf_sqs_region(const social_endpoint_t *endpoint);
static const social_worker_bucket_t *social_worker_conf_named(
    const social_worker_conf_t *conf, const char *name);


cfg_opt_t  social_worker_sqs_opts[] = {
    CFG_STR("url", NULL, CFGF_NONE),
    CFG_STR("endpoint", NULL, CFGF_NONE),
    CFG_STR("region", NULL, CFGF_NONE),
    CFG_STR("credentials", "env", CFGF_NONE),
    CFG_STR("wait", "20s", CFGF_NONE),
    CFG_STR("visibility", "60s", CFGF_NONE),
    CFG_STR("ca", NULL, CFGF_NONE),
    CFG_END()
};

cfg_opt_t  social_worker_job_opts[] = {
    CFG_STR("bucket", NULL, CFGF_NONE),
    CFG_STR("prefix", NULL, CFGF_NONE),
    CFG_STR("kind", NULL, CFGF_NONE),
    CFG_STR("queue", "images", CFGF_NONE),
    CFG_END()
};


void
social_worker_conf_fill_sqs(social_worker_conf_ctx_t *ctx, cfg_t *cfg,
    social_worker_sqs_conf_t *sqs)
{
    char                error[SOCIAL_NET_ERROR_SIZE];
    const char         *why;
    social_endpoint_t   of_url;

    sqs->name = strdup(cfg_title(cfg));
    sqs->url = social_worker_conf_text(cfg, "url");
    sqs->endpoint = social_worker_conf_text(cfg, "endpoint");
    sqs->region = social_worker_conf_text(cfg, "region");
    sqs->credentials = social_worker_conf_text(cfg, "credentials");

    sqs->wait = (unsigned) (social_worker_conf_number(ctx, cfg, "wait", 0,
                                SOCIAL_WORKER_SQS_MOST_WAIT * 1000)
                            / 1000);
    sqs->visibility = (unsigned) (social_worker_conf_number(ctx, cfg,
                                      "visibility", 1000,
                                      SOCIAL_WORKER_SQS_MOST_VISIBLE * 1000)
                                  / 1000);

    if (sqs->credentials == NULL) {
        sqs->credentials = strdup("env");
    }

    sqs->ca = social_worker_conf_ca(ctx, cfg, "sqs", sqs->name);
    sqs->net.ca_file = sqs->ca;

    if (sqs->url == NULL || strlen(sqs->url) > SOCIAL_ENDPOINT_MAX_URL
        || social_endpoint_parse(social_str(sqs->url), &of_url, &why)
           != SOCIAL_OK
        || of_url.path.len == 0)
    {
        social_worker_conf_wrong(ctx, "sqs", sqs->name, "url",
                                 "the URL of a queue is needed, like "
                                 "\"https://sqs.eu-west-1.amazonaws.com/"
                                 "123456789012/uploads\"");
        return;
    }

    sqs->net.queue = sqs->url;
    sqs->net.endpoint = of_url;

    if (sqs->endpoint != NULL
        && (social_endpoint_parse(social_str(sqs->endpoint),
                                  &sqs->net.endpoint, &why)
            != SOCIAL_OK
            || sqs->net.endpoint.path.len != 0))
    {
        social_worker_conf_wrong(ctx, "sqs", sqs->name, "endpoint",
                                 "a URL without a path is needed");
        return;
    }

    if (sqs->region == NULL) {
        sqs->region = social_worker_conf_sqs_region(&of_url);
    }

    if (sqs->region == NULL) {
        social_worker_conf_wrong(ctx, "sqs", sqs->name, "region",
                                 "it is needed, since the URL does not say "
                                 "it");
        return;
    }

    sqs->net.region = sqs->region;
    sqs->net.source = social_net_credentials_create(sqs->credentials,
                                                    sqs->region, error);

    if (sqs->net.source == NULL) {
        social_worker_conf_wrong(ctx, "sqs", sqs->name, "credentials", error);
    }
}


/* that of sqs.REGION.amazonaws.com, or NULL */

static char *
social_worker_conf_sqs_region(const social_endpoint_t *endpoint)
{
    social_str_t               rest, part[4];
    size_t                     n;
    static const social_str_t  sqs = social_string("sqs");
    static const social_str_t  aws = social_string("amazonaws");

    rest = endpoint->host;

    for (n = 0; n < 4; n++) {
        if (!social_str_next(&rest, ".", &part[n])) {
            return NULL;
        }
    }

    return social_str_eq(part[0], sqs) && social_str_eq(part[2], aws)
           ? strndup((const char *) part[1].data, part[1].len) : NULL;
}


void
social_worker_conf_release_sqs(social_worker_sqs_conf_t *sqs)
{
    free(sqs->name);
    free(sqs->ca);
    free(sqs->url);
    free(sqs->endpoint);
    free(sqs->region);
    free(sqs->credentials);

    social_net_credentials_destroy(sqs->net.source);
}


void
social_worker_conf_fill_job(social_worker_conf_ctx_t *ctx, cfg_t *cfg,
    social_worker_rule_t *texts, social_s3_rule_t *rule)
{
    const char                    *name;
    const social_worker_bucket_t  *bucket;

    texts->name = strdup(cfg_title(cfg));
    texts->prefix = social_worker_conf_text(cfg, "prefix");
    texts->kind = social_worker_conf_text(cfg, "kind");
    texts->queue = social_worker_conf_text(cfg, "queue");

    name = cfg_getstr(cfg, "bucket");
    bucket = name ? social_worker_conf_named(ctx->conf, name) : NULL;

    if (bucket == NULL) {
        social_worker_conf_wrong(ctx, "job", texts->name, "bucket",
                                 "the name of a section \"bucket\" is needed");
        return;
    }

    if (texts->kind == NULL || strlen(texts->kind) > SOCIAL_WORKER_EVENTS_NAME)
    {
        social_worker_conf_wrong(ctx, "job", texts->name, "kind",
                                 "a name of up to 64 bytes is needed");
        return;
    }

    if (texts->queue == NULL
        || strlen(texts->queue) > SOCIAL_WORKER_EVENTS_NAME)
    {
        social_worker_conf_wrong(ctx, "job", texts->name, "queue",
                                 "a name of up to 64 bytes is needed");
        return;
    }

    if (texts->prefix != NULL
        && (texts->prefix[0] == '/'
            || !social_object_check(social_str(texts->prefix))))
    {
        social_worker_conf_wrong(ctx, "job", texts->name, "prefix",
                                 "it is not the beginning of keys, in UTF-8 "
                                 "and without \"/\" before it");
        return;
    }

    rule->bucket = social_str(bucket->bucket);
    rule->prefix = social_str(texts->prefix ? texts->prefix : "");
    rule->kind = social_str(texts->kind);
    rule->queue = social_str(texts->queue);
}


static const social_worker_bucket_t *
social_worker_conf_named(const social_worker_conf_t *conf, const char *name)
{
    size_t  i;

    for (i = 0; i < conf->bucket_count; i++) {
        if (strcmp(conf->buckets[i].name, name) == 0) {
            return &conf->buckets[i];
        }
    }

    return NULL;
}


void
social_worker_conf_release_job(social_worker_rule_t *texts)
{
    free(texts->name);
    free(texts->prefix);
    free(texts->kind);
    free(texts->queue);
}
