
/*
 * What a connection string means.
 *
 * DESIGN.  Only libpq knows what the string, the service file and the
 * environment are together, and it says so only of a connection.  So one is
 * begun with a setting that it refuses after it has read all others and before
 * it does anything: then PQconninfo() has them.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libpq-fe.h>

#include "social_pq_target.h"


#define SOCIAL_PQ_PORT  "5432"


static bool social_pq_conninfo_has(const char *conninfo, const char *keyword);
static const char *social_pq_value(PQconninfoOption *options,
    const char *keyword);
static social_rc_e social_pq_target_hosts(social_pq_target_t *target,
    PQconninfoOption *options, char *why, size_t size);
static size_t social_pq_target_split(char *list, const char **items);


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
social_pq_target_read(const char *conninfo, social_pq_target_t *target,
    char *why, size_t size)
{
    PGconn            *conn;
    social_rc_e        rc;
    const char        *message;
    PQconninfoOption  *options;
    const char        *keywords[] = { "dbname", "gssencmode", NULL };
    const char        *values[] = { conninfo, "none of them", NULL };

    memset(target, 0, sizeof(social_pq_target_t));

    conn = PQconnectStartParams(keywords, values, 1);

    if (conn == NULL) {
        return SOCIAL_FAILED;
    }

    message = PQerrorMessage(conn);

    if (strstr(message, "gssencmode") == NULL) {

        /* it did not come to that */

        snprintf(why, size, "%.*s", (int) strcspn(message, "\r\n"), message);
        PQfinish(conn);
        return SOCIAL_DECLINED;
    }

    options = PQconninfo(conn);

    PQfinish(conn);

    if (options == NULL) {
        return SOCIAL_FAILED;
    }

    target->owned = options;
    target->user = social_pq_value(options, "user");
    target->session = social_pq_value(options, "target_session_attrs");
    target->sslmode = social_pq_value(options, "sslmode");
    target->options = social_pq_value(options, "options");

    rc = social_pq_target_hosts(target, options, why, size);

    if (rc != SOCIAL_OK) {
        social_pq_target_free(target);
        return rc;
    }

    /* "any" is also what libpq says where nothing was said */

    if (target->n > 1 && strcmp(target->session, "any") == 0
        && !social_pq_conninfo_has(conninfo, "target_session_attrs")
        && getenv("PGTARGETSESSIONATTRS") == NULL)
    {
        target->session = "read-write";
    }

    return SOCIAL_OK;
}


void
social_pq_target_free(social_pq_target_t *target)
{
    PQconninfoFree(target->owned);
    target->owned = NULL;
}


static bool
social_pq_conninfo_has(const char *conninfo, const char *keyword)
{
    bool               has;
    PQconninfoOption  *options;

    options = PQconninfoParse(conninfo, NULL);

    if (options == NULL) {
        return false;
    }

    has = social_pq_value(options, keyword)[0] != '\0';

    PQconninfoFree(options);

    return has;
}


static const char *
social_pq_value(PQconninfoOption *options, const char *keyword)
{
    PQconninfoOption  *option;

    for (option = options; option->keyword != NULL; option++) {
        if (strcmp(option->keyword, keyword) == 0 && option->val != NULL) {
            return option->val;
        }
    }

    return "";
}


/*
 * Lists with commas, one item for each host; a single port is for all of them.
 * The commas of the options' own strings become their ends.
 */

static social_rc_e
social_pq_target_hosts(social_pq_target_t *target, PQconninfoOption *options,
    char *why, size_t size)
{
    size_t       i, hosts, addresses, ports;
    const char  *host[SOCIAL_PQ_MAX_HOSTS + 1];
    const char  *address[SOCIAL_PQ_MAX_HOSTS + 1];
    const char  *port[SOCIAL_PQ_MAX_HOSTS + 1];

    hosts = social_pq_target_split((char *) social_pq_value(options, "host"),
                                   host);
    addresses = social_pq_target_split((char *) social_pq_value(options,
                                                                "hostaddr"),
                                       address);
    ports = social_pq_target_split((char *) social_pq_value(options, "port"),
                                   port);

    target->n = hosts > addresses ? hosts : addresses;

    if (target->n > SOCIAL_PQ_MAX_HOSTS) {
        snprintf(why, size, "more than %d hosts", SOCIAL_PQ_MAX_HOSTS);
        return SOCIAL_DECLINED;
    }

    if (target->n == 0) {
        target->n = 1;
    }

    for (i = 0; i < target->n; i++) {

        target->hosts[i].host = i < hosts ? host[i] : "";
        target->hosts[i].hostaddr = i < addresses ? address[i] : "";
        target->hosts[i].port = ports == 0 ? "" : port[ports == 1 ? 0 : i];

        if (target->hosts[i].port[0] == '\0') {
            target->hosts[i].port = SOCIAL_PQ_PORT;
        }

        if (target->n > 1 && target->hosts[i].host[0] == '\0'
            && target->hosts[i].hostaddr[0] == '\0')
        {
            snprintf(why, size, "an empty host among several");
            return SOCIAL_DECLINED;
        }
    }

    return SOCIAL_OK;
}


/*
 * One more than SOCIAL_PQ_MAX_HOSTS at most.
 */

static size_t
social_pq_target_split(char *list, const char **items)
{
    size_t   n;
    char    *p;

    n = 0;

    for (p = list[0] != '\0' ? list : NULL;
         p != NULL && n <= SOCIAL_PQ_MAX_HOSTS;
         n++)
    {
        items[n] = p;
        p = strchr(p, ',');

        if (p != NULL) {
            *p++ = '\0';
        }
    }

    return n;
}


bool
social_pq_host_is_local(const social_pq_host_t *host)
{
    return host->hostaddr[0] == '\0'
           && (host->host[0] == '\0' || host->host[0] == '/'
               || host->host[0] == '@');
}


bool
social_pq_target_is_encrypted(const social_pq_target_t *target)
{
    size_t  i;

    for (i = 0; i < target->n; i++) {
        if (social_pq_host_is_local(&target->hosts[i])) {
            return false;
        }
    }

    return strcmp(target->sslmode, "require") == 0
           || strcmp(target->sslmode, "verify-ca") == 0
           || strcmp(target->sslmode, "verify-full") == 0;
}
