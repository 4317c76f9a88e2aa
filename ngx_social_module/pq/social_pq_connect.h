
/*
 * Making a connection to PostgreSQL: names, TLS and login, within a time.
 */

#ifndef SOCIAL_PQ_CONNECT_H
#define SOCIAL_PQ_CONNECT_H


#include "social_pq_pipeline.h"
#include "social_pq_target.h"
#include "social_pq_wait.h"


#define SOCIAL_PQ_ERROR_SIZE     512
#define SOCIAL_PQ_PASSWORD_SIZE  8192


/*
 * Why there is no connection.  Of several hosts with different causes it is the
 * one that stands last here.
 */
typedef enum {
    SOCIAL_PQ_FAULT_NONE = 0,
    SOCIAL_PQ_FAULT_NETWORK,       /* nobody answers, or not in time */
    SOCIAL_PQ_FAULT_READ_ONLY,     /* it is not the primary */
    SOCIAL_PQ_FAULT_FULL,          /* too many connections */
    SOCIAL_PQ_FAULT_DNS,           /* a host has no address */
    SOCIAL_PQ_FAULT_TLS,
    SOCIAL_PQ_FAULT_DATABASE,      /* there is no such one */
    SOCIAL_PQ_FAULT_RIGHTS,        /* the role may not connect to it */
    SOCIAL_PQ_FAULT_LOGIN,         /* user or password */
    SOCIAL_PQ_FAULT_SCHEMA,        /* never of a connection, but of those who
                                      use it: no such function or table */
    SOCIAL_PQ_FAULT_PASSWORD,      /* options->password gave none */
    SOCIAL_PQ_FAULT_CONNINFO       /* the string, or a file that it names */
} social_pq_fault_e;


typedef struct {
    social_pq_fault_e   fault;
    char                text[SOCIAL_PQ_ERROR_SIZE];   /* one line */
} social_pq_error_t;


/*
 * Makes a password for a connection to "host" and "port", which are those of
 * the connection string, as "user": SOCIAL_PQ_PASSWORD_SIZE bytes, with a zero
 * byte at the end, which are wiped after use.  SOCIAL_DECLINED: "why", of
 * "size" bytes, says why there is none.
 */
typedef social_rc_e (*social_pq_password_pt)(void *data, const char *host,
    const char *port, const char *user, char *password, char *why,
    size_t size);


typedef struct {
    const char             *conninfo;          /* as libpq takes it */
    int                     connect_timeout;   /* seconds, for all hosts and
                                                  addresses together */
    int                     statement_timeout; /* milliseconds; 0: the role's */
    const char             *application_name;

    social_pq_stop_pt       stop;              /* NULL: never */
    social_pq_password_pt   password;          /* NULL: as libpq finds it; TLS
                                                  is required with it */
    void                   *data;              /* for both */
} social_pq_options_t;


/*
 * Connects: names, TLS and login, blocking, for threads only.  The hosts of the
 * connection string, and the addresses of each, are tried one after the other:
 * each has its share of the time that is left.  Of several hosts it is one
 * that can be written to, unless the string has target_session_attrs.
 *
 * SOCIAL_OK: the caller closes "pq" with social_pq_close().  SOCIAL_DECLINED:
 * "error" says why; SOCIAL_FAILED: out of memory.
 */
social_rc_e social_pq_connect(const social_pq_options_t *options,
    social_pq_t **pq, social_pq_error_t *error);

/*
 * Whether the server, a pooler, does not accept settings of a connection: then
 * "statement_timeout" has no effect.
 */
bool social_pq_is_plain(const social_pq_t *pq);

/*
 * Whether a connection that was to be one to write to has turned read-only, as
 * far as the server has said.
 */
bool social_pq_is_read_only(const social_pq_t *pq);

/*
 * What to do about it, to follow "; " in a log; "" where time heals it.
 */
const char *social_pq_remedy(social_pq_fault_e fault);

/*
 * One or a few words of lower case, with "_" between: for machines.
 */
const char *social_pq_fault_name(social_pq_fault_e fault);


#endif /* SOCIAL_PQ_CONNECT_H */
