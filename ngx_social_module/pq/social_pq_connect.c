
/*
 * Making a connection to PostgreSQL.
 */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "social_pq_connect.h"
#include "social_pq_struct.h"


static void social_pq_copy_error(char *dst, const char *message);
static social_rc_e social_pq_prepare(PGconn *conn,
    const social_pq_options_t *options);
static bool social_pq_run(PGconn *conn, const char *sql, int seconds);
static int64_t social_pq_clock(void);
static void social_pq_notice(void *arg, const PGresult *res);


bool
social_pq_conninfo_valid(const char *conninfo)
{
    PQconninfoOption  *options;

    options = PQconninfoParse(conninfo, NULL);

    if (options == NULL) {
        return false;
    }

    PQconninfoFree(options);

    return true;
}


social_rc_e
social_pq_connect(const social_pq_options_t *options, social_pq_t **pq,
    char error[SOCIAL_PQ_ERROR_SIZE])
{
    PGconn       *conn;
    social_rc_e   rc;
    char          timeout[16];
    const char   *keywords[] = {
        "dbname", "connect_timeout", "fallback_application_name",
        "keepalives_idle", "client_encoding", NULL
    };
    const char   *values[] = {
        options->conninfo, timeout, options->application_name, "30", "UTF8",
        NULL
    };

    *pq = NULL;

    snprintf(timeout, sizeof(timeout), "%d", options->connect_timeout);

    /* a whole conninfo string may stand for the name of the database */

    conn = PQconnectdbParams(keywords, values, 1);

    if (conn == NULL) {
        return SOCIAL_FAILED;
    }

    rc = PQstatus(conn) == CONNECTION_OK
         ? social_pq_prepare(conn, options) : SOCIAL_DECLINED;

    if (rc == SOCIAL_OK) {
        *pq = calloc(1, sizeof(social_pq_t));
        rc = *pq ? SOCIAL_OK : SOCIAL_FAILED;
    }

    if (rc != SOCIAL_OK) {
        social_pq_copy_error(error, PQerrorMessage(conn));

        if (error[0] == '\0') {
            snprintf(error, SOCIAL_PQ_ERROR_SIZE, "it does not answer");
        }

        PQfinish(conn);
        return rc;
    }

    (*pq)->conn = conn;

    return SOCIAL_OK;
}


/*
 * A statement that the server cannot finish in time is ended there: libpq 15
 * has no way to cancel one that does not block.
 */

static social_rc_e
social_pq_prepare(PGconn *conn, const social_pq_options_t *options)
{
    char  sql[64];

    PQsetNoticeReceiver(conn, social_pq_notice, NULL);

    snprintf(sql, sizeof(sql), "SET statement_timeout = %d",
             options->statement_timeout);

    if (PQsetnonblocking(conn, 1) != 0
        || !social_pq_run(conn, sql, options->connect_timeout)
        || PQenterPipelineMode(conn) != 1)
    {
        return SOCIAL_DECLINED;
    }

    return SOCIAL_OK;
}


/*
 * What PQexec() does, but for so many seconds at most: it would wait for a
 * server that has stopped as long as that lasts, and a worker that exits waits
 * for its threads.
 */

static bool
social_pq_run(PGconn *conn, const char *sql, int seconds)
{
    bool            ok;
    int             unsent;
    int64_t         end, left;
    PGresult       *res;
    struct pollfd   pfd;

    end = social_pq_clock() + (int64_t) seconds * 1000;
    ok = (PQsendQuery(conn, sql) == 1);

    while (ok) {

        unsent = PQflush(conn);

        if (unsent < 0) {
            return false;
        }

        if (unsent == 0 && !PQisBusy(conn)) {

            res = PQgetResult(conn);

            if (res == NULL) {
                return true;
            }

            ok = (PQresultStatus(res) == PGRES_COMMAND_OK);
            PQclear(res);
            continue;
        }

        left = end - social_pq_clock();

        pfd.fd = PQsocket(conn);
        pfd.events = (short) (POLLIN | (unsent ? POLLOUT : 0));
        pfd.revents = 0;

        if (left <= 0 || poll(&pfd, 1, (int) left) < 0) {
            return false;
        }

        if (pfd.revents != 0) {
            ok = (PQconsumeInput(conn) == 1);
        }
    }

    return false;
}


static int64_t
social_pq_clock(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


/*
 * Notices would go to stderr, and may quote values.
 */

static void
social_pq_notice(void *arg, const PGresult *res)
{
    (void) arg;
    (void) res;
}


static void
social_pq_copy_error(char *dst, const char *message)
{
    size_t  n;

    n = strcspn(message, "\r\n");

    if (n >= SOCIAL_PQ_ERROR_SIZE) {
        n = SOCIAL_PQ_ERROR_SIZE - 1;
    }

    memcpy(dst, message, n);
    dst[n] = '\0';
}
