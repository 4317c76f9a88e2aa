
/*
 * A job at work: what its payload says, its statements, and how it failed.
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "social_utf8.h"
#include "social_worker_job_ctx.h"
#include "social_worker_log.h"


static void social_worker_job_utf8(char *text);


/* as social_job_fail() knows them, by social_worker_failure_e */

static const char *const  social_worker_job_failures[] = {
    "permanent", "unavailable", "missing", "timeout", "died"
};


const char *
social_worker_job_member(social_worker_job_ctx_t *ctx, const char *name,
    char *buf, size_t size)
{
    int64_t               number;
    social_str_t          value;
    const social_json_t  *member;

    member = social_json_member(ctx->job->payload, social_str(name));

    if (member == NULL) {
        return NULL;
    }

    if (social_json_string(member, &value) == SOCIAL_OK) {

        if (value.len >= size || memchr(value.data, '\0', value.len) != NULL) {
            return NULL;
        }

        memcpy(buf, value.data, value.len);
        buf[value.len] = '\0';

        return buf;
    }

    if (social_json_time(member, &number) == SOCIAL_OK) {
        snprintf(buf, size, "%" PRId64, number);
        return buf;
    }

    return NULL;
}


PGresult *
social_worker_job_commit(social_worker_job_ctx_t *ctx, const char *sql, int n,
    const char *const *params)
{
    unsigned          tries;
    PGresult         *result;
    struct timespec   pause = { 0, 250 * 1000 * 1000 };

    for (tries = 0; ; tries++) {

        if (social_worker_pq_connect(ctx->pq, ctx->job->conf->conninfo)) {

            result = social_worker_pq_run(ctx->pq, sql, n, params);

            if (result != NULL) {
                return result;
            }

            /* the server refused it, and will again */

            if (ctx->pq->conn != NULL && tries >= 5) {
                return NULL;
            }
        }

        if (atomic_load(&ctx->job->lost)
            || (atomic_load(ctx->stop) && tries >= 20))
        {
            return NULL;
        }

        nanosleep(&pause, NULL);
    }
}


bool
social_worker_job_fail(social_worker_job_ctx_t *ctx,
    social_worker_failure_e failure, const char *reason, const char *format,
    ...)
{
    va_list  args;

    ctx->failure = failure;
    snprintf(ctx->reason, sizeof(ctx->reason), "%s", reason);

    va_start(args, format);
    vsnprintf(ctx->error, sizeof(ctx->error), format, args);
    va_end(args);

    return false;
}


void
social_worker_job_failed(social_worker_job_ctx_t *ctx)
{
    PGresult    *result;
    const char  *params[6], *state;

    /* texts of libraries, and names that were cut */

    social_worker_job_utf8(ctx->error);

    params[0] = ctx->job->id;
    params[1] = ctx->job->attempt;
    params[2] = ctx->job->worker;
    params[3] = social_worker_job_failures[ctx->failure];
    params[4] = ctx->error;
    params[5] = ctx->reason;

    result = social_worker_job_commit(ctx,
                 "SELECT social_job_fail($1, $2, $3, $4, $5, $6)", 6, params);

    state = result ? social_worker_pq_value(result) : "not recorded";

    social_worker_log(ctx->failure == SOCIAL_WORKER_PERMANENT
                      ? SOCIAL_WORKER_INFO : SOCIAL_WORKER_WARN, "job failed",
                      social_worker_text("job", ctx->job->id),
                      social_worker_text("kind", ctx->job->kind),
                      social_worker_text("attempt", ctx->job->attempt),
                      social_worker_text("upload", ctx->upload),
                      social_worker_text("class",
                          social_worker_job_failures[ctx->failure]),
                      social_worker_text("state", state ? state : "lost"),
                      social_worker_text("error", ctx->error));

    PQclear(result);
}


/* makes question marks of what is not UTF-8: PostgreSQL would refuse it */

static void
social_worker_job_utf8(char *text)
{
    size_t        n;
    uint32_t      code;
    social_str_t  rest;

    for (rest = social_str(text); rest.len > 0; /* void */ ) {

        n = social_utf8_next(rest, &code);

        if (n == 0) {
            text[strlen(text) - rest.len] = '?';
            n = 1;
        }

        rest.data += n;
        rest.len -= n;
    }
}
