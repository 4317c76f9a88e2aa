
/*
 * Checks of signatures that take long, in threads.
 *
 * DESIGN.  A check of P-384 takes a millisecond, sixty times as long as one of
 * RSA, and as long as fifty requests: so many of these as a client likes to
 * send must not hold the event loop up.  A thread has copies of all that it
 * needs, and its answer counts for the keys that it was made by, so that a set
 * that is replaced meanwhile has the token checked once more.
 *
 * How many wait for threads is limited in each process: what is beyond that is
 * answered with 503, and the threads are still there for keys and files.
 */

#include "ngx_http_social_counters.h"
#include "ngx_http_social_task.h"
#include "ngx_http_social_verify_task.h"
#include "social_jwk_check.h"


#define NGX_HTTP_SOCIAL_VERIFY_MAX        256
#define NGX_HTTP_SOCIAL_VERIFY_COMPLAINT  60


/* the ctx of a task; the request is its owner */

typedef struct {
    social_jwk_check_t              *check;      /* owned */
    ngx_http_social_verified_t       verified;
    ngx_http_social_verify_done_pt   done;
    void                            *data;       /* while there is an owner */
} ngx_http_social_verify_task_t;


static void ngx_http_social_verify_thread(void *data, ngx_log_t *log);
static void ngx_http_social_verify_done(ngx_http_social_task_t *task);
static void ngx_http_social_verify_free(ngx_http_social_task_t *task);


/* state of this process: checks that threads have, or will */

static ngx_uint_t  ngx_http_social_verify_tasks;
static time_t      ngx_http_social_verify_complained;


ngx_uint_t
ngx_http_social_verify_is_slow(const social_jwk_t *jwk,
    const social_jwt_t *jwt)
{
    return social_jwk_is_slow(jwk, jwt->algorithm)
           && jwt->signature.len == jwk->size;
}


ngx_int_t
ngx_http_social_verify_post(ngx_http_request_t *r,
    ngx_http_social_issuer_t *issuer, const social_jwk_t *jwk,
    const social_jwt_t *jwt, ngx_http_social_verify_done_pt done, void *data)
{
    ngx_http_social_task_t         *task;
    ngx_http_social_verify_task_t  *ctx;

    if (ngx_http_social_verify_tasks >= NGX_HTTP_SOCIAL_VERIFY_MAX) {

        if (ngx_time() - ngx_http_social_verify_complained
            >= NGX_HTTP_SOCIAL_VERIFY_COMPLAINT)
        {
            ngx_http_social_verify_complained = ngx_time();

            ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                          "social: %d signatures are being checked in "
                          "threads, further requests get 503",
                          NGX_HTTP_SOCIAL_VERIFY_MAX);
        }

        return NGX_BUSY;
    }

    task = ngx_http_social_task_create(sizeof(ngx_http_social_verify_task_t),
                                       ngx_http_social_verify_thread,
                                       ngx_http_social_verify_done);
    if (task == NULL) {
        return NGX_ERROR;
    }

    ctx = task->ctx;

    ctx->done = done;
    ctx->data = data;
    ctx->verified.generation = ngx_http_social_keys_generation(issuer);
    ctx->check = social_jwk_check_create(jwk, jwt->algorithm, jwt->input,
                                         jwt->signature);

    if (ctx->check == NULL
        || ngx_http_social_task_own_request(task, r) != NGX_OK)
    {
        ngx_http_social_verify_free(task);
        return NGX_ERROR;
    }

    if (ngx_http_social_task_post(task, issuer->keys->thread_pool) != NGX_OK) {
        ngx_http_social_verify_free(task);
        return NGX_BUSY;
    }

    ngx_http_social_verify_tasks++;
    ngx_http_social_count(NGX_HTTP_SOCIAL_COUNT_SIGNATURES);

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "social: request waits for a signature");

    return NGX_OK;
}


static void
ngx_http_social_verify_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_verify_task_t *ctx = data;

    ctx->verified.rc = social_jwk_check_run(ctx->check);
}


static void
ngx_http_social_verify_done(ngx_http_social_task_t *task)
{
    void                            *data;
    ngx_http_social_verified_t       verified;
    ngx_http_social_verify_task_t   *ctx;
    ngx_http_social_verify_done_pt   done;

    ngx_http_social_verify_tasks--;

    ctx = task->ctx;

    verified = ctx->verified;
    done = task->owner ? ctx->done : NULL;
    data = ctx->data;

    ngx_http_social_verify_free(task);

    if (done != NULL) {
        done(data, &verified);
    }
}


static void
ngx_http_social_verify_free(ngx_http_social_task_t *task)
{
    ngx_http_social_verify_task_t  *ctx;

    ctx = task->ctx;

    social_jwk_check_free(ctx->check);
    ngx_http_social_task_free(task);
}
