
/*
 * Making a connection to PostgreSQL.
 *
 * DESIGN.  libpq looks names up with getaddrinfo(), which may take longer than
 * a worker process has for its end, and gives every address the whole
 * connect_timeout.  So each address is a connection of its own here, with the
 * name as "host", which TLS compares, and the address as "hostaddr".
 *
 * The server's statement_timeout is a setting of the connection ("options"):
 * SET would reach another client's session, or be lost, behind a pooler in
 * transaction mode.  A pooler that refuses such settings gets none.
 */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "social_pq_connect.h"
#include "social_pq_resolve.h"
#include "social_pq_struct.h"


#define SOCIAL_PQ_MAX_KEYWORDS  16


typedef struct {
    const social_pq_options_t  *options;
    social_pq_target_t          target;
    const char                 *session;     /* target_session_attrs */
    social_pq_wait_t            wait;
    social_pq_error_t          *error;
    social_pq_t                *pq;
} social_pq_attempt_t;


static social_rc_e social_pq_try_hosts(social_pq_attempt_t *attempt);
static social_rc_e social_pq_try_host(social_pq_attempt_t *attempt,
    const social_pq_host_t *host, const social_pq_wait_t *wait);
static social_rc_e social_pq_try_address(social_pq_attempt_t *attempt,
    const social_pq_host_t *host, const char *address,
    const social_pq_wait_t *wait);
static social_rc_e social_pq_try(social_pq_attempt_t *attempt,
    const social_pq_host_t *host, const char *address,
    const social_pq_wait_t *wait, bool plain);
static social_rc_e social_pq_begin(social_pq_attempt_t *attempt,
    const social_pq_host_t *host, const char *address, bool plain,
    PGconn **conn);
static social_rc_e social_pq_poll(PGconn *conn, const social_pq_wait_t *wait);
static bool social_pq_refuses_settings(PGconn *conn);
static bool social_pq_says(PGconn *conn, const char *parameter);
static void social_pq_note(social_pq_error_t *error, social_pq_fault_e fault,
    const char *text);
static void social_pq_note_failed(social_pq_error_t *error, PGconn *conn);
static social_pq_fault_e social_pq_fault_of(const char *sqlstate,
    const char *message);
static void social_pq_notice(void *arg, const PGresult *res);


social_rc_e
social_pq_connect(const social_pq_options_t *options, social_pq_t **pq,
    social_pq_error_t *error)
{
    social_rc_e           rc;
    social_pq_attempt_t   attempt;
    char                  why[SOCIAL_PQ_ERROR_SIZE];

    *pq = NULL;
    error->fault = SOCIAL_PQ_FAULT_NONE;
    error->text[0] = '\0';

    memset(&attempt, 0, sizeof(attempt));
    attempt.options = options;
    attempt.error = error;

    attempt.wait.end = social_pq_clock()
                       + (int64_t) options->connect_timeout * 1000;
    attempt.wait.stop = options->stop;
    attempt.wait.data = options->data;

    rc = social_pq_target_read(options->conninfo, &attempt.target, why,
                               sizeof(why));

    if (rc != SOCIAL_OK) {
        social_pq_note(error, SOCIAL_PQ_FAULT_CONNINFO,
                       rc == SOCIAL_DECLINED ? why : "out of memory");
        return rc;
    }

    if (options->password != NULL
        && !social_pq_target_is_encrypted(&attempt.target))
    {
        social_pq_note(error, SOCIAL_PQ_FAULT_CONNINFO,
                       "a password in clear text without TLS");
        rc = SOCIAL_DECLINED;

    } else {
        rc = social_pq_try_hosts(&attempt);
    }

    social_pq_target_free(&attempt.target);

    *pq = attempt.pq;

    if (rc != SOCIAL_OK) {
        social_pq_note(error, SOCIAL_PQ_FAULT_NETWORK,
                       rc == SOCIAL_FAILED ? "out of memory" : "timed out");
    }

    return rc;
}


/*
 * libpq looks for a standby at all hosts before it takes any of them.
 */

static social_rc_e
social_pq_try_hosts(social_pq_attempt_t *attempt)
{
    size_t              i, pass, passes;
    social_rc_e         rc;
    social_pq_wait_t    share;
    social_pq_target_t *target;

    target = &attempt->target;

    attempt->session = target->session;
    passes = strcmp(target->session, "prefer-standby") == 0 ? 2 : 1;
    rc = SOCIAL_DECLINED;

    for (pass = 0; pass < passes; pass++) {

        if (passes == 2) {
            attempt->session = pass == 0 ? "standby" : "any";
        }

        for (i = 0; i < target->n; i++) {

            if (social_pq_wait_slice(&attempt->wait) == 0) {
                return SOCIAL_DECLINED;
            }

            share = social_pq_wait_share(&attempt->wait,
                                   (passes - pass) * target->n - i);

            rc = social_pq_try_host(attempt, &target->hosts[i], &share);

            if (rc != SOCIAL_DECLINED) {
                return rc;
            }
        }
    }

    return rc;
}


static social_rc_e
social_pq_try_host(social_pq_attempt_t *attempt, const social_pq_host_t *host,
    const social_pq_wait_t *wait)
{
    size_t                  i;
    char                    text[SOCIAL_PQ_ERROR_SIZE];
    const char             *why;
    social_rc_e             rc;
    social_pq_wait_t        share;
    social_pq_addresses_t   found;

    if (host->hostaddr[0] != '\0' || social_pq_host_is_local(host)) {
        return social_pq_try_address(attempt, host, host->hostaddr, wait);
    }

    rc = social_pq_resolve(host->host, wait, &found, &why);

    if (rc == SOCIAL_DECLINED) {
        snprintf(text, sizeof(text), "could not resolve \"%.255s\": %s",
                 host->host, why);
        social_pq_note(attempt->error, SOCIAL_PQ_FAULT_DNS, text);
        return rc;
    }

    for (i = 0; rc == SOCIAL_OK && i < found.n; i++) {

        share = social_pq_wait_share(wait, found.n - i);

        rc = social_pq_try_address(attempt, host, found.text[i], &share);

        if (rc != SOCIAL_DECLINED) {
            return rc;
        }

        rc = social_pq_wait_slice(wait) == 0 ? SOCIAL_DECLINED : SOCIAL_OK;
    }

    return rc == SOCIAL_FAILED ? rc : SOCIAL_DECLINED;
}


static social_rc_e
social_pq_try_address(social_pq_attempt_t *attempt,
    const social_pq_host_t *host, const char *address,
    const social_pq_wait_t *wait)
{
    bool         plain;
    social_rc_e  rc;

    plain = attempt->options->statement_timeout == 0;

    rc = social_pq_try(attempt, host, address, wait, plain);

    if (rc == SOCIAL_MALFORMED) {
        rc = social_pq_try(attempt, host, address, wait, true);
    }

    return rc;
}


/*
 * SOCIAL_MALFORMED: the server does not accept settings, and is to be asked
 * again without them.
 */

static social_rc_e
social_pq_try(social_pq_attempt_t *attempt, const social_pq_host_t *host,
    const char *address, const social_pq_wait_t *wait, bool plain)
{
    char          text[SOCIAL_PQ_ERROR_SIZE];
    PGconn       *conn;
    social_pq_t  *pq;
    social_rc_e   rc;

    rc = social_pq_begin(attempt, host, address, plain, &conn);

    if (rc != SOCIAL_OK) {
        return rc;
    }

    rc = social_pq_poll(conn, wait);

    if (rc == SOCIAL_DECLINED) {
        snprintf(text, sizeof(text), "connection to \"%.255s\" (%s), port %s "
                 "timed out", host->host, address[0] ? address : "socket",
                 host->port);
        social_pq_note(attempt->error, SOCIAL_PQ_FAULT_NETWORK, text);

    } else if (rc == SOCIAL_FAILED) {

        if (!plain && social_pq_refuses_settings(conn)) {
            rc = SOCIAL_MALFORMED;

        } else {
            social_pq_note_failed(attempt->error, conn);
            rc = SOCIAL_DECLINED;
        }
    }

    if (rc != SOCIAL_OK) {
        PQfinish(conn);
        return rc;
    }

    pq = calloc(1, sizeof(social_pq_t));

    if (pq == NULL) {
        PQfinish(conn);
        return SOCIAL_FAILED;
    }

    pq->conn = conn;
    pq->plain = plain;
    pq->writes = strcmp(attempt->session, "read-write") == 0
                 || strcmp(attempt->session, "primary") == 0;

    attempt->pq = pq;

    return SOCIAL_OK;
}


/*
 * Begins to connect: nothing in it waits, since the address is a number.
 */

static social_rc_e
social_pq_begin(social_pq_attempt_t *attempt, const social_pq_host_t *host,
    const char *address, bool plain, PGconn **conn)
{
    char                        password[SOCIAL_PQ_PASSWORD_SIZE];
    char                        why[SOCIAL_PQ_ERROR_SIZE];
    char                        settings[SOCIAL_PQ_ERROR_SIZE];
    size_t                      n;
    social_rc_e                 rc;
    const char                 *values[SOCIAL_PQ_MAX_KEYWORDS];
    const char                 *keywords[SOCIAL_PQ_MAX_KEYWORDS];
    const social_pq_options_t  *options;

    n = 0;
    options = attempt->options;

#define social_pq_keyword(keyword, value)                                     \
    keywords[n] = keyword;                                                    \
    values[n++] = value

    /* a whole conninfo string may stand for the name of the database */

    social_pq_keyword("dbname", options->conninfo);
    social_pq_keyword("fallback_application_name", options->application_name);
    social_pq_keyword("keepalives_idle", "30");
    social_pq_keyword("client_encoding", "UTF8");

    /* libpq passes over what is empty */

    social_pq_keyword("host", host->host[0] ? host->host : address);
    social_pq_keyword("hostaddr", address);
    social_pq_keyword("port", host->port);
    social_pq_keyword("target_session_attrs", attempt->session);

    if (!plain) {

        /* the operator's own come later, and win */

        if (snprintf(settings, sizeof(settings), "-c statement_timeout=%d %s",
                     options->statement_timeout, attempt->target.options)
            >= (int) sizeof(settings))
        {
            social_pq_note(attempt->error, SOCIAL_PQ_FAULT_CONNINFO,
                           "\"options\" are too long");
            return SOCIAL_DECLINED;
        }

        social_pq_keyword("options", settings);
    }

    if (options->password != NULL) {

        rc = options->password(options->data, host->host, host->port,
                               attempt->target.user, password, why,
                               sizeof(why));

        if (rc != SOCIAL_OK) {
            social_pq_note(attempt->error, SOCIAL_PQ_FAULT_PASSWORD, why);
            return SOCIAL_DECLINED;
        }

        /* or it would be sent without TLS */

        social_pq_keyword("gssencmode", "disable");
        social_pq_keyword("password", password);
    }

    keywords[n] = NULL;
    values[n] = NULL;

#undef social_pq_keyword

    *conn = PQconnectStartParams(keywords, values, 1);

    if (options->password != NULL) {
        explicit_bzero(password, sizeof(password));
    }

    if (*conn == NULL) {
        return SOCIAL_FAILED;
    }

    /* a message has its SQLSTATE only so */

    PQsetErrorVerbosity(*conn, PQERRORS_VERBOSE);
    PQsetNoticeReceiver(*conn, social_pq_notice, NULL);

    return SOCIAL_OK;
}


/*
 * SOCIAL_DECLINED: not in time; SOCIAL_FAILED: PQerrorMessage() says why.
 */

static social_rc_e
social_pq_poll(PGconn *conn, const social_pq_wait_t *wait)
{
    social_rc_e                rc;
    PostgresPollingStatusType  status;

    if (PQstatus(conn) == CONNECTION_BAD) {
        return SOCIAL_FAILED;
    }

    status = PGRES_POLLING_WRITING;

    while (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING)
    {
        /* the socket may be another one each time */

        rc = social_pq_wait(wait, PQsocket(conn),
                            status == PGRES_POLLING_READING ? POLLIN : POLLOUT);

        if (rc != SOCIAL_OK) {
            return rc;
        }

        status = PQconnectPoll(conn);
    }

    if (status != PGRES_POLLING_OK) {
        return SOCIAL_FAILED;
    }

    PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);

    return PQsetnonblocking(conn, 1) == 0 && PQenterPipelineMode(conn) == 1
           ? SOCIAL_OK : SOCIAL_FAILED;
}


/*
 * PgBouncer: "unsupported startup parameter: options", or "... in options:
 * ..."; RDS Proxy: "RDS Proxy currently doesn't support command-line options".
 */

static bool
social_pq_refuses_settings(PGconn *conn)
{
    const char  *message;

    message = PQerrorMessage(conn);

    return strstr(message, "startup parameter") != NULL
           || strstr(message, "command-line options") != NULL;
}


bool
social_pq_is_plain(const social_pq_t *pq)
{
    return pq->plain;
}


bool
social_pq_is_read_only(const social_pq_t *pq)
{
    return pq->writes
           && (social_pq_says(pq->conn, "in_hot_standby")
               || social_pq_says(pq->conn, "default_transaction_read_only"));
}


static bool
social_pq_says(PGconn *conn, const char *parameter)
{
    const char  *value;

    value = PQparameterStatus(conn, parameter);

    return value != NULL && strcmp(value, "on") == 0;
}


/*
 * Adds to what is known, once: another address often has the same cause.
 */

static void
social_pq_note(social_pq_error_t *error, social_pq_fault_e fault,
    const char *text)
{
    size_t  len;

    len = strlen(error->text);

    if (fault == SOCIAL_PQ_FAULT_NETWORK && len != 0
        && (strcmp(text, "timed out") == 0))
    {
        return;
    }

    if (fault > error->fault) {
        error->fault = fault;
    }

    if (strstr(error->text, text) != NULL && len != 0) {
        return;
    }

    snprintf(error->text + len, sizeof(error->text) - len, "%s%s",
             len ? "; " : "", text);
}


/*
 * "... FATAL:  28P01: password authentication failed ..." is noted as "...
 * FATAL: password authentication failed ... (28P01)".
 */

static void
social_pq_note_failed(social_pq_error_t *error, PGconn *conn)
{
    size_t       n;
    char         text[SOCIAL_PQ_ERROR_SIZE], sqlstate[6];
    const char  *message, *p;

    message = PQerrorMessage(conn);
    n = strcspn(message, "\r\n");
    sqlstate[0] = '\0';

    for (p = message; (p = strstr(p, ":  ")) != NULL; p += 3) {

        if (p - message + 10 <= (ptrdiff_t) n && p[8] == ':' && p[9] == ' '
            && strspn(p + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5)
        {
            memcpy(sqlstate, p + 3, 5);
            sqlstate[5] = '\0';
            break;
        }
    }

    if (p != NULL) {
        snprintf(text, sizeof(text), "%.*s %.*s (%s)", (int) (p - message) + 1,
                 message, (int) (n - (size_t) (p - message) - 10), p + 10,
                 sqlstate);

    } else if (n != 0) {
        snprintf(text, sizeof(text), "%.*s", (int) n, message);

    } else {
        snprintf(text, sizeof(text), "it does not answer");
    }

    social_pq_note(error, social_pq_fault_of(sqlstate, message), text);
}


/*
 * (PostgreSQL, Appendix A.)  What libpq says itself has no SQLSTATE.
 */

static social_pq_fault_e
social_pq_fault_of(const char *sqlstate, const char *message)
{
    size_t  i;

    static const struct {
        const char         *begins;
        social_pq_fault_e   fault;
    } states[] = {
        { "28", SOCIAL_PQ_FAULT_LOGIN },
        { "3D", SOCIAL_PQ_FAULT_DATABASE },
        { "42", SOCIAL_PQ_FAULT_RIGHTS },
        { "53", SOCIAL_PQ_FAULT_FULL }
    };

    static const struct {
        const char         *has;
        social_pq_fault_e   fault;
    } texts[] = {
        { "session is ", SOCIAL_PQ_FAULT_READ_ONLY },
        { "server is in hot standby", SOCIAL_PQ_FAULT_READ_ONLY },
        { "server is not in hot standby", SOCIAL_PQ_FAULT_READ_ONLY },
        { "SSL", SOCIAL_PQ_FAULT_TLS },
        { "certificate", SOCIAL_PQ_FAULT_TLS },
        { "no password supplied", SOCIAL_PQ_FAULT_LOGIN },
        { "invalid ", SOCIAL_PQ_FAULT_CONNINFO }
    };

    for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (strncmp(sqlstate, states[i].begins, 2) == 0) {
            return states[i].fault;
        }
    }

    for (i = 0; sqlstate[0] == '\0' && i < sizeof(texts) / sizeof(texts[0]);
         i++)
    {
        if (strstr(message, texts[i].has) != NULL) {
            return texts[i].fault;
        }
    }

    return SOCIAL_PQ_FAULT_NETWORK;
}


const char *
social_pq_remedy(social_pq_fault_e fault)
{
    switch (fault) {

    case SOCIAL_PQ_FAULT_FULL:
        return "lower \"connections\", or raise max_connections of the server";

    case SOCIAL_PQ_FAULT_READ_ONLY:
        return "name the primary, or all hosts that may become it";

    case SOCIAL_PQ_FAULT_DNS:
        return "check the host's name and /etc/resolv.conf";

    case SOCIAL_PQ_FAULT_TLS:
        return "check sslmode, sslrootcert and the server's certificate";

    case SOCIAL_PQ_FAULT_DATABASE:
        return "check dbname, or create the database and apply the migrations";

    case SOCIAL_PQ_FAULT_RIGHTS:
        return "grant the role CONNECT, see 007_roles.sql in conf/sql";

    case SOCIAL_PQ_FAULT_LOGIN:
        return "check user, password or passfile, and the server's pg_hba.conf";

    case SOCIAL_PQ_FAULT_SCHEMA:
        return "apply the migrations in conf/sql";

    case SOCIAL_PQ_FAULT_PASSWORD:
        return "check the credentials";

    case SOCIAL_PQ_FAULT_CONNINFO:
        return "correct the connection string";

    default:
        return "";
    }
}


const char *
social_pq_fault_name(social_pq_fault_e fault)
{
    static const char *const  names[] = {
        [SOCIAL_PQ_FAULT_NONE] = "",
        [SOCIAL_PQ_FAULT_NETWORK] = "network",
        [SOCIAL_PQ_FAULT_READ_ONLY] = "read_only",
        [SOCIAL_PQ_FAULT_FULL] = "full",
        [SOCIAL_PQ_FAULT_DNS] = "dns",
        [SOCIAL_PQ_FAULT_TLS] = "tls",
        [SOCIAL_PQ_FAULT_DATABASE] = "no_database",
        [SOCIAL_PQ_FAULT_RIGHTS] = "rights",
        [SOCIAL_PQ_FAULT_LOGIN] = "login",
        [SOCIAL_PQ_FAULT_SCHEMA] = "schema",
        [SOCIAL_PQ_FAULT_PASSWORD] = "credentials",
        [SOCIAL_PQ_FAULT_CONNINFO] = "conninfo"
    };

    return names[fault];
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
