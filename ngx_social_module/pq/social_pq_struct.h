
/*
 * What a connection is made of, for those who make one and those who use it.
 */

#ifndef SOCIAL_PQ_STRUCT_H
#define SOCIAL_PQ_STRUCT_H


#include <libpq-fe.h>

#include "social_pq_pipeline.h"


struct social_pq_s {
    PGconn         *conn;
    PGresult       *result;      /* of the oldest statement, till its sync */
    size_t          pending;
    bool            plain;       /* without settings of ours */
    bool            writes;      /* was made as one to write to */
};


#endif /* SOCIAL_PQ_STRUCT_H */
