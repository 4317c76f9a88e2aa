
/*
 * What a connection is made of, for those who make one and those who use it.
 */

#ifndef SOCIAL_PQ_STRUCT_H
#define SOCIAL_PQ_STRUCT_H


#include <libpq-fe.h>

#include "social_pq_pipeline.h"


/*
 * A transaction is a number of statements and the sync after them.  The
 * results of the oldest one are collected until that of its sync is there.
 */

struct social_pq_s {
    PGconn         *conn;
    bool            plain;       /* without settings of ours */
    bool            writes;      /* was made as one to write to */

    size_t          pending;     /* statements that have no result yet */

    const char     *sql;         /* last added to the transaction, or NULL */
    size_t          added;       /* statements since the last sync */

    unsigned char   sizes[SOCIAL_PQ_MAX_SYNCS];    /* of transactions, a ring */
    size_t          first;
    size_t          syncs;

    PGresult       *results[SOCIAL_PQ_MAX_GROUP];  /* of the oldest one */
    size_t          got;
    size_t          given;
    size_t          ready;       /* how many may be given out */
    PGresult       *error;       /* of its commit */

    char           *scratch;
    size_t          scratch_size;
};


#endif /* SOCIAL_PQ_STRUCT_H */
