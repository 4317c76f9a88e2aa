
/*
 * "spool=" of hooks: events are sent to the database.
 *
 * DESIGN.  The process that has the lease looks into the directory every two
 * seconds, and as long as there is progress.  It sends the oldest event of some
 * users at a time: those of one user go in the order in which they came, and
 * one that the database cannot take now delays no other user.  A round is over
 * when every user had a turn; what is left waits for the next one.
 *
 * The database accepts an event only once, by its id, and an older one does not
 * overwrite what a newer one said.  So an event may be sent again after any
 * failure, and by two processes at a time.
 */

#include "ngx_http_social_counters.h"
#include "ngx_http_social_database.h"
#include "ngx_http_social_hook_params.h"
#include "ngx_http_social_hook_spool.h"
#include "social_net_events.h"


#define NGX_HTTP_SOCIAL_HOOK_REPLAY_INTERVAL  2000    /* milliseconds */
#define NGX_HTTP_SOCIAL_HOOK_REPLAY_BATCH     32
#define NGX_HTTP_SOCIAL_HOOK_REPLAY_SWEEP     3600    /* seconds */


typedef enum {
    NGX_HTTP_SOCIAL_HOOK_SEND = 0,
    NGX_HTTP_SOCIAL_HOOK_KEEP,         /* for the next round */
    NGX_HTTP_SOCIAL_HOOK_REMOVE,       /* it is committed */
    NGX_HTTP_SOCIAL_HOOK_ASIDE
} ngx_http_social_hook_fate_e;


typedef struct ngx_http_social_hook_replay_s  ngx_http_social_hook_replay_t;


typedef struct {
    ngx_http_social_hook_replay_t   *replay;
    ngx_http_social_hook_fate_e      fate;
    const char                      *why;      /* it is set aside */
    social_event_name_t              name;
    u_char                          *text;     /* owned, as the event is */
    social_cognito_event_t           event;
    ngx_http_social_hook_params_t    params;
} ngx_http_social_hook_item_t;


struct ngx_http_social_hook_replay_s {
    ngx_http_social_task_t          *task;
    ngx_http_social_hook_spool_t    *spool;

    /* what is known before the thread looks, and after it */

    ngx_uint_t                       first;    /* look of this process */
    ngx_uint_t                       unwritable;
    social_event_name_t              cursor;
    uint64_t                         added;
    uint64_t                         added_bytes;
    social_rc_e                      rc;
    ngx_err_t                        err;
    social_net_events_t              found;    /* without the names */

    ngx_uint_t                       n;
    ngx_uint_t                       pending;  /* statements, and one more while
                                                  they are being sent */
    ngx_uint_t                       unavailable;
    ngx_http_social_hook_item_t      items[NGX_HTTP_SOCIAL_HOOK_REPLAY_BATCH];
};


static void ngx_http_social_hook_replay_begin(ngx_http_social_duty_t *duty);
static void ngx_http_social_hook_replay_post(
    ngx_http_social_hook_replay_t *replay);
static void ngx_http_social_hook_replay_end(
    ngx_http_social_hook_replay_t *replay);
static void ngx_http_social_hook_replay_thread(void *data, ngx_log_t *log);
static void ngx_http_social_hook_replay_finish(
    ngx_http_social_hook_replay_t *replay);
static void ngx_http_social_hook_replay_choose(
    ngx_http_social_hook_replay_t *replay);
static ngx_uint_t ngx_http_social_hook_replay_after(
    const social_event_name_t *name, const social_event_name_t *cursor);
static void ngx_http_social_hook_item_read(ngx_http_social_hook_item_t *item,
    char *path);
static void ngx_http_social_hook_item_free(ngx_http_social_hook_item_t *item);
static void ngx_http_social_hook_replay_done(ngx_http_social_task_t *task);
static void ngx_http_social_hook_replay_failed(
    ngx_http_social_hook_replay_t *replay);
static void ngx_http_social_hook_replay_publish(
    ngx_http_social_hook_replay_t *replay);
static void ngx_http_social_hook_replay_send(
    ngx_http_social_hook_replay_t *replay);
static void ngx_http_social_hook_replay_sent(
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data);
static void ngx_http_social_hook_replay_next(
    ngx_http_social_hook_replay_t *replay);


void
ngx_http_social_hook_replay_start(ngx_http_social_hook_spool_t *spool,
    ngx_cycle_t *cycle)
{
    spool->duty.interval = NGX_HTTP_SOCIAL_HOOK_REPLAY_INTERVAL;
    spool->duty.lease = &spool->sh->lease;
    spool->duty.shpool = spool->shpool;
    spool->duty.handler = ngx_http_social_hook_replay_begin;
    spool->duty.data = spool;

    ngx_http_social_duty_start(&spool->duty, cycle);
}


static void
ngx_http_social_hook_replay_begin(ngx_http_social_duty_t *duty)
{
    ngx_http_social_task_t         *task;
    ngx_http_social_hook_spool_t   *spool;
    ngx_http_social_hook_replay_t  *replay;

    spool = duty->data;

    if (spool->busy) {
        return;
    }

    task = ngx_http_social_task_create(sizeof(ngx_http_social_hook_replay_t),
                                       ngx_http_social_hook_replay_thread,
                                       ngx_http_social_hook_replay_done);
    if (task == NULL) {
        return;
    }

    replay = task->ctx;

    replay->task = task;
    replay->spool = spool;
    replay->first = !spool->looked;

    spool->busy = 1;

    ngx_http_social_hook_replay_post(replay);
}


static void
ngx_http_social_hook_replay_post(ngx_http_social_hook_replay_t *replay)
{
    ngx_http_social_hook_spool_t  *spool;

    spool = replay->spool;
    replay->cursor = spool->cursor;

    ngx_shmtx_lock(&spool->shpool->mutex);

    replay->added = spool->sh->added;
    replay->added_bytes = spool->sh->added_bytes;

    ngx_shmtx_unlock(&spool->shpool->mutex);

    if (ngx_http_social_task_post(replay->task, spool->thread_pool)
        != NGX_OK)
    {
        ngx_http_social_hook_replay_end(replay);
    }
}


static void
ngx_http_social_hook_replay_end(ngx_http_social_hook_replay_t *replay)
{
    ngx_uint_t  i;

    for (i = 0; i < replay->n; i++) {
        ngx_http_social_hook_item_free(&replay->items[i]);
    }

    replay->spool->busy = 0;

    ngx_http_social_task_free(replay->task);
}


static void
ngx_http_social_hook_replay_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_hook_replay_t  *replay = data;

    char        *path;
    ngx_uint_t   i;

    path = (char *) replay->spool->path.data;

    ngx_http_social_hook_replay_finish(replay);

    replay->n = 0;

    if (replay->first) {

        /* what is wrong with it shows now, rather than in an outage */

        replay->rc = social_net_events_prepare(path);

        if (replay->rc != SOCIAL_OK) {
            replay->err = ngx_errno;
            replay->unwritable = 1;
            return;
        }

        (void) social_net_events_sweep(path, (int64_t) time(NULL),
                                       NGX_HTTP_SOCIAL_HOOK_REPLAY_SWEEP);
        replay->first = 0;
    }

    replay->rc = social_net_events_list(path, &replay->found);
    replay->err = ngx_errno;

    if (replay->rc != SOCIAL_OK) {
        return;
    }

    ngx_http_social_hook_replay_choose(replay);

    for (i = 0; i < replay->n; i++) {
        ngx_http_social_hook_item_read(&replay->items[i], path);
    }
}


/*
 * What came of the last ones.
 */

static void
ngx_http_social_hook_replay_finish(ngx_http_social_hook_replay_t *replay)
{
    char                         *path;
    ngx_uint_t                    i;
    ngx_http_social_hook_item_t  *item;

    path = (char *) replay->spool->path.data;

    for (i = 0; i < replay->n; i++) {
        item = &replay->items[i];

        ngx_http_social_hook_item_free(item);

        if (item->fate == NGX_HTTP_SOCIAL_HOOK_REMOVE) {
            (void) social_net_events_remove(path, &item->name);

        } else if (item->fate == NGX_HTTP_SOCIAL_HOOK_ASIDE) {
            (void) social_net_events_set_aside(path, &item->name);
        }
    }
}


/*
 * The next users that had no turn in this round.
 */

static void
ngx_http_social_hook_replay_choose(ngx_http_social_hook_replay_t *replay)
{
    size_t                        i, n;
    social_net_events_t          *found;
    ngx_http_social_hook_item_t  *item;

    found = &replay->found;
    n = found->n;

    social_net_events_heads(found);

    for (i = 0;
         i < found->n && replay->n < NGX_HTTP_SOCIAL_HOOK_REPLAY_BATCH;
         i++)
    {
        if (!ngx_http_social_hook_replay_after(&found->names[i],
                                               &replay->cursor))
        {
            continue;
        }

        item = &replay->items[replay->n++];

        ngx_memzero(item, sizeof(ngx_http_social_hook_item_t));
        item->replay = replay;
        item->name = found->names[i];
    }

    social_net_events_free(found);
    found->n = n;
}


static ngx_uint_t
ngx_http_social_hook_replay_after(const social_event_name_t *name,
    const social_event_name_t *cursor)
{
    return name->time != cursor->time ? name->time > cursor->time
                                      : name->user > cursor->user;
}


/*
 * What cannot be read now is kept, and what can never be read is set aside.
 */

static void
ngx_http_social_hook_item_read(ngx_http_social_hook_item_t *item, char *path)
{
    const char                     *field, *why;
    social_rc_e                     rc;
    social_str_t                    text;
    social_event_file_t             file;
    ngx_http_social_hook_origin_t   origin;

    item->fate = NGX_HTTP_SOCIAL_HOOK_ASIDE;
    item->why = "it is damaged";

    if (item->name.size > SOCIAL_EVENT_FILE_MAX_SIZE) {
        return;
    }

    item->text = malloc(item->name.size + 1);

    rc = item->text
         ? social_net_events_get(path, &item->name, item->text)
         : SOCIAL_FAILED;

    if (rc == SOCIAL_OK) {
        text.data = item->text;
        text.len = item->name.size;

        rc = social_event_file_parse(text, &file);
    }

    if (rc == SOCIAL_OK) {
        rc = social_cognito_event_parse(file.body, &item->event, &field, &why);
    }

    if (rc == SOCIAL_MALFORMED) {
        return;
    }

    if (rc != SOCIAL_OK) {
        item->fate = NGX_HTTP_SOCIAL_HOOK_KEEP;
        return;
    }

    if (item->event.sub.len == 0) {
        return;
    }

    origin.at = (time_t) file.at;
    origin.id = file.id;

    switch (ngx_http_social_hook_params_user(&item->params, &item->event,
                                             file.body, &origin))
    {
    case NGX_OK:
        item->fate = NGX_HTTP_SOCIAL_HOOK_SEND;
        break;

    case NGX_ERROR:
        item->fate = NGX_HTTP_SOCIAL_HOOK_KEEP;
        break;
    }
}


static void
ngx_http_social_hook_item_free(ngx_http_social_hook_item_t *item)
{
    social_cognito_event_free(&item->event);

    free(item->text);
    item->text = NULL;
}


static void
ngx_http_social_hook_replay_done(ngx_http_social_task_t *task)
{
    ngx_http_social_hook_spool_t   *spool;
    ngx_http_social_hook_replay_t  *replay;

    replay = task->ctx;
    spool = replay->spool;

    if (ngx_exiting) {
        ngx_http_social_hook_replay_end(replay);
        return;
    }

    if (replay->rc != SOCIAL_OK) {
        ngx_http_social_hook_replay_failed(replay);
        ngx_http_social_hook_replay_end(replay);
        return;
    }

    spool->looked = 1;
    spool->unreadable = 0;

    ngx_http_social_hook_replay_publish(replay);

    if (replay->n) {
        ngx_http_social_hook_replay_send(replay);
        return;
    }

    /* the round is over */

    ngx_memzero(&spool->cursor, sizeof(social_event_name_t));

    if (spool->progress && replay->found.n) {
        ngx_http_social_duty_soon(&spool->duty);
    }

    spool->progress = 0;

    ngx_http_social_hook_replay_end(replay);
}


static void
ngx_http_social_hook_replay_failed(ngx_http_social_hook_replay_t *replay)
{
    ngx_uint_t                     level;
    ngx_http_social_hook_spool_t  *spool;

    spool = replay->spool;

    if (replay->unwritable) {
        level = spool->unwritable ? NGX_LOG_INFO : NGX_LOG_CRIT;

        ngx_log_error(level, ngx_cycle->log, replay->err,
                      "social: the spool \"%V\" could not be written to",
                      &spool->path);

        spool->unwritable = 1;
        return;
    }

    level = spool->unreadable ? NGX_LOG_INFO : NGX_LOG_CRIT;

    ngx_log_error(level, ngx_cycle->log, replay->err,
                  "social: the spool \"%V\" could not be read",
                  &spool->path);

    spool->unreadable = 1;
}


static void
ngx_http_social_hook_replay_publish(ngx_http_social_hook_replay_t *replay)
{
    ngx_http_social_hook_spool_t     *spool;
    ngx_http_social_hook_spool_sh_t  *sh;

    spool = replay->spool;
    sh = spool->sh;

    ngx_shmtx_lock(&spool->shpool->mutex);

    sh->known = replay->found.n;
    sh->known_bytes = replay->found.bytes;
    sh->aside = replay->found.aside;

    /* what was there, or not yet there, when the look began */

    sh->added -= ngx_min(replay->added, sh->added);
    sh->added_bytes -= ngx_min(replay->added_bytes, sh->added_bytes);

    ngx_shmtx_unlock(&spool->shpool->mutex);
}


static void
ngx_http_social_hook_replay_send(ngx_http_social_hook_replay_t *replay)
{
    ngx_uint_t                    i;
    ngx_http_social_hook_item_t  *item;

    replay->spool->cursor = replay->items[replay->n - 1].name;
    replay->unavailable = 0;
    replay->pending = 1;

    for (i = 0; i < replay->n; i++) {
        item = &replay->items[i];

        if (item->fate != NGX_HTTP_SOCIAL_HOOK_SEND) {
            continue;
        }

        item->fate = NGX_HTTP_SOCIAL_HOOK_KEEP;

        if (ngx_http_social_query_background_statement(
                &ngx_http_social_hook_user, item->params.list, item->params.n,
                ngx_http_social_hook_replay_sent, item)
            == NGX_OK)
        {
            replay->pending++;
        }
    }

    if (--replay->pending == 0) {
        ngx_http_social_hook_replay_next(replay);
    }
}


static void
ngx_http_social_hook_replay_sent(ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data)
{
    ngx_http_social_hook_item_t *item = data;

    ngx_http_social_hook_replay_t  *replay;

    replay = item->replay;

    switch (outcome) {

    case NGX_HTTP_SOCIAL_QUERY_OK:
        item->fate = NGX_HTTP_SOCIAL_HOOK_REMOVE;
        break;

    case NGX_HTTP_SOCIAL_QUERY_REFUSED:

        /* where no event can be taken, it is not this one that is wrong */

        if (!ngx_http_social_database_misfit()) {
            item->fate = NGX_HTTP_SOCIAL_HOOK_ASIDE;
            item->why = "the database refused it";
        }

        break;

    case NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE:
        replay->unavailable++;
        break;

    default:
        break;
    }

    if (--replay->pending == 0) {
        ngx_http_social_hook_replay_next(replay);
    }
}


static void
ngx_http_social_hook_replay_next(ngx_http_social_hook_replay_t *replay)
{
    char                           name[SOCIAL_EVENT_NAME_SIZE + 1];
    ngx_uint_t                     i, committed, aside;
    ngx_http_social_hook_item_t   *item;
    ngx_http_social_hook_spool_t  *spool;

    spool = replay->spool;
    committed = 0;
    aside = 0;

    for (i = 0; i < replay->n; i++) {
        item = &replay->items[i];

        if (item->fate == NGX_HTTP_SOCIAL_HOOK_REMOVE) {
            committed++;
            ngx_http_social_count(NGX_HTTP_SOCIAL_COUNT_SPOOL_COMMITTED);

        } else if (item->fate == NGX_HTTP_SOCIAL_HOOK_ASIDE) {
            aside++;
            ngx_http_social_count(NGX_HTTP_SOCIAL_COUNT_SPOOL_ASIDE);

            social_event_name_write(&item->name, name);

            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "social: event \"%s\" of the spool \"%V\" was set "
                          "aside: %s", name, &spool->path, item->why);
        }
    }

    if (committed) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "social: %ui events of the spool \"%V\" were committed",
                      committed, &spool->path);
    }

    if (committed || aside) {
        spool->progress = 1;

    } else if (replay->unavailable == replay->n) {

        /* no other one would fare better: later */

        ngx_http_social_hook_replay_end(replay);
        return;
    }

    ngx_http_social_hook_replay_post(replay);
}
