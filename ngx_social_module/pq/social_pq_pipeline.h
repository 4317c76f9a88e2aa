
/*
 * A connection to PostgreSQL in pipeline mode: statements go out one after
 * the other without waiting, results come in the same order.  No event loop:
 * the caller waits for the socket.  (PostgreSQL, 34.5: Pipeline Mode)
 */

#ifndef SOCIAL_PQ_PIPELINE_H
#define SOCIAL_PQ_PIPELINE_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_PQ_MAX_GROUP   64       /* statements of one transaction */
#define SOCIAL_PQ_MAX_SYNCS   256      /* transactions under way */


typedef struct social_pq_s  social_pq_t;


/*
 * The result of a statement, or a part of one: to be read by the functions
 * below only.
 */
typedef struct {
    void           *raw;         /* PGresult */
    size_t          first;       /* row */
    size_t          rows;
    size_t          column;      /* the first */
} social_pq_result_t;


/*
 * One parameter of a statement, sent as text; "null" wins over "value".
 */
typedef struct {
    social_str_t    value;
    bool            null;
} social_pq_param_t;


typedef enum {
    SOCIAL_PQ_OK = 0,       /* the statement was run */
    SOCIAL_PQ_REFUSED,      /* the server refused it: see the SQLSTATE */
    SOCIAL_PQ_BROKEN,       /* the connection is gone */
    SOCIAL_PQ_ABORTED       /* nothing is left of it, since another statement
                               of its transaction failed, or the commit did */
} social_pq_outcome_e;


/*
 * Ends the connection; NULL is allowed.  Results that were given out stay.
 */
void social_pq_close(social_pq_t *pq);

int social_pq_socket(const social_pq_t *pq);

/*
 * Queues one statement with a sync after it, so that it is its own
 * transaction.  "sql" may refer to $1 .. $n.  SOCIAL_FAILED: the connection is
 * of no more use.  To be followed by social_pq_flush().
 */
social_rc_e social_pq_send(social_pq_t *pq, const char *sql,
    const social_pq_param_t *params, size_t n);

/*
 * The same for several statements in one transaction: each of them is added,
 * SOCIAL_PQ_MAX_GROUP at most, then the sync.  Their results are given out one
 * by one when the transaction is over: either all statements were run and
 * committed, or none of them, and then one result at most is the error.  Where
 * the same "sql" follows itself, by its address, it is parsed once.
 * (PostgreSQL, 34.5.1.3 and 55.2.4: an implicit transaction ends with a sync)
 */
social_rc_e social_pq_add(social_pq_t *pq, const char *sql,
    const social_pq_param_t *params, size_t n);
social_rc_e social_pq_sync(social_pq_t *pq);

/*
 * Sends what is queued.  SOCIAL_OK: all of it is out; SOCIAL_DECLINED: call
 * again when the socket can be written, and read from it meanwhile;
 * SOCIAL_FAILED: the connection is of no more use.
 */
social_rc_e social_pq_flush(social_pq_t *pq);

/*
 * Reads what the socket has.  SOCIAL_FAILED: the connection is of no more use.
 */
social_rc_e social_pq_consume(social_pq_t *pq);

/*
 * The result of the oldest statement that has none yet.  SOCIAL_OK: "result"
 * is owned by the caller, who frees it; SOCIAL_DECLINED: it has not come yet;
 * SOCIAL_FAILED: the connection is of no more use.
 */
social_rc_e social_pq_next(social_pq_t *pq, social_pq_result_t **result);

/*
 * Whether a notification came of what this connection listens to, since the
 * last call.  To be called after social_pq_consume().
 */
bool social_pq_notified(social_pq_t *pq);

/*
 * How many statements have no result yet.
 */
size_t social_pq_pending(const social_pq_t *pq);


void social_pq_result_free(social_pq_result_t *result);
social_pq_outcome_e social_pq_result_outcome(const social_pq_result_t *result);

/*
 * Five characters, "" where there is none (PostgreSQL, Appendix A).
 */
const char *social_pq_result_sqlstate(const social_pq_result_t *result);

/*
 * What the server said, in one line, for the log: never shown to a client.
 */
const char *social_pq_result_message(const social_pq_result_t *result);

/*
 * The number of rows, and one value of them, owned by the result.  False:
 * there is no such value, or it is NULL.
 */
size_t social_pq_result_rows(const social_pq_result_t *result);
bool social_pq_result_value(const social_pq_result_t *result, size_t row,
    size_t column, social_str_t *value);

/*
 * One row of a result, from a column on, as a result of its own in "part",
 * which is valid as long as "result" and is not to be freed.  A row that there
 * is not makes it one without rows.
 */
void social_pq_result_part(const social_pq_result_t *result, size_t row,
    size_t column, social_pq_result_t *part);


#endif /* SOCIAL_PQ_PIPELINE_H */
