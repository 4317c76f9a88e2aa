
/*
 * "spool=" of hooks: its bounds, and what is written to it.
 */

#include "ngx_http_social_hook.h"
#include "ngx_http_social_hook_spool.h"
#include "ngx_http_social_zone.h"
#include "social_net_events.h"


typedef struct {
    ngx_http_social_task_t           *task;
    ngx_http_social_hook_spool_t     *spool;
    ngx_http_social_hook_spooled_pt   handler;
    void                             *data;

    social_str_t                      user_pool;
    social_str_t                      sub;
    social_event_file_t               file;
    social_event_name_t               name;
    u_char                           *text;
    social_rc_e                       rc;
    ngx_err_t                         err;
} ngx_http_social_hook_put_t;


static ngx_int_t ngx_http_social_hook_spool_init_zone(ngx_slab_pool_t *shpool,
    void **part, void *data, ngx_log_t *log);
static ngx_http_social_hook_spool_sh_t *ngx_http_social_hook_spool_find(
    ngx_slab_pool_t *shpool, void **part, ngx_str_t *path);
static ngx_http_social_hook_put_t *ngx_http_social_hook_put_create(
    social_str_t user_pool, social_str_t sub, const social_event_file_t *file);
static ngx_int_t ngx_http_social_hook_put_copy(ngx_pool_t *pool,
    social_str_t *to, social_str_t from);
static ngx_uint_t ngx_http_social_hook_spool_reserve(
    ngx_http_social_hook_spool_t *spool, size_t size);
static void ngx_http_social_hook_spool_release(
    ngx_http_social_hook_spool_t *spool, size_t size);
static void ngx_http_social_hook_put_thread(void *data, ngx_log_t *log);
static void ngx_http_social_hook_put_done(ngx_http_social_task_t *task);


ngx_http_social_hook_spool_t *
ngx_http_social_hook_spool_add(ngx_conf_t *cf,
    ngx_http_social_position_t *position, ngx_str_t *path,
    ngx_uint_t max_events, size_t max_size)
{
    ngx_uint_t                         i;
    ngx_http_social_hook_spool_t      *spool, **spools;
    ngx_http_social_hook_main_conf_t  *hmcf;

    hmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_hook_module);
    spools = hmcf->spools.elts;

    for (i = 0; i < hmcf->spools.nelts; i++) {
        spool = spools[i];

        if (spool->path.len != path->len
            || ngx_memcmp(spool->path.data, path->data, path->len) != 0)
        {
            continue;
        }

        if (spool->max_events != max_events || spool->max_size != max_size) {
            (void) ngx_http_social_conf_error(cf, position,
                       "duplicate spool \"%V\" with another \"spool_events\" "
                       "or \"spool_size\" in \"social_hook\" directive", path);
            return NULL;
        }

        return spool;
    }

    spool = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_hook_spool_t));
    spools = ngx_array_push(&hmcf->spools);

    if (spool == NULL || spools == NULL) {
        return NULL;
    }

    spool->path = *path;
    spool->max_events = max_events;
    spool->max_size = max_size;
    spool->position = *position;

    *spools = spool;

    return spool;
}


ngx_int_t
ngx_http_social_hook_spool_init(ngx_conf_t *cf)
{
    ngx_uint_t                          i;
    ngx_thread_pool_t                  *thread_pool;
    ngx_http_social_hook_spool_t      **spool;
    ngx_http_social_hook_main_conf_t   *hmcf;

    hmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_hook_module);

    if (hmcf->spools.nelts == 0) {
        return NGX_OK;
    }

    thread_pool = ngx_http_social_need_thread_pool(cf);
    if (thread_pool == NULL) {
        return NGX_ERROR;
    }

    spool = hmcf->spools.elts;

    for (i = 0; i < hmcf->spools.nelts; i++) {
        spool[i]->thread_pool = thread_pool;
    }

    return ngx_http_social_zone_add_part(cf, NGX_HTTP_SOCIAL_ZONE_EVENTS,
                                         ngx_http_social_hook_spool_init_zone,
                                         &hmcf->spools);
}


static ngx_int_t
ngx_http_social_hook_spool_init_zone(ngx_slab_pool_t *shpool, void **part,
    void *data, ngx_log_t *log)
{
    ngx_array_t  *spools = data;

    ngx_uint_t                       i;
    ngx_http_social_hook_spool_t   **spool;

    spool = spools->elts;

    for (i = 0; i < spools->nelts; i++) {
        spool[i]->shpool = shpool;
        spool[i]->sh = ngx_http_social_hook_spool_find(shpool, part,
                                                       &spool[i]->path);

        if (spool[i]->sh == NULL) {
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "social: no room for the spools of hooks%s: increase "
                          "\"social_zone\"", shpool->log_ctx);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_http_social_hook_spool_sh_t *
ngx_http_social_hook_spool_find(ngx_slab_pool_t *shpool, void **part,
    ngx_str_t *path)
{
    ngx_http_social_hook_spool_sh_t  *sh;

    for (sh = *part; sh; sh = sh->next) {
        if (sh->len == path->len
            && ngx_memcmp(sh->path, path->data, path->len) == 0)
        {
            return sh;
        }
    }

    sh = ngx_slab_calloc(shpool, sizeof(ngx_http_social_hook_spool_sh_t)
                                 + path->len);
    if (sh == NULL) {
        return NULL;
    }

    sh->len = path->len;
    ngx_memcpy(sh->path, path->data, path->len);

    sh->next = *part;
    *part = sh;

    return sh;
}


ngx_array_t *
ngx_http_social_hook_spools(ngx_http_request_t *r)
{
    ngx_http_social_hook_main_conf_t  *hmcf;

    hmcf = ngx_http_get_module_main_conf(r, ngx_http_social_hook_module);

    return &hmcf->spools;
}


void
ngx_http_social_hook_spool_state(ngx_http_social_hook_spool_t *spool,
    ngx_http_social_hook_spool_state_t *state)
{
    ngx_http_social_hook_spool_sh_t  *sh;

    sh = spool->sh;

    ngx_shmtx_lock(&spool->shpool->mutex);

    state->events = sh->known + sh->added;
    state->bytes = sh->known_bytes + sh->added_bytes;
    state->aside = sh->aside;

    ngx_shmtx_unlock(&spool->shpool->mutex);

    state->full = state->events >= spool->max_events
                  || state->bytes + SOCIAL_EVENT_FILE_MAX_SIZE
                     > spool->max_size;
}


ngx_int_t
ngx_http_social_hook_spool_put(ngx_http_request_t *r,
    ngx_http_social_hook_spool_t *spool, social_str_t user_pool,
    social_str_t sub, const social_event_file_t *file,
    ngx_http_social_hook_spooled_pt handler, void *data)
{
    ngx_uint_t                   level;
    struct timespec              ts;
    ngx_http_social_hook_put_t  *put;

    put = ngx_http_social_hook_put_create(user_pool, sub, file);
    if (put == NULL) {
        return NGX_ERROR;
    }

    put->spool = spool;
    put->handler = handler;
    put->data = data;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    put->name.time = (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
    put->name.size = (uint32_t) social_event_file_size(&put->file);

    if (!ngx_http_social_hook_spool_reserve(spool, put->name.size)) {

        level = spool->full ? NGX_LOG_INFO : NGX_LOG_ERR;

        ngx_log_error(level, r->connection->log, 0,
                      "social: no room in the spool \"%V\"", &spool->path);

        spool->full = 1;

        ngx_http_social_task_free(put->task);
        return NGX_DECLINED;
    }

    spool->full = 0;

    if (ngx_http_social_task_own_request(put->task, r) != NGX_OK
        || ngx_http_social_task_post(put->task, spool->thread_pool) != NGX_OK)
    {
        ngx_http_social_hook_spool_release(spool, put->name.size);
        ngx_http_social_task_free(put->task);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_http_social_hook_put_t *
ngx_http_social_hook_put_create(social_str_t user_pool, social_str_t sub,
    const social_event_file_t *file)
{
    ngx_pool_t                  *pool;
    ngx_http_social_task_t      *task;
    ngx_http_social_hook_put_t  *put;

    task = ngx_http_social_task_create(sizeof(ngx_http_social_hook_put_t),
                                       ngx_http_social_hook_put_thread,
                                       ngx_http_social_hook_put_done);
    if (task == NULL) {
        return NULL;
    }

    pool = task->pool;
    put = task->ctx;

    put->task = task;
    put->file.at = file->at;

    if (ngx_http_social_hook_put_copy(pool, &put->user_pool, user_pool)
        != NGX_OK
        || ngx_http_social_hook_put_copy(pool, &put->sub, sub) != NGX_OK
        || ngx_http_social_hook_put_copy(pool, &put->file.id, file->id)
           != NGX_OK
        || ngx_http_social_hook_put_copy(pool, &put->file.body, file->body)
           != NGX_OK)
    {
        goto failed;
    }

    put->text = ngx_pnalloc(pool, social_event_file_size(&put->file));
    if (put->text == NULL) {
        goto failed;
    }

    return put;

failed:

    ngx_http_social_task_free(task);

    return NULL;
}


static ngx_int_t
ngx_http_social_hook_put_copy(ngx_pool_t *pool, social_str_t *to,
    social_str_t from)
{
    u_char  *p;

    p = ngx_pnalloc(pool, from.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (from.len) {
        ngx_memcpy(p, from.data, from.len);
    }

    to->data = p;
    to->len = from.len;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_social_hook_spool_reserve(ngx_http_social_hook_spool_t *spool,
    size_t size)
{
    ngx_uint_t                        room;
    ngx_http_social_hook_spool_sh_t  *sh;

    sh = spool->sh;

    ngx_shmtx_lock(&spool->shpool->mutex);

    room = sh->known + sh->added < spool->max_events
           && sh->known_bytes + sh->added_bytes + size <= spool->max_size;

    if (room) {
        sh->added++;
        sh->added_bytes += size;
    }

    ngx_shmtx_unlock(&spool->shpool->mutex);

    return room;
}


/*
 * A look that began in the meantime has counted it: it is right after the next.
 */

static void
ngx_http_social_hook_spool_release(ngx_http_social_hook_spool_t *spool,
    size_t size)
{
    ngx_http_social_hook_spool_sh_t  *sh;

    sh = spool->sh;

    ngx_shmtx_lock(&spool->shpool->mutex);

    if (sh->added && sh->added_bytes >= size) {
        sh->added--;
        sh->added_bytes -= size;
    }

    ngx_shmtx_unlock(&spool->shpool->mutex);
}


static void
ngx_http_social_hook_put_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_hook_put_t  *put = data;

    social_str_t  text;

    text.data = put->text;
    text.len = put->name.size;

    put->rc = social_event_name_user(put->user_pool, put->sub,
                                     &put->name.user);

    if (put->rc == SOCIAL_OK) {
        put->rc = social_event_file_write(&put->file, put->text);
    }

    if (put->rc == SOCIAL_OK) {
        put->rc = social_net_events_put((char *) put->spool->path.data,
                                        &put->name, text);
        put->err = ngx_errno;
    }
}


static void
ngx_http_social_hook_put_done(ngx_http_social_task_t *task)
{
    ngx_int_t                        rc;
    void                            *data;
    ngx_log_t                       *log;
    ngx_uint_t                       level;
    ngx_connection_t                *c;
    ngx_http_request_t              *r;
    ngx_http_social_hook_put_t      *put;
    ngx_http_social_hook_spooled_pt  handler;

    put = task->ctx;
    r = task->owner;

    c = r ? r->connection : NULL;

    if (r) {
        ngx_http_set_log_request(c->log, r);
    }

    log = r ? c->log : ngx_cycle->log;
    rc = NGX_OK;

    if (put->rc != SOCIAL_OK) {
        level = put->spool->unwritable ? NGX_LOG_INFO : NGX_LOG_CRIT;

        ngx_log_error(level, log, put->err,
                      "social: the spool \"%V\" could not be written to",
                      &put->spool->path);

        put->spool->unwritable = 1;

        ngx_http_social_hook_spool_release(put->spool, put->name.size);
        rc = NGX_ERROR;

    } else {
        put->spool->unwritable = 0;

        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "social: hook answered from the spool, without the "
                      "database");
    }

    handler = put->handler;
    data = put->data;

    ngx_http_social_task_free(task);

    if (r) {
        handler(r, rc, data);
        ngx_http_run_posted_requests(c);
    }
}
