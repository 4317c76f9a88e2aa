
/*
 * A connection to PostgreSQL in pipeline mode.
 */

#include <stdlib.h>
#include <string.h>

#include "social_pq_struct.h"


#define SOCIAL_PQ_MAX_PARAMS  16


/* PGresult, opaque to others */

static PGresult *
social_pq_raw(const social_pq_result_t *result)
{
    return (PGresult *) (uintptr_t) result;
}


void
social_pq_close(social_pq_t *pq)
{
    if (pq == NULL) {
        return;
    }

    PQclear(pq->result);
    PQfinish(pq->conn);
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
    int          ok;
    char        *copies[SOCIAL_PQ_MAX_PARAMS];
    size_t       i;
    const char  *values[SOCIAL_PQ_MAX_PARAMS] = { NULL };

    if (n > SOCIAL_PQ_MAX_PARAMS) {
        return SOCIAL_FAILED;
    }

    memset(copies, 0, sizeof(copies));
    ok = 1;

    for (i = 0; i < n; i++) {

        values[i] = NULL;

        if (params[i].null) {
            continue;
        }

        /* in text format libpq takes strings that end with a zero byte */

        copies[i] = malloc(params[i].value.len + 1);

        if (copies[i] == NULL) {
            ok = 0;
            break;
        }

        if (params[i].value.len) {
            memcpy(copies[i], params[i].value.data, params[i].value.len);
        }

        copies[i][params[i].value.len] = '\0';
        values[i] = copies[i];
    }

    ok = ok
         && PQsendQueryParams(pq->conn, sql, (int) n, NULL, values, NULL,
                              NULL, 0)
            == 1
         && PQpipelineSync(pq->conn) == 1;

    for (i = 0; i < n; i++) {
        free(copies[i]);
    }

    if (!ok) {
        return SOCIAL_FAILED;
    }

    pq->pending++;

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
 * For every statement libpq gives its result, then NULL, then the result of
 * the sync; only with that is the transaction over and the row there.
 */

social_rc_e
social_pq_next(social_pq_t *pq, social_pq_result_t **result)
{
    PGresult        *res;
    unsigned         nulls;
    ExecStatusType   status;

    *result = NULL;
    nulls = 0;

    while (pq->pending) {

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

        if (status != PGRES_PIPELINE_SYNC) {

            /* the first is the statement's own; an error at commit wins */

            if (pq->result == NULL || status == PGRES_FATAL_ERROR) {
                PQclear(pq->result);
                pq->result = res;

            } else {
                PQclear(res);
            }

            continue;
        }

        PQclear(res);

        if (pq->result == NULL) {
            return SOCIAL_FAILED;
        }

        *result = (social_pq_result_t *) pq->result;
        pq->result = NULL;
        pq->pending--;

        return SOCIAL_OK;
    }

    return SOCIAL_DECLINED;
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
    PQclear(social_pq_raw(result));
}


social_pq_outcome_e
social_pq_result_outcome(const social_pq_result_t *result)
{
    switch (PQresultStatus(social_pq_raw(result))) {

    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        return SOCIAL_PQ_OK;

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

    state = PQresultErrorField(social_pq_raw(result), PG_DIAG_SQLSTATE);

    return state ? state : "";
}


/*
 * The primary message only: the detail quotes values.
 */

const char *
social_pq_result_message(const social_pq_result_t *result)
{
    const char  *message;

    message = PQresultErrorField(social_pq_raw(result),
                                 PG_DIAG_MESSAGE_PRIMARY);

    return message ? message : "";
}


size_t
social_pq_result_rows(const social_pq_result_t *result)
{
    return (size_t) PQntuples(social_pq_raw(result));
}


bool
social_pq_result_value(const social_pq_result_t *result, size_t row,
    size_t column, social_str_t *value)
{
    PGresult  *res;

    res = social_pq_raw(result);

    value->len = 0;
    value->data = (const unsigned char *) "";

    if (row >= (size_t) PQntuples(res) || column >= (size_t) PQnfields(res)
        || PQgetisnull(res, (int) row, (int) column))
    {
        return false;
    }

    value->data = (const unsigned char *) PQgetvalue(res, (int) row,
                                                     (int) column);
    value->len = (size_t) PQgetlength(res, (int) row, (int) column);

    return true;
}
