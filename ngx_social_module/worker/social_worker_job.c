
/*
 * One job, from its claim to what became of it: get the object, decode it, put
 * the variants.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "social_worker_clock.h"
#include "social_worker_erase.h"
#include "social_worker_job_post.h"
#include "social_worker_job_put.h"
#include "social_worker_log.h"


/*
 * The first try has a part of the kind's time limit, so that a file that takes
 * all of it keeps a thread from others' files only when nothing else waits.
 */
#define SOCIAL_WORKER_FIRST_TRY       8
#define SOCIAL_WORKER_FIRST_TRY_LEAST 1000     /* milliseconds */


static char *social_worker_job_value(const social_pq_result_t *rows,
    size_t row, size_t column, char *buf, size_t size);
static void social_worker_job_trace(social_worker_job_t *job);
static bool social_worker_job_picture(social_worker_job_ctx_t *ctx);
static bool social_worker_job_prepare(social_worker_job_ctx_t *ctx);
static bool social_worker_job_get(social_worker_job_ctx_t *ctx);
static bool social_worker_job_decode(social_worker_job_ctx_t *ctx);
static bool social_worker_job_is_uuid(const char *text);


social_worker_job_t *
social_worker_job_create(const social_pq_result_t *rows, size_t row,
    social_worker_conf_t *conf)
{
    char                  flag[8];
    social_rc_e           rc;
    social_worker_job_t  *job;

    job = calloc(1, sizeof(social_worker_job_t));

    if (job == NULL) {
        return NULL;
    }

    job->conf = social_worker_conf_hold(conf);

    social_worker_job_value(rows, row, 0, job->id, sizeof(job->id));
    social_worker_job_value(rows, row, 1, job->fence, sizeof(job->fence));
    social_worker_job_value(rows, row, 2, job->attempt, sizeof(job->attempt));

    job->kind = social_worker_job_value(rows, row, 3, NULL, 0);
    job->text = social_worker_job_value(rows, row, 4, NULL, 0);

    social_worker_job_value(rows, row, 5, flag, sizeof(flag));
    job->suspect = flag[0] == 't';

    social_worker_job_value(rows, row, 6, flag, sizeof(flag));
    job->timed_out = flag[0] == 't';

    if (job->kind == NULL || job->text == NULL) {
        social_worker_job_free(job);
        return NULL;
    }

    rc = social_json_parse(social_str(job->text), &job->payload);

    if (rc == SOCIAL_MALFORMED) {
        job->payload = NULL;
        rc = SOCIAL_OK;
    }

    if (rc != SOCIAL_OK) {
        social_worker_job_free(job);
        return NULL;
    }

    social_worker_job_trace(job);

    return job;
}


/* the trace that it belongs to, for the log */

static void
social_worker_job_trace(social_worker_job_t *job)
{
    social_str_t          value;
    social_trace_t        trace;
    const social_json_t  *member;

    if (job->payload == NULL) {
        return;
    }

    member = social_json_member(job->payload, social_str("traceparent"));

    if (member != NULL
        && social_json_string(member, &value) == SOCIAL_OK
        && social_trace_parse(value, &trace) == SOCIAL_OK)
    {
        memcpy(job->trace, trace.id, sizeof(trace.id));
        social_trace_write(&trace, (unsigned char *) job->parent);
    }
}


/* a value as text, in "buf" or, where that is NULL, in memory of its own */

static char *
social_worker_job_value(const social_pq_result_t *rows, size_t row,
    size_t column, char *buf, size_t size)
{
    size_t        len;
    social_str_t  value;

    social_pq_result_value(rows, row, column, &value);
    len = value.len;

    if (buf == NULL) {
        buf = malloc(len + 1);

        if (buf == NULL) {
            return NULL;
        }

    } else if (len >= size) {
        len = size - 1;
    }

    memcpy(buf, value.data, len);
    buf[len] = '\0';

    return buf;
}


void
social_worker_job_free(social_worker_job_t *job)
{
    social_json_free(job->payload);
    social_worker_conf_release(job->conf);
    free(job->result);
    free(job->kind);
    free(job->text);
    free(job);
}


void
social_worker_job_run(social_worker_job_t *job, social_worker_work_t *work,
    social_worker_decoder_t *decoder)
{
    bool                     done;
    long long                began;
    social_worker_job_ctx_t  ctx;

    memset(&ctx, 0, sizeof(social_worker_job_ctx_t));

    ctx.job = job;
    ctx.work = work;
    ctx.decoder = decoder;
    ctx.in = -1;
    ctx.out = -1;

    began = social_worker_now();
    job->outcome = SOCIAL_WORKER_LOST;

    if (atomic_load(&job->lost)) {
        return;
    }

    social_worker_log(SOCIAL_WORKER_DEBUG, "job started",
                      social_worker_text("job", job->id),
                      social_worker_text("attempt", job->attempt),
                      social_worker_text("kind", job->kind),
                      social_worker_job_field(job));

    ctx.kind = social_worker_conf_kind(job->conf, job->kind);

    if (strcmp(job->kind, SOCIAL_WORKER_ERASE) == 0) {
        done = social_worker_erase(&ctx);

    } else if (ctx.kind != NULL && ctx.kind->url != NULL) {
        done = social_worker_job_post(&ctx);

    } else {
        done = social_worker_job_picture(&ctx);
    }

    job->summary.ms = social_worker_now() - began;

    if (done) {
        job->outcome = SOCIAL_WORKER_DONE;

    } else if (!atomic_load(&job->lost) && !ctx.lost) {
        job->outcome = SOCIAL_WORKER_FAILED;
    }

    if (ctx.in != -1) {
        close(ctx.in);
    }

    if (ctx.out != -1) {
        close(ctx.out);
    }

    free(ctx.reply);
    free(ctx.variants);
}


static bool
social_worker_job_picture(social_worker_job_ctx_t *ctx)
{
    social_worker_summary_t  *summary;

    if (!social_worker_job_prepare(ctx)
        || !social_worker_job_get(ctx)
        || !social_worker_job_decode(ctx)
        || !social_worker_job_put(ctx)
        || !social_worker_job_put_alias(ctx)
        || !social_worker_job_put_result(ctx))
    {
        return false;
    }

    summary = &ctx->job->summary;

    summary->type = social_image_type_name(ctx->reply->type);
    summary->bytes = ctx->size;
    summary->width = ctx->reply->width;
    summary->height = ctx->reply->height;
    summary->outputs = ctx->reply->output_count;

    return true;
}


static bool
social_worker_job_prepare(social_worker_job_ctx_t *ctx)
{
    char  bucket[256];

    if (ctx->job->payload == NULL) {
        return social_worker_job_fail(ctx, SOCIAL_WORKER_PERMANENT,
                                      SOCIAL_WORKER_REASON_OURS,
                                      "the payload cannot be read");
    }

    if (ctx->kind == NULL) {
        return social_worker_job_fail(ctx, SOCIAL_WORKER_PERMANENT,
                                      SOCIAL_WORKER_REASON_OURS,
                    "no section \"kind %.64s\" in the configuration",
                    ctx->job->kind);
    }

    ctx->upload = social_worker_job_member(ctx, "upload",
                                           ctx->job->summary.upload,
                                           sizeof(ctx->job->summary.upload));

    /* it becomes part of a key, and an argument that must be a uuid */

    if (ctx->upload == NULL || !social_worker_job_is_uuid(ctx->upload)) {
        return social_worker_job_fail(ctx, SOCIAL_WORKER_PERMANENT,
                                      SOCIAL_WORKER_REASON_OURS,
                                      "the payload has no usable \"upload\"");
    }

    ctx->generation = social_worker_job_member(ctx, "generation",
                                               ctx->generation_text,
                                               sizeof(ctx->generation_text));

    if (ctx->generation == NULL || ctx->generation[0] == '\0'
        || strlen(ctx->generation) > 9
        || ctx->generation[strspn(ctx->generation, "0123456789")] != '\0'
        || social_worker_job_member(ctx, "bucket", bucket, sizeof(bucket))
           == NULL)
    {
        return social_worker_job_fail(ctx, SOCIAL_WORKER_PERMANENT,
                                      SOCIAL_WORKER_REASON_OURS,
                    "the payload has no usable \"generation\" or "
                    "\"bucket\"");
    }

    ctx->bucket = social_worker_conf_bucket(ctx->job->conf, bucket);

    if (ctx->bucket == NULL) {
        return social_worker_job_fail(ctx, SOCIAL_WORKER_PERMANENT,
                                      SOCIAL_WORKER_REASON_OURS,
                    "no section \"bucket\" for the bucket \"%.64s\"", bucket);
    }

    ctx->reply = malloc(sizeof(social_worker_reply_t));
    ctx->in = social_worker_memory_file("social-in");
    ctx->out = social_worker_memory_file("social-out");

    if (ctx->reply == NULL || ctx->in == -1 || ctx->out == -1) {
        return social_worker_job_fail(ctx, SOCIAL_WORKER_UNAVAILABLE,
                                      SOCIAL_WORKER_REASON_OURS,
                                      "no memory, or no descriptors");
    }

    return true;
}


static bool
social_worker_job_get(social_worker_job_ctx_t *ctx)
{
    char                   error[SOCIAL_NET_ERROR_SIZE];
    char                   key[SOCIAL_WORKER_JOB_KEY];
    char                   reason[128], number[24];
    uint64_t               announced;
    const char            *p;
    social_net_s3_body_t   body;

    snprintf(reason, sizeof(reason),
             "This file is too large: up to %" PRIu64 " MB are allowed.",
             ctx->kind->max_size >> 20);

    /* before it is fetched, where the event said so */

    p = social_worker_job_member(ctx, "size", number, sizeof(number));
    announced = p ? strtoull(p, NULL, 10) : 0;

    if (announced > ctx->kind->max_size) {
        return social_worker_job_fail(ctx, SOCIAL_WORKER_PERMANENT, reason,
                                      "%" PRIu64 " bytes", announced);
    }

    p = social_worker_job_member(ctx, "key", key, sizeof(key));

    if (p == NULL) {
        return social_worker_job_fail(ctx, SOCIAL_WORKER_PERMANENT,
                                      SOCIAL_WORKER_REASON_OURS,
                                      "the payload has no \"key\"");
    }

    memset(&body, 0, sizeof(social_net_s3_body_t));
    body.fd = ctx->in;
    body.max_size = ctx->kind->max_size;

    switch (social_net_s3_get(&ctx->bucket->s3, p, &body, error)) {

    case SOCIAL_OK:
        ctx->size = body.size;
        break;

    case SOCIAL_MALFORMED:
        return social_worker_job_fail(ctx, SOCIAL_WORKER_PERMANENT, reason,
                                      "%s", error);

    case SOCIAL_DECLINED:
        return social_worker_job_fail(ctx, SOCIAL_WORKER_MISSING,
                    "The file did not arrive. Please upload it again.",
                    "the object is not there: %s", error);

    default:
        return social_worker_job_fail(ctx, SOCIAL_WORKER_UNAVAILABLE,
                                      SOCIAL_WORKER_REASON_OURS,
                                      "get: %s", error);
    }

    if (social_worker_memory_seal(ctx->in) != SOCIAL_OK) {
        return social_worker_job_fail(ctx, SOCIAL_WORKER_UNAVAILABLE,
                                      SOCIAL_WORKER_REASON_OURS,
                                      "seal: %s", strerror(errno));
    }

    return true;
}


static bool
social_worker_job_decode(social_worker_job_ctx_t *ctx)
{
    char                    reason[192];
    social_worker_kind_t    kind;
    social_worker_reply_t  *reply;

    reply = ctx->reply;
    kind = *ctx->kind;

    if (!ctx->job->timed_out) {
        kind.time_limit = kind.time_limit / SOCIAL_WORKER_FIRST_TRY;

        if (kind.time_limit < SOCIAL_WORKER_FIRST_TRY_LEAST) {
            kind.time_limit = SOCIAL_WORKER_FIRST_TRY_LEAST;
        }

        if (kind.time_limit > ctx->kind->time_limit) {
            kind.time_limit = ctx->kind->time_limit;
        }
    }

    if (atomic_load(&ctx->job->lost)) {
        return false;
    }

    /* what the decoder may take of a processor is not for one try only */

    if (social_worker_decoder_start(ctx->decoder, ctx->job->conf,
                                    ctx->kind->time_limit, reply->error)
        != SOCIAL_OK)
    {
        return social_worker_job_fail(ctx, SOCIAL_WORKER_UNAVAILABLE,
                                      SOCIAL_WORKER_REASON_OURS,
                                      "decoder: %s", reply->error);
    }

    social_worker_decoder_run(ctx->decoder, ctx->job->conf, &kind, ctx->in,
                              ctx->size, ctx->out, &ctx->job->lost, reply);

    switch (reply->status) {

    case SOCIAL_WORKER_DECODED:
        return true;

    case SOCIAL_WORKER_NOT_AN_IMAGE:
        return social_worker_job_fail(ctx, SOCIAL_WORKER_PERMANENT,
                    "This file is not an image we can read: use JPEG, PNG, "
                    "GIF, WebP or AVIF.", "%s", reply->error);

    case SOCIAL_WORKER_DAMAGED:
        return social_worker_job_fail(ctx, SOCIAL_WORKER_PERMANENT,
                    "This image is damaged or incomplete: try to save it "
                    "again, or use another one.", "%s", reply->error);

    case SOCIAL_WORKER_TOO_MANY_PIXELS:
        snprintf(reason, sizeof(reason), "This image is too large: %u by %u "
                 "pixels, and up to %" PRIu64 " million are allowed.",
                 reply->width, reply->height,
                 ctx->kind->max_pixels / 1000000);

        return social_worker_job_fail(ctx, SOCIAL_WORKER_PERMANENT, reason,
                                      "%u x %u pixels",
                                      reply->width, reply->height);

    case SOCIAL_WORKER_NOT_BUILT:
        return social_worker_job_fail(ctx, SOCIAL_WORKER_PERMANENT,
                    "We cannot read this kind of image yet: use JPEG, PNG, "
                    "GIF or WebP.", "%s", reply->error);

    case SOCIAL_WORKER_TOO_COMPLEX:
        return social_worker_job_fail(ctx, SOCIAL_WORKER_PERMANENT,
                    "This image has more parts than we process: try to save "
                    "it again, or use another one.", "%s", reply->error);

    case SOCIAL_WORKER_UNSUPPORTED:
        snprintf(reason, sizeof(reason), "This kind of %s is not supported "
                 "yet: use JPEG.",
                 reply->type == SOCIAL_IMAGE_HEIC ? "HEIC" : "AVIF");

        return social_worker_job_fail(ctx, SOCIAL_WORKER_PERMANENT, reason,
                                      "%s", reply->error);

    case SOCIAL_WORKER_NO_MEMORY:

        if (reply->memory != 0) {
            snprintf(reason, sizeof(reason), "This image needs %" PRIu64 " MB "
                     "of memory to be processed, and up to %" PRIu64 " are "
                     "allowed: use a smaller one, or one that is not "
                     "progressive or interlaced.",
                     (reply->memory >> 20) + 1,
                     ctx->job->conf->memory >> 20);

            return social_worker_job_fail(ctx, SOCIAL_WORKER_PERMANENT,
                                          reason, "%s", reply->error);
        }

        return social_worker_job_fail(ctx, SOCIAL_WORKER_PERMANENT,
                    "This image needs too much memory to be processed: use a "
                    "smaller one.", "%s", reply->error);

    case SOCIAL_WORKER_TIMED_OUT:
        return social_worker_job_fail(ctx, SOCIAL_WORKER_TIMEOUT,
                    "This image took too long to process: use a smaller or "
                    "simpler one.", "%s", reply->error);

    case SOCIAL_WORKER_GIVEN_UP:
        return false;

    case SOCIAL_WORKER_NOT_STARTED:
        return social_worker_job_fail(ctx, SOCIAL_WORKER_UNAVAILABLE,
                                      SOCIAL_WORKER_REASON_OURS,
                                      "decoder: %s", reply->error);

    default:
        return social_worker_job_fail(ctx, SOCIAL_WORKER_DECODER_DIED,
                    "This image could not be processed: use another one.",
                    "%s", reply->error);
    }
}


/* in the form that PostgreSQL writes */

static bool
social_worker_job_is_uuid(const char *text)
{
    size_t  i;

    for (i = 0; i < 36; i++) {

        if (i == 8 || i == 13 || i == 18 || i == 23) {

            if (text[i] != '-') {
                return false;
            }

        } else if (text[i] == '\0'
                   || strchr("0123456789abcdef", text[i]) == NULL)
        {
            return false;
        }
    }

    return text[i] == '\0';
}
