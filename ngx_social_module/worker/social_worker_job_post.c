
/*
 * Jobs whose handler is an HTTP endpoint.
 */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "social_worker_job_post.h"


/* bytes of an answer that are read, of which the beginning may be logged */
#define SOCIAL_WORKER_POST_ANSWER  (64 * 1024)

/* seconds: the most that an endpoint can ask for, by Retry-After */
#define SOCIAL_WORKER_POST_AFTER   (24 * 3600)


static bool social_worker_job_post_sign(social_worker_job_ctx_t *ctx,
    const char *id, const char *timestamp, char *header, size_t size);
static bool social_worker_job_post_answer(social_worker_job_ctx_t *ctx,
    const social_net_reply_t *reply);


bool
social_worker_job_post(social_worker_job_ctx_t *ctx)
{
    char                   id[48], timestamp[24];
    char                   lines[5][192];
    social_net_reply_t     reply;
    social_net_request_t   request;

    const char *const  headers[] = {
        "Content-Type: application/json", lines[0], lines[1], lines[2],
        lines[3], ctx->job->parent[0] ? lines[4] : NULL, NULL
    };

    /* the same for each attempt, so that one that came twice is known */

    snprintf(id, sizeof(id), "job_%s", ctx->job->id);
    snprintf(timestamp, sizeof(timestamp), "%lld", (long long) time(NULL));

    snprintf(lines[0], sizeof(lines[0]), "webhook-id: %s", id);
    snprintf(lines[1], sizeof(lines[1]), "webhook-timestamp: %s", timestamp);
    snprintf(lines[3], sizeof(lines[3]), "webhook-attempt: %s",
             ctx->job->attempt);

    snprintf(lines[4], sizeof(lines[4]), "traceparent: %s",
             ctx->job->parent);

    if (!social_worker_job_post_sign(ctx, id, timestamp, lines[2],
                                     sizeof(lines[2])))
    {
        return social_worker_job_fail(ctx, SOCIAL_WORKER_UNAVAILABLE, "",
                                      "no memory for the signature");
    }

    /* what a worker that has lost it sent, another would send again */

    if (social_worker_work_ours(ctx->work, ctx->job) == 0) {
        ctx->lost = true;
        return false;
    }

    memset(&request, 0, sizeof(social_net_request_t));

    request.method = "POST";
    request.url = ctx->kind->url;
    request.headers = headers;
    request.body = (const unsigned char *) ctx->job->text;
    request.size = strlen(ctx->job->text);
    request.ca_file = ctx->kind->ca;
    request.timeout = (long) ctx->kind->time_limit;
    request.max_answer = SOCIAL_WORKER_POST_ANSWER;

    if (social_net_request(&request, &reply) != SOCIAL_OK) {
        return social_worker_job_fail(ctx, SOCIAL_WORKER_UNAVAILABLE, "",
                                      "post: %s", reply.error);
    }

    ctx->job->summary.status = reply.status;

    return social_worker_job_post_answer(ctx, &reply);
}


/* one signature for each secret: an endpoint may know either */

static bool
social_worker_job_post_sign(social_worker_job_ctx_t *ctx, const char *id,
    const char *timestamp, char *header, size_t size)
{
    size_t          i, len;
    social_str_t    secret;
    unsigned char   signature[SOCIAL_WEBHOOK_SIGNATURE_SIZE];

    len = (size_t) snprintf(header, size, "webhook-signature:");

    for (i = 0; i < ctx->kind->secret_count; i++) {

        secret.data = ctx->kind->secrets[i].data;
        secret.len = ctx->kind->secrets[i].len;

        if (social_webhook_sign(social_str(id), social_str(timestamp),
                                social_str(ctx->job->text), secret, signature)
            != SOCIAL_OK)
        {
            return false;
        }

        len += (size_t) snprintf(header + len, size - len, " %.*s",
                                 SOCIAL_WEBHOOK_SIGNATURE_SIZE,
                                 (const char *) signature);
    }

    return true;
}


static bool
social_worker_job_post_answer(social_worker_job_ctx_t *ctx,
    const social_net_reply_t *reply)
{
    int64_t  after;
    size_t   len;

    if (reply->status >= 200 && reply->status <= 299) {
        return true;
    }

    /* the first line of what it said */

    len = strcspn(reply->text, "\r\n");
    len = len < 200 ? len : 200;

    if (reply->status >= 400 && reply->status <= 499 && reply->status != 408
        && reply->status != 425 && reply->status != 429)
    {
        return social_worker_job_fail(ctx, SOCIAL_WORKER_PERMANENT, "",
                                      "the endpoint refused it: %ld %.*s",
                                      reply->status, (int) len, reply->text);
    }

    after = reply->retry_after < SOCIAL_WORKER_POST_AFTER
            ? reply->retry_after : SOCIAL_WORKER_POST_AFTER;

    ctx->job->after = after * 1000;

    return social_worker_job_fail(ctx, SOCIAL_WORKER_UNAVAILABLE, "",
                                  "the endpoint failed: %ld %.*s",
                                  reply->status, (int) len, reply->text);
}
