
/*
 * A source of credentials, for the files of social_net_credentials*.c.
 */

#ifndef SOCIAL_NET_CREDENTIALS_SOURCE_H
#define SOCIAL_NET_CREDENTIALS_SOURCE_H


#include <limits.h>
#include <pthread.h>
#include <stdarg.h>

#include "social_net_credentials.h"


typedef enum {
    SOCIAL_NET_CREDENTIALS_DEFAULT = 0,
    SOCIAL_NET_CREDENTIALS_ENV,
    SOCIAL_NET_CREDENTIALS_FILE,
    SOCIAL_NET_CREDENTIALS_PROFILE,
    SOCIAL_NET_CREDENTIALS_WEB_IDENTITY,
    SOCIAL_NET_CREDENTIALS_CONTAINER,
    SOCIAL_NET_CREDENTIALS_IMDS
} social_net_credentials_kind_e;


struct social_net_credentials_source_s {
    social_net_credentials_kind_e    kind;
    char                            *value;      /* a path, or a profile */
    char                            *region;     /* "": none was given */
    social_net_environment_t         environment;

    /* of social_net_credentials_get() */
    pthread_mutex_t                  mutex;
    pthread_cond_t                   fetched;
    bool                             fetching;
    social_net_credentials_t         last;
    int64_t                          refresh;    /* when to fetch again */
    char                             error[SOCIAL_NET_ERROR_SIZE];
};


/*
 * What is to be done to have credentials.
 */

typedef struct {
    social_net_credentials_kind_e    kind;       /* ENV: "keys" are they */
    social_net_credentials_t         keys;

    /* of WEB_IDENTITY */
    char                             role[2049];
    char                             session[65];
    char                             token_file[PATH_MAX];
    char                             region[64];
} social_net_credentials_plan_t;


/*
 * Makes "default" and "env" the source that it is: decides once, by the
 * environment and the shared files.  SOCIAL_DECLINED: there is none.
 */
social_rc_e social_net_credentials_choose(
    social_net_credentials_source_t *source, char *error);

/*
 * Decides by the environment and files; keys of it are to be freed.
 */
social_rc_e social_net_credentials_plan(
    const social_net_credentials_source_t *source,
    social_net_credentials_plan_t *plan, char *error);

/*
 * Reads a file of at most SOCIAL_NET_CREDENTIALS_MAX bytes into credentials
 * without keys.  SOCIAL_DECLINED: "error" says why; SOCIAL_MALFORMED: there is
 * no such file.
 */
social_rc_e social_net_credentials_load(const char *path,
    social_net_credentials_t *credentials, char *error);

/*
 * Writes to "error"; returns SOCIAL_DECLINED.
 */
social_rc_e social_net_credentials_failed(char *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));


#endif /* SOCIAL_NET_CREDENTIALS_SOURCE_H */
