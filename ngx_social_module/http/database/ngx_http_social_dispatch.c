
/*
 * Which statement goes on which connection, and with which others.
 *
 * DESIGN.  A connection whose oldest statement is late takes no more: what
 * would stand behind it goes elsewhere, or waits for whichever connection is
 * free first.
 *
 * Commits are shared: statements of one kind that came in the same iteration
 * of the event loop, or while all connections were busy, are one transaction.
 * Nothing waits for others to come: with an idle connection a statement is sent
 * at the end of the iteration.  They are sorted by what they lock, so that two
 * transactions meet in the same order.  When one of them fails, none of them
 * was run, and each is run again alone.
 *
 * Most kinds have a statement that does many of them at once, as a batch:
 * parsing and running a statement takes longer than what it does.
 */

#include "ngx_http_social_batch.h"
#include "ngx_http_social_dispatch.h"


#define NGX_HTTP_SOCIAL_DISPATCH_LATE      30     /* milliseconds */
#define NGX_HTTP_SOCIAL_DISPATCH_SPLIT     8      /* statements */
#define NGX_HTTP_SOCIAL_DISPATCH_SUSPECT   100    /* milliseconds */
#define NGX_HTTP_SOCIAL_DISPATCH_HURRY     100    /* milliseconds */
#define NGX_HTTP_SOCIAL_DISPATCH_ASKED     1000   /* milliseconds */


static ngx_http_social_query_t *ngx_http_social_dispatch_next(
    ngx_http_social_database_t *db, ngx_http_social_pooled_t **pooled,
    ngx_uint_t *idle);
static ngx_uint_t ngx_http_social_dispatch_is_old(
    const ngx_http_social_query_t *suspect);
static ngx_http_social_query_t *ngx_http_social_dispatch_first(
    ngx_queue_t *queue);
static ngx_http_social_query_t *ngx_http_social_dispatch_free(
    ngx_http_social_database_t *db);
static ngx_uint_t ngx_http_social_dispatch_is_held(
    ngx_http_social_database_t *db, const ngx_http_social_query_t *query);
static ngx_uint_t ngx_http_social_dispatch_take(ngx_http_social_database_t *db,
    ngx_http_social_query_t **queries, ngx_uint_t idle);
static ngx_int_t ngx_http_social_dispatch_send(
    ngx_http_social_pooled_t *pooled, ngx_http_social_query_t **queries,
    ngx_uint_t n);
static ngx_http_social_pooled_t *ngx_http_social_dispatch_choose(
    ngx_http_social_database_t *db, ngx_http_social_query_t *query,
    ngx_uint_t *idle);
static ngx_http_social_connection_t *ngx_http_social_dispatch_hurry(
    ngx_http_social_database_t *db, ngx_msec_t delay);
static ngx_uint_t ngx_http_social_dispatch_hopeless(
    ngx_http_social_database_t *db);


/*
 * What the pipelines of connections have room for does not count as waiting.
 */

ngx_uint_t
ngx_http_social_dispatch_full(ngx_http_social_database_t *db)
{
    size_t                         pending;
    ngx_uint_t                     i, limit;
    ngx_http_social_connection_t  *conn;

    limit = db->conf->queue;

    if (db->waiters < limit) {
        return 0;
    }

    for (i = 0; i < db->conf->connections; i++) {
        conn = &db->pool[i].conn;

        if (conn->state != NGX_HTTP_SOCIAL_CONNECTION_UP) {
            continue;
        }

        pending = ngx_http_social_connection_pending(conn);

        if (pending < NGX_HTTP_SOCIAL_DISPATCH_PIPELINE) {
            limit += NGX_HTTP_SOCIAL_DISPATCH_PIPELINE - pending;
        }
    }

    return db->waiters >= limit;
}


void
ngx_http_social_dispatch_wait(ngx_http_social_database_t *db,
    ngx_queue_t *queue, ngx_http_social_query_t *query)
{
    ngx_queue_insert_tail(queue, &query->queue);

    query->conn = NULL;
    query->waiting = 1;
    db->waiters++;
}


void
ngx_http_social_dispatch_leave(ngx_http_social_database_t *db,
    ngx_http_social_query_t *query)
{
    ngx_queue_remove(&query->queue);

    query->waiting = 0;
    db->waiters--;
}


void
ngx_http_social_dispatch_returned(ngx_http_social_query_t *query)
{
    ngx_queue_remove(&query->queue);
    ngx_http_social_held_remove(query);
}


void
ngx_http_social_dispatch_alone(ngx_http_social_database_t *db,
    ngx_http_social_query_t *query)
{
    query->alone = 1;

    ngx_http_social_dispatch_wait(db, &db->again, query);
}


void
ngx_http_social_dispatch_suspect(ngx_http_social_database_t *db,
    ngx_http_social_query_t *query)
{
    query->alone = 1;
    query->suspect = 1;
    query->since = ngx_current_msec;

    ngx_http_social_dispatch_wait(db, &db->suspects, query);
}


void
ngx_http_social_dispatch_move(ngx_queue_t *to, ngx_queue_t *from)
{
    if (!ngx_queue_empty(from)) {
        ngx_queue_add(to, from);
        ngx_queue_init(from);
    }
}


void
ngx_http_social_dispatch_handler(ngx_event_t *ev)
{
    ngx_queue_t                   *q;
    ngx_queue_t                    lost;
    ngx_http_social_query_t       *query;
    ngx_http_social_database_t    *db;
    ngx_http_social_connection_t  *conn;

    db = ev->data;

    ngx_http_social_dispatch_waiting(db);

    if (db->waiters == 0) {
        return;
    }

    if (!ngx_http_social_dispatch_hopeless(db)) {
        conn = ngx_http_social_dispatch_hurry(db,
                                             NGX_HTTP_SOCIAL_DISPATCH_HURRY);
        if (conn != NULL) {

            /* these attempts do not make the next ones rarer */

            conn->failures = ngx_min(conn->failures, 2);
        }

        return;
    }

    (void) ngx_http_social_dispatch_hurry(db, NGX_HTTP_SOCIAL_DISPATCH_ASKED);

    ngx_queue_init(&lost);
    ngx_http_social_dispatch_move(&lost, &db->again);
    ngx_http_social_dispatch_move(&lost, &db->waiting);
    ngx_http_social_dispatch_move(&lost, &db->suspects);

    while (!ngx_queue_empty(&lost)) {
        q = ngx_queue_head(&lost);

        query = ngx_queue_data(q, ngx_http_social_query_t, queue);

        ngx_http_social_dispatch_leave(db, query);
        ngx_http_social_query_done(query, NGX_HTTP_SOCIAL_QUERY_UNAVAILABLE,
                                   NULL);
    }
}


void
ngx_http_social_dispatch_waiting(ngx_http_social_database_t *db)
{
    ngx_uint_t                 n, idle;
    ngx_http_social_query_t   *query;
    ngx_http_social_query_t   *queries[SOCIAL_PQ_MAX_GROUP];
    ngx_http_social_pooled_t  *pooled;

    ngx_http_social_dispatch_move(&db->again, &db->waiting);
    ngx_http_social_dispatch_move(&db->waiting, &db->again);

    for ( ;; ) {
        query = ngx_http_social_dispatch_next(db, &pooled, &idle);

        if (query == NULL) {
            return;
        }

        queries[0] = query;
        n = query->alone ? 1 : ngx_http_social_dispatch_take(db, queries, idle);

        if (ngx_http_social_dispatch_send(pooled, queries, n) != NGX_OK) {
            ngx_http_social_connection_failed(&pooled->conn, "send failed");
        }
    }
}


/*
 * Which query is sent next, and where; NULL: there is none, or no room.  They
 * go in the order in which they came; then what failed for a lock, where
 * another connection is left for the others.  But that does not wait for ever
 * for all others to be through.
 */

static ngx_http_social_query_t *
ngx_http_social_dispatch_next(ngx_http_social_database_t *db,
    ngx_http_social_pooled_t **pooled, ngx_uint_t *idle)
{
    ngx_http_social_query_t  *query, *suspect;

    query = ngx_http_social_dispatch_free(db);
    suspect = ngx_http_social_dispatch_first(&db->suspects);

    if (suspect != NULL
        && (query == NULL || ngx_http_social_dispatch_is_old(suspect)))
    {
        *pooled = ngx_http_social_dispatch_choose(db, suspect, idle);

        if (*pooled != NULL) {
            return suspect;
        }
    }

    if (query == NULL) {
        return NULL;
    }

    *pooled = ngx_http_social_dispatch_choose(db, query, idle);

    return *pooled ? query : NULL;
}


static ngx_uint_t
ngx_http_social_dispatch_is_old(const ngx_http_social_query_t *suspect)
{
    return ngx_current_msec - suspect->since
           >= NGX_HTTP_SOCIAL_DISPATCH_SUSPECT;
}


static ngx_http_social_query_t *
ngx_http_social_dispatch_first(ngx_queue_t *queue)
{
    ngx_queue_t  *q;

    if (ngx_queue_empty(queue)) {
        return NULL;
    }

    q = ngx_queue_head(queue);

    return ngx_queue_data(q, ngx_http_social_query_t, queue);
}


/*
 * The first that waits for nothing but a connection.
 */

static ngx_http_social_query_t *
ngx_http_social_dispatch_free(ngx_http_social_database_t *db)
{
    ngx_queue_t              *q;
    ngx_http_social_query_t  *query;

    for (q = ngx_queue_head(&db->waiting);
         q != ngx_queue_sentinel(&db->waiting);
         q = ngx_queue_next(q))
    {
        query = ngx_queue_data(q, ngx_http_social_query_t, queue);

        if (!ngx_http_social_dispatch_is_held(db, query)) {
            return query;
        }
    }

    return NULL;
}


/*
 * Whether another connection has a statement for the same row: this one would
 * find it locked, and then have to be run alone.  They are together in the next
 * batch.
 */

static ngx_uint_t
ngx_http_social_dispatch_is_held(ngx_http_social_database_t *db,
    const ngx_http_social_query_t *query)
{
    return !query->alone && query->statement->batch != NULL
           && ngx_http_social_held_has(&db->held, query);
}


/*
 * Those that wait and may go with queries[0], which are divided among the idle
 * connections where there are many; sorted by what they lock.
 */

static ngx_uint_t
ngx_http_social_dispatch_take(ngx_http_social_database_t *db,
    ngx_http_social_query_t **queries, ngx_uint_t idle)
{
    ngx_uint_t                n, share;
    ngx_queue_t              *q;
    ngx_http_social_query_t  *query;

    n = 1;

    for (q = ngx_queue_next(&queries[0]->queue);
         q != ngx_queue_sentinel(&db->waiting) && n < SOCIAL_PQ_MAX_GROUP;
         q = ngx_queue_next(q))
    {
        query = ngx_queue_data(q, ngx_http_social_query_t, queue);

        if (query->statement == queries[0]->statement && !query->alone
            && !ngx_http_social_dispatch_is_held(db, query))
        {
            queries[n++] = query;
        }
    }

    share = (n + idle - 1) / idle;
    n = ngx_min(n, ngx_max(share, NGX_HTTP_SOCIAL_DISPATCH_SPLIT));

    ngx_sort(queries, n, sizeof(ngx_http_social_query_t *),
             ngx_http_social_query_cmp);

    return n;
}


/*
 * What is not followed by a sync is not run: it waits on, for another
 * connection, where the last of it could not be sent.
 */

static ngx_int_t
ngx_http_social_dispatch_send(ngx_http_social_pooled_t *pooled,
    ngx_http_social_query_t **queries, ngx_uint_t n)
{
    ngx_uint_t                     i, batch;
    ngx_http_social_query_t       *query;
    ngx_http_social_connection_t  *conn;

    conn = &pooled->conn;

    if (ngx_http_social_connection_pending(conn) == 0) {
        pooled->moved = ngx_current_msec;
        pooled->suspect = 0;
        pooled->locks = 0;
    }

    batch = n > 1 && queries[0]->statement->batch != NULL
          && ngx_time() >= pooled->db->singly;

    if (batch && ngx_http_social_batch_add(conn, queries, n) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; !batch && i < n; i++) {
        query = queries[i];

        if (ngx_http_social_connection_add(conn, query->statement->sql,
                                           query->params, query->n)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_http_social_connection_sync(conn) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        query = queries[i];

        ngx_http_social_dispatch_leave(pooled->db, query);

        query->conn = conn;
        query->shared = (n > 1);
        query->batch = (batch && i == 0) ? n : 0;
        ngx_queue_insert_tail(&pooled->sent, &query->queue);
        ngx_http_social_held_add(&pooled->db->held, query);

        pooled->suspect |= query->suspect;

        /* a batch passes over what is locked */

        pooled->locks |= (!batch && query->statement->share);
    }

    return ngx_http_social_connection_flush(conn);
}


/*
 * The connection that will be through with what it has the soonest, as far as
 * can be known: a millisecond in which nothing came of its oldest statement
 * counts as much as a statement.  None that is late, or has a suspect, or what
 * may have to wait for a lock; only an idle one for statements that share,
 * which are the more the longer they wait, and for suspects, which must leave
 * one to the others, or, when they have waited long, all but one.  Another
 * connection is opened when all that are up have something to do.  "idle" is
 * the number of connections that have not.
 */

static ngx_http_social_pooled_t *
ngx_http_social_dispatch_choose(ngx_http_social_database_t *db,
    ngx_http_social_query_t *query, ngx_uint_t *idle)
{
    size_t                         pending;
    ngx_msec_t                     age, cost, least;
    ngx_uint_t                     i, free, others, suspects;
    ngx_http_social_pooled_t      *best, *pooled;
    ngx_http_social_connection_t  *conn, *down;

    best = NULL;
    down = NULL;
    least = 0;
    free = 0;
    others = 0;
    suspects = 0;
    *idle = 0;

    for (i = 0; i < db->conf->connections; i++) {
        pooled = &db->pool[i];
        conn = &pooled->conn;

        if (conn->state == NGX_HTTP_SOCIAL_CONNECTION_DOWN
            && !conn->retry.timer_set && down == NULL)
        {
            down = conn;
        }

        if (conn->state == NGX_HTTP_SOCIAL_CONNECTION_CONNECTING) {
            others = 1;
        }

        if (conn->state != NGX_HTTP_SOCIAL_CONNECTION_UP) {
            continue;
        }

        pending = ngx_http_social_connection_pending(conn);

        if (pending == 0) {
            (*idle)++;
            free++;
            best = pooled;
            least = 0;
            continue;
        }

        others = 1;
        suspects += pooled->suspect;
        age = ngx_current_msec - pooled->moved;

        if (pooled->suspect || age > NGX_HTTP_SOCIAL_DISPATCH_LATE) {
            continue;
        }

        free++;

        if (!query->alone || query->suspect || pooled->locks
            || pending >= NGX_HTTP_SOCIAL_DISPATCH_PIPELINE)
        {
            continue;
        }

        cost = age + pending;

        if (best == NULL || cost < least) {
            least = cost;
            best = pooled;
        }
    }

    if (down != NULL && (*idle == 0 || (query->suspect && free < 2))) {
        ngx_http_social_connection_connect(down);
        others = 1;
    }

    if (query->suspect && others && free < 2
        && (suspects || !ngx_http_social_dispatch_is_old(query)))
    {
        return NULL;
    }

    return best;
}


/*
 * While there are requests that want a connection, one is tried more often than
 * later in an outage: about "delay" milliseconds from now at the latest.
 * Returns it; NULL: it is not necessary, or not possible.
 */

static ngx_http_social_connection_t *
ngx_http_social_dispatch_hurry(ngx_http_social_database_t *db,
    ngx_msec_t delay)
{
    ngx_uint_t                     i;
    ngx_http_social_connection_t  *conn, *down;

    down = NULL;

    for (i = 0; i < db->conf->connections; i++) {
        conn = &db->pool[i].conn;

        if (conn->state != NGX_HTTP_SOCIAL_CONNECTION_DOWN) {
            return NULL;
        }

        if (!conn->retry.timer_set) {
            continue;
        }

        if (down == NULL
            || (ngx_msec_int_t) (conn->retry.timer.key - down->retry.timer.key)
               < 0)
        {
            down = conn;
        }
    }

    if (down == NULL || ngx_exiting) {
        return NULL;
    }

    delay = delay / 2 + (ngx_msec_t) ngx_random() % delay;

    if ((ngx_msec_int_t) (down->retry.timer.key - ngx_current_msec)
        <= (ngx_msec_int_t) delay)
    {
        return NULL;
    }

    ngx_del_timer(&down->retry);
    ngx_http_social_connection_schedule(down, delay);

    return down;
}


/*
 * No connection is up, and either none is being made, or the outage has lasted
 * as long as a request would wait: it is better answered at once.  So it is
 * where there has been none yet, but not while others are being made: a server
 * that has no room for all of them may have some for one.
 */

static ngx_uint_t
ngx_http_social_dispatch_hopeless(ngx_http_social_database_t *db)
{
    ngx_uint_t                     i, soon, connecting;
    ngx_http_social_connection_t  *conn;

    soon = 0;
    connecting = 0;

    for (i = 0; i < db->conf->connections; i++) {
        conn = &db->pool[i].conn;

        if (conn->state == NGX_HTTP_SOCIAL_CONNECTION_UP) {
            return 0;
        }

        if (conn->state == NGX_HTTP_SOCIAL_CONNECTION_CONNECTING) {
            connecting = 1;
        }

        if (conn->retry.timer_set && !ngx_exiting) {
            soon = 1;
        }
    }

    if (!soon && !connecting) {
        return 1;
    }

    return db->is_down
           && ((!db->was_up && !connecting)
               || ngx_current_msec - db->down >= db->conf->timeout);
}
