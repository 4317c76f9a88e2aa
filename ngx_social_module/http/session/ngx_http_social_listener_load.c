
/*
 * The statements of the listener: all revocations at first, and then new ones.
 *
 * DESIGN.  Rows become visible in the order of commits, not in that of any
 * number in them, so "after the last one" would miss some.  Each row has the
 * id of the transaction that wrote it.  A snapshot says which transactions it
 * sees; those that the last snapshot did not see are exactly what is new,
 * however long they took to commit (PostgreSQL, 9.27.14: pg_snapshot).  A
 * NOTIFY brings no row: its queue would be one more place to lose one.
 *
 * Both come in pages by an index, one result of a thousand rows at a time.
 * The first snapshot is taken before the first page: what commits while the
 * pages come is new to the next look.
 *
 * A change may also be that a row is over before its time, since another one
 * of its subject needed the room: the set loses it as well.
 *
 * Each look says which server it was: through a pooler, or a name that was
 * moved after a failover, it may be another one, whose transactions have ids of
 * their own, or one that was set back.  All is loaded again then.
 *
 * Rows that a restore brought from another server have ids of transactions
 * that are in the future here: they come with the pages of a load.
 */

#include "ngx_http_social_listener.h"


#define NGX_HTTP_SOCIAL_LISTENER_RELOAD  30000


static ngx_int_t ngx_http_social_listener_ask(ngx_http_social_listener_t *f,
    ngx_http_social_listener_step_e step);
static ngx_int_t ngx_http_social_listener_refused(
    ngx_http_social_listener_t *f, const social_pq_result_t *result);
static ngx_int_t ngx_http_social_listener_snapshot(
    ngx_http_social_listener_t *f, const social_pq_result_t *result);
static void ngx_http_social_listener_heard(ngx_http_social_listener_t *f);
static ngx_int_t ngx_http_social_listener_rows(ngx_http_social_listener_t *f,
    const social_pq_result_t *result);
static ngx_uint_t ngx_http_social_listener_row(ngx_http_social_revoked_t *row,
    social_str_t id, social_str_t until);
static void ngx_http_social_listener_loaded(ngx_http_social_listener_t *f);
static void ngx_http_social_listener_expired(ngx_http_social_listener_t *f,
    const social_pq_result_t *result);


static const char *ngx_http_social_listener_sql[] = {

    [NGX_HTTP_SOCIAL_LISTENER_LISTEN] =
        "LISTEN social_revocations",

    [NGX_HTTP_SOCIAL_LISTENER_BASE] =
        "SELECT pg_current_snapshot(), social_revocations_source(),"
        " pg_snapshot_xmax(pg_current_snapshot())",

    [NGX_HTTP_SOCIAL_LISTENER_LOAD] =
        "SELECT encode(id, 'hex'),"
        " extract(epoch FROM least(until, '9999-12-31'))::bigint, xact,"
        " session LIKE 'sub:%',"
        " greatest(coalesce(not_before, 4294967295), 0) FROM revocations"
        " WHERE id > decode($1, 'hex') AND until > now()"
        " ORDER BY id LIMIT $2::bigint",

    [NGX_HTTP_SOCIAL_LISTENER_PEEK] =
        "SELECT pg_current_snapshot(), social_revocations_source(),"
        " pg_snapshot_xmax(pg_current_snapshot())",

    [NGX_HTTP_SOCIAL_LISTENER_CHANGES] =
        "SELECT encode(id, 'hex'), CASE WHEN until > now() THEN"
        " extract(epoch FROM least(until, '9999-12-31'))::bigint ELSE 0 END,"
        " xact, session LIKE 'sub:%',"
        " greatest(coalesce(not_before, 4294967295), 0) FROM revocations"
        " WHERE xact >= pg_snapshot_xmin($4::pg_snapshot)"
        " AND NOT pg_visible_in_snapshot(xact, $4::pg_snapshot)"
        " AND xact < pg_snapshot_xmax($5::pg_snapshot)"
        " AND (xact, id) > ($3::xid8, decode($1, 'hex'))"
        " ORDER BY xact, id LIMIT $2::bigint",

    [NGX_HTTP_SOCIAL_LISTENER_EXPIRE] =
        "SELECT social_revocations_expire($1::integer)"
};


ngx_int_t
ngx_http_social_listener_begin(ngx_http_social_listener_t *f)
{
    return ngx_http_social_listener_ask(f, social_pq_is_plain(f->conn.pq)
                                           ? NGX_HTTP_SOCIAL_LISTENER_BASE
                                           : NGX_HTTP_SOCIAL_LISTENER_LISTEN);
}


ngx_int_t
ngx_http_social_listener_poll(ngx_http_social_listener_t *f)
{
    if ((ngx_msec_int_t) (f->expire - ngx_current_msec) <= 0) {
        return ngx_http_social_listener_ask(f, NGX_HTTP_SOCIAL_LISTENER_EXPIRE);
    }

    f->notified = 0;

    return ngx_http_social_listener_ask(f, NGX_HTTP_SOCIAL_LISTENER_PEEK);
}


static ngx_int_t
ngx_http_social_listener_ask(ngx_http_social_listener_t *f,
    ngx_http_social_listener_step_e step)
{
    size_t              n;
    u_char              page[NGX_INT_T_LEN];
    social_pq_param_t   params[5];

    ngx_memzero(params, sizeof(params));

    params[0].value.data = f->id;
    params[0].value.len = f->id_len;

    params[1].value.data = page;
    params[1].value.len = ngx_sprintf(page, "%d", NGX_HTTP_SOCIAL_LISTENER_PAGE)
                          - page;

    params[2].value.data = f->xact;
    params[2].value.len = f->xact_len;

    params[3].value = ngx_http_social_view(&f->seen);
    params[4].value = ngx_http_social_view(&f->next);

    switch (step) {

    case NGX_HTTP_SOCIAL_LISTENER_LOAD:
        n = 2;
        break;

    case NGX_HTTP_SOCIAL_LISTENER_CHANGES:
        n = 5;
        break;

    case NGX_HTTP_SOCIAL_LISTENER_EXPIRE:

        /* a statement names its parameters from the first on */

        n = 1;
        params[0] = params[1];
        break;

    default:
        n = 0;
    }

    if (ngx_http_social_connection_send(&f->conn,
                                        ngx_http_social_listener_sql[step],
                                        params, n)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    f->step = step;

    if (step == NGX_HTTP_SOCIAL_LISTENER_BASE
        || step == NGX_HTTP_SOCIAL_LISTENER_PEEK)
    {
        f->asked = ngx_current_msec;
    }

    return ngx_http_social_connection_flush(&f->conn);
}


ngx_int_t
ngx_http_social_listener_take(ngx_http_social_listener_t *f,
    const social_pq_result_t *result)
{
    ngx_int_t                        rc;
    ngx_http_social_listener_step_e  step;

    step = f->step;
    f->step = NGX_HTTP_SOCIAL_LISTENER_IDLE;

    if (social_pq_result_outcome(result) != SOCIAL_PQ_OK) {
        f->step = step;
        return ngx_http_social_listener_refused(f, result);
    }

    switch (step) {

    case NGX_HTTP_SOCIAL_LISTENER_LISTEN:
        return ngx_http_social_listener_ask(f, NGX_HTTP_SOCIAL_LISTENER_BASE);

    case NGX_HTTP_SOCIAL_LISTENER_BASE:

        if (ngx_http_social_listener_snapshot(f, result) == NGX_ERROR) {
            return NGX_ERROR;
        }

        f->id_len = 0;
        f->count = 0;
        f->load = ngx_http_social_revocations_load_begin(f->rmcf);

        return ngx_http_social_listener_ask(f, NGX_HTTP_SOCIAL_LISTENER_LOAD);

    case NGX_HTTP_SOCIAL_LISTENER_PEEK:

        rc = ngx_http_social_listener_snapshot(f, result);

        if (rc == NGX_DECLINED) {
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "social: revocations come from another server, or "
                          "an earlier state of it");

            return ngx_http_social_listener_begin(f);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

        if (f->next.len == f->seen.len
            && ngx_memcmp(f->next.data, f->seen.data, f->seen.len) == 0)
        {
            ngx_http_social_listener_heard(f);
            return NGX_OK;
        }

        f->id_len = 0;
        f->xact[0] = '0';
        f->xact_len = 1;

        return ngx_http_social_listener_ask(f,
                                        NGX_HTTP_SOCIAL_LISTENER_CHANGES);

    case NGX_HTTP_SOCIAL_LISTENER_LOAD:
    case NGX_HTTP_SOCIAL_LISTENER_CHANGES:

        if (ngx_http_social_listener_rows(f, result) != NGX_OK) {
            return NGX_ERROR;
        }

        if (social_pq_result_rows(result) == NGX_HTTP_SOCIAL_LISTENER_PAGE) {
            return ngx_http_social_listener_ask(f, step);
        }

        ngx_free(f->seen.data);
        f->seen = f->next;
        ngx_str_null(&f->next);

        if (step == NGX_HTTP_SOCIAL_LISTENER_LOAD) {
            ngx_http_social_listener_loaded(f);
        }

        ngx_http_social_listener_heard(f);

        return NGX_OK;

    default:
        ngx_http_social_listener_expired(f, result);

        /* what this tick would have asked: "expire" is later now */

        return ngx_http_social_listener_poll(f);
    }
}


/*
 * A pooler or a standby may not LISTEN, and a standby may not delete: it goes
 * on without.
 */

static ngx_int_t
ngx_http_social_listener_refused(ngx_http_social_listener_t *f,
    const social_pq_result_t *result)
{
    ngx_http_social_listener_step_e  step;
    char                             why[SOCIAL_PQ_ERROR_SIZE];
    const char                      *remedy;
    social_pq_fault_e                cause;

    step = f->step;

    if (step == NGX_HTTP_SOCIAL_LISTENER_LISTEN
        || step == NGX_HTTP_SOCIAL_LISTENER_EXPIRE)
    {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "social: could not %s revocations: "
                      "%s (%s)",
                      step == NGX_HTTP_SOCIAL_LISTENER_LISTEN ? "listen to"
                                                            : "delete old",
                      social_pq_result_message(result),
                      social_pq_result_sqlstate(result));

        if (step == NGX_HTTP_SOCIAL_LISTENER_LISTEN) {
            return ngx_http_social_listener_ask(f,
                                               NGX_HTTP_SOCIAL_LISTENER_BASE);
        }

        f->step = NGX_HTTP_SOCIAL_LISTENER_IDLE;
        f->expire = ngx_current_msec + 600000;

        return NGX_OK;
    }

    cause = ngx_strncmp(social_pq_result_sqlstate(result), "42", 2) == 0
            ? SOCIAL_PQ_FAULT_SCHEMA : SOCIAL_PQ_FAULT_NETWORK;

    remedy = social_pq_remedy(cause);

    (void) ngx_snprintf((u_char *) why, sizeof(why) - 1, "%s (%s)%s%s%Z",
                        social_pq_result_message(result),
                        social_pq_result_sqlstate(result),
                        remedy[0] ? "; " : "", remedy);

    why[sizeof(why) - 1] = '\0';

    ngx_http_social_connection_lost(&f->conn, cause, why);

    return NGX_OK;
}


/*
 * NGX_DECLINED: the server is another one than before, or an earlier state of
 * it.
 */

static ngx_int_t
ngx_http_social_listener_snapshot(ngx_http_social_listener_t *f,
    const social_pq_result_t *result)
{
    off_t         end;
    ngx_uint_t    same;
    social_str_t  value, server, xmax;

    ngx_free(f->next.data);
    ngx_str_null(&f->next);

    if (!social_pq_result_value(result, 0, 0, &value)
        || !social_pq_result_value(result, 0, 1, &server)
        || !social_pq_result_value(result, 0, 2, &xmax)
        || server.len > sizeof(f->server))
    {
        return NGX_ERROR;
    }

    end = ngx_atoof((u_char *) xmax.data, xmax.len);

    if (end == NGX_ERROR) {
        return NGX_ERROR;
    }

    f->next.data = ngx_alloc(value.len, ngx_cycle->log);
    if (f->next.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(f->next.data, value.data, value.len);
    f->next.len = value.len;

    same = (f->server_len == server.len
            && ngx_memcmp(f->server, server.data, server.len) == 0
            && f->xmax <= end);

    ngx_memcpy(f->server, server.data, server.len);
    f->server_len = server.len;
    f->xmax = end;

    return same ? NGX_OK : NGX_DECLINED;
}


/*
 * A standby has changes later: what it says is not all that there is.
 */

static void
ngx_http_social_listener_heard(ngx_http_social_listener_t *f)
{
    if (f->server_len) {
        ngx_http_social_revocations_heard(f->rmcf, f->asked);
    }
}


/*
 * Adds a page to the set, a part of it at a time: the lock is every worker's.
 */

static ngx_int_t
ngx_http_social_listener_rows(ngx_http_social_listener_t *f,
    const social_pq_result_t *result)
{
    size_t                      i, rows;
    ngx_uint_t                  n;
    off_t                       seconds;
    social_str_t                id, until, xact, subject, before;
    ngx_http_social_revoked_t   part[100];

    rows = social_pq_result_rows(result);
    n = 0;

    for (i = 0; i < rows; i++) {

        if (!social_pq_result_value(result, i, 0, &id)
            || !social_pq_result_value(result, i, 1, &until)
            || !social_pq_result_value(result, i, 2, &xact)
            || !social_pq_result_value(result, i, 3, &subject)
            || !social_pq_result_value(result, i, 4, &before)
            || xact.len > sizeof(f->xact)
            || !ngx_http_social_listener_row(&part[n], id, until))
        {
            return NGX_ERROR;
        }

        seconds = ngx_atoof((u_char *) before.data, before.len);

        if (seconds == NGX_ERROR) {
            return NGX_ERROR;
        }

        part[n].subject = (subject.len == 1 && subject.data[0] == 't');
        part[n].before = seconds;

        if (++n == sizeof(part) / sizeof(part[0]) || i + 1 == rows) {

            ngx_http_social_revocations_add(f->rmcf, part, n);
            n = 0;
        }
    }

    if (rows) {
        ngx_memcpy(f->id, id.data, id.len);
        f->id_len = id.len;

        ngx_memcpy(f->xact, xact.data, xact.len);
        f->xact_len = xact.len;
    }

    f->count += rows;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_social_listener_row(ngx_http_social_revoked_t *row, social_str_t id,
    social_str_t until)
{
    off_t       seconds;
    ngx_int_t   byte;
    ngx_uint_t  i;

    if (id.len != 2 * SOCIAL_REVOCATIONS_ID_SIZE) {
        return 0;
    }

    for (i = 0; i < SOCIAL_REVOCATIONS_ID_SIZE; i++) {
        byte = ngx_hextoi((u_char *) id.data + 2 * i, 2);

        if (byte == NGX_ERROR) {
            return 0;
        }

        row->id[i] = (u_char) byte;
    }

    seconds = ngx_atoof((u_char *) until.data, until.len);

    if (seconds == NGX_ERROR) {
        return 0;
    }

    row->until = seconds;

    return 1;
}


static void
ngx_http_social_listener_loaded(ngx_http_social_listener_t *f)
{
    ngx_str_t   server;
    ngx_uint_t  level;

    server.data = f->server;
    server.len = f->server_len;

    ngx_http_social_revocations_load_end(f->rmcf, f->load, &server, f->xmax);

    if (server.len == 0) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "social: revocations come from a standby, which may not "
                      "have all of them");
    }

    /* where there was no room: what is over by then makes some */

    f->reload = ngx_current_msec + NGX_HTTP_SOCIAL_LISTENER_RELOAD;

    level = f->conn.failures ? NGX_LOG_NOTICE : NGX_LOG_INFO;

    ngx_log_error(level, ngx_cycle->log, 0,
                  "social: %ui revocations loaded", f->count);

    f->conn.failures = 0;

    ngx_memzero(&f->faults, sizeof(ngx_http_social_faults_t));
}


static void
ngx_http_social_listener_expired(ngx_http_social_listener_t *f,
    const social_pq_result_t *result)
{
    social_str_t  deleted;

    f->expire = ngx_current_msec + 600000;

    if (social_pq_result_value(result, 0, 0, &deleted)
        && ngx_atoi((u_char *) deleted.data, deleted.len)
           == NGX_HTTP_SOCIAL_LISTENER_PAGE)
    {
        /* there are more */
        f->expire = ngx_current_msec + 1000;
    }
}


void
ngx_http_social_listener_forget(ngx_http_social_listener_t *f)
{
    ngx_free(f->seen.data);
    ngx_free(f->next.data);
    ngx_str_null(&f->seen);
    ngx_str_null(&f->next);
}
