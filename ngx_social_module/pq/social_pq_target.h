
/*
 * What a connection string means: which hosts, and what is asked of them.
 */

#ifndef SOCIAL_PQ_TARGET_H
#define SOCIAL_PQ_TARGET_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_PQ_MAX_HOSTS  16


typedef struct {
    const char         *host;        /* a name, an address, or the directory of
                                        a socket; "": libpq's own */
    const char         *hostaddr;    /* "": to be looked up */
    const char         *port;
} social_pq_host_t;


/*
 * The strings are zero-terminated, and "" where there is nothing.
 */
typedef struct {
    social_pq_host_t    hosts[SOCIAL_PQ_MAX_HOSTS];
    size_t              n;           /* of hosts, 1 at least */

    const char         *user;
    const char         *session;     /* target_session_attrs; read-write if
                                        nothing was said of several hosts */
    const char         *sslmode;
    const char         *options;     /* of the server's command line */

    void               *owned;       /* by social_pq_target_free() */
} social_pq_target_t;


/*
 * Whether "conninfo" can be read.  Does not say what is wrong with it, since
 * it may contain a password.
 */
bool social_pq_conninfo_valid(const char *conninfo);

/*
 * Reads a connection string as libpq does, with a service file and the
 * environment.  SOCIAL_OK: the caller owns "target".  SOCIAL_DECLINED: "why",
 * of "size" bytes, says what is wrong, in one line, without a value that may be
 * a password; SOCIAL_FAILED: out of memory.
 */
social_rc_e social_pq_target_read(const char *conninfo,
    social_pq_target_t *target, char *why, size_t size);

void social_pq_target_free(social_pq_target_t *target);

/*
 * Whether a host is reached through the file system.
 */
bool social_pq_host_is_local(const social_pq_host_t *host);

/*
 * Whether every connection is made by TCP and encrypted with TLS, or not made.
 */
bool social_pq_target_is_encrypted(const social_pq_target_t *target);


#endif /* SOCIAL_PQ_TARGET_H */
