
/*
 * What a job has made, put where it belongs.
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "social_worker_job_put.h"


/* milliseconds before a lock that another job has is tried again */

#define SOCIAL_WORKER_JOB_BUSY  200


static bool social_worker_job_put_one(social_worker_job_ctx_t *ctx, const
    social_worker_output_t *output, bool first);
static bool social_worker_job_put_object(social_worker_job_ctx_t *ctx,
    const social_worker_output_t *output, const char *key,
    const char *cache_control, long long most, size_t *size);
static bool social_worker_job_newest(social_worker_job_ctx_t *ctx,
    bool *newest);
static bool social_worker_job_append(social_worker_job_ctx_t *ctx, const char
    *format, ...);


bool
social_worker_job_put(social_worker_job_ctx_t *ctx)
{
    uint32_t                       i;
    const social_worker_output_t  *output;

    for (i = 0; i < ctx->reply->output_count; i++) {

        if (social_worker_work_ours(ctx->work, ctx->job) == 0) {
            ctx->lost = true;
            return false;
        }

        output = &ctx->reply->outputs[i];

        if (!social_worker_job_put_one(ctx, output, i == 0
                || output->variant != ctx->reply->outputs[i - 1].variant))
        {
            return false;
        }
    }

    return social_worker_job_append(ctx, "}");
}


/*
 * The key follows from the upload and the variant; an object that came later
 * to the same upload has names of its own, since names are for good.
 */

static bool
social_worker_job_put_one(social_worker_job_ctx_t *ctx,
    const social_worker_output_t *output, bool first)
{
    char         key[SOCIAL_WORKER_JOB_KEY];
    size_t       size;
    const char  *name, *extension;

    name = ctx->kind->variants[output->variant]->name;
    extension = social_image_extension(output->format);

    social_worker_job_variant_key(key, sizeof(key), ctx->upload, name,
                                  strtoll(ctx->generation, NULL, 10),
                                  output->format);

    if (!social_worker_job_put_object(ctx, output, key,
                                      SOCIAL_WORKER_JOB_IMMUTABLE, 0, &size))
    {
        return false;
    }

    if (ctx->variants_len == 0) {
        snprintf(ctx->avatar, sizeof(ctx->avatar), "%s", key);
    }

    /* names, keys and types have nothing that JSON would escape */

    return social_worker_job_append(ctx,
               "%s\"%s%s%s\":{\"key\":\"%s\",\"width\":%u,\"height\":%u,"
               "\"type\":\"%s\",\"bytes\":%zu}",
               ctx->variants_len == 0 ? "{" : ",", name, first ? "" : ".",
               first ? "" : extension, key, output->width, output->height,
               social_image_media_type(output->format), size);
}


void
social_worker_job_variant_key(char *key, size_t size, const char *upload,
    const char *variant, int64_t generation, social_image_type_e format)
{
    char  number[24];

    number[0] = '\0';

    if (generation != 1) {
        snprintf(number, sizeof(number), "-%" PRId64, generation);
    }

    snprintf(key, size, "images/%.64s/%s%s.%s", upload, variant, number,
             social_image_extension(format));
}


static bool
social_worker_job_put_object(social_worker_job_ctx_t *ctx,
    const social_worker_output_t *output, const char *key,
    const char *cache_control, long long most, size_t *size)
{
    char                     error[SOCIAL_NET_ERROR_SIZE];
    social_rc_e              rc;
    unsigned char           *data;
    social_net_s3_t          s3;
    social_net_s3_object_t   object;

    data = social_worker_decoder_output(output, ctx->out, size);

    if (data == NULL) {
        return social_worker_job_fail(ctx, SOCIAL_WORKER_DECODER_DIED,
                                SOCIAL_WORKER_REASON_OURS,
                                "what the decoder made is not what it says");
    }

    object.key = key;
    object.data = data;
    object.size = *size;
    object.content_type = social_image_media_type(output->format);
    object.cache_control = cache_control;

    s3 = ctx->kind->output->s3;

    if (most != 0 && s3.timeout > most) {
        s3.timeout = (long) most;
    }

    rc = social_net_s3_put(&s3, &object, error);
    free(data);

    if (rc != SOCIAL_OK) {
        return social_worker_job_fail(ctx, SOCIAL_WORKER_UNAVAILABLE,
                                      SOCIAL_WORKER_REASON_OURS, "put: %s",
                                      error);
    }

    return true;
}


/*
 * The name that does not change with the image.  It is written under the
 * user's lock, which the job has from before the look at what is the newest
 * until its result is recorded, and for no longer than the lease holds: else a
 * slow job could put an older picture over a newer one.
 */

bool
social_worker_job_put_alias(social_worker_job_ctx_t *ctx)
{
    char         key[SOCIAL_WORKER_JOB_KEY], text[256];
    bool         newest;
    size_t       size;
    long long    most;
    const char  *value;

    if (ctx->kind->alias == NULL) {
        return true;
    }

    value = social_worker_job_member(ctx, "sub", text, sizeof(text));

    if (value == NULL
        || !social_worker_job_alias_key(ctx->kind->alias, value, ctx->upload,
                                        key, sizeof(key)))
    {
        return social_worker_job_fail(ctx, SOCIAL_WORKER_PERMANENT,
                                      SOCIAL_WORKER_REASON_OURS,
                                      "the payload has no usable \"sub\"");
    }

    if (!social_worker_job_newest(ctx, &newest)) {
        return false;
    }

    if (!newest) {
        return true;
    }

    most = social_worker_work_ours(ctx->work, ctx->job);

    if (most == 0) {
        ctx->lost = true;
        return false;
    }

    /* of a kind with such a name the first is a JPEG */

    return social_worker_job_put_object(ctx, &ctx->reply->outputs[0], key,
                                        SOCIAL_WORKER_JOB_FRESH, most, &size);
}


static bool
social_worker_job_newest(social_worker_job_ctx_t *ctx, bool *newest)
{
    *newest = false;

    ctx->job->ask.upload = ctx->upload;
    ctx->job->ask.generation = ctx->generation;

    for ( ;; ) {

        switch (social_worker_work_ask(ctx->work, ctx->job)) {

        case SOCIAL_WORKER_NEWEST:
            *newest = true;
            return true;

        case SOCIAL_WORKER_OLDER:
            *newest = false;
            return true;

        case SOCIAL_WORKER_BUSY:
            if (social_worker_work_pause(ctx->work, ctx->job,
                                         SOCIAL_WORKER_JOB_BUSY))
            {
                continue;
            }

            ctx->lost = true;
            return false;

        case SOCIAL_WORKER_REFUSED:
            return social_worker_job_fail(ctx, SOCIAL_WORKER_UNAVAILABLE,
                        SOCIAL_WORKER_REASON_OURS,
                        "the database refused the avatar's lock");

        default:
            ctx->lost = true;
            return false;
        }
    }
}


bool
social_worker_job_put_result(social_worker_job_ctx_t *ctx)
{
    size_t  size;

    /* base64 and a key: there is nothing that JSON would escape */

    size = strlen(ctx->variants) + strlen(ctx->reply->placeholder)
           + strlen(ctx->avatar) + 64;

    ctx->job->result = malloc(size);

    if (ctx->job->result == NULL) {
        return social_worker_job_fail(ctx, SOCIAL_WORKER_UNAVAILABLE,
                                      SOCIAL_WORKER_REASON_OURS, "no memory");
    }

    snprintf(ctx->job->result, size,
             "{\"variants\":%s,\"placeholder\":\"%s\",\"avatar\":\"%s\"}",
             ctx->variants, ctx->reply->placeholder, ctx->avatar);

    return true;
}


bool
social_worker_job_alias_key(const char *pattern, const char *sub,
    const char *id, char *key, size_t size)
{
    char         encoded[3 * 256], *p;
    size_t       i;
    const char  *value;

    if (sub[0] == '\0' || strlen(sub) >= sizeof(encoded) / 3) {
        return false;
    }

    p = encoded;

    for (i = 0; sub[i] != '\0'; i++) {

        if ((sub[i] == '.' && i == 0)
            || strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                      "0123456789-_.", sub[i]) == NULL)
        {
            p += sprintf(p, "%%%02X", (unsigned char) sub[i]);

        } else {
            *p++ = sub[i];
        }
    }

    *p = '\0';
    p = key;

    while (*pattern != '\0') {

        value = NULL;

        if (strncmp(pattern, "{sub}", 5) == 0) {
            value = encoded;
            pattern += 5;

        } else if (strncmp(pattern, "{id}", 4) == 0) {
            value = id;
            pattern += 4;
        }

        if (value != NULL) {

            if (strlen(value) >= size - (size_t) (p - key)) {
                return false;
            }

            p = stpcpy(p, value);
            continue;
        }

        if ((size_t) (p - key) + 1 >= size) {
            return false;
        }

        *p++ = *pattern++;
    }

    *p = '\0';

    return true;
}


static bool
social_worker_job_append(social_worker_job_ctx_t *ctx, const char *format, ...)
{
    char     text[2 * SOCIAL_WORKER_JOB_KEY], *grown;
    size_t   len;
    va_list  args;

    va_start(args, format);
    len = (size_t) vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    if (ctx->variants_len + len + 1 > ctx->variants_size) {

        grown = realloc(ctx->variants, (ctx->variants_len + len + 1) * 2);

        if (grown == NULL || len >= sizeof(text)) {
            ctx->variants = grown ? grown : ctx->variants;
            return social_worker_job_fail(ctx, SOCIAL_WORKER_UNAVAILABLE,
                                          SOCIAL_WORKER_REASON_OURS,
                                          "no memory");
        }

        ctx->variants = grown;
        ctx->variants_size = (ctx->variants_len + len + 1) * 2;
    }

    memcpy(ctx->variants + ctx->variants_len, text, len + 1);
    ctx->variants_len += len;

    return true;
}
