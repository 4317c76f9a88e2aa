
/*
 * A connection to PostgreSQL in pipeline mode.
 */

#include <stdlib.h>
#include <string.h>

#include "social_pq_struct.h"


#define SOCIAL_PQ_MAX_PARAMS  16


static bool social_pq_values(social_pq_t *pq, const social_pq_param_t *params,
    size_t n, const char **values);
static bool social_pq_settle(social_pq_t *pq);


void
social_pq_close(social_pq_t *pq)
{
    if (pq == NULL) {
        return;
    }

    while (pq->given < pq->got) {
        PQclear(pq->results[pq->given++]);
    }

    PQclear(pq->error);
    PQfinish(pq->conn);
    free(pq->scratch);
    free(pq);
}


int
social_pq_socket(const social_pq_t *pq)
{
    return PQsocket(pq->conn);
}


size_t
social_pq_pending(const social_pq_t *pq)
{
    return pq->pending;
}


social_rc_e
social_pq_send(social_pq_t *pq, const char *sql,
    const social_pq_param_t *params, size_t n)
{
    if (social_pq_add(pq, sql, params, n) != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    return social_pq_sync(pq);
}


/*
 * What is parsed without a name stays until the next statement is parsed, and
 * within a transaction a pooler leaves the connection to the same server.
 */

social_rc_e
social_pq_add(social_pq_t *pq, const char *sql,
    const social_pq_param_t *params, size_t n)
{
    int          ok;
    const char  *values[SOCIAL_PQ_MAX_PARAMS] = { NULL };

    if (n > SOCIAL_PQ_MAX_PARAMS || pq->added == SOCIAL_PQ_MAX_GROUP
        || !social_pq_values(pq, params, n, values))
    {
        return SOCIAL_FAILED;
    }

    ok = pq->sql == sql
         ? PQsendQueryPrepared(pq->conn, "", (int) n, values, NULL, NULL, 0)
         : PQsendQueryParams(pq->conn, sql, (int) n, NULL, values, NULL, NULL,
                             0);

    if (ok != 1) {
        return SOCIAL_FAILED;
    }

    pq->sql = sql;
    pq->added++;
    pq->pending++;

    return SOCIAL_OK;
}


/*
 * In text format libpq takes strings that end with a zero byte.
 */

static bool
social_pq_values(social_pq_t *pq, const social_pq_param_t *params, size_t n,
    const char **values)
{
    char    *p;
    size_t   i, size;

    size = 0;

    for (i = 0; i < n; i++) {
        size += params[i].null ? 0 : params[i].value.len + 1;
    }

    if (size > pq->scratch_size) {
        p = realloc(pq->scratch, size);
        if (p == NULL) {
            return false;
        }

        pq->scratch = p;
        pq->scratch_size = size;
    }

    p = pq->scratch;

    for (i = 0; i < n; i++) {

        if (params[i].null) {
            continue;
        }

        values[i] = p;

        if (params[i].value.len) {
            memcpy(p, params[i].value.data, params[i].value.len);
            p += params[i].value.len;
        }

        *p++ = '\0';
    }

    return true;
}


social_rc_e
social_pq_sync(social_pq_t *pq)
{
    if (pq->added == 0 || pq->syncs == SOCIAL_PQ_MAX_SYNCS
        || PQpipelineSync(pq->conn) != 1)
    {
        return SOCIAL_FAILED;
    }

    pq->sizes[(pq->first + pq->syncs) % SOCIAL_PQ_MAX_SYNCS]
        = (unsigned char) pq->added;
    pq->syncs++;

    pq->added = 0;
    pq->sql = NULL;

    return SOCIAL_OK;
}


social_rc_e
social_pq_flush(social_pq_t *pq)
{
    switch (PQflush(pq->conn)) {

    case 0:
        return SOCIAL_OK;

    case 1:
        return SOCIAL_DECLINED;

    default:
        return SOCIAL_FAILED;
    }
}


social_rc_e
social_pq_consume(social_pq_t *pq)
{
    return PQconsumeInput(pq->conn) == 1 ? SOCIAL_OK : SOCIAL_FAILED;
}


/*
 * For every statement libpq gives its result, then NULL; behind those of a
 * transaction the result of the sync, or of a commit that failed and then that
 * of the sync.  Only with that is the transaction over and the row there.
 */

social_rc_e
social_pq_next(social_pq_t *pq, social_pq_result_t **result)
{
    PGresult        *res;
    unsigned         nulls;
    ExecStatusType   status;

    *result = NULL;
    nulls = 0;

    while (pq->given == pq->ready) {

        if (pq->syncs == 0) {
            return SOCIAL_DECLINED;
        }

        if (PQstatus(pq->conn) != CONNECTION_OK) {
            return SOCIAL_FAILED;
        }

        if (PQisBusy(pq->conn)) {
            return SOCIAL_DECLINED;
        }

        res = PQgetResult(pq->conn);

        if (res == NULL) {

            /* one follows each result; two in a row mean there is no more */

            if (++nulls > 1) {
                return SOCIAL_FAILED;
            }

            continue;
        }

        nulls = 0;
        status = PQresultStatus(res);

        if (status == PGRES_PIPELINE_SYNC) {

            PQclear(res);

            if (!social_pq_settle(pq)) {
                return SOCIAL_FAILED;
            }

        } else if (pq->got < pq->sizes[pq->first]) {

            pq->results[pq->got++] = res;

        } else {
            PQclear(pq->error);
            pq->error = res;
        }
    }

    *result = malloc(sizeof(social_pq_result_t));

    if (*result == NULL) {
        return SOCIAL_FAILED;
    }

    (*result)->raw = pq->results[pq->given++];
    (*result)->first = 0;
    (*result)->rows = (size_t) PQntuples((*result)->raw);
    (*result)->column = 0;

    pq->pending--;

    if (pq->given == pq->ready) {
        pq->given = 0;
        pq->ready = 0;
        pq->got = 0;
    }

    return SOCIAL_OK;
}


/*
 * What a transaction came to: a result that says it was good is none where
 * another of the same transaction was not.
 */

static bool
social_pq_settle(social_pq_t *pq)
{
    bool             failed;
    size_t           i, size;
    ExecStatusType   status;

    size = pq->sizes[pq->first];

    if (pq->got != size) {
        return false;
    }

    failed = (pq->error != NULL);

    for (i = 0; i < size; i++) {
        status = PQresultStatus(pq->results[i]);

        if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
            failed = true;
        }
    }

    if (failed && size == 1 && pq->error != NULL) {
        PQclear(pq->results[0]);
        pq->results[0] = pq->error;
        pq->error = NULL;

    } else if (failed && size > 1) {

        for (i = 0; i < size; i++) {

            status = PQresultStatus(pq->results[i]);

            if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {

                PQclear(pq->results[i]);
                pq->results[i] = PQmakeEmptyPGresult(pq->conn,
                                                     PGRES_PIPELINE_ABORTED);
            }
        }
    }

    PQclear(pq->error);
    pq->error = NULL;

    pq->first = (pq->first + 1) % SOCIAL_PQ_MAX_SYNCS;
    pq->syncs--;

    pq->ready = size;

    return true;
}


bool
social_pq_notified(social_pq_t *pq)
{
    bool       any;
    PGnotify  *notify;

    any = false;

    while ((notify = PQnotifies(pq->conn)) != NULL) {
        PQfreemem(notify);
        any = true;
    }

    return any;
}


void
social_pq_result_free(social_pq_result_t *result)
{
    PQclear(result->raw);
    free(result);
}


social_pq_outcome_e
social_pq_result_outcome(const social_pq_result_t *result)
{
    switch (PQresultStatus(result->raw)) {

    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        return SOCIAL_PQ_OK;

    case PGRES_PIPELINE_ABORTED:
        return SOCIAL_PQ_ABORTED;

    default:
        /* without a SQLSTATE it is not from the server */
        return social_pq_result_sqlstate(result)[0] != '\0'
               ? SOCIAL_PQ_REFUSED : SOCIAL_PQ_BROKEN;
    }
}


const char *
social_pq_result_sqlstate(const social_pq_result_t *result)
{
    const char  *state;

    state = PQresultErrorField(result->raw, PG_DIAG_SQLSTATE);

    return state ? state : "";
}


/*
 * The primary message only: the detail quotes values.
 */

const char *
social_pq_result_message(const social_pq_result_t *result)
{
    const char  *message;

    message = PQresultErrorField(result->raw, PG_DIAG_MESSAGE_PRIMARY);

    return message ? message : "";
}


size_t
social_pq_result_rows(const social_pq_result_t *result)
{
    return result->rows;
}


bool
social_pq_result_value(const social_pq_result_t *result, size_t row,
    size_t column, social_str_t *value)
{
    PGresult  *res;

    res = result->raw;

    value->len = 0;
    value->data = (const unsigned char *) "";

    if (row >= result->rows) {
        return false;
    }

    row += result->first;
    column += result->column;

    if (column >= (size_t) PQnfields(res)
        || PQgetisnull(res, (int) row, (int) column))
    {
        return false;
    }

    value->data = (const unsigned char *) PQgetvalue(res, (int) row,
                                                     (int) column);
    value->len = (size_t) PQgetlength(res, (int) row, (int) column);

    return true;
}


void
social_pq_result_part(const social_pq_result_t *result, size_t row,
    size_t column, social_pq_result_t *part)
{
    part->raw = result->raw;
    part->first = result->first + row;
    part->rows = row < result->rows;
    part->column = result->column + column;
}
