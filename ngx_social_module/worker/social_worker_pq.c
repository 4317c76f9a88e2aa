
/*
 * A blocking connection to PostgreSQL.
 */

#include <stdio.h>
#include <string.h>

#include "social_worker_log.h"
#include "social_worker_pq.h"


static void social_worker_pq_error(social_worker_pq_t *pq, const char *error);
static void social_worker_pq_unavailable(social_worker_pq_t *pq);
static void social_worker_pq_lost(social_worker_pq_t *pq);
static void social_worker_pq_notice(void *data, const char *message);


bool
social_worker_pq_connect(social_worker_pq_t *pq, const char *conninfo)
{
    char       sql[128];
    PGresult  *result;

    /* what comes before "dbname" are defaults that a conninfo overrides */

    const char *const  names[] = {
        "connect_timeout", "keepalives_idle", "keepalives_interval",
        "keepalives_count", "tcp_user_timeout", "dbname",
        "fallback_application_name", NULL
    };

    const char *const  values[] = {
        "5", "10", "5", "3", "20000", conninfo ? conninfo : "",
        "social-worker", NULL
    };

    if (pq->conn != NULL && PQstatus(pq->conn) == CONNECTION_OK) {
        return true;
    }

    PQfinish(pq->conn);
    pq->conn = PQconnectdbParams(names, values, conninfo != NULL);

    /* libpq's own writes to the standard error output, between our lines */

    (void) PQsetNoticeProcessor(pq->conn, social_worker_pq_notice, NULL);

    if (PQstatus(pq->conn) != CONNECTION_OK) {
        social_worker_pq_unavailable(pq);
        return false;
    }

    /* a server that hangs must not hold a thread for good */

    snprintf(sql, sizeof(sql), "SET statement_timeout = '30s'; "
             "SET client_min_messages = warning%s%s",
             pq->listen ? "; LISTEN " : "", pq->listen ? pq->listen : "");

    result = PQexec(pq->conn, sql);

    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        PQclear(result);
        social_worker_pq_unavailable(pq);
        return false;
    }

    PQclear(result);

    if (pq->failing) {
        pq->failing = false;
        social_worker_log(SOCIAL_WORKER_INFO, "database available again",
                          social_worker_number("server",
                                               PQserverVersion(pq->conn)));
    }

    return true;
}


PGresult *
social_worker_pq_run(social_worker_pq_t *pq, const char *sql, int n,
    const char *const *params)
{
    PGresult       *result;
    const char     *state;
    ExecStatusType  status;

    pq->state[0] = '\0';

    if (pq->conn == NULL) {
        return NULL;
    }

    result = PQexecParams(pq->conn, sql, n, NULL, params, NULL, NULL, 0);
    status = PQresultStatus(result);

    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {

        if (pq->refused == sql) {
            pq->refused = NULL;
            social_worker_log(SOCIAL_WORKER_INFO, "statement succeeds again",
                              social_worker_text("statement", sql));
        }

        return result;
    }

    state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    snprintf(pq->state, sizeof(pq->state), "%s", state ? state : "");

    social_worker_pq_error(pq,
                           PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)
                           ? PQresultErrorField(result,
                                                PG_DIAG_MESSAGE_PRIMARY)
                           : PQerrorMessage(pq->conn));
    PQclear(result);

    if (PQstatus(pq->conn) != CONNECTION_OK) {
        social_worker_pq_lost(pq);
        return NULL;
    }

    social_worker_log(pq->refused == sql ? SOCIAL_WORKER_DEBUG
                                         : SOCIAL_WORKER_ERROR,
                      "statement failed",
                      social_worker_text("statement", sql),
                      social_worker_text("error", pq->error));

    pq->refused = sql;

    return NULL;
}


const char *
social_worker_pq_value(const PGresult *result)
{
    if (PQntuples(result) == 0 || PQgetisnull(result, 0, 0)) {
        return NULL;
    }

    return PQgetvalue(result, 0, 0);
}


void
social_worker_pq_close(social_worker_pq_t *pq)
{
    PQfinish(pq->conn);
    pq->conn = NULL;
}


static void
social_worker_pq_error(social_worker_pq_t *pq, const char *error)
{
    size_t  len;

    snprintf(pq->error, sizeof(pq->error), "%s", error);

    len = strlen(pq->error);

    while (len > 0 && pq->error[len - 1] == '\n') {
        pq->error[--len] = '\0';
    }
}


static void
social_worker_pq_unavailable(social_worker_pq_t *pq)
{
    social_worker_pq_error(pq, PQerrorMessage(pq->conn));
    social_worker_pq_lost(pq);
}


static void
social_worker_pq_notice(void *data, const char *message)
{
    char  text[SOCIAL_WORKER_PQ_ERROR];

    (void) data;

    snprintf(text, sizeof(text), "%s", message);
    text[strcspn(text, "\n")] = '\0';

    social_worker_log(SOCIAL_WORKER_WARN, "database notice",
                      social_worker_text("message", text));
}


/*
 * For the reason in pq->error; logged once for each outage.
 */

static void
social_worker_pq_lost(social_worker_pq_t *pq)
{
    social_worker_log(pq->failing ? SOCIAL_WORKER_DEBUG : SOCIAL_WORKER_ERROR,
                      "database unavailable",
                      social_worker_text("error", pq->error));

    pq->failing = true;

    PQfinish(pq->conn);
    pq->conn = NULL;
}
