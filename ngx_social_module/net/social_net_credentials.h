
/*
 * Credentials, from wherever AWS's tools take them: one rule for the gateway
 * and for social-worker.
 */

#ifndef SOCIAL_NET_CREDENTIALS_H
#define SOCIAL_NET_CREDENTIALS_H


#include "social_credentials.h"
#include "social_net_environment.h"
#include "social_net_fetch.h"


/* of a file */
#define SOCIAL_NET_CREDENTIALS_MAX      65536

/* milliseconds, the most that social_net_credentials_fetch() takes */
#define SOCIAL_NET_CREDENTIALS_TIMEOUT  10000


typedef struct {
    social_credentials_t   keys;         /* views of "data" */
    unsigned char         *data;         /* out of cores */
    size_t                 size;
} social_net_credentials_t;


typedef struct social_net_credentials_source_s
    social_net_credentials_source_t;


/*
 * A source, by what a configuration says:
 *
 *     default        the first of those below that is configured: env,
 *                    web_identity, the profile of AWS_PROFILE or [default],
 *                    container, imds
 *     env            AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
 *                    AWS_SESSION_TOKEN; where the first is not set, the profile
 *                    AWS_PROFILE
 *     file PATH      the profile [default] of a credentials file
 *     profile NAME   that profile of the shared files: of
 *                    AWS_SHARED_CREDENTIALS_FILE, or ~/.aws/credentials, and of
 *                    AWS_CONFIG_FILE, or ~/.aws/config; its keys, or its role
 *                    with a web identity
 *     web_identity   the role of AWS_ROLE_ARN, by the token in
 *                    AWS_WEB_IDENTITY_TOKEN_FILE
 *     container      the agent of ECS or EKS, by
 *                    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI
 *     imds           the role of the instance
 *
 * The environment is that of the call.  STS is asked in the region of the
 * environment or the profile, or else in "region", which may be NULL.  The
 * caller owns the source.  NULL: there is no such source, it contradicts the
 * environment, or there is no memory, and "error", of SOCIAL_NET_ERROR_SIZE
 * bytes, says so without anything secret, as everywhere below.
 */
social_net_credentials_source_t *social_net_credentials_create(
    const char *text, const char *region, char *error);
void social_net_credentials_destroy(social_net_credentials_source_t *source);

/*
 * Whether nothing but a restart changes what the source says: keys of the
 * environment.
 */
bool social_net_credentials_is_constant(
    const social_net_credentials_source_t *source);

/*
 * Reads credentials, without a network.  SOCIAL_OK: the caller frees them; with
 * an empty access key they are to be fetched.  SOCIAL_DECLINED: the source
 * cannot be used.
 */
social_rc_e social_net_credentials_read(
    const social_net_credentials_source_t *source,
    social_net_credentials_t *credentials, char *error);

/*
 * Reads or fetches credentials; returns within SOCIAL_NET_CREDENTIALS_TIMEOUT,
 * or as long as a file takes.  It does not change the source, so that several
 * threads may call it.  SOCIAL_OK: the caller frees them, and they have not
 * expired; SOCIAL_DECLINED: there are none now.
 */
social_rc_e social_net_credentials_fetch(
    const social_net_credentials_source_t *source,
    social_net_credentials_t *credentials, char *error);

/*
 * The same out of a cache that the source has for all threads: one of them
 * fetches when it is time, and the others go on with what there is.  The last
 * ones are used until they expire, while newer ones cannot be had.  Files are
 * read every time.
 */
social_rc_e social_net_credentials_get(social_net_credentials_source_t *source,
    social_net_credentials_t *credentials, char *error);

/*
 * Copies keys into memory of their own.  SOCIAL_FAILED: there is none.
 */
social_rc_e social_net_credentials_copy(social_net_credentials_t *to,
    const social_credentials_t *keys);

/*
 * Wipes and frees them.  All zeros is nothing to free.
 */
void social_net_credentials_free(social_net_credentials_t *credentials);


#endif /* SOCIAL_NET_CREDENTIALS_H */
