
/*
 * A job at work: what its payload says, and how it failed.
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "social_utf8.h"
#include "social_worker_job_ctx.h"


static void social_worker_job_utf8(char *text);


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


bool
social_worker_job_fail(social_worker_job_ctx_t *ctx,
    social_worker_failure_e failure, const char *reason, const char *format,
    ...)
{
    va_list  args;

    ctx->job->failure = failure;
    snprintf(ctx->job->reason, sizeof(ctx->job->reason), "%s", reason);

    va_start(args, format);
    vsnprintf(ctx->job->error, sizeof(ctx->job->error), format, args);
    va_end(args);

    /* texts of libraries, and names that were cut */

    social_worker_job_utf8(ctx->job->error);

    return false;
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
