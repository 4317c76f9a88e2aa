
/*
 * Keys in a file: read at configuration time, and again whenever the file has
 * changed, which every worker checks in a thread task.
 */

#include "ngx_http_social_keys.h"

#include <openssl/evp.h>


#define NGX_HTTP_SOCIAL_KEYS_WATCH  1000


typedef enum {
    NGX_HTTP_SOCIAL_KEYS_FILE_SAME = 0,
    NGX_HTTP_SOCIAL_KEYS_FILE_READ,         /* "jwks" are its keys */
    NGX_HTTP_SOCIAL_KEYS_FILE_UNREADABLE,   /* "err" says why */
    NGX_HTTP_SOCIAL_KEYS_FILE_SIZE,
    NGX_HTTP_SOCIAL_KEYS_FILE_CHANGING,     /* while it was read */
    NGX_HTTP_SOCIAL_KEYS_FILE_UNUSABLE      /* "why" */
} ngx_http_social_keys_file_e;


typedef struct {
    u_char                         *path;       /* zero-terminated */
    size_t                          max_size;
    social_algorithms_t             algorithms;
    size_t                          max_keys;
    ngx_http_social_keys_stamp_t    stamp;      /* of the keys, then of these */

    ngx_http_social_keys_file_e     state;
    ngx_err_t                       err;
    const char                     *why;        /* static */
    social_jwks_t                  *jwks;       /* owned */
    uint64_t                        generation;
} ngx_http_social_keys_file_t;


static void ngx_http_social_keys_watch_thread(void *data, ngx_log_t *log);
static void ngx_http_social_keys_watch_done(ngx_http_social_task_t *task);
static void ngx_http_social_keys_watch_log(ngx_http_social_keys_t *keys,
    ngx_http_social_keys_file_t *ctx);

static ngx_http_social_keys_file_e ngx_http_social_keys_file_look(
    ngx_http_social_keys_file_t *ctx, ngx_log_t *log);
static ngx_http_social_keys_file_e ngx_http_social_keys_file_read(
    ngx_http_social_keys_file_t *ctx, ngx_fd_t fd, size_t size,
    ngx_log_t *log);
static void ngx_http_social_keys_stamp(ngx_http_social_keys_stamp_t *stamp,
    ngx_file_info_t *fi);
static ngx_uint_t ngx_http_social_keys_stamp_is(
    ngx_http_social_keys_stamp_t *stamp, ngx_file_info_t *fi);


char *
ngx_http_social_keys_from_file(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer)
{
    ngx_http_social_keys_t       *keys;
    ngx_http_social_keys_file_t   file;

    keys = ngx_http_social_keys_create(cf, issuer);
    if (keys == NULL) {
        return NGX_CONF_ERROR;
    }

    issuer->keys = keys;

    ngx_memzero(&file, sizeof(ngx_http_social_keys_file_t));

    file.path = issuer->jwks_file.data;
    file.max_size = issuer->max_size;
    file.algorithms = issuer->algorithms;
    file.max_keys = issuer->max_keys;

    switch (ngx_http_social_keys_file_look(&file, cf->log)) {

    case NGX_HTTP_SOCIAL_KEYS_FILE_READ:
        break;

    case NGX_HTTP_SOCIAL_KEYS_FILE_UNREADABLE:
        ngx_conf_log_error(NGX_LOG_EMERG, cf, file.err,
                           ngx_open_file_n " \"%V\" failed",
                           &issuer->jwks_file);
        return NGX_CONF_ERROR;

    case NGX_HTTP_SOCIAL_KEYS_FILE_SIZE:
        return ngx_http_social_conf_error(cf, &issuer->position,
                   "\"jwks_file\" \"%V\" is not a file of 1 to %uz bytes "
                   "(\"jwks_max_size\")",
                   &issuer->jwks_file, issuer->max_size);

    case NGX_HTTP_SOCIAL_KEYS_FILE_UNUSABLE:
        return ngx_http_social_conf_error(cf, &issuer->position,
                   "\"jwks_file\" \"%V\" is not a usable key set: %s",
                   &issuer->jwks_file, file.why);

    default:
        return ngx_http_social_conf_error(cf, &issuer->position,
                   "\"jwks_file\" \"%V\" (move a new file in its place rather "
                   "than write to it) was changed while it was read",
                   &issuer->jwks_file);
    }

    keys->jwks = file.jwks;
    keys->generation = file.generation;
    keys->stamp = file.stamp;

    if (keys->jwks->skipped) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "ignored %uz keys in \"%V\": %s",
                           keys->jwks->skipped, &issuer->jwks_file,
                           keys->jwks->why);
    }

    return NGX_CONF_OK;
}


void
ngx_http_social_keys_watch_handler(ngx_event_t *ev)
{
    ngx_str_t                    *path;
    ngx_http_social_keys_t       *keys;
    ngx_http_social_task_t       *task;
    ngx_http_social_keys_file_t  *ctx;

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        return;
    }

    keys = ev->data;

    ngx_add_timer(ev, NGX_HTTP_SOCIAL_KEYS_WATCH);

    if (keys->task) {

        /* a disk that hangs blocks one thread, not more each second */

        return;
    }

    task = ngx_http_social_task_create(sizeof(ngx_http_social_keys_file_t),
                                       ngx_http_social_keys_watch_thread,
                                       ngx_http_social_keys_watch_done);
    if (task == NULL) {
        return;
    }

    ngx_http_social_task_own(task, keys, &keys->task);

    path = &keys->issuer->jwks_file;
    ctx = task->ctx;

    ctx->max_size = keys->issuer->max_size;
    ctx->algorithms = keys->issuer->algorithms;
    ctx->max_keys = keys->issuer->max_keys;
    ctx->stamp = keys->stamp;
    ctx->path = ngx_pnalloc(task->pool, path->len + 1);

    if (ctx->path == NULL) {
        ngx_http_social_task_free(task);
        return;
    }

    ngx_cpystrn(ctx->path, path->data, path->len + 1);

    if (ngx_http_social_task_post(task, keys->thread_pool) != NGX_OK) {
        ngx_http_social_task_free(task);
    }
}


static void
ngx_http_social_keys_watch_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_keys_file_t *ctx = data;

    ctx->state = ngx_http_social_keys_file_look(ctx, log);
}


static void
ngx_http_social_keys_watch_done(ngx_http_social_task_t *task)
{
    ngx_http_social_keys_t       *keys;
    ngx_http_social_keys_file_t  *ctx;

    ctx = task->ctx;
    keys = task->owner;

    if (keys != NULL) {

        ngx_http_social_keys_watch_log(keys, ctx);

        /* an invalid file is not read again before it changes */

        keys->stamp = ctx->stamp;

        if (ctx->jwks != NULL && ctx->generation != keys->generation) {
            social_jwks_free(keys->jwks);

            keys->jwks = ctx->jwks;
            keys->generation = ctx->generation;
            ctx->jwks = NULL;
        }
    }

    social_jwks_free(ctx->jwks);
    ngx_http_social_task_free(task);
}


/*
 * All workers see the same: one of them logs it.
 */

static void
ngx_http_social_keys_watch_log(ngx_http_social_keys_t *keys,
    ngx_http_social_keys_file_t *ctx)
{
    ngx_uint_t   mine, level;
    const char  *why;

    mine = (ngx_worker == 0);

    switch (ctx->state) {

    case NGX_HTTP_SOCIAL_KEYS_FILE_SAME:
    case NGX_HTTP_SOCIAL_KEYS_FILE_CHANGING:
        return;

    case NGX_HTTP_SOCIAL_KEYS_FILE_READ:
        keys->complaint = NULL;

        if (ctx->generation == keys->generation) {
            return;
        }

        level = mine ? NGX_LOG_NOTICE : NGX_LOG_INFO;

        ngx_log_error(level, ngx_cycle->log, 0,
                      "social: loaded new keys of issuer \"%V\"",
                      &keys->issuer->name);

        if (ctx->jwks->skipped) {
            level = mine ? NGX_LOG_WARN : NGX_LOG_INFO;

            ngx_log_error(level, ngx_cycle->log, 0,
                          "social: ignored %uz keys of issuer \"%V\": %s",
                          ctx->jwks->skipped, &keys->issuer->name,
                          ctx->jwks->why);
        }

        return;

    case NGX_HTTP_SOCIAL_KEYS_FILE_UNREADABLE:
        why = "it cannot be read";
        break;

    case NGX_HTTP_SOCIAL_KEYS_FILE_SIZE:
        why = "it is not a regular file, is empty, or is larger than "
              "\"jwks_max_size\"";
        break;

    default:
        why = ctx->why;
    }

    /* once for each error, not each second */

    if (why == keys->complaint) {
        return;
    }

    keys->complaint = why;

    level = mine ? NGX_LOG_ERR : NGX_LOG_INFO;

    ngx_log_error(level, ngx_cycle->log, ctx->err,
                  "social: could not load keys of issuer \"%V\" from "
                  "\"%V\": %s; the last valid keys are still used",
                  &keys->issuer->name, &keys->issuer->jwks_file, why);
}


/*
 * May wait for a disk: for threads, and while the configuration is read.
 */

static ngx_http_social_keys_file_e
ngx_http_social_keys_file_look(ngx_http_social_keys_file_t *ctx,
    ngx_log_t *log)
{
    ngx_fd_t                      fd;
    ngx_file_info_t               fi;
    ngx_http_social_keys_file_e   state;

    if (ngx_file_info(ctx->path, &fi) == NGX_FILE_ERROR) {
        ctx->err = ngx_errno;
        ctx->stamp.known = 0;
        return NGX_HTTP_SOCIAL_KEYS_FILE_UNREADABLE;
    }

    if (ngx_http_social_keys_stamp_is(&ctx->stamp, &fi)) {
        return NGX_HTTP_SOCIAL_KEYS_FILE_SAME;
    }

    ngx_http_social_keys_stamp(&ctx->stamp, &fi);

    /* not to open a pipe, for example, which would wait for a writer */

    if (!ngx_is_file(&fi) || ngx_file_size(&fi) < 1
        || ngx_file_size(&fi) > (off_t) ctx->max_size)
    {
        return NGX_HTTP_SOCIAL_KEYS_FILE_SIZE;
    }

    fd = ngx_open_file(ctx->path, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ctx->err = ngx_errno;
        ctx->stamp.known = 0;
        return NGX_HTTP_SOCIAL_KEYS_FILE_UNREADABLE;
    }

    state = ngx_http_social_keys_file_read(ctx, fd,
                                           (size_t) ngx_file_size(&fi), log);

    ngx_close_file(fd);

    /* clocks of file systems tick: it may change and look the same */

    if (ngx_time() - ngx_file_mtime(&fi) < 2) {
        ctx->stamp.known = 0;
    }

    return state;
}


static ngx_http_social_keys_file_e
ngx_http_social_keys_file_read(ngx_http_social_keys_file_t *ctx, ngx_fd_t fd,
    size_t size, ngx_log_t *log)
{
    u_char           *buf;
    u_char            hash[EVP_MAX_MD_SIZE];
    ssize_t           n;
    ngx_uint_t        i;
    social_rc_e       rc;
    social_str_t      text;
    ngx_file_info_t   fi;

    ctx->why = "out of memory";

    /* one byte more: a file that grows is seen to */

    buf = ngx_alloc(size + 1, log);
    if (buf == NULL) {
        ctx->stamp.known = 0;
        return NGX_HTTP_SOCIAL_KEYS_FILE_UNUSABLE;
    }

    n = ngx_read_fd(fd, buf, size + 1);

    if (n != (ssize_t) size || ngx_fd_info(fd, &fi) == NGX_FILE_ERROR
        || !ngx_http_social_keys_stamp_is(&ctx->stamp, &fi))
    {
        ngx_free(buf);
        ctx->stamp.known = 0;
        return NGX_HTTP_SOCIAL_KEYS_FILE_CHANGING;
    }

    text.data = buf;
    text.len = size;

    rc = social_jwks_parse(text, ctx->algorithms, ctx->max_keys, &ctx->jwks,
                           &ctx->why);

    if (rc == SOCIAL_OK
        && !EVP_Digest(buf, size, hash, NULL, EVP_sha256(), NULL))
    {
        social_jwks_free(ctx->jwks);
        ctx->jwks = NULL;
        rc = SOCIAL_FAILED;
    }

    ngx_free(buf);

    if (rc != SOCIAL_OK) {

        if (rc == SOCIAL_FAILED) {
            ctx->stamp.known = 0;
        }

        return NGX_HTTP_SOCIAL_KEYS_FILE_UNUSABLE;
    }

    /*
     * A file has no counter in the zone: its bytes are its number,
     * the same in all workers.  The highest bit keeps it apart from those
     * that are counted.
     */

    for (i = 0; i < sizeof(uint64_t); i++) {
        ctx->generation = ctx->generation << 8 | hash[i];
    }

    ctx->generation |= (uint64_t) 1 << 63;

    return NGX_HTTP_SOCIAL_KEYS_FILE_READ;
}


/*
 * Seconds alone would miss the second of two changes in one.
 */

static void
ngx_http_social_keys_stamp(ngx_http_social_keys_stamp_t *stamp,
    ngx_file_info_t *fi)
{
    stamp->known = 1;
    stamp->mtime = ngx_file_mtime(fi);
    stamp->nsec = fi->st_mtim.tv_nsec;
    stamp->size = ngx_file_size(fi);
    stamp->uniq = ngx_file_uniq(fi);
}


static ngx_uint_t
ngx_http_social_keys_stamp_is(ngx_http_social_keys_stamp_t *stamp,
    ngx_file_info_t *fi)
{
    return stamp->known
           && stamp->mtime == ngx_file_mtime(fi)
           && stamp->nsec == fi->st_mtim.tv_nsec
           && stamp->size == ngx_file_size(fi)
           && stamp->uniq == ngx_file_uniq(fi);
}
